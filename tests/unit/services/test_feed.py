"""The feed holds every event once, tells no more than it may, and is the same as long as nothing changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import icalendar
import pytest
import recurring_ical_events

from app.api.application import build_api
from app.domain.accounts import Provider
from app.domain.events import Availability, Response
from app.domain.keys import KeyKind
from app.domain.pairs import Direction, DirectionSettings, Mode
from app.domain.runs import RunStatus, Trigger
from app.services.views import NewPair
from tests.fakes.calendar import wall
from tests.fakes.core_world import CoreWorld
from tests.fakes.engine_world import MONDAY, meeting, weekly

pytestmark = pytest.mark.anyio

FEED = "/api/v1/feed.ics"
SECRET: dict[str, Any] = {"text": "Salaries", "place": "Salaries", "link": "https://example.com/Salaries"}


@asynccontextmanager
async def reading(folder: Path, *scopes: str, mode: Mode = Mode.BLOCKER) -> AsyncIterator[tuple[CoreWorld, Any]]:
    """*Work* with a meeting, a series with a moved and a cancelled date, one declined and one free event, all copied to
    *Home*, which has a dinner; and a script with a key."""
    world = CoreWorld(folder)
    try:
        ends = await world.connect(Provider.GOOGLE), await world.connect(Provider.MICROSOFT)
        world.work.put(meeting("budget", wall(MONDAY, 9), title="Salaries", fields=SECRET))
        series = world.work.put(weekly("series", hour=14, rule="RRULE:FREQ=WEEKLY;COUNT=4"))
        assert series.fields is not None
        week = MONDAY + timedelta(days=7)
        when = replace(series.fields.when, start=wall(week, 16), end=wall(week, 17))
        world.work.change_occurrence("series", wall(week, 14), replace(series.fields, when=when, recurrence=None))
        world.work.cancel_occurrence("series", wall(MONDAY + timedelta(days=14), 14))
        world.work.put(replace(meeting("no", wall(MONDAY, 11), title="No"), response=Response.DECLINED))
        world.work.put(meeting("free", wall(MONDAY, 12), title="Free", fields={"availability": Availability.FREE}))
        world.home.put(meeting("dinner", wall(MONDAY, 19), title="Dinner"))
        settings = DirectionSettings(mode=mode)
        world.core.pairs.create([NewPair(*ends, mode=mode, direction=Direction.A_TO_B, settings=settings)])
        await sync(world)
        key = world.core.keys.create("feed", scopes or ("read:calendar",), KeyKind.LIVE)
        api = build_api(world.core, control_token="t" * 43, instance_secret="s" * 43)
        headers = {"Authorization": f"Bearer {key.text}"}
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:5545", headers=headers) as client:
            yield world, client
    finally:
        await world.close()


async def sync(world: CoreWorld) -> None:
    """One run that ends well."""
    run = world.core.sync.request(world.core.pairs.list()[0].pair.id, Trigger.MANUAL)
    assert (await world.core.sync.wait(run.id, 30)).run.status is RunStatus.SUCCESS


def starts(text: str) -> list[tuple[datetime, str]]:
    """What another reader finds: start and title of every occurrence."""
    calendar = icalendar.Calendar.from_ical(text)
    found = recurring_ical_events.of(calendar).between(date(2026, 11, 1), date(2027, 3, 1))
    return sorted((one["DTSTART"].dt.astimezone(UTC), str(one["SUMMARY"])) for one in found)


def utc(days: int, hour: int) -> datetime:
    """So many days after the Monday, in UTC; the calendars are in Berlin in winter."""
    return datetime(MONDAY.year, MONDAY.month, MONDAY.day, hour - 1, tzinfo=UTC) + timedelta(days=days)


async def test_busy_is_every_event_once_with_its_time_alone(tmp_path: Path) -> None:
    async with reading(tmp_path) as (_, client):
        answer = await client.get(FEED)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        assert starts(answer.text) == [
            (utc(0, 9), "Busy"),
            (utc(0, 14), "Busy"),
            (utc(0, 19), "Busy"),
            (utc(7, 16), "Busy"),
            (utc(21, 14), "Busy"),
        ]
        assert "Salaries" not in answer.text
        assert "Dinner" not in answer.text
        assert "example.com" not in answer.text
        for event in icalendar.Calendar.from_ical(answer.text).walk("VEVENT"):
            assert set(event) <= {"UID", "DTSTAMP", "DTSTART", "DTEND", "TRANSP", "SUMMARY", "RRULE", "EXDATE"} | {
                "RECURRENCE-ID"
            }


async def test_full_tells_what_they_are_and_still_nobody_who_is_on_them(tmp_path: Path) -> None:
    async with reading(tmp_path, mode=Mode.FULL) as (_, client):
        text = (await client.get(FEED, params={"details": "full"})).text
        titles = [title for _, title in starts(text)]
        assert sorted(titles) == ["Dinner", "Free", "Salaries", "Stand-up", "Stand-up", "Stand-up"]
        assert "ATTENDEE" not in text
        assert "ORGANIZER" not in text


async def test_one_calendar_alone_has_its_copies_since_their_originals_are_not_there(tmp_path: Path) -> None:
    async with reading(tmp_path) as (world, client):
        home = world.core.pairs.list()[0].pair.connection_b_id
        text = (await client.get(FEED, params={"connection_ids": home})).text
        assert len(starts(text)) == 5


async def test_the_same_meeting_in_two_calendars_is_there_once(tmp_path: Path) -> None:
    async with reading(tmp_path) as (world, client):
        before = len(starts((await client.get(FEED)).text))
        for calendar in (world.work, world.home):
            calendar.put(replace(meeting("all-hands", wall(MONDAY, 17)), ical_uid="all-hands@example.org"))
        await sync(world)
        assert len(starts((await client.get(FEED)).text)) == before + 1


@pytest.mark.parametrize("how", ["declined", "free"])
async def test_a_meeting_that_takes_no_time_in_one_calendar_is_still_there_from_another_where_it_does(
    tmp_path: Path, how: str
) -> None:
    async with reading(tmp_path) as (world, client):
        busy = replace(meeting("board", wall(MONDAY, 16)), ical_uid="board@example.org")
        free = meeting("board", wall(MONDAY, 16), fields={"availability": Availability.FREE})
        answered = replace(busy, response=Response.DECLINED)
        # The calendar that was connected first is read out first.
        world.work.put(answered if how == "declined" else replace(free, ical_uid="board@example.org"))
        world.home.put(replace(busy, id="board-at-home"))
        await sync(world)
        found = [at for at, _ in starts((await client.get(FEED)).text)]
        assert found.count(utc(0, 16)) == 1


async def test_what_did_not_change_is_not_sent_again(tmp_path: Path) -> None:
    async with reading(tmp_path) as (world, client):
        first = await client.get(FEED)
        tag = first.headers["etag"]
        for asked in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            again = await client.get(FEED, headers={"If-None-Match": asked})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        await sync(world)
        assert (await client.get(FEED, headers={"If-None-Match": tag})).status_code == 304
        assert (await client.get(FEED)).text == first.text
        other = await client.get(FEED, params={"details": "full"}, headers={"If-None-Match": tag})
        assert other.status_code == 200
        world.home.put(meeting("brunch", wall(MONDAY, 10), title="Brunch"))
        await sync(world)
        changed = await client.get(FEED, headers={"If-None-Match": tag})
        assert changed.status_code == 200
        assert len(starts(changed.text)) == len(starts(first.text)) + 1


async def test_a_feed_costs_no_request_to_a_service(tmp_path: Path) -> None:
    async with reading(tmp_path) as (world, client):
        asked = len(world.work.requests), len(world.home.requests)
        await client.get(FEED)
        await client.get(FEED, params={"details": "full"})
        assert (len(world.work.requests), len(world.home.requests)) == asked


async def test_it_needs_a_key_with_the_scope_and_the_key_is_in_no_address(tmp_path: Path) -> None:
    async with reading(tmp_path, "read:pairs") as (_, client):
        assert (await client.get(FEED)).status_code == 403
        key = client.headers.pop("Authorization").removeprefix("Bearer ")
        for query in ({"key": key}, {"api_key": key}, {"token": key}):
            assert (await client.get(FEED, params=query)).status_code == 401


async def test_unknown_calendars_and_details_are_refused(tmp_path: Path) -> None:
    async with reading(tmp_path) as (_, client):
        assert (await client.get(FEED, params={"details": "all"})).status_code == 422
        missing = {"connection_ids": "conn_01J00000000000000000000000"}
        assert (await client.get(FEED, params=missing)).status_code == 404


async def test_nothing_connected_is_an_empty_calendar(tmp_path: Path) -> None:
    world = CoreWorld(tmp_path)
    try:
        pieces = [piece async for piece in world.core.feed.text(world.core.feed.select())]
        calendar = icalendar.Calendar.from_ical("".join(pieces))
        assert list(calendar.walk("VEVENT")) == []
    finally:
        await world.close()
