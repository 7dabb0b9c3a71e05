"""What a run of one direction does, over fakes and the real ledger: the rows of `engine.md` §3, §5-§7, §10, §11."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.errors import UnavailableError
from app.domain.events import Availability, Event, EventKind, Fields, Marker, Response, Visibility
from app.domain.pairs import CopyDeleted, CopyEdited, DirectionSettings, Filters, Mode
from app.domain.runs import HoldCause, Verb
from app.domain.times import When
from app.engine.fingerprint import hashes
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, ZONE, World, meeting, weekly

MONDAY = date(2026, 11, 23)


def test_a_blocker_copies_time_and_nothing_else() -> None:
    world = World()
    secret = {"text": "salary talk", "place": "Room 9", "link": "https://meet.example/1", "reminders": (10,)}
    world.source.put(meeting("a1", wall(MONDAY, 9), title="Secret", guests=True, fields=secret))
    result = world.run()
    (copy,) = world.copies()
    assert result.counts.created == 1
    assert copy.fields == Fields(
        When(wall(MONDAY, 9), wall(MONDAY, 9, 30), ZONE), title="Busy", visibility=Visibility.PRIVATE
    )


def test_a_second_run_writes_nothing_and_costs_one_request_a_calendar() -> None:
    world = World()
    for n in range(12):
        world.source.put(meeting(f"a{n}", wall(MONDAY + timedelta(days=n), 9)))
    world.run()
    world.run()
    world.source.requests.clear()
    world.target.requests.clear()
    result = world.run()
    assert (result.counts.created, result.counts.updated, result.counts.deleted) == (0, 0, 0)
    assert world.source.requests == ["changes"]
    assert world.target.requests == ["changes"]


def test_a_full_copy_carries_every_field_and_follows_changes() -> None:
    world = World(settings=FULL)
    event = world.source.put(meeting("a1", wall(MONDAY, 9), title="Review", fields={"text": "agenda", "place": "R1"}))
    world.run()
    assert event.fields is not None
    world.source.put(replace(event, fields=replace(event.fields, title="Review 2", place="R2")))
    result = world.run()
    (copy,) = world.copies()
    assert copy.fields is not None
    assert (copy.fields.title, copy.fields.place, copy.fields.text) == ("Review 2", "R2", "agenda")
    assert (result.counts.updated, result.counts.created) == (1, 0)


def test_a_deleted_original_takes_its_copy_along() -> None:
    world = World()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.source.put(meeting("a2", wall(MONDAY, 11)))
    world.run()
    world.source.remove("a1")
    result = world.run()
    assert result.counts.deleted == 1
    assert len(world.copies()) == 1
    assert world.run_until_quiet()[-1].counts.deleted == 0


def test_an_empty_listing_deletes_nothing() -> None:
    world = World()
    for n in range(3):
        world.source.put(meeting(f"a{n}", wall(MONDAY, 9 + n)))
    world.run()
    world.source.script.empty_listing = True
    result = world.run(full=True)
    assert result.counts.deleted == 0
    assert len(world.copies()) == 3
    world.source.script.empty_listing = False
    world.run_until_quiet()
    assert len(world.copies()) == 3


def test_a_dead_cursor_is_a_full_read_that_is_diffed() -> None:
    world = World()
    for n in range(3):
        world.source.put(meeting(f"a{n}", wall(MONDAY, 9 + n)))
    world.run()
    world.source.script.dead_cursor = True
    world.target.script.dead_cursor = True
    world.source.remove("a0")
    world.source.put(meeting("a9", wall(MONDAY, 15)))
    result = world.run()
    assert (result.counts.created, result.counts.deleted) == (1, 1)
    assert len(world.copies()) == 3


def test_a_lost_reply_after_a_create_leaves_exactly_one_copy() -> None:
    world = World()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    lost = iter(["write"])

    def after(name: str) -> None:
        if name == next(lost, None):
            raise UnavailableError("The reply was lost.")

    world.target.script.after = after
    result = world.run()
    assert len(world.copies()) == 1
    assert [change.what for change in world.target.log] == ["put"]
    assert not result.errors
    world.run_until_quiet()
    assert len(world.copies()) == 1


@pytest.mark.parametrize("policy", list(CopyDeleted))
def test_a_copy_deleted_by_hand_follows_the_policy(policy: CopyDeleted) -> None:
    world = World(settings=DirectionSettings(copy_deleted=policy))
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.run()
    (copy,) = world.copies()
    world.target.remove(copy.id)
    world.run_until_quiet()
    assert len(world.copies()) == (1 if policy is CopyDeleted.RESTORE else 0)


def test_a_restored_copy_gets_another_id_because_the_old_one_is_burned() -> None:
    world = World(settings=DirectionSettings(copy_deleted=CopyDeleted.RESTORE))
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.run()
    (first,) = world.copies()
    world.target.remove(first.id)
    world.run()
    (second,) = world.copies()
    assert second.id != first.id
    assert second.marker is not None
    assert second.marker.generation == 1


@pytest.mark.parametrize("policy", list(CopyEdited))
def test_a_copy_edited_by_hand_follows_the_policy(policy: CopyEdited) -> None:
    world = World(settings=DirectionSettings(mode=Mode.FULL, copy_edited=policy))
    world.source.put(meeting("a1", wall(MONDAY, 9), title="Review"))
    world.run()
    (copy,) = world.copies()
    assert copy.fields is not None
    world.target.put(replace(copy, fields=replace(copy.fields, title="Mine")))
    world.run_until_quiet()
    (after,) = world.copies()
    assert after.fields is not None
    assert after.fields.title == ("Mine" if policy is CopyEdited.KEEP else "Review")


def test_a_kept_edit_survives_a_change_of_another_field() -> None:
    world = World(settings=DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.KEEP))
    original = world.source.put(meeting("a1", wall(MONDAY, 9), title="Review"))
    world.run()
    (copy,) = world.copies()
    assert copy.fields is not None
    assert original.fields is not None
    world.target.put(replace(copy, fields=replace(copy.fields, title="Mine")))
    world.run()
    world.source.put(replace(original, fields=replace(original.fields, place="R7")))
    world.run_until_quiet()
    (after,) = world.copies()
    assert after.fields is not None
    assert (after.fields.title, after.fields.place) == ("Mine", "R7")


def test_a_copy_is_never_a_source_whatever_made_it() -> None:
    world = World()
    marker = Marker("other-direction", "key", 0, "inst.9")
    world.source.put(replace(meeting("kaln123", wall(MONDAY, 9)), marker=marker))
    result = world.run()
    assert result.counts.created == 0
    assert world.target.log == []


def test_a_marker_on_a_persons_event_does_not_make_it_ours() -> None:
    world = World()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.run()
    (copy,) = world.copies()
    pasted = world.target.put(replace(copy, id="pastedbyhand"))
    world.source.remove("a1")
    world.run_until_quiet()
    assert not world.target.events[pasted.id].gone
    assert world.target.events[copy.id].gone


def test_events_of_the_user_in_the_target_are_never_touched() -> None:
    world = World()
    world.target.put(meeting("mine", wall(MONDAY, 9), title="Dentist"))
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.run()
    world.source.remove("a1")
    world.run_until_quiet()
    assert {change.event_id for change in world.target.log if change.by == "kalends"}.isdisjoint({"mine"})


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (meeting("x", wall(MONDAY, 9), response=Response.DECLINED), "declined"),
        (meeting("x", wall(MONDAY, 9), fields={"availability": Availability.FREE}), "free"),
        (meeting("x", datetime(2028, 1, 3, 9)), "outside_window"),  # noqa: DTZ001 - a wall clock
    ],
)
def test_what_is_left_out_is_left_out_with_its_reason(event: Event, reason: str) -> None:
    world = World()
    world.source.put(event)
    result = world.run()
    assert world.target.log == []
    assert [(action.verb, action.reason) for action in result.actions] == [(Verb.SKIP, reason)]


def test_an_original_outside_the_window_is_copied_when_the_window_reaches_it() -> None:
    world = World()
    world.source.put(meeting("a1", datetime(2027, 12, 1, 9)))  # noqa: DTZ001 - a wall clock
    assert world.run().counts.created == 0
    world.clock.advance(days=30)
    assert world.run().counts.created == 1


def test_a_linked_original_that_leaves_the_window_keeps_its_copy() -> None:
    world = World()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.run()
    world.clock.advance(days=60)
    world.run()
    assert len(world.copies()) == 1


def test_the_same_meeting_in_both_calendars_gets_no_copy() -> None:
    world = World()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.target.put(replace(meeting("b1", wall(MONDAY, 9)), ical_uid="a1@example.com"))
    result = world.run()
    assert result.counts.created == 0
    assert [action.reason for action in result.actions] == ["already_there"]


def test_many_deletions_at_once_are_held_and_nothing_is_deleted() -> None:
    world = World()
    for n in range(20):
        world.source.put(meeting(f"a{n:02}", wall(MONDAY + timedelta(days=n), 9)))
    world.run()
    for n in range(10):
        world.source.remove(f"a{n:02}")
    world.source.put(meeting("new", wall(MONDAY, 20)))
    result = world.run()
    assert (result.counts.held, result.counts.deleted, result.counts.created) == (10, 0, 1)
    assert [(hold.cause, hold.expected) for hold in result.holds] == [(HoldCause.MASS_DELETE, 10)]
    again = world.run()
    assert (again.counts.held, again.counts.deleted) == (10, 0)
    assert len(world.copies()) == 21


def test_a_hold_leaves_when_its_cause_does() -> None:
    world = World()
    for n in range(20):
        world.source.put(meeting(f"a{n:02}", wall(MONDAY + timedelta(days=n), 9)))
    world.run()
    for n in range(10):
        world.source.remove(f"a{n:02}")
    world.run()
    for n in range(10):
        world.source.put(meeting(f"a{n:02}", wall(MONDAY + timedelta(days=n), 9)))
    result = world.run()
    assert (result.counts.held, result.counts.deleted, result.holds) == (0, 0, [])
    assert world.ledger.hold(world.direction.id, HoldCause.MASS_DELETE) is None


def test_a_narrower_filter_removes_copies_by_default() -> None:
    world = World()
    original = world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.source.put(meeting("a2", wall(MONDAY, 10)))
    world.run()
    assert original.fields is not None
    world.source.put(replace(original, fields=replace(original.fields, availability=Availability.FREE)))
    result = world.run()
    assert result.counts.deleted == 1
    assert len(world.copies()) == 1
    world.source.put(original)
    world.run_until_quiet()
    assert len(world.copies()) == 2


def test_changed_settings_change_copies_in_place() -> None:
    world = World()
    world.source.put(meeting("a1", wall(MONDAY, 9), title="Review"))
    world.run()
    (before,) = world.copies()
    world.change_settings(mode=Mode.FULL)
    result = world.run()
    (after,) = world.copies()
    assert after.id == before.id
    assert after.fields is not None
    assert after.fields.title == "Review"
    assert (result.counts.updated, result.counts.created, result.counts.deleted) == (1, 0, 0)


def test_settings_that_leave_more_out_apply_to_what_was_copied() -> None:
    world = World()
    world.source.put(meeting("a1", wall(MONDAY, 9), minutes=15))
    world.source.put(meeting("a2", wall(MONDAY, 10), minutes=60))
    world.run()
    world.change_settings(filters=Filters(shorter_than_seconds=1800))
    result = world.run()
    assert result.counts.deleted == 1
    assert len(world.copies()) == 1


def test_a_series_is_copied_as_a_series_with_its_moved_and_cancelled_occurrences() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    second, third = wall(MONDAY + timedelta(days=7), 9), wall(MONDAY + timedelta(days=14), 9)
    world.source.cancel_occurrence("series", second)
    moved = Fields(When(third + timedelta(hours=4), third + timedelta(hours=5), ZONE), title="Stand-up, later")
    world.source.change_occurrence("series", third, moved)
    world.run_until_quiet()
    (copy,) = world.copies()
    unit = world.unit(world.target, copy.id)
    assert unit.is_series
    assert set(unit.cancelled) == {"20261130"}
    assert {occ: e.fields for occ, e in unit.exceptions.items()} == {"20261207": moved}


def test_later_changes_inside_a_series_follow() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    world.run_until_quiet()
    third = wall(MONDAY + timedelta(days=14), 9)
    moved = Fields(When(third + timedelta(hours=4), third + timedelta(hours=5), ZONE), title="Stand-up")
    world.source.change_occurrence("series", third, moved)
    world.source.cancel_occurrence("series", wall(MONDAY + timedelta(days=21), 9))
    world.run_until_quiet()
    (copy,) = world.copies()
    unit = world.unit(world.target, copy.id)
    assert set(unit.cancelled) == {"20261214"}
    assert unit.exceptions["20261207"].fields == moved


def test_an_exception_that_is_taken_back_is_taken_back_in_the_copy() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    third = wall(MONDAY + timedelta(days=14), 9)
    moved = Fields(When(third + timedelta(hours=4), third + timedelta(hours=5), ZONE), title="Stand-up")
    part = world.source.change_occurrence("series", third, moved)
    world.run_until_quiet()
    regular = Fields(When(third, third + timedelta(hours=1), ZONE), title="Stand-up")
    world.source.put(replace(part, fields=regular))
    world.run_until_quiet()
    (copy,) = world.copies()
    fields = world.unit(world.target, copy.id).exceptions["20261207"].fields
    assert fields is not None
    assert hashes(fields) == hashes(regular)


def test_a_restored_occurrence_makes_the_series_anew_and_exactly_once() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    second = wall(MONDAY + timedelta(days=7), 9)
    world.source.cancel_occurrence("series", second)
    world.run_until_quiet()
    world.source.change_occurrence(
        "series", second, Fields(When(second, second + timedelta(hours=1), ZONE), title="Stand-up")
    )
    world.run_until_quiet()
    (copy,) = world.copies()
    assert world.unit(world.target, copy.id).cancelled == {}


def test_an_occurrence_of_the_copy_deleted_by_hand_stays_away() -> None:
    world = World()
    world.source.put(weekly())
    world.run_until_quiet()
    (copy,) = world.copies()
    world.target.cancel_occurrence(copy.id, wall(MONDAY + timedelta(days=7), 9))
    world.run_until_quiet()
    (after,) = world.copies()
    assert after.id == copy.id
    assert set(world.unit(world.target, copy.id).cancelled) == {"20261130"}


def test_a_moved_hour_of_a_whole_series_updates_its_copy_in_place() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    world.run_until_quiet()
    (before,) = world.copies()
    world.source.put(weekly(hour=11))
    world.run_until_quiet()
    (after,) = world.copies()
    assert after.id == before.id
    assert after.fields is not None
    assert after.fields.when.start == wall(MONDAY, 11)


def test_a_rule_the_target_cannot_say_becomes_a_single_for_each_occurrence_in_the_window() -> None:
    world = World(settings=DirectionSettings(window_ahead_days=28))
    world.target.can_say = lambda fields: False
    world.source.put(weekly())
    world.source.cancel_occurrence("series", wall(MONDAY + timedelta(days=7), 9))
    world.run_until_quiet()
    starts = sorted(str(e.fields.when.start) for e in world.copies() if e.fields is not None)
    assert starts == ["2026-11-23 09:00:00", "2026-12-07 09:00:00", "2026-12-14 09:00:00"]
    world.clock.advance(days=7)
    world.run_until_quiet()
    assert len(world.copies()) == 4


def test_a_change_of_form_leaves_one_form_only() -> None:
    world = World(settings=DirectionSettings(window_ahead_days=28))
    world.source.put(weekly())
    world.run_until_quiet()
    assert len(world.copies()) == 1
    world.target.can_say = lambda fields: False
    world.change_settings(title="Blocked")
    world.run_until_quiet()
    assert [e.kind for e in world.copies()] == [EventKind.SINGLE] * 4
    world.target.can_say = lambda fields: True
    world.change_settings(title="Busy again")
    world.run_until_quiet()
    assert [e.kind for e in world.copies()] == [EventKind.SERIES]


def test_a_deleted_series_takes_its_copy_along_with_its_exceptions() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    third = wall(MONDAY + timedelta(days=14), 9)
    world.source.change_occurrence("series", third, Fields(When(third, third + timedelta(hours=3), ZONE), title="Long"))
    world.run_until_quiet()
    world.source.remove("series")
    world.run_until_quiet()
    assert world.copies() == []
    assert list(world.ledger.links(world.direction.id, None)) == []


def test_an_event_that_becomes_all_day_stays_one_copy() -> None:
    world = World(settings=FULL)
    original = world.source.put(meeting("a1", wall(MONDAY, 9), title="Trip"))
    world.run()
    assert original.fields is not None
    all_day = replace(original.fields, when=When(MONDAY, MONDAY + timedelta(days=2)))
    world.source.put(replace(original, fields=all_day))
    world.run_until_quiet()
    (copy,) = world.copies()
    assert copy.fields is not None
    assert copy.fields.when == When(MONDAY, MONDAY + timedelta(days=2))


def test_a_source_that_hides_markers_is_asked_before_it_is_copied() -> None:
    world = World()
    world.source.hides_markers = True
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.source.put(replace(meeting("a2", wall(MONDAY, 10)), marker=Marker("d", "k", 0, "s.1")))
    result = world.run()
    assert "read" in world.source.requests
    assert (result.counts.created, len(world.copies())) == (1, 1)


def test_lost_state_adopts_the_copies_that_are_there() -> None:
    world = World()
    for n in range(4):
        world.source.put(meeting(f"a{n}", wall(MONDAY, 9 + n)))
    world.source.put(weekly())
    world.run_until_quiet()
    before = {event.id for event in world.copies()}
    fresh = World(source=world.source, target=world.target)
    fresh.run_until_quiet()
    assert {event.id for event in fresh.copies()} == before
    assert len(before) == 5


def test_a_dry_run_writes_nothing_and_says_what_it_would_do() -> None:
    world = World()
    world.source.put(meeting("a1", wall(MONDAY, 9), title="Review"))
    world.source.put(meeting("a2", wall(MONDAY, 9), response=Response.DECLINED))
    result = world.run(dry=True)
    assert world.target.log == []
    planned = {(a.original_id, a.verb, a.reason) for a in result.actions}
    assert planned == {("a1", Verb.CREATE, "new"), ("a2", Verb.SKIP, "declined")}
    assert world.run().counts.created == 1


def test_a_dry_run_tells_about_every_original_also_when_nothing_changed() -> None:
    world = World()
    original = world.source.put(meeting("a1", wall(MONDAY, 9), title="Review"))
    world.source.put(meeting("a2", wall(MONDAY, 9), response=Response.DECLINED))
    world.source.put(meeting("a3", wall(MONDAY, 11)))
    world.run_until_quiet()
    assert original.fields is not None
    world.source.put(
        replace(original, fields=replace(original.fields, when=When(wall(MONDAY, 8), wall(MONDAY, 9), ZONE)))
    )
    writes = len(world.target.log)
    planned = {(a.original_id, a.verb, a.reason) for a in world.run(dry=True).actions}
    assert planned == {
        ("a1", Verb.UPDATE, "changed"),
        ("a2", Verb.SKIP, "declined"),
        ("a3", Verb.SKIP, "nothing_to_do"),
    }
    assert len(world.target.log) == writes


def test_a_stopped_run_goes_on_where_it_was() -> None:
    world = World()
    for n in range(120):
        world.source.put(meeting(f"a{n:03}", wall(MONDAY, 9) + timedelta(minutes=n)))
    calls = iter([False, False, True])
    world.stop = lambda: next(calls, True)
    world.run()
    partly = len(world.copies())
    assert 0 < partly < 120
    world.stop = lambda: False
    world.run_until_quiet()
    assert len(world.copies()) == 120


def test_a_stop_calls_back_what_of_a_chunk_was_not_sent_yet() -> None:
    world = World()
    world.target.capabilities = replace(world.target.capabilities, batch=10, parallel=4)
    for n in range(60):
        world.source.put(meeting(f"a{n:03}", wall(MONDAY, 9) + timedelta(minutes=n)))
    world.stop = lambda: len(world.copies()) > 0
    world.run()
    assert len(world.copies()) == 10, "the first request only"
    assert world.ledger.pending_intents(world.direction.id) == [], "nobody has to find out what became of the others"
    world.stop = lambda: False
    asked = len(world.target.requests)
    world.run()
    assert len(world.copies()) == 60
    assert world.target.requests[asked:].count("marked") == 0


@pytest.mark.parametrize("days", [300, -300])
def test_a_clock_that_the_first_answer_puts_right_decides_where_copies_are_made(days: int) -> None:
    world = World()
    world.source.put(meeting("now", wall(MONDAY, 9)))
    world.source.put(meeting("then", wall(MONDAY + timedelta(days=days + days // 4), 9)))
    right = world.clock.now()
    world.clock.advance(days=days)

    def answers(_name: str) -> None:
        world.clock.advance(seconds=(right - world.clock.now()).total_seconds())

    world.source.script.before = answers
    world.target.script.before = answers
    world.run()
    assert world.copies() == [], "what was read by the wrong time is not written by"
    world.run()
    assert [copy.fields.when.start for copy in world.copies() if copy.fields] == [wall(MONDAY, 9)]


def test_two_installations_with_the_same_pair_make_one_set_of_copies() -> None:
    one = World()
    two = World(source=one.source, target=one.target)
    two.stamps = type(one.stamps)("other")
    for n in range(3):
        one.source.put(meeting(f"a{n}", wall(MONDAY, 9 + n)))
    for _ in range(3):
        one.run()
        two.run()
    assert len(one.copies()) == 3
    writes = len(one.target.log)
    one.run()
    two.run()
    assert len(one.target.log) == writes


def test_whatever_is_told_of_an_all_day_event_names_its_date_and_no_zone_moves_it() -> None:
    world = World(settings=replace(FULL, filters=Filters(all_day=True)))
    assert world.direction.source.zone == "Europe/Berlin"
    world.source.put(Event("a1", fields=Fields(When(MONDAY, MONDAY + timedelta(days=1)), "Holiday")))
    (skipped,) = world.run().actions
    assert (skipped.verb, skipped.all_day, skipped.starts_at) == (Verb.SKIP, True, datetime(2026, 11, 23, tzinfo=UTC))
