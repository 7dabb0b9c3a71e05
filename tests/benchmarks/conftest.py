"""What measurements stand on: a screen with a window manager, a desktop session, a home; and a table at the end.

Nothing here is part of the tests: pytest finds `bench_*.py` only when told (`python3 packaging/dev.py bench`).
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.figures import OUTPUT, Report
from tests.benchmarks.place import Place
from tests.e2e.desktop import Session, desktop_session, outside_of
from tests.e2e.processes import Processes
from tests.e2e.screen import Screen


@pytest.fixture(scope="session")
def needed() -> None:
    """Says what is missing rather than failing one by one."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the figures come from /proc, the windows from X11")
    programs = "Xvfb openbox xdotool dbus-daemon gnome-keyring-daemon"
    missing = [name for name in programs.split() if shutil.which(name) is None]
    assert not missing, f"not installed: {missing}"


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder with a short name."""
    with tempfile.TemporaryDirectory(prefix="kalends-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def outside(folder: Path) -> dict[str, str]:
    """The environment of everything."""
    return outside_of(folder)


@pytest.fixture(scope="session")
def screen(needed: None, folder: Path, outside: dict[str, str]) -> Iterator[Screen]:
    """The screen, with a window manager."""
    processes = Processes(OUTPUT / "log" / "screen")
    try:
        buffer = folder / "screen"
        buffer.mkdir()
        yield Screen(processes, buffer, outside)
    finally:
        processes.close()


@pytest.fixture
def session(screen: Screen, outside: dict[str, str]) -> Iterator[Session]:
    """A desktop session with an unlocked keyring, in a home that nobody used before."""
    with desktop_session(screen, outside, OUTPUT / "log" / "session") as session:
        yield session


@pytest.fixture
def place(session: Session, tmp_path: Path) -> Iterator[Place]:
    """The home, and what is started in it."""
    place = Place(session.environ, tmp_path)
    yield place
    place.close()


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """The figures of the measurement, printed when it is done."""
    report = Report(request.node.name.removeprefix("test_"))
    yield report
    if report.rows:
        sys.stdout.write(report.close())
