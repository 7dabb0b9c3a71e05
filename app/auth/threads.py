"""Blocking library calls off the core loop, with a time-out that also holds when the library does not return.

Threads are daemons of their own and not those of `asyncio.to_thread`: a keyring prompt blocks without limit
(`desktop.md` §4), and the loop's own threads are waited for when the process ends.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def start_in_thread(function: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Start a blocking function in a thread of its own.

    Args:
        function: what to call, with the caller's context variables.
        name: of the thread, for whoever reads a dump.

    Returns:
        A future of the running loop with what the function returns or raises. Cancelling it does not stop the thread.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    # Whoever stopped waiting has said why; what the thread says later is not an error nobody looked at.
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    context = contextvars.copy_context()

    def tell(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # without an error the result is the function's own

    def run() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = context.run(function)
        except BaseException as error:  # noqa: BLE001  # handed on to whoever awaits the future, not handled here
            failure = error
        if not loop.is_closed():
            try:
                loop.call_soon_threadsafe(tell, result, failure)
            except RuntimeError:
                # The loop was closed in between: nobody is left to be told.
                return

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


async def call_in_thread(function: Callable[[], T], name: str, timeout_seconds: float) -> T:
    """Call a blocking function in a thread and wait for it.

    Raises:
        TimeoutError: it did not return in time; its thread may go on.
    """
    future = start_in_thread(function, name)
    async with asyncio.timeout(timeout_seconds):
        return await future
