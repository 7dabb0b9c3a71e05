"""A running GUI loop for plain test functions: one QApplication for all, one qasync loop for each test.

Tests here are ordinary functions that wait with `qtbot.waitUntil`; a Qt wait inside a coroutine would lose tasks.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.ui.loop import DesktopLoop
from app.ui.theme import Scheme, Theme
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, StarterDouble


@pytest.fixture
def gui_loop(qapp: QApplication) -> Iterator[DesktopLoop]:
    """qasync's loop, current on this thread while Qt itself is turned by the test's waits."""
    errors: list[dict[str, Any]] = []
    loop = DesktopLoop(qapp, already_running=False)
    loop.set_exception_handler(lambda _loop, context: errors.append(context))
    asyncio.set_event_loop(loop)
    asyncio._set_running_loop(loop)  # as run_forever does; here the test's waits turn the Qt loop instead
    yield loop
    asyncio._set_running_loop(None)
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    asyncio.set_event_loop(None)
    del loop, left
    # A Qt object must die on its own thread, and the collector runs on whichever thread allocates: a loop of this test
    # that waits in a cycle would be taken apart by the core thread of another.
    gc.collect()
    assert errors == []


@pytest.fixture
def wait_for(gui_loop: DesktopLoop, qtbot: QtBot) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on the GUI loop to its end and return what it gives, with Qt turning meanwhile."""

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        task = gui_loop.create_task(work)
        qtbot.waitUntil(task.done, timeout=10_000)
        return task.result()

    return run


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are shown in the machine's zone: here it is always the same one."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def session_theme(qapp: QApplication) -> Theme:
    """One look for the one application."""
    return Theme(qapp, Scheme.LIGHT)


@pytest.fixture
def theme(session_theme: Theme) -> Theme:
    """The light look at the start of each test."""
    session_theme.choose(Scheme.LIGHT)
    return session_theme


MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


@pytest.fixture
def make_desk(
    qtbot: QtBot, wait_for: Callable[[Coroutine[Any, Any, Any]], Any], theme: Theme, tmp_path: Path
) -> Iterator[MakeDesk]:
    """Makes desktops over the core a test gives, and stops them in the end."""
    desks: list[Desk] = []

    def make(core: Callable[[str], CoreDouble]) -> Desk:
        desks.append(Desk(qtbot, wait_for, theme, tmp_path, StarterDouble(core)))
        return desks[-1]

    yield make
    for desk in desks:
        desk.end()
