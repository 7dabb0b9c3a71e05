"""The two pages without a sidebar: *Welcome* before there is an account, and *Start* while the core is not there."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.ui.theme import Theme
from app.ui.widgets import Button, Frame, Icon, Label, Mark
from app.ui.words import Tone


class WelcomePage(QWidget):
    """First run: connect calendars, or try the demo."""

    connect_wanted = Signal()
    demo_wanted = Signal()
    restore_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("page")
        card = Frame("card")
        card.setFixedWidth(480)
        column = QVBoxLayout(card)
        column.setContentsMargins(40, 36, 40, 32)
        column.setSpacing(8)
        column.addWidget(Mark(64), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(8)
        title = Label("Welcome to Kalends", "display")
        title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(title)
        line = Label("Keep your calendars in step, on this computer only.", "muted", wrap=True)
        line.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(line)
        column.addSpacing(16)
        self.connect_button = Button(theme, "Connect my calendars", "calendar-days", "primary")
        self.connect_button.setMinimumHeight(42)
        self.connect_button.clicked.connect(self.connect_wanted)
        column.addWidget(self.connect_button)
        self.demo_button = Button(theme, "Try the demo – no sign-in, 20 seconds", "flask-conical")
        self.demo_button.setMinimumHeight(42)
        self.demo_button.clicked.connect(self.demo_wanted)
        column.addWidget(self.demo_button)
        self.restore_button = Button(theme, "Restore from a settings file…", role="link")
        self.restore_button.clicked.connect(self.restore_wanted)
        column.addWidget(self.restore_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(16)
        promise = QHBoxLayout()
        promise.setSpacing(10)
        promise.addWidget(Icon(theme, "shield-check", size=18), 0, Qt.AlignmentFlag.AlignTop)
        text = "Nothing is sent anywhere except to the calendar services you connect."
        promise.addWidget(Label(text, "small", wrap=True), 1)
        column.addLayout(promise)
        _centre(self, card)


class StartPage(QWidget):
    """The core is starting, or could not: says which, and what can be done."""

    again_wanted = Signal()
    back_wanted = Signal()
    """Leave the demo that did not start."""
    quit_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("page")
        box = QWidget()
        box.setFixedWidth(460)
        column = QVBoxLayout(box)
        column.setSpacing(8)
        self._mark = Mark(56)
        column.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignHCenter)
        self._icon = Icon(theme, "circle-x", lambda colours: colours.tone(Tone.FAILED).text, 40)
        column.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(8)
        self._sentence = Label("", "title", wrap=True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._sentence)
        self._fix = Label("", "muted", wrap=True)
        self._fix.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._fix.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self._fix)
        column.addSpacing(12)
        buttons = QHBoxLayout()
        buttons.addStretch()
        self.again_button = Button(theme, "Try again", "refresh-cw", "primary")
        self.again_button.clicked.connect(self.again_wanted)
        buttons.addWidget(self.again_button)
        self.back_button = Button(theme, "Go back")
        self.back_button.clicked.connect(self.back_wanted)
        buttons.addWidget(self.back_button)
        self.quit_button = Button(theme, "Quit")
        self.quit_button.clicked.connect(self.quit_wanted)
        buttons.addWidget(self.quit_button)
        buttons.addStretch()
        column.addLayout(buttons)
        _centre(self, box)
        self.show_starting("Starting…")

    def show_starting(self, text: str) -> None:
        """The core is on its way."""
        self._show(text, "", failed=False)

    def show_failure(self, sentence: str, fix: str | None, *, can_go_back: bool) -> None:
        """The core could not start; from the demo there is a way back."""
        self._show(sentence, fix or "", failed=True)
        self.back_button.setVisible(can_go_back)

    def _show(self, sentence: str, fix: str, *, failed: bool) -> None:
        self._sentence.setText(sentence)
        self._fix.setText(fix)
        self._fix.setVisible(bool(fix))
        self._mark.setVisible(not failed)
        self._icon.setVisible(failed)
        self.again_button.setVisible(failed)
        self.back_button.setVisible(False)
        self.quit_button.setVisible(failed)


def _centre(page: QWidget, child: QWidget) -> None:
    column = QVBoxLayout(page)
    column.addStretch(2)
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(child)  # without an alignment, which would keep the layout from asking for height by width
    row.addStretch(1)
    column.addLayout(row)
    column.addStretch(3)
