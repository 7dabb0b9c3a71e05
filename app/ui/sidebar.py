"""What frames the pages of the window: the sidebar that leads to them, and the strip that says that it is the demo.

They show what they are given; what a person wants is told by signals.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QVBoxLayout, QWidget

from app.ui import words
from app.ui.demo_menu import DemoMenu
from app.ui.theme import Theme
from app.ui.widgets import Button, Frame, Icon, Label, Mark, Part
from app.ui.words import Tone


class Sidebar(QWidget):
    """Name, pages, and at the foot the help and where the local API listens."""

    page_wanted = Signal(str)
    help_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setObjectName("sidebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, Part] = {}
        brand = QHBoxLayout()
        brand.setContentsMargins(8, 0, 0, 0)
        brand.setSpacing(10)
        brand.addWidget(Mark(28))
        brand.addWidget(Label("Kalends", "brand"), 1)
        self._pages = QVBoxLayout()
        self._pages.setSpacing(2)
        self._api = Label("", "small")
        self._version = Label("", "small")
        foot = QVBoxLayout()
        foot.setContentsMargins(8, 0, 0, 0)
        foot.setSpacing(2)
        foot.addWidget(self._api)
        foot.addWidget(self._version)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 18, 12, 16)
        column.setSpacing(0)
        column.addLayout(brand)
        column.addSpacing(18)
        column.addLayout(self._pages)
        column.addStretch(1)
        self.help_button = Button(theme, "Help", "circle-question-mark", "nav")
        self.help_button.clicked.connect(self.help_wanted)
        column.addWidget(self.help_button)
        column.addSpacing(8)
        column.addLayout(foot)
        self.setFixedWidth(self.fontMetrics().averageCharWidth() * 27)

    def add(self, name: str, text: str, glyph: str) -> None:
        """Add a page's button."""
        button = Part(self._theme, text, glyph, "nav")
        button.clicked.connect(lambda: self.page_wanted.emit(name))
        self._group.addButton(button)
        self._pages.addWidget(button)
        self.buttons[name] = button

    def show_page(self, name: str) -> None:
        """Mark the page that is shown."""
        self.buttons[name].setChecked(True)

    def flag_accounts(self, waiting: int) -> None:
        """Mark the page of accounts while some need the person."""
        need = words.plural(waiting, "account needs you", "accounts need you") if waiting else ""
        self.buttons["accounts"].flag(need)

    def show_foot(self, version: str, api_url: str | None) -> None:
        """Show version and API address."""
        address = (api_url or "").removeprefix("http://").rstrip("/")
        self._api.setText(f"API  {address}" if address else "API off")
        self._version.setText(f"Version {version}")


class DemoStrip(Frame):
    """Says in every page of the demo that it is one."""

    leave_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__("strip", Tone.BUSY)
        row = QHBoxLayout(self)
        row.setContentsMargins(28, 8, 28, 8)
        row.setSpacing(10)
        row.addWidget(Icon(theme, "flask-conical", lambda colours: colours.tone(Tone.BUSY).text))
        row.addWidget(Label("Demo – nothing leaves this computer.", "strong"))
        self.happen = DemoMenu(theme)
        row.addWidget(self.happen, 1)
        self.leave_button = Button(theme, "Leave demo")
        self.leave_button.clicked.connect(self.leave_wanted)
        row.addWidget(self.leave_button)
