"""One way in: requests join, cover whoever asked, and end in the history whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.domain.accounts import AccountStatus, ConnectionStatus, Provider
from app.domain.errors import (
    AccessError,
    AuthExpiredError,
    ConflictError,
    KalendsError,
    NotFoundError,
    OfflineError,
    UnavailableError,
)
from app.domain.notices import Topic
from app.domain.pairs import CopiesOnDelete, Direction, Mode, PairState, PairStatus
from app.domain.runs import RunStatus, Trigger, Verb
from app.services.views import NewPair, PairChange, RollUp
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import meeting

pytestmark = pytest.mark.anyio
MONDAY = date(2026, 11, 23)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def pair_of(world: CoreWorld, **more: object) -> str:
    work = await world.connect(Provider.GOOGLE)
    home = await world.connect(Provider.MICROSOFT)
    new = NewPair(work, home, mode=Mode.BLOCKER, direction=Direction.A_TO_B, status=PairStatus.PAUSED)
    (view,) = world.core.pairs.create([new])
    await world.core.pairs.update(view.pair.id, PairChange(status=PairStatus.ACTIVE))
    await settled(world)
    return view.pair.id


async def settled(world: CoreWorld) -> None:
    """Until nothing runs."""
    for run in world.core.history.runs().runs:
        await world.core.sync.wait(run.id, 5)


async def run(world: CoreWorld, pair_id: str, trigger: Trigger = Trigger.MANUAL) -> RunStatus:
    asked = world.core.sync.request(pair_id, trigger)
    view = await world.core.sync.wait(asked.id, 5)
    return view.run.status


async def test_a_run_copies_and_is_in_the_history_with_its_actions(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    view = await world.core.sync.wait(asked.id, 5)
    assert (view.run.status, view.run.counts.created) == (RunStatus.SUCCESS, 1)
    assert [action.verb for action in world.core.history.run(asked.id).actions] == [Verb.CREATE]
    assert world.core.history.logs(pair_id=pair_id).runs[0].id == asked.id
    assert world.core.pairs.get(pair_id).state is PairState.UP_TO_DATE


async def test_a_request_during_a_run_joins_it_and_is_covered_by_it(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    world.home.gate, world.home.waiting = asyncio.Event(), asyncio.Event()
    first = world.core.sync.request(pair_id, Trigger.SCHEDULED)
    await asyncio.wait_for(world.home.waiting.wait(), 5)
    assert world.core.pairs.get(pair_id).state is PairState.SYNCING
    late = world.work.put(meeting("a2", wall(MONDAY, 10)))
    second = world.core.sync.request(pair_id, Trigger.API)
    assert second.id == first.id
    world.home.gate.set()
    view = await world.core.sync.wait(first.id, 5)
    assert view.run.counts.created == 2
    assert late.id in {action.original_id for action in view.actions}


async def test_a_request_for_a_queued_run_joins_it_without_a_second_reading(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.home.requests.clear()
    ids = {world.core.sync.request(pair_id, trigger).id for trigger in (Trigger.MANUAL, Trigger.API, Trigger.SCHEDULED)}
    assert len(ids) == 1
    await world.core.sync.wait(ids.pop(), 5)
    assert world.home.requests == ["changes"]


async def test_an_idle_run_of_both_directions_reads_each_calendar_once(world: CoreWorld) -> None:
    work = await world.connect(Provider.GOOGLE)
    home = await world.connect(Provider.MICROSOFT)
    (view,) = world.core.pairs.create([NewPair(work, home, direction=Direction.BIDIRECTIONAL)])
    await settled(world)
    world.work.requests.clear()
    world.home.requests.clear()
    assert await run(world, view.pair.id) is RunStatus.SUCCESS
    assert (world.work.requests, world.home.requests) == (["changes"], ["changes"])


async def test_a_paused_pair_refuses_a_run_but_not_a_dry_one(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED, pause_reason="maintenance"))
    with pytest.raises(ConflictError) as refused:
        world.core.sync.request(pair_id, Trigger.API)
    assert refused.value.code == "pair_paused"
    dry = world.core.sync.request(pair_id, Trigger.API, dry=True)
    view = await world.core.sync.wait(dry.id, 5)
    assert [(action.verb, action.reason) for action in view.actions] == [(Verb.CREATE, "new")]
    assert world.home.log == []


async def test_pausing_returns_once_no_write_is_under_way_and_none_can_start(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    world.home.gate, world.home.waiting = asyncio.Event(), asyncio.Event()
    going = world.core.sync.request(pair_id, Trigger.SCHEDULED)
    await asyncio.wait_for(world.home.waiting.wait(), 5)
    pausing = asyncio.create_task(world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED)))
    await asyncio.sleep(0)
    assert not pausing.done()
    world.home.gate.set()
    view = await pausing
    assert view.state is PairState.PAUSED
    assert world.core.history.run(going.id).run.status is RunStatus.INTERRUPTED
    assert world.home.log == []


async def test_an_ended_sign_in_is_named_and_scheduled_runs_do_not_hammer(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    world.work.broken = AuthExpiredError("Google ended the sign-in.")
    assert await run(world, pair_id) is RunStatus.FAILED
    (google,) = [account for account in world.core.connections.accounts() if account.provider is Provider.GOOGLE]
    assert google.status is AccountStatus.NEEDS_SIGN_IN
    world.work.requests.clear()
    asked = world.core.sync.request(pair_id, Trigger.SCHEDULED)
    view = await world.core.sync.wait(asked.id, 5)
    assert (view.run.status, view.run.reason) == (RunStatus.SKIPPED, "needs_sign_in")
    assert world.work.requests == []
    status = world.core.status.overall()
    assert status.state is RollUp.NEEDS_SIGN_IN
    assert [problem.action for problem in status.problems] == ["reconnect"]
    assert [e.id for e in world.home.living()] == [e.id for e in world.home.living() if not e.gone]


async def test_each_scheduled_run_without_a_sign_in_is_one_row_with_its_reason_and_asks_nothing(
    world: CoreWorld,
) -> None:
    pair_id = await pair_of(world)
    world.work.broken = AuthExpiredError("Google ended the sign-in.")
    await run(world, pair_id)
    before = world.core.history.logs(pair_id=pair_id).total
    world.work.requests.clear()
    world.home.requests.clear()
    for _ in range(3):
        world.clock.advance(minutes=5)
        assert await run(world, pair_id, Trigger.SCHEDULED) is RunStatus.SKIPPED
    logs = world.core.history.logs(pair_id=pair_id)
    assert logs.total == before + 3
    assert {row.reason for row in logs.runs[:3]} == {"needs_sign_in"}
    assert (world.work.requests, world.home.requests) == ([], [])
    assert world.core.pairs.get(pair_id).state is PairState.NEEDS_SIGN_IN


async def test_signing_in_again_repairs_the_pair_by_itself(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.broken = AuthExpiredError("Google ended the sign-in.")
    await run(world, pair_id)
    world.work.broken = None
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await world.connect(Provider.GOOGLE)
    await settled(world)
    assert world.core.pairs.get(pair_id).state is PairState.UP_TO_DATE
    assert len(world.home.living()) == 1


async def test_being_offline_is_quiet_for_schedules_and_named_for_people(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.broken = OfflineError("No connection.")
    asked = world.core.sync.request(pair_id, Trigger.SCHEDULED)
    view = await world.core.sync.wait(asked.id, 5)
    assert (view.run.status, view.run.reason) == (RunStatus.SKIPPED, "offline")
    assert await run(world, pair_id) is RunStatus.FAILED
    assert world.core.pairs.get(pair_id).state is PairState.OFFLINE
    assert world.core.status.overall().state is RollUp.OFFLINE


async def test_a_failed_side_deletes_nothing_and_names_the_connection(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    world.work.broken = AccessError("This calendar is not shared with you any more.")
    world.work.remove("a1")
    assert await run(world, pair_id) is RunStatus.FAILED
    assert len(world.home.living()) == 1
    (work,) = [v.connection for v in world.core.connections.list() if v.connection.name == "Work"]
    assert work.status is ConnectionStatus.ERROR
    failed = world.core.history.logs(pair_id=pair_id).runs[0]
    assert failed.errors[0].connection_id == work.id


async def test_a_fault_of_ours_ends_the_run_and_shows_no_detail(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.broken = ValueError("a bug with a secret in it")  # type: ignore[assignment]  # any exception will do
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    view = await world.core.sync.wait(asked.id, 5)
    assert view.run.status is RunStatus.FAILED
    assert "secret" not in view.run.errors[0].message


async def test_stopping_interrupts_runs_and_refuses_new_ones(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.home.gate, world.home.waiting = asyncio.Event(), asyncio.Event()
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    await asyncio.wait_for(world.home.waiting.wait(), 5)
    stopping = asyncio.create_task(world.core.sync.stop())
    await asyncio.sleep(0)
    with pytest.raises(KalendsError) as refused:
        world.core.sync.request(pair_id, Trigger.MANUAL)
    assert refused.value.code == "unavailable"
    world.home.gate.set()
    await stopping
    assert world.core.history.run(asked.id).run.status is RunStatus.INTERRUPTED


async def test_notices_tell_a_run_from_queue_to_end(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    subscription = world.core.notices.subscribe()
    await run(world, pair_id)
    topics = [(await asyncio.wait_for(subscription.next(), 5)).topic for _ in range(4)]
    assert topics == [Topic.RUN_QUEUED, Topic.RUN_STARTED, Topic.RUN_PROGRESS, Topic.RUN_FINISHED]
    subscription.close()


async def test_removing_a_pairs_copies_asks_for_their_number_and_leaves_the_users_events(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.home.put(meeting("mine", wall(MONDAY, 7)))
    for n in range(3):
        world.work.put(meeting(f"a{n}", wall(MONDAY, 9 + n)))
    await run(world, pair_id)
    with pytest.raises(ConflictError) as refused:
        await world.core.pairs.delete(pair_id, CopiesOnDelete.REMOVE, expected=2)
    assert (refused.value.code, refused.value.details[0].message) == ("count_changed", "3")
    going = await world.core.pairs.delete(pair_id, CopiesOnDelete.REMOVE, expected=3)
    assert going is not None
    view = await world.core.sync.wait(going.id, 5)
    assert (view.run.status, view.run.counts.deleted) == (RunStatus.SUCCESS, 3)
    assert [event.id for event in world.home.living()] == ["mine"]
    with pytest.raises(NotFoundError):
        world.core.pairs.get(pair_id)


async def test_released_copies_are_ordinary_events_and_a_new_pair_makes_its_own(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    going = await world.core.pairs.delete(pair_id, CopiesOnDelete.RELEASE)
    assert going is not None
    await world.core.sync.wait(going.id, 5)
    (left,) = world.home.living()
    assert left.marker is None or left.marker.released


async def test_kept_copies_are_adopted_by_a_later_pair(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    view = world.core.pairs.get(pair_id)
    await world.core.pairs.delete(pair_id)
    new = NewPair(view.pair.connection_a_id, view.pair.connection_b_id, direction=Direction.A_TO_B)
    world.core.pairs.create([new])
    await settled(world)
    assert len(world.home.living()) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"connection_b_id": "conn_unknown"}, "connection_b_id"),
        ({"interval_seconds": 10}, "interval_seconds"),
        ({"connection_b_id": "same"}, "connection_b_id"),
        ({"connection_b_id": "reader"}, "connection_b_id"),
    ],
)
async def test_a_pair_that_cannot_be_is_refused_by_field(
    world: CoreWorld, change: dict[str, object], field: str
) -> None:
    work = await world.connect(Provider.GOOGLE)
    home = await world.connect(Provider.MICROSOFT)
    reader = next(v.connection.id for v in world.core.connections.list() if v.connection.name == "Home, read only")
    words = {"same": work, "reader": reader}
    values: dict[str, object] = {"connection_a_id": work, "connection_b_id": home, "direction": Direction.A_TO_B}
    values |= {name: words.get(str(value), value) for name, value in change.items()}
    with pytest.raises(KalendsError) as refused:
        world.core.pairs.create([NewPair(**values)])  # type: ignore[arg-type]  # values come from the table above
    assert [detail.field for detail in refused.value.details] == [field]  # type: ignore[attr-defined]  # InputError has details


async def test_a_direction_belongs_to_one_pair_and_many_are_made_all_or_none(world: CoreWorld) -> None:
    await pair_of(world)
    (view,) = world.core.pairs.list()
    ends = (view.pair.connection_a_id, view.pair.connection_b_id)
    back = NewPair(ends[1], ends[0], direction=Direction.A_TO_B)
    with pytest.raises(ConflictError) as refused:
        world.core.pairs.create([back, NewPair(*ends, direction=Direction.A_TO_B)])
    assert refused.value.code == "direction_taken"
    assert view.pair.id in refused.value.details[0].message
    assert len(world.core.pairs.list()) == 1


async def test_a_pause_that_ends_by_itself_resumes_the_pair(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    until = world.clock.now() + timedelta(minutes=30)
    await world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED, paused_until=until))
    world.clock.advance(hours=1)
    world.core.pairs.follow_all()
    assert world.core.pairs.get(pair_id).pair.status is PairStatus.ACTIVE


async def test_a_broken_service_is_not_taken_for_an_empty_calendar(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    world.work.broken = UnavailableError("500")
    assert await run(world, pair_id) is RunStatus.FAILED
    world.work.broken = None
    assert await run(world, pair_id) is RunStatus.SUCCESS
    assert len(world.home.living()) == 1
