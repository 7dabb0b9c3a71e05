"""What was seen of the calendars is thrown away: one whole read, no write, and what changed is noticed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.domain.errors import UnavailableError
from app.domain.links import Seen
from app.domain.runs import Counts
from app.engine import view
from tests.fakes.calendar import FakeCalendar, wall
from tests.fakes.engine_world import FULL, World, drive, meeting, weekly

MONDAY = date(2026, 11, 23)


def lose(world: World, *calendars: str) -> None:
    """As when the second file is dropped, or is older than the database in what it holds of these calendars."""
    with world.database.transaction():
        for calendar in calendars:
            world.database.change("DELETE FROM event WHERE calendar_id = ?", (calendar,))
            world.database.change("DELETE FROM held WHERE calendar_id = ?", (calendar,))


def in_use(calendar: FakeCalendar | None = None) -> World:
    """Singles and a series with a moved and a cancelled date, all copied."""
    world = World(settings=FULL, source=calendar or FakeCalendar())
    for number in range(5):
        world.source.put(meeting(f"m{number}", wall(MONDAY, 9 + number)))
    series = world.source.put(weekly("s", 8))
    assert series.fields is not None
    moved = replace(series.fields, recurrence=None, when=series.fields.when.moved_to(wall(MONDAY, 18)))
    world.source.change_occurrence("s", wall(MONDAY, 8), moved)
    world.source.cancel_occurrence("s", wall(MONDAY + timedelta(days=7), 8))
    world.run()
    world.run()
    return world


def nothing(counts: Counts) -> bool:
    return (counts.created, counts.updated, counts.deleted, counts.failed, counts.held) == (0, 0, 0, 0, 0)


LOST = [("conn_a",), ("conn_b",), ("conn_a", "conn_b")]


@pytest.mark.parametrize("lost", LOST)
def test_one_whole_read_and_no_write_follow(lost: tuple[str, ...]) -> None:
    world = in_use()
    quiet, copies = len(world.target.log), {event.id: event for event in world.copies()}
    lose(world, *lost)
    whole: list[str] = []
    for calendar in (world.source, world.target):
        calendar.requests.clear()
    result = world.run()
    for name, calendar in (("conn_a", world.source), ("conn_b", world.target)):
        whole += [name] * calendar.requests.count("changes")
        assert (world.ledger.view(name).cursor is None) is False
    assert whole == ["conn_a", "conn_b"]
    assert nothing(result.counts), result.counts
    assert len(world.target.log) == quiet
    assert {event.id: event for event in world.copies()} == copies
    assert nothing(world.run().counts)


@pytest.mark.parametrize("lost", LOST)
def test_exceptions_that_a_listing_no_longer_tells_are_read_directly(lost: tuple[str, ...]) -> None:
    world = in_use()
    for calendar in (world.source, world.target):
        calendar.script.unlisted = {event.id for event in calendar.events.values() if event.series_id is not None}
    assert world.source.script.unlisted
    quiet = len(world.target.log)
    lose(world, *lost)
    assert nothing(world.run().counts)
    assert len(world.target.log) == quiet


def test_a_series_that_cannot_be_read_whole_yet_keeps_the_run_from_planning() -> None:
    world = in_use()
    world.source.script.unanswered = {"s"}
    lose(world, "conn_a", "conn_b")
    with pytest.raises(UnavailableError):
        world.run()
    assert world.ledger.view("conn_a").cursor is None
    world.source.script.unanswered = set()
    assert nothing(world.run().counts)


@pytest.mark.parametrize("lost", LOST)
def test_what_people_did_meanwhile_is_noticed(lost: tuple[str, ...]) -> None:
    world = in_use()
    world.source.remove("m0")
    world.source.put(meeting("m1", wall(MONDAY, 20)))
    (copy,) = [event for event in world.copies() if event.fields and event.fields.when.start == wall(MONDAY, 11)]
    assert copy.fields is not None
    world.target.put(replace(copy, fields=replace(copy.fields, title="By hand")))
    lose(world, *lost)
    counts = world.run().counts
    assert (counts.created, counts.updated, counts.deleted) == (0, 2, 1)
    assert len(world.copies()) == 5
    assert nothing(world.run().counts)


def test_a_tombstone_that_was_read_but_not_planned_is_not_forgotten() -> None:
    world = in_use()
    world.source.remove("m0")
    drive(view.pull(world.source, world.ledger, "conn_a", world.window(), now=world.clock.now()))
    (row,) = world.ledger.rows("conn_a", ["m0"])
    assert row.seen is Seen.GONE
    # A service that forgets deleted events: from here on nothing tells of it but its absence.
    world.source.events.pop("m0")
    world.source._order.pop("m0")
    lose(world, "conn_a")
    assert world.run().counts.deleted == 1
    assert nothing(world.run().counts)
