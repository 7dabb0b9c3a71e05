"""Opening the database: what is refused stays untouched, migrations are all or nothing, backups are proved."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.errors import StorageError
from app.store import Store, backups, opening
from app.store.database import Database
from app.store.opening import HISTORY, MIGRATIONS, open_database
from app.store.tables import TABLES
from tests.unit.store.samples import NOW, account, clock, world

SECOND = """
import peewee

def up(migrator, db):
    migrator.migrate(migrator.add_column("state", "note", peewee.TextField(default="-")))
    db.execute_sql("CREATE TABLE added (id INTEGER PRIMARY KEY)")
    db.execute_sql("INSERT INTO added (id) VALUES (1)")
    db.execute_sql("UPDATE state SET value = value || '!'")
    {end}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "kalends.db"


def made(path: Path) -> bytes:
    """A database with something in it; answers its bytes."""
    with Store.open(path, now=clock) as store:
        world(store)
    return path.read_bytes()


def migrations(folder: Path, end: str = "") -> Path:
    """All migrations and one more."""
    folder.mkdir()
    for script in MIGRATIONS.glob("[0-9]*.py"):
        (folder / script.name).write_bytes(script.read_bytes())
    (folder / "9999_more.py").write_text(SECOND.format(end=end))
    return folder


def refused(path: Path, *, folder: Path = MIGRATIONS) -> StorageError:
    with pytest.raises(StorageError) as caught:
        open_database(path, NOW, migrations=folder)
    return caught.value


# -- files and settings ----------------------------------------------------------------------------------------------


def test_file_and_folder_are_closed_to_other_users(path: Path) -> None:
    with Store.open(path, now=clock) as store:
        store.state.put("a", "b")
        files = [*path.parent.iterdir()]
        assert path.with_name("kalends.db-wal") in files
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_existing_file_is_closed_to_other_users(path: Path) -> None:
    made(path)
    path.chmod(0o644)
    Store.open(path, now=clock).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_commits_are_durable_and_references_are_checked(path: Path) -> None:
    with Store.open(path, now=clock) as store:
        values = {
            name: store.database.one(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        assert values == {"journal_mode": ("wal",), "synchronous": (2,), "foreign_keys": (1,)}
        assert store.database.one("PRAGMA busy_timeout") == (5000,)


def test_every_write_transaction_takes_the_lock_at_its_beginning(path: Path) -> None:
    with Store.open(path, now=clock) as store:
        seen: list[str] = []
        store.database.sqlite.set_trace_callback(seen.append)
        store.accounts.add(account())
        assert seen[0] == "BEGIN IMMEDIATE"
        assert seen[-1] == "COMMIT"


def test_a_change_outside_a_transaction_is_a_defect(path: Path) -> None:
    with Store.open(path, now=clock) as store, pytest.raises(RuntimeError, match="transaction"):
        store.database.change("DELETE FROM state")


def test_a_commit_that_finds_the_disk_full_is_told_as_that_though_the_rollback_fails_after_it(path: Path) -> None:
    def full() -> None:
        # What SQLite does by itself then (https://sqlite.org/lang_transaction.html).
        store.database.sqlite.execute("ROLLBACK")
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with Store.open(path, now=clock) as store, pytest.MonkeyPatch.context() as broken:
        broken.setattr(store.database.handle, "commit", full)
        with pytest.raises(StorageError) as caught:
            store.state.put("a", "b")
        assert caught.value.code == "database_full"


def test_another_thread_gets_no_connection_of_its_own(path: Path) -> None:
    caught: list[Exception] = []

    def elsewhere() -> None:
        try:
            store.accounts.list()
        except StorageError as error:
            caught.append(error)

    with Store.open(path, now=clock) as store:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert len(caught) == 1


def test_a_writer_waits_its_turn_and_then_says_the_database_is_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(path)
    monkeypatch.setattr("app.store.database.BUSY_TIMEOUT_SECONDS", 0.05)
    with Store.open(path, now=clock) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError) as caught:
            store.state.put("a", "b")
        other.execute("ROLLBACK")
        assert caught.value.code == "database_locked"
        store.state.put("a", "b")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions stop")
def test_an_unwritable_folder_is_named(path: Path) -> None:
    path.parent.mkdir(mode=0o500)
    error = refused(path)
    assert error.code == "home_unwritable"
    assert str(path.parent) in str(error.fix)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert refused(tmp_path / "file" / "kalends.db").code == "home_unwritable"


# -- refusing --------------------------------------------------------------------------------------------------------


def test_a_file_of_another_program_is_refused_untouched(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (id INTEGER)")
    before = path.read_bytes()
    error = refused(path)
    assert error.code == "database_foreign"
    assert str(path) in str(error.fix)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\x00 and then nothing of it" * 50]
)
def test_a_file_that_is_no_database_is_refused_untouched(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    error = refused(path)
    assert error.code == "database_corrupt"
    assert "start again" in str(error.fix)
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == ["kalends.db"]


def test_a_damaged_database_is_refused_untouched_and_names_the_newest_good_backup(path: Path) -> None:
    with Store.open(path, now=clock) as store:
        world(store)
        good = store.backup()
    worse = good.with_name("kalends-20990101T000000.000000Z.db")
    worse.write_bytes(b"SQLite format 3\x00 damaged")
    content = bytearray(path.read_bytes())
    content[4096 : 3 * 4096] = os.urandom(2 * 4096)
    path.write_bytes(content)
    error = refused(path)
    assert error.code == "database_corrupt"
    assert f"kalends backup restore {good.name}" in str(error.fix)
    assert path.read_bytes() == content


def test_a_truncated_database_is_refused(path: Path) -> None:
    content = made(path)
    path.write_bytes(content[: len(content) // 2])
    assert refused(path).code == "database_corrupt"


def test_a_backup_put_in_place_opens_again(path: Path) -> None:
    with Store.open(path, now=clock) as store:
        world(store)
        good = store.backup()
    path.write_bytes(good.read_bytes())
    with Store.open(path, now=clock) as store:
        assert [pair.id for pair in store.pairs.list()] == ["pair_1"]
        assert store.state.installation().behind


def test_a_database_of_a_newer_version_is_refused_untouched(path: Path, tmp_path: Path) -> None:
    made(path)
    open_database(path, NOW, migrations=migrations(tmp_path / "newer")).close()
    before = path.read_bytes()
    error = refused(path)
    assert error.code == "database_newer"
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.glob("kalends.db*")] == ["kalends.db"]


def test_an_error_of_the_disk_is_not_taken_for_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(path)

    def pulled_out(_: Path) -> sqlite3.Connection:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
        raise error

    monkeypatch.setattr(opening, "open_to_look", pulled_out)
    assert refused(path).code == "home_unwritable"


def test_a_first_start_that_was_killed_is_begun_again(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as half:
        half.execute("PRAGMA journal_mode = wal")
    assert path.stat().st_size > 0
    with Store.open(path, now=clock) as store:
        assert store.accounts.list() == []


def test_a_first_start_that_failed_leaves_no_file(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        open_database(path, NOW, migrations=migrations(tmp_path / "broken", "1 / 0"))
    assert list(path.parent.iterdir()) == []


# -- migrations ------------------------------------------------------------------------------------------------------


def schema(database: Database) -> dict[str, str]:
    rows = database.select(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name NOT LIKE ?", [HISTORY]
    )
    return dict(rows)


def test_migrations_make_exactly_the_tables_of_the_models(store: Store) -> None:
    wanted = Database(":memory:")
    with wanted.handle.bind_ctx(TABLES):
        wanted.handle.create_tables(TABLES)
    assert schema(store.database) == schema(wanted)
    wanted.close()


def test_the_models_are_bound_to_no_database() -> None:
    assert [table for table in TABLES if table._meta.database is not None] == []


def test_nothing_refers_to_or_from_links_copies_and_the_journal(store: Store) -> None:
    """A row that says what we did to a calendar outlives whatever it came from."""
    for table in [table._meta.table_name for table in TABLES]:
        for reference in store.database.select(f"PRAGMA foreign_key_list({table})"):
            assert table not in ("link", "copy", "journal")
            assert reference[2] not in ("link", "copy", "journal")
            assert reference[6] == "RESTRICT"


def test_a_migration_is_preceded_by_a_backup_and_counted(path: Path, tmp_path: Path) -> None:
    made(path)
    database = open_database(path, NOW, migrations=migrations(tmp_path / "newer"))
    assert database.one("SELECT id FROM added") == (1,)
    names = [name for (name,) in database.select("SELECT name FROM schema_migration ORDER BY name")]
    assert names == [*opening.migration_names(), "9999_more"]
    assert database.one("PRAGMA user_version") == (len(names),)
    assert database.one("PRAGMA foreign_keys") == (1,)
    database.close()
    (backup,) = backups.backup_folder(path).iterdir()
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with Store.open(backup, now=clock) as old:
        assert [pair.id for pair in old.pairs.list()] == ["pair_1"]


def test_an_up_to_date_database_is_opened_without_a_backup(path: Path) -> None:
    made(path)
    Store.open(path, now=clock).close()
    assert not backups.backup_folder(path).exists()


@pytest.mark.parametrize("end", ["1 / 0", 'db.execute_sql("INSERT INTO added (id) VALUES (1)")'])
def test_a_migration_that_fails_leaves_the_old_database_usable(path: Path, tmp_path: Path, end: str) -> None:
    made(path)
    with pytest.raises((ZeroDivisionError, StorageError)):
        open_database(path, NOW, migrations=migrations(tmp_path / "broken", end))
    with Store.open(path, now=clock) as store:
        assert "added" not in schema(store.database)
        assert [pair.id for pair in store.pairs.list()] == ["pair_1"]
        store.accounts.add(account(2))


def test_a_migration_that_breaks_a_reference_is_undone(path: Path, tmp_path: Path) -> None:
    made(path)
    end = 'db.execute_sql("DELETE FROM account")'
    assert "broken reference" in refused(path, folder=migrations(tmp_path / "broken", end)).message
    with Store.open(path, now=clock) as store:
        assert [one.id for one in store.accounts.list()] == ["acct_1"]


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from app.store import opening
from app.store.database import Database

class Watched(Database):
    def __init__(self, path):
        super().__init__(path)
        self.sqlite.set_trace_callback(self.count)

    def count(self, statement):
        global begun, left
        begun = begun or statement.startswith("BEGIN")
        left -= begun
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

opening.Database = Watched
content = Path(sys.argv[1]).read_bytes()
for statement in range(1, 200):
    path = Path(sys.argv[3]) / str(statement) / "kalends.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    child = os.fork()
    if not child:
        begun, left = False, statement
        opening.open_database(path, datetime.now(UTC), migrations=Path(sys.argv[2])).close()
        os._exit(0)
    if os.waitpid(child, 0)[1] != signal.SIGKILL:
        break
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_kill_at_any_statement_of_a_migration_leaves_the_old_or_the_new_database(path: Path, tmp_path: Path) -> None:
    made(path)
    folder = migrations(tmp_path / "newer")
    arguments = [sys.executable, "-c", KILLED, str(path), str(folder), str(tmp_path / "killed")]
    ended = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    places = sorted((tmp_path / "killed").iterdir(), key=lambda place: int(place.name))
    states = []
    for place in places:
        with closing(sqlite3.connect(place / "kalends.db")) as found:
            (tables,) = found.execute("SELECT count(*) FROM sqlite_master WHERE name = 'added'").fetchone()
            columns = [row[1] for row in found.execute("PRAGMA table_info(state)")]
            states.append((tables, "note" in columns))
        database = open_database(place / "kalends.db", NOW, migrations=folder)
        assert database.one("SELECT id FROM added") == (1,)
        assert database.one("SELECT count(*) FROM state WHERE value LIKE '%!!'") == (0,)
        assert database.one("SELECT id FROM pair") == ("pair_1",)
        database.close()
    assert set(states) == {(0, False), (1, True)}, "whole or not at all"
    assert states.count((0, False)) > 10, "killed where it mattered"
    assert states[-1] == (1, True), "the last was not killed"


def test_an_installation_without_its_migrations_says_so(path: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "incomplete" in refused(path, folder=tmp_path / "empty").message


def test_a_migration_that_is_not_recorded_is_noticed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playhouse.migrations.Runner.up", lambda self: [])
    assert opening.migration_names()[-1] in refused(path).message


# -- backups ---------------------------------------------------------------------------------------------------------


def test_a_backup_holds_everything_and_is_closed_to_others(path: Path, tmp_path: Path) -> None:
    with Store.open(path, now=clock) as store:
        world(store)
        assert store.backup(tmp_path / "elsewhere" / "copy.db") == tmp_path / "elsewhere" / "copy.db"
    assert [file.name for file in (tmp_path / "elsewhere").iterdir()] == ["copy.db"]
    assert stat.S_IMODE((tmp_path / "elsewhere" / "copy.db").stat().st_mode) == 0o600
    with Store.open(tmp_path / "elsewhere" / "copy.db", now=clock) as copy:
        assert [pair.id for pair in copy.pairs.list()] == ["pair_1"]


def test_seven_backups_are_kept(path: Path) -> None:
    with Store.open(path, now=clock) as store:
        folder = backups.backup_folder(path)
        for day in range(1, 10):
            backups.back_up(store.database, folder / f"kalends-2026010{day}T000000.000000Z.db")
        assert sorted(file.name[8:16] for file in folder.iterdir()) == [f"2026010{day}" for day in range(3, 10)]


def test_a_clock_that_was_wrong_costs_no_good_backup(path: Path) -> None:
    with Store.open(path, now=clock) as store:
        folder = backups.backup_folder(path)
        for year in (2099, 2098, 2026, 2025, 2024, 2023, 2022, 2021):
            store.state.begin_epoch()
            backups.back_up(store.database, folder / f"kalends-{year}0101T000000.000000Z.db")
        # By age of what is in them, whatever their names say; the one made last is there though named the oldest.
        names = [backup.name[8:12] for backup in backups.backups_of(path)]
        assert names == ["2021", "2022", "2023", "2024", "2025", "2026", "2098"]


def test_what_a_killed_backup_left_goes_with_the_next(path: Path) -> None:
    with Store.open(path, now=clock) as store:
        folder = backups.backup_folder(path)
        folder.mkdir()
        (folder / "kalends-20250101T000000.000000Z.db.part").write_bytes(b"half")
        store.backup()
        assert [file.suffix for file in folder.iterdir()] == [".db"]


def test_a_backup_that_cannot_be_written_says_so(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with Store.open(path, now=clock) as store, pytest.raises(StorageError) as caught:
        store.backup(tmp_path / "file" / "copy.db")
    assert caught.value.code == "home_unwritable"
