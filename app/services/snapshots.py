"""Snapshots of calendars as `.ics` files: before a pair writes for the first time, daily, and when asked for.

Made from what a run has just read: a service is asked only about what may be a copy that our records lack. Copies are
left out, since their pair makes them again.
Files are named by calendar, not by row, so that they outlive the database. What restores them is `restores`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from app.domain.accounts import Connection
from app.domain.errors import ConflictError, KalendsError, NotFoundError, StorageError
from app.domain.events import Event
from app.domain.identity import digest
from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord
from app.domain.ports import Clock
from app.domain.snapshots import (
    CalendarText,
    Detail,
    Draft,
    Head,
    Read,
    Reason,
    SnapshotFiles,
    SnapshotReader,
    TextMaker,
)
from app.domain.snapshots import Unit as Written
from app.engine import view
from app.engine.originals import Unit, assemble_all
from app.services import looking
from app.services.clients import Clients
from app.services.ics_units import as_written, is_copy, is_the_services_own, made_up_uid, may_be_copy
from app.services.views import EVERYTHING, ConnectionView, Viewer
from app.services.visibility import Visibility
from app.store.pairs import PairRepository
from app.store.questions import Questions

EVERY = timedelta(days=1)
KEPT_FOR = timedelta(days=30)
ASK_AT_MOST = 200
"""Direct reads for one snapshot; what may be a copy beyond these is left out, and asked about for the next one."""
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"snap_([0-9a-f]{16})_(\d{8}T\d{6}Z)_(first|daily|asked)")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One file.

    Args:
        id: also its name, without suffix.
        calendar: which calendar it is of, by a digest of its key.
        where: that calendar, None when it is not connected any more.
        path: where a person finds the file.
    """

    id: str
    calendar: str
    taken_at: datetime
    reason: Reason
    size_bytes: int
    path: str
    where: ConnectionView | None = None


class Snapshots:
    """Takes, lists and forgets snapshots."""

    def __init__(
        self,
        files: SnapshotFiles,
        make_text: TextMaker,
        reader: SnapshotReader,
        *,
        pairs: PairRepository,
        ledger: Ledger,
        questions: Questions,
        clients: Clients,
        visibility: Visibility,
        clock: Clock,
    ) -> None:
        self._clients = clients
        self._files = files
        self._make_text = make_text
        self._reader = reader
        self._pairs = pairs
        self._ledger = ledger
        self._questions = questions
        self._visibility = visibility
        self._clock = clock
        self._taking = asyncio.Lock()
        self._newest: dict[str, datetime] | None = None

    async def before_writing(self, direction: DirectionRecord) -> None:
        """Take the snapshots that are due of both calendars of a direction, which were read just now.

        Raises:
            StorageError: the first one for this direction cannot be kept; then it must not write. One that is only due
                because a day went by is tried again by the next run.
        """
        began = None if direction.adopted else self._pairs.get(direction.pair_id).created_at
        for connection in (direction.target, direction.source):
            try:
                # One after another: of two runs that want one of the same calendar the second finds it there.
                async with self._taking:
                    reason = self._due(connection, began)
                    if reason is not None:
                        await self._take(connection, reason)
            except StorageError as error:
                if not direction.adopted:
                    raise
                _log.error("snapshot.failed", connection_id=connection.id, error=error.code, fix=error.fix)

    async def take(self, connection_id: str, viewer: Viewer = EVERYTHING) -> Snapshot:
        """Take a snapshot of a calendar as it was last read.

        Raises:
            NotFoundError: no such calendar.
            ConflictError: `never_read`: no pair has read it to its end yet.
            StorageError: the file cannot be kept.
        """
        where = self._visibility.require_connection(connection_id, viewer)
        if self._ledger.view(connection_id).complete_at is None:
            raise ConflictError(
                "No sync pair has read this calendar yet, so there is nothing to keep.",
                code="never_read",
                fix="Make a pair with it and sync once.",
            )
        async with self._taking:
            name = await self._take(where.connection, Reason.ASKED)
        return self.get(name, viewer)

    def list(self, viewer: Viewer = EVERYTHING, *, connection_id: str | None = None) -> tuple[Snapshot, ...]:
        """Snapshots, newest first; those of calendars that are not connected any more only for who sees everything.

        Raises:
            NotFoundError: no such calendar.
        """
        if connection_id is not None:
            self._visibility.require_connection(connection_id, viewer)
        seen = {calendar_of(one.connection): one for one in self._visibility.connections(viewer)}
        found = []
        for name, size in self._files.sizes().items():
            parts = _NAME.fullmatch(name)
            if parts is None:
                continue
            where = seen.get(parts[1])
            if where is None and viewer != EVERYTHING:
                continue
            if connection_id is None or (where is not None and where.connection.id == connection_id):
                path = self._files.where(name)
                found.append(Snapshot(name, parts[1], _moment(parts[2]), Reason(parts[3]), size, path, where))
        return tuple(sorted(found, key=lambda one: (one.taken_at, one.id), reverse=True))

    def get(self, snapshot_id: str, viewer: Viewer = EVERYTHING) -> Snapshot:
        """One snapshot. Raises NotFoundError."""
        for one in self.list(viewer):
            if one.id == snapshot_id:
                return one
        raise NotFoundError("There is no such snapshot.")

    async def read(self, snapshot: Snapshot) -> Read:
        """What a snapshot holds.

        Raises:
            InputError: the file is none that Kalends wrote.
            NotFoundError: it went away meanwhile.
            StorageError: it cannot be read.
        """
        data = self._files.read(snapshot.id)
        return await asyncio.to_thread(self._reader, data)

    # -- taking --------------------------------------------------------------------------------------------------------

    def _due(self, connection: Connection, pair_began: datetime | None) -> Reason | None:
        """Why a snapshot is to be taken now, None while there is a fresh one.

        Args:
            pair_began: since when a pair that never wrote yet exists; None for one that did.
        """
        now = self._clock.now()
        newest = self._newest_of(calendar_of(connection))
        # One from the future was taken by a clock that was wrong.
        if newest is None or newest > now:
            return Reason.DAILY if pair_began is None else Reason.FIRST
        if pair_began is not None and newest < pair_began.replace(microsecond=0):
            return Reason.FIRST
        return Reason.DAILY if now - newest >= EVERY else None

    def _newest_of(self, calendar: str) -> datetime | None:
        if self._newest is None:
            self._newest = {}
            for one in self.list():
                self._newest.setdefault(one.calendar, one.taken_at)
        return self._newest.get(calendar)

    async def _take(self, connection: Connection, reason: Reason) -> str:
        now = self._clock.now()
        calendar = calendar_of(connection)
        name = f"snap_{calendar}_{now.astimezone(UTC):{_STAMP}}_{reason}"
        draft = self._files.begin(name)
        try:
            await self._write(draft, connection, now, reason)
            draft.keep()
        finally:
            draft.discard()
        if self._newest is not None:
            self._newest[calendar] = now
        if reason is not Reason.ASKED:
            # Only after a run read the calendar: by then a service said what time it is.
            self._forget_old(now)
        return name

    async def _write(self, draft: Draft, connection: Connection, now: datetime, reason: Reason) -> None:
        state = self._ledger.view(connection.id)
        notes = {"CALENDAR": connection.calendar_key, "TAKEN": now.isoformat(), "REASON": str(reason)}
        if state.covers_from is not None:
            notes["FROM"] = state.covers_from.isoformat()
        if state.covers_to is not None:
            notes["UNTIL"] = state.covers_to.isoformat()
        head = Head(connection.name, connection.zone, state.complete_at or now, notes)
        # In a thread, as it may have to import a library first.
        text = await asyncio.to_thread(self._make_text, head, Detail.KEPT)
        used: set[str] = set()
        left_out = 0
        # Before a pair wrote for the first time, a run lists the copies by itself.
        may_ask = ASK_AT_MOST if self._knows_copies(connection) else 0
        draft.write(text.begin())
        async for seen in looking.units(self._questions, self._ledger, connection.id):
            unsure = self._unsure(seen, connection)[:may_ask]
            may_ask -= len(unsure)
            sure = await self._asked(seen, unsure, connection)
            kept = [as_written(unit) for unit in self._originals(sure, connection)]
            named = [(unit, _uid(unit, connection, used)) for unit in kept]
            # In a thread: it takes longer than the loop may be held up for.
            piece, lost = await asyncio.to_thread(_text_of, text, named)
            left_out += lost
            draft.write(piece)
        draft.write(text.end())
        _log.info("snapshot.taken", connection_id=connection.id, reason=str(reason), left_out=left_out)

    def _unsure(self, seen: Sequence[Unit], connection: Connection) -> Sequence[Unit]:
        """Those that may be copies that another computer made since our last run."""
        named = [(unit, _named(unit)) for unit in seen]
        looking_so = [(unit, event) for unit, event in named if event is not None and may_be_copy(event)]
        known = self._known(connection, looking_so)
        return [unit for unit, event in looking_so if event.id not in known]

    async def _asked(self, seen: Sequence[Unit], unsure: Sequence[Unit], connection: Connection) -> Sequence[Unit]:
        """The same, with these read directly, as far as the service says anything."""
        if not unsure:
            return seen
        try:
            reader = self._clients.reader(connection)
            await view.ask(reader, self._ledger, connection.id, [one for unit in unsure for one in unit.reads])
        except StorageError:
            raise
        except KalendsError as error:
            # What nobody can say of now is left out this time; the others are kept all the same.
            _log.warning("snapshot.unsure", connection_id=connection.id, units=len(unsure), error=error.code)
        ids = [unit.id for unit in unsure]
        return list(
            ({unit.id: unit for unit in seen} | assemble_all(ids, self._ledger.rows(connection.id, ids))).values()
        )

    def _originals(self, seen: Sequence[Unit], connection: Connection) -> Sequence[Unit]:
        """Those that a person would miss: no copies, and nothing that the service makes by itself."""
        named = [(unit, event) for unit in seen if (event := _named(unit)) is not None]
        known = self._known(connection, named)
        return [
            unit
            for unit, event in named
            if not is_copy(event, connection.calendar_key, known) and not is_the_services_own(event)
        ]

    def _known(self, connection: Connection, named: Sequence[tuple[Unit, Event]]) -> Collection[str]:
        """Which of these are copies by our own records."""
        return self._ledger.known_copies(connection.id, [event.id for _, event in named])

    def _knows_copies(self, connection: Connection) -> bool:
        """Whether the copies in a calendar were listed by their markers, for every direction that leads there."""
        into = [
            direction
            for pair in self._pairs.of_connection(connection.id)
            for direction in self._pairs.directions(pair.id)
            if direction.target.id == connection.id
        ]
        return all(direction.adopted for direction in into)

    def _forget_old(self, now: datetime) -> None:
        """Remove what is older than it is kept for. The first one of each calendar that a pair uses stays."""
        in_use = {
            calendar_of(one.connection)
            for one in self._visibility.connections(EVERYTHING)
            if self._pairs.of_connection(one.connection.id)
        }
        oldest_first: dict[str, str] = {}
        everything = self.list()
        for one in everything:
            if one.reason is Reason.FIRST and one.calendar in in_use:
                oldest_first[one.calendar] = one.id
        spared = set(oldest_first.values())
        self._files.remove([one.id for one in everything if now - one.taken_at > KEPT_FOR and one.id not in spared])


def calendar_of(connection: Connection) -> str:
    """What the snapshots of a calendar are named by, on every computer and with every database."""
    return digest("snapshots", connection.calendar_key)[:16]


def _named(unit: Unit) -> Event | None:
    """The event a unit is known by."""
    return unit.event or next(iter(unit.exceptions.values()), None)


def _text_of(text: CalendarText, named: Sequence[tuple[Written, str]]) -> tuple[str, int]:
    """The text of some units, and how many of them cannot be said."""
    pieces, lost = [], 0
    for unit, uid in named:
        try:
            pieces.append(text.unit(unit, uid))
        except ValueError:
            lost += 1
    return "".join(pieces), lost


def _uid(unit: Written, connection: Connection, used: set[str]) -> str:
    """The UID of a unit, its own where no other in the file has it."""
    named = unit.named
    uid = (named.ical_uid if named is not None else None) or ""
    if not uid or uid in used:
        uid = made_up_uid(connection.calendar_key, unit.id)
    used.add(uid)
    return uid


def _moment(stamp: str) -> datetime:
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
