"""The finer settings of one way of a pair, folded away until wanted, in groups: what copies look like, busy time, what
is left out, edits and deletions, and the time span.

It turns `DirectionSettings` into fields and back. It does not know the calendars.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.pairs import DirectionSettings, Mode, PrivateOriginals
from app.ui.fields import Field, NumberField, TextField
from app.ui.pair_edits import PairEdits
from app.ui.pair_filters import PairFilters
from app.ui.pair_looks import PairLooks, choice, choose
from app.ui.pair_shape import PairShape
from app.ui.theme import Theme
from app.ui.widgets import Frame, Label

DAYS_AT_MOST = 1825


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
        self.looks = PairLooks(theme)
        self.shape = PairShape(theme)
        self.filters = PairFilters(theme)
        self.edits = PairEdits(theme)
        self.back = NumberField("Days back", 0, DAYS_AT_MOST, "days back")
        self.ahead = NumberField("Days ahead", 0, DAYS_AT_MOST, "days ahead")
        span = QWidget()
        self.window_field = Field(theme, "Events in this span have copies", span)
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
        column.setSpacing(22)
        private = Field(theme, "Private events", self.private)
        self.shape_group = _group("Busy time", self.shape)
        for group in (
            _group("What copies look like", self.title, self.looks),
            self.shape_group,
            _group("What is left out", self.filters, private),
            _group("Edits and deletions", self.edits),
            _group("Time span", self.window_field),
        ):
            column.addWidget(group)

    def _listen(self) -> None:
        self.title_text.textChanged.connect(self._edited)
        self.private.currentIndexChanged.connect(self._edited)
        for number in (self.back, self.ahead):
            number.valueChanged.connect(self._edited)
        for part in (self.looks, self.shape, self.filters, self.edits):
            part.changed.connect(self._edited)

    # -- in and out --------------------------------------------------------------------------------------------------

    def show_settings(self, settings: DirectionSettings, *, both: bool) -> None:
        """Fill in; `both`: the pair goes both ways."""
        self._filling = True
        self._settings = settings
        self.title_text.setText(settings.title)
        choose(self.private, settings.private_originals)
        self.looks.show_settings(settings)
        self.shape.show_settings(settings)
        self.filters.show_filters(settings.filters, settings.mode)
        self.edits.show_settings(settings)
        self.back.setValue(settings.window_back_days)
        self.ahead.setValue(settings.window_ahead_days)
        self.show_kind(settings.mode, both=both)
        self._filling = False

    def show_kind(self, mode: Mode, *, both: bool) -> None:
        """The mode or the direction was changed: defaults are others, and originals are written both ways only."""
        before, self._filling = self._filling, True
        self._settings = replace(self._settings, mode=mode)
        self.title_text.setPlaceholderText("Busy" if mode is Mode.BLOCKER else "{title}")
        self.looks.show_mode(mode)
        # Copies that show more keep their original's time.
        self.shape_group.setVisible(mode is Mode.BLOCKER)
        self.filters.show_mode(mode)
        self.edits.show_kind(mode, both=both)
        self._filling = before

    def settings(self) -> DirectionSettings:
        """What is filled in."""
        return replace(
            self.edits.filled_in(self.shape.filled_in(self.looks.filled_in(self._settings))),
            title=self.title_text.text().strip(),
            private_originals=PrivateOriginals(self.private.currentData()),
            filters=self.filters.filled_in(),
            window_back_days=self.back.value(),
            window_ahead_days=self.ahead.value(),
        )

    def _edited(self) -> None:
        if not self._filling:
            self.changed.emit()


def _group(title: str, *parts: QWidget) -> QWidget:
    """Fields that belong together, below a line and a heading."""
    group = QWidget()
    column = QVBoxLayout(group)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(14)
    column.addWidget(Frame("rule"))
    column.addWidget(Label(title, "heading"))
    for part in parts:
        column.addWidget(part)
    return group
