"""A sync pair as it is being written: what is wrong with it, its story in a sentence, and what to ask the core for.

Pure: no Qt, no core. The core judges again; what is said here early is said there too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.domain import title_patterns
from app.domain.accounts import Access
from app.domain.errors import FieldError
from app.domain.pairs import (
    CopyDeleted,
    CopyEdited,
    DetailField,
    Direction,
    DirectionSettings,
    Mode,
    PairStatus,
    SyncPair,
)
from app.services.pair_rules import wrong_settings
from app.services.views import ConnectionView, NewPair, PairChange, PairView

FROM, TO, TITLE, WINDOW, INTERVAL, GENERAL = "from", "to", "title", "window", "interval", ""
PREFIX, REPLACEMENTS, REMINDERS, WORDS, HOURS = "prefix", "replacements", "reminders", "words", "hours"
EDITED, DELETED = "edited", "deleted"
"""Places of the form where a reason can stand."""

_PLACES = {
    "interval_seconds": INTERVAL,
    "window_back_days": WINDOW,
    "window_ahead_days": WINDOW,
    "title": TITLE,
    "title_prefix": PREFIX,
    "title_replacements": REPLACEMENTS,
    "reminder_minutes": REMINDERS,
    "words": WORDS,
    "weekdays": HOURS,
    "start": HOURS,
    "end": HOURS,
    "zone": HOURS,
    "copy_edited": EDITED,
    "copy_deleted": DELETED,
}
FOLDED = (TITLE, WINDOW, PREFIX, REPLACEMENTS, REMINDERS, WORDS, HOURS, EDITED, DELETED)
"""Places that are folded away at first."""

INTERVALS = (300, 600, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400)
"""Offered, in seconds; a pair may have another one."""

PLACEHOLDERS = ("{title}", "{calendar}", "{account}")

Calendars = Mapping[str, ConnectionView]
"""Connections by their id."""


@dataclass(frozen=True, slots=True)
class PairDraft:
    """What the form holds.

    Args:
        from_id, to_id: connections, None where none is chosen yet.
        both: both ways.
        settings: with the mode; of the way from `from_id` to `to_id`, and of the way back where that has none of its
            own.
        interval_seconds: how often to look.
        pair: the pair that is changed, None for a new one.
        settings_back: of the way back, with its own mode; None where both ways have the same.
    """

    from_id: str | None = None
    to_id: str | None = None
    both: bool = False
    settings: DirectionSettings = field(default_factory=DirectionSettings)
    interval_seconds: int = 300
    pair: SyncPair | None = None
    settings_back: DirectionSettings | None = None

    @classmethod
    def first(
        cls, calendars: Sequence[ConnectionView], interval_seconds: int, pairs: Sequence[PairView] = ()
    ) -> PairDraft:
        """A new pair: a main calendar, to the main one of another account where there is one, and no pair yet."""
        ordered = sorted(calendars, key=lambda view: not view.connection.primary)
        taken = {way for view in pairs for way in _ways(view)}
        ways = [
            (source, target)
            for source in ordered
            for target in ordered
            if source is not target
            and target.connection.access is Access.WRITER
            and (source.connection.id, target.connection.id) not in taken
        ]
        ways.sort(key=lambda way: (way[0].account.id == way[1].account.id, not way[0].connection.primary))
        if ways:
            return cls(ways[0][0].connection.id, ways[0][1].connection.id, interval_seconds=interval_seconds)
        return cls(ordered[0].connection.id if ordered else None, interval_seconds=interval_seconds)

    @classmethod
    def of(cls, view: PairView) -> PairDraft:
        """A pair that is there."""
        pair = view.pair
        ends = (pair.connection_a_id, pair.connection_b_id)
        if pair.direction is Direction.B_TO_A:
            ends = (ends[1], ends[0])
        settings = replace(pair.settings, mode=pair.mode)
        both = pair.direction is Direction.BIDIRECTIONAL
        back = pair.settings_b_to_a if both else None
        return cls(*ends, both, settings, pair.interval_seconds, pair, back)

    @property
    def direction(self) -> Direction:
        """Which way it copies, in terms of the pair's sides A and B."""
        if self.both:
            return Direction.BIDIRECTIONAL
        return Direction.B_TO_A if self.is_turned else Direction.A_TO_B

    @property
    def is_turned(self) -> bool:
        """Whether it is shown from the side that the pair knows as B."""
        return self.pair is not None and self.from_id == self.pair.connection_b_id

    @property
    def has_own(self) -> bool:
        """Whether each way has settings of its own."""
        return self.both and self.settings_back is not None

    def way(self, *, back: bool) -> PairDraft:
        """One of its ways alone, as if it were all: for the words about it."""
        if not back:
            return replace(self, settings_back=None)
        settings = self.settings_back or self.settings
        return replace(self, from_id=self.to_id, to_id=self.from_id, settings=settings, settings_back=None)

    @property
    def free_left_out(self) -> bool:
        """Whether events shown as free get no copy: as chosen, else as the mode has it."""
        free = self.settings.filters.free
        return free if free is not None else self.settings.mode is Mode.BLOCKER

    def turned(self) -> PairDraft:
        """The same the other way round; settings stay with their way."""
        turned = replace(self, from_id=self.to_id, to_id=self.from_id)
        if self.settings_back is None:
            return turned
        return replace(turned, settings=self.settings_back, settings_back=self.settings)

    def wrong_way(self, calendars: Calendars) -> bool:
        """Whether it is the way back alone whose settings cannot be, by the rules that the core judges by."""
        a, b = calendars.get(self.from_id or ""), calendars.get(self.to_id or "")
        if self.settings_back is None or a is None or b is None:
            return False

        def wrong(one: PairDraft, source: ConnectionView, target: ConnectionView) -> bool:
            ends = source.connection.id, target.connection.id
            pair = SyncPair("", *ends, one.settings.mode, Direction.BIDIRECTIONAL, settings=one.settings)
            return one._carries_nothing or bool(wrong_settings(pair, source, target))

        return not wrong(self.way(back=False), a, b) and wrong(self.way(back=True), b, a)

    def problems(self, calendars: Calendars) -> dict[str, str]:
        """What cannot be used, by place, in words."""
        if not calendars:
            return {FROM: "No account is connected yet. Add one under Accounts first."}
        found: dict[str, str] = {}
        source = calendars.get(self.from_id or "")
        target = calendars.get(self.to_id or "")
        if source is None:
            found[FROM] = "Choose the calendar whose events are copied."
        if target is None:
            found[TO] = "Choose the calendar that gets the copies."
        if source is not None and target is not None:
            found |= _wrong_ends(source, target, both=self.both)
        if self._carries_nothing or (self.has_own and self.way(back=True)._carries_nothing):
            found[EDITED] = "Tick below what is carried to the original, or choose another answer."
        return found

    @property
    def _carries_nothing(self) -> bool:
        """Whether edits of copies change their originals, and no part of them is carried."""
        return self.settings.copy_edited is CopyEdited.WRITE_BACK and not self.settings.write_back_fields

    def story(self, calendars: Calendars) -> str:
        """What the pair will do, in a sentence; empty while an end is missing."""
        source = calendars.get(self.from_id or "")
        target = calendars.get(self.to_id or "")
        if source is None or target is None:
            return ""
        one, other = f"“{source.connection.name}”", f"“{target.connection.name}”"
        if one == other:
            one, other = f"“{source.label}”", f"“{target.label}”"
        if self.has_own:
            return " ".join(
                sentence
                for way, ends in ((self.way(back=False), (one, other)), (self.way(back=True), (other, one)))
                for sentence in (way.one_way_story(*ends), *way.writes_back(ends[1]))
            )
        if self.both:
            how = {
                Mode.BLOCKER: "as busy time, without saying what they are",
                Mode.DETAILS: self._details(),
                Mode.FULL: "with title, place and notes",
            }[self.settings.mode]
            story = f"Events in {one} appear in {other} and the other way round, {how}."
            return " ".join([story, *self.writes_back()])
        return self.one_way_story(one, other)

    def writes_back(self, where: str = "") -> list[str]:
        """What becomes of originals when a person changes copies (in the calendar `where`), in sentences."""
        place = f" in {where}" if where else ""
        edited = self.settings.copy_edited is CopyEdited.WRITE_BACK
        deleted = self.settings.copy_deleted is CopyDeleted.DELETE_ORIGINAL
        told = (
            (edited, f"Editing a copy{place} changes its original."),
            (deleted, f"Deleting a copy{place} deletes its original."),
        )
        return [sentence for chosen, sentence in told if chosen]

    def one_way_story(self, one: str, other: str) -> str:
        """What the way from one calendar to the other does, by their names, in a sentence."""
        return {
            Mode.BLOCKER: f"Events in {one} block time in {other}, without saying what they are.",
            Mode.DETAILS: f"Events in {one} appear in {other} {self._details()}.",
            Mode.FULL: f"Events in {one} appear in {other} with title, place{self._full()}.",
        }[self.settings.mode]

    def _full(self) -> str:
        """What full copies show beside title and place, in words."""
        return ", notes and guests’ names" if self.settings.guests_in_text else " and notes"

    def _details(self) -> str:
        """What details show, in words."""
        notes = "notes, guests’ names" if self.settings.guests_in_text else "notes"
        words = {DetailField.TEXT: notes, DetailField.PLACE: "place", DetailField.LINK: "meeting link"}
        shown = [word for name, word in words.items() if name in self.settings.detail_fields]
        if not shown:
            return "with title and time only"
        return f"with title, time{''.join(f', {word}' for word in shown[:-1])} and {shown[-1]}"

    def example(self, calendars: Calendars) -> str:
        """What the copy of a meeting would be called."""
        source = calendars.get(self.from_id or "")
        usual = "Busy" if self.settings.mode is Mode.BLOCKER else "{title}"
        title = self.settings.title or usual
        swaps = [one for one in self.settings.title_replacements if title_patterns.problem(one) is None]
        filled = {
            "{title}": "" if self.settings.mode is Mode.BLOCKER else title_patterns.replaced("Stand-up", swaps),
            "{calendar}": source.connection.name if source is not None else "",
            "{account}": source.account.email if source is not None else "",
        }
        for name, value in filled.items():
            title = title.replace(name, value)
        return (self.settings.title_prefix + (title.strip() or "Busy")).strip()

    def withholds_title(self) -> bool:
        """Whether the template asks for the title, which busy time never shows."""
        return self.settings.mode is Mode.BLOCKER and "{title}" in self.settings.title

    def remark(self, pairs: Sequence[PairView]) -> str:
        """What a person may wonder about: there is a pair the other way round."""
        back = (self.to_id, self.from_id)
        others = [view for view in pairs if self.pair is None or view.pair.id != self.pair.id]
        if self.both or not any(back in _ways(view) for view in others):
            return ""
        return "Another pair copies the other way. Copies are marked and never copied back."

    # -- asking ------------------------------------------------------------------------------------------------------

    def new(self, status: PairStatus) -> NewPair:
        """What to ask for to make it; both ends are chosen."""
        return NewPair(
            self.from_id or "",
            self.to_id or "",
            mode=self.settings.mode,
            direction=self.direction,
            status=status,
            interval_seconds=self.interval_seconds,
            settings=self.settings,
            settings_b_to_a=self.settings_back if self.both else None,
        )

    def change(self) -> PairChange:
        """What to ask for to change the pair: only what is other than before."""
        pair = self.pair
        if pair is None:
            return PairChange()
        before = replace(pair.settings, mode=pair.mode)
        both_ways = self.turned() if self.both and self.is_turned else self
        settings, back = both_ways.settings, both_ways.settings_back
        own: DirectionSettings | None = None
        if self.both and back != pair.settings_b_to_a:
            own = back or settings  # the same as the pair's: none of its own any more
        return PairChange(
            mode=settings.mode if settings.mode is not pair.mode else None,
            direction=self.direction if self.direction is not pair.direction else None,
            interval_seconds=self.interval_seconds if self.interval_seconds != pair.interval_seconds else None,
            settings=settings if settings != before else None,
            settings_b_to_a=own,
        )

    def places(self, details: Sequence[FieldError]) -> dict[str, str]:
        """Reasons of the core, by place of the form."""
        found: dict[str, str] = {}
        for detail in details:
            found.setdefault(self._place(detail.field), detail.message)
        return found

    def _place(self, path: str) -> str:
        name = path.rsplit(".", 1)[-1].partition("[")[0]
        sides = {"connection_a_id": TO, "connection_b_id": FROM}
        if self.direction is not Direction.B_TO_A:
            sides = {"connection_a_id": FROM, "connection_b_id": TO}
        return sides.get(name) or _PLACES.get(name, GENERAL)


def _ways(view: PairView) -> tuple[tuple[str | None, str | None], ...]:
    """From where to where a pair copies."""
    a, b = view.pair.connection_a_id, view.pair.connection_b_id
    return {
        Direction.A_TO_B: ((a, b),),
        Direction.B_TO_A: ((b, a),),
        Direction.BIDIRECTIONAL: ((a, b), (b, a)),
    }[view.pair.direction]


def _wrong_ends(source: ConnectionView, target: ConnectionView, *, both: bool) -> dict[str, str]:
    if source.connection.calendar_key == target.connection.calendar_key:
        return {TO: "This is the same calendar as on the other side. Choose another one."}
    if source.account.sandbox != target.account.sandbox:
        return {TO: "A pair never mixes demo and real calendars."}
    found = {}
    if target.connection.access is Access.READER:
        found[TO] = _view_only(target)
    if both and source.connection.access is Access.READER:
        found[FROM] = _view_only(source)
    return found


def _view_only(view: ConnectionView) -> str:
    return f"“{view.connection.name}” is shared as view-only, so nothing can be copied into it."
