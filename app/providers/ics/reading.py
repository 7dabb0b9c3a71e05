"""A person's own `.ics` file: its events in the words of the domain, and what could not be read, with the reason.

One bad component never stops the others (RFC 5545; `reliability.md` E4, E10). Pure: bytes in, values out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from icalendar import Calendar, Component, Timezone

from app.domain.errors import InputError
from app.domain.events import Availability, Event, EventKind, Fields, Recurrence, Visibility
from app.domain.times import Moment, When, to_wall
from app.providers import text
from app.providers.ics.zones import resolve

LARGEST_FILE_BYTES = 64 * 1024 * 1024
_TITLE_LENGTH = 1024
_CALENDAR_COMPONENTS = {"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "VALARM"}
_BUSY_STATUS = {
    "FREE": Availability.FREE,
    "TENTATIVE": Availability.TENTATIVE,
    "OOF": Availability.OUT_OF_OFFICE,
    "WORKINGELSEWHERE": Availability.ELSEWHERE,
}
_CLASS = {"PUBLIC": Visibility.DEFAULT, "PRIVATE": Visibility.PRIVATE, "CONFIDENTIAL": Visibility.CONFIDENTIAL}


@dataclass(frozen=True, slots=True)
class Unread:
    """A component that could not be used: its name, its UID where it has one, and why, in words."""

    component: str
    uid: str
    reason: str


class _CannotRead(Exception):
    """Why one component cannot be used; the text is for a person."""


def read_ics(data: bytes, zone: str) -> tuple[Sequence[Event], Sequence[Unread]]:
    """Read an iCalendar file.

    Args:
        data: the file's bytes, UTF-8.
        zone: IANA zone of floating times.

    Returns:
        Events (masters and singles first, then exceptions and cancelled occurrences with `series_id`), their ids being
        UIDs; and what was skipped. A file that is no calendar at all is one skipped `VCALENDAR`.
    """
    try:
        calendars = _parse(data)
    except InputError as error:
        return (), (Unread("VCALENDAR", "", error.message),)
    reader = _Reader(zone)
    for calendar in calendars:
        reader.read(calendar)
    return reader.result()


def _parse(data: bytes) -> list[Component]:
    if len(data) > LARGEST_FILE_BYTES:
        raise InputError(f"The file is larger than {LARGEST_FILE_BYTES // 1024 // 1024} MiB.")
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        content = data.decode("latin-1")
    if "BEGIN:VCALENDAR" not in content.upper():
        raise InputError("The file is no iCalendar file: it has no BEGIN:VCALENDAR.")
    try:
        calendars: list[Component] = list(Calendar.from_ical(content, multiple=True))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"The file is no complete iCalendar file ({_short(error)}).") from error
    if not calendars:
        raise InputError("The file is no complete iCalendar file: it ends before its calendar does.")
    return calendars


class _Reader:
    """Collects the events of the calendars of one file."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._roots: dict[str, Event] = {}
        self._parts: list[tuple[str, Component]] = []
        self._events: list[Event] = []
        self._unread: list[Unread] = []

    def read(self, calendar: Component) -> None:
        """Read one VCALENDAR."""
        places = _Places(calendar, self._zone)
        for component in calendar.subcomponents:
            name = str(component.name or "").upper()
            if name == "VTIMEZONE":
                continue
            if name != "VEVENT":
                reason = "Kalends copies events only." if name in _CALENDAR_COMPONENTS else "It is no known component."
                self._unread.append(Unread(name or "unnamed", _uid(component), reason))
                continue
            try:
                self._event(component, places)
            except _CannotRead as error:
                self._unread.append(Unread("VEVENT", _uid(component), str(error)))
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                self._unread.append(Unread("VEVENT", _uid(component), f"It cannot be read ({_short(error)})."))

    def result(self) -> tuple[Sequence[Event], Sequence[Unread]]:
        """Everything read; exceptions whose series is not in the file stand for themselves."""
        whole = []
        for event in self._events:
            if event.series_id is None or event.series_id in self._roots:
                whole.append(event)
            elif event.kind is EventKind.EXCEPTION:
                whole.append(replace(event, kind=EventKind.SINGLE, series_id=None, original_start=None))
        return tuple(sorted(whole, key=lambda event: event.series_id is not None)), tuple(self._unread)

    def _event(self, component: Component, places: _Places) -> None:
        uid = _uid(component)
        if not uid:
            raise _CannotRead("It has no UID.")
        errors = getattr(component, "errors", [])
        broken = next((f"{name}: {message}" for name, message in errors if name in ("DTSTART", "DTEND", "RRULE")), None)
        if broken is not None:
            raise _CannotRead(f"It cannot be read ({broken[:120]}).")
        status = str(component.get("STATUS", "")).upper()
        when = _when(component, places)
        if "RECURRENCE-ID" in component:
            self._part(component, uid, when, status, places)
            return
        if status == "CANCELLED":
            raise _CannotRead("It is cancelled.")
        if uid in self._roots:
            raise _CannotRead("Another event in the file has the same UID.")
        lines = tuple(_rules(component, places, when))
        fields = replace(_fields(component, when), recurrence=Recurrence(lines) if lines else None)
        event = Event(
            id=uid,
            kind=EventKind.SERIES if lines else EventKind.SINGLE,
            fields=fields,
            cancelled=tuple(_excluded(component, places, when)) if lines else (),
            ical_uid=uid,
        )
        self._roots[uid] = event
        self._events.append(event)

    def _part(self, component: Component, uid: str, when: When, status: str, places: _Places) -> None:
        original = places.wall(component["RECURRENCE-ID"])[0]
        cancelled = status == "CANCELLED"
        self._events.append(
            Event(
                id=f"{uid}/{original.isoformat()}",
                kind=EventKind.CANCELLED if cancelled else EventKind.EXCEPTION,
                fields=None if cancelled else _fields(component, when),
                series_id=uid,
                original_start=original,
                ical_uid=uid,
            )
        )


class _Places:
    """Times of one VCALENDAR as wall clocks with IANA zones."""

    def __init__(self, calendar: Component, zone: str) -> None:
        self._zone = str(calendar.get("X-WR-TIMEZONE", "") or zone)
        if resolve(self._zone, {}, {}) is None:
            self._zone = zone
        self._locations: dict[str, str] = {}
        self._described: dict[str, tzinfo] = {}
        for component in calendar.walk("VTIMEZONE"):
            if not isinstance(component, Timezone):
                continue
            tzid = str(component.get("TZID", ""))
            self._locations[tzid] = str(component.get("X-LIC-LOCATION", ""))
            try:
                self._described[tzid] = component.to_tz()
            except (ValueError, KeyError, TypeError, AttributeError, IndexError):
                # A zone nobody can compute with; a known name may still tell which one is meant.
                continue

    def wall(self, value: Any) -> tuple[Moment, str | None, bool]:
        """A property's time: wall clock or date, its zone (None for dates), and whether it floats."""
        moment = value.dt
        if not isinstance(moment, datetime):
            if not isinstance(moment, date):
                raise _CannotRead("A start or end is neither a date nor a time.")
            return moment, None, False
        tzid = str(value.params.get("TZID", "")) if hasattr(value, "params") else ""
        if tzid:
            zone = resolve(tzid, self._locations, self._described)
            if zone is None:
                raise _CannotRead(f"Nobody knows the time zone “{tzid[:60]}”.")
            return moment.replace(tzinfo=None, fold=0), zone, False
        if moment.tzinfo is not None:
            return moment.astimezone(UTC).replace(tzinfo=None), "UTC", False
        return moment, self._zone, True


def _when(component: Component, places: _Places) -> When:
    if "DTSTART" not in component:
        raise _CannotRead("It has no start.")
    start, zone, floating = places.wall(component["DTSTART"])
    timed = isinstance(start, datetime)
    if "DTEND" in component:
        end, end_zone, _ = places.wall(component["DTEND"])
        if isinstance(end, datetime) is not timed:
            raise _CannotRead("Its start and end are not of the same kind.")
        if isinstance(end, datetime) and zone is not None and end_zone is not None and end_zone != zone:
            instant = When(end, end, end_zone).start_instant(end_zone)
            end = to_wall(instant, zone)
    elif "DURATION" in component:
        duration: Any = component["DURATION"]
        end = start + duration.dt
    else:
        end = start if timed else start + timedelta(days=1)
    if end < start:
        raise _CannotRead("It ends before it starts.")
    if not timed and end == start:
        end = start + timedelta(days=1)
    return When(start, end, zone, floating=floating)


def _fields(component: Component, when: When) -> Fields:
    description = text.clean(str(component.get("DESCRIPTION", "")))
    availability = Availability.FREE if str(component.get("TRANSP", "")).upper() == "TRANSPARENT" else Availability.BUSY
    if str(component.get("STATUS", "")).upper() == "TENTATIVE" and availability is Availability.BUSY:
        availability = Availability.TENTATIVE
    stated = str(component.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper()
    return Fields(
        when=when,
        title=text.one_line(str(component.get("SUMMARY", "")), _TITLE_LENGTH),
        text=description,
        place=text.one_line(str(component.get("LOCATION", "")), _TITLE_LENGTH),
        availability=_BUSY_STATUS.get(stated, availability),
        visibility=_CLASS.get(str(component.get("CLASS", "")).upper(), Visibility.DEFAULT),
        reminders=(),
    )


def _rules(component: Component, places: _Places, when: When) -> Iterator[str]:
    for name in ("RRULE", "EXRULE"):
        for rule in _many(component, name):
            yield f"{name}:{rule.to_ical().decode()}"
    dates = [start for value in _many(component, "RDATE") for start in _dates(value, places)]
    for start in dates:
        if isinstance(start, datetime):
            yield f"RDATE;TZID={when.zone}:{start:%Y%m%dT%H%M%S}"
        else:
            yield f"RDATE;VALUE=DATE:{start:%Y%m%d}"


def _excluded(component: Component, places: _Places, when: When) -> Iterator[Moment]:
    for value in _many(component, "EXDATE"):
        for start in _dates(value, places):
            if isinstance(start, datetime) and when.all_day:
                yield start.date()
            else:
                yield start


def _dates(value: Any, places: _Places) -> Iterator[Moment]:
    tzid = value.params.get("TZID") if hasattr(value, "params") else None
    for item in value.dts:
        if isinstance(item.dt, tuple):
            raise _CannotRead("It repeats in periods, which no calendar service keeps.")
        if tzid and "TZID" not in item.params:
            item.params["TZID"] = tzid
        yield places.wall(item)[0]


def _many(component: Component, name: str) -> list[Any]:
    value = component.get(name)
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _uid(component: Component) -> str:
    return str(component.get("UID", "")).strip()


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
