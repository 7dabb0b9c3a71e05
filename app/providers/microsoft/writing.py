"""Writing to one Graph calendar: batches of creates, updates and deletes (`providers.md` §5.5, §5.6).

Every write is sent exactly once, except an update that met a change key which Exchange changed by itself. Nothing here
ever carries attendees, and nothing that has guests is written or deleted: Graph would mail them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

from app.domain.errors import (
    AccessError,
    AuthExpiredError,
    ForbiddenError,
    KalendsError,
    OfflineError,
    ProtocolError,
    ProviderError,
    VaultError,
)
from app.domain.events import Event
from app.domain.identity import transaction_id
from app.domain.links import Draft, Intent, Op, Outcome, Result
from app.providers.flight import Departure, Flight
from app.providers.microsoft import mapping, occurrences, verdicts
from app.providers.microsoft import marker as markers
from app.providers.microsoft.batch import BATCH_SIZE, MAILBOX_PARALLEL, Item, Part, chunks, query
from app.providers.microsoft.errors import DUPLICATE
from app.providers.microsoft.reading import LIST_PAGE_SIZE, CalendarReading, next_page
from app.providers.microsoft.recurrence import NotExpressibleError

_UNSENT: Final = (AuthExpiredError, AccessError, OfflineError, VaultError)
"""Errors that prove that nothing of a request happened, and that the next request would fare no better."""

Job = Callable[[CalendarReading, Sequence[Intent], Departure], Awaitable[list[Outcome]]]
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Unsent:
    """A chunk of which nothing was written."""

    error: KalendsError


class MicrosoftWriting:
    """Writes under way, 20 a request; implements `ports.Writing`.

    Args:
        reading: of the calendar that is written to.
        intents: at most one of each unit.
        earlier: transaction ids that this process has sent or deleted before, kept by the account; added to here.
    """

    def __init__(self, reading: CalendarReading, intents: Sequence[Intent], earlier: set[str]) -> None:
        kinds: list[tuple[Collection[Op], int, Job]] = [
            ((Op.UPDATE, Op.WRITE_BACK), BATCH_SIZE, _update),
            ((Op.DELETE, Op.DELETE_ORIGINAL), BATCH_SIZE, partial(_delete, earlier)),
            ((Op.CREATE, Op.RESTORE_ORIGINAL), BATCH_SIZE, partial(_create, earlier)),
            ((Op.UPDATE_OCCURRENCE, Op.CANCEL_OCCURRENCE), occurrences.CHUNK, occurrences.write_occurrences),
        ]
        pieces = [
            (job, piece, Departure())
            for ops, size, job in kinds
            for piece in chunks([intent for intent in intents if intent.op in ops], size)
        ]
        work = [partial(_guarded, job, reading, piece, departure) for job, piece, departure in pieces]
        departures = [departure for _, _, departure in pieces]
        self._flight: Flight[Sequence[Outcome] | Unsent] = Flight(work, MAILBOX_PARALLEL, departures)
        self._error: KalendsError | None = None

    async def next(self) -> Sequence[Outcome]:
        """Outcomes of the next chunk that ended, empty when all is told.

        Raises:
            AuthExpiredError, AccessError, OfflineError, VaultError: nothing of the writes not told yet was done.
        """
        while (told := await self._flight.next()) is not None:
            if not isinstance(told, Unsent):
                return told
            # What is in flight beside it may have been sent: its outcomes come first.
            self._flight.start_no_more()
            self._error = told.error
        if self._error is not None:
            raise self._error
        return ()

    def recall(self) -> None:
        """Send nothing more; what is on the wire is told."""
        self._flight.recall()


async def _guarded(
    job: Job, reading: CalendarReading, intents: Sequence[Intent], departure: Departure
) -> Sequence[Outcome] | Unsent:
    try:
        return await job(reading, intents, departure)
    except _UNSENT as error:
        return Unsent(error)
    except ProviderError as error:
        return [verdicts.whole_batch(intent, error) for intent in intents]


# -- create ------------------------------------------------------------------------------------------------------------


async def _create(
    earlier: set[str], reading: CalendarReading, intents: Sequence[Intent], departure: Departure
) -> list[Outcome]:
    """Create up to 20 events. Raises only while none was sent, or where nobody knows."""
    outcomes: list[Outcome] = []
    sent: list[tuple[Intent, Item, bool]] = []
    for intent in intents:
        name = transaction_id(intent.copy_id)
        try:
            body = mapping.body(_draft(intent), reading.zone) | {"transactionId": name, "responseRequested": False}
        except NotExpressibleError as error:
            outcomes.append(_not_expressible(intent, error))
            continue
        item = verdicts.write_item("POST", f"{reading.path}/events", body)
        sent.append((intent, item, name in earlier or intent.tries > 1))
        earlier.add(name)
    parts = await reading.mailbox.batch([item for _, item, _ in sent], departure) if sent else []
    doubtful: list[tuple[Intent, tuple[str, bool]]] = []
    duplicates: list[tuple[Intent, str | None]] = []
    for (intent, _, sent_before), part in zip(sent, parts, strict=True):
        if part is not None and part.ok:
            outcome = _stored(reading, intent, part)
            if outcome.event is not None and verdicts.may_be_older(intent, outcome.event, sent_before):
                doubtful.append((intent, (outcome.event.id, sent_before)))
            else:
                outcomes.append(outcome)
        elif part is not None and part.refusal.code == DUPLICATE:
            duplicates.append((intent, part.refusal.existing_id))
        else:
            outcomes.append(verdicts.not_done(intent, part))
    outcomes += await _followed(partial(_settle_doubts, reading), doubtful)
    return outcomes + await _followed(partial(_settle_duplicates, reading), duplicates)


async def _settle_doubts(
    reading: CalendarReading, doubtful: Sequence[tuple[Intent, tuple[str, bool]]]
) -> list[Outcome]:
    """Read what was answered to creates that may have been replays: the answer counts only if it is alive.

    Of a create that was sent before it is no answer but a later read: a person may have been there in between, and
    what they typed must not pass for what the service made of our write.
    """
    read = await reading.singles([event_id for _, (event_id, _) in doubtful])
    outcomes = []
    for intent, (event_id, sent_before) in doubtful:
        if event_id not in read:
            outcomes.append(Outcome(intent.id, Result.UNKNOWN))
            continue
        event = _alive(reading, read[event_id])
        stamp = event.marker.stamp if event is not None and event.marker is not None else None
        told = stamp == intent.stamp and not sent_before
        outcomes.append(Outcome(intent.id, Result.APPLIED if told else Result.EXISTS, event))
    return outcomes


async def _settle_duplicates(
    reading: CalendarReading, duplicates: Sequence[tuple[Intent, str | None]]
) -> list[Outcome]:
    """Find the events that creates collided with."""
    read = await reading.singles([event_id for _, event_id in duplicates if event_id is not None])
    outcomes = []
    for intent, event_id in duplicates:
        if event_id is not None and event_id not in read:
            outcomes.append(Outcome(intent.id, Result.UNKNOWN))
            continue
        value = read[event_id] if event_id is not None else await _by_transaction(reading, intent)
        outcomes.append(Outcome(intent.id, Result.EXISTS, _alive(reading, value)))
    return outcomes


async def _by_transaction(reading: CalendarReading, intent: Intent) -> Mapping[str, Any] | None:
    """The event that bears a create's transaction id, where the service does not say which it is.

    First by the marker; a search hides what is fresh, so that only the whole list proves there is none.
    """
    wanted = transaction_id(intent.copy_id)
    search = query(filter=markers.filter_for(markers.COPY, intent.copy_key), top=LIST_PAGE_SIZE)
    for options in (search, query(select="id,transactionId", top=LIST_PAGE_SIZE)):
        page: str | None = f"{reading.path}/events{options}"
        while page is not None:
            value = await reading.mailbox.get(page)
            for item in value.get("value") or ():
                if str(item.get("transactionId") or "").lower() == wanted:
                    return (await reading.singles([str(item["id"])])).get(str(item["id"]))
            page = next_page(reading.mailbox, value)
    return None


# -- update ------------------------------------------------------------------------------------------------------------


async def _update(reading: CalendarReading, intents: Sequence[Intent], departure: Departure) -> list[Outcome]:
    """Update up to 20 events. Raises only while none was sent, or where nobody knows."""
    outcomes: list[Outcome] = []
    sent: list[tuple[Intent, Item]] = []
    # Nothing is changed unseen: what is there may have guests, and may be so already.
    unseen = await reading.singles([intent.target_id for intent in intents if intent.before is None])
    for intent in intents:
        now = intent.before or _alive(reading, unseen.get(intent.target_id))
        if now is None:
            outcomes.append(verdicts.changed(intent))
        elif now.guests:
            outcomes.append(verdicts.guests_on(intent))
        else:
            try:
                sent.append((intent, _patch(reading, intent, now, intent.etag or now.etag)))
            except NotExpressibleError as error:
                outcomes.append(_not_expressible(intent, error))
    parts = await reading.mailbox.batch([item for _, item in sent], departure) if sent else []
    conflicts: list[tuple[Intent, None]] = []
    for (intent, _), part in zip(sent, parts, strict=True):
        if part is not None and part.ok:
            outcomes.append(_stored(reading, intent, part))
        elif part is not None and part.status == 412:
            conflicts.append((intent, None))
        else:
            outcomes.append(verdicts.not_done(intent, part))
    return outcomes + await _followed(partial(_settle_conflicts, reading), conflicts, verdicts.changed)


def _patch(reading: CalendarReading, intent: Intent, now: Event, etag: str) -> Item:
    if intent.carried is not None:
        body = mapping.carried(intent.carried, reading.zone)
    else:
        body = mapping.body(_draft(intent), reading.zone, unlike=now.fields)
    return verdicts.write_item("PATCH", reading.event_path(intent.target_id), body, etag)


async def _settle_conflicts(reading: CalendarReading, conflicts: Sequence[tuple[Intent, None]]) -> list[Outcome]:
    """Tell a person's change from Exchange's own: where the content is as we knew it, send once more."""
    read = await reading.singles([intent.target_id for intent, _ in conflicts])
    outcomes: list[Outcome] = []
    again: list[tuple[Intent, Item]] = []
    for intent, _ in conflicts:
        event = _alive(reading, read.get(intent.target_id))
        if event is None:
            outcomes.append(verdicts.changed(intent))
        elif event.marker is not None and event.marker.stamp == intent.stamp:
            # Our first try arrived; what is there now is a later read and says nothing of what it answered.
            outcomes.append(Outcome(intent.id, Result.APPLIED))
        elif verdicts.as_before(intent, event) and not event.guests:
            again.append((intent, _patch(reading, intent, event, event.etag)))
        else:
            outcomes.append(verdicts.changed(intent, event))
    if not again:
        return outcomes
    try:
        parts = await reading.mailbox.batch([item for _, item in again])
    except _UNSENT:
        # The first refusal stands, and the run meets the reason at its next request.
        return outcomes + [verdicts.changed(intent) for intent, _ in again]
    except ProviderError as error:
        return outcomes + [verdicts.whole_batch(intent, error) for intent, _ in again]
    for (intent, _), part in zip(again, parts, strict=True):
        done = part is not None and part.ok
        outcomes.append(_stored(reading, intent, part) if part and done else verdicts.not_done(intent, part))
    return outcomes


# -- delete ------------------------------------------------------------------------------------------------------------


async def _delete(
    earlier: set[str], reading: CalendarReading, intents: Sequence[Intent], departure: Departure
) -> list[Outcome]:
    """Delete up to 20 events. Each is read first: it is not certain that Graph minds a DELETE's `If-Match`."""
    outcomes: list[Outcome] = []
    sent: list[tuple[Intent, Item]] = []
    read = await reading.singles([intent.target_id for intent in intents])
    for intent in intents:
        if not intent.op.on_original:
            earlier.add(transaction_id(intent.copy_id))
        value = read.get(intent.target_id)
        if value is None:
            outcomes.append(Outcome(intent.id, Result.APPLIED if intent.target_id in read else Result.UNKNOWN))
            continue
        event = mapping.event(value, reading.zone, marker_known=True)
        if event.guests:
            outcomes.append(verdicts.guests_on(intent))
        elif intent.etag and event.etag != intent.etag and not verdicts.as_before(intent, event):
            outcomes.append(verdicts.changed(intent, event))
        else:
            sent.append((intent, Item("DELETE", reading.event_path(intent.target_id), if_match=event.etag)))
    parts = await reading.mailbox.batch([item for _, item in sent], departure) if sent else []
    for (intent, _), part in zip(sent, parts, strict=True):
        done = part is not None and (part.ok or part.refusal.gone)
        outcomes.append(Outcome(intent.id, Result.APPLIED) if done else verdicts.not_done(intent, part))
    return outcomes


# -- shared ------------------------------------------------------------------------------------------------------------


def _draft(intent: Intent) -> Draft:
    if intent.draft is None:
        raise ForbiddenError("A write must say what to store.", code="draft_missing")
    return intent.draft


def _not_expressible(intent: Intent, error: NotExpressibleError) -> Outcome:
    message = f"Outlook cannot repeat an event by this rule ({error})."
    return Outcome(intent.id, Result.REFUSED, code=verdicts.NOT_EXPRESSIBLE, message=message)


def _stored(reading: CalendarReading, intent: Intent, part: Part) -> Outcome:
    """A 2xx. The answer tells no extended properties, so the marker is the one that went with it; what a master's
    answer does not tell, its cancelled occurrences, is as it was before."""
    told = "singleValueExtendedProperties" in part.body
    try:
        event = mapping.event(part.body, reading.zone, marker_known=told)
    except ProtocolError as error:
        return Outcome(intent.id, Result.UNKNOWN, code=error.code, message=error.message)
    if event.gone:
        return Outcome(intent.id, Result.EXISTS if intent.op.creates else Result.DROPPED)
    if not told and intent.carried is not None:
        event = replace(event, marker=intent.before.marker if intent.before is not None else None, marker_known=True)
    elif not told:
        event = mapping.with_marker(event, _draft(intent).marker)
    if intent.before is not None and "cancelledOccurrences" not in part.body:
        event = replace(event, cancelled=intent.before.cancelled)
    return Outcome(intent.id, Result.APPLIED, event)


def _alive(reading: CalendarReading, value: Mapping[str, Any] | None) -> Event | None:
    event = reading.known(value) if value is not None else None
    return None if event is None or event.gone else event


def _unknown(intent: Intent) -> Outcome:
    return Outcome(intent.id, Result.UNKNOWN, code="not_settled")


async def _followed(
    settle: Callable[[Sequence[tuple[Intent, P]]], Awaitable[list[Outcome]]],
    pairs: Sequence[tuple[Intent, P]],
    otherwise: Callable[[Intent], Outcome] = _unknown,
) -> list[Outcome]:
    """Outcomes that need a read after the write; when it fails, `otherwise` is what is known by then."""
    if not pairs:
        return []
    try:
        return await settle(pairs)
    except (ProviderError, VaultError):
        return [otherwise(intent) for intent, _ in pairs]
