"""Runs, and the actions of one run, as rows of tables. They show what they are given and ask nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.domain.runs import ActionRecord, Run
from app.ui import time_words, words
from app.ui.tables import KEY, QUIET, SECOND_LINE, SIGN
from app.ui.widgets import plain_tooltip

Index = QModelIndex | QPersistentModelIndex

RUN_HEADS = ("Time", "Pair", "Status", "Changes", "Started by", "Took")
TIME, PAIR, STATUS, CHANGES, TRIGGER, TOOK = range(6)

ACTION_HEADS = ("What", "Event", "Why")
WHAT, EVENT, WHY = range(3)

GONE_PAIR = "Removed pair"
"""Shown for runs whose pair no longer exists."""


class RunModel(QAbstractTableModel):
    """Rows of `Run`, newest first.

    Args:
        now: the clock, for "today 14:02".
        parent: the Qt owner.
    """

    def __init__(self, now: Callable[[], datetime], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._runs: tuple[Run, ...] = ()
        self._names: Mapping[str, str] = {}
        self._said: list[tuple[object, ...]] = []

    def show_runs(self, runs: tuple[Run, ...], names: Mapping[str, str]) -> None:
        """Show these runs; `names` are the pairs' names by id."""
        same = [run.id for run in runs] == [run.id for run in self._runs]
        if not same:
            self.beginResetModel()
        self._runs, self._names = runs, names
        before, self._said = self._said, [self._says(run) for run in runs]
        if not same:
            self.endResetModel()
            return
        # A reading comes with every change anywhere; most change no row, and what is told of is measured and painted.
        for row, (old, new) in enumerate(zip(before, self._said, strict=True)):
            if old != new:
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(RUN_HEADS) - 1))

    def _says(self, run: Run) -> tuple[object, ...]:
        """All that a row shows and tells."""
        return (*(self._text(run, column) for column in range(len(RUN_HEADS))), run.status, run.errors[:1])

    def run(self, run_id: str) -> Run | None:
        """The run of this id, None when it is not shown."""
        return next((run for run in self._runs if run.id == run_id), None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """One row a run."""
        return 0 if parent.isValid() else len(self._runs)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """As many as `RUN_HEADS`."""
        return 0 if parent.isValid() else len(RUN_HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The words of `RUN_HEADS`."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return RUN_HEADS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, signs and what a screen reader says, by role."""
        run = self._runs[index.row()]
        column = index.column()
        if role == KEY:
            return run.id
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(run, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            if column == TIME:
                return ", ".join(self._text(run, part) for part in (TIME, PAIR, STATUS, CHANGES))
            return self._text(run, column)
        if role == SIGN and column == STATUS:
            return words.RUN_SIGNS[run.status]
        if role == QUIET:
            return column in (TRIGGER, TOOK) or (column == CHANGES and self._text(run, column) in ("–", "No changes"))
        if role == Qt.ItemDataRole.ToolTipRole and column == STATUS and run.errors:
            return plain_tooltip(run.errors[0].message)
        if role == Qt.ItemDataRole.ToolTipRole and column in (PAIR, CHANGES):
            return plain_tooltip(self._text(run, column))
        return None

    def _text(self, run: Run, column: int) -> str:
        if column == TIME:
            return time_words.day_and_time(run.started_at or run.created_at, self._now())
        if column == PAIR:
            return self._names.get(run.pair_id, GONE_PAIR)
        if column == STATUS:
            return words.RUN_SIGNS[run.status].word
        if column == CHANGES:
            return words.run_changes(run)
        if column == TRIGGER:
            return words.TRIGGER_WORDS[run.trigger]
        return time_words.duration(run.duration_ms)


class ActionModel(QAbstractTableModel):
    """Rows of a run's `ActionRecord`: what was done to which event, and why."""

    def __init__(self, now: Callable[[], datetime], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._actions: tuple[ActionRecord, ...] = ()

    def show_actions(self, actions: tuple[ActionRecord, ...]) -> None:
        """Show these actions."""
        self.beginResetModel()
        self._actions = actions
        self.endResetModel()

    def action(self, row: int) -> ActionRecord:
        """The action of a row."""
        return self._actions[row]

    def by_key(self, key: str) -> ActionRecord | None:
        """The action of a `KEY`, None where there is none."""
        return next((action for action in self._actions if _action_key(action) == key), None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """One row an action."""
        return 0 if parent.isValid() else len(self._actions)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """As many as `ACTION_HEADS`."""
        return 0 if parent.isValid() else len(ACTION_HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The words of `ACTION_HEADS`."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return ACTION_HEADS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text and signs by role."""
        action = self._actions[index.row()]
        column = index.column()
        if role == KEY:
            return _action_key(action)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(action, column)
        if role == SIGN and column == WHAT:
            return words.action_sign(action)
        if role == SECOND_LINE and column == EVENT:
            return self._when(action)
        if role == QUIET:
            return column == WHY
        if role == Qt.ItemDataRole.ToolTipRole and column in (EVENT, WHY):
            return plain_tooltip(self._text(action, column))
        return None

    def _text(self, action: ActionRecord, column: int) -> str:
        if column == WHAT:
            return words.action_sign(action).word
        if column == EVENT:
            return action.title or "(no title)"
        return action.sentence

    def _when(self, action: ActionRecord) -> str:
        return time_words.event_time(action.starts_at, self._now(), all_day=action.all_day)


def _action_key(action: ActionRecord) -> str:
    return f"{action.direction_id} {action.original_id} {action.occ}"
