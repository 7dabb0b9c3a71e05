"""Tables of rows: how a row is painted, which roles a model gives, and the view that puts them together.

A row is one thing: hovering and choosing work on rows, cells are read out one by one. Text is elided, never wrapped.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QMoveEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from app.ui.focus import focus_came, focus_went
from app.ui.icons import pixmap
from app.ui.strip import paint_strip
from app.ui.theme import Theme
from app.ui.words import Sign

SECOND_LINE = Qt.ItemDataRole.UserRole + 1
"""A smaller line below the text."""
SIGN = Qt.ItemDataRole.UserRole + 2
"""A `Sign`, painted as a pill in place of the text."""
QUIET = Qt.ItemDataRole.UserRole + 3
"""True: the text is a side remark."""
KEY = Qt.ItemDataRole.UserRole + 4
"""The id of what the row shows."""

STRIP = Qt.ItemDataRole.UserRole + 5
"""Role of a row of marks below the text: a tuple of `Tone`, painted instead of the second line."""

Index = QModelIndex | QPersistentModelIndex

_PAD = 12


class RowDelegate(QStyledItemDelegate):
    """Paints cells: text with an optional second line, or a pill with icon and word."""

    def __init__(self, theme: Theme, table: Table) -> None:
        super().__init__(table)
        self._theme = theme
        self._table = table

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one cell; the row's ground is painted in pieces, rounded at both ends."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter, option, index)
        sign = index.data(SIGN)
        if isinstance(sign, Sign):
            self._paint_pill(painter, option, sign)
        else:
            self._paint_text(painter, option, index)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Tall enough for two lines where there are two, and wide enough for the text."""
        metrics = QFontMetrics(option.font)
        lines = 2 if index.data(SECOND_LINE) or index.data(STRIP) else 1
        height = round(metrics.height() * (1.15 * lines + 1.3))
        sign = index.data(SIGN)
        if isinstance(sign, Sign):
            return QSize(self._pill_width(option, sign) + 2 * _PAD, height)
        width = metrics.horizontalAdvance(str(index.data() or ""))
        if index.data(SECOND_LINE):
            width = max(width, QFontMetrics(small_font(option.font)).horizontalAdvance(str(index.data(SECOND_LINE))))
        return QSize(width + 2 * _PAD + 2, height)

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colours = self._theme.colours
        last_row = index.row() == index.model().rowCount() - 1
        rect = QRectF(option.rect)
        if not last_row:
            painter.setPen(QPen(QColor(colours.line), 1))
            painter.drawLine(QPointF(rect.left(), rect.bottom() - 0.5), QPointF(rect.right(), rect.bottom() - 0.5))
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = self._table.hovered_row == index.row()
        if not (selected or hovered):
            return
        painter.setPen(Qt.PenStyle.NoPen)
        ground = colours.row_selected if selected else colours.hover
        painter.setBrush(QColor(ground))
        box = rect.adjusted(0, 3, 0, -4)
        first, last = index.column() == 0, index.column() == index.model().columnCount() - 1
        # Each cell draws the part of one rounded box that lies in it: ends reach beyond the cell and are cut off.
        painter.setClipRect(rect)
        painter.drawRoundedRect(box.adjusted(0 if first else -20, 0, 0 if last else 20, 0), 8, 8)
        if selected and first and self._table.hasFocus():
            painter.setBrush(QColor(colours.focus))
            painter.drawRoundedRect(QRectF(box.left(), box.top() + 6, 3, box.height() - 12), 1.5, 1.5)
        painter.setClipping(False)

    def _paint_text(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colours = self._theme.colours
        text = str(index.data() or "")
        second = str(index.data(SECOND_LINE) or "")
        font = QFont(option.font)
        if index.column() == 0 and second:
            font.setWeight(QFont.Weight.Medium)
        inner = option.rect.adjusted(_PAD, 0, -_PAD, 0)
        align = Qt.AlignmentFlag(index.data(Qt.ItemDataRole.TextAlignmentRole) or Qt.AlignmentFlag.AlignLeft)
        painter.setPen(QColor(colours.muted if index.data(QUIET) else colours.text))
        painter.setFont(font)
        metrics = QFontMetrics(font)
        marks = index.data(STRIP)
        if not second and not marks:
            _draw_line(painter, metrics, inner, text, align | Qt.AlignmentFlag.AlignVCenter)
            return
        small = small_font(option.font)
        upper, lower = two_lines(option.rect, font, small)
        _draw_line(painter, metrics, upper, text, align | Qt.AlignmentFlag.AlignVCenter)
        painter.setPen(QColor(colours.muted))
        painter.setFont(small)
        if marks:
            paint_strip(painter, lower, marks, colours)
            return
        _draw_line(painter, QFontMetrics(small), lower, second, align | Qt.AlignmentFlag.AlignVCenter)

    def _paint_pill(self, painter: QPainter, option: QStyleOptionViewItem, sign: Sign) -> None:
        shade = self._theme.colours.tone(sign.tone)
        font = _pill_font(option.font)
        metrics = QFontMetrics(font)
        height = metrics.height() + 8
        room = option.rect.width() - 2 * _PAD
        width = min(room, self._pill_width(option, sign))
        box = QRectF(option.rect.left() + _PAD, option.rect.center().y() - height / 2 + 0.5, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(shade.ground))
        painter.drawRoundedRect(box, height / 2, height / 2)
        size = metrics.ascent() + 1
        ratio = self._table.devicePixelRatioF()
        picture = pixmap(sign.icon, shade.text, size, ratio)
        painter.drawPixmap(QPointF(box.left() + 9, box.center().y() - size / 2), picture)
        painter.setPen(QColor(shade.text))
        painter.setFont(font)
        left = box.left() + 9 + size + 5
        words = QRect(round(left), round(box.top()), round(box.right() - 9 - left), round(height))
        _draw_line(painter, metrics, words, sign.word, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def _pill_width(self, option: QStyleOptionViewItem, sign: Sign) -> int:
        metrics = QFontMetrics(_pill_font(option.font))
        return 9 + metrics.ascent() + 1 + 5 + metrics.horizontalAdvance(sign.word) + 11


def two_lines(cell: QRect, font: QFont, small: QFont) -> tuple[QRect, QRect]:
    """Where the text of a cell stands and where the smaller line below it, both as wide as the cell allows."""
    upper_height, lower_height, gap = QFontMetrics(font).height(), QFontMetrics(small).height(), 2
    inner = cell.adjusted(_PAD, 0, -_PAD, 0)
    top = inner.top() + (inner.height() - upper_height - gap - lower_height) // 2
    lower = QRect(inner.left(), top + upper_height + gap, inner.width(), lower_height)
    return QRect(inner.left(), top, inner.width(), upper_height), lower


def small_font(base: QFont) -> QFont:
    font = QFont(base)
    font.setPointSizeF(base.pointSizeF() * 0.9)
    return font


def _pill_font(base: QFont) -> QFont:
    font = small_font(base)
    font.setWeight(QFont.Weight.DemiBold)
    return font


def _draw_line(painter: QPainter, metrics: QFontMetrics, box: QRect, text: str, align: Qt.AlignmentFlag) -> None:
    one_line = " ".join(text.split())
    painter.drawText(box, align, metrics.elidedText(one_line, Qt.TextElideMode.ElideRight, box.width()))


class Table(QTableView):
    """A table whose rows are things.

    Args:
        theme: its colours.
        name: what it is, for a screen reader.
        model: its rows.
        rows_shown: how many rows the view asks room for at most.
    """

    opened = Signal(str)
    """A row was opened (double click or Enter): its `KEY`."""
    menu_wanted = Signal(str, object)
    """The menu of a row was asked for: its `KEY`, and the global position."""
    placed = Signal()
    """The table lies elsewhere, has another size, or is shown or hidden."""
    removal_wanted = Signal(str)
    """The *Delete* key was pressed on a row: its `KEY`."""

    def __init__(self, theme: Theme, name: str, model: QAbstractItemModel, *, rows_shown: int = 8) -> None:
        super().__init__()
        self.setModel(model)
        self._theme = theme
        self.hovered_row = -1
        self._rows_shown = rows_shown
        self._narrow: dict[int, int] = {}
        self.setAccessibleName(name)
        self.setItemDelegate(RowDelegate(theme, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(40)
        theme.changed.connect(self.viewport().update)

    def set_row_lines(self, lines: int) -> None:
        """Rows tall enough for one or two lines of the present font."""
        height = self.fontMetrics().height()
        self.verticalHeader().setDefaultSectionSize(round(height * (1.15 * lines + 1.3)))

    def set_columns(self, *widths: int) -> None:
        """Widths in average characters; 0 for the column that takes the rest."""
        header = self.horizontalHeader()
        header.setStretchLastSection(False)
        unit = self.fontMetrics().averageCharWidth()
        for column, width in enumerate(widths):
            if width:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
                header.resizeSection(column, width * unit + 2 * _PAD)
            else:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)

    def fit_columns(self, *columns: int) -> None:
        """Columns that are as wide as their texts, so that what they do not need goes to the one that takes the rest.

        Not for columns whose texts change while one looks: the others would jump.
        """
        for column in columns:
            self.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)

    def fit_now(self, column: int, least: int = 0) -> None:
        """A column that is as wide as its texts are now, and stays so: for texts that change while one looks.

        Args:
            least: average characters for which there is room in any case.
        """
        least_width = least * self.fontMetrics().averageCharWidth() + 2 * _PAD
        width = max(self.sizeHintForColumn(column), self.horizontalHeader().sectionSizeHint(column), least_width)
        if width != self.columnWidth(column):
            self.horizontalHeader().resizeSection(column, width)

    def hide_when_narrow(self, below: dict[int, int]) -> None:
        """Columns that give their room to the others when the table is narrower than this, in pixels at 10 points."""
        self._narrow = below

    def moveEvent(self, event: QMoveEvent) -> None:
        """Tell what lies on the rows."""
        super().moveEvent(event)
        self.placed.emit()

    def showEvent(self, event: QShowEvent) -> None:
        """Tell what lies on the rows."""
        super().showEvent(event)
        self.placed.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        """Tell what lies on the rows."""
        super().hideEvent(event)
        self.placed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Hide what there is no room for."""
        scale = self.font().pointSizeF() / 10
        for column, width in self._narrow.items():
            self.setColumnHidden(column, event.size().width() < width * scale)
        super().resizeEvent(event)
        self.placed.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring if a key brought the focus."""
        focus_came(self, event.reason())
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        focus_went(self, event.reason())
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rows, and the ring around them: before a row is chosen nothing else shows where the focus is."""
        super().paintEvent(event)
        if not self.property("ring"):
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._theme.colours.focus), 2))
        painter.drawRoundedRect(QRectF(self.viewport().rect()).adjusted(1, 1, -1, -1), 8, 8)
        painter.end()

    def chosen(self) -> str | None:
        """The `KEY` of the chosen row."""
        rows = self.selectionModel().selectedRows()
        return str(rows[0].data(KEY)) if rows else None

    def choose(self, key: str | None) -> bool:
        """Choose the row with this `KEY`; False when there is none."""
        model = self.model()
        for row in range(model.rowCount()):
            if model.index(row, 0).data(KEY) == key:
                self.selectRow(row)
                return True
        return False

    def sizeHint(self) -> QSize:
        """As tall as its rows, up to the number it may show."""
        hint = super().sizeHint()
        rows = self.model().rowCount()
        row_height = self.verticalHeader().defaultSectionSize()
        return QSize(hint.width(), self._header_height() + max(1, min(rows, self._rows_shown)) * row_height + 2)

    def minimumSizeHint(self) -> QSize:
        """Head and two rows."""
        rows = min(2, max(1, self.model().rowCount()))
        return QSize(200, self._header_height() + rows * self.verticalHeader().defaultSectionSize() + 2)

    def _header_height(self) -> int:
        return 0 if self.horizontalHeader().isHidden() else self.horizontalHeader().sizeHint().height()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light the row under the pointer."""
        self.light(self.rowAt(round(event.position().y())))
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Light no row."""
        self.light(-1)
        super().leaveEvent(event)

    def light(self, row: int) -> None:
        """Light a row; -1 for none."""
        if row != self.hovered_row:
            self.hovered_row = row
            self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open the row."""
        key = self.indexAt(event.position().toPoint()).data(KEY)
        if isinstance(key, str):
            self.opened.emit(key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens the chosen row, *Delete* asks to remove it, Shift+F10 asks for its menu."""
        key = self.chosen()
        if key is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(key)
            return
        if key is not None and event.key() == Qt.Key.Key_Delete:
            self.removal_wanted.emit(key)
            return
        if key is not None and event.key() == Qt.Key.Key_F10 and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            # Not every desktop turns it into the key for menus.
            self.menu_wanted.emit(key, self._below_chosen())
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the chosen row: at the pointer, or below the row when asked by key."""
        key = self.chosen()
        if key is None:
            return
        spot = event.globalPos()
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            spot = self._below_chosen()
        self.menu_wanted.emit(key, spot)

    def _below_chosen(self) -> QPoint:
        row = self.selectionModel().selectedRows()[0]
        return self.viewport().mapToGlobal(self.visualRect(row).bottomLeft())
