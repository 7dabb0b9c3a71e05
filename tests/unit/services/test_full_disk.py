"""A full disk: nothing is sent that is not in the journal, the run says why it ended, the next goes on where it was.

SQLite is really full: `max_page_count` refuses the page that is one too many, wherever in a run that is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.errors import StorageError
from app.domain.runs import RunStatus, Trigger
from app.services.room import NEEDED_BYTES, room_problem
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import meeting
from tests.unit.services.test_sync import MONDAY, pair_of, run

pytestmark = pytest.mark.anyio
EVENTS = 120


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


def allow(world: CoreWorld, pages: int | None) -> None:
    """So many pages more than there are in each of the two files; None for as many as they want."""
    for file in ("main", "cache"):
        (there,) = world.store.database.one(f"PRAGMA {file}.page_count") or (0,)
        world.store.database.select(f"PRAGMA {file}.max_page_count = {1_000_000 if pages is None else there + pages}")


async def test_wherever_the_disk_gets_full_nothing_is_sent_unjournaled_and_nothing_doubled(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    for number in range(EVENTS):
        world.work.put(meeting(f"a{number}", wall(MONDAY, 8 + number % 10)))
    codes = set[str]()
    for pages in (0, 1, 3, 6, 10, 15, 20, 30, 45, 60):
        allow(world, pages)
        try:
            asked = world.core.sync.request(pair_id, Trigger.MANUAL)
        except StorageError as error:
            codes.add(error.code)
            continue
        ended = (await world.core.sync.wait(asked.id, 20)).run
        codes |= {error.code for error in ended.errors}
        bodies = "\n".join(body for (body,) in world.store.database.select("SELECT body FROM journal"))
        made = [event for event in world.home.living() if event.marker is not None]
        assert all(event.marker.copy_key in bodies for event in made if event.marker is not None)
        if ended.status is RunStatus.SUCCESS:
            break
    assert codes == {"database_full"}
    allow(world, None)
    for _ in range(3):
        asked = world.core.sync.request(pair_id, Trigger.MANUAL)
        ended = (await world.core.sync.wait(asked.id, 20)).run
        if ended.status is RunStatus.SUCCESS:
            break
    assert len(world.home.living()) == EVENTS
    await run(world, pair_id)
    assert len(world.home.living()) == EVENTS


async def test_before_the_last_of_the_disk_is_used_runs_wait(world: CoreWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    pair_id = await pair_of(world)
    with monkeypatch.context() as tight:
        tight.setattr("app.wiring.free_bytes", lambda paths: NEEDED_BYTES - 1)
        asked = world.core.sync.request(pair_id, Trigger.MANUAL)
        ended = (await world.core.sync.wait(asked.id, 5)).run
        assert (ended.status, ended.reason) == (RunStatus.SKIPPED, "disk_full")
        assert "49 MB are free" in world.core.status.overall().sentence
    await run(world, pair_id)


def test_a_disk_that_says_nothing_keeps_nobody_waiting() -> None:
    assert room_problem(lambda: None) is None
    assert room_problem(lambda: NEEDED_BYTES) is None
