"""A month in a minute, a year by command: several syncs a day with people who go on, upkeep, new starts, and faults.

Nothing drifts and nothing grows: every original has its one copy at the end of every day, the daily audit finds no
difference, and the app's objects, open files and the write-ahead log stay as they were. The services are fakes,
everything else is the app: core, engine, database in a file. Half an hour of real time is in `test_soak_sandbox`.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from app.domain.errors import UnavailableError
from app.domain.runs import RunStatus, Trigger
from app.services.maintenance import Maintenance
from app.store.backups import KEPT_BACKUPS
from app.store.proving import prove, prove_cache
from app.store.store import Store
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld, with_title
from tests.fakes.engine_world import meeting
from tests.unit.services.test_sync import pair_of

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")]
WAL_BYTES = 16 * 1024 * 1024
WARM_DAYS, SYNCS_A_DAY = 8, 4
REMEMBERED = ("app.domain.events", "app.domain.times", "app.domain.links")


@dataclass(frozen=True)
class Held:
    """What the process holds."""

    objects: int
    files: int


def held() -> Held:
    """Objects of the app's own types, without the events that the fakes remember for ever, and open files."""
    gc.collect()
    kinds = Counter(str(type(one).__module__) for one in gc.get_objects())
    ours = sum(number for kind, number in kinds.items() if kind.startswith("app.") and kind not in REMEMBERED)
    return Held(ours, len(os.listdir("/proc/self/fd")))


class Month:
    """The world of the soak."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.world = CoreWorld(folder)
        self.random = Random(seed)
        self.file = folder / "data" / "kalends.db"
        self.world.store.close()
        self.made = 0
        self.reopen()

    def reopen(self) -> None:
        """The start of a day: the database is opened, everything is built anew."""
        self.world.store = Store.open(self.file, now=self.world.clock.now, recover=True)
        self.world.restart()

    def people(self) -> None:
        """Somebody makes, retitles or deletes something; often nobody does."""
        work, chance = self.world.work, self.random.random()
        living = sorted(event.id for event in work.living())
        if chance < 0.30 or not living:
            self.made += 1
            day: datetime = self.world.clock.now() + timedelta(days=self.random.randint(1, 20))
            work.put(meeting(f"e{self.made}", wall(day.date(), 8 + self.made % 10)))
        elif chance < 0.60:
            with_title(self.world, self.random.choice(living), f"Retitled {self.random.random():.6f}")
        elif chance < 0.65 and len(living) > 20:
            work.remove(self.random.choice(living))

    def faults(self) -> None:
        """Now and then a service is away."""
        for calendar in (self.world.work, self.world.home):
            calendar.broken = UnavailableError("The service is away.") if self.random.random() < 0.05 else None

    async def sync(self, pair_id: str) -> RunStatus:
        """One run."""
        asked = self.world.core.sync.request(pair_id, Trigger.MANUAL)
        return (await self.world.core.sync.wait(asked.id, 30)).run.status

    def assert_in_step(self) -> None:
        """Every original has one copy of its title."""
        originals = Counter(event.fields.title for event in self.world.work.living() if event.fields is not None)
        copies = Counter(event.fields.title for event in self.world.home.living() if event.fields is not None)
        assert copies == Counter({"Busy": originals.total()})


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("days", [30, pytest.param(365, marks=pytest.mark.full)])
async def test_through_a_month_nothing_drifts_and_nothing_grows(tmp_path: Path, days: int) -> None:
    month = Month(tmp_path, days)
    pair_id = await pair_of(month.world)
    try:
        warm: Held | None = None
        for day in range(days):
            for _ in range(SYNCS_A_DAY):
                month.people()
                month.faults()
                await month.sync(pair_id)
                month.world.clock.advance(hours=24 // SYNCS_A_DAY)
            month.world.work.broken = month.world.home.broken = None
            assert await month.sync(pair_id) is RunStatus.SUCCESS
            month.assert_in_step()
            await Maintenance(month.world.store, month.world.clock).keep_up()
            for log in (month.file.with_name("kalends.db-wal"), month.file.with_name("kalends-cache.db-wal")):
                assert not log.exists() or log.stat().st_size < WAL_BYTES
            told = json.loads(month.world.store.state.get("daily_audits") or "{}")
            assert all(audit["drift"] == 0 for audit in told.values())
            month.world.store.close()
            month.reopen()
            if day == WARM_DAYS:
                warm = held()
        assert warm is not None
        now = held()
        assert now.files <= warm.files
        assert now.objects <= warm.objects * 1.05, (warm, now)
        assert told, "audited daily"
        assert (prove(month.file), prove_cache(month.file)) == ([], None)
        assert len(list((month.file.parent / "backups").glob("*.db"))) == KEPT_BACKUPS
    finally:
        await month.world.close()
