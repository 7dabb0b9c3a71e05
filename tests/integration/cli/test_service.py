"""The service as a whole: it serves, stops in time, is alone, and refuses homes and databases it cannot use."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from app.store.restoring import ASIDE
from tests.integration.cli.program import SECONDS, Program


def test_it_serves_and_stops_within_five_seconds(kalends: Program) -> None:
    service = kalends.start("serve")
    url = service.line("its API is at").split()[-1]
    with urlopen(f"{url}/healthz") as answer:  # noqa: S310 - the address the app itself told, on loopback
        assert json.load(answer)["status"] == "ok"
    code, took = service.stop()
    assert code == 0
    assert took < 5.0
    assert service.said["out"] == []
    assert not list((kalends.home / "run").glob("*.json"))


def test_ctrl_c_ends_it_with_130(kalends: Program) -> None:
    service = kalends.start("run", "--headless")
    service.line("its API is at")
    assert service.stop(signal.SIGINT)[0] == 130


def test_a_signal_during_the_start_ends_it_too(kalends: Program) -> None:
    service = kalends.start("demo", "--headless")
    lock = kalends.home / "data" / "demo" / "kalends.lock"
    while not lock.exists():
        assert service.process.poll() is None
    code, took = service.stop()
    assert code in (0, 130)
    assert took < 5.0
    assert "Traceback" not in "".join(service.said["err"])


def test_a_second_instance_is_refused_and_the_first_goes_on(kalends: Program) -> None:
    service = kalends.start("serve")
    service.line("its API is at")
    second = kalends("serve")
    assert (second.code, second.out) == (8, "")
    assert "already running" in second.err
    assert f"process {service.process.pid}" in second.err
    assert kalends("status", "--json").code == 0
    quit_ = kalends("quit")
    assert (quit_.code, quit_.err) == (0, "Kalends has ended.\n")
    assert service.process.wait(10) == 0
    assert kalends("quit").code == 7


def test_a_taken_port_is_told_and_the_next_free_one_is_used(kalends: Program) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        service = kalends.start("serve", "--api-port", str(port))
        assert str(port) in service.line("is taken")
        assert urlsplit(service.line("its API is at").split()[-1]).port != port


def test_a_home_that_cannot_be_made_is_named(kalends: Program, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in ("serve", "status"):
        ended = kalends(command, environ={"KALENDS_HOME": str(tmp_path / "file" / "home")})
        assert (ended.code, ended.out) == (1, "")
        assert str(tmp_path / "file" / "home") in ended.err
        assert "Traceback" not in ended.err


def test_a_home_that_is_a_file_is_bad_input(kalends: Program, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = kalends("serve", environ={"KALENDS_HOME": str(tmp_path / "file")})
    assert ended.code == 2
    assert "not a folder" in ended.err


def test_a_file_that_is_no_database_is_set_aside_whole_and_told_of(kalends: Program) -> None:
    assert kalends("status").code == 0
    database = kalends.home / "data" / "kalends.db"
    broken = b"no database at all" * 500
    database.write_bytes(broken)
    for leftover in database.parent.glob("kalends.db-*"):
        leftover.unlink()
    ended = kalends("status", "--json")
    assert ended.code == 0
    assert "Traceback" not in ended.err
    kept = [path for path in (kalends.home / "data" / ASIDE).rglob("*") if path.is_file()]
    assert broken in [path.read_bytes() for path in kept]


def test_a_database_of_a_newer_version_is_refused(kalends: Program) -> None:
    assert kalends("status").code == 0
    database = kalends.home / "data" / "kalends.db"
    with sqlite3.connect(database) as connection:
        table = next(
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if "migrat" in name
        )
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        row = dict(zip(columns, connection.execute(f"SELECT * FROM {table}").fetchone(), strict=True))  # noqa: S608 - a name the database itself told
        row |= {"name": "9999_of_tomorrow"} | ({"id": 9999} if "id" in row else {})
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} VALUES ({marks})", tuple(row.values()))  # noqa: S608 - as above
    connection.close()
    ended = kalends("status", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (1, "database_newer")
    assert ended.json["error"]["fix"]


def test_bad_settings_are_named(kalends: Program) -> None:
    ended = kalends("serve", environ={"KALENDS_LOG_LEVEL": "loud"})
    assert ended.code == 2
    assert "KALENDS_LOG_LEVEL" in ended.err or "log.level" in ended.err


def test_the_sandbox_tells_all_a_script_needs_and_stops(kalends: Program) -> None:
    service = kalends.start("sandbox", "--random-seed", "7", "--json")
    description = json.loads(service.line("google", stream="out"))
    assert set(description) == {"google", "microsoft", "control", "env", "accounts"}
    code, took = service.stop()
    assert (code, len(service.said["out"])) == (0, 1)
    assert took < 5.0
    assert not kalends.home.exists()


@pytest.mark.parametrize("content", [None, "{", "[]", '{"accounts": [{"provider": "nobody"}]}'])
def test_a_seed_that_cannot_be_used_is_bad_input(kalends: Program, tmp_path: Path, content: str | None) -> None:
    seed = tmp_path / "seed.json"
    if content is not None:
        seed.write_text(content)
    ended = kalends("sandbox", "--seed", str(seed))
    assert (ended.code, ended.out) == (2, "")
    assert str(seed) in ended.err
    assert "Traceback" not in ended.err


def test_a_taken_sandbox_port_is_bad_input(kalends: Program) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = kalends("sandbox", "--port", str(min(taken.getsockname()[1], 65533)))
    assert ended.code == 2
    assert "port" in ended.err


def form(value: Any) -> Any:
    """The form of a JSON value: its names and kinds, without what differs from time to time."""
    if isinstance(value, dict):
        return {name: form(one) for name, one in value.items()}
    if isinstance(value, list):
        return [form(one) for one in value[:1]]
    return None


def test_the_running_app_and_this_process_give_the_same_objects(kalends: Program) -> None:
    answer = kalends("demo", "--once", "--json").json
    pair_id, run_id = answer["pair_id"], answer["sync"]["sync_id"]
    asked = [
        ("status",),
        ("accounts", "list"),
        ("pairs", "list"),
        ("pairs", "preview", pair_id),
        ("runs", "list"),
        ("runs", "show", run_id),
        ("logs",),
        ("holds", "list"),
        ("sync",),
        ("pairs", "pause", pair_id, "--reason", "x"),
        ("pairs", "resume", "--all"),
        ("keys", "create", "--label", "x"),
        ("keys", "list"),
        ("accounts", "test", answer["connections"][0]["account_id"]),
    ]
    inside = [kalends(*argv, "--profile", "demo", "--json") for argv in asked]
    service = kalends.start("demo", "--headless")
    service.line("its API is at")
    remote = [kalends(*argv, "--json") for argv in asked]
    for argv, here, there in zip(asked, inside, remote, strict=True):
        assert (here.code, there.code, there.err) == (0, 0, ""), (argv, here, there)
        assert form(here.json) == form(there.json), argv


def newest_run(kalends: Program, after: str) -> dict[str, Any]:
    """The newest run that has ended, once there is one after this."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        run = kalends("runs", "list", "--profile", "demo", "--json").json["runs"][0]
        if run["id"] != after and run["finished_at"]:
            return dict(run)
    raise AssertionError("no run came")


def test_every_active_pair_syncs_at_the_start_unless_that_is_switched_off(kalends: Program) -> None:
    first = kalends("demo", "--once", "--json").json["sync"]["sync_id"]
    service = kalends.start("serve", "--profile", "demo", "--api-port", "0")
    service.line("its API is at")
    run = newest_run(kalends, first)
    assert (run["trigger"], run["status"]) == ("startup", "success")
    assert kalends("sync", "--stop", "--profile", "demo", "--json").json == {"runs": []}
    assert kalends("status", "--profile", "demo", "--json").json["syncing"] == []
    assert service.stop()[0] == 0
    config = kalends("paths", "--profile", "demo", "--json").json["config"]
    (Path(config) / "config.toml").write_text("[sync]\nsync_on_start = false\n", "utf-8")
    again = kalends.start("serve", "--profile", "demo", "--api-port", "0")
    again.line("its API is at")
    assert kalends("runs", "list", "--profile", "demo", "--json").json["runs"][0]["id"] == run["id"]
