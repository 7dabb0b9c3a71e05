"""Whether this computer's clock can be right at all (`reliability.md` A9). One that is years off keeps runs waiting.

A run with such a clock would see other events in its window, take what is ahead for past, and forget history too early.
Years, not minutes: a clock that is a little off is the engine's matter, which goes by the services' time then. A
computer that was really switched off for a year is told from one with an empty battery by asking a service.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from app.domain.errors import StorageError
from app.domain.ports import Clock
from app.services.views import Problem
from app.store.state import StateRepository

YEARS = timedelta(days=365)
"""From here on a jump is impossible, unless a service says the same."""
AGREES_WITHIN = timedelta(days=1)
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""This program did not exist before."""
KEPT_EVERY = timedelta(hours=1)
ASK_AGAIN_SECONDS = 60.0
CODE = "clock_wrong"
_SEEN = "clock_seen_at"

_log = structlog.get_logger(__name__)


async def _nobody() -> datetime | None:
    return None


class ClockGuard:
    """Knows what time it was, and judges what time it is said to be.

    Args:
        ask: what time a service says it is, None where none answers.
        when_right: called when the clock is right again after it was wrong.
    """

    def __init__(
        self,
        state: StateRepository,
        clock: Clock,
        *,
        ask: Callable[[], Awaitable[datetime | None]] = _nobody,
        when_right: Callable[[], object] = lambda: None,
    ) -> None:
        self._state = state
        self._clock = clock
        self._ask = ask
        self._when_right = when_right
        kept = state.get(_SEEN)
        self._seen = None if kept is None else datetime.fromisoformat(kept)
        self._wrong = False
        self._told: datetime | None = None
        self._asked_at = -ASK_AGAIN_SECONDS
        self._asking: asyncio.Task[None] | None = None

    def problem(self) -> Problem | None:
        """What is wrong with the clock, None where nothing is. Asks a service where it matters; call on the loop."""
        now = self._clock.now()
        if self._plausible(now):
            self._right(now)
            return None
        if not self._wrong:
            _log.error("clock.impossible", now=now.isoformat(), seen=None if self._seen is None else str(self._seen))
        self._wrong = True
        self._ask_soon()
        return Problem(CODE, self._sentence(now))

    async def stop(self) -> None:
        """End a question under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _plausible(self, now: datetime) -> bool:
        if now < EARLIEST:
            return False
        return abs(now - (self._seen or EARLIEST)) < (YEARS if self._seen is not None else 10 * YEARS)

    def _right(self, now: datetime) -> None:
        if self._seen is None or abs(now - self._seen) >= KEPT_EVERY:
            self._seen = now
            try:
                self._state.put(_SEEN, now.isoformat())
            except StorageError as error:
                # Known for this start at least; whoever writes next says what is the matter with the disk.
                _log.warning("clock.not_kept", error=error.code)
        if self._wrong:
            self._wrong, self._told = False, None
            _log.info("clock.right_again")
            # Soon, not now: whoever asked may be a run in the middle of something.
            asyncio.get_running_loop().call_soon(self._when_right)

    def _ask_soon(self) -> None:
        if self._asking is not None and not self._asking.done():
            return
        if time.monotonic() - self._asked_at >= ASK_AGAIN_SECONDS:
            self._asked_at = time.monotonic()
            self._asking = asyncio.get_running_loop().create_task(self._compare(), name="clock guard")

    async def _compare(self) -> None:
        try:
            told = await self._ask()
        except Exception:  # noqa: BLE001 - the last border of a task: it is asked again in a minute
            _log.exception("clock.not_asked")
            return
        now = self._clock.now()
        self._told = told
        if told is not None and abs(told - now) < AGREES_WITHIN:
            self._right(now)

    def _sentence(self, now: datetime) -> str:
        services = "" if self._told is None else f" The calendar services say {self._told:%d %B %Y}."
        return (
            f"This computer's clock says {now.astimezone():%d %B %Y}, which cannot be right.{services} "
            "Kalends waits, and deletes nothing, until the clock is set."
        )
