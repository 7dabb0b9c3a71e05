"""Series as the sandbox's Graph serves them: occurrences, exceptions, cancellations, patterns, the user's own edits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.sandbox.faults import SandboxInputError
from app.sandbox.world import Clock, World
from tests.contract.sandbox.microsoft_client import KEY, GraphClient, Scene, timed, weekly

pytestmark = pytest.mark.anyio
MARCH = "startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-05-01T00:00:00Z"


@pytest.fixture
def scene() -> Scene:
    return Scene(World(clock=Clock(lambda: datetime(2026, 3, 2, 10, 0, tzinfo=UTC))))


@pytest.fixture
def graph(scene: Scene) -> GraphClient:
    return scene.client()


async def instances(graph: GraphClient, master: dict[str, Any], span: str = MARCH) -> list[dict[str, Any]]:
    page = await graph.get(f"/me/calendars/HOME/events/{master['id']}/instances?{span}&$top=100")
    return list(page["value"])


def starts(rows: list[dict[str, Any]]) -> list[str]:
    return [row["start"]["dateTime"][:16] for row in rows]


async def test_occurrences_keep_their_wall_time_over_a_change_of_the_clocks(graph: GraphClient) -> None:
    master = await graph.post("/me/events", timed("Sync", "2026-03-23", recurrence=weekly("2026-03-23", "monday")))
    assert master["type"] == "seriesMaster"
    assert master["recurrence"]["range"]["recurrenceTimeZone"] == "W. Europe Standard Time"
    assert master["recurrence"]["pattern"]["dayOfMonth"] == 0
    rows = await instances(graph, master)
    assert starts(rows)[:3] == ["2026-03-23T08:00", "2026-03-30T07:00", "2026-04-06T07:00"]
    assert rows[1]["originalStart"] == "2026-03-30T07:00:00Z"
    assert {row["type"] for row in rows} == {"occurrence"}
    assert {row["seriesMasterId"] for row in rows} == {master["id"]}
    assert len({row["iCalUId"] for row in rows}) == len(rows)


async def test_a_series_moves_to_its_first_matching_day(graph: GraphClient) -> None:
    master = await graph.post("/me/events", timed("Sync", "2026-03-09", recurrence=weekly("2026-03-09", "wednesday")))
    assert master["start"]["dateTime"] == "2026-03-11T08:00:00.0000000"


@pytest.mark.parametrize(
    ("pattern", "day", "expected"),
    [
        ({"type": "daily", "interval": 2}, "2026-03-02", ["2026-03-02", "2026-03-04", "2026-03-06"]),
        ({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}, "2026-01-31", ["2026-01-31", "2026-02-28"]),
        (
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "second"},
            "2026-03-10",
            ["2026-03-10", "2026-04-14", "2026-05-12"],
        ),
        (
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["friday"], "index": "last"},
            "2026-03-27",
            ["2026-03-27", "2026-04-24", "2026-05-29"],
        ),
        (
            {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 9, "month": 3},
            "2026-03-09",
            ["2026-03-09", "2027-03-09"],
        ),
        (
            {"type": "relativeYearly", "interval": 1, "daysOfWeek": ["monday"], "month": 3, "index": "first"},
            "2026-03-02",
            ["2026-03-02", "2027-03-01"],
        ),
    ],
)
async def test_every_kind_of_pattern_gives_its_dates(
    graph: GraphClient, pattern: dict[str, Any], day: str, expected: list[str]
) -> None:
    recurrence = {
        "pattern": pattern,
        "range": {"type": "numbered", "startDate": day, "numberOfOccurrences": len(expected)},
    }
    master = await graph.post(
        "/me/events", timed("Rule", day, at="12:00", end="13:00", zone="UTC", recurrence=recurrence)
    )
    rows = await instances(graph, master, "startDateTime=2026-01-01&endDateTime=2028-01-01")
    assert [start[:10] for start in starts(rows)] == expected


async def test_an_end_date_is_inclusive_in_the_zone_of_the_series(graph: GraphClient) -> None:
    limits = {"type": "endDate", "endDate": "2026-03-23"}
    body = timed("Early", "2026-03-09", at="08:00", end="08:30", zone="New Zealand Standard Time")
    master = await graph.post("/me/events", body | {"recurrence": weekly("2026-03-09", "monday", **limits)})
    assert starts(await instances(graph, master)) == ["2026-03-08T19:00", "2026-03-15T19:00", "2026-03-22T19:00"]


async def test_a_changed_occurrence_becomes_an_exception_and_a_deleted_one_is_listed_as_cancelled(
    graph: GraphClient,
) -> None:
    master = await graph.post("/me/events", timed("Sync", "2026-03-09", recurrence=weekly("2026-03-09", "monday")))
    rows = await instances(graph, master)
    moved = await graph.patch(
        f"/me/calendars/HOME/events/{rows[1]['id']}",
        {"subject": "Moved", **{key: value for key, value in timed("", "2026-03-17").items() if key != "subject"}},
    )
    assert (moved["type"], moved["id"]) == ("exception", rows[1]["id"])
    assert moved["originalStart"] == "2026-03-16T08:00:00Z"
    assert moved["start"]["dateTime"] == "2026-03-17T08:00:00.0000000"
    await graph.delete(f"/me/calendars/HOME/events/{rows[2]['id']}")
    await graph.get(f"/me/calendars/HOME/events/{rows[2]['id']}", 404)
    path = f"/me/calendars/HOME/events/{master['id']}"
    whole = await graph.get(f"{path}?$select=subject,cancelledOccurrences&$expand=exceptionOccurrences")
    assert whole["cancelledOccurrences"] == [f"OID.{master['id']}.2026-03-23"]
    assert [one["id"] for one in whole["exceptionOccurrences"]] == [moved["id"]]
    assert "cancelledOccurrences" not in await graph.get(path)
    assert starts(await instances(graph, master))[:3] == ["2026-03-09T08:00", "2026-03-17T08:00", "2026-03-30T07:00"]
    view = await graph.get(f"/me/calendars/HOME/calendarView?{MARCH}&$top=3")
    assert [row["type"] for row in view["value"]] == ["occurrence", "exception", "occurrence"]


async def test_an_exception_keeps_what_it_changed_and_follows_the_series_in_the_rest(graph: GraphClient) -> None:
    master = await graph.post("/me/events", timed("Sync", "2026-03-09", recurrence=weekly("2026-03-09", "monday")))
    row = (await instances(graph, master))[1]
    await graph.patch(f"/me/events/{row['id']}", {"showAs": "free"})
    await graph.patch(f"/me/events/{master['id']}", {"subject": "Renamed"})
    changed = await graph.get(f"/me/events/{row['id']}")
    assert (changed["type"], changed["subject"], changed["showAs"]) == ("exception", "Renamed", "free")


@pytest.mark.parametrize("day", ["2026-03-09", "2026-03-23", "2026-03-25", "2026-03-02"])
async def test_an_occurrence_cannot_be_moved_to_or_past_the_day_of_a_neighbour(graph: GraphClient, day: str) -> None:
    master = await graph.post("/me/events", timed("Sync", "2026-03-09", recurrence=weekly("2026-03-09", "monday")))
    row = (await instances(graph, master))[1]
    times = {key: value for key, value in timed("", day, at="20:00", end="21:00").items() if key != "subject"}
    refused = await graph.patch(f"/me/events/{row['id']}", times, 400)
    assert refused["error"]["code"] == "ErrorOccurrenceCrossingBoundary"
    assert (await graph.get(f"/me/events/{row['id']}"))["type"] == "occurrence"


@pytest.mark.parametrize(("switch", "left"), [("reset", 0), ("keep", 1)])
async def test_a_new_time_of_the_master_resets_or_keeps_exceptions_by_switch(
    scene: Scene, graph: GraphClient, switch: str, left: int
) -> None:
    scene.world.behaviour.set("microsoft.master_edit_exceptions", switch)
    master = await graph.post("/me/events", timed("Sync", "2026-03-09", recurrence=weekly("2026-03-09", "monday")))
    rows = await instances(graph, master)
    await graph.patch(f"/me/events/{rows[1]['id']}", {"subject": "Special"})
    await graph.delete(f"/me/events/{rows[2]['id']}")
    await graph.patch(f"/me/events/{master['id']}", {"sensitivity": "private"})
    path = f"/me/events/{master['id']}?$select=cancelledOccurrences&$expand=exceptionOccurrences"
    kept = await graph.get(path)
    assert (len(kept["cancelledOccurrences"]), len(kept["exceptionOccurrences"])) == (1, 1)
    times = {key: value for key, value in timed("", "2026-03-09", at="11:00", end="12:00").items() if key != "subject"}
    await graph.patch(f"/me/events/{master['id']}", times)
    now = await graph.get(path)
    assert (len(now["cancelledOccurrences"]), len(now["exceptionOccurrences"])) == (left, left)


async def test_extending_only_the_range_keeps_what_was_deleted(graph: GraphClient) -> None:
    limited = weekly("2026-03-09", "monday", type="endDate", endDate="2026-03-30")
    master = await graph.post("/me/events", timed("Sync", "2026-03-09", recurrence=limited))
    rows = await instances(graph, master)
    await graph.delete(f"/me/events/{rows[1]['id']}")
    longer = weekly("2026-03-09", "monday", type="endDate", endDate="2026-04-13")
    await graph.patch(f"/me/events/{master['id']}", {"recurrence": longer})
    days = [start[:10] for start in starts(await instances(graph, master))]
    assert days == ["2026-03-09", "2026-03-23", "2026-03-30", "2026-04-06", "2026-04-13"]


async def test_recurrence_null_makes_a_single_event(graph: GraphClient) -> None:
    master = await graph.post("/me/events", timed("Sync", "2026-03-09", recurrence=weekly("2026-03-09", "monday")))
    single = await graph.patch(f"/me/events/{master['id']}", {"recurrence": None})
    assert (single["type"], single["recurrence"]) == ("singleInstance", None)


async def test_original_start_of_an_all_day_occurrence_carries_the_offset_of_the_mailbox(graph: GraphClient) -> None:
    body = timed("Day", "2026-03-09", at="00:00", zone="UTC", isAllDay=True, recurrence=weekly("2026-03-09", "monday"))
    body["end"]["dateTime"] = "2026-03-10T00:00:00"
    master = await graph.post("/me/events", body)
    row = (await instances(graph, master))[0]
    assert row["originalStart"] == "2026-03-08T23:00:00Z"
    assert row["start"]["dateTime"] == "2026-03-09T00:00:00.0000000"


async def test_what_the_user_makes_in_domain_shape_is_served_as_graph_says_it(scene: Scene, graph: GraphClient) -> None:
    made = scene.microsoft.create_event(
        "HOME",
        {
            "title": "Café ☕",
            "start": "2026-03-10T09:00:00",
            "end": "2026-03-10T09:30:00",
            "time_zone": "Europe/Oslo",
            "rrule": ["RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20260421T070000Z", "EXDATE;TZID=Europe/Oslo:20260331T090000"],
            "exceptions": [
                {"original_start": "2026-03-17T09:00:00", "start": "2026-03-18T10:00:00", "end": "2026-03-18T10:30:00"},
                {"original_start": "2026-03-24T09:00:00", "cancelled": True},
            ],
            "visibility": "private",
            "busy": "free",
            "html": "<p>Hej <i>du</i></p>",
            "location": "Oslo",
        },
    )
    master = await graph.get(f"/me/events/{made['id']}")
    assert master["recurrence"]["range"]["endDate"] == "2026-04-21"
    assert (master["sensitivity"], master["showAs"], master["location"]["displayName"]) == ("private", "free", "Oslo")
    rows = await instances(graph, master)
    assert starts(rows) == [
        "2026-03-10T08:00",
        "2026-03-18T09:00",
        "2026-04-07T07:00",
        "2026-04-14T07:00",
        "2026-04-21T07:00",
    ]
    (listed,) = scene.microsoft.list_events("HOME")
    assert listed["description"] == "Hej du"
    assert listed["rrule"] == ["RRULE:FREQ=WEEKLY;BYDAY=TU;WKST=MO;UNTIL=20260421T215959Z"]
    assert [one["original_start"] for one in listed["exceptions"] if one.get("cancelled")] == [
        "2026-03-24T09:00:00",
        "2026-03-31T09:00:00",
    ]


async def test_the_users_own_answer_makes_somebody_else_the_organizer(scene: Scene, graph: GraphClient) -> None:
    made = scene.microsoft.create_event(
        "HOME",
        {"title": "Offer", "start": "2026-03-10T09:00", "end": "2026-03-10T10:00", "response": "declined"},
    )
    event = await graph.get(f"/me/events/{made['id']}")
    assert (event["isOrganizer"], event["responseStatus"]["response"]) == (False, "declined")
    assert event["organizer"]["emailAddress"]["address"] != "mia@outlook.com"
    assert made["response"] == "declined"


async def test_the_user_changes_and_deletes_events_series_and_occurrences(scene: Scene, graph: GraphClient) -> None:
    made = scene.microsoft.create_event(
        "HOME",
        {"title": "Run", "start": "2026-03-09T07:00", "end": "2026-03-09T08:00", "rrule": ["RRULE:FREQ=DAILY;COUNT=5"]},
    )
    master = await graph.get(f"/me/events/{made['id']}")
    rows = await instances(graph, master)
    scene.microsoft.patch_event("HOME", rows[1]["id"], {"title": "Long run"})
    scene.microsoft.delete_event("HOME", rows[2]["id"])
    assert [row["subject"] for row in await instances(graph, master)] == ["Run", "Long run", "Run", "Run"]
    scene.microsoft.patch_event("HOME", made["id"], {"start": "2026-03-09T18:00", "end": "2026-03-09T19:00"})
    assert starts(await instances(graph, master))[0] == "2026-03-09T17:00"
    scene.microsoft.delete_event("HOME", made["id"])
    assert scene.microsoft.list_events("HOME") == []
    with pytest.raises(KeyError):
        scene.microsoft.delete_event("HOME", made["id"])


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=31",
        "RRULE:FREQ=YEARLY;BYDAY=20MO",
        "RRULE:FREQ=WEEKLY;BYDAY=MO;BYSETPOS=1",
        "RRULE:FREQ=MONTHLY;BYDAY=1MO,3MO",
        "RRULE:FREQ=HOURLY",
        "RDATE:20260309T080000Z",
    ],
)
def test_a_rule_that_outlook_cannot_keep_is_refused_and_nothing_is_made(rule: str) -> None:
    scene = Scene()
    with pytest.raises(SandboxInputError):
        scene.microsoft.create_event(
            "HOME", {"title": "Odd", "start": "2026-03-09T07:00", "end": "2026-03-09T08:00", "rrule": [rule]}
        )
    assert scene.microsoft.list_events("HOME") == []


async def test_an_occurrence_shows_the_marker_of_its_series(graph: GraphClient) -> None:
    mark = [{"id": KEY, "value": "series"}]
    body = timed("Sync", "2026-03-09", recurrence=weekly("2026-03-09", "monday"), singleValueExtendedProperties=mark)
    master = await graph.post("/me/events", body)
    row = (await instances(graph, master))[1]
    expand = {"$expand": f"singleValueExtendedProperties($filter=id eq '{KEY}')"}
    shown = await graph.get(f"/me/events/{row['id']}", params=expand)
    assert shown["singleValueExtendedProperties"] == mark
    own = [{"id": KEY, "value": "own"}]
    changed = await graph.patch(f"/me/events/{row['id']}", {"singleValueExtendedProperties": own}, params=expand)
    assert changed["singleValueExtendedProperties"] == own
    assert (await graph.get(f"/me/events/{master['id']}", params=expand))["singleValueExtendedProperties"] == mark
