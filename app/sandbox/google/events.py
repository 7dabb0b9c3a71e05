"""The HTTP methods of `events` (Calendar API v3): conditions, parameters, answers. Rules are in `changes.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.sandbox.google.access import Access, Caller, json_object
from app.sandbox.google.answers import Answers, Endpoint, not_emulated_route
from app.sandbox.google.changes import Changes
from app.sandbox.google.errors import deleted, forbidden, invalid, not_found, precondition_failed, required
from app.sandbox.google.listing import Listing
from app.sandbox.google.queries import is_true
from app.sandbox.google.render import event_json, instance_json
from app.sandbox.google.resource import refuse_unsupported
from app.sandbox.google.series import expand, parse_original
from app.sandbox.google.store import Calendar
from app.sandbox.google.stored import Event
from app.sandbox.google.times import instant, parameter
from app.sandbox.google.vocabulary import EVENT
from app.sandbox.middleware import handler_faults
from app.sandbox.recurrence import RecurrenceError
from app.sandbox.recurrence import zone as find_zone


class EventsApi:
    """Events of a calendar.

    Args:
        access: who may do what.
        changes: what writing does.
        listing: answers `list`.
        answers: turns bodies and errors into responses.
    """

    def __init__(self, access: Access, changes: Changes, listing: Listing, answers: Answers) -> None:
        self._access = access
        self._changes = changes
        self._listing = listing
        self._answers = answers

    def routes(self, base: str) -> list[Endpoint]:
        """Routes below `base`, the fixed ones before those that take any id."""
        events = f"{base}/calendars/{{calendar_id}}/events"
        wrap = self._answers.wrap
        return [
            Endpoint(events, wrap(self._list), methods=["GET"]),
            Endpoint(events, wrap(self._insert), methods=["POST"]),
            Endpoint(f"{events}/import", not_emulated_route("events.import"), methods=["POST"]),
            Endpoint(f"{events}/quickAdd", not_emulated_route("events.quickAdd"), methods=["POST"]),
            Endpoint(f"{events}/watch", not_emulated_route("events.watch"), methods=["POST"]),
            Endpoint(f"{events}/{{event_id}}", wrap(self._get), methods=["GET"]),
            Endpoint(f"{events}/{{event_id}}", wrap(self._patch), methods=["PATCH"]),
            Endpoint(f"{events}/{{event_id}}", wrap(self._update), methods=["PUT"]),
            Endpoint(f"{events}/{{event_id}}", wrap(self._delete), methods=["DELETE"]),
            Endpoint(f"{events}/{{event_id}}/move", wrap(self._move), methods=["POST"]),
            Endpoint(f"{events}/{{event_id}}/instances", wrap(self._instances), methods=["GET"]),
        ]

    async def _list(self, request: Request) -> Response:
        caller = self._access.caller(request, "events.list")
        calendar = self._access.calendar(request, caller)
        opaque = self._access.sees_busy_only(caller, calendar)
        body, rows = self._listing.answer(calendar, request.query_params, handler_faults(request.scope), opaque)
        return self._answers.body(request, body) if rows is None else self._answers.page(body, rows)

    async def _get(self, request: Request) -> Response:
        caller = self._access.caller(request, "events.get")
        calendar = self._access.calendar(request, caller)
        event = self._changes.find(calendar, str(request.path_params["event_id"]))
        if _tagged(request, "if-none-match", event.etag):
            return self._answers.not_modified(event.etag)
        opaque = self._access.sees_busy_only(caller, calendar)
        body = event_json(calendar, event, self._zone(request, calendar), opaque=opaque)
        master = calendar.events.get(event.master_id) if event.master_id is not None else None
        if master is not None and master.is_cancelled:
            body["status"] = "cancelled"
        return self._answers.body(request, body, etag=event.etag)

    async def _insert(self, request: Request) -> Response:
        sent = await json_object(request, EVENT)
        caller = self._access.caller(request, "events.insert")
        calendar = self._access.calendar(request, caller, write=True)
        refuse_unsupported(sent, request.query_params)
        event = self._changes.insert(calendar, sent, _send_updates(request))
        return self._answers.body(request, event_json(calendar, event, calendar.info.time_zone), etag=event.etag)

    async def _patch(self, request: Request) -> Response:
        sent = await json_object(request, EVENT)
        _, calendar, event = self._writable(request, "events.patch")
        refuse_unsupported(sent, request.query_params)
        event = self._changes.patch(calendar, event, sent, _send_updates(request))
        return self._answers.body(request, event_json(calendar, event, calendar.info.time_zone), etag=event.etag)

    async def _update(self, request: Request) -> Response:
        sent = await json_object(request, EVENT)
        _, calendar, event = self._writable(request, "events.update")
        refuse_unsupported(sent, request.query_params)
        event = self._changes.update(calendar, event, sent, _send_updates(request))
        return self._answers.body(request, event_json(calendar, event, calendar.info.time_zone), etag=event.etag)

    async def _delete(self, request: Request) -> Response:
        _, calendar, event = self._writable(request, "events.delete")
        self._changes.delete(calendar, event, _send_updates(request))
        return self._answers.empty()

    async def _move(self, request: Request) -> Response:
        caller, calendar, event = self._writable(request, "events.move")
        destination = request.query_params.get("destination")
        if not destination:
            raise required("Missing destination.")
        target = self._access.find(caller.email, destination)
        if target is None:
            raise not_found()
        self._access.check_writer(target)
        moved = self._changes.move(calendar, target, event, _send_updates(request))
        return self._answers.body(request, event_json(target, moved, target.info.time_zone), etag=moved.etag)

    async def _instances(self, request: Request) -> Response:
        caller = self._access.caller(request, "events.instances")
        calendar = self._access.calendar(request, caller)
        master = calendar.events.get(str(request.path_params["event_id"]))
        if master is None:
            raise not_found()
        if not master.body.get("recurrence") or master.is_cancelled:
            return self._answers.body(request, self._instances_body(request, calendar, caller, master, []))
        params = request.query_params
        time_min = parameter(params["timeMin"], "timeMin") if "timeMin" in params else None
        time_max = parameter(params["timeMax"], "timeMax") if "timeMax" in params else None
        items = expand(calendar, master, time_min, time_max, inclusive=True)
        if "originalStart" in params:
            tz = find_zone(calendar.info.time_zone)
            try:
                wanted = parse_original(params["originalStart"], calendar.info.time_zone)
            except ValueError as error:
                raise invalid("Invalid value for: originalStart", "originalStart") from error
            span_end = time_max or wanted.replace(year=min(wanted.year + 1, 9998), day=1)
            if time_min is None:
                items = expand(calendar, master, wanted.replace(year=max(wanted.year - 1, 2), day=1), span_end)
            items = [item for item in items if instant(item.original, tz) == wanted]
        if not is_true(params, "showDeleted"):
            items = [item for item in items if not item.is_cancelled]
        zone = self._zone(request, calendar)
        opaque = self._access.sees_busy_only(caller, calendar)
        rows = [instance_json(calendar, master, item, zone, opaque=opaque) for item in items]
        return self._answers.body(request, self._instances_body(request, calendar, caller, master, rows))

    def _instances_body(
        self, request: Request, calendar: Calendar, caller: Caller, master: Event, rows: list[dict[str, Any]]
    ) -> Mapping[str, Any]:
        size = self._listing.page_size(request.query_params)
        token = request.query_params.get("pageToken", "0")
        if not token.isdigit() or int(token) > len(rows):
            raise invalid("Invalid page token value.", "pageToken")
        at = int(token)
        body: dict[str, Any] = {
            "kind": "calendar#events",
            "etag": f'"i{master.change:x}"',
            "summary": calendar.info.summary,
            "description": calendar.info.description,
            "updated": master.updated,
            "timeZone": self._zone(request, calendar),
            "accessRole": calendar.info.role,
            "defaultReminders": [],
            "items": rows[at : at + size],
        }
        if at + size < len(rows):
            body["nextPageToken"] = str(at + size)
        return body

    def _writable(self, request: Request, method: str) -> tuple[Caller, Calendar, Event]:
        caller = self._access.caller(request, method)
        calendar = self._access.calendar(request, caller, write=True)
        event = self._changes.find(calendar, str(request.path_params["event_id"]))
        if event.is_cancelled and method == "events.delete":
            raise deleted()
        if "if-match" in request.headers and not _tagged(request, "if-match", event.etag):
            raise precondition_failed()
        hidden = calendar.info.role == "writerWithoutPrivateAccess"
        if hidden and event.body.get("visibility") in ("private", "confidential"):
            raise forbidden()
        return caller, calendar, event

    def _zone(self, request: Request, calendar: Calendar) -> str:
        zone = request.query_params.get("timeZone", calendar.info.time_zone)
        try:
            find_zone(zone)
        except RecurrenceError as error:
            raise invalid("Invalid time zone.", "timeZone") from error
        return zone


def _tagged(request: Request, header: str, etag: str) -> bool:
    value = request.headers.get(header)
    if value is None:
        return False
    tags = [tag.strip() for tag in value.split(",")]
    return "*" in tags or etag in tags


def _send_updates(request: Request) -> str:
    value = request.query_params.get("sendUpdates")
    if value is None:
        return "all" if request.query_params.get("sendNotifications") == "true" else "none"
    if value not in ("all", "externalOnly", "none"):
        raise invalid(f"Invalid value: {value}", "sendUpdates")
    return value
