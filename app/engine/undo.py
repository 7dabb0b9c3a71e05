"""The plan of an undo: for each event that a run changed, the write that takes it back, or why it is left alone. Pure.

What a run did to one event counts as one change, whatever it took (`engine.md` §12). A change is taken back only while
the event is as we left it; what anybody changed or deleted since is reported and not touched. Undoing the writes of an
undo does again what it took back. Reads nothing and writes nothing; `app.engine.undo_run` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.events import Event, EventKind, Marker
from app.domain.links import Copy, CopyForm, CopyState, DirectionRecord, Intent, Link, LinkState, Op
from app.domain.runs import Undoable, Verb
from app.engine.closing import COMMAND_DUPLICATE, COMMAND_UNDO_ASIDE, REMADE, SECOND_COPY
from app.engine.comparison import REWRITABLE, bears_other_stamp, overlay, still_rewriting
from app.engine.decisions import Step
from app.engine.fingerprint import FIELD_NAMES, all_hashes, differing, hashes
from app.engine.judge import KEPT_AS_IT_WAS
from app.engine.originals import Unit, wall_start
from app.engine.proof import is_ours, is_released
from app.engine.undo_changes import (
    REASON,
    Basis,
    Change,
    Finding,
    Standing,
    changes,
    date_key,
    exceptions,
    pinned,
    stubs,
)
from app.engine.undo_originals import OriginalsUndo
from app.engine.undo_series import SeriesUndo
from app.engine.wishes import UNDONE


class UndoPlanner:
    """Plans what takes back the writes of one run in one direction."""

    def __init__(self, direction: DirectionRecord, standing: Standing) -> None:
        self._basis = Basis(direction, standing)
        self._direction = direction
        self._standing = standing
        self._inside = SeriesUndo(self._basis)
        self._originals = OriginalsUndo(self._basis)

    def plan(self, rows: Sequence[Intent]) -> list[Finding]:
        """What becomes of each change of a run, the newest first.

        Args:
            rows: writes of that run in this direction that happened, in their order.
        """
        gathered = changes(rows)
        remade = {row.original_id for row in rows if row.op is Op.DELETE and row.reason in REMADE}
        newest_first = sorted(gathered, key=lambda change: change.last.id, reverse=True)
        return [self._finding(change, change.first.original_id in remade) for change in newest_first]

    # -- one change --------------------------------------------------------------------------------------------------

    def _finding(self, change: Change, remade: bool) -> Finding:
        if not change.open:
            return self._basis.tell(change, Undoable.UNDONE)
        ops = {row.op for row in change.rows}
        # Taken from one of the originals in a block, its copy would be made again for the others.
        blocked = change.last.copy_key in self._standing.shared
        # A copy let go of, and another made in its stead: neither can be told from the other by what it says.
        let_go = any(row.draft is not None and row.draft.marker.released for row in change.rows)
        parted = let_go and any(row.op.creates for row in change.rows)
        # Beside a copy that is there, another under the same key is what was put right.
        blocked |= change.last.reason == SECOND_COPY
        if blocked or parted or Op.CANCEL_OCCURRENCE in ops or Op.RESTORE_ORIGINAL in ops:
            return self._basis.tell(change, Undoable.NOT_UNDOABLE)
        if change.last.reason == COMMAND_DUPLICATE:
            return self._second_back(change)
        if change.last.op is Op.DELETE_ORIGINAL:
            return self._originals.bring_back(change)
        if change.last.op is Op.WRITE_BACK:
            return self._originals.take_off(change)
        if change.makes and change.deletes:
            return self._basis.tell(change, Undoable.POSSIBLE, complete=True)
        if change.makes:
            return self._remove(change, self._basis.link(change, LinkState.SKIPPED if remade else LinkState.AWAY))
        if change.deletes:
            return self._restore(change)
        if change.remakes:
            return self._remake_back(change)
        if change.last.op is Op.UPDATE_OCCURRENCE:
            return self._inside.occurrence_back(change)
        return self._update_back(change)

    def _remove(self, change: Change, link: Link, *, part: bool = False) -> Finding:
        """Take the copy away that the run made."""
        copy = self._basis.living(change)
        unit, unknown = self._basis.there(copy)
        if unknown:
            return self._basis.tell(change, Undoable.COULD_NOT_ASK)
        event = unit.event if unit is not None else None
        if copy is None or unit is None or event is None or not self._whole_as_left(event, unit, copy):
            return self._basis.tell(change, Undoable.CHANGED_SINCE)
        step = Step(
            verb=Verb.DELETE,
            op=Op.DELETE,
            occ=change.last.occ,
            copy_key=copy.copy_key,
            form=copy.form,
            reason=REASON,
            target_id=event.id,
            etag=event.etag,
            wanted=dict(copy.wanted),
            copy=copy,
            before=event,
            inside=unit.inside,
            undoing=self._basis.undoing(change, link, part=part, keeps_link=part),
            source=event,
        )
        return self._basis.tell(change, Undoable.POSSIBLE, step)

    def _restore(self, change: Change) -> Finding:
        """Make the copy anew that the run deleted: the series first, then what was different inside it."""
        before, copy, link = change.first.before, self._basis.copy(change), self._basis.known_link(change)
        if before is None or before.fields is None:
            return self._basis.tell(change, Undoable.NOT_UNDOABLE)
        if copy is not None and copy.state is CopyState.LIVE and copy.event_id:
            ours = link is not None and link.reason == UNDONE
            return (
                self._inside.inside_back(change, copy, before)
                if ours
                else self._basis.tell(change, Undoable.CHANGED_SINCE)
            )
        if link is not None and link.state is LinkState.LIVE and link.copy_key:
            return self._basis.tell(change, Undoable.CHANGED_SINCE)
        fields = before.fields
        excluded = {date_key(start, fields): start for start in before.cancelled}
        if self._standing.excluded_dates:
            excluded |= {
                date_key(e.original_start, fields): e.original_start for e in stubs(change) if e.original_start
            }
        parts = bool(exceptions(change)) or bool(self._inside.missing_dates(change, before, None))
        kept = replace(self._basis.link(change, LinkState.KEPT), copy_key=change.first.copy_key)
        fingerprint = self._standing.wanted(self._basis.place(change)[0])
        if fingerprint:
            kept = replace(kept, base_original={KEPT_AS_IT_WAS: fingerprint})
        series = before.kind is EventKind.SERIES
        step = Step(
            verb=Verb.CREATE,
            op=Op.CREATE,
            occ=change.first.occ,
            copy_key=change.first.copy_key,
            form=CopyForm.SERIES if series else CopyForm.SINGLE,
            reason=REASON,
            fields=self._standing.normal_form(fields),
            wanted=dict(change.last.wanted),
            original_hashes=dict(kept.base_original),
            cancelled={key: wall_start(start, fields) for key, start in excluded.items()} if series else {},
            copy=copy,
            undoing=self._basis.undoing(change, kept, part=parts, marks_ours=parts),
            source=before,
        )
        return self._basis.tell(change, Undoable.POSSIBLE, step)

    def _second_back(self, change: Change) -> Finding:
        """Make a second copy anew that a person had removed: as an event of its own, since a copy of its original is
        there and followed."""
        if self._direction.both_ways:
            # It would be an original of the way back, and get a copy beside the one that is there.
            return self._basis.tell(change, Undoable.NOT_UNDOABLE)
        last, before = change.last, change.first.before
        if before is None or before.fields is None or last.inside:
            return self._basis.tell(change, Undoable.NOT_UNDOABLE)
        if before.cancelled and not self._standing.excluded_dates:
            return self._basis.tell(change, Undoable.NOT_UNDOABLE)
        fields = before.fields
        series = before.kind is EventKind.SERIES
        step = Step(
            verb=Verb.CREATE,
            op=Op.CREATE,
            occ="",
            copy_key=last.copy_key,
            form=CopyForm.SERIES if series else CopyForm.SINGLE,
            reason=COMMAND_UNDO_ASIDE,
            fields=self._standing.normal_form(fields),
            cancelled={date_key(start, fields): wall_start(start, fields) for start in before.cancelled},
            copy=self._basis.copy(change) or Copy(self._direction.id, last.copy_key, state=CopyState.GONE),
            released=True,
            undoing=self._basis.undoing(change, self._basis.link(change, LinkState.AWAY)),
            source=before,
        )
        return self._basis.tell(change, Undoable.POSSIBLE, step)

    def _remake_back(self, change: Change) -> Finding:
        """A copy that was deleted and made anew, in another form or with a date it lacked: the new one goes first."""
        link = self._basis.known_link(change)
        if link is not None and link.reason == UNDONE:
            return self._restore(change)
        return self._remove(change, self._basis.link(change, LinkState.SKIPPED), part=True)

    def _update_back(self, change: Change) -> Finding:
        """Put back what the run changed of a copy, field by field; what it did not change stays."""
        first, last, copy = change.first, change.last, self._basis.copy(change)
        if first.before is None or first.before.fields is None or last.draft is None:
            return self._basis.tell(change, Undoable.NOT_UNDOABLE)
        unit, unknown = self._basis.there(copy)
        if unknown:
            return self._basis.tell(change, Undoable.COULD_NOT_ASK)
        event = unit.event if unit is not None else None
        if copy is None or unit is None or event is None or event.fields is None:
            return self._basis.tell(change, Undoable.CHANGED_SINCE)
        was, normal = first.before.fields, self._standing.normal_form
        names = differing(all_hashes(normal(was)), all_hashes(last.draft.fields))
        if last.draft.marker.released:
            as_left = self._released_as_left(event, copy, last)
        else:
            as_left = self._as_left(event, copy, last, names)
        if not as_left:
            return self._basis.tell(change, Undoable.CHANGED_SINCE)
        released = first.before.marker is not None and first.before.marker.released
        link = self._basis.known_link(change) or self._basis.link(change, LinkState.LIVE)
        if last.draft.marker.released:
            # It is a copy again, and stays whatever became of its original.
            link = replace(self._basis.link(change, LinkState.KEPT), copy_key=copy.copy_key)
        step = Step(
            verb=Verb.UPDATE,
            op=Op.UPDATE,
            occ=last.occ,
            copy_key=copy.copy_key,
            form=copy.form,
            reason=REASON,
            target_id=event.id,
            etag=event.etag,
            fields=normal(overlay(event.fields, was, names)),
            wanted=dict(copy.wanted),
            cancelled={date_key(start, event.fields): start for start in event.cancelled},
            names=names,
            copy=replace(copy, generation=last.generation),
            before=event,
            released=released,
            undoing=self._basis.undoing(change, link, pins=pinned(copy, names)),
            source=event,
        )
        return self._basis.tell(change, Undoable.POSSIBLE, step)

    # -- what stands there ---------------------------------------------------------------------------------------------

    def _proved(self, event: Event, copy: Copy, generation: int) -> bool:
        return is_ours(event, self._direction.target.calendar_key, copy.copy_key, generation)

    def _as_left(self, event: Event, copy: Copy, last: Intent, names: Sequence[str]) -> bool:
        """Whether these fields are as our last write left them, and as the undone one wanted them."""
        if copy.state is not CopyState.LIVE or not self._proved(event, copy, copy.generation):
            return False
        if any(copy.wanted.get(name) != last.wanted.get(name) for name in names):
            return False  # a later run of ours wanted something else
        return self._untouched(event, copy, names)

    def _untouched(self, event: Event, copy: Copy, names: Sequence[str]) -> bool:
        if event.fields is None or not copy.base_copy or bears_other_stamp(event, copy):
            return False
        actual = hashes(self._standing.normal_form(event.fields))
        excused = REWRITABLE if still_rewriting(event, copy, self._standing.rewrites_seconds) else ()
        told = [name for name in names if name in FIELD_NAMES and name not in excused]
        return all(actual[name] == copy.base_copy.get(name) for name in told)

    def _whole_as_left(self, event: Event, unit: Unit, copy: Copy) -> bool:
        """Whether a copy, with all that is inside a series, is as we left it."""
        if not self._proved(event, copy, copy.generation) or not self._untouched(event, copy, FIELD_NAMES):
            return False
        if not set(unit.cancelled) <= set(copy.cancelled):
            return False
        inner = {one.event_id: one for one in self._standing.copies.values() if one.parent == copy.copy_key}
        for exception in unit.exceptions.values():
            known = inner.get(exception.id)
            if known is None or exception.fields is None:
                return False
            if hashes(self._standing.normal_form(exception.fields)) != dict(known.base_copy):
                return False
        return True

    def _released_as_left(self, event: Event, copy: Copy, last: Intent) -> bool:
        """Whether a copy that was let go is as it was let go: then it can be followed again."""
        marker: Marker | None = event.marker
        if last.draft is None or event.fields is None or marker is None or not is_released(event):
            return False
        if copy.state is not CopyState.RELEASED or copy.generation != last.generation or marker.stamp != last.stamp:
            return False
        same = hashes(self._standing.normal_form(event.fields)) == hashes(self._standing.normal_form(last.draft.fields))
        return same and self._proved(replace(event, marker=None), copy, last.generation)
