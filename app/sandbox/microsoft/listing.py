"""Listings of events: which page, in which form, with which properties, for every route that answers several or one.

It turns records into JSON by the request's query options; it neither finds nor changes records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, overload
from urllib.parse import quote

from app.sandbox.microsoft.errors import GraphError, access_denied
from app.sandbox.microsoft.graph import Call, Reply
from app.sandbox.microsoft.odata import compile_filter, expanded_property_ids, expansions
from app.sandbox.microsoft.store import Event, Store
from app.sandbox.microsoft.wire import Form, Renderer, compact
from app.sandbox.microsoft.zones import resolve
from app.sandbox.world import World

CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#"
STALE_SECONDS = 60.0

_PROPERTIES = frozenset(
    """id createdDateTime lastModifiedDateTime changeKey categories transactionId originalStartTimeZone
    originalEndTimeZone iCalUId reminderMinutesBeforeStart isReminderOn hasAttachments subject bodyPreview importance
    sensitivity isAllDay isCancelled isOrganizer responseRequested seriesMasterId showAs type webLink onlineMeetingUrl
    isOnlineMeeting onlineMeetingProvider onlineMeeting allowNewTimeProposals hideAttendees isDraft originalStart
    cancelledOccurrences exceptionOccurrences responseStatus body start end location locations recurrence attendees
    organizer singleValueExtendedProperties""".split()
)
_SORTABLE = {
    "start/datetime": lambda event: event["start"]["dateTime"],
    "end/datetime": lambda event: event["end"]["dateTime"],
    "subject": lambda event: event["subject"].lower(),
    "createddatetime": lambda event: event["createdDateTime"],
    "lastmodifieddatetime": lambda event: event["lastModifiedDateTime"],
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a listing: an event, a master, or the occurrence of a date."""

    event: Event
    original: date | None = None


class Newest(Sequence[Row]):
    """The events of a calendar, the newest first, of which only those asked for are looked at.

    Args:
        store: the records.
        calendar_id: whose.
    """

    def __init__(self, store: Store, calendar_id: str) -> None:
        self._store = store
        self._keys = store.live_keys(calendar_id)[::-1]

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [Row(self._store.events[key]) for key in self._keys[place]]
        return Row(self._store.events[self._keys[place]])


class _Lazy(Mapping[str, Any]):
    """A rendered event that is rendered when a filter first asks for a property."""

    def __init__(self, renderer: Renderer, row: Row, form: Form) -> None:
        self._renderer, self._row, self._form = renderer, row, form
        self._value: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        if self._value is None:
            self._value = self._renderer.event(self._row.event, self._form, self._row.original)
        return self._value[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_PROPERTIES)

    def __len__(self) -> int:
        return len(_PROPERTIES)


class Listing:
    """Renders rows by ``$select``, ``$expand``, ``$filter``, ``$orderby``, ``$top``, ``$skip`` and ``$count``.

    Args:
        world: switches and the clock.
        renderer: makes the JSON.
    """

    def __init__(self, world: World, renderer: Renderer) -> None:
        self._world = world
        self._renderer = renderer

    def one(self, call: Call, row: Row, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """A single event; reads allow ``$select`` and ``$expand`` only."""
        call.query.allow("$select", "$expand")
        text = self._row(call, row, single=True)
        who = f"users('{call.account.subject}')/calendars('{row.event.calendar}')/events/$entity"
        return Reply(status, f'{{"@odata.context":{compact(CONTEXT + who)},{text[1:]}', headers or {})

    def many(self, call: Call, rows: Sequence[Row], options: Sequence[str] = ()) -> Reply:
        """A page of a listing.

        Args:
            call: the request; ``options`` are query options it may have besides the system's.
            rows: every row there is, in the listing's own order.
            options: names in lower case.
        """
        query = call.query
        query.allow("$select", "$expand", "$filter", "$orderby", "$top", "$skip", "$count", *options)
        if "empty" in call.faults:
            rows = ()
        if "stale" in call.faults:
            limit = self._world.clock.now() - timedelta(seconds=call.faults["stale"].seconds or STALE_SECONDS)
            rows = [row for row in rows if row.event.modified <= limit]
        rows = self._order(call, self._filter(call, rows))
        default = call.page_size(int(self._world.behaviour["microsoft.default_page_size"]))
        top = query.whole("$top", default, 1, 1000)
        skip = query.whole("$skip", 0, 0, 10_000_000)
        page = list(rows[skip : skip + top])
        if "duplicate" in call.faults:
            page = [row for row in page for _ in range(2)]
        if "reorder" in call.faults:
            self._world.random.shuffle(page)
        members = [f'"@odata.context":{compact(CONTEXT + "Collection(event)")}']
        if (query.get("$count") or "false").lower() == "true":
            members.append(f'"@odata.count":{len(rows)}')
        members.append(f'"value":[{",".join(self._row(call, row, single=False) for row in page)}]')
        if skip + top < len(rows):
            members.append(f'"@odata.nextLink":{compact(_next_link(call, skip + top))}')
        return Reply(200, "{" + ",".join(members) + "}")

    def _filter(self, call: Call, rows: Sequence[Row]) -> Sequence[Row]:
        text = call.query.get("$filter")
        if text is None:
            return rows
        wanted = compile_filter(text)
        if "singlevalueextendedproperties" in text.lower():
            if call.form.basic:
                raise access_denied()
            lag = float(self._world.behaviour["microsoft.filter_lag_seconds"])
            limit = self._world.clock.now() - timedelta(seconds=lag)
            rows = [row for row in rows if not lag or row.event.modified <= limit]
        form = Form(resolve("UTC"), "UTC", call.form.immutable, False)
        extended = self._renderer.extended
        return [row for row in rows if wanted(_Lazy(self._renderer, row, form), extended(row.event, row.original))]

    def _order(self, call: Call, rows: Sequence[Row]) -> Sequence[Row]:
        form = Form(resolve("UTC"), "UTC", call.form.immutable, False)
        for item in reversed([part for part in (call.query.get("$orderby") or "").split(",") if part.strip()]):
            name, _, direction = item.strip().partition(" ")
            key = _SORTABLE.get(name.lower())
            if key is None or direction.strip().lower() not in ("", "asc", "desc"):
                raise GraphError(400, "ErrorInvalidUrlQuery", f"Events cannot be ordered by '{item.strip()}'.")
            rendered = [(key(self._renderer.event(row.event, form, row.original)), row) for row in rows]
            rendered.sort(key=lambda pair: pair[0], reverse=direction.strip().lower() == "desc")
            rows = [row for _, row in rendered]
        return rows

    def _row(self, call: Call, row: Row, *, single: bool) -> str:
        select = call.query.select()
        wanted = expansions(call.query.get("$expand"))
        if select is None and not wanted:
            return self._renderer.event_text(row.event, call.form, row.original)
        value = self._renderer.event(row.event, call.form, row.original)
        extra: dict[str, Any] = {}
        for name, options in wanted.items():
            if name == "singleValueExtendedProperties" and call.form.basic:
                raise access_denied()
            if name == "singleValueExtendedProperties":
                extended = self._renderer.extended(row.event, row.original)
                found = [
                    {"id": key, "value": extended[key]} for key in expanded_property_ids(options) if key in extended
                ]
                extra |= {name: found} if found else {}
            elif name == "exceptionOccurrences" and single:
                if row.event.is_series and row.original is None:
                    extra[name] = self._exceptions(row.event, call.form, options)
            else:
                raise GraphError(400, "ErrorInvalidUrlQuery", f"The property '{name}' cannot be expanded here.")
        if select is not None:
            if single and "cancelledOccurrences" in select and row.event.is_series and row.original is None:
                value["cancelledOccurrences"] = self._renderer.cancelled(row.event, call.form)
            value = _only(value, select)
        return compact({**value, **extra})

    def _exceptions(self, event: Event, form: Form, options: str) -> list[dict[str, Any]]:
        select: frozenset[str] | None = None
        if options:
            name, _, names = options.partition("=")
            if name.strip() != "$select":
                raise GraphError(400, "ErrorInvalidUrlQuery", f"'{options}' is not supported in this expansion.")
            select = frozenset(item.strip() for item in names.split(","))
        rendered = [self._renderer.event(event, form, original) for original in sorted(event.exceptions)]
        return rendered if select is None else [_only(one, select) for one in rendered]


def _only(value: Mapping[str, Any], select: frozenset[str]) -> dict[str, Any]:
    unknown = sorted(select - _PROPERTIES - {"*"})
    if unknown:
        raise GraphError(
            400,
            "RequestBroker--ParseUri",
            f"Could not find a property named '{unknown[0]}' on type 'Microsoft.OutlookServices.Event'.",
        )
    if "*" in select:
        return dict(value)
    return {name: one for name, one in value.items() if name in select or name in ("@odata.etag", "id")}


def _next_link(call: Call, skip: int) -> str:
    options = {name: value for name, value in call.query.values.items() if name != "$skip"}
    options["$skip"] = str(skip)
    return f"{call.base}{call.path}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())
