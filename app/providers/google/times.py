"""Google's times and recurrence lines to wall clock plus zone, and back. Pure.

Calendar API v3, `EventDateTime` and `Event.recurrence`; RFC 5545 §3.3.4-5, §3.8.5. No clock is read here, and all-day
dates never pass through UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.domain.errors import ProtocolError
from app.domain.times import Moment, When, at_midnight, to_utc, to_wall

_DATE: Final = re.compile(r"\d{8}")
_DATE_TIME: Final = re.compile(r"\d{8}T\d{6}Z?")


@lru_cache(maxsize=1024)
def known_zone(name: str) -> str | None:
    """The name if it is an IANA zone this machine knows, else None."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def when_of(item: Mapping[str, Any], calendar_zone: str) -> When:
    """Start and end of an event item, as wall times in the zone of its start.

    Google writes the offset of the *calendar's* zone and names the event's zone beside it (`providers.md` §10.4). An
    end before the start is moved to the start, an empty all-day event to one day (`reliability.md` E10).

    Raises:
        ProtocolError: there is no usable start or end.
    """
    start, zone = _point(item.get("start"), None, calendar_zone)
    end, _ = _point(item.get("end"), zone, calendar_zone)
    if isinstance(start, datetime) != isinstance(end, datetime):
        raise ProtocolError("An event begins with a date and ends with a time.")
    if isinstance(start, datetime):
        return When(start, max(start, end), zone)
    return When(start, max(end, _next_day(start)))


def original_start_of(point: object) -> Moment | None:
    """Where an occurrence would have been: aware in UTC, or a date; None if the service does not tell."""
    if not isinstance(point, Mapping):
        return None
    if isinstance(point.get("date"), str):
        return _date(point["date"])
    if not isinstance(point.get("dateTime"), str):
        return None
    moment = _date_time(point["dateTime"])
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    zone = known_zone(str(point.get("timeZone", "")))
    return to_utc(moment, zone) if zone else None


def split_recurrence(lines: object, when: When) -> tuple[tuple[str, ...], tuple[Moment, ...]]:
    """The lines that make occurrences (RRULE, RDATE, EXRULE, and any we do not know), and the excluded starts.

    Returns:
        Lines in their order, and the EXDATEs as naive wall times of the series zone or dates, sorted.

    Raises:
        ProtocolError: not a list of text, or an unreadable EXDATE.
    """
    if lines is None:
        return (), ()
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ProtocolError("The recurrence of an event is no list of lines.")
    kept: list[str] = []
    excluded: set[Moment] = set()
    for line in lines:
        name, _, value = line.strip().partition(":")
        if name.split(";", 1)[0].upper() == "EXDATE":
            excluded.update(_excluded(name, value, when))
        else:
            kept.append(line.strip())
    return tuple(kept), tuple(sorted(excluded, key=at_midnight))


def exdate_lines(cancelled: Sequence[Moment], when: When) -> list[str]:
    """Excluded starts of a series as EXDATE lines; whole minutes, as the series itself is written."""
    days = sorted({day for day in cancelled if not isinstance(day, datetime)})
    walls = sorted({whole_minute(wall) for wall in cancelled if isinstance(wall, datetime)})
    if when.all_day:
        days = sorted({*days, *(wall.date() for wall in walls)})
        walls = []
    lines = []
    if days:
        lines.append("EXDATE;VALUE=DATE:" + ",".join(f"{day:%Y%m%d}" for day in days))
    if walls:
        lines.append(f"EXDATE;TZID={when.zone}:" + ",".join(f"{wall:%Y%m%dT%H%M%S}" for wall in walls))
    return lines


def points_of(when: When, *, patch: bool) -> dict[str, Any]:
    """`start` and `end` members. In a patch the members of the other kind are nulled, as objects are merged."""
    return {"start": _written(when.start, when.zone, patch), "end": _written(when.end, when.zone, patch)}


def stamp_of(moment: Moment, zone: str | None) -> str:
    """A moment as a parameter: an RFC 3339 time with the offset of its own date, or a date."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    if zone is None:
        raise ProtocolError("The series is all-day, but an occurrence of it is addressed by a time.")
    return to_utc(whole_minute(moment), zone).astimezone(ZoneInfo(zone)).isoformat()


def original_parameter(start: Moment, zone: str | None) -> str:
    """An occurrence's original start, aware in UTC or a date, as the `originalStart` parameter."""
    if not isinstance(start, datetime):
        return start.isoformat()
    return start.astimezone(ZoneInfo(zone or "UTC")).isoformat()


def minute_of(moment: Moment) -> Moment:
    """A time cut to its minute; a date as it is."""
    return whole_minute(moment) if isinstance(moment, datetime) else moment


def utc_parameter(moment: datetime) -> str:
    """An aware moment as a `timeMin`-like parameter, in UTC and whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def whole_minute(moment: datetime) -> datetime:
    """Seconds cut off: other services keep minutes only, and both sides have to agree (`engine.md` §14)."""
    return moment.replace(second=0, microsecond=0)


def instant(text: object) -> datetime | None:
    """An RFC 3339 moment such as `updated`, aware in UTC; None if it is missing or unreadable."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _written(moment: Moment, zone: str | None, patch: bool) -> dict[str, Any]:
    if not isinstance(moment, datetime):
        return {"date": moment.isoformat(), **({"dateTime": None, "timeZone": None} if patch else {})}
    return {"dateTime": stamp_of(moment, zone), "timeZone": zone, **({"date": None} if patch else {})}


def _point(point: object, zone: str | None, calendar_zone: str) -> tuple[Moment, str | None]:
    """A start (zone None: its own, else the calendar's) or an end (in the zone of its start)."""
    if isinstance(point, Mapping):
        if isinstance(point.get("date"), str):
            return _date(point["date"]), None
        if isinstance(point.get("dateTime"), str):
            moment = _date_time(point["dateTime"])
            own = known_zone(str(point.get("timeZone") or ""))
            zone = zone or own or calendar_zone
            try:
                aware = moment if moment.tzinfo is not None else to_utc(moment, own or calendar_zone)
                return to_wall(aware, zone), zone
            except OverflowError as error:
                raise ProtocolError("An event lies outside the years a calendar can hold.") from error
    raise ProtocolError("An event has no usable start or end.")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ProtocolError("An event has an unreadable date.") from error


def _date_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(microsecond=0)
    except ValueError as error:
        raise ProtocolError("An event has an unreadable time.") from error


def _next_day(day: date) -> date:
    try:
        return day + timedelta(days=1)
    except OverflowError as error:
        raise ProtocolError("An event lies outside the years a calendar can hold.") from error


def _excluded(name: str, value: str, when: When) -> list[Moment]:
    """The values of one EXDATE line, in the terms of the series."""
    parameters = dict(part.partition("=")[::2] for part in name.upper().split(";")[1:])
    # Zone names are case-sensitive, the parameter's name is not.
    tzid = next((part.partition("=")[2] for part in name.split(";") if part.upper().startswith("TZID=")), "")
    zone = known_zone(tzid.strip('"')) if "TZID" in parameters else None
    moments: list[Moment] = []
    for text in value.split(","):
        text = text.strip()
        try:
            if _DATE.fullmatch(text):
                moments.append(date.fromisoformat(text))
                continue
            if not _DATE_TIME.fullmatch(text):
                raise ProtocolError("An excluded date of a series is unreadable.")
            wall = datetime.fromisoformat(text.removesuffix("Z"))
            if when.zone is not None and text.endswith("Z"):
                wall = to_wall(wall.replace(tzinfo=UTC), when.zone)
            elif when.zone is not None and zone is not None and zone != when.zone:
                wall = to_wall(to_utc(wall, zone), when.zone)
        except (ValueError, OverflowError) as error:
            raise ProtocolError("An excluded date of a series is unreadable.") from error
        moments.append(wall.date() if when.all_day else wall)
    return moments
