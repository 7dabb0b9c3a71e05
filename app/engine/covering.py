"""Originals that another's copy covers: following a block, leaving it, giving up a copy of their own (`engine.md` §9).

Pure. Nothing is given up before the block's copy is seen to cover it; what a block covers shrinks only after those who
leave it have left. Which blocks there are is decided in `app.engine.blocks`.
"""

from __future__ import annotations

from collections.abc import Callable

from app.domain.links import Copy, CopyForm, CopyState, Link, LinkState, Seen
from app.domain.pairs import CopyEdited, FilteredLater
from app.engine.blocks import Block, Member, member_of
from app.engine.comparison import bears_other_stamp
from app.engine.decisions import Case, Covered, Decision, Leave
from app.engine.fingerprint import hashes
from app.engine.judge import Judge
from app.engine.wishes import COVERED, Wish

Remove = Callable[[Case, Decision, Link, Copy, str], None]
"""Takes a copy away that its original needs no longer."""


class CoverPlanner:
    """Plans what follows the copy of another original."""

    def __init__(self, judge: Judge, remove: Remove) -> None:
        self._judge = judge
        self._remove = remove

    @staticmethod
    def follows_another(link: Link) -> bool:
        """Whether a link follows the copy of another original."""
        return bool(link.copy_key) and link.reason == COVERED

    def leave(self, case: Case, decision: Decision, link: Link, reason: str, *, loses: bool) -> None:
        """An original, or an occurrence, is to be covered no longer."""
        if self._judge.kept_for_good(link):
            self._judge.skip(decision, link.occ, "kept")
        else:
            # Where the copy is gone already, nothing is lost by leaving it.
            there = self._judge.copy_of(case, link) is not None
            decision.leaves.append(Leave(link.occ, link.copy_key, reason, loses and there))

    def leave_date(self, case: Case, decision: Decision, link: Link) -> None:
        """An occurrence is wanted no longer: its series lacks it, has another form, or a filter leaves it out."""
        filtered = case.wishes.left_out.get(link.occ)
        if filtered is None:
            self.leave(case, decision, link, "occurrence_cancelled", loses=False)
        elif self._judge.settings.filtered_later is FilteredLater.LEAVE:
            self._judge.skip(decision, link.occ, "left_after_filter")
        else:
            self.leave(case, decision, link, filtered[0], loses=True)

    def covers(self, case: Case, decision: Decision, wish: Wish) -> bool:
        """Plan a wish that another original's copy fulfils. False: it is none, or has to have a copy of its own."""
        link = case.links.get(wish.occ)
        if link is not None and link.state is LinkState.LIVE and self._deleted_by_hand(case, decision, wish, link):
            return True
        block = case.blocks.get(wish.occ)
        if block is None or block.founder.copy_key == wish.copy_key:
            return False
        fresh = link is None or not link.copy_key
        decision.covered.append(Covered(wish.occ, wish.source, _title(block.founder), wish.original_hashes, fresh))
        shared = case.copies.get(block.founder.copy_key)
        own = case.copies.get(wish.copy_key)
        if wish.copy_key in case.pending:
            self._judge.skip(decision, wish.occ, "pending", event=wish.source)
        elif own is not None and own.state is CopyState.LIVE and own.event_id:
            self._give_up(case, decision, wish, block, shared, own)
        elif shared is None or shared.state is not CopyState.LIVE or not self._is_there(case, shared):
            self._wait(decision, wish)
        else:
            self._follow(decision, wish, link, shared)
        return True

    def _deleted_by_hand(self, case: Case, decision: Decision, wish: Wish, link: Link) -> bool:
        """Where a person deleted the copy that covers several, all of them stay away."""
        if not self._judge.blames_a_person or not self.follows_another(link):
            return False
        copy = self._judge.copy_of(case, link)
        target = case.targets.get(copy.event_id) if copy is not None else None
        if copy is None or copy.copy_key in case.pending or target is None or target.seen is not Seen.GONE:
            return False
        away = Link(self._judge.direction.id, decision.original_id, wish.occ, state=LinkState.AWAY, reason="stays_away")
        decision.links.append(away)
        self._judge.skip(decision, wish.occ, "stays_away", event=wish.source)
        return True

    def _give_up(
        self, case: Case, decision: Decision, wish: Wish, block: Block, shared: Copy | None, own: Copy
    ) -> None:
        """A further copy in a block goes, once the block's own is seen to cover what it covers."""
        if shared is None or not self._covers_already(case, shared, block, wish):
            self._wait(decision, wish)
            return
        target = case.targets.get(own.event_id)
        event = target.event if target is not None else None
        if event is not None and event.fields is not None and self._judge.policy is CopyEdited.KEEP:
            actual = hashes(self._judge.wisher.normal(event.fields))
            if own.base_copy and actual != dict(own.base_copy) and not bears_other_stamp(event, own):
                self._judge.skip(decision, wish.occ, "copy_kept_as_edited", event=wish.source)
                return
        decision.again = True
        link = case.links.get(wish.occ) or Link(self._judge.direction.id, decision.original_id, wish.occ)
        self._remove(case, decision, link, own, "merged")

    def _wait(self, decision: Decision, wish: Wish) -> None:
        decision.again = True
        self._judge.skip(decision, wish.occ, COVERED, event=wish.source)

    def _follow(self, decision: Decision, wish: Wish, link: Link | None, shared: Copy) -> None:
        followed = Link(
            self._judge.direction.id,
            decision.original_id,
            wish.occ,
            copy_key=shared.copy_key,
            reason=COVERED,
            base_original=dict(wish.original_hashes),
        )
        if link != followed:
            decision.links.append(followed)
            self._judge.skip(decision, wish.occ, COVERED, event=wish.source)

    def _is_there(self, case: Case, copy: Copy) -> bool:
        target = case.targets.get(copy.event_id)
        return target is not None and target.seen is Seen.SEEN and target.event is not None

    def _covers_already(self, case: Case, shared: Copy, block: Block, wish: Wish) -> bool:
        """Whether the block's copy, as it is in the target, is proved and covers the whole span of this wish."""
        target = case.targets.get(shared.event_id) if shared.state is CopyState.LIVE else None
        event = target.event if target is not None and target.seen is Seen.SEEN else None
        if event is None or event.fields is None or not self._judge.proved(event, shared):
            return False
        when = event.fields.when
        if when.all_day or shared.form is not CopyForm.SINGLE or wish.span is None:
            return False
        inner = span_of(wish)
        outer = member_of(when, original_id="", occ="", copy_key="", availability=event.fields.availability)
        return outer.start <= inner.start and inner.end <= outer.end


def span_of(wish: Wish) -> Member:
    """A wish as a member of a block.

    Raises:
        OverflowError, ZoneInfoNotFoundError: its span cannot be placed in time.
    """
    if wish.span is None:
        raise ValueError("only what may be merged has a span of its own")
    return member_of(
        wish.span,
        original_id=wish.source.unit,
        occ=wish.occ,
        copy_key=wish.copy_key,
        availability=wish.fields.availability,
    )


def _title(member: Member) -> str:
    return member.source.fields.title if member.source is not None and member.source.fields is not None else ""
