"""What a check-up finds in a database, beside whoever writes it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.accounts import Account, AccountStatus, Provider
from app.domain.checkups import CheckStatus
from app.store import checkup
from app.store.state import DAILY_AUDITS
from app.store.store import Store
from app.system.paths import find_paths

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def statuses(path: Path) -> dict[str, CheckStatus]:
    return {one.id: one.status for one in checkup.database(path)}


def test_a_database_in_use_is_sound_and_of_this_version(tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    assert statuses(path) == {"database": CheckStatus.OK}
    assert not path.exists()
    with Store.open(path, now=lambda: NOW):
        assert statuses(path) == {"database": CheckStatus.OK, "schema": CheckStatus.OK}


def test_a_damaged_a_foreign_and_a_newer_database_fail_with_a_fix(tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    with Store.open(path, now=lambda: NOW) as store:
        backup = store.backup()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 9999")
        connection.commit()
    assert statuses(path) == {"database": CheckStatus.OK, "schema": CheckStatus.FAIL}
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * 8192 + whole[12288:])
    (damaged,) = checkup.database(path)
    assert damaged.status is CheckStatus.FAIL
    assert f"kalends backup restore {backup.name}" in (damaged.fix or "")
    foreign = tmp_path / "other.db"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE a (b)")
    assert statuses(foreign) == {"database": CheckStatus.FAIL}


def test_a_second_file_of_no_use_is_a_warning_and_nothing_worse(tmp_path: Path) -> None:
    path = find_paths({"KALENDS_HOME": str(tmp_path)}).database
    assert list(checkup.cache(path)) == []
    with Store.open(path, now=lambda: NOW):
        (sound,) = checkup.cache(path)
    assert (sound.id, sound.status) == ("cache", CheckStatus.OK)
    second_file = find_paths({"KALENDS_HOME": str(tmp_path)}).second_file
    second_file.write_bytes(b"not a database at all" * 1000)
    (useless,) = checkup.cache(path)
    assert useless.status is CheckStatus.WARN
    assert "reads your calendars anew" in (useless.fix or "")
    assert second_file.read_bytes().startswith(b"not a database"), "a check-up changes nothing"
    with Store.open(path, now=lambda: NOW):
        assert [one.status for one in checkup.cache(path)] == [CheckStatus.OK]


@pytest.mark.parametrize(
    ("version", "status"),
    [((3, 40, 1), CheckStatus.WARN), ((3, 51, 2), CheckStatus.WARN), ((3, 51, 3), CheckStatus.OK)],
)
def test_a_library_with_the_journal_bug_is_warned_of(version: tuple[int, int, int], status: CheckStatus) -> None:
    assert checkup.library(version).status is status


def test_sign_ins_are_told_by_what_the_last_requests_said(tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    well = Account("acct_1", Provider.GOOGLE, "1", "ada@example.com", scopes=("a", "b"))
    with Store.open(path, now=lambda: NOW) as store:
        assert [one.id for one in checkup.accounts(path, NOW)] == ["sign_ins"]
        for number, change in enumerate(
            (
                {},
                {"status": AccountStatus.NEEDS_SIGN_IN},
                {"status": AccountStatus.SCOPE_MISSING},
                {"status": AccountStatus.VAULT_LOCKED},
                {"expires_at": NOW + timedelta(hours=3)},
            )
        ):
            mail = f"{number}@example.com"
            store.accounts.add(replace(well, id=f"acct_{number}", subject=mail, email=mail, **change))  # type: ignore[arg-type]  # a mixed mapping
        found = [(one.id, one.status) for one in checkup.accounts(path, NOW)]
    expected = (CheckStatus.OK, *[CheckStatus.FAIL] * 3, CheckStatus.WARN)
    assert found == [(f"sign_in:{number}@example.com", status) for number, status in enumerate(expected)]


def test_what_daily_audits_found_is_told(tmp_path: Path) -> None:
    path = tmp_path / "kalends.db"
    assert list(checkup.audits(path)) == []
    with Store.open(path, now=lambda: NOW) as store:
        (none,) = checkup.audits(path)
        assert (none.status, none.summary) == (CheckStatus.OK, "No calendar was audited yet; each is once a day.")
        good = {"at": NOW.isoformat(), "drift": 0}
        store.state.put(DAILY_AUDITS, json.dumps({"dir_1": good, "dir_2": good}))
        (well,) = checkup.audits(path)
        assert (well.status, "2026-11-20 09:00" in well.summary) == (CheckStatus.OK, True)
        store.state.put(DAILY_AUDITS, json.dumps({"dir_1": good, "dir_2": {**good, "drift": 3}}))
        (drifted,) = checkup.audits(path)
        assert (drifted.status, "3 differences" in drifted.summary) == (CheckStatus.WARN, True)
        assert "audit.drift" in (drifted.fix or "")
