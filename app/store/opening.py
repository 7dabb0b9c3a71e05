"""Opening the database file: examine it without touching it, back it up, migrate it, prove what was applied.

A file that is damaged, from a newer version or not ours is refused as it lies there. Nothing here reads or writes
domain values.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from playhouse.migrations import Migration, Runner

from app.domain.errors import StorageError
from app.store.backups import (
    APPLICATION_ID,
    back_up,
    backup_folder,
    backup_name,
    newest_good_backup,
    open_to_look,
    remove_database,
)
from app.store.cache import cache_path, settle
from app.store.database import Database
from app.store.failures import storage_error, storage_errors

MIGRATIONS = Path(__file__).parent / "migrations"
HISTORY = "schema_migration"
RENAMED = {"0003_undo": "0004_undo"}
"""Migrations that landed under another name: a database that has one has the other."""


def open_database(path: Path, now: datetime, *, migrations: Path = MIGRATIONS) -> Database:
    """Open a database file, made or brought up to date where needed.

    Args:
        path: the file; it and its folder are made (0600 in 0700) if they are missing.
        now: the moment, for the name of a backup.
        migrations: folder of migration scripts.

    Raises:
        StorageError: `database_corrupt`, `database_newer`, `database_foreign`, `database_full`, `database_locked`,
            `home_unwritable`. The file is then as it was.
    """
    known = migration_names(migrations)
    fresh = _make_file(path) or _examine(path, known)
    try:
        database = Database(str(path))
    except StorageError:
        if fresh:
            remove_database(path)
        raise
    try:
        if not fresh and pending(database, known):
            back_up(database, backup_folder(path) / backup_name(path, now))
        migrate(database, migrations)
        settle(database)
    except BaseException:
        database.close()
        if fresh:
            remove_database(path)
            remove_database(cache_path(path))
        raise
    return database


def open_memory(*, migrations: Path = MIGRATIONS) -> Database:
    """A database that lives as long as its connection."""
    database = Database(":memory:")
    migrate(database, migrations)
    return database


# -- migrations ------------------------------------------------------------------------------------------------------


def migration_names(folder: Path = MIGRATIONS) -> list[str]:
    """Names of all migrations, oldest first.

    Raises:
        StorageError: there are none, as when a packaged app lost its data files.
    """
    names = [migration.name for migration in Migration.load_directory(str(folder))]
    if not names:
        raise StorageError("This installation of Kalends is incomplete: its database migrations are missing.")
    return names


def pending(database: Database, known: list[str]) -> bool:
    """Whether migrations wait to be applied."""
    return not set(known) <= set(Runner(database.handle, str(MIGRATIONS), table_name=HISTORY).applied())


def _rename(database: Database) -> None:
    if database.one("SELECT 1 FROM sqlite_master WHERE name = ?", [HISTORY]) is None:
        return
    for old, new in RENAMED.items():
        database.change(f"UPDATE {HISTORY} SET name = ? WHERE name = ?", (new, old))  # noqa: S608 - a constant


def migrate(database: Database, folder: Path = MIGRATIONS) -> None:
    """Apply what is pending in one transaction: after a failure or a kill the schema is wholly the old one.

    Raises:
        StorageError: a migration failed, or the newest one is not among the applied (never pass silently).
    """
    newest = migration_names(folder)[-1]
    handle = database.handle
    runner = Runner(handle, str(folder), table_name=HISTORY)
    # Rebuilding a table drops it, and with foreign keys on that would reach the rows that refer to it. The switch does
    # nothing inside a transaction, so it stands outside; the check stands inside.
    with storage_errors():
        handle.pragma("foreign_keys", 0)
    try:
        with database.transaction():
            _rename(database)
            applied = runner.up()
            broken = database.one("PRAGMA foreign_key_check")
            if broken is not None:
                raise StorageError(f"The update of the database left a broken reference in table {broken[0]}.")
            if newest not in runner.applied():
                raise StorageError(f"The update of the database did not apply {newest}.")
            if applied:
                database.change(f"PRAGMA application_id = {APPLICATION_ID}")
                database.change(f"PRAGMA user_version = {len(runner.applied())}")
    finally:
        with storage_errors():
            handle.pragma("foreign_keys", 1)


# -- examining -------------------------------------------------------------------------------------------------------


def _make_file(path: Path) -> bool:
    """Make folder and file where they are missing, closed to other users; answers whether the file is new."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            os.chmod(path, 0o600)
            if path.stat().st_size > 0:
                return False
        if not os.access(path, os.W_OK):
            raise PermissionError(path)
    except OSError as error:
        raise StorageError(
            "The folder for the Kalends database cannot be written.",
            code="home_unwritable",
            fix=f"Make {path.parent} writable for your user, or start with another home folder.",
        ) from error
    return True


def _examine(path: Path, known: list[str]) -> bool:
    """Refuse what we must not open, on a connection that cannot change it; answers whether nothing is in it yet
    (a first start that was killed)."""
    try:
        with closing(open_to_look(path)) as connection:
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            if tables == 0 and application_id == 0:
                return True
            if application_id != APPLICATION_ID:
                raise _foreign(path)
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise _damaged(path)
            applied = {name for (name,) in connection.execute(f"SELECT name FROM {HISTORY}")}  # noqa: S608 - a constant
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        failure = storage_error(error)
        if failure.code in ("database_corrupt", "storage_error"):
            raise _damaged(path) from error
        raise failure from error
    if not applied <= {*known, *RENAMED} or version > len(known):
        raise StorageError(
            "The database was written by a newer version of Kalends.",
            code="database_newer",
            fix="Install that version again, or put an older backup in place: `kalends backup list`.",
        )
    return False


def _foreign(path: Path) -> StorageError:
    return StorageError(
        "The file at the place of the Kalends database is not one of ours.",
        code="database_foreign",
        fix=f"Move {path} away and start again.",
    )


def _damaged(path: Path) -> StorageError:
    backup = newest_good_backup(path)
    if backup is None:
        fix = (
            f"Move {path} away (with its -wal file) and start again: Kalends signs in anew and finds its copies "
            "by their markers."
        )
    else:
        fix = f"Run: kalends backup restore {backup.name}"
    return StorageError("The Kalends database is damaged. It was not touched.", code="database_corrupt", fix=fix)
