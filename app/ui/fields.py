"""The parts that forms are made of: labelled fields with hint and error, texts, numbers, ticks, options, segments.

They look after themselves (theme, focus, names) and know nothing of what is filled in.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.ui.icons import pixmap
from app.ui.theme import Theme
from app.ui.widgets import BY_KEY, Button, Frame, Icon, Label, show_ring
from app.ui.words import Tone

V = TypeVar("V", bound=Hashable)

_BOX = 18
_GAP = 10


class TextField(QLineEdit):
    """One line of text; with a glyph it is a search field."""

    def __init__(self, theme: Theme, name: str, placeholder: str = "", glyph: str = "") -> None:
        super().__init__()
        self._theme = theme
        self._glyph = glyph
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        if glyph:
            self.setClearButtonEnabled(False)
            self.setTextMargins(22, 0, 0, 0)
            theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the field, then its glyph."""
        super().paintEvent(event)
        if not self._glyph:
            return
        painter = QPainter(self)
        picture = pixmap(self._glyph, self._theme.colours.muted, 16, self.devicePixelRatioF())
        painter.drawPixmap(11, (self.height() - 16) // 2, picture)
        painter.end()


class NumberField(QSpinBox):
    """A whole number with its unit; typed, or changed with the arrow keys."""

    def __init__(self, name: str, low: int, high: int, unit: str = "") -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setRange(low, high)
        self.setSuffix(f" {unit}" if unit else "")
        self.lineEdit().setTextMargins(9, 0, 9, 0)  # the style sheet's padding does not reach it
        self.setAccelerated(True)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page: scrolling must not change what it passes over."""
        event.ignore()


class Tick(QCheckBox):
    """A check box, drawn in the theme's colours."""

    def __init__(self, theme: Theme, text: str) -> None:
        super().__init__(text)
        self._theme = theme
        self.setAccessibleName(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Box, gap and words."""
        metrics = self.fontMetrics()
        return QSize(_BOX + _GAP + metrics.horizontalAdvance(self.text()) + 6, max(_BOX, metrics.height()) + 8)

    def minimumSizeHint(self) -> QSize:
        """As large as it wants to be: its words are not cut."""
        return self.sizeHint()

    def hitButton(self, _position: object) -> bool:
        """The words count as much as the box."""
        return True

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring if a key brought the focus."""
        show_ring(self, event.reason() in BY_KEY)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        show_ring(self, False)
        super().focusOutEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the box and the words."""
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(1.5, (self.height() - _BOX) / 2 + 0.5, _BOX - 1, _BOX - 1)
        on = self.isChecked()
        edge = colours.accent if on or self.underMouse() else colours.muted
        painter.setPen(QPen(QColor(edge if self.isEnabled() else colours.line_strong), 1.2))
        painter.setBrush(QColor(colours.accent if on and self.isEnabled() else colours.card))
        painter.drawRoundedRect(box, 5, 5)
        if on:
            colour = colours.on_accent if self.isEnabled() else colours.muted
            mark = pixmap("check", colour, 14, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(box.center().x() - 7, box.center().y() - 7), mark)
        if self.property("ring"):
            _ring(painter, colours.focus, box, 7)
        painter.setPen(QColor(colours.text if self.isEnabled() else colours.muted))
        words = QRect(_BOX + _GAP, 0, self.width() - _BOX - _GAP, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.end()


class Option(QRadioButton):
    """One of several: a box with a title and a line that says what it means."""

    def __init__(self, theme: Theme, title: str, detail: str) -> None:
        super().__init__(title)
        self._theme = theme
        self._detail = detail
        self.setAccessibleName(title)
        self.setAccessibleDescription(detail)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        theme.changed.connect(self.update)

    @property
    def detail(self) -> str:
        """What it means."""
        return self._detail

    def say(self, title: str, detail: str) -> None:
        """Show other words."""
        self.setText(title)
        self._detail = detail
        self.setAccessibleName(title)
        self.setAccessibleDescription(detail)
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        """The detail may take several lines."""
        return True

    def heightForWidth(self, width: int) -> int:
        """As tall as its words at this width."""
        room = QRect(0, 0, max(80, width - 58), 10_000)
        lines = QFontMetrics(self._small()).boundingRect(room, Qt.TextFlag.TextWordWrap, self._detail).height()
        return self.fontMetrics().height() + (lines + 3 if self._detail else 0) + 22

    def sizeHint(self) -> QSize:
        """One line of each."""
        return QSize(260, self.heightForWidth(max(260, self.width())))

    def minimumSizeHint(self) -> QSize:
        """Its words are not cut."""
        return QSize(160, self.heightForWidth(max(160, self.width())))

    def hitButton(self, _position: object) -> bool:
        """The whole box counts."""
        return True

    def enterEvent(self, event: QEnterEvent) -> None:
        """Light up."""
        self.update()
        super().enterEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring if a key brought the focus."""
        show_ring(self, event.reason() in BY_KEY)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        show_ring(self, False)
        super().focusOutEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw box, dot and words."""
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        on = self.isChecked()
        painter.setPen(QPen(QColor(colours.accent if on else colours.line_strong), 1.5 if on else 1))
        painter.setBrush(QColor(colours.row_selected if on else colours.hover if self.underMouse() else colours.card))
        painter.drawRoundedRect(frame, 10, 10)
        if self.property("ring"):
            _ring(painter, colours.focus, frame.adjusted(2, 2, -2, -2), 9)
        height = self.fontMetrics().height()
        dot = QPointF(23, 11 + height / 2)
        painter.setPen(QPen(QColor(colours.accent if on else colours.muted), 1.4))
        painter.setBrush(QColor(colours.card))
        painter.drawEllipse(dot, 8, 8)
        if on:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.accent))
            painter.drawEllipse(dot, 4.5, 4.5)
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor(colours.text))
        left, width = 42, self.width() - 58
        painter.drawText(QRect(left, 11, width, height), Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.setFont(self._small())
        painter.setPen(QColor(colours.muted))
        below = QRect(left, 11 + height + 3, width, self.height() - height - 14)
        painter.drawText(below, Qt.TextFlag.TextWordWrap, self._detail)
        painter.end()

    def _small(self) -> QFont:
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 0.9)
        return font


def _ring(painter: QPainter, colour: str, box: QRectF, radius: float) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(colour), 1.5))
    painter.drawRoundedRect(box.adjusted(-1.5, -1.5, 1.5, 1.5), radius, radius)


class Choose(QWidget, Generic[V]):
    """Options one below the other (or beside), of which one is chosen.

    Args:
        theme: its colours.
        options: value, title and detail of each.
        across: lay them out beside each other.
    """

    def __init__(self, theme: Theme, options: Sequence[tuple[V, str, str]], *, across: bool = False) -> None:
        super().__init__()
        self._values = [value for value, _title, _detail in options]
        self.group = QButtonGroup(self)
        row = QHBoxLayout(self) if across else QVBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.options: dict[V, Option] = {}
        for number, (value, title, detail) in enumerate(options):
            option = Option(theme, title, detail)
            self.group.addButton(option, number)
            self.options[value] = option
            row.addWidget(option, 1 if across else 0)
        _tab_to_chosen(self.group)

    @property
    def value(self) -> V:
        """What is chosen; the first before anything was."""
        return self._values[max(0, self.group.checkedId())]

    def choose(self, value: V) -> None:
        """Choose one."""
        self.options[value].setChecked(True)


class Segments(Frame, Generic[V]):
    """A few short choices in one row, of which one is chosen.

    Args:
        theme: its colours.
        parts: value, word and glyph of each.
    """

    def __init__(self, theme: Theme, parts: Sequence[tuple[V, str, str]]) -> None:
        super().__init__("segments")
        self._values = [value for value, _word, _glyph in parts]
        self.group = QButtonGroup(self)
        self.buttons: dict[V, Button] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(3, 3, 3, 3)
        row.setSpacing(3)
        for number, (value, word, glyph) in enumerate(parts):
            button = Button(theme, word, glyph, "segment")
            button.setCheckable(True)
            self.group.addButton(button, number)
            self.buttons[value] = button
            row.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        _tab_to_chosen(self.group)

    @property
    def value(self) -> V:
        """What is chosen; the first before anything was."""
        return self._values[max(0, self.group.checkedId())]

    def choose(self, value: V) -> None:
        """Choose one."""
        self.buttons[value].setChecked(True)


def _tab_to_chosen(group: QButtonGroup) -> None:
    """Tab goes to what is chosen, the arrow keys from there to the others; Qt itself would go to the first."""

    def follow() -> None:
        checked = group.checkedButton()
        for button in group.buttons():
            here = checked is None or button is checked
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if here else Qt.FocusPolicy.ClickFocus)

    group.idToggled.connect(follow)


class Field(QWidget):
    """A label, what is filled in, a hint, and the reason in words when it cannot be used.

    Args:
        theme: its colours.
        title: the label.
        editor: what is filled in.
        hint: a side remark below, or empty.
    """

    def __init__(self, theme: Theme, title: str, editor: QWidget, hint: str = "") -> None:
        super().__init__()
        self.editor = editor
        label = Label(title, "strong")
        label.setBuddy(editor)
        self._hint = Label(hint, "small", wrap=True)
        self._hint.setVisible(bool(hint))
        self._error = Label("", "error", wrap=True)
        self._problem = QWidget()
        row = QHBoxLayout(self._problem)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        cross = Icon(theme, "circle-x", lambda colours: colours.tone(Tone.FAILED).text, 15)
        row.addWidget(cross, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._error, 1)
        self._problem.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addWidget(label)
        column.addWidget(editor)
        column.addWidget(self._hint)
        column.addWidget(self._problem)

    @property
    def error(self) -> str:
        """The reason shown, empty when there is none."""
        return self._error.text()

    def say(self, hint: str) -> None:
        """Show another hint."""
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))

    def refuse(self, reason: str) -> None:
        """Say why it cannot be used; empty takes that away."""
        self._error.setText(reason)
        self._problem.setVisible(bool(reason))
        self.editor.setAccessibleDescription(reason)
