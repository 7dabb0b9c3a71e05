"""From the start of the process to the icon in the tray, against the least that PySide6 needs; both started in turn.

The icon is there when it has registered with the StatusNotifier host of the desktop and given it its picture.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.figures import Report, spread
from tests.benchmarks.place import Place
from tests.e2e.desktop import Session
from tests.e2e.trays import NotifierTray
from tests.e2e.waiting import SECONDS

STARTS = 7
BARE = str(Path(__file__).parent / "bare.py")
_MS_PER_SECOND = 1000.0
_LOOK_AGAIN_SECONDS = 0.002


@pytest.fixture
def host(session: Session) -> Iterator[NotifierTray]:
    """The host of the icons."""
    host = NotifierTray(session.address)
    yield host
    host.close()


@pytest.mark.timeout(900)
def test_tray(report: Report, place: Place, host: NotifierTray) -> None:
    for words in ((BARE, "tray"), ("-m", "app")):  # so that both find their files in the system's cache
        started(place, host, *words)
    bare: list[float] = []
    app: list[float] = []
    for _ in range(STARTS):
        bare.append(started(place, host, BARE, "tray"))
        app.append(started(place, host, "-m", "app"))
    report.add("bare PySide6", spread(bare, " ms"), bare)
    report.add("Kalends", spread(app, " ms"), app)
    ratios = [ours / least for ours, least in zip(app, bare, strict=True)]
    report.add("Kalends ÷ bare, start by start", spread(ratios), ratios)


def started(place: Place, host: NotifierTray, *words: str) -> float:
    """Start a program and end it again; milliseconds to its icon."""
    before = len(host.registered_at)
    began = time.monotonic()
    program = place.start(*words)
    while len(host.registered_at) == before:
        assert program.process.poll() is None, program.said
        assert time.monotonic() - began < SECONDS, "no icon registered"
        time.sleep(_LOOK_AGAIN_SECONDS)
    host.wait_for_icon()
    seen = time.monotonic()
    program.stop()
    program.close()
    return (seen - began) * _MS_PER_SECOND
