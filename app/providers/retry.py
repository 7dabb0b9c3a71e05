"""When a request that is idempotent by construction is sent again, and after how long (`providers.md` §11).

It decides on domain errors alone, so that every provider classifies its own answers (Google says "slow down" with
403). It must never be used for writes: their fate is the journal's business (`engine.md` §11).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from app.domain.errors import OfflineError, ProviderError, ThrottledError, UnavailableError
from app.providers.http import CONNECT_TIMEOUT
from app.providers.limits import LONGEST_WAIT_SECONDS

T = TypeVar("T")

_DELTA_SECONDS_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Truncated exponential backoff with full jitter; spans in seconds.

    Args:
        attempts: sends in all, the first included.
        base_seconds: upper bound of the first wait; doubles with each.
        cap_seconds: upper bound of any wait.
        total_seconds: from the first send on; a wait that would end later is not begun.
    """

    attempts: int = 5
    base_seconds: float = 1.0
    cap_seconds: float = 64.0
    total_seconds: float = 120.0


class Retrier:
    """Repeats an idempotent attempt.

    Args:
        sleep: waits, in seconds.
        jitter: a number in [0, 1) for each wait.
        monotonic: seconds of a clock that never jumps.
    """

    def __init__(
        self,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy or RetryPolicy()
        self._sleep = sleep
        self._jitter = jitter
        self._monotonic = monotonic

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Await `attempt()` until it returns, or fails in a way that trying again does not mend.

        Raises:
            ThrottledError: the service asks for more than a minute.
            ProviderError: the last failure.
        """
        began = self._monotonic()
        tries = 0
        while True:
            tries += 1
            try:
                return await attempt()
            except ProviderError as error:
                wait = self._wait(error, tries)
                if wait is None or self._monotonic() - began + wait > self._policy.total_seconds:
                    raise
            await self._sleep(wait)

    def _wait(self, error: ProviderError, tries: int) -> float | None:
        """Seconds until the next try, None if there is none."""
        policy = self._policy
        passing = isinstance(error, UnavailableError | ThrottledError) or (
            isinstance(error, OfflineError) and error.reason == CONNECT_TIMEOUT
        )
        if not passing or tries >= policy.attempts:
            return None
        wait = self._jitter() * min(policy.cap_seconds, policy.base_seconds * 2.0 ** (tries - 1))
        if isinstance(error, ThrottledError) and error.retry_after_seconds is not None:
            if error.retry_after_seconds > LONGEST_WAIT_SECONDS:
                return None
            # Jitter on top: many clients told the same second would otherwise come back together.
            wait += error.retry_after_seconds
        return wait


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110 §10.2.3), None if it is missing or unreadable.

    Args:
        value: seconds, or an HTTP date.
        now: aware; the present if not given. A date in the past is 0.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= _DELTA_SECONDS_DIGITS:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:  # "-0000": a date without a known zone; RFC 9110 dates are always GMT
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
