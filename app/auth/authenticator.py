"""What signing in at any OAuth provider shares: listening for the browser, keeping secrets, handing out fresh tokens.

How a page's address is made, a code traded and a token refreshed is each provider's own; nothing of that is here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from app.auth.freshness import FreshTokens, Hide, Refreshed, hide_nothing
from app.auth.listener import SIGN_IN_SECONDS, RedirectListener
from app.auth.pages import AnswerPages
from app.auth.safe import Safe
from app.auth.threads import call_in_thread
from app.domain.errors import UnavailableError
from app.domain.ports import Clock

EXCHANGE_SECONDS: Final = 60.0


class ProviderAddresses(Protocol):
    """Where a provider is, and as whom we sign in there."""

    def require_client(self) -> None:
        """Raises SignInError `client_missing`, saying what to set."""


Addresses = TypeVar("Addresses", bound=ProviderAddresses)
Prepared = TypeVar("Prepared")


class OAuthAuthenticator(Generic[Addresses]):
    """The provider-independent part of `domain.ports.Authenticator`.

    Args:
        addresses: endpoints and our client.
        safe: where secrets are kept.
        pages: what the browser is shown at the end.
        clock: for lifetimes and the deadline.
        deadline_seconds: how long a sign-in waits for the browser.
        hide: told every state and token, so that the log can leave it out.
    """

    def __init__(
        self,
        addresses: Addresses,
        safe: Safe,
        pages: AnswerPages,
        clock: Clock,
        *,
        deadline_seconds: float = SIGN_IN_SECONDS,
        hide: Hide = hide_nothing,
    ) -> None:
        self._addresses = addresses
        self._safe = safe
        self._pages = pages
        self._clock = clock
        self._deadline_seconds = deadline_seconds
        self._hide = hide
        self._tokens: dict[str, FreshTokens] = {}

    async def keep(self, account_id: str, secret: bytes) -> None:
        """Seal and store a secret, read it back, and forget tokens in memory. Raises VaultError, StorageError."""
        self._forget_tokens(account_id)
        await self._safe.put(account_id, secret)
        self._forget_tokens(account_id)

    def tokens(self, account_id: str) -> FreshTokens:
        """Fresh access tokens of an account; the same object for every caller."""
        if account_id not in self._tokens:
            self._tokens[account_id] = FreshTokens(account_id, self._safe, self._refresh, self._clock, hide=self._hide)
        return self._tokens[account_id]

    async def settled(self) -> None:
        """Wait until no refresh is under way."""
        for tokens in tuple(self._tokens.values()):
            await tokens.settled()

    async def _listen(
        self, prepare: Callable[[RedirectListener], Prepared], thread: str, *, too_late: str
    ) -> tuple[RedirectListener, Prepared]:
        """Start listening, and make what the browser is sent to in a thread. Whatever fails frees the port.

        Args:
            thread: its name.
            too_late: the sentence for a person when that takes too long.

        Raises:
            SignInError: `client_missing`, or what `prepare` says.
            VaultError: there would be no place for the result.
            UnavailableError: it took too long.
        """
        self._addresses.require_client()
        await self._safe.unlock()
        listener = RedirectListener(self._pages, self._clock, deadline_seconds=self._deadline_seconds)
        await listener.start()
        self._hide(listener.state)
        try:
            prepared = await call_in_thread(lambda: prepare(listener), thread, timeout_seconds=EXCHANGE_SECONDS)
        except TimeoutError as error:
            listener.close()
            raise UnavailableError(too_late, reason="timeout") from error
        except BaseException:
            listener.close()
            raise
        return listener, prepared

    def _let_go(self, account_id: str) -> None:
        """Forget the tokens and the secret of an account."""
        self._forget_tokens(account_id)
        self._tokens.pop(account_id, None)
        self._safe.delete(account_id)

    def _forget_tokens(self, account_id: str) -> None:
        if account_id in self._tokens:
            self._tokens[account_id].forget()

    @abstractmethod
    def _refresh(self, secret: bytes, claims: str | None) -> Refreshed:
        """Trade a secret for a fresh access token that meets these claims, if any; blocking."""
