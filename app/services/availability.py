"""When a person is free: the busy times of their calendars laid over each other, as last read. No title is told.

Copies count as what they stand for, so an event and its copy are busy once. Asks no service, and says how fresh it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from app.domain.errors import FieldError, InputError
from app.domain.events import Availability as Shown
from app.domain.events import Event, Fields, Response, Special
from app.domain.ledger import Ledger
from app.domain.ports import Clock, Expander
from app.domain.times import Span
from app.services import occurrences
from app.services.views import EVERYTHING, ConnectionView, Viewer
from app.services.visibility import Visibility
from app.store.questions import Questions

DAYS_AT_MOST = 366
_LETS_IN = (Shown.FREE, Shown.ELSEWHERE)


@dataclass(frozen=True, slots=True)
class Looked:
    """One calendar that was asked about.

    Args:
        as_of: when it was last read to its end; None: never, so nothing is known of it.
        known_until: how far ahead it was read; None where that has no end.
        unreadable: events whose times cannot be told.
    """

    where: ConnectionView
    as_of: datetime | None
    known_until: datetime | None
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class FreeBusy:
    """Busy and free stretches of a span, in order; free ones are as long as was asked for at least."""

    span: Span
    busy: tuple[Span, ...]
    free: tuple[Span, ...]
    calendars: tuple[Looked, ...]

    @property
    def as_of(self) -> datetime | None:
        """The oldest reading among the calendars that were read at all."""
        return min((one.as_of for one in self.calendars if one.as_of is not None), default=None)


class FreeTimes:
    """Lays calendars over each other."""

    def __init__(
        self, *, ledger: Ledger, questions: Questions, visibility: Visibility, expander: Expander, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._questions = questions
        self._visibility = visibility
        self._expander = expander
        self._clock = clock

    async def find(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        connection_ids: Collection[str] = (),
        min_seconds: float = 0,
        between: tuple[time, time] | None = None,
        viewer: Viewer = EVERYTHING,
    ) -> FreeBusy:
        """Busy and free times.

        Args:
            start, end: the span; now, and a week later.
            connection_ids: calendars to lay over each other; none means all that were ever read.
            min_seconds: shorter free stretches are left out.
            between: only these hours of a day are offered as free, by this computer's clock.

        Raises:
            InputError: the span is empty, backwards or too long, or the hours are.
            NotFoundError: no such calendar.
        """
        begin = start if start is not None else self._clock.now()
        span = Span(begin, end if end is not None else begin + timedelta(days=7))
        _check(span, between)
        named = [self._visibility.require_connection(one, viewer) for one in dict.fromkeys(connection_ids)]
        busy: list[Span] = []
        looked = []
        for where in named or self._visibility.connections(viewer):
            view = self._ledger.view(where.connection.id)
            if view.complete_at is None and not named:
                continue  # a calendar that no pair uses is never read
            unreadable: list[Event] = []
            found = occurrences.in_span(self._questions, self._expander, where.connection, span, unreadable)
            busy += [Span(one.start, one.end) async for one in found if takes_time(one.event, one.fields)]
            as_of = where.connection.last_synced_at if view.complete_at is not None else None
            looked.append(Looked(where, as_of, view.covers_to, len(unreadable)))
        taken = _merged(_cut(one, span) for one in busy if one.end > one.start)
        closed = _merged([*taken, *(_closed(span, between) if between is not None else ())])
        free = [one for one in _gaps(span, closed) if (one.end - one.start).total_seconds() >= max(min_seconds, 1)]
        return FreeBusy(span, tuple(taken), tuple(free), tuple(looked))


def _check(span: Span, between: tuple[time, time] | None) -> None:
    problem = None
    if span.end <= span.start:
        problem = FieldError("to", "The end must lie behind the start.")
    elif span.end - span.start > timedelta(days=DAYS_AT_MOST):
        problem = FieldError("to", f"Ask for {DAYS_AT_MOST} days at most.")
    elif between is not None and between[1] <= between[0]:
        problem = FieldError("between", "The hours must end behind their start.")
    if problem is not None:
        raise InputError(problem.message, details=[problem])


def takes_time(event: Event, fields: Fields) -> bool:
    """Whether an event takes its owner's time."""
    if event.response is Response.DECLINED or event.special in (Special.WORKING_LOCATION, Special.BIRTHDAY):
        return False
    return fields.availability not in _LETS_IN


def _cut(one: Span, span: Span) -> Span:
    return Span(max(one.start, span.start), min(one.end, span.end))


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Overlapping and touching stretches as one, in order."""
    merged: list[Span] = []
    for one in sorted(spans, key=lambda one: one.start):
        if merged and one.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, one.end))
        else:
            merged.append(one)
    return merged


def _gaps(span: Span, taken: Iterable[Span]) -> Iterable[Span]:
    at = span.start
    for one in taken:
        if one.start > at:
            yield Span(at, one.start)
        at = max(at, one.end)
    if at < span.end:
        yield Span(at, span.end)


def _closed(span: Span, between: tuple[time, time]) -> Iterable[Span]:
    """What lies outside the hours of each day, by this computer's clock."""
    day = span.start.astimezone().date()
    last = span.start
    while last < span.end:
        opens, closes = (datetime.combine(day, at).astimezone() for at in between)
        if opens > last:
            yield Span(last, min(opens, span.end))
        last = max(last, closes)
        day += timedelta(days=1)
