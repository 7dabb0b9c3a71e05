"""A database that is older than the calendars, put in place by command or after damage, doubles and deletes nothing.

The real app over the sandbox: what it made and changed since the backup is found again and adopted (`engine.md` §10).
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.domain.accounts import Provider
from app.store.backups import back_up_file, backup_folder
from tests.integration.oracle import assert_in_step, assert_untouched, before, copies, since
from tests.integration.playground import DEADLINE_SECONDS, ROOT, Playground, playground

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
NAME = "kalends-20260101T000000.000000Z.db"


async def kalends(play: Playground, *words: str) -> tuple[int, dict[str, Any]]:
    """A command of the program: its exit code and JSON."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *words, "--json"),
        cwd=ROOT,
        env=play.environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(DEADLINE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    assert out, err.decode()
    return process.returncode, json.loads(out)


def database(play: Playground) -> Path:
    return play.home / "data" / "kalends.db"


async def by_command(play: Playground) -> None:
    code, listed = await kalends(play, "backup", "list")
    assert (code, [one["name"] for one in listed["backups"]]) == (0, [NAME])
    code, refused = await kalends(play, "backup", "restore", "newest")
    assert (code, refused["error"]["code"]) == (2, "confirmation_needed")
    code, restored = await kalends(play, "backup", "restore", "newest", "--yes")
    assert (code, restored["backup"]) == (0, NAME)
    assert await asyncio.to_thread(Path(restored["kept_as"]).exists)


async def by_damage(play: Playground) -> None:
    path = database(play)
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'link'").fetchone()
    content = bytearray(path.read_bytes())
    content[(root - 1) * size : (root - 1) * size + 256] = b"\xa5" * 256
    path.write_bytes(content)


async def by_damage_without_a_backup(play: Playground) -> None:
    await by_damage(play)
    (backup_folder(database(play)) / NAME).unlink()


@pytest.mark.parametrize(
    ("source", "put_back"),
    [
        (Provider.GOOGLE, by_command),
        (Provider.MICROSOFT, by_damage),
        (Provider.GOOGLE, by_damage_without_a_backup),
        pytest.param(Provider.MICROSOFT, by_command, marks=pytest.mark.full),
        pytest.param(Provider.GOOGLE, by_damage, marks=pytest.mark.full),
        pytest.param(Provider.MICROSOFT, by_damage_without_a_backup, marks=pytest.mark.full),
    ],
)
async def test_an_older_database_adopts_what_was_made_since_and_doubles_and_deletes_nothing(
    tmp_path: Path, source: Provider, put_back: Callable[[Playground], Any]
) -> None:
    async with playground(tmp_path, source, "full", more=10) as play:
        then = before(play)
        await play.until_well()
        back_up_file(database(play), backup_folder(database(play)) / NAME)
        play.person_makes(101, 102, 103)
        play.person_moves(*play.singles()[:2], minutes=40)
        play.person_deletes(play.singles()[5])
        then = since(play, then)
        await play.until_well()
        there = set(copies(play, then))

        await put_back(play)
        # What people do before the next start is carried over as well, deletions after both were read whole.
        play.person_makes(104)
        play.person_deletes(play.singles()[6])
        then = since(play, then)
        first = await play.sync()
        assert first.runs[0]["counts"]["deleted"] == 0, first.words()
        assert first.runs[0]["counts"]["created"] == 1, first.words()
        assert there <= set(copies(play, then))
        if put_back is by_damage_without_a_backup:
            # Nobody knows any more that its original was deleted: a copy that nothing explains waits for the person.
            second = await play.sync()
            assert (second.runs[0]["status"], second.runs[0]["counts"]["held"]) == ("held", 1), second.words()
            assert_untouched(play, then)
        else:
            # The copy of what was deleted goes in the run after the one that read everything.
            assert_untouched(play, then)
            await play.until_well()
            assert_in_step(play, then)
        _, status = await kalends(play, "status")
        assert "database_restored" in [problem["code"] for problem in status["problems"]]
