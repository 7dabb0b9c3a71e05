"""The time of a blocker: buffers before and after, and its minimum length (`engine.md` §2, §9). Pure.

Timed blockers only, by the wall clock: all-day originals keep their dates, and copies that show more than busy time
keep their original's time. Merging is `app.engine.blocks`' work.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.domain.events import Fields
from app.domain.pairs import DirectionSettings, Mode
from app.domain.times import Moment, When, to_utc, to_wall
from app.engine.fingerprint import is_sub_daily, rule_parts

_UNTIL_TIME = re.compile(r"(\d{8}T\d{6})(Z?)")


def merges(settings: DirectionSettings) -> bool:
    """Whether blockers of touching originals are one."""
    return settings.mode is Mode.BLOCKER and settings.merge_touching


def buffered(when: When, settings: DirectionSettings) -> When:
    """A time with the buffers of a direction; the same where it has none or the event is all-day.

    Raises:
        OverflowError: before year 1 or after year 9999.
    """
    start, end = when.start, when.end
    if settings.mode is not Mode.BLOCKER or not isinstance(start, datetime) or not isinstance(end, datetime):
        return when
    before, after = _before(settings), timedelta(minutes=settings.buffer_after_minutes)
    if not before and not after:
        return when
    zone = when.zone or "UTC"
    return replace(when, start=_moved(start, -before, zone), end=_moved(end, after, zone))


def lengthened(when: When, settings: DirectionSettings) -> When:
    """A time that is at least as long as the minimum of a direction: one that is shorter ends later.

    Raises:
        OverflowError: after year 9999.
    """
    minimum = timedelta(minutes=settings.minimum_minutes)
    if settings.mode is not Mode.BLOCKER or when.all_day or when.duration >= minimum:
        return when
    return replace(when, end=when.start + minimum)


def earlier(start: Moment, settings: DirectionSettings) -> Moment:
    """Where an occurrence of a copied series starts whose original starts here."""
    if settings.mode is not Mode.BLOCKER or not isinstance(start, datetime):
        return start
    return start - _before(settings)


def keeps_series(series: Fields, settings: DirectionSettings) -> bool:
    """Whether the blocker of a series can be a series: not where touching ones are merged, nor where the buffer moves
    the start of an occurrence to another date, or to a time that the rule itself speaks of.

    Raises:
        OverflowError: before year 1.
    """
    start = series.when.start
    if settings.mode is not Mode.BLOCKER or not isinstance(start, datetime):
        return True
    if settings.merge_touching:
        return False
    begins = start - _before(settings)
    if begins == start:
        return True
    if begins.date() != start.date() or is_sub_daily(series):
        return False
    lines = series.recurrence.lines if series.recurrence is not None else ()
    return not any(_ends_elsewhere(line, start, begins, series.when.zone or "UTC") for line in lines)


def _before(settings: DirectionSettings) -> timedelta:
    return timedelta(minutes=settings.buffer_before_minutes)


def _moved(wall: datetime, by: timedelta, zone: str) -> datetime:
    """A wall time moved by the wall clock; where that leads into a gap of the clock, by so much elapsed time."""
    moved = wall + by
    if to_wall(to_utc(moved, zone), zone) == moved:
        return moved
    return to_wall(to_utc(wall, zone) + by, zone)


def _ends_elsewhere(line: str, start: datetime, begins: datetime, zone: str) -> bool:
    """Whether a rule's UNTIL, which names a time of day, admits another last date for the earlier start."""
    until = _UNTIL_TIME.fullmatch(rule_parts(line.partition(":")[2]).get("UNTIL", ""))
    if until is None:
        return False
    try:
        last = datetime.strptime(until[1], "%Y%m%dT%H%M%S")  # noqa: DTZ007 - UTC or local, told by the Z
    except ValueError:
        return True
    if until[2]:
        last = to_wall(last.replace(tzinfo=UTC), zone)
    return (last.time() < start.time()) != (last.time() < begins.time())
