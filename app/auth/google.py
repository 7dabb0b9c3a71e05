"""Google's sign-in for a desktop app: authorization code with PKCE by google-auth-oauthlib, refresh by google-auth.

Protocol: `providers.md` §7 (RFC 8252, RFC 7636). Two traps of the libraries are met here and nowhere else: oauthlib
demands https (see `google_wire`), and it raises a `Warning` with the token inside when the granted scopes are not
literally those asked for, which Google's spelling of `email` always causes; we take the token from there and compare
the scopes ourselves, so that no variable of the process has to be set.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

import structlog

from app.auth.addresses import GOOGLE_AUTH_URI, GOOGLE_REVOKE_URI, GOOGLE_TOKEN_URI, GoogleAddresses
from app.auth.authenticator import EXCHANGE_SECONDS, OAuthAuthenticator
from app.auth.freshness import Refreshed
from app.auth.listener import RedirectListener
from app.auth.threads import call_in_thread
from app.domain.accounts import Identity, Provider
from app.domain.errors import AuthExpiredError, KalendsError, OfflineError, SignInError, UnavailableError
from app.domain.ports import Clock, Granted

_PREFIX: Final = "https://www.googleapis.com/auth/"
SCOPES: Final = ("openid", "email", f"{_PREFIX}calendar.events", f"{_PREFIX}calendar.calendarlist.readonly")
# Each line is one need and the scopes that fill it.
_NEEDS: Final = (
    frozenset({f"{_PREFIX}calendar.events", f"{_PREFIX}calendar"}),
    frozenset({f"{_PREFIX}calendar.calendarlist.readonly", f"{_PREFIX}calendar.calendarlist", f"{_PREFIX}calendar"}),
)
_ISSUERS: Final = ("https://accounts.google.com", "accounts.google.com")

_REVOKE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Secret:
    """What is sealed for a Google account: the refresh token and the client it belongs to."""

    refresh_token: str = field(repr=False)
    client_id: str

    def pack(self) -> bytes:
        content = {"version": 1, "refresh_token": self.refresh_token, "client_id": self.client_id}
        return json.dumps(content).encode()

    @staticmethod
    def unpack(secret: bytes) -> _Secret:
        content = json.loads(secret)
        return _Secret(content["refresh_token"], content["client_id"])


class GoogleAuthenticator(OAuthAuthenticator[GoogleAddresses]):
    """`domain.ports.Authenticator` for Google."""

    async def begin(self, *, login_hint: str | None = None) -> GoogleSignIn:
        """Start listening and make the page's address.

        Args:
            login_hint: e-mail address of the account that is wanted, for signing in again.

        Raises:
            SignInError: `client_missing`, `rejected`.
            VaultError: there would be no place for the result.
        """
        listener, (flow, url) = await self._listen(
            lambda listener: _start_flow(self._addresses, listener.port, listener.state, login_hint),
            "google-sign-in",
            too_late="The sign-in could not be prepared in time.",
        )
        return GoogleSignIn(listener, flow, url, self._addresses, self._clock)

    async def forget(self, account_id: str) -> None:
        """Revoke at Google (RFC 7009) and delete the secret; an unreachable Google does not stop it."""
        secret: bytes | None = None
        try:
            secret = await self._safe.get(account_id)
        except KalendsError as error:
            structlog.get_logger(__name__).warning("auth.revoke_skipped", account_id=account_id, reason=error.code)
        self._let_go(account_id)
        if secret is None:
            return
        token = _Secret.unpack(secret).refresh_token
        try:
            status = await call_in_thread(
                lambda: _revoke(self._addresses, token), "google-revoke", timeout_seconds=_REVOKE_SECONDS
            )
        except (KalendsError, TimeoutError) as error:
            structlog.get_logger(__name__).warning(
                "auth.revoke_failed", account_id=account_id, reason=type(error).__name__
            )
            return
        structlog.get_logger(__name__).info("auth.revoked", account_id=account_id, status=status)

    def _refresh(self, secret: bytes, claims: str | None) -> Refreshed:
        # Google makes no claims challenges.
        kept = _Secret.unpack(secret)
        self._hide(kept.refresh_token)
        return _refresh(self._addresses, kept)


class GoogleSignIn:
    """A sign-in at Google under way (`domain.ports.SignIn`)."""

    def __init__(
        self, listener: RedirectListener, flow: Any, url: str, addresses: GoogleAddresses, clock: Clock
    ) -> None:
        self._listener = listener
        self._flow = flow
        self._url = url
        self._addresses = addresses
        self._clock = clock

    @property
    def authorization_url(self) -> str:
        """The page a person opens. Carries the state: never log it."""
        return self._url

    @property
    def expires_at(self) -> datetime:
        """When we stop waiting."""
        return self._listener.expires_at

    async def finish(self) -> Granted:
        """Wait for the browser's answer and trade it for tokens; cancelling frees the port at once.

        Raises:
            SignInError: `denied`, `timed_out`, `scope_missing`, `admin_needed`, `rejected`.
            OfflineError, UnavailableError.
        """
        answer = await self._listener.answer()
        if "error" in answer:
            _refuse(answer["error"])
        if answer.get("iss", _ISSUERS[0]) not in _ISSUERS:
            # RFC 9207: the answer of another issuer was mixed in.
            raise SignInError("The answer did not come from Google.", code="rejected", fix="Start the sign-in again.")
        try:
            token = await call_in_thread(
                lambda: _exchange(self._flow, answer["code"]), "google-sign-in", timeout_seconds=EXCHANGE_SECONDS
            )
        except TimeoutError as error:
            raise UnavailableError("Google did not answer in time.", reason="timeout") from error
        return self._granted(token)

    def _granted(self, token: Mapping[str, Any]) -> Granted:
        scopes = _words(token.get("scope"))
        if not all(need & set(scopes) for need in _NEEDS):
            raise SignInError(
                "Calendar access was not ticked, so there is nothing Kalends could keep in step.",
                code="scope_missing",
                fix="Sign in again and leave the boxes for calendars ticked.",
            )
        refresh_token = token.get("refresh_token")
        if not isinstance(refresh_token, str) or not refresh_token:
            raise SignInError(
                "Google gave no lasting sign-in.",
                code="rejected",
                fix="Remove Kalends from the third-party access of your Google account, then sign in again.",
            )
        claims = _claims(token.get("id_token"), self._addresses.client_id)
        lasts = token.get("refresh_token_expires_in")
        identity = Identity(
            provider=Provider.GOOGLE,
            subject=str(claims["sub"]),
            email=str(claims.get("email", "")),
            display_name=str(claims.get("name", "")),
            scopes=tuple(sorted(scopes)),
            expires_at=None if lasts is None else self._clock.now() + timedelta(seconds=int(lasts)),
        )
        return Granted(identity, _Secret(refresh_token, self._addresses.client_id).pack())


def _start_flow(addresses: GoogleAddresses, port: int, state: str, login_hint: str | None) -> tuple[Any, str]:
    from google_auth_oauthlib.flow import Flow

    configuration = {
        "installed": {
            "client_id": addresses.client_id,
            "client_secret": addresses.client_secret,
            "auth_uri": GOOGLE_AUTH_URI,
            "token_uri": GOOGLE_TOKEN_URI,
        }
    }
    flow = Flow.from_client_config(
        configuration,
        scopes=list(SCOPES),
        redirect_uri=f"http://127.0.0.1:{port}/",
        autogenerate_code_verifier=True,
    )
    from app.auth.google_wire import authorization_page, mount

    mount(flow.oauth2session, addresses)
    flow.oauth2session.register_compliance_hook("access_token_response", _available)
    choice = {"login_hint": login_hint} if login_hint else {}
    # Consent each time: only then Google is sure to give a refresh token.
    prompt = "consent" if login_hint else "select_account consent"
    url, _ = flow.authorization_url(state=state, access_type="offline", prompt=prompt, **choice)
    return flow, authorization_page(url, addresses)


def _exchange(flow: Any, code: str) -> Mapping[str, Any]:
    import requests
    from oauthlib.oauth2 import OAuth2Error

    try:
        token: Mapping[str, Any] = flow.fetch_token(code=code, include_client_id=True)
    except Warning as changed:
        # oauthlib's way to say that other scopes were granted than asked for; the token is whole (module docstring).
        told = getattr(changed, "token", None)
        if not isinstance(told, Mapping):
            raise
        token = told
    except OAuth2Error as error:
        _refuse(error.error, error)
    except requests.ConnectionError as error:
        raise OfflineError("Google cannot be reached.", reason=type(error).__name__) from error
    except requests.RequestException as error:
        raise UnavailableError("Google did not answer as it should.", reason=type(error).__name__) from error
    finally:
        flow.oauth2session.close()
    return token


def _available(response: Any) -> Any:
    """Called by the session before it reads a token: a failing server's page is not an answer."""
    if response.status_code >= 500 or response.status_code == 429:
        raise UnavailableError("Google cannot answer at the moment.", status=response.status_code)
    return response


def _refresh(addresses: GoogleAddresses, secret: _Secret) -> Refreshed:
    import requests
    from google.auth.exceptions import GoogleAuthError, RefreshError
    from google.auth.transport.requests import Request
    from google.oauth2.credentials import Credentials

    from app.auth.google_wire import mount

    if secret.client_id != addresses.client_id or not addresses.client_secret:
        raise AuthExpiredError(
            "This account was signed in with another Google client.",
            fix="Sign in to the account again, or set the former client id.",
            reason="client_changed",
        )
    with requests.Session() as session:
        mount(session, addresses)
        # google-auth keeps one kind of refusal to itself, so the answers are looked at here too.
        answers: list[requests.Response] = []
        session.hooks["response"].append(lambda response, **_: answers.append(response))
        credentials = Credentials(  # type: ignore[no-untyped-call]  # google-auth ships no types
            None,
            refresh_token=secret.refresh_token,
            token_uri=GOOGLE_TOKEN_URI,
            client_id=addresses.client_id,
            client_secret=addresses.client_secret,
        )
        try:
            credentials.refresh(Request(session))  # type: ignore[no-untyped-call]  # as above
        except RefreshError as error:
            raise _refresh_failure(error, _refusal(answers)) from error
        except GoogleAuthError as error:
            raise OfflineError("Google cannot be reached.", reason=type(error).__name__) from error
        except (AttributeError, TypeError) as error:
            # google-auth takes a 200 that is no JSON (the sign-in page of a network) for the answer itself.
            raise UnavailableError(
                "Something else answered in place of Google's sign-in.", reason="broken_answer"
            ) from error
    # google-auth counts by the system's clock, in naive UTC.
    left = (credentials.expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() if credentials.expiry else 0.0
    rotated = None
    if credentials.refresh_token and credentials.refresh_token != secret.refresh_token:
        rotated = _Secret(credentials.refresh_token, secret.client_id).pack()
    return Refreshed(str(credentials.token), max(left, 0.0), rotated)


def _refusal(answers: list[Any]) -> Mapping[str, Any]:
    """What the token endpoint said last, empty if it was no JSON object.

    An organisation that asks for a new sign-in (`invalid_rapt`, `rapt_required`) makes google-auth raise a text about
    another program and nothing else.
    """
    try:
        told = answers[-1].json()
    except (IndexError, ValueError):
        return {}
    return told if isinstance(told, Mapping) else {}


def _refresh_failure(error: Any, details: Mapping[str, Any]) -> KalendsError:
    told = details.get("error")
    code = told if isinstance(told, str) else ""
    if error.retryable or not code:
        return UnavailableError("Google cannot answer at the moment.", reason=code or None)
    reason = str(details.get("error_subtype") or code)
    if code == "invalid_grant":
        message = "The sign-in at Google has ended: it was withdrawn, has expired, or the password was changed."
        return AuthExpiredError(message, fix="Sign in to the account again.", reason=reason)
    if code in ("invalid_client", "unauthorized_client", "deleted_client", "disabled_client"):
        return AuthExpiredError(
            "Google no longer accepts this Google client.",
            fix="Look at the client in the Google Cloud console, then sign in to the account again.",
            reason=reason,
        )
    return AuthExpiredError(
        "Google no longer accepts this sign-in.", fix="Sign in to the account again.", reason=reason
    )


def _revoke(addresses: GoogleAddresses, token: str) -> int:
    import requests

    from app.auth.google_wire import mount

    with requests.Session() as session:
        mount(session, addresses)
        try:
            return session.post(GOOGLE_REVOKE_URI, data={"token": token}).status_code  # the adapter's
        except requests.RequestException as error:
            raise OfflineError("Google cannot be reached.", reason=type(error).__name__) from error


def _refuse(code: str, cause: Exception | None = None) -> NoReturn:
    """Say why Google ended a sign-in, by its OAuth error code."""
    if code == "access_denied":
        raise SignInError(
            "You chose not to allow access. Nothing was changed.", code="denied", fix="Start the sign-in again."
        ) from cause
    if code in ("admin_policy_enforced", "org_internal"):
        raise SignInError(
            "Your organisation does not allow Kalends to use this Google account.",
            code="admin_needed",
            fix="Ask the administrator of your organisation.",
        ) from cause
    if code in ("invalid_client", "unauthorized_client", "deleted_client", "redirect_uri_mismatch"):
        raise SignInError(
            "Google does not accept the client that is set.",
            code="rejected",
            fix="Use a client of the kind Desktop app, with its id and secret.",
        ) from cause
    raise SignInError("Google did not accept the sign-in.", code="rejected", fix="Start the sign-in again.") from cause


def _claims(token: object, client_id: str) -> Mapping[str, Any]:
    """Claims of the id_token. It came from the token endpoint itself, so its signature need not be checked (OpenID
    Connect Core 3.1.3.7); issuer and audience are."""
    try:
        payload = str(token).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if claims["iss"] in _ISSUERS and claims["aud"] == client_id and isinstance(claims["sub"], str):
            return dict(claims)
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise _nameless() from error
    raise _nameless()


def _nameless() -> SignInError:
    return SignInError("Google did not say whose sign-in this is.", code="rejected", fix="Start the sign-in again.")


def _words(scope: object) -> tuple[str, ...]:
    if isinstance(scope, str):
        return tuple(scope.split())
    return tuple(str(word) for word in scope) if isinstance(scope, list | tuple | set) else ()
