"""The sync pairs as rows of the overview. It shows what it is given and asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QObject, Qt

from app.services.views import PairView, RunMark
from app.ui import time_words, words
from app.ui.marks import MARKS, MarkedRun
from app.ui.pair_rows import Index, PairRows
from app.ui.strip import mark_words, run_strip_words
from app.ui.tables import KEY, STRIP
from app.ui.widgets import plain_tooltip

HEADS = ("Pair", "Status", "Last sync", "Last change", "")
PAIR, STATUS, LAST_SYNC, LAST_CHANGE, COMMANDS = range(5)


class PairModel(PairRows):
    """What keeps in step, how it is, and what happened last."""

    heads = HEADS
    status = STATUS
    quiet = frozenset({LAST_SYNC, LAST_CHANGE})

    def __init__(self, now: Callable[[], datetime], parent: QObject | None = None) -> None:
        super().__init__(now, parent)
        self._recent: Mapping[str, Sequence[RunMark]] = {}

    def show_recent(self, recent: Mapping[str, Sequence[RunMark]]) -> None:
        """How the last runs of each pair ended, by its id: shown with the pairs from now on."""
        self._recent = recent

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """As of its parent; the last runs stand as marks below the last change, and in words for screen readers."""
        if index.column() == LAST_CHANGE:
            marks = self._recent.get(str(super().data(index, KEY)), ())
            if role == STRIP:
                return tuple(words.RUN_SIGNS[mark.status].tone for mark in marks)
            if role == MARKS:
                return tuple(MarkedRun(mark.run_id, mark_words(mark, self._now())) for mark in marks)
            if role == Qt.ItemDataRole.AccessibleTextRole and marks:
                return f"{super().data(index, role)}. {run_strip_words(marks, self._now())}"
            if role == Qt.ItemDataRole.ToolTipRole and marks:
                return plain_tooltip(run_strip_words(marks, self._now()))
        return super().data(index, role)

    def _text(self, view: PairView, column: int) -> str:
        if column == PAIR:
            return words.pair_name(view)
        if column == LAST_SYNC:
            return time_words.ago(view.pair.last_synced_at, self._now())
        if column == LAST_CHANGE:
            return words.run_changes(view.last_run) if view.last_run is not None else "–"
        return super()._text(view, column)

    def _below(self, view: PairView, column: int) -> str:
        return words.pair_kind(view.pair) if column == PAIR else ""

    def _more(self, view: PairView, column: int) -> str:
        return f"{words.pair_name(view)}\n{words.pair_kind(view.pair)}" if column == PAIR else ""
