"""What callers were last told of pairs, so that a pair sent back as it was given is no wish to change it.

Some fields of a pair move by themselves: between a GET and the PATCH that follows it a run may end. Kept in memory;
after a restart the present values alone pass.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Final

from app.api.models.sync_pairs import PairAnswer

MOVING: Final = ("last_synced_at", "state", "problem", "next_run_at", "held", "paused_until", "pause_reason")
_VERSIONS_KEPT: Final = 32
_PAIRS_KEPT: Final = 2_000


class ShownPairs:
    """The moving fields of pairs, as they were answered lately."""

    def __init__(self) -> None:
        self._versions: OrderedDict[str, deque[Mapping[str, Any]]] = OrderedDict()

    def note(self, pair: PairAnswer) -> PairAnswer:
        """Remember an answer, and give it on."""
        moving = pair.model_dump(mode="json", include=set(MOVING))
        versions = self._versions.setdefault(pair.id, deque(maxlen=_VERSIONS_KEPT))
        if moving not in versions:
            versions.append(moving)
        self._versions.move_to_end(pair.id)
        if len(self._versions) > _PAIRS_KEPT:
            self._versions.popitem(last=False)
        return pair

    def values(self, pair_id: str, name: str) -> list[Any]:
        """The values of a field that a pair was shown with."""
        return [version[name] for version in self._versions.get(pair_id, ()) if name in version]
