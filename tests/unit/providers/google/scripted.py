"""A Google that answers from a script, for what the emulated one cannot be made to say."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from app.domain.errors import AuthExpiredError
from app.providers.google.reading import Place
from app.providers.http import make_client
from app.providers.limits import AccountLimits
from app.providers.retry import Retrier

BASE = "https://www.googleapis.com/calendar/v3/"

Part = tuple[int, Any] | None
"""Status and JSON of a part; None leaves it out."""

_HEAD = re.compile(rb"Content-ID: <(item\d+@kalends)>\r\n\r\n([A-Z]+) (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n", re.DOTALL)


class Tokens:
    """Tokens that can be renewed, or not."""

    def __init__(self, *, ends: bool = False) -> None:
        self.renewals = 0
        self._ends = ends

    async def token(self, *, stale: str | None = None, claims: str | None = None) -> str:
        """A token, another one when the last was stale."""
        if stale is not None:
            if self._ends:
                raise AuthExpiredError("over")
            self.renewals += 1
        return f"token{self.renewals}"


async def no_sleep(_seconds: float) -> None:
    """Waiting, without the waiting."""


def place_of(
    handler: Callable[[httpx.Request], httpx.Response],
    tokens: Tokens | None = None,
    base: str = BASE,
    limits: AccountLimits | None = None,
) -> Place:
    """A calendar whose network is a function."""
    http = make_client(
        tokens or Tokens(),
        base,
        ssl_context=ssl.create_default_context(),
        transport=httpx.MockTransport(handler),
        limits=limits,
    )
    return Place(http, Retrier(sleep=no_sleep), "ada@example.com", "Europe/Berlin")


def asked(request: httpx.Request) -> list[tuple[str, str]]:
    """Method and path of each part of a batch."""
    return [(row[1].decode(), row[2].decode()) for row in _HEAD.findall(request.content)]


def multipart(parts: Sequence[Part], headers: str = "") -> httpx.Response:
    """A batch answer, its parts in reverse order: Google promises none."""
    pieces = []
    for number, part in reversed(list(enumerate(parts))):
        if part is None:
            continue
        status, value = part
        body = "" if value is None else json.dumps(value)
        pieces.append(
            f"--b\r\nContent-Type: application/http\r\nContent-ID: <response-item{number}@kalends>\r\n\r\n"
            f"HTTP/1.1 {status} Word\r\nContent-Type: application/json; charset=UTF-8\r\n{headers}\r\n{body}\r\n"
        )
    return httpx.Response(
        200, content="".join([*pieces, "--b--\r\n"]), headers={"Content-Type": "multipart/mixed; boundary=b"}
    )


def refusal(status: int, reason: str = "") -> tuple[int, Any]:
    """A refused part."""
    return status, {"error": {"code": status, "errors": [{"reason": reason, "message": "no"}]}}
