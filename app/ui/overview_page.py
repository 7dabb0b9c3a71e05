"""Overview: how everything is doing, what needs the person with its fix, the pairs, and the latest runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.domain.pairs import PairStatus
from app.services.views import SIGN_IN_EXPIRES, Problem, RollUp
from app.ui import menus, pair_model, run_model, time_words, words
from app.ui.boxes import EmptyBox, Figure
from app.ui.commands import Commands
from app.ui.feed import LATEST_RUNS, Snapshot
from app.ui.focus import Left, hand_over, leave, take_away
from app.ui.marks import Marks
from app.ui.notes import Note
from app.ui.pair_buttons import PairButtons
from app.ui.pair_model import PairModel
from app.ui.pair_rows import COUNTING
from app.ui.progress_lines import ProgressLines
from app.ui.row_widgets import RowWidgets
from app.ui.run_model import RunModel
from app.ui.tables import KEY, Table
from app.ui.theme import Theme
from app.ui.widgets import Badge, Button, Frame, IconButton, Label
from app.ui.words import Tone

FIXES = {
    "reconnect": "Reconnect",
    "review_hold": "Review",
    "unlock_vault": "Unlock",
    "show_run": "Show",
    "choose_calendar": "Open pair",
}
"""The buttons of problems, by the word the core gives."""


_AGO = 10
"""Average characters of `59 min ago`."""


class OverviewPage(QScrollArea):
    """The first page.

    Args:
        theme: its colours.
        commands: what its buttons do.
        now: the clock.
    """

    fix_wanted = Signal(object)
    """The button of a `Problem` was pressed."""
    run_wanted = Signal(str)
    """A run's details were asked for, by its id."""
    activity_wanted = Signal(str)
    """The runs of a pair were asked for, by its id; empty for all."""
    wished = Signal(object, str)
    """A `PairWish` for the pair of this id."""
    pause_wanted = Signal()
    """All pairs shall be paused until a moment that is still to be chosen."""
    new_pair_wanted = Signal()
    demo_wanted = Signal()
    page_wanted = Signal(str)
    connect_wanted = Signal()
    check_wanted = Signal()
    """All calendars shall be read whole."""
    start_answered = Signal(bool)
    """Whether Kalends shall start with the computer; asked once."""

    def __init__(self, theme: Theme, commands: Commands, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._theme = theme
        self._commands = commands
        self._now = now
        self._snapshot: Snapshot | None = None
        self._problems: tuple[Problem, ...] = ()
        self._later: set[Problem] = set()
        """What the person does not want to see again until it changes, or until the next start."""
        self._pair_buttons: dict[str, PairButtons] = {}
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        page = QWidget()
        page.setObjectName("page")
        self.setWidget(page)
        column = QVBoxLayout(page)
        column.setContentsMargins(28, 24, 28, 24)
        column.setSpacing(0)
        column.addLayout(self._head())
        self.progress = ProgressLines(theme)
        self.progress.stop_wanted.connect(commands.stop_pair)
        column.addWidget(self.progress)
        column.addSpacing(20)
        self.start_offer = self._start_offer()
        column.addWidget(self.start_offer)
        self._problem_column = QVBoxLayout()
        self._problem_column.setSpacing(8)
        column.addLayout(self._problem_column)
        column.addLayout(self._figures())
        column.addSpacing(22)
        self._pair_model = PairModel(now, self)
        column.addWidget(self._pair_section())
        column.addSpacing(22)
        self._run_model = RunModel(now, self)
        column.addWidget(self._run_section())
        column.addStretch(1)

    # -- parts ------------------------------------------------------------------------------------------------------

    def _head(self) -> QHBoxLayout:
        self._badge = Badge(self._theme, "circle-dashed", Tone.QUIET)
        self._sentence = Label("", "title", wrap=True)
        self._times = Label("", "muted")
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._sentence)
        texts.addWidget(self._times)
        self._pause_menu = QMenu(self)
        self._pause_menu.aboutToShow.connect(self._fill_pause)
        self.pause_button = Button(self._theme, "Pause", "pause")
        self.pause_button.setMenu(self._pause_menu)
        self.resume_button = Button(self._theme, "Resume", "play")
        self.resume_button.clicked.connect(self._commands.resume_all)
        self.resume_button.hide()
        self.sync_button = Button(self._theme, "Sync now", "refresh-cw", "primary")
        self.sync_button.clicked.connect(self._commands.sync_all)
        self.check_button = IconButton(self._theme, "chevron-down", "More ways to sync")
        self.check_button.clicked.connect(self._offer_check)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self._badge, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addSpacing(4)
        row.addLayout(texts, 1)
        row.addSpacing(12)
        for button in (self.pause_button, self.resume_button, self.sync_button, self.check_button):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        return row

    def _start_offer(self) -> QWidget:
        """Shown once, after the first good sync (`ux.md`: it is offered then, and never ticked unasked)."""
        note = Note(
            self._theme,
            Tone.QUIET,
            "Shall Kalends start with your computer?",
            "It then keeps your calendars in step from the tray. Under Settings you can change that at any time.",
        )
        self.start_button = note.offer("Start with my computer", lambda: self.start_answered.emit(True))
        note.closable(lambda: self.start_answered.emit(False))
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 14)
        column.addWidget(note)
        box.hide()
        return box

    def offer_start(self, offered: bool) -> None:
        """Ask whether Kalends shall start with the computer, or no longer ask."""
        if not offered:
            leave(self.start_offer)
        self.start_offer.setVisible(offered)

    def _figures(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(14)
        self._accounts = Figure(self._theme, "users")
        self.connect_button = IconButton(self._theme, "plus", "Connect another account")
        self.connect_button.clicked.connect(self.connect_wanted)
        self._accounts.add(self.connect_button)
        self._pairs = Figure(self._theme, "arrow-left-right")
        self._next = Figure(self._theme, "clock")
        for figure in (self._accounts, self._pairs, self._next):
            row.addWidget(figure, 1)
        return row

    def _pair_section(self) -> QWidget:
        self.pair_table = Table(self._theme, "Sync pairs", self._pair_model, rows_shown=12)
        self.pair_table.set_row_lines(2)
        self.pair_table.set_columns(0, 23, 13, 17, 8)
        self.pair_table.fit_columns(pair_model.LAST_CHANGE)
        self.pair_table.hide_when_narrow({pair_model.LAST_CHANGE: 720, pair_model.LAST_SYNC: 560})
        self.pair_table.opened.connect(self.activity_wanted)
        self._marks = Marks(self.pair_table)
        self._marks.run_wanted.connect(self.run_wanted)
        self.pair_table.menu_wanted.connect(self._pair_menu_at)
        self.pair_ends = RowWidgets(self.pair_table, pair_model.COMMANDS)
        self._pair_model.modelReset.connect(self._place_pair_buttons)
        self._no_pairs = EmptyBox(
            self._theme,
            "arrow-left-right",
            "Nothing to sync yet",
            "A sync pair copies the events of one calendar into another, or both ways.",
        )
        self.new_pair_button = Button(self._theme, "Create a sync pair", "plus")
        self.new_pair_button.clicked.connect(self.new_pair_wanted)
        self.demo_button = Button(self._theme, "Try the demo", "flask-conical")
        self.demo_button.clicked.connect(self.demo_wanted)
        self._no_pairs.offer(self.new_pair_button, self.demo_button)
        all_pairs = Button(self._theme, "See all sync pairs", role="link")
        all_pairs.clicked.connect(lambda: self.page_wanted.emit("pairs"))
        return _section(Label("Sync pairs", "heading"), all_pairs, _card(self.pair_table), self._no_pairs)

    def _run_section(self) -> QWidget:
        self.run_table = Table(self._theme, "Latest runs", self._run_model, rows_shown=LATEST_RUNS)
        self.run_table.set_row_lines(1)
        self.run_table.set_columns(15, 0, 14, 18, 12, 8)
        self.run_table.fit_columns(*(column for column in range(len(run_model.RUN_HEADS)) if column != run_model.PAIR))
        self.run_table.hide_when_narrow({run_model.TRIGGER: 760, run_model.TOOK: 640})
        self.run_table.opened.connect(self.run_wanted)
        all_runs = Button(self._theme, "See all activity", role="link")
        all_runs.clicked.connect(lambda: self.activity_wanted.emit(""))
        self._no_runs = EmptyBox(
            self._theme, "history", "No activity yet", "Runs will appear here after the first sync."
        )
        self._today = Label("", "muted")
        parts = (_card(self.run_table), self._no_runs)
        return _section(Label("Latest runs", "heading"), all_runs, *parts, aside=self._today)

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show how everything is doing."""
        self._snapshot = snapshot
        status = snapshot.status
        sign = words.ROLL_UP_SIGNS[status.state]
        self._badge.show_sign(sign.icon, sign.tone)
        self._sentence.setText(status.sentence)
        syncing = status.state is RollUp.SYNCING
        self.sync_button.say("Syncing…" if syncing else "Sync now")
        resume = menus.resume_text(snapshot.pairs)
        active = any(view.pair.status is PairStatus.ACTIVE for view in snapshot.pairs)
        self.pause_button.setVisible(active)
        self.resume_button.setVisible(resume is not None)
        self.sync_button.setVisible(active)
        self.check_button.setVisible(active)
        self.connect_button.setVisible(not snapshot.is_demo)
        self.demo_button.setVisible(not snapshot.is_demo)
        paused = sum(view.pair.status is PairStatus.PAUSED for view in snapshot.pairs)
        accounts = words.plural(status.accounts, "account", "accounts")
        self._accounts.say(accounts, words.plural(status.connections, "calendar", "calendars"))
        pairs = words.plural(status.pairs, "sync pair", "sync pairs")
        self._pairs.say(pairs, f"{paused:,} paused" if paused else "All active" if snapshot.pairs else "None yet")
        self._show_problems(status.problems)
        self.show_progress(snapshot)
        self._pair_model.show_recent(snapshot.recent)
        self._pair_model.show_pairs(snapshot.pairs)
        today = snapshot.today
        self._today.setText(f"Today: {today.created:,} added · {today.updated:,} changed · {today.deleted:,} removed")
        self._today.setVisible(bool(snapshot.pairs))
        for view in snapshot.pairs:
            self._pair_buttons[view.pair.id].show_pair(view)
        self.pair_table.fit_now(pair_model.STATUS, COUNTING if snapshot.going else 0)
        self.pair_table.fit_now(pair_model.LAST_SYNC, _AGO)
        _swap(self.pair_table, self._no_pairs, bool(snapshot.pairs))
        self._run_model.show_runs(snapshot.runs, snapshot.short_names)
        _swap(self.run_table, self._no_runs, bool(snapshot.runs))
        self.tick()

    def show_progress(self, snapshot: Snapshot) -> None:
        """Show how far the runs are; the rest is as it was."""
        self.progress.show_progress(snapshot.going, snapshot.short_names)
        self._pair_model.show_progress(snapshot.pairs)

    def tick(self) -> None:
        """Time has passed: say the relative times again."""
        if self._snapshot is None:
            return
        status, now = self._snapshot.status, self._now()
        text = words.last_and_next(status, now)
        self._times.setText(text)
        self._times.setVisible(bool(text))
        upcoming = time_words.ahead(status.next_run_at, now)
        self._next.say(upcoming[:1].upper() + upcoming[1:] if upcoming else "–", "Next sync")
        self._pair_model.tick()
        figures = (self._accounts, self._pairs, self._next)
        width = max(figure.minimumSizeHint().width() for figure in figures)
        for figure in figures:
            figure.setMinimumWidth(width)

    def _show_problems(self, problems: tuple[Problem, ...]) -> None:
        self._later &= set(problems)
        problems = tuple(problem for problem in problems if problem not in self._later)
        if problems == self._problems:
            return  # a box that stays keeps the focus of its button
        self._problems = problems
        left: Left | None = None
        while (item := self._problem_column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                left = take_away(widget) or left
        for problem in problems:
            ended = problem.action == "reconnect" and problem.code != SIGN_IN_EXPIRES
            tone = Tone.FAILED if ended else Tone.ATTENTION
            note = Note(self._theme, tone, problem.sentence)
            if problem.action in FIXES:
                note.offer(FIXES[problem.action], partial(self.fix_wanted.emit, problem))
            if problem.action == "reconnect":
                note.offer("Later", partial(self._put_off, problem))
            self._problem_column.addWidget(note)
            if left is not None:
                hand_over(left, note)
        self._problem_column.setContentsMargins(0, 0, 0, 14 if problems else 0)

    def _put_off(self, problem: Problem) -> None:
        """Show a problem no more until it changes. It counts all the same, and is said elsewhere."""
        self._later.add(problem)
        if self._snapshot is not None:
            self._show_problems(self._snapshot.status.problems)

    def _place_pair_buttons(self) -> None:
        self._pair_buttons.clear()
        self.pair_ends.clear()
        for row in range(self._pair_model.rowCount()):
            index = self._pair_model.index(row, pair_model.COMMANDS)
            pair_id = str(index.data(KEY))
            buttons = PairButtons(self._theme)
            buttons.sync.clicked.connect(partial(self._sync_or_resume, pair_id))
            buttons.more.clicked.connect(partial(self._pair_menu_below, buttons.more, pair_id))
            self._pair_buttons[pair_id] = buttons
            if (view := self._pair_model.pair(pair_id)) is not None:
                buttons.show_pair(view)  # its name, before it may be given the focus of the one it replaces
            self.pair_ends.put(row, buttons)

    # -- what is asked ----------------------------------------------------------------------------------------------

    def _offer_check(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Sync now", self._commands.sync_all)
        menu.addAction("Check everything again: reads all calendars whole", self.check_wanted.emit)
        menu.popup(self.check_button.mapToGlobal(self.check_button.rect().bottomLeft()))

    def _fill_pause(self) -> None:
        menus.fill_pause(self._pause_menu, self._commands.pause_all, self._now, self.pause_wanted.emit)

    def _sync_or_resume(self, pair_id: str) -> None:
        view = self._pair_model.pair(pair_id)
        if view is not None and view.pair.status is PairStatus.PAUSED:
            self._commands.resume_pair(pair_id)
        else:
            self._commands.sync_pair(pair_id)

    def _pair_menu_below(self, button: QWidget, pair_id: str) -> None:
        self._pair_menu_at(pair_id, button.mapToGlobal(button.rect().bottomLeft()))

    def _pair_menu_at(self, pair_id: str, position: QPoint) -> None:
        view = self._pair_model.pair(pair_id)
        if view is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menus.fill_pair(menu, view, self._commands, self._now, self.wished.emit)
        menu.popup(position)


def _section(title: Label, button: QWidget | None, *parts: QWidget, aside: Label | None = None) -> QWidget:
    section = QWidget()
    column = QVBoxLayout(section)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(8)
    head = QHBoxLayout()
    head.addWidget(title)
    if aside is not None:
        head.addSpacing(14)
        head.addWidget(aside)
    head.addStretch(1)
    if button is not None:
        head.addWidget(button)
    column.addLayout(head)
    for part in parts:
        column.addWidget(part)
    return section


def _card(table: Table) -> Frame:
    card = Frame("card")
    column = QVBoxLayout(card)
    column.setContentsMargins(5, 1, 5, 1)
    column.addWidget(table)
    table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return card


def _swap(table: Table, empty: QWidget, filled: bool) -> None:
    """The table's card, or the empty box in its place."""
    if (card := table.parentWidget()) is not None:
        card.setVisible(filled)
    empty.setVisible(not filled)
    table.updateGeometry()
