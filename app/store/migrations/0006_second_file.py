"""What calendars were last seen to hold goes into a file of its own, which can be thrown away and read anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import peewee
from playhouse.migrate import SchemaMigrator, migrate

_TAKE_ALONG = """
INSERT INTO cache.event (calendar_id, event_id, unit, kind, ical_uid, starts_at, ends_at, seen, seq, read_no, body)
SELECT calendar_id, event_id, unit, kind, ical_uid, starts_at, ends_at, seen, seq, read_no, body FROM main.event
"""


def up(migrator: SchemaMigrator, db: peewee.SqliteDatabase) -> None:
    """Take the rows along where the second file is of the first version; else every calendar is read whole once.

    A kill between the two files leaves the marks of one of them alone, and then the rows are read anew as well.
    """
    migrate(
        # In one statement each: the migrator makes a table anew for a column that is never null, and not a strict one.
        migrator.sql("""ALTER TABLE calendar ADD COLUMN "rows_mark" TEXT NOT NULL DEFAULT ''"""),
        migrator.sql("""ALTER TABLE calendar ADD COLUMN "lost_seq" INTEGER NOT NULL DEFAULT 0"""),
        migrator.sql("UPDATE calendar SET rows_mark = lower(hex(randomblob(8)))"),
    )
    execute: Callable[[str], Any] = db.execute_sql
    if execute("PRAGMA cache.user_version").fetchone() == (1,):
        execute("DELETE FROM cache.event")
        execute("DELETE FROM cache.held")
        execute(_TAKE_ALONG)
        execute("INSERT INTO cache.held SELECT calendar_id, rows_mark FROM main.calendar")
    execute("DROP TABLE main.event")
