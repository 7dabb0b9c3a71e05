"""A sandbox with its control API and both services at hand, in process: one person with two calendars at each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from app.sandbox.server import Sandbox
from app.sandbox.transport import InProcess
from app.sandbox.world import Clock

NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
ANA = "ana@example.com"
LEO = "leo@example.net"
SEED: dict[str, Any] = {
    "accounts": [
        {
            "provider": "google",
            "email": ANA,
            "time_zone": "Europe/Berlin",
            "calendars": [{"name": "Work", "primary": True}, {"name": "Second"}],
        },
        {
            "provider": "microsoft",
            "email": LEO,
            "time_zone": "Europe/Berlin",
            "calendars": [{"name": "Home", "primary": True}, {"name": "Club"}],
        },
    ]
}
WEEKLY: dict[str, Any] = {
    "title": "Choir",
    "start": "2026-03-09T19:00:00",
    "end": "2026-03-09T21:00:00",
    "time_zone": "Europe/Berlin",
    "rrule": ["RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=6"],
}


class ControlRoom:
    """Asks the control API and, with a token of its own, the services."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(random_seed=7, seed=SEED, clock=Clock(lambda: NOON))
        self.control = httpx.AsyncClient(
            transport=InProcess(self.sandbox.control_app),
            base_url="http://127.0.0.1",
            headers={"Authorization": f"Bearer {self.sandbox.control_token}"},
        )
        self.google = self._service("google", ANA, "/calendar/v3/")
        self.graph = self._service("microsoft", LEO, "/v1.0/")
        self.emails = {"google": ANA, "microsoft": LEO}

    def calendars(self, provider: str) -> list[str]:
        """The ids of that person's calendars."""
        return [str(row["id"]) for row in self.sandbox.provider(provider).calendars(self.emails[provider])]

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
        """The JSON of the control API's answer, None where there is none."""
        if body is not None:
            more["json"] = body
        answer = await self.control.request(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def make(self, provider: str, event: dict[str, Any]) -> dict[str, Any]:
        """An event in that person's first calendar."""
        made = await self.ask("POST", f"/calendars/{self.calendars(provider)[0]}/events", event, status=201)
        return dict(made)

    async def close(self) -> None:
        """End it."""
        for client in (self.control, self.google, self.graph):
            await client.aclose()
        self.sandbox.close()

    def _service(self, provider: str, email: str, path: str) -> httpx.AsyncClient:
        service = self.sandbox.provider(provider)
        token = service.issue_tokens(email, None, 3599)["access_token"]
        return httpx.AsyncClient(
            transport=InProcess(service.app),
            base_url=f"http://127.0.0.1{path}",
            headers={"Authorization": f"Bearer {token}"},
        )
