"""The HTTP methods beside events: `calendarList`, `calendars`, `settings`, `colors`, `freeBusy` (Calendar API v3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from app.sandbox.google.access import Access, json_object
from app.sandbox.google.answers import Answers, Endpoint, not_emulated_route
from app.sandbox.google.errors import (
    bad_request,
    empty_range,
    forbidden,
    full_sync_required,
    invalid,
    not_found,
    required,
)
from app.sandbox.google.positions import Position, Signer
from app.sandbox.google.queries import is_true, page_size
from app.sandbox.google.series import expand
from app.sandbox.google.store import ROLES, Calendar, CalendarInfo, Store
from app.sandbox.google.stored import Body
from app.sandbox.google.times import instant, parameter
from app.sandbox.google.vocabulary import CALENDAR, FREE_BUSY
from app.sandbox.middleware import handler_faults
from app.sandbox.recurrence import RecurrenceError
from app.sandbox.recurrence import zone as find_zone
from app.sandbox.world import World

_COLORS: Final = {
    "calendar": {"1": "#ac725e", "2": "#d06b64", "7": "#42d692", "14": "#9fe1e7", "16": "#4986e7"},
    "event": {
        "1": "#a4bdfc",
        "2": "#7ae7bf",
        "3": "#dbadff",
        "4": "#ff887c",
        "5": "#fbd75b",
        "6": "#ffb878",
        "7": "#46d6db",
        "8": "#e1e1e1",
        "9": "#5484ed",
        "10": "#51b749",
        "11": "#dc2127",
    },
}


class CalendarsApi:
    """Calendars of an account, and what belongs to the account as a whole."""

    def __init__(self, world: World, access: Access, store: Store, answers: Answers) -> None:
        self._world = world
        self._access = access
        self._store = store
        self._answers = answers
        self._signer = Signer(world.random_seed)

    def routes(self, base: str) -> list[Endpoint]:
        """Routes below `base`."""
        wrap = self._answers.wrap
        entries, calendars = f"{base}/users/me/calendarList", f"{base}/calendars"
        one = f"{calendars}/{{calendar_id}}"
        return [
            Endpoint(entries, wrap(self._list), methods=["GET"]),
            Endpoint(entries, not_emulated_route("calendarList.insert"), methods=["POST"]),
            Endpoint(f"{entries}/watch", not_emulated_route("calendarList.watch"), methods=["POST"]),
            Endpoint(f"{entries}/{{calendar_id}}", wrap(self._get_entry), methods=["GET"]),
            Endpoint(
                f"{entries}/{{calendar_id}}",
                not_emulated_route("changes of list entries"),
                methods=["PATCH", "PUT", "DELETE"],
            ),
            Endpoint(calendars, wrap(self._insert), methods=["POST"]),
            Endpoint(one, wrap(self._get), methods=["GET"]),
            Endpoint(one, wrap(self._delete), methods=["DELETE"]),
            Endpoint(one, not_emulated_route("changes of calendars"), methods=["PATCH", "PUT"]),
            Endpoint(f"{one}/clear", not_emulated_route("calendars.clear"), methods=["POST"]),
            Endpoint(f"{one}/acl", not_emulated_route("acl"), methods=["GET", "POST"]),
            Endpoint(f"{base}/users/me/settings", wrap(self._settings), methods=["GET"]),
            Endpoint(f"{base}/users/me/settings/{{name}}", wrap(self._setting), methods=["GET"]),
            Endpoint(f"{base}/colors", wrap(self._colors), methods=["GET"]),
            Endpoint(f"{base}/freeBusy", wrap(self._free_busy), methods=["POST"]),
            Endpoint(f"{base}/channels/stop", not_emulated_route("channels.stop"), methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        caller = self._access.caller(request, "calendarList.list")
        params = request.query_params
        least = params.get("minAccessRole")
        if least is not None and least not in ROLES:
            raise invalid(f"Invalid value: {least}", "minAccessRole")
        show_deleted, show_hidden = is_true(params, "showDeleted"), is_true(params, "showHidden")
        since = 0
        if "syncToken" in params:
            for name in ("minAccessRole", "showOwnOrganizationOnly"):
                if name in params:
                    raise bad_request("Sync token cannot be combined with other query restrictions.", name)
            if show_deleted is False or show_hidden is False:
                raise bad_request("Deleted and hidden entries cannot be left out of an incremental listing.")
            if "token_dead" in handler_faults(request.scope):
                raise full_sync_required()
            since = self._since(params["syncToken"], caller.email)
            show_deleted = show_hidden = True
        rows = [
            calendar
            for calendar in self._store.of_account(caller.email)
            if calendar.info.change > since
            and (show_deleted or not calendar.info.deleted)
            and (show_hidden or not calendar.info.hidden)
            and (least is None or ROLES.index(calendar.info.role) >= ROLES.index(least))
        ]
        over_limit = str(self._world.behaviour["google.max_results_over_limit"])
        size, at = page_size(params, 100, 250, over_limit), _offset(params, len(rows))
        body: Body = {
            "kind": "calendar#calendarList",
            "etag": f'"p{max((row.info.change for row in rows), default=0):x}"',
            "items": [entry_json(row) for row in rows[at : at + size]],
        }
        if at + size < len(rows):
            body["nextPageToken"] = str(at + size)
        else:
            body["nextSyncToken"] = self._sync_token(caller.email)
        if "empty" in handler_faults(request.scope):
            body["items"] = []
        return self._answers.body(request, body)

    async def _get_entry(self, request: Request) -> Response:
        caller = self._access.caller(request, "calendarList.get")
        calendar = self._access.find(caller.email, str(request.path_params["calendar_id"]))
        if calendar is None:
            raise not_found()
        if request.headers.get("if-none-match") == calendar.etag:
            return self._answers.not_modified(calendar.etag)
        return self._answers.body(request, entry_json(calendar), etag=calendar.etag)

    async def _get(self, request: Request) -> Response:
        caller = self._access.caller(request, "calendars.get")
        calendar = self._access.find(caller.email, str(request.path_params["calendar_id"]))
        if calendar is None:
            raise not_found()
        return self._answers.body(request, _calendar_json(calendar), etag=calendar.etag)

    async def _insert(self, request: Request) -> Response:
        sent = await json_object(request, CALENDAR)
        caller = self._access.caller(request, "calendars.insert")
        if not isinstance(sent.get("summary"), str) or not sent["summary"]:
            raise required("Missing title.")
        account = self._world.account(caller.email)
        zone = sent.get("timeZone") or (account.time_zone if account else "UTC")
        try:
            find_zone(str(zone))
        except RecurrenceError as error:
            raise invalid("Invalid time zone.", "timeZone") from error
        calendar_id = f"{self._world.new_id(64, '0123456789abcdef')}@group.calendar.google.com"
        calendar = self._store.put_calendar(
            CalendarInfo(
                id=calendar_id,
                account=caller.email.lower(),
                summary=sent["summary"],
                time_zone=str(zone),
                role="owner",
                primary=False,
                data_owner=caller.email.lower(),
                change=self._world.change(),
                description=str(sent.get("description") or ""),
                made_by_client=True,
            )
        )
        return self._answers.body(request, _calendar_json(calendar), etag=calendar.etag)

    async def _delete(self, request: Request) -> Response:
        caller = self._access.caller(request, "calendars.delete")
        calendar = self._access.calendar(request, caller, write=True)
        if calendar.info.primary:
            raise bad_request("The primary calendar cannot be deleted.")
        if calendar.info.role != "owner":
            raise forbidden()
        calendar.info.deleted = True
        self._store.touch(calendar)
        return self._answers.empty()

    def _setting_values(self, email: str) -> dict[str, str]:
        account = self._world.account(email)
        zone = account.time_zone if account else "UTC"
        return {"timezone": zone, "locale": "en", "weekStart": "1", "format24HourTime": "true"}

    async def _settings(self, request: Request) -> Response:
        caller = self._access.caller(request, "settings.list")
        for name in ("pageToken", "syncToken"):
            if name in request.query_params:  # none was ever handed out
                raise invalid(f"Invalid value for: {name}", name)
        values = self._setting_values(caller.email)
        items = [
            {"kind": "calendar#setting", "etag": '"0"', "id": key, "value": value} for key, value in values.items()
        ]
        return self._answers.body(request, {"kind": "calendar#settings", "etag": '"p0"', "items": items})

    async def _setting(self, request: Request) -> Response:
        caller = self._access.caller(request, "settings.get")
        name = str(request.path_params["name"])
        values = self._setting_values(caller.email)
        if name not in values:
            raise not_found()
        return self._answers.body(
            request, {"kind": "calendar#setting", "etag": '"0"', "id": name, "value": values[name]}
        )

    async def _colors(self, request: Request) -> Response:
        self._access.caller(request, "colors.get")
        palette = {
            side: {key: {"background": color, "foreground": "#1d1d1d"} for key, color in colors.items()}
            for side, colors in _COLORS.items()
        }
        return self._answers.body(
            request, {"kind": "calendar#colors", "updated": "2012-02-14T00:00:00.000Z", **palette}
        )

    async def _free_busy(self, request: Request) -> Response:
        sent = await json_object(request, FREE_BUSY)
        caller = self._access.caller(request, "freebusy.query")
        for name in ("timeMin", "timeMax"):
            if not isinstance(sent.get(name), str):
                raise required(f"Missing {name} parameter.")
        time_min, time_max = parameter(sent["timeMin"], "timeMin"), parameter(sent["timeMax"], "timeMax")
        if time_max <= time_min:
            raise empty_range()
        items = sent.get("items") or []
        if not isinstance(items, list) or not all(isinstance(item, dict) and item.get("id") for item in items):
            raise invalid("Invalid value for: items", "items")
        calendars: dict[str, Any] = {}
        for number, item in enumerate(items):
            calendar_id = str(item["id"])
            calendar = self._access.find(caller.email, calendar_id)
            # The answer stays 200: a missing calendar says so here and must not be read as free.
            if number >= min(int(sent.get("calendarExpansionMax") or 50), 50):
                calendars[calendar_id] = _busy_error("tooManyCalendarsRequested")
            elif calendar is None:
                calendars[calendar_id] = _busy_error("notFound")
            else:
                calendars[calendar_id] = {"busy": busy_times(calendar, time_min, time_max)}
        body = {
            "kind": "calendar#freeBusy",
            "timeMin": _zulu(time_min),
            "timeMax": _zulu(time_max),
            "groups": {},
            "calendars": calendars,
        }
        return self._answers.body(request, body)

    def _sync_token(self, email: str) -> str:
        return self._signer.sign(
            Position(
                "list",
                email.lower(),
                "",
                self._store.list_generation,
                self._world.last_change,
                since=None,
                at=0,
                issued=self._world.clock.now().timestamp(),
            )
        )

    def _since(self, token: str, email: str) -> int:
        position = self._signer.open(token, "list")
        if position is None or position.calendar != email.lower():
            raise invalid("Invalid sync token value.", "syncToken")
        lifetime = float(self._world.behaviour["google.sync_token_lifetime_days"]) * 86400
        age = self._world.clock.now().timestamp() - position.issued
        if position.generation != self._store.list_generation or age > lifetime:
            raise full_sync_required()
        return position.up_to


def _offset(params: QueryParams, count: int) -> int:
    token = params.get("pageToken", "0")
    if not token.isascii() or not token.isdigit() or int(token) > count:
        raise invalid("Invalid page token value.", "pageToken")
    return int(token)


def entry_json(calendar: Calendar) -> Body:
    """A `CalendarListEntry`."""
    info = calendar.info
    body: Body = {"kind": "calendar#calendarListEntry", "etag": calendar.etag, "id": info.id}
    if info.deleted:
        return {**body, "deleted": True}
    body.update(
        summary=info.summary,
        timeZone=info.time_zone,
        colorId="16" if info.primary else "7",
        backgroundColor=_COLORS["calendar"]["16" if info.primary else "7"],
        foregroundColor="#000000",
        selected=True,
        accessRole=info.role,
        defaultReminders=[{"method": "popup", "minutes": 10}] if info.primary else [],
        dataOwner=info.data_owner,
        conferenceProperties={"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    )
    if info.description:
        body["description"] = info.description
    if info.hidden:
        body["hidden"] = True
    if info.primary:
        body["primary"] = True
    return body


def _calendar_json(calendar: Calendar) -> Body:
    info = calendar.info
    body: Body = {"kind": "calendar#calendar", "etag": calendar.etag, "id": info.id, "summary": info.summary}
    body.update(timeZone=info.time_zone, dataOwner=info.data_owner)
    if info.description:
        body["description"] = info.description
    return body


def busy_times(calendar: Calendar, time_min: datetime, time_max: datetime) -> list[dict[str, str]]:
    """Merged busy spans, cut to the range: opaque, not declined, not cancelled."""
    tz = ZoneInfo(calendar.info.time_zone)
    spans: list[tuple[datetime, datetime]] = []
    for event in calendar.events.values():
        if event.is_cancelled or event.master_id is not None:
            continue
        if event.body.get("recurrence"):
            bodies = [item.body for item in expand(calendar, event, time_min, time_max) if not item.is_cancelled]
        else:
            bodies = [event.body]
        for body in bodies:
            start, end = instant(body["start"], tz), instant(body["end"], tz)
            is_busy = body.get("transparency") != "transparent" and not _declined(body, calendar)
            if is_busy and start < end and start < time_max and end > time_min:
                spans.append((max(start, time_min), min(end, time_max)))
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return [{"start": _zulu(start), "end": _zulu(end)} for start, end in merged]


def _declined(body: Body, calendar: Calendar) -> bool:
    own = [row for row in body.get("attendees", []) if row["email"] == calendar.info.account]
    return bool(own) and own[0]["responseStatus"] == "declined"


def _busy_error(reason: str) -> Body:
    return {"errors": [{"domain": "global", "reason": reason}], "busy": []}


def _zulu(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
