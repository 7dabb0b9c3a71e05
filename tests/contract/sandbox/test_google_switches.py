"""Every switch of the emulated Calendar API, with each of its values: what the real service may do, one way and the
other."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.contract.sandbox.conftest import EMAIL, GoogleSide
from tests.contract.sandbox.test_google_events import SERIES, reason

pytestmark = pytest.mark.anyio

DAYS: dict[str, Any] = {
    "start": {"date": "2026-03-09"},
    "end": {"date": "2026-03-10"},
    "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"],
}


def turn(side: GoogleSide, name: str, value: Any) -> None:
    """Turn a switch of Google's."""
    side.world.behaviour.set(f"google.{name}", value)


async def patch(side: GoogleSide, event_id: str, **body: Any) -> httpx.Response:
    """PATCH an event of the primary calendar."""
    return await side.client.patch(f"calendars/primary/events/{event_id}", json=body)


@pytest.mark.parametrize(("value", "bare"), [("bare", True), ("full", False)])
async def test_a_deleted_event_is_listed_bare_or_with_its_details(side: GoogleSide, value: str, bare: bool) -> None:
    turn(side, "deleted_in_lists", value)
    event = await side.insert()
    token = await side.sync_token()
    await side.client.delete(f"calendars/primary/events/{event['id']}")
    (shown,) = (await side.list(syncToken=token))["items"]
    assert shown["status"] == "cancelled"
    assert ("summary" not in shown) == bare
    # What `get` tells does not hang on it: the organizer could restore the event.
    assert (await side.client.get(f"calendars/primary/events/{event['id']}")).json()["summary"] == "Lunch"


@pytest.mark.parametrize("value", [False, True])
async def test_exceptions_follow_a_deleted_series_or_do_not(side: GoogleSide, value: bool) -> None:
    turn(side, "deleted_series_lists_exceptions", value)
    master = await side.insert(**SERIES)
    occurrence = f"{master['id']}_20260316T080000Z"
    await patch(side, occurrence, summary="Special")
    token = await side.sync_token()
    await side.client.delete(f"calendars/primary/events/{master['id']}")
    told = {row["id"] for row in (await side.list(syncToken=token))["items"]}
    assert told == ({master["id"], occurrence} if value else {master["id"]})


@pytest.mark.parametrize("value", ["refuse", "ignore"])
async def test_other_parameters_with_a_sync_token_are_refused_or_ignored(side: GoogleSide, value: str) -> None:
    turn(side, "changed_sync_parameters", value)
    token = await side.sync_token()
    answer = await side.client.get("calendars/primary/events", params={"syncToken": token, "eventTypes": "default"})
    assert answer.status_code == (400 if value == "refuse" else 200)


async def test_a_sync_token_lives_as_many_days_as_the_switch_says(side: GoogleSide) -> None:
    turn(side, "sync_token_lifetime_days", 2)
    entries = (await side.client.get("users/me/calendarList")).json()["nextSyncToken"]
    token = await side.sync_token()
    side.world.clock.advance(47 * 3600)
    side.client = side.caller(None)
    assert (await side.client.get("calendars/primary/events", params={"syncToken": token})).status_code == 200
    side.world.clock.advance(2 * 3600)
    side.client = side.caller(None)
    for path, old in (("calendars/primary/events", token), ("users/me/calendarList", entries)):
        answer = await side.client.get(path, params={"syncToken": old})
        assert reason(answer) == (410, "fullSyncRequired")


@pytest.mark.parametrize("value", ["no", "leaves_out", "as_cancelled"])
async def test_the_first_window_fences_incremental_pages_only_by_switch(side: GoogleSide, value: str) -> None:
    turn(side, "window_kept_by_sync_token", value)
    token = await side.sync_token(timeMin="2026-03-01T00:00:00Z", timeMax="2026-04-01T00:00:00Z")
    near, gone = await side.insert(), await side.insert()
    far = await side.insert(start={"date": "2099-01-01"}, end={"date": "2099-01-02"})
    await side.client.delete(f"calendars/primary/events/{gone['id']}")
    page = await side.list(syncToken=token)
    told = {row["id"]: row["status"] for row in page["items"]}
    expected = {near["id"]: "confirmed", gone["id"]: "cancelled"}
    if value != "leaves_out":
        expected[far["id"]] = "confirmed" if value == "no" else "cancelled"
    assert told == expected
    # The next token keeps it too.
    await patch(side, far["id"], summary="Later")
    assert len((await side.list(syncToken=page["nextSyncToken"]))["items"]) == (0 if value == "leaves_out" else 1)


@pytest.mark.parametrize("value", ["with_sync_token", "without"])
async def test_the_last_page_has_a_sync_token_or_lacks_it(side: GoogleSide, value: str) -> None:
    turn(side, "last_page", value)
    page = await side.list()
    assert ("nextSyncToken" in page) == (value == "with_sync_token")
    assert "nextPageToken" not in page


@pytest.mark.parametrize("value", ["full", "ragged"])
async def test_pages_are_full_or_hold_fewer_than_asked_for(side: GoogleSide, value: str) -> None:
    turn(side, "pages", value)
    ids = [(await side.insert())["id"] for _ in range(5)]
    sizes, rows, page = [], [], await side.list(maxResults=4)
    while True:
        sizes.append(len(page["items"]))
        rows += [row["id"] for row in page["items"]]
        if "nextPageToken" not in page:
            break
        page = await side.list(maxResults=4, pageToken=page["nextPageToken"])
    assert rows == ids
    assert sizes == ([4, 1] if value == "full" else [0, 2, 2, 1])
    token = page["nextSyncToken"]
    await patch(side, ids[0], summary="New")
    page = await side.list(syncToken=token)
    while "nextPageToken" in page:
        page = await side.list(syncToken=token, pageToken=page["nextPageToken"])
    assert [row["id"] for row in page["items"]] == ids[:1]


@pytest.mark.parametrize("value", ["clamp", "refuse"])
async def test_too_large_a_page_is_clamped_or_refused(side: GoogleSide, value: str) -> None:
    turn(side, "max_results_over_limit", value)
    answers = [
        await side.client.get("calendars/primary/events", params={"maxResults": 2501}),
        await side.client.get("users/me/calendarList", params={"maxResults": 251}),
    ]
    if value == "clamp":
        assert [answer.status_code for answer in answers] == [200, 200]
    else:
        assert [reason(answer) for answer in answers] == [(400, "invalid")] * 2
    assert (await side.client.get("calendars/primary/events", params={"maxResults": 2500})).status_code == 200


@pytest.mark.parametrize(("value", "hits"), [("and", 1), ("or", 2)])
async def test_repeated_property_constraints_must_all_hold_or_any(side: GoogleSide, value: str, hits: int) -> None:
    turn(side, "repeated_property_filter", value)
    await side.insert(extendedProperties={"private": {"a": "1", "b": "2"}})
    await side.insert(extendedProperties={"private": {"a": "1"}})
    await side.insert()
    page = await side.client.get(
        "calendars/primary/events", params=[("privateExtendedProperty", "a=1"), ("privateExtendedProperty", "b=2")]
    )
    assert len(page.json()["items"]) == hits


@pytest.mark.parametrize(("value", "ending"), [("date", "_20260316"), ("midnight", "_20260316T000000Z")])
async def test_all_day_occurrences_are_named_by_date_or_by_midnight(side: GoogleSide, value: str, ending: str) -> None:
    turn(side, "all_day_instance_id", value)
    master = await side.insert(**DAYS)
    listing = (await side.client.get(f"calendars/primary/events/{master['id']}/instances")).json()
    occurrence = listing["items"][1]
    assert occurrence["id"] == master["id"] + ending
    changed = (await patch(side, occurrence["id"], summary="Special")).json()
    assert changed["originalStartTime"] == {"date": "2026-03-16"}
    other = "_20260316T000000Z" if value == "date" else "_20260316"
    assert (await side.client.get(f"calendars/primary/events/{master['id']}{other}")).status_code == 404


@pytest.mark.parametrize(("value", "status"), [("allow", 200), ("refuse", 403)])
async def test_a_deleted_event_comes_back_by_patch_or_does_not(side: GoogleSide, value: str, status: int) -> None:
    turn(side, "restore_by_patch", value)
    event = await side.insert()
    await side.client.delete(f"calendars/primary/events/{event['id']}")
    assert (await patch(side, event["id"], status="confirmed")).status_code == status


@pytest.mark.parametrize(("value", "status"), [("keep", "confirmed"), ("drop", "cancelled")])
async def test_exceptions_outlive_a_change_of_their_series_or_do_not(side: GoogleSide, value: str, status: str) -> None:
    turn(side, "exceptions_after_master_change", value)
    master = await side.insert(**SERIES)
    occurrence = f"{master['id']}_20260316T080000Z"
    await patch(side, occurrence, summary="Special")
    await patch(side, master["id"], recurrence=["RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=30"])
    assert (await side.client.get(f"calendars/primary/events/{occurrence}")).json()["status"] == status


@pytest.mark.parametrize("value", ["refuse", "cut"])
async def test_an_oversized_property_is_refused_or_cut(side: GoogleSide, value: str) -> None:
    turn(side, "oversized_property", value)
    event = await side.insert()
    answer = await patch(side, event["id"], extendedProperties={"private": {"k": "x" * 1025}})
    if value == "refuse":
        assert reason(answer) == (400, "invalid")
    else:
        assert answer.json()["extendedProperties"]["private"] == {"k": "x" * 1024}


@pytest.mark.parametrize("value", [True, False])
async def test_reminders_alone_bring_a_new_etag_by_switch_and_never_a_new_updated(
    side: GoogleSide, value: bool
) -> None:
    turn(side, "reminders_change_etag", value)
    event = await side.insert()
    side.world.clock.advance(60)
    reminders = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]}
    changed = (await patch(side, event["id"], reminders=reminders)).json()
    assert changed["reminders"] == reminders
    assert (changed["etag"] != event["etag"]) == value
    assert changed["updated"] == event["updated"]
    again = (await patch(side, event["id"], summary="New")).json()
    assert again["etag"] not in (event["etag"], changed["etag"])
    assert again["updated"] > event["updated"]


@pytest.mark.parametrize("value", ["some", "none"])
async def test_an_event_of_gmail_can_be_changed_in_few_ways_or_in_none(side: GoogleSide, value: str) -> None:
    turn(side, "from_gmail_edits", value)
    made = side.google.create_event(
        EMAIL,
        {"title": "Flight", "kind": "fromGmail", "start": "2026-03-10T10:00:00", "end": "2026-03-10T11:00:00"},
    )
    listed = (await side.list(eventTypes="fromGmail"))["items"]
    assert [row["id"] for row in listed] == [made["id"]]
    assert reason(await patch(side, made["id"], summary="Train")) == (400, "eventTypeRestriction")
    answer = await patch(side, made["id"], colorId="4")
    assert answer.status_code == (200 if value == "some" else 400)
    body = {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}, "eventType": "fromGmail"}
    assert reason(await side.client.post("calendars/primary/events", json=body)) == (400, "invalid")


@pytest.mark.parametrize(("value", "title"), [("trimmed", "Lunch"), ("as_sent", "  Lunch ")])
async def test_blanks_around_texts_are_trimmed_or_kept(side: GoogleSide, value: str, title: str) -> None:
    turn(side, "text", value)
    event = await side.insert(summary="  Lunch ", location=" \n")
    assert event["summary"] == title
    assert ("location" in event) == (value == "as_sent")


@pytest.mark.parametrize("value", ["forbidden", "requiredAccessLevel"])
async def test_a_weak_role_is_refused_with_one_reason_or_the_other(side: GoogleSide, value: str) -> None:
    turn(side, "weak_role_reason", value)
    body = {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
    assert reason(await side.client.post(f"calendars/{side.team}/events", json=body)) == (403, value)


async def call_batch(side: GoogleSide, *calls: str) -> httpx.Response:
    """Send calls without bodies as one batch, with `Content-ID`s counting from 1."""
    parts = "".join(
        f"--B\r\nContent-Type: application/http\r\nContent-ID: <{number}>\r\n\r\n{call} HTTP/1.1\r\n\r\n\r\n"
        for number, call in enumerate(calls, start=1)
    )
    return await side.client.post(
        "http://127.0.0.1/batch/calendar/v3",
        content=parts + "--B--\r\n",
        headers={"Content-Type": "multipart/mixed; boundary=B"},
    )


@pytest.mark.parametrize("value", ["shuffled", "as_sent"])
async def test_the_answers_of_a_batch_come_in_another_order_or_as_sent(side: GoogleSide, value: str) -> None:
    turn(side, "batch_answers", value)
    answer = await call_batch(side, *["GET /calendar/v3/colors"] * 20)
    order = [int(part.partition(">")[0]) for part in answer.text.split("Content-ID: <response-")[1:]]
    assert sorted(order) == list(range(1, 21))
    assert (order == sorted(order)) == (value == "as_sent")
