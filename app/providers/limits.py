"""How fast an account may be used: a steady rate, and a hold that the service asked for.

It must not know what is sent; whoever sends says what it costs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiolimiter import AsyncLimiter

from app.domain.errors import ThrottledError

LONGEST_WAIT_SECONDS: Final = 60.0
"""A wait longer than this ends the account's part of a run instead (`engine.md` §11)."""


class AccountLimits:
    """The rate of one account, shared by all its clients (`providers.md` §2.12, §4.4).

    A bucket of `burst` units that refills with `per_minute`: in no minute more than burst + per_minute are used.

    Args:
        burst: units that may be used at once.
        per_minute: units a minute after that.
        sleep, monotonic: the clock, replaceable in tests.
    """

    def __init__(
        self,
        *,
        burst: int,
        per_minute: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket = AsyncLimiter(burst, 60.0 * burst / per_minute)
        self._sleep = sleep
        self._monotonic = monotonic
        self._held_until = 0.0

    def hold(self, seconds: float) -> None:
        """Use nothing for this long: a service's Retry-After counts for the whole account, not for one request."""
        self._held_until = max(self._held_until, self._monotonic() + seconds)

    async def spend(self, units: int = 1) -> None:
        """Wait until these units may be used.

        Raises:
            ThrottledError: the account is on hold for longer than a minute; nothing was waited for.
        """
        while (rest := self._held_until - self._monotonic()) > 0:
            if rest > LONGEST_WAIT_SECONDS:
                raise ThrottledError(
                    "The calendar service asked for a pause that is not over yet.",
                    retry_after_seconds=rest,
                    reason="on_hold",
                )
            await self._sleep(rest)
        await self._bucket.acquire(units)
