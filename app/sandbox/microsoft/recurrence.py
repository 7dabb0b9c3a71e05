"""Graph's ``patternedRecurrence``: validation, the dates it gives, and translation to and from RRULE lines.

Everything here is about dates in the recurrence zone; times of day and exceptions belong to ``occurrences.py``.
Reference: Graph ``recurrencePattern`` and ``recurrenceRange``; RFC 5545 section 3.3.10.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, islice
from typing import Any, Literal

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday

from app.sandbox.microsoft.errors import validation_failure
from app.sandbox.microsoft.zones import Zone

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_INDEX = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_ORDINAL = {number: name for name, number in _INDEX.items()}

# What a pattern type requires and what it may not carry with a value other than the default that reads return.
_REQUIRED = {
    "daily": {"interval"},
    "weekly": {"interval", "daysOfWeek"},
    "absoluteMonthly": {"interval", "dayOfMonth"},
    "relativeMonthly": {"interval", "daysOfWeek"},
    "absoluteYearly": {"interval", "dayOfMonth", "month"},
    "relativeYearly": {"interval", "daysOfWeek", "month"},
}
_OPTIONAL = {"weekly": {"firstDayOfWeek"}, "relativeMonthly": {"index"}, "relativeYearly": {"index"}}
_DEFAULTS: dict[str, Any] = {
    "interval": 1,
    "month": 0,
    "dayOfMonth": 0,
    "daysOfWeek": [],
    "firstDayOfWeek": "sunday",
    "index": "first",
}


class NotExpressibleError(ValueError):
    """An RRULE that Graph's patterns cannot say. The text names the part."""


def _pattern(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or value.get("type") not in _REQUIRED:
        raise validation_failure("The recurrence pattern has no known type.")
    kind = str(value["type"])
    unknown = set(value) - set(_DEFAULTS) - {"type", "@odata.type"}
    if unknown:
        raise validation_failure(f"The recurrence pattern has no property '{min(unknown)}'.")
    used = _REQUIRED[kind] | _OPTIONAL.get(kind, set())
    for name in _REQUIRED[kind]:
        if value.get(name) in (None, [], 0):
            raise validation_failure(f"A {kind} pattern needs '{name}'.")
    # Reads return every property with a zero default; only a value that means something is refused.
    for name, default in _DEFAULTS.items():
        if name not in used and value.get(name) not in (None, default):
            raise validation_failure(f"A {kind} pattern does not take '{name}'.")
    merged = {name: value[name] if value.get(name) is not None else default for name, default in _DEFAULTS.items()}
    days = merged["daysOfWeek"]
    if (
        not _whole(merged["interval"], 1, 999)
        or not _whole(merged["month"], 0, 12)
        or not _whole(merged["dayOfMonth"], 0, 31)
        or not isinstance(days, list)
        or any(day not in DAYS for day in days)
        or len(set(days)) != len(days)
        or merged["firstDayOfWeek"] not in DAYS
        or merged["index"] not in _INDEX
    ):
        raise validation_failure("A recurrence pattern property is out of range.")
    return {"type": kind, **merged}


def _whole(value: Any, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _day(value: Any, name: str) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise validation_failure(f"'{name}' is not a date.") from None


def validate(value: Any, first_day: date, zone: str, resolve_zone: Callable[[str], Zone]) -> dict[str, Any]:
    """Check a recurrence that a client sent and complete it with the defaults that reads return.

    Args:
        value: the JSON of ``recurrence``.
        first_day: the date of the event's ``start`` in its own zone.
        zone: the Windows name of that zone, taken when ``recurrenceTimeZone`` is absent.
        resolve_zone: finds a zone by name, raising a GraphError for an unknown one.

    Returns:
        The recurrence as it is stored and rendered.

    Raises:
        GraphError: 400 ``ErrorPropertyValidationFailure``.
    """
    if not isinstance(value, dict) or set(value) - {"pattern", "range", "@odata.type"}:
        raise validation_failure("A recurrence consists of a pattern and a range.")
    pattern = _pattern(value.get("pattern"))
    given = value.get("range")
    if not isinstance(given, dict) or given.get("type") not in ("endDate", "noEnd", "numbered"):
        raise validation_failure("The recurrence range has no known type.")
    unknown = set(given) - {"type", "startDate", "endDate", "numberOfOccurrences", "recurrenceTimeZone", "@odata.type"}
    if unknown:
        raise validation_failure(f"The recurrence range has no property '{min(unknown)}'.")
    kind = given["type"]
    start = _day(given.get("startDate"), "startDate")
    if start != first_day:
        raise validation_failure("The recurrence range's startDate is not the date of the event's start.")
    end, count = date.min, 0
    if kind == "endDate":
        end = _day(given.get("endDate"), "endDate")
        if end < start:
            raise validation_failure("The recurrence ends before it starts.")
    if kind == "numbered":
        count = given.get("numberOfOccurrences", 0)
        if not _whole(count, 1, 999):
            raise validation_failure("'numberOfOccurrences' is out of range.")
    elif given.get("numberOfOccurrences") not in (None, 0):
        raise validation_failure(f"A range of type {kind} does not take 'numberOfOccurrences'.")
    if kind != "endDate" and given.get("endDate") not in (None, date.min.isoformat()):
        raise validation_failure(f"A range of type {kind} does not take 'endDate'.")
    zone = resolve_zone(given["recurrenceTimeZone"]).windows if given.get("recurrenceTimeZone") else zone
    return {
        "pattern": pattern,
        "range": {
            "type": kind,
            "startDate": start.isoformat(),
            "endDate": end.isoformat(),
            "recurrenceTimeZone": zone,
            "numberOfOccurrences": count,
        },
    }


def dates(recurrence: Mapping[str, Any], *, clamp: bool, day_sets: str, more: int = 0) -> Iterator[date]:
    """The dates of a series in order, the range's end and count observed; endless for ``noEnd``.

    Args:
        recurrence: as ``validate`` returned it.
        clamp: a day 29 to 31 falls on the last day of a shorter month; otherwise that month is skipped.
        day_sets: several days with an index: ``position`` takes the n-th of all matching days (Outlook's "second
            weekday"), ``each`` the earliest of each day's own n-th.
        more: how many dates a numbered range has beyond its number.
    """
    limits = recurrence["range"]
    found = _unlimited(recurrence["pattern"], date.fromisoformat(limits["startDate"]), clamp, day_sets)
    if limits["type"] == "numbered":
        yield from islice(found, limits["numberOfOccurrences"] + more)
        return
    last = date.fromisoformat(limits["endDate"]) if limits["type"] == "endDate" else date.max
    for day in found:
        if day > last:
            return
        yield day


def _unlimited(pattern: Mapping[str, Any], start: date, clamp: bool, day_sets: str) -> Iterator[date]:
    begin = datetime.combine(start, time())
    interval = int(pattern["interval"])
    kind = str(pattern["type"])
    days = [DAYS.index(name) for name in pattern["daysOfWeek"]]
    rule: rrule
    if kind == "daily":
        rule = rrule(DAILY, begin, interval=interval)
    elif kind == "weekly":
        rule = rrule(WEEKLY, begin, interval=interval, wkst=DAYS.index(pattern["firstDayOfWeek"]), byweekday=days)
    else:
        frequency: Literal[0, 1] = YEARLY if kind.endswith("Yearly") else MONTHLY
        months = int(pattern["month"]) or None
        if kind.startswith("absolute"):
            day = int(pattern["dayOfMonth"])
            choice = list(range(28, day + 1)) if clamp and day > 28 else [day]
            rule = rrule(frequency, begin, interval=interval, bymonth=months, bymonthday=choice, bysetpos=-1)
        elif len(days) > 1 and day_sets == "each":
            place = _INDEX[pattern["index"]]
            each = [weekday(number, place) for number in days]
            # From the first of the month: which day is the earliest must not depend on the start.
            rule = rrule(frequency, begin.replace(day=1), interval=interval, bymonth=months, byweekday=each)
            moments = (moment.date() for moment in rule)
            for _, group in groupby(moments, key=lambda moment: (moment.year, moment.month)):
                earliest = next(group)
                if earliest >= start:
                    yield earliest
            return
        else:
            place = _INDEX[pattern["index"]]
            rule = rrule(frequency, begin, interval=interval, bymonth=months, byweekday=days, bysetpos=place)
    for moment in rule:
        yield moment.date()


def to_lines(recurrence: Mapping[str, Any], zone: Zone, all_day: bool) -> list[str]:
    """The RRULE line of a stored recurrence, for the control API's domain shape (provider reference, 10.3)."""
    pattern, limits = recurrence["pattern"], recurrence["range"]
    kind, interval = pattern["type"], pattern["interval"]
    codes = [_CODES[DAYS.index(day)] for day in pattern["daysOfWeek"]]
    parts: list[str] = []
    if kind == "daily":
        parts = ["FREQ=DAILY"]
    elif kind == "weekly":
        parts = ["FREQ=WEEKLY", f"BYDAY={','.join(codes)}", f"WKST={_CODES[DAYS.index(pattern['firstDayOfWeek'])]}"]
    else:
        parts = ["FREQ=YEARLY", f"BYMONTH={pattern['month']}"] if kind.endswith("Yearly") else ["FREQ=MONTHLY"]
        if kind.startswith("absolute"):
            day = pattern["dayOfMonth"]
            parts.append(f"BYMONTHDAY={day}" if day <= 28 else _clamped(day))
        elif len(codes) == 1:
            parts.append(f"BYDAY={_INDEX[pattern['index']]}{codes[0]}")
        else:
            parts += [f"BYDAY={','.join(codes)}", f"BYSETPOS={_INDEX[pattern['index']]}"]
    if interval != 1:
        parts.append(f"INTERVAL={interval}")
    if limits["type"] == "numbered":
        parts.append(f"COUNT={limits['numberOfOccurrences']}")
    if limits["type"] == "endDate":
        last = date.fromisoformat(limits["endDate"])
        if all_day:
            parts.append(f"UNTIL={last:%Y%m%d}")
        else:
            parts.append(f"UNTIL={zone.instant(datetime.combine(last, time(23, 59, 59))):%Y%m%dT%H%M%SZ}")
    return ["RRULE:" + ";".join(parts)]


def _clamped(day: int) -> str:
    return f"BYMONTHDAY={','.join(str(number) for number in range(28, day + 1))};BYSETPOS=-1"


def from_lines(lines: Iterable[str], start: datetime, zone: Zone, all_day: bool) -> tuple[dict[str, Any], set[date]]:
    """Translate RRULE and EXDATE lines into what a client would send, and the dates that are cancelled.

    Args:
        lines: ``RRULE:…`` (exactly one) and ``EXDATE…:…`` lines.
        start: naive wall time of the first occurrence in ``zone``.
        zone: the series' zone.
        all_day: whether start is a date.

    Returns:
        A recurrence for ``validate``, and the original dates excluded.

    Raises:
        NotExpressibleError: the lines say something that Graph's patterns cannot.
    """
    rules: list[dict[str, str]] = []
    cancelled: set[date] = set()
    for line in lines:
        head, _, value = line.partition(":")
        name = head.upper().split(";")[0]
        if name == "RRULE":
            rules.append(dict(part.upper().split("=", 1) for part in value.split(";") if "=" in part))
        elif name == "EXDATE":
            cancelled.update(_local(item, zone).date() for item in value.split(","))
        else:
            raise NotExpressibleError(f"Graph cannot say {name or 'an empty line'}.")
    if len(rules) != 1:
        raise NotExpressibleError("A Graph series has exactly one rule.")
    rule = rules[0]
    pattern = _pattern_from(rule, start.date())
    limits: dict[str, Any] = {"type": "noEnd", "startDate": start.date().isoformat()}
    if "COUNT" in rule:
        limits |= {"type": "numbered", "numberOfOccurrences": int(rule["COUNT"])}
    elif "UNTIL" in rule:
        limits |= {"type": "endDate", "endDate": _until(rule["UNTIL"], start, zone, all_day).isoformat()}
    return {"pattern": pattern, "range": limits}, cancelled


def _pattern_from(rule: Mapping[str, str], first: date) -> dict[str, Any]:
    frequency = rule.get("FREQ", "")
    unknown = set(rule) - {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"}
    if unknown:
        raise NotExpressibleError(f"Graph cannot say {min(unknown)}.")
    pattern: dict[str, Any] = {"interval": int(rule.get("INTERVAL", "1"))}
    ordinals, days = _by_day(rule)
    if frequency in ("DAILY", "WEEKLY"):
        if ordinals or {"BYMONTHDAY", "BYMONTH", "BYSETPOS"} & set(rule):
            raise NotExpressibleError(f"Graph cannot limit a {frequency} rule like this.")
        if frequency == "DAILY" and not days:
            return {"type": "daily", **pattern}
        if frequency == "DAILY" and pattern["interval"] != 1:
            raise NotExpressibleError("Graph cannot say every n-th day on certain weekdays.")
        week_start = DAYS[_CODES.index(rule.get("WKST", "MO"))]
        days = days or [DAYS[first.weekday()]]
        return {"type": "weekly", **pattern, "daysOfWeek": days, "firstDayOfWeek": week_start}
    if frequency not in ("MONTHLY", "YEARLY"):
        raise NotExpressibleError(f"Graph cannot say FREQ={frequency}.")
    suffix = frequency.capitalize()
    if frequency == "YEARLY":
        if days and "BYMONTH" not in rule:
            raise NotExpressibleError("Graph cannot say a weekday of the year.")
        pattern["month"] = _single(rule.get("BYMONTH", str(first.month)))
    elif "BYMONTH" in rule:
        raise NotExpressibleError("Graph cannot limit a MONTHLY rule to months.")
    if not days:
        day = _day_of_month(rule, first)
        # A yearly day that every year has is the same in both; the 31st of every month is not.
        longest = 28 if frequency == "MONTHLY" else _MONTH_LENGTHS[pattern["month"] - 1]
        if not 1 <= day <= longest and "BYSETPOS" not in rule:
            raise NotExpressibleError("Graph treats the end of a month in its own way.")
        return {"type": f"absolute{suffix}", **pattern, "dayOfMonth": day}
    if "BYMONTHDAY" in rule or (ordinals and "BYSETPOS" in rule) or len(set(ordinals)) > 1:
        raise NotExpressibleError("Graph cannot combine these parts.")
    place = ordinals[0] if ordinals else _single(rule.get("BYSETPOS", "0"))
    if place not in _ORDINAL or (ordinals and len(ordinals) != len(days)) or (ordinals and len(days) > 1):
        raise NotExpressibleError("Graph has only the first to fourth and the last of a weekday.")
    return {"type": f"relative{suffix}", **pattern, "daysOfWeek": days, "index": _ORDINAL[place]}


def _day_of_month(rule: Mapping[str, str], first: date) -> int:
    text = rule.get("BYMONTHDAY", str(first.day))
    if "BYSETPOS" not in rule:
        return _single(text)
    # What `to_lines` says for a day that is pulled back to the end of a shorter month.
    days = [_single(item) for item in text.split(",")]
    if rule["BYSETPOS"] != "-1" or not 28 < days[-1] <= 31 or days != list(range(28, days[-1] + 1)):
        raise NotExpressibleError("Graph cannot say BYSETPOS with days of the month.")
    return days[-1]


def _single(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise NotExpressibleError(f"Graph takes a single number, not {text}.")
    return int(text)


def _by_day(rule: Mapping[str, str]) -> tuple[list[int], list[str]]:
    ordinals: list[int] = []
    days: list[str] = []
    for item in rule["BYDAY"].split(",") if "BYDAY" in rule else []:
        match = re.fullmatch(r"([+-]?\d+)?(MO|TU|WE|TH|FR|SA|SU)", item)
        if match is None:
            raise NotExpressibleError(f"BYDAY={item} is not a weekday.")
        if match[1]:
            ordinals.append(int(match[1]))
        days.append(DAYS[_CODES.index(match[2])])
    return ordinals, days


def _local(text: str, zone: Zone) -> datetime:
    moment = datetime.fromisoformat(text.strip().upper().removesuffix("Z"))
    return zone.wall(moment.replace(tzinfo=UTC)) if text.strip().upper().endswith("Z") else moment


def _until(text: str, start: datetime, zone: Zone, all_day: bool) -> date:
    limit = _local(text, zone)
    if all_day or "T" not in text.upper() or limit.time() >= start.time():
        return limit.date()
    return limit.date() - timedelta(days=1)
