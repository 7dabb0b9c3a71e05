"""The finer settings of a pair, folded away until wanted: titles, looks, what is left out, private events, edits, span.

It turns `DirectionSettings` into fields and back. It does not know the calendars.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.pairs import (
    Conflict,
    CopyDeleted,
    CopyEdited,
    DirectionSettings,
    FilteredLater,
    Mode,
    PrivateOriginals,
)
from app.ui.fields import Field, NumberField, TextField
from app.ui.pair_filters import PairFilters
from app.ui.pair_looks import PairLooks, allow, choice, choose
from app.ui.pair_shape import PairShape
from app.ui.theme import Theme

DAYS_AT_MOST = 1825
_BOTH_WAYS = "Only where a pair goes both ways and shows enough of its events."


class PairOptions(QWidget):
    """The fields."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._settings = DirectionSettings()
        self._filling = False
        self.title_text = TextField(theme, "Title of copies", "Busy")
        self.title = Field(theme, "Title of copies", self.title_text)
        self.private = choice(
            theme,
            "Private events",
            (
                (PrivateOriginals.AS_BLOCKER, "Only as busy time"),
                (PrivateOriginals.SKIP, "Leave them out"),
                (PrivateOriginals.LIKE_OTHERS, "Like all others"),
            ),
        )
        self.edited = choice(
            theme,
            "If someone edits a copy",
            (
                (CopyEdited.RESTORE, "Make it like the original again"),
                (CopyEdited.KEEP, "Leave the edit"),
                (CopyEdited.WRITE_BACK, "Change the original too"),
            ),
        )
        self.deleted = choice(
            theme,
            "If someone deletes a copy",
            (
                (CopyDeleted.STAY_AWAY, "It stays away"),
                (CopyDeleted.RESTORE, "Copy it again"),
                (CopyDeleted.DELETE_ORIGINAL, "Delete the original too"),
            ),
        )
        self.conflict = choice(
            theme,
            "If both were edited",
            (
                (Conflict.NEWEST, "The newest edit wins"),
                (Conflict.A_WINS, "The first calendar wins"),
                (Conflict.B_WINS, "The second calendar wins"),
                (Conflict.KEEP_BOTH, "Keep both events"),
            ),
        )
        self.filtered = choice(
            theme,
            "If an event is left out later",
            ((FilteredLater.REMOVE, "Remove its copy"), (FilteredLater.LEAVE, "Leave its copy")),
        )
        self.looks = PairLooks(theme)
        self.shape = PairShape(theme)
        self.shape.setParent(self)  # before it is laid out too: shown without one it would be a window
        self.filters = PairFilters(theme)
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
        column.addWidget(self.looks)
        column.addWidget(self.shape)
        column.addWidget(self.filters)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(14)
        self.conflict_field = Field(theme, "If both were edited", self.conflict)
        self.conflict_field.setParent(self)  # also while it is not laid out: without one it would be a window
        self._fields = (
            Field(theme, "Private events", self.private),
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
        for field in (self.private, self.edited, self.deleted, self.conflict, self.filtered):
            field.currentIndexChanged.connect(self._edited)
        self.edited.currentIndexChanged.connect(self._show_conflict)
        for number in (self.back, self.ahead):
            number.valueChanged.connect(self._edited)
        self.looks.changed.connect(self._edited)
        self.shape.changed.connect(self._edited)
        self.filters.changed.connect(self._edited)

    # -- in and out --------------------------------------------------------------------------------------------------

    def show_settings(self, settings: DirectionSettings, *, both: bool) -> None:
        """Fill in; `both`: the pair goes both ways."""
        self._filling = True
        self._settings = settings
        self.title_text.setText(settings.title)
        for field, value in (
            (self.private, settings.private_originals),
            (self.edited, settings.copy_edited),
            (self.deleted, settings.copy_deleted),
            (self.conflict, settings.conflict),
            (self.filtered, settings.filtered_later),
        ):
            choose(field, value)
        self.looks.show_settings(settings)
        self.shape.show_settings(settings)
        self.filters.show_filters(settings.filters, settings.mode)
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
        self.looks.show_mode(mode)
        self.shape.show_mode(mode)
        self.filters.show_mode(mode)
        self.private.setEnabled(True)
        carries, deletes = both and not blocker, both and mode is Mode.FULL
        allow(self.edited, CopyEdited.WRITE_BACK, CopyEdited.RESTORE, allowed=carries, hint=_BOTH_WAYS)
        allow(self.deleted, CopyDeleted.DELETE_ORIGINAL, CopyDeleted.STAY_AWAY, allowed=deletes, hint=_BOTH_WAYS)
        self._show_conflict()
        self._filling = before

    def settings(self) -> DirectionSettings:
        """What is filled in."""
        return replace(
            self.shape.filled_in(self.looks.filled_in(self._settings)),
            title=self.title_text.text().strip(),
            private_originals=PrivateOriginals(self.private.currentData()),
            filters=self.filters.filled_in(),
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

    def _edited(self) -> None:
        if not self._filling:
            self.changed.emit()
