"""Free and busy times as they go out: no titles, and how fresh they are."""

from __future__ import annotations

from app.api.models.base import Moment, Output


class Stretch(Output):
    """A stretch of time, the end exclusive."""

    start: Moment
    end: Moment


class LookedAtCalendar(Output):
    """A calendar that was laid over the others: when it was last read to its end, and how far ahead."""

    connection_id: str
    calendar_name: str
    as_of: Moment | None
    known_until: Moment | None
    unreadable: int


class AvailabilityAnswer(Output):
    """Busy and free stretches. `as_of`: the oldest reading among the calendars."""

    busy: list[Stretch]
    free: list[Stretch]
    as_of: Moment | None
    calendars: list[LookedAtCalendar]
