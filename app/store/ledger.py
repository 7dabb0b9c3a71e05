"""The ledger: everything the engine remembers, as one object (`app.domain.ledger.Ledger`).

It is composed of the parts about views, directions, writes and the story of runs; it adds nothing of its own.
"""

from __future__ import annotations

from app.store.database import Database
from app.store.directions import Directions
from app.store.journal import Journal
from app.store.story import Story
from app.store.views import Views


class SqliteLedger(Views, Directions, Journal, Story):
    """`domain.ledger.Ledger` on SQLite. Plain functions; every one that changes something is one transaction."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
