"""The server on real sockets: where it binds, what it refuses on the wire, how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.api.server import ApiServer, listen
from app.domain.errors import KalendsError
from tests.contract.api.conftest import SECRET, TOKEN, Key
from tests.contract.api.core_double import Double, pair_id

pytestmark = pytest.mark.anyio

DEADLINE = 10.0


def make_server(double: Double, port: int = 0, **options: Any) -> ApiServer:
    """A server that is not started yet."""
    return ApiServer(
        double.core,
        port=port,
        allowed_hosts=(),
        allowed_origins=(),
        control_token=TOKEN,
        instance_secret=SECRET,
        on_show=None,
        on_quit=None,
        **options,
    )


@pytest.fixture
async def server(double: Double) -> AsyncIterator[ApiServer]:
    """A server that runs."""
    made = make_server(double)
    await made.start()
    yield made
    await made.stop()


def has_ipv6() -> bool:
    """Whether this computer has ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def talk(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, and read one answer: status, headers, body."""
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        writer.close()
        await writer.wait_closed()
    return int(head[0].split()[1]), headers, body


def raw(
    port: int, *lines: str, host: bool = True, request: str = "GET /api/v1/status HTTP/1.1", body: str = ""
) -> bytes:
    """A request as bytes."""
    hosts = (f"Host: 127.0.0.1:{port}",) if host else ()
    return ("\r\n".join([request, *hosts, *lines]) + "\r\n\r\n" + body).encode("latin-1")


async def test_it_answers_on_every_loopback_address_under_one_port(server: ApiServer, key: Key) -> None:
    addresses = ["127.0.0.1", "localhost", *(["[::1]"] if has_ipv6() else [])]
    async with httpx.AsyncClient(trust_env=False) as client:
        for address in addresses:
            answer = await client.get(f"http://{address}:{server.port}/api/v1/status", headers=key())
            assert answer.status_code == 200
    assert server.url == f"http://127.0.0.1:{server.port}"


async def test_a_request_names_exactly_one_host(server: ApiServer, key: Key) -> None:
    port, shown = server.port, f"Authorization: {key()['Authorization']}"
    for request in (
        raw(port, shown, host=False),
        raw(port, shown, f"Host: 127.0.0.1:{port}"),
        raw(port, shown, "Host: evil.example"),
        raw(port, shown, host=False, request="GET /api/v1/status HTTP/1.0"),
    ):
        status, headers, body = await talk(port, request)
        error = json.loads(body)["error"]
        assert (status, error["code"]) == (400, "bad_request")
        assert headers["x-request-id"] == error["request_id"]
        assert "x-ratelimit-remaining" in headers
    assert (await talk(port, raw(port, shown)))[0] == 200


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("X-API-Key: {key}", "X-API-Key: {key}"), 200),
        (("Authorization: Bearer {key}", "Authorization: Bearer other"), 401),
        (("X-API-Key: {key}", "X-API-Key: other"), 401),
        (("X-API-Key: {key}", "Origin: http://127.0.0.1:{port}", "Origin: https://evil.example"), 403),
        (("X-API-Key: {key}", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"), 403),
        (("X-API-Key: {key}", "X-Request-ID: one", "X-Request-ID: two"), 200),
    ],
)
async def test_doubled_headers_are_judged_all_together(
    server: ApiServer, key: Key, lines: tuple[str, ...], expected: int
) -> None:
    text = key()["Authorization"].removeprefix("Bearer ")
    filled = [line.format(key=text, port=server.port) for line in lines]
    status, headers, _ = await talk(server.port, raw(server.port, *filled))
    assert status == expected
    assert headers["x-request-id"] not in ("one", "two")


async def test_doubled_content_types_and_chunked_giants_are_refused(server: ApiServer, key: Key) -> None:
    port, shown = server.port, f"Authorization: {key()['Authorization']}"
    patch = "PATCH /api/v1/sync-pairs HTTP/1.1"
    twice = raw(
        port,
        shown,
        "Content-Type: application/json",
        "Content-Type: text/plain",
        "Content-Length: 2",
        request=patch,
        body="{}",
    )
    assert (await talk(port, twice))[0] == 415
    announced = raw(port, shown, "Content-Type: application/json", "Content-Length: 9999999", request=patch)
    status, headers, _ = await talk(port, announced)
    assert (status, headers["connection"]) == (413, "close")
    chunk = "10000\r\n" + " " * 65_536 + "\r\n"
    chunked = raw(port, shown, "Transfer-Encoding: chunked", "Content-Type: application/json", request=patch)
    assert (await talk(port, chunked + (chunk * 5).encode()))[0] == 413


async def test_head_sends_no_body_and_the_connection_goes_on(server: ApiServer, key: Key) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(2):
            answer = await client.head(f"{server.url}/api/v1/status", headers=key())
            assert (answer.status_code, answer.content) == (200, b"")


async def test_an_answer_does_not_wait_for_an_acknowledgement(server: ApiServer, key: Key) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        taken = []
        for _ in range(20):
            start = time.perf_counter()
            await client.get(f"{server.url}/api/v1/status", headers=key())
            taken.append(time.perf_counter() - start)
    # Nagle's algorithm against delayed acknowledgements would cost 40 ms each.
    assert min(taken) < 0.035


# --- ports ------------------------------------------------------------------------------------------------------------


async def test_a_taken_port_moves_the_server_to_the_next_free_one(server: ApiServer, double: Double) -> None:
    second = make_server(double, server.port)
    bound = await second.start()
    try:
        assert bound.moved
        assert bound.wanted == server.port
        assert server.port < bound.port == second.port <= server.port + 100
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{second.url}/healthz")).status_code == 200
    finally:
        await second.stop()


async def test_a_wanted_port_that_is_free_is_taken_and_free_again_after_the_stop(double: Double) -> None:
    first = make_server(double)
    port = (await first.start()).port
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(f"{first.url}/healthz")
        await first.stop()
    second = make_server(double, port)
    bound = await second.start()
    await second.stop()
    assert (bound.port, bound.moved) == (port, False)


@pytest.mark.skipif(not has_ipv6(), reason="this computer has no ::1")
@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
async def test_a_port_is_taken_when_either_address_has_it_taken(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as squatter:
        squatter.bind((address, 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        found = listen(taken)
        ports = {made.getsockname()[1] for made in found}
        for made in found:
            made.close()
    assert len(found) == 2
    assert len(ports) == 1
    assert ports.pop() > taken


async def test_the_port_is_ours_alone(server: ApiServer) -> None:
    for reuse in (0, 1):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
            with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
                other.bind(("127.0.0.1", server.port))


async def test_only_loopback_is_listened_on(server: ApiServer) -> None:
    found = listen(0)
    addresses = {made.getsockname()[0] for made in found}
    for made in found:
        assert made.proto == socket.IPPROTO_TCP
        made.close()
    assert addresses <= {"127.0.0.1", "::1"}
    assert "127.0.0.1" in addresses


async def test_a_port_behind_which_none_is_left_is_an_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as squatter:
        # Taken by somebody else serves as well.
        with contextlib.suppress(OSError):
            squatter.bind(("127.0.0.1", 65_535))
            squatter.listen()
        with pytest.raises(KalendsError) as error:
            listen(65_535)
    assert error.value.code == "no_free_port"


# --- many connections, and the stop -----------------------------------------------------------------------------------


async def test_64_connections_are_served_and_the_next_is_told_to_wait(server: ApiServer, key: Key) -> None:
    port, shown = server.port, f"Authorization: {key()['Authorization']}"
    request = raw(port, shown)
    open_ones = []
    async with asyncio.timeout(DEADLINE):
        for _ in range(64):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            open_ones.append(writer)
        status, headers, body = await talk(port, request)
        for writer in open_ones:
            writer.close()
            await writer.wait_closed()
    assert (status, json.loads(body)["error"]["code"]) == (503, "unavailable")
    assert headers["connection"] == "close"
    assert int(headers["retry-after"]) >= 1


async def test_a_stop_answers_who_waits_for_a_run_and_takes_less_than_a_second(
    double: Double, server: ApiServer, key: Key
) -> None:
    double.world.runs_end_at_once = False
    async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE) as client:
        path = f"{server.url}/api/v1/sync-pairs/{pair_id(1)}/trigger?wait=240"
        waiting = asyncio.create_task(client.post(path, headers=key()))
        await double.sync.waited.wait()
        start = time.perf_counter()
        await server.stop()
        assert time.perf_counter() - start < 1
        answer = await waiting
    assert (answer.status_code, answer.json()["status"]) == (202, "running")


async def test_a_stop_cuts_off_what_takes_too_long_and_says_so(double: Double, server: ApiServer, key: Key) -> None:
    never = asyncio.Event()
    double.pairs.hold_update = never
    async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE) as client:
        path = f"{server.url}/api/v1/sync-pairs/{pair_id(1)}"
        stuck = asyncio.create_task(client.patch(path, json={"status": "paused"}, headers=key()))
        await double.pairs.updating.wait()
        start = time.perf_counter()
        await server.stop()
        assert time.perf_counter() - start < 1
        answer = await stuck
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")


async def test_a_stop_does_not_wait_for_idle_and_half_sent_requests(server: ApiServer) -> None:
    async with asyncio.timeout(DEADLINE):
        _, idle = await asyncio.open_connection("127.0.0.1", server.port)
        _, half = await asyncio.open_connection("127.0.0.1", server.port)
        half.write(b"POST /api/v1/sync-pairs HTTP/1.1\r\nHost: ")
        await half.drain()
        start = time.perf_counter()
        await server.stop()
        assert time.perf_counter() - start < 1
        for writer in (idle, half):
            writer.close()
            with contextlib.suppress(ConnectionError):  # a request cut off before it was read is reset
                await writer.wait_closed()


async def test_a_server_that_never_started_has_no_address_and_stops_quietly(double: Double) -> None:
    server = make_server(double)
    await server.stop()
    with pytest.raises(RuntimeError, match="not been started"):
        _ = server.port


async def test_the_limit_of_a_key_is_the_one_that_was_set(double: Double, key: Key) -> None:
    server = make_server(double, requests_per_hour=1)
    await server.start()
    async with httpx.AsyncClient(trust_env=False) as client:
        shown = key()
        answers = [await client.get(f"{server.url}/api/v1/status", headers=shown) for _ in range(2)]
    await server.stop()
    assert [answer.status_code for answer in answers] == [200, 429]
