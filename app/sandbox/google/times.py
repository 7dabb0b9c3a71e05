"""Reading and writing the `start`/`end` members of events and RFC 3339 parameters, with Google's strictness."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from app.sandbox.google.errors import GoogleError, invalid, required
from app.sandbox.recurrence import RecurrenceError, zone

Point = dict[str, str]
"""`{"date": …}`, or `{"dateTime": … with the event zone's offset, "timeZone": IANA name}`."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?")


def parameter(text: str, name: str) -> datetime:
    """An RFC 3339 parameter as UTC; the offset is mandatory, fractions of a second are ignored.

    Raises:
        GoogleError: 400 `badRequest`.
    """
    match = _MOMENT.fullmatch(text)
    if match is None or match.group(2) is None:
        raise GoogleError(400, "badRequest", "Bad Request", location=name)
    try:
        return datetime.fromisoformat(text.upper()).replace(microsecond=0).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GoogleError(400, "badRequest", "Bad Request", location=name) from error


def read_point(value: Any, name: str, default_zone: str, needs_zone: bool) -> Point:
    """A `start` or `end` as sent, in normal form.

    Args:
        value: the JSON value.
        name: `start` or `end`, for the message.
        default_zone: the calendar's zone, used when only an offset was given.
        needs_zone: whether the event recurs, which makes `timeZone` mandatory for timed events.

    Raises:
        GoogleError: 400 `invalid` or `required`.
    """
    if value is None:
        raise required(f"Missing {name} time.")
    if not isinstance(value, dict):
        raise invalid(f"Invalid {name} time.")
    day, moment, zone_name = value.get("date"), value.get("dateTime"), value.get("timeZone")
    if (day is None) == (moment is None):
        raise required(f"Missing {name} time.") if day is None else invalid(f"Invalid {name} time.")
    if zone_name is not None:
        try:
            zone(str(zone_name))
        except RecurrenceError as error:
            raise invalid(f"Invalid time zone definition for {name} time.") from error
    if day is not None:
        try:
            if not isinstance(day, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
                raise ValueError
            return {"date": date.fromisoformat(day).isoformat()}
        except ValueError as error:
            raise invalid(f"Invalid {name} time.") from error
    match = _MOMENT.fullmatch(moment) if isinstance(moment, str) else None
    if match is None or not isinstance(moment, str):
        raise invalid(f"Invalid {name} time.")
    if zone_name is None and (needs_zone or match.group(2) is None):
        raise required(f"Missing time zone definition for {name} time.")
    tz = zone(str(zone_name or default_zone))
    try:
        parsed = datetime.fromisoformat(moment.upper()).replace(microsecond=0)
        local = parsed.replace(tzinfo=tz) if parsed.tzinfo is None else parsed.astimezone(tz)
        # Through UTC and back: a time that the clocks skip becomes the one they show instead.
        local = local.astimezone(UTC).astimezone(tz)
    except (ValueError, OverflowError) as error:
        raise invalid(f"Invalid {name} time.") from error
    return {"dateTime": local.isoformat(), "timeZone": tz.key}


def instant(point: Point, day_zone: ZoneInfo) -> datetime:
    """The moment of a point in UTC; a date begins at midnight in `day_zone`."""
    if "date" in point:
        return datetime.combine(date.fromisoformat(point["date"]), time(), day_zone).astimezone(UTC)
    return _instant(point["dateTime"])


@lru_cache(maxsize=20_000)
def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def moment_point(moment: datetime, zone_name: str) -> Point:
    """A timed point in its own zone."""
    return {"dateTime": moment.astimezone(ZoneInfo(zone_name)).isoformat(), "timeZone": zone_name}


@lru_cache(maxsize=20_000)
def _shown(text: str, zone_name: str) -> str:
    return _zulu(_instant(text).astimezone(ZoneInfo(zone_name)).isoformat())


def _zulu(text: str) -> str:
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def show_point(point: Point, zone_name: str) -> Point:
    """A point as Google answers it: the offset of the calendar's (or asked-for) zone, its own zone beside it."""
    if "date" in point:
        return {"date": point["date"]}
    own = point["timeZone"]
    return {"dateTime": shown_moment(point["dateTime"], own, zone_name), "timeZone": own}


def shown_moment(text: str, own: str, zone_name: str) -> str:
    """A `dateTime` as Google answers it; it is stored with the offset of its own zone, mostly the one asked for."""
    return _zulu(text) if own == zone_name else _shown(text, zone_name)


def stamp(moment: datetime) -> str:
    """`created` and `updated` form: UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
