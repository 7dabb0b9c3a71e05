"""What makes a run suspicious beside sheer numbers (`engine.md` §10): new ids, another calendar, a series that shrinks,
copies that nothing explains, filters that let less through."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.accounts import Access
from app.domain.events import Event
from app.domain.links import Intent, Op, Outcome, Result
from app.domain.pairs import DirectionSettings
from app.domain.runs import HoldAnswer, HoldCause
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, MONDAY, HandClock, World, meeting, weekly


def busy(count: int, **more: object) -> World:
    world = World(**more)  # type: ignore[arg-type]  # passed on by name
    for n in range(count):
        world.source.put(original(n))
    world.run_until_quiet()
    return world


def original(n: int, event_id: str = "") -> Event:
    return meeting(event_id or f"a{n:02}", wall(MONDAY + timedelta(days=n % 60), 8 + n // 60), title=f"Talk {n}")


def rekey(world: World, count: int, *, uid: bool = False) -> None:
    """The service gives events new ids; with `uid` they keep their iCalUID, but say something else."""
    for n in range(count):
        world.source.remove(f"a{n:02}")
        new = original(n, f"z{n:02}")
        if uid:
            assert new.fields is not None
            new = replace(new, ical_uid=f"a{n:02}@example.com", fields=replace(new.fields, title="Renamed"))
        world.source.put(new)


def settle(world: World, answer: HoldAnswer) -> None:
    """Answer, let the answer be carried out, and let what was answered end."""
    assert world.answer(answer)
    world.run_until_quiet()
    world.run()


def causes(world: World) -> set[HoldCause]:
    return {cause for cause in HoldCause if world.ledger.hold(world.direction.id, cause) is not None}


# -- new ids ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uid", [False, True])
def test_originals_that_come_back_under_new_ids_are_held_and_not_copied_a_second_time(uid: bool) -> None:
    world = busy(20)
    rekey(world, 20, uid=uid)
    for _ in range(3):
        result = world.run()
        assert (result.counts.created, result.counts.deleted) == (0, 0)
    assert causes(world) == {HoldCause.REKEYED}
    hold = world.ledger.hold(world.direction.id, HoldCause.REKEYED)
    assert hold is not None
    assert hold.expected == 20
    assert len(world.copies()) == 20


def test_copies_that_are_kept_follow_the_new_ids_without_any_write() -> None:
    world = busy(20, settings=FULL)
    before = {copy.id for copy in world.copies()}
    rekey(world, 20)
    world.run()
    written = len(world.target.log)
    settle(world, HoldAnswer.KEPT)
    assert len(world.target.log) == written
    assert {copy.id for copy in world.copies()} == before
    assert causes(world) == set()
    changed = world.source.events["z03"]
    assert changed.fields is not None
    world.source.put(replace(changed, fields=replace(changed.fields, title="New title")))
    world.source.remove("z04")
    world.run_until_quiet()
    titles = [copy.fields.title for copy in world.copies() if copy.fields is not None]
    assert len(titles) == 19
    assert "New title" in titles
    assert "Talk 4" not in titles


def test_a_relinked_series_keeps_its_exceptions() -> None:
    world = World(settings=FULL)
    for n in range(7):
        world.source.put(weekly(f"s{n}", hour=8 + n))
        world.source.cancel_occurrence(f"s{n}", wall(MONDAY + timedelta(days=7), 8 + n))
    world.run_until_quiet()
    before = {copy.id for copy in world.copies()}
    for n in range(7):
        world.source.remove(f"s{n}")
        world.source.put(replace(weekly(f"t{n}", hour=8 + n), ical_uid=f"s{n}@x"))
        world.source.cancel_occurrence(f"t{n}", wall(MONDAY + timedelta(days=7), 8 + n))
    world.run()
    assert causes(world) == {HoldCause.REKEYED}
    written = len(world.target.log)
    settle(world, HoldAnswer.KEPT)
    assert len(world.target.log) == written
    world.source.cancel_occurrence("t2", wall(MONDAY + timedelta(days=14), 10))
    world.run_until_quiet()
    assert {copy.id for copy in world.copies()} == before


def test_approved_new_ids_get_new_copies_and_the_old_ones_go() -> None:
    world = busy(20)
    before = {copy.id for copy in world.copies()}
    rekey(world, 20)
    world.run()
    settle(world, HoldAnswer.APPROVED)
    assert len(world.copies()) == 20
    assert not before & {copy.id for copy in world.copies()}
    assert causes(world) == set()


@pytest.mark.parametrize(("linked", "again"), [(20, 10), (5, 5)])
def test_up_to_half_or_a_few_under_new_ids_are_no_reason_to_ask_about_ids(linked: int, again: int) -> None:
    world = busy(linked)
    rekey(world, again)
    world.run()
    assert HoldCause.REKEYED not in causes(world)


def test_more_than_can_be_asked_about_in_one_run_wait_and_get_no_second_copy() -> None:
    world = busy(300)
    for n in range(300):
        # A new import, and a cursor that died: nothing tells that the old ones are gone but asking.
        world.source.forget(f"a{n:02}")
        world.source.put(original(n, f"z{n:02}"))
    world.source.generation += 1
    for _ in range(3):
        result = world.run()
        assert (result.counts.created, result.counts.deleted) == (0, 0)
    assert causes(world) == {HoldCause.REKEYED}
    world.answer(HoldAnswer.KEPT)
    before = {copy.id for copy in world.copies()}
    world.run_until_quiet()
    assert {copy.id for copy in world.copies()} == before
    assert len(before) == 300


def test_the_answer_about_new_ids_lasts_while_the_old_ones_cannot_be_asked_about() -> None:
    world = busy(20, settings=FULL)
    for n in range(20):
        world.source.forget(f"a{n:02}")
        world.source.put(original(n, f"z{n:02}"))
    world.source.script.unanswered = {f"a{n:02}" for n in range(20)}
    world.run(full=True)
    hold = world.ledger.hold(world.direction.id, HoldCause.REKEYED)
    assert hold is not None
    world.answer(HoldAnswer.KEPT)
    for _ in range(3):
        assert world.run(full=True).counts.created == 0
        still = world.ledger.hold(world.direction.id, HoldCause.REKEYED)
        assert still is not None
        assert (still.id, still.answer) == (hold.id, HoldAnswer.KEPT), "nobody is asked twice"
    world.source.script.unanswered = set()
    written = len(world.target.log)
    world.run_until_quiet()
    world.run()
    assert causes(world) == set()
    assert len(world.target.log) == written
    assert len(world.copies()) == 20


def test_an_approval_lasts_while_the_target_refuses_what_was_approved() -> None:
    world = busy(20, settings=FULL)
    for n in range(10):
        world.source.remove(f"a{n:02}")
    world.run()
    world.answer(HoldAnswer.APPROVED)

    def refuses(intent: Intent) -> Outcome | None:
        return Outcome(intent.id, Result.REFUSED, code="forbidden", message="no") if intent.op is Op.DELETE else None

    world.target.script.verdict = refuses
    for _ in range(8):
        world.run()  # longer and longer apart, so that in some of these it is not its turn
    world.target.script.verdict = lambda intent: None
    world.clock.advance(hours=2)
    assert world.run().counts.deleted == 10
    world.run()
    assert causes(world) == set()


# -- another calendar -------------------------------------------------------------------------------------------------


def become(world: World, **changes: object) -> None:
    for end in ("conn_a",):
        connection = world.accounts.connection(end)
        world.accounts.update_connection(replace(connection, **changes))  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("change", [{"zone": "Asia/Tokyo"}, {"access": Access.READER}])
@pytest.mark.parametrize("answer", HoldAnswer)
def test_what_would_go_when_a_calendar_is_another_waits(change: dict[str, object], answer: HoldAnswer) -> None:
    world = busy(4)
    become(world, **change)
    world.source.remove("a00")
    result = world.run()
    assert [hold.cause for hold in result.holds] == [HoldCause.CALENDAR_CHANGED]
    assert len(world.copies()) == 4
    settle(world, answer)
    assert len(world.copies()) == (4 if answer is HoldAnswer.KEPT else 3)
    assert causes(world) == set()
    world.source.remove("a01")
    world.run_until_quiet()
    assert len(world.copies()) == (3 if answer is HoldAnswer.KEPT else 2)


def test_a_calendar_that_is_another_and_nothing_to_lose_is_accepted_in_silence() -> None:
    world = busy(4)
    become(world, zone="Asia/Tokyo")
    world.source.put(original(7))
    assert world.run().counts.created == 1
    world.source.remove("a00")
    world.run_until_quiet()
    assert len(world.copies()) == 4


# -- a series that shrinks --------------------------------------------------------------------------------------------


def daily(world: World, count: int = 12) -> None:
    world.target.can_say = lambda fields: fields.recurrence is None
    world.source.put(weekly(rule=f"RRULE:FREQ=DAILY;COUNT={count}"))
    world.run_until_quiet()
    assert len(world.copies()) == count


def exclude(world: World, *days: int) -> None:
    series = world.source.events["series"]
    world.source.put(replace(series, cancelled=tuple(wall(MONDAY + timedelta(days=n), 9) for n in days)))


@pytest.mark.parametrize("answer", HoldAnswer)
def test_an_expanded_series_that_loses_over_half_its_dates_by_the_same_rule_waits(answer: HoldAnswer) -> None:
    world = World()
    daily(world)
    exclude(world, *range(7))
    for _ in range(2):
        assert world.run().counts.deleted == 0
        assert causes(world) == {HoldCause.SERIES_SHRANK}
    settle(world, answer)
    assert len(world.copies()) == (12 if answer is HoldAnswer.KEPT else 5)
    world.clock.advance(days=3)
    world.run_until_quiet()
    assert len(world.copies()) == (12 if answer is HoldAnswer.KEPT else 5)
    assert causes(world) == set()


def test_a_kept_date_is_followed_again_when_the_series_has_it_again() -> None:
    world = World(settings=FULL)
    daily(world)
    exclude(world, *range(7))
    world.run()
    settle(world, HoldAnswer.KEPT)
    series = world.source.events["series"]
    assert series.fields is not None
    world.source.put(replace(series, cancelled=(), fields=replace(series.fields, title="Later")))
    world.run_until_quiet()
    assert {copy.fields.title for copy in world.copies() if copy.fields is not None} == {"Later"}
    assert len(world.copies()) == 12


@pytest.mark.parametrize("gone", [5, 6])
def test_up_to_half_the_dates_of_a_series_may_go(gone: int) -> None:
    world = World()
    daily(world)
    exclude(world, *range(gone))
    world.run_until_quiet()
    assert len(world.copies()) == 12 - gone


def test_a_series_whose_rule_was_changed_by_a_person_may_shrink() -> None:
    world = World()
    daily(world)
    world.source.put(weekly(rule="RRULE:FREQ=DAILY;COUNT=3"))
    world.run_until_quiet()
    assert len(world.copies()) == 3


# -- copies that nothing explains -------------------------------------------------------------------------------------


def lost_state(world: World, settings: DirectionSettings | None = None) -> World:
    """The same calendars, and a database that knows nothing."""
    clock = HandClock(world.clock.now())
    return World(settings or world.settings, source=world.source, target=world.target, clock=clock)


@pytest.mark.parametrize("answer", HoldAnswer)
def test_proved_copies_whose_originals_nobody_knows_wait_for_the_user(answer: HoldAnswer) -> None:
    before = busy(6)
    before.source.forget("a00")
    before.source.forget("a01")
    world = lost_state(before)
    result = world.run()
    assert [(hold.cause, hold.expected) for hold in result.holds] == [(HoldCause.COPIES_WITHOUT_ORIGINAL, 2)]
    world.run()
    assert causes(world) == {HoldCause.COPIES_WITHOUT_ORIGINAL}
    assert len(world.copies()) == 6
    settle(world, answer)
    assert len(world.copies()) == (6 if answer is HoldAnswer.KEPT else 4)
    assert causes(world) == set()
    world.run_until_quiet()
    assert causes(world) == set()


def test_a_copy_without_original_is_taken_over_when_its_original_returns() -> None:
    before = busy(2, settings=FULL)
    before.source.forget("a00")
    world = lost_state(before)
    world.run()
    settle(world, HoldAnswer.KEPT)
    world.source.put(original(0))
    world.run_until_quiet()
    assert len(world.copies()) == 2


def test_a_single_that_the_source_was_not_read_far_enough_back_for_is_left_alone() -> None:
    before = busy(2)
    before.clock.advance(days=100)
    world = lost_state(before)
    world.source.script.unlisted = {"a00"}
    world.run_until_quiet()
    assert causes(world) == set()
    assert len(world.copies()) == 2


def test_copies_of_another_installation_that_have_originals_are_adopted_and_not_asked_about() -> None:
    world = lost_state(busy(6))
    world.run_until_quiet()
    assert causes(world) == set()


# -- filters ----------------------------------------------------------------------------------------------------------


def test_filters_that_let_far_less_through_wait_under_their_own_name() -> None:
    world = World()
    for n in range(12):
        event = original(n)
        assert event.fields is not None
        world.source.put(replace(event, fields=replace(event.fields, title="Tentative")))
    world.run_until_quiet()
    world.change_settings(filters=replace(world.settings.filters, shorter_than_seconds=3600))
    result = world.run()
    assert [hold.cause for hold in result.holds] == [HoldCause.FILTERS_NARROWED]
    assert len(world.copies()) == 12
    settle(world, HoldAnswer.APPROVED)
    assert world.copies() == []
