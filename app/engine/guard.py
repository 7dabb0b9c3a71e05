"""The guard: which planned actions must wait for the user (`engine.md` §10). Pure; counted in originals.

Holds nothing for a command of the user, a change of form, or originals the user has already answered for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.links import Op
from app.domain.ports import Tally
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

_LOSSES: tuple[HoldCause, ...] = (HoldCause.MASS_DELETE, HoldCause.SOURCE_EMPTY)
_CHANGES: tuple[HoldCause, ...] = (HoldCause.MASS_CHANGE,)
_ORIGINALS: tuple[HoldCause, ...] = (HoldCause.ORIGINALS_DELETED,)


@dataclass(slots=True)
class Verdict:
    """Decisions that may go on, those that wait, by cause, and those of which the user said that nothing is done."""

    go: list[Decision] = field(default_factory=list)
    held: dict[HoldCause, list[Decision]] = field(default_factory=dict)
    kept: list[Decision] = field(default_factory=list)


def guard(
    decisions: Sequence[Decision],
    tally: Tally,
    *,
    source_empty: bool,
    answers: Mapping[tuple[HoldCause, str], HoldAnswer],
) -> Verdict:
    """Split decisions into those that go on, those that are held, and those that are kept from happening.

    Args:
        tally: live copies and yesterday's deletions of the direction, before this run's writes. With several
            installations in the pair, what one of them deletes looks like a person's deletion to the other.
        source_empty: nothing that people made is left in the source.
        answers: what the user said, by cause and original. A yes or no to one loss is one to any: how many others
            there are by now does not change it.
    """
    verdict = Verdict()
    losing = [d for d in decisions if any(step.loses for step in d.steps)]
    losers = {id(d) for d in losing}
    changing = [
        d
        for d in decisions
        if id(d) not in losers and any(_follows(step.op) and step.follows_original for step in d.steps)
    ]
    lose_cause = _why_hold_losses(len(losing), tally, source_empty=source_empty)
    change_cause = (
        HoldCause.MASS_CHANGE if tally.live >= CHANGE_AT_LEAST and len(changing) > tally.live * CHANGE_SHARE else None
    )
    changers = {id(d) for d in changing}
    deleting = {id(d) for d in decisions if any(step.op is Op.DELETE_ORIGINAL for step in d.steps)}
    many = len(deleting) + tally.originals_deleted_24h > ORIGINALS_A_DAY
    originals_cause = HoldCause.ORIGINALS_DELETED if many or tally.other_installation else None
    for decision in decisions:
        if id(decision) in deleting:
            cause, related = originals_cause, _ORIGINALS
        elif id(decision) in losers:
            cause, related = lose_cause, _LOSSES
        elif id(decision) in changers:
            cause, related = change_cause, _CHANGES
        else:
            verdict.go.append(decision)
            continue
        said = {answers.get((one, decision.original_id)) for one in related}
        if HoldAnswer.KEPT in said:
            verdict.kept.append(decision)
        elif cause is None or HoldAnswer.APPROVED in said:
            verdict.go.append(decision)
        else:
            verdict.held.setdefault(cause, []).append(decision)
    return verdict


def _why_hold_losses(losing: int, tally: Tally, *, source_empty: bool) -> HoldCause | None:
    if losing == 0:
        return None
    if source_empty and tally.live >= EMPTY_AT_LEAST:
        return HoldCause.SOURCE_EMPTY
    if losing > max(FEW, tally.live * RUN_SHARE):
        return HoldCause.MASS_DELETE
    in_a_day = losing + tally.deleted_24h
    if in_a_day > max(FEW, (tally.live + tally.deleted_24h) * DAY_SHARE):
        return HoldCause.MASS_DELETE
    return None


def _follows(op: Op) -> bool:
    return op in (Op.UPDATE, Op.UPDATE_OCCURRENCE, Op.CANCEL_OCCURRENCE)
