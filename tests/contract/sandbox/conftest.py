"""The emulated Google in-process for one test, and whole sandboxes on sockets of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.sandbox.google import Google
from app.sandbox.google.scopes import PREFIX
from app.sandbox.server import Sandbox
from app.sandbox.world import Clock, World

EMAIL = "ana@example.com"
NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


class GoogleSide:
    """A world with one Google account, and a client that speaks to it with a token."""

    def __init__(self) -> None:
        self.world = World(clock=Clock(lambda: NOON))
        self.google = Google(self.world)
        self.google.seed_account(
            {
                "email": EMAIL,
                "time_zone": "Europe/Berlin",
                "calendars": [
                    {"name": "Work", "primary": True},
                    {"name": "Second"},
                    {"name": "Team", "role": "reader"},
                ],
            }
        )
        self.second, self.team = (row["id"] for row in self.google.calendars(EMAIL)[1:])
        self.client = self.caller(None)

    def caller(self, scopes: list[str] | None) -> httpx.AsyncClient:
        """A client with a token for these scopes (short names), or for all."""
        full = None if scopes is None else [PREFIX + scope for scope in scopes]
        token = self.google.issue_tokens(EMAIL, full, 3599)["access_token"]
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.google.app),
            base_url="http://127.0.0.1/calendar/v3/",
            headers={"Authorization": f"Bearer {token}"},
        )

    async def insert(self, calendar: str = "primary", **fields: Any) -> dict[str, Any]:
        """A new event; by default tomorrow at ten for an hour."""
        body = {
            "summary": "Lunch",
            "start": {"dateTime": "2026-03-10T10:00:00", "timeZone": "Europe/Berlin"},
            "end": {"dateTime": "2026-03-10T11:00:00", "timeZone": "Europe/Berlin"},
            **fields,
        }
        answer = await self.client.post(f"calendars/{calendar}/events", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def list(self, calendar: str = "primary", **params: Any) -> dict[str, Any]:
        """One page of a listing."""
        answer = await self.client.get(f"calendars/{calendar}/events", params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def sync_token(self, **params: Any) -> str:
        """The sync token of a whole listing."""
        page = await self.list(**params)
        while "nextPageToken" in page:
            page = await self.list(**params, pageToken=page["nextPageToken"])
        return str(page["nextSyncToken"])


@pytest.fixture
async def side() -> AsyncIterator[GoogleSide]:
    """One account of the emulated Google."""
    made = GoogleSide()
    async with made.client:
        yield made


class RunningSandbox:
    """A sandbox on real sockets, served by a thread of its own, for blocking clients."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)

    def start(self, google_port: int = 0) -> dict[str, Any]:
        """Serve; returns the description."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.sandbox.start(google_port), self._loop).result(20)
        return self.sandbox.description()

    def stop(self) -> None:
        """Stop serving and end the thread."""
        asyncio.run_coroutine_threadsafe(self.sandbox.stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()


@pytest.fixture
def served() -> Iterator[dict[str, Any]]:
    """The description of a running demo sandbox."""
    running = RunningSandbox(Sandbox())
    description = running.start()
    yield description
    running.stop()


def control(description: dict[str, Any]) -> httpx.Client:
    """A client of a running sandbox's control API."""
    return httpx.Client(
        base_url=description["control"]["url"],
        headers={"Authorization": f"Bearer {description['control']['token']}"},
        trust_env=False,
    )
