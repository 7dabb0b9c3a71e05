"""What undo needs: fields that stay as they are because their change was undone, and the writes of one run at hand."""

from __future__ import annotations

import peewee
from playhouse.migrate import SchemaMigrator, migrate


def up(migrator: SchemaMigrator, db: peewee.SqliteDatabase) -> None:
    """Add a column and an index; nothing is pinned in earlier rows."""
    migrate(
        # In one statement: the migrator makes a table anew for a column that is never null, and no longer a strict one.
        migrator.sql("""ALTER TABLE copy ADD COLUMN "pins" TEXT NOT NULL DEFAULT '{}'"""),
        migrator.add_index("journal", ("run_id",)),
    )
