"""Holds as people meet them: what waits, and their answers. The engine opens and closes holds through the ledger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.errors import ConflictError, NotFoundError
from app.domain.runs import Hold, HoldAnswer
from app.store.codec import instant_to_text
from app.store.database import AMONG, Database, among
from app.store.story import SELECT_HOLD, hold_from


class HoldRepository:
    """Open and answered holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, pair_ids: Collection[str] | None = None) -> Sequence[Hold]:
        """Holds of these pairs, None for all; the oldest first."""
        order = "ORDER BY opened_at, id"
        if pair_ids is None:
            found = self._database.select(f"{SELECT_HOLD} {order}")
        else:
            found = self._database.select(
                f"{SELECT_HOLD} WHERE pair_id IN {AMONG} {order}",
                (among(pair_ids),),
            )
        return [hold_from(row) for row in found]

    def get(self, hold_id: str) -> Hold:
        """A hold.

        Raises:
            NotFoundError: no such hold.
        """
        row = self._database.one(f"{SELECT_HOLD} WHERE id = ?", (hold_id,))
        if row is None:
            raise NotFoundError("There is no such hold.")
        return hold_from(row)

    def answer(self, hold_id: str, answer: HoldAnswer, *, expected: int, at: datetime) -> Hold:
        """Keep the user's answer.

        Args:
            expected: how many originals the user was shown.

        Raises:
            NotFoundError: no such hold.
            ConflictError: `count_changed`, when it concerns another number by now.
        """
        with self._database.transaction():
            hold = self.get(hold_id)
            if hold.expected != expected:
                raise ConflictError(
                    f"This concerns {hold.expected} events by now, not {expected}.",
                    code="count_changed",
                    fix="Look at it again and answer with the new number.",
                )
            self._database.change(
                "UPDATE hold SET answer = ?, answered_at = ? WHERE id = ?",
                (str(answer), instant_to_text(at), hold_id),
            )
        return replace(hold, answer=answer, answered_at=at)
