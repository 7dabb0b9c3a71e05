"""Journaled writes to a Google calendar: intents in, one outcome each out (`engine.md` §11).

Nothing is sent twice here: what cannot be known is `unknown`, and the engine's recovery settles it. Every write says
`sendUpdates=none` and carries no attendees; a check makes it so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from app.domain.errors import (
    AccessError,
    AuthExpiredError,
    ForbiddenError,
    KalendsError,
    OfflineError,
    ProtocolError,
    ProviderError,
    ThrottledError,
    UnavailableError,
    VaultError,
)
from app.domain.events import Event, EventKind
from app.domain.identity import google_event_id
from app.domain.links import Carried, Draft, Intent, Op, Outcome, Result
from app.domain.times import Moment, is_timed, to_utc
from app.providers.flight import Departure, Flight, Job
from app.providers.google import mapping, times
from app.providers.google.batch import BATCH_SIZE, Call, send_batch
from app.providers.google.errors import error_of, refusal_of
from app.providers.google.reading import Place, found_event
from app.providers.http import Reply

_SILENT: Final = "sendUpdates=none"
_OCCURRENCE_OPS: Final = frozenset({Op.UPDATE_OCCURRENCE, Op.CANCEL_OCCURRENCE})
_DELETE_OPS: Final = frozenset({Op.DELETE, Op.DELETE_ORIGINAL, Op.CANCEL_OCCURRENCE})
_UNSENT: Final = (AuthExpiredError, AccessError, OfflineError, VaultError)
"""Errors that prove that nothing of a request happened, and that the next request would fare no better."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """A chunk of which nothing was written."""

    error: KalendsError


class GoogleWriting:
    """Writes under way: 50 a request, several requests at once."""

    def __init__(self, place: Place, intents: Sequence[Intent], parallel: int) -> None:
        chunks = [intents[at : at + BATCH_SIZE] for at in range(0, len(intents), BATCH_SIZE)]
        departures = [Departure() for _ in chunks]
        jobs: list[Job[list[Outcome] | Unsent]] = [
            _sending(place, chunk, departure) for chunk, departure in zip(chunks, departures, strict=True)
        ]
        self._flight = Flight(jobs, parallel, departures)
        self._error: KalendsError | None = None

    async def next(self) -> Sequence[Outcome]:
        """Outcomes that the next finished request told, empty when all is told.

        Raises:
            AuthExpiredError, AccessError, OfflineError, VaultError: nothing of the writes not told yet was done.
        """
        while (told := await self._flight.next()) is not None:
            if not isinstance(told, Unsent):
                return told
            # Others are still in flight, and what they did has to be told first.
            self._flight.start_no_more()
            self._error = told.error
        if self._error is not None:
            raise self._error
        return ()

    def recall(self) -> None:
        """Send nothing more; what is on the wire is told."""
        self._flight.recall()


def check_silent(call: Call) -> None:
    """Refuse a call that could notify anybody.

    Raises:
        ForbiddenError: it lacks `sendUpdates=none`, or names attendees. A defect of ours, so nothing is sent.
    """
    if call.method == "GET":
        return
    sends = parse_qs(urlsplit(call.path).query).get("sendUpdates")
    body = call.body or {}
    if sends != ["none"] or any(name in body for name in ("attendees", "attendeesOmitted", "organizer")):
        raise ForbiddenError("A write that could send e-mail to people was stopped.", code="would_notify")


def _sending(place: Place, intents: Sequence[Intent], departure: Departure) -> Job[list[Outcome] | Unsent]:
    return lambda: _send(place, intents, departure)


async def _send(place: Place, intents: Sequence[Intent], departure: Departure) -> list[Outcome] | Unsent:
    outcomes: dict[int, Outcome] = {}
    try:
        calls = await _calls(place, intents, outcomes)
        if calls:
            await _write(place, calls, outcomes, departure)
    except _UNSENT as error:
        return Unsent(error)
    return [outcomes[intent.id] for intent in intents]


async def _calls(place: Place, intents: Sequence[Intent], outcomes: dict[int, Outcome]) -> list[tuple[Intent, Call]]:
    """The call of each intent; those that need none have their outcome already."""
    found = await _instances(place, [i for i in intents if i.op in _OCCURRENCE_OPS], outcomes)
    unversioned = [i for i in intents if i.op in (Op.UPDATE, Op.WRITE_BACK) and not i.etag]
    found |= await _versions(place, unversioned, outcomes)
    calls = []
    for intent in intents:
        if intent.id in outcomes:
            continue
        call = _call(place, intent, found.get(intent.id))
        check_silent(call)
        calls.append((intent, call))
    return calls


async def _write(
    place: Place, calls: Sequence[tuple[Intent, Call]], outcomes: dict[int, Outcome], departure: Departure
) -> None:
    """Send the calls and tell every outcome. Raises only before anything was done."""
    try:
        replies = await send_batch(place.http, [call for _, call in calls], departure)
    except ThrottledError as error:
        # A 503 may have come from in front of the service or from behind it; a 429 is its own word.
        result = Result.UNKNOWN if error.status == 503 else Result.LATER
        outcomes.update((i.id, _failed(i, result, error, error.retry_after_seconds)) for i, _ in calls)
        return
    except (UnavailableError, ProtocolError) as error:
        refused = error.status is not None and 400 <= error.status < 500
        result = Result.REFUSED if refused else Result.UNKNOWN
        outcomes.update((i.id, _failed(i, result, error)) for i, _ in calls)
        return
    met: list[Intent] = []
    for (intent, _), reply in zip(calls, replies, strict=True):
        if intent.op.creates and reply is not None and reply.status == 409:
            met.append(intent)
        else:
            outcomes[intent.id] = _outcome(place, intent, reply)
    if met:
        outcomes.update((outcome.intent_id, outcome) for outcome in await _what_is_there(place, met))


def _call(place: Place, intent: Intent, found: Event | None) -> Call:
    """How an intent is said. `found` is what it addresses, for those that had to be looked up."""
    match intent.op:
        case Op.CREATE | Op.RESTORE_ORIGINAL:
            body = mapping.created(_draft(intent), google_event_id(intent.copy_id))
            return Call("POST", f"{place.events_path}?{_SILENT}", body)
        case Op.UPDATE:
            path = f"{place.event_path(intent.target_id)}?{_SILENT}"
            headers = _if_match(intent.etag or (found.etag if found else ""))
            return Call("PATCH", path, mapping.patched(_draft(intent), occurrence=False), headers)
        case Op.WRITE_BACK:
            path = f"{place.event_path(intent.target_id)}?{_SILENT}"
            headers = _if_match(intent.etag or (found.etag if found else ""))
            return Call("PATCH", path, mapping.carried(_carried(intent)), headers)
        case Op.DELETE | Op.DELETE_ORIGINAL:
            return Call("DELETE", f"{place.event_path(intent.target_id)}?{_SILENT}", None, _if_match(intent.etag))
        case Op.UPDATE_OCCURRENCE | Op.CANCEL_OCCURRENCE:
            if found is None:
                raise ProtocolError("An occurrence was to be written that was not looked up.")
            path = f"{place.event_path(found.id)}?{_SILENT}"
            headers = _if_match(intent.etag or found.etag)
            if intent.op is Op.CANCEL_OCCURRENCE:
                return Call("DELETE", path, None, headers)
            return Call("PATCH", path, mapping.patched(_draft(intent), occurrence=True), headers)


def _draft(intent: Intent) -> Draft:
    if intent.draft is None:
        raise ProtocolError("A write without a draft cannot be sent.")
    return intent.draft


def _carried(intent: Intent) -> Carried:
    if intent.carried is None:
        raise ProtocolError("A write-back that says nothing cannot be sent.")
    return intent.carried


def _if_match(etag: str) -> dict[str, str]:
    return {"If-Match": etag} if etag else {}


def _outcome(place: Place, intent: Intent, reply: Reply | None) -> Outcome:
    """What one answer means (`engine.md` §11); a create that met its id is settled elsewhere."""
    if reply is None:
        return Outcome(intent.id, Result.UNKNOWN, code="part_missing", message="Google Calendar did not answer this.")
    if reply.ok:
        return _done(place, intent, reply)
    error = error_of(reply)
    deletes = intent.op in _DELETE_OPS
    if isinstance(error, ThrottledError) and reply.status != 503:
        return _failed(intent, Result.LATER, error, error.retry_after_seconds)
    if reply.status >= 500 or reply.status == 408:
        return _failed(intent, Result.UNKNOWN, error)
    if reply.status == 401:
        return _failed(intent, Result.LATER, error)
    if reply.status in (404, 410) and deletes:
        return Outcome(intent.id, Result.APPLIED)
    if reply.status in (404, 410, 412) and not intent.op.creates:
        return _failed(intent, Result.DROPPED, error)
    if reply.status == 409:
        return _failed(intent, Result.LATER, error)
    return _failed(intent, Result.REFUSED, error, code=refusal_of(reply).reason)


def _done(place: Place, intent: Intent, reply: Reply) -> Outcome:
    """A 2xx: applied, if what it answers is alive and what we asked for."""
    if intent.op in _DELETE_OPS:
        return Outcome(intent.id, Result.APPLIED)
    event = found_event(place, reply)
    if event is None or (intent.op.creates and event.id != google_event_id(intent.copy_id)):
        return Outcome(
            intent.id, Result.UNKNOWN, code="unexpected_answer", message="Google Calendar's answer is unreadable."
        )
    if event.gone or event.kind is EventKind.CANCELLED:
        return Outcome(intent.id, Result.EXISTS if intent.op.creates else Result.DROPPED, event)
    return Outcome(intent.id, Result.APPLIED, event)


def _failed(
    intent: Intent,
    result: Result,
    error: ProviderError,
    retry_after_seconds: float | None = None,
    *,
    code: str = "",
) -> Outcome:
    return Outcome(
        intent.id,
        result,
        code=code or error.reason or error.code,
        message=error.message,
        retry_after_seconds=retry_after_seconds,
    )


async def _what_is_there(place: Place, intents: Sequence[Intent]) -> list[Outcome]:
    """Creates that met their id: read what is there, alive, deleted or foreign."""
    paths = [place.event_path(google_event_id(intent.copy_id)) for intent in intents]
    try:
        replies = await send_batch(place.http, [Call("GET", path) for path in paths])
    except KalendsError as error:
        # The create is refused for sure, but what stands there has to be known before anything else is tried.
        return [Outcome(i.id, Result.UNKNOWN, code=error.code, message=error.message) for i in intents]
    outcomes = []
    for intent, reply in zip(intents, replies, strict=True):
        event = found_event(place, reply)
        if event is not None or (reply is not None and reply.status in (404, 410)):
            outcomes.append(Outcome(intent.id, Result.EXISTS, event, code="duplicate"))
        else:
            outcomes.append(
                Outcome(intent.id, Result.UNKNOWN, code="duplicate", message="What holds this id could not be read.")
            )
    return outcomes


async def _instances(place: Place, intents: Sequence[Intent], outcomes: dict[int, Outcome]) -> dict[int, Event]:
    """The occurrence that each of these intents addresses, by its original start.

    Instance ids are opaque (`providers.md` §2.7): they are looked up, by the zone of the series as it is now.
    """
    if not intents:
        return {}
    masters = await _lookup(place, intents, [place.event_path(i.target_id) for i in intents], outcomes)
    wanted: dict[int, Moment] = {}
    paths: list[str] = []
    asked: list[Intent] = []
    for intent in intents:
        item = masters.get(intent.id)
        if item is None:
            continue
        master = _event(place, item)
        start = _original_start(master, intent.occurrence_start)
        if master is None or start is None:
            outcomes[intent.id] = Outcome(intent.id, Result.DROPPED, code="no_such_occurrence")
            continue
        wanted[intent.id] = start
        asked.append(intent)
        query = urlencode(
            {"originalStart": _parameter(start, master), "showDeleted": "true", "maxResults": 10}, quote_via=quote
        )
        paths.append(f"{place.event_path(intent.target_id)}/instances?{query}")
    found: dict[int, Event] = {}
    listings = await _lookup(place, asked, paths, outcomes)
    for intent in asked:
        if intent.id not in listings:
            continue
        items = listings[intent.id].get("items")
        events = [_event(place, item) for item in (items if isinstance(items, list) else [])]
        match = next((e for e in events if e is not None and e.original_start == wanted[intent.id]), None)
        cancels = intent.op is Op.CANCEL_OCCURRENCE
        if match is not None and not (cancels and match.kind is EventKind.CANCELLED):
            found[intent.id] = match
        elif cancels:  # excluded or cancelled already
            outcomes[intent.id] = Outcome(intent.id, Result.APPLIED, match)
        else:
            outcomes[intent.id] = Outcome(intent.id, Result.DROPPED, code="no_such_occurrence")
    return found


async def _versions(place: Place, intents: Sequence[Intent], outcomes: dict[int, Outcome]) -> dict[int, Event]:
    """The events that updates without a version address: a blind PATCH would bring a deleted one back to life."""
    found: dict[int, Event] = {}
    paths = [place.event_path(intent.target_id) for intent in intents]
    for intent_id, item in (await _lookup(place, intents, paths, outcomes)).items():
        event = _event(place, item)
        if event is None or event.fields is None:
            outcomes[intent_id] = Outcome(intent_id, Result.DROPPED, event, code="deleted")
        else:
            found[intent_id] = event
    return found


async def _lookup(
    place: Place, intents: Sequence[Intent], paths: Sequence[str], outcomes: dict[int, Outcome]
) -> dict[int, Mapping[str, Any]]:
    """GET one path for each intent. A failure is its outcome: nothing was written, so it is tried later."""
    if not intents:
        return {}
    try:
        replies: Sequence[Reply | None] = await send_batch(place.http, [Call("GET", path) for path in paths])
    except _UNSENT:
        raise
    except ProviderError as error:
        wait = error.retry_after_seconds if isinstance(error, ThrottledError) else None
        outcomes.update((i.id, _failed(i, Result.LATER, error, wait)) for i in intents)
        return {}
    objects: dict[int, Mapping[str, Any]] = {}
    for intent, reply in zip(intents, replies, strict=True):
        if reply is not None and reply.ok:
            try:
                objects[intent.id] = reply.json_object()
            except ProviderError as error:
                outcomes[intent.id] = _failed(intent, Result.LATER, error)
        elif reply is not None and reply.status in (404, 410):
            outcomes[intent.id] = _failed(intent, Result.DROPPED, error_of(reply))
        elif reply is not None and reply.status == 403 and isinstance(error_of(reply), AccessError):
            outcomes[intent.id] = _failed(intent, Result.REFUSED, error_of(reply))
        else:
            failure = error_of(reply) if reply is not None else UnavailableError("A part was not answered.")
            wait = failure.retry_after_seconds if isinstance(failure, ThrottledError) else None
            outcomes[intent.id] = _failed(intent, Result.LATER, failure, wait)
    return objects


def _event(place: Place, item: object) -> Event | None:
    try:
        return mapping.event_of(item, place.zone) if isinstance(item, Mapping) else None
    except ProtocolError:
        return None  # an instance that cannot be read is not the one we look for


def _original_start(master: Event | None, start: Moment | None) -> Moment | None:
    """The original start of an occurrence as the service tells it: aware in UTC, or a date."""
    if master is None or master.fields is None or start is None:
        return None
    when = master.fields.when
    if is_timed(start) == when.all_day:
        return None
    return to_utc(times.minute_of(start), when.zone) if when.zone is not None else start


def _parameter(start: Moment, master: Event) -> str:
    zone = master.fields.when.zone if master.fields is not None else None
    return times.original_parameter(start, zone)
