"""What happens when people change copies: edits, deletions, conflicts, and what is left out later.

It turns that part of `DirectionSettings` into fields and back. It does not know the calendars, but for the names it is
told for its words.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.domain.pairs import Conflict, CopyDeleted, CopyEdited, CopyField, DirectionSettings, FilteredLater, Mode
from app.ui.fields import Field, Tick
from app.ui.pair_looks import allow, choice, choose
from app.ui.theme import Theme
from app.ui.widgets import Label

_BOTH_WAYS = "Only where a pair goes both ways and shows enough of its events."
_CARRIED = (
    (CopyField.WHEN, "Time"),
    (CopyField.TITLE, "Title"),
    (CopyField.PLACE, "Place"),
    (CopyField.TEXT, "Notes"),
    (CopyField.AVAILABILITY, "Busy or free"),
    (CopyField.VISIBILITY, "Private or not"),
    (CopyField.REMINDERS, "Reminders"),
    (CopyField.COLOUR, "Colour"),
)
"""What of an edited copy can be carried to its original."""


class PairEdits(QWidget):
    """The fields."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._filling = False
        self._carried: tuple[CopyField, ...] = ()
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
        self.carried = {name: Tick(theme, text) for name, text in _CARRIED}
        self._lay_out(theme)
        self._listen()

    def _lay_out(self, theme: Theme) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(14)
        self.grid.setVerticalSpacing(14)
        self.conflict_field = Field(theme, "If both were edited", self.conflict)
        self.conflict_field.setParent(self)  # also while it is not laid out: without one it would be a window
        self.edited_field = Field(theme, "If someone edits a copy", self.edited)
        self.deleted_field = Field(theme, "If someone deletes a copy", self.deleted)
        self._fields = (
            self.edited_field,
            self.deleted_field,
            self.conflict_field,
            Field(theme, "If an event is left out later", self.filtered),
        )
        self._place_fields()
        self.grid.setColumnStretch(0, 1)
        self.grid.setColumnStretch(1, 1)
        column.addLayout(self.grid)
        self.carried_part = QWidget()
        part = QVBoxLayout(self.carried_part)
        part.setContentsMargins(0, 0, 0, 0)
        part.setSpacing(2)
        part.addWidget(Label("Carried to the original", "strong"))
        part.addWidget(
            Label(
                "Other edits are put back; so are the time of repeating events and edits of their single dates.",
                "small",
                wrap=True,
            )
        )
        ticks = QGridLayout()
        ticks.setHorizontalSpacing(14)
        ticks.setVerticalSpacing(0)
        for number, tick in enumerate(self.carried.values()):
            ticks.addWidget(tick, number // 4, number % 4)
        part.addLayout(ticks)
        column.addWidget(self.carried_part)

    def _listen(self) -> None:
        for field in (self.edited, self.deleted, self.conflict, self.filtered):
            field.currentIndexChanged.connect(self._edited)
        for tick in self.carried.values():
            tick.toggled.connect(self._edited)
        self.edited.currentIndexChanged.connect(self._show_conflict)

    # -- in and out --------------------------------------------------------------------------------------------------

    def show_settings(self, settings: DirectionSettings) -> None:
        """Fill in."""
        self._filling = True
        self._carried = settings.write_back_fields
        for field, value in (
            (self.edited, settings.copy_edited),
            (self.deleted, settings.copy_deleted),
            (self.conflict, settings.conflict),
            (self.filtered, settings.filtered_later),
        ):
            choose(field, value)
        for name, tick in self.carried.items():
            tick.setChecked(name in settings.write_back_fields)
        self._filling = False

    def show_kind(self, mode: Mode, *, both: bool) -> None:
        """The mode or the direction was changed: originals are written both ways only, where a copy shows enough."""
        before, self._filling = self._filling, True
        carries, deletes = both and mode is not Mode.BLOCKER, both and mode is Mode.FULL
        allow(self.edited, CopyEdited.WRITE_BACK, CopyEdited.RESTORE, allowed=carries, hint=_BOTH_WAYS)
        allow(self.deleted, CopyDeleted.DELETE_ORIGINAL, CopyDeleted.STAY_AWAY, allowed=deletes, hint=_BOTH_WAYS)
        self._show_conflict()
        self._filling = before

    def name_calendars(self, first: str, second: str) -> None:
        """Say the names of the pair's calendars where one of them can win."""
        for value, name in ((Conflict.A_WINS, first), (Conflict.B_WINS, second)):
            self.conflict.setItemText(self.conflict.findData(str(value)), f"The edit in {name} wins")

    def filled_in(self, settings: DirectionSettings) -> DirectionSettings:
        """Settings with what is filled in here."""
        carried = tuple(name for name, tick in self.carried.items() if tick.isChecked())
        # The order in which they were named says nothing, but a pair that was only looked at stays as it was.
        same = set(carried) == set(self._carried)
        return replace(
            settings,
            copy_edited=CopyEdited(self.edited.currentData()),
            copy_deleted=CopyDeleted(self.deleted.currentData()),
            conflict=Conflict(self.conflict.currentData()),
            write_back_fields=self._carried if same else carried,
            filtered_later=FilteredLater(self.filtered.currentData()),
        )

    def _show_conflict(self) -> None:
        self._place_fields()
        self.conflict_field.setVisible(self.conflict_field in self.shown_fields())
        self.carried_part.setVisible(self.edited.currentData() == CopyEdited.WRITE_BACK)

    def shown_fields(self) -> list[Field]:
        """The fields that mean something as it is, in their order."""
        writes_back = self.edited.currentData() == CopyEdited.WRITE_BACK
        return [field for field in self._fields if writes_back or field is not self.conflict_field]

    def _place_fields(self) -> None:
        """Two beside each other; a field that is hidden leaves no hole."""
        for field in self._fields:
            self.grid.removeWidget(field)
        for number, field in enumerate(self.shown_fields()):
            self.grid.addWidget(field, number // 2, number % 2, Qt.AlignmentFlag.AlignTop)

    def _edited(self) -> None:
        if not self._filling:
            self.changed.emit()
