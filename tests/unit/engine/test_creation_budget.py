"""How many events are made in one account in a day (`engine.md` §13)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.domain.events import EventKind
from app.domain.links import Outcome, Result
from tests.fakes.calendar import wall
from tests.fakes.engine_world import BLOCKER, FULL, MONDAY, START, World, meeting, weekly

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


def used_up(world: World) -> World:
    """Nothing more may be made today."""
    world.run_until_quiet()
    world.may_create = lambda: 0
    return world


def test_a_copy_that_is_made_anew_in_another_form_waits_for_no_budget() -> None:
    world = World(settings=FULL)
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    used_up(world)
    world.source.put(replace(weekly("a1"), ical_uid="a1@example.com"))
    world.source.put(meeting("new", wall(MONDAY, 8), title="New"))
    world.run()
    assert [copy.fields.title for copy in world.copies() if copy.fields is not None] == ["Stand-up"]


def test_a_copy_that_was_taken_away_to_be_made_anew_is_made_by_a_later_run_too() -> None:
    world = World(settings=FULL)
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    used_up(world)
    world.source.put(replace(weekly("a1"), ical_uid="a1@example.com"))
    world.target.script.verdict = lambda intent: Outcome(intent.id, Result.LATER) if intent.op.creates else None
    world.run()
    assert world.copies() == []
    world.target.script.verdict = lambda intent: None
    world.clock.advance(hours=1)
    world.run()
    assert len(world.copies()) == 1


def test_a_series_that_gets_a_cancelled_date_back_waits_for_no_budget() -> None:
    world = World(settings=FULL)
    world.source.tells_whole = True
    world.source.put(weekly())
    world.run_until_quiet()
    world.source.cancel_occurrence("series", wall(MONDAY + timedelta(days=7), 9))
    used_up(world)
    (stub,) = [event for event in world.source.events.values() if event.kind is EventKind.CANCELLED]
    world.source.forget(stub.id)
    world.source.put(world.source.events["series"])
    world.run()
    (copy,) = world.copies()
    assert world.unit(world.target, copy.id).cancelled == {}


def test_those_in_a_block_whose_founder_goes_wait_for_no_budget() -> None:
    world = World(settings=replace(BLOCKER, merge_touching=True))
    world.source.put(meeting("a1", wall(MONDAY, 9), title="One"))
    world.source.put(meeting("a2", wall(MONDAY, 9) + timedelta(minutes=30), title="Two"))
    used_up(world)
    (before,) = world.copies()
    world.source.remove("a1")
    world.run()
    (copy,) = world.copies()
    assert copy.id != before.id


def test_what_leaves_a_block_waits_for_no_budget() -> None:
    world = World(settings=replace(BLOCKER, merge_touching=True))
    world.source.put(meeting("a1", wall(MONDAY, 9), title="One"))
    world.source.put(meeting("a2", wall(MONDAY, 9) + timedelta(minutes=30), title="Two"))
    used_up(world)
    assert len(world.copies()) == 1
    world.source.put(meeting("a2", wall(MONDAY, 15), title="Two"))
    world.run()
    assert len(world.copies()) == 2
