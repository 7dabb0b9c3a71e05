"""All calendars as one iCalendar feed: as last read, each event once, busy times only or everything.

Asks no service and writes nothing. Copies of what is in the feed anyway are left out, declined invitations too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.domain.events import Event, EventKind, Response
from app.domain.identity import digest
from app.domain.ledger import Ledger
from app.domain.links import ViewState
from app.domain.snapshots import CalendarText, Detail, Head, TextMaker
from app.domain.snapshots import Unit as Written
from app.engine.originals import Unit, wall_start
from app.services import looking
from app.services.availability import takes_time
from app.services.ics_units import as_written, made_up_uid
from app.services.views import EVERYTHING, ConnectionView, Viewer
from app.services.visibility import Visibility
from app.store.pairs import PairRepository
from app.store.questions import Questions

_NAME = "Kalends"
_FORM = "2"
"""Raised when the same calendars would make another text."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a feed is made of, as it is now.

    Args:
        version: the same as long as the feed is the same.
    """

    detail: Detail
    calendars: tuple[tuple[ConnectionView, ViewState], ...]
    version: str


class Feed:
    """Makes feeds."""

    def __init__(
        self,
        make_text: TextMaker,
        *,
        pairs: PairRepository,
        ledger: Ledger,
        questions: Questions,
        visibility: Visibility,
    ) -> None:
        self._make_text = make_text
        self._pairs = pairs
        self._ledger = ledger
        self._questions = questions
        self._visibility = visibility

    def select(
        self, detail: Detail = Detail.BUSY, *, connection_ids: Collection[str] = (), viewer: Viewer = EVERYTHING
    ) -> Selection:
        """What a feed of these calendars, or of all that were read, would be made of.

        Raises:
            NotFoundError: no such calendar.
        """
        named = [self._visibility.require_connection(one, viewer) for one in dict.fromkeys(connection_ids)]
        seen = [(one, self._ledger.view(one.connection.id)) for one in named or self._visibility.connections(viewer)]
        calendars = tuple((where, view) for where, view in seen if view.complete_at is not None)
        parts = [_FORM, str(detail), *sorted(self._sources())]
        for where, view in calendars:
            one = where.connection
            parts += [one.id, one.zone, str(view.seq), str(view.complete_at)]
        return Selection(detail, calendars, digest(*parts))

    async def text(self, selection: Selection) -> AsyncIterator[str]:
        """The feed, piece by piece."""
        zones = [where.connection.zone for where, _ in selection.calendars]
        read = [view.complete_at for _, view in selection.calendars if view.complete_at is not None]
        stamp = max(read, default=datetime.fromtimestamp(0, UTC))
        head = Head(_NAME, zones[0] if zones else "UTC", stamp)
        # In threads, as it takes longer than the loop may be held up for, and may have to import a library first.
        text = await asyncio.to_thread(self._make_text, head, selection.detail)
        yield text.begin()
        sources, shown = self._sources(), {where.connection.id for where, _ in selection.calendars}
        meetings: set[tuple[object, ...]] = set()
        for where, _ in selection.calendars:
            async for seen in looking.units(self._questions, self._ledger, where.connection.id):
                ids = [unit.event.id for unit in seen if unit.event is not None]
                known = self._ledger.known_copies(where.connection.id, ids)
                doubled = {one for one, (direction_id, _) in known.items() if sources.get(direction_id) in shown}
                kept = [unit for unit in seen if unit.event is None or unit.event.id not in doubled]
                written = [one for unit in kept for one in _once(unit, selection.detail, meetings)]
                yield await asyncio.to_thread(_text_of, text, written, where.connection.calendar_key)
        yield text.end()

    def _sources(self) -> Mapping[str, str]:
        """From which calendar each direction copies."""
        return {
            direction.id: direction.source.id
            for pair in self._pairs.list()
            for direction in self._pairs.directions(pair.id)
        }


def _once(unit: Unit, detail: Detail, meetings: set[tuple[object, ...]]) -> Sequence[Written]:
    """What of a unit the feed tells, nothing where the same meeting is in it already from another calendar."""
    event = unit.event
    if event is None or event.fields is None or not event.ical_uid:
        return list(_shown(unit, detail))
    meeting = (event.ical_uid, event.fields.when, event.kind)
    if meeting in meetings:
        return ()
    shown = list(_shown(unit, detail))
    if any(one.event is not None and one.id == event.id for one in shown):
        # One that takes no time here, or was declined, may take time in the next calendar.
        meetings.add(meeting)
    return shown


def _shown(unit: Unit, detail: Detail) -> Iterator[Written]:
    """What of a unit the feed tells: no date that was declined, and of busy times only those that take time."""
    fields = unit.fields
    kept = [one for _, one in sorted(unit.exceptions.items()) if _counts(one, detail)]
    if unit.event is None or fields is None or not _counts(unit.event, detail):
        yield from (Written(_alone(one)) for one in kept)
        return
    left_out = [one for one in unit.exceptions.values() if one not in kept and one.original_start is not None]
    whole = as_written(unit)
    dates = [wall_start(one.original_start, fields) for one in left_out if one.original_start is not None]
    yield replace(whole, exceptions=tuple(kept), cancelled=(*whole.cancelled, *sorted(dates, key=str)))


def _counts(event: Event, detail: Detail) -> bool:
    if event.fields is None or event.response is Response.DECLINED:
        return False
    return detail is not Detail.BUSY or takes_time(event, event.fields)


def _alone(event: Event) -> Event:
    """An occurrence without its series."""
    return replace(event, kind=EventKind.SINGLE, series_id=None, original_start=None)


def _text_of(text: CalendarText, units: Iterable[Written], calendar_key: str) -> str:
    pieces: list[str] = []
    for unit in units:
        try:
            pieces.append(text.unit(unit, made_up_uid(calendar_key, unit.id)))
        except ValueError:
            continue  # a time or rule that nobody can read: the rest of the feed is right all the same
    return "".join(pieces)


def matches(version: str, asked: Sequence[str]) -> bool:
    """Whether a version is among those that `If-None-Match` names (RFC 9110 §13.1.2: compared weakly)."""
    named = {one.strip().removeprefix("W/").strip('"') for header in asked for one in header.split(",")}
    return version in named or "*" in named
