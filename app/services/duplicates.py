"""Finds what is in a calendar twice, and who made each: copies of ours, what only looks like one, people's own events.

Shows and removes nothing: what is proved ours and has no original any more is held for the person by the next full
sync, second copies go when a person says so (`second_copies`), and of everything else nobody but its owner can say
that it is one too many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.events import Event, EventKind
from app.domain.ledger import Ledger
from app.engine.originals import starts_at
from app.engine.proof import is_ours_by_marker, looks_like_ours
from app.services import looking
from app.services.views import EVERYTHING, ConnectionView, Viewer
from app.services.visibility import Visibility
from app.store.questions import Questions

_GROUPS_AT_MOST = 200


class MadeBy(StrEnum):
    """Who made an event."""

    COPY = "copy"
    """A copy that a pair of this installation follows, or followed."""
    PROVED = "proved"
    """Not known here, and proved to be a copy all the same: by an id that re-derives from its marker."""
    STRAY = "stray"
    """Looks like a copy, and is none that can be proved: pasted by a person, or split off a copied series."""
    PERSON = "person"


class Alike(StrEnum):
    """In what events of a group are alike."""

    TIME_AND_TITLE = "time_and_title"
    UID = "ical_uid"
    STRAY = "stray"
    """Alone, and shown because it looks like a copy nobody follows."""


@dataclass(frozen=True, slots=True)
class Member:
    """One event of a group. `direction_id`: of a copy, the direction that made it."""

    event: Event
    made_by: MadeBy
    starts_at: datetime | None
    direction_id: str | None = None
    copy_key: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one calendar that are there more than once."""

    where: ConnectionView
    alike: Alike
    members: tuple[Member, ...]


class Duplicates:
    """Looks through the views of calendars."""

    def __init__(self, *, ledger: Ledger, questions: Questions, visibility: Visibility) -> None:
        self._ledger = ledger
        self._questions = questions
        self._visibility = visibility

    async def find(
        self, *, connection_ids: Sequence[str] = (), viewer: Viewer = EVERYTHING
    ) -> tuple[tuple[Group, ...], int]:
        """Groups of duplicates in these calendars, or in all that were read; at most 200, and how many there are.

        Raises:
            NotFoundError: no such calendar.
        """
        named = [self._visibility.require_connection(one, viewer) for one in dict.fromkeys(connection_ids)]
        groups: list[Group] = []
        for where in named or self._visibility.connections(viewer):
            groups += await self._of_calendar(where)
        return tuple(groups[:_GROUPS_AT_MOST]), len(groups)

    async def _of_calendar(self, where: ConnectionView) -> list[Group]:
        alike: dict[tuple[Alike, object], list[Event]] = {}
        strays: list[Event] = []
        async for row in looking.seen_rows(self._questions, where.connection.id):
            event = row.event
            if event.fields is None or event.kind not in (EventKind.SINGLE, EventKind.SERIES):
                continue
            fields = event.fields
            rules = fields.recurrence.lines if fields.recurrence is not None else ()
            key = (fields.title.strip().casefold(), fields.when, rules)
            alike.setdefault((Alike.TIME_AND_TITLE, key), []).append(event)
            if event.ical_uid:
                alike.setdefault((Alike.UID, event.ical_uid), []).append(event)
            if looks_like_ours(event):
                strays.append(event)
        groups = []
        shown: set[frozenset[str]] = set()
        for (how, _), events in alike.items():
            if len(events) < 2 or frozenset(event.id for event in events) in shown:
                continue
            members = self._members(where, events)
            if not _each_has_its_own_original(members):
                shown.add(frozenset(event.id for event in events))
                groups.append(Group(where, how, members))
        told = {member.event.id for group in groups for member in group.members}
        alone = [one for one in self._members(where, strays) if one.made_by is not MadeBy.COPY]
        groups += [Group(where, Alike.STRAY, (one,)) for one in alone if one.event.id not in told]
        return groups

    def _members(self, where: ConnectionView, events: Sequence[Event]) -> tuple[Member, ...]:
        known = self._ledger.known_copies(where.connection.id, [event.id for event in events])
        members = []
        for event in events:
            direction_id, copy_key = known.get(event.id, (None, None))
            starts = starts_at(event.fields, where.connection.zone)
            made_by = MadeBy.COPY if direction_id is not None else _maker(event, where)
            members.append(Member(event, made_by, starts, direction_id, copy_key))
        return tuple(members)


def _maker(event: Event, where: ConnectionView) -> MadeBy:
    if is_ours_by_marker(event, where.connection.calendar_key):
        return MadeBy.PROVED
    return MadeBy.STRAY if looks_like_ours(event) else MadeBy.PERSON


def _each_has_its_own_original(members: Iterable[Member]) -> bool:
    """Two sources into one target make two copies: that is no duplicate."""
    copies = [(member.direction_id, member.copy_key) for member in members]
    return all(direction_id is not None for direction_id, _ in copies) and len(set(copies)) == len(copies)
