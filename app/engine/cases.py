"""Gathering what is known of originals for the plan: rows, links, copies, twins, by one look-up each.

Reads the ledger; asks no service and decides nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from app.domain.events import Event, EventKind
from app.domain.identity import copy_key
from app.domain.ledger import Ledger
from app.domain.links import Copy, CopyForm, CopyState, DirectionRecord, Link, Seen
from app.engine.decisions import Around, Case
from app.engine.originals import Unit, assemble_all
from app.engine.wishes import Wisher, Wishes


class CaseReader:
    """Gathers cases of one direction in one run.

    `asked_source` and `asked_target` are what was read directly in this run, and answered; `adopted` are copies found
    by marker that have no link yet, by copy key; `succeeding` are those in the place of a copy that is gone; `living`
    are those that another installation made where this one knows of none.
    """

    def __init__(self, direction: DirectionRecord, ledger: Ledger, wisher: Wisher) -> None:
        self._direction = direction
        self._ledger = ledger
        self._wisher = wisher
        self.asked_source: set[str] = set()
        self.asked_target: set[str] = set()
        self.adopted: dict[str, Copy] = {}
        self.succeeding: dict[str, Copy] = {}
        self.living: dict[str, Copy] = {}

    def _key(self, original_id: str, occ: str = "") -> str:
        return copy_key(self._direction.key, original_id, occ)

    def copies(self, keys: Collection[str]) -> dict[str, Copy]:
        """Copies by these keys, those found by marker too."""
        found = {copy.copy_key: copy for copy in self._ledger.copies(self._direction.id, keys)} if keys else {}
        return found | self._found_by_marker(found)

    def _found_by_marker(self, known: Mapping[str, Copy]) -> dict[str, Copy]:
        found = {key: copy for key, copy in self.adopted.items() if key not in known}
        # Until it is settled, its row still tells of the copy before.
        return (
            found
            | {
                key: copy
                for key, copy in self.succeeding.items()
                if key in known and known[key].event_id != copy.event_id
            }
            | self.living
        )  # looked up only where another copy would have been made: the row tells of one that is gone

    def pending(self) -> frozenset[str]:
        """Keys of copies with a write that is still being settled."""
        intents = self._ledger.pending_intents(self._direction.id)
        return frozenset(key for intent in intents for key in (intent.copy_key, intent.parent) if key)

    def cases(self, originals: Sequence[str], around: Around | None = None) -> list[Case]:
        """What is known of these originals, by one look-up each of rows, links and copies.

        Args:
            around: where touching blockers are merged, the blocks these originals are in.
        """
        direction, ledger = self._direction, self._ledger
        units = assemble_all(originals, ledger.rows(direction.source.id, originals))
        links: dict[str, dict[str, Link]] = {original: {} for original in originals}
        for link in ledger.links(direction.id, originals):
            links[link.original_id][link.occ] = link
        own_copies = ledger.known_copies(direction.source.id, originals)
        partial = around.partial if around is not None else {}
        for original in partial.keys() & links.keys():
            links[original] = {occ: link for occ, link in links[original].items() if occ in partial[original]}
        wishes = {
            original: around.wishes[original] if around is not None else self._wisher.wishes(unit, links[original])
            for original, unit in units.items()
            if unit.seen is Seen.SEEN and not unit.lost and original not in own_copies
        }
        blocks = {o: around.blocks[o] for o in originals if o in around.blocks} if around is not None else {}
        keys = {wish.copy_key for wished in wishes.values() for wish in wished.items}
        keys |= {link.copy_key for own in links.values() for link in own.values() if link.copy_key}
        keys |= {self._key(original) for original in originals}
        keys |= {self._key(o, occ) for o, unit in units.items() for occ in unit.exceptions}
        keys |= {self._key(o, occ) for o, own in links.items() for occ in own}
        keys |= {block.founder.copy_key for own in blocks.values() for block in own.values()}
        copies = {copy.copy_key: copy for copy in ledger.copies(direction.id, keys)} if keys else {}
        copies |= {copy.copy_key: copy for copy in ledger.copies_of_parents(direction.id, keys)} if keys else {}
        copies |= self._found_by_marker(copies)
        targets = self.targets(copies.values())
        twins = self.twins(units.values())
        pending = self.pending()
        return [
            Case(
                unit=units[original],
                wishes=wishes.get(original, Wishes()),
                links=links[original],
                copies=copies,
                targets=targets,
                pending=pending,
                asked_original=bool(units[original].reads) and self.asked_source.issuperset(units[original].reads),
                asked_copies=frozenset(self.asked_target),
                is_copy=original in own_copies,
                twin=original in twins,
                blocks=blocks.get(original, {}),
                partial=original in partial,
            )
            for original in originals
        ]

    def targets(self, copies: Iterable[Copy]) -> dict[str, Unit]:
        """What the target's view holds of these copies, by event id; occurrences live in their series."""
        ids = sorted({c.event_id for c in copies if c.event_id and c.form is not CopyForm.OCCURRENCE})
        if not ids:
            return {}
        rows = self._ledger.rows(self._direction.target.id, ids)
        known = {row.event.unit for row in rows}
        return {unit_id: unit for unit_id, unit in assemble_all(ids, rows).items() if unit_id in known}

    def twins(self, units: Iterable[Unit]) -> set[str]:
        """Originals whose meeting lives in the target by itself: same iCalUID, unmarked, not declined, same kind."""
        if not self._direction.settings.filters.already_there:
            return set()
        by_uid: dict[str, list[Unit]] = {}
        for unit in units:
            if unit.event is not None and unit.event.ical_uid:
                by_uid.setdefault(unit.event.ical_uid, []).append(unit)
        if not by_uid:
            return set()
        there = self._ledger.uids(self._direction.target.id, by_uid.keys())
        ours = self._ledger.known_copies(
            self._direction.target.id, [event.id for events in there.values() for event in events]
        )
        return {
            unit.id
            for uid, events in there.items()
            for unit in by_uid.get(uid, ())
            if any(_is_twin(unit, event) and event.id not in ours for event in events)
        }


def copy_from(event: Event, direction_id: str) -> Copy | None:
    """A copy row for a proved copy that has none."""
    marker = event.marker
    if marker is None:
        return None
    form = CopyForm.SERIES if event.kind is EventKind.SERIES else CopyForm.SINGLE
    return Copy(
        direction_id,
        marker.copy_key,
        generation=marker.generation,
        event_id=event.id,
        form=form,
        state=CopyState.LIVE,
        etag=event.etag,
        stamp=marker.stamp,
    )


def _is_twin(unit: Unit, event: Event) -> bool:
    same_kind = (event.kind is EventKind.SERIES) == unit.is_series
    return same_kind and event.marker is None and event.response.value != "declined" and not event.gone
