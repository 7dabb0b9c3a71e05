"""Times of one iCalendar object as wall clocks with IANA zones (RFC 5545 §3.3.5). Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, TypeVar

from icalendar import Component, Timezone

from app.domain.times import Moment, When, to_utc, to_wall
from app.providers.ics.zones import resolve

M = TypeVar("M", date, datetime)


class CannotRead(Exception):
    """Why one component cannot be used; the text is for a person."""


class Places:
    """Knows the zones of one VCALENDAR.

    Args:
        calendar: its VTIMEZONEs and its X-WR-TIMEZONE count.
        zone: IANA zone of floating times where the calendar names none.
    """

    def __init__(self, calendar: Component, zone: str) -> None:
        self._locations: dict[str, str] = {}
        self._described: dict[str, tzinfo] = {}
        for component in calendar.walk("VTIMEZONE"):
            if not isinstance(component, Timezone):
                continue
            tzid = str(component.get("TZID", ""))
            self._locations[tzid] = str(component.get("X-LIC-LOCATION", ""))
            try:
                self._described[tzid] = component.to_tz()
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
                # A zone nobody can compute with; a known name may still tell which one is meant.
                continue
        self._zone = self._resolve(str(calendar.get("X-WR-TIMEZONE", ""))) or zone

    def wall(self, value: Any) -> tuple[Moment, str | None, bool]:
        """A property's time: wall clock or date, its zone (None for dates), and whether it floats."""
        moment = value.dt
        if not isinstance(moment, datetime):
            if not isinstance(moment, date):
                raise CannotRead("A start or end is neither a date nor a time.")
            return moment, None, False
        tzid = str(value.params.get("TZID", "")) if hasattr(value, "params") else ""
        if tzid:
            zone = self._resolve(tzid)
            if zone is None:
                raise CannotRead(f"Nobody knows the time zone “{tzid[:60]}”.")
            return moment.replace(tzinfo=None, fold=0), zone, False
        if moment.tzinfo is not None:
            return moment.astimezone(UTC).replace(tzinfo=None), "UTC", False
        return moment, self._zone, True

    def occurrence(self, value: Any, series: When) -> Moment:
        """When an occurrence starts that RECURRENCE-ID, RDATE or EXDATE names, as its series counts: on its wall clock
        and in its zone. Some programs write UTC there, or a bare date for a timed series."""
        moment, zone, floats = self.wall(value)
        if not isinstance(series.start, datetime):
            return moment.date() if isinstance(moment, datetime) else moment
        if not isinstance(moment, datetime):
            return datetime.combine(moment, series.start.time())
        if floats or zone is None or series.zone is None or zone == series.zone:
            return moment
        return to_wall(to_utc(moment, zone), series.zone)

    def when(self, component: Component) -> When:
        """When an event is. Raises CannotRead."""
        if "DTSTART" not in component:
            raise CannotRead("It has no start.")
        start, zone, floats = self.wall(_single(component, "DTSTART"))
        if isinstance(start, datetime):
            return When(start, self._timed_end(component, start, zone), zone, floating=floats)
        return When(start, self._last_day(component, start))

    def _timed_end(self, component: Component, start: datetime, zone: str | None) -> datetime:
        end = start
        if "DTEND" in component:
            given, end_zone, _ = self.wall(_single(component, "DTEND"))
            if not isinstance(given, datetime):
                raise CannotRead("Its start and end are not of the same kind.")
            end = given
            if zone is not None and end_zone is not None and end_zone != zone:
                end = to_wall(to_utc(given, end_zone), zone)
        elif "DURATION" in component:
            end = start + _duration(component)
        return _not_before(start, end)

    def _last_day(self, component: Component, start: date) -> date:
        end: Moment = start + timedelta(days=1)
        if "DTEND" in component:
            end, _, _ = self.wall(_single(component, "DTEND"))
            if isinstance(end, datetime):
                raise CannotRead("Its start and end are not of the same kind.")
        elif "DURATION" in component:
            end = start + _duration(component)
        return _not_before(start, end) if end != start else start + timedelta(days=1)

    def _resolve(self, tzid: str) -> str | None:
        return resolve(tzid, self._locations, self._described) if tzid else None


def _single(component: Component, name: str) -> Any:
    value = component[name]
    if isinstance(value, list):
        raise CannotRead(f"It has more than one {name}.")
    return value


def _duration(component: Component) -> timedelta:
    duration = _single(component, "DURATION").dt
    if not isinstance(duration, timedelta):
        raise CannotRead("Its duration is none.")
    return duration


def _not_before(start: M, end: M) -> M:
    if end < start:
        raise CannotRead("It ends before it starts.")
    return end
