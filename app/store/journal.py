"""The journal: every write to a calendar before it is sent, and how it ended (`engine.md` §11).

Rows are opened before a request and closed after it; between the two an outcome is unknown, and recovery settles it.
Nothing here sends or decides.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.errors import NotFoundError
from app.domain.ledger import Closing
from app.domain.links import Intent, IntentState
from app.domain.runs import ActionRecord
from app.store.codec import instant_from_text, instant_to_text, intent_from_text, intent_to_text
from app.store.database import Database
from app.store.directions import Directions, checksum, verify
from app.store.story import Story


class Journal:
    """The part of the ledger about writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_intents(self, intents: Sequence[Intent], at: datetime) -> Sequence[Intent]:
        """Journal these writes with the time of this, their first, try: durable on return. Answers them with ids."""
        with self._database.transaction():
            last = self._database.one("SELECT seq FROM sqlite_sequence WHERE name = 'journal'")
            first_id = (last[0] if last else 0) + 1
            opened = [
                replace(intent, id=number, state=IntentState.PENDING, first_try_at=at, last_try_at=at, tries=1)
                for number, intent in enumerate(intents, first_id)
            ]
            self._database.change_many(
                "INSERT INTO journal (id, direction_id, run_id, op, original_id, reason, state, first_try_at, "
                "last_try_at, tries, body, checksum) VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, 1, ?, ?)",
                (
                    (
                        intent.id,
                        intent.direction_id,
                        intent.run_id,
                        str(intent.op),
                        intent.original_id,
                        intent.reason,
                        instant_to_text(at),
                        instant_to_text(at),
                        body := intent_to_text(intent),
                        checksum((intent.id, body)),
                    )
                    for intent in opened
                ),
            )
        return opened

    def retry_intents(self, intents: Sequence[Intent], at: datetime) -> Sequence[Intent]:
        """Count another try of pending intents, durable on return.

        Raises:
            NotFoundError: one of them is not pending in the journal.
        """
        again = [replace(intent, last_try_at=at, tries=intent.tries + 1) for intent in intents]
        with self._database.transaction():
            touched = self._database.change_many(
                "UPDATE journal SET last_try_at = ?, tries = ? WHERE id = ? AND state = 'pending'",
                ((instant_to_text(at), intent.tries, intent.id) for intent in again),
            )
            _require_all(touched, again)
        return again

    def close_intents(self, closings: Sequence[Closing], at: datetime) -> None:
        """End intents with everything that follows, in one transaction: state and tries as each intent tells, its
        link, its copy, and its line in the story of the intent's run.

        Raises:
            NotFoundError: one of them is not pending in the journal; then nothing is changed.
        """
        with self._database.transaction():
            touched = self._database.change_many(
                "UPDATE journal SET state = ?, tries = ?, closed_at = ? WHERE id = ? AND state = 'pending'",
                (
                    (
                        str(closing.intent.state),
                        closing.intent.tries,
                        None if closing.intent.state is IntentState.PENDING else instant_to_text(at),
                        closing.intent.id,
                    )
                    for closing in closings
                ),
            )
            _require_all(touched, closings)
            for closing in closings:
                undoing = closing.intent.undoing
                if undoing is not None and closing.intent.state is IntentState.APPLIED:
                    self._turn(undoing.rows, IntentState.APPLIED, IntentState.UNDONE)
                    self._turn(undoing.revives, IntentState.UNDONE, IntentState.APPLIED)
            Directions(self._database).save(
                [closing.link for closing in closings if closing.link is not None],
                [closing.copy for closing in closings if closing.copy is not None],
            )
            lines: dict[str, list[ActionRecord]] = {}
            for closing in closings:
                if closing.action is not None:
                    lines.setdefault(closing.intent.run_id, []).append(closing.action)
            for run_id, actions in lines.items():
                Story(self._database).record(run_id, actions)

    def take_back(self, rows: Sequence[int], revives: Sequence[int]) -> None:
        """Applied writes count as undone though nothing was left to write for it; those in `revives` hold again."""
        with self._database.transaction():
            self._turn(rows, IntentState.APPLIED, IntentState.UNDONE)
            self._turn(revives, IntentState.UNDONE, IntentState.APPLIED)

    def journaled(self, run_id: str) -> Sequence[Intent]:
        """Writes of a run that happened, the undone ones too, in their order."""
        return self._intents("run_id = ? AND state IN ('applied', 'undone')", run_id)

    def created(self, account_id: str, since: datetime) -> int:
        """How many events were created in an account's calendars since a moment, by the journal."""
        found = self._database.one(
            "SELECT count(*) FROM journal JOIN direction ON direction.id = journal.direction_id "
            "JOIN connection ON connection.id = direction.target_id "
            "WHERE connection.account_id = ? AND journal.op = 'create' AND journal.state = 'applied' "
            "AND journal.closed_at > ?",
            (account_id, instant_to_text(since)),
        )
        return int(found[0]) if found else 0

    def deleted_for(self, direction_id: str, reasons: Sequence[str], since: datetime) -> Collection[str]:
        """Originals whose copies we deleted for one of these reasons since a moment, by the journal."""
        found = self._database.select(
            "SELECT DISTINCT original_id FROM journal WHERE direction_id = ? AND op = 'delete' AND state = 'applied' "
            "AND closed_at > ? AND reason IN (SELECT value FROM json_each(?))",
            (direction_id, instant_to_text(since), json.dumps(list(reasons))),
        )
        return {original_id for (original_id,) in found}

    def stamps_known(self, stamps: Collection[str]) -> Collection[str]:
        """Those of these stamps that a write in the journal bears, however it ended."""
        found = self._database.select(
            "SELECT DISTINCT json_extract(body, '$.stamp') FROM journal "
            "WHERE json_extract(body, '$.stamp') IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(stamps)),),
        )
        return {stamp for (stamp,) in found}

    def pending_intents(self, direction_id: str) -> Sequence[Intent]:
        """Writes whose outcome is not known, oldest first."""
        return self._intents("direction_id = ? AND state = 'pending'", direction_id)

    def _intents(self, condition: str, value: str) -> Sequence[Intent]:
        found = self._database.select(
            "SELECT state, first_try_at, last_try_at, tries, id, body, checksum FROM journal "  # noqa: S608 - our own
            f"WHERE {condition} ORDER BY id",
            (value,),
        )
        intents = []
        for state, first_try_at, last_try_at, tries, number, body, check in found:
            verify((number, body, check))
            intents.append(
                intent_from_text(
                    body,
                    id=number,
                    state=IntentState(state),
                    first_try_at=instant_from_text(first_try_at),
                    last_try_at=instant_from_text(last_try_at),
                    tries=tries,
                )
            )
        return intents

    def _turn(self, rows: Sequence[int], was: IntentState, becomes: IntentState) -> None:
        self._database.change_many(
            "UPDATE journal SET state = ? WHERE id = ? AND state = ?",
            ((str(becomes), number, str(was)) for number in rows),
        )


def _require_all(touched: int, asked: Sequence[object]) -> None:
    if touched != len(asked):
        raise NotFoundError(f"{len(asked) - touched} of {len(asked)} writes are not pending in the journal.")
