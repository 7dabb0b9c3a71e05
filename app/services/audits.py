"""Which directions are to be audited: each once a day, and all before anything is deleted by a database older than
its epoch file.

The latter is so after a backup was put in its place, or the file was lost (`engine.md` §10, `reliability.md` A7). A
direction is audited by a run that read both calendars whole and listed the copies in the target by their marker.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from app.store.pairs import PairRepository
from app.store.state import BEHIND, DAILY_AUDITS, STRANGE_STAMPS, UNAUDITED, StateRepository

EVERY = timedelta(days=1)
JITTER = timedelta(hours=2)
"""By so much the days of directions differ, so that they are not all audited in one moment."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The last audit of a direction: when, and how many differences it found (each a defect)."""

    at: datetime
    drift: int = 0


class Audits:
    """Knows which directions still wait for their check. What waits survives a restart."""

    def __init__(self, state: StateRepository, pairs: PairRepository) -> None:
        self._state = state
        self._pairs = pairs
        self._last = {key: _audit_from(value) for key, value in json.loads(state.get(DAILY_AUDITS) or "{}").items()}
        kept = state.get(UNAUDITED)
        self._due: set[str] = set() if kept is None else set(json.loads(kept))
        self._accepted = frozenset(json.loads(state.get(STRANGE_STAMPS) or "[]"))
        self._notice()

    def due(self, direction_id: str) -> bool:
        """Whether a direction must be checked before it may delete."""
        self._notice()
        return direction_id in self._due

    @property
    def accepted(self) -> Collection[str]:
        """Stamps that the database did not tell of, and for which all was checked."""
        return self._accepted

    def distrust(self, stamps: Collection[str]) -> None:
        """Copies bear these stamps of this installation, and the database does not tell of them: it was put back to an
        earlier state with all that lies beside it. Everything is to be checked before anything may be deleted."""
        self._accepted |= frozenset(stamps)
        self._state.put(STRANGE_STAMPS, json.dumps(sorted(self._accepted)))
        self._state.put(BEHIND, str(self._state.installation().epoch))
        self._due = self._present()
        self._keep()

    def _notice(self) -> None:
        """A database may be found to be older at any time: every run that wrote looks at the file beside it."""
        if self._state.installation().behind and self._state.get(UNAUDITED) is None:
            self._due = self._present()
            self._keep()

    def done(self, direction_id: str) -> None:
        """A direction was checked; with the last one the database counts as true again."""
        if direction_id in self._due:
            self._due = (self._due - {direction_id}) & self._present()
            self._keep()

    def daily_due(self, direction_id: str, now: datetime) -> bool:
        """Whether a direction is to be audited because a day went by; its first day begins when it is first asked."""
        last = self._last.get(direction_id)
        if last is None:
            self.audited(direction_id, Audit(now))
            return False
        # A moment that lies ahead was noted by a clock that was wrong.
        return not timedelta() <= now - last.at < EVERY + JITTER * (crc32(direction_id.encode()) % 100) / 100

    def audited(self, direction_id: str, audit: Audit) -> None:
        """A direction was audited."""
        present = self._present()
        self._last = {key: value for key, value in self._last.items() if key in present} | {direction_id: audit}
        told = {key: {"at": value.at.isoformat(), "drift": value.drift} for key, value in sorted(self._last.items())}
        self._state.put(DAILY_AUDITS, json.dumps(told))

    def last(self) -> Mapping[str, Audit]:
        """The last audit of each direction, by its id."""
        return dict(self._last)

    def _present(self) -> set[str]:
        return {direction.id for pair in self._pairs.list() for direction in self._pairs.directions(pair.id)}

    def _keep(self) -> None:
        if self._due:
            self._state.put(UNAUDITED, json.dumps(sorted(self._due)))
        else:
            self._state.delete(UNAUDITED)
            self._state.audited()


def _audit_from(kept: Mapping[str, Any]) -> Audit:
    return Audit(datetime.fromisoformat(kept["at"]), int(kept["drift"]))
