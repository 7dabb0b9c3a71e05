"""Which events of a pair have copies: by what they are, by words, by weekdays and hours.

It turns `Filters` into fields and back. It does not know the calendars, but for the time zone it offers.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.pairs import Filters, HoursFilter, Mode, Weekday, Within, WordFilter
from app.ui.fields import Field, NumberField, TextField, Tick
from app.ui.option_texts import WordsLine, words_from, words_texts
from app.ui.pair_looks import choice, choose
from app.ui.theme import Theme
from app.ui.widgets import Label

_LEFT_OUT = (
    ("declined", "Declined by me"),
    ("free", "Shown as free"),
    ("tentative", "Tentative"),
    ("all_day", "All-day"),
    ("birthdays", "Birthdays"),
    ("working_location", "Working location"),
    ("already_there", "Already in the other calendar"),
)
"""Filters by their name in `Filters`."""
_CANCELLED_HINT = "What is cancelled never has a copy: its calendar says that it is gone."

_ANY, _ONLY, _NEVER = "any", "only", "never"
_WEEKDAYS = dict(zip(Weekday, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))
_USUAL = tuple(Weekday)[:5], time(9), time(17)
_ELSEWHERE = "What is chosen here was written elsewhere and does not fit a line. It stays as it is."


class WordsFields(QWidget):
    """One rule for words: the words, where they are looked for, and whether as whole words only."""

    changed = Signal()

    def __init__(self, theme: Theme, label: str, example: str, places: str) -> None:
        super().__init__()
        self.text = TextField(theme, label, example)
        self.field = Field(theme, label, self.text)
        self.within = choice(
            theme,
            places,
            (
                (Within.EITHER, "Titles and categories"),
                (Within.TITLE, "Titles alone"),
                (Within.CATEGORY, "Categories alone"),
            ),
        )
        self.whole = Tick(theme, "Whole words only")
        self.whole.setAccessibleName(f"{label}: whole words only")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for part in (self.field, Field(theme, places, self.within), self.whole):
            column.addWidget(part)
        self.text.textChanged.connect(self.changed)
        self.within.currentIndexChanged.connect(self.changed)
        self.whole.toggled.connect(self.changed)

    def show_line(self, line: WordsLine) -> None:
        """Fill in."""
        self.text.setText(line.text)
        choose(self.within, line.within)
        self.whole.setChecked(line.whole_words)

    def line(self) -> WordsLine:
        """What is filled in."""
        return WordsLine(self.text.text(), Within(self.within.currentData()), self.whole.isChecked())


class PairFilters(QWidget):
    """The fields."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._filters = Filters()
        self._free: bool | None = None
        self._filling = False
        self.ticks = {name: Tick(theme, text) for name, text in _LEFT_OUT}
        self.cancelled = Tick(theme, "Cancelled (always)")
        self.cancelled.setChecked(True)
        self.cancelled.setEnabled(False)
        self.cancelled.setToolTip(_CANCELLED_HINT)
        self.cancelled.setAccessibleDescription(_CANCELLED_HINT)
        self.shorter = NumberField("Leave out events shorter than, in minutes", 0, 1440, "min")
        self.without = WordsFields(
            theme, "Leave out events with these words", "lunch, gym", "Look for words to leave out in"
        )
        self.only = WordsFields(theme, "Only events with these words", "client, project", "Look for wanted words in")
        self.hours = choice(
            theme,
            "When",
            ((_ANY, "At any time"), (_ONLY, "Only at these hours"), (_NEVER, "Never at these hours")),
        )
        self.hours_field = Field(theme, "When", self.hours)
        self.days = {day: Tick(theme, text) for day, text in _WEEKDAYS.items()}
        self.start = choice(theme, "From", _clock())
        self.end = choice(theme, "To", _clock())
        self.zone = TextField(theme, "Time zone of these hours", "Europe/Berlin")
        self._lay_out(theme)
        self._listen()

    def _lay_out(self, theme: Theme) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        leave = QVBoxLayout()
        leave.setSpacing(2)
        leave.addWidget(Label("Leave out", "strong"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(0)
        ticks = (*self.ticks.values(), self.cancelled)
        for number, tick in enumerate(ticks):
            grid.addWidget(tick, number // 2, number % 2)
        short = QHBoxLayout()
        short.setSpacing(8)
        short.addWidget(Label("Shorter than"))
        short.addWidget(self.shorter)
        short.addStretch(1)
        last = len(ticks)
        grid.addLayout(short, last // 2, last % 2)
        _halves(grid)
        leave.addLayout(grid)
        column.addLayout(leave)
        words = QGridLayout()
        words.setHorizontalSpacing(14)
        words.setVerticalSpacing(12)
        words.addWidget(self.without, 0, 0, Qt.AlignmentFlag.AlignTop)
        words.addWidget(self.only, 0, 1, Qt.AlignmentFlag.AlignTop)
        _halves(words)
        column.addLayout(words)
        when = QVBoxLayout()
        when.setSpacing(6)
        when.addWidget(self.hours_field)
        self.hours_part = QWidget()
        part = QVBoxLayout(self.hours_part)
        part.setContentsMargins(0, 0, 0, 0)
        part.setSpacing(4)
        days = QGridLayout()
        days.setVerticalSpacing(0)
        for number, tick in enumerate(self.days.values()):
            days.addWidget(tick, number // 4, number % 4)
        part.addLayout(days)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(Field(theme, "From", self.start))
        row.addWidget(Field(theme, "To", self.end))
        row.addWidget(Field(theme, "Time zone of these hours", self.zone), 1)
        part.addLayout(row)
        when.addWidget(self.hours_part)
        column.addLayout(when)

    def _listen(self) -> None:
        for name, tick in self.ticks.items():
            tick.toggled.connect(self._free_chosen if name == "free" else self._edited)
        for tick in self.days.values():
            tick.toggled.connect(self._edited)
        for line in (self.without, self.only):
            line.changed.connect(self._edited)
        self.zone.textChanged.connect(self._edited)
        for one in (self.hours, self.start, self.end):
            one.currentIndexChanged.connect(self._edited)
        self.hours.currentIndexChanged.connect(self._show_hours)
        self.shorter.valueChanged.connect(self._edited)

    # -- in and out --------------------------------------------------------------------------------------------------

    def show_filters(self, filters: Filters, mode: Mode) -> None:
        """Fill in."""
        self._filling = True
        self._filters = filters
        self._free = filters.free
        for name, tick in self.ticks.items():
            if name != "free":
                tick.setChecked(bool(getattr(filters, name)))
        self.shorter.setValue(filters.shorter_than_seconds // 60)
        texts = words_texts(filters.words)
        for line, told in zip((self.without, self.only), texts or (WordsLine(), WordsLine()), strict=True):
            line.show_line(told)
            line.setEnabled(texts is not None)
        self.without.field.say("With commas between." if texts is not None else _ELSEWHERE)
        hours = filters.hours
        choose(self.hours, _ANY if hours is None else _ONLY if hours.only else _NEVER)
        weekdays, start, end = _USUAL if hours is None else (hours.weekdays, hours.start, hours.end)
        for day, tick in self.days.items():
            tick.setChecked(day in weekdays)
        for one, moment in ((self.start, start), (self.end, end)):
            text = moment.isoformat("minutes")
            if one.findData(text) < 0:
                one.addItem(text, text)
            choose(one, text)
        if hours is not None:
            self.zone.setText(hours.zone)
        self.show_mode(mode)
        self._show_hours()
        self._filling = False

    def show_mode(self, mode: Mode) -> None:
        """Another mode: what is shown as free is left out of blockers, unless it was chosen."""
        before, self._filling = self._filling, True
        self.ticks["free"].setChecked(mode is Mode.BLOCKER if self._free is None else self._free)
        self._filling = before

    def offer_zone(self, zone: str) -> None:
        """The zone that hours are in unless they have one; it is the source calendar's."""
        if self._filters.hours is None and not self.zone.isModified():
            before, self._filling = self._filling, True
            self.zone.setText(zone)
            self._filling = before

    def filled_in(self) -> Filters:
        """What is filled in."""
        before = self._filters
        kept: dict[str, Any] = {name: tick.isChecked() for name, tick in self.ticks.items() if name != "free"}
        # Seconds that the field cannot show stay as they are.
        minutes = self.shorter.value()
        seconds = before.shorter_than_seconds if before.shorter_than_seconds // 60 == minutes else minutes * 60
        return replace(
            before,
            **kept,
            free=self._free,
            shorter_than_seconds=seconds,
            words=self._words(),
            hours=self._hours(),
        )

    def _words(self) -> tuple[WordFilter, ...]:
        if not self.without.isEnabled():
            return self._filters.words
        return words_from(self.without.line(), self.only.line())

    def _hours(self) -> HoursFilter | None:
        if self.hours.currentData() == _ANY:
            return None
        days = tuple(day for day, tick in self.days.items() if tick.isChecked())
        before = self._filters.hours
        if before is not None and set(days) == set(before.weekdays):
            days = before.weekdays
        return HoursFilter(
            days,
            time.fromisoformat(self.start.currentData()),
            time.fromisoformat(self.end.currentData()),
            self.zone.text().strip(),
            only=self.hours.currentData() == _ONLY,
        )

    def _show_hours(self) -> None:
        self.hours_part.setVisible(self.hours.currentData() != _ANY)

    def _free_chosen(self, left_out: bool) -> None:
        if not self._filling:
            self._free = left_out
        self._edited()

    def _edited(self) -> None:
        if not self._filling:
            self.changed.emit()


def _clock() -> tuple[tuple[str, str], ...]:
    """Every half hour of a day."""
    moments = [time(number // 2, number % 2 * 30).isoformat("minutes") for number in range(48)]
    return tuple((moment, moment) for moment in moments)


def _halves(grid: QGridLayout) -> None:
    grid.setColumnStretch(0, 1)
    grid.setColumnStretch(1, 1)
