"""Carrying out steps: journal a chunk, send it, close what each request on the wire told (`engine.md` §11).

Async through the client's port only. Every write is in the journal before it is sent; one transaction closes what one
request told. Decides nothing: what to write comes from the plan.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from app.domain import identity
from app.domain.events import Event, EventKind, Marker
from app.domain.ledger import Closing, Ledger
from app.domain.links import (
    Answer,
    Copy,
    CopyForm,
    CopyState,
    DirectionRecord,
    Draft,
    Evidence,
    Intent,
    Link,
    Op,
    Outcome,
    Result,
)
from app.domain.ports import CalendarClient, Clock, Stamps
from app.domain.runs import Counts, RunError
from app.engine import closing
from app.engine.decisions import Step
from app.engine.originals import starts_at
from app.engine.proof import is_of_another, is_ours
from app.engine.wishes import COVERED

ENDS_PART_AFTER_SECONDS = 60.0
"""A wait longer than this ends the account's part of the run."""

_REMADE_WITHIN = timedelta(days=7)
"""How long what was taken away to be made anew, and could not be, goes before what is new."""

_ORDER = {
    Op.WRITE_BACK: 0,
    Op.DELETE_ORIGINAL: 0,
    Op.RESTORE_ORIGINAL: 0,
    Op.UPDATE: 0,
    Op.CANCEL_OCCURRENCE: 0,
    Op.UPDATE_OCCURRENCE: 1,
    Op.DELETE: 2,
    Op.CREATE: 3,
}


def _nobody_watches(_done: int, _total: int) -> None:
    """Progress that nobody wants to see."""


def no_limit() -> int:
    """As many events as there are."""
    return sys.maxsize


@dataclass(frozen=True, slots=True)
class Work:
    """One step of one original, with its link as known."""

    original_id: str
    step: Step
    link: Link | None


@dataclass(slots=True)
class Written:
    """What writing came to.

    Args:
        again: originals to plan once more in this run.
        reread: events in the target (singles, masters) to read before that.
        reread_originals: the same in the source.
        unfinished: something was not sent or is still unknown: these originals stay dirty.
        retry_after: the longest wish to wait in seconds, by the calendar whose service had one.
    """

    counts: Counts = field(default_factory=Counts)
    again: set[str] = field(default_factory=set)
    reread: set[str] = field(default_factory=set)
    reread_originals: set[str] = field(default_factory=set)
    errors: list[RunError] = field(default_factory=list)
    unfinished: bool = False
    retry_after: dict[str, float] = field(default_factory=dict)


class Writer:
    """Sends the writes of one direction in one run.

    Args:
        client: of the calendar that is written to.
        stopping: whether no further write may start.
        tell: hears how many of the steps it was given so far are answered, of how many.
        may_create: how many events the account's budget lets be created now.
        before: what the run came to besides, for whoever watches its counts.
        written: what writing came to so far, where several write in one run.
    """

    def __init__(
        self,
        direction: DirectionRecord,
        client: CalendarClient,
        ledger: Ledger,
        *,
        clock: Clock,
        stamps: Stamps,
        run_id: str,
        stopping: Callable[[], bool],
        tell: Callable[[int, int], None] = _nobody_watches,
        may_create: Callable[[], int] = no_limit,
        before: Counts | None = None,
        written: Written | None = None,
    ) -> None:
        self._direction = direction
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._stamps = stamps
        self._run_id = run_id
        self.stopping = stopping
        self._tell = tell
        self._may_create = may_create
        self._remade: set[str] = set()
        self._remade_before: Collection[str] | None = None
        self._given = 0
        self._answered: set[int] = set()
        self.before = before or Counts()
        self._copies: dict[str, Copy] = {}
        self._work: dict[int, Work] = {}
        self._nothing_found: set[str] = set()
        self._did_nothing: set[int] = set()
        self.written = written or Written()

    @property
    def calendar_id(self) -> str:
        """The calendar that is written to."""
        return self._direction.target.id

    @property
    def calendar_key(self) -> str:
        """The key of that calendar, from which ids of our choice derive."""
        return self._direction.target.calendar_key

    async def write(self, work: Iterable[Work]) -> Written:
        """Carry out these steps, soonest events first within updates, deletes, creates. Returns what it came to."""
        waiting = sorted(work, key=_place)
        for item in waiting:
            if item.step.copy is not None and item.step.reason != closing.SECOND_COPY:
                # The row as it is now: what an earlier round knew may be outdated.
                self._copies[item.step.copy.copy_key] = item.step.copy
        self._remade |= {i.original_id for i in waiting if i.step.op is Op.DELETE and i.step.reason in closing.REMADE}
        size = self._client.capabilities.batch * self._client.capabilities.parallel
        if waiting:
            self._given += len(waiting)
            self._tell(len(self._answered), self._given)
        while waiting:
            if self.stopping() or self.must_wait:
                self.written.unfinished = True
                break
            chunk, waiting = _next_chunk(waiting, size)
            chunk, over = self._within_budget(chunk)
            if over:
                waiting = [item for item in waiting if not self._counts(item)]
            if chunk:
                await self._send(chunk)
        return self.written

    @property
    def must_wait(self) -> bool:
        """Whether the service wants to be left alone for longer than a run may wait."""
        return self.written.retry_after.get(self.calendar_id, 0.0) > ENDS_PART_AFTER_SECONDS

    def _within_budget(self, chunk: Sequence[Work]) -> tuple[list[Work], bool]:
        """What of a chunk may be written now, and whether something has to wait because it would create too much."""
        budget = self._may_create() if any(item.step.op.creates for item in chunk) else 0
        kept, created = [], 0
        for item in chunk:
            created += item.step.op.creates
            if created <= budget or not self._counts(item):
                kept.append(item)
        if len(kept) == len(chunk):
            return kept, False
        self.written.unfinished = True
        message = "So many events were made in this account today that the rest waits; it goes on by itself."
        self.written.errors.append(RunError("creation_budget", message, self.calendar_id))
        return kept, True

    def _counts(self, item: Work) -> bool:
        """Whether the budget may hold this up: not what stands in for a copy that goes by our own doing, or the
        original would be without one for a day."""
        if not item.step.op.creates:
            return False
        if item.link is not None and item.link.copy_key and item.link.reason == COVERED:
            return False  # it was in the block of another
        if self._remade_before is None:
            since = self._clock.now() - _REMADE_WITHIN
            self._remade_before = self._ledger.deleted_for(self._direction.id, closing.REMADE, since)
        return item.original_id not in self._remade and item.original_id not in self._remade_before

    async def _send(self, chunk: Sequence[Work]) -> None:
        intents = self._ledger.open_intents([self._intent(item) for item in chunk], self._clock.now())
        self._work |= {intent.id: item for intent, item in zip(intents, chunk, strict=True)}
        await self.deliver(intents)

    async def deliver(self, intents: Sequence[Intent], *, did_nothing: Collection[int] = ()) -> None:
        """Send journaled intents and close them as the answers come. What stays untold stays in the journal.

        Args:
            did_nothing: ids of those whose earlier tries, if any, are known to have done nothing.
        """
        self._did_nothing |= set(did_nothing)
        open_ones = {intent.id: intent for intent in intents}
        writing = self._client.write(intents)
        recalled = False
        while outcomes := await writing.next():
            closings: list[Closing] = []
            answers: list[Answer] = []
            for outcome in outcomes:
                intent = open_ones.pop(outcome.intent_id)
                closings.append(self._close(intent, outcome, answers))
                if intent.id in self._work and outcome.result is not Result.UNKNOWN:
                    self._answered.add(intent.id)
            self._ledger.close_intents(closings, self._clock.now())
            if answers:
                self._ledger.store_answers(self.calendar_id, answers)
            self._ledger.progress(self._run_id, self.before.plus(self.written.counts))
            if self._work:
                self._tell(len(self._answered), self._given)
            if not recalled and self.stopping():
                recalled = True
                writing.recall()
        if open_ones:
            self.written.unfinished = True
            if recalled:
                self._close_unsent(list(open_ones.values()))

    def _close_unsent(self, intents: Sequence[Intent]) -> None:
        """End what was called back before it was sent, as far as no earlier try may have done it."""
        now = self._clock.now()
        closings = []
        for intent in intents:
            if intent.tries <= 1:
                work = self._work.get(intent.id)
                closings.append(closing.dropped(intent, work.link if work is not None else self._link(intent), now))
        self._ledger.close_intents(closings, now)

    def _intent(self, work: Work) -> Intent:
        step = work.step
        generation = step.copy.generation if step.copy is not None else 0
        copy_id = identity.copy_id(self.calendar_key, step.copy_key, generation)
        stamp = self._stamps.stamp()
        draft = None
        if step.fields is not None:
            marker = Marker(self._direction.key, step.copy_key, generation, stamp, released=step.released)
            draft = Draft(step.fields, marker, tuple(step.cancelled[occ] for occ in sorted(step.cancelled)))
        excludes = step.form is CopyForm.SERIES and self._client.capabilities.excluded_dates
        return Intent(
            id=0,
            direction_id=self._direction.id,
            run_id=self._run_id,
            op=step.op,
            original_id=work.original_id,
            occ=step.occ,
            copy_key=step.copy_key,
            copy_id=copy_id,
            generation=generation,
            stamp=stamp,
            form=step.form,
            parent=step.parent,
            target_id=step.target_id,
            occurrence_start=step.occurrence_start,
            etag=step.etag,
            draft=draft,
            carried=step.carried,
            wanted=dict(step.wanted),
            original_hashes=dict(step.original_hashes),
            cancelled=tuple(sorted(step.cancelled)) if excludes and step.op in (Op.CREATE, Op.UPDATE) else (),
            before=step.before,
            inside=step.inside,
            undoing=step.undoing,
            reason=step.reason,
            title=_title(step.source),
        )

    # -- outcomes ------------------------------------------------------------------------------------------------------

    def _close(self, intent: Intent, outcome: Outcome, answers: list[Answer]) -> Closing:
        work = self._work.get(intent.id)
        link = work.link if work is not None else self._link(intent)
        event = outcome.event
        if outcome.result is Result.APPLIED:
            return self._applied(intent, event, answers, work, link)
        if outcome.result is Result.EXISTS:
            return self._exists(intent, event, answers, link)
        if outcome.result is Result.DROPPED:
            self.written.again.add(intent.original_id)
            self._stale(intent)
            return closing.dropped(intent, link, self._clock.now())
        if outcome.result is Result.REFUSED:
            return self._refused(intent, outcome, link)
        if outcome.result is Result.LATER:
            self._ask_to_wait(outcome)
            self.written.unfinished = True
            if intent.tries > 1:
                # This try did nothing; what became of the one before it still nobody knows.
                return closing.still_unknown(intent)
            return closing.dropped(intent, link, self._clock.now())
        self.written.unfinished = True
        return closing.still_unknown(intent)

    def _stale(self, intent: Intent) -> None:
        """What was written to is not as it was: it is read before its original is planned once more."""
        self.written.reread.add(intent.target_id)

    def _link(self, intent: Intent) -> Link | None:
        """The link of a write from an earlier run."""
        links = self._ledger.links(self._direction.id, [intent.original_id])
        return next((link for link in links if link.occ == intent.occ), None)

    def _applied(
        self, intent: Intent, event: Event | None, answers: list[Answer], work: Work | None, link: Link | None
    ) -> Closing:
        if intent.op is Op.CREATE and (event is None or event.gone or event.fields is None):
            return self._exists(intent, event, answers, link)
        answered = self._client.normal_form(event.fields) if event is not None and event.fields is not None else None
        closed = closing.applied(
            intent,
            answered,
            event,
            parent=self._copies.get(intent.parent),
            known=self._copies.get(intent.copy_key),
            link=link,
            rewrites=dict(work.step.rewrites) if work is not None else None,
        )
        if closed.copy is not None:
            self._copies[closed.copy.copy_key] = closed.copy
        self.settled(intent, event, answers)
        return closed

    def settled(self, intent: Intent, event: Event | None, answers: list[Answer]) -> None:
        """Count a write that happened, and note what has to be read and planned once more because of it.

        Args:
            event: as the service told it; None where it told none.
            answers: what the view shall learn of it is added here.
        """
        whole_again = intent.form is CopyForm.SERIES or intent.parent
        if intent.op is Op.DELETE:
            answers.append(Answer(intent.target_id, Evidence.GONE))
            self.written.again.add(intent.original_id)
        elif whole_again:
            # The series is read and planned once more: a write to a master may keep or reset its exceptions.
            self.written.again.add(intent.original_id)
            self.written.reread.add(event.id if event is not None and intent.op is Op.CREATE else intent.target_id)
        elif event is not None:
            answers.append(Answer(event.id, Evidence.FOUND, (event,)))
        if intent.draft is not None and intent.draft.marker.released:
            self.written.again.add(intent.original_id)
        one = {Op.CREATE: Counts(created=1), Op.DELETE: Counts(deleted=1)}.get(intent.op, Counts(updated=1))
        self.written.counts = self.written.counts.plus(one)

    def _exists(self, intent: Intent, event: Event | None, answers: list[Answer], link: Link | None) -> Closing:
        """A create met its own id: ours and alive is our earlier try; dead or foreign, the id is burned."""
        known = self._copies.get(intent.copy_key)
        if event is not None and not event.gone and event.fields is not None and self._is_ours(event, intent):
            if event.marker is not None and (event.marker.stamp == intent.stamp or event.marker.released):
                # This is a later read, not the answer to that write: a person may have been there in between.
                closed = closing.applied(intent, None, event, known=known, link=link)
                self.settled(intent, event, answers)
            else:
                closed = self._adopted(intent, event, answers, link)
            if closed.copy is not None:
                self._copies[closed.copy.copy_key] = closed.copy
            return closed
        self.written.again.add(intent.original_id)
        if event is None and intent.copy_key not in self._nothing_found:
            # Refused as there, and yet nothing is there: once more under the same id before it counts as burned.
            self._nothing_found.add(intent.copy_key)
            return closing.dropped(intent, link, self._clock.now())
        closed = closing.burned(intent, link, known, self._clock.now())
        if closed.copy is not None:
            self._copies[closed.copy.copy_key] = closed.copy
        return closed

    def _adopted(self, intent: Intent, event: Event, answers: list[Answer], link: Link | None) -> Closing:
        """A live copy of this key from another time or machine: take it over without a base, and compare."""
        self.notice_installation(event)
        self.written.again.add(intent.original_id)
        if intent.form is CopyForm.SERIES:
            self.written.reread.add(event.id)
        else:
            answers.append(Answer(event.id, Evidence.FOUND, (event,)))
        copy = Copy(
            intent.direction_id,
            intent.copy_key,
            generation=intent.generation,
            event_id=event.id,
            form=CopyForm.SERIES if event.kind is EventKind.SERIES else CopyForm.SINGLE,
            state=CopyState.LIVE,
            etag=event.etag,
            stamp=event.marker.stamp if event.marker is not None else "",
        )
        return replace(closing.dropped(intent, link, self._clock.now()), copy=copy)

    def notice_installation(self, copy: Event) -> None:
        """Remember for good that another installation keeps this pair too, if it wrote this copy last: then a copy
        that is gone is no word of a person's (`engine.md` §8)."""
        if copy.marker is not None and is_of_another(copy.marker.stamp, self._stamps.installation()):
            self._ledger.other_installation(self._direction.id, self._clock.now())

    def _is_ours(self, event: Event, intent: Intent) -> bool:
        if intent.draft is not None and intent.draft.marker.released:
            # Made as an ordinary event from the start: nothing but its id can tell of it.
            event = replace(event, marker=None)
        return is_ours(event, self._direction.target.calendar_key, intent.copy_key, intent.generation)

    def _refused(self, intent: Intent, outcome: Outcome, link: Link | None) -> Closing:
        if intent.tries > 1 and intent.id not in self._did_nothing:
            # The no is to this try. The one before it may have been carried out, or still be, and is looked for again.
            self.written.unfinished = True
            return closing.still_unknown(intent)
        known = self._copies.get(intent.copy_key)
        closed = closing.refused(intent, link, outcome.code, outcome.message, self._clock.now(), known=known)
        if closed.action is None:
            self.written.again.add(intent.original_id)
        else:
            self.written.counts = self.written.counts.plus(Counts(failed=1))
            self.written.errors.append(RunError(outcome.code or "refused", outcome.message, self.calendar_id))
        return closed

    def _ask_to_wait(self, outcome: Outcome) -> None:
        wished = outcome.retry_after_seconds if outcome.retry_after_seconds is not None else 0.0
        self.written.retry_after[self.calendar_id] = max(self.written.retry_after.get(self.calendar_id, 0.0), wished)
        told = {error.connection_id for error in self.written.errors if error.code == "throttled"}
        if self.calendar_id not in told:
            message = outcome.message or "The calendar service asked us to slow down."
            self.written.errors.append(RunError("throttled", message, self.calendar_id))


def _next_chunk(waiting: list[Work], size: int) -> tuple[list[Work], list[Work]]:
    """The first `size` steps that touch different units, and the rest in order."""
    chunk: list[Work] = []
    rest: list[Work] = []
    units: set[str] = set()
    for item in waiting:
        unit = item.step.parent or item.step.copy_key
        if len(chunk) < size and unit not in units:
            chunk.append(item)
        else:
            rest.append(item)
        units.add(unit)
    return chunk, rest


def _place(work: Work) -> tuple[int, str, str, str]:
    fields = work.step.source.fields if work.step.source is not None else None
    start = starts_at(fields, "UTC")
    return (_ORDER[work.step.op], start.isoformat() if start is not None else "", work.original_id, work.step.occ)


def _title(event: Event | None) -> str:
    return event.fields.title if event is not None and event.fields is not None else ""
