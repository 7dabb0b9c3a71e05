"""The command line over a host without an app: usage, help, start, and what is said when something is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.cli.commands import build
from app.cli.exits import of_error
from app.cli.starting import PLAIN_STARTS, start_plainly
from app.domain.errors import StorageError
from tests.unit.cli.conftest import Kalends
from tests.unit.cli.host_double import HostDouble


def commands(group: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group, as the words that name it."""
    found = group or get_command(build())
    yield words
    for name, command in getattr(found, "commands", {}).items():
        yield from commands(command, (*words, name))


def test_the_documented_commands_are_there_and_no_others() -> None:
    assert {" ".join(words) for words in commands()} == {
        "",
        *("run", "serve", "show", "quit", "paths", "demo", "sandbox", "sandbox ctl", "status", "sync", "logs"),
        *("why", "free", "doctor", "copies", "copies check", "copies duplicates"),
        *("accounts", "accounts list", "accounts add", "accounts test", "accounts reconnect", "accounts remove"),
        *("pairs", "pairs list", "pairs add", "pairs edit", "pairs pause", "pairs resume", "pairs remove"),
        *("pairs preview", "keys", "keys create", "keys list", "keys revoke", "runs", "runs list", "runs show"),
        *("runs undo", "backup", "backup list", "backup restore"),
        *("snapshot", "snapshot list", "snapshot take", "snapshot restore"),
        *("holds", "holds list", "holds approve", "holds reject"),
    }


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help_with_examples(kalends: Kalends, words: tuple[str, ...], option: str) -> None:
    ended = kalends(*words, option)
    assert (ended.code, ended.err) == (0, "")
    usage, _, examples = ended.out.partition("Examples:")
    assert usage.startswith(" ".join(("Usage: kalends", *words)))
    assert " ".join(("  kalends", *words)).rstrip() in examples


def test_the_version_is_one_line(kalends: Kalends) -> None:
    ended = kalends("--version")
    assert (ended.code, ended.out) == (0, "kalends 1.2.3\n")


@pytest.mark.parametrize(
    "argv",
    [
        ("nope",),
        ("accounts", "nope"),
        ("--nope",),
        ("status", "--nope"),
        ("status", "too", "many"),
        ("keys", "create"),
        ("keys", "create", "--label", "x", "--kind", "gold"),
        ("accounts", "add", "caldav"),
        ("status", "--profile", "other"),
        ("runs", "list", "--page", "0"),
        ("logs", "--since", "yesterday-ish"),
        ("pairs", "pause"),
        ("pairs", "pause", "pair_1", "--all"),
        ("pairs", "edit", "pair_1"),
        ("pairs", "edit", "pair_1", "--replace", "nothing"),
        ("pairs", "edit", "pair_1", "--replace", "=x"),
        ("pairs", "edit", "pair_1", "--replace", "a=b", "--no-replace"),
        ("pairs", "edit", "pair_1", "--show", "none", "--show", "text"),
        ("pairs", "edit", "pair_1", "--leave-out", "free", "--take-in", "free"),
        ("pairs", "edit", "pair_1", "--any-words", "--only-word", "x"),
        ("pairs", "edit", "pair_1", "--any-hours", "--only-hours", "mo 09:00-10:00 UTC"),
        ("pairs", "edit", "pair_1", "--only-hours", "mo 9-10 UTC"),
        ("pairs", "edit", "pair_1", "--only-hours", "mo 09:00-24:00 UTC"),
        ("pairs", "edit", "pair_1", "--only-hours", "xx 09:00-10:00 UTC"),
        ("pairs", "edit", "pair_1", "--b-to-a", "--b-to-a-same"),
        ("demo", "--ics", "no-such-file.ics"),
        ("holds", "approve", "hold_1"),
    ],
    ids=" ".join,
)
def test_bad_usage_is_told_on_stderr_and_starts_nothing(
    kalends: Kalends, host: HostDouble, argv: tuple[str, ...]
) -> None:
    ended = kalends(*argv)
    assert (ended.code, ended.out) == (2, "")
    assert "Error: " in ended.err
    assert host.calls == []


def test_a_missing_calendar_file_is_named(kalends: Kalends, tmp_path: Path) -> None:
    path = tmp_path / "away.ics"
    assert str(path) in kalends("demo", "--ics", str(path)).err


def test_no_command_starts_the_windows_where_there_is_a_screen(kalends: Kalends, host: HostDouble) -> None:
    host.screen = True
    assert kalends().code == 0
    assert host.calls == [("windows", "default", False)]


def test_hidden_windows_begin_in_the_tray(kalends: Kalends, host: HostDouble) -> None:
    assert kalends("run", "--window", "--hidden").code == 0
    assert host.calls == [("windows", "default", True)]


@pytest.mark.parametrize("argv", PLAIN_STARTS, ids=" ".join)
def test_a_start_that_needs_no_understanding_does_what_the_command_does(
    kalends: Kalends, host: HostDouble, argv: tuple[str, ...]
) -> None:
    assert start_plainly(argv, host) is None, "without a screen somebody has to decide"
    host.screen = True
    assert kalends(*argv).code == 0
    as_command, host.calls = host.calls, []
    assert start_plainly(argv, host) == 0
    assert host.calls == as_command
    assert start_plainly((*argv, "--profile", "demo"), host) is None


def test_a_start_that_fails_is_told_as_the_command_tells_it(
    host: HostDouble, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def windows(profile: str, *, hidden: bool) -> int:
        raise StorageError("The folder cannot be written.", code="home_unwritable")

    host.screen = True
    monkeypatch.setattr(host, "windows", windows)
    assert start_plainly((), host) == of_error(StorageError("", code="home_unwritable"))
    assert "The folder cannot be written." in capsys.readouterr().err


@pytest.mark.parametrize("argv", [(), ("run",), ("run", "--headless"), ("serve",)], ids=" ".join)
def test_without_a_screen_the_service_runs_and_says_where_its_api_is(
    kalends: Kalends, host: HostDouble, argv: tuple[str, ...]
) -> None:
    ended = kalends(*argv)
    assert (ended.code, ended.out) == (0, "")
    assert "http://127.0.0.1:5545" in ended.err
    assert host.calls == [("open", "default", True), ("stop", "default")]


@pytest.mark.parametrize("command", ["show", "quit"])
def test_show_and_quit_need_a_running_app(kalends: Kalends, host: HostDouble, command: str) -> None:
    ended = kalends(command)
    assert (ended.code, ended.out) == (7, "")
    assert "not running" in ended.err
    assert host.calls == []


def test_paths_are_one_json_object_or_a_table(kalends: Kalends, tmp_path: Path) -> None:
    ended = kalends("paths", "--json", "--profile", "demo")
    assert ended.json == {"home": None, "profile": "demo", "data": str(tmp_path)}
    assert str(tmp_path) in kalends("paths").out


def test_the_profile_may_be_chosen_before_the_command(kalends: Kalends) -> None:
    assert kalends("--profile", "demo", "paths", "--json").json["profile"] == "demo"


def test_another_writer_is_exit_8_with_its_fix(kalends: Kalends, host: HostDouble) -> None:
    host.refuses = StorageError("Kalends is already running.", code="database_locked", fix="Use the running one.")
    ended = kalends("serve")
    assert (ended.code, ended.out) == (8, "")
    assert ended.err == "Error: Kalends is already running.\nUse the running one.\n"


def test_with_json_a_refusal_is_one_json_object_with_its_code(kalends: Kalends, host: HostDouble) -> None:
    host.refuses = StorageError("Made by a newer version.", code="database_newer", fix="Update.")
    ended = kalends("status", "--json")
    assert ended.code == 1
    assert ended.json == {
        "error": {"code": "database_newer", "message": "Made by a newer version.", "details": [], "fix": "Update."}
    }
    assert "Error: Made by a newer version." in ended.err


def test_ctrl_c_is_exit_130(kalends: Kalends, host: HostDouble) -> None:
    host.refuses = KeyboardInterrupt()
    assert kalends("status").code == 130


def test_bad_usage_is_one_json_value_for_whoever_asked_for_json(kalends: Kalends) -> None:
    ended = kalends("status", "--nope", "--json")
    assert ended.code == 2
    assert ended.json == {
        "error": {"code": "bad_usage", "message": "No such option: --nope", "details": [], "fix": None}
    }
    assert "No such option: --nope" in ended.err
    plain = kalends("status", "--nope")
    assert (plain.code, plain.out) == (2, "")
