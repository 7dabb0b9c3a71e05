"""What finding blocks costs: look-ups and rows are counted, time is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.domain.pairs import DirectionSettings
from app.engine.wishes import Wisher
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, World, meeting, weekly

MERGED = DirectionSettings(merge_touching=True)


def busy_world(events: int, *, gap_minutes: int = 30) -> World:
    """Events of half an hour through day and night, each so long after the one before."""
    world = World(settings=MERGED)
    for number in range(events):
        start = wall(MONDAY, 0) + timedelta(minutes=number * (30 + gap_minutes))
        world.source.put(meeting(f"e{number:05}", start))
    return world


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, size: Callable[..., int]) -> list[int]:
    """From now on the sizes of all calls of a method."""
    sizes: list[int] = []
    plain = getattr(owner, name)

    def count(*args: Any, **kwargs: Any) -> Any:
        sizes.append(size(*args, **kwargs))
        return plain(*args, **kwargs)

    monkeypatch.setattr(owner, name, count)
    return sizes


def test_looking_at_everything_takes_look_ups_and_wishes_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = {}
    for events in (500, 2000):
        world = busy_world(events, gap_minutes=0 if events == 500 else 30)
        world.run(dry=True)  # what was read is stored: that takes look-ups of its own
        selects = counted(monkeypatch, world.database, "select", lambda *args: 1)
        wishes = counted(monkeypatch, Wisher, "wishes", lambda *args: 1)
        result = world.run(dry=True)
        costs[events] = (len(selects), len(wishes))
        assert result.counts.processed == events
        monkeypatch.undo()
    # Some for each hundred originals, and some for the blocks of them all; wishes for each original once.
    assert costs[2000][0] <= 40 + 12 * (2000 // 100)
    assert costs[2000][1] == 2000
    assert costs[500][0] <= 40 + 12 * (500 // 100)


def test_one_change_looks_at_what_is_near_it_and_at_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    world = busy_world(400)
    for number in range(10):
        world.source.put(weekly(f"s{number}", hour=number))
    world.run_until_quiet()
    world.source.put(meeting("e00200", wall(MONDAY, 0) + timedelta(minutes=200 * 60 + 15), minutes=30))
    rows = counted(monkeypatch, world.ledger, "rows", lambda calendar, units: len(units or ()))
    normal = counted(monkeypatch, Wisher, "_wish", lambda *args, **kwargs: 1)
    selects = counted(monkeypatch, world.database, "select", lambda *args: 1)
    result = world.run()
    assert result.counts.processed == 1
    assert max(rows) <= 60
    assert sum(normal) <= 600
    assert len(selects) <= 120


def test_a_chain_that_reaches_far_is_found_by_few_look_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    world = busy_world(400, gap_minutes=0)
    world.run_until_quiet()
    (copy,) = world.copies()
    assert copy.fields is not None
    assert copy.fields.when.duration == timedelta(minutes=400 * 30)
    world.source.remove("e00200")
    selects = counted(monkeypatch, world.database, "select", lambda *args: 1)
    world.run()
    assert len(selects) <= 250
    monkeypatch.undo()
    world.run_until_quiet()
    assert len(world.copies()) == 2


def test_a_calendar_in_which_nothing_changed_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    world = busy_world(20)
    world.run_until_quiet()
    rows = counted(monkeypatch, world.ledger, "rows", lambda calendar, units: 1)
    world.run()
    assert rows == []
