"""What a mailbox holds: calendars, single events and series, in memory first and written through to the storage.

A series is one record with its exceptions and cancelled dates, as Exchange keeps them. Every change takes a number
from the world; a list of (number, event) for each calendar makes an incremental read cost only what changed. It must
not know JSON shapes of the wire, times of day or tokens.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from app.sandbox.microsoft import ids
from app.sandbox.microsoft.properties import DEFAULTS, Properties
from app.sandbox.microsoft.spans import Span, span
from app.sandbox.world import World

_CALENDARS = "microsoft.calendars"
_EVENTS = "microsoft.events"
_OFTEN_EQUAL = ("organizer", "location", "locations")
_MOST_COMMON = 1000
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True)
class Calendar:
    """One calendar folder. ``owner`` differs from ``mailbox`` when somebody else shares it with this person."""

    id: str
    mailbox: str
    name: str
    owner_name: str
    owner_address: str
    role: str
    is_default: bool
    color: str
    change: int
    generation: int = 1

    @property
    def can_edit(self) -> bool:
        """Whether this person may write here."""
        return self.role in ("owner", "writer")

    @property
    def is_shared(self) -> bool:
        """Whether the calendar lies in somebody else's mailbox."""
        return self.owner_address.lower() != self.mailbox.lower()


@dataclass(slots=True)
class ExceptionRecord:
    """One changed occurrence: only the properties that differ from its series."""

    fields: dict[str, Any]
    change: int
    modified: datetime


@dataclass(slots=True)
class Event:
    """A single event or a series with all its exceptions.

    ``change`` numbers the last change of anything in it, ``own_change`` that of the event or master itself.
    ``cancelled`` maps original dates to the number of their cancellation. ``fields`` are properties in Graph's names;
    times are naive wall times in the zones beside them.
    """

    key: str
    calendar: str
    created: datetime
    modified: datetime
    change: int
    own_change: int
    fields: Mapping[str, Any]
    transaction_id: str | None = None
    moves: int = 0
    deleted: bool = False
    exceptions: dict[date, ExceptionRecord] = field(default_factory=dict)
    cancelled: dict[date, int] = field(default_factory=dict)
    bump_at: datetime | None = None
    cache: dict[Any, Any] = field(default_factory=dict)

    @property
    def is_series(self) -> bool:
        """Whether this is a series master."""
        return self.own.get("recurrence") is not None

    @property
    def own(self) -> Mapping[str, Any]:
        """The properties that differ from a new event's, times and zones always among them: quick to look up."""
        return self.fields.own if isinstance(self.fields, Properties) else self.fields

    @property
    def span(self) -> Span:
        """Begin and end of the event's, or the master's, own times."""
        return self.fields.span if isinstance(self.fields, Properties) else span(self.fields)

    def to_storage(self) -> dict[str, Any]:
        """The record as JSON."""
        return {
            "calendar": self.calendar,
            "created": self.created.isoformat(),
            "modified": self.modified.isoformat(),
            "change": self.change,
            "own_change": self.own_change,
            "fields": dict(self.own),
            "transaction_id": self.transaction_id,
            "moves": self.moves,
            "deleted": self.deleted,
            "exceptions": {
                day.isoformat(): {"fields": one.fields, "change": one.change, "modified": one.modified.isoformat()}
                for day, one in self.exceptions.items()
            },
            "cancelled": {day.isoformat(): change for day, change in self.cancelled.items()},
            "bump_at": self.bump_at.isoformat() if self.bump_at else None,
        }

    @classmethod
    def from_storage(cls, key: str, row: dict[str, Any]) -> Event:
        """Read a record that ``to_storage`` wrote."""
        return cls(
            key=key,
            calendar=row["calendar"],
            created=datetime.fromisoformat(row["created"]),
            modified=datetime.fromisoformat(row["modified"]),
            change=row["change"],
            own_change=row["own_change"],
            fields=Properties(row["fields"]),
            transaction_id=row["transaction_id"],
            moves=row["moves"],
            deleted=row["deleted"],
            exceptions={
                date.fromisoformat(day): ExceptionRecord(
                    one["fields"], one["change"], datetime.fromisoformat(one["modified"])
                )
                for day, one in row["exceptions"].items()
            },
            cancelled={date.fromisoformat(day): change for day, change in row["cancelled"].items()},
            bump_at=datetime.fromisoformat(row["bump_at"]) if row["bump_at"] else None,
        )


class Store:
    """Calendars and events of every Microsoft account of the world.

    Args:
        world: clock, storage, change numbers and randomness; an existing storage is continued.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.calendars: dict[str, Calendar] = {key: Calendar(**row) for key, row in world.storage.items(_CALENDARS)}
        self.events: dict[str, Event] = {}
        self._live: dict[str, dict[str, None]] = {key: {} for key in self.calendars}
        self._changes: dict[str, list[tuple[int, str]]] = {key: [] for key in self.calendars}
        self._transactions: dict[tuple[str, str], str] = {}
        self._bumps: dict[str, None] = {}
        # Shared values are never let go, so that no other object can come to have the id of one.
        self._common: dict[str, Any] = {}
        self._texts: dict[int, str] = {}
        for value in DEFAULTS.values():
            if isinstance(value, dict | list):
                self._texts[id(value)] = _ENCODER.encode(value)
        for key, row in world.storage.items(_EVENTS):
            self.events[key] = Event.from_storage(key, row)
        for event in sorted(self.events.values(), key=lambda one: one.change):
            self._changes[event.calendar].append((event.change, event.key))
            self._remember(event)
        for event in sorted(self.events.values(), key=lambda one: (one.created, one.key)):
            if not event.deleted:
                self._live[event.calendar][event.key] = None

    # Calendars

    def put_calendar(self, calendar: Calendar) -> None:
        """Add or replace a calendar."""
        self.calendars[calendar.id] = calendar
        self._live.setdefault(calendar.id, {})
        self._changes.setdefault(calendar.id, [])
        row = {name: getattr(calendar, name) for name in Calendar.__dataclass_fields__}
        self._world.storage.put(_CALENDARS, calendar.id, row)

    def remove_calendar(self, calendar_id: str) -> None:
        """Remove a calendar with everything in it, without a trace."""
        for key in [key for key, event in self.events.items() if event.calendar == calendar_id]:
            event = self.events.pop(key)
            self._bumps.pop(key, None)
            if event.transaction_id:
                self._transactions.pop((self.calendars[calendar_id].mailbox, event.transaction_id), None)
            self._world.storage.delete(_EVENTS, key)
        del self.calendars[calendar_id], self._live[calendar_id], self._changes[calendar_id]
        self._world.storage.delete(_CALENDARS, calendar_id)

    def calendars_of(self, mailbox: str) -> list[Calendar]:
        """The calendars in a person's list, the default one first, then by name."""
        own = [one for one in self.calendars.values() if one.mailbox == mailbox.lower()]
        return sorted(own, key=lambda one: (not one.is_default, one.name, one.id))

    # Events

    def new_key(self) -> str:
        """A key for a new event: 24 hex digits that follow from the random seed."""
        return self._world.new_id(24, "0123456789abcdef")

    def add(self, calendar_id: str, fields: Mapping[str, Any], transaction_id: str | None = None) -> Event:
        """Store a new event."""
        now = self._world.clock.now()
        event = Event(self.new_key(), calendar_id, now, now, 0, 0, fields, transaction_id)
        self.events[event.key] = event
        self._live[calendar_id][event.key] = None
        self.touch(event, now=now)
        return event

    def touch(
        self, event: Event, original: date | None = None, *, silent: bool = False, now: datetime | None = None
    ) -> None:
        """Give an event, or one occurrence of it, a new change number and store it.

        Args:
            event: what changed.
            original: the date of the exception that changed or of the occurrence that was cancelled, None for the
                event or series itself.
            silent: the service's own processing: the modification time stays.
            now: when it changed, None for this moment.
        """
        now = now or self._world.clock.now()
        event.change = self._world.change()
        if original is None:
            event.own_change = event.change
        elif original in event.cancelled:
            event.cancelled[original] = event.change
        else:
            event.exceptions[original].change = event.change
            event.exceptions[original].modified = now
        if not silent:
            event.modified = now
            delay = float(self._world.behaviour["microsoft.change_key_bump_seconds"])
            event.bump_at = now + timedelta(seconds=delay) if delay > 0 and not event.deleted else None
        event.cache.clear()
        if not isinstance(event.fields, Properties):
            shared = {name: self._shared(event.fields[name]) for name in _OFTEN_EQUAL}
            event.fields = Properties({**event.fields, **shared})
        self._changes[event.calendar].append((event.change, event.key))
        self._remember(event)
        if self._world.storage.lasting:
            self._world.storage.put(_EVENTS, event.key, event.to_storage())

    def _shared(self, value: Any) -> Any:
        """An equal value that other events have as well."""
        text = _ENCODER.encode(value)
        if text not in self._common:
            if len(self._common) >= _MOST_COMMON:
                return value
            self._common[text] = value
            self._texts[id(value)] = text
        return self._common[text]

    def text_of(self, value: Any) -> str:
        """The JSON of a property, kept for those that many events share."""
        return self._texts.get(id(value)) or _ENCODER.encode(value)

    def delete(self, event: Event) -> None:
        """Turn an event into its tombstone."""
        event.deleted = True
        self._live[event.calendar].pop(event.key, None)
        self.touch(event)

    def move(self, event: Event, calendar_id: str) -> Event:
        """Move an event to another calendar: gone here, born there, with the same immutable id.

        Returns:
            The event in its new place; a tombstone under a key of its own stays behind.
        """
        grave = Event(
            key=event.key + "@" + str(event.moves),
            calendar=event.calendar,
            created=event.created,
            modified=event.modified,
            change=0,
            own_change=0,
            fields=event.fields,
            moves=event.moves,
        )
        self.events[grave.key] = grave
        self._live[event.calendar].pop(event.key, None)
        # Entries of the old calendar must not lead to the event in its new one.
        self._changes[event.calendar] = [entry for entry in self._changes[event.calendar] if entry[1] != event.key]
        self.delete(grave)
        event.calendar = calendar_id
        event.moves += 1
        self._live[calendar_id][event.key] = None
        self.touch(event)
        return event

    def live_keys(self, calendar_id: str) -> list[str]:
        """The keys of a calendar's events that are not deleted, oldest first."""
        return list(self._live[calendar_id])

    def live(self, calendar_id: str) -> Iterator[Event]:
        """The events of a calendar that are not deleted, oldest first."""
        for key in list(self._live[calendar_id]):
            yield self.events[key]

    def changed_after(self, calendar_id: str, change: int) -> Iterator[Event]:
        """Events and tombstones of a calendar whose last change is later than ``change``, in the order of change."""
        entries = self._changes[calendar_id]
        for position in range(bisect_right(entries, change, key=lambda entry: entry[0]), len(entries)):
            number, key = entries[position]
            event = self.events[key]
            if event.change == number:
                yield event

    def by_transaction(self, mailbox: str, transaction_id: str) -> Event | None:
        """The event made with this transaction id, deleted ones too."""
        key = self._transactions.get((mailbox.lower(), transaction_id))
        return self.events.get(key) if key else None

    def run_bumps(self) -> None:
        """Do the rewriting of change keys that is due by the clock (``microsoft.change_key_bump_seconds``)."""
        now = self._world.clock.now()
        for key in list(self._bumps):
            event = self.events[key]
            if event.bump_at is None or event.deleted:
                self._bumps.pop(key, None)
            elif event.bump_at <= now:
                event.bump_at = None
                self.touch(event, silent=True)

    def immutable_id(self, event: Event, original: date | None = None) -> str:
        """The id of an event or an occurrence that survives moves."""
        return ids.encode(event.key.partition("@")[0], original, None)

    def ordinary_id(self, event: Event, original: date | None = None) -> str:
        """The id of an event or an occurrence that changes with its folder."""
        mark = ids.folder_mark(event.calendar, event.moves)
        return ids.encode(event.key.partition("@")[0], original, mark)

    def find(self, text: str) -> tuple[Event, date | None] | None:
        """The live event an id points at, with the date of the occurrence; None when there is none."""
        reference = ids.decode(text)
        event = self.events.get(reference.key) if reference else None
        if reference is None or event is None or event.deleted:
            return None
        if reference.folder is not None and reference.folder != ids.folder_mark(event.calendar, event.moves):
            return None
        return event, reference.original

    def _remember(self, event: Event) -> None:
        if event.transaction_id:
            name = (self.calendars[event.calendar].mailbox, event.transaction_id)
            holder = self.events.get(self._transactions.get(name, ""))
            # A forgotten id may have been used once more: an older event's later change does not bring it back.
            if holder is None or holder.created <= event.created:
                self._transactions[name] = event.key
        if event.bump_at is not None:
            self._bumps[event.key] = None
        else:
            self._bumps.pop(event.key, None)
