"""The marks of runs that lie in a table's rows, as things to point at and to click. It paints nothing (`strip`)."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtWidgets import QToolTip

from app.ui.strip import mark_at
from app.ui.tables import Table, small_font, two_lines
from app.ui.widgets import plain_tooltip

MARKS = Qt.ItemDataRole.UserRole + 6
"""Role of what the marks of a cell stand for: a tuple of `MarkedRun`, in the order of the marks."""


@dataclass(frozen=True, slots=True)
class MarkedRun:
    """What one mark stands for: the run it opens, and what its tooltip says."""

    run_id: str
    words: str


class Marks(QObject):
    """Makes the marks of a table answer: each says which run it is, and a click opens that run.

    With the keyboard the same runs are reached through the row: Enter opens its activity.

    Args:
        table: its model gives `MARKS`; becomes the owner.
    """

    run_wanted = Signal(str)
    """A mark was clicked: the id of the run it stands for."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._table = table
        self._pressed: MarkedRun | None = None
        table.viewport().installEventFilter(self)

    def at(self, place: QPoint) -> MarkedRun | None:
        """What the mark at a place of the table's viewport stands for, None where there is no mark."""
        index = self._table.indexAt(place)
        marks = index.data(MARKS) if index.isValid() else None
        if not marks:
            return None
        font = self._table.font()
        _upper, lower = two_lines(self._table.visualRect(index), font, small_font(font))
        if not lower.top() <= place.y() <= lower.bottom():
            return None
        number = mark_at(place.x() - lower.left(), lower.width(), len(marks))
        found: MarkedRun | None = marks[number] if number is not None else None
        return found

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Watch the pointer; all that is not about a mark goes on to the table."""
        if isinstance(event, QMouseEvent):
            self._follow(event)
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            marked = self.at(event.pos())
            if marked is not None:
                QToolTip.showText(event.globalPos(), plain_tooltip(marked.words), self._table.viewport())
                return True
        return super().eventFilter(watched, event)

    def _follow(self, event: QMouseEvent) -> None:
        marked = self.at(event.position().toPoint())
        if event.type() is QEvent.Type.MouseMove:
            shape = Qt.CursorShape.PointingHandCursor if marked is not None else Qt.CursorShape.ArrowCursor
            self._table.viewport().setCursor(shape)
        elif event.type() is QEvent.Type.MouseButtonPress:
            self._pressed = marked if event.button() is Qt.MouseButton.LeftButton else None
        elif event.type() is QEvent.Type.MouseButtonRelease:
            pressed, self._pressed = self._pressed, None
            if marked is not None and marked == pressed:
                self.run_wanted.emit(marked.run_id)
