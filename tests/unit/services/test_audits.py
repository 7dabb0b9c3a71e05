"""A database older than its epoch file deletes nothing before both calendars were read whole (`reliability.md` A7)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.errors import StorageError
from app.domain.pairs import PairStatus
from app.domain.runs import RunStatus, Trigger, Verb
from app.services.audits import Audits
from app.services.views import PairChange
from app.store.store import Store
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


def put_older_database_in_place(world: CoreWorld) -> None:
    """What opening one notes."""
    world.store.state.put("behind", "7")
    world.restart()


async def test_an_older_database_deletes_only_after_both_calendars_were_read_whole(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    put_older_database_in_place(world)
    world.work.remove("a1")
    world.home.requests.clear()
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    view = await world.core.sync.wait(asked.id, 5)
    assert view.run.counts.deleted == 0
    assert [(action.verb, action.reason) for action in view.actions] == [(Verb.SKIP, "audit_first")]
    assert len(world.home.living()) == 1
    assert "marked" in world.home.requests
    assert not world.store.state.installation().behind
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    view = await world.core.sync.wait(asked.id, 5)
    assert (view.run.status, view.run.counts.deleted) == (RunStatus.SUCCESS, 1)
    assert world.home.living() == []


async def test_a_dry_run_checks_nothing_off_and_shows_what_waits(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    put_older_database_in_place(world)
    world.work.remove("a1")
    dry = world.core.sync.request(pair_id, Trigger.MANUAL, dry=True)
    view = await world.core.sync.wait(dry.id, 5)
    assert [(action.verb, action.reason) for action in view.actions] == [(Verb.SKIP, "audit_first")]
    assert world.store.state.installation().behind


async def test_a_failed_read_checks_nothing_off(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    put_older_database_in_place(world)
    world.work.broken = ValueError("a bug")  # type: ignore[assignment]  # any exception will do
    await run(world, pair_id)
    assert world.store.state.installation().behind


async def test_a_check_that_could_not_look_at_every_copy_is_done_once_more(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    (copy,) = world.home.living()
    put_older_database_in_place(world)
    world.home.forget(copy.id)
    world.home.script.unanswered = {copy.id}
    await run(world, pair_id)
    assert world.store.state.installation().behind
    world.home.script.unanswered = set()
    await run(world, pair_id)
    assert not world.store.state.installation().behind
    assert len(world.home.living()) == 1


async def test_a_copy_that_an_older_database_does_not_know_to_have_taken_away_is_made_again(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    (copy,) = world.home.living()
    put_older_database_in_place(world)
    world.home.remove(copy.id)
    await run(world, pair_id)
    assert len(world.home.living()) == 1


async def test_the_check_of_a_paused_pair_waits_and_survives_a_restart(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    await world.core.pairs.update(pair_id, PairChange(status=PairStatus.PAUSED))
    put_older_database_in_place(world)
    world.restart()
    (direction,) = world.store.pairs.directions(pair_id)
    assert Audits(world.store.state, world.store.pairs).due(direction.id)
    world.work.remove("a1")
    await world.core.pairs.update(pair_id, PairChange.resume())
    (resumed, *_) = world.core.history.runs().runs
    await world.core.sync.wait(resumed.id, 5)
    assert len(world.home.living()) == 1
    assert not world.store.state.installation().behind


async def test_with_nothing_to_check_an_older_database_is_true_at_once(tmp_path: Path) -> None:
    world = CoreWorld(tmp_path)
    try:
        put_older_database_in_place(world)
        assert not world.store.state.installation().behind
    finally:
        await world.close()


async def test_a_backup_put_in_place_is_noticed_by_its_file(tmp_path: Path) -> None:
    clock = CoreWorld(tmp_path).clock
    path = tmp_path / "kalends.db"
    with Store.open(path, now=clock.now) as store:
        backup = store.backup()
    path.write_bytes(backup.read_bytes())
    with Store.open(path, now=clock.now) as store:
        assert store.state.installation().behind


@pytest.mark.parametrize("wrote", [True, False])
async def test_a_copy_of_the_running_apps_file_put_back_after_a_run_that_wrote_is_noticed(
    tmp_path: Path, wrote: bool
) -> None:
    path = tmp_path / "kalends.db"
    world = CoreWorld(tmp_path)
    world.store.close()
    world.store = Store.open(path, now=world.clock.now)
    world.restart()
    try:
        pair_id = await pair_of(world)
        world.store.copy_file(tmp_path / "copied.db")
        if wrote:
            world.work.put(meeting("a1", wall(MONDAY, 9)))
        assert await run(world, pair_id) is RunStatus.SUCCESS
    finally:
        await world.close()
    path.write_bytes((tmp_path / "copied.db").read_bytes())
    with Store.open(path, now=world.clock.now) as store:
        assert store.state.installation().behind is wrote


async def test_a_run_ends_as_it_went_where_it_cannot_be_counted(
    world: CoreWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot() -> None:
        raise StorageError("The file that names this installation cannot be written.", code="home_unwritable")

    monkeypatch.setattr(world.store.state, "begin_epoch", cannot)
    world.restart()
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    assert await run(world, pair_id) is RunStatus.SUCCESS
    assert len(world.home.living()) == 1


async def test_a_folder_that_was_rolled_back_as_a_whole_is_known_by_what_was_written_since(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    world.work.put(meeting("a2", wall(MONDAY, 10)))
    await run(world, pair_id)
    # As if this installation had written since, and its database and the file beside it had been put back then.
    world.work.put(meeting("a1", wall(MONDAY, 11)))
    nine = [one for one in world.home.living() if one.fields is not None and "T09" in one.fields.when.start.isoformat()]
    (copy,) = nine
    assert copy.marker is not None
    installation = world.store.state.installation().id
    world.home.put(replace(copy, marker=replace(copy.marker, stamp=f"{installation}.later")))
    world.work.remove("a2")
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    view = await world.core.sync.wait(asked.id, 5)
    assert view.run.counts.deleted == 0, "everything is checked first"
    assert not world.store.state.installation().behind, "and it was, by the same run"
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    view = await world.core.sync.wait(asked.id, 5)
    assert view.run.counts.deleted == 1
    assert len(world.home.living()) == 1


async def test_what_is_found_to_be_older_while_the_app_runs_is_checked_too(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    world.store.state.put("behind", "7")
    world.work.remove("a1")
    await run(world, pair_id)
    assert len(world.home.living()) == 1
    assert not world.store.state.installation().behind
    await run(world, pair_id)
    assert world.home.living() == []


async def test_stamps_that_were_checked_are_strange_no_more_after_a_restart(world: CoreWorld) -> None:
    await pair_of(world)
    audits = Audits(world.store.state, world.store.pairs)
    audits.distrust({"here.2", "here.1"})
    assert world.store.state.installation().behind
    assert Audits(world.store.state, world.store.pairs).accepted == {"here.1", "here.2"}
