"""Waiting for runs and sign-ins without holding up a stop: when the server stops, waiting is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from app.api.context import Context
from app.services.views import Attempt, RunView


async def for_run(given: Context, run_id: str, timeout_seconds: float) -> RunView:
    """A run as it is at its end, when time is up, or when the server stops."""
    await _unless_stopping(given, given.core.sync.wait(run_id, timeout_seconds))
    return await given.core.sync.wait(run_id, 0)


async def for_runs(given: Context, run_ids: Sequence[str], timeout_seconds: float) -> list[RunView]:
    """Several runs, all together within the time."""
    end = time.monotonic() + timeout_seconds
    return [await for_run(given, run_id, max(0.0, end - time.monotonic())) for run_id in run_ids]


async def for_attempt(given: Context, attempt_id: str, timeout_seconds: float) -> Attempt:
    """A sign-in once it is no longer pending, when time is up, or when the server stops."""
    if timeout_seconds > 0:
        await _unless_stopping(given, given.core.connections.finish(attempt_id, timeout_seconds))
    return given.core.connections.attempt(attempt_id)


async def _unless_stopping(given: Context, work: Coroutine[Any, Any, object]) -> None:
    waiting = asyncio.create_task(work)
    stopping = asyncio.create_task(given.surroundings.stopping.wait())
    try:
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        waiting.cancel()
    # What was awaited may have failed by itself; cancelled it has nothing to say.
    results = await asyncio.gather(waiting, stopping, return_exceptions=True)
    if isinstance(results[0], Exception):
        raise results[0]
