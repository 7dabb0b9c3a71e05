"""Timers fire on the core loop's own thread, where the database and the runs live, and catch up after sleep once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app.domain.pairs import Direction, Mode, PairStatus, SyncPair
from app.domain.runs import Trigger
from app.services.schedule import Schedule

pytestmark = pytest.mark.anyio


class SettableClock:
    """The real time, moved at will."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """Now, aware in UTC."""
        return datetime.now(UTC) + self.offset


@dataclass
class Heard:
    """What the schedule asked for, and on which thread."""

    calls: list[tuple[str, object]] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    resumed: Callable[[], None] = lambda: None

    def request(self, pair_id: str, trigger: Trigger) -> None:
        """A run of a pair."""
        self._note(pair_id, trigger)

    async def resume(self, pair_id: str) -> None:
        """The end of a pause."""
        self.resumed()
        self._note(pair_id, "resume")

    def request_all(self, trigger: Trigger) -> None:
        """A run of every pair."""
        self._note("*", trigger)

    def _note(self, what: str, how: object) -> None:
        self.calls.append((what, how))
        self.threads.add(threading.get_ident())
        self.arrived.set()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def schedule(heard: Heard, clock: SettableClock) -> AsyncIterator[Schedule]:
    schedule = Schedule(
        clock, request=heard.request, resume=heard.resume, request_all=heard.request_all, look_every_seconds=0.05
    )
    schedule.start()
    yield schedule
    schedule.stop()


def pair(**more: object) -> SyncPair:
    values: dict[str, object] = {"interval_seconds": 1, **more}
    return SyncPair("pair_1", "a", "b", Mode.BLOCKER, Direction.A_TO_B, **values)  # type: ignore[arg-type]  # fields of a pair


async def test_an_interval_asks_for_a_run_on_the_loops_own_thread(schedule: Schedule, heard: Heard) -> None:
    schedule.follow(pair())
    await asyncio.wait_for(heard.arrived.wait(), 5)
    assert heard.calls[0] == ("pair_1", Trigger.SCHEDULED)
    assert heard.threads == {threading.get_ident()}


async def test_each_pair_has_its_own_interval_and_a_new_one_counts_at_once(schedule: Schedule) -> None:
    def minutes(pair_id: str) -> float:
        coming = schedule.next_run_at(pair_id)
        assert coming is not None
        return (coming - datetime.now(UTC)) / timedelta(minutes=1)

    schedule.follow(pair(interval_seconds=600))
    schedule.follow(replace(pair(interval_seconds=3600), id="pair_2"))
    assert minutes("pair_1") == pytest.approx(10, abs=1)
    assert minutes("pair_2") == pytest.approx(60, abs=4)
    schedule.follow(pair(interval_seconds=1800))
    assert minutes("pair_1") == pytest.approx(30, abs=2)
    assert minutes("pair_2") == pytest.approx(60, abs=4)


async def test_a_pause_that_ends_resumes_on_the_loops_own_thread(schedule: Schedule, heard: Heard) -> None:
    schedule.follow(pair(status=PairStatus.PAUSED, paused_until=datetime.now(UTC) + timedelta(seconds=0.1)))
    await asyncio.wait_for(heard.arrived.wait(), 5)
    assert heard.calls == [("pair_1", "resume")]
    assert heard.threads == {threading.get_ident()}


async def test_a_paused_pair_has_no_timer_and_an_active_one_says_when(schedule: Schedule) -> None:
    schedule.follow(pair(interval_seconds=3600))
    coming = schedule.next_run_at("pair_1")
    assert coming is not None
    assert timedelta(minutes=50) < coming - datetime.now(UTC) < timedelta(minutes=70)
    schedule.follow(pair(status=PairStatus.PAUSED))
    assert schedule.next_run_at("pair_1") is None


async def test_a_machine_that_slept_catches_up_with_one_run_of_everything(
    schedule: Schedule, heard: Heard, clock: SettableClock
) -> None:
    clock.offset = timedelta(hours=8)
    await asyncio.wait_for(heard.arrived.wait(), 5)
    await asyncio.sleep(0.2)
    assert heard.calls == [("*", Trigger.RESUME)]
    assert heard.threads == {threading.get_ident()}


async def test_a_pause_that_ended_while_the_machine_slept_is_over_when_it_wakes(
    schedule: Schedule, heard: Heard
) -> None:
    schedule.follow(pair(status=PairStatus.PAUSED, paused_until=datetime.now(UTC) + timedelta(hours=1)))
    heard.resumed = lambda: schedule.follow(pair(interval_seconds=300))
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=8)):
        async with asyncio.timeout(5):
            while len(heard.calls) < 2:
                heard.arrived.clear()
                await heard.arrived.wait()
        await asyncio.sleep(0.2)
    assert sorted(heard.calls, key=str) == [("*", Trigger.RESUME), ("pair_1", "resume")]


@pytest.mark.parametrize("first", ["the timer", "the look at the clock"])
async def test_a_pair_that_was_due_in_sleep_runs_once_whoever_sees_it_first(
    schedule: Schedule, heard: Heard, first: str
) -> None:
    schedule.follow(pair(interval_seconds=300))
    if first == "the look at the clock":
        await asyncio.sleep(0.02)  # the scheduler has set its timer, and sleeps on it
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=8)):
        await asyncio.wait_for(heard.arrived.wait(), 5)
        coming = schedule.next_run_at("pair_1")
        assert coming is not None
        assert timedelta(minutes=4) < coming - datetime.now(UTC) < timedelta(minutes=6)
        await asyncio.sleep(0.2)
    assert heard.calls == [("*", Trigger.RESUME)]


async def test_a_clock_set_back_does_not_silence_the_timers(
    schedule: Schedule, heard: Heard, clock: SettableClock
) -> None:
    clock.offset = -timedelta(days=400)
    await asyncio.wait_for(heard.arrived.wait(), 5)
    assert heard.calls == [("*", Trigger.RESUME)]


async def test_a_request_that_is_refused_leaves_the_timer_running(clock: SettableClock) -> None:
    asked: list[str] = []
    twice = asyncio.Event()

    def refuse(pair_id: str, trigger: Trigger) -> None:
        asked.append(pair_id)
        if len(asked) == 2:
            twice.set()
        raise RuntimeError("refused")

    async def resume(pair_id: str) -> None:
        raise AssertionError

    schedule = Schedule(clock, request=refuse, resume=resume, request_all=lambda trigger: None)
    schedule.start()
    try:
        schedule.follow(pair())
        await asyncio.wait_for(twice.wait(), 10)
    finally:
        schedule.stop()


async def test_upkeep_comes_soon_after_the_start_on_the_loops_thread_and_a_failure_is_not_the_end(
    heard: Heard, clock: SettableClock
) -> None:
    done: list[int] = []
    twice = asyncio.Event()

    async def upkeep() -> None:
        done.append(threading.get_ident())
        clock.offset += timedelta(hours=1)
        if len(done) == 2:
            twice.set()
        raise RuntimeError("the disk is full")

    schedule = Schedule(
        clock,
        request=heard.request,
        resume=heard.resume,
        request_all=heard.request_all,
        upkeep=upkeep,
        look_every_seconds=0.02,
        upkeep_first_seconds=0.0,
    )
    schedule.start()
    try:
        await asyncio.wait_for(twice.wait(), 5)
        assert set(done) == {threading.get_ident()}
    finally:
        schedule.stop()
