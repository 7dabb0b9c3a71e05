"""The tray icon: state, tooltip, menu. A shortcut only: everything here exists in the window too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from app.domain.pairs import PairState, PairStatus
from app.services.views import PairView, RollUp
from app.ui import menus, time_words, words
from app.ui.commands import Commands
from app.ui.feed import Snapshot
from app.ui.icons import own_icon
from app.ui.living_menu import Entry, LivingMenu
from app.ui.overview_page import FIXES
from app.ui.tray_icon import NAME, STARTING, TrayIcon
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
        icon: the one that is there already, None for a new one.
    """

    open_wanted = Signal(str)
    """Show the window at this page."""
    fix_wanted = Signal(object)
    """A `Problem` was chosen."""
    quit_wanted = Signal()
    place_changed = Signal()
    """A place for the icon came: see `available`."""

    def __init__(
        self, commands: Commands, now: Callable[[], datetime], parent: QObject, icon: TrayIcon | None = None
    ) -> None:
        super().__init__(parent)
        self._commands = commands
        self._now = now
        self._snapshot: Snapshot | None = None
        self._icon_name = STARTING
        self._tooltip = NAME
        self._tray = self._adopted(icon or TrayIcon())
        self.menu = self._tray.menu
        # Some hosts keep a copy of the menu, so it also changes when the state does.
        self.menu.aboutToShow.connect(self._fill)
        self.menu.clear()
        self._entries = LivingMenu(self.menu)
        self._pause_menu = QMenu("Pause")
        menus.fill_pause(self._pause_menu, commands.pause_all, now)
        self._pairs_menu = LivingMenu(QMenu("Sync one pair"))
        self._stop_menu = LivingMenu(QMenu("Stop a sync"))
        self._shown_going: object = None
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
            self._icon_name, self._tooltip = STARTING, NAME
        else:
            self._icon_name = words.TRAY_ICONS[snapshot.status.state]
            self._tooltip = words.tooltip(snapshot.status)
        self._tray.setIcon(own_icon(self._icon_name))
        self._tray.setToolTip(self._tooltip)
        if not self.menu.isVisible():
            self._fill()

    def show_progress(self, snapshot: Snapshot) -> None:
        """A run is further on: say so in the first row. The menu is gone through only when other commands are due."""
        self._snapshot = snapshot
        row = self._entries.action("state")
        if _commands_of(snapshot) != self._shown_going and not self.menu.isVisible():
            self._fill()
        elif row is not None:
            row.setText(_state(snapshot))

    def _adopted(self, icon: TrayIcon) -> TrayIcon:
        icon.setParent(self)
        icon.activated.connect(self._activated)
        return icon

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
        self._tray = self._adopted(TrayIcon(self.menu))
        self._tray.setIcon(own_icon(self._icon_name))
        self._tray.setToolTip(self._tooltip)
        self._tray.show()
        old.deleteLater()
        self.place_changed.emit()

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        # macOS opens the menu with either button.
        if reason is QSystemTrayIcon.ActivationReason.Trigger and sys.platform != "darwin":
            self.open_wanted.emit("")

    def _fill(self) -> None:
        snapshot = self._snapshot
        self._shown_going = None if snapshot is None else _commands_of(snapshot)
        if snapshot is None:
            entries = [Entry("starting", "Starting…"), Entry("below state")]
        else:
            entries = self._state_entries(snapshot)
        entries.append(Entry("open", "Open Kalends", lambda: self.open_wanted.emit("")))
        if snapshot is not None and snapshot.pairs:
            entries += self._command_entries(snapshot)
        if snapshot is not None and snapshot.accounts:
            entries.append(Entry("activity", "Activity…", lambda: self.open_wanted.emit("activity")))
            entries.append(Entry("settings", "Settings…", lambda: self.open_wanted.emit("settings")))
        entries += [Entry("above quit"), Entry("quit", "Quit Kalends", self.quit_wanted.emit)]
        self._entries.show(entries)
        default = self._entries.action("open")
        if default is not None:
            self.menu.setDefaultAction(default)

    def _state_entries(self, snapshot: Snapshot) -> list[Entry]:
        status = snapshot.status

        def overview() -> None:
            self.open_wanted.emit("overview")

        entries = [Entry("state", _state(snapshot), overview), Entry("below state")]
        for problem in status.problems[:_PROBLEMS_SHOWN]:
            mark = "!  " + no_mnemonic(problem.sentence)
            do = partial(self.fix_wanted.emit, problem) if problem.action in FIXES else overview
            entries.append(Entry(("problem", problem), mark, do))
        if status.problems:
            entries.append(Entry("below problems"))
        return entries

    def _command_entries(self, snapshot: Snapshot) -> list[Entry]:
        entries: list[Entry] = []
        active = [view for view in snapshot.pairs if view.pair.status is PairStatus.ACTIVE]
        going = [view for view in active if view.progress is not None]
        if going:
            entries.append(self._stop_entry(going))
        elif active:
            entries.append(Entry("sync", "Sync now", self._commands.sync_all))
        if len(snapshot.pairs) > 1 and active:
            self._pairs_menu.show([self._pair_entry(view) for view in snapshot.pairs])
            entries.append(Entry("pairs", "Sync one pair", submenu=self._pairs_menu.menu))
        if active:
            entries.append(Entry("pause", "Pause", submenu=self._pause_menu))
        resume = menus.resume_text(snapshot.pairs)
        if resume is not None:
            entries.append(Entry("resume", resume, self._commands.resume_all))
        return entries

    def _stop_entry(self, going: list[PairView]) -> Entry:
        """*Stop this sync* in the place of *Sync now*; where several are under way, each has its own."""
        stoppable = [view for view in going if view.progress is not None and not view.progress.stopping]
        if not stoppable:
            return Entry("stopping", "Stopping…")
        if len(going) == 1:
            return Entry("stop", "Stop this sync", partial(self._commands.stop_pair, stoppable[0].pair.id))
        self._stop_menu.show(
            [
                Entry(view.pair.id, no_mnemonic(words.pair_name(view)), partial(self._commands.stop_pair, view.pair.id))
                for view in stoppable
            ]
        )
        return Entry("stop one", "Stop a sync", submenu=self._stop_menu.menu)

    def _pair_entry(self, view: PairView) -> Entry:
        """A pair with its state; one that is paused is resumed, which syncs it too."""
        name, pair_id = words.pair_name(view), view.pair.id
        if view.pair.status is PairStatus.PAUSED:
            until = words.pair_sign(view, self._now()).word.lower()
            return Entry(pair_id, no_mnemonic(f"Resume {name}   {until}"), partial(self._commands.resume_pair, pair_id))
        return Entry(pair_id, no_mnemonic(f"{name}   {_pair_state(view)}"), partial(self._commands.sync_pair, pair_id))


def _state(snapshot: Snapshot) -> str:
    """The first row: `✓  Up to date · checked 14:02`, or `↻  Syncing Work → Home · 45 of 120`."""
    status = snapshot.status
    sign = words.ROLL_UP_SIGNS[status.state]
    mark = _MARKS[sign.tone]
    if status.state is RollUp.SYNCING and snapshot.going:
        if len(snapshot.going) > 1:
            return f"{mark}  Syncing {len(snapshot.going)} pairs"
        (going,) = snapshot.going
        name = snapshot.short_names.get(going.pair_id, "")
        return no_mnemonic(f"{mark}  Syncing {name} · {going.short}")
    text = f"{mark}  {sign.word}"
    if status.last_synced_at is not None:
        # An absolute time: some hosts keep a copy of the menu.
        text += f" · checked {time_words.clock(status.last_synced_at)}"
    return text


def _pair_state(view: PairView) -> str:
    if view.progress is not None:
        return view.progress.short
    if view.state is PairState.UP_TO_DATE and view.pair.last_synced_at is not None:
        return f"checked {time_words.clock(view.pair.last_synced_at)}"
    return words.pair_sign(view).word.lower()


def _commands_of(snapshot: Snapshot) -> object:
    """What decides which commands the menu has while runs go on."""
    return tuple((one.pair_id, one.stopping) for one in snapshot.going)
