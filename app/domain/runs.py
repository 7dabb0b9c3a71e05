"""Runs, their triggers, counts, actions, and holds: what the history tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Trigger(StrEnum):
    """Who asked for a run, or what brought it about."""

    MANUAL = "manual"
    SCHEDULED = "scheduled"
    API = "api"
    PUSH = "push"
    STARTUP = "startup"
    RESUME = "resume"
    """The machine woke up, or its clock was set. A pair that is resumed is `RESUMED`."""
    CREATED = "created"
    CHANGED = "changed"
    RESUMED = "resumed"
    RECONNECTED = "reconnected"
    UNDO = "undo"
    """A person takes back what another run did."""


class Phase(StrEnum):
    """What a run is busy with."""

    READING = "reading"
    COMPARING = "comparing"
    WRITING = "writing"


class RunStatus(StrEnum):
    """How a run stands or ended."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    HELD = "held"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen in this run."""
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)


class Verb(StrEnum):
    """What a plan decided for one original (`engine.md` §6)."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ADOPT = "adopt"
    RELEASE = "release"
    UNLINK = "unlink"
    HOLD = "hold"
    SKIP = "skip"
    ASK = "ask"
    WRITE_BACK = "write_back"
    DELETE_ORIGINAL = "delete_original"
    RESTORE_ORIGINAL = "restore_original"


class ActionResult(StrEnum):
    """What became of an action."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"
    HELD = "held"
    WAITING = "waiting"


class Undoable(StrEnum):
    """Whether a change can be taken back."""

    POSSIBLE = "possible"
    UNDONE = "already_undone"
    CHANGED_SINCE = "changed_since"
    """What it left is no longer as it left it: somebody's work, or a later change of ours."""
    NOT_UNDOABLE = "not_undoable"
    """There is no way back, or none that could not cost more than it brings."""
    COULD_NOT_ASK = "could_not_ask"


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One line of a run's story: what was (or would be) done to one event, and why.

    `reason` is a stable code, `sentence` the same for a person; `title` and `starts_at` are for display here only.
    """

    direction_id: str
    original_id: str
    occ: str
    verb: Verb
    reason: str
    sentence: str
    result: ActionResult = ActionResult.PLANNED
    fields: tuple[str, ...] = ()
    title: str = ""
    starts_at: datetime | None = None
    all_day: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """processed = originals this run looked at; created, updated, deleted = confirmed writes."""

    processed: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    skipped: int = 0
    held: int = 0
    failed: int = 0

    def plus(self, other: Counts) -> Counts:
        """Sum, field by field."""
        return Counts(
            self.processed + other.processed,
            self.created + other.created,
            self.updated + other.updated,
            self.deleted + other.deleted,
            self.skipped + other.skipped,
            self.held + other.held,
            self.failed + other.failed,
        )

    @property
    def synced(self) -> int:
        """The log's `events_synced`: processed less failed and held."""
        return self.processed - self.failed - self.held


@dataclass(frozen=True, slots=True)
class RunError:
    """One thing that went wrong in a run, by stable code; `connection_id` where a whole side failed."""

    code: str
    message: str
    connection_id: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a pair. `id` is `sync_run_` and a ULID; the log row of a finished run is `log_` and the same ULID."""

    id: str
    pair_id: str
    trigger: Trigger
    status: RunStatus
    created_at: datetime
    dry: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    counts: Counts = field(default_factory=Counts)
    errors: tuple[RunError, ...] = ()
    reason: str | None = None
    """Why it was skipped or interrupted, a stable code."""

    @property
    def duration_ms(self) -> int:
        """Milliseconds from start to end, 0 while it has none."""
        if self.started_at is None or self.finished_at is None:
            return 0
        return max(0, round((self.finished_at - self.started_at).total_seconds() * 1000))


class HoldCause(StrEnum):
    """Why actions wait for the user (`engine.md` §10)."""

    MASS_DELETE = "mass_delete"
    SOURCE_EMPTY = "source_empty"
    MASS_CHANGE = "mass_change"
    ORIGINALS_DELETED = "originals_deleted"
    """Originals whose copies a person deleted would be deleted too: more than a few, or seen from several computers."""
    REKEYED = "rekeyed"
    """Over half the originals are there again under other ids. *Kept*: the copies follow the new ones."""
    CALENDAR_CHANGED = "calendar_changed"
    """Account, role or zone of a calendar is another than in the last good run."""
    SERIES_SHRANK = "series_shrank"
    """A series that is copied date by date would lose over half its copies, and its rule is the same."""
    COPIES_WITHOUT_ORIGINAL = "copies_without_original"
    """Proved copies that no original explains: the state was lost, or another installation made them."""
    FILTERS_NARROWED = "filters_narrowed"
    """Originals that are there but no longer wanted would lose their copies."""


class HoldAnswer(StrEnum):
    """What the user said to a hold."""

    APPROVED = "approved"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class HoldSample:
    """One of the originals that a hold concerns, as a person knows it.

    Args:
        title: the original's own, where anything still knows it, else the copy's.
        starts_at: when it starts; None when nothing knows.
        all_day: it lasts whole days.
    """

    title: str
    starts_at: datetime | None = None
    all_day: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Actions of one direction that wait for the user.

    Args:
        expected: how many originals they concern.
        sample_events: some of them.
    """

    id: str
    pair_id: str
    direction_id: str
    cause: HoldCause
    opened_at: datetime
    expected: int
    sample_events: tuple[HoldSample, ...] = ()
    answer: HoldAnswer | None = None
    answered_at: datetime | None = None

    @property
    def samples(self) -> tuple[str, ...]:
        """The titles of some of them."""
        return tuple(sample.title for sample in self.sample_events)
