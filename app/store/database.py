"""The one connection that writes: opening pragmas, transactions, the second file attached to it.

It knows nothing of tables. One thread opens, uses and closes it (`architecture.md`: SQLite belongs to the core loop's
thread); any other thread gets an error instead of a second connection. Readers get values, never live cursors.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, cast

import peewee

from app.domain.errors import StorageError
from app.store.cache import attach
from app.store.failures import storage_error, storage_errors

CHUNK = 200
"""Rows of one `executemany`: long enough to be cheap, short enough not to hold the loop."""

BUSY_TIMEOUT_SECONDS = 5
_PRAGMAS = (
    ("foreign_keys", 1),
    ("journal_mode", "wal"),
    # NORMAL may lose the last commits on power loss: an intent must be on the disk before its write is sent.
    ("synchronous", "full"),
)

Values = Sequence[object]
Record = tuple[Any, ...]


class Database:
    """An open database. Every change happens in `transaction()`, which begins IMMEDIATE: a read that later wants to
    write would fail at once instead of waiting (SQLITE_BUSY_SNAPSHOT)."""

    def __init__(self, path: str) -> None:
        """Connect.

        Args:
            path: a file that exists and was examined, or `:memory:`. The second file beside it is attached.

        Raises:
            StorageError: the second file can neither be used nor be made.
        """
        self._handle = peewee.SqliteDatabase(
            path,
            pragmas=_PRAGMAS,
            timeout=BUSY_TIMEOUT_SECONDS,
            lock_type="IMMEDIATE",
            autoconnect=False,
        )
        with storage_errors():
            self._handle.connect()
        try:
            with storage_errors():
                attach(self.sqlite, path)
        except BaseException:
            self._handle.close()
            raise

    @property
    def handle(self) -> peewee.SqliteDatabase:
        """The connection, for migrations and backup inside this package."""
        return self._handle

    @property
    def sqlite(self) -> sqlite3.Connection:
        """The driver's connection. Raises peewee's InterfaceError on any thread but the one that opened it."""
        return cast(sqlite3.Connection, self._handle.connection())  # type: ignore[no-untyped-call] # so in its stubs

    def close(self) -> None:
        """Give the file back. SQLite merges its write-ahead log then."""
        with storage_errors():
            self._handle.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Inside another transaction it is a savepoint of that one."""
        failure: BaseException | None = None
        try:
            with storage_errors(), self._handle.atomic():
                try:
                    yield
                except BaseException as error:
                    failure = error
                    raise
        except StorageError as error:
            if failure is None or error is failure:
                raise
            # On a full disk SQLite rolls back by itself, and peewee's own rollback then fails: the first error counts
            # (https://sqlite.org/lang_transaction.html, "response to errors within a transaction").
            if isinstance(failure, (sqlite3.Error, peewee.PeeweeException)):
                raise storage_error(failure) from failure
            raise failure from None

    # -- plain SQL, for look-ups and writes of many rows ---------------------------------------------------------------

    def select(self, sql: str, values: Values = ()) -> list[Record]:
        """All rows of one SELECT."""
        with storage_errors():
            return list(self.sqlite.execute(sql, tuple(values)))

    def one(self, sql: str, values: Values = ()) -> Record | None:
        """The first row of one SELECT, None if it has none."""
        rows = self.select(sql, values)
        return rows[0] if rows else None

    def rows(self, sql: str, values: Values = ()) -> list[dict[str, Any]]:
        """All rows of one SELECT, as column to value."""
        with storage_errors():
            cursor = self.sqlite.execute(sql, tuple(values))
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def change(self, sql: str, values: Values | Mapping[str, object] = ()) -> int:
        """One writing statement, its values in order or by name; answers how many rows it touched."""
        self._require_transaction()
        with storage_errors():
            return int(self.sqlite.execute(sql, values if isinstance(values, Mapping) else tuple(values)).rowcount)

    def change_many(self, sql: str, rows: Iterable[Values]) -> int:
        """One writing statement for many rows, in chunks; answers how many rows it touched."""
        self._require_transaction()
        touched = 0
        source = iter(rows)
        with storage_errors():
            while chunk := list(islice(source, CHUNK)):
                touched += int(self.sqlite.executemany(sql, chunk).rowcount)
        return touched

    # -- queries built with peewee, for everything small ---------------------------------------------------------------

    def fetch(self, query: peewee.SelectBase) -> list[dict[str, Any]]:
        """All rows of a query, as column to value."""
        with storage_errors():
            return list(query.dicts().execute(self._handle))

    def run(self, query: peewee.Insert | peewee.Update | peewee.Delete) -> int:
        """A writing query; answers how many rows it touched (for an insert, what SQLite tells)."""
        self._require_transaction()
        with storage_errors():
            return int(query.execute(self._handle) or 0)

    def _require_transaction(self) -> None:
        if not self._handle.in_transaction():
            raise RuntimeError("a change of the database needs a transaction around it")


AMONG = "(SELECT value FROM json_each(?))"
"""What stands after IN for a value made by `among`: a look-up of any size is one statement with one variable."""


def among(values: Collection[str]) -> str:
    """The value for `AMONG`."""
    return json.dumps(sorted(values))


def upsert(table: str, key: Sequence[str], columns: Sequence[str]) -> str:
    """INSERT of `columns` that updates the row of the same key instead (https://sqlite.org/lang_upsert.html)."""
    marks = ", ".join("?" * len(columns))
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) "  # noqa: S608 - names from our own code only
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}"
    )
