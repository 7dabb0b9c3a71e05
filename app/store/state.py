"""Small things the app remembers about itself, and who this installation is.

The installation's id and epoch also lie in a file beside the database. The epoch rises at every start, after every
backup and after every run that wrote, first in the database and then in the file: a database whose epoch is lower than
the file's is an older one put in place (`engine.md` §10), and so may be one without its file; nothing may be deleted by
what it says before a full audit. Wishes of the user are not here but in the settings file.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ulid import ULID

from app.domain.backups import Restored
from app.domain.errors import StorageError
from app.store.database import Database
from app.store.failures import file_error

_INSTALLATION = "installation"
_EPOCH = "epoch"
BEHIND = "behind"
DAILY_AUDITS = "daily_audits"
"""Where the last audit of each direction is kept, as JSON by its id: `at`, and `drift`, the differences it found."""
UNAUDITED = "unaudited_directions"
"""What a database that is behind still has to check; worth nothing in one that was put back once more."""
STRANGE_STAMPS = "strange_stamps"
"""Stamps of this installation that its database did not tell of, as a JSON list: they were noticed, and are checked."""
RESTORED = "restored"
"""What was put in the place of the database, and why."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Who writes.

    Args:
        id: first half of every stamp.
        epoch: number of starts, backups and runs that wrote.
        behind: the database is older than what this installation did last, or was lost; until `audited`.
    """

    id: str
    epoch: int
    behind: bool


class StateRepository:
    """Key and value, as text."""

    def __init__(self, database: Database, beside: Path | None) -> None:
        """Bind to a database.

        Args:
            beside: the file that remembers the installation outside the database, None for a database in memory.
        """
        self._database = database
        self._beside = beside
        self._begun = False

    def get(self, key: str) -> str | None:
        """What was kept under a key, None if nothing was."""
        row = self._database.one("SELECT value FROM state WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def put(self, key: str, value: str) -> None:
        """Keep a value, durable on return."""
        with self._database.transaction():
            self._database.change(
                "INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def delete(self, key: str) -> None:
        """Forget a key."""
        with self._database.transaction():
            self._database.change("DELETE FROM state WHERE key = ?", (key,))

    def installation(self) -> Installation:
        """Who this installation is.

        Raises:
            StorageError: no epoch was begun.
        """
        number, epoch = self.get(_INSTALLATION), self.get(_EPOCH)
        if number is None or epoch is None:
            raise StorageError("The database does not say which installation it belongs to.")
        return Installation(number, int(epoch), self.get(BEHIND) is not None)

    def begin_epoch(self) -> Installation:
        """Count a start, a backup or a run that wrote, and find out whether the database is the one we left.

        Raises:
            StorageError: `home_unwritable`, when the file beside the database cannot be written.
        """
        outside = self._read_beside()
        number, epoch = self.get(_INSTALLATION), int(self.get(_EPOCH) or 0)
        with self._database.transaction():
            if self._may_be_older(number, epoch, outside):
                self.put(BEHIND, str(outside[1] if outside is not None else 0))
                self.delete(UNAUDITED)
            if number is None:
                number = outside[0] if outside is not None else str(ULID())
                self.put(_INSTALLATION, number)
            epoch = max(epoch, outside[1] if outside is not None else 0) + 1
            self.put(_EPOCH, str(epoch))
        self._write_beside(number, epoch)
        self._begun = True
        return self.installation()

    def _may_be_older(self, number: str | None, epoch: int, outside: tuple[str, int] | None) -> bool:
        """Whether this database may not be the one we left. A kill between database and file leaves the file lower,
        which tells nothing; or, at the very first start, no file: then there is nothing yet to audit either."""
        if outside is not None:
            return number != outside[0] or epoch < outside[1]
        # Where this process began an epoch, the database has been its own since then, whatever became of the file.
        return self._beside is not None and number is not None and not self._begun

    def audited(self) -> None:
        """A full audit found the database true again."""
        self.delete(BEHIND)

    def restored(self) -> Restored | None:
        """What was last put in the place of the database, None if nothing was."""
        kept = self.get(RESTORED)
        return None if kept is None else Restored.from_text(kept)

    def _read_beside(self) -> tuple[str, int] | None:
        if self._beside is None:
            return None
        try:
            data = json.loads(self._beside.read_text("utf-8"))
            return str(data["id"]), int(data["epoch"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StorageError(
                "The file that names this installation cannot be read.",
                code="home_unwritable",
                fix=f"Make {self._beside} readable, or move it away: deletions then wait for a full audit.",
            ) from error

    def _write_beside(self, number: str, epoch: int) -> None:
        if self._beside is None:
            return
        part = self._beside.with_name(self._beside.name + ".part")
        try:
            with open(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
                json.dump({"id": number, "epoch": epoch}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self._beside)
        except OSError as error:
            raise file_error(
                error,
                "The file that names this installation cannot be written.",
                f"Make {self._beside.parent} writable for your user.",
            ) from error
