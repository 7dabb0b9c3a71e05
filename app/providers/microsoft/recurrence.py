"""RRULE to and from Graph's `patternedRecurrence`, exactly or not at all (`providers.md` §5.7, §10.3). Pure.

A rule that Graph cannot say is refused as a whole: dropping one part would give a plausible wrong series. References:
RFC 5545 §3.3.10; Graph `recurrencePattern`, `recurrenceRange`.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from app.domain.errors import ProtocolError
from app.domain.events import Recurrence
from app.domain.times import Moment, to_utc, to_wall

_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_INDEX = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_INDEX_NAMES = {number: name for name, number in _INDEX.items()}
_PARTS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"})
_UNITS = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
_MOST_COUNT = 999
"""Exchange refuses longer numbered series."""
_MOST_INTERVAL = {"DAILY": 999, "WEEKLY": 99, "MONTHLY": 99, "YEARLY": 99}


class NotExpressibleError(ValueError):
    """Graph cannot say this rule exactly; the text names the part. Never leaves this package."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """One RRULE, parsed: only the parts that Graph might say."""

    freq: str
    interval: int
    count: int | None
    until: str | None
    wkst: int
    days: tuple[tuple[int, int], ...]
    """BYDAY as (ordinal, weekday), ordinal 0 for none, weekday 0 for Monday."""
    monthday: int | None
    month: int | None
    setpos: int | None


def to_graph(recurrence: Recurrence, start: Moment, zone: str | None, windows_zone: str) -> dict[str, Any]:
    """`recurrence` of a Graph event.

    Args:
        recurrence: the lines; exactly one RRULE can be said.
        start: wall time (or date) of the first occurrence.
        zone: IANA zone of a timed series, None for all-day.
        windows_zone: `recurrenceTimeZone` to send.

    Returns:
        `{"pattern": …, "range": …}` with only those properties the types use.

    Raises:
        NotExpressibleError: Graph cannot say this exactly.
    """
    rule = _parse(recurrence)
    first = start.date() if isinstance(start, datetime) else start
    pattern = _pattern(rule, first)
    if not _matches(pattern, first, first):
        raise NotExpressibleError("DTSTART is not an occurrence of the rule")
    limits: dict[str, Any] = {"startDate": first.isoformat(), "recurrenceTimeZone": windows_zone}
    if rule.count is not None:
        limits |= {"type": "numbered", "numberOfOccurrences": rule.count}
    elif rule.until is not None:
        limits |= {"type": "endDate", "endDate": _last(pattern, first, _until(rule.until, start, zone)).isoformat()}
    else:
        limits["type"] = "noEnd"
    return {"pattern": pattern, "range": limits}


def from_graph(value: Mapping[str, Any], all_day: bool, zone: str) -> Recurrence:
    """The RRULE of a Graph `recurrence`.

    Args:
        value: pattern and range; properties that their types do not use are ignored.
        all_day: whether UNTIL is a date (RFC 5545: like DTSTART).
        zone: IANA zone of the series.

    Raises:
        ProtocolError: a type or value the reference does not know.
    """
    try:
        pattern, limits = value["pattern"], value["range"]
        parts = _by_parts(pattern)
        if limits["type"] == "numbered":
            parts.append(f"COUNT={int(limits['numberOfOccurrences'])}")
        elif limits["type"] == "endDate":
            parts.append(f"UNTIL={_until_text(date.fromisoformat(limits['endDate']), all_day, zone)}")
        elif limits["type"] != "noEnd":
            raise ProtocolError(f"The calendar service sent an unknown recurrence range {limits['type']!r}.")
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError("The calendar service sent a recurrence that cannot be read.") from error
    return Recurrence(("RRULE:" + ";".join(parts),))


# -- RRULE to Graph ----------------------------------------------------------------------------------------------------


def _parse(recurrence: Recurrence) -> _Rule:
    if len(recurrence.lines) != 1:
        raise NotExpressibleError("more than one line")
    name, _, body = recurrence.lines[0].partition(":")
    if name.upper() != "RRULE":
        raise NotExpressibleError(f"a {name} line")
    parts: dict[str, str] = {}
    for item in body.upper().rstrip(";").split(";"):
        key, _, content = item.partition("=")
        if key not in _PARTS or not content or key in parts:
            raise NotExpressibleError(f"the part {item}")
        parts[key] = content
    freq = parts.get("FREQ", "")
    if freq not in _UNITS:
        raise NotExpressibleError(f"FREQ={freq}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise NotExpressibleError("COUNT with UNTIL")
    return _Rule(
        freq=freq,
        interval=_number(parts.get("INTERVAL", "1"), 1, _MOST_INTERVAL[freq]),
        count=_number(parts["COUNT"], 1, _MOST_COUNT) if "COUNT" in parts else None,
        until=parts.get("UNTIL"),
        wkst=_weekday(parts.get("WKST", "MO")),
        days=tuple(_day(text) for text in parts["BYDAY"].split(",")) if "BYDAY" in parts else (),
        monthday=_number(parts["BYMONTHDAY"], 1, 31) if "BYMONTHDAY" in parts else None,
        month=_number(parts["BYMONTH"], 1, 12) if "BYMONTH" in parts else None,
        setpos=_number(parts["BYSETPOS"], -1, 4) if "BYSETPOS" in parts else None,
    )


def _number(text: str, lowest: int, highest: int) -> int:
    """One number in range; lists and everything else Graph has no place for are refused."""
    if not re.fullmatch(r"[+-]?\d{1,4}", text) or not lowest <= int(text) <= highest or int(text) == 0:
        raise NotExpressibleError(f"the value {text}")
    return int(text)


def _weekday(code: str) -> int:
    if code not in _CODES:
        raise NotExpressibleError(f"the weekday {code}")
    return _CODES.index(code)


def _day(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([+-]?\d{1,2})?([A-Z]{2})", text)
    if not found:
        raise NotExpressibleError(f"the day {text}")
    return int(found[1]) if found[1] else 0, _weekday(found[2])


def _pattern(rule: _Rule, first: date) -> dict[str, Any]:
    if rule.freq in ("DAILY", "WEEKLY"):
        if rule.monthday is not None or rule.month is not None or rule.setpos is not None:
            raise NotExpressibleError(f"a BY part in {rule.freq}")
        if any(ordinal for ordinal, _ in rule.days):
            raise NotExpressibleError(f"an ordinal in {rule.freq}")
        if rule.freq == "DAILY" and not rule.days:
            return {"type": "daily", "interval": rule.interval}
        if rule.freq == "DAILY" and rule.interval != 1:
            raise NotExpressibleError("DAILY with BYDAY and an interval")
        days = sorted({day for _, day in rule.days}) or [first.weekday()]
        return {
            "type": "weekly",
            "interval": rule.interval,
            "daysOfWeek": [_NAMES[day] for day in days],
            "firstDayOfWeek": _NAMES[rule.wkst],
        }
    if rule.freq == "MONTHLY" and rule.month is not None:
        raise NotExpressibleError("MONTHLY with BYMONTH")
    if rule.days:
        return _relative(rule)
    if rule.setpos is not None:
        raise NotExpressibleError("BYSETPOS without BYDAY")
    return _absolute(rule, first)


def _relative(rule: _Rule) -> dict[str, Any]:
    if rule.monthday is not None:
        raise NotExpressibleError("BYDAY with BYMONTHDAY")
    if rule.freq == "YEARLY" and rule.month is None:
        raise NotExpressibleError("the n-th day of a year")
    ordinals = {ordinal for ordinal, _ in rule.days}
    days = sorted({day for _, day in rule.days})
    if rule.setpos is None:
        # Without BYSETPOS several days are several occurrences a month, which no pattern says.
        index = ordinals.pop() if len(rule.days) == 1 else 0
    else:
        index = rule.setpos if ordinals == {0} else 0
        # What Exchange makes of several days is certain for "first" only (`providers.md` §10.6).
        if len(days) > 1 and index != 1:
            raise NotExpressibleError("the n-th of several days")
    if index not in _INDEX_NAMES:
        raise NotExpressibleError("the ordinal")
    pattern: dict[str, Any] = {
        "type": "relativeMonthly" if rule.freq == "MONTHLY" else "relativeYearly",
        "interval": rule.interval,
        "daysOfWeek": [_NAMES[day] for day in days],
        "index": _INDEX_NAMES[index],
    }
    return pattern if rule.freq == "MONTHLY" else pattern | {"month": rule.month}


def _absolute(rule: _Rule, first: date) -> dict[str, Any]:
    day = rule.monthday or first.day
    if rule.freq == "MONTHLY":
        # RFC 5545 skips months without the day; Exchange is believed to take their last day instead.
        if day > 28:
            raise NotExpressibleError("day 29 to 31 of a month")
        return {"type": "absoluteMonthly", "interval": rule.interval, "dayOfMonth": day}
    if rule.monthday is not None and rule.month is None:
        raise NotExpressibleError("a day in every month of a year")
    month = rule.month or first.month
    if day > (28 if month == 2 else calendar.monthrange(2001, month)[1]):
        raise NotExpressibleError("a day that not every year has")
    return {"type": "absoluteYearly", "interval": rule.interval, "dayOfMonth": day, "month": month}


def _until(text: str, start: Moment, zone: str | None) -> date:
    """The last local date an occurrence may have; UNTIL is inclusive and may be a UTC time (RFC 5545 §3.3.10)."""
    if not re.fullmatch(r"\d{8}(T\d{6}Z?)?", text):
        raise NotExpressibleError(f"UNTIL={text}")
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError as error:
        raise NotExpressibleError(f"UNTIL={text}") from error
    if not isinstance(start, datetime) or zone is None or "T" not in text:
        return moment.date()
    wall = to_wall(moment.replace(tzinfo=UTC), zone) if text.endswith("Z") else moment
    # The time of day decides whether that date's own occurrence is still in.
    return wall.date() if wall.time() >= start.time() else wall.date() - timedelta(days=1)


def _last(pattern: Mapping[str, Any], first: date, limit: date) -> date:
    """Date of the last occurrence up to `limit`: what Exchange would make of any later end."""
    day = limit
    while day >= first:
        if _matches(pattern, first, day):
            return day
        day -= timedelta(days=1)
    raise NotExpressibleError("UNTIL before the first occurrence")


def _matches(pattern: Mapping[str, Any], first: date, day: date) -> bool:
    """Whether the pattern, begun at `first`, has an occurrence on `day`."""
    kind, interval = pattern["type"], pattern["interval"]
    months = (day.year - first.year) * 12 + day.month - first.month
    if kind == "daily":
        return bool((day - first).days % interval == 0)
    if kind == "weekly":
        wkst = _NAMES.index(pattern["firstDayOfWeek"])
        weeks = (_week_start(day, wkst) - _week_start(first, wkst)).days // 7
        return bool(weeks % interval == 0 and _NAMES[day.weekday()] in pattern["daysOfWeek"])
    if kind.endswith("Yearly"):
        if day.month != pattern["month"] or (day.year - first.year) % interval:
            return False
    elif months % interval:
        return False
    if kind.startswith("absolute"):
        return bool(day.day == pattern["dayOfMonth"])
    days_in_month = calendar.monthrange(day.year, day.month)[1]
    candidates = [
        number
        for number in range(1, days_in_month + 1)
        if _NAMES[date(day.year, day.month, number).weekday()] in pattern["daysOfWeek"]
    ]
    index = _INDEX[pattern["index"]]
    return bool(day.day == candidates[index - 1 if index > 0 else index])


def _week_start(day: date, wkst: int) -> date:
    return day - timedelta(days=(day.weekday() - wkst) % 7)


# -- Graph to RRULE ----------------------------------------------------------------------------------------------------


def _by_parts(pattern: Mapping[str, Any]) -> list[str]:
    kind = str(pattern["type"])
    freq = {"daily": "DAILY", "weekly": "WEEKLY"}.get(kind) or ("MONTHLY" if kind.endswith("Monthly") else "YEARLY")
    if kind not in ("daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"):
        raise ProtocolError(f"The calendar service sent an unknown recurrence pattern {kind!r}.")
    interval = int(pattern["interval"])
    parts = [f"FREQ={freq}"] + ([f"INTERVAL={interval}"] if interval != 1 else [])
    if kind == "daily":
        return parts
    if kind == "weekly":
        # Where a week begins matters only when weeks are skipped.
        wkst = [f"WKST={_code(pattern.get('firstDayOfWeek') or 'sunday')}"] if interval != 1 else []
        return [*parts, f"BYDAY={','.join(_codes(pattern))}", *wkst]
    if freq == "YEARLY":
        parts.append(f"BYMONTH={int(pattern['month'])}")
    if kind.startswith("absolute"):
        return parts + _monthday(int(pattern["dayOfMonth"]), int(pattern["month"]) if freq == "YEARLY" else None)
    codes, index = _codes(pattern), _INDEX[str(pattern.get("index") or "first")]
    if len(codes) == 1:
        return [*parts, f"BYDAY={index}{codes[0]}"]
    return [*parts, f"BYDAY={','.join(codes)}", f"BYSETPOS={index}"]


def _monthday(day: int, month: int | None) -> list[str]:
    shortest = 28 if month in (None, 2) else calendar.monthrange(2001, month)[1] if month else 28
    if day <= shortest:
        return [f"BYMONTHDAY={day}"]
    # Exchange takes a short month's last day.
    return [f"BYMONTHDAY={','.join(str(number) for number in range(shortest, day + 1))}", "BYSETPOS=-1"]


def _code(name: Any) -> str:
    return _CODES[_NAMES.index(str(name).lower())]


def _codes(pattern: Mapping[str, Any]) -> list[str]:
    days = {_NAMES.index(str(name).lower()) for name in pattern["daysOfWeek"]}
    if not days:
        raise ProtocolError("The calendar service sent a recurrence without its weekdays.")
    return [_CODES[day] for day in sorted(days)]


def _until_text(last: date, all_day: bool, zone: str) -> str:
    if all_day:
        return last.strftime("%Y%m%d")
    return to_utc(datetime.combine(last, time(23, 59, 59)), zone).strftime("%Y%m%dT%H%M%SZ")
