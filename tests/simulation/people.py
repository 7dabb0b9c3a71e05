"""What people do to their calendars in a simulation: originals, copies touched by hand, pasted markers, own events.

It notes what it did as far as an oracle has to know: which copies a person deleted, edited, or took a date out of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random

from app.domain.events import Availability, Event, EventKind, Fields, Recurrence
from app.domain.times import Moment, When, to_wall
from app.engine.proof import looks_like_ours
from tests.fakes.calendar import FakeCalendar
from tests.fakes.engine_world import ZONE

FIRST_DAY = date(2026, 11, 23)
RULES = ("RRULE:FREQ=WEEKLY", "RRULE:FREQ=DAILY;COUNT=6", "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4")
WORDS = ("Review", "Stand-up", "Lunch", "Dentist", "Call", " Trip ", "Łódź", "1:1")


@dataclass
class People:
    """Acts by its own seed."""

    random: Random
    calendars: dict[str, FakeCalendar]
    originals_in: tuple[str, ...]
    deleted_copies: set[str] = field(default_factory=set)
    edited_copies: set[str] = field(default_factory=set)
    wanted_anew: set[str] = field(default_factory=set)
    """Originals that were gone or left out for a while: that their copy was deleted before may count no more."""
    dates_taken: set[tuple[str, str]] = field(default_factory=set)
    _number: int = 0

    def act(self) -> None:
        """Do one thing, if there is something to do it to."""
        actions: tuple[tuple[int, Callable[[], None]], ...] = (
            (6, self.create),
            (6, self.edit_original),
            (3, self.delete_original),
            (2, self.recreate_original),
            (4, self.toggle_free),
            (5, self.change_series),
            (4, self.edit_copy),
            (3, self.delete_copy),
            (3, self.touch_copied_series),
            (2, self.paste_copy),
            (1, self.wipe),
        )
        (action,) = self.random.choices([a for _, a in actions], [w for w, _ in actions])
        action()

    # -- originals ---------------------------------------------------------------------------------------------------

    def create(self) -> None:
        """A new single, all-day event or series."""
        calendar = self.calendars[self.random.choice(self.originals_in)]
        self._number += 1
        kind = self.random.choice(("single", "single", "all_day", "series"))
        recurrence = Recurrence((self.random.choice(RULES),)) if kind == "series" else None
        fields = Fields(
            self._when(all_day=kind == "all_day"),
            title=self.random.choice(WORDS),
            text=self.random.choice(("", "agenda")),
            recurrence=recurrence,
        )
        event_id = f"own{self._number}"
        calendar.put(
            Event(
                event_id,
                kind=EventKind.SERIES if recurrence else EventKind.SINGLE,
                fields=fields,
                ical_uid=f"{event_id}@example.com",
            )
        )

    def edit_original(self) -> None:
        """Another title, place or time. A moved series takes its exceptions back, as services do."""
        picked = self._original()
        if picked is None:
            return
        calendar, event, fields = picked
        change = self.random.choice(("title", "place", "when"))
        if change == "when":
            for part in [e for e in calendar.events.values() if e.series_id == event.id]:
                calendar.forget(part.id)
            fields = replace(fields, when=self._when(all_day=fields.when.all_day))
        elif change == "title":
            fields = replace(fields, title=self.random.choice(WORDS))
        else:
            fields = replace(fields, place=f"Room {self.random.randrange(4)}")
        calendar.put(replace(event, fields=fields))

    def delete_original(self) -> None:
        """Gone for good, or until it is made again."""
        picked = self._original()
        if picked is not None:
            picked[0].remove(picked[1].id)

    def recreate_original(self) -> None:
        """A deleted original comes back under its id (taken out of the bin)."""
        calendar = self.calendars[self.random.choice(self.originals_in)]
        gone = sorted(event.id for event in calendar.events.values() if event.gone and event.id.startswith("own"))
        if gone:
            event_id = self.random.choice(gone)
            self.wanted_anew.add(event_id)
            calendar.put(Event(event_id, fields=Fields(self._when(all_day=False), title=self.random.choice(WORDS))))

    def toggle_free(self) -> None:
        """Free to busy or back: blockers leave out what is free."""
        picked = self._original()
        if picked is not None:
            calendar, event, fields = picked
            busy = fields.availability is Availability.BUSY
            other = Availability.FREE if busy else Availability.BUSY
            self.wanted_anew.add(event.id)
            calendar.put(replace(event, fields=replace(fields, availability=other)))

    def change_series(self) -> None:
        """Cancel an occurrence, move it, or bring it back."""
        picked = self._original(EventKind.SERIES)
        if picked is None:
            return
        calendar, event, fields = picked
        start = self._occurrence(fields)
        what = self.random.choice(("cancel", "move", "restore"))
        parts = [e for e in calendar.events.values() if e.series_id == event.id and e.original_start is not None]
        if what == "restore" and parts:
            known = self.random.choice(parts).original_start
            assert known is not None
            start = to_wall(known, ZONE) if isinstance(known, datetime) else known
        if what == "cancel":
            calendar.cancel_occurrence(event.id, start)
            return
        shift = timedelta(hours=2) if what == "move" else timedelta()
        moved = replace(fields, when=fields.when.moved_to(start + shift), recurrence=None)
        calendar.change_occurrence(event.id, start, moved)

    def wipe(self) -> None:
        """Delete most of a calendar."""
        name = self.random.choice(self.originals_in)
        for event in self._originals(name)[1:]:
            self.calendars[name].remove(event.id)

    # -- copies ------------------------------------------------------------------------------------------------------

    def edit_copy(self) -> None:
        """Change a copy by hand, most likely one that was just made."""
        picked = self._copy()
        if picked is None:
            return
        calendar, event, fields = picked
        assert event.marker is not None
        self.edited_copies.add(event.marker.copy_key)
        calendar.put(replace(event, fields=replace(fields, title=f"By hand {self.random.randrange(9)}")))

    def delete_copy(self) -> None:
        """Delete a copy by hand."""
        picked = self._copy()
        if picked is not None:
            calendar, event, _ = picked
            assert event.marker is not None
            self.deleted_copies.add(event.marker.copy_key)
            calendar.remove(event.id)

    def touch_copied_series(self) -> None:
        """Delete or change one occurrence of a copied series by hand."""
        picked = self._copy(EventKind.SERIES)
        if picked is None:
            return
        calendar, event, fields = picked
        assert event.marker is not None
        start = self._occurrence(fields)
        self.dates_taken.add((event.marker.copy_key, start.strftime("%Y%m%d")))
        if self.random.random() < 0.5:
            calendar.cancel_occurrence(event.id, start)
        else:
            moved = replace(fields, when=fields.when.moved_to(start), title="By hand", recurrence=None)
            calendar.change_occurrence(event.id, start, moved)

    def paste_copy(self) -> None:
        """Copy a copy, marker and all: the new event is the person's own."""
        picked = self._copy(EventKind.SINGLE)
        if picked is not None:
            self._number += 1
            calendar = self.calendars[self.random.choice(sorted(self.calendars))]
            calendar.put(replace(picked[1], id=f"pasted{self._number}"))

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _when(self, *, all_day: bool) -> When:
        day = FIRST_DAY + timedelta(days=self.random.randrange(40))
        if all_day:
            return When(day, day + timedelta(days=self.random.choice((1, 3))))
        start = datetime(day.year, day.month, day.day, self.random.randrange(7, 18))  # noqa: DTZ001 - a wall clock
        return When(start, start + timedelta(minutes=self.random.choice((0, 30, 90))), ZONE)

    def _occurrence(self, fields: Fields) -> Moment:
        assert fields.recurrence is not None
        weekly = "WEEKLY" in fields.recurrence.lines[0]
        step = 14 if "INTERVAL=2" in fields.recurrence.lines[0] else 7 if weekly else 1
        return fields.when.start + timedelta(days=step * self.random.randrange(4))

    def _originals(self, name: str) -> list[Event]:
        return [e for e in self.calendars[name].living() if e.id.startswith("own")]

    def _original(self, kind: EventKind | None = None) -> tuple[FakeCalendar, Event, Fields] | None:
        name = self.random.choice(self.originals_in)
        found = [e for e in self._originals(name) if kind in (None, e.kind)]
        return self._pick(self.calendars[name], found)

    def _copy(self, kind: EventKind | None = None) -> tuple[FakeCalendar, Event, Fields] | None:
        calendar = self.calendars[self.random.choice(sorted(self.calendars))]
        found = [
            e for e in calendar.living() if e.id.startswith("kaln") and looks_like_ours(e) and e.marker is not None
        ]
        found = [e for e in found if kind in (None, e.kind)]
        return self._pick(calendar, found[-1:] if self.random.random() < 0.5 else found)

    def _pick(self, calendar: FakeCalendar, found: list[Event]) -> tuple[FakeCalendar, Event, Fields] | None:
        if not found:
            return None
        event = self.random.choice(found)
        assert event.fields is not None
        return calendar, event, event.fields
