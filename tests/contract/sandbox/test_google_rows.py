"""A row of a listing is written in a way of its own, and a seed may be packed: nobody must be able to tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.sandbox.google.store import ROLES
from app.sandbox.google.stored import Event
from app.sandbox.packing import MANY, PackedEvents, packed
from app.sandbox.seed import GOOGLE_EMAIL
from app.sandbox.server import Sandbox
from app.sandbox.world import Clock
from tests.contract.sandbox.conftest import EMAIL, GoogleSide

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
ODD: list[dict[str, Any]] = [
    {"summary": 'Quotes " and \\ and \u2028 and 🍜', "description": "<b>two\nlines</b>", "location": "\u0007bell"},
    {"iCalUID": "own@example.org", "colorId": "4", "transparency": "transparent", "status": "tentative"},
    {"visibility": "private", "summary": "Secret", "attendees": [{"email": EMAIL}, {"email": "guest@example.org"}]},
    {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-12"}, "sequence": 7},
    {"reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]}, "guestsCanModify": True},
    {
        "extendedProperties": {"private": {"a": "1"}, "shared": {"b": "2"}},
        "source": {"title": "x", "url": "https://x"},
    },
    {"end": {"dateTime": "2026-03-10T18:00:00+02:00", "timeZone": "America/New_York"}},
    {"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]},
]


async def pages(client: httpx.AsyncClient, calendar: str, **params: str) -> list[str]:
    """The listing as it came, with and without a selector that takes everything."""
    answers = []
    for more in ({}, {"fields": "*"}):
        answer = await client.get(f"calendars/{calendar}/events", params={**params, **more})
        assert answer.status_code == 200, answer.text
        answers.append(answer.text)
    return answers


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
@pytest.mark.parametrize("role", ROLES)
async def test_rows_are_the_same_to_the_byte_with_a_selector_that_takes_everything(
    side: GoogleSide, role: str, zone: str
) -> None:
    made = [await side.insert(**fields) for fields in ODD]
    await side.client.delete(f"calendars/primary/events/{made[0]['id']}")
    await side.client.delete(f"calendars/primary/events/{made[-1]['id']}_20260311T090000Z")
    side.google.set_role(EMAIL, role)
    for params in ({"showDeleted": "true"}, {"singleEvents": "true"}, {"maxResults": "3"}):
        plain, selected = await pages(side.client, "primary", timeZone=zone, **params)
        assert plain == selected
        assert '"items":[{' in plain


async def test_rows_of_the_demos_calendars_are_what_get_answers() -> None:
    sandbox = Sandbox(clock=Clock(lambda: NOON))
    token = sandbox.google.issue_tokens(GOOGLE_EMAIL, None, 3599)["access_token"]
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=sandbox.google.app),
        base_url="http://127.0.0.1/calendar/v3/",
        headers={"Authorization": f"Bearer {token}"},
    )
    seen = 0
    for row in sandbox.google.calendars(GOOGLE_EMAIL):
        plain, selected = await pages(client, row["id"], maxResults="2500")
        assert plain == selected
        for item in httpx.Response(200, text=plain).json()["items"]:
            if item["status"] != "cancelled":
                assert (await client.get(f"calendars/{row['id']}/events/{item['id']}")).json() == item
                seen += 1
    assert seen > 20
    sandbox.close()


@pytest.mark.parametrize(
    "body",
    [
        {"status": "cancelled", "eventType": "default"},
        {"status": "confirmed", "iCalUID": "e1@google.com", "start": {"date": "2026-03-10"}, "zeta": [1, {"a": None}]},
        {"iCalUID": "other", "status": "confirmed", "start": {"dateTime": "x", "timeZone": "UTC"}, "sequence": 0},
    ],
)
async def test_a_stored_body_comes_back_as_it_was_in_its_order(body: dict[str, Any]) -> None:
    event = Event("e1", body, 1, 0, "now")
    assert event.body == body
    assert list(event.body) == list(body)
    assert {name: event.get(name) for name in body} == body
    assert event.get("location") is None


async def test_a_packed_seed_makes_the_same_world_and_again_after_a_reset() -> None:
    rows = [
        {
            "title": f"Nr {n} – ü",
            "start": f"2026-03-{1 + n % 28:02d}",
            "end": f"2026-03-{2 + n % 28:02d}",
            "all_day": True,
        }
        for n in range(MANY + 3)
    ]
    calendar = {"name": "Work", "primary": True, "events": rows}
    seed = {"accounts": [{"provider": "google", "email": EMAIL, "calendars": [calendar]}]}
    kept = packed(seed)["accounts"][0]["calendars"][0]["events"]
    assert isinstance(kept, PackedEvents)
    assert [len(kept), list(kept), list(kept)] == [len(rows), rows, rows]
    sandbox = Sandbox(random_seed=5, seed=seed, clock=Clock(lambda: NOON))
    first = sandbox.google.list_events(EMAIL)
    assert [event["title"] for event in first] == [row["title"] for row in rows]
    sandbox.reset()
    assert sandbox.google.list_events(EMAIL) == first
    assert calendar["events"] is rows
    sandbox.close()
