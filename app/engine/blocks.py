"""Blocks: maximal runs of touching blockers of equal availability, each kept as one copy (`engine.md` §9). Pure.

Knows spans and who has a copy; reads nothing, and says nothing about writing. Which originals are looked at is the
business of `app.engine.block_reader`, what becomes of their copies that of `app.engine.plan` and `app.engine.covering`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.domain.events import Availability, Event
from app.domain.times import Span, When, to_utc, to_wall


@dataclass(frozen=True, slots=True)
class Member:
    """One original, or one occurrence of one, with the span it wants blocked.

    Args:
        copy_key: of a copy of its own.
        when: its span with buffers, timed.
        start, end: the same as instants, aware in UTC.
        has_copy: a copy of its own is there, or may be: its write is not settled yet.
        follows: copy key it is linked to, its own or another's, empty for none.
        stays: its original is gone or not wanted any more, but that is not carried out (yet): it never founds anew.
        source: its event, for display.
    """

    original_id: str
    occ: str
    copy_key: str
    when: When
    start: datetime
    end: datetime
    availability: Availability
    has_copy: bool = False
    follows: str = ""
    stays: bool = False
    source: Event | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Original and occurrence."""
        return self.original_id, self.occ


@dataclass(frozen=True, slots=True)
class Block:
    """Members that one copy covers, earliest first, and whose copy that is."""

    founder: Member
    members: tuple[Member, ...]
    when: When

    @property
    def start(self) -> datetime:
        """When it begins, aware in UTC."""
        return to_utc(self.when.start, self.when.zone or "UTC")

    @property
    def end(self) -> datetime:
        """When it ends, aware in UTC."""
        return to_utc(self.when.end, self.when.zone or "UTC")


def member_of(when: When, *, original_id: str, occ: str, copy_key: str, availability: Availability) -> Member:
    """A member for a timed span; one that ends before it begins is empty.

    Raises:
        OverflowError, ZoneInfoNotFoundError: the span cannot be placed in time.
    """
    zone = when.zone or "UTC"
    start, end = to_utc(when.start, zone), to_utc(when.end, zone)
    if end < start:
        when, end = replace(when, end=when.start), start
    return Member(original_id, occ, copy_key, when, start, end, availability)


def blocks_of(members: Iterable[Member], minimum: timedelta) -> list[Block]:
    """Put touching members together.

    A block keeps the copy of its earliest member that has one, else its earliest wanted member founds one. A copy whose
    own original only stays covers who followed it before and lies within it, and nobody new: nobody changes it.

    Args:
        minimum: no block is shorter: it ends later instead, by the wall clock, and may touch the next by that.
    """
    everybody = sorted(members, key=_order)
    closed = _closed(everybody)
    taken = {member.place for block in closed for member in block.members}
    found = list(closed)
    for availability in sorted({member.availability for member in everybody}):
        run: list[Member] = []
        ends: datetime | None = None
        for member in everybody:
            if member.availability is not availability or member.place in taken:
                continue
            if ends is not None and member.start > ends:
                found.extend(_block(run, minimum))
                run, ends = [], None
            run.append(member)
            ends = max(member.end, _earliest_end(run[0], minimum), ends or member.end)
        found.extend(_block(run, minimum))
    return found


def _order(member: Member) -> tuple[datetime, datetime, str, str]:
    return member.start, member.end, member.original_id, member.occ


def _closed(everybody: Sequence[Member]) -> list[Block]:
    """Blocks whose copy belongs to an original that only stays."""
    owners = {member.copy_key: member for member in everybody if member.stays and member.has_copy}
    inside: dict[str, list[Member]] = {}
    for member in everybody:
        owner = owners.get(member.follows)
        if owner is not None and owner.start <= member.start and member.end <= owner.end and not member.has_copy:
            inside.setdefault(owner.copy_key, []).append(member)
    return [
        Block(owner, tuple(sorted([owner, *inside.get(key, ())], key=_order)), owner.when)
        for key, owner in owners.items()
    ]


def _block(run: Sequence[Member], minimum: timedelta) -> list[Block]:
    with_copy = next((member for member in run if member.has_copy), None)
    founder = with_copy or next((member for member in run if not member.stays), None)
    return [Block(founder, tuple(run), _around(run, minimum))] if founder is not None else []


def _earliest_end(first: Member, minimum: timedelta) -> datetime:
    start = first.when.start
    return to_utc(start + minimum, first.when.zone or "UTC")


def _around(run: Sequence[Member], minimum: timedelta) -> When:
    """From the earliest start to the latest end, in the zone of the earliest member where that can say it."""
    first, last = run[0], max(run, key=lambda member: member.end)
    zone = first.when.zone or "UTC"
    floating = all(member.when.floating for member in run)
    if _earliest_end(first, minimum) >= last.end:
        return replace(first.when, end=first.when.start + minimum, floating=floating)
    end = last.when.end if last.when.zone == first.when.zone else to_wall(last.end, zone)
    if to_utc(end, zone) == last.end:
        return When(first.when.start, end, zone, floating=floating)
    # The second of two equal hours in autumn, which a wall clock cannot name.
    return When(to_wall(first.start, "UTC"), to_wall(last.end, "UTC"), "UTC")


@dataclass
class Region:
    """Stretches of time that are looked at. Grows only."""

    _stretches: list[tuple[datetime, datetime]] = field(default_factory=list)

    def add(self, stretches: Iterable[tuple[datetime, datetime]]) -> None:
        """Look at these too."""
        merged: list[tuple[datetime, datetime]] = []
        for start, end in sorted([*self._stretches, *stretches]):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(merged[-1][1], end)
            else:
                merged.append((start, end))
        self._stretches = merged

    @property
    def hull(self) -> Span | None:
        """From the first moment to the last, None where nothing is looked at."""
        return Span(self._stretches[0][0], self._stretches[-1][1]) if self._stretches else None

    def meets(self, start: datetime, end: datetime) -> bool:
        """Whether anything of this stretch is looked at."""
        after = bisect_left(self._stretches, start, key=lambda stretch: stretch[1])
        return after < len(self._stretches) and self._stretches[after][0] <= max(start, end)

    def holds(self, start: datetime, end: datetime) -> bool:
        """Whether all of this stretch is looked at."""
        after = bisect_left(self._stretches, end, key=lambda stretch: stretch[1])
        return after < len(self._stretches) and self._stretches[after][0] <= start
