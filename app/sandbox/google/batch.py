"""Multipart batches (guide "Sending batch requests"): at most 50 calls, each answered and logged by itself."""

from __future__ import annotations

from collections.abc import Iterable
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from random import Random
from typing import Final
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp
from starlette.types import Message as AsgiMessage

from app.sandbox.google.answers import error_response
from app.sandbox.google.errors import GoogleError, bad_request
from app.sandbox.world import World

MAX_CALLS: Final = 50


class Batch:
    """Takes a batch apart, calls the service for each part, puts the answers together.

    Args:
        app: the service below its outer layer; parts enter there with `scope["sandbox.part"]`.
        world: its switch says whether answers come in another order than the calls.
        max_calls: how many a batch may hold.
    """

    def __init__(self, app: ASGIApp, world: World, max_calls: int = MAX_CALLS) -> None:
        self._app = app
        self._world = world
        self._max_calls = max_calls
        self._random = Random(f"batch:{world.random_seed}")

    async def answer(self, request: Request) -> Response:
        """200 with one part an answer, or one error for a batch that cannot be taken apart."""
        try:
            parts = _split(request.headers.get("content-type", ""), await request.body(), self._max_calls)
            answers = [await self._call(request, part) for part in parts]
        except GoogleError as error:
            return error_response(error)
        if self._world.behaviour["google.batch_answers"] == "shuffled":
            self._random.shuffle(answers)
        boundary = "batch_sandbox"
        while any(boundary.encode() in answer for answer in answers):
            boundary += "x"
        body = b"".join(f"--{boundary}\r\n".encode() + answer + b"\r\n" for answer in answers)
        body += f"--{boundary}--\r\n".encode()
        return Response(body, 200, {"Content-Type": f"multipart/mixed; boundary={boundary}", "Server": "ESF"})

    async def _call(self, request: Request, part: Message) -> bytes:
        raw = part.get_payload(decode=True)
        head, _, body = (raw if isinstance(raw, bytes) else b"").lstrip(b"\r\n").partition(b"\n")
        words = head.decode("latin-1").split()
        if len(words) not in (2, 3) or not words[1].startswith("/"):
            raise bad_request("A part must begin with a method and a path.")
        inner = BytesParser(policy=HTTP).parsebytes(body)
        content = inner.get_payload(decode=True)
        # Outer headers but Content-* hold for every part; the part's own win.
        headers = {
            name.lower(): value for name, value in request.headers.items() if not name.lower().startswith("content-")
        }
        headers.update({name.lower(): str(value) for name, value in inner.items()})
        sent = content if isinstance(content, bytes) else b""
        status, answer_headers, answer = await self._dispatch(request, words[0].upper(), words[1], headers, sent)
        lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Status')}"]
        lines += [f"{name.title()}: {value}" for name, value in answer_headers if name != "server"]
        content_id = part.get("Content-ID")
        outer = ["Content-Type: application/http"]
        if content_id:
            outer.append(f"Content-ID: <response-{content_id.strip().removeprefix('<')}")
        return ("\r\n".join([*outer, "", *lines, "", ""])).encode("latin-1") + answer

    async def _dispatch(
        self, request: Request, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        url = urlsplit(target)
        scope = {
            **{key: value for key, value in request.scope.items() if not key.startswith(("sandbox.", "route"))},
            "method": method,
            "path": unquote(url.path),
            "raw_path": url.path.encode(),
            "query_string": url.query.encode(),
            "headers": [(name.encode("latin-1"), value.encode("utf-8")) for name, value in headers.items()],
            "path_params": {},
            "sandbox.part": True,
        }
        status, answer_headers, chunks = 500, [], []

        async def receive() -> AsgiMessage:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: AsgiMessage) -> None:
            nonlocal status, answer_headers
            if message["type"] == "http.response.start":
                status, answer_headers = message["status"], list(_decoded(message["headers"]))
            else:
                chunks.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return status, answer_headers, b"".join(chunks)


_PHRASES: Final = {
    200: "OK",
    204: "No Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    return ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _split(content_type: str, body: bytes, max_calls: int) -> list[Message]:
    if not content_type.lower().startswith("multipart/mixed"):
        raise bad_request("A batch must be multipart/mixed.")
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode("latin-1") + body)
    parts = message.get_payload()
    if not message.is_multipart() or not isinstance(parts, list) or message.defects:
        raise bad_request("The batch cannot be read.")
    if len(parts) > max_calls:
        raise bad_request(f"The batch request exceeds the limit of {max_calls} calls.")
    return [part for part in parts if isinstance(part, Message)]
