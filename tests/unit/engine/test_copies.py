"""Copies that people touched, ids that are burned, copies that were released (`engine.md` §4, §7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.domain import identity
from app.domain.events import Availability, Event, Marker
from app.domain.links import Intent, LinkState, Outcome, Result
from app.domain.pairs import CopyDeleted, CopyEdited, DirectionSettings, FilteredLater, Mode
from app.engine.commands import living_copies, take_copies_away
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, World, drive, meeting, weekly

MONDAY = date(2026, 11, 23)
KEEP = DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.KEEP)


def only_copy(world: World) -> Event:
    (copy,) = world.copies()
    return copy


def edit(world: World, event: Event, **changes: object) -> None:
    assert event.fields is not None
    world.target.put(replace(event, fields=replace(event.fields, **changes)))  # type: ignore[arg-type]  # by name


def change(world: World, event_id: str = "a1", **changes: object) -> None:
    event = world.source.events[event_id]
    assert event.fields is not None
    world.source.put(replace(event, fields=replace(event.fields, **changes)))  # type: ignore[arg-type]  # by name


def one(**more: object) -> World:
    world = World(**more)  # type: ignore[arg-type]  # passed on by name
    world.source.put(meeting("a1", wall(MONDAY, 9), title="Review"))
    world.run_until_quiet()
    return world


def test_a_kept_edit_stays_pinned_through_changes_of_every_field() -> None:
    world = one(settings=KEEP)
    edit(world, only_copy(world), title="Mine")
    world.run_until_quiet()
    change(world, place="R7")
    world.run_until_quiet()
    change(world, title="Review 2")
    world.run_until_quiet()
    fields = only_copy(world).fields
    assert fields is not None
    assert (fields.title, fields.place) == ("Mine", "R7")


def test_a_kept_edit_stays_pinned_when_the_reply_to_the_next_write_is_lost() -> None:
    world = one(settings=KEEP)
    edit(world, only_copy(world), title="Mine")
    world.run_until_quiet()
    world.target.lose_next("update")
    change(world, place="R7")
    world.run_until_quiet()
    change(world, title="Review 2")
    world.run_until_quiet()
    fields = only_copy(world).fields
    assert fields is not None
    assert (fields.title, fields.place) == ("Mine", "R7")


def test_the_other_installation_wins_over_an_edit_that_has_no_base() -> None:
    one_machine = one(settings=KEEP)
    other = World(settings=KEEP, source=one_machine.source, target=one_machine.target)
    other.stamps = type(other.stamps)("other")
    other.run_until_quiet()
    change(other, title="Review 2")
    other.run_until_quiet()
    one_machine.source.remove("a1")
    one_machine.run()
    assert one_machine.copies() == []
    assert [change_.what for change_ in one_machine.target.log][-1] == "remove"


def test_an_edited_copy_whose_original_is_gone_becomes_the_persons_own() -> None:
    world = one(settings=KEEP)
    edit(world, only_copy(world), title="Mine")
    world.run_until_quiet()
    world.source.remove("a1")
    world.run_until_quiet()
    (left,) = world.target.living()
    assert left.marker is not None
    assert left.marker.released
    assert left.fields is not None
    assert left.fields.title == "Mine"


def test_a_released_copy_is_never_taken_back() -> None:
    world = one(settings=KEEP)
    edit(world, only_copy(world), title="Mine")
    world.run_until_quiet()
    world.source.remove("a1")
    world.run_until_quiet()
    world.source.put(meeting("a1", wall(MONDAY, 9), title="Back"))
    world.run_until_quiet()
    titles = sorted(event.fields.title for event in world.target.living() if event.fields)
    assert titles == ["Back", "Mine"]
    world.source.remove("a1")
    world.run_until_quiet()
    assert [event.fields.title for event in world.target.living() if event.fields] == ["Mine"]


def test_a_copy_deleted_by_hand_stays_away_whatever_filters_do_meanwhile() -> None:
    world = one()
    world.target.remove(only_copy(world).id)
    world.run_until_quiet()
    change(world, availability=Availability.FREE)
    world.run_until_quiet()
    change(world, availability=Availability.BUSY)
    world.run_until_quiet()
    assert world.copies() == []


def test_a_copy_removed_by_a_filter_is_remembered_with_its_reason() -> None:
    world = one()
    change(world, availability=Availability.FREE)
    world.run_until_quiet()
    (link,) = world.ledger.links(world.direction.id, None)
    assert (link.state, link.reason, link.copy_key) == (LinkState.SKIPPED, "free", "")


def test_a_copy_left_after_a_filter_goes_with_its_original() -> None:
    world = one(settings=DirectionSettings(filtered_later=FilteredLater.LEAVE))
    change(world, availability=Availability.FREE)
    world.run_until_quiet()
    assert len(world.copies()) == 1
    world.source.remove("a1")
    world.run_until_quiet()
    assert world.copies() == []


def test_an_id_burned_many_times_over_is_got_past() -> None:
    world = World()
    key = identity.copy_key(world.direction.key, "a1")
    for generation in range(9):
        name = identity.google_event_id(identity.copy_id(world.direction.target.calendar_key, key, generation))
        world.target.put(meeting(name, wall(MONDAY, 9)))
        world.target.remove(name)
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    for _ in range(3):
        world.run()
    marker = only_copy(world).marker
    assert marker is not None
    assert marker.generation == 9


def test_a_foreign_event_in_our_place_is_left_alone_and_the_next_id_is_taken() -> None:
    world = World()
    foreign = world.target.put(meeting("foreign", wall(MONDAY, 9), title="Own"))

    def taken(intent: Intent) -> Outcome | None:
        return Outcome(intent.id, Result.EXISTS, foreign) if intent.generation == 0 else None

    world.target.script.verdict = taken
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.run_until_quiet()
    marker = only_copy(world).marker
    assert marker is not None
    assert marker.generation == 1
    assert world.target.events["foreign"] == foreign


def test_an_id_refused_as_taken_although_nothing_is_there_is_tried_once_more() -> None:
    world = World()
    generations: list[int] = []

    def taken(intent: Intent) -> Outcome | None:
        generations.append(intent.generation)
        return Outcome(intent.id, Result.EXISTS) if intent.generation == 0 else None

    world.target.script.verdict = taken
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.run_until_quiet()
    assert generations == [0, 0, 1]


def test_lost_state_finds_the_living_generation() -> None:
    world = one(settings=DirectionSettings(copy_deleted=CopyDeleted.RESTORE))
    for _ in range(2):
        world.target.remove(only_copy(world).id)
        world.run_until_quiet()
    before = only_copy(world).id
    fresh = World(source=world.source, target=world.target)
    fresh.run_until_quiet()
    assert only_copy(fresh).id == before


def test_a_listing_that_lacks_a_copy_does_not_make_a_second_one() -> None:
    world = one()
    before = only_copy(world).id
    fresh = World(source=world.source, target=world.target)
    fresh.stamps = type(fresh.stamps)("other")
    fresh.target.script.unlisted = {before}
    fresh.run()
    fresh.target.script.unlisted = set()
    fresh.run_until_quiet()
    assert only_copy(fresh).id == before


def test_adoption_that_was_interrupted_goes_on() -> None:
    world = World(settings=DirectionSettings(window_ahead_days=28))
    world.target.can_say = lambda fields: False
    world.source.put(weekly())
    world.run_until_quiet()
    before = {copy.id for copy in world.copies()}
    fresh = World(settings=world.settings, source=world.source, target=world.target)
    fresh.stop = lambda: True
    fresh.run()
    fresh.stop = lambda: False
    fresh.target.requests.clear()
    writes = len(fresh.target.log)
    fresh.run_until_quiet()
    assert {copy.id for copy in fresh.copies()} == before
    assert len(fresh.target.log) == writes
    assert "write" not in fresh.target.requests


def test_two_installations_with_other_settings_come_to_rest() -> None:
    world = one(settings=FULL)
    other = World(settings=DirectionSettings(mode=Mode.FULL, title="Copy of {title}"), source=world.source)
    other.target = world.target
    other.stamps = type(other.stamps)("other")
    for _ in range(6):
        other.run(full=True)
        world.run(full=True)
    writes = len(world.target.log)
    for _ in range(3):
        other.run(full=True)
        world.run(full=True)
    assert len(world.target.log) == writes


def test_a_service_that_changes_its_mind_is_not_fought_for_ever() -> None:
    world = one(settings=FULL)
    for _ in range(8):
        edit(world, only_copy(world), title="Rewritten")
        world.run()
    writes = [entry for entry in world.target.log if entry.by == "kalends"]
    assert len(writes) == 1 + 3


def test_removing_a_pairs_copies_leaves_everything_else() -> None:
    world = one()
    world.source.put(weekly())
    world.target.put(meeting("mine", wall(MONDAY, 12)))
    world.target.put(replace(only_copy(world), id="pasted"))
    world.run_until_quiet()
    assert living_copies(world.ledger, world.direction.id) == 2
    drive(take_copies_away(world.direction, world.target, world.ledger, world.writer(), world.clock, release=False))
    assert sorted(event.id for event in world.target.living()) == ["mine", "pasted"]
    assert living_copies(world.ledger, world.direction.id) == 0
    assert list(world.ledger.links(world.direction.id, None)) == []


def test_releasing_a_pairs_copies_makes_them_ordinary_events() -> None:
    world = one()
    world.source.put(weekly())
    world.run_until_quiet()
    drive(take_copies_away(world.direction, world.target, world.ledger, world.writer(), world.clock, release=True))
    assert len(world.target.living()) == 2
    assert world.copies() == []
    assert all(event.fields is not None and event.fields.title == "Busy" for event in world.target.living())


def test_the_edge_of_the_window_brings_events_in_day_by_day() -> None:
    world = World(settings=DirectionSettings(window_ahead_days=7))
    for n in range(20):
        world.source.put(meeting(f"a{n:02}", wall(MONDAY + timedelta(days=n), 9)))
    world.run_until_quiet()
    first = len(world.copies())
    for _ in range(5):
        world.clock.advance(days=1)
        world.run()
    assert len(world.copies()) == first + 5


def test_what_another_installation_released_is_let_go() -> None:
    for gone in (True, False):
        world = one(settings=KEEP)
        copy = only_copy(world)
        assert copy.marker is not None
        world.target.put(replace(copy, marker=replace(copy.marker, released=True)), by="other")
        if gone:
            world.source.remove("a1")
        else:
            change(world, title="Review 2")
        world.run_until_quiet()
        assert world.target.events[copy.id].marker == replace(copy.marker, released=True)
        assert [c.fields.title for c in world.copies() if c.fields] == ([] if gone else ["Review 2"])


def test_a_copy_that_is_being_released_becomes_a_source_once_that_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(settings=FULL)
    released = Marker("d", "k", 0, "s.1", released=True)
    event = world.source.put(meeting("kaln" + "0123456789" * 4, wall(MONDAY, 9), marker=released))
    with monkeypatch.context() as patch:
        # The other direction has sent the release and does not know yet that it happened.
        patch.setattr(world.ledger, "known_copies", lambda calendar_id, ids: {event.id: ("dir_elsewhere", "k")})
        world.run()
        assert world.copies() == []
    world.run()
    assert len(world.copies()) == 1


@pytest.mark.parametrize("policy", CopyDeleted)
@pytest.mark.parametrize("becomes_series", [True, False])
def test_a_copy_deleted_by_hand_while_its_original_changed_its_form_follows_the_policy(
    policy: CopyDeleted, becomes_series: bool
) -> None:
    world = World(settings=DirectionSettings(mode=Mode.FULL, copy_deleted=policy))
    forms = [meeting("a1", wall(MONDAY, 9), title="Review"), weekly("a1")]
    before, after = forms if becomes_series else reversed(forms)
    world.source.put(before)
    world.run_until_quiet()
    world.target.remove(only_copy(world).id)
    world.source.put(after)
    world.run_until_quiet()
    kinds = [copy.kind for copy in world.copies()]
    assert kinds == ([after.kind] if policy is CopyDeleted.RESTORE else [])
    # Whatever was decided about it outlasts the next change of the original.
    change(world, place="R7")
    world.run_until_quiet()
    assert [copy.kind for copy in world.copies()] == kinds


def test_a_copy_that_another_installation_made_anew_is_followed_and_not_taken_for_deleted_by_hand() -> None:
    world = one(settings=FULL)
    before = only_copy(world)
    assert before.marker is not None
    next_id = identity.google_event_id(identity.copy_id(world.direction.target.calendar_key, before.marker.copy_key, 1))
    world.target.remove(before.id)
    world.target.put(replace(before, id=next_id, marker=replace(before.marker, generation=1, stamp="other.7")))
    world.run_until_quiet()
    assert only_copy(world).id == next_id
    change(world, title="Review 2")
    world.run_until_quiet()
    fields = only_copy(world).fields
    assert (only_copy(world).id, fields.title if fields else "") == (next_id, "Review 2")
