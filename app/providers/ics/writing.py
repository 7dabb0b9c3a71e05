"""Events as the text of an iCalendar file (RFC 5545, colours by RFC 7986): feeds and snapshots. Pure.

No guest, organizer or address is ever written: whoever imports the file sends nobody an invitation. Every zone has its
VTIMEZONE before the first event that uses it, so that the text can be made and read piece by piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Component
from icalendar import Event as VEvent
from icalendar.prop import vRecur, vText

from app.domain.events import Availability, Event, Fields, Response, Visibility
from app.domain.snapshots import Detail, Head, Unit
from app.domain.times import Moment, When, at_midnight, to_utc, to_wall
from app.providers.ics.zone_text import zone_text

PRODUCT = "-//Kalends//Kalends//EN"
BUSY_TITLE = "Busy"

ID = "X-KALENDS-ID"
ICAL_UID = "X-KALENDS-UID"
GUESTS = "X-KALENDS-GUESTS"
DECLINED = "X-KALENDS-DECLINED"
LINK = "X-KALENDS-LINK"
SHOWN_AS = "X-MICROSOFT-CDO-BUSYSTATUS"
HTML = "X-ALT-DESC"
RULES = "X-KALENDS-RULES"
"""The lines of a recurrence as the service spells them; the library puts the parts of a rule into its own order."""
DEFAULT_REMINDERS = "X-KALENDS-DEFAULT-REMINDERS"
NOTE = "X-KALENDS-"

_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Zulu", "Etc/Zulu"})
_CLASSES = {
    Visibility.PUBLIC: "PUBLIC",
    Visibility.PRIVATE: "PRIVATE",
    Visibility.CONFIDENTIAL: "CONFIDENTIAL",
}
_SHOWN = {
    Availability.FREE: "FREE",
    Availability.TENTATIVE: "TENTATIVE",
    Availability.BUSY: "BUSY",
    Availability.OUT_OF_OFFICE: "OOF",
    Availability.ELSEWHERE: "WORKINGELSEWHERE",
}
_LETS_IN = (Availability.FREE, Availability.ELSEWHERE)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CSS_COLOUR = re.compile(r"[A-Za-z]{3,30}")


class IcsText:
    """`domain.snapshots.CalendarText`: one VCALENDAR."""

    def __init__(self, head: Head, detail: Detail) -> None:
        self._head = head
        self._detail = detail
        self._zones: set[str] = set()

    def begin(self) -> str:
        """The calendar's properties."""
        calendar = Calendar()
        calendar.add("PRODID", PRODUCT)
        calendar.add("VERSION", "2.0")
        calendar.add("CALSCALE", "GREGORIAN")
        _say(calendar, "X-WR-CALNAME", self._head.name)
        _say(calendar, "X-WR-TIMEZONE", self._head.zone)
        for name, value in self._head.notes.items():
            _say(calendar, f"{NOTE}{name}", value)
        whole: bytes = calendar.to_ical()
        return whole.decode().removesuffix("END:VCALENDAR\r\n")

    def unit(self, unit: Unit, uid: str) -> str:
        """One single or series: its VEVENTs, behind the time zones that were not written yet.

        Args:
            uid: what the VEVENTs are named by.

        Raises:
            ValueError: it cannot be said in iCalendar: a time or rule nobody can read.
        """
        try:
            events = list(self._events(unit, uid))
            zones = [zone for event in unit_events(unit) for zone in _zones_of(event)]
            text = [zone_text(zone) for zone in dict.fromkeys(zones) if zone not in self._zones]
            text += [event.to_ical().decode() for event in events]
        except (KeyError, OverflowError, TypeError, AttributeError, AssertionError) as error:
            raise ValueError(str(error)) from error
        self._zones.update(zones)
        return "".join(text)

    def end(self) -> str:
        """The end of the calendar."""
        return "END:VCALENDAR\r\n"

    # -- one event -----------------------------------------------------------------------------------------------------

    def _events(self, unit: Unit, uid: str) -> Iterator[Component]:
        series: When | None = None
        if unit.event is not None and unit.event.fields is not None:
            series = unit.event.fields.when
            master = self._event(unit.event, unit.event.fields, uid)
            if unit.event.fields.recurrence is not None:
                for line in unit.event.fields.recurrence.lines:
                    _add_rule(master, line, series)
                if unit.cancelled:
                    master.add("EXDATE", [_moment(start, series.zone) for start in unit.cancelled])
            yield master
        for exception in unit.exceptions:
            if exception.fields is None or exception.original_start is None:
                continue
            event = self._event(exception, exception.fields, uid)
            event.add("RECURRENCE-ID", _original(exception.original_start, series))
            yield event

    def _event(self, event: Event, fields: Fields, uid: str) -> Component:
        made = VEvent()
        _say(made, "UID", uid)
        made.add("DTSTAMP", event.updated_at or self._head.stamped_at)
        made.add("DTSTART", _moment(fields.when.start, fields.when.zone))
        made.add("DTEND", _moment(fields.when.end, fields.when.zone))
        made.add("TRANSP", "TRANSPARENT" if fields.availability in _LETS_IN else "OPAQUE")
        if self._detail is Detail.BUSY:
            made.add("SUMMARY", BUSY_TITLE)
            return made
        _add_details(made, fields)
        if self._detail is Detail.KEPT:
            _add_kept(made, event, fields)
        return made


def unit_events(unit: Unit) -> Iterator[Event]:
    """The events of a unit that have content."""
    yield from (one for one in (unit.event, *unit.exceptions) if one is not None and one.fields is not None)


def _add_details(made: Component, fields: Fields) -> None:
    for name, value in (("SUMMARY", fields.title), ("DESCRIPTION", fields.text), ("LOCATION", fields.place)):
        if value:
            _say(made, name, value)
    if fields.link:
        made.add("URL", _one_line(fields.link))
    if fields.visibility in _CLASSES:
        made.add("CLASS", _CLASSES[fields.visibility])
    if fields.availability is Availability.TENTATIVE:
        made.add("STATUS", "TENTATIVE")
    _say(made, SHOWN_AS, _SHOWN[fields.availability])
    if fields.colour is not None and _CSS_COLOUR.fullmatch(fields.colour):
        made.add("COLOR", fields.colour)


def _add_kept(made: Component, event: Event, fields: Fields) -> None:
    _say(made, ID, event.id)
    if event.ical_uid:
        _say(made, ICAL_UID, event.ical_uid)
    if event.guests or event.organised_elsewhere:
        _say(made, GUESTS, "TRUE")
    if event.response is Response.DECLINED:
        _say(made, DECLINED, "TRUE")
    if fields.recurrence is not None:
        _say(made, RULES, "\n".join(fields.recurrence.lines))
    if fields.link:
        _say(made, LINK, fields.link)
    if fields.html:
        _say(made, HTML, fields.html, FMTTYPE="text/html")
    if event.categories:
        made.add("CATEGORIES", [_clean(one) for one in event.categories])
    if fields.reminders is None:
        _say(made, DEFAULT_REMINDERS, "TRUE")
    for minutes in fields.reminders or ():
        alarm = Alarm()
        alarm.add("ACTION", "DISPLAY")
        alarm.add("DESCRIPTION", "Reminder")
        alarm.add("TRIGGER", -timedelta(minutes=minutes))
        made.add_component(alarm)


# -- times -------------------------------------------------------------------------------------------------------------


def _moment(moment: Moment, zone: str | None) -> Moment:
    """A wall time as iCalendar says it: with TZID, or in UTC; a date stays one."""
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if zone is None or zone in _UTC_NAMES:
        return moment.replace(tzinfo=UTC)
    return moment.replace(tzinfo=ZoneInfo(zone))


def _original(start: Moment, series: When | None) -> Moment:
    """RECURRENCE-ID: of the type and in the zone of its series' DTSTART (RFC 5545 §3.8.4.4)."""
    if series is None:
        return _moment(start, None)
    if series.all_day or series.zone is None:
        return start.date() if isinstance(start, datetime) else start
    if not isinstance(start, datetime):
        return _moment(datetime.combine(start, at_midnight(series.start).time()), series.zone)
    wall = start if start.tzinfo is None else to_wall(start, series.zone)
    return _moment(wall, series.zone)


def _add_rule(master: Component, line: str, when: When) -> None:
    """Add one RRULE, EXRULE or RDATE line of a recurrence. Raises ValueError: it is none."""
    head, _, value = line.partition(":")
    name = head.upper().partition(";")[0]
    if name in ("RRULE", "EXRULE"):
        master.add(name, vRecur.from_ical(_until(value, when)))
        return
    if name != "RDATE":
        raise ValueError(f"a recurrence cannot say {name}")
    named = dict(part.partition("=")[::2] for part in head.split(";")[1:])
    zone = named.get("TZID", when.zone)
    master.add("RDATE", [_rdate(one, zone) for one in value.split(",")])


def _until(rule: str, when: When) -> str:
    """A rule whose UNTIL is of the kind that DTSTART asks for (RFC 5545 §3.3.10): a date, or a time in UTC."""
    found = re.search(r"UNTIL=([0-9TZ]+)", rule, re.IGNORECASE)
    if found is None:
        return rule
    text = found[1].upper()
    day = datetime.strptime(text[:8], "%Y%m%d")  # noqa: DTZ007 - a wall clock
    if when.all_day or when.zone is None:
        fitting = f"{day:%Y%m%d}"
    elif text.endswith("Z"):
        fitting = text
    else:
        clock = datetime.strptime(text[9:], "%H%M%S").time() if "T" in text else datetime.max.time()  # noqa: DTZ007 - as above
        fitting = f"{to_utc(datetime.combine(day.date(), clock).replace(microsecond=0), when.zone):%Y%m%dT%H%M%SZ}"
    return rule[: found.start(1)] + fitting + rule[found.end(1) :]


def _rdate(text: str, zone: str | None) -> Moment:
    if "T" not in text:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a date
    if text.endswith("Z"):
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return _moment(datetime.strptime(text, "%Y%m%dT%H%M%S"), zone)  # noqa: DTZ007 - a wall clock


# -- zones and text ----------------------------------------------------------------------------------------------------


def _zones_of(event: Event) -> Iterator[str]:
    if event.fields is None:
        return
    zone = event.fields.when.zone
    if zone is not None and zone not in _UTC_NAMES:
        yield zone
    for line in event.fields.recurrence.lines if event.fields.recurrence is not None else ():
        found = re.search(r";TZID=([^;:]+)", line.partition(":")[0], re.IGNORECASE)
        if found is not None and found[1] not in _UTC_NAMES:
            yield found[1]


def _say(component: Component, name: str, value: str, **parameters: str) -> None:
    """Add a text property, escaped: the library itself escapes none whose name it does not know."""
    component.add(name, vText(_clean(value), params=parameters))


def _clean(value: str) -> str:
    """Text that can stand in a file: no control characters but line ends and tabs, no lone surrogates."""
    whole = value.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    return _UNPRINTABLE.sub("", whole)


def _one_line(value: str) -> str:
    """A URI: it is not escaped, so nothing in it may end its line (`reliability.md` E9)."""
    return "".join(_clean(value).split())
