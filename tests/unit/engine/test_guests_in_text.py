"""Guests' names below the text of copies (`engine.md` §2, §14): they follow the original and are nobody's edit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.events import Event, EventKind, Fields, GuestList, Marker
from app.domain.links import Copy
from app.domain.pairs import CopyEdited, DetailField, DirectionSettings, Mode
from app.domain.times import to_utc
from app.engine.comparison import compare, overlay
from app.engine.fingerprint import GUESTS, LINK, all_hashes, below, differing, hashes
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, MONDAY, ZONE, World, meeting, weekly

LISTED = replace(FULL, guests_in_text=True)
ANA, BOTH = GuestList(("Ana",)), GuestList(("Ana", "Bo"), 2)


def invited(event_id: str = "a1", guests: GuestList = ANA, hour: int = 9, **fields: object) -> Event:
    event = meeting(event_id, wall(MONDAY, hour), title="Review", guests=True, fields={"text": "agenda", **fields})
    return replace(event, guest_list=guests)


def shown(world: World) -> list[GuestList | None]:
    return [copy.fields.guests for copy in world.copies() if copy.fields is not None]


def quiet(world: World) -> bool:
    counts = world.run().counts
    return (counts.created, counts.updated, counts.deleted) == (0, 0, 0)


def test_names_are_listed_and_followed_and_nobody_is_put_on_the_copy() -> None:
    world = World(settings=LISTED)
    world.source.put(invited())
    world.run()
    assert shown(world) == [ANA]
    assert quiet(world)
    world.source.put(invited(guests=BOTH))
    assert world.run().counts.updated == 1
    (copy,) = world.copies()
    assert copy.fields is not None
    assert (copy.fields.text, copy.fields.guests) == ("agenda", BOTH)
    assert not copy.guests
    assert copy.guest_list is None
    assert quiet(world)
    assert quiet(world)


@pytest.mark.parametrize(
    "settings",
    [
        FULL,
        DirectionSettings(guests_in_text=True),
        DirectionSettings(mode=Mode.DETAILS, guests_in_text=True),
        DirectionSettings(mode=Mode.DETAILS, guests_in_text=True, detail_fields=(DetailField.PLACE,)),
    ],
)
def test_copies_that_do_not_show_them_do_not_follow_them_either(settings: DirectionSettings) -> None:
    world = World(settings=settings)
    world.source.put(invited())
    world.run()
    assert shown(world) == [None]
    world.source.put(invited(guests=BOTH))
    assert quiet(world)


@pytest.mark.parametrize("policy", list(CopyEdited))
def test_what_a_person_does_below_our_line_is_no_edit(policy: CopyEdited) -> None:
    world = World(settings=replace(LISTED, copy_edited=policy), both_ways=True)
    world.source.put(invited())
    world.run()
    (copy,) = world.copies()
    assert copy.fields is not None
    world.target.put(replace(copy, fields=replace(copy.fields, guests=GuestList(("Somebody", "Else")))))
    assert quiet(world)
    assert world.source.log == [one for one in world.source.log if one.by == "user"]
    world.source.put(invited(guests=BOTH))
    world.run()
    assert shown(world) == [BOTH], "the original's own change is followed all the same"


def test_a_text_that_is_kept_as_a_person_made_it_still_gets_the_new_names() -> None:
    world = World(settings=replace(LISTED, copy_edited=CopyEdited.KEEP))
    world.source.put(invited())
    world.run()
    (copy,) = world.copies()
    assert copy.fields is not None
    world.target.put(replace(copy, fields=replace(copy.fields, text="mine")))
    world.run()
    world.source.put(invited(guests=BOTH))
    world.run()
    (copy,) = world.copies()
    assert copy.fields is not None
    assert (copy.fields.text, copy.fields.guests) == ("mine", BOTH)


def test_turning_it_on_and_off_changes_copies_in_place_and_is_no_mass_change_of_originals() -> None:
    world = World(settings=FULL)
    for number in range(30):
        world.source.put(invited(f"a{number}", hour=number % 20))
    world.run()
    for listed in (True, False):
        world.change_settings(guests_in_text=listed)
        result = world.run()
        assert (result.counts.updated, result.counts.created, result.counts.deleted) == (30, 0, 0)
        assert result.counts.held == 0
        assert shown(world) == [ANA if listed else None] * 30
        assert quiet(world)


def test_copies_that_were_made_before_a_lost_database_are_adopted_without_a_write() -> None:
    world = World(settings=LISTED)
    world.source.put(invited(link="https://meet.example/1"))
    world.run()
    again = World(settings=LISTED, source=world.source, target=world.target, clock=world.clock)
    assert quiet(again)
    world.source.put(invited(guests=BOTH, link="https://meet.example/1"))
    assert again.run().counts.updated == 1
    assert shown(again) == [BOTH]


def test_two_installations_do_not_write_in_turns_where_a_service_spells_the_names_its_own_way() -> None:
    copy = Copy("dir", "k", stamp="inst.1", base_copy={}, wanted=all_hashes(fields(ANA)))
    theirs = Event("copy", marker=Marker("d", "k", 0, "other.1"))
    spelled = all_hashes(fields(GuestList(("ANA",))))
    assert compare(all_hashes(fields(ANA)), spelled, theirs, copy, None, CopyEdited.RESTORE).write == ()


def test_a_date_of_a_series_has_guests_of_its_own_until_it_is_like_the_others_again() -> None:
    world = World(settings=LISTED)
    series = replace(weekly(hour=9), guests=True, guest_list=ANA)
    assert series.fields is not None
    world.source.put(series)
    start = wall(MONDAY + timedelta(days=7), 9)
    part = Event(
        "part",
        kind=EventKind.EXCEPTION,
        series_id=series.id,
        original_start=to_utc(start, ZONE),
        fields=replace(series.fields, when=series.fields.when.moved_to(start), recurrence=None),
        guests=True,
        guest_list=BOTH,
    )
    world.source.put(part)
    world.run_until_quiet()
    there = world.target.events.values()
    kinds = {copy.kind: copy.fields.guests for copy in there if copy.fields is not None}
    assert kinds == {EventKind.SERIES: ANA, EventKind.EXCEPTION: BOTH}
    world.source.put(replace(part, guest_list=ANA))
    world.run_until_quiet()
    assert {copy.fields.guests for copy in world.target.events.values() if copy.fields is not None} == {ANA}


def test_an_undo_brings_the_names_back_that_were_there() -> None:
    world = World(settings=LISTED)
    world.source.put(invited())
    world.run()
    world.source.put(invited(guests=BOTH))
    world.run()
    changed = world.last_run_id
    world.undo(changed)
    assert shown(world) == [ANA]
    assert quiet(world), "what was undone is not done again"
    world.source.put(invited(guests=GuestList(("Cy",))))
    world.run()
    assert shown(world) == [GuestList(("Cy",))]


def test_what_stands_below_our_line_is_in_no_base() -> None:
    assert hashes(fields(ANA)) == hashes(fields(None))
    assert below(fields(ANA)).keys() == {GUESTS, LINK}
    assert differing(all_hashes(fields(ANA)), all_hashes(fields(BOTH))) == (GUESTS,)
    assert overlay(fields(ANA), fields(BOTH), (GUESTS,)).guests == BOTH


def fields(guests: GuestList | None) -> Fields:
    made = invited(link="https://meet.example/1").fields
    assert made is not None
    return replace(made, guests=guests)
