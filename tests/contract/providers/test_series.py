"""Contract of every provider for series: rules, exceptions and cancelled occurrences, both ways."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.domain.events import Event, EventKind, Fields, Recurrence
from app.domain.links import Answer, Evidence, Op, Result
from app.domain.times import When
from tests.contract.providers.world import BERLIN, ProviderWorld, at, draft, timed, weekly

pytestmark = pytest.mark.anyio

MONDAYS = {
    "title": "Stand-up",
    "start": "2026-03-02T09:00:00",
    "end": "2026-03-02T10:00:00",
    "time_zone": BERLIN,
    "rrule": ["RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=5"],
}


def utc(day: int, hour: int) -> datetime:
    """A wall time in Berlin as an instant."""
    return at(day, hour).replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)


def of_kind(answer: Answer, kind: EventKind) -> list[Event]:
    """Events of a kind in an answer."""
    return [event for event in answer.events if event.kind is kind]


def starts(events: list[Event]) -> set[object]:
    """Their original starts: instants to the minute, or dates."""
    return {event.original_start for event in events}


async def test_a_series_is_created_and_read_as_one_event(world: ProviderWorld) -> None:
    event = await world.create(weekly())
    assert event.kind is EventKind.SERIES
    assert event.fields == world.client.normal_form(weekly())
    answer = (await world.read(event.id))[event.id]
    assert answer.evidence is Evidence.FOUND
    assert [found.kind for found in answer.events] == [EventKind.SERIES]


async def test_an_all_day_series_is_created(world: ProviderWorld) -> None:
    fields = Fields(
        When(date(2026, 3, 2), date(2026, 3, 3)),
        title="Bins",
        recurrence=Recurrence(("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=5",)),
    )
    event = await world.create(fields)
    assert event.kind is EventKind.SERIES
    assert event.fields == world.client.normal_form(fields)
    cancelled = await world.write_one(Op.CANCEL_OCCURRENCE, target_id=event.id, occurrence_start=date(2026, 3, 9))
    assert cancelled.result is Result.APPLIED
    answer = (await world.read(event.id))[event.id]
    told = {*starts(of_kind(answer, EventKind.CANCELLED)), *answer.events[0].cancelled}
    assert {moment.date() if isinstance(moment, datetime) else moment for moment in told} == {date(2026, 3, 9)}


async def test_excluded_dates_are_written_with_the_series_where_the_service_can(world: ProviderWorld) -> None:
    if not world.client.capabilities.excluded_dates:
        pytest.skip("this service takes out occurrences one by one")
    outcome = await world.write_one(Op.CREATE, draft=draft(weekly(), cancelled=[at(9, 9), at(30, 9)]))
    assert outcome.event is not None
    assert outcome.event.cancelled == (at(9, 9), at(30, 9))
    after = await world.write_one(
        Op.UPDATE,
        target_id=outcome.event.id,
        etag=outcome.event.etag,
        draft=draft(weekly(), cancelled=[at(16, 9)]),
    )
    assert after.event is not None
    assert after.event.cancelled == (at(16, 9),)


async def test_one_occurrence_is_cancelled_and_cancelling_it_again_is_fine(world: ProviderWorld) -> None:
    event = await world.create(weekly())
    for _ in range(2):
        outcome = await world.write_one(Op.CANCEL_OCCURRENCE, target_id=event.id, occurrence_start=at(9, 9))
        assert outcome.result is Result.APPLIED, outcome
    answer = (await world.read(event.id))[event.id]
    gone = of_kind(answer, EventKind.CANCELLED)
    assert starts(gone) == {utc(9, 9)}
    assert {stub.series_id for stub in gone} == {event.id}
    assert of_kind(answer, EventKind.EXCEPTION) == []


@pytest.mark.parametrize("day", [9, 30], ids=["winter time", "summer time"])
async def test_one_occurrence_is_moved_and_moved_again(world: ProviderWorld, day: int) -> None:
    event = await world.create(weekly())
    for hour in (15, 17):
        fields = timed(at(day, hour), at(day, hour + 1), title="Moved")
        outcome = await world.write_one(
            Op.UPDATE_OCCURRENCE,
            target_id=event.id,
            occurrence_start=at(day, 9),
            draft=draft(fields, copy_key="occurrence"),
        )
        assert outcome.result is Result.APPLIED, outcome
        assert outcome.event is not None
        assert outcome.event.fields == world.client.normal_form(fields)
        assert outcome.event.series_id == event.id
    answer = (await world.read(event.id))[event.id]
    moved = of_kind(answer, EventKind.EXCEPTION)
    assert starts(moved) == {utc(day, 9)}
    assert [e.fields.when.start for e in moved if e.fields] == [at(day, 17)]
    assert [e.marker.copy_key for e in moved if e.marker] == ["occurrence"]


async def test_an_occurrence_that_is_not_there_drops_the_write(world: ProviderWorld) -> None:
    event = await world.create(weekly())
    fields = timed(at(10, 15), at(10, 16))
    outcome = await world.write_one(
        Op.UPDATE_OCCURRENCE, target_id=event.id, occurrence_start=at(10, 9), draft=draft(fields)
    )
    assert outcome.result is Result.DROPPED


async def test_an_occurrence_of_a_deleted_series_drops_the_write(world: ProviderWorld) -> None:
    event = await world.create(weekly())
    world.person_deletes(event.id)
    for op, more in (
        (Op.UPDATE_OCCURRENCE, {"draft": draft(timed(at(9, 15), at(9, 16)))}),
        (Op.CANCEL_OCCURRENCE, {}),
    ):
        outcome = await world.write_one(op, target_id=event.id, occurrence_start=at(9, 9), **more)
        assert outcome.result is Result.DROPPED, outcome
    assert world.titles() == []


async def test_a_persons_exceptions_are_told_and_the_series_is_read_whole(world: ProviderWorld) -> None:
    series = world.person_creates(**MONDAYS)
    _, cursor = await world.changes()
    world.person_changes(
        series,
        exceptions=[
            {"original_start": "2026-03-09T09:00:00", "cancelled": True},
            {
                "original_start": "2026-03-16T09:00:00",
                "start": "2026-03-17T14:00:00",
                "end": "2026-03-17T15:00:00",
                "title": "Later",
            },
        ],
    )
    events, _ = await world.changes(cursor)
    assert {event.unit for event in events} == {series}
    answer = (await world.read(series))[series]
    assert [event.id for event in of_kind(answer, EventKind.SERIES)] == [series]
    assert starts(of_kind(answer, EventKind.CANCELLED)) == {utc(9, 9)}
    moved = of_kind(answer, EventKind.EXCEPTION)
    assert starts(moved) == {utc(16, 9)}
    assert moved[0].fields is not None
    assert (moved[0].fields.title, moved[0].fields.when.start) == ("Later", at(17, 14))


async def test_a_full_read_tells_a_series_with_its_exceptions_once(world: ProviderWorld) -> None:
    series = world.person_creates(
        **MONDAYS,
        exceptions=[
            {
                "original_start": "2026-03-09T09:00:00",
                "start": "2026-03-09T11:00:00",
                "end": "2026-03-09T12:00:00",
                "title": "Moved",
            }
        ],
    )
    single = world.person_creates(title="Lunch", start="2026-03-10T12:00:00", end="2026-03-10T13:00:00")
    events, _ = await world.changes()
    assert [e.id for e in events if e.kind is EventKind.SERIES] == [series]
    assert [e.id for e in events if e.kind is EventKind.SINGLE] == [single]
    assert [e.series_id for e in events if e.kind is EventKind.EXCEPTION] == [series]
    assert len({event.id for event in events}) == len(events) == 3


async def test_a_deleted_series_is_proved_gone(world: ProviderWorld) -> None:
    series = world.person_creates(**MONDAYS)
    _, cursor = await world.changes()
    world.person_deletes(series)
    events, _ = await world.changes(cursor)
    assert [event for event in events if event.fields is not None] == []
    assert (await world.read(series))[series].evidence is Evidence.GONE


async def test_series_and_single_events_are_read_in_one_go(world: ProviderWorld) -> None:
    series = [world.person_creates(**MONDAYS) for _ in range(3)]
    single = world.person_creates(title="Lunch", start="2026-03-10T12:00:00", end="2026-03-10T13:00:00")
    answers = await world.read(*series, single, "neverthere")
    assert [answers[key].evidence for key in series] == [Evidence.FOUND] * 3
    assert {key: {e.unit for e in answers[key].events} for key in series} == {key: {key} for key in series}
    assert answers[single].evidence is Evidence.FOUND
    assert answers["neverthere"].evidence is Evidence.GONE


async def test_a_series_is_deleted_with_its_exceptions(world: ProviderWorld) -> None:
    event = await world.create(weekly())
    await world.write_one(Op.CANCEL_OCCURRENCE, target_id=event.id, occurrence_start=at(9, 9))
    assert (await world.write_one(Op.DELETE, target_id=event.id)).result is Result.APPLIED
    assert (await world.read(event.id))[event.id].evidence is Evidence.GONE
    assert [found for found in await world.marked() if found.fields is not None] == []


async def test_a_rule_is_changed(world: ProviderWorld) -> None:
    event = await world.create(weekly())
    fields = weekly("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3")
    outcome = await world.write_one(Op.UPDATE, target_id=event.id, etag=event.etag, draft=draft(fields))
    assert outcome.event is not None
    assert outcome.event.fields == world.client.normal_form(fields)
    assert outcome.event.kind is EventKind.SERIES


async def test_the_service_expresses_an_ordinary_rule(world: ProviderWorld) -> None:
    assert world.client.expresses(weekly())
