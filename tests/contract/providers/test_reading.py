"""Contract of every provider's reader: full and incremental reads, direct reads, listings by marker."""

from __future__ import annotations

import pytest

from app.domain.accounts import Access
from app.domain.errors import AccessError, CursorExpiredError, ProviderError
from app.domain.events import Availability, Event, Response, Visibility
from app.domain.links import Evidence, Op, Result
from tests.contract.providers.world import BERLIN, DIRECTION, ProviderWorld, at, draft, timed

pytestmark = pytest.mark.anyio

LUNCH = {"title": "Lunch", "start": "2026-03-10T12:00:00", "end": "2026-03-10T13:00:00", "time_zone": BERLIN}


def only(events: list[Event]) -> Event:
    """The one event of a list."""
    assert len(events) == 1, events
    return events[0]


async def test_calendars_are_listed_with_their_real_ids_and_what_we_may_do_there(world: ProviderWorld) -> None:
    listed = await world.service.calendars()
    assert listed[0].name == "Work"
    assert [info.primary for info in listed] == [True, False, False]
    assert {info.name: info.access for info in listed} == {
        "Work": Access.WRITER,
        "Home": Access.WRITER,
        "Team": Access.READER,
    }
    assert {info.calendar_id for info in listed} <= {row["id"] for row in world.emulated.calendars(world.tokens.email)}
    assert {info.zone for info in listed} == {BERLIN}


async def test_an_empty_calendar_reads_as_nothing_with_a_position(world: ProviderWorld) -> None:
    assert (await world.changes())[0] == []


async def test_a_full_read_tells_what_a_person_made(world: ProviderWorld) -> None:
    event_id = world.person_creates(**LUNCH, location="Canteen", description="With Bo", busy="free")
    event = only((await world.changes())[0])
    assert event.id == event_id
    assert event.fields is not None
    assert event.fields.title == "Lunch"
    assert event.fields.place == "Canteen"
    assert event.fields.text == "With Bo"
    assert event.fields.availability is Availability.FREE
    assert event.fields.when == timed(at(10, 12), at(10, 13)).when
    assert not event.guests
    assert not event.organised_elsewhere


async def test_an_all_day_event_keeps_its_dates(world: ProviderWorld) -> None:
    world.person_creates(title="Fair", start="2026-03-28", end="2026-03-31", all_day=True)
    fields = only((await world.changes())[0]).fields
    assert fields is not None
    assert fields.when.all_day
    assert (str(fields.when.start), str(fields.when.end)) == ("2026-03-28", "2026-03-31")


async def test_an_event_in_another_zone_keeps_its_wall_time(world: ProviderWorld) -> None:
    world.person_creates(
        title="Call", start="2026-03-10T09:00:00", end="2026-03-10T10:00:00", time_zone="America/New_York"
    )
    fields = only((await world.changes())[0]).fields
    assert fields is not None
    assert (fields.when.start, fields.when.zone) == (at(10, 9), "America/New_York")


async def test_an_invitation_tells_the_organizer_the_guests_and_our_own_answer(world: ProviderWorld) -> None:
    await world.open("Work")
    world.person_creates(**LUNCH, response="declined")
    event = only((await world.changes())[0])
    assert event.organised_elsewhere
    assert event.guests
    assert event.response is Response.DECLINED


async def test_own_meeting_with_guests_is_known_as_such(world: ProviderWorld) -> None:
    await world.open("Work")
    world.person_creates(**LUNCH, attendees=["bo@example.org"])
    event = only((await world.changes())[0])
    assert event.guests
    assert not event.organised_elsewhere


async def test_a_private_event_is_told_as_private(world: ProviderWorld) -> None:
    world.person_creates(**LUNCH, visibility="private")
    fields = only((await world.changes())[0]).fields
    assert fields is not None
    assert fields.visibility is Visibility.PRIVATE


async def test_nothing_new_is_told_after_a_full_read(world: ProviderWorld) -> None:
    world.person_creates(**LUNCH)
    _, cursor = await world.changes()
    assert (await world.changes(cursor))[0] == []


async def test_an_incremental_read_tells_new_and_changed_events(world: ProviderWorld) -> None:
    first = world.person_creates(**LUNCH)
    _, cursor = await world.changes()
    second = world.person_creates(**{**LUNCH, "title": "Dinner"})
    world.person_changes(first, title="Late lunch")
    events, cursor = await world.changes(cursor)
    assert {e.id: e.fields.title for e in events if e.fields} == {first: "Late lunch", second: "Dinner"}
    assert (await world.changes(cursor))[0] == []


async def test_a_deleted_event_is_proved_gone_by_a_direct_read(world: ProviderWorld) -> None:
    event_id = world.person_creates(**LUNCH)
    _, cursor = await world.changes()
    world.person_deletes(event_id)
    events, _ = await world.changes(cursor)
    assert [event for event in events if event.fields is not None] == []
    assert (await world.read(event_id))[event_id].evidence is Evidence.GONE


async def test_a_dead_position_asks_for_a_full_read(world: ProviderWorld) -> None:
    world.person_creates(**LUNCH)
    _, cursor = await world.changes()
    world.emulated.kill_cursors()
    with pytest.raises(CursorExpiredError):
        await world.changes(cursor)
    events, _ = await world.changes()
    assert len(events) == 1


async def test_a_position_that_is_not_ours_asks_for_a_full_read(world: ProviderWorld) -> None:
    with pytest.raises(CursorExpiredError):
        await world.changes("nonsense")


async def test_a_read_in_many_pages_tells_every_event_once(world: ProviderWorld) -> None:
    made = {world.person_creates(**{**LUNCH, "title": f"Lunch {number}"}) for number in range(1203)}
    events, cursor = await world.changes()
    assert len(events) == len(made)
    assert {event.id for event in events} == made
    assert (await world.changes(cursor))[0] == []


async def test_found_and_missing_events_are_told_apart_in_one_read(world: ProviderWorld) -> None:
    there = world.person_creates(**LUNCH)
    answers = await world.read(there, "neverthere")
    assert answers[there].evidence is Evidence.FOUND
    assert [event.id for event in answers[there].events] == [there]
    assert answers["neverthere"].evidence is Evidence.GONE
    assert answers["neverthere"].events == ()


async def test_many_events_are_read_directly(world: ProviderWorld) -> None:
    made = [world.person_creates(**LUNCH) for _ in range(70)]
    answers = await world.read(*made)
    assert list(answers) != []
    assert {key: answer.evidence for key, answer in answers.items()} == dict.fromkeys(made, Evidence.FOUND)


async def test_asking_for_nothing_answers_nothing(world: ProviderWorld) -> None:
    assert await world.read() == {}
    assert await world.write() == {}


async def test_a_passing_failure_while_reading_is_mended(world: ProviderWorld) -> None:
    event_id = world.person_creates(**LUNCH)
    world.plant(world.list_route, "status", status=503, times=2)
    assert [event.id for event in (await world.changes())[0]] == [event_id]


async def test_a_cut_answer_while_reading_is_mended(world: ProviderWorld) -> None:
    event_id = world.person_creates(**LUNCH)
    world.plant(world.list_route, "truncate", nth=1)
    assert [event.id for event in (await world.changes())[0]] == [event_id]


async def test_a_calendar_that_stays_broken_is_an_error_and_not_empty(world: ProviderWorld) -> None:
    world.person_creates(**LUNCH)
    world.plant(world.list_route, "status", status=500)
    with pytest.raises(ProviderError):
        await world.changes()


async def test_marked_events_are_those_of_one_direction_wherever_they_lie(world: ProviderWorld) -> None:
    world.person_creates(**LUNCH)
    near = await world.create(timed(at(10, 9), at(10, 10)))
    far = await world.create(timed(at(10, 9).replace(year=2019), at(10, 10).replace(year=2019)))
    other = draft(timed(at(11, 9), at(11, 10)), direction_key="another")
    assert (await world.write_one(Op.CREATE, draft=other)).result is Result.APPLIED
    events = await world.marked()
    assert {event.id for event in events} == {near.id, far.id}
    assert {event.marker.direction_key for event in events if event.marker} == {DIRECTION}
    assert all(event.marker_known for event in events)


async def test_deleted_and_released_copies_are_no_longer_listed_by_marker(world: ProviderWorld) -> None:
    deleted = await world.create(timed(at(10, 9), at(10, 10)))
    released = await world.create(timed(at(11, 9), at(11, 10)))
    await world.write_one(Op.DELETE, target_id=deleted.id, etag=deleted.etag)
    outcome = await world.write_one(
        Op.UPDATE,
        target_id=released.id,
        etag=released.etag,
        draft=draft(timed(at(11, 9), at(11, 10)), released=True),
    )
    assert outcome.result is Result.APPLIED
    assert await world.marked() == []
    found = (await world.read(released.id))[released.id].events[0]
    assert found.marker is not None
    assert found.marker.released


async def test_a_calendar_lost_to_us_is_an_error_and_proves_nothing_gone(world: ProviderWorld) -> None:
    event_id = world.person_creates(**LUNCH)
    _, cursor = await world.changes()
    world.emulated.delete_account(world.tokens.email)
    world.tokens.ended = True
    with pytest.raises(ProviderError):
        await world.changes(cursor)
    with pytest.raises(ProviderError):
        await world.read(event_id)


async def test_a_calendar_that_shows_only_busy_times_is_refused(world: ProviderWorld) -> None:
    event_id = world.person_creates(**LUNCH)
    _, cursor = await world.changes()
    world.emulated.set_role(world.info.calendar_id, "freeBusyReader")
    with pytest.raises(AccessError):
        await world.changes(cursor)
    answers = await world.read(event_id, "neverthere")
    assert answers["neverthere"].evidence is Evidence.UNKNOWN
    assert answers[event_id].evidence is not Evidence.GONE
