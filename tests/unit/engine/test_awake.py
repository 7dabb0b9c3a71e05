"""A computer that slept in the middle of a run: what was read before is no longer written by."""

from __future__ import annotations

import pytest

from tests.fakes.calendar import Crash, wall
from tests.fakes.engine_world import FULL, MONDAY, World, meeting


def test_a_run_that_slept_writes_nothing_more_and_the_next_one_reads_anew() -> None:
    world = World(settings=FULL)
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    asleep = iter([30])

    def fall_asleep(name: str) -> None:
        if name == "marked":
            world.clock.advance(hours=next(asleep, 0))

    world.target.script.after = fall_asleep
    world.run()
    assert "write" not in world.target.requests
    assert not world.copies()
    world.run_until_quiet()
    assert len(world.copies()) == 1


def test_a_create_that_waits_in_the_journal_is_not_sent_by_a_run_that_slept() -> None:
    world = World(settings=FULL)
    world.source.put(meeting("a1", wall(MONDAY, 9)))

    def die(name: str) -> None:
        if name == "write":
            raise Crash

    world.target.script.before = die
    with pytest.raises(Crash):
        world.run()
    world.target.script.before = lambda name: None
    world.reopen()
    asleep = iter([30])

    def fall_asleep(name: str) -> None:
        if name == "marked":
            world.clock.advance(hours=next(asleep, 0))

    world.target.script.after = fall_asleep
    world.target.requests.clear()
    world.run()
    assert "write" not in world.target.requests
    assert len(world.ledger.pending_intents(world.direction.id)) == 1
    world.run_until_quiet()
    assert len(world.copies()) == 1
