"""*Make something happen*: the menu in the strip of the demo, and what came of it in a sentence beside it.

It asks for an act and shows nothing of its consequences: these are the app's own, seen where they always are.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from app.domain.errors import NotFoundError
from app.services.happenings import DemoAct, Happened
from app.ui.bridge import CoreThread
from app.ui.feed import Feed
from app.ui.tasks import TaskRunner
from app.ui.theme import Theme
from app.ui.widgets import Button, Label

if TYPE_CHECKING:
    from app.services.core import Core


class DemoMenu(QWidget):
    """The button with its menu."""

    wanted = Signal(object)
    """The `DemoAct` that was chosen."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._online = True
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.said = Label("", wrap=True)
        self.said.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.said.hide()
        row.addStretch(1)
        row.addWidget(self.said, 1000)
        self.button = Button(theme, "Make something happen")
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill)
        self.button.setMenu(self.menu)
        row.addWidget(self.button)

    def show_happened(self, happened: Happened) -> None:
        """Say what came of it; the menu offers the way back where there is one."""
        self._online = happened.online
        self.said.setText(happened.sentence)
        self.said.show()

    def forget(self) -> None:
        """Begin anew, with another core."""
        self._online = True
        self.said.setText("")
        self.said.hide()

    def _fill(self) -> None:
        self.menu.clear()
        network = ("Go offline", DemoAct.GO_OFFLINE) if self._online else ("Go back online", DemoAct.GO_ONLINE)
        for text, act in (
            ("Move an event", DemoAct.MOVE_EVENT),
            ("Expire the Google sign-in", DemoAct.END_SIGN_IN),
            network,
            ("Empty the Work calendar", DemoAct.EMPTY_CALENDAR),
        ):
            self.menu.addAction(text, partial(self.wanted.emit, act))


class Happenings(QObject):
    """Lets happen what the menu was asked for.

    Args:
        menu: asks, and is told.
        bridge: the way to the core.
        feed: read again afterwards, so that the effect is seen.
        tasks: runs it.
    """

    def __init__(self, menu: DemoMenu, bridge: CoreThread, feed: Feed, tasks: TaskRunner) -> None:
        super().__init__(tasks)
        self._menu = menu
        self._bridge = bridge
        self._feed = feed
        self._tasks = tasks
        menu.wanted.connect(self._let)

    def _let(self, act: DemoAct) -> None:
        async def happen(core: Core) -> Happened:
            if core.demo is None:
                raise NotFoundError("The demo is not open.")
            return await core.demo.happen(act)

        async def work() -> None:
            self._menu.show_happened(await self._bridge.call(happen))
            await self._feed.read()

        self._tasks.spawn(work, key=f"happen {act}")
