"""Writing to originals, where a pair that goes both ways says so (`engine.md` §8, §11).

The same journal and the same outcomes as for copies, but sent to the source; what follows from them is another. There
is nothing to create here but what an undo makes anew, and originals get no marker that would make them copies.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.events import Event, EventKind
from app.domain.ledger import Closing
from app.domain.links import Answer, Evidence, Intent, Link, Op
from app.domain.runs import Counts
from app.engine import closing
from app.engine.writer import Work, Writer


class OriginalWriter(Writer):
    """Sends the writes to originals of one direction in one run; its client is the source's."""

    @property
    def calendar_id(self) -> str:
        """The source."""
        return self._direction.source.id

    @property
    def calendar_key(self) -> str:
        """The source's."""
        return self._direction.source.calendar_key

    def _applied(
        self, intent: Intent, event: Event | None, answers: list[Answer], work: Work | None, link: Link | None
    ) -> Closing:
        if intent.op is Op.RESTORE_ORIGINAL:
            return self._exists(intent, event, answers, link)
        answered = event.fields if event is not None else None
        closed = closing.original_written(intent, answered, known=self._copies.get(intent.copy_key), link=link)
        self.settled(intent, event, answers)
        return closed

    def _exists(self, intent: Intent, event: Event | None, answers: list[Answer], link: Link | None) -> Closing:
        """An original that is there under the id it is made anew with is that original: now or by an earlier try."""
        if event is None or event.gone or event.fields is None:
            self.written.again.add(intent.original_id)
            return closing.burned(intent, link, self._copies.get(intent.copy_key), self._clock.now())
        closed = closing.applied(intent, None, event, link=link)
        self.settled(intent, event, answers)
        return closed

    def settled(self, intent: Intent, event: Event | None, answers: list[Answer]) -> None:
        """Count a write that happened; the original is planned once more, as it is now."""
        self.written.again.add(intent.original_id)
        if intent.op is Op.DELETE_ORIGINAL:
            answers.append(Answer(intent.target_id, Evidence.GONE))
            self.written.counts = self.written.counts.plus(Counts(deleted=1))
            return
        if event is not None and event.kind is EventKind.SINGLE:
            answers.append(Answer(event.id, Evidence.FOUND, (event,)))
        else:
            self.written.reread_originals.add(event.id if event is not None else intent.target_id)
        made = Counts(created=1) if intent.op is Op.RESTORE_ORIGINAL else Counts(updated=1)
        self.written.counts = self.written.counts.plus(made)

    def _stale(self, intent: Intent) -> None:
        self.written.reread_originals.add(intent.target_id)


def split_by_side(work: Sequence[Work]) -> tuple[list[Work], list[Work]]:
    """Split steps into those that write to originals and those that write to copies."""
    return [w for w in work if w.step.op.on_original], [w for w in work if not w.step.op.on_original]
