"""Half an hour of real time against the sandbox, by command: the app in its own process, people who go on, faults.

The everyday form is the same by a number of runs: nothing drifts, no file stays open, the write-ahead logs stay small.
Memory is judged by command alone, as a process that has just begun still grows into its libraries.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic

import pytest

from app.domain.accounts import Provider
from app.store.cache import cache_path
from app.store.proving import prove, prove_cache
from tests.integration.oracle import Before, assert_in_step, assert_untouched, before, copies, since
from tests.integration.playground import DEADLINE_SECONDS, AppProcess, Playground, playground

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
HALF_AN_HOUR, RUNS_EVERYDAY = 1_800, 30
PAUSE_SECONDS = 0.4
WAL_BYTES = 16 * 1024 * 1024
GROWTH = 1.05
FAULTS = (
    {"route": "* /**", "kind": "status", "status": 503, "rate": 0.01},
    {"route": "* /**", "kind": "reset_before", "rate": 0.01},
    {"route": "* /**", "kind": "reset_after_commit", "rate": 0.01},
    {"route": "* /**", "kind": "latency", "seconds": 0.2, "rate": 0.05},
    {"route": "GET /**", "kind": "truncate", "rate": 0.005},
    {"route": "GET /**", "kind": "empty", "rate": 0.01},
    {"route": "GET /**", "kind": "duplicate", "rate": 0.05},
    {"route": "GET /**", "kind": "reorder", "rate": 0.05},
)


@dataclass
class Watched:
    """What a process held after each of its runs, and how these ended."""

    memory_kib: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    handles: list[int] = field(default_factory=list)
    wal_bytes: int = 0
    ended: dict[str, int] = field(default_factory=dict)

    def look(self, app: AppProcess, play: Playground) -> None:
        """After a run."""
        place = Path(f"/proc/{app.process.pid}")
        told = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        self.memory_kib.append(int(told["VmRSS"].split()[0]))
        names = [name for one in (place / "fd").iterdir() if (name := target(one)) and "(deleted)" not in name]
        self.files.append(sum(name.startswith(str(play.home)) for name in names))
        # Connections to the sandbox come and go; a helper process and its pipes come once, with the first series.
        self.handles.append(sum(not name.startswith("socket:") for name in names))
        for file in (database(play), cache_path(database(play))):
            log = file.with_name(f"{file.name}-wal")
            self.wal_bytes = max(self.wal_bytes, log.stat().st_size)

    def count(self, status: str) -> None:
        """A run ended so."""
        self.ended[status] = self.ended.get(status, 0) + 1


def target(handle: Path) -> str:
    """What a handle leads to; nothing where it was closed meanwhile."""
    try:
        return os.readlink(handle)
    except FileNotFoundError:
        return ""


def database(play: Playground) -> Path:
    return play.home / "data" / "kalends.db"


def people_go_on(play: Playground, random: Random, number: int) -> None:
    """Mostly they change meetings; so few are made and deleted that no budget and no guard says stop."""
    for event in random.sample(play.singles(), 2):
        start = datetime.fromisoformat(event["start"]).replace(minute=number % 12 * 5)
        changes = {"start": start.isoformat(), "end": (start + timedelta(minutes=30)).isoformat()}
        title = f"{event['title'].split(',')[0]}, as of {number}"
        play.source.patch_event(play.source_id, event["id"], {"title": title, **changes})
    if number % 40 == 1:
        play.person_makes(30 + number)
    if number % 400 == 399:
        play.person_deletes(random.choice(play.singles()))


async def soaked(
    play: Playground, then: Before, enough: Callable[[int], bool], random: Random
) -> tuple[Watched, Before]:
    """Let the app run until it is enough, then kill it; what it held, and what to compare with."""
    watched, number = Watched(), 0
    ever: set[str] = set()
    app = await play.start(runs=sys.maxsize, pause_seconds=PAUSE_SECONDS)
    while not enough(number):
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(app.runs) <= number:
                app.news.clear()
                await app.news.wait()
                assert app.process.returncode is None, app.words()
        for run in app.runs[number:]:
            watched.count(run["status"])
        number = len(app.runs)
        watched.look(app, play)
        people_go_on(play, random, number)
        then = since(play, then)
        assert_untouched(play, then)
        # The copy of an original that was just deleted may still be there.
        ever |= then.source.keys()
        assert len(copies(play, then)) <= len(ever)
    await app.kill()
    return watched, then


@pytest.mark.parametrize(
    "seconds", [0, pytest.param(HALF_AN_HOUR, marks=[pytest.mark.full, pytest.mark.timeout(HALF_AN_HOUR + 900)])]
)
async def test_nothing_drifts_and_nothing_grows_while_services_fail(
    tmp_path: Path, seconds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async with playground(tmp_path, Provider.GOOGLE, "full", more=20) as play:
        then = before(play)
        await play.until_well()
        then = since(play, then)
        for fault in FAULTS:
            play.sandbox.world.faults.add(dict(fault))
        end = monotonic() + seconds
        by_time: Callable[[int], bool] = lambda _: monotonic() >= end  # noqa: E731 - one of two, chosen below
        by_number: Callable[[int], bool] = lambda number: number >= RUNS_EVERYDAY  # noqa: E731 - the other
        watched, then = await soaked(play, then, by_time if seconds else by_number, Random(71))
        met = sum(fault.hits for fault in play.sandbox.world.faults.all())
        play.sandbox.world.faults.clear()
        # What an empty answer kept back comes with the next whole read, which the app makes once a day by itself.
        await play.sync(full=True)
        await play.until_well(attempts=6)
        assert_in_step(play, then)
        assert (prove(database(play)), prove_cache(database(play))) == ([], None)
        tenth = max(1, len(watched.files) // 10)
        early, late = watched.memory_kib[tenth : 2 * tenth], watched.memory_kib[-tenth:]
        summary = {
            "seconds": seconds,
            "runs": watched.ended,
            "faults met": met,
            "memory": [median(early), median(late)],
            "files": [max(watched.files[: 2 * tenth]), max(watched.files[-tenth:])],
            "handles": [max(watched.handles[: 2 * tenth]), max(watched.handles[-tenth:])],
            "largest log": watched.wal_bytes,
        }
        with capsys.disabled():
            sys.stdout.write(f"\nsoak: {json.dumps(summary)}\n")
        assert met > 0
        assert watched.ended.get("success", 0) > 0
        assert max(watched.files[-tenth:]) <= max(watched.files[: 2 * tenth]), summary
        assert watched.wal_bytes < WAL_BYTES
        if seconds:
            assert median(late) < median(early) * GROWTH, summary
            assert max(watched.handles[-tenth:]) <= max(watched.handles[: 2 * tenth]), summary
