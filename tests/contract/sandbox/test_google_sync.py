"""Listing and incremental sync of the emulated Calendar API: tokens, pages, tombstones, the three kinds of 410."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.contract.sandbox.conftest import EMAIL, GoogleSide
from tests.contract.sandbox.test_google_events import SERIES, reason

pytestmark = pytest.mark.anyio


async def test_the_sync_token_comes_with_the_last_page_only(side: GoogleSide) -> None:
    for _ in range(5):
        await side.insert()
    seen: list[str] = []
    params: dict[str, Any] = {"maxResults": 2}
    while True:
        page = await side.list(**params)
        seen += [item["id"] for item in page["items"]]
        assert ("nextPageToken" in page) != ("nextSyncToken" in page)
        if "nextSyncToken" in page:
            break
        params["pageToken"] = page["nextPageToken"]
    assert len(seen) == len(set(seen)) == 5


async def test_an_incremental_listing_brings_changes_and_bare_deletions(side: GoogleSide) -> None:
    kept, changed, gone = [(await side.insert())["id"] for _ in range(3)]
    token = await side.sync_token()
    assert (await side.list(syncToken=token))["items"] == []
    await side.client.patch(f"calendars/primary/events/{changed}", json={"summary": "New"})
    await side.client.delete(f"calendars/primary/events/{gone}")
    added = (await side.insert())["id"]
    page = await side.list(syncToken=token)
    items = {item["id"]: item for item in page["items"]}
    assert set(items) == {changed, gone, added}
    assert kept not in items
    assert set(items[gone]) == {"kind", "etag", "id", "status"}
    assert (await side.list(syncToken=page["nextSyncToken"]))["items"] == []


async def test_pages_stay_as_they_were_while_others_write(side: GoogleSide) -> None:
    ids = [(await side.insert())["id"] for _ in range(4)]
    first = await side.list(maxResults=2)
    await side.client.patch(f"calendars/primary/events/{ids[3]}", json={"summary": "Late"})
    added = (await side.insert())["id"]
    rows = list(first["items"])
    page = first
    while "nextPageToken" in page:
        page = await side.list(maxResults=2, pageToken=page["nextPageToken"])
        rows += page["items"]
    assert [row["id"] for row in rows] == ids[:3]
    later = await side.list(syncToken=page["nextSyncToken"])
    assert {row["id"] for row in later["items"]} == {ids[3], added}


async def test_a_page_can_be_empty_while_another_follows(side: GoogleSide) -> None:
    gone = [(await side.insert())["id"] for _ in range(2)]
    kept = (await side.insert())["id"]
    for event_id in gone:
        await side.client.delete(f"calendars/primary/events/{event_id}")
    page = await side.list(maxResults=2)
    assert page["items"] == []
    page = await side.list(maxResults=2, pageToken=page["nextPageToken"])
    assert [row["id"] for row in page["items"]] == [kept]


async def test_incremental_pages_go_on_with_both_tokens(side: GoogleSide) -> None:
    token = await side.sync_token()
    ids = [(await side.insert())["id"] for _ in range(5)]
    page = await side.list(syncToken=token, maxResults=2)
    rows = list(page["items"])
    while "nextPageToken" in page:
        page = await side.list(syncToken=token, maxResults=2, pageToken=page["nextPageToken"])
        rows += page["items"]
    assert [row["id"] for row in rows] == ids


@pytest.mark.parametrize(
    "extra",
    [
        {"iCalUID": "x"},
        {"orderBy": "updated"},
        {"privateExtendedProperty": "a=b"},
        {"q": "x"},
        {"sharedExtendedProperty": "a=b"},
        {"timeMin": "2026-03-01T00:00:00Z"},
        {"timeMax": "2026-03-01T00:00:00Z"},
        {"updatedMin": "2026-03-01T00:00:00Z"},
        {"showDeleted": "false"},
        {"singleEvents": "true"},
    ],
)
async def test_a_sync_token_goes_with_nothing_that_narrows_the_listing(side: GoogleSide, extra: dict[str, str]) -> None:
    token = await side.sync_token()
    answer = await side.client.get("calendars/primary/events", params={"syncToken": token, **extra})
    assert reason(answer) == (400, "badRequest")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"orderBy": "startTime"}, "badRequest"),
        ({"maxResults": "0"}, "invalid"),
        ({"maxResults": "many"}, "invalid"),
        ({"pageToken": "nonsense"}, "invalid"),
        ({"syncToken": "nonsense"}, "invalid"),
        ({"timeMin": "2026-03-01T00:00:00"}, "badRequest"),
        ({"timeMin": "2026-03-02T00:00:00Z", "timeMax": "2026-03-01T00:00:00Z"}, "timeRangeEmpty"),
        ({"singleEvents": "yes"}, "invalid"),
        ({"privateExtendedProperty": "nothing"}, "invalid"),
        ({"timeZone": "Mars/Base"}, "invalid"),
        ({"fields": "items(id"}, "invalidParameter"),
    ],
)
async def test_a_senseless_listing_is_400(side: GoogleSide, params: dict[str, str], expected: str) -> None:
    assert reason(await side.client.get("calendars/primary/events", params=params)) == (400, expected)


async def test_parameters_may_not_change_between_pages(side: GoogleSide) -> None:
    for _ in range(3):
        await side.insert()
    token = (await side.list(maxResults=1))["nextPageToken"]
    answer = await side.client.get("calendars/primary/events", params={"pageToken": token, "showDeleted": "true"})
    assert reason(answer) == (400, "invalid")


async def test_more_than_2500_are_clamped(side: GoogleSide) -> None:
    assert (await side.list(maxResults=9999))["items"] == []


async def test_a_dead_sync_token_is_410_full_sync_required(side: GoogleSide) -> None:
    token = await side.sync_token()
    side.google.kill_cursors(EMAIL)
    assert reason(await side.client.get("calendars/primary/events", params={"syncToken": token})) == (
        410,
        "fullSyncRequired",
    )
    token = await side.sync_token()
    side.world.clock.advance(29 * 86400)
    answer = await side.client.get("calendars/primary/events", params={"syncToken": token})
    assert answer.status_code == 401  # the access token is older still
    side.client = side.caller(None)
    answer = await side.client.get("calendars/primary/events", params={"syncToken": token})
    assert reason(answer) == (410, "fullSyncRequired")
    error = answer.json()["error"]["errors"][0]
    assert (error["domain"], error["location"]) == ("calendar", "syncToken")


async def test_updated_min_too_long_ago_is_410(side: GoogleSide) -> None:
    answer = await side.client.get("calendars/primary/events", params={"updatedMin": "2025-01-01T00:00:00Z"})
    assert reason(answer) == (410, "updatedMinTooLongAgo")


async def test_the_first_window_does_not_fence_later_changes(side: GoogleSide) -> None:
    token = await side.sync_token(timeMin="2026-03-01T00:00:00Z", timeMax="2026-04-01T00:00:00Z")
    far = await side.insert(start={"date": "2099-01-01"}, end={"date": "2099-01-02"})
    assert [row["id"] for row in (await side.list(syncToken=token))["items"]] == [far["id"]]


async def test_the_window_is_exclusive_on_both_sides(side: GoogleSide) -> None:
    event = await side.insert()
    end, start = "2026-03-10T11:00:00+01:00", "2026-03-10T10:00:00+01:00"
    assert (await side.list(timeMin=end))["items"] == []
    assert (await side.list(timeMax=start))["items"] == []
    hit = await side.list(timeMin=start, timeMax=end)
    assert [row["id"] for row in hit["items"]] == [event["id"]]


async def test_filters_that_do_not_sync_give_no_sync_token(side: GoogleSide) -> None:
    marked = await side.insert(extendedProperties={"private": {"pair": "p1"}})
    await side.insert()
    page = await side.list(privateExtendedProperty="pair=p1")
    assert [row["id"] for row in page["items"]] == [marked["id"]]
    assert "nextSyncToken" not in page


async def test_a_deleted_series_arrives_as_its_master_alone(side: GoogleSide) -> None:
    master = await side.insert(**SERIES)
    occurrence = f"{master['id']}_20260316T080000Z"
    await side.client.patch(f"calendars/primary/events/{occurrence}", json={"summary": "Special"})
    token = await side.sync_token()
    await side.client.delete(f"calendars/primary/events/{master['id']}")
    assert [row["id"] for row in (await side.list(syncToken=token))["items"]] == [master["id"]]
    assert (await side.list())["items"] == []
    side.world.behaviour.set("google.deleted_series_lists_exceptions", True)
    assert {row["id"] for row in (await side.list(showDeleted="true"))["items"]} == {master["id"], occurrence}


async def test_single_events_expand_series_in_order(side: GoogleSide) -> None:
    master = await side.insert(**SERIES)
    single = await side.insert()
    await side.client.delete(f"calendars/primary/events/{master['id']}_20260316T080000Z")
    params = {"singleEvents": "true", "orderBy": "startTime", "timeMax": "2026-03-24T00:00:00Z"}
    page = await side.list(**params, maxResults=2)
    rows = page["items"] + (await side.list(**params, maxResults=2, pageToken=page["nextPageToken"]))["items"]
    assert [row["id"] for row in rows] == [
        f"{master['id']}_20260309T080000Z",
        single["id"],
        f"{master['id']}_20260323T080000Z",
    ]


async def test_fields_cut_the_answer_and_the_tokens_with_it(side: GoogleSide) -> None:
    event = await side.insert()
    assert await side.list(fields="items(id,start/dateTime)") == {
        "items": [{"id": event["id"], "start": {"dateTime": "2026-03-10T10:00:00+01:00"}}]
    }


async def test_planted_failures_of_a_listing(side: GoogleSide) -> None:
    event = await side.insert()
    side.world.faults.add({"route": "GET /calendar/v3/calendars/*/events", "kind": "empty", "nth": 1})
    page = await side.list()
    assert page["items"] == []
    assert "nextSyncToken" in page
    assert [row["id"] for row in (await side.list())["items"]] == [event["id"]]
    side.world.faults.add({"route": "google:GET /calendar/v3/calendars/{calendar_id}/events", "kind": "token_dead"})
    assert (await side.client.get("calendars/primary/events")).status_code == 410
    side.world.faults.clear()
    side.world.faults.add({"route": "GET **", "kind": "status", "status": 503, "headers": {"Retry-After": "7"}})
    answer = await side.client.get("calendars/primary/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


async def test_a_stale_listing_catches_up_with_the_next_one(side: GoogleSide) -> None:
    token = await side.sync_token()
    event = await side.insert()
    side.world.faults.add({"route": "GET **", "kind": "stale", "seconds": 30, "nth": 1})
    page = await side.list(syncToken=token)
    assert page["items"] == []
    assert [row["id"] for row in (await side.list(syncToken=page["nextSyncToken"]))["items"]] == [event["id"]]


async def test_the_calendar_list_syncs_and_filters_by_role(side: GoogleSide) -> None:
    page = (await side.client.get("users/me/calendarList")).json()
    assert [(row["summary"], row["accessRole"], row.get("primary")) for row in page["items"]] == [
        ("Work", "owner", True),
        ("Second", "owner", None),
        ("Team", "reader", None),
    ]
    writable = await side.client.get("users/me/calendarList", params={"minAccessRole": "writer"})
    assert len(writable.json()["items"]) == 2
    assert (await side.client.delete(f"calendars/{side.second}")).status_code == 204
    changes = await side.client.get("users/me/calendarList", params={"syncToken": page["nextSyncToken"]})
    assert [(row["id"], row["deleted"]) for row in changes.json()["items"]] == [(side.second, True)]
    assert (await side.client.get(f"calendars/{side.second}/events")).status_code == 404


async def test_a_page_of_a_thousand_costs_a_few_times_the_writing_of_its_json(side: GoogleSide) -> None:
    for number in range(1200):
        day = f"2026-03-{1 + number % 28:02d}"
        side.google.create_event(
            EMAIL,
            {
                "title": f"Event {number}",
                "start": f"{day}T10:00:00",
                "end": f"{day}T11:00:00",
                "time_zone": "Europe/Berlin",
                "description": "x" * 200,
            },
        )
    page, written = [], []
    for _ in range(10):
        begun = time.process_time()
        answer = await side.client.get("calendars/primary/events", params={"maxResults": 1000})
        page.append(time.process_time() - begun)
        content = answer.json()
        begun = time.process_time()
        json.dumps(content, ensure_ascii=False).encode()
        written.append(time.process_time() - begun)
    assert len(content["items"]) == 1000
    # About three times; a time of its own would say more about the machine than about the page.
    assert min(page) < 12 * min(written)
