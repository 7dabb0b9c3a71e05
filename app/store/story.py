"""What a run did, line by line, how far it is, and what waits for the user.

The ledger writes these while a run goes on; the history that people read is in `runs` and `holds`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from app.domain.runs import ActionRecord, ActionResult, Counts, Hold, HoldAnswer, HoldCause, HoldSample, Verb
from app.store.codec import (
    dumps,
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
_OF_ORIGINALS = (Verb.CREATE, Verb.UPDATE, Verb.ADOPT)
"""What is told with the title of the original; deletions and holds have only the copy's once the original is gone."""
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

    def last_told(self, direction_id: str, original_ids: Sequence[str]) -> Mapping[str, ActionRecord]:
        """What the story last said about originals while they were there, by their ids; None of those it forgot."""
        found = self._database.select(
            f"{SELECT_ACTION} WHERE id IN (SELECT MAX(id) FROM action "  # noqa: S608 - marks for the values
            f"WHERE original_id IN ({', '.join('?' * len(original_ids))}) AND direction_id = ? "
            f"AND verb IN ({', '.join('?' * len(_OF_ORIGINALS))}) AND title <> '' GROUP BY original_id)",
            (*original_ids, direction_id, *map(str, _OF_ORIGINALS)),
        )
        told = [action_from(row) for row in found]
        return {action.original_id: action for action in told}

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
                    _samples_to_text(hold.sample_events),
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


def _samples_to_text(samples: Sequence[HoldSample]) -> str:
    return dumps([(sample.title, instant_to_text(sample.starts_at), sample.all_day) for sample in samples])


def _samples_from_text(text: str) -> tuple[HoldSample, ...]:
    """Holds of earlier versions have titles only."""
    return tuple(
        HoldSample(kept)
        if isinstance(kept, str)
        else HoldSample(kept[0], instant_from_text(kept[1]), all_day=bool(kept[2]))
        for kept in json.loads(text)
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
        sample_events=_samples_from_text(samples),
        answer=None if answer is None else HoldAnswer(answer),
        answered_at=instant_from_text(answered_at),
    )
