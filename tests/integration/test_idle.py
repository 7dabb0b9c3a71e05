"""When nothing changed: one request a calendar, no write, whichever service is the source (`engine.md` §1, 8)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from app.domain.accounts import Provider
from tests.integration.oracle import assert_in_step, before
from tests.integration.playground import playground

NOTHING = {"created": 0, "updated": 0, "deleted": 0, "failed": 0, "held": 0}


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["blocker", "full"])
@pytest.mark.parametrize("source", [Provider.GOOGLE, Provider.MICROSOFT])
async def test_a_second_run_writes_nothing_and_an_idle_one_asks_each_calendar_once(
    tmp_path: Path, source: Provider, mode: str
) -> None:
    async with playground(tmp_path, source, mode) as play:
        then = before(play)
        first = await play.sync(runs=2)
        assert [run["status"] for run in first.runs] == ["success", "success"], first.words()
        assert first.runs[0]["counts"]["created"] > 20
        assert first.runs[1]["counts"].items() >= NOTHING.items(), first.words()
        assert_in_step(play, then)

        play.sandbox.world.requests.clear()
        idle = await play.sync(runs=3)
        assert [run["status"] for run in idle.runs] == ["success"] * 3
        assert all(run["counts"].items() >= NOTHING.items() for run in idle.runs)
        asked = Counter(f"{entry.provider} {entry.path}" for entry in play.sandbox.world.requests.entries())
        reads = {path: number for path, number in asked.items() if "/calendars/" in path}
        assert sorted(path.split()[0] for path in reads) == ["google", "microsoft"]
        assert set(reads.values()) == {3}
        # A new start has no access token: it asks for one at each service, and at Microsoft where to ask.
        signing_in = sum(number for path, number in asked.items() if path not in reads)
        assert signing_in <= 3, asked
        assert_in_step(play, then)
