"""Gmail's quota units: what each method costs, and what a user has in a minute (guide "Usage limits").

Two tables are believed to hold, one for projects in use before May 2026 and one for others; a switch says which.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from app.sandbox.google.mail.errors import user_rate_limit
from app.sandbox.google.quota import Limit, Window
from app.sandbox.world import World

_EARLIER: Final = {
    "getProfile": 1,
    "watch": 100,
    "stop": 50,
    "labels.list": 1,
    "labels.get": 1,
    "messages.list": 5,
    "messages.get": 5,
    "messages.attachments.get": 5,
    "messages.modify": 5,
    "messages.batchModify": 50,
    "messages.trash": 5,
    "messages.untrash": 5,
    "messages.delete": 10,
    "threads.list": 10,
    "threads.get": 10,
    "history.list": 2,
}
COSTS: Final = {
    "earlier": _EARLIER,
    "current": {**_EARLIER, "messages.get": 20, "messages.attachments.get": 20, "threads.get": 40},
}
"""Units by the value of `google.gmail_quota` and the method."""

LIMITS: Final = {"earlier": Limit(15_000, 60.0), "current": Limit(6_000, 60.0)}


class Units:
    """Counts what is asked of Gmail, each part of a batch for itself.

    Args:
        world: its clock moves the minute, its switches say which table holds.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._windows: dict[str, Window] = {}

    def charge(self, email: str, method: str) -> None:
        """Count one call; a refused one costs nothing.

        Raises:
            GmailError: 403 or 429, `userRateLimitExceeded` or `rateLimitExceeded`.
        """
        behaviour = self._world.behaviour
        table = behaviour["google.gmail_quota"]
        if table == "off":
            return
        now = self._world.clock.now()
        window = self._windows.setdefault(email, Window())
        if not window.has_room(LIMITS[table], now.timestamp(), COSTS[table][method]):
            raise user_rate_limit(
                int(behaviour["google.gmail_rate_limit_status"]),
                str(behaviour["google.gmail_rate_limit_reason"]),
                now + timedelta(seconds=LIMITS[table].seconds),
            )
        window.add(now.timestamp(), COSTS[table][method])
