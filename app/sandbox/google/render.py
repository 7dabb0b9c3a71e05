"""How a stored event is answered: full, as a bare cancelled stub, or as a busy block for weak roles."""

from __future__ import annotations

import base64
from typing import Any

from app.sandbox.google.series import Instance
from app.sandbox.google.store import Calendar
from app.sandbox.google.stored import Body, Event
from app.sandbox.google.times import show_point


def event_json(calendar: Calendar, event: Event, zone: str, *, opaque: bool = False) -> Body:
    """A stored event as `events.get` answers it; cancelled ones with their details if they still have any."""
    return _json(calendar, event.id, event.etag, event.updated, event.body, zone, opaque)


def instance_json(calendar: Calendar, master: Event, instance: Instance, zone: str, *, opaque: bool = False) -> Body:
    """One occurrence; an untouched one carries its master's etag and stamps."""
    holder = instance.exception or master
    if instance.is_cancelled:
        return stub_json(instance.id, holder.etag, instance.body, zone)
    return _json(calendar, instance.id, holder.etag, holder.updated, instance.body, zone, opaque)


def stub_json(event_id: str, etag: str, body: Body, zone: str) -> Body:
    """A cancelled item with nothing but what is guaranteed: a client that reads `start` of it is wrong."""
    stub: Body = {"kind": "calendar#event", "etag": etag, "id": event_id, "status": "cancelled"}
    if "recurringEventId" in body:
        stub["recurringEventId"] = body["recurringEventId"]
        stub["originalStartTime"] = show_point(body["originalStartTime"], zone)
    return stub


def _json(calendar: Calendar, event_id: str, etag: str, updated: str, body: Body, zone: str, opaque: bool) -> Body:
    if body["status"] == "cancelled" and ("start" not in body or not _is_own(body, calendar)):
        return stub_json(event_id, etag, body, zone)
    info = calendar.info
    result: Body = {"kind": "calendar#event", "etag": etag, "id": event_id, "status": body["status"]}
    private = body.get("visibility") in ("private", "confidential")
    if opaque or (private and hides_private(calendar)):
        kept = ("transparency", "visibility", "iCalUID", "recurrence", "recurringEventId", "eventType")
        result.update({key: body[key] for key in kept if key in body})
    else:
        eid = base64.urlsafe_b64encode(f"{event_id} {info.id}".encode()).decode().rstrip("=")
        result["htmlLink"] = f"https://www.google.com/calendar/event?eid={eid}"
        result["updated"] = updated
        result.update(body)
        for name in ("creator", "organizer"):
            if name in body:
                result[name] = person(body[name], calendar)
        if "attendees" in body:
            result["attendees"] = [person(row, calendar) for row in body["attendees"]]
    for name in ("start", "end", "originalStartTime"):
        if name in body:
            result[name] = show_point(body[name], zone)
    return result


def _is_own(body: Body, calendar: Calendar) -> bool:
    """Whether this is the organizer's copy: only there a deleted event keeps its details."""
    return body.get("organizer", {}).get("email") in (calendar.info.account, calendar.info.id)


def hides_private(calendar: Calendar) -> bool:
    """Whether the account sees private events as busy blocks alone."""
    return calendar.info.role in ("reader", "writerWithoutPrivateAccess")


def person(row: dict[str, Any], calendar: Calendar) -> dict[str, Any]:
    """Somebody at an event, marked when it is the reader."""
    if row["email"] in (calendar.info.account, calendar.info.id):
        return {**row, "self": True}
    return row
