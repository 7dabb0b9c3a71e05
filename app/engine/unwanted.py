"""Taking copies away: whose original is gone, not wanted any more, or out of sight (`engine.md` §3, §6). Pure.

Never on absence alone: it answers *ask*. A copy goes only as it is read now, proved ours and as we left it; else it is
let go of, or left with a reason.
"""

from __future__ import annotations

from dataclasses import replace

from app.domain.links import Copy, CopyForm, CopyState, Link, LinkState, Seen
from app.domain.pairs import CopyEdited, FilteredLater
from app.engine.comparison import bears_other_stamp
from app.engine.covering import CoverPlanner
from app.engine.decisions import Case, Decision
from app.engine.fingerprint import hashes
from app.engine.judge import Judge
from app.engine.originals import Unit
from app.engine.proof import is_released

_LEAVE_COPIES = {"is_copy", "series_too_dense", "rule_unreadable", "time_unreadable", "outside_window"}
"""Reasons for not wanting a new copy that never take an existing one away."""


class Remover:
    """Takes single copies away."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def remove_needless(self, case: Case, decision: Decision, link: Link, copy: Copy, reason: str) -> None:
        """Take a copy away that its original needs no longer: it has another."""
        self.remove(case, decision, link, copy, reason, loses=False)

    def remove(self, case: Case, decision: Decision, link: Link, copy: Copy, reason: str, *, loses: bool) -> None:
        """Take a copy away: proved ours, read as it is now, and as we left it (else it may be the person's by now)."""
        if copy.copy_key in case.pending:
            self._judge.skip(decision, link.occ, "pending")
            return
        target = case.targets.get(copy.event_id)
        if target is None or out_of_sight(target):
            self._judge.ask_copy(case, decision, link.occ, copy, None, link)
            return
        if target.seen is Seen.GONE:
            decision.copies.append(replace(copy, state=CopyState.GONE, event_id="", base_copy={}, wanted={}))
            decision.unlink.append(link.occ)
            return
        event = target.event
        if event is not None and is_released(event):
            decision.copies.append(replace(copy, state=CopyState.RELEASED))
            decision.unlink.append(link.occ)
            return
        if event is None or event.fields is None or not self._judge.proved(event, copy):
            self._judge.skip(decision, link.occ, "not_provable")
            return
        if link.retry_at is not None and link.retry_at > self._judge.now:
            self._judge.skip(decision, link.occ, "backing_off")
            return
        actual = hashes(self._judge.wisher.normal(event.fields))
        edited = bool(copy.base_copy) and actual != dict(copy.base_copy) and not bears_other_stamp(event, copy)
        if edited and loses and reason == "original_gone" and self._judge.policy is not CopyEdited.RESTORE:
            if not event.marker_known and copy.event_id not in case.asked_copies:
                decision.ask_copies.append(copy.event_id)
                return
            decision.steps.append(self._judge.release(link, copy, event))
            return
        decision.steps.append(replace(self._judge.delete(link.occ, copy, target, reason, decision.source), loses=loses))

    def ask_original(self, case: Case, decision: Decision, *, marker: bool = False) -> None:
        """Have the original read directly (or its marker), once in a run; what the service cannot say waits."""
        if case.asked_original:
            self._judge.skip(decision, "", "could_not_ask", due=True, link=case.links.get(""))
        elif marker:
            decision.ask_marker = True
        else:
            decision.ask_original = True


class UnwantedPlanner:
    """Plans originals that shall have no copy, or of which nothing is known.

    Args:
        covering: what follows the copies of others.
        remover: takes copies away.
    """

    def __init__(self, judge: Judge, covering: CoverPlanner, remover: Remover) -> None:
        self._judge = judge
        self._covering = covering
        self._remover = remover

    def unwanted(self, case: Case, decision: Decision, reason: str) -> None:
        """The original lives and is not to be copied, for `reason`."""
        covered = [link for link in case.links.values() if self._covering.follows_another(link)]
        living = [
            (link, copy)
            for link in case.links.values()
            if link not in covered and (copy := self._judge.copy_of(case, link)) is not None
        ]
        if covered and reason not in _LEAVE_COPIES:
            if self._judge.settings.filtered_later is FilteredLater.LEAVE:
                self._judge.skip(decision, "", "left_after_filter")
            else:
                for link in covered:
                    self._covering.leave(case, decision, link, reason, loses=True)
        roots = [(link, copy) for link, copy in living if copy.form is not CopyForm.OCCURRENCE]
        if roots and reason not in _LEAVE_COPIES:
            if self._judge.settings.filtered_later is FilteredLater.LEAVE:
                self._judge.skip(decision, "", "left_after_filter")
                return
            for link, copy in roots:
                if self._judge.kept_for_good(link):
                    self._judge.skip(decision, link.occ, "kept")
                else:
                    self._remover.remove(case, decision, link, copy, reason, loses=True)
            return
        if roots or covered:
            if not roots or not decision.leaves:
                self._judge.skip(decision, "", reason)
            return
        for occ, link in case.links.items():
            if occ and link.state is not LinkState.AWAY:
                decision.unlink.append(occ)
        self._judge.skip(decision, "", reason, link=case.links.get(""), remember=decision.counted)

    def gone(self, case: Case, decision: Decision) -> None:
        """The original is proved gone."""
        if not case.links:
            decision.counted = False
        for occ, link in sorted(case.links.items()):
            copy = self._judge.copy_of(case, link)
            if self._covering.follows_another(link):
                self._covering.leave(case, decision, link, "original_gone", loses=True)
            elif self._judge.kept_for_good(link):
                self._judge.skip(decision, occ, "kept")
            elif copy is None:
                decision.unlink.append(occ)
            elif copy.form is CopyForm.OCCURRENCE:
                parent = case.copies.get(copy.parent)
                if parent is None or parent.state is not CopyState.LIVE:
                    decision.unlink.append(occ)
                    decision.copies.append(replace(copy, state=CopyState.GONE))
            else:
                self._remover.remove(case, decision, link, copy, "original_gone", loses=True)

    def absent(self, case: Case, decision: Decision) -> None:
        """The original is out of sight, which proves nothing."""
        followed = [link for link in case.links.values() if self._judge.copy_of(case, link) is not None]
        decision.counted = bool(followed)
        if not followed:
            return
        if all(map(self._judge.kept_for_good, followed)):
            # Whatever became of the original, the person said that these stay.
            self._judge.skip(decision, "", "kept")
            return
        self._remover.ask_original(case, decision)


def out_of_sight(target: Unit) -> bool:
    """Whether the view knows too little of a copy to conclude anything: it, or a part of it, was not seen."""
    return target.seen is Seen.ABSENT or bool(target.lost) or (target.seen is Seen.SEEN and target.event is None)
