"""What the person does in Outlook itself, beside any token, told in the sandbox's domain shape.

The control API and the seed call it; the same rewriting and change numbers apply as for clients. It must not be
reachable through Graph's routes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from app.sandbox.faults import SandboxInputError
from app.sandbox.microsoft import recurrence
from app.sandbox.microsoft.errors import GraphError
from app.sandbox.microsoft.events import EventChanges
from app.sandbox.microsoft.occurrences import Series
from app.sandbox.microsoft.properties import NO_TIME
from app.sandbox.microsoft.recurrence import NotExpressibleError
from app.sandbox.microsoft.scheduling import TIMES
from app.sandbox.microsoft.spans import span, zone_of
from app.sandbox.microsoft.store import Calendar, Event, Store
from app.sandbox.microsoft.writing import Person, changed_event, changed_occurrence, new_event
from app.sandbox.microsoft.zones import UnknownZoneError, Zone, resolve
from app.sandbox.splitting import cut
from app.sandbox.world import World

_FIELDS: Final = frozenset(
    """id title start end all_day time_zone rrule exceptions description html location status response attendees busy
    visibility kind""".split()
)
_BUSY: Final = {"busy": "busy", "free": "free", "oof": "oof", "tentative": "tentative"}
_VISIBILITY: Final = {"default": "normal", "public": "normal", "private": "private", "confidential": "confidential"}
_KINDS: Final = {
    "default": {},
    "workingLocation": {"showAs": "workingElsewhere"},
    "focusTime": {"showAs": "busy"},
    "outOfOffice": {"showAs": "oof"},
    "birthday": {"showAs": "free"},
}
_RESPONSES: Final = {
    "accepted": "accepted",
    "declined": "declined",
    "tentative": "tentativelyAccepted",
    "needsAction": "notResponded",
}
_ORGANIZER: Final = {"emailAddress": {"name": "Robin Mertens", "address": "robin.mertens@example.org"}}
_DAY: Final = timedelta(days=1)


class UserActions:
    """The person at their own calendar.

    Args:
        world: accounts and switches.
        store: the records.
        changes: carries changes out.
    """

    def __init__(self, world: World, store: Store, changes: EventChanges) -> None:
        self._world = world
        self._store = store
        self._changes = changes

    def list(self, calendar_id: str) -> list[dict[str, Any]]:
        """Every live single event and series of a calendar in domain shape, oldest first."""
        return [self._shape(event) for event in self._store.live(self._calendar(calendar_id).id)]

    def create(self, calendar_id: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Make an event; raises SandboxInputError for what Outlook cannot keep."""
        calendar = self._calendar(calendar_id)
        _check_fields(event, {"title", "start", "end"} & set(event) or {"start"})
        account = self._world.account(calendar.mailbox)
        organizer = Person(account.display_name, account.email) if account else Person("", calendar.mailbox)
        zone = str(event.get("time_zone") or (account.time_zone if account else "UTC"))
        try:
            body, cancelled = _graph_body(event, zone, self._first_wall(event))
            fields = new_event(body, organizer, self._world.behaviour, _any_zone)
            _set_answer(fields, event, organizer)
            record = self._changes.create(calendar, fields)
            try:
                self._except(record, event, cancelled)
            except (GraphError, ValueError):
                # A series is made whole or not at all.
                self._changes.delete(record, None)
                raise
        except (GraphError, NotExpressibleError, ValueError) as error:
            raise _refused("This event cannot be made", error) from error
        return self._shape(record)

    def patch(self, calendar_id: str, event_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change an event, a series or one occurrence; only the fields given change."""
        record, original = self._find(calendar_id, event_id)
        _check_fields(changes, set())
        try:
            if original is not None:
                zone = str(changes.get("time_zone") or record.fields["startZone"])
                body, _ = _graph_body(changes, zone, None)
                own = changed_occurrence(record, original, body, self._world.behaviour, _any_zone)
                self._changes.change_occurrence(record, original, own)
                return self._shape(record)
            zone = str(changes.get("time_zone") or record.fields["startZone"])
            merged = {**self._shape(record), **changes} if {"rrule", "start", "time_zone"} & set(changes) else changes
            first = self._first_wall(merged) if "start" in merged else None
            body, cancelled = _graph_body(_with_rule(merged, changes), zone, first)
            fields = changed_event(record.fields, body, self._world.behaviour, _any_zone)
            calendar = self._store.calendars[record.calendar]
            account = self._world.account(calendar.mailbox)
            _set_answer(fields, changes, Person(account.display_name if account else "", calendar.mailbox))
            self._changes.change(record, fields)
            self._except(record, changes, cancelled if "rrule" in changes else set())
        except (GraphError, NotExpressibleError, ValueError) as error:
            raise _refused("This change cannot be made", error) from error
        return self._shape(record)

    def delete(self, calendar_id: str, event_id: str) -> None:
        """Delete an event, a series or one occurrence."""
        self._changes.delete(*self._find(calendar_id, event_id))

    def move(self, calendar_id: str, event_id: str, target_id: str) -> dict[str, Any]:
        """Move an event or a series to another calendar of the same person."""
        record, original = self._find(calendar_id, event_id)
        target = self._calendar(target_id)
        if original is not None or target.mailbox != self._store.calendars[record.calendar].mailbox:
            raise SandboxInputError("Only whole events move, and only within one mailbox.", "calendar")
        if target.id != record.calendar:
            self._store.move(record, target.id)
        return self._shape(record)

    def split(self, calendar_id: str, event_id: str, at: str, changes: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        """Change this occurrence of a series and all that follow: the rest becomes a series of its own, which has
        everything the first has, the properties of programs too; raises SandboxInputError."""
        record, original = self._find(calendar_id, event_id)
        if original is not None:
            raise SandboxInputError("Only a series can be split.", "at")
        first, rest = cut(self._shape(record), at)
        zone, day = str(record.fields["startZone"]), datetime.fromisoformat(at).date()
        try:
            start = self._first_wall(rest)
            fresh, cancelled = _graph_body(rest, zone, start)
            person = Person(record.fields["organizer"]["emailAddress"]["name"], "")
            times = new_event(fresh, person, self._world.behaviour, _any_zone)
            kept = {name: value for name, value in record.fields.items() if name not in (*TIMES, "recurrence")}
            body, _ = _graph_body({**self._shape(record), "rrule": first}, zone, self._first_wall(self._shape(record)))
            ended = changed_event(record.fields, {"recurrence": body["recurrence"]}, self._world.behaviour, _any_zone)
            earlier = {one: kept_one for one, kept_one in record.exceptions.items() if one < day}
            gone = {one: number for one, number in record.cancelled.items() if one < day}
            second = self._changes.create(self._store.calendars[record.calendar], {**times, **kept})
            if not {"start", "end", "all_day", "time_zone", "rrule"} & set(changes):
                self._except(second, rest, cancelled)
            self._changes.change(record, ended)
            # The end of its range is all that changed: what was moved or cancelled before stays so.
            record.exceptions, record.cancelled = earlier, gone
            self._store.touch(record)
        except (GraphError, NotExpressibleError, ValueError) as error:
            raise _refused("This series cannot be split", error) from error
        new_id = self._store.immutable_id(second)
        rest_shape = self.patch(calendar_id, new_id, changes) if changes else self._shape(second)
        return [self._shape(record), rest_shape]

    def respond(self, calendar_id: str, event_id: str, response: str, email: str | None) -> dict[str, Any]:
        """Answer an invitation: the person's own, or one of the guests' of the person's event; raises KeyError,
        SandboxInputError."""
        record, original = self._find(calendar_id, event_id)
        exception = record.exceptions.get(original) if original is not None else None
        fields = {**record.fields, **(exception.fields if exception else {})}
        owner = self._store.calendars[record.calendar].mailbox
        who = (email or owner).lower()
        own = who == owner.lower()
        if all(one["emailAddress"]["address"].lower() != who for one in fields["attendees"]) or (
            own and fields["isOrganizer"]
        ):
            raise SandboxInputError(f"{who} is not invited to this event.", "email" if email else "response")
        answer = _choice(_RESPONSES, response, "response")
        status = {"response": answer, "time": f"{self._world.clock.now():%Y-%m-%dT%H:%M:%SZ}"}
        listed = {**status, "response": "none" if answer == "notResponded" else answer}
        attendees = [
            {**one, "status": listed} if one["emailAddress"]["address"].lower() == who else one
            for one in fields["attendees"]
        ]
        changed = {"attendees": attendees} | ({"responseStatus": status} if own else {})
        self._changes.answer(record, original, changed)
        return self._shape(record)

    def _calendar(self, calendar_id: str) -> Calendar:
        if calendar_id not in self._store.calendars:
            raise KeyError(calendar_id)
        return self._store.calendars[calendar_id]

    def _find(self, calendar_id: str, event_id: str) -> tuple[Event, date | None]:
        found = self._store.find(event_id)
        if found is None or found[0].calendar != self._calendar(calendar_id).id:
            raise KeyError(event_id)
        event, original = found
        if original is not None and not (event.is_series and Series(event, self._world.behaviour).has(original)):
            raise KeyError(event_id)
        return event, original

    def _first_wall(self, event: Mapping[str, Any]) -> datetime:
        return datetime.fromisoformat(str(event["start"]))

    def _except(self, record: Event, event: Mapping[str, Any], cancelled: set[date]) -> None:
        if not record.is_series:
            if event.get("exceptions"):
                raise SandboxInputError("Only a series has exceptions.")
            return
        series = Series(record, self._world.behaviour)
        for day in sorted(cancelled):
            if series.has(day):
                self._changes.delete(record, day)
        for exception in event.get("exceptions") or []:
            day = datetime.fromisoformat(str(exception["original_start"])).date()
            if not series.has(day):
                raise SandboxInputError(f"The series has no occurrence on {day.isoformat()}.")
            if exception.get("cancelled"):
                self._changes.delete(record, day)
                continue
            changes = {key: value for key, value in exception.items() if key not in ("original_start", "cancelled")}
            if record.fields["isAllDay"]:
                changes = {"all_day": True, **changes}
            _check_fields(changes, set())
            body, _ = _graph_body(changes, str(changes.get("time_zone") or record.fields["startZone"]), None)
            own = changed_occurrence(record, day, body, self._world.behaviour, _any_zone)
            self._changes.change_occurrence(record, day, own)

    def _shape(self, event: Event) -> dict[str, Any]:
        fields = event.fields
        zone = zone_of(fields["startZone"])
        answer: dict[str, Any] = {"id": self._store.immutable_id(event), **_shape_fields(fields, zone)}
        if event.is_series:
            lines = recurrence.to_lines(fields["recurrence"], zone, fields["isAllDay"])
            answer["rrule"] = lines
            series = Series(event, self._world.behaviour)
            exceptions: list[dict[str, Any]] = [
                {"original_start": _wall(series.walls(day)[0], fields["isAllDay"]), "cancelled": True}
                for day in event.cancelled
            ]
            for day, record in event.exceptions.items():
                merged = {**fields, **record.fields}
                if "start" not in record.fields:
                    start, end = series.walls(day)
                    merged |= {"start": start.isoformat(), "end": end.isoformat()}
                shape = _shape_fields(merged, zone_of(merged["startZone"]))
                changed = {key: value for key, value in shape.items() if answer.get(key) != value}
                times = {"start": shape["start"], "end": shape["end"]}
                exceptions.append(
                    {
                        "id": self._store.immutable_id(event, day),
                        "original_start": _wall(series.walls(day)[0], fields["isAllDay"]),
                        **changed,
                        **times,
                    }
                )
            if exceptions:
                answer["exceptions"] = sorted(exceptions, key=lambda one: str(one["original_start"]))
        return answer


def _refused(what: str, error: Exception) -> SandboxInputError:
    if isinstance(error, SandboxInputError):
        return error
    return SandboxInputError(f"{what}: {error}", "rrule" if isinstance(error, NotExpressibleError) else None)


def _any_zone(name: str) -> Zone:
    try:
        return resolve(name, any_iana=True)
    except UnknownZoneError:
        raise SandboxInputError(f"Outlook has no time zone {name!r}.") from None


def _check_fields(event: Mapping[str, Any], required: set[str]) -> None:
    unknown = sorted(set(event) - _FIELDS)
    if unknown:
        raise SandboxInputError(f"An event has no field {unknown[0]!r}.")
    missing = sorted(name for name in required if event.get(name) is None)
    if missing:
        raise SandboxInputError(f"An event needs {missing[0]!r}.")


def _with_rule(merged: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    # A new start moves the series along: its rule is translated again from the new start.
    names = set(changes) | (
        {"rrule", "start", "end", "all_day"} if {"rrule", "start", "time_zone"} & set(changes) else set()
    )
    return {key: value for key, value in merged.items() if key in names and key not in ("id", "exceptions")}


def _choice(table: Mapping[str, Any], value: Any, name: str) -> Any:
    if value not in table:
        raise SandboxInputError(f"{name!r} is one of {', '.join(table)}, not {value!r}.")
    return table[value]


def _graph_body(event: Mapping[str, Any], zone_name: str, first: datetime | None) -> tuple[dict[str, Any], set[date]]:
    """The JSON that a client would send for these fields, and the dates that EXDATE lines cancel."""
    body: dict[str, Any] = {}
    zone = _any_zone(zone_name)
    if "kind" in event:
        body |= _choice(_KINDS, event["kind"], "kind")
    if "title" in event:
        body["subject"] = event["title"] or ""
    if "html" in event or "description" in event:
        kind, content = ("html", event["html"]) if event.get("html") else ("text", event.get("description") or "")
        body["body"] = {"contentType": kind, "content": content}
    if "location" in event:
        body["location"] = {"displayName": event["location"] or ""}
    if "busy" in event:
        body["showAs"] = _choice(_BUSY, event["busy"], "busy")
    if event.get("status") == "tentative":
        body["showAs"] = "tentative"
    elif event.get("status") not in (None, "confirmed"):
        raise SandboxInputError("'status' is confirmed or tentative.")
    if "visibility" in event:
        body["sensitivity"] = _choice(_VISIBILITY, event["visibility"], "visibility")
    if "all_day" in event:
        body["isAllDay"] = bool(event["all_day"])
    for name in ("start", "end"):
        if name in event:
            wall = datetime.fromisoformat(str(event[name]))
            if wall.tzinfo is not None:
                raise SandboxInputError(f"{name!r} is local wall time without an offset, beside 'time_zone'.")
            body[name] = {"dateTime": wall.isoformat(), "timeZone": zone_name}
    if "start" in event and "end" not in event and "start" in body and first is not None:
        length = _DAY if event.get("all_day") else timedelta()
        body["end"] = {"dateTime": (first + length).isoformat(), "timeZone": zone_name}
    if "attendees" in event:
        body["attendees"] = [_attendee(one) for one in event["attendees"]]
    cancelled: set[date] = set()
    if event.get("rrule") and first is not None:
        body["recurrence"], cancelled = recurrence.from_lines(event["rrule"], first, zone, bool(event.get("all_day")))
    elif "rrule" in event:
        body["recurrence"] = None
    return body, cancelled


def _attendee(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"emailAddress": {"address": value}}
    if not isinstance(value, Mapping):
        raise SandboxInputError("An attendee is an address, or an object with 'email' and 'name'.")
    return {"emailAddress": {"address": value.get("email"), "name": value.get("name") or value.get("email")}}


def _set_answer(fields: dict[str, Any], event: Mapping[str, Any], owner: Person) -> None:
    """Put in what only the service or another organizer sets: the answers of attendees and the person's own."""
    given = list(event.get("attendees") or [])
    for one, spec in zip(fields["attendees"], given, strict=False):
        if isinstance(spec, Mapping) and spec.get("response"):
            wire = _choice(_RESPONSES, spec["response"], "response")
            one["status"] = {"response": "none" if wire == "notResponded" else wire, "time": NO_TIME}
    if event.get("response") is None:
        return
    answer = _choice(_RESPONSES, event["response"], "response")
    status = {"response": answer, "time": NO_TIME}
    own = {
        "type": "required",
        "status": {**status, "response": "none" if answer == "notResponded" else answer},
        "emailAddress": {"name": owner.name, "address": owner.address},
    }
    others = [one for one in fields["attendees"] if one["emailAddress"]["address"].lower() != owner.address.lower()]
    fields |= {"isOrganizer": False, "organizer": _ORGANIZER, "responseStatus": status, "attendees": [*others, own]}


def _wall(moment: datetime, all_day: bool) -> str:
    return moment.date().isoformat() if all_day else moment.isoformat()


def _shape_fields(fields: Mapping[str, Any], zone: Zone) -> dict[str, Any]:
    all_day = bool(fields["isAllDay"])
    start, end = datetime.fromisoformat(fields["start"]), datetime.fromisoformat(fields["end"])
    if not all_day and fields["endZone"] != fields["startZone"]:
        end = zone.wall(span(dict(fields))[1])
    busy = {"workingElsewhere": "free", "unknown": "busy"}.get(fields["showAs"], fields["showAs"])
    answer: dict[str, Any] = {
        "title": fields["subject"],
        "start": _wall(start, all_day),
        "end": _wall(end, all_day),
        "all_day": all_day,
        "time_zone": zone.info.key,
        "busy": busy,
        "visibility": {"normal": "default", "personal": "private"}.get(fields["sensitivity"], fields["sensitivity"]),
        "status": "tentative" if fields["showAs"] == "tentative" else "confirmed",
    }
    if fields["bodyText"]:
        answer |= {"description": fields["bodyText"], "html": fields["bodyHtml"]}
    if fields["location"]["displayName"]:
        answer["location"] = fields["location"]["displayName"]
    if fields["attendees"]:
        answer["attendees"] = [
            {"email": one["emailAddress"]["address"], "name": one["emailAddress"]["name"]}
            for one in fields["attendees"]
        ]
    names = {wire: name for name, wire in _RESPONSES.items()}
    for shown, one in zip(answer.get("attendees", []), fields["attendees"], strict=False):
        if one["status"]["response"] in names:
            shown["response"] = names[one["status"]["response"]]
    if fields["responseStatus"]["response"] in names:
        answer["response"] = names[fields["responseStatus"]["response"]]
    return answer
