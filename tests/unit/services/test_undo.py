"""Who may undo which run, for how long, and how an undo stands beside other runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.errors import ConflictError, InputError, NotFoundError
from app.domain.pairs import CopiesOnDelete, PairStatus
from app.domain.runs import Run, RunStatus, Trigger, Undoable
from app.services.maintenance import Maintenance
from app.services.views import PairChange, RunView, Viewer
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import MONDAY, meeting
from tests.unit.services.test_sync import pair_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def synced(world: CoreWorld) -> Run:
    """A pair whose newest run made one copy."""
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    return (await ended(world, world.core.sync.request(pair_id, Trigger.MANUAL))).run


async def ended(world: CoreWorld, run: Run) -> RunView:
    return await world.core.sync.wait(run.id, 5)


async def test_an_undo_is_a_run_of_its_own_with_a_story_also_while_its_pair_is_paused(world: CoreWorld) -> None:
    run = await synced(world)
    await world.core.pairs.update(run.pair_id, PairChange(status=PairStatus.PAUSED))
    view = await world.core.undo.look(run.id)
    assert [change.state for change in view.changes] == [Undoable.POSSIBLE]
    undone = await ended(world, world.core.undo.start(run.id))
    assert (undone.run.trigger, undone.run.status, undone.run.counts.deleted) == (Trigger.UNDO, RunStatus.SUCCESS, 1)
    assert [(action.verb, action.reason) for action in undone.actions] == [("delete", "command_undo")]
    with pytest.raises(ConflictError) as refused:
        world.core.undo.start(run.id)
    assert refused.value.code == "already_undone"


async def test_whoever_asks_for_a_sync_during_an_undo_gets_a_run_of_its_own(world: CoreWorld) -> None:
    run = await synced(world)
    undoing = world.core.undo.start(run.id)
    asked = world.core.sync.request(run.pair_id, Trigger.MANUAL)
    assert asked.id != undoing.id
    assert (await ended(world, asked)).run.status is RunStatus.SUCCESS
    assert (await ended(world, undoing)).run.counts.deleted == 1
    assert world.home.living() == [], "what was undone is not done again by the run after it"


async def test_after_thirty_days_a_run_cannot_be_undone_and_its_before_images_are_gone(world: CoreWorld) -> None:
    run = await synced(world)
    world.clock.advance(days=29)
    await Maintenance(world.store, world.clock).keep_up()
    assert world.store.ledger.journaled(run.id)
    world.clock.advance(days=2)
    with pytest.raises(ConflictError) as refused:
        await world.core.undo.look(run.id)
    assert refused.value.code == "undo_expired"
    await Maintenance(world.store, world.clock).keep_up()
    assert world.store.ledger.journaled(run.id) == []
    assert world.core.history.run(run.id).run.id == run.id, "the history stays for ninety days"


async def test_what_changed_nothing_what_is_unknown_and_a_calendar_that_was_let_go_are_refused(
    world: CoreWorld,
) -> None:
    run = await synced(world)
    quiet = (await ended(world, world.core.sync.request(run.pair_id, Trigger.MANUAL))).run
    with pytest.raises(ConflictError) as refused:
        world.core.undo.start(quiet.id)
    assert refused.value.code == "nothing_to_undo"
    with pytest.raises(InputError):
        world.core.undo.start(run.id, events={"no-such-event"})
    with pytest.raises(NotFoundError):
        world.core.undo.start(run.id, viewer=Viewer(pair_ids=frozenset({"pair_other"})))
    pair = world.core.pairs.get(run.pair_id).pair
    await world.core.pairs.delete(run.pair_id)
    world.store.accounts.remove_connection(pair.connection_b_id)
    with pytest.raises(ConflictError) as gone:
        world.core.undo.start(run.id)
    assert gone.value.code == "calendar_gone"


async def test_a_run_of_a_pair_that_was_deleted_since_can_be_undone_and_done_again(world: CoreWorld) -> None:
    run = await synced(world)
    await world.core.pairs.delete(run.pair_id)
    view = await world.core.undo.look(run.id)
    assert [change.state for change in view.changes] == [Undoable.POSSIBLE]
    undone = await ended(world, world.core.undo.start(run.id))
    assert (undone.run.status, undone.run.counts.deleted) == (RunStatus.SUCCESS, 1)
    assert world.home.living() == []
    again = await ended(world, world.core.undo.start(undone.run.id))
    assert (again.run.status, again.run.counts.created) == (RunStatus.SUCCESS, 1)
    assert len(world.home.living()) == 1


async def test_copies_that_went_with_their_pair_come_back_and_a_later_pair_finds_them(world: CoreWorld) -> None:
    run = await synced(world)
    (copy,) = world.home.living()
    removal = await world.core.pairs.delete(run.pair_id, CopiesOnDelete.REMOVE, 1)
    assert removal is not None
    assert (await ended(world, removal)).run.counts.deleted == 1
    with pytest.raises(NotFoundError):
        world.core.pairs.get(run.pair_id)
    back = await ended(world, world.core.undo.start(removal.id))
    assert (back.run.status, back.run.counts.created) == (RunStatus.SUCCESS, 1)
    (restored,) = world.home.living()
    assert restored.fields == copy.fields
    pair_id = await pair_of(world)
    await ended(world, world.core.sync.request(pair_id, Trigger.MANUAL))
    assert [event.id for event in world.home.living()] == [restored.id], "no second copy"


async def test_a_run_is_undone_in_a_direction_that_another_pair_took_over(world: CoreWorld) -> None:
    run = await synced(world)
    await world.core.pairs.delete(run.pair_id)
    pair_id = await pair_of(world)
    undone = await ended(world, world.core.undo.start(run.id))
    assert (undone.run.status, undone.run.counts.deleted) == (RunStatus.SUCCESS, 1)
    await ended(world, world.core.sync.request(pair_id, Trigger.MANUAL))
    assert world.home.living() == [], "what was undone is not done again by the pair that goes on"


async def test_who_did_not_see_the_pair_may_not_undo_its_runs_once_it_is_gone(world: CoreWorld) -> None:
    run = await synced(world)
    await world.core.pairs.delete(run.pair_id)
    with pytest.raises(NotFoundError):
        world.core.undo.start(run.id, viewer=Viewer(pair_ids=frozenset({"pair_other"})))
