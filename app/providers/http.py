"""One authorised http client for an account: token, time-outs, a bounded answer, and transport errors by name.

It must not know any provider's format, retry by itself (`app.providers.retry` does), follow redirects, or send a
token to another origin than the one it was made for.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import json
import re
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from app.domain.errors import OfflineError, ProtocolError, ProviderError, UnavailableError
from app.domain.ports import AccessTokens
from app.providers.flight import Departure
from app.providers.limits import AccountLimits

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
DEFAULT_PARALLEL: Final = 10
USER_AGENT: Final = "Kalends"
TIMEOUTS: Final = httpx.Timeout(30.0, connect=10.0, pool=120.0)
TOTAL_SECONDS: Final = 180.0
"""A service that drips its answer byte by byte ends here; longer than any honest batch takes."""

CONNECT_TIMEOUT: Final = "connect_timeout"
"""`reason` of the OfflineError that may pass when tried again at once."""

_BEARER = "Bearer "
_CLAIMS = re.compile(r'\bclaims="([A-Za-z0-9+/_=-]+)"')
_SCHEME_PORTS = {"http": 80, "https": 443}


Listening = Callable[[], Callable[[datetime], None]]
"""Called when a request goes out; what it returns hears what time the service says it is, once the answer is read. Who
hears knows both moments: an answer that waited while the computer slept tells the time before the sleep."""


def nobody_listens() -> Callable[[datetime], None]:
    """The time that nobody asks for."""
    return lambda _told: None


def new_ssl_context() -> ssl.SSLContext:
    """The trust that all clients of the process share; building one costs 20 ms and 1 MiB, so build it once."""
    return httpx.create_ssl_context()


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port, the port filled in where the scheme implies it (RFC 6454 §4)."""
    return url.scheme, url.host.lower(), url.port or _SCHEME_PORTS.get(url.scheme)


def demanded_claims(headers: httpx.Headers) -> str | None:
    """What a 401 demands of the next token, None if nothing: Microsoft's claims challenge, decoded to its JSON.

    Reference: "Claims challenges, claims requests, and client capabilities" of the identity platform.
    """
    for value in headers.get_list("WWW-Authenticate"):
        found = _CLAIMS.search(value)
        if found is None or "insufficient_claims" not in value:
            continue
        try:
            text = base64.b64decode(found[1] + "=" * (-len(found[1]) % 4), altchars=b"-_").decode()
            demanded = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(demanded, dict) and isinstance(demanded.get("access_token", {}), dict):
            return text
    return None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole. `authorization` is what the request was sent with; it is a secret and not in the repr."""

    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)
    authorization: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            UnavailableError: it is no JSON (cut off, or a proxy's page): what was asked may have happened.
            ProtocolError: it is JSON of another kind.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise UnavailableError(
                "The calendar service sent an answer that is cut off or no JSON.",
                status=self.status,
                reason="broken_answer",
            ) from error
        if not isinstance(value, dict):
            raise ProtocolError("The calendar service sent JSON of an unexpected kind.", status=self.status)
        return value


def told_time(headers: httpx.Headers) -> datetime | None:
    """What time a service says it is (RFC 9110 §6.6.1 `Date`), aware; None where it does not, or unreadably."""
    try:
        told = parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return told if told.tzinfo is not None else None


class BearerAuth(httpx.Auth):
    """RFC 6750 bearer token, refreshed exactly once when the service answers 401.

    Args:
        tokens: where tokens come from; its errors go through unchanged.
        base_url: the only origin that ever gets the token.
    """

    def __init__(self, tokens: AccessTokens, base_url: httpx.URL) -> None:
        self._tokens = tokens
        self._origin = origin(base_url)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Attach the token; on 401 ask for another than the refused one and send once more."""
        if origin(request.url) != self._origin:
            raise ProtocolError("The calendar service named an address of another origin; nothing was sent there.")
        token = await self._tokens.token()
        request.headers["Authorization"] = _BEARER + token
        response = yield request
        if response.status_code == 401:
            fresh = await self._tokens.token(stale=token, claims=demanded_claims(response.headers))
            request.headers["Authorization"] = _BEARER + fresh
            yield request


class HttpClient:
    """Requests of one account to one service, at most `parallel` at a time.

    The semaphore stands before httpx's pool: waiting in the pool itself is many times slower (`performance.md` §2.3).
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        base_url: httpx.URL,
        tokens: AccessTokens,
        *,
        parallel: int,
        limits: AccountLimits | None,
        max_body_bytes: int = MAX_BODY_BYTES,
        listening: Listening = nobody_listens,
    ) -> None:
        self._client = client
        self._listening = listening
        self._tokens = tokens
        self._slots = asyncio.Semaphore(parallel)
        self._limits = limits
        self._max_body_bytes = max_body_bytes
        self.base_url = base_url

    async def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        json_body: object = None,
        content: bytes | None = None,
        cost: int = 1,
        departure: Departure | None = None,
    ) -> Reply:
        """Send one request and read its answer; any status is an answer.

        Args:
            url: relative to the base address (percent-encode segments yourself), or a link of the service.
            params: query; None leaves the query of `url` as it is (any other value would replace it).
            json_body: sent as JSON if not None.
            cost: how many units of the account's rate it uses (a batch: its parts).
            departure: told when it goes on the wire, after all waiting.

        Raises:
            OfflineError: no connection came about, so nothing was sent.
            UnavailableError: cut, timed out, or broken on the way: it may have happened.
            ProtocolError: the link leads to another origin, or the answer is over the size limit.
            AuthExpiredError, VaultError: from the tokens.
            ThrottledError: the account is on hold for longer than a minute.
        """
        request = self._client.build_request(
            method, self.base_url.join(url), params=params, headers=headers, json=json_body, content=content
        )
        if self._limits is not None:
            await self._limits.spend(cost)
        async with self._slots:
            if departure is not None:
                departure.gone = True
            try:
                async with asyncio.timeout(TOTAL_SECONDS):
                    return await self._exchange(request)
            except httpx.HTTPError as error:
                raise _transport_error(error, self.base_url.host) from error
            except TimeoutError as error:
                raise UnavailableError(f"{self.base_url.host} did not finish its answer.", reason="timeout") from error

    async def refuse_token(self, reply: Reply, claims: str | None = None) -> None:
        """Renew the token of an answer whose *parts* said 401 (a Google batch is 200 outside).

        Args:
            claims: what such a part demanded of the next token.

        Raises:
            AuthExpiredError, OfflineError, UnavailableError, VaultError: from the tokens.
        """
        await self._tokens.token(stale=reply.authorization.removeprefix(_BEARER), claims=claims)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _exchange(self, request: httpx.Request) -> Reply:
        hear = self._listening()
        response = await self._client.send(request, stream=True)
        try:
            chunks, size = [], 0
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > self._max_body_bytes:
                    raise ProtocolError(
                        f"The answer is larger than {self._max_body_bytes // 2**20} MiB.", reason="too_large"
                    )
                chunks.append(chunk)
        finally:
            await response.aclose()
        told = told_time(response.headers)
        if told is not None:
            hear(told)
        authorization = response.request.headers.get("Authorization", "")
        return Reply(response.status_code, response.headers, b"".join(chunks), authorization)


def make_client(
    tokens: AccessTokens,
    base_url: str,
    *,
    ssl_context: ssl.SSLContext,
    transport: httpx.AsyncBaseTransport | None = None,
    parallel: int = DEFAULT_PARALLEL,
    limits: AccountLimits | None = None,
    headers: Mapping[str, str] | None = None,
    listening: Listening = nobody_listens,
) -> HttpClient:
    """The http client of an account.

    Args:
        base_url: the API's root; relative requests are joined to it, and the token goes nowhere else.
        ssl_context: the process's one (`new_ssl_context`).
        transport: replaces the network, for tests.
        parallel: requests in flight at once: 10 for a host, 4 for a Graph mailbox.
        limits: the account's rate.
        headers: sent with every request.
        listening: asked with every request; hears what time the service says it is.
    """
    base = httpx.URL(base_url if base_url.endswith("/") else base_url + "/")
    client = httpx.AsyncClient(
        auth=BearerAuth(tokens, base),
        headers={"User-Agent": USER_AGENT, "Accept": "application/json", **(headers or {})},
        http2=base.scheme == "https",
        verify=ssl_context,
        transport=transport,
        timeout=TIMEOUTS,
        limits=httpx.Limits(max_connections=parallel, max_keepalive_connections=parallel, keepalive_expiry=30.0),
        follow_redirects=False,
        # A proxy of the environment is for the world outside; this machine's own services are never behind it.
        trust_env=not _is_loopback(base.host),
    )
    return HttpClient(client, base, tokens, parallel=parallel, limits=limits, listening=listening)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _transport_error(error: httpx.HTTPError, host: str) -> ProviderError:
    """What a failed exchange means. Only a connection that never came about proves that nothing was sent."""
    if isinstance(error, httpx.ConnectTimeout):
        return OfflineError(f"{host} could not be reached in time.", reason=CONNECT_TIMEOUT)
    if isinstance(error, (httpx.ConnectError, httpx.ProxyError)):
        if _is_certificate_error(error):
            return OfflineError(
                f"The certificate of {host} is not trusted, so nothing was sent.",
                reason="certificate",
                fix="Check the computer's date, and whether a proxy or a sign-in page of the network is in between.",
            )
        return OfflineError(f"{host} cannot be reached.", reason="connect")
    if isinstance(error, httpx.TimeoutException):
        return UnavailableError(f"{host} did not answer in time.", reason="timeout")
    if isinstance(error, httpx.UnsupportedProtocol):
        return ProtocolError("The calendar service named an address that is neither http nor https.")
    return UnavailableError(f"The connection to {host} was cut.", reason="connection_lost")


def _is_certificate_error(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
