"""What the guard compares: whose the two calendars of a direction were, as what, and in which zones."""

from __future__ import annotations

import peewee
from playhouse.migrate import SchemaMigrator, migrate


def up(migrator: SchemaMigrator, db: peewee.SqliteDatabase) -> None:
    """Add a column; of earlier directions it is not known, and their next good run fills it."""
    migrate(migrator.add_column("direction", "calendars", peewee.TextField(null=True)))
