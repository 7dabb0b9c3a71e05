"""A clock that is years off keeps runs waiting, unless a service says the same: years on a shelf are no fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.errors import ConflictError
from app.domain.runs import RunStatus, Trigger
from app.services import clock_guard
from app.services.clock_guard import ClockGuard
from app.services.maintenance import Maintenance
from app.store.store import Store
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import HandClock, meeting
from tests.unit.services.test_sync import MONDAY, pair_of, run

pytestmark = pytest.mark.anyio
LONG = 3 * 365


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(clock: HandClock) -> Store:
    return Store.open(":memory:", now=clock.now)


class Services:
    """What the services say of the time."""

    def __init__(self) -> None:
        self.say: datetime | None = None
        self.asked = asyncio.Event()

    async def ask(self) -> datetime | None:
        """Answer."""
        self.asked.set()
        return self.say


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("days", [-LONG, LONG])
async def test_a_jump_of_years_is_a_problem_until_the_clock_is_set(store: Store, clock: HandClock, days: int) -> None:
    right: list[bool] = []
    guard = ClockGuard(store.state, clock, when_right=lambda: right.append(True))
    assert guard.problem() is None
    clock.advance(days=days)
    problem = guard.problem()
    assert problem is not None
    assert problem.code == "clock_wrong"
    assert str(clock.now().year) in problem.sentence
    # A restart does not make it right.
    again = ClockGuard(store.state, clock)
    assert again.problem() is not None
    await again.stop()
    clock.advance(days=-days)
    assert guard.problem() is None
    await settled()
    assert right == [True]


async def test_half_a_year_is_no_jump_either_way(store: Store, clock: HandClock) -> None:
    guard = ClockGuard(store.state, clock)
    for days in (0, 180, 180, -180, -180):
        clock.advance(days=days)
        assert guard.problem() is None


async def test_a_time_before_kalends_was_made_is_impossible_at_the_first_start(clock: HandClock, store: Store) -> None:
    clock.advance(days=(datetime(1970, 1, 2, tzinfo=UTC) - clock.now()).days)
    guard = ClockGuard(store.state, clock)
    assert guard.problem() is not None
    await guard.stop()


async def test_a_computer_that_was_off_for_years_is_believed_when_a_service_says_so(
    store: Store, clock: HandClock
) -> None:
    assert ClockGuard(store.state, clock).problem() is None
    clock.advance(days=LONG)
    services, right = Services(), list[bool]()
    services.say = clock.now() + timedelta(minutes=5)
    guard = ClockGuard(store.state, clock, ask=services.ask, when_right=lambda: right.append(True))
    assert guard.problem() is not None
    await asyncio.wait_for(services.asked.wait(), 5)
    await settled()
    assert guard.problem() is None
    assert right == [True]
    assert ClockGuard(store.state, clock).problem() is None, "and after the next start"


async def test_what_the_services_say_is_told_and_asked_again_only_after_a_while(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services()
    guard = ClockGuard(store.state, clock, ask=services.ask)
    assert guard.problem() is None
    services.say = clock.now()
    clock.advance(days=LONG)
    guard.problem()
    await asyncio.wait_for(services.asked.wait(), 5)
    await settled()
    problem = guard.problem()
    assert problem is not None
    assert f"The calendar services say {services.say:%d %B %Y}" in problem.sentence
    services.asked.clear()
    guard.problem()
    await settled()
    assert not services.asked.is_set()
    monkeypatch.setattr(clock_guard, "ASK_AGAIN_SECONDS", 0.0)
    guard.problem()
    await asyncio.wait_for(services.asked.wait(), 5)
    await guard.stop()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def test_with_an_impossible_clock_runs_wait_and_nothing_is_deleted(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    world.work.remove("a1")
    world.clock.advance(days=LONG)
    world.work.requests.clear()
    for trigger in (Trigger.SCHEDULED, Trigger.MANUAL):
        asked = world.core.sync.request(pair_id, trigger)
        ended = (await world.core.sync.wait(asked.id, 5)).run
        assert (ended.status, ended.reason) == (RunStatus.SKIPPED, "clock_wrong")
    assert world.work.requests == []
    assert len(world.home.living()) == 1
    overall = world.core.status.overall()
    assert "cannot be right" in overall.sentence
    assert "clock_wrong" in [problem.code for problem in overall.problems]
    assert "standstill:clock_wrong" in [alert.key for alert in world.core.alerts.list()]
    with pytest.raises(ConflictError) as refused:
        world.core.sync.undo(ended, None)
    assert refused.value.code == "clock_wrong"
    world.clock.advance(days=-LONG)
    await run(world, pair_id)
    assert world.home.living() == []


async def test_with_an_impossible_clock_no_history_is_forgotten_and_no_backup_made(
    tmp_path: Path, clock: HandClock
) -> None:
    with Store.open(tmp_path / "kalends.db", now=clock.now) as store:
        guard = ClockGuard(store.state, clock)
        guard.problem()
        clock.advance(days=LONG)
        await Maintenance(store, clock, guard.problem).keep_up()
        await guard.stop()
        assert not (tmp_path / "backups").exists()
