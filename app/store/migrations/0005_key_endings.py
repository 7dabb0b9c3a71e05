"""The last characters of API keys, so that a person knows one again: its text is kept nowhere."""

from __future__ import annotations

import peewee
from playhouse.migrate import SchemaMigrator, migrate


def up(migrator: SchemaMigrator, db: peewee.SqliteDatabase) -> None:
    """Add a column; of earlier keys nobody knows how they end."""
    # In one statement: the migrator makes a table anew for a column that is never null, and no longer a strict one.
    migrate(migrator.sql("""ALTER TABLE api_key ADD COLUMN "ending" TEXT NOT NULL DEFAULT ''"""))
