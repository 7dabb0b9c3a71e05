"""Going through the stored views of calendars, piece by piece, so that a long calendar holds nobody up.

What is found is what was last read: nothing is asked of a service here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from app.domain.ledger import Ledger
from app.domain.links import Row, Seen
from app.engine.originals import Unit, assemble_all
from app.store.questions import Questions

_PIECE = 200
_UNITS_AT_ONCE = 25


async def rows(questions: Questions, calendar_id: str) -> AsyncIterator[Row]:
    """Every row of a view, in the order of event ids; others get their turn in between."""
    after = ""
    while True:
        piece = questions.rows(calendar_id, after=after, limit=_PIECE)
        for row in piece:
            yield row
        if len(piece) < _PIECE:
            return
        after = piece[-1].event.id
        await asyncio.sleep(0)


async def seen_rows(questions: Questions, calendar_id: str) -> AsyncIterator[Row]:
    """Those that were there when the calendar was last read."""
    async for row in rows(questions, calendar_id):
        if row.seen is Seen.SEEN and not row.event.gone:
            yield row


async def units(questions: Questions, ledger: Ledger, calendar_id: str) -> AsyncIterator[Sequence[Unit]]:
    """The singles and series that were there when the calendar was last read, some at a time, in the order of ids."""
    after = ""
    while True:
        ids = questions.units(calendar_id, after=after, limit=_UNITS_AT_ONCE)
        if ids:
            yield list(assemble_all(ids, ledger.rows(calendar_id, ids)).values())
        if len(ids) < _UNITS_AT_ONCE:
            return
        after = ids[-1]
        await asyncio.sleep(0)
