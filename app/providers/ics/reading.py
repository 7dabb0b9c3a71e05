"""A person's own `.ics` file: its events in the words of the domain, and what could not be read, with the reason.

One bad component never stops the others (RFC 5545; `reliability.md` E4, E10). Pure: bytes in, values out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from icalendar import Component

from app.domain.errors import InputError
from app.domain.events import Availability, Event, EventKind, Fields, Recurrence, Visibility
from app.domain.times import Moment, When
from app.providers import text
from app.providers.ics.parsing import PARSE_ERRORS, parse, short
from app.providers.ics.places import CannotRead, Places

_TITLE_LENGTH = 1024
_CALENDAR_COMPONENTS = {"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "VALARM", "VAVAILABILITY"}
_BUSY_STATUS = {
    "FREE": Availability.FREE,
    "TENTATIVE": Availability.TENTATIVE,
    "OOF": Availability.OUT_OF_OFFICE,
    "WORKINGELSEWHERE": Availability.ELSEWHERE,
}
_CLASS = {"PUBLIC": Visibility.DEFAULT, "PRIVATE": Visibility.PRIVATE, "CONFIDENTIAL": Visibility.CONFIDENTIAL}
_DECIDING = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
"""Properties an event cannot be read without, where they are broken."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A component that could not be used: its name, its UID where it has one, and why, in words."""

    component: str
    uid: str
    reason: str


More = Callable[[Component, Event], Event]
"""Adds to an event what a reader knows how to find in its component."""


def _as_it_is(component: Component, event: Event) -> Event:
    """Nothing more."""
    return event


def read_ics(data: bytes, zone: str, more: More = _as_it_is) -> tuple[Sequence[Event], Sequence[Unread]]:
    """Read an iCalendar file.

    Args:
        data: the file's bytes: UTF-8, else UTF-16 with its mark, else Latin-1.
        zone: IANA zone of floating times.
        more: adds to events what is in properties of the writer's own.

    Returns:
        Events (masters and singles first, then exceptions and cancelled occurrences with `series_id`), their ids being
        UIDs; and what was skipped. Of several versions of one event the newest counts (RFC 5545 §3.8.7.4). A file that
        is no calendar at all is one skipped `VCALENDAR`.
    """
    try:
        calendars, broken = parse(data)
    except InputError as error:
        return (), (Unread("VCALENDAR", "", error.message),)
    reader = _Reader((Unread(one.name, one.uid, one.reason) for one in broken), more)
    for calendar in calendars:
        reader.take(calendar, Places(calendar, zone))
    return reader.read()


@dataclass(slots=True)
class _Found:
    """One VEVENT, before it is read."""

    component: Component
    places: Places
    uid: str
    cancelled: bool

    @property
    def version(self) -> tuple[int, str]:
        """Higher is newer: SEQUENCE, then LAST-MODIFIED or DTSTAMP, which compare as text in UTC."""
        sequence = self.component.get("SEQUENCE", 0)
        stamp = self.component.get("LAST-MODIFIED") or self.component.get("DTSTAMP")
        try:
            return int(sequence), stamp.to_ical().decode() if stamp is not None else ""
        except (TypeError, ValueError, AttributeError):
            return 0, ""


class _Reader:
    """Collects the VEVENTs of a file, then reads them: what belongs to a series is known only at the end."""

    def __init__(self, broken: Iterable[Unread], more: More) -> None:
        self._more = more
        self._roots: dict[str, list[_Found]] = {}
        self._parts: dict[str, list[_Found]] = {}
        self._unread: list[Unread] = list(broken)

    def take(self, calendar: Component, places: Places) -> None:
        """Note the events of one VCALENDAR; name everything else."""
        called_off = str(calendar.get("METHOD", "")).upper() == "CANCEL"
        for component in calendar.subcomponents:
            name = str(component.name or "").upper()
            if name == "VTIMEZONE":
                continue
            if name != "VEVENT":
                reason = "Kalends copies events only." if name in _CALENDAR_COMPONENTS else "It is no known component."
                self._unread.append(Unread(name or "unnamed", _uid(component), reason))
                continue
            uid = _uid(component) or _made_up_uid(component)
            cancelled = called_off or _word(component, "STATUS") == "CANCELLED"
            kind = self._parts if "RECURRENCE-ID" in component else self._roots
            kind.setdefault(uid, []).append(_Found(component, places, uid, cancelled))

    def read(self) -> tuple[Sequence[Event], Sequence[Unread]]:
        """Everything that can be read, and what cannot."""
        roots: list[Event] = []
        parts: list[Event] = []
        for uid, versions in self._roots.items():
            newest = self._newest(versions)
            root = self._tried(newest, self._root)
            roots.extend(root)
            if root and root[0].kind is EventKind.SERIES:
                parts.extend(self._occurrences(root[0], newest, self._parts.pop(uid, [])))
        for uid, left in self._parts.items():
            called_off = any(found.cancelled for found in self._roots.get(uid, []))
            for found in left:
                if called_off:
                    self._skip(found, "Its series is cancelled.")
                else:
                    roots.extend(self._tried(found, self._alone))
        return (*roots, *parts), tuple(self._unread)

    # -- one event -----------------------------------------------------------------------------------------------------

    def _root(self, found: _Found) -> Event:
        if found.cancelled:
            raise CannotRead("It is cancelled.")
        when = found.places.when(found.component)
        lines = tuple(_rules(found, when))
        return Event(
            id=found.uid,
            kind=EventKind.SERIES if lines else EventKind.SINGLE,
            fields=replace(_fields(found.component, when), recurrence=Recurrence(lines) if lines else None),
            cancelled=tuple(_dates(found, "EXDATE", when)) if lines else (),
            ical_uid=found.uid,
        )

    def _occurrences(self, series: Event, master: _Found, parts: Sequence[_Found]) -> Iterator[Event]:
        """The changed and cancelled occurrences of a series. A later version of the series that excludes a date has
        the last word on it."""
        of_dates: dict[Moment, list[_Found]] = {}
        for found in parts:
            for original in self._tried(found, lambda one: _original(one, series)):
                of_dates.setdefault(original, []).append(found)
        for original, versions in of_dates.items():
            newest = self._newest(versions)
            if original in series.cancelled and newest.version[0] < master.version[0]:
                self._skip(newest, "A later version of its series lacks this date.")
                continue
            yield from self._tried(newest, lambda found, original=original: _occurrence(found, series, original))

    def _alone(self, found: _Found) -> Event:
        """An exception whose series is not in the file stands for itself."""
        if found.cancelled:
            raise CannotRead("It cancels an occurrence of a series that is not in the file.")
        original = found.places.wall(found.component["RECURRENCE-ID"])[0]
        return Event(
            id=f"{found.uid}/{original.isoformat()}",
            kind=EventKind.SINGLE,
            fields=_fields(found.component, found.places.when(found.component)),
            ical_uid=found.uid,
        )

    # -- inside --------------------------------------------------------------------------------------------------------

    def _newest(self, versions: Sequence[_Found]) -> _Found:
        newest = max(versions, key=lambda found: found.version)
        for found in versions:
            if found is not newest:
                self._skip(found, "The file has a newer version of this event.")
        return newest

    def _tried(self, found: _Found, read: Any) -> list[Any]:
        """What `read` makes of a component, or nothing, with the reason noted."""
        try:
            _require_whole(found.component)
            made = read(found)
            return [self._more(found.component, made) if isinstance(made, Event) else made]
        except CannotRead as error:
            self._skip(found, str(error))
        except PARSE_ERRORS as error:
            self._skip(found, f"It cannot be read ({short(error)}).")
        return []

    def _skip(self, found: _Found, reason: str) -> None:
        self._unread.append(Unread("VEVENT", _uid(found.component), reason))


def _require_whole(component: Component) -> None:
    for name, message in getattr(component, "errors", []):
        if name in _DECIDING:
            raise CannotRead(f"It cannot be read ({name}: {str(message)[:100]}).")


def _original(found: _Found, series: Event) -> Moment:
    """Which occurrence of its series an exception stands for."""
    value = found.component["RECURRENCE-ID"]
    if str(value.params.get("RANGE", "")).upper() == "THISANDFUTURE":
        raise CannotRead("It changes an occurrence and all that follow, which no calendar service keeps.")
    if series.fields is None:
        raise CannotRead("Its series cannot be read.")
    return found.places.occurrence(value, series.fields.when)


def _occurrence(found: _Found, series: Event, original: Moment) -> Event:
    fields = None if found.cancelled else _fields(found.component, found.places.when(found.component))
    return Event(
        id=f"{found.uid}/{original.isoformat()}",
        kind=EventKind.CANCELLED if found.cancelled else EventKind.EXCEPTION,
        fields=fields,
        series_id=series.id,
        original_start=original,
        ical_uid=found.uid,
    )


def _fields(component: Component, when: When) -> Fields:
    availability = Availability.FREE if _word(component, "TRANSP") == "TRANSPARENT" else Availability.BUSY
    if _word(component, "STATUS") == "TENTATIVE" and availability is Availability.BUSY:
        availability = Availability.TENTATIVE
    return Fields(
        when=when,
        title=text.one_line(_first(component, "SUMMARY"), _TITLE_LENGTH),
        text=text.clean(_first(component, "DESCRIPTION")),
        place=text.one_line(_first(component, "LOCATION"), _TITLE_LENGTH),
        availability=_BUSY_STATUS.get(_word(component, "X-MICROSOFT-CDO-BUSYSTATUS"), availability),
        visibility=_CLASS.get(_word(component, "CLASS"), Visibility.DEFAULT),
        reminders=(),
    )


def _rules(found: _Found, when: When) -> Iterator[str]:
    for name in ("RRULE", "EXRULE"):
        for rule in _many(found.component, name):
            yield f"{name}:{rule.to_ical().decode()}"
    for start in _dates(found, "RDATE", when):
        if isinstance(start, datetime):
            yield f"RDATE;TZID={when.zone}:{start:%Y%m%dT%H%M%S}"
        else:
            yield f"RDATE;VALUE=DATE:{start:%Y%m%d}"


def _dates(found: _Found, name: str, when: When) -> Iterator[Moment]:
    """The occurrences that RDATE or EXDATE name, as the series counts them."""
    for value in _many(found.component, name):
        tzid = value.params.get("TZID") if hasattr(value, "params") else None
        for item in value.dts:
            if isinstance(item.dt, tuple):
                raise CannotRead("It repeats in periods, which no calendar service keeps.")
            if tzid and "TZID" not in item.params:
                item.params["TZID"] = tzid
            yield found.places.occurrence(item, when)


def _many(component: Component, name: str) -> list[Any]:
    value = component.get(name)
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _first(component: Component, name: str) -> str:
    """A text property; of several, which RFC 5545 does not allow, the first."""
    return str(next(iter(_many(component, name)), ""))


def _word(component: Component, name: str) -> str:
    return _first(component, name).strip().upper()


def _uid(component: Component) -> str:
    return _first(component, "UID").strip()


def _made_up_uid(component: Component) -> str:
    """A UID for an event without one: the same for the same event, whenever the file is read."""
    return f"no-uid-{hashlib.sha256(component.to_ical()).hexdigest()[:32]}"
