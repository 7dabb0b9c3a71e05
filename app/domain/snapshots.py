"""Calendars as iCalendar files: what one holds, and the ports that write, read and keep it (`engine.md` §17).

Values and protocols only: the text is made by `app.providers.ics`, the files are kept by `app.system`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.domain.events import Event
from app.domain.times import Moment


class Reason(StrEnum):
    """Why a snapshot was taken."""

    FIRST = "first"
    """Before a pair wrote to the calendar for the first time."""
    DAILY = "daily"
    ASKED = "asked"
    """A person asked for it."""


class Detail(StrEnum):
    """How much of an event goes into a file."""

    BUSY = "busy"
    """That the time is taken, and nothing else."""
    FULL = "full"
    KEPT = "kept"
    """Everything that can be brought back from a snapshot, in properties that only Kalends reads too."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One single or one whole series, as it goes into a file and comes out of it.

    Args:
        event: the single or the master; None for exceptions whose series is not known.
        exceptions: occurrences that differ.
        cancelled: wall times (or dates) in the series zone of occurrences that the series lacks.
    """

    event: Event | None
    exceptions: tuple[Event, ...] = ()
    cancelled: tuple[Moment, ...] = ()

    @property
    def id(self) -> str:
        """Id of the single or of the series, as it was in its calendar."""
        if self.event is not None:
            return self.event.id
        return self.exceptions[0].unit if self.exceptions else ""

    @property
    def named(self) -> Event | None:
        """The event a person knows it by."""
        return self.event or next(iter(self.exceptions), None)


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says about itself.

    Args:
        name: the calendar's name.
        zone: its IANA zone.
        stamped_at: DTSTAMP of events that do not know when they were changed; aware in UTC.
        notes: further `X-KALENDS-` properties of the calendar, by the end of their names.
    """

    name: str
    zone: str
    stamped_at: datetime
    notes: Mapping[str, str] = field(default_factory=dict)


class CalendarText(Protocol):
    """The text of one file, piece by piece, so that a long calendar is never in memory as a whole."""

    def begin(self) -> str:
        """Its beginning."""
        ...

    def unit(self, unit: Unit, uid: str) -> str:
        """One single or series, with the time zones that were not there yet. Raises ValueError: it cannot be said."""
        ...

    def end(self) -> str:
        """Its end."""
        ...


class TextMaker(Protocol):
    """Begins the text of a file."""

    def __call__(self, head: Head, detail: Detail) -> CalendarText:
        """The text of one file."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """What a snapshot's file held. `unread`: components that could not be read."""

    head: Head
    units: tuple[Unit, ...]
    unread: int = 0


class SnapshotReader(Protocol):
    """Reads a snapshot's file."""

    def __call__(self, data: bytes) -> Read:
        """What it holds. Raises InputError when it is no snapshot."""
        ...


class Draft(Protocol):
    """A file that is being written; nobody sees it before it is kept."""

    def write(self, text: str) -> None:
        """Add text. Raises StorageError."""
        ...

    def keep(self) -> None:
        """Put the whole file in its place, durable on return. Raises StorageError."""
        ...

    def discard(self) -> None:
        """Leave no trace; nothing after `keep`."""
        ...


class SnapshotFiles(Protocol):
    """A folder of snapshots, readable by its owner alone."""

    def sizes(self) -> Mapping[str, int]:
        """Names and sizes in bytes of the files there; none where there is no folder yet."""
        ...

    def begin(self, name: str) -> Draft:
        """Begin a file. Raises StorageError."""
        ...

    def read(self, name: str) -> bytes:
        """A file. Raises NotFoundError, StorageError."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Remove files. Raises StorageError."""
        ...

    def where(self, name: str) -> str:
        """Where a person finds the file."""
        ...
