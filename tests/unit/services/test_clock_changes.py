"""After a run, copied series are compared with their originals around the next clock change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.accounts import Provider
from app.domain.events import Fields
from app.domain.pairs import Direction, DirectionSettings, Mode
from app.domain.runs import Run, RunStatus, Trigger
from app.services.clock_changes import next_change
from app.services.views import NewPair
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import MONDAY, weekly

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def paired(folder: Path, settings: DirectionSettings | None = None) -> AsyncIterator[CoreWorld]:
    """*Work* with two series, one with a moved and a cancelled date at the clock change, to be copied to *Home*."""
    world = CoreWorld(folder)
    try:
        ends = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
        world.work.put(weekly("plain"))
        series = world.work.put(weekly("changed", hour=11))
        assert series.fields is not None
        spring = MONDAY + timedelta(weeks=18)
        world.work.cancel_occurrence("changed", wall(spring, 11))
        moved = series.fields.when.moved_to(wall(spring + timedelta(weeks=1), 15))
        world.work.change_occurrence(
            "changed", wall(spring + timedelta(weeks=1), 11), replace(series.fields, when=moved, recurrence=None)
        )
        mode = settings.mode if settings is not None else Mode.FULL
        world.core.pairs.create([NewPair(*ends, mode=mode, direction=Direction.A_TO_B, settings=settings)])
        yield world
    finally:
        await world.close()


async def sync(world: CoreWorld) -> Run:
    """One run."""
    run = world.core.sync.request(world.core.pairs.list()[0].pair.id, Trigger.MANUAL)
    return (await world.core.sync.wait(run.id, 30)).run


def an_hour_off_in_summer(fields: Fields) -> Fields:
    """A service that knows the zone by another name, and that other zone keeps winter time."""
    return replace(fields, when=replace(fields.when, zone="Africa/Lagos")) if fields.recurrence else fields


@pytest.mark.parametrize("settings", [None, DirectionSettings(buffer_before_minutes=15)], ids=["full", "buffered"])
async def test_series_in_step_are_no_defect_with_exceptions_or_buffers(
    tmp_path: Path, settings: DirectionSettings | None
) -> None:
    async with paired(tmp_path, settings) as world:
        for _ in range(2):
            assert (await sync(world)).status is RunStatus.SUCCESS


async def test_a_series_that_slips_at_the_clock_change_is_said_by_every_run_until_it_is_mended(
    tmp_path: Path,
) -> None:
    async with paired(tmp_path) as world:
        world.home.stores = an_hour_off_in_summer
        for _ in range(2):
            run = await sync(world)
            assert run.status is RunStatus.PARTIAL
            assert [error.code for error in run.errors] == ["clock_change_differs"]
            assert "1 copied series" in run.errors[0].message


def test_the_next_change_of_a_zone_is_found_to_the_hour() -> None:
    day = date(2026, 11, 20).toordinal()
    assert next_change("Europe/Berlin", day) == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert next_change("America/New_York", day) == datetime(2027, 3, 14, 7, tzinfo=UTC)
    assert next_change("Asia/Tokyo", day) is None
