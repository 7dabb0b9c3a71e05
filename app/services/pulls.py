"""Reading each calendar once for all directions that want it (`architecture.md`, "One event, from click to log line").

A reader that asks while a read is under way that began after it asked shares that read; otherwise it reads anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from itertools import count

from app.domain.accounts import Connection, ConnectionStatus
from app.domain.errors import AccessError
from app.domain.ports import Clock, Ledger
from app.domain.times import Span
from app.engine import view
from app.engine.run import window_of
from app.services.clients import Clients
from app.store.accounts import AccountRepository
from app.store.pairs import PairRepository


class Pulls:
    """Shares reads of calendars. `mark()` names a moment; `pull` gives a view read after that moment."""

    def __init__(
        self, clients: Clients, ledger: Ledger, accounts: AccountRepository, pairs: PairRepository, clock: Clock
    ) -> None:
        self._clients = clients
        self._ledger = ledger
        self._accounts = accounts
        self._pairs = pairs
        self._clock = clock
        self._numbers = count(1)
        self._locks: dict[str, asyncio.Lock] = {}
        self._begun: dict[str, int] = {}

    def mark(self) -> int:
        """A number for now; reads that begin later have a higher one."""
        return next(self._numbers)

    async def pull(self, connection_id: str, since: int, *, full: bool = False) -> None:
        """Have the view of a connection read by a read that began after `since`. Raises ProviderError, VaultError."""
        lock = self._locks.setdefault(connection_id, asyncio.Lock())
        async with lock:
            if self._begun.get(connection_id, 0) > since and not full:
                return
            begun = self.mark()
            connection = self._accounts.connection(connection_id)
            try:
                await view.pull(
                    self._clients.reader(connection),
                    self._ledger,
                    connection_id,
                    self._window(connection_id),
                    now=self._clock.now(),
                    full=full,
                )
            except AccessError as error:
                self._note(connection_id, ConnectionStatus.ERROR, error.message)
                raise
            self._begun[connection_id] = begun
            self._note(connection_id, ConnectionStatus.ACTIVE, None)

    def _window(self, connection_id: str) -> Span:
        """What all directions that use this calendar need, together."""
        now = self._clock.now()
        spans = [
            window_of(direction.settings, now)
            for pair in self._pairs.of_connection(connection_id)
            for direction in self._pairs.directions(pair.id)
        ]
        return _hull(spans)

    def _note(self, connection_id: str, status: ConnectionStatus, problem: str | None) -> None:
        connection: Connection = self._accounts.connection(connection_id)
        synced = self._clock.now() if status is ConnectionStatus.ACTIVE else connection.last_synced_at
        self._accounts.update_connection(replace(connection, status=status, problem=problem, last_synced_at=synced))


def _hull(spans: Iterable[Span]) -> Span:
    own = list(spans)
    return Span(min(span.start for span in own), max(span.end for span in own))
