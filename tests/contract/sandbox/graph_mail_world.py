"""A mailbox at the emulated Graph for its contract tests; `GraphClient` of `microsoft_client.py` speaks to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from app.sandbox.world import Clock, World
from tests.contract.sandbox.microsoft_client import EMAIL, GraphClient, Scene

NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


class MailScene(Scene):
    """One person without mail."""

    def __init__(self, world: World | None = None) -> None:
        super().__init__(world or World(clock=Clock(lambda: NOON)))
        self.mail = self.microsoft.mail

    def turn(self, **switches: Any) -> None:
        """Turn switches of the Microsoft side."""
        for name, value in switches.items():
            self.world.behaviour.set(f"microsoft.{name}", value)

    def put(self, subject: str = "Hello", days_ago: float = 0, **fields: Any) -> dict[str, Any]:
        """A message that arrived so many days ago."""
        spec = {
            "from": "Leo Park <leo@example.net>",
            "to": [EMAIL],
            "subject": subject,
            "text": f"About {subject}.\n",
            "date": (NOON - timedelta(days=days_ago)).isoformat(),
            **fields,
        }
        return self.mail.deliver(EMAIL, spec)

    def change(self, message: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The person changes a message."""
        return self.mail.change(EMAIL, message["id"], changes)

    def folder(self, name: str) -> str:
        """The id of a folder by its name in the control API."""
        return next(str(row["id"]) for row in self.mail.folders(EMAIL) if row["name"] == name)


async def mail_round(
    graph: GraphClient, link: str, size: int = 50, *, immutable: bool = True
) -> tuple[list[dict[str, Any]], str]:
    """Every row of a delta round of mail and the link for the next one."""
    rows: list[dict[str, Any]] = []
    while True:
        prefer = f"odata.maxpagesize={size}" + (', IdType="ImmutableId"' if immutable else "")
        page = await graph.get(link, headers={"Prefer": prefer})
        assert ("@odata.nextLink" in page) != ("@odata.deltaLink" in page)
        rows += page["value"]
        if "@odata.deltaLink" in page:
            return rows, str(page["@odata.deltaLink"])
        link = page["@odata.nextLink"]


def told(rows: list[dict[str, Any]]) -> list[str]:
    """Subjects of rows, `removed` for what was removed, `changed` for a row without subject."""
    return ["removed" if "@removed" in row else row.get("subject", "changed") for row in rows]
