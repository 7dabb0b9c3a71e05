"""Same seed, same requests: the same answers to the byte, in-process and over loopback, by the sandbox's own clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.sandbox.seed import GOOGLE_EMAIL, MICROSOFT_EMAIL
from app.sandbox.server import Sandbox
from app.sandbox.transport import InProcess
from app.sandbox.world import Clock

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
DAY = {"start": {"date": "2026-03-12"}, "end": {"date": "2026-03-13"}}
WEEKLY = {
    "subject": "Choir",
    "start": {"dateTime": "2026-03-12T19:00:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2026-03-12T21:00:00", "timeZone": "Europe/Berlin"},
    "recurrence": {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["thursday"]},
        "range": {"type": "numbered", "startDate": "2026-03-12", "numberOfOccurrences": 4},
    },
}
SERIES = {
    "title": "Choir",
    "start": "2026-03-09T19:00:00",
    "time_zone": "Europe/Berlin",
    "rrule": ["RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=6"],
}
TEXT = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260314T080000Z\r\nDURATION:PT1H\r\nSUMMARY:Early\r\nEND:VEVENT\r\n"
_EMAILS = {"google": GOOGLE_EMAIL, "microsoft": MICROSOFT_EMAIL}
WINDOW = "startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-05-01T00:00:00Z"
Answer = tuple[str, int, list[tuple[str, str]], str]


class Walk:
    """Asks both services the same questions in the same order, and keeps what they answered.

    Args:
        sandbox: it was just made or reset.
        google: a client of it; Graph's is `microsoft`.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        google: httpx.AsyncClient,
        microsoft: httpx.AsyncClient,
        control: httpx.AsyncClient,
    ) -> None:
        self._sandbox = sandbox
        self._clients = {"google": google, "microsoft": microsoft, "control": control}
        self.answers: list[Answer] = []

    async def all(self) -> list[Answer]:
        """Every answer: question, status, headers, body; the sandbox's own address replaced."""
        await self._google()
        await self._microsoft()
        await self._hands()
        return self.answers

    async def act(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the control API's answer, which is kept; a minute passes."""
        client = self._clients["control"]
        headers = {"Authorization": f"Bearer {self._sandbox.control_token}"}
        answer = await client.request(method, path, headers=headers, json=body)
        assert answer.status_code < 400, answer.text
        kept = [(name, value) for name, value in answer.headers.multi_items()]
        self.answers.append((f"{method} {path}", answer.status_code, kept, answer.text))
        self._sandbox.world.clock.advance(61)
        return answer.json() if answer.content else None

    async def ask(self, provider: str, method: str, path: str, **more: Any) -> Any:
        """The JSON of an answer, which is kept; a minute passes."""
        client = self._clients[provider]
        base = f"{client.base_url.scheme}://{client.base_url.netloc.decode()}"
        email = GOOGLE_EMAIL if provider == "google" else MICROSOFT_EMAIL
        # Access tokens are the one thing that never follows from the seed: nobody shall guess one.
        token = self._sandbox.provider(provider).issue_tokens(email, None, 3600)["access_token"]
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        answer = await client.request(method, path, headers=headers, **more)
        assert answer.status_code < 500, answer.text
        kept = [
            (name, value.replace(base, "BASE"))
            for name, value in answer.headers.multi_items()
            # A link holds the address, whose length is the port's.
            if not (name == "content-length" and base in answer.text)
        ]
        asked = f"{method} {path}".replace(base, "BASE")
        self.answers.append((asked, answer.status_code, kept, answer.text.replace(base, "BASE")))
        self._sandbox.world.clock.advance(61)
        return answer.json() if answer.content.startswith(b"{") else None

    async def _google(self) -> None:
        events = "/calendar/v3/calendars/primary/events"
        await self.ask("google", "GET", "/calendar/v3/users/me/calendarList")
        page = await self.ask("google", "GET", f"{events}?maxResults=7")
        while "nextPageToken" in page:
            page = await self.ask("google", "GET", f"{events}?maxResults=7&pageToken={page['nextPageToken']}")
        made = await self.ask("google", "POST", events, json={"summary": "Trip", **DAY})
        await self.ask("google", "PATCH", f"{events}/{made['id']}", json={"summary": "Long trip"})
        await self.ask("google", "GET", f"{events}?syncToken={page['nextSyncToken']}")
        call = f"GET {events}/{made['id']} HTTP/1.1\r\n\r\n"
        parts = [f"--b\r\nContent-Type: application/http\r\nContent-ID: <{one}>\r\n\r\n{call}\r\n" for one in "xy"]
        kind = {"Content-Type": "multipart/mixed; boundary=b"}
        await self.ask("google", "POST", "/batch/calendar/v3", headers=kind, content="".join(parts) + "--b--")
        await self.ask("google", "DELETE", f"{events}/{made['id']}")
        await self.ask("google", "DELETE", f"{events}/{made['id']}")
        await self.ask("google", "GET", f"{events}?syncToken=nonsense")

    async def _microsoft(self) -> None:
        small = {"Prefer": "odata.maxpagesize=5"}
        await self.ask("microsoft", "GET", "/v1.0/me")
        await self.ask("microsoft", "GET", "/v1.0/me/calendars")
        link = await self._round(f"/v1.0/me/calendarView/delta?{WINDOW}", small)
        made = await self.ask("microsoft", "POST", "/v1.0/me/events", json=WEEKLY)
        one = f"/v1.0/me/events/{made['id']}"
        await self.ask("microsoft", "PATCH", one, json={"subject": "Long choir"})
        link = await self._round(link, small)
        requests = [{"id": name, "method": "GET", "url": f"/me/events/{made['id']}"} for name in "uvwxyz"]
        await self.ask("microsoft", "POST", "/v1.0/$batch", json={"requests": requests})
        await self.ask("microsoft", "DELETE", one)
        await self._round(link, small)
        await self.ask("microsoft", "GET", one)

    async def _hands(self) -> None:
        """The control API: every act of a person, and planted chance."""
        for provider in self._sandbox.providers:
            first, second = [row["id"] for row in provider.calendars(_EMAILS[provider.name])][:2]
            here = f"/calendars/{first}/events"
            series = {**SERIES, "attendees": ["mia@example.org"]}
            made = await self.act("POST", here, series)
            await self.act(
                "POST", f"{here}/{made['id']}/split", {"at": "2026-03-23T19:00:00", "changes": {"title": "B"}}
            )
            single = await self.act("POST", here, {"ical": TEXT})
            await self.act("PATCH", f"{here}/{single['id']}", {"title": "Later"})
            await self.act("POST", f"{here}/{single['id']}/move", {"calendar": second, "start": "2026-03-14T08:00:00"})
            invited = await self.act("POST", here, {"title": "Talk", "start": "2026-03-15", "response": "needsAction"})
            await self.act("POST", f"{here}/{invited['id']}/respond", {"response": "accepted"})
            await self.act("DELETE", f"{here}/{invited['id']}")
            await self.act("GET", here)
        await self.act("POST", "/faults", {"route": "google:GET **", "kind": "status", "status": 429, "rate": 0.5})
        for _ in range(12):
            await self.ask("google", "GET", "/calendar/v3/colors")
        await self.act("DELETE", "/faults")
        await self.act("PATCH", "/behaviour", {"google.restore_by_patch": "refuse"})
        await self.act("PUT", "/clock", {"now": "2026-05-01T00:00:00Z"})
        await self.act("POST", "/accounts", {"provider": "google", "email": "leo@example.org"})
        await self.act("PATCH", "/accounts/leo@example.org", {"testing_mode": True, "expire_access": True})
        for path in ("/accounts", "/outbox", "/requests", "/clock"):
            await self.act("GET", path)

    async def _round(self, link: str, headers: dict[str, str]) -> str:
        while True:
            page = await self.ask("microsoft", "GET", link, headers=headers)
            if "@odata.deltaLink" in page:
                return str(page["@odata.deltaLink"])
            link = page["@odata.nextLink"]


def _sandbox(random_seed: int = 7) -> Sandbox:
    return Sandbox(random_seed=random_seed, clock=Clock(lambda: NOON))


@asynccontextmanager
async def _inside(sandbox: Sandbox) -> AsyncIterator[Walk]:
    google, microsoft, control = (
        httpx.AsyncClient(transport=InProcess(app), base_url="http://127.0.0.1")
        for app in (*(one.app for one in sandbox.providers), sandbox.control_app)
    )
    async with google, microsoft, control:
        yield Walk(sandbox, google, microsoft, control)


async def _walk_inside(random_seed: int = 7) -> list[Answer]:
    sandbox = _sandbox(random_seed)
    async with _inside(sandbox) as walk:
        answers = await walk.all()
    sandbox.close()
    return answers


async def test_two_sandboxes_of_one_seed_answer_alike_to_the_byte() -> None:
    first = await _walk_inside()
    assert len(first) > 25
    assert await _walk_inside() == first
    assert await _walk_inside(random_seed=8) != first


async def test_in_process_and_over_loopback_the_answers_are_the_same() -> None:
    sandbox = _sandbox()
    await sandbox.start()
    description = sandbox.description()
    addresses = (
        description["google"]["calendar_api"].removesuffix("/calendar/v3"),
        description["microsoft"]["graph_api"].removesuffix("/v1.0"),
        description["control"]["url"],
    )
    google, microsoft, control = (httpx.AsyncClient(base_url=address, trust_env=False) for address in addresses)
    try:
        async with google, microsoft, control:
            over_loopback = await Walk(sandbox, google, microsoft, control).all()
    finally:
        await sandbox.stop()
    assert over_loopback == await _walk_inside()


async def test_after_a_reset_the_same_questions_have_the_same_answers() -> None:
    sandbox = _sandbox()
    async with _inside(sandbox) as walk:
        first = await walk.all()
    sandbox.reset()
    async with _inside(sandbox) as walk:
        assert await walk.all() == first
    sandbox.close()


async def test_the_answers_follow_the_sandboxs_clock_and_no_other() -> None:
    later = Sandbox(random_seed=7, clock=Clock(lambda: NOON + timedelta(days=400)))
    later.world.clock.advance(-400 * 86400)
    early = _sandbox()
    stamps = []
    for sandbox in (early, later):
        async with _inside(sandbox) as walk:
            events = "/calendar/v3/calendars/primary/events"
            made = await walk.ask("google", "POST", events, json={"summary": "Trip", **DAY})
            stamps.append((made["created"], made["updated"]))
        sandbox.close()
    assert stamps[0] == stamps[1] == ("2026-03-09T12:00:00.000Z", "2026-03-09T12:00:00.000Z")
