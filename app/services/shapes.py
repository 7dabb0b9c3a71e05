"""What leaves Kalends as JSON: the objects of `contract/api.md` §6 and `contract/cli.md`, by one serialiser for all.

The local API and the command line print the same objects; both call these functions. Pure: nothing is looked up,
decided or kept here. Fields are only ever added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from app.domain import settings_data
from app.domain.accounts import Account
from app.domain.keys import ApiKey
from app.domain.pairs import DirectionSettings, SyncPair
from app.domain.runs import ActionRecord, Hold, Run, RunError, RunStatus, Undoable
from app.engine.reasons import sentence
from app.services.hold_words import WORDS, what_waits
from app.services.moments import to_text
from app.services.views import (
    Attempt,
    ConnectionView,
    Imported,
    LogPage,
    NewKey,
    PairView,
    Problem,
    Progress,
    RunView,
    StatusView,
    UndoView,
)

Json = dict[str, Any]

UNDO_SENTENCES = {
    state: "It can be undone." if state is Undoable.POSSIBLE else sentence(str(state)) for state in Undoable
}
_GOOD = (RunStatus.SUCCESS, RunStatus.HELD)

_REASONS = {
    "offline": "This computer is offline; syncing resumes by itself.",
    "needs_sign_in": "An account needs you to sign in again.",
    "throttled": "A calendar service asked to slow down; syncing goes on by itself.",
    "metered": "The connection is metered; syncing goes on by itself when it is not. Sync now works all the same.",
    "disk_full": "The disk is almost full. Syncing goes on by itself when there is room.",
    "clock_wrong": "This computer's clock cannot be right. Nothing is synced until it is set.",
    "database_damaged": "The database is damaged. Start Kalends again to put a good backup in place.",
    "stopped": "The run was stopped before its end; the next one finishes its work.",
    "stopped_by_person": "Somebody stopped this run; the next one finishes its work.",
}


def moment(value: datetime | None) -> str | None:
    """An aware moment as RFC 3339 in UTC, whole seconds, `Z`; None stays None."""
    return None if value is None else to_text(value)


# -- who is connected --------------------------------------------------------------------------------------------------


def connection(view: ConnectionView) -> Json:
    """A connection: one calendar of an account. `email` falls back to the user's name where there is no address."""
    return {
        "id": view.connection.id,
        "provider": str(view.connection.provider),
        "email": _email(view.account),
        "calendar_name": view.connection.name,
        "status": str(view.status),
        "last_synced_at": moment(view.connection.last_synced_at),
        "account_id": view.account.id,
        "access": str(view.connection.access),
        "expires_at": moment(view.account.expires_at),
        "calendar_id": view.connection.calendar_id,
        "time_zone": view.connection.zone,
        "sandbox": view.account.sandbox,
        "problem": view.connection.problem or view.account.problem,
    }


def account(value: Account, connections: Iterable[ConnectionView]) -> Json:
    """An account with its calendars.

    Args:
        connections: connections of any account; those of this one are taken.
    """
    return {
        "id": value.id,
        "provider": str(value.provider),
        "email": _email(value),
        "status": str(value.status),
        "expires_at": moment(value.expires_at),
        "problem": value.problem,
        "calendars": [
            {
                "connection_id": view.connection.id,
                "name": view.connection.name,
                "access": str(view.connection.access),
            }
            for view in connections
            if view.account.id == value.id
        ],
    }


def attempt_begun(value: Attempt) -> Json:
    """A sign-in just begun: the page for the browser. It carries a secret state; never log it."""
    return {
        "authorization_url": value.authorization_url,
        "attempt_id": value.id,
        "expires_at": moment(value.expires_at),
    }


def attempt(value: Attempt) -> Json:
    """How a sign-in stands, without its page."""
    error = None
    if value.error_code is not None:
        error = {"code": value.error_code, "message": value.error or "The sign-in failed."}
    return {"status": str(value.status), "connection_ids": list(value.connection_ids), "error": error}


def _email(value: Account) -> str:
    return value.email or value.display_name or value.subject


# -- pairs -------------------------------------------------------------------------------------------------------------


def pair(view: PairView) -> Json:
    """A sync pair with its settings and how it is doing. A direction whose settings are the pair's shows none."""
    kept = view.pair
    return {
        "id": kept.id,
        "connection_a_id": kept.connection_a_id,
        "connection_b_id": kept.connection_b_id,
        "sync_mode": str(kept.mode),
        "direction": str(kept.direction),
        "status": str(kept.status),
        "last_synced_at": moment(kept.last_synced_at),
        "state": str(view.state),
        "problem": view.problem,
        "next_run_at": moment(view.next_run_at),
        "paused_until": moment(kept.paused_until),
        "pause_reason": kept.pause_reason,
        "held": view.held,
        "interval_seconds": kept.interval_seconds,
        "settings": direction_settings(kept.settings),
        "settings_b_to_a": _settings_b_to_a(kept),
        "created_at": moment(kept.created_at),
    }


def _settings_b_to_a(kept: SyncPair) -> Json | None:
    own = kept.settings_b_to_a
    if own is None or own == kept.settings:
        return None
    return {**direction_settings(own), "sync_mode": str(own.mode)}


def direction_settings(value: DirectionSettings) -> Json:
    """The settings of a direction (`engine.md` §2), but for its mode, which a pair shows as `sync_mode`."""
    return {name: found for name, found in settings_data.to_data(value).items() if name != "mode"}


# -- runs --------------------------------------------------------------------------------------------------------------


def succeeded(value: Run) -> bool:
    """Whether a run ended and nothing failed. What waits for a decision is no failure."""
    return value.status in _GOOD and not value.counts.failed and not value.errors


def trigger_answer(view: RunView) -> Json:
    """The answer of a trigger: until its end a run is `running`, queued or not. An ended dry run adds its `plan`."""
    answer = _done(view.run)
    if view.run.dry and view.run.status.ended:
        answer["plan"] = [action(record) for record in view.actions]
    return answer


def sync_answer(views: Iterable[RunView]) -> Json:
    """The answer of `kalends sync`: the trigger's for each pair."""
    return {"runs": [pair_trigger_answer(view) for view in views]}


def pair_trigger_answer(view: RunView) -> Json:
    """The trigger's answer, naming the pair."""
    return {**trigger_answer(view), "pair_id": view.run.pair_id}


def run(value: Run) -> Json:
    """A run, ended or not."""
    return {
        **_done(value),
        "id": value.id,
        "pair_id": value.pair_id,
        "status": str(value.status),
        "trigger": str(value.trigger),
        "dry_run": value.dry,
        "created_at": moment(value.created_at),
        "started_at": moment(value.started_at),
        "finished_at": moment(value.finished_at),
        "duration_ms": value.duration_ms,
        "reason": value.reason,
    }


def run_story(view: RunView) -> Json:
    """A run with its actions."""
    return {**run(view.run), "actions": [action(record) for record in view.actions]}


def action(record: ActionRecord) -> Json:
    """One line of a run's story, or of a dry run's plan."""
    return {
        "direction_id": record.direction_id,
        "event_id": record.original_id,
        "occurrence": record.occ,
        "action": str(record.verb),
        "reason": record.reason,
        "sentence": record.sentence,
        "result": str(record.result),
        "fields": list(record.fields),
        "title": record.title,
        "starts_at": moment(record.starts_at),
        "all_day": record.all_day,
    }


def undo(view: UndoView) -> Json:
    """What of a run can be undone."""
    return {
        "run_id": view.run.id,
        "possible": view.possible,
        "already_undone": view.undone,
        "left_alone": len(view.changes) - view.possible - view.undone,
        "expires_at": moment(view.expires_at),
        "changes": [
            {
                "event_id": change.original_id,
                "occurrence": change.occ,
                "action": str(change.verb),
                "state": str(change.state),
                "sentence": UNDO_SENTENCES[change.state],
                "title": change.title,
                "starts_at": moment(change.starts_at),
                "all_day": change.all_day,
            }
            for change in view.changes
        ],
    }


def log(value: Run) -> Json:
    """The log row of an ended run."""
    return {
        "id": "log_" + value.id.removeprefix("sync_run_"),
        "pair_id": value.pair_id,
        "status": _ended_status(value),
        "events_synced": value.counts.synced,
        "duration_ms": value.duration_ms,
        "created_at": moment(value.created_at),
        "sync_id": value.id,
        "trigger": str(value.trigger),
        **_counts(value),
        "errors": _errors(value),
        "reason": value.reason,
    }


def runs_page(found: LogPage) -> Json:
    """A page of runs."""
    return {"runs": [run(value) for value in found.runs], **_page(found)}


def logs_page(found: LogPage) -> Json:
    """A page of log rows."""
    return {"logs": [log(value) for value in found.runs], **_page(found)}


def hold(value: Hold) -> Json:
    """Actions that wait for the user; `expected` is the number that approving must name."""
    return {
        "id": value.id,
        "pair_id": value.pair_id,
        "direction_id": value.direction_id,
        "cause": str(value.cause),
        "sentence": f"{what_waits(value)}. {WORDS[value.cause].why}",
        "approve_label": WORDS[value.cause].approve,
        "reject_label": WORDS[value.cause].keep,
        "opened_at": moment(value.opened_at),
        "expected": value.expected,
        "samples": list(value.samples),
        "sample_events": [
            {"title": sample.title, "starts_at": moment(sample.starts_at), "all_day": sample.all_day}
            for sample in value.sample_events
        ],
        "answer": None if value.answer is None else str(value.answer),
        "answered_at": moment(value.answered_at),
    }


# -- keys, status, the demo --------------------------------------------------------------------------------------------


def new_key(value: NewKey) -> Json:
    """A key just made: the only time its text is shown."""
    made = value.key
    return {
        "id": made.id,
        "key": value.text,
        "kind": str(made.kind),
        "scopes": list(made.scopes),
        "label": made.label,
        "expires_at": moment(made.expires_at),
    }


def key(value: ApiKey) -> Json:
    """A key as it is remembered: neither its text nor its hash."""
    return {
        "id": value.id,
        "kind": str(value.kind),
        "scopes": list(value.scopes),
        "label": value.label,
        "created_at": moment(value.created_at),
        "expires_at": moment(value.expires_at),
        "last_used_at": moment(value.last_used_at),
        "revoked_at": moment(value.revoked_at),
        "connection_ids": list(value.connection_ids),
        "pair_ids": list(value.pair_ids),
        "ending": value.ending,
    }


def status(value: StatusView) -> Json:
    """How everything is doing."""
    return {
        "state": str(value.state),
        "sentence": value.sentence,
        "accounts": value.accounts,
        "connections": value.connections,
        "pairs": value.pairs,
        "last_synced_at": moment(value.last_synced_at),
        "next_run_at": moment(value.next_run_at),
        "problems": [problem(one) for one in value.problems],
        "profile": value.profile,
        "version": value.version,
        "api_url": value.api_url,
        "started_at": moment(value.started_at),
        "syncing": [progress(one) for one in value.syncing],
    }


def progress(value: Progress) -> Json:
    """How far the run of a pair is; `phase` is null while it waits for its turn, `total` 0 where nobody knows it."""
    return {
        "pair_id": value.pair_id,
        "sync_id": value.run_id,
        "phase": None if value.phase is None else str(value.phase),
        "done": value.done,
        "total": value.total,
        "stopping": value.stopping,
        "sentence": value.sentence,
    }


def problem(value: Problem) -> Json:
    """One thing that needs the person."""
    return {
        "code": value.code,
        "sentence": value.sentence,
        "action": value.action,
        "account_id": value.account_id,
        "pair_id": value.pair_id,
        "run_id": value.run_id,
    }


def imported(value: Imported) -> Json:
    """What became of an imported file."""
    return {
        "file": value.file,
        "events": value.events,
        "skipped": [{"component": skip.component, "uid": skip.uid, "reason": skip.reason} for skip in value.skipped],
    }


def _done(value: Run) -> Json:
    return {
        "success": succeeded(value),
        "sync_id": value.id,
        **_counts(value),
        "status": _ended_status(value) if value.status.ended else str(RunStatus.RUNNING),
        "errors": _errors(value),
    }


def _ended_status(value: Run) -> str:
    """A run that was cut off failed, in the five words that logs and triggers know."""
    return str(RunStatus.FAILED if value.status is RunStatus.INTERRUPTED else value.status)


def _counts(value: Run) -> Json:
    counts = value.counts
    return {
        "events_processed": counts.processed,
        "events_created": counts.created,
        "events_updated": counts.updated,
        "events_deleted": counts.deleted,
        "events_skipped": counts.skipped,
        "events_held": counts.held,
        "events_failed": counts.failed,
    }


def _errors(value: Run) -> list[Json]:
    errors: Sequence[RunError] = value.errors
    if not errors and value.reason is not None and value.status.ended and value.status not in _GOOD:
        errors = (RunError(value.reason, _REASONS.get(value.reason, "The run did not take place.")),)
    return [{"code": one.code, "message": one.message, "connection_id": one.connection_id} for one in errors]


def _page(found: LogPage) -> Json:
    return {"total": found.total, "page": found.page, "per_page": found.per_page}
