"""Graph's event JSON to and from domain events, and the normal form of what is written. Pure.

It must not decide what is written or asked. References: `providers.md` §5.4, §5.8, §10; Graph v1.0 `event`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.domain.errors import ProtocolError
from app.domain.events import Availability, Event, EventKind, Fields, GuestList, Marker, Response, Visibility
from app.domain.links import Carried, Draft
from app.domain.times import Moment, When, is_timed, to_utc, to_wall
from app.providers import text
from app.providers.microsoft import marker as markers
from app.providers.microsoft import recurrence, zones

TITLE_LIMIT = 255
PLACE_LIMIT = 255
TEXT_LIMIT = 100_000

_AVAILABILITY = {
    "free": Availability.FREE,
    "tentative": Availability.TENTATIVE,
    "busy": Availability.BUSY,
    "oof": Availability.OUT_OF_OFFICE,
    "workingElsewhere": Availability.ELSEWHERE,
}
_SHOW_AS = {ours: theirs for theirs, ours in _AVAILABILITY.items()}
_VISIBILITY = {
    "personal": Visibility.PRIVATE,
    "private": Visibility.PRIVATE,
    "confidential": Visibility.CONFIDENTIAL,
}
_SENSITIVITY = {Visibility.PRIVATE: "private", Visibility.CONFIDENTIAL: "confidential"}
_RESPONSE = {
    "accepted": Response.ACCEPTED,
    "tentativelyAccepted": Response.TENTATIVE,
    "declined": Response.DECLINED,
    "notResponded": Response.NEEDS_ACTION,
}
_KINDS = {
    "singleInstance": EventKind.SINGLE,
    "seriesMaster": EventKind.SERIES,
    "exception": EventKind.EXCEPTION,
    # Asked for by its id, an occurrence that does not differ yet is told like one that does.
    "occurrence": EventKind.EXCEPTION,
}
# Exchange wraps every body; only these say more than plain text can.
_RICH = re.compile(r"<(?:b|blockquote|code|em|h[1-6]|i|li|ol|pre|s|strong|sub|sup|table|u|ul)\b", re.IGNORECASE)
_CANCELLED_ID = re.compile(r"OID\..*\.(\d{4}-\d{2}-\d{2})", re.DOTALL)


# -- Graph to domain ---------------------------------------------------------------------------------------------------


def event(value: Mapping[str, Any], zone: str, *, marker_known: bool, master: Mapping[str, Any] | None = None) -> Event:
    """An event as Graph tells it.

    Args:
        value: the JSON, times in UTC (`Prefer: outlook.timezone`); a delta stub of an occurrence is not an event.
        zone: the mailbox's IANA zone.
        marker_known: whether it was read with the marker expanded.
        master: JSON of the series, for an exception.

    Raises:
        ProtocolError: something the reference promises is missing or unreadable.
    """
    try:
        kind = _KINDS[value.get("type") or "singleInstance"]
        part = kind is EventKind.EXCEPTION
        common = Event(
            id=str(value["id"]),
            etag=str(value.get("@odata.etag") or ""),
            kind=kind,
            series_id=str(value["seriesMasterId"]) if part else None,
            original_start=_original_start(value, master or value, zone) if part else None,
            ical_uid=value.get("iCalUId"),
            marker=markers.from_graph(value) if marker_known else None,
            marker_known=marker_known,
            transaction_id=str(value["transactionId"]).lower() if value.get("transactionId") else None,
            response=_RESPONSE.get(str((value.get("responseStatus") or {}).get("response")), Response.NONE),
            organised_elsewhere=value.get("isOrganizer") is False,
            guests=bool(value.get("attendees")),
            guest_list=_guest_list(value.get("attendees")),
            categories=tuple(str(name) for name in value.get("categories") or ()),
            web_link=text.web_link(value.get("webLink")) or None,
            updated_at=_instant(value["lastModifiedDateTime"]) if value.get("lastModifiedDateTime") else None,
        )
        if value.get("isCancelled"):
            # The organizer called it off; what stays in the calendar is its headstone.
            return replace(common, kind=EventKind.CANCELLED) if part else replace(common, gone=True)
        fields = _fields(value, zone)
        cancelled = tuple(_wall_start(name, fields) for name in value.get("cancelledOccurrences") or ())
        return replace(common, fields=fields, cancelled=cancelled)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        # OverflowError: before year 1 or after 9999 in the event's own zone.
        raise ProtocolError("Microsoft sent an event that cannot be read.") from error


def title_of(value: Mapping[str, Any]) -> str:
    """The title of an event of which nothing else may be readable."""
    subject = value.get("subject")
    return text.one_line(subject, TITLE_LIMIT) if isinstance(subject, str) else ""


def cancelled_occurrence(name: str, master: Event) -> Event:
    """The occurrence that a master's `cancelledOccurrences` names. Graph tells its date; the time is the series'."""
    start: Moment = cancelled_date(name)
    if master.fields is not None and master.fields.when.zone is not None:
        try:
            start = to_utc(_wall_start(name, master.fields), master.fields.when.zone)
        except OverflowError as error:
            raise ProtocolError("Microsoft named a cancelled occurrence beyond all years.") from error
    return Event(id=name, kind=EventKind.CANCELLED, series_id=master.id, original_start=start)


def _wall_start(name: str, master: Fields) -> Moment:
    start = master.when.start
    day = cancelled_date(name)
    return datetime.combine(day, start.time()) if isinstance(start, datetime) else day


def cancelled_date(name: str) -> date:
    """The date in `OID.<master id>.<yyyy-mm-dd>`.

    The form is not documented beyond examples, so that anything else is refused rather than guessed.

    Raises:
        ProtocolError: another form.
    """
    found = _CANCELLED_ID.fullmatch(str(name))
    try:
        if found:
            return date.fromisoformat(found[1])
    except ValueError:
        pass
    raise ProtocolError("Microsoft named a cancelled occurrence in an unknown form.")


def series_zone(value: Mapping[str, Any], zone: str) -> str:
    """The IANA zone in which a series repeats: the rule's own, else the author's."""
    rule = value.get("recurrence") or {}
    name = (rule.get("range") or {}).get("recurrenceTimeZone")
    return zones.to_iana(name or value.get("originalStartTimeZone"), zone)


def occurrence_date(value: Mapping[str, Any], master: Mapping[str, Any], zone: str) -> date:
    """The date, in the series' zone, of the occurrence that `value` is or stands for."""
    if value.get("originalStart"):
        start = _original_start(value, master, zone)
        if start is not None and not isinstance(start, datetime):
            return start
        if start is not None:
            return to_wall(start, series_zone(master, zone)).date()
    if master.get("isAllDay"):
        return _date(value["start"])
    return to_wall(_told(value["start"]), series_zone(master, zone)).date()


def _original_start(value: Mapping[str, Any], master: Mapping[str, Any], zone: str) -> Moment | None:
    told = value.get("originalStart")
    if not told:
        return None
    instant = _instant(told)
    if not master.get("isAllDay"):
        return instant
    # An all-day occurrence is told as midnight of the mailbox's zone.
    local = to_wall(instant, zone)
    if local.time() == datetime.min.time():
        return local.date()
    # Another zone than we know of: the nearest midnight is right for every offset under twelve hours.
    return (instant + timedelta(hours=12)).date()


def _fields(value: Mapping[str, Any], zone: str) -> Fields:
    all_day = bool(value.get("isAllDay"))
    rule = value.get("recurrence")
    own_zone = series_zone(value, zone)
    plain, html, footer_link, guests = _body(value.get("body") or {})
    online = (value.get("onlineMeeting") or {}).get("joinUrl") or value.get("onlineMeetingUrl")
    return Fields(
        when=_when(value, all_day, own_zone, repeats=rule is not None),
        title=text.one_line(str(value.get("subject") or ""), TITLE_LIMIT),
        text=plain,
        html=html,
        place=text.one_line(str((value.get("location") or {}).get("displayName") or ""), PLACE_LIMIT),
        link=text.web_link(online) or footer_link,
        guests=guests,
        availability=_AVAILABILITY.get(value.get("showAs") or "busy", Availability.BUSY),
        visibility=_VISIBILITY.get(value.get("sensitivity") or "normal", Visibility.DEFAULT),
        reminders=(int(value.get("reminderMinutesBeforeStart") or 0),) if value.get("isReminderOn") else (),
        recurrence=recurrence.from_graph(rule, all_day, own_zone) if rule else None,
    )


def _when(value: Mapping[str, Any], all_day: bool, zone: str, *, repeats: bool) -> When:
    if all_day:
        start, end = _date(value["start"]), _date(value["end"])
        return When(start, max(end, start + timedelta(days=1)))
    first, last = _told(value["start"]), _told(value["end"])
    begin, finish = to_wall(first, zone), to_wall(last, zone)
    if not repeats and (to_utc(begin, zone), to_utc(finish, zone)) != (first, last):
        # In the hour that the clocks repeat, a wall time alone would mean the first pass.
        zone = zones.UTC
        begin, finish = first.replace(tzinfo=None), last.replace(tzinfo=None)
    return When(begin, finish, zone)


def _told(moment: Mapping[str, Any]) -> datetime:
    """A `dateTimeTimeZone` as an instant; it carries no offset, and seven digits of a second."""
    wall = datetime.fromisoformat(moment["dateTime"])
    return (
        to_utc(wall, zones.to_iana(moment.get("timeZone"), zones.UTC)) if wall.tzinfo is None else wall.astimezone(UTC)
    )


def _date(moment: Mapping[str, Any]) -> date:
    return date.fromisoformat(str(moment["dateTime"])[:10])


def _instant(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _guest_list(attendees: object) -> GuestList | None:
    """The people on an event, rooms and equipment left out (`attendee.type`)."""
    rows = [row for row in attendees if isinstance(row, Mapping)] if isinstance(attendees, list) else []
    people = [row.get("emailAddress") for row in rows if row.get("type") != "resource"]
    return text.guest_list(one.get("name") if isinstance(one, Mapping) else None for one in people)


def _body(body: Mapping[str, Any]) -> tuple[str, str | None, str, GuestList | None]:
    """Plain text, HTML if it says more, and the meeting link and the guests of our footer."""
    content = str(body.get("content") or "")
    html = body.get("contentType") == "html"
    markup = text.sanitise(content) if html else ""
    # Cut below the text and not at its end: what we added there would be lost.
    whole = _lines(text.plain(markup) if html else content, text.MAX_CHARS)
    plain, link = text.split_footer(whole)
    plain = text.cut(plain, TEXT_LIMIT)
    rich = text.split_footer_html(markup)[0] if html and _says_more(markup, plain) else None
    return plain, rich, link, text.guests_below(whole)


def _says_more(markup: str, plain: str) -> bool:
    """Whether HTML says more than its plain text; a link whose address is not its text is one that does."""
    return bool(_RICH.search(markup)) or " <http" in plain


def _lines(value: str, limit: int = TEXT_LIMIT) -> str:
    """A text as it survives Exchange's own change into HTML and back: runs of blanks are one."""
    lines = (" ".join(line.split()) for line in text.clean(value).split("\n"))
    return text.many_lines("\n".join(lines), limit)


# -- domain to Graph ---------------------------------------------------------------------------------------------------


def expresses(fields: Fields) -> bool:
    """Whether Graph can say this event's recurrence exactly, zone and all."""
    if fields.recurrence is None:
        return True
    when = fields.when
    if when.zone is not None:
        kept = zones.canonical(when.zone)
        if kept is None or not zones.same_rules(when.zone, kept, when.start.year):
            return False
    try:
        recurrence.to_graph(fields.recurrence, when.start, when.zone, zones.UTC)
    except recurrence.NotExpressibleError:
        return False
    return True


def normal_form(fields: Fields) -> Fields:
    """These fields as Graph will give them back (`engine.md` §14)."""
    when = _normal_when(fields.when, repeats=fields.recurrence is not None)
    rule = fields.recurrence
    if rule is not None and expresses(fields):
        zone = when.zone or zones.UTC
        told = recurrence.to_graph(rule, when.start, when.zone, zones.UTC)
        rule = recurrence.from_graph(told, when.all_day, zone)
    html = text.sanitise(fields.html) if fields.html else None
    plain = _lines(text.plain(html)) if html else _lines(fields.text)
    if html is not None and (len(html) > TEXT_LIMIT or not _says_more(html, plain)):
        html = None
    link, guests = text.web_link(fields.link), fields.guests
    if link or guests is not None or text.FOOTER in (html or plain):
        # The way there and back: what stands below our line is read as that again, whoever wrote it.
        plain, html, link, guests = _body(_content(plain, html, link, guests))
    return Fields(
        when=when,
        title=text.one_line(fields.title, TITLE_LIMIT),
        text=plain,
        html=html,
        place=text.one_line(fields.place, PLACE_LIMIT),
        link=link,
        guests=guests,
        availability=fields.availability,
        visibility=Visibility.DEFAULT if fields.visibility is Visibility.PUBLIC else fields.visibility,
        reminders=_reminder(fields.reminders),
        colour=None,
        recurrence=rule,
    )


def _reminder(reminders: Collection[int] | None) -> tuple[int, ...]:
    """One pop-up at most, the latest before the start; the calendar's own default is none for a copy."""
    ahead = [minutes for minutes in reminders or () if minutes >= 0]
    return (min(ahead),) if ahead else ()


def _normal_when(when: When, *, repeats: bool) -> When:
    if not isinstance(when.start, datetime) or not isinstance(when.end, datetime) or when.zone is None:
        return replace(when, end=max(when.end, when.start + timedelta(days=1)))
    kept = zones.canonical(when.zone)
    if repeats and kept is not None:
        return When(_minute(when.start), _minute(when.end), kept)
    kept = kept or zones.UTC
    start, end = to_utc(_minute(when.start), when.zone), to_utc(_minute(when.end), when.zone)
    begin, finish = to_wall(start, kept), to_wall(end, kept)
    if (to_utc(begin, kept), to_utc(finish, kept)) != (start, end):
        return When(start.replace(tzinfo=None), end.replace(tzinfo=None), zones.UTC)
    return When(begin, finish, kept)


def _minute(wall: datetime) -> datetime:
    return wall.replace(second=0, microsecond=0)


def body(draft: Draft, zone: str, *, unlike: Fields | None = None, occurrence: bool = False) -> dict[str, Any]:
    """The JSON that makes an event, or changes one, into what a draft says. Never attendees.

    Args:
        zone: the mailbox's IANA zone, in which all-day events are midnight to midnight.
        unlike: what the event is now: what is the same is not sent, because writing the time of a series may reset its
            exceptions. None sends everything.
        occurrence: the event is part of a series and has no rule of its own.

    Raises:
        recurrence.NotExpressibleError: the rule cannot be said exactly.
    """
    wanted = normal_form(draft.fields)
    now = normal_form(unlike) if unlike is not None else None
    sent: dict[str, Any] = {"singleValueExtendedProperties": markers.to_graph(draft.marker)}
    for name, parts in _PARTS.items():
        if now is None or parts(now) != parts(wanted):
            sent |= _members(name, wanted, draft.fields, zone, occurrence=occurrence)
    return sent


def carried(what: Carried, zone: str) -> dict[str, Any]:
    """The JSON that changes some fields of an original, and nothing else of it.

    Args:
        zone: the mailbox's IANA zone, in which all-day events are midnight to midnight.
    """
    wanted = normal_form(what.fields)
    sent: dict[str, Any] = {}
    for name in what.names:
        sent |= _members(name, wanted, what.fields, zone, occurrence=False)
    return sent


def writable_fields(found: Event) -> frozenset[str]:
    """Which fields of an original may be written: none where other people are on it, as Graph would tell them."""
    if found.fields is None or found.guests or found.organised_elsewhere:
        return frozenset()
    return frozenset(_PARTS)


_PARTS: dict[str, Callable[[Fields], object]] = {
    "title": lambda fields: fields.title,
    "text": lambda fields: (fields.text, fields.html, fields.link, fields.guests),
    "place": lambda fields: fields.place,
    "availability": lambda fields: fields.availability,
    "visibility": lambda fields: fields.visibility,
    "reminders": lambda fields: fields.reminders,
    "when": lambda fields: (fields.when, fields.recurrence),
}
"""What of an event each of Graph's members says."""


def _members(name: str, wanted: Fields, asked: Fields, zone: str, *, occurrence: bool) -> dict[str, Any]:
    """The members that say one field."""
    match name:
        case "title":
            return {"subject": wanted.title}
        case "text":
            return {"body": _content(wanted.text, wanted.html, wanted.link, wanted.guests)}
        case "place":
            return {"location": {"displayName": wanted.place}}
        case "availability":
            return {"showAs": _SHOW_AS[wanted.availability]}
        case "visibility":
            return {"sensitivity": _SENSITIVITY.get(wanted.visibility, "normal")}
        case "reminders":
            # Exchange reminds by default: silence has to be said.
            ahead = {"reminderMinutesBeforeStart": wanted.reminders[0]} if wanted.reminders else {}
            return {"isReminderOn": bool(wanted.reminders), **ahead}
        case _:
            return _times(wanted, asked, zone, occurrence=occurrence)


def _content(plain: str, html: str | None, link: str, guests: GuestList | None) -> dict[str, str]:
    if html is None:
        return {"contentType": "text", "content": text.with_footer(plain, link, guests)}
    return {"contentType": "html", "content": text.with_footer_html(html, link, guests)}


def _times(wanted: Fields, asked: Fields, zone: str, *, occurrence: bool) -> dict[str, Any]:
    when = wanted.when
    windows = zones.to_windows(when.zone or zone) or zones.UTC
    spell = "%Y-%m-%dT%H:%M:%S"
    sent: dict[str, Any] = {
        "isAllDay": when.all_day,
        "start": {"dateTime": when.start.strftime(spell), "timeZone": windows},
        "end": {"dateTime": when.end.strftime(spell), "timeZone": windows},
    }
    if asked.recurrence is not None and not occurrence:
        # From what was asked, not from its normal form: a rule Graph cannot say must be refused here.
        sent["recurrence"] = recurrence.to_graph(asked.recurrence, when.start, when.zone, windows)
    return sent


def same_content(one: Fields | None, other: Fields | None) -> bool:
    """Whether a person would see no difference. HTML is left out: Exchange rewrites it by itself."""
    if one is None or other is None:
        return one is other
    left, right = normal_form(one), normal_form(other)
    return replace(left, html=None, when=_instants(left)) == replace(right, html=None, when=_instants(right))


def _instants(fields: Fields) -> When:
    """A single's time with its zone out of the way; series and dates as they are."""
    when = fields.when
    if fields.recurrence is not None or not is_timed(when.start):
        return when
    start, end = when.start_instant(zones.UTC), when.end_instant(zones.UTC)
    return When(start.replace(tzinfo=None), end.replace(tzinfo=None), zones.UTC)


def with_marker(found: Event, marker: Marker) -> Event:
    """An answer to our own write, which tells no extended properties: the marker is the one that was sent with it."""
    return replace(found, marker=marker, marker_known=True)
