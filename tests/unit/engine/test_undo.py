"""Undoing what a run did, and that what was undone is not done again (`engine.md` §12, promise 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.events import Event, Fields
from app.domain.links import CopyState, LinkState, Op
from app.domain.pairs import CopyDeleted, CopyEdited, DirectionSettings, Mode
from app.domain.runs import Undoable, Verb
from app.domain.times import When
from tests.fakes.calendar import GOOGLE_LIKE, Crash, FakeCalendar, wall
from tests.fakes.engine_world import FULL, MONDAY, World, meeting, weekly

RESTORING = replace(FULL, copy_deleted=CopyDeleted.RESTORE)
BACK = DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.WRITE_BACK)
DELETING = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.DELETE_ORIGINAL)


def in_step(settings: DirectionSettings = FULL, *, both_ways: bool = False, **more: Any) -> World:
    """A pair with one original `a1` and its copy, made by the world's first run."""
    world = World(settings=settings, both_ways=both_ways)
    world.source.put(meeting("a1", wall(MONDAY, 9), title="Review", **more))
    world.run()
    return world


def edit(calendar: FakeCalendar, event_id: str, **changes: Any) -> Event:
    """A person changes fields of an event."""
    event = calendar.events[event_id]
    assert event.fields is not None
    return calendar.put(replace(event, fields=replace(event.fields, **changes)))


def the_copy(world: World) -> Event:
    (copy,) = world.copies()
    return copy


def fields_of(event: Event) -> Fields:
    assert event.fields is not None
    return event.fields


def states(world: World, run_id: str) -> list[Undoable]:
    return [finding.state for finding in world.undoable(run_id)]


def runs_without_writing(world: World, times: int = 3) -> bool:
    """Whether the next runs leave both calendars alone, also when every original is planned."""
    quiet = (len(world.source.log), len(world.target.log))
    for number in range(times):
        world.run(full=number == 1)
    if quiet != (len(world.source.log), len(world.target.log)):
        return False
    for calendar in (world.source, world.target):
        for event in [e for e in calendar.living() if e.marker is None]:
            edit(calendar, event.id)
    before = (len(world.source.log), len(world.target.log))
    world.run()
    return before == (len(world.source.log), len(world.target.log))


# -- created copies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [FULL, RESTORING])
def test_an_undone_copy_stays_away_whatever_the_pair_does_with_deleted_copies(settings: DirectionSettings) -> None:
    world = in_step(settings)
    run = world.last_run_id
    result = world.undo(run)
    assert world.copies() == []
    assert result.written.counts.deleted == 1
    (link,) = world.ledger.links(world.direction.id, ["a1"])
    assert (link.state, link.reason) == (LinkState.AWAY, "undone")
    assert runs_without_writing(world)
    edit(world.source, "a1", title="Another")
    world.run()
    assert world.copies() == []
    assert states(world, run) == [Undoable.UNDONE]


def test_undoing_the_undo_makes_the_copy_again_and_it_is_followed_as_before() -> None:
    world = in_step()
    first = world.last_run_id
    world.undo(first)
    world.undo(world.last_run_id)
    assert fields_of(the_copy(world)).title == "Review"
    assert runs_without_writing(world)
    edit(world.source, "a1", title="Another")
    world.run()
    assert fields_of(the_copy(world)).title == "Another"
    assert states(world, first) == [Undoable.POSSIBLE], "what was done again can be undone again"


def test_a_copy_that_a_person_edited_is_left_alone() -> None:
    world = in_step()
    world.source.put(meeting("a2", wall(MONDAY, 11), title="Lunch"))
    world.run()
    run = world.last_run_id
    edited = next(copy for copy in world.copies() if fields_of(copy).title == "Lunch")
    edit(world.target, edited.id, place="Cafeteria")
    assert states(world, run) == [Undoable.CHANGED_SINCE]
    result = world.undo(run)
    assert result.left_alone == 1
    assert len(world.copies()) == 2
    (line,) = world.history.actions(world.last_run_id)
    assert (line.verb, line.reason, line.title) == (Verb.SKIP, "changed_since", "Lunch")


def test_only_the_chosen_event_is_undone() -> None:
    world = World(settings=FULL)
    for name in ("a1", "a2"):
        world.source.put(meeting(name, wall(MONDAY, 9), title=name))
    world.run()
    run = world.last_run_id
    world.undo(run, events={"a2"})
    assert fields_of(the_copy(world)).title == "a1"
    assert sorted(states(world, run)) == [Undoable.UNDONE, Undoable.POSSIBLE]
    world.undo(run)
    assert world.copies() == []


# -- updated copies ----------------------------------------------------------------------------------------------------


def test_an_undone_field_stays_until_another_value_is_wanted_while_other_fields_go_on() -> None:
    world = in_step()
    edit(world.source, "a1", title="Moved")
    world.run()
    run = world.last_run_id
    world.undo(run)
    assert fields_of(the_copy(world)).title == "Review"
    assert runs_without_writing(world)
    edit(world.source, "a1", place="Room 4")
    world.run()
    assert (fields_of(the_copy(world)).title, fields_of(the_copy(world)).place) == ("Review", "Room 4")
    edit(world.source, "a1", title="Moved again")
    world.run()
    assert fields_of(the_copy(world)).title == "Moved again"


def test_an_update_undone_twice_is_done_again_and_no_field_is_pinned() -> None:
    world = in_step()
    edit(world.source, "a1", title="Moved")
    world.run()
    world.undo(world.last_run_id)
    world.undo(world.last_run_id)
    assert fields_of(the_copy(world)).title == "Moved"
    (copy,) = world.ledger.copies(world.direction.id, None)
    assert copy.pins == {}
    assert runs_without_writing(world)


def test_a_field_that_a_later_run_changed_again_is_left_alone() -> None:
    world = in_step()
    edit(world.source, "a1", title="Second")
    world.run()
    second = world.last_run_id
    edit(world.source, "a1", title="Third")
    world.run()
    assert states(world, second) == [Undoable.CHANGED_SINCE]
    world.undo(world.last_run_id)
    assert fields_of(the_copy(world)).title == "Second"


def test_a_restored_edit_is_back_after_its_undo_and_stays() -> None:
    world = in_step()
    edit(world.target, the_copy(world).id, title="By hand")
    world.run()
    assert fields_of(the_copy(world)).title == "Review"
    world.undo(world.last_run_id)
    assert fields_of(the_copy(world)).title == "By hand"
    assert runs_without_writing(world)


# -- deleted copies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("burns_ids", [True, False])
def test_a_deleted_copy_is_made_again_and_kept_without_its_original(burns_ids: bool) -> None:
    world = in_step()
    world.target.burns_ids = burns_ids
    world.source.remove("a1")
    world.run()
    run = world.last_run_id
    assert world.copies() == []
    world.undo(run)
    assert fields_of(the_copy(world)).title == "Review"
    (link,) = world.ledger.links(world.direction.id, ["a1"])
    assert link.state is LinkState.KEPT
    assert runs_without_writing(world)
    assert states(world, run) == [Undoable.UNDONE]


def test_doing_a_deletion_again_takes_the_copy_away() -> None:
    world = in_step()
    world.source.remove("a1")
    world.run()
    world.undo(world.last_run_id)
    world.undo(world.last_run_id)
    assert world.copies() == []
    assert runs_without_writing(world)


# -- originals ---------------------------------------------------------------------------------------------------------


def test_an_undone_write_back_gives_the_original_its_title_and_leaves_the_copy_as_edited() -> None:
    world = in_step(BACK, both_ways=True)
    edit(world.target, the_copy(world).id, title="By hand")
    world.run()
    run = world.last_run_id
    assert fields_of(world.source.events["a1"]).title == "By hand"
    world.undo(run)
    assert fields_of(world.source.events["a1"]).title == "Review"
    assert fields_of(the_copy(world)).title == "By hand"
    before = (len(world.source.log), len(world.target.log))
    for _ in range(3):
        world.run()
    assert before == (len(world.source.log), len(world.target.log))
    world.undo(world.undo_run_of(run))
    assert fields_of(world.source.events["a1"]).title == "By hand"
    edit(world.source, "a1", title="Third")
    world.run()
    assert fields_of(the_copy(world)).title == "Third"


def test_an_original_that_changed_after_a_write_back_is_left_alone() -> None:
    world = in_step(BACK, both_ways=True)
    edit(world.target, the_copy(world).id, title="By hand")
    world.run()
    run = world.last_run_id
    edit(world.source, "a1", title="Third")
    assert states(world, run) == [Undoable.CHANGED_SINCE]


def test_a_deleted_original_is_there_again_and_neither_copied_nor_deleted_again() -> None:
    world = in_step(DELETING, both_ways=True)
    world.target.remove(the_copy(world).id)
    world.run()
    run = world.last_run_id
    assert world.source.living() == []
    world.undo(run)
    (again,) = world.source.living()
    assert fields_of(again).title == "Review"
    assert runs_without_writing(world)
    assert len(world.source.living()) == 1
    assert world.copies() == []
    assert states(world, run) == [Undoable.UNDONE]


# -- series ------------------------------------------------------------------------------------------------------------


def series(settings: DirectionSettings = FULL, **more: Any) -> World:
    world = World(settings=settings, **more)
    world.source.put(weekly())
    return world


@pytest.mark.parametrize("excluded_dates", [True, False])
def test_a_deleted_series_comes_back_with_its_exceptions_and_gaps(excluded_dates: bool) -> None:
    world = series(target=FakeCalendar(capabilities=replace(GOOGLE_LIKE, excluded_dates=excluded_dates)))
    second, third = wall(MONDAY.replace(day=30), 9), wall(MONDAY.replace(month=12, day=7), 9)
    world.source.cancel_occurrence("series", second)
    master = fields_of(world.source.events["series"])
    moved = replace(master, when=master.when.moved_to(third.replace(hour=15)), recurrence=None, title="Late")
    world.source.change_occurrence("series", third, moved)
    world.run_until_quiet()
    before = world.unit(world.target, the_copy(world).id)
    assert before.exceptions
    world.source.remove("series")
    world.run()
    run = world.last_run_id
    assert world.copies() == []
    world.undo(run)
    (again,) = [copy for copy in world.copies() if copy.series_id is None]
    after = world.unit(world.target, again.id)
    assert after.cancelled.keys() == before.cancelled.keys()
    assert {occ: fields_of(e) for occ, e in after.exceptions.items()} == {
        occ: fields_of(e) for occ, e in before.exceptions.items()
    }
    assert states(world, run) == [Undoable.UNDONE]
    assert runs_without_writing(world)


def test_an_undone_change_of_a_series_keeps_its_gaps() -> None:
    world = series()
    world.source.cancel_occurrence("series", wall(MONDAY.replace(day=30), 9))
    world.run_until_quiet()
    gaps = world.unit(world.target, the_copy(world).id).cancelled
    edit(world.source, "series", title="Stand-down")
    world.run()
    world.undo(world.last_run_id)
    assert fields_of(the_copy(world)).title == "Stand-up"
    assert world.unit(world.target, the_copy(world).id).cancelled == gaps != {}
    assert runs_without_writing(world)


def test_a_series_with_exceptions_that_was_made_goes_as_a_whole() -> None:
    world = series()
    second = wall(MONDAY.replace(day=30), 9)
    master = fields_of(world.source.events["series"])
    world.source.change_occurrence(
        "series", second, replace(master, when=master.when.moved_to(second), title="Special", recurrence=None)
    )
    world.run()
    run = world.last_run_id
    assert states(world, run) == [Undoable.POSSIBLE]
    world.undo(run)
    assert world.target.living() == []
    assert runs_without_writing(world)


def test_a_changed_occurrence_is_regular_again_after_its_undo_and_stays_so() -> None:
    world = series()
    world.run_until_quiet()
    second = wall(MONDAY.replace(day=30), 9)
    master = fields_of(world.source.events["series"])
    world.source.change_occurrence(
        "series", second, replace(master, when=master.when.moved_to(second), title="Special", recurrence=None)
    )
    world.run()
    run = world.last_run_id
    copy_id = the_copy(world).id
    assert [fields_of(e).title for e in world.unit(world.target, copy_id).exceptions.values()] == ["Special"]
    world.undo(run)
    assert [fields_of(e).title for e in world.unit(world.target, copy_id).exceptions.values()] == ["Stand-up"]
    assert runs_without_writing(world)
    exception = next(e for e in world.source.events.values() if e.series_id)
    edit(world.source, exception.id, title="Other")
    world.run()
    assert [fields_of(e).title for e in world.unit(world.target, copy_id).exceptions.values()] == ["Other"]


def test_a_series_that_became_a_single_is_a_series_again_and_left_so() -> None:
    world = series()
    world.run_until_quiet()
    single = replace(weekly(), kind=meeting("x", wall(MONDAY, 9)).kind)
    assert single.fields is not None
    world.source.put(replace(single, fields=replace(single.fields, recurrence=None)))
    world.run()
    run = world.last_run_id
    assert fields_of(the_copy(world)).recurrence is None
    world.undo(run)
    assert fields_of(the_copy(world)).recurrence is not None
    assert runs_without_writing(world)


# -- crashes -----------------------------------------------------------------------------------------------------------


def prepared_delete() -> World:
    world = in_step()
    world.source.remove("a1")
    world.run()
    return world


def prepared_update() -> World:
    world = in_step()
    edit(world.source, "a1", title="Moved")
    world.run()
    return world


def prepared_write_back() -> World:
    world = in_step(BACK, both_ways=True)
    edit(world.target, the_copy(world).id, title="By hand")
    world.run()
    return world


def prepared_original() -> World:
    world = in_step(DELETING, both_ways=True)
    world.target.remove(the_copy(world).id)
    world.run()
    return world


def content(world: World) -> tuple[list[Fields], list[Fields]]:
    return (
        [fields_of(event) for event in world.source.living()],
        [fields_of(event) for event in world.target.living()],
    )


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("in_between", ["nothing", "a run"])
@pytest.mark.parametrize("prepare", [in_step, prepared_update, prepared_delete, prepared_write_back])
def test_an_undo_that_was_killed_while_writing_ends_as_one_that_was_not(
    prepare: Callable[[], World], in_between: str, moment: str
) -> None:
    unhurt = prepare()
    unhurt.undo(unhurt.last_run_id)
    world = prepare()
    run = world.last_run_id
    dying = ["write"]

    def die(name: str) -> None:
        if name in dying:
            dying.clear()
            raise Crash

    for calendar in (world.source, world.target):
        setattr(calendar.script, moment, die)
    with pytest.raises(Crash):
        world.undo(run)
    world.reopen()
    if in_between == "a run":
        world.run()
    world.undo(run)
    assert content(world) == content(unhurt)
    assert states(world, run) == [Undoable.UNDONE]
    assert runs_without_writing(world)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_original_is_made_anew_once_though_the_undo_was_killed(moment: str) -> None:
    world = prepared_original()
    run = world.last_run_id
    dying = ["write"]

    def die(name: str) -> None:
        if name in dying:
            dying.clear()
            raise Crash

    setattr(world.source.script, moment, die)
    with pytest.raises(Crash):
        world.undo(run)
    world.reopen()
    world.undo(run)
    assert len(world.source.living()) == 1
    assert world.copies() == []
    assert states(world, run) == [Undoable.UNDONE]


def test_a_lost_answer_to_an_undo_is_settled_by_the_next_run() -> None:
    world = prepared_update()
    run = world.last_run_id
    world.target.lose_next("update")
    result = world.undo(run)
    assert result.written.unfinished
    world.run()
    assert fields_of(the_copy(world)).title == "Review"
    assert states(world, run) == [Undoable.UNDONE]
    assert runs_without_writing(world)


def test_an_undo_is_not_counted_by_the_guard() -> None:
    world = World(settings=FULL)
    for number in range(20):
        world.source.put(meeting(f"a{number}", wall(MONDAY, 9), title=str(number)))
    world.run()
    world.undo(world.last_run_id)
    assert world.copies() == []
    assert world.ledger.tally(world.direction.id, world.clock.now()).deleted_24h == 0


def test_a_copy_row_that_was_let_go_is_a_copy_again() -> None:
    world = in_step(replace(FULL, copy_edited=CopyEdited.KEEP))
    edit(world.target, the_copy(world).id, title="By hand")
    world.run()
    world.source.remove("a1")
    world.run()
    run = world.last_run_id
    assert world.copies() == []
    world.undo(run)
    assert fields_of(the_copy(world)).title == "By hand"
    (copy,) = world.ledger.copies(world.direction.id, None)
    assert copy.state is CopyState.LIVE
    assert runs_without_writing(world)


def test_the_writes_of_an_undo_say_what_they_are() -> None:
    world = in_step()
    world.undo(world.last_run_id)
    (row,) = world.ledger.journaled(world.last_run_id)
    assert (row.op, row.reason) == (Op.DELETE, "command_undo")
    assert row.undoing is not None


def test_what_was_done_to_an_all_day_event_tells_its_date_whatever_the_zone() -> None:
    world = World(settings=FULL)
    assert world.direction.source.zone == "Europe/Berlin"
    world.source.put(Event("a1", fields=Fields(When(MONDAY, MONDAY + timedelta(days=1)), "Holiday")))
    world.run()
    (finding,) = world.undoable(world.last_run_id)
    assert (finding.all_day, finding.starts_at) == (True, datetime(2026, 11, 23, tzinfo=UTC))


def test_a_copy_that_stands_for_several_originals_is_left_to_people() -> None:
    world = in_step()
    run = world.last_run_id
    (link,) = world.ledger.links(world.direction.id, ["a1"])
    world.ledger.save([replace(link, original_id="a2")], [])
    assert states(world, run) == [Undoable.NOT_UNDOABLE]
    world.undo(run)
    assert len(world.copies()) == 1
