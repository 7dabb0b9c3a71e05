"""What of a calendar lies in a stretch of time: singles, and series expanded with their exceptions, as last read.

Asks no service. A series that cannot be expanded is told of, and stops nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfoNotFoundError

from app.domain.accounts import Connection
from app.domain.errors import InputError
from app.domain.events import Event, Fields
from app.domain.links import Row, Seen
from app.domain.ports import Expander
from app.domain.times import Span, When
from app.engine.fingerprint import is_sub_daily
from app.engine.originals import Unit, assemble, occurrence_key
from app.services import looking
from app.store.questions import Questions

_UNITS_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that an event takes place. `event` is the single, the series' master or the exception.

    Args:
        start, end: instants, aware in UTC; of all-day events by the calendar's zone.
    """

    event: Event
    fields: Fields
    start: datetime
    end: datetime


class Unreadable(Exception):
    """An event whose times cannot be told."""


async def in_span(
    questions: Questions, expander: Expander, connection: Connection, span: Span, unreadable: list[Event]
) -> AsyncIterator[Occurrence]:
    """Every occurrence in a calendar that meets a span, in no order.

    Args:
        unreadable: gets the events whose times cannot be told.
    """
    units: dict[str, list[Row]] = {}
    async for row in looking.rows(questions, connection.id):
        if row.seen is Seen.SEEN:
            units.setdefault(row.event.unit, []).append(row)
    for number, (unit_id, rows) in enumerate(units.items(), 1):
        if number % _UNITS_AT_ONCE == 0:
            await asyncio.sleep(0)
        unit = assemble(unit_id, rows)
        try:
            for found in of_unit(unit, connection.zone, expander, span):
                yield found
        except Unreadable:
            unreadable.append(unit.event or rows[0].event)


def of_unit(unit: Unit, zone: str, expander: Expander, span: Span) -> Iterator[Occurrence]:
    """The occurrences of one single or series that meet a span.

    Raises:
        Unreadable: its rule, time or zone cannot be used.
    """
    try:
        if unit.event is not None and unit.fields is not None:
            starts = expander.occurrences(unit.fields, span, zone) if unit.is_series else [unit.fields.when.start]
            sub_daily = is_sub_daily(unit.fields)
            for start in starts:
                key = occurrence_key(start, unit.fields.when.zone, sub_daily=sub_daily)
                if not unit.is_series or (key not in unit.cancelled and key not in unit.exceptions):
                    yield from _meeting(unit.event, unit.fields, unit.fields.when.moved_to(start), span, zone)
        for exception in unit.exceptions.values():
            if exception.fields is not None:
                yield from _meeting(exception, exception.fields, exception.fields.when, span, zone)
    except (InputError, OverflowError, ZoneInfoNotFoundError, ValueError) as error:
        raise Unreadable from error


def _meeting(event: Event, fields: Fields, when: When, span: Span, zone: str) -> Iterator[Occurrence]:
    start, end = when.start_instant(zone), when.end_instant(zone)
    if span.meets(start, end):
        yield Occurrence(event, fields, start, end)
