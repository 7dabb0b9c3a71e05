"""SQLite's errors, and those of the file system around a database, in the domain's words. Opens and writes nothing."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import peewee

from app.domain.errors import StorageError

_MESSAGES = {
    sqlite3.SQLITE_FULL: ("database_full", "The disk is full: nothing can be saved until there is space again."),
    sqlite3.SQLITE_BUSY: ("database_locked", "Another program is using the Kalends database."),
    sqlite3.SQLITE_LOCKED: ("database_locked", "Another program is using the Kalends database."),
    sqlite3.SQLITE_CORRUPT: ("database_corrupt", "The Kalends database is damaged."),
    sqlite3.SQLITE_NOTADB: ("database_corrupt", "The Kalends database is damaged: it is not a database any more."),
    sqlite3.SQLITE_READONLY: ("home_unwritable", "The Kalends database cannot be written."),
    sqlite3.SQLITE_PERM: ("home_unwritable", "The Kalends database cannot be written."),
    sqlite3.SQLITE_CANTOPEN: ("home_unwritable", "The Kalends database cannot be opened."),
    # Not "damaged": a disk that was pulled out or a share that went away comes back as it was.
    sqlite3.SQLITE_IOERR: ("home_unwritable", "The disk with the Kalends database reports an error."),
}


def storage_error(error: Exception) -> StorageError:
    """What an error of SQLite (or of peewee around it) means, with a stable code.

    Extended result codes are read by their low byte (https://sqlite.org/rescode.html).
    """
    # A COMMIT on a full disk rolls back by itself, and peewee's own rollback then fails: what came first counts.
    one: BaseException | None = error
    told = None
    while isinstance(one, (sqlite3.Error, peewee.PeeweeException)):
        number = getattr(getattr(one, "orig", one), "sqlite_errorcode", None)
        if isinstance(number, int) and (number & 0xFF) in _MESSAGES:
            told = _MESSAGES[number & 0xFF]
        one = one.__context__
    if told is not None:
        code, message = told
        return StorageError(message, code=code)
    return StorageError("The Kalends database could not be read or written.")


def file_error(error: OSError, message: str, fix: str) -> StorageError:
    """What an error of the file system means: `database_full` where there is no room, else `home_unwritable`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        code, told = _MESSAGES[sqlite3.SQLITE_FULL]
        return StorageError(told, code=code, fix="Free some space on the disk of the data folder.")
    return StorageError(message, code="home_unwritable", fix=fix)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Everything SQLite refuses inside becomes a StorageError."""
    try:
        yield
    except (sqlite3.Error, peewee.PeeweeException) as error:
        raise storage_error(error) from error
