"""Writes whose outcome nobody told, of every kind, whether they happened or not (`engine.md` §11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from app.domain.errors import UnavailableError
from app.domain.events import Fields
from app.domain.ledger import Closing
from app.domain.links import IntentState, Op
from app.domain.pairs import CopyDeleted, DirectionSettings
from app.domain.times import When
from app.engine.fingerprint import hashes
from tests.fakes.calendar import Crash, wall
from tests.fakes.engine_world import FULL, ZONE, World, meeting, weekly

MONDAY = date(2026, 11, 23)


def nth(week: int, hour: int = 9) -> datetime:
    return wall(MONDAY + timedelta(weeks=week), hour)


def create(world: World) -> None:
    world.source.put(meeting("new", wall(MONDAY, 13), title="New"))


def update(world: World) -> None:
    event = world.source.events["a1"]
    assert event.fields is not None
    world.source.put(replace(event, fields=replace(event.fields, title="Changed")))


def delete(world: World) -> None:
    world.source.remove("a1")


def change_occurrence(world: World) -> None:
    fields = Fields(When(nth(1, 15), nth(1, 16), ZONE), title="Later")
    world.source.change_occurrence("series", nth(1), fields)


def cancel_occurrence(world: World) -> None:
    world.source.cancel_occurrence("series", nth(2))


def rebuild(world: World) -> None:
    cancelled = next(e for e in world.source.events.values() if e.original_start is not None)
    world.source.change_occurrence(
        "series", nth(3), Fields(When(nth(3), nth(3) + timedelta(hours=1), ZONE), title="Stand-up")
    )
    assert cancelled.series_id == "series"


ACTIONS = [create, update, delete, change_occurrence, cancel_occurrence, rebuild]


def a_world(settings: DirectionSettings = FULL) -> World:
    world = World(settings=settings)
    world.source.put(meeting("a1", wall(MONDAY, 11)))
    world.source.put(weekly())
    world.source.cancel_occurrence("series", nth(3))
    world.run_until_quiet()
    return world


def picture(world: World) -> dict[str, object]:
    """What the target shows, by original, whatever ids it has."""
    shown: dict[str, object] = {}
    for link in world.ledger.links(world.direction.id, None):
        copy = next((c for c in world.ledger.copies(world.direction.id, [link.copy_key])), None)
        if copy is None or link.occ or not copy.event_id:
            continue
        unit = world.unit(world.target, copy.event_id)
        assert unit.fields is not None
        parts = {occ: hashes(e.fields) for occ, e in unit.exceptions.items() if e.fields is not None}
        regular = {occ for occ, e in unit.exceptions.items() if e.fields and e.fields.title == "Stand-up"}
        kept = {occ: part for occ, part in parts.items() if occ not in regular}
        shown[link.original_id] = (hashes(unit.fields), sorted(unit.cancelled), kept)
    assert len(shown) == len(world.copies())
    return shown


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("fault", [UnavailableError("Lost."), Crash()], ids=["lost", "crash"])
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
@pytest.mark.parametrize("nth_write", [0, 1])
def test_a_write_that_is_lost_or_cut_off_ends_as_if_nothing_had_happened(
    action: Callable[[World], None], fault: BaseException, moment: str, nth_write: int
) -> None:
    calm, world = a_world(), a_world()
    action(calm)
    calm.run_until_quiet()
    action(world)
    writes = [0]

    def strike(name: str) -> None:
        if name == "write":
            writes[0] += 1
            if writes[0] == nth_write + 1:
                raise fault

    setattr(world.target.script, moment, strike)
    try:
        world.run()
    except Crash:
        world.reopen()
    setattr(world.target.script, moment, lambda name: None)
    world.run_until_quiet()
    assert picture(world) == picture(calm)
    assert not world.ledger.pending_intents(world.direction.id)


def test_a_persons_edit_of_a_copy_that_was_never_confirmed_is_an_edit() -> None:
    world = World(settings=FULL)
    world.source.put(meeting("a1", wall(MONDAY, 9), title="Review"))
    cut_off(world, "after")
    (copy,) = world.copies()
    assert copy.fields is not None
    world.target.put(replace(copy, fields=replace(copy.fields, title="Mine")))
    world.run_until_quiet()
    (after,) = world.copies()
    assert after.fields is not None
    assert after.fields.title == "Review"


def test_a_persons_edit_after_an_unconfirmed_update_is_an_edit() -> None:
    world = a_world()
    update(world)
    cut_off(world, "after")
    copy = next(e for e in world.copies() if e.fields and e.fields.title == "Changed")
    assert copy.fields is not None
    world.target.put(replace(copy, fields=replace(copy.fields, title="Mine")))
    world.run_until_quiet()
    assert sorted(e.fields.title for e in world.copies() if e.fields) == ["Changed", "Stand-up"]


def test_what_a_service_makes_of_an_unconfirmed_write_is_learned_with_one_more_write() -> None:
    world = World(settings=FULL)
    world.target.stores = lambda fields: replace(fields, colour=None)
    world.source.put(meeting("a1", wall(MONDAY, 9), fields={"colour": "tomato"}))
    cut_off(world, "after")
    world.run_until_quiet()
    assert len([entry for entry in world.target.log if entry.by == "kalends"]) <= 2


def test_an_original_deleted_while_its_create_is_unknown_leaves_no_copy() -> None:
    world = World()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    cut_off(world, "after")
    world.source.remove("a1")
    world.run_until_quiet()
    assert world.copies() == []


def test_a_change_that_came_while_a_write_was_unknown_is_not_forgotten() -> None:
    world = a_world()
    update(world)
    cut_off(world, "before")
    world.target.script.unanswered = {copy.id for copy in world.copies()}
    event = world.source.events["a1"]
    assert event.fields is not None
    world.source.put(replace(event, fields=replace(event.fields, title="Changed twice")))
    world.run()
    world.run()
    world.target.script.unanswered = set()
    world.run_until_quiet()
    assert "Changed twice" in [copy.fields.title for copy in world.copies() if copy.fields]


def test_an_unknown_write_blocks_its_event_and_no_other() -> None:
    world = a_world()
    update(world)
    cut_off(world, "before")
    world.target.script.unanswered = {
        copy.id for copy in world.copies() if copy.fields and copy.fields.title == "Meeting"
    }
    create(world)
    result = world.run()
    assert result.counts.created == 1
    assert [error.code for error in result.errors] == ["unknown_outcome"]


def test_a_lost_create_that_the_service_cannot_find_is_sent_again_under_the_same_id() -> None:
    world = World()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    cut_off(world, "before")
    intent = world.ledger.pending_intents(world.direction.id)[0]
    assert intent.op is Op.CREATE
    world.run_until_quiet()
    (copy,) = world.copies()
    assert copy.id.endswith(intent.copy_id)
    assert copy.marker is not None
    assert copy.marker.generation == 0


def cut_off(world: World, moment: str) -> None:
    """Run until the first write, before or after the service got it; the machine dies there."""

    def strike(name: str) -> None:
        if name == "write":
            raise Crash

    setattr(world.target.script, moment, strike)
    with pytest.raises(Crash):
        world.run()
    setattr(world.target.script, moment, lambda name: None)
    world.reopen()


def test_a_machine_that_dies_after_it_met_a_burned_id_makes_the_copy_later() -> None:
    world = World(settings=DirectionSettings(copy_deleted=CopyDeleted.RESTORE))
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.run_until_quiet()
    (copy,) = world.copies()
    world.target.remove(copy.id)
    writes = iter([None, Crash()])

    def strike(name: str) -> None:
        fault = next(writes, None) if name == "write" else None
        if fault is not None:
            raise fault

    world.target.script.before = strike
    with pytest.raises(Crash):
        world.run()
    world.target.script.before = lambda name: None
    intent = world.ledger.pending_intents(world.direction.id)[0]
    world.ledger.close_intents([Closing(replace(intent, state=IntentState.DROPPED))], world.clock.now())
    world.reopen()
    world.run_until_quiet()
    assert len(world.copies()) == 1
