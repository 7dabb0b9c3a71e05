"""Microsoft's own traps (`providers.md` §5.3-5.6), each against the emulated Graph with the switch that lays it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.domain.accounts import Access
from app.domain.errors import CursorExpiredError
from app.domain.events import Event, EventKind
from app.domain.identity import copy_id, transaction_id
from app.domain.links import Evidence, Op, Page, Result
from tests.contract.providers.microsoft_world import microsoft_world
from tests.contract.providers.world import (
    BERLIN,
    SPAN,
    ProviderWorld,
    SandboxTokens,
    at,
    draft,
    drain,
    page_list,
    timed,
    weekly,
)

pytestmark = pytest.mark.anyio

MEETING = timed(at(10, 9), at(10, 10), title="Meeting", text="Bring the map", place="Room 1")
LUNCH = {"title": "Lunch", "start": "2026-03-10T12:00:00", "end": "2026-03-10T13:00:00", "time_zone": BERLIN}
DAILY = {
    "title": "Stand-up",
    "start": "2026-03-02T09:00:00",
    "end": "2026-03-02T09:15:00",
    "time_zone": BERLIN,
    "rrule": ["RRULE:FREQ=DAILY"],
}
MOVED = {
    "original_start": "2026-03-16T09:00:00",
    "start": "2026-03-16T14:00:00",
    "end": "2026-03-16T15:00:00",
    "title": "Later",
}


@pytest.fixture
async def graph(anyio_backend: str) -> AsyncIterator[ProviderWorld]:
    """A fresh Microsoft account with its calendar "Home" open."""
    async with microsoft_world() as made:
        await made.open("Home")
        yield made


def turn(graph: ProviderWorld, **switches: Any) -> None:
    """Turn switches of the emulated Graph."""
    for name, value in switches.items():
        graph.sandbox.world.behaviour.set(f"microsoft.{name}", value)


def requests(graph: ProviderWorld, route: str) -> int:
    """How often a route was asked since the last clearing, parts of batches included."""
    return graph.sandbox.world.requests.counts[f"microsoft:{route}"]


def alive(pages: list[Page]) -> dict[str, Event]:
    """What a round leaves, by id."""
    return {event.id: event for page in pages for event in page.events if not event.gone}


# -- creating once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["error_400", "error_409", "created_201"])
async def test_a_repeated_create_ends_with_the_living_event_read(graph: ProviderWorld, answer: str) -> None:
    turn(graph, transaction_repeat=answer)
    first = await graph.create(MEETING, copy="same")
    again = await graph.write_one(Op.CREATE, copy="same", stamp="another.2", draft=draft(MEETING, stamp="another.2"))
    assert again.result is Result.EXISTS
    assert again.event is not None
    assert again.event.id == first.id
    assert again.event.marker is not None
    assert again.event.marker.stamp == "here.1"
    assert again.event.transaction_id == transaction_id(copy_id("target", "same", 0))
    assert graph.titles() == ["Meeting"]


@pytest.mark.parametrize("answer", ["error_400", "error_409", "created_201"])
async def test_a_repeated_create_of_a_deleted_event_finds_nothing(graph: ProviderWorld, answer: str) -> None:
    turn(graph, transaction_repeat=answer)
    first = await graph.create(MEETING, copy="same")
    graph.person_deletes(first.id)
    again = await graph.write_one(Op.CREATE, copy="same", draft=draft(MEETING))
    assert (again.result, again.event) == (Result.EXISTS, None)
    assert graph.titles() == []


async def test_a_create_made_elsewhere_with_other_content_is_not_taken_for_ours(
    graph: ProviderWorld,
) -> None:
    turn(graph, transaction_repeat="created_201")
    await graph.create(MEETING, copy="same")
    service = graph.make_service(graph.sandbox.description()["microsoft"]["graph_api"])
    client = service.calendar(graph.connection)
    intent = graph.intent(Op.CREATE, copy="same", stamp="b.2", draft=draft(replace(MEETING, title="New"), stamp="b.2"))
    outcome = (await drain(client.write([intent]).next))[0]
    await service.aclose()
    assert outcome.result is Result.EXISTS
    assert outcome.event is not None
    assert outcome.event.fields is not None
    assert outcome.event.fields.title == "Meeting"


async def test_a_batch_whose_answer_was_lost_leaves_every_write_unknown_and_once(graph: ProviderWorld) -> None:
    graph.plant("microsoft:POST /v1.0/$batch", "reset_after_commit", nth=1)
    intents = [graph.intent(Op.CREATE, copy=f"c{n}", draft=draft(MEETING)) for n in range(3)]
    assert {outcome.result for outcome in (await graph.write(*intents)).values()} == {Result.UNKNOWN}
    assert graph.titles() == ["Meeting"] * 3
    again = await graph.write(*(replace(intent, tries=2) for intent in intents))
    assert all(outcome.event is not None for outcome in again.values())
    assert graph.titles() == ["Meeting"] * 3


async def test_a_first_create_costs_one_request_for_twenty(graph: ProviderWorld) -> None:
    graph.sandbox.world.requests.clear()
    intents = [graph.intent(Op.CREATE, draft=draft(MEETING)) for _ in range(40)]
    told = await graph.write(*intents)
    assert {outcome.result for outcome in told.values()} == {Result.APPLIED}
    assert requests(graph, "POST /v1.0/$batch") == 2
    assert requests(graph, "GET /v1.0/me/calendars/{calendar}/events/{event}") == 0


# -- versions that Exchange changes by itself --------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
async def test_an_update_goes_through_when_only_exchange_changed_the_version(graph: ProviderWorld, known: bool) -> None:
    turn(graph, change_key_bump_seconds=5)
    event = await graph.create(MEETING, copy="copy")
    graph.sandbox.world.clock.advance(10)
    before = event if known else replace(event, marker=None, marker_known=False)
    outcome = await graph.write_one(
        Op.UPDATE,
        copy="copy",
        target_id=event.id,
        etag=event.etag,
        before=before,
        draft=draft(replace(MEETING, title="New"), stamp="here.2"),
    )
    assert outcome.result is Result.APPLIED
    assert outcome.event is not None
    assert outcome.event.marker is not None
    assert outcome.event.marker.stamp == "here.2"
    assert graph.titles() == ["New"]


@pytest.mark.parametrize("op", [Op.UPDATE, Op.DELETE])
async def test_a_write_is_dropped_when_a_person_changed_the_copy(graph: ProviderWorld, op: Op) -> None:
    event = await graph.create(MEETING)
    graph.person_changes(event.id, title="Mine")
    more = {"draft": draft(MEETING)} if op is Op.UPDATE else {}
    outcome = await graph.write_one(op, target_id=event.id, etag=event.etag, before=event, **more)
    assert outcome.result is Result.DROPPED
    assert graph.titles() == ["Mine"]


@pytest.mark.parametrize("heeded", [True, False])
async def test_a_delete_goes_through_when_only_exchange_changed_the_version(graph: ProviderWorld, heeded: bool) -> None:
    turn(graph, change_key_bump_seconds=5, if_match_on_delete=heeded)
    event = await graph.create(MEETING)
    graph.sandbox.world.clock.advance(10)
    outcome = await graph.write_one(Op.DELETE, target_id=event.id, etag=event.etag, before=event)
    assert outcome.result is Result.APPLIED
    assert graph.titles() == []


async def test_a_delete_is_dropped_by_comparing_where_the_service_does_not(graph: ProviderWorld) -> None:
    turn(graph, if_match_on_delete=False)
    event = await graph.create(MEETING)
    graph.person_changes(event.id, title="Mine")
    outcome = await graph.write_one(Op.DELETE, target_id=event.id, etag=event.etag, before=event)
    assert outcome.result is Result.DROPPED
    assert graph.titles() == ["Mine"]


# -- nobody is mailed --------------------------------------------------------------------------------------------------


async def test_what_has_guests_is_neither_written_nor_deleted(graph: ProviderWorld) -> None:
    single = graph.person_creates(**LUNCH, attendees=["bo@example.org"])
    series = graph.person_creates(**DAILY, attendees=["bo@example.org"])
    sent = len(graph.sandbox.world.outbox.all())
    for op, more in (
        (Op.UPDATE, {"target_id": single, "draft": draft(MEETING)}),
        (Op.DELETE, {"target_id": single}),
        (Op.CANCEL_OCCURRENCE, {"target_id": series, "occurrence_start": at(9, 9)}),
        (Op.UPDATE_OCCURRENCE, {"target_id": series, "occurrence_start": at(9, 9), "draft": draft(MEETING)}),
    ):
        outcome = await graph.write_one(op, **more)
        assert (outcome.result, outcome.code) == (Result.REFUSED, "has_guests"), op
    assert len(graph.sandbox.world.outbox.all()) == sent
    assert graph.titles() == ["Lunch", "Stand-up"]


# -- occurrences -------------------------------------------------------------------------------------------------------


async def test_an_occurrence_moved_onto_its_neighbour_is_refused_by_name(graph: ProviderWorld) -> None:
    event = await graph.create(weekly())
    fields = timed(at(16, 15), at(16, 16))
    outcome = await graph.write_one(
        Op.UPDATE_OCCURRENCE, target_id=event.id, occurrence_start=at(9, 9), draft=draft(fields)
    )
    assert (outcome.result, outcome.code) == (Result.REFUSED, "occurrence_crossing")


async def test_an_occurrence_that_was_moved_days_away_is_still_found_and_cancelled(graph: ProviderWorld) -> None:
    event = await graph.create(weekly())
    away = timed(at(14, 15), at(14, 16))
    await graph.write_one(Op.UPDATE_OCCURRENCE, target_id=event.id, occurrence_start=at(9, 9), draft=draft(away))
    outcome = await graph.write_one(Op.CANCEL_OCCURRENCE, target_id=event.id, occurrence_start=at(9, 9))
    assert outcome.result is Result.APPLIED
    answer = (await graph.read(event.id))[event.id]
    assert [part.kind for part in answer.events] == [EventKind.SERIES, EventKind.CANCELLED]


async def test_an_exception_of_a_copy_tells_its_own_stamp(graph: ProviderWorld) -> None:
    event = await graph.create(weekly(), stamp="here.1")
    fields = timed(at(9, 15), at(9, 16))
    await graph.write_one(
        Op.UPDATE_OCCURRENCE,
        target_id=event.id,
        occurrence_start=at(9, 9),
        draft=draft(fields, copy_key="part", stamp="here.2"),
    )
    answer = (await graph.read(event.id))[event.id]
    assert {part.kind: part.marker.stamp for part in answer.events if part.marker} == {
        EventKind.SERIES: "here.1",
        EventKind.EXCEPTION: "here.2",
    }


async def test_a_new_title_of_a_series_leaves_its_exceptions_alone(graph: ProviderWorld) -> None:
    event = await graph.create(weekly())
    await graph.write_one(Op.CANCEL_OCCURRENCE, target_id=event.id, occurrence_start=at(9, 9))
    before = (await graph.read(event.id))[event.id].events[0]
    outcome = await graph.write_one(
        Op.UPDATE, target_id=event.id, etag=before.etag, before=before, draft=draft(weekly(title="New"))
    )
    assert outcome.result is Result.APPLIED
    answer = (await graph.read(event.id))[event.id]
    assert [part.kind for part in answer.events] == [EventKind.SERIES, EventKind.CANCELLED]
    assert answer.events[0].cancelled == (at(9, 9),)


async def test_an_occurrence_is_answered_with_its_whole_series(graph: ProviderWorld) -> None:
    series = graph.person_creates(**DAILY, exceptions=[MOVED])
    parts = (await graph.read(series))[series].events
    exception = next(part.id for part in parts if part.kind is EventKind.EXCEPTION)
    assert (await graph.read(exception))[exception].events == parts


# -- delta -------------------------------------------------------------------------------------------------------------

DISTURBANCES: dict[str, dict[str, Any]] = {
    "plain": {},
    "masters are not told": {"delta_master_rows": False},
    "rows in any order": {"delta_row_order": "shuffled"},
    "rows twice": {"delta_duplicate_share": 0.5},
    "series cut by the end of a page": {"delta_series_split": True, "delta_row_order": "shuffled"},
    "only what changed in a series": {"delta_series": "part"},
    "removed occurrences are told": {"delta_occurrence_tombstones": True, "delta_series": "part"},
}


@pytest.mark.parametrize("disturbance", DISTURBANCES)
async def test_a_round_tells_the_same_however_its_rows_come(graph: ProviderWorld, disturbance: str) -> None:
    turn(graph, **DISTURBANCES[disturbance])
    series = [graph.person_creates(**{**DAILY, "title": f"Series {n}"}, exceptions=[MOVED]) for n in range(4)]
    single = graph.person_creates(**LUNCH)
    pages = await page_list(graph.client.changes(None, SPAN))
    assert len(pages) > 1
    told = alive(pages)
    assert {event.unit for event in told.values()} == {*series, single}
    assert sorted(event.kind for event in told.values()) == ["exception"] * 4 + ["series"] * 4 + ["single"]
    assert frozenset().union(*(page.whole_series for page in pages)) == set(series)

    cursor = pages[-1].cursor
    assert cursor is not None
    graph.person_changes(series[0], exceptions=[{"original_start": "2026-03-17T09:00:00", "title": "Other"}])
    graph.person_changes(single, title="Late lunch")
    graph.person_deletes(series[1])
    pages = await page_list(graph.client.changes(cursor, SPAN))
    told = alive(pages)
    assert {event.unit for event in told.values()} == {series[0], single}
    assert {event.fields.title for event in told.values() if event.fields} == {
        *("Series 0", "Later", "Other", "Late lunch")
    }
    assert {event.id for page in pages for event in page.events if event.gone} >= {series[1]}
    assert series[0] in frozenset().union(*(page.whole_series for page in pages))


async def test_a_series_is_read_once_in_a_round_and_once_more_only_where_a_later_page_names_it_again(
    graph: ProviderWorld,
) -> None:
    turn(graph, delta_series_split=True)
    for number in range(4):
        graph.person_creates(**{**DAILY, "title": f"Series {number}"})
    graph.sandbox.world.requests.clear()
    assert len(await page_list(graph.client.changes(None, SPAN))) == 2
    # One of the four lies on both pages: it may have changed in between.
    assert requests(graph, "GET /v1.0/me/calendars/{calendar}/events/{event}") == 5


async def test_nothing_new_costs_one_request(graph: ProviderWorld) -> None:
    graph.person_creates(**DAILY)
    _, cursor = await graph.changes()
    graph.sandbox.world.requests.clear()
    assert (await graph.changes(cursor))[0] == []
    assert sum(graph.sandbox.world.requests.counts.values()) == 1


async def test_a_cancelled_occurrence_is_told_with_its_whole_series(graph: ProviderWorld) -> None:
    series = graph.person_creates(**DAILY)
    _, cursor = await graph.changes()
    graph.person_changes(series, exceptions=[{"original_start": "2026-03-09T09:00:00", "cancelled": True}])
    pages = await page_list(graph.client.changes(cursor, SPAN))
    told = alive(pages)
    assert told[series].cancelled == (at(9, 9),)
    assert [event.kind for event in told.values() if event.id != series] == [EventKind.CANCELLED]
    assert pages[0].whole_series == {series}


async def test_what_is_reported_removed_but_lives_outside_the_span_is_told_as_it_is(graph: ProviderWorld) -> None:
    moved, deleted = graph.person_creates(**LUNCH), graph.person_creates(**LUNCH)
    _, cursor = await graph.changes()
    graph.person_changes(moved, start="2029-03-10T12:00:00", end="2029-03-10T13:00:00", time_zone=BERLIN)
    graph.person_deletes(deleted)
    events = {event.id: event for event in (await graph.changes(cursor))[0]}
    assert not events[moved].gone
    fields = events[moved].fields
    assert fields is not None
    assert fields.when.start.year == 2029
    assert events[moved].marker_known
    assert events[deleted].gone


async def test_an_event_moved_to_another_calendar_is_gone_here(graph: ProviderWorld) -> None:
    event_id = graph.person_creates(**LUNCH)
    _, cursor = await graph.changes()
    home = graph.info.calendar_id
    work = next(info for info in await graph.service.calendars() if info.name == "Work")
    graph.sandbox.microsoft.move_event(home, event_id, work.calendar_id)
    events, _ = await graph.changes(cursor)
    assert [(event.id, event.gone) for event in events] == [(event_id, True)]
    assert (await graph.read(event_id))[event_id].evidence is Evidence.GONE


async def test_a_series_that_becomes_a_single_is_named_as_whole_so_that_its_parts_end(graph: ProviderWorld) -> None:
    series = graph.person_creates(**DAILY, exceptions=[MOVED])
    _, cursor = await graph.changes()
    graph.person_changes(series, rrule=None)
    pages = await page_list(graph.client.changes(cursor, SPAN))
    assert alive(pages)[series].kind is EventKind.SINGLE
    assert series in pages[0].whole_series


async def test_markers_are_unknown_in_delta_for_singles_and_known_for_series(graph: ProviderWorld) -> None:
    single = await graph.create(MEETING)
    series = await graph.create(weekly())
    events = {event.id: event for event in (await graph.changes())[0]}
    assert not events[single.id].marker_known
    assert events[series.id].marker_known
    assert events[series.id].marker is not None


async def test_a_position_names_no_host_and_goes_on_at_another_address(graph: ProviderWorld) -> None:
    graph.person_creates(**LUNCH)
    _, cursor = await graph.changes()
    assert cursor.startswith("me/calendars/")
    assert "127.0.0.1" not in cursor
    address = graph.sandbox.description()["microsoft"]["graph_api"].replace("127.0.0.1", "localhost")
    service = graph.make_service(address)
    pages = await page_list(service.calendar(graph.connection).changes(cursor, SPAN))
    await service.aclose()
    assert [page.events for page in pages] == [()]


async def test_a_position_that_dies_between_two_pages_asks_for_a_full_read(graph: ProviderWorld) -> None:
    for number in range(4):
        graph.person_creates(**{**DAILY, "title": f"Series {number}"})
    pages = graph.client.changes(None, SPAN)
    assert await pages.next() is not None
    graph.emulated.kill_cursors()
    with pytest.raises(CursorExpiredError):
        await pages.next()


@pytest.mark.parametrize("code", ["SyncStateNotFound", "syncStateNotFound", "resyncRequired"])
async def test_a_dead_position_is_known_by_each_of_its_codes(graph: ProviderWorld, code: str) -> None:
    turn(graph, sync_state_code=code, resync_location=True)
    _, cursor = await graph.changes()
    graph.emulated.kill_cursors()
    with pytest.raises(CursorExpiredError):
        await graph.changes(cursor)


# -- limits, zones, scopes ---------------------------------------------------------------------------------------------


async def test_parts_refused_for_their_pace_are_read_again_and_written_later(graph: ProviderWorld) -> None:
    made = [graph.person_creates(**LUNCH) for _ in range(30)]
    turn(graph, batch_throttled_share=0.3)
    answers = await graph.read(*made)
    assert {answer.evidence for answer in answers.values()} == {Evidence.FOUND}
    told = await graph.write(*(graph.intent(Op.CREATE, draft=draft(MEETING)) for _ in range(20)))
    results = {outcome.result for outcome in told.values()}
    assert results == {Result.APPLIED, Result.LATER}
    assert {o.retry_after_seconds for o in told.values() if o.result is Result.LATER} == {1.0}
    assert graph.titles().count("Meeting") == sum(o.result is Result.APPLIED for o in told.values())


async def test_a_busy_mailbox_never_sees_a_fifth_request(graph: ProviderWorld) -> None:
    home = graph.client
    made = [graph.person_creates(**LUNCH) for _ in range(60)]
    work = await graph.open("Work")
    graph.plant("microsoft:GET /v1.0/**", "latency", seconds=0.01)
    graph.plant("microsoft:POST /v1.0/**", "latency", seconds=0.01)
    graph.sandbox.world.requests.clear()
    writes = [graph.intent(Op.CREATE, draft=draft(MEETING)) for _ in range(50)]
    await asyncio.gather(
        drain(home.read(made).next),
        drain(work.write(writes).next),
        *(page_list(client.changes(None, SPAN)) for client in (home, work) for _ in range(3)),
    )
    assert {entry.status for entry in graph.sandbox.world.requests.entries()} <= {200, 201}


async def test_a_zone_without_meaning_outside_the_mailbox_is_the_mailboxs(graph: ProviderWorld) -> None:
    turn(graph, original_zone_names="tzone")
    graph.person_creates(**LUNCH)
    series = graph.person_creates(**DAILY)
    events = {event.id: event for event in (await graph.changes())[0]}
    assert {event.fields.when.zone for event in events.values() if event.fields} == {BERLIN}
    fields = events[series].fields
    assert fields is not None
    assert fields.when.start == at(2, 9)


async def test_all_day_exceptions_are_placed_by_the_mailboxs_zone(graph: ProviderWorld) -> None:
    series = graph.person_creates(
        title="Bins",
        start="2026-03-02",
        end="2026-03-03",
        all_day=True,
        rrule=["RRULE:FREQ=WEEKLY;BYDAY=MO"],
        exceptions=[{"original_start": "2026-03-30", "start": "2026-03-31", "end": "2026-04-01"}],
    )
    parts = (await graph.read(series))[series].events
    assert [part.original_start for part in parts if part.kind is EventKind.EXCEPTION] == [date(2026, 3, 30)]


async def test_without_leave_to_read_the_settings_the_zone_is_utc(graph: ProviderWorld) -> None:
    class FewScopes(SandboxTokens):
        async def token(self, *, stale: str | None = None, claims: str | None = None) -> str:
            granted = self.emulated.issue_tokens(self.email, ["Calendars.ReadWrite", "User.Read"], 3600)
            return str(granted["access_token"])

    tokens = FewScopes(graph.emulated, graph.tokens.email)
    graph.tokens.current = await tokens.token()
    listed = await graph.service.calendars()
    assert {info.zone for info in listed} == {"UTC"}
    assert {info.name: info.access for info in listed} == {
        "Work": Access.WRITER,
        "Home": Access.WRITER,
        "Team": Access.READER,
    }
