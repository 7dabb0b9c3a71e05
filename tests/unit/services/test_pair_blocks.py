"""Blocks in pairs as services keep them: both ways at once, and buffers that cannot be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.accounts import Provider
from app.domain.errors import InputError
from app.domain.pairs import DirectionSettings
from app.services.views import NewPair, PairChange
from tests.fakes.calendar import FakeCalendar, wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import meeting
from tests.unit.services.test_sync import MONDAY, pair_of, run, settled

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


def copied(calendar: FakeCalendar) -> list[tuple[int, int]]:
    found = [event.fields.when for event in calendar.living() if event.marker is not None and event.fields is not None]
    return sorted((wall_hour(when.start), wall_hour(when.end)) for when in found)


def wall_hour(moment: object) -> int:
    return int(f"{moment:%H}")


async def test_each_way_merges_the_originals_of_its_side_and_echoes_write_nothing(world: CoreWorld) -> None:
    work = await world.connect(Provider.GOOGLE)
    home = await world.connect(Provider.MICROSOFT)
    (view,) = world.core.pairs.create([NewPair(work, home, settings=DirectionSettings(merge_touching=True))])
    await settled(world)
    for hour in (9, 10):
        world.work.put(meeting(f"a{hour}", wall(MONDAY, hour), minutes=60))
    for hour in (11, 12, 15):
        world.home.put(meeting(f"b{hour}", wall(MONDAY, hour), minutes=60))
    for _ in range(2):
        await run(world, view.pair.id)
    assert (copied(world.home), copied(world.work)) == ([(9, 11)], [(11, 13), (15, 16)])
    written = len(world.work.log) + len(world.home.log)
    for _ in range(2):
        await run(world, view.pair.id)
    assert len(world.work.log) + len(world.home.log) == written


@pytest.mark.parametrize("name", ["buffer_before_minutes", "buffer_after_minutes", "minimum_minutes"])
@pytest.mark.parametrize("minutes", [-1, 1441])
async def test_a_buffer_or_minimum_beyond_a_day_is_refused_by_name(world: CoreWorld, name: str, minutes: int) -> None:
    pair_id = await pair_of(world)
    wrong = DirectionSettings(**{name: minutes})  # type: ignore[arg-type]  # one of three numbers
    with pytest.raises(InputError) as refused:
        await world.core.pairs.update(pair_id, PairChange(settings=wrong))
    assert [one.field for one in refused.value.details] == [name]
