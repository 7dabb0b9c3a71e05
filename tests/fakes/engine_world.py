"""Two fake calendars, a real ledger, and the engine between them: what engine tests play with.

The engine's coroutines are driven to their end without an event loop: nothing in them waits for one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from app.domain.accounts import Access, Account, Connection, Provider
from app.domain.events import Event, EventKind, Fields, Recurrence
from app.domain.links import DirectionRecord, Row, Seen
from app.domain.pairs import Direction, DirectionSettings, Mode, SyncPair
from app.domain.runs import HoldAnswer, Run, RunStatus, Trigger
from app.domain.times import Span, When
from app.engine import view
from app.engine.originals import Unit, assemble_all
from app.engine.run import DirectionResult, DirectionRun, Tools, window_of
from app.engine.undo_changes import Finding
from app.engine.undo_run import UndoResult, UndoRun, UndoTools
from app.engine.writer import Writer, no_limit
from app.store.accounts import AccountRepository
from app.store.database import Database
from app.store.holds import HoldRepository
from app.store.ledger import SqliteLedger
from app.store.opening import open_memory
from app.store.pairs import PairRepository
from app.store.runs import RunRepository
from app.system.expansion import BoundedExpander
from tests.fakes.calendar import FakeCalendar

T = TypeVar("T")

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ZONE = "Europe/Berlin"
MONDAY = date(2026, 11, 23)
"""The first Monday after the worlds' start."""


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never really waits."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # StopIteration carries the coroutine's own result


class HandClock:
    """A clock that a test moves."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        """The test's now."""
        return self._now

    def advance(self, **parts: float) -> None:
        """Later by `timedelta(**parts)`."""
        self._now += timedelta(**parts)


class CountedStamps:
    """Stamps in order."""

    def __init__(self, installation: str = "inst") -> None:
        self._installation = installation
        self._numbers = count(1)

    def stamp(self) -> str:
        """The next stamp."""
        return f"{self._installation}.{next(self._numbers)}"

    def installation(self) -> str:
        """The test's installation."""
        return self._installation


class CountedNames:
    """Hold ids in order."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def hold(self) -> str:
        """The next hold id."""
        return f"hold_{next(self._numbers):026d}"


@dataclass
class World:
    """One direction from `source` to `target` and everything it needs."""

    settings: DirectionSettings = field(default_factory=DirectionSettings)
    source: FakeCalendar = field(default_factory=FakeCalendar)
    target: FakeCalendar = field(default_factory=FakeCalendar)
    clock: HandClock = field(default_factory=HandClock)
    database: Database = field(default_factory=open_memory)
    stamps: CountedStamps = field(default_factory=CountedStamps)
    stop: Callable[[], bool] = lambda: False
    may_create: Callable[[], int] = no_limit
    accepted: Collection[str] = frozenset()
    both_ways: bool = False
    """Whether the pair goes both ways; the world runs its first direction only."""
    _last_run_id: str = ""
    _undone_by: dict[str, str] = field(default_factory=dict)
    _runs: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.names = CountedNames()
        self._expander = BoundedExpander()
        self._open()
        accounts = self.accounts
        accounts.add(Account("acct_1", Provider.GOOGLE, "sub-1", "ana@example.com"))
        for name in ("a", "b"):
            accounts.add_connection(
                Connection(
                    id=f"conn_{name}",
                    account_id="acct_1",
                    provider=Provider.GOOGLE,
                    calendar_id=f"{name}@example.com",
                    calendar_key=f"google:{name}@example.com",
                    name={"a": "Work", "b": "Home"}[name],
                    access=Access.WRITER,
                    zone=ZONE,
                )
            )
        self._pairs.add(SyncPair("pair_1", "conn_a", "conn_b", self.settings.mode, self._goes, settings=self.settings))

    def _open(self) -> None:
        self.ledger = SqliteLedger(self.database)
        self.accounts = AccountRepository(self.database, self.clock.now)
        self._pairs = PairRepository(self.database, self.accounts, self.clock.now)
        self._history = RunRepository(self.database, self.clock.now)

    @property
    def _goes(self) -> Direction:
        return Direction.BIDIRECTIONAL if self.both_ways else Direction.A_TO_B

    @property
    def direction(self) -> DirectionRecord:
        """The direction as the store has it now."""
        return self._pairs.directions("pair_1")[0]

    def change_settings(self, **changes: Any) -> None:
        """Change the pair's settings, as the service does."""
        pair = self._pairs.get("pair_1")
        self.settings = replace(pair.settings, **changes)
        self._pairs.update(
            replace(pair, settings=self.settings, mode=self.settings.mode, settings_no=pair.settings_no + 1)
        )

    def run(self, *, dry: bool = False, full: bool = False, checking: bool = False) -> DirectionResult:
        """One run of the direction; `checking` as the first one of a database older than its epoch file."""
        run_id = f"sync_run_{next(self._runs):026d}"
        self._last_run_id = run_id
        self._history.add(Run(run_id, "pair_1", Trigger.MANUAL, RunStatus.RUNNING, self.clock.now(), dry=dry))
        calendars = {"conn_a": self.source, "conn_b": self.target}

        async def pull(connection_id: str) -> None:
            window = window_of(self.direction.settings, self.clock.now())
            await view.pull(
                calendars[connection_id],
                self.ledger,
                connection_id,
                window,
                now=self.clock.now(),
                full=full or checking,
            )

        async def breathe() -> None:
            return None

        tools = Tools(
            ledger=self.ledger,
            clock=self.clock,
            stamps=self.stamps,
            names=self.names,
            expander=self._expander,
            pull=pull,
            breathe=breathe,
            stopping=self.stop,
            may_lose=not checking,
            everything=checking,
            may_create=self.may_create,
            accepted=self.accepted,
        )
        originals = self.source if self.both_ways else None
        direction = replace(self.direction, adopted=self.direction.adopted and not checking)
        runner = DirectionRun(direction, self.source, self.target, tools, run_id=run_id, dry=dry, originals=originals)
        result = drive(runner.run())
        self.clock.advance(minutes=5)
        return result

    def reopen(self) -> None:
        """A machine that died starts again: nothing is left but the database."""
        self._open()
        self.clock.advance(minutes=5)

    def backup(self) -> Database:
        """The database as it is now, to be put back later."""
        kept = open_memory()
        self.database.sqlite.backup(kept.sqlite)
        return kept

    def put_back(self, kept: Database) -> None:
        """An earlier state of the database takes the place of what was done since."""
        self.database = kept
        self._undone_by = {}
        self.reopen()

    def writer(self) -> Writer:
        """A writer for commands, with a run of its own."""
        run_id = self._last_run_id = f"sync_run_{next(self._runs):026d}"
        self._history.add(Run(run_id, "pair_1", Trigger.MANUAL, RunStatus.RUNNING, self.clock.now()))
        return Writer(
            self.direction,
            self.target,
            self.ledger,
            clock=self.clock,
            stamps=self.stamps,
            run_id=run_id,
            stopping=self.stop,
        )

    @property
    def history(self) -> RunRepository:
        """The runs and their stories."""
        return self._history

    def undo_run_of(self, run_id: str) -> str:
        """The run that undid writes of this one."""
        return self._undone_by[run_id]

    @property
    def last_run_id(self) -> str:
        """The newest run's id."""
        return self._last_run_id

    def undo(self, run_id: str, *, events: Collection[str] | None = None) -> UndoResult:
        """Undo what a run did, as a run of its own."""
        self._last_run_id = f"sync_run_{next(self._runs):026d}"
        self._undone_by[run_id] = self._last_run_id
        started = Run(self._last_run_id, "pair_1", Trigger.UNDO, RunStatus.RUNNING, self.clock.now())
        self._history.add(started)
        result = drive(self._undoing(run_id, self._last_run_id, events).run())
        self.clock.advance(minutes=5)
        return result

    def undoable(self, run_id: str) -> list[Finding]:
        """What of a run can be undone."""
        return drive(self._undoing(run_id, "", None).look())

    def _undoing(self, run_id: str, own_id: str, events: Collection[str] | None) -> UndoRun:
        tools = UndoTools(
            ledger=self.ledger,
            clock=self.clock,
            stamps=self.stamps,
            expander=self._expander,
            stopping=self.stop,
            tell=lambda phase, done, total: None,
        )
        return UndoRun(
            self.direction,
            self.source,
            self.target,
            tools,
            undone_run_id=run_id,
            run_id=own_id,
            events=events,
            originals=self.source if self.both_ways else None,
        )

    def answer(self, answer: HoldAnswer) -> int:
        """Answer every open hold, as the service does; returns how many there were."""
        holds = HoldRepository(self.database)
        waiting = [hold for hold in holds.list() if hold.answer is None]
        for hold in waiting:
            holds.answer(hold.id, answer, expected=hold.expected, at=self.clock.now())
        return len(waiting)

    def run_until_quiet(self, most: int = 6) -> list[DirectionResult]:
        """Run until a run writes nothing."""
        results = []
        for _ in range(most):
            before = len(self.target.log)
            results.append(self.run())
            if len(self.target.log) == before:
                return results
        raise AssertionError("the target never came to rest")

    def copies(self) -> list[Event]:
        """Living copies in the target."""
        return [event for event in self.target.living() if event.marker is not None and not event.marker.released]

    def unit(self, calendar: FakeCalendar, event_id: str) -> Unit:
        """An event of a fake as the engine would assemble it."""
        rows = [Row(e, Seen.GONE if e.gone else Seen.SEEN) for e in calendar.events.values() if e.unit == event_id]
        return assemble_all([event_id], rows)[event_id]

    def window(self) -> Span:
        """The direction's window now."""
        return window_of(self.settings, self.clock.now())


def meeting(event_id: str, start: datetime, minutes: int = 30, title: str = "Meeting", **more: Any) -> Event:
    """A timed single in the test's zone."""
    fields = Fields(When(start, start + timedelta(minutes=minutes), ZONE), title=title, **more.pop("fields", {}))
    return Event(id=event_id, fields=fields, ical_uid=f"{event_id}@example.com", **more)


def weekly(event_id: str = "series", hour: int = 9, rule: str = "RRULE:FREQ=WEEKLY", **more: Any) -> Event:
    """A series on Mondays, from the first Monday after the worlds' start on."""
    start = datetime(2026, 11, 23, hour)  # noqa: DTZ001 - a wall clock
    fields = Fields(When(start, start + timedelta(hours=1), ZONE), title="Stand-up", recurrence=Recurrence((rule,)))
    return Event(id=event_id, kind=EventKind.SERIES, fields=fields, ical_uid=f"{event_id}@x", **more)


BLOCKER = DirectionSettings()
FULL = DirectionSettings(mode=Mode.FULL)
