"""The sandbox without sockets: planted failures arrive as the transport errors that clients know."""

from __future__ import annotations

import httpx
import pytest

from app.sandbox.seed import GOOGLE_EMAIL
from app.sandbox.server import Sandbox
from app.sandbox.transport import InProcess

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("kind", "made"), [("reset_before", False), ("reset_after_commit", True), ("truncate", True)])
async def test_a_dropped_connection_is_a_read_error(kind: str, made: bool) -> None:
    sandbox = Sandbox()
    token = sandbox.google.issue_tokens(GOOGLE_EMAIL, None, 3599)["access_token"]
    sandbox.world.faults.add({"route": "POST **", "kind": kind, "nth": 1})
    async with httpx.AsyncClient(
        transport=InProcess(sandbox.google.app),
        base_url="http://127.0.0.1/calendar/v3",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        body = {"id": "dropped1", "start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
        with pytest.raises(httpx.ReadError):
            await client.post("/calendars/primary/events", json=body)
        assert ((await client.get("/calendars/primary/events/dropped1")).status_code == 200) is made
    assert sandbox.world.requests.entries()[0].status is None
    sandbox.close()
