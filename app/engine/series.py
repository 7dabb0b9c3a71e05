"""Cancelled and changed occurrences inside a copied series whose master is as it should be (`engine.md` §5). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from app.domain.events import Event, Fields
from app.domain.links import Copy, CopyForm, CopyState, Link, LinkState, Op
from app.domain.pairs import CopyEdited
from app.domain.runs import Verb
from app.domain.times import Moment
from app.engine.comparison import Comparison, counted_rewrites, is_frozen
from app.engine.decisions import Case, Decision, Step
from app.engine.fingerprint import all_hashes, below, differing, hashes
from app.engine.judge import Judge
from app.engine.originals import Unit, start_of, wall_start
from app.engine.wishes import Wish

SINCE = "since"
"""Name in the base of an occurrence that stays away: stamp of its series when it was last seen to lack it."""
SHARED = "shared"
"""Name in the same base where another installation was known by then, which may have taken the occurrence out itself,
for the original: nothing in the calendar tells that from a person's hand."""


class SeriesPlanner:
    """Plans what differs inside one copied series, occurrence by occurrence."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def inside(self, case: Case, decision: Decision, wish: Wish, parts: list[Wish], copy: Copy, target: Unit) -> None:
        """Cancelled and changed occurrences of a series whose master is as it should be."""
        master = target.fields
        if master is None:
            raise ValueError("a copied series is planned only when its master was read")
        parts_by_occ = {part.occ: part for part in parts}
        if self._revived(case, decision, wish, copy, target, parts_by_occ):
            return
        for occ, start in sorted(wish.cancelled.items()):
            away = case.links[occ] if self._judge.is_away(case, occ) else None
            if occ in target.cancelled:
                if away is not None and away.base_original.get(SINCE) != copy.stamp:
                    decision.links.append(replace(away, base_original={**away.base_original, SINCE: copy.stamp}))
            elif away is not None and self._came_back(away, copy, target):
                decision.unlink.append(occ)
            elif self._waits(case, occ):
                self._judge.skip(decision, occ, "backing_off", event=wish.source)
            else:
                decision.steps.append(self._cancel(case, wish, copy, target, occ, start))
        for _, part in sorted(parts_by_occ.items()):
            self._occurrence(case, decision, part, copy, target, master)
        for occ, event in sorted(target.exceptions.items()):
            if occ not in parts_by_occ and occ not in wish.cancelled and occ not in wish.leavable:
                self._regular_again(case, decision, wish, occ, event, copy, target, master)

    def _revived(
        self, case: Case, decision: Decision, wish: Wish, copy: Copy, target: Unit, parts: Mapping[str, Wish]
    ) -> bool:
        """Occurrences the copy lacks but should have: if we took them away, the series is made anew."""
        rebuilt = False
        for occ in sorted(target.cancelled.keys() - wish.cancelled.keys()):
            if not self._judge.wisher.occurs(wish.fields, occ):
                continue  # the series has no such date, so none is missing
            if occ in copy.cancelled or not self._judge.blames_a_person:
                rebuilt = True
            else:
                decision.links.append(
                    Link(
                        self._judge.direction.id,
                        decision.original_id,
                        occ,
                        state=LinkState.AWAY,
                        reason="stays_away",
                        base_original={SINCE: copy.stamp, **({SHARED: "yes"} if self._judge.direction.shared else {})},
                    )
                )
                self._judge.skip(decision, occ, "stays_away", event=parts[occ].source if occ in parts else wish.source)
        if rebuilt:
            decision.steps.append(self._judge.delete(wish.occ, copy, target, "occurrence_restored", wish.source))
        return rebuilt

    def _came_back(self, away: Link, copy: Copy, target: Unit) -> bool:
        """Whether a date that stays away is to be followed again: no write of ours brought it back, so a person did; or
        another installation did, which knows whether it was it that had taken it out. One that had not been seen by
        then cannot know what a person took away before."""
        if away.base_original.get(SINCE) == copy.stamp:
            return True
        by_other = target.event is not None and self._judge.by_other_installation(target.event)
        return SHARED in away.base_original and by_other

    def _waits(self, case: Case, occ: str) -> bool:
        link = case.links.get(occ)
        return link is not None and link.retry_at is not None and link.retry_at > self._judge.now

    def _cancel(self, case: Case, wish: Wish, copy: Copy, target: Unit, occ: str, start: Moment) -> Step:
        return Step(
            verb=Verb.UPDATE,
            op=Op.CANCEL_OCCURRENCE,
            occ=occ,
            copy_key=self._judge.wisher.key(self._original_of(wish), occ, case.links),
            form=CopyForm.OCCURRENCE,
            reason="occurrence_cancelled",
            target_id=copy.event_id,
            occurrence_start=self._start_in(target, start),
            parent=copy.copy_key,
            copy=copy,
            before=target.exceptions.get(occ),
            follows_original=True,
            source=wish.source,
        )

    @staticmethod
    def _original_of(wish: Wish) -> str:
        return wish.source.unit

    @staticmethod
    def _start_in(target: Unit, start: Moment) -> Moment:
        fields = target.fields
        return wall_start(start, fields) if fields is not None else start

    def _occurrence(
        self, case: Case, decision: Decision, part: Wish, parent: Copy, target: Unit, master: Fields
    ) -> None:
        if part.occurrence_start is None:
            raise ValueError("an occurrence without its original start is nowhere")
        link = case.links.get(part.occ)
        if part.copy_key in case.pending:
            self._judge.skip(decision, part.occ, "pending", event=part.source)
            return
        if link is not None and self._judge.backs_off(link, part):
            self._judge.skip(decision, part.occ, "backing_off", event=part.source)
            return
        start = self._start_in(target, part.occurrence_start)
        event = target.exceptions.get(part.occ)
        regular = replace(master, when=master.when.moved_to(start), recurrence=None)
        there = event.fields if event is not None and event.fields is not None else regular
        known = case.copies.get(part.copy_key)
        copy = known if known is not None and known.state is CopyState.LIVE else None
        if event is None and copy is not None and not copy.etag:
            copy = None  # its master was written since, and the service took the exception back
        copy = copy or Copy(
            self._judge.direction.id,
            part.copy_key,
            parent=parent.copy_key,
            form=CopyForm.OCCURRENCE,
            state=CopyState.LIVE,
            pins=known.pins if known is not None else {},
        )
        actual = hashes(self._judge.wisher.normal(there))
        subject = event or Event(id="", marker_known=False)
        comparison = self._judge.compare(part, actual | below(there), subject, copy, link)
        if copy.base_copy and self._judge.must_ask(case, decision, comparison, subject, copy):
            return
        if comparison.write:
            step = self._judge.update(part, link, copy, subject, comparison)
            decision.steps.append(
                replace(
                    step,
                    op=Op.UPDATE_OCCURRENCE,
                    reason="occurrence_changed" if step.reason == "copy_unknown" else step.reason,
                    target_id=parent.event_id,
                    etag=event.etag if event is not None else "",
                    occurrence_start=start,
                    parent=parent.copy_key,
                    before=event,
                )
            )
        elif event is not None:
            settled = replace(copy, event_id=event.id)
            self._judge.settle(decision, part, link, settled, event, comparison)
            if settled != known and not any(c.copy_key == part.copy_key for c in decision.copies):
                decision.copies.append(replace(settled, wanted=dict(part.hashes), base_copy=actual))

    def _regular_again(
        self,
        case: Case,
        decision: Decision,
        wish: Wish,
        occ: str,
        event: Event,
        parent: Copy,
        target: Unit,
        master: Fields,
    ) -> None:
        """An exception in the copy that the original does not have (any more)."""
        if event.original_start is None or event.fields is None:
            return
        key = self._judge.wisher.key(decision.original_id, occ, case.links)
        if key in case.pending:
            return
        if self._waits(case, occ):
            self._judge.skip(decision, occ, "backing_off", event=wish.source)
            return
        start = self._start_in(target, event.original_start)
        if not self._judge.wisher.occurs(wish.fields, occ):
            # The series has no such date (any more): what is left of it goes.
            decision.steps.append(self._cancel(case, wish, parent, target, occ, start))
            return
        regular_start = start_of(occ, wish.fields) or start
        moved = replace(
            wish.fields, when=wish.fields.when.moved_to(self._like(wish.fields, regular_start)), recurrence=None
        )
        regular = self._judge.wisher.normal(moved)
        wanted = all_hashes(regular)
        actual = hashes(self._judge.wisher.normal(event.fields))
        ours = case.copies.get(key)
        as_left = ours is not None and bool(ours.base_copy) and dict(ours.base_copy) == actual
        if as_left and ours is not None and dict(ours.wanted) == wanted:
            return  # what the service made of our own write
        by_hand = not as_left and (ours is None or not ours.event_id)
        # What a person did below our line is no edit; what we wrote there for an exception that was one is out of date.
        names = differing(hashes(regular), actual) if by_hand else differing(wanted, actual | below(event.fields))
        if not names or (by_hand and self._judge.policy is CopyEdited.KEEP):
            return
        if by_hand and not case.asked_original:
            decision.ask_original = True
            return
        link = case.links.get(occ)
        comparison = Comparison(write=names)
        if by_hand and link is not None and all(is_frozen(link.rewrites.get(name), wanted[name]) for name in names):
            self._judge.skip(decision, occ, "frozen", event=wish.source)
            return
        decision.steps.append(
            Step(
                verb=Verb.UPDATE,
                op=Op.UPDATE_OCCURRENCE,
                occ=occ,
                copy_key=key,
                form=CopyForm.OCCURRENCE,
                reason="copy_edited" if by_hand else "occurrence_changed",
                target_id=parent.event_id,
                etag=event.etag,
                fields=regular,
                wanted=wanted,
                occurrence_start=start,
                parent=parent.copy_key,
                names=names,
                copy=ours,
                before=event,
                rewrites=counted_rewrites(link, comparison, wanted) if by_hand else {},
                source=wish.source,
            )
        )

    @staticmethod
    def _like(fields: Fields, start: Moment) -> Moment:
        if fields.when.all_day:
            return start.date() if isinstance(start, datetime) else start
        return wall_start(start, fields)
