"""Edits and deletions of copies that travel to their originals, and those that must not (`engine.md` §7, §8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.events import Availability, Event, EventKind, Fields, Visibility
from app.domain.links import IntentState, Op, Outcome, Result
from app.domain.pairs import (
    Conflict,
    CopyAvailability,
    CopyColour,
    CopyDeleted,
    CopyEdited,
    CopyField,
    CopyVisibility,
    DirectionSettings,
    Mode,
    Reminders,
    Replacement,
)
from app.domain.runs import HoldAnswer, HoldCause, Verb
from app.domain.times import When
from tests.fakes.calendar import GOOGLE_LIKE, FakeCalendar, wall
from tests.fakes.engine_world import MONDAY, ZONE, World, meeting, weekly

BACK = DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.WRITE_BACK)
DELETING = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.DELETE_ORIGINAL)


def in_step(settings: DirectionSettings = BACK, **original: Any) -> World:
    """A pair that goes both ways, with one original `a1` and its copy."""
    world = World(settings=settings, both_ways=True)
    world.source.put(meeting("a1", wall(MONDAY, 9), title=original.pop("title", "Review"), **original))
    world.run_until_quiet()
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


def original(world: World, event_id: str = "a1") -> Fields:
    return fields_of(world.source.events[event_id])


def written(calendar: FakeCalendar) -> int:
    """How often Kalends wrote."""
    return sum(change.by == "kalends" for change in calendar.log)


def test_an_edited_copy_changes_its_original_and_nothing_else_of_it() -> None:
    world = in_step(fields={"place": "Room 4", "text": "Bring the numbers.", "reminders": (10,)})
    edit(world.target, the_copy(world).id, title="Review, moved", when=When(wall(MONDAY, 11), wall(MONDAY, 12), ZONE))
    world.run()
    assert original(world).title == "Review, moved"
    assert original(world).when.start == wall(MONDAY, 11)
    assert (original(world).text, original(world).reminders) == ("Bring the numbers.", (10,))
    assert world.source.events["a1"].marker is None, "originals get no marker"
    assert written(world.source) == 1


def test_after_an_edit_was_carried_back_both_sides_rest() -> None:
    world = in_step()
    edit(world.target, the_copy(world).id, title="Moved")
    world.run()
    before = (len(world.source.log), len(world.target.log))
    for _ in range(3):
        world.run()
    assert (len(world.source.log), len(world.target.log)) == before
    assert fields_of(the_copy(world)).title == "Moved"


def test_a_field_that_is_not_chosen_is_put_back_on_the_copy() -> None:
    world = in_step(fields={"text": "Agenda"})
    edit(world.target, the_copy(world).id, title="New title", text="Scribble")
    world.run_until_quiet()
    assert (original(world).title, original(world).text) == ("New title", "Agenda")
    assert fields_of(the_copy(world)).text == "Agenda"


def test_a_text_that_is_chosen_travels_while_it_is_plain() -> None:
    chosen = replace(BACK, write_back_fields=(CopyField.TEXT,))
    world = in_step(chosen, fields={"text": "Agenda"})
    edit(world.target, the_copy(world).id, text="Agenda and minutes")
    world.run_until_quiet()
    assert original(world).text == "Agenda and minutes"


@pytest.mark.parametrize("rich", [{"html": "<b>Agenda</b>"}, {"link": "https://meet.example.com/x"}])
def test_a_text_with_formatting_or_a_link_of_ours_below_it_does_not_travel(rich: dict[str, str]) -> None:
    chosen = replace(BACK, write_back_fields=(CopyField.TEXT,))
    world = in_step(chosen, fields={"text": "Agenda", **rich})
    before = fields_of(the_copy(world)).text
    edit(world.target, the_copy(world).id, text="Scribble")
    world.run_until_quiet()
    assert original(world).text == "Agenda"
    assert fields_of(the_copy(world)).text == before
    assert written(world.source) == 0


def test_a_title_comes_back_without_what_the_template_adds() -> None:
    world = in_step(replace(BACK, title="[{calendar}] {title}"))
    assert fields_of(the_copy(world)).title == "[Work] Review"
    edit(world.target, the_copy(world).id, title="[Work] Retrospective")
    world.run_until_quiet()
    assert original(world).title == "Retrospective"


@pytest.mark.parametrize("template", ["[{calendar}] {title}", "{title} / {title}", "Meeting"])
def test_a_title_whose_frame_is_broken_is_put_back(template: str) -> None:
    world = in_step(replace(BACK, title=template))
    before = fields_of(the_copy(world)).title
    edit(world.target, the_copy(world).id, title="Anything")
    world.run_until_quiet()
    assert original(world).title == "Review"
    assert fields_of(the_copy(world)).title == before


def test_a_title_comes_back_without_the_prefix() -> None:
    world = in_step(replace(BACK, title_prefix="[W] "))
    edit(world.target, the_copy(world).id, title="[W] Retrospective")
    world.run()
    assert original(world).title == "Retrospective"
    edit(world.target, the_copy(world).id, title="No prefix")
    world.run()
    assert original(world).title == "Retrospective"
    assert fields_of(the_copy(world)).title == "[W] Retrospective"


def test_a_title_of_which_words_were_replaced_is_put_back_and_others_travel() -> None:
    swaps = (Replacement("Secret", "Work"),)
    world = in_step(replace(BACK, title_replacements=swaps), title="Secret review")
    assert fields_of(the_copy(world)).title == "Work review"
    edit(world.target, the_copy(world).id, title="Work review, moved", place="Hall")
    world.run()
    assert (original(world).title, original(world).place) == ("Secret review", "Hall")
    assert fields_of(the_copy(world)).title == "Work review"
    plain = in_step(replace(BACK, title_replacements=swaps))
    edit(plain.target, the_copy(plain).id, title="Retrospective")
    plain.run()
    assert original(plain).title == "Retrospective"
    edit(plain.target, the_copy(plain).id, title="Secret retrospective")
    plain.run()
    assert original(plain).title == "Retrospective", "copied again it would read otherwise"


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        (replace(BACK, mode=Mode.DETAILS), {"place": "Hall", "text": "Notes", "colour": "sage"}),
        (replace(BACK, availability=CopyAvailability.BUSY), {"availability": Availability.FREE}),
        (replace(BACK, visibility=CopyVisibility.DEFAULT), {"visibility": Visibility.PRIVATE}),
        (replace(BACK, reminders=Reminders.FIXED), {"reminders": (5,)}),
        (replace(BACK, colour=CopyColour.SAGE), {"colour": "tomato"}),
    ],
)
def test_what_a_copy_does_not_take_from_its_original_never_goes_back(
    settings: DirectionSettings, changes: dict[str, Any]
) -> None:
    world = in_step(replace(settings, write_back_fields=tuple(CopyField)))
    before, copied = original(world), fields_of(the_copy(world))
    edit(world.target, the_copy(world).id, **changes)
    world.run_until_quiet()
    assert original(world) == before
    assert fields_of(the_copy(world)) == copied


def test_a_timed_copy_that_becomes_all_day_makes_its_original_all_day() -> None:
    world = in_step()
    edit(world.target, the_copy(world).id, when=When(MONDAY, MONDAY + timedelta(days=1)))
    world.run_until_quiet()
    assert original(world).when == When(MONDAY, MONDAY + timedelta(days=1))


def test_a_time_comes_back_in_the_zone_of_the_original() -> None:
    world = in_step()
    edit(world.target, the_copy(world).id, when=When(wall(MONDAY, 12), wall(MONDAY, 13), "Asia/Tokyo"))
    world.run_until_quiet()
    assert original(world).when == When(wall(MONDAY, 4), wall(MONDAY, 5), ZONE)


class FewWords(FakeCalendar):
    """A service that keeps no more than 12 characters of a title."""

    def normal_form(self, fields: Fields) -> Fields:
        """Cut."""
        return replace(super().normal_form(fields), title=fields.title[:12].strip())


def test_an_edit_that_would_lose_something_on_the_way_is_put_back_and_the_others_travel() -> None:
    world = World(settings=BACK, both_ways=True, source=FewWords())
    world.source.put(meeting("a1", wall(MONDAY, 9), title="Review"))
    world.run_until_quiet()
    edit(world.target, the_copy(world).id, title="Review of the whole year", place="Hall")
    world.run_until_quiet()
    assert (original(world).title, original(world).place) == ("Review", "Hall")
    assert fields_of(the_copy(world)).title == "Review"


def test_the_title_of_a_series_travels_and_its_time_is_put_back() -> None:
    world = World(settings=BACK, both_ways=True)
    world.source.put(weekly())
    world.run_until_quiet()
    (copy,) = world.copies()
    edit(
        world.target,
        copy.id,
        title="Daily",
        when=When(wall(MONDAY, 10), wall(MONDAY, 11), ZONE),
    )
    world.run_until_quiet()
    assert original(world, "series").title == "Daily"
    assert original(world, "series").when.start == wall(MONDAY, 9)
    (copy,) = world.copies()
    assert (fields_of(copy).title, fields_of(copy).when.start) == ("Daily", wall(MONDAY, 9))


def test_one_edited_occurrence_of_a_copied_series_is_put_back() -> None:
    world = World(settings=BACK, both_ways=True)
    world.source.put(weekly())
    world.run_until_quiet()
    (copy,) = world.copies()
    start = wall(MONDAY + timedelta(weeks=1), 9)
    moved = Fields(When(start.replace(hour=14), start.replace(hour=15), ZONE), title="Stand-up")
    world.target.change_occurrence(copy.id, start, moved)
    world.run_until_quiet()
    assert written(world.source) == 0


PROTECTED: list[Callable[[Event], Event]] = [
    lambda event: replace(event, guests=True),
    lambda event: replace(event, organised_elsewhere=True),
    lambda event: replace(event, fields=replace(fields_of(event), visibility=Visibility.PRIVATE)),
]


@pytest.mark.parametrize("protect", PROTECTED)
def test_an_original_with_other_people_or_hidden_details_is_never_written(protect: Callable[[Event], Event]) -> None:
    world = World(settings=replace(BACK, copy_deleted=CopyDeleted.DELETE_ORIGINAL), both_ways=True)
    world.source.put(protect(meeting("a1", wall(MONDAY, 9), title="Review")))
    world.run_until_quiet()
    copy = the_copy(world)
    shown = fields_of(copy)
    edit(world.target, copy.id, title="Mine", when=When(wall(MONDAY, 15), wall(MONDAY, 16), ZONE))
    world.run_until_quiet()
    assert fields_of(the_copy(world)) == shown
    world.target.remove(copy.id)
    world.run_until_quiet()
    assert "a1" in {event.id for event in world.source.living()}
    assert written(world.source) == 0


@pytest.mark.parametrize("settings", [replace(BACK, mode=Mode.BLOCKER), replace(BACK, copy_edited=CopyEdited.RESTORE)])
def test_what_the_pair_does_not_ask_for_is_not_carried_back(settings: DirectionSettings) -> None:
    world = in_step(settings)
    edit(world.target, the_copy(world).id, title="Mine")
    world.run_until_quiet()
    assert written(world.source) == 0


def test_a_pair_that_goes_one_way_never_writes_to_its_source() -> None:
    world = World(settings=replace(BACK, copy_deleted=CopyDeleted.DELETE_ORIGINAL))
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.run_until_quiet()
    edit(world.target, the_copy(world).id, title="Mine")
    world.run_until_quiet()
    world.target.remove(the_copy(world).id)
    world.run_until_quiet()
    assert written(world.source) == 0


def test_an_original_that_changed_under_way_is_planned_again() -> None:
    world = in_step()
    edit(world.target, the_copy(world).id, place="Hall")

    def change_first(name: str) -> None:
        if name == "write":
            world.source.script.before = lambda name: None
            edit(world.source, "a1", title="Changed meanwhile")

    world.source.script.before = change_first
    world.run_until_quiet()
    assert (original(world).title, original(world).place) == ("Changed meanwhile", "Hall")
    assert fields_of(the_copy(world)).title == "Changed meanwhile"


@pytest.mark.parametrize("arrived", [True, False])
def test_a_write_back_whose_answer_was_lost_is_settled_by_what_the_original_says(*, arrived: bool) -> None:
    world = in_step()
    edit(world.target, the_copy(world).id, title="Moved")
    if arrived:
        world.source.lose_next(Op.WRITE_BACK)
    else:
        world.source.script.verdict = lambda intent: Outcome(intent.id, Result.UNKNOWN)
    updated = world.run().counts.updated
    world.source.script.verdict = lambda intent: None
    updated += sum(result.counts.updated for result in world.run_until_quiet())
    assert updated == 1, "what happened is counted once, whenever it comes out"
    assert original(world).title == "Moved"
    assert fields_of(the_copy(world)).title == "Moved"
    assert written(world.source) == 1
    assert not world.ledger.pending_intents(world.direction.id)


def test_a_run_tells_what_it_carried_back() -> None:
    world = in_step()
    edit(world.target, the_copy(world).id, title="Moved")
    result = world.run(dry=True)
    (told,) = [action for action in result.actions if action.verb is Verb.WRITE_BACK]
    assert (told.reason, told.fields) == ("written_back", ("title",))
    assert written(world.source) == 0, "a dry run writes nothing"
    assert world.run().counts.updated == 1


# -- conflicts ---------------------------------------------------------------------------------------------------------


def both_edited(settings: DirectionSettings, *, later: str) -> World:
    """Original and copy were edited, ten minutes apart."""
    world = in_step(settings)
    calendars = {"copy": world.target, "original": world.source}
    calendars[later].moment += timedelta(minutes=10)
    edit(world.source, "a1", title="Original's")
    edit(world.target, the_copy(world).id, title="Copy's")
    world.run_until_quiet()
    return world


@pytest.mark.parametrize("later", ["copy", "original"])
def test_of_two_edits_the_newest_wins(later: str) -> None:
    world = both_edited(BACK, later=later)
    wanted = "Copy's" if later == "copy" else "Original's"
    assert (original(world).title, fields_of(the_copy(world)).title) == (wanted, wanted)


@pytest.mark.parametrize(("policy", "wanted"), [(Conflict.A_WINS, "Original's"), (Conflict.B_WINS, "Copy's")])
@pytest.mark.parametrize("later", ["copy", "original"])
def test_a_side_that_always_wins_wins_whoever_was_later(policy: Conflict, wanted: str, later: str) -> None:
    world = both_edited(replace(BACK, conflict=policy), later=later)
    assert (original(world).title, fields_of(the_copy(world)).title) == (wanted, wanted)


def test_edits_of_different_fields_are_no_conflict() -> None:
    world = in_step()
    edit(world.source, "a1", title="Original's")
    edit(world.target, the_copy(world).id, place="Copy's")
    world.run_until_quiet()
    assert (original(world).title, original(world).place) == ("Original's", "Copy's")
    assert (fields_of(the_copy(world)).title, fields_of(the_copy(world)).place) == ("Original's", "Copy's")


def test_keeping_both_leaves_the_edited_copy_to_its_person_and_makes_another() -> None:
    world = both_edited(replace(BACK, conflict=Conflict.KEEP_BOTH), later="copy")
    assert original(world).title == "Original's"
    titles = sorted(fields_of(event).title for event in world.target.living())
    assert titles == ["Copy's", "Original's"]
    (released,) = [event for event in world.target.living() if event.marker is not None and event.marker.released]
    assert fields_of(released).title == "Copy's"


def test_what_the_service_itself_rewrites_after_a_write_does_not_flow_back() -> None:
    world = World(settings=BACK, both_ways=True)
    world.target.capabilities = replace(GOOGLE_LIKE, rewrites_seconds=600)
    world.source.put(meeting("a1", wall(MONDAY, 9), fields={"place": "room 4"}))
    world.run_until_quiet()
    world.target.moment += timedelta(minutes=3)
    edit(world.target, the_copy(world).id, place="Room 4, Building B")
    world.run_until_quiet()
    assert original(world).place == "room 4"
    assert fields_of(the_copy(world)).place == "Room 4, Building B", "nor is it written again and again"
    world.target.moment += timedelta(minutes=30)
    edit(world.target, the_copy(world).id, place="Garden")
    world.run_until_quiet()
    assert original(world).place == "Garden", "what a person does later still travels"


def test_a_copy_that_another_installation_wrote_carries_nothing_back() -> None:
    world = in_step()
    copy = the_copy(world)
    assert copy.marker is not None
    other = replace(copy, marker=replace(copy.marker, stamp="other.1"), fields=replace(fields_of(copy), title="Mine"))
    world.target.put(other)
    world.run_until_quiet()
    assert original(world).title == "Review"
    assert fields_of(the_copy(world)).title == "Review"


# -- deletions ---------------------------------------------------------------------------------------------------------


def test_a_deleted_copy_takes_its_original_along() -> None:
    world = in_step(DELETING)
    world.target.remove(the_copy(world).id)
    result = world.run()
    assert not world.source.living()
    assert result.counts.deleted == 1
    world.run_until_quiet()
    assert not world.target.living()
    assert not world.ledger.links(world.direction.id, None)


def test_an_original_that_changed_since_is_copied_again_instead_of_deleted() -> None:
    world = in_step(DELETING)
    world.target.remove(the_copy(world).id)
    edit(world.source, "a1", title="Something else")
    world.run_until_quiet()
    assert original(world).title == "Something else"
    assert fields_of(the_copy(world)).title == "Something else"


def many_deleted(count: int) -> World:
    world = World(settings=DELETING, both_ways=True)
    for number in range(12):
        world.source.put(meeting(f"a{number}", wall(MONDAY + timedelta(days=number), 9)))
    world.run_until_quiet()
    for copy in world.copies()[:count]:
        world.target.remove(copy.id)
    return world


def test_up_to_three_originals_a_day_go_unasked_and_more_are_held() -> None:
    world = many_deleted(3)
    assert world.run().counts.deleted == 3
    world.target.remove(world.copies()[0].id)
    result = world.run()
    assert [hold.cause for hold in result.holds] == [HoldCause.ORIGINALS_DELETED]
    assert len(world.source.living()) == 9


@pytest.mark.parametrize(("answer", "left"), [(HoldAnswer.APPROVED, 8), (HoldAnswer.KEPT, 12)])
def test_held_deletions_of_originals_wait_for_the_answer(answer: HoldAnswer, left: int) -> None:
    world = many_deleted(4)
    world.run()
    assert len(world.source.living()) == 12
    assert world.answer(answer) == 1
    world.run_until_quiet()
    assert len(world.source.living()) == left
    assert len(world.copies()) == 8, "what a person deleted stays away"
    world.run_until_quiet()
    assert len(world.source.living()) == left


def test_with_another_installation_in_the_pair_no_original_is_deleted_unasked() -> None:
    world = many_deleted(0)
    first, second = world.copies()[:2]
    assert first.marker is not None
    world.target.put(replace(first, marker=replace(first.marker, stamp="other.1")))
    world.run_until_quiet()
    world.target.remove(second.id)
    result = world.run()
    assert [hold.cause for hold in result.holds] == [HoldCause.ORIGINALS_DELETED]
    assert len(world.source.living()) == 12


def test_the_run_that_first_sees_another_installation_deletes_no_original_unasked_either() -> None:
    world = many_deleted(0)
    first, second = world.copies()[:2]
    assert first.marker is not None
    world.target.put(replace(first, marker=replace(first.marker, stamp="other.1")))
    world.target.remove(second.id)
    result = world.run()
    assert [hold.cause for hold in result.holds] == [HoldCause.ORIGINALS_DELETED]
    assert len(world.source.living()) == 12


@pytest.mark.parametrize("arrived", [True, False])
def test_a_deletion_of_an_original_whose_answer_was_lost_is_settled(*, arrived: bool) -> None:
    world = in_step(DELETING)
    world.target.remove(the_copy(world).id)
    if arrived:
        world.source.lose_next(Op.DELETE_ORIGINAL)
    else:
        world.source.script.verdict = lambda intent: Outcome(intent.id, Result.UNKNOWN)
    world.run()
    world.source.script.verdict = lambda intent: None
    world.run_until_quiet()
    assert not world.source.living()
    assert not world.ledger.pending_intents(world.direction.id)
    assert IntentState.PENDING not in {intent.state for intent in world.ledger.pending_intents(world.direction.id)}


def test_one_deleted_occurrence_stays_away_and_its_original_stays() -> None:
    world = World(settings=DELETING, both_ways=True)
    world.source.put(weekly())
    world.run_until_quiet()
    (copy,) = world.copies()
    world.target.cancel_occurrence(copy.id, wall(MONDAY + timedelta(weeks=1), 9))
    world.run_until_quiet()
    assert written(world.source) == 0
    assert [event.kind for event in world.source.living()] == [EventKind.SERIES]


def test_a_deleted_series_takes_its_original_along() -> None:
    world = World(settings=DELETING, both_ways=True)
    world.source.put(weekly())
    world.run_until_quiet()
    world.target.remove(the_copy(world).id)
    world.run_until_quiet()
    assert not world.source.living()
