"""Nothing is decided on absence, and an answer nobody gave is none (`engine.md` §3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from app.domain.events import Event, EventKind, Fields, Marker
from app.domain.pairs import CopyEdited, DirectionSettings, Mode
from app.domain.times import When
from app.engine.asking import ASK_AT_MOST
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, ZONE, World, meeting, weekly

MONDAY = date(2026, 11, 23)


def invitation(day: int, hour: int = 9) -> Event:
    """One occurrence of somebody else's series, whose master the user cannot see."""
    start = wall(MONDAY + timedelta(days=day), hour)
    return Event(
        id=f"theirs_{day}",
        kind=EventKind.EXCEPTION,
        series_id="theirs",
        original_start=datetime(start.year, start.month, start.day, 8, tzinfo=UTC),
        fields=Fields(When(start, start + timedelta(hours=1), ZONE), title=f"Day {day}"),
    )


def test_an_invitation_to_one_occurrence_is_copied_and_follows_its_changes() -> None:
    world = World(settings=FULL)
    world.source.put(invitation(0))
    world.run_until_quiet()
    moved = invitation(0)
    assert moved.fields is not None
    world.source.put(replace(moved, fields=replace(moved.fields, title="Moved")))
    world.run_until_quiet()
    assert [copy.fields.title for copy in world.copies() if copy.fields] == ["Moved"]


def test_an_invitation_that_becomes_all_day_keeps_its_copy() -> None:
    world = World(settings=FULL)
    world.source.put(invitation(0))
    world.run_until_quiet()
    (before,) = world.copies()
    lone = invitation(0)
    assert lone.fields is not None
    world.source.put(replace(lone, fields=replace(lone.fields, when=When(MONDAY, MONDAY + timedelta(days=1)))))
    world.run_until_quiet()
    (after,) = world.copies()
    assert after.id == before.id


def test_an_invitation_missing_from_a_listing_keeps_its_copy() -> None:
    world = World(settings=FULL)
    world.source.put(invitation(0))
    world.source.put(invitation(7))
    world.run_until_quiet()
    world.source.script.unlisted = {"theirs_0"}
    world.run(full=True)
    world.run(full=True)
    assert len(world.copies()) == 2
    assert not [change for change in world.target.log if change.what == "remove"]


def test_invitations_all_missing_from_a_listing_keep_their_copies() -> None:
    world = World(settings=FULL)
    world.source.put(invitation(0))
    world.source.put(invitation(7))
    world.run_until_quiet()
    world.source.script.empty_listing = True
    world.run(full=True)
    world.source.script.empty_listing = False
    world.run(full=True)
    assert len(world.copies()) == 2
    assert not [change for change in world.target.log if change.what == "remove"]


def test_an_invitation_that_is_gone_takes_its_own_copy_along() -> None:
    world = World(settings=FULL)
    world.source.put(invitation(0))
    world.source.put(invitation(7))
    world.run_until_quiet()
    world.source.remove("theirs_0")
    world.run_until_quiet()
    assert [copy.fields.title for copy in world.copies() if copy.fields] == ["Day 7"]
    world.source.remove("theirs_7")
    world.run_until_quiet()
    assert world.copies() == []
    assert list(world.ledger.links(world.direction.id, None)) == []


def test_a_series_of_which_a_part_is_out_of_sight_is_read_whole_first() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    world.source.cancel_occurrence("series", wall(MONDAY + timedelta(days=7), 9))
    world.run_until_quiet()
    (before,) = world.copies()
    # The series was missing from one listing, and nobody could say more.
    world.source.script.empty_listing = True
    world.source.script.unanswered = {"series"}
    world.run(full=True)
    world.source.script.empty_listing = False
    # Now the master alone comes back, with a change.
    master = world.source.events["series"]
    assert master.fields is not None
    world.source.put(replace(master, fields=replace(master.fields, title="New name")))
    world.run()
    world.source.script.unanswered = set()
    world.run_until_quiet()
    (after,) = world.copies()
    assert after.id == before.id
    assert set(world.unit(world.target, after.id).cancelled) == {"20261130"}
    assert after.fields is not None
    assert after.fields.title == "New name"


def test_an_edited_copy_is_not_touched_while_its_original_cannot_be_read() -> None:
    world = World(settings=FULL)
    world.source.put(meeting("a1", wall(MONDAY, 9), title="Review"))
    world.run_until_quiet()
    (copy,) = world.copies()
    assert copy.fields is not None
    world.target.put(replace(copy, fields=replace(copy.fields, title="Mine")))
    world.source.script.unanswered = {"a1"}
    world.run()
    assert world.copies()[0].fields == replace(copy.fields, title="Mine")
    world.source.script.unanswered = set()
    world.run_until_quiet()
    assert world.copies()[0].fields == copy.fields


def test_an_event_with_an_unknown_marker_is_no_source_until_the_service_tells() -> None:
    world = World()
    world.source.hides_markers = True
    world.source.put(replace(meeting("a2", wall(MONDAY, 10)), marker=Marker("d", "k", 0, "s.1")))
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.source.script.unanswered = {"a1", "a2"}
    world.run()
    assert world.copies() == []
    world.source.script.unanswered = set()
    world.run_until_quiet()
    assert len(world.copies()) == 1


def test_a_first_sync_from_a_source_that_hides_markers_is_done_in_one_run() -> None:
    world = World()
    world.source.hides_markers = True
    for n in range(230):
        world.source.put(meeting(f"a{n:03}", wall(MONDAY, 0) + timedelta(minutes=n)))
    assert world.run().counts.created == 230


def test_more_questions_than_a_run_may_ask_are_all_asked_in_time() -> None:
    world = World(settings=DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.KEEP))
    for n in range(230):
        world.source.put(meeting(f"a{n:03}", wall(MONDAY, 0) + timedelta(minutes=n), title="Review"))
    world.run_until_quiet()
    for copy in world.copies():
        assert copy.fields is not None
        world.target.put(replace(copy, fields=replace(copy.fields, title="Mine")))
    for n in range(4):
        world.change_settings(window_back_days=31 + n)
    world.run()
    world.run()
    world.run()
    assert not world.ledger.originals_to_plan(world.direction, world.clock.now())


def test_what_looks_like_a_copy_by_its_id_is_never_a_source() -> None:
    world = World()
    world.source.put(meeting("kaln" + "0123456789" * 4, wall(MONDAY, 9)))
    named = replace(meeting("plain", wall(MONDAY, 10)), transaction_id="6b616c6e-0123-8456-8789-0123456789ab")
    world.source.put(named)
    assert world.run().counts.created == 0


def test_a_released_copy_is_an_ordinary_event_that_may_be_a_source() -> None:
    world = World()
    released = Marker("d", "k", 0, "s.1", released=True)
    world.source.put(replace(meeting("kaln" + "0123456789" * 4, wall(MONDAY, 9)), marker=released))
    assert world.run().counts.created == 1


def test_an_event_at_the_edge_of_time_stops_no_other() -> None:
    world = World(settings=FULL)
    birth = meeting("birth", datetime(1, 1, 1), minutes=0)  # noqa: DTZ001 - a wall clock
    assert birth.fields is not None
    when = replace(birth.fields.when, zone="Asia/Tokyo")
    world.source.put(replace(birth, fields=replace(birth.fields, when=when)))
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    result = world.run()
    assert result.counts.created == 1
    assert [action.reason for action in result.actions] == ["time_unreadable"]


def test_a_meeting_gets_its_copy_after_its_twin_in_the_target_is_gone() -> None:
    world = World()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.target.put(replace(meeting("b1", wall(MONDAY, 9)), ical_uid="a1@example.com"))
    world.run_until_quiet()
    world.target.remove("b1")
    world.clock.advance(days=1)
    world.run_until_quiet()
    assert len(world.copies()) == 1


def test_a_run_that_could_not_ask_about_an_original_says_so_until_it_can() -> None:
    world = World(settings=FULL)
    world.source.put(meeting("one", wall(MONDAY, 9)))
    world.source.put(meeting("two", wall(MONDAY, 11)))
    world.run_until_quiet()
    world.source.script.unlisted = {"one"}
    world.source.script.unanswered = {"one"}
    (error,) = world.run(full=True).errors
    assert (error.code, error.connection_id) == ("could_not_ask", world.direction.source.id)
    assert [error.code for error in world.run().errors] == ["could_not_ask"]
    assert len(world.copies()) == 2
    world.source.script.unanswered = set()
    assert world.run().errors == []


def test_a_run_that_could_not_ask_about_a_copy_says_so() -> None:
    world = World(settings=FULL)
    world.source.put(meeting("one", wall(MONDAY, 9)))
    world.run_until_quiet()
    (copy,) = world.copies()
    world.target.script.unlisted = {copy.id}
    world.target.script.unanswered = {copy.id}
    (error,) = world.run(full=True).errors
    assert (error.code, error.connection_id) == ("could_not_ask", world.direction.target.id)


def test_a_run_with_more_questions_than_it_may_ask_says_so_and_the_next_ones_go_on() -> None:
    world = World(settings=FULL)
    many = [meeting(f"one{n:03}", wall(MONDAY + timedelta(days=n % 50), 6 + n // 50)) for n in range(ASK_AT_MOST + 5)]
    for one in many:
        world.source.put(one)
    world.run_until_quiet()
    world.source.script.unlisted = {one.id for one in many}
    assert [error.code for error in world.run(full=True).errors] == ["could_not_ask"]
    assert world.run().errors == []
    assert len(world.copies()) == len(many)
