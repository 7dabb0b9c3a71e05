"""VTIMEZONE components from the IANA database (RFC 5545 §3.6.5). Pure.

icalendar makes such components too, but begins summer time by the clock after the change, where RFC 5545 asks for the
one before it: readers would be off for an hour twice a year. Here the last rule of a zone goes on without an end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard
from icalendar.prop import vRecur

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(2037, 12, 31, tzinfo=UTC)
_STRIDE = timedelta(days=10)
"""No zone changes twice within so few days, but for a handful of decrees that cancel each other."""
_RULE_FROM_YEARS = 5
"""So many years in a row of the same kind, until the end of the table, make a rule."""
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of a zone's offset: `wall` is its moment by the clock before it."""

    wall: datetime
    before: timedelta
    after: timedelta
    name: str
    daylight: bool

    @property
    def kind(self) -> tuple[timedelta, timedelta, str, bool]:
        return self.before, self.after, self.name, self.daylight


@lru_cache(maxsize=64)
def zone_text(zone: str) -> str:
    """The VTIMEZONE of an IANA zone from 1970 on.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"there is no time zone {zone}") from error
    made = Timezone()
    made.add("TZID", zone)
    first = _FIRST.astimezone(info)
    offset = first.utcoffset() or timedelta()
    start = _Change(datetime(1970, 1, 1), offset, offset, first.tzname() or zone, bool(first.dst()))  # noqa: DTZ001 - a wall clock
    _add(made, [start], None)
    by_kind: dict[tuple[timedelta, timedelta, str, bool], list[_Change]] = {}
    for change in _changes(info):
        by_kind.setdefault(change.kind, []).append(change)
    for changes in by_kind.values():
        single, ruled = _split(changes)
        if single:
            _add(made, single, None)
        if ruled:
            _add(made, ruled[:1], _rule(ruled))
    whole: bytes = made.to_ical()
    return whole.decode()


def _changes(info: ZoneInfo) -> Iterator[_Change]:
    steps = int((_LAST - _FIRST) / _STRIDE)
    for start, end in pairwise(_FIRST + _STRIDE * number for number in range(steps + 1)):
        before = start.astimezone(info).utcoffset()
        if before == end.astimezone(info).utcoffset():
            continue
        low, high = start, end
        while high - low > timedelta(seconds=1):
            middle = low + (high - low) // 2
            low, high = (middle, high) if middle.astimezone(info).utcoffset() == before else (low, middle)
        moment = high.replace(microsecond=0)
        then = moment.astimezone(info)
        offset = before or timedelta()
        wall = (moment + offset).replace(tzinfo=None)
        yield _Change(wall, offset, then.utcoffset() or timedelta(), then.tzname() or "", bool(then.dst()))


def _split(changes: Sequence[_Change]) -> tuple[Sequence[_Change], Sequence[_Change]]:
    """Changes to be listed one by one, and those of a rule that holds until the end of the table."""
    last = changes[-1]
    if last.wall.year < _LAST.year - 1:
        return changes, ()
    ruled: list[_Change] = []
    for change in reversed(changes):
        follows = change.wall.year == last.wall.year - len(ruled) and _same(change.wall, last.wall)
        if not follows or _common([change, *ruled]) is None:
            break
        ruled.insert(0, change)
    if len(ruled) < _RULE_FROM_YEARS:
        return changes, ()
    return changes[: len(changes) - len(ruled)], ruled


def _same(one: datetime, other: datetime) -> bool:
    return (one.month, one.weekday(), one.time()) == (other.month, other.weekday(), other.time())


def _common(changes: Sequence[_Change]) -> str | None:
    """Which such weekday of its month it is in every year: `2SU` or `-1SU`; None where that is not always the same."""
    counted = {(change.wall.day - 1) // 7 + 1 for change in changes}
    if all((change.wall + timedelta(days=7)).month != change.wall.month for change in changes):
        counted = {-1}
    if len(counted) != 1:
        return None
    return f"{counted.pop()}{_DAYS[changes[-1].wall.weekday()]}"


def _rule(changes: Sequence[_Change]) -> str:
    return f"FREQ=YEARLY;BYMONTH={changes[-1].wall.month};BYDAY={_common(changes)}"


def _add(made: Timezone, changes: Sequence[_Change], rule: str | None) -> None:
    first, *others = changes
    part = TimezoneDaylight() if first.daylight else TimezoneStandard()
    part.add("DTSTART", first.wall)
    part.add("TZOFFSETFROM", first.before)
    part.add("TZOFFSETTO", first.after)
    part.add("TZNAME", first.name)
    if rule is not None:
        part.add("RRULE", vRecur.from_ical(rule))
    elif others:
        part.add("RDATE", [change.wall for change in others])
    made.add_component(part)
