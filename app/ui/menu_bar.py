"""The menu bar of the window (on macOS the system's): every key of the window and a few acts that have none.

It binds the keys and asks; what an act does is the window's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

from app.ui.shortcuts import SHORTCUTS, Act, Menu, Shortcut, page_keys

_PAGES = {Act.ACTIVITY: "activity", Act.SETTINGS: "settings"}
"""Acts that are pages: their keys are further ones of these."""
_ALWAYS = frozenset({Act.HELP, Act.CLOSE, Act.QUIT})
"""What can be asked for while there is nothing to act on."""
_ROLES = {Act.QUIT: QAction.MenuRole.QuitRole, Act.SETTINGS: QAction.MenuRole.PreferencesRole}


class MenuBar(QMenuBar):
    """The bar.

    Args:
        pages: names and words of the sidebar's pages, in its order.
    """

    asked = Signal(object)
    """An `Act`."""
    page_wanted = Signal(str)
    connect_wanted = Signal()
    why_wanted = Signal()
    licences_wanted = Signal()
    checkup_wanted = Signal()

    def __init__(self, pages: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.setAccessibleName("Menu bar")
        self._known: list[QAction] = []
        self.menus: dict[Menu, QMenu] = {menu: self.addMenu(f"&{menu.value}") for menu in Menu}
        self._add_pages(pages)
        for shortcut in SHORTCUTS:
            if shortcut.act not in _PAGES:
                self._add(shortcut)
        connect = QAction("Connect an account…", self)
        connect.triggered.connect(lambda: self.connect_wanted.emit())
        file = self.menus[Menu.FILE]
        close = next(action for action in file.actions() if action.data() == Act.CLOSE)
        file.insertAction(close, connect)
        file.insertSeparator(close)
        why = self.menus[Menu.HELP].addAction("Why is an event there, or not?…", lambda: self.why_wanted.emit())
        checkup = self.menus[Menu.HELP].addAction("Check everything Kalends needs…", lambda: self.checkup_wanted.emit())
        self.menus[Menu.HELP].addSeparator()
        self.menus[Menu.HELP].addAction("Licences", lambda: self.licences_wanted.emit())
        self._known += [connect, why, checkup]

    def show_known(self, known: bool) -> None:
        """Offer what needs something to act on, or offer it no longer."""
        for action in self._known:
            action.setEnabled(known)

    def _add_pages(self, pages: Sequence[tuple[str, str]]) -> None:
        further = {_PAGES[one.act]: one for one in SHORTCUTS if one.act in _PAGES}
        for number, (name, words) in enumerate(pages, start=1):
            action = self.menus[Menu.VIEW].addAction(words, partial(self.page_wanted.emit, name))
            more = further[name].keys if name in further else ()
            action.setShortcuts([QKeySequence(keys) for keys in (page_keys(number), *more)])
            if name in further:
                action.setMenuRole(_ROLES.get(further[name].act, QAction.MenuRole.NoRole))
            self._known.append(action)

    def _add(self, shortcut: Shortcut) -> None:
        action = self.menus[shortcut.menu].addAction(shortcut.title, partial(self.asked.emit, shortcut.act))
        action.setShortcuts([QKeySequence(keys) for keys in shortcut.keys])
        action.setData(shortcut.act)
        action.setMenuRole(_ROLES.get(shortcut.act, QAction.MenuRole.NoRole))
        if shortcut.act not in _ALWAYS:
            self._known.append(action)
