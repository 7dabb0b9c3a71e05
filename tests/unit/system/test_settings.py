"""Settings: precedence, comments kept, and every bad value refused by its name."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.domain.errors import InputError
from app.system.settings import LogLevel, Settings, Theme, VaultKind, change_setting, load_settings

_FILE = """\
# my own notes
[api]
port = 6000 # the office uses 5545
allowed_origins = ["https://app.example"]

[ui]
theme = "dark"

[google]
client_id = "mine.apps.example"
"""


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "config.toml", {}) == Settings()
    assert Settings().api.port == 5545


def test_the_file_beats_the_defaults_and_the_environment_beats_the_file(tmp_path: Path) -> None:
    path = _written(tmp_path, _FILE)
    settings = load_settings(path, {})
    assert settings.api.port == 6000
    assert settings.api.allowed_origins == ("https://app.example",)
    assert settings.ui.theme is Theme.DARK
    assert settings.providers == {"google": {"client_id": "mine.apps.example"}}
    assert load_settings(path, {"KALENDS_API_PORT": "7000"}).api.port == 7000


def test_a_log_level_in_the_environment_also_opens_the_console(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "none", {"KALENDS_LOG_LEVEL": "DEBUG"})
    assert settings.log.level is LogLevel.DEBUG
    assert settings.log.console
    assert not load_settings(tmp_path / "none", {}).log.console


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[api]\nport = 70000", "api.port"),
        ("[api]\nport = true", "api.port"),
        ("[api]\nport = '5545'", "api.port"),
        ("[api]\nenabled = 1", "api.enabled"),
        ("[api]\nallowed_hosts = ['http://x:1']", "api.allowed_hosts"),
        ("[api]\nallowed_origins = ['*']", "api.allowed_origins"),
        ("[api]\nprot = 1", "api.prot"),
        ("[sync]\ninterval_seconds = 10", "sync.interval_seconds"),
        ("[ui]\ntheme = 'pink'", "ui.theme"),
        ("[ui]\ntheme = ['dark']", "ui.theme"),
        ("[vault]\npassphrase_file = 'relative'", "vault.passphrase_file"),
        ("[google]\nclient_id = ''", "google.client_id"),
        ("[unknown]\na = 1", "unknown"),
        ("api = 1", "api"),
    ],
)
def test_a_bad_value_is_refused_by_its_key_with_the_fix(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(InputError) as caught:
        load_settings(_written(tmp_path, text), {})
    assert [detail.field for detail in caught.value.details] == [field]
    assert field in caught.value.message
    assert caught.value.details[0].message


def test_all_bad_values_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_settings(_written(tmp_path, "[api]\nport = -1\n[ui]\ntheme = 1"), {"KALENDS_LOG_LEVEL": "loud"})
    assert [detail.field for detail in caught.value.details] == ["api.port", "ui.theme", "KALENDS_LOG_LEVEL"]


@pytest.mark.parametrize("port", ["", "x", "-1", "99999", "1e3"])
def test_a_bad_variable_is_refused_by_its_name(tmp_path: Path, port: str) -> None:
    environ = {"KALENDS_API_PORT": port}
    if not port:
        assert load_settings(tmp_path / "none", environ).api.port == 5545
        return
    with pytest.raises(InputError, match="KALENDS_API_PORT"):
        load_settings(tmp_path / "none", environ)


def test_a_file_that_is_no_toml_is_refused_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2"):
        load_settings(_written(tmp_path, "[api]\nport = = 1"), {})


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("[api]\nport = = 1", 2, 8),
        ("[api]\nport = 6000\nallowed_ori", 3, 12),
        ('[api]\nport = 6000\nallowed_origins = ["https://app.exa', 3, 36),
        ("[api]\nport = 6000\n[u", 3, 3),
        ("\x00" * 64, 1, 1),
    ],
)
def test_a_half_written_file_is_refused_at_its_line_and_column(
    tmp_path: Path, text: str, line: int, column: int
) -> None:
    with pytest.raises(InputError) as caught:
        load_settings(_written(tmp_path, text), {})
    assert f"at line {line}, column {column}." in caught.value.message
    assert "Nothing is assumed" in str(caught.value.fix)


def test_a_file_that_was_cut_anywhere_is_refused_or_says_only_what_it_said(tmp_path: Path) -> None:
    whole = load_settings(_written(tmp_path, _FILE), {})
    for end in range(len(_FILE)):
        try:
            cut = load_settings(_written(tmp_path, _FILE[:end]), {})
        except InputError:
            continue
        assert cut.api.port in (whole.api.port, Settings().api.port, 6, 60, 600)
        assert cut.api.allowed_origins in (whole.api.allowed_origins, ())
        assert cut.ui in (whole.ui, Settings().ui)
        assert cut.providers in (whole.providers, {}, {"google": {}})


def test_a_bad_value_is_told_with_its_line(tmp_path: Path) -> None:
    text = "# mine\n[api]\n\nport = -1\n[ui]\ntheme = 'pink'\n[nope]\n"
    with pytest.raises(InputError) as caught:
        load_settings(_written(tmp_path, text), {"KALENDS_LOG_LEVEL": "loud"})
    told = {detail.field: detail.message[-9:] for detail in caught.value.details}
    assert told["api.port"] == "(Line 4.)"
    assert told["ui.theme"] == "(Line 6.)"
    assert told["nope"] == "(Line 7.)"
    assert "Line" not in told["KALENDS_LOG_LEVEL"]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"[api]\n# \xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8 text at line 2, column 3"):
        load_settings(path, {})


def test_a_passphrase_vault_needs_its_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="KALENDS_VAULT_PASSPHRASE_FILE"):
        load_settings(tmp_path / "none", {"KALENDS_VAULT": "passphrase"})
    both = {"KALENDS_VAULT": "passphrase", "KALENDS_VAULT_PASSPHRASE_FILE": str(tmp_path / "words")}
    assert load_settings(tmp_path / "none", both).vault.kind is VaultKind.PASSPHRASE


def test_a_changed_setting_leaves_comments_and_the_rest_as_they_were(tmp_path: Path) -> None:
    path = _written(tmp_path, _FILE)
    change_setting(path, "api", "port", 6001)
    change_setting(path, "log", "level", "debug")
    change_setting(path, "ui", "theme", None)
    text = path.read_text(encoding="utf-8")
    assert "# my own notes" in text
    assert "port = 6001 # the office uses 5545" in text
    settings = load_settings(path, {})
    assert (settings.api.port, settings.log.level, settings.ui.theme) == (6001, LogLevel.DEBUG, Theme.SYSTEM)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_bad_change_leaves_the_file_untouched(tmp_path: Path) -> None:
    path = _written(tmp_path, _FILE)
    for section, key, value in (("api", "port", "x"), ("api", "nope", 1), ("nope", "port", 1)):
        with pytest.raises(InputError):
            change_setting(path, section, key, value)
    assert path.read_text(encoding="utf-8") == _FILE
