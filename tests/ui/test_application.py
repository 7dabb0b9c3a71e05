"""The app as a process: signals and requests from other threads end it in order, within five seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_ENDS_AT_ITS_ICON = """
import os, sys

import app.main
import app.ui
from PySide6.QtWidgets import QSystemTrayIcon

def ends(icon):
    print("imported:", [name for name in asked if name in sys.modules], flush=True)
    os._exit(0)

asked, sys.argv = sys.argv[1:], ["kalends"]
QSystemTrayIcon.show = ends
app.main.main()
"""
"""The app as `kalends` starts it, up to the moment when its icon is shown."""


@contextmanager
def running(folder: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """The app in a process of its own, ended in any case."""
    command = [sys.executable, "-W", "error", "-m", "tests.ui.run_desktop", str(folder), how]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_app_in_order_within_five_seconds(number: signal.Signals, tmp_path: Path) -> None:
    with running(tmp_path, "wait") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started default\n"
        began = time.monotonic()
        process.send_signal(number)
        output, errors = process.communicate(timeout=20)
        assert (process.returncode, output) == (0, "stopped\n"), errors
        assert time.monotonic() - began < 5
        assert "Traceback" not in errors


def test_another_thread_may_ask_for_the_window_and_for_the_end(tmp_path: Path) -> None:
    with running(tmp_path, "show-and-quit") as process:
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, output) == (0, "started default\nstopped\n"), errors
        assert "Traceback" not in errors


def test_the_window_s_size_is_kept(tmp_path: Path) -> None:
    with running(tmp_path, "show-and-quit") as process:
        process.communicate(timeout=30)
    assert "size=" in (tmp_path / "window.ini").read_text(encoding="utf-8")


def test_what_the_started_app_is_made_of_is_no_work_for_the_collector(tmp_path: Path) -> None:
    with running(tmp_path, "count-and-quit") as process:
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "started default\nleft alone\nstopped\n"), errors


def test_the_icon_is_in_the_tray_before_anything_is_imported_that_it_does_not_need(tmp_path: Path) -> None:
    later = ("asyncio", "http.client", "qasync", "rich", "structlog", "typer", "app.services", "app.ui.desktop")
    told = subprocess.run(
        [sys.executable, "-c", _ENDS_AT_ITS_ICON, *later],
        cwd=ROOT,
        env={**os.environ, "KALENDS_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (told.returncode, told.stdout) == (0, "imported: []\n"), told.stderr


def test_an_end_that_is_asked_for_while_the_app_is_made_is_an_end(tmp_path: Path) -> None:
    with running(tmp_path, "quit-at-icon") as process:
        _output, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
