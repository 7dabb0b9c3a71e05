"""The hold sheet: what waits for the person in one pair, and their answer. It decides nothing by itself."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QVBoxLayout, QWidget

from app.domain.errors import KalendsError
from app.domain.runs import Hold, HoldCause
from app.ui import words
from app.ui.bridge import CoreThread
from app.ui.tasks import TaskRunner
from app.ui.theme import Theme
from app.ui.widgets import Badge, Button, Label
from app.ui.words import Tone

_ROWS_SHOWN = 8


def what_would_happen(hold: Hold) -> tuple[str, str, str]:
    """What the hold is about: what would be done, why it waits, and the button that does it."""
    many = words.plural(hold.expected, "copied event", "copied events")
    if hold.cause is HoldCause.MASS_CHANGE:
        return f"{many} would be changed", "That is unusually many, so nothing was done yet.", "Change them now"
    if hold.cause is HoldCause.SOURCE_EMPTY:
        why = "Their calendar came back without any events. That is unusual, so nothing was done yet."
        return f"{many} would be removed", why, "Remove them now"
    why = "Their originals are gone. That is unusually many at once, so nothing was done yet."
    return f"{many} would be removed", why, "Remove them now"


class HoldSheet(QDialog):
    """The open holds of a pair, one after the other.

    Args:
        theme: its colours.
        bridge: the way to the core.
        pair_id: the pair whose holds are shown.
        pair_name: its name.
        parent: the window it belongs to.
    """

    def __init__(self, theme: Theme, bridge: CoreThread, pair_id: str, pair_name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._pair_id = pair_id
        self._hold: Hold | None = None
        self._tasks = TaskRunner(self)
        self.setModal(True)
        self.setWindowTitle(f"{pair_name} is on hold" if pair_name else "On hold")
        self.setMinimumWidth(520)
        self._title = Label("", "title", wrap=True)
        self._why = Label("", "muted", wrap=True)
        texts = QVBoxLayout()
        texts.setSpacing(4)
        texts.addWidget(self._title)
        if pair_name:
            texts.addWidget(Label(pair_name, "muted", wrap=True))
        head = QHBoxLayout()
        head.setSpacing(14)
        head.addWidget(Badge(theme, "hand", Tone.ATTENTION), 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(texts, 1)
        self.samples = QListWidget()
        self.samples.setAccessibleName("Some of these events")
        self.samples.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self._error = Label("", wrap=True)
        self._error.hide()
        self.later_button = Button(theme, "Decide later")
        self.later_button.clicked.connect(self.reject)
        self.do_button = Button(theme, "Remove them now")
        self.do_button.clicked.connect(lambda: self._answer(approve=True))
        self.keep_button = Button(theme, "Keep the copies", role="primary")
        self.keep_button.clicked.connect(lambda: self._answer(approve=False))
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.later_button)
        buttons.addStretch(1)
        buttons.addWidget(self.do_button)
        buttons.addWidget(self.keep_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 24, 28, 22)
        column.setSpacing(14)
        column.addLayout(head)
        column.addWidget(self._why)
        column.addWidget(self.samples, 1)
        column.addWidget(self._error)
        column.addLayout(buttons)
        self._show(None)
        self._tasks.spawn(self._read)

    async def _read(self) -> None:
        try:
            holds: tuple[Hold, ...] = await self._bridge.call(lambda core: core.holds.list())
        except KalendsError as error:
            self._show_error(error)
            return
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
            self._title.setText("Looking…")
            return
        title, why, do = what_would_happen(hold)
        self._title.setText(title)
        self._why.setText(why)
        self.do_button.say(do)
        self.samples.clear()
        self.samples.addItems([" ".join(sample.split()) for sample in hold.samples])
        more = hold.expected - len(hold.samples)
        if hold.samples and more > 0:
            self.samples.addItem(f"and {more:,} more")
        self.samples.setVisible(bool(hold.samples))
        rows = min(self.samples.count(), _ROWS_SHOWN)
        self.samples.setFixedHeight(rows * self.samples.sizeHintForRow(0) + 16)
        self.keep_button.setFocus()

    def _answer(self, *, approve: bool) -> None:
        hold = self._hold
        if hold is None:
            return

        async def work() -> None:
            self._show_buttons(False)
            try:
                if approve:
                    await self._bridge.call(lambda core: core.holds.approve(hold.id, hold.expected))
                else:
                    await self._bridge.call(lambda core: core.holds.reject(hold.id))
            except KalendsError as error:
                self._show_buttons(True)
                self._show_error(error)
                return
            self._error.hide()
            await self._read()

        self._tasks.spawn(partial(work), key="answer")

    def _show_buttons(self, enabled: bool) -> None:
        self.do_button.setEnabled(enabled)
        self.keep_button.setEnabled(enabled)

    def _show_error(self, error: KalendsError) -> None:
        self._error.setText(f"{error.message} {error.fix or ''}".strip())
        self._error.show()
