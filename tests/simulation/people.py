"""What people do to their calendars in a simulation: their own events here, copies in `hands`.

Every act has a number and draws from a random source of that number, so that leaving one out changes no other. It is
noted what was done, as far as an oracle has to know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random

from app.domain.events import Availability, Event, EventKind, Fields, Recurrence
from app.domain.times import Moment, When, to_wall
from tests.fakes.engine_world import ZONE
from tests.simulation.rules import parts_of, rule_of, starts, until_before
from tests.simulation.services import SimCalendar, crosses

FIRST_DAY = date(2026, 11, 23)
RULES = (
    "RRULE:FREQ=WEEKLY",
    "RRULE:FREQ=DAILY;COUNT=6",
    "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,TH",
    "RRULE:FREQ=DAILY;INTERVAL=3;COUNT=5",
)
ZONES = (ZONE, ZONE, "America/New_York", "Pacific/Auckland")
WORDS = ("Review", "Stand-up", "Lunch", "Dentist", "Call", " Trip ", "Łódź", "1:1")
OUT_OF_SIGHT = timedelta(days=900)
EARLY = 5
"""Acts concern the first few dates of a series."""

Found = tuple[SimCalendar, Event, Fields]


@dataclass
class Notes:
    """What an oracle has to know of what people did."""

    deleted_copies: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """Copy keys of copies that were deleted by hand, with calendar and id of what was deleted."""
    edited_copies: dict[str, int] = field(default_factory=dict)
    """Copy keys of copies that were changed by hand, and how often."""
    typed: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """What was ever typed on a copy: copy key, field, values (see `said`)."""
    last_title: dict[str, tuple[str, int]] = field(default_factory=dict)
    """The title that a person gave a copy last, and the number of that act; None once anything else was done to it."""
    touched: dict[str, list[int]] = field(default_factory=dict)
    """Numbers of the acts on each original."""
    wanted_anew: set[str] = field(default_factory=set)
    """Originals that were gone or left out for a while: that their copy was deleted before may count no more."""
    free: set[str] = field(default_factory=set)
    """Originals of whose copies nobody says what becomes: kept by an answer to a hold, or undone."""
    dates_taken: set[tuple[str, str]] = field(default_factory=set)
    """Dates of copied series (copy key, date) that a hand changed or deleted."""


def said(name: str, fields: Fields) -> str:
    """One field of an event as text, to be compared with what was typed."""
    if name == "when":
        return f"{fields.when.start_instant(ZONE)} {fields.when.end_instant(ZONE)}"
    return str(getattr(fields, name)).strip()


@dataclass
class People:
    """Those who own the calendars. `act` does one thing."""

    seed: str
    calendars: Mapping[str, SimCalendar]
    originals_in: tuple[str, ...]
    skipped: frozenset[int] = frozenset()
    notes: Notes = field(default_factory=Notes)
    number: int = 0
    """Of the act under way."""
    random: Random = field(default_factory=Random)
    more: tuple[tuple[int, Callable[[], None]], ...] = ()
    """Further acts with their weights."""

    def begin(self) -> bool:
        """Count one more act. Returns whether it is done at all."""
        self.number += 1
        self.random = Random(f"{self.seed} {self.number}")
        return self.number not in self.skipped

    def act(self) -> None:
        """Do one thing, if there is something to do it to."""
        if not self.begin():
            return
        actions: tuple[tuple[int, Callable[[], None]], ...] = (
            (6, self.create),
            (6, self.edit_original),
            (3, self.delete_original),
            (2, self.recreate_original),
            (3, self.toggle_free),
            (5, self.change_series),
            (3, self.change_rule),
            (2, self.split),
            (2, self.leave_and_return),
            (1, self.wipe),
            *self.more,
        )
        (action,) = self.random.choices([a for _, a in actions], [w for w, _ in actions])
        action()

    # -- originals ---------------------------------------------------------------------------------------------------

    def create(self) -> None:
        """A new single, all-day event or series; some have guests."""
        calendar = self.calendars[self.random.choice(self.originals_in)]
        kind = self.random.choice(("single", "single", "all_day", "series", "series"))
        recurrence = Recurrence((self.random.choice(RULES),)) if kind == "series" else None
        fields = Fields(
            self.when(all_day=kind == "all_day", zone=self.random.choice(ZONES)),
            title=self.random.choice(WORDS),
            text=self.random.choice(("", "agenda")),
            place=self.random.choice(("", "Room 7")),
            recurrence=recurrence,
        )
        event_id = f"own{self.number}"
        kind_of = EventKind.SERIES if recurrence else EventKind.SINGLE
        guests = self.random.random() < 0.15
        self.store(
            calendar,
            Event(event_id, kind=kind_of, fields=fields, ical_uid=f"{event_id}@example.com", guests=guests),
        )

    def store(self, calendar: SimCalendar, event: Event) -> None:
        """Put an original, and note it."""
        self.notes.touched.setdefault(event.id, []).append(self.number)
        calendar.put(event)

    def edit_original(self) -> None:
        """Another title, place, hour, zone or day."""
        picked = self.original()
        if picked is None:
            return
        calendar, event, fields = picked
        change = self.random.choice(("title", "place", "hour", "zone", "day"))
        if change == "title":
            fields = replace(fields, title=self.random.choice(WORDS))
        elif change == "place":
            fields = replace(fields, place=f"Room {self.random.randrange(4)}")
        elif not self.parts_go(calendar, event):
            return
        elif change == "day" or fields.when.all_day:
            zone = fields.when.zone or ZONE
            fields = replace(fields, when=self.when(all_day=fields.when.all_day, zone=zone))
        elif change == "zone":
            fields = replace(fields, when=replace(fields.when, zone=self.random.choice(ZONES)))
        else:
            start = fields.when.start
            assert isinstance(start, datetime)
            fields = replace(fields, when=fields.when.moved_to(start.replace(hour=self.random.randrange(7, 18))))
        self.store(calendar, replace(event, fields=_ended_where_it_was(event.fields, fields)))

    def parts_go(self, calendar: SimCalendar, event: Event) -> bool:
        """Take back all exceptions of a series, as services do when it moves. False where the service would have to
        tell of each, which no documentation says how."""
        parts = [e for e in calendar.events.values() if e.series_id == event.id]
        if parts and not calendar.tells_whole:
            return False
        for part in parts:
            calendar.forget(part.id)
        return True

    def delete_original(self) -> None:
        """Gone for good, or until it is made again."""
        picked = self.original()
        if picked is not None:
            self.notes.touched.setdefault(picked[1].id, []).append(self.number)
            picked[0].remove(picked[1].id)

    def recreate_original(self) -> None:
        """A deleted original comes back under its id (taken out of the bin)."""
        calendar = self.calendars[self.random.choice(self.originals_in)]
        gone = sorted(event.id for event in calendar.events.values() if event.gone and event.id.startswith("own"))
        if gone:
            event_id = self.random.choice(gone)
            self.notes.wanted_anew.add(event_id)
            fields = Fields(self.when(all_day=False, zone=ZONE), title=self.random.choice(WORDS))
            self.store(calendar, Event(event_id, fields=fields))

    def toggle_free(self) -> None:
        """Free to busy or back: blockers leave out what is free."""
        picked = self.original()
        if picked is not None:
            calendar, event, fields = picked
            busy = fields.availability is Availability.BUSY
            other = Availability.FREE if busy else Availability.BUSY
            self.notes.wanted_anew.add(event.id)
            self.store(calendar, replace(event, fields=replace(fields, availability=other)))

    def change_series(self) -> None:
        """Cancel an occurrence, move it (over its neighbour too), rename it, or bring it back."""
        picked = self.original(EventKind.SERIES)
        if picked is None:
            return
        calendar, event, fields = picked
        start = self.occurrence(fields)
        what = self.random.choice(("cancel", "cancel", "move", "over", "rename", "restore"))
        parts = [e for e in calendar.events.values() if e.series_id == event.id and e.original_start is not None]
        if what == "restore" and parts:
            known = self.random.choice(parts).original_start
            assert known is not None
            start = to_wall(known, fields.when.zone or ZONE) if isinstance(known, datetime) else known
        if start is None:
            return
        self.notes.touched.setdefault(event.id, []).append(self.number)
        if what == "cancel":
            calendar.cancel_occurrence(event.id, start)
            return
        moved = replace(fields, when=fields.when.moved_to(start), recurrence=None)
        if what == "move" and not fields.when.all_day:
            moved = replace(moved, when=fields.when.moved_to(start + timedelta(hours=2)))
        elif what == "over":
            moved = replace(moved, when=fields.when.moved_to(start + timedelta(days=8)))
        elif what == "rename":
            moved = replace(moved, title="Just once")
        if calendar.quirks.refuses_crossing and crosses(fields, start, moved):
            return
        calendar.change_occurrence(event.id, start, moved)

    def change_rule(self) -> None:
        """Another rule, or none any more."""
        picked = self.original(EventKind.SERIES)
        if picked is None or not self.parts_go(picked[0], picked[1]):
            return
        calendar, event, fields = picked
        self.notes.wanted_anew.add(event.id)
        if self.random.random() < 0.2:
            self.store(calendar, replace(event, kind=EventKind.SINGLE, fields=replace(fields, recurrence=None)))
            return
        rule = Recurrence((self.random.choice(RULES),))
        self.store(calendar, replace(event, fields=replace(fields, recurrence=rule)))

    def split(self) -> None:
        """This and following: the series ends, another one begins."""
        picked = self.original(EventKind.SERIES)
        if picked is None:
            return
        calendar, event, fields = picked
        cut = self.occurrence(fields)
        if cut is None or cut == fields.when.start or not self.parts_go(calendar, event):
            return
        ended, rest = cut_at(fields, cut)
        self.store(calendar, replace(event, fields=ended))
        following = replace(rest, title=self.random.choice(WORDS))
        event_id = f"own{self.number}"
        self.store(calendar, replace(event, id=event_id, fields=following, ical_uid=f"{event_id}@example.com"))

    def leave_and_return(self) -> None:
        """Move a single far out of the window, or back."""
        picked = self.original(EventKind.SINGLE)
        if picked is None:
            return
        calendar, event, fields = picked
        far = fields.when.start.strftime("%Y") > "2027"
        start = fields.when.start + (-OUT_OF_SIGHT if far else OUT_OF_SIGHT)
        self.store(calendar, replace(event, fields=replace(fields, when=fields.when.moved_to(start))))

    def wipe(self) -> None:
        """Delete most of a calendar."""
        name = self.random.choice(self.originals_in)
        for event in self._originals(name)[1:]:
            self.notes.touched.setdefault(event.id, []).append(self.number)
            self.calendars[name].remove(event.id)

    # -- choosing ----------------------------------------------------------------------------------------------------

    def when(self, *, all_day: bool, zone: str) -> When:
        """Some day of the next weeks, some hour of the day."""
        day = FIRST_DAY + timedelta(days=self.random.randrange(40))
        if all_day:
            return When(day, day + timedelta(days=self.random.choice((1, 3))))
        start = datetime(day.year, day.month, day.day, self.random.randrange(7, 18))  # noqa: DTZ001 - a wall clock
        return When(start, start + timedelta(minutes=self.random.choice((0, 30, 90))), zone)

    def occurrence(self, fields: Fields) -> Moment | None:
        """One of the first starts of a series."""
        early = starts(fields, EARLY)
        return self.random.choice(early) if early else None

    def _originals(self, name: str) -> list[Event]:
        return [e for e in self.calendars[name].living() if e.id.startswith("own")]

    def original(self, kind: EventKind | None = None) -> Found | None:
        """Some original."""
        name = self.random.choice(self.originals_in)
        found = [e for e in self._originals(name) if kind in (None, e.kind)]
        return self.pick(self.calendars[name], found)

    def pick(self, calendar: SimCalendar, found: list[Event]) -> Found | None:
        """One of these, None of none."""
        if not found:
            return None
        event = self.random.choice(found)
        assert event.fields is not None
        return calendar, event, event.fields


def cut_at(fields: Fields, cut: Moment) -> tuple[Fields, Fields]:
    """A series up to a date, and from then on."""
    assert fields.recurrence is not None
    rule = parts_of(fields.recurrence.lines[0])
    before = len([start for start in starts(fields, 100) if _earlier(start, cut)])
    ended = {name: value for name, value in rule.items() if name not in ("COUNT", "UNTIL")}
    ended["UNTIL"] = until_before(cut, fields.when.zone)
    rest = dict(rule)
    if "COUNT" in rest:
        rest["COUNT"] = str(int(rest["COUNT"]) - before)
    return (
        replace(fields, recurrence=Recurrence((rule_of(ended),))),
        replace(fields, when=fields.when.moved_to(cut), recurrence=Recurrence((rule_of(rest),))),
    )


def _earlier(one: Moment, other: Moment) -> bool:
    return one.isoformat() < other.isoformat()


def _ended_where_it_was(before: Fields | None, after: Fields) -> Fields:
    """A series that ended on a date and now begins elsewhere is repeated without end date: it could be empty."""
    if before is None or after.recurrence is None or before.when == after.when:
        return after
    rule = parts_of(after.recurrence.lines[0])
    if "UNTIL" not in rule:
        return after
    del rule["UNTIL"]
    return replace(after, recurrence=Recurrence((rule_of({**rule, "COUNT": "4"}),)))
