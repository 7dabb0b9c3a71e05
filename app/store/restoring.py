"""Another database in the place of the one that is there: a backup, or where none is good what can still be read.

The file that was there is kept, always. What is put in place is made and proved beside it first and appears by one
rename, so a kill at any moment leaves the old database or the new one; `finish` completes what was begun. Whatever is
put in place counts as older than what was done last: it adopts and deletes nothing until both calendars were read whole
(`engine.md` §10). Every function here needs the single-writer lock, and nobody may have the database open.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import structlog

from app.domain.backups import Backup, Reason, Restored
from app.domain.errors import NotFoundError, StorageError
from app.store.backups import (
    SIDE_FILES,
    backup_folder,
    backup_name,
    backups_of,
    is_sound,
    made_at,
    open_still,
    open_to_look,
    remove_database,
    writable,
)
from app.store.cache import cache_path
from app.store.failures import storage_errors
from app.store.opening import HISTORY, MIGRATIONS, RENAMED, migration_names, open_database
from app.store.state import BEHIND, RESTORED, UNAUDITED

ASIDE = "set-aside"
"""The folder beside the database where what was replaced is kept."""

_KEPT_TABLES = ("secret", "account", "connection", "pair", "direction", "api_key")
"""What a person would have to enter anew. The rest is read from the calendars again."""
_log = structlog.get_logger(__name__)


# -- looking ---------------------------------------------------------------------------------------------------------


def list_backups(path: Path) -> list[Backup]:
    """The backups of a database, the newest first, each read from beginning to end."""
    return [_look_at(backup) for backup in backups_of(path)]


def _look_at(backup: Path) -> Backup:
    sound = is_sound(backup, thoroughly=True)
    usable = sound and _is_known(backup)
    return Backup(backup.name, made_at(backup), backup.stat().st_size, sound, usable)


def _is_known(backup: Path) -> bool:
    """Whether this version of Kalends knows all that a sound backup has."""
    try:
        with closing(open_still(backup)) as connection:
            applied = {name for (name,) in connection.execute(f"SELECT name FROM {HISTORY}")}  # noqa: S608 - a constant
    except sqlite3.Error:
        return False
    return applied <= {*migration_names(MIGRATIONS), *RENAMED}


def was_emptied(path: Path) -> bool:
    """Whether a database that was in use has become an empty file, as a file system may leave it after a power cut."""
    log = path.with_name(path.name + "-wal")
    beside = path.with_name(f"{path.stem}-installation.json")
    if not path.exists() or path.stat().st_size > 0 or not beside.exists():
        return False
    return not log.exists() or log.stat().st_size == 0


# -- putting in place ------------------------------------------------------------------------------------------------


def restore(path: Path, name: str, now: datetime) -> Restored:
    """Put a backup in the place of the database, because a person asked.

    Args:
        name: of the backup, or `newest` for the newest good one.

    Raises:
        NotFoundError: there is no such backup.
        StorageError: `database_corrupt` or `database_newer` for a backup that cannot be used, `database_full`,
            `home_unwritable`. The database is then as it was.
    """
    known = list_backups(path)
    if name == "newest":
        found = next((backup for backup in known if backup.usable), None)
    else:
        found = next((backup for backup in known if backup.name == name), None)
    if found is None:
        raise NotFoundError("There is no such backup.", fix="`kalends backup list` names those that there are.")
    if not found.sound:
        raise StorageError("This backup is damaged.", code="database_corrupt", fix="Choose another one.")
    if not found.usable:
        raise StorageError(
            "This backup was made by a newer version of Kalends.",
            code="database_newer",
            fix="Choose another one, or install that version again.",
        )
    return _put_in_place(path, found, Reason.ASKED, now)


def recover(path: Path, now: datetime) -> Restored:
    """Put something good in the place of a damaged database: the newest good backup, else accounts and pairs as far as
    they can be read, else nothing.

    Raises:
        StorageError: as `restore`; the damaged file is then where it was.
    """
    usable = next((backup for backup in list_backups(path) if backup.usable), None)
    restored = _put_in_place(path, usable, Reason.DAMAGED, now)
    _log.error(
        "database.recovered",
        backup=restored.backup,
        settings_kept=restored.settings_kept,
        aside=restored.aside,
    )
    return restored


def finish(path: Path) -> None:
    """Complete a replacement that the end of the process cut short, or drop what was only prepared."""
    part = _part(path)
    if not part.exists():
        return
    if path.exists():
        remove_database(part)
        return
    with writable(path.parent):
        for suffix in SIDE_FILES:
            left = path.with_name(path.name + suffix)
            if left.exists():
                # It belongs to the file that was set aside, and would be taken for the new one's.
                left.replace(_free_name(path.parent / ASIDE, f"{path.stem}-unknown", suffix))
        os.replace(part, path)
    _log.warning("database.replacement_finished")


def _put_in_place(path: Path, backup: Backup | None, reason: Reason, now: datetime) -> Restored:
    part = _part(path)
    remove_database(part)
    remove_database(cache_path(part))
    aside = _aside_name(path, reason, now)
    restored = Restored(now, reason, aside=str(aside) if path.exists() else None)
    try:
        if backup is not None:
            restored = replace(restored, backup=backup.name, backup_at=backup.made_at)
            _copy(backup_folder(path) / backup.name, part)
        else:
            restored = replace(restored, settings_kept=_begin_anew(path, part, now))
        _note(part, restored)
        if not is_sound(part, thoroughly=True):
            raise StorageError("What was to be put in place of the database could not be read back.")
    except BaseException:
        remove_database(part)
        raise
    with writable(path.parent):
        for suffix in ("", *SIDE_FILES):
            old = path.with_name(path.name + suffix)
            if old.exists():
                old.replace(aside.with_name(aside.name + suffix))
        os.replace(part, path)
        _sync_folder(path.parent)
        remove_database(cache_path(part))
    return restored


def _copy(backup: Path, part: Path) -> None:
    with writable(part.parent):
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with storage_errors(), closing(open_still(backup)) as source, closing(sqlite3.connect(part)) as copy:
        source.backup(copy)


def _note(part: Path, restored: Restored) -> None:
    """What is put in place knows that it was, and that it is older than what was done last."""
    noted = {BEHIND: "0", RESTORED: restored.as_text()}
    with storage_errors(), closing(sqlite3.connect(part)) as connection, connection:
        connection.execute("PRAGMA synchronous = full")
        connection.execute("DELETE FROM state WHERE key = ?", (UNAUDITED,))
        connection.executemany("INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", noted.items())


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".restoring")


def _aside_name(path: Path, reason: Reason, now: datetime) -> Path:
    folder = path.parent / ASIDE
    with writable(path.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    stem = backup_name(path, now).removesuffix(".db")
    return _free_name(folder, f"{stem}-{'damaged' if reason is Reason.DAMAGED else 'replaced'}", "")


def _free_name(folder: Path, stem: str, suffix: str) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    number = 1
    while (found := folder / f"{stem}{f'-{number}' if number > 1 else ''}.db{suffix}").exists():
        number += 1
    return found


def _sync_folder(folder: Path) -> None:
    """Renames are durable once their folder is (POSIX); Windows has no such call and needs none."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# -- without a backup ------------------------------------------------------------------------------------------------


def _begin_anew(path: Path, part: Path, now: datetime) -> bool:
    """Make a new database, with the accounts and pairs of the damaged one; answers whether they could be read."""
    try:
        kept = _settings_of(path)
    except (sqlite3.Error, StorageError) as error:
        _log.warning("database.nothing_kept", error=str(error))
        kept = []
    for rows in (kept, []):
        remove_database(part)
        open_database(part, now).close()
        if not rows:
            break
        try:
            _fill(part, rows)
        except sqlite3.Error as error:
            _log.warning("database.nothing_kept", error=str(error))
            continue
        return True
    return False


Rows = tuple[str, Sequence[str], Sequence[tuple[object, ...]]]
"""A table, its columns, its rows."""


def _settings_of(path: Path) -> list[Rows]:
    """The small tables of a damaged file, all of them or none. Raises sqlite3.Error."""
    if not path.exists():
        return []
    with closing(open_to_look(path)) as connection:
        return list(_tables(connection))


def _tables(connection: sqlite3.Connection) -> Iterator[Rows]:
    state = connection.execute("SELECT key, value FROM state WHERE key IN ('installation', 'epoch', 'demo_data_key')")
    yield "state", ("key", "value"), state.fetchall()
    for table in _KEPT_TABLES:
        cursor = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - names of our own
        columns = [column[0] for column in cursor.description]
        yield table, columns, cursor.fetchall()


def _fill(part: Path, tables: Sequence[Rows]) -> None:
    """Put rows into a new database. Raises sqlite3.Error when they do not fit together."""
    with closing(sqlite3.connect(part)) as connection, connection:
        for table, columns, rows in tables:
            there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if not set(columns) <= there:
                raise sqlite3.DatabaseError(f"table {table} has columns of another version")
            marks = ", ".join("?" * len(columns))
            sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of our own
            connection.executemany(sql, rows)
        # Nothing is known of any calendar: all is read anew, and copies are listed by their marks.
        connection.execute("UPDATE direction SET planned_seq_source = 0, planned_seq_target = 0, adopted = 0")
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise sqlite3.IntegrityError("what could be read does not hang together")
