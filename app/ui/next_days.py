"""The live preview of the pair editor: what the next days would look like with the settings as they are just now.

It asks the core a moment after the last change, gives up what it still waits for when something else is filled in, and
never keeps anybody from going on. It decides nothing about pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from app.domain.errors import InputError
from app.domain.pairs import DirectionSettings
from app.services.previews import PairPreview, PreviewLine
from app.ui import time_words, words
from app.ui.bridge import CoreThread
from app.ui.focus import leave
from app.ui.tasks import Failure, TaskRunner
from app.ui.theme import Theme
from app.ui.widgets import Button, Frame, Label

_REST_MS = 350
"""So long nothing may change before the core is asked: who types is not followed letter by letter."""
LINES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at: one direction with its settings, and what its calendars are called."""

    source_id: str
    target_id: str
    settings: DirectionSettings
    both_ways: bool
    source_name: str
    target_name: str


class NextDays(Frame):
    """The panel.

    Args:
        theme: its colours.
        bridge: the way to the core.
        now: the clock.
    """

    def __init__(self, theme: Theme, bridge: CoreThread, now: Callable[[], datetime]) -> None:
        super().__init__("card")
        self._bridge = bridge
        self._now = now
        self._asked: Asked | None = None
        self._tasks = TaskRunner(self)
        self._tasks.failed.connect(self._failed)
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(_REST_MS)
        self._resting.timeout.connect(self._ask)
        self._title = Label("Preview", "strong", wrap=True)
        self.count = Label("", "muted", wrap=True)
        self._lines = [Label("", "small", wrap=True) for _ in range(LINES_SHOWN)]
        self._more = Label("", "small", wrap=True)
        self.again_button = Button(theme, "Try again", "refresh-cw", name="Try the preview again")
        self.again_button.clicked.connect(self._ask)
        head = QHBoxLayout()
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._title)
        texts.addWidget(self.count)
        head.addLayout(texts, 1)
        head.addWidget(self.again_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(4)
        column.addLayout(head)
        for line in (*self._lines, self._more):
            column.addWidget(line)
        self._say("Choose two calendars to see what would be copied.")

    def follow(self, asked: Asked | None, why_not: str = "") -> None:
        """Something was filled in: look at that soon. None: there is nothing to look at, for this reason."""
        if asked == self._asked and asked is not None:
            return
        before, self._asked = self._asked, asked
        self._tasks.cancel()
        if asked is None:
            self._resting.stop()
            self._title.setText("Preview")
            self._say(why_not)
            return
        self._title.setText(f"Preview: “{asked.source_name}” in “{asked.target_name}”")
        if before is None:
            self._say("Looking at the next days…")
        self._resting.start()

    def end(self) -> None:
        """Nobody looks any more: give up what is still waited for."""
        self._resting.stop()
        self._tasks.cancel()

    def _ask(self) -> None:
        asked = self._asked
        if asked is None:
            return
        self._hide_again()
        self.count.setText("Looking at the next days…")

        async def work() -> None:
            try:
                seen: PairPreview = await self._bridge.call(
                    lambda core: core.previews.look(
                        asked.source_id, asked.target_id, asked.settings, both_ways=asked.both_ways
                    )
                )
            except InputError as error:
                # The form says the same where it belongs when one tries to save.
                self._say(f"The preview comes back when this is put right: {error.message}")
                return
            self._show(seen)

        self._tasks.spawn(work)

    def _show(self, seen: PairPreview) -> None:
        span = "today" if seen.days <= 1 else f"in the next {seen.days} days"
        total = seen.copied + seen.left_out
        if not total:
            self._say(f"Nothing to copy {span}.")
            return
        said = f"{words.plural(seen.copied, 'event', 'events')} {span} would be copied"
        if seen.left_out:
            said += f", {seen.left_out:,} left out"
        self._say(f"{said}." if seen.whole else f"At least {said}.")
        for label, line in zip(self._lines, seen.lines, strict=False):
            label.setText(self._line(line))
            label.show()
        rest = total - min(len(seen.lines), LINES_SHOWN)
        self._more.setText(f"and {rest:,} more")
        self._more.setVisible(rest > 0)

    def _line(self, line: PreviewLine) -> str:
        when = time_words.event_time(line.starts_at, self._now(), all_day=line.all_day)
        begin = f"{when[:1].upper()}{when[1:]}  {line.title or '(no title)'}"
        if line.copy_title is None:
            return f"{begin}  –  left out: {line.reason}"
        moved = ""
        if line.copy_starts_at is not None and not line.all_day:
            moved = f" from {time_words.clock(line.copy_starts_at)}"
        return f"{begin}  →  “{line.copy_title}”{moved}"

    def _say(self, sentence: str) -> None:
        """One sentence, and no events."""
        self._hide_again()
        self.count.setText(sentence)
        for label in (*self._lines, self._more):
            label.hide()

    def _failed(self, failure: Failure) -> None:
        fix = f" {failure.fix}" if failure.fix else ""
        self._say(f"The preview could not be made: {failure.sentence}{fix}")
        self.again_button.show()

    def _hide_again(self) -> None:
        leave(self.again_button)
        self.again_button.hide()
