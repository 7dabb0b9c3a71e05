"""Stop following a calendar: says before what becomes of its sync pairs and of their copies, then does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.domain.errors import ConflictError
from app.domain.pairs import CopiesOnDelete
from app.domain.runs import RunStatus
from app.services.views import ConnectionView, PairView
from app.ui import words
from app.ui.bridge import CoreThread
from app.ui.choices import Choose
from app.ui.delete_sheet import OPTIONS
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.widgets import Label
from app.ui.words import Tone

if TYPE_CHECKING:
    from app.services.core import Core

WAIT_SECONDS = 600.0
"""So long a pair's copies may take to go before the person is told that it is still under way."""


class StopFollowingSheet(Sheet):
    """Asks, and lets a calendar go.

    Args:
        theme: its colours.
        bridge: the way to the core.
        view: the calendar.
        pairs: those that use it.
        is_last: it is the only calendar of its account that is followed.
        parent: the window it belongs to.
    """

    let_go = Signal()
    """It was done, or has gone so far that there is something new to see."""

    def __init__(
        self,
        theme: Theme,
        bridge: CoreThread,
        view: ConnectionView,
        pairs: Sequence[PairView],
        parent: QWidget,
        *,
        is_last: bool,
    ) -> None:
        super().__init__(theme, "Stop following a calendar", parent, width=540)
        self._bridge = bridge
        self._connection_id = view.connection.id
        self._pairs = tuple(pairs)
        self._numbers: Mapping[str, int] | None = None
        self.mark("unlink", Tone.ATTENTION)
        self.say(f"Stop following “{view.connection.name}”?", words.account_name(view.account))
        text = "Kalends forgets this calendar and what it read of it. Nothing in the calendar itself is changed."
        if is_last:
            text += f" It is the last one of {view.account.email}, so Kalends signs out of that account as well."
        self.body.addWidget(Label(text, wrap=True))
        self.count = Label("", wrap=True)
        self.choice: Choose[CopiesOnDelete] = Choose(theme, OPTIONS)
        self.choice.choose(CopiesOnDelete.KEEP)
        self.choice.group.idToggled.connect(self._say_verb)
        if pairs:
            listed = "\n".join(f"•  {words.pair_name(pair)}" for pair in pairs)
            which = "This sync pair uses it and is" if len(pairs) == 1 else "These sync pairs use it and are"
            self.body.addWidget(Label(f"{which} deleted with it:\n{listed}", wrap=True))
            self.body.addWidget(self.count)
            self.body.addWidget(self.choice)
        else:
            for part in (self.count, self.choice):
                part.setParent(self)
                part.hide()
        again = f"To follow it again, choose “Follow all calendars again” in the menu of {view.account.email}."
        if is_last:
            again = "To follow it again, add the account again."
        self.body.addWidget(Label(again, "muted", wrap=True))
        self.body.addStretch(1)
        self.do_button = self.offer("Stop following", role="danger")
        self.do_button.clicked.connect(lambda: self.work(self._let_go, self.do_button))
        self._say_verb()
        if pairs:
            self.work(self._read)
        self.cancel_button.setFocus()

    def _say_verb(self) -> None:
        kept = self.choice.value is CopiesOnDelete.KEEP
        self.do_button.setEnabled(self._numbers is not None or kept)
        if not self._pairs:
            return
        pairs = words.plural(len(self._pairs), "pair", "pairs")
        number = sum(self._numbers.values()) if self._numbers is not None else 0
        copies = words.plural(number, "copy", "copies")
        verb = {
            CopiesOnDelete.KEEP: f"Delete {pairs} and stop following",
            CopiesOnDelete.RELEASE: f"Delete {pairs}, release {copies}, stop following",
            CopiesOnDelete.REMOVE: f"Delete {pairs} and {copies}, stop following",
        }[self.choice.value]
        self.do_button.say(verb)

    async def _read(self) -> None:
        self.count.setText("Counting the copies…")
        ids = [view.pair.id for view in self._pairs]

        def ask(core: Core) -> dict[str, int]:
            there = {view.pair.id for view in core.pairs.list()}
            return {pair_id: core.pairs.copies(pair_id) for pair_id in ids if pair_id in there}

        try:
            self._numbers = await self._bridge.call(ask)
        except BaseException:
            self.count.setText("The copies could not be counted, so they can only be kept for now.")
            raise
        number = sum(self._numbers.values())
        made = f"made {words.plural(number, 'copy', 'copies')}. What shall become of them?" if number else "no copies."
        self.count.setText(f"{'It has' if len(ids) == 1 else 'They have'} {made}")
        self.choice.setVisible(number > 0)
        self._say_verb()

    async def _let_go(self) -> None:
        copies, numbers = self.choice.value, self._numbers or {}
        ids = [view.pair.id for view in self._pairs]
        if ids:
            self.count.setText("Deleting the sync pairs…")

        async def let_go(core: Core) -> bool:
            there = {view.pair.id for view in core.pairs.list()}
            for pair_id in (one for one in ids if one in there):
                expected = numbers.get(pair_id) if copies is CopiesOnDelete.REMOVE else None
                run = await core.pairs.delete(pair_id, copies, expected)
                if run is not None:
                    seen = await core.sync.wait(run.id, WAIT_SECONDS)
                    if seen.run.status is not RunStatus.SUCCESS:
                        raise ConflictError(
                            "Not all copies are away yet, so the calendar is still followed.",
                            fix="Activity shows why. Try again then, or keep the copies.",
                        )
            await core.connections.disconnect(self._connection_id)
            return True

        try:
            _done: bool = await self._bridge.call(let_go)
        except ConflictError as error:
            self.let_go.emit()
            if error.code != "count_changed":
                raise
            await self._read()
            self.count.setText(f"The number has changed meanwhile. {self.count.text()}")
            return
        self.let_go.emit()
        self.accept()
