"""The sync pairs with both their ends, as rows of the page *Sync pairs*. It shows what it is given and asks nobody."""

from __future__ import annotations

from app.domain.pairs import Direction, PairStatus
from app.services.views import ConnectionView, PairView
from app.ui import time_words, words
from app.ui.pair_rows import PairRows

HEADS = ("From", "To", "Direction", "Status", "Next sync", "")
FROM, TO, HOW, STATUS, NEXT, COMMANDS = range(6)


class PairListModel(PairRows):
    """Both ends, what can be set of a pair, how it is, and when it runs next."""

    heads = HEADS
    status = STATUS
    quiet = frozenset({NEXT})

    def _text(self, view: PairView, column: int) -> str:
        if column in (FROM, TO):
            return _end(view, column).connection.name
        if column == HOW:
            return "Both ways" if view.pair.direction is Direction.BIDIRECTIONAL else "One way"
        if column == NEXT:
            if view.pair.status is PairStatus.PAUSED:
                return "–"
            return time_words.ahead(view.next_run_at, self._now()) or "–"
        return super()._text(view, column)

    def _below(self, view: PairView, column: int) -> str:
        if column in (FROM, TO):
            account = _end(view, column).account
            return account.email or words.account_name(account)
        if column == HOW:
            return words.MODE_WORDS[view.pair.mode]
        if column == NEXT:
            return f"every {time_words.interval(view.pair.interval_seconds)}"
        return ""

    def _more(self, view: PairView, column: int) -> str:
        if column in (FROM, TO):
            return f"{self._text(view, column)}\n{words.account_name(_end(view, column).account)}"
        return ""

    def _spoken(self, view: PairView) -> list[str]:
        parts = super()._spoken(view)
        return [*parts[:3], f"every {time_words.interval(view.pair.interval_seconds)}", *parts[3:]]


def _end(view: PairView, column: int) -> ConnectionView:
    """The end a column shows: events go from left to right."""
    turned = view.pair.direction is Direction.B_TO_A
    return view.b if (column == FROM) is turned else view.a
