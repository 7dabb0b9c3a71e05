"""The sign-in sheet: choose a service, wait for the browser, say how it ended. It never shows or logs a secret.

The link carries a secret state: it goes to the browser or the clipboard, and into no label.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.accounts import Account, Provider
from app.domain.errors import KalendsError
from app.services.views import PROVIDER_NAMES, Attempt, AttemptStatus
from app.ui.bridge import CoreThread
from app.ui.focus import give_focus
from app.ui.sheet import FittedDialog
from app.ui.tasks import Failure, TaskRunner
from app.ui.theme import Theme
from app.ui.widgets import Badge, Button, Icon, Label
from app.ui.words import Tone

if TYPE_CHECKING:
    from app.services.core import Core

OFFERED = (
    (Provider.GOOGLE, "Google", "Google Calendar, with a Gmail or Workspace account"),
    (Provider.MICROSOFT, "Microsoft", "Outlook Calendar, with an Outlook.com or Microsoft 365 account"),
)

_READ_AT_START = ("client_missing",)
"""What cannot be mended while Kalends runs."""
_IN_SETTINGS_FILE = ("client_missing", "vault_missing")
"""What is mended in the settings file, so that its place has to be known."""

OpenUrl = Callable[[str], bool]
"""Opens an address in the person's browser; False when that did not work."""


def open_in_browser(url: str) -> bool:
    """Open `url`, exactly as it is, in the system's browser."""
    return QDesktopServices.openUrl(QUrl.fromEncoded(url.encode()))


class SignInSheet(FittedDialog):
    """One sign-in, from the choice of the service to its end.

    Args:
        theme: its colours.
        bridge: the way to the core.
        now: the clock.
        parent: the window it belongs to.
        open_url: how a browser is opened.
    """

    connected = Signal(object)
    """It worked: the `Attempt`."""
    abandoned = Signal(str)
    """The sheet was closed while the attempt of this id was under way."""

    def __init__(
        self,
        theme: Theme,
        bridge: CoreThread,
        now: Callable[[], datetime],
        parent: QWidget,
        open_url: OpenUrl = open_in_browser,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._now = now
        self._open_url = open_url
        self._attempt: Attempt | None = None
        self._again: Callable[[], None] = self._show_choice
        self._tasks = TaskRunner(self)
        self.setModal(True)
        self.setWindowTitle("Connect a calendar")
        self.setMinimumWidth(480)
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._show_time_left)
        self._choice = _Choice(theme)
        for provider, button in self._choice.buttons.items():
            button.clicked.connect(partial(self.sign_in_to, provider))
        self._waiting = _Waiting(theme)
        self._waiting.open_button.clicked.connect(self._open_page)
        self._waiting.copy_button.clicked.connect(self._copy_link)
        self._failed = _Failed(theme)
        self._failed.again_button.clicked.connect(lambda: self._again())
        self._failed.folder_wanted.connect(open_url)
        for page in (self._choice, self._waiting, self._failed):
            page.cancel_button.clicked.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 24, 28, 22)
        for page in (self._choice, self._waiting, self._failed):
            column.addWidget(page)
        self._tasks.failed.connect(self._show_unexpected)
        self._show_choice()

    # -- what is asked ----------------------------------------------------------------------------------------------

    def sign_in_to(self, provider: Provider) -> None:
        """Begin a sign-in at a service."""
        self._again = partial(self.sign_in_to, provider)
        self._name(PROVIDER_NAMES[provider])
        self._tasks.spawn(partial(self._sign_in, lambda core: core.connections.begin(provider)), key="sign in")

    def reconnect(self, account: Account) -> None:
        """Begin a sign-in for an account that is known already."""
        self._again = partial(self.reconnect, account)
        self._name(f"{PROVIDER_NAMES[account.provider]} as {account.email}")
        self._tasks.spawn(partial(self._sign_in, lambda core: core.connections.reconnect(account.id)), key="sign in")

    def reject(self) -> None:
        """Close it; a sign-in under way is given up."""
        self._clock.stop()
        self._tasks.cancel()
        self._give_up()
        super().reject()

    def _give_up(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None and attempt.status is AttemptStatus.PENDING:
            self.abandoned.emit(attempt.id)

    async def _sign_in(self, begin: Callable[[Core], Awaitable[Attempt]]) -> None:
        self._attempt = None
        self._waiting.show_preparing()
        self._turn_to(self._waiting)
        try:
            attempt: Attempt = await self._bridge.call(begin)
            self._attempt = attempt
            self._waiting.show_waiting()
            self._open_page()
            self._clock.start()
            self._show_time_left()
            ended: Attempt = await self._bridge.call(lambda core: core.connections.finish(attempt.id))
        except KalendsError as error:
            self._give_up()
            file = None
            if error.code in _IN_SETTINGS_FILE:
                file = await self._bridge.call(lambda core: core.info.config_file)
            self._show_failure(error.message, error.fix, file, again=error.code not in _READ_AT_START)
            return
        self._clock.stop()
        self._attempt = ended
        if ended.status is AttemptStatus.DONE:
            self.connected.emit(ended)
            self.accept()
        elif ended.status is AttemptStatus.EXPIRED:
            self._show_failure(ended.error or "The sign-in took too long, so it was ended. Nothing was changed.", None)
        else:
            self._show_failure(ended.error or "The sign-in did not work. Nothing was changed.", None)

    def _open_page(self) -> None:
        if self._attempt is not None:
            self._waiting.show_opened(self._open_url(self._attempt.authorization_url))

    def _copy_link(self) -> None:
        if self._attempt is not None:
            QGuiApplication.clipboard().setText(self._attempt.authorization_url)
            self._waiting.copy_button.say("Link copied")

    # -- what is shown ----------------------------------------------------------------------------------------------

    def _name(self, whom: str) -> None:
        self.setWindowTitle(f"Sign in to {whom}")
        self._waiting.title.setText(f"Sign in to {whom}")

    def _show_choice(self) -> None:
        self._turn_to(self._choice)

    def _turn_to(self, shown: QWidget) -> None:
        """Show one page; the others take no room meanwhile."""
        before: QWidget | None = QApplication.focusWidget()
        pages: dict[QWidget, QWidget] = {
            self._choice: self._choice.buttons[Provider.GOOGLE],
            self._waiting: self._waiting.cancel_button,
            self._failed: self._failed.again_button if self._failed.can_try_again else self._failed.copy_button,
        }
        shown.show()
        give_focus(pages[shown], before)
        for page in pages:
            page.setVisible(page is shown)

    def _show_unexpected(self, failure: Failure) -> None:
        """What nobody foresaw ends like any other failure: in words, with *Try again*."""
        self._give_up()
        self._show_failure(failure.sentence, failure.fix)

    def _show_failure(self, sentence: str, fix: str | None, file: Path | None = None, *, again: bool = True) -> None:
        self._clock.stop()
        self._failed.say(sentence, fix, file, again=again)
        self._turn_to(self._failed)

    def _show_time_left(self) -> None:
        if self._attempt is None:
            return
        seconds = max(0, round((self._attempt.expires_at - self._now()).total_seconds()))
        self._waiting.left.setText(f"{seconds // 60}:{seconds % 60:02d} left")


class _Service(Button):
    """One service: its name, and which calendars that means."""

    def __init__(self, theme: Theme, name: str, detail: str) -> None:
        super().__init__(theme, "", role="choice", name=f"{name}: {detail}")
        texts = QVBoxLayout()
        texts.setSpacing(1)
        texts.addWidget(Label(name, "strong"))
        texts.addWidget(Label(detail, "small"))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 11, 14, 11)
        row.setSpacing(14)
        row.addWidget(Badge(theme, "calendar-days", Tone.BUSY, 36))
        row.addLayout(texts, 1)
        row.addWidget(Icon(theme, "arrow-right"))
        self._row = row
        for part in self.findChildren(QWidget):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def sizeHint(self) -> QSize:
        """As large as what is in it."""
        return self._row.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Its words are not cut."""
        return self._row.minimumSize()


class _Choice(QWidget):
    """Which service?"""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.buttons: dict[Provider, Button] = {}
        column = _column(self)
        column.addWidget(Label("Connect a calendar", "title"))
        column.addWidget(
            Label("Your browser opens for the sign-in. Kalends never sees your password.", "muted", wrap=True)
        )
        column.addSpacing(8)
        for provider, name, detail in OFFERED:
            button = _Service(theme, name, detail)
            self.buttons[provider] = button
            column.addWidget(button)
        self.cancel_button = Button(theme, "Cancel")
        column.addLayout(_row(self.cancel_button))


class _Waiting(QWidget):
    """The browser has it now."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.title = Label("", "title", wrap=True)
        self._text = Label("", wrap=True)
        self._state = Label("", "muted")
        self.left = Label("", "muted")
        self.open_button = Button(theme, "Open the page again", "external-link")
        self.copy_button = Button(theme, "Copy link", "copy")
        self.cancel_button = Button(theme, "Cancel")
        column = _column(self)
        column.addWidget(self.title)
        column.addWidget(self._text)
        column.addSpacing(8)
        state = QHBoxLayout()
        state.setSpacing(8)
        state.addWidget(Icon(theme, "hourglass", lambda colours: colours.accent))
        state.addWidget(self._state)
        state.addStretch(1)
        state.addWidget(self.left)
        column.addLayout(state)
        column.addSpacing(8)
        column.addWidget(
            Label("We ask for: reading and writing calendars. Not asked: mail, contacts.", "small", wrap=True)
        )
        column.addLayout(_row(self.cancel_button, self.open_button, self.copy_button))

    def show_preparing(self) -> None:
        self._text.setText("Your browser opens in a moment.")
        self._state.setText("Preparing the sign-in…")
        self.left.clear()
        self.copy_button.say("Copy link")
        self.open_button.setEnabled(False)
        self.copy_button.setEnabled(False)

    def show_waiting(self) -> None:
        self._state.setText("Waiting for the sign-in…")
        self.open_button.setEnabled(True)
        self.copy_button.setEnabled(True)

    def show_opened(self, opened: bool) -> None:
        if opened:
            text = (
                "Finish in your browser, then come back: this window continues by itself. If no page opened, copy "
                "the link and open it in any browser on this computer."
            )
        else:
            text = "The browser could not be opened. Copy the link and open it in any browser on this computer."
        self._text.setText(text)


class _Failed(QWidget):
    """It did not work."""

    folder_wanted = Signal(str)
    """Open this address."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._sentence = Label("", "heading", wrap=True)
        self._fix = Label("", "muted", wrap=True)
        self._fix.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._file: Path | None = None
        self.can_try_again = True
        self._path = Label("", "code", wrap=True)
        self._then = Label("", wrap=True)
        self.copy_button = Button(theme, "Copy path", "copy", name="Copy the path of the settings file")
        self.copy_button.clicked.connect(self._copy)
        self.folder_button = Button(theme, "Open folder", "folder-open", name="Open the folder of the settings file")
        self.folder_button.clicked.connect(self._open)
        self.again_button = Button(theme, "Try again", "refresh-cw", "primary")
        self.cancel_button = Button(theme, "Close")
        head = QHBoxLayout()
        head.setSpacing(14)
        head.addWidget(Badge(theme, "circle-x", Tone.FAILED, 40))
        head.addWidget(self._sentence, 1)
        column = _column(self)
        column.addLayout(head)
        column.addWidget(self._fix)
        column.addWidget(self._path)
        column.addWidget(self._then)
        column.addLayout(_row(self.cancel_button, self.copy_button, self.folder_button, self.again_button))

    def say(self, sentence: str, fix: str | None, file: Path | None, *, again: bool) -> None:
        self._file = file
        self.can_try_again = again
        self._path.setText(str(file) if file is not None else "")
        self._then.setText("Kalends reads this file when it starts: change it, then quit and start Kalends again.")
        self.copy_button.say("Copy path")
        for part in (self._path, self._then, self.copy_button, self.folder_button):
            part.setVisible(file is not None)
        self.again_button.setVisible(again)
        self._sentence.setText(sentence)
        self._fix.setText(fix or "")
        self._fix.setVisible(bool(fix))
        self.setAccessibleName(sentence)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(str(self._file))
        self.copy_button.say("Path copied")

    def _open(self) -> None:
        if self._file is not None:
            self.folder_wanted.emit(QUrl.fromLocalFile(str(self._file.parent)).toString())


def _column(page: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(8)
    return column


def _row(cancel: Button, *buttons: Button) -> QHBoxLayout:
    """The way out at the left end, what goes on at the right, as in every sheet."""
    row = QHBoxLayout()
    row.setContentsMargins(0, 14, 0, 0)
    row.setSpacing(8)
    for button in (cancel, *buttons):
        button.setAutoDefault(False)
        row.addWidget(button)
    row.insertStretch(1, 1)
    return row
