"""What people ask about single events: rows of a view piece by piece, links of a copy, writes about an original.

Reads only; what the rows mean is said by services and the engine.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.links import Intent, IntentState, Link, Row, Seen
from app.store.codec import event_from_text, instant_from_text, intent_from_text
from app.store.database import Database
from app.store.directions import Directions, verify


class Questions:
    """Looks things up for a person, a bounded number of rows at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, calendar_id: str, *, after: str = "", limit: int = 200) -> Sequence[Row]:
        """Rows of a view in the order of event ids.

        Args:
            after: only ids behind this one: the last id of the piece before.
            limit: so many at most; fewer mean that the view ends here.
        """
        found = self._database.select(
            "SELECT body, seen FROM event WHERE calendar_id = ? AND event_id > ? ORDER BY event_id LIMIT ?",
            (calendar_id, after, limit),
        )
        return [Row(event_from_text(body), Seen(seen)) for body, seen in found]

    def units(self, calendar_id: str, *, after: str = "", limit: int = 25) -> Sequence[str]:
        """Singles and series of a view that were there when it was last read, in the order of their ids.

        Args:
            after: only those behind this one; limit: so many at most, and fewer mean that the view ends here.
        """
        found = self._database.select(
            "SELECT DISTINCT unit FROM event WHERE calendar_id = ? AND unit > ? AND seen = 'seen' "
            "ORDER BY unit LIMIT ?",
            (calendar_id, after, limit),
        )
        return [unit for (unit,) in found]

    def links_of_copy(self, direction_id: str, copy_key: str) -> Sequence[Link]:
        """Links that hang on a copy: one, or those of all members of a block."""
        found = self._database.select(
            "SELECT DISTINCT original_id FROM link WHERE direction_id = ? AND copy_key = ? ORDER BY original_id",
            (direction_id, copy_key),
        )
        links = Directions(self._database).links(direction_id, [original_id for (original_id,) in found])
        return [link for link in links if link.copy_key == copy_key]

    def writes(self, direction_id: str, original_id: str, limit: int) -> Sequence[Intent]:
        """The last writes about an original, newest first; as long as the journal remembers."""
        found = self._database.select(
            "SELECT state, first_try_at, last_try_at, tries, id, body, checksum FROM journal "
            "WHERE direction_id = ? AND original_id = ? ORDER BY id DESC LIMIT ?",
            (direction_id, original_id, limit),
        )
        writes = []
        for state, first_try_at, last_try_at, tries, number, body, check in found:
            verify((number, body, check))
            writes.append(
                intent_from_text(
                    body,
                    id=number,
                    state=IntentState(state),
                    first_try_at=instant_from_text(first_try_at),
                    last_try_at=instant_from_text(last_try_at),
                    tries=tries,
                )
            )
        return writes
