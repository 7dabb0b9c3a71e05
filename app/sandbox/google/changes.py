"""What writing an event does: ids, series and their exceptions, roles of organizer and guest, invitations, moves.

Used by the HTTP methods and by the control API alike; scopes and etags are the caller's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.sandbox.google.errors import GoogleError, deleted, duplicate, forbidden, invalid, not_found
from app.sandbox.google.resource import ID, WRITABLE, Body, Place, merge, normalize
from app.sandbox.google.series import original_of, split_instance_id, synthesize
from app.sandbox.google.store import Calendar, Store
from app.sandbox.google.stored import Event
from app.sandbox.google.times import Point, instant, stamp
from app.sandbox.world import World

_OWN_MATTERS: Final = frozenset(
    {"attendees", "reminders", "colorId", "transparency", "visibility", "extendedProperties"}
)
"""What a guest may change on the own copy."""

_CREATED: Final = ("default", "birthday", "focusTime", "outOfOffice", "workingLocation")
_CONSUMER: Final = ("gmail.com", "googlemail.com")
_FROM_GMAIL: Final = frozenset(
    {"colorId", "reminders", "visibility", "transparency", "status", "extendedProperties", "sequence"}
)
"""What can be changed of an event that Gmail made (the list is unverified)."""
_BASE32HEX: Final = "0123456789abcdefghijklmnopqrstuv"
_PRIVACY: Final = {"public": 0, "default": 1, "private": 2, "confidential": 2}


class Changes:
    """Every way in which an event comes to be, changes or goes.

    Args:
        world: clock, ids, outbox, switches.
        store: where events are kept.
    """

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store

    def find(self, calendar: Calendar, event_id: str) -> Event:
        """A stored event, or an untouched instance of a live series as if it were stored.

        Raises:
            GoogleError: 404.
        """
        event = calendar.events.get(event_id)
        if event is not None:
            return event
        named = split_instance_id(event_id)
        master = calendar.events.get(named[0]) if named else None
        if named is None or master is None or master.is_cancelled or not master.body.get("recurrence"):
            raise not_found()
        original = original_of(calendar, master, named[1])
        if original is None:
            raise not_found()
        return Event(event_id, synthesize(master, original), master.change, -1, master.updated)

    def insert(
        self, calendar: Calendar, sent: Mapping[str, Any], send_updates: str = "none", *, by_service: bool = False
    ) -> Event:
        """A new event.

        Args:
            calendar: where.
            sent: the body.
            send_updates: who would be told.
            by_service: Gmail itself makes it, which may make what nobody else can.

        Raises:
            GoogleError: 400, or 409 when the id was ever used in this calendar.
        """
        event_id = sent.get("id")
        if event_id is not None:
            if not isinstance(event_id, str) or not ID.fullmatch(event_id):
                raise invalid("Invalid resource id value.", "id")
            if sent.get("iCalUID") is not None:
                raise invalid("An event is given an id or an iCalUID, not both.", "iCalUID")
            if event_id in calendar.events:
                raise duplicate()
        event_type = sent.get("eventType") or "default"
        if event_type not in _CREATED and not (by_service and event_type == "fromGmail"):
            raise invalid("Events of this type cannot be created.", "eventType")
        body = normalize(sent, self.place(calendar), event_type)
        if event_id is None:
            event_id = self.new_id()
        body.setdefault("iCalUID", f"{event_id}@google.com")
        body["created"] = stamp(self._world.clock.now())
        body["creator"] = {"email": calendar.info.account}
        body["organizer"] = _organizer(calendar)
        body["sequence"] = int(sent.get("sequence") or 0)
        event = self._store.put_event(calendar, event_id, body)
        self._notify(calendar, event, "request", send_updates)
        return event

    def new_id(self) -> str:
        """An id as the service makes them."""
        return self._world.new_id(26, _BASE32HEX)

    def split_off(self, calendar: Calendar, series: Event, event_id: str, times: Mapping[str, Any]) -> Event:
        """Store the second part of a series that its owner split, with all the first has but its `start`, `end` and
        `recurrence`; guests find it as they would a new one."""
        wanted = merge(series.body, {name: times[name] for name in ("start", "end", "recurrence")})
        body = normalize(wanted, self.place(calendar), series.body["eventType"])
        kept = {name: value for name, value in series.body.items() if name not in body}
        event = self._store.put_event(calendar, event_id, {**kept, **body, "iCalUID": f"{event_id}@google.com"})
        self._notify(calendar, event, "request", "none")
        return event

    def answer(self, calendar: Calendar, event: Event, email: str, response: str, send_updates: str = "none") -> Event:
        """Keep the answer of somebody invited; only the person's own goes out, as a reply."""
        rows = [
            {**row, "responseStatus": response} if row["email"] == email else row for row in event.body["attendees"]
        ]
        stored = self._store.put_event(calendar, event.id, {**event.body, "attendees": rows})
        if email == calendar.info.account:
            self._notify(calendar, stored, "reply", send_updates)
        return stored

    def patch(self, calendar: Calendar, event: Event, sent: Mapping[str, Any], send_updates: str = "none") -> Event:
        """Merge what was sent into the event."""
        return self._write(calendar, event, merge(event.body, dict(sent)), sent, send_updates)

    def update(self, calendar: Calendar, event: Event, sent: Mapping[str, Any], send_updates: str = "none") -> Event:
        """Replace the event: what is not sent is cleared."""
        kept = {key: value for key, value in event.body.items() if key not in WRITABLE or key == "sequence"}
        return self._write(calendar, event, {**kept, "iCalUID": event.body.get("iCalUID"), **sent}, sent, send_updates)

    def delete(self, calendar: Calendar, event: Event, send_updates: str = "none") -> None:
        """Delete a single event, a whole series, or take out one occurrence.

        Raises:
            GoogleError: 410 `deleted` when it is gone already.
        """
        if event.is_cancelled:
            raise deleted()
        gone = self._store.put_event(calendar, event.id, {**event.body, "status": "cancelled"})
        if event.body.get("recurrence") and self._world.behaviour["google.deleted_series_lists_exceptions"]:
            for exception in calendar.series_exceptions(event.id):
                self._store.put_event(calendar, exception.id, {**exception.body, "status": "cancelled"})
        self._notify(calendar, gone, "cancel", send_updates)

    def move(self, calendar: Calendar, target: Calendar, event: Event, send_updates: str = "none") -> Event:
        """Move an event with its exceptions to another calendar; a stub with nothing but the id stays behind.

        Raises:
            GoogleError: 400 for what cannot be moved, 409 when the id is taken there.
        """
        if event.is_cancelled:
            raise not_found()
        if event.body["eventType"] != "default":
            raise GoogleError(400, "eventTypeRestriction", "Only default events can be moved.", domain="calendar")
        if event.master_id is not None:
            raise GoogleError(400, "cannotMoveInstance", "An instance cannot be moved by itself.", domain="calendar")
        if target is calendar:
            raise invalid("The event is in that calendar already.", "destination")
        there = target.events.get(event.id)
        if there is not None and "start" in there.body:
            raise duplicate()
        items = [event, *calendar.series_exceptions(event.id)]
        for item in items:
            stub: Body = {"status": "cancelled", "eventType": "default"}
            if item.master_id is not None:
                stub.update({key: item.body[key] for key in ("recurringEventId", "originalStartTime")})
            self._store.put_event(calendar, item.id, stub)
        moved = [
            self._store.put_event(target, item.id, {**item.body, "organizer": _organizer(target)}) for item in items
        ]
        self._notify(target, moved[0], "update", send_updates)
        return moved[0]

    def place(self, calendar: Calendar) -> Place:
        """What the rules for a body depend on."""
        return Place(
            zone=calendar.info.time_zone,
            is_primary=calendar.info.primary,
            is_workspace=calendar.info.account.rpartition("@")[2] not in _CONSUMER,
            trims=self._world.behaviour["google.text"] == "trimmed",
            oversized_property=str(self._world.behaviour["google.oversized_property"]),
        )

    def _write(
        self, calendar: Calendar, event: Event, wanted: Body, sent: Mapping[str, Any], send_updates: str
    ) -> Event:
        if sent.get("eventType") not in (None, event.body["eventType"]):
            raise invalid("The type of an event cannot be changed.", "eventType")
        if sent.get("id") not in (None, event.id):
            raise invalid("The id of an event cannot be changed.", "id")
        if wanted.get("status") == "cancelled":
            if not event.is_cancelled:
                self.delete(calendar, event, send_updates)
            return calendar.events[event.id]
        if event.is_cancelled:
            event = self._restore(calendar, event, sent)
            wanted = merge(event.body, dict(sent))
        own = event.body.get("organizer", {}).get("email") in (calendar.info.id, calendar.info.account)
        if not own and not event.body.get("guestsCanModify"):
            others = WRITABLE - _OWN_MATTERS
            shared = [name for name in others if name in sent and sent[name] != event.body.get(name)]
            if shared and not _same_times(event.body, wanted, shared):
                raise GoogleError(
                    403,
                    "forbiddenForNonOrganizer",
                    "Shared properties can only be changed by the organizer of the event.",
                    domain="calendar",
                )
        body = normalize(wanted, self.place(calendar), event.body["eventType"], is_instance=event.master_id is not None)
        for key in ("created", "creator", "organizer", "recurringEventId", "originalStartTime", "iCalUID"):
            if key in event.body:
                body[key] = event.body[key]
        moved = any(body.get(key) != event.body.get(key) for key in ("start", "end", "recurrence"))
        body["sequence"] = int(event.body.get("sequence", 0)) + int(moved)
        changed = {name for name in WRITABLE if body.get(name) != event.body.get(name)} - {"sequence"}
        if event.body["eventType"] == "fromGmail":
            allowed = _FROM_GMAIL if self._world.behaviour["google.from_gmail_edits"] == "some" else frozenset()
            if changed - allowed:
                raise GoogleError(
                    400, "eventTypeRestriction", "An event from Gmail cannot be changed so.", domain="calendar"
                )
        if event.master_id is not None:
            self._spread_privacy(calendar, event, body)
        if changed == {"reminders"} and event.id in calendar.events:
            # Reminders are the reader's own: `updated` stays, and by switch the etag.
            keeps_etag = not self._world.behaviour["google.reminders_change_etag"]
            stamps = event if keeps_etag else event.with_version(self._world.last_change + 1)
            return self._store.put_event(calendar, event.id, body, stamps_of=stamps)
        stored = self._store.put_event(calendar, event.id, body)
        if body.get("recurrence") != event.body.get("recurrence") or (
            body.get("recurrence") and body["start"] != event.body["start"]
        ):
            self._review_exceptions(calendar, stored)
        self._notify(calendar, stored, "update" if own else "reply", send_updates)
        return stored

    def _restore(self, calendar: Calendar, event: Event, sent: Mapping[str, Any]) -> Event:
        if sent.get("status") not in ("confirmed", "tentative"):
            raise forbidden("The event was deleted.")
        if self._world.behaviour["google.restore_by_patch"] == "refuse" or "start" not in event.body:
            raise forbidden()
        master = calendar.events.get(event.master_id) if event.master_id is not None else None
        if event.master_id is not None and (master is None or master.is_cancelled):
            raise forbidden()
        return Event(event.id, {**event.body, "status": "confirmed"}, event.change, event.position, event.updated)

    def _review_exceptions(self, calendar: Calendar, master: Event) -> None:
        """Exceptions whose original start the new rule no longer gives are gone, by switch all of them."""
        keep = self._world.behaviour["google.exceptions_after_master_change"] == "keep"
        for exception in calendar.series_exceptions(master.id):
            original: Point = exception.body["originalStartTime"]
            named = split_instance_id(exception.id)
            known = named and master.body.get("recurrence") and original_of(calendar, master, named[1])
            if exception.is_cancelled or (keep and known):
                continue
            body = {"recurringEventId": master.id, "originalStartTime": original}
            self._store.put_event(
                calendar, exception.id, {**body, "status": "cancelled", "eventType": exception.body["eventType"]}
            )

    def _spread_privacy(self, calendar: Calendar, event: Event, body: Body) -> None:
        """A more private value on one occurrence holds for the whole series, a less private one for none."""
        before = str(event.body.get("visibility", "default"))
        after = str(body.get("visibility", "default"))
        if after == before or event.master_id is None:
            return
        if _PRIVACY[after] > _PRIVACY[before]:
            master = calendar.events[event.master_id]
            self._store.put_event(calendar, master.id, {**master.body, "visibility": after})
        elif before == "default":
            body.pop("visibility", None)
        else:
            body["visibility"] = before

    def _notify(self, calendar: Calendar, event: Event, kind: str, send_updates: str) -> None:
        """Put into the outbox what guests would notice: a mail, or (`placed`) a calendar entry without one."""
        own = (calendar.info.account, calendar.info.id)
        guests = [row["email"] for row in event.body.get("attendees", []) if row["email"] not in own]
        title = str(event.body.get("summary", ""))
        if send_updates == "externalOnly":
            guests = [email for email in guests if not self._has_calendar(email)]
        if kind == "reply":
            guests = [event.body["organizer"]["email"]]
        if send_updates == "none":
            kind = "placed" if kind in ("request", "update", "cancel") else kind
            if kind == "reply":
                return
        self._world.outbox.add("google", kind, calendar.info.id, event.id, title, guests)

    def _has_calendar(self, email: str) -> bool:
        """Whether a guest's address is known to be a Google account."""
        account = self._world.account(email)
        return (account is not None and account.provider == "google") or email.rpartition("@")[2] in _CONSUMER


def _organizer(calendar: Calendar) -> Body:
    if calendar.info.primary:
        return {"email": calendar.info.account}
    return {"email": calendar.info.id, "displayName": calendar.info.summary}


def _same_times(old: Body, new: Body, names: list[str]) -> bool:
    utc = ZoneInfo("UTC")
    for name in names:
        if name not in ("start", "end") or name not in new:
            return False
        try:
            if instant(old[name], utc) != instant(new[name], utc):
                return False
        except (KeyError, ValueError, TypeError):
            return False
    return True
