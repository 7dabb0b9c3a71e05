"""The outermost layer: what is checked before a route is looked for, and what each answer carries.

In the order of `contract/api.md` §1: 400, 421, 403 (Origin) · 401 · 429 (key). What comes after is the routes' affair.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.context import SCOPE_KEY, Context, Surroundings
from app.api.errors import Refusal, answer, server_error, unauthorized, unavailable
from app.api.health import proof
from app.api.principal import LOCAL, LOCAL_PREFIX, Principal, principal_of
from app.api.rate_limits import RateLimits, Standing
from app.api.reach import Reach

CONNECTIONS_AT_ONCE: Final = 64

_SLASHES: Final = re.compile(r"/{2,}")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_OPEN: Final = ("/healthz", "/openapi.json", "/docs")
_DOCS: Final = "/docs"
_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
_DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CLIENT_PROOF: Final = "x-kalends-proof"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Applications:
    """The two sets of routes behind the gate: the public ones, and those of our own command line."""

    public: ASGIApp
    local: ASGIApp


class Gate:
    """Lets requests in, or not.

    Args:
        applications: what lies behind.
        surroundings: what every request is given.
        reach: who may reach us at all.
        limits: counts requests.
        control_token: opens `/local/v1`.
        connections: how many connections are open now.
    """

    def __init__(
        self,
        applications: Applications,
        surroundings: Surroundings,
        reach: Reach,
        limits: RateLimits,
        control_token: str,
        connections: Callable[[], int],
    ) -> None:
        self._applications = applications
        self._surroundings = surroundings
        self._reach = reach
        self._limits = limits
        self._control_token = control_token
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Only HTTP comes this way."""
        if scope["type"] != "http":
            return
        scope = _tidied(scope)
        headers = Headers(scope=scope)
        exchange = _Exchange(scope, send, _request_id(headers), self._reach.cors(headers))
        try:
            await self._let_in(scope, headers, receive, exchange)
        except asyncio.CancelledError:
            # A stopping server cancels what takes too long; a client that is told so can ask again.
            if not self._surroundings.stopping.is_set():
                raise
            await exchange.refuse(unavailable("Kalends is stopping."))
        except Exception as error:  # noqa: BLE001 - the last resort: the caller learns nothing, the log everything
            _log.error("api.failed", request_id=exchange.request_id, path=scope["path"], exc_info=error)
            await exchange.refuse(server_error())

    async def _let_in(self, scope: Scope, headers: Headers, receive: Receive, exchange: _Exchange) -> None:
        exchange.standing = self._limits.look(None)
        if self._connections() > CONNECTIONS_AT_ONCE:
            refusal = unavailable("Too many connections are open.", 1)
            refusal.headers["Connection"] = "close"
            await exchange.refuse(refusal)
            return
        out_of_reach = self._reach.refusal(headers, _port(scope))
        if out_of_reach is not None:
            await exchange.refuse(out_of_reach)
            return
        preflight = self._reach.preflight(scope["method"], headers)
        local = _under(scope["path"], LOCAL_PREFIX)
        principal = None if preflight is not None else self._principal(headers, local=local)
        known = principal is not None or self._is_our_client(scope, headers)
        exchange.standing = self._limits.count(principal or (LOCAL if known else None))
        if not exchange.standing.allowed:
            await exchange.refuse(_too_many(exchange.standing))
            return
        if preflight is not None:
            await exchange.respond(Response(None, 204, preflight))
            return
        if principal is None and not any(_under(scope["path"], path) for path in _OPEN):
            await exchange.refuse(unauthorized())
            return
        scope[SCOPE_KEY] = Context(self._surroundings, exchange.request_id, principal)
        application = self._applications.local if local else self._applications.public
        await application(scope, receive, exchange.send)

    def _principal(self, headers: Headers, *, local: bool) -> Principal | None:
        """The caller behind the one key that a request shows, None without a good one."""
        shown = _keys(headers)
        if len(shown) != 1:
            return None
        text = shown.pop()
        if local:
            fits = hmac.compare_digest(text.encode(), self._control_token.encode())
            return LOCAL if fits else None
        key = self._surroundings.core.keys.authenticate(text)
        return None if key is None else principal_of(key)

    def _is_our_client(self, scope: Scope, headers: Headers) -> bool:
        """Whether a challenge to `/healthz` comes with the answer to its mirror image.

        Our own clients ask this way before they show a key, so strangers who use up their common window do not keep
        them out. Only who can read the runtime folder can make the proof.
        """
        shown = headers.get(_CLIENT_PROOF)
        if shown is None or scope["path"] != "/healthz":
            return False
        expected = proof(self._surroundings.instance_secret, "client", _port(scope))
        return hmac.compare_digest(shown.encode(), expected.encode())


class _Exchange:
    """One request on its way out: puts on every answer what every answer carries.

    Attributes:
        standing: how the caller stands with its limit, as far as it is known yet.
    """

    def __init__(self, scope: Scope, send: Send, request_id: str, cors: Mapping[str, str]) -> None:
        self._scope = scope
        self._send = send
        self._cors = cors
        self._started = False
        self.request_id = request_id
        self.standing: Standing | None = None

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal, unless an answer has begun."""
        if not self._started:
            await self.respond(answer(refusal, self._scope["path"], self.request_id))

    async def respond(self, response: Response) -> None:
        """Answer without any application."""
        await response(self._scope, _nothing_more, self.send)

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self._started = True
            headers = MutableHeaders(raw=list(message.get("headers", [])))
            headers.update(self._headers())
            message = {**message, "headers": headers.raw}
        elif self._scope["kalends.head"] and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)

    def _headers(self) -> Mapping[str, str]:
        docs = _under(self._scope["path"], _DOCS)
        return {
            "Date": formatdate(usegmt=True),
            "X-Request-ID": self.request_id,
            **(self.standing.headers() if self.standing is not None else {}),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": _DOCS_POLICY if docs else _POLICY,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
            **self._cors,
        }


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


def _tidied(scope: Scope) -> Scope:
    """A scope with doubled and trailing slashes gone, and HEAD asked for as GET; the answer to it loses its body."""
    path = _SLASHES.sub("/", scope["path"])
    path = path.rstrip("/") or "/"
    head = scope["method"] == "HEAD"
    return {**scope, "path": path, "method": "GET" if head else scope["method"], "kalends.head": head}


def _request_id(headers: Headers) -> str:
    shown = headers.getlist("x-request-id")
    if len(shown) == 1 and _REQUEST_ID.fullmatch(shown[0]):
        return shown[0]
    return uuid.uuid4().hex


def _keys(headers: Headers) -> set[str]:
    """The different keys that a request shows, in `Authorization: Bearer` (RFC 6750 §2.1) and `X-API-Key`."""
    found = {value.strip() for value in headers.getlist("x-api-key")}
    for value in headers.getlist("authorization"):
        scheme, _, key = value.strip().partition(" ")
        if scheme.lower() == "bearer":
            found.add(key.strip())
    return found


def _port(scope: Scope) -> int:
    server = scope.get("server")
    return int(server[1]) if server and server[1] else 80


def _under(path: str, start: str) -> bool:
    return path == start or path.startswith(f"{start}/")


def _too_many(standing: Standing) -> Refusal:
    return Refusal(429, "rate_limited", headers={"Retry-After": str(standing.retry_after_seconds())})
