"""Which system packages are missing, and when they may be installed."""

from __future__ import annotations

import os

import pytest

import system_packages
from terminal import Stop

LISTING = (
    "libgl1\tinstalled\t\n"
    "libegl1\tconfig-files\t\n"
    "libglib2.0-0t64\tinstalled\tlibglib2.0-0 (= 2.84.4-3), libgio (= 1)\n"
    "python3\tinstalled\tpython3:any\n"
)


def test_a_package_that_is_installed_or_provided_is_not_missing() -> None:
    assert system_packages.missing_packages(["libgl1", "libglib2.0-0", "libgio"], LISTING) == []


def test_a_package_that_is_absent_or_removed_is_missing_in_the_order_asked() -> None:
    assert system_packages.missing_packages(["libxcb1", "libgl1", "libegl1"], LISTING) == ["libxcb1", "libegl1"]


def test_installing_can_be_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALENDS_NO_APT", "1")
    assert not system_packages.may_apt()


@pytest.mark.skipif(os.name == "nt", reason="there are no users by number there")
def test_only_root_installs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not system_packages.may_apt()


def test_tests_that_lack_packages_stop_with_the_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALENDS_NO_APT", "1")
    monkeypatch.setattr(system_packages, "on_debian", lambda: True)
    monkeypatch.setattr(system_packages, "installed", lambda: LISTING)
    with pytest.raises(Stop, match=r"sudo apt-get install -y --no-install-recommends libegl1 libxcb1$"):
        system_packages.provide(["libgl1", "libegl1", "libxcb1"], strict=True)


def test_the_app_goes_on_without_them_and_says_what_windows_would_need(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KALENDS_NO_APT", "1")
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr(system_packages, "on_debian", lambda: True)
    monkeypatch.setattr(system_packages, "installed", lambda: LISTING)
    assert not system_packages.provide(["libegl1"], strict=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert "libegl1" in said.err


def test_without_a_screen_the_app_goes_on_in_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KALENDS_NO_APT", "1")
    monkeypatch.setattr(system_packages, "on_debian", lambda: True)
    monkeypatch.setattr(system_packages, "installed", lambda: LISTING)
    assert not system_packages.provide(["libegl1"], strict=False)
    assert capsys.readouterr().err == ""


def test_where_there_is_no_apt_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_packages, "on_debian", lambda: False)
    assert system_packages.provide(["libegl1"], strict=True)
