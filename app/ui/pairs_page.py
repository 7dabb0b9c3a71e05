"""Sync pairs: all pairs with both ends, and what can be done with each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from app.domain.pairs import PairStatus
from app.ui import menus, pair_list_model
from app.ui.boxes import EmptyBox
from app.ui.commands import Commands
from app.ui.feed import Snapshot
from app.ui.menus import PairWish
from app.ui.pair_buttons import PairButtons
from app.ui.pair_list_model import PairListModel
from app.ui.pair_rows import COUNTING
from app.ui.row_widgets import RowWidgets
from app.ui.tables import KEY, Table
from app.ui.theme import Theme
from app.ui.widgets import Button, Frame, Label


class PairsPage(QWidget):
    """The second page.

    Args:
        theme: its colours.
        commands: what its buttons do.
        now: the clock.
    """

    wished = Signal(object, str)
    """A `PairWish` for the pair of this id."""
    new_wanted = Signal()
    demo_wanted = Signal()

    def __init__(self, theme: Theme, commands: Commands, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._theme = theme
        self._commands = commands
        self._now = now
        self._buttons: dict[str, PairButtons] = {}
        self.setObjectName("page")
        self.new_button = Button(theme, "New sync pair", "plus", "primary")
        self.new_button.clicked.connect(self.new_wanted)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(Label("Sync pairs", "title"))
        promise = (
            "Each keeps two calendars in step. Your own events stay as they are unless you let a pair change them."
        )
        texts.addWidget(Label(promise, "muted", wrap=True))
        head = QHBoxLayout()
        head.addLayout(texts, 1)
        head.addWidget(self.new_button)
        self._model = PairListModel(now, self)
        self.table = Table(theme, "Sync pairs", self._model, rows_shown=1000)
        self.table.set_row_lines(2)
        self.table.set_columns(0, 0, 11, 23, 11, 10)
        self.table.fit_columns(pair_list_model.HOW, pair_list_model.NEXT)
        self.table.hide_when_narrow({pair_list_model.NEXT: 700, pair_list_model.HOW: 560})
        # As tall as its rows while there is room, and no taller: an empty foot would look like something is missing.
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.table.opened.connect(lambda pair_id: self.wished.emit(PairWish.EDIT, pair_id))
        self.table.menu_wanted.connect(self._menu_at)
        self.table.removal_wanted.connect(lambda pair_id: self.wished.emit(PairWish.DELETE, pair_id))
        self.row_ends = RowWidgets(self.table, pair_list_model.COMMANDS)
        self._model.modelReset.connect(self._place_buttons)
        self._card = Frame("card")
        inner = QVBoxLayout(self._card)
        inner.setContentsMargins(5, 1, 5, 1)
        inner.addWidget(self.table)
        self._empty = EmptyBox(
            theme,
            "arrow-left-right",
            "Nothing to sync yet",
            "A sync pair copies the events of one calendar into another, or both ways.",
        )
        self.first_button = Button(theme, "Create a sync pair", "plus")
        self.first_button.clicked.connect(self.new_wanted)
        self.demo_button = Button(theme, "Try the demo", "flask-conical")
        self.demo_button.clicked.connect(self.demo_wanted)
        self._empty.offer(self.first_button, self.demo_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 24, 28, 24)
        column.setSpacing(16)
        column.addLayout(head)
        self._card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        column.addWidget(self._card)
        column.addWidget(self._empty)
        column.addStretch(1)
        self._show_filled(False)

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the pairs."""
        self.demo_button.setVisible(not snapshot.is_demo)
        self._model.show_pairs(snapshot.pairs)
        for view in snapshot.pairs:
            self._buttons[view.pair.id].show_pair(view)
        self.table.fit_now(pair_list_model.STATUS, COUNTING if snapshot.going else 0)
        self._show_filled(bool(snapshot.pairs))

    def show_progress(self, snapshot: Snapshot) -> None:
        """Show how far the runs are; the rest is as it was."""
        self._model.show_progress(snapshot.pairs)

    def tick(self) -> None:
        """Time has passed: say the relative times again."""
        self._model.tick()

    def _show_filled(self, filled: bool) -> None:
        self._card.setVisible(filled)
        self.new_button.setVisible(filled)
        self._empty.setVisible(not filled)
        self.table.updateGeometry()

    def _place_buttons(self) -> None:
        self._buttons.clear()
        self.row_ends.clear()
        for row in range(self._model.rowCount()):
            index = self._model.index(row, pair_list_model.COMMANDS)
            pair_id = str(index.data(KEY))
            buttons = PairButtons(self._theme, editable=True)
            buttons.sync.clicked.connect(partial(self._sync_or_resume, pair_id))
            buttons.edit.clicked.connect(partial(self._edit, pair_id))
            buttons.more.clicked.connect(partial(self._menu_below, buttons.more, pair_id))
            self._buttons[pair_id] = buttons
            if (view := self._model.pair(pair_id)) is not None:
                buttons.show_pair(view)  # its name, before it may be given the focus of the one it replaces
            self.row_ends.put(row, buttons)

    # -- what is asked ----------------------------------------------------------------------------------------------

    def _sync_or_resume(self, pair_id: str) -> None:
        view = self._model.pair(pair_id)
        if view is not None and view.pair.status is PairStatus.PAUSED:
            self._commands.resume_pair(pair_id)
        else:
            self._commands.sync_pair(pair_id)

    def _edit(self, pair_id: str) -> None:
        self.wished.emit(PairWish.EDIT, pair_id)

    def _menu_below(self, button: QWidget, pair_id: str) -> None:
        self._menu_at(pair_id, button.mapToGlobal(button.rect().bottomLeft()))

    def _menu_at(self, pair_id: str, position: QPoint) -> None:
        view = self._model.pair(pair_id)
        if view is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menus.fill_pair(menu, view, self._commands, self._now, self.wished.emit)
        menu.popup(position)
