"""The story of a run: one line for everything that was decided and is not a write. Pure.

Writes tell their own line when they end (`closing.story`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from app.domain.events import Event, Fields
from app.domain.links import DirectionRecord, Unreadable
from app.domain.runs import ActionRecord, ActionResult, Verb
from app.engine.decisions import Decision, Step
from app.engine.guard import Verdict
from app.engine.originals import starts_at
from app.engine.reasons import sentence
from app.engine.wishes import COVERED

UNREADABLE = "unreadable"
NAMED_AT_MOST = 3
"""So many titles stand in one sentence."""


class Names(Protocol):
    """Fresh ids."""

    def hold(self) -> str:
        """An id for a hold."""
        ...


def told_by(
    direction: DirectionRecord, decisions: Sequence[Decision], verdict: Verdict, *, first: bool, dry: bool
) -> list[ActionRecord]:
    """Lines for what is held, skipped and adopted; in a dry run for what would be written and what is right too.

    Args:
        first: the run's first round, the only one that looks at every original.
    """
    lines = [
        _line(direction, decision, step.occ, Verb.HOLD, "held", ActionResult.HELD, step)
        for held in verdict.held.values()
        for decision in held
        for step in decision.steps[:1]
    ]
    if first:
        for decision in (d for d in decisions if d.counted):
            lines.extend(
                _line(direction, decision, occ, Verb.SKIP, reason, ActionResult.DONE, None, event)
                for occ, reason, event in decision.skips
            )
            lines.extend(
                _line(direction, decision, occ, Verb.ADOPT, "found_copy", ActionResult.DONE, None, event)
                for occ, event in decision.adopted
            )
    lines.extend(
        _line(direction, decision, leave.occ, Verb.UNLINK, leave.reason, _planned(dry=dry), None)
        for decision in verdict.go
        for leave in decision.leaves
    )
    if dry:
        lines.extend(
            _line(direction, decision, "", Verb.SKIP, "nothing_to_do", ActionResult.DONE, None)
            for decision in decisions
            if decision.counted
            and not (decision.steps or decision.skips or decision.adopted or decision.leaves or decision.covered)
        )
        for decision in (d for d in decisions if d.counted):
            told = {occ for occ, reason, _ in decision.skips if reason == COVERED}
            lines.extend(
                _line(direction, decision, one.occ, Verb.SKIP, COVERED, ActionResult.DONE, None, one.event)
                for one in decision.covered
                if one.occ not in told
            )
        lines.extend(
            _line(direction, decision, step.occ, step.verb, step.reason, ActionResult.PLANNED, step)
            for decision in verdict.go
            for step in decision.steps
        )
    return lines


def told_unreadable(direction: DirectionRecord, unreadable: Sequence[Unreadable]) -> list[ActionRecord]:
    """Lines for originals that cannot be read: nothing is done about them."""
    return [
        ActionRecord(
            direction_id=direction.id,
            original_id=one.event_id,
            occ="",
            verb=Verb.SKIP,
            reason=UNREADABLE,
            sentence=sentence(UNREADABLE),
            result=ActionResult.DONE,
            title=one.title,
        )
        for one in unreadable
    ]


def _line(
    direction: DirectionRecord,
    decision: Decision,
    occ: str,
    verb: Verb,
    reason: str,
    result: ActionResult,
    step: Step | None,
    event: Event | None = None,
) -> ActionRecord:
    subject = event or (step.source or step.before if step is not None else None) or decision.source
    founder = next((one.founder for one in decision.covered if one.occ == occ and reason == COVERED), "")
    beside = step.covers if step is not None else (founder,) if founder else ()
    fields = subject.fields if subject is not None else None
    return ActionRecord(
        direction_id=direction.id,
        original_id=decision.original_id,
        occ=occ,
        verb=verb,
        reason=reason,
        sentence=sentence(reason) + _named(beside, "It also covers" if step is not None else "That block is of"),
        result=result,
        fields=step.names if step is not None else (),
        title=title_of(subject),
        starts_at=told_start(fields, direction.source.zone),
        all_day=fields is not None and fields.when.all_day,
    )


def _planned(*, dry: bool) -> ActionResult:
    return ActionResult.PLANNED if dry else ActionResult.DONE


def _named(titles: Sequence[str], begins: str) -> str:
    """Titles as a sentence to add, three at most; empty without any."""
    if not titles:
        return ""
    shown = [f"“{title}”" if title else "an event without title" for title in titles[:NAMED_AT_MOST]]
    more = len(titles) - len(shown)
    listed = ", ".join(shown) + (f" and {more} more" if more else "")
    return f" {begins} {listed}."


def only_settled(decision: Decision) -> bool:
    """Whether nothing but "its copy is as it should be" is to be said."""
    return all(reason in ("nothing_to_do", "covered_by_block") for _, reason, _ in decision.skips)


def before_of(decision: Decision) -> Event | None:
    """The copy that a decision would change, as it was."""
    return next((step.before for step in decision.steps if step.before is not None), None)


def told_start(fields: Fields | None, zone: str) -> datetime | None:
    """When an event starts, as the story keeps it: an instant, or for whole days the midnight of the date in UTC, since
    a date is the same everywhere. None when it is not known."""
    return starts_at(fields, "UTC" if fields is not None and fields.when.all_day else zone)


def title_of(event: Event | None) -> str:
    """An event's title for display, empty without one."""
    return event.fields.title if event is not None and event.fields is not None else ""
