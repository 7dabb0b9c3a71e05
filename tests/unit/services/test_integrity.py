"""The database is proved once a week; damage is noted, stops every run, and is mended by the next start."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.errors import StorageError
from app.domain.runs import RunStatus, Trigger
from app.services.integrity import Integrity
from app.services.notices import Notices
from app.store import proving
from app.store.cache import cache_path
from app.store.store import Store
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import HandClock, meeting
from tests.unit.services.test_sync import MONDAY, pair_of, run
from tests.unit.store.samples import intent, single
from tests.unit.store.samples import world as sample_world

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kalends.db"


def with_rows(path: Path, clock: HandClock) -> Store:
    """A store with a row of each kind that bears a checksum."""
    store = Store.open(path, now=clock.now)
    here = sample_world(store)
    store.ledger.open_intents([intent(here.direction, "a1")], clock.now())
    return store


def flip(path: Path, table: str, column: str) -> None:
    """One character of one row is another; every page and index is as it should be."""
    with closing(sqlite3.connect(path)) as connection, connection:
        changed = connection.execute(f"UPDATE {table} SET {column} = {column} || ' '").rowcount  # noqa: S608 - test's own names
        assert changed == 1


async def test_it_is_proved_once_a_week(path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    proved: list[Path] = []

    def prove(found: Path) -> list[str]:
        proved.append(found)
        return []

    monkeypatch.setattr("app.store.store.prove", prove)
    with with_rows(path, clock) as store:
        for days in (0, 0, 6, 1, 0):
            clock.advance(days=days)
            await Integrity(store, Notices(), clock).keep_up()
    assert len(proved) == 2


async def test_a_sound_database_has_no_findings(path: Path, clock: HandClock) -> None:
    with with_rows(path, clock) as store:
        assert store.prove() == []
        integrity = Integrity(store, Notices(), clock)
        await integrity.keep_up()
        assert integrity.problem() is None
        assert not store.damage_is_noted()


async def test_a_changed_row_of_the_journal_is_found_though_every_page_is_in_order(
    path: Path, clock: HandClock
) -> None:
    store = with_rows(path, clock)
    backup = store.backup()
    flip(path, "journal", "body")
    integrity = Integrity(store, Notices(), clock)
    await integrity.keep_up()
    problem = integrity.problem()
    assert problem is not None
    assert problem.code == "database_damaged"
    store.close()
    with Store.open(path, now=clock.now, recover=True) as store:
        told = Integrity(store, Notices(), clock).told()
        assert told is not None
        assert told.code == "database_restored"
        assert Integrity(store, Notices(), clock).problem() is None
        restored = store.state.restored()
        assert restored is not None
        assert restored.backup == backup.name
        clock.advance(days=4)
        assert Integrity(store, Notices(), clock).told() is None


async def test_a_reference_that_leads_nowhere_is_found(path: Path, clock: HandClock) -> None:
    with with_rows(path, clock) as store:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DELETE FROM account")
        assert any("account" in finding for finding in store.prove())


async def test_a_doubt_that_was_wrong_costs_nothing(path: Path, clock: HandClock) -> None:
    with with_rows(path, clock) as store:
        store.backup()
        store.note_damage(["a cosmic ray"])
        store.state.put("later", "than the backup")
    with Store.open(path, now=clock.now, recover=True) as store:
        assert store.state.get("later") == "than the backup"
        assert store.state.restored() is None
        assert not store.damage_is_noted()


def _take_one_index_for_another(path: Path) -> None:
    """A start looks at less, and would not see it."""
    with closing(sqlite3.connect(cache_path(path))) as other, other:
        other.execute("PRAGMA writable_schema = on")
        other.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = ?) WHERE name = ?",
            ("event_calendar_id_seq", "event_calendar_id_unit"),
        )


async def test_a_second_file_that_the_weekly_proof_finds_damaged_is_dropped_and_nobody_is_asked(
    path: Path, clock: HandClock
) -> None:
    with Store.open(path, now=clock.now) as store:
        sample_world(store).read(single("a"), full=True)
        _take_one_index_for_another(path)
        assert (store.prove(), store.prove_cache() is None) == ([], False)
        integrity = Integrity(store, Notices(), clock)
        await integrity.keep_up()
        assert (integrity.problem(), store.damage_is_noted()) == (None, False)
        assert store.prove_cache() is None
        assert store.ledger.view("conn_work").cursor is None
        assert list(store.ledger.rows("conn_work", None)) == []


async def test_a_second_file_stays_while_a_run_plans_by_what_it_read_in_it(path: Path, clock: HandClock) -> None:
    idle = False
    with Store.open(path, now=clock.now) as store:
        sample_world(store).read(single("a"), full=True)
        _take_one_index_for_another(path)
        integrity = Integrity(store, Notices(), clock, is_idle=lambda: idle)
        await integrity.keep_up()
        assert store.ledger.view("conn_work").cursor is not None
        idle = True
        await integrity.keep_up()
        assert store.prove_cache() is None
        assert store.ledger.view("conn_work").cursor is None


async def test_damage_that_was_met_in_the_second_file_costs_no_backup(path: Path, clock: HandClock) -> None:
    with Store.open(path, now=clock.now) as store:
        sample_world(store).read(single("a"), full=True)
        store.backup()
        store.note_damage(["The Kalends database is damaged."])
        store.state.put("later", "than the backup")
    with Store.open(path, now=clock.now, recover=True) as store:
        assert store.state.get("later") == "than the backup"
        assert store.state.restored() is None
        assert list(store.ledger.rows("conn_work", None)) == [], "read anew, as nobody knows where the damage was"


async def test_a_proof_that_cannot_be_made_says_why(path: Path, clock: HandClock) -> None:
    def locked(_: Path) -> sqlite3.Connection:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    with with_rows(path, clock) as store, pytest.MonkeyPatch.context() as broken:
        broken.setattr(proving, "open_beside", locked)
        with pytest.raises(StorageError) as caught:
            store.prove()
        assert caught.value.code == "database_locked"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def test_a_run_that_meets_damage_keeps_every_later_one_waiting(world: CoreWorld) -> None:
    pair_id = await pair_of(world)
    world.work.put(meeting("a1", wall(MONDAY, 9)))
    await run(world, pair_id)
    world.work.put(meeting("a1", wall(MONDAY, 11)))
    with world.store.database.transaction():
        world.store.database.change("UPDATE copy SET etag = etag || ' '")
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    view = await world.core.sync.wait(asked.id, 5)
    assert [error.code for error in view.run.errors] == ["database_corrupt"]
    asked = world.core.sync.request(pair_id, Trigger.MANUAL)
    ended = (await world.core.sync.wait(asked.id, 5)).run
    assert (ended.status, ended.reason) == (RunStatus.SKIPPED, "database_damaged")
    assert "Quit Kalends and start it again" in world.core.status.overall().sentence
