"""Directions: their links and copies, what is to be planned, and the numbers the guard counts with.

It keeps and finds; what a link or copy means is the engine's business. Links and copies bear a checksum, because
SQLite's own checks miss many flipped bits (`reliability.md` B4), and a wrong row here would delete or double events.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from app.domain.errors import NotFoundError, StorageError
from app.domain.ledger import Tally
from app.domain.links import Copy, CopyForm, CopyState, DirectionRecord, Link, LinkState
from app.store.codec import (
    hashes_from_text,
    hashes_to_text,
    instant_from_text,
    instant_to_text,
    rewrites_from_text,
    rewrites_to_text,
    words_from_text,
    words_to_text,
)
from app.store.database import AMONG, Database, Record, among, upsert

_LINK = (
    "direction_id",
    "original_id",
    "occ",
    "copy_key",
    "state",
    "reason",
    "base_original",
    "rewrites",
    "retry_at",
    "replan_at",
    "tries",
    "due_at",
    "checksum",
)
_COPY = (
    "direction_id",
    "copy_key",
    "generation",
    "event_id",
    "parent",
    "form",
    "state",
    "etag",
    "stamp",
    "base_copy",
    "cancelled",
    "wanted",
    "checksum",
    "written_at",
    "pins",
)
LINK_PROVED = _LINK
COPY_PROVED = _COPY[: _COPY.index("checksum") + 1]
"""Columns that a checksum covers, the checksum last."""
_UPSERT_LINK = upsert("link", ("direction_id", "original_id", "occ"), _LINK)
_UPSERT_COPY = upsert("copy", ("direction_id", "copy_key"), _COPY)
_SELECT_LINK = f"SELECT {', '.join(_LINK)} FROM link "  # noqa: S608 - our own column names
_SELECT_COPY = f"SELECT {', '.join(_COPY)} FROM copy "  # noqa: S608 - our own column names


class Directions:
    """The part of the ledger about directions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def originals_to_plan(
        self, direction: DirectionRecord, now: datetime, *, everything: bool = False
    ) -> Sequence[str]:
        """Units of the source to plan, sorted. A fixed number of SELECTs, whatever the size of the calendars.

        Those that changed since they were planned; those whose copy, or any occurrence of it, changed in the target;
        those with a link that is due; all that are known or linked when the settings changed, one of the calendars
        lost its rows or `everything` is asked for. How far planning got is read from the stored direction, as `planned`
        left it.

        Raises:
            NotFoundError: no such direction.
        """
        state = self._database.one(
            "SELECT planned_seq_source, planned_seq_target, planned_settings_no, "
            "planned_seq_source < coalesce((SELECT lost_seq FROM calendar WHERE calendar_id = source_id), 0) OR "
            "planned_seq_target < coalesce((SELECT lost_seq FROM calendar WHERE calendar_id = target_id), 0) "
            "FROM direction WHERE id = ?",
            (direction.id,),
        )
        if state is None:
            raise NotFoundError("There is no such direction.")
        seq_source, seq_target, settings_no, rows_lost = state
        found = self._database.select(
            "SELECT unit FROM event WHERE calendar_id = ? AND seq > ? "
            "UNION SELECT original_id FROM link WHERE direction_id = ? AND due_at <= ?",
            (direction.source.id, seq_source, direction.id, instant_to_text(now)),
        )
        # A changed row of the target is a copy, or an occurrence inside a copied series; the link hangs on the copy
        # itself or, for an occurrence that has none of its own, on its parent.
        found += self._database.select(
            "WITH changed AS (SELECT event_id, unit FROM event WHERE calendar_id = ?1 AND seq > ?2), "
            "ids AS (SELECT event_id FROM changed UNION SELECT unit FROM changed), "
            "touched AS (SELECT copy_key, parent FROM copy WHERE direction_id = ?3 AND event_id <> '' "
            "AND event_id IN (SELECT event_id FROM ids)), "
            "keys AS (SELECT copy_key FROM touched UNION SELECT parent FROM touched WHERE parent <> '') "
            "SELECT DISTINCT original_id FROM link WHERE direction_id = ?3 AND copy_key IN (SELECT copy_key FROM keys)",
            (direction.target.id, seq_target, direction.id),
        )
        if everything or direction.settings_no > settings_no or rows_lost:
            found += self._database.select(
                "SELECT unit FROM event WHERE calendar_id = ? AND seen = 'seen' "
                "UNION SELECT original_id FROM link WHERE direction_id = ?",
                (direction.source.id, direction.id),
            )
        return sorted({original_id for (original_id,) in found})

    def links(self, direction_id: str, original_ids: Collection[str] | None) -> Sequence[Link]:
        """Links of these originals with all their occurrences, None for all; in the order of originals and
        occurrences."""
        order = "ORDER BY original_id, occ"
        if original_ids is None:
            found = self._database.select(f"{_SELECT_LINK} WHERE direction_id = ? {order}", (direction_id,))
        else:
            found = self._database.select(
                f"{_SELECT_LINK} WHERE direction_id = ? AND original_id IN {AMONG} {order}",
                (direction_id, among(original_ids)),
            )
        return [_link_from(record) for record in found]

    def links_to(self, direction_id: str, copy_keys: Collection[str]) -> Sequence[Link]:
        """Links that follow these copies, of whatever original; in the order of originals and occurrences."""
        found = self._database.select(
            f"{_SELECT_LINK} WHERE direction_id = ? AND copy_key IN {AMONG} AND copy_key <> '' "
            "ORDER BY original_id, occ",
            (direction_id, among(copy_keys)),
        )
        return [_link_from(record) for record in found]

    def copies(self, direction_id: str, copy_keys: Collection[str] | None) -> Sequence[Copy]:
        """Copy rows, the gone ones too, None for all; in the order of keys."""
        if copy_keys is None:
            found = self._database.select(f"{_SELECT_COPY} WHERE direction_id = ? ORDER BY copy_key", (direction_id,))
        else:
            found = self._database.select(
                f"{_SELECT_COPY} WHERE direction_id = ? AND copy_key IN {AMONG} ORDER BY copy_key",
                (direction_id, among(copy_keys)),
            )
        return [_copy_from(record) for record in found]

    def copies_of_parents(self, direction_id: str, parents: Collection[str]) -> Sequence[Copy]:
        """Copy rows of occurrences inside these copied series, in the order of keys."""
        found = self._database.select(
            f"{_SELECT_COPY} WHERE direction_id = ? AND parent IN {AMONG} AND parent <> '' ORDER BY copy_key",
            (direction_id, among(parents)),
        )
        return [_copy_from(record) for record in found]

    def tally(self, direction_id: str, now: datetime) -> Tally:
        """Numbers for the guard: linked originals with a live copy (a series with its occurrences is one), and
        originals that lost their copy in the last 24 hours by anything but a command."""
        live = self._database.one(
            "SELECT count(DISTINCT link.original_id) FROM link "
            "JOIN copy ON copy.direction_id = link.direction_id AND copy.copy_key = link.copy_key "
            "WHERE link.direction_id = ? AND link.state = 'live' AND copy.state = 'live'",
            (direction_id,),
        )
        deleted = self._database.one(
            "SELECT count(DISTINCT original_id) FROM journal WHERE direction_id = ? AND op = 'delete' "
            "AND state = 'applied' AND closed_at > ? AND reason NOT GLOB 'command_*' "
            # What is made anew in another form, lacks one date by now, or is covered by a block still has its copy.
            "AND reason NOT IN ('form_changed', 'occurrence_restored', 'occurrence_cancelled', 'merged', "
            "'second_copy')",
            (direction_id, instant_to_text(now - timedelta(hours=24))),
        )
        originals = self._database.one(
            "SELECT count(DISTINCT original_id) FROM journal WHERE direction_id = ? AND op = 'delete_original' "
            "AND state = 'applied' AND closed_at > ? AND reason NOT GLOB 'command_*'",
            (direction_id, instant_to_text(now - timedelta(hours=24))),
        )
        others = self._database.one(
            "SELECT count(*) FROM direction WHERE other_installation_at IS NOT NULL "
            "AND pair_id = (SELECT pair_id FROM direction WHERE id = ?)",
            (direction_id,),
        )
        return Tally(
            live=live[0] if live else 0,
            deleted_24h=deleted[0] if deleted else 0,
            originals_deleted_24h=originals[0] if originals else 0,
            other_installation=bool(others and others[0]),
        )

    def save(self, links: Sequence[Link], copies: Sequence[Copy], unlink: Sequence[tuple[str, str, str]] = ()) -> None:
        """Upsert links and copies and remove links `(direction_id, original_id, occ)`, in one transaction."""
        with self._database.transaction():
            self._database.change_many(_UPSERT_COPY, (_copy_record(copy) for copy in copies))
            self._database.change_many(
                "DELETE FROM link WHERE direction_id = ? AND original_id = ? AND occ = ?", unlink
            )
            self._database.change_many(_UPSERT_LINK, (_link_record(link) for link in links))

    def planned(self, direction: DirectionRecord, *, seq_source: int, seq_target: int) -> None:
        """All originals up to these sequence numbers are planned, with the settings of `direction.settings_no`.

        Raises:
            NotFoundError: no such direction.
        """
        self._update(
            direction.id,
            "planned_seq_source = ?, planned_seq_target = ?, planned_settings_no = ?",
            (seq_source, seq_target, direction.settings_no),
        )

    def adopted(self, direction_id: str) -> None:
        """The target was read completely and its copies were listed by marker.

        Raises:
            NotFoundError: no such direction.
        """
        self._update(direction_id, "adopted = ?", (1,))

    def other_installation(self, direction_id: str, at: datetime) -> None:
        """A copy of this direction bears the stamp of another installation; the first time is remembered for good.

        Raises:
            NotFoundError: no such direction.
        """
        self._update(direction_id, "other_installation_at = COALESCE(other_installation_at, ?)", (instant_to_text(at),))

    def calendars_known(self, direction_id: str, calendars: str) -> None:
        """What the two calendars of a direction are now: account, role, zone.

        Raises:
            NotFoundError: no such direction.
        """
        self._update(direction_id, "calendars = ?", (calendars,))

    def _update(self, direction_id: str, assignments: str, values: tuple[object, ...]) -> None:
        with self._database.transaction():
            sql = f"UPDATE direction SET {assignments} WHERE id = ?"  # noqa: S608 - our own column names
            if not self._database.change(sql, (*values, direction_id)):
                raise NotFoundError("There is no such direction.")


def _link_record(link: Link) -> Record:
    retry_at, replan_at = instant_to_text(link.retry_at), instant_to_text(link.replan_at)
    values = (
        link.direction_id,
        link.original_id,
        link.occ,
        link.copy_key,
        str(link.state),
        link.reason,
        hashes_to_text(link.base_original),
        rewrites_to_text(link.rewrites),
        retry_at,
        replan_at,
        link.tries,
        min((moment for moment in (retry_at, replan_at) if moment is not None), default=None),
    )
    return (*values, checksum(values))


def _link_from(record: Record) -> Link:
    verify(record)
    return Link(
        direction_id=record[0],
        original_id=record[1],
        occ=record[2],
        copy_key=record[3],
        state=LinkState(record[4]),
        reason=record[5],
        base_original=hashes_from_text(record[6]),
        rewrites=rewrites_from_text(record[7]),
        retry_at=instant_from_text(record[8]),
        replan_at=instant_from_text(record[9]),
        tries=record[10],
    )


def _copy_record(copy: Copy) -> Record:
    values = (
        copy.direction_id,
        copy.copy_key,
        copy.generation,
        copy.event_id,
        copy.parent,
        str(copy.form),
        str(copy.state),
        copy.etag,
        copy.stamp,
        hashes_to_text(copy.base_copy),
        words_to_text(copy.cancelled),
        hashes_to_text(copy.wanted),
    )
    # The checksum covers what proves a copy; when it was written and what is pinned came later, and prove nothing.
    return (*values, checksum(values), instant_to_text(copy.written_at), hashes_to_text(copy.pins))


def _copy_from(record: Record) -> Copy:
    verify(record[: len(COPY_PROVED)])
    return Copy(
        direction_id=record[0],
        copy_key=record[1],
        generation=record[2],
        event_id=record[3],
        parent=record[4],
        form=CopyForm(record[5]),
        state=CopyState(record[6]),
        etag=record[7],
        stamp=record[8],
        base_copy=hashes_from_text(record[9]),
        cancelled=words_from_text(record[10]),
        wanted=hashes_from_text(record[11]),
        written_at=instant_from_text(record[13]),
        pins=hashes_from_text(record[14]),
    )


def checksum(values: Record) -> int:
    """CRC-32 over the values of a row."""
    return zlib.crc32(repr(values).encode())


def verify(record: Record) -> None:
    """Check a row whose last value is its checksum.

    Raises:
        StorageError: `database_corrupt`, when it is not what was written.
    """
    if checksum(record[:-1]) != record[-1]:
        raise StorageError(
            "The Kalends database is damaged: a row is not what was written.",
            code="database_corrupt",
            fix="Quit Kalends and start it again: it puts the newest good backup in place.",
        )
