"""Expansion of the RRULE, EXRULE, RDATE and EXDATE lines of a series (RFC 5545 section 3.8.5) in its own time zone.

Arithmetic is on wall-clock time, so that nine o'clock stays nine o'clock over a change of the clocks. Every expansion
is bounded by its span and by a count: a rule that never matches, or matches every minute, must not hang the service.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrule, rrulestr

MAX_STEPS: Final = 20_000
"""Starts that one rule may yield before an expansion is refused."""

_PARTS: Final = frozenset(
    {"FREQ", "UNTIL", "COUNT", "INTERVAL", "BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY", "BYMONTHDAY", "BYYEARDAY"}
    | {"BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST"}
)
_FREQUENCIES: Final = frozenset({"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"})


class RecurrenceError(ValueError):
    """A line is not a rule this service accepts. The text says which and why."""


def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        RecurrenceError: no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RecurrenceError(f"There is no time zone {name!r}.") from error


def _wall(text: str, tz: ZoneInfo, tzid: str | None, all_day: bool) -> datetime:
    """A DATE or DATE-TIME value as naive wall time in the series' zone."""
    try:
        if re.fullmatch(r"\d{8}", text):
            return datetime.fromisoformat(text)
        if not re.fullmatch(r"\d{8}T\d{6}Z?", text):
            raise RecurrenceError(f"{text!r} is no date or date-time.")
        moment = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError as error:
        raise RecurrenceError(f"{text!r} is no date or date-time.") from error
    if all_day:
        return datetime.combine(moment.date(), time())
    if text.endswith("Z"):
        return moment.replace(tzinfo=UTC).astimezone(tz).replace(tzinfo=None)
    if tzid is not None:
        return moment.replace(tzinfo=zone(tzid)).astimezone(tz).replace(tzinfo=None)
    return moment


@dataclass(frozen=True)
class Series:
    """The starts of a recurring event.

    Args:
        start: the first start as naive wall time in `tz`; midnight for an all-day series.
        tz: the zone in which the wall time repeats; ignored for all-day series.
        lines: `RRULE:…`, `EXRULE:…`, `RDATE…:…`, `EXDATE…:…`, in any order.
        all_day: whether the starts are dates.
    """

    start: datetime
    tz: ZoneInfo
    lines: tuple[str, ...]
    all_day: bool = False

    @cached_property
    def _parsed(self) -> tuple[list[rrule], list[rrule], list[datetime], set[datetime]]:
        rules: list[rrule] = []
        excluded_rules: list[rrule] = []
        dates: list[datetime] = []
        excluded: set[datetime] = set()
        for line in self.lines:
            head, colon, value = line.partition(":")
            name, *parameters = head.split(";")
            if not colon or not value:
                raise RecurrenceError(f"{line!r} is no recurrence line.")
            if name.upper() in ("RRULE", "EXRULE"):
                (rules if name.upper() == "RRULE" else excluded_rules).append(self._rule(value))
            elif name.upper() in ("RDATE", "EXDATE"):
                if any(item.upper() == "VALUE=PERIOD" for item in parameters):
                    raise RecurrenceError("Periods are not supported in RDATE.")
                tzid = next((item.split("=", 1)[1] for item in parameters if item.upper().startswith("TZID=")), None)
                moments = [_wall(text, self.tz, tzid, self.all_day) for text in value.split(",")]
                if name.upper() == "RDATE":
                    dates.extend(moments)
                else:
                    excluded.update(moments)
            else:
                raise RecurrenceError(f"{name!r} may not stand in a recurrence.")
        return rules, excluded_rules, dates, excluded

    def _rule(self, value: str) -> rrule:
        parts: dict[str, str] = {}
        for item in value.split(";"):
            key, equals, content = item.partition("=")
            if not equals or not content or key.upper() not in _PARTS or key.upper() in parts:
                raise RecurrenceError(f"{item!r} is not a valid part of a recurrence rule.")
            parts[key.upper()] = content.upper()
        if parts.get("FREQ") not in _FREQUENCIES:
            raise RecurrenceError(f"The frequency {parts.get('FREQ')!r} is not supported.")
        if "COUNT" in parts and "UNTIL" in parts:
            raise RecurrenceError("A rule has COUNT or UNTIL, not both.")
        if "COUNT" in parts and not (parts["COUNT"].isdigit() and int(parts["COUNT"]) > 0):
            raise RecurrenceError("COUNT must be a positive number.")
        if "INTERVAL" in parts and not (parts["INTERVAL"].isdigit() and int(parts["INTERVAL"]) > 0):
            raise RecurrenceError("INTERVAL must be a positive number.")
        until: datetime | None = None
        if "UNTIL" in parts:
            text = parts.pop("UNTIL")
            until = _wall(text, self.tz, None, self.all_day)
            if not self.all_day and "T" not in text:
                until = datetime.combine(until.date(), time(23, 59, 59))
        body = ";".join(f"{key}={content}" for key, content in parts.items())
        try:
            rule = rrulestr(f"RRULE:{body}", dtstart=self.start)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise RecurrenceError(f"{value!r} is not a valid recurrence rule: {error}") from error
        if not isinstance(rule, rrule):  # one RRULE line never gives a set; mypy and a reader can rely on it
            raise RecurrenceError(f"{value!r} is not a single rule.")
        return rule.replace(until=until) if until is not None else rule

    def validate(self) -> None:
        """Parse every line.

        Raises:
            RecurrenceError: a line is malformed or uses something this service does not take.
        """
        if not self._parsed[0] and not self._parsed[2]:
            raise RecurrenceError("A recurrence needs an RRULE or an RDATE.")

    def walls(self, after: datetime, before: datetime) -> list[datetime]:
        """Starts as naive wall time with `after <= start < before`, in order.

        Raises:
            RecurrenceError: a line is malformed, or the span holds too many starts.
        """
        rules, excluded_rules, dates, excluded = self._parsed
        found = {moment for moment in (self.start, *dates) if after <= moment < before}
        found.update(moment for rule in rules for moment in _bounded(rule, after, before))
        gone = excluded | {moment for rule in excluded_rules for moment in _bounded(rule, after, before)}
        return sorted(found - gone)

    def starts(self, after: datetime, before: datetime) -> list[datetime]:
        """Starts as aware moments in `tz` with `after <= start < before`, both bounds aware; not for all-day series.

        A time that the clocks skip is read with the offset before the gap, one that repeats as the first (RFC 5545
        3.3.5).
        """
        margin = timedelta(days=1)
        walls = self.walls(_naive(after, self.tz) - margin, _naive(before, self.tz) + margin)
        moments = [wall.replace(tzinfo=self.tz) for wall in walls]
        return [moment for moment in moments if after <= moment.astimezone(UTC) < before]

    def days(self, after: date, before: date) -> list[date]:
        """Starts of an all-day series with `after <= day < before`."""
        walls = self.walls(datetime.combine(after, time()), datetime.combine(before, time()))
        return [wall.date() for wall in walls]

    def contains(self, wall: datetime) -> bool:
        """Whether the rules give a start at exactly this naive wall time."""
        return bool(self.walls(wall, wall + timedelta(seconds=1)))


def _naive(moment: datetime, tz: ZoneInfo) -> datetime:
    return moment.astimezone(tz).replace(tzinfo=None)


def _bounded(rule: rrule, after: datetime, before: datetime) -> Iterable[datetime]:
    # dateutil walks on to the year 9999 looking for a match; an end makes every walk finite. It is set on a copy
    # because `replace(until=…)` warns about a rule that has COUNT too, where the earlier of the two is exactly what
    # is wanted.
    bounded = copy.copy(rule)
    own_until: datetime | None = rule._until  # type: ignore[attr-defined]  # dateutil has no public reader for it
    last = before - timedelta(microseconds=1)
    bounded._until = last if own_until is None else min(own_until, last)  # type: ignore[attr-defined]  # as above
    for steps, moment in enumerate(bounded):
        if steps >= MAX_STEPS:
            raise RecurrenceError("The series has too many occurrences.")
        if moment >= after:
            yield moment
