"""Outlook's limits for an app and a mailbox, before anything else looks at a request.

It knows tokens only to tell mailboxes apart. Reference: "Outlook service limits" of Graph's throttling page.
"""

from __future__ import annotations

import uuid
from collections import Counter, deque
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.sandbox.faults import LoggedRequest
from app.sandbox.microsoft.errors import GraphError
from app.sandbox.microsoft.tokens import Tokens
from app.sandbox.microsoft.wire import compact
from app.sandbox.middleware import header_values
from app.sandbox.world import World

MAX_CONCURRENT: Final = 4
_WINDOW_SECONDS: Final = 600


def throttled(message: str, wait_seconds: int) -> GraphError:
    """429 with Retry-After."""
    return GraphError(429, "ApplicationThrottled", message, headers={"Retry-After": str(wait_seconds)})


class Lanes:
    """What one request holds of its mailbox's limits; a batch takes more of them than it came in with.

    Args:
        limits: of all mailboxes.
        mailbox: the address.
    """

    def __init__(self, limits: Concurrency, mailbox: str) -> None:
        self._limits = limits
        self._mailbox = mailbox
        self.held = 1
        self._counted = 1

    def widen(self, wanted: int) -> int:
        """Hold up to ``wanted`` requests at once instead of one; returns how many it got."""
        free = MAX_CONCURRENT - self._limits.running[self._mailbox]
        more = max(0, min(wanted - self.held, free))
        self._limits.running[self._mailbox] += more
        self.held += more
        return self.held

    def count(self) -> GraphError | None:
        """Count one of its parts, the first of which came in with it; the refusal when there were too many."""
        first, self._counted = self._counted == 1, self._counted + 1
        return None if first else self._limits.count(self._mailbox)

    def leave(self) -> None:
        """Give everything back."""
        self._limits.running[self._mailbox] -= self.held
        self.held = 0


class Concurrency:
    """Outlook's limits for an app and a mailbox: four requests at once, so many in ten minutes; refusals count as well.

    The parts of a batch count one by one, and four of them run at a time: see ``Lanes``.

    Args:
        app: the service within.
        world: clock, switches, log of requests.
        tokens: whose mailbox a request is for.
    """

    def __init__(self, app: ASGIApp, world: World, tokens: Tokens) -> None:
        self._app = app
        self._world = world
        self._tokens = tokens
        self.running: Counter[str] = Counter()
        self._recent: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or answer 429 with Retry-After."""
        values = header_values(scope, "authorization") if scope["type"] == "http" else []
        token = values[0].partition(" ")[2].strip() if values else ""
        grant = self._tokens.find("access", token)
        if grant is None:
            await self._app(scope, receive, send)
            return
        refusal = self.count(grant.email)
        if self.running[grant.email] >= MAX_CONCURRENT:
            refusal = throttled("Application is over its MailboxConcurrency limit.", 1)
        if refusal is not None:
            await self._refuse(refusal, scope, send)
            return
        self.running[grant.email] += 1
        lanes = scope["sandbox.lanes"] = Lanes(self, grant.email)
        try:
            await self._app(scope, receive, send)
        finally:
            lanes.leave()

    def count(self, mailbox: str) -> GraphError | None:
        """Count a request of a mailbox; the refusal when there were too many in ten minutes."""
        recent = self._recent.setdefault(mailbox, deque())
        now = self._world.clock.now().timestamp()
        recent.append(now)
        while recent and not now - _WINDOW_SECONDS < recent[0] <= now:
            recent.popleft()
        limit = int(self._world.behaviour["microsoft.requests_per_ten_minutes"])
        if not limit or len(recent) <= limit:
            return None
        wait = max(1, int(recent[0] + _WINDOW_SECONDS - now) + 1)
        return throttled("Application is over its RequestCount limit.", wait)

    async def _refuse(self, refusal: GraphError, scope: Scope, send: Send) -> None:
        now = self._world.clock.now()
        request_id = str(uuid.UUID(int=self._world.random.getrandbits(128), version=4))
        sent = header_values(scope, "client-request-id")
        client_id = sent[0] if sent else request_id
        body: dict[str, Any] = refusal.body(
            date=f"{now:%Y-%m-%dT%H:%M:%S}", request_id=request_id, client_request_id=client_id
        )
        content = compact(body).encode()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(content)),
            "request-id": request_id,
            "client-request-id": client_id,
            **refusal.headers,
        }
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self._world.requests.add(
            LoggedRequest(
                at=now,
                provider="microsoft",
                method=scope["method"],
                route=scope["path"],
                path=scope["path"],
                query=scope.get("query_string", b"").decode("latin-1"),
                status=refusal.status,
                part=False,
                faults=(),
            )
        )
        await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
        await send({"type": "http.response.body", "body": content})
