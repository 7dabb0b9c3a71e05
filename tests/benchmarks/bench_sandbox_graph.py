"""Whether the emulated Graph is fast and small enough not to be what is measured: 100 000 events in one calendar.

Pages of 1 000 rows beside what it costs to write the same rows as JSON alone, small requests a second over loopback
beside a server that answers without looking, and the memory of the process.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.benchmarks.figures import Report, memory, processor_seconds, spread

EVENTS = 100_000
PAGES = 20
SMALL_REQUESTS = 2000
PARALLEL = 4
WINDOW = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z"
SERVER = Path(__file__).parent / "graph_server.py"
PREFER = 'Prefer: odata.maxpagesize=1000, IdType="ImmutableId"\r\n'


@pytest.fixture(scope="session", autouse=True)
def needed() -> None:
    """No screen is needed here."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the figures come from /proc")


@dataclass
class Served:
    """A running sandbox."""

    pid: int
    host: str
    port: int
    path: str
    token: str
    calendar: str


@pytest.fixture
def served() -> Iterator[Served]:
    """A sandbox with all the events."""
    command = [sys.executable, str(SERVER), str(EVENTS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            where = json.loads(process.stdout.readline())
            address = urlsplit(where["base"])
            assert address.hostname is not None
            assert address.port is not None
            yield Served(process.pid, address.hostname, address.port, address.path, where["token"], where["calendar"])
        finally:
            process.stdin.close()


class Wire:
    """A connection that is kept open: http libraries cost more than what is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader, self._writer, self._head = reader, writer, head

    async def get(self, target: str, more: str = "") -> bytes:
        """The body of a 200."""
        self._writer.write(f"GET {target} HTTP/1.1\r\n{self._head}{more}\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return await self._reader.readexactly(int(length.partition(b":")[2]))


@asynccontextmanager
async def wire(host: str, port: int, token: str = "") -> AsyncIterator[Wire]:
    """An open connection."""
    reader, writer = await asyncio.open_connection(host, port, limit=2**24)
    try:
        yield Wire(reader, writer, f"Host: {host}:{port}\r\nAuthorization: Bearer {token}\r\n")
    finally:
        writer.close()
        await writer.wait_closed()


async def _pages(served: Served) -> tuple[list[float], list[float]]:
    """Milliseconds of each page of a first round, and of writing its rows as JSON here."""
    took, written = [], []
    async with wire(served.host, served.port, served.token) as graph:
        target = f"{served.path}/me/calendars/{served.calendar}/calendarView/delta?{WINDOW}"
        for _ in range(PAGES):
            begun = time.perf_counter()
            body = await graph.get(target, PREFER)
            took.append((time.perf_counter() - begun) * 1000)
            page: dict[str, Any] = json.loads(body)
            assert len(page["value"]) == 1000
            begun = time.perf_counter()
            json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode()
            written.append((time.perf_counter() - begun) * 1000)
            link = urlsplit(page["@odata.nextLink"])
            target = f"{link.path}?{link.query}"
    return took, written


async def _a_second(host: str, port: int, target: str, token: str = "") -> float:
    """Small requests a second, as many at once as a mailbox takes."""

    async def ask(count: int) -> None:
        async with wire(host, port, token) as connection:
            for _ in range(count):
                await connection.get(target)

    begun = time.perf_counter()
    await asyncio.gather(*(ask(SMALL_REQUESTS // PARALLEL) for _ in range(PARALLEL)))
    return SMALL_REQUESTS / (time.perf_counter() - begun)


async def _bare_server() -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        except asyncio.IncompleteReadError:
            writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


async def _small(served: Served) -> tuple[list[float], list[float]]:
    graph, bare = [], []
    server = await _bare_server()
    async with server:
        port = server.sockets[0].getsockname()[1]
        for _ in range(3):
            target = f"{served.path}/me?$select=id"
            graph.append(await _a_second(served.host, served.port, target, served.token))
            bare.append(await _a_second("127.0.0.1", port, "/"))
    return graph, bare


def test_sandbox_graph(served: Served, report: Report) -> None:
    before = memory(served.pid)
    used = processor_seconds(served.pid)
    took, written = asyncio.run(_pages(served))
    used = 1000 * (processor_seconds(served.pid) - used) / PAGES
    report.add("page of 1000 rows, made for the first time", spread(took, " ms"), took)
    report.add("… of these the sandbox's processor time", f"{used:.3g} ms", used)
    shares = [mine / bare for mine, bare in zip(took, written, strict=True)]
    report.add("… beside writing them as JSON alone", spread(shares, "×"), shares)
    graph, bare = asyncio.run(_small(served))
    report.add("small requests a second", spread(graph), graph)
    report.add("… beside a server that answers without looking", spread(bare), bare)
    after = memory(served.pid)
    report.add(f"memory with {EVENTS} events", f"{before.rss:.0f} MiB", before.rss)
    report.add("… after all of this", f"{after.rss:.0f} MiB", after.rss)
