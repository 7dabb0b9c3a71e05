"""A deletion tells nobody who did it: what a run leaves beside it, and what others and an older database read there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.pairs import CopyDeleted, DirectionSettings, WordFilter
from app.domain.runs import HoldCause
from app.engine.commands import take_copies_away
from tests.fakes.calendar import FakeCalendar, wall
from tests.fakes.engine_world import FULL, MONDAY, CountedStamps, World, drive, meeting, weekly

DELETING = replace(FULL, copy_deleted=CopyDeleted.DELETE_ORIGINAL)
COUNT = 12


def in_step(count: int = COUNT, *, settings: DirectionSettings = DELETING, hides_markers: bool = False) -> World:
    """A pair that goes both ways, with copies that were made long ago."""
    world = World(settings=settings, both_ways=True, target=FakeCalendar(hides_markers=hides_markers))
    for number in range(count):
        world.source.put(meeting(f"a{number:02}", wall(MONDAY + timedelta(days=number), 9), title=f"Talk {number}"))
    world.run_until_quiet()
    return world


def other(world: World, settings: DirectionSettings) -> World:
    """Another installation with the same pair."""
    return World(
        settings=settings,
        source=world.source,
        target=world.target,
        clock=world.clock,
        stamps=CountedStamps("second"),
        both_ways=True,
    )


def without(settings: DirectionSettings, word: str) -> DirectionSettings:
    return replace(settings, filters=replace(settings.filters, words=(WordFilter(words=(word,), only=False),)))


def written(world: World) -> list[str]:
    """What Kalends did to copies, in its order."""
    return [change.what for change in world.target.log if change.by == "kalends"]


def whose(world: World) -> set[str]:
    """Installations whose stamps the living copies bear."""
    return {copy.marker.stamp.partition(".")[0] for copy in world.copies() if copy.marker is not None}


@pytest.mark.parametrize("hides_markers", [False, True])
@pytest.mark.parametrize("narrower", [DELETING, replace(FULL, copy_deleted=CopyDeleted.STAY_AWAY)])
def test_an_installation_that_finds_copies_and_only_takes_one_away_costs_no_original(
    narrower: DirectionSettings, hides_markers: bool
) -> None:
    first = in_step(hides_markers=hides_markers)
    second = other(first, without(narrower, "Talk 3"))
    second.run_until_quiet()
    assert whose(second) == {"inst", "second"}
    holds = [hold for result in first.run_until_quiet() for hold in result.holds]
    assert not first.source.events["a03"].gone
    assert {hold.cause for hold in holds} == {HoldCause.ORIGINALS_DELETED}


def test_all_copies_that_are_gone_at_once_cost_no_original_unasked() -> None:
    first = in_step(3)
    second = other(first, DELETING)
    second.run_until_quiet()
    client, ledger = second.target, second.ledger
    drive(take_copies_away(second.direction, client, ledger, second.writer(), second.clock, release=False))
    assert second.copies() == []
    first.run()
    result = first.run()
    assert len(first.source.living()) == 3
    assert [hold.cause for hold in result.holds] == [HoldCause.ORIGINALS_DELETED]


def test_one_copy_is_written_once_more_as_it_is_before_another_goes() -> None:
    world = in_step()
    before = len(written(world))
    says = {copy.id: copy.fields for copy in world.copies()}
    world.source.remove("a03")
    world.run_until_quiet()
    assert written(world)[before:] == ["put", "remove"]
    assert all(says[copy.id] == copy.fields for copy in world.copies())


def test_nothing_is_written_beside_a_deletion_where_no_original_can_go_for_it() -> None:
    world = in_step(settings=FULL)
    before = len(written(world))
    world.source.remove("a03")
    world.run_until_quiet()
    assert written(world)[before:] == ["remove"]


def test_what_is_changed_or_made_in_the_same_run_is_mark_enough() -> None:
    world = in_step()
    before = len(written(world))
    world.source.remove("a03")
    world.source.put(meeting("b1", wall(MONDAY, 15)))
    world.run_until_quiet()
    assert sorted(written(world)[before:]) == ["put", "remove"]


def test_a_series_or_an_edited_copy_is_no_place_for_a_mark() -> None:
    world = World(settings=replace(DELETING), both_ways=True)
    world.source.put(weekly())
    world.source.put(meeting("a1", wall(MONDAY, 15)))
    world.run_until_quiet()
    before = len(written(world))
    world.source.remove("a1")
    world.run_until_quiet()
    assert written(world)[before:] == ["remove"]


def test_an_undo_leaves_a_mark_and_none_is_undone() -> None:
    world = in_step()
    world.source.put(meeting("b1", wall(MONDAY, 15)))
    world.run()
    made = world.last_run_id
    before = len(written(world))
    world.undo(made)
    assert written(world)[before:] == ["put", "remove"]
    undone_by = world.last_run_id
    assert [finding.original_id for finding in world.undoable(undone_by)] == ["b1"]


def test_a_rolled_back_database_is_known_by_a_copy_that_was_written_since() -> None:
    world = in_step()
    kept = world.backup()
    was = world.source.events["a05"]
    assert was.fields is not None
    world.source.put(replace(was, fields=replace(was.fields, title="Newer")))
    world.run_until_quiet()
    world.put_back(kept)
    before = len(written(world))
    result = world.run()
    assert len(result.strange_stamps) == 1
    assert len(written(world)) == before
    world.accepted = result.strange_stamps
    world.run(checking=True)
    for result in world.run_until_quiet():
        assert not result.strange_stamps
    assert len(world.copies()) == COUNT


@pytest.mark.parametrize("hides_markers", [False, True])
def test_a_rolled_back_database_takes_its_own_deletion_for_nobodys(hides_markers: bool) -> None:
    world = in_step(hides_markers=hides_markers)
    kept = world.backup()
    world.change_settings(filters=without(world.settings, "Talk 3").filters)
    world.run_until_quiet()
    assert len(world.copies()) == COUNT - 1
    world.put_back(kept)
    result = world.run()
    assert result.strange_stamps
    world.accepted = result.strange_stamps
    world.run(checking=True)
    world.run_until_quiet()
    assert not world.source.events["a03"].gone
    assert len(world.copies()) == COUNT


def test_writes_whose_answer_was_lost_make_no_database_older() -> None:
    world = in_step()
    was = world.source.events["a05"]
    assert was.fields is not None
    world.source.put(replace(was, fields=replace(was.fields, title="Newer")))
    world.target.lose_next("update")
    for result in [world.run(), *world.run_until_quiet()]:
        assert not result.strange_stamps
