"""The finer settings of a pair, folded away until wanted: titles, private events, what is left out, edits, time span.

It turns `DirectionSettings` into fields and back. It does not know the calendars.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.pairs import (
    Conflict,
    CopyDeleted,
    CopyEdited,
    DirectionSettings,
    FilteredLater,
    Filters,
    Mode,
    PrivateOriginals,
    Reminders,
)
from app.ui.fields import Field, NumberField, TextField, Tick
from app.ui.theme import Theme
from app.ui.widgets import Choice, Label

_LEFT_OUT = (
    ("declined", "Declined by me"),
    ("free", "Shown as free"),
    ("tentative", "Tentative"),
    ("all_day", "All-day"),
    ("birthdays", "Birthdays"),
    ("working_location", "Working location"),
    ("already_there", "Already in the other calendar"),
)
"""Filters by their name in `Filters`. What is cancelled has no copy in any case."""

DAYS_AT_MOST = 1825


class PairOptions(QWidget):
    """The fields."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._settings = DirectionSettings()
        self._free: bool | None = None
        self._filling = False
        self.title_text = TextField(theme, "Title of copies", "Busy")
        self.title = Field(theme, "Title of copies", self.title_text)
        self.private = _choice(
            theme,
            "Private events",
            (
                (PrivateOriginals.AS_BLOCKER, "Only as busy time"),
                (PrivateOriginals.SKIP, "Leave them out"),
                (PrivateOriginals.LIKE_OTHERS, "Like all others"),
            ),
        )
        self.edited = _choice(
            theme,
            "If someone edits a copy",
            (
                (CopyEdited.RESTORE, "Make it like the original again"),
                (CopyEdited.KEEP, "Leave the edit"),
                (CopyEdited.WRITE_BACK, "Change the original too"),
            ),
        )
        self.deleted = _choice(
            theme,
            "If someone deletes a copy",
            (
                (CopyDeleted.STAY_AWAY, "It stays away"),
                (CopyDeleted.RESTORE, "Copy it again"),
                (CopyDeleted.DELETE_ORIGINAL, "Delete the original too"),
            ),
        )
        self.conflict = _choice(
            theme,
            "If both were edited",
            (
                (Conflict.NEWEST, "The newest edit wins"),
                (Conflict.A_WINS, "The first calendar wins"),
                (Conflict.B_WINS, "The second calendar wins"),
                (Conflict.KEEP_BOTH, "Keep both events"),
            ),
        )
        self.filtered = _choice(
            theme,
            "If an event is left out later",
            ((FilteredLater.REMOVE, "Remove its copy"), (FilteredLater.LEAVE, "Leave its copy")),
        )
        self.reminders = _choice(
            theme, "Reminders", ((Reminders.NONE, "Copies have none"), (Reminders.COPY, "Copy them"))
        )
        self.ticks = {name: Tick(theme, text) for name, text in _LEFT_OUT}
        self.shorter = NumberField("Leave out events shorter than, in minutes", 0, 1440, "min")
        self.back = NumberField("Days back", 0, DAYS_AT_MOST, "days back")
        self.ahead = NumberField("Days ahead", 0, DAYS_AT_MOST, "days ahead")
        span = QWidget()
        self.window_field = Field(theme, "Time span", span, "Only events in this span have copies.")
        row = QHBoxLayout(span)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.back, 1)
        row.addWidget(self.ahead, 1)
        self._lay_out(theme)
        self._listen()

    def _lay_out(self, theme: Theme) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(16)
        column.addWidget(self.title)
        leave = QVBoxLayout()
        leave.setSpacing(2)
        leave.addWidget(Label("Leave out", "strong"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(0)
        for number, tick in enumerate(self.ticks.values()):
            grid.addWidget(tick, number // 2, number % 2)
        short = QHBoxLayout()
        short.setSpacing(8)
        short.addWidget(Label("Shorter than"))
        short.addWidget(self.shorter)
        short.addStretch(1)
        last = len(self.ticks)
        grid.addLayout(short, last // 2, last % 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        leave.addLayout(grid)
        column.addLayout(leave)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(14)
        self.conflict_field = Field(theme, "If both were edited", self.conflict)
        self.conflict_field.setParent(self)  # also while it is not laid out: without one it would be a window
        self._fields = (
            Field(theme, "Private events", self.private),
            Field(theme, "Reminders", self.reminders),
            Field(theme, "If someone edits a copy", self.edited),
            Field(theme, "If someone deletes a copy", self.deleted),
            self.conflict_field,
            Field(theme, "If an event is left out later", self.filtered),
            self.window_field,
        )
        self._place_fields()
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid)

    def _listen(self) -> None:
        self.title_text.textChanged.connect(self._edited)
        for choice in (self.private, self.edited, self.deleted, self.conflict, self.filtered, self.reminders):
            choice.currentIndexChanged.connect(self._edited)
        self.edited.currentIndexChanged.connect(self._show_conflict)
        for name, tick in self.ticks.items():
            tick.toggled.connect(self._free_chosen if name == "free" else self._edited)
        for number in (self.shorter, self.back, self.ahead):
            number.valueChanged.connect(self._edited)

    # -- in and out --------------------------------------------------------------------------------------------------

    def show_settings(self, settings: DirectionSettings, *, both: bool) -> None:
        """Fill in; `both`: the pair goes both ways."""
        self._filling = True
        self._settings = settings
        self._free = settings.filters.free
        self.title_text.setText(settings.title)
        for choice, value in (
            (self.private, settings.private_originals),
            (self.edited, settings.copy_edited),
            (self.deleted, settings.copy_deleted),
            (self.conflict, settings.conflict),
            (self.filtered, settings.filtered_later),
            (self.reminders, settings.reminders),
        ):
            choice.setCurrentIndex(choice.findData(str(value)))
        for name, tick in self.ticks.items():
            if name != "free":
                tick.setChecked(bool(getattr(settings.filters, name)))
        self.shorter.setValue(settings.filters.shorter_than_seconds // 60)
        self.back.setValue(settings.window_back_days)
        self.ahead.setValue(settings.window_ahead_days)
        self.show_kind(settings.mode, both=both)
        self._filling = False

    def show_kind(self, mode: Mode, *, both: bool) -> None:
        """The mode or the direction was changed: defaults are others, and originals are written both ways only."""
        before, self._filling = self._filling, True
        self._settings = replace(self._settings, mode=mode)
        blocker = mode is Mode.BLOCKER
        self.title_text.setPlaceholderText("Busy" if blocker else "{title}")
        self.ticks["free"].setChecked(blocker if self._free is None else self._free)
        self.reminders.setEnabled(not blocker)
        self.private.setEnabled(True)
        _allow(self.edited, CopyEdited.WRITE_BACK, CopyEdited.RESTORE, allowed=both and not blocker)
        _allow(self.deleted, CopyDeleted.DELETE_ORIGINAL, CopyDeleted.STAY_AWAY, allowed=both and mode is Mode.FULL)
        self._show_conflict()
        self._filling = before

    def settings(self) -> DirectionSettings:
        """What is filled in."""
        kept: dict[str, Any] = {name: tick.isChecked() for name, tick in self.ticks.items() if name != "free"}
        before = self._settings.filters
        # Seconds that the field cannot show stay as they are.
        minutes = self.shorter.value()
        seconds = before.shorter_than_seconds if before.shorter_than_seconds // 60 == minutes else minutes * 60
        filters: Filters = replace(before, **kept, free=self._free, shorter_than_seconds=seconds)
        return replace(
            self._settings,
            title=self.title_text.text().strip(),
            private_originals=PrivateOriginals(self.private.currentData()),
            filters=filters,
            reminders=Reminders(self.reminders.currentData()),
            copy_edited=CopyEdited(self.edited.currentData()),
            copy_deleted=CopyDeleted(self.deleted.currentData()),
            conflict=Conflict(self.conflict.currentData()),
            filtered_later=FilteredLater(self.filtered.currentData()),
            window_back_days=self.back.value(),
            window_ahead_days=self.ahead.value(),
        )

    def _show_conflict(self) -> None:
        self._place_fields()
        self.conflict_field.setVisible(self.conflict_field in self._shown_fields())

    def _shown_fields(self) -> list[Field]:
        writes_back = self.edited.currentData() == CopyEdited.WRITE_BACK
        return [field for field in self._fields if writes_back or field is not self.conflict_field]

    def _place_fields(self) -> None:
        """Two beside each other; a field that is hidden leaves no hole."""
        for field in self._fields:
            self._grid.removeWidget(field)
        for number, field in enumerate(self._shown_fields()):
            self._grid.addWidget(field, number // 2, number % 2, Qt.AlignmentFlag.AlignTop)

    def _free_chosen(self, left_out: bool) -> None:
        if not self._filling:
            self._free = left_out
        self._edited()

    def _edited(self) -> None:
        if not self._filling:
            self.changed.emit()


def _allow(choice: Choice, value: str, instead: str, *, allowed: bool) -> None:
    """Offer a value, or take it out of reach and choose another in its place."""
    row = choice.findData(str(value))
    model = choice.model()
    if isinstance(model, QStandardItemModel):
        model.item(row).setEnabled(allowed)
    hint = "" if allowed else "Only where a pair goes both ways and shows enough of its events."
    choice.setItemData(row, hint, Qt.ItemDataRole.ToolTipRole)
    if not allowed and choice.currentIndex() == row:
        choice.setCurrentIndex(choice.findData(str(instead)))


def _choice(theme: Theme, name: str, options: tuple[tuple[str, str], ...]) -> Choice:
    choice = Choice(theme, name)
    for value, text in options:
        choice.addItem(text, str(value))
    return choice
