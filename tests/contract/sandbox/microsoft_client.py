"""A bare client of the sandbox's Graph for its contract tests: real HTTP requests through ASGI, nothing remembered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from starlette.types import ASGIApp

from app.sandbox.microsoft import Microsoft
from app.sandbox.world import World

EMAIL = "mia@outlook.com"
KEY = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name kalendsKey"
STAMP = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name kalendsStamp"
WINDOW = "startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-06-01T00:00:00Z"


class GraphClient:
    """Sends requests with a token and immutable ids, unless told otherwise."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost:5001")
        self._headers = {"Authorization": f"Bearer {token}", "Prefer": 'IdType="ImmutableId"'}

    async def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request; ``path`` is below /v1.0 or a whole link."""
        headers = {**self._headers, **more.pop("headers", {})}
        url = path if path.startswith("http") else f"/v1.0{path}"
        return await self._http.request(method, url, headers=headers, **more)

    async def get(self, path: str, status: int = 200, **more: Any) -> Any:
        """The JSON of a GET that must have this status."""
        response = await self.send("GET", path, **more)
        assert response.status_code == status, response.text
        return response.json()

    async def post(self, path: str, body: Any, status: int = 201, **more: Any) -> Any:
        """The JSON of a POST that must have this status."""
        response = await self.send("POST", path, json=body, **more)
        assert response.status_code == status, response.text
        return response.json()

    async def patch(self, path: str, body: Any, status: int = 200, **more: Any) -> Any:
        """The JSON of a PATCH that must have this status."""
        response = await self.send("PATCH", path, json=body, **more)
        assert response.status_code == status, response.text
        return response.json()

    async def delete(self, path: str, status: int = 204, **more: Any) -> None:
        """A DELETE that must have this status."""
        response = await self.send("DELETE", path, **more)
        assert response.status_code == status, response.text

    async def round(self, link: str, size: int = 50) -> tuple[list[dict[str, Any]], str]:
        """Every row of a delta round and the link for the next one."""
        rows: list[dict[str, Any]] = []
        while True:
            prefer = f'odata.maxpagesize={size}, IdType="ImmutableId"'
            page = await self.get(link, headers={"Prefer": prefer})
            rows += page["value"]
            assert ("@odata.nextLink" in page) != ("@odata.deltaLink" in page)
            if "@odata.deltaLink" in page:
                return rows, str(page["@odata.deltaLink"])
            link = page["@odata.nextLink"]


class Scene:
    """A world with one person, a default calendar *Home*, a second one *Club* and a read-only one *Holidays*."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self.microsoft = Microsoft(self.world)
        if self.world.account(EMAIL) is None:
            calendars = [
                {"name": "Home", "id": "HOME", "primary": True},
                {"name": "Club", "id": "CLUB"},
                {"name": "Holidays", "id": "HOLIDAYS", "role": "reader"},
            ]
            spec = {"email": EMAIL, "display_name": "Mia Roth", "time_zone": "Europe/Berlin", "calendars": calendars}
            self.microsoft.seed_account(spec)

    def client(self, *scopes: str) -> GraphClient:
        """A client with these scopes, all when none is named."""
        issued = self.microsoft.issue_tokens(EMAIL, list(scopes) or None, 3600)
        return GraphClient(self.microsoft.app, issued["access_token"])


def timed(
    subject: str, day: str, at: str = "09:00", end: str = "09:30", zone: str = "Europe/Berlin", **more: Any
) -> dict[str, Any]:
    """The JSON of a timed event."""
    return {
        "subject": subject,
        "start": {"dateTime": f"{day}T{at}:00", "timeZone": zone},
        "end": {"dateTime": f"{day}T{end}:00", "timeZone": zone},
        **more,
    }


def weekly(day: str, *days: str, **limits: Any) -> dict[str, Any]:
    """A weekly recurrence from ``day`` on."""
    return {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": list(days), "firstDayOfWeek": "monday"},
        "range": {"type": "noEnd", "startDate": day, **limits},
    }


def rows_of(rows: list[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    """The rows of a delta round of one type."""
    return (row for row in rows if row.get("type") == kind)
