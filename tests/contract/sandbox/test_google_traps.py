"""Traps of the Calendar API that a kinder emulation would lack: what is shown, refused and copied along when."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox.conftest import EMAIL, GoogleSide
from tests.contract.sandbox.test_google_events import SERIES, reason
from tests.contract.sandbox.test_google_switches import call_batch, patch, turn

pytestmark = pytest.mark.anyio

INVITATION: dict[str, Any] = {
    "title": "Board",
    "start": "2026-03-10T10:00:00",
    "end": "2026-03-10T11:00:00",
    "time_zone": "Europe/Berlin",
    "response": "accepted",
}


@pytest.mark.parametrize(
    ("show_deleted", "single_events", "shown"),
    [
        ("false", "false", {"series", "stub"}),
        ("false", "true", set()),
        ("true", "false", {"series", "stub", "gone single", "gone series"}),
        ("true", "true", {"stub", "gone single"}),
    ],
)
async def test_which_cancelled_items_are_shown_depends_on_both_flags(
    side: GoogleSide, show_deleted: str, single_events: str, shown: set[str]
) -> None:
    series, gone_series = await side.insert(**SERIES), await side.insert(**SERIES)
    gone = await side.insert()
    stub = f"{series['id']}_20260316T080000Z"
    for event_id in (stub, gone_series["id"], gone["id"]):
        await side.client.delete(f"calendars/primary/events/{event_id}")
    names = {series["id"]: "series", stub: "stub", gone["id"]: "gone single", gone_series["id"]: "gone series"}
    page = await side.list(showDeleted=show_deleted, singleEvents=single_events)
    assert {names[row["id"]] for row in page["items"] if row["id"] in names} == shown


async def test_a_cancelled_occurrence_is_listed_with_nothing_but_what_is_guaranteed(side: GoogleSide) -> None:
    series = await side.insert(**SERIES)
    await side.client.delete(f"calendars/primary/events/{series['id']}_20260316T080000Z")
    (stub,) = [row for row in (await side.list())["items"] if row["status"] == "cancelled"]
    assert set(stub) == {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}


async def test_a_guest_is_told_nothing_of_a_deleted_event_but_its_id(side: GoogleSide) -> None:
    made = side.google.create_event(EMAIL, INVITATION)
    side.google.delete_event(EMAIL, made["id"])
    turn(side, "deleted_in_lists", "full")
    shown = (await side.client.get(f"calendars/primary/events/{made['id']}")).json()
    assert set(shown) == {"kind", "etag", "id", "status"}
    assert [set(row) for row in (await side.list(showDeleted="true"))["items"]] == [set(shown)]


async def test_deletions_are_always_part_of_a_listing_by_time_of_change(side: GoogleSide) -> None:
    kept, gone = await side.insert(), await side.insert()
    side.world.clock.advance(60)
    moment = side.world.clock.now().isoformat()
    side.world.clock.advance(60)
    await side.client.delete(f"calendars/primary/events/{gone['id']}")
    rows = (await side.list(updatedMin=moment))["items"]
    assert [(row["id"], row["status"]) for row in rows] == [(gone["id"], "cancelled")]
    assert kept["id"] not in {row["id"] for row in rows}


async def test_more_privacy_on_one_occurrence_holds_for_all_and_less_for_none(side: GoogleSide) -> None:
    series = await side.insert(**SERIES)
    occurrence = f"{series['id']}_20260316T080000Z"
    assert (await patch(side, occurrence, visibility="private")).json()["visibility"] == "private"
    url = f"calendars/primary/events/{series['id']}"
    assert (await side.client.get(url)).json()["visibility"] == "private"
    assert (await patch(side, occurrence, visibility="public")).json()["visibility"] == "private"
    assert (await side.client.get(url)).json()["visibility"] == "private"


@pytest.mark.parametrize(
    ("send_updates", "kind", "told"),
    [
        ("all", "request", ("b@example.org", "c@gmail.com", "ben@example.com")),
        ("externalOnly", "request", ("b@example.org",)),
        ("none", "placed", ("b@example.org", "c@gmail.com", "ben@example.com")),
    ],
)
async def test_who_is_told_of_an_invitation_is_recorded(
    side: GoogleSide, send_updates: str, kind: str, told: tuple[str, ...]
) -> None:
    side.google.seed_account({"email": "ben@example.com"})
    guests = [{"email": email} for email in ("b@example.org", "c@gmail.com", "ben@example.com")]
    body = {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}, "attendees": guests}
    await side.client.post("calendars/primary/events", params={"sendUpdates": send_updates}, json=body)
    assert [(item.kind, item.recipients) for item in side.world.outbox.all()] == [(kind, told)]


async def test_changes_deletions_and_answers_are_recorded_as_what_they_are(side: GoogleSide) -> None:
    event = await side.insert(attendees=[{"email": "b@example.org"}])
    url = f"calendars/primary/events/{event['id']}"
    await side.client.patch(url, params={"sendUpdates": "all"}, json={"summary": "New"})
    await side.client.delete(url, params={"sendUpdates": "all"})
    made = side.google.create_event(EMAIL, INVITATION)
    rows = (await side.client.get(f"calendars/primary/events/{made['id']}")).json()["attendees"]
    rows[1]["responseStatus"] = "declined"
    await side.client.patch(
        f"calendars/primary/events/{made['id']}", params={"sendUpdates": "all"}, json={"attendees": rows}
    )
    assert [item.kind for item in side.world.outbox.all()] == ["placed", "update", "cancel", "placed", "reply"]


async def test_status_events_need_a_primary_calendar_of_a_workspace_account(side: GoogleSide) -> None:
    focus: dict[str, Any] = {
        "eventType": "focusTime",
        "start": {"dateTime": "2026-03-10T10:00:00Z"},
        "end": {"dateTime": "2026-03-10T11:00:00Z"},
        "focusTimeProperties": {"autoDeclineMode": "declineNone", "chatStatus": "doNotDisturb"},
    }
    assert (await side.client.post("calendars/primary/events", json=focus)).status_code == 200
    refused = await side.client.post(f"calendars/{side.second}/events", json=focus)
    assert reason(refused) == (400, "eventTypeRestriction")
    side.google.seed_account({"email": "eve@gmail.com"})
    token = side.google.issue_tokens("eve@gmail.com", None, 3599)["access_token"]
    side.client.headers["Authorization"] = f"Bearer {token}"
    refused = await side.client.post("calendars/primary/events", json=focus)
    assert reason(refused) == (400, "eventTypeRestriction")


@pytest.mark.parametrize(
    "change",
    [
        {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}},
        {"transparency": "transparent"},
        {"focusTimeProperties": {"autoDeclineMode": "declineSome"}},
        {"focusTimeProperties": {"chatStatus": "asleep"}},
        {"outOfOfficeProperties": {}},
    ],
)
async def test_a_malformed_focus_time_is_refused(side: GoogleSide, change: dict[str, Any]) -> None:
    body = {
        "eventType": "focusTime",
        "start": {"dateTime": "2026-03-10T10:00:00Z"},
        "end": {"dateTime": "2026-03-10T11:00:00Z"},
        "focusTimeProperties": {},
        **change,
    }
    answer = await side.client.post("calendars/primary/events", json=body)
    assert reason(answer) == (400, "malformedFocusTimeEvent")


@pytest.mark.parametrize("value", ["suffixed", "fresh"])
async def test_the_second_part_of_a_split_series_has_the_private_properties_of_the_first(
    side: GoogleSide, value: str
) -> None:
    turn(side, "split_series_id", value)
    series = await side.insert(**SERIES, extendedProperties={"private": {"pair": "p1"}})
    parts = side.google.split_event(EMAIL, series["id"], "2026-03-23T09:00:00", {})
    assert parts[1]["id"].startswith(f"{series['id']}_R20260323") == (value == "suffixed")
    page = await side.list(privateExtendedProperty="pair=p1")
    assert {row["id"] for row in page["items"]} == {part["id"] for part in parts}
    assert len({row["iCalUID"] for row in page["items"]}) == 2
    occurrences = (await side.client.get(f"calendars/primary/events/{parts[1]['id']}/instances")).json()["items"]
    assert occurrences[0]["originalStartTime"]["dateTime"] == "2026-03-23T09:00:00+01:00"
    changed = await patch(side, occurrences[0]["id"], summary="Special")
    assert changed.json()["recurringEventId"] == parts[1]["id"]


async def test_a_change_of_rights_is_not_part_of_an_incremental_list_of_calendars(side: GoogleSide) -> None:
    token = (await side.client.get("users/me/calendarList")).json()["nextSyncToken"]
    side.google.set_role(side.second, "reader")
    changes = (await side.client.get("users/me/calendarList", params={"syncToken": token})).json()
    assert changes["items"] == []
    entry = (await side.client.get(f"users/me/calendarList/{side.second}")).json()
    assert entry["accessRole"] == "reader"


async def test_a_sync_token_of_a_calendar_list_dies_and_goes_with_no_restriction(side: GoogleSide) -> None:
    token = (await side.client.get("users/me/calendarList")).json()["nextSyncToken"]
    for name, value in (("minAccessRole", "owner"), ("showDeleted", "false"), ("showHidden", "false")):
        answer = await side.client.get("users/me/calendarList", params={"syncToken": token, name: value})
        assert reason(answer) == (400, "badRequest")
    side.google.kill_cursors()
    answer = await side.client.get("users/me/calendarList", params={"syncToken": token})
    assert reason(answer) == (410, "fullSyncRequired")


@pytest.mark.parametrize(
    "fields", ["items(id,colour)", "item", "items/start/hour", "nextPageToken/x", "items(", "items))"]
)
async def test_a_selector_with_a_name_that_no_answer_has_is_refused(side: GoogleSide, fields: str) -> None:
    answer = await side.client.get("calendars/primary/events", params={"fields": fields})
    assert reason(answer) == (400, "invalidParameter")


async def test_a_selector_goes_down_to_any_depth_and_takes_everything_by_a_star(side: GoogleSide) -> None:
    await side.insert(extendedProperties={"private": {"pair": "p1", "other": "x"}})
    page = await side.list(fields="kind,items(extendedProperties/private/pair,reminders(*))")
    assert page == {
        "kind": "calendar#events",
        "items": [{"extendedProperties": {"private": {"pair": "p1"}}, "reminders": {"useDefault": True}}],
    }


async def test_another_verb_and_an_unknown_path_are_not_found(side: GoogleSide) -> None:
    for verb, path in (("PUT", "colors"), ("DELETE", "users/me/calendarList"), ("GET", "calendars/primary/nothing")):
        assert reason(await side.client.request(verb, path)) == (404, "notFound")


async def test_free_busy_refuses_an_empty_range_and_names_too_many_calendars(side: GoogleSide) -> None:
    span = {"timeMin": "2026-03-10T00:00:00Z", "timeMax": "2026-03-10T00:00:00Z"}
    answer = await side.client.post("freeBusy", json={**span, "items": []})
    assert reason(answer) == (400, "timeRangeEmpty")
    body = {**span, "timeMax": "2026-03-11T00:00:00Z", "items": [{"id": EMAIL}, {"id": side.second}]}
    answer = await side.client.post("freeBusy", json={**body, "calendarExpansionMax": 1})
    told = answer.json()["calendars"][side.second]
    assert told["errors"] == [{"domain": "global", "reason": "tooManyCalendarsRequested"}]


async def test_the_parts_of_a_batch_fail_one_by_one(side: GoogleSide) -> None:
    event = await side.insert()
    side.world.faults.add(
        {"route": "google:GET /calendar/v3/colors", "kind": "status", "status": 503, "nth": 1, "retry_after": 3}
    )
    answer = await call_batch(
        side,
        "GET /calendar/v3/colors",
        "GET /calendar/v3/colors",
        f"GET /calendar/v3/calendars/primary/events/{event['id']}",
        "GET /calendar/v3/calendars/primary/events/nothing",
        "DELETE /calendar/v3/calendars/primary/events/nothing",
    )
    statuses = sorted(int(part.split()[0]) for part in answer.text.split("HTTP/1.1 ")[1:])
    assert (answer.status_code, statuses) == (200, [200, 200, 404, 404, 503])


async def test_a_batch_of_fifty_one_is_refused_whole(side: GoogleSide) -> None:
    assert (await call_batch(side, *["GET /calendar/v3/colors"] * 50)).status_code == 200
    refused = await call_batch(side, *["GET /calendar/v3/colors"] * 51)
    assert reason(refused) == (400, "badRequest")
    routes = [row.route for row in side.world.requests.entries() if row.part]
    assert len(routes) == 50, "none of the fifty-one was carried out"


async def test_the_last_place_of_a_moved_event_keeps_its_id_burned(side: GoogleSide) -> None:
    event = await side.insert(id="moving")
    await side.client.post("calendars/primary/events/moving/move", params={"destination": side.second})
    body = {"id": "moving", "start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
    assert reason(await side.client.post("calendars/primary/events", json=body)) == (409, "duplicate")
    assert reason(await side.client.delete(f"calendars/primary/events/{event['id']}")) == (410, "deleted")


@pytest.mark.parametrize("scope", ["calendar.events", "calendar.events.owned", "calendar.app.created"])
async def test_a_scope_reaches_as_far_as_it_says(side: GoogleSide, scope: str) -> None:
    body = {"summary": "Made by the app"}
    own = (await side.client.post("calendars", json=body)).json()["id"]
    event = {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
    side.google.set_role(side.team, "writer")
    async with side.caller([scope]) as client:
        statuses = [
            (await client.post(f"calendars/{calendar}/events", json=event)).status_code
            for calendar in ("primary", side.team, own)
        ]
    assert (
        statuses
        == {
            "calendar.events": [200, 200, 200],
            "calendar.events.owned": [200, 403, 200],
            "calendar.app.created": [403, 403, 200],
        }[scope]
    )
