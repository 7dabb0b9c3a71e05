"""Rows of a view put together: a single, or a series with its exceptions and cancelled occurrences.

The series is the unit of reading, planning and guarding (`engine.md` §5). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfoNotFoundError

from app.domain.events import Event, EventKind, Fields
from app.domain.links import Row, Seen
from app.domain.times import Moment, to_wall
from app.engine.fingerprint import is_sub_daily


@dataclass(frozen=True, slots=True)
class Unit:
    """One single or one whole series as a view knows it.

    Args:
        id: the event's id, or the series'.
        seen: what the view knows of the event or the master; ABSENT when there is no row of it at all.
        event: the living single or master, None when it is gone or unknown.
        exceptions: living exceptions by occurrence key.
        cancelled: occurrence keys the series lacks, with their original starts.
        lost: ids of its exceptions and cancelled occurrences that are out of sight: missing from a complete read, which
            proves nothing about them. Such a unit is read directly before anything is concluded from it.
        stubs: cancelled occurrences that are events of their own.
        reads: ids that tell all about it when read directly: its own, or where only exceptions of somebody else's
            series are known, theirs.
    """

    id: str
    seen: Seen
    event: Event | None = None
    exceptions: Mapping[str, Event] = field(default_factory=dict)
    cancelled: Mapping[str, Moment] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    stubs: tuple[Event, ...] = ()

    @property
    def inside(self) -> tuple[Event, ...]:
        """Living exceptions of a series, and its cancelled occurrences as far as they are events of their own."""
        return (*(event for _, event in sorted(self.exceptions.items())), *self.stubs)

    @property
    def is_series(self) -> bool:
        """Whether it repeats."""
        return self.event is not None and self.event.kind is EventKind.SERIES

    @property
    def fields(self) -> Fields | None:
        """Fields of the living single or master."""
        return self.event.fields if self.event is not None else None


def occurrence_key(original_start: Moment, zone: str | None, *, sub_daily: bool) -> str:
    """`occ` of `engine.md` §4: the date of the original start in the series zone, plus `THHMM` where needed.

    A moved hour of the whole series keeps the key; an aware time is converted, a naive one is wall time already.
    """
    if not isinstance(original_start, datetime):
        return original_start.strftime("%Y%m%d")
    wall = to_wall(original_start, zone or "UTC") if original_start.tzinfo is not None else original_start
    return wall.strftime("%Y%m%dT%H%M" if sub_daily else "%Y%m%d")


def wall_start(original_start: Moment, master: Fields) -> Moment:
    """An original start as wall time of the series zone, or a date; a bare date of a timed series gets its hour."""
    if isinstance(original_start, datetime):
        if original_start.tzinfo is None:
            return original_start
        return to_wall(original_start, master.when.zone or "UTC") if not master.when.all_day else original_start.date()
    if isinstance(master.when.start, datetime):
        return datetime.combine(original_start, master.when.start.time())
    return original_start


def start_of(occ: str, master: Fields) -> Moment | None:
    """The original start that an occurrence key names, None when it is a key of another kind of series."""
    if master.when.all_day or not isinstance(master.when.start, datetime):
        return _parsed(occ, "%Y%m%d").date() if len(occ) == 8 else None
    if is_sub_daily(master):
        return _parsed(occ, "%Y%m%dT%H%M") if len(occ) > 8 else None
    return datetime.combine(_parsed(occ, "%Y%m%d"), master.when.start.time()) if len(occ) == 8 else None


def _parsed(occ: str, form: str) -> datetime:
    return datetime.strptime(occ, form)  # noqa: DTZ007 - keys are wall clocks


def assemble(unit_id: str, rows: Iterable[Row]) -> Unit:
    """Put the rows of one unit together. Rows of other units are the caller's mistake."""
    main: Row | None = None
    parts: list[Event] = []
    others: list[Row] = []
    for row in rows:
        if row.event.id == unit_id:
            main = row
            continue
        others.append(row)
        if row.seen is Seen.SEEN:
            parts.append(row.event)
    lost = tuple(row.event.id for row in others if row.seen is Seen.ABSENT)
    if main is None:
        return _without_master(unit_id, others, lost)
    reads = (unit_id,)
    if main.seen is not Seen.SEEN or main.event.gone:
        return Unit(unit_id, Seen.GONE if main.event.gone else main.seen, reads=reads)
    fields = main.event.fields
    if fields is None:
        # Neither gone nor with content: nothing can be said of it.
        return Unit(unit_id, Seen.ABSENT, reads=reads)
    if main.event.kind is not EventKind.SERIES:
        return Unit(unit_id, Seen.SEEN, main.event, reads=reads)
    sub_daily = is_sub_daily(fields)

    def key(start: Moment) -> str:
        return occurrence_key(start, fields.when.zone, sub_daily=sub_daily)

    cancelled = {key(start): wall_start(start, fields) for start in main.event.cancelled}
    exceptions = {}
    stubs = tuple(event for event in parts if event.kind is EventKind.CANCELLED)
    for event in parts:
        if event.original_start is None:
            continue
        if event.kind is EventKind.EXCEPTION and event.fields is not None:
            exceptions[key(event.original_start)] = event
        elif event.kind is EventKind.CANCELLED:
            cancelled[key(event.original_start)] = wall_start(event.original_start, fields)
    for occ in exceptions:
        cancelled.pop(occ, None)
    return Unit(unit_id, Seen.SEEN, main.event, exceptions, cancelled, lost, reads, stubs)


def _without_master(unit_id: str, rows: Iterable[Row], lost: tuple[str, ...]) -> Unit:
    """Exceptions without their master: invitations to single occurrences of somebody else's series.

    Their series itself may never be read: it answers "not found" while they live on.
    """
    told = list(rows)
    exceptions = {
        _own_key(row.event): row.event
        for row in told
        if row.seen is Seen.SEEN and row.event.kind is EventKind.EXCEPTION and row.event.fields is not None
    }
    if not told:
        return Unit(unit_id, Seen.ABSENT, reads=(unit_id,))
    seen = Seen.SEEN if exceptions else Seen.ABSENT if lost else Seen.GONE
    reads = tuple(sorted({*lost, *(event.id for event in exceptions.values())}))
    return Unit(unit_id, seen, None, exceptions, lost=lost, reads=reads)


def assemble_all(unit_ids: Iterable[str], rows: Iterable[Row]) -> dict[str, Unit]:
    """Units by id; an id without rows is ABSENT."""
    by_unit: dict[str, list[Row]] = {unit_id: [] for unit_id in unit_ids}
    for row in rows:
        if row.event.unit in by_unit:
            by_unit[row.event.unit].append(row)
    return {unit_id: assemble(unit_id, own) for unit_id, own in by_unit.items()}


def _own_key(event: Event) -> str:
    """In UTC: the zone of the series is unknown, and the exception's own may change."""
    if event.fields is None:
        raise ValueError("a living event has fields")
    start = event.original_start if event.original_start is not None else event.fields.when.start
    return occurrence_key(start, "UTC", sub_daily=True)


def starts_at(fields: Fields | None, zone: str) -> datetime | None:
    """When an event starts, for ordering and display; None where no instant can be computed (year 1, year 9999)."""
    if fields is None:
        return None
    try:
        return fields.when.start_instant(zone)
    except (OverflowError, ZoneInfoNotFoundError):
        return None
