"""What must be true in a simulation, said without the engine: expected copies, computed by brute force.

It knows the promises of `engine.md` §1 and nothing of how the engine keeps them. Each broken promise is named by its
number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from app.domain.events import Availability, Event, EventKind, Fields
from app.domain.links import DirectionRecord, Intent, Op
from app.domain.pairs import (
    CopyDeleted,
    CopyEdited,
    CopyField,
    DirectionSettings,
    FilteredLater,
    HoursFilter,
    Mode,
)
from app.domain.times import to_wall
from tests.fakes.calendar import Change
from tests.fakes.engine_world import ZONE
from tests.simulation.people import Notes, said
from tests.simulation.rules import day_of, starts
from tests.simulation.services import Carriage, Image, SimCalendar, plain_place

PROMISES: Mapping[int, str] = {
    1: "at most one living copy for each original and direction",
    2: "a source is not written to, an original only where and as its owner wished",
    3: "of other events only those change that we can prove we made",
    4: "nothing goes because it was not seen",
    5: "mass deletions wait for the user",
    6: "every write is in the journal before it is sent, and an undo leaves what stood there before",
    7: "nobody is ever e-mailed",
    8: "when nothing changed nothing is written, and an idle calendar costs one request",
    9: "a failed read is no empty calendar; one bad event stops no other; all is right in the end",
    10: "the state can be thrown away",
}

ZEROS: Mapping[str, tuple[int, ...]] = {
    "duplicates": (1,),
    "lost": (4, 10),
    "foreign writes": (2, 3),
    "unapproved mass deletes": (5,),
    "not journaled or not undone": (6,),
    "invitations": (7,),
    "non-quiescent": (8,),
    "wrong in the end": (9,),
}
"""What must be zero, and the promises whose breaking counts for it."""

HORIZON = 20
"""So many occurrences of a series are compared; in spring, after clocks went forward, too."""
EDGE = timedelta(days=2)
"""So close to the ends of the window nobody says whether there is a copy."""
FREEZES_AFTER = 3
"""A copy changed by hand so often may stay so: a field that comes back again and again is left alone."""

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FIRST_DATE = date(2026, 11, 1)
BLOCKS_HORIZON = 120
HOURS_HORIZON = 400
DATE_LENGTH = 10
"""Of a date as text."""

Shown = tuple[str, str, str, str, str]


class Violation(AssertionError):
    """A promise was broken."""

    def __init__(self, promise: int, what: str) -> None:
        super().__init__(f"promise {promise} ({PROMISES[promise]}): {what}")
        self.promise = promise


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:40]


def wanted(event: Event, settings: DirectionSettings) -> bool:
    """Whether an original shall have a copy. What was released is an ordinary event."""
    if event.fields is None or (event.marker is not None and not event.marker.released):
        return False
    at_its_hours = event.kind is EventKind.SERIES or at_hours(event.fields, settings)
    return at_its_hours and passes(event.fields, settings)


def passes(fields: Fields, settings: DirectionSettings) -> bool:
    """Whether no filter leaves this out, hours aside."""
    filters, when = settings.filters, fields.when
    no_free = settings.mode is Mode.BLOCKER if filters.free is None else filters.free
    if (no_free and fields.availability is Availability.FREE) or (filters.all_day and when.all_day):
        return False
    if not when.all_day and when.duration < timedelta(seconds=filters.shorter_than_seconds):
        return False
    title = fields.title.casefold()
    return all(any(word.casefold() in title for word in one.words) is one.only for one in filters.words)


def at_hours(fields: Fields, settings: DirectionSettings) -> bool:
    """Whether this is at hours that are copied: minute by minute, where it has any."""
    hours = settings.filters.hours
    if hours is None:
        return True
    when, days = fields.when, {day.value for day in hours.weekdays}
    if when.all_day:
        dates = [when.start + timedelta(days=n) for n in range(max(when.duration.days, 1))]
        return any(WEEKDAYS[day.weekday()] in days for day in dates) is hours.only
    start, end = (to_wall(at, hours.zone) for at in (when.start_instant(ZONE), when.end_instant(ZONE)))
    minutes = [start + timedelta(minutes=n) for n in range(max(int((end - start).total_seconds()) // 60, 1))]
    return any(_is_in(minute, hours, days) for minute in minutes) is hours.only


def _is_in(minute: datetime, hours: HoursFilter, days: set[str]) -> bool:
    """Whether a minute is in the hours of its own day, or in those that began the day before."""
    today, before = WEEKDAYS[minute.weekday()] in days, WEEKDAYS[(minute.weekday() - 1) % 7] in days
    at = minute.time()
    if hours.start < hours.end:
        return today and hours.start <= at < hours.end
    return (today and at >= hours.start) or (before and at < hours.end)


def shown(fields: Fields, mode: Mode | None) -> Shown:
    """What a person sees of a copy of these fields; `mode` None for an event as it is."""
    when = fields.when
    if when.all_day:
        times = (str(when.start), str(when.end))
    else:
        times = (str(when.start_instant(ZONE)), str(when.end_instant(ZONE)))
    if mode is Mode.BLOCKER:
        return (*times, "Busy", "", "")
    if mode is Mode.DETAILS:
        return (*times, fields.title.strip(), "", "")
    return (*times, fields.title.strip(), fields.text.strip(), plain_place(fields.place))


def occurrences(
    master: Event, parts: Iterable[Event], settings: DirectionSettings | None, most: int = HORIZON
) -> dict[str, Shown]:
    """Every occurrence of a series by its date, the first few; `settings` None for a copy, shown as it is."""
    fields = master.fields
    assert fields is not None
    mode = settings.mode if settings is not None else None
    expanded: dict[str, Shown] = {}
    for start in starts(fields, most):
        when = fields.when.moved_to(start)
        plain = Fields(when, title=fields.title, text=fields.text, place=fields.place)
        if settings is None or at_hours(plain, settings):
            expanded[day_of(start, fields.when.zone)] = shown(plain, mode)
    for start in master.cancelled:
        expanded.pop(day_of(start, fields.when.zone), None)
    for part in parts:
        assert part.original_start is not None
        key = day_of(part.original_start, fields.when.zone)
        copied = part.fields is not None and (
            settings is None or (passes(part.fields, settings) and at_hours(part.fields, settings))
        )
        if part.kind is EventKind.CANCELLED or not copied:
            expanded.pop(key, None)
        elif part.fields is not None:
            expanded[key] = shown(part.fields, mode)
    return expanded


@dataclass
class Oracle:
    """Compares all directions of all calendars with what people made."""

    calendars: Mapping[str, SimCalendar]
    directions: tuple[DirectionRecord, ...]
    notes: Notes
    strict: bool
    """No fault ever struck, and one machine only: then what a person deleted is away for certain."""
    forgetful: bool
    """A machine lost its state, or is left with what another one did: copies whose original went without its knowing
    stay, as nothing proves to it that there was one."""
    poison: str | None = None
    """A title that the services refuse for good."""
    lost_state: bool = False
    audits: bool = False
    undone: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Runs that undo others, by installation and id: which run each of them undoes."""
    _told: dict[str, int] = field(default_factory=dict)
    _looked_at: dict[str, int] = field(default_factory=dict)
    _weighed: dict[str, int] = field(default_factory=dict)

    # -- at any moment -----------------------------------------------------------------------------------------------

    def never(self) -> None:
        """What must not happen at any moment."""
        grown = False
        for name, calendar in self.calendars.items():
            told = self._told.get(name, 0)
            if len(calendar.log) == told and not calendar.mailed:
                continue
            grown = True
            self._told[name] = len(calendar.log)
            self.only_what_is_ours(name, calendar, [c for c in calendar.log[told:] if c.by == "kalends"])
        if grown:
            self.at_most_one_copy()

    def at_most_one_copy(self) -> None:
        """No original has two living copies in a direction."""
        for direction in self.directions:
            for key, copies in self._copies(direction).items():
                if len(copies) > 1:
                    raise Violation(1, f"{len(copies)} living copies of {key} at once")

    def nobody_is_mailed(self, name: str, calendar: SimCalendar) -> None:
        """No event with guests is written to, so that no service writes to them."""
        if calendar.mailed:
            raise Violation(7, f"{name}: {calendar.mailed[0]} has guests and was written to")

    def only_what_is_ours(self, name: str, calendar: SimCalendar, changes: list[Change]) -> None:
        """No event is changed but those that Kalends made, and originals where somebody chose that."""
        self.nobody_is_mailed(name, calendar)
        carried = calendar.carried[self._weighed.get(name, 0) :]
        self._weighed[name] = len(calendar.carried)
        foreign = [c for c in changes if not self._is_made(calendar, c.event_id)]
        if foreign and f"conn_{name}" not in self._written_to():
            raise Violation(2, f"{name} is only a source and was written to")
        allowed = [carriage.intent.target_id for carriage in carried]
        for change in foreign:
            if change.event_id not in allowed:
                raise Violation(3, f"{name}: {change.what} of {change.event_id}, which is not ours")
            allowed.remove(change.event_id)
        for carriage in carried:
            self.only_what_was_typed(carriage)
        if calendar.overwritten:
            raise Violation(3, f"{name}: {calendar.overwritten[0]} was written over, which nobody had read so")
        for intent in calendar.deleted:
            self.only_what_was_taken_away(intent)
        calendar.deleted.clear()
        for number in range(self._looked_at.get(name, 0), len(calendar.images)):
            if calendar.images[number].intent.undoing is not None:
                self.what_was_there_is_back(calendar.images, number)
        self._looked_at[name] = len(calendar.images)

    def _written_to(self) -> set[str]:
        return {d.target.id for d in self.directions} | {d.source.id for d in self.directions if d.both_ways}

    @staticmethod
    def _is_made(calendar: SimCalendar, event_id: str) -> bool:
        mine = calendar.made | calendar.restored
        return event_id in mine or event_id.rpartition("_")[0] in mine

    def only_what_was_taken_away(self, intent: Intent) -> None:
        """A copy that goes because its original is gone: then somebody took that away at some time."""
        source = next((d.source.id for d in self.directions if d.id == intent.direction_id), None)
        if source is None or intent.reason != "original_gone":
            return
        calendar = self._calendar(source)
        taken = any(change.event_id == intent.original_id and change.what == "remove" for change in calendar.log)
        if not taken and intent.original_id in calendar.events:
            raise Violation(4, f"the copy of {intent.original_id} went, which was always there")

    def only_what_was_typed(self, carriage: Carriage) -> None:
        """What we wrote to an original, a person typed on its copy; where we deleted one, a person deleted its copy."""
        intent = carriage.intent
        fits = (d for d in self.directions if _digest(d.key, intent.original_id, "") == intent.copy_key)
        direction = next(fits, None)
        if direction is None or not direction.both_ways:
            raise Violation(2, f"{intent.target_id} was written to, and no direction allows it")
        if carriage.before.guests:
            raise Violation(7, f"{intent.target_id} has guests and was written to")
        settings = direction.settings
        if intent.undoing is not None and intent.original_id in self.notes.free:
            return  # somebody asked for it, and it is as it was before
        if intent.op is Op.DELETE_ORIGINAL:
            if settings.copy_deleted is not CopyDeleted.DELETE_ORIGINAL or settings.mode is not Mode.FULL:
                raise Violation(2, f"{intent.target_id} was deleted, which nobody chose")
            if intent.copy_key not in self.notes.deleted_copies:
                raise Violation(2, f"{intent.target_id} was deleted, but nobody deleted its copy")
            return
        assert carriage.carried is not None
        if settings.copy_edited is not CopyEdited.WRITE_BACK or settings.mode is Mode.BLOCKER:
            raise Violation(2, f"{intent.target_id} was changed, which nobody chose")
        typed = self.notes.typed.get(intent.copy_key, {})
        for name in carriage.carried.names:
            value = plain_place(said(name, carriage.carried.fields))
            if CopyField(name) not in settings.write_back_fields or value not in typed.get(name, set()):
                raise Violation(2, f"{intent.target_id}: nobody typed {name} = {value!r} on its copy")

    def what_was_there_is_back(self, images: Sequence[Image], number: int) -> None:
        """An undo leaves of a copy what stood there before the run that it undoes; what that run did not change stays
        as it is."""
        back = images[number]
        installation, key = _installation(back.intent), back.intent.copy_key
        whose = (installation, self.undone.get((installation, back.intent.run_id)), key, back.intent.direction_id)
        of_run = [
            one
            for one in images[:number]
            if (_installation(one.intent), one.intent.run_id, one.intent.copy_key, one.intent.direction_id) == whose
        ]
        if not of_run:
            raise Violation(6, f"an undo wrote to the copy {key}, to which the run it undoes never wrote")
        before, left = of_run[0].before, of_run[-1].after
        if back.after is None:
            # A copy that the run made goes; so does what it made in the place of one it took away, which then returns.
            if before is not None and of_run[0].intent.op is not Op.DELETE:
                raise Violation(6, f"an undo took the copy {key} away, which was there before the run")
            return
        if before is None:
            raise Violation(6, f"an undo leaves the copy {key}, which was not there before the run")
        was, made, found, now = (_all_of(one) for one in (before, left, back.before, back.after))
        for name, value in was.items():
            kept = found.get(name, value) if made.get(name, value) == value else value
            if made and now[name] != kept:
                raise Violation(6, f"an undo leaves {name} of the copy {key} as {now[name]!r}, it was {kept!r}")
            if not made and now[name] != value:
                raise Violation(6, f"an undo brought the copy {key} back with {name} {now[name]!r}, it was {value!r}")

    # -- in the end --------------------------------------------------------------------------------------------------

    def finally_(self, now: datetime) -> None:
        """What must be true when all is quiet."""
        self.never()
        if self.lost_state:
            self.after_loss_of_state(now)
            return
        for direction in self.directions:
            self._direction(direction, now)

    def after_loss_of_state(self, now: datetime) -> None:
        """Every original has its one copy again, made before or now, though the database was thrown away."""
        self.at_most_one_copy()
        for direction in self.directions:
            self._direction(direction, now)

    def _copies(self, direction: DirectionRecord) -> dict[str, list[Event]]:
        """Living events that we made for a direction, by copy key."""
        found: dict[str, list[Event]] = {}
        calendar = self._calendar(direction.target.id)
        for event in calendar.living():
            marker = event.marker
            if marker is None or marker.released or marker.direction_key != direction.key:
                continue
            if event.id in calendar.made:
                found.setdefault(marker.copy_key, []).append(event)
        return found

    def _direction(self, direction: DirectionRecord, now: datetime) -> None:
        source = self._calendar(direction.source.id)
        settings = direction.settings
        copies = {key: there[0] for key, there in self._copies(direction).items()}
        window = (now - timedelta(days=settings.window_back_days), now + timedelta(days=settings.window_ahead_days))
        if settings.mode is Mode.BLOCKER and settings.merge_touching:
            self._blocks(direction, copies.values(), now)
            return
        for original in source.living():
            if wanted(original, settings) and original.id not in source.restored:
                self._original(direction, original, copies, window)
        for original_id in sorted(self.notes.free | source.restored):
            # What a person's answer or an undo left is theirs.
            for day in ("", *self._dates()):
                copies.pop(_digest(direction.key, original_id, day), None)
        if copies and not self.forgetful and settings.filtered_later is FilteredLater.REMOVE:
            raise Violation(9, f"copies without an original: {sorted(copies)} {next(iter(copies.values()))}")

    def _original(
        self,
        direction: DirectionRecord,
        original: Event,
        copies: dict[str, Event],
        window: tuple[datetime, datetime],
    ) -> None:
        settings, notes = direction.settings, self.notes
        source, target = self._calendar(direction.source.id), self._calendar(direction.target.id)
        # Of a series whose hours leave out its first dates, later ones may be wanted: clocks change apart.
        most = HOURS_HORIZON if settings.filters.hours is not None else HORIZON
        should = self._shown(original, source, settings, most)
        key = _digest(direction.key, original.id, "")
        whole = copies.pop(key, None)
        single = {day: copies.pop(_digest(direction.key, original.id, day), None) for day in self._days(original)}
        there = {day: shown(e.fields, None) for day, e in single.items() if e is not None and e.fields is not None}
        if whole is not None:
            there = self._shown(whole, target, None, most) | there
        assert original.fields is not None
        if original.id in notes.free or (self.poison is not None and original.fields.title == self.poison):
            return
        if settings.filtered_later is FilteredLater.LEAVE:
            # Dates that are left out by now may have their copies still.
            there = {day: one for day, one in there.items() if day in should}
        away = settings.copy_deleted is not CopyDeleted.RESTORE and key in notes.deleted_copies
        certainly = self.strict and original.id not in notes.wanted_anew
        if whole is not None and away and certainly and settings.copy_deleted is CopyDeleted.STAY_AWAY:
            raise Violation(6, f"the copy of {original.id} is back although a person deleted it")
        self._title_went_back(direction, original, key)
        free = self._free(direction, original, key, there, should)
        if away and whole is None:
            return
        edited = notes.edited_copies.get(key, 0)
        if settings.copy_edited is CopyEdited.KEEP and edited:
            # A person's version stays; which of its dates differ is theirs to say.
            if whole is None and not there and _inside(should, window):
                raise Violation(self._lost(), f"no copy of {original.id} ({original.fields})")
            return
        beyond = not self.audits and edited and self._unseen(target, should, window)
        if edited >= FREEZES_AFTER or beyond or self._unseen(source, should, window):
            return
        for day in sorted(should.keys() | there.keys()):
            if day in free or should.get(day) == there.get(day):
                continue
            if day not in there and not _within(should[day], window):
                continue
            if day not in there and self._follows_another(direction, source, should):
                return
            if day not in there:
                raise Violation(self._lost(), f"no copy of {original.id} on {day} ({original.fields})")
            raise Violation(9, f"{original.id} on {day}: {should.get(day)} is shown as {there.get(day)}")

    def _follows_another(self, direction: DirectionRecord, source: SimCalendar, should: Mapping[str, Shown]) -> bool:
        """Whether a copy stands there that was made for another original, says just this, and is nobody else's: a
        machine that knows of no better owner has tied it to this one."""
        if set(should) != {""}:
            return False
        others = [e for e in source.living() if e.fields is not None and e.kind is not EventKind.SERIES]
        alike = {
            _digest(direction.key, e.id, "") for e in others if self._shown(e, source, direction.settings) == should
        }
        target = self._calendar(direction.target.id)
        return any(
            self._shown(copies[0], target, None) == should
            for key, copies in self._copies(direction).items()
            if key not in alike
        )

    def _unseen(self, calendar: SimCalendar, should: Mapping[str, Shown], window: tuple[datetime, datetime]) -> bool:
        """Graph tells nothing of what happens outside the span that is frozen in its cursor."""
        return calendar.quirks.span_days is not None and not _inside(should, window)

    def _lost(self) -> int:
        return 10 if self.lost_state else 9 if self.poison is not None else 4

    def _shown(
        self, event: Event, calendar: SimCalendar, settings: DirectionSettings | None, most: int = HORIZON
    ) -> dict[str, Shown]:
        assert event.fields is not None
        mode = settings.mode if settings is not None else None
        if event.kind is EventKind.SERIES:
            parts = [part for part in calendar.events.values() if part.series_id == event.id]
            shown_dates = occurrences(event, parts, settings, most)
        else:
            shown_dates = {"": shown(event.fields, mode)}
        if settings is None or event.fields.when.all_day or mode is not Mode.BLOCKER:
            return shown_dates
        return {day: _buffered(one, settings) for day, one in shown_dates.items()}

    @staticmethod
    def _dates() -> list[str]:
        """All dates of the next two years, as occurrences are named."""
        return [(FIRST_DATE + timedelta(days=n)).strftime("%Y%m%d") for n in range(800)]

    def _blocks(self, direction: DirectionRecord, copies: Iterable[Event], now: datetime) -> None:
        """Merged blockers: the time they take is that of the originals, no more, no less, and no two touch."""
        source, target = self._calendar(direction.source.id), self._calendar(direction.target.id)
        settings = direction.settings
        if self.notes.free or any(times >= FREEZES_AFTER for times in self.notes.edited_copies.values()):
            return
        wished = [
            one
            for original in source.living()
            if wanted(original, settings)
            for one in self._shown(original, source, settings, BLOCKS_HORIZON).values()
        ]
        there = [one for copy in copies for one in self._shown(copy, target, None, BLOCKS_HORIZON).values()]
        begin, end = (str(now + timedelta(days=days)) for days in (2, 90))
        least = timedelta(minutes=settings.minimum_minutes)
        should = [block for block in _merged(wished, least) if begin < block[0] and block[1] < end]
        are = [block for block in _merged(there, timedelta()) if begin < block[0] and block[1] < end]
        if should != are:
            differing = sorted(set(should) ^ set(are))
            raise Violation(9 if not self.lost_state else 10, f"busy time differs: {differing[:4]}")
        pieces = sorted(one[:2] for one in there if begin < one[0] and one[1] < end and len(one[0]) > DATE_LENGTH)
        if len(pieces) != len([block for block in are if len(block[0]) > DATE_LENGTH]):
            raise Violation(9, f"blocks touch: {pieces}")

    @staticmethod
    def _days(original: Event) -> list[str]:
        """Dates that may have copies of their own, also past the compared ones."""
        assert original.fields is not None
        if original.kind is not EventKind.SERIES:
            return []
        return [day_of(start, None) for start in starts(original.fields, 400)]

    def _title_went_back(self, direction: DirectionRecord, original: Event, key: str) -> None:
        """Undisturbed, what a person typed on a copy is what the original says in the end."""
        settings = direction.settings
        last = self.notes.last_title.get(key)
        if not self.strict or last is None or not direction.both_ways or original.guests:
            return
        if settings.copy_edited is not CopyEdited.WRITE_BACK or settings.mode is Mode.BLOCKER:
            return
        if len(self.notes.touched.get(original.id, ())) > 1 or self.notes.edited_copies.get(key, 0) >= FREEZES_AFTER:
            return
        assert original.fields is not None
        if original.fields.title.strip() != last[0]:
            raise Violation(2, f"{original.id} says {original.fields.title!r}, its copy was renamed to {last[0]!r}")

    def _free(
        self,
        direction: DirectionRecord,
        original: Event,
        key: str,
        there: Mapping[str, Shown],
        should: Mapping[str, Shown],
    ) -> set[str]:
        """Dates that a person's hand decided, or that lie past what is compared on one side."""
        settings = direction.settings
        free: set[str] = set()
        if len(should) >= HORIZON or len(there) >= HORIZON:
            last = min(max(should, default=""), max(there, default=""))
            free |= {day for day in should.keys() | there.keys() if day > last}
        restores = settings.copy_deleted is CopyDeleted.RESTORE and settings.copy_edited is not CopyEdited.KEEP
        taken = {day for owner, day in self.notes.dates_taken if owner == key}
        if not restores:
            # A person's date stays at its moment when its series moves to another zone, and is another date there.
            free |= {beside for day in taken for beside in _around(day)}
        dates = {day for day in self._days(original) if _digest(direction.key, original.id, day) in self._touched()}
        return free | dates

    def _touched(self) -> set[str]:
        """Copies of single dates that a hand deleted or changed."""
        return self.notes.deleted_copies.keys() | self.notes.edited_copies.keys()

    def _calendar(self, connection_id: str) -> SimCalendar:
        return self.calendars[connection_id.removeprefix("conn_")]


def _installation(intent: Intent) -> str:
    return intent.stamp.rpartition(".")[0]


def _all_of(fields: Fields | None) -> dict[str, object]:
    """Everything that a copy says, by name; nothing of one that is not there."""
    if fields is None:
        return {}
    rule = fields.recurrence.lines if fields.recurrence is not None else None
    return {
        "when": (shown(fields, Mode.BLOCKER)[:2], rule),
        "title": fields.title.strip(),
        "text": fields.text.strip(),
        "place": plain_place(fields.place),
        "availability": fields.availability,
        "visibility": fields.visibility,
        "reminders": fields.reminders,
        "colour": fields.colour,
    }


def _buffered(one: Shown, settings: DirectionSettings) -> Shown:
    """Buffers and the least length of a timed blocker; merged ones grow only when they are merged."""
    start = datetime.fromisoformat(one[0]) - timedelta(minutes=settings.buffer_before_minutes)
    end = datetime.fromisoformat(one[1]) + timedelta(minutes=settings.buffer_after_minutes)
    if not settings.merge_touching:
        end = max(end, start + timedelta(minutes=settings.minimum_minutes))
    return (str(start), str(end), *one[2:])


def _merged(spans: Iterable[Shown], least: timedelta) -> list[tuple[str, str]]:
    """Spans that touch are one; then the earliest that is too short grows, and all begins anew. Dates stay alone."""
    dates = sorted(one[:2] for one in spans if len(one[0]) == DATE_LENGTH)
    blocks = sorted(tuple(map(datetime.fromisoformat, one[:2])) for one in spans if len(one[0]) > DATE_LENGTH)
    while True:
        joined: list[tuple[datetime, ...]] = []
        for start, end in blocks:
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            else:
                joined.append((start, end))
        short = next((block for block in joined if block[1] - block[0] < least), None)
        if short is None:
            return [*dates, *((str(start), str(end)) for start, end in joined)]
        blocks = sorted([*(block for block in joined if block != short), (short[0], short[0] + least)])


def _around(day: str) -> tuple[str, str, str]:
    """A date, the one before and the one after it, as occurrences are named."""
    at = date.fromisoformat(day)
    before, after = (at + timedelta(days=n) for n in (-1, 1))
    return before.strftime("%Y%m%d"), day, after.strftime("%Y%m%d")


def _inside(should: Mapping[str, Shown], window: tuple[datetime, datetime]) -> bool:
    return any(_within(one, window) for one in should.values())


def _within(one: Shown, window: tuple[datetime, datetime]) -> bool:
    """Whether this certainly lies in the window."""
    day = one[0][:10]
    return (window[0] + EDGE).date().isoformat() <= day <= (window[1] - EDGE).date().isoformat()
