"""Series in their copies: exceptions, cancelled and away occurrences, stand-ins, forms (`engine.md` §5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from app.domain.events import Event, EventKind, Fields, Marker, Response
from app.domain.links import Intent, LinkState, Op, Outcome, Result
from app.domain.pairs import CopyDeleted, CopyEdited, DirectionSettings, Mode
from app.domain.times import When
from tests.fakes.calendar import GOOGLE_LIKE, FakeCalendar, wall
from tests.fakes.engine_world import FULL, ZONE, World, meeting, weekly

MONDAY = date(2026, 11, 23)
KEEP = DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.KEEP)


def nth(week: int, hour: int = 9) -> datetime:
    return wall(MONDAY + timedelta(weeks=week), hour)


def at(start: datetime, title: str = "Stand-up", **more: object) -> Fields:
    return Fields(When(start, start + timedelta(hours=1), ZONE), title=title, **more)  # type: ignore[arg-type]  # test


def only_copy(world: World) -> Event:
    (copy,) = world.copies()
    return copy


def refuse_crossing(intent: Intent) -> Outcome | None:
    """As Graph does when an exception would jump over its neighbour."""
    if intent.op is Op.UPDATE_OCCURRENCE and intent.draft is not None and intent.draft.fields.title == "Far":
        return Outcome(intent.id, Result.REFUSED, code="occurrence_crossing", message="No crossing.")
    return None


def starts(world: World) -> list[str]:
    return sorted(str(event.fields.when.start) for event in world.copies() if event.fields is not None)


def test_a_refused_exception_becomes_a_cancelled_date_and_a_single_that_stays() -> None:
    world = World(settings=FULL)
    world.target.script.verdict = refuse_crossing
    world.source.put(weekly())
    world.source.change_occurrence("series", nth(1), at(nth(2, 15), "Far"))
    world.run_until_quiet()
    series = next(e for e in world.copies() if e.kind is EventKind.SERIES)
    assert set(world.unit(world.target, series.id).cancelled) == {"20261130"}
    assert starts(world) == ["2026-11-23 09:00:00", "2026-12-07 15:00:00"]
    writes = len(world.target.log)
    for _ in range(3):
        world.run(full=True)
    world.change_settings(window_back_days=40)
    world.run_until_quiet()
    assert len(world.target.log) == writes


def test_an_exception_refused_later_becomes_a_single_too() -> None:
    world = World(settings=FULL)
    world.target.script.verdict = refuse_crossing
    world.source.put(weekly())
    part = world.source.change_occurrence("series", nth(1), at(nth(1, 11), "Near"))
    world.run_until_quiet()
    world.source.put(replace(part, fields=at(nth(2, 15), "Far")))
    world.run_until_quiet()
    series = next(e for e in world.copies() if e.kind is EventKind.SERIES)
    assert set(world.unit(world.target, series.id).cancelled) == {"20261130"}
    assert starts(world) == ["2026-11-23 09:00:00", "2026-12-07 15:00:00"]


def test_a_stand_in_follows_its_exception_and_goes_with_it() -> None:
    world = World(settings=FULL)
    world.target.script.verdict = refuse_crossing
    world.source.put(weekly())
    part = world.source.change_occurrence("series", nth(1), at(nth(2, 15), "Far"))
    world.run_until_quiet()
    world.source.put(replace(part, fields=at(nth(2, 17), "Farther")))
    world.run_until_quiet()
    assert starts(world) == ["2026-11-23 09:00:00", "2026-12-07 17:00:00"]
    world.source.cancel_occurrence("series", nth(1))
    world.run_until_quiet()
    assert starts(world) == ["2026-11-23 09:00:00"]
    assert set(world.unit(world.target, only_copy(world).id).cancelled) == {"20261130"}


def test_a_stand_in_survives_a_lost_reply_and_a_crash() -> None:
    world = World(settings=FULL)
    world.target.script.verdict = refuse_crossing
    world.source.put(weekly())
    world.run_until_quiet()
    world.source.change_occurrence("series", nth(1), at(nth(2, 15), "Far"))
    world.target.lose_next("create")
    world.run_until_quiet()
    assert starts(world) == ["2026-11-23 09:00:00", "2026-12-07 15:00:00"]
    writes = len(world.target.log)
    world.change_settings(window_back_days=40)
    world.run_until_quiet()
    assert len(world.target.log) == writes


def test_an_expanded_occurrence_that_comes_back_is_copied_again() -> None:
    world = World(settings=DirectionSettings(window_ahead_days=28))
    world.target.can_say = lambda fields: False
    world.source.put(weekly())
    world.run_until_quiet()
    world.source.put(weekly(cancelled=(nth(1),)))
    world.run_until_quiet()
    assert len(world.copies()) == 3
    world.source.put(weekly())
    world.run_until_quiet()
    assert len(world.copies()) == 4


def test_expanded_occurrences_that_end_with_their_series_go_although_none_is_left() -> None:
    world = World(settings=DirectionSettings(window_ahead_days=28))
    world.target.can_say = lambda fields: False
    world.source.put(weekly())
    world.run_until_quiet()
    past = weekly(rule="RRULE:FREQ=WEEKLY;COUNT=2")
    assert past.fields is not None
    world.source.put(replace(past, fields=replace(past.fields, when=past.fields.when.moved_to(nth(-300)))))
    world.run_until_quiet()
    assert world.copies() == []


def test_an_expanded_series_whose_copy_was_deleted_whole_stays_away() -> None:
    world = World(settings=DirectionSettings(window_ahead_days=28))
    world.source.put(weekly())
    world.run_until_quiet()
    world.target.remove(only_copy(world).id)
    world.run_until_quiet()
    world.target.can_say = lambda fields: False
    world.change_settings(title="Blocked")
    world.run_until_quiet()
    assert world.copies() == []


@pytest.mark.parametrize("excluded_dates", [True, False])
def test_an_occurrence_deleted_by_hand_stays_away_when_the_series_is_made_anew(excluded_dates: bool) -> None:
    capabilities = replace(GOOGLE_LIKE, excluded_dates=excluded_dates)
    world = World(settings=FULL, target=FakeCalendar(capabilities=capabilities))
    world.source.put(weekly())
    world.source.cancel_occurrence("series", nth(1))
    world.run_until_quiet()
    world.target.cancel_occurrence(only_copy(world).id, nth(2))
    world.run_until_quiet()
    world.source.change_occurrence("series", nth(1), at(nth(1)))
    world.run_until_quiet()
    assert set(world.unit(world.target, only_copy(world).id).cancelled) == {"20261207"}


def test_an_occurrence_that_a_person_deleted_and_brought_back_is_followed_again() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    world.run_until_quiet()
    copy = only_copy(world)
    world.target.cancel_occurrence(copy.id, nth(2))
    world.run_until_quiet()
    world.target.change_occurrence(copy.id, nth(2), at(nth(2)))
    world.run_until_quiet()
    world.source.change_occurrence("series", nth(2), at(nth(2, 12), "Moved"))
    world.run_until_quiet()
    unit = world.unit(world.target, only_copy(world).id)
    assert unit.cancelled == {}
    assert [e.fields.title for e in unit.exceptions.values() if e.fields] == ["Moved"]


def test_what_is_left_of_an_exception_on_a_date_the_series_lost_goes() -> None:
    world = World(settings=FULL)
    world.source.tells_whole = True
    world.target.keeps_exceptions = True
    world.source.put(weekly())
    part = world.source.change_occurrence("series", nth(2), at(nth(2, 14), "Later"))
    world.run_until_quiet()
    before = only_copy(world).id
    world.source.forget(part.id)
    world.source.put(weekly(rule="RRULE:FREQ=WEEKLY;COUNT=2"))
    world.run_until_quiet()
    after = world.unit(world.target, only_copy(world).id)
    assert (after.id, after.exceptions, set(after.cancelled)) == (before, {}, {"20261207"})


def test_an_occurrence_that_stayed_away_is_restored_when_the_settings_say_so() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    world.run_until_quiet()
    world.target.cancel_occurrence(only_copy(world).id, nth(2))
    world.run_until_quiet()
    world.change_settings(copy_deleted=CopyDeleted.RESTORE)
    world.run_until_quiet()
    assert world.unit(world.target, only_copy(world).id).cancelled == {}


def test_an_occurrence_uncancelled_by_an_update_and_deleted_by_hand_later_stays_away() -> None:
    world = World(settings=FULL)
    world.source.put(weekly(cancelled=(nth(1),)))
    world.run_until_quiet()
    first = only_copy(world)
    # The whole series changes, and the excluded date comes back with the same write.
    master = weekly()
    assert master.fields is not None
    world.source.put(replace(master, fields=replace(master.fields, title="New name")))
    world.run_until_quiet()
    world.target.cancel_occurrence(first.id, nth(1))
    world.run_until_quiet()
    assert only_copy(world).id == first.id
    assert set(world.unit(world.target, first.id).cancelled) == {"20261130"}


@pytest.mark.parametrize("settings", [FULL, KEEP])
def test_exceptions_are_made_again_when_the_series_is_made_anew(settings: DirectionSettings) -> None:
    world = World(settings=settings)
    world.source.put(weekly())
    world.source.cancel_occurrence("series", nth(1))
    world.source.change_occurrence("series", nth(2), at(nth(2, 14), "Later"))
    world.run_until_quiet()
    world.source.change_occurrence("series", nth(1), at(nth(1)))
    world.run_until_quiet()
    unit = world.unit(world.target, only_copy(world).id)
    assert unit.cancelled == {}
    assert {occ: e.fields.title for occ, e in unit.exceptions.items() if e.fields} == {"20261207": "Later"}


@pytest.mark.parametrize("settings", [FULL, KEEP])
def test_exceptions_that_a_service_resets_with_its_master_are_made_again(settings: DirectionSettings) -> None:
    world = World(settings=settings)
    world.target.resets_exceptions = True
    world.source.put(weekly())
    world.source.change_occurrence("series", nth(2), at(nth(2, 14), "Later"))
    world.run_until_quiet()
    for number in range(5):
        master = world.source.events["series"]
        assert master.fields is not None
        world.source.put(replace(master, fields=replace(master.fields, place=f"Room {number}")))
        world.run_until_quiet()
        unit = world.unit(world.target, only_copy(world).id)
        assert [e.fields.title for e in unit.exceptions.values() if e.fields] == ["Later"]


@pytest.mark.parametrize("settings", [FULL, KEEP])
def test_an_occurrence_that_is_regular_again_follows_its_series(settings: DirectionSettings) -> None:
    world = World(settings=settings)
    world.source.tells_whole = True
    world.source.put(weekly())
    part = world.source.change_occurrence("series", nth(2), at(nth(2, 14), "Later"))
    world.run_until_quiet()
    world.source.forget(part.id)
    world.source.put(weekly())
    world.run_until_quiet()
    master = weekly()
    assert master.fields is not None
    world.source.put(replace(master, fields=replace(master.fields, title="Renamed")))
    world.run_until_quiet()
    unit = world.unit(world.target, only_copy(world).id)
    assert {e.fields.title for e in unit.exceptions.values() if e.fields} <= {"Renamed"}


def test_a_service_that_stores_exceptions_differently_is_written_to_once() -> None:
    world = World(settings=FULL)
    world.target.stores = lambda fields: replace(fields, colour=None)
    world.source.put(weekly())
    world.run_until_quiet()
    copy = only_copy(world)
    world.target.change_occurrence(copy.id, nth(1), at(nth(1, 20), "By hand"))
    master = world.source.events["series"]
    assert master.fields is not None
    world.source.put(replace(master, fields=replace(master.fields, colour="tomato")))
    world.run_until_quiet()
    exception = world.unit(world.target, copy.id).exceptions["20261130"]
    assert exception.fields is not None
    assert exception.fields.when.start == nth(1)


def test_a_refused_cancellation_is_not_tried_again_at_once() -> None:
    world = World(settings=FULL)
    tries: list[Op] = []

    def refuse(intent: Intent) -> Outcome | None:
        if intent.op is not Op.CANCEL_OCCURRENCE:
            return None
        tries.append(intent.op)
        return Outcome(intent.id, Result.REFUSED, code="forbidden", message="No.")

    world.target.script.verdict = refuse
    world.source.put(weekly())
    world.run_until_quiet()
    world.source.cancel_occurrence("series", nth(1))
    for _ in range(24):
        world.run()
    assert 3 <= len(tries) <= 10
    world.target.script.verdict = lambda intent: None
    world.clock.advance(days=1)
    world.run_until_quiet()
    assert set(world.unit(world.target, only_copy(world).id).cancelled) == {"20261130"}
    assert not world.ledger.originals_to_plan(world.direction, world.clock.now())


def test_a_refused_return_to_the_regular_occurrence_is_not_tried_again_at_once() -> None:
    world = World(settings=FULL)
    tries: list[Op] = []

    def refuse(intent: Intent) -> Outcome | None:
        tries.append(intent.op)
        return Outcome(intent.id, Result.REFUSED, code="occurrence_crossing", message="No.")

    world.source.put(weekly())
    world.run_until_quiet()
    world.target.change_occurrence(only_copy(world).id, nth(1), at(nth(1, 20), "By hand"))
    world.target.script.verdict = refuse
    for _ in range(24):
        world.run()
    assert 3 <= len(tries) <= 10


def test_a_declined_occurrence_is_cancelled_in_the_copy() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    part = world.source.change_occurrence("series", nth(1), at(nth(1, 11)))
    world.source.put(replace(part, response=Response.DECLINED))
    world.run_until_quiet()
    assert set(world.unit(world.target, only_copy(world).id).cancelled) == {"20261130"}


def test_exceptions_of_a_released_series_are_no_copies_any_more() -> None:
    world = World(settings=FULL)
    released = Marker("d", "k", 0, "s.1", released=True)
    world.source.put(weekly("kaln" + "0123456789" * 4, marker=released))
    part = world.source.change_occurrence("kaln" + "0123456789" * 4, nth(1), at(nth(1, 11), "Moved"))
    world.source.put(replace(part, marker=replace(released, released=False)))
    world.run_until_quiet()
    unit = world.unit(world.target, only_copy(world).id)
    assert unit.cancelled == {}
    assert [e.fields.title for e in unit.exceptions.values() if e.fields] == ["Moved"]


@pytest.mark.parametrize(
    "become", [lambda world: world.source.put(weekly()), lambda world: world.source.put(meeting("series", nth(0)))]
)
def test_lost_state_meets_a_copy_in_another_form(become: Callable[[World], Event]) -> None:
    for before in (weekly(), meeting("series", nth(0))):
        world = World(settings=FULL)
        world.source.put(before)
        world.run_until_quiet()
        become(world)
        fresh = World(settings=FULL, source=world.source, target=world.target)
        fresh.stamps = type(world.stamps)("other")
        fresh.run_until_quiet()
        copy = only_copy(fresh)
        assert copy.kind is world.source.events["series"].kind


@pytest.mark.parametrize(
    ("rule", "cancelled", "key"),
    [
        ("RRULE:FREQ=DAILY;COUNT=5", wall(date(2026, 11, 25), 9), "20261125"),
        ("RRULE:FREQ=WEEKLY;UNTIL=20261214T080000Z", nth(2), "20261207"),
        ("RRULE:FREQ=DAILY;BYHOUR=9,15;COUNT=6", wall(date(2026, 11, 24), 15), "20261124T1500"),
    ],
)
def test_rules_that_end_and_rules_within_a_day_are_copied_with_their_gaps(
    rule: str, cancelled: datetime, key: str
) -> None:
    world = World(settings=FULL)
    world.source.put(weekly(rule=rule))
    world.source.cancel_occurrence("series", cancelled)
    world.run_until_quiet()
    copy = only_copy(world)
    assert copy.fields is not None
    assert copy.fields.recurrence is not None
    assert copy.fields.recurrence.lines == (rule,)
    assert set(world.unit(world.target, copy.id).cancelled) == {key}


def test_an_all_day_series_keeps_its_dates_with_its_exceptions() -> None:
    world = World(settings=FULL)
    master = weekly()
    assert master.fields is not None
    world.source.put(replace(master, fields=replace(master.fields, when=When(MONDAY, MONDAY + timedelta(days=1)))))
    second, third = MONDAY + timedelta(weeks=1), MONDAY + timedelta(weeks=2)
    world.source.cancel_occurrence("series", second)
    moved = Fields(When(third + timedelta(days=1), third + timedelta(days=3)), title="Two days")
    world.source.change_occurrence("series", third, moved)
    world.run_until_quiet()
    unit = world.unit(world.target, only_copy(world).id)
    assert set(unit.cancelled) == {"20261130"}
    assert {occ: e.fields for occ, e in unit.exceptions.items()} == {"20261207": moved}


def test_a_cancelled_occurrence_far_outside_the_window_is_followed() -> None:
    world = World(settings=DirectionSettings(mode=Mode.FULL, window_ahead_days=14))
    world.source.put(weekly())
    far = nth(30)
    world.source.cancel_occurrence("series", far)
    world.run_until_quiet()
    assert set(world.unit(world.target, only_copy(world).id).cancelled) == {far.strftime("%Y%m%d")}


def test_a_series_deleted_by_hand_stays_away_with_all_its_parts() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    world.source.change_occurrence("series", nth(1), at(nth(1, 11), "Moved"))
    world.run_until_quiet()
    world.target.remove(only_copy(world).id)
    world.run_until_quiet()
    world.source.change_occurrence("series", nth(2), at(nth(2, 11), "Moved too"))
    world.run_until_quiet()
    assert world.copies() == []
    link = next(link for link in world.ledger.links(world.direction.id, None) if link.occ == "")
    assert link.state is LinkState.AWAY
    world.source.remove("series")
    world.run_until_quiet()
    assert list(world.ledger.links(world.direction.id, None)) == []


def test_a_series_that_becomes_a_single_and_back_leaves_one_copy() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    world.source.change_occurrence("series", nth(1), at(nth(1, 11), "Moved"))
    world.run_until_quiet()
    world.source.put(meeting("series", nth(0)))
    world.run_until_quiet()
    assert only_copy(world).kind is EventKind.SINGLE
    world.source.put(weekly())
    world.run_until_quiet()
    assert only_copy(world).kind is EventKind.SERIES


@pytest.mark.parametrize("cancelled_still", [True, False])
def test_lost_state_does_not_take_our_own_cancellation_for_a_persons(cancelled_still: bool) -> None:
    world = World(settings=FULL)
    world.source.put(weekly(cancelled=(nth(1),)))
    world.run_until_quiet()
    fresh = World(settings=FULL, source=world.source, target=world.target)
    fresh.stamps = type(world.stamps)("other")
    if cancelled_still:
        fresh.run_until_quiet()
    fresh.source.put(weekly())
    fresh.run_until_quiet()
    assert fresh.unit(fresh.target, only_copy(fresh).id).cancelled == {}


def test_a_date_that_both_sides_lack_is_no_persons_deletion_when_the_original_brings_it_back() -> None:
    world = World(settings=FULL)
    world.source.put(weekly())
    world.run_until_quiet()
    world.target.cancel_occurrence(only_copy(world).id, nth(1))
    world.source.cancel_occurrence("series", nth(1))
    world.run_until_quiet()
    world.source.change_occurrence("series", nth(1), at(nth(1)))
    world.run_until_quiet()
    assert world.unit(world.target, only_copy(world).id).cancelled == {}
