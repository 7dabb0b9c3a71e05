"""The preview of a pair that is still being written: the next days, each event as its copy would look."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.accounts import Provider
from app.domain.errors import InputError, NotFoundError, OfflineError
from app.domain.events import Event, Response, Visibility
from app.domain.pairs import Direction, DirectionSettings, Filters, Mode, PairStatus, PrivateOriginals
from app.domain.runs import RunStatus, Trigger
from app.services.previews import REMEMBERED
from app.services.views import NewPair
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import MONDAY, meeting, weekly

pytestmark = pytest.mark.anyio

BLOCKER = DirectionSettings(mode=Mode.BLOCKER)
DETAILS = DirectionSettings(mode=Mode.DETAILS)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[CoreWorld]:
    world = CoreWorld(tmp_path)
    yield world
    await world.close()


async def ends(world: CoreWorld) -> tuple[str, str]:
    return await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)


def private(event: Event) -> Event:
    assert event.fields is not None
    return replace(event, fields=replace(event.fields, visibility=Visibility.PRIVATE))


async def test_a_calendar_that_was_never_read_is_asked_once_and_nothing_of_it_is_kept(world: CoreWorld) -> None:
    work, home = await ends(world)
    world.work.put(meeting("a", wall(MONDAY, 9), title="Stand-up"))
    world.work.put(meeting("later", wall(MONDAY + timedelta(days=30), 9)))
    seen = await world.core.previews.look(work, home, BLOCKER)
    assert (seen.copied, seen.left_out, seen.whole) == (1, 0, True)
    (line,) = seen.lines
    assert (line.title, line.copy_title, line.reason) == ("Stand-up", "Busy", "")
    assert line.starts_at == datetime(MONDAY.year, MONDAY.month, MONDAY.day, 8, tzinfo=UTC)
    asked = list(world.work.requests)
    assert (await world.core.previews.look(work, home, DETAILS)).lines[0].copy_title == "Stand-up"
    assert world.work.requests == asked, "other settings, the same reading"
    world.clock.advance(seconds=REMEMBERED.total_seconds() + 1)
    await world.core.previews.look(work, home, DETAILS)
    assert len(world.work.requests) > len(asked)
    assert world.store.ledger.view(work).complete_at is None
    assert {change.by for change in (*world.work.log, *world.home.log)} == {"user"}
    assert world.core.history.runs().runs == ()


async def test_a_calendar_that_a_pair_reads_is_told_by_its_last_reading(world: CoreWorld) -> None:
    work, home = await ends(world)
    world.work.put(meeting("a", wall(MONDAY, 9)))
    (pair,) = world.core.pairs.create([NewPair(work, home, mode=Mode.BLOCKER, direction=Direction.A_TO_B)])
    run = world.core.sync.request(pair.pair.id, Trigger.MANUAL)
    assert (await world.core.sync.wait(run.id, 5)).run.status is RunStatus.SUCCESS
    world.work.requests.clear()
    assert (await world.core.previews.look(work, home, BLOCKER)).copied == 1
    assert world.work.requests == []
    world.work.put(meeting("b", wall(MONDAY, 11)))
    run = world.core.sync.request(pair.pair.id, Trigger.MANUAL)
    await world.core.sync.wait(run.id, 5)
    assert (await world.core.previews.look(work, home, BLOCKER)).copied == 2, "what is remembered is of that reading"
    assert (await world.core.previews.look(home, work, BLOCKER)).copied == 0, "copies are no originals"


async def test_what_is_left_out_says_why_and_private_events_show_what_the_pair_shows_of_them(world: CoreWorld) -> None:
    work, home = await ends(world)
    world.work.put(meeting("a", wall(MONDAY, 9), title="Stand-up"))
    world.work.put(private(meeting("b", wall(MONDAY, 10), title="Dentist")))
    world.work.put(replace(meeting("c", wall(MONDAY, 11), title="Lunch"), response=Response.DECLINED))
    seen = await world.core.previews.look(work, home, replace(DETAILS, filters=Filters(declined=True)))
    assert [(line.title, line.copy_title, line.reason) for line in seen.lines] == [
        ("Stand-up", "Stand-up", ""),
        ("Dentist", "Busy", ""),
        ("Lunch", None, "You declined it."),
    ]
    assert (seen.copied, seen.left_out) == (2, 1)
    skipping = replace(DETAILS, private_originals=PrivateOriginals.SKIP)
    seen = await world.core.previews.look(work, home, skipping)
    assert seen.lines[1].reason == "It is private."


async def test_each_occurrence_of_a_series_is_an_event_of_its_day(world: CoreWorld) -> None:
    work, home = await ends(world)
    world.work.put(weekly("series", 9, "RRULE:FREQ=DAILY"))
    seen = await world.core.previews.look(work, home, BLOCKER)
    days = [line.starts_at.date() for line in seen.lines if line.starts_at is not None]
    assert seen.copied == len(days) == len(set(days)) > 2
    assert days == sorted(days)


async def test_buffers_move_the_copy_and_the_window_ends_the_preview(world: CoreWorld) -> None:
    work, home = await ends(world)
    tomorrow = world.clock.now().date() + timedelta(days=1)
    world.work.put(meeting("a", wall(tomorrow, 12)))
    world.work.put(meeting("b", wall(tomorrow + timedelta(days=4), 12)))
    wide = replace(BLOCKER, buffer_before_minutes=15, window_ahead_days=3)
    seen = await world.core.previews.look(work, home, wide)
    assert (seen.copied, seen.days) == (1, 3)
    (line,) = seen.lines
    assert line.starts_at is not None
    assert line.copy_starts_at == line.starts_at - timedelta(minutes=15)


async def test_settings_that_cannot_be_and_calendars_that_cannot_be_read_are_refused_in_words(
    world: CoreWorld,
) -> None:
    work, home = await ends(world)
    with pytest.raises(InputError) as refused:
        await world.core.previews.look(work, home, replace(BLOCKER, window_ahead_days=-1))
    assert [detail.field for detail in refused.value.details][:1] == ["window_ahead_days"]
    with pytest.raises(NotFoundError):
        await world.core.previews.look("conn_unknown", home, BLOCKER)
    world.work.broken = OfflineError("Google cannot be reached.")
    with pytest.raises(OfflineError):
        await world.core.previews.look(work, home, BLOCKER)
    world.work.broken = None
    assert (await world.core.previews.look(work, home, BLOCKER)).copied == 0


async def test_a_pair_that_was_saved_does_what_its_preview_said(world: CoreWorld) -> None:
    work, home = await ends(world)
    for hour in (9, 10, 14):
        world.work.put(meeting(f"e{hour}", wall(MONDAY, hour), title=f"At {hour}"))
    world.work.put(replace(meeting("no", wall(MONDAY, 16)), response=Response.DECLINED))
    settings = replace(DETAILS, title="Work: {title}", filters=Filters(declined=True))
    seen = await world.core.previews.look(work, home, settings)
    new = NewPair(
        work, home, mode=settings.mode, direction=Direction.A_TO_B, status=PairStatus.ACTIVE, settings=settings
    )
    (pair,) = world.core.pairs.create([new])
    run = world.core.sync.request(pair.pair.id, Trigger.MANUAL)
    view = await world.core.sync.wait(run.id, 5)
    titles = sorted(event.fields.title for event in world.home.events.values() if event.fields is not None)
    assert titles == sorted(line.copy_title for line in seen.lines if line.copy_title is not None)
    assert (view.run.counts.created, view.run.counts.skipped) == (seen.copied, seen.left_out)
