"""What nobody told: the first try of a write that was put off, a base no answer confirmed, a form that was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.domain.errors import UnavailableError
from app.domain.events import Fields
from app.domain.links import Intent, Outcome, Result
from app.domain.pairs import CopyEdited, CopyField, DirectionSettings, Mode
from tests.fakes.calendar import GOOGLE_LIKE, FakeCalendar, wall
from tests.fakes.engine_world import FULL, MONDAY, CountedStamps, World, meeting, weekly

BACK = DirectionSettings(
    mode=Mode.FULL, copy_edited=CopyEdited.WRITE_BACK, write_back_fields=(CopyField.TITLE, CopyField.PLACE)
)


def test_a_create_of_unknown_outcome_that_is_put_off_later_stays_unknown() -> None:
    world = World(settings=FULL)
    world.run_until_quiet()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    sent = world.target.script

    def lost(name: str) -> None:
        if name == "write":
            raise UnavailableError("It was lost on the way.")

    sent.before = lost
    world.run()
    sent.before = lambda name: None

    def later(intent: Intent) -> Outcome:
        return Outcome(intent.id, Result.LATER, code="throttled", retry_after_seconds=1.0)

    sent.verdict = later
    world.run()
    (pending,) = world.ledger.pending_intents(world.direction.id)
    assert pending.original_id == "a1"
    sent.verdict = lambda intent: None
    world.run_until_quiet()
    assert len(world.copies()) == 1
    assert not world.ledger.pending_intents(world.direction.id)


def spelled(fields: Fields) -> Fields:
    """A service that ends every place with a full stop, and tells so only in its answers."""
    return replace(fields, place=f"{fields.place.rstrip('.')}." if fields.place else "")


def test_how_a_service_spells_a_place_is_not_carried_back_when_its_answer_was_lost() -> None:
    world = World(settings=BACK, both_ways=True, target=FakeCalendar(stores=spelled))
    world.target.lose_next("create")
    world.source.put(meeting("a1", wall(MONDAY, 9), fields={"place": "Room 7"}))
    world.run_until_quiet()
    original = world.source.events["a1"].fields
    assert original is not None
    assert original.place == "Room 7"
    assert not [change for change in world.source.log if change.by == "kalends"]


def test_after_a_lost_answer_an_edit_goes_back_again_once_the_copy_was_seen_as_it_should_be() -> None:
    world = World(settings=BACK, both_ways=True)
    world.target.lose_next("create")
    world.source.put(meeting("a1", wall(MONDAY, 9), title="Review"))
    world.run_until_quiet()
    (copy,) = world.copies()
    assert copy.fields is not None
    world.target.put(replace(copy, fields=replace(copy.fields, title="Typed")))
    world.run_until_quiet()
    original = world.source.events["a1"].fields
    assert original is not None
    assert original.title == "Typed"


def place(calendar: FakeCalendar, event_id: str, says: str) -> None:
    """Somebody, or something, makes another place of it."""
    event = calendar.events[event_id]
    assert event.fields is not None
    calendar.put(replace(event, fields=replace(event.fields, place=says)))


def test_what_the_service_makes_of_a_write_of_another_installation_does_not_flow_back() -> None:
    one = World(settings=BACK, both_ways=True, target=FakeCalendar(replace(GOOGLE_LIKE, rewrites_seconds=600)))
    one.source.put(meeting("a1", wall(MONDAY, 9), fields={"place": "room 4"}))
    one.run_until_quiet()
    other = World(
        settings=BACK,
        both_ways=True,
        source=one.source,
        target=one.target,
        clock=one.clock,
        stamps=CountedStamps("other"),
    )
    one.target.moment += timedelta(hours=1)
    place(one.source, "a1", "room 5")
    other.run_until_quiet()
    one.run_until_quiet()
    (copy,) = one.copies()
    one.target.moment += timedelta(minutes=3)
    place(one.target, copy.id, "room 5, Building B")
    one.run_until_quiet()
    original = one.source.events["a1"].fields
    assert original is not None
    assert original.place == "room 5"
    one.target.moment += timedelta(minutes=30)
    place(one.target, copy.id, "Garden")
    one.run_until_quiet()
    original = one.source.events["a1"].fields
    assert original is not None
    assert original.place == "Garden", "what a person types later still travels"


def test_a_copied_series_found_after_loss_of_state_goes_when_its_dates_are_copied_one_by_one_now() -> None:
    world = World(settings=FULL)
    world.source.put(weekly(rule="RRULE:FREQ=WEEKLY;COUNT=3"))
    world.run_until_quiet()
    other = World(settings=FULL, source=world.source, target=world.target)
    world.target.can_say = lambda fields: fields.recurrence is None
    other.run_until_quiet()
    assert sorted(copy.kind.value for copy in other.copies()) == ["single"] * 3
