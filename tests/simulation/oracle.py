"""What must be true in a simulation, said without the engine: expected copies, computed by brute force.

It knows the rules of `engine.md` §1 and nothing of how the engine keeps them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.events import Availability, Event, EventKind, Fields
from app.domain.links import DirectionRecord
from app.domain.pairs import CopyDeleted, CopyEdited, Mode
from app.domain.times import Moment
from tests.fakes.calendar import FakeCalendar
from tests.simulation.people import People

HORIZON = 8
"""So many occurrences of a series are compared."""

Shown = tuple[str, str, str, str, str]


class Violation(AssertionError):
    """A promise was broken."""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:40]


def wanted(event: Event, mode: Mode) -> bool:
    """Whether an original shall have a copy. What was released is an ordinary event."""
    if event.fields is None or (event.marker is not None and not event.marker.released):
        return False
    return mode is not Mode.BLOCKER or event.fields.availability is not Availability.FREE


def shown(fields: Fields, mode: Mode) -> Shown:
    """What a person sees of a copy of these fields."""
    when = fields.when
    times = (str(when.start), str(when.end))
    if mode is Mode.BLOCKER:
        return (*times, "Busy", "", "")
    return (*times, fields.title.strip(), fields.text.strip(), fields.place.strip())


def seen(fields: Fields) -> Shown:
    """What a person sees of an event that is there."""
    return (str(fields.when.start), str(fields.when.end), fields.title, fields.text, fields.place)


def occurrences(master: Event, parts: Iterable[Event], mode: Mode | None) -> dict[str, Shown]:
    """Every occurrence of a series by its date, the first few; `mode` None for a copy, shown as it is."""
    fields = master.fields
    assert fields is not None
    assert fields.recurrence is not None
    rule = fields.recurrence.lines[0]
    step = timedelta(days=14 if "INTERVAL=2" in rule else 7 if "WEEKLY" in rule else 1)
    most = 6 if "COUNT=6" in rule else 4 if "COUNT=4" in rule else HORIZON

    def show(one: Fields) -> Shown:
        return seen(one) if mode is None else shown(one, mode)

    expanded: dict[str, Shown] = {}
    for number in range(most):
        start = fields.when.start + step * number
        when = fields.when.moved_to(start)
        plain = Fields(when, title=fields.title, text=fields.text, place=fields.place)
        expanded[_day(start)] = show(plain)
    for start in master.cancelled:
        expanded.pop(_day(start), None)
    for part in parts:
        assert part.original_start is not None
        key = _day(part.original_start)
        free = part.fields is not None and part.fields.availability is Availability.FREE
        if part.kind is EventKind.CANCELLED or (free and mode is Mode.BLOCKER):
            expanded.pop(key, None)
        elif part.fields is not None:
            expanded[key] = show(part.fields)
    return expanded


def _day(start: Moment) -> str:
    # Every series of a simulation starts between 7:00 and 18:00 in a zone one hour east: no date changes through UTC.
    return (start.date() if isinstance(start, datetime) else start).strftime("%Y%m%d")


@dataclass
class Oracle:
    """Compares all directions of all calendars with what people made."""

    calendars: Mapping[str, FakeCalendar]
    directions: tuple[DirectionRecord, ...]
    people: People
    strict: bool
    """No fault ever struck: then what a person deleted is away for certain."""
    forgetful: bool
    """A machine lost its state, or is left with what another one did: copies whose original went without its knowing
    stay, as nothing proves to it that there was one."""

    def never(self) -> None:
        """What must not happen at any moment."""
        for name, calendar in self.calendars.items():
            for change in calendar.log:
                if change.by == "kalends" and not change.event_id.startswith("kaln"):
                    raise Violation(f"{name}: {change.what} of {change.event_id}, which is not ours")
        for direction in self.directions:
            for key, copies in self._copies(direction).items():
                if len(copies) > 1:
                    raise Violation(f"{len(copies)} living copies of {key} at once")
        targets = {direction.target.id for direction in self.directions}
        for name, calendar in self.calendars.items():
            if f"conn_{name}" not in targets and any(change.by == "kalends" for change in calendar.log):
                raise Violation(f"{name} is only a source and was written to")

    def finally_(self) -> None:
        """What must be true when all is quiet."""
        self.never()
        for direction in self.directions:
            self._direction(direction)

    def _copies(self, direction: DirectionRecord) -> dict[str, list[Event]]:
        """Living events that are proved copies of a direction, by copy key."""
        found: dict[str, list[Event]] = {}
        for event in self._calendar(direction.target.id).living():
            marker = event.marker
            if marker is None or marker.released or marker.direction_key != direction.key:
                continue
            proof = "kaln" + _digest(direction.target.calendar_key, marker.copy_key, str(marker.generation))
            if event.id == proof:
                found.setdefault(marker.copy_key, []).append(event)
        return found

    def _direction(self, direction: DirectionRecord) -> None:
        source, target = self._calendar(direction.source.id), self._calendar(direction.target.id)
        mode, settings = direction.settings.mode, direction.settings
        copies = self._copies(direction)
        stays_away = settings.copy_deleted is CopyDeleted.STAY_AWAY
        originals = {_digest(direction.key, e.id, ""): e for e in source.living() if wanted(e, mode)}
        for key, original in originals.items():
            there = copies.pop(key, [])
            away = stays_away and key in self.people.deleted_copies
            if there and away and self.strict and original.id not in self.people.wanted_anew:
                raise Violation(f"the copy of {original.id} is back although a person deleted it")
            if not there and not away:
                raise Violation(f"no copy of {original.id} ({original.fields})")
            if there and not (settings.copy_edited is CopyEdited.KEEP and key in self.people.edited_copies):
                self._same(original, there[0], source, target, direction, key)
        if copies and not self.forgetful:
            raise Violation(f"copies without an original: {sorted(copies)}")

    def _same(
        self,
        original: Event,
        copy: Event,
        source: FakeCalendar,
        target: FakeCalendar,
        direction: DirectionRecord,
        key: str,
    ) -> None:
        mode = direction.settings.mode
        assert original.fields is not None
        assert copy.fields is not None
        if original.kind is not copy.kind:
            raise Violation(f"{original.id} is a {original.kind}, its copy a {copy.kind}")
        if original.kind is not EventKind.SERIES:
            if shown(original.fields, mode) != seen(copy.fields):
                raise Violation(f"{original.id}: {shown(original.fields, mode)} is shown as {seen(copy.fields)}")
            return
        should = occurrences(original, _parts(source, original.id), mode)
        is_ = occurrences(copy, _parts(target, copy.id), None)
        free = self._free(direction, key)
        for day in sorted(should.keys() | is_.keys()):
            if day not in free and should.get(day) != is_.get(day):
                raise Violation(f"{original.id} on {day}: {should.get(day)} is shown as {is_.get(day)}")

    def _free(self, direction: DirectionRecord, key: str) -> set[str]:
        """Dates of a copied series that a person's hand decided."""
        settings = direction.settings
        if settings.copy_deleted is CopyDeleted.RESTORE and settings.copy_edited is CopyEdited.RESTORE:
            return set()
        return {day for owner, day in self.people.dates_taken if owner == key}

    def _calendar(self, connection_id: str) -> FakeCalendar:
        return self.calendars[connection_id.removeprefix("conn_")]


def _parts(calendar: FakeCalendar, series_id: str) -> list[Event]:
    return [event for event in calendar.events.values() if event.series_id == series_id]
