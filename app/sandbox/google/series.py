"""Instances of a series: their ids, their original starts, and the events they are (`events.instances`, recurring
events guide).

Pure reading of a `Calendar`; it changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from app.sandbox.google.resource import series_of
from app.sandbox.google.store import Calendar
from app.sandbox.google.stored import Body, Event
from app.sandbox.google.times import Point, instant, moment_point
from app.sandbox.recurrence import RecurrenceError

MAX_INSTANCES: Final = 730
"""Instances that one expansion without an end of its own gives; the real service stops somewhere too."""

_INSTANCE_ID: Final = re.compile(r"(.+)_(\d{8}(?:T\d{6}Z)?)")
_FAR: Final = timedelta(days=366 * 30)


@dataclass(frozen=True, slots=True)
class Instance:
    """One occurrence: its id, its original start, its body, and the stored exception if it is one."""

    id: str
    original: Point
    body: Body
    exception: Event | None

    @property
    def is_cancelled(self) -> bool:
        """Whether the occurrence was taken out."""
        return bool(self.body["status"] == "cancelled")


def instance_id(calendar: Calendar, master_id: str, original: Point) -> str:
    """`<master>_<original start in UTC>`, for all-day series `<master>_<date>` (or with midnight, by switch)."""
    if "date" in original:
        midnight = "T000000Z" if calendar.names_days_by_midnight else ""
        return f"{master_id}_{original['date'].replace('-', '')}{midnight}"
    return f"{master_id}_{instant(original, ZoneInfo('UTC')):%Y%m%dT%H%M%SZ}"


def split_instance_id(event_id: str) -> tuple[str, str] | None:
    """Master id and original start text of an instance id, or None when it is none."""
    match = _INSTANCE_ID.fullmatch(event_id)
    return (match.group(1), match.group(2)) if match else None


def original_of(calendar: Calendar, master: Event, text: str) -> Point | None:
    """The original start that an instance id names, if the rules of the series give it."""
    start: Point = master.body["start"]
    zone = calendar.zone
    if "date" in start and calendar.names_days_by_midnight and text.endswith("T000000Z"):
        text = text[:8]
    elif ("date" in start) != ("T" not in text) or ("date" in start and calendar.names_days_by_midnight):
        return None
    try:
        series = series_of(start, master.body["recurrence"], zone)
        if "date" in start:
            day = date.fromisoformat(text)
            return {"date": day.isoformat()} if series.days(day, day + timedelta(days=1)) else None
        moment = datetime.fromisoformat(text)
        hits = series.starts(moment, moment + timedelta(seconds=1))
        return moment_point(moment, start["timeZone"]) if hits else None
    except (ValueError, RecurrenceError):
        return None


def synthesize(master: Event, original: Point) -> Body:
    """The body of an occurrence nobody touched."""
    body: Body = {key: value for key, value in master.body.items() if key not in ("recurrence", "start", "end")}
    start: Point = master.body["start"]
    end: Point = master.body["end"]
    if "date" in start:
        length = date.fromisoformat(end["date"]) - date.fromisoformat(start["date"])
        body["start"] = original
        body["end"] = {"date": (date.fromisoformat(original["date"]) + length).isoformat()}
    else:
        utc = ZoneInfo("UTC")
        begin = instant(original, utc)
        body["start"] = moment_point(begin, start["timeZone"])
        body["end"] = moment_point(begin + (instant(end, utc) - instant(start, utc)), end["timeZone"])
    body["recurringEventId"] = master.id
    body["originalStartTime"] = original
    return body


def originals(master: Event, zone: str, after: datetime, before: datetime) -> Iterator[Point]:
    """Original starts in `[after, before)` by the rules alone, exceptions not considered."""
    start: Point = master.body["start"]
    series = series_of(start, master.body["recurrence"], zone)
    if "date" in start:
        tz = ZoneInfo(zone)
        first, last = after.astimezone(tz).date(), before.astimezone(tz).date() + timedelta(days=1)
        yield from ({"date": day.isoformat()} for day in series.days(first, last))
        return
    yield from (moment_point(moment, start["timeZone"]) for moment in series.starts(after, before))


def expand(
    calendar: Calendar, master: Event, time_min: datetime | None, time_max: datetime | None, *, inclusive: bool = False
) -> list[Instance]:
    """The instances of a live series that touch a span, by original start; cancelled ones included.

    Args:
        calendar: where the series lives.
        master: the series.
        time_min: instances must end after it, None for no bound.
        time_max: instances must start before it, None for no bound; then at most `MAX_INSTANCES` follow.
        inclusive: `time_min` also admits an end exactly on it (`events.instances`).
    """
    zone = calendar.info.time_zone
    tz = ZoneInfo(zone)
    first = instant(master.body["start"], tz)
    length = instant(master.body["end"], tz) - first
    margin = length + timedelta(days=2)
    after = first - timedelta(days=1) if time_min is None else max(first - timedelta(days=1), time_min - margin)
    before = min(time_max, after + _FAR) if time_max is not None else max(after, first) + _FAR
    overrides = {event.id: event for event in calendar.series_exceptions(master.id)}
    found: list[Instance] = []
    seen: set[str] = set()
    for original in _bounded(master, zone, after, before):
        key = instance_id(calendar, master.id, original)
        seen.add(key)
        stored = overrides.get(key)
        found.append(Instance(key, original, stored.body if stored else synthesize(master, original), stored))
    # An exception can have been moved into the span from anywhere.
    for key, stored in overrides.items():
        if key not in seen:
            found.append(Instance(key, stored.body["originalStartTime"], stored.body, stored))
    kept = [item for item in found if _touches(item, length, tz, time_min, time_max, inclusive)]
    return sorted(kept, key=lambda item: instant(item.original, tz))


def _bounded(master: Event, zone: str, after: datetime, before: datetime) -> list[Point]:
    # A rule without an end over thirty years may hold too many starts: shorten the span until it holds few enough.
    while True:
        try:
            return list(originals(master, zone, after, before))[:MAX_INSTANCES]
        except RecurrenceError:
            if before - after < timedelta(hours=1):
                return []
            before = after + (before - after) / 4


def _touches(
    item: Instance,
    length: timedelta,
    tz: ZoneInfo,
    time_min: datetime | None,
    time_max: datetime | None,
    inclusive: bool,
) -> bool:
    if "start" in item.body:
        start, end = instant(item.body["start"], tz), instant(item.body["end"], tz)
    else:
        start = instant(item.original, tz)
        end = start + length
    if time_max is not None and start >= time_max:
        return False
    return time_min is None or end > time_min or (inclusive and end == time_min)


def parse_original(text: str, calendar_zone: str) -> datetime:
    """The `originalStart` parameter: RFC 3339 or a date.

    Raises:
        ValueError: it is neither.
    """
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(calendar_zone)).astimezone(UTC)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)
