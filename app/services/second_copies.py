"""Second copies of one original, and their removal on a person's word: only what is proved ours, by the service itself.

Everything else that is there twice is shown by `duplicates` and left to people.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from app.domain.errors import ConflictError, FieldError, InputError
from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord
from app.domain.runs import Run
from app.engine.originals import starts_at
from app.engine.second_copies import Surplus, find_surplus
from app.services.clients import Clients
from app.services.sync import Sync
from app.services.views import EVERYTHING, Viewer
from app.services.visibility import Visibility
from app.store.pairs import PairRepository


@dataclass(frozen=True, slots=True)
class SecondCopy:
    """One that can be removed."""

    direction: DirectionRecord
    found: Surplus

    @property
    def event_id(self) -> str:
        """Its id in its calendar."""
        return self.found.event.id

    @property
    def title(self) -> str:
        """Its title."""
        fields = self.found.event.fields
        return fields.title if fields is not None else ""

    @property
    def starts_at(self) -> datetime | None:
        """When it starts, None where nobody can tell."""
        return starts_at(self.found.event.fields, self.direction.target.zone)

    @property
    def undoable(self) -> bool:
        """Whether its removal can be undone: a series in which something is different cannot be made again as it was,
        and in a pair that goes both ways what came back would be copied as an event of its own."""
        return not self.found.inside and not self.direction.both_ways


class SecondCopies:
    """Finds second copies and removes them."""

    def __init__(
        self, *, pairs: PairRepository, ledger: Ledger, clients: Clients, sync: Sync, visibility: Visibility
    ) -> None:
        self._pairs = pairs
        self._ledger = ledger
        self._clients = clients
        self._sync = sync
        self._visibility = visibility

    async def find(self, *, connection_id: str | None = None, viewer: Viewer = EVERYTHING) -> tuple[SecondCopy, ...]:
        """Second copies in a calendar, or in all that a pair writes to. Lists the copies there; writes nothing.

        Raises:
            NotFoundError: no such calendar.
            ProviderError, VaultError: a calendar cannot be read.
        """
        if connection_id is not None:
            self._visibility.require_connection(connection_id, viewer)
        found = []
        for pair in self._pairs.list():
            if not self._visibility.sees_pair(pair, viewer):
                continue
            for direction in self._pairs.directions(pair.id):
                if connection_id in (None, direction.target.id):
                    reader = self._clients.reader(direction.target)
                    surplus = await find_surplus(direction, reader, self._ledger)
                    found += [SecondCopy(direction, one) for one in surplus]
        return tuple(found)

    async def remove(
        self,
        *,
        expected: int,
        events: Collection[str] | None = None,
        connection_id: str | None = None,
        viewer: Viewer = EVERYTHING,
    ) -> tuple[Run, ...]:
        """Remove second copies, as runs of their pairs. Returns these while they go on.

        Args:
            expected: how many are to go.
            events: exactly these, by their ids; None for those that nobody edited and whose removal can be undone.

        Raises:
            As `find`; InputError: one of the events is no second copy.
            ConflictError: `count_changed`, `nothing_to_remove`.
        """
        found = await self.find(connection_id=connection_id, viewer=viewer)
        if events is None:
            chosen = [one for one in found if one.undoable and not one.found.edited]
        else:
            chosen = [one for one in found if one.event_id in events]
            strange = sorted(set(events) - {one.event_id for one in chosen})
            if strange:
                raise InputError(
                    f"{strange[0]} is not proved to be a second copy, so it is left to you.",
                    details=[FieldError("events", f"{one} is not proved to be a second copy.") for one in strange],
                )
        if not chosen:
            raise ConflictError("There is no second copy to remove.", code="nothing_to_remove")
        if len(chosen) != expected:
            raise ConflictError(
                f"{len(chosen)} second copies would go now, not {expected}.",
                code="count_changed",
                fix="Look again, then name this number.",
            )
        by_direction: dict[str, list[SecondCopy]] = {}
        for one in chosen:
            by_direction.setdefault(one.direction.id, []).append(one)
        return tuple(
            self._sync.remove_duplicates(ones[0].direction, [one.event_id for one in ones])
            for ones in by_direction.values()
        )
