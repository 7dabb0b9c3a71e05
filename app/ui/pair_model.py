"""The sync pairs as rows of the overview. It shows what it is given and asks nobody."""

from __future__ import annotations

from app.services.views import PairView
from app.ui import time_words, words
from app.ui.pair_rows import PairRows

HEADS = ("Pair", "Status", "Last sync", "Last change", "")
PAIR, STATUS, LAST_SYNC, LAST_CHANGE, COMMANDS = range(5)


class PairModel(PairRows):
    """What keeps in step, how it is, and what happened last."""

    heads = HEADS
    status = STATUS
    quiet = frozenset({LAST_SYNC, LAST_CHANGE})

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
