"""The only crossing between the windows (GUI thread, qasync) and the core (a thread and loop of its own).

Inwards a window awaits `CoreThread.call(...)`, which runs on the core loop; outwards notices arrive as a queued Qt
signal. No socket and no timer of the core may live on the GUI's loop, and no Qt object may be touched by the core.

Python's collector runs on whichever thread allocates, so also on the core's, and a Qt object that is destroyed there
takes the process with it. Every QObject of the windows therefore has a parent, or lives as long as the app.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar, cast

from PySide6.QtCore import QObject, Signal

from app.domain.errors import KalendsError
from app.domain.notices import Notice

if TYPE_CHECKING:
    # For types only: at run time the core's modules are imported on its own thread, after the first window is up.
    from app.services.core import Core, CoreHandle

T = TypeVar("T")
StartCore = Callable[[str], "Awaitable[CoreHandle]"]
"""Starts the core of a profile ("default", "demo") on the loop it is called on."""

_STOP_SECONDS = 4.5
"""How long the core may take to end its runs and close its database: the promise is five seconds in all."""

_log = logging.getLogger(__name__)


class CoreNotRunningError(KalendsError):
    """Nothing can be asked: the core is starting, being switched, or stopped."""

    code = "core_not_running"


class _Host:
    """What lives on the core loop: the handle of the running core. No Qt in here."""

    def __init__(self, start: StartCore, announce: Callable[[Notice], None]) -> None:
        self._start = start
        self._announce = announce
        self._handle: CoreHandle | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def open(self, profile: str) -> None:
        async with self._one_at_a_time:
            await self._close()
            self._handle = await self._start(profile)
            self._stop_listening = self._handle.core.notices.listen(self._announce)

    async def close(self) -> None:
        async with self._one_at_a_time:
            await self._close()

    async def _close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is None:
            return
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        await handle.stop()

    async def call(self, ask: Callable[[Core], Awaitable[T] | T]) -> T:
        if self._handle is None:
            raise CoreNotRunningError("Kalends is still starting. Try again in a moment.")
        answer = ask(self._handle.core)
        if inspect.isawaitable(answer):
            return cast(T, await answer)
        return answer


class _Life:
    """One life of the core thread: its loop, its host, and the wish to end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, host: _Host, ending: asyncio.Event) -> None:
        self.loop = loop
        self.host = host
        self.ending = ending


class CoreThread(QObject):
    """Runs the core on a thread of its own and lets windows talk to it.

    Made and used on the GUI thread; its coroutines are awaited on the GUI's loop.

    Args:
        start: starts the core of a profile; called on the core thread's loop.
        parent: the Qt owner.
    """

    notice = Signal(object)
    """A `Notice`, delivered on the GUI thread."""

    def __init__(self, start: StartCore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._start = start
        self._life: _Life | None = None
        self._thread: threading.Thread | None = None
        self._ended: Future[None] = Future()

    async def start(self, profile: str) -> None:
        """Start the thread if needed, and the core of `profile` on it, in place of the one that runs.

        Raises:
            KalendsError: what `start_core` raised; the thread stays, and another try is possible.
        """
        life = self._life or await self._begin()
        await self._on_core(life, life.host.open(profile))

    async def switch(self, profile: str) -> None:
        """Stop the core that runs and start the one of `profile` (to the demo and back). Raises as `start`."""
        await self.start(profile)

    async def call(self, ask: Callable[[Core], Awaitable[T] | T]) -> T:
        """Run `ask(core)` on the core loop and return what it gives, awaited there if it can be.

        Cancelling the waiting task cancels the work on the core.

        Raises:
            CoreNotRunningError: there is no core to ask.
            KalendsError: what the service raised.
        """
        life = self._life
        if life is None:
            raise CoreNotRunningError("Kalends is not running yet. Try again in a moment.")
        return await self._on_core(life, life.host.call(ask))

    async def stop(self) -> None:
        """Stop the core, in order, and end its thread. Safe to call twice, or before `start`."""
        life, self._life = self._life, None
        if life is None or self._thread is None:
            return
        life.loop.call_soon_threadsafe(life.ending.set)
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._ended)), _STOP_SECONDS)
        except TimeoutError:
            # What is unfinished is journaled and recovered at the next start, so waiting longer helps nobody.
            _log.warning("the core did not stop within %s s; leaving it", _STOP_SECONDS)
            return
        self._thread.join()

    async def _begin(self) -> _Life:
        begun: Future[_Life] = Future()
        self._ended = Future()
        self._thread = threading.Thread(target=self._run, args=(begun, self._ended), name="core", daemon=True)
        self._thread.start()
        self._life = await asyncio.wrap_future(begun)
        return self._life

    @staticmethod
    async def _on_core(life: _Life, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, life.loop))

    def _run(self, begun: Future[_Life], ended: Future[None]) -> None:
        """The core thread's whole life."""
        try:
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(self._serve(begun))
        except Exception as error:  # noqa: BLE001 - a thread has no caller: the error goes to whoever waits for its end
            _log.exception("the core thread ended with an error")
            ended.set_exception(error)
        else:
            ended.set_result(None)

    async def _serve(self, begun: Future[_Life]) -> None:
        loop = asyncio.get_running_loop()
        host = _Host(self._start, self._announce)
        ending = asyncio.Event()
        begun.set_result(_Life(loop, host, ending))
        await ending.wait()
        await host.close()

    def _announce(self, notice: Notice) -> None:
        """Called on the core loop; the signal is queued to the GUI thread, where this object lives."""
        with contextlib.suppress(RuntimeError):  # the windows are gone already: nobody is left to tell
            self.notice.emit(notice)


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it exists (not on Windows), else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
