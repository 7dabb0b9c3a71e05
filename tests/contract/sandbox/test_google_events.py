"""The emulated Calendar API is as strict as `providers.md` section 12 says: writing, conditions, series, scopes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox.conftest import EMAIL, GoogleSide

pytestmark = pytest.mark.anyio

SERIES: dict[str, Any] = {
    "summary": "Stand-up",
    "start": {"dateTime": "2026-03-09T09:00:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2026-03-09T09:30:00", "timeZone": "Europe/Berlin"},
    "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=6"],
}


def reason(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


async def test_defaults_are_left_out_of_an_answer(side: GoogleSide) -> None:
    event = await side.insert(transparency="opaque", visibility="default", description="", guestsCanModify=False)
    assert not {"transparency", "visibility", "description", "guestsCanModify"} & set(event)
    assert event["status"] == "confirmed"
    assert event["organizer"] == {"email": EMAIL, "self": True}
    assert event["iCalUID"] == f"{event['id']}@google.com"


async def test_times_are_answered_with_the_calendars_offset_and_the_events_zone(side: GoogleSide) -> None:
    event = await side.insert(
        start={"dateTime": "2026-03-10T10:00:00", "timeZone": "America/New_York"},
        end={"dateTime": "2026-03-10T11:00:00-04:00", "timeZone": "America/New_York"},
    )
    assert event["start"] == {"dateTime": "2026-03-10T15:00:00+01:00", "timeZone": "America/New_York"}
    shown = await side.client.get(f"calendars/primary/events/{event['id']}", params={"timeZone": "UTC"})
    assert shown.json()["start"]["dateTime"] == "2026-03-10T14:00:00Z"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"end": None}, "required"),
        ({"end": {"date": "2026-03-11"}}, "invalid"),
        ({"end": {"dateTime": "2026-03-10T09:00:00", "timeZone": "Europe/Berlin"}}, "timeRangeEmpty"),
        ({"start": {"dateTime": "2026-03-10T10:00:00"}}, "required"),
        ({"start": {"dateTime": "2026-03-10T10:00:00", "timeZone": "Mars/Base"}}, "invalid"),
        ({"start": {"dateTime": "soon", "timeZone": "Europe/Berlin"}}, "invalid"),
        ({"visibility": "secret"}, "invalid"),
        ({"summary": 7}, "invalid"),
        ({"colorId": "12"}, "invalid"),
        ({"recurrence": ["RRULE:FREQ=SOMETIMES"]}, "invalid"),
        ({"recurrence": ["DTSTART:20260310T100000Z"]}, "invalid"),
        ({"attendees": [{"displayName": "nobody"}]}, "invalid"),
        ({"reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 40321}]}}, "invalid"),
        ({"eventType": "fromGmail"}, "invalid"),
        (
            {"eventType": "workingLocation", "workingLocationProperties": {"type": "homeOffice"}},
            "malformedWorkingLocationEvent",
        ),
        ({"id": "UPPER5"}, "invalid"),
        ({"id": "abcd"}, "invalid"),
        ({"id": "abcde", "iCalUID": "x@y"}, "invalid"),
        ({"status": "gone"}, "invalid"),
        ({"extendedProperties": {"private": {"k": "v" * 1025}}}, "invalid"),
    ],
)
async def test_a_malformed_event_is_refused_with_400(side: GoogleSide, change: dict[str, Any], expected: str) -> None:
    body = {
        "start": {"dateTime": "2026-03-10T10:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-03-10T11:00:00", "timeZone": "Europe/Berlin"},
        **change,
    }
    answer = await side.client.post("calendars/primary/events", json=body)
    assert reason(answer) == (400, expected)
    assert (await side.list())["items"] == []


async def test_a_recurring_timed_event_needs_a_time_zone(side: GoogleSide) -> None:
    body = {
        **SERIES,
        "start": {"dateTime": "2026-03-09T09:00:00+01:00"},
        "end": {"dateTime": "2026-03-09T09:30:00+01:00"},
    }
    assert reason(await side.client.post("calendars/primary/events", json=body)) == (400, "required")


async def test_over_long_property_names_are_dropped_without_a_word(side: GoogleSide) -> None:
    event = await side.insert(extendedProperties={"private": {"k" * 45: "v", "k" * 44: "v"}})
    assert event["extendedProperties"] == {"private": {"k" * 44: "v"}}


async def test_a_client_id_is_taken_for_ever(side: GoogleSide) -> None:
    await side.insert(id="abcde")
    body = {"id": "abcde", "start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
    assert reason(await side.client.post("calendars/primary/events", json=body)) == (409, "duplicate")
    assert (await side.client.delete("calendars/primary/events/abcde")).status_code == 204
    assert reason(await side.client.post("calendars/primary/events", json=body)) == (409, "duplicate")
    shown = await side.client.get("calendars/primary/events/abcde")
    assert (shown.status_code, shown.json()["status"], shown.json()["summary"]) == (200, "cancelled", "Lunch")
    assert (await side.client.post(f"calendars/{side.second}/events", json=body)).status_code == 200


async def test_deleting_twice_is_410_deleted_and_an_unknown_id_404(side: GoogleSide) -> None:
    event = await side.insert()
    assert (await side.client.delete(f"calendars/primary/events/{event['id']}")).content == b""
    assert reason(await side.client.delete(f"calendars/primary/events/{event['id']}")) == (410, "deleted")
    assert reason(await side.client.delete("calendars/primary/events/nothere")) == (404, "notFound")


async def test_conditions_are_checked_and_every_change_brings_a_new_etag(side: GoogleSide) -> None:
    event = await side.insert()
    url, old = f"calendars/primary/events/{event['id']}", event["etag"]
    assert old.startswith('"')
    shown = await side.client.get(url)
    assert shown.headers["etag"] == old
    assert (await side.client.get(url, headers={"If-None-Match": old})).status_code == 304
    changed = await side.client.patch(url, json={"summary": "Supper"}, headers={"If-Match": old})
    assert changed.status_code == 200
    assert changed.json()["etag"] != old
    assert (await side.client.get(url, headers={"If-None-Match": old})).status_code == 200
    for verb in ("patch", "put", "delete"):
        answer = await side.client.request(
            verb.upper(), url, headers={"If-Match": old}, json=None if verb == "delete" else {"summary": "Late"}
        )
        assert reason(answer) == (412, "conditionNotMet")
    assert (await side.client.get(url)).json()["summary"] == "Supper"
    assert (await side.client.delete(url, headers={"If-Match": "*"})).status_code == 204


async def test_patch_merges_objects_replaces_arrays_and_deletes_on_null(side: GoogleSide) -> None:
    event = await side.insert(
        location="Roof",
        description="Bring cake",
        extendedProperties={"private": {"a": "1", "b": "2"}},
        attendees=[{"email": "b@example.org"}, {"email": "c@example.org"}],
    )
    url = f"calendars/primary/events/{event['id']}"
    patch = {
        "location": None,
        "extendedProperties": {"private": {"a": None, "c": "3"}},
        "attendees": [{"email": "d@example.org"}],
    }
    after = (await side.client.patch(url, json=patch)).json()
    assert "location" not in after
    assert after["description"] == "Bring cake"
    assert after["extendedProperties"]["private"] == {"b": "2", "c": "3"}
    assert [row["email"] for row in after["attendees"]] == ["d@example.org"]


async def test_put_clears_what_is_not_sent(side: GoogleSide) -> None:
    event = await side.insert(location="Roof", extendedProperties={"private": {"a": "1"}})
    body = {"start": event["start"], "end": event["end"], "summary": "Bare"}
    after = (await side.client.put(f"calendars/primary/events/{event['id']}", json=body)).json()
    assert not {"location", "extendedProperties"} & set(after)
    assert (after["created"], after["iCalUID"]) == (event["created"], event["iCalUID"])


async def test_a_timed_event_becomes_all_day_only_with_the_other_member_nulled(side: GoogleSide) -> None:
    event = await side.insert()
    url = f"calendars/primary/events/{event['id']}"
    half = {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
    assert reason(await side.client.patch(url, json=half)) == (400, "invalid")
    nothing = {"dateTime": None, "timeZone": None}
    whole = {"start": {"date": "2026-03-10", **nothing}, "end": {"date": "2026-03-11", **nothing}}
    assert (await side.client.patch(url, json=whole)).json()["start"] == {"date": "2026-03-10"}


async def test_a_deleted_event_is_restored_by_patch_or_refused_by_switch(side: GoogleSide) -> None:
    event = await side.insert()
    url = f"calendars/primary/events/{event['id']}"
    await side.client.delete(url)
    side.world.behaviour.set("google.restore_by_patch", "refuse")
    assert (await side.client.patch(url, json={"status": "confirmed"})).status_code == 403
    side.world.behaviour.set("google.restore_by_patch", "allow")
    assert (await side.client.patch(url, json={"status": "confirmed"})).json()["summary"] == "Lunch"


async def test_instances_are_named_by_master_and_original_start(side: GoogleSide) -> None:
    master = await side.insert(**SERIES)
    rows = (await side.client.get(f"calendars/primary/events/{master['id']}/instances")).json()["items"]
    assert len(rows) == 6
    assert rows[0]["id"] == f"{master['id']}_20260309T080000Z"
    # Summer time began on 29 March: the wall time stays, the id follows UTC.
    assert rows[3]["id"] == f"{master['id']}_20260330T070000Z"
    assert rows[3]["start"]["dateTime"] == "2026-03-30T09:00:00+02:00"
    assert "recurrence" not in rows[0]
    one = await side.client.get(f"calendars/primary/events/{rows[3]['id']}")
    assert one.json()["originalStartTime"] == rows[3]["originalStartTime"]
    assert (await side.client.get(f"calendars/primary/events/{rows[0]['id'].lower()}")).status_code == 404
    assert (await side.client.get(f"calendars/primary/events/{master['id']}_20260310T080000Z")).status_code == 404


async def test_all_day_instances_are_named_by_date(side: GoogleSide) -> None:
    master = await side.insert(
        start={"date": "2026-03-09"}, end={"date": "2026-03-11"}, recurrence=["RRULE:FREQ=MONTHLY;COUNT=2"]
    )
    rows = (await side.client.get(f"calendars/primary/events/{master['id']}/instances")).json()["items"]
    assert [(row["id"][-9:], row["end"]) for row in rows] == [
        ("_20260309", {"date": "2026-03-11"}),
        ("_20260409", {"date": "2026-04-11"}),
    ]


async def test_one_occurrence_is_moved_and_one_taken_out(side: GoogleSide) -> None:
    master = await side.insert(**SERIES)
    moved, gone = f"{master['id']}_20260316T080000Z", f"{master['id']}_20260323T080000Z"
    times = {
        "start": {"dateTime": "2026-03-18T15:00:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-03-18T15:30:00", "timeZone": "Europe/Berlin"},
    }
    assert (await side.client.patch(f"calendars/primary/events/{moved}", json=times)).status_code == 200
    assert (await side.client.delete(f"calendars/primary/events/{gone}")).status_code == 204
    items = {item["id"]: item for item in (await side.list())["items"]}
    assert set(items) == {master["id"], moved, gone}
    assert items[moved]["recurringEventId"] == master["id"]
    assert items[moved]["originalStartTime"]["dateTime"] == "2026-03-16T09:00:00+01:00"
    # The stub is bare even in a listing that leaves deletions out.
    assert set(items[gone]) == {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}
    url = f"calendars/primary/events/{master['id']}/instances"
    assert [row["id"] for row in (await side.client.get(url)).json()["items"]].count(gone) == 0
    assert len((await side.client.get(url, params={"showDeleted": "true"})).json()["items"]) == 6
    found = await side.client.get(url, params={"originalStart": "2026-03-16T08:00:00Z"})
    assert [row["id"] for row in found.json()["items"]] == [moved]
    assert reason(await side.client.delete(f"calendars/primary/events/{gone}")) == (410, "deleted")


async def test_a_changed_rule_takes_along_the_exceptions_it_still_gives(side: GoogleSide) -> None:
    master = await side.insert(**SERIES)
    kept, lost = f"{master['id']}_20260316T080000Z", f"{master['id']}_20260323T080000Z"
    for event_id in (kept, lost):
        await side.client.patch(f"calendars/primary/events/{event_id}", json={"summary": "Special"})
    rule = {"recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2"]}
    await side.client.patch(f"calendars/primary/events/{master['id']}", json=rule)
    items = {item["id"]: item["status"] for item in (await side.list())["items"]}
    assert items == {master["id"]: "confirmed", kept: "confirmed", lost: "cancelled"}


async def test_scopes_open_only_their_methods(side: GoogleSide) -> None:
    async with side.caller(["calendar.events"]) as events_only:
        assert reason(await events_only.get("users/me/calendarList")) == (403, "insufficientPermissions")
        assert (await events_only.get("calendars/primary/events")).status_code == 200
    async with side.caller(["calendar.readonly"]) as reader:
        assert (await reader.get("users/me/calendarList")).status_code == 200
        assert reason(await reader.delete("calendars/primary/events/abcde")) == (403, "insufficientPermissions")
    async with side.caller(["calendar.events.owned"]) as owner:
        assert (await owner.get("calendars/primary/events")).status_code == 200
        assert reason(await owner.get(f"calendars/{side.team}/events")) == (403, "forbidden")


async def test_roles_decide_what_may_be_written_and_seen(side: GoogleSide) -> None:
    side.google.create_event(
        side.team,
        {
            "title": "Salary",
            "visibility": "private",
            "start": "2026-03-10T10:00:00",
            "end": "2026-03-10T11:00:00",
            "time_zone": "Europe/Berlin",
        },
    )
    body = {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
    assert reason(await side.client.post(f"calendars/{side.team}/events", json=body)) == (403, "forbidden")
    (shown,) = (await side.list(side.team))["items"]
    assert "summary" not in shown
    event = await side.insert(description="secret")
    side.google.set_role(EMAIL, "freeBusyReader")
    (shown,) = (await side.list())["items"]
    assert not {"summary", "description", "organizer"} & set(shown)
    assert shown["start"] == event["start"]


async def test_a_call_without_a_live_token_is_401(side: GoogleSide) -> None:
    side.google.expire_access(EMAIL)
    answer = await side.client.get("calendars/primary/events")
    assert reason(answer) == (401, "authError")
    assert answer.json()["error"]["errors"][0]["location"] == "Authorization"


async def test_invitations_are_recorded_with_what_would_have_been_sent(side: GoogleSide) -> None:
    guest: dict[str, Any] = {"attendees": [{"email": "b@example.org"}]}
    await side.insert()
    assert side.world.outbox.all() == []
    await side.insert(**guest)
    body = {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}, **guest}
    await side.client.post("calendars/primary/events", params={"sendUpdates": "all"}, json=body)
    assert [(item.kind, item.recipients) for item in side.world.outbox.all()] == [
        ("placed", ("b@example.org",)),
        ("request", ("b@example.org",)),
    ]


async def test_only_the_organizer_changes_what_guests_share(side: GoogleSide) -> None:
    made = side.google.create_event(
        EMAIL,
        {
            "title": "Board",
            "start": "2026-03-10T10:00:00",
            "end": "2026-03-10T11:00:00",
            "time_zone": "Europe/Berlin",
            "response": "needsAction",
        },
    )
    url = f"calendars/primary/events/{made['id']}"
    event = (await side.client.get(url)).json()
    assert event["attendees"][1] == {"email": EMAIL, "responseStatus": "needsAction", "self": True}
    assert reason(await side.client.patch(url, json={"summary": "Mine"})) == (403, "forbiddenForNonOrganizer")
    assert (await side.client.patch(url, json={"colorId": "4"})).status_code == 200


async def test_special_types_keep_their_rules(side: GoogleSide) -> None:
    home: dict[str, Any] = {
        "eventType": "workingLocation",
        "visibility": "public",
        "transparency": "transparent",
        "workingLocationProperties": {"type": "homeOffice", "homeOffice": {}},
        "start": {"date": "2026-03-10"},
        "end": {"date": "2026-03-11"},
    }
    event = await side.insert(**home)
    answer = await side.client.post(f"calendars/{side.second}/events", json=home)
    assert reason(answer) == (400, "eventTypeRestriction")
    change = await side.client.patch(f"calendars/primary/events/{event['id']}", json={"eventType": "default"})
    assert reason(change) == (400, "invalid")
    assert [row["id"] for row in (await side.list(eventTypes="workingLocation"))["items"]] == [event["id"]]
    assert (await side.list(eventTypes="default"))["items"] == []


async def test_a_moved_event_leaves_a_stub_with_nothing_but_its_id(side: GoogleSide) -> None:
    event = await side.insert()
    url = f"calendars/primary/events/{event['id']}"
    moved = await side.client.post(f"{url}/move", params={"destination": side.second})
    assert moved.json()["organizer"]["email"] == side.second
    stub = (await side.client.get(url)).json()
    assert (set(stub), stub["status"]) == ({"kind", "etag", "id", "status"}, "cancelled")
    back = await side.client.post(f"calendars/{side.second}/events/{event['id']}/move", params={"destination": EMAIL})
    assert back.json()["summary"] == "Lunch"


async def test_free_busy_answers_200_and_names_the_calendar_it_does_not_know(side: GoogleSide) -> None:
    await side.insert()
    await side.insert(transparency="transparent")
    await side.insert(**SERIES)
    body = {
        "timeMin": "2026-03-10T00:00:00Z",
        "timeMax": "2026-03-17T00:00:00Z",
        "items": [{"id": EMAIL}, {"id": "nobody@example.org"}],
    }
    answer = (await side.client.post("freeBusy", json=body)).json()["calendars"]
    assert answer[EMAIL]["busy"] == [
        {"start": "2026-03-10T09:00:00Z", "end": "2026-03-10T10:00:00Z"},
        {"start": "2026-03-16T08:00:00Z", "end": "2026-03-16T08:30:00Z"},
    ]
    assert answer["nobody@example.org"]["errors"] == [{"domain": "global", "reason": "notFound"}]


async def test_what_is_not_emulated_says_so(side: GoogleSide) -> None:
    for path in ("events/quickAdd", "events/import", "events/watch", "acl"):
        answer = await side.client.post(f"calendars/primary/{path}", json={})
        assert reason(answer) == (501, "notImplemented")
