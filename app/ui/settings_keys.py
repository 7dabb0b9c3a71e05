"""The API keys in Settings: a table of them, a button for a new one, and one to revoke each that still works."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSizePolicy

from app.domain.keys import ApiKey
from app.ui import key_model
from app.ui.boxes import Section
from app.ui.key_model import KeyModel
from app.ui.row_widgets import RowWidgets
from app.ui.tables import Table
from app.ui.theme import Theme
from app.ui.widgets import Button, Label


class KeySection(Section):
    """The keys.

    Args:
        theme: its colours.
        now: the clock.
    """

    new_wanted = Signal()
    revoke_wanted = Signal(object)
    """End this `ApiKey`."""

    def __init__(self, theme: Theme, now: Callable[[], datetime]) -> None:
        super().__init__("API keys", "Each program gets its own, so that you can take it back.")
        self._theme = theme
        self._model = KeyModel(now, self)
        self.new_button = Button(theme, "New key", "plus")
        self.new_button.clicked.connect(self.new_wanted)
        self.offer(self.new_button)
        self.table = Table(theme, "API keys", self._model, rows_shown=6)
        self.table.set_row_lines(2)
        self.table.set_columns(0, 19, 14, 14, 12)
        self.table.hide_when_narrow({key_model.USED: 620, key_model.MAY: 480})
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.table.removal_wanted.connect(self._revoke_by_key)
        self.row_ends = RowWidgets(self.table, key_model.COMMANDS)
        self._model.modelReset.connect(self._place_buttons)
        self.add(self.table)
        self._none = Label("No key yet. Without one, no program can use the API.", "muted", wrap=True)
        self.add(self._none)
        self.forget()

    def show_keys(self, keys: tuple[ApiKey, ...]) -> None:
        """Show these keys."""
        self._model.show_keys(keys)
        self.table.setVisible(bool(keys))
        self._none.setVisible(not keys)
        self.table.updateGeometry()

    def forget(self) -> None:
        """The core was stopped or switched: neither keys nor their absence is known."""
        self.table.hide()
        self._none.hide()

    def _place_buttons(self) -> None:
        self.row_ends.clear()
        for row in range(self._model.rowCount()):
            if self._model.works(row):
                key = self._model.key(row)
                button = Button(self._theme, "Revoke", role="link", name=f"Revoke {key.label}")
                button.clicked.connect(partial(self._revoke, key))
                self.row_ends.put(row, button)

    def _revoke(self, key: ApiKey) -> None:
        self.revoke_wanted.emit(key)

    def _revoke_by_key(self, key_id: str) -> None:
        for row in range(self._model.rowCount()):
            if self._model.key(row).id == key_id and self._model.works(row):
                self._revoke(self._model.key(row))
