"""Graph's events as the sandbox serves them: create, read, change, delete, conditions, markers and refusals."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.sandbox.microsoft import CLIENT_ID
from app.sandbox.world import Clock, Storage, World
from tests.contract.sandbox.microsoft_client import EMAIL, KEY, STAMP, WINDOW, GraphClient, Scene, timed, weekly

pytestmark = pytest.mark.anyio


@pytest.fixture
def scene() -> Scene:
    return Scene(World(clock=Clock(lambda: datetime(2026, 3, 2, 10, 0, tzinfo=UTC))))


@pytest.fixture
def graph(scene: Scene) -> GraphClient:
    return scene.client()


def marked(key: str, value: str) -> dict[str, Any]:
    return {"singleValueExtendedProperties": [{"id": key, "value": value}]}


async def test_a_created_event_comes_back_with_exchanges_defaults_and_seven_digits(graph: GraphClient) -> None:
    made = await graph.post("/me/calendars/HOME/events", timed("Dentist", "2026-03-09"))
    assert made["start"] == {"dateTime": "2026-03-09T08:00:00.0000000", "timeZone": "UTC"}
    assert (made["isReminderOn"], made["showAs"], made["type"]) == (True, "busy", "singleInstance")
    assert made["originalStartTimeZone"] == "W. Europe Standard Time"
    assert made["@odata.etag"] == f'W/"{made["changeKey"]}"'
    again = await graph.get(f"/me/events/{quote(made['id'], safe='')}")
    assert again["id"] == made["id"]
    assert again["changeKey"] == made["changeKey"]


async def test_times_are_told_in_the_zone_that_prefer_names_and_the_preference_is_acknowledged(
    graph: GraphClient,
) -> None:
    made = await graph.post("/me/events", timed("Call", "2026-07-01", zone="UTC"))
    headers = {"Prefer": 'outlook.timezone="Pacific Standard Time", IdType="ImmutableId"'}
    response = await graph.send("GET", f"/me/events/{made['id']}", headers=headers)
    assert response.json()["start"] == {"dateTime": "2026-07-01T02:00:00.0000000", "timeZone": "Pacific Standard Time"}
    assert 'outlook.timezone="Pacific Standard Time"' in response.headers["preference-applied"]
    assert 'IdType="ImmutableId"' in response.headers["preference-applied"]


async def test_an_all_day_event_stays_at_midnight_in_every_zone(graph: GraphClient) -> None:
    body = timed("Fair", "2026-03-09", at="00:00", isAllDay=True)
    body["end"]["dateTime"] = "2026-03-11T00:00:00"
    made = await graph.post("/me/events", body)
    shown = await graph.get(f"/me/events/{made['id']}", headers={"Prefer": 'outlook.timezone="Tokyo Standard Time"'})
    assert shown["start"] == {"dateTime": "2026-03-09T00:00:00.0000000", "timeZone": "Tokyo Standard Time"}
    assert shown["end"]["dateTime"] == "2026-03-11T00:00:00.0000000"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"isAllDay": True}, "ErrorInvalidRequest"),
        ({"start": {"dateTime": "2026-03-09T09:00:00", "timeZone": "Mars"}}, "TimeZoneNotSupportedException"),
        ({"start": {"dateTime": "2026-03-09T09:00:00", "timeZone": "Europe/Oslo"}}, "TimeZoneNotSupportedException"),
        ({"start": {"dateTime": "soon", "timeZone": "UTC"}}, "ErrorPropertyValidationFailure"),
        ({"start": {"dateTime": "2026-03-10T09:00:00", "timeZone": "UTC"}}, "ErrorPropertyValidationFailure"),
        ({"start": None}, "ErrorPropertyValidationFailure"),
        ({"showAs": "perhaps"}, "ErrorPropertyValidationFailure"),
        ({"colour": "red"}, "RequestBodyRead"),
        ({"iCalUId": "x"}, "ErrorInvalidPropertySet"),
        ({"singleValueExtendedProperties": [{"id": "kalends", "value": "1"}]}, "ErrorInvalidExtendedProperty"),
        ({"recurrence": weekly("2026-03-10", "monday")}, "ErrorPropertyValidationFailure"),
        ({"recurrence": weekly("2026-03-09")}, "ErrorPropertyValidationFailure"),
        ({"recurrence": weekly("2026-03-09", "monday", numberOfOccurrences=3)}, "ErrorPropertyValidationFailure"),
    ],
)
async def test_a_body_that_exchange_does_not_take_is_refused_by_name(
    graph: GraphClient, change: dict[str, Any], code: str
) -> None:
    answer = await graph.post("/me/events", timed("Bad", "2026-03-09") | change, 400)
    assert answer["error"]["code"] == code
    assert set(answer["error"]["innerError"]) == {"date", "request-id", "client-request-id"}


async def test_the_digits_of_a_time_with_a_z_count_as_wall_time_in_the_zone_beside_it(graph: GraphClient) -> None:
    body = timed("Trap", "2026-03-09")
    body["start"]["dateTime"] += "Z"
    made = await graph.post("/me/events", body)
    assert made["start"]["dateTime"] == "2026-03-09T08:00:00.0000000"


async def test_html_is_sanitised_and_wrapped_and_can_be_read_as_text(graph: GraphClient) -> None:
    html = "<p>Agenda: <b>one</b></p><script>alert(1)</script>"
    made = await graph.post("/me/events", timed("Board", "2026-03-09", body={"contentType": "html", "content": html}))
    assert "script" not in made["body"]["content"]
    assert made["body"]["content"].startswith("<html><head>")
    assert made["bodyPreview"] == "Agenda: one"
    text = await graph.get(f"/me/events/{made['id']}", headers={"Prefer": 'outlook.body-content-type="text"'})
    assert text["body"] == {"contentType": "text", "content": "Agenda: one"}


async def test_if_match_lets_only_the_current_change_key_through(graph: GraphClient) -> None:
    made = await graph.post("/me/events", timed("One", "2026-03-09"))
    path = f"/me/events/{made['id']}"
    changed = await graph.patch(path, {"subject": "Two"}, headers={"If-Match": made["@odata.etag"]})
    assert changed["@odata.etag"] != made["@odata.etag"]
    refused = await graph.patch(path, {"subject": "Three"}, 412, headers={"If-Match": made["@odata.etag"]})
    assert refused["error"]["code"] == "ErrorIrresolvableConflict"
    await graph.delete(path, 412, headers={"If-Match": made["@odata.etag"]})
    await graph.delete(path, headers={"If-Match": changed["@odata.etag"]})
    await graph.delete(path, 404)


async def test_delete_can_be_switched_to_ignore_if_match(scene: Scene, graph: GraphClient) -> None:
    scene.world.behaviour.set("microsoft.if_match_on_delete", False)
    made = await graph.post("/me/events", timed("One", "2026-03-09"))
    await graph.delete(f"/me/events/{made['id']}", headers={"If-Match": 'W/"old"'})


async def test_exchange_may_rewrite_the_change_key_after_a_write_and_refuse_the_first_one(
    scene: Scene, graph: GraphClient
) -> None:
    scene.world.behaviour.set("microsoft.change_key_bump_seconds", 2)
    made = await graph.post("/me/events", timed("One", "2026-03-09"))
    path = f"/me/events/{made['id']}"
    assert (await graph.get(path))["changeKey"] == made["changeKey"]
    scene.world.clock.advance(3)
    await graph.patch(path, {"subject": "Two"}, 412, headers={"If-Match": made["@odata.etag"]})
    now = await graph.get(path)
    assert now["changeKey"] != made["changeKey"]
    assert now["lastModifiedDateTime"] == made["lastModifiedDateTime"]


@pytest.mark.parametrize(("switch", "status"), [("error_400", 400), ("error_409", 409)])
async def test_a_repeated_transaction_id_is_refused_and_names_the_first_event(
    scene: Scene, graph: GraphClient, switch: str, status: int
) -> None:
    scene.world.behaviour.set("microsoft.transaction_repeat", switch)
    body = timed("Once", "2026-03-09", transactionId="7E163156-7762-4BEB-A1C6-729EA81755A7")
    made = await graph.post("/me/events", body)
    assert made["transactionId"] == body["transactionId"]
    again = await graph.post("/me/calendars/HOME/events", body, status)
    assert again["error"]["code"] == "ErrorDuplicateTransactionId"
    assert again["error"]["@event.existingEventId"] == made["id"]
    assert len((await graph.get("/me/events"))["value"]) == 1


async def test_a_repeated_transaction_id_can_give_the_first_event_but_never_a_deleted_one(
    scene: Scene, graph: GraphClient
) -> None:
    scene.world.behaviour.set("microsoft.transaction_repeat", "created_201")
    body = timed("Once", "2026-03-09", transactionId="T-1")
    made = await graph.post("/me/events", body)
    assert (await graph.post("/me/events", body))["id"] == made["id"]
    assert (await graph.post("/me/calendars/CLUB/events", body, 400))["error"]["code"] == "ErrorDuplicateTransactionId"
    await graph.delete(f"/me/events/{made['id']}")
    assert (await graph.post("/me/events", body, 400))["error"]["@event.existingEventId"] == made["id"]


async def test_a_transaction_id_is_forgotten_after_its_lifetime(scene: Scene, graph: GraphClient) -> None:
    scene.world.behaviour.set("microsoft.transaction_memory_seconds", 3600)
    body = timed("Once", "2026-03-09", transactionId="T-1")
    made = await graph.post("/me/events", body)
    scene.world.clock.advance(3500)
    await graph.post("/me/events", body, 400)
    scene.world.clock.advance(200)
    renewed = GraphClient(scene.microsoft.app, scene.microsoft.issue_tokens(EMAIL, None, 3600)["access_token"])
    assert (await renewed.post("/me/events", body))["id"] != made["id"]


async def test_markers_are_found_by_filter_and_shown_by_expand_only(graph: GraphClient) -> None:
    one = await graph.post("/me/calendars/HOME/events", timed("A", "2026-03-09", **marked(KEY, "Key-1")))
    await graph.post("/me/calendars/HOME/events", timed("B", "2026-03-10", **marked(KEY, "Key-2")))
    await graph.post("/me/calendars/HOME/events", timed("C", "2026-03-11"))
    assert "singleValueExtendedProperties" not in one

    async def found(condition: str, **more: str) -> list[dict[str, Any]]:
        params = {
            "$filter": f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY}' and ep/value {condition})",
            **more,
        }
        page = await graph.get("/me/calendars/HOME/events", params=params)
        return list(page["value"])

    assert [row["subject"] for row in await found("eq 'key-1'")] == ["A"]
    assert sorted(row["subject"] for row in await found("ne null")) == ["A", "B"]
    assert await found("eq 'nothing'") == []
    expand = f"singleValueExtendedProperties($filter=id eq '{KEY}' or id eq '{STAMP}')"
    (row,) = await found("eq 'Key-1'", **{"$expand": expand, "$select": "id"})
    assert row["singleValueExtendedProperties"] == [{"id": KEY, "value": "Key-1"}]
    assert set(row) == {"@odata.etag", "id", "singleValueExtendedProperties"}
    changed = await graph.patch(f"/me/events/{one['id']}", marked(STAMP, "s-2"), params={"$expand": expand})
    assert changed["singleValueExtendedProperties"] == [{"id": KEY, "value": "Key-1"}, {"id": STAMP, "value": "s-2"}]


async def test_a_filter_or_option_that_graph_does_not_answer_is_refused(graph: GraphClient) -> None:
    for params, code in (
        ({"$filter": "transactionId eq 'x'"}, "ErrorInvalidUrlQueryFilter"),
        ({"$filter": "subject eq"}, "ErrorInvalidUrlQueryFilter"),
        ({"$select": "subject,nonsense"}, "RequestBroker--ParseUri"),
        ({"$expand": "attachments"}, "ErrorInvalidUrlQuery"),
        ({"$expand": "singleValueExtendedProperties"}, "ErrorInvalidUrlQuery"),
        ({"$top": "0"}, "ErrorInvalidUrlQuery"),
        ({"$apply": "x"}, "BadRequest"),
    ):
        await graph.post("/me/events", timed("A", "2026-03-09"))
        answer = await graph.get("/me/calendars/HOME/events", 400, params=params)
        assert answer["error"]["code"] == code, params


async def test_listings_are_paged_by_ten_and_their_links_keep_the_address_of_the_request(graph: GraphClient) -> None:
    for number in range(23):
        await graph.post("/me/calendars/HOME/events", timed(f"E{number}", "2026-03-09"))
    seen: list[str] = []
    link = "/me/calendars/HOME/events?$select=subject"
    sizes = []
    while link:
        page = await graph.get(link)
        seen += [row["subject"] for row in page["value"]]
        sizes.append(len(page["value"]))
        link = page.get("@odata.nextLink", "")
        assert not link or link.startswith("http://localhost:5001/v1.0/me/calendars/HOME/events?")
    assert sizes == [10, 10, 3]
    assert sorted(seen) == sorted(f"E{number}" for number in range(23))


async def test_read_only_calendars_refuse_writes(scene: Scene, graph: GraphClient) -> None:
    made = scene.microsoft.create_event(
        "HOLIDAYS", {"title": "May Day", "start": "2026-05-01", "end": "2026-05-02", "all_day": True}
    )
    path = f"/me/calendars/HOLIDAYS/events/{made['id']}"
    assert (await graph.get(path))["subject"] == "May Day"
    calendars = {row["id"]: row["canEdit"] for row in (await graph.get("/me/calendars"))["value"]}
    assert calendars == {"HOME": True, "CLUB": True, "HOLIDAYS": False}
    refused = await graph.post("/me/calendars/HOLIDAYS/events", timed("No", "2026-03-09"), 403)
    assert refused["error"]["code"] == "ErrorAccessDenied"
    await graph.patch(path, {"subject": "x"}, 403)
    await graph.delete(path, 403)
    scene.microsoft.set_role("HOLIDAYS", "writer")
    await graph.delete(path)
    scene.microsoft.set_role("HOLIDAYS", "freeBusyReader")
    await graph.get("/me/calendars/HOLIDAYS/events", 403)


async def test_events_are_reached_through_their_own_calendar_only(scene: Scene, graph: GraphClient) -> None:
    shared = {"name": "Boss", "id": "BOSS", "role": "writer", "owner": {"name": "Lee", "email": "lee@outlook.com"}}
    spec = {"email": "zoe@outlook.com", "calendars": [{"name": "Calendar", "id": "ZOE", "primary": True}, shared]}
    scene.microsoft.seed_account(spec)
    zoe = GraphClient(scene.microsoft.app, scene.microsoft.issue_tokens("zoe@outlook.com", None, 3600)["access_token"])
    made = await zoe.post("/me/calendars/BOSS/events", timed("Review", "2026-03-09"))
    assert (await zoe.get(f"/me/calendars/BOSS/events/{made['id']}"))["subject"] == "Review"
    await zoe.get(f"/me/events/{made['id']}", 404)
    await zoe.get(f"/me/calendars/ZOE/events/{made['id']}", 404)
    await graph.get(f"/me/events/{made['id']}", 404)
    await graph.get("/me/calendars/ZOE/events", 404)


async def test_immutable_ids_survive_a_move_and_ordinary_ids_do_not(scene: Scene, graph: GraphClient) -> None:
    made = await graph.post("/me/calendars/HOME/events", timed("Mover", "2026-03-09"))
    plain = await graph.get(f"/me/events/{made['id']}", headers={"Prefer": ""})
    assert plain["id"] != made["id"]
    assert (await graph.get(f"/me/events/{plain['id']}"))["id"] == made["id"]
    body = {"inputIds": [plain["id"]], "sourceIdType": "restId", "targetIdType": "restImmutableEntryId"}
    translated = await graph.post("/me/translateExchangeIds", body, 200)
    assert translated["value"] == [{"sourceId": plain["id"], "targetId": made["id"]}]
    scene.microsoft.move_event("HOME", made["id"], "CLUB")
    await graph.get(f"/me/events/{plain['id']}", 404)
    await graph.get(f"/me/calendars/HOME/events/{made['id']}", 404)
    assert (await graph.get(f"/me/calendars/CLUB/events/{made['id']}"))["subject"] == "Mover"
    await graph.get(f"/me/events/{made['id'].swapcase()}", 404)
    scene.microsoft.move_event("CLUB", made["id"], "HOME")
    await graph.get(f"/me/events/{plain['id']}", 404)
    assert (await graph.get(f"/me/calendars/HOME/events/{made['id']}"))["subject"] == "Mover"


async def test_a_token_opens_only_what_its_scopes_say(scene: Scene) -> None:
    reader = scene.client("Calendars.Read", "User.Read")
    assert (await reader.get("/me"))["mail"] == EMAIL
    await reader.get("/me/calendars/HOME/events")
    assert (await reader.post("/me/events", timed("A", "2026-03-09"), 403))["error"]["code"] == "ErrorAccessDenied"
    await reader.get("/me/mailboxSettings", 403)
    writer = scene.client("Calendars.ReadWrite")
    await writer.post("/me/events", timed("A", "2026-03-09"))
    await writer.get("/me", 403)


async def test_a_missing_unknown_or_expired_token_is_answered_401(scene: Scene, graph: GraphClient) -> None:
    await graph.get("/me", 401, headers={"Authorization": ""})
    await graph.get("/me", 401, headers={"Authorization": "Bearer made-up"})
    scene.microsoft.expire_access(EMAIL)
    answer = await graph.send("GET", "/me")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert "Bearer" in answer.headers["www-authenticate"]


async def test_what_is_not_emulated_is_refused_and_never_made_up(graph: GraphClient) -> None:
    assert (await graph.get("/me/contacts", 501))["error"]["code"] == "NotImplemented"
    assert (await graph.get("/me/calendar/getSchedule", 501))["error"]["code"] == "NotImplemented"
    assert (await graph.get("/me/nonsense", 404))["error"]["code"] == "BadRequest"
    assert (await graph.send("PUT", "/me/calendars", json={})).status_code == 405


async def test_settings_tell_the_windows_zone_and_the_lists_of_zones(graph: GraphClient) -> None:
    assert (await graph.get("/me/mailboxSettings/timeZone"))["value"] == "W. Europe Standard Time"
    names = (await graph.get("/me/outlook/supportedTimeZones"))["value"]
    assert "W. Europe Standard Time" in {row["alias"] for row in names}
    path = "/me/outlook/supportedTimeZones(TimeZoneStandard=microsoft.graph.timeZoneStandard'Iana')"
    iana = {row["alias"] for row in (await graph.get(path))["value"]}
    assert "Europe/Berlin" in iana
    assert "Europe/Oslo" not in iana


async def test_invitations_that_would_be_sent_lie_in_the_outbox(scene: Scene, graph: GraphClient) -> None:
    guest = {"emailAddress": {"address": "guest@example.org", "name": "Guest"}, "type": "required"}
    made = await graph.post("/me/events", timed("Party", "2026-03-09", attendees=[guest]))
    await graph.patch(f"/me/events/{made['id']}", {"subject": "Big party"})
    await graph.delete(f"/me/events/{made['id']}")
    assert [item.kind for item in scene.world.outbox.all()] == ["request", "update", "cancel"]
    await graph.post("/me/events", timed("Alone", "2026-03-09"))
    assert len(scene.world.outbox.all()) == 3


async def test_who_is_taken_off_a_meeting_is_told_and_the_organizer_is_never_written_to(
    scene: Scene, graph: GraphClient
) -> None:
    def person(address: str) -> dict[str, Any]:
        return {"emailAddress": {"address": address}, "type": "required"}

    guests = [person("bo@example.org"), person("cy@example.org"), person(EMAIL)]
    made = await graph.post("/me/events", timed("Party", "2026-03-09", attendees=guests))
    await graph.patch(f"/me/events/{made['id']}", {"attendees": guests[:1]})
    await graph.patch(f"/me/events/{made['id']}", {"attendees": []})
    assert [(item.kind, item.recipients) for item in scene.world.outbox.all()] == [
        ("request", ("bo@example.org", "cy@example.org")),
        ("cancel", ("cy@example.org",)),
        ("update", ("bo@example.org",)),
        ("cancel", ("bo@example.org",)),
    ]


async def test_segments_of_a_path_are_read_in_any_case_and_ids_are_not(graph: GraphClient) -> None:
    made = await graph.post("/ME/Events", timed("A", "2026-03-09"))
    assert (await graph.get(f"/me/EVENTS/{made['id']}"))["id"] == made["id"]
    await graph.get("/me/calendars/home/events", 404)


async def test_reopening_the_file_gives_the_same_calendars_ids_and_tokens(tmp_path: Any) -> None:
    path = tmp_path / "sandbox.db"
    first = Scene(World(Storage(path)))
    issued = first.microsoft.issue_tokens(EMAIL, None, 3600)
    token = issued["access_token"]
    graph = GraphClient(first.microsoft.app, token)
    series = await graph.post("/me/events", timed("Sync", "2026-03-09", recurrence=weekly("2026-03-09", "monday")))
    instances = (await graph.get(f"/me/events/{series['id']}/instances?{WINDOW}"))["value"]
    await graph.delete(f"/me/events/{instances[1]['id']}")
    await graph.patch(f"/me/events/{instances[2]['id']}", {"subject": "Moved"})
    await graph.post("/me/events", timed("Once", "2026-03-10", transactionId="T-1"))
    _, delta = await graph.round(f"/me/calendars/HOME/calendarView/delta?{WINDOW}")
    before = first.microsoft.state()
    # As after a kill: nothing was closed, and the files hold what was answered. (A file in use cannot be opened again.)
    for name in ("sandbox.db", "sandbox.db-wal"):
        shutil.copy(tmp_path / name, tmp_path / f"killed-{name}")
    second = Scene(World(Storage(tmp_path / "killed-sandbox.db")))
    assert second.microsoft.state() == before
    again = GraphClient(second.microsoft.app, token)
    assert (await again.round(delta))[0] == []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=second.microsoft.app)) as http:
        form = {"client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": issued["refresh_token"]}
        refreshed = await http.post("http://localhost:5001/common/oauth2/v2.0/token", data=form)
    assert refreshed.status_code == 200
    await again.post("/me/events", timed("Once", "2026-03-10", transactionId="T-1"), 400)
    made = await again.post("/me/events", timed("New", "2026-03-11"))
    assert [row["id"] for row in (await again.round(delta))[0]] == [made["id"]]
