"""`events.list` and its incremental form: parameters, page tokens, sync tokens, filters (Calendar API guide
"Synchronize resources").

A plain page walks the calendar's items in order of arrival up to a frozen change number, so that pages are stable
while others write; whatever changed since comes with the next sync token. A page counts the items it skips, so it can
be short or empty.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams

from app.sandbox.faults import Fault
from app.sandbox.google.errors import bad_request, full_sync_required, invalid
from app.sandbox.google.positions import Position, Signer, all_parameters, lasting_parameters
from app.sandbox.google.queries import Query, events_page_size, read
from app.sandbox.google.render import event_json, instance_json, stub_json
from app.sandbox.google.rows import Rows, compact
from app.sandbox.google.series import expand
from app.sandbox.google.store import Calendar
from app.sandbox.google.stored import Body, Event
from app.sandbox.google.times import instant, parameter, stamp
from app.sandbox.world import World

_NO_SYNC_TOKEN: Final = ("iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty")
_FROZEN_LISTINGS: Final = 64


class Listing:
    """Answers `events.list`.

    Args:
        world: clock, switches and the seed from which tokens are signed.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._signer = Signer(world.random_seed)
        self._frozen: OrderedDict[str, list[Body]] = OrderedDict()

    def answer(
        self, calendar: Calendar, params: QueryParams, faults: Mapping[str, Fault], opaque: bool
    ) -> tuple[Body, list[str] | None]:
        """One page.

        Args:
            calendar: whose events.
            params: the query as sent.
            faults: failures the listing itself carries out.
            opaque: the caller may see busy blocks only.

        Returns:
            The answer, and its `items` as JSON text; None where they stand in the answer, to be cut down by `fields`.

        Raises:
            GoogleError: 400 or 410.
        """
        query = read(calendar, params, self._world, opaque=opaque)
        if "token_dead" in faults:
            raise full_sync_required()
        position = self._position(calendar, params)
        if "stale" in faults:
            limit = stamp(self._world.clock.now() - timedelta(seconds=faults["stale"].seconds or 60.0))
            older = [event.change for event in calendar.events.values() if event.updated <= limit]
            held = max(older, default=0) if position.since is None else max([position.since, *older])
            position = replace(position, up_to=min(position.up_to, held))
        items: list[Any]
        items, following = self._page(calendar, query, position)
        if "empty" in faults:
            items, following = [], None
        if "duplicate" in faults:
            items = [item for item in items for _ in range(2)]
        if "reorder" in faults:
            self._world.random.shuffle(items)
        info = calendar.info
        answer: Body = {
            "kind": "calendar#events",
            "etag": f'"p{position.up_to:x}{info.change:x}"',
            "summary": info.summary,
            "description": info.description,
            "updated": calendar.updated or stamp(self._world.clock.now()),
            "timeZone": query.zone,
            "accessRole": info.role,
            "defaultReminders": [{"method": "popup", "minutes": 10}] if info.primary else [],
            "items": items,
        }
        if following is not None:
            answer["nextPageToken"] = self._signer.sign(following)
        elif self._world.behaviour["google.last_page"] == "with_sync_token" and not any(
            name in params for name in _NO_SYNC_TOKEN
        ):
            answer["nextSyncToken"] = self._signer.sign(
                Position(
                    kind="sync",
                    calendar=info.id,
                    parameters=lasting_parameters(params),
                    generation=info.generation,
                    up_to=position.up_to,
                    since=None,
                    at=0,
                    issued=self._world.clock.now().timestamp(),
                    window=position.window,
                )
            )
        if not query.as_text:
            return answer, None
        return answer, [item if isinstance(item, str) else compact(item) for item in items]

    def page_size(self, params: QueryParams) -> int:
        """How many items a page of events may hold."""
        return events_page_size(params, self._world)

    def _position(self, calendar: Calendar, params: QueryParams) -> Position:
        info = calendar.info
        if "pageToken" in params:
            position = self._signer.open(params["pageToken"], "page")
            if position is None or position.calendar != info.id or position.parameters != all_parameters(params):
                raise invalid("Invalid page token value.", "pageToken")
            if position.generation != info.generation:
                raise full_sync_required()
            return position
        since: int | None = None
        window: list[str | None] | None = None
        if "timeMin" in params or "timeMax" in params:
            window = [params.get("timeMin"), params.get("timeMax")]
        if "syncToken" in params:
            token = self._signer.open(params["syncToken"], "sync")
            if token is None or token.calendar != info.id:
                raise invalid("Invalid sync token value.", "syncToken")
            now = self._world.clock.now().timestamp()
            lifetime = float(self._world.behaviour["google.sync_token_lifetime_days"]) * 86400
            if token.generation != info.generation or now - token.issued > lifetime:
                raise full_sync_required()
            strict = self._world.behaviour["google.changed_sync_parameters"] == "refuse"
            if strict and token.parameters != lasting_parameters(params):
                raise bad_request("The parameters differ from those of the first listing.", "syncToken")
            since, window = token.up_to, token.window
        return Position(
            kind="page",
            calendar=info.id,
            parameters=all_parameters(params),
            generation=info.generation,
            up_to=self._world.last_change,
            since=since,
            at=0 if since is None else since,
            issued=0.0,
            window=window,
        )

    def _page(self, calendar: Calendar, query: Query, position: Position) -> tuple[list[Any], Position | None]:
        unfenced, query = query, self._fenced(query, position)
        if query.single_events or query.order_by is not None:
            return self._frozen_page(calendar, query, position)
        size = query.max_results
        if self._world.behaviour["google.pages"] == "ragged":
            if not position.begun:
                return [], replace(position, begun=True)
            size = max(1, size // 2)
        if position.since is not None:
            events = calendar.changed_after(position.at, position.up_to, size)
            more = len(events) == size and bool(calendar.changed_after(events[-1].change, position.up_to, 1))
            following = replace(position, at=events[-1].change) if more else None
        else:
            ids = calendar.order[position.at : position.at + size]
            events = [calendar.events[event_id] for event_id in ids]
            # What arrived after the first page is left to the next incremental listing.
            rest = calendar.order[position.at + len(ids) : position.at + len(ids) + 1]
            following = replace(position, at=position.at + len(ids)) if rest else None
        wanted = [event for event in events if self._wanted(calendar, event, query, position)]
        items = self._shown(calendar, wanted, query)
        if query is not unfenced and self._world.behaviour["google.window_kept_by_sync_token"] == "as_cancelled":
            shown = {event.id for event in wanted}
            items += [
                stub_json(event.id, event.etag, event.body, query.zone)
                for event in events
                if event.id not in shown and self._wanted(calendar, event, unfenced, position)
            ]
        return items, following

    def _fenced(self, query: Query, position: Position) -> Query:
        """The query with the window of the first listing, where the switch says that a sync token keeps it."""
        kept = self._world.behaviour["google.window_kept_by_sync_token"] != "no"
        if position.since is None or position.window is None or not kept:
            return query
        least, most = position.window
        return replace(
            query,
            time_min=parameter(least, "timeMin") if least else None,
            time_max=parameter(most, "timeMax") if most else None,
        )

    def _frozen_page(self, calendar: Calendar, query: Query, position: Position) -> tuple[list[Body], Position | None]:
        """Expanded or ordered listings are worked out once and kept until they are read or 64 newer ones exist."""
        if position.frozen is None:
            key = self._world.new_id(16, "0123456789abcdef")
            self._frozen[key] = self._whole(calendar, query, position)
            while len(self._frozen) > _FROZEN_LISTINGS:
                self._frozen.popitem(last=False)
            position = replace(position, frozen=key, at=0)
        rows = self._frozen.get(str(position.frozen))
        if rows is None:
            raise invalid("Invalid page token value.", "pageToken")
        end = position.at + query.max_results
        following = replace(position, at=end) if end < len(rows) else None
        return rows[position.at : end], following

    def _whole(self, calendar: Calendar, query: Query, position: Position) -> list[Body]:
        if position.since is not None:
            events = calendar.changed_after(position.since, position.up_to, len(calendar.events))
        else:
            events = [event for event in calendar.events.values() if event.change <= position.up_to]
        rows: list[tuple[Any, Body]] = []
        tz = ZoneInfo(calendar.info.time_zone)
        seen: set[str] = set()
        for event in events:
            if not query.single_events:
                if self._wanted(calendar, event, query, position):
                    rows.append((event.updated, self._show(calendar, event, query)))
                continue
            for key, start, row in self._instances(calendar, event, query, position):
                if key not in seen:
                    seen.add(key)
                    rows.append((event.updated if query.order_by == "updated" else start or instant_zero(tz), row))
        if query.order_by is not None:
            rows.sort(key=lambda pair: pair[0])
        return [row for _, row in rows]

    def _instances(
        self, calendar: Calendar, event: Event, query: Query, position: Position
    ) -> list[tuple[str, datetime | None, Body]]:
        tz = ZoneInfo(calendar.info.time_zone)
        if event.master_id is not None:
            master = calendar.events.get(event.master_id)
            if position.since is None or master is None or master.is_cancelled or not query.matches(event):
                return []  # in a full listing it comes with its series
            if event.is_cancelled:
                return [(event.id, None, stub_json(event.id, event.etag, event.body, query.zone))]
            return [(event.id, instant(event.body["start"], tz), self._show(calendar, event, query))]
        if not event.body.get("recurrence"):
            if not self._wanted(calendar, event, query, position):
                return []
            start = instant(event.body["start"], tz) if "start" in event.body else None
            return [(event.id, start, self._show(calendar, event, query))]
        if not query.matches(event) or (event.is_cancelled and position.since is None):
            return []
        result: list[tuple[str, datetime | None, Body]] = []
        for item in expand(calendar, event, query.time_min, query.time_max):
            if event.is_cancelled:
                result.append((item.id, None, stub_json(item.id, event.etag, item.body, query.zone)))
            elif not item.is_cancelled or query.show_deleted:
                start = instant(item.body["start"], tz) if "start" in item.body else instant(item.original, tz)
                row = instance_json(calendar, event, item, query.zone, opaque=query.opaque)
                result.append((item.id, start, row))
        return result

    def _wanted(self, calendar: Calendar, event: Event, query: Query, position: Position) -> bool:
        if event.change > position.up_to:
            return False
        if not query.matches(event):
            return False
        master = calendar.events.get(event.master_id) if event.master_id is not None else None
        if master is not None and master.is_cancelled:
            return query.show_deleted and bool(self._world.behaviour["google.deleted_series_lists_exceptions"])
        if event.is_cancelled:
            shown = master is not None or query.show_deleted or query.updated_min is not None
            if not shown or query.order_by == "startTime":
                return False
            if position.since is not None:
                return True
        return query.reaches(calendar, event)

    def _shown(self, calendar: Calendar, events: list[Event], query: Query) -> list[Any]:
        """Rows of a page, as JSON text where nobody looks inside."""
        if not query.as_text or query.opaque:
            return [self._show(calendar, event, query) for event in events]
        rows = Rows(calendar, query.zone)
        return [self._show(calendar, event, query) if event.is_cancelled else rows.text(event) for event in events]

    def _show(self, calendar: Calendar, event: Event, query: Query) -> Body:
        bare = event.master_id is not None or self._world.behaviour["google.deleted_in_lists"] == "bare"
        if event.is_cancelled and bare:
            return stub_json(event.id, event.etag, event.body, query.zone)
        return event_json(calendar, event, query.zone, opaque=query.opaque)


def instant_zero(tz: ZoneInfo) -> datetime:
    """Where stubs without a time stand in an ordered listing: first."""
    return datetime.min.replace(tzinfo=tz) + timedelta(days=2)
