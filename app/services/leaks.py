"""The leak check: reads the copies that may only block time from their calendars, and proves that they tell nothing.

What it finds is named by field; no word of what leaked is repeated. Writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.domain.events import Event, Fields, Visibility
from app.domain.ledger import Ledger
from app.domain.links import Copy, CopyForm, CopyState, DirectionRecord, Evidence, LinkState
from app.domain.pairs import Mode
from app.domain.ports import CalendarClient
from app.engine.originals import assemble_all, starts_at
from app.engine.transform import copy_fields, shows_blocker
from app.services.clients import Clients
from app.services.views import EVERYTHING, Viewer
from app.services.visibility import Visibility as Sight
from app.store.pairs import PairRepository

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Leak:
    """A copy that tells more than that its time is taken. `fields`: `title`, `text`, `place`, `link`, `guests`."""

    pair_id: str
    direction: DirectionRecord
    event_id: str
    starts_at: datetime | None
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a leak check came to.

    Args:
        checked: copies that were read.
        gone: copies that are no longer there.
        unanswered: copies of which the service could not tell: nothing is proved about them.
    """

    checked: int
    gone: int
    unanswered: int
    leaks: tuple[Leak, ...]


class Leaks:
    """Checks the copies of pairs."""

    def __init__(self, *, pairs: PairRepository, ledger: Ledger, clients: Clients, visibility: Sight) -> None:
        self._pairs = pairs
        self._ledger = ledger
        self._clients = clients
        self._visibility = visibility

    async def check(self, *, pair_id: str | None = None, viewer: Viewer = EVERYTHING) -> Checked:
        """Read every copy that may only block time, in a pair or in all, and look at what it tells.

        Raises:
            NotFoundError: no such pair.
            ProviderError, VaultError: a calendar cannot be read, so nothing is proved.
        """
        if pair_id is not None:
            pairs = [self._visibility.require_pair(pair_id, viewer)]
        else:
            pairs = [pair for pair in self._pairs.list() if self._visibility.sees_pair(pair, viewer)]
        checked = gone = unanswered = 0
        leaks: list[Leak] = []
        for pair in pairs:
            for direction in self._pairs.directions(pair.id):
                client = self._clients.calendar(direction.target)
                ids = sorted({copy.event_id for copy in self._blockers(direction)})
                for start in range(0, len(ids), _AT_ONCE):
                    reading = client.read(ids[start : start + _AT_ONCE])
                    while answers := await reading.next():
                        for answer in answers:
                            gone += answer.evidence is Evidence.GONE
                            unanswered += answer.evidence is Evidence.UNKNOWN
                            checked += answer.evidence is Evidence.FOUND
                            leaks += _leaks(answer.events, pair.id, direction, client)
                    await asyncio.sleep(0)
        return Checked(checked, gone, unanswered, tuple(leaks))

    def _blockers(self, direction: DirectionRecord) -> Iterable[Copy]:
        """Living copies of a direction that shall tell nothing: all, or those of private originals."""
        copies = {
            copy.copy_key: copy
            for copy in self._ledger.copies(direction.id, None)
            if copy.state is CopyState.LIVE and copy.event_id and copy.form is not CopyForm.OCCURRENCE
        }
        if direction.settings.mode is Mode.BLOCKER:
            return copies.values()
        links = [link for link in self._ledger.links(direction.id, None) if link.state is LinkState.LIVE]
        originals = sorted({link.original_id for link in links if link.copy_key in copies})
        units = assemble_all(originals, self._ledger.rows(direction.source.id, originals))
        hidden = {
            unit.id
            for unit in units.values()
            if unit.fields is not None and shows_blocker(unit.fields, direction.settings)
        }
        return [copies[link.copy_key] for link in links if link.original_id in hidden and link.copy_key in copies]


def _leaks(events: Iterable[Event], pair_id: str, direction: DirectionRecord, client: CalendarClient) -> Iterable[Leak]:
    for event in events:
        if event.fields is None or event.gone:
            continue
        names = told_by(event, direction, client)
        if names:
            starts = starts_at(event.fields, direction.target.zone)
            yield Leak(pair_id, direction, event.id, starts, names)


def told_by(event: Event, direction: DirectionRecord, client: CalendarClient) -> tuple[str, ...]:
    """Names of the fields by which a block tells more than the pair's settings alone would."""
    fields = event.fields
    if fields is None:
        return ()
    # What the copy of an event without any content would be: whatever goes beyond it came from somewhere else.
    empty = Fields(fields.when, visibility=Visibility.PRIVATE, availability=fields.availability)
    wanted, told = (client.normal_form(one) for one in (copy_fields(empty, direction), fields))
    found = {
        "title": told.title != wanted.title,
        "text": bool(told.text.strip()) or "http" in (told.html or "").lower(),
        "place": bool(told.place.strip()),
        "link": bool(fields.link.strip()),
        "guests": event.guests or told.guests is not None,
    }
    return tuple(name for name, is_told in found.items() if is_told)
