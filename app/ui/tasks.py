"""Starts every coroutine of the windows: keeps it alive, shows what failed, ends it with its window.

Nothing else in `app.ui` may create tasks: a task without a reference can vanish, and one without an owner hides its
error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from app.domain.errors import KalendsError

_log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, object]]


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that went wrong, as a person is told.

    Args:
        sentence: what happened.
        fix: what they can do, if known.
        again: starts the same work once more.
    """

    sentence: str
    fix: str | None
    again: Callable[[], None]


class TaskRunner(QObject):
    """The tasks of one window.

    Args:
        owner: its window or dialog; its end cancels what still runs.
    """

    failed = Signal(object)
    """A `Failure` to show."""

    def __init__(self, owner: QObject) -> None:
        super().__init__(owner)
        self._tasks: dict[asyncio.Task[object], str | None] = {}
        # Bound to the dictionary, not to self: when the owner is destroyed, this child is already on its way out.
        owner.destroyed.connect(partial(_cancel, self._tasks))

    def spawn(self, work: Work, *, key: str | None = None) -> asyncio.Task[object]:
        """Start `work()` as a task of this window.

        Args:
            work: makes the coroutine; kept, so that *Try again* can make another.
            key: while work of the same key runs, that task is returned instead of a second one.
        """
        if key is not None:
            for task, other in self._tasks.items():
                if other == key and not task.done():
                    return task
        task = asyncio.get_running_loop().create_task(_run(work))
        self._tasks[task] = key
        task.add_done_callback(partial(self._ended, work))
        return task

    def cancel(self) -> None:
        """Cancel everything that still runs."""
        _cancel(self._tasks)

    async def drained(self) -> None:
        """Cancel everything and wait until it has ended."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, work: Work, task: asyncio.Task[object]) -> None:
        key = self._tasks.pop(task, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        if not isValid(self):
            _log.error("error in a task of a window that is gone", exc_info=error)
            return
        again = partial(self._again, work, key)
        if isinstance(error, KalendsError):
            _log.info("shown to the user: %s (%s)", error.code, type(error).__name__)
            self.failed.emit(Failure(error.message, error.fix, again))
            return
        _log.error("unexpected error in a window's task", exc_info=error)
        sentence = f"Something happened that Kalends did not expect ({type(error).__name__})."
        self.failed.emit(Failure(sentence, "The log has the details.", again))

    def _again(self, work: Work, key: str | None) -> None:
        self.spawn(work, key=key)


async def _run(work: Work) -> object:
    return await work()


def _cancel(tasks: dict[asyncio.Task[object], str | None], *_: object) -> None:
    for task in list(tasks):
        task.cancel()
