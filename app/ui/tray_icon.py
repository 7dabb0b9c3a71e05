"""The icon in the tray as it is before anything is known. `app.ui.tray` takes it over.

It comes before everything else of the windows, so this must import next to nothing."""

from __future__ import annotations

from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from app.ui.icons import own_icon

STARTING = "tray-idle"
"""The picture of an app that is starting, or has nothing to do."""

NAME = "Kalends"


class TrayIcon(QSystemTrayIcon):
    """The icon with its menu, which Qt does not own.

    Args:
        menu: what it shows, None for a new one that says that the app is starting. Hosts ask once whether there is one.
    """

    def __init__(self, menu: QMenu | None = None) -> None:
        super().__init__(own_icon(STARTING))
        if menu is None:
            menu = QMenu()
            menu.addAction("Starting…").setEnabled(False)
        self.menu = menu
        self.setToolTip(NAME)
        self.setContextMenu(menu)
