"""One stored item of a calendar, kept small: a calendar may hold a hundred thousand of them.

Names are kept once for all items that have the same ones, values in a tuple; what follows from the id is not kept. It
must not know what the members mean, but for which of them are points in time.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

Body = dict[str, Any]

POINTS: Final = frozenset({"start", "end", "originalStartTime"})
"""Members that are `times.Point`s."""

_Names = tuple[tuple[str, tuple[str, ...]], ...]


class Shape:
    """The members of a body in their order, and where their values are.

    Args:
        names: of each member its name; of a point also those within, whose values lie one after another.
    """

    __slots__ = ("members", "places")

    def __init__(self, names: _Names) -> None:
        self.members = names
        self.places: dict[str, tuple[int, tuple[str, ...]]] = {}
        at = 0
        for name, inner in names:
            self.places[name] = (at, inner)
            at += len(inner) or 1


@lru_cache(maxsize=4096)
def _shape(names: _Names) -> Shape:
    return Shape(names)


class Event:
    """One stored item: a single event, a series, an exception of one (`recurringEventId`), or what a deletion left.

    Args:
        id: its id.
        body: all there is to it beside the id and the stamps; whoever changes an item stores another one.
        change: the number of its last change.
        position: its place in the order of arrival.
        updated: the stamp of that change.
        version: the change number that the etag tells, -1 for that of the last change.
    """

    __slots__ = ("change", "id", "position", "shape", "updated", "values", "version")

    def __init__(
        self, id: str, body: Mapping[str, Any], change: int, position: int, updated: str, version: int = -1
    ) -> None:
        self.id = id
        self.change = change
        self.position = position
        self.updated = updated
        self.version = version
        names: list[tuple[str, tuple[str, ...]]] = []
        values: list[Any] = []
        for name, value in body.items():
            if name in POINTS:
                names.append((name, tuple(value)))
                # Names of zones are few.
                values += [sys.intern(text) if part == "timeZone" else text for part, text in value.items()]
            else:
                names.append((name, ()))
                values.append(None if name == "iCalUID" and value == f"{id}@google.com" else value)
        self.shape = _shape(tuple(names))
        self.values = tuple(values)

    @property
    def body(self) -> Body:
        """A dictionary of its own for whoever asks; what lies within is shared and never changed."""
        values = iter(self.values)
        result: Body = {}
        for name, inner in self.shape.members:
            result[name] = {part: next(values) for part in inner} if inner else next(values)
        if "iCalUID" in result:
            result["iCalUID"] = self.uid
        return result

    def get(self, name: str) -> Any:
        """One member of the body, None without it."""
        place = self.shape.places.get(name)
        if place is None:
            return None
        at, inner = place
        if inner:
            return dict(zip(inner, self.values[at : at + len(inner)], strict=True))
        return self.uid if name == "iCalUID" else self.values[at]

    @property
    def uid(self) -> str:
        """Its `iCalUID`: mostly the one that follows from the id."""
        place = self.shape.places.get("iCalUID")
        own = None if place is None else self.values[place[0]]
        return f"{self.id}@google.com" if own is None else str(own)

    @property
    def etag(self) -> str:
        """New at every change; the quotes are part of it."""
        return f'"{3_400_000_000_000_000 + (self.change if self.version < 0 else self.version) * 1000}"'

    @property
    def is_cancelled(self) -> bool:
        """Whether it was deleted, or is a cancelled occurrence."""
        return bool(self.values[self.shape.places["status"][0]] == "cancelled")

    @property
    def master_id(self) -> str | None:
        """The series that an exception belongs to."""
        place = self.shape.places.get("recurringEventId")
        return None if place is None else self.values[place[0]]

    def with_version(self, version: int) -> Event:
        """The same item under another etag."""
        return Event(self.id, self.body, self.change, self.position, self.updated, version)
