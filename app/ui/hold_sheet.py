"""The hold sheet: what waits for the person in one pair, and their answer. It decides nothing by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtWidgets import QListWidget, QWidget

from app.domain.runs import Hold, HoldSample
from app.services.hold_words import WORDS, what_waits
from app.ui import time_words
from app.ui.bridge import CoreThread
from app.ui.focus import give_focus
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.widgets import Button, Label
from app.ui.words import Tone

_ROWS_SHOWN = 8


def what_would_happen(hold: Hold) -> tuple[str, str, str]:
    """What the hold is about: what would be done, why it waits, and the button that does it."""
    said = WORDS[hold.cause]
    return what_waits(hold), said.why, said.approve


class HoldSheet(Sheet):
    """The open holds of a pair, one after the other.

    Args:
        theme: its colours.
        bridge: the way to the core.
        pair_id: the pair whose holds are shown.
        pair_name: its name, empty when it is not known.
        now: the clock.
        parent: the window it belongs to.
    """

    def __init__(
        self,
        theme: Theme,
        bridge: CoreThread,
        pair_id: str,
        pair_name: str,
        now: Callable[[], datetime],
        parent: QWidget,
    ) -> None:
        super().__init__(theme, f"{pair_name} is on hold" if pair_name else "On hold", parent)
        self._bridge = bridge
        self._pair_id = pair_id
        self._pair_name = pair_name
        self._now = now
        self._hold: Hold | None = None
        self.mark("hand", Tone.ATTENTION)
        self._why = Label("", wrap=True)
        self.samples = QListWidget()
        self.samples.setAccessibleName("Some of these events")
        self.samples.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.samples.hide()
        self.body.addWidget(self._why)
        self.body.addWidget(self.samples)
        self.cancel_button.say("Decide later")
        self.do_button = self.offer("Remove them now", role="danger")
        self.do_button.clicked.connect(lambda: self._answer(approve=True))
        self.keep_button = self.offer("Keep the copies", role="primary")
        self.keep_button.clicked.connect(lambda: self._answer(approve=False))
        self._show(None)
        self.work(self._read)

    @property
    def later_button(self) -> Button:
        """Closes it and leaves everything as it is."""
        return self.cancel_button

    async def _read(self) -> None:
        holds: tuple[Hold, ...] = await self._bridge.call(lambda core: core.holds.list())
        open_holds = [hold for hold in holds if hold.pair_id == self._pair_id and hold.answer is None]
        if not open_holds:
            self.accept()
            return
        self._show(open_holds[0])

    def _show(self, hold: Hold | None) -> None:
        self._hold = hold
        for button in (self.do_button, self.keep_button):
            button.setEnabled(hold is not None)
        if hold is None:
            self.say("Looking…", self._pair_name)
            return
        title, why, do = what_would_happen(hold)
        self.say(title, self._pair_name)
        self._why.setText(why)
        self.do_button.say(do)
        self.keep_button.say(WORDS[hold.cause].keep)
        self.samples.clear()
        self.samples.addItems([self._told(sample) for sample in hold.sample_events])
        more = hold.expected - len(hold.sample_events)
        if hold.sample_events and more > 0:
            self.samples.addItem(f"and {more:,} more")
        self.samples.setVisible(bool(hold.sample_events))
        rows = min(self.samples.count(), _ROWS_SHOWN)
        self.samples.setFixedHeight(rows * self.samples.sizeHintForRow(0) + 16)
        give_focus(self.keep_button, self.focusWidget())

    def _told(self, sample: HoldSample) -> str:
        title = " ".join(sample.title.split()) or "(no title)"
        when = time_words.event_time(sample.starts_at, self._now(), all_day=sample.all_day)
        return f"{title} · {when}" if when else title

    def _answer(self, *, approve: bool) -> None:
        hold = self._hold
        if hold is None:
            return

        answered = False

        async def answer() -> None:
            nonlocal answered
            if not answered:  # *Try again* after a reading that failed must not answer twice
                if approve:
                    await self._bridge.call(lambda core: core.holds.approve(hold.id, hold.expected))
                else:
                    await self._bridge.call(lambda core: core.holds.reject(hold.id))
                answered = True
            await self._read()

        self.work(answer, self.do_button, self.keep_button)
