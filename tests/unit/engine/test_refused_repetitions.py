"""A create that nobody waits for any more may be there, or yet come, though its repetition is refused."""

from __future__ import annotations

from datetime import date

import pytest

from app.domain.links import Intent, Op, Outcome, Result
from tests.fakes.calendar import Crash, wall
from tests.fakes.engine_world import FULL, World, meeting

MONDAY = date(2026, 11, 23)


def cut_off(world: World, moment: str) -> Intent:
    """Run until the first write, before or after the service got it; the machine dies there, and is back a minute
    later. Returns that write."""

    def strike(name: str) -> None:
        if name == "write":
            raise Crash

    setattr(world.target.script, moment, strike)
    with pytest.raises(Crash):
        world.run()
    setattr(world.target.script, moment, lambda name: None)
    world.reopen()
    world.clock.advance(minutes=-4)
    (intent,) = world.ledger.pending_intents(world.direction.id)
    return intent


def refuse(intent: Intent) -> Outcome:
    return Outcome(intent.id, Result.REFUSED, code="invalid", message="Not today.")


def hidden_copy(world: World) -> None:
    """A copy whose making nobody confirmed, and that neither a full read nor a search shows."""
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    cut_off(world, "after")
    world.target.script.unlisted = {copy.id for copy in world.copies()}
    world.target.generation += 1


def test_a_refused_repetition_of_a_create_says_nothing_of_the_try_before_it() -> None:
    world = World(settings=FULL)
    world.run_until_quiet()
    hidden_copy(world)
    world.source.remove("a1")
    world.target.script.verdict = refuse
    world.run()
    world.target.script.verdict = lambda intent: None
    world.target.script.unlisted = set()
    world.target.generation += 1

    world.run_until_quiet()

    assert world.copies() == []


def test_a_create_that_came_to_nothing_and_is_refused_then_backs_off() -> None:
    world = World(settings=FULL)
    world.run_until_quiet()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    cut_off(world, "before")
    world.target.script.verdict = refuse
    world.run()
    result = world.run()  # five minutes later: what was sent before has arrived by now, or never will
    assert not world.ledger.pending_intents(world.direction.id)
    (link,) = world.ledger.links(world.direction.id, ["a1"])
    assert link.retry_at is not None
    assert [error.code for error in result.errors] == ["invalid"]


@pytest.mark.parametrize("minutes", [-2, 1])
def test_a_try_of_a_moment_ago_may_still_arrive_though_the_clock_was_set_back_since(minutes: int) -> None:
    world = World(settings=FULL)
    world.run_until_quiet()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    tried = cut_off(world, "before").last_try_at
    assert tried is not None
    world.clock.advance(seconds=(tried - world.clock.now()).total_seconds() + 60 * minutes)
    world.target.script.verdict = refuse
    world.run()
    (intent,) = world.ledger.pending_intents(world.direction.id)
    assert intent.op is Op.CREATE
