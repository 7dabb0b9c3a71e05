"""Activity: the table of runs, newest first, and the story of the chosen one; on its other tab the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from app.domain.runs import RunStatus
from app.services.views import LogPage, RunView
from app.ui import run_model, time_words, words
from app.ui.boxes import EmptyBox
from app.ui.bridge import CoreThread
from app.ui.choices import Segments
from app.ui.feed import Snapshot
from app.ui.log_panel import LogPanel
from app.ui.run_details import RunDetails
from app.ui.run_model import RunModel
from app.ui.tables import Table
from app.ui.tasks import TaskRunner
from app.ui.theme import Theme
from app.ui.widgets import Button, Choice, Frame, Label, hidden_label, plain_tooltip

if TYPE_CHECKING:
    from app.services.core import Core

PER_PAGE = 50
RUNS, LOG = "runs", "log"
"""The tabs of the page."""

_DAYS: dict[str, tuple[int, int] | None] = {
    "Any day": None,
    "Today": (0, 0),
    "Yesterday": (1, 1),
    "Last 7 days": (6, 0),
}
"""Which days can be chosen: the first and the last, as days before today."""


class ActivityPage(QWidget):
    """The fourth page. It reads only while it is shown.

    Args:
        theme: its colours.
        bridge: the way to the core.
        tasks: runs the readings and shows what fails.
        now: the clock.
    """

    sync_wanted = Signal()
    """The button of the empty page was pressed."""
    new_pair_wanted = Signal()
    demo_wanted = Signal()
    undo_wanted = Signal(str)
    """A run is to be undone."""
    why_wanted = Signal(str, str)
    """Why an event (its id, or empty: still to be said) is there or not, in the pair of this id (or in all)."""

    def __init__(self, theme: Theme, bridge: CoreThread, tasks: TaskRunner, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._theme = theme
        self._bridge = bridge
        self._tasks = tasks
        self._now = now
        self._snapshot: Snapshot | None = None
        self._pages = 1
        self._wanted_run: str | None = None
        self.setObjectName("page")
        self._model = RunModel(now, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 24, 28, 24)
        column.setSpacing(14)
        column.addLayout(self._head())
        self.log = LogPanel(theme, bridge, tasks, now)
        self.log.run_wanted.connect(self.show_run)
        self.log.hide()
        column.addWidget(self.log, 1)
        self._body = QWidget()
        column.addWidget(self._body, 1)
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        for choice in (self.pair_filter, self.status_filter, self.day_filter):
            hidden_label(choice)

        self.table = Table(theme, "Runs", self._model, rows_shown=1000)
        self.table.set_row_lines(1)
        self.table.set_columns(15, 0, 14, 18, 12, 8)
        self.table.fit_columns(run_model.TIME, run_model.STATUS, run_model.TRIGGER, run_model.TOOK)
        self.table.hide_when_narrow({run_model.TRIGGER: 900, run_model.TOOK: 640})
        self.table.selectionModel().selectionChanged.connect(self._chosen)
        self._card = Frame("card")
        inner = QVBoxLayout(self._card)
        inner.setContentsMargins(5, 1, 5, 1)
        inner.setSpacing(0)
        inner.addWidget(self.table, 1)
        inner.addWidget(Frame("rule"))
        inner.addLayout(self._foot(theme))
        self._empty = EmptyBox(theme, "history", "No activity yet", "Runs will appear here after the first sync.")
        self._sync_button = Button(theme, "Sync now", "refresh-cw")
        self._sync_button.clicked.connect(self.sync_wanted)
        self._empty.offer(self._sync_button)
        # Without a pair nothing can run: what is missing is offered instead.
        self._no_pairs = EmptyBox(
            theme, "history", "No activity yet", "Runs will appear here once there is a sync pair."
        )
        self.new_pair_button = Button(theme, "Create a sync pair", "plus")
        self.new_pair_button.clicked.connect(self.new_pair_wanted)
        self.demo_button = Button(theme, "Try the demo", "flask-conical")
        self.demo_button.clicked.connect(self.demo_wanted)
        self._no_pairs.offer(self.new_pair_button, self.demo_button)

        self.details = RunDetails(theme, now)
        self.details.closed.connect(self._close_details)
        self.details.undo_wanted.connect(self.undo_wanted)
        self.details.why_wanted.connect(self.why_wanted)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setHandleWidth(14)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self._card)
        splitter.addWidget(self.details)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        self._splitter = splitter
        column.addWidget(splitter, 1)
        column.addWidget(self._empty)
        column.addWidget(self._no_pairs)
        text = "Choose another pair, result or day above, or show them all."
        self._no_match = EmptyBox(theme, "search", "No run matches", text)
        self.clear_button = Button(theme, "Show all runs")
        self.clear_button.clicked.connect(lambda: self.show_pair(""))
        self._no_match.offer(self.clear_button)
        column.addWidget(self._no_match)
        self._rest = QWidget()
        column.addWidget(self._rest, 1)
        self.details.hide()
        self._show_filled(True, narrowed=False)

    def _head(self) -> QHBoxLayout:
        self.pair_filter = Choice(self._theme, "Show runs of")
        self.pair_filter.addItem("All pairs", "")
        self.pair_filter.currentIndexChanged.connect(self._filtered)
        self.status_filter = Choice(self._theme, "Show runs that ended as")
        self.status_filter.addItem("All results", "")
        for status, sign in words.RUN_SIGNS.items():
            if status.ended:
                self.status_filter.addItem(sign.word, status.value)
        self.status_filter.currentIndexChanged.connect(self._filtered)
        self.day_filter = Choice(self._theme, "Show runs of the days")
        for text, span in _DAYS.items():
            self.day_filter.addItem(text, span)
        self.day_filter.currentIndexChanged.connect(self._filtered)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(Label("Activity", "title"))
        self.tabs: Segments[str] = Segments(
            self._theme, ((RUNS, "Runs", "history"), (LOG, "Log", "book-open")), "Runs or log"
        )
        self.tabs.choose(RUNS)
        self.tabs.group.idToggled.connect(self._tab_chosen)
        self.why_button = Button(self._theme, "Why?", "circle-question-mark", name="Why is an event there, or not?")
        self.why_button.setToolTip(plain_tooltip("Why is an event there, or not?"))
        self.why_button.clicked.connect(self._ask_why)
        row.addWidget(self.tabs)
        self._filters = QWidget()
        room = self._filters.sizePolicy()
        room.setRetainSizeWhenHidden(True)  # what stands beside the filters stays where it is while the log is shown
        self._filters.setSizePolicy(room)
        filters = QHBoxLayout(self._filters)
        filters.setContentsMargins(0, 0, 0, 0)
        filters.setSpacing(10)
        # Names of pairs are long: they get what room there is, up to a point, and keep the rest from no window.
        self.pair_filter.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.pair_filter.setMinimumContentsLength(9)
        self.pair_filter.setMaximumWidth(280)
        filters.addStretch(1)
        filters.addWidget(self.pair_filter, 4)
        filters.addWidget(self.status_filter)
        filters.addWidget(self.day_filter)
        row.addWidget(self._filters, 1)
        row.addWidget(self.why_button)
        return row

    def _foot(self, theme: Theme) -> QHBoxLayout:
        self._count = Label("", "small")
        self.older_button = Button(theme, "Show older", role="link")
        self.older_button.clicked.connect(self._older)
        row = QHBoxLayout()
        row.setContentsMargins(12, 4, 6, 4)
        row.addWidget(self._count)
        row.addStretch(1)
        row.addWidget(self.older_button)
        return row

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Something changed: take the pairs' names, and read the runs again if anyone looks."""
        self._snapshot = snapshot
        self.log.show_snapshot(snapshot)
        self.demo_button.setVisible(not snapshot.is_demo)
        self._fill_filter(snapshot.names)
        if self.isVisible():
            self.read()

    def forget(self) -> None:
        """The core was stopped or switched."""
        self.log.forget()
        self._snapshot = None
        self._pages = 1
        self._wanted_run = None
        self.details.hide()
        self._model.show_runs((), {})
        self._choose("")
        self._fill_filter({})

    def read(self) -> None:
        """Read the runs from the core and show them."""
        self._tasks.spawn(self._read)

    def show_log(self) -> None:
        """Show the log in place of the runs."""
        self.tabs.choose(LOG)

    def show_pair(self, pair_id: str) -> None:
        """Show the runs of one pair; an empty id shows all."""
        self.tabs.choose(RUNS)
        self._choose(pair_id)
        self.read()

    def show_run(self, run_id: str) -> None:
        """Show the details of a run, whichever pair it is of."""
        self.tabs.choose(RUNS)
        self._choose("")
        self._wanted_run = run_id
        self.read()

    def seek(self) -> None:
        """Go to the search of the log or of the run that is shown, else to the filters of the runs."""
        if self.tabs.value == LOG:
            self.log.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return
        search = self.details.story.search
        (search if search.isVisible() else self.pair_filter).setFocus(Qt.FocusReason.ShortcutFocusReason)

    async def _read(self) -> None:
        pair_id = self.pair_filter.currentData() or None
        status = RunStatus(self.status_filter.currentData()) if self.status_filter.currentData() else None
        pages = self._pages
        days = list(_DAYS.values())[self.day_filter.currentIndex()]
        since, until = time_words.days(*days, self._now()) if days is not None else (None, None)
        narrowed = pair_id is not None or status is not None or days is not None

        def ask(core: Core) -> list[LogPage]:
            numbers = range(1, pages + 1)
            if status is None:
                ask_runs = partial(core.history.runs, per_page=PER_PAGE, pair_id=pair_id, since=since, until=until)
                return [ask_runs(page=page) for page in numbers]
            ask_logs = partial(
                core.history.logs, pair_id=pair_id, status=status, per_page=PER_PAGE, since=since, until=until
            )
            return [ask_logs(page=page) for page in numbers]

        answers = await self._bridge.call(ask)
        # By id: a run that began between two pages moves the rest by one, and the same run comes twice.
        unique = tuple({run.id: run for page in answers for run in page.runs}.values())
        total = answers[-1].total
        before = self.table.chosen()
        self._model.show_runs(unique, self._snapshot.short_names if self._snapshot is not None else {})
        self._show_filled(bool(unique), narrowed=narrowed)
        self._count.setText(f"{len(unique):,} of {total:,} runs")
        self.older_button.setVisible(len(unique) < total)
        wanted, self._wanted_run = self._wanted_run, None
        if wanted is not None:
            self.table.choose(wanted)
            self._open(wanted)
        elif before is not None:
            self.table.choose(before)
            self._open(before)

    def _choose(self, pair_id: str) -> None:
        """Set the filters without reading for each."""
        for choice, data in ((self.pair_filter, pair_id), (self.status_filter, "")):
            choice.blockSignals(True)
            choice.setCurrentIndex(max(0, choice.findData(data)))
            choice.blockSignals(False)
        self.day_filter.blockSignals(True)
        self.day_filter.setCurrentIndex(0)
        self.day_filter.blockSignals(False)
        self._pages = 1

    def _show_filled(self, filled: bool, *, narrowed: bool) -> None:
        self._splitter.setVisible(filled)
        has_pairs = self._snapshot is None or bool(self._snapshot.pairs)
        self._empty.setVisible(not filled and not narrowed and has_pairs)
        self._no_pairs.setVisible(not filled and not narrowed and not has_pairs)
        self._no_match.setVisible(not filled and narrowed)
        self._rest.setVisible(not filled)

    def _fill_filter(self, names: dict[str, str]) -> None:
        now = {self.pair_filter.itemData(i): self.pair_filter.itemText(i) for i in range(1, self.pair_filter.count())}
        if now == names:
            return
        chosen = self.pair_filter.currentData()
        self.pair_filter.blockSignals(True)
        while self.pair_filter.count() > 1:
            self.pair_filter.removeItem(1)
        for pair_id, name in names.items():
            self.pair_filter.addItem(name, pair_id)
        self.pair_filter.setCurrentIndex(max(0, self.pair_filter.findData(chosen)))
        self.pair_filter.blockSignals(False)

    # -- what is asked ----------------------------------------------------------------------------------------------

    def _tab_chosen(self, _number: int, chosen: bool) -> None:
        if not chosen:
            return
        log = self.tabs.value == LOG
        for part in (self._filters, self._body):
            part.setVisible(not log)
        self.log.setVisible(log)
        if not log and self.isVisible():
            self.read()

    def _filtered(self) -> None:
        self._pages = 1
        if self.isVisible():
            self.read()

    def _ask_why(self) -> None:
        self.why_wanted.emit("", self.pair_filter.currentData() or "")

    def _older(self) -> None:
        self._pages += 1
        self.read()

    def _chosen(self) -> None:
        run_id = self.table.chosen()
        if run_id is not None and run_id != self.details.run_id:
            self._open(run_id)

    def _open(self, run_id: str) -> None:
        async def work() -> None:
            view: RunView = await self._bridge.call(lambda core: core.history.run(run_id))
            name = self._snapshot.names.get(view.run.pair_id, "") if self._snapshot is not None else ""
            self.details.show_run(view, name)
            if not self.details.isVisibleTo(self):
                self.details.show()
                height = self._splitter.height()
                self._splitter.setSizes([height * 11 // 20, height * 9 // 20])

        # By a key: choosing a row and being asked for it come together, and one reading answers both.
        self._tasks.spawn(work, key=f"open {run_id}")

    def _close_details(self) -> None:
        self.table.clearSelection()
        self.details.hide()
        self.table.setFocus()
