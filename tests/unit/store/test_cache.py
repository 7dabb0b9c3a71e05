"""The second file: dropped or of another state, it costs a whole read and nothing else; the database alone decides."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.errors import StorageError
from app.domain.links import Answer, Copy, CopyForm, Evidence, Link, Page
from app.store import Store, restoring
from app.store.backups import is_sound
from app.store.cache import CACHE_ID, VERSION, cache_path, why_useless
from tests.unit.store.samples import NOW, SPAN, World, clock, exception, series, single, world


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "kalends.db"


def opened(path: Path) -> Store:
    return Store.open(path, now=clock)


def in_use(path: Path) -> None:
    """Both calendars read and planned; a link of an original that nobody sees any more."""
    with opened(path) as store:
        here = world(store)
        here.read(single("a"), single("b", title="Canary lunch"), series("s"), exception("s", 9), full=True)
        here.read(single("theirs"), calendar="conn_home", full=True)
        store.ledger.save([Link(here.direction.id, "long-gone", copy_key="key")], [Copy(here.direction.id, "key")])
        here.everything_planned()


def one_more_page(path: Path) -> None:
    with opened(path) as store:
        (direction,) = store.pairs.directions("pair_1")
        World(store, direction).read(single("c"))


def to_plan(store: Store) -> list[str]:
    (direction,) = store.pairs.directions("pair_1")
    return list(store.ledger.originals_to_plan(direction, NOW))


def removed(file: Path) -> None:
    file.unlink()


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def garbage(file: Path) -> None:
    file.write_bytes(b"not a database at all" * 1000)


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def a_page_overwritten(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096 : 4096 + 512] = b"\xa5" * 512
    file.write_bytes(content)


def of_another_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        connection.commit()


def of_another_program(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")


def killed_at_its_making(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = wal")


@pytest.mark.parametrize(
    "harm",
    [
        removed,
        emptied,
        garbage,
        truncated,
        a_page_overwritten,
        of_another_version,
        of_another_program,
        killed_at_its_making,
    ],
)
def test_a_second_file_of_no_use_is_dropped_and_everything_is_read_and_planned_anew(
    path: Path, harm: Callable[[Path], None]
) -> None:
    in_use(path)
    harm(cache_path(path))
    with opened(path) as store:
        for calendar in ("conn_work", "conn_home"):
            assert list(store.ledger.rows(calendar, None)) == []
            view = store.ledger.view(calendar)
            assert (view.cursor, view.complete_at, view.covers_from) == (None, None, None)
            assert (view.live_count > 0, view.role) == (True, "writer"), "what the guard compares stays"
        (direction,) = store.pairs.directions("pair_1")
        here = World(store, direction)
        here.read(single("a"), single("b"), full=True)
        here.read(single("theirs"), calendar="conn_home", full=True)
        assert to_plan(store) == ["a", "b", "long-gone"], "links without a row too: nothing else would ask about them"
        here.everything_planned()
        assert to_plan(store) == []
        assert store.prove() == []
        assert stat.S_IMODE(cache_path(path).stat().st_mode) == 0o600
        assert not store.state.installation().behind, "the database itself is as it was"
    with opened(path) as store:
        assert {row.event.id for row in store.ledger.rows("conn_work", None)} == {"a", "b"}, "once, not at every start"


def test_a_sound_second_file_is_kept_from_start_to_start(path: Path) -> None:
    in_use(path)
    for _ in range(2):
        with opened(path) as store:
            assert store.ledger.view("conn_work").cursor == "cursor"
            assert len(store.ledger.rows("conn_work", None)) == 4
            assert to_plan(store) == []
    assert why_useless(cache_path(path)) is None


def test_a_kill_between_the_two_files_costs_one_calendar_a_whole_read(path: Path, tmp_path: Path) -> None:
    """The database is written first: what such a kill leaves is its new state beside the old one of the other."""
    in_use(path)
    before = shutil.copy(cache_path(path), tmp_path / "before.db")
    one_more_page(path)
    shutil.copy(before, cache_path(path))
    with opened(path) as store:
        assert store.ledger.view("conn_work").cursor is None
        assert list(store.ledger.rows("conn_work", None)) == []
        assert store.ledger.view("conn_home").cursor == "cursor"
        assert [row.event.id for row in store.ledger.rows("conn_home", None)] == ["theirs"]


def test_an_older_database_beside_a_newer_second_file_reads_anew(path: Path) -> None:
    in_use(path)
    with opened(path) as store:
        backup = store.backup()
    one_more_page(path)
    restoring.restore(path, backup.name, NOW)
    with opened(path) as store:
        assert store.ledger.view("conn_work").cursor is None
        assert list(store.ledger.rows("conn_work", None)) == []
        assert [row.event.id for row in store.ledger.rows("conn_home", None)] == ["theirs"], "nothing was read since"
        assert not list(path.parent.glob("*.restoring*"))


def test_a_new_database_beside_a_second_file_that_was_left_knows_nothing_of_it(path: Path) -> None:
    in_use(path)
    path.unlink()
    with opened(path) as store:
        assert store.database.select("SELECT calendar_id FROM event UNION ALL SELECT calendar_id FROM held") == []


def test_a_backup_leaves_the_second_file_out(path: Path) -> None:
    in_use(path)
    with opened(path) as store:
        backup = store.backup()
    assert is_sound(backup, thoroughly=True)
    assert b"Canary lunch" not in backup.read_bytes()
    assert b"Canary lunch" not in path.read_bytes()
    assert b"Canary lunch" in cache_path(path).read_bytes()
    assert [file.name for file in backup.parent.iterdir()] == [backup.name]


def test_the_second_file_waits_for_no_disk_and_the_first_always_does(path: Path) -> None:
    with opened(path) as store:
        told = {
            name: store.database.one(f"PRAGMA {name}")
            for name in ("main.synchronous", "cache.synchronous", "cache.journal_mode", "cache.application_id")
        }
    assert told == {
        "main.synchronous": (2,),
        "cache.synchronous": (1,),
        "cache.journal_mode": ("wal",),
        "cache.application_id": (CACHE_ID,),
    }


def test_a_disk_that_gets_full_between_the_two_files_leaves_no_cursor_without_its_rows(path: Path) -> None:
    in_use(path)
    with opened(path) as store:
        (direction,) = store.pairs.directions("pair_1")
        here = World(store, direction)
        (there,) = store.database.one("PRAGMA cache.page_count") or (0,)
        mark = store.database.one("SELECT rows_mark FROM calendar WHERE calendar_id = 'conn_work'")
        store.database.select(f"PRAGMA cache.max_page_count = {there}")
        with pytest.raises(StorageError) as caught:
            here.read(*(single(f"x{number}") for number in range(200)), cursor="next")
        assert caught.value.code == "database_full"
        assert store.database.one("SELECT rows_mark FROM calendar WHERE calendar_id = 'conn_work'") == mark
        store.database.select("PRAGMA cache.max_page_count = 1000000")
        assert here.read(single("c"), cursor="later") > 0
        assert here.seen().keys() >= {"a", "c"}


def test_rows_that_go_while_a_calendar_is_read_end_that_read_and_the_next_is_whole(path: Path) -> None:
    in_use(path)
    with opened(path) as store:
        (direction,) = store.pairs.directions("pair_1")
        here = World(store, direction)
        ledger = store.ledger
        number = ledger.begin_read("conn_work", full=True)
        ledger.store_page("conn_work", number, Page((single("a"),)), full=True, span=SPAN)
        with store.database.transaction():
            store.database.change("DELETE FROM held WHERE calendar_id = 'conn_work'")
        with pytest.raises(StorageError) as paged:
            ledger.store_page("conn_work", number, Page((single("b"),)), full=True, span=SPAN)
        with pytest.raises(StorageError) as finished:
            ledger.finish_read("conn_work", number, cursor="c", full=True, span=SPAN, at=NOW)
        assert paged.value.code == finished.value.code == "rows_lost"
        assert ledger.view("conn_work").cursor is None, "though the database has one"
        ledger.store_answers("conn_work", [Answer("b", Evidence.FOUND, (single("b"),))])
        assert here.seen() == {"b": "seen"}
        here.read(single("a"), single("b"), full=True)
        assert ledger.view("conn_work").cursor == "cursor"
        assert here.seen() == {"a": "seen", "b": "seen"}


def test_dropped_while_it_is_open_it_is_made_anew(path: Path) -> None:
    in_use(path)
    with opened(path) as store:
        store.drop_cache("a test")
        assert store.prove_cache() is None
        assert list(store.ledger.rows("conn_work", None)) == []
        one = World(store, store.pairs.directions("pair_1")[0])
        one.read(single("a"), full=True)
        assert one.seen() == {"a": "seen"}
    with opened(path) as store:
        assert store.ledger.view("conn_work").cursor == "cursor"


def test_an_index_that_misses_a_row_is_found_by_the_weekly_proof_alone(path: Path) -> None:
    in_use(path)
    with closing(sqlite3.connect(cache_path(path))) as connection:
        connection.execute("PRAGMA writable_schema = on")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = ?) WHERE name = ?",
            ("event_calendar_id_seq", "event_calendar_id_unit"),
        )
        connection.commit()
    assert why_useless(cache_path(path), thoroughly=True) is not None


def test_series_are_read_directly_after_a_loss_until_they_are_planned(path: Path) -> None:
    in_use(path)
    with opened(path) as store:
        (direction,) = store.pairs.directions("pair_1")
        here, name = World(store, direction), direction.id
        links = [
            Link(name, "s", copy_key="whole"),
            Link(name, "e", "20260309", copy_key="date"),
            Link(name, "a", copy_key="one"),
        ]
        copies = [
            Copy(name, "whole", event_id="copied-series", form=CopyForm.SERIES),
            Copy(name, "date", event_id="copied-date"),
            Copy(name, "one", event_id="copied-single"),
        ]
        store.ledger.save(links, copies)
        assert store.ledger.series_to_read("conn_work") == store.ledger.series_to_read("conn_home") == []
        store.drop_cache("a test")
        assert store.ledger.series_to_read("conn_work") == ["e", "s"]
        assert store.ledger.series_to_read("conn_home") == ["copied-series"]
        here.direction = replace(direction)
        here.everything_planned()
        assert store.ledger.series_to_read("conn_work") == store.ledger.series_to_read("conn_home") == []


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_second_file_that_was_open_to_others_is_closed(path: Path) -> None:
    in_use(path)
    cache_path(path).chmod(0o644)
    with opened(path):
        assert stat.S_IMODE(cache_path(path).stat().st_mode) == 0o600
