"""The events of a large seed, kept small: they are made one after another, and a reset may ask for them again.

It knows nothing of their form but that it is JSON.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

MANY: Final = 1000
"""Events of one calendar up to which they are not packed, and how many are at once."""


class PackedEvents:
    """Events in their order, unpacked some at a time for whoever goes through them.

    Args:
        events: each an object of JSON.
    """

    def __init__(self, events: Iterable[dict[str, Any]]) -> None:
        self._count = 0
        self._parts: list[bytes] = []
        source = iter(events)
        while part := list(islice(source, MANY)):
            self._count += len(part)
            self._parts.append(zlib.compress(json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode(), 1))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for part in self._parts:
            yield from json.loads(zlib.decompress(part))


def packed(seed: dict[str, Any]) -> dict[str, Any]:
    """The seed with the events of large calendars packed; what is small stays as it is."""
    return {
        **seed,
        "accounts": [
            {**account, "calendars": [_calendar(row) for row in account["calendars"]]}
            if account.get("calendars")
            else account
            for account in seed.get("accounts", [])
        ],
    }


def _calendar(row: dict[str, Any]) -> dict[str, Any]:
    events = row.get("events")
    if not isinstance(events, list) or len(events) <= MANY:
        return row
    return {**row, "events": PackedEvents(events)}
