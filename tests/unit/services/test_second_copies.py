"""Second copies go on a person's word: only proved ones, shown first, and back again when it is undone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.accounts import Provider
from app.domain.errors import ConflictError, InputError
from app.domain.events import Event, Marker
from app.domain.identity import copy_id, google_event_id
from app.domain.pairs import Direction, DirectionSettings, Mode
from app.domain.runs import Run, RunStatus, Trigger, Undoable
from app.services.views import NewPair, RunView
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import MONDAY, meeting, weekly

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def synced(folder: Path, direction: Direction = Direction.A_TO_B) -> AsyncIterator[CoreWorld]:
    """*Work* with a meeting and a series, copied to *Home*."""
    world = CoreWorld(folder)
    try:
        ends = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
        world.work.put(meeting("one", wall(MONDAY, 9), title="Budget"))
        world.work.put(weekly("series", hour=14))
        settings = DirectionSettings(mode=Mode.FULL)
        world.core.pairs.create([NewPair(*ends, mode=Mode.FULL, direction=direction, settings=settings)])
        await sync(world)
        yield world
    finally:
        await world.close()


async def sync(world: CoreWorld) -> None:
    """One run that ends well."""
    run = world.core.sync.request(world.core.pairs.list()[0].pair.id, Trigger.MANUAL)
    assert (await ended(world, run)).run.status is RunStatus.SUCCESS


async def ended(world: CoreWorld, run: Run) -> RunView:
    """A run at its end."""
    return await world.core.sync.wait(run.id, 30)


def copy_of(world: CoreWorld, title: str) -> Event:
    """The copy with this title."""
    return next(e for e in living(world) if e.fields and e.fields.title == title)


def living(world: CoreWorld) -> list[Event]:
    """What is in *Home*."""
    return world.home.living()


def second(world: CoreWorld, title: str, generation: int = 1, new_title: str | None = None) -> Event:
    """Another copy of the same original, as another computer would have made it."""
    copy = copy_of(world, title)
    assert copy.marker is not None
    assert copy.fields is not None
    target = world.core.pairs.list()[0].pair.connection_b_id
    key = world.store.accounts.connection(target).calendar_key
    marker = Marker(copy.marker.direction_key, copy.marker.copy_key, generation, "other.1")
    event_id = google_event_id(copy_id(key, marker.copy_key, generation))
    fields = replace(copy.fields, title=new_title or title)
    return world.home.put(replace(copy, id=event_id, marker=marker, fields=fields))


async def test_a_second_copy_is_shown_and_goes_and_the_first_stays_followed(tmp_path: Path) -> None:
    async with synced(tmp_path) as world:
        first, other = copy_of(world, "Budget"), second(world, "Budget")
        (found,) = await world.core.second_copies.find()
        assert (found.event_id, found.found.stays.id, found.found.edited) == (other.id, first.id, False)
        assert not world.home.events[other.id].gone
        (run,) = await world.core.second_copies.remove(expected=1)
        view = await ended(world, run)
        assert (view.run.status, view.run.counts.deleted) == (RunStatus.SUCCESS, 1)
        assert [(one.reason, one.title) for one in view.actions] == [("command_duplicate", "Budget")]
        assert world.home.events[other.id].gone
        assert not world.home.events[first.id].gone
        written = len(world.home.log)
        await sync(world)
        assert len(world.home.log) == written
        assert await world.core.second_copies.find() == ()


async def test_the_undo_brings_it_back_as_an_event_of_its_own_that_stays(tmp_path: Path) -> None:
    async with synced(tmp_path) as world:
        second(world, "Budget")
        second(world, "Stand-up")
        (run,) = await world.core.second_copies.remove(expected=2)
        await ended(world, run)
        assert len(living(world)) == 2
        look = await world.core.undo.look(run.id)
        assert [change.state for change in look.changes] == [Undoable.POSSIBLE] * 2
        undone = await ended(world, world.core.undo.start(run.id))
        assert (undone.run.status, undone.run.counts.created) == (RunStatus.SUCCESS, 2)
        assert len(living(world)) == 4
        with pytest.raises(ConflictError) as refused:
            world.core.undo.start(run.id)
        assert refused.value.code == "already_undone"
        for _ in range(2):
            world.clock.advance(days=2)
            await sync(world)
        assert len(living(world)) == 4
        assert await world.core.second_copies.find() == ()


async def test_a_lost_answer_to_the_undo_makes_no_third_event(tmp_path: Path) -> None:
    async with synced(tmp_path) as world:
        second(world, "Budget")
        (run,) = await world.core.second_copies.remove(expected=1)
        await ended(world, run)
        world.home.lose_next("create")
        await ended(world, world.core.undo.start(run.id))
        await sync(world)
        direction = world.store.pairs.directions(world.core.pairs.list()[0].pair.id)[0]
        assert world.store.ledger.pending_intents(direction.id) == []
        assert (await world.core.undo.look(run.id)).undone == 1
        assert len([e for e in living(world) if e.fields and e.fields.title == "Budget"]) == 2


async def test_a_lost_answer_to_the_removal_is_settled_and_touches_nothing_else(tmp_path: Path) -> None:
    async with synced(tmp_path) as world:
        first, other = copy_of(world, "Budget"), second(world, "Budget")
        world.home.lose_next("delete")
        (run,) = await world.core.second_copies.remove(expected=1)
        assert (await ended(world, run)).run.status is RunStatus.PARTIAL
        await sync(world)
        assert world.home.events[other.id].gone
        assert not world.home.events[first.id].gone
        assert (await ended(world, world.core.undo.start(run.id))).run.counts.created == 1


async def test_one_that_somebody_edited_goes_only_when_it_is_named(tmp_path: Path) -> None:
    async with synced(tmp_path) as world:
        other = second(world, "Budget", new_title="Budget, room 5")
        (found,) = await world.core.second_copies.find()
        assert found.found.edited
        with pytest.raises(ConflictError) as refused:
            await world.core.second_copies.remove(expected=1)
        assert refused.value.code == "nothing_to_remove"
        (run,) = await world.core.second_copies.remove(expected=1, events=[other.id])
        assert (await ended(world, run)).run.counts.deleted == 1


async def test_nothing_of_a_person_is_ever_removed_however_alike(tmp_path: Path) -> None:
    async with synced(tmp_path) as world:
        copy = copy_of(world, "Budget")
        world.home.put(replace(copy, id="pasted", etag=""))
        world.home.put(replace(copy, id="typed", etag="", marker=None))
        assert await world.core.second_copies.find() == ()
        for one in ("pasted", "typed", copy.id):
            with pytest.raises(InputError):
                await world.core.second_copies.remove(expected=1, events=[one])
        assert len(living(world)) == 4


async def test_what_was_not_looked_at_does_not_go(tmp_path: Path) -> None:
    async with synced(tmp_path) as world:
        second(world, "Budget")
        second(world, "Stand-up")
        with pytest.raises(ConflictError) as refused:
            await world.core.second_copies.remove(expected=1)
        assert refused.value.code == "count_changed"
        assert len(living(world)) == 4


async def test_where_a_pair_goes_both_ways_one_goes_only_when_named_and_for_good(tmp_path: Path) -> None:
    """What came back would be an event of its own there, and get a copy beside its original."""
    async with synced(tmp_path, Direction.BIDIRECTIONAL) as world:
        other = second(world, "Budget")
        (found,) = await world.core.second_copies.find()
        assert not found.undoable
        with pytest.raises(ConflictError) as refused:
            await world.core.second_copies.remove(expected=1)
        assert refused.value.code == "nothing_to_remove"
        (run,) = await world.core.second_copies.remove(expected=1, events=[other.id])
        assert (await ended(world, run)).run.counts.deleted == 1
        look = await world.core.undo.look(run.id)
        assert [change.state for change in look.changes] == [Undoable.NOT_UNDOABLE]
        await ended(world, world.core.undo.start(run.id))
        await sync(world)
        assert [e.id for e in world.work.living() if e.fields and e.fields.title == "Budget"] == ["one"]
