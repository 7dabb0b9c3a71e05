"""The guard: which planned actions must wait for the user (`engine.md` §10). Pure; counted in originals.

Holds nothing for a command of the user, a change of form, or originals the user has already answered for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.ledger import Tally
from app.domain.links import Op
from app.domain.runs import HoldAnswer, HoldCause
from app.engine.decisions import Decision

FEW = 5
"""So many originals may always lose their copies in one run, and in a day."""
RUN_SHARE = 0.10
DAY_SHARE = 0.20
CHANGE_SHARE = 0.5
CHANGE_AT_LEAST = 10
ORIGINALS_A_DAY = 3
"""So many originals may be deleted in a day because a person deleted their copies."""
EMPTY_AT_LEAST = 2
"""A source counts as emptied when at least so many of its originals had copies."""

REKEYED_SHARE = 0.5
ORPHANED = "original_missing"
"""Reason of the removal of a copy that no original explains."""
GONE = "original_gone"
"""Reason of the removal of a copy whose original is proved gone."""

_LOSSES: tuple[HoldCause, ...] = (
    HoldCause.MASS_DELETE,
    HoldCause.SOURCE_EMPTY,
    HoldCause.CALENDAR_CHANGED,
    HoldCause.FILTERS_NARROWED,
)
_CHANGES: tuple[HoldCause, ...] = (HoldCause.MASS_CHANGE, HoldCause.CALENDAR_CHANGED)
_SHRINKING: tuple[HoldCause, ...] = (HoldCause.SERIES_SHRANK,)
_ORPHANS: tuple[HoldCause, ...] = (HoldCause.COPIES_WITHOUT_ORIGINAL,)
_ORIGINALS: tuple[HoldCause, ...] = (HoldCause.ORIGINALS_DELETED,)


@dataclass(slots=True)
class Verdict:
    """Decisions that may go on, those that wait, by cause, and those of which the user said that nothing is done.

    Args:
        relinked: originals whose copies follow another one from now on: id to the new one's.
        waiting: new originals that wait with those they seem to replace.
    """

    go: list[Decision] = field(default_factory=list)
    held: dict[HoldCause, list[Decision]] = field(default_factory=dict)
    kept: list[Decision] = field(default_factory=list)
    relinked: dict[str, str] = field(default_factory=dict)
    waiting: list[Decision] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Signs:
    """What makes a run suspicious beside the number of what it would do.

    Args:
        source_empty: nothing that people made is left in the source.
        calendar_changed: account, role or zone of a calendar is another than in the last good run.
        rekeyed: originals that vanished, each with the new one that seems to be the same event.
    """

    source_empty: bool = False
    calendar_changed: bool = False
    rekeyed: Mapping[str, str] = field(default_factory=dict)


def guard(
    decisions: Sequence[Decision],
    tally: Tally,
    *,
    signs: Signs,
    answers: Mapping[tuple[HoldCause, str], HoldAnswer],
) -> Verdict:
    """Split decisions into those that go on, those that are held, and those that are kept from happening.

    Args:
        tally: live copies and yesterday's deletions of the direction, before this run's writes. With several
            installations in the pair, what one of them deletes looks like a person's deletion to the other.
        answers: what the user said, by cause and original. A yes or no to one loss is one to any: how many others
            there are by now does not change it. Only a yes to narrower filters is none to a deletion.
    """
    verdict = Verdict()
    decisions = _split_rekeyed(decisions, tally, signs, answers, verdict)
    losing = [d for d in decisions if d.loses and not _is_orphan(d)]
    losers = {id(d) for d in losing}
    changing = [
        d
        for d in decisions
        if id(d) not in losers and any(_follows(step.op) and step.follows_original for step in d.steps)
    ]
    lose_cause = _why_hold_losses(len(losing), tally, signs)
    change_cause = _why_hold_changes(len(changing), tally, signs)
    changers = {id(d) for d in changing}
    deleting = {id(d) for d in decisions if any(step.op is Op.DELETE_ORIGINAL for step in d.steps)}
    many = len(deleting) + tally.originals_deleted_24h > ORIGINALS_A_DAY
    # None is left that could tell of another installation, whose owner may have taken the pair's copies away.
    many |= len(deleting) >= max(EMPTY_AT_LEAST, tally.live)
    originals_cause = HoldCause.ORIGINALS_DELETED if many or tally.other_installation else None
    for decision in decisions:
        cause: HoldCause | None
        if id(decision) in deleting:
            cause, related = originals_cause, _ORIGINALS
        elif _is_orphan(decision):
            cause, related = HoldCause.COPIES_WITHOUT_ORIGINAL, _ORPHANS
        elif id(decision) in losers:
            cause, related = _by_filter(decision, lose_cause), _LOSSES
        elif decision.shrinks:
            cause, related = HoldCause.SERIES_SHRANK, _SHRINKING
        elif id(decision) in changers:
            cause, related = change_cause, _CHANGES
        else:
            verdict.go.append(decision)
            continue
        said = {answers.get((one, decision.original_id)) for one in related}
        if HoldAnswer.KEPT in said:
            verdict.kept.append(decision)
        elif cause is None or HoldAnswer.APPROVED in _meant(decision, related, answers):
            verdict.go.append(decision)
        else:
            verdict.held.setdefault(cause, []).append(decision)
    return verdict


def _split_rekeyed(
    decisions: Sequence[Decision],
    tally: Tally,
    signs: Signs,
    answers: Mapping[tuple[HoldCause, str], HoldAnswer],
    verdict: Verdict,
) -> list[Decision]:
    """Settle what is there again under another id; returns the other decisions, for the other rules."""
    many = len(signs.rekeyed) > max(FEW, tally.live * REKEYED_SHARE)
    by_id = {decision.original_id: decision for decision in decisions}
    settled: set[str] = set()
    for old, new in signs.rekeyed.items():
        said = answers.get((HoldCause.REKEYED, old))
        if said is None and not many:
            continue
        vanished, newcomer = by_id[old], by_id[new]
        settled |= {old, new}
        if said is HoldAnswer.APPROVED:
            verdict.go.extend((vanished, newcomer))
            continue
        if said is HoldAnswer.KEPT and (vanished.steps or vanished.leaves):
            verdict.relinked[old] = new
            continue
        # What could not be proved gone yet takes no copy away, and yet must not get a second one.
        verdict.waiting.append(newcomer)
        if said is None:
            verdict.held.setdefault(HoldCause.REKEYED, []).append(vanished)
    return [decision for decision in decisions if decision.original_id not in settled]


def _meant(
    decision: Decision, related: Sequence[HoldCause], answers: Mapping[tuple[HoldCause, str], HoldAnswer]
) -> set[HoldAnswer | None]:
    """What was said of this very thing: a yes to narrower filters is none to what is deleted by now."""
    gone = GONE in decision.losses
    return {
        answers.get((one, decision.original_id)) for one in related if not (gone and one is HoldCause.FILTERS_NARROWED)
    }


def _is_orphan(decision: Decision) -> bool:
    return any(step.reason == ORPHANED for step in decision.steps)


def _by_filter(decision: Decision, cause: HoldCause | None) -> HoldCause | None:
    """Its original is there: too many to lose all the same, but for another reason."""
    wanted_no_more = GONE not in decision.losses
    return HoldCause.FILTERS_NARROWED if cause is HoldCause.MASS_DELETE and wanted_no_more else cause


def _why_hold_losses(losing: int, tally: Tally, signs: Signs) -> HoldCause | None:
    if losing == 0:
        return None
    if signs.calendar_changed:
        return HoldCause.CALENDAR_CHANGED
    if signs.source_empty and tally.live >= EMPTY_AT_LEAST:
        return HoldCause.SOURCE_EMPTY
    if losing > max(FEW, tally.live * RUN_SHARE):
        return HoldCause.MASS_DELETE
    in_a_day = losing + tally.deleted_24h
    if in_a_day > max(FEW, (tally.live + tally.deleted_24h) * DAY_SHARE):
        return HoldCause.MASS_DELETE
    return None


def _why_hold_changes(changing: int, tally: Tally, signs: Signs) -> HoldCause | None:
    if signs.calendar_changed:
        return HoldCause.CALENDAR_CHANGED
    many = tally.live >= CHANGE_AT_LEAST and changing > tally.live * CHANGE_SHARE
    return HoldCause.MASS_CHANGE if many else None


def _follows(op: Op) -> bool:
    return op in (Op.UPDATE, Op.UPDATE_OCCURRENCE, Op.CANCEL_OCCURRENCE)
