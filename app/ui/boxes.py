"""Boxes of the pages: a figure with its unit, and what stands where rows will be."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.ui.theme import Theme
from app.ui.widgets import Button, Frame, Icon, Label


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

    def offer(self, button: Button) -> None:
        """Put the one thing to do below the words."""
        self._column.addSpacing(8)
        self._column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
