"""Why is this event there, or not there? A person says which one, and reads what it is and what each pair makes of it.

The answer is the core's, by what was last read; nothing is asked of a service and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.services.views import PairView
from app.ui import time_words, words
from app.ui.bridge import CoreThread
from app.ui.fields import Field, TextField
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.widgets import Button, Choice, Frame, Label

if TYPE_CHECKING:
    # For types only: the core's modules are imported on its own thread.
    from app.services.why import Answered, Explained, Reason, Way

_REASONS_SHOWN = 3
"""Of the dates of a series."""

_PLAN_WORDS = {
    "create": "It is copied by the next run",
    "adopt": "The copy that is there is taken as its own by the next run",
    "update": "Its copy is changed by the next run",
    "delete": "Its copy is removed by the next run",
    "release": "Its copy becomes an ordinary event by the next run",
    "unlink": "It is forgotten by the next run",
    "hold": "It waits for your decision",
    "write_back": "An edit of its copy is carried to it by the next run",
    "delete_original": "It is deleted by the next run",
    "restore_original": "It is made again by the next run",
}
"""What the plan would do, before its reason. What it leaves as it is has the reason alone."""

_GONE = {"gone": " · deleted", "absent": " · not seen when its calendar was last read whole"}
_DONE = {
    "create": "copied",
    "update": "copy changed",
    "delete": "copy removed",
    "release": "copy let go",
}


class WhySheet(Sheet):
    """Asks and shows.

    Args:
        theme: its colours.
        bridge: the way to the core.
        pairs: what can be chosen to look in.
        now: the clock.
        parent: the window it belongs to.
    """

    edit_wanted = Signal(str)
    """The settings of the pair of this id were asked for."""

    def __init__(
        self,
        theme: Theme,
        bridge: CoreThread,
        pairs: Sequence[PairView],
        now: Callable[[], datetime],
        parent: QWidget,
    ) -> None:
        super().__init__(theme, "Why is an event there, or not?", parent, width=660, scrolls=True)
        self._bridge = bridge
        self._now = now
        self.say(
            "Why is an event there, or not?", "Say which one: an original or a copy. Nothing is changed by asking."
        )
        self.cancel_button.say("Close")
        self.query = TextField(theme, "Event", "Words of its title", "search")
        self._query_field = Field(theme, "Event", self.query)
        self.query.textChanged.connect(lambda: self._query_field.refuse(""))
        self.pair = Choice(theme, "In the calendars of")
        self.pair.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.pair.setMinimumContentsLength(20)
        self.pair.addItem("All sync pairs", "")
        for view in pairs:
            self.pair.addItem(words.pair_name(view), view.pair.id)
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(self._query_field, 3)
        row.addWidget(Field(theme, "In the calendars of", self.pair), 2)
        self.body.addLayout(row)
        self.found = Label("", "muted", wrap=True)
        self.found.hide()
        self.body.addWidget(self.found)
        self._answers = QWidget()
        self._cards = QVBoxLayout(self._answers)
        self._cards.setContentsMargins(0, 0, 0, 0)
        self._cards.setSpacing(12)
        self.body.addWidget(self._answers)
        self.body.addStretch(1)
        self.ask_button: Button = self.offer("Ask", role="primary")
        self.ask_button.clicked.connect(self.ask)
        self.take_size(700, 420)
        self.query.setFocus()

    def begin_with(self, event: str, pair_id: str = "") -> None:
        """Ask about this event (its id or words of its title) at once; without one, wait for the person."""
        self.query.setText(event)
        self.pair.setCurrentIndex(max(0, self.pair.findData(pair_id)))
        if event:
            self.ask()

    def ask(self) -> None:
        """Ask the core and show what it says."""
        if not self.query.text().strip():
            self._query_field.refuse("Say which event: words of its title, or its id.")
            self.query.setFocus()
            return
        self.work(self._ask, self.ask_button)

    async def _ask(self) -> None:
        query, pair_id = self.query.text().strip(), self.pair.currentData() or None
        self._say("Looking…")
        try:
            answer: Answered = await self._bridge.call(lambda core: core.questions.why.explain(query, pair_id=pair_id))
        except BaseException:
            self._say("")
            raise
        self._show(answer)

    # -- what is shown -------------------------------------------------------------------------------------------------

    def _show(self, answer: Answered) -> None:
        while (item := self._cards.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for one in answer.found:
            self._cards.addWidget(self._card(one))
        self._say(_summary(answer))
        if answer.found:
            self.take_size(self.width(), 760)

    def _say(self, text: str) -> None:
        self.found.setText(text)
        self.found.setVisible(bool(text))

    def _card(self, one: Explained) -> QWidget:
        card = Frame("card")
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(6)
        fields = one.event.fields
        title = (fields.title if fields is not None else "") or "(no title)"
        all_day = fields is not None and fields.when.all_day
        when = time_words.event_time(one.starts_at, self._now(), all_day=all_day)
        about = " · ".join(part for part in (when, f"in “{one.where.connection.name}”") if part)
        column.addWidget(Label(title, "heading", wrap=True))
        column.addWidget(Label(f"{about}{_GONE.get(str(one.seen), '')}", "muted", wrap=True))
        column.addWidget(Label(one.sentence, wrap=True))
        for way in one.ways:
            column.addWidget(Frame("rule"))
            column.addWidget(self._way(way))
        card.setAccessibleName(f"{title}, {about}. {one.sentence}")
        return card

    def _way(self, way: Way) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(12)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(Label(f"{way.direction.source.name} → {way.direction.target.name}", "strong", wrap=True))
        for sentence in _reasons(way.now):
            texts.addWidget(Label(sentence, wrap=True))
        later = self._later(way)
        if later:
            texts.addWidget(Label(later, "small", wrap=True))
        row.addLayout(texts, 1)
        edit = Button(self.theme, "Edit pair", role="link")
        edit.setAutoDefault(False)
        edit.clicked.connect(partial(self.edit_wanted.emit, way.pair.id))
        row.addWidget(edit)
        return box

    def _later(self, way: Way) -> str:
        told = []
        if way.writes:
            last = way.writes[0]
            if last.last_try_at is not None:
                done = _DONE.get(str(last.op).removesuffix("_occurrence"), "written")
                told.append(f"Last {done} {time_words.ago(last.last_try_at, self._now())}")
        again = way.again_at or way.next_run_at
        if again is not None:
            told.append(f"looked at again {time_words.ahead(again, self._now())}")
        text = " · ".join(told)
        return text[:1].upper() + text[1:]


def _reasons(reasons: Sequence[Reason]) -> list[str]:
    told = []
    for one in reasons[:_REASONS_SHOWN]:
        plan = _PLAN_WORDS.get(one.verb)
        sentence = one.sentence if plan is None else f"{plan}: {one.sentence[:1].lower()}{one.sentence[1:]}"
        told.append(f"{sentence} ({_date_of(one.occ)})" if one.occ else sentence)
    if len(reasons) > _REASONS_SHOWN:
        told.append(f"And {words.plural(len(reasons) - _REASONS_SHOWN, 'more date', 'more dates')}.")
    return told


def _date_of(occ: str) -> str:
    """The date of an occurrence by its key; the key itself where it does not begin with one."""
    try:
        return time_words.date_words(datetime.strptime(occ.replace("-", "")[:8], "%Y%m%d").date())  # noqa: DTZ007 - a date
    except ValueError:
        return occ


def _summary(answer: Answered) -> str:
    if not answer.found:
        return (
            "No event that was last read fits. Kalends knows the calendars of its sync pairs, within their time span, "
            "as of their last sync."
        )
    if answer.total > len(answer.found):
        return f"{answer.total:,} events fit. These are the nearest {len(answer.found):,}; more words find fewer."
    return f"{words.plural(answer.total, 'event fits', 'events fit')}."
