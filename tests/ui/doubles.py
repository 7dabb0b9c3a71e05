"""A core as the windows see one: the same calls, answered from memory. No services, no database, no network.

`CoreDouble` has the shape of `app.services.core.Core`; it runs on the core thread like the real one, and what a test
asks of it, it asks through the bridge.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from app.domain.accounts import Access, Account, AccountStatus, Connection, Provider
from app.domain.autostart import Autostart, AutostartState
from app.domain.checkups import Check, fail, ok, warn
from app.domain.errors import KalendsError, NotFoundError
from app.domain.events import Event, Fields
from app.domain.keys import ApiKey, KeyKind
from app.domain.links import DirectionRecord, Seen
from app.domain.log_lines import Level, LogFound, LogLine, LogQuery
from app.domain.notices import Notice, Topic
from app.domain.pairs import CopiesOnDelete, Direction, DirectionSettings, Mode, PairState, PairStatus, SyncPair
from app.domain.preferences import PreferenceValues
from app.domain.runs import (
    ActionRecord,
    ActionResult,
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
from app.domain.times import When
from app.services.core import CoreInfo
from app.services.previews import PairPreview, PreviewLine
from app.services.settings_files import NotRestored, Restored
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
    Progress,
    RollUp,
    RunMark,
    RunView,
    RunWay,
    StatusView,
    UndoChange,
    UndoView,
    Viewer,
)
from app.services.why import Answered, Explained, Reason, Way, What
from tests.fakes.calendar import wall

if TYPE_CHECKING:
    from app.services.core import CoreHandle

NOW = datetime(2026, 11, 20, 13, 4, 30, tzinfo=UTC)


def now() -> datetime:
    """The double's clock stands still."""
    return NOW


# -- a world ----------------------------------------------------------------------------------------------------------


def account(key: str, provider: Provider, email: str, status: AccountStatus = AccountStatus.CONNECTED) -> Account:
    return Account(f"acct_{key}", provider, f"subject-{key}", email, status)


def connection(
    key: str,
    owner: Account,
    name: str,
    *,
    access: Access = Access.WRITER,
    primary: bool = False,
    colour: str | None = None,
) -> ConnectionView:
    made = Connection(
        f"conn_{key}",
        owner.id,
        owner.provider,
        f"{key}@calendar",
        f"key-{key}",
        name,
        access,
        "Europe/Berlin",
        primary,
        colour=colour,
    )
    return ConnectionView(made, owner)


def pair(
    key: str,
    a: ConnectionView,
    b: ConnectionView,
    *,
    mode: Mode = Mode.BLOCKER,
    direction: Direction = Direction.A_TO_B,
    state: PairState = PairState.UP_TO_DATE,
    minutes_ago: int | None = 2,
    last: Counts | None = None,
    paused_until: datetime | None = None,
    problem: str | None = None,
    held: int = 0,
) -> PairView:
    status = PairStatus.PAUSED if state is PairState.PAUSED else PairStatus.ACTIVE
    at = None if minutes_ago is None else NOW - timedelta(minutes=minutes_ago)
    made = SyncPair(
        f"pair_{key}",
        a.connection.id,
        b.connection.id,
        mode,
        direction,
        status,
        paused_until=paused_until,
        last_synced_at=at,
        state=state,
    )
    last_run = None
    if at is not None:
        last_run = run(f"last_{key}", made.id, at=at, counts=last or Counts(processed=41))
    return PairView(made, a, b, state, problem, NOW + timedelta(minutes=8), last_run, held)


def run(
    key: str,
    pair_id: str,
    *,
    at: datetime = NOW,
    status: RunStatus = RunStatus.SUCCESS,
    trigger: Trigger = Trigger.SCHEDULED,
    counts: Counts | None = None,
    milliseconds: int = 1400,
    errors: tuple[RunError, ...] = (),
) -> Run:
    finished = at + timedelta(milliseconds=milliseconds) if status.ended else None
    return Run(f"sync_run_{key}", pair_id, trigger, status, at, False, at, finished, counts or Counts(), errors)


def action(
    number: int, verb: Verb, title: str, sentence: str, result: ActionResult = ActionResult.DONE
) -> ActionRecord:
    starts = datetime(2026, 11, 23, 8, 0, tzinfo=UTC) + timedelta(hours=number)
    return ActionRecord("dir_1", f"event-{number}", "", verb, "reason", sentence, result, (), title, starts)


def explained(
    title: str, where: ConnectionView, view: PairView, *reasons: Reason, what: What = What.ORIGINAL
) -> Explained:
    """An event of a pair's first calendar, and what the pair makes of it."""
    start = wall(date(2026, 11, 23), 9)
    fields = Fields(When(start, start + timedelta(minutes=30), "Europe/Berlin"), title)
    event = Event(f"event-{title}", fields=fields)
    direction = DirectionRecord("dir_1", view.pair.id, "key", view.a.connection, view.b.connection, view.pair.settings)
    way = Way(view.pair, direction, event.id, (), 0, (), reasons, (), None, NOW + timedelta(minutes=8))
    return Explained(where, event, Seen.SEEN, what, start.replace(tzinfo=UTC) - timedelta(hours=1), (way,))


def named(side: ConnectionView) -> tuple[str, str]:
    """Id and name of a calendar."""
    return side.connection.id, side.connection.name


# -- the services -----------------------------------------------------------------------------------------------------


class NoticesDouble:
    def __init__(self) -> None:
        self.listeners: list[Callable[[Notice], None]] = []

    def listen(self, callback: Callable[[Notice], None]) -> Callable[[], None]:
        self.listeners.append(callback)
        return lambda: self.listeners.remove(callback)

    def announce(self, topic: Topic, **ids: str) -> None:
        for listener in list(self.listeners):
            listener(Notice(topic, NOW, ids.get("pair_id"), ids.get("run_id"), ids.get("account_id")))

    def tell(self, progress: Progress) -> None:
        for listener in list(self.listeners):
            listener(Notice(Topic.RUN_PROGRESS, NOW, progress.pair_id, progress.run_id, data={"progress": progress}))


@dataclass
class CoreDouble:
    """All services in one object; `core.pairs` and the rest are views of it."""

    profile: str = "default"
    known_accounts: list[Account] = field(default_factory=list)
    known_connections: list[ConnectionView] = field(default_factory=list)
    known_pairs: list[PairView] = field(default_factory=list)
    known_runs: list[Run] = field(default_factory=list)
    stories: dict[str, tuple[ActionRecord, ...]] = field(default_factory=dict)
    known_keys: list[ApiKey] = field(default_factory=list)
    known_copies: dict[str, int] = field(default_factory=dict)
    preference_values: PreferenceValues = field(
        default_factory=lambda: PreferenceValues("light", True, 5545, 900, True)
    )
    answers_at: int = 0
    """Port the API answers at where the wanted one is taken; 0: the wanted one."""
    plan: tuple[ActionRecord, ...] = ()
    former_pairs: dict[str, tuple[str, Direction, str]] = field(default_factory=dict)
    known_holds: list[Hold] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    state: RollUp = RollUp.UP_TO_DATE
    sentence: str = "Everything is in sync."
    calls: list[tuple[object, ...]] = field(default_factory=list)
    errors: dict[str, KalendsError] = field(default_factory=dict)
    attempt: Attempt | None = None
    explained: list[Explained] = field(default_factory=list)
    """The events that can be asked about."""
    looked_ahead: list[tuple[str, str, DirectionSettings, bool]] = field(default_factory=list)
    """What the live preview asked for."""
    log_lines: list[LogLine] = field(default_factory=list)
    """The log, newest first."""
    look_gate: asyncio.Event | None = None
    """What the live preview waits for."""
    starts: Autostart = field(default_factory=lambda: Autostart(AutostartState.ON, "/usr/bin/kalends"))
    """Whether it starts with the computer."""

    def __post_init__(self) -> None:
        self.notices = NoticesDouble()
        self.status = _Status(self)
        self.pairs = _Pairs(self)
        self.sync = _Sync(self)
        self.history = _History(self)
        self.holds = _Holds(self)
        self.undo = _Undo(self)
        self.connections = _Connections(self)
        self.keys = _Keys(self)
        self.preferences = _Preferences(self)
        self.questions = _Questions(self)
        self.previews = _Previews(self)
        self.log = _Log(self)
        self.settings_files = _SettingsFiles(self)
        self.doctor: _Doctor | None = _Doctor(self)
        self.autostart: _Autostart | None = _Autostart(self)
        folder = Path("/home/ana/.local/share/kalends")
        self.info = CoreInfo(
            profile=self.profile,
            version="0.1.0",
            sandbox=self.profile == "demo",
            log_file=folder / "log" / "kalends.log",
            database=folder / "kalends.db",
            config_file=folder / "config.toml",
        )
        self.attempt_ended = asyncio.Event()

    def note(self, *call: object) -> None:
        """Remember a call, or fail as the test ordered."""
        self.calls.append(call)
        error = self.errors.pop(str(call[0]), None)
        if error is not None:
            raise error

    def change_pair(
        self, pair_id: str, state: PairState, status: PairStatus, until: datetime | None = None
    ) -> PairView:
        for number, view in enumerate(self.known_pairs):
            if view.pair.id == pair_id:
                changed = replace(view.pair, status=status, state=state, paused_until=until)
                self.known_pairs[number] = replace(view, pair=changed, state=state)
                self.notices.announce(Topic.PAIR_CHANGED, pair_id=pair_id)
                return self.known_pairs[number]
        raise NotFoundError("There is no such pair.")

    def go_on(self, progress: Progress, *, announce: bool = True) -> None:
        """A run tells how far it is; `announce` to listeners, as the core does now and then."""
        for number, view in enumerate(self.known_pairs):
            if view.pair.id == progress.pair_id:
                changed = replace(view, state=PairState.SYNCING, progress=progress)
                self.known_pairs[number] = changed
        if announce:
            self.notices.tell(progress)

    def end_attempt(self, status: AttemptStatus, error: str | None = None) -> None:
        assert self.attempt is not None
        self.attempt = replace(self.attempt, status=status, error=error)
        self.attempt_ended.set()


class _Status:
    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    def overall(self, viewer: Viewer = EVERYTHING) -> StatusView:
        core = self._core
        core.note("overall")
        wished = core.preference_values
        synced = [view.pair.last_synced_at for view in core.known_pairs if view.pair.last_synced_at is not None]
        return StatusView(
            core.state,
            core.sentence,
            len(core.known_accounts),
            len({side.connection.id for view in core.known_pairs for side in (view.a, view.b)}),
            len(core.known_pairs),
            max(synced, default=None),
            NOW + timedelta(minutes=8) if core.known_pairs else None,
            tuple(core.problems),
            core.profile,
            "0.1.0",
            f"http://127.0.0.1:{core.answers_at or wished.api_port}" if wished.api_enabled else None,
            NOW - timedelta(hours=3),
            tuple(view.progress for view in core.known_pairs if view.progress is not None),
        )


class _Pairs:
    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    def list(self, viewer: Viewer = EVERYTHING, status: PairStatus | None = None) -> tuple[PairView, ...]:
        return tuple(self._core.known_pairs)

    def former(self) -> dict[str, tuple[str, Direction, str]]:
        self._core.note("former")
        return dict(self._core.former_pairs)

    def create(self, new: Sequence[NewPair], viewer: Viewer = EVERYTHING) -> tuple[PairView, ...]:
        self._core.note("create", *new)
        ends = {view.connection.id: view for view in self._core.known_connections}
        made = []
        for one in new:
            paused = one.status is PairStatus.PAUSED
            state = PairState.PAUSED if paused else PairState.QUEUED
            key = f"made_{len(self._core.known_pairs)}"
            a, b = ends[one.connection_a_id], ends[one.connection_b_id]
            view = pair(key, a, b, mode=one.mode, direction=one.direction, state=state, minutes_ago=None)
            settings = one.settings or DirectionSettings()
            changed = replace(view.pair, settings=settings, interval_seconds=one.interval_seconds)
            made.append(replace(view, pair=changed))
            self._core.known_pairs.append(made[-1])
            self._core.notices.announce(Topic.PAIR_CHANGED, pair_id=changed.id)
        return tuple(made)

    def copies(self, pair_id: str, viewer: Viewer = EVERYTHING) -> int:
        self._core.note("copies", pair_id)
        return self._core.known_copies.get(pair_id, 0)

    async def delete(
        self,
        pair_id: str,
        copies: CopiesOnDelete = CopiesOnDelete.KEEP,
        expected: int | None = None,
        viewer: Viewer = EVERYTHING,
    ) -> Run | None:
        self._core.note("delete", pair_id, copies, expected)
        self._core.known_pairs = [view for view in self._core.known_pairs if view.pair.id != pair_id]
        self._core.notices.announce(Topic.PAIR_REMOVED, pair_id=pair_id)
        return None

    async def update(
        self, pair_id: str, change: PairChange, viewer: Viewer = EVERYTHING, *, expected: int | None = None
    ) -> PairView:
        self._core.note("update", pair_id, change.status, change)
        if change.status is None:
            return next(view for view in self._core.known_pairs if view.pair.id == pair_id)
        paused = change.status is PairStatus.PAUSED
        state = PairState.PAUSED if paused else PairState.UP_TO_DATE
        status = PairStatus.PAUSED if paused else PairStatus.ACTIVE
        return self._core.change_pair(pair_id, state, status, change.paused_until)

    async def pause_all(self, viewer: Viewer, *, until: datetime | None = None, reason: str | None = None) -> object:
        self._core.note("pause_all", until)
        for view in tuple(self._core.known_pairs):
            self._core.change_pair(view.pair.id, PairState.PAUSED, PairStatus.PAUSED, until)
        return tuple(self._core.known_pairs)

    def resume_all(self, viewer: Viewer, *, reason: str | None = None) -> object:
        self._core.note("resume_all")
        for view in tuple(self._core.known_pairs):
            self._core.change_pair(view.pair.id, PairState.UP_TO_DATE, PairStatus.ACTIVE)
        return tuple(self._core.known_pairs)


class _Sync:
    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    def request(self, pair_id: str, trigger: Trigger, *, dry: bool = False, full: bool = False) -> Run:
        if dry:
            self._core.note("preview", pair_id)
            # As in the engine: the counts are of what was written, which a dry run does not.
            counts = Counts(len(self._core.plan))
            made = replace(run(f"dry_{len(self._core.known_runs)}", pair_id, trigger=trigger, counts=counts), dry=True)
            self._core.known_runs.insert(0, made)
            self._core.stories[made.id] = self._core.plan
            return made
        self._core.note("request", pair_id, trigger)
        made = run(f"new_{len(self._core.known_runs)}", pair_id, trigger=trigger, counts=Counts(41, 1, 2))
        self._core.known_runs.insert(0, made)
        self._core.notices.announce(Topic.RUN_FINISHED, pair_id=pair_id, run_id=made.id)
        return made

    def interrupt(self, pair_id: str, viewer: Viewer = EVERYTHING) -> Run | None:
        self._core.note("interrupt", pair_id)
        for view in self._core.known_pairs:
            if view.pair.id == pair_id and view.progress is not None:
                self._core.go_on(replace(view.progress, stopping=True))
        return None

    async def wait(self, run_id: str, timeout_seconds: float) -> RunView:
        return self._core.history.run(run_id)

    def request_all(self, trigger: Trigger, **_options: object) -> tuple[Run, ...]:
        self._core.note("request_all", trigger)
        active = [view for view in self._core.known_pairs if view.pair.status is PairStatus.ACTIVE]
        return tuple(self.request(view.pair.id, trigger) for view in active)


class _History:
    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    def runs(
        self,
        *,
        page: int = 1,
        per_page: int = 50,
        pair_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        viewer: Viewer = EVERYTHING,
    ) -> LogPage:
        runs = [run for run in self._core.known_runs if pair_id in (None, run.pair_id)]
        runs = [run for run in runs if (since or run.created_at) <= run.created_at <= (until or run.created_at)]
        return LogPage(tuple(runs[(page - 1) * per_page : page * per_page]), len(runs), page, per_page)

    def logs(
        self,
        *,
        pair_id: str | None = None,
        status: RunStatus | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page: int = 1,
        per_page: int = 50,
        viewer: Viewer = EVERYTHING,
    ) -> LogPage:
        runs = [run for run in self._core.known_runs if pair_id in (None, run.pair_id) and status in (None, run.status)]
        runs = [run for run in runs if run.status.ended and not run.dry]
        runs = [run for run in runs if (since or run.created_at) <= run.created_at <= (until or run.created_at)]
        return LogPage(tuple(runs[(page - 1) * per_page : page * per_page]), len(runs), page, per_page)

    def recent(self, pair_id: str, number: int, viewer: Viewer = EVERYTHING) -> tuple[RunMark, ...]:
        runs = [run for run in self._core.known_runs if run.pair_id == pair_id and run.status.ended and not run.dry]
        return tuple(RunMark(run.status, run.created_at, run.id) for run in reversed(runs[:number]))

    def written_since(self, moment: datetime) -> Counts:
        runs = [run for run in self._core.known_runs if run.created_at >= moment and run.status.ended]
        return Counts(
            created=sum(run.counts.created for run in runs),
            updated=sum(run.counts.updated for run in runs),
            deleted=sum(run.counts.deleted for run in runs),
        )

    def run(self, run_id: str, viewer: Viewer = EVERYTHING) -> RunView:
        for known in self._core.known_runs:
            if known.id == run_id:
                ways = tuple(
                    RunWay("dir_1", *named(view.a), *named(view.b))
                    for view in self._core.known_pairs
                    if view.pair.id == known.pair_id
                )
                return RunView(known, self._core.stories.get(run_id, ()), ways)
        raise NotFoundError("There is no such run.")


class _Undo:
    """The newest change of a run can be undone, the rest was edited since."""

    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    async def look(self, run_id: str) -> UndoView:
        self._core.note("look at undo", run_id)
        states = [Undoable.POSSIBLE, Undoable.POSSIBLE, Undoable.CHANGED_SINCE]
        changes = [UndoChange(f"evt_{n}", "", Verb.UPDATE, state, title=f"Event {n}") for n, state in enumerate(states)]
        return UndoView(self._core.history.run(run_id).run, tuple(changes), NOW + timedelta(days=30))

    def start(self, run_id: str) -> Run:
        self._core.note("undo", run_id)
        counts = Counts(processed=3, updated=2, skipped=1)
        pair_id = self._core.history.run(run_id).run.pair_id
        made = run(f"undo_{len(self._core.known_runs)}", pair_id, trigger=Trigger.UNDO, counts=counts)
        self._core.known_runs.insert(0, made)
        return made


class _Holds:
    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    def list(self, viewer: Viewer = EVERYTHING) -> tuple[Hold, ...]:
        return tuple(self._core.known_holds)

    def approve(self, hold_id: str, expected: int, viewer: Viewer = EVERYTHING) -> Hold:
        self._core.note("approve", hold_id, expected)
        return self._answer(hold_id, HoldAnswer.APPROVED)

    def reject(self, hold_id: str, viewer: Viewer = EVERYTHING) -> Hold:
        self._core.note("reject", hold_id)
        return self._answer(hold_id, HoldAnswer.KEPT)

    def _answer(self, hold_id: str, answer: HoldAnswer) -> Hold:
        for number, hold in enumerate(self._core.known_holds):
            if hold.id == hold_id:
                self._core.known_holds[number] = replace(hold, answer=answer)
                return self._core.known_holds[number]
        raise NotFoundError("There is no such hold.")


class _Connections:
    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    def accounts(self, viewer: Viewer = EVERYTHING) -> tuple[Account, ...]:
        return tuple(self._core.known_accounts)

    def list(self, viewer: Viewer = EVERYTHING) -> tuple[ConnectionView, ...]:
        return tuple(self._core.known_connections)

    async def disconnect(self, connection_id: str, viewer: Viewer = EVERYTHING) -> None:
        self._core.note("disconnect", connection_id)
        self._core.known_connections = [
            known for known in self._core.known_connections if known.connection.id != connection_id
        ]
        self._core.notices.announce(Topic.CONNECTION_CHANGED)

    async def follow_again(self, account_id: str) -> Account:
        self._core.note("follow_again", account_id)
        owner = next(known for known in self._core.known_accounts if known.id == account_id)
        self._core.known_connections.append(connection("back", owner, "Choir"))
        self._core.notices.announce(Topic.ACCOUNT_CHANGED, account_id=account_id)
        return owner

    async def sign_out(self, account_id: str) -> None:
        self._core.note("sign_out", account_id)
        self._core.known_accounts = [
            replace(known, status=AccountStatus.SIGNED_OUT) if known.id == account_id else known
            for known in self._core.known_accounts
        ]
        for view in tuple(self._core.known_pairs):
            if account_id in (view.a.account.id, view.b.account.id):
                self._core.change_pair(view.pair.id, PairState.PAUSED, PairStatus.PAUSED)
        self._core.notices.announce(Topic.ACCOUNT_CHANGED, account_id=account_id)

    async def remove_account(self, account_id: str) -> None:
        self._core.note("remove_account", account_id)
        self._core.known_accounts = [known for known in self._core.known_accounts if known.id != account_id]
        self._core.known_connections = [
            known for known in self._core.known_connections if known.account.id != account_id
        ]
        self._core.notices.announce(Topic.ACCOUNT_CHANGED, account_id=account_id)

    async def begin(self, provider: Provider, *, calendar: str | None = None) -> Attempt:
        self._core.note("begin", provider)
        return self._made(provider)

    async def reconnect(self, account_id: str) -> Attempt:
        self._core.note("reconnect", account_id)
        return self._made(Provider.GOOGLE)

    def _made(self, provider: Provider) -> Attempt:
        url = "https://accounts.example.com/o/oauth2/auth?scope=a%20b&state=s3cret"
        number = sum(call[0] in ("begin", "reconnect") for call in self._core.calls)
        self._core.attempt_ended.clear()
        self._core.attempt = Attempt(
            f"attempt_{number}", provider, AttemptStatus.PENDING, url, NOW + timedelta(minutes=9, seconds=41)
        )
        return self._core.attempt

    async def finish(self, attempt_id: str, timeout_seconds: float | None = None) -> Attempt:
        await self._core.attempt_ended.wait()
        assert self._core.attempt is not None
        if self._core.attempt.status is AttemptStatus.DONE:
            self._core.known_accounts.append(account("new", self._core.attempt.provider, "ana@gmail.com"))
        return self._core.attempt

    async def cancel(self, attempt_id: str) -> None:
        self._core.note("cancel", attempt_id)

    async def test(self, account_id: str) -> Account:
        self._core.note("test", account_id)
        return next(known for known in self._core.known_accounts if known.id == account_id)


class _Keys:
    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    def list(self) -> tuple[ApiKey, ...]:
        return tuple(self._core.known_keys)

    def create(self, label: str, scopes: Sequence[str] | None = None) -> NewKey:
        self._core.note("create_key", label, scopes)
        made = ApiKey(f"key_{len(self._core.known_keys)}", KeyKind.LIVE, label, tuple(scopes or ()), "digest", NOW)
        self._core.known_keys.append(made)
        return NewKey("cs_live_9cKX3vTq7Lw2Rm8Yb4Zd6Hf1Jn5Ps0Ug3Aa9Ce7Ei1Gk", made)

    def revoke(self, key_id: str) -> ApiKey:
        self._core.note("revoke", key_id)
        for number, key in enumerate(self._core.known_keys):
            if key.id == key_id:
                self._core.known_keys[number] = replace(key, revoked_at=NOW)
                return self._core.known_keys[number]
        raise NotFoundError("There is no such key.")


class _Preferences:
    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    def get(self) -> PreferenceValues:
        return self._core.preference_values

    def change(self, **values: object) -> PreferenceValues:
        self._core.note("change", values)
        self._core.preference_values = replace(self._core.preference_values, **values)  # type: ignore[arg-type]  # typed by the caller
        return self._core.preference_values


class _Previews:
    """The live preview: two of three events, as the settings say."""

    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    async def look(
        self, source_id: str, target_id: str, settings: DirectionSettings, *, both_ways: bool = False
    ) -> PairPreview:
        self._core.looked_ahead.append((source_id, target_id, settings, both_ways))
        if self._core.look_gate is not None:
            await self._core.look_gate.wait()
        title = settings.title or ("Busy" if settings.mode is Mode.BLOCKER else "{title}")
        monday = datetime(2026, 11, 23, 8, tzinfo=UTC)
        seen = (
            PreviewLine("Stand-up", monday, False, title.replace("{title}", "Stand-up")),
            PreviewLine("Dentist", monday + timedelta(hours=3), False, None, reason="It is private."),
            PreviewLine("Holiday", datetime(2026, 11, 25, tzinfo=UTC), True, title.replace("{title}", "Holiday")),
        )
        return PairPreview(12, 1, seen, 7, NOW)


class _SettingsFiles:
    """One pair comes back, one lacks its account."""

    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    def export(self) -> str:
        self._core.note("export")
        return '{"kalends_settings": 1}\n'

    async def restore(self, text: str) -> Restored:
        self._core.note("restore", text)
        self._core.preference_values = replace(self._core.preference_values, theme="dark")
        waits = NotRestored(
            "Work – Home", "Its calendars are not connected here yet.", ("ana@northwind.example (Google)",)
        )
        refused = NotRestored("Rota – Rota", "Both are the same calendar.")
        return Restored(tuple(self._core.known_pairs[:1]), 2, (waits, refused))


class _Log:
    """A log of some lines, or of as many as a test wants."""

    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    async def read(self, query: LogQuery, limit: int) -> LogFound:
        self._core.note("read log", query, limit)
        since = query.since or NOW - timedelta(days=400)
        found = [line for line in self._core.log_lines if line.at >= since and query.wants(line)]
        return LogFound(tuple(found[:limit]), len(found) > limit)


def log_line(seconds_ago: int, level: Level, event: str, message: str = "", **more: str) -> LogLine:
    """A line of the log, as it would stand in the file."""
    at = NOW - timedelta(seconds=seconds_ago)
    said = {"ts": at.isoformat(), "level": level.value, "event": event, "msg": message, **more}
    return LogLine(at, level, event, message, more, json.dumps(said))


class _Doctor:
    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    async def look(self) -> list[Check]:
        self._core.note("look at everything")
        return [
            ok("disk", "48,211 MB are free on the disk of the data folder."),
            warn("tray", "The desktop shows no tray icons.", "On GNOME switch the extension AppIndicator on."),
            fail("sign_in:ana", "ana@northwind.example: The sign-in has ended.", "Sign in again."),
        ]


class _Questions:
    """What is asked why: `core.questions.why`."""

    def __init__(self, core: CoreDouble) -> None:
        self._core = core
        self.why = self

    async def explain(self, query: str, *, pair_id: str | None = None) -> Answered:
        self._core.note("why", query, pair_id)
        found = [one for one in self._core.explained if query.casefold() in _title(one).casefold()]
        return Answered(query, tuple(found), len(found))


def _title(one: Explained) -> str:
    return one.event.fields.title if one.event.fields is not None else ""


class _Autostart:
    def __init__(self, core: CoreDouble) -> None:
        self._core = core

    def get(self) -> Autostart:
        self._core.note("autostart")
        return self._core.starts

    def change(self, on: bool) -> Autostart:
        self._core.note("start with computer", on)
        state = AutostartState.ON if on else AutostartState.OFF
        self._core.starts = Autostart(state, "/usr/bin/kalends" if on else "")
        return self._core.starts


class HandleDouble:
    def __init__(self, core: CoreDouble) -> None:
        self.core = core
        self.stopped = False

    async def stop(self) -> None:
        self.stopped = True


class StarterDouble:
    """`start_core` of the double.

    Args:
        make: gives the core of a profile, filled as the test wants.
    """

    def __init__(self, make: Callable[[str], CoreDouble]) -> None:
        self._make = make
        self.handles: list[HandleDouble] = []
        self.refusals: list[Exception] = []

    async def __call__(self, profile: str) -> CoreHandle:
        if self.refusals:
            raise self.refusals.pop(0)
        self.handles.append(HandleDouble(self._make(profile)))
        return cast("CoreHandle", self.handles[-1])

    @property
    def core(self) -> CoreDouble:
        """The core that runs now."""
        return self.handles[-1].core


# -- filled worlds ----------------------------------------------------------------------------------------------------


def empty(profile: str = "default") -> CoreDouble:
    """A first start."""
    return CoreDouble(profile, state=RollUp.NOTHING_TO_SYNC, sentence="Nothing to sync yet.")


def demo(profile: str = "demo") -> CoreDouble:
    """The demo after its first run."""
    ana = account("g", Provider.GOOGLE, "ana@sandbox.example")
    home = account("m", Provider.MICROSOFT, "ana@outlook.sandbox.example")
    work, private = connection("w", ana, "Work"), connection("h", home, "Home")
    core = CoreDouble("demo", [ana, home], [work, private])
    core.known_pairs = [pair("1", work, private, minutes_ago=0, last=Counts(41, 36, skipped=5))]
    core.known_runs = [
        run("d1", "pair_1", at=NOW - timedelta(seconds=20), trigger=Trigger.STARTUP, counts=Counts(41, 36))
    ]
    return core


def calm(profile: str = "default") -> CoreDouble:
    """Two pairs, all in sync."""
    core = busy(profile)
    core.known_pairs = core.known_pairs[:2]
    kept = [view.pair.id for view in core.known_pairs]
    core.known_runs = [run for run in core.known_runs if run.pair_id in kept]
    core.problems = []
    core.state = RollUp.UP_TO_DATE
    core.sentence = "Everything is in sync."
    return core


def busy(profile: str = "default") -> CoreDouble:
    """Every kind of state at once: what the pages are looked at with."""
    google = account("g", Provider.GOOGLE, "ana.lindqvist@gmail.com")
    work = account("w", Provider.GOOGLE, "ana@northwind.example", AccountStatus.NEEDS_SIGN_IN)
    outlook = account("m", Provider.MICROSOFT, "ana.lindqvist@outlook.com")
    private = connection("1", google, "Private", primary=True, colour="#4285f4")
    family = connection("2", google, "Familie Lindqvist & Osei", colour="#0b8043")
    holidays = connection("6", google, "Holidays in Germany", access=Access.READER, colour="#8e24aa")
    office = connection("3", work, "Work", primary=True, colour="#f4511e")
    home = connection("4", outlook, "Calendar", primary=True)
    rota = connection("5", outlook, "Hospital rota – surgery and intensive care, weekdays", colour="#009688")
    pairs = [
        pair("1", private, home, mode=Mode.FULL, direction=Direction.BIDIRECTIONAL, last=Counts(212, 3, 1)),
        pair("2", family, home),
        pair("3", rota, private, state=PairState.SYNCING, minutes_ago=7, last=Counts(88, 0, 2)),
        pair("4", office, home, state=PairState.NEEDS_SIGN_IN, minutes_ago=240, problem="Google ended the sign-in."),
        pair("5", home, office, state=PairState.HELD, minutes_ago=12, held=42, last=Counts(60, held=42)),
        pair("6", private, office, mode=Mode.DETAILS, state=PairState.PAUSED, minutes_ago=1500,
             paused_until=NOW + timedelta(hours=2)),
    ]  # fmt: skip
    core = CoreDouble(profile, [google, work, outlook], [private, family, holidays, office, home, rota], pairs)
    core.known_copies = {"pair_1": 36}
    core.known_keys = [
        ApiKey(
            "key_1",
            KeyKind.LIVE,
            "backup script",
            ("read:*", "write:*"),
            "d",
            NOW - timedelta(days=40),
            last_used_at=NOW - timedelta(minutes=3),
            ending="4f2a",
        ),
        ApiKey("key_2", KeyKind.LIVE, "door display", ("read:*",), "d", NOW - timedelta(days=3), ending="Zk09"),
        ApiKey(
            "key_3",
            KeyKind.LIVE,
            "old laptop",
            ("*",),
            "d",
            NOW - timedelta(days=90),
            revoked_at=NOW - timedelta(days=60),
        ),
    ]
    core.plan = (
        action(0, Verb.CREATE, "Stand-up", "New in Private.", ActionResult.PLANNED),
        action(3, Verb.CREATE, "Zahnarzt Dr. Köhler", "New in Private.", ActionResult.PLANNED),
        action(5, Verb.CREATE, "Budget & planning", "New in Private.", ActionResult.PLANNED),
        action(30, Verb.SKIP, "Team lunch", "Left out because it was declined.", ActionResult.PLANNED),
    )
    core.state = RollUp.HELD
    core.sentence = "2 things need you."
    core.problems = [
        Problem(
            "hold_mass_delete",
            "42 of 60 copies in “Work” would be removed. Nothing was done yet.",
            "review_hold",
            pair_id="pair_5",
        ),
        Problem(
            "needs_signin",
            "Google ended the sign-in for ana@northwind.example. 2 pairs are waiting.",
            "reconnect",
            account_id="acct_w",
        ),
    ]
    lost = RunError("needs_sign_in", "Google ended the sign-in for ana@northwind.example.", "conn_3")
    full = RunError("event_too_large", "“Board papers” could not be copied: Microsoft refused its size.")
    core.known_runs = [
        run("01", "pair_3", at=NOW - timedelta(seconds=20), status=RunStatus.RUNNING, trigger=Trigger.MANUAL),
        run("02", "pair_1", at=NOW - timedelta(minutes=2), counts=Counts(212, 3, 1, 0, 9), milliseconds=3120),
        run("03", "pair_2", at=NOW - timedelta(minutes=2), counts=Counts(41), milliseconds=420),
        run("04", "pair_5", at=NOW - timedelta(minutes=12), status=RunStatus.HELD, counts=Counts(60, held=42)),
        run("05", "pair_4", at=NOW - timedelta(hours=4), status=RunStatus.FAILED, errors=(lost,), milliseconds=210),
        run("06", "pair_1", at=NOW - timedelta(hours=5), status=RunStatus.PARTIAL, trigger=Trigger.API,
            counts=Counts(212, 11, 4, 1, 9, 0, 1), errors=(full,), milliseconds=83_000),
        run("07", "pair_9", at=NOW - timedelta(days=1, hours=2), trigger=Trigger.PUSH, counts=Counts(5, 0, 0, 5)),
        run("08", "pair_2", at=NOW - timedelta(days=3), status=RunStatus.INTERRUPTED, trigger=Trigger.STARTUP),
    ]  # fmt: skip
    for number in range(9, 130):
        at = NOW - timedelta(days=3, minutes=15 * number)
        core.known_runs.append(run(f"{number:02}", f"pair_{1 + number % 3}", at=at, counts=Counts(41, number % 4 == 0)))
    core.stories["sync_run_02"] = (
        action(0, Verb.CREATE, "Stand-up", "New in Private."),
        action(3, Verb.CREATE, "Zahnarzt Dr. Köhler 🦷", "New in Calendar."),
        action(5, Verb.CREATE, "<b>Budget</b> & planning", "New in Calendar."),
        action(27, Verb.UPDATE, "Project review with the steering group", "Moved from 15:00 to 15:30 in Private."),
        action(30, Verb.SKIP, "Team lunch", "Left out because it was declined."),
    )
    core.stories["sync_run_06"] = (
        action(0, Verb.CREATE, "Board papers", "New in Private.", ActionResult.FAILED),
        action(1, Verb.DELETE, "1:1 with Sam", "Cancelled in Private."),
    )
    core.explained = [
        explained("Dentist", private, pairs[0], Reason("", "skip", "private", "It is private.")),
        explained("Team lunch", private, pairs[0], Reason("", "skip", "declined", "You declined it.")),
        explained(
            "Team sync",
            private,
            pairs[0],
            *(
                Reason(f"202611{day}", "create", "new", "It is new in the source calendar.")
                for day in (23, 24, 25, 26, 27)
            ),
        ),
    ]
    core.log_lines = [
        log_line(3, Level.INFO, "run.finished", "3 written, 1 left out", run_id="sync_run_02", pair_id="pair_1"),
        log_line(20, Level.WARNING, "http.retry", "429, waiting 2 s (try 1 of 5)", account_id="acct_g"),
        log_line(400, Level.DEBUG, "schedule.next", "", pair_id="pair_2"),
        log_line(14_400, Level.ERROR, "auth.expired", "The refresh token was refused.", account_id="acct_w",
                 pair_id="pair_4", run_id="sync_run_05"),
        log_line(90_000, Level.INFO, "library.message", "Started server process"),
    ]  # fmt: skip
    samples = (
        HoldSample("Stand-up", NOW + timedelta(hours=20)),
        HoldSample("Dentist", NOW + timedelta(days=4, hours=1)),
        HoldSample("Project  review\nwith everyone", NOW + timedelta(days=5)),
        HoldSample("", datetime(2026, 11, 26, tzinfo=UTC), all_day=True),
    )
    core.known_holds = [
        Hold("hold_1", "pair_5", "dir_5", HoldCause.MASS_DELETE, NOW - timedelta(minutes=12), 42, samples)
    ]
    return core
