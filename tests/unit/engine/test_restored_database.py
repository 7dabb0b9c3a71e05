"""A database put back to an earlier state knows nothing of what it took away since: it blames nobody for that.

No original is deleted for it, and what is wanted is copied again (`reliability.md` A7).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.domain.events import EventKind, Response
from app.domain.pairs import CopyDeleted, CopyEdited, DirectionSettings, WordFilter
from app.domain.runs import HoldCause
from tests.fakes.calendar import wall
from tests.fakes.engine_world import BLOCKER, FULL, MONDAY, World, meeting, weekly

DELETING = replace(FULL, copy_deleted=CopyDeleted.DELETE_ORIGINAL)
DATE = datetime(2026, 11, 30, 9)  # noqa: DTZ001 - a wall clock
COUNT = 12


def in_step(settings: DirectionSettings) -> World:
    """A pair with copies that were made long ago."""
    world = World(settings=settings, both_ways=True)
    for number in range(COUNT):
        world.source.put(meeting(f"a{number:02}", wall(MONDAY + timedelta(days=number), 9), title=f"Talk {number}"))
    world.run_until_quiet()
    return world


def filter_out(world: World, word: str) -> None:
    words = (WordFilter(words=(word,), only=False),)
    world.change_settings(filters=replace(world.settings.filters, words=words))


def check_and_go_on(world: World) -> None:
    """What services do with a database that is behind: one run that loses nothing, then the usual ones."""
    world.clock.advance(hours=1)
    world.run(checking=True)
    world.run_until_quiet()
    world.clock.advance(days=1)
    world.run_until_quiet()


def deleted_originals(world: World) -> list[str]:
    return [event_id for event_id, event in world.source.events.items() if event.gone]


@pytest.mark.parametrize("settings", [DELETING, FULL])
def test_a_copy_that_a_filter_took_away_after_the_backup_is_made_again(settings: DirectionSettings) -> None:
    world = in_step(settings)
    kept = world.backup()
    filter_out(world, "Talk 3")
    world.run_until_quiet()
    assert len(world.copies()) == COUNT - 1
    world.put_back(kept)
    check_and_go_on(world)
    assert deleted_originals(world) == []
    assert len(world.copies()) == COUNT


def test_an_original_that_was_declined_and_accepted_again_after_the_backup_stays() -> None:
    world = in_step(DELETING)
    kept = world.backup()
    was = world.source.events["a03"]
    world.source.put(replace(was, response=Response.DECLINED))
    world.run_until_quiet()
    assert len(world.copies()) == COUNT - 1
    world.source.put(was)
    world.put_back(kept)
    check_and_go_on(world)
    assert deleted_originals(world) == []
    assert len(world.copies()) == COUNT


def test_originals_stay_whose_copies_an_undo_took_away_after_the_backup() -> None:
    world = World(settings=DELETING, both_ways=True)
    for number in range(3):
        world.source.put(meeting(f"a{number}", wall(MONDAY + timedelta(days=number), 9)))
    world.run()
    made = world.last_run_id
    kept = world.backup()
    world.undo(made)
    assert world.copies() == []
    world.put_back(kept)
    check_and_go_on(world)
    assert deleted_originals(world) == []
    assert len(world.copies()) == 3


def test_a_date_that_was_cancelled_and_is_back_since_the_backup_is_copied_again() -> None:
    world = World(settings=FULL)
    world.source.tells_whole = True
    world.source.put(weekly())
    world.run_until_quiet()
    kept = world.backup()
    world.source.cancel_occurrence("series", DATE)
    world.run_until_quiet()
    (copy,) = world.copies()
    assert len(world.unit(world.target, copy.id).cancelled) == 1
    stub = next(event for event in world.source.events.values() if event.kind is EventKind.CANCELLED)
    world.source.forget(stub.id)
    world.source.put(world.source.events["series"])
    world.put_back(kept)
    check_and_go_on(world)
    (copy,) = world.copies()
    assert not world.unit(world.target, copy.id).cancelled


def test_a_block_that_was_taken_away_after_the_backup_is_made_again_for_all_it_covers() -> None:
    world = World(settings=replace(BLOCKER, merge_touching=True))
    for number in range(2):
        world.source.put(meeting(f"a{number}", wall(MONDAY, 9) + timedelta(minutes=30 * number)))
    world.run_until_quiet()
    kept = world.backup()
    was = [world.source.events["a0"], world.source.events["a1"]]
    for event in was:
        world.source.put(replace(event, response=Response.DECLINED))
    world.run_until_quiet()
    assert world.copies() == []
    for event in was:
        world.source.put(event)
    world.put_back(kept)
    check_and_go_on(world)
    (copy,) = world.copies()
    assert copy.fields is not None
    assert copy.fields.when.end == wall(MONDAY, 10)


def test_what_could_not_be_made_again_in_the_check_is_blamed_on_nobody_later() -> None:
    world = in_step(DELETING)
    kept = world.backup()
    filter_out(world, "Talk 3")
    world.run_until_quiet()
    world.put_back(kept)
    world.clock.advance(hours=1)
    world.may_create = lambda: 0
    world.run(checking=True)
    world.run()
    assert len(world.copies()) == COUNT - 1
    world.may_create = lambda: COUNT
    world.run_until_quiet()
    assert deleted_originals(world) == []
    assert len(world.copies()) == COUNT


def test_a_copy_whose_write_was_put_off_in_the_backup_is_blamed_on_nobody_later() -> None:
    world = in_step(DELETING)
    (link,) = world.ledger.links(world.direction.id, ["a03"])
    world.ledger.save([replace(link, tries=1, retry_at=world.clock.now() + timedelta(hours=6))], [])
    kept = world.backup()
    world.ledger.save([link], [])
    filter_out(world, "Talk 3")
    world.run_until_quiet()
    assert len(world.copies()) == COUNT - 1
    world.put_back(kept)
    check_and_go_on(world)
    assert deleted_originals(world) == []
    assert len(world.copies()) == COUNT


def test_after_the_check_a_copy_that_a_person_deletes_is_understood_again() -> None:
    world = in_step(DELETING)
    world.put_back(world.backup())
    check_and_go_on(world)
    copy = next(copy for copy in world.copies() if copy.fields is not None and copy.fields.title == "Talk 3")
    world.target.remove(copy.id)
    world.run_until_quiet()
    assert deleted_originals(world) == ["a03"]


def test_an_edit_made_after_the_backup_is_not_written_over_by_what_the_copy_said_before() -> None:
    world = in_step(replace(FULL, copy_edited=CopyEdited.WRITE_BACK))
    kept = world.backup()
    was = world.source.events["a01"]
    assert was.fields is not None
    world.source.put(replace(was, fields=replace(was.fields, title="Newest")))
    world.run_until_quiet()
    world.put_back(kept)
    check_and_go_on(world)
    now = world.source.events["a01"]
    assert now.fields is not None
    assert now.fields.title == "Newest"
    assert world.ledger.hold(world.direction.id, HoldCause.ORIGINALS_DELETED) is None
