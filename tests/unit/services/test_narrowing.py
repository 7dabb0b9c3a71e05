"""Settings that let less through: told with their number before, and carried out without asking again after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.errors import ConflictError
from app.domain.pairs import DirectionSettings, FilteredLater, PairStatus, WordFilter
from app.domain.runs import HoldCause, RunStatus, Trigger
from app.services.views import PairChange
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import MONDAY, meeting, weekly
from tests.unit.services.test_sync import pair_of, settled

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def synced(world: CoreWorld) -> str:
    """Eight talks, three lunches and a series, all copied."""
    pair_id = await pair_of(world)
    for n in range(8):
        world.work.put(meeting(f"talk{n}", wall(MONDAY + timedelta(days=n), 9), title=f"Talk {n}"))
    for n in range(3):
        world.work.put(meeting(f"lunch{n}", wall(MONDAY + timedelta(days=n), 12), title=f"Lunch {n}"))
    world.work.put(weekly(hour=15))
    await world.core.sync.wait(world.core.sync.request(pair_id, Trigger.MANUAL).id, 5)
    assert len(world.home.living()) == 12
    return pair_id


def without(*words: str, later: FilteredLater = FilteredLater.REMOVE) -> PairChange:
    settings = DirectionSettings(filtered_later=later)
    return PairChange(
        settings=replace(settings, filters=replace(settings.filters, words=(WordFilter(words=words, only=False),)))
    )


async def test_what_would_go_is_told_by_number_and_name_and_nothing_is_changed(world: CoreWorld) -> None:
    pair_id = await synced(world)
    with pytest.raises(ConflictError) as told:
        await world.core.pairs.update(pair_id, without("lunch", "stand-up"), expected=0)
    assert told.value.code == "count_changed"
    assert [(one.field, one.message) for one in told.value.details] == [("expected", "4")]
    assert "4 copies go: “Lunch 0”, “Lunch 1”, “Lunch 2” and 1 more" in told.value.message
    assert world.core.pairs.get(pair_id).pair.settings.filters.words == ()
    await settled(world)
    assert len(world.home.living()) == 12


async def test_the_right_number_lets_many_go_without_asking_again(world: CoreWorld) -> None:
    pair_id = await synced(world)
    view = await world.core.pairs.update(pair_id, without("talk"), expected=8)
    await settled(world)
    assert len(world.home.living()) == 4
    await world.core.sync.wait(world.core.sync.request(view.pair.id, Trigger.MANUAL).id, 5)
    assert world.core.holds.list() == ()


async def test_without_a_number_many_are_held_as_before(world: CoreWorld) -> None:
    pair_id = await synced(world)
    await world.core.pairs.update(pair_id, without("talk"))
    await settled(world)
    assert [hold.cause for hold in world.core.holds.list()] == [HoldCause.FILTERS_NARROWED]
    assert len(world.home.living()) == 12


async def test_a_word_for_these_is_no_word_for_what_is_deleted_meanwhile(world: CoreWorld) -> None:
    pair_id = await synced(world)
    for n in range(8):
        world.work.remove(f"talk{n}")
    await world.core.pairs.update(pair_id, without("lunch"), expected=3)
    await settled(world)
    assert [hold.cause for hold in world.core.holds.list()] == [HoldCause.MASS_DELETE]
    assert len(world.home.living()) == 9, "the lunches went, the talks wait"


async def test_a_word_for_filters_that_were_widened_again_is_none_for_later_ones(world: CoreWorld) -> None:
    pair_id = await synced(world)
    await world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED))
    await world.core.pairs.update(pair_id, without("talk"), expected=8)
    await world.core.pairs.update(pair_id, PairChange(settings=DirectionSettings()))
    await world.core.pairs.update(pair_id, without("talk"))
    await world.core.pairs.update(pair_id, PairChange.resume())
    await settled(world)
    assert [hold.cause for hold in world.core.holds.list()] == [HoldCause.FILTERS_NARROWED]
    assert len(world.home.living()) == 12


async def test_a_word_for_filters_that_were_widened_again_is_none_for_an_emptied_calendar(world: CoreWorld) -> None:
    pair_id = await synced(world)
    await world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED))
    await world.core.pairs.update(pair_id, without("talk"), expected=8)
    await world.core.pairs.update(pair_id, PairChange(settings=DirectionSettings()))
    for event in world.work.living():
        world.work.remove(event.id)
    await world.core.pairs.update(pair_id, PairChange.resume())
    await settled(world)
    assert len(world.home.living()) == 12


async def test_a_word_outlives_a_pause(world: CoreWorld) -> None:
    pair_id = await synced(world)
    await world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED))
    await world.core.pairs.update(pair_id, without("talk"), expected=8)
    await world.core.pairs.update(pair_id, PairChange.resume())
    await settled(world)
    assert len(world.home.living()) == 4


async def test_what_takes_nothing_away_needs_no_word(world: CoreWorld) -> None:
    pair_id = await synced(world)
    await world.core.pairs.update(pair_id, without("lunch", later=FilteredLater.LEAVE), expected=0)
    await settled(world)
    assert len(world.home.living()) == 12
    run = world.core.history.runs().runs[0]
    assert run.status is RunStatus.SUCCESS


async def test_a_smaller_window_takes_nothing_away(world: CoreWorld) -> None:
    pair_id = await synced(world)
    change = PairChange(settings=DirectionSettings(window_ahead_days=1, window_back_days=1))
    await world.core.pairs.update(pair_id, change, expected=0)
    await settled(world)
    assert len(world.home.living()) == 12
