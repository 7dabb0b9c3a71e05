"""A service that names events itself cannot refuse a second copy by its id: what lives is looked for first (§4)."""

from __future__ import annotations

from app.domain import identity
from app.domain.errors import UnavailableError
from app.domain.events import Event, Marker
from app.domain.links import CopyState
from app.domain.pairs import CopyDeleted, DirectionSettings, Mode
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, World, meeting

BACK = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.RESTORE)


def made_by_another(world: World, original: str, generation: int = 0, *, released: bool = False) -> Event:
    """The copy of an original as another installation has it made on a service like Microsoft's."""
    direction = world.direction
    key = identity.copy_key(direction.key, original)
    fields = meeting("x", wall(MONDAY, 9)).fields
    return Event(
        f"AAMk{generation}",
        fields=fields,
        marker=Marker(direction.key, key, generation, "other.1", released=released),
        transaction_id=identity.transaction_id(identity.copy_id(direction.target.calendar_key, key, generation)),
    )


def settled_world() -> World:
    """A pair that has run before, on a target that hides markers in its changes."""
    world = World(settings=BACK)
    world.target.hides_markers = True
    world.source.put(meeting("a0", wall(MONDAY, 8)))
    world.run_until_quiet()
    return world


def test_a_copy_that_another_installation_made_is_taken_over_before_one_is_made() -> None:
    world = settled_world()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.target.put(made_by_another(world, "a1"), by="kalends")
    world.run_until_quiet()
    assert len(world.copies()) == 2
    world.source.put(meeting("a1", wall(MONDAY, 11)))
    world.run_until_quiet()
    (copy,) = [c for c in world.copies() if c.id == "AAMk0"]
    assert copy.fields is not None
    assert copy.fields.when.start == wall(MONDAY, 11)


def test_a_copy_of_a_later_generation_is_taken_over_too() -> None:
    world = settled_world()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.target.put(made_by_another(world, "a1", 1), by="kalends")
    world.run_until_quiet()
    assert len(world.copies()) == 2
    key = identity.copy_key(world.direction.key, "a1")
    (row,) = world.ledger.copies(world.direction.id, [key])
    assert (row.generation, row.state) == (1, CopyState.LIVE)


def test_a_copy_that_was_deleted_and_that_another_installation_made_anew_is_taken_over() -> None:
    world = settled_world()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.target.put(made_by_another(world, "a1"), by="kalends")
    world.run_until_quiet()
    world.target.remove("AAMk0")
    world.target.put(made_by_another(world, "a1", 1), by="kalends")
    world.run_until_quiet()
    assert "AAMk1" in {copy.id for copy in world.copies()}
    assert len(world.copies()) == 2


def test_what_another_installation_released_is_not_taken_back() -> None:
    world = settled_world()
    own = made_by_another(world, "a1", released=True)
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.target.put(own, by="kalends")
    world.run_until_quiet()
    assert world.target.events["AAMk0"].marker == own.marker
    assert len(world.copies()) == 2


def test_no_copy_is_made_while_the_one_that_seems_to_live_cannot_be_read() -> None:
    world = settled_world()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.target.put(made_by_another(world, "a1"), by="kalends")
    world.target.script.unanswered = {"AAMk0"}
    world.run()
    assert len(world.copies()) == 2
    world.target.script.unanswered = set()
    world.run_until_quiet()
    assert len(world.copies()) == 2


def test_a_create_of_unknown_outcome_is_not_sent_again_beside_a_later_generation() -> None:
    world = settled_world()
    world.source.put(meeting("a1", wall(MONDAY, 9)))
    world.target.script.before = _unavailable_for_writes
    world.run()
    world.target.script.before = lambda name: None
    world.target.put(made_by_another(world, "a1", 1), by="kalends")
    world.run_until_quiet()
    assert len(world.copies()) == 2
    assert all(answer.marker is not None for answer in world.copies())


def _unavailable_for_writes(name: str) -> None:
    if name == "write":
        raise UnavailableError("It was lost on the way.")
