"""What both tables of sync pairs have in common: rows of `PairView`, kept while the same pairs are there.

It shows what it is given and asks nobody. Which columns there are is its children's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.services.views import PairView
from app.ui import words
from app.ui.tables import KEY, QUIET, SECOND_LINE, SIGN
from app.ui.widgets import plain_tooltip

COUNTING = 22
"""Average characters of the longest sign of a pair that syncs: `Syncing 1,000 of 2,000`."""

Index = QModelIndex | QPersistentModelIndex


class PairRows(QAbstractTableModel):
    """Rows of `PairView`; the first column speaks for the whole row.

    Args:
        now: the clock, for "2 min ago".
        parent: the Qt owner.
    """

    heads: ClassVar[tuple[str, ...]] = ()
    """The words above the columns."""
    status: ClassVar[int] = -1
    """The column of the pair's state."""
    quiet: ClassVar[frozenset[int]] = frozenset()
    """The columns of side remarks."""

    def __init__(self, now: Callable[[], datetime], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._pairs: tuple[PairView, ...] = ()
        self._said: list[tuple[object, ...]] = []

    def show_pairs(self, pairs: tuple[PairView, ...]) -> None:
        """Show these pairs; the choice survives while the same pairs are there."""
        if [view.pair.id for view in pairs] == [view.pair.id for view in self._pairs]:
            self._pairs = pairs
            self.tick()
            return
        self.beginResetModel()
        self._pairs = pairs
        self._said = [self._says(view) for view in pairs]
        self.endResetModel()

    def show_progress(self, pairs: tuple[PairView, ...]) -> None:
        """Runs are further on: say so in their rows, and touch nothing else. Many times a second, so it must be little.

        Args:
            pairs: the same ones that are shown, in the same order.
        """
        if [view.pair.id for view in pairs] != [view.pair.id for view in self._pairs]:
            return  # the whole is being read anew, and shown then
        before, self._pairs = self._pairs, pairs
        for row, (old, new) in enumerate(zip(before, pairs, strict=True)):
            if old.progress != new.progress:
                self._said[row] = self._says(new)
                cell = self.index(row, self.status)
                self.dataChanged.emit(cell, cell)

    def tick(self) -> None:
        """Time has passed: say "3 min ago" where it said 2, and touch no row that says what it said before."""
        before, self._said = self._said, [self._says(view) for view in self._pairs]
        for row, (old, new) in enumerate(zip(before, self._said, strict=True)):
            if old != new:
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(self.heads) - 1))

    def pair(self, pair_id: str) -> PairView | None:
        """The pair of this id, None when it is not shown."""
        return next((view for view in self._pairs if view.pair.id == pair_id), None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """One row a pair."""
        return 0 if parent.isValid() else len(self._pairs)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """As many as there are heads."""
        return 0 if parent.isValid() else len(self.heads)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The heads."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.heads[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, signs and what a screen reader says, by role."""
        view, column = self._pairs[index.row()], index.column()
        if role == KEY:
            return view.pair.id
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(view, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(self._spoken(view)) if column == 0 else self._text(view, column)
        if role == SECOND_LINE:
            return self._below(view, column) or None
        if role == SIGN and column == self.status:
            return words.pair_sign(view, self._now())
        if role == QUIET:
            return column in self.quiet
        if role == Qt.ItemDataRole.ToolTipRole:
            text = (view.problem or "") if column == self.status else self._more(view, column)
            return plain_tooltip(text) if text else None
        return None

    def _says(self, view: PairView) -> tuple[object, ...]:
        """All that a row shows and tells."""
        cells = [
            text
            for column in range(len(self.heads))
            for text in (self._text(view, column), self._below(view, column), self._more(view, column))
        ]
        return (*cells, words.pair_sign(view, self._now()), view.problem)

    def _text(self, view: PairView, column: int) -> str:
        """What a cell says; the state's word here."""
        return words.pair_sign(view, self._now()).word if column == self.status else ""

    def _below(self, view: PairView, column: int) -> str:
        """A smaller line below it, or nothing."""
        return ""

    def _more(self, view: PairView, column: int) -> str:
        """What the tooltip of a cell says, or nothing."""
        return ""

    def _spoken(self, view: PairView) -> list[str]:
        """A row summary: what the eye takes in at once."""
        parts = [words.pair_name(view), words.pair_kind(view.pair), words.pair_sign(view, self._now()).word]
        return [*parts, view.problem] if view.problem else parts
