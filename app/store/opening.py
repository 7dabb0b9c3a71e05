"""Opening the database file: examine it without touching it, back it up, migrate it, prove what was applied.

A file that is damaged, from a newer version or not ours is refused as it lies there. Nothing here reads or writes
domain values.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from playhouse.migrations import Migration, Runner

from app.domain.errors import StorageError
from app.store.database import Database, storage_error, storage_errors

APPLICATION_ID = 0x4B4C4E44
"""`KLND` in the file header (https://sqlite.org/pragma.html#pragma_application_id)."""

MIGRATIONS = Path(__file__).parent / "migrations"
HISTORY = "schema_migration"
KEPT_BACKUPS = 7
_SIDE_FILES = ("-wal", "-shm", "-journal")


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
    database = Database(str(path))
    try:
        if not fresh and pending(database, known):
            back_up(database, backup_folder(path) / backup_name(path, now))
        migrate(database, migrations)
    except BaseException:
        database.close()
        if fresh:
            _remove(path)
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
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
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
    if not applied <= set(known) or version > len(known):
        raise StorageError(
            "The database was written by a newer version of Kalends.",
            code="database_newer",
            fix=f"Install that version again, or put a backup from {backup_folder(path)} in place of {path}.",
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
        fix = f"Move {path} away (with its -wal file), copy {backup} to its place, and start again."
    return StorageError("The Kalends database is damaged. It was not touched.", code="database_corrupt", fix=fix)


# -- backups ---------------------------------------------------------------------------------------------------------


def backup_folder(path: Path) -> Path:
    """Where the backups of a database lie."""
    return path.parent / "backups"


def backup_name(path: Path, now: datetime) -> str:
    """Name of a backup; names sort as the moments do."""
    return f"{path.stem}-{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.db"


def back_up(database: Database, to: Path) -> None:
    """`copy_sound` of an open database, on its own connection."""
    copy_sound(database.sqlite, to)


def back_up_file(path: Path, to: Path) -> None:
    """`copy_sound` of a database file that another connection may be writing, on one that only reads it: it never
    merges the write-ahead log. Raises StorageError as `copy_sound`."""
    with storage_errors(), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as reading:
        copy_sound(reading, to)


def copy_sound(source: sqlite3.Connection, to: Path) -> None:
    """Copy a whole, consistent database by SQLite's backup API (https://sqlite.org/backup.html), and prove it.

    Args:
        source: of the database; used on the calling thread.
        to: the new file; it appears under this name only when it is complete. In a `backups` folder the oldest files
            beyond seven go.

    Raises:
        StorageError: `database_full`, `home_unwritable`, or the copy is not sound.
    """
    part = to.with_name(to.name + ".part")
    with _writable(to.parent):
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove(part)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with storage_errors(), closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
        if not is_sound(part):
            raise StorageError("The backup of the database could not be read back.")
        with _writable(to.parent):
            os.replace(part, to)
    finally:
        _remove(part)
    if to.parent.name == "backups":
        for old in _backups(to.parent, to.name.rsplit("-", 1)[0])[KEPT_BACKUPS:]:
            _remove(old)


def is_sound(path: Path) -> bool:
    """Whether a database file that nobody writes is ours and passes `quick_check`."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error:
        return False
    return bool(application_id == APPLICATION_ID and verdict == "ok")


def newest_good_backup(path: Path) -> Path | None:
    """The newest backup of a database that is sound, None if there is none."""
    return next((backup for backup in _backups(backup_folder(path), path.stem) if is_sound(backup)), None)


def _backups(folder: Path, stem: str) -> list[Path]:
    return sorted(folder.glob(f"{stem}-*.db"), reverse=True)


def _remove(path: Path) -> None:
    for suffix in ("", *_SIDE_FILES):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            "The backup of the database cannot be written.",
            code="home_unwritable",
            fix=f"Make {folder} writable for your user, and check that the disk has space.",
        ) from error
