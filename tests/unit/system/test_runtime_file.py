"""`api.json` and `control.json`: private, whole, and gone with the app that wrote them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from app.domain.errors import StorageError
from app.system.runtime_file import (
    ApiAddress,
    ControlAddress,
    new_secret,
    read_api,
    read_control,
    withdraw,
    write_api,
    write_control,
)

_API = ApiAddress(url="http://127.0.0.1:5545", pid=4711, version="0.1.0", instance="proof-key")
_CONTROL = ControlAddress(
    url="http://127.0.0.1:5545", pid=4711, version="0.1.0", profile="demo", instance="proof-key", token="tok-en"
)


def test_the_api_file_holds_exactly_the_documented_names(tmp_path: Path) -> None:
    path = tmp_path / "api.json"
    write_api(path, _API)
    assert json.loads(path.read_text()) == {
        "url": "http://127.0.0.1:5545",
        "pid": 4711,
        "version": "0.1.0",
        "instance": "proof-key",
    }


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_api(tmp_path / "api.json", _API)
    write_control(tmp_path / "control.json", _CONTROL)
    assert read_api(tmp_path / "api.json") == _API
    assert read_control(tmp_path / "control.json") == _CONTROL


def test_only_the_user_may_read_them_and_no_draft_stays_behind(tmp_path: Path) -> None:
    path = tmp_path / "control.json"
    path.write_text("old")
    path.chmod(0o644)
    write_control(path, _CONTROL)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"url": 1, "pid": 1, "version": "", "instance": ""}',
        '{"url": "u", "pid": true, "version": "v", "instance": "i"}',
    ],
)
def test_a_broken_file_means_that_nobody_is_there(tmp_path: Path, text: str) -> None:
    path = tmp_path / "api.json"
    path.write_text(text)
    assert read_api(path) is None
    assert read_control(path) is None


def test_a_missing_file_means_that_nobody_is_there(tmp_path: Path) -> None:
    assert read_control(tmp_path / "control.json") is None


def test_an_app_takes_back_its_own_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "api.json"
    write_api(path, _API)
    withdraw(path, pid=1)
    assert path.exists()
    withdraw(path, pid=4711)
    assert not path.exists()
    withdraw(path, pid=4711)


def test_secrets_do_not_show_when_an_address_is_printed() -> None:
    assert "tok-en" not in repr(_CONTROL)
    assert "proof-key" not in repr(_API) + repr(_CONTROL)
    assert len(new_secret()) >= 43


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        write_api(tmp_path / "missing" / "api.json", _API)
    assert caught.value.code == "home_unwritable"
