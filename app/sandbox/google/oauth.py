"""Google's OAuth 2.0 for desktop apps (RFC 6749, RFC 7636, RFC 8252): consent page, token, revoke and userinfo
endpoints.

The consent page is a plain HTML form: `POST /o/oauth2/v2/auth/consent`, urlencoded, with

- `request`: hidden, the id of this authorization request;
- `email`: radio buttons, the account chosen (the one of `login_hint`, else the first, is checked);
- `scope`: check boxes, repeated, all checked; identity scopes have no box and are granted with the sign-in;
- `decision`: buttons, `allow` or `deny`.

The answer is a 302 to the redirect address. id_tokens are signed with the client secret (HS256) and not with published
keys: a client that takes them from the token endpoint need not verify them (OpenID Connect Core 3.1.3.7).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from app.sandbox.google.answers import Endpoint
from app.sandbox.google.scopes import IDENTITY, MEANINGS, PREFIX, expand, is_known
from app.sandbox.google.tokens import Code, Pending, Token, Tokens
from app.sandbox.world import World

CLIENT_ID: Final = "407408718192-kalendssandbox.apps.googleusercontent.com"
CLIENT_SECRET: Final = "GOCSPX-sandbox-desktop-client"
ISSUER: Final = "https://accounts.google.com"

_POLICIES: Final[dict[str, tuple[int, str, str]]] = {
    "admin_policy_enforced": (400, "admin_policy_enforced", "Access is restricted by the administrator."),
    "org_internal": (403, "org_internal", "This app is restricted to users within its organization."),
    "not_a_test_user": (403, "access_denied", "The app is being tested and can only be accessed by its testers."),
}
"""By the value of `google.sign_in_policy`: the page that ends a sign-in; the app is told nothing."""
_EMBEDDED: Final = ("; wv)", "QtWebEngine")
"""Marks of web views inside of apps, which are kept from signing in."""
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 sans-serif;max-width:32em;margin:3em auto;padding:0 1em}}
fieldset{{border:1px solid #ccc;margin:1em 0}}label{{display:block;padding:.3em 0}}
button{{font:inherit;padding:.5em 1.5em;margin-right:1em}}.note{{color:#666}}</style></head>
<body><p class="note">Sandbox: made-up accounts on this computer. This is not Google.</p>{body}</body></html>"""


class OAuth:
    """The HTTP side of sign-in. State lives in `Tokens`."""

    def __init__(self, world: World, tokens: Tokens) -> None:
        self._world = world
        self._tokens = tokens

    def routes(self) -> list[Endpoint]:
        """Routes with Google's paths, all on one host."""
        return [
            Endpoint("/o/oauth2/v2/auth", self._authorize, methods=["GET"]),
            Endpoint("/o/oauth2/auth", self._authorize, methods=["GET"]),
            Endpoint("/o/oauth2/v2/auth/consent", self._consent, methods=["POST"]),
            Endpoint("/token", self._token, methods=["POST"]),
            Endpoint("/revoke", self._revoke, methods=["POST"]),
            Endpoint("/oauth2/v2/userinfo", self._userinfo, methods=["GET"]),
            Endpoint("/v1/userinfo", self._userinfo, methods=["GET", "POST"]),
        ]

    async def _authorize(self, request: Request) -> Response:
        query = request.query_params
        if query.get("client_id") != CLIENT_ID:
            return _error_page(401, "invalid_client", "The OAuth client was not found.")
        redirect_uri = query.get("redirect_uri", "")
        if not _is_loopback(redirect_uri):
            return _error_page(
                400,
                "redirect_uri_mismatch",
                "A desktop client is answered on http://127.0.0.1 or http://localhost only.",
            )
        agent = request.headers.get("user-agent", "")
        if any(mark in agent for mark in _EMBEDDED):
            return _error_page(403, "disallowed_useragent", "This browser may not be secure: it belongs to an app.")
        policy = str(self._world.behaviour["google.sign_in_policy"])
        if policy in _POLICIES:
            return _error_page(*_POLICIES[policy])
        if query.get("response_type") != "code":
            return _error_page(400, "invalid_request", "The response type must be code.")
        scopes = expand(query.get("scope", ""))
        unknown = [scope for scope in scopes if not is_known(scope)]
        if not scopes or unknown:
            return _error_page(400, "invalid_scope", f"Some requested scopes were invalid: {' '.join(unknown)}")
        challenge = query.get("code_challenge")
        method = query.get("code_challenge_method", "plain")
        if method not in ("S256", "plain") or (challenge is not None and not _VERIFIER.fullmatch(challenge)):
            return _error_page(400, "invalid_request", "The code challenge is not valid.")
        prompts = set(query.get("prompt", "").split())
        if "none" in prompts:
            return _answer(redirect_uri, {"error": "interaction_required", "state": query.get("state")})
        pending = self._tokens.open_request(
            redirect_uri=redirect_uri,
            scopes=tuple(scopes),
            state=query.get("state"),
            code_challenge=challenge,
            code_challenge_method=method,
            offline=query.get("access_type") == "offline",
            force_consent="consent" in prompts,
            include_granted=query.get("include_granted_scopes") == "true",
            login_hint=query.get("login_hint"),
        )
        return self._consent_page(pending)

    def _consent_page(self, pending: Pending) -> Response:
        accounts = [account for account in self._world.accounts.values() if account.provider == "google"]
        if not accounts:
            return _error_page(400, "invalid_request", "The sandbox has no Google account.")
        hinted = next((a for a in accounts if a.email.lower() == (pending.login_hint or "").lower()), accounts[0])
        chooser = "".join(
            f'<label><input type="radio" name="email" value="{html.escape(account.email)}"'
            f"{' checked' if account is hinted else ''}> {html.escape(account.display_name)}"
            f" ({html.escape(account.email)})</label>"
            for account in accounts
        )
        boxes = "".join(
            f'<label><input type="checkbox" name="scope" value="{html.escape(scope)}" checked>'
            f" {html.escape(MEANINGS[scope])}</label>"
            for scope in pending.scopes
            if scope not in IDENTITY
        )
        body = (
            '<h1>Kalends wants access to your account</h1><form method="post" action="/o/oauth2/v2/auth/consent">'
            f'<input type="hidden" name="request" value="{html.escape(pending.id)}">'
            f"<fieldset><legend>Account</legend>{chooser}</fieldset>"
            + (f"<fieldset><legend>Kalends may</legend>{boxes}</fieldset>" if boxes else "")
            + '<button type="submit" name="decision" value="allow">Allow</button>'
            '<button type="submit" name="decision" value="deny">Deny</button></form>'
        )
        return _page(200, "Sign in", body)

    async def _consent(self, request: Request) -> Response:
        form = await _form(request)
        pending = self._tokens.take_request(_one(form, "request"))
        if pending is None:
            return _error_page(400, "invalid_request", "This sign-in was already answered or is too old.")
        refused = {"error": "access_denied", "state": pending.state}
        if _one(form, "decision") != "allow":
            return _answer(pending.redirect_uri, refused)
        account = self._world.account(_one(form, "email"))
        if account is None or account.provider != "google":
            return _error_page(400, "invalid_request", "The sandbox has no such Google account.")
        ticked = set(form.get("scope", []))
        scopes = [scope for scope in pending.scopes if scope in IDENTITY or scope in ticked]
        if not scopes:
            return _answer(pending.redirect_uri, refused)
        code = self._tokens.grant(account.email, pending, scopes)
        return _answer(
            pending.redirect_uri,
            {
                "state": pending.state,
                "iss": ISSUER,
                "code": code.code,
                "scope": " ".join(code.scopes),
                "authuser": "0",
                "prompt": "consent" if pending.force_consent else "none",
            },
        )

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        basic = request.headers.get("authorization", "")
        client_id, secret = _one(form, "client_id"), _one(form, "client_secret")
        if basic.lower().startswith("basic "):
            try:
                client_id, _, secret = base64.b64decode(basic[6:], validate=True).decode().partition(":")
            except ValueError:
                return _oauth_error(401, "invalid_client", "Unauthorized")
        if client_id != CLIENT_ID:
            return _oauth_error(401, "invalid_client", "The OAuth client was not found.")
        if not secret:
            return _oauth_error(400, "invalid_request", "client_secret is missing.")
        if not hmac.compare_digest(secret.encode(), CLIENT_SECRET.encode()):
            return _oauth_error(401, "invalid_client", "Unauthorized")
        match _one(form, "grant_type"):
            case "authorization_code":
                return self._redeem(form)
            case "refresh_token":
                return self._refresh(form)
            case "":
                return _oauth_error(400, "invalid_request", "Required parameter is missing: grant_type")
            case other:
                return _oauth_error(400, "unsupported_grant_type", f"Invalid grant_type: {other}")

    def _redeem(self, form: dict[str, list[str]]) -> Response:
        for name in ("code", "redirect_uri"):
            if not _one(form, name):
                return _oauth_error(400, "invalid_request", f"Missing required parameter: {name}")
        code = self._tokens.take_code(_one(form, "code"))
        if code is None:
            return _oauth_error(400, "invalid_grant", "Bad Request")
        if code.redirect_uri != _one(form, "redirect_uri"):
            return _oauth_error(400, "redirect_uri_mismatch", "Bad Request")
        problem = _verify(code, _one(form, "code_verifier"))
        if problem is not None:
            return _oauth_error(400, "invalid_grant", problem)
        answer = self._tokens.issue(code.email, code.scopes, code.with_refresh)
        return _token_answer(self._with_id_token(answer, code.email, code.scopes))

    def _refresh(self, form: dict[str, list[str]]) -> Response:
        if not _one(form, "refresh_token"):
            return _oauth_error(400, "invalid_request", "Missing required parameter: refresh_token")
        control = str(self._world.behaviour["google.session_control"])
        if control != "off":
            told = {"error": "invalid_grant", "error_description": f"reauth related error ({control})"}
            more = {"error_uri": "https://support.google.com/a/answer/9368756", "error_subtype": control}
            return JSONResponse({**told, **more}, 400, headers=_NO_STORE)
        token = self._tokens.refresh(_one(form, "refresh_token"))
        if token is None:
            return _oauth_error(400, "invalid_grant", "Token has been expired or revoked.")
        wanted = tuple(expand(_one(form, "scope"))) or token.scopes
        if not set(wanted) <= set(token.scopes):
            return _oauth_error(400, "invalid_scope", "Some requested scopes were not granted.")
        answer = self._tokens.issue(token.email, wanted, with_refresh=False)
        return _token_answer(self._with_id_token(answer, token.email, wanted))

    async def _revoke(self, request: Request) -> Response:
        form = await _form(request)
        value = _one(form, "token") or request.query_params.get("token", "")
        if not self._tokens.revoke_token(value):
            return _oauth_error(400, "invalid_token", "Token expired or revoked")
        return JSONResponse({})

    async def _userinfo(self, request: Request) -> Response:
        token = self.bearer(request)
        account = self._world.account(token.email) if token else None
        if token is None or account is None or not IDENTITY & set(token.scopes):
            return JSONResponse(
                {
                    "error": {
                        "code": 401,
                        "message": "Request is missing required authentication credential.",
                        "status": "UNAUTHENTICATED",
                    }
                },
                401,
                headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'},
            )
        connect = request.url.path == "/v1/userinfo"
        answer: dict[str, Any] = {"sub" if connect else "id": account.subject}
        if f"{PREFIX}userinfo.email" in token.scopes:
            answer.update({"email": account.email, "email_verified" if connect else "verified_email": True})
        if f"{PREFIX}userinfo.profile" in token.scopes:
            answer["name"] = account.display_name
        return JSONResponse(answer)

    def bearer(self, request: Request) -> Token | None:
        """The live access token of a request's Authorization header."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        return self._tokens.access(value.strip()) if scheme.lower() == "bearer" else None

    def _with_id_token(self, answer: dict[str, Any], email: str, scopes: tuple[str, ...]) -> dict[str, Any]:
        account = self._world.account(email)
        if "openid" not in scopes or account is None:
            return answer
        now = int(self._world.clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "azp": CLIENT_ID,
            "aud": CLIENT_ID,
            "sub": account.subject,
            "iat": now,
            "exp": now + 3600,
        }
        if f"{PREFIX}userinfo.email" in scopes:
            claims.update(email=account.email, email_verified=True)
        if f"{PREFIX}userinfo.profile" in scopes:
            claims["name"] = account.display_name
        return {**answer, "id_token": _signed(claims)}


def _signed(claims: dict[str, Any]) -> str:
    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    head = f"{part(json.dumps({'alg': 'HS256', 'typ': 'JWT'}).encode())}.{part(json.dumps(claims).encode())}"
    return f"{head}.{part(hmac.new(CLIENT_SECRET.encode(), head.encode(), hashlib.sha256).digest())}"


def _verify(code: Code, verifier: str) -> str | None:
    if code.code_challenge is None:
        return None
    if not verifier:
        return "Missing code verifier."
    sent = verifier
    if code.code_challenge_method == "S256":
        sent = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return None if hmac.compare_digest(sent.encode(), code.code_challenge.encode()) else "Invalid code verifier."


def _is_loopback(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and not parts.fragment and parts.username is None


async def _form(request: Request) -> dict[str, list[str]]:
    return parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)


def _one(form: dict[str, list[str]], name: str) -> str:
    return form.get(name, [""])[0]


def _answer(redirect_uri: str, fields: dict[str, str | None]) -> Response:
    query = urlencode({name: value for name, value in fields.items() if value is not None})
    return RedirectResponse(f"{redirect_uri}{'&' if urlsplit(redirect_uri).query else '?'}{query}", 302)


def _oauth_error(status: int, error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status, headers=_NO_STORE)


def _token_answer(answer: dict[str, Any]) -> Response:
    return JSONResponse(answer, headers=_NO_STORE)


_NO_STORE: Final = {"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate", "Pragma": "no-cache"}


def _page(status: int, title: str, body: str) -> Response:
    headers = {
        **_NO_STORE,
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    }
    return HTMLResponse(_PAGE.format(title=html.escape(title), body=body), status, headers=headers)


def _error_page(status: int, error: str, text: str) -> Response:
    body = f"<h1>Access blocked</h1><p>{html.escape(text)}</p><p>Error {status}: {html.escape(error)}</p>"
    return _page(status, "Access blocked", body)
