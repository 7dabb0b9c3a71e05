"""The calendars and events of every Google account: in memory, written through, with a change list for each calendar.

State only; it checks nothing. Stored bodies are never changed in place, so that a page under construction stays as it
was.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from app.sandbox.google.stored import Body, Event
from app.sandbox.google.times import stamp
from app.sandbox.world import Behaviour, World

_ALIKE: Final = frozenset({"creator", "organizer", "reminders"})
_MOST_PARTS: Final = 1000
WRITER_ROLES: Final = ("owner", "writer", "writerWithoutPrivateAccess")
ROLES: Final = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")
"""Least to most."""


@dataclass(slots=True)
class CalendarInfo:
    """What is stored of a calendar beside its events. `account` is whose list it stands in."""

    id: str
    account: str
    summary: str
    time_zone: str
    role: str
    primary: bool
    data_owner: str
    change: int
    description: str = ""
    deleted: bool = False
    hidden: bool = False
    made_by_client: bool = False
    generation: int = 0


@dataclass(slots=True)
class Calendar:
    """A calendar with its events, their order of arrival, and the list of changes."""

    info: CalendarInfo
    behaviour: Behaviour
    events: dict[str, Event] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    exceptions: dict[str, list[str]] = field(default_factory=dict)
    updated: str = ""
    # The numbers of all changes in ascending order, and beside each whose change it was.
    _numbers: array[int] = field(default_factory=lambda: array("q"))
    _changed: list[str] = field(default_factory=list)

    @property
    def etag(self) -> str:
        """Of the list entry."""
        return f'"{self.info.change * 1000}"'

    @property
    def zone(self) -> str:
        """The IANA name of its zone."""
        return self.info.time_zone

    @property
    def names_days_by_midnight(self) -> bool:
        """How occurrences of all-day series are named: by midnight in UTC, or by the date."""
        return bool(self.behaviour["google.all_day_instance_id"] == "midnight")

    @property
    def can_write(self) -> bool:
        """Whether the account may change its events."""
        return self.info.role in WRITER_ROLES

    def changed_after(self, change: int, up_to: int, limit: int) -> list[Event]:
        """At most `limit` events whose last change lies in `(change, up_to]`, oldest change first."""
        found: list[Event] = []
        for place in range(bisect_right(self._numbers, change), len(self._numbers)):
            number = self._numbers[place]
            if number > up_to or len(found) >= limit:
                break
            event = self.events[self._changed[place]]
            if event.change == number:
                found.append(event)
        return found

    def series_exceptions(self, master_id: str) -> list[Event]:
        """Stored exceptions of a series, moved and cancelled ones."""
        return [self.events[event_id] for event_id in self.exceptions.get(master_id, [])]

    def keep(self, event: Event) -> None:
        """Take an event in, or its new state."""
        known = self.events.get(event.id)
        self.events[event.id] = event
        self.updated = max(self.updated, event.updated)
        if known is None:
            self.order.append(event.id)
            if event.master_id is not None:
                self.exceptions.setdefault(event.master_id, []).append(event.id)
        self._numbers.append(event.change)
        self._changed.append(event.id)
        if len(self._changed) > 1000 and len(self._changed) > 3 * len(self.events):
            self._set_changes(self._last_changes())

    def sort_changes(self) -> None:
        """Put the change list in order, once, after loading."""
        self._set_changes(sorted(self._last_changes()))

    def _last_changes(self) -> list[tuple[int, str]]:
        pairs = zip(self._numbers, self._changed, strict=True)
        return [(number, key) for number, key in pairs if self.events[key].change == number]

    def _set_changes(self, pairs: list[tuple[int, str]]) -> None:
        self._numbers = array("q", [number for number, _ in pairs])
        self._changed = [key for _, key in pairs]


class Store:
    """Every calendar of this service, by id.

    Args:
        world: storage, change numbers and clock.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._parts: dict[str, dict[str, Any]] = {}
        self.calendars: dict[str, Calendar] = {
            key: Calendar(CalendarInfo(**row), world.behaviour) for key, row in world.storage.items("google.calendars")
        }
        rows = sorted((row for _, row in world.storage.items("google.events")), key=lambda row: int(row["position"]))
        for row in rows:
            calendar = self.calendars[row.pop("calendar")]
            row["body"] = self._shared(row["body"])
            calendar.keep(Event(**row))
        for calendar in self.calendars.values():
            calendar.sort_changes()

    def of_account(self, email: str) -> list[Calendar]:
        """The calendars in an account's list, the primary first, deleted ones too."""
        mine = [calendar for calendar in self.calendars.values() if calendar.info.account == email.lower()]
        return sorted(mine, key=lambda calendar: not calendar.info.primary)

    def put_calendar(self, info: CalendarInfo) -> Calendar:
        """Add a calendar or store its changed entry."""
        calendar = self.calendars.get(info.id)
        if calendar is None:
            calendar = self.calendars[info.id] = Calendar(info, self._world.behaviour)
        calendar.info = info
        self._world.storage.put("google.calendars", info.id, asdict(info))
        return calendar

    def touch(self, calendar: Calendar) -> None:
        """Store the entry of a calendar under a new change number."""
        calendar.info.change = self._world.change()
        self.put_calendar(calendar.info)

    def remove_calendar(self, calendar: Calendar) -> None:
        """Forget a calendar and its events entirely."""
        for event_id in calendar.events:
            self._world.storage.delete("google.events", _key(calendar.info.id, event_id))
        self._world.storage.delete("google.calendars", calendar.info.id)
        del self.calendars[calendar.info.id]

    @property
    def list_generation(self) -> int:
        """Sync tokens of calendar lists that were handed out in an earlier one are dead."""
        return int((self._world.storage.get("google.meta", "list_generation") or {}).get("value", 0))

    def end_list_generation(self) -> None:
        """Let every sync token of a calendar list die."""
        self._world.storage.put("google.meta", "list_generation", {"value": self.list_generation + 1})

    def _now(self, body: Body) -> str:
        """The present stamp; that of `created` where it is the same."""
        now = stamp(self._world.clock.now())
        return str(body["created"]) if body.get("created") == now else now

    def _shared(self, body: Body) -> Body:
        """The body with those of its parts that many events have alike kept once: a calendar may be large."""
        if len(self._parts) > _MOST_PARTS:
            self._parts.clear()
        return {
            name: self._parts.setdefault(repr(part), part) if name in _ALIKE else part for name, part in body.items()
        }

    def put_event(self, calendar: Calendar, event_id: str, body: Body, *, stamps_of: Event | None = None) -> Event:
        """Store an event's new body under a new change number.

        Args:
            calendar: where.
            event_id: which; a new one is added.
            body: never changed afterwards.
            stamps_of: its `updated` and etag stay; None for new ones.
        """
        known = calendar.events.get(event_id)
        body = self._shared(body)
        event = Event(
            id=event_id,
            body=body,
            change=self._world.change(),
            position=known.position if known else len(calendar.order),
            updated=stamps_of.updated if stamps_of else self._now(body),
            version=(stamps_of.version if stamps_of.version >= 0 else stamps_of.change) if stamps_of else -1,
        )
        calendar.keep(event)
        if self._world.storage.lasting:
            row = {name: getattr(event, name) for name in ("id", "change", "position", "updated", "version")}
            row = {"calendar": calendar.info.id, **row, "body": body}
            self._world.storage.put("google.events", _key(calendar.info.id, event_id), row)
        return event


def _key(calendar_id: str, event_id: str) -> str:
    return f"{calendar_id}\n{event_id}"
