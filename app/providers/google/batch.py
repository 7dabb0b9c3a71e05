"""Up to 50 calls in one `multipart/mixed` request (Google API guide "Batch requests"; `providers.md` §2.11).

It must not know what a call does, nor send a part again: only a part that was refused for its token is sent twice.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any, Final

import httpx

from app.domain.errors import AuthExpiredError, KalendsError, ThrottledError, UnavailableError
from app.providers.flight import Departure
from app.providers.google.errors import error_of
from app.providers.http import HttpClient, Reply
from app.providers.retry import Retrier

BATCH_SIZE: Final = 50

_SERVICE_PATH = "calendar/v3/"
_BATCH_PATH = "batch/calendar/v3"
_CONTENT_ID = re.compile(r"item(\d{1,4})@kalends")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(r"HTTP/\d(?:\.\d)? (\d{3})(?: |$)")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a batch: `path` is relative to the API base, with its query; `body` is sent as JSON."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


def batch_url(base: httpx.URL) -> str:
    """Where batches of an API base go: `…/calendar/v3/` → `…/batch/calendar/v3`, on the same origin."""
    return base.path.removesuffix(_SERVICE_PATH) + _BATCH_PATH


def encode(calls: Sequence[Call], base_path: str, boundary: str) -> bytes:
    """The body of a batch request, with CRLF line ends."""
    lines: list[bytes] = []
    for number, call in enumerate(calls):
        lines += [
            b"--" + boundary.encode(),
            b"Content-Type: application/http",
            f"Content-ID: <item{number}@kalends>".encode(),
            b"",
            f"{call.method} {base_path}{call.path} HTTP/1.1".encode(),
            *(f"{name}: {value}".encode() for name, value in call.headers.items()),
        ]
        if call.body is not None:
            content = json.dumps(call.body, ensure_ascii=False, separators=(",", ":")).encode()
            lines += [b"Content-Type: application/json", f"Content-Length: {len(content)}".encode(), b"", content]
        else:
            lines += [b"", b""]
    lines += [b"--" + boundary.encode() + b"--", b""]
    return b"\r\n".join(lines)


def decode(reply: Reply, count: int) -> list[Reply | None]:
    """The parts of a batch answer in the order of the calls; None for those that are missing or unreadable.

    Raises:
        UnavailableError: the answer is no multipart message.
    """
    head = b"Content-Type: " + reply.headers.get("Content-Type", "").encode() + b"\r\n\r\n"
    message = message_from_bytes(head + reply.body)
    if not message.is_multipart():
        raise UnavailableError(
            "Google Calendar answered a batch with something else.", status=reply.status, reason="broken_answer"
        )
    parts: list[Reply | None] = [None] * count
    for part in message.walk():
        found = _CONTENT_ID.search(str(part.get("Content-ID", "")))
        number = int(found.group(1)) if found else count
        content = part.get_payload(decode=True)
        if number < count and isinstance(content, bytes):
            parts[number] = _part(content, reply.authorization)
    return parts


async def send_batch(http: HttpClient, calls: Sequence[Call], departure: Departure | None = None) -> list[Reply | None]:
    """Send at most 50 calls as one request.

    Parts refused with 401 are sent once more with a new token (outside, a batch is 200 whatever its parts say).

    Args:
        departure: told when it goes on the wire.

    Returns:
        An answer for each call; None where its part is missing, so that it may or may not have happened.

    Raises:
        AuthExpiredError, OfflineError, AccessError, VaultError: nothing of it happened.
        ThrottledError: likewise; `retry_after_seconds` may tell when to come back.
        UnavailableError, ProtocolError: of the whole request; may have happened unless its status is 4xx.
    """
    replies = await _exchange(http, calls, departure)
    refused = [index for index, reply in enumerate(replies) if reply is not None and reply.status == 401]
    if not refused:
        return replies
    alone = len(refused) == len(calls)
    first = replies[refused[0]]
    try:
        if first is not None:
            await http.refuse_token(first)
        again = await _exchange(http, [calls[index] for index in refused])
    except UnavailableError:
        again = [None] * len(refused)
    except KalendsError:
        if alone:
            raise
        return replies  # the refused parts stay refused; what the others told must not be lost
    for index, reply in zip(refused, again, strict=True):
        replies[index] = reply
    if all(reply is not None and reply.status == 401 for reply in replies):
        raise AuthExpiredError("The sign-in at Google Calendar has ended.", status=401)
    return replies


async def read_batch(http: HttpClient, retrier: Retrier, calls: Sequence[Call]) -> list[Reply | None]:
    """Send calls that only read; those that fail in passing are sent again, the others not.

    Returns:
        An answer for each call; what could not be read in the end has its last answer, or None.

    Raises:
        KalendsError: nothing at all could be read.
    """
    replies: list[Reply | None] = [None] * len(calls)

    async def attempt() -> None:
        todo = [index for index, reply in enumerate(replies) if _passing(reply) is not None]
        answers = await send_batch(http, [calls[index] for index in todo])
        for index, reply in zip(todo, answers, strict=True):
            replies[index] = reply
        failures = [error for error in map(_passing, replies) if error is not None]
        if failures:
            raise failures[0]

    try:
        await retrier.run(attempt)
    except KalendsError:
        if all(_passing(reply) is not None for reply in replies):
            raise
    return replies


async def _exchange(http: HttpClient, calls: Sequence[Call], departure: Departure | None = None) -> list[Reply | None]:
    boundary = f"kalends_{uuid.uuid4().hex}"
    reply = await http.send(
        "POST",
        batch_url(http.base_url),
        headers={"Content-Type": f"multipart/mixed; boundary={boundary}"},
        content=encode(calls, http.base_url.path, boundary),
        cost=len(calls),
        departure=departure,
    )
    if not reply.ok:
        raise error_of(reply)
    return decode(reply, len(calls))


def _passing(reply: Reply | None) -> KalendsError | None:
    """The failure of a read that trying again may mend, None if the answer stands."""
    if reply is None:
        return UnavailableError("A part of a batch was not answered.", reason="part_missing")
    if reply.ok:
        return None
    error = error_of(reply)
    return error if isinstance(error, UnavailableError | ThrottledError) else None


def _part(content: bytes, authorization: str) -> Reply | None:
    """A part's own HTTP answer: status line, headers, body."""
    pieces = _HEAD_END.split(content.lstrip(), maxsplit=1)
    lines = pieces[0].decode("latin-1").splitlines()
    found = _STATUS_LINE.match(lines[0]) if lines else None
    if found is None:
        return None
    pairs = [line.partition(":")[::2] for line in lines[1:] if ":" in line]
    headers = httpx.Headers([(name.strip(), value.strip()) for name, value in pairs])
    return Reply(int(found.group(1)), headers, pieces[1] if len(pieces) > 1 else b"", authorization)
