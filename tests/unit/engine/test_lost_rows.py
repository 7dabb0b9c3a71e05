"""What was seen of the calendars is thrown away: one whole read, no write, and what changed is noticed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

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


def mute(world: World, side: str) -> str:
    """The series of a side as one that no direct read tells whole, and whose exceptions no listing tells. Returns its
    id."""
    calendar = world.source if side == "conn_a" else world.target
    parts = [event for event in calendar.events.values() if event.series_id is not None and not event.gone]
    assert parts
    calendar.script.unlisted = {event.id for event in parts}
    (series_id,) = {event.unit for event in parts}
    calendar.script.unanswered = {series_id}
    return series_id


@pytest.mark.parametrize("side", ["conn_a", "conn_b"])
def test_a_series_that_cannot_be_read_whole_is_not_planned_and_stops_nothing_else(side: str) -> None:
    world = in_use()
    mute(world, side)
    (series,) = [event for event in world.copies() if event.fields and event.fields.recurrence]
    inside = {event.id: event for event in world.target.events.values() if event.unit == series.id}
    lose(world, "conn_a", "conn_b")
    world.source.put(meeting("m1", wall(MONDAY, 20)))
    world.source.put(meeting("new", wall(MONDAY, 21)))

    result = world.run()

    assert world.ledger.view("conn_a").cursor
    assert world.ledger.view("conn_b").cursor
    assert (result.counts.created, result.counts.updated, result.counts.deleted) == (1, 1, 0)
    assert [error.code for error in result.errors] == ["could_not_ask"]
    assert {event.id: event for event in world.target.events.values() if event.unit == series.id} == inside


@pytest.mark.parametrize("side", ["conn_a", "conn_b"])
def test_a_series_that_could_not_be_read_whole_waits_until_it_can_whatever_is_told_of_it(side: str) -> None:
    world = in_use()
    mute(world, side)
    (series,) = [event for event in world.copies() if event.fields and event.fields.recurrence]
    inside = {event.id: event for event in world.target.events.values() if event.unit == series.id}
    lose(world, "conn_a", "conn_b")
    world.run()
    world.reopen()
    # A change tells of the master alone: its exceptions are still not known.
    master = world.source.events["s"]
    assert master.fields is not None
    world.source.put(replace(master, fields=replace(master.fields, place="Room 2")))
    for calendar in (world.source, world.target):
        calendar.requests.clear()
    result = world.run()
    assert nothing(result.counts)
    assert [error.code for error in result.errors] == ["could_not_ask"]
    assert {event.id: event for event in world.target.events.values() if event.unit == series.id} == inside

    for calendar in (world.source, world.target):
        calendar.script.unanswered = set()
    result = world.run()
    assert (result.counts.created, result.counts.updated, result.counts.deleted, result.errors) == (0, 1, 0, [])
    now = {event.id: event for event in world.target.events.values() if event.unit == series.id}
    assert now.keys() == inside.keys()
    whole = now.pop(series.id)
    assert whole.fields is not None
    assert whole.fields.place == "Room 2"
    assert {i: (e.kind, e.fields and e.fields.when) for i, e in now.items()} == {
        i: (e.kind, e.fields and e.fields.when) for i, e in inside.items() if i != series.id
    }
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
