"""Directions that must be checked before anything is deleted: the database is older than its epoch file.

That is so after a backup was put in its place, or the file was lost (`engine.md` §10, `reliability.md` A7). A direction
is checked by a run that read both calendars whole and listed the copies in the target by their marker.
"""

from __future__ import annotations

import json

from app.store.pairs import PairRepository
from app.store.state import StateRepository

_KEY = "unaudited_directions"


class Audits:
    """Knows which directions still wait for their check. What waits survives a restart."""

    def __init__(self, state: StateRepository, pairs: PairRepository) -> None:
        self._state = state
        self._pairs = pairs
        kept = state.get(_KEY)
        self._due: set[str] = set() if kept is None else set(json.loads(kept))
        if state.installation().behind and kept is None:
            self._due = self._present()
            self._keep()

    def due(self, direction_id: str) -> bool:
        """Whether a direction must be checked before it may delete."""
        return direction_id in self._due

    def done(self, direction_id: str) -> None:
        """A direction was checked; with the last one the database counts as true again."""
        if direction_id in self._due:
            self._due = (self._due - {direction_id}) & self._present()
            self._keep()

    def _present(self) -> set[str]:
        return {direction.id for pair in self._pairs.list() for direction in self._pairs.directions(pair.id)}

    def _keep(self) -> None:
        if self._due:
            self._state.put(_KEY, json.dumps(sorted(self._due)))
        else:
            self._state.delete(_KEY)
            self._state.audited()
