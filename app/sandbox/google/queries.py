"""What a listing of events asks for: its parameters, checked, and which stored items they let through.

It reads; pages and tokens are those of `listing.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams

from app.sandbox.google.errors import GoogleError, bad_request, empty_range, invalid
from app.sandbox.google.positions import FORBIDDEN_WITH_SYNC
from app.sandbox.google.series import expand
from app.sandbox.google.store import Calendar
from app.sandbox.google.stored import Event
from app.sandbox.google.times import instant, parameter, stamp
from app.sandbox.recurrence import RecurrenceError
from app.sandbox.recurrence import zone as find_zone
from app.sandbox.world import World

_TYPES: Final = ("birthday", "default", "focusTime", "fromGmail", "outOfOffice", "workingLocation")
_SELECTING: Final = (
    "eventTypes",
    "iCalUID",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "updatedMin",
)


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of one listing, checked.

    `selects` says whether any of them looks at what is in an event, beside its time and whether it was deleted;
    `as_text` whether rows may be JSON text already, since nobody will look inside.
    """

    max_results: int
    single_events: bool
    show_deleted: bool
    order_by: str | None
    time_min: datetime | None
    time_max: datetime | None
    updated_min: datetime | None
    zone: str
    text: str | None
    ical_uid: str | None
    types: frozenset[str]
    private: tuple[tuple[str, str], ...]
    shared: tuple[tuple[str, str], ...]
    any_property: bool
    opaque: bool
    selects: bool
    as_text: bool

    def matches(self, event: Event) -> bool:
        """Whether an item is what was asked for, its time aside."""
        if not self.selects:
            return True
        if self.types and (event.get("eventType") or "default") not in self.types:
            return False
        if self.updated_min and event.updated < stamp(self.updated_min):
            return False
        if self.ical_uid is not None and event.get("iCalUID") != self.ical_uid:
            return False
        if self.text:
            haystack = " ".join(str(event.get(name) or "") for name in ("summary", "description", "location")).lower()
            if not all(word in haystack for word in self.text.lower().split()):
                return False
        properties = event.get("extendedProperties") or {}
        for wanted, side in ((self.private, "private"), (self.shared, "shared")):
            hits = [properties.get(side, {}).get(name) == value for name, value in wanted]
            if hits and not (any(hits) if self.any_property else all(hits)):
                return False
        return True

    def reaches(self, calendar: Calendar, event: Event) -> bool:
        """Whether an item touches the window asked for; one without a time does."""
        if self.time_min is None and self.time_max is None:
            return True
        if event.get("recurrence"):
            return any(not item.is_cancelled for item in expand(calendar, event, self.time_min, self.time_max))
        tz = ZoneInfo(calendar.info.time_zone)
        begin, original = event.get("start"), event.get("originalStartTime")
        if begin is not None:
            start, end = instant(begin, tz), instant(event.get("end"), tz)
        elif original is not None:
            start = instant(original, tz)
            end = start + timedelta(seconds=1)
        else:
            return True
        if self.time_max is not None and start >= self.time_max:
            return False
        return self.time_min is None or end > self.time_min


def is_true(params: QueryParams, name: str) -> bool | None:
    """A boolean parameter; None when it is absent."""
    value = params.get(name)
    if value is None:
        return None
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean value: '{value}'.", name)
    return value == "true"


def page_size(params: QueryParams, default: int, limit: int, over_limit: str) -> int:
    """`maxResults`; above `limit` it is clamped or refused, as `over_limit` says (`google.max_results_over_limit`)."""
    value = params.get("maxResults")
    if value is None:
        return default
    if not value.isascii() or not value.isdigit() or not value.strip("0"):
        raise invalid(f"Invalid integer value: '{value}'.", "maxResults")
    number = int(value) if len(value) < 10 else limit + 1
    if number > limit and over_limit == "refuse":
        raise invalid(f"Invalid value '{value}'. Values must be within the range: [1, {limit}]", "maxResults")
    return min(number, limit)


def events_page_size(params: QueryParams, world: World) -> int:
    """How many items a page of events may hold."""
    return page_size(params, 250, 2500, str(world.behaviour["google.max_results_over_limit"]))


def read(calendar: Calendar, params: QueryParams, world: World, *, opaque: bool) -> Query:
    """The parameters of a listing.

    Args:
        calendar: whose events.
        params: the query as sent.
        world: clock and switches.
        opaque: the caller may see busy blocks only.

    Raises:
        GoogleError: 400, or 410 `updatedMinTooLongAgo`.
    """
    syncing = "syncToken" in params
    single = is_true(params, "singleEvents") or False
    deleted = is_true(params, "showDeleted")
    if syncing:
        for name in FORBIDDEN_WITH_SYNC:
            if name in params:
                raise bad_request("Sync token cannot be combined with other query restrictions.", name)
        if deleted is False:
            raise bad_request("Deleted events cannot be left out of an incremental listing.", "showDeleted")
    order = params.get("orderBy")
    if order not in (None, "startTime", "updated"):
        raise invalid(f"Invalid value: {order}", "orderBy")
    if order == "startTime" and not single:
        raise bad_request("The requested ordering is not available for the particular query.", "orderBy")
    bounds = {
        name: parameter(params[name], name) if name in params else None for name in ("timeMin", "timeMax", "updatedMin")
    }
    time_min, time_max, updated_min = bounds["timeMin"], bounds["timeMax"], bounds["updatedMin"]
    if time_min and time_max and time_max <= time_min:
        raise empty_range()
    if updated_min and updated_min < world.clock.now() - timedelta(days=30):
        raise GoogleError(
            410,
            "updatedMinTooLongAgo",
            "The requested minimum modification time lies too far in the past.",
            domain="calendar",
            location="updatedMin",
        )
    zone = params.get("timeZone", calendar.info.time_zone)
    try:
        find_zone(zone)
    except RecurrenceError as error:
        raise invalid("Invalid time zone.", "timeZone") from error
    types = frozenset(params.getlist("eventTypes"))
    if not types <= set(_TYPES):
        raise invalid("Invalid event type.", "eventTypes")
    return Query(
        max_results=events_page_size(params, world),
        single_events=single,
        show_deleted=bool(deleted) or syncing,
        order_by=order,
        time_min=time_min,
        time_max=time_max,
        updated_min=updated_min,
        zone=zone,
        text=params.get("q"),
        ical_uid=params.get("iCalUID"),
        types=types,
        private=_constraints(params, "privateExtendedProperty"),
        shared=_constraints(params, "sharedExtendedProperty"),
        any_property=world.behaviour["google.repeated_property_filter"] == "or",
        opaque=opaque,
        selects=any(name in params for name in _SELECTING),
        as_text=not params.get("fields"),
    )


def _constraints(params: QueryParams, name: str) -> tuple[tuple[str, str], ...]:
    result = []
    for item in params.getlist(name):
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise invalid(f"Invalid value: {item}", name)
        result.append((key, value))
    return tuple(result)
