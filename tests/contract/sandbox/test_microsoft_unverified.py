"""Every point of Graph's calendar that is not verified is a switch of the sandbox; here each of its values is met."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox.microsoft_client import (
    EMAIL,
    KEY,
    WINDOW,
    GraphClient,
    Scene,
    rows_of,
    timed,
    weekly,
)

pytestmark = pytest.mark.anyio
DELTA = f"/me/calendars/HOME/calendarView/delta?{WINDOW}"
EVENTS_DELTA = f"/me/calendars/HOME/events/delta?{WINDOW}"


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def graph(scene: Scene) -> GraphClient:
    return scene.client()


def switch(scene: Scene, **values: Any) -> None:
    for name, value in values.items():
        scene.world.behaviour.set(f"microsoft.{name}", value)


def mondays(**limits: Any) -> dict[str, Any]:
    return timed("Sync", "2026-03-09", recurrence=weekly("2026-03-09", "monday", **limits))


async def instances(graph: GraphClient, master: dict[str, Any]) -> list[str]:
    page = await graph.get(f"/me/events/{master['id']}/instances?{WINDOW}&$top=100")
    return [row["start"]["dateTime"][:10] for row in page["value"]]


# -- what is written ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("default", [True, False])
async def test_a_new_event_reminds_or_not_when_nothing_is_said(scene: Scene, graph: GraphClient, default: bool) -> None:
    switch(scene, reminder_default=default)
    assert (await graph.post("/me/events", timed("A", "2026-03-09")))["isReminderOn"] is default
    assert (await graph.post("/me/events", timed("B", "2026-03-09", isReminderOn=False)))["isReminderOn"] is False


@pytest.mark.parametrize(
    ("how", "start", "end"), [("cut", "00:00", "30:00"), ("rounded", "01:00", "30:00"), ("kept", "00:31", "30:29")]
)
async def test_seconds_of_a_single_event_are_cut_rounded_or_kept(
    scene: Scene, graph: GraphClient, how: str, start: str, end: str
) -> None:
    switch(scene, seconds=how)
    body = timed("A", "2026-03-09", zone="UTC")
    body["start"]["dateTime"], body["end"]["dateTime"] = "2026-03-09T09:00:31.5", "2026-03-09T09:30:29"
    made = await graph.post("/me/events", body)
    assert made["start"]["dateTime"] == f"2026-03-09T09:{start}.0000000"
    assert made["end"]["dateTime"] == f"2026-03-09T09:{end}.0000000"


async def test_a_series_and_the_original_start_of_its_parts_are_in_whole_minutes(
    scene: Scene, graph: GraphClient
) -> None:
    switch(scene, seconds="kept")
    body = mondays()
    body["start"]["dateTime"] = "2026-03-09T09:00:31"
    made = await graph.post("/me/events", body)
    page = await graph.get(f"/me/events/{made['id']}/instances?{WINDOW}")
    assert {row["originalStart"][-4:] for row in page["value"]} == {":00Z"}
    assert {row["start"]["dateTime"][17:19] for row in page["value"]} == {"00"}


@pytest.mark.parametrize(("counting", "living"), [("all", 4), ("living", 5)])
async def test_a_numbered_range_counts_deleted_occurrences_or_only_living_ones(
    scene: Scene, graph: GraphClient, counting: str, living: int
) -> None:
    switch(scene, numbered_range=counting)
    made = await graph.post("/me/events", mondays(type="numbered", numberOfOccurrences=5))
    page = await graph.get(f"/me/events/{made['id']}/instances?{WINDOW}")
    await graph.delete(f"/me/events/{page['value'][1]['id']}")
    days = await instances(graph, made)
    assert len(days) == living
    assert "2026-03-16" not in days
    assert ("2026-04-13" in days) is (counting == "living")
    assert (await graph.get(f"/me/events/{made['id']}"))["recurrence"]["range"]["numberOfOccurrences"] == 5


@pytest.mark.parametrize("answer", ["single", "refused", "ignored"])
async def test_recurrence_null_makes_a_single_is_refused_or_changes_nothing(
    scene: Scene, graph: GraphClient, answer: str
) -> None:
    switch(scene, recurrence_null=answer)
    made = await graph.post("/me/events", mondays())
    path = f"/me/events/{made['id']}"
    if answer == "refused":
        told = await graph.patch(path, {"recurrence": None, "subject": "New"}, 400)
        assert told["error"]["code"] == "ErrorInvalidRequest"
        assert (await graph.get(path))["subject"] == "Sync"
        return
    told = await graph.patch(path, {"recurrence": None, "subject": "New"})
    assert told["subject"] == "New"
    assert told["type"] == ("singleInstance" if answer == "single" else "seriesMaster")
    assert (told["recurrence"] is None) is (answer == "single")


@pytest.mark.parametrize("name", ["windows", "tzone"])
async def test_original_zones_are_windows_names_or_say_nothing(scene: Scene, graph: GraphClient, name: str) -> None:
    switch(scene, original_zone_names=name)
    berlin = await graph.post("/me/events", mondays())
    utc = await graph.post("/me/events", timed("U", "2026-03-09", zone="UTC"))
    expected = "W. Europe Standard Time" if name == "windows" else "tzone://Microsoft/Custom"
    assert {berlin["originalStartTimeZone"], berlin["originalEndTimeZone"]} == {expected}
    assert berlin["recurrence"]["range"]["recurrenceTimeZone"] == expected
    assert utc["originalStartTimeZone"] == ("UTC" if name == "windows" else "tzone://Microsoft/Utc")


@pytest.mark.parametrize("accepted", [False, True])
async def test_an_iana_name_beyond_the_documented_list_is_refused_or_taken(
    scene: Scene, graph: GraphClient, accepted: bool
) -> None:
    switch(scene, accept_any_iana_zone=accepted)
    answer = await graph.send("POST", "/me/events", json=timed("A", "2026-03-09", zone="Europe/Oslo"))
    assert answer.status_code == (201 if accepted else 400)


@pytest.mark.parametrize("code", ["TimeZoneNotSupportedException", "ErrorInvalidTimeZone"])
async def test_an_unknown_zone_is_refused_with_the_code_of_the_switch(
    scene: Scene, graph: GraphClient, code: str
) -> None:
    switch(scene, unknown_zone_code=code)
    told = await graph.post("/me/events", timed("A", "2026-03-09", zone="Mars/Olympus"), 400)
    assert told["error"]["code"] == code
    told = await graph.get("/me/events", 400, headers={"Prefer": 'outlook.timezone="Mars/Olympus"'})
    assert told["error"]["code"] == code


# -- what is read ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, 3])
async def test_a_listing_of_calendars_or_events_has_the_default_page_size(
    scene: Scene, graph: GraphClient, size: int
) -> None:
    switch(scene, default_page_size=size)
    for number in range(12):
        await graph.post("/me/calendars", {"name": f"C{number}"})
        await graph.post("/me/events", timed(f"E{number}", "2026-03-09"))
    for path in ("/me/calendars", "/me/events", f"/me/calendarView?{WINDOW}", DELTA):
        page = await graph.get(path)
        assert len(page["value"]) == size, path
        assert "@odata.nextLink" in page, path


@pytest.mark.parametrize("shown", ["bare", "full"])
async def test_read_basic_shows_no_body_and_no_extended_properties_unless_switched(scene: Scene, shown: str) -> None:
    switch(scene, read_basic=shown)
    body = {"contentType": "text", "content": "secret"}
    marked: dict[str, Any] = {"singleValueExtendedProperties": [{"id": KEY, "value": "k"}]}
    made = await scene.client().post("/me/events", timed("A", "2026-03-09", body=body, **marked))
    basic = scene.client("Calendars.ReadBasic")
    rows, _ = await basic.round(DELTA)
    for row in (await basic.get(f"/me/events/{made['id']}"), (await basic.get("/me/events"))["value"][0], rows[0]):
        assert row["subject"] == "A"
        assert ("body" in row, "bodyPreview" in row) == ((shown == "full"),) * 2
    expand = {"$expand": f"singleValueExtendedProperties($filter=id eq '{KEY}')"}
    find = {"$filter": f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY}' and ep/value eq 'k')"}
    for params in (expand, find):
        answer = await basic.send("GET", "/me/events", params=params)
        assert answer.status_code == (403 if shown == "bare" else 200), answer.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("expired", "Access token has expired or is not yet valid."),
        ("lifetime", "Lifetime validation failed, the token is expired."),
    ],
)
async def test_an_expired_token_is_told_in_new_or_old_words_with_the_same_code(
    scene: Scene, graph: GraphClient, text: str, message: str
) -> None:
    switch(scene, expired_token_text=text)
    scene.microsoft.expire_access(EMAIL)
    told = await graph.get("/me", 401)
    assert (told["error"]["code"], told["error"]["message"]) == ("InvalidAuthenticationToken", message)


async def test_a_fresh_marker_is_invisible_to_filter_for_a_while_and_visible_to_a_plain_listing(
    scene: Scene, graph: GraphClient
) -> None:
    switch(scene, filter_lag_seconds=30)
    marked: dict[str, Any] = {"singleValueExtendedProperties": [{"id": KEY, "value": "k"}]}
    await graph.post("/me/events", timed("A", "2026-03-09", **marked))
    find = {"$filter": f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY}' and ep/value eq 'k')"}
    assert (await graph.get("/me/events", params=find))["value"] == []
    assert len((await graph.get("/me/events"))["value"]) == 1
    scene.world.clock.advance(31)
    assert len((await graph.get("/me/events", params=find))["value"]) == 1


# -- delta -------------------------------------------------------------------------------------------------------------


async def test_events_delta_is_refused_on_v1_unless_switched(graph: GraphClient) -> None:
    told = await graph.get(EVENTS_DELTA, 400)
    assert "Change tracking" in told["error"]["message"]


async def test_events_delta_tells_singles_and_masters_and_needs_both_dates(scene: Scene, graph: GraphClient) -> None:
    switch(scene, events_delta="served")
    await graph.get("/me/calendars/HOME/events/delta", 400)
    series = await graph.post("/me/events", mondays())
    single = await graph.post("/me/events", timed("A", "2026-03-10"))
    rows, link = await graph.round(EVENTS_DELTA)
    assert [(row["id"], row["type"]) for row in rows] == [
        (series["id"], "seriesMaster"),
        (single["id"], "singleInstance"),
    ]
    await graph.get(link.replace("/events/delta", "/calendarView/delta"), 400)
    await graph.delete(f"/me/events/{series['id']}")
    rows, _ = await graph.round(link)
    assert [(row["id"], "@removed" in row) for row in rows] == [(series["id"], True)]


@pytest.mark.parametrize("answer", ["refused", "ignored"])
async def test_delta_refuses_or_ignores_the_options_it_does_not_take(
    scene: Scene, graph: GraphClient, answer: str
) -> None:
    switch(scene, delta_query_options=answer)
    await graph.post("/me/events", timed("A", "2026-03-10"))
    told = await graph.send("GET", f"{DELTA}&$select=subject")
    assert told.status_code == (400 if answer == "refused" else 200)
    assert answer == "refused" or told.json()["value"][0]["body"]


async def test_what_was_told_may_be_told_again_in_a_later_round_and_the_same_way_for_the_same_token(
    scene: Scene, graph: GraphClient
) -> None:
    switch(scene, delta_replay_share=0.5)
    for number in range(20):
        await graph.post("/me/events", timed(f"E{number}", "2026-03-10"))
    rows, link = await graph.round(DELTA)
    assert len(rows) == 20
    again, _ = await graph.round(link)
    assert 0 < len(again) < 20
    assert {row["id"] for row in again} < {row["id"] for row in rows}
    assert (await graph.round(link))[0] == again


async def test_a_living_event_of_the_window_may_be_told_as_removed(scene: Scene, graph: GraphClient) -> None:
    switch(scene, delta_spurious_share=1.0)
    made = await graph.post("/me/events", timed("A", "2026-03-10"))
    _, link = await graph.round(DELTA)
    await graph.patch(f"/me/events/{made['id']}", {"subject": "B"})
    rows, _ = await graph.round(link)
    assert [(row["id"], row.get("@removed")) for row in rows] == [(made["id"], {"reason": "deleted"})]
    assert (await graph.get(f"/me/events/{made['id']}"))["subject"] == "B"


async def test_an_event_made_outside_the_window_is_told_as_removed_though_it_never_was_inside(
    graph: GraphClient,
) -> None:
    _, link = await graph.round(DELTA)
    made = await graph.post("/me/events", timed("Far", "2027-03-10"))
    rows, _ = await graph.round(link)
    assert [(row["id"], row.get("@removed")) for row in rows] == [(made["id"], {"reason": "deleted"})]


async def test_exchanges_own_rewriting_of_a_change_key_shows_in_delta_as_a_change(
    scene: Scene, graph: GraphClient
) -> None:
    switch(scene, change_key_bump_seconds=0.3)
    made = await graph.post("/me/events", timed("A", "2026-03-10"))
    _, link = await graph.round(DELTA)
    scene.world.clock.advance(1)
    rows, link = await graph.round(link)
    (row,) = rows_of(rows, "singleInstance")
    assert row["id"] == made["id"]
    assert row["changeKey"] != made["changeKey"]
    assert (await graph.round(link))[0] == []


async def test_a_transaction_id_used_again_after_it_was_forgotten_belongs_to_the_newer_event(
    scene: Scene, graph: GraphClient
) -> None:
    switch(scene, transaction_memory_seconds=600)
    body = timed("Once", "2026-03-09", transactionId="T-1")
    first = await graph.post("/me/events", body)
    scene.world.clock.advance(700)
    second = await graph.post("/me/events", body)
    await graph.patch(f"/me/events/{first['id']}", {"subject": "Older"})
    told = await graph.post("/me/events", body, 400)
    assert told["error"]["@event.existingEventId"] == second["id"]


# -- patterns ----------------------------------------------------------------------------------------------------------


async def dates(graph: GraphClient, day: str, pattern: dict[str, Any]) -> list[str]:
    limits = {"type": "numbered", "startDate": day, "numberOfOccurrences": 3}
    body = timed("Rule", day, at="12:00", end="13:00", zone="UTC", recurrence={"pattern": pattern, "range": limits})
    made = await graph.post("/me/events", body)
    page = await graph.get(
        f"/me/events/{made['id']}/instances?startDateTime=2026-01-01&endDateTime=2028-01-01&$top=100"
    )
    return [row["start"]["dateTime"][:10] for row in page["value"]]


@pytest.mark.parametrize(
    ("clamped", "expected"),
    [
        (True, ["2026-01-31", "2026-02-28", "2026-03-31"]),
        (False, ["2026-01-31", "2026-03-31", "2026-05-31"]),
    ],
)
async def test_day_31_is_the_last_of_a_shorter_month_or_skips_it(
    scene: Scene, graph: GraphClient, clamped: bool, expected: list[str]
) -> None:
    switch(scene, month_end_clamped=clamped)
    assert await dates(graph, "2026-01-31", {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}) == expected


@pytest.mark.parametrize(
    ("meaning", "expected"),
    [
        # Weekdays of a month from the 1st: the second of all is the 2nd; the earliest second of each is the 8th.
        ("position", ["2026-04-02", "2026-05-04", "2026-06-02"]),
        ("each", ["2026-04-08", "2026-05-08", "2026-06-08"]),
    ],
)
async def test_a_set_of_days_with_an_index_counts_all_of_them_or_each_by_itself(
    scene: Scene, graph: GraphClient, meaning: str, expected: list[str]
) -> None:
    switch(scene, day_set_index=meaning)
    days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
    pattern = {"type": "relativeMonthly", "interval": 1, "daysOfWeek": days, "index": "second"}
    assert await dates(graph, expected[0], pattern) == expected


async def test_a_pattern_takes_no_property_of_another_kind_and_reads_tell_all_with_defaults(graph: GraphClient) -> None:
    bad = {"type": "daily", "interval": 1, "dayOfMonth": 4}
    limits = {"type": "noEnd", "startDate": "2026-03-09"}
    told = await graph.post("/me/events", timed("A", "2026-03-09", recurrence={"pattern": bad, "range": limits}), 400)
    assert told["error"]["code"] == "ErrorPropertyValidationFailure"
    good = {"type": "daily", "interval": 1}
    made = await graph.post("/me/events", timed("A", "2026-03-09", recurrence={"pattern": good, "range": limits}))
    assert made["recurrence"]["pattern"] == {
        **good,
        "month": 0,
        "dayOfMonth": 0,
        "daysOfWeek": [],
        "firstDayOfWeek": "sunday",
        "index": "first",
    }
    assert made["recurrence"]["range"]["endDate"] == "0001-01-01"
