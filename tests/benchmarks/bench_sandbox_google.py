"""What the emulated Google takes with 100 000 events in one calendar: so that it is not what other figures measure.

A page of 1 000 items beside the writing of the same JSON alone, small requests over loopback beside a server that does
nothing but answer, memory beside a sandbox with an empty calendar.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.benchmarks.figures import Report, memory, processor_seconds, spread

EMAIL = "ana@example.com"
EVENTS = 100_000
PAGE = 1000
PAGES = 40
REQUESTS = 4000
CONNECTIONS = 8
_ROOT = Path(__file__).resolve().parents[2]

BARE = textwrap.dedent(
    """
    import socket, sys, uvicorn
    body = sys.stdin.buffer.read()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listening])
    """
)


def seed_of(events: int) -> dict[str, Any]:
    """An account whose calendar holds that many events, all different."""
    rows = [
        {
            "title": f"Event {number}",
            "start": f"2026-{1 + number % 12:02d}-{1 + number % 28:02d}T{number % 20:02d}:00:00",
            "end": f"2026-{1 + number % 12:02d}-{1 + number % 28:02d}T{number % 20 + 1:02d}:00:00",
            "time_zone": "Europe/Berlin",
            "description": f"{number} " + "what it is about " * 12,
            "location": f"Room {number % 50}",
        }
        for number in range(events)
    ]
    calendar = {"name": "Work", "primary": True, "events": rows}
    account = {"provider": "google", "email": EMAIL, "time_zone": "Europe/Berlin", "calendars": [calendar]}
    return {"accounts": [account]}


Start = Callable[[int], tuple[int, dict[str, Any]]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts sandboxes of so many events; process id and description."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(events: int) -> tuple[int, dict[str, Any]]:
        seed = tmp_path / f"seed{events}.json"
        seed.write_text(json.dumps(seed_of(events)), "utf-8")
        environ = {**os.environ, "KALENDS_HOME": str(tmp_path / f"home{events}")}
        command = [sys.executable, "-m", "app", "sandbox", "--seed", str(seed), "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=_ROOT, env=environ)
        started.append(process)
        assert process.stdout is not None
        return process.pid, json.loads(process.stdout.readline())

    yield begin
    for process in started:
        process.terminate()
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


def token_for(description: dict[str, Any]) -> str:
    """An access token, in a world where nobody counts how often it is used: what is measured is the service."""
    url, headers = description["control"]["url"], {"Authorization": f"Bearer {description['control']['token']}"}
    with httpx.Client(headers=headers, trust_env=False) as control:
        control.patch(f"{url}/behaviour", json={"google.quota": "off"}).raise_for_status()
        return str(control.post(f"{url}/tokens", json={"email": EMAIL}).raise_for_status().json()["access_token"])


async def small_requests(port: int, path: str, token: str) -> float:
    """How many small requests a second a server answers over a few connections that stay open."""
    sent = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(REQUESTS // CONNECTIONS):
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
        writer.close()
        await writer.wait_closed()

    begun = time.perf_counter()
    await asyncio.gather(*(one_connection() for _ in range(CONNECTIONS)))
    return REQUESTS / (time.perf_counter() - begun)


@pytest.mark.timeout(900)
def test_sandbox_google(report: Report, start: Start) -> None:
    bare_pid, _ = start(0)
    pid, description = start(EVENTS)
    token = token_for(description)
    base, port = description["google"]["calendar_api"], urlsplit(description["google"]["calendar_api"]).port
    assert port is not None
    pages: list[float] = []
    alone: list[float] = []
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60) as client:
        params: dict[str, Any] = {"maxResults": PAGE}
        used = processor_seconds(pid)
        for _ in range(PAGES):
            begun = time.perf_counter()
            answer = client.get(f"{base}/calendars/primary/events", params=params)
            pages.append(1000 * (time.perf_counter() - begun))
            content = answer.json()
            assert len(content["items"]) == PAGE
            params["pageToken"] = content["nextPageToken"]
            begun = time.perf_counter()
            json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
            alone.append(1000 * (time.perf_counter() - begun))
        used = 1000 * (processor_seconds(pid) - used) / PAGES
        small = client.get(f"{base}/users/me/settings/timezone").content
    ratio = median(pages) / median(alone)
    report.add(f"a page of {PAGE}", f"{spread(pages, ' ms')}; {ratio:.1f} times the writing of its JSON alone", pages)
    report.add("… of these the sandbox's processor time", f"{used:.3g} ms", used)
    with subprocess.Popen([sys.executable, "-c", BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bare:
        assert bare.stdin is not None
        assert bare.stdout is not None
        bare.stdin.write(small)
        bare.stdin.close()
        bare_port = int(bare.stdout.readline())
        rates = [
            (
                asyncio.run(small_requests(port, "/calendar/v3/users/me/settings/timezone", token)),
                asyncio.run(small_requests(bare_port, "/", token)),
            )
            for _ in range(3)
        ]
        bare.terminate()
    share = median(ours / theirs for ours, theirs in rates)
    words = f"{spread([ours for ours, _ in rates], ' a second')}; {share:.0%} of a server that only answers"
    report.add("small requests", words, rates)
    sizes = [memory(number).rss for number in (pid, bare_pid)]
    words = f"{sizes[0]:.0f} MiB, of these {sizes[0] - sizes[1]:.0f} for the events"
    report.add(f"memory with {EVENTS} events", words, sizes)
