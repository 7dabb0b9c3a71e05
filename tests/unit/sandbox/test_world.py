"""Clock, storage, accounts, faults, switches: what both emulated services share."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from app.sandbox.faults import Faults, SandboxInputError
from app.sandbox.world import Account, Behaviour, Clock, Storage, World

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


def test_the_clock_follows_the_real_one_with_a_shift() -> None:
    real = [NOON]
    clock = Clock(lambda: real[0])
    clock.advance(60)
    assert clock.now() == NOON + timedelta(minutes=1)
    clock.set(datetime(2030, 1, 1, tzinfo=UTC))
    real[0] += timedelta(hours=1)
    assert clock.now() == datetime(2030, 1, 1, 1, tzinfo=UTC)
    with pytest.raises(SandboxInputError):
        clock.set(datetime(2030, 1, 1))  # noqa: DTZ001  # a naive moment is the point of it


def test_what_was_committed_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "s.db")
    storage.put("a", "1", {"text": "ü"})
    storage.put("a", "2", {"n": 2})
    storage.delete("a", "2")
    storage.close()
    again = Storage(tmp_path / "s.db")
    assert list(again.items("a")) == [("1", {"text": "ü"})]
    assert again.get("a", "2") is None
    again.close()


def test_what_is_held_is_kept_together_or_not_at_all(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "s.db")

    def half() -> None:
        with storage.held():
            storage.put("a", "1", {})
            storage.commit()
            raise KeyError("half way")

    with pytest.raises(KeyError):
        half()
    assert list(storage.items("a")) == []
    storage.close()


def test_a_database_of_another_program_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(SandboxInputError):
        Storage(path)
    assert path.read_bytes() == before


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    Storage(path).close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version=99")
    other.close()
    with pytest.raises(SandboxInputError, match="left as it is"):
        Storage(path)


def test_a_file_is_held_by_one_sandbox_at_a_time(tmp_path: Path) -> None:
    first = Storage(tmp_path / "s.db")
    with pytest.raises(SandboxInputError, match="locked"):
        Storage(tmp_path / "s.db")
    first.close()
    Storage(tmp_path / "s.db").close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxInputError, match="absent"):
        Storage(tmp_path / "absent" / "s.db")


def test_a_world_goes_on_where_it_was(tmp_path: Path) -> None:
    world = World(Storage(tmp_path / "w.db"), random_seed=4, clock=Clock(lambda: NOON))
    world.put_account(Account("google", "Ana@Example.com", "Ana", "1", "UTC"))
    world.clock.advance(5)
    world.save_clock()
    numbers = [world.change(), world.change()]
    first_id = world.new_id(20, "abc")
    world.outbox.add("google", "request", "c", "e", "Lunch", ["b@example.org"])
    world.storage.close()
    again = World(Storage(tmp_path / "w.db"), random_seed=99, clock=Clock(lambda: NOON))
    assert (world.is_new, again.is_new, again.random_seed) == (True, False, 4)
    assert again.account("ana@example.COM") is not None
    assert again.clock.now() == NOON + timedelta(seconds=5)
    assert again.change() > max(numbers)
    assert again.new_id(20, "abc") != first_id
    assert again.outbox.all() == world.outbox.all()
    again.storage.close()


def test_the_same_seed_draws_the_same_ids_and_no_secret_twice() -> None:
    first, second = World(random_seed=3), World(random_seed=3)
    assert first.new_id(30, "abcdef") == second.new_id(30, "abcdef")
    assert first.secret("x.") != second.secret("x.")


def test_switches_take_only_what_they_were_declared_with() -> None:
    behaviour = Behaviour()
    behaviour.declare("a.b", 1, (1, 2), "One or two.")
    behaviour.set("a.b", 2)
    behaviour.declare("a.b", 1, (1, 2), "One or two.")
    assert behaviour["a.b"] == 2
    for name, value in (("a.b", 3), ("a.c", 1)):
        with pytest.raises(SandboxInputError):
            behaviour.set(name, value)


@pytest.mark.parametrize(
    ("route", "hit"),
    [
        ("GET /a/*/b", True),
        ("* /a/{any}/b", True),
        ("get /a/x/b", True),
        ("google:GET /a/*/b", True),
        ("GET /a/**", True),
        ("POST /a/*/b", False),
        ("GET /a/*", False),
        ("microsoft:GET /a/*/b", False),
    ],
)
def test_a_fault_hits_the_routes_it_names(route: str, hit: bool) -> None:
    faults = Faults(Random(1))
    faults.add({"route": route, "kind": "empty"})
    assert bool(faults.take("google", "GET", "/a/x/b")) is hit


def test_a_fault_hits_the_nth_request_or_a_share_of_them() -> None:
    faults = Faults(Random(1))
    nth = faults.add({"route": "GET **", "kind": "empty", "nth": 3})
    assert [bool(faults.take("google", "GET", "/x")) for _ in range(5)] == [False, False, True, False, False]
    assert (nth.seen, nth.hits) == (5, 1)
    assert faults.remove(nth.id)
    faults.add({"route": "GET **", "kind": "empty", "times": 2})
    assert sum(bool(faults.take("google", "GET", "/x")) for _ in range(5)) == 2
    faults.clear()
    faults.add({"route": "GET **", "kind": "empty", "rate": 0.5})
    assert 30 < sum(bool(faults.take("google", "GET", "/x")) for _ in range(100)) < 70


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "empty"},
        {"route": "GET /x", "kind": "explode"},
        {"route": "/x", "kind": "empty"},
        {"route": "apple:GET /x", "kind": "empty"},
        {"route": "GET /x", "kind": "empty", "nth": 0},
        {"route": "GET /x", "kind": "empty", "rate": 2},
        {"route": "GET /x", "kind": "empty", "colour": "red"},
    ],
)
def test_a_senseless_fault_is_refused(spec: dict[str, object]) -> None:
    with pytest.raises(SandboxInputError):
        Faults(Random(1)).add(spec)


def test_the_file_is_for_its_user_alone(tmp_path: Path) -> None:
    Storage(tmp_path / "sandbox.db").close()
    assert (tmp_path / "sandbox.db").stat().st_mode & 0o777 == 0o600
