"""What copies of a pair look like: what details show, titles, availability, visibility, colour, reminders.

It turns that part of `DirectionSettings` into fields and back. It does not know the calendars.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.pairs import (
    CopyAvailability,
    CopyColour,
    CopyVisibility,
    DetailField,
    DirectionSettings,
    Mode,
    Reminders,
    Replacement,
)
from app.ui.fields import Field, NumberField, TextField, Tick
from app.ui.option_texts import replacements_from, replacements_text
from app.ui.theme import Theme
from app.ui.widgets import Choice, Label

BY_MODE = ""
"""Stands for None: the mode's default."""

_SHOWN = ((DetailField.TEXT, "Notes"), (DetailField.PLACE, "Place"), (DetailField.LINK, "Meeting link"))
_MOST_REMINDER_MINUTES = 40_320
_ELSEWHERE = "What is chosen here was written elsewhere and does not fit a line. It stays as it is."


class PairLooks(QWidget):
    """The fields."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._replacements: tuple[Replacement, ...] = ()
        self._shown: tuple[DetailField, ...] = ()
        self._filling = False
        self.shown = {name: Tick(theme, text) for name, text in _SHOWN}
        self.guests = Tick(theme, "List guests’ names below the notes")
        self._mode = Mode.BLOCKER
        self.prefix = TextField(theme, "Before each title", "[Work]")
        self.prefix_field = Field(theme, "Before each title", self.prefix, "Stands before “Busy” too.")
        self.swaps = TextField(theme, "Replace in titles", "Project X = Work; gym =")
        self.swaps_field = Field(theme, "Replace in titles", self.swaps)
        self.availability = choice(
            theme,
            "Copies count as",
            (
                (CopyAvailability.AS_ORIGINAL, "Like the original"),
                (CopyAvailability.BUSY, "Busy"),
                (CopyAvailability.FREE, "Free"),
                (CopyAvailability.TENTATIVE, "Tentative"),
                (CopyAvailability.OUT_OF_OFFICE, "Out of office"),
            ),
        )
        self.visibility = choice(
            theme,
            "Who sees details of copies",
            (
                (BY_MODE, "As usual"),
                (CopyVisibility.AS_ORIGINAL, "Like the original"),
                (CopyVisibility.DEFAULT, "As the calendar has it"),
                (CopyVisibility.PRIVATE, "Private"),
            ),
        )
        self.colour = choice(
            theme,
            "Colour",
            (
                (BY_MODE, "As usual"),
                (CopyColour.NONE, "None"),
                (CopyColour.AS_ORIGINAL, "Like the original"),
                *((one, str(one).capitalize()) for one in list(CopyColour)[2:]),
            ),
        )
        self.reminders = choice(
            theme,
            "Reminders",
            (
                (Reminders.NONE, "Copies have none"),
                (Reminders.COPY, "Copy them"),
                (Reminders.FIXED, "Always this long before"),
            ),
        )
        self.minutes = NumberField("Minutes before the start", 0, _MOST_REMINDER_MINUTES, "min")
        self._lay_out(theme)
        self._listen()

    def _lay_out(self, theme: Theme) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        self.shown_part = QWidget()
        details = QVBoxLayout(self.shown_part)
        details.setContentsMargins(0, 0, 0, 0)
        details.setSpacing(2)
        details.addWidget(Label("Show beside title and time", "strong"))
        ticks = QHBoxLayout()
        ticks.setSpacing(14)
        for tick in self.shown.values():
            ticks.addWidget(tick)
        ticks.addStretch(1)
        details.addLayout(ticks)
        column.addWidget(self.shown_part)
        self.guests.setToolTip("Names alone, and no addresses. Nobody is invited, and nobody is told.")
        column.addWidget(self.guests)
        self.reminders_field = Field(theme, "Reminders", self.reminders)
        self.minutes_field = Field(theme, "Minutes before the start", self.minutes)
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(14)
        fields = (
            self.prefix_field,
            self.swaps_field,
            Field(theme, "Copies count as", self.availability),
            Field(theme, "Who sees details of copies", self.visibility),
            Field(theme, "Colour", self.colour),
            self.reminders_field,
            self.minutes_field,
        )
        for number, field in enumerate(fields):
            grid.addWidget(field, number // 2, number % 2, Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)

    def _listen(self) -> None:
        for text in (self.prefix, self.swaps):
            text.textChanged.connect(self._edited)
        for one in (self.availability, self.visibility, self.colour, self.reminders):
            one.currentIndexChanged.connect(self._edited)
        self.reminders.currentIndexChanged.connect(self._show_minutes)
        for tick in self.shown.values():
            tick.toggled.connect(self._edited)
        self.shown[DetailField.TEXT].toggled.connect(self._show_guests)
        self.guests.toggled.connect(self._edited)
        self.minutes.valueChanged.connect(self._edited)

    # -- in and out --------------------------------------------------------------------------------------------------

    def show_settings(self, settings: DirectionSettings) -> None:
        """Fill in."""
        self._filling = True
        self._replacements = settings.title_replacements
        self._shown = settings.detail_fields
        for name, tick in self.shown.items():
            tick.setChecked(name in settings.detail_fields)
        self.guests.setChecked(settings.guests_in_text)
        self.prefix.setText(settings.title_prefix)
        text = replacements_text(settings.title_replacements)
        self.swaps.setText(text or "")
        self.swaps.setEnabled(text is not None)
        self.swaps_field.say("A pattern stands between slashes: /\\d+/ = #" if text is not None else _ELSEWHERE)
        choose(self.availability, settings.availability)
        choose(self.visibility, settings.visibility or BY_MODE)
        choose(self.colour, settings.colour or BY_MODE)
        choose(self.reminders, settings.reminders)
        self.minutes.setValue(settings.reminder_minutes)
        self.show_mode(settings.mode)
        self._filling = False

    def show_mode(self, mode: Mode) -> None:
        """What busy time never takes from its original cannot be chosen for it."""
        before, self._filling = self._filling, True
        blocker = mode is Mode.BLOCKER
        self._mode = mode
        self.shown_part.setVisible(mode is Mode.DETAILS)
        self.swaps_field.setVisible(not blocker)
        hint = "Busy time shows nothing of its original."
        allow(self.visibility, CopyVisibility.AS_ORIGINAL, BY_MODE, allowed=not blocker, hint=hint)
        allow(self.colour, CopyColour.AS_ORIGINAL, BY_MODE, allowed=not blocker, hint=hint)
        allow(self.reminders, Reminders.COPY, Reminders.NONE, allowed=not blocker, hint=hint)
        self._show_minutes()
        self._show_guests()
        self._filling = before

    def filled_in(self, settings: DirectionSettings) -> DirectionSettings:
        """Settings with what is filled in here."""
        chosen = tuple(name for name, tick in self.shown.items() if tick.isChecked())
        # The order in which they were named says nothing, but a pair that was only looked at stays as it was.
        same = set(chosen) == set(self._shown)
        swaps = replacements_from(self.swaps.text()) if self.swaps.isEnabled() else self._replacements
        visibility, colour = self.visibility.currentData(), self.colour.currentData()
        return replace(
            settings,
            detail_fields=self._shown if same else chosen,
            guests_in_text=self.guests.isChecked(),
            title_prefix=self.prefix.text(),
            title_replacements=swaps,
            availability=CopyAvailability(self.availability.currentData()),
            visibility=CopyVisibility(visibility) if visibility else None,
            colour=CopyColour(colour) if colour else None,
            reminders=Reminders(self.reminders.currentData()),
            reminder_minutes=self.minutes.value(),
        )

    def _show_minutes(self) -> None:
        self.minutes_field.setVisible(self.reminders.currentData() == Reminders.FIXED)

    def _show_guests(self) -> None:
        """They stand below the notes, so only where copies have these."""
        notes = self._mode is Mode.FULL or (self._mode is Mode.DETAILS and self.shown[DetailField.TEXT].isChecked())
        self.guests.setVisible(notes)

    def _edited(self) -> None:
        if not self._filling:
            self.changed.emit()


def choice(theme: Theme, name: str, options: tuple[tuple[str, str], ...]) -> Choice:
    """A choice of these values with their words."""
    made = Choice(theme, name)
    for value, text in options:
        made.addItem(text, str(value))
    return made


def choose(made: Choice, value: str) -> None:
    """Choose a value that is offered."""
    made.setCurrentIndex(made.findData(str(value)))


def allow(made: Choice, value: str, instead: str, *, allowed: bool, hint: str) -> None:
    """Offer a value, or take it out of reach, say why, and choose another in its place."""
    row = made.findData(str(value))
    model = made.model()
    if isinstance(model, QStandardItemModel):
        model.item(row).setEnabled(allowed)
    made.setItemData(row, "" if allowed else hint, Qt.ItemDataRole.ToolTipRole)
    if not allowed and made.currentIndex() == row:
        choose(made, instead)
