"""The token endpoint: codes, refresh tokens and device codes become access tokens (RFC 6749, RFC 7636, RFC 8628).

Refresh tokens rotate: each use gives a new one, and the one used goes on for a while. id_tokens are signed with a
secret of the sandbox (HS256) and no key is published: msal takes them from this endpoint without looking at it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox.microsoft.identity import (
    ACCESS_LIFETIME,
    AUTHORITY,
    CLIENT_ID,
    VERIFIER,
    Directory,
    client_info,
    object_id,
    read_form,
    tenant_of,
)
from app.sandbox.microsoft.policy import Demand, OAuthError, demand, refusal
from app.sandbox.microsoft.tokens import DEVICE_LIFETIME, REFRESH_LIFETIME, Grant, Tokens
from app.sandbox.middleware import base_url
from app.sandbox.world import Account, World

_DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


class TokenEndpoint:
    """What clients ask for without a browser. State lives in ``Tokens``.

    Args:
        world: clock and storage.
        tokens: codes and tokens handed out.
        directory: accounts and scopes.
    """

    def __init__(self, world: World, tokens: Tokens, directory: Directory) -> None:
        self._world = world
        self._tokens = tokens
        self._directory = directory
        secret = world.storage.get("microsoft.secrets", "id_token") or {"key": world.secret()}
        world.storage.put("microsoft.secrets", "id_token", secret)
        self._signing_key: str = secret["key"]

    def routes(self) -> list[Route]:
        """Routes with the identity platform's paths."""
        return [
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
            Route("/{tenant}/oauth2/v2.0/devicecode", self._device_code, methods=["POST"]),
        ]

    async def _device_code(self, request: Request) -> Response:
        form = await read_form(request)
        try:
            self._directory.check_client(form)
            scopes = self._directory.scopes(form.get("scope", ""))
        except OAuthError as refusal:
            return self._directory.error_json(refusal, 400)
        user_code = self._world.new_id(9, "BCDFGHJKLMNPQRSTVWXZ23456789")
        interval = 5
        grant = self._tokens.issue(
            "device",
            "",
            scopes,
            DEVICE_LIFETIME,
            user_code=user_code,
            decision="",
            interval=interval,
            polled_at=None,
            tenant=request.path_params["tenant"].lower(),
            nonce=None,
            client_info=True,
        )
        page = f"{base_url(request.scope)}/common/oauth2/deviceauth"
        return JSONResponse(
            {
                "user_code": user_code,
                "device_code": grant.id,
                "verification_uri": page,
                "expires_in": int(DEVICE_LIFETIME.total_seconds()),
                "interval": interval,
                "message": f"To sign in, use a web browser to open the page {page} and enter the code {user_code} to "
                "authenticate.",
            }
        )

    async def _token(self, request: Request) -> Response:
        form = await read_form(request)
        try:
            self._directory.check_client(form)
            # What is malformed is refused before it can use up a code.
            demand(form.get("claims"))
            kind = form.get("grant_type", "")
            if kind == "authorization_code":
                answer = self._redeem(form)
            elif kind == "refresh_token":
                answer = self._refresh(form)
            elif kind == _DEVICE_GRANT:
                answer = self._poll(form)
            else:
                raise OAuthError(
                    "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{kind}'."
                )
        except OAuthError as refusal:
            return self._directory.error_json(refusal, 401 if refusal.error == "invalid_client" else 400)
        return JSONResponse(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _redeem(self, form: Mapping[str, str]) -> dict[str, Any]:
        code = self._tokens.find("code", form.get("code", ""))
        if code is None:
            raise OAuthError("invalid_grant", 70000, "The provided value for the 'code' parameter is not valid.")
        if code.details["used"]:
            raise OAuthError("invalid_grant", 54005, "OAuth2 Authorization code was already redeemed.")
        if self._tokens.is_expired(code):
            raise OAuthError("invalid_grant", 70008, "The provided authorization code has expired.")
        if form.get("redirect_uri") != code.details["redirect_uri"]:
            raise OAuthError(
                "invalid_grant", 500112, "The reply address does not match the one of the authorization request."
            )
        self._check_pkce(code, form.get("code_verifier"))
        self._tokens.update(code, used=True)
        account = self._directory.account(code)
        return self._answer_tokens(account, code.scopes, code.details, form)

    def _check_pkce(self, code: Grant, verifier: str | None) -> None:
        challenge = code.details["challenge"]
        if challenge is None:
            if verifier is not None:
                raise OAuthError(
                    "invalid_grant", 501481, "A code_verifier was sent for a request without code_challenge."
                )
            return
        if verifier is None or not VERIFIER.fullmatch(verifier):
            raise OAuthError("invalid_grant", 501481, "The Code_Verifier is missing or malformed.")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if challenge != (digest if code.details["challenge_method"] == "S256" else verifier):
            raise OAuthError(
                "invalid_grant",
                501481,
                "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
            )

    def _refresh(self, form: Mapping[str, str]) -> dict[str, Any]:
        grant = self._tokens.find("refresh", form.get("refresh_token", ""))
        if grant is None:
            raise OAuthError(
                "invalid_grant",
                70000,
                "The provided value for the 'refresh_token' parameter is not valid.",
                "bad_token",
            )
        if self._tokens.void_reason(grant):
            issued = f"{grant.issued_at:%Y-%m-%dT%H:%M:%SZ}"
            valid_from = f"{self._tokens.valid_from(grant):%Y-%m-%dT%H:%M:%SZ}"
            raise OAuthError(
                "invalid_grant",
                50173,
                "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might "
                f"have changed or reset their password. The grant was issued on '{issued}' and the TokensValidFrom "
                f"date (before which tokens are not valid) for this user is '{valid_from}'.",
                "bad_token",
            )
        if self._tokens.is_expired(grant):
            raise OAuthError(
                "invalid_grant",
                700082,
                "The refresh token has expired due to inactivity. The token was issued on "
                f"{grant.issued_at:%Y-%m-%dT%H:%M:%SZ} and was inactive for 90.00:00:00.",
                "bad_token",
            )
        number = int(self._world.behaviour["microsoft.refresh_refusal"])
        if number:
            raise refusal(number)
        account = self._directory.account(grant)
        scopes = self._directory.scopes(form["scope"]) if form.get("scope") else grant.scopes
        if not set(scopes) <= set(grant.scopes) | self._tokens.consented(account.email):
            raise OAuthError(
                "invalid_grant",
                65001,
                f"The user or administrator has not consented to use the application with ID '{CLIENT_ID}'.",
                "consent_required",
            )
        # Each use gives a new refresh token; the one used is not revoked at once.
        scopes = tuple(dict.fromkeys((*scopes, "offline_access")))
        return self._answer_tokens(account, scopes, {"nonce": None}, form)

    def _poll(self, form: Mapping[str, str]) -> dict[str, Any]:
        grant = self._tokens.find("device", form.get("device_code") or form.get("code", ""))
        if grant is None:
            raise OAuthError("bad_verification_code", 70018, "The device code is not valid.")
        if self._tokens.is_expired(grant):
            raise OAuthError("expired_token", 70019, "The device code has expired.")
        if grant.details["decision"] == "deny":
            raise OAuthError("authorization_declined", 70017, "The user denied the authorization request.")
        if grant.details["decision"] != "allow":
            now, last = self._world.clock.now().timestamp(), grant.details["polled_at"]
            interval = grant.details["interval"]
            if last is not None and now - last < interval:
                self._tokens.update(grant, polled_at=now, interval=interval + 5)
                raise OAuthError("slow_down", 70016, "The client polls too often.")
            self._tokens.update(grant, polled_at=now)
            raise OAuthError("authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending.")
        self._tokens.drop(grant)
        return self._answer_tokens(self._directory.account(grant), grant.scopes, grant.details, form)

    def issue(
        self, account: Account, scopes: tuple[str, ...], lifetime: timedelta, wanted: Demand | None = None
    ) -> dict[str, Any]:
        """Access and refresh token of an account, without any page.

        Args:
            wanted: what the client asked for in ``claims``.

        Returns:
            ``access_token``, ``refresh_token`` (with ``offline_access`` only), ``expires_in`` in seconds.
        """
        details = {"cae": wanted.cae, "not_before": wanted.not_before} if wanted is not None else {}
        access = self._tokens.issue("access", account.email, scopes, lifetime, "EwB", **details)
        answer: dict[str, Any] = {"access_token": access.id, "expires_in": int(lifetime.total_seconds())}
        if "offline_access" in scopes:
            answer["refresh_token"] = self._tokens.issue(
                "refresh", account.email, scopes, REFRESH_LIFETIME, "M.C5_BAY.0.U.-"
            ).id
        return answer

    def _answer_tokens(
        self, account: Account, scopes: tuple[str, ...], details: Mapping[str, Any], form: Mapping[str, str]
    ) -> dict[str, Any]:
        issued = self.issue(account, scopes, ACCESS_LIFETIME, demand(form.get("claims")))
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": " ".join(scope for scope in scopes if scope != "offline_access"),
            "ext_expires_in": issued["expires_in"],
            **issued,
        }
        if "openid" in scopes:
            answer["id_token"] = self._id_token(account, details.get("nonce"), scopes)
        if form.get("client_info") == "1":
            answer["client_info"] = client_info(account)
        return answer

    def _id_token(self, account: Account, nonce: str | None, scopes: tuple[str, ...]) -> str:
        now = int(self._world.clock.now().timestamp())
        tenant = tenant_of(account)
        claims: dict[str, Any] = {
            "aud": CLIENT_ID,
            "iss": f"{AUTHORITY}/{tenant}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "sub": account.subject,
            "tid": tenant,
            "ver": "2.0",
        }
        if "profile" in scopes:
            claims |= {
                "name": account.display_name,
                "oid": object_id(account),
                "preferred_username": account.email,
            }
        if "email" in scopes:
            claims["email"] = account.email
        if nonce is not None:
            claims["nonce"] = nonce
        return jwt.encode(claims, self._signing_key, algorithm="HS256")
