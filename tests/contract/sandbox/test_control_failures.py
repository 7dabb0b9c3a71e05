"""Failures, switches, clock, log and accounts over the control API, and what the services' clients meet then."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from app.sandbox.google import CLIENT_ID, CLIENT_SECRET
from app.sandbox.server import Sandbox
from app.sandbox.world import Clock
from tests.contract.sandbox.control_room import ANA, LEO, NOON, SEED, ControlRoom

pytestmark = pytest.mark.anyio

GOOGLE = ("google", "calendars/primary/events", "google:GET /calendar/v3/calendars/*/events")
GRAPH = ("microsoft", "me/events", "microsoft:GET /v1.0/me/events")
BOTH = pytest.mark.parametrize(("provider", "path", "route"), [GOOGLE, GRAPH])


@pytest.fixture
async def room() -> AsyncIterator[ControlRoom]:
    """Both services, and the control API."""
    made = ControlRoom()
    yield made
    await made.close()


def service(room: ControlRoom, provider: str) -> httpx.AsyncClient:
    """The client of a service."""
    return room.google if provider == "google" else room.graph


async def plant(room: ControlRoom, route: str, kind: str, **more: Any) -> dict[str, Any]:
    """Plant a failure; as the control API shows it."""
    planted = await room.ask("POST", "/faults", {"route": route, "kind": kind, **more}, status=201)
    return dict(planted)


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    """The items of a listing of either service."""
    body = answer.json()
    return list(body.get("items", body.get("value")))


# --- failures --------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("status", [429, 503])
async def test_a_service_asks_to_wait_some_seconds(
    room: ControlRoom, provider: str, path: str, route: str, status: int
) -> None:
    await plant(room, route, "status", status=status, retry_after=89.5, times=1)
    client = service(room, provider)
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "90")
    assert (await client.get(path)).status_code == 200


@BOTH
async def test_a_date_to_wait_for_follows_the_services_clock(
    room: ControlRoom, provider: str, path: str, route: str
) -> None:
    await room.ask("PUT", "/clock", {"now": "2030-01-01T00:00:00Z"})
    await plant(room, route, "status", status=503, retry_after=90, retry_after_as="date")
    answer = await service(room, provider).get(path)
    assert parsedate_to_datetime(answer.headers["retry-after"]) == datetime(2030, 1, 1, 0, 1, 30, tzinfo=UTC)


@BOTH
async def test_401_once_and_a_burst_of_500s_pass_by_themselves(
    room: ControlRoom, provider: str, path: str, route: str
) -> None:
    await plant(room, route, "status", status=401, nth=1)
    client = service(room, provider)
    assert [(await client.get(path)).status_code for _ in range(3)] == [401, 200, 200]
    await plant(room, route, "status", status=500, times=3)
    assert [(await client.get(path)).status_code for _ in range(5)] == [500, 500, 500, 200, 200]


@BOTH
async def test_a_status_has_the_body_and_headers_that_were_given(
    room: ControlRoom, provider: str, path: str, route: str
) -> None:
    await plant(room, route, "status", status=418, body={"a": [1, None]}, headers={"X-Thing": "yes"}, times=1)
    answer = await service(room, provider).get(path)
    assert (answer.status_code, answer.json(), answer.headers["x-thing"]) == (418, {"a": [1, None]}, "yes")
    assert answer.headers["content-type"].startswith("application/json")


@BOTH
async def test_a_networks_log_in_page_answers_200_and_html(
    room: ControlRoom, provider: str, path: str, route: str
) -> None:
    await plant(room, route, "captive_portal", nth=1)
    client = service(room, provider)
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=UTF-8")
    assert "Log in" in answer.text
    assert (await client.get(path)).headers["content-type"].startswith("application/json")


@BOTH
async def test_a_packed_answer_is_the_same_answer(room: ControlRoom, provider: str, path: str, route: str) -> None:
    client = service(room, provider)
    plain = await client.get(path)
    await plant(room, route, "gzip")
    async with client.stream("GET", path) as packed:
        raw = b"".join([part async for part in packed.aiter_raw()])
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(raw)
    assert json.loads(gzip.decompress(raw)) == plain.json()
    assert (await client.get(path)).json() == plain.json()


@BOTH
async def test_a_skewed_clock_shows_in_the_date_of_answers(
    room: ControlRoom, provider: str, path: str, route: str
) -> None:
    client = service(room, provider)
    assert parsedate_to_datetime((await client.get(path)).headers["date"]) == NOON
    await plant(room, route, "clock_skew", seconds=-600, nth=1)
    assert parsedate_to_datetime((await client.get(path)).headers["date"]) == NOON - timedelta(minutes=10)
    await room.ask("PUT", "/clock", {"advance_seconds": 86_400})
    assert parsedate_to_datetime((await client.get(path)).headers["date"]) == NOON + timedelta(days=1)


@BOTH
async def test_a_connection_is_cut_before_or_after_the_work_or_half_way_through_the_answer(
    room: ControlRoom, provider: str, path: str, route: str
) -> None:
    day: dict[str, Any] = {"summary": "Trip", "start": {"date": "2026-03-12"}, "end": {"date": "2026-03-13"}}
    if provider == "microsoft":
        times = {
            name: {"dateTime": f"2026-03-1{at}T00:00:00", "timeZone": "UTC"} for name, at in (("start", 2), ("end", 3))
        }
        day = {"subject": "Trip", "isAllDay": True, **times}
    client, post = service(room, provider), route.replace("GET", "POST")
    for kind, made in (("reset_before", 0), ("reset_after_commit", 1), ("truncate", 2)):
        await plant(room, post, kind, nth=1)
        with pytest.raises(httpx.ReadError):
            await client.post(path, json=day)
        assert len(rows(await client.get(path))) == made
    await plant(room, route, "truncate", nth=1)
    with pytest.raises(httpx.ReadError):
        await client.get(path)


@BOTH
async def test_a_listing_is_empty_stale_doubled_or_in_another_order(
    room: ControlRoom, provider: str, path: str, route: str
) -> None:
    calendar = room.calendars(provider)[0]
    for number in range(8):
        body = {"title": f"Event {number}", "start": "2026-03-12"}
        await room.ask("POST", f"/calendars/{calendar}/events", body, status=201)
    client = service(room, provider)
    usual = [row["id"] for row in rows(await client.get(path))]
    assert len(usual) == 8
    await plant(room, route, "empty", nth=1)
    assert rows(await client.get(path)) == []
    await plant(room, route, "stale", seconds=60, nth=1)
    assert rows(await client.get(path)) == []
    await plant(room, route, "duplicate", nth=1)
    doubled = [row["id"] for row in rows(await client.get(path))]
    assert (set(doubled) <= set(usual), len(doubled) > len(set(doubled))) == (True, True)
    await plant(room, route, "reorder", nth=1)
    other = [row["id"] for row in rows(await client.get(path))]
    assert (sorted(other), other != usual) == (sorted(usual), True)


async def test_tokens_die_in_the_middle_of_a_listing(room: ControlRoom) -> None:
    for number in range(4):
        await room.ask("POST", f"/calendars/{ANA}/events", {"title": str(number), "start": "2026-03-12"}, status=201)
    await plant(room, GOOGLE[2], "token_dead", nth=2)
    first = await room.google.get(GOOGLE[1], params={"maxResults": 2})
    second = await room.google.get(GOOGLE[1], params={"maxResults": 2, "pageToken": first.json()["nextPageToken"]})
    assert second.status_code == 410
    route = "microsoft:GET /v1.0/me/calendarView/delta"
    await plant(room, route, "token_dead", nth=2)
    window = {"startDateTime": "2026-03-01T00:00:00Z", "endDateTime": "2026-04-01T00:00:00Z"}
    delta = (await room.graph.get("me/calendarView/delta", params=window)).json()["@odata.deltaLink"]
    assert (await room.graph.get(delta)).status_code == 410


@BOTH
async def test_an_answer_takes_as_long_as_a_latency_says(
    room: ControlRoom, provider: str, path: str, route: str
) -> None:
    await plant(room, route, "latency", seconds=0.2, nth=1)
    client = service(room, provider)
    slow, quick = await client.get(path), await client.get(path)
    assert slow.elapsed >= timedelta(seconds=0.2) > quick.elapsed


async def test_a_failure_tells_how_often_it_was_met_and_can_be_taken_away(room: ControlRoom) -> None:
    planted = await plant(room, "* /calendar/v3/**", "status", status=500, rate=1.0)
    assert (await room.google.get("users/me/calendarList")).status_code == 500
    (shown,) = (await room.ask("GET", "/faults"))["faults"]
    assert (shown["id"], shown["seen"], shown["hits"]) == (planted["id"], 1, 1)
    await room.ask("DELETE", f"/faults/{planted['id']}", status=204)
    assert (await room.google.get("users/me/calendarList")).status_code == 200
    await room.ask("DELETE", f"/faults/{planted['id']}", status=404)


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"kind": "empty"}, "route"),
        ({"route": "GET **"}, "kind"),
        ({"route": "GET **", "kind": "explode"}, "kind"),
        ({"route": "/x", "kind": "empty"}, "route"),
        ({"route": "apple:GET /x", "kind": "empty"}, "route"),
        ({"route": "GET **", "kind": "empty", "nth": 0}, "nth"),
        ({"route": "GET **", "kind": "empty", "nth": "1"}, "nth"),
        ({"route": "GET **", "kind": "empty", "rate": 1.5}, "rate"),
        ({"route": "GET **", "kind": "latency", "seconds": 1e9}, "seconds"),
        ({"route": "GET **", "kind": "latency", "seconds": 601}, "seconds"),
        ({"route": "GET **", "kind": "status", "status": 99}, "status"),
        ({"route": "GET **", "kind": "status", "status": 204, "body": {}}, "body"),
        ({"route": "GET **", "kind": "status", "headers": {"X-A": "b\r\nc: d"}}, "headers.X-A"),
        ({"route": "GET **", "kind": "status", "retry_after_as": "week"}, "retry_after_as"),
        ({"route": "GET **", "kind": "empty", "colour": "red"}, "colour"),
    ],
)
async def test_a_failure_that_cannot_be_planted_is_refused_by_its_field(
    room: ControlRoom, fault: dict[str, Any], field: str
) -> None:
    assert (await room.ask("POST", "/faults", fault, status=422))["field"] == field
    assert (await room.ask("GET", "/faults")) == {"faults": []}


# --- switches, clock, log --------------------------------------------------------------------------------------------


async def test_switches_are_turned_together_or_not_at_all(room: ControlRoom) -> None:
    name = "google.restore_by_patch"
    for change, field in (
        ({name: "refuse", "google.nothing": 1}, "google.nothing"),
        ({name: "refuse", "microsoft.delta_duplicate_share": "much"}, "microsoft.delta_duplicate_share"),
        ({name: "refuse", "microsoft.delta_duplicate_share": 10**400}, "microsoft.delta_duplicate_share"),
        ({name: "refuse", "microsoft.if_match_on_delete": 1}, "microsoft.if_match_on_delete"),
    ):
        assert (await room.ask("PATCH", "/behaviour", change, status=422))["field"] == field
        assert (await room.ask("GET", "/behaviour"))[name]["value"] == "allow"
    changed = await room.ask("PATCH", "/behaviour", {name: "refuse", "microsoft.delta_duplicate_share": 1})
    assert (changed[name]["value"], changed["microsoft.delta_duplicate_share"]["value"]) == ("refuse", 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"now": "noon"}, "now"),
        ({"now": "2026-03-09T12:00:00"}, "now"),
        ({"now": "0001-01-01T00:00:00+14:00"}, "now"),
        ({"now": 5}, "now"),
        ({"advance_seconds": "60"}, "advance_seconds"),
        ({"advance_seconds": 1e300}, "advance_seconds"),
        ({"hour": 5}, "hour"),
    ],
)
async def test_a_clock_that_cannot_be_turned_stays_as_it_is(
    room: ControlRoom, change: dict[str, Any], field: str
) -> None:
    assert (await room.ask("PUT", "/clock", change, status=422))["field"] == field
    assert await room.ask("GET", "/clock") == {"now": "2026-03-09T12:00:00+00:00"}


async def test_the_clock_is_set_and_moved(room: ControlRoom) -> None:
    turned = await room.ask("PUT", "/clock", {"now": "2026-06-01T10:00:00+02:00", "advance_seconds": 90})
    assert turned == await room.ask("GET", "/clock") == {"now": "2026-06-01T08:01:30+00:00"}


async def test_parts_of_batches_are_counted_beside_their_batch(room: ControlRoom) -> None:
    call = "GET /calendar/v3/users/me/calendarList HTTP/1.1\r\n\r\n"
    parts = [f"--b\r\nContent-Type: application/http\r\nContent-ID: <{one}>\r\n\r\n{call}\r\n" for one in "xyz"]
    kind = {"Content-Type": "multipart/mixed; boundary=b"}
    batch = "http://127.0.0.1/batch/calendar/v3"
    assert (await room.google.post(batch, headers=kind, content="".join(parts) + "--b--")).status_code == 200
    requests = [{"id": str(number), "method": "GET", "url": "/me/calendars"} for number in range(4)]
    assert (await room.graph.post("$batch", json={"requests": requests})).status_code == 200
    counts = (await room.ask("GET", "/requests"))["counts"]
    assert counts["google:POST /batch/calendar/v3"] == 1
    assert counts["google:GET /calendar/v3/users/me/calendarList"] == 3
    assert sum(count for route, count in counts.items() if "me/calendars" in route) == 4
    own = await room.ask("GET", "/requests", params={"provider": "microsoft"})
    assert [entry["part"] for entry in own["requests"]] == [True] * 4 + [False]
    assert all(route.startswith("microsoft:") for route in own["counts"])
    assert (await room.ask("GET", "/requests", params={"provider": "apple"}, status=422))["field"] == "provider"
    await room.ask("DELETE", "/requests", status=204)
    assert await room.ask("GET", "/requests") == {"counts": {}, "requests": []}


# --- accounts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "provider", "path"), [(ANA, "google", "users/me/calendarList"), (LEO, "microsoft", "me")]
)
async def test_every_switch_of_an_account_does_what_it_says(
    room: ControlRoom, email: str, provider: str, path: str
) -> None:
    async def works(token: str) -> bool:
        client = service(room, provider)
        return (await client.get(path, headers={"Authorization": f"Bearer {token}"})).status_code == 200

    async def fresh() -> str:
        return str((await room.ask("POST", "/tokens", {"email": email}))["access_token"])

    for switch in ("expire_access", "revoke"):
        token = await fresh()
        assert await works(token)
        await room.ask("PATCH", f"/accounts/{email}", {switch: False})
        assert await works(token)
        await room.ask("PATCH", f"/accounts/{email}", {switch: True})
        assert not await works(token)
    token = await fresh()
    await room.ask("PATCH", f"/accounts/{email}", {"change_password": True})
    # Google lets calendars be; Microsoft ends every session.
    assert await works(token) == (provider == "google")
    assert (await room.ask("PATCH", f"/accounts/{email}", {"testing_mode": True}))["testing_mode"] is True
    second = room.calendars(provider)[1]
    change = {"downgrade": {"calendar": second, "role": "reader"}}
    shown = await room.ask("PATCH", f"/accounts/{email}", change)
    assert [row["role"] for row in shown["calendars"] if row["id"] == second] == ["reader"]


async def test_googles_refresh_tokens_live_for_seven_days_in_testing_mode(room: ControlRoom) -> None:
    await room.ask("PATCH", f"/accounts/{ANA}", {"testing_mode": True})
    refresh = (await room.ask("POST", "/tokens", {"email": ANA}))["refresh_token"]
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    assert (await room.google.post("http://127.0.0.1/token", data=form)).status_code == 200
    await room.ask("PUT", "/clock", {"advance_seconds": 7 * 86_400 + 60})
    ended = await room.google.post("http://127.0.0.1/token", data=form)
    assert (ended.status_code, ended.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"revoke": "yes"}, "revoke"),
        ({"fire": True}, "fire"),
        ({"challenge": True, "revoke": True}, "challenge"),
        ({"downgrade": {"calendar": ANA}}, "downgrade.role"),
        ({"downgrade": {"calendar": ANA, "role": "king"}}, "downgrade.role"),
        ({"downgrade": {"calendar": "nothere", "role": "reader"}, "revoke": True}, "downgrade.calendar"),
    ],
)
async def test_a_switch_that_cannot_be_turned_is_named_and_nothing_happens(
    room: ControlRoom, change: dict[str, Any], field: str
) -> None:
    assert (await room.ask("PATCH", f"/accounts/{ANA}", change, status=422))["field"] == field
    assert (await room.google.get("users/me/calendarList")).status_code == 200


@pytest.mark.parametrize(
    ("account", "field"),
    [
        ({"provider": "google"}, "email"),
        ({"provider": "apple", "email": "a@example.org"}, "provider"),
        ({"provider": "google", "email": "nobody"}, "email"),
        ({"provider": "google", "email": ANA}, "email"),
        ({"provider": "microsoft", "email": ANA}, "email"),
        ({"provider": "google", "email": "a@example.org", "time_zone": "Mars/Base"}, "time_zone"),
        ({"provider": "google", "email": "a@example.org", "calendars": [{}]}, "calendars.0.name"),
        ({"provider": "google", "email": "a@example.org", "calendars": [{"name": "x", "id": ANA}]}, "calendars.0.id"),
        (
            {"provider": "google", "email": "a@example.org", "calendars": [{"name": "x", "events": [{"title": "y"}]}]},
            "calendars.0.events.0.start",
        ),
    ],
)
async def test_an_account_that_cannot_be_made_is_refused_by_its_field(
    room: ControlRoom, account: dict[str, Any], field: str
) -> None:
    before = await room.ask("GET", "/state")
    assert (await room.ask("POST", "/accounts", account, status=422))["field"] == field
    assert await room.ask("GET", "/state") == before
    seed = {"seed": {"accounts": [account]}}
    if field != "email" and account.get("email") != ANA and "id" not in field:
        assert (await room.ask("POST", "/reset", seed, status=422))["field"] == f"seed.accounts.0.{field}"
        assert await room.ask("GET", "/state") == before


async def test_an_account_with_an_event_its_service_does_not_take_is_not_made_at_all(room: ControlRoom) -> None:
    event = {"title": "x", "start": "2026-03-09T10:00:00", "rrule": ["RRULE:FREQ=HOURLY;COUNT=3"]}
    account = {"provider": "microsoft", "email": "a@example.org", "calendars": [{"name": "x", "events": [event]}]}
    before = await room.ask("GET", "/state")
    await room.ask("POST", "/accounts", account, status=422)
    after = await room.ask("GET", "/state")
    assert {**after, "change": 0} == {**before, "change": 0}


@pytest.mark.parametrize(
    ("wish", "status", "field"),
    [
        ({"email": "nobody@example.org"}, 404, None),
        ({}, 422, "email"),
        ({"email": ANA, "lifetime_seconds": 0}, 422, "lifetime_seconds"),
        ({"email": ANA, "scopes": "calendar"}, 422, "scopes"),
        ({"email": LEO, "scopes": ["Calendars.Fly"]}, 422, "scopes"),
        ({"email": ANA, "scopes": ["https://www.googleapis.com/auth/calendar.fly"]}, 422, "scopes"),
    ],
)
async def test_tokens_that_cannot_be_issued_are_refused(
    room: ControlRoom, wish: dict[str, Any], status: int, field: str | None
) -> None:
    assert (await room.ask("POST", "/tokens", wish, status=status))["field"] == field


async def test_the_token_of_the_control_api_is_asked_for_first(room: ControlRoom) -> None:
    for headers in ({"Authorization": "Bearer x"}, {"Authorization": "Basic x"}, {"Authorization": ""}):
        problem = await room.ask("POST", "/faults", {"route": 5}, headers=headers, status=401)
        assert set(problem) == {"error", "field", "details"}


async def test_a_reset_keeps_the_seed_it_is_given(room: ControlRoom) -> None:
    seed = {"accounts": [{"provider": "google", "email": "zoe@example.org"}]}
    await room.ask("POST", "/reset", {"seed": seed, "random_seed": 3})
    await room.ask("POST", "/accounts", {"provider": "google", "email": "b@example.org"}, status=201)
    assert await room.ask("POST", "/reset") == {"random_seed": 3}
    assert [row["email"] for row in (await room.ask("GET", "/accounts"))["accounts"]] == ["zoe@example.org"]


def test_the_same_seed_is_the_same_state_to_the_byte() -> None:
    states = []
    for _ in range(2):
        sandbox = Sandbox(random_seed=3, seed=SEED, clock=Clock(lambda: NOON))
        states.append([provider.state() for provider in sandbox.providers])
        sandbox.close()
    assert states[0] == states[1]
