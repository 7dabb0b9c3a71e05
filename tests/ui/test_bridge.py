"""The crossing between the windows' loop and the core's: threads, errors, cancelling, switching, stopping."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from pytestqt.qtbot import QtBot

from app.domain.errors import NotFoundError, StorageError
from app.domain.notices import Notice, Topic

if TYPE_CHECKING:
    from app.services.core import CoreHandle
from app.ui.bridge import CoreNotRunningError, CoreThread
from app.ui.tasks import Failure, TaskRunner

WaitFor = Callable[[Coroutine[Any, Any, Any]], Any]


class _Notices:
    def __init__(self) -> None:
        self.listeners: list[Callable[[Notice], None]] = []

    def listen(self, callback: Callable[[Notice], None]) -> Callable[[], None]:
        self.listeners.append(callback)
        return lambda: self.listeners.remove(callback)


class _Core:
    """Only what the bridge itself touches, and things to ask."""

    def __init__(self, profile: str) -> None:
        self.profile = profile
        self.notices = _Notices()
        self.cancelled = threading.Event()
        self.entered = threading.Event()

    def where(self) -> str:
        return threading.current_thread().name

    async def where_later(self) -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    def refuse(self) -> None:
        raise NotFoundError("No such pair.")

    async def for_ever(self) -> None:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


class _Handle:
    def __init__(self, profile: str, stopped: list[str]) -> None:
        self.core = _Core(profile)
        self._stopped = stopped

    async def stop(self) -> None:
        self._stopped.append(self.core.profile)


class _Starter:
    def __init__(self) -> None:
        self.handles: list[_Handle] = []
        self.stopped: list[str] = []
        self.refusals = 0

    async def __call__(self, profile: str) -> CoreHandle:
        if self.refusals:
            self.refusals -= 1
            raise StorageError("The database is from a newer version.", code="database_newer")
        self.handles.append(_Handle(profile, self.stopped))
        return cast("CoreHandle", self.handles[-1])


@pytest.fixture
def starter() -> _Starter:
    return _Starter()


@pytest.fixture
def bridge(starter: _Starter, wait_for: WaitFor) -> Any:
    thread = CoreThread(starter)
    yield thread
    wait_for(thread.stop())


def test_plain_and_async_services_run_on_the_core_thread(bridge: Any, wait_for: WaitFor) -> None:
    wait_for(bridge.start("default"))
    assert wait_for(bridge.call(lambda core: core.where())) == "core"
    assert wait_for(bridge.call(lambda core: core.where_later())) == "core"


def test_an_error_of_the_core_reaches_the_window_as_itself(bridge: Any, wait_for: WaitFor) -> None:
    wait_for(bridge.start("default"))
    with pytest.raises(NotFoundError, match="No such pair"):
        wait_for(bridge.call(lambda core: core.refuse()))


def test_a_call_before_the_start_says_that_nothing_runs_yet(bridge: Any, wait_for: WaitFor) -> None:
    with pytest.raises(CoreNotRunningError):
        wait_for(bridge.call(lambda core: core.where()))


def test_cancelling_the_window_s_task_cancels_the_work_on_the_core(
    bridge: Any, starter: _Starter, wait_for: WaitFor, qtbot: QtBot
) -> None:
    wait_for(bridge.start("default"))
    core = starter.handles[0].core
    task = asyncio.get_running_loop().create_task(bridge.call(lambda core: core.for_ever()))
    qtbot.waitUntil(core.entered.is_set)
    task.cancel()
    qtbot.waitUntil(core.cancelled.is_set)
    qtbot.waitUntil(task.done)
    assert task.cancelled()


def test_a_notice_arrives_on_the_gui_thread(bridge: Any, starter: _Starter, wait_for: WaitFor, qtbot: QtBot) -> None:
    wait_for(bridge.start("default"))
    seen: list[tuple[str, Notice]] = []
    bridge.notice.connect(lambda notice: seen.append((threading.current_thread().name, notice)))
    notice = Notice(Topic.RUN_STARTED, datetime(2026, 11, 20, tzinfo=UTC), pair_id="pair_1")
    announced_on: list[str] = []

    def announce(core: Any) -> None:
        announced_on.append(threading.current_thread().name)
        for listener in core.notices.listeners:
            listener(notice)

    wait_for(bridge.call(announce))
    qtbot.waitUntil(lambda: bool(seen))
    assert announced_on == ["core"]
    assert seen == [(threading.main_thread().name, notice)]


def test_switching_stops_one_core_before_the_other_starts(bridge: Any, starter: _Starter, wait_for: WaitFor) -> None:
    wait_for(bridge.start("default"))
    wait_for(bridge.switch("demo"))
    assert starter.stopped == ["default"]
    assert starter.handles[0].core.notices.listeners == []
    assert wait_for(bridge.call(lambda core: core.profile)) == "demo"


def test_a_failed_start_can_be_tried_again(bridge: Any, starter: _Starter, wait_for: WaitFor) -> None:
    starter.refusals = 1
    with pytest.raises(StorageError, match="newer version"):
        wait_for(bridge.start("default"))
    with pytest.raises(CoreNotRunningError):
        wait_for(bridge.call(lambda core: core.where()))
    wait_for(bridge.start("default"))
    assert wait_for(bridge.call(lambda core: core.where())) == "core"


def test_stopping_ends_the_core_and_its_thread_and_may_be_asked_twice(
    starter: _Starter, wait_for: WaitFor, gui_loop: object
) -> None:
    bridge = CoreThread(starter)
    wait_for(bridge.stop())
    wait_for(bridge.start("default"))
    wait_for(bridge.stop())
    wait_for(bridge.stop())
    assert starter.stopped == ["default"]
    assert "core" not in {thread.name for thread in threading.enumerate()}


def test_the_core_keeps_running_while_the_gui_thread_is_blocked(
    bridge: Any, starter: _Starter, wait_for: WaitFor
) -> None:
    wait_for(bridge.start("default"))
    turns = threading.Semaphore(0)

    async def turn() -> None:
        while True:
            turns.release()
            await asyncio.sleep(0.001)

    task = asyncio.get_running_loop().create_task(bridge.call(lambda core: turn()))
    wait_for(bridge.call(lambda core: core.where()))
    for _ in range(20):
        assert turns.acquire(timeout=5), "no turn of the core's loop while this thread waits without running Qt"
    task.cancel()


def test_a_failed_task_is_shown_in_words_and_can_be_tried_again(gui_loop: object, qtbot: QtBot) -> None:
    from PySide6.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    tasks = TaskRunner(window)
    failures: list[Failure] = []
    tasks.failed.connect(failures.append)
    outcomes = [NotFoundError("No such pair.", fix="Choose another."), None]
    done: list[bool] = []

    async def work() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        done.append(True)

    tasks.spawn(work)
    qtbot.waitUntil(lambda: bool(failures))
    assert (failures[0].sentence, failures[0].fix) == ("No such pair.", "Choose another.")
    failures[0].again()
    qtbot.waitUntil(lambda: bool(done))
    assert len(failures) == 1


def test_an_unforeseen_error_is_told_without_its_inner_text(
    gui_loop: object, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    from PySide6.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    tasks = TaskRunner(window)
    failures: list[Failure] = []
    tasks.failed.connect(failures.append)

    async def work() -> None:
        raise ZeroDivisionError("secret inner text")

    tasks.spawn(work)
    qtbot.waitUntil(lambda: bool(failures))
    assert "secret" not in failures[0].sentence
    assert "ZeroDivisionError" in failures[0].sentence
    assert "secret inner text" in caplog.text


def test_tasks_end_with_their_window(gui_loop: object, qtbot: QtBot) -> None:
    from PySide6.QtWidgets import QWidget
    from shiboken6 import delete

    window = QWidget()
    tasks = TaskRunner(window)
    task = tasks.spawn(asyncio.Event().wait)
    delete(window)
    qtbot.waitUntil(task.done)
    assert task.cancelled()


def test_work_of_the_same_key_runs_once(gui_loop: object, qtbot: QtBot) -> None:
    from PySide6.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    tasks = TaskRunner(window)
    first = tasks.spawn(asyncio.Event().wait, key="refresh")
    assert tasks.spawn(asyncio.Event().wait, key="refresh") is first
    assert tasks.spawn(asyncio.Event().wait) is not first
    tasks.cancel()
    qtbot.waitUntil(first.done)


def test_importing_the_windows_leaves_the_import_function_alone() -> None:
    code = "import builtins; before = builtins.__import__; import app.ui.tasks; assert builtins.__import__ is before"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
