"""Whether a screen answers, with sockets of our own in its place."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from app.system.screen import has_screen


def test_windows_and_macos_always_have_a_screen() -> None:
    assert has_screen({}, "win32")
    assert has_screen({}, "darwin")


def test_a_linux_machine_without_any_variable_has_none() -> None:
    assert not has_screen({}, "linux")


def test_a_chosen_qt_platform_is_believed() -> None:
    assert has_screen({"QT_QPA_PLATFORM": "offscreen"}, "linux")


def test_a_wayland_socket_counts_only_while_something_listens(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "WAYLAND_DISPLAY": "wayland-7"}
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "wayland-7"))
        server.listen()
        assert has_screen(environ, "linux")
    assert not has_screen(environ, "linux")


def test_a_remote_x_display_counts_only_while_something_listens() -> None:
    with socket.socket() as server:
        for number in range(300, 400):
            try:
                server.bind(("127.0.0.1", 6000 + number))
            except OSError:
                continue
            break
        server.listen()
        assert has_screen({"DISPLAY": f"127.0.0.1:{number}.0"}, "linux")
    assert not has_screen({"DISPLAY": f"127.0.0.1:{number}.0"}, "linux")


@pytest.mark.parametrize("display", [":987", "nonsense", ":", "127.0.0.1:99999", ""])
def test_a_dead_or_ill_formed_display_is_no_screen(display: str) -> None:
    assert not has_screen({"DISPLAY": display}, "linux")
