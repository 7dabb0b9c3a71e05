"""Outlook's limits for an app and a mailbox, before anything else looks at a request.

It knows tokens only to tell mailboxes apart. Reference: "Outlook service limits" of Graph's throttling page.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.sandbox.microsoft.tokens import Tokens
from app.sandbox.microsoft.wire import compact
from app.sandbox.middleware import header_values
from app.sandbox.world import World

MAX_CONCURRENT: Final = 4
THROTTLED: Final = "Application is over its MailboxConcurrency limit."


class Concurrency:
    """Outlook's limits for an app and a mailbox: four requests at once, so many in ten minutes; refusals count as well.

    Args:
        app: the service within.
        world: clock and switches.
        tokens: whose mailbox a request is for.
    """

    def __init__(self, app: ASGIApp, world: World, tokens: Tokens) -> None:
        self._app = app
        self._world = world
        self._tokens = tokens
        self._running: Counter[str] = Counter()
        self._recent: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or answer 429 with Retry-After."""
        values = header_values(scope, "authorization") if scope["type"] == "http" else []
        token = values[0].partition(" ")[2].strip() if values else ""
        grant = self._tokens.find("access", token)
        if grant is None:
            await self._app(scope, receive, send)
            return
        recent = self._recent.setdefault(grant.email, deque())
        now = self._world.clock.now().timestamp()
        recent.append(now)
        while recent and not now - 600 < recent[0] <= now:
            recent.popleft()
        limit = int(self._world.behaviour["microsoft.requests_per_ten_minutes"])
        if self._running[grant.email] >= MAX_CONCURRENT:
            await _too_many(send, THROTTLED, 1)
            return
        if limit and len(recent) > limit:
            wait = max(1, int(recent[0] + 600 - now) + 1)
            await _too_many(send, "Application is over its RequestCount limit.", wait)
            return
        self._running[grant.email] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running[grant.email] -= 1


async def _too_many(send: Send, message: str, wait_seconds: int) -> None:
    content = compact({"error": {"code": "ApplicationThrottled", "message": message, "innerError": {}}}).encode()
    headers = [(b"content-type", b"application/json"), (b"retry-after", str(wait_seconds).encode())]
    headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": content})
