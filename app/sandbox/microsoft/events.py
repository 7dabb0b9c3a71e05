"""Routes for events: listings, calendar views, instances, and create, read, change, delete with Exchange's conditions.

Validation lives in ``writing.py``, paging and query options in ``listing.py``. Reference: Graph v1.0 ``event``;
provider reference, sections 5.2, 5.5 and 5.6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from app.sandbox.microsoft.delta import window
from app.sandbox.microsoft.errors import GraphError, conflict, not_found, validation_failure
from app.sandbox.microsoft.graph import READ_CALENDARS, WRITE_CALENDARS, Call, GraphRoute, Reply
from app.sandbox.microsoft.listing import Listing, Newest, Row
from app.sandbox.microsoft.mailbox import Mailbox
from app.sandbox.microsoft.occurrences import Series
from app.sandbox.microsoft.scheduling import zone_finder
from app.sandbox.microsoft.spans import overlaps
from app.sandbox.microsoft.store import Calendar, Event, ExceptionRecord, Store
from app.sandbox.microsoft.wire import Renderer, etag
from app.sandbox.microsoft.writing import (
    Person,
    after_master_change,
    changed_event,
    changed_occurrence,
    new_event,
)
from app.sandbox.world import World

_COLLECTIONS = ("/me", "/me/calendar", "/me/calendars/{calendar}")


class EventChanges:
    """What every change of an event brings along, whoever makes it: records, change numbers, invitations.

    Args:
        world: clock, switches, outbox.
        store: the records.
    """

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store

    def create(self, calendar: Calendar, fields: dict[str, Any], transaction_id: str | None = None) -> Event:
        """Store a new event and invite its attendees."""
        event = self._store.add(calendar.id, fields, transaction_id)
        self._tell(event, "request", fields)
        return event

    def change(self, event: Event, fields: dict[str, Any]) -> None:
        """Give a single event or a master new properties."""
        event.exceptions, event.cancelled = after_master_change(event, fields, self._world.behaviour)
        before, event.fields = event.fields, fields
        self._store.touch(event)
        staying = _addresses(fields)
        left = [one for one in before["attendees"] if _address(one) not in staying]
        self._tell(event, "cancel", {**before, "attendees": left})
        self._tell(event, "update", fields)

    def change_occurrence(self, event: Event, original: date, own: dict[str, Any]) -> None:
        """Make an exception of an occurrence, or change it; ``own`` is what differs from the series."""
        event.exceptions[original] = ExceptionRecord(own, 0, self._world.clock.now())
        self._store.touch(event, original)
        self._tell(event, "update", {**event.fields, **own})

    def answer(self, event: Event, original: date | None, own: dict[str, Any]) -> None:
        """Keep an answer to an invitation; the mailbox owner's own goes to the organizer."""
        if original is None:
            event.fields = {**event.fields, **own}
            self._store.touch(event)
        else:
            known = event.exceptions.get(original)
            merged = {**(known.fields if known else {}), **own}
            event.exceptions[original] = ExceptionRecord(merged, 0, self._world.clock.now())
            self._store.touch(event, original)
        if "responseStatus" in own:
            organizer = event.fields["organizer"]["emailAddress"]["address"]
            event_id = self._store.immutable_id(event)
            self._world.outbox.add("microsoft", "reply", event.calendar, event_id, event.fields["subject"], [organizer])

    def delete(self, event: Event, original: date | None) -> None:
        """Delete an event, a whole series, or cancel one occurrence."""
        fields = event.fields
        if original is None:
            self._store.delete(event)
        else:
            record = event.exceptions.pop(original, None)
            fields = {**fields, **record.fields} if record else fields
            event.cancelled[original] = 0
            self._store.touch(event, original)
        self._tell(event, "cancel", fields)

    def _tell(self, event: Event, kind: str, fields: Mapping[str, Any]) -> None:
        if not fields["isOrganizer"]:
            return
        own = fields["organizer"]["emailAddress"]["address"].lower()
        recipients = [one["emailAddress"]["address"] for one in fields["attendees"] if _address(one) != own]
        event_id = self._store.immutable_id(event)
        self._world.outbox.add("microsoft", kind, event.calendar, event_id, fields["subject"], recipients)


class EventRoutes:
    """The events of one mailbox, for clients with a token.

    Args:
        world: clock and switches.
        store: the records.
        renderer: etags.
        mailbox: finds calendars and checks roles.
        listing: makes answers.
        changes: carries changes out.
    """

    def __init__(
        self, world: World, store: Store, renderer: Renderer, mailbox: Mailbox, listing: Listing, changes: EventChanges
    ) -> None:
        self._world = world
        self._store = store
        self._renderer = renderer
        self._mailbox = mailbox
        self._listing = listing
        self._changes = changes

    def routes(self) -> list[GraphRoute]:
        """The routes of this module, below the mailbox, its default calendar and any calendar."""
        found: list[GraphRoute] = []
        for prefix in _COLLECTIONS:
            one = f"{prefix}/events/{{event}}"
            found += [
                GraphRoute("GET", f"{prefix}/events", READ_CALENDARS, self._list),
                GraphRoute("POST", f"{prefix}/events", WRITE_CALENDARS, self._create),
                GraphRoute("GET", f"{prefix}/calendarView", READ_CALENDARS, self._view),
                GraphRoute("GET", one, READ_CALENDARS, self._get),
                GraphRoute("PATCH", one, WRITE_CALENDARS, self._patch),
                GraphRoute("DELETE", one, WRITE_CALENDARS, self._delete),
                GraphRoute("GET", f"{one}/instances", READ_CALENDARS, self._instances),
            ]
        return found

    def _list(self, call: Call) -> Reply:
        calendar = self._mailbox.calendar(call)
        return self._listing.many(call, Newest(self._store, calendar.id))

    def _view(self, call: Call) -> Reply:
        calendar = self._mailbox.calendar(call)
        start, end = window(call)
        found: list[tuple[Any, str, Row]] = []
        for event in self._store.live(calendar.id):
            if event.is_series:
                instances = Series(event, self._world.behaviour).within(start, end)
                found += [(one.start, event.key, Row(event, one.original)) for one in instances]
            else:
                own_start, own_end = event.span
                if overlaps(own_start, own_end, start, end):
                    found.append((own_start, event.key, Row(event)))
        found.sort(key=lambda item: item[:2])
        return self._listing.many(call, [row for _, _, row in found], ("startdatetime", "enddatetime"))

    def _instances(self, call: Call) -> Reply:
        event, original = self._event(call)
        start, end = window(call)
        if not event.is_series or original is not None:
            return self._listing.many(call, [], ("startdatetime", "enddatetime"))
        instances = Series(event, self._world.behaviour).within(start, end)
        rows = [Row(event, one.original) for one in sorted(instances, key=lambda one: (one.start, one.original))]
        return self._listing.many(call, rows, ("startdatetime", "enddatetime"))

    def _get(self, call: Call) -> Reply:
        return self._listing.one(call, Row(*self._event(call)))

    def _create(self, call: Call) -> Reply:
        calendar = self._mailbox.calendar(call)
        self._mailbox.writable(call, calendar)
        body = _object(call)
        transaction_id = body.get("transactionId")
        if isinstance(transaction_id, str):
            repeated = self._repeated(call, calendar, transaction_id)
            if repeated is not None:
                return repeated
        behaviour = self._world.behaviour
        organizer = Person(call.account.display_name, call.account.email)
        fields = new_event(body, organizer, behaviour, zone_finder(behaviour))
        event = self._changes.create(calendar, fields, transaction_id)
        return self._created(call, event)

    def _created(self, call: Call, event: Event) -> Reply:
        address = f"{call.base}{call.path}/{self._renderer.id(event, None, call.form)}"
        headers = {"Location": address, "ETag": self._etag(event, None)}
        return self._listing.one(call, Row(event), status=201, headers=headers)

    def _repeated(self, call: Call, calendar: Calendar, transaction_id: str) -> Reply | None:
        existing = self._store.by_transaction(call.mailbox, transaction_id)
        if existing is None:
            return None
        lifetime = float(self._world.behaviour["microsoft.transaction_memory_seconds"])
        if lifetime and self._world.clock.now() - existing.created > timedelta(seconds=lifetime):
            return None
        answer = self._world.behaviour["microsoft.transaction_repeat"]
        if answer == "created_201" and not existing.deleted and existing.calendar == calendar.id:
            return self._created(call, existing)
        raise GraphError(
            409 if answer == "error_409" else 400,
            "ErrorDuplicateTransactionId",
            "Your request can't be completed. The TransactionId specified in the request has already been used to "
            "create a different event.",
            extra={"@event.existingEventId": self._renderer.id(existing, None, call.form)},
        )

    def _patch(self, call: Call) -> Reply:
        event, original = self._event(call)
        self._mailbox.writable(call, self._store.calendars[event.calendar])
        self._check_match(call, event, original)
        behaviour = self._world.behaviour
        find = zone_finder(behaviour)
        if original is None:
            self._changes.change(event, changed_event(event.fields, _object(call), behaviour, find))
        else:
            self._changes.change_occurrence(
                event, original, changed_occurrence(event, original, _object(call), behaviour, find)
            )
        return self._listing.one(call, Row(event, original), headers={"ETag": self._etag(event, original)})

    def _delete(self, call: Call) -> Reply:
        call.query.allow()
        event, original = self._event(call)
        self._mailbox.writable(call, self._store.calendars[event.calendar])
        if self._world.behaviour["microsoft.if_match_on_delete"]:
            self._check_match(call, event, original)
        self._changes.delete(event, original)
        return Reply(204)

    def _event(self, call: Call) -> tuple[Event, date | None]:
        found = self._store.find(call.arguments["event"])
        if found is None:
            raise not_found()
        event, original = found
        calendar = self._store.calendars[event.calendar]
        if calendar.mailbox != call.mailbox:
            raise not_found()
        if "calendar" in call.arguments:
            if self._mailbox.calendar(call).id != calendar.id:
                raise not_found()
        elif calendar.is_shared or calendar.role == "freeBusyReader":
            # Events of shared calendars are reached through their calendar only.
            raise not_found()
        if original is not None and not (event.is_series and Series(event, self._world.behaviour).has(original)):
            raise not_found()
        return event, original

    def _etag(self, event: Event, original: date | None) -> str:
        calendar = self._store.calendars[event.calendar]
        return etag(calendar.mailbox, self._renderer.change_of(event, original))

    def _check_match(self, call: Call, event: Event, original: date | None) -> None:
        wanted = call.headers.get("if-match")
        if wanted is None or wanted.strip() == "*":
            return
        if self._etag(event, original) not in re.findall(r'(?:W/)?"[^"]*"', wanted):
            raise conflict()


def _address(attendee: Mapping[str, Any]) -> str:
    return str(attendee["emailAddress"]["address"]).lower()


def _addresses(fields: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(_address(one) for one in fields["attendees"])


def _object(call: Call) -> dict[str, Any]:
    if not isinstance(call.body, dict):
        raise validation_failure("The body is not an event.")
    return call.body
