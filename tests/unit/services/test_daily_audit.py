"""Once a day each calendar is listed whole beside its view, and the copies by their marker (`engine.md` §13)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.domain import identity
from app.domain.errors import UnavailableError
from app.domain.links import LinkState
from app.domain.runs import HoldCause, RunStatus
from app.services.audits import Audit, Audits
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import meeting
from tests.unit.services.test_sync import MONDAY, pair_of, run

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def in_step(world: CoreWorld) -> str:
    """A pair with three copies that ran twice: its first day began."""
    pair_id = await pair_of(world)
    for n in range(3):
        world.work.put(meeting(f"a{n}", wall(MONDAY, 9 + n)))
    await run(world, pair_id)
    await run(world, pair_id)
    return pair_id


def change_silently(world: CoreWorld, event_id: str) -> None:
    """The service changes an event and tells nobody by its cursor."""
    event = world.work.events[event_id]
    assert event.fields is not None
    fields = replace(event.fields, when=event.fields.when.moved_to(wall(MONDAY, 15)))
    world.work.events[event_id] = replace(event, etag='"silent"', fields=fields)


def last_audit(world: CoreWorld) -> Audit:
    (audit,) = Audits(world.store.state, world.store.pairs).last().values()
    return audit


async def test_within_a_day_only_changes_are_read(world: CoreWorld) -> None:
    pair_id = await in_step(world)
    change_silently(world, "a1")
    world.clock.advance(hours=23)
    world.home.requests.clear()
    await run(world, pair_id)
    assert world.home.requests == ["changes"]


async def test_what_a_cursor_never_told_is_found_after_a_day_and_put_right_and_logged(world: CoreWorld) -> None:
    pair_id = await in_step(world)
    change_silently(world, "a1")
    world.clock.advance(hours=26)
    with capture_logs() as logs:
        assert await run(world, pair_id) is RunStatus.SUCCESS
    (told,) = [line for line in logs if line["event"] == "audit.drift"]
    assert (told["log_level"], told["events"], told["such_as"]) == ("error", 1, ["a1"])
    starts = sorted(copy.fields.when.start for copy in world.home.living() if copy.fields is not None)
    assert starts[-1] == wall(MONDAY, 15)
    assert last_audit(world) == Audit(world.clock.now(), 1)


async def test_an_audit_that_finds_nothing_writes_nothing_and_is_due_again_a_day_later(world: CoreWorld) -> None:
    pair_id = await in_step(world)
    world.clock.advance(hours=26)
    written = len(world.home.log)
    with capture_logs() as logs:
        await run(world, pair_id)
    assert not [line for line in logs if line["event"] == "audit.drift"]
    assert last_audit(world) == Audit(world.clock.now(), 0)
    assert len(world.home.log) == written
    world.home.requests.clear()
    await run(world, pair_id)
    assert "marked" not in world.home.requests
    world.restart()
    world.clock.advance(hours=26)
    await run(world, pair_id)
    assert "marked" in world.home.requests


async def test_what_changed_just_now_is_no_drift(world: CoreWorld) -> None:
    pair_id = await in_step(world)
    world.clock.advance(hours=26)
    world.work.moment = world.clock.now()
    between_two_reads = iter([meeting("a9", wall(MONDAY, 17))])

    def book(name: str) -> None:
        for event in between_two_reads:
            world.work.put(event)

    world.work.script.after = book
    await run(world, pair_id)
    assert last_audit(world).drift == 0
    assert len(world.home.living()) == 4


async def test_copies_that_no_row_tells_of_count_as_drift_and_wait_for_the_user(world: CoreWorld) -> None:
    pair_id = await in_step(world)
    (direction,) = world.store.pairs.directions(pair_id)
    link = next(link for link in world.store.ledger.links(direction.id, ["a0"]) if link.copy_key)
    world.work.forget("a0")
    world.store.ledger.save([], [], [(direction.id, "a0", "")])
    with world.store.database.transaction():
        world.store.database.change("DELETE FROM copy WHERE copy_key = ?", (link.copy_key,))
    world.clock.advance(hours=26)
    await run(world, pair_id)
    assert last_audit(world).drift >= 1
    hold = world.store.ledger.hold(direction.id, HoldCause.COPIES_WITHOUT_ORIGINAL)
    assert hold is not None
    assert len(world.home.living()) == 3


async def test_a_copy_that_another_installation_made_anew_is_followed_again_after_a_day(world: CoreWorld) -> None:
    pair_id = await in_step(world)
    (direction,) = world.store.pairs.directions(pair_id)
    (link,) = [link for link in world.store.ledger.links(direction.id, ["a0"]) if link.copy_key]
    (copy,) = world.store.ledger.copies(direction.id, [link.copy_key])
    event = world.home.events[copy.event_id]
    assert event.marker is not None
    # What another installation deletes looks like a person's deletion; later it makes the copy again.
    world.home.remove(copy.event_id)
    await run(world, pair_id)
    assert [one.state for one in world.store.ledger.links(direction.id, ["a0"])] == [LinkState.AWAY]
    copy_id = identity.copy_id(direction.target.calendar_key, copy.copy_key, 1)
    marker = replace(event.marker, generation=1, stamp="other.1")
    world.home.put(replace(event, id=identity.google_event_id(copy_id), marker=marker), by="kalends")
    world.clock.advance(hours=26)
    await run(world, pair_id)
    assert [one.state for one in world.store.ledger.links(direction.id, ["a0"])] == [LinkState.LIVE]
    world.work.remove("a0")
    await run(world, pair_id)
    assert len(world.home.living()) == 2


async def test_an_audit_that_could_not_read_is_due_still(world: CoreWorld) -> None:
    pair_id = await in_step(world)
    world.clock.advance(hours=26)
    world.work.script.before = _fails
    await run(world, pair_id)
    world.work.script.before = lambda name: None
    world.home.requests.clear()
    await run(world, pair_id)
    assert "marked" in world.home.requests


def _fails(name: str) -> None:
    raise UnavailableError("The service is down.")
