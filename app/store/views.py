"""Views of calendars: what each calendar was last seen to hold (`engine.md` §3).

Reading and comparing only: whether a missing row means anything is decided by the engine.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from app.domain.events import Event
from app.domain.links import Answer, Evidence, Page, Row, Seen, ViewState
from app.domain.times import Span
from app.store.cache import forget_rows, has_its_rows
from app.store.codec import event_from_text, instant_from_text, instant_to_text, storable
from app.store.database import Database, among
from app.store.event_rows import EventRows

_MASTERS = "kind IN ('single', 'series')"
_IN_SPAN = (
    "(starts_at IS NULL OR starts_at < ?1) AND "
    "(ends_at IS NULL OR ends_at > ?2 OR (ends_at = starts_at AND starts_at >= ?2))"
)


class Views:
    """The part of the ledger about calendars. A calendar is named by the id of its connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def view(self, calendar_id: str) -> ViewState:
        """State of a view; one that was never read is all defaults."""
        row = self._database.one(
            # A cursor goes on from rows that must be there.
            "SELECT CASE WHEN rows_mark = coalesce((SELECT rows_mark FROM held WHERE calendar_id = ?1), '') "
            "THEN cursor END, read_no, seq, complete_at, covers_from, covers_to, zone, role, live_count "
            "FROM calendar WHERE calendar_id = ?1",
            (calendar_id,),
        )
        if row is None:
            return ViewState(calendar_id)
        cursor, read_no, seq, complete_at, covers_from, covers_to, zone, role, live_count = row
        return ViewState(
            calendar_id,
            cursor,
            read_no,
            seq,
            instant_from_text(complete_at),
            instant_from_text(covers_from),
            instant_from_text(covers_to),
            zone,
            role,
            live_count,
        )

    def begin_read(self, calendar_id: str, *, full: bool) -> int:
        """Number a new read. A full one keeps the cursor of the last until it has ended."""
        with self._database.transaction():
            self._ensure_rows(calendar_id)
            self._database.change(
                "UPDATE calendar SET read_no = read_no + 1, position = NULL WHERE calendar_id = ?", (calendar_id,)
            )
            return self.view(calendar_id).read_no

    def store_page(self, calendar_id: str, read_no: int, page: Page, *, full: bool, span: Span) -> None:
        """Store one page with its position in one transaction.

        Alive events become `seen`, `gone` ones `gone` and what belongs to a series that is gone with it; of
        `whole_series` the exceptions and cancelled occurrences not in the page are dropped. A row whose event equals
        the stored one keeps its `seq`, any other gets the next.

        Raises:
            ValueError: another read has begun since.
        """
        with self._database.transaction():
            self._require_current(calendar_id, read_no)
            rows = EventRows(self._database, calendar_id, read_no)
            rows.load(
                event_ids=[event.id for event in page.events],
                units=page.whole_series | {event.id for event in page.events if event.gone},
            )
            for event in page.events:
                rows.put(event)
            rows.drop_occurrences(page.whole_series, keep={event.id for event in page.events})
            rows.flush()
            self._database.change(
                "UPDATE calendar SET position = ? WHERE calendar_id = ?", (page.position, calendar_id)
            )

    def finish_read(self, calendar_id: str, read_no: int, *, cursor: str, full: bool, span: Span, at: datetime) -> None:
        """Keep the cursor. After a full read, singles and series of the span that this read did not touch become
        `absent`, with the occurrences of such series; zone and role are noted as they were.

        Raises:
            ValueError: another read has begun since.
        """
        with self._database.transaction():
            self._require_current(calendar_id, read_no)
            if full:
                rows = EventRows(self._database, calendar_id, read_no)
                rows.load(units=self._untouched_units(calendar_id, read_no, span))
                rows.mark_absent()
                rows.flush()
                live = self._database.one(
                    f"SELECT count(*) FROM event WHERE calendar_id = ? AND seen = 'seen' AND {_MASTERS}",  # noqa: S608 - a constant
                    (calendar_id,),
                )
                self._database.change(
                    "UPDATE calendar SET complete_at = ?, covers_from = ?, covers_to = ?, live_count = ?, "
                    "zone = (SELECT zone FROM connection WHERE id = calendar.calendar_id), "
                    "role = (SELECT access FROM connection WHERE id = calendar.calendar_id) WHERE calendar_id = ?",
                    (
                        instant_to_text(at),
                        instant_to_text(span.start),
                        instant_to_text(span.end),
                        live[0] if live else 0,
                        calendar_id,
                    ),
                )
            self._database.change(
                "UPDATE calendar SET cursor = ?, position = NULL WHERE calendar_id = ?", (cursor, calendar_id)
            )
            self._database.change(
                "UPDATE connection SET last_synced_at = ? WHERE id = ?", (instant_to_text(at), calendar_id)
            )

    def forget_cursor(self, calendar_id: str) -> None:
        """The cursor is dead; the rows stay."""
        with self._database.transaction():
            self._database.change(
                "UPDATE calendar SET cursor = NULL, position = NULL WHERE calendar_id = ?", (calendar_id,)
            )

    def store_answers(self, calendar_id: str, answers: Sequence[Answer]) -> None:
        """Store direct reads: found units replace what was known of them whole; gone ones become `gone`, also when
        the view did not know them."""
        with self._database.transaction():
            self._ensure_rows(calendar_id)
            rows = EventRows(self._database, calendar_id, self.view(calendar_id).read_no)
            told = [event for answer in answers for event in answer.events]
            rows.load(
                event_ids=[answer.event_id for answer in answers] + [event.id for event in told],
                units={answer.event_id for answer in answers} | {event.id for event in told},
            )
            for answer in answers:
                if answer.evidence is Evidence.GONE:
                    rows.put_gone(answer.event_id)
                elif answer.evidence is Evidence.FOUND:
                    for event in answer.events:
                        rows.put(event)
                    masters = {event.id for event in answer.events if event.series_id is None}
                    rows.drop_occurrences(masters, keep={event.id for event in answer.events})
            rows.flush()

    def store_half_read(self, calendar_id: str, series: Collection[str]) -> None:
        """Note series that may have exceptions which nobody could read: a part of each is `absent` until a direct read
        or a page tells the series whole, or that it is gone."""
        with self._database.transaction():
            self._ensure_rows(calendar_id)
            rows = EventRows(self._database, calendar_id, self.view(calendar_id).read_no)
            rows.load(units=series)
            for unit in sorted(series):
                rows.put_unread_part(unit)
            rows.flush()

    def rows(self, calendar_id: str, units: Collection[str] | None) -> Sequence[Row]:
        """Rows of these units (masters, exceptions and cancelled occurrences of a series; singles), None for all;
        in the order of units and ids."""
        if units is None:
            found = self._database.select(
                "SELECT body, seen FROM event WHERE calendar_id = ? ORDER BY unit, event_id", (calendar_id,)
            )
        else:
            found = self._database.select(
                "SELECT body, seen FROM event WHERE calendar_id = ? AND unit IN (SELECT value FROM json_each(?)) "
                "ORDER BY unit, event_id",
                (calendar_id, among(units)),
            )
        return [Row(event_from_text(body), Seen(seen)) for body, seen in found]

    def extents(self, calendar_id: str, span: Span) -> Sequence[tuple[str, datetime | None, datetime | None]]:
        """Units with a row that is not gone and may meet a span: unit and between which instants that row can lie, None
        where there is no bound; in the order of units."""
        found = self._database.select(
            f"SELECT unit, starts_at, ends_at FROM event WHERE calendar_id = ?3 AND {_IN_SPAN} "  # noqa: S608 - ours
            "AND seen <> 'gone' AND kind <> 'cancelled' ORDER BY unit, event_id",
            (instant_to_text(span.end), instant_to_text(span.start), calendar_id),
        )
        return [(unit, instant_from_text(starts), instant_from_text(ends)) for unit, starts, ends in found]

    def changed_units(self, calendar_id: str, since_seq: int) -> Sequence[str]:
        """Units with a row whose `seq` is higher, sorted."""
        found = self._database.select(
            "SELECT DISTINCT unit FROM event WHERE calendar_id = ? AND seq > ? ORDER BY unit", (calendar_id, since_seq)
        )
        return [unit for (unit,) in found]

    def changed_rows(self, calendar_id: str, since_seq: int) -> Sequence[Row]:
        """Rows whose `seq` is higher, by event id."""
        found = self._database.select(
            "SELECT body, seen FROM event WHERE calendar_id = ? AND seq > ? ORDER BY event_id",
            (calendar_id, since_seq),
        )
        return [Row(event_from_text(body), Seen(seen)) for body, seen in found]

    def known_copies(self, calendar_id: str, event_ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
        """Which of these events are copies we made in this calendar, in any direction that ever led there: id to
        (direction id, copy key). Released copies are ordinary events."""
        found = self._database.select(
            "SELECT copy.event_id, copy.direction_id, copy.copy_key FROM direction "
            "JOIN copy ON copy.direction_id = direction.id "
            "WHERE direction.target_id = ? AND copy.state <> 'released' AND copy.event_id <> '' "
            "AND copy.event_id IN (SELECT value FROM json_each(?)) ORDER BY copy.direction_id DESC",
            (calendar_id, among(event_ids)),
        )
        return {event_id: (direction_id, copy_key) for event_id, direction_id, copy_key in found}

    def uids(self, calendar_id: str, ical_uids: Collection[str]) -> Mapping[str, Sequence[Event]]:
        """Seen masters and singles of a calendar by iCalUID, each list in the order of ids."""
        asked = {storable(uid): uid for uid in ical_uids}
        found = self._database.select(
            "SELECT ical_uid, body FROM event WHERE calendar_id = ? AND seen = 'seen' "  # noqa: S608 - a constant
            f"AND {_MASTERS} AND ical_uid IN (SELECT value FROM json_each(?)) ORDER BY event_id",
            (calendar_id, among(asked)),
        )
        by_uid: dict[str, list[Event]] = {}
        for uid, body in found:
            by_uid.setdefault(asked[uid], []).append(event_from_text(body))
        return by_uid

    def named(self, calendar_id: str, names: Collection[str]) -> Sequence[Event]:
        """Seen masters and singles of a calendar whose id or transaction id is one of these, in the order of ids."""
        found = self._database.select(
            "SELECT body FROM event WHERE calendar_id = ?1 AND seen = 'seen' "  # noqa: S608 - a constant
            f"AND {_MASTERS} AND (event_id IN (SELECT value FROM json_each(?2)) OR (body LIKE '%\"transaction_id\"%' "
            "AND json_extract(body, '$.transaction_id') IN (SELECT value FROM json_each(?2)))) ORDER BY event_id",
            (calendar_id, among(names)),
        )
        return [event_from_text(body) for (body,) in found]

    def series_to_read(self, calendar_id: str) -> Sequence[str]:
        """Series of a calendar that lost its rows and was not planned since: originals and copies, to be read directly
        beside a whole listing, which may begin after some of their exceptions."""
        found = self._database.select(
            "SELECT link.original_id FROM calendar JOIN direction ON direction.source_id = calendar.calendar_id "
            "JOIN link ON link.direction_id = direction.id LEFT JOIN copy ON copy.direction_id = link.direction_id "
            "AND copy.copy_key = link.copy_key WHERE calendar.calendar_id = ?1 AND direction.removed_at IS NULL "
            "AND planned_seq_source < lost_seq AND (link.occ <> '' OR copy.form = 'series') "
            "UNION SELECT copy.event_id FROM calendar JOIN direction ON direction.target_id = calendar.calendar_id "
            "JOIN copy ON copy.direction_id = direction.id WHERE calendar.calendar_id = ?1 "
            "AND direction.removed_at IS NULL AND planned_seq_target < lost_seq "
            "AND copy.form = 'series' AND copy.state = 'live' AND copy.event_id <> '' "
            "ORDER BY 1",
            (calendar_id,),
        )
        return [unit for (unit,) in found]

    def _ensure_rows(self, calendar_id: str) -> None:
        """A calendar is known, and has the rows that are its own or none."""
        self._database.change(
            "INSERT INTO calendar (calendar_id, read_no, seq, live_count) VALUES (?, 0, 0, 0) ON CONFLICT DO NOTHING",
            (calendar_id,),
        )
        if not has_its_rows(self._database, calendar_id):
            forget_rows(self._database, calendar_id)

    def _require_current(self, calendar_id: str, read_no: int) -> None:
        found = self._database.one("SELECT read_no FROM calendar WHERE calendar_id = ?", (calendar_id,))
        current = found[0] if found else 0
        if read_no != current:
            raise ValueError(f"read {read_no} of calendar {calendar_id} was overtaken by read {current}")

    def _untouched_units(self, calendar_id: str, read_no: int, span: Span) -> set[str]:
        """Units whose master (or, without a master, whose exception) should have come in this read and did not."""
        found = self._database.select(
            "SELECT DISTINCT unit FROM event WHERE calendar_id = ?3 AND seen = 'seen' AND read_no <> ?4 "  # noqa: S608 - constants
            f"AND {_IN_SPAN} AND ({_MASTERS} OR (kind = 'exception' AND NOT EXISTS ("
            "SELECT 1 FROM event AS master WHERE master.calendar_id = ?3 AND master.event_id = event.unit)))",
            (instant_to_text(span.end), instant_to_text(span.start), calendar_id, read_no),
        )
        return {unit for (unit,) in found}
