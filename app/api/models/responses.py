"""What the pairs family answers. The documented examples are these models with all their fields."""

from __future__ import annotations

from app.api.models.base import Moment, Output
from app.domain.accounts import Access, AccountStatus, ConnectionStatus, Provider
from app.domain.keys import KeyKind
from app.domain.pairs import (
    Conflict,
    CopyAvailability,
    CopyColour,
    CopyDeleted,
    CopyEdited,
    CopyField,
    CopyVisibility,
    DetailField,
    Direction,
    FilteredLater,
    Mode,
    PairState,
    PairStatus,
    PrivateOriginals,
    Reminders,
    Weekday,
    Within,
)
from app.domain.runs import ActionResult, HoldAnswer, HoldCause, Phase, RunStatus, Trigger, Undoable, Verb
from app.services.views import AttemptStatus, RollUp


class ConnectionAnswer(Output):
    """One calendar of a connected account."""

    id: str
    provider: Provider
    email: str
    calendar_name: str
    status: ConnectionStatus
    last_synced_at: Moment | None
    account_id: str
    access: Access
    expires_at: Moment | None
    calendar_id: str
    time_zone: str
    sandbox: bool
    problem: str | None


class Listed(Output):
    """Set only where the caller asked for a page."""

    total: int | None = None
    page: int | None = None
    per_page: int | None = None


class ConnectionList(Listed):
    """Connections."""

    connections: list[ConnectionAnswer]


class AttemptBegun(Output):
    """A sign-in that waits for the person: open `authorization_url` in a browser."""

    authorization_url: str
    attempt_id: str
    expires_at: Moment


class AttemptError(Output):
    """Why a sign-in did not end in an account."""

    code: str
    message: str


class AttemptAnswer(Output):
    """How a sign-in stands."""

    status: AttemptStatus
    connection_ids: list[str]
    error: AttemptError | None


class WordFilterAnswer(Output):
    """Leaves out originals by words."""

    words: list[str]
    within: Within
    whole_words: bool
    only: bool


class HoursFilterAnswer(Output):
    """Leaves out originals by when they are."""

    weekdays: list[Weekday]
    start: str
    end: str
    zone: str
    only: bool


class FiltersAnswer(Output):
    """Originals that get no copy."""

    declined: bool
    cancelled: bool
    working_location: bool
    birthdays: bool
    free: bool | None
    tentative: bool
    all_day: bool
    shorter_than_seconds: int
    already_there: bool
    words: list[WordFilterAnswer]
    hours: HoursFilterAnswer | None


class ReplacementAnswer(Output):
    """Something in titles that copies show otherwise."""

    find: str
    by: str
    pattern: bool


class SettingsAnswer(Output):
    """Settings of a pair."""

    title: str
    title_prefix: str
    title_replacements: list[ReplacementAnswer]
    detail_fields: tuple[DetailField, ...]
    guests_in_text: bool
    availability: CopyAvailability
    visibility: CopyVisibility | None
    colour: CopyColour | None
    private_originals: PrivateOriginals
    filters: FiltersAnswer
    reminders: Reminders
    reminder_minutes: int
    copy_edited: CopyEdited
    copy_deleted: CopyDeleted
    conflict: Conflict
    write_back_fields: tuple[CopyField, ...]
    filtered_later: FilteredLater
    window_back_days: int
    window_ahead_days: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    merge_touching: bool
    minimum_minutes: int


class DirectionSettingsAnswer(SettingsAnswer):
    """Settings of one direction."""

    sync_mode: Mode


class PairAnswer(Output):
    """A sync pair."""

    id: str
    connection_a_id: str
    connection_b_id: str
    sync_mode: Mode
    direction: Direction
    status: PairStatus
    last_synced_at: Moment | None
    state: PairState
    problem: str | None
    next_run_at: Moment | None
    paused_until: Moment | None
    pause_reason: str | None
    held: int
    interval_seconds: int
    settings: SettingsAnswer
    settings_b_to_a: DirectionSettingsAnswer | None
    created_at: Moment | None


class PairList(Listed):
    """Sync pairs."""

    pairs: list[PairAnswer]


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


class ProblemAnswer(Output):
    """One thing that needs the person."""

    code: str
    sentence: str
    action: str | None
    account_id: str | None
    pair_id: str | None
    run_id: str | None


class ProgressAnswer(Output):
    """How far the run of a pair is: `phase` is null while it waits for its turn, `total` 0 where nobody knows it."""

    pair_id: str
    sync_id: str
    phase: Phase | None
    done: int
    total: int
    stopping: bool
    sentence: str


class StatusAnswer(Output):
    """How everything is doing."""

    state: RollUp
    sentence: str
    accounts: int
    connections: int
    pairs: int
    last_synced_at: Moment | None
    next_run_at: Moment | None
    problems: list[ProblemAnswer]
    profile: str
    version: str
    api_url: str | None
    started_at: Moment
    syncing: list[ProgressAnswer]


class Removal(Output):
    """The run that takes a deleted pair's copies away."""

    sync_id: str


class HealthAnswer(Output):
    """Alive. `proof` answers a challenge: hex HMAC-SHA256 of `challenge:port`."""

    status: str
    version: str
    proof: str | None = None


class CalendarAnswer(Output):
    """A connected calendar of an account (local only)."""

    connection_id: str
    name: str
    access: Access


class AccountAnswer(Output):
    """One sign-in with its calendars (local only)."""

    id: str
    provider: Provider
    email: str
    status: AccountStatus
    expires_at: Moment | None
    calendars: list[CalendarAnswer]
    problem: str | None


class OneAccount(Output):
    """An account (local only)."""

    account: AccountAnswer


class AccountList(Output):
    """Accounts (local only)."""

    accounts: list[AccountAnswer]


class AccountAttempt(AttemptAnswer):
    """How a sign-in stands, with the account once there is one (local only)."""

    account: AccountAnswer | None


class KeyAnswer(Output):
    """A key, without its text (local only)."""

    id: str
    kind: KeyKind
    scopes: list[str]
    label: str
    expires_at: Moment | None
    created_at: Moment
    last_used_at: Moment | None
    revoked_at: Moment | None
    connection_ids: list[str]
    pair_ids: list[str]
    ending: str


class NewKeyAnswer(Output):
    """A key just made: the only time its text is shown (local only)."""

    id: str
    key: str
    kind: KeyKind
    scopes: list[str]
    label: str
    expires_at: Moment | None


class KeyList(Output):
    """Keys (local only)."""

    keys: list[KeyAnswer]


class SyncAnswer(Output):
    """The runs of several pairs (local only)."""

    runs: list[PairTriggerAnswer]


class Done(Output):
    """It is being done (local only)."""

    ok: bool
