"""What a check-up finds on this computer: folders and files closed to others, room, the desktop's services."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from app.domain.checkups import Check, CheckStatus
from app.system import checkup, runtime_file
from app.system.paths import Paths, find_paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """The folders of a profile, made."""
    found = find_paths({"KALENDS_HOME": str(tmp_path / "home")})
    found.prepare()
    return found


def by_id(checks: object) -> dict[str, Check]:
    assert hasattr(checks, "__iter__")
    return {one.id: one for one in checks}


def test_what_is_closed_to_others_is_fine_and_what_is_open_is_named_with_its_mending(paths: Paths) -> None:
    paths.database.touch(mode=0o600)
    found = by_id(checkup.folders(paths))
    assert {one.status for one in found.values()} == {CheckStatus.OK}
    assert set(found) == {"folder:config", "folder:data", "folder:state", "folder:log", "permissions"}
    paths.second_file.touch(mode=0o600)
    for file in (paths.database, paths.second_file):
        file.chmod(0o644)
        told = by_id(checkup.folders(paths))["permissions"]
        assert told.status is CheckStatus.FAIL
        assert told.fix == f"Run: chmod go-rwx '{file}'"
        file.chmod(0o600)


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    paths = find_paths({"KALENDS_HOME": str(tmp_path / "nowhere")})
    assert {one.status for one in checkup.folders(paths)} == {CheckStatus.OK}
    assert checkup.disk(paths).id == "disk"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("free", "status"), [(10**12, CheckStatus.OK), (10**8, CheckStatus.WARN), (10**6, CheckStatus.FAIL)]
)
def test_room_on_the_disk_is_judged_by_what_a_backup_needs(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, free: int, status: CheckStatus
) -> None:
    usage = type(shutil.disk_usage(paths.data))(10**12, 10**12 - free, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    assert checkup.disk(paths).status is status


def test_an_address_left_behind_and_a_port_that_another_program_has_are_told(paths: Paths) -> None:
    assert checkup.running_app(paths).status is CheckStatus.OK
    secret = runtime_file.new_secret()
    url = "http://127.0.0.1:9"
    runtime_file.write_control(
        paths.control_file, runtime_file.ControlAddress(url, os.getpid(), "1", "default", secret, secret)
    )
    assert checkup.running_app(paths).status is CheckStatus.WARN
    runtime_file.write_api(paths.api_file, runtime_file.ApiAddress(url, os.getpid(), "1", secret))
    assert checkup.api_port(paths, 5545).status is CheckStatus.WARN
    assert checkup.api_port(paths, 9).status is CheckStatus.OK


def test_without_a_screen_or_a_bus_the_desktop_is_said_to_lack_them() -> None:
    assert by_id(checkup.desktop({})).keys() == {"screen"}
    found = by_id(checkup.desktop({"QT_QPA_PLATFORM": "offscreen"}))
    assert found["desktop"].status is CheckStatus.WARN
    dead = {"QT_QPA_PLATFORM": "offscreen", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"}
    assert by_id(checkup.desktop(dead))["desktop"].status is CheckStatus.WARN
