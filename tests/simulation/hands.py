"""What people do to copies in a simulation: edit and delete them, whole or for single dates, split and paste them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from app.domain.events import Event, EventKind, Fields
from app.domain.times import Moment
from tests.simulation.people import Found, People, cut_at, said
from tests.simulation.services import SimCalendar, crosses


@dataclass
class Hands:
    """Acts on copies, drawn together with those on originals."""

    people: People
    calendars: Mapping[str, SimCalendar]

    def __post_init__(self) -> None:
        self.people.more = (
            (5, self.edit_copy),
            (3, self.delete_copy),
            (4, self.touch_copied_series),
            (1, self.split_copy),
            (2, self.paste_copy),
        )

    def edit_copy(self) -> None:
        """Change a copy by hand, most likely one that was just made."""
        picked = self._copy()
        if picked is None:
            return
        calendar, event, fields = picked
        random, notes = self.people.random, self.people.notes
        assert event.marker is not None
        key = event.marker.copy_key
        name = random.choice(("title", "title", "place", "text", "when"))
        if name == "when" and (event.kind is EventKind.SERIES or fields.when.all_day):
            name = "title"
        if name in ("place", "text") and calendar.quirks.rewrites:
            # Soon after a write nobody can tell it from what Exchange does by itself (`engine.md` §7).
            name = "title"
        if name == "title":
            fields = replace(fields, title=f"By hand {random.randrange(90)}")
            notes.last_title[key] = (fields.title, self.people.number)
        else:
            notes.last_title.pop(key, None)
        if name == "place":
            fields = replace(fields, place=f"Hall {random.randrange(90)}")
        elif name == "text":
            fields = replace(fields, text=f"note {random.randrange(90)}")
        elif name == "when":
            start = fields.when.start + timedelta(hours=random.choice((-1, 1, 2)))
            fields = replace(fields, when=fields.when.moved_to(start))
        notes.edited_copies[key] = notes.edited_copies.get(key, 0) + 1
        notes.typed.setdefault(key, {}).setdefault(name, set()).add(said(name, fields))
        calendar.put(replace(event, fields=fields))

    def delete_copy(self) -> None:
        """Delete a copy by hand."""
        picked = self._copy()
        if picked is not None:
            calendar, event, _ = picked
            assert event.marker is not None
            key, notes = event.marker.copy_key, self.people.notes
            notes.deleted_copies.setdefault(key, set()).add((event.id, event.etag))
            notes.last_title.pop(key, None)
            calendar.remove(event.id)

    def touch_copied_series(self) -> None:
        """Delete, rename or move one occurrence of a copied series by hand."""
        picked = self._copy(EventKind.SERIES)
        if picked is None:
            return
        calendar, event, fields = picked
        start = self.people.occurrence(fields)
        if start is None:
            return
        assert event.marker is not None
        key = event.marker.copy_key
        what = self.people.random.choice(("delete", "rename", "move"))
        moved = replace(fields, when=fields.when.moved_to(start), title="By hand", recurrence=None)
        if what == "move":
            moved = replace(moved, when=fields.when.moved_to(self._later(fields, start)))
        if what != "delete" and calendar.quirks.refuses_crossing and crosses(fields, start, moved):
            return
        self.people.notes.dates_taken.add((key, start.strftime("%Y%m%d")))
        self.people.notes.last_title.pop(key, None)
        if what == "delete":
            calendar.cancel_occurrence(event.id, start)
        else:
            calendar.change_occurrence(event.id, start, moved)

    def _later(self, fields: Fields, start: Moment) -> Moment:
        return start + (timedelta(days=1) if fields.when.all_day else timedelta(hours=1))

    def split_copy(self) -> None:
        """This and following, on a copy: what comes off is the person's own, with or without a cloned marker."""
        picked = self._copy(EventKind.SERIES)
        if picked is None:
            return
        calendar, event, fields = picked
        cut = self.people.occurrence(fields)
        if cut is None or cut == fields.when.start or not self.people.parts_go(calendar, event):
            return
        assert event.marker is not None
        notes, key = self.people.notes, event.marker.copy_key
        ended, rest = cut_at(fields, cut)
        notes.edited_copies[key] = notes.edited_copies.get(key, 0) + 1
        notes.last_title.pop(key, None)
        calendar.put(replace(event, fields=ended))
        self._own(calendar, replace(event, fields=replace(rest, title="Split off")))

    def paste_copy(self) -> None:
        """Copy a copy, marker and all where the service clones it: the new event is the person's own."""
        picked = self._copy(EventKind.SINGLE)
        if picked is not None:
            calendar = self.calendars[self.people.random.choice(sorted(self.calendars))]
            self._own(calendar, picked[1])

    def _own(self, calendar: SimCalendar, event: Event) -> None:
        number = self.people.number
        marker = event.marker if calendar.quirks.clones_markers else None
        event_id = f"pasted{number}" if marker is not None else f"own{number}"
        uid = f"{event_id}@example.com"
        self.people.notes.touched.setdefault(event_id, []).append(number)
        calendar.put(replace(event, id=event_id, marker=marker, transaction_id=None, ical_uid=uid))

    def _copy(self, kind: EventKind | None = None) -> Found | None:
        random = self.people.random
        calendar = self.calendars[random.choice(sorted(self.calendars))]
        found = [
            e
            for e in calendar.living()
            if e.id in calendar.made and e.marker is not None and not e.marker.released and kind in (None, e.kind)
        ]
        return self.people.pick(calendar, found[-1:] if random.random() < 0.5 else found)
