"""Garbage is looked for in everything only while no run is under way; steps are counted, never time."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.domain.notices import Topic
from app.domain.runs import Phase
from app.services.views import Progress
from app.ui import collector
from app.ui.collector import QuietCollector, settled
from tests.ui.conftest import MakeDesk
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, StarterDouble, calm

WORKED_ON = 150_000
"""Objects: twice as many as a first sync of 2,000 events has at work, measured."""


@pytest.fixture
def usual() -> Iterator[None]:
    """Python's own rules before and after, nothing set aside."""
    before = gc.get_threshold()
    gc.collect()
    gc.unfreeze()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.fixture
def full_looks() -> Iterator[list[int]]:
    """One entry for each look through everything."""
    looks: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            looks.append(info["generation"])

    gc.callbacks.append(note)
    yield looks
    gc.callbacks.remove(note)


async def _start() -> None:
    await settled(StarterDouble(calm))("default")


def _work() -> list[list[int]]:
    return [[number] for number in range(WORKED_ON)]


@pytest.mark.usefixtures("usual")
def test_what_a_first_sync_works_on_is_not_looked_through_while_it_runs(full_looks: list[int]) -> None:
    gc.freeze()
    gc.collect()
    full_looks.clear()
    _work()
    assert full_looks, "with Python's own rules there would be no such look either"
    gc.unfreeze()

    asyncio.run(_start())
    full_looks.clear()
    _work()
    assert full_looks == []


@pytest.mark.usefixtures("usual")
def test_runs_without_end_do_not_put_the_collector_off_for_ever(
    full_looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "OVERDUE", 4)
    as_large_as_the_app = [[number] for number in range(5 * WORKED_ON)]
    gc.collect()

    asyncio.run(_start())
    assert as_large_as_the_app
    full_looks.clear()
    _work()
    assert full_looks


class _Watched:
    """A desk with a collector that only counts."""

    def __init__(self, desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk = desk
        self.looks = 0
        self.due = collector.DUE
        self._qtbot = qtbot
        monkeypatch.setattr(collector, "_QUIET_MS", 1)
        monkeypatch.setattr(gc, "get_count", lambda: (0, 0, self.due))
        self.collector = QuietCollector(desk.desktop.feed, desk.desktop, self._look)

    def _look(self) -> int:
        self.looks += 1
        self.due = 0
        return 0

    def tell(self, change: Callable[[CoreDouble], None]) -> None:
        """Let something happen in the core, and wait until the windows have read it."""
        before = self.desk.desktop.feed.latest
        self.desk.ask(change)
        self._qtbot.waitUntil(lambda: self.desk.desktop.feed.latest is not before, timeout=5_000)


def _begin(core: CoreDouble) -> None:
    core.go_on(Progress(core.known_pairs[0].pair.id, "sync_run_1", Phase.WRITING, 1, 2_000), announce=False)
    core.notices.announce(Topic.RUN_STARTED)


def _end(core: CoreDouble) -> None:
    core.known_pairs = [replace(view, progress=None) for view in core.known_pairs]
    core.notices.announce(Topic.RUN_FINISHED)


@pytest.fixture
def watched(make_desk: MakeDesk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> _Watched:
    return _Watched(make_desk(calm).begin(), qtbot, monkeypatch)


def test_what_is_due_waits_for_the_end_of_the_run_and_is_then_done_once(watched: _Watched, qtbot: QtBot) -> None:
    watched.tell(_begin)
    watched.collector.look()
    watched.tell(_begin)
    assert not watched.collector.is_waiting
    watched.tell(_end)
    qtbot.waitUntil(lambda: watched.looks == 1, timeout=5_000)
    watched.tell(_end)
    assert not watched.collector.is_waiting
    assert watched.looks == 1


def test_a_run_that_begins_meanwhile_is_not_disturbed(watched: _Watched, qtbot: QtBot) -> None:
    watched.collector.look()
    assert watched.collector.is_waiting
    latest = watched.desk.desktop.feed.latest
    assert latest is not None
    progress = Progress(latest.pairs[0].pair.id, "sync_run_1", Phase.READING, 0, 0)
    watched.desk.desktop.feed.latest = latest.with_progress(progress)
    qtbot.waitUntil(lambda: not watched.collector.is_waiting, timeout=5_000)
    assert watched.looks == 0


def test_a_shown_window_looks_now_and_then_whether_something_is_due(watched: _Watched, qtbot: QtBot) -> None:
    window = watched.desk.window
    window.ticked.connect(watched.collector.look)
    window.ticked.emit()
    qtbot.waitUntil(lambda: watched.looks == 1, timeout=5_000)


def test_without_a_core_nothing_is_looked_for(watched: _Watched) -> None:
    watched.desk.desktop.feed.forget()
    watched.collector.look()
    assert not watched.collector.is_waiting
