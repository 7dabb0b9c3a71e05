"""The plan of an undo for what is inside a copied series: one occurrence, or all that a deleted series held. Pure."""

from __future__ import annotations

from dataclasses import replace

from app.domain.events import Event
from app.domain.identity import copy_key
from app.domain.links import Copy, CopyForm, CopyState, LinkState, Op, Undoing
from app.domain.runs import Undoable, Verb
from app.domain.times import Moment
from app.engine.comparison import overlay
from app.engine.decisions import Step
from app.engine.fingerprint import FIELD_NAMES, all_hashes, differing, hashes
from app.engine.originals import Unit, wall_start
from app.engine.undo_changes import REASON, Basis, Change, Finding, date_key, exceptions, pinned, stubs


class SeriesUndo:
    """Plans what takes back writes inside copied series, and what follows a series that is there again."""

    def __init__(self, basis: Basis) -> None:
        self._basis = basis
        self._standing = basis.standing
        self._direction = basis.direction

    def inside_back(self, change: Change, copy: Copy, before: Event) -> Finding:
        """A series is there again: its exceptions and cancelled dates follow, one at a time."""
        unit, unknown = self._basis.there(copy)
        if unknown:
            return self._basis.tell(change, Undoable.COULD_NOT_ASK)
        if unit is None or unit.fields is None:
            return self._basis.tell(change, Undoable.CHANGED_SINCE)
        link = self._basis.known_link(change) or self._basis.link(change, LinkState.KEPT)
        for occ, start in self.missing_dates(change, before, unit):
            key = copy_key(self._direction.key, change.first.original_id, occ)
            step = Step(
                verb=Verb.UPDATE,
                op=Op.CANCEL_OCCURRENCE,
                occ=occ,
                copy_key=key,
                form=CopyForm.OCCURRENCE,
                reason=REASON,
                target_id=copy.event_id,
                occurrence_start=wall_start(start, unit.fields),
                parent=copy.copy_key,
                copy=copy,
                source=before,
            )
            return self._basis.tell(change, Undoable.POSSIBLE, step)
        for event in exceptions(change):
            if event.fields is None or event.original_start is None:
                continue
            occ = date_key(event.original_start, unit.fields)
            key = copy_key(self._direction.key, change.first.original_id, occ)
            fields = self._standing.normal_form(event.fields)
            there = unit.exceptions.get(occ)
            if there is not None and there.fields is not None:
                if hashes(self._standing.normal_form(there.fields)) == hashes(fields):
                    continue
                if there.marker is not None and key in self._standing.copies:
                    continue  # it was put back, and the service or a person made something else of it
            inner = replace(link, occ=occ, copy_key=key)
            step = Step(
                verb=Verb.UPDATE,
                op=Op.UPDATE_OCCURRENCE,
                occ=occ,
                copy_key=key,
                form=CopyForm.OCCURRENCE,
                reason=REASON,
                target_id=copy.event_id,
                etag=there.etag if there is not None else "",
                fields=fields,
                wanted=dict(self._standing.copies[key].wanted) if key in self._standing.copies else {},
                occurrence_start=wall_start(event.original_start, unit.fields),
                parent=copy.copy_key,
                before=there,
                undoing=Undoing((), inner, was=self._standing.links.get((link.original_id, occ))),
                source=event,
            )
            return self._basis.tell(change, Undoable.POSSIBLE, step)
        return self._basis.tell(change, Undoable.POSSIBLE, complete=True)

    def missing_dates(self, change: Change, before: Event, unit: Unit | None) -> list[tuple[str, Moment]]:
        """Dates the series lacked that have to be cancelled singly, where a series is not written with them."""
        if self._standing.excluded_dates or before.fields is None:
            return []
        starts = [*before.cancelled, *(event.original_start for event in stubs(change))]
        dates = {date_key(start, before.fields): start for start in starts if start is not None}
        return [(occ, start) for occ, start in sorted(dates.items()) if unit is None or occ not in unit.cancelled]

    def occurrence_back(self, change: Change) -> Finding:
        """Put back one occurrence inside a copied series."""
        first, last, copy = change.first, change.last, self._basis.copy(change)
        parent = self._standing.copies.get(last.parent)
        living = parent if parent is not None and parent.state is CopyState.LIVE and parent.event_id else None
        unit, unknown = self._basis.there(living)
        if unknown:
            return self._basis.tell(change, Undoable.COULD_NOT_ASK)
        if living is None or unit is None or unit.fields is None or copy is None or last.occ in unit.cancelled:
            return self._basis.tell(change, Undoable.CHANGED_SINCE)
        if last.draft is None or last.occurrence_start is None:
            return self._basis.tell(change, Undoable.NOT_UNDOABLE)
        regular = replace(unit.fields, when=unit.fields.when.moved_to(last.occurrence_start), recurrence=None)
        was = first.before.fields if first.before is not None and first.before.fields is not None else regular
        event = unit.exceptions.get(last.occ)
        there = event.fields if event is not None and event.fields is not None else regular
        normal = self._standing.normal_form
        actual, left = hashes(normal(there)), hashes(last.draft.fields)
        names = differing(all_hashes(normal(was)), all_hashes(last.draft.fields))
        known = copy.base_copy if copy.stamp == last.stamp else {}
        if any(actual[name] not in (left[name], known.get(name)) for name in names if name in FIELD_NAMES):
            return self._basis.tell(change, Undoable.CHANGED_SINCE)
        wanted = dict(copy.wanted) or dict(last.wanted)
        link = self._basis.known_link(change) or replace(
            self._basis.link(change, LinkState.LIVE), copy_key=last.copy_key
        )
        step = Step(
            verb=Verb.UPDATE,
            op=Op.UPDATE_OCCURRENCE,
            occ=last.occ,
            copy_key=last.copy_key,
            form=CopyForm.OCCURRENCE,
            reason=REASON,
            target_id=living.event_id,
            etag=event.etag if event is not None else "",
            fields=normal(overlay(there, was, names)),
            wanted=wanted,
            occurrence_start=last.occurrence_start,
            parent=living.copy_key,
            names=names,
            copy=copy,
            before=event,
            undoing=self._basis.undoing(change, link, pins=pinned(replace(copy, wanted=wanted), names)),
            source=event or unit.event,
        )
        return self._basis.tell(change, Undoable.POSSIBLE, step)
