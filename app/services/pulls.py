"""Reading each calendar once for all directions that want it (`architecture.md`, "One event, from click to log line").

A reader that asks while a read is under way that began after it asked shares that read; otherwise it reads anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import count

import structlog

from app.domain.errors import AccessError
from app.domain.ledger import Ledger
from app.domain.links import Unreadable
from app.domain.ports import Clock
from app.domain.times import Span
from app.engine import view
from app.engine.run import window_of
from app.services.clients import Clients
from app.services.drift import Mark, differences
from app.services.health import Health
from app.store.accounts import AccountRepository
from app.store.pairs import PairRepository

_log = structlog.get_logger(__name__)


class Pulls:
    """Shares reads of calendars. `mark()` names a moment; `pull` gives a view read after that moment."""

    def __init__(
        self,
        clients: Clients,
        ledger: Ledger,
        accounts: AccountRepository,
        pairs: PairRepository,
        health: Health,
        clock: Clock,
    ) -> None:
        self._clients = clients
        self._ledger = ledger
        self._accounts = accounts
        self._pairs = pairs
        self._health = health
        self._clock = clock
        self._numbers = count(1)
        self._locks: dict[str, asyncio.Lock] = {}
        self._begun: dict[tuple[str, bool], int] = {}
        self._unreadable: dict[str, dict[str, tuple[int, Unreadable]]] = {}

    def mark(self) -> int:
        """A number for now; reads that begin later have a higher one."""
        return next(self._numbers)

    async def pull(self, connection_id: str, since: int, *, full: bool = False) -> None:
        """Have the view of a connection read by a read that began after `since`, a full one where that is asked.

        Raises ProviderError, VaultError.
        """
        lock = self._locks.setdefault(connection_id, asyncio.Lock())
        async with lock:
            if self._begun.get((connection_id, full), 0) > since:
                return
            begun = self.mark()
            try:
                pulled = await view.pull(
                    self._clients.reader(self._accounts.connection(connection_id)),
                    self._ledger,
                    connection_id,
                    self._window(connection_id),
                    now=self._clock.now(),
                    full=full,
                    breathe=lambda: asyncio.sleep(0),
                )
            except AccessError as error:
                self._health.not_read(connection_id, error)
                raise
            self._note_unreadable(connection_id, pulled, begun)
            if pulled.half_read:
                # Ids only, as below.
                series = sorted(pulled.half_read)
                _log.warning("view.half_read", connection_id=connection_id, series=len(series), such_as=series[:5])
            # A full read is worth an incremental one, not the other way round.
            self._begun |= {(connection_id, False): begun} | ({(connection_id, True): begun} if full else {})
            self._health.read(connection_id)

    def unreadable(self, connection_id: str, since: int) -> Sequence[tuple[int, Unreadable]]:
        """Events of a calendar that cannot be read, as far as this process saw them, each with the number of the read
        that told it; only those of reads after number `since`."""
        return [found for found in self._unreadable.get(connection_id, {}).values() if found[0] > since]

    def _note_unreadable(self, connection_id: str, pulled: view.Pulled, number: int) -> None:
        known = {} if pulled.full else self._unreadable.get(connection_id, {})
        before = {event_id: one for event_id, one in known.items() if event_id not in pulled.named}
        self._unreadable[connection_id] = before | {one.event_id: (number, one) for one in pulled.unreadable}

    async def audit(self, connection_id: str, since: int) -> int:
        """Bring a view up to date, then list its calendar whole beside it; the view is right afterwards.

        Returns how many events the view had wrong. Raises as `pull`.
        """
        await self.pull(connection_id, since)
        mark = Mark(self._ledger.view(connection_id), self._clock.now())
        await self.pull(connection_id, since, full=True)
        found = differences(self._ledger, connection_id, mark, self._accounts.connection(connection_id).zone)
        if found:
            # Ids only: titles do not belong into a log.
            events = sorted({row.event.unit for row in found})
            _log.error("audit.drift", connection_id=connection_id, events=len(events), such_as=events[:5])
        return len({row.event.unit for row in found})

    def _window(self, connection_id: str) -> Span:
        """What all directions that use this calendar need, together."""
        now = self._clock.now()
        spans = [
            window_of(direction.settings, now)
            for pair in self._pairs.of_connection(connection_id)
            for direction in self._pairs.directions(pair.id)
        ]
        return _hull(spans)


def _hull(spans: Iterable[Span]) -> Span:
    own = list(spans)
    return Span(min(span.start for span in own), max(span.end for span in own))
