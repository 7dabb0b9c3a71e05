"""``calendarView/delta`` of the sandbox with the traps of the real one: stubs, frozen window, removals, dead tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.sandbox.world import Clock, World
from tests.contract.sandbox.microsoft_client import KEY, WINDOW, GraphClient, Scene, rows_of, timed, weekly

pytestmark = pytest.mark.anyio
DELTA = f"/me/calendars/HOME/calendarView/delta?{WINDOW}"
EVENTS = "/me/calendars/HOME/events"


@pytest.fixture
def scene() -> Scene:
    return Scene(World(clock=Clock(lambda: datetime(2026, 3, 2, 10, 0, tzinfo=UTC))))


@pytest.fixture
def graph(scene: Scene) -> GraphClient:
    return scene.client()


def removed(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows if "@removed" in row]


async def make_series(graph: GraphClient, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    limited = weekly("2026-03-09", "monday", type="numbered", numberOfOccurrences=4)
    master = await graph.post(EVENTS, timed("Sync", "2026-03-09", recurrence=limited, **more))
    page = await graph.get(f"{EVENTS}/{master['id']}/instances?{WINDOW}")
    return master, page["value"]


async def test_a_first_round_tells_masters_whole_occurrences_as_stubs_and_never_a_marker(graph: GraphClient) -> None:
    mark = [{"id": KEY, "value": "x"}]
    master, occurrences = await make_series(graph, singleValueExtendedProperties=mark)
    single = await graph.post(EVENTS, timed("Single", "2026-03-10", singleValueExtendedProperties=mark))
    await graph.post(EVENTS, timed("Outside", "2026-07-10"))
    await graph.patch(f"{EVENTS}/{occurrences[1]['id']}", {"subject": "Special"})
    rows, _ = await graph.round(DELTA)
    assert {row["@odata.type"] for row in rows} == {"#microsoft.graph.event"}
    assert [row["id"] for row in rows_of(rows, "seriesMaster")] == [master["id"]]
    assert [row["id"] for row in rows_of(rows, "singleInstance")] == [single["id"]]
    stubs = list(rows_of(rows, "occurrence"))
    assert len(stubs) == 3
    assert {frozenset(stub) for stub in stubs} == {
        frozenset({"@odata.type", "@odata.etag", "id", "seriesMasterId", "type", "start", "end"})
    }
    (exception,) = rows_of(rows, "exception")
    assert (exception["subject"], exception["originalStart"]) == ("Special", "2026-03-16T08:00:00Z")
    assert "singleValueExtendedProperties" not in str(rows)
    assert len(rows) == 6


async def test_an_empty_round_keeps_answering_and_only_changes_are_told(graph: GraphClient) -> None:
    old = await graph.post(EVENTS, timed("Old", "2026-03-09"))
    gone = await graph.post(EVENTS, timed("Gone", "2026-03-09"))
    await graph.delete(f"{EVENTS}/{gone['id']}")
    rows, link = await graph.round(DELTA)
    assert [row["id"] for row in rows] == [old["id"]], "a first round knows no tombstones of before"
    rows, link = await graph.round(link)
    assert rows == []
    made = await graph.post(EVENTS, timed("New", "2026-03-10"))
    rows, later = await graph.round(link)
    assert [row["id"] for row in rows] == [made["id"]]
    assert [row["id"] for row in (await graph.round(link))[0]] == [made["id"]], "a token used again tells it again"
    await graph.delete(f"{EVENTS}/{made['id']}")
    rows, _ = await graph.round(later)
    assert removed(rows) == [made["id"]]
    assert rows[0]["@removed"] == {"reason": "deleted"}


async def test_pages_follow_maxpagesize_and_acknowledge_it_and_keep_the_window(graph: GraphClient) -> None:
    for number in range(12):
        await graph.post(EVENTS, timed(f"E{number}", "2026-03-09"))
    response = await graph.send("GET", DELTA, headers={"Prefer": "odata.maxpagesize=5"})
    assert response.headers["preference-applied"] == "odata.maxpagesize=5"
    first = response.json()
    assert len(first["value"]) == 5
    assert first["@odata.nextLink"].startswith(
        "http://localhost:5001/v1.0/me/calendars/HOME/calendarView/delta?$skiptoken="
    )
    assert len((await graph.get(DELTA))["value"]) == 10
    rows, link = await graph.round(DELTA, size=5)
    assert len(rows) == 12
    outside = await graph.post(EVENTS, timed("June", "2026-06-10"))
    rows, _ = await graph.round(link)
    assert removed(rows) == [outside["id"]], "what changes outside the window is told as removed"


async def test_what_changes_while_a_round_is_paged_is_told_in_that_round(graph: GraphClient) -> None:
    made = [await graph.post(EVENTS, timed(f"E{number}", "2026-03-09")) for number in range(6)]
    page = await graph.get(DELTA, headers={"Prefer": 'odata.maxpagesize=3, IdType="ImmutableId"'})
    await graph.delete(f"{EVENTS}/{made[0]['id']}")
    await graph.patch(f"{EVENTS}/{made[4]['id']}", {"subject": "Changed"})
    rows, link = await graph.round(page["@odata.nextLink"])
    assert removed(rows) == [made[0]["id"]]
    assert [row["subject"] for row in rows if row["id"] == made[4]["id"]] == ["Changed"]
    assert (await graph.round(link))[0] == []


async def test_an_event_moved_out_of_the_window_is_removed_and_one_moved_in_appears(graph: GraphClient) -> None:
    inside = await graph.post(EVENTS, timed("In", "2026-03-09"))
    outside = await graph.post(EVENTS, timed("Out", "2026-07-09"))
    _, link = await graph.round(DELTA)

    def to(day: str) -> dict[str, Any]:
        return {key: value for key, value in timed("", day).items() if key != "subject"}

    await graph.patch(f"{EVENTS}/{inside['id']}", to("2026-07-09"))
    await graph.patch(f"{EVENTS}/{outside['id']}", to("2026-03-09"))
    rows, _ = await graph.round(link)
    assert removed(rows) == [inside["id"]]
    assert [row["id"] for row in rows_of(rows, "singleInstance")] == [outside["id"]]


async def test_a_deleted_occurrence_is_simply_missing_from_its_series(graph: GraphClient) -> None:
    _, occurrences = await make_series(graph)
    _, link = await graph.round(DELTA)
    await graph.delete(f"{EVENTS}/{occurrences[2]['id']}")
    rows, _ = await graph.round(link)
    assert removed(rows) == []
    told = {row["id"] for row in rows_of(rows, "occurrence")}
    assert told == {row["id"] for row in occurrences} - {occurrences[2]["id"]}
    assert len(list(rows_of(rows, "seriesMaster"))) == 1


async def test_a_deleted_occurrence_can_be_told_by_switch(scene: Scene, graph: GraphClient) -> None:
    scene.world.behaviour.set("microsoft.delta_occurrence_tombstones", True)
    _, occurrences = await make_series(graph)
    _, link = await graph.round(DELTA)
    await graph.delete(f"{EVENTS}/{occurrences[2]['id']}")
    rows, link = await graph.round(link)
    assert removed(rows) == [occurrences[2]["id"]]
    await graph.delete(f"{EVENTS}/{occurrences[0]['id']}")
    assert removed((await graph.round(link))[0]) == [occurrences[0]["id"]]


async def test_a_series_can_be_told_in_part_or_without_its_master(scene: Scene, graph: GraphClient) -> None:
    master, occurrences = await make_series(graph)
    _, link = await graph.round(DELTA)
    scene.world.behaviour.set("microsoft.delta_series", "part")
    await graph.patch(f"{EVENTS}/{occurrences[1]['id']}", {"subject": "Special"})
    rows, after = await graph.round(link)
    assert [row["id"] for row in rows] == [master["id"], occurrences[1]["id"]]
    scene.world.behaviour.set("microsoft.delta_master_rows", False)
    rows, _ = await graph.round(link)
    assert [row["id"] for row in rows] == [occurrences[1]["id"]]
    await graph.delete(f"{EVENTS}/{master['id']}")
    rows, _ = await graph.round(after)
    assert removed(rows) == [master["id"]]


async def test_a_series_stays_on_one_page_unless_the_switch_splits_it(scene: Scene, graph: GraphClient) -> None:
    await graph.post(EVENTS, timed("Before", "2026-03-09"))
    await make_series(graph)
    await graph.post(EVENTS, timed("After", "2026-03-09"))
    prefer = {"Prefer": 'odata.maxpagesize=3, IdType="ImmutableId"'}
    sizes = []
    for switch in (False, True):
        scene.world.behaviour.set("microsoft.delta_series_split", switch)
        link, seen = DELTA, []
        while link:
            page = await graph.get(link, headers=prefer)
            seen.append(len(page["value"]))
            link = page.get("@odata.nextLink", "")
        sizes.append(seen)
    assert sizes == [[1, 5, 1], [3, 3, 1]]


async def test_a_rescheduled_series_leaves_its_old_occurrences_unmentioned(graph: GraphClient) -> None:
    master, occurrences = await make_series(graph)
    _, link = await graph.round(DELTA)
    moved = weekly("2026-03-10", "tuesday", type="numbered", numberOfOccurrences=4)
    times = {key: value for key, value in timed("", "2026-03-10").items() if key != "subject"}
    await graph.patch(f"{EVENTS}/{master['id']}", {**times, "recurrence": moved})
    rows, _ = await graph.round(link)
    assert removed(rows) == []
    assert not {row["id"] for row in rows_of(rows, "occurrence")} & {row["id"] for row in occurrences}


async def test_rows_can_come_twice_and_in_any_order_but_the_same_way_for_the_same_token(
    scene: Scene, graph: GraphClient
) -> None:
    for number in range(20):
        await graph.post(EVENTS, timed(f"E{number}", "2026-03-09"))
    plain, _ = await graph.round(DELTA)
    scene.world.behaviour.set("microsoft.delta_duplicate_share", 0.5)
    scene.world.behaviour.set("microsoft.delta_row_order", "shuffled")
    first, _ = await graph.round(DELTA)
    second, _ = await graph.round(DELTA)
    assert first == second
    assert len(first) > 20
    assert {row["id"] for row in first} == {row["id"] for row in plain}
    assert [row["id"] for row in first[:5]] != [row["id"] for row in plain[:5]]


@pytest.mark.parametrize("code", ["SyncStateNotFound", "syncStateNotFound", "resyncRequired"])
async def test_a_dead_token_is_answered_410(scene: Scene, graph: GraphClient, code: str) -> None:
    scene.world.behaviour.set("microsoft.sync_state_code", code)
    await graph.post(EVENTS, timed("One", "2026-03-09"))
    _, link = await graph.round(DELTA)
    scene.microsoft.kill_cursors("CLUB")
    assert (await graph.round(link))[0] == []
    scene.microsoft.kill_cursors("HOME")
    assert (await graph.get(link, 410))["error"]["code"] == code
    rows, link = await graph.round(DELTA)
    assert len(rows) == 1
    assert (await graph.round(link))[0] == []


async def test_a_token_dies_of_age_by_switch_and_by_a_planted_fault(scene: Scene, graph: GraphClient) -> None:
    _, link = await graph.round(DELTA)
    fault = scene.world.faults.add(
        {"route": "GET /v1.0/me/calendars/HOME/calendarView/delta", "kind": "token_dead", "nth": 1}
    )
    await graph.get(link, 410)
    assert fault.hits == 1
    await graph.get(link)
    scene.world.behaviour.set("microsoft.delta_token_lifetime_seconds", 60)
    scene.world.clock.advance(61)
    await graph.get(link, 410)


async def test_a_malformed_or_foreign_token_is_answered_400(graph: GraphClient) -> None:
    _, link = await graph.round(DELTA)
    token = link.partition("$deltatoken=")[2]
    for bad in (token[:-4], ("A" if token[0] != "A" else "B") + token[1:], "", "ümlaut"):
        answer = await graph.get(f"/me/calendars/HOME/calendarView/delta?$deltatoken={bad}", 400)
        assert "parameter '$deltaToken' is invalid" in answer["error"]["message"]
    await graph.get(f"/me/calendars/CLUB/calendarView/delta?$deltatoken={token}", 400)
    await graph.get(f"/me/calendars/HOME/calendarView/delta?$skiptoken={token}", 400)


async def test_delta_needs_its_window_and_takes_no_other_options(scene: Scene, graph: GraphClient) -> None:
    path = "/me/calendars/HOME/calendarView/delta"
    assert (await graph.get(path, 400))["error"]["code"] == "ErrorInvalidParameter"
    wide = "startDateTime=2020-01-01T00:00:00Z&endDateTime=2026-01-01T00:00:00Z"
    answer = await graph.get(f"{path}?{wide}", 400)
    assert (answer["error"]["code"], "1825" in answer["error"]["message"]) == ("ErrorInvalidRequest", True)
    assert (await graph.get(f"{DELTA}&$select=subject", 400))["error"]["code"] == "ErrorInvalidUrlQuery"
    scene.world.behaviour.set("microsoft.delta_query_options", "ignored")
    await graph.get(f"{DELTA}&$select=subject")
    await graph.get(DELTA.replace("/delta?", "/delta()?"))


async def test_a_change_may_take_time_to_show_and_is_then_told_once(scene: Scene, graph: GraphClient) -> None:
    scene.world.behaviour.set("microsoft.delta_lag_seconds", 30)
    _, link = await graph.round(DELTA)
    made = await graph.post(EVENTS, timed("Late", "2026-03-09"))
    rows, link = await graph.round(link)
    assert rows == []
    scene.world.clock.advance(31)
    rows, link = await graph.round(link)
    assert [row["id"] for row in rows] == [made["id"]]
    assert (await graph.round(link))[0] == []


async def test_an_empty_listing_is_a_lie_that_loses_nothing(scene: Scene, graph: GraphClient) -> None:
    made = await graph.post(EVENTS, timed("There", "2026-03-09"))
    scene.world.faults.add({"route": "GET /v1.0/me/calendars/*/calendarView/delta", "kind": "empty", "nth": 1})
    rows, link = await graph.round(DELTA)
    assert rows == []
    assert [row["id"] for row in (await graph.round(link))[0]] == [made["id"]]


async def test_an_event_moved_to_another_calendar_is_gone_here_and_born_there(scene: Scene, graph: GraphClient) -> None:
    made = await graph.post(EVENTS, timed("Mover", "2026-03-09"))
    _, home = await graph.round(DELTA)
    _, club = await graph.round(DELTA.replace("HOME", "CLUB"))
    scene.microsoft.move_event("HOME", made["id"], "CLUB")
    assert removed((await graph.round(home))[0]) == [made["id"]]
    assert [row["id"] for row in (await graph.round(club))[0]] == [made["id"]]
