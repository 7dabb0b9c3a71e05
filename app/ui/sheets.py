"""Opens every sheet over the window: one place that knows what each needs. It decides nothing about calendars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from app.domain.accounts import Account
from app.domain.keys import ApiKey
from app.domain.pairs import PairStatus
from app.services.views import PROVIDER_NAMES, ConnectionView, PairView
from app.ui import chosen_files, words
from app.ui.accounts_page import Usage
from app.ui.bridge import CoreThread
from app.ui.checkup_sheet import CheckupSheet
from app.ui.commands import Commands
from app.ui.delete_sheet import DeleteSheet
from app.ui.feed import Feed
from app.ui.hold_sheet import HoldSheet
from app.ui.key_sheet import KeySheet
from app.ui.licences_sheet import LicencesSheet
from app.ui.menus import PairWish
from app.ui.pair_draft import PairDraft
from app.ui.pair_sheet import PairSheet
from app.ui.pause_sheet import PauseSheet
from app.ui.preview_sheet import PreviewSheet
from app.ui.restore_sheet import RestoreSheet
from app.ui.sheet import ConfirmSheet
from app.ui.sign_in_sheet import OpenUrl, SignInSheet
from app.ui.stop_following_sheet import StopFollowingSheet
from app.ui.tasks import TaskRunner
from app.ui.theme import Theme
from app.ui.undo_sheet import UndoSheet
from app.ui.why_sheet import WhySheet

if TYPE_CHECKING:
    from app.services.core import Core

SETTINGS_FILE = "kalends-settings.json"
_SETTINGS_FILES = "Settings of Kalends (*.json);;All files (*)"

INTERVAL_SECONDS = 300
"""Of new pairs, until the preferences were read."""


class Sheets(QObject):
    """Opens sheets. Each belongs to the window and goes when it is closed.

    Args:
        theme: their colours.
        bridge: the way to the core.
        feed: what is known now; read again when a sheet has changed something.
        commands: what their buttons do.
        tasks: runs the readings.
        now: the clock.
        open_url: how a browser is opened.
    """

    activity_wanted = Signal(str)
    """The runs of the pair of this id."""
    keys_changed = Signal()
    settings_restored = Signal()
    """Preferences and pairs may be others now."""

    def __init__(
        self,
        theme: Theme,
        bridge: CoreThread,
        feed: Feed,
        commands: Commands,
        tasks: TaskRunner,
        now: Callable[[], datetime],
        open_url: OpenUrl,
    ) -> None:
        super().__init__(tasks)
        self._theme = theme
        self._bridge = bridge
        self._feed = feed
        self._commands = commands
        self._tasks = tasks
        self._now = now
        self.open_url = open_url
        self.interval_seconds = INTERVAL_SECONDS
        self._window: QWidget | None = None

    def belong_to(self, window: QWidget) -> None:
        """The window they are opened over."""
        self._window = window

    @property
    def window(self) -> QWidget:
        """The window they are opened over. Raises RuntimeError before there is one."""
        if self._window is None:
            raise RuntimeError("a sheet needs a window")
        return self._window

    # -- accounts ----------------------------------------------------------------------------------------------------

    def connect_account(self) -> SignInSheet:
        """Sign in to a service that is still to be chosen."""
        sheet = SignInSheet(self._theme, self._bridge, self._now, self.window, self.open_url)
        sheet.connected.connect(self._read)
        sheet.abandoned.connect(self._abandon)
        _open(sheet)
        return sheet

    def reconnect(self, account: Account) -> SignInSheet:
        """Sign in again."""
        sheet = self.connect_account()
        sheet.reconnect(account)
        return sheet

    def remove_account(self, usage: Usage) -> ConfirmSheet:
        """Remove an account; while pairs use it, the core refuses in words."""
        account = usage.account
        text = "Kalends signs out and forgets its calendars. Nothing in them is changed."
        if usage.pairs:
            pairs = "\n".join(f"•  {pair}" for pair in usage.pairs)
            text = f"These sync pairs use it. Delete them first, then the account can be removed.\n\n{pairs}"

        async def forget(core: Core) -> bool:
            await core.connections.remove_account(account.id)
            return True

        async def remove() -> None:
            gone: bool = await self._bridge.call(forget)
            if gone:
                await self._feed.read()

        sheet = ConfirmSheet(self._theme, f"Remove {account.email}?", text, "Remove account", remove, self.window)
        sheet.say(sheet.title.text(), PROVIDER_NAMES[account.provider])
        sheet.do_button.setEnabled(not usage.pairs)
        _open(sheet)
        return sheet

    def sign_out(self, usage: Usage) -> ConfirmSheet:
        """Sign out of an account and keep all else; says before what becomes of its pairs and their copies."""
        account = usage.account
        name = PROVIDER_NAMES[account.provider]
        text = (
            f"Kalends forgets its sign-in, and tells {name} so where {name} lets it. Its calendars stay listed, and "
            "nothing in them is changed. Under Accounts you can sign in again at any time."
        )
        if usage.pairs:
            pairs = "\n".join(f"•  {pair}" for pair in usage.pairs)
            text += f"\n\nThese sync pairs are paused, and their copies stay as they are:\n{pairs}"

        async def leave(core: Core) -> bool:
            await core.connections.sign_out(account.id)
            return True

        async def sign_out() -> None:
            gone: bool = await self._bridge.call(leave)
            if gone:
                await self._feed.read()

        sheet = ConfirmSheet(self._theme, f"Sign out of {account.email}?", text, "Sign out", sign_out, self.window)
        sheet.say(sheet.title.text(), name)
        _open(sheet)
        return sheet

    def stop_following(self, view: ConnectionView) -> StopFollowingSheet:
        """Let one calendar go, with the pairs that use it."""
        snapshot = self._feed.latest
        known, pairs = (snapshot.connections, snapshot.pairs) if snapshot is not None else ((view,), ())
        using = [pair for pair in pairs if view.connection.id in (pair.a.connection.id, pair.b.connection.id)]
        mine = [one for one in known if one.account.id == view.account.id]
        sheet = StopFollowingSheet(self._theme, self._bridge, view, using, self.window, is_last=len(mine) == 1)
        sheet.let_go.connect(self._read)
        _open(sheet)
        return sheet

    # -- pairs -------------------------------------------------------------------------------------------------------

    def new_pair(self) -> PairSheet | None:
        """Make a pair; None while nothing is known yet."""
        snapshot = self._feed.latest
        if snapshot is None:
            return None
        draft = PairDraft.first(snapshot.connections, self.interval_seconds, snapshot.pairs)
        known, pairs = snapshot.connections, snapshot.pairs
        sheet = PairSheet(self._theme, self._bridge, known, draft, pairs, self._now, self.window)
        sheet.saved.connect(self._made)
        _open(sheet)
        return sheet

    def open_for(self, wish: PairWish, pair_id: str) -> None:
        """Open what a menu of a pair asked for."""
        view = self._pair(pair_id)
        if wish is PairWish.ACTIVITY:
            self.activity_wanted.emit(pair_id)
        elif view is None:
            self._read()  # it is gone: show what is there
        elif wish is PairWish.EDIT:
            self.edit_pair(view)
        elif wish is PairWish.PREVIEW:
            self.preview(view)
        elif wish is PairWish.PAUSE_UNTIL:
            self.pause_pair_until(view)
        elif wish is PairWish.WHY:
            self.why(pair_id=pair_id)
        elif wish is PairWish.DUPLICATE:
            self.duplicate_pair(view)
        elif wish is PairWish.COPY_ID:
            QGuiApplication.clipboard().setText(pair_id)
        elif wish is PairWish.COPY_CURL:
            QGuiApplication.clipboard().setText(self._curl(pair_id))
        elif wish is PairWish.DELETE:
            self.delete_pair(view)

    def edit_pair(self, view: PairView) -> PairSheet:
        """Change a pair."""
        snapshot = self._feed.latest
        known = snapshot.connections if snapshot is not None else ()
        pairs = snapshot.pairs if snapshot is not None else ()
        calendars = {side.connection.id: side for side in (*known, view.a, view.b)}
        draft = PairDraft.of(view)
        sheet = PairSheet(self._theme, self._bridge, tuple(calendars.values()), draft, pairs, self._now, self.window)
        sheet.saved.connect(self._read)
        _open(sheet)
        return sheet

    def duplicate_pair(self, view: PairView) -> PairSheet:
        """Make a pair like another; where its copies go is still to be chosen."""
        snapshot = self._feed.latest
        known = snapshot.connections if snapshot is not None else (view.a, view.b)
        pairs = snapshot.pairs if snapshot is not None else ()
        draft = replace(PairDraft.of(view), pair=None, to_id=None)
        sheet = PairSheet(self._theme, self._bridge, known, draft, pairs, self._now, self.window)
        sheet.saved.connect(self._made)
        _open(sheet)
        return sheet

    def why(self, event: str = "", *, pair_id: str = "") -> WhySheet:
        """Explain why an event is there, or not; without one, ask which."""
        pairs = self._feed.latest.pairs if self._feed.latest is not None else ()
        sheet = WhySheet(self._theme, self._bridge, pairs, self._now, self.window)
        sheet.edit_wanted.connect(lambda wanted: self.open_for(PairWish.EDIT, wanted))
        _open(sheet)
        sheet.begin_with(event, pair_id)
        return sheet

    def preview(self, view: PairView) -> PreviewSheet:
        """Show what a sync would do."""
        sheet = PreviewSheet(self._theme, self._bridge, self._commands, view, self._now, self.window)
        _open(sheet)
        sheet.look()
        return sheet

    def delete_pair(self, view: PairView) -> DeleteSheet:
        """Delete a pair, after asking what happens to its copies."""
        sheet = DeleteSheet(self._theme, self._bridge, view, self.window)
        sheet.deleted.connect(self._read)
        _open(sheet)
        return sheet

    def review_hold(self, pair_id: str) -> HoldSheet:
        """Show what waits for the person in a pair."""
        view = self._pair(pair_id)
        name = words.pair_name(view) if view is not None else ""
        sheet = HoldSheet(self._theme, self._bridge, pair_id, name, self._now, self.window)
        sheet.finished.connect(self._read)
        _open(sheet)
        return sheet

    def undo_run(self, run_id: str) -> UndoSheet:
        """Show what of a run can be undone, and undo it when asked."""
        sheet = UndoSheet(self._theme, self._bridge, run_id, self._now, self.window)
        sheet.undone.connect(self._read)
        _open(sheet)
        sheet.look()
        return sheet

    def pause_pair_until(self, view: PairView) -> PauseSheet:
        """Pause one pair until a moment of choice."""
        sheet = PauseSheet(self._theme, words.pair_name(view), self._now, self.window)
        sheet.chosen.connect(lambda until: self._commands.pause_pair(view.pair.id, until))
        _open(sheet)
        return sheet

    def pause_all_until(self) -> PauseSheet:
        """Pause everything until a moment of choice."""
        sheet = PauseSheet(self._theme, "All sync pairs", self._now, self.window)
        sheet.chosen.connect(self._commands.pause_all)
        _open(sheet)
        return sheet

    # -- keys and the rest -------------------------------------------------------------------------------------------

    def new_key(self) -> KeySheet:
        """Make an API key."""
        sheet = KeySheet(self._theme, self._bridge, self.window)
        sheet.made.connect(self.keys_changed)
        _open(sheet)
        return sheet

    def revoke_key(self, key: ApiKey) -> ConfirmSheet:
        """End an API key, after asking."""

        async def revoke() -> None:
            await self._bridge.call(lambda core: core.keys.revoke(key.id))
            self.keys_changed.emit()

        title = f"Revoke “{key.label}”?"
        text = "Whatever uses this key is refused from now on. This cannot be undone."
        sheet = ConfirmSheet(self._theme, title, text, "Revoke key", revoke, self.window)
        _open(sheet)
        return sheet

    def ask_where_to_save(self) -> None:
        """Let the person choose a file, and save the settings in it."""
        dialog = QFileDialog(self.window, "Save a copy of the settings", SETTINGS_FILE, _SETTINGS_FILES)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(SETTINGS_FILE)
        dialog.fileSelected.connect(lambda chosen: self.save_settings(Path(chosen)))
        dialog.open()

    def save_settings(self, file: Path) -> None:
        """Save preferences and pairs in a file."""

        async def work() -> None:
            text: str = await self._bridge.call(lambda core: core.settings_files.export())
            chosen_files.write(file, text)
            self._commands.done.emit(f"Saved as {file.name}. No sign-in is in it.", None)

        self._tasks.spawn(work)

    def ask_for_settings(self) -> None:
        """Let the person choose a settings file, and restore from it."""
        dialog = QFileDialog(self.window, "Restore from a settings file", "", _SETTINGS_FILES)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda chosen: self.restore_settings(Path(chosen)))
        dialog.open()

    def restore_settings(self, file: Path) -> RestoreSheet:
        """Restore from a settings file, and say what came of it."""
        sheet = RestoreSheet(self._theme, self._bridge, file, self.window)
        sheet.restored.connect(self.settings_restored)
        sheet.connect_wanted.connect(self.connect_account)
        _open(sheet)
        sheet.restore()
        return sheet

    def checkup(self) -> CheckupSheet:
        """Look at everything that Kalends needs."""
        sheet = CheckupSheet(self._theme, self._bridge, self.window)
        _open(sheet)
        sheet.look()
        return sheet

    def licences(self) -> LicencesSheet:
        """Show what Kalends is made of."""
        sheet = LicencesSheet(self._theme, self.window)
        _open(sheet)
        return sheet

    # -- inside ------------------------------------------------------------------------------------------------------

    def _pair(self, pair_id: str) -> PairView | None:
        pairs = self._feed.latest.pairs if self._feed.latest is not None else ()
        return next((view for view in pairs if view.pair.id == pair_id), None)

    def _curl(self, pair_id: str) -> str:
        """The command that starts a sync of a pair by the local API (`contract/api.md` §6)."""
        status = self._feed.latest.status if self._feed.latest is not None else None
        url = ((status.api_url if status is not None else None) or "http://127.0.0.1:5545").rstrip("/")
        return f'curl -s -X POST {url}/api/v1/sync-pairs/{pair_id}/trigger -H "Authorization: Bearer $KALENDS_TOKEN"'

    def _read(self) -> None:
        self._tasks.spawn(self._feed.read, key="read")

    def _made(self, view: PairView) -> None:
        self._read()
        if view.pair.status is PairStatus.PAUSED:
            self.preview(view)

    def _abandon(self, attempt_id: str) -> None:
        self._tasks.spawn(lambda: self._bridge.call(lambda core: core.connections.cancel(attempt_id)))


def _open(sheet: QDialog) -> None:
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    sheet.open()
