"""Microsoft's sign-in for a public client: authorization code with PKCE, answered by form POST, all through msal.

Protocol: `providers.md` §8. msal blocks and asks the network when it is made, so it is made when needed, in a thread.
What is sealed is its token cache without access tokens; each refresh gives a new refresh token, which is in the safe
before the new access token is used (RFC 9700 §4.14.2).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, NoReturn

from app.auth.addresses import MICROSOFT_ORIGIN, MicrosoftAddresses
from app.auth.authenticator import EXCHANGE_SECONDS, OAuthAuthenticator
from app.auth.freshness import Refreshed
from app.auth.listener import RedirectListener
from app.auth.threads import call_in_thread
from app.domain.accounts import Identity, Provider
from app.domain.errors import AuthExpiredError, KalendsError, ProtocolError, SignInError, UnavailableError
from app.domain.ports import Granted

SCOPES: Final = ("Calendars.ReadWrite", "User.Read", "MailboxSettings.Read")
_NEEDED: Final = "calendars.readwrite"


# AADSTS numbers (providers.md §8.3, "Microsoft Entra authentication and authorization error codes").
_ADMIN: Final = frozenset({53000, 53001, 53003, 65001, 90093, 90094, 90095, 50105, 530032})
_DECLINED: Final = frozenset({65004})
_CLIENT: Final = frozenset({50011, 50194, 50020, 70011, 700016, 700011, 700025, 7000218})
_ENDED: Final[Mapping[int, str]] = {
    700082: "it was not used for too long",
    70008: "it has expired",
    70043: "your organisation asks for a new sign-in from time to time",
    50173: "it was withdrawn, or the password was changed",
    50132: "it was withdrawn, or the password was changed",
    50133: "it was withdrawn, or the password was changed",
    50076: "another proof of who you are is needed",
    50079: "another proof of who you are is needed",
    50078: "another proof of who you are is needed",
    50074: "another proof of who you are is needed",
}
_LOOP: Final = 50196


class MicrosoftAuthenticator(OAuthAuthenticator[MicrosoftAddresses]):
    """`domain.ports.Authenticator` for Microsoft; what is kept is msal's token cache."""

    async def begin(self, *, login_hint: str | None = None) -> MicrosoftSignIn:
        """Start listening and make the page's address.

        Args:
            login_hint: e-mail address of the account that is wanted, for signing in again.

        Raises:
            SignInError: `client_missing`, `rejected`.
            OfflineError, UnavailableError: msal asks the authority for its endpoints first.
            VaultError: there would be no place for the result.
        """
        listener, flow = await self._listen(
            lambda listener: _start_flow(self._addresses, listener.port, listener.state, login_hint),
            "microsoft-sign-in",
            too_late="Microsoft did not answer in time.",
        )
        return MicrosoftSignIn(listener, flow, self._addresses)

    async def forget(self, account_id: str) -> None:
        """Delete the secret. Microsoft offers public clients no revocation of a refresh token."""
        self._let_go(account_id)

    def _refresh(self, secret: bytes, claims: str | None) -> Refreshed:
        for entry in json.loads(secret).get("RefreshToken", {}).values():
            self._hide(str(entry.get("secret", "")))
        return _refresh(self._addresses, secret, claims)


class MicrosoftSignIn:
    """A sign-in at Microsoft under way (`domain.ports.SignIn`)."""

    def __init__(self, listener: RedirectListener, flow: Mapping[str, Any], addresses: MicrosoftAddresses) -> None:
        self._listener = listener
        self._flow = flow
        self._addresses = addresses

    @property
    def authorization_url(self) -> str:
        """The page a person opens. Carries the state: never log it."""
        from app.auth.microsoft_wire import turned

        return turned(str(self._flow["auth_uri"]), self._addresses.origin)

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
        try:
            return await call_in_thread(
                lambda: _exchange(self._addresses, self._flow, answer),
                "microsoft-sign-in",
                timeout_seconds=EXCHANGE_SECONDS,
            )
        except TimeoutError as error:
            raise UnavailableError("Microsoft did not answer in time.", reason="timeout") from error


@contextmanager
def _application(addresses: MicrosoftAddresses, cache: Any) -> Iterator[Any]:
    """msal's application. Made anew for each use, with an empty memory of answers: msal would repeat a refusal from
    it for a minute after the cause is gone."""
    import msal

    from app.auth.microsoft_wire import TurningClient

    client = TurningClient(addresses)
    try:
        yield msal.PublicClientApplication(
            addresses.client_id,
            authority=f"{MICROSOFT_ORIGIN}/{addresses.tenant}",
            instance_discovery=False,
            http_client=client,
            http_cache={},
            token_cache=cache,
            # Without it no claims challenge is made, and a critical event is noticed only when the token ends.
            client_capabilities=["CP1"],
        )
    except (ValueError, RuntimeError) as error:
        # msal's way to say that the authority's document, a nonce or an id_token is not what it has to be.
        raise ProtocolError(
            "Microsoft's sign-in answered something unexpected.", reason=type(error).__name__
        ) from error
    finally:
        client.close()


def _start_flow(addresses: MicrosoftAddresses, port: int, state: str, login_hint: str | None) -> Mapping[str, Any]:
    import msal

    with _application(addresses, msal.SerializableTokenCache()) as application:
        flow: Mapping[str, Any] = application.initiate_auth_code_flow(
            list(SCOPES),
            redirect_uri=f"http://localhost:{port}",
            state=state,
            prompt=None if login_hint else "select_account",
            login_hint=login_hint,
            response_mode="form_post",
        )
    if "error" in flow:
        _refuse(flow)
    return flow


def _exchange(addresses: MicrosoftAddresses, flow: Mapping[str, Any], answer: Mapping[str, str]) -> Granted:
    import msal

    cache = msal.SerializableTokenCache()
    try:
        with _application(addresses, cache) as application:
            result = application.acquire_token_by_auth_code_flow(dict(flow), dict(answer))
            accounts = application.get_accounts()
    except ProtocolError as error:
        raise SignInError(
            "Microsoft's answer to the sign-in cannot be trusted.", code="rejected", fix="Start the sign-in again."
        ) from error
    if "error" in result:
        _refuse(result)
    scopes = tuple(sorted(str(result.get("scope", "")).split()))
    if _NEEDED not in {scope.lower().rpartition("/")[2] for scope in scopes}:
        raise SignInError(
            "Calendar access was not allowed, so there is nothing Kalends could keep in step.",
            code="scope_missing",
            fix="Sign in again and allow access to calendars.",
        )
    if len(accounts) != 1 or not result.get("refresh_token"):
        raise SignInError("Microsoft gave no lasting sign-in.", code="rejected", fix="Start the sign-in again.")
    claims = result.get("id_token_claims") or {}
    identity = Identity(
        provider=Provider.MICROSOFT,
        subject=str(accounts[0]["home_account_id"]),
        email=str(claims.get("preferred_username") or accounts[0].get("username", "")),
        display_name=str(claims.get("name", "")),
        scopes=scopes,
    )
    return Granted(identity, _packed(cache))


def _refresh(addresses: MicrosoftAddresses, secret: bytes, claims: str | None) -> Refreshed:
    import msal

    cache = msal.SerializableTokenCache()
    cache.deserialize(secret.decode())
    with _application(addresses, cache) as application:
        accounts = application.get_accounts()
        if len(accounts) != 1:
            raise AuthExpiredError(
                "The stored sign-in is not whole.", fix="Sign in to the account again.", reason="no_account"
            )
        result = application.acquire_token_silent_with_error(
            _granted_scopes(secret), accounts[0], force_refresh=True, claims_challenge=claims
        )
    if result is None:
        # No refresh token for this client: the client id was changed since.
        raise AuthExpiredError(
            "This account was signed in with another Microsoft client.",
            fix="Sign in to the account again, or set the former client id.",
            reason="client_changed",
        )
    if "error" in result:
        raise _refresh_failure(result)
    return Refreshed(str(result["access_token"]), float(result.get("expires_in", 0)), _packed(cache))


def _granted_scopes(secret: bytes) -> list[str]:
    """Of what we ask for, what was granted: a refresh for more is refused as a whole (AADSTS65001)."""
    granted = {
        scope.lower().rpartition("/")[2]
        for entry in json.loads(secret).get("RefreshToken", {}).values()
        for scope in str(entry.get("target", "")).split()
    }
    return [scope for scope in SCOPES if scope.lower() in granted] or list(SCOPES)


def _packed(cache: Any) -> bytes:
    """msal's cache as it is sealed: without access tokens, which live in memory only."""
    content = json.loads(cache.serialize())
    content.pop("AccessToken", None)
    return json.dumps(content, sort_keys=True).encode()


def _refresh_failure(result: Mapping[str, Any]) -> KalendsError:
    numbers = _numbers(result)
    reason = f"AADSTS{numbers[0]}" if numbers else str(result.get("error", ""))
    if _LOOP in numbers or result.get("error") in ("temporarily_unavailable", "server_error"):
        return UnavailableError("Microsoft cannot answer at the moment.", reason=reason)
    if _ADMIN & set(numbers):
        return AuthExpiredError(
            "Your organisation no longer allows Kalends to use this Microsoft account.",
            fix="Ask the administrator of your organisation, then sign in again.",
            reason=reason,
        )
    why = next((_ENDED[number] for number in numbers if number in _ENDED), "")
    return AuthExpiredError(
        f"The sign-in at Microsoft has ended: {why}." if why else "The sign-in at Microsoft has ended.",
        fix="Sign in to the account again.",
        reason=reason,
    )


def _refuse(result: Mapping[str, Any]) -> NoReturn:
    """Say why Microsoft ended a sign-in, by OAuth error code and AADSTS number."""
    numbers = set(_numbers(result))
    if numbers & _ADMIN or result.get("error") in ("consent_required", "admin_consent_required"):
        raise SignInError(
            "Your organisation has to allow Kalends before you can sign in with this Microsoft account.",
            code="admin_needed",
            fix="Ask the administrator of your organisation.",
        )
    if result.get("error") == "access_denied" or numbers & _DECLINED:
        raise SignInError(
            "You chose not to allow access. Nothing was changed.", code="denied", fix="Start the sign-in again."
        )
    if numbers & _CLIENT or result.get("error") in ("invalid_client", "unauthorized_client", "invalid_scope"):
        raise SignInError(
            "Microsoft does not accept the client that is set.",
            code="rejected",
            fix="Look at the app in Microsoft Entra: public client flows allowed, redirect address http://localhost, "
            "accounts of every directory and personal ones.",
        )
    raise SignInError("Microsoft did not accept the sign-in.", code="rejected", fix="Start the sign-in again.")


def _numbers(result: Mapping[str, Any]) -> tuple[int, ...]:
    """AADSTS numbers: `error_codes` of the token endpoint; the redirect only tells them at the start of its text."""
    codes = result.get("error_codes")
    if isinstance(codes, list):
        return tuple(code for code in codes if isinstance(code, int))
    head = str(result.get("error_description", "")).partition(":")[0]
    digits = head.removeprefix("AADSTS")
    return (int(digits),) if head.startswith("AADSTS") and digits.isascii() and digits.isdigit() else ()
