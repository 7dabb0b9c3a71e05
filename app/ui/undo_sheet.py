"""Undoing a run: what of it can be undone, event by event, then the undo and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.domain.runs import ActionRecord, ActionResult, Run, Undoable, Verb
from app.services.shapes import UNDO_SENTENCES
from app.services.views import RunView, UndoChange, UndoView
from app.ui import words
from app.ui.action_list import ActionList
from app.ui.bridge import CoreThread
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.widgets import Button, Frame, Label
from app.ui.words import Tone

WAIT_SECONDS = 300.0


class UndoSheet(Sheet):
    """Looks, asks, undoes.

    Args:
        theme: its colours.
        bridge: the way to the core.
        run_id: the run to undo.
        now: the clock.
        parent: the window it belongs to.
    """

    undone = Signal(str)
    """A run undid it; its id."""

    def __init__(
        self, theme: Theme, bridge: CoreThread, run_id: str, now: Callable[[], datetime], parent: QWidget
    ) -> None:
        super().__init__(theme, "Undo this run?", parent, width=680, fits=False)
        self._bridge = bridge
        self._run_id = run_id
        self._run: Run | None = None
        self.mark("history", Tone.BUSY)
        self.counts = Label("Looking at the events of this run…", "heading", wrap=True)
        self._note = Label("Nothing is written until you undo it.", "muted", wrap=True)
        self.body.addWidget(self.counts)
        self.body.addWidget(self._note)
        self.list = ActionList(theme, "What this run did", now)
        self.list.bar.setContentsMargins(0, 0, 0, 0)
        self._card = Frame("card")
        inner = QHBoxLayout(self._card)
        inner.setContentsMargins(10, 10, 10, 4)
        inner.addWidget(self.list)
        self._card.hide()
        self.body.addWidget(self._card, 1)
        self.body.addStretch()
        self.undo_button: Button = self.offer("Undo", "history", role="primary")
        self.undo_button.setEnabled(False)
        self.undo_button.clicked.connect(self._undo)

    def look(self) -> None:
        """Ask what can be undone and show it."""
        self.work(self._look)

    async def _look(self) -> None:
        try:
            view: UndoView = await self._bridge.call(lambda core: core.undo.look(self._run_id))
        except BaseException:
            self.counts.setText("What can be undone could not be looked at.")
            raise
        self.counts.setText(words.undoable(view))
        self._note.setText(
            "The next syncs leave it undone. Undoing the undo does it again."
            if view.possible
            else "There is nothing left to undo."
        )
        self.undo_button.setEnabled(view.possible > 0)
        self.list.show_actions(tuple(_line(change) for change in view.changes))
        self._card.setVisible(bool(view.changes))
        if view.changes and self.height() < 560:
            self.take_size(max(self.width(), 760), 600)

    def _undo(self) -> None:
        self.work(self._carry_out, self.undo_button)

    async def _carry_out(self) -> None:
        if self._run is None:
            # Begun once: what failed after it is tried again without it.
            self._run = await self._bridge.call(lambda core: core.undo.start(self._run_id))
        run = self._run
        self.counts.setText("Undoing…")
        seen: RunView = await self._bridge.call(lambda core: core.sync.wait(run.id, WAIT_SECONDS))
        self.say("Undo this run" if not seen.run.status.ended else "Undone")
        self.counts.setText(words.undone(seen.run))
        self._note.setText(seen.run.errors[0].message if seen.run.errors else "Each step is under Activity.")
        self.undo_button.hide()
        self.cancel_button.say("Close")
        self.undone.emit(run.id)


def _line(change: UndoChange) -> ActionRecord:
    """A change as a line of a story: what cannot be undone is left out."""
    possible = change.state is Undoable.POSSIBLE
    return ActionRecord(
        direction_id="",
        original_id=change.original_id,
        occ=change.occ,
        verb=change.verb if possible else Verb.SKIP,
        reason=str(change.state),
        sentence=UNDO_SENTENCES[change.state],
        result=ActionResult.DONE if possible else ActionResult.PLANNED,
        title=change.title,
        starts_at=change.starts_at,
        all_day=change.all_day,
    )
