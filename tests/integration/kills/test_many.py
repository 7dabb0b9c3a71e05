"""The app is killed at random moments, many times, while people go on: the promises hold after each death.

A forking start server makes a start cheap enough for a hundred deaths in the everyday run and a thousand by command
(`--full`). The moment is random in time, not chosen by us: between two instructions of SQLite as well as in a request.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.domain.accounts import Provider
from app.domain.identity import COPY_ID_PREFIX
from app.store.cache import cache_path
from app.store.proving import prove, prove_cache
from tests.integration.oracle import assert_in_step, assert_no_harm, before, copies, since
from tests.integration.playground import DEADLINE_SECONDS, ROOT, Playground, playground

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform != "linux", reason="forks, and kills by SIGKILL"),
]
LONGEST_LIFE_SECONDS = 1.2
SETTLE_EVERY = 20
LOSE_EVERY = 15
EVERYDAY, BY_COMMAND = 100, 1_000


class StartServer:
    """Starts the app of a playground by forking."""

    def __init__(self, play: Playground, process: asyncio.subprocess.Process) -> None:
        self._play = play
        self._process = process
        self._starts = 0

    async def told(self, word: str) -> dict[str, Any]:
        """The next line that has this word."""
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE_SECONDS):
            while line := await self._process.stdout.readline():
                said: dict[str, Any] = json.loads(line)
                if word in said:
                    return said
        raise AssertionError("the start server ended")

    async def start(self, runs: int = 1) -> tuple[int, Path]:
        """Start the app; its process id, and the file of what it prints."""
        play = self._play
        self._starts += 1
        output = play.home / f"forked-{self._starts % 2}.txt"
        wish = {"source": play.source.name, "mode": play.mode, "runs": runs, "trigger": "manual", "full": False}
        order = {"wish": wish, "environment": play.environment(), "output": str(output)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return (await self.told("started"))["started"], output

    async def ended(self) -> int:
        """Wait for the end of the app; its exit code."""
        return int((await self.told("ended"))["code"])

    async def die_within(self, seconds: float) -> int:
        """Start the app and kill it after so long, unless it has ended by then; its exit code."""
        pid, _ = await self.start()
        ending = asyncio.create_task(self.ended())
        done, _ = await asyncio.wait([ending], timeout=seconds)
        if not done:
            # It may end in this very moment.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return await ending

    async def until_well(self, attempts: int = 3) -> None:
        """Start the app until a run ends well and the next has nothing to do."""
        said = ""
        for _ in range(attempts):
            _, output = await self.start(runs=2)
            code = await self.ended()
            said = output.read_text("utf-8", "replace")
            if code != 0:
                continue
            runs = [json.loads(line)["run"] for line in said.splitlines() if line.startswith('{"run"')]
            if [run["status"] for run in runs] == ["success", "success"]:
                assert {name: runs[1]["counts"][name] for name in ("created", "updated", "deleted")} == {
                    "created": 0,
                    "updated": 0,
                    "deleted": 0,
                }, said
                return
        raise AssertionError(f"no run ended well: {said}")


@asynccontextmanager
async def start_server(play: Playground) -> AsyncIterator[StartServer]:
    """A start server, ended afterwards."""
    complaints = play.home / "start-server.txt"
    with complaints.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integration.start_server"),
            cwd=ROOT,
            env=play.environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    server = StartServer(play, process)
    try:
        await server.told("ready")
        yield server
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


def database(play: Playground) -> Path:
    return play.home / "data" / "kalends.db"


def journaled(play: Playground) -> str:
    """All writes that the journal knows of, as text. Opened as a restart would: with the log that was left."""
    with closing(sqlite3.connect(f"file:{database(play)}?mode=ro", uri=True)) as connection:
        return "\n".join(body for (body,) in connection.execute("SELECT body FROM journal"))


def people_go_on(play: Playground, random: Random, number: int) -> None:
    """They make, move and delete meetings, so that every start has something to do."""
    play.person_makes(30 + number % 370)
    play.person_moves(*random.sample(play.singles(), 3), minutes=5)
    if number % 12 == 0:
        # Seldom: many deletions in a day would rightly wait for a decision.
        play.person_deletes(random.choice(play.singles()))


@pytest.mark.parametrize(
    ("deaths", "source", "seed"),
    [
        (EVERYDAY // 2, Provider.MICROSOFT, 61),
        (EVERYDAY // 2, Provider.GOOGLE, 62),
        pytest.param(BY_COMMAND // 2, Provider.MICROSOFT, 63, marks=[pytest.mark.full, pytest.mark.timeout(3600)]),
        pytest.param(BY_COMMAND // 2, Provider.GOOGLE, 64, marks=[pytest.mark.full, pytest.mark.timeout(3600)]),
    ],
)
async def test_killed_at_random_moments_it_loses_no_intent_and_doubles_nothing(
    tmp_path: Path, deaths: int, source: Provider, seed: int
) -> None:
    random = Random(seed)
    died = 0
    async with playground(tmp_path, source, "full", more=20) as play:
        then = before(play)
        await play.until_well()
        async with start_server(play) as server:
            number = 0
            while died < deaths:
                number += 1
                people_go_on(play, random, number)
                then = since(play, then)
                died += await server.die_within(random.uniform(0.05, LONGEST_LIFE_SECONDS)) == -signal.SIGKILL
                assert number < 4 * deaths, "most starts ended before they were killed"
                assert_no_harm(play, then)
                known = journaled(play)
                if source is Provider.MICROSOFT:
                    # Google keeps the ids that we choose: whatever was made there was in the journal before.
                    lost = [made for made in copies(play, then) if made.removeprefix(COPY_ID_PREFIX) not in known]
                    assert lost == [], "intents"
                if died % LOSE_EVERY == 0:
                    # What calendars were last seen to hold is worth nothing but a whole read.
                    cache_path(database(play)).unlink(missing_ok=True)
                if died % SETTLE_EVERY == 0:
                    assert prove(database(play)) == []
                    assert prove_cache(database(play)) is None
                    await server.until_well()
                    assert_in_step(play, then)
            await server.until_well()
            assert_in_step(play, then)
            with closing(sqlite3.connect(f"file:{database(play)}?mode=ro", uri=True)) as connection:
                states = dict(connection.execute("SELECT status, count(*) FROM run GROUP BY status"))
                pending = connection.execute("SELECT count(*) FROM journal WHERE state = 'pending'").fetchone()
            assert states.keys() <= {"success", "partial", "failed", "interrupted"}, "runs that never ended"
            assert states["interrupted"] > 0, "killed where it mattered"
            assert pending == (0,)
