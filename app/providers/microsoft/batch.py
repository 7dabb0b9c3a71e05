"""Requests to one mailbox: what each carries, how many run at once, single reads and `$batch` (`providers.md` §4).

It must not know events. Reads are repeated until they are conclusive; a batch of writes is sent exactly once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import httpx

from app.domain.errors import AuthExpiredError, ProtocolError, ProviderError, ThrottledError, UnavailableError
from app.providers.flight import Departure
from app.providers.http import HttpClient, Reply, demanded_claims, origin
from app.providers.limits import AccountLimits
from app.providers.microsoft.errors import Refusal, error_of, refusal
from app.providers.retry import Retrier
from app.providers.status import PASSING

BATCH_SIZE: Final = 20
MAILBOX_PARALLEL: Final = 4
"""More at once for one app and mailbox is refused; the service itself works on four parts of a batch at a time."""

PREFER: Final = 'IdType="ImmutableId", outlook.timezone="UTC"'

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a batch. `path` is relative to the Graph base, without a leading slash."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    if_match: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The answer to one request of a batch."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def refusal(self) -> Refusal:
        """What it says when it is not 2xx."""
        return refusal(self.status, self.headers, self.body)


def segment(identifier: str) -> str:
    """An id as a path segment: older forms hold `/`, `+` and `=`."""
    return quote(identifier, safe="")


def query(**options: str | int) -> str:
    """OData options as a query string: `query(top=5)` is `?$top=5`."""
    return "?" + urlencode({f"${name}": value for name, value in options.items()}, safe="$,()", quote_via=quote)


def chunks(values: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut a sequence into pieces of at most `size`."""
    return [values[at : at + size] for at in range(0, len(values), size)]


class Mailbox:
    """All requests of one account, whatever calendar they are for.

    Args:
        http: made with `PREFER` as a header and `MAILBOX_PARALLEL` requests at a time.
        limits: the account's rate; a Retry-After holds all of it.
        retrier: for reads.
    """

    def __init__(self, http: HttpClient, limits: AccountLimits, retrier: Retrier) -> None:
        self._http = http
        self._limits = limits
        self._retrier = retrier
        self._free = asyncio.Semaphore(MAILBOX_PARALLEL)
        self._turn = asyncio.Lock()

    # -- links -------------------------------------------------------------------------------------------------------

    def relative(self, link: str) -> str:
        """A link of the service without scheme, host and port, relative to the base, as it may be stored.

        Raises:
            ProtocolError: it leads to another origin.
        """
        try:
            same = origin(httpx.URL(link)) == origin(self._http.base_url)
        except httpx.InvalidURL:
            same = False
        if not same:
            raise ProtocolError("Microsoft named an address of another origin; it is not followed.")
        # Cut out of the text, not put together again: the token inside is opaque.
        path = "/" + link.split("//", 1)[1].partition("/")[2]
        return path.removeprefix(self._http.base_url.path)

    # -- single reads ------------------------------------------------------------------------------------------------

    async def get(self, path: str, *, page_size: int | None = None, cursor: bool = False) -> dict[str, Any]:
        """Read one resource or page; repeats what passes by itself.

        Args:
            path: relative to the base with its query, or a link made by `relative`.
            page_size: wish for the number of items on a page.
            cursor: `path` comes from an earlier answer, so that 400 and 410 mean its token is dead.

        Raises:
            ProviderError: refused, unreachable, or not to be understood.
        """
        prefer = PREFER if page_size is None else f"{PREFER}, odata.maxpagesize={page_size}"

        async def attempt() -> dict[str, Any]:
            async with self._slots(1):
                reply = await self._http.send("GET", path, headers={"Prefer": prefer})
            if reply.ok:
                return reply.json_object()
            raise error_of(self._heard(refusal(reply.status, reply.headers, _object(reply))), cursor=cursor)

        return await self._retrier.run(attempt)

    async def answers(self, path: str) -> bool:
        """Whether a resource can be read: what a 404 inside it needs to prove anything. Refusals are False.

        Raises:
            ProviderError: nobody knows.
        """
        try:
            await self.get(path)
        except ProviderError as error:
            if error.status in (403, 404, 410):
                return False
            raise
        return True

    # -- batches -----------------------------------------------------------------------------------------------------

    async def batch(self, items: Sequence[Item], departure: Departure | None = None) -> list[Part | None]:
        """Send at most 20 requests as one, once. Parts come in the order of `items`, None for one that is missing.

        Args:
            departure: told when it goes on the wire.

        Raises:
            ProviderError: as `HttpClient.send`; the batch as a whole was refused.
        """
        return (await self._send(items, departure))[0]

    async def read(self, paths: Sequence[str]) -> list[Part]:
        """GET these paths in batches. Each part is 2xx or a 4xx that means something; all others are asked again.

        Raises:
            ProviderError: some were never answered.
        """
        parts: list[Part] = []
        for piece in chunks(paths, BATCH_SIZE):
            parts += await self._read(piece)
        return parts

    async def _read(self, paths: Sequence[str]) -> list[Part]:
        told: dict[int, Part] = {}
        renewed = False
        claims: str | None = None

        async def attempt() -> None:
            nonlocal renewed, claims
            asked = [at for at in range(len(paths)) if at not in told]
            parts, reply = await self._send([Item("GET", paths[at]) for at in asked])
            problem: ProviderError | None = None
            for at, part in zip(asked, parts, strict=True):
                if part is not None and not _passes(part):
                    told[at] = part
                elif part is None:
                    problem = problem or UnavailableError(
                        "Microsoft left out a part of its answer.", reason="part_missing"
                    )
                else:
                    claims = claims or demanded_claims(httpx.Headers(dict(part.headers)))
                    problem = _worse(problem, error_of(self._heard(part.refusal)))
            if isinstance(problem, AuthExpiredError) and not renewed:
                renewed = True
                await self._http.refuse_token(reply, claims)
                raise UnavailableError("Microsoft refused the sign-in for a part of the answer.", reason="part_401")
            if problem is not None:
                raise problem

        await self._retrier.run(attempt)
        return [told[at] for at in range(len(paths))]

    async def _send(self, items: Sequence[Item], departure: Departure | None = None) -> tuple[list[Part | None], Reply]:
        requests = [_request(str(number), item) for number, item in enumerate(items)]
        async with self._slots(min(len(items), MAILBOX_PARALLEL)):
            reply = await self._http.send(
                "POST", "$batch", json_body={"requests": requests}, cost=len(items), departure=departure
            )
        if not reply.ok:
            raise error_of(self._heard(refusal(reply.status, reply.headers, _object(reply))))
        parts = {str(part.get("id")): _part(part) for part in _list(reply.json_object().get("responses"))}
        told = [parts.get(str(number)) for number in range(len(items))]
        for part in told:
            if part is not None and not part.ok:
                self._heard(part.refusal)
        return told, reply

    def _heard(self, said: Refusal) -> Refusal:
        """A pause that the service asks for counts for the whole mailbox."""
        if said.retry_after_seconds is not None and (said.throttled or said.status == 503):
            self._limits.hold(said.retry_after_seconds)
        return said

    @asynccontextmanager
    async def _slots(self, wanted: int) -> AsyncIterator[None]:
        taken = 0
        try:
            # One at a time collects, so that two batches never wait for each other's half.
            async with self._turn:
                for _ in range(wanted):
                    await self._free.acquire()
                    taken += 1
            yield
        finally:
            for _ in range(taken):
                self._free.release()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _request(number: str, item: Item) -> dict[str, Any]:
    headers = {"Prefer": PREFER}
    if item.if_match:
        headers["If-Match"] = item.if_match
    request: dict[str, Any] = {"id": number, "method": item.method, "url": "/" + item.path, "headers": headers}
    if item.body is not None:
        headers["Content-Type"] = "application/json"
        request["body"] = item.body
    return request


def _part(value: Mapping[str, Any]) -> Part:
    headers = value.get("headers")
    body = value.get("body")
    return Part(
        status=int(value["status"]) if str(value.get("status", "")).isdigit() else 0,
        headers={str(k): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {},
        body=body if isinstance(body, dict) else {},
    )


def _passes(part: Part) -> bool:
    """Whether asking again may give another answer."""
    status = part.status
    return status in (0, 401, 412, 424, 429) or status in PASSING or status >= 500


def _worse(one: ProviderError | None, other: ProviderError) -> ProviderError:
    """The error that asks for more: a sign-in before a pause, a longer pause before a shorter, any before none."""

    def rank(error: ProviderError | None) -> tuple[int, float]:
        if error is None:
            return 0, 0.0
        if isinstance(error, AuthExpiredError):
            return 3, 0.0
        return (2, error.retry_after_seconds or 0.0) if isinstance(error, ThrottledError) else (1, 0.0)

    return other if one is None or rank(other) > rank(one) else one


def _object(reply: Reply) -> dict[str, Any]:
    """The body of a refusal; a proxy's HTML page is none."""
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or any(not isinstance(item, dict) for item in value):
        raise ProtocolError("Microsoft answered a batch in an unknown form.")
    return value
