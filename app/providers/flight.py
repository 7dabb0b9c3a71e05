"""Several requests in flight at once behind a plain `await next()` (`engine.md` §16).

It must not know what the jobs do.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Job = Callable[[], Coroutine[Any, Any, T]]


class Departure:
    """Whether a job did what cannot be called back. It says so itself, right before: `gone = True`."""

    gone = False


class Flight(Generic[T]):
    """Keeps up to `parallel` jobs going while it is asked for results; nothing starts before the first `next()`.

    Its tasks are cancelled when the waiting `next()` is, when a job raises, and when the flight is dropped.
    A job must not refer to its flight, or dropping it would not be noticed.

    Args:
        departures: of the jobs, in their order, where they can be called back.
    """

    def __init__(self, jobs: Iterable[Job[T]], parallel: int, departures: Sequence[Departure] = ()) -> None:
        self._waiting: deque[Job[T]] = deque(jobs)
        self._parallel = parallel
        self._departing = deque(departures)
        self._departures: dict[asyncio.Task[T], Departure] = {}
        self._tasks: set[asyncio.Task[T]] = set()
        self._dropped = weakref.finalize(self, _cancel, self._tasks)
        self._dropped.atexit = False

    def add(self, job: Job[T]) -> None:
        """One more job, after the others."""
        self._waiting.append(job)

    def start_no_more(self) -> None:
        """Forget the jobs that have not started; those in flight end as usual."""
        self._waiting.clear()

    def recall(self) -> None:
        """Forget the jobs that have not started, and call back those that have not departed: they tell nothing."""
        self.start_no_more()
        for task, departure in self._departures.items():
            if not departure.gone:
                task.cancel()
                self._tasks.discard(task)

    async def next(self) -> T | None:
        """The result of the job that ends next, None when all have ended. A job's error is raised here."""
        while self._waiting and len(self._tasks) < self._parallel:
            task = asyncio.create_task(self._waiting.popleft()())
            self._tasks.add(task)
            if self._departing:
                self._departures[task] = self._departing.popleft()
        if not self._tasks:
            return None
        try:
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            task = done.pop()
            self._tasks.discard(task)
            self._departures.pop(task, None)
            return task.result()
        except BaseException:  # cancelled, or a job failed: the others must not go on unseen
            self.start_no_more()
            await self._cancel_all()
            raise

    async def _cancel_all(self) -> None:
        tasks = list(self._tasks)
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        if not task.done() and not task.get_loop().is_closed():
            task.cancel()
