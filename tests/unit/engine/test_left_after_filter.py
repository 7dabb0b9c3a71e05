"""Single dates that a filter leaves out later: removed, or left where the pair says so (`engine.md` §2, §6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.events import Availability, Event
from app.domain.pairs import DirectionSettings, FilteredLater
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, World, weekly

NEXT = MONDAY + timedelta(days=7)
RULE = "RRULE:FREQ=WEEKLY;COUNT=4"


def world_with(policy: FilteredLater, *, expanded: bool) -> World:
    world = World(DirectionSettings(filtered_later=policy))
    if expanded:
        world.target.can_say = lambda fields: fields.recurrence is None
    world.source.put(weekly(rule=RULE))
    return world


def set_free(world: World) -> Event:
    """Free time is left out in blockers."""
    fields = world.source.events["series"].fields
    assert fields is not None
    start = wall(NEXT, 9)
    one = replace(fields, when=fields.when.moved_to(start), recurrence=None, availability=Availability.FREE)
    return world.source.change_occurrence("series", start, one)


def dates(world: World) -> int:
    """How many dates the copies have in all."""
    masters = [copy for copy in world.copies() if copy.fields is not None and copy.fields.recurrence is not None]
    singles = len(world.copies()) - len(masters)
    cancelled = [e for e in world.target.events.values() if e.series_id and e.fields is None]
    return singles + sum(4 - len(master.cancelled) - len(cancelled) for master in masters)


@pytest.mark.parametrize("expanded", [False, True])
@pytest.mark.parametrize(("policy", "left"), [(FilteredLater.LEAVE, 4), (FilteredLater.REMOVE, 3)])
def test_a_date_that_is_left_out_later_goes_by_the_pairs_choice(
    policy: FilteredLater, left: int, expanded: bool
) -> None:
    world = world_with(policy, expanded=expanded)
    world.run_until_quiet()
    assert dates(world) == 4
    set_free(world)
    world.run_until_quiet()
    assert dates(world) == left
    world.run_until_quiet()
    assert dates(world) == left


@pytest.mark.parametrize("expanded", [False, True])
def test_a_date_that_was_left_out_from_the_start_is_not_copied_later_either(expanded: bool) -> None:
    world = world_with(FilteredLater.LEAVE, expanded=expanded)
    set_free(world)
    world.run_until_quiet()
    assert dates(world) == 3
    master = world.source.events["series"]
    assert master.fields is not None
    world.source.put(replace(master, fields=replace(master.fields, place="Room 2")))
    world.run_until_quiet()
    assert dates(world) == 3


def test_a_changed_date_that_is_left_out_later_stays_as_it_was_copied() -> None:
    world = world_with(FilteredLater.LEAVE, expanded=False)
    fields = world.source.events["series"].fields
    assert fields is not None
    later = replace(fields, when=fields.when.moved_to(wall(NEXT, 11)), recurrence=None)
    world.source.change_occurrence("series", wall(NEXT, 9), later)
    world.run_until_quiet()
    written = len(world.target.log)
    set_free(world)
    world.run_until_quiet()
    assert len(world.target.log) == written
