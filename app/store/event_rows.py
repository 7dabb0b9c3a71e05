"""Rows of one calendar's view inside one transaction: load what is known, put what was told, flush what changed.

All comparing happens in memory between one SELECT and a few bulk writes; nothing is looked up event by event.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from app.domain.errors import StorageError
from app.domain.events import Event, EventKind
from app.domain.links import Seen
from app.store.cache import put_mark
from app.store.codec import event_from_text, event_to_text, instant_to_text, storable
from app.store.database import Database, among, upsert

_COLUMNS = (
    "calendar_id",
    "event_id",
    "unit",
    "kind",
    "ical_uid",
    "starts_at",
    "ends_at",
    "seen",
    "seq",
    "read_no",
    "body",
)
_UPSERT = upsert("event", ("calendar_id", "event_id"), _COLUMNS)
_UNTIL = re.compile(r"UNTIL=(\d{4})(\d{2})(\d{2})")
_OCCURRENCES = (EventKind.EXCEPTION, EventKind.CANCELLED)


@dataclass(slots=True)
class _Known:
    """A row as it is stored, or as it will be."""

    event_id: str
    unit: str
    kind: str
    seen: str
    read_no: int
    body: str
    seq: int


class EventRows:
    """A working set of rows. Use: `load`, then any of the verbs, then `flush` once."""

    def __init__(self, database: Database, calendar_id: str, read_no: int) -> None:
        self._database = database
        self._calendar_id = calendar_id
        self._read_no = read_no
        self._known: dict[str, _Known] = {}
        self._units: dict[str, set[str]] = {}
        self._changed: dict[str, Event] = {}
        self._touched: set[str] = set()
        self._renumbered: set[str] = set()
        self._dropped: set[str] = set()
        row = database.one(
            "SELECT calendar.seq, connection.zone, calendar.rows_mark = coalesce(held.rows_mark, '') FROM calendar "
            "LEFT JOIN connection ON connection.id = calendar.calendar_id "
            "LEFT JOIN held ON held.calendar_id = calendar.calendar_id WHERE calendar.calendar_id = ?",
            (calendar_id,),
        )
        if row is None:
            raise ValueError(f"no read of calendar {calendar_id} was begun")
        if not row[2]:
            # What is told now, beside what was lost, would look like all there is.
            raise StorageError("What was read of a calendar was lost meanwhile; it is read again.", code="rows_lost")
        self._seq: int = row[0]
        # All-day events of a calendar without a connection: UTC is at most 14 hours off, and only at the span's edges.
        self._zone: str = row[1] or "UTC"

    def load(self, *, event_ids: Collection[str] = (), units: Collection[str] = ()) -> None:
        """Bring in the stored rows of these events and of all of these units."""
        if not event_ids and not units:
            return  # as in most reads, where nothing changed
        found = self._database.select(
            # Not "OR": SQLite would walk the whole calendar instead of using both indexes.
            "SELECT event_id, unit, kind, seen, read_no, body, seq FROM event WHERE calendar_id = ?1 AND event_id IN "
            "(SELECT value FROM json_each(?2) UNION SELECT event_id FROM event WHERE calendar_id = ?1 AND unit IN "
            "(SELECT value FROM json_each(?3))) ORDER BY event_id",
            (self._calendar_id, among(event_ids), among(units)),
        )
        for record in found:
            self._remember(_Known(*record))

    def put(self, event: Event) -> None:
        """An event as a service told it. A series that is gone takes its occurrences along."""
        known = self._known.get(event.id)
        if known is not None:
            if event.gone and known.seen == Seen.GONE:
                # Told again, perhaps in fewer words: no news.
                self._touched.add(event.id)
                return
            event = _with_what_is_known(event, known)
        self._store(event, Seen.GONE if event.gone else Seen.SEEN)
        if event.gone:
            self._take_along(event.id)

    def put_gone(self, event_id: str) -> None:
        """A unit or event that was proved gone."""
        known = self._known.get(event_id)
        self.put(Event(event_id, gone=True, kind=EventKind(known.kind) if known else EventKind.SINGLE))

    def put_unread_part(self, series_id: str) -> None:
        """A series that is there may have exceptions that nobody could read: one of them, without a name of its own."""
        known = self._known.get(series_id)
        if known is None or known.seen == Seen.GONE:
            return  # nothing is concluded from one that was not seen, and one that is gone has no exceptions
        # No service has an id like this, so no telling of one exception passes for that of all.
        self._store(Event(f"{series_id} (unread)", kind=EventKind.EXCEPTION, series_id=series_id), Seen.ABSENT)

    def drop_occurrences(self, series: Iterable[str], keep: Collection[str]) -> None:
        """Exceptions and cancelled occurrences of these series that are not to be kept no longer hold."""
        for unit in sorted(series):
            lost = [
                event_id
                for event_id in sorted(self._units.get(unit, ()))
                if event_id not in keep and self._known[event_id].kind in _OCCURRENCES
            ]
            if unit not in self._known:
                # Nothing would be left to show that the unit changed.
                for event_id in lost:
                    self._store(_as_gone(self._known[event_id]), Seen.GONE)
                continue
            for event_id in lost:
                del self._known[event_id]
                self._units[unit].discard(event_id)
                self._changed.pop(event_id, None)
                self._dropped.add(event_id)
            if lost:
                # The series changed with what it lost, though its own row may be the same.
                self._renumbered.add(unit)

    def mark_absent(self) -> None:
        """All loaded rows that are seen were missing from a complete read."""
        for known in list(self._known.values()):
            if known.seen == Seen.SEEN and known.read_no != self._read_no:
                self._store(event_from_text(known.body), Seen.ABSENT, touch=False)

    def flush(self) -> None:
        """Write what changed, with new sequence numbers."""
        rows = []
        for event_id in sorted(self._changed):
            rows.append(self._record(self._changed[event_id], self._known[event_id]))
        self._database.change_many(_UPSERT, rows)
        for event_id in sorted(self._renumbered - self._changed.keys()):
            self._seq += 1
            self._database.change(
                "UPDATE event SET seq = ? WHERE calendar_id = ? AND event_id = ?",
                (self._seq, self._calendar_id, event_id),
            )
        self._database.change_many(
            "UPDATE event SET read_no = ? WHERE calendar_id = ? AND event_id = ?",
            ((self._read_no, self._calendar_id, event_id) for event_id in sorted(self._touched - self._changed.keys())),
        )
        self._database.change_many(
            "DELETE FROM event WHERE calendar_id = ? AND event_id = ?",
            ((self._calendar_id, event_id) for event_id in sorted(self._dropped)),
        )
        self._database.change("UPDATE calendar SET seq = ? WHERE calendar_id = ?", (self._seq, self._calendar_id))
        put_mark(self._database, self._calendar_id)

    def _remember(self, known: _Known) -> None:
        before = self._known.get(known.event_id)
        if before is not None and before.unit != known.unit:
            self._units[before.unit].discard(known.event_id)
        self._known[known.event_id] = known
        self._units.setdefault(known.unit, set()).add(known.event_id)

    def _store(self, event: Event, seen: Seen, *, touch: bool = True) -> None:
        known = self._known.get(event.id)
        body = event_to_text(event)
        read_no = self._read_no if touch or known is None else known.read_no
        if touch:
            self._touched.add(event.id)
        self._dropped.discard(event.id)
        if known is not None and known.body == body and known.seen == seen:
            known.read_no = read_no
            return
        self._remember(_Known(event.id, event.unit, event.kind, seen, read_no, body, 0))
        self._changed[event.id] = event

    def _take_along(self, unit: str) -> None:
        for event_id in sorted(self._units.get(unit, ())):
            known = self._known[event_id]
            if event_id != unit and known.seen != Seen.GONE and event_id not in self._touched:
                self._store(_as_gone(known), Seen.GONE)

    def _record(self, event: Event, known: _Known) -> tuple[object, ...]:
        self._seq += 1
        starts_at, ends_at = _bounds(event, self._zone)
        return (
            self._calendar_id,
            event.id,
            known.unit,
            known.kind,
            None if event.ical_uid is None else storable(event.ical_uid),
            instant_to_text(starts_at),
            instant_to_text(ends_at),
            known.seen,
            self._seq,
            known.read_no,
            known.body,
        )


def _as_gone(known: _Known) -> Event:
    return replace(event_from_text(known.body), gone=True, fields=None)


def _with_what_is_known(event: Event, known: _Known) -> Event:
    """What a service left out of this telling but told before.

    A tombstone may be a bare id; what the row was stays on record. A delta without markers (Graph) says nothing new
    about an event of the same version.
    """
    if event.gone:
        before = event_from_text(known.body)
        return replace(
            event,
            kind=before.kind,
            series_id=event.series_id or before.series_id,
            original_start=event.original_start if event.original_start is not None else before.original_start,
            ical_uid=event.ical_uid if event.ical_uid is not None else before.ical_uid,
        )
    if not event.marker_known and event.etag:
        before = event_from_text(known.body)
        if before.marker_known and before.etag == event.etag:
            return replace(
                event,
                marker=before.marker,
                marker_known=True,
                transaction_id=event.transaction_id or before.transaction_id,
            )
    return event


def _bounds(event: Event, zone: str) -> tuple[datetime | None, datetime | None]:
    """Between which instants an event, or any occurrence of it, can lie; None where there is no bound."""
    if event.fields is None:
        return None, None
    when = event.fields.when
    try:
        start, end = when.start_instant(zone), when.end_instant(zone)
        if event.fields.recurrence is not None:
            last = _last_start(event.fields.recurrence.lines)
            return start, None if last is None else last + (end - start) + timedelta(days=2)
    except (OverflowError, LookupError, ValueError):
        # A year or zone beyond what this computer can place in time: counted as lying everywhere.
        return None, None
    return start, end


def _last_start(lines: tuple[str, ...]) -> datetime | None:
    """The day of UNTIL, if all the rules of a series have one and it has no dates of its own (RFC 5545 §3.3.10)."""
    ends = []
    for line in lines:
        name = re.split("[:;]", line, maxsplit=1)[0].upper()
        if name == "EXRULE":
            continue
        until = _UNTIL.search(line.upper()) if name == "RRULE" else None
        if until is None:
            return None
        year, month, day = map(int, until.groups())
        ends.append(datetime(year, month, day, tzinfo=UTC))
    return max(ends, default=None)
