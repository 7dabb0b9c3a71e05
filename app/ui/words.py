"""The words and signs of states and counts, by code: what the core means, said to a person.

Pure: no Qt, no clock, no state. A sign is an icon with a tone; it never stands without its word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.accounts import Account, AccountStatus
from app.domain.pairs import Direction, Mode, PairState, SyncPair
from app.domain.runs import ActionRecord, ActionResult, Counts, Phase, Run, RunStatus, Trigger, Undoable, Verb
from app.services.views import PROVIDER_NAMES, SIGN_IN_EXPIRES, PairView, Problem, RollUp, StatusView, UndoView
from app.ui import time_words

UNDO_KEPT = timedelta(days=30)
"""For so long a run can be undone; the core has the last word."""


class Tone(StrEnum):
    """What a colour says. Never the only carrier: an icon and a word stand beside it."""

    OK = "ok"
    BUSY = "busy"
    QUIET = "quiet"
    ATTENTION = "attention"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Sign:
    """A state as it is shown: icon, word, tone."""

    icon: str
    word: str
    tone: Tone


PAIR_SIGNS = {
    PairState.NEVER_SYNCED: Sign("circle-dashed", "Not synced yet", Tone.QUIET),
    PairState.UP_TO_DATE: Sign("circle-check", "Up to date", Tone.OK),
    PairState.QUEUED: Sign("hourglass", "Queued", Tone.BUSY),
    PairState.SYNCING: Sign("refresh-cw", "Syncing", Tone.BUSY),
    PairState.WAITING: Sign("clock", "Waiting", Tone.QUIET),
    PairState.HELD: Sign("hand", "On hold", Tone.ATTENTION),
    PairState.PAUSED: Sign("circle-pause", "Paused", Tone.QUIET),
    PairState.NEEDS_SIGN_IN: Sign("key-round", "Sign in again", Tone.FAILED),
    PairState.ATTENTION: Sign("triangle-alert", "Needs you", Tone.ATTENTION),
    PairState.FAILED: Sign("circle-x", "Failed", Tone.FAILED),
    PairState.OFFLINE: Sign("wifi-off", "Offline", Tone.QUIET),
}

RUN_SIGNS = {
    RunStatus.QUEUED: Sign("hourglass", "Queued", Tone.BUSY),
    RunStatus.RUNNING: Sign("refresh-cw", "Running", Tone.BUSY),
    RunStatus.SUCCESS: Sign("circle-check", "Done", Tone.OK),
    RunStatus.PARTIAL: Sign("triangle-alert", "Partly done", Tone.ATTENTION),
    RunStatus.FAILED: Sign("circle-x", "Failed", Tone.FAILED),
    RunStatus.HELD: Sign("hand", "On hold", Tone.ATTENTION),
    RunStatus.SKIPPED: Sign("skip-forward", "Skipped", Tone.QUIET),
    RunStatus.INTERRUPTED: Sign("circle-slash", "Interrupted", Tone.QUIET),
}

ROLL_UP_SIGNS = {
    RollUp.HELD: Sign("hand", "On hold", Tone.ATTENTION),
    RollUp.NEEDS_SIGN_IN: Sign("key-round", "Sign in again", Tone.FAILED),
    RollUp.ATTENTION: Sign("triangle-alert", "Needs you", Tone.ATTENTION),
    RollUp.FAILED: Sign("circle-x", "Failed", Tone.FAILED),
    RollUp.SYNCING: Sign("refresh-cw", "Syncing", Tone.BUSY),
    RollUp.WAITING: Sign("clock", "Waiting", Tone.QUIET),
    RollUp.PAUSED: Sign("circle-pause", "Paused", Tone.QUIET),
    RollUp.OFFLINE: Sign("wifi-off", "Offline", Tone.QUIET),
    RollUp.UP_TO_DATE: Sign("circle-check", "Up to date", Tone.OK),
    RollUp.NOTHING_TO_SYNC: Sign("circle-dashed", "Nothing to sync yet", Tone.QUIET),
}

TRAY_ICONS = {
    RollUp.HELD: "tray-attention",
    RollUp.NEEDS_SIGN_IN: "tray-attention",
    RollUp.ATTENTION: "tray-attention",
    RollUp.FAILED: "tray-failed",
    RollUp.SYNCING: "tray-syncing",
    RollUp.WAITING: "tray-idle",
    RollUp.PAUSED: "tray-paused",
    RollUp.OFFLINE: "tray-offline",
    RollUp.UP_TO_DATE: "tray-ok",
    RollUp.NOTHING_TO_SYNC: "tray-idle",
}
"""Six shapes and a plain one: more would need a legend."""

VERB_SIGNS = {
    Verb.CREATE: Sign("plus", "Add", Tone.OK),
    Verb.UPDATE: Sign("pencil", "Change", Tone.BUSY),
    Verb.DELETE: Sign("trash-2", "Remove", Tone.FAILED),
    Verb.ADOPT: Sign("link", "Take over", Tone.QUIET),
    Verb.RELEASE: Sign("log-out", "Release", Tone.QUIET),
    Verb.UNLINK: Sign("unlink", "Unlink", Tone.QUIET),
    Verb.HOLD: Sign("hand", "Hold", Tone.ATTENTION),
    Verb.SKIP: Sign("circle-minus", "Left out", Tone.QUIET),
    Verb.ASK: Sign("circle-question-mark", "Ask", Tone.ATTENTION),
    Verb.WRITE_BACK: Sign("pencil", "Change the original", Tone.BUSY),
    Verb.DELETE_ORIGINAL: Sign("trash-2", "Remove the original", Tone.FAILED),
    Verb.RESTORE_ORIGINAL: Sign("plus", "Bring the original back", Tone.OK),
}

DONE_WORDS = {
    Verb.CREATE: "Added",
    Verb.UPDATE: "Changed",
    Verb.DELETE: "Removed",
    Verb.ADOPT: "Taken over",
    Verb.RELEASE: "Released",
    Verb.UNLINK: "Unlinked",
    Verb.HOLD: "Held",
    Verb.SKIP: "Left out",
    Verb.ASK: "Asked",
    Verb.WRITE_BACK: "Original changed",
    Verb.DELETE_ORIGINAL: "Original removed",
    Verb.RESTORE_ORIGINAL: "Original brought back",
}

UP_TO_DATE = Sign("circle-check", "Up to date", Tone.QUIET)
"""An event whose copy is as it should be: a preview names it, and nobody left it out."""

TRIGGER_WORDS = {
    Trigger.MANUAL: "By hand",
    Trigger.SCHEDULED: "Schedule",
    Trigger.API: "API",
    Trigger.PUSH: "Change notice",
    Trigger.STARTUP: "Start",
    Trigger.RESUME: "Woke up",
    Trigger.CREATED: "Created",
    Trigger.CHANGED: "Changed",
    Trigger.RESUMED: "Resumed",
    Trigger.RECONNECTED: "Reconnected",
    Trigger.UNDO: "Undo",
}

STARTED_WORDS = {
    Trigger.MANUAL: "started by hand",
    Trigger.SCHEDULED: "started on schedule",
    Trigger.API: "started through the API",
    Trigger.PUSH: "started by a change notice",
    Trigger.STARTUP: "started with Kalends",
    Trigger.RESUME: "started after the computer slept",
    Trigger.CREATED: "started because the pair was created",
    Trigger.CHANGED: "started because the pair was changed",
    Trigger.RESUMED: "started because the pair was resumed",
    Trigger.RECONNECTED: "started because an account was signed in again",
    Trigger.UNDO: "started to undo another run",
}

NOTHING_TO_DO = "nothing_to_do"
"""The reason of an action that only says that a copy is as it should be."""

REASON_WORDS = {
    "offline": "You were offline. Syncing resumes by itself.",
    "needs_sign_in": "An account needs you to sign in again.",
    "metered": "The connection was metered. Syncing goes on by itself when it is not.",
    "throttled": "A calendar service asked to slow down. Syncing goes on by itself.",
    "disk_full": "The disk is almost full. Syncing goes on by itself when there is room.",
    "clock_wrong": "This computer's clock cannot be right. Nothing is synced until it is set.",
    "database_damaged": "The database is damaged. Start Kalends again to put a good backup in place.",
    "stopped": "The run was stopped before its end. The next one finishes its work.",
    "stopped_by_person": "You stopped this run. The next one finishes its work.",
}
"""Why a run was skipped or interrupted."""

MODE_WORDS = {Mode.BLOCKER: "Busy only", Mode.DETAILS: "Title and time", Mode.FULL: "Full details"}

ACCOUNT_SIGNS = {
    AccountStatus.CONNECTED: Sign("circle-check", "Connected", Tone.OK),
    AccountStatus.NEEDS_SIGN_IN: Sign("key-round", "Sign in again", Tone.FAILED),
    AccountStatus.SCOPE_MISSING: Sign("triangle-alert", "Calendar access not allowed", Tone.ATTENTION),
    AccountStatus.VAULT_LOCKED: Sign("lock", "Password store locked", Tone.ATTENTION),
    AccountStatus.SIGNED_OUT: Sign("log-out", "Signed out", Tone.QUIET),
}

ACCOUNT_SENTENCES = {
    AccountStatus.NEEDS_SIGN_IN: "The sign-in has ended. Its sync pairs wait until you sign in again.",
    AccountStatus.SCOPE_MISSING: "Calendar access was not allowed, so nothing can sync. Sign in again and allow it.",
    AccountStatus.VAULT_LOCKED: "Your password store is locked, so Kalends cannot sign in. Unlock it to go on.",
    AccountStatus.SIGNED_OUT: "You signed out. Its sync pairs are paused; sign in again, then resume them.",
}
"""What it means, where the core says no more."""

ARROWS = {Direction.BIDIRECTIONAL: "⇄", Direction.A_TO_B: "→", Direction.B_TO_A: "←"}


def plural(number: int, one: str, many: str) -> str:
    """`1 event`, `2 events`, `1,204 events`."""
    return f"{number:,} {one if number == 1 else many}"


def pair_name(view: PairView) -> str:
    """`Work (Google) → Home (Microsoft)`, always written in the direction things are copied."""
    if view.pair.direction is Direction.B_TO_A:
        return f"{view.b.label} → {view.a.label}"
    return f"{view.a.label} {ARROWS[view.pair.direction]} {view.b.label}"


def former_name(a: str, way: Direction, b: str) -> str:
    """`Work → Home (removed)`: a pair that is no more."""
    first, second = (b, a) if way is Direction.B_TO_A else (a, b)
    arrow = ARROWS[Direction.BIDIRECTIONAL if way is Direction.BIDIRECTIONAL else Direction.A_TO_B]
    return f"{first} {arrow} {second} (removed)"


def short_names(views: Iterable[PairView]) -> dict[str, str]:
    """`Work → Home` by pair id; the whole name where two pairs would be called the same."""
    views = tuple(views)
    short = {}
    for view in views:
        a, b = view.a.connection.name, view.b.connection.name
        if view.pair.direction is Direction.B_TO_A:
            a, b = b, a
        arrow = ARROWS[Direction.BIDIRECTIONAL if view.pair.direction is Direction.BIDIRECTIONAL else Direction.A_TO_B]
        short[view.pair.id] = f"{a} {arrow} {b}"
    count = Counter(short.values())
    return {view.pair.id: short[view.pair.id] if count[short[view.pair.id]] == 1 else pair_name(view) for view in views}


def pair_kind(pair: SyncPair) -> str:
    """Direction and mode: `One way, busy only`."""
    way = "Both ways" if pair.direction is Direction.BIDIRECTIONAL else "One way"
    return f"{way}, {MODE_WORDS[pair.mode].lower()}"


def account_name(account: Account) -> str:
    """`Google · ana@gmail.com`."""
    return f"{PROVIDER_NAMES[account.provider]} · {account.email}"


def action_sign(action: ActionRecord) -> Sign:
    """What was done, or would be, or could not be."""
    if stays(action):
        return UP_TO_DATE
    sign = VERB_SIGNS[action.verb]
    if action.result is ActionResult.DONE:
        return Sign(sign.icon, DONE_WORDS[action.verb], sign.tone)
    if action.result is ActionResult.FAILED:
        return Sign("circle-x", "Failed", Tone.FAILED)
    if action.result is ActionResult.HELD:
        return Sign("hand", "Waits for you", Tone.ATTENTION)
    if action.result is ActionResult.WAITING:
        return Sign("clock", "Waiting", Tone.QUIET)
    return sign


def reason(code: str | None) -> str:
    """Why a run was skipped or interrupted, in words."""
    return REASON_WORDS.get(code or "", "It ended before it could do anything.")


def changes(counts: Counts) -> str:
    """What a run wrote: `3 added, 1 changed`, or `No changes`."""
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (counts.created, "added"),
            (counts.updated, "changed"),
            (counts.deleted, "removed"),
            (counts.held, "held"),
            (counts.failed, "failed"),
        )
        if number
    ]
    return ", ".join(parts) or "No changes"


def stays(action: ActionRecord) -> bool:
    """Whether an action only says that nothing has to be done."""
    return action.verb is Verb.SKIP and action.reason == NOTHING_TO_DO


_PLANNED_ORDER = (
    *(Verb.CREATE, Verb.UPDATE, Verb.WRITE_BACK, Verb.DELETE, Verb.DELETE_ORIGINAL),
    *(Verb.RESTORE_ORIGINAL, Verb.RELEASE, Verb.UNLINK, Verb.ADOPT, Verb.HOLD, Verb.ASK, Verb.SKIP),
)


def in_order_of_plan(actions: Iterable[ActionRecord]) -> tuple[ActionRecord, ...]:
    """The actions of a preview in the order in which people look for them: what would be added, changed and removed,
    what would wait, what is left out, and last what stays as it is. Each kind keeps its order."""
    return tuple(sorted(actions, key=lambda action: (stays(action), _PLANNED_ORDER.index(action.verb))))


@dataclass(frozen=True, slots=True)
class Planned:
    """What a preview would do, by its actions: the counts of its run are of what was written, so of nothing."""

    to_add: int = 0
    to_change: int = 0
    to_remove: int = 0
    would_wait: int = 0
    up_to_date: int = 0
    left_out: int = 0


def planned(actions: Iterable[ActionRecord]) -> Planned:
    """Count what a preview would do."""
    actions = tuple(actions)
    verbs = Counter(action.verb for action in actions if not stays(action))
    return Planned(
        to_add=verbs[Verb.CREATE],
        to_change=verbs[Verb.UPDATE] + verbs[Verb.WRITE_BACK],
        to_remove=verbs[Verb.DELETE] + verbs[Verb.DELETE_ORIGINAL],
        would_wait=verbs[Verb.HOLD] + verbs[Verb.ASK],
        up_to_date=sum(1 for action in actions if stays(action)),
        left_out=verbs[Verb.SKIP],
    )


def would(counts: Planned) -> str:
    """`36 to add · 0 to change · 0 to remove · 5 left out`, or `Nothing to do · 32 up to date · 8 left out`."""
    parts = ["Nothing to do"]
    if counts.to_add or counts.to_change or counts.to_remove or counts.would_wait:
        parts = [f"{counts.to_add:,} to add", f"{counts.to_change:,} to change", f"{counts.to_remove:,} to remove"]
    for number, word in (
        (counts.would_wait, "would wait for you"),
        (counts.up_to_date, "up to date"),
        (counts.left_out, "left out"),
    ):
        if number:
            parts.append(f"{number:,} {word}")
    return " · ".join(parts)


def undoable(view: UndoView) -> str:
    """`2 of 3 can be undone; 1 was edited since (left alone).`"""
    total, states = len(view.changes), Counter(change.state for change in view.changes)
    if not total:
        return "This run changed nothing."
    parts = [f"{view.possible:,} of {total:,} can be undone"]
    for state, one, many in (
        (Undoable.CHANGED_SINCE, "was edited since (left alone)", "were edited since (left alone)"),
        (Undoable.UNDONE, "is undone already", "are undone already"),
        (Undoable.NOT_UNDOABLE, "cannot be taken back", "cannot be taken back"),
        (Undoable.COULD_NOT_ASK, "could not be looked at", "could not be looked at"),
    ):
        if states[state]:
            parts.append(f"{states[state]:,} {one if states[state] == 1 else many}")
    return "; ".join(parts) + "."


def undone(run: Run) -> str:
    """`Undone: 32 copies removed, 3 brought back, 2 changed back.`, or how far it is."""
    if not run.status.ended:
        return "This takes longer than usual. The result will be under Activity."
    counts = run.counts
    kinds = (
        (counts.deleted, "copy", "copies", "removed"),
        (counts.created, "event", "events", "brought back"),
        (counts.updated, "event", "events", "changed back"),
    )
    parts: list[str] = []
    for number, one, many, done in kinds:
        if number:
            told = f"{number:,}" if parts else plural(number, one, many)
            parts.append(f"{told} {done}")
    return f"Undone: {', '.join(parts)}." if parts else "Nothing was undone."


def may_undo(run: Run, now: datetime) -> bool:
    """Whether a run wrote anything that a person may still undo."""
    wrote = run.counts.created + run.counts.updated + run.counts.deleted
    recent = run.finished_at is not None and now - run.finished_at < UNDO_KEPT
    return run.status.ended and not run.dry and wrote > 0 and recent


def run_changes(run: Run) -> str:
    """What a run wrote, or would have, or a dash while nobody knows."""
    if not run.status.ended or run.status is RunStatus.SKIPPED:
        return "–"
    if run.status is RunStatus.FAILED and run.counts == Counts():
        return "–"
    if run.dry:
        return "Preview"  # it writes nothing, so its counts tell nothing: its actions do
    return changes(run.counts)


def pair_sign(view: PairView, now: datetime | None = None) -> Sign:
    """The pair's state, with a number or a time where that says more; with `now` the day too, when it is another."""
    sign = PAIR_SIGNS[view.state]
    if view.state is PairState.HELD and view.held:
        return Sign(sign.icon, f"{view.held:,} on hold", sign.tone)
    if view.state is PairState.SYNCING and view.progress is not None:
        progress = view.progress
        if progress.stopping:
            return Sign(sign.icon, "Stopping", sign.tone)
        if progress.phase is Phase.WRITING and progress.total:
            return Sign(sign.icon, f"Syncing {progress.done:,} of {progress.total:,}", sign.tone)
    if view.state is PairState.PAUSED and view.pair.paused_until is not None:
        return Sign(sign.icon, f"Paused until {time_words.near(view.pair.paused_until, now)}", sign.tone)
    return sign


def last_and_next(status: StatusView, now: datetime) -> str:
    """`Last sync 2 min ago · next in 8 min`."""
    parts = []
    if status.last_synced_at is not None:
        parts.append(f"Last sync {time_words.ago(status.last_synced_at, now)}")
    if status.next_run_at is not None:
        parts.append(f"next {time_words.ahead(status.next_run_at, now)}")
    text = " · ".join(parts)
    return text[:1].upper() + text[1:]


def tooltip(status: StatusView) -> str:
    """`Kalends — up to date, checked 14:02. 1 account needs sign-in.`: absolute times stay true while nobody looks."""
    text = f"Kalends — {ROLL_UP_SIGNS[status.state].word.lower()}"
    if status.last_synced_at is not None:
        text += f", checked {time_words.clock(status.last_synced_at)}"
    return " ".join([f"{text}.", *_needs(status.problems)])


def _needs(problems: Sequence[Problem]) -> list[str]:
    """What needs the person, worst first: sign-ins by their number, of the rest the worst."""
    ended = [problem for problem in problems if problem.action == "reconnect" and problem.code != SIGN_IN_EXPIRES]
    rest = [problem for problem in problems if problem not in ended]
    parts = [(problems.index(rest[0]), rest[0].sentence)] if rest else []
    if ended:
        need = "1 account needs sign-in." if len(ended) == 1 else f"{len(ended)} accounts need sign-in."
        parts.append((problems.index(ended[0]), need))
    return [sentence for _, sentence in sorted(parts)]
