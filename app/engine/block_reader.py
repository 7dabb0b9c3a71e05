"""Finding the blocks that a change touches: what is to be planned, what is beside it, and who follows the same copies.

Reads the ledger only, by a number of look-ups that does not depend on how many originals there are: the stretch that is
looked at doubles until every block that is touched lies inside it. Decides nothing about writing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from app.domain.errors import InputError
from app.domain.events import Event
from app.domain.identity import copy_key
from app.domain.ledger import Ledger
from app.domain.links import Copy, CopyForm, CopyState, DirectionRecord, Link, LinkState, Row, Seen
from app.domain.pairs import CopyDeleted, FilteredLater
from app.engine.blocks import Block, Member, Region, blocks_of, member_of
from app.engine.cases import CaseReader
from app.engine.covering import span_of
from app.engine.decisions import Around
from app.engine.fingerprint import hashes
from app.engine.originals import Unit, assemble_all
from app.engine.wishes import UNDONE, Near, Wish, Wisher, Wishes

CLOCK_CHANGES = timedelta(hours=3)
"""How much further than their minutes say buffers by the wall clock may reach."""
FIRST_STRETCH = timedelta(hours=12)
WISHES_AT_ONCE = 100
"""Originals wished for between two chances for others to run."""


@dataclass(slots=True)
class _Original:
    """One original as far as it is known."""

    unit: Unit
    links: Mapping[str, Link]
    is_copy: bool
    twin: bool
    wishes: Wishes = field(default_factory=Wishes)
    occs: frozenset[str] | None = None
    """Where it is only beside what was asked for: the occurrences that follow a copy that is touched."""

    def looked_at(self) -> list[Link]:
        """Its links, as far as it is looked at."""
        wished = {wish.occ for wish in self.wishes.items}
        return [
            link for occ, link in sorted(self.links.items()) if self.occs is None or occ in self.occs or occ in wished
        ]


class BlockReader:
    """Finds the blocks of one direction in one run."""

    def __init__(self, direction: DirectionRecord, ledger: Ledger, cases: CaseReader, wisher: Wisher) -> None:
        self._direction = direction
        self._ledger = ledger
        self._cases = cases
        self._wisher = wisher
        settings = direction.settings
        self._minimum = timedelta(minutes=settings.minimum_minutes)
        self._reach = CLOCK_CHANGES + timedelta(
            minutes=settings.buffer_before_minutes + settings.buffer_after_minutes + settings.minimum_minutes
        )
        self._stays_away = settings.copy_deleted is not CopyDeleted.RESTORE

    async def around(self, originals: Sequence[str], breathe: Callable[[], Awaitable[None]]) -> Around:
        """The blocks of these originals, whole, with everything that is in them or was."""
        asked = set(originals)
        known: dict[str, _Original] = {}
        await self._load(known, originals, None, breathe)
        followed: set[str] = set()
        named: dict[str, set[str]] = {}
        touched = {(o.unit.id, wish.occ) for o in known.values() for wish in o.wishes.items}
        touched |= {(o.unit.id, occ) for o in known.values() for occ in o.links}
        region = Region()
        reach = FIRST_STRETCH
        keys = {key for original in known.values() for key in self._keys(original)}
        members, blocks = self._put_together(known)
        while True:
            size = len(touched)
            for link in self._ledger.links_to(self._direction.id, sorted(keys - followed)):
                if link.original_id not in asked:
                    named.setdefault(link.original_id, set()).add(link.occ)
                    touched.add((link.original_id, link.occ))
            followed |= keys
            region.add(self._stretches(blocks, members, touched, reach))
            beside = self._beside(region) | named.keys()
            await self._load(known, sorted(beside - known.keys()), region, breathe)
            for original_id in sorted(beside - asked):
                original = known[original_id]
                original.occs = frozenset(named.get(original_id, ()))
                original.wishes = self._wishes(original, region)
            members, blocks = self._put_together(known)
            open_ended = False
            for block in blocks:
                if touched.isdisjoint(member.place for member in block.members):
                    continue
                touched.update(member.place for member in block.members)
                open_ended |= not region.holds(*_widened(block.start, block.end, self._reach))
            fresh = [members[place] for place in touched if place in members]
            keys |= {key for member in fresh for key in (member.copy_key, member.follows) if key}
            unseen = [m for m in fresh if not region.holds(*_widened(m.start, m.end, self._reach))]
            if len(touched) == size and keys <= followed and not open_ended and not unseen:
                break
            reach *= 2
        return self._result(known, asked, touched, members, blocks)

    # -- what is known -----------------------------------------------------------------------------------------------

    async def _load(
        self,
        known: dict[str, _Original],
        originals: Sequence[str],
        region: Region | None,
        breathe: Callable[[], Awaitable[None]],
    ) -> None:
        """Bring in originals; with a region their wishes are made later."""
        if not originals:
            return
        rows = self._ledger.rows(self._direction.source.id, originals)
        links: dict[str, dict[str, Link]] = {original: {} for original in originals}
        for link in self._ledger.links(self._direction.id, originals):
            links[link.original_id][link.occ] = link
        own = self._ledger.known_copies(self._direction.source.id, originals)
        units = assemble_all(originals, rows)
        out_of_sight = {u.id for u in units.values() if (u.seen is Seen.ABSENT or u.lost) and _is_live(links[u.id])}
        # What was not seen is where it was, until somebody proves that it is not.
        last_seen = [_as_seen(row) for row in rows if row.event.unit in out_of_sight]
        units |= assemble_all(sorted(out_of_sight), last_seen)
        twins = self._cases.twins(units.values())
        for number, original in enumerate(originals):
            known[original] = _Original(units[original], links[original], original in own, original in twins)
            if region is None:
                known[original].wishes = self._wishes(known[original], None)
                if number % WISHES_AT_ONCE == WISHES_AT_ONCE - 1:
                    await breathe()

    def _wishes(self, original: _Original, region: Region | None) -> Wishes:
        unit = original.unit
        unknown = not _is_live(original.links) and any(not event.marker_known for event in _events(unit))
        if unit.seen is not Seen.SEEN or original.is_copy or unknown:
            return Wishes()
        near = Near(region.meets, region.hull, original.occs or frozenset()) if region is not None else None
        return self._wisher.wishes(unit, original.links, near)

    def _keys(self, original: _Original) -> set[str]:
        """Copies that an original has, had or follows."""
        keys = {wish.copy_key for wish in original.wishes.items}
        for occ, link in original.links.items():
            keys |= {copy_key(self._direction.key, original.unit.id, occ), link.copy_key}
        return keys - {""}

    def _stretches(
        self,
        blocks: Iterable[Block],
        members: Mapping[tuple[str, str], Member],
        touched: set[tuple[str, str]],
        reach: timedelta,
    ) -> list[tuple[datetime, datetime]]:
        wide = reach + self._reach
        found = [(members[p].start, members[p].end) for p in touched if p in members]
        found += [(b.start, b.end) for b in blocks if any(member.place in touched for member in b.members)]
        return [_widened(start, end, wide) for start, end in found]

    def _beside(self, region: Region) -> set[str]:
        hull = region.hull
        if hull is None:
            return set()
        return {
            unit
            for unit, starts, ends in self._ledger.extents(self._direction.source.id, hull)
            if region.meets(starts or hull.start, ends or hull.end)
        }

    # -- members and blocks ------------------------------------------------------------------------------------------

    def _put_together(self, known: Mapping[str, _Original]) -> tuple[dict[tuple[str, str], Member], list[Block]]:
        originals = sorted(known.values(), key=lambda original: original.unit.id)
        keys = {wish.copy_key for original in originals for wish in original.wishes.items if wish.span is not None}
        keys |= {link.copy_key for original in originals for link in original.looked_at() if link.copy_key}
        copies = self._cases.copies(keys)
        targets = self._cases.targets(copies.values())
        pending = self._cases.pending()

        def state(key: str) -> tuple[Copy | None, Unit | None]:
            copy = copies.get(key)
            if copy is None or copy.state is not CopyState.LIVE or not copy.event_id:
                return None, None
            return copy, targets.get(copy.event_id)

        members: dict[tuple[str, str], Member] = {}
        waiting: dict[str, Member] = {}
        for original in originals:
            wished = set()
            for wish in original.wishes.items:
                wished.add(wish.occ)
                member = self._member(original, wish, state, wish.copy_key in pending)
                if member is not None:
                    members[member.place] = member
            for link in original.looked_at():
                follows = link.copy_key and link.state in (LinkState.LIVE, LinkState.KEPT)
                if link.occ in wished or not follows:
                    continue
                left = self._stayer(original, link, *state(link.copy_key))
                if left is not None:
                    members[left.place] = left
                    if self._is_awaited(original, link) and left.copy_key != left.follows:
                        waiting[left.follows] = left
        self._hold_back(members, waiting)
        return members, blocks_of(members.values(), self._minimum)

    def _member(
        self,
        original: _Original,
        wish: Wish,
        state: Callable[[str], tuple[Copy | None, Unit | None]],
        pending: bool,
    ) -> Member | None:
        """A wish as a member of a block, None where it is none: nothing of it may be made, or a person deleted it."""
        if wish.span is None or wish.form is not CopyForm.SINGLE:
            return None
        link = original.links.get(wish.occ)
        whole = original.links.get("")
        own, there = state(wish.copy_key)
        follows = link.copy_key if link is not None and link.state in (LinkState.LIVE, LinkState.KEPT) else ""
        shared, shared_there = state(follows)
        if self._stays_away and any(
            copy is not None and target is not None and target.seen is Seen.GONE
            for copy, target in ((own, there), (shared, shared_there))
        ):
            return None
        has_copy = pending or (own is not None and own.form is CopyForm.SINGLE and not _is_gone(there))
        if not has_copy:
            away = [one for one in (link, whole) if one is not None and one.state is LinkState.AWAY]
            stays_away = any(self._stays_away or one.reason == UNDONE for one in away)
            if stays_away or (not follows and (original.twin or not wish.in_window)):
                return None
        try:
            member = span_of(wish)
        except (OverflowError, ZoneInfoNotFoundError):
            return None
        return replace(member, original_id=original.unit.id, has_copy=has_copy, follows=follows, source=wish.source)

    def _stayer(self, original: _Original, link: Link, copy: Copy | None, target: Unit | None) -> Member | None:
        """What is wanted no longer but still has its copy, or its part of one: it stays as long as its link does."""
        event = target.event if target is not None and target.seen is Seen.SEEN else None
        if copy is None or copy.form is not CopyForm.SINGLE or event is None or event.fields is None:
            return None
        if event.fields.when.all_day:
            return None
        key = self._wisher.key(original.unit.id, link.occ, original.links)
        try:
            member = member_of(
                event.fields.when,
                original_id=original.unit.id,
                occ=link.occ,
                copy_key=key,
                availability=self._wisher.normal(event.fields).availability,
            )
        except (OverflowError, ZoneInfoNotFoundError, InputError):
            return None
        has_copy = link.copy_key == key
        return replace(member, has_copy=has_copy, follows=link.copy_key, stays=True, source=original.unit.event)

    def _is_awaited(self, original: _Original, link: Link) -> bool:
        """Whether its leaving is still to be carried out, or to be decided."""
        left = original.unit.seen is Seen.SEEN and self._direction.settings.filtered_later is FilteredLater.LEAVE
        return link.state is not LinkState.KEPT and not left

    @staticmethod
    def _hold_back(members: dict[tuple[str, str], Member], waiting: Mapping[str, Member]) -> None:
        """A copy that still covers one who is about to leave does not go elsewhere before that is carried out."""
        for place, member in list(members.items()):
            left = waiting.get(member.copy_key)
            if left is None or member.stays or not member.has_copy:
                continue
            if member.start > left.end or left.start > member.end or member.availability is not left.availability:
                members[place] = replace(
                    member, when=left.when, start=left.start, end=left.end, availability=left.availability
                )

    # -- the result --------------------------------------------------------------------------------------------------

    def _result(
        self,
        known: Mapping[str, _Original],
        asked: set[str],
        touched: set[tuple[str, str]],
        members: Mapping[tuple[str, str], Member],
        blocks: Iterable[Block],
    ) -> Around:
        result = Around()
        for block in blocks:
            for member in block.members:
                if not member.stays and member.place in touched:
                    result.blocks.setdefault(member.original_id, {})[member.occ] = block
        partial: dict[str, set[str]] = {}
        for original_id, occ in sorted(touched):
            place = members.get((original_id, occ))
            # One that only stays is planned when it is due itself; one that is no member any more, now.
            if original_id not in asked and (place is None or not place.stays):
                partial.setdefault(original_id, set()).add(occ)
        result.partial = {original_id: frozenset(occs) for original_id, occs in sorted(partial.items())}
        for original_id in sorted(asked | partial.keys()):
            wishes = known[original_id].wishes
            only = result.partial.get(original_id)
            items = (self._shaped(wish, result.blocks.get(original_id, {}).get(wish.occ)) for wish in wishes.items)
            kept = tuple(wish for wish in items if only is None or wish.occ in only)
            result.wishes[original_id] = replace(wishes, items=kept)
        return result

    def _shaped(self, wish: Wish, block: Block | None) -> Wish:
        """The wish of a founder is the whole block."""
        if block is None or block.founder.copy_key != wish.copy_key:
            return wish
        fields = self._wisher.normal(replace(wish.fields, when=block.when))
        return replace(wish, fields=fields, hashes=hashes(fields))


def _is_live(links: Mapping[str, Link]) -> bool:
    return any(link.copy_key and link.state in (LinkState.LIVE, LinkState.KEPT) for link in links.values())


def _is_gone(target: Unit | None) -> bool:
    return target is not None and target.seen is Seen.GONE


def _as_seen(row: Row) -> Row:
    return replace(row, seen=Seen.SEEN) if row.seen is Seen.ABSENT else row


def _events(unit: Unit) -> tuple[Event, ...]:
    return (unit.event,) if unit.event is not None else tuple(unit.exceptions.values())


def _widened(start: datetime, end: datetime, by: timedelta) -> tuple[datetime, datetime]:
    try:
        return start - by, end + by
    except OverflowError:
        return start, end
