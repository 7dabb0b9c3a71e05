"""Boxes of the pages: figures, pills, sections, pages that scroll, and what stands where rows will be."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.ui.focus import leave
from app.ui.theme import Theme
from app.ui.widgets import Button, Frame, Icon, Label
from app.ui.words import Sign


class Figure(Frame):
    """A number with its unit, in a card."""

    def __init__(self, theme: Theme, glyph: str) -> None:
        super().__init__("card")
        # All figures of a row are equally wide, whatever their words.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 13, 12, 13)
        row.setSpacing(14)
        row.addWidget(Icon(theme, glyph, size=20))
        texts = QVBoxLayout()
        texts.setSpacing(1)
        self._text = Label("", "heading")
        self._detail = Label("", "small")
        texts.addWidget(self._text)
        texts.addWidget(self._detail)
        row.addLayout(texts, 1)
        self._row = row

    def add(self, widget: QWidget) -> None:
        """Put a button at its end."""
        self._row.addWidget(widget)

    def say(self, text: str, detail: str) -> None:
        """Show another figure."""
        self._text.setText(text)
        self._detail.setText(detail)


class Pill(Frame):
    """A state as icon and word on the ground of its tone."""

    def __init__(self, theme: Theme, sign: Sign) -> None:
        super().__init__("pill", sign.tone)
        row = QHBoxLayout(self)
        row.setContentsMargins(9, 3, 11, 3)
        row.setSpacing(5)
        row.addWidget(Icon(theme, sign.icon, lambda colours: colours.tone(sign.tone).text, 14))
        row.addWidget(Label(sign.word, "pill"))
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)


class Section(Frame):
    """A card of a page with a heading and rows divided by lines.

    Args:
        title: its heading.
        text: a side remark below the heading, or empty.
    """

    def __init__(self, title: str, text: str = "") -> None:
        super().__init__("card")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(20, 16, 20, 16)
        self._column.setSpacing(12)
        self._head = QHBoxLayout()
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(Label(title, "heading"))
        if text:
            texts.addWidget(Label(text, "muted", wrap=True))
        self._head.addLayout(texts, 1)
        self._column.addLayout(self._head)

    def offer(self, button: QWidget) -> None:
        """Put a button beside the heading."""
        self._head.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)

    def add(self, row: QWidget) -> None:
        """Add a row."""
        self._column.addWidget(row)

    def add_row(self, title: str, text: str, *controls: QWidget) -> Label:
        """Add a row with words at the left and controls at the right. Returns the label of the lower line."""
        self._column.addWidget(Frame("rule"))
        row, below = _row(title, text, controls)
        self._column.addLayout(row)
        return below

    def add_group(self, title: str, text: str, *controls: QWidget) -> QWidget:
        """Add such a row that can be hidden, with its line. Returns it."""
        return self.add_choice(title, text, *controls)[0]

    def add_choice(self, title: str, text: str, *controls: QWidget) -> tuple[QWidget, Label]:
        """Add such a row. Returns it, and the label of its lower line."""
        group = QWidget()
        column = QVBoxLayout(group)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(Frame("rule"))
        row, below = _row(title, text, controls)
        column.addLayout(row)
        self._column.addWidget(group)
        return group, below


class ScrollPage(QScrollArea):
    """A page that may be longer than the window: a head and a column of boxes.

    Args:
        title: its heading.
        text: a side remark below it.
    """

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.inside = _Inside()
        self.inside.setObjectName("page")
        self.setWidget(self.inside)
        self.column = QVBoxLayout(self.inside)
        self.column.setContentsMargins(28, 24, 28, 24)
        self.column.setSpacing(16)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(Label(title, "title"))
        texts.addWidget(Label(text, "muted", wrap=True))
        self.head = QHBoxLayout()
        self.head.setSpacing(10)
        self.head.addLayout(texts, 1)
        self.column.addLayout(self.head)


class _Inside(QWidget):
    """As tall as its words at its width. Qt would reserve what they would need at their narrowest, and show a void."""

    def minimumSizeHint(self) -> QSize:
        """No height of its own: the scroll area asks for it by width."""
        return QSize(super().minimumSizeHint().width(), 0)


class EmptyBox(Frame):
    """What stands where rows will be: never a blank table."""

    def __init__(self, theme: Theme, glyph: str, title: str, text: str) -> None:
        super().__init__("card")
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 26, 24, 26)
        column.setSpacing(6)
        column.addWidget(Icon(theme, glyph, size=26), 0, Qt.AlignmentFlag.AlignHCenter)
        for label in (Label(title, "strong"), Label(text, "muted", wrap=True)):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(label)
        self._column = column

    def offer(self, *buttons: Button) -> None:
        """Put the one thing to do below the words; a second button is another way to begin."""
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addStretch(1)
        for button in buttons:
            row.addWidget(button)
        row.addStretch(1)
        self._column.addSpacing(8)
        self._column.addLayout(row)

    def hideEvent(self, event: QHideEvent) -> None:
        """Rows take its place: its button loses the focus."""
        leave(self)
        super().hideEvent(event)


def _row(title: str, text: str, controls: tuple[QWidget, ...]) -> tuple[QHBoxLayout, Label]:
    row = QHBoxLayout()
    row.setSpacing(10)
    texts = QVBoxLayout()
    texts.setSpacing(1)
    name = Label(title, "strong")
    if controls and controls[0].focusPolicy() != Qt.FocusPolicy.NoFocus:
        name.setBuddy(controls[0])
    texts.addWidget(name)
    below = Label(text, "small", wrap=True)
    below.setVisible(bool(text))
    texts.addWidget(below)
    row.addLayout(texts, 1)
    for control in controls:
        row.addWidget(control, 0, Qt.AlignmentFlag.AlignVCenter)
    return row, below
