"""The self-check of series at the next clock change: does every copied series take place when its original does?

Compares both sides by expansion around the next transition of either zone, from what was last read. Zones are named
differently at each service, rules are bound to them, and a slip shows only when the clocks change: half a year later,
for every occurrence. Finds and tells; mends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from app.domain.errors import InputError
from app.domain.events import Event, Fields
from app.domain.ledger import Ledger
from app.domain.links import Copy, CopyForm, CopyState, DirectionRecord, Link, LinkState
from app.domain.ports import Clock, Expander
from app.domain.times import Moment, Span, to_utc
from app.engine.fingerprint import WHEN, hashes
from app.engine.originals import Unit, assemble_all
from app.engine.shape import earlier

AROUND = timedelta(days=9)
"""So far before and after a transition a weekly series has an occurrence on both sides."""
_AHEAD_DAYS = 370
_SERIES_AT_ONCE = 10
_LOGGED_AT_MOST = 20

_log = structlog.get_logger(__name__)

Normal = Callable[[Fields], Fields]


@dataclass(frozen=True, slots=True)
class Differs:
    """A series whose copy takes place at other times around a clock change. `at` is the first such time."""

    original_id: str
    copy_id: str
    at: datetime


class ClockChanges:
    """Compares series of directions; the same views are compared once."""

    def __init__(self, ledger: Ledger, expander: Expander, clock: Clock) -> None:
        self._ledger = ledger
        self._expander = expander
        self._clock = clock
        self._compared: dict[str, tuple[tuple[int, int], tuple[Differs, ...]]] = {}

    async def differing(self, direction: DirectionRecord, normal_form: Normal) -> tuple[Differs, ...]:
        """Series of a direction whose copies, as we left them, are off around the next clock change: a defect of ours,
        logged when it is found. Where both views are as they were, the answer is that of the last time.

        Args:
            normal_form: of the target.
        """
        state = (self._ledger.view(direction.source.id).seq, self._ledger.view(direction.target.id).seq)
        known = self._compared.get(direction.id)
        if known is not None and known[0] == state:
            return known[1]
        copies = {
            copy.copy_key: copy
            for copy in self._ledger.copies(direction.id, None)
            if copy.form is CopyForm.SERIES and copy.state is CopyState.LIVE and copy.event_id
        }
        links = [
            link
            for link in (self._ledger.links(direction.id, None) if copies else ())
            if not link.occ and link.state is LinkState.LIVE and link.copy_key in copies
        ]
        found: list[Differs] = []
        for start in range(0, len(links), _SERIES_AT_ONCE):
            found += self._compare(direction, links[start : start + _SERIES_AT_ONCE], copies, normal_form)
            await asyncio.sleep(0)
        for one in found[:_LOGGED_AT_MOST]:
            at = one.at.isoformat()
            _log.error("defect.clock_change", direction_id=direction.id, original_id=one.original_id, at=at)
        self._compared[direction.id] = (state, tuple(found))
        return tuple(found)

    def _compare(
        self, direction: DirectionRecord, links: Iterable[Link], copies: Mapping[str, Copy], normal_form: Normal
    ) -> Iterable[Differs]:
        pairs = [(link, copies[link.copy_key]) for link in links]
        sources = self._units(direction.source.id, [link.original_id for link, _ in pairs])
        targets = self._units(direction.target.id, [copy.event_id for _, copy in pairs])
        for link, copy in pairs:
            original, ours = sources[link.original_id], targets[copy.event_id]
            if not _in_step(original, ours, link, copy, normal_form):
                continue  # changed since, or by hand: other rules speak about those
            try:
                at = self._first_difference(direction, original, ours)
            except (InputError, OverflowError, ZoneInfoNotFoundError, ValueError):
                continue  # what cannot be expanded is no series at the target, and has its own reason
            if at is not None:
                yield Differs(link.original_id, copy.event_id, at)

    def _units(self, calendar_id: str, ids: list[str]) -> dict[str, Unit]:
        return assemble_all(ids, self._ledger.rows(calendar_id, ids))

    def _first_difference(self, direction: DirectionRecord, original: Unit, ours: Unit) -> datetime | None:
        fields, copied = original.fields, ours.fields
        if fields is None or copied is None or fields.when.all_day or fields.when.floating:
            return None  # a date has no clock, and a floating time has every zone's
        zones = {fields.when.zone or direction.source.zone, copied.when.zone or direction.target.zone}
        differences: set[datetime] = set()
        for change in filter(None, (next_change(zone, self._clock.now().date().toordinal()) for zone in zones)):
            span = Span(change - AROUND, change + AROUND)
            theirs, theirs_left_out = self._starts(
                original, fields, span, direction, lambda wall: earlier(wall, direction.settings)
            )
            own, own_left_out = self._starts(ours, copied, span, direction, lambda wall: wall)
            differences |= (theirs ^ own) - theirs_left_out - own_left_out
        # At the edges of the span a buffer may move a start out of it on one side.
        return min(differences, default=None)

    def _starts(
        self,
        unit: Unit,
        fields: Fields,
        span: Span,
        direction: DirectionRecord,
        moved: Callable[[Moment], Moment],
    ) -> tuple[set[datetime], set[datetime]]:
        """Instants at which the rule alone starts occurrences, and those of dates that were changed or cancelled."""
        zone = fields.when.zone or direction.source.zone
        wide = Span(span.start - timedelta(days=2), span.end + timedelta(days=2))
        starts = {to_utc(moved(wall), zone) for wall in self._expander.occurrences(fields, wide, zone)}
        changed = [event.original_start for event in unit.exceptions.values() if event.original_start is not None]
        left_out = {_instant(wall, fields, moved) for wall in (*unit.cancelled.values(), *changed)}
        return {one for one in starts if span.start <= one < span.end}, left_out


def _instant(start: Moment, fields: Fields, moved: Callable[[Moment], Moment]) -> datetime:
    zone = fields.when.zone or "UTC"
    if isinstance(start, datetime) and start.tzinfo is not None:
        start = start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    elif not isinstance(start, datetime) and isinstance(fields.when.start, datetime):
        start = datetime.combine(start, fields.when.start.time())
    return to_utc(moved(start), zone)


def _in_step(original: Unit, ours: Unit, link: Link, copy: Copy, normal_form: Normal) -> bool:
    """Whether both sides are as they were when we wrote the copy."""
    theirs, own = _living(original), _living(ours)
    if theirs is None or own is None or original.lost or ours.lost:
        return False
    return hashes(theirs)[WHEN] == link.base_original.get(WHEN) and hashes(normal_form(own))[
        WHEN
    ] == copy.base_copy.get(WHEN)


def _living(unit: Unit) -> Fields | None:
    event: Event | None = unit.event
    return event.fields if event is not None and unit.is_series else None


@lru_cache(maxsize=1024)
def next_change(zone: str, day: int) -> datetime | None:
    """The next change of a zone's offset, to the hour.

    Args:
        zone: an IANA zone.
        day: the ordinal of the day to look from.

    Returns:
        The first full hour with another offset, aware in UTC; None within the next year.
    """
    known = ZoneInfo(zone)
    start = datetime.fromordinal(day).replace(tzinfo=UTC)
    offset = start.astimezone(known).utcoffset()
    for ahead in range(1, _AHEAD_DAYS):
        if (start + timedelta(days=ahead)).astimezone(known).utcoffset() != offset:
            before = start + timedelta(days=ahead - 1)
            hours = (before + timedelta(hours=hour) for hour in range(25))
            return next(hour for hour in hours if hour.astimezone(known).utcoffset() != offset)
    return None
