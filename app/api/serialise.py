"""Views and domain records as answers: the one place where our words become the API's. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.api.models import responses as r
from app.domain.accounts import Account
from app.domain.keys import ApiKey
from app.domain.pairs import DirectionSettings, SyncPair
from app.domain.runs import ActionRecord, Hold, Run, RunError, RunStatus
from app.services.views import Attempt, ConnectionView, NewKey, PairView, RunView, StatusView

_GOOD: Final = (RunStatus.SUCCESS, RunStatus.HELD)

_REASONS: Final = {
    "offline": "This computer is offline; syncing resumes by itself.",
    "needs_sign_in": "An account needs you to sign in again.",
    "throttled": "A calendar service asked to slow down; syncing goes on by itself.",
    "stopped": "The run was stopped before its end; the next one finishes its work.",
}


def connection(view: ConnectionView) -> r.ConnectionAnswer:
    """A connection; `email` falls back to the user's name where the account has no address."""
    return r.ConnectionAnswer(
        id=view.connection.id,
        provider=view.connection.provider,
        email=view.account.email or view.account.display_name or view.account.subject,
        calendar_name=view.connection.name,
        status=view.status,
        last_synced_at=view.connection.last_synced_at,
        account_id=view.account.id,
        access=view.connection.access,
        expires_at=view.account.expires_at,
        calendar_id=view.connection.calendar_id,
        time_zone=view.connection.zone,
        sandbox=view.account.sandbox,
        problem=view.connection.problem or view.account.problem,
    )


def account(one: Account, views: Sequence[ConnectionView]) -> r.AccountAnswer:
    """An account with those of the given connections that are its own."""
    return r.AccountAnswer(
        id=one.id,
        provider=one.provider,
        email=one.email,
        status=one.status,
        expires_at=one.expires_at,
        calendars=[
            r.CalendarAnswer(connection_id=v.connection.id, name=v.connection.name, access=v.connection.access)
            for v in views
            if v.account.id == one.id
        ],
        problem=one.problem,
    )


def attempt_begun(attempt: Attempt) -> r.AttemptBegun:
    """A sign-in just begun."""
    return r.AttemptBegun(
        authorization_url=attempt.authorization_url, attempt_id=attempt.id, expires_at=attempt.expires_at
    )


def attempt_error(attempt: Attempt) -> r.AttemptError | None:
    """Why a sign-in failed, None when it did not."""
    if attempt.error_code is None:
        return None
    return r.AttemptError(code=attempt.error_code, message=attempt.error or "The sign-in failed.")


def attempt(one: Attempt) -> r.AttemptAnswer:
    """How a sign-in stands."""
    return r.AttemptAnswer(status=one.status, connection_ids=list(one.connection_ids), error=attempt_error(one))


def pair(view: PairView) -> r.PairAnswer:
    """A sync pair. A direction whose own settings are the pair's shows none."""
    one = view.pair
    return r.PairAnswer(
        id=one.id,
        connection_a_id=one.connection_a_id,
        connection_b_id=one.connection_b_id,
        sync_mode=one.mode,
        direction=one.direction,
        status=one.status,
        last_synced_at=one.last_synced_at,
        state=view.state,
        problem=view.problem,
        next_run_at=view.next_run_at,
        paused_until=one.paused_until,
        pause_reason=one.pause_reason,
        held=view.held,
        interval_seconds=one.interval_seconds,
        settings=_settings(one.settings),
        settings_b_to_a=_settings_b_to_a(one),
        created_at=one.created_at,
    )


def _settings_b_to_a(one: SyncPair) -> r.DirectionSettingsAnswer | None:
    own = one.settings_b_to_a
    if own is None or own == one.settings:
        return None
    return r.DirectionSettingsAnswer(sync_mode=own.mode, **dict(_settings(own)))


def _settings(settings: DirectionSettings) -> r.SettingsAnswer:
    filters = settings.filters
    return r.SettingsAnswer(
        title=settings.title,
        private_originals=settings.private_originals,
        filters=r.FiltersAnswer(
            declined=filters.declined,
            cancelled=filters.cancelled,
            working_location=filters.working_location,
            birthdays=filters.birthdays,
            free=filters.free,
            tentative=filters.tentative,
            all_day=filters.all_day,
            shorter_than_seconds=filters.shorter_than_seconds,
            already_there=filters.already_there,
        ),
        reminders=settings.reminders,
        copy_edited=settings.copy_edited,
        copy_deleted=settings.copy_deleted,
        filtered_later=settings.filtered_later,
        window_back_days=settings.window_back_days,
        window_ahead_days=settings.window_ahead_days,
    )


def succeeded(run: Run) -> bool:
    """Whether a run ended well: nothing failed. What waits for a decision is no failure."""
    return run.status in _GOOD and not run.counts.failed and not run.errors


def _ended_status(run: Run) -> RunStatus:
    """A run that was cut off failed, in the five words that logs and triggers know."""
    return RunStatus.FAILED if run.status is RunStatus.INTERRUPTED else run.status


def _errors(run: Run) -> list[r.RunErrorAnswer]:
    errors: Sequence[RunError] = run.errors
    if not errors and run.reason is not None and run.status.ended and run.status not in _GOOD:
        errors = (RunError(run.reason, _REASONS.get(run.reason, "The run did not take place.")),)
    return [r.RunErrorAnswer(code=e.code, message=e.message, connection_id=e.connection_id) for e in errors]


def _action(record: ActionRecord) -> r.ActionAnswer:
    return r.ActionAnswer(
        direction_id=record.direction_id,
        event_id=record.original_id,
        occurrence=record.occ,
        action=record.verb,
        reason=record.reason,
        sentence=record.sentence,
        result=record.result,
        fields=list(record.fields),
        title=record.title,
        starts_at=record.starts_at,
        all_day=record.all_day,
    )


def trigger(view: RunView) -> r.TriggerAnswer:
    """A run as its trigger answers it; `plan` for dry ones. Until its end it is `running`, queued or not."""
    return r.TriggerAnswer.model_validate(_trigger_fields(view))


def pair_trigger(view: RunView) -> r.PairTriggerAnswer:
    """The same, naming the pair."""
    return r.PairTriggerAnswer.model_validate({**_trigger_fields(view), "pair_id": view.run.pair_id})


def _trigger_fields(view: RunView) -> dict[str, object]:
    run = view.run
    fields: dict[str, object] = {
        "success": succeeded(run),
        "sync_id": run.id,
        "events_processed": run.counts.processed,
        "events_created": run.counts.created,
        "events_updated": run.counts.updated,
        "events_deleted": run.counts.deleted,
        "status": _ended_status(run) if run.status.ended else RunStatus.RUNNING,
        "events_skipped": run.counts.skipped,
        "events_held": run.counts.held,
        "events_failed": run.counts.failed,
        "errors": _errors(run),
    }
    if run.dry and run.status.ended:
        fields["plan"] = [_action(record) for record in view.actions]
    return fields


def run(view: RunView, *, story: bool = False) -> r.RunAnswer:
    """A run of the history, with its actions where its story is asked for."""
    one = view.run
    fields = {
        **_trigger_fields(RunView(one)),
        "id": one.id,
        "pair_id": one.pair_id,
        "status": one.status,
        "trigger": one.trigger,
        "dry_run": one.dry,
        "created_at": one.created_at,
        "started_at": one.started_at,
        "finished_at": one.finished_at,
        "duration_ms": one.duration_ms,
        "reason": one.reason,
    }
    fields.pop("plan", None)
    if story:
        fields["actions"] = [_action(record) for record in view.actions]
    return r.RunAnswer.model_validate(fields)


def log(one: Run) -> r.LogAnswer:
    """An ended run as a log row: the same ULID behind another prefix."""
    return r.LogAnswer(
        id=f"log_{one.id.rpartition('_')[2]}",
        pair_id=one.pair_id,
        status=_ended_status(one),
        events_synced=one.counts.synced,
        duration_ms=one.duration_ms,
        created_at=one.created_at,
        sync_id=one.id,
        trigger=one.trigger,
        events_processed=one.counts.processed,
        events_created=one.counts.created,
        events_updated=one.counts.updated,
        events_deleted=one.counts.deleted,
        events_skipped=one.counts.skipped,
        events_held=one.counts.held,
        events_failed=one.counts.failed,
        errors=_errors(one),
        reason=one.reason,
    )


def hold(one: Hold) -> r.HoldAnswerBody:
    """A hold."""
    return r.HoldAnswerBody(
        id=one.id,
        pair_id=one.pair_id,
        direction_id=one.direction_id,
        cause=one.cause,
        opened_at=one.opened_at,
        expected=one.expected,
        samples=list(one.samples),
        answer=one.answer,
        answered_at=one.answered_at,
    )


def status(view: StatusView) -> r.StatusAnswer:
    """How everything is doing."""
    return r.StatusAnswer(
        state=view.state,
        sentence=view.sentence,
        accounts=view.accounts,
        connections=view.connections,
        pairs=view.pairs,
        last_synced_at=view.last_synced_at,
        next_run_at=view.next_run_at,
        problems=[
            r.ProblemAnswer(
                code=problem.code,
                sentence=problem.sentence,
                action=problem.action,
                account_id=problem.account_id,
                pair_id=problem.pair_id,
                run_id=problem.run_id,
            )
            for problem in view.problems
        ],
        profile=view.profile,
        version=view.version,
        api_url=view.api_url,
        started_at=view.started_at,
    )


def key(one: ApiKey) -> r.KeyAnswer:
    """A key without its text."""
    return r.KeyAnswer(
        id=one.id,
        kind=one.kind,
        scopes=list(one.scopes),
        label=one.label,
        expires_at=one.expires_at,
        created_at=one.created_at,
        last_used_at=one.last_used_at,
        revoked_at=one.revoked_at,
        connection_ids=list(one.connection_ids),
        pair_ids=list(one.pair_ids),
    )


def new_key(new: NewKey) -> r.NewKeyAnswer:
    """A key just made, with its text."""
    return r.NewKeyAnswer(
        id=new.key.id,
        key=new.text,
        kind=new.key.kind,
        scopes=list(new.key.scopes),
        label=new.key.label,
        expires_at=new.key.expires_at,
    )
