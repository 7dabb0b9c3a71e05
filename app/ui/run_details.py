"""The story of one run: how it ended, what it counted, what went wrong, and what was done to which event and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.runs import ActionRecord, RunStatus
from app.services.views import RunView
from app.ui import time_words, words
from app.ui.action_list import ActionList
from app.ui.calendar_counts import by_calendar
from app.ui.run_model import GONE_PAIR
from app.ui.theme import Theme
from app.ui.widgets import Badge, Button, Frame, IconButton, Label
from app.ui.words import Tone

_ERRORS_SHOWN = 3


class RunDetails(Frame):
    """The panel below the runs."""

    closed = Signal()
    undo_wanted = Signal(str)
    """The run that is shown is to be undone."""
    why_wanted = Signal(str, str)
    """More about an event (its id) was asked for, by the pair of this id."""

    def __init__(self, theme: Theme, now: Callable[[], datetime]) -> None:
        super().__init__("card")
        self._now = now
        self.run_id: str | None = None
        self._badge = Badge(theme, "circle-dashed", Tone.QUIET, 36)
        self._title = Label("", "heading")
        self._detail = Label("", "muted", wrap=True)
        texts = QVBoxLayout()
        texts.setSpacing(1)
        texts.addWidget(self._title)
        texts.addWidget(self._detail)
        self.undo_button = Button(theme, "Undo this run", "history")
        self.undo_button.clicked.connect(self._undo)
        self.copy_button = IconButton(theme, "copy", "Copy what this run did")
        self.copy_button.clicked.connect(self._copy)
        close = IconButton(theme, "x", "Close the details")
        close.clicked.connect(self.closed)
        head = QHBoxLayout()
        head.setContentsMargins(16, 0, 10, 0)
        head.setSpacing(12)
        head.addWidget(self._badge)
        head.addLayout(texts, 1)
        head.addWidget(self.undo_button, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._calendars = Label("", "small", wrap=True)
        self._calendars.setContentsMargins(16, 0, 16, 0)
        self._calendars.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._errors = Label("", wrap=True)
        self._errors.setContentsMargins(16, 0, 16, 0)
        self._errors.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._nothing = Label("", "muted")
        self._nothing.setContentsMargins(16, 6, 16, 10)
        self.story = ActionList(theme, "What this run did", now)
        self.story.opened.connect(self._ask_why)
        self._pair_id = ""
        self._view: RunView | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(5, 14, 5, 2)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._calendars)
        column.addWidget(self._errors)
        column.addWidget(self._nothing)
        column.addWidget(self.story, 1)
        self._rest = QWidget()
        column.addWidget(self._rest, 1)
        self._column = column

    def show_run(self, view: RunView, pair_name: str) -> None:
        """Show a run; `pair_name` is empty when the pair is gone."""
        self._view = view
        run = view.run
        if run.id != self.run_id:
            self.story.clear_filter()
        if run.id != self.run_id or self.story.total != len(view.actions):
            self.story.show_actions(view.actions)
        self.run_id = run.id
        self._pair_id = run.pair_id if pair_name and pair_name != GONE_PAIR else ""
        sign = words.RUN_SIGNS[run.status]
        self.undo_button.setVisible(bool(pair_name) and words.may_undo(run, self._now()))
        self._badge.show_sign(sign.icon, sign.tone)
        self._title.setText(pair_name or GONE_PAIR)
        self._detail.setText(self._summary(view))
        calendars = by_calendar(view)
        self._calendars.setText("In each calendar:  " + "  ·  ".join(calendars))
        self._calendars.setVisible(bool(calendars))
        messages = [words.reason(run.reason)] if run.reason is not None else []
        messages += [error.message for error in run.errors[:_ERRORS_SHOWN]]
        if len(run.errors) > _ERRORS_SHOWN:
            messages.append(f"And {words.plural(len(run.errors) - _ERRORS_SHOWN, 'more problem', 'more problems')}.")
        self._errors.setText("\n".join(messages))
        self._errors.setVisible(bool(messages))
        self.story.setVisible(bool(view.actions))
        self._rest.setVisible(not view.actions)
        self._nothing.setText("Still at work." if not run.status.ended else "No event had to be changed.")
        self._nothing.setVisible(not view.actions and not messages)

    def _undo(self) -> None:
        if self.run_id is not None:
            self.undo_wanted.emit(self.run_id)

    def _copy(self) -> None:
        """The story as text: a line for each event, the moment first."""
        if self._view is None:
            return
        run = self._view.run
        lines = [f"{run.id}  {self._title.text()}  {self._summary(self._view)}", *by_calendar(self._view)]
        lines += self._errors.text().splitlines()
        for action in self._view.actions:
            when = time_words.event_time(action.starts_at, self._now(), all_day=action.all_day)
            parts = (when, words.action_sign(action).word, action.title or "(no title)", action.sentence)
            lines.append("  ".join(part for part in parts if part))
        QGuiApplication.clipboard().setText("\n".join(lines))

    def _ask_why(self, action: ActionRecord) -> None:
        if self._pair_id:
            self.why_wanted.emit(action.original_id, self._pair_id)

    def _summary(self, view: RunView) -> str:
        run = view.run
        parts = [
            words.RUN_SIGNS[run.status].word,
            time_words.day_and_time(run.started_at or run.created_at, self._now()),
        ]
        parts.append(words.STARTED_WORDS[run.trigger])
        if run.duration_ms:
            parts.append(f"took {time_words.duration(run.duration_ms)}")
        if run.status.ended and run.status is not RunStatus.SKIPPED:
            parts.append(f"looked at {words.plural(run.counts.processed, 'event', 'events')}")
            parts.append(
                f"preview: {words.would(words.planned(view.actions)).lower()}" if run.dry else words.run_changes(run)
            )
            if run.counts.skipped and not run.dry:
                parts.append(f"{run.counts.skipped:,} left out")
        return " · ".join(parts)
