"""A copy that was re-linked keeps the key of an original that is gone; what is made in its place is its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from app.domain.identity import copy_key
from app.domain.pairs import CopyDeleted, DirectionSettings, Mode
from tests.fakes.calendar import wall
from tests.fakes.engine_world import World, meeting

MONDAY = date(2026, 11, 23)


def test_a_re_linked_copy_that_was_deleted_comes_back_under_the_key_that_every_installation_derives() -> None:
    world = World(settings=DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.RESTORE))
    world.source.put(meeting("old", wall(MONDAY, 9)))
    world.run_until_quiet()
    (link,) = world.ledger.links(world.direction.id, ["old"])
    world.source.remove("old")
    world.source.put(meeting("new", wall(MONDAY, 9)))
    world.ledger.save([replace(link, original_id="new")], [], [(world.direction.id, "old", "")])
    world.run_until_quiet()
    (copy,) = world.copies()
    assert copy.marker is not None
    assert copy.marker.copy_key == link.copy_key

    world.target.remove(copy.id)
    world.run()
    world.run_until_quiet()

    (anew,) = world.copies()
    assert anew.marker is not None
    assert anew.marker.copy_key == copy_key(world.direction.key, "new")


def test_a_re_linked_copy_that_another_installation_let_go_gives_way_to_one_under_the_key_of_its_original() -> None:
    world = World(settings=DirectionSettings(mode=Mode.FULL))
    world.source.put(meeting("old", wall(MONDAY, 9)))
    world.run_until_quiet()
    (link,) = world.ledger.links(world.direction.id, ["old"])
    world.source.remove("old")
    world.source.put(meeting("new", wall(MONDAY, 9)))
    world.ledger.save([replace(link, original_id="new")], [], [(world.direction.id, "old", "")])
    world.run_until_quiet()
    (copy,) = world.copies()
    assert copy.marker is not None
    world.target.put(replace(copy, marker=replace(copy.marker, released=True, stamp="other.1")))

    world.run_until_quiet()

    (anew,) = world.copies()
    assert anew.marker is not None
    assert anew.marker.copy_key == copy_key(world.direction.key, "new")
    assert not world.target.events[copy.id].gone


def test_an_original_that_only_follows_the_copy_of_another_never_goes_with_it() -> None:
    deleting = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.DELETE_ORIGINAL)
    world = World(settings=deleting, both_ways=True)
    world.source.put(meeting("old", wall(MONDAY, 9)))
    world.run_until_quiet()
    (link,) = world.ledger.links(world.direction.id, ["old"])
    world.source.remove("old")
    world.source.put(meeting("new", wall(MONDAY, 9)))
    world.ledger.save([replace(link, original_id="new")], [], [(world.direction.id, "old", "")])
    world.run_until_quiet()
    (copy,) = world.copies()
    world.target.remove(copy.id)

    world.run_until_quiet()

    assert not world.source.events["new"].gone
    (anew,) = world.copies()
    assert anew.marker is not None
    assert anew.marker.copy_key == copy_key(world.direction.key, "new")
