"""Puts bridge, tray and window together: starts the core, switches to the demo and back, stops in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QMessageBox

from app.domain.notices import Notice, Topic
from app.domain.preferences import PreferenceValues
from app.services.views import Problem
from app.ui import words
from app.ui.accounts_page import AccountsPage
from app.ui.activity_page import ActivityPage
from app.ui.bridge import CoreThread, StartCore
from app.ui.commands import Commands
from app.ui.demo_menu import Happenings
from app.ui.feed import Feed, Snapshot
from app.ui.memory import WindowMemory
from app.ui.menus import PairWish
from app.ui.overview_page import OverviewPage
from app.ui.pairs_page import PairsPage
from app.ui.settings_page import SettingsPage
from app.ui.sheets import Sheets
from app.ui.sign_in_sheet import OpenUrl, SignInSheet, open_in_browser
from app.ui.start_offer import StartOffer
from app.ui.tasks import Failure, TaskRunner
from app.ui.theme import Scheme, Theme
from app.ui.tray import Tray
from app.ui.tray_icon import TrayIcon
from app.ui.window import MainWindow, Pages

DEFAULT = "default"
DEMO = "demo"

_LOOK_FOR_TRAY_MS = 2_000
"""How often it is looked whether a place for the icon came, while the window says that there is none."""


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


class Desktop(QObject):
    """The app as a person meets it.

    Args:
        theme: the look.
        start_core: starts the core of a profile.
        profile: the profile to begin with.
        state_folder: where the window remembers its size, an existing folder.
        icon: the one in the tray, when it is there already.
        now: the clock.
        open_url: how a browser is opened.
        parent: the Qt owner.
    """

    def __init__(
        self,
        theme: Theme,
        start_core: StartCore,
        *,
        profile: str,
        state_folder: Path,
        icon: TrayIcon | None = None,
        now: Callable[[], datetime] = utc_now,
        open_url: OpenUrl = open_in_browser,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._profile = profile
        self._now = now
        self._memory = WindowMemory(state_folder)
        self._quit = asyncio.Event()
        self._tasks = TaskRunner(self)
        self._switches = TaskRunner(self)
        self.bridge = CoreThread(start_core, self)
        self.feed = Feed(self.bridge, self._tasks, now, self)
        self.commands = Commands(self.bridge, self.feed, self._tasks)
        self.sheets = Sheets(theme, self.bridge, self.feed, self.commands, self._tasks, now, open_url)
        pages = Pages(
            OverviewPage(theme, self.commands, now),
            PairsPage(theme, self.commands, now),
            AccountsPage(theme, self.bridge, self._tasks),
            ActivityPage(theme, self.bridge, self._tasks, now),
            SettingsPage(theme, self.bridge, self._tasks, now, open_url),
        )
        if self._memory.scheme is not None:
            theme.choose(self._memory.scheme)
        self.window = MainWindow(theme, self.commands, pages)
        self.sheets.belong_to(self.window)
        self.tray = Tray(self.commands, now, self, icon)
        self._start_offer = StartOffer(self.window.overview, self.bridge, self._memory, self._tasks)
        self._looking_for_tray = QTimer(self)
        self._looking_for_tray.setInterval(_LOOK_FOR_TRAY_MS)
        self._connect()

    def _connect(self) -> None:
        window = self.window
        self._tasks.failed.connect(window.messages.show_failure)
        self._switches.failed.connect(self._start_failed)
        self.feed.changed.connect(self._show)
        self.feed.progressed.connect(self._show_progress)
        self.feed.announced.connect(self._hear)
        self.tray.place_changed.connect(self._look_for_tray)
        self._looking_for_tray.timeout.connect(self._look_for_tray)
        self.tray.open_wanted.connect(self._open)
        self.tray.fix_wanted.connect(self._fix)
        self.tray.quit_wanted.connect(self.quit)
        window.quit_wanted.connect(self.quit)
        window.close_wanted.connect(self._close)
        window.start.again_wanted.connect(lambda: self.switch(self._profile))
        window.start.back_wanted.connect(lambda: self.switch(DEFAULT))
        window.start.quit_wanted.connect(self.quit)
        window.welcome.connect_wanted.connect(self.connect_account)
        window.welcome.restore_wanted.connect(self.sheets.ask_for_settings)
        window.welcome.demo_wanted.connect(lambda: self.switch(DEMO))
        window.demo_strip.leave_wanted.connect(lambda: self.switch(DEFAULT))
        Happenings(window.demo_strip.happen, self.bridge, self.feed, self._tasks)
        self._connect_pages()

    def _connect_pages(self) -> None:
        window, sheets = self.window, self.sheets
        window.new_pair_wanted.connect(sheets.new_pair)
        window.undo_wanted.connect(self._undo_last_run)
        window.menu.connect_wanted.connect(self.connect_account)
        window.menu.why_wanted.connect(lambda: sheets.why())
        window.menu.checkup_wanted.connect(sheets.checkup)
        window.settings.checkup_wanted.connect(sheets.checkup)
        window.menu.licences_wanted.connect(sheets.licences)
        self.commands.done.connect(window.messages.show_done)
        sheets.activity_wanted.connect(self._show_pair_activity)
        sheets.keys_changed.connect(window.settings.read)
        overview = window.overview
        overview.fix_wanted.connect(self._fix)
        overview.connect_wanted.connect(self.connect_account)
        overview.activity_wanted.connect(self._show_pair_activity)
        overview.run_wanted.connect(self._show_run)
        overview.wished.connect(sheets.open_for)
        overview.pause_wanted.connect(sheets.pause_all_until)
        overview.new_pair_wanted.connect(sheets.new_pair)
        overview.page_wanted.connect(window.show_page)
        window.pairs.wished.connect(sheets.open_for)
        window.pairs.new_wanted.connect(sheets.new_pair)
        accounts = window.accounts
        accounts.connect_wanted.connect(self.connect_account)
        accounts.reconnect_wanted.connect(sheets.reconnect)
        accounts.remove_wanted.connect(sheets.remove_account)
        accounts.sign_out_wanted.connect(sheets.sign_out)
        accounts.stop_wanted.connect(sheets.stop_following)
        window.activity.sync_wanted.connect(self.commands.sync_all)
        window.activity.new_pair_wanted.connect(sheets.new_pair)
        window.activity.undo_wanted.connect(sheets.undo_run)
        window.activity.why_wanted.connect(lambda event, pair_id: sheets.why(event, pair_id=pair_id))
        settings = window.settings
        settings.save_wanted.connect(sheets.ask_where_to_save)
        settings.restore_wanted.connect(sheets.ask_for_settings)
        sheets.settings_restored.connect(self._settings_restored)
        settings.closing_chosen.connect(self._choose_closing)
        self.window.show_closing(self._memory.close_keeps_running)
        settings.changed.connect(self._prefer)
        settings.changed.connect(lambda _values: self._tasks.spawn(self.feed.read))  # the API may be elsewhere now
        settings.key_wanted.connect(sheets.new_key)
        settings.revoke_wanted.connect(sheets.revoke_key)
        settings.licences_wanted.connect(sheets.licences)

    # -- life -------------------------------------------------------------------------------------------------------

    async def live(self, *, hidden: bool) -> None:
        """Show the tray and, unless hidden, the window; start the core; return when someone quits, all stopped."""
        self.tray.show()
        if self._memory.size is not None:
            self.window.take_size(self._memory.size)
        if not hidden:
            self.show_window()
        self.switch(self._profile)
        await self._quit.wait()
        self._memory.size = self.window.size()
        self.tray.hide()
        self.window.end()
        await self._tasks.drained()
        await self._switches.drained()
        await self.bridge.stop()

    def quit(self) -> None:
        """End the app, in order."""
        self._quit.set()

    def show_window(self) -> None:
        """Show the window in front."""
        self.window.bring_up()
        self._look_for_tray()

    def _look_for_tray(self) -> None:
        """Say that there is no place for the icon, as long as that is so and somebody sees the window. Not every host
        says when it comes; nobody is woken for that once there is one, or while the window is hidden."""
        self.window.show_no_tray(not Tray.available())
        if self.window.says_no_tray:
            self._looking_for_tray.start()
        else:
            self._looking_for_tray.stop()

    def switch(self, profile: str) -> None:
        """Start the core of a profile, in place of the one that runs."""
        self._tasks.cancel()
        # Not cancelled by the next switch: a core that is half started has to be stopped in order. They queue.
        self._switches.spawn(partial(self._switch, profile))

    async def _switch(self, profile: str) -> None:
        self._profile = profile
        self.feed.forget()
        self.window.forget()
        self.window.messages.clear()
        self.tray.show_snapshot(None)
        self.window.show_start("Setting up the demo…" if profile == DEMO else "Starting…")
        await self.bridge.switch(profile)
        self._prefer(await self.bridge.call(lambda core: core.preferences.get()))
        await self.feed.read()

    def _start_failed(self, failure: Failure) -> None:
        self.window.show_start_failure(failure.sentence, failure.fix, can_go_back=self._profile != DEFAULT)
        # A person has to know, even if the app was started out of sight.
        self.show_window()

    # -- what is shown ----------------------------------------------------------------------------------------------

    def _show(self, snapshot: Snapshot) -> None:
        self.window.show_snapshot(snapshot)
        self.tray.show_snapshot(snapshot)
        self._start_offer.consider(snapshot)

    def _show_progress(self, snapshot: Snapshot) -> None:
        self.window.overview.show_progress(snapshot)
        self.window.pairs.show_progress(snapshot)
        self.tray.show_progress(snapshot)

    def _prefer(self, values: PreferenceValues) -> None:
        """Do as the person prefers; kept for the next start too, so that it begins in the right colours."""
        scheme = Scheme(values.theme)
        self._theme.choose(scheme)
        self._memory.scheme = scheme
        self.sheets.interval_seconds = values.interval_seconds

    def _open(self, page: str) -> None:
        if page:
            self.window.show_page(page)
        self.show_window()

    def _show_pair_activity(self, pair_id: str) -> None:
        self.window.show_page("activity")
        self.window.activity.show_pair(pair_id)

    def _show_run(self, run_id: str) -> None:
        self.window.show_page("activity")
        self.window.activity.show_run(run_id)

    # -- what is asked ----------------------------------------------------------------------------------------------

    def connect_account(self) -> SignInSheet:
        """Open the sign-in sheet at the choice of a service."""
        return self.sheets.connect_account()

    def _settings_restored(self) -> None:
        """Preferences and pairs may be others now: do as they say, and show them."""

        async def work() -> None:
            self._prefer(await self.bridge.call(lambda core: core.preferences.get()))
            await self.feed.read()

        self._tasks.spawn(work)
        if self.window.settings.isVisible():
            self.window.settings.read()

    def _undo_last_run(self) -> None:
        """Look at what of the newest run that changed something can be undone."""
        runs = self.feed.latest.runs if self.feed.latest is not None else ()
        run = next((run for run in runs if words.may_undo(run, self._now())), None)
        if run is not None:
            self.sheets.undo_run(run.id)
        else:
            self.window.messages.show_done("Nothing was changed lately that can be undone.", None)

    def _fix(self, problem: Problem) -> None:
        """Open what repairs a problem."""
        snapshot = self.feed.latest
        if snapshot is None:
            return
        self.show_window()
        if problem.action == "reconnect":
            account = next((known for known in snapshot.accounts if known.id == problem.account_id), None)
            if account is not None:
                self.sheets.reconnect(account)
        elif problem.action == "review_hold" and problem.pair_id is not None:
            self.sheets.review_hold(problem.pair_id)
        elif problem.action == "choose_calendar" and problem.pair_id is not None:
            self.sheets.open_for(PairWish.EDIT, problem.pair_id)
        elif problem.action == "unlock_vault" and problem.account_id is not None:
            self.commands.test_account(problem.account_id)
        elif problem.action == "show_run" and problem.run_id is not None:
            self._show_run(problem.run_id)

    def _hear(self, notice: Notice) -> None:
        """A button of a notification on the desktop was pressed: do what it says."""
        if notice.topic is Topic.ALERT_ACTION:
            action = str(notice.data["action"])
            self.show_window()
            self._fix(Problem("alert", "", action, notice.account_id, notice.pair_id, notice.run_id))

    def _close(self) -> None:
        """The window is closed: do what the person wants; without a word of theirs, hide where a tray icon stays (and
        say so once), else ask."""
        keep = self._memory.close_keeps_running
        if keep is False:
            self.quit()
        elif Tray.available():
            if self._memory.knows_of_tray:
                self.window.hide()
            else:
                self._tell_of_tray()
        elif keep:
            self.window.hide()
        else:
            self._ask_what_closing_means()

    def _tell_of_tray(self) -> None:
        box = self._closing_box(
            "Kalends goes on in the tray",
            "It keeps your calendars in step while its window is closed. Its icon brings the window back. "
            "This is said only once; under Settings you choose what closing means.",
        )
        goes_on = box.addButton("Close the window", QMessageBox.ButtonRole.AcceptRole)
        leave = box.addButton("Quit Kalends", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(goes_on)
        box.setEscapeButton(goes_on)

        def answered() -> None:
            self._memory.knows_of_tray = True
            if box.clickedButton() is leave:
                self.quit()
            else:
                self.window.hide()

        box.finished.connect(answered)
        box.open()

    def _ask_what_closing_means(self) -> None:
        box = self._closing_box(
            "Go on syncing while the window is closed?",
            "Start Kalends again to see it. Your answer is remembered; under Settings you can change it.",
        )
        keep = box.addButton("Keep syncing", QMessageBox.ButtonRole.AcceptRole)
        leave = box.addButton("Quit", QMessageBox.ButtonRole.DestructiveRole)
        cancel = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(cancel)

        def answered() -> None:
            if box.clickedButton() is keep:
                self._choose_closing(True)
                self.window.hide()
            elif box.clickedButton() is leave:
                self._choose_closing(False)
                self.quit()

        box.finished.connect(answered)
        box.open()

    def _closing_box(self, text: str, more: str) -> QMessageBox:
        box = QMessageBox(self.window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle("Kalends")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(text)
        box.setInformativeText(more)
        return box

    def _choose_closing(self, keep: bool | None) -> None:
        """Keep what closing the window means, and say so where it is said."""
        self._memory.close_keeps_running = keep
        self.window.show_closing(keep)
