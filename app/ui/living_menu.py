"""A menu that changes while it may be open: what stays keeps its action, so that a click never meets a dead entry.

A StatusNotifier host shows a copy of the menu and names the entry that was clicked by a number, which is the action's.
A menu made anew would let clicks on the copy go nowhere. Knows nothing of what the entries say.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a menu.

    Args:
        key: which entry it is, whatever its text; once in a menu.
        text: empty for a line between groups.
        do: what choosing it does; None for one that only tells something.
        submenu: opens instead.
    """

    key: Hashable
    text: str = ""
    do: Callable[[], object] | None = None
    submenu: QMenu | None = None


class LivingMenu:
    """Shows entries in a menu and changes only what differs from those before."""

    def __init__(self, menu: QMenu) -> None:
        self.menu = menu
        self._actions: dict[Hashable, QAction] = {}
        self._does: dict[Hashable, Callable[[], object]] = {}

    def show(self, entries: Sequence[Entry]) -> None:
        """Show these entries, in this order."""
        self._does = {entry.key: entry.do for entry in entries if entry.do is not None}
        wanted = {entry.key for entry in entries}
        for key in [key for key in self._actions if key not in wanted]:
            self.menu.removeAction(self._actions.pop(key))
        for place, entry in enumerate(entries):
            action = self._actions.get(entry.key) or self._made(entry)
            there = self.menu.actions()
            if place >= len(there) or there[place] is not action:
                self.menu.insertAction(there[place] if place < len(there) else None, action)  # type: ignore[arg-type]  # None appends
            action.setText(entry.text)
            action.setEnabled(entry.do is not None or entry.submenu is not None)

    def action(self, key: Hashable) -> QAction | None:
        """The action of an entry that is shown."""
        return self._actions.get(key)

    def _made(self, entry: Entry) -> QAction:
        if entry.submenu is not None:
            action = entry.submenu.menuAction()
        else:
            action = QAction(self.menu)
            action.setSeparator(not entry.text)
            action.triggered.connect(lambda: self._do(entry.key))
        self._actions[entry.key] = action
        return action

    def _do(self, key: Hashable) -> None:
        do = self._does.get(key)
        if do is not None:
            do()
