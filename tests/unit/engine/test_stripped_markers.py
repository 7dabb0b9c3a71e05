"""Other software rewrites a copy and drops our marker: the copy stays the one that there is (`reliability.md` D6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from app.domain.runs import Counts
from tests.fakes.calendar import FakeCalendar, wall
from tests.fakes.engine_world import FULL, World, meeting, weekly
from tests.simulation.services import Quirks, SimCalendar

MONDAY = date(2026, 11, 23)
NAMES_ITSELF = Quirks("graph", burns_ids=False, server_ids=True, remembers_hours=6, hides_markers=True, lags_minutes=0)


def in_use(target: FakeCalendar) -> World:
    world = World(settings=FULL, target=target)
    for number in range(3):
        world.source.put(meeting(f"m{number}", wall(MONDAY, 9 + number), title=f"Meeting {number}"))
    world.source.put(weekly("s", 8))
    run(world)
    run(world)
    return world


def run(world: World) -> Counts:
    world.target.moment = world.clock.now()
    return world.run().counts


def strip(world: World, place: str) -> None:
    """What a program does that writes back only the fields it knows."""
    for copy in list(world.target.living()):
        assert copy.fields is not None
        world.target.put(replace(copy, marker=None, fields=replace(copy.fields, place=place)), by="other software")


@pytest.mark.parametrize("target", [FakeCalendar, lambda: SimCalendar.of(NAMES_ITSELF)])
@pytest.mark.parametrize("place", ["", "Room 4"])
def test_a_copy_without_its_marker_is_neither_doubled_nor_left_behind(
    target: Callable[[], FakeCalendar], place: str
) -> None:
    world = in_use(target())
    ids = {copy.id for copy in world.target.living()}
    assert len(ids) == 4
    strip(world, place)
    for _ in range(3):
        run(world)
        assert {copy.id for copy in world.target.living()} == ids
    original = world.source.events["m0"]
    assert original.fields is not None
    world.source.put(replace(original, fields=replace(original.fields, title="Moved on")))
    world.source.remove("m1")
    assert (run(world).created, len(world.target.living())) == (0, 3)
    titles = {copy.fields.title for copy in world.target.living() if copy.fields is not None}
    assert "Moved on" in titles
    assert "Meeting 1" not in titles
