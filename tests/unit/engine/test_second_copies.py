"""Two living copies of one original: the lower generation stays, the other goes unless edited (`engine.md` §4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain import identity
from app.domain.events import Event, Fields
from app.domain.runs import Undoable, Verb
from app.domain.times import When
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, MONDAY, ZONE, HandClock, World, meeting, weekly

SECOND_DATE = MONDAY + timedelta(days=7)


def doubled(series: bool = False) -> tuple[World, Event, Event]:
    """One original, its copy, and a second one under the next id, as another installation would have made it."""
    world = World(FULL)
    world.source.put(weekly("a1") if series else meeting("a1", wall(MONDAY, 9)))
    world.run_until_quiet()
    (first,) = world.copies()
    assert first.marker is not None
    copy_id = identity.copy_id("google:b@example.com", first.marker.copy_key, 1)
    marker = replace(first.marker, generation=1, stamp="other.1")
    second = world.target.put(replace(first, id=identity.google_event_id(copy_id), marker=marker), by="kalends")
    return world, first, second


def listed_anew(world: World) -> World:
    """A database that knows nothing lists the copies by their marker."""
    return World(FULL, source=world.source, target=world.target, clock=HandClock(world.clock.now()))


@pytest.mark.parametrize("series", [False, True])
def test_the_higher_of_two_copies_goes_when_it_says_the_same(series: bool) -> None:
    before, first, _ = doubled(series)
    world = listed_anew(before)
    results = world.run_until_quiet()
    assert [copy.id for copy in world.copies()] == [first.id]
    assert sum(result.counts.deleted for result in results) == 1
    world.source.remove("a1")
    world.run_until_quiet()
    assert world.copies() == []


def test_a_second_copy_that_says_something_else_is_shown_and_left() -> None:
    before, first, second = doubled()
    assert second.fields is not None
    before.target.put(replace(second, fields=replace(second.fields, title="Mine now")))
    world = listed_anew(before)
    result = world.run()
    assert ("second_copy_unclear", "Mine now") in {(action.reason, action.title) for action in result.actions}
    world.run_until_quiet()
    assert {copy.id for copy in world.copies()} == {first.id, second.id}


def test_a_second_series_in_which_a_person_changed_a_date_is_shown_and_left() -> None:
    before, first, second = doubled(series=True)
    own = Fields(When(wall(SECOND_DATE, 15), wall(SECOND_DATE, 16), ZONE), title="My own note")
    note = before.target.change_occurrence(second.id, wall(SECOND_DATE, 9), own)
    world = listed_anew(before)
    result = world.run()
    assert "second_copy_unclear" in {action.reason for action in result.actions}
    world.run_until_quiet()
    assert {first.id, second.id} <= {copy.id for copy in world.copies()}
    assert world.target.events[note.id] == note


def test_a_second_series_that_lacks_a_date_is_shown_and_left() -> None:
    before, first, second = doubled(series=True)
    before.target.cancel_occurrence(second.id, wall(SECOND_DATE, 9))
    world = listed_anew(before)
    world.run_until_quiet()
    assert {first.id, second.id} == {copy.id for copy in world.copies()}


def test_a_removal_whose_answer_was_lost_does_not_make_the_followed_copy_look_gone() -> None:
    before, first, _ = doubled()
    world = listed_anew(before)
    world.target.lose_next("delete")
    world.run_until_quiet()
    assert [copy.id for copy in world.copies()] == [first.id]
    assert len(world.target.living()) == 1


def test_a_dry_run_removes_no_second_copy() -> None:
    before, _, _ = doubled()
    world = listed_anew(before)
    result = world.run(dry=True)
    assert len(world.copies()) == 2
    assert "second_copy" in {action.reason for action in result.actions}


def test_a_second_copy_that_is_left_to_the_person_is_no_news_every_day() -> None:
    before, _, second = doubled()
    assert second.fields is not None
    before.target.put(replace(second, fields=replace(second.fields, title="Mine now")))
    before.run_until_quiet()
    for _ in range(2):
        with before.database.transaction():
            before.database.change("UPDATE direction SET adopted = 0", ())
        assert before.run().found == 0


def test_undoing_a_run_that_removed_a_second_copy_takes_back_the_rest_of_it() -> None:
    world, first, _ = doubled()
    event = world.source.events["a1"]
    assert event.fields is not None
    world.source.put(replace(event, fields=replace(event.fields, title="Renamed")))
    with world.database.transaction():
        world.database.change("UPDATE direction SET adopted = 0", ())
    result = world.run()
    assert (result.counts.updated, result.counts.deleted) == (1, 1)
    run = world.last_run_id
    world.run_until_quiet()
    found = {finding.verb: finding.state for finding in world.undoable(run)}
    assert found == {Verb.UPDATE: Undoable.POSSIBLE, Verb.DELETE: Undoable.NOT_UNDOABLE}
    world.undo(run)
    (copy,) = world.copies()
    assert copy.id == first.id
    assert copy.fields is not None
    assert copy.fields.title == "Meeting"
