"""Our client keeps its contract whichever way Graph's unverified points turn out (`providers.md` §13).

Each value of a switch that is not the default is turned, and the tests of the contract that it can touch are run once
more. Points that have tests of their own are in `test_microsoft.py`; those of the sign-in in
`tests/contract/auth/test_microsoft_variants.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from app.domain.errors import CursorExpiredError
from app.domain.events import EventKind
from app.domain.links import Op, Result
from app.sandbox.microsoft import switches as declared
from app.sandbox.world import Behaviour
from tests.contract.providers import test_reading as reading
from tests.contract.providers import test_series as series
from tests.contract.providers import test_writing as writing
from tests.contract.providers.microsoft_world import microsoft_world
from tests.contract.providers.world import BERLIN, SPAN, ProviderWorld, at, draft, page_list, timed, weekly

pytestmark = pytest.mark.anyio

Check = Callable[[ProviderWorld], Awaitable[None]]
MEETING = timed(at(10, 9), at(10, 10), title="Meeting")
LUNCH = {"title": "Lunch", "start": "2026-03-10T12:00:00", "end": "2026-03-10T13:00:00", "time_zone": BERLIN}


def kinds(*names: str) -> list[Check]:
    return [partial(writing.test_what_was_created_is_answered_and_read_in_normal_form, name=name) for name in names]


TWICE: list[Check] = [
    writing.test_the_same_create_again_leaves_one_event,
    writing.test_a_create_whose_answer_was_lost_is_unknown_and_sent_again_leaves_one_event,
]
DELETES: list[Check] = [
    writing.test_a_delete_of_a_changed_event_is_dropped,
    writing.test_a_deleted_event_is_gone_and_deleting_it_again_is_fine,
]
SERIES: list[Check] = [
    series.test_a_series_is_created_and_read_as_one_event,
    series.test_one_occurrence_is_cancelled_and_cancelling_it_again_is_fine,
    partial(series.test_one_occurrence_is_moved_and_moved_again, day=30),
    series.test_a_persons_exceptions_are_told_and_the_series_is_read_whole,
    series.test_a_rule_is_changed,
]
READS: list[Check] = [
    reading.test_a_full_read_tells_what_a_person_made,
    reading.test_an_incremental_read_tells_new_and_changed_events,
    reading.test_a_deleted_event_is_proved_gone_by_a_direct_read,
    series.test_a_full_read_tells_a_series_with_its_exceptions_once,
    series.test_a_deleted_series_is_proved_gone,
]
LISTS: list[Check] = [
    reading.test_calendars_are_listed_with_their_real_ids_and_what_we_may_do_there,
    reading.test_marked_events_are_those_of_one_direction_wherever_they_lie,
    reading.test_a_read_in_many_pages_tells_every_event_once,
]
CASES: list[tuple[dict[str, Any], list[Check]]] = [
    ({"transaction_repeat": "error_409"}, TWICE),
    ({"transaction_repeat": "created_201"}, TWICE),
    ({"if_match_on_delete": False}, DELETES),
    ({"master_edit_exceptions": "keep"}, SERIES),
    ({"numbered_range": "living"}, SERIES),
    ({"day_set_index": "each"}, SERIES),
    ({"month_end_clamped": False}, SERIES),
    ({"accept_any_iana_zone": True}, kinds("in New York", "in Kathmandu", "floating")),
    ({"unknown_zone_code": "ErrorInvalidTimeZone"}, kinds("in New York", "in Kathmandu")),
    ({"original_zone_names": "tzone"}, [*kinds("plain", "all day", "at the change of the clocks"), *SERIES[:3]]),
    ({"default_page_size": 1}, LISTS),
    ({"default_page_size": 1000}, LISTS),
    ({"reminder_default": False}, kinds("plain", "reminders", "all day")),
    ({"seconds": "rounded"}, kinds("with seconds", "plain")),
    ({"seconds": "kept"}, kinds("with seconds", "plain")),
    ({"expired_token_text": "lifetime"}, [writing.test_an_expired_token_is_renewed_once_and_the_write_is_made_once]),
    ({"sync_state_code": "syncStateNotFound"}, [reading.test_a_dead_position_asks_for_a_full_read]),
    ({"sync_state_code": "resyncRequired"}, [reading.test_a_dead_position_asks_for_a_full_read]),
    ({"resync_location": True}, [reading.test_a_dead_position_asks_for_a_full_read]),
    ({"delta_query_options": "ignored"}, READS[:2]),
    ({"events_delta": "served"}, READS[:2]),
    ({"read_basic": "full"}, READS[:1]),
    ({"recurrence_null": "refused"}, [series.test_a_rule_is_changed]),
    ({"recurrence_null": "ignored"}, [series.test_a_rule_is_changed]),
    ({"change_key_bump_seconds": 0.3}, [*DELETES, *READS]),
    ({"delta_row_order": "shuffled", "delta_duplicate_share": 0.5}, READS),
    ({"delta_series": "part", "delta_series_split": True}, READS),
    ({"delta_master_rows": False, "delta_occurrence_tombstones": True}, READS),
    ({"delta_replay_share": 1.0}, [READS[0], *READS[2:]]),
    ({"delta_spurious_share": 1.0}, READS),
]


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


def _name(check: Check) -> str:
    if isinstance(check, partial):
        return f"{check.func.__name__}[{'-'.join(str(value) for value in check.keywords.values())}]"
    return str(getattr(check, "__name__", check)).removeprefix("test_")


@pytest.mark.parametrize(
    ("switches", "check"),
    [pytest.param(switches, check, id=f"{switches} {_name(check)}") for switches, checks in CASES for check in checks],
)
async def test_the_contract_is_kept_under_every_variant(
    graph: ProviderWorld, switches: dict[str, Any], check: Check
) -> None:
    turn(graph, **switches)
    await check(graph)


def test_every_switch_of_graphs_calendar_is_turned_somewhere_for_our_client() -> None:
    elsewhere = {
        # test_microsoft.py
        *("batch_throttled_share", "transaction_memory_seconds"),
        # below
        *("filter_lag_seconds", "delta_lag_seconds", "delta_token_lifetime_seconds", "requests_per_ten_minutes"),
        # tests/contract/auth/test_microsoft_variants.py
        *("revoked_token_answer", "unknown_client", "secret_expected", "admin_consent", "consent_left_out"),
        "refresh_refusal",
    }
    behaviour = Behaviour()
    declared.declare(behaviour)
    turned = {name for switches, _ in CASES for name in switches}
    calendar = {name.removeprefix("microsoft.") for name in behaviour.as_dict() if "mail" not in name}
    assert calendar - turned - elsewhere == set()


async def test_a_change_that_delta_does_not_show_yet_is_told_by_a_later_read(graph: ProviderWorld) -> None:
    turn(graph, delta_lag_seconds=30)
    _, cursor = await graph.changes()
    made = graph.person_creates(**LUNCH)
    events, cursor = await graph.changes(cursor)
    assert events == []
    graph.sandbox.world.clock.advance(31)
    events, _ = await graph.changes(cursor)
    assert [event.id for event in events] == [made]


async def test_a_copy_that_the_search_does_not_show_yet_is_still_found_by_a_repeated_create(
    graph: ProviderWorld,
) -> None:
    turn(graph, filter_lag_seconds=60)
    first = await graph.create(MEETING, copy="same")
    assert await graph.marked() == []
    again = await graph.write_one(Op.CREATE, copy="same", draft=draft(MEETING))
    assert again.result is Result.EXISTS
    assert again.event is not None
    assert again.event.id == first.id
    graph.sandbox.world.clock.advance(61)
    assert [event.id for event in await graph.marked()] == [first.id]


async def test_a_position_that_died_of_age_asks_for_a_full_read(graph: ProviderWorld) -> None:
    turn(graph, delta_token_lifetime_seconds=3600)
    graph.person_creates(**LUNCH)
    _, cursor = await graph.changes()
    graph.sandbox.world.clock.advance(3000)
    graph.tokens.current = ""
    _, cursor = await graph.changes(cursor)
    graph.sandbox.world.clock.advance(4000)
    graph.tokens.current = ""
    with pytest.raises(CursorExpiredError):
        await graph.changes(cursor)
    assert len((await graph.changes())[0]) == 1


async def test_a_mailbox_over_its_ten_minutes_asks_for_a_pause_and_nothing_is_lost(graph: ProviderWorld) -> None:
    turn(graph, requests_per_ten_minutes=12)
    intents = [graph.intent(Op.CREATE, draft=draft(MEETING)) for _ in range(20)]
    told = await graph.write(*intents)
    done = [outcome for outcome in told.values() if outcome.result is Result.APPLIED]
    later = [outcome for outcome in told.values() if outcome.result is Result.LATER]
    assert len(done) + len(later) == 20
    assert later
    assert all(outcome.retry_after_seconds for outcome in later)
    assert len(graph.titles()) == len(done)


async def test_a_transaction_id_that_was_forgotten_makes_a_second_event_that_names_itself(graph: ProviderWorld) -> None:
    turn(graph, transaction_memory_seconds=60)
    first = await graph.create(MEETING, copy="same")
    graph.sandbox.world.clock.advance(120)
    second = await graph.write_one(Op.CREATE, copy="same", draft=draft(MEETING))
    assert second.event is not None
    assert second.event.id != first.id
    # The service does not help any more: both bear the marker, which is how they are found again.
    assert {event.id for event in await graph.marked()} == {first.id, second.event.id}


async def test_a_living_event_told_as_removed_is_told_as_it_is(graph: ProviderWorld) -> None:
    turn(graph, delta_spurious_share=1.0)
    made = graph.person_creates(**LUNCH)
    _, cursor = await graph.changes()
    graph.person_changes(made, title="Late lunch")
    pages = await page_list(graph.client.changes(cursor, SPAN))
    (event,) = [event for page in pages for event in page.events]
    assert not event.gone
    assert event.fields is not None
    assert event.fields.title == "Late lunch"


async def test_what_is_told_again_in_a_later_round_is_told_as_it_was(graph: ProviderWorld) -> None:
    turn(graph, delta_replay_share=1.0)
    single = graph.person_creates(**LUNCH)
    master = await graph.create(weekly())
    first, cursor = await graph.changes()
    again, _ = await graph.changes(cursor)
    assert {event.id for event in again} == {event.id for event in first} == {single, master.id}
    assert {event.kind for event in again} == {EventKind.SINGLE, EventKind.SERIES}
