"""ASGI layers around an emulated service: who may reach it, planted failures, the request log, commit before the
answer.

`Loopback` is outermost and keeps strangers out (`contract/api.md` section 1); next comes `Observed` (`observing.py`),
for whoever looks on; `Recorded` carries out faults and counts. Sub-requests of a batch enter at an
`Observed(Recorded(…))` of their own with `scope["sandbox.part"] = True`, so that they are logged and can fail one by
one.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.sandbox.faults import HANDLER_KINDS, Fault, LoggedRequest
from app.sandbox.world import World

_NAMES = ("127.0.0.1", "localhost", "[::1]")
_PORTAL: Final = b"""<!DOCTYPE html>
<html><head><title>Welcome</title></head>
<body><h1>Log in to the network</h1><form action="/login" method="post"><button>Continue</button></form></body></html>
"""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class ConnectionDropped(ConnectionResetError):
    """The sandbox drops this connection on purpose; in-process clients without a socket see it raised."""


def header_values(scope: Scope, name: str) -> list[str]:
    """Every value of a request header, in order, decoded as latin-1."""
    wanted = name.lower().encode("latin-1")
    return [value.decode("latin-1") for key, value in scope["headers"] if key == wanted]


def base_url(scope: Scope) -> str:
    """The address under which the client reached this service, e.g. `http://127.0.0.1:5001`, without a final slash."""
    return f"{scope.get('scheme', 'http')}://{header_values(scope, 'host')[0].lower()}"


def handler_faults(scope: Scope) -> Mapping[str, Fault]:
    """Faults that a listing carries out itself (`stale`, `empty`, `token_dead`, `duplicate`, `reorder`), by kind."""
    faults: Mapping[str, Fault] = scope.get("sandbox.faults", {})
    return faults


async def _refuse(send: Send, status: int, text: str) -> None:
    body = json.dumps({"error": {"code": status, "message": text}}).encode()
    headers = [(b"content-type", b"application/json; charset=UTF-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Loopback:
    """Host and Origin rules: only programs on this machine, and no page of another origin, reach the service.

    Args:
        app: the service.
        hosts: further names under which it may be asked for; whoever gives them lets them lead to this machine alone.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._names = {*_NAMES, *hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 400, 421 or 403, or hand on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = [value.lower() for value in header_values(scope, "host")]
        if len(hosts) != 1:
            await _refuse(send, 400, "A request names exactly one host.")
            return
        server = scope.get("server")
        port = server[1] if server and server[1] else 80
        scheme = scope.get("scheme", "http")
        accepted = {f"{name}:{port}" for name in self._names}
        if port == _DEFAULT_PORTS.get(scheme):
            accepted |= self._names
        forwarded = any(key == b"forwarded" or key.startswith(b"x-forwarded-") for key, _ in scope["headers"])
        if hosts[0] not in accepted or forwarded:
            await _refuse(send, 421, "This service answers on loopback only.")
            return
        origins = header_values(scope, "origin")
        if any(origin.lower() != f"{scheme}://{hosts[0]}" for origin in origins) or any(
            site in ("cross-site", "same-site") for site in header_values(scope, "sec-fetch-site")
        ):
            await _refuse(send, 403, "A page of another origin may not call this service.")
            return
        await self._app(scope, receive, send)


class Recorded:
    """Faults, request log and commit before the answer, for whole requests and for the parts of a batch.

    Args:
        app: the service's router.
        world: whose faults, log and storage to use.
        provider: `google` or `microsoft`.
    """

    def __init__(self, app: ASGIApp, world: World, provider: str) -> None:
        self._app = app
        self._world = world
        self._provider = provider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or drop its connection where a fault says so."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        met = self._world.faults.take(self._provider, scope["method"], scope["path"])
        kinds = {fault.kind: fault for fault in met}
        scope["sandbox.faults"] = {kind: fault for kind, fault in kinds.items() if kind in HANDLER_KINDS}
        status: int | None = None
        try:
            status = await self._answer(kinds, scope, receive, send)
        except ConnectionDropped:
            if scope.get("sandbox.part"):
                raise
            await _abort(scope, receive)
        finally:
            # Work done for an answer that is never sent is still done: it is the case idempotency is proved with.
            self._world.commit()
            route: str = getattr(scope.get("route"), "path", None) or scope["path"]
            self._world.requests.add(
                LoggedRequest(
                    at=self._world.clock.now(),
                    provider=self._provider,
                    method=scope["method"],
                    route=route,
                    path=scope["path"],
                    query=scope.get("query_string", b"").decode("latin-1"),
                    status=status,
                    part=bool(scope.get("sandbox.part")),
                    faults=tuple(kinds),
                )
            )

    async def _answer(self, kinds: Mapping[str, Fault], scope: Scope, receive: Receive, send: Send) -> int | None:
        dated = send if scope.get("sandbox.part") else self._dated(send, kinds.get("clock_skew"))
        if "latency" in kinds:
            await asyncio.sleep(kinds["latency"].seconds)
        if "reset_before" in kinds:
            raise ConnectionDropped("the sandbox dropped this connection before it looked at the request")
        if "status" in kinds:
            scope["sandbox.planted"] = True
            await _planted_answer(kinds["status"], dated, self._world.clock.now())
            return kinds["status"].status
        if "captive_portal" in kinds:
            scope["sandbox.planted"] = True
            await _portal(dated)
            return 200
        if "gzip" in kinds:
            dated = _compressed(dated)
        status: int | None = None
        truncate = "truncate" in kinds
        lose = "reset_after_commit" in kinds
        send = dated

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._world.commit()
            if lose:
                return
            if truncate and message["type"] == "http.response.body":
                body = message.get("body", b"")
                await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
                return
            await send(message)

        await self._app(scope, receive, watched)
        if lose or truncate:
            raise ConnectionDropped("the sandbox did the work and dropped the connection before the answer was whole")
        return status

    def _dated(self, send: Send, skew: Fault | None) -> Send:
        """Answers tell the time by the services' clock, and not by this machine's."""

        async def with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = self._world.clock.now() + timedelta(seconds=skew.seconds if skew else 0)
                date = (b"date", format_datetime(now, usegmt=True).encode("ascii"))
                message = {**message, "headers": [*message.get("headers", ()), date]}
            await send(message)

        return with_date


def _compressed(send: Send) -> Send:
    """Answers are sent with gzip, as services do for whoever accepts it."""
    start: Message = {}
    body = bytearray()

    async def gzipped(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        body.extend(message.get("body", b""))
        if message.get("more_body", False):
            return
        packed = gzip.compress(bytes(body), mtime=0) if body else b""
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        if packed:
            headers += [(b"content-encoding", b"gzip"), (b"content-length", str(len(packed)).encode())]
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": packed})

    return gzipped


async def _portal(send: Send) -> None:
    """What a network answers in everyone's name until one has logged in to it."""
    headers = [(b"content-type", b"text/html; charset=UTF-8"), (b"content-length", str(len(_PORTAL)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _PORTAL})


async def _planted_answer(fault: Fault, send: Send, now: datetime) -> None:
    if isinstance(fault.body, str):
        body, content_type = fault.body.encode(), "text/html; charset=UTF-8"
    else:
        body = json.dumps(fault.body if fault.body is not None else {}).encode()
        content_type = "application/json; charset=UTF-8"
    headers: dict[str, Any] = {"content-type": content_type, "content-length": str(len(body))}
    if fault.retry_after is not None and fault.retry_after_as == "date":
        headers["retry-after"] = format_datetime(now + timedelta(seconds=fault.retry_after), usegmt=True)
    elif fault.retry_after is not None:
        headers["retry-after"] = str(math.ceil(fault.retry_after))
    headers.update({name.lower(): value for name, value in fault.headers.items()})
    raw = [(name.encode("latin-1"), str(value).encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": fault.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _abort(scope: Scope, receive: Receive) -> None:
    abort = scope.get("extensions", {}).get("sandbox.abort")
    if abort is None:
        raise ConnectionDropped("the sandbox dropped this connection on purpose")
    abort()
    while (await receive())["type"] != "http.disconnect":
        pass
