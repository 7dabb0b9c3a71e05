"""Free and busy times of all calendars together, from what was last read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from app.domain.accounts import Provider
from app.domain.errors import InputError, NotFoundError
from app.domain.events import Availability, Response
from app.domain.pairs import Direction, Mode
from app.domain.runs import RunStatus, Trigger
from app.domain.times import Span, When
from app.services.views import NewPair, Viewer
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import MONDAY, meeting, weekly

pytestmark = pytest.mark.anyio


def at(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    """A moment by the clock of Berlin in winter."""
    return datetime(day.year, day.month, day.day, hour - 1, minute, tzinfo=UTC)


@asynccontextmanager
async def calendars(folder: Path) -> AsyncIterator[CoreWorld]:
    """*Work* and *Home*, paired as busy blocks, read when the test says so."""
    world = CoreWorld(folder)
    try:
        ends = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
        world.core.pairs.create([NewPair(*ends, mode=Mode.BLOCKER, direction=Direction.BIDIRECTIONAL)])
        yield world
    finally:
        await world.close()


async def read(world: CoreWorld) -> None:
    """Two runs: the second reads the copies of the first."""
    for _ in range(2):
        run = world.core.sync.request(world.core.pairs.list()[0].pair.id, Trigger.MANUAL)
        assert (await world.core.sync.wait(run.id, 30)).run.status is RunStatus.SUCCESS


async def test_busy_times_of_all_calendars_are_merged_and_a_copy_counts_once(tmp_path: Path) -> None:
    async with calendars(tmp_path) as world:
        world.work.put(meeting("a", wall(MONDAY, 9), minutes=60))
        world.home.put(meeting("b", wall(MONDAY, 9, 30), minutes=60))
        world.home.put(meeting("c", wall(MONDAY, 14), minutes=30))
        await read(world)
        found = await world.core.questions.free.find(at(8), at(16), min_seconds=3600)
        assert found.busy == (Span(at(9), at(10, 30)), Span(at(14), at(14, 30)))
        assert found.free == (Span(at(8), at(9)), Span(at(10, 30), at(14)), Span(at(14, 30), at(16)))
        assert found.as_of == world.clock.now()
        assert [one.where.connection.name for one in found.calendars] == ["Work", "Home"]


async def test_what_takes_no_time_is_free(tmp_path: Path) -> None:
    async with calendars(tmp_path) as world:
        world.work.put(meeting("f", wall(MONDAY, 9), fields={"availability": Availability.FREE}))
        world.work.put(meeting("e", wall(MONDAY, 10), fields={"availability": Availability.ELSEWHERE}))
        world.work.put(meeting("d", wall(MONDAY, 11), response=Response.DECLINED))
        await read(world)
        assert (await world.core.questions.free.find(at(8), at(16))).busy == ()


async def test_a_series_is_expanded_with_its_exceptions_and_without_cancelled_dates(tmp_path: Path) -> None:
    async with calendars(tmp_path) as world:
        series = world.work.put(weekly("s", hour=9))
        assert series.fields is not None
        weeks = [MONDAY + timedelta(weeks=n) for n in range(3)]
        world.work.cancel_occurrence("s", wall(weeks[1], 9))
        later = When(wall(weeks[2], 15), wall(weeks[2], 16), series.fields.when.zone)
        moved = replace(series.fields, when=later, recurrence=None)
        world.work.change_occurrence("s", wall(weeks[2], 9), moved)
        await read(world)
        found = await world.core.questions.free.find(at(0 + 1), at(23, day=weeks[2]))
        assert found.busy == (Span(at(9), at(10)), Span(at(15, day=weeks[2]), at(16, day=weeks[2])))


async def test_only_the_hours_that_are_asked_for_are_offered(tmp_path: Path) -> None:
    async with calendars(tmp_path) as world:
        world.work.put(meeting("a", wall(MONDAY, 9), minutes=60))
        await read(world)
        day = datetime.combine(MONDAY, time(0)).astimezone()
        opens, closes = time(8), time(18)
        found = await world.core.questions.free.find(day, day + timedelta(days=2), between=(opens, closes))
        edges = [datetime.combine(MONDAY + timedelta(days=1), edge).astimezone() for edge in (opens, closes)]
        assert found.free[-1] == Span(*edges)
        assert len(found.busy) == 1
        assert all(
            opens <= one.start.astimezone().time() <= one.end.astimezone().time() <= closes for one in found.free
        )


async def test_a_span_that_cannot_be_and_a_calendar_out_of_sight_are_refused(tmp_path: Path) -> None:
    async with calendars(tmp_path) as world:
        free = world.core.questions.free
        for start, end in ((at(9), at(9)), (at(9), at(9) + timedelta(days=400))):
            with pytest.raises(InputError):
                await free.find(start, end)
        with pytest.raises(InputError):
            await free.find(between=(time(9), time(9)))
        own = world.core.connections.list()[0].connection.id
        with pytest.raises(NotFoundError):
            await free.find(connection_ids=[own], viewer=Viewer(sandbox_only=True))
        assert (await free.find()).calendars == ()  # nothing was read yet
