"""Google's Event resource to the domain and back, without I/O (Calendar API v3 `Event`; `providers.md` §2.5-2.7, §10).

`normal_form` is the way there and back, so that what we compare is by construction what the service will answer.
It must never write attendees: nobody is ever e-mailed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from app.domain.accounts import Access, CalendarInfo
from app.domain.errors import ProtocolError
from app.domain.events import (
    Availability,
    Event,
    EventKind,
    Fields,
    GuestList,
    Marker,
    Recurrence,
    Response,
    Special,
    Visibility,
)
from app.domain.links import Carried, Draft
from app.domain.times import When
from app.providers import text as texts
from app.providers.google import times

TITLE_LIMIT: Final = 1024
PLACE_LIMIT: Final = 1024
TEXT_LIMIT: Final = 8192
"""Limits are not in the reference; these are what clients report. Cut on the way there, they hold by themselves."""

MAX_REMINDERS: Final = 5
MAX_REMINDER_MINUTES: Final = 40320

DIRECTION_PROPERTY: Final = "kalendsDirection"
"""The marker's part that listings are filtered by; gone once a copy is released."""
_RELEASED = "kalendsReleased"
_COPY = "kalendsCopy"
_GENERATION = "kalendsGeneration"
_STAMP = "kalendsStamp"

_COLOURS: Final = dict(
    enumerate(
        "lavender sage grape flamingo banana tangerine peacock graphite blueberry basil tomato".split(),
        start=1,
    )
)
_COLOUR_IDS: Final = {name: str(number) for number, name in _COLOURS.items()}
_MEMBERS: Final = {
    "when": ("start", "end"),
    "title": ("summary",),
    "text": ("description",),
    "place": ("location",),
    "availability": ("transparency", "status"),
    "visibility": ("visibility",),
    "reminders": ("reminders",),
    "colour": ("colorId",),
}
"""Which members of the resource say each field."""
_SPECIALS: Final = {
    "default": Special.DEFAULT,
    "birthday": Special.BIRTHDAY,
    "workingLocation": Special.WORKING_LOCATION,
    "focusTime": Special.FOCUS_TIME,
    "outOfOffice": Special.OUT_OF_OFFICE,
    "fromGmail": Special.FROM_MAIL,
}
_RESPONSES: Final = {
    "needsAction": Response.NEEDS_ACTION,
    "accepted": Response.ACCEPTED,
    "tentative": Response.TENTATIVE,
    "declined": Response.DECLINED,
}
_ROLES: Final = {
    "owner": Access.WRITER,
    "writer": Access.WRITER,
    "writerWithoutPrivateAccess": Access.WRITER,
    "reader": Access.READER,
}


def access_of(role: object) -> Access | None:
    """What an `accessRole` allows; None for busy-only and unknown roles, whose events have no content."""
    return _ROLES.get(str(role))


def calendar_of(entry: Mapping[str, Any]) -> CalendarInfo | None:
    """An entry of the calendar list; None if it is deleted or cannot be read.

    Raises:
        ProtocolError: it has no id.
    """
    access = access_of(entry.get("accessRole"))
    if access is None or entry.get("deleted"):
        return None
    calendar_id = entry.get("id")
    if not isinstance(calendar_id, str) or not calendar_id:
        raise ProtocolError("Google Calendar lists a calendar without an id.")
    colour = entry.get("backgroundColor")
    return CalendarInfo(
        calendar_id=calendar_id,
        name=texts.one_line(str(entry.get("summaryOverride") or entry.get("summary") or calendar_id), TITLE_LIMIT),
        access=access,
        zone=times.known_zone(str(entry.get("timeZone") or "")) or "UTC",
        primary=entry.get("primary") is True,
        colour=colour if isinstance(colour, str) else None,
    )


def zone_of(listing: Mapping[str, Any]) -> str | None:
    """The calendar's zone as a listing tells it, None if this machine does not know it."""
    return times.known_zone(_text(listing, "timeZone"))


def event_of(item: Mapping[str, Any], calendar_zone: str) -> Event:
    """An event item as the domain sees it.

    Args:
        item: one `calendar#event`.
        calendar_zone: IANA zone of times that name none.

    Raises:
        ProtocolError: it lacks what the reference guarantees; skip it, not the page.
    """
    event_id = item.get("id")
    if not isinstance(event_id, str) or not event_id:
        raise ProtocolError("Google Calendar sent an event without an id.")
    series_id = item.get("recurringEventId")
    original = times.original_start_of(item.get("originalStartTime"))
    bare = Event(
        id=event_id,
        etag=_text(item, "etag"),
        series_id=series_id if isinstance(series_id, str) else None,
        original_start=original,
        ical_uid=_text(item, "iCalUID") or None,
        marker=marker_of(item),
        updated_at=times.instant(item.get("updated")),
    )
    if item.get("status") == "cancelled":
        if bare.series_id is not None and original is not None:
            return replace(bare, kind=EventKind.CANCELLED)
        return replace(bare, gone=True)
    if bare.series_id is not None and original is None:
        raise ProtocolError("Google Calendar sent an occurrence without its original start.")
    when = times.when_of(item, calendar_zone)
    lines, cancelled = times.split_recurrence(item.get("recurrence"), when)
    kind = EventKind.EXCEPTION if bare.series_id is not None else EventKind.SERIES if lines else EventKind.SINGLE
    response, guests, names = _people(item)
    organizer = item.get("organizer")
    return replace(
        bare,
        kind=kind,
        fields=_fields(item, when, lines),
        cancelled=cancelled if kind is EventKind.SERIES else (),
        response=response,
        special=_SPECIALS.get(_text(item, "eventType") or "default", Special.DEFAULT),
        organised_elsewhere=isinstance(organizer, Mapping) and bool(organizer) and organizer.get("self") is not True,
        guests=guests,
        guest_list=texts.guest_list(names),
        web_link=texts.web_link(item.get("htmlLink")) or None,
    )


def title_of(item: Mapping[str, Any]) -> str:
    """The title of an item of which nothing else may be readable."""
    return texts.one_line(_text(item, "summary"), TITLE_LIMIT)


def marker_of(item: Mapping[str, Any]) -> Marker | None:
    """The origin marker in an item's private properties, None if there is none."""
    extended = item.get("extendedProperties")
    private = extended.get("private") if isinstance(extended, Mapping) else None
    if not isinstance(private, Mapping):
        return None
    released = _text(private, _RELEASED)
    direction = released or _text(private, DIRECTION_PROPERTY)
    if not direction:
        return None
    generation = _text(private, _GENERATION)
    return Marker(
        direction_key=direction,
        copy_key=_text(private, _COPY),
        generation=int(generation) if generation.isascii() and generation.isdigit() and len(generation) < 10 else 0,
        stamp=_text(private, _STAMP),
        released=bool(released),
    )


def marker_properties(marker: Marker, *, patch: bool) -> dict[str, str | None]:
    """The marker as private properties. A patch also takes away what no longer holds (release, or its undoing)."""
    ours, other = (_RELEASED, DIRECTION_PROPERTY) if marker.released else (DIRECTION_PROPERTY, _RELEASED)
    return {
        ours: marker.direction_key,
        **({other: None} if patch else {}),
        _COPY: marker.copy_key,
        _GENERATION: str(marker.generation),
        _STAMP: marker.stamp,
    }


def created(draft: Draft, event_id: str) -> dict[str, Any]:
    """The body of an insert under our own id."""
    body = {name: value for name, value in _body(draft.fields, patch=False).items() if value is not None}
    lines = _recurrence(draft)
    if lines:
        body["recurrence"] = lines
    body["id"] = event_id
    body["extendedProperties"] = {"private": marker_properties(draft.marker, patch=False)}
    return body


def patched(draft: Draft, *, occurrence: bool) -> dict[str, Any]:
    """The body of a PATCH that makes an event what the draft says, nulling what it lacks.

    Args:
        occurrence: for one occurrence of a series, which has no recurrence of its own.
    """
    body = _body(draft.fields, patch=True)
    if not occurrence:
        body["recurrence"] = _recurrence(draft) or None
    body["extendedProperties"] = {"private": marker_properties(draft.marker, patch=True)}
    return body


def carried(what: Carried) -> dict[str, Any]:
    """The body of a PATCH that changes some fields of an original, and nothing else of it."""
    body = _body(what.fields, patch=True)
    return {member: body[member] for name in what.names for member in _MEMBERS[name]}


def writable_fields(event: Event) -> frozenset[str]:
    """Which fields of an original may be written: all, where nobody else is on it and it is an ordinary event."""
    ordinary = event.special is Special.DEFAULT and not event.guests and not event.organised_elsewhere
    return frozenset(_MEMBERS) if ordinary and event.fields is not None else frozenset()


def normal_form(fields: Fields) -> Fields:
    """These fields as Google Calendar will give them back: written into its JSON and read from it again."""
    body = _body(fields, patch=False)
    when = times.when_of(body, fields.when.zone or "UTC")
    return _fields(body, when, fields.recurrence.lines if fields.recurrence else ())


def _fields(item: Mapping[str, Any], when: When, lines: tuple[str, ...]) -> Fields:
    body, markup, below, guests = _description_read(_text(item, "description"))
    return Fields(
        when=when,
        title=texts.one_line(_text(item, "summary"), TITLE_LIMIT),
        text=body,
        html=markup,
        place=texts.one_line(_text(item, "location"), PLACE_LIMIT),
        link=_meeting_link(item) or below,
        guests=guests,
        availability=_availability(item),
        visibility=_visibility(item),
        reminders=_reminders_read(item.get("reminders")),
        colour=_colour(item.get("colorId")),
        recurrence=Recurrence(lines) if lines else None,
    )


def _body(fields: Fields, *, patch: bool) -> dict[str, Any]:
    """Everything but recurrence and marker; None where there is nothing."""
    when = fields.when
    if isinstance(when.start, datetime) and isinstance(when.end, datetime):
        when = replace(when, start=times.whole_minute(when.start), end=times.whole_minute(when.end))
    free = fields.availability in (Availability.FREE, Availability.ELSEWHERE)
    return {
        **times.points_of(when, patch=patch),
        "summary": texts.one_line(fields.title, TITLE_LIMIT) or None,
        "description": _description_written(fields) or None,
        "location": texts.one_line(fields.place, PLACE_LIMIT) or None,
        "transparency": "transparent" if free else "opaque",
        "status": "tentative" if fields.availability is Availability.TENTATIVE else "confirmed",
        "visibility": fields.visibility.value,
        "reminders": _reminders_written(fields.reminders),
        "colorId": _COLOUR_IDS.get(fields.colour or ""),
    }


def _recurrence(draft: Draft) -> list[str]:
    if draft.fields.recurrence is None:
        return []
    return [*draft.fields.recurrence.lines, *times.exdate_lines(draft.cancelled, draft.fields.when)]


def _description_read(description: str) -> tuple[str, str | None, str, GuestList | None]:
    """Plain text, sanitised HTML if there is any, and the link and the guests below our line."""
    if not texts.looks_like_html(description):
        whole = texts.many_lines(description, texts.MAX_CHARS)
        above, link = texts.split_footer(whole)
        return above, None, link, texts.guests_below(whole)
    cleaned = texts.sanitise(description)
    markup, link = texts.split_footer_html(cleaned)
    # Google shows the line breaks of a description as they are, in HTML too.
    guests = texts.guests_below(texts.plain(cleaned, keep_line_breaks=True)) if texts.FOOTER in cleaned else None
    return texts.plain(markup, keep_line_breaks=True), markup if "<" in markup else None, link, guests


def _description_written(fields: Fields) -> str:
    """HTML as far as it fits, else the text, escaped where Google would take it for HTML."""
    if fields.html is not None:
        markup = texts.with_footer_html(texts.sanitise(fields.html), fields.link, fields.guests)
        if len(markup) <= TEXT_LIMIT:
            return markup
    room = TEXT_LIMIT - len(texts.with_footer("", fields.link, fields.guests)) - 2
    while True:
        written = texts.with_footer(texts.many_lines(fields.text, room), fields.link, fields.guests)
        if texts.looks_like_html(written):
            written = texts.escape(written)
        if len(written) <= TEXT_LIMIT or room <= 1:
            return written
        room = max(1, min(room - 1, room * TEXT_LIMIT // len(written)))


def _meeting_link(item: Mapping[str, Any]) -> str:
    conference = item.get("conferenceData")
    entries = conference.get("entryPoints") if isinstance(conference, Mapping) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, Mapping) and entry.get("entryPointType") == "video":
            link = texts.web_link(entry.get("uri"))
            if link:
                return link
    return texts.web_link(item.get("hangoutLink"))


def _availability(item: Mapping[str, Any]) -> Availability:
    if item.get("transparency") == "transparent":
        return Availability.FREE
    if item.get("eventType") == "outOfOffice":
        return Availability.OUT_OF_OFFICE
    return Availability.TENTATIVE if item.get("status") == "tentative" else Availability.BUSY


def _visibility(item: Mapping[str, Any]) -> Visibility:
    try:
        return Visibility(item.get("visibility") or "default")
    except ValueError:
        return Visibility.PRIVATE  # a word we do not know is no leave to show details


def _reminders_read(value: object) -> tuple[int, ...] | None:
    """Pop-ups in minutes; None for the calendar's defaults. E-mails are left out: copies never send any."""
    if not isinstance(value, Mapping) or value.get("useDefault") is True:
        return None
    overrides = value.get("overrides")
    minutes = {
        row["minutes"]
        for row in (overrides if isinstance(overrides, list) else [])
        if isinstance(row, Mapping) and row.get("method") == "popup" and isinstance(row.get("minutes"), int)
    }
    return tuple(sorted(minutes))


def _reminders_written(reminders: tuple[int, ...] | None) -> dict[str, Any]:
    if reminders is None:
        return {"useDefault": True, "overrides": []}
    kept = sorted({min(max(minutes, 0), MAX_REMINDER_MINUTES) for minutes in reminders})[:MAX_REMINDERS]
    return {"useDefault": False, "overrides": [{"method": "popup", "minutes": minutes} for minutes in kept]}


def _colour(colour_id: object) -> str | None:
    text = str(colour_id) if colour_id is not None else ""
    return _COLOURS.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 4 else None


def _people(item: Mapping[str, Any]) -> tuple[Response, bool, list[object]]:
    """The calendar owner's own answer, whether anybody else is on it (an omitted list counts as others), and the names
    of those who are, rooms left out."""
    attendees = item.get("attendees")
    response, guests = Response.NONE, item.get("attendeesOmitted") is True
    names: list[object] = []
    for row in attendees if isinstance(attendees, list) else []:
        if isinstance(row, Mapping) and row.get("self") is True:
            response = _RESPONSES.get(str(row.get("responseStatus")), Response.NEEDS_ACTION)
        else:
            guests = True
            if isinstance(row, Mapping) and row.get("resource") is not True:
                names.append(row.get("displayName"))
    return response, guests, names


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""
