"""The plan of a run that never begins: what a direction would do by what was last read. Nothing is asked or written."""

from __future__ import annotations

import asyncio

from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord
from app.domain.ports import Clock, Expander, Stamps
from app.engine.run import DirectionRun, Tools
from app.services.clients import Clients
from app.services.work import Names


class StoredPlans:
    """Makes such plans."""

    def __init__(
        self, *, ledger: Ledger, clients: Clients, clock: Clock, stamps: Stamps, names: Names, expander: Expander
    ) -> None:
        self._ledger = ledger
        self._clients = clients
        self._clock = clock
        self._stamps = stamps
        self._names = names
        self._expander = expander

    def of(self, direction: DirectionRecord) -> DirectionRun:
        """The plan of a direction, with the settings it says. Raises NotFoundError when an account is gone."""

        async def nothing_is_read(connection_id: str) -> None:
            raise RuntimeError("a plan by what is stored asks no service")

        tools = Tools(
            ledger=self._ledger,
            clock=self._clock,
            stamps=self._stamps,
            names=self._names,
            expander=self._expander,
            pull=nothing_is_read,
            breathe=lambda: asyncio.sleep(0),
            stopping=lambda: True,
        )
        source = self._clients.reader(direction.source)
        return DirectionRun(direction, source, self._clients.calendar(direction.target), tools, run_id="", dry=True)
