"""Restoring from a settings file: does it, and says what came back and what is still missing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.services.settings_files import Restored
from app.ui import chosen_files, words
from app.ui.bridge import CoreThread
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.widgets import Label
from app.ui.words import Tone


class RestoreSheet(Sheet):
    """Restores, and tells.

    Args:
        theme: its colours.
        bridge: the way to the core.
        file: the settings file.
        parent: the window it belongs to.
    """

    restored = Signal()
    """Preferences and pairs may be others now."""
    connect_wanted = Signal()

    def __init__(self, theme: Theme, bridge: CoreThread, file: Path, parent: QWidget) -> None:
        super().__init__(theme, "Restore from a settings file", parent, width=520)
        self._bridge = bridge
        self._file = file
        self.mark("history", Tone.BUSY)
        self.say("Restore from a settings file", file.name)
        self.outcome = Label("Restoring…", wrap=True)
        self.body.addWidget(self.outcome)
        self.body.addStretch(1)
        self.cancel_button.say("Close")
        self.connect_button = self.offer("Connect an account", "plus", role="primary")
        self.connect_button.clicked.connect(self._connect)
        self.connect_button.hide()

    def restore(self) -> None:
        """Do it."""
        self.work(self._restore)

    async def _restore(self) -> None:
        try:
            text = chosen_files.read(self._file)
            found: Restored = await self._bridge.call(lambda core: core.settings_files.restore(text))
        except BaseException:
            self.outcome.setText("Nothing was restored.")
            raise
        self.outcome.setText("\n".join(_told(found)))
        self.connect_button.setVisible(any(one.accounts for one in found.missing))
        self.restored.emit()

    def _connect(self) -> None:
        self.accept()
        self.connect_wanted.emit()


def _told(found: Restored) -> list[str]:
    told = ["Your preferences are as the file says."]
    if found.made:
        told.append(
            f"{words.plural(len(found.made), 'sync pair', 'sync pairs')} restored, paused: look at a preview of each, "
            "then resume it."
        )
        told += [f"•  {words.pair_name(view)}" for view in found.made]
    if found.there:
        told.append(f"{words.plural(found.there, 'sync pair was', 'sync pairs were')} there already.")
    accounts = list(dict.fromkeys(account for one in found.missing for account in one.accounts))
    if accounts:
        told += ["", "Sign-ins are never in such a file. Connect these accounts, then restore from it once more:"]
        told += [f"•  {account}" for account in accounts]
    refused = [one for one in found.missing if not one.accounts]
    if refused:
        told += ["", "These could not be restored:"]
        told += [f"•  {one.name}: {one.reason}" for one in refused]
    return told
