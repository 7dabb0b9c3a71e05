"""Several requests in flight behind one `next()`."""

from __future__ import annotations

import asyncio
import gc

import pytest

from app.providers.flight import Departure, Flight, Job

pytestmark = pytest.mark.anyio


class Jobs:
    """Jobs that end when told to."""

    def __init__(self, count: int) -> None:
        self.started: list[int] = []
        self.cancelled: list[int] = []
        self.gates = [asyncio.Event() for _ in range(count)]
        self.jobs = [job(self, number) for number in range(count)]


def job(jobs: Jobs, number: int) -> Job[int]:
    """A job that tells its number."""

    async def work() -> int:
        jobs.started.append(number)
        try:
            await jobs.gates[number].wait()
        except asyncio.CancelledError:
            jobs.cancelled.append(number)
            raise
        return number

    return work


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_results_come_as_jobs_end_and_then_nothing() -> None:
    jobs = Jobs(3)
    flight = Flight(jobs.jobs, 3)
    jobs.gates[1].set()
    assert await flight.next() == 1
    jobs.gates[0].set()
    jobs.gates[2].set()
    assert {await flight.next(), await flight.next()} == {0, 2}
    assert await flight.next() is None
    assert await flight.next() is None


async def test_nothing_starts_before_it_is_asked_for_and_never_too_many() -> None:
    jobs = Jobs(5)
    flight = Flight(jobs.jobs, 2)
    await settle()
    assert jobs.started == []
    jobs.gates[0].set()
    assert await flight.next() == 0
    await settle()
    assert jobs.started == [0, 1]
    jobs.gates[1].set()
    assert await flight.next() == 1
    assert jobs.started == [0, 1, 2]
    for gate in jobs.gates:
        gate.set()
    assert sorted([await flight.next() or 0, await flight.next() or 0, await flight.next() or 0]) == [2, 3, 4]


async def test_cancelling_the_one_who_waits_cancels_what_is_in_flight() -> None:
    jobs = Jobs(3)
    flight = Flight(jobs.jobs, 2)
    waiting = asyncio.create_task(flight.next())
    await settle()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert sorted(jobs.cancelled) == [0, 1]
    assert await flight.next() is None


async def test_dropping_a_flight_cancels_what_is_in_flight() -> None:
    jobs = Jobs(3)
    flight = Flight(jobs.jobs, 3)
    jobs.gates[0].set()
    assert await flight.next() == 0
    del flight
    gc.collect()
    await settle()
    assert sorted(jobs.cancelled) == [1, 2]


async def test_an_error_of_a_job_is_raised_and_ends_the_flight() -> None:
    jobs = Jobs(2)

    async def fail() -> int:
        raise LookupError("broken")

    flight = Flight([jobs.jobs[0], fail, jobs.jobs[1]], 2)
    with pytest.raises(LookupError):
        await flight.next()
    assert jobs.cancelled == [0]
    assert jobs.started == [0]
    assert await flight.next() is None


async def test_jobs_not_started_can_be_forgotten() -> None:
    jobs = Jobs(3)
    flight = Flight(jobs.jobs, 1)
    jobs.gates[0].set()
    assert await flight.next() == 0
    flight.start_no_more()
    assert await flight.next() is None
    assert jobs.started == [0]


async def test_what_has_not_departed_is_called_back_and_what_has_is_told() -> None:
    jobs = Jobs(4)
    departures = [Departure() for _ in range(4)]
    flight = Flight(jobs.jobs, 3, departures)
    jobs.gates[0].set()
    assert await flight.next() == 0
    departures[1].gone = True
    flight.recall()
    await settle()
    assert jobs.cancelled == [2]
    jobs.gates[1].set()
    assert await flight.next() == 1
    assert await flight.next() is None
    assert jobs.started == [0, 1, 2], "what had not started never does"
