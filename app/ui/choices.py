"""Choosing one of a few: options with a line that says what each means, and segments in a row.

They know nothing of what is chosen. Tab goes to what is chosen, the arrow keys from there to the others.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QEnterEvent, QFocusEvent, QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QRadioButton, QSizePolicy, QVBoxLayout, QWidget

from app.ui.fields import ring
from app.ui.focus import focus_came, focus_went
from app.ui.theme import Theme
from app.ui.widgets import Frame, Part

V = TypeVar("V", bound=Hashable)


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
        focus_came(self, event.reason())
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        focus_went(self, event.reason())
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
            ring(painter, colours.focus, frame.adjusted(2, 2, -2, -2), 9)
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
        name: what is chosen, for a screen reader.
    """

    def __init__(self, theme: Theme, parts: Sequence[tuple[V, str, str]], name: str) -> None:
        super().__init__("segments")
        self.setAccessibleName(name)
        self._values = [value for value, _word, _glyph in parts]
        self.group = QButtonGroup(self)
        self.buttons: dict[V, Part] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(3, 3, 3, 3)
        row.setSpacing(3)
        for number, (value, word, glyph) in enumerate(parts):
            button = Part(theme, word, glyph, "segment")
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
