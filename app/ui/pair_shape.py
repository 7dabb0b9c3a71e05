"""The time of busy-only copies in a pair's options: buffers before and after, merging, and the shortest length.

It turns these parts of `DirectionSettings` into fields and back. Shown for busy-only pairs: other copies keep their
original's time.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.domain.pairs import DirectionSettings
from app.ui.fields import Field, NumberField, Tick
from app.ui.theme import Theme

MINUTES_AT_MOST = 1440


class PairShape(QWidget):
    """The fields."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._filling = False
        self.before = NumberField("Busy before each event, in minutes", 0, MINUTES_AT_MOST, "min before")
        self.after = NumberField("Busy after each event, in minutes", 0, MINUTES_AT_MOST, "min after")
        self.minimum = NumberField("Shortest busy time, in minutes", 0, MINUTES_AT_MOST, "min at least")
        self.merge = Tick(theme, "One block for events that touch")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.merge)
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(14)
        fields = (
            Field(theme, "Also busy before", self.before),
            Field(theme, "Also busy after", self.after),
            Field(theme, "Shortest block", self.minimum),
        )
        for number, field in enumerate(fields):
            grid.addWidget(field, number // 2, number % 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)
        self.merge.toggled.connect(self._edited)
        for amount in (self.before, self.after, self.minimum):
            amount.valueChanged.connect(self._edited)

    def show_settings(self, settings: DirectionSettings) -> None:
        """Fill in."""
        self._filling = True
        self.before.setValue(settings.buffer_before_minutes)
        self.after.setValue(settings.buffer_after_minutes)
        self.minimum.setValue(settings.minimum_minutes)
        self.merge.setChecked(settings.merge_touching)
        self._filling = False

    def filled_in(self, settings: DirectionSettings) -> DirectionSettings:
        """Settings with what is filled in."""
        return replace(
            settings,
            buffer_before_minutes=self.before.value(),
            buffer_after_minutes=self.after.value(),
            minimum_minutes=self.minimum.value(),
            merge_touching=self.merge.isChecked(),
        )

    def _edited(self) -> None:
        if not self._filling:
            self.changed.emit()
