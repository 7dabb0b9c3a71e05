"""The sync pairs as rows of a table. It shows what it is given and asks nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.services.views import PairView
from app.ui import words
from app.ui.tables import KEY, QUIET, SECOND_LINE, SIGN
from app.ui.widgets import plain_tooltip

Index = QModelIndex | QPersistentModelIndex

HEADS = ("Pair", "Status", "Last sync", "Last change", "")
PAIR, STATUS, LAST_SYNC, LAST_CHANGE, COMMANDS = range(5)


class PairModel(QAbstractTableModel):
    """Rows of `PairView`.

    Args:
        now: the clock, for "2 min ago".
        parent: the Qt owner.
    """

    def __init__(self, now: Callable[[], datetime], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._pairs: tuple[PairView, ...] = ()

    def show_pairs(self, pairs: tuple[PairView, ...]) -> None:
        """Show these pairs; the choice survives while the same pairs are there."""
        if [view.pair.id for view in pairs] == [view.pair.id for view in self._pairs]:
            self._pairs = pairs
            self.tick()
            return
        self.beginResetModel()
        self._pairs = pairs
        self.endResetModel()

    def tick(self) -> None:
        """Time has passed: say "3 min ago" where it said 2."""
        if self._pairs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._pairs) - 1, len(HEADS) - 1))

    def pair(self, pair_id: str) -> PairView | None:
        """The pair of this id, None when it is not shown."""
        return next((view for view in self._pairs if view.pair.id == pair_id), None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """One row a pair."""
        return 0 if parent.isValid() else len(self._pairs)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """As many as `HEADS`."""
        return 0 if parent.isValid() else len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The words of `HEADS`."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, signs and what a screen reader says, by role."""
        view = self._pairs[index.row()]
        column = index.column()
        if role == KEY:
            return view.pair.id
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(view) if column == PAIR else self._text(view, column)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(view, column)
        if role == SECOND_LINE and column == PAIR:
            return words.pair_kind(view.pair)
        if role == SIGN and column == STATUS:
            return words.pair_sign(view)
        if role == QUIET:
            return column in (LAST_SYNC, LAST_CHANGE)
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == STATUS and view.problem:
                return plain_tooltip(view.problem)
            if column == PAIR:
                return plain_tooltip(f"{words.pair_name(view)}\n{words.pair_kind(view.pair)}")
        return None

    def _text(self, view: PairView, column: int) -> str:
        if column == PAIR:
            return words.pair_name(view)
        if column == STATUS:
            return words.pair_sign(view).word
        if column == LAST_SYNC:
            return words.ago(view.pair.last_synced_at, self._now())
        if column == LAST_CHANGE:
            return words.run_changes(view.last_run) if view.last_run is not None else "–"
        return ""

    def _spoken(self, view: PairView) -> str:
        """A row summary: what the eye takes in at once."""
        parts = [words.pair_name(view), words.pair_kind(view.pair), words.pair_sign(view).word]
        if view.problem:
            parts.append(view.problem)
        return ", ".join(parts)
