"""Choosing a calendar: all connections, under the account they belong to."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt

from app.domain.accounts import Access
from app.services.views import ConnectionView
from app.ui import words
from app.ui.theme import Theme
from app.ui.widgets import Choice, plain_tooltip

_FLAGS = Qt.ItemDataRole.UserRole - 1
"""Where a combo box keeps whether an item can be chosen: 0 makes it a heading."""


class CalendarChoice(Choice):
    """Calendars by account; one that is shared as view-only says so.

    Args:
        theme: its colours.
        name: what is chosen, for a screen reader.
    """

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, name)
        self.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(18)
        self.setMaxVisibleItems(16)
        self.setPlaceholderText("Choose a calendar")

    def show_calendars(self, calendars: Sequence[ConnectionView]) -> None:
        """Offer these; what was chosen stays chosen."""
        chosen = self.chosen
        self.blockSignals(True)
        self.clear()
        accounts = {view.account.id: view.account for view in calendars}
        for account in accounts.values():
            self.addItem(words.account_name(account), None)
            self.setItemData(self.count() - 1, 0, _FLAGS)
            for view in calendars:
                if view.account.id == account.id:
                    note = "  (view only)" if view.connection.access is Access.READER else ""
                    self.addItem(f"{view.connection.name}{note}", view.connection.id)
                    tip = f"{view.connection.name}\n{words.account_name(account)}"
                    self.setItemData(self.count() - 1, plain_tooltip(tip), Qt.ItemDataRole.ToolTipRole)
        self.choose(chosen)
        self.blockSignals(False)

    @property
    def chosen(self) -> str | None:
        """The id of the chosen connection."""
        data = self.currentData()
        return data if isinstance(data, str) else None

    def choose(self, connection_id: str | None) -> None:
        """Choose a connection; None chooses none."""
        self.setCurrentIndex(self.findData(connection_id) if connection_id is not None else -1)
