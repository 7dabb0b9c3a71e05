"""The second file: what calendars were last seen to hold. It can be thrown away at any moment and is read anew.

It is attached to the one connection that writes, so there is still one writer and one owner of checkpoints. In WAL mode
a transaction over two files is whole in each of them but not in both together, and the database itself is written first
(https://sqlite.org/lang_attach.html, last paragraph). So the database alone decides: each change of a calendar's rows
puts one and the same mark into both files, and rows whose mark is not that of the database are lost. A calendar that
lost its rows has no position any more, is read whole, and each of its directions plans every original once. Nothing is
lost by that, and nothing follows from it: a row that is not there proves nothing.

Backups leave this file out. Nothing here knows what an event is.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import structlog

from app.store.backups import open_beside, open_to_look, remove_database, writable
from app.store.failures import storage_errors

if TYPE_CHECKING:
    from app.store.database import Database

SCHEMA: Final = "cache"
"""Name under which the file is attached."""
CACHE_ID: Final = 0x4B4C4E43
"""`KLNC` in the file header (https://sqlite.org/pragma.html#pragma_application_id)."""
VERSION: Final = 1
"""Of the tables below. A file of another version is dropped, never migrated."""
IN_MEMORY: Final = ":memory:"

_TABLES: Final = (
    """CREATE TABLE cache.event (
        calendar_id TEXT NOT NULL, event_id TEXT NOT NULL, unit TEXT NOT NULL, kind TEXT NOT NULL, ical_uid TEXT,
        starts_at TEXT, ends_at TEXT, seen TEXT NOT NULL, seq INTEGER NOT NULL, read_no INTEGER NOT NULL,
        body TEXT NOT NULL, PRIMARY KEY (calendar_id, event_id)
    ) STRICT""",
    "CREATE INDEX cache.event_calendar_id_unit ON event (calendar_id, unit)",
    "CREATE INDEX cache.event_calendar_id_seq ON event (calendar_id, seq)",
    "CREATE INDEX cache.event_calendar_id_ical_uid ON event (calendar_id, ical_uid)",
    "CREATE TABLE cache.held (calendar_id TEXT NOT NULL PRIMARY KEY, rows_mark TEXT NOT NULL) STRICT",
    f"PRAGMA cache.application_id = {CACHE_ID}",
    f"PRAGMA cache.user_version = {VERSION}",
)

_log = structlog.get_logger(__name__)


def cache_path(path: Path) -> Path:
    """Where the second file of a database lies."""
    return path.with_name(f"{path.stem}-cache.db")


# -- the file --------------------------------------------------------------------------------------------------------


def attach(connection: sqlite3.Connection, path: str) -> None:
    """Attach the second file of a database, made where it is missing or of no use.

    Args:
        connection: the one that writes, outside a transaction.
        path: of the database, or `:memory:`.

    Raises:
        StorageError, sqlite3.Error: it can neither be used nor be made.
    """
    target = IN_MEMORY
    if path != IN_MEMORY:
        file = cache_path(Path(path))
        _prepare(file)
        target = str(file)
    connection.execute("ATTACH DATABASE ? AS cache", (target,))
    connection.execute("PRAGMA cache.journal_mode = wal")
    # What a power cut takes away here is read anew; an intent is in the other file, which waits for the disk.
    connection.execute("PRAGMA cache.synchronous = normal")
    if connection.execute("PRAGMA cache.user_version").fetchone() != (VERSION,):
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute("COMMIT")


def drop(database: Database, path: Path, reason: str) -> None:
    """Throw the second file of an open database away and begin another; calendars are read whole after it. Never during
    a read or a run: what it read before would be missing, and nothing would tell.

    Raises:
        StorageError: it cannot be made anew, or is in use by a transaction.
    """
    with storage_errors():
        database.sqlite.execute("DETACH DATABASE cache")
        throw_away(path, reason)
        attach(database.sqlite, str(path))
    settle(database)


def throw_away(path: Path, reason: str) -> None:
    """Remove the second file of a database that nobody has open. Raises StorageError."""
    file = cache_path(path)
    if file.exists():
        _log.warning("cache.dropped", reason=reason)
    with writable(file.parent):
        remove_database(file)


def why_useless(file: Path, *, thoroughly: bool = False) -> str | None:
    """What is wrong with a second file, None where it can be used. Changes nothing.

    Args:
        thoroughly: look at everything (`integrity_check`), not only at what a start looks at.
    """
    check = "integrity_check" if thoroughly else "quick_check"
    try:
        # A file the app may write to meanwhile is not looked at as one that nobody writes.
        with closing(open_beside(file) if thoroughly else open_to_look(file)) as connection:
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if (application_id, version) != (CACHE_ID, VERSION):
                return "it is of another version"
            (verdict,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return None if verdict == "ok" else str(verdict)


def _prepare(file: Path) -> None:
    """Leave a file that can be used, or an empty one; closed to other users."""
    if file.exists() and file.stat().st_size > 0:
        with writable(file.parent):
            file.chmod(0o600)
        reason = why_useless(file)
        if reason is None:
            return
        _log.warning("cache.dropped", reason=reason)
    with writable(file.parent):
        # A log of a file that is gone belongs to nothing.
        remove_database(file)
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


# -- what of it counts -----------------------------------------------------------------------------------------------


def settle(database: Database) -> list[str]:
    """Forget the rows of every calendar whose mark is not that of the database, as after a kill between the two files
    or a database put in the place of another; returns the ids of these calendars."""
    with database.transaction():
        database.change("DELETE FROM event WHERE calendar_id NOT IN (SELECT calendar_id FROM calendar)")
        database.change("DELETE FROM held WHERE calendar_id NOT IN (SELECT calendar_id FROM calendar)")
        found = database.select(
            "SELECT calendar.calendar_id FROM calendar LEFT JOIN held ON held.calendar_id = calendar.calendar_id "
            "WHERE calendar.rows_mark <> coalesce(held.rows_mark, '') ORDER BY calendar.calendar_id"
        )
        for (calendar_id,) in found:
            forget_rows(database, calendar_id)
    if found:
        _log.warning("cache.rows_lost", calendars=len(found))
    return [calendar_id for (calendar_id,) in found]


def forget_rows(database: Database, calendar_id: str) -> None:
    """A calendar lost its rows: it is read whole, and then every original of its directions is planned once. Inside a
    transaction."""
    database.change("DELETE FROM event WHERE calendar_id = ?", (calendar_id,))
    database.change(
        "UPDATE calendar SET cursor = NULL, position = NULL, complete_at = NULL, covers_from = NULL, covers_to = NULL, "
        "seq = seq + 1, lost_seq = seq + 1 WHERE calendar_id = ?",
        (calendar_id,),
    )
    put_mark(database, calendar_id)


def put_mark(database: Database, calendar_id: str) -> None:
    """The rows of a calendar change: both files say so in the same words. Inside the transaction that changes them."""
    mark = token_hex(8)
    database.change("UPDATE calendar SET rows_mark = ? WHERE calendar_id = ?", (mark, calendar_id))
    database.change(
        "INSERT INTO held (calendar_id, rows_mark) VALUES (?, ?) "
        "ON CONFLICT (calendar_id) DO UPDATE SET rows_mark = excluded.rows_mark",
        (calendar_id, mark),
    )


def has_its_rows(database: Database, calendar_id: str) -> bool:
    """Whether the rows of a calendar are those the database knows of."""
    found = database.one(
        "SELECT calendar.rows_mark = coalesce(held.rows_mark, '') FROM calendar "
        "LEFT JOIN held ON held.calendar_id = calendar.calendar_id WHERE calendar.calendar_id = ?",
        (calendar_id,),
    )
    return found is None or bool(found[0])
