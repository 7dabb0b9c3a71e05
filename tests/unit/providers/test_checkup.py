"""What a check-up finds at the services: whether they answer, and what time it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.checkups import CheckStatus
from app.providers import checkup
from app.sandbox.server import Sandbox

pytestmark = pytest.mark.anyio


async def test_services_that_answer_tell_the_time_and_one_that_does_not_fails() -> None:
    sandbox = Sandbox()
    await sandbox.start()
    try:
        env = sandbox.description()["env"]
        bases = {"google": env["KALENDS_GOOGLE_API"], "microsoft": env["KALENDS_GRAPH_API"]}
        now = datetime.now(UTC)
        found = {one.id: one async for one in checkup.services({**bases, "gone": "http://127.0.0.1:9"}, now)}
        assert {key: one.status for key, one in found.items()} == {
            "network:google": CheckStatus.OK,
            "network:microsoft": CheckStatus.OK,
            "network:gone": CheckStatus.FAIL,
            "clock": CheckStatus.OK,
        }
        late = [one async for one in checkup.services(bases, now - timedelta(minutes=30))]
        assert (late[-1].id, late[-1].status) == ("clock", CheckStatus.WARN)
        assert "minutes behind" in late[-1].summary
        assert all(entry.method == "HEAD" for entry in sandbox.world.requests.entries())
    finally:
        await sandbox.stop()
