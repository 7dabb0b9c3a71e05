"""A core in memory for the tests of the API: the methods that front ends may call, on plain lists.

It obeys what the services promise (errors, visibility by viewer, joining, waiting) and nothing more: what the API does
with their answers is under test, not how they come about.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from app.domain.accounts import Access, Account, Connection, Provider
from app.domain.errors import ConflictError, FieldError, InputError, NotFoundError
from app.domain.keys import DEFAULT_SCOPES, ApiKey, KeyKind
from app.domain.pairs import CopiesOnDelete, DirectionSettings, PairState, PairStatus, SyncPair
from app.domain.runs import (
    ActionRecord,
    Counts,
    Hold,
    HoldAnswer,
    HoldCause,
    HoldSample,
    Run,
    RunError,
    RunStatus,
    Trigger,
    Undoable,
    Verb,
)
from app.domain.times import Span
from app.services.availability import FreeBusy
from app.services.core import Core, CoreInfo
from app.services.views import (
    EVERYTHING,
    Attempt,
    AttemptStatus,
    ConnectionView,
    LogPage,
    NewKey,
    NewPair,
    PairChange,
    PairView,
    Problem,
    RollUp,
    RunView,
    StatusView,
    UndoChange,
    UndoView,
    Viewer,
)

NOW = datetime(2026, 3, 28, 10, 0, 0, 654_321, tzinfo=UTC)
COPIES = 7
GOING = 3
"""So many copies go by any change of settings."""


def ulid(number: int) -> str:
    """A well-formed ULID."""
    return f"01ARZ3NDEKTSV4RRFFQ69{number:05d}"


def conn(number: int) -> str:
    """Id of a connection."""
    return f"conn_{ulid(number)}"


def pair_id(number: int) -> str:
    """Id of a pair."""
    return f"pair_{ulid(number)}"


@dataclass
class World:
    """What there is. Connections 1 to 3 are the sandbox's (3 is view-only), 4 is real."""

    accounts: dict[str, Account] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    pairs: dict[str, SyncPair] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    actions: dict[str, tuple[ActionRecord, ...]] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    ended: dict[str, asyncio.Event] = field(default_factory=dict)
    calls: list[tuple[str, object]] = field(default_factory=list)
    result: RunStatus = RunStatus.SUCCESS
    counts: Counts = field(default_factory=lambda: Counts(processed=12, created=2, deleted=1))
    errors: tuple[RunError, ...] = ()
    reason: str | None = None
    runs_end_at_once: bool = True
    number: int = 100
    broken: Exception | None = None

    def next(self, prefix: str) -> str:
        """A fresh id."""
        self.number += 1
        return f"{prefix}_{ulid(self.number)}"

    def sees(self, connection_id: str, viewer: Viewer) -> bool:
        """Whether a viewer sees a connection."""
        connection = self.connections.get(connection_id)
        if connection is None or (viewer.sandbox_only and not self.accounts[connection.account_id].sandbox):
            return False
        return not viewer.connection_ids or connection_id in viewer.connection_ids

    def sees_pair(self, one: SyncPair, viewer: Viewer) -> bool:
        """Whether a viewer sees a pair."""
        sides = self.sees(one.connection_a_id, viewer) and self.sees(one.connection_b_id, viewer)
        return sides and (not viewer.pair_ids or one.id in viewer.pair_ids)

    def pair(self, one: str, viewer: Viewer = EVERYTHING) -> SyncPair:
        """A pair. Raises NotFoundError."""
        found = self.pairs.get(one)
        if found is None or not self.sees_pair(found, viewer):
            raise NotFoundError("There is no such sync pair.")
        return found

    def view(self, one: SyncPair) -> PairView:
        """A pair with its sides."""
        a, b = (self.connection(side) for side in (one.connection_a_id, one.connection_b_id))
        return PairView(one, a, b, one.state, one.problem, NOW + timedelta(minutes=5), None, one.held)

    def connection(self, one: str) -> ConnectionView:
        """A connection with its account. Raises NotFoundError."""
        if one not in self.connections:
            raise NotFoundError("There is no such connection.")
        return ConnectionView(self.connections[one], self.accounts[self.connections[one].account_id])


class ConnectionsDouble:
    """Connections and sign-ins."""

    def __init__(self, world: World) -> None:
        self._world = world

    def accounts(self, viewer: Viewer = EVERYTHING) -> tuple[Account, ...]:
        return tuple(self._world.accounts.values())

    def list(self, viewer: Viewer = EVERYTHING) -> tuple[ConnectionView, ...]:
        if self._world.broken is not None:
            raise self._world.broken
        return tuple(self._world.connection(one) for one in self._world.connections if self._world.sees(one, viewer))

    def get(self, connection_id: str, viewer: Viewer = EVERYTHING) -> ConnectionView:
        if not self._world.sees(connection_id, viewer):
            raise NotFoundError("There is no such connection.")
        return self._world.connection(connection_id)

    async def begin(self, provider: Provider, *, calendar: str | None = None, viewer: Viewer = EVERYTHING) -> Attempt:
        self._world.calls.append(("begin", (provider, calendar)))
        if self._world.broken is not None:
            raise self._world.broken
        if provider not in (Provider.GOOGLE, Provider.MICROSOFT):
            raise InputError("No.", details=[FieldError("provider", "Choose one of: google, microsoft.")])
        one = Attempt(
            self._world.next("attempt"),
            provider,
            AttemptStatus.PENDING,
            "https://accounts.example.org/auth?state=x",
            NOW + timedelta(minutes=10),
        )
        self._world.attempts[one.id] = one
        return one

    async def reconnect(self, one: str, viewer: Viewer = EVERYTHING) -> Attempt:
        if not one.startswith("acct_") and not self._world.sees(one, viewer):
            raise NotFoundError("There is no such connection.")
        return await self.begin(Provider.GOOGLE)

    def attempt(self, attempt_id: str) -> Attempt:
        if attempt_id not in self._world.attempts:
            raise NotFoundError("There is no such sign-in attempt.")
        return self._world.attempts[attempt_id]

    async def finish(self, attempt_id: str, timeout_seconds: float | None = None) -> Attempt:
        done = replace(
            self.attempt(attempt_id),
            status=AttemptStatus.DONE,
            account_id=f"acct_{ulid(1)}",
            connection_ids=(conn(1),),
        )
        self._world.attempts[attempt_id] = done
        return done

    async def cancel(self, attempt_id: str) -> None:
        self.attempt(attempt_id)
        self._world.calls.append(("cancel", attempt_id))

    async def disconnect(self, connection_id: str, viewer: Viewer = EVERYTHING) -> None:
        self.get(connection_id, viewer)
        if any(connection_id in (one.connection_a_id, one.connection_b_id) for one in self._world.pairs.values()):
            raise ConflictError("Sync pairs use this calendar.", code="connection_in_use")
        del self._world.connections[connection_id]

    async def remove_account(self, account_id: str) -> None:
        del self._world.accounts[account_id]

    async def test(self, account_id: str) -> Account:
        return self._world.accounts[account_id]


class PairsDouble:
    """Sync pairs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.hold_update: asyncio.Event | None = None
        self.updating = asyncio.Event()

    def list(self, viewer: Viewer = EVERYTHING, status: PairStatus | None = None) -> tuple[PairView, ...]:
        found = [one for one in self._world.pairs.values() if self._world.sees_pair(one, viewer)]
        return tuple(self._world.view(one) for one in found if status in (None, one.status))

    def get(self, one: str, viewer: Viewer = EVERYTHING) -> PairView:
        return self._world.view(self._world.pair(one, viewer))

    def create(self, new: Sequence[NewPair], viewer: Viewer = EVERYTHING) -> tuple[PairView, ...]:
        details = []
        for number, one in enumerate(new):
            prefix = f"[{number}]." if len(new) > 1 else ""
            for name in ("connection_a_id", "connection_b_id"):
                if not self._world.sees(getattr(one, name), viewer):
                    details.append(FieldError(prefix + name, "There is no such connection."))
        if details:
            raise InputError("No.", details=details)
        for one in new:
            for other in self._world.pairs.values():
                if {one.connection_a_id, one.connection_b_id} == {other.connection_a_id, other.connection_b_id}:
                    raise ConflictError("Taken.", code="direction_taken", details=[FieldError("pair_id", other.id)])
        made = []
        for one in new:
            pair = SyncPair(
                id=self._world.next("pair"),
                connection_a_id=one.connection_a_id,
                connection_b_id=one.connection_b_id,
                mode=one.mode,
                direction=one.direction,
                status=one.status,
                settings=replace(one.settings or DirectionSettings(), mode=one.mode),
                settings_b_to_a=one.settings_b_to_a,
                interval_seconds=one.interval_seconds,
                created_at=NOW,
            )
            self._world.pairs[pair.id] = pair
            made.append(self._world.view(pair))
        return tuple(made)

    async def update(
        self, one: str, change: PairChange, viewer: Viewer = EVERYTHING, *, expected: int | None = None
    ) -> PairView:
        self._world.calls.append(("update", change))
        if expected is not None and change.settings is not None and expected != GOING:
            message = f"By this change {GOING} copies go."
            raise ConflictError(message, code="count_changed", details=[FieldError("expected", str(GOING))])
        self.updating.set()
        if self.hold_update is not None:
            await self.hold_update.wait()
        pair = self._world.pair(one, viewer)
        settings = replace(change.settings or pair.settings, mode=change.mode or pair.mode)
        pair = replace(
            pair,
            mode=change.mode or pair.mode,
            direction=change.direction or pair.direction,
            status=change.status or pair.status,
            interval_seconds=change.interval_seconds or pair.interval_seconds,
            settings=settings,
            settings_b_to_a=change.settings_b_to_a or pair.settings_b_to_a,
        )
        if change.status is not None:
            paused = change.status is PairStatus.PAUSED
            pair = replace(
                pair,
                paused_until=change.paused_until if paused else None,
                pause_reason=change.pause_reason if paused else None,
                state=PairState.PAUSED if paused else PairState.QUEUED,
            )
        self._world.pairs[one] = pair
        return self._world.view(pair)

    async def pause_all(
        self, viewer: Viewer, *, until: datetime | None = None, reason: str | None = None
    ) -> tuple[PairView, ...]:
        change = PairChange(status=PairStatus.PAUSED, paused_until=until, pause_reason=reason)
        return tuple([await self.update(view.pair.id, change, viewer) for view in self.list(viewer, PairStatus.ACTIVE)])

    def resume_all(self, viewer: Viewer, *, reason: str | None = None) -> tuple[PairView, ...]:
        for view in self.list(viewer, PairStatus.PAUSED):
            if reason in (None, view.pair.pause_reason):
                active = replace(view.pair, status=PairStatus.ACTIVE, pause_reason=None, state=PairState.QUEUED)
                self._world.pairs[view.pair.id] = active
        return ()

    async def delete(
        self,
        one: str,
        copies: CopiesOnDelete = CopiesOnDelete.KEEP,
        expected: int | None = None,
        viewer: Viewer = EVERYTHING,
    ) -> Run | None:
        self._world.pair(one, viewer)
        if copies is CopiesOnDelete.REMOVE and expected != COPIES:
            raise ConflictError("Changed.", code="count_changed", details=[FieldError("expected", str(COPIES))])
        del self._world.pairs[one]
        if copies is CopiesOnDelete.KEEP:
            return None
        run = Run(self._world.next("sync_run"), one, Trigger.MANUAL, RunStatus.QUEUED, NOW)
        self._world.runs[run.id] = run
        return run


class SyncDouble:
    """Runs that end when the test says so, or at once. `waited` is set once somebody waits for one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.waited = asyncio.Event()

    def request(
        self,
        one: str,
        trigger: Trigger,
        *,
        dry: bool = False,
        full: bool = False,
        viewer: Viewer = EVERYTHING,
    ) -> Run:
        pair = self._world.pair(one, viewer)
        self._world.calls.append(("request", (trigger, dry, full)))
        if pair.status is PairStatus.PAUSED and not dry:
            raise ConflictError("This sync pair is paused.", code="pair_paused")
        going = [run for run in self._world.runs.values() if run.pair_id == one and not run.status.ended]
        if going and not dry:
            return going[0]
        run = Run(self._world.next("sync_run"), one, trigger, RunStatus.QUEUED, NOW, dry=dry)
        self._world.runs[run.id] = run
        self._world.ended[run.id] = asyncio.Event()
        if self._world.runs_end_at_once:
            self.end(run.id)
        return run

    def request_all(self, trigger: Trigger, *, full: bool = False, viewer: Viewer = EVERYTHING) -> tuple[Run, ...]:
        active = [one.id for one in self._world.pairs.values() if one.status is PairStatus.ACTIVE]
        return tuple(self.request(one, trigger, full=full) for one in active)

    def interrupt(self, one: str, viewer: Viewer = EVERYTHING) -> Run | None:
        self._world.pair(one, viewer)
        going = [run for run in self._world.runs.values() if run.pair_id == one and not run.status.ended]
        for run in going:
            self._world.result, self._world.reason = RunStatus.INTERRUPTED, "stopped_by_person"
            self.end(run.id)
        return going[0] if going else None

    def interrupt_all(self, viewer: Viewer = EVERYTHING) -> tuple[Run, ...]:
        runs = [
            self.interrupt(one, viewer)
            for one in self._world.pairs
            if self._world.sees_pair(self._world.pairs[one], viewer)
        ]
        return tuple(run for run in runs if run is not None)

    def end(self, run_id: str) -> None:
        """Let a run end as the world says."""
        run = self._world.runs[run_id]
        self._world.runs[run_id] = replace(
            run,
            status=self._world.result,
            started_at=NOW,
            finished_at=NOW + timedelta(milliseconds=843),
            counts=self._world.counts,
            errors=self._world.errors,
            reason=self._world.reason,
        )
        self._world.actions[run_id] = (
            ActionRecord("dir_1", "original", "", Verb.CREATE, "new", "A new event.", title="Stand-up"),
        )
        self._world.ended[run_id].set()

    async def wait(self, run_id: str, timeout_seconds: float) -> RunView:
        if timeout_seconds > 0:
            self.waited.set()
            try:
                await asyncio.wait_for(self._world.ended[run_id].wait(), timeout_seconds)
            except TimeoutError:
                return RunView(self._world.runs[run_id])
        return RunView(self._world.runs[run_id], self._world.actions.get(run_id, ()))


class HistoryDouble:
    """Runs and logs."""

    def __init__(self, world: World) -> None:
        self._world = world

    def runs(
        self, *, page: int = 1, per_page: int = 50, pair_id: str | None = None, viewer: Viewer = EVERYTHING
    ) -> LogPage:
        found = [run for run in self._world.runs.values() if pair_id in (None, run.pair_id)]
        return LogPage(tuple(found[(page - 1) * per_page : page * per_page]), len(found), page, per_page)

    def run(self, run_id: str, viewer: Viewer = EVERYTHING) -> RunView:
        if run_id not in self._world.runs:
            raise NotFoundError("There is no such run.")
        return RunView(self._world.runs[run_id], self._world.actions.get(run_id, ()))

    def logs(
        self,
        *,
        pair_id: str | None = None,
        connection_id: str | None = None,
        status: RunStatus | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page: int = 1,
        per_page: int = 50,
        viewer: Viewer = EVERYTHING,
    ) -> LogPage:
        self._world.calls.append(("logs", (pair_id, connection_id, status, since, until, page, per_page)))
        if pair_id is not None:
            self._world.pair(pair_id, viewer)
        found = [run for run in self._world.runs.values() if run.status.ended and not run.dry]
        return LogPage(tuple(found[(page - 1) * per_page : page * per_page]), len(found), page, per_page)


class UndoDouble:
    """Undoing runs: each run changed one event."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def look(
        self, run_id: str, *, events: Collection[str] | None = None, viewer: Viewer = EVERYTHING
    ) -> UndoView:
        run = self._known(run_id)
        change = UndoChange("evt_1", "", Verb.UPDATE, Undoable.POSSIBLE, title="Stand-up", starts_at=NOW)
        return UndoView(run, (change,), NOW + timedelta(days=30))

    def start(self, run_id: str, *, events: Collection[str] | None = None, viewer: Viewer = EVERYTHING) -> Run:
        self._world.calls.append(("undo", (run_id, events)))
        run = self._known(run_id)
        if run.trigger is Trigger.UNDO:
            raise ConflictError("This is undone already.", code="already_undone")
        return replace(run, id=self._world.next("sync_run"), trigger=Trigger.UNDO)

    def _known(self, run_id: str) -> Run:
        if run_id not in self._world.runs:
            raise NotFoundError("There is no such run.")
        return self._world.runs[run_id]


class HoldsDouble:
    """Holds."""

    def __init__(self, world: World) -> None:
        self._world = world

    def list(self, viewer: Viewer = EVERYTHING) -> tuple[Hold, ...]:
        return tuple(self._world.holds.values())

    def approve(self, hold_id: str, expected: int, viewer: Viewer = EVERYTHING) -> Hold:
        hold = self._known(hold_id)
        if hold.expected != expected:
            number = [FieldError("expected", str(hold.expected))]
            raise ConflictError("The number has changed.", code="count_changed", details=number)
        return replace(hold, answer=HoldAnswer.APPROVED, answered_at=NOW)

    def reject(self, hold_id: str, viewer: Viewer = EVERYTHING) -> Hold:
        return replace(self._known(hold_id), answer=HoldAnswer.KEPT, answered_at=NOW)

    def _known(self, hold_id: str) -> Hold:
        if hold_id not in self._world.holds:
            raise NotFoundError("There is no such hold.")
        return self._world.holds[hold_id]


class KeysDouble:
    """API keys, by their whole text."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(
        self,
        label: str,
        scopes: Sequence[str] | None = None,
        kind: KeyKind | None = None,
        expires_at: datetime | None = None,
        connection_ids: tuple[str, ...] = (),
        pair_ids: tuple[str, ...] = (),
    ) -> NewKey:
        kind = kind or KeyKind.LIVE
        text = f"{kind.prefix}{self._world.next('key')}"
        key = ApiKey(
            id=self._world.next("key"),
            kind=kind,
            label=label,
            scopes=tuple(scopes or DEFAULT_SCOPES),
            digest=hashlib.sha256(text.encode()).hexdigest(),
            created_at=NOW,
            expires_at=expires_at,
            connection_ids=connection_ids,
            pair_ids=pair_ids,
        )
        self._world.keys[text] = key
        return NewKey(text, key)

    def list(self) -> tuple[ApiKey, ...]:
        return tuple(self._world.keys.values())

    def revoke(self, key_id: str) -> ApiKey:
        for text, key in self._world.keys.items():
            if key.id == key_id:
                self._world.keys[text] = replace(key, revoked_at=NOW)
                return self._world.keys[text]
        raise NotFoundError("There is no such API key.")

    def authenticate(self, text: str) -> ApiKey | None:
        key = self._world.keys.get(text)
        return None if key is None or key.revoked_at is not None else key


class StatusDouble:
    """The state of everything."""

    def __init__(self, world: World) -> None:
        self._world = world

    def overall(self, viewer: Viewer = EVERYTHING) -> StatusView:
        return StatusView(
            state=RollUp.HELD,
            sentence="Something waits for your decision.",
            accounts=2,
            connections=len(self._world.connections),
            pairs=len(self._world.pairs),
            last_synced_at=NOW,
            next_run_at=None,
            problems=(Problem("held", "7 events wait.", "review_hold", pair_id=pair_id(1)),),
            profile="default",
            version="0.1.0",
            api_url=None,
            started_at=NOW,
        )


@dataclass
class Double:
    """The world, and the core that shows it."""

    world: World
    core: Core
    keys: KeysDouble
    pairs: PairsDouble
    sync: SyncDouble


class FreeDouble:
    """`FreeTimes`: one busy hour, after a look at what was asked."""

    async def find(self, start: datetime | None = None, end: datetime | None = None, **asked: Any) -> FreeBusy:
        """What the service answers; unknown calendars are refused as it refuses them."""
        if set(asked["connection_ids"]) - {conn(number) for number in range(1, 5)}:
            raise NotFoundError("There is no such connection.")
        span = Span(start or NOW, end or (start or NOW) + timedelta(days=7))
        hour = Span(span.start, span.start + timedelta(hours=1))
        return FreeBusy(span, (hour,), (Span(hour.end, span.end),), ())


@dataclass(frozen=True)
class QuestionsDouble:
    """A person's questions."""

    free: FreeDouble


def make_double(*, sandbox: bool = False) -> Double:
    """A core with two accounts, four connections, one pair between 1 and 2, and one hold."""
    world = World()
    for number, (provider, is_sandbox) in enumerate(((Provider.GOOGLE, True), (Provider.MICROSOFT, False)), 1):
        account_id = f"acct_{ulid(number)}"
        world.accounts[account_id] = Account(
            account_id, provider, f"subject{number}", f"person{number}@example.org", sandbox=is_sandbox
        )
    for number, account, access in (
        (1, 1, Access.WRITER),
        (2, 1, Access.WRITER),
        (3, 1, Access.READER),
        (4, 2, Access.WRITER),
    ):
        account_id = f"acct_{ulid(account)}"
        world.connections[conn(number)] = Connection(
            id=conn(number),
            account_id=account_id,
            provider=world.accounts[account_id].provider,
            calendar_id=f"calendar{number}@example.org",
            calendar_key=f"key{number}",
            name=f"Calendar {number}",
            access=access,
            zone="Europe/Berlin",
            last_synced_at=NOW,
        )
    world.pairs[pair_id(1)] = SyncPair(
        id=pair_id(1),
        connection_a_id=conn(1),
        connection_b_id=conn(2),
        mode=DirectionSettings().mode,
        direction=NewPair("", "").direction,
        created_at=NOW - timedelta(days=1),
        last_synced_at=NOW,
        state=PairState.UP_TO_DATE,
    )
    hold = Hold(f"hold_{ulid(1)}", pair_id(1), "dir_1", HoldCause.MASS_DELETE, NOW, 7, (HoldSample("Stand-up", NOW),))
    world.holds[hold.id] = hold
    keys, pairs, sync = KeysDouble(world), PairsDouble(world), SyncDouble(world)

    @dataclass(frozen=True)
    class Services:
        info: CoreInfo
        connections: ConnectionsDouble
        pairs: PairsDouble
        sync: SyncDouble
        history: HistoryDouble
        holds: HoldsDouble
        undo: UndoDouble
        keys: KeysDouble
        status: StatusDouble
        questions: QuestionsDouble

    services = Services(
        CoreInfo(
            "demo" if sandbox else "default",
            "0.1.0",
            sandbox,
            Path("kalends.log"),
            Path("kalends.db"),
            Path("config.toml"),
        ),
        ConnectionsDouble(world),
        pairs,
        sync,
        HistoryDouble(world),
        HoldsDouble(world),
        UndoDouble(world),
        keys,
        StatusDouble(world),
        QuestionsDouble(FreeDouble()),
    )
    return Double(world, cast("Core", services), keys, pairs, sync)
