"""Reading one Graph calendar: what changed, events by id, copies by marker; series whole (`providers.md` §5.2, §5.3).

Graph's delta tells series in pieces, in any order, without markers and without deleted occurrences, and its `@removed`
proves nothing (`engine.md` §3): what it names is read directly before it is passed on. Nothing here writes.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

from app.domain.errors import CursorExpiredError, ProtocolError, UnavailableError
from app.domain.events import Event, EventKind
from app.domain.links import Answer, Evidence, Page, Unreadable
from app.domain.times import Span
from app.providers.flight import Flight
from app.providers.microsoft import mapping
from app.providers.microsoft import marker as markers
from app.providers.microsoft.batch import BATCH_SIZE, MAILBOX_PARALLEL, Mailbox, Part, chunks, query, segment
from app.providers.microsoft.errors import error_of

DELTA_PAGE_SIZE: Final = 1000
LIST_PAGE_SIZE: Final = 200
_SELECT: Final = ",".join(
    "id type seriesMasterId subject body start end isAllDay originalStartTimeZone recurrence location showAs "
    "sensitivity isReminderOn reminderMinutesBeforeStart isCancelled isOrganizer responseStatus attendees iCalUId "
    "transactionId categories webLink onlineMeeting onlineMeetingUrl lastModifiedDateTime cancelledOccurrences".split()
)
_ONE: Final = query(expand=markers.EXPAND)
_WHOLE: Final = query(select=_SELECT, expand=f"exceptionOccurrences,{markers.EXPAND}")


T = TypeVar("T")

_TOKEN: Final = re.compile(r"[?&](?:\$|%24)?(?:delta|skip)token=", re.IGNORECASE)
_CHUNK: Final = 50
"""Events mapped between two chances for others on the loop."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Found:
    """What direct reads told, by the id that was asked for.

    `units` holds a single alone, or a master first and then its exceptions and cancelled occurrences.
    """

    units: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    unreadable: list[Unreadable] = field(default_factory=list)

    def events(self) -> list[Event]:
        """All events, each once, and the gone ones as such."""
        told = {event.id: event for unit in self.units.values() for event in unit}
        return [*told.values(), *(Event(id=one, gone=True) for one in sorted(self.gone) if one not in told)]


class CalendarReading:
    """Direct reads of one calendar.

    Args:
        mailbox: where requests go.
        calendar_id: Graph's id of the calendar; every path is under it, because events of shared calendars are found
            nowhere else.
        zone: the mailbox's IANA zone.
    """

    def __init__(self, mailbox: Mailbox, calendar_id: str, zone: str) -> None:
        self.mailbox = mailbox
        self.zone = zone
        self.path = f"me/calendars/{segment(calendar_id)}"

    def event_path(self, event_id: str) -> str:
        """Path of one event, relative to the Graph base."""
        return f"{self.path}/events/{segment(event_id)}"

    async def answers(self) -> bool:
        """Whether the calendar itself can be read now: only then does a 404 prove that an event is gone."""
        return await self.mailbox.answers(f"{self.path}{query(select='id')}")

    async def singles(self, event_ids: Sequence[str]) -> dict[str, Mapping[str, Any] | None]:
        """JSON of these events with their markers; None for what is proved gone. Unknown ones are left out.

        Raises:
            ProviderError: not all were answered.
        """
        return await self._get(event_ids, _ONE)

    async def read(self, event_ids: Iterable[str]) -> Found:
        """Read these events with their markers; of an occurrence or a series the whole series.

        Raises:
            ProviderError: not all were answered.
        """
        found = Found()
        series: dict[str, list[str]] = {}
        told = await self.singles(list(event_ids))
        for event_id, value in told.items():
            if value is None:
                found.gone.add(event_id)
            elif master := _series_of(value):
                series.setdefault(master, []).append(event_id)
            elif event := self.known(value):
                found.units[event_id] = (event,)
        whole = await self.series(series)
        for master, asked in series.items():
            for event_id in asked:
                if master in whole.units:
                    found.units[event_id] = whole.units[master]
                elif master in whole.gone and event_id == master:
                    found.gone.add(event_id)
                elif master in whole.gone and (value := told[event_id]) and (event := self.known(value)):
                    # An invitation to one occurrence of somebody else's series.
                    found.units[event_id] = (event,)
        return found

    async def series(self, master_ids: Iterable[str]) -> Found:
        """Read these series whole: master, exceptions, cancelled occurrences.

        Raises:
            ProviderError: not all were answered.
        """
        found = Found()
        masters = await self._get(list(master_ids), _WHOLE)
        ours = [value for value in masters.values() if value is not None and markers.from_graph(value) is not None]
        exceptions = await self.singles([str(part["id"]) for value in ours for part in _exceptions(value)])
        for master_id, value in masters.items():
            if value is None:
                found.gone.add(master_id)
            elif unit := readable(partial(self._whole, value, exceptions)):
                found.units[master_id] = unit
            else:
                found.unreadable.append(Unreadable(master_id, mapping.title_of(value)))
        return found

    def known(self, value: Mapping[str, Any]) -> Event | None:
        """An event that was read with its marker, None if it is unreadable."""
        return readable(partial(mapping.event, value, self.zone, marker_known=True))

    def _whole(self, value: Mapping[str, Any], read: Mapping[str, Mapping[str, Any] | None]) -> tuple[Event, ...]:
        master = mapping.event(value, self.zone, marker_known=True)
        if master.kind is not EventKind.SERIES or master.gone:
            return (master,)
        # A nested expansion of their markers is not to be had. People's series have none, so that only exceptions of
        # our copies are read once more; any other is known not to be ours, as its series is not.
        exceptions = [
            mapping.event(read.get(str(part["id"])) or part, self.zone, marker_known=True, master=value)
            for part in _exceptions(value)
        ]
        cancelled = [mapping.cancelled_occurrence(name, master) for name in value.get("cancelledOccurrences") or ()]
        return (master, *(replace(event, series_id=master.id) for event in exceptions), *cancelled)

    async def _get(self, event_ids: Sequence[str], options: str) -> dict[str, Mapping[str, Any] | None]:
        asked = list(dict.fromkeys(event_ids))
        parts = await self.mailbox.read([self.event_path(event_id) + options for event_id in asked])
        missing = any(part.refusal.gone for part in parts if not part.ok)
        proved = missing and await self.answers()
        told: dict[str, Mapping[str, Any] | None] = {}
        for event_id, part in zip(asked, parts, strict=True):
            if part.ok:
                told[event_id] = part.body
            elif part.refusal.gone:
                if proved:
                    told[event_id] = None
            elif not _is_unreadable(part):
                raise error_of(part.refusal)
        return told


class DeltaPages:
    """`calendarView/delta` from a position, or over a span; implements `ports.Pages`.

    A series is read whole on the first page that names any part of it, and once more on the last page if a later one
    named it again: it may have changed in between, which no other round would tell.
    """

    def __init__(self, reading: CalendarReading, cursor: str | None, span: Span) -> None:
        if cursor is not None and not _TOKEN.search(cursor):
            raise CursorExpiredError("The stored position of this calendar is not one of Microsoft's.")
        self._reading = reading
        self._full = cursor is None
        self._next: str | None = cursor or f"{reading.path}/calendarView/delta{_window(span)}"
        self._from_answer = cursor is not None
        self._whole: set[str] = set()
        self._named_again: set[str] = set()
        self._lost: set[str] = set()

    async def next(self) -> Page | None:
        """The next page, None after the last.

        Raises:
            CursorExpiredError: the position is dead; read fully.
            ProviderError: this page was not told.
        """
        if self._next is None:
            return None
        mailbox = self._reading.mailbox
        value = await mailbox.get(self._next, page_size=DELTA_PAGE_SIZE, cursor=self._from_answer)
        further, last = value.get("@odata.nextLink"), value.get("@odata.deltaLink")
        if bool(further) == bool(last):
            raise ProtocolError("Microsoft sent a page that neither goes on nor ends.")
        link = mailbox.relative(str(further or last))
        page = await self._page(_values(value), last=last is not None)
        self._next, self._from_answer = (link, True) if further else (None, True)
        return replace(page, position=link) if further else replace(page, cursor=link)

    async def _page(self, items: Sequence[Mapping[str, Any]], *, last: bool) -> Page:
        zone = self._reading.zone
        singles: dict[str, Event] = {}
        series: set[str] = set()
        removed: dict[str, None] = {}
        unreadable: list[Unreadable] = []
        for number, item in enumerate(items, 1):
            if number % _CHUNK == 0:
                await asyncio.sleep(0)
            event_id = str(item["id"])
            if "@removed" in item:
                removed[event_id] = None
                singles.pop(event_id, None)
                continue
            removed.pop(event_id, None)
            master = _series_of(item)
            if master:
                series.add(master)
            elif event := readable(partial(mapping.event, item, zone, marker_known=False)):
                singles[event_id] = event
            else:
                unreadable.append(Unreadable(event_id, mapping.title_of(item)))
        asked = await self._reading.read(removed)
        self._named_again |= self._whole & series
        wanted = series - self._whole | (self._named_again if last else set())
        read_now = sorted(wanted - asked.units.keys())
        told = await self._reading.series(read_now)
        self._lost |= told.gone
        alone = _alone(items, self._lost, zone)
        told.gone -= {event.unit for event in alone}
        whole = {one: unit for found in (asked, told) for one, unit in found.units.items()}
        self._whole.update(read_now, (unit[0].id for unit in whole.values() if unit[0].kind is EventKind.SERIES))
        events = {event.id: event for event in (*singles.values(), *alone)}
        events |= {event.id: event for found in (told, asked) for event in found.events()}
        units = {unit[0].id for unit in whole.values()}
        # A series that was made a single leaves no trace of its exceptions; in a full read they are left untouched
        # and so become absent, in a partial one nothing else would end them.
        named = frozenset(units if self._full else units | set(singles))
        return Page(tuple(events.values()), named, unreadable=(*unreadable, *told.unreadable))


class MarkedPages:
    """The events that bear the marker of a direction; implements `ports.Pages`. Has no cursor."""

    def __init__(self, reading: CalendarReading, direction_key: str) -> None:
        self._reading = reading
        options = query(
            filter=markers.filter_for(markers.DIRECTION, direction_key), expand=markers.EXPAND, top=LIST_PAGE_SIZE
        )
        self._next: str | None = f"{reading.path}/events{options}"

    async def next(self) -> Page | None:
        """The next page, None after the last. Raises a ProviderError."""
        if self._next is None:
            return None
        value = await self._reading.mailbox.get(self._next)
        self._next = next_page(self._reading.mailbox, value)
        items = _values(value)
        told = await self._reading.series({master: None for item in items if (master := _series_of(item))})
        singles = [self._reading.known(item) for item in items if not _series_of(item)]
        events = {event.id: event for event in (*singles, *told.events()) if event is not None}
        return Page(tuple(events.values()), frozenset(told.units), position=self._next)


class DirectAnswers:
    """Direct reads of some events; implements `ports.Answers`."""

    def __init__(self, reading: CalendarReading, event_ids: Sequence[str]) -> None:
        pieces = chunks(list(dict.fromkeys(event_ids)), BATCH_SIZE)
        self._flight: Flight[list[Answer]] = Flight(
            (partial(_answers, reading, piece) for piece in pieces), MAILBOX_PARALLEL
        )

    async def next(self) -> Sequence[Answer]:
        """Answers of the next batch, empty when all is told.

        Raises:
            ProviderError: the account cannot be read at all, or asks for a long pause. A passing failure is no error:
                its events are answered with `Evidence.UNKNOWN`.
        """
        return await self._flight.next() or ()


async def _answers(reading: CalendarReading, event_ids: Sequence[str]) -> list[Answer]:
    try:
        found = await reading.read(event_ids)
    except UnavailableError:
        return [Answer(event_id, Evidence.UNKNOWN) for event_id in event_ids]
    answers = []
    for event_id in event_ids:
        events = found.units.get(event_id, ())
        if event_id in found.gone or (events and events[0].gone):
            answers.append(Answer(event_id, Evidence.GONE))
        else:
            answers.append(Answer(event_id, Evidence.FOUND if events else Evidence.UNKNOWN, events))
    return answers


def readable(make: Callable[[], T]) -> T | None:
    """What `make` maps, None if Graph sent something we do not understand: one bad event never stops the others.

    What is left out of a page stays as it was, or becomes absent, which proves nothing.
    """
    try:
        return make()
    except ProtocolError as error:
        _log.warning("an event was left out: %s (%s)", error.message, type(error.__cause__).__name__)
        return None


def next_page(mailbox: Mailbox, value: Mapping[str, Any]) -> str | None:
    """The link to the next page of a listing, ready to be followed."""
    link = value.get("@odata.nextLink")
    return mailbox.relative(str(link)) if link else None


def _alone(items: Sequence[Mapping[str, Any]], lost: Collection[str], zone: str) -> list[Event]:
    """Exceptions whose series is not there: invitations to one occurrence of somebody else's series."""
    events = (
        readable(partial(mapping.event, item, zone, marker_known=False))
        for item in items
        if item.get("type") == "exception" and "@removed" not in item and item.get("seriesMasterId") in lost
    )
    return [event for event in events if event is not None]


def _series_of(value: Mapping[str, Any]) -> str | None:
    """Id of the series that an item is, or is part of."""
    if value.get("type") == "seriesMaster":
        return str(value.get("id") or "")
    master = value.get("seriesMasterId")
    return str(master) if master else None


def _exceptions(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(value.get("exceptionOccurrences") or ())


def _values(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items = value.get("value")
    if not isinstance(items, list) or any(not isinstance(item, dict) or not item.get("id") for item in items):
        raise ProtocolError("Microsoft sent a list that cannot be read.")
    return items


def _is_unreadable(part: Part) -> bool:
    """A refusal that concerns this one item (a malformed id, no right to it): unknown, and no reason to stop."""
    return part.status in (400, 403)


def _window(span: Span) -> str:
    spell = "%Y-%m-%dT%H:%M:%SZ"

    def text(moment: datetime) -> str:
        return moment.astimezone(UTC).strftime(spell)

    return f"?startDateTime={text(span.start)}&endDateTime={text(span.end)}"
