"""Who this installation is, and whether its database is the one it left."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.domain.errors import StorageError
from app.store import Store
from app.store.state import Installation
from tests.unit.store.samples import clock


def start(path: Path) -> Installation:
    with Store.open(path, now=clock) as store:
        return store.state.installation()


def test_values_are_kept_replaced_and_forgotten(store: Store) -> None:
    assert store.state.get("a") is None
    store.state.put("a", "1")
    store.state.put("a", "2")
    assert store.state.get("a") == "2"
    store.state.delete("a")
    assert store.state.get("a") is None


def test_an_installation_keeps_its_id_and_counts_its_starts(tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    first, second = start(path), start(path)
    assert first.id == second.id
    assert second.epoch > first.epoch
    assert not second.behind
    assert stat.S_IMODE((tmp_path / "kalends-installation.json").stat().st_mode) == 0o600


def test_two_installations_differ(tmp_path: Path) -> None:
    assert start(tmp_path / "a" / "kalends.db").id != start(tmp_path / "b" / "kalends.db").id


def test_an_older_database_put_in_place_is_noticed_until_it_was_audited(tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    start(path)
    old = path.read_bytes()
    start(path)
    path.write_bytes(old)
    assert start(path).behind
    with Store.open(path, now=clock) as store:
        assert store.state.installation().behind
        store.state.audited()
    assert not start(path).behind


def test_a_backup_of_the_same_start_put_in_place_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    with Store.open(path, now=clock) as store:
        backup = store.backup()
    path.write_bytes(backup.read_bytes())
    assert start(path).behind


def test_a_lost_database_keeps_the_id_and_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    before = start(path)
    path.unlink()
    after = start(path)
    assert (after.id, after.behind) == (before.id, True)
    assert after.epoch > before.epoch


def test_a_database_without_the_file_beside_it_may_be_an_older_one_and_the_file_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    before = start(path)
    (tmp_path / "kalends-installation.json").unlink()
    with Store.open(path, now=clock) as store:
        assert store.state.installation().id == before.id
        assert store.state.installation().behind
        store.state.audited()
    after = start(path)
    assert (after.id, after.behind) == (before.id, False)
    assert after.epoch > before.epoch + 1


def test_a_new_database_is_not_taken_for_an_older_one(tmp_path: Path, store: Store) -> None:
    assert not start(tmp_path / "kalends.db").behind
    store.state.begin_epoch()
    assert not store.state.installation().behind, "one in memory has no file that could be lost"


def test_a_file_that_is_lost_while_the_app_runs_is_made_again_and_says_nothing_about_the_database(
    tmp_path: Path,
) -> None:
    path = tmp_path / "kalends.db"
    with Store.open(path, now=clock) as store:
        (tmp_path / "kalends-installation.json").unlink()
        assert not store.state.begin_epoch().behind
    assert not start(path).behind


def test_a_kill_between_database_and_file_does_not_make_the_database_an_older_one(tmp_path: Path) -> None:
    path, beside = tmp_path / "kalends.db", tmp_path / "kalends-installation.json"
    start(path)
    before = beside.read_bytes()
    with Store.open(path, now=clock) as store:
        store.state.begin_epoch()
    beside.write_bytes(before)
    assert not start(path).behind


@pytest.mark.parametrize("content", ["", "[]", '{"id": "x"}', '{"id": "x", "epoch": "many"}', "\x00"])
def test_a_broken_file_beside_the_database_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kalends.db"
    start(path)
    (tmp_path / "kalends-installation.json").write_text(content)
    with pytest.raises(StorageError) as caught:
        start(path)
    assert "kalends-installation.json" in str(caught.value.fix)


def test_a_database_in_memory_has_an_installation_of_its_own(store: Store) -> None:
    assert store.state.installation().epoch == 1
    with pytest.raises(StorageError):
        store.backup()
