"""How everything is doing, in one word and one sentence, with what needs the person. Derived; keeps nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from app.domain.accounts import Account, AccountStatus
from app.domain.pairs import Direction, PairState, PairStatus
from app.services.connections import Connections
from app.services.pairs import Pairs, held_sentence
from app.services.views import (
    EVERYTHING,
    PROVIDER_NAMES,
    SIGN_IN_EXPIRES,
    PairView,
    Problem,
    RollUp,
    StatusView,
    Viewer,
)

_WORST_FIRST = (
    (RollUp.HELD, PairState.HELD),
    (RollUp.NEEDS_SIGN_IN, PairState.NEEDS_SIGN_IN),
    (RollUp.ATTENTION, PairState.ATTENTION),
    (RollUp.FAILED, PairState.FAILED),
    (RollUp.SYNCING, PairState.SYNCING),
    (RollUp.SYNCING, PairState.QUEUED),
    (RollUp.WAITING, PairState.WAITING),
)

ENDS_SOON = timedelta(hours=48)
"""A sign-in that ends in so short a time is named before it does."""

_PROBLEMS_WORST_FIRST = (str(PairState.HELD), *(str(status) for status in AccountStatus), str(PairState.ATTENTION))
"""Codes of problems in the order of the roll-up; what is not here comes after them, what is none yet last."""

_ARROWS = {Direction.A_TO_B: "→", Direction.B_TO_A: "←", Direction.BIDIRECTIONAL: "↔"}

_SENTENCES = {
    RollUp.HELD: "Something waits for your decision.",
    RollUp.NEEDS_SIGN_IN: "An account needs you to sign in again.",
    RollUp.ATTENTION: "Something needs your attention; the rest is in sync.",
    RollUp.FAILED: "The last sync failed.",
    RollUp.SYNCING: "Syncing your calendars…",
    RollUp.PAUSED: "Syncing is paused.",
    RollUp.OFFLINE: "You're offline. Syncing resumes by itself.",
    RollUp.UP_TO_DATE: "Everything is in sync.",
    RollUp.NOTHING_TO_SYNC: "Nothing to sync yet.",
}


class Status:
    """Answers "how is it going?".

    Args:
        now: the clock.
        api_url: where the local API is, None while it is off.
        standstill: why every run waits, None while they do not.
        told: what else happened that a person has to know.
    """

    def __init__(
        self,
        connections: Connections,
        pairs: Pairs,
        *,
        profile: str,
        version: str,
        started_at: datetime,
        now: Callable[[], datetime],
        api_url: Callable[[], str | None],
        standstill: Callable[[], Problem | None] = lambda: None,
        told: Callable[[], Problem | None] = lambda: None,
    ) -> None:
        self._connections = connections
        self._pairs = pairs
        self._profile = profile
        self._version = version
        self._started_at = started_at
        self._now = now
        self._api_url = api_url
        self._standstill = standstill
        self._told = told

    def overall(self, viewer: Viewer = EVERYTHING) -> StatusView:
        """The state of everything a viewer sees."""
        accounts = self._connections.accounts(viewer)
        pairs = self._pairs.list(viewer)
        state = _roll_up(accounts, pairs)
        synced = [view.pair.last_synced_at for view in pairs if view.pair.last_synced_at is not None]
        problems = [*_account_problems(accounts, pairs), *_pair_problems(pairs), *_coming(accounts, self._now())]
        standstill = self._standstill()
        if viewer == EVERYTHING:
            # They name files of this computer: no business of a key that sees a pair or two.
            problems += [problem for problem in (standstill, self._told()) if problem is not None]
        if standstill is not None and state is not RollUp.HELD:
            state = RollUp.ATTENTION
        going = [view.progress for view in pairs if view.progress is not None]
        coming = [view.next_run_at for view in pairs if view.next_run_at is not None]
        return StatusView(
            state=state,
            sentence=_sentence(state, pairs) if standstill is None else standstill.sentence,
            accounts=len(accounts),
            connections=len(self._connections.list(viewer)),
            pairs=len(pairs),
            last_synced_at=max(synced, default=None),
            next_run_at=min(coming, default=None),
            problems=tuple(sorted(problems, key=lambda one: _place(one.code))),
            profile=self._profile,
            version=self._version,
            api_url=self._api_url(),
            started_at=self._started_at,
            syncing=tuple(sorted(going, key=lambda one: one.run_id)),
        )


def _sentence(state: RollUp, pairs: Sequence[PairView]) -> str:
    if state is RollUp.WAITING:
        waiting = {view.problem for view in pairs if view.state is PairState.WAITING} - {None}
        if len(waiting) != 1 or PairState.NEVER_SYNCED in {view.state for view in pairs}:
            return "Not everything is synced yet."
        return str(waiting.pop())
    return _SENTENCES[state]


def pair_name(view: PairView) -> str:
    """A pair by its calendars: `Work (Google) → Home (Microsoft)`."""
    return f"{view.a.label} {_ARROWS[view.pair.direction]} {view.b.label}"


def _roll_up(accounts: Sequence[Account], pairs: Sequence[PairView]) -> RollUp:
    # A decision waits while its pair syncs, too.
    states = {view.state for view in pairs} | {PairState.HELD for view in pairs if _waits_for_decision(view)}
    if any(_is_missed(account, pairs) for account in accounts) and PairState.HELD not in states:
        return RollUp.NEEDS_SIGN_IN
    for roll_up, state in _WORST_FIRST:
        if state in states:
            return roll_up
    if not pairs:
        return RollUp.NOTHING_TO_SYNC
    if states == {PairState.PAUSED}:
        return RollUp.PAUSED
    if PairState.OFFLINE in states:
        return RollUp.OFFLINE
    return RollUp.WAITING if PairState.NEVER_SYNCED in states else RollUp.UP_TO_DATE


def _waits_for_decision(view: PairView) -> bool:
    return view.held > 0 and view.pair.status is PairStatus.ACTIVE


def _account_problems(accounts: Sequence[Account], pairs: Sequence[PairView]) -> list[Problem]:
    problems = []
    for account in accounts:
        if not _is_missed(account, pairs):
            continue
        locked = account.status is AccountStatus.VAULT_LOCKED
        problems.append(
            Problem(
                code=str(account.status),
                sentence=account_sentence(account, pairs),
                action="unlock_vault" if locked else "reconnect",
                account_id=account.id,
            )
        )
    return problems


def _is_missed(account: Account, pairs: Sequence[PairView]) -> bool:
    """Whether an account that is not connected is the person's business: one they signed out of is where a pair that is
    not paused waits for it."""
    if account.status is not AccountStatus.SIGNED_OUT:
        return account.status is not AccountStatus.CONNECTED
    return any(view.pair.status is PairStatus.ACTIVE and _uses(view, account) for view in pairs)


def _uses(view: PairView, account: Account) -> bool:
    return account.id in (view.a.account.id, view.b.account.id)


def account_sentence(account: Account, pairs: Sequence[PairView]) -> str:
    """What is the matter with an account that is not connected, and how many of the pairs wait for it."""
    if account.status is AccountStatus.VAULT_LOCKED:
        return account.problem or "Your password store is locked, so Kalends can't sign in."
    if account.status is AccountStatus.SCOPE_MISSING:
        return f"Calendar access wasn't allowed for {account.email}, so this account can't sync."
    waiting = sum(1 for view in pairs if _uses(view, account))
    if account.status is AccountStatus.SIGNED_OUT:
        return f"You signed out of {account.email}. {_waiting(waiting)}"
    return f"{PROVIDER_NAMES[account.provider]} ended the sign-in for {account.email}. {_waiting(waiting)}"


def expiry_sentence(account: Account, now: datetime) -> str | None:
    """When the sign-in of an account is known to end, None where that is unknown or the account is not signed in."""
    ends = account.expires_at
    if account.status is not AccountStatus.CONNECTED or ends is None or ends <= now:
        return None
    hours = max(1, round((ends - now) / timedelta(hours=1)))
    return (
        f"{PROVIDER_NAMES[account.provider]} ends the sign-in for {account.email} in "
        f"{'an hour' if hours == 1 else f'{hours} hours'}. Sign in again to go on syncing."
    )


def _coming(accounts: Sequence[Account], now: datetime) -> list[Problem]:
    """Sign-ins that end soon: to be renewed while nothing waits for them yet."""
    soon = [account for account in accounts if account.expires_at is not None and account.expires_at - now <= ENDS_SOON]
    sentences = [(account, expiry_sentence(account, now)) for account in soon]
    return [
        Problem(SIGN_IN_EXPIRES, sentence, "reconnect", account_id=account.id)
        for account, sentence in sentences
        if sentence is not None
    ]


def _place(code: str) -> int:
    if code in _PROBLEMS_WORST_FIRST:
        return _PROBLEMS_WORST_FIRST.index(code)
    return len(_PROBLEMS_WORST_FIRST) + (code == SIGN_IN_EXPIRES)


def _waiting(count: int) -> str:
    return "1 pair is waiting." if count == 1 else f"{count} pairs are waiting."


def _pair_problems(pairs: Sequence[PairView]) -> list[Problem]:
    return [
        Problem(
            code=str(PairState.HELD if _waits_for_decision(view) else view.state),
            sentence=f"{pair_name(view)}: {_problem(view)}",
            action=_action(view),
            pair_id=view.pair.id,
            run_id=view.last_run.id if view.last_run is not None else None,
        )
        for view in pairs
        if view.state in (PairState.FAILED, PairState.ATTENTION) or _waits_for_decision(view)
    ]


def _problem(view: PairView) -> str:
    return held_sentence(view.held) if _waits_for_decision(view) else view.problem or "Sync failed."


def _action(view: PairView) -> str:
    if _waits_for_decision(view):
        return "review_hold"
    broken = view.a.connection.problem or view.b.connection.problem
    return "choose_calendar" if view.state is PairState.ATTENTION and broken else "show_run"
