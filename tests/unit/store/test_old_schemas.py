"""A database of every version whose schema ever landed is upgraded with all that is in it (`old_schema` says how they
are made)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.links import IntentState
from app.store import Store
from app.store.backups import backup_folder
from app.store.database import Database
from app.store.opening import HISTORY, RENAMED, migration_names, open_memory
from app.store.proving import prove
from app.store.restoring import recover
from tests.unit.store import old_schema
from tests.unit.store.samples import NOW, clock

SCHEMAS = Path(__file__).parents[2] / "data" / "schemas"
SECOND_FILE = "0006_second_file"
EVERY = sorted(SCHEMAS.glob("*.sql"))


def made(old: Path, path: Path) -> None:
    """The database that a dump tells of."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(old.read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode = wal")


def schema(database: Database) -> dict[str, str]:
    sql = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'sqlite%' AND tbl_name <> ?"
    return dict(database.select(sql, [HISTORY]))


def test_every_migration_that_landed_left_a_database_behind() -> None:
    wanted = {*migration_names(), *RENAMED}
    assert {old.stem for old in EVERY} == wanted, (
        "whoever lands a migration also lands its database: python -m tests.unit.store.old_schema "
        f"tests/data/schemas/{migration_names()[-1]}.sql"
    )


@pytest.mark.parametrize("old", EVERY, ids=[old.stem for old in EVERY])
def test_a_database_of_this_version_is_upgraded_with_all_that_is_in_it(old: Path, tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    made(old, path)
    for start in range(2):
        with Store.open(path, now=clock) as store:
            fresh = open_memory()
            assert schema(store.database) == schema(fresh)
            fresh.close()
            assert store.database.one("PRAGMA user_version") == (len(migration_names()),)
            assert [one.email for one in store.accounts.list()] == ["ada1@example.com"]
            assert [pair.id for pair in store.pairs.list()] == ["pair_1"]
            (direction,) = store.pairs.directions("pair_1")
            seen = {row.event.id for row in store.ledger.rows("conn_work", None)}
            # From then on what calendars hold is in a file of its own, which no dump has: it is read anew.
            in_it = old.stem < SECOND_FILE
            assert seen == ({"a", "b", "s", "s_9"} if in_it else set())
            assert store.ledger.view("conn_work").cursor == ("cursor" if in_it else None)
            assert store.database.one("SELECT count(*) FROM main.sqlite_master WHERE name = 'event'") == (0,)
            (link,) = store.ledger.links(direction.id, ["a"])
            assert (link.copy_key, dict(link.base_original)) == ("key-a", {"title": "x"})
            (copy,) = store.ledger.copies(direction.id, ["key-a"])
            assert (copy.event_id, dict(copy.pins)) == ("id-a", {})
            (pending,) = store.ledger.pending_intents(direction.id)
            assert (pending.original_id, pending.state) == ("b", IntentState.PENDING)
            assert [action.title for action in store.runs.actions("sync_run_1")] == ["Dentist"]
            assert store.prove() == []
            # The start that upgraded backed the old one up; the next found nothing to do.
            changed = old.stem != migration_names()[-1]
            assert len(list(backup_folder(path).glob("*.db"))) == int(changed), start


@pytest.mark.parametrize("old", EVERY, ids=[old.stem for old in EVERY])
def test_of_a_damaged_database_of_this_version_accounts_and_pairs_are_kept(old: Path, tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    made(old, path)
    assert recover(path, NOW).settings_kept
    with Store.open(path, now=clock) as store:
        assert [pair.id for pair in store.pairs.list()] == ["pair_1"]
        assert prove(path) == []


def test_the_newest_dump_is_what_this_version_makes(tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    old_schema.fill(path)
    with closing(sqlite3.connect(path)) as ours, closing(sqlite3.connect(":memory:")) as kept:
        kept.executescript((SCHEMAS / f"{migration_names()[-1]}.sql").read_text(encoding="utf-8"))
        tables = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        assert ours.execute(tables).fetchall() == kept.execute(tables).fetchall()
