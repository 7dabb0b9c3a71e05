"""*Make something happen* in the demo: it happens at the services, and the app finds out by itself, in its next run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from app.domain.errors import NotFoundError
from app.domain.runs import RunStatus, Trigger
from app.main import LocalHost
from app.sandbox.seed import GOOGLE_EMAIL
from app.services.core import Core
from app.services.demo import Demo
from app.services.happenings import DemoAct
from app.services.views import RollUp, RunView

pytestmark = pytest.mark.anyio

SECONDS = 60.0


@dataclass(frozen=True)
class Stage:
    """The demo, synced once, and its sandbox's control API."""

    core: Core
    demo: Demo
    control: httpx.AsyncClient
    home: str

    async def act(self, act: DemoAct) -> RunView:
        """Let it happen; the run that found out, at its end."""
        happened = await self.demo.happen(act)
        assert happened.sentence.endswith(".")
        assert happened.online == (act is not DemoAct.GO_OFFLINE)
        assert happened.run is not None
        assert happened.run.trigger is Trigger.SCHEDULED
        return await self.core.sync.wait(happened.run.id, SECONDS)

    async def events(self, calendar: str) -> list[dict[str, Any]]:
        """What is in a calendar."""
        answer = await self.control.get(f"/calendars/{calendar}/events")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["events"])

    async def copies(self) -> dict[str, tuple[str, str]]:
        """Start and end of everything in Home, by id."""
        return {event["id"]: (event["start"], event["end"]) for event in await self.events(self.home)}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The demo as `kalends demo` opens it."""
    host = LocalHost({"KALENDS_HOME": str(tmp_path / "home")})
    handle = await host.open("demo", serve=False)
    try:
        core = handle.core
        assert core.demo is not None
        ready = await core.demo.prepare()
        ended = await core.sync.wait(core.demo.sync(ready.pair).id, SECONDS)
        assert ended.run.status is RunStatus.SUCCESS
        control = host.sandbox_control("demo")
        assert control is not None
        headers = {"Authorization": f"Bearer {control.token}"}
        async with httpx.AsyncClient(base_url=control.url, headers=headers, trust_env=False) as client:
            rows = (await client.get("/accounts")).json()["accounts"][1]["calendars"]
            home = next(row["id"] for row in rows if row["primary"])
            yield Stage(core, core.demo, client, home)
    finally:
        await handle.stop()


async def test_a_moved_event_moves_its_copy(stage: Stage) -> None:
    before, work = await stage.copies(), await stage.events(GOOGLE_EMAIL)
    ended = await stage.act(DemoAct.MOVE_EVENT)
    assert (ended.run.status, ended.run.counts.updated, ended.run.counts.deleted) == (RunStatus.SUCCESS, 1, 0)
    after = await stage.copies()
    (moved,) = [event_id for event_id, times in after.items() if before[event_id] != times]
    assert set(after) == set(before)
    changed = [event for event in await stage.events(GOOGLE_EMAIL) if event not in work]
    assert len(changed) == 1
    assert after[moved] == (changed[0]["start"], changed[0]["end"])
    assert stage.core.status.overall().state is RollUp.UP_TO_DATE


async def test_what_is_moved_has_a_copy_even_when_something_shown_as_free_comes_sooner(stage: Stage) -> None:
    soon = datetime.now(ZoneInfo("Europe/Berlin")).replace(tzinfo=None, microsecond=0) + timedelta(minutes=5)
    free = {
        "title": "Perhaps",
        "start": soon.isoformat(),
        "end": (soon + timedelta(minutes=30)).isoformat(),
        "time_zone": "Europe/Berlin",
        "busy": "free",
    }
    made = await stage.control.post(f"/calendars/{GOOGLE_EMAIL}/events", json=free)
    assert made.status_code == 201, made.text
    ended = await stage.act(DemoAct.MOVE_EVENT)
    assert ended.run.counts.updated == 1


async def test_an_ended_sign_in_asks_to_reconnect(stage: Stage) -> None:
    before = await stage.copies()
    await stage.act(DemoAct.END_SIGN_IN)
    status = stage.core.status.overall()
    assert status.state is RollUp.NEEDS_SIGN_IN
    assert [(problem.code, problem.action) for problem in status.problems] == [("needs_signin", "reconnect")]
    assert await stage.copies() == before


async def test_being_offline_is_quiet_and_passes(stage: Stage) -> None:
    before = await stage.copies()
    ended = await stage.act(DemoAct.GO_OFFLINE)
    assert (ended.run.status, ended.run.reason) == (RunStatus.SKIPPED, "offline")
    status = stage.core.status.overall()
    assert (status.state, status.problems) == (RollUp.OFFLINE, ())
    back = await stage.act(DemoAct.GO_ONLINE)
    assert back.run.status is RunStatus.SUCCESS
    assert stage.core.status.overall().state is RollUp.UP_TO_DATE
    assert await stage.copies() == before


async def test_an_emptied_calendar_deletes_nothing_before_the_person_decided(stage: Stage) -> None:
    before = await stage.copies()
    ended = await stage.act(DemoAct.EMPTY_CALENDAR)
    assert await stage.events(GOOGLE_EMAIL) == []
    assert (ended.run.status, ended.run.counts.deleted) == (RunStatus.HELD, 0)
    assert stage.core.status.overall().state is RollUp.HELD
    assert await stage.copies() == before
    assert len(stage.core.holds.list()) == 1


async def test_an_emptied_calendar_has_no_event_left_to_move(stage: Stage) -> None:
    await stage.act(DemoAct.EMPTY_CALENDAR)
    with pytest.raises(NotFoundError):
        await stage.demo.happen(DemoAct.MOVE_EVENT)
