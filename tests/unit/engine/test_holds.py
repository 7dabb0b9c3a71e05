"""What waits for the user, and how answers are carried out (`engine.md` §10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from app.domain.events import Event, EventKind, Fields
from app.domain.links import Intent, Op, Outcome, Result
from app.domain.pairs import DirectionSettings, Mode
from app.domain.runs import Hold, HoldAnswer, HoldCause
from app.domain.times import When
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, ZONE, World, meeting, weekly

MONDAY = date(2026, 11, 23)


def busy(count: int, **more: object) -> World:
    world = World(**more)  # type: ignore[arg-type]  # passed on by name
    for n in range(count):
        world.source.put(meeting(f"a{n:02}", wall(MONDAY + timedelta(days=n), 9)))
    world.run_until_quiet()
    return world


def hold_of(world: World, cause: HoldCause) -> Hold:
    hold = world.ledger.hold(world.direction.id, cause)
    assert hold is not None
    return hold


def remove(world: World, *numbers: int) -> None:
    for n in numbers:
        world.source.remove(f"a{n:02}")


def test_a_hold_stays_open_while_the_rest_of_the_run_goes_on() -> None:
    world = busy(20)
    remove(world, *range(10))
    world.source.put(weekly())
    result = world.run()
    assert (result.counts.held, result.counts.created) == (10, 1)
    first = hold_of(world, HoldCause.MASS_DELETE)
    assert first.expected == 10
    assert len(world.ledger.hold_items(first.id)) == 10
    world.source.cancel_occurrence("series", wall(MONDAY + timedelta(days=7), 9))
    world.run()
    assert hold_of(world, HoldCause.MASS_DELETE).id == first.id


def test_an_approved_hold_is_carried_out_and_closed() -> None:
    world = busy(20)
    remove(world, *range(10))
    world.run()
    world.answer(HoldAnswer.APPROVED)
    assert world.run().counts.deleted == 10
    world.run_until_quiet()
    assert len(world.copies()) == 10
    assert world.ledger.hold(world.direction.id, HoldCause.MASS_DELETE) is None


def test_an_approval_lasts_until_it_is_carried_out() -> None:
    world = busy(20)
    remove(world, *range(10))
    world.run()
    world.answer(HoldAnswer.APPROVED)
    world.source.put(weekly())
    later = iter(range(10))

    def slow_down(intent: Intent) -> Outcome | None:
        if intent.op is Op.DELETE and next(later, None) is not None:
            return Outcome(intent.id, Result.LATER, code="throttled", retry_after_seconds=5.0)
        return None

    world.target.script.verdict = slow_down
    assert world.run().counts.deleted == 0
    assert world.run().counts.deleted == 10


def test_what_the_user_keeps_is_kept_even_when_fewer_would_go_by_now() -> None:
    world = busy(20)
    remove(world, *range(6))
    assert world.run().counts.held == 6
    world.answer(HoldAnswer.KEPT)
    world.source.put(meeting("a00", wall(MONDAY, 9)))
    world.run_until_quiet()
    assert len(world.copies()) == 20
    remove(world, 19)
    world.run_until_quiet()
    assert len(world.copies()) == 19


def test_a_kept_copy_is_followed_again_when_its_original_returns() -> None:
    world = busy(20, settings=FULL)
    remove(world, *range(6))
    world.run()
    world.answer(HoldAnswer.KEPT)
    world.run_until_quiet()
    world.source.put(meeting("a00", wall(MONDAY, 9), title="Back"))
    world.run_until_quiet()
    assert [c.fields.title for c in world.copies() if c.fields and c.fields.title == "Back"] == ["Back"]
    remove(world, 0)
    world.run_until_quiet()
    assert len(world.copies()) == 19


def test_two_of_two_deleted_means_that_the_source_became_empty() -> None:
    world = busy(2)
    remove(world, 0, 1)
    result = world.run()
    assert [hold.cause for hold in result.holds] == [HoldCause.SOURCE_EMPTY]
    assert len(world.copies()) == 2


def test_a_source_with_only_copies_left_counts_as_empty() -> None:
    world = busy(2)
    marked = world.copies()[0].marker
    assert marked is not None
    world.source.put(replace(meeting("kaln" + "0" * 40, wall(MONDAY, 9)), marker=replace(marked, direction_key="x")))
    remove(world, 0, 1)
    assert [hold.cause for hold in world.run().holds] == [HoldCause.SOURCE_EMPTY]


def test_a_source_with_something_left_is_not_empty() -> None:
    world = busy(3)
    remove(world, 0, 1)
    assert world.run().counts.deleted == 2


def test_rebuilt_series_do_not_count_as_losses_of_the_day() -> None:
    world = World(settings=FULL)
    for n in range(8):
        world.source.put(weekly(f"series{n}", cancelled=(wall(MONDAY + timedelta(days=7), 9),)))
    world.source.put(meeting("a00", wall(MONDAY, 9)))
    world.run_until_quiet()
    for n in range(8):
        world.source.put(weekly(f"series{n}"))
        world.run_until_quiet()
    remove(world, 0)
    assert world.run().counts.deleted == 1


def test_a_mass_change_is_held_and_goes_on_when_approved() -> None:
    world = busy(12, settings=FULL)
    change_all(world, "Renamed")
    result = world.run()
    assert [(hold.cause, hold.expected) for hold in result.holds] == [(HoldCause.MASS_CHANGE, 12)]
    assert world.run().counts.updated == 0
    world.answer(HoldAnswer.APPROVED)
    world.run_until_quiet()
    assert {c.fields.title for c in world.copies() if c.fields} == {"Renamed"}


def test_a_held_change_of_a_series_stays_held_and_due() -> None:
    world = World(settings=FULL)
    for n in range(12):
        world.source.put(weekly(f"series{n:02}"))
    world.run_until_quiet()
    third = wall(MONDAY + timedelta(days=14), 9)
    moved = Fields(When(third + timedelta(hours=4), third + timedelta(hours=5), ZONE), title="Stand-up")
    for n in range(12):
        world.source.change_occurrence(f"series{n:02}", third, moved)
        world.source.put(weekly(f"series{n:02}", hour=10))
    world.run()
    assert world.run().counts.held == 12
    assert world.run().counts.held == 12
    assert hold_of(world, HoldCause.MASS_CHANGE).expected == 12


def test_a_mass_change_the_user_keeps_is_not_written_until_an_original_changes_again() -> None:
    world = busy(12, settings=FULL)
    change_all(world, "Renamed")
    world.run()
    world.answer(HoldAnswer.KEPT)
    world.run_until_quiet()
    world.run(full=True)
    assert {c.fields.title for c in world.copies() if c.fields} == {"Meeting"}
    world.source.put(meeting("a00", wall(MONDAY, 9), title="Once more"))
    world.run_until_quiet()
    assert sorted(c.fields.title for c in world.copies() if c.fields) == ["Meeting"] * 11 + ["Once more"]
    remove(world, 1)
    world.run_until_quiet()
    assert len(world.copies()) == 11


def test_originals_that_were_held_are_not_planned_for_ever() -> None:
    world = busy(20)
    remove(world, *range(10))
    world.run()
    for n in range(10):
        world.source.put(meeting(f"a{n:02}", wall(MONDAY + timedelta(days=n), 9)))
    world.run_until_quiet()
    world.run()
    assert list(world.ledger.originals_to_plan(world.direction, world.clock.now())) == []


def change_all(world: World, title: str) -> None:
    for event in world.source.living():
        assert event.fields is not None
        world.source.put(replace(event, fields=replace(event.fields, title=title)))


def sampled(world: World, cause: HoldCause = HoldCause.MASS_DELETE) -> list[tuple[str, str, bool]]:
    return [
        (sample.title, sample.starts_at.isoformat() if sample.starts_at else "", sample.all_day)
        for sample in hold_of(world, cause).sample_events
    ]


def test_a_hold_shows_the_originals_and_when_they_were_though_their_copies_say_busy_only() -> None:
    world = World(DirectionSettings(mode=Mode.BLOCKER))
    day = MONDAY + timedelta(days=1)
    world.source.put(Event("a00", kind=EventKind.SINGLE, fields=Fields(When(day, day + timedelta(days=1)), "Holiday")))
    for n in range(1, 12):
        world.source.put(meeting(f"a{n:02}", wall(MONDAY + timedelta(days=n), 9), title=f"Dentist {n}"))
    world.run_until_quiet()
    remove(world, *range(12))
    for _ in range(2):  # what a held run tells must not be taken for the original's words by the next one
        world.run()
        assert sampled(world, HoldCause.SOURCE_EMPTY) == [
            ("Holiday", "2026-11-24T00:00:00+00:00", True),
            *((f"Dentist {n}", f"2026-11-{23 + n}T08:00:00+00:00", False) for n in range(1, 5)),
        ]


def test_a_hold_shows_its_copies_where_the_story_is_forgotten() -> None:
    world = World(DirectionSettings(mode=Mode.BLOCKER))
    for n in range(12):
        world.source.put(meeting(f"a{n:02}", wall(MONDAY + timedelta(days=n), 9)))
    world.run_until_quiet()
    with world.database.transaction():
        world.database.change("DELETE FROM action", ())
    remove(world, *range(12))
    world.run()
    assert sampled(world, HoldCause.SOURCE_EMPTY)[0] == ("Busy", "2026-11-23T08:00:00+00:00", False)
