"""Notices: who listens is told what happened, in the order it happened.

Lives on the core loop. Announces ids and counts; never titles, addresses or secrets. Keeps nothing: the database is the
history.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import structlog

from app.domain.notices import Notice

_QUEUED_AT_MOST = 1_000

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Subscription:
    """A reader's own queue of notices. A reader that stalls loses the oldest, and is told so by `dropped`."""

    def __init__(self, close: Callable[[Subscription], None]) -> None:
        self._queue: deque[Notice] = deque(maxlen=_QUEUED_AT_MOST)
        self._arrived = asyncio.Event()
        self._close = close
        self.dropped = 0

    def put(self, notice: Notice) -> None:
        """Queue a notice."""
        if len(self._queue) == _QUEUED_AT_MOST:
            self.dropped += 1
        self._queue.append(notice)
        self._arrived.set()

    async def next(self) -> Notice:
        """The next notice, waiting for it."""
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue.popleft()

    def close(self) -> None:
        """Stop listening; does nothing the second time."""
        self._close(self)


class Notices:
    """The one place where things are announced."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._callbacks: list[Callable[[Notice], None]] = []

    def announce(self, notice: Notice) -> None:
        """Tell everyone. A listener that fails is logged and does not keep others from hearing."""
        for subscription in tuple(self._subscriptions):
            subscription.put(notice)
        for callback in tuple(self._callbacks):
            try:
                callback(notice)
            except Exception:  # noqa: BLE001 - a listener's fault must not end what is being announced
                _log.exception("notice.listener_failed", topic=notice.topic)

    def subscribe(self) -> Subscription:
        """Listen by queue, from now on."""
        subscription = Subscription(lambda closed: _leave(self._subscriptions, closed))
        self._subscriptions.append(subscription)
        return subscription

    def listen(self, callback: Callable[[Notice], None]) -> Callable[[], None]:
        """Listen by callback, called on the core loop. Returns a function that ends it."""
        self._callbacks.append(callback)
        return lambda: _leave(self._callbacks, callback)


def _leave(listeners: list[T], one: T) -> None:
    if one in listeners:
        listeners.remove(one)
