"""What carrying edits to originals needs to know: when a copy was written, and whether another installation writes."""

from __future__ import annotations

import peewee
from playhouse.migrate import SchemaMigrator, migrate


def up(migrator: SchemaMigrator, db: peewee.SqliteDatabase) -> None:
    """Add two columns; what they say of earlier rows is that it is not known."""
    migrate(
        migrator.add_column("copy", "written_at", peewee.TextField(null=True)),
        migrator.add_column("direction", "other_installation_at", peewee.TextField(null=True)),
    )
