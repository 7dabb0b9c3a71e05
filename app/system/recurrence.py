"""RRULE, RDATE and EXRULE of a series as starts in wall-clock time (RFC 5545 §3.8.5). Pure; on python-dateutil.

dateutil walks on to the year 9999 for a rule that matches nothing: `RuleSet.simple` says which rules surely match
within a few steps of any end, so that walking them is bounded. All others belong into a process that can be killed.

Excluded dates (EXDATE) do not count here: a cancelled occurrence is one all the same (`domain.ports.Expander`).
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrule, rrulestr

from app.domain.errors import InputError
from app.domain.times import Moment, to_utc

MAX_OCCURRENCES: Final = 10_000
MAX_CANDIDATES: Final = 100_000

_PARTS: Final = frozenset(
    "FREQ UNTIL COUNT INTERVAL BYSECOND BYMINUTE BYHOUR BYDAY BYMONTHDAY BYYEARDAY BYWEEKNO BYMONTH BYSETPOS "
    "WKST".split()
)
_FREQUENCIES: Final = frozenset("YEARLY MONTHLY WEEKLY DAILY HOURLY MINUTELY SECONDLY".split())
_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY: Final = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_MOST_DAYS_WALKED: Final = 4_000
_LONGEST_INTERVAL: Final = 1_000
_LONGEST_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_RANGES: Final = {
    "BYSECOND": (0, 60),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (1, 366),
}
_SIGNED: Final = frozenset({"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"})


def unreadable(message: str) -> InputError:
    """A rule that cannot be understood."""
    return InputError(message, code="rule_unreadable")


def too_dense() -> InputError:
    """A rule that would give more occurrences than can be kept in step."""
    return InputError("This series repeats too often to be kept in step.", code="series_too_dense")


@dataclass(frozen=True, slots=True)
class Rule:
    """One RRULE or EXRULE, its parts checked.

    Args:
        parts: names in upper case to values in upper case, UNTIL left out.
        until: last start as an instant (aware), a wall time (naive), or a date; None without one.
    """

    parts: tuple[tuple[str, str], ...]
    until: Moment | None

    def part(self, name: str) -> str:
        """The value of a part, empty if the rule lacks it."""
        return dict(self.parts).get(name, "")

    @property
    def interval(self) -> int:
        """Every how many periods."""
        return int(self.part("INTERVAL") or "1")


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A series as rules.

    Args:
        start: first start, as naive wall time in `zone`; midnight for dates.
        zone: where the wall clock hangs.
        all_day: the starts are dates.
        rules, excluded, dates: RRULE, EXRULE, RDATE.
    """

    start: datetime
    zone: str
    all_day: bool
    rules: tuple[Rule, ...]
    excluded: tuple[Rule, ...]
    dates: tuple[datetime, ...]

    def simple(self, before: datetime) -> bool:
        """Whether the starts before a wall time can be walked here, at most a few thousand steps."""
        return all(_simple(rule, self.start, before) for rule in (*self.rules, *self.excluded))

    def walls(self, after: datetime, before: datetime) -> list[datetime]:
        """Starts with `after <= start < before`, in order, as naive wall times.

        The first start always counts, whether the rule gives it or not (RFC 5545 §3.8.5.3 leaves that open; Google
        counts it). May run for ever on a rule that is not `simple`.

        Raises:
            InputError: `series_too_dense`.
        """
        budget = _Budget(MAX_CANDIDATES)
        gone = {wall for rule in self.excluded for wall in self._walk(rule, after, before, budget)}
        found = {wall for wall in (self.start, *self.dates) if after <= wall < before}
        for rule in self.rules:
            for wall in self._walk(rule, after, before, budget):
                found.add(wall)
                if len(found) - len(gone) > MAX_OCCURRENCES:
                    raise too_dense()
        starts = sorted(found - gone)
        if len(starts) > MAX_OCCURRENCES:
            raise too_dense()
        return starts

    def _walk(self, rule: Rule, after: datetime, before: datetime, budget: _Budget) -> Iterator[datetime]:
        walker = _walker(rule, _forward(rule, self.start, after), self.start)
        # Set on the walker itself, as `replace(until=…)` warns about a rule that has COUNT too.
        walker._until = before - timedelta(microseconds=1)  # type: ignore[attr-defined]  # no public way, see above
        for wall in walker:
            budget.spend()
            if not self._within(rule, wall):
                return
            if wall >= after:
                yield wall

    def _within(self, rule: Rule, wall: datetime) -> bool:
        until = rule.until
        if until is None:
            return True
        if not isinstance(until, datetime):
            return wall.date() <= until
        if until.tzinfo is not None:
            return to_utc(wall, self.zone) <= until
        return wall <= until


class _Budget:
    """Counts candidates over all rules of a series."""

    def __init__(self, left: int) -> None:
        self._left = left

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise too_dense()


def read_rules(lines: Sequence[str], start: Moment, zone: str) -> RuleSet:
    """Parse the lines of a series. What was read last is remembered: each run asks for the same series again.

    Args:
        lines: RRULE, RDATE and EXRULE lines; EXDATE lines are allowed and change nothing.
        start: naive wall time in `zone`, or a date for an all-day series.
        zone: IANA name.

    Raises:
        InputError: `rule_unreadable`.
    """
    return _read(tuple(lines), start, zone)


@lru_cache(maxsize=256)
def _read(lines: tuple[str, ...], start: Moment, zone: str) -> RuleSet:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise unreadable(f"There is no time zone {zone!r}.") from error
    all_day = not isinstance(start, datetime)
    first = start if isinstance(start, datetime) else datetime.combine(start, time())
    rules: list[Rule] = []
    excluded: list[Rule] = []
    dates: list[datetime] = []
    for line in lines:
        head, colon, value = line.strip().partition(":")
        name, *parameters = head.upper().split(";")
        if not colon or not value:
            raise unreadable("A line of the repeat rule is not complete.")
        if name in ("RRULE", "EXRULE"):
            rule = _rule(value.upper(), all_day)
            _walker(rule, first, first)
            (rules if name == "RRULE" else excluded).append(rule)
        elif name == "RDATE":
            dates.extend(_dates(value, head.split(";")[1:], zone, all_day))
        elif name != "EXDATE":
            raise unreadable(f"The repeat rule holds a line {name[:20]!r} that Kalends does not know.")
        if any(item == "VALUE=PERIOD" for item in parameters):
            raise unreadable("The repeat rule adds dates of another length, which Kalends does not know.")
    return RuleSet(first, zone, all_day, tuple(rules), tuple(excluded), tuple(dates))


def _rule(value: str, all_day: bool) -> Rule:
    parts: dict[str, str] = {}
    for item in value.rstrip(";").split(";"):
        key, equals, content = item.partition("=")
        if not equals or not content or key not in _PARTS or key in parts:
            raise unreadable(f"The repeat rule holds a part {item[:40]!r} that Kalends does not know.")
        parts[key] = content
    if parts.get("FREQ") not in _FREQUENCIES:
        raise unreadable("The repeat rule does not say how often.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise unreadable("The repeat rule has two ends.")
    for key in ("COUNT", "INTERVAL"):
        if key in parts and not (re.fullmatch(r"\d{1,9}", parts[key]) and int(parts[key]) > 0):
            raise unreadable(f"The {key} of the repeat rule is not a positive number.")
    if parts.get("WKST", "MO") not in _DAYS:
        raise unreadable("The repeat rule begins its week at an unknown day.")
    if "BYDAY" in parts and not all(_good_day(day) for day in parts["BYDAY"].split(",")):
        raise unreadable("The repeat rule names an unknown day of the week.")
    for key, (low, high) in _RANGES.items():
        for text in parts[key].split(",") if key in parts else ():
            if not re.fullmatch(r"[+-]?\d{1,3}" if key in _SIGNED else r"\d{1,3}", text):
                raise unreadable(f"The {key} of the repeat rule is not a list of numbers.")
            if not low <= abs(int(text)) <= high:
                raise unreadable(f"The {key} of the repeat rule is out of range.")
    until = _until(parts.pop("UNTIL"), all_day) if "UNTIL" in parts else None
    return Rule(tuple(parts.items()), until)


def _good_day(text: str) -> bool:
    found = _DAY.fullmatch(text)
    return found is not None and (found[1] is None or 1 <= abs(int(found[1])) <= 53)


def _until(text: str, all_day: bool) -> Moment:
    """UNTIL: an instant, a wall time (floating) or a date. A date ends a timed series with that whole day."""
    moment = _moment(text)
    if all_day and isinstance(moment, datetime):
        return moment.date()
    return moment


def _moment(text: str) -> Moment:
    try:
        if re.fullmatch(r"\d{8}", text):
            return date.fromisoformat(text)
        if re.fullmatch(r"\d{8}T\d{6}Z?", text):
            wall = datetime.fromisoformat(text.removesuffix("Z"))
            return wall.replace(tzinfo=UTC) if text.endswith("Z") else wall
    except ValueError as error:
        raise unreadable(f"The repeat rule holds {text!r}, which is no date.") from error
    raise unreadable(f"The repeat rule holds {text[:40]!r}, which is no date.")


def _dates(value: str, parameters: Sequence[str], zone: str, all_day: bool) -> Iterator[datetime]:
    own = next((item.partition("=")[2].strip('"') for item in parameters if item.upper().startswith("TZID=")), zone)
    if any(item.upper() == "VALUE=PERIOD" for item in parameters):
        raise unreadable("The repeat rule adds dates of another length, which Kalends does not know.")
    try:
        target = ZoneInfo(zone)
        ZoneInfo(own)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise unreadable(f"There is no time zone {own[:60]!r}.") from error
    for text in value.split(","):
        moment = _moment(text.strip().upper())
        if not isinstance(moment, datetime):
            yield datetime.combine(moment, time())
        elif all_day:
            yield datetime.combine(moment.date(), time())
        else:
            instant = moment if moment.tzinfo is not None else to_utc(moment, own)
            yield moment if own == zone and moment.tzinfo is None else instant.astimezone(target).replace(tzinfo=None)


def _walker(rule: Rule, start: datetime, first: datetime) -> rrule:
    parts = dict(rule.parts)
    if "BYWEEKNO" in parts and "BYDAY" not in parts and "BYMONTHDAY" not in parts and "BYYEARDAY" not in parts:
        # dateutil gives the whole week; what a rule leaves open comes from its first start (RFC 5545 §3.3.10).
        parts["BYDAY"] = _DAYS[first.weekday()]
    try:
        walker = rrulestr(";".join(f"{key}={content}" for key, content in parts.items()), dtstart=start)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise unreadable("The repeat rule cannot be understood.") from error
    if not isinstance(walker, rrule):
        raise unreadable("The repeat rule holds more than one rule in a line.")
    return copy.copy(walker)


def _forward(rule: Rule, start: datetime, after: datetime) -> datetime:
    """A later start that gives the same starts from `after` on, so that old series are not walked from their birth."""
    step = {"DAILY": 1, "WEEKLY": 7}.get(rule.part("FREQ"), 0) * rule.interval
    days = (after - start).days
    if not step or rule.part("COUNT") or days <= 2 * step + 7:
        return start
    # One whole step and week before, so that the week in which the walk starts is whole where it counts.
    return start + timedelta(days=((days - 7) // step - 1) * step)


def _numbers(rule: Rule, name: str) -> tuple[int, ...]:
    text = rule.part(name)
    return tuple(int(item) for item in text.split(",")) if text else ()


def _simple(rule: Rule, start: datetime, before: datetime) -> bool:
    if set(dict(rule.parts)) - {"FREQ", "COUNT", "INTERVAL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"}:
        return False
    if rule.interval > _LONGEST_INTERVAL:
        return False
    if rule.part("COUNT") and (before - start).days > _MOST_DAYS_WALKED:
        return False
    names = {name for name, _ in rule.parts if name.startswith("BY")}
    match rule.part("FREQ"):
        case "DAILY":
            # An interval of a multiple of seven days may miss a weekday for ever.
            return not names or (names == {"BYDAY"} and not _ordinals(rule) and math.gcd(rule.interval, 7) == 1)
        case "WEEKLY":
            return not names or (names == {"BYDAY"} and not _ordinals(rule))
        case "MONTHLY":
            return _monthly(rule, names)
        case "YEARLY":
            return _yearly(rule, names, start)
    return False


def _ordinals(rule: Rule) -> tuple[int, ...]:
    found = (_DAY.fullmatch(day) for day in rule.part("BYDAY").split(","))
    return tuple(int(match[1]) for match in found if match is not None and match[1])


def _monthly(rule: Rule, names: set[str]) -> bool:
    every = rule.interval == 1
    if not names:
        return True
    if names == {"BYMONTHDAY"}:
        return every or all(abs(day) <= 28 for day in _numbers(rule, "BYMONTHDAY"))
    ordinals = _ordinals(rule)
    if names == {"BYDAY"}:
        return all(abs(number) <= (5 if every else 4) for number in ordinals)
    if names == {"BYDAY", "BYSETPOS"} and not ordinals:
        # Each weekday is there at least four times in a month.
        most = 4 * len(rule.part("BYDAY").split(","))
        return all(abs(position) <= most for position in _numbers(rule, "BYSETPOS"))
    return False


def _yearly(rule: Rule, names: set[str], start: datetime) -> bool:
    if not names:
        return rule.interval == 1 or (start.month, start.day) != (2, 29)
    months = _numbers(rule, "BYMONTH")
    if not months:
        return False
    if names == {"BYMONTH"} or names == {"BYMONTH", "BYMONTHDAY"}:
        days = _numbers(rule, "BYMONTHDAY") or (start.day,)
        if all(abs(day) <= 28 for day in days):
            return True
        return rule.interval == 1 and any(abs(day) <= _LONGEST_MONTHS[m - 1] for day in days for m in months)
    ordinals = _ordinals(rule)
    if names == {"BYMONTH", "BYDAY"}:
        return all(abs(number) <= 4 for number in ordinals)
    if names == {"BYMONTH", "BYDAY", "BYSETPOS"} and not ordinals:
        most = 4 * len(rule.part("BYDAY").split(",")) * len(months)
        return all(abs(position) <= most for position in _numbers(rule, "BYSETPOS"))
    return False
