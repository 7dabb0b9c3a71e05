"""What of a calendar's view goes into an iCalendar file, in the words of the files. Pure."""

from __future__ import annotations

from collections.abc import Collection

from app.domain.events import Event, Special
from app.domain.identity import digest
from app.domain.snapshots import Unit
from app.engine.originals import Unit as Seen
from app.engine.proof import is_ours_by_marker, looks_like_ours

_MADE_BY_THE_SERVICE = (Special.BIRTHDAY, Special.WORKING_LOCATION)
_UID_DOMAIN = "kalends"


def as_written(seen: Seen) -> Unit:
    """A single or series of a view, as files have it."""
    exceptions = tuple(event for _, event in sorted(seen.exceptions.items()))
    return Unit(seen.event, exceptions, tuple(start for _, start in sorted(seen.cancelled.items())))


def is_copy(event: Event, calendar_key: str, known: Collection[str]) -> bool:
    """Whether an event is a copy of ours, as far as anything tells: a pair makes it again by itself.

    Args:
        known: ids of events that are copies by our own records.
    """
    return event.id in known or is_ours_by_marker(event, calendar_key) or may_be_copy(event)


def may_be_copy(event: Event) -> bool:
    """Whether an event looks like a copy and the service did not tell its marker: reading it directly tells."""
    return not event.marker_known and looks_like_ours(event)


def is_the_services_own(event: Event) -> bool:
    """Whether the service makes such an event by itself: birthdays, working locations."""
    return event.special in _MADE_BY_THE_SERVICE


def made_up_uid(calendar_key: str, event_id: str) -> str:
    """A UID that is always the same for an event, and that no other calendar's has."""
    return f"{digest('uid', calendar_key, event_id)}@{_UID_DOMAIN}"
