"""`kalends backup`: what there is, and putting one in place; refused without a yes and while the app runs."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.backups import Backup, Reason, Restored
from app.domain.errors import NotFoundError, StorageError
from app.main import LocalHost
from app.store import Store
from app.system.clock import SystemClock
from app.system.instance import SingleWriter
from app.system.paths import find_paths
from tests.unit.cli.conftest import Kalends
from tests.unit.cli.host_double import HostDouble

MADE = datetime(2026, 11, 19, 10, tzinfo=UTC)
GOOD = Backup("kalends-a.db", MADE, 40_960, sound=True, usable=True)


def test_it_lists_what_there_is_with_its_state(kalends: Kalends, host: HostDouble) -> None:
    host.kept = [
        GOOD,
        Backup("kalends-b.db", None, 10, sound=True, usable=False),
        Backup("kalends-c.db", MADE, 10, False, False),
    ]
    told = kalends("backup", "list")
    assert told.code == 0
    for words in ("kalends-a.db", "2026-11-19T10:00:00Z", "40 KB", "good", "from a newer version", "damaged"):
        assert words in told.out
    assert kalends("backup", "list", "--json").json["backups"][0] == {
        "name": "kalends-a.db",
        "made_at": "2026-11-19T10:00:00Z",
        "size_bytes": 40_960,
        "sound": True,
        "usable": True,
    }


def test_nothing_is_put_in_place_without_a_yes(kalends: Kalends, host: HostDouble) -> None:
    told = kalends("backup", "restore", "newest")
    assert told.code == 2
    assert "--yes" in told.err
    assert host.calls == []


def test_it_says_what_it_put_in_place_and_where_the_old_file_is(kalends: Kalends, host: HostDouble) -> None:
    host.restored = Restored(MADE, Reason.ASKED, "kalends-a.db", MADE, aside="set-aside/kalends-b-replaced.db")
    told = kalends("backup", "restore", "newest", "--yes", "--profile", "demo")
    assert told.code == 0
    assert "set-aside/kalends-b-replaced.db" in told.out
    assert host.calls == [("restore", "demo", "newest")]
    assert kalends("backup", "restore", "newest", "--yes", "--json").json == {
        "backup": "kalends-a.db",
        "made_at": "2026-11-19T10:00:00Z",
        "kept_as": "set-aside/kalends-b-replaced.db",
    }


def test_a_running_kalends_is_told_of_by_its_own_exit_code(kalends: Kalends, host: HostDouble) -> None:
    host.refuses = StorageError("Kalends is already running.", code="database_locked")
    assert kalends("backup", "restore", "newest", "--yes").code == 8


def test_the_app_itself_restores_under_its_lock(tmp_path: Path) -> None:
    environment = {"KALENDS_HOME": str(tmp_path)}
    host, paths = LocalHost(environment), find_paths(environment)
    paths.prepare()
    with Store.open(paths.database, now=SystemClock().now) as store:
        store.state.put("before", "the backup")
        made = store.backup()
        store.state.put("after", "the backup")
    with SingleWriter(paths.lock_file), pytest.raises(StorageError) as locked:
        host.restore("default", made.name)
    assert (locked.value.code, str(os.getpid()) in locked.value.message) == ("database_locked", True)
    with pytest.raises(NotFoundError):
        host.restore("default", "kalends-nothing.db")
    assert [one.usable for one in host.backups("default")] == [True]
    assert host.restore("default", "newest").backup == made.name
    with Store.open(paths.database, now=SystemClock().now) as store:
        assert (store.state.get("before"), store.state.get("after")) == ("the backup", None)
        assert store.state.installation().behind
