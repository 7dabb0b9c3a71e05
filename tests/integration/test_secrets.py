"""Nothing secret is left anywhere: canaries are searched in every file and process that a run of the real app makes.

Tokens, codes, passwords and keys may lie sealed in the database and nowhere else. Titles lie in the database, which
holds the calendars' views, and in no log, no traceback and no list of processes. The app runs with its most talkative
log, through sign-ins, syncs, failures of every kind and a crash.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.accounts import Provider
from app.sandbox.seed import GOOGLE_EMAIL
from app.sandbox.world import World
from app.store.backups import back_up_file, backup_folder
from tests.integration.playground import (
    DEADLINE_SECONDS,
    GRAPH_BATCH,
    PASSPHRASE,
    ROOT,
    Playground,
    Stop,
    playground,
)

pytestmark = pytest.mark.anyio
TITLE, PLACE, TEXT = "Canary-title-7f3a Oncology", "Canary-place-19bd Ward 4", "Canary-text-c0de diagnosis"
WRONG_KEY = "cs_live_CanaryKeyThatNobodyEverMade0123456789abcdefghij"
TALKATIVE = {"KALENDS_LOG_LEVEL": "debug", "KALENDS_API_PORT": "0"}
EVENTS = "google:GET /calendar/v3/calendars/{id}/events"
FAULTS: tuple[dict[str, Any], ...] = (
    {
        "route": EVENTS,
        "kind": "status",
        "status": 400,
        "body": TITLE,
        "nth": 1,
    },
    {"route": EVENTS, "kind": "truncate", "nth": 2},
    {"route": "microsoft:POST /v1.0/$batch", "kind": "reset_after_commit", "nth": 1},
    {"route": "microsoft:POST /v1.0/$batch", "kind": "truncate", "nth": 2},
)


@pytest.fixture
def minted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every token and code that the services made."""
    known: list[str] = []
    plain = World.secret

    def secret(world: World, prefix: str = "", size_bytes: int = 32) -> str:
        made = plain(world, prefix, size_bytes)
        known.append(made)
        return made

    monkeypatch.setattr(World, "secret", secret)
    return known


def canary(play: Playground, number: int) -> None:
    """A person makes an event that nobody else may read of."""
    day = play.singles()[number]["start"][:10]
    play.source.create_event(
        play.source_id,
        {
            "title": f"{TITLE} {number}",
            "location": PLACE,
            "description": TEXT,
            "start": f"{day}T19:00:00",
            "end": f"{day}T19:30:00",
            "all_day": False,
            "time_zone": "Europe/Berlin",
        },
    )


async def program(play: Playground, *words: str) -> tuple[int, str, str]:
    """One command of the program, in the playground's home."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *words),
        cwd=ROOT,
        env=play.environment() | TALKATIVE,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(DEADLINE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def processes(home: Path) -> Iterable[tuple[str, bytes]]:
    """Command line and environment of every process of ours, as any program of this user can read them."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment, line = (entry / "environ").read_bytes(), (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended, or is not ours
        if str(home).encode() in environment:
            yield f"process {entry.name}", line + b"\0" + environment


def assert_none(canaries: Iterable[str], places: Iterable[tuple[str, bytes]]) -> int:
    """None of these is anywhere; answers how many places were searched."""
    searched = 0
    wanted = [(text, form) for text in canaries for form in {text.encode(), text.encode("utf-16-le")}]
    for name, content in places:
        searched += 1
        for text, form in wanted:
            assert form not in content, f"{text[:12]}… in {name}"
    return searched


def files(home: Path) -> dict[str, bytes]:
    """Every file below the home but the passphrase's own, which the person made."""
    return {
        str(file.relative_to(home)): file.read_bytes()
        for file in home.rglob("*")
        if file.is_file() and file.name != "passphrase"
    }


def pages(path: Path) -> Mapping[str, bytes]:
    """A database as it is read, since a value may lie on several pages."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return {f"rows of {path.name}": "\n".join(connection.iterdump()).encode()}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the list of processes in /proc")
async def test_no_canary_is_found_in_any_log_database_backup_traceback_or_process(
    tmp_path: Path, minted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with playground(tmp_path, Provider.GOOGLE, "full", more=3) as play:
        plain = play.environment
        monkeypatch.setattr(play, "environment", lambda: plain() | TALKATIVE)
        for number in range(2):
            canary(play, number)
        seen: list[tuple[str, bytes]] = []

        # Signed in, synced; looked at while a request is held and while the app serves.
        await play.until_well()
        canary(play, 2)
        held = play.stop_at(Stop(GRAPH_BATCH))
        app = await play.start()
        await play.reach(held, app)
        seen += processes(tmp_path)
        assert seen, "the app is among the processes"
        await app.kill()
        await held.let_go()

        # Failures on the wire with words of a person in the answer, a revoked sign-in, and a death.
        for fault in FAULTS:
            play.sandbox.world.faults.add(dict(fault))
        for _ in range(2):
            await play.sync(runs=2)
        play.sandbox.world.faults.clear()
        await play.until_well()
        key = await _keys_and_api(play, seen)
        play.source.revoke(GOOGLE_EMAIL)
        await play.sync()

        # A backup, and a traceback of the program itself.
        path = tmp_path / "data" / "kalends.db"
        back_up_file(path, backup_folder(path) / "kalends-20260101T000000.000000Z.db")
        code, out, err = await program(play, "why", f"{TITLE} 0", "--json")
        seen.append(("what a command said", err.encode()))
        assert code != 0 or out

        everything = files(tmp_path)
        databases = {name for name in everything if ".db" in name}
        backups = [name for name in everything if name.startswith("data/backups/")]
        assert backups
        assert "data/kalends-cache.db" in databases
        logs = {name: content for name, content in everything.items() if name not in databases}
        assert any(name.startswith("state/log/") for name in logs)
        assert sum(map(len, logs.values())) > 10_000, "the log was as talkative as it can be"
        secrets = [*minted, PASSPHRASE, key, WRONG_KEY]
        assert len(minted) > 8
        rows = {name: text for path in (tmp_path / "data").rglob("*.db") for name, text in pages(path).items()}
        assert_none(secrets, [*everything.items(), *rows.items(), *seen])
        # Snapshots are the person's own events, kept for them: what else there is holds none of their words.
        logs = {name: content for name, content in logs.items() if not name.startswith("state/snapshots/")}
        assert_none([TITLE, PLACE, TEXT], [*logs.items(), *(one for one in seen if one[0].startswith("process"))])
        assert any(TITLE.encode() in text for text in rows.values()), "the canary was there to be found"


async def _keys_and_api(play: Playground, seen: list[tuple[str, bytes]]) -> str:
    """Make an API key and ask with it and with a wrong one while the app serves; answers the key."""
    code, out, err = await program(play, "keys", "create", "--label", "canary", "--json")
    assert code == 0, err
    key = str(json.loads(out)["key"])
    with (play.home / "served.txt").open("wb") as said:
        serving = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "serve"),
            cwd=ROOT,
            env=play.environment() | TALKATIVE,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    address = play.home / "run" / "api.json"
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not address.exists():
                assert serving.returncode is None, (play.home / "served.txt").read_text()
                await asyncio.sleep(0.05)
        url = json.loads(address.read_text())["url"]
        async with httpx.AsyncClient(trust_env=False) as client:
            for shown, status in ((key, 200), (WRONG_KEY, 401)):
                answer = await client.get(f"{url}/api/v1/status", headers={"X-API-Key": shown})
                assert answer.status_code == status, answer.text
        seen.extend(processes(play.home))
        for file in play.home.rglob("*"):
            if file.is_file() and file.name != "passphrase" and not file.name.startswith(("stderr-", "served")):
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    finally:
        serving.terminate()
        await serving.wait()
    return key
