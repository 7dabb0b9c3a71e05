"""Settling writes whose outcome nobody told, before anything is planned (`engine.md` §11, "Recovery").

Planned anew, our own late write would pass for a person's. Async through ports only. What cannot be settled now stays
in the journal and blocks its unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from app.domain.events import Event
from app.domain.ledger import Closing, Ledger
from app.domain.links import (
    Answer,
    Copy,
    CopyState,
    DirectionRecord,
    Evidence,
    Intent,
    IntentState,
    Link,
    Op,
    Row,
    Seen,
)
from app.domain.ports import CalendarClient, CalendarReader, Clock
from app.domain.runs import Counts
from app.engine import closing, view
from app.engine.fingerprint import all_hashes, hashes
from app.engine.originals import Unit, assemble
from app.engine.proof import GENERATIONS_AHEAD, copy_names, is_ours_by_marker
from app.engine.writer import Writer

ALONE_FROM_TRIES = 2
"""A create whose outcome was unknown so often is sent without neighbours."""
ON_ITS_WAY = timedelta(minutes=3)
"""For so long a request may still arrive that nobody waits for any more: longer than any network or service holds one
back, and shorter than the shortest time between two runs by the clock."""


async def marked_copies(client: CalendarReader, direction: DirectionRecord) -> list[Event]:
    """Living events in the target that are proved copies of this direction, by one listing of the marker."""
    pages = client.marked(direction.key)
    found: list[Event] = []
    while (page := await pages.next()) is not None:
        found.extend(
            event
            for event in page.events
            if not event.gone
            and event.fields is not None
            and event.marker is not None
            and event.marker.direction_key == direction.key
            and is_ours_by_marker(event, direction.target.calendar_key)
        )
    return found


async def known_by_name(
    direction: DirectionRecord, client: CalendarReader, ledger: Ledger, generations: Mapping[str, int]
) -> tuple[list[Event], set[str]]:
    """Living, proved copies that the view knows by their names, read directly; and the keys of what could not be read.

    A search for the marker lags behind (Graph), most of all for a copy that a person has just edited, and when the
    service no longer remembers the transaction, making it again would make a second one (`reliability.md` §2.5).

    Args:
        generations: what is known of each copy key's generation; the next few are looked for too.
    """
    target = direction.target
    keys = {
        name: key
        for key, generation in generations.items()
        for name in copy_names(target.calendar_key, key, generation + GENERATIONS_AHEAD)
    }
    seen = {event.id: event for event in ledger.named(target.id, keys)} if keys else {}
    told = await view.ask(client, ledger, target.id, sorted(seen)) if seen else []
    silent = {
        keys.get(answer.event_id) or keys[seen[answer.event_id].transaction_id or ""]
        for answer in told
        if answer.evidence is Evidence.UNKNOWN
    }
    living = [event for answer in told for event in answer.events if not event.gone and event.fields is not None]
    return [event for event in living if is_ours_by_marker(event, target.calendar_key)], silent


async def recover(
    direction: DirectionRecord,
    client: CalendarClient,
    ledger: Ledger,
    writer: Writer,
    clock: Clock,
    *,
    source: CalendarReader | None = None,
) -> int:
    """Settle every pending write of a direction; those to originals need `source`. Returns how many stay unknown.

    Creates: one listing of the marker finds most, the view (which is to be fresh) those that a search that lags leaves
    out; what neither knows is sent again under the same id, which does not double it while the service remembers that.
    Updates: our stamp on the copy means applied. Deletes: gone means applied. Write-backs: an original that
    says what was sent, field by field, means applied; whatever it says, it is only read here. What is settled counts as
    this run's, and `writer.written` says what to plan once more.
    """
    pending = ledger.pending_intents(direction.id)
    if not pending:
        return 0
    creates = [intent for intent in pending if intent.op is Op.CREATE]
    if creates:
        await _creates(direction, client, ledger, writer, clock, creates)
    # What an undo made anew under an id of our choice is found there by the next undo; nothing else may make it.
    restoring = [intent for intent in pending if intent.op is Op.RESTORE_ORIGINAL]
    if restoring:
        ledger.close_intents([closing.dropped(intent, None, clock.now()) for intent in restoring], clock.now())
    on_originals = [intent for intent in pending if intent.op.on_original and intent not in restoring]
    if on_originals and source is not None:
        await _originals(direction, source, ledger, writer, clock, on_originals)
    others = [intent for intent in pending if intent.op is not Op.CREATE and not intent.op.on_original]
    if others:
        await _others(direction, client, ledger, writer, clock, others)
    return len(ledger.pending_intents(direction.id))


async def _creates(
    direction: DirectionRecord,
    client: CalendarClient,
    ledger: Ledger,
    writer: Writer,
    clock: Clock,
    creates: Sequence[Intent],
) -> None:
    found: dict[tuple[str, int], Event] = {}
    any_generation: dict[str, Event] = {}

    def note(events: Iterable[Event]) -> None:
        for event in events:
            if event.marker is not None:
                found[(event.marker.copy_key, event.marker.generation)] = event
                any_generation.setdefault(event.marker.copy_key, event)

    note(await marked_copies(client, direction))
    missing = [intent for intent in creates if intent.copy_key not in any_generation]
    wanted = {intent.copy_key: intent.generation for intent in missing}
    seen, silent = await known_by_name(direction, client, ledger, wanted)
    note(seen)
    links = _links(ledger, direction, creates)
    closings: list[Closing] = []
    answers: list[Answer] = []
    again: list[Intent] = []
    for intent in creates:
        # Another installation may have gone on to the next generation; sent again, this one would double it.
        there = found.get((intent.copy_key, intent.generation)) or any_generation.get(intent.copy_key)
        if there is None and intent.copy_key in silent:
            closings.append(closing.still_unknown(intent))
        elif there is None or there.fields is None or there.marker is None:
            again.append(intent)
        elif there.marker.stamp == intent.stamp:
            link = links.get((intent.original_id, intent.occ))
            closings.append(closing.applied(intent, None, there, link=link))
            writer.settled(intent, there, answers)
        else:
            writer.notice_installation(there)
            closings.append(_taken_over(intent, there, links.get((intent.original_id, intent.occ)), clock))
            answers.append(Answer(there.id, Evidence.FOUND, (there,)))
            writer.written.again.add(intent.original_id)
    if closings:
        ledger.close_intents(closings, clock.now())
        ledger.store_answers(direction.target.id, answers)
    # Under the same ids. An operation unknown twice goes alone, as it may spoil its neighbours.
    first = [intent for intent in again if intent.tries < ALONE_FROM_TRIES]
    for batch in ([first] if first else []) + [[intent] for intent in again if intent not in first]:
        if writer.stopping():
            return  # what was looked up is old by now, or somebody wants this to end: they wait in the journal
        did_nothing = {intent.id for intent in batch if not _may_still_arrive(intent, clock)}
        await writer.deliver(ledger.retry_intents(batch, clock.now()), did_nothing=did_nothing)


def _may_still_arrive(intent: Intent, clock: Clock) -> bool:
    """Whether the last try of a write is so young that it may be carried out after it was looked for.

    A try that seems to lie ahead was made before the clock was set back: it may be as young.
    """
    tried = intent.last_try_at
    return tried is not None and abs(clock.now() - tried) < ON_ITS_WAY


def _links(ledger: Ledger, direction: DirectionRecord, intents: Sequence[Intent]) -> Mapping[tuple[str, str], Link]:
    found = ledger.links(direction.id, {intent.original_id for intent in intents})
    return {(link.original_id, link.occ): link for link in found}


def _taken_over(intent: Intent, event: Event, link: Link | None, clock: Clock) -> Closing:
    """The copy exists with another stamp: somebody wrote it since. Keep it without a base, and plan again."""
    dropped = closing.dropped(intent, link, clock.now())
    copy = Copy(
        intent.direction_id,
        intent.copy_key,
        generation=event.marker.generation if event.marker is not None else intent.generation,
        event_id=event.id,
        form=intent.form,
        state=CopyState.LIVE,
        etag=event.etag,
        stamp=event.marker.stamp if event.marker is not None else "",
    )
    return Closing(dropped.intent, link=dropped.link, copy=copy)


async def _others(
    direction: DirectionRecord,
    client: CalendarClient,
    ledger: Ledger,
    writer: Writer,
    clock: Clock,
    intents: Sequence[Intent],
) -> None:
    told = await view.ask(client, ledger, direction.target.id, sorted({intent.target_id for intent in intents}))
    answers = {answer.event_id: answer for answer in told}
    keys = {intent.copy_key for intent in intents} | {intent.parent for intent in intents if intent.parent}
    copies = {copy.copy_key: copy for copy in ledger.copies(direction.id, keys)}
    links = _links(ledger, direction, intents)
    closings: list[Closing] = []
    for intent in intents:
        answer = answers.get(intent.target_id)
        if answer is None or answer.evidence is Evidence.UNKNOWN:
            closings.append(closing.still_unknown(intent))
            continue
        link = links.get((intent.original_id, intent.occ))
        closed = _settle(intent, answer, client, copies, link, clock)
        if closed.copy is not None:
            copies[closed.copy.copy_key] = closed.copy
        if closed.intent.state is IntentState.APPLIED:
            writer.settled(intent, None, [])
        writer.written.again.add(intent.original_id)
        closings.append(closed)
    ledger.close_intents(closings, clock.now())


async def _originals(
    direction: DirectionRecord,
    source: CalendarReader,
    ledger: Ledger,
    writer: Writer,
    clock: Clock,
    intents: Sequence[Intent],
) -> None:
    told = await view.ask(source, ledger, direction.source.id, sorted({intent.target_id for intent in intents}))
    answers = {answer.event_id: answer for answer in told}
    copies = {copy.copy_key: copy for copy in ledger.copies(direction.id, {intent.copy_key for intent in intents})}
    links = _links(ledger, direction, intents)
    closings: list[Closing] = []
    for intent in intents:
        answer = answers.get(intent.target_id)
        if answer is None or answer.evidence is Evidence.UNKNOWN:
            closings.append(closing.still_unknown(intent))
            continue
        link = links.get((intent.original_id, intent.occ))
        writer.written.again.add(intent.original_id)
        if _original_is_so(intent, answer, source):
            done = Counts(deleted=1) if intent.op is Op.DELETE_ORIGINAL else Counts(updated=1)
            writer.written.counts = writer.written.counts.plus(done)
            closings.append(closing.original_written(intent, None, known=copies.get(intent.copy_key), link=link))
        else:
            closings.append(closing.dropped(intent, link, clock.now()))
    ledger.close_intents(closings, clock.now())


def _original_is_so(intent: Intent, answer: Answer, source: CalendarReader) -> bool:
    """Whether the original is what a write to it was to make of it."""
    if intent.op is Op.DELETE_ORIGINAL:
        return answer.evidence is Evidence.GONE
    event = next((event for event in answer.events if event.id == intent.target_id), None)
    if event is None or event.fields is None or intent.carried is None:
        return False
    sent, there = hashes(source.normal_form(intent.carried.fields)), hashes(source.normal_form(event.fields))
    return all(sent[name] == there[name] for name in intent.carried.names)


def _settle(
    intent: Intent,
    answer: Answer,
    client: CalendarClient,
    copies: Mapping[str, Copy],
    link: Link | None,
    clock: Clock,
) -> Closing:
    known, parent = copies.get(intent.copy_key), copies.get(intent.parent)
    if intent.op is Op.DELETE:
        if answer.evidence is Evidence.GONE:
            return closing.applied(intent, None, None, known=known, link=link)
        return closing.dropped(intent, link, clock.now())
    if answer.evidence is Evidence.GONE:
        return closing.dropped(intent, link, clock.now())
    unit = assemble(answer.event_id, [Row(event, Seen.SEEN) for event in answer.events])
    event = _subject(intent, unit)
    if intent.op is Op.CANCEL_OCCURRENCE:
        if intent.occ in unit.cancelled:
            return closing.applied(intent, None, None, parent=parent, known=known, link=link)
        return closing.dropped(intent, link, clock.now())
    if event is None or event.fields is None:
        return closing.dropped(intent, link, clock.now())
    stamped = event.marker is not None and event.marker.stamp == intent.stamp
    # What an undo sends is not what is wanted.
    draft = intent.draft
    meant = all_hashes(draft.fields) if intent.undoing is not None and draft is not None else intent.wanted
    equal = intent.op is Op.UPDATE_OCCURRENCE and all_hashes(client.normal_form(event.fields)) == dict(meant)
    if stamped or equal:
        return closing.applied(intent, None, event, parent=parent, known=known, link=link)
    return closing.dropped(intent, link, clock.now())


def _subject(intent: Intent, unit: Unit) -> Event | None:
    return unit.exceptions.get(intent.occ) if intent.op is Op.UPDATE_OCCURRENCE else unit.event
