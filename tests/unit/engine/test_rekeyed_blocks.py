"""New ids for originals whose blockers are merged (`engine.md` §9, §10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.events import Event
from app.domain.pairs import DirectionSettings
from app.domain.runs import HoldAnswer, HoldCause
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, CountedStamps, HandClock, World, meeting

DAYS = 10


def pair_of(day: int, prefix: str = "") -> list[Event]:
    """Two meetings that touch."""
    return [
        meeting(f"{prefix}{name}{day}", wall(MONDAY + timedelta(days=day), hour), 60, title=f"{name.upper()}{day}")
        for name, hour in (("a", 9), ("b", 10))
    ]


@pytest.fixture
def world() -> World:
    """Ten days with two touching meetings each; all of them got new ids just now."""
    world = World(settings=DirectionSettings(merge_touching=True))
    for day in range(DAYS):
        for event in pair_of(day):
            world.source.put(event)
    world.run_until_quiet()
    assert len(world.copies()) == DAYS
    for day in range(DAYS):
        for old, new in zip(pair_of(day), pair_of(day, "z"), strict=True):
            world.source.remove(old.id)
            world.source.put(new)
    return world


def causes(world: World) -> set[HoldCause]:
    return {cause for cause in HoldCause if world.ledger.hold(world.direction.id, cause) is not None}


def spans(world: World) -> list[tuple[str, str]]:
    found = [event.fields.when for event in world.copies() if event.fields is not None]
    return sorted((f"{when.start:%m-%d %H:%M}", f"{when.end:%H:%M}") for when in found)


def test_new_ids_are_recognised_and_nothing_is_doubled_while_they_wait(world: World) -> None:
    before, written = spans(world), len(world.target.log)
    for _ in range(3):
        world.run()
        assert causes(world) == {HoldCause.REKEYED}
    hold = world.ledger.hold(world.direction.id, HoldCause.REKEYED)
    assert hold is not None
    assert hold.expected == 2 * DAYS
    assert spans(world) == before
    assert len(world.target.log) == written


def test_kept_blocks_follow_the_new_ids_without_any_write(world: World) -> None:
    before, written = spans(world), len(world.target.log)
    world.run()
    world.answer(HoldAnswer.KEPT)
    for _ in range(4):
        world.run()
    assert causes(world) == set()
    assert spans(world) == before
    assert len(world.target.log) == written
    world.source.remove("zb3")
    event = world.source.events["za4"]
    assert event.fields is not None
    world.source.put(replace(event, fields=replace(event.fields, when=event.fields.when.moved_to(wall(MONDAY, 15)))))
    world.run_until_quiet()
    assert len(world.copies()) == DAYS + 1
    assert ("11-26 09:00", "10:00") in spans(world)


def test_approved_blocks_are_made_anew(world: World) -> None:
    before = spans(world)
    ids = {copy.id for copy in world.copies()}
    world.run()
    world.answer(HoldAnswer.APPROVED)
    world.run_until_quiet()
    world.run()
    assert causes(world) == set()
    assert spans(world) == before
    assert not ids & {copy.id for copy in world.copies()}


def test_blocks_that_follow_new_ids_are_found_again_after_a_loss_of_state(world: World) -> None:
    world.run()
    world.answer(HoldAnswer.KEPT)
    world.run_until_quiet()
    world.run()
    ids = {copy.id for copy in world.copies()}
    later = World(
        settings=world.settings,
        source=world.source,
        target=world.target,
        clock=HandClock(world.clock.now()),
        stamps=CountedStamps("later"),
    )
    later.run_until_quiet()
    later.run()
    assert causes(later) == set()
    assert {copy.id for copy in later.copies()} == ids
