"""Copies of a database file: made while the app goes on writing, proved by opening them, seven kept.

A copy is SQLite's own backup, never a copy of the file. Puts nothing in the place of anything: that is `restoring`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import StorageError
from app.store.failures import file_error, storage_errors

if TYPE_CHECKING:
    from app.store.database import Database

APPLICATION_ID = 0x4B4C4E44
"""`KLND` in the file header (https://sqlite.org/pragma.html#pragma_application_id)."""
KEPT_BACKUPS = 7
SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database, by the ending of its name."""
_MOMENT = "%Y%m%dT%H%M%S.%fZ"


def backup_folder(path: Path) -> Path:
    """Where the backups of a database lie."""
    return path.parent / "backups"


def backup_name(path: Path, now: datetime) -> str:
    """Name of a backup; names sort as the moments do."""
    return f"{path.stem}-{now.astimezone(UTC).strftime(_MOMENT)}.db"


def made_at(backup: Path) -> datetime | None:
    """When a backup was made, by its name; None where that does not say."""
    try:
        return datetime.strptime(backup.stem.rsplit("-", 1)[-1], _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None


def back_up(database: Database, to: Path) -> None:
    """`copy_sound` of an open database, on its own connection."""
    copy_sound(database.sqlite, to)


def back_up_file(path: Path, to: Path) -> None:
    """`copy_sound` of a database file that another connection may be writing, on one that only reads it: it never
    merges the write-ahead log. Raises StorageError as `copy_sound`."""
    with storage_errors(), closing(open_beside(path)) as reading:
        copy_sound(reading, to)


def copy_sound(source: sqlite3.Connection, to: Path) -> None:
    """Copy a whole, consistent database by SQLite's backup API (https://sqlite.org/backup.html), and prove it.

    Args:
        source: of the database; used on the calling thread.
        to: the new file; it appears under this name only when it is complete. In a `backups` folder the oldest files
            beyond seven go, never the new one: a clock may be wrong.

    Raises:
        StorageError: `database_full`, `home_unwritable`, or the copy is not sound.
    """
    part = to.with_name(to.name + ".part")
    with writable(to.parent):
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_database(part)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with storage_errors(), closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
        if not is_sound(part):
            raise StorageError("The backup of the database could not be read back.")
        with writable(to.parent):
            os.replace(part, to)
    finally:
        remove_database(part)
    if to.parent.name == "backups":
        _thin_out(to)


def _thin_out(newest: Path) -> None:
    stem = newest.name.rsplit("-", 1)[0]
    for old in [backup for backup in _backups(newest.parent, stem) if backup != newest][KEPT_BACKUPS - 1 :]:
        remove_database(old)
    for left in newest.parent.glob(f"{stem}-*.part"):
        # Of a backup that was cut short by the end of the process.
        remove_database(left)


def is_sound(path: Path, *, thoroughly: bool = False) -> bool:
    """Whether a database file that nobody writes is ours and passes `quick_check`, or where asked the whole
    `integrity_check`, which also compares each index with its table."""
    check = "integrity_check" if thoroughly else "quick_check"
    try:
        with closing(open_still(path)) as connection:
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            (verdict,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
    except sqlite3.Error:
        return False
    return bool(application_id == APPLICATION_ID and verdict == "ok")


def open_still(path: Path) -> sqlite3.Connection:
    """A connection to a file that nobody writes: no lock, and no file is made beside it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def open_to_look(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing. Where no write-ahead log waits, it also leaves no file beside the database:
    a reader of its own would make `-wal` and `-shm`, and may not remove them (https://sqlite.org/wal.html#readonly)."""
    log = path.with_name(path.name + "-wal")
    if not log.exists() or log.stat().st_size == 0:
        return open_still(path)
    return open_beside(path)


def open_beside(path: Path) -> sqlite3.Connection:
    """A connection that only reads, beside one that may write: it sees what is committed and holds nobody up."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def newest_good_backup(path: Path) -> Path | None:
    """The newest backup of a database in which nothing is damaged, None if there is none."""
    return next((backup for backup in backups_of(path) if is_sound(backup, thoroughly=True)), None)


def backups_of(path: Path) -> list[Path]:
    """All backups of a database, the newest first."""
    return _backups(backup_folder(path), path.stem)


def _backups(folder: Path, stem: str) -> list[Path]:
    return sorted(folder.glob(f"{stem}-*.db"), key=lambda backup: (_epoch_of(backup), backup.name), reverse=True)


def _epoch_of(backup: Path) -> int:
    """A backup's place among all: its name is only as right as the clock was. One that cannot be read comes last."""
    try:
        with closing(open_still(backup)) as connection:
            row = connection.execute("SELECT value FROM state WHERE key = 'epoch'").fetchone()
        return -1 if row is None else int(row[0])
    except (sqlite3.Error, ValueError):
        return -1


def remove_database(path: Path) -> None:
    """Remove a database file with what lies beside it."""
    for suffix in ("", *SIDE_FILES):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """What the system refuses in a folder of backups becomes a StorageError."""
    try:
        yield
    except OSError as error:
        raise file_error(
            error,
            "The backup of the database cannot be written.",
            f"Make {folder} writable for your user, and check that the disk has space.",
        ) from error
