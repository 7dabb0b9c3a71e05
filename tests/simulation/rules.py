"""Brute-force expansion of the rules that people use in a simulation: day by day, by the wall clock.

Independent of the engine's own expansion on purpose: it is what the oracle counts with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice

from app.domain.events import Fields
from app.domain.times import Moment, at_midnight, to_utc, to_wall

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FAR = 800
"""So many days are walked at most."""


def parts_of(rule: str) -> dict[str, str]:
    """`RRULE:FREQ=DAILY;COUNT=3` by its names."""
    _, _, value = rule.partition(":")
    return dict(part.split("=", 1) for part in value.split(";"))


def rule_of(parts: dict[str, str]) -> str:
    """The other way round."""
    return "RRULE:" + ";".join(f"{name}={value}" for name, value in parts.items())


def starts(fields: Fields, most: int) -> list[Moment]:
    """The first starts of a series, cancelled ones included, as wall times or dates."""
    assert fields.recurrence is not None
    return list(_first(fields.recurrence.lines[0], fields.when.start, fields.when.zone, most))


@lru_cache(maxsize=4096)
def _first(rule: str, first: Moment, zone: str | None, most: int) -> tuple[Moment, ...]:
    return tuple(islice(_walk(rule, first, zone), most))


def _walk(rule: str, first: Moment, zone: str | None) -> Iterator[Moment]:
    parts = parts_of(rule)
    interval = int(parts.get("INTERVAL", "1"))
    count = int(parts["COUNT"]) if "COUNT" in parts else None
    days = {_WEEKDAYS.index(day) for day in parts["BYDAY"].split(",")} if "BYDAY" in parts else None
    monday = at_midnight(first) - timedelta(days=first.weekday())
    told = 0
    for number in range(FAR):
        start = first + timedelta(days=number)
        if parts["FREQ"] == "DAILY":
            fits = number % interval == 0
        else:
            weeks = (at_midnight(start) - monday).days // 7
            fits = weeks % interval == 0 and start.weekday() in (days or {first.weekday()})
        if not fits:
            if number == 0:
                yield start  # the first start counts, whether the rule gives it or not, as on Google
            continue
        if (count is not None and told >= count) or _is_over(parts.get("UNTIL"), start, zone):
            return
        told += 1
        yield start


def _is_over(until: str | None, start: Moment, zone: str | None) -> bool:
    if until is None:
        return False
    if not isinstance(start, datetime) or zone is None:
        return start.strftime("%Y%m%d") > until[:8]
    return to_utc(start, zone) > datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def until_before(start: Moment, zone: str | None) -> str:
    """The UNTIL that ends a series just before one of its starts."""
    if not isinstance(start, datetime) or zone is None:
        return (start - timedelta(days=1)).strftime("%Y%m%d")
    return (to_utc(start, zone) - timedelta(seconds=1)).strftime("%Y%m%dT%H%M%SZ")


def day_of(original_start: Moment, zone: str | None) -> str:
    """The date of an occurrence in the zone of its series: aware times are converted."""
    if isinstance(original_start, datetime) and original_start.tzinfo is not None:
        original_start = to_wall(original_start, zone or "UTC")
    return original_start.strftime("%Y%m%d")
