"""The parts that forms are made of: labelled fields with hint and error, texts, numbers, ticks.

They look after themselves (theme, focus, names) and know nothing of what is filled in.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.ui.focus import focus_came, focus_went
from app.ui.icons import pixmap
from app.ui.theme import Theme
from app.ui.widgets import Icon, Label
from app.ui.words import Tone

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
        focus_came(self, event.reason())
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        focus_went(self, event.reason())
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
            ring(painter, colours.focus, box, 7)
        painter.setPen(QColor(colours.text if self.isEnabled() else colours.muted))
        words = QRect(_BOX + _GAP, 0, self.width() - _BOX - _GAP, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.end()


class Switch(Tick):
    """A check box that says in a word what it is now: On or Off. Its name is said beside it, and to screen readers."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, "Off")
        self.setAccessibleName(name)
        self.toggled.connect(lambda on: self.setText("On" if on else "Off"))

    def sizeHint(self) -> QSize:
        """Room for both words: nothing beside it moves when it is pressed."""
        metrics = self.fontMetrics()
        words = max(metrics.horizontalAdvance(word) for word in ("On", "Off"))
        return QSize(_BOX + _GAP + words + 6, max(_BOX, metrics.height()) + 8)


def ring(painter: QPainter, colour: str, box: QRectF, radius: float) -> None:
    """Draw the focus ring around a box: for widgets that paint themselves."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(colour), 1.5))
    painter.drawRoundedRect(box.adjusted(-1.5, -1.5, 1.5, 1.5), radius, radius)


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
