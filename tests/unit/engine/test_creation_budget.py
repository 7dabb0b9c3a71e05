"""How many events are made in one account in a day (`engine.md` §13)."""

from __future__ import annotations

from datetime import timedelta

from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, MONDAY, START, World, meeting

MANY = 120


def full_source(budget: int) -> World:
    world = World(settings=FULL)
    for n in range(MANY):
        world.source.put(meeting(f"a{n:03}", wall(MONDAY, 9) + timedelta(hours=n), title=f"Talk {n}"))
    world.may_create = lambda: max(0, budget - world.ledger.created("acct_1", world.clock.now() - timedelta(days=1)))
    return world


def test_the_soonest_are_made_first_and_the_rest_waits_for_another_day() -> None:
    world = full_source(70)
    result = world.run()
    assert (result.counts.created, [error.code for error in result.errors]) == (70, ["creation_budget"])
    made = {copy.fields.title for copy in world.copies() if copy.fields is not None}
    assert made == {f"Talk {n}" for n in range(70)}
    assert world.run().counts.created == 0
    world.clock.advance(days=1)
    assert world.run().counts.created == MANY - 70
    assert world.run().errors == []


def test_what_is_there_is_changed_and_deleted_whatever_the_budget() -> None:
    world = full_source(MANY)
    world.run_until_quiet()
    world.source.remove("a000")
    world.source.put(meeting("a001", wall(MONDAY, 9), title="Renamed"))
    world.source.put(meeting("new", wall(MONDAY, 8), title="New"))
    result = world.run()
    assert (result.counts.created, result.counts.updated, result.counts.deleted) == (0, 1, 1)
    assert [error.code for error in result.errors] == ["creation_budget"]


def test_only_what_was_made_since_and_in_this_account_counts() -> None:
    world = full_source(MANY)
    world.run_until_quiet()
    assert world.ledger.created("acct_1", START - timedelta(days=1)) == MANY
    assert world.ledger.created("acct_1", world.clock.now()) == 0
    assert world.ledger.created("acct_2", START - timedelta(days=1)) == 0
