"""The plan: what to do for one original, from what is known of it, its links and its copies (`engine.md` §6). Pure.

Never decides on absence: it answers *ask*, and is asked again with the answer. Writes nothing; `app.engine.apply` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.events import Event
from app.domain.identity import copy_key, digest
from app.domain.links import Copy, CopyForm, CopyState, Link, LinkState, Op, Seen
from app.domain.pairs import FilteredLater
from app.domain.runs import Verb
from app.domain.times import Span
from app.engine.comparison import Comparison
from app.engine.covering import CoverPlanner
from app.engine.decisions import Case, Decision, Step
from app.engine.fingerprint import below, canonical_rule, hashes
from app.engine.judge import Judge
from app.engine.originals import Unit, starts_at
from app.engine.proof import is_released, looks_like_ours
from app.engine.series import SeriesPlanner
from app.engine.story import title_of
from app.engine.unwanted import Remover, UnwantedPlanner, out_of_sight
from app.engine.wishes import UNDONE, Wish

REPLAN_DAILY = timedelta(days=1)
EXPANDED = "expanded"
"""Reason on the link of a series that is copied as one single for each occurrence."""
RULE = "rule"
"""Name in the base of such a link: there stands a hash of the rule by which its copies were made."""
SHRINKS_BEYOND = 5
"""So many copies of an expanded series may always go though its rule is the same (`engine.md` §10)."""


class Planner:
    """Plans the originals of one direction at one moment.

    Args:
        judge: of that direction at that moment.
        window: where copies may be created.
    """

    def __init__(self, judge: Judge, window: Span) -> None:
        self._judge = judge
        self._series = SeriesPlanner(self._judge)
        self._remover = Remover(self._judge)
        self._covering = CoverPlanner(self._judge, self._remover.remove_needless)
        self._without = UnwantedPlanner(self._judge, self._covering, self._remover)
        self._window = window

    def plan(self, case: Case) -> Decision:
        """Decide one original. The same case always gives the same decision."""
        unit = case.unit
        decision = Decision(unit.id, source=unit.event, reads=unit.reads)
        decision.counted = not case.partial
        if unit.seen is Seen.GONE:
            self._without.gone(case, decision)
        elif unit.seen is Seen.ABSENT:
            self._without.absent(case, decision)
        elif case.is_copy:
            decision.counted = False
            if unit.event is not None and is_released(unit.event):
                # Another direction is letting go of it just now: soon it is an ordinary event.
                self._judge.skip(decision, "", "is_copy", due=True, link=case.links.get(""))
            else:
                self._without.unwanted(case, decision, "is_copy")
        elif any(not event.marker_known for event in _sources(unit)) and self._leads_to_something(case):
            # New on a service that hides markers in its changes: read it before it may be a source.
            self._remover.ask_original(case, decision, marker=True)
        elif unit.lost:
            self._remover.ask_original(case, decision)
        else:
            self._living(case, decision)
        decision.counted |= case.partial and bool(decision.steps or decision.leaves)
        if decision.asks:
            decision.steps.clear()
            decision.leaves.clear()
        elif not decision.steps and all(reason != "pending" for _, reason, _ in decision.skips):
            self._no_longer_due(case, decision)
        return decision

    def _leads_to_something(self, case: Case) -> bool:
        """Whether anything would be written or asked for on account of this original if no marker is on it. What only
        gets a reason (outside the window, filtered, as it was) needs no request of its own: once it is due again, it
        is asked for then. A name like ours tells nothing: the marker that is hidden may say that it was let go."""
        probe = Decision(case.unit.id, source=case.unit.event, reads=case.unit.reads)
        if case.unit.lost or any(looks_like_ours(event) for event in _sources(case.unit)):
            return True
        if not (case.wishes.items or case.wishes.reason):
            return True  # where blockers are merged nothing is wished for before it is read
        self._living(case, probe)
        return bool(probe.steps) or probe.asks

    def _no_longer_due(self, case: Case, decision: Decision) -> None:
        """Links that were due are planned now: unless something said otherwise, they are due no more."""
        told = {link.occ for link in decision.links} | set(decision.unlink)
        for occ, link in case.links.items():
            past = [at for at in (link.replan_at, link.retry_at) if at is not None and at <= self._judge.now]
            if past and occ not in told:
                retry = link.retry_at if link.retry_at not in past else None
                replan = link.replan_at if link.replan_at not in past else None
                decision.links.append(replace(link, retry_at=retry, replan_at=replan))

    # -- the original is there ------------------------------------------------------------------------------------

    def _living(self, case: Case, decision: Decision) -> None:
        wishes = case.wishes
        if not wishes.items and wishes.reason and not wishes.expanded:
            decision.counted = wishes.reason != "is_copy" and not case.partial
            self._without.unwanted(case, decision, wishes.reason)
            return
        decision.fingerprint = wishes.fingerprint()
        if self._judge.kept_as_it_was(case, decision.fingerprint):
            self._judge.skip(decision, "", "kept")
            return
        wished = {wish.occ: wish for wish in wishes.items}
        self._drop_unwished(case, decision, wished)
        if decision.steps and any(step.occ == "" and step.op is Op.DELETE for step in decision.steps):
            return  # the form changed: the new one follows once the old one is gone
        whole_away = wishes.expanded and self._judge.is_away(case, "")
        for wish in wishes.items:
            if whole_away and not self._has_copy(case, wish.copy_key):
                self._judge.skip(decision, wish.occ, "stays_away", event=wish.source)
            elif wish.form is not CopyForm.OCCURRENCE:
                self._wish_or_cover(case, decision, wish, [w for w in wishes.items if w.parent == wish.copy_key])
        if wishes.expanded and not whole_away and not case.partial:
            decision.skips.extend((occ, *why) for occ, why in sorted(wishes.left_out.items()))
            if not wishes.items:
                self._judge.skip(decision, "", wishes.reason, remember=False)
            self._watch_shrinking(case, decision)
            self._remember_expanded(case, decision, wishes.reason or EXPANDED)

    def _wish_or_cover(self, case: Case, decision: Decision, wish: Wish, parts: list[Wish]) -> None:
        if self._covering.covers(case, decision, wish):
            return
        before = len(decision.steps)
        self._wish(case, decision, wish, parts)
        block = case.blocks.get(wish.occ)
        if block is not None:
            others = tuple(title_of(member.source) for member in block.members if member.copy_key != wish.copy_key)
            decision.steps[before:] = [replace(step, covers=others) for step in decision.steps[before:]]

    @staticmethod
    def _has_copy(case: Case, key: str) -> bool:
        copy = case.copies.get(key)
        return copy is not None and copy.state is CopyState.LIVE and bool(copy.event_id)

    def _remember_expanded(self, case: Case, decision: Decision, reason: str) -> None:
        link = case.links.get("")
        if link is None or not link.copy_key or self._judge.copy_of(case, link) is None:
            going = any(step.op is Op.DELETE for step in decision.steps)
            # Until the copies of the rule before are gone, that rule is the one they were made by.
            base = dict(link.base_original) if going and link is not None else {RULE: _rule_of(case.unit)}
            decision.links.append(
                Link(
                    self._judge.direction.id,
                    case.unit.id,
                    state=LinkState.SKIPPED,
                    reason=reason,
                    base_original=base,
                    replan_at=self._judge.now + REPLAN_DAILY,
                )
            )

    def _watch_shrinking(self, case: Case, decision: Decision) -> None:
        """Whether most copies of an expanded series would go though nobody changed its rule."""
        link = case.links.get("")
        if link is None or link.base_original.get(RULE, _rule_of(case.unit)) != _rule_of(case.unit):
            return
        going = sum(1 for step in decision.steps if step.op is Op.DELETE and step.occ) + len(decision.leaves)
        living = sum(1 for own in case.links.values() if own.occ and self._judge.copy_of(case, own) is not None)
        decision.shrinks = going > max(SHRINKS_BEYOND, living / 2)

    def _drop_unwished(self, case: Case, decision: Decision, wished: Mapping[str, Wish]) -> None:
        """Copies that another form, a cancelled occurrence or a filter leaves without a wish."""
        self._drop_adopted_series(case, decision, wished)
        for occ, link in sorted(case.links.items()):
            copy = self._judge.copy_of(case, link)
            wish = wished.get(occ)
            if self._covering.follows_another(link):
                if wish is None:
                    self._covering.leave_date(case, decision, link)
                continue
            if wish is not None and (copy is None or copy.form is wish.form or _is_gone(case, copy)):
                continue
            if copy is None:
                if occ and link.state in (LinkState.LIVE, LinkState.SKIPPED) and not (link.tries or link.rewrites):
                    decision.unlink.append(occ)
                continue
            if self._judge.kept_for_good(link):
                self._judge.skip(decision, occ, "kept")
                continue
            if occ == "" and not wished:
                continue  # a series of which nothing is in the window any more: that takes no copy away
            if self._left_alone(case, copy, occ):
                self._judge.skip(decision, occ, "left_after_filter", event=case.unit.exceptions[occ])
                continue
            if copy.form is CopyForm.OCCURRENCE:
                # It lives inside the copied series and is put right there.
                decision.unlink.append(occ)
                decision.copies.append(replace(copy, state=CopyState.GONE))
                continue
            form_changed = wish is not None or occ == "" or "" in wished
            filtered = case.wishes.left_out.get(occ)
            if filtered and self._judge.settings.filtered_later is FilteredLater.LEAVE:
                self._judge.skip(decision, occ, "left_after_filter")
            elif filtered:
                self._remover.remove(case, decision, link, copy, filtered[0], loses=True)
            else:
                reason = "form_changed" if form_changed else "occurrence_cancelled"
                self._remover.remove(case, decision, link, copy, reason, loses=False)

    def _left_alone(self, case: Case, copy: Copy, occ: str) -> bool:
        """Whether this is a date of its own that a filter leaves out by now, and the pair leaves such copies."""
        leaves = self._judge.settings.filtered_later is FilteredLater.LEAVE
        return leaves and copy.form is CopyForm.SINGLE and occ in case.unit.exceptions

    def _drop_adopted_series(self, case: Case, decision: Decision, wished: Mapping[str, Wish]) -> None:
        """A whole copy found by its marker, from a time when a series that is copied date by date now was sayable."""
        link = case.links.get("")
        copy = case.copies.get(copy_key(self._judge.direction.key, case.unit.id))
        known = link is not None and bool(link.copy_key)
        if known or not wished or "" in wished or copy is None or not self._has_copy(case, copy.copy_key):
            return
        found = link or Link(self._judge.direction.id, decision.original_id)
        self._remover.remove(case, decision, found, copy, "form_changed", loses=False)

    def _wish(self, case: Case, decision: Decision, wish: Wish, parts: list[Wish]) -> None:
        link = case.links.get(wish.occ)
        copy = case.copies.get(wish.copy_key)
        # An exception inside a copied series is no copy of its own: it lives and goes with the series.
        apart = copy is not None and copy.form is not CopyForm.OCCURRENCE
        living = copy if apart and self._has_copy(case, wish.copy_key) else None
        if wish.copy_key in case.pending:
            self._judge.skip(decision, wish.occ, "pending", event=wish.source)
        elif link is not None and self._judge.backs_off(link, wish):
            self._judge.skip(decision, wish.occ, "backing_off", event=wish.source)
        elif living is not None and living.form is not wish.form and _is_gone(case, living):
            # Gone before its form could be changed: no delete of ours, so a person's.
            self._gone_by_hand(case, decision, wish, link, living)
        elif living is not None and living.form is not wish.form:
            # Found by its marker, from a time when the original had another form.
            found = link or Link(self._judge.direction.id, decision.original_id, wish.occ)
            self._remover.remove(case, decision, found, living, "form_changed", loses=False)
        elif living is not None:
            self._there(case, decision, wish, parts, link, living)
        elif link is not None and self._judge.is_away(case, wish.occ):
            self._judge.skip(decision, wish.occ, UNDONE if link.reason == UNDONE else "stays_away", event=wish.source)
        elif case.twin and (link is None or link.state is not LinkState.AWAY):
            # Daily, as what changes in the target besides copies does not make an original due.
            due = self._judge.now + REPLAN_DAILY
            self._judge.skip(
                decision,
                wish.occ,
                "already_there",
                link=link,
                state=LinkState.TWIN,
                event=wish.source,
                replan_at=due,
            )
        elif not wish.in_window:
            self._judge.skip(
                decision, wish.occ, "outside_window", link=link, event=wish.source, replan_at=self._enters_window(wish)
            )
        else:
            self._create(case, decision, wish, copy, self._why_new(link))

    @staticmethod
    def _why_new(link: Link | None) -> str:
        return "copy_missing" if link is not None and link.state is LinkState.AWAY else "new"

    def _create(self, case: Case, decision: Decision, wish: Wish, copy: Copy | None, reason: str) -> None:
        if wish.form is CopyForm.SERIES:
            # What is known of exceptions belongs to an earlier copy of this series.
            earlier = [replace(c, state=CopyState.GONE, event_id="", base_copy={}) for c in _inside(case, wish)]
            decision.copies.extend(earlier)
        decision.steps.append(
            Step(
                verb=Verb.CREATE,
                op=Op.CREATE,
                occ=wish.occ,
                copy_key=wish.copy_key,
                form=wish.form,
                reason=reason,
                fields=wish.fields,
                wanted=wish.hashes,
                original_hashes=wish.original_hashes,
                cancelled=wish.cancelled,
                copy=copy,
                source=wish.source,
            )
        )

    def _there(
        self, case: Case, decision: Decision, wish: Wish, parts: list[Wish], link: Link | None, copy: Copy
    ) -> None:
        target = case.targets.get(copy.event_id)
        if target is None or out_of_sight(target):
            self._judge.ask_copy(case, decision, wish.occ, copy, wish.source, link)
            return
        if target.seen is Seen.GONE:
            self._gone_by_hand(case, decision, wish, link, copy)
            return
        event = target.event
        if event is not None and is_released(event):
            # By another installation: it is the person's own now, and the original gets another copy.
            released = replace(copy, state=CopyState.RELEASED)
            self._create_anew(case, decision, wish, released, "new")
            if released not in decision.copies:
                decision.copies.append(released)
            return
        if event is None or event.fields is None or not self._judge.proved(event, copy):
            self._judge.skip(decision, wish.occ, "not_provable", event=wish.source)
            return
        left = wish.leavable - target.cancelled.keys()
        for occ in sorted(left):
            self._judge.skip(decision, occ, "left_after_filter", event=wish.source)
        wish = replace(wish, leavable=left, cancelled={o: at for o, at in wish.cancelled.items() if o not in left})
        actual = hashes(self._judge.wisher.normal(event.fields))
        comparison = self._judge.compare(wish, actual | below(event.fields), event, copy, link)
        decision.other_installation |= self._judge.by_other_installation(event)
        if event.marker is not None and self._judge.is_strange(event, copy):
            decision.strange_stamp = event.marker.stamp
        if self._judge.must_ask(case, decision, comparison, event, copy):
            return
        if link is None or not link.copy_key:
            decision.adopted.append((wish.occ, wish.source))
        lacking = self._explained(case, wish, link, copy, target)
        if comparison.rewritten:
            # What the service made of our write by itself is what a person's change is told from.
            copy = replace(copy, base_copy={**copy.base_copy, **{name: actual[name] for name in comparison.rewritten}})
        if self._goes_back(case, decision, wish, link, copy, event, comparison):
            return
        if comparison.write:
            changed = replace(copy, cancelled=lacking)
            decision.steps.append(self._judge.update(wish, link, changed, event, comparison))
            if wish.form is CopyForm.SERIES:
                # A write to a master may take its exceptions back: what is missing then, no person removed.
                decision.copies.extend(replace(child, etag="") for child in _inside(case, wish))
            return
        self._judge.settle(decision, wish, link, copy, event, comparison, cancelled=lacking)
        if wish.form is CopyForm.SERIES:
            self._series.inside(case, decision, wish, parts, replace(copy, cancelled=lacking), target)

    def _goes_back(
        self,
        case: Case,
        decision: Decision,
        wish: Wish,
        link: Link | None,
        copy: Copy,
        event: Event,
        comparison: Comparison,
    ) -> bool:
        """Carry a person's edits of a copy to its original, where that may be; what is left is planned after it."""
        parts = case.unit.exceptions.values()
        confirmed = copy.written_at is not None
        returned = self._judge.write_back.returned(wish, link, event, comparison, confirmed=confirmed, parts=parts)
        if returned.keep_both:
            known = link or Link(self._judge.direction.id, decision.original_id, wish.occ)
            step = self._judge.release(known, copy, event)
            decision.steps.append(replace(step, reason="conflict_keep_both", loses=False))
        elif returned.carried is not None and event.fields is not None:
            actual = hashes(self._judge.wisher.normal(event.fields))
            step = self._judge.carry_back(wish, copy, returned.carried, actual, conflict=returned.conflict)
            decision.steps.append(step)
        return returned.keep_both or returned.carried is not None

    def _explained(self, case: Case, wish: Wish, link: Link | None, copy: Copy, target: Unit) -> tuple[str, ...]:
        """Dates a copied series lacks by no person's hand: we took them out, the original lacks them too, or it was
        just adopted, when nobody can tell and the original wins. What another installation made in place of a copy that
        was followed here lacks what a person took away there: each would bring back what the other leaves out."""
        event, followed = target.event, link is not None and bool(link.copy_key)
        by_other = followed and event is not None and self._judge.by_other_installation(event)
        return tuple(
            occ
            for occ in sorted(target.cancelled)
            if occ in copy.cancelled
            or (not copy.base_copy and not by_other)
            or (occ in wish.cancelled and not self._judge.is_away(case, occ))
        )

    def _gone_by_hand(self, case: Case, decision: Decision, wish: Wish, link: Link | None, copy: Copy) -> None:
        gone = replace(copy, state=CopyState.GONE, event_id="", base_copy={}, wanted={}, cancelled=())
        if self._judge.write_back.deletes_originals and self._judge.blames_a_person and not wish.occ:
            said = [(link, wish), *((case.links.get(w.occ), w) for w in case.wishes.items if w.parent == wish.copy_key)]
            agreed = all(one is not None and dict(one.base_original) == dict(w.original_hashes) for one, w in said)
            tied = wish.copy_key != copy_key(self._judge.direction.key, decision.original_id, wish.occ)
            if link is None or wish.form is not copy.form or not agreed or tied:
                # It says something new, which the person who deleted the copy may not have seen; or that copy was made
                # for another original, and was only taken for this one's.
                self._create_anew(case, decision, wish, gone, "changed")
                return
            if not case.asked_original:
                decision.ask_original = True
                return
            # With a series go its exceptions: others may be on one of them, or a filter may have hidden it.
            shown = {w.occ for w in case.wishes.items}
            everything = (wish.source, *case.unit.exceptions.values())
            may = case.unit.exceptions.keys() <= shown and all(map(self._judge.write_back.may_delete, everything))
            if may and not self._judge.backs_off(link, wish):
                decision.steps.append(self._judge.delete_original(wish, copy, case.unit.inside))
                return
        if not self._judge.blames_a_person:
            if self._judge.stays_away:
                # Kept before the write: if that has to wait, the next run must not take the copy for a person's work.
                decision.copies.append(gone)
                known = link or Link(self._judge.direction.id, decision.original_id, wish.occ, state=LinkState.SKIPPED)
                decision.links.append(replace(known, replan_at=self._judge.now))
            self._create_anew(case, decision, wish, gone, "copy_missing")
            return
        decision.copies.append(gone)
        away = Link(self._judge.direction.id, decision.original_id, wish.occ, state=LinkState.AWAY, reason="stays_away")
        if link is None or link.state is not LinkState.AWAY:
            decision.links.append(away)
        self._judge.skip(decision, wish.occ, "stays_away", event=wish.source)

    def _create_anew(self, case: Case, decision: Decision, wish: Wish, gone: Copy, reason: str) -> None:
        """Another copy in place of one that is gone. After a re-link that one was made for another original: the new
        one is this original's own, as every installation of this pair would make it."""
        if wish.copy_key == copy_key(self._judge.direction.key, decision.original_id, wish.occ):
            self._create(case, decision, wish, gone, reason)
            return
        decision.copies.append(gone)
        due = self._judge.now
        loose = Link(self._judge.direction.id, decision.original_id, wish.occ, state=LinkState.SKIPPED, reason=reason)
        decision.links.append(replace(loose, replan_at=due))
        decision.untied = True

    def _enters_window(self, wish: Wish) -> datetime | None:
        """When an original outside the window comes into it; None if it lies behind."""
        if wish.form is CopyForm.SERIES:
            return self._judge.now + REPLAN_DAILY
        # The window is about the original's own time, buffers aside.
        start = starts_at(wish.source.fields, self._judge.direction.source.zone)
        ahead = self._window.end - self._judge.now
        return start - ahead if start is not None and start >= self._window.end else None


def _is_gone(case: Case, copy: Copy) -> bool:
    """Whether a single or a series is proved gone from the target."""
    target = case.targets.get(copy.event_id)
    return copy.form is not CopyForm.OCCURRENCE and target is not None and target.seen is Seen.GONE


def _rule_of(unit: Unit) -> str:
    """One hash over the rule of a series, in one spelling."""
    fields = unit.fields
    if fields is None or fields.recurrence is None:
        return ""
    return digest(*sorted(canonical_rule(line, fields.when) for line in fields.recurrence.lines))


def _inside(case: Case, wish: Wish) -> list[Copy]:
    """Living exceptions of a copied series."""
    return [c for c in case.copies.values() if c.parent == wish.copy_key and c.state is CopyState.LIVE]


def _sources(unit: Unit) -> tuple[Event, ...]:
    return (unit.event,) if unit.event is not None else tuple(unit.exceptions.values())
