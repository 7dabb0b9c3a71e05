"""When an event is: wall clock plus zone, or dates. Offsets are always those of the event's own date.

Pure: no clock is read here. All-day dates never pass through UTC (`providers.md` §10.4, RFC 5545 §3.3.4-5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Moment = datetime | date
"""A wall-clock time without offset, or a date. A `datetime` is a `date` in Python: test for `datetime` first."""


CLOCK_OFF = timedelta(minutes=10)
"""From here on a service's time counts instead of the computer's (`engine.md` §13)."""


def is_timed(moment: Moment) -> bool:
    """Whether a moment has a time of day (a bare date does not)."""
    return isinstance(moment, datetime)


def at_midnight(moment: Moment) -> datetime:
    """A moment as naive wall time; a date is its first midnight."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time())


def to_utc(wall: Moment, zone: str) -> datetime:
    """The instant of a naive wall time (or of a date's midnight) in an IANA zone, aware in UTC.

    A time in a spring gap is read with the offset before the gap, an ambiguous one as the first (RFC 5545 §3.3.5).
    """
    return at_midnight(wall).replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def to_wall(instant: datetime, zone: str) -> datetime:
    """The naive wall time an aware instant has in an IANA zone."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


@dataclass(frozen=True, slots=True)
class When:
    """Start and exclusive end of an event.

    Timed: `start`, `end` are naive wall times in `zone` (IANA). All-day: both are dates, `zone` is None.
    Floating (RFC 5545 form 1): timed, `zone` holds the source calendar's zone and `floating` is True.
    `start == end` is legal for timed events.
    """

    start: Moment
    end: Moment
    zone: str | None = None
    floating: bool = False

    def __post_init__(self) -> None:
        if is_timed(self.start) != is_timed(self.end):
            raise ValueError("start and end must both be dates or both be times")
        if is_timed(self.start) and self.zone is None:
            raise ValueError("a timed event needs a zone")
        if at_midnight(self.start).tzinfo is not None or at_midnight(self.end).tzinfo is not None:
            raise ValueError("wall times carry no offset")

    @property
    def all_day(self) -> bool:
        """Whether the event covers whole dates."""
        return not is_timed(self.start)

    @property
    def duration(self) -> timedelta:
        """Wall-clock length; whole days for all-day events."""
        return at_midnight(self.end) - at_midnight(self.start)

    def start_instant(self, fallback_zone: str) -> datetime:
        """The instant it starts, in UTC; all-day events start at midnight of `fallback_zone`."""
        return to_utc(self.start, self.zone or fallback_zone)

    def end_instant(self, fallback_zone: str) -> datetime:
        """The instant it ends, in UTC; all-day events end at midnight of `fallback_zone`."""
        return to_utc(self.end, self.zone or fallback_zone)

    def moved_to(self, start: Moment) -> When:
        """The same length, starting elsewhere (an occurrence of a series)."""
        if isinstance(start, datetime) or not isinstance(self.start, datetime):
            return replace(self, start=start, end=start + self.duration)
        raise ValueError("a timed event cannot start at a bare date")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of absolute time, both ends aware in UTC, the end exclusive."""

    start: datetime
    end: datetime

    def covers(self, other: Span) -> bool:
        """Whether `other` lies wholly inside."""
        return self.start <= other.start and other.end <= self.end

    def meets(self, start: datetime, end: datetime) -> bool:
        """Whether [start, end) overlaps this span; an empty stretch counts by its start."""
        return start < self.end and (end > self.start or (start == end and start >= self.start))
