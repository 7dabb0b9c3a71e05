"""The GUI's event loop and the signals that end the app. No part of the core runs here."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType, TracebackType

import qasync
from PySide6.QtCore import QObject, QSocketNotifier


class DesktopLoop(qasync.QEventLoop):  # type: ignore[misc]  # qasync ships no types
    """qasync's loop, which also closes async generators that are left early (qasync installs no hooks for that)."""

    def run_forever(self) -> object:
        """Run until stopped, with asyncio's own hooks for async generators."""
        before = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=self._asyncgen_firstiter_hook, finalizer=self._asyncgen_finalizer_hook)
        try:
            return super().run_forever()
        finally:
            sys.set_asyncgen_hooks(*before)


class StopSignals(QObject):
    """Turns SIGINT and SIGTERM into a call on the GUI thread, without a polling timer.

    Python notes a signal and runs its handler only when the interpreter next gets control, which Qt does not give
    while it waits. The wake-up descriptor is written at once; Qt watches its other end.
    """

    def __init__(self, stop: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stop = stop
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._handlers: dict[int, object] = {}
        self._descriptor = -1

    def __enter__(self) -> StopSignals:
        self._notifier.activated.connect(self._woken)
        self._descriptor = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, _noted)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself returned
        signal.set_wakeup_fd(self._descriptor)
        self._notifier.setEnabled(False)
        self._reader.close()
        self._writer.close()

    def _woken(self) -> None:
        numbers = self._reader.recv(64)
        if signal.SIGINT in numbers or signal.SIGTERM in numbers:
            self._stop()


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The handler itself does nothing: the wake-up descriptor has carried the news."""
