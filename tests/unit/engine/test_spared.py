"""What must be spared: originals whose copy lives on or that carry guests, and what a person undid or kept."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain import identity
from app.domain.events import Event, EventKind, Fields
from app.domain.pairs import Conflict, CopyDeleted, CopyEdited, DirectionSettings
from app.domain.runs import HoldAnswer, HoldCause
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, MONDAY, CountedStamps, World, meeting, weekly

DELETING = replace(FULL, copy_deleted=CopyDeleted.DELETE_ORIGINAL, copy_edited=CopyEdited.WRITE_BACK)
SECOND = wall(MONDAY + timedelta(days=7), 9)


def original(number: int) -> Event:
    return meeting(f"a{number:02}", wall(MONDAY + timedelta(days=number), 9), title=f"Talk {number}")


def deleting() -> World:
    """A pair that deletes originals, in step, with one of them."""
    world = World(settings=DELETING, both_ways=True)
    world.source.put(original(1))
    world.run_until_quiet()
    return world


def beside(world: World, settings: DirectionSettings) -> World:
    """Another installation with the same pair, or this one after it lost everything it knew."""
    other = World(settings=settings, source=world.source, target=world.target, both_ways=world.both_ways)
    other.stamps = CountedStamps("other")
    other.clock.advance(seconds=(world.clock.now() - other.clock.now()).total_seconds())
    return other


def second_generation(world: World, copy: Event) -> Event:
    """The same copy once more under its next id, as another installation makes it."""
    assert copy.marker is not None
    key = identity.copy_id(world.direction.target.calendar_key, copy.marker.copy_key, 1)
    marker = replace(copy.marker, generation=1, stamp="other.1")
    return world.target.put(replace(copy, id=identity.google_event_id(key), marker=marker), by="kalends")


def fields_of(event: Event) -> Fields:
    assert event.fields is not None
    return event.fields


def occurrence(world: World, **changes: Any) -> Event:
    """The second date of the series differs from it."""
    fields = fields_of(world.source.events["series"])
    own = replace(fields, when=fields.when.moved_to(SECOND), recurrence=None, **changes)
    return world.source.change_occurrence("series", SECOND, own)


# -- originals ---------------------------------------------------------------------------------------------------------


def test_an_original_stays_whose_deleted_copy_another_installation_made_again() -> None:
    world = deleting()
    other = beside(world, replace(FULL, copy_deleted=CopyDeleted.RESTORE))
    other.run_until_quiet()
    world.target.remove(world.copies()[0].id)
    other.run()
    world.clock.advance(hours=1)
    world.run_until_quiet()
    assert not world.source.events["a01"].gone
    assert len(world.copies()) == 1


def test_an_original_stays_of_which_a_second_copy_lives() -> None:
    world = deleting()
    (copy,) = world.copies()
    second_generation(world, copy)
    world.run()
    world.target.remove(copy.id)
    world.run_until_quiet()
    assert not world.source.events["a01"].gone


def test_an_original_stays_whose_later_copy_a_restored_database_does_not_know() -> None:
    world = deleting()
    world.run()
    connection = world.database._handle.connection()  # type: ignore[no-untyped-call]  # peewee ships no types
    backup = sqlite3.connect(":memory:")
    connection.backup(backup)
    first = world.source.events["a01"]
    world.source.put(replace(weekly("a01"), ical_uid=first.ical_uid))
    world.run_until_quiet()
    world.source.put(first)
    world.run_until_quiet()
    backup.backup(connection)
    backup.close()
    world.reopen()
    world.run(full=True)
    assert not world.source.events["a01"].gone


@pytest.mark.parametrize("guests", [True, False])
def test_a_series_stays_when_an_exception_has_guests_or_was_changed_since(*, guests: bool) -> None:
    world = World(settings=DELETING, both_ways=True)
    world.source.put(weekly())
    if guests:
        world.source.put(replace(occurrence(world, title="With guests"), guests=True))
    world.run_until_quiet()
    world.run()
    world.target.remove(next(copy for copy in world.copies() if copy.kind is EventKind.SERIES).id)
    if not guests:
        occurrence(world, title="Important")
    world.run_until_quiet()
    assert not world.source.events["series"].gone


def test_a_series_is_not_written_while_an_exception_has_guests() -> None:
    world = World(settings=DELETING, both_ways=True)
    world.source.put(weekly())
    world.source.put(replace(occurrence(world, title="With guests"), guests=True))
    world.run_until_quiet()
    copy = next(copy for copy in world.copies() if copy.kind is EventKind.SERIES)
    world.target.put(replace(copy, fields=replace(fields_of(copy), title="By hand")))
    world.run_until_quiet()
    assert fields_of(world.source.events["series"]).title == "Stand-up"


# -- what was undone or kept -------------------------------------------------------------------------------------------


def test_undoing_a_run_that_kept_both_doubles_nothing() -> None:
    settings = replace(FULL, copy_edited=CopyEdited.WRITE_BACK, conflict=Conflict.KEEP_BOTH)
    world = World(settings=settings, both_ways=True)
    made = world.source.put(original(1))
    world.run_until_quiet()
    (copy,) = world.copies()
    world.target.put(replace(copy, fields=replace(fields_of(copy), title="By hand")))
    world.source.put(replace(made, fields=replace(fields_of(made), title="New")))
    world.run()
    world.undo(world.last_run_id)
    world.run_until_quiet()
    assert sorted(fields_of(event).title for event in world.target.living()) == ["By hand", "New"]


def expanded(settings: DirectionSettings) -> World:
    """A weekly series, copied as one single for each date."""
    world = World(settings=settings)
    if not settings.merge_touching:
        world.target.can_say = lambda fields: fields.recurrence is None
    world.source.put(weekly())
    world.run_until_quiet()
    return world


@pytest.mark.parametrize("settings", [FULL, DirectionSettings(merge_touching=True)], ids=["full", "merged"])
def test_what_was_undone_of_an_expanded_series_stays_undone_as_the_window_moves(settings: DirectionSettings) -> None:
    world = expanded(settings)
    third = wall(MONDAY + timedelta(days=14), 9)
    world.source.cancel_occurrence("series", third)
    world.run()
    world.undo(world.last_run_id)
    world.clock.advance(days=8)
    world.run_until_quiet()
    assert third in {fields_of(copy).when.start for copy in world.copies()}


def test_a_removal_that_was_undone_asks_no_service_for_originals_that_nobody_knows() -> None:
    world = World(settings=FULL)
    for number in range(4):
        world.source.put(original(number))
    world.run_until_quiet()
    world.source.events.clear()
    again = beside(world, FULL)
    again.run()
    assert again.ledger.hold(again.direction.id, HoldCause.COPIES_WITHOUT_ORIGINAL) is not None
    again.answer(HoldAnswer.APPROVED)
    again.run()
    again.undo(again.last_run_id)
    assert len(again.copies()) == 4
    again.source.script.unanswered = {link.original_id for link in again.ledger.links(again.direction.id, None)}
    assert [again.run().errors for _ in range(3)] == [[], [], []]


def test_tidying_up_second_copies_is_no_loss_that_counts_against_the_day() -> None:
    world = World(settings=FULL)
    for number in range(20):
        world.source.put(original(number))
    world.run_until_quiet()
    for copy in world.copies()[:8]:
        second_generation(world, copy)
    again = beside(world, FULL)
    again.run_until_quiet()
    again.source.remove("a01")
    assert not again.run().holds
    assert len(again.copies()) == 19
