"""The preview: what a sync of one pair would do, event by event with its reason. It writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.domain.pairs import CopyDeleted, CopyEdited, PairStatus
from app.domain.runs import Run, RunStatus, Trigger
from app.services.views import PairView, RunView
from app.ui import words
from app.ui.action_list import ActionList
from app.ui.bridge import CoreThread
from app.ui.commands import Commands
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.widgets import Button, Frame, Label
from app.ui.words import Tone

WAIT_SECONDS = 300.0


class PreviewSheet(Sheet):
    """Looks, then shows.

    Args:
        theme: its colours.
        bridge: the way to the core.
        commands: what its button does.
        view: the pair.
        now: the clock.
        parent: the window it belongs to.
    """

    def __init__(
        self,
        theme: Theme,
        bridge: CoreThread,
        commands: Commands,
        view: PairView,
        now: Callable[[], datetime],
        parent: QWidget,
    ) -> None:
        super().__init__(theme, "What a sync would do", parent, width=680, fits=False)
        self._bridge = bridge
        self._commands = commands
        self._pair_id = view.pair.id
        self._paused = view.pair.status is PairStatus.PAUSED
        self._may_touch_originals = any(
            settings.copy_edited is CopyEdited.WRITE_BACK or settings.copy_deleted is CopyDeleted.DELETE_ORIGINAL
            for settings in (view.pair.settings, view.pair.settings_b_to_a)
            if settings is not None
        )
        self.mark("eye", Tone.BUSY)
        self.say("What a sync would do", words.pair_name(view))
        self.cancel_button.say("Close")
        self.counts = Label("Looking at both calendars…", "heading", wrap=True)
        self._note = Label("Nothing is written.", "muted", wrap=True)
        self.body.addWidget(self.counts)
        self.body.addWidget(self._note)
        self.list = ActionList(theme, "What a sync would do", now)
        self.list.bar.setContentsMargins(0, 0, 0, 0)
        self._card = Frame("card")
        inner = QHBoxLayout(self._card)
        inner.setContentsMargins(10, 10, 10, 4)
        inner.addWidget(self.list)
        self._card.hide()
        self.body.addWidget(self._card, 1)
        self.body.addStretch()
        self.again_button: Button = self.offer("Look again", "refresh-cw")
        self.again_button.setEnabled(False)
        self.again_button.clicked.connect(self.look)
        self.sync_button = self.offer("Start syncing" if self._paused else "Sync now", role="primary")
        self.sync_button.setEnabled(False)
        self.sync_button.clicked.connect(self._sync)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def look(self) -> None:
        """Ask for a dry run and show what comes of it."""
        self.counts.setText("Looking at both calendars…")
        self.work(self._look, self.again_button, self.sync_button)

    async def _look(self) -> None:
        try:
            run: Run = await self._bridge.call(lambda core: core.sync.request(self._pair_id, Trigger.MANUAL, dry=True))
            seen: RunView = await self._bridge.call(lambda core: core.sync.wait(run.id, WAIT_SECONDS))
        except BaseException:
            self.counts.setText("The calendars could not be looked at.")
            raise
        self._show(seen)

    def _show(self, seen: RunView) -> None:
        run = seen.run
        if not run.status.ended:
            self.counts.setText("This takes longer than usual.")
            self._note.setText("Nothing was written. The result will be under Activity.")
            return
        if run.status in (RunStatus.FAILED, RunStatus.SKIPPED, RunStatus.INTERRUPTED):
            self.counts.setText("The calendars could not be looked at.")
            self._note.setText(run.errors[0].message if run.errors else words.reason(run.reason))
            return
        self.counts.setText(words.would(words.planned(seen.actions)))
        note = "Nothing was written."
        if self._paused:
            note = "Nothing was written yet. The pair is paused until you start it."
        elif not self._may_touch_originals:
            note = "Nothing was written. Your own events are never touched."
        self._note.setText(note)
        self.list.show_actions(words.in_order_of_plan(seen.actions))
        self._card.setVisible(bool(seen.actions))
        if seen.actions and self.height() < 560:
            self.take_size(max(self.width(), 760), 600)

    def _sync(self) -> None:
        if self._paused:
            self._commands.resume_pair(self._pair_id)
        else:
            self._commands.sync_pair(self._pair_id)
        self.accept()
