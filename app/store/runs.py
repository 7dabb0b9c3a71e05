"""The history: runs, their actions, and the log that people and scripts read.

Runs outlive their pairs. What a run does while it goes on is written by the ledger (`story`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any

from app.domain.errors import NotFoundError
from app.domain.runs import ActionRecord, Counts, Run, RunStatus, Trigger
from app.store import tables
from app.store.codec import (
    instant_from_text,
    instant_to_text,
    required_instant,
    run_errors_from_text,
    run_errors_to_text,
)
from app.store.database import Database
from app.store.story import COUNTS, SELECT_ACTION, action_from

_ONGOING = (str(RunStatus.QUEUED), str(RunStatus.RUNNING))
_INSERT = tables.insert_into(tables.Run)
_SYNCED = (RunStatus.SUCCESS, RunStatus.PARTIAL, RunStatus.HELD)
"""Ends after which a pair counts as synced (`contract/api.md`, logs: not failed, not skipped)."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list; None or empty means any.

    Args:
        connection_id: runs of pairs that use, or used, this connection.
        pair_ids: runs of these pairs only (what a key may see); None for all.
        since, until: by time of creation, both ends included.
    """

    pair_id: str | None = None
    connection_id: str | None = None
    pair_ids: Collection[str] | None = None
    statuses: Collection[RunStatus] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some runs, and how many there are in all."""

    runs: Sequence[Run]
    total: int


class RunRepository:
    """Runs, the ongoing ones too."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def add(self, run: Run) -> None:
        """Keep a new run."""
        with self._database.transaction():
            self._database.change(_INSERT, _run_values(run))

    def start(self, run_id: str, at: datetime) -> Run:
        """A queued run begins.

        Raises:
            NotFoundError: no such run.
        """
        with self._database.transaction():
            query = tables.Run.update(status=str(RunStatus.RUNNING), started_at=instant_to_text(at))
            if not self._database.run(query.where(tables.Run.id == run_id)):
                raise _no_run()
        return self.get(run_id)

    def finish(self, run: Run) -> None:
        """Keep a run as it ended. One that wrote and got through makes its pair synced at its end.

        Raises:
            NotFoundError: no such run.
            ValueError: it has not ended, or has no time of its end.
        """
        if not run.status.ended or run.finished_at is None:
            raise ValueError(f"run {run.id} has not ended")
        with self._database.transaction():
            if not self._database.run(tables.Run.update(**_run_values(run)).where(tables.Run.id == run.id)):
                raise _no_run()
            if run.status in _SYNCED and not run.dry:
                self._database.run(
                    tables.Pair.update(last_synced_at=instant_to_text(run.finished_at)).where(
                        tables.Pair.id == run.pair_id
                    )
                )

    def get(self, run_id: str) -> Run:
        """A run.

        Raises:
            NotFoundError: no such run.
        """
        found = self._database.fetch(tables.Run.select().where(tables.Run.id == run_id))
        if not found:
            raise _no_run()
        return _run_from(found[0])

    def actions(self, run_id: str) -> Sequence[ActionRecord]:
        """The story of a run, in its order."""
        found = self._database.select(f"{SELECT_ACTION} WHERE run_id = ? ORDER BY id", (run_id,))
        return [action_from(row) for row in found]

    def wrote(self, run_id: str) -> bool:
        """Whether a run sent a write to a calendar, or may have."""
        return self._database.one("SELECT 1 FROM journal WHERE run_id = ? LIMIT 1", (run_id,)) is not None

    def page(self, wanted: RunFilter, *, limit: int, offset: int = 0) -> RunPage:
        """Runs of all kinds, newest first."""
        return self._page(_conditions(wanted), limit, offset)

    def logs(self, wanted: RunFilter, *, limit: int, offset: int = 0) -> RunPage:
        """The log: runs that ended and were no dry runs, newest first."""
        return self._page(
            [*_conditions(wanted), tables.Run.dry == 0, tables.Run.status.not_in(_ONGOING)], limit, offset
        )

    def last(self, pair_ids: Collection[str]) -> Mapping[str, Run]:
        """The newest log entry of each of these pairs that has one."""
        newest = self._database.select(
            "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY pair_id ORDER BY created_at DESC, id DESC) "
            "AS place FROM run WHERE dry = 0 AND status NOT IN ('queued', 'running')) WHERE place = 1"
        )
        rows = self._database.fetch(tables.Run.select().where(tables.Run.id.in_([number for (number,) in newest])))
        return {row["pair_id"]: _run_from(row) for row in rows if row["pair_id"] in pair_ids}

    def recent(self, pair_id: str, number: int) -> Sequence[tuple[str, RunStatus, datetime]]:
        """The last log entries of a pair, how they ended and when they were made, the oldest of them first."""
        found = self._database.select(
            "SELECT id, status, created_at FROM run WHERE pair_id = ? AND dry = 0 "
            "AND status NOT IN ('queued', 'running') ORDER BY created_at DESC, id DESC LIMIT ?",
            (pair_id, number),
        )
        return [(run_id, RunStatus(status), required_instant(at)) for run_id, status, at in reversed(found)]

    def written_since(self, moment: datetime) -> Counts:
        """What all log entries since a moment wrote, together."""
        ((created, updated, deleted),) = self._database.select(
            "SELECT coalesce(sum(created), 0), coalesce(sum(updated), 0), coalesce(sum(deleted), 0) FROM run "
            "WHERE created_at >= ? AND dry = 0 AND status NOT IN ('queued', 'running')",
            (instant_to_text(moment),),
        )
        return Counts(created=created, updated=updated, deleted=deleted)

    def interrupt_ongoing(self, reason: str) -> Sequence[str]:
        """At start: runs that were under way when the app ended were interrupted.

        Args:
            reason: stable code of why.

        Returns:
            Their ids, sorted.
        """
        at = instant_to_text(self._now())
        with self._database.transaction():
            found = self._database.select("SELECT id FROM run WHERE status IN ('queued', 'running') ORDER BY id")
            self._database.run(
                tables.Run.update(status=str(RunStatus.INTERRUPTED), reason=reason, finished_at=at).where(
                    tables.Run.status.in_(_ONGOING)
                )
            )
        return [number for (number,) in found]

    def purge(self, before: datetime, *, undo_before: datetime | None = None) -> int:
        """Forget what ended before a moment: runs with their story, and journal rows whose outcome is known.

        Args:
            undo_before: journal rows, with the before-images in them, go when they ended before this one.

        Returns:
            How many runs went.
        """
        limit, undo_limit = instant_to_text(before), instant_to_text(undo_before or before)
        with self._database.transaction():
            old = "SELECT id FROM run WHERE created_at < ? AND status NOT IN ('queued', 'running')"
            self._database.change(f"DELETE FROM action WHERE run_id IN ({old})", (limit,))  # noqa: S608 - a constant
            gone = self._database.change(f"DELETE FROM run WHERE id IN ({old})", (limit,))  # noqa: S608 - a constant
            self._database.change("DELETE FROM journal WHERE state <> 'pending' AND closed_at < ?", (undo_limit,))
        return gone

    def _page(self, conditions: list[Any], limit: int, offset: int) -> RunPage:
        query = tables.Run.select()
        count = tables.Run.select(tables.count_all())
        if conditions:
            condition = reduce(and_, conditions)
            query, count = query.where(condition), count.where(condition)
        rows = self._database.fetch(
            query.order_by(tables.Run.created_at.desc(), tables.Run.id.desc()).limit(limit).offset(offset)
        )
        return RunPage([_run_from(row) for row in rows], int(self._database.fetch(count)[0]["total"]))


def _no_run() -> NotFoundError:
    return NotFoundError("There is no such run.")


def _conditions(wanted: RunFilter) -> list[Any]:
    run, pair = tables.Run, tables.Pair
    conditions: list[Any] = []
    if wanted.pair_id is not None:
        conditions.append(run.pair_id == wanted.pair_id)
    if wanted.pair_ids is not None:
        conditions.append(run.pair_id.in_(sorted(wanted.pair_ids)))
    if wanted.connection_id is not None:
        users = pair.select(pair.id).where(
            (pair.connection_a == wanted.connection_id) | (pair.connection_b == wanted.connection_id)
        )
        conditions.append(run.pair_id.in_(users))
    if wanted.statuses:
        conditions.append(run.status.in_(sorted(map(str, wanted.statuses))))
    if wanted.since is not None:
        conditions.append(run.created_at >= instant_to_text(wanted.since))
    if wanted.until is not None:
        conditions.append(run.created_at <= instant_to_text(wanted.until))
    return conditions


def _run_values(run: Run) -> dict[str, object]:
    return {
        "id": run.id,
        "pair_id": run.pair_id,
        "trigger": str(run.trigger),
        "status": str(run.status),
        "created_at": instant_to_text(run.created_at),
        "dry": int(run.dry),
        "started_at": instant_to_text(run.started_at),
        "finished_at": instant_to_text(run.finished_at),
        **{name: getattr(run.counts, name) for name in COUNTS},
        "errors": run_errors_to_text(run.errors),
        "reason": run.reason,
    }


def _run_from(row: Mapping[str, Any]) -> Run:
    return Run(
        id=row["id"],
        pair_id=row["pair_id"],
        trigger=Trigger(row["trigger"]),
        status=RunStatus(row["status"]),
        created_at=required_instant(row["created_at"]),
        dry=bool(row["dry"]),
        started_at=instant_from_text(row["started_at"]),
        finished_at=instant_from_text(row["finished_at"]),
        counts=Counts(*(row[name] for name in COUNTS)),
        errors=run_errors_from_text(row["errors"]),
        reason=row["reason"],
    )
