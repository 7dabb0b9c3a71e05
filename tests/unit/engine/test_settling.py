"""Writes whose answer was lost: a run that can find out what became of them does so, goes on, and tells the truth."""

from __future__ import annotations

from datetime import date, timedelta

from app.domain.errors import UnavailableError
from app.domain.events import Fields
from app.domain.times import When
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, ZONE, World, meeting, weekly

MONDAY = date(2026, 11, 23)


def lose_answers(world: World, *requests: str) -> None:
    """The target does what the next requests of these names ask for, and their answers are lost; one loss each."""
    waiting = list(requests)

    def after(name: str) -> None:
        if waiting and waiting[0] == name:
            waiting.pop(0)
            raise UnavailableError("The reply was lost.")

    world.target.script.after = after


def test_creates_found_to_have_happened_are_counted_by_the_run_that_finds_them() -> None:
    world = World()
    for number in range(3):
        world.source.put(meeting(f"a{number}", wall(MONDAY, 9 + number)))
    lose_answers(world, "write")
    result = world.run()
    assert (result.counts.created, result.counts.failed, result.errors) == (3, 0, [])
    assert len(world.copies()) == 3


def test_updates_and_deletes_found_to_have_happened_are_counted() -> None:
    world = World(settings=FULL)
    for number in range(3):
        world.source.put(meeting(f"a{number}", wall(MONDAY, 9 + number)))
    world.run_until_quiet()
    world.source.put(meeting("a0", wall(MONDAY, 12)))
    world.source.remove("a1")
    lose_answers(world, "write")
    result = world.run()
    assert (result.counts.updated, result.counts.deleted, result.errors) == (1, 1, [])
    quiet = world.run()
    assert (quiet.counts.updated, quiet.counts.deleted) == (0, 0)


def test_a_series_whose_create_lost_its_answer_gets_its_occurrences_in_the_same_run() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    second, third = wall(MONDAY + timedelta(days=7), 9), wall(MONDAY + timedelta(days=14), 9)
    world.source.cancel_occurrence("series", second)
    moved = Fields(When(third + timedelta(hours=4), third + timedelta(hours=5), ZONE), title="Stand-up, later")
    world.source.change_occurrence("series", third, moved)
    lose_answers(world, "write")
    result = world.run()
    assert not result.errors
    (copy,) = world.copies()
    unit = world.unit(world.target, copy.id)
    assert {occ: event.fields for occ, event in unit.exceptions.items()} == {"20261207": moved}
    written = len(world.target.log)
    world.run()
    assert len(world.target.log) == written


def test_a_service_that_cannot_be_asked_either_leaves_the_rest_of_the_run_as_it_is() -> None:
    world = World()
    world.run()
    for number in range(3):
        world.source.put(meeting(f"a{number}", wall(MONDAY, 9 + number)))
    lose_answers(world, "write", "marked")
    result = world.run()
    assert [error.code for error in result.errors] == ["unavailable", "unknown_outcome"]
    assert result.counts.failed == 3
    repaired = world.run()
    assert (repaired.counts.created, repaired.errors) == (3, [])
    assert len(world.copies()) == 3


def test_creates_that_did_not_happen_are_sent_again_together_and_alone_only_when_unknown_twice() -> None:
    world = World()
    world.run()
    for number in range(4):
        world.source.put(meeting(f"a{number}", wall(MONDAY, 9 + number)))
    drops = iter(["write", "write"])

    def before(name: str) -> None:
        if name == "write" and next(drops, None):
            raise UnavailableError("The request was lost.")

    world.target.script.before = before
    first = world.run()
    assert world.target.requests.count("write") == 2
    assert first.counts.failed == 4
    second = world.run()
    assert world.target.requests.count("write") == 2 + 4
    assert (second.counts.created, second.errors) == (4, [])
    assert len(world.copies()) == 4
