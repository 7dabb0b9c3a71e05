"""The leak check reads blocks from their calendar and finds every word on them; duplicates tell who made each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.accounts import Provider
from app.domain.events import GuestList, Visibility
from app.domain.pairs import Direction, DirectionSettings, Mode
from app.domain.runs import RunStatus, Trigger
from app.services.duplicates import Alike, MadeBy
from app.services.views import NewPair
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import MONDAY, meeting, weekly

pytestmark = pytest.mark.anyio

SECRET: dict[str, Any] = {"text": "Salaries", "place": "Room 1", "link": "https://meet.example.com/x"}


@asynccontextmanager
async def synced(folder: Path, mode: Mode = Mode.BLOCKER) -> AsyncIterator[CoreWorld]:
    """*Work* with a meeting, a private one and a series, copied to *Home*."""
    world = CoreWorld(folder)
    try:
        ends = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
        world.work.put(meeting("open", wall(MONDAY, 9), title="Budget", fields=SECRET))
        hidden = SECRET | {"visibility": Visibility.PRIVATE}
        world.work.put(meeting("hidden", wall(MONDAY, 11), title="Doctor", fields=hidden))
        world.work.put(weekly("series"))
        settings = DirectionSettings(mode=mode)
        new = NewPair(*ends, mode=mode, direction=Direction.A_TO_B, settings=settings)
        world.core.pairs.create([new])
        await sync(world)
        yield world
    finally:
        await world.close()


async def sync(world: CoreWorld) -> None:
    """One run that ends well."""
    run = world.core.sync.request(world.core.pairs.list()[0].pair.id, Trigger.MANUAL)
    assert (await world.core.sync.wait(run.id, 30)).run.status is RunStatus.SUCCESS


def copy_at(world: CoreWorld, hour: int) -> str:
    """Id of the copy that starts at this hour."""
    return next(e.id for e in world.home.events.values() if e.fields and e.fields.when.start == wall(MONDAY, hour))


async def test_blocks_are_proved_to_tell_nothing(tmp_path: Path) -> None:
    async with synced(tmp_path) as world:
        found = await world.core.questions.leaks.check()
        assert (found.checked, found.gone, found.unanswered, found.leaks) == (3, 0, 0, ())


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"title": "Busy: Budget"}, "title"),
        ({"text": "Salaries"}, "text"),
        ({"place": "Room 1"}, "place"),
        ({"link": "https://meet.example.com/x"}, "link"),
        ({"guests": GuestList(("Jonas Weber",))}, "guests"),
        ({"html": '<img src="https://a.example/b">'}, "text"),
    ],
)
async def test_every_word_on_a_block_is_found_where_it_is_and_not_repeated(
    tmp_path: Path, change: dict[str, Any], name: str
) -> None:
    async with synced(tmp_path) as world:
        event = world.home.events[copy_at(world, 11)]
        assert event.fields is not None
        # Straight at the service: the view knows nothing of it, the check reads the calendar itself.
        world.home.put(replace(event, fields=replace(event.fields, **change)))
        (leak,) = (await world.core.questions.leaks.check()).leaks
        assert (leak.event_id, leak.fields) == (event.id, (name,))


async def test_guests_on_a_block_are_found_and_what_cannot_be_read_is_not_called_clean(tmp_path: Path) -> None:
    async with synced(tmp_path) as world:
        world.home.put(replace(world.home.events[copy_at(world, 9)], guests=True))
        world.home.script.unanswered.add(copy_at(world, 11))
        found = await world.core.questions.leaks.check(pair_id=world.core.pairs.list()[0].pair.id)
        assert [leak.fields for leak in found.leaks] == [("guests",)]
        assert found.unanswered == 1


async def test_of_a_pair_that_shows_its_events_only_the_private_ones_are_checked(tmp_path: Path) -> None:
    async with synced(tmp_path, Mode.FULL) as world:
        found = await world.core.questions.leaks.check()
        assert (found.checked, found.leaks) == (1, ())
        event = world.home.events[copy_at(world, 11)]
        assert event.fields is not None
        world.home.put(replace(event, fields=replace(event.fields, title="Doctor")))
        assert len((await world.core.questions.leaks.check()).leaks) == 1


async def test_what_a_person_pasted_is_shown_beside_the_copy_it_came_from(tmp_path: Path) -> None:
    async with synced(tmp_path) as world:
        copy = world.home.events[copy_at(world, 9)]
        world.home.put(replace(copy, id="pasted", etag=""))
        await sync(world)
        groups, total = await world.core.questions.duplicates.find()
        assert total == len(groups) == 1
        assert groups[0].alike is Alike.TIME_AND_TITLE
        assert {one.event.id: one.made_by for one in groups[0].members} == {
            copy.id: MadeBy.COPY,
            "pasted": MadeBy.STRAY,
        }


async def test_two_events_of_people_that_are_alike_are_shown_and_two_blocks_of_two_originals_are_not(
    tmp_path: Path,
) -> None:
    async with synced(tmp_path) as world:
        world.work.put(meeting("twice", wall(MONDAY, 9), title="budget "))
        await sync(world)
        await sync(world)
        groups, _ = await world.core.questions.duplicates.find()
        assert [group.where.connection.name for group in groups] == ["Work"]
        assert {one.made_by for one in groups[0].members} == {MadeBy.PERSON}
