"""Preferences are read and changed in the person's own file, whose comments stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.errors import FieldError, InputError
from app.domain.preferences import PreferenceValues
from app.services.preferences import Preferences
from app.system.preferences import SettingsFile


@pytest.mark.anyio
async def test_a_change_is_kept_beside_the_persons_comments_and_told(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("# mine\n[ui]\ntheme = 'light' # bright\n", "utf-8")
    preferences = Preferences(SettingsFile(file, {}))
    heard: list[PreferenceValues] = []
    preferences.listen(heard.append)
    assert preferences.get().theme == "light"
    assert (await preferences.change(theme="dark", interval_seconds=600)).theme == "dark"
    assert (heard[0].theme, heard[0].interval_seconds) == ("dark", 600)
    assert "# mine" in file.read_text("utf-8")
    assert Preferences(SettingsFile(file, {})).get().interval_seconds == 600


@pytest.mark.anyio
@pytest.mark.parametrize("change", [{"theme": "pink"}, {"interval_seconds": 1}, {"colour": "red"}])
async def test_a_value_that_cannot_be_used_is_refused_and_nothing_is_changed(
    tmp_path: Path, change: dict[str, object]
) -> None:
    file = tmp_path / "config.toml"
    preferences = Preferences(SettingsFile(file, {}))
    before = preferences.get()
    with pytest.raises(InputError):
        await preferences.change(**change)
    assert preferences.get() == before


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    preferences = Preferences(SettingsFile(tmp_path / "config.toml", {"KALENDS_API_PORT": "6001"}))
    assert preferences.get().api_port == 6001


@pytest.mark.anyio
async def test_a_change_that_cannot_be_carried_out_is_not_kept_nor_told(tmp_path: Path) -> None:
    preferences = Preferences(SettingsFile(tmp_path / "config.toml", {}))
    heard: list[PreferenceValues] = []
    preferences.listen(heard.append)
    before = preferences.get()

    async def refuse(was: PreferenceValues, now: PreferenceValues) -> None:
        assert (was.api_port, now.api_port) == (before.api_port, 6000)
        raise InputError("Port 6000 is taken.", details=[FieldError("api_port", "Port 6000 is taken.")])

    preferences.carried_out_by(refuse)
    with pytest.raises(InputError):
        await preferences.change(api_port=6000)
    assert (preferences.get(), heard) == (before, [])
