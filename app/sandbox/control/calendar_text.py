"""iCalendar text (RFC 5545) as events in the sandbox's domain shape, with the icalendar library. Pure.

Only what the shape has a place for is taken: alarms, geographic positions and the like are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Component
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from app.sandbox.faults import SandboxInputError
from app.sandbox.recurrence import RecurrenceError
from app.sandbox.recurrence import zone as find_zone

Shape = dict[str, Any]

_FIELD: Final = "ical"
_BUSY: Final = {"FREE": "free", "TENTATIVE": "tentative", "BUSY": "busy", "OOF": "oof", "WORKINGELSEWHERE": "free"}
_CLASSES: Final = {"PUBLIC": "public", "PRIVATE": "private", "CONFIDENTIAL": "confidential"}
_ANSWERS: Final = {
    "ACCEPTED": "accepted",
    "DECLINED": "declined",
    "TENTATIVE": "tentative",
    "NEEDS-ACTION": "needsAction",
}
_DAY: Final = timedelta(days=1)


def read_calendar_text(text: str, account: str, calendar_zone: str) -> list[Shape]:
    """The events of a text: singles, and series with their exceptions; an exception without its series is a single.

    Args:
        text: a VCALENDAR, or a bare VEVENT.
        account: whose calendar it is put into; being invited there makes it somebody else's event.
        calendar_zone: of times without a zone.

    Raises:
        SandboxInputError: it is no iCalendar, has no event, or has one that cannot be told in the shape.
    """
    by_uid: dict[str, list[Component]] = {}
    for number, event in enumerate(_events(text)):
        by_uid.setdefault(str(event.get("UID") or f"#{number}"), []).append(event)
    if not by_uid:
        raise SandboxInputError("The text has no VEVENT.", _FIELD)
    return [shape for parts in by_uid.values() for shape in _together(parts, account, calendar_zone)]


def _events(text: str) -> Iterator[Component]:
    try:
        found = Calendar.from_ical(text, multiple=True)
    except ValueError as error:
        raise SandboxInputError(f"It is no iCalendar: {str(error)[:200]}", _FIELD) from error
    for component in found:
        for event in component.walk("VEVENT"):
            if event.errors:
                name, why = event.errors[0]
                raise SandboxInputError(f"{name or 'A line'} cannot be read: {str(why)[:200]}", _FIELD)
            yield event


def _together(parts: list[Component], account: str, calendar_zone: str) -> Iterator[Shape]:
    masters = [part for part in parts if part.get("RECURRENCE-ID") is None]
    if len(masters) > 1:
        raise SandboxInputError(f"There are two events with the UID {masters[0].get('UID')}.", _FIELD)
    if not masters:
        yield from (_shape(part, account, calendar_zone) for part in parts)
        return
    shape = _shape(masters[0], account, calendar_zone)
    others = [part for part in parts if part is not masters[0]]
    if others:
        zone = shape.get("time_zone", calendar_zone)
        shape["exceptions"] = [_exception(part, shape, zone) for part in others]
    yield shape


def _shape(event: Component, account: str, calendar_zone: str) -> Shape:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        raise SandboxInputError("A cancelled event cannot be put in.", _FIELD)
    start, zone = _moment(event, "DTSTART", bool(_lines(event)))
    zone_name = zone or calendar_zone
    shape: Shape = {"title": str(event.get("SUMMARY", "")), **_span(event, start, zone_name)}
    if not shape["all_day"]:
        shape["time_zone"] = zone_name
    lines = _recurrence(event, shape["all_day"], zone_name)
    if lines:
        shape["rrule"] = lines
    shape |= _texts(event)
    shape |= _people(event, account)
    return shape


def _exception(event: Component, series: Shape, zone: str) -> Shape:
    original, own_zone = _moment(event, "RECURRENCE-ID", False)
    row: Shape = {"original_start": _wall(original, own_zone, zone)}
    if series["all_day"] and len(row["original_start"]) > 10:
        row["original_start"] = row["original_start"][:10]
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return {**row, "cancelled": True}
    start, _ = _moment(event, "DTSTART", False)
    times = _span(event, start, zone)
    if times["all_day"] != series["all_day"]:
        raise SandboxInputError("An occurrence and its series are both all-day or both timed.", _FIELD)
    return {**row, "title": str(event.get("SUMMARY", series["title"])), "start": times["start"], "end": times["end"]}


def _span(event: Component, start: date | datetime, zone: str) -> Shape:
    all_day = not isinstance(start, datetime)
    if event.get("DTEND") is not None:
        end, _ = _moment(event, "DTEND", False)
    elif event.get("DURATION") is not None:
        end = start + _single(event, "DURATION").dt
    else:
        end = start + (_DAY if all_day else timedelta())
    if isinstance(end, datetime) == all_day:
        raise SandboxInputError("DTSTART and DTEND are both dates or both times.", _FIELD)
    if all_day and end == start:
        end = start + _DAY
    return {"start": _wall(start, None, zone), "end": _wall(end, None, zone), "all_day": all_day}


def _single(event: Component, name: str) -> Any:
    found = event.get(name)
    if found is None:
        raise SandboxInputError(f"An event needs {name}.", _FIELD)
    if isinstance(found, list):
        raise SandboxInputError(f"An event has one {name}.", _FIELD)
    return found


def _moment(event: Component, name: str, recurs: bool) -> tuple[date | datetime, str | None]:
    """A date, or a time aware or floating, and the IANA zone it is told in."""
    found = _single(event, name)
    moment = found.dt
    if not isinstance(moment, date):
        raise SandboxInputError(f"{name} is no date and no time.", _FIELD)
    if not isinstance(moment, datetime) or (moment.tzinfo is None and "TZID" not in found.params):
        return moment, None
    if moment.utcoffset() == timedelta() and "TZID" not in found.params:
        return moment, "UTC"
    named = str(found.params.get("TZID", getattr(moment.tzinfo, "key", "")))
    zone = _known_zone(named)
    if zone is not None:
        # By the zone's own rules, whatever the text says of it.
        return moment.replace(tzinfo=ZoneInfo(zone)), zone
    if recurs or moment.tzinfo is None:
        raise SandboxInputError(f"There is no time zone {named!r}.", _FIELD)
    return moment.astimezone(UTC), "UTC"


def _known_zone(name: str) -> str | None:
    tail = "/".join(name.split("/")[-2:])
    for candidate in (name, WINDOWS_TO_OLSON.get(name, ""), tail):
        try:
            return find_zone(candidate).key if candidate else None
        except RecurrenceError:
            continue
    return None


def _wall(moment: date | datetime, zone: str | None, wanted: str) -> str:
    """Local time in the wanted zone, without offset."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    if moment.tzinfo is not None:
        moment = moment.astimezone(ZoneInfo(wanted)).replace(tzinfo=None)
    return moment.replace(microsecond=0).isoformat()


def _lines(event: Component) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name in ("RRULE", "EXRULE", "RDATE", "EXDATE"):
        value = event.get(name)
        if value is not None:
            found += [(name, one) for one in (value if isinstance(value, list) else [value])]
    return found


def _recurrence(event: Component, all_day: bool, zone: str) -> list[str]:
    lines: list[str] = []
    for name, value in _lines(event):
        if name in ("RRULE", "EXRULE"):
            lines.append(f"{name}:{value.to_ical().decode()}")
            continue
        if "TZID" in value.params and _known_zone(str(value.params["TZID"])) is None:
            raise SandboxInputError(f"There is no time zone {str(value.params['TZID'])!r}.", _FIELD)
        moments = [one.dt for one in value.dts]
        if any(not isinstance(moment, date) for moment in moments):
            raise SandboxInputError(f"{name} with periods cannot be told.", _FIELD)
        texts = [_wall(moment, None, zone).replace("-", "").replace(":", "") for moment in moments]
        kind = "VALUE=DATE" if all_day else f"TZID={zone}"
        lines.append(f"{name};{kind}:{','.join(text[:8] if all_day else text for text in texts)}")
    return lines


def _texts(event: Component) -> Shape:
    shape: Shape = {}
    for ours, theirs in (("description", "DESCRIPTION"), ("location", "LOCATION")):
        if event.get(theirs):
            shape[ours] = str(_single(event, theirs))
    if str(event.get("STATUS", "")).upper() == "TENTATIVE":
        shape["status"] = "tentative"
    busy = _BUSY.get(str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper())
    if busy is None and str(event.get("TRANSP", "")).upper() == "TRANSPARENT":
        busy = "free"
    if busy is not None:
        shape["busy"] = busy
    visibility = _CLASSES.get(str(event.get("CLASS", "")).upper())
    if visibility is not None:
        shape["visibility"] = visibility
    return shape


def _people(event: Component, account: str) -> Shape:
    rows = event.get("ATTENDEE")
    guests: list[Shape] = []
    shape: Shape = {}
    organizer = _address(event.get("ORGANIZER", ""))
    for row in rows if isinstance(rows, list) else [rows] if rows is not None else []:
        email, answer = _address(row), _ANSWERS.get(str(row.params.get("PARTSTAT", "")).upper(), "needsAction")
        if email == account.lower():
            if organizer not in ("", email):
                shape["response"] = answer
        elif email != organizer and "@" in email:
            name = row.params.get("CN")
            guests.append({"email": email, "response": answer} | ({"name": str(name)} if name else {}))
    if guests:
        shape["attendees"] = guests
    return shape


def _address(value: Any) -> str:
    text = str(value).strip()
    return (text[7:] if text.lower().startswith("mailto:") else text).lower()
