"""What is open now, as alerts: read from accounts, holds, pairs and runs. Pure; decides nothing about speaking.

A sentence here may be read on a locked screen: it names accounts and calendars, never an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.accounts import Account, AccountStatus
from app.domain.alerts import Alert, AlertKind
from app.domain.pairs import PairStatus
from app.domain.runs import Hold, Run
from app.services.hold_words import in_short
from app.services.status import ENDS_SOON, account_sentence, expiry_sentence, pair_name
from app.services.views import PROVIDER_NAMES, PairView, Problem

FAILING_FOR = timedelta(hours=1)
FAILING_RUNS = 5
EXPIRES_WITHIN = (ENDS_SOON, timedelta(hours=6))

_NEEDS_A_PERSON = (AccountStatus.NEEDS_SIGN_IN, AccountStatus.SCOPE_MISSING)
"""A locked password store is not: it opens at the next log-in, and no sign-in opens it."""

PairsById = Mapping[str, PairView]
Found = tuple[Sequence[Alert], datetime | None]
"""Alerts, and when the next one opens only because time goes by."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Since when and how often in a row a pair failed, for reasons that do not go by themselves."""

    since: datetime
    runs: int


def held(holds: Iterable[Hold], pairs: PairsById) -> Iterator[Alert]:
    """What waits for the person's decision (`ux.md` B12)."""
    for hold in holds:
        view = pairs.get(hold.pair_id)
        if view is not None:
            name = pair_name(view)
            sentence = f"{name}: {in_short(hold)}. Nothing was done yet."
            yield Alert(f"hold:{hold.id}", AlertKind.HOLD, name, sentence, pair_id=hold.pair_id)


def standing(standstill: Problem | None, told: Problem | None) -> Iterator[Alert]:
    """What keeps every run waiting, and what was put in the place of the database."""
    if standstill is not None:
        yield Alert(f"standstill:{standstill.code}", AlertKind.STANDSTILL, "Kalends", standstill.sentence)
    if told is not None:
        yield Alert(f"told:{told.code}", AlertKind.RESTORED, "Kalends", told.sentence)


def sign_ins(accounts: Iterable[Account], pairs: PairsById) -> Iterator[Alert]:
    """Accounts whose sign-in ended."""
    for account in accounts:
        if account.status in _NEEDS_A_PERSON:
            sentence = account_sentence(account, tuple(pairs.values()))
            key = f"sign_in:{account.id}"
            yield Alert(key, AlertKind.SIGN_IN_NEEDED, _account_name(account), sentence, account_id=account.id)


def expiring(accounts: Iterable[Account], now: datetime) -> Found:
    """Accounts whose sign-in is known to end soon: an alert two days before, another on the last hours."""
    found, coming = [], []
    for account in accounts:
        ends, sentence = account.expires_at, expiry_sentence(account, now)
        if ends is None or sentence is None:
            continue
        for span in EXPIRES_WITHIN:
            if now < ends - span:
                coming.append(ends - span)
                continue
            # A sign-in made later ends at another moment, and is another occasion.
            key = f"expires:{account.id}:{ends.isoformat()}:{span // timedelta(hours=1)}"
            found.append(Alert(key, AlertKind.SIGN_IN_EXPIRES, _account_name(account), sentence, account_id=account.id))
    return found, min(coming, default=None)


def failing(known: Mapping[str, Failing], pairs: PairsById, now: datetime) -> Found:
    """Pairs that fail for an hour or five times; not those that are paused or wait for a sign-in."""
    found, coming = [], []
    for pair_id, since in known.items():
        view = pairs[pair_id]
        signed_in = all(side.account.status not in _NEEDS_A_PERSON for side in (view.a, view.b))
        if view.pair.status is PairStatus.PAUSED or not signed_in:
            continue
        if since.runs < FAILING_RUNS and now - since.since < FAILING_FOR:
            coming.append(since.since + FAILING_FOR)
            continue
        name, runs = pair_name(view), "the last sync" if since.runs == 1 else f"the last {since.runs} syncs"
        run_id = view.last_run.id if view.last_run is not None else None
        key, sentence = f"failing:{pair_id}:{since.since.isoformat()}", f"{name}: {runs} failed."
        found.append(Alert(key, AlertKind.PAIR_FAILING, name, sentence, pair_id=pair_id, run_id=run_id))
    return found, min(coming, default=None)


def changed(runs: Iterable[Run], pairs: PairsById) -> Iterator[Alert]:
    """Runs that copied something: news for who wants them."""
    for run in runs:
        view = pairs.get(run.pair_id)
        if view is not None:
            name, key = pair_name(view), f"changes:{run.id}"
            sentence = f"{name}: {copied(run)}."
            yield Alert(key, AlertKind.CHANGES_COPIED, name, sentence, pair_id=run.pair_id, run_id=run.id)


def copied(run: Run) -> str:
    """What a run did to copies, empty for nothing."""
    counts = run.counts
    done = ((counts.created, "added"), (counts.updated, "changed"), (counts.deleted, "removed"))
    return ", ".join(f"{number} {word}" for number, word in done if number)


def _account_name(account: Account) -> str:
    return f"{account.email} ({PROVIDER_NAMES[account.provider]})"
