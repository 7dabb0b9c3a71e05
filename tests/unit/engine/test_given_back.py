"""Copies that follow another original since a re-link, when their own original is back (`engine.md` §10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.events import Event
from app.domain.runs import HoldAnswer, HoldCause
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, MONDAY, World, meeting

MANY = 20


def original(number: int, event_id: str) -> Event:
    return meeting(event_id, wall(MONDAY + timedelta(days=number), 9), title=f"Talk {number}")


@pytest.fixture
def world() -> World:
    """All originals have new ids by now, and the person said that the copies follow them."""
    world = World(settings=FULL)
    for number in range(MANY):
        world.source.put(original(number, f"a{number:02}"))
    world.run_until_quiet()
    for number in range(MANY):
        world.source.remove(f"a{number:02}")
        world.source.put(original(number, f"z{number:02}"))
    (hold,) = world.run().holds
    assert hold.cause is HoldCause.REKEYED
    world.answer(HoldAnswer.KEPT)
    world.run_until_quiet()
    assert len(world.copies()) == MANY
    return world


def titles(world: World) -> list[str]:
    return sorted(copy.fields.title for copy in world.copies() if copy.fields is not None)


def test_an_original_that_is_back_has_its_copy_and_the_other_gets_one_of_its_own(world: World) -> None:
    back = original(3, "a03")
    assert back.fields is not None
    world.source.put(replace(back, fields=replace(back.fields, title="Old one")))
    world.run_until_quiet()
    assert len(world.copies()) == MANY + 1
    assert {"Old one", "Talk 3"} <= set(titles(world))
    before = len(world.target.log)
    for _ in range(3):
        world.run()
    assert len(world.target.log) == before, "nothing flips between the two"


def test_when_the_new_one_goes_the_old_one_keeps_its_copy(world: World) -> None:
    world.source.put(original(3, "a03"))
    world.source.remove("z03")
    world.run_until_quiet()
    assert titles(world).count("Talk 3") == 1
    assert len(world.copies()) == MANY


def test_ids_that_change_back_lose_no_copy(world: World) -> None:
    for number in range(MANY):
        world.source.remove(f"z{number:02}")
        world.source.put(original(number, f"a{number:02}"))
    for _ in range(3):
        world.run()
        world.answer(HoldAnswer.APPROVED)
    world.run_until_quiet()
    assert len(world.copies()) == MANY
    assert len(set(titles(world))) == MANY


def test_undoing_what_made_the_copies_holds_for_the_originals_that_they_follow_by_now(world: World) -> None:
    first = f"sync_run_{1:026d}"
    world.undo(first)
    assert world.copies() == []
    world.run_until_quiet()
    world.change_settings(title="{title} ")
    world.run_until_quiet()
    assert world.copies() == [], "what was undone is not done again"
    world.undo(world.undo_run_of(first))
    world.run_until_quiet()
    assert len(world.copies()) == MANY
    world.source.remove("z04")
    world.run_until_quiet()
    assert "Talk 4" not in titles(world)


def test_undoing_what_changed_a_copy_before_its_original_had_another_id_holds_too() -> None:
    world = World(settings=FULL)
    for number in range(MANY):
        world.source.put(original(number, f"a{number:02}"))
    world.run_until_quiet()
    event = original(3, "a03")
    assert event.fields is not None
    renamed = replace(event, fields=replace(event.fields, title="Renamed"))
    world.source.put(renamed)
    world.run()
    run = world.last_run_id
    for number in range(MANY):
        world.source.remove(f"a{number:02}")
        world.source.put(replace(renamed if number == 3 else original(number, ""), id=f"z{number:02}"))
    world.run()
    world.answer(HoldAnswer.KEPT)
    world.run_until_quiet()
    world.undo(run)
    assert "Talk 3" in titles(world)
    assert not [link for link in world.ledger.links(world.direction.id, ["a03"]) if link.occ == ""]
    world.run_until_quiet()
    assert "Talk 3" in titles(world)
    assert len(world.copies()) == MANY
