"""On a metered connection what comes by itself waits, if that was chosen; what a person asks for goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.pairs import PairState
from app.domain.runs import Run, RunStatus, Trigger
from app.services.metered import CODE
from app.services.shapes import run as run_shape
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import meeting
from tests.unit.services.test_sync import MONDAY, pair_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    (tmp_path / "config").mkdir()
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def ran(world: CoreWorld, pair_id: str, trigger: Trigger) -> Run:
    asked = world.core.sync.request(pair_id, trigger)
    return (await world.core.sync.wait(asked.id, 20)).run


@pytest.mark.parametrize("trigger", [Trigger.SCHEDULED, Trigger.STARTUP, Trigger.RESUME, Trigger.PUSH])
async def test_what_comes_by_itself_is_skipped_with_its_reason_and_reads_nothing(
    world: CoreWorld, trigger: Trigger
) -> None:
    pair_id = await pair_of(world)
    await world.core.preferences.change(quiet_on_metered=True)
    world.network.is_metered = True
    world.work.requests.clear()
    ended = await ran(world, pair_id, trigger)
    assert (ended.status, ended.reason) == (RunStatus.SKIPPED, CODE)
    assert world.work.requests == []
    (view,) = world.core.pairs.list()
    assert view.state is PairState.WAITING
    assert "metered" in (view.problem or "")


@pytest.mark.parametrize("trigger", [Trigger.MANUAL, Trigger.API, Trigger.CHANGED, Trigger.RESUMED])
async def test_what_a_person_brought_about_goes_on(world: CoreWorld, trigger: Trigger) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await world.core.preferences.change(quiet_on_metered=True)
    world.network.is_metered = True
    assert (await ran(world, pair_id, trigger)).status is RunStatus.SUCCESS
    assert len(world.home.living()) == 1
    assert world.network.asked == 0


async def test_nobody_is_asked_where_it_was_not_chosen(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.network.is_metered = True
    assert (await ran(world, pair_id, Trigger.SCHEDULED)).status is RunStatus.SUCCESS
    assert world.network.asked == 0


@pytest.mark.parametrize("by_wish", [False, True])
async def test_what_waited_runs_once_when_the_connection_is_free_again_or_the_wish_is_taken_back(
    world: CoreWorld, by_wish: bool
) -> None:
    pair_id = await pair_of(world)
    await world.core.preferences.change(quiet_on_metered=True)
    world.network.becomes(metered=True)
    for _ in range(2):
        assert (await ran(world, pair_id, Trigger.SCHEDULED)).status is RunStatus.SKIPPED
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    before = len(world.core.history.runs().runs)
    if by_wish:
        await world.core.preferences.change(quiet_on_metered=False)
    else:
        world.network.becomes(metered=False)
        world.network.becomes(metered=False)
    (newest, *_) = world.core.history.runs().runs
    assert newest.trigger is Trigger.RESUME
    assert (await world.core.sync.wait(newest.id, 20)).run.status is RunStatus.SUCCESS
    assert len(world.core.history.runs().runs) == before + 1
    assert len(world.home.living()) == 1


async def test_nothing_runs_by_itself_when_nothing_waited(world: CoreWorld) -> None:
    await pair_of(world)
    await world.core.preferences.change(quiet_on_metered=True)
    before = len(world.core.history.runs().runs)
    world.network.becomes(metered=True)
    world.network.becomes(metered=False)
    assert len(world.core.history.runs().runs) == before


async def test_a_settings_file_that_cannot_be_read_takes_no_wish_back(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    await world.core.preferences.change(quiet_on_metered=True)
    world.network.is_metered = True
    config = world.core.info.config_file
    config.write_text("[sync", "utf-8")
    ended = await ran(world, pair_id, Trigger.SCHEDULED)
    assert (ended.status, ended.reason) == (RunStatus.SKIPPED, CODE)


async def test_the_answer_says_why_in_words(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    await world.core.preferences.change(quiet_on_metered=True)
    world.network.is_metered = True
    asked = world.core.sync.request(pair_id, Trigger.SCHEDULED)
    ended = await world.core.sync.wait(asked.id, 20)
    assert "metered" in str(run_shape(ended.run))
