"""The origin marker as single-value extended properties of an event (`providers.md` §5.9, `engine.md` §4). Pure.

All names live under one GUID, made for Kalends and never to be changed: `KalendsDirection` is the one to search by,
`KalendsCopy`, `KalendsGeneration` and `KalendsStamp` are read with it. A released copy has `released` for its
direction, so that no search finds it, and keeps the direction in `KalendsReleased`. Graph cannot list properties, so
each is asked for by name; whether it can remove one is not documented, so they are overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.events import Marker

GUID = "{6b616c65-6e64-4a73-9f10-0c2d7be85a31}"


def _property(name: str) -> str:
    return f"String {GUID} Name Kalends{name}"


DIRECTION = _property("Direction")
COPY = _property("Copy")
GENERATION = _property("Generation")
STAMP = _property("Stamp")
RELEASED = _property("Released")
_RELEASED = "released"
_NOT_RELEASED = "no"
ALL = (DIRECTION, COPY, GENERATION, STAMP, RELEASED)

EXPAND = "singleValueExtendedProperties($filter=" + " or ".join(f"id eq '{name}'" for name in ALL) + ")"
"""What `$expand` needs to read the marker."""


def filter_for(name: str, value: str) -> str:
    """`$filter` that finds the events whose property `name` has this value."""
    quoted = value.replace("'", "''")
    return f"singleValueExtendedProperties/Any(ep: ep/id eq '{name}' and ep/value eq '{quoted}')"


def to_graph(marker: Marker) -> list[dict[str, str]]:
    """`singleValueExtendedProperties` to send; always all of them, so that none is left of an older marker."""
    values = {
        DIRECTION: _RELEASED if marker.released else marker.direction_key,
        COPY: marker.copy_key,
        GENERATION: str(marker.generation),
        STAMP: marker.stamp,
        RELEASED: marker.direction_key if marker.released else _NOT_RELEASED,
    }
    return [{"id": name, "value": value} for name, value in values.items()]


def from_graph(event: Mapping[str, Any]) -> Marker | None:
    """The marker of an event that was read with `EXPAND`, None if it has none."""
    told = event.get("singleValueExtendedProperties") or ()
    # Exchange may write the GUID in capitals.
    values = {str(item.get("id", "")).casefold(): str(item.get("value") or "") for item in told}

    def value(name: str) -> str:
        return values.get(name.casefold(), "")

    if not value(DIRECTION):
        return None
    released = value(DIRECTION) == _RELEASED
    generation = value(GENERATION)
    return Marker(
        direction_key=value(RELEASED) if released else value(DIRECTION),
        copy_key=value(COPY),
        generation=int(generation) if generation.isascii() and generation.isdigit() and len(generation) < 10 else 0,
        stamp=value(STAMP),
        released=released,
    )
