"""Access tokens of one account: in memory only, one refresh in flight, a rotated secret kept before its token is used.

Shared by both providers; what a refresh is on the wire is theirs (`domain.ports.AccessTokens`, RFC 9700 §4.14).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from app.auth.safe import Safe
from app.auth.threads import call_in_thread
from app.domain.errors import AuthExpiredError, UnavailableError
from app.domain.ports import Clock

REFRESH_SECONDS: Final = 90.0
_MARGIN_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh brought.

    Args:
        token: the access token.
        lifetime_seconds: how long it is good from now on.
        secret: the secret as it must be kept from now on, None if it stays.
    """

    token: str = field(repr=False)
    lifetime_seconds: float
    secret: bytes | None = field(default=None, repr=False)


Refresh = Callable[[bytes, str | None], Refreshed]
"""Trades a secret for an access token that meets these claims, if any. Blocking; raises AuthExpiredError, OfflineError,
UnavailableError."""


Hide = Callable[[str], None]
"""Told a secret text that must not show in any log."""


def hide_nothing(secret: str) -> None:
    """For whoever keeps no log."""


class FreshTokens:
    """`domain.ports.AccessTokens` of one account.

    Args:
        account_id: whose.
        safe: where the secret is.
        refresh: the provider's way.
        clock: for lifetimes.
        timeout_seconds: how long a refresh may take in all.
        hide: told every token, so that the log can leave it out.
    """

    def __init__(
        self,
        account_id: str,
        safe: Safe,
        refresh: Refresh,
        clock: Clock,
        *,
        timeout_seconds: float = REFRESH_SECONDS,
        hide: Hide = hide_nothing,
    ) -> None:
        self._account_id = account_id
        self._safe = safe
        self._refresh = refresh
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._hide = hide
        self._token = ""
        self._good_until: datetime | None = None
        self._flight: asyncio.Task[str] | None = None
        self._claims: str | None = None
        self._flight_claims: str | None = None
        self._unsaved: bytes | None = None
        self._generation = 0

    async def token(self, *, stale: str | None = None, claims: str | None = None) -> str:
        """A token that is good for now.

        Args:
            stale: one that the service just refused; it is not answered again.
            claims: what the service demands of the next one. Later renewals ask for the same, until it demands more.

        Raises:
            AuthExpiredError, OfflineError, UnavailableError, VaultError, StorageError.
        """
        while claims is not None and self._flight is not None and self._flight_claims != claims:
            # What is under way was asked for before the service demanded this.
            await asyncio.wait({self._flight})
        if self._flight is None:
            now = self._clock.now()
            enough = claims is None or claims == self._claims
            if enough and self._token and self._token != stale and self._good_until and now < self._good_until:
                return self._token
            self._flight_claims = claims or self._claims
            self._flight = asyncio.create_task(self._fly(self._flight_claims), name="token-refresh")
            self._flight.add_done_callback(self._landed)
        # Whoever stops waiting does not stop the refresh: a rotated secret must reach the safe.
        return await asyncio.shield(self._flight)

    def forget(self) -> None:
        """Drop the token: the secret was replaced or deleted. A refresh under way keeps nothing any more."""
        self._generation += 1
        self._token = ""
        self._claims = None
        self._good_until = None
        self._unsaved = None
        self._flight = None

    async def settled(self) -> None:
        """Wait until no refresh is under way, however it ends."""
        if self._flight is not None:
            await asyncio.wait({self._flight})

    def _landed(self, flight: asyncio.Task[str]) -> None:
        if self._flight is flight:
            self._flight = None
        if not flight.cancelled():
            # Told to those who wait; without any it is told at the next try.
            flight.exception()

    async def _fly(self, claims: str | None) -> str:
        generation = self._generation
        if self._unsaved is not None:
            await self._keep(self._unsaved)
        secret = await self._safe.get(self._account_id)
        if secret is None:
            raise AuthExpiredError("There is no sign-in for this account any more.", reason="no_secret")
        try:
            refreshed = await call_in_thread(
                lambda: self._refresh(secret, claims), "token-refresh", timeout_seconds=self._timeout_seconds
            )
        except TimeoutError as error:
            raise UnavailableError("The sign-in service did not answer in time.", reason="timeout") from error
        if generation != self._generation:
            raise AuthExpiredError("The sign-in was renewed meanwhile.", reason="replaced")
        if refreshed.secret is not None and refreshed.secret != secret:
            # From here on the old secret may be dead: kept here until it is in the safe, tried again at the next call.
            self._unsaved = refreshed.secret
            await self._keep(refreshed.secret)
        self._hide(refreshed.token)
        self._token = refreshed.token
        self._claims = claims
        lifetime = refreshed.lifetime_seconds
        self._good_until = self._clock.now() + timedelta(seconds=lifetime - min(_MARGIN_SECONDS, lifetime / 2))
        return self._token

    async def _keep(self, secret: bytes) -> None:
        generation = self._generation
        await self._safe.unlock()
        if generation != self._generation:
            raise AuthExpiredError("The sign-in was renewed meanwhile.", reason="replaced")
        await self._safe.put(self._account_id, secret)
        self._unsaved = None
