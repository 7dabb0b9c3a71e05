"""Ending in order: SIGTERM, Ctrl-C and a wish to quit all become one event on the loop, and interrupt what waits."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from types import FrameType, TracebackType
from typing import Any, TypeVar

from app.domain.errors import KalendsError

T = TypeVar("T")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(KalendsError):
    """The process was asked to end while something was under way."""

    code = "interrupted"


class StopSignals:
    """Heeds the first signal; a second one has its usual effect, for whoever cannot wait.

    Entered and left on the main thread, inside a running loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        self._before: list[tuple[signal.Signals, Any]] = []
        self.interrupted = False
        """Whether it was Ctrl-C, rather than an orderly wish."""

    def quit(self) -> None:
        """Ask for the end, from any thread."""
        self._loop.call_soon_threadsafe(self._asked.set)

    async def wait(self) -> None:
        """Wait until the end is asked for."""
        await self._asked.wait()

    async def unless(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of some work, which is cancelled when the end is asked for.

        Raises:
            Stopped: it was cancelled.
        """
        task = asyncio.create_task(work)
        asked = asyncio.create_task(self._asked.wait())
        try:
            await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                if task.cancelled():
                    raise Stopped("Kalends was stopped before it was done.")
            return task.result()
        finally:
            asked.cancel()
            if not task.done():
                task.cancel()

    def __enter__(self) -> StopSignals:
        for number in _SIGNALS:
            self._before.append((number, signal.signal(number, self._came)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _came(self, number: int, _frame: FrameType | None) -> None:
        self.interrupted = number == signal.SIGINT
        self._restore()
        self.quit()

    def _restore(self) -> None:
        while self._before:
            number, handler = self._before.pop()
            signal.signal(number, handler)


def run_to_end(work: Callable[[StopSignals], Coroutine[Any, Any, int]]) -> int:
    """Run some work on a loop of its own until it ends or is asked to; its exit code.

    The loop is uvloop where there is one, as in the desktop app.
    """

    async def heeding() -> int:
        with StopSignals() as signals:
            return await work(signals)

    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(heeding())


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
