"""The Microsoft identity platform for a public client: discovery, sign-in page, device code and token endpoint.

Pages are plain HTML forms, sent urlencoded by POST. The sign-in page posts to
``/{tenant}/oauth2/v2.0/authorize/consent`` with

- ``request``: hidden, the id of this authorization request;
- ``email``: radio buttons, the account chosen (the one of ``login_hint``, else the first, is checked);
- ``scope``: hidden, repeated: Microsoft's consent is all or nothing, so what is sent back here is not looked at;
- ``decision``: buttons, ``allow`` or ``deny``.

With ``response_mode=form_post`` the answer is a page (status 200) with one form of hidden fields (``code``, ``state``,
``client_info``, ``session_state``, or ``error``, ``error_description``, ``state``); its action is the redirect address,
it submits itself where scripts run. With ``query`` or ``fragment`` it is a 302. The device page is
``/common/oauth2/deviceauth``: a form with ``user_code``, then the same fields with the request id of that device.

The discovery document and the texts name https://login.microsoftonline.com, as msal takes nothing but https; a client's
``http_client`` turns the wire. id_tokens are signed with a secret of the sandbox (HS256) and no key is published: msal
takes them from the token endpoint without looking at the signature.

Reference: "OAuth 2.0 authorization code flow", "device authorization grant", "error codes" of the identity platform.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.sandbox.microsoft.tokens import CODE_LIFETIME, DEVICE_LIFETIME, REFRESH_LIFETIME, Grant, Tokens
from app.sandbox.middleware import base_url
from app.sandbox.world import Account, World

CLIENT_ID: Final = "6b616c65-6e64-4573-9a6e-646f78617070"
AUTHORITY: Final = "https://login.microsoftonline.com"
CONSUMERS: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"
ACCESS_LIFETIME: Final = timedelta(seconds=3599)

RESOURCE_SCOPES: Final = (
    "Calendars.Read",
    "Calendars.ReadBasic",
    "Calendars.ReadWrite",
    "Calendars.Read.Shared",
    "Calendars.ReadWrite.Shared",
    "Mail.Read",
    "Mail.ReadBasic",
    "MailboxSettings.Read",
    "User.Read",
)
_IDENTITY_SCOPES: Final = ("openid", "profile", "email", "offline_access")
_KNOWN: Final = {name.lower(): name for name in (*RESOURCE_SCOPES, *_IDENTITY_SCOPES)}
_RESOURCE: Final = "https://graph.microsoft.com/"
_PERSONAL_DOMAINS: Final = ("outlook.com", "hotmail.com", "live.com", "msn.com")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 sans-serif;max-width:32em;margin:3em auto;padding:0 1em}}
fieldset{{border:1px solid #ccc;margin:1em 0}}label{{display:block;padding:.3em 0}}
button{{font:inherit;padding:.5em 1.5em;margin-right:1em}}.note{{color:#666}}</style></head>
<body><p class="note">Sandbox: made-up accounts on this computer. This is not Microsoft.</p>{body}</body></html>"""


class OAuthError(Exception):
    """A refusal of the token endpoint or the sign-in page, with its AADSTS number."""

    def __init__(self, error: str, code: int, message: str, suberror: str | None = None) -> None:
        super().__init__(f"AADSTS{code}: {message}")
        self.error = error
        self.code = code
        self.suberror = suberror


def tenant_of(account: Account) -> str:
    """The tenant id of an account: the consumers' one for a personal address, else one for each domain."""
    domain = account.email.rpartition("@")[2].lower()
    return CONSUMERS if domain in _PERSONAL_DOMAINS else str(uuid.uuid5(uuid.NAMESPACE_DNS, domain))


class Entra:
    """The HTTP side of sign-in. State lives in ``Tokens``."""

    def __init__(self, world: World, tokens: Tokens) -> None:
        self._world = world
        self._tokens = tokens
        secret = world.storage.get("microsoft.secrets", "id_token") or {"key": world.secret()}
        world.storage.put("microsoft.secrets", "id_token", secret)
        self._signing_key: str = secret["key"]

    def routes(self) -> list[Route]:
        """Routes with the identity platform's paths."""
        return [
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._discovery, methods=["GET"]),
            Route("/{tenant}/discovery/v2.0/keys", self._keys, methods=["GET"]),
            Route("/{tenant}/oauth2/v2.0/authorize", self._authorize, methods=["GET"]),
            Route("/{tenant}/oauth2/v2.0/authorize/consent", self._consent, methods=["POST"]),
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
            Route("/{tenant}/oauth2/v2.0/devicecode", self._device_code, methods=["POST"]),
            Route("/{tenant}/oauth2/deviceauth", self._device_page, methods=["GET", "POST"]),
        ]

    # Discovery

    async def _discovery(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        known = {tenant_of(account) for account in self._accounts("common")} | {"common", "organizations", "consumers"}
        if tenant.lower() not in known | {CONSUMERS}:
            refusal = OAuthError("invalid_tenant", 90002, f"Tenant '{tenant}' not found.")
            return self._error_json(refusal, 400)
        issuer = {"common": "{tenantid}", "organizations": "{tenantid}", "consumers": CONSUMERS}.get(
            tenant.lower(), tenant
        )
        at = f"{AUTHORITY}/{tenant}"
        return JSONResponse(
            {
                "token_endpoint": f"{at}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "jwks_uri": f"{at}/discovery/v2.0/keys",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["HS256"],
                "response_types_supported": ["code"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "issuer": f"{AUTHORITY}/{issuer}/v2.0",
                "request_uri_parameter_supported": False,
                "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
                "authorization_endpoint": f"{at}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{at}/oauth2/v2.0/devicecode",
                "end_session_endpoint": f"{at}/oauth2/v2.0/logout",
                "tenant_region_scope": None,
                "cloud_instance_name": "microsoftonline.com",
                "cloud_graph_host_name": "graph.windows.net",
                "msgraph_host": "graph.microsoft.com",
            }
        )

    async def _keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": []})

    # Sign-in page

    async def _authorize(self, request: Request) -> Response:
        query = request.query_params
        try:
            redirect_uri = self._redirect_uri(query)
        except OAuthError as refusal:
            return self._error_page(refusal)
        mode, state = query.get("response_mode", "query"), query.get("state")
        if mode not in ("query", "fragment", "form_post"):
            return self._error_page(
                OAuthError("invalid_request", 90014, f"The response_mode '{mode}' is not supported.")
            )
        try:
            scopes = self._scopes(query.get("scope", ""))
            if query.get("response_type") != "code":
                raise OAuthError("unsupported_response_type", 700051, "response_type must be 'code' for this client.")
            challenge, method = query.get("code_challenge"), query.get("code_challenge_method", "plain")
            if method not in ("S256", "plain") or (challenge is not None and not _VERIFIER.fullmatch(challenge)):
                raise OAuthError("invalid_request", 501491, "The code challenge is not valid.")
            if "none" in query.get("prompt", "").split():
                raise OAuthError(
                    "interaction_required", 50058, "A silent sign-in request was sent but no user is signed in."
                )
        except OAuthError as refusal:
            return _answer(redirect_uri, mode, self._error_fields(refusal, state))
        pending = self._tokens.issue(
            "request",
            "",
            scopes,
            CODE_LIFETIME,
            redirect_uri=redirect_uri,
            response_mode=mode,
            state=state,
            nonce=query.get("nonce"),
            challenge=challenge,
            challenge_method=method,
            client_info=query.get("client_info") == "1",
            tenant=request.path_params["tenant"].lower(),
        )
        return self._consent_page(pending, query.get("login_hint", ""))

    def _redirect_uri(self, query: Mapping[str, str]) -> str:
        client = query.get("client_id", "")
        if client != CLIENT_ID:
            raise OAuthError(
                "unauthorized_client", 700016, f"Application with identifier '{client}' was not found in the directory."
            )
        address = query.get("redirect_uri", "")
        parts = urlsplit(address)
        if (parts.scheme, parts.hostname) != ("http", "localhost") or parts.path not in ("", "/") or parts.query:
            raise OAuthError(
                "invalid_request",
                50011,
                f"The redirect URI '{address}' specified in the request does not match the redirect URIs configured "
                f"for the application '{client}'.",
            )
        return address

    def _consent_page(self, pending: Grant, hint: str) -> Response:
        tenant = str(pending.details["tenant"])
        accounts = self._accounts(tenant)
        if not accounts:
            return self._error_page(
                OAuthError("invalid_request", 50020, f"The sandbox has no Microsoft account for tenant '{tenant}'.")
            )
        hinted = next((one for one in accounts if one.email.lower() == hint.lower()), accounts[0])
        chooser = "".join(
            f'<label><input type="radio" name="email" value="{html.escape(one.email)}"'
            f"{' checked' if one is hinted else ''}> {html.escape(one.display_name)} ({html.escape(one.email)})</label>"
            for one in accounts
        )
        wanted = "".join(
            f'<li>{html.escape(scope)}<input type="hidden" name="scope" value="{html.escape(scope)}"></li>'
            for scope in pending.scopes
        )
        body = (
            "<h1>Permissions requested</h1>"
            f'<form method="post" action="/{html.escape(tenant)}/oauth2/v2.0/authorize/consent">'
            f'<input type="hidden" name="request" value="{html.escape(pending.id)}">'
            f"<fieldset><legend>Pick an account</legend>{chooser}</fieldset>"
            f"<p>Kalends would like to:</p><ul>{wanted}</ul>"
            '<button type="submit" name="decision" value="allow">Accept</button>'
            '<button type="submit" name="decision" value="deny">Cancel</button></form>'
        )
        return HTMLResponse(_PAGE.format(title="Sign in (sandbox)", body=body), headers={"Cache-Control": "no-store"})

    async def _consent(self, request: Request) -> Response:
        form = await _form(request)
        pending = self._tokens.find("request", form.get("request", "")) or self._tokens.find(
            "device", form.get("request", "")
        )
        if pending is None or self._tokens.is_expired(pending):
            return self._error_page(
                OAuthError("invalid_request", 90014, "This sign-in request is not known or too old.")
            )
        if form.get("decision") == "deny":
            return self._decide(pending, None)
        accounts = self._accounts(str(pending.details["tenant"]))
        account = next((one for one in accounts if one.email.lower() == form.get("email", "").lower()), None)
        if form.get("decision") != "allow" or account is None:
            return self._error_page(OAuthError("invalid_request", 90014, "Choose an account, and accept or cancel."))
        return self._decide(pending, account)

    def _decide(self, pending: Grant, account: Account | None) -> Response:
        details = pending.details
        if account is not None:
            self._tokens.consent(account.email, pending.scopes)
        if pending.kind == "device":
            self._tokens.update(
                pending, email=account.email if account else "", decision="allow" if account else "deny"
            )
            return HTMLResponse(_PAGE.format(title="Done", body="<p>You can close this window now.</p>"))
        self._tokens.drop(pending)
        address, mode, state = str(details["redirect_uri"]), str(details["response_mode"]), details["state"]
        if account is None:
            declined = OAuthError("access_denied", 65004, "User declined to consent to access the app.")
            return _answer(address, mode, self._error_fields(declined, state))
        code = self._tokens.issue("code", account.email, pending.scopes, CODE_LIFETIME, "M.C5.", used=False, **details)
        fields = {"code": code.id}
        if details["client_info"]:
            fields["client_info"] = _client_info(account)
        if state is not None:
            fields["state"] = state
        return _answer(address, mode, {**fields, "session_state": str(uuid.uuid5(uuid.NAMESPACE_OID, code.id))})

    # Device code (RFC 8628)

    async def _device_code(self, request: Request) -> Response:
        form = await _form(request)
        try:
            self._check_client(form)
            scopes = self._scopes(form.get("scope", ""))
        except OAuthError as refusal:
            return self._error_json(refusal, 400)
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

    async def _device_page(self, request: Request) -> Response:
        form = await _form(request) if request.method == "POST" else {}
        if "user_code" not in form:
            body = (
                '<h1>Enter code</h1><form method="post" action="/common/oauth2/deviceauth">'
                '<label>Code <input name="user_code"></label><button type="submit">Next</button></form>'
            )
            return HTMLResponse(_PAGE.format(title="Enter code", body=body))
        grant = self._tokens.device_by_user_code(form["user_code"])
        if grant is None or self._tokens.is_expired(grant):
            return self._error_page(
                OAuthError("bad_verification_code", 70020, "The code you entered is not known or expired.")
            )
        return self._consent_page(grant, "")

    # Token endpoint

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        try:
            self._check_client(form)
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
            return self._error_json(refusal, 401 if refusal.error == "invalid_client" else 400)
        return JSONResponse(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _check_client(self, form: Mapping[str, str]) -> None:
        client = form.get("client_id", "")
        if not client:
            raise OAuthError(
                "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'."
            )
        if client != CLIENT_ID:
            raise OAuthError(
                "unauthorized_client", 700016, f"Application with identifier '{client}' was not found in the directory."
            )
        if "client_secret" in form or "client_assertion" in form:
            raise OAuthError(
                "invalid_client",
                700025,
                "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
            )

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
        account = self._account(code)
        return self._answer_tokens(account, code.scopes, code.details, "client_info" in form)

    def _check_pkce(self, code: Grant, verifier: str | None) -> None:
        challenge = code.details["challenge"]
        if challenge is None:
            if verifier is not None:
                raise OAuthError(
                    "invalid_grant", 501481, "A code_verifier was sent for a request without code_challenge."
                )
            return
        if verifier is None or not _VERIFIER.fullmatch(verifier):
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
        account = self._account(grant)
        scopes = self._scopes(form["scope"]) if form.get("scope") else grant.scopes
        if not set(scopes) <= set(grant.scopes) | self._tokens.consented(account.email):
            raise OAuthError(
                "invalid_grant",
                65001,
                f"The user or administrator has not consented to use the application with ID '{CLIENT_ID}'.",
                "consent_required",
            )
        # Each use gives a new refresh token; the one used is not revoked at once.
        scopes = tuple(dict.fromkeys((*scopes, "offline_access")))
        return self._answer_tokens(account, scopes, {"nonce": None}, "client_info" in form)

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
            if last is not None and now - last < interval - 1:
                self._tokens.update(grant, polled_at=now, interval=interval + 5)
                raise OAuthError("slow_down", 70016, "The client polls too often.")
            self._tokens.update(grant, polled_at=now)
            raise OAuthError("authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending.")
        self._tokens.drop(grant)
        return self._answer_tokens(self._account(grant), grant.scopes, grant.details, "client_info" in form)

    def issue(self, account: Account, scopes: tuple[str, ...], lifetime: timedelta) -> dict[str, Any]:
        """Access and refresh token of an account, without any page.

        Returns:
            ``access_token``, ``refresh_token`` (with ``offline_access`` only), ``expires_in`` in seconds.
        """
        access = self._tokens.issue("access", account.email, scopes, lifetime, "EwB")
        answer: dict[str, Any] = {"access_token": access.id, "expires_in": int(lifetime.total_seconds())}
        if "offline_access" in scopes:
            answer["refresh_token"] = self._tokens.issue(
                "refresh", account.email, scopes, REFRESH_LIFETIME, "M.C5_BAY.0.U.-"
            ).id
        return answer

    def all_scopes(self) -> tuple[str, ...]:
        """Every scope there is here."""
        return tuple(_KNOWN.values())

    def _answer_tokens(
        self, account: Account, scopes: tuple[str, ...], details: Mapping[str, Any], with_client_info: bool
    ) -> dict[str, Any]:
        issued = self.issue(account, scopes, ACCESS_LIFETIME)
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": " ".join(scope for scope in scopes if scope != "offline_access"),
            "ext_expires_in": issued["expires_in"],
            **issued,
        }
        if "openid" in scopes:
            answer["id_token"] = self._id_token(account, details.get("nonce"))
        if with_client_info:
            answer["client_info"] = _client_info(account)
        return answer

    def _id_token(self, account: Account, nonce: str | None) -> str:
        now = int(self._world.clock.now().timestamp())
        tenant = tenant_of(account)
        claims = {
            "aud": CLIENT_ID,
            "iss": f"{AUTHORITY}/{tenant}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "name": account.display_name,
            "oid": object_id(account),
            "preferred_username": account.email,
            "sub": account.subject,
            "tid": tenant,
            "ver": "2.0",
        }
        if nonce is not None:
            claims["nonce"] = nonce
        return jwt.encode(claims, self._signing_key, algorithm="HS256")

    # Shared pieces

    def _accounts(self, tenant: str) -> list[Account]:
        own = [account for account in self._world.accounts.values() if account.provider == "microsoft"]
        if tenant == "common":
            return own
        if tenant == "organizations":
            return [account for account in own if tenant_of(account) != CONSUMERS]
        wanted = CONSUMERS if tenant == "consumers" else tenant
        return [account for account in own if tenant_of(account) == wanted]

    def _account(self, grant: Grant) -> Account:
        account = self._world.account(grant.email)
        if account is None:
            raise OAuthError("invalid_grant", 50034, "The user account does not exist in the directory.", "bad_token")
        return account

    def _scopes(self, text: str) -> tuple[str, ...]:
        names: list[str] = []
        for word in text.split():
            short = word[len(_RESOURCE) :] if word.lower().startswith(_RESOURCE) else word
            if short.lower() not in _KNOWN:
                raise OAuthError(
                    "invalid_scope",
                    70011,
                    f"The provided request must include a valid 'scope'. The scope {word} is not valid.",
                )
            names.append(_KNOWN[short.lower()])
        if not names:
            raise OAuthError(
                "invalid_request", 900144, "The request body must contain the following parameter: 'scope'."
            )
        return tuple(dict.fromkeys(names))

    def _support(self, refusal: OAuthError) -> dict[str, str]:
        now = self._world.clock.now()
        trace, correlation = (str(uuid.UUID(int=self._world.random.getrandbits(128))) for _ in range(2))
        stamp = f"{now:%Y-%m-%d %H:%M:%SZ}"
        description = f"{refusal}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {stamp}"
        return {"error_description": description, "timestamp": stamp, "trace_id": trace, "correlation_id": correlation}

    def _error_fields(self, refusal: OAuthError, state: str | None) -> dict[str, str]:
        fields = {"error": refusal.error, "error_description": self._support(refusal)["error_description"]}
        return fields if state is None else {**fields, "state": state}

    def _error_json(self, refusal: OAuthError, status: int) -> Response:
        body: dict[str, Any] = {"error": refusal.error, **self._support(refusal), "error_codes": [refusal.code]}
        body["error_uri"] = f"{AUTHORITY}/error?code={refusal.code}"
        if refusal.suberror:
            body["suberror"] = refusal.suberror
        return JSONResponse(body, status_code=status, headers={"Cache-Control": "no-store"})

    def _error_page(self, refusal: OAuthError) -> Response:
        text = html.escape(self._support(refusal)["error_description"]).replace("\r\n", "<br>")
        body = f"<h1>Sorry, but we’re having trouble signing you in.</h1><p>{text}</p>"
        return HTMLResponse(_PAGE.format(title="Sign in error", body=body), status_code=400)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def object_id(account: Account) -> str:
    """The id of the person in the directory (`oid`), as id_tokens and `/me` name it."""
    digest = uuid.uuid5(uuid.NAMESPACE_URL, f"microsoft:{account.subject}")
    if tenant_of(account) != CONSUMERS:
        return str(digest)
    return f"00000000-0000-0000-{digest.hex[:4]}-{digest.hex[4:16]}"


def _client_info(account: Account) -> str:
    value = json.dumps({"uid": object_id(account), "utid": tenant_of(account)}, separators=(",", ":"))
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def _answer(address: str, mode: str, fields: Mapping[str, str]) -> Response:
    if mode == "form_post":
        inputs = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in fields.items()
        )
        body = (
            f'<form method="post" action="{html.escape(address)}">{inputs}'
            '<noscript><button type="submit">Continue</button></noscript></form>'
            "<script>document.forms[0].submit()</script>"
        )
        return HTMLResponse(_PAGE.format(title="Working…", body=body), headers={"Cache-Control": "no-store"})
    separator = "#" if mode == "fragment" else "?"
    return RedirectResponse(f"{address}{separator}{urlencode(fields)}", status_code=302)
