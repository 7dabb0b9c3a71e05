"""Deleting a sync pair: asks what happens to its copies, names their number, and says when that has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.domain.errors import ConflictError
from app.domain.pairs import CopiesOnDelete
from app.services.views import PairView
from app.ui import words
from app.ui.bridge import CoreThread
from app.ui.choices import Choose
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.widgets import Label
from app.ui.words import Tone

if TYPE_CHECKING:
    from app.services.core import Core

# What can become of the copies of a pair, in the words of every sheet that asks.
OPTIONS = (
    (
        CopiesOnDelete.KEEP,
        "Keep the copies",
        "They stay where they are, marked as copies. A new pair of the same calendars takes them over.",
    ),
    (
        CopiesOnDelete.RELEASE,
        "Turn the copies into ordinary events",
        "They stay and lose their marks. Kalends will treat them as your own events from then on.",
    ),
    (
        CopiesOnDelete.REMOVE,
        "Remove the copies",
        "They are taken out of the calendar again. Their originals stay.",
    ),
)


class DeleteSheet(Sheet):
    """Asks, and deletes.

    Args:
        theme: its colours.
        bridge: the way to the core.
        view: the pair.
        parent: the window it belongs to.
    """

    deleted = Signal(bool)
    """It was asked for; True while its copies are still being taken away."""

    def __init__(self, theme: Theme, bridge: CoreThread, view: PairView, parent: QWidget) -> None:
        super().__init__(theme, "Delete sync pair", parent, width=540)
        self._bridge = bridge
        self._pair_id = view.pair.id
        self._number: int | None = None
        self.mark("trash-2", Tone.FAILED)
        self.say("Delete this sync pair?", words.pair_name(view))
        self.count = Label("Counting the copies…", "muted", wrap=True)
        self.choice: Choose[CopiesOnDelete] = Choose(theme, OPTIONS)
        self.choice.choose(CopiesOnDelete.KEEP)
        self.choice.group.idToggled.connect(self._say_verb)
        self.body.addWidget(self.count)
        self.body.addWidget(self.choice)
        self.body.addStretch(1)
        self.do_button = self.offer("Delete pair", role="danger")
        self.do_button.clicked.connect(lambda: self.work(self._delete, self.do_button))
        self._say_verb()
        self.work(self._read)
        self.cancel_button.setFocus()

    def _say_verb(self) -> None:
        if self._number is None:
            self.do_button.setEnabled(self.choice.value is CopiesOnDelete.KEEP)
            return
        self.do_button.setEnabled(True)
        copies = words.plural(self._number, "copy", "copies")
        self.do_button.say(
            {
                CopiesOnDelete.KEEP: "Delete pair",
                CopiesOnDelete.RELEASE: f"Delete pair, release {copies}",
                CopiesOnDelete.REMOVE: f"Delete pair and {copies}",
            }[self.choice.value]
        )

    async def _read(self) -> None:
        self.count.setText("Counting the copies…")
        try:
            number: int = await self._bridge.call(lambda core: core.pairs.copies(self._pair_id))
        except BaseException:
            self.count.setText("The copies could not be counted, so they can only be kept for now.")
            raise
        self._number = number
        if number:
            self.count.setText(f"It has made {words.plural(number, 'copy', 'copies')}. What shall become of them?")
        else:
            self.count.setText("It has made no copies.")
        self.choice.setVisible(number > 0)
        self._say_verb()

    async def _delete(self) -> None:
        copies, expected = self.choice.value, self._number

        async def delete(core: Core) -> bool:
            run = await core.pairs.delete(self._pair_id, copies, expected if copies is CopiesOnDelete.REMOVE else None)
            return run is not None

        try:
            run_made: bool = await self._bridge.call(delete)
        except ConflictError as error:
            if error.code != "count_changed":
                raise
            await self._read()
            self.count.setText(f"The number has changed meanwhile. {self.count.text()}")
            return
        self.deleted.emit(run_made)
        self.accept()
