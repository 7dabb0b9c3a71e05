"""A mailbox at the emulated Gmail for its contract tests, and a client that speaks to it with a token."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from app.sandbox.google import Google
from app.sandbox.google.scopes import PREFIX
from app.sandbox.world import Clock, World

EMAIL = "ana@example.com"
NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
READ = f"{PREFIX}gmail.readonly"
METADATA = f"{PREFIX}gmail.metadata"
MODIFY = f"{PREFIX}gmail.modify"


class GmailSide:
    """One account without mail."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World(clock=Clock(lambda: NOON))
        self.google = Google(self.world)
        if self.world.account(EMAIL) is None:
            self.google.seed_account({"email": EMAIL, "display_name": "Ana Moreau"})

    def turn(self, **switches: Any) -> None:
        """Turn Gmail's switches."""
        for name, value in switches.items():
            self.world.behaviour.set(f"google.gmail_{name}", value)

    def caller(self, *scopes: str) -> httpx.AsyncClient:
        """A client with a token for these scopes, else for reading and changing."""
        token = self.google.issue_tokens(EMAIL, list(scopes) or [MODIFY], 3599)["access_token"]
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.google.app),
            base_url="http://127.0.0.1/gmail/v1/users/me/",
            headers={"Authorization": f"Bearer {token}"},
        )

    async def get(self, path: str, *scopes: str, status: int = 200, **params: Any) -> dict[str, Any]:
        """The JSON of a GET that must have this status."""
        async with self.caller(*scopes) as client:
            answer = await client.get(path, params=params or None)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        """The JSON of a POST that must have this status, None without a body."""
        async with self.caller() as client:
            answer = await client.post(path, json=body) if body is not None else await client.post(path)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def found(self, q: str, **params: Any) -> list[str]:
        """The subjects that a search finds, in the order of the list."""
        page = await self.get("messages", q=q, **params)
        names = [row["id"] for row in page.get("messages", [])]
        return [self.subject(name) for name in names]

    def subject(self, message_id: str) -> str:
        """The subject of a message."""
        rows = self.google.mail.messages(EMAIL)
        return next(str(row["subject"]) for row in rows if row["id"] == message_id)

    def put(self, subject: str = "Hello", days_ago: float = 0, **fields: Any) -> dict[str, Any]:
        """A message that arrived so many days ago."""
        spec = {
            "from": "Leo Park <leo@example.net>",
            "to": [EMAIL],
            "subject": subject,
            "text": f"About {subject}.\n",
            "date": (self.world.clock.now() - timedelta(days=days_ago)).isoformat(),
            **fields,
        }
        return self.google.mail.deliver(EMAIL, spec)


def opened(text: str) -> bytes:
    """The bytes of unpadded base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def reason(answer: dict[str, Any]) -> tuple[int, str, str]:
    """Code, reason and status of an error."""
    error = answer["error"]
    return error["code"], error["errors"][0]["reason"], error["status"]
