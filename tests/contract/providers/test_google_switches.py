"""Our Google client under every value of the switches that can touch it: what is unverified of Google must not matter.

Most lines run tests of the contract again with a switch turned away from its default, under which they run anyway;
where a value has a meaning of its own for the client, a test here says what it does then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from app.domain.errors import AccessError, CursorExpiredError, ProtocolError, ThrottledError
from app.domain.events import Fields
from app.domain.links import Evidence, Op, Result
from app.domain.times import When
from app.sandbox.google import Google
from tests.contract.providers import test_google as own
from tests.contract.providers import test_reading as reading
from tests.contract.providers import test_series as series
from tests.contract.providers import test_writing as writing
from tests.contract.providers.google_world import google_world
from tests.contract.providers.world import ProviderWorld, at, draft, timed, weekly

pytestmark = pytest.mark.anyio

Part = Callable[[ProviderWorld], Awaitable[None]]

READING: tuple[Part, ...] = (
    reading.test_a_full_read_tells_what_a_person_made,
    reading.test_nothing_new_is_told_after_a_full_read,
    reading.test_an_incremental_read_tells_new_and_changed_events,
    reading.test_a_deleted_event_is_proved_gone_by_a_direct_read,
    reading.test_a_read_in_many_pages_tells_every_event_once,
    reading.test_marked_events_are_those_of_one_direction_wherever_they_lie,
    reading.test_deleted_and_released_copies_are_no_longer_listed_by_marker,
)
SERIES: tuple[Part, ...] = (
    series.test_one_occurrence_is_cancelled_and_cancelling_it_again_is_fine,
    series.test_a_persons_exceptions_are_told_and_the_series_is_read_whole,
    series.test_a_full_read_tells_a_series_with_its_exceptions_once,
    series.test_a_deleted_series_is_proved_gone,
    series.test_a_series_is_deleted_with_its_exceptions,
    series.test_a_rule_is_changed,
)
BURNED: tuple[Part, ...] = (
    writing.test_the_same_create_again_leaves_one_event,
    writing.test_a_deleted_event_is_gone_and_deleting_it_again_is_fine,
    own.test_a_burned_id_is_told_with_the_dead_event,
)
BATCHES: tuple[Part, ...] = (
    writing.test_more_writes_than_fit_one_request_are_all_told_once,
    writing.test_one_refused_write_does_not_stop_the_others,
    reading.test_many_events_are_read_directly,
    series.test_series_and_single_events_are_read_in_one_go,
)
WRITES: tuple[Part, ...] = (
    writing.test_an_update_of_a_changed_event_is_dropped,
    writing.test_an_all_day_event_becomes_a_timed_one,
)


def lines(name: str, values: tuple[Any, ...], *parts: Part) -> list[Any]:
    """One test for each value and part."""
    return [
        pytest.param(f"google.{name}", value, part, id=f"{name}={value}-{part.__name__.removeprefix('test_')}")
        for value in values
        for part in parts
    ]


AGAIN = [
    *lines("deleted_in_lists", ("full",), *READING),
    *lines("deleted_series_lists_exceptions", (True,), *SERIES),
    *lines("changed_sync_parameters", ("ignore",), *READING),
    *lines("window_kept_by_sync_token", ("leaves_out", "as_cancelled"), *READING, *SERIES[:4]),
    *lines("pages", ("ragged",), *READING, *SERIES),
    *lines("max_results_over_limit", ("refuse",), *READING, *SERIES[:4]),
    *lines("repeated_property_filter", ("or",), *READING[-2:]),
    *lines("all_day_instance_id", ("midnight",), *SERIES),
    *lines("restore_by_patch", ("refuse",), *BURNED),
    *lines("exceptions_after_master_change", ("drop",), *SERIES),
    *lines("oversized_property", ("cut",), own.test_a_marker_is_told_by_the_changes),
    *lines("reminders_change_etag", (False,), *WRITES),
    *lines("text", ("as_sent",), *WRITES),
    *lines(
        "weak_role_reason",
        ("requiredAccessLevel",),
        writing.test_a_refused_calendar_refuses_the_write_with_a_reason,
    ),
    *lines("batch_answers", ("as_sent",), *BATCHES),
    *lines("rate_limit_status", (429,), writing.test_a_write_refused_for_its_pace_comes_back_later),
]


@pytest.fixture
async def google(anyio_backend: str) -> AsyncIterator[ProviderWorld]:
    """A fresh Google account with its calendar "Home" open."""
    async with google_world() as made:
        await made.open("Home")
        yield made


def turn(world: ProviderWorld, name: str, value: Any) -> None:
    """Turn a switch of Google's."""
    world.sandbox.world.behaviour.set(f"google.{name}", value)


@pytest.mark.parametrize(("switch", "value", "part"), AGAIN)
async def test_the_contract_holds_whatever_google_does(
    google: ProviderWorld, switch: str, value: Any, part: Part
) -> None:
    google.sandbox.world.behaviour.set(switch, value)
    await part(google)


@pytest.mark.parametrize("value", ["trimmed", "as_sent"])
@pytest.mark.parametrize("name", ["blanks around", "without a title", "HTML", "long text", "with a link"])
async def test_texts_are_read_as_they_were_written_trimmed_or_not(google: ProviderWorld, value: str, name: str) -> None:
    turn(google, "text", value)
    await writing.test_what_was_created_is_answered_and_read_in_normal_form(google, name)


@pytest.mark.parametrize("value", ["date", "midnight"])
async def test_an_all_day_occurrence_is_found_whatever_its_id(google: ProviderWorld, value: str) -> None:
    turn(google, "all_day_instance_id", value)
    fields = weekly()
    days = When(at(2, 0).date(), at(3, 0).date())
    event = await google.create(Fields(when=days, title="Day", recurrence=fields.recurrence))
    outcome = await google.write_one(Op.CANCEL_OCCURRENCE, target_id=event.id, occurrence_start=at(9, 0).date())
    assert outcome.result is Result.APPLIED, outcome
    shown = google.emulated.list_events(google.info.calendar_id)
    assert shown[0]["exceptions"] == [{"original_start": "2026-03-09", "cancelled": True}]


@pytest.mark.parametrize("value", ["no", "leaves_out", "as_cancelled"])
async def test_an_event_outside_the_window_is_never_taken_for_deleted(google: ProviderWorld, value: str) -> None:
    turn(google, "window_kept_by_sync_token", value)
    times = {"start": "2026-03-10T09:00:00", "end": "2026-03-10T10:00:00"}
    event_id = google.person_creates(title="Meeting", **times)
    _, cursor = await google.changes()
    google.person_changes(event_id, start="2019-03-10T09:00:00", end="2019-03-10T10:00:00")
    events, _ = await google.changes(cursor)
    assert len(events) == (0 if value == "leaves_out" else 1)
    # What a listing says proves nothing: the direct read finds it alive.
    answer = (await google.read(event_id))[event_id]
    assert (answer.evidence, answer.events[0].gone) == (Evidence.FOUND, False)


@pytest.mark.parametrize("value", ["with_sync_token", "without"])
async def test_a_last_page_without_a_position_is_an_error_and_no_reason_to_read_fully_for_ever(
    google: ProviderWorld, value: str
) -> None:
    turn(google, "last_page", value)
    if value == "with_sync_token":
        assert (await google.changes())[1]
        return
    with pytest.raises(ProtocolError):
        await google.changes()
    # Listings by marker need no position.
    assert await google.marked() == []


@pytest.mark.parametrize("value", [1, 28])
async def test_a_position_older_than_the_token_lives_asks_for_a_full_read(google: ProviderWorld, value: int) -> None:
    turn(google, "sync_token_lifetime_days", value)
    _, cursor = await google.changes()
    google.sandbox.world.clock.advance(value * 86_400 + 60)
    with pytest.raises(CursorExpiredError):
        await google.changes(cursor)


@pytest.mark.parametrize("cost", [1, 3])
@pytest.mark.parametrize("value", ["current", "earlier"])
async def test_a_used_up_minute_is_told_as_pace_and_the_writes_come_back_later(
    google: ProviderWorld, value: str, cost: int
) -> None:
    turn(google, "quota", value)
    turn(google, "patch_cost", cost)
    most = 600 if value == "current" else 500
    intents = [google.intent(Op.CREATE, draft=draft(timed(at(10, 9), at(10, 10)))) for _ in range(most + 20)]
    told = await google.write(*intents)
    results = [outcome.result for outcome in told.values()]
    later = results.count(Result.LATER)
    assert results.count(Result.APPLIED) + later == len(intents)
    assert later >= 20
    assert len(google.titles()) == len(intents) - later
    with pytest.raises(ThrottledError):
        await google.changes()
    google.sandbox.world.clock.advance(101)
    again = [intent for intent in intents if told[intent.id].result is Result.LATER]
    assert {outcome.result for outcome in (await google.write(*again)).values()} == {Result.APPLIED}
    assert len(google.titles()) == len(intents)


@pytest.mark.parametrize("value", ["quotaExceeded", "calendarUsageLimitsExceeded"])
async def test_a_calendar_whose_use_is_limited_is_left_alone_for_hours(google: ProviderWorld, value: str) -> None:
    turn(google, "usage_limit_reason", value)
    turn(google, "writes_per_calendar_hour", 1)
    await google.create(timed(at(10, 9), at(10, 10)))
    outcome = await google.write_one(Op.CREATE, draft=draft(timed(at(10, 9), at(10, 10))))
    assert (outcome.result, outcome.code, outcome.retry_after_seconds) == (Result.LATER, value, 6 * 3600)


@pytest.mark.parametrize("value", ["enabled", "disabled"])
async def test_an_api_that_is_switched_off_is_told_with_what_to_do(google: ProviderWorld, value: str) -> None:
    turn(google, "calendar_api", value)
    if value == "enabled":
        assert await google.service.calendars()
        return
    with pytest.raises(AccessError) as caught:
        await google.service.calendars()
    assert caught.value.reason == "accessNotConfigured"
    assert caught.value.fix is not None
    assert "Cloud console" in caught.value.fix


@pytest.mark.parametrize("value", ["some", "none"])
async def test_an_event_of_gmail_is_read_like_any_other(google: ProviderWorld, value: str) -> None:
    turn(google, "from_gmail_edits", value)
    await google.open("Work")
    times = {"start": "2026-03-10T09:00:00", "end": "2026-03-10T10:00:00"}
    event_id = google.person_creates(title="Flight", kind="fromGmail", **times)
    (event,) = (await google.changes())[0]
    assert event.id == event_id
    assert event.fields is not None
    assert event.fields.title == "Flight"


@pytest.mark.parametrize("value", [True, False])
async def test_a_persons_new_reminder_is_read(google: ProviderWorld, value: bool) -> None:
    turn(google, "reminders_change_etag", value)
    event = await google.create(timed(at(10, 9), at(10, 10), reminders=(5,)))
    _, cursor = await google.changes()
    fields = timed(at(10, 9), at(10, 10), reminders=(30,))
    outcome = await google.write_one(Op.UPDATE, target_id=event.id, etag=event.etag, draft=draft(fields))
    assert outcome.result is Result.APPLIED
    (told,) = (await google.changes(cursor))[0]
    assert told.fields is not None
    assert told.fields.reminders == (30,)


@pytest.mark.parametrize("value", ["suffixed", "fresh"])
async def test_a_split_series_is_read_as_two_whatever_their_ids(google: ProviderWorld, value: str) -> None:
    turn(google, "split_series_id", value)
    event = await google.create(weekly())
    _, cursor = await google.changes()
    assert isinstance(google.emulated, Google)
    google.emulated.split_event(google.info.calendar_id, event.id, "2026-03-16T09:00:00", {})
    told = {item.id: item for item in (await google.changes(cursor))[0]}
    assert event.id in told
    assert len(told) == 2
    # The second part has our marker, but it is not at the id our marker stands for: it is not ours.
    assert {item.marker.copy_key for item in told.values() if item.marker is not None} == {"copy"}
    answers = await google.read(*told)
    assert {answer.evidence for answer in answers.values()} == {Evidence.FOUND}
