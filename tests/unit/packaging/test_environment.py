"""What a start finds set up, what it does about the rest, and that a set-up cut short is not taken for a whole one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import environment
import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCKS = {"run": "r1", "test": "t1"}
ALL = ("environment", "packages", "project")


def want(level: str = "run", **changes: object) -> environment.Wanted:
    """What a level needs in a made-up checkout."""
    return environment.Wanted(level, "/checkout", "3.11", "p1", LOCKS)._replace(**changes)  # type: ignore[arg-type]  # test data


def after(level: str) -> Mapping[str, object]:
    """The note that a first set-up of this level leaves."""
    return environment.stamp_after({}, want(level), ALL)


@pytest.mark.parametrize("level", ["run", "test"])
def test_after_a_complete_set_up_nothing_is_left_to_do(level: str) -> None:
    assert environment.steps(after(level), want(level), python_exists=True) == ()


def test_what_was_set_up_for_tests_runs_the_app_too() -> None:
    assert environment.steps(after("test"), want("run"), python_exists=True) == ()


def test_what_was_set_up_to_run_the_app_gets_the_test_packages_on_top() -> None:
    assert environment.steps(after("run"), want("test"), python_exists=True) == ("packages", "project")


def test_without_a_note_the_environment_is_made_anew() -> None:
    assert environment.steps({}, want(), python_exists=True) == ALL


def test_an_environment_whose_python_is_gone_is_made_anew() -> None:
    assert environment.steps(after("run"), want(), python_exists=False) == ALL


@pytest.mark.parametrize("change", [{"root": "/elsewhere"}, {"python": "3.12"}])
def test_a_moved_checkout_or_another_python_makes_it_anew(change: dict[str, str]) -> None:
    assert environment.steps(after("run"), want(**change), python_exists=True) == ALL


def test_a_changed_lock_installs_the_packages_again() -> None:
    newer = want(locks={**LOCKS, "run": "r2"})
    assert environment.steps(after("run"), newer, python_exists=True) == ("packages", "project")


def test_a_changed_project_file_installs_the_project_alone_and_keeps_the_rest() -> None:
    newer = want(project="p2")
    todo = environment.steps(after("test"), newer, python_exists=True)
    assert todo == ("project",)
    stamp = environment.stamp_after(after("test"), newer, todo)
    assert environment.steps(stamp, newer._replace(level="test"), python_exists=True) == ()


def test_a_note_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    assert environment.read_stamp(note) == {}
    for broken in ("", "{", "[1]"):
        note.write_text(broken, encoding="utf-8")
        assert environment.read_stamp(note) == {}


def test_a_written_note_is_read_back(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    environment.write_stamp(note, after("test"))
    assert environment.read_stamp(note) == after("test")
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]


def test_this_checkout_knows_what_it_needs() -> None:
    needed = environment.wanted("test")
    assert needed.python == ".".join(map(str, sys.version_info[:2]))
    assert set(needed.locks) == {"run", "test"}


@pytest.mark.skipif(os.name == "nt", reason="the lock of Windows is tried there")
def test_a_second_set_up_waits_until_the_last_holder_of_the_lock_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "SET_UP_LOCK", tmp_path / "lock")
    with environment.set_up_lock() as lock:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock,))
    with child:
        other = os.open(tmp_path / "lock", os.O_RDWR)
        try:
            assert not environment.try_lock(other)  # the holder is gone, its child is still installing
            child.communicate(b"\n", timeout=60)
            assert environment.try_lock(other)
        finally:
            os.close(other)


def test_the_judges_are_installed_once_and_anew_when_their_lock_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, installed = tmp_path / "judges", []

    def make(lock: int, made: Path) -> list[str]:
        python = environment.environment_python(made)
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()
        return ["pip"]

    def attempt(command: list[str], *, keep: int) -> int:
        installed.append(command[-1])
        return 0

    monkeypatch.setattr(environment, "SET_UP_LOCK", tmp_path / "lock")
    monkeypatch.setattr(environment, "LOCKS", tmp_path)
    monkeypatch.setattr(environment, "JUDGES", folder)
    monkeypatch.setattr(environment, "JUDGES_STAMP", folder / "note.json")
    monkeypatch.setattr(environment, "make_environment", make)
    monkeypatch.setattr(environment, "attempt", attempt)
    locked = tmp_path / "judges.lock"
    for content, times in (("one", 1), ("one", 1), ("two", 2), ("two", 2)):
        locked.write_text(content, encoding="utf-8")
        environment.set_up_judges()
        assert installed == [str(locked)] * times
    monkeypatch.setattr(environment, "attempt", lambda *_, **__: 1)
    locked.write_text("three", encoding="utf-8")
    for _ in range(2):  # what failed is no set-up: the next start tries again
        with pytest.raises(terminal.Stop, match="could not be installed"):
            environment.set_up_judges()
