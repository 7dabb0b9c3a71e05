"""Restoring from a snapshot: what of it is missing in its calendar now, and the run that brings that back.

Nothing that is there is changed, doubled or deleted; nobody is invited. What a snapshot cannot bring back is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.errors import ConflictError, FieldError, InputError
from app.domain.events import Event, Fields, Response
from app.domain.ledger import Ledger
from app.domain.links import Answer, DirectionRecord, Evidence
from app.domain.runs import Run
from app.domain.snapshots import Unit
from app.engine import view
from app.engine.fingerprint import hashes
from app.engine.originals import starts_at
from app.engine.proof import copy_names
from app.engine.restoring import GENERATIONS_AT_MOST, restored_key
from app.services import looking
from app.services.clients import Clients
from app.services.snapshots import Snapshot, Snapshots
from app.services.sync import Sync
from app.services.views import EVERYTHING, Viewer
from app.store.pairs import PairRepository
from app.store.questions import Questions

CANNOT_COME_BACK = (
    "Guests, their answers and the organizer: what comes back is an event of your own, and nobody is told of it.",
    "Attachments, and a meeting room that the service itself had made; the link to it comes back.",
    "The event's own id and history: links that others have to it lead nowhere.",
    "Copies: their sync pair makes them again.",
    "Changes to events that are still there: they stay as they are.",
)
"""What a snapshot cannot bring back, for a person."""

_ASK_AT_ONCE = 100


class Fate(StrEnum):
    """What restoring makes of one event of a snapshot."""

    MISSING = "missing"
    """It is gone, and would be made anew."""
    THERE = "there"
    CHANGED = "changed"
    """It is there and says something else by now: it stays so."""
    ALIKE = "alike"
    """Another event of this time and title is there."""
    UNKNOWN = "unknown"
    """The service could not say whether it is there: it is not made."""
    CANNOT = "cannot"


_SENTENCES = {
    Fate.MISSING: "It is not in the calendar any more and comes back.",
    Fate.THERE: "It is still there.",
    Fate.CHANGED: "It is still there and was changed since; it stays as it is now.",
    Fate.ALIKE: "Another event of the same time and title is there.",
    Fate.UNKNOWN: "The service could not say whether it is still there, so it is not made again.",
    Fate.CANNOT: "It is a single date of somebody else's series, or an invitation you declined.",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One event of a snapshot.

    Args:
        had_guests: other people were on it; it comes back without them.
    """

    unit: Unit
    fate: Fate
    title: str
    starts_at: datetime | None
    all_day: bool
    had_guests: bool

    @property
    def sentence(self) -> str:
        """Its fate, for a person."""
        if self.fate is Fate.MISSING and self.had_guests:
            return "It is not in the calendar any more and comes back, without its guests."
        return _SENTENCES[self.fate]


@dataclass(frozen=True, slots=True)
class Look:
    """What restoring a snapshot would do. `unread`: parts of the file that could not be read."""

    snapshot: Snapshot
    found: tuple[Found, ...]
    unread: int

    @property
    def missing(self) -> tuple[Found, ...]:
        """Those that would come back."""
        return tuple(one for one in self.found if one.fate is Fate.MISSING)


class Restores:
    """Looks at snapshots, and brings back what is missing."""

    def __init__(
        self,
        snapshots: Snapshots,
        *,
        pairs: PairRepository,
        ledger: Ledger,
        questions: Questions,
        clients: Clients,
        sync: Sync,
    ) -> None:
        self._snapshots = snapshots
        self._pairs = pairs
        self._ledger = ledger
        self._questions = questions
        self._clients = clients
        self._sync = sync

    async def look(self, snapshot_id: str, *, viewer: Viewer = EVERYTHING) -> Look:
        """What restoring would do. Reads what changed in the calendar and asks for what seems to be missing; writes
        nothing.

        Raises:
            NotFoundError: no such snapshot.
            ConflictError: `not_connected`, `not_written_to`.
            InputError: the file is none that Kalends wrote.
            ProviderError, VaultError: the calendar cannot be read, so nothing is known to be missing.
        """
        snapshot = self._snapshots.get(snapshot_id, viewer)
        direction = self._into(snapshot)
        kept = await self._snapshots.read(snapshot)
        if kept.head.notes.get("CALENDAR") != direction.target.calendar_key:
            raise InputError("The file is a snapshot of another calendar.", code="no_snapshot")
        await self._sync.refresh(direction.target.id)
        return Look(snapshot, tuple(await self._compared(direction, kept.units)), kept.unread)

    async def start(
        self,
        snapshot_id: str,
        *,
        expected: int,
        events: Collection[str] | None = None,
        viewer: Viewer = EVERYTHING,
    ) -> Run:
        """Bring back what is missing, as a run of its own. Returns it while it goes on.

        Args:
            expected: how many events that is, as `look` said.
            events: only these, by the ids they had; None for all.

        Raises:
            As `look`; InputError: one of the events is not missing.
            ConflictError: `count_changed`, `nothing_missing`.
        """
        look = await self.look(snapshot_id, viewer=viewer)
        chosen = [one.unit for one in look.missing if events is None or one.unit.id in events]
        strange = sorted(set(events or ()) - {unit.id for unit in chosen})
        if strange:
            raise InputError(
                f"{strange[0]} is not missing, or not in this snapshot.",
                details=[FieldError("events", f"{one} is not missing.") for one in strange],
            )
        if not chosen:
            raise ConflictError("Nothing of this snapshot is missing in its calendar.", code="nothing_missing")
        if len(chosen) != expected:
            raise ConflictError(
                f"{len(chosen)} events would come back now, not {expected}.",
                code="count_changed",
                fix="Look again, then name this number.",
            )
        return self._sync.restore(self._into(look.snapshot), chosen)

    def _into(self, snapshot: Snapshot) -> DirectionRecord:
        """A direction that writes to the calendar of a snapshot."""
        if snapshot.where is None:
            raise ConflictError(
                "The calendar of this snapshot is not connected any more.",
                code="not_connected",
                fix=f"Connect its account again, or import the file into any calendar: {snapshot.path}",
            )
        for pair in self._pairs.of_connection(snapshot.where.connection.id):
            for direction in self._pairs.directions(pair.id):
                if direction.target.id == snapshot.where.connection.id:
                    return direction
        raise ConflictError(
            "Kalends only reads this calendar, and so does not write to it.",
            code="not_written_to",
            fix=f"Import the file with the calendar's own page: {snapshot.path}",
        )

    # -- comparing -----------------------------------------------------------------------------------------------------

    async def _compared(self, direction: DirectionRecord, units: Sequence[Unit]) -> list[Found]:
        there = await self._there(direction)
        normal = self._clients.reader(direction.target).normal_form
        fates: dict[str, Fate] = {}
        asking: list[Unit] = []
        for unit in units:
            fate = there.fate(unit, direction, normal)
            if fate is None:
                asking.append(unit)
            else:
                fates[unit.id] = fate
        for answer in await self._asked(direction, [unit.id for unit in asking]):
            fates[answer.event_id] = _FATES[answer.evidence]
        zone = direction.target.zone
        return [_told(unit, fates.get(unit.id, Fate.UNKNOWN), zone) for unit in units]

    async def _there(self, direction: DirectionRecord) -> _There:
        there = _There()
        async for seen in looking.units(self._questions, self._ledger, direction.target.id):
            for unit in seen:
                there.note(unit.event, unit.exceptions.values())
        return there

    async def _asked(self, direction: DirectionRecord, ids: Sequence[str]) -> list[Answer]:
        """Whether these are there: that a listing lacks them proves nothing."""
        reader = self._clients.reader(direction.target)
        answers: list[Answer] = []
        for at in range(0, len(ids), _ASK_AT_ONCE):
            piece = list(ids[at : at + _ASK_AT_ONCE])
            answers += await view.ask(reader, self._ledger, direction.target.id, piece)
            await asyncio.sleep(0)
        return answers


_FATES = {Evidence.FOUND: Fate.THERE, Evidence.GONE: Fate.MISSING, Evidence.UNKNOWN: Fate.UNKNOWN}


class _There:
    """What a calendar holds now, by everything that an event of a snapshot may be known by."""

    def __init__(self) -> None:
        self._by_id: dict[str, Fields] = {}
        self._uids: set[str] = set()
        self._names: set[str] = set()
        self._looks: set[tuple[object, ...]] = set()

    def note(self, event: Event | None, exceptions: Iterable[Event]) -> None:
        """One single or series."""
        for one in exceptions:
            self._names.add(one.unit)
        if event is None or event.fields is None:
            return
        self._by_id[event.id] = event.fields
        self._names.update({event.id, event.transaction_id or event.id})
        if event.ical_uid:
            self._uids.add(event.ical_uid)
        self._looks.add(_look(event.fields))

    def fate(self, unit: Unit, direction: DirectionRecord, normal: Callable[[Fields], Fields]) -> Fate | None:
        """What becomes of an event of a snapshot; None where the service has to be asked."""
        event = unit.event
        if event is None or event.fields is None or event.response is Response.DECLINED:
            return Fate.THERE if unit.id in self._names else Fate.CANNOT
        now = self._by_id.get(event.id)
        if now is not None:
            same = hashes(normal(now)) == hashes(normal(event.fields))
            return Fate.THERE if same else Fate.CHANGED
        if event.ical_uid and event.ical_uid in self._uids:
            return Fate.THERE
        names = copy_names(direction.target.calendar_key, restored_key(direction, event.id), GENERATIONS_AT_MOST)
        if not self._names.isdisjoint(names):
            return Fate.THERE  # brought back before
        return Fate.ALIKE if _look(event.fields) in self._looks else None


def _look(fields: Fields) -> tuple[object, ...]:
    rules = fields.recurrence.lines if fields.recurrence is not None else ()
    when = fields.when
    return (" ".join(fields.title.split()).casefold(), when.start, when.end, when.zone, rules)


def _told(unit: Unit, fate: Fate, zone: str) -> Found:
    event = unit.named
    fields = event.fields if event is not None else None
    return Found(
        unit=unit,
        fate=fate,
        title=fields.title if fields is not None else "",
        starts_at=starts_at(fields, zone),
        all_day=fields is not None and fields.when.all_day,
        had_guests=event is not None and event.guests,
    )
