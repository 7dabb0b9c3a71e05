"""What becomes of a series whose owner says "this and all following": the first part's rule, and the second part.

Pure, in the sandbox's domain shape; each service stores the two parts in its own way.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.sandbox.faults import SandboxInputError
from app.sandbox.recurrence import RecurrenceError, Series

Shape = dict[str, Any]

_SECOND = timedelta(seconds=1)


def cut(series: Shape, at: str) -> tuple[list[str], Shape]:
    """Cut a series before one of its occurrences.

    Args:
        series: its shape, with exceptions.
        at: the occurrence's original start, as the shape tells times.

    Returns:
        The rule lines of what comes before, and the shape of a new series of the rest, without an id.

    Raises:
        SandboxInputError: it is no series, or has no such occurrence, or that is its first.
    """
    lines = [str(line) for line in series.get("rrule") or []]
    rules = [line for line in lines if line.upper().startswith("RRULE")]
    if not rules:
        raise SandboxInputError("Only a series can be split.", "at")
    if any(line.upper().startswith(("RDATE", "EXRULE")) for line in lines) or len(rules) > 1:
        raise SandboxInputError("A series of more than one rule, or with dates of its own, cannot be split.", "at")
    if len(at) != len(series["start"]):
        raise SandboxInputError("It is told as the start of the series is.", "at")
    start, cutting = datetime.fromisoformat(series["start"]), datetime.fromisoformat(at)
    zone = ZoneInfo(series.get("time_zone") or "UTC")
    try:
        bare = Series(start, zone, tuple(rules), bool(series["all_day"]))
        before = len(bare.walls(start, cutting)) if cutting > start else 0
        known = bare.contains(cutting)
    except RecurrenceError as error:
        raise SandboxInputError(str(error), "at") from error
    if not known:
        raise SandboxInputError(f"The series has no occurrence at {at}.", "at")
    if not before:
        raise SandboxInputError("The first occurrence is where the series begins: change the series.", "at")
    others = [line for line in lines if line not in rules]
    first = [_ended(rules[0], cutting, zone, bool(series["all_day"])), *others]
    length = datetime.fromisoformat(series["end"]) - start
    end = cutting + length
    rest: Shape = {key: value for key, value in series.items() if key not in ("id", "exceptions", "rrule")}
    rest |= {
        "start": at,
        "end": end.date().isoformat() if series["all_day"] else end.isoformat(),
        "rrule": [_counted(rules[0], before), *others],
    }
    rows = [_nameless(row) for row in series.get("exceptions") or [] if row["original_start"] >= at]
    if rows:
        rest["exceptions"] = rows
    return first, rest


def _nameless(row: Shape) -> Shape:
    return {key: value for key, value in row.items() if key != "id"}


def _parts(rule: str) -> list[str]:
    return rule.partition(":")[2].split(";")


def _ended(rule: str, cutting: datetime, zone: ZoneInfo, all_day: bool) -> str:
    kept = [part for part in _parts(rule) if not part.upper().startswith(("COUNT=", "UNTIL="))]
    if all_day:
        last: date = cutting.date() - timedelta(days=1)
        until = f"{last:%Y%m%d}"
    else:
        until = f"{cutting.replace(tzinfo=zone).astimezone(UTC) - _SECOND:%Y%m%dT%H%M%SZ}"
    return "RRULE:" + ";".join([*kept, f"UNTIL={until}"])


def _counted(rule: str, gone: int) -> str:
    parts = [
        f"COUNT={int(part.partition('=')[2]) - gone}" if part.upper().startswith("COUNT=") else part
        for part in _parts(rule)
    ]
    return "RRULE:" + ";".join(parts)
