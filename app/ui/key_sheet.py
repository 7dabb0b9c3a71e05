"""A new API key: its name and what it may do; then its text, shown this once and kept nowhere."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.domain.errors import InputError
from app.domain.keys import DEFAULT_SCOPES, SCOPES
from app.services.views import NewKey
from app.ui.bridge import CoreThread
from app.ui.choices import Choose
from app.ui.fields import Field, TextField, Tick
from app.ui.focus import give_focus
from app.ui.notes import Note
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.widgets import Button, Label
from app.ui.words import Tone

READ, CHANGE, CUSTOM = "read", "change", "custom"

_CHOICES = (
    (CHANGE, "Read and change", "See and change pairs and calendars, and start syncs."),
    (READ, "Read only", "See pairs, calendars and activity, change nothing."),
    (CUSTOM, "Choose", "Only what is ticked below."),
)


class KeySheet(Sheet):
    """Makes one key.

    Args:
        theme: its colours.
        bridge: the way to the core.
        parent: the window it belongs to.
    """

    made = Signal()

    def __init__(self, theme: Theme, bridge: CoreThread, parent: QWidget) -> None:
        super().__init__(theme, "New API key", parent, width=680)
        self._bridge = bridge
        self.mark("key-round", Tone.BUSY)
        self.say("New API key", "Lets a script or another program talk to Kalends on this computer.")
        self.label = TextField(theme, "Name", "backup script")
        self.label.setMaxLength(100)
        self._label_field = Field(theme, "Name", self.label)
        self.label.textChanged.connect(lambda: self._label_field.refuse(""))
        self.choice: Choose[str] = Choose(theme, _CHOICES)
        self.choice.choose(CHANGE)
        self.choice.group.idToggled.connect(self._chosen)
        self._choice_field = Field(theme, "It may", self.choice)
        self.ticks = {scope: Tick(theme, scope) for scope in SCOPES}
        self._scopes = QWidget()
        grid = QGridLayout(self._scopes)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(0)
        for number, tick in enumerate(self.ticks.values()):
            tick.toggled.connect(lambda: self._choice_field.refuse(""))
            grid.addWidget(tick, number // 2, number % 2)
        self._scopes.hide()
        self._asking = QWidget()
        column = QVBoxLayout(self._asking)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        for part in (self._label_field, self._choice_field, self._scopes):
            column.addWidget(part)
        column.addStretch(1)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._asking)
        self.text = TextField(theme, "The new key")
        self._pages.addWidget(self._shown(theme))
        self.body.addWidget(self._pages)
        self.make_button: Button = self.offer("Create key", role="primary")
        self.make_button.clicked.connect(self._make)
        self.done_button = self.offer("Done", role="primary")
        self.done_button.clicked.connect(self.accept)
        self.done_button.hide()
        self.label.setFocus()

    def _shown(self, theme: Theme) -> QWidget:
        self.text.setReadOnly(True)
        self.text.setProperty("role", "secret")
        self.copy_button = Button(theme, "Copy", "copy")
        self.copy_button.setAutoDefault(False)
        self.copy_button.clicked.connect(self._copy)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.text, 1)
        row.addWidget(self.copy_button)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(
            Note(theme, Tone.ATTENTION, "Copy it now", "It is shown this once; Kalends keeps only a fingerprint of it.")
        )
        column.addLayout(row)
        column.addWidget(Label("Send it as the header  Authorization: Bearer …", "small"))
        column.addStretch(1)
        return page

    def scopes(self) -> tuple[str, ...]:
        """What is chosen."""
        if self.choice.value == READ:
            return ("read:*",)
        if self.choice.value == CHANGE:
            return DEFAULT_SCOPES
        return tuple(scope for scope, tick in self.ticks.items() if tick.isChecked())

    def _chosen(self) -> None:
        self._scopes.setVisible(self.choice.value == CUSTOM)
        self._choice_field.refuse("")

    def _make(self) -> None:
        label, scopes = self.label.text().strip(), self.scopes()
        self._label_field.refuse("" if label else "Give it a name, so that you know it again.")
        self._choice_field.refuse("" if scopes else "Tick at least one thing it may do.")
        if not label:
            self.label.setFocus()
            return
        if not scopes:
            return
        self.work(partial(self._ask, label, scopes), self.make_button)

    async def _ask(self, label: str, scopes: tuple[str, ...]) -> None:
        try:
            new: NewKey = await self._bridge.call(lambda core: core.keys.create(label, scopes))
        except InputError as error:
            reasons = {detail.field: detail.message for detail in error.details}
            self._choice_field.refuse(reasons.get("scopes", ""))
            self._label_field.refuse(reasons.get("label", "" if "scopes" in reasons else error.message))
            return
        self.say("Your new API key", new.key.label)
        self.text.setText(new.text)
        self.text.setCursorPosition(0)
        self._pages.removeWidget(self._asking)
        self._asking.hide()
        self.cancel_button.hide()
        self.make_button.hide()
        self.done_button.show()
        give_focus(self.copy_button, self.make_button)
        self.made.emit()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.text())
        self.copy_button.say("Copied")
