"""The tables as they are now. Repositories build queries from these classes; values never leave as instances of them.

The classes are bound to no database: every query is run on the connection it is given, so that two databases can be
open in one process. Whoever changes a table here adds a migration; a test compares both.
Links, copies and the journal refer to nothing by foreign key: what we know of a copy outlives whatever it came from.
"""

from __future__ import annotations

import peewee
from playhouse.sqlite_ext import AutoIncrementField


class Table(peewee.Model):
    """What all tables share: SQLite checks the type of every value (https://sqlite.org/stricttables.html)."""

    class Meta:
        legacy_table_names = False
        strict_tables = True


class State(Table):
    """Small things the app remembers about itself."""

    key = peewee.TextField(primary_key=True)
    value = peewee.TextField()


class Secret(Table):
    """Sealed blobs; only `app.auth` can open them."""

    account_id = peewee.TextField(primary_key=True)
    sealed = peewee.BlobField()


class Account(Table):
    """Sign-ins. Removed ones stay as an empty shell, so that signing in again finds its id."""

    id = peewee.TextField(primary_key=True)
    provider = peewee.TextField()
    subject = peewee.TextField()
    email = peewee.TextField()
    status = peewee.TextField()
    display_name = peewee.TextField()
    scopes = peewee.TextField()
    sandbox = peewee.IntegerField()
    created_at = peewee.TextField(null=True)
    expires_at = peewee.TextField(null=True)
    problem = peewee.TextField(null=True)
    removed_at = peewee.TextField(null=True)

    class Meta:
        indexes = ((("provider", "subject"), True),)


class Connection(Table):
    """Calendars of accounts. Removed ones keep their id and key, so that a later pair finds its copies."""

    id = peewee.TextField(primary_key=True)
    account = peewee.ForeignKeyField(Account, column_name="account_id", on_delete="RESTRICT", backref="connections")
    provider = peewee.TextField()
    calendar_id = peewee.TextField()
    calendar_key = peewee.TextField()
    name = peewee.TextField()
    access = peewee.TextField()
    zone = peewee.TextField()
    is_primary = peewee.IntegerField()
    status = peewee.TextField()
    problem = peewee.TextField(null=True)
    last_synced_at = peewee.TextField(null=True)
    colour = peewee.TextField(null=True)
    removed_at = peewee.TextField(null=True)

    class Meta:
        indexes = ((("account", "calendar_key"), True),)


class Pair(Table):
    """Sync pairs. Removed ones stay for the history."""

    id = peewee.TextField(primary_key=True)
    connection_a = peewee.ForeignKeyField(
        Connection, column_name="connection_a_id", on_delete="RESTRICT", backref="pairs_a"
    )
    connection_b = peewee.ForeignKeyField(
        Connection, column_name="connection_b_id", on_delete="RESTRICT", backref="pairs_b"
    )
    mode = peewee.TextField()
    direction = peewee.TextField()
    status = peewee.TextField()
    settings = peewee.TextField()
    settings_b_to_a = peewee.TextField(null=True)
    settings_no = peewee.IntegerField()
    interval_seconds = peewee.IntegerField()
    paused_until = peewee.TextField(null=True)
    pause_reason = peewee.TextField(null=True)
    created_at = peewee.TextField(null=True)
    last_synced_at = peewee.TextField(null=True)
    problem = peewee.TextField(null=True)
    removed_at = peewee.TextField(null=True)


class Direction(Table):
    """Directions of pairs. One that was removed keeps its key and copies; a pair that wants the key takes it over."""

    id = peewee.TextField(primary_key=True)
    pair = peewee.ForeignKeyField(Pair, column_name="pair_id", on_delete="RESTRICT", backref="directions")
    key = peewee.TextField(unique=True)
    source = peewee.ForeignKeyField(Connection, column_name="source_id", on_delete="RESTRICT", backref="directions_out")
    target = peewee.ForeignKeyField(Connection, column_name="target_id", on_delete="RESTRICT", backref="directions_in")
    planned_settings_no = peewee.IntegerField()
    planned_seq_source = peewee.IntegerField()
    planned_seq_target = peewee.IntegerField()
    adopted = peewee.IntegerField()
    removed_at = peewee.TextField(null=True)
    other_installation_at = peewee.TextField(null=True)
    calendars = peewee.TextField(null=True)


class Calendar(Table):
    """State of the view of each calendar, by connection id; its rows are in the second file (`cache`).

    `rows_mark` stands beside them too, or they are lost; `lost_seq` is the `seq` at which they last were.
    """

    calendar_id = peewee.TextField(primary_key=True)
    cursor = peewee.TextField(null=True)
    position = peewee.TextField(null=True)
    read_no = peewee.IntegerField()
    seq = peewee.IntegerField()
    complete_at = peewee.TextField(null=True)
    covers_from = peewee.TextField(null=True)
    covers_to = peewee.TextField(null=True)
    zone = peewee.TextField(null=True)
    role = peewee.TextField(null=True)
    live_count = peewee.IntegerField()
    rows_mark = peewee.TextField(default="", constraints=[peewee.SQL("DEFAULT ''")])
    lost_seq = peewee.IntegerField(default=0, constraints=[peewee.SQL("DEFAULT 0")])


class Link(Table):
    """Originals and their copies. `due_at` is the earlier of `retry_at` and `replan_at`."""

    direction_id = peewee.TextField()
    original_id = peewee.TextField()
    occ = peewee.TextField()
    copy_key = peewee.TextField()
    state = peewee.TextField()
    reason = peewee.TextField()
    base_original = peewee.TextField()
    rewrites = peewee.TextField()
    retry_at = peewee.TextField(null=True)
    replan_at = peewee.TextField(null=True)
    tries = peewee.IntegerField()
    due_at = peewee.TextField(null=True)
    checksum = peewee.IntegerField()

    class Meta:
        primary_key = peewee.CompositeKey("direction_id", "original_id", "occ")
        indexes = (
            (("direction_id", "copy_key"), False),
            (("direction_id", "due_at"), False),
        )


class Copy(Table):
    """Copies, the gone ones too: they remember the generation of the id."""

    direction_id = peewee.TextField()
    copy_key = peewee.TextField()
    generation = peewee.IntegerField()
    event_id = peewee.TextField()
    parent = peewee.TextField()
    form = peewee.TextField()
    state = peewee.TextField()
    etag = peewee.TextField()
    stamp = peewee.TextField()
    base_copy = peewee.TextField()
    cancelled = peewee.TextField()
    wanted = peewee.TextField()
    checksum = peewee.IntegerField()
    written_at = peewee.TextField(null=True)
    pins = peewee.TextField(default="{}", constraints=[peewee.SQL("DEFAULT '{}'")])

    class Meta:
        primary_key = peewee.CompositeKey("direction_id", "copy_key")
        indexes = (
            (("direction_id", "event_id"), False),
            (("direction_id", "parent"), False),
        )


class Journal(Table):
    """Every write, before it is sent. Row numbers are never used again."""

    id = AutoIncrementField()
    direction_id = peewee.TextField()
    run_id = peewee.TextField()
    op = peewee.TextField()
    original_id = peewee.TextField()
    reason = peewee.TextField()
    state = peewee.TextField()
    first_try_at = peewee.TextField()
    last_try_at = peewee.TextField()
    tries = peewee.IntegerField()
    closed_at = peewee.TextField(null=True)
    body = peewee.TextField()
    checksum = peewee.IntegerField()

    class Meta:
        indexes = (
            (("direction_id", "state"), False),
            (("direction_id", "closed_at"), False),
            (("closed_at",), False),
            (("run_id",), False),
        )


class Run(Table):
    """Runs, also of pairs that are gone."""

    id = peewee.TextField(primary_key=True)
    pair_id = peewee.TextField()
    trigger = peewee.TextField()
    status = peewee.TextField()
    created_at = peewee.TextField()
    dry = peewee.IntegerField()
    started_at = peewee.TextField(null=True)
    finished_at = peewee.TextField(null=True)
    processed = peewee.IntegerField()
    created = peewee.IntegerField()
    updated = peewee.IntegerField()
    deleted = peewee.IntegerField()
    skipped = peewee.IntegerField()
    held = peewee.IntegerField()
    failed = peewee.IntegerField()
    errors = peewee.TextField()
    reason = peewee.TextField(null=True)

    class Meta:
        indexes = (
            (("pair_id", "created_at"), False),
            (("created_at",), False),
        )


class Action(Table):
    """The story of a run, line by line."""

    id = peewee.AutoField()
    run_id = peewee.TextField(index=True)
    direction_id = peewee.TextField()
    original_id = peewee.TextField()
    occ = peewee.TextField()
    verb = peewee.TextField()
    reason = peewee.TextField()
    sentence = peewee.TextField()
    result = peewee.TextField()
    fields = peewee.TextField()
    title = peewee.TextField()
    starts_at = peewee.TextField(null=True)
    all_day = peewee.IntegerField()


class Hold(Table):
    """What waits for the user: at most one of each cause in a direction."""

    id = peewee.TextField(primary_key=True)
    pair_id = peewee.TextField(index=True)
    direction_id = peewee.TextField()
    cause = peewee.TextField()
    opened_at = peewee.TextField()
    expected = peewee.IntegerField()
    samples = peewee.TextField()
    answer = peewee.TextField(null=True)
    answered_at = peewee.TextField(null=True)

    class Meta:
        indexes = ((("direction_id", "cause"), True),)


class HoldItem(Table):
    """Originals a hold concerns."""

    hold_id = peewee.TextField()
    original_id = peewee.TextField()

    class Meta:
        primary_key = peewee.CompositeKey("hold_id", "original_id")


class ApiKey(Table):
    """API keys by the digest of what the caller shows."""

    id = peewee.TextField(primary_key=True)
    kind = peewee.TextField()
    label = peewee.TextField()
    scopes = peewee.TextField()
    digest = peewee.TextField(unique=True)
    created_at = peewee.TextField()
    expires_at = peewee.TextField(null=True)
    last_used_at = peewee.TextField(null=True)
    revoked_at = peewee.TextField(null=True)
    connection_ids = peewee.TextField()
    pair_ids = peewee.TextField()
    ending = peewee.TextField(default="", constraints=[peewee.SQL("DEFAULT ''")])


TABLES: tuple[type[Table], ...] = (
    State,
    Secret,
    Account,
    Connection,
    Pair,
    Direction,
    Calendar,
    Link,
    Copy,
    Journal,
    Run,
    Action,
    Hold,
    HoldItem,
    ApiKey,
)


def select_from(table: type[Table]) -> str:
    """`SELECT` of all columns of a table under the names of its fields, as text to be gone on with.

    For what is looked up at every step of the app: to build such a query anew takes peewee twenty times as long as
    SQLite needs for the answer.
    """
    columns = ", ".join(f'"{field.column_name}" AS "{field.name}"' for field in table._meta.sorted_fields)
    return f'SELECT {columns} FROM "{table._meta.table_name}"'  # noqa: S608 - our own names


def insert_into(table: type[Table]) -> str:
    """`INSERT` of a whole row of a table, its values by the names of its fields; for the same reason as text."""
    fields = table._meta.sorted_fields
    columns = ", ".join(f'"{field.column_name}"' for field in fields)
    values = ", ".join(f":{field.name}" for field in fields)
    return f'INSERT INTO "{table._meta.table_name}" ({columns}) VALUES ({values})'  # noqa: S608 - our own names


def count_all() -> peewee.Node:
    """`count(*)` under the name `total`."""
    return peewee.fn.COUNT(peewee.SQL("*")).alias("total")
