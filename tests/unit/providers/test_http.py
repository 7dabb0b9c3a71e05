"""The authorised http client: one renewal, one origin, bounded answers, transport errors by name."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import httpx
import pytest

from app.domain.errors import (
    AuthExpiredError,
    OfflineError,
    ProtocolError,
    ThrottledError,
    UnavailableError,
)
from app.providers.http import HttpClient, make_client, new_ssl_context
from app.providers.limits import AccountLimits

pytestmark = pytest.mark.anyio

BASE = "https://api.example.com/v1/"


class Tokens:
    """Tokens t0, t1, … each new one when the last was stale."""

    def __init__(self, *, ends: bool = False) -> None:
        self.asked: list[str | None] = []
        self.claims: list[str | None] = []
        self._ends = ends
        self._number = 0

    async def token(self, *, stale: str | None = None, claims: str | None = None) -> str:
        """The present token, or the next one."""
        self.asked.append(stale)
        self.claims.append(claims)
        if stale is not None:
            if self._ends:
                raise AuthExpiredError("over")
            self._number += 1
        return f"t{self._number}"


def client_of(
    handler: Callable[[httpx.Request], httpx.Response], tokens: Tokens | None = None, base: str = BASE
) -> HttpClient:
    """A client whose network is a function."""
    transport = httpx.MockTransport(handler)
    return make_client(tokens or Tokens(), base, ssl_context=ssl.create_default_context(), transport=transport)


async def test_a_request_carries_token_and_name_and_is_joined_to_the_base() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"a": 1})

    http = client_of(answer)
    reply = await http.send("GET", "calendars/a%40b%23c/events", params={"t": "2026-01-01T00:00:00+01:00"})
    assert reply.json_object() == {"a": 1}
    assert str(seen[0].url) == f"{BASE}calendars/a%40b%23c/events?t=2026-01-01T00%3A00%3A00%2B01%3A00"
    assert seen[0].headers["authorization"] == "Bearer t0"
    assert seen[0].headers["user-agent"].startswith("Kalends")
    await http.aclose()


async def test_a_link_with_a_query_is_followed_as_it_is() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json={})

    http = client_of(answer)
    await http.send("GET", f"{BASE}delta?$skiptoken=a%2Bb")
    assert seen == [f"{BASE}delta?$skiptoken=a%2Bb"]
    await http.aclose()


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.com/v1/x",
        "http://api.example.com/v1/x",
        "https://api.example.com:444/v1/x",
        "//evil.example.com/x",
    ],
)
async def test_a_link_to_another_origin_is_not_followed(link: str) -> None:
    tokens = Tokens()
    http = client_of(lambda _: pytest.fail("a request was sent"), tokens)
    with pytest.raises(ProtocolError):
        await http.send("GET", link)
    assert tokens.asked == []
    await http.aclose()


async def test_the_same_origin_with_its_port_spelled_out_is_followed() -> None:
    http = client_of(lambda _: httpx.Response(204))
    assert (await http.send("GET", "https://API.example.com:443/v1/x")).status == 204
    await http.aclose()


async def test_a_refused_token_is_renewed_once_and_the_request_sent_once_more() -> None:
    tokens = Tokens()
    used: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        used.append(request.headers["authorization"])
        return httpx.Response(200 if used[-1] == "Bearer t1" else 401)

    http = client_of(answer, tokens)
    reply = await http.send("POST", "x", json_body={"a": 1})
    assert reply.status == 200
    assert used == ["Bearer t0", "Bearer t1"]
    assert tokens.asked == [None, "t0"]
    assert "t1" not in repr(reply)
    await http.aclose()


async def test_a_second_refusal_is_the_answer() -> None:
    sent = 0

    def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal sent
        sent += 1
        return httpx.Response(401)

    http = client_of(answer)
    assert (await http.send("GET", "x")).status == 401
    assert sent == 2
    await http.aclose()


async def test_a_sign_in_that_ended_is_told_as_such() -> None:
    http = client_of(lambda _: httpx.Response(401), Tokens(ends=True))
    with pytest.raises(AuthExpiredError):
        await http.send("GET", "x")
    await http.aclose()


async def test_a_redirect_is_not_followed() -> None:
    http = client_of(lambda _: httpx.Response(302, headers={"Location": "https://evil.example.com/"}))
    assert (await http.send("GET", "x")).status == 302
    await http.aclose()


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectError("no route"), OfflineError),
        (httpx.ConnectTimeout("slow"), OfflineError),
        (httpx.ProxyError("proxy"), OfflineError),
        (httpx.ReadTimeout("slow"), UnavailableError),
        (httpx.WriteTimeout("slow"), UnavailableError),
        (httpx.ReadError("reset"), UnavailableError),
        (httpx.WriteError("reset"), UnavailableError),
        (httpx.RemoteProtocolError("cut"), UnavailableError),
        (httpx.DecodingError("gzip"), UnavailableError),
        (httpx.UnsupportedProtocol("ftp"), ProtocolError),
    ],
)
async def test_transport_failures_have_names(raised: httpx.HTTPError, expected: type[Exception]) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise raised

    http = client_of(fail)
    with pytest.raises(expected):
        await http.send("GET", "x")
    await http.aclose()


async def test_an_untrusted_certificate_is_no_connection_and_says_why() -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("tls") from ssl.SSLCertVerificationError("self-signed")

    http = client_of(fail)
    with pytest.raises(OfflineError, match="certificate") as caught:
        await http.send("GET", "x")
    assert caught.value.fix
    await http.aclose()


async def test_an_answer_over_the_limit_is_refused_before_it_fills_the_memory() -> None:
    sent = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def] # the base class types it as an iterator of bytes
            nonlocal sent
            while True:
                sent += 1
                yield b"x" * 1024 * 1024

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless()))
    http = make_client(Tokens(), BASE, ssl_context=ssl.create_default_context(), transport=transport)
    with pytest.raises(ProtocolError, match="64 MiB"):
        await http.send("GET", "x")
    assert sent <= 66
    await http.aclose()


@pytest.mark.parametrize("body", [b"", b"<html>sign in</html>", b'{"a": ', b"[" * 100_000])
async def test_an_answer_that_is_no_json_is_a_broken_answer(body: bytes) -> None:
    http = client_of(lambda _: httpx.Response(200, content=body))
    reply = await http.send("GET", "x")
    with pytest.raises(UnavailableError):
        reply.json_object()
    await http.aclose()


async def test_json_of_another_kind_is_not_understood() -> None:
    http = client_of(lambda _: httpx.Response(200, json=[1]))
    reply = await http.send("GET", "x")
    with pytest.raises(ProtocolError):
        reply.json_object()
    await http.aclose()


async def test_no_more_requests_than_allowed_are_in_flight() -> None:
    running, most = 0, 0

    async def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return httpx.Response(204)

    http = make_client(
        Tokens(), BASE, ssl_context=ssl.create_default_context(), transport=httpx.MockTransport(answer), parallel=4
    )
    await asyncio.gather(*(http.send("GET", "x") for _ in range(40)))
    assert most == 4
    await http.aclose()


async def test_an_account_on_hold_sends_nothing() -> None:
    limits = AccountLimits(burst=10, per_minute=10)
    transport = httpx.MockTransport(lambda _: pytest.fail("a request was sent"))
    http = make_client(Tokens(), BASE, ssl_context=ssl.create_default_context(), transport=transport, limits=limits)
    limits.hold(3600)
    with pytest.raises(ThrottledError):
        await http.send("GET", "x")
    await http.aclose()


def test_the_shared_trust_checks_certificates_and_names() -> None:
    context = new_ssl_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def _challenge(claims: str) -> str:
    return f'Bearer realm="", error="insufficient_claims", claims="{base64.b64encode(claims.encode()).decode()}"'


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (_challenge('{"access_token":{"nbf":{"essential":true,"value":"1"}}}'), True),
        (_challenge('{"access_token":{}}').rstrip('="') + '"', True),
        ('Bearer realm=""', False),
        ('Bearer error="invalid_token", claims="e30="', False),
        ('Bearer error="insufficient_claims", claims="%%"', False),
        ('Bearer error="insufficient_claims", claims="/w=="', False),
        (_challenge("[]"), False),
        (_challenge('{"access_token":null}'), False),
        (_challenge("no JSON"), False),
    ],
)
async def test_what_a_refusal_demands_of_the_next_token_is_handed_on(header: str, claims: bool) -> None:
    answers = [httpx.Response(401, headers={"WWW-Authenticate": header}), httpx.Response(200, json={})]
    tokens = Tokens()
    http = client_of(lambda request: answers.pop(0), tokens)
    assert (await http.send("GET", "me")).ok
    await http.aclose()
    told = tokens.claims[1]
    assert tokens.claims[0] is None
    assert (told is not None and "access_token" in json.loads(told)) is claims


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("Fri, 20 Nov 2026 12:00:00 GMT", datetime(2026, 11, 20, 12, 0, tzinfo=UTC)),
        ("yesterday", None),
        (None, None),
    ],
)
async def test_what_time_a_service_says_it_is_is_heard(header: str | None, told: datetime | None) -> None:
    heard: list[datetime] = []
    headers = {"Date": header} if header is not None else {}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}, headers=headers))
    http = make_client(
        Tokens(), BASE, ssl_context=ssl.create_default_context(), transport=transport, listening=lambda: heard.append
    )
    await http.send("GET", "x")
    assert heard == ([told] if told is not None else [])
    await http.aclose()


async def test_who_hears_the_time_knows_when_the_request_went_out_and_hears_it_when_the_answer_was_read() -> None:
    story: list[str] = []

    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            story.append("answered")
            yield b"{}"

    def answer(_: httpx.Request) -> httpx.Response:
        story.append("asked")
        return httpx.Response(200, stream=Dripping(), headers={"Date": "Fri, 20 Nov 2026 12:00:00 GMT"})

    def listening() -> Callable[[datetime], None]:
        story.append("listening")
        return lambda told: story.append("heard")

    http = make_client(
        Tokens(),
        BASE,
        ssl_context=ssl.create_default_context(),
        transport=httpx.MockTransport(answer),
        listening=listening,
    )
    await http.send("GET", "x")
    assert story == ["listening", "asked", "answered", "heard"]
    await http.aclose()
