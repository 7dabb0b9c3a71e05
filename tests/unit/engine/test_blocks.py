"""Merging of touching blockers: one copy for each block, whoever comes, moves and goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from app.domain.events import Availability, Event, Fields
from app.domain.links import LinkState, Op, Outcome, Result
from app.domain.pairs import CopyDeleted, CopyEdited, DirectionSettings, FilteredLater, Filters
from app.domain.runs import HoldAnswer, HoldCause
from app.domain.times import When
from tests.fakes.calendar import Crash, wall
from tests.fakes.engine_world import MONDAY, World, meeting, weekly

MERGED = DirectionSettings(merge_touching=True)


def busy(world: World) -> list[tuple[str, str]]:
    found = [event.fields.when for event in world.copies() if event.fields is not None]
    return sorted((f"{when.start:%m-%d %H:%M}", f"{when.end:%m-%d %H:%M}") for when in found)


def put(world: World, name: str, hour: int, minute: int = 0, minutes: int = 60, **fields: Any) -> None:
    world.source.put(meeting(name, wall(MONDAY, hour, minute), minutes=minutes, title=name.upper(), fields=fields))


def made(*names: tuple[str, int], settings: DirectionSettings = MERGED) -> World:
    world = World(settings=settings)
    for name, hour in names:
        put(world, name, hour)
    world.run_until_quiet()
    return world


def ids(world: World) -> set[str]:
    return {event.id for event in world.copies()}


def test_events_that_touch_get_one_blocker_and_others_their_own() -> None:
    world = made(("a", 9), ("b", 10), ("c", 12))
    assert busy(world) == [("11-23 09:00", "11-23 11:00"), ("11-23 12:00", "11-23 13:00")]


def test_buffers_make_events_touch() -> None:
    world = made(
        ("a", 9),
        ("b", 11),
        settings=DirectionSettings(merge_touching=True, buffer_before_minutes=30, buffer_after_minutes=30),
    )
    assert busy(world) == [("11-23 08:30", "11-23 12:30")]


def test_events_of_another_availability_are_not_merged() -> None:
    world = World(settings=MERGED)
    put(world, "a", 9)
    put(world, "b", 10, availability=Availability.TENTATIVE)
    put(world, "c", 11)
    world.run_until_quiet()
    assert len(world.copies()) == 3


def test_a_block_is_as_long_as_the_minimum_and_takes_in_what_it_touches_by_that() -> None:
    world = World(settings=DirectionSettings(merge_touching=True, minimum_minutes=45))
    put(world, "a", 9, minutes=10)
    put(world, "b", 9, 40, minutes=10)
    put(world, "c", 11, minutes=10)
    world.run_until_quiet()
    assert busy(world) == [("11-23 09:00", "11-23 09:50"), ("11-23 11:00", "11-23 11:45")]


def test_an_event_between_two_blocks_joins_them_into_the_earlier_copy() -> None:
    world = made(("a", 9), ("c", 11))
    earlier = next(e.id for e in world.copies() if e.fields is not None and e.fields.when.start == wall(MONDAY, 9))
    put(world, "b", 10)
    world.run_until_quiet()
    assert busy(world) == [("11-23 09:00", "11-23 12:00")]
    assert ids(world) == {earlier}


def test_a_block_keeps_its_copy_when_an_earlier_event_joins() -> None:
    world = made(("b", 10))
    before = ids(world)
    put(world, "a", 9)
    world.run_until_quiet()
    assert busy(world) == [("11-23 09:00", "11-23 11:00")]
    assert ids(world) == before


def test_a_block_that_loses_its_bridge_falls_apart_and_the_rest_gets_a_copy() -> None:
    world = made(("a", 9), ("b", 10), ("c", 11))
    before = ids(world)
    put(world, "b", 15)
    world.run_until_quiet()
    assert busy(world) == [
        ("11-23 09:00", "11-23 10:00"),
        ("11-23 11:00", "11-23 12:00"),
        ("11-23 15:00", "11-23 16:00"),
    ]
    assert before < ids(world)


def test_without_its_founder_a_copy_goes_and_the_rest_makes_a_new_one() -> None:
    world = made(("a", 9), ("b", 10))
    before = ids(world)
    world.source.remove("a")
    world.run_until_quiet()
    assert busy(world) == [("11-23 10:00", "11-23 11:00")]
    assert before.isdisjoint(ids(world))


def test_a_block_shrinks_when_another_than_its_founder_goes() -> None:
    world = made(("a", 9), ("b", 10))
    before = ids(world)
    world.source.remove("b")
    world.run_until_quiet()
    assert busy(world) == [("11-23 09:00", "11-23 10:00")]
    assert ids(world) == before
    world.source.remove("a")
    world.run_until_quiet()
    assert busy(world) == []


def test_a_founder_that_moves_takes_the_copy_along() -> None:
    world = made(("a", 9), ("b", 10))
    before = ids(world)
    put(world, "a", 14)
    world.run_until_quiet()
    assert busy(world) == [("11-23 10:00", "11-23 11:00"), ("11-23 14:00", "11-23 15:00")]
    assert before < ids(world)


def test_a_block_deleted_by_hand_stays_away_for_every_member_and_for_no_other() -> None:
    world = made(("a", 9), ("b", 10))
    world.target.remove(ids(world).pop())
    world.run_until_quiet()
    assert busy(world) == []
    links = world.ledger.links(world.direction.id, None)
    assert {(link.original_id, link.state) for link in links} == {("a", LinkState.AWAY), ("b", LinkState.AWAY)}
    put(world, "c", 11)
    world.run_until_quiet()
    assert busy(world) == [("11-23 11:00", "11-23 12:00")]


def test_a_block_deleted_by_hand_comes_back_where_copies_are_restored() -> None:
    world = made(("a", 9), ("b", 10), settings=DirectionSettings(merge_touching=True, copy_deleted=CopyDeleted.RESTORE))
    world.target.remove(ids(world).pop())
    world.run_until_quiet()
    assert busy(world) == [("11-23 09:00", "11-23 11:00")]


def edit(world: World, start: datetime, end: datetime) -> None:
    (copy,) = world.copies()
    assert copy.fields is not None
    when = replace(copy.fields.when, start=start, end=end)
    world.target.put(replace(copy, fields=replace(copy.fields, when=when)))


def test_a_block_edited_by_hand_is_put_back() -> None:
    world = made(("a", 9), ("b", 10))
    edit(world, wall(MONDAY, 17), wall(MONDAY, 18))
    world.run_until_quiet()
    assert busy(world) == [("11-23 09:00", "11-23 11:00")]


def test_a_block_edited_by_hand_stays_so_where_edits_are_kept() -> None:
    world = made(("a", 9), ("b", 10), settings=DirectionSettings(merge_touching=True, copy_edited=CopyEdited.KEEP))
    edit(world, wall(MONDAY, 8), wall(MONDAY, 18))
    world.run_until_quiet()
    put(world, "c", 11)
    world.run_until_quiet()
    assert busy(world) == [("11-23 08:00", "11-23 18:00")]


def test_a_copy_edited_by_hand_is_not_given_up_to_a_block_where_edits_are_kept() -> None:
    world = made(("b", 10), settings=DirectionSettings(merge_touching=True, copy_edited=CopyEdited.KEEP))
    edit(world, wall(MONDAY, 20), wall(MONDAY, 21))
    world.run_until_quiet()
    put(world, "a", 9)
    world.run_until_quiet()
    assert ("11-23 20:00", "11-23 21:00") in busy(world)


def test_an_event_that_is_filtered_out_later_leaves_its_block() -> None:
    world = made(("a", 9), ("b", 10))
    put(world, "b", 10, availability=Availability.FREE)
    world.run_until_quiet()
    assert busy(world) == [("11-23 09:00", "11-23 10:00")]


def test_an_event_that_is_filtered_out_later_stays_covered_where_copies_are_left() -> None:
    settings = DirectionSettings(merge_touching=True, filtered_later=FilteredLater.LEAVE)
    world = made(("a", 9), ("b", 10), settings=settings)
    put(world, "b", 10, availability=Availability.FREE)
    world.run_until_quiet()
    assert busy(world) == [("11-23 09:00", "11-23 11:00")]


def test_a_merged_series_is_one_blocker_for_each_occurrence_and_block() -> None:
    world = World(settings=DirectionSettings(merge_touching=True, window_ahead_days=17))
    world.source.put(weekly())
    put(world, "a", 10)
    world.run_until_quiet()
    assert busy(world) == [
        ("11-23 09:00", "11-23 11:00"),
        ("11-30 09:00", "11-30 10:00"),
        ("12-07 09:00", "12-07 10:00"),
    ]
    world.source.cancel_occurrence("series", wall(MONDAY, 9))
    world.run_until_quiet()
    assert busy(world)[0] == ("11-23 10:00", "11-23 11:00")


def test_merging_that_is_switched_on_and_off_again_ends_as_if_it_had_always_been_so() -> None:
    world = World(settings=DirectionSettings(window_ahead_days=17))
    world.source.put(weekly())
    for name, hour in (("a", 10), ("b", 11)):
        put(world, name, hour)
    world.run_until_quiet()
    assert len(busy(world)) == 3
    world.change_settings(merge_touching=True)
    world.run_until_quiet()
    assert busy(world) == [
        ("11-23 09:00", "11-23 12:00"),
        ("11-30 09:00", "11-30 10:00"),
        ("12-07 09:00", "12-07 10:00"),
    ]
    world.change_settings(merge_touching=False)
    world.run_until_quiet()
    assert len(busy(world)) == 3


def test_all_day_events_are_left_out_of_blocks() -> None:
    world = made(("a", 9))
    world.source.put(Event("d", fields=Fields(When(MONDAY, MONDAY + timedelta(days=1)), title="Trip")))
    world.run_until_quiet()
    assert len(world.copies()) == 2


def test_losing_the_part_of_a_block_counts_and_is_held_and_nothing_shrinks_until_the_answer() -> None:
    world = World(settings=MERGED)
    for number in range(8):
        start = datetime.combine(MONDAY + timedelta(days=number), datetime.min.time())
        for part in range(2):
            world.source.put(meeting(f"e{number}{part}", start + timedelta(hours=9 + part), minutes=60))
    world.run_until_quiet()
    whole = busy(world)
    assert len(whole) == 8
    for number in range(8):
        world.source.remove(f"e{number}1")
    result = world.run()
    assert [(hold.cause, hold.expected) for hold in result.holds] == [(HoldCause.MASS_DELETE, 8)]
    world.run_until_quiet()
    assert busy(world) == whole
    assert world.answer(HoldAnswer.APPROVED) == 1
    world.run_until_quiet()
    assert len(busy(world)) == 8
    assert all(start[-5:] == "09:00" and end[-5:] == "10:00" for start, end in busy(world))


def test_a_part_of_a_block_that_the_user_keeps_stays_covered() -> None:
    world = World(settings=MERGED)
    for number in range(7):
        day = date(2026, 11, 23) + timedelta(days=number)
        for part in range(2):
            world.source.put(meeting(f"e{number}{part}", wall(day, 9 + part), minutes=60))
    world.run_until_quiet()
    whole = busy(world)
    for number in range(7):
        world.source.remove(f"e{number}1")
    world.run_until_quiet()
    world.answer(HoldAnswer.KEPT)
    world.run_until_quiet()
    assert busy(world) == whole


def test_founders_whose_loss_is_held_go_on_covering_the_others() -> None:
    world = World(settings=MERGED)
    for number in range(7):
        day = date(2026, 11, 23) + timedelta(days=number)
        for part in range(2):
            world.source.put(meeting(f"e{number}{part}", wall(day, 9 + part), minutes=60))
    world.run_until_quiet()
    whole = busy(world)
    for number in range(7):
        world.source.remove(f"e{number}0")
    world.run_until_quiet()
    assert busy(world) == whole
    assert world.answer(HoldAnswer.APPROVED) == 1
    world.run_until_quiet()
    assert [start[-5:] for start, _ in busy(world)] == ["10:00"] * 7


def test_an_original_still_covered_by_a_block_is_no_loss() -> None:
    world = World(settings=DirectionSettings())
    for number in range(20):
        put(world, f"e{number:02}", 0, minute=0, minutes=60)
    world.run_until_quiet()
    assert len(world.copies()) == 20
    world.change_settings(merge_touching=True)
    assert not world.run().holds
    world.run_until_quiet()
    assert len(world.copies()) == 1


@pytest.mark.parametrize("name", ["a", "b"])
def test_an_original_that_nobody_can_tell_about_keeps_its_part_of_a_block(name: str) -> None:
    world = made(("a", 9), ("b", 10))
    world.source.script.unlisted = {name}
    world.source.script.unanswered = {name}
    world.run(full=True)
    assert busy(world) == [("11-23 09:00", "11-23 11:00")]
    world.source.script.unlisted = set()
    world.source.script.unanswered = set()
    world.source.remove(name)
    world.run_until_quiet()
    assert len(busy(world)) == 1


def test_a_preview_says_what_a_block_covers() -> None:
    world = World(settings=MERGED)
    put(world, "a", 9)
    put(world, "b", 10)
    lines = {action.original_id: action for action in world.run(dry=True).actions}
    assert lines["a"].reason == "new"
    assert lines["a"].sentence.endswith("It also covers “B”.")
    assert lines["b"].reason == "covered_by_block"
    assert lines["b"].sentence.endswith("That block is of “A”.")
    world.run_until_quiet()
    again = {action.original_id: action.reason for action in world.run(dry=True).actions}
    assert again == {"a": "nothing_to_do", "b": "covered_by_block"}


def test_the_database_can_be_thrown_away_and_no_block_is_doubled() -> None:
    world = made(("a", 9), ("b", 10), ("c", 15))
    fresh = World(settings=MERGED, source=world.source, target=world.target)
    before = len(world.target.log)
    fresh.run_until_quiet()
    assert busy(fresh) == [("11-23 09:00", "11-23 11:00"), ("11-23 15:00", "11-23 16:00")]
    assert all(change.what == "put" for change in world.target.log[before:])


def test_a_block_whose_events_are_all_filtered_out_goes() -> None:
    world = made(("a", 9), ("b", 10))
    world.change_settings(filters=Filters(shorter_than_seconds=7200))
    world.run_until_quiet()
    assert busy(world) == []


def test_a_copy_is_given_up_only_once_the_block_is_seen_to_cover_it() -> None:
    world = made(("a", 9), ("c", 11))
    put(world, "b", 10)
    refuses = [True]
    world.target.script.verdict = lambda intent: (
        Outcome(intent.id, Result.REFUSED, code="refused", message="No.")
        if refuses[0] and intent.op is Op.UPDATE
        else None
    )
    world.run()
    world.run()
    assert ("11-23 11:00", "11-23 12:00") in busy(world)
    refuses[0] = False
    world.clock.advance(days=1)
    world.run_until_quiet()
    assert busy(world) == [("11-23 09:00", "11-23 12:00")]


def test_a_block_that_somebody_moved_out_of_shrinks_though_the_machine_died_before_the_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = made(("a", 9), ("c", 10), ("e", 15))
    put(world, "c", 16)

    def die(*_: object) -> None:
        raise Crash

    monkeypatch.setattr(world.ledger, "open_intents", die)
    with pytest.raises(Crash):
        world.run()
    world.reopen()
    world.run_until_quiet()
    assert busy(world) == [("11-23 09:00", "11-23 10:00"), ("11-23 15:00", "11-23 17:00")]


def test_a_block_that_somebody_left_shrinks_though_the_run_was_stopped_right_after() -> None:
    world = made(("a", 9), ("b", 10))
    world.source.remove("b")
    world.stop = lambda: True
    world.run()
    world.stop = lambda: False
    world.run_until_quiet()
    assert busy(world) == [("11-23 09:00", "11-23 10:00")]


def test_a_founder_that_moves_leaves_its_copy_with_those_whose_loss_is_held() -> None:
    world = World(settings=MERGED)
    for number in range(7):
        day = date(2026, 11, 23) + timedelta(days=number)
        for part in range(2):
            world.source.put(meeting(f"e{number}{part}", wall(day, 9 + part), minutes=60))
    world.run_until_quiet()
    whole = busy(world)
    for number in range(7):
        world.source.remove(f"e{number}1")
    world.run_until_quiet()
    world.source.put(meeting("e00", wall(MONDAY, 15), minutes=60))
    world.run_until_quiet()
    assert busy(world) == whole
    assert world.answer(HoldAnswer.APPROVED) == 1
    world.run_until_quiet()
    assert busy(world)[0] == ("11-23 15:00", "11-23 16:00")
    assert len(busy(world)) == 7
