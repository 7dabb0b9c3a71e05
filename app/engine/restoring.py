"""Bringing events back from a snapshot: a person's own events, made anew where they are missing (`engine.md` §17).

A command of the user, for exactly these events. Every write is in the journal before it is sent. What comes back is an
ordinary event: it bears no marker that anything looks for, no row or link tells of it, and nobody is invited. It is
made under an id that derives from the one it had, so that doing it twice makes one event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.domain import identity
from app.domain.events import Event, EventKind
from app.domain.ledger import Closing, Ledger
from app.domain.links import (
    Answer,
    Copy,
    CopyForm,
    CopyState,
    DirectionRecord,
    Evidence,
    Intent,
    IntentState,
    Op,
    Outcome,
    Result,
)
from app.domain.ports import CalendarClient, Clock
from app.domain.runs import ActionResult, Counts, RunError, Verb
from app.domain.snapshots import Unit
from app.domain.times import Moment
from app.engine import closing, view
from app.engine.closing import COMMAND_RESTORE
from app.engine.decisions import Step
from app.engine.fingerprint import is_sub_daily
from app.engine.originals import occurrence_key, wall_start
from app.engine.writer import Work, Writer, Written

GENERATIONS_AT_MOST = 8
"""An event that came back and was deleted again takes another id each time."""


def restored_key(direction: DirectionRecord, event_id: str) -> str:
    """Key under which an event of the target comes back, by the id it had there: on every computer the same."""
    return identity.digest("restored", direction.target.calendar_key, event_id)


class RestoreWriter(Writer):
    """Sends what comes back. Leaves rows and links of copies alone."""

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)  # type: ignore[arg-type] # exactly the arguments of `Writer`
        self.made: dict[str, str] = {}
        self.burned: set[str] = set()

    def _close(self, intent: Intent, outcome: Outcome, answers: list[Answer]) -> Closing:
        event = outcome.event
        alive = event is not None and not event.gone and event.fields is not None
        if outcome.result is Result.REFUSED:
            self.written.counts = self.written.counts.plus(Counts(failed=1))
            self.written.errors.append(RunError(outcome.code or "refused", outcome.message, self.calendar_id))
            return closing.refused(intent, None, outcome.code, outcome.message, self._clock.now())
        if outcome.result is Result.LATER:
            self._ask_to_wait(outcome)
            self.written.unfinished = True
            return closing.still_unknown(intent) if intent.tries > 1 else _not_done(intent)
        if outcome.result is Result.UNKNOWN:
            self.written.unfinished = True
            return closing.still_unknown(intent)
        if not intent.op.creates:
            return self._changed(intent) if outcome.result is Result.APPLIED else _not_done(intent)
        if event is None or not alive:
            self.burned.add(intent.copy_key)
            return _not_done(intent)
        ours = event.marker is not None and event.marker.stamp == intent.stamp
        if outcome.result is Result.APPLIED or ours:
            self.made[intent.copy_key] = event.id
            return self._done(intent, Counts(created=1))
        return _not_done(intent)  # an earlier restore brought it back

    def _changed(self, intent: Intent) -> Closing:
        return self._done(intent, Counts())

    def _done(self, intent: Intent, counts: Counts) -> Closing:
        self.written.counts = self.written.counts.plus(counts)
        action = replace(closing.story(intent, ActionResult.DONE), verb=Verb.RESTORE_ORIGINAL)
        return Closing(replace(intent, state=IntentState.APPLIED), action=action)


async def bring_back(
    direction: DirectionRecord,
    client: CalendarClient,
    ledger: Ledger,
    writer: RestoreWriter,
    clock: Clock,
    units: Sequence[Unit],
    *,
    run_id: str,
) -> Written:
    """Make these events anew in the target of a direction: each single or master first, then what differs in a series.

    Only those that are gone now: a person may have brought one back since it was found to be missing.

    Raises ProviderError when the calendar cannot be read or written to at all.
    """
    gone = await _gone(direction, client, ledger, writer, [unit.id for unit in units if unit.event is not None])
    waiting = {restored_key(direction, unit.id): unit for unit in units if unit.event is not None and unit.id in gone}
    everything = dict(waiting)
    for generation in range(GENERATIONS_AT_MOST):
        writer.burned.clear()
        await writer.write([_whole(direction, client, key, unit, generation) for key, unit in waiting.items()])
        await _settle(direction, ledger, writer, clock, run_id)
        waiting = {key: unit for key, unit in waiting.items() if key in writer.burned}
        if not waiting or writer.written.unfinished:
            break
    inside = [
        work for key, unit in everything.items() for work in _inside(direction, client, key, unit, writer.made.get(key))
    ]
    if inside and not writer.written.unfinished:
        await writer.write(inside)
        await _settle(direction, ledger, writer, clock, run_id)
    if writer.made:
        # Whole and with their markers, which say that they are no copies: not every service's changes tell that.
        await view.ask(client, ledger, direction.target.id, sorted(writer.made.values()))
    return writer.written


async def _gone(
    direction: DirectionRecord, client: CalendarClient, ledger: Ledger, writer: RestoreWriter, event_ids: list[str]
) -> frozenset[str]:
    """Which of these the service says are gone; that it cannot say of some is told."""
    answers = await view.ask(client, ledger, direction.target.id, event_ids) if event_ids else []
    unsaid = sum(1 for answer in answers if answer.evidence is Evidence.UNKNOWN)
    if unsaid:
        message = f"The service could not say whether {unsaid} event(s) are still there, so they were not made again."
        writer.written.errors.append(RunError("unknown_outcome", message, direction.target.id))
    return frozenset(answer.event_id for answer in answers if answer.evidence is Evidence.GONE)


async def _settle(direction: DirectionRecord, ledger: Ledger, writer: RestoreWriter, clock: Clock, run_id: str) -> None:
    """Ask once more about creates whose answer was lost: under the same ids, which cannot double them."""
    unknown = [one for one in ledger.pending_intents(direction.id) if one.run_id == run_id and one.op.creates]
    if unknown and not writer.must_wait:
        writer.written.unfinished = False
        await writer.deliver(ledger.retry_intents(unknown, clock.now()))


def _not_done(intent: Intent) -> Closing:
    return Closing(replace(intent, state=IntentState.DROPPED))


def _whole(direction: DirectionRecord, client: CalendarClient, key: str, unit: Unit, generation: int) -> Work:
    event = unit.event
    if event is None or event.fields is None:
        raise ValueError("what comes back has content")
    series = event.kind is EventKind.SERIES
    excluded = {_key(start, event): start for start in unit.cancelled} if client.capabilities.excluded_dates else {}
    return Work(
        unit.id,
        Step(
            verb=Verb.RESTORE_ORIGINAL,
            op=Op.RESTORE_ORIGINAL,
            occ="",
            copy_key=key,
            form=CopyForm.SERIES if series else CopyForm.SINGLE,
            reason=COMMAND_RESTORE,
            fields=client.normal_form(event.fields),
            cancelled=excluded if series else {},
            copy=Copy(direction.id, key, generation=generation, state=CopyState.GONE),
            released=True,
            source=event,
        ),
        None,
    )


def _inside(
    direction: DirectionRecord, client: CalendarClient, key: str, unit: Unit, master_id: str | None
) -> Iterator[Work]:
    """What is different in a series that was made just now."""
    master = unit.event
    if master is None or master.fields is None or master_id is None:
        return
    for exception in unit.exceptions:
        if exception.fields is None or exception.original_start is None:
            continue
        start = wall_start(exception.original_start, master.fields)
        step = _part(direction, key, master_id, _key(start, master), Op.UPDATE_OCCURRENCE, exception)
        yield Work(unit.id, replace(step, fields=client.normal_form(exception.fields), occurrence_start=start), None)
    if client.capabilities.excluded_dates:
        return
    for start in unit.cancelled:
        step = _part(direction, key, master_id, _key(start, master), Op.CANCEL_OCCURRENCE, master)
        yield Work(unit.id, replace(step, occurrence_start=start), None)


def _part(direction: DirectionRecord, key: str, master_id: str, occ: str, op: Op, source: Event) -> Step:
    own = identity.digest("restored", key, occ)
    return Step(
        verb=Verb.RESTORE_ORIGINAL,
        op=op,
        occ=occ,
        copy_key=own,
        form=CopyForm.OCCURRENCE,
        reason=COMMAND_RESTORE,
        target_id=master_id,
        parent=key,
        copy=Copy(direction.id, own, parent=key, form=CopyForm.OCCURRENCE, state=CopyState.GONE),
        released=True,
        source=source,
    )


def _key(start: Moment, master: Event) -> str:
    if master.fields is None:
        raise ValueError("a series has content")
    return occurrence_key(start, master.fields.when.zone, sub_daily=is_sub_daily(master.fields))
