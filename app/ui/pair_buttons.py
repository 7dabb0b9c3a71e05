"""The commands at the end of a pair's row."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.domain.pairs import PairStatus
from app.services.views import PairView
from app.ui import words
from app.ui.theme import Theme
from app.ui.widgets import IconButton


class PairButtons(QWidget):
    """*Sync now* or *Resume*, and *More*; with `editable` also *Edit*."""

    def __init__(self, theme: Theme, *, editable: bool = False) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 10, 0)
        row.setSpacing(2)
        row.addStretch(1)
        self.sync = IconButton(theme, "refresh-cw", "Sync now")
        self.edit = IconButton(theme, "pencil", "Edit")
        self.more = IconButton(theme, "ellipsis", "More")
        row.addWidget(self.sync)
        if editable:
            row.addWidget(self.edit)
        row.addWidget(self.more)

    def show_pair(self, view: PairView) -> None:
        """Offer what this pair can do now."""
        name = words.pair_name(view)
        if view.pair.status is PairStatus.PAUSED:
            self.sync.show_as("play", f"Resume {name}")
        else:
            self.sync.show_as("refresh-cw", f"Sync {name} now")
        self.edit.show_as("pencil", f"Edit {name}")
        self.more.show_as("ellipsis", f"More for {name}")
