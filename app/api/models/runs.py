"""What the API answers about runs: their actions, undo, logs, and decisions that wait."""

from __future__ import annotations

from app.api.models.base import Listed, Moment, Output
from app.domain.runs import ActionResult, HoldAnswer, HoldCause, RunStatus, Trigger, Undoable, Verb


class RunErrorAnswer(Output):
    """One thing that went wrong in a run."""

    code: str
    message: str
    connection_id: str | None


class ActionAnswer(Output):
    """What was, or would be, done to one event, and why."""

    direction_id: str
    event_id: str
    occurrence: str
    action: Verb
    reason: str
    sentence: str
    result: ActionResult
    fields: list[str]
    title: str
    starts_at: Moment | None
    all_day: bool


class TriggerAnswer(Output):
    """What a triggered run did, or has done so far."""

    success: bool
    sync_id: str
    events_processed: int
    events_created: int
    events_updated: int
    events_deleted: int
    status: RunStatus
    events_skipped: int
    events_held: int
    events_failed: int
    errors: list[RunErrorAnswer]
    plan: list[ActionAnswer] | None = None


class PairTriggerAnswer(TriggerAnswer):
    """The same, naming the pair."""

    pair_id: str


class RunAnswer(TriggerAnswer):
    """A run. `actions` is its story, where one run was asked for."""

    id: str
    pair_id: str
    trigger: Trigger
    dry_run: bool
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    duration_ms: int
    reason: str | None
    actions: list[ActionAnswer] | None = None


class UndoChangeAnswer(Output):
    """What a run did to one event, and whether it can be undone."""

    event_id: str
    occurrence: str
    action: Verb
    state: Undoable
    sentence: str
    title: str
    starts_at: Moment | None
    all_day: bool


class UndoAnswer(Output):
    """What of a run can be undone, the newest change first."""

    run_id: str
    possible: int
    already_undone: int
    left_alone: int
    expires_at: Moment
    changes: list[UndoChangeAnswer]


class RunStarted(Output):
    """A run that was set off."""

    sync_id: str


class RunPage(Output):
    """A page of runs, newest first."""

    runs: list[RunAnswer]
    total: int
    page: int
    per_page: int


class LogAnswer(Output):
    """One run, at its end."""

    id: str
    pair_id: str
    status: RunStatus
    events_synced: int
    duration_ms: int
    created_at: Moment
    sync_id: str
    trigger: Trigger
    events_processed: int
    events_created: int
    events_updated: int
    events_deleted: int
    events_skipped: int
    events_held: int
    events_failed: int
    errors: list[RunErrorAnswer]
    reason: str | None


class LogList(Output):
    """A page of logs, newest first."""

    logs: list[LogAnswer]
    total: int
    page: int
    per_page: int


class HoldSampleBody(Output):
    """One of the originals a hold concerns: its own title where anything still knows it, else its copy's."""

    title: str
    starts_at: Moment | None
    all_day: bool


class HoldAnswerBody(Output):
    """Actions that wait for a decision: what would be done and why it waits in words, and what both answers do."""

    id: str
    pair_id: str
    direction_id: str
    cause: HoldCause
    sentence: str
    approve_label: str
    reject_label: str
    opened_at: Moment
    expected: int
    samples: list[str]
    sample_events: list[HoldSampleBody]
    answer: HoldAnswer | None
    answered_at: Moment | None


class HoldList(Listed):
    """Holds that wait."""

    holds: list[HoldAnswerBody]


class SyncAnswer(Output):
    """The runs of several pairs (local only)."""

    runs: list[PairTriggerAnswer]
