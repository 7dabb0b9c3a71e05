"""Entry of the desktop app: the Qt application, its loop, its signals. `app.main` calls `run` and nothing else here."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QCoreApplication, QEvent, Qt, Signal
from PySide6.QtGui import QSessionManager
from PySide6.QtWidgets import QApplication

from app.ui.icons import own_icon
from app.ui.tray_icon import TrayIcon

if TYPE_CHECKING:
    # For types only: at run time it is imported in pieces, once the icon is there.
    from app.ui.bridge import StartCore

APP_ID = "kalends"

_SWITCH_SECONDS = 0.001
"""How long one thread of Python may keep another waiting. Qt asks Python for every cell it paints, so with the usual
5 ms a table that is painted while the core works stands still half as long again."""

_LATER = (
    *("asyncio", "qasync", "app.domain.runs", "app.domain.pairs", "app.services.views", "app.ui.theme"),
    *("app.ui.widgets", "app.ui.tables", "app.ui.boxes", "app.ui.sheets", "app.ui.overview_page"),
    *("app.ui.activity_page", "app.ui.settings_page", "app.ui.desktop"),
)
"""What the windows are made of, in pieces of some ten milliseconds each. Each piece imports what it needs by itself;
their order decides only how the time is divided."""


class UiPaths(Protocol):
    """What the windows need of the app's folders."""

    @property
    def state(self) -> Path:
        """The state folder, which exists."""


class Application(QApplication):
    """The Qt application. Its signals may be emitted from any thread; they arrive on the GUI thread."""

    show_wanted = Signal()
    quit_wanted = Signal()

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self.setApplicationName("kalends")
        self.setApplicationDisplayName("Kalends")
        self.setDesktopFileName(APP_ID)
        self.setQuitOnLastWindowClosed(False)
        self.quit_asked = False
        """Whether somebody asked for the end, though nothing that could end in order may be there yet."""
        self.quit_wanted.connect(self._note_quit, Qt.ConnectionType.DirectConnection)
        self.commitDataRequest.connect(self._session_ends, Qt.ConnectionType.DirectConnection)

    def event(self, event: QEvent) -> bool:
        """The desktop asks the app to quit (macOS: Cmd+Q, the Dock): stop in order rather than at once."""
        if event.type() is QEvent.Type.Quit:
            event.ignore()
            self.quit_wanted.emit()
            return True
        return super().event(event)

    def _note_quit(self) -> None:
        self.quit_asked = True

    def _session_ends(self, _manager: QSessionManager) -> None:
        self.quit_wanted.emit()


def show_window() -> None:
    """Show the window of the running app, from any thread: a second start asks for it. Does nothing without one."""
    application = QCoreApplication.instance()
    if isinstance(application, Application):
        application.show_wanted.emit()


def request_quit() -> None:
    """End the running app in order, from any thread (`kalends quit`). Does nothing without one."""
    application = QCoreApplication.instance()
    if isinstance(application, Application):
        application.quit_wanted.emit()


def run(start_core: StartCore, *, paths: UiPaths, profile: str | None, hidden: bool) -> int:
    """Run the desktop app until it is quit.

    Args:
        start_core: starts the core of a profile, called on the core thread's loop.
        paths: the app's folders.
        profile: the profile to begin with, None for the default.
        hidden: begin with the tray only (started with the session).

    Returns:
        The exit code: 0 when it was ended in order.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Panels tell windows apart by this name; `python -m app` would be called `__main__.py`.
    application = Application([APP_ID])
    # The icon first: everything below takes three times as long as all above, and nobody needs it to see the app start.
    icon = TrayIcon()
    icon.show()
    for part in _LATER:
        # The host of the icons asks for the picture; it is answered only while Qt has its turn.
        application.processEvents()
        import_module(part)
    application.processEvents()
    import asyncio

    from app.ui.collector import QuietCollector, settled
    from app.ui.desktop import DEFAULT, Desktop
    from app.ui.loop import DesktopLoop, StopSignals
    from app.ui.theme import Theme

    application.setWindowIcon(own_icon("kalends"))
    loop = DesktopLoop(application)
    asyncio.set_event_loop(loop)
    with loop:
        start = settled(start_core)
        desktop = Desktop(Theme(application), start, profile=profile or DEFAULT, state_folder=paths.state, icon=icon)
        desktop.window.ticked.connect(QuietCollector(desktop.feed, desktop).look)
        queued = Qt.ConnectionType.QueuedConnection
        application.show_wanted.connect(desktop.show_window, queued)
        application.quit_wanted.connect(desktop.quit, queued)
        if application.quit_asked:
            desktop.quit()
        with StopSignals(desktop.quit):
            loop.run_until_complete(desktop.live(hidden=hidden))
    return 0
