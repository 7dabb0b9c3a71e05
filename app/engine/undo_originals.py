"""The plan of an undo for originals: what was carried back to them, and deleted ones (`engine.md` §12). Pure.

An original is touched only where the pair says so, and only while it is as we left it.
"""

from __future__ import annotations

from dataclasses import replace

from app.domain.events import EventKind
from app.domain.identity import copy_key
from app.domain.links import Carried, Copy, CopyForm, CopyState, DirectionRecord, LinkState, Op
from app.domain.runs import Undoable, Verb
from app.engine.comparison import overlay
from app.engine.decisions import Step
from app.engine.fingerprint import FIELD_NAMES, hashes
from app.engine.originals import wall_start
from app.engine.transform import copy_fields
from app.engine.undo_changes import REASON, Basis, Change, Finding, date_key


class OriginalsUndo:
    """Plans what takes back writes to originals."""

    def __init__(self, basis: Basis) -> None:
        self._basis = basis
        self._standing = basis.standing
        self._direction = basis.direction

    def take_off(self, change: Change) -> Finding:
        """Put the before-image of the carried fields back on the original; the copy keeps what a person wrote on it."""
        first, last, copy, originals = (
            change.first,
            change.last,
            self._basis.copy(change),
            self._standing.originals,
        )
        if originals is None or first.before is None or first.before.fields is None or last.carried is None:
            return self._basis.tell(change, Undoable.NOT_UNDOABLE)
        if last.target_id not in self._standing.sources:
            return self._basis.tell(change, Undoable.COULD_NOT_ASK)
        unit = self._standing.sources[last.target_id]
        event = unit.event if unit is not None else None
        if event is None or event.fields is None:
            return self._basis.tell(change, Undoable.CHANGED_SINCE)
        carried = {
            name: row.carried.fields for row in change.rows if row.carried is not None for name in row.carried.names
        }
        actual = hashes(originals.normal_form(event.fields))
        if any(hashes(originals.normal_form(fields))[name] != actual[name] for name, fields in carried.items()):
            return self._basis.tell(change, Undoable.CHANGED_SINCE)
        names = tuple(name for name in FIELD_NAMES if name in carried)
        if not originals.writable_fields(event).issuperset(names):
            return self._basis.tell(change, Undoable.NOT_UNDOABLE)
        restored = overlay(event.fields, first.before.fields, names)
        wished = hashes(self._standing.normal_form(copy_fields(originals.normal_form(restored), self._direction)))
        said = hashes(originals.normal_form(restored))
        known = self._basis.known_link(change) or self._basis.link(change, LinkState.LIVE)
        link = replace(known, base_original={**known.base_original, **{name: said[name] for name in names}})
        pins = dict(copy.pins if copy is not None else {}) | {name: wished[name] for name in names}
        step = Step(
            verb=Verb.WRITE_BACK,
            op=Op.WRITE_BACK,
            occ=last.occ,
            copy_key=last.copy_key,
            form=last.form,
            reason=REASON,
            target_id=event.id,
            etag=event.etag,
            carried=Carried(restored, names),
            wanted={name: wished[name] for name in names},
            original_hashes={name: said[name] for name in names},
            names=names,
            copy=copy,
            before=event,
            undoing=self._basis.undoing(change, link, pins=pins),
            source=event,
        )
        return self._basis.tell(change, Undoable.POSSIBLE, step)

    def bring_back(self, change: Change) -> Finding:
        """Make a deleted original anew from its before-image: an ordinary event, without a copy."""
        last = change.last
        before = change.first.before
        # Exceptions would have to follow one by one into a calendar where nothing of ours is: that is left to people.
        if self._standing.originals is None or before is None or before.fields is None or last.inside:
            return self._basis.tell(change, Undoable.NOT_UNDOABLE)
        if before.cancelled and not self._standing.excluded_dates:
            return self._basis.tell(change, Undoable.NOT_UNDOABLE)
        if last.target_id not in self._standing.sources:
            return self._basis.tell(change, Undoable.COULD_NOT_ASK)
        if self._standing.sources[last.target_id] is not None:
            return self._basis.tell(change, Undoable.CHANGED_SINCE)
        key = restored_key(self._direction, last.original_id)
        copy = self._standing.copies.get(key) or Copy(self._direction.id, key, state=CopyState.GONE)
        fields = before.fields
        step = Step(
            verb=Verb.RESTORE_ORIGINAL,
            op=Op.RESTORE_ORIGINAL,
            occ=last.occ,
            copy_key=key,
            form=CopyForm.SERIES if before.kind is EventKind.SERIES else CopyForm.SINGLE,
            reason=REASON,
            fields=self._standing.originals.normal_form(fields),
            cancelled={date_key(start, fields): wall_start(start, fields) for start in before.cancelled},
            copy=copy,
            # Let go of from the start: no copy, and no marker that anything looks for.
            released=True,
            undoing=self._basis.undoing(change, self._basis.link(change, LinkState.AWAY)),
            source=before,
        )
        return self._basis.tell(change, Undoable.POSSIBLE, step)


def restored_key(direction: DirectionRecord, original_id: str) -> str:
    """Key under which an original that we deleted is made anew."""
    return copy_key(direction.key, original_id, "restored")
