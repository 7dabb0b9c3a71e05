"""Another database in place of a damaged one: the newest good backup, else what can be read. The old one is kept."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.backups import Reason
from app.domain.errors import NotFoundError, StorageError
from app.store import Store, restoring
from app.store.backups import backup_folder, is_sound
from app.store.opening import HISTORY, migration_names
from app.store.state import UNAUDITED
from tests.unit.store.samples import NOW, account, clock, single, world


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "kalends.db"


def in_use(path: Path, *, backup: bool) -> Path | None:
    """A database with an account, a pair and a view, read after its backup was made."""
    with Store.open(path, now=clock) as store:
        here = world(store)
        made = store.backup() if backup else None
        store.state.put("later", "than the backup")
        here.read(*(single(f"event-{number}") for number in range(200)), full=True)
        here.everything_planned()
        for direction in store.pairs.directions("pair_1"):
            store.ledger.adopted(direction.id)
    return made


def pages(path: Path, table: str) -> list[int]:
    """The offsets of a table's pages, its index left out."""
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()
    return [(root - 1) * size]


def damage(path: Path, table: str) -> bytes:
    """Overwrite the first page of a table; answers the damaged bytes."""
    content = bytearray(path.read_bytes())
    for offset in pages(path, table):
        content[offset : offset + 512] = b"\xa5" * 512
    path.write_bytes(content)
    return bytes(content)


def recovered(path: Path) -> Store:
    return Store.open(path, now=clock, recover=True)


# -- damaged ---------------------------------------------------------------------------------------------------------


def test_in_place_of_a_damaged_database_comes_the_newest_good_backup_and_the_file_is_kept(path: Path) -> None:
    made = in_use(path, backup=True)
    assert made is not None
    worse = made.with_name("kalends-20990101T000000.000000Z.db")
    worse.write_bytes(made.read_bytes()[:5000])
    damaged = damage(path, "link")
    with recovered(path) as store:
        told = store.state.restored()
        assert told is not None
        assert (told.reason, told.backup, told.backup_at) == (Reason.DAMAGED, made.name, NOW)
        assert [pair.id for pair in store.pairs.list()] == ["pair_1"]
        assert store.state.get("later") is None
        assert store.state.installation().behind
        assert Path(str(told.aside)).read_bytes() == damaged
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(Path(str(told.aside)).parent.stat().st_mode) == 0o700


def test_a_backup_whose_index_is_damaged_is_passed_over(path: Path) -> None:
    made = in_use(path, backup=True)
    assert made is not None
    with closing(sqlite3.connect(made)) as connection:
        # An index without its rows: `quick_check` sees nothing wrong with it.
        connection.execute("PRAGMA writable_schema = on")
        connection.execute("CREATE TABLE other (key TEXT, value TEXT)")
        connection.execute("CREATE INDEX other_key ON other (key)")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'state') "
            "WHERE name = 'other'"
        )
        connection.commit()
    assert not is_sound(made, thoroughly=True)
    damage(path, "link")
    with recovered(path) as store:
        told = store.state.restored()
        assert told is not None
        assert (told.backup, told.settings_kept) == (None, True)


def test_without_a_backup_accounts_and_pairs_are_kept_and_the_rest_is_read_anew(path: Path) -> None:
    in_use(path, backup=False)
    damaged = damage(path, "link")
    with recovered(path) as store:
        told = store.state.restored()
        assert told is not None
        assert (told.backup, told.settings_kept) == (None, True)
        assert [one.id for one in store.accounts.list()] == ["acct_1"]
        (direction,) = store.pairs.directions("pair_1")
        assert not direction.adopted
        assert store.ledger.view("conn_work").complete_at is None
        assert list(store.ledger.rows("conn_work", None)) == []
        assert store.state.installation().behind
        assert Path(str(told.aside)).read_bytes() == damaged
    with recovered(path) as store:
        assert store.state.restored() == told, "once, not at every start"


@pytest.mark.parametrize("content", [b"", b"\x00" * 8192, b"not a database at all" * 100])
def test_a_file_that_a_power_cut_emptied_is_replaced_by_the_backup(path: Path, content: bytes) -> None:
    in_use(path, backup=True)
    path.write_bytes(content)
    with recovered(path) as store:
        assert [pair.id for pair in store.pairs.list()] == ["pair_1"]
        assert store.state.installation().behind


def test_where_nothing_can_be_read_kalends_begins_anew_and_says_so(path: Path) -> None:
    in_use(path, backup=False)
    path.write_bytes(b"\xa5" * path.stat().st_size)
    with recovered(path) as store:
        told = store.state.restored()
        assert told is not None
        assert "Connect your accounts" in told.sentence
        assert str(told.aside) in told.sentence
        assert store.accounts.list() == []
        assert store.state.installation().behind


def test_a_file_of_another_program_is_never_replaced(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (id INTEGER)")
    with pytest.raises(StorageError) as caught:
        recovered(path)
    assert caught.value.code == "database_foreign"
    assert [file.name for file in path.parent.iterdir()] == ["kalends.db"]


def test_a_first_start_and_a_database_that_was_deleted_are_no_damage(path: Path) -> None:
    with recovered(path) as store:
        world(store)
    path.unlink()
    with recovered(path) as store:
        assert store.state.restored() is None
        assert store.state.installation().behind


# -- asked for -------------------------------------------------------------------------------------------------------


def test_a_backup_is_put_in_place_on_request_and_only_reconciles(path: Path) -> None:
    made = in_use(path, backup=True)
    assert made is not None
    before = path.read_bytes()
    # Whoever moves the epoch file away too does not get round the check.
    path.with_name("kalends-installation.json").unlink()
    told = restoring.restore(path, made.name, NOW + timedelta(hours=1))
    assert told.reason is Reason.ASKED
    assert Path(str(told.aside)).read_bytes() == before
    assert not list(path.parent.glob("kalends.db-*"))
    with Store.open(path, now=clock) as store:
        assert store.state.installation().behind
        assert store.state.restored() == told
        assert store.state.get("later") is None


def test_what_an_earlier_restore_had_checked_counts_no_more(path: Path) -> None:
    with Store.open(path, now=clock) as store:
        world(store)
        store.state.put(UNAUDITED, '["another direction"]')
        made = store.backup()
    restoring.restore(path, made.name, NOW)
    with Store.open(path, now=clock) as store:
        assert store.state.get(UNAUDITED) is None


def test_an_older_file_put_in_place_by_hand_forgets_what_was_checked_too(path: Path) -> None:
    with Store.open(path, now=clock) as store:
        store.state.put(UNAUDITED, '["another direction"]')
        made = store.backup()
    path.write_bytes(made.read_bytes())
    with Store.open(path, now=clock) as store:
        assert store.state.installation().behind
        assert store.state.get(UNAUDITED) is None


def test_newest_is_the_newest_that_can_be_used(path: Path) -> None:
    with Store.open(path, now=clock) as store:
        world(store)
        first = store.backup(backup_folder(path) / "kalends-20260101T000000.000000Z.db")
        newer = store.backup(backup_folder(path) / "kalends-20260102T000000.000000Z.db")
        broken = store.backup(backup_folder(path) / "kalends-20260103T000000.000000Z.db")
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute(f"UPDATE {HISTORY} SET name = '9999_tomorrow' WHERE name = ?", [migration_names()[-1]])  # noqa: S608 - a constant
    broken.write_bytes(broken.read_bytes()[:4096])
    listed = {backup.name: (backup.sound, backup.usable) for backup in restoring.list_backups(path)}
    assert listed == {first.name: (True, True), newer.name: (True, False), broken.name: (False, False)}
    for refused, code in ((newer, "database_newer"), (broken, "database_corrupt")):
        with pytest.raises(StorageError) as caught:
            restoring.restore(path, refused.name, NOW)
        assert caught.value.code == code
    with pytest.raises(NotFoundError):
        restoring.restore(path, "../kalends.db", NOW)
    assert restoring.restore(path, "newest", NOW).backup == first.name


def test_a_full_disk_leaves_the_database_where_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = in_use(path, backup=True)
    assert made is not None
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise StorageError("The disk is full.", code="database_full")

    monkeypatch.setattr(restoring, "_copy", full)
    with pytest.raises(StorageError):
        restoring.restore(path, made.name, NOW)
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.restoring*"))
    assert not list((path.parent / restoring.ASIDE).iterdir())


# -- killed meanwhile ------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from app.store import restoring
from tests.unit.store.samples import NOW

left = int(sys.argv[2])

def counted(plain):
    def call(*arguments, **more):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(*arguments, **more)
    return call

Path.replace = counted(Path.replace)
os.replace = counted(os.replace)
restoring._note = counted(restoring._note)
restoring._sync_folder = counted(restoring._sync_folder)
restoring.restore(Path(sys.argv[1]), "newest", NOW)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_kill_at_any_step_leaves_the_old_database_or_the_backup(path: Path, tmp_path: Path) -> None:
    in_use(path, backup=True)
    original = {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()}
    ended = []
    for step in range(1, 12):
        for file in [file for file in path.parent.rglob("*") if file.is_file()]:
            file.unlink()
        for file, content in original.items():
            file.write_bytes(content)
        # A log that was never merged belongs to the file that goes aside; it must not reach the new one.
        path.with_name("kalends.db-wal").write_bytes(b"")
        arguments = [sys.executable, "-c", KILLED, str(path), str(step)]
        code = subprocess.run(arguments, check=False, capture_output=True).returncode
        with recovered(path) as store:
            assert [pair.id for pair in store.pairs.list()] == ["pair_1"]
            assert [one.id for one in store.accounts.list()] == [account().id]
            is_old = store.state.get("later") is not None
            assert store.state.installation().behind is not is_old
            ended.append((code < 0, is_old))
        assert not list(path.parent.glob("*.restoring*"))
        if code == 0:
            break
    assert ended[-1] == (False, False)
    assert {(True, True), (True, False)} <= set(ended)
