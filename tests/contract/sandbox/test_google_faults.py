"""Planted failures, one of each kind, met on Google's routes: what a client sees, and what was done all the same."""

from __future__ import annotations

import gzip
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from app.sandbox.middleware import ConnectionDropped
from tests.contract.sandbox.conftest import EMAIL, GoogleSide
from tests.contract.sandbox.test_google_events import reason

pytestmark = pytest.mark.anyio

EVENTS = "/calendar/v3/calendars/*/events"
BODY = {"id": "planted", "start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}


def plant(side: GoogleSide, kind: str, route: str = f"google:* {EVENTS}", **more: Any) -> None:
    """Plant one failure."""
    side.world.faults.add({"route": route, "kind": kind, **more})


async def ids(side: GoogleSide) -> list[str]:
    """What is in the calendar after all."""
    side.world.faults.clear()
    return [row["id"] for row in (await side.list())["items"]]


async def test_a_connection_lost_before_the_request_did_nothing(side: GoogleSide) -> None:
    plant(side, "reset_before")
    with pytest.raises(ConnectionDropped):
        await side.client.post("calendars/primary/events", json=BODY)
    assert await ids(side) == []


async def test_a_connection_lost_after_the_request_did_it_all_the_same(side: GoogleSide) -> None:
    plant(side, "reset_after_commit", times=1)
    with pytest.raises(ConnectionDropped):
        await side.client.post("calendars/primary/events", json=BODY)
    again = await side.client.post("calendars/primary/events", json=BODY)
    assert reason(again) == (409, "duplicate")
    assert await ids(side) == ["planted"]


async def test_an_answer_can_end_in_its_middle(side: GoogleSide) -> None:
    plant(side, "truncate")
    with pytest.raises(ConnectionDropped):
        await side.client.get("calendars/primary/events")


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_any_status_can_be_planted_with_its_reason_and_pause(side: GoogleSide, status: int) -> None:
    item = {"domain": "usageLimits", "reason": "rateLimitExceeded", "message": "Rate Limit Exceeded"}
    body = {"error": {"errors": [item], "code": status, "message": "Rate Limit Exceeded"}}
    plant(side, "status", status=status, body=body, retry_after=7, times=2)
    answer = await side.client.get("calendars/primary/events")
    assert reason(answer) == (status, "rateLimitExceeded")
    assert answer.headers["retry-after"] == "7"
    side.world.faults.clear()
    plant(side, "status", status=status, body=body, retry_after=7, retry_after_as="date")
    answer = await side.client.get("calendars/primary/events")
    pause = parsedate_to_datetime(answer.headers["retry-after"]) - side.world.clock.now()
    assert pause.total_seconds() == 7


async def test_a_burst_of_5xx_ends(side: GoogleSide) -> None:
    plant(side, "status", status=500, times=3)
    statuses = [(await side.client.get("calendars/primary/events")).status_code for _ in range(4)]
    assert statuses == [500, 500, 500, 200]


async def test_one_401_passes(side: GoogleSide) -> None:
    plant(side, "status", status=401, nth=2)
    statuses = [(await side.client.get("calendars/primary/events")).status_code for _ in range(3)]
    assert statuses == [200, 401, 200]


async def test_a_position_can_die_between_two_pages(side: GoogleSide) -> None:
    for _ in range(3):
        await side.insert()
    page = await side.list(maxResults=1)
    plant(side, "token_dead", times=1)
    answer = await side.client.get(
        "calendars/primary/events", params={"maxResults": 1, "pageToken": page["nextPageToken"]}
    )
    assert reason(answer) == (410, "fullSyncRequired")


async def test_a_network_can_answer_with_a_page_of_its_own(side: GoogleSide) -> None:
    plant(side, "captive_portal")
    answer = await side.client.get("calendars/primary/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=UTF-8")


async def test_answers_can_come_compressed(side: GoogleSide) -> None:
    await side.insert()
    plain = (await side.client.get("calendars/primary/events")).json()
    plant(side, "gzip")
    async with side.client.stream("GET", "calendars/primary/events") as answer:
        assert answer.headers["content-encoding"] == "gzip"
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert httpx.Response(200, content=gzip.decompress(raw)).json() == plain


async def test_a_listing_can_name_items_twice_and_in_another_order(side: GoogleSide) -> None:
    made = [(await side.insert())["id"] for _ in range(8)]
    plant(side, "duplicate", times=1)
    assert [row["id"] for row in (await side.list())["items"]] == [name for name in made for _ in range(2)]
    plant(side, "reorder", times=1)
    mixed = [row["id"] for row in (await side.list())["items"]]
    assert mixed != made
    assert sorted(mixed) == sorted(made)


async def test_a_listing_can_be_empty_and_still_end_with_a_position(side: GoogleSide) -> None:
    await side.insert()
    plant(side, "empty", times=1)
    page = await side.list()
    assert (page["items"], "nextSyncToken" in page) == ([], True)


async def test_the_services_clock_can_run_wrong(side: GoogleSide) -> None:
    plant(side, "clock_skew", seconds=3600, times=1)
    told = [
        parsedate_to_datetime((await side.client.get("calendars/primary/events")).headers["date"]) for _ in range(2)
    ]
    assert [(moment - side.world.clock.now()).total_seconds() for moment in told] == [3600, 0]


async def test_a_route_is_met_by_number_and_by_chance_and_counts_what_it_saw(side: GoogleSide) -> None:
    plant(side, "status", f"google:GET {EVENTS}", status=503, rate=0.5)
    statuses = [(await side.client.get("calendars/primary/events")).status_code for _ in range(40)]
    assert 8 < statuses.count(503) < 32
    (fault,) = side.world.faults.all()
    assert (fault.seen, fault.hits) == (40, statuses.count(503))
    assert (await side.client.get(f"users/me/calendarList/{EMAIL}")).status_code == 200
