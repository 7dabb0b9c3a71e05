"""*Start with my computer* in Settings: a switch that shows the operating system's own entry, and what is odd about it.

It shows what it is given and asks nobody: what a person wants is told by a signal.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.domain.autostart import Autostart, AutostartState
from app.ui.boxes import Section
from app.ui.fields import Switch
from app.ui.theme import Theme
from app.ui.widgets import Button

_USUAL = "Kalends then begins in the tray, without a window."
_WORDS = {
    AutostartState.BLOCKED: "Turned off in your system's settings.",
    AutostartState.BROKEN: "The program it would start is not there any more. Switch it on again to start this one.",
}


class StartRow(QWidget):
    """The controls of the row; `add_to` puts them into a section.

    Args:
        theme: its colours.
    """

    wished = Signal(bool)
    """Whether Kalends shall start with the computer."""
    settings_wanted = Signal(str)
    """Open this page of the system's settings."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._filling = False
        self._settings = ""
        self.on = Switch(theme, "Start with my computer")
        self.on.toggled.connect(self._switched)
        self.this_button = Button(theme, "Start this one instead")
        self.this_button.clicked.connect(lambda: self.wished.emit(True))
        self.settings_button = Button(theme, "Open the settings")
        self.settings_button.clicked.connect(lambda: self.settings_wanted.emit(self._settings))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        for control in (self.this_button, self.settings_button, self.on):
            row.addWidget(control)
        self.this_button.hide()
        self.settings_button.hide()

    def add_to(self, section: Section) -> None:
        """Put it into a section, with its name and the line below it."""
        self._group, self._below = section.add_choice("Start with my computer", _USUAL, self)

    def show_state(self, found: Autostart | None) -> None:
        """Show how it is; None: there is no way to start with this computer, so nothing is offered."""
        self._group.setVisible(found is not None)
        if found is None:
            return
        self._filling = True
        self.on.setChecked(found.on)
        self._filling = False
        other = found.state is AutostartState.OTHER
        text = f"Another Kalends is started: {found.program}" if other else _WORDS.get(found.state, _USUAL)
        self._below.setText(text)
        self.on.setAccessibleDescription("" if text == _USUAL else text)
        self.this_button.setVisible(other)
        self._settings = found.settings or ""
        self.settings_button.setVisible(bool(self._settings))
        # Where the system's settings have it off, they alone can switch it on again.
        self.on.setVisible(not (found.state is AutostartState.BLOCKED and self._settings))

    def _switched(self, on: bool) -> None:
        if not self._filling:
            self.wished.emit(on)
