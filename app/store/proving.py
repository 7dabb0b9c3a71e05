"""Whether everything in a database is as it was written: pages, indexes, references, and the checksums of rows.

Opens the file for reading alone, on a connection of its own, so on any thread and while the app writes. The start looks
at less (`opening`): this reads everything, and `integrity_check` alone misses a third of flipped bits
(`reliability.md` B4), which is why links, copies and the journal bear checksums.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from app.domain.errors import StorageError
from app.store.backups import open_beside, writable
from app.store.cache import cache_path, why_useless
from app.store.database import CHUNK
from app.store.directions import COPY_PROVED, LINK_PROVED, verify
from app.store.failures import storage_error

_FINDINGS_AT_MOST = 20
_PROVED = {
    "link": ", ".join(LINK_PROVED),
    "copy": ", ".join(COPY_PROVED),
    "journal": "id, body, checksum",
}


def prove(path: Path) -> list[str]:
    """What is wrong with a database, in words for the log; empty where all is well.

    Raises:
        StorageError: it could not be looked at for a reason other than damage (`database_locked`, `home_unwritable`).
    """
    try:
        with closing(open_beside(path)) as connection:
            return list(_findings(connection))[:_FINDINGS_AT_MOST]
    except sqlite3.Error as error:
        failure = storage_error(error)
        if failure.code in ("database_corrupt", "storage_error"):
            return [str(error)]
        raise failure from error


def prove_cache(path: Path) -> str | None:
    """What is wrong with the second file of a database, None where all is well or there is none."""
    file = cache_path(path)
    return why_useless(file, thoroughly=True) if file.exists() else None


def _findings(connection: sqlite3.Connection) -> Iterator[str]:
    for (verdict,) in connection.execute(f"PRAGMA integrity_check({_FINDINGS_AT_MOST})"):
        if verdict != "ok":
            yield str(verdict)
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"row {row} of table {table} refers to a row of table {parent} that is not there"
    for table, columns in _PROVED.items():
        yield from _broken_rows(connection, table, columns)


def _broken_rows(connection: sqlite3.Connection, table: str, columns: str) -> Iterator[str]:
    cursor = connection.execute(f"SELECT rowid, {columns} FROM {table}")  # noqa: S608 - names of our own
    while rows := cursor.fetchmany(CHUNK):
        for number, *record in rows:
            try:
                verify(tuple(record))
            except StorageError:
                yield f"row {number} of table {table} is not what was written"
        # Another thread keeps calendars in step meanwhile.
        time.sleep(0)


# -- what was found, until the next start ----------------------------------------------------------------------------


def note_damage(path: Path, findings: list[str], now: datetime) -> None:
    """Let the next start know that the database is damaged: it is not written to for that."""
    with writable(path.parent):
        file = _note(path)
        part = file.with_name(file.name + ".part")
        part.write_text("\n".join([now.isoformat(), *findings]) + "\n", encoding="utf-8")
        part.chmod(0o600)
        part.replace(file)


def is_noted(path: Path) -> bool:
    """Whether damage was found since the database was last put in order."""
    return _note(path).exists()


def forget_damage(path: Path) -> None:
    """The database was put in order, or is sound after all."""
    _note(path).unlink(missing_ok=True)


def _note(path: Path) -> Path:
    return path.with_name(f"{path.stem}-damaged.txt")
