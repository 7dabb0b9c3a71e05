"""The tray icon: state, tooltip, menu. A shortcut only: everything here exists in the window too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from app.domain.pairs import PairStatus
from app.ui import menus, words
from app.ui.commands import Commands
from app.ui.feed import Snapshot
from app.ui.icons import own_icon
from app.ui.overview_page import FIXES
from app.ui.widgets import no_mnemonic
from app.ui.words import Tone

_MARKS = {Tone.OK: "✓", Tone.BUSY: "↻", Tone.QUIET: "–", Tone.ATTENTION: "!", Tone.FAILED: "✕"}
_WATCHER = "org.kde.StatusNotifierWatcher"
_PROBLEMS_SHOWN = 3


class Tray(QObject):
    """The icon beside the clock.

    Args:
        commands: what its menu does.
        now: the clock.
        parent: the Qt owner.
    """

    open_wanted = Signal(str)
    """Show the window at this page."""
    fix_wanted = Signal(object)
    """A `Problem` was chosen."""
    quit_wanted = Signal()

    def __init__(self, commands: Commands, now: Callable[[], datetime], parent: QObject) -> None:
        super().__init__(parent)
        self._commands = commands
        self._now = now
        self._snapshot: Snapshot | None = None
        self._icon_name = "tray-idle"
        self._tooltip = "Kalends"
        self.menu = QMenu()
        # Some hosts keep a copy of the menu, so it is also made anew when the state changes.
        self.menu.aboutToShow.connect(self._fill)
        self._pause_menu = QMenu("Pause")
        self._pairs_menu = QMenu("Sync one pair")
        self._tray = self._made()
        self._fill()
        self._watch_for_host()

    @staticmethod
    def available() -> bool:
        """Whether there is a place for the icon now."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    def show(self) -> None:
        """Show the icon, now or as soon as there is a place for it."""
        self._tray.show()

    def hide(self) -> None:
        """Take the icon away."""
        self._tray.hide()

    def show_snapshot(self, snapshot: Snapshot | None) -> None:
        """Show a state; None while there is no core."""
        self._snapshot = snapshot
        if snapshot is None:
            self._icon_name, self._tooltip = "tray-idle", "Kalends"
        else:
            self._icon_name = words.TRAY_ICONS[snapshot.status.state]
            self._tooltip = words.tooltip(snapshot.status)
        self._tray.setIcon(own_icon(self._icon_name))
        self._tray.setToolTip(self._tooltip)
        if not self.menu.isVisible():
            self._fill()

    def _made(self) -> QSystemTrayIcon:
        tray = QSystemTrayIcon(own_icon(self._icon_name), self)
        tray.setToolTip(self._tooltip)
        tray.setContextMenu(self.menu)
        tray.activated.connect(self._activated)
        return tray

    def _watch_for_host(self) -> None:
        """Qt asks for a StatusNotifier host once, when the icon is made: one that comes later needs a new icon."""
        if sys.platform != "linux":
            return
        from PySide6.QtDBus import QDBusConnection, QDBusServiceWatcher

        bus = QDBusConnection.sessionBus()
        if not bus.isConnected():
            return
        watcher = QDBusServiceWatcher(_WATCHER, bus, QDBusServiceWatcher.WatchModeFlag.WatchForRegistration, self)
        watcher.serviceRegistered.connect(self._host_came)

    def _host_came(self) -> None:
        old = self._tray
        old.hide()
        self._tray = self._made()
        self._tray.show()
        old.deleteLater()

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        # macOS opens the menu with either button.
        if reason is QSystemTrayIcon.ActivationReason.Trigger and sys.platform != "darwin":
            self.open_wanted.emit("")

    def _fill(self) -> None:
        menu = self.menu
        menu.clear()
        snapshot = self._snapshot
        if snapshot is None:
            menu.addAction("Starting…").setEnabled(False)
            menu.addSeparator()
        else:
            self._add_state(menu, snapshot)
        default = menu.addAction("Open Kalends", lambda: self.open_wanted.emit(""))
        menu.setDefaultAction(default)
        if snapshot is not None and snapshot.pairs:
            self._add_commands(menu, snapshot)
        if snapshot is not None and snapshot.accounts:
            menu.addAction("Activity…", lambda: self.open_wanted.emit("activity"))
            menu.addAction("Settings…", lambda: self.open_wanted.emit("settings"))
        menu.addSeparator()
        menu.addAction("Quit Kalends", self.quit_wanted.emit)

    def _add_state(self, menu: QMenu, snapshot: Snapshot) -> None:
        status = snapshot.status
        sign = words.ROLL_UP_SIGNS[status.state]
        text = f"{_MARKS[sign.tone]}  {sign.word}"
        if status.last_synced_at is not None:
            text += f" · last sync {words.clock(status.last_synced_at)}"
        menu.addAction(text, lambda: self.open_wanted.emit("overview"))
        menu.addSeparator()
        for problem in status.problems[:_PROBLEMS_SHOWN]:
            mark = "!  " + no_mnemonic(problem.sentence)
            if problem.action in FIXES:
                menu.addAction(mark, partial(self.fix_wanted.emit, problem))
            else:
                menu.addAction(mark, lambda: self.open_wanted.emit("overview"))
        if status.problems:
            menu.addSeparator()

    def _add_commands(self, menu: QMenu, snapshot: Snapshot) -> None:
        active = [view for view in snapshot.pairs if view.pair.status is PairStatus.ACTIVE]
        if active:
            menu.addAction("Sync now", self._commands.sync_all)
        if len(snapshot.pairs) > 1 and active:
            self._pairs_menu.clear()
            for view in active:
                text = f"{words.pair_name(view)}   {words.pair_sign(view).word.lower()}"
                self._pairs_menu.addAction(no_mnemonic(text), partial(self._commands.sync_pair, view.pair.id))
            menu.addMenu(self._pairs_menu)
        if active:
            menus.fill_pause(self._pause_menu, self._commands.pause_all, self._now)
            menu.addMenu(self._pause_menu)
        resume = menus.resume_text(snapshot.pairs)
        if resume is not None:
            menu.addAction(resume, self._commands.resume_all)
