"""The actions of a run or a preview as a list that can be searched: what was done to which event, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.domain.runs import ActionRecord, ActionResult, Verb
from app.ui import words
from app.ui.fields import TextField
from app.ui.run_model import ActionModel
from app.ui.tables import Table
from app.ui.theme import Theme
from app.ui.widgets import Choice, Label, hidden_label

_STAYS = words.UP_TO_DATE.word

_KINDS: tuple[tuple[str, frozenset[Verb], frozenset[ActionResult]], ...] = (
    ("Added", frozenset({Verb.CREATE, Verb.ADOPT, Verb.RESTORE_ORIGINAL}), frozenset()),
    ("Changed", frozenset({Verb.UPDATE, Verb.WRITE_BACK}), frozenset()),
    ("Removed", frozenset({Verb.DELETE, Verb.RELEASE, Verb.UNLINK, Verb.DELETE_ORIGINAL}), frozenset()),
    ("Left out", frozenset({Verb.SKIP}), frozenset()),
    (
        "Waiting or failed",
        frozenset({Verb.HOLD, Verb.ASK}),
        frozenset({ActionResult.FAILED, ActionResult.HELD, ActionResult.WAITING}),
    ),
    (_STAYS, frozenset({Verb.SKIP}), frozenset()),
)
"""What one can choose to see: verbs, or results."""


class ActionFilter(QSortFilterProxyModel):
    """The actions that match a text and a kind."""

    def __init__(self, source: ActionModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self._words: tuple[str, ...] = ()
        self._kind = -1
        self.setSourceModel(source)

    def narrow(self, text: str, kind: int) -> None:
        """Show what holds every word of `text`, of one kind (an index of the kinds) or of all (-1)."""
        self._words = tuple(text.casefold().split())
        self._kind = kind
        self.invalidate()

    def filterAcceptsRow(self, row: int, _parent: QModelIndex | QPersistentModelIndex) -> bool:
        """Whether a row is shown."""
        action = self._source.action(row)
        if self._kind >= 0:
            name, verbs, results = _KINDS[self._kind]
            if action.verb not in verbs and action.result not in results:
                return False
            if action.verb is Verb.SKIP and words.stays(action) is not (name == _STAYS):
                return False
        if not self._words:
            return True
        spoken = " ".join(str(self._source.index(row, column).data() or "") for column in range(3)).casefold()
        return all(word in spoken for word in self._words)


_ROOM = 120
"""Pixels for the actions at least: the head and a row."""


class ActionList(QWidget):
    """Search field, kind, and the table of actions.

    Args:
        theme: its colours.
        name: of the table, for a screen reader.
        now: the clock.
    """

    opened = Signal(object)
    """More about this `ActionRecord` was asked for: double click or Enter."""

    def __init__(self, theme: Theme, name: str, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._model = ActionModel(now, self)
        self._filter = ActionFilter(self._model, self)
        self.search = TextField(theme, "Search these events", "Search", "search")
        self.search.textChanged.connect(self._narrow)
        self.kind = Choice(theme, "Kind of action")
        self.kind.addItem("Everything", -1)
        for number, (word, _verbs, _results) in enumerate(_KINDS):
            self.kind.addItem(word, number)
        self.kind.currentIndexChanged.connect(self._narrow)
        self._count = Label("", "small")
        self.bar = QHBoxLayout()
        self.bar.setContentsMargins(16, 0, 16, 0)
        self.bar.setSpacing(8)
        self.bar.addWidget(self.search, 1)
        self.bar.addWidget(self.kind)
        self.bar.addWidget(self._count)
        self._nothing = Label("Nothing matches.", "muted")
        self._nothing.setContentsMargins(16, 6, 16, 10)
        self.table = Table(theme, name, self._filter, rows_shown=1000)
        self.table.set_row_lines(2)
        self.table.set_columns(15, 0, 40)
        self.table.hide_when_narrow({2: 480})
        self.table.opened.connect(self._open)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(self.bar)
        hidden_label(self.kind)
        # Whichever of the two is shown has the same room: the search field stays where it is.
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._found = QStackedWidget()
        # Its height is what is left over, never what the rows would like: a search must not move what is above it.
        self._found.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self._found.setMinimumHeight(_ROOM)
        self._found.addWidget(self.table)
        self._found.addWidget(self._nothing)
        column.addWidget(self._found, 1)
        self._narrow()

    @property
    def total(self) -> int:
        """How many actions there are, shown or not."""
        return self._model.rowCount()

    def show_actions(self, actions: tuple[ActionRecord, ...]) -> None:
        """Show these actions."""
        self._model.show_actions(actions)
        self._narrow()

    def clear_filter(self) -> None:
        """Show everything again."""
        self.search.clear()
        self.kind.setCurrentIndex(0)

    def _open(self, key: str) -> None:
        action = self._model.by_key(key)
        if action is not None:
            self.opened.emit(action)

    def _narrow(self) -> None:
        self._filter.narrow(self.search.text(), int(self.kind.currentData()))
        shown, total = self._filter.rowCount(), self._model.rowCount()
        self._count.setText(f"{shown:,} of {total:,}" if shown != total else words.plural(total, "event", "events"))
        self._found.setCurrentWidget(self._nothing if total > 0 and shown == 0 else self.table)
