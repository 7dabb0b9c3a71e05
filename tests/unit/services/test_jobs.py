"""Turns and ends of runs: whatever happens, a run ends in the history and whoever waits is woken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.errors import ConflictError, KalendsError, NotFoundError, StorageError
from app.domain.notices import Topic
from app.domain.pairs import CopiesOnDelete, Direction, DirectionSettings, PairState, PairStatus
from app.domain.runs import Run, RunStatus, Trigger
from app.services import jobs
from app.services.views import NewPair, PairChange
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import meeting
from tests.unit.services.test_sync import MONDAY, pair_of, run, settled

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def held_up(world: CoreWorld, pair_id: str, *, dry: bool = False) -> Run:
    """A run that waits in the middle of reading *Home*; open `world.home.gate` to let it go on."""
    world.home.gate, world.home.waiting = asyncio.Event(), asyncio.Event()
    going = world.core.sync.request(pair_id, Trigger.SCHEDULED, dry=dry)
    await asyncio.wait_for(world.home.waiting.wait(), 5)
    return going


def status_of(world: CoreWorld, run_id: str) -> RunStatus:
    return world.core.history.run(run_id).run.status


async def test_a_run_whose_task_is_cancelled_before_its_first_step_ends_and_wakes_who_waits(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    before = asyncio.all_tasks()
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    for task in asyncio.all_tasks() - before:
        task.cancel()
    view = await world.core.sync.wait(asked.id, 5)
    assert (view.run.status, view.run.reason) == (RunStatus.INTERRUPTED, "stopped")
    assert world.core.pairs.get(pair_id).state is not PairState.QUEUED
    assert await run(world, pair_id) is RunStatus.SUCCESS


async def test_a_run_whose_end_cannot_be_recorded_still_ends_and_is_recorded_later(
    world: CoreWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair_id = await pair_of(world)
    finish = world.store.runs.finish
    broken = True

    def finish_unless_full(ended: Run) -> None:
        if broken:
            raise StorageError("The disk is full.", code="database_full")
        finish(ended)

    monkeypatch.setattr(world.store.runs, "finish", finish_unless_full)
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    view = await asyncio.wait_for(world.core.sync.wait(asked.id, 5), 5)
    assert view.run.status is RunStatus.SUCCESS
    assert world.core.sync.job_state(pair_id) is None
    broken = False
    await run(world, pair_id)
    assert status_of(world, asked.id) is RunStatus.SUCCESS


async def test_a_full_disk_is_named_by_the_run_it_ends(world: CoreWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    pair_id = await pair_of(world)

    def full(*_: object, **__: object) -> None:
        raise StorageError("The disk is full.", code="database_full")

    monkeypatch.setattr(world.store.runs, "start", full)
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    view = await world.core.sync.wait(asked.id, 5)
    assert [(error.code, error.message) for error in view.run.errors] == [("database_full", "The disk is full.")]


async def test_a_request_while_a_run_is_being_stopped_gets_a_run_of_its_own(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    stopped = await held_up(world, pair_id)
    changing = asyncio.create_task(
        world.core.pairs.update(pair_id, PairChange(settings=DirectionSettings(title="Away")))
    )
    await asyncio.sleep(0)
    late = world.work.put(meeting("late", wall(MONDAY, 9)))
    asked = world.core.sync.request(pair_id, Trigger.API)
    assert asked.id != stopped.id
    assert world.home.gate is not None
    world.home.gate.set()
    await changing
    view = await world.core.sync.wait(asked.id, 5)
    assert view.run.status is RunStatus.SUCCESS
    assert late.id in {action.original_id for action in view.actions}
    assert status_of(world, stopped.id) is RunStatus.INTERRUPTED


async def test_pausing_a_pair_whose_run_waits_for_its_turn_ends_that_run_at_once(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    dry = await held_up(world, pair_id, dry=True)
    queued = world.core.sync.request(pair_id, Trigger.SCHEDULED)
    await asyncio.sleep(0)
    view = await asyncio.wait_for(world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED)), 5)
    assert view.state is PairState.PAUSED
    assert status_of(world, queued.id) is RunStatus.INTERRUPTED
    assert status_of(world, dry.id) is RunStatus.RUNNING
    assert world.home.gate is not None
    world.home.gate.set()
    await world.core.sync.wait(dry.id, 5)
    assert status_of(world, dry.id) is RunStatus.SUCCESS


async def test_dry_runs_that_wait_for_their_pair_keep_no_other_pair_from_running(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    others = {v.connection.name: v.connection.id for v in world.core.connections.list()}
    new = NewPair(others["Work, read only"], others["Home"], direction=Direction.A_TO_B, status=PairStatus.PAUSED)
    (other,) = world.core.pairs.create([new])
    going = await held_up(world, pair_id)
    waiting = [world.core.sync.request(pair_id, Trigger.API, dry=True) for _ in range(jobs.RUNS_AT_ONCE)]
    asked = world.core.sync.request(other.pair.id, Trigger.API, dry=True)
    for _ in range(20):
        await asyncio.sleep(0)
    assert status_of(world, asked.id) is RunStatus.RUNNING
    assert {status_of(world, one.id) for one in waiting} == {RunStatus.QUEUED}
    assert world.home.gate is not None
    world.home.gate.set()
    for one in (going, asked, *waiting):
        await world.core.sync.wait(one.id, 5)


async def test_a_second_pause_waits_for_the_write_under_way_like_the_first(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    await held_up(world, pair_id)
    pauses = [
        asyncio.create_task(world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED))) for _ in range(2)
    ]
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(pause.done() for pause in pauses)
    assert world.home.gate is not None
    world.home.gate.set()
    assert {view.state for view in await asyncio.gather(*pauses)} == {PairState.PAUSED}


async def test_a_change_of_settings_and_a_pause_at_once_end_paused_and_both_succeed(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    await held_up(world, pair_id)
    change = PairChange(settings=DirectionSettings(title="Away"))
    changing = asyncio.create_task(world.core.pairs.update(pair_id, change))
    await asyncio.sleep(0)
    pausing = asyncio.create_task(world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED)))
    await asyncio.sleep(0)
    assert world.home.gate is not None
    world.home.gate.set()
    await asyncio.gather(changing, pausing)
    view = world.core.pairs.get(pair_id)
    assert (view.state, view.pair.settings.title) == (PairState.PAUSED, "Away")


async def test_pausing_everything_marks_every_pair_before_it_waits_for_one(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    ids = {v.connection.name: v.connection.id for v in world.core.connections.list()}
    world.core.pairs.create([NewPair(ids["Work, read only"], ids["Home"], direction=Direction.A_TO_B)])
    await settled(world)
    await held_up(world, pair_id)
    pausing = asyncio.create_task(world.core.pairs.pause_all(reason="travel"))
    await asyncio.sleep(0)
    assert {view.pair.status for view in world.core.pairs.list()} == {PairStatus.PAUSED}
    assert world.home.gate is not None
    world.home.gate.set()
    assert len(await pausing) == 2
    assert {view.problem for view in world.core.pairs.list()} == {"travel"}


async def test_a_dry_run_of_a_pair_that_is_deleted_meanwhile_is_skipped_not_a_fault(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    await held_up(world, pair_id)
    deleting = asyncio.create_task(world.core.pairs.delete(pair_id))
    await asyncio.sleep(0)
    dry = world.core.sync.request(pair_id, Trigger.API, dry=True)
    assert world.home.gate is not None
    world.home.gate.set()
    await deleting
    view = await world.core.sync.wait(dry.id, 5)
    assert (view.run.status, view.run.reason) == (RunStatus.SKIPPED, "pair_deleted")


async def test_deleting_with_copies_twice_is_one_wipe_and_the_pair_stays_until_it_is_done(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    for n in range(3):
        world.work.put(meeting(f"a{n}", wall(MONDAY, 9 + n)))
    await run(world, pair_id)
    world.home.gate, world.home.waiting = asyncio.Event(), asyncio.Event()
    first = await world.core.pairs.delete(pair_id, CopiesOnDelete.REMOVE, expected=3)
    second = await world.core.pairs.delete(pair_id, CopiesOnDelete.REMOVE, expected=3)
    assert first is not None
    assert second is not None
    assert first.id == second.id
    with pytest.raises(ConflictError):
        await world.core.pairs.update(pair_id, PairChange.resume())
    with pytest.raises(ConflictError):
        await world.core.pairs.delete(pair_id, CopiesOnDelete.RELEASE)
    with pytest.raises(ConflictError):
        await world.core.pairs.delete(pair_id, CopiesOnDelete.KEEP)
    assert world.core.pairs.resume_all() == ()
    world.home.gate.set()
    view = await world.core.sync.wait(first.id, 5)
    assert (view.run.status, view.run.counts.deleted) == (RunStatus.SUCCESS, 3)
    with pytest.raises(NotFoundError):
        world.core.pairs.get(pair_id)


async def test_two_deletions_at_the_same_moment_are_one_wipe(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    await held_up(world, pair_id)
    deletions = [
        asyncio.create_task(world.core.pairs.delete(pair_id, CopiesOnDelete.REMOVE, expected=1)) for _ in range(2)
    ]
    for _ in range(5):
        await asyncio.sleep(0)
    assert world.home.gate is not None
    world.home.gate.set()
    first, second = await asyncio.gather(*deletions)
    assert first is not None
    assert second is not None
    assert first.id == second.id
    await world.core.sync.wait(first.id, 5)
    assert world.home.living() == []


async def test_a_wipe_that_fails_leaves_the_pair_paused_to_be_deleted_again(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    world.home.broken = KalendsError("No connection.", code="offline")
    going = await world.core.pairs.delete(pair_id, CopiesOnDelete.REMOVE, expected=1)
    assert going is not None
    assert (await world.core.sync.wait(going.id, 5)).run.status is RunStatus.FAILED
    assert world.core.pairs.get(pair_id).pair.status is PairStatus.PAUSED
    assert len(world.home.living()) == 1
    world.home.broken = None
    again = await world.core.pairs.delete(pair_id, CopiesOnDelete.REMOVE, expected=1)
    assert again is not None
    assert (await world.core.sync.wait(again.id, 5)).run.status is RunStatus.SUCCESS
    assert world.home.living() == []


async def test_a_count_that_changes_while_a_run_ends_stops_the_wipe_and_the_pair_goes_on(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    going = await held_up(world, pair_id)
    deleting = asyncio.create_task(world.core.pairs.delete(pair_id, CopiesOnDelete.REMOVE, expected=1))
    await asyncio.sleep(0)
    (copy,) = world.store.ledger.copies(world.store.pairs.directions(pair_id)[0].id, None)
    world.store.ledger.save([], [replace(copy, copy_key="another", event_id="another")])
    assert world.home.gate is not None
    world.home.gate.set()
    with pytest.raises(ConflictError) as refused:
        await deleting
    assert (refused.value.code, refused.value.details[0].message) == ("count_changed", "2")
    await world.core.sync.wait(going.id, 5)
    assert world.core.pairs.get(pair_id).pair.status is PairStatus.ACTIVE


async def test_a_new_pair_of_the_same_calendars_waits_for_a_run_of_the_old_one(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    view = world.core.pairs.get(pair_id)
    ends = (view.pair.connection_a_id, view.pair.connection_b_id)
    dry_going = world.core.sync.request(pair_id, Trigger.API, dry=True)
    await world.core.sync.wait(dry_going.id, 5)
    going = await held_up(world, pair_id)
    back = NewPair(ends[1], ends[0], direction=Direction.A_TO_B)
    (other,) = world.core.pairs.create([back])
    for _ in range(20):
        await asyncio.sleep(0)
    assert world.core.sync.job_state(other.pair.id) is RunStatus.QUEUED
    assert world.home.gate is not None
    world.home.gate.set()
    await world.core.sync.wait(going.id, 5)
    await settled(world)
    assert world.core.pairs.get(other.pair.id).state is PairState.UP_TO_DATE


async def test_stopping_records_a_run_that_hangs_and_one_that_waits(
    world: CoreWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "STOP_SECONDS", 1.05)
    pair_id = await pair_of(world)
    hanging = await held_up(world, pair_id)
    waiting = world.core.sync.request(pair_id, Trigger.API, dry=True)
    await asyncio.wait_for(world.core.sync.stop(), 5)
    assert {status_of(world, one.id) for one in (hanging, waiting)} == {RunStatus.INTERRUPTED}


async def test_nothing_can_be_asked_for_once_the_app_stops(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    await world.core.sync.stop()
    for dry in (False, True):
        with pytest.raises(KalendsError) as refused:
            world.core.sync.request(pair_id, Trigger.MANUAL, dry=dry)
        assert refused.value.code == "unavailable"
    assert all(asked.status.ended for asked in world.core.history.runs().runs)


async def test_a_deleted_pair_is_announced_when_its_copies_are_away(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    subscription = world.core.notices.subscribe()
    going = await world.core.pairs.delete(pair_id, CopiesOnDelete.RELEASE)
    assert going is not None
    topics = []
    while Topic.RUN_FINISHED not in topics:
        topics.append((await asyncio.wait_for(subscription.next(), 5)).topic)
    assert Topic.PAIR_REMOVED in topics
