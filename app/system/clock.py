"""The machine's clock behind `domain.ports.Clock`. Nothing else in Kalends may ask the system for the time of day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from app.domain.ports import Clock
from app.domain.times import CLOCK_OFF

_MISTAKEN = timedelta(days=365)
"""A service that is so far off says nothing about this computer's clock."""

_log = structlog.get_logger(__name__)


class SystemClock:
    """`domain.ports.Clock` on the system's time."""

    def now(self) -> datetime:
        """Now, aware in UTC."""
        return datetime.now(UTC)


class ServiceTime:
    """`domain.ports.Clock` for runs: this computer's time, or the services' where that is over ten minutes off.

    Args:
        clock: this computer's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._off = timedelta()
        self._told = False

    def now(self) -> datetime:
        """Now, aware in UTC."""
        return self._clock.now() + self._off

    @property
    def told(self) -> bool:
        """Whether a service said what time it is since the start: until then this computer's may be months off."""
        return self._told

    def listening(self) -> Callable[[datetime], None]:
        """A service is being asked. Returns what hears the time that its answer tells, when that is read.

        No exchange takes so long as `CLOCK_OFF`: over one that seems to, the computer slept, and the time in an answer
        from before would hide the sleep (`reliability.md` A8); or its clock was set. The next answer tells.
        """
        asked_at = self._clock.now()

        def hear(told: datetime) -> None:
            if abs(self._clock.now() - asked_at) < CLOCK_OFF:
                self.heard(told)

        return hear

    def heard(self, told: datetime) -> None:
        """A service said what time it is, in whole seconds; aware."""
        off = told - self._clock.now()
        if abs(off) >= _MISTAKEN:
            return
        self._told = True
        if abs(off) < CLOCK_OFF:
            off = timedelta()
        elif abs(off - self._off) < CLOCK_OFF:
            return
        if off != self._off:
            _log.warning("clock.off", minutes=round(off.total_seconds() / 60))
        self._off = off
