"""What the app takes while nothing happens: its memory against a bare window of PySide6, and how often it wakes.

Two accounts and one pair that is in step. Measured with the window shown, with the window closed to the tray, and
without windows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.benchmarks.figures import Memory, Report, memory, spread, wake_ups
from tests.benchmarks.place import Place
from tests.e2e.desktop import Session
from tests.e2e.screen import SIZE, Screen
from tests.e2e.trays import NotifierTray
from tests.e2e.waiting import until
from tests.integration.cli.program import Service

ROUNDS = 3
EVENTS = 200
SETTLING_SECONDS = 10.0
WATCHED_SECONDS = 15.0
BARE = str(Path(__file__).parent / "bare.py")
_CLOSE_SECONDS = 5.0


@dataclass
class Idle:
    """What one way of running took, a value a round."""

    memory: list[Memory] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)

    def look(self, pid: int) -> None:
        """Let a process settle, and watch it."""
        time.sleep(SETTLING_SECONDS)
        before = wake_ups(pid)
        time.sleep(WATCHED_SECONDS)
        self.wakes.append((wake_ups(pid) - before) / WATCHED_SECONDS)
        self.memory.append(memory(pid))


@pytest.fixture
def host(session: Session) -> Iterator[NotifierTray]:
    """The host of the icons."""
    host = NotifierTray(session.address)
    yield host
    host.close()


@pytest.mark.timeout(1800)
def test_idle(report: Report, place: Place, host: NotifierTray, screen: Screen, session: Session) -> None:
    place.furnish(EVENTS)
    place.ask("pairs", "resume", "--all")
    assert place.ask("sync")["runs"][0]["status"] == "success"
    bare, shown, closed, headless = Idle(), Idle(), Idle(), Idle()
    api_file = Path(session.environ["XDG_RUNTIME_DIR"]) / "kalends" / "api.json"
    for _ in range(ROUNDS):
        program = place.start(BARE, "window")
        until("the bare window is there", lambda: windows(screen, "^bare.py$"))
        bare.look(program.process.pid)
        ended(program)

        app = place.start_app("run", "--window")
        until("the window is there", lambda: windows(screen, "^kalends$"))
        until("the app runs", api_file.exists)
        shown.look(app.process.pid)
        close_window(screen)
        closed.look(app.process.pid)
        ended(app)

        service = place.start_app("serve")
        until("the app runs", api_file.exists)
        headless.look(service.process.pid)
        ended(service)
    for name, idle in (
        ("bare window", bare),
        ("window shown", shown),
        ("closed to the tray", closed),
        ("without windows", headless),
    ):
        resident, shared = [one.rss for one in idle.memory], [one.pss for one in idle.memory]
        words = f"RSS {spread(resident, ' MiB')}, PSS {spread(shared, ' MiB')}, wakes {spread(idle.wakes, ' a second')}"
        report.add(name, words, {"rss_mib": resident, "pss_mib": shared, "wakes_a_second": idle.wakes})
    for name, idle in (("window shown", shown), ("closed to the tray", closed), ("without windows", headless)):
        resident = [ours.rss / least.rss for ours, least in zip(idle.memory, bare.memory, strict=True)]
        report.add(f"RSS {name} ÷ bare window", spread(resident), resident)
        # What Qt's libraries count depends on who else on this machine has them loaded now.
        shared = [ours.pss / least.pss for ours, least in zip(idle.memory, bare.memory, strict=True)]
        report.add(f"PSS {name} ÷ bare window", spread(shared), shared)


def windows(screen: Screen, of_class: str) -> list[tuple[int, int]]:
    """The visible windows of a program."""
    return screen.windows(of_class, max(SIZE))


def close_window(screen: Screen) -> None:
    """Close the window by its key, pressed again when the window manager lost it."""

    def closed() -> bool:
        screen.press("alt+F4")
        end = time.monotonic() + _CLOSE_SECONDS
        while time.monotonic() < end:
            if not windows(screen, "^kalends$"):
                return True
            time.sleep(0.1)
        return False

    until("the window is closed", closed)


def ended(service: Service) -> None:
    """End a program."""
    service.stop()
    service.close()
