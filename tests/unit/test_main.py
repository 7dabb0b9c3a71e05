"""The composition root: a start that fails leaves nothing held, and the demo recovers from the loss of either file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from app.domain.accounts import AccountStatus
from app.domain.errors import KalendsError, StorageError
from app.domain.runs import Run, RunStatus, Trigger
from app.main import LocalHost
from app.services.core import Core, CoreHandle
from app.services.views import RunView
from app.store.store import Store
from app.system.clock import SystemClock
from app.system.paths import Profile, find_paths

pytestmark = pytest.mark.anyio


def environ(home: Path) -> dict[str, str]:
    return {"KALENDS_HOME": str(home), "HOME": str(home), "KALENDS_API_PORT": "0"}


@asynccontextmanager
async def opened(home: Path, profile: str = "demo", *, serve: bool = False) -> AsyncIterator[CoreHandle]:
    handle = await LocalHost(environ(home)).open(profile, serve=serve)
    try:
        yield handle
    finally:
        await handle.stop()


async def synced(core: Core) -> RunView:
    """Prepare the demo and sync it."""
    assert core.demo is not None
    ready = await core.demo.prepare()
    return await core.sync.wait(core.demo.sync(ready.pair).id, 60)


def data(home: Path, name: str = "") -> Path:
    return find_paths(environ(home), Profile.DEMO).data / name


def remove(database: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


async def test_a_damaged_database_is_kept_aside_and_the_start_says_what_came_in_its_place(tmp_path: Path) -> None:
    async with opened(tmp_path) as handle:
        created = (await synced(handle.core)).run.counts.created
        assert created > 0
    paths = find_paths(environ(tmp_path), Profile.DEMO)
    remove(paths.database)
    text = b"this is no database at all, only a text\n" * 200
    paths.database.write_bytes(text)
    async with opened(tmp_path) as handle:
        (told,) = [problem for problem in handle.core.status.overall().problems if problem.code == "database_restored"]
        (kept,) = (paths.data / "set-aside").glob("*-damaged.db")
        assert str(kept) in told.sentence
        assert kept.read_bytes() == text
        view = await synced(handle.core)
        assert (view.run.counts.created, view.run.counts.deleted) == (0, 0), "copies are adopted, not doubled"


async def test_a_file_of_another_program_is_named_and_left_and_nothing_stays_held(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    paths = find_paths(environ(tmp_path), Profile.DEMO)
    remove(paths.database)
    with closing(sqlite3.connect(paths.database)) as theirs:
        theirs.execute("CREATE TABLE theirs (id INTEGER)")
    before = paths.database.read_bytes()
    for _ in range(2):
        with pytest.raises(StorageError) as refused:
            await LocalHost(environ(tmp_path)).open("demo", serve=True)
        assert refused.value.code == "database_foreign"
    assert paths.database.read_bytes() == before
    paths.database.unlink()
    async with opened(tmp_path) as handle:
        assert handle.core.info.profile == "demo"


async def test_a_damaged_sandbox_file_is_named_with_the_way_out_and_nothing_stays_held(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    remove(data(tmp_path, "sandbox.db"))
    data(tmp_path, "sandbox.db").write_bytes(b"no database\n" * 500)
    with pytest.raises(StorageError) as refused:
        await LocalHost(environ(tmp_path)).open("demo", serve=False)
    assert refused.value.code == "sandbox_unusable"
    assert "sandbox.db" in (refused.value.fix or "")
    remove(data(tmp_path, "sandbox.db"))
    async with opened(tmp_path):
        pass


async def test_an_api_that_cannot_start_gives_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.api.server import ApiServer

    async def refuse(self: ApiServer) -> None:
        raise KalendsError("No port is free.", code="port_taken")

    with monkeypatch.context() as broken:
        broken.setattr(ApiServer, "start", refuse)
        with pytest.raises(KalendsError) as refused:
            await LocalHost(environ(tmp_path)).open("demo", serve=True)
        assert refused.value.code == "port_taken"
    async with opened(tmp_path, serve=True) as handle:
        assert handle.api_url is not None


async def test_the_app_looks_at_itself_while_it_runs_and_finds_its_own_api(tmp_path: Path) -> None:
    async with opened(tmp_path, serve=True) as handle:
        assert handle.core.doctor is not None
        found = {one.id: one for one in await handle.core.doctor.look()}
    assert found["app"].summary == f"Kalends is running; its API is at {handle.api_url}."


async def test_a_second_start_of_a_profile_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as handle:
        with pytest.raises(StorageError) as refused:
            await LocalHost(environ(tmp_path)).open("demo", serve=False)
        assert refused.value.code == "database_locked"
        assert (await synced(handle.core)).run.status is RunStatus.SUCCESS


async def test_runs_that_were_cut_off_by_a_kill_are_recorded_at_the_next_start(tmp_path: Path) -> None:
    paths = find_paths(environ(tmp_path), Profile.DEFAULT)
    paths.prepare()
    clock = SystemClock()
    with Store.open(paths.database, now=clock.now) as store:
        store.runs.add(Run("sync_run_1", "pair_1", Trigger.MANUAL, RunStatus.QUEUED, clock.now()))
    async with opened(tmp_path, "default") as handle:
        (run,) = handle.core.history.runs().runs
        assert (run.status, run.reason) == (RunStatus.INTERRUPTED, "stopped")


async def test_the_demo_without_its_database_signs_in_again_and_doubles_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as handle:
        created = (await synced(handle.core)).run.counts.created
        assert created > 0
    remove(find_paths(environ(tmp_path), Profile.DEMO).database)
    async with opened(tmp_path) as handle:
        view = await synced(handle.core)
        assert (view.run.status, view.run.counts.created, view.run.counts.deleted) == (RunStatus.SUCCESS, 0, 0)


async def test_the_demo_without_its_sandbox_begins_anew(tmp_path: Path) -> None:
    async with opened(tmp_path) as handle:
        created = (await synced(handle.core)).run.counts.created
    remove(data(tmp_path, "sandbox.db"))
    async with opened(tmp_path) as handle:
        view = await synced(handle.core)
        assert (view.run.status, view.run.counts.created) == (RunStatus.SUCCESS, created)
        assert {account.status for account in handle.core.connections.accounts()} == {AccountStatus.CONNECTED}
    async with opened(tmp_path) as handle:
        view = await synced(handle.core)
        assert (view.run.status, view.run.counts.created) == (RunStatus.SUCCESS, 0)


async def test_stopping_while_a_run_goes_on_records_it_and_frees_the_profile_within_seconds(tmp_path: Path) -> None:
    async with opened(tmp_path, serve=True) as handle:
        assert handle.core.demo is not None
        ready = await handle.core.demo.prepare()
        run = handle.core.demo.sync(ready.pair)
        await asyncio.sleep(0)
        await asyncio.wait_for(handle.stop(), 6)
    async with opened(tmp_path) as handle:
        assert handle.core.history.run(run.id).run.status.ended
        assert (await synced(handle.core)).run.status is RunStatus.SUCCESS
