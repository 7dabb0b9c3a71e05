"""Merged blockers of a calendar that hides markers in its changes, as Graph does: what is new there is read first."""

from __future__ import annotations

from datetime import date

from app.domain.pairs import DirectionSettings
from tests.fakes.calendar import FakeCalendar, wall
from tests.fakes.engine_world import World, meeting

MONDAY = date(2026, 11, 23)


def test_what_is_new_gets_its_block_although_its_marker_is_not_told() -> None:
    world = World(
        settings=DirectionSettings(merge_touching=True, buffer_before_minutes=30),
        source=FakeCalendar(hides_markers=True),
    )
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.run()
    assert len(world.copies()) == 1

    world.source.put(meeting("b2", wall(MONDAY, 13), minutes=0))
    world.run()

    starts = sorted(str(copy.fields.when.start) for copy in world.copies() if copy.fields)
    assert starts == ["2026-11-23 08:30:00", "2026-11-23 12:30:00"]
