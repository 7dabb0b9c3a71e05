"""What only Google promises: ids of our own, burned ids, silence towards guests, the cost in requests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.domain.errors import AccessError, CursorExpiredError
from app.domain.identity import google_event_id
from app.domain.links import Op, Result
from tests.contract.providers.google_world import google_world
from tests.contract.providers.world import BERLIN, ProviderWorld, at, draft, timed, weekly

pytestmark = pytest.mark.anyio

MEETING = timed(at(10, 9), at(10, 10), title="Meeting")


@pytest.fixture
async def google(anyio_backend: str) -> AsyncIterator[ProviderWorld]:
    """A fresh Google account with its calendar "Home" open."""
    async with google_world() as made:
        await made.open("Home")
        yield made


def requests(world: ProviderWorld) -> list[str]:
    """What was asked on the wire so far, batches as one."""
    return [f"{row.method} {row.path}" for row in world.sandbox.world.requests.entries() if not row.part]


async def test_a_copy_is_made_under_the_id_derived_from_its_copy_id(google: ProviderWorld) -> None:
    intent = google.intent(Op.CREATE, draft=draft(MEETING))
    outcome = (await google.write(intent))[intent.id]
    assert outcome.event is not None
    assert outcome.event.id == google_event_id(intent.copy_id)


async def test_a_burned_id_is_told_with_the_dead_event(google: ProviderWorld) -> None:
    event = await google.create(MEETING, copy="same")
    google.person_deletes(event.id)
    outcome = await google.write_one(Op.CREATE, copy="same", draft=draft(MEETING))
    assert outcome.result is Result.EXISTS
    assert outcome.event is not None
    assert outcome.event.gone
    next_one = await google.write_one(Op.CREATE, copy="same", generation=1, draft=draft(MEETING))
    assert next_one.result is Result.APPLIED


async def test_a_marker_is_told_by_the_changes(google: ProviderWorld) -> None:
    await google.create(MEETING)
    (event,) = (await google.changes())[0]
    assert event.marker_known
    assert event.marker is not None
    assert event.marker.stamp == "here.1"


async def test_guests_hear_nothing_of_what_we_do(google: ProviderWorld) -> None:
    await google.open("Work")
    event_id = google.person_creates(
        title="Team",
        start="2026-03-10T09:00:00",
        end="2026-03-10T10:00:00",
        time_zone=BERLIN,
        attendees=["bo@example.org"],
    )
    assert (await google.write_one(Op.UPDATE, target_id=event_id, draft=draft(MEETING))).result is Result.APPLIED
    assert (await google.write_one(Op.DELETE, target_id=event_id)).result is Result.APPLIED
    # "placed" is an entry in the guest's calendar without a mail.
    assert [mail.kind for mail in google.sandbox.world.outbox.all() if mail.kind != "placed"] == []


async def test_every_write_says_that_nobody_is_to_be_notified(google: ProviderWorld) -> None:
    event = await google.create(weekly())
    await google.write_one(Op.UPDATE, target_id=event.id, draft=draft(weekly()))
    await google.write_one(Op.CANCEL_OCCURRENCE, target_id=event.id, occurrence_start=at(9, 9))
    await google.write_one(Op.UPDATE_OCCURRENCE, target_id=event.id, occurrence_start=at(16, 9), draft=draft(MEETING))
    await google.write_one(Op.DELETE, target_id=event.id)
    writes = [row for row in google.sandbox.world.requests.entries() if row.part and row.method != "GET"]
    assert [row.method for row in writes] == ["POST", "PATCH", "DELETE", "PATCH", "DELETE"]
    assert {row.query for row in writes} == {"sendUpdates=none"}


async def test_an_idle_read_costs_one_request(google: ProviderWorld) -> None:
    _, cursor = await google.changes()
    before = len(requests(google))
    await google.changes(cursor)
    assert len(requests(google)) - before == 1


async def test_writes_cost_one_request_for_fifty(google: ProviderWorld) -> None:
    before = len(requests(google))
    intents = [google.intent(Op.CREATE, draft=draft(MEETING)) for _ in range(101)]
    assert {outcome.result for outcome in (await google.write(*intents)).values()} == {Result.APPLIED}
    assert requests(google)[before:] == ["POST /batch/calendar/v3"] * 3


async def test_a_quota_that_is_used_up_asks_for_six_hours(google: ProviderWorld) -> None:
    body = {"error": {"code": 403, "errors": [{"domain": "usageLimits", "reason": "quotaExceeded"}]}}
    google.plant(google.create_route, "status", nth=1, status=403, body=body)
    outcome = await google.write_one(Op.CREATE, draft=draft(MEETING))
    assert (outcome.result, outcome.retry_after_seconds) == (Result.LATER, 6 * 3600)


async def test_a_missing_scope_is_told_as_such(google: ProviderWorld) -> None:
    scopes = ["https://www.googleapis.com/auth/calendar.events"]
    google.tokens.current = google.emulated.issue_tokens(google.tokens.email, scopes, 3600)["access_token"]
    with pytest.raises(AccessError) as caught:
        await google.service.calendars()
    assert caught.value.code == "scope_missing"


async def test_a_position_that_dies_between_pages_asks_for_a_full_read(google: ProviderWorld) -> None:
    _, cursor = await google.changes()
    google.plant(google.list_route, "token_dead", nth=1)
    with pytest.raises(CursorExpiredError):
        await google.changes(cursor)


async def test_every_recurrence_can_be_said(google: ProviderWorld) -> None:
    lines = (
        "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=4",
        "RDATE;TZID=Europe/Berlin:20260315T090000",
        "EXRULE:FREQ=MONTHLY;BYMONTHDAY=31",
    )
    event = await google.create(weekly(*lines))
    assert google.client.expresses(weekly(*lines))
    assert event.fields is not None
    assert event.fields.recurrence is not None
    assert event.fields.recurrence.lines == lines


async def test_a_planted_empty_listing_is_told_as_it_is_and_proves_nothing(google: ProviderWorld) -> None:
    event_id = google.person_creates(title="There", start="2026-03-10T09:00:00", end="2026-03-10T10:00:00")
    google.plant(google.list_route, "empty", nth=1)
    assert (await google.changes())[0] == []
    assert (await google.read(event_id))[event_id].events[0].id == event_id
