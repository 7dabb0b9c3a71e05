"""Every 403 of the emulated Calendar API comes from what a client did or may do, each with its own reason; quota units
in sliding windows."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.sandbox.google.quota import LIMITS, Limit, Window
from tests.contract.sandbox.conftest import EMAIL, GoogleSide
from tests.contract.sandbox.test_google_events import reason
from tests.contract.sandbox.test_google_switches import call_batch, patch, turn

pytestmark = pytest.mark.anyio

OTHER = "ben@example.com"


async def colors(side: GoogleSide, times: int, client: httpx.AsyncClient | None = None) -> list[tuple[int, str]]:
    """Ask for the colours again and again; status and reason of every refusal."""
    answers = [await (client or side.client).get("colors") for _ in range(times)]
    return [reason(answer) for answer in answers if answer.status_code != 200]


async def test_a_user_has_600_calls_in_any_minute(side: GoogleSide) -> None:
    turn(side, "quota", "current")
    assert await colors(side, 600) == []
    answer = await side.client.get("colors")
    assert reason(answer) == (403, "userRateLimitExceeded")
    assert answer.json()["error"]["errors"][0]["domain"] == "usageLimits"
    side.world.clock.advance(59)
    assert await colors(side, 1) == [(403, "userRateLimitExceeded")]
    side.world.clock.advance(2)
    assert await colors(side, 1) == []


async def test_a_quota_applies_when_nothing_is_said(side: GoogleSide) -> None:
    assert await colors(side, 601) == [(403, "userRateLimitExceeded")]


async def test_the_earlier_quota_counts_500_calls_in_any_100_seconds(side: GoogleSide) -> None:
    turn(side, "quota", "earlier")
    assert await colors(side, 501) == [(403, "userRateLimitExceeded")]
    side.world.clock.advance(101)
    assert await colors(side, 1) == []


async def test_without_a_quota_nothing_is_counted(side: GoogleSide) -> None:
    turn(side, "quota", "off")
    assert await colors(side, 700) == []


async def test_one_users_calls_are_not_anothers_but_all_are_the_projects(
    side: GoogleSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        LIMITS,
        "current",
        (("userRateLimitExceeded", Limit(600, 60.0)), ("rateLimitExceeded", Limit(1000, 60.0))),
    )
    turn(side, "quota", "current")
    side.google.seed_account({"email": OTHER})
    token = side.google.issue_tokens(OTHER, None, 3599)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app=side.google.app)
    async with httpx.AsyncClient(transport=transport, base_url=side.client.base_url, headers=headers) as other:
        assert await colors(side, 600) == []
        assert await colors(side, 401, other) == [(403, "rateLimitExceeded")]
        turn(side, "rate_limit_status", 429)
        assert await colors(side, 1, other) == [(429, "rateLimitExceeded")]
        turn(side, "rate_limit_status", 403)
        assert await colors(side, 1, other) == [(403, "rateLimitExceeded")]


async def test_the_earlier_quota_ends_with_the_day(side: GoogleSide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "earlier", (("dailyLimitExceeded", Limit(3, 86_400.0)),))
    turn(side, "quota", "earlier")
    assert await colors(side, 4) == [(403, "dailyLimitExceeded")]
    side.world.clock.advance(86_401)
    side.client = side.caller(None)
    assert await colors(side, 1) == []


@pytest.mark.parametrize(("cost", "left"), [(1, 599), (3, 597)])
async def test_a_patch_costs_one_unit_or_three(side: GoogleSide, cost: int, left: int) -> None:
    turn(side, "quota", "off")
    event = await side.insert()
    turn(side, "patch_cost", cost)
    turn(side, "quota", "current")
    assert (await patch(side, event["id"], summary="New")).status_code == 200
    assert await colors(side, left) == []
    assert await colors(side, 1) == [(403, "userRateLimitExceeded")]


async def test_a_batch_costs_what_its_calls_cost_and_fails_one_by_one(
    side: GoogleSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "current", (("userRateLimitExceeded", Limit(3, 60.0)),))
    turn(side, "quota", "current")
    answer = await call_batch(side, *["GET /calendar/v3/colors"] * 5)
    assert answer.status_code == 200
    assert answer.text.count("HTTP/1.1 200") == 3
    assert answer.text.count("HTTP/1.1 403") == 2
    assert answer.text.count('"reason": "userRateLimitExceeded"') == 2


@pytest.mark.parametrize("value", ["quotaExceeded", "calendarUsageLimitsExceeded"])
async def test_too_many_writes_to_one_calendar_limit_its_use_for_an_hour(side: GoogleSide, value: str) -> None:
    turn(side, "usage_limit_reason", value)
    turn(side, "writes_per_calendar_hour", 2)
    event = await side.insert()
    assert (await patch(side, event["id"], summary="New")).status_code == 200
    answer = await side.client.delete(f"calendars/primary/events/{event['id']}")
    assert reason(answer) == (403, value)
    assert answer.json()["error"]["message"] == "Calendar usage limits exceeded."
    assert (await side.list())["items"], "reading goes on"
    assert await side.insert(side.second), "and so do other calendars"
    side.world.clock.advance(3601)
    side.client = side.caller(None)
    assert (await side.client.delete(f"calendars/primary/events/{event['id']}")).status_code == 204


async def test_a_project_without_the_api_is_told_so(side: GoogleSide) -> None:
    turn(side, "calendar_api", "disabled")
    answer = await side.client.get("calendars/primary/events")
    assert reason(answer) == (403, "accessNotConfigured")
    assert answer.json()["error"]["errors"][0]["domain"] == "usageLimits"
    turn(side, "calendar_api", "enabled")
    assert (await side.client.get("calendars/primary/events")).status_code == 200


async def test_each_kind_of_missing_right_has_its_reason(side: GoogleSide) -> None:
    body: dict[str, Any] = {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
    async with side.caller(["calendar.calendarlist.readonly"]) as narrow:
        assert reason(await narrow.get("calendars/primary/events")) == (403, "insufficientPermissions")
    assert reason(await side.client.post(f"calendars/{side.team}/events", json=body)) == (403, "forbidden")
    made = side.google.create_event(
        EMAIL,
        {"title": "Board", "start": "2026-03-10T10:00:00", "end": "2026-03-10T11:00:00", "response": "accepted"},
    )
    assert reason(await patch(side, made["id"], location="Elsewhere")) == (403, "forbiddenForNonOrganizer")


async def test_a_writer_without_private_access_neither_sees_nor_changes_private_events(side: GoogleSide) -> None:
    event = await side.insert(visibility="private")
    side.google.set_role(EMAIL, "writerWithoutPrivateAccess")
    (shown,) = (await side.list())["items"]
    assert "summary" not in shown
    assert reason(await patch(side, event["id"], summary="Mine")) == (403, "forbidden")
    assert (await side.insert(summary="Open"))["summary"] == "Open"


async def test_no_header_and_a_dead_token_are_told_apart(side: GoogleSide) -> None:
    del side.client.headers["Authorization"]
    answer = await side.client.get("colors")
    assert reason(answer) == (401, "required")
    assert answer.json()["error"]["message"] == "Login Required."
    answer = await side.client.get("colors", headers={"Authorization": "Bearer nonsense"})
    assert reason(answer) == (401, "authError")


def test_a_window_slides() -> None:
    window, limit = Window(), Limit(3, 10.0)
    for now in (0.0, 4.0, 8.0):
        assert window.has_room(limit, now, 1)
        window.add(now, 1)
    assert not window.has_room(limit, 9.9, 1)
    assert window.has_room(limit, 10.0, 1)
    assert not window.has_room(limit, 10.0, 2)
