"""Why is this event here, or not there? What it is, and for each direction its link, its rule, its last writes.

Answers by what was last read and by the very plan that runs make; asks no service and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.domain.errors import FieldError, InputError
from app.domain.events import Event
from app.domain.ledger import Ledger
from app.domain.links import Copy, DirectionRecord, Intent, Link, Row, Seen
from app.domain.pairs import PairStatus, SyncPair
from app.domain.ports import Clock
from app.engine.decisions import Decision
from app.engine.originals import starts_at
from app.engine.proof import is_released, looks_like_ours
from app.engine.reasons import SENTENCES
from app.engine.story import told_start
from app.services import looking
from app.services.schedule import Schedule
from app.services.stored_plan import StoredPlans
from app.services.views import EVERYTHING, ConnectionView, Viewer
from app.services.visibility import Visibility
from app.store.pairs import PairRepository
from app.store.questions import Questions

ANSWERS_AT_MOST = 20
_WRITES, _LINKS = 5, 20


class What(StrEnum):
    """What an event is to Kalends."""

    ORIGINAL = "original"
    """Made by people, in a calendar that is the source of a direction."""
    COPY = "copy"
    RELEASED = "released"
    """A copy once, that was let go: an ordinary event."""
    STRAY = "stray"
    """Looks like a copy of ours and is not known as one: never a source, never touched."""
    ORDINARY = "ordinary"
    """In a calendar from which no direction leads."""


_WORDS = {
    What.ORIGINAL: "An event made by people; Kalends copies from its calendar.",
    What.COPY: "A copy that Kalends made.",
    What.RELEASED: "Kalends made it once and let it go: it is an ordinary event now.",
    What.STRAY: "It looks like a copy of Kalends and is none that is known here: it is never copied or touched.",
    What.ORDINARY: "An ordinary event; no sync pair copies from its calendar.",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing the plan says now: a write it would make (`verb`), or why it makes none (`skip`, `ask`)."""

    occ: str
    verb: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Way:
    """An original in one direction.

    Args:
        links: its links, the whole event's first; at most 20 of `links_total`.
        copies: rows of its copies, gone ones too.
        now: what the plan says, by what was last read.
        writes: the last ones about it, newest first.
        again_at: when it is looked at again though nothing changes; None: when it, its copy or the settings change.
        next_run_at: when the pair runs next by itself.
    """

    pair: SyncPair
    direction: DirectionRecord
    original_id: str
    links: tuple[Link, ...]
    links_total: int
    copies: tuple[Copy, ...]
    now: tuple[Reason, ...]
    writes: tuple[Intent, ...]
    again_at: datetime | None
    next_run_at: datetime | None


@dataclass(frozen=True, slots=True)
class Explained:
    """One event that was asked for. `ways`: for a copy the direction that made it, else those that lead from here."""

    where: ConnectionView
    event: Event
    seen: Seen
    what: What
    starts_at: datetime | None
    ways: tuple[Way, ...]

    @property
    def sentence(self) -> str:
        """What it is, for a person."""
        return _WORDS[self.what]


@dataclass(frozen=True, slots=True)
class Answered:
    """All events that were meant, the soonest first; `total` counts those that are not shown too."""

    query: str
    found: tuple[Explained, ...]
    total: int


class Why:
    """Explains events of connected calendars."""

    def __init__(
        self,
        *,
        pairs: PairRepository,
        ledger: Ledger,
        questions: Questions,
        plans: StoredPlans,
        visibility: Visibility,
        schedule: Schedule,
        clock: Clock,
    ) -> None:
        self._pairs = pairs
        self._ledger = ledger
        self._questions = questions
        self._plans = plans
        self._visibility = visibility
        self._schedule = schedule
        self._clock = clock

    async def explain(
        self, query: str, *, pair_id: str | None = None, on: date | None = None, viewer: Viewer = EVERYTHING
    ) -> Answered:
        """Explain events by id or by a part of their title, in either calendar of a pair, or of all pairs.

        Args:
            query: the service's id of an event, or words of its title in any case.
            on: only events that start on this date, in their calendar's zone; with it the query may be empty.

        Raises:
            InputError: neither words nor a date.
            NotFoundError: no such pair.
        """
        wanted = query.strip()
        if not wanted and on is None:
            message = "Say which event: its id, words of its title, or a date."
            raise InputError(message, details=[FieldError("event", message)])
        pairs = [self._visibility.require_pair(pair_id, viewer)] if pair_id else self._seen_pairs(viewer)
        hits: list[tuple[ConnectionView, Row]] = []
        for where in self._sides(pairs, viewer):
            async for row in looking.rows(self._questions, where.connection.id):
                if _means(row.event, wanted, on, where.connection.zone):
                    hits.append((where, row))
        hits.sort(key=lambda hit: self._place(*hit))
        shown = [await self._explained(where, row, pairs) for where, row in hits[:ANSWERS_AT_MOST]]
        return Answered(query, tuple(shown), len(hits))

    # -- inside --------------------------------------------------------------------------------------------------------

    def _seen_pairs(self, viewer: Viewer) -> list[SyncPair]:
        return [pair for pair in self._pairs.list() if self._visibility.sees_pair(pair, viewer)]

    def _sides(self, pairs: Iterable[SyncPair], viewer: Viewer) -> list[ConnectionView]:
        ids = dict.fromkeys(side for pair in pairs for side in (pair.connection_a_id, pair.connection_b_id))
        return [self._visibility.require_connection(connection_id, viewer) for connection_id in ids]

    def _place(self, where: ConnectionView, row: Row) -> tuple[bool, float, str, str]:
        """What is there before what is gone, what is near now before what is far."""
        start = starts_at(row.event.fields, where.connection.zone)
        far = abs((start - self._clock.now()).total_seconds()) if start is not None else float("inf")
        return (row.seen is not Seen.SEEN, far, where.connection.id, row.event.id)

    async def _explained(self, where: ConnectionView, row: Row, pairs: Sequence[SyncPair]) -> Explained:
        event, connection_id = row.event, where.connection.id
        directions = [(pair, one) for pair in pairs for one in self._pairs.directions(pair.id)]
        made = self._ledger.known_copies(connection_id, [event.id, event.unit])
        known = made.get(event.id) or made.get(event.unit)
        if known is not None:
            what, ways = What.COPY, await self._ways_of_copy(known, directions)
        elif is_released(event):
            what, ways = What.RELEASED, await self._ways_from(connection_id, event.unit, directions)
        elif looks_like_ours(event):
            what, ways = What.STRAY, ()
        else:
            ways = await self._ways_from(connection_id, event.unit, directions)
            what = What.ORIGINAL if ways else What.ORDINARY
        return Explained(where, event, row.seen, what, told_start(event.fields, where.connection.zone), ways)

    async def _ways_from(
        self, connection_id: str, original_id: str, directions: Iterable[tuple[SyncPair, DirectionRecord]]
    ) -> tuple[Way, ...]:
        return tuple(
            [await self._way(pair, one, original_id) for pair, one in directions if one.source.id == connection_id]
        )

    async def _ways_of_copy(
        self, known: tuple[str, str], directions: Iterable[tuple[SyncPair, DirectionRecord]]
    ) -> tuple[Way, ...]:
        direction_id, copy_key = known
        found = next(((pair, one) for pair, one in directions if one.id == direction_id), None)
        if found is None:
            return ()  # made by a pair that was deleted since, or by one that is not asked about
        originals = dict.fromkeys(link.original_id for link in self._questions.links_of_copy(direction_id, copy_key))
        return tuple([await self._way(*found, original_id) for original_id in list(originals)[:_LINKS]])

    async def _way(self, pair: SyncPair, direction: DirectionRecord, original_id: str) -> Way:
        links = self._ledger.links(direction.id, [original_id])
        keys = {link.copy_key for link in links if link.copy_key}
        due = [at for link in links for at in (link.retry_at, link.replan_at) if at is not None]
        decision = await self._plans.of(direction).look_at(original_id)
        return Way(
            pair=pair,
            direction=direction,
            original_id=original_id,
            links=tuple(links[:_LINKS]),
            links_total=len(links),
            copies=tuple(self._ledger.copies(direction.id, keys))[:_LINKS] if keys else (),
            now=_said(decision, pair),
            writes=tuple(self._questions.writes(direction.id, original_id, _WRITES)),
            again_at=min(due, default=None),
            next_run_at=self._schedule.next_run_at(pair.id),
        )


def _means(event: Event, wanted: str, on: date | None, zone: str) -> bool:
    """Whether an event is one that was asked for."""
    if wanted and wanted in (event.id, event.ical_uid):
        return True
    fields = event.fields
    if fields is None or (wanted and wanted.casefold() not in fields.title.casefold()):
        return False
    if on is None:
        return True
    start = fields.when.start
    return (start.date() if isinstance(start, datetime) else start) == on


def _said(decision: Decision, pair: SyncPair) -> tuple[Reason, ...]:
    """The plan in sentences; where it has nothing to do, that is said."""
    told = [Reason(step.occ, str(step.verb), step.reason, _sentence(step.reason)) for step in decision.steps]
    told += [Reason(occ, "skip", code, _sentence(code)) for occ, code, _ in decision.skips]
    if decision.asks:
        told.append(Reason("", "ask", "could_not_ask", "The next run first asks the service how it is now."))
    if not told:
        told.append(Reason("", "skip", "nothing_to_do", _sentence("nothing_to_do")))
    if pair.status is PairStatus.PAUSED:
        told.append(Reason("", "skip", "pair_paused", "The sync pair is paused; nothing is copied meanwhile."))
    return tuple(told[:_LINKS])


def _sentence(code: str) -> str:
    return SENTENCES.get(code, "")
