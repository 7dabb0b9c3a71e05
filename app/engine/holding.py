"""Holds through the rounds of one run: what waits for the user, and what the user answered (`engine.md` §10).

Counting is the guard's work; here answers are looked up, holds opened, renewed and closed through the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.domain.ledger import Ledger, Tally
from app.domain.links import Copy, CopyState, DirectionRecord, Link, LinkState, Op, Seen
from app.domain.runs import ActionRecord, Hold, HoldAnswer, HoldCause, HoldSample
from app.engine.decisions import Decision
from app.engine.guard import EMPTY_AT_LEAST, GONE, ORPHANED, Signs, Verdict, guard
from app.engine.judge import KEPT_AS_IT_WAS
from app.engine.proof import looks_like_ours
from app.engine.rekeying import NOT_ASKED, Vanished, is_new, successors
from app.engine.story import Names, before_of, title_of, told_start

SAMPLES = 5
"""How many of the originals a hold shows."""

_PUT_OFF = (NOT_ASKED, "audit_first", "pending")
"""Reasons why nothing is decided, or done, about an original in this run, though something may be in the next."""


@dataclass(slots=True)
class _Known:
    """Holds as they were at the beginning of the run, and what was answered, by cause and original."""

    holds: dict[HoldCause, Hold] = field(default_factory=dict)
    answers: dict[tuple[HoldCause, str], HoldAnswer] = field(default_factory=dict)


class Holder:
    """Holds of one direction in one run. For each round: `judge`, then (unless it is a dry run) `carry_out`."""

    def __init__(self, direction: DirectionRecord, ledger: Ledger, names: Names, now: datetime) -> None:
        self._direction = direction
        self._ledger = ledger
        self._names = names
        self._now = now
        self._known: _Known | None = None
        self._waiting: dict[HoldCause, dict[str, Decision]] = {}
        self._first = True

    def judge(self, decisions: Sequence[Decision]) -> Verdict:
        """Which of these decisions may go on."""
        if self._known is None:
            self._known = self._look_up()
        tally = self._ledger.tally(self._direction.id, self._now)
        losing = sum(1 for decision in decisions if decision.loses)
        signs = Signs(
            source_empty=self._source_became_empty(losing, tally),
            calendar_changed=self._calendar_changed(self._known),
            rekeyed=self._rekeyed(decisions),
        )
        return guard(decisions, tally, signs=signs, answers=self._known.answers)

    @property
    def concerns_orphans(self) -> bool:
        """Whether copies without an original wait for the user, or were answered for."""
        if self._known is None:
            self._known = self._look_up()
        return HoldCause.COPIES_WITHOUT_ORIGINAL in self._known.holds

    def carry_out(self, verdict: Verdict, decisions: Sequence[Decision]) -> list[Hold]:
        """Open, renew and close holds, after the rows of the decisions were kept. Returns those that are open."""
        known = self._known or _Known()
        links = [link for decision in verdict.kept for link in self._kept_links(decision)]
        self._ledger.save(links, [copy for decision in verdict.kept for copy in _given_up(decision)])
        self._relink(verdict.relinked)
        self._ledger.save([self._waiting_link(decision) for decision in verdict.waiting], [])
        for cause, held in verdict.held.items():
            self._waiting.setdefault(cause, {}).update({decision.original_id: decision for decision in held})
            self.stay_due(held)
        opened = [self._hold(cause, known) for cause in verdict.held]
        if self._first:
            # Later rounds see only a part of the originals, which says nothing of what waits.
            self._close(verdict, decisions, known)
            if HoldCause.CALENDAR_CHANGED not in verdict.held:
                self._accept_calendars()
        self._first = False
        return opened

    def stay_due(self, decisions: Iterable[Decision]) -> None:
        """What waits stays due, so that it is proved again at every run and leaves when its cause does."""
        links = self._ledger.links(self._direction.id, [decision.original_id for decision in decisions])
        self._ledger.save([replace(link, replan_at=self._now) for link in links if link.copy_key], [])

    def _look_up(self) -> _Known:
        known = _Known()
        for cause in HoldCause:
            hold = self._ledger.hold(self._direction.id, cause)
            if hold is None:
                continue
            known.holds[cause] = hold
            if hold.answer is not None:
                known.answers |= {(cause, item): hold.answer for item in self._ledger.hold_items(hold.id)}
        return known

    def _source_became_empty(self, losing: int, tally: Tally) -> bool:
        """Whether nothing that people made is left in the source. Looked at only when all that is linked would go."""
        if losing < max(tally.live, EMPTY_AT_LEAST):
            return False
        source = self._direction.source.id
        living = {
            row.event.unit
            for row in self._ledger.rows(source, None)
            if row.seen is Seen.SEEN and row.event.fields is not None and not looks_like_ours(row.event)
        }
        return living <= self._ledger.known_copies(source, living).keys()

    def _calendar_changed(self, known: _Known) -> bool:
        """Whether a calendar is another than in the last good run, and the user has not been asked about it."""
        before = self._direction.calendars
        hold = known.holds.get(HoldCause.CALENDAR_CHANGED)
        if hold is not None and hold.answer is not None:
            return False
        return bool(before) and before != calendars_of(self._direction)

    def _accept_calendars(self) -> None:
        now = calendars_of(self._direction)
        if self._direction.calendars != now:
            self._ledger.calendars_known(self._direction.id, now)

    def _rekeyed(self, decisions: Sequence[Decision]) -> Mapping[str, str]:
        """Originals that vanished, each with the new one that is the same event."""
        newcomers = [decision for decision in decisions if is_new(decision)]
        lost = [decision for decision in decisions if _may_have_vanished(decision)] if newcomers else []
        if not lost:
            return {}
        ids = [decision.original_id for decision in lost]
        links: dict[str, list[Link]] = {original: [] for original in ids}
        for link in self._ledger.links(self._direction.id, ids):
            if link.copy_key:
                links[link.original_id].append(link)
        rows = {
            row.event.id: row.event
            for row in self._ledger.rows(self._direction.source.id, ids)
            if row.seen is not Seen.SEEN
        }
        vanished = [
            Vanished(decision, links[decision.original_id], rows.get(decision.original_id))
            for decision in lost
            if links[decision.original_id]
        ]
        return successors(vanished, newcomers)

    def _relink(self, relinked: Mapping[str, str]) -> None:
        """Let copies follow the new originals: their ties move, and nothing is written to a calendar."""
        moved = [link for link in self._ledger.links(self._direction.id, list(relinked)) if relinked]
        self._ledger.save(
            [replace(link, original_id=relinked[link.original_id], replan_at=self._now) for link in moved],
            [],
            [(self._direction.id, link.original_id, link.occ) for link in moved],
        )

    def _waiting_link(self, decision: Decision) -> Link:
        return Link(
            self._direction.id, decision.original_id, state=LinkState.SKIPPED, reason="held", replan_at=self._now
        )

    def _hold(self, cause: HoldCause, known: _Known) -> Hold:
        waiting = self._waiting[cause]
        before = known.holds.get(cause)
        opened = before if before is not None and before.answer is None else None
        hold = Hold(
            id=opened.id if opened is not None else self._names.hold(),
            pair_id=self._direction.pair_id,
            direction_id=self._direction.id,
            cause=cause,
            opened_at=opened.opened_at if opened is not None else self._now,
            expected=len(waiting),
            sample_events=self._samples(list(waiting.values())[:SAMPLES]),
        )
        self._ledger.save_hold(hold, sorted(waiting))
        known.holds[cause] = hold
        return hold

    def _samples(self, decisions: Sequence[Decision]) -> tuple[HoldSample, ...]:
        """As a person knows them. Of an original that is gone the view knows nothing more, and its copy may say no more
        than "Busy": the story of the runs that wrote the copy remembers the original's own words."""
        gone = [decision.original_id for decision in decisions if decision.source is None]
        told = self._ledger.last_told(self._direction.id, gone) if gone else {}
        return tuple(self._sample(decision, told.get(decision.original_id)) for decision in decisions)

    def _sample(self, decision: Decision, told: ActionRecord | None) -> HoldSample:
        known = decision.source or before_of(decision)
        fields = known.fields if known is not None else None
        start = told_start(fields, self._direction.source.zone)
        all_day = fields is not None and fields.when.all_day
        if decision.source is not None or told is None:
            return HoldSample(title_of(known), start, all_day)
        return HoldSample(told.title, told.starts_at or start, told.all_day)

    def _close(self, verdict: Verdict, decisions: Sequence[Decision], known: _Known) -> None:
        for cause, hold in known.holds.items():
            if cause in verdict.held:
                continue
            if hold.answer is None or not (_concerns(cause, decisions, known.answers) or self._backs_off(hold)):
                self._ledger.close_hold(hold.id)

    def _backs_off(self, hold: Hold) -> bool:
        """Whether something that was answered was refused, and is tried again later."""
        links = self._ledger.links(self._direction.id, self._ledger.hold_items(hold.id))
        return any(link.retry_at is not None and link.retry_at > self._now for link in links)

    def _kept_links(self, decision: Decision) -> list[Link]:
        """Kept for good where the copy would have gone; where it would have changed, until the original changes on."""
        spared = [step for step in decision.steps if step.op is Op.DELETE_ORIGINAL]
        if spared:
            # The original stays, and the copy that was deleted stays away.
            return [
                Link(
                    self._direction.id,
                    decision.original_id,
                    step.occ,
                    state=LinkState.AWAY,
                    reason="stays_away",
                )
                for step in spared
            ]
        if decision.shrinks:
            lost = {step.occ for step in decision.steps if step.op is Op.DELETE}
            lost |= {leave.occ for leave in decision.leaves}
            # The dates that would have gone stay; of the rest, what is new is planned in the next run.
            return [
                replace(link, state=LinkState.KEPT, reason="kept", base_original={}, replan_at=None)
                if link.occ in lost
                else replace(link, replan_at=self._now)
                for link in self._ledger.links(self._direction.id, [decision.original_id])
                if link.occ in lost or not link.occ
            ]
        as_it_was = {} if decision.loses else {KEPT_AS_IT_WAS: decision.fingerprint}
        links = self._ledger.links(self._direction.id, [decision.original_id])
        return [
            replace(link, state=LinkState.KEPT, reason="kept", base_original=as_it_was, replan_at=None)
            for link in links
            if link.state in (LinkState.LIVE, LinkState.KEPT) and link.copy_key
        ]


def calendars_of(direction: DirectionRecord) -> str:
    """Whose calendars a direction leads between, as what, and in which zones: in one word to compare."""
    ends = (direction.source, direction.target)
    return json.dumps([[end.account_id, str(end.access), end.zone] for end in ends])


def _may_have_vanished(decision: Decision) -> bool:
    """Whether an original is gone, or out of sight and not asked about yet."""
    gone = GONE in decision.losses
    return gone or any(reason == NOT_ASKED for _, reason, _ in decision.skips)


def _given_up(decision: Decision) -> list[Copy]:
    """Rows of copies that are followed no more: a person deleted them and their originals were spared, or no original
    explains them and they are to be kept."""
    orphans = [step.copy for step in decision.steps if step.reason == ORPHANED and step.copy is not None]
    if orphans:
        return [replace(copy, state=CopyState.RELEASED) for copy in orphans]
    return [
        replace(step.copy, state=CopyState.GONE, event_id="", base_copy={}, wanted={}, cancelled=())
        for step in decision.steps
        if step.op is Op.DELETE_ORIGINAL and step.copy is not None
    ]


def _concerns(
    cause: HoldCause, decisions: Sequence[Decision], answers: Mapping[tuple[HoldCause, str], HoldAnswer]
) -> bool:
    """Whether something that was answered is still to be done, or cannot be decided yet: an answered hold is over once
    nothing is."""
    return any(
        (decision.steps or decision.leaves or _is_put_off(decision)) and (cause, decision.original_id) in answers
        for decision in decisions
    )


def _is_put_off(decision: Decision) -> bool:
    return any(reason in _PUT_OFF for _, reason, _ in decision.skips)
