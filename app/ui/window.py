"""The one window: sidebar, strips, messages and pages. It puts the parts together and knows no rule of the app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.domain.accounts import AccountStatus
from app.domain.pairs import PairStatus
from app.ui import menus
from app.ui.accounts_page import AccountsPage
from app.ui.activity_page import ActivityPage
from app.ui.commands import Commands
from app.ui.feed import Snapshot
from app.ui.help_sheet import HelpSheet
from app.ui.icons import own_icon
from app.ui.menu_bar import MenuBar
from app.ui.notes import MessageArea, Note
from app.ui.overview_page import OverviewPage
from app.ui.pairs_page import PairsPage
from app.ui.settings_page import SettingsPage
from app.ui.shortcuts import Act
from app.ui.sidebar import DemoStrip, Sidebar
from app.ui.theme import Theme
from app.ui.welcome_page import StartPage, WelcomePage
from app.ui.words import Tone

_TICK_MS = 30_000
"""How often "2 min ago" is said again, while the window is visible only."""

SIZE = QSize(1120, 720)

_BACK = "Start Kalends again to come back to it; under Settings you can choose otherwise."
_WITHOUT_TRAY = {
    None: f"Kalends works without one. When you close this window it asks whether to go on syncing. {_BACK}",
    True: f"Kalends works without one, and goes on syncing when you close this window. {_BACK}",
    False: "Kalends works without one. When you close this window it quits, and nothing syncs until you start it "
    "again; under Settings you can choose otherwise.",
}
"""What closing means where there is no tray, by what the person chose."""
SMALLEST = QSize(920, 520)
_FRAME = QSize(16, 48)
"""What a window manager draws around a window, about."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of the sidebar, in its order."""

    overview: OverviewPage
    pairs: PairsPage
    accounts: AccountsPage
    activity: ActivityPage
    settings: SettingsPage


class MainWindow(QMainWindow):
    """Everything a person sees, but the tray.

    Args:
        theme: its colours.
        commands: what its keys do.
        pages: what the sidebar leads to.
    """

    quit_wanted = Signal()
    new_pair_wanted = Signal()
    undo_wanted = Signal()
    """The last run shall be undone, as far as it can be."""
    close_wanted = Signal()
    ticked = Signal()
    """Half a minute has passed in which the window was shown."""
    """The window was to be closed; whether it hides, asks or quits is not its decision."""

    def __init__(self, theme: Theme, commands: Commands, pages: Pages) -> None:
        super().__init__()
        self._theme = theme
        self._commands = commands
        self._snapshot: Snapshot | None = None
        self.overview = pages.overview
        self.pairs = pages.pairs
        self.accounts = pages.accounts
        self.activity = pages.activity
        self.settings = pages.settings
        self.welcome = WelcomePage(theme)
        self.start = StartPage(theme)
        self.demo_strip = DemoStrip(theme)
        self.messages = MessageArea(theme)
        self.sidebar = Sidebar(theme)
        self._pages: dict[str, QWidget] = {}
        for name, text, glyph, page in (
            ("overview", "Overview", "layout-dashboard", pages.overview),
            ("pairs", "Sync pairs", "arrow-left-right", pages.pairs),
            ("accounts", "Accounts", "users", pages.accounts),
            ("activity", "Activity", "history", pages.activity),
            ("settings", "Settings", "settings", pages.settings),
        ):
            self.sidebar.add(name, text, glyph)
            self._pages[name] = page
        self.sidebar.page_wanted.connect(self.show_page)
        self.sidebar.help_wanted.connect(self.show_help)
        self.settings.help_wanted.connect(self.show_help)
        for demo_wanted in (
            pages.settings.demo_wanted,
            pages.overview.demo_wanted,
            pages.pairs.demo_wanted,
            pages.activity.demo_wanted,
        ):
            demo_wanted.connect(self.welcome.demo_wanted)
        self.settings.quit_wanted.connect(self.quit_wanted)
        self.overview.check_wanted.connect(self.check_everything)
        self._wanted = "overview"
        self._closing = False
        self._no_tray_read = False
        self.setWindowTitle("Kalends")
        self.setWindowIcon(own_icon("kalends"))
        self.take_size(SIZE)
        self._stack = QStackedWidget()
        for part in (self.start, self.welcome, *self._pages.values()):
            self._stack.addWidget(part)
        self._no_tray = self._no_tray_note()
        content = QWidget()
        content.setObjectName("page")
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.demo_strip)
        column.addWidget(self.messages)
        column.addWidget(self._stack, 1)
        column.addWidget(self._no_tray)
        central = QWidget()
        row = QHBoxLayout(central)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.sidebar)
        row.addWidget(content, 1)
        self.setCentralWidget(central)
        self._behind: list[OverviewPage | PairsPage | AccountsPage | ActivityPage | SettingsPage] = []
        self._catching_up = QTimer(self)
        self._catching_up.setSingleShot(True)
        self._catching_up.timeout.connect(self._catch_up)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._say_times)
        self._tick.timeout.connect(self.ticked)
        self.menu = MenuBar([(name, button.accessibleName()) for name, button in self.sidebar.buttons.items()])
        self.menu.asked.connect(self._act)
        self.menu.page_wanted.connect(self.show_page)
        self.setMenuBar(self.menu)
        self.show_start("Starting…")

    def take_size(self, size: QSize) -> None:
        """Be as large as that, as far as the screen has room: where it is small or scaled up, the frame's close button
        must still be on it."""
        room = self.screen().availableGeometry().size() - _FRAME
        self.setMinimumSize(SMALLEST.boundedTo(room))
        self.resize(size.boundedTo(room))

    def _no_tray_note(self) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(28, 10, 28, 16)
        note = Note(
            self._theme,
            Tone.QUIET,
            "This desktop shows no status icons",
            _WITHOUT_TRAY[None],
        )
        self._no_tray_words = note
        note.closable(self._close_no_tray_note)
        column.addWidget(note)
        box.hide()
        return box

    def _close_no_tray_note(self) -> None:
        self._no_tray_read = True
        self._no_tray.hide()

    def _act(self, act: Act) -> None:
        """Do what a key or the menu bar asks for."""
        acts: dict[Act, Callable[[], object]] = {
            Act.SYNC: self._sync,
            Act.CHECK: self.check_everything,
            Act.PAUSE: self._pause_or_resume,
            Act.NEW_PAIR: self._new_pair,
            Act.UNDO: self._undo,
            Act.FIND: self._find,
            Act.ACTIVITY: partial(self.show_page, "activity"),
            Act.SETTINGS: partial(self.show_page, "settings"),
            Act.HELP: self.show_help,
            Act.CLOSE: self.close,
            Act.QUIT: self.quit_wanted.emit,
        }
        acts[act]()

    # -- what keys ask for ------------------------------------------------------------------------------------------

    @property
    def _known(self) -> Snapshot | None:
        """What is known, while there is something to act on."""
        return self._snapshot if self.sidebar.isVisibleTo(self) else None

    def _sync(self) -> None:
        if self._known is not None:
            self._commands.sync_all()

    def check_everything(self) -> None:
        """Sync every active pair by reading its calendars whole."""
        for view in self._known.pairs if self._known is not None else ():
            if view.pair.status is PairStatus.ACTIVE:
                self._commands.sync_pair(view.pair.id, full=True)

    def _pause_or_resume(self) -> None:
        if self._known is None or not self._known.pairs:
            return
        if menus.resume_text(self._known.pairs) is not None:
            self._commands.resume_all()
        else:
            self._commands.pause_all(None)

    def _new_pair(self) -> None:
        if self._known is not None:
            self.new_pair_wanted.emit()

    def _find(self) -> None:
        if self._known is not None:
            self.show_page("activity")
            self.activity.seek()

    def _undo(self) -> None:
        """Take back what was just done, as long as the message about it stands; else look at the last run."""
        if self._known is not None and not self.messages.undo_last():
            self.undo_wanted.emit()

    def show_help(self) -> HelpSheet:
        """Say what each page is for, and list the keys."""
        sheet = HelpSheet(self._theme, self)
        sheet.quit_button.clicked.connect(self.quit_wanted)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.open()
        return sheet

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show_start(self, text: str) -> None:
        """There is no core at the moment."""
        self.start.show_starting(text)
        self._show_bare(self.start)

    def show_start_failure(self, sentence: str, fix: str | None, *, can_go_back: bool) -> None:
        """The core could not start."""
        self.start.show_failure(sentence, fix, can_go_back=can_go_back)
        self._show_bare(self.start)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show how everything is doing; without any account, the welcome."""
        self._snapshot = snapshot
        self._behind = [self.overview, self.pairs, self.accounts, self.activity, self.settings]
        self._bring_up(self._pages[self._wanted])
        self._catching_up.start()
        at_rest = (AccountStatus.CONNECTED, AccountStatus.SIGNED_OUT)
        ended = sum(account.status not in at_rest for account in snapshot.accounts)
        self.sidebar.flag_accounts(ended)
        self.sidebar.show_foot(snapshot.status.version, snapshot.status.api_url)
        if not snapshot.accounts and not snapshot.is_demo:
            self._show_bare(self.welcome)
            return
        self.demo_strip.setVisible(snapshot.is_demo)
        self.menu.show_known(True)
        if not self.sidebar.isVisibleTo(self):
            self.sidebar.show()
            self.show_page(self._wanted)
            self.sidebar.buttons[self._wanted].setFocus(Qt.FocusReason.OtherFocusReason)

    def _bring_up(self, page: QWidget) -> None:
        """Let a page show what is known by now, if it does not yet."""
        for behind in self._behind:
            if behind is page and self._snapshot is not None:
                self._behind.remove(behind)
                behind.show_snapshot(self._snapshot)
                return

    def _catch_up(self) -> None:
        """Bring up one of the pages nobody looks at: all at once would keep the one in view from being drawn."""
        if self._behind:
            self._bring_up(self._behind[0])
        if self._behind:
            self._catching_up.start()

    @property
    def is_up_to_date(self) -> bool:
        """Whether every page shows what is known."""
        return not self._behind

    def show_page(self, name: str) -> None:
        """Show a page of the sidebar by its name, once there is something to show."""
        self._wanted = name
        self._bring_up(self._pages[name])
        if not self.sidebar.isVisibleTo(self):
            return
        self.sidebar.show_page(name)
        self._stack.setCurrentWidget(self._pages[name])
        if name == "activity":
            self.activity.read()
        elif name == "settings":
            self.settings.read()

    def forget(self) -> None:
        """The core was stopped or switched: what the pages know is no longer true."""
        self._snapshot = None
        self._behind.clear()
        self.accounts.forget()
        self.activity.forget()
        self.settings.forget()

    def show_no_tray(self, missing: bool) -> None:
        """Say how the app goes on where there is no tray, until that was read."""
        self._no_tray.setVisible(missing and not self._no_tray_read)

    def show_closing(self, keep: bool | None) -> None:
        """Show what closing the window means: goes on, quits, or (None) asks where there is no tray."""
        self._no_tray_words.say_more(_WITHOUT_TRAY[keep])
        self.settings.show_closing(keep)

    @property
    def says_no_tray(self) -> bool:
        """Whether somebody can read now that there is no tray."""
        return self._no_tray.isVisible()

    def bring_up(self) -> None:
        """Show the window and put it in front, as far as the desktop allows."""
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()

    def end(self) -> None:
        """Close for good, with whatever sheet is open."""
        for sheet in self.findChildren(QDialog):
            sheet.reject()
        self._closing = True
        self.close()

    def _say_times(self) -> None:
        self.overview.tick()
        self.pairs.tick()

    def _show_bare(self, page: QWidget) -> None:
        # Or Qt hands the focus of what is hidden to whatever comes next, with a ring around it.
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.sidebar.hide()
        self.menu.show_known(False)
        self.demo_strip.hide()
        self.demo_strip.happen.forget()
        self._stack.setCurrentWidget(page)

    # -- Qt's events ------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Say the times again, and go on doing so."""
        self._say_times()
        self._tick.start()
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks: no timer runs."""
        self._tick.stop()
        super().hideEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Leave the decision to whoever knows whether there is a tray."""
        if self._closing:
            event.accept()
            return
        event.ignore()
        self.close_wanted.emit()
