"""The store: one database with everything that is kept, opened and closed as one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal

from app.domain.errors import StorageError
from app.store.accounts import AccountRepository
from app.store.backups import back_up, back_up_file, backup_folder, backup_name
from app.store.cache import drop, throw_away
from app.store.database import Database
from app.store.holds import HoldRepository
from app.store.keys import KeyRepository
from app.store.ledger import SqliteLedger
from app.store.opening import open_database, open_memory
from app.store.pairs import PairRepository
from app.store.proving import forget_damage, is_noted, note_damage, prove, prove_cache
from app.store.questions import Questions
from app.store.restoring import finish, was_emptied
from app.store.restoring import recover as recover_database
from app.store.runs import RunRepository
from app.store.secrets import SecretRepository
from app.store.state import StateRepository


class Store:
    """An open database and its repositories. The thread that opens it is the only one that may use it."""

    def __init__(self, database: Database, path: Path | None, now: Callable[[], datetime]) -> None:
        """Bind repositories to an open database; use `open`."""
        self._database = database
        self._path = path
        self._now = now
        beside = None if path is None else path.with_name(f"{path.stem}-installation.json")
        self.ledger = SqliteLedger(database)
        self.accounts = AccountRepository(database, now)
        self.pairs = PairRepository(database, self.accounts, now)
        self.questions = Questions(database)
        self.runs = RunRepository(database, now)
        self.holds = HoldRepository(database)
        self.keys = KeyRepository(database)
        self.secrets = SecretRepository(database)
        self.state = StateRepository(database, beside)

    @classmethod
    def open(cls, path: Path | Literal[":memory:"], *, now: Callable[[], datetime], recover: bool = False) -> Store:
        """Open the database, made or migrated (after a backup) where needed, and count this start.

        Args:
            path: the file, or `:memory:`.
            now: answers the present moment, aware.
            recover: where the database is damaged, keep the file and put the newest good backup in its place, or what
                can still be read; `state.restored` tells. Needs the single-writer lock.

        Raises:
            StorageError: `database_corrupt`, `database_newer`, `database_foreign`, `database_full`, `database_locked`
                or `home_unwritable`; the file is then as it was.
        """
        file = None if path == ":memory:" else Path(path)
        opening = _open_or_recover if recover else open_database
        database = open_memory() if file is None else opening(file, now())
        store = cls(database, file, now)
        try:
            store.state.begin_epoch()
        except StorageError:
            database.close()
            raise
        return store

    @property
    def database(self) -> Database:
        """The connection, for tests that count or break what goes over it."""
        return self._database

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def next_backup(self) -> Path | None:
        """A name among the backups beside the database; None for a database in memory."""
        if self._path is None:
            return None
        return backup_folder(self._path) / backup_name(self._path, self._now())

    def copy_file(self, to: Path) -> None:
        """What `backup` does, but for the epoch: on a connection of its own that only reads, so on any thread.

        Raises:
            StorageError: as `backup`.
        """
        if self._path is None:
            raise StorageError("A database in memory has no file to copy.")
        back_up_file(self._path, to)

    def prove(self) -> list[str]:
        """What is wrong with the database, empty where all is well; on any thread. Raises StorageError."""
        return [] if self._path is None else prove(self._path)

    def prove_cache(self) -> str | None:
        """What is wrong with the second file, None where all is well; on any thread."""
        return None if self._path is None else prove_cache(self._path)

    def drop_cache(self, reason: str) -> None:
        """Throw away what was seen of the calendars: each is read whole after it. While no run is under way.

        Raises:
            StorageError: it cannot be made anew.
        """
        if self._path is not None:
            drop(self._database, self._path, reason)

    def note_damage(self, findings: list[str]) -> None:
        """Let the next start put a good backup in place. Raises StorageError."""
        if self._path is not None:
            note_damage(self._path, findings, self._now())

    def damage_is_noted(self) -> bool:
        """Whether damage was found since the last start."""
        return self._path is not None and is_noted(self._path)

    def backup(self, to: Path | None = None) -> Path:
        """Copy the whole database, consistent, and prove the copy.

        Args:
            to: the new file; None for a name of its own among the backups beside the database, of which seven stay.

        Returns:
            The file.

        Raises:
            StorageError: `database_full`, `home_unwritable`, or a database in memory was to name its own file.
        """
        if to is None:
            if self._path is None:
                raise StorageError("A database in memory has no folder for backups.")
            to = backup_folder(self._path) / backup_name(self._path, self._now())
        back_up(self._database, to)
        # The copy is older than the original from now on, should it ever be put in its place.
        self.state.begin_epoch()
        return to

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open_or_recover(path: Path, now: datetime) -> Database:
    finish(path)
    noted = is_noted(path)
    if was_emptied(path) or (noted and path.exists() and prove(path)):
        recover_database(path, now)
    if noted:
        # It may have been met in the second file, which is read anew in less time than it is proved.
        throw_away(path, "damage was noted")
    forget_damage(path)
    try:
        return open_database(path, now)
    except StorageError as error:
        if error.code != "database_corrupt":
            raise
        recover_database(path, now)
    return open_database(path, now)
