"""Our end of a sign-in in the browser: a listener on loopback that waits for the one answer that bears our state.

RFC 8252 §7.3 and §8.3: a port of the system's choosing, open only during the sign-in. Whatever is not our answer
(favicon, port probe, an old tab, a page that guesses) is answered without effect and the waiting goes on. Nothing of a
request is ever logged or sent back. Answers come as a GET's query or as a form POST (Microsoft's `form_post`).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hmac
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from app.auth.pages import AnswerPage, AnswerPages
from app.domain.errors import SignInError
from app.domain.ports import Clock

SIGN_IN_SECONDS: Final = 600.0
_REQUEST_SECONDS: Final = 10.0
_HEAD_BYTES: Final = 32 * 1024
_BODY_BYTES: Final = 64 * 1024
_PORT_TRIES: Final = 20
_MOST_CONNECTIONS: Final = 32


class _Refused(Exception):
    """A request that is none of ours, with the status it gets."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    target: str
    body: bytes


class RedirectListener:
    """Waits for one answer. Use `start`, read `port` and `state`, then await `answer` once.

    Args:
        pages: what the browser is shown.
        clock: for `expires_at`.
        deadline_seconds: how long the port stays open, whether anybody awaits the answer or not.
    """

    def __init__(self, pages: AnswerPages, clock: Clock, *, deadline_seconds: float = SIGN_IN_SECONDS) -> None:
        self._pages = pages
        self._clock = clock
        self._deadline_seconds = deadline_seconds
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._found: asyncio.Future[Mapping[str, str]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._open_until: datetime | None = None
        self.port = 0
        self.state = secrets.token_urlsafe(32)

    @property
    def expires_at(self) -> datetime:
        """When the port closes, aware in UTC; only after `start`."""
        if self._open_until is None:
            raise RuntimeError("the listener is not started")
        return self._open_until

    async def start(self) -> None:
        """Open the port on 127.0.0.1, and on ::1 where there is one: `localhost` may mean either.

        Raises:
            SignInError: `rejected`, when no port can be opened.
        """
        loop = asyncio.get_running_loop()
        for listening in _bind():
            self._servers.append(await asyncio.start_server(self._accept, sock=listening, limit=_HEAD_BYTES))
            self.port = listening.getsockname()[1]
        self._found = loop.create_future()
        self._open_until = self._clock.now() + timedelta(seconds=self._deadline_seconds)
        self._timer = loop.call_later(self._deadline_seconds, self._give_up)

    async def answer(self) -> Mapping[str, str]:
        """The parameters of the answer, ours by its state. The port is closed on return, however it comes.

        Raises:
            SignInError: `timed_out`.
        """
        if self._found is None:
            raise RuntimeError("the listener is not started")
        try:
            return await self._found
        except TimeoutError as error:
            raise SignInError(
                "Nobody finished the sign-in in the browser in time.",
                code="timed_out",
                fix="Start the sign-in again.",
            ) from error
        finally:
            self.close()

    def close(self) -> None:
        """Close the port and drop whoever is connected; does nothing the second time."""
        if self._timer is not None:
            self._timer.cancel()
        for server in self._servers:
            server.close()
        self._servers.clear()
        for task in tuple(self._connections):
            task.cancel()
        if self._found is not None and not self._found.done():
            self._found.cancel()

    def _give_up(self) -> None:
        if self._found is not None and not self._found.done():
            self._found.set_exception(TimeoutError())
            # Nobody may be waiting: then nobody has to be told.
            self._found.exception()
        self.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= _MOST_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                await self._serve(reader, writer)
        except (TimeoutError, OSError):
            # A peer that says nothing, or is gone: not the answer.
            return
        except asyncio.CancelledError:
            # Only `close` cancels a connection, and nothing waits for it then.
            return
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found: Mapping[str, str] | None = None
        try:
            request = await _read(reader)
            found = self._ours(request)
            status, page = self._judge(found)
        except _Refused as refusal:
            status, page = refusal.status, None
        writer.write(_response(status, page))
        # The browser shall have its page before the port goes.
        await writer.drain()
        if found is not None and self._found is not None and not self._found.done():
            self._found.set_result(found)

    def _judge(self, found: Mapping[str, str] | None) -> tuple[HTTPStatus, AnswerPage]:
        if found is None or self._found is None or self._found.done():
            return HTTPStatus.BAD_REQUEST, self._pages.mismatch
        return HTTPStatus.OK, self._pages.denied if "error" in found else self._pages.success

    def _ours(self, request: _Request) -> Mapping[str, str] | None:
        """The parameters if they bear our state, each once, and an answer; None for a stranger's."""
        path, _, query = request.target.partition("?")
        if path != "/":
            raise _Refused(HTTPStatus.NOT_FOUND)
        text = request.body.decode("ascii", "replace") if request.method == "POST" else query
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=50)
        except ValueError:
            raise _Refused(HTTPStatus.BAD_REQUEST) from None
        found = dict(pairs)
        state = found.get("state", "").encode()
        if not hmac.compare_digest(state, self.state.encode()) or len(found) != len(pairs):
            return None
        return found if "code" in found or "error" in found else None


def _bind() -> list[socket.socket]:
    """One port on both loopback addresses, or on 127.0.0.1 alone where the machine has no ::1.

    The port is given up when somebody else has it on ::1: the browser could take `localhost` to him.
    """
    for _ in range(_PORT_TRIES):
        first = _listen(socket.AF_INET, "127.0.0.1", 0)
        if first is None:
            break
        if not socket.has_ipv6:
            return [first]
        try:
            second = _listen(socket.AF_INET6, "::1", first.getsockname()[1])
        except OSError as error:
            first.close()
            if error.errno == errno.EADDRINUSE:
                continue
            raise
        return [first] if second is None else [first, second]
    raise SignInError(
        "Kalends could not open a port on this computer for the browser's answer.",
        code="rejected",
        fix="Look whether a firewall or a security program forbids local ports.",
    )


def _listen(family: socket.AddressFamily, host: str, port: int) -> socket.socket | None:
    """A listening socket, None where the machine has no such address. Raises OSError when the port is taken."""
    try:
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return None
    try:
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            # Windows: nobody may bind the same port beside us.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        listening.setblocking(False)
        listening.bind((host, port))
        listening.listen(_MOST_CONNECTIONS)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise
        return None
    return listening


async def _read(reader: asyncio.StreamReader) -> _Request:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise _Refused(HTTPStatus.BAD_REQUEST) from None
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise _Refused(HTTPStatus.BAD_REQUEST)
    method, target, _ = words
    if method == "GET":
        return _Request(method, target, b"")
    if method != "POST":
        raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    length = headers.get("content-length", "")
    if kind != "application/x-www-form-urlencoded" or not length.isascii() or not length.isdigit():
        raise _Refused(HTTPStatus.BAD_REQUEST)
    if len(length) > 9 or int(length) > _BODY_BYTES:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    with contextlib.suppress(asyncio.IncompleteReadError):
        return _Request(method, target, await reader.readexactly(int(length)))
    raise _Refused(HTTPStatus.BAD_REQUEST)


def _response(status: HTTPStatus, page: AnswerPage | None) -> bytes:
    body = page.body if page is not None else b""
    policy = page.policy if page is not None else "default-src 'none'; frame-ancestors 'none'"
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Referrer-Policy: no-referrer",
        "X-Content-Type-Options: nosniff",
        f"Content-Security-Policy: {policy}",
        "Connection: close",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body
