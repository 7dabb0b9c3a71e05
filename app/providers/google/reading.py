"""Reading a Google calendar: listings page by page, and direct reads of events with their series whole.

It never writes, and never takes "not listed" or a single 404 for proof that an event is gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from app.domain.errors import AccessError, CursorExpiredError, ProtocolError, UnavailableError
from app.domain.events import Event, EventKind
from app.domain.links import Answer, Evidence, Page, Unreadable
from app.domain.times import Span
from app.providers.flight import Flight, Job
from app.providers.google import mapping
from app.providers.google.batch import BATCH_SIZE, Call, read_batch
from app.providers.google.errors import error_of
from app.providers.google.times import utc_parameter
from app.providers.http import HttpClient, Reply
from app.providers.retry import Retrier

PAGE_SIZE: Final = 1000
"""Not the 2 500 allowed: a page is parsed in one go beside the windows (`performance.md` §6)."""

_CHUNK: Final = 20
"""Events mapped between two chances for others on the loop."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """One calendar and the way to it; what every request of it needs."""

    http: HttpClient
    retrier: Retrier
    calendar_id: str
    zone: str

    @property
    def events_path(self) -> str:
        """`calendars/{id}/events`, the id percent-encoded: it holds `@`, in holiday calendars `#`."""
        return f"calendars/{quote(self.calendar_id, safe='')}/events"

    def event_path(self, event_id: str) -> str:
        """The path of one event."""
        return f"{self.events_path}/{quote(event_id, safe='')}"


async def get_object(place: Place, path: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
    """GET a JSON object, with retries. Raises a ProviderError."""

    async def attempt() -> dict[str, Any]:
        reply = await place.http.send("GET", path, params=params)
        if not reply.ok:
            raise error_of(reply)
        return reply.json_object()

    return await place.retrier.run(attempt)


def changes(place: Place, cursor: str | None, span: Span) -> GooglePages:
    """Pages of a full read from `span.start` on, or of what changed since `cursor`.

    The cursor is a query string: the sync token with the parameters it was made with, which have to be repeated
    (`providers.md` §2.4); so a later version with other parameters goes on with those of its cursor.
    """
    lasting: dict[str, str | int] = {"singleEvents": "false", "showDeleted": "true", "maxResults": PAGE_SIZE}
    if cursor is None:
        return GooglePages(place, {**lasting, "timeMin": utc_parameter(span.start)}, lasting)
    known = dict(parse_qsl(cursor))
    if "syncToken" not in known:
        raise CursorExpiredError("The stored position of this calendar is not one of Google's.")
    lasting = {name: value for name, value in known.items() if name != "syncToken"}
    return GooglePages(place, dict(known), lasting)


def marked(place: Place, direction_key: str) -> GooglePages:
    """Pages of all living events with the marker of a direction, at any time.

    Exactly one constraint: the reference and the guide disagree about what several mean.
    """
    constraint = f"{mapping.DIRECTION_PROPERTY}={direction_key}"
    params: dict[str, str | int] = {
        "privateExtendedProperty": constraint,
        "singleEvents": "false",
        "showDeleted": "false",
        "maxResults": PAGE_SIZE,
    }
    return GooglePages(place, params, None)


class GooglePages:
    """A listing under way.

    Args:
        params: of the first page; later pages repeat them with a page token.
        lasting: the parameters to keep with the sync token; None if the listing has no cursor.
    """

    def __init__(self, place: Place, params: Mapping[str, str | int], lasting: Mapping[str, str | int] | None) -> None:
        self._place = place
        self._params = params
        self._lasting = lasting
        self._token: str | None = None
        self._done = False

    async def next(self) -> Page | None:
        """The next page, None after the last.

        Raises:
            CursorExpiredError: read fully.
            ProtocolError: no listing, or a last page without a position to go on from.
            ProviderError: the calendar could not be read.
        """
        if self._done:
            return None
        params = self._params if self._token is None else {**self._params, "pageToken": self._token}
        listing = await get_object(self._place, self._place.events_path, params)
        unreadable: list[Unreadable] = []
        events = await _events(self._place, listing, unreadable)
        left_out = tuple(unreadable)
        following = listing.get("nextPageToken")
        if isinstance(following, str) and following:
            if following == self._token:
                raise ProtocolError("Google Calendar sends the same page again and again.")
            self._token = following
            return Page(events, position=following, unreadable=left_out)
        self._done = True
        if self._lasting is None:
            return Page(events, unreadable=left_out)
        sync_token = listing.get("nextSyncToken")
        if not isinstance(sync_token, str) or not sync_token:
            raise ProtocolError("Google Calendar ended a listing without a position to go on from.")
        cursor = urlencode({**self._lasting, "syncToken": sync_token})
        return Page(events, cursor=cursor, unreadable=left_out)


class GoogleAnswers:
    """Direct reads under way, 50 events a request."""

    def __init__(self, place: Place, event_ids: Sequence[str], parallel: int) -> None:
        distinct = list(dict.fromkeys(event_ids))
        chunks = [distinct[at : at + BATCH_SIZE] for at in range(0, len(distinct), BATCH_SIZE)]
        self._flight: Flight[list[Answer]] = Flight([_reading(place, chunk) for chunk in chunks], parallel)

    async def next(self) -> Sequence[Answer]:
        """Answers of the next request, empty when all is told.

        Raises:
            ProviderError: the account or the calendar cannot be read at all. A passing failure is no error here:
                its events are answered with `Evidence.UNKNOWN`.
        """
        return await self._flight.next() or ()


def found_event(place: Place, reply: Reply | None) -> Event | None:
    """The event that a GET or a write answered, None if it is unreadable."""
    if reply is None or not reply.ok:
        return None
    try:
        return mapping.event_of(reply.json_object(), place.zone)
    except (ProtocolError, UnavailableError) as error:
        _log.warning("an answered event is unreadable: %s", error.message)
        return None


def _reading(place: Place, event_ids: Sequence[str]) -> Job[list[Answer]]:
    return lambda: _read(place, event_ids)


async def _read(place: Place, event_ids: Sequence[str]) -> list[Answer]:
    try:
        replies = await read_batch(
            place.http, place.retrier, [Call("GET", place.event_path(event_id)) for event_id in event_ids]
        )
    except UnavailableError:
        return [Answer(event_id, Evidence.UNKNOWN) for event_id in event_ids]
    answers: dict[str, Answer] = {}
    missing: list[str] = []
    series: list[Event] = []
    for event_id, reply in zip(event_ids, replies, strict=True):
        if reply is not None and reply.status in (404, 410):
            missing.append(event_id)
            continue
        event = found_event(place, reply)
        if event is None or event.id != event_id:
            answers[event_id] = Answer(event_id, Evidence.UNKNOWN)
        elif event.gone or event.kind is EventKind.CANCELLED:
            answers[event_id] = Answer(event_id, Evidence.GONE, (event,))
        elif event.kind is EventKind.SERIES:
            series.append(event)
        else:
            answers[event_id] = Answer(event_id, Evidence.FOUND, (event,))
    if series:
        answers |= await _read_series(place, series)
    if missing:
        # A 404 may also mean that the whole calendar went out of reach: it proves nothing unless the calendar answers.
        evidence = Evidence.GONE if await _answers(place) else Evidence.UNKNOWN
        answers |= {event_id: Answer(event_id, evidence) for event_id in missing}
    return [answers[event_id] for event_id in event_ids]


async def _read_series(place: Place, masters: Sequence[Event]) -> dict[str, Answer]:
    """Each series whole: all its items share the iCalUID, so one listing brings master, exceptions and stubs.

    A listing that lacks the master (a lagging index) is no whole series, and its answer stays unknown.
    """
    answers = {master.id: Answer(master.id, Evidence.UNKNOWN) for master in masters}
    asked = [master for master in masters if master.ical_uid]
    try:
        replies = await read_batch(
            place.http,
            place.retrier,
            [Call("GET", f"{place.events_path}?{urlencode(_series_params(master))}") for master in asked],
        )
    except UnavailableError:
        return answers
    for master, reply in zip(asked, replies, strict=True):
        if reply is None or not reply.ok:
            continue
        try:
            events = await _whole_listing(place, reply.json_object(), _series_params(master))
        except (UnavailableError, ProtocolError) as error:
            _log.warning("series %s could not be read whole: %s", master.id, error.message)
            continue
        own = [event for event in events if event.id == master.id or event.series_id == master.id]
        if any(event.id == master.id and not event.gone for event in own):
            answers[master.id] = Answer(master.id, Evidence.FOUND, tuple(own))
    return answers


async def _whole_listing(place: Place, listing: dict[str, Any], params: Mapping[str, str | int]) -> list[Event]:
    events = list(await _events(place, listing, strict=True))
    while isinstance(listing.get("nextPageToken"), str):
        listing = await get_object(place, place.events_path, {**params, "pageToken": listing["nextPageToken"]})
        events += await _events(place, listing, strict=True)
    return events


def _series_params(master: Event) -> dict[str, str | int]:
    return {
        "iCalUID": master.ical_uid or "",
        "singleEvents": "false",
        "showDeleted": "true",
        "maxResults": 2 * PAGE_SIZE,
    }


async def _answers(place: Place) -> bool:
    """Whether the calendar itself can be read now."""
    try:
        listing = await get_object(place, place.events_path, {"maxResults": 1})
        _check(listing)
    except (UnavailableError, ProtocolError, AccessError):
        return False
    return True


def _check(listing: Mapping[str, Any]) -> None:
    """Whether this is a listing with content.

    Raises:
        AccessError: we only see busy times now; taking those for the events would empty every copy.
        ProtocolError: it is none.
    """
    if listing.get("kind") != "calendar#events" or not isinstance(listing.get("items", []), list):
        raise ProtocolError("Google Calendar answered something that is no list of events.")
    role = listing.get("accessRole")
    if role is not None and mapping.access_of(role) is None:
        raise AccessError("This calendar shows only busy times now, no events.", reason=str(role))


async def _events(
    place: Place, listing: Mapping[str, Any], unreadable: list[Unreadable] | None = None, *, strict: bool = False
) -> tuple[Event, ...]:
    """The events of a listing. One that cannot be read is left out, logged and noted in `unreadable`, unless all are
    needed."""
    _check(listing)
    zone = mapping.zone_of(listing) or place.zone
    events: list[Event] = []
    for number, item in enumerate(listing.get("items", []), start=1):
        try:
            events.append(mapping.event_of(item if isinstance(item, Mapping) else {}, zone))
        except ProtocolError as error:
            if strict:
                raise
            event_id = item.get("id") if isinstance(item, Mapping) else None
            if unreadable is not None and isinstance(event_id, str) and event_id:
                unreadable.append(Unreadable(event_id, mapping.title_of(item)))
            _log.warning("event %s is unreadable and left out: %s", event_id, error.message)
        if number % _CHUNK == 0:
            await asyncio.sleep(0)
    return tuple(events)
