"""The log in the window: searched, narrowed, followed, copied and exported. It reads only while it is shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPlainTextEdit, QVBoxLayout, QWidget

from app.domain.log_lines import Level, LogFound, LogLine, LogQuery
from app.ui import chosen_files, log_model, time_words, words
from app.ui.boxes import EmptyBox
from app.ui.bridge import CoreThread
from app.ui.feed import Snapshot
from app.ui.fields import TextField, Tick
from app.ui.log_model import LogModel
from app.ui.tables import Table
from app.ui.tasks import TaskRunner
from app.ui.theme import Theme
from app.ui.widgets import Button, Choice, Frame, IconButton, Label, hidden_label

PER_PAGE = 200
LINES_AT_MOST = 5000
_FOLLOW_MS = 2_000
"""How often new lines are looked for while somebody looks and follows."""
_TYPING_MS = 300
_LEVELS = {
    "Info +": Level.INFO,
    "Warnings +": Level.WARNING,
    "Errors": Level.ERROR,
    "All levels": Level.DEBUG,
}
_DAYS: dict[str, int | None] = {"Today": 0, "Last 7 days": 6, "Any day": None}
"""How many days before today the oldest line may be."""


class LogPanel(QWidget):
    """The panel.

    Args:
        theme: its colours.
        bridge: the way to the core.
        tasks: runs the readings and shows what fails.
        now: the clock.
    """

    run_wanted = Signal(str)
    """The run of the chosen line was asked for, by its id."""

    def __init__(self, theme: Theme, bridge: CoreThread, tasks: TaskRunner, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._theme = theme
        self._bridge = bridge
        self._tasks = tasks
        self._now = now
        self._names: Mapping[str, str] = {}
        self._limit = PER_PAGE
        self._model = LogModel(now, self)
        self._timer = QTimer(self)
        self._timer.setInterval(_FOLLOW_MS)
        self._timer.timeout.connect(self._read_soon)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self._narrowed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(self._search_row())
        column.addLayout(self._filter_row())
        for choice in (self.level, self.pair, self.account, self.day):
            hidden_label(choice)
        self.table = Table(theme, "Log", self._model, rows_shown=1000)
        self.table.set_row_lines(1)
        self.table.set_columns(18, 14, 18, 0)
        self.table.fit_columns(log_model.LEVEL)
        self.table.hide_when_narrow({log_model.ABOUT: 760})
        self.table.selectionModel().selectionChanged.connect(self._chosen)
        self.table.opened.connect(self._open)
        self.table.verticalScrollBar().valueChanged.connect(self._scrolled)
        self._card = Frame("card")
        inner = QVBoxLayout(self._card)
        inner.setContentsMargins(5, 1, 5, 1)
        inner.setSpacing(0)
        inner.addWidget(self.table, 1)
        inner.addWidget(Frame("rule"))
        inner.addLayout(self._foot())
        column.addWidget(self._card, 3)
        self.details = self._details()
        column.addWidget(self.details, 1)
        self._empty = EmptyBox(theme, "search", "No line matches", "Clear the filter to see everything.")
        self.clear_button = Button(theme, "Clear filter")
        self.clear_button.clicked.connect(self.clear)
        self._empty.offer(self.clear_button)
        column.addWidget(self._empty)
        self._rest = QWidget()
        column.addWidget(self._rest, 1)
        self.details.hide()
        self._show_filled(True)

    # -- parts ------------------------------------------------------------------------------------------------------

    def _search_row(self) -> QHBoxLayout:
        self.search = TextField(self._theme, "Search the log", "Search: expired google -demo", "search")
        self.search.textChanged.connect(self._typing.start)
        self.follow = Tick(self._theme, "Follow")
        self.follow.setChecked(True)
        self.follow.setToolTip("New lines appear by themselves. Scrolling away from the newest ones pauses that.")
        self.follow.toggled.connect(self._follow_chosen)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.search, 1)
        row.addWidget(self.follow)
        return row

    def _filter_row(self) -> QHBoxLayout:
        self.level = Choice(self._theme, "Lines of these levels")
        for word, level in _LEVELS.items():
            self.level.addItem(word, level.value)
        self.pair = Choice(self._theme, "Lines about this pair")
        self.pair.addItem("All pairs", "")
        self.account = Choice(self._theme, "Lines about this account")
        self.account.addItem("All accounts", "")
        self.day = Choice(self._theme, "Lines of these days")
        for word, ago in _DAYS.items():
            self.day.addItem(word, ago)
        row = QHBoxLayout()
        row.setSpacing(10)
        for choice in (self.level, self.pair, self.account, self.day):
            choice.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            choice.setMinimumContentsLength(11)
            choice.currentIndexChanged.connect(self._narrowed)
            row.addWidget(choice, 1)
        return row

    def _foot(self) -> QHBoxLayout:
        self._count = Label("", "small")
        self.more_button = Button(self._theme, "Load more", role="link")
        self.more_button.clicked.connect(self._load_more)
        self.copy_button = Button(self._theme, "Copy", "copy", "link", name="Copy the lines that are shown")
        self.copy_button.clicked.connect(self._copy)
        self.export_button = Button(self._theme, "Export…", role="link", name="Export the lines that are shown")
        self.export_button.clicked.connect(self._offer_export)
        row = QHBoxLayout()
        row.setContentsMargins(12, 4, 6, 4)
        row.addWidget(self._count)
        row.addStretch(1)
        for button in (self.more_button, self.copy_button, self.export_button):
            row.addWidget(button)
        return row

    def _details(self) -> Frame:
        card = Frame("card")
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName("Everything that the chosen line says")
        self.text.setMinimumHeight(90)
        self.run_button = Button(self._theme, "Open this run", "history")
        self.run_button.clicked.connect(self._open_run)
        close = IconButton(self._theme, "x", "Close the line")
        close.clicked.connect(self._close_details)
        buttons = QVBoxLayout()
        buttons.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        buttons.addWidget(self.run_button)
        buttons.addStretch(1)
        row = QHBoxLayout(card)
        row.setContentsMargins(12, 10, 10, 10)
        row.addWidget(self.text, 1)
        row.addLayout(buttons)
        return card

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take the names of pairs and accounts."""
        self._names = snapshot.short_names
        _fill(self.pair, self._names)
        _fill(self.account, {account.id: words.account_name(account) for account in snapshot.accounts})

    def forget(self) -> None:
        """The core was stopped or switched."""
        self._names = {}
        self._limit = PER_PAGE
        self._model.show_lines((), {})
        self.details.hide()
        for choice in (self.pair, self.account):
            _fill(choice, {})

    def clear(self) -> None:
        """Show every line again."""
        for choice, number in ((self.level, 3), (self.pair, 0), (self.account, 0), (self.day, 2)):
            choice.blockSignals(True)
            choice.setCurrentIndex(number)
            choice.blockSignals(False)
        self.search.blockSignals(True)
        self.search.clear()
        self.search.blockSignals(False)
        self._narrowed()

    def read(self) -> None:
        """Read the lines and show them."""
        self._tasks.spawn(self._read)

    def showEvent(self, event: QShowEvent) -> None:
        """Somebody looks: read, and go on looking for new lines while they follow."""
        super().showEvent(event)
        self.read()
        self._follow_chosen()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks: nothing is read."""
        self._timer.stop()
        self._typing.stop()
        super().hideEvent(event)

    def query(self) -> LogQuery:
        """What is asked for now."""
        ago = _DAYS[self.day.currentText()]
        return LogQuery(
            words=tuple(self.search.text().split()),
            level=Level(self.level.currentData()),
            pair_id=self.pair.currentData() or None,
            account_id=self.account.currentData() or None,
            since=time_words.days(ago, 0, self._now())[0] if ago is not None else None,
        )

    async def _read(self) -> None:
        query, limit = self.query(), self._limit
        found: LogFound = await self._bridge.call(lambda core: core.log.read(query, limit))
        if (query, limit) != (self.query(), self._limit):
            return  # something else was asked for meanwhile, and is on its way
        before = self.table.chosen()
        self._model.show_lines(found.lines, self._names)
        self._show_filled(bool(found.lines))
        shown = words.plural(len(found.lines), "line", "lines")
        self._count.setText(f"The newest {shown}" if found.more else shown)
        self.more_button.setVisible(found.more and self._limit < LINES_AT_MOST)
        if before is not None and self.table.chosen() != before:
            self.table.choose(before)

    def _show_filled(self, filled: bool) -> None:
        self._card.setVisible(filled)
        self._empty.setVisible(not filled)
        self._rest.setVisible(not filled)
        if not filled:
            self.details.hide()

    # -- what is asked ----------------------------------------------------------------------------------------------

    def _narrowed(self) -> None:
        self._limit = PER_PAGE
        if self.isVisible():
            self.read()

    def _load_more(self) -> None:
        self.follow.setChecked(False)
        self._limit = min(LINES_AT_MOST, self._limit + PER_PAGE)
        self.read()

    def _read_soon(self) -> None:
        # By a key: while one reading is under way, the next one waits for its turn.
        self._tasks.spawn(self._read, key="follow the log")

    def _follow_chosen(self) -> None:
        if self.follow.isChecked() and self.isVisible():
            self._timer.start()
        else:
            self._timer.stop()

    def _scrolled(self, value: int) -> None:
        """Who scrolls away from the newest lines wants to read: what is read must not move."""
        if value > 0 and self.follow.isChecked():
            self.follow.setChecked(False)

    def _chosen(self) -> None:
        line = self._line()
        if line is not None:
            self._show_details(line)

    def _open(self, key: str) -> None:
        line = self._model.line(key)
        if line is not None and line.fields.get("run_id"):
            self.run_wanted.emit(line.fields["run_id"])

    def _open_run(self) -> None:
        line = self._line()
        if line is not None:
            self.run_wanted.emit(line.fields["run_id"])

    def _line(self) -> LogLine | None:
        key = self.table.chosen()
        return self._model.line(key) if key is not None else None

    def _show_details(self, line: LogLine) -> None:
        told = {"time": line.at.astimezone().isoformat(sep=" "), "level": line.level.value, "event": line.event}
        told |= {"message": line.message} if line.message else {}
        self.text.setPlainText("\n".join(f"{name}: {value}" for name, value in (told | dict(line.fields)).items()))
        self.run_button.setVisible(bool(line.fields.get("run_id")))
        self.details.show()

    def _close_details(self) -> None:
        self.table.clearSelection()
        self.details.hide()
        self.table.setFocus()

    def _copy(self) -> None:
        """The lines as text, the oldest first, as they came about."""
        lines = [log_model.as_text(line, self._names) for line in reversed(self._model.lines)]
        QGuiApplication.clipboard().setText("\n".join(lines))

    def _offer_export(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("As CSV…", lambda: self._ask_where("kalends-log.csv"))
        menu.addAction("As JSON lines…", lambda: self._ask_where("kalends-log.jsonl"))
        menu.popup(self.export_button.mapToGlobal(self.export_button.rect().bottomLeft()))

    def _ask_where(self, name: str) -> None:
        dialog = QFileDialog(self, "Export the log", name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda chosen: self.export(Path(chosen)))
        dialog.open()

    def export(self, file: Path) -> None:
        """Write the lines that are shown into a file: CSV where it ends so, else JSON lines as they are in the log."""
        lines = tuple(reversed(self._model.lines))
        text = (
            _as_csv(lines, self._names) if file.suffix.lower() == ".csv" else "".join(f"{one.text}\n" for one in lines)
        )

        async def work() -> None:
            chosen_files.write(file, text)

        self._tasks.spawn(work)


def _as_csv(lines: tuple[LogLine, ...], names: Mapping[str, str]) -> str:
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(("time", "level", "event", "message", "pair", "run_id"))
    for line in lines:
        pair, run = line.fields.get("pair_id", ""), line.fields.get("run_id", "")
        rows.writerow((line.at.isoformat(), line.level.value, line.event, line.message, names.get(pair, pair), run))
    return written.getvalue()


def _fill(choice: Choice, names: Mapping[str, str]) -> None:
    """Offer these beside *All*, and keep what is chosen where it is still there."""
    now = {choice.itemData(i): choice.itemText(i) for i in range(1, choice.count())}
    if now == dict(names):
        return
    chosen = choice.currentData()
    choice.blockSignals(True)
    while choice.count() > 1:
        choice.removeItem(1)
    for key, name in names.items():
        choice.addItem(name, key)
    choice.setCurrentIndex(max(0, choice.findData(chosen)))
    choice.blockSignals(False)
