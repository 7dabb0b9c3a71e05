"""What front ends are shown: domain records joined and completed. Values only; nothing here decides or stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.accounts import Account, AccountStatus, Connection, ConnectionStatus, Provider
from app.domain.keys import ApiKey
from app.domain.pairs import Direction, DirectionSettings, Mode, PairState, PairStatus, SyncPair
from app.domain.runs import ActionRecord, Phase, Run, RunStatus, Undoable, Verb


@dataclass(frozen=True, slots=True)
class Viewer:
    """Through whose eyes the services answer: the window and the CLI see everything, an API key what it may.

    Empty limits mean "all". What a viewer may not see does not exist for it.
    """

    sandbox_only: bool = False
    connection_ids: frozenset[str] = frozenset()
    pair_ids: frozenset[str] = frozenset()


EVERYTHING = Viewer()


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A connection with its account."""

    connection: Connection
    account: Account

    @property
    def status(self) -> ConnectionStatus:
        """The connection's own status; `expired` while the account needs a sign-in, `error` while its secret cannot be
        read, which no sign-in repairs."""
        if self.account.status is AccountStatus.VAULT_LOCKED:
            return ConnectionStatus.ERROR
        if self.account.status is not AccountStatus.CONNECTED:
            return ConnectionStatus.EXPIRED
        return self.connection.status

    @property
    def label(self) -> str:
        """Calendar and provider as a person knows them: `Work (Google)`."""
        return f"{self.connection.name} ({PROVIDER_NAMES[self.connection.provider]})"


PROVIDER_NAMES = {
    Provider.GOOGLE: "Google",
    Provider.MICROSOFT: "Microsoft",
    Provider.CALDAV: "CalDAV",
    Provider.ICS: "ICS",
}


_COMMANDS = {
    "remove": "Removing copies",
    "release": "Releasing copies",
    "undo": "Undoing",
    "restore": "Restoring events",
    "duplicates": "Removing second copies",
}
_PHASES = {Phase.READING: "Reading the calendars…", Phase.COMPARING: "Comparing events…"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run of a pair is.

    Args:
        phase: what it is busy with, None while it waits for its turn.
        done, total: events compared, or writes answered; 0 of 0 where nobody knows how many there are.
        command: what it was told to do (`release`, `remove`, `undo`, `restore`, `duplicates`), None for a sync.
        stopping: it was asked to stop and ends what it has begun.
    """

    pair_id: str
    run_id: str
    phase: Phase | None = None
    done: int = 0
    total: int = 0
    command: str | None = None
    stopping: bool = False

    @property
    def sentence(self) -> str:
        """What goes on, for a person: `Copying 45 of 120 events…`."""
        if self.stopping:
            return "Stopping…"
        if self.phase is None:
            return "Waiting for its turn…"
        if self.phase is not Phase.WRITING:
            return _PHASES[self.phase]
        if not self.total:
            return f"{_COMMANDS.get(self.command or '', 'Copying events')}…"
        number = f"{self.done:,} of {self.total:,}"
        if self.command is not None:
            return f"{_COMMANDS[self.command]}: {number}…"
        return f"Copying {number} {'event' if self.total == 1 else 'events'}…"

    @property
    def short(self) -> str:
        """The same in two or three words, to stand behind a pair's name: `45 of 120`."""
        if self.phase is Phase.WRITING and self.total and not self.stopping:
            return f"{self.done:,} of {self.total:,}"
        word = self.sentence.partition(" the calendars")[0].removesuffix("…")
        return word[:1].lower() + word[1:]


@dataclass(frozen=True, slots=True)
class PairView:
    """A pair with both sides, how it is doing, and when it runs next.

    `state` is the live one (queued, syncing, held, …) and `problem` its sentence; `progress` is there while it syncs.
    """

    pair: SyncPair
    a: ConnectionView
    b: ConnectionView
    state: PairState
    problem: str | None = None
    next_run_at: datetime | None = None
    last_run: Run | None = None
    held: int = 0
    progress: Progress | None = None


class AttemptStatus(StrEnum):
    """How a sign-in attempt stands."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in under way. `authorization_url` carries a secret state: show it to the person, never log it."""

    id: str
    provider: Provider
    status: AttemptStatus
    authorization_url: str = field(repr=False)
    expires_at: datetime
    account_id: str | None = None
    connection_ids: tuple[str, ...] = ()
    error_code: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NewPair:
    """What is needed to make a pair."""

    connection_a_id: str
    connection_b_id: str
    mode: Mode = Mode.BLOCKER
    direction: Direction = Direction.BIDIRECTIONAL
    status: PairStatus = PairStatus.ACTIVE
    interval_seconds: int = 300
    settings: DirectionSettings | None = None
    """None: the mode's defaults. Its `mode` field is overwritten by `mode`."""
    settings_b_to_a: DirectionSettings | None = None


@dataclass(frozen=True, slots=True)
class PairChange:
    """What to change of a pair; None leaves a field as it is."""

    mode: Mode | None = None
    direction: Direction | None = None
    status: PairStatus | None = None
    interval_seconds: int | None = None
    settings: DirectionSettings | None = None
    settings_b_to_a: DirectionSettings | None = None
    paused_until: datetime | None = None
    pause_reason: str | None = None

    @classmethod
    def resume(cls) -> PairChange:
        """The change that ends a pause."""
        return cls(status=PairStatus.ACTIVE)


@dataclass(frozen=True, slots=True)
class RunWay:
    """From which calendar to which a direction leads that a run's story tells of. Names are for display."""

    direction_id: str
    source_id: str
    source_name: str
    target_id: str
    target_name: str


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with its story. `plan` of a dry run is its actions.

    Args:
        ways: the directions of its actions, as far as both calendars are still connected.
    """

    run: Run
    actions: tuple[ActionRecord, ...] = ()
    ways: tuple[RunWay, ...] = ()


@dataclass(frozen=True, slots=True)
class UndoChange:
    """What a run did to one event, and whether it can be undone."""

    original_id: str
    occ: str
    verb: Verb
    state: Undoable
    title: str = ""
    starts_at: datetime | None = None
    all_day: bool = False


@dataclass(frozen=True, slots=True)
class UndoView:
    """What of a run can be undone, and until when.

    Args:
        changes: what it did to each event, the newest first.
    """

    run: Run
    changes: tuple[UndoChange, ...]
    expires_at: datetime

    @property
    def possible(self) -> int:
        """How many changes can be undone."""
        return sum(change.state is Undoable.POSSIBLE for change in self.changes)

    @property
    def undone(self) -> int:
        """How many are undone already."""
        return sum(change.state is Undoable.UNDONE for change in self.changes)


@dataclass(frozen=True, slots=True)
class RunMark:
    """How one run ended, when it was made, and which one it is."""

    status: RunStatus
    at: datetime
    run_id: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of ended runs, newest first."""

    runs: tuple[Run, ...]
    total: int
    page: int
    per_page: int


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: the only time its text is known."""

    text: str = field(repr=False)
    key: ApiKey


class RollUp(StrEnum):
    """The state of everything in one word, worst first (`ux.md` B1)."""

    HELD = "held"
    NEEDS_SIGN_IN = "needs_signin"
    ATTENTION = "attention"
    FAILED = "failed"
    SYNCING = "syncing"
    WAITING = "waiting"
    PAUSED = "paused"
    OFFLINE = "offline"
    UP_TO_DATE = "up_to_date"
    NOTHING_TO_SYNC = "nothing_to_sync"


SIGN_IN_EXPIRES = "sign_in_expires"
"""The code of a problem that is none yet: a sign-in that is known to end soon."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that needs the person, with its fix. `action` is a word the front end has a button for:
    `reconnect`, `review_hold`, `unlock_vault`, `show_run`, `choose_calendar`."""

    code: str
    sentence: str
    action: str | None = None
    account_id: str | None = None
    pair_id: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class StatusView:
    """How the whole app is doing."""

    state: RollUp
    sentence: str
    accounts: int
    connections: int
    pairs: int
    last_synced_at: datetime | None
    next_run_at: datetime | None
    problems: tuple[Problem, ...]
    profile: str
    version: str
    api_url: str | None
    started_at: datetime
    syncing: tuple[Progress, ...] = ()
    """The runs that are under way or wait for their turn, the oldest first."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """One component of an imported file that could not be used."""

    component: str
    uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one `.ics` file."""

    file: str
    events: int
    skipped: tuple[Skipped, ...] = ()
