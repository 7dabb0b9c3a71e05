"""Once a day: a proved backup made off the loop, and old history forgotten; never twice because of a restart."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.errors import StorageError
from app.domain.runs import Run, RunStatus, Trigger
from app.services.maintenance import Maintenance
from app.store.backups import is_sound
from app.store.runs import RunFilter
from app.store.store import Store
from app.system.clock import ServiceTime
from tests.fakes.engine_world import HandClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    with Store.open(tmp_path / "kalends.db", now=clock.now) as store:
        yield store


def backups(folder: Path) -> list[Path]:
    return sorted((folder / "backups").glob("*.db"))


async def test_a_backup_is_made_once_a_day_and_can_be_read(store: Store, clock: HandClock, tmp_path: Path) -> None:
    epoch = store.state.installation().epoch
    await Maintenance(store, clock).keep_up()
    await Maintenance(store, clock).keep_up()
    (backup,) = backups(tmp_path)
    assert is_sound(backup)
    assert store.state.installation().epoch == epoch + 1
    clock.advance(hours=25)
    await Maintenance(store, clock).keep_up()
    assert len(backups(tmp_path)) == 2


async def test_the_loop_and_the_database_go_on_while_a_backup_is_made(
    store: Store, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = store.copy_file
    on_threads: list[int] = []
    go_on = threading.Event()

    def copy_slowly(to: Path) -> None:
        on_threads.append(threading.get_ident())
        assert go_on.wait(5)
        copy(to)

    monkeypatch.setattr(store, "copy_file", copy_slowly)
    keeping = asyncio.create_task(Maintenance(store, clock).keep_up())
    await asyncio.sleep(0)
    store.state.put("meanwhile", "written")
    go_on.set()
    await keeping
    assert threading.get_ident() not in on_threads
    assert is_sound(backups(tmp_path)[0])


async def test_runs_are_kept_for_ninety_days(store: Store, clock: HandClock) -> None:
    now = clock.now()
    for number, days in enumerate((91, 89)):
        run = Run(f"sync_run_{number}", "pair_1", Trigger.MANUAL, RunStatus.QUEUED, now - timedelta(days=days))
        store.runs.add(run)
        store.runs.finish(replace(run, status=RunStatus.SUCCESS, finished_at=run.created_at))
    await Maintenance(store, clock).keep_up()
    assert [run.id for run in store.runs.page(RunFilter(), limit=9).runs] == ["sync_run_1"]


async def test_a_backup_that_cannot_be_made_is_tried_again_the_next_time(
    store: Store, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(to: Path) -> None:
        raise StorageError("The disk is full.", code="database_full")

    with monkeypatch.context() as broken:
        broken.setattr(store, "copy_file", full)
        await Maintenance(store, clock).keep_up()
    assert backups(tmp_path) == []
    await Maintenance(store, clock).keep_up()
    assert len(backups(tmp_path)) == 1


async def test_a_clock_that_was_wrong_does_not_end_the_upkeep(store: Store, clock: HandClock, tmp_path: Path) -> None:
    await Maintenance(store, clock).keep_up()
    clock.advance(days=-400)
    await Maintenance(store, clock).keep_up()
    assert len(backups(tmp_path)) == 2


async def test_a_clock_that_is_months_ahead_forgets_nothing_too_early(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    run = Run("sync_run_1", "pair_1", Trigger.MANUAL, RunStatus.QUEUED, clock.now() - timedelta(days=20))
    store.runs.add(run)
    store.runs.finish(replace(run, status=RunStatus.SUCCESS, finished_at=run.created_at))
    right = clock.now()
    clock.advance(days=180)
    time = ServiceTime(clock)
    maintenance = Maintenance(store, time, sure=lambda: time.told)
    await maintenance.keep_up()
    assert store.runs.page(RunFilter(), limit=9).total == 1, "no service has said yet what time it is"
    assert len(backups(tmp_path)) == 1
    time.heard(right)
    await maintenance.keep_up()
    assert store.runs.page(RunFilter(), limit=9).total == 1
    clock.advance(days=80)
    await maintenance.keep_up()
    assert store.runs.page(RunFilter(), limit=9).total == 0, "a hundred days old by the services' time"
