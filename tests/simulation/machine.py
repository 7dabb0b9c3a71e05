"""One installation of Kalends in a simulation: its own database, pairs over shared fake calendars, runs step by step.

A run is one coroutine that stops at every request and every answer; whoever drives it may let it die there, or in the
middle of any commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

from app.domain.accounts import Access, Account, Connection, Provider
from app.domain.errors import KalendsError
from app.domain.links import DirectionRecord, Intent
from app.domain.pairs import Direction, DirectionSettings, SyncPair
from app.domain.runs import HoldAnswer, Run, RunStatus, Trigger
from app.engine import view
from app.engine.run import DirectionResult, DirectionRun, Tools, window_of
from app.engine.undo_run import UndoRun, UndoTools
from app.engine.writer import no_limit
from app.store.accounts import AccountRepository
from app.store.database import Database
from app.store.holds import HoldRepository
from app.store.ledger import SqliteLedger
from app.store.opening import open_memory
from app.store.pairs import PairRepository
from app.store.runs import RunRepository
from app.system.expansion import BoundedExpander
from tests.fakes.calendar import Crash
from tests.fakes.engine_world import START, ZONE, CountedNames, CountedStamps, HandClock
from tests.simulation.services import SimCalendar

DAILY = timedelta(days=1)
"""So long after the last audit comes the next."""


@dataclass(frozen=True)
class Topology:
    """Which calendars are paired how: names of both ends and the direction."""

    pairs: tuple[tuple[str, str, Direction], ...]
    machines: int = 1

    @property
    def calendars(self) -> tuple[str, ...]:
        """Names of all calendars."""
        return tuple(sorted({name for first, second, _ in self.pairs for name in (first, second)}))


class MortalDatabase(Database):
    """A database whose machine may die in any commit: just before it, when nothing of it stays, or just after it."""

    def __init__(self, connected: Sequence[str]) -> None:
        """A new database that knows these calendars."""
        super().__init__(":memory:")
        _fresh(tuple(connected)).backup(self.sqlite)
        self.commits = 0
        self.die_at: int | None = None
        """Twice the number of the commit, and one more to die after it."""
        self.watch: Callable[[], str] = str
        """Called at each commit: says whether to die `before` it, `after` it, or not at all."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, counted where it is the outermost."""
        outermost = not self.handle.in_transaction()
        with super().transaction():
            yield
            dies = ""
            if outermost:
                self.commits += 1
                dies = self.watch()
                if self.die_at == 2 * self.commits or dies == "before":
                    raise Crash
        if outermost and (self.die_at == 2 * self.commits + 1 or dies == "after"):
            raise Crash


@cache
def _fresh(connected: tuple[str, ...]) -> sqlite3.Connection:
    """A database on the newest schema in which somebody has just connected these calendars, to be copied: migrating
    takes longer than a history, and signing in a tenth of one."""
    database = open_memory()
    accounts = AccountRepository(database, lambda: START)
    accounts.add(Account("acct_1", Provider.GOOGLE, "sub-1", "ana@example.com"))
    accounts.put_connections(
        "acct_1",
        [
            Connection(
                id=f"conn_{name}",
                account_id="acct_1",
                provider=Provider.GOOGLE,
                calendar_id=f"{name}@example.com",
                calendar_key=f"google:{name}@example.com",
                name=name,
                access=Access.WRITER,
                zone=ZONE,
            )
            for name in connected
        ],
    )
    return database.sqlite


class SkewedClock:
    """A machine's own clock, some minutes off."""

    def __init__(self, right: HandClock, minutes: float) -> None:
        self._right = right
        self._off = timedelta(minutes=minutes)

    def now(self) -> datetime:
        """What this machine believes."""
        return self._right.now() + self._off


class Machine:
    """One installation."""

    def __init__(
        self,
        name: str,
        topology: Topology,
        calendars: Mapping[str, SimCalendar],
        settings: DirectionSettings,
        clock: HandClock,
        minutes_off: float = 0,
        *,
        audits: bool = False,
        budget: int | None = None,
    ) -> None:
        self.name = name
        self.budget = budget
        """Events that may be made in an account in a day, None for as many as there are."""
        self._audits = audits
        self.stamps = CountedStamps(name)
        self._topology = topology
        self._calendars = calendars
        self._settings = settings
        self._world_clock = clock
        self._clock = SkewedClock(clock, minutes_off)
        self._numbers = count(1)
        self._expander = BoundedExpander()
        self._names = CountedNames()
        self.work: Coroutine[Any, Any, None] | None = None
        self.results: list[DirectionResult] = []
        self.approved: set[str] = set()
        self.undone: dict[tuple[str, str], str] = {}
        """Runs that undo others, by installation and id: which run each of them undoes."""
        """Originals whose copies may go, as somebody said yes."""
        self.failed = 0
        """Directions that could not be run in the last run."""
        self.stopping = False
        """Whether the run under way was asked to stop."""
        self._accepted: frozenset[str] = frozenset()
        self.forget()

    def forget(self) -> None:
        """Lose all state: a new database, the same pairs."""
        self._audited: dict[str, datetime] = {}
        self._unchecked: set[str] = set()
        self.database = MortalDatabase(self._topology.calendars)
        self.reopen()
        for number, (first, second, direction) in enumerate(self._topology.pairs, 1):
            self._pairs.add(
                SyncPair(
                    f"pair_{number}",
                    f"conn_{first}",
                    f"conn_{second}",
                    self._settings.mode,
                    direction,
                    settings=self._settings,
                )
            )

    def reopen(self) -> None:
        """Start again after a crash: only the database is left."""
        self.database.die_at = None
        self.ledger = SqliteLedger(self.database)
        self._pairs = PairRepository(self.database, AccountRepository(self.database, self._clock.now), self._clock.now)
        self._history = RunRepository(self.database, self._clock.now)

    def directions(self) -> Sequence[DirectionRecord]:
        """All directions of all pairs, as the store has them."""
        return [
            direction
            for number in range(1, len(self._topology.pairs) + 1)
            for direction in self._pairs.directions(f"pair_{number}")
        ]

    def start(self) -> None:
        """Begin a run of every pair."""
        self.stopping = False
        self.results = []
        self.failed = 0
        self.work = self._run()

    def step(self) -> bool:
        """Go on to the next request or answer. Returns whether the run goes on; a crash ends it like any end."""
        if self.work is None:
            return False
        try:
            self.work.send(None)
        except StopIteration:
            self.work = None
            self._world_clock.advance(minutes=1)
            return False
        except Crash:
            self.kill()
            return False
        return True

    def kill(self) -> None:
        """Die where the run stands, and start again. What it has sent may still arrive."""
        if self.work is not None:
            self.work.close()
            self.work = None
        self.reopen()

    def has_journaled(self, intents: Sequence[Intent]) -> bool:
        """Whether all these writes are in the journal, as pending and with the time of this try."""
        for intent in intents:
            row = self.database.one(
                "SELECT state, last_try_at FROM journal WHERE id = ? AND direction_id = ?",
                (intent.id, intent.direction_id),
            )
            if row is None or row[0] != "pending" or not row[1]:
                return False
        return True

    def pending(self) -> int:
        """Writes whose outcome is not known."""
        row = self.database.one("SELECT count(*) FROM journal WHERE state = 'pending'")
        return int(row[0]) if row is not None else 0

    def approve(self) -> None:
        """Say yes to everything that is held."""
        self.answer(lambda: HoldAnswer.APPROVED)

    def answer(self, says: Callable[[], HoldAnswer]) -> list[str]:
        """Answer everything that is held. Returns the originals whose copies stay as they are by that."""
        holds = HoldRepository(self.database)
        kept: list[str] = []
        for hold in holds.list():
            if hold.answer is None:
                said = says()
                holds.answer(hold.id, said, expected=hold.expected, at=self._clock.now())
                rows = self.database.select("SELECT original_id FROM hold_item WHERE hold_id = ?", (hold.id,))
                originals = [original_id for (original_id,) in rows]
                if said is HoldAnswer.KEPT:
                    kept.extend(originals)
                else:
                    self.approved.update(originals)
        return kept

    def change_settings(self, settings: DirectionSettings) -> None:
        """Other settings for every pair, from now on."""
        self._settings = settings
        for number in range(1, len(self._topology.pairs) + 1):
            pair = self._pairs.get(f"pair_{number}")
            self._pairs.update(replace(pair, settings=settings, mode=settings.mode))

    def written_runs(self) -> list[tuple[str, str]]:
        """Runs that wrote something, with their directions, oldest first."""
        rows = self.database.select(
            "SELECT run_id, direction_id FROM journal WHERE state = 'applied' GROUP BY run_id, direction_id ORDER BY 1"
        )
        return [(run_id, direction_id) for run_id, direction_id in rows]

    def originals_of(self, run_id: str, direction_id: str) -> list[str]:
        """The originals that a run wrote for or to."""
        rows = self.database.select(
            "SELECT DISTINCT original_id FROM journal WHERE run_id = ? AND direction_id = ?", (run_id, direction_id)
        )
        return sorted(original_id for (original_id,) in rows)

    def undo(self, run_id: str, direction_id: str) -> None:
        """Begin to undo what a run did in a direction."""
        self.stopping = False
        direction = next(d for d in self.directions() if d.id == direction_id)
        self.results = []
        self.work = self._undo(direction, run_id)

    async def _undo(self, direction: DirectionRecord, undone_run_id: str) -> None:
        run_id = f"sync_run_{next(self._numbers):026d}"
        self.undone[self.stamps.installation(), run_id] = undone_run_id
        self._history.add(Run(run_id, direction.pair_id, Trigger.UNDO, RunStatus.RUNNING, self._clock.now()))
        source = self._calendar(direction.source.id)
        tools = UndoTools(
            ledger=self.ledger,
            clock=self._clock,
            stamps=self.stamps,
            expander=self._expander,
            stopping=lambda: self.stopping,
            tell=lambda phase, done, total: None,
        )
        undoing = UndoRun(
            direction,
            source,
            self._calendar(direction.target.id),
            tools,
            undone_run_id=undone_run_id,
            run_id=run_id,
            originals=source if direction.both_ways else None,
        )
        try:
            await undoing.run()
        except KalendsError:
            self.failed += 1

    async def _run(self) -> None:
        for direction in self.directions():
            run_id = f"sync_run_{next(self._numbers):026d}"
            pair_id = direction.pair_id
            self._history.add(Run(run_id, pair_id, Trigger.MANUAL, RunStatus.RUNNING, self._clock.now()))
            source = self._calendar(direction.source.id)
            checking = direction.id in self._unchecked
            auditing = checking or self._is_audit_due(direction)
            runner = DirectionRun(
                replace(direction, adopted=direction.adopted and not auditing),
                source,
                self._calendar(direction.target.id),
                self._tools(direction, auditing=auditing, checking=checking),
                run_id=run_id,
                originals=source if direction.both_ways else None,
            )
            try:
                result = await runner.run()
            except KalendsError:
                self.failed += 1  # a side could not be read: this direction waits for the next run
                continue
            self.results.append(result)
            if result.strange_stamps:
                # What the services do: all directions are checked before anything is deleted.
                self._accepted |= result.strange_stamps
                self._unchecked = {each.id for each in self.directions()}
            elif checking and not result.errors:
                self._unchecked.discard(direction.id)
            if auditing:
                self._audited[direction.id] = self._clock.now()

    def _is_audit_due(self, direction: DirectionRecord) -> bool:
        """Whether a day went by since this direction was audited; its first day begins with its first run."""
        now = self._clock.now()
        return self._audits and direction.adopted and now - self._audited.setdefault(direction.id, now) >= DAILY

    def _calendar(self, connection_id: str) -> SimCalendar:
        return self._calendars[connection_id.removeprefix("conn_")]

    def _tools(self, direction: DirectionRecord, *, auditing: bool, checking: bool) -> Tools:
        async def pull(connection_id: str) -> None:
            now = self._clock.now()
            window = window_of(direction.settings, now)
            calendar = self._calendar(connection_id)
            await view.pull(calendar, self.ledger, connection_id, window, now=now)
            if auditing:
                # The services do so once a day: whole, beside what was read bit by bit.
                await view.pull(calendar, self.ledger, connection_id, window, now=now, full=True)

        async def breathe() -> None:
            return None

        return Tools(
            ledger=self.ledger,
            clock=self._clock,
            stamps=self.stamps,
            names=self._names,
            expander=self._expander,
            pull=pull,
            breathe=breathe,
            stopping=lambda: self.stopping,
            may_lose=not checking,
            everything=auditing,
            accepted=self._accepted,
            may_create=lambda: self._may_create(direction),
        )

    def _may_create(self, direction: DirectionRecord) -> int:
        if self.budget is None:
            return no_limit()
        since = self._clock.now() - DAILY
        return max(0, self.budget - self.ledger.created(direction.target.account_id, since))
