"""Folders: where they are, who may enter them, and what is said when they cannot be used."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.domain.errors import InputError, StorageError
from app.system.paths import Profile, find_paths, resources


def test_one_variable_moves_every_folder_under_one_home(tmp_path: Path) -> None:
    paths = find_paths({"KALENDS_HOME": str(tmp_path), "XDG_RUNTIME_DIR": "/run/user/1000"})
    folders = [paths.config, paths.data, paths.state, paths.cache, paths.runtime, paths.log, paths.database]
    assert all(folder.is_relative_to(tmp_path) for folder in folders)
    assert len({paths.config, paths.data, paths.state, paths.cache, paths.runtime}) == 5


def test_the_demo_shares_no_folder_with_the_real_profile(tmp_path: Path) -> None:
    environ = {"KALENDS_HOME": str(tmp_path)}
    real, demo = find_paths(environ), find_paths(environ, Profile.DEMO)
    assert demo.data == real.data / "demo"
    assert demo.runtime == real.runtime / "demo"
    assert demo.database != real.database
    assert demo.lock_file != real.lock_file


def test_without_a_home_the_user_folders_of_the_platform_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    paths = find_paths({})
    assert paths.config_file == tmp_path / "config" / "kalends" / "config.toml"
    assert paths.database == tmp_path / "data" / "kalends" / "kalends.db"
    assert paths.log == tmp_path / "state" / "kalends" / "log"
    assert paths.runtime == tmp_path / "state" / "kalends" / "run"


def test_the_runtime_folder_lies_in_the_session_folder_only_when_that_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert find_paths({"XDG_RUNTIME_DIR": str(tmp_path)}).runtime == tmp_path / "kalends"
    fallback = tmp_path / "state" / "kalends" / "run"
    assert find_paths({"XDG_RUNTIME_DIR": str(tmp_path / "missing")}).runtime == fallback
    assert find_paths({"XDG_RUNTIME_DIR": "relative"}).runtime == fallback


def test_prepared_folders_are_private_even_if_they_were_open_before(tmp_path: Path) -> None:
    paths = find_paths({"KALENDS_HOME": str(tmp_path / "home")})
    paths.data.mkdir(parents=True, mode=0o755)
    paths.prepare()
    for folder in (paths.config, paths.data, paths.state, paths.cache, paths.runtime, paths.log):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_folders_made_on_the_way_are_private_too_and_those_that_were_there_stay(tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir(mode=0o755)
    find_paths({"KALENDS_HOME": str(above / "home")}, Profile.DEMO).prepare()
    open_to_others = [path for path in above.rglob("*") if path.is_dir() and stat.S_IMODE(path.stat().st_mode) != 0o700]
    assert open_to_others == []
    assert stat.S_IMODE(above.stat().st_mode) == 0o755


def test_a_home_that_cannot_be_made_is_named_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    paths = find_paths({"KALENDS_HOME": str(tmp_path / "file" / "home")})
    with pytest.raises(StorageError) as caught:
        paths.prepare()
    assert caught.value.code == "home_unwritable"
    assert str(paths.config) in caught.value.message
    assert "KALENDS_HOME" in str(caught.value.fix)


def test_a_home_that_is_a_file_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="KALENDS_HOME"):
        find_paths({"KALENDS_HOME": str(file)})


def test_the_resources_of_a_checkout_are_found() -> None:
    assert (resources() / "oauth").is_dir()


def test_the_paths_answer_has_the_documented_names(tmp_path: Path) -> None:
    told = find_paths({"KALENDS_HOME": str(tmp_path)}, Profile.DEMO).as_json()
    names = "home profile config data state cache runtime log database".split()
    assert list(told) == names
    assert told["profile"] == "demo"
