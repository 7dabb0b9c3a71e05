"""What a person's hands and eyes do in the tests of windows: click, press, find, read."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

W = TypeVar("W", bound=QWidget)


def click(widget: QWidget) -> None:
    """Press the left button in the middle of a widget."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def press(widget: QWidget, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key."""
    QTest.keyClick(widget, key, modifier)


def the(kind: type[W], parent: QWidget) -> W:
    """The one widget of a kind."""
    found = parent.findChild(kind)
    assert found is not None, f"no {kind.__name__}"
    return found


def button(parent: QWidget, text: str) -> QPushButton:
    """The one visible button with this word."""
    found = [b for b in parent.findChildren(QPushButton) if b.isVisible() and b.text().strip() == text]
    assert len(found) == 1, [b.text() for b in parent.findChildren(QPushButton)]
    return found[0]


def words(widget: QWidget) -> str:
    """Everything that labels say now."""
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())
