"""Limits of one mailbox: a batch fills all of its places, because the service works on four parts at a time."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from app.domain.ports import AccessTokens
from app.providers.http import make_client, new_ssl_context
from app.providers.limits import AccountLimits
from app.providers.microsoft.batch import MAILBOX_PARALLEL, PREFER, Item, Mailbox, chunks, query, segment
from app.providers.retry import Retrier

pytestmark = pytest.mark.anyio


class Tokens:
    """A sign-in that lasts."""

    async def token(self, *, stale: str | None = None, claims: str | None = None) -> str:
        """The one token."""
        return "token"


class Counting(httpx.AsyncBaseTransport):
    """A service that holds its answers until told, and counts what it works on at once."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.working = 0
        self.most = 0
        self.begun = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Count, wait, answer."""
        parts = json.loads(request.content)["requests"] if request.content else [{"id": "0"}]
        weight = min(len(parts), MAILBOX_PARALLEL)
        self.begun.set()
        self.working += weight
        self.most = max(self.most, self.working)
        await self.open.wait()
        self.working -= weight
        return httpx.Response(
            200, json={"responses": [{"id": part["id"], "status": 200, "body": {}} for part in parts]}
        )


def mailbox(transport: Counting, tokens: AccessTokens) -> Mailbox:
    """A mailbox at this service."""
    limits = AccountLimits(burst=1000, per_minute=10_000)
    http = make_client(
        tokens,
        "https://graph.example.com/v1.0",
        ssl_context=new_ssl_context(),
        transport=transport,
        parallel=MAILBOX_PARALLEL,
        limits=limits,
        headers={"Prefer": PREFER},
    )
    return Mailbox(http, limits, Retrier())


async def test_batches_and_single_reads_together_never_pass_four_at_once() -> None:
    service = Counting()
    made = mailbox(service, Tokens())
    work = [made.batch([Item("GET", "me")] * size) for size in (20, 20, 3, 1)]
    waiting = asyncio.gather(*work, *(made.get("me") for _ in range(9)))
    async with asyncio.timeout(20):
        await service.begun.wait()
        service.open.set()
        answers = await waiting
    assert [len(parts) for parts in answers[:4]] == [20, 20, 3, 1]
    assert service.most == MAILBOX_PARALLEL
    await made.aclose()


async def test_a_request_that_is_cancelled_gives_its_place_back() -> None:
    service = Counting()
    made = mailbox(service, Tokens())
    held = asyncio.ensure_future(made.batch([Item("GET", "me")] * 20))
    queued = asyncio.ensure_future(made.batch([Item("GET", "me")] * 20))
    async with asyncio.timeout(20):
        await service.begun.wait()
        for task in (queued, held):
            task.cancel()
        await asyncio.gather(held, queued, return_exceptions=True)
        service.open.set()
        service.working = 0
        assert len(await made.batch([Item("GET", "me")] * 20)) == 20
    await made.aclose()


def test_ids_and_options_are_escaped_for_the_place_they_stand_in() -> None:
    assert segment("AAMk/+=") == "AAMk%2F%2B%3D"
    assert query(filter="a eq 'b&c'", top=5) == "?$filter=a%20eq%20%27b%26c%27&$top=5"
    assert chunks([1, 2, 3], 2) == [[1, 2], [3]]
