"""Buttons at the ends of a table's rows, where a screen reader finds them.

Qt's own index widgets are children of the table, whose only children are its cells for everything that reads it out:
nobody who cannot see them would know of them. These lie beside the table, over its rows, and follow them.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QRect
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.ui.focus import Left, hand_over, take_away
from app.ui.tables import Table


class RowWidgets(QObject):
    """The widgets of one column.

    Args:
        table: its table, which stands in some other widget by the time it has rows.
        column: where they are shown; it is empty otherwise.
    """

    def __init__(self, table: Table, column: int) -> None:
        super().__init__(table)
        self._table = table
        self._column = column
        self._widgets: dict[int, QWidget] = {}
        self._left: Left | None = None
        table.placed.connect(self._place)
        table.verticalScrollBar().valueChanged.connect(self._place)
        table.horizontalHeader().sectionResized.connect(self._place)

    def of(self, row: int) -> QWidget | None:
        """The widget of a row, None where it has none."""
        return self._widgets.get(row)

    def clear(self) -> None:
        """The rows are made anew, so their widgets go."""
        self._left = None
        for widget in self._widgets.values():
            self._left = take_away(widget) or self._left
        self._widgets.clear()

    def put(self, row: int, widget: QWidget) -> None:
        """Show a widget at the end of a row, above its last cell, until `clear`. Rows come in their order."""
        beside = self._table.parentWidget()
        if beside is None:
            raise RuntimeError("the table stands nowhere yet")
        before: QWidget = self._table
        if self._widgets:
            last = self._widgets[max(self._widgets)]
            before = _buttons(last)[-1]
        widget.setParent(beside)
        self._widgets[row] = widget
        for button in _buttons(widget):
            QWidget.setTabOrder(before, button)
            before = button
        self._place()
        if self._left is not None and hand_over(self._left, widget):
            self._left = None

    def _place(self) -> None:
        viewport, model, beside = self._table.viewport(), self._table.model(), self._table.parentWidget()
        if beside is None:
            return
        for row, widget in self._widgets.items():
            cell = self._table.visualRect(model.index(row, self._column))
            width = min(cell.width(), widget.sizeHint().width())
            spot = QRect(cell.right() + 1 - width, cell.top(), width, cell.height())
            corner = viewport.mapTo(beside, spot.topLeft())
            widget.setGeometry(QRect(corner, spot.size()))
            shown = self._table.isVisibleTo(beside) and viewport.rect().contains(spot.center())
            widget.setVisible(shown)


def _buttons(widget: QWidget) -> list[QWidget]:
    """What takes the focus of a widget of a row."""
    return [widget] if isinstance(widget, QAbstractButton) else [*widget.findChildren(QAbstractButton)]
