"""The sync pairs with both their ends, as rows of the page *Sync pairs*. It shows what it is given and asks nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.domain.pairs import Direction, PairStatus
from app.services.views import ConnectionView, PairView
from app.ui import words
from app.ui.tables import KEY, QUIET, SECOND_LINE, SIGN
from app.ui.widgets import plain_tooltip

Index = QModelIndex | QPersistentModelIndex

HEADS = ("From", "To", "Direction", "Status", "Next sync", "")
FROM, TO, HOW, STATUS, NEXT, COMMANDS = range(6)


class PairListModel(QAbstractTableModel):
    """Rows of `PairView`, with what can be set of a pair.

    Args:
        now: the clock, for "in 8 min".
        parent: the Qt owner.
    """

    def __init__(self, now: Callable[[], datetime], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._pairs: tuple[PairView, ...] = ()

    def show_pairs(self, pairs: tuple[PairView, ...]) -> None:
        """Show these pairs; the choice survives while the same pairs are there."""
        same = [view.pair.id for view in pairs] == [view.pair.id for view in self._pairs]
        if not same:
            self.beginResetModel()
        self._pairs = pairs
        if same:
            self.tick()
        else:
            self.endResetModel()

    def tick(self) -> None:
        """Time has passed: say "in 7 min" where it said 8."""
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
            return self._spoken(view) if column == FROM else self._text(view, column)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(view, column)
        if role == SECOND_LINE:
            return self._below(view, column)
        if role == SIGN and column == STATUS:
            return words.pair_sign(view)
        if role == QUIET:
            return column == NEXT
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == STATUS and view.problem:
                return plain_tooltip(view.problem)
            if column in (FROM, TO):
                name = words.account_name(_end(view, column).account)
                return plain_tooltip(f"{self._text(view, column)}\n{name}")
        return None

    def _text(self, view: PairView, column: int) -> str:
        if column in (FROM, TO):
            return _end(view, column).connection.name
        if column == HOW:
            return "Both ways" if view.pair.direction is Direction.BIDIRECTIONAL else "One way"
        if column == STATUS:
            return words.pair_sign(view).word
        if column == NEXT:
            if view.pair.status is PairStatus.PAUSED:
                return "–"
            return words.ahead(view.next_run_at, self._now()) or "–"
        return ""

    def _below(self, view: PairView, column: int) -> str:
        if column in (FROM, TO):
            account = _end(view, column).account
            return account.email or words.account_name(account)
        if column == HOW:
            return words.MODE_WORDS[view.pair.mode]
        if column == NEXT:
            return f"every {words.interval(view.pair.interval_seconds)}"
        return ""

    def _spoken(self, view: PairView) -> str:
        """A row summary: what the eye takes in at once."""
        parts = [words.pair_name(view), words.pair_kind(view.pair), words.pair_sign(view).word]
        parts.append(f"every {words.interval(view.pair.interval_seconds)}")
        if view.problem:
            parts.append(view.problem)
        return ", ".join(parts)


def _end(view: PairView, column: int) -> ConnectionView:
    """The end a column shows: events go from left to right."""
    turned = view.pair.direction is Direction.B_TO_A
    return view.b if (column == FROM) is turned else view.a
