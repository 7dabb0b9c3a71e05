"""Pausing until a moment of one's own choice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QDateTime, QLocale, Signal
from PySide6.QtWidgets import QDateTimeEdit, QWidget

from app.ui import time_words
from app.ui.fields import Field
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.words import Tone


class PauseSheet(Sheet):
    """Asks for the moment.

    Args:
        theme: its colours.
        what: what is paused, in words.
        now: the clock.
        parent: the window it belongs to.
    """

    chosen = Signal(object)
    """The moment, aware."""

    def __init__(self, theme: Theme, what: str, now: Callable[[], datetime], parent: QWidget) -> None:
        super().__init__(theme, "Pause until", parent, width=420)
        self._now = now
        self.mark("circle-pause", Tone.QUIET)
        self.say("Pause until", what)
        self.moment = QDateTimeEdit()
        self.moment.setAccessibleName("Pause until")
        self.moment.setDisplayFormat("ddd d MMM yyyy  HH:mm")
        self.moment.setLocale(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
        self.moment.lineEdit().setTextMargins(9, 0, 9, 0)  # the style sheet's padding does not reach it
        # Wall-clock time of this machine: what a person means by "until eight".
        start = time_words.tomorrow_at_eight(now())
        self.moment.setDateTime(QDateTime.fromSecsSinceEpoch(int(start.timestamp())))
        self._field = Field(theme, "Day and time", self.moment, "Change a part with the arrow keys, or type it.")
        self.body.addWidget(self._field)
        self.moment.dateTimeChanged.connect(lambda: self._field.refuse(""))
        self.do_button = self.offer("Pause", "pause", "primary")
        self.do_button.clicked.connect(self._pause)

    def _pause(self) -> None:
        until = datetime.fromtimestamp(self.moment.dateTime().toSecsSinceEpoch()).astimezone()
        if until <= self._now():
            self._field.refuse("Choose a moment that lies ahead.")
            return
        self.chosen.emit(until)
        self.accept()
