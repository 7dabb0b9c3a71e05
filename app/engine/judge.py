"""One copy and its wish: what is proved, what is asked, what is written, what is noted. Pure.

The rules that singles, series and occurrences share; which of them applies is decided in `plan` and `series`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from app.domain.events import Event
from app.domain.links import Carried, Copy, CopyState, DirectionRecord, Link, LinkState, Op
from app.domain.pairs import CopyDeleted, CopyEdited
from app.domain.runs import Verb
from app.engine.comparison import Comparison, bears_other_stamp, compare, counted_rewrites, overlay, pins_left
from app.engine.decisions import Case, Decision, Step
from app.engine.fingerprint import GUESTS, hashes
from app.engine.originals import Unit
from app.engine.proof import is_of_another, is_ours
from app.engine.wishes import COVERED, STAND_IN, UNDONE, Wish, Wisher
from app.engine.write_back import Originals, WriteBack

_PASSING = {
    "pending",
    "backing_off",
    "stays_away",
    "frozen",
    "copy_kept_as_edited",
    "kept",
    "not_provable",
    "left_after_filter",
    UNDONE,
    COVERED,
}
"""Reasons that describe a copy or a moment, and are not kept on a link as "why there is no copy"."""
_LASTING = (LinkState.AWAY, LinkState.KEPT)
"""What a person decided about a copy outlasts every reason why there is none."""
KEPT_AS_IT_WAS = "kept"
"""Name in the base of a kept link whose copy would have changed: there stands the fingerprint of the original then."""


class Judge:
    """Judges single copies of one direction at one moment.

    Args:
        remembers: whether what this database does not know to be our own deletion was none; not so while it may be a
            backup, which knows nothing of what was deleted after it was made.
    """

    def __init__(
        self,
        direction: DirectionRecord,
        wisher: Wisher,
        now: datetime,
        *,
        installation: str,
        originals: Originals | None = None,
        rewrites_seconds: float = 0.0,
        remembers: bool = True,
    ) -> None:
        self.direction = direction
        self.settings = direction.settings
        self.wisher = wisher
        self.now = now
        self.write_back = WriteBack(direction, wisher.normal, originals)
        self._installation = installation
        self._rewrites_seconds = rewrites_seconds
        self._remembers = remembers

    @property
    def stays_away(self) -> bool:
        return self.settings.copy_deleted is not CopyDeleted.RESTORE

    @property
    def blames_a_person(self) -> bool:
        """Whether a copy, or a date of one, that is gone without our knowledge was deleted by a person and stays so."""
        return self._remembers and self.stays_away

    @property
    def policy(self) -> CopyEdited:
        return self.settings.copy_edited

    def compare(self, wish: Wish, actual: Mapping[str, str], event: Event, copy: Copy, link: Link | None) -> Comparison:
        """One copy against its wish."""
        return compare(wish.hashes, actual, event, copy, link, self.policy, rewrites_seconds=self._rewrites_seconds)

    def is_strange(self, event: Event, copy: Copy) -> bool:
        """Whether the copy bears a stamp of this very installation that its row does not tell of."""
        stamp = event.marker.stamp if event.marker is not None else ""
        ours = bool(stamp) and not self.is_other_installation(stamp)
        # What an undo pinned keeps the stamp it had.
        return ours and stamp != copy.stamp and event.id == copy.event_id and not copy.pins

    def by_other_installation(self, event: Event) -> bool:
        """Whether another installation wrote this copy last."""
        return event.marker is not None and self.is_other_installation(event.marker.stamp)

    def is_other_installation(self, stamp: str) -> bool:
        """Whether a stamp is of another installation."""
        return is_of_another(stamp, self._installation)

    @staticmethod
    def copy_of(case: Case, link: Link) -> Copy | None:
        """The living copy of a link."""
        copy = case.copies.get(link.copy_key) if link.copy_key else None
        return copy if copy is not None and copy.state is CopyState.LIVE and copy.event_id else None

    def is_away(self, case: Case, occ: str) -> bool:
        """Whether a person deleted this copy, or undid its making, and it stays so."""
        link = case.links.get(occ)
        return link is not None and link.state is LinkState.AWAY and (self.stays_away or link.reason == UNDONE)

    @staticmethod
    def kept_for_good(link: Link) -> bool:
        """Whether the user said that this copy stays although its original is gone or not wanted."""
        return link.state is LinkState.KEPT and KEPT_AS_IT_WAS not in link.base_original

    @staticmethod
    def kept_as_it_was(case: Case, fingerprint: str) -> bool:
        """Whether the user said that the copies stay as they are, and the original is still as it was then."""
        return any(
            link.state is LinkState.KEPT and link.base_original.get(KEPT_AS_IT_WAS) == fingerprint
            for link in case.links.values()
        )

    def proved(self, event: Event, copy: Copy) -> bool:
        return is_ours(event, self.direction.target.calendar_key, copy.copy_key, copy.generation)

    def backs_off(self, link: Link, wish: Wish) -> bool:
        if not self._remembers:
            return False  # a copy that is left aside now would be taken for deleted by a person later
        unchanged = dict(link.base_original) == dict(wish.original_hashes)
        return link.retry_at is not None and link.retry_at > self.now and unchanged

    def must_ask(self, case: Case, decision: Decision, comparison: Comparison, event: Event, copy: Copy) -> bool:
        """A copy that is not as we left it: read its original now, and its stamp where the view hides it."""
        if not comparison.edited and not (comparison.no_base and copy.base_copy and comparison.write):
            return False
        if not case.asked_original:
            decision.ask_original = True
        if not event.marker_known and copy.event_id not in case.asked_copies:
            decision.ask_copies.append(copy.event_id)
        return decision.asks

    def ask_copy(
        self, case: Case, decision: Decision, occ: str, copy: Copy, event: Event | None, link: Link | None
    ) -> None:
        if copy.event_id in case.asked_copies:
            self.skip(decision, occ, "could_not_ask", due=True, event=event, link=link)
        else:
            decision.ask_copies.append(copy.event_id)

    def update(self, wish: Wish, link: Link | None, copy: Copy, event: Event, comparison: Comparison) -> Step:
        fields = wish.fields
        left = comparison.pinned + comparison.frozen + comparison.rewritten + comparison.undone
        if event.fields is not None and left:
            fields = overlay(fields, event.fields, tuple(name for name in left if name not in comparison.write))
        followed = [name for name in comparison.write if name in comparison.wish_changed]
        if followed and copy.wanted:
            reason = self._why_followed(wish, link)
        elif bears_other_stamp(event, copy) or comparison.no_base:
            reason = "copy_unknown"
        else:
            reason = "not_written_back" if self.write_back.carries_edits else "copy_edited"
        return Step(
            verb=Verb.UPDATE,
            op=Op.UPDATE,
            occ=wish.occ,
            copy_key=wish.copy_key,
            form=wish.form,
            reason=reason,
            target_id=copy.event_id,
            etag=event.etag,
            fields=fields,
            wanted=wish.hashes,
            original_hashes=wish.original_hashes,
            cancelled=wish.cancelled,
            names=comparison.write,
            copy=copy,
            before=event,
            rewrites=counted_rewrites(link, comparison, wish.hashes) if not followed else {},
            follows_original=reason == "changed",
            source=wish.source,
        )

    def _why_followed(self, wish: Wish, link: Link | None) -> str:
        if link is None or _says_other(wish, link):
            return "changed"
        by_settings = wish.span is None or self.direction.settings_no > self.direction.planned_settings_no
        return "settings_changed" if by_settings else "block_changed"

    def carry_back(
        self, wish: Wish, copy: Copy, carried: Carried, actual: Mapping[str, str], *, conflict: bool
    ) -> Step:
        """Write to the original what a person changed on its copy; `actual` are the hashes of the copy as it is."""
        source, said = wish.source, hashes(carried.fields)
        return Step(
            verb=Verb.WRITE_BACK,
            op=Op.WRITE_BACK,
            occ=wish.occ,
            copy_key=wish.copy_key,
            form=wish.form,
            reason="conflict_copy_won" if conflict else "written_back",
            target_id=source.id,
            etag=source.etag,
            carried=carried,
            wanted={name: actual[name] for name in carried.names},
            original_hashes={name: said[name] for name in carried.names},
            names=carried.names,
            copy=copy,
            before=source,
            source=source,
        )

    def settle(
        self,
        decision: Decision,
        wish: Wish,
        link: Link | None,
        copy: Copy,
        event: Event,
        comparison: Comparison,
        *,
        cancelled: tuple[str, ...] = (),
    ) -> None:
        """Nothing to write: note what was learned, if anything; `cancelled` is what is left of what we excluded."""
        actual = hashes(self.wisher.normal(event.fields)) if event.fields is not None else {}
        base = {
            name: value if wish.hashes.get(name) == value else copy.base_copy.get(name, "")
            for name, value in actual.items()
        }
        stamp = event.marker.stamp if event.marker_known and event.marker is not None else copy.stamp
        # When a write of another installation is what stands there now, ours before it tells nothing of what the
        # service may still make of that one.
        written_at = copy.written_at if stamp == copy.stamp else None
        settled = replace(
            copy,
            etag=event.etag,
            base_copy=base if copy.base_copy else {n: v for n, v in base.items() if v},
            wanted={**wish.hashes},
            stamp=stamp if not (comparison.write or comparison.pinned or comparison.undone) else copy.stamp,
            pins=pins_left(copy, wish.hashes),
            state=CopyState.LIVE,
            cancelled=cancelled,
            written_at=written_at or (event.updated_at if base == actual else None),
        )
        if settled != copy:
            decision.copies.append(settled)
        now_linked = Link(
            self.direction.id,
            decision.original_id,
            wish.occ,
            copy_key=wish.copy_key,
            state=LinkState.LIVE,
            base_original=dict(wish.original_hashes),
            rewrites=dict(link.rewrites) if link is not None else {},
            reason=link.reason if link is not None and link.reason == STAND_IN else "",
        )
        if link != now_linked:
            decision.links.append(now_linked)
        if comparison.frozen:
            self.skip(decision, wish.occ, "frozen", event=wish.source)
        elif comparison.pinned:
            self.skip(decision, wish.occ, "copy_kept_as_edited", event=wish.source)
        elif comparison.undone:
            self.skip(decision, wish.occ, UNDONE, event=wish.source)

    def skip(
        self,
        decision: Decision,
        occ: str,
        reason: str,
        *,
        event: Event | None = None,
        link: Link | None = None,
        state: LinkState = LinkState.SKIPPED,
        replan_at: datetime | None = None,
        due: bool = False,
        remember: bool = True,
    ) -> None:
        """Note why there is no write. Where there is no copy the link keeps the reason: why is it not there?"""
        decision.skips.append((occ, reason, event or decision.source))
        if due:
            kept = link or Link(self.direction.id, decision.original_id, occ, state=state, reason=reason)
            decision.links.append(replace(kept, replan_at=self.now))
            return
        if reason in _PASSING or not remember or (link and (link.copy_key or link.state in _LASTING)):
            return
        noted = Link(self.direction.id, decision.original_id, occ, state=state, reason=reason, replan_at=replan_at)
        if link != noted:
            decision.links.append(noted)

    def delete_original(self, wish: Wish, copy: Copy, inside: tuple[Event, ...]) -> Step:
        """Delete an original whose copy a person deleted; `inside` are the exceptions and cancelled dates of it."""
        return Step(
            verb=Verb.DELETE_ORIGINAL,
            op=Op.DELETE_ORIGINAL,
            occ=wish.occ,
            copy_key=copy.copy_key,
            form=copy.form,
            reason="copy_deleted",
            target_id=wish.source.id,
            etag=wish.source.etag,
            copy=copy,
            before=wish.source,
            inside=inside,
            source=wish.source,
        )

    def delete(self, occ: str, copy: Copy, target: Unit, reason: str, source: Event | None) -> Step:
        """Take a copy away; what stands there now is kept for undo."""
        event = target.event
        return Step(
            verb=Verb.DELETE,
            op=Op.DELETE,
            occ=occ,
            copy_key=copy.copy_key,
            form=copy.form,
            reason=reason,
            target_id=copy.event_id,
            etag=event.etag if event is not None else "",
            wanted=dict(copy.wanted),
            copy=copy,
            before=event,
            inside=target.inside,
            source=source,
        )

    def release(self, link: Link, copy: Copy, event: Event) -> Step:
        return Step(
            verb=Verb.RELEASE,
            op=Op.UPDATE,
            occ=link.occ,
            copy_key=copy.copy_key,
            form=copy.form,
            reason="released",
            target_id=copy.event_id,
            etag=event.etag,
            fields=event.fields,
            wanted=dict(copy.wanted),
            copy=copy,
            before=event,
            released=True,
            loses=True,
        )


def _says_other(wish: Wish, link: Link) -> bool:
    """Whether the original says something else than when both sides last agreed. Its guests count only where they were
    listed then and still are: else the settings changed."""
    now, then = dict(wish.original_hashes), dict(link.base_original)
    if GUESTS not in now or GUESTS not in then:
        now.pop(GUESTS, None)
        then.pop(GUESTS, None)
    return now != then
