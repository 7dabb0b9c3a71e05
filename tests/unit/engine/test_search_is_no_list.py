"""A search by marker is no list: what changed just now hides from it, and what lies outside a frozen span nothing else
tells (`reliability.md` §2.2 rule 5, `engine.md` §13)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from app.domain.errors import UnavailableError
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, World, meeting
from tests.simulation.services import Quirks, SimCalendar

MONDAY = date(2026, 11, 23)
NAMES = Quirks("graph", burns_ids=False, server_ids=True, remembers_hours=6, hides_markers=True, lags_minutes=2)


def world_of(quirks: Quirks) -> World:
    world = World(settings=FULL, target=SimCalendar.of(quirks))
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    run(world)
    return world


def run(world: World) -> None:
    world.target.moment = world.clock.now()
    world.run()


def test_a_create_is_not_sent_again_while_its_copy_hides_from_the_search() -> None:
    world = world_of(NAMES)

    def lost(name: str) -> None:
        if name == "write" or any(intent.original_id == "b2" for intent in world.target.applying):
            raise UnavailableError("The reply was lost.")

    world.source.put(meeting("b2", wall(MONDAY, 11)))
    world.target.script.after = lost
    run(world)  # nobody knows what became of it, and the search fails, too
    world.target.script.after = lambda name: None
    world.clock.advance(hours=30)  # the service remembers no transaction for so long
    world.target.moment = world.clock.now()
    copy = next(e for e in world.copies() if e.fields is not None and e.fields.when.start == wall(MONDAY, 11))
    assert copy.fields is not None
    world.target.put(replace(copy, fields=replace(copy.fields, title="By hand")))

    run(world)

    assert len(world.copies()) == 2
    assert not world.ledger.pending_intents(world.direction.id)


def test_an_audit_sees_what_was_done_to_a_copy_outside_the_frozen_span() -> None:
    world = world_of(replace(NAMES, lags_minutes=0, span_days=180))
    original = world.source.events["a1"]
    assert original.fields is not None
    far = replace(original.fields, when=original.fields.when.moved_to(wall(MONDAY + timedelta(days=900), 9)))
    world.source.put(replace(original, fields=far))
    run(world)
    (copy,) = world.copies()
    assert copy.fields is not None
    world.target.generation += 1  # its position dies, and a full read does not reach so far
    world.clock.advance(hours=1)
    world.target.moment = world.clock.now()
    world.target.put(replace(copy, fields=replace(copy.fields, title="By hand")))
    run(world)
    assert [e.fields.title for e in world.copies() if e.fields] == ["By hand"]

    # What the daily audit begins with: the copies are listed by their marker once more.
    with world.database.transaction():
        world.database.change("UPDATE direction SET adopted = 0")
    run(world)

    assert [e.fields.title for e in world.copies() if e.fields] == ["Meeting"]
