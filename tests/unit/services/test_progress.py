"""A run tells how far it is, can be stopped alone, and keeps what it did whatever ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.domain.accounts import Provider
from app.domain.errors import AuthExpiredError, NotFoundError
from app.domain.notices import Notice, Topic
from app.domain.pairs import CopiesOnDelete, Direction, Mode, PairState, PairStatus
from app.domain.runs import Phase, RunStatus, Trigger
from app.services import shapes
from app.services.sync import DUPLICATES, RESTORE, STOPPED_BY_PERSON, UNDO
from app.services.views import NewPair, PairChange, Progress
from tests.fakes.calendar import GOOGLE_LIKE, wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import meeting

pytestmark = pytest.mark.anyio
MONDAY = date(2026, 11, 23)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    # Requests of two events, one at a time: a run has many ends to stop at.
    world.home.capabilities = replace(GOOGLE_LIKE, batch=2)
    yield world
    await world.close()


async def pair_of(world: CoreWorld, status: PairStatus = PairStatus.ACTIVE) -> str:
    """An idle pair from *Work* to *Home*."""
    work = await world.connect(Provider.GOOGLE)
    home = await world.connect(Provider.MICROSOFT)
    new = NewPair(work, home, mode=Mode.FULL, direction=Direction.A_TO_B, status=status)
    (view,) = world.core.pairs.create([new])
    for run in world.core.history.runs().runs:
        await world.core.sync.wait(run.id, 5)
    return view.pair.id


def fill(world: CoreWorld, number: int) -> None:
    for hour in range(number):
        world.work.put(meeting(f"a{hour}", wall(MONDAY, 8) + timedelta(hours=hour)))


def at_request(world: CoreWorld, number: int, act: Callable[[], None], name: str = "write") -> None:
    """Do something just before a request of this name to *Home* is answered, counted from one."""
    seen = [0]

    def before(asked: str) -> None:
        if asked == name:
            seen[0] += 1
            if seen[0] == number:
                act()

    world.home.script.before = before


def once_each(world: CoreWorld) -> list[str]:
    titles = [event.fields.title for event in world.home.living() if event.fields is not None]
    return sorted(titles)


# -- progress ----------------------------------------------------------------------------------------------------------


async def test_a_run_under_way_is_shown_with_its_phase_and_numbers(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    fill(world, 5)
    seen: list[Progress | None] = []
    at_request(world, 3, lambda: seen.append(world.core.pairs.get(pair_id).progress))
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    assert world.core.pairs.get(pair_id).progress == Progress(pair_id, asked.id)
    await world.core.sync.wait(asked.id, 5)
    assert seen == [Progress(pair_id, asked.id, Phase.WRITING, 4, 5)]
    assert seen[0] is not None
    assert (seen[0].sentence, seen[0].short) == ("Copying 4 of 5 events…", "4 of 5")
    assert world.core.pairs.get(pair_id).progress is None


async def test_the_status_names_every_run_under_way_as_json_too(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.home.gate, world.home.waiting = asyncio.Event(), asyncio.Event()
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    await asyncio.wait_for(world.home.waiting.wait(), 5)
    assert shapes.status(world.core.status.overall())["syncing"] == [
        {
            "pair_id": pair_id,
            "sync_id": asked.id,
            "phase": "reading",
            "done": 0,
            "total": 0,
            "stopping": False,
            "sentence": "Reading the calendars…",
        }
    ]
    world.home.gate.set()
    await world.core.sync.wait(asked.id, 5)
    assert world.core.status.overall().syncing == ()


async def test_progress_is_announced_at_a_new_phase_and_then_not_for_every_event(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    fill(world, 12)
    heard: list[object] = []

    def hear(notice: Notice) -> None:
        if notice.topic is Topic.RUN_PROGRESS:
            heard.append(notice.data["progress"])

    stop_listening = world.core.notices.listen(hear)
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    await world.core.sync.wait(asked.id, 5)
    stop_listening()
    # The test's clock stands still: only the turns to something else are told.
    assert [one.phase for one in heard if isinstance(one, Progress)] == [Phase.READING, Phase.COMPARING, Phase.WRITING]


# -- stopping ----------------------------------------------------------------------------------------------------------


async def test_a_stopped_run_ends_after_what_it_began_and_the_next_one_finishes_without_doubles(
    world: CoreWorld,
) -> None:
    pair_id = await pair_of(world)
    fill(world, 7)

    def stop() -> None:
        world.core.sync.interrupt(pair_id)

    at_request(world, 2, stop)
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    view = await world.core.sync.wait(asked.id, 5)
    assert (view.run.status, view.run.reason) == (RunStatus.INTERRUPTED, STOPPED_BY_PERSON)
    assert view.run.counts.created == 4
    assert len([action for action in view.actions if action.result == "done"]) == 4
    assert len(world.home.living()) == 4
    assert shapes.run(view.run)["errors"] == [
        {
            "code": STOPPED_BY_PERSON,
            "message": "Somebody stopped this run; the next one finishes its work.",
            "connection_id": None,
        }
    ]
    following = world.core.sync.request(pair_id, Trigger.SCHEDULED)
    done = await world.core.sync.wait(following.id, 5)
    assert (done.run.status, done.run.counts.created) == (RunStatus.SUCCESS, 3)
    assert once_each(world) == sorted(event.fields.title for event in world.work.living() if event.fields is not None)


async def test_stopping_while_the_calendars_are_read_writes_nothing(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    fill(world, 3)
    world.home.gate, world.home.waiting = asyncio.Event(), asyncio.Event()
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    await asyncio.wait_for(world.home.waiting.wait(), 5)
    world.work.requests.clear()
    stopped = world.core.sync.interrupt(pair_id)
    assert stopped is not None
    assert stopped.id == asked.id
    going = world.core.pairs.get(pair_id).progress
    assert going is not None
    assert (going.stopping, going.sentence) == (True, "Stopping…")
    world.home.gate.set()
    view = await world.core.sync.wait(asked.id, 5)
    assert view.run.status is RunStatus.INTERRUPTED
    assert world.home.living() == []
    assert world.work.requests == [], "the other calendar need not be read any more"


async def test_a_run_that_waits_for_its_turn_is_stopped_at_once_and_others_go_on(world: CoreWorld) -> None:
    pair_id = await pair_of(world, PairStatus.PAUSED)
    (view,) = world.core.pairs.list()
    back = NewPair(view.b.connection.id, view.a.connection.id, mode=Mode.FULL, direction=Direction.A_TO_B)
    await world.core.pairs.update(pair_id, PairChange(status=PairStatus.ACTIVE))
    world.home.gate, world.home.waiting = asyncio.Event(), asyncio.Event()
    await asyncio.wait_for(world.home.waiting.wait(), 5)
    first = world.core.sync.progress(pair_id)
    (other,) = world.core.pairs.create([back])
    second = world.core.sync.interrupt(other.pair.id)
    assert first is not None
    assert second is not None
    ended = await world.core.sync.wait(second.id, 5)
    assert ended.run.status is RunStatus.INTERRUPTED
    world.home.gate.set()
    assert (await world.core.sync.wait(first.run_id, 5)).run.status is RunStatus.SUCCESS


async def test_stopping_everything_ends_all_runs_and_says_which(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    assert world.core.sync.interrupt_all() == ()
    world.home.gate, world.home.waiting = asyncio.Event(), asyncio.Event()
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    await asyncio.wait_for(world.home.waiting.wait(), 5)
    assert [run.id for run in world.core.sync.interrupt_all()] == [asked.id]
    world.home.gate.set()
    assert (await world.core.sync.wait(asked.id, 5)).run.reason == STOPPED_BY_PERSON


async def test_stopping_an_idle_pair_does_nothing_and_an_unknown_one_is_not_found(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    assert world.core.sync.interrupt(pair_id) is None
    with pytest.raises(NotFoundError):
        world.core.sync.interrupt("pair_01J0000000000000000000000A")


async def test_who_asks_while_a_run_is_being_stopped_gets_the_next_one(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.home.gate, world.home.waiting = asyncio.Event(), asyncio.Event()
    asked = world.core.sync.request(pair_id, Trigger.SCHEDULED)
    await asyncio.wait_for(world.home.waiting.wait(), 5)
    world.core.sync.interrupt(pair_id)
    again = world.core.sync.request(pair_id, Trigger.MANUAL)
    assert again.id != asked.id
    world.home.gate.set()
    assert (await world.core.sync.wait(again.id, 5)).run.status is RunStatus.SUCCESS


# -- what ends midway --------------------------------------------------------------------------------------------------


async def test_a_run_whose_sign_in_ends_midway_keeps_its_counts_and_actions(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    fill(world, 7)

    def end() -> None:
        raise AuthExpiredError("Microsoft ended the sign-in.")

    at_request(world, 3, end)
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    view = await world.core.sync.wait(asked.id, 5)
    assert view.run.status is RunStatus.FAILED
    assert (view.run.counts.processed, view.run.counts.created) == (7, 4)
    assert [error.code for error in view.run.errors] == ["needs_sign_in"]
    assert len([action for action in view.actions if action.result == "done"]) == 4
    assert world.core.pairs.get(pair_id).state is PairState.NEEDS_SIGN_IN


async def test_copies_taken_away_before_a_failure_are_counted(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    fill(world, 5)
    await world.core.sync.wait(world.core.sync.request(pair_id, Trigger.MANUAL).id, 5)

    def end() -> None:
        raise AuthExpiredError("Microsoft ended the sign-in.")

    at_request(world, 2, end)
    run = await world.core.pairs.delete(pair_id, CopiesOnDelete.REMOVE, 5)
    assert run is not None
    view = await world.core.sync.wait(run.id, 5)
    assert (view.run.status, view.run.counts.deleted) == (RunStatus.FAILED, 2)


# -- who started it ----------------------------------------------------------------------------------------------------


async def test_a_run_says_what_brought_it_about(world: CoreWorld) -> None:
    pair_id = await pair_of(world)

    async def newest() -> Trigger:
        run = world.core.history.runs(pair_id=pair_id).runs[0]
        await world.core.sync.wait(run.id, 5)
        world.clock.advance(minutes=1)
        return run.trigger

    found = [await newest()]
    await world.core.pairs.update(pair_id, PairChange(mode=Mode.BLOCKER))
    found.append(await newest())
    await world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED))
    await world.core.pairs.update(pair_id, PairChange(status=PairStatus.ACTIVE))
    found.append(await newest())
    await world.core.pairs.pause_all()
    world.core.pairs.resume_all()
    found.append(await newest())
    await world.connect(Provider.GOOGLE)
    found.append(await newest())
    expected = [Trigger.CREATED, Trigger.CHANGED, Trigger.RESUMED, Trigger.RESUMED, Trigger.RECONNECTED]
    assert found == expected


@pytest.mark.parametrize("command", [UNDO, RESTORE, DUPLICATES, "remove", "release"])
def test_everything_a_run_can_be_told_to_do_has_its_words(command: str) -> None:
    progress = Progress("pair", "run", Phase.WRITING, 3, 10, command)
    assert progress.sentence.endswith(": 3 of 10…")
    assert not progress.sentence.startswith("Copying")
