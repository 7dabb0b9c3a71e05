"""``calendarView/delta``: rounds of pages over a frozen window, with every trap of the real one.

A token carries the calendar, the window, and the change number reached, so that it outlives the process. Rows come in
the order of change: what changes while a round is paged is told at its end. Reference: provider reference, 5.3; Graph
``event: delta``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from app.sandbox.microsoft.errors import GraphError, invalid_request
from app.sandbox.microsoft.graph import READ_CALENDARS, Call, GraphRoute, Reply
from app.sandbox.microsoft.listing import CONTEXT, STALE_SECONDS
from app.sandbox.microsoft.mailbox import Mailbox
from app.sandbox.microsoft.occurrences import Series
from app.sandbox.microsoft.odata import instant
from app.sandbox.microsoft.spans import overlaps
from app.sandbox.microsoft.store import Calendar, Event, Store
from app.sandbox.microsoft.wire import Form, Renderer, compact
from app.sandbox.world import World

MAX_WINDOW: Final = timedelta(days=1825)
_ROW_SWITCHES: Final = (
    "delta_master_rows",
    "original_zone_names",
    "month_end_clamped",
    "day_set_index",
    "numbered_range",
)
_REPLAYED: Final = 100
_TYPE: Final = '{"@odata.type":"#microsoft.graph.event",'


@dataclass(frozen=True, slots=True)
class Position:
    """What a token says.

    Args:
        calendar: the calendar's id.
        generation: the calendar's generation when the round began; a later one makes the token dead.
        start: begin of the window, UTC.
        end: end of the window, UTC.
        base: while the first round lasts, the newest change when it began; 0 in later rounds.
        reached: the change number up to which everything was told.
        within: the change number of a series that is split over pages, 0 for none.
        offset: how many of its rows were told.
        issued: when the token was made, seconds since 1970.
        final: whether this is a delta token, made at the end of a round.
        masters: whether this is ``events/delta``, which tells singles and masters alone.
    """

    calendar: str
    generation: int
    start: datetime
    end: datetime
    base: int
    reached: int
    within: int = 0
    offset: int = 0
    issued: float = 0.0
    final: bool = False
    masters: bool = False


def window(call: Call) -> tuple[datetime, datetime]:
    """The span of a calendar view from its two parameters.

    Raises:
        GraphError: 400 when one is missing or malformed, or the span is reversed or over 1825 days.
    """
    first, last = call.query.get("startdatetime"), call.query.get("enddatetime")
    if not first or not last:
        raise GraphError(
            400,
            "ErrorInvalidParameter",
            "This request requires a time window specified by the query string parameters StartDateTime and "
            "EndDateTime.",
        )
    start, end = instant(first, "StartDateTime"), instant(last, "EndDateTime")
    if end < start:
        raise GraphError(400, "ErrorInvalidParameter", "The end of the time window lies before its start.")
    if end - start > MAX_WINDOW:
        raise invalid_request(f"The requested time window is too wide. Maximum number of days: {MAX_WINDOW.days}")
    return start, end


class DeltaRoutes:
    """The delta function of calendar views.

    Args:
        world: clock, switches, the seed for the key of tokens.
        store: records and their changes.
        renderer: makes the JSON of rows.
        mailbox: finds calendars.
    """

    def __init__(self, world: World, store: Store, renderer: Renderer, mailbox: Mailbox) -> None:
        self._world = world
        self._store = store
        self._renderer = renderer
        self._mailbox = mailbox
        # From the seed: a position opens nothing, and the same requests shall have the same answers.
        self._key = hashlib.sha256(f"microsoft delta {world.random_seed}".encode()).digest()

    def routes(self) -> list[GraphRoute]:
        """The routes of this module."""
        paths = (
            "/me/calendarView/delta",
            "/me/calendar/calendarView/delta",
            "/me/calendars/{calendar}/calendarView/delta",
        )
        views = [GraphRoute("GET", path, READ_CALENDARS, self._delta) for path in paths]
        return views + [
            GraphRoute("GET", path.replace("calendarView", "events"), READ_CALENDARS, self._events_delta)
            for path in paths
        ]

    def _events_delta(self, call: Call) -> Reply:
        if self._world.behaviour["microsoft.events_delta"] == "refused":
            raise GraphError(400, "BadRequest", "Change tracking is not supported against 'microsoft.graph.event'.")
        return self._delta(call, masters=True)

    def _delta(self, call: Call, *, masters: bool = False) -> Reply:
        calendar = self._mailbox.calendar(call)
        position = self._position(call, calendar, masters)
        size = call.page_size(int(self._world.behaviour["microsoft.default_page_size"]))
        if "odata.track-changes" in call.prefer:
            call.applied.append("odata.track-changes")
        if "empty" in call.faults:
            rows: list[str] = []
            following, more = position, False
        else:
            rows, following, more = self._page(call, calendar, position, size)
        rows = self._disturb(call, position, rows)
        if not more:
            following = replace(following, base=0, within=0, offset=0, final=True)
        link, name = ("nextLink", "$skiptoken") if more else ("deltaLink", "$deltatoken")
        address = f"{call.base}{call.path}?{name}={self._encode(following)}"
        text = (
            f'{{"@odata.context":{compact(CONTEXT + "Collection(event)")},"@odata.{link}":{compact(address)},'
            f'"value":[{",".join(rows)}]}}'
        )
        return Reply(200, text)

    # Tokens

    def _position(self, call: Call, calendar: Calendar, masters: bool) -> Position:
        values = call.query.values
        tokens = [name for name in ("$skiptoken", "$deltatoken") if name in values]
        if not tokens:
            self._refuse_options(call, {"startdatetime", "enddatetime"})
            start, end = window(call)
            return Position(calendar.id, calendar.generation, start, end, self._world.last_change, 0, masters=masters)
        self._refuse_options(call, set(tokens[:1]))
        position = self._decode(values[tokens[0]], tokens[0])
        if (position.calendar, position.masters) != (calendar.id, masters) or position.final != (
            tokens[0] == "$deltatoken"
        ):
            raise _bad_token(values[tokens[0]], tokens[0])
        lifetime = float(self._world.behaviour["microsoft.delta_token_lifetime_seconds"])
        age = self._world.clock.now().timestamp() - position.issued
        if position.generation != calendar.generation or (lifetime and age > lifetime) or "token_dead" in call.faults:
            raise self._gone(call, calendar)
        return position

    def _refuse_options(self, call: Call, allowed: set[str]) -> None:
        options = [name for name in call.query.values if name not in allowed]
        system = [name for name in options if name in ("$select", "$filter", "$expand", "$orderby", "$search", "$top")]
        if system and self._world.behaviour["microsoft.delta_query_options"] == "ignored":
            options = [name for name in options if name not in system]
        if options:
            raise GraphError(
                400,
                "ErrorInvalidUrlQuery",
                "The following parameters are not supported with change tracking over the 'CalendarView' resource: "
                f"'{', '.join(options)}'.",
            )

    def _gone(self, call: Call, calendar: Calendar) -> GraphError:
        headers = {}
        if self._world.behaviour["microsoft.resync_location"]:
            headers["Location"] = f"{call.base}{call.path}?$deltatoken="
        number = calendar.generation
        return GraphError(
            410,
            str(self._world.behaviour["microsoft.sync_state_code"]),
            f"The sync state generation is not found; generation={number - 1};[highest={number}][{number}].",
            headers=headers,
        )

    def _encode(self, position: Position) -> str:
        content = json.dumps(
            [
                position.calendar,
                position.generation,
                position.start.isoformat(),
                position.end.isoformat(),
                position.base,
                position.reached,
                position.within,
                position.offset,
                round(self._world.clock.now().timestamp(), 3),
                position.final,
                position.masters,
            ],
            separators=(",", ":"),
        ).encode()
        seal = hashlib.blake2s(content, key=self._key, digest_size=12).digest()
        return base64.urlsafe_b64encode(seal + content).decode().rstrip("=")

    def _decode(self, token: str, name: str) -> Position:
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _bad_token(token, name) from None
        seal, content = raw[:12], raw[12:]
        if hashlib.blake2s(content, key=self._key, digest_size=12).digest() != seal:
            raise _bad_token(token, name)
        values = json.loads(content)
        values[2:4] = [datetime.fromisoformat(text) for text in values[2:4]]
        return Position(*values)

    # Rows

    def _page(self, call: Call, calendar: Calendar, position: Position, size: int) -> tuple[list[str], Position, bool]:
        rows = self._replayed(call, calendar, position)
        size += len(rows)
        reached, within, offset = position.reached, 0, 0
        more = False
        split = self._world.behaviour["microsoft.delta_series_split"]
        for event in self._visible(call, calendar, position):
            own = self._rows(event, position, call.form)
            if event.change == position.within:
                own = own[position.offset :]
            room = size - len(rows)
            if room <= 0 or (rows and len(own) > room and not split):
                more = True
                break
            if len(own) > room and split:
                rows += own[:room]
                within = event.change
                offset = room + (position.offset if event.change == position.within else 0)
                more = True
                break
            rows += own
            reached = event.change
        following = replace(position, reached=reached, within=within, offset=offset)
        return rows, following, more

    def _replayed(self, call: Call, calendar: Calendar, position: Position) -> list[str]:
        """Rows told in an earlier round that come once more, as they are now."""
        share = float(self._world.behaviour["microsoft.delta_replay_share"])
        if not share or not position.final:
            return []
        told = [event for event in self._store.changed_after(calendar.id, 0) if event.change <= position.reached]
        chance = Random(f"replay:{self._world.random_seed}:{position.calendar}:{position.reached}")
        again = [event for event in told[-_REPLAYED:] if chance.random() < share]
        return [row for event in again for row in self._rows(event, position, call.form)]

    def _visible(self, call: Call, calendar: Calendar, position: Position) -> Iterator[Event]:
        lag = float(self._world.behaviour["microsoft.delta_lag_seconds"])
        if "stale" in call.faults:
            lag = max(lag, call.faults["stale"].seconds or STALE_SECONDS)
        limit = self._world.clock.now() - timedelta(seconds=lag)
        for event in self._store.changed_after(calendar.id, position.reached):
            if lag and event.modified > limit:
                # Nothing may be told past a change that is not visible yet, or it would never be told.
                return
            yield event

    def _rows(self, event: Event, position: Position, form: Form) -> list[str]:
        news = event.change > position.base
        if event.is_series:
            return self._kept_series_rows(event, position, form, news=news)
        if not event.deleted and not (news and self._is_spurious(event)):
            start, end = event.span
            if overlaps(start, end, position.start, position.end):
                return [self._renderer.single_text(event, form, _TYPE)]
        return [self._removed(event, None, form)] if news else []

    def _kept_series_rows(self, event: Event, position: Position, form: Form, *, news: bool) -> list[str]:
        if news:
            part = self._world.behaviour["microsoft.delta_series"] == "part" and event.own_change <= position.reached
            return self._series_rows(event, position, form, news=True, part=part)
        switches = tuple(self._world.behaviour[f"microsoft.{name}"] for name in _ROW_SWITCHES)
        key = ("rows", form, position.start, position.end, position.masters, switches)
        kept: list[str] | None = event.cache.get(key)
        if kept is None:
            kept = self._series_rows(event, position, form, news=False, part=False)
            self._renderer.keep(event, key, kept)
        return kept

    def _is_spurious(self, event: Event) -> bool:
        share = float(self._world.behaviour["microsoft.delta_spurious_share"])
        return bool(share) and Random(f"{self._world.random_seed}:{event.key}:{event.change}").random() < share

    def _series_rows(self, event: Event, position: Position, form: Form, *, news: bool, part: bool) -> list[str]:
        behaviour = self._world.behaviour
        found = Series(event, behaviour).within(position.start, position.end)
        if position.masters:
            if event.deleted or not found:
                return [self._removed(event, None, form)] if news else []
            return [_TYPE + self._renderer.event_text(event, form)[1:]]
        tombstones = news and behaviour["microsoft.delta_occurrence_tombstones"]
        if event.deleted:
            gone = [self._removed(event, one.original, form) for one in found] if tombstones else []
            return [self._removed(event, None, form), *gone] if news else []
        rows: list[str] = []
        for one in found:
            if one.exception is not None:
                if not part or one.exception.change > position.reached:
                    rows.append(_TYPE + self._renderer.event_text(event, form, one.original)[1:])
            elif not part:
                rows.append(self._renderer.stub_text(event, form, one))
        if news:
            inside = {one.original for one in found}
            # An exception that changed outside the window is told as removed, whether it ever was inside or not.
            rows += [
                self._removed(event, original, form)
                for original, record in event.exceptions.items()
                if original not in inside and record.change > position.reached
            ]
            if tombstones:
                gone_days = (day for day, change in event.cancelled.items() if change > position.reached)
                rows += [self._removed(event, day, form) for day in gone_days]
        if not found:
            return [self._removed(event, None, form), *rows] if news else rows
        if behaviour["microsoft.delta_master_rows"]:
            rows.insert(0, _TYPE + self._renderer.event_text(event, form)[1:])
        return rows

    def _removed(self, event: Event, original: Any, form: Form) -> str:
        return _TYPE + compact({"id": self._renderer.id(event, original, form), "@removed": {"reason": "deleted"}})[1:]

    def _disturb(self, call: Call, position: Position, rows: list[str]) -> list[str]:
        # Seeded by the position, so that a token used again gives the same page again.
        chance = Random(f"{self._world.random_seed}:{position.calendar}:{position.reached}:{position.offset}")
        share = 1.0 if "duplicate" in call.faults else float(self._world.behaviour["microsoft.delta_duplicate_share"])
        if share:
            rows = [row for one in rows for row in ([one, one] if chance.random() < share else [one])]
        if "reorder" in call.faults or self._world.behaviour["microsoft.delta_row_order"] == "shuffled":
            rows = list(rows)
            chance.shuffle(rows)
        return rows


def _bad_token(token: str, name: str) -> GraphError:
    shown = "$deltaToken" if name == "$deltatoken" else "$skipToken"
    return GraphError(400, "ErrorInvalidParameter", f"The value '{token}' of parameter '{shown}' is invalid.")
