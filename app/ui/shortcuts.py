"""The keys of the window, once for binding and for listing them: what is listed works, what works is listed.

Pure but for Qt's key sequences; what an act does is the window's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtGui import QKeySequence


class Act(StrEnum):
    """What a key of the window can ask for."""

    SYNC = "sync"
    CHECK = "check"
    PAUSE = "pause"
    NEW_PAIR = "new_pair"
    FIND = "find"
    ACTIVITY = "activity"
    SETTINGS = "settings"
    HELP = "help"
    CLOSE = "close"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """An act, its keys (the first is the one that is listed), and what it does in words."""

    act: Act
    keys: tuple[str, ...]
    words: str


SHORTCUTS = (
    Shortcut(Act.SYNC, ("Ctrl+R",), "Sync all pairs now"),
    Shortcut(Act.CHECK, ("Ctrl+Shift+R",), "Check everything again, by reading all calendars whole"),
    Shortcut(Act.PAUSE, ("Ctrl+P",), "Pause all pairs, or resume them"),
    Shortcut(Act.NEW_PAIR, ("Ctrl+N",), "New sync pair"),
    Shortcut(Act.FIND, ("Ctrl+F",), "Search or filter in Activity"),
    Shortcut(Act.ACTIVITY, ("Ctrl+L",), "Activity"),
    Shortcut(Act.SETTINGS, ("Ctrl+,",), "Settings"),
    Shortcut(Act.HELP, ("F1", "Ctrl+?"), "This help"),
    Shortcut(Act.CLOSE, ("Ctrl+W",), "Close the window"),
    Shortcut(Act.QUIT, ("Ctrl+Q",), "Quit Kalends"),
)

IN_LISTS = (
    ("Up, Down", "Go through the rows of a table"),
    ("Enter", "Open the chosen row"),
    ("Space or Enter", "Press the button that has the focus; Enter in a field of a sheet presses its main button"),
    ("Menu or Shift+F10", "Open the menu of the chosen row"),
    ("Delete", "Delete the chosen sync pair, or revoke the chosen key; both ask first"),
    ("Tab, Shift+Tab", "Go to the next or the previous part"),
    ("Page Up, Page Down", "Scroll a long sheet"),
    ("Esc", "Close a sheet without changing anything"),
)
"""What keys do inside the window; Qt and the tables bind them."""


def page_keys(number: int) -> str:
    """The keys of a page of the sidebar, by its place from 1."""
    return f"Ctrl+{number}"


def shown(keys: str) -> str:
    """Keys as this desktop writes them."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
