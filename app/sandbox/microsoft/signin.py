"""The pages of the Microsoft identity platform: discovery, sign-in and consent, and the page for device codes.

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
``http_client`` turns the wire.

Reference: "OAuth 2.0 authorization code flow", "device authorization grant", "error codes" of the identity platform.
"""

from __future__ import annotations

import html
import uuid
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.sandbox.microsoft.identity import (
    AUTHORITY,
    CLIENT_ID,
    CONSUMERS,
    VERIFIER,
    Directory,
    client_info,
    read_form,
    tenant_of,
)
from app.sandbox.microsoft.policy import OAuthError, admin_needed, demand
from app.sandbox.microsoft.tokens import CODE_LIFETIME, Grant, Tokens
from app.sandbox.world import Account

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 sans-serif;max-width:32em;margin:3em auto;padding:0 1em}}
fieldset{{border:1px solid #ccc;margin:1em 0}}label{{display:block;padding:.3em 0}}
button{{font:inherit;padding:.5em 1.5em;margin-right:1em}}.note{{color:#666}}</style></head>
<body><p class="note">Sandbox: made-up accounts on this computer. This is not Microsoft.</p>{body}</body></html>"""


class SignIn:
    """What a browser sees. State lives in ``Tokens``.

    Args:
        tokens: pending requests, codes, consents.
        directory: accounts and scopes.
    """

    def __init__(self, tokens: Tokens, directory: Directory) -> None:
        self._tokens = tokens
        self._directory = directory

    def routes(self) -> list[Route]:
        """Routes with the identity platform's paths."""
        return [
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._discovery, methods=["GET"]),
            Route("/{tenant}/discovery/v2.0/keys", self._keys, methods=["GET"]),
            Route("/{tenant}/oauth2/v2.0/authorize", self._authorize, methods=["GET"]),
            Route("/{tenant}/oauth2/v2.0/authorize/consent", self._consent, methods=["POST"]),
            Route("/{tenant}/oauth2/deviceauth", self._device_page, methods=["GET", "POST"]),
        ]

    # Discovery

    async def _discovery(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        known = {tenant_of(account) for account in self._directory.accounts("common")} | {
            "common",
            "organizations",
            "consumers",
        }
        if tenant.lower() not in known | {CONSUMERS}:
            refusal = OAuthError("invalid_tenant", 90002, f"Tenant '{tenant}' not found.")
            return self._directory.error_json(refusal, 400)
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
            scopes = self._directory.scopes(query.get("scope", ""))
            if query.get("response_type") != "code":
                raise OAuthError("unsupported_response_type", 700051, "response_type must be 'code' for this client.")
            challenge, method = query.get("code_challenge"), query.get("code_challenge_method", "plain")
            if method not in ("S256", "plain") or (challenge is not None and not VERIFIER.fullmatch(challenge)):
                raise OAuthError("invalid_request", 501491, "The code challenge is not valid.")
            demand(query.get("claims"))
            if "none" in query.get("prompt", "").split():
                raise OAuthError(
                    "interaction_required", 50058, "A silent sign-in request was sent but no user is signed in."
                )
        except OAuthError as refusal:
            return _answer(redirect_uri, mode, self._directory.error_fields(refusal, state))
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
            raise self._directory.unknown_client(client)
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
        accounts = self._directory.accounts(tenant)
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
        form = await read_form(request)
        pending = self._tokens.find("request", form.get("request", "")) or self._tokens.find(
            "device", form.get("request", "")
        )
        if pending is None or self._tokens.is_expired(pending):
            return self._error_page(
                OAuthError("invalid_request", 90014, "This sign-in request is not known or too old.")
            )
        if form.get("decision") == "deny":
            return self._decide(pending, None)
        accounts = self._directory.accounts(str(pending.details["tenant"]))
        account = next((one for one in accounts if one.email.lower() == form.get("email", "").lower()), None)
        if form.get("decision") != "allow" or account is None:
            return self._error_page(OAuthError("invalid_request", 90014, "Choose an account, and accept or cancel."))
        return self._decide(pending, account)

    def _decide(self, pending: Grant, account: Account | None) -> Response:
        details = pending.details
        scopes = self._directory.granted(pending.scopes)
        number = self._directory.admin_number()
        refused = OAuthError("access_denied", 65004, "User declined to consent to access the app.")
        if account is not None and number and not set(scopes) <= self._tokens.consented(account.email):
            # "Need admin approval": whatever the person presses, the app is not let in.
            account, refused = None, admin_needed(number)
        if account is not None:
            self._tokens.consent(account.email, scopes)
        if pending.kind == "device":
            self._tokens.update(
                pending, scopes, email=account.email if account else "", decision="allow" if account else "deny"
            )
            return HTMLResponse(_PAGE.format(title="Done", body="<p>You can close this window now.</p>"))
        self._tokens.drop(pending)
        address, mode, state = str(details["redirect_uri"]), str(details["response_mode"]), details["state"]
        if account is None:
            return _answer(address, mode, self._directory.error_fields(refused, state))
        code = self._tokens.issue("code", account.email, scopes, CODE_LIFETIME, "M.C5.", used=False, **details)
        fields = {"code": code.id}
        if details["client_info"]:
            fields["client_info"] = client_info(account)
        if state is not None:
            fields["state"] = state
        return _answer(address, mode, {**fields, "session_state": str(uuid.uuid5(uuid.NAMESPACE_OID, code.id))})

    async def _device_page(self, request: Request) -> Response:
        form = await read_form(request) if request.method == "POST" else {}
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

    def _error_page(self, refusal: OAuthError) -> Response:
        text = html.escape(self._directory.support(refusal)["error_description"]).replace("\r\n", "<br>")
        body = f"<h1>Sorry, but we’re having trouble signing you in.</h1><p>{text}</p>"
        return HTMLResponse(_PAGE.format(title="Sign in error", body=body), status_code=400)


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
