"""What a run did, line by line, how far it is, and what waits for the user.

The ledger writes these while a run goes on; the history that people read is in `runs` and `holds`.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.runs import ActionRecord, ActionResult, Counts, Hold, HoldAnswer, HoldCause, Verb
from app.store.codec import (
    instant_from_text,
    instant_to_text,
    required_instant,
    storable,
    words_from_text,
    words_to_text,
)
from app.store.database import Database, Record, upsert

COUNTS = ("processed", "created", "updated", "deleted", "skipped", "held", "failed")
_ACTION = (
    "direction_id",
    "original_id",
    "occ",
    "verb",
    "reason",
    "sentence",
    "result",
    "fields",
    "title",
    "starts_at",
    "all_day",
)
_HOLD = (
    "id",
    "pair_id",
    "direction_id",
    "cause",
    "opened_at",
    "expected",
    "samples",
    "answer",
    "answered_at",
)
SELECT_ACTION = f"SELECT {', '.join(_ACTION)} FROM action "  # noqa: S608 - our own column names
SELECT_HOLD = f"SELECT {', '.join(_HOLD)} FROM hold "  # noqa: S608 - our own column names


class Story:
    """The part of the ledger about runs and holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, run_id: str, actions: Sequence[ActionRecord]) -> None:
        """Add actions to a run's story."""
        with self._database.transaction():
            self._database.change_many(
                f"INSERT INTO action (run_id, {', '.join(_ACTION)}) "  # noqa: S608 - our own column names
                f"VALUES (?, {', '.join('?' * len(_ACTION))})",
                ((run_id, *_action_record(action)) for action in actions),
            )

    def progress(self, run_id: str, counts: Counts) -> None:
        """Counts so far, for whoever watches."""
        with self._database.transaction():
            self._database.change(
                f"UPDATE run SET {', '.join(f'{name} = ?' for name in COUNTS)} WHERE id = ?",  # noqa: S608 - as above
                (*(getattr(counts, name) for name in COUNTS), run_id),
            )

    def hold(self, direction_id: str, cause: HoldCause) -> Hold | None:
        """The open or answered hold of this cause, None if there is none."""
        row = self._database.one(f"{SELECT_HOLD} WHERE direction_id = ? AND cause = ?", (direction_id, str(cause)))
        return None if row is None else hold_from(row)

    def save_hold(self, hold: Hold, original_ids: Sequence[str]) -> None:
        """Open or renew a hold with what it concerns. Another one of the same direction and cause is replaced."""
        with self._database.transaction():
            self._database.change(
                "DELETE FROM hold_item WHERE hold_id IN "
                "(SELECT id FROM hold WHERE id = ? OR (direction_id = ? AND cause = ?))",
                (hold.id, hold.direction_id, str(hold.cause)),
            )
            self._database.change(
                "DELETE FROM hold WHERE direction_id = ? AND cause = ? AND id <> ?",
                (hold.direction_id, str(hold.cause), hold.id),
            )
            self._database.change(
                upsert("hold", ("id",), _HOLD),
                (
                    hold.id,
                    hold.pair_id,
                    hold.direction_id,
                    str(hold.cause),
                    instant_to_text(hold.opened_at),
                    hold.expected,
                    words_to_text(hold.samples),
                    None if hold.answer is None else str(hold.answer),
                    instant_to_text(hold.answered_at),
                ),
            )
            self._database.change_many(
                "INSERT INTO hold_item (hold_id, original_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                ((hold.id, original_id) for original_id in original_ids),
            )

    def hold_items(self, hold_id: str) -> Sequence[str]:
        """Original ids a hold concerns, sorted."""
        found = self._database.select(
            "SELECT original_id FROM hold_item WHERE hold_id = ? ORDER BY original_id", (hold_id,)
        )
        return [original_id for (original_id,) in found]

    def close_hold(self, hold_id: str) -> None:
        """Its cause is gone or its answer carried out."""
        with self._database.transaction():
            self._database.change("DELETE FROM hold_item WHERE hold_id = ?", (hold_id,))
            self._database.change("DELETE FROM hold WHERE id = ?", (hold_id,))


def _action_record(action: ActionRecord) -> Record:
    return (
        action.direction_id,
        action.original_id,
        action.occ,
        str(action.verb),
        action.reason,
        storable(action.sentence),
        str(action.result),
        words_to_text(action.fields),
        storable(action.title),
        instant_to_text(action.starts_at),
        int(action.all_day),
    )


def action_from(row: Record) -> ActionRecord:
    """The action of a row of `SELECT_ACTION`."""
    direction_id, original_id, occ, verb, reason, sentence, result, fields, title, starts_at, all_day = row
    return ActionRecord(
        direction_id=direction_id,
        original_id=original_id,
        occ=occ,
        verb=Verb(verb),
        reason=reason,
        sentence=sentence,
        result=ActionResult(result),
        fields=words_from_text(fields),
        title=title,
        starts_at=instant_from_text(starts_at),
        all_day=bool(all_day),
    )


def hold_from(row: Record) -> Hold:
    """The hold of a row of `SELECT_HOLD`."""
    number, pair_id, direction_id, cause, opened_at, expected, samples, answer, answered_at = row
    return Hold(
        id=number,
        pair_id=pair_id,
        direction_id=direction_id,
        cause=HoldCause(cause),
        opened_at=required_instant(opened_at),
        expected=expected,
        samples=words_from_text(samples),
        answer=None if answer is None else HoldAnswer(answer),
        answered_at=instant_from_text(answered_at),
    )
