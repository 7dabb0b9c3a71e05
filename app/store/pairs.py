"""Sync pairs and their directions.

A pair that is deleted stays for the history, and its directions keep their links and copies: a later pair that leads
the same way takes the direction over with all that is known of its copies. How a pair is doing (`SyncPair.state`) is
not stored: services work it out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ulid import ULID

from app.domain.accounts import Connection
from app.domain.errors import ConflictError, FieldError, NotFoundError
from app.domain.identity import direction_key
from app.domain.links import DirectionRecord
from app.domain.pairs import Direction, DirectionSettings, Mode, PairStatus, SyncPair
from app.store import tables
from app.store.accounts import AccountRepository, connection_from
from app.store.codec import instant_from_text, instant_to_text, settings_from_text, settings_to_text
from app.store.database import AMONG, Database, among

_SELECT_PAIR = tables.select_from(tables.Pair)
_SELECT_DIRECTION = tables.select_from(tables.Direction)
_SELECT_CONNECTION = tables.select_from(tables.Connection)


class PairRepository:
    """Pairs as they are now. Deleted ones are not found, but `known`."""

    def __init__(self, database: Database, accounts: AccountRepository, now: Callable[[], datetime]) -> None:
        self._database = database
        self._accounts = accounts
        self._now = now

    def add(self, pair: SyncPair) -> SyncPair:
        """Keep a new pair with its directions.

        Returns:
            The pair as it is kept.

        Raises:
            NotFoundError: one of its connections is not there.
            ConflictError: `direction_taken`; `details` holds the other pair's id.
        """
        pair = replace(pair, created_at=pair.created_at or self._now())
        with self._database.transaction():
            self._require_connections(pair)
            self._database.run(tables.Pair.insert(**_pair_values(pair)))
            self._put_directions(pair)
        return self.get(pair.id)

    def update(self, pair: SyncPair) -> SyncPair:
        """Keep a pair as it is from now on. Changed settings, mode or direction raise `settings_no` by one, so that
        the next run plans every original; directions it no longer has rest with what is known of their copies.
        When it was created and last synced is not taken from `pair`: that is not for a caller to say.

        Returns:
            The pair as it is kept.

        Raises:
            NotFoundError: no such pair or connection.
            ConflictError: `direction_taken`; `details` holds the other pair's id.
        """
        with self._database.transaction():
            was = self.get(pair.id)
            self._require_connections(pair)
            changed = (pair.mode, pair.direction, pair.settings, pair.settings_b_to_a) != (
                was.mode,
                was.direction,
                was.settings,
                was.settings_b_to_a,
            )
            pair = replace(
                pair,
                settings_no=was.settings_no + changed,
                created_at=was.created_at,
                last_synced_at=was.last_synced_at,
            )
            self._database.run(tables.Pair.update(**_pair_values(pair)).where(tables.Pair.id == pair.id))
            self._put_directions(pair)
        return self.get(pair.id)

    def get(self, pair_id: str) -> SyncPair:
        """A pair.

        Raises:
            NotFoundError: no such pair.
        """
        pairs = self._select("id = ?", pair_id)
        if not pairs:
            raise _no_pair()
        return pairs[0]

    def past(self, pair_id: str) -> SyncPair:
        """A pair as it is, or was when it was deleted.

        Raises:
            NotFoundError: there never was one.
        """
        rows = self._database.fetch(tables.Pair.select().where(tables.Pair.id == pair_id))
        if not rows:
            raise _no_pair()
        return _pair_from(rows[0], 0)

    def list(self, status: PairStatus | None = None) -> Sequence[SyncPair]:
        """All pairs, or those of a status, the oldest first."""
        return self._select() if status is None else self._select("status = ?", str(status))

    def of_connection(self, connection_id: str) -> Sequence[SyncPair]:
        """Pairs that use a connection, the oldest first."""
        return self._select("? IN (connection_a_id, connection_b_id)", connection_id)

    def former(self) -> Mapping[str, tuple[str, Direction, str]]:
        """Removed pairs by id: the names of their calendars and which way they went. Calendars that were removed too
        have lost their names, and so have their pairs."""
        rows = self._database.fetch(tables.Pair.select().where(tables.Pair.removed_at.is_null(False)))
        ends = self._connections(sorted({row[end] for row in rows for end in ("connection_a", "connection_b")}))
        found = {}
        for row in rows:
            a, b = ends[row["connection_a"]].name, ends[row["connection_b"]].name
            if a and b:
                found[row["id"]] = (a, Direction(row["direction"]), b)
        return found

    def known(self, pair_id: str) -> bool:
        """Whether there is or ever was a pair of this id."""
        return bool(self._database.fetch(tables.Pair.select(tables.Pair.id).where(tables.Pair.id == pair_id)))

    def remove(self, pair_id: str) -> None:
        """Delete a pair. Its runs stay; its directions rest with what is known of their copies; its holds go.

        Raises:
            NotFoundError: no such pair.
        """
        at = instant_to_text(self._now())
        with self._database.transaction():
            self.get(pair_id)
            holds = tables.Hold.select(tables.Hold.id).where(tables.Hold.pair_id == pair_id)
            self._database.run(tables.HoldItem.delete().where(tables.HoldItem.hold_id.in_(holds)))
            self._database.run(tables.Hold.delete().where(tables.Hold.pair_id == pair_id))
            self._database.run(
                tables.Direction.update(removed_at=at).where(
                    (tables.Direction.pair == pair_id) & tables.Direction.removed_at.is_null()
                )
            )
            self._database.run(tables.Pair.update(removed_at=at).where(tables.Pair.id == pair_id))

    # -- directions ------------------------------------------------------------------------------------------------

    def directions(self, pair_id: str) -> Sequence[DirectionRecord]:
        """The directions of a pair ready to run, A to B first.

        Raises:
            NotFoundError: no such pair.
        """
        found = self._database.rows(f"{_SELECT_PAIR} WHERE id = ? AND removed_at IS NULL", (pair_id,))
        if not found:
            raise _no_pair()
        pair = _pair_from(found[0], 0)
        rows = self._database.rows(f"{_SELECT_DIRECTION} WHERE pair_id = ? AND removed_at IS NULL", (pair_id,))
        ends = self._connections([pair.connection_a_id, pair.connection_b_id])
        records = [_direction_from(row, pair, ends) for row in rows]
        return sorted(records, key=lambda record: record.source.id != pair.connection_a_id)

    def direction(self, direction_id: str) -> DirectionRecord:
        """One direction, ready to run.

        Raises:
            NotFoundError: no such direction, or its pair was deleted.
        """
        found = self._database.fetch(
            tables.Direction.select().where(
                (tables.Direction.id == direction_id) & tables.Direction.removed_at.is_null()
            )
        )
        if not found:
            raise NotFoundError("There is no such direction.")
        row = found[0]
        return _direction_from(row, self.get(row["pair"]), self._connections([row["source"], row["target"]]))

    def past_directions(self, direction_ids: Collection[str]) -> Sequence[DirectionRecord]:
        """Directions by their ids, those too that rest since their pair was deleted, or that another pair took over: as
        far as both calendars are still there.
        """
        rows = self._database.fetch(
            tables.Direction.select()
            .where(tables.Direction.id.in_(sorted(direction_ids)))
            .order_by(tables.Direction.id)
        )
        there = {connection.id for connection in self._accounts.connections()}
        return [
            _direction_from(row, self.past(row["pair"]), self._connections([row["source"], row["target"]]))
            for row in rows
            if {row["source"], row["target"]} <= there
        ]

    # -- inside ------------------------------------------------------------------------------------------------------

    def _select(self, condition: str = "1", *values: str) -> Sequence[SyncPair]:
        """Pairs that are there and for which this holds, the oldest first."""
        rows = self._database.rows(
            f"{_SELECT_PAIR} WHERE removed_at IS NULL AND {condition} ORDER BY created_at, id", values
        )
        waiting = self._database.select("SELECT pair_id, sum(expected) FROM hold WHERE answer IS NULL GROUP BY pair_id")
        held: dict[str, int] = dict(waiting)
        return [_pair_from(row, held.get(row["id"], 0)) for row in rows]

    def _connections(self, connection_ids: Sequence[str]) -> dict[str, Connection]:
        rows = self._database.rows(f"{_SELECT_CONNECTION} WHERE id IN {AMONG}", (among(connection_ids),))
        return {row["id"]: connection_from(row) for row in rows}

    def _require_connections(self, pair: SyncPair) -> None:
        self._accounts.connection(pair.connection_a_id)
        self._accounts.connection(pair.connection_b_id)

    def _put_directions(self, pair: SyncPair) -> None:
        """Make the directions of a pair what the pair says, taking over those that rest."""
        ends = self._connections([pair.connection_a_id, pair.connection_b_id])
        a, b = ends[pair.connection_a_id], ends[pair.connection_b_id]
        wanted = {
            direction_key(source.calendar_key, target.calendar_key): (source, target)
            for way, source, target in ((Direction.A_TO_B, a, b), (Direction.B_TO_A, b, a))
            if pair.direction in (way, Direction.BIDIRECTIONAL)
        }
        table = tables.Direction
        self._database.run(
            table.update(removed_at=instant_to_text(self._now())).where(
                (table.pair == pair.id) & table.removed_at.is_null() & table.key.not_in(list(wanted))
            )
        )
        known = {row["key"]: row for row in self._database.fetch(table.select().where(table.key.in_(list(wanted))))}
        for key, (source, target) in wanted.items():
            row = known.get(key)
            if row is None:
                self._database.run(
                    table.insert(
                        id=f"dir_{ULID()}",
                        pair=pair.id,
                        key=key,
                        source=source.id,
                        target=target.id,
                        planned_settings_no=0,
                        planned_seq_source=0,
                        planned_seq_target=0,
                        adopted=0,
                    )
                )
            elif row["removed_at"] is None and row["pair"] != pair.id:
                raise ConflictError(
                    "Another sync pair already copies from this calendar to that one.",
                    code="direction_taken",
                    details=[FieldError("pair_id", row["pair"])],
                    fix="Change that pair, or delete it first.",
                )
            elif row["removed_at"] is not None or (row["source"], row["target"]) != (source.id, target.id):
                # What was planned was so with other settings, perhaps by the views of another account.
                self._database.run(
                    table.update(
                        pair=pair.id,
                        source=source.id,
                        target=target.id,
                        planned_settings_no=0,
                        planned_seq_source=0,
                        planned_seq_target=0,
                        adopted=0,
                        removed_at=None,
                    ).where(table.id == row["id"])
                )


def _no_pair() -> NotFoundError:
    return NotFoundError("There is no such sync pair.")


def _pair_values(pair: SyncPair) -> dict[str, object]:
    return {
        "id": pair.id,
        "connection_a": pair.connection_a_id,
        "connection_b": pair.connection_b_id,
        "mode": str(pair.mode),
        "direction": str(pair.direction),
        "status": str(pair.status),
        "settings": settings_to_text(pair.settings),
        "settings_b_to_a": None if pair.settings_b_to_a is None else settings_to_text(pair.settings_b_to_a),
        "settings_no": pair.settings_no,
        "interval_seconds": pair.interval_seconds,
        "paused_until": instant_to_text(pair.paused_until),
        "pause_reason": pair.pause_reason,
        "created_at": instant_to_text(pair.created_at),
        "last_synced_at": instant_to_text(pair.last_synced_at),
        "problem": pair.problem,
    }


def _pair_from(row: Mapping[str, Any], held: int) -> SyncPair:
    own = row["settings_b_to_a"]
    return SyncPair(
        id=row["id"],
        connection_a_id=row["connection_a"],
        connection_b_id=row["connection_b"],
        mode=Mode(row["mode"]),
        direction=Direction(row["direction"]),
        status=PairStatus(row["status"]),
        settings=settings_from_text(row["settings"]),
        settings_b_to_a=None if own is None else settings_from_text(own),
        settings_no=row["settings_no"],
        interval_seconds=row["interval_seconds"],
        paused_until=instant_from_text(row["paused_until"]),
        pause_reason=row["pause_reason"],
        created_at=instant_from_text(row["created_at"]),
        last_synced_at=instant_from_text(row["last_synced_at"]),
        problem=row["problem"],
        held=held,
    )


def _direction_from(row: Mapping[str, Any], pair: SyncPair, ends: Mapping[str, Connection]) -> DirectionRecord:
    backwards = row["source"] == pair.connection_b_id
    settings: DirectionSettings = pair.settings
    if backwards and pair.settings_b_to_a is not None:
        settings = pair.settings_b_to_a
    return DirectionRecord(
        id=row["id"],
        pair_id=pair.id,
        key=row["key"],
        source=ends[row["source"]],
        target=ends[row["target"]],
        settings=settings,
        settings_no=pair.settings_no,
        planned_settings_no=row["planned_settings_no"],
        planned_seq=row["planned_seq_source"],
        adopted=bool(row["adopted"]),
        source_is_a=not backwards,
        both_ways=pair.direction is Direction.BIDIRECTIONAL,
        calendars=row["calendars"] or "",
        shared=row["other_installation_at"] is not None,
    )
