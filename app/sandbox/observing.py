"""Who looks on: every request that an emulated service was asked, with its answer, one by one and as it was sent.

Tests put judges here that hold both sides against the services' own schemas. In the application nobody looks on, and
then nothing is kept. Looking on must change nothing: an observer is told as the end of an answer leaves, and has no
say.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    Args:
        provider: `google` or `microsoft`.
        method: the HTTP verb.
        path: still percent-encoded, without the query.
        query: still percent-encoded.
        headers: of the request, names in lower case.
        body: of the request; None when the service did not read it to its end.
        status: None when the connection was dropped before an answer began.
        answer_headers: names in lower case.
        answer: the body, unpacked; None when it was not sent whole.
        part: whether it came inside a batch (the batch is told of as well).
        planted: whether the answer is a planted failure's, and not the service's own.
    """

    provider: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None
    status: int | None
    answer_headers: Mapping[str, str]
    answer: bytes | None
    part: bool
    planted: bool


Observer = Callable[[Exchange], None]

OBSERVERS: Final[list[Observer]] = []
"""Those who look on at every sandbox of this process. A list of the process and not of one sandbox, so that no test can
make a world that nobody judges."""


class Observed:
    """Tells the observers of every exchange with a service, or with the parts of its batches.

    Args:
        app: the service.
        provider: `google` or `microsoft`.
    """

    def __init__(self, app: ASGIApp, provider: str) -> None:
        self._app = app
        self._provider = provider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and tell: before the end of the answer leaves, so that whoever got it can ask what was told."""
        if not OBSERVERS or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen()

        async def watched(message: Message) -> None:
            seen.answered(message)
            if seen.whole:
                self._tell(seen, scope)
            await send(message)

        try:
            await self._app(scope, seen.listening(receive), watched)
        finally:
            if not seen.whole:
                self._tell(seen, scope)

    def _tell(self, seen: _Seen, scope: Scope) -> None:
        exchange = seen.exchange(self._provider, scope)
        for observer in tuple(OBSERVERS):
            observer(exchange)


@dataclass(slots=True)
class _Seen:
    """What went by so far."""

    sent: bytearray = field(default_factory=bytearray)
    read: bool = False
    status: int | None = None
    headers: Iterable[tuple[bytes, bytes]] = ()
    answer: bytearray = field(default_factory=bytearray)
    whole: bool = False

    def listening(self, receive: Receive) -> Receive:
        async def heard() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self.sent += message.get("body", b"")
                self.read = not message.get("more_body", False)
            return message

        return heard

    def answered(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        else:
            self.answer += message.get("body", b"")
            self.whole = not message.get("more_body", False)

    def _plain(self) -> bytes:
        packed = _named(self.headers).get("content-encoding") == "gzip"
        return gzip.decompress(bytes(self.answer)) if packed else bytes(self.answer)

    def exchange(self, provider: str, scope: Mapping[str, Any]) -> Exchange:
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        return Exchange(
            provider=provider,
            method=scope["method"],
            path=raw_path.partition(b"?")[0].decode("latin-1"),
            query=scope.get("query_string", b"").decode("latin-1"),
            headers=_named(scope["headers"]),
            body=bytes(self.sent) if self.read else None,
            status=self.status,
            answer_headers=_named(self.headers),
            answer=self._plain() if self.whole else None,
            part=bool(scope.get("sandbox.part")),
            planted=bool(scope.get("sandbox.planted")),
        )


def _named(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
