"""Undoing what was done to all copies at once, while the pair is still there (`engine.md` §12)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.events import Event, EventKind
from app.domain.links import Intent, Op, Outcome, Result
from app.domain.pairs import DirectionSettings
from app.domain.runs import Undoable
from app.engine.commands import take_copies_away
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, MONDAY, CountedStamps, HandClock, World, drive, meeting, weekly


def take_away(world: World, *, release: bool = False) -> str:
    """Remove or release all copies; returns the run that did it."""
    writer = world.writer()
    run_id = world.last_run_id
    drive(take_copies_away(world.direction, world.target, world.ledger, writer, world.clock, release=release))
    return run_id


def said(world: World) -> list[tuple[str, str, str]]:
    there = (event for event in world.target.events.values() if not event.gone and event.fields is not None)
    return sorted((event.kind, event.fields.title, str(event.fields.when.start)) for event in there if event.fields)


def lacking(world: World) -> set[object]:
    stubs = {e.original_start for e in world.target.events.values() if e.kind is EventKind.CANCELLED and not e.gone}
    return stubs | {start for event in world.copies() for start in event.cancelled}


@pytest.fixture
def with_exceptions() -> World:
    world = World(settings=FULL)
    world.source.put(weekly())
    fields = world.source.events["series"].fields
    assert fields is not None
    moved = fields.when.moved_to(wall(MONDAY + timedelta(days=8), 12))
    world.source.change_occurrence(
        "series",
        wall(MONDAY + timedelta(days=7), 9),
        replace(fields, title="Moved", when=moved, recurrence=None),
    )
    world.source.cancel_occurrence("series", wall(MONDAY + timedelta(days=14), 9))
    world.run_until_quiet()
    return world


def test_a_series_comes_back_with_all_that_was_inside(with_exceptions: World) -> None:
    world = with_exceptions
    before, without = said(world), lacking(world)
    assert len(before) == 2
    run = take_away(world)
    assert said(world) == []
    world.undo(run)
    assert said(world) == before
    world.run_until_quiet()
    assert said(world) == before
    assert len(lacking(world)) == len(without)


def test_single_dates_of_a_series_come_back_each_under_its_own_date() -> None:
    world = World(settings=DirectionSettings(merge_touching=True))
    world.source.put(weekly(rule="RRULE:FREQ=WEEKLY;COUNT=4"))
    world.run_until_quiet()
    before = said(world)
    assert len(before) == 4
    world.undo(take_away(world))
    assert said(world) == before
    assert all(link.occ for link in world.ledger.links(world.direction.id, None) if link.copy_key)
    world.run_until_quiet()
    assert said(world) == before


def test_copies_whose_originals_are_unknown_come_back_each_by_itself() -> None:
    world = World(settings=FULL)
    for n in range(3):
        world.source.put(meeting(f"a{n}", wall(MONDAY + timedelta(days=n), 9), title=f"Talk {n}"))
    world.run_until_quiet()
    before = said(world)
    later = World(
        settings=FULL,
        source=world.source,
        target=world.target,
        clock=HandClock(world.clock.now()),
        stamps=CountedStamps("later"),
    )
    run = take_away(later)
    assert said(later) == []
    assert [finding.state for finding in later.undoable(run)] == [Undoable.POSSIBLE] * 3
    later.undo(run)
    assert said(later) == before
    later.run_until_quiet()
    assert said(later) == before


def test_what_stayed_of_a_half_done_removal_is_not_touched_by_its_undo() -> None:
    world = World(settings=FULL)
    for n in range(4):
        world.source.put(meeting(f"a{n}", wall(MONDAY + timedelta(days=n), 9), title=f"Talk {n}"))
    world.run_until_quiet()
    before = said(world)
    stays: Event = world.copies()[0]

    def refuses(intent: Intent) -> Outcome | None:
        wanted = intent.op is Op.DELETE and intent.target_id == stays.id
        return Outcome(intent.id, Result.REFUSED, code="forbidden", message="no") if wanted else None

    world.target.script.verdict = refuses
    run = take_away(world)
    assert len(said(world)) == 1
    world.target.script.verdict = lambda intent: None
    world.undo(run)
    assert said(world) == before
    assert stays.id in {copy.id for copy in world.copies()}
