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
    UNDO = "undo"
    FIND = "find"
    ACTIVITY = "activity"
    SETTINGS = "settings"
    HELP = "help"
    CLOSE = "close"
    QUIT = "quit"


class Menu(StrEnum):
    """The menus of the window's menu bar, in its order."""

    FILE = "File"
    EDIT = "Edit"
    SYNC = "Sync"
    VIEW = "View"
    HELP = "Help"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """An act, its keys (the first is the one that is listed), what it does in words, and where the menu bar has it."""

    act: Act
    keys: tuple[str, ...]
    words: str
    menu: Menu
    title: str


SHORTCUTS = (
    Shortcut(Act.SYNC, ("Ctrl+R",), "Sync all pairs now", Menu.SYNC, "Sync all pairs now"),
    Shortcut(
        Act.CHECK,
        ("Ctrl+Shift+R",),
        "Check everything again, by reading all calendars whole",
        Menu.SYNC,
        "Check everything again",
    ),
    Shortcut(Act.PAUSE, ("Ctrl+P",), "Pause all pairs, or resume them", Menu.SYNC, "Pause or resume all pairs"),
    Shortcut(Act.NEW_PAIR, ("Ctrl+N",), "New sync pair", Menu.FILE, "New sync pair…"),
    Shortcut(
        Act.UNDO,
        ("Ctrl+Z",),
        "Undo what was just paused or resumed; else see what of the last run can be undone",
        Menu.EDIT,
        "Undo",
    ),
    Shortcut(Act.FIND, ("Ctrl+F",), "Search or filter in Activity", Menu.EDIT, "Search or filter in Activity"),
    Shortcut(Act.ACTIVITY, ("Ctrl+L",), "Activity", Menu.VIEW, "Activity"),
    Shortcut(Act.SETTINGS, ("Ctrl+,",), "Settings", Menu.VIEW, "Settings"),
    Shortcut(Act.HELP, ("F1", "Ctrl+?"), "This help", Menu.HELP, "Help and keys"),
    Shortcut(Act.CLOSE, ("Ctrl+W",), "Close the window", Menu.FILE, "Close the window"),
    Shortcut(Act.QUIT, ("Ctrl+Q",), "Quit Kalends", Menu.FILE, "Quit Kalends"),
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
