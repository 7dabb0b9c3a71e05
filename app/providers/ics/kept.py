"""Snapshots read back: what `writing` put into a file, with the properties that only Kalends knows. Pure.

A person may have edited the file, or brought another: what cannot be read is counted, and never stops the rest.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from icalendar import Component
from icalendar.prop import vText

from app.domain.errors import InputError
from app.domain.events import Event, EventKind, Recurrence, Response
from app.domain.snapshots import Head, Read, Unit
from app.domain.times import Moment
from app.providers import text
from app.providers.ics.parsing import parse
from app.providers.ics.reading import read_ics
from app.providers.ics.writing import DECLINED, DEFAULT_REMINDERS, GUESTS, HTML, ICAL_UID, ID, LINK, NOTE, RULES

_LINK_LENGTH = 2048
_ESCAPED = re.compile(r"\\(.)")
_LONGEST_REMINDER = timedelta(days=28)


def read_kept(data: bytes) -> Read:
    """What a snapshot holds.

    Raises:
        InputError: it is no iCalendar file, or none that Kalends wrote.
    """
    calendars, _ = parse(data)
    calendar = calendars[0]
    head = _head(calendar)
    events, unread = read_ics(data, head.zone, _with_own)
    parts: dict[str, list[Event]] = {}
    for event in events:
        if event.series_id is not None:
            parts.setdefault(event.series_id, []).append(event)
    units = []
    for event in events:
        if event.series_id is None:
            units.append(_unit(event, parts.get(event.id, [])))
    return Read(head, tuple(units), len(unread))


def _unit(event: Event, parts: list[Event]) -> Unit:
    stubs: list[Moment] = [
        one.original_start for one in parts if one.kind is EventKind.CANCELLED and one.original_start is not None
    ]
    own_id = event.transaction_id or event.id
    exceptions = tuple(
        replace(one, id=one.transaction_id or one.id, transaction_id=None, series_id=own_id)
        for one in parts
        if one.kind is EventKind.EXCEPTION
    )
    cancelled = tuple(dict.fromkeys([*event.cancelled, *stubs]))
    return Unit(replace(event, id=own_id, transaction_id=None), exceptions, cancelled)


def _head(calendar: Component) -> Head:
    notes = {name.removeprefix(NOTE): _text(calendar, name) for name in calendar if name.startswith(NOTE)}
    if "CALENDAR" not in notes:
        raise InputError("The file is no snapshot: Kalends did not write it.", code="no_snapshot")
    taken = notes.get("TAKEN", "")
    try:
        stamped = datetime.fromisoformat(taken)
    except ValueError:
        stamped = datetime.fromtimestamp(0, UTC)
    zone = _text(calendar, "X-WR-TIMEZONE") or "UTC"
    return Head(_text(calendar, "X-WR-CALNAME"), zone, stamped, notes)


def _with_own(component: Component, event: Event) -> Event:
    """An event with what only Kalends writes. Its id in its calendar waits in `transaction_id`: the id itself is what
    ties the components of one series together."""
    kept = replace(
        event,
        transaction_id=_text(component, ID) or None,
        ical_uid=_text(component, ICAL_UID) or None,
        guests=GUESTS in component,
        response=Response.DECLINED if DECLINED in component else Response.NONE,
        categories=_categories(component),
    )
    if event.fields is None:
        return kept
    colour = _text(component, "COLOR") or None
    rules = tuple(_text(component, RULES).splitlines())
    known = event.fields.recurrence
    fields = replace(
        event.fields,
        recurrence=Recurrence(rules) if rules and known is not None else known,
        html=text.clean(_text(component, HTML)) or None,
        link=text.one_line(_text(component, LINK), _LINK_LENGTH),
        colour=colour,
        reminders=None if DEFAULT_REMINDERS in component else _reminders(component),
    )
    return replace(kept, fields=fields)


def _text(component: Component, name: str) -> str:
    """A text property, of several the first; the library unescapes only those it knows."""
    found = component.get(name, "")
    value = found[0] if isinstance(found, list) else found
    return str(value) if isinstance(value, vText) else _ESCAPED.sub(_unescaped, str(value))


def _unescaped(found: re.Match[str]) -> str:
    """RFC 5545 §3.3.11."""
    return "\n" if found[1] in "nN" else found[1]


def _categories(component: Component) -> tuple[str, ...]:
    found = component.get("CATEGORIES")
    if found is None:
        return ()
    rows = found if isinstance(found, list) else [found]
    return tuple(str(one) for row in rows for one in getattr(row, "cats", ()))


def _reminders(component: Component) -> tuple[int, ...]:
    found = set()
    for alarm in component.walk("VALARM"):
        trigger = getattr(alarm.get("TRIGGER"), "dt", None)
        if isinstance(trigger, timedelta) and timedelta() <= -trigger <= _LONGEST_REMINDER:
            found.add(int(-trigger / timedelta(minutes=1)))
    return tuple(sorted(found))
