"""Views of calendars: pages, complete reads, direct reads, and what their numbers say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.events import Event, EventKind, Fields, Marker
from app.domain.links import Answer, Copy, CopyState, Evidence, Page, Seen, ViewState
from app.domain.times import Span, When
from tests.unit.store.samples import NOW, SPAN, World, exception, pair, series, single, wall

WORK = "conn_work"


def test_a_view_that_was_never_read_is_all_defaults(filled: World) -> None:
    assert filled.store.ledger.view(WORK) == ViewState(WORK)


def test_a_complete_read_fills_the_view_and_its_state(filled: World) -> None:
    filled.read(single("a"), series("b"), exception("b", 9), full=True, cursor="c1")
    view = filled.store.ledger.view(WORK)
    assert (view.cursor, view.read_no, view.seq, view.live_count) == ("c1", 1, 3, 2)
    assert (view.complete_at, view.covers_from, view.covers_to) == (NOW, SPAN.start, SPAN.end)
    assert (view.zone, view.role) == ("Europe/Berlin", "writer")
    assert filled.store.accounts.connection(WORK).last_synced_at == NOW


def test_an_incremental_read_keeps_the_cursor_and_leaves_coverage_alone(filled: World) -> None:
    filled.read(single("a"), full=True, cursor="c1")
    later = NOW + timedelta(hours=1)
    filled.read(single("b"), cursor="c2", at=later)
    view = filled.store.ledger.view(WORK)
    assert (view.cursor, view.read_no, view.complete_at, view.live_count) == ("c2", 2, NOW, 1)
    assert filled.seen() == {"a": "seen", "b": "seen"}


def test_only_rows_that_differ_get_a_new_sequence_number(filled: World) -> None:
    before = filled.read(single("a"), single("b"), full=True)
    filled.read(single("a"), single("b", title="Surgeon"))
    assert filled.store.ledger.changed_units(WORK, before) == ["b"]
    assert filled.store.ledger.view(WORK).seq == before + 1


def test_the_same_calendar_read_again_changes_nothing(filled: World) -> None:
    events = [single("a"), series("b"), exception("b", 9)]
    before = filled.read(*events, full=True)
    assert filled.read(*events, full=True) == before
    assert filled.store.ledger.changed_units(WORK, before) == []


def test_a_changed_occurrence_changes_its_series(filled: World) -> None:
    before = filled.read(series("b"), exception("b", 9), full=True)
    filled.read(exception("b", 9, etag="2"))
    assert filled.store.ledger.changed_units(WORK, before) == ["b"]


def test_rows_come_by_unit_whole_and_in_order(filled: World) -> None:
    filled.read(single("z"), series("b"), exception("b", 16), exception("b", 9), full=True)
    ids = [row.event.id for row in filled.store.ledger.rows(WORK, ["b", "unknown"])]
    assert ids == ["b", "b_16", "b_9"]
    assert [row.event.id for row in filled.store.ledger.rows(WORK, None)] == ["b", "b_16", "b_9", "z"]


def test_a_complete_read_makes_what_it_missed_absent_and_nothing_more(filled: World) -> None:
    filled.read(single("a"), single("b"), full=True)
    filled.read(single("a"), full=True)
    assert filled.seen() == {"a": "seen", "b": "absent"}
    assert filled.store.ledger.view(WORK).live_count == 1


def test_an_absent_row_is_seen_again_when_it_comes_back(filled: World) -> None:
    filled.read(single("a"), full=True)
    before = filled.read(full=True)
    filled.read(single("a"))
    assert filled.seen() == {"a": "seen"}
    assert filled.store.ledger.changed_units(WORK, before) == ["a"]


def test_an_incremental_read_makes_nothing_absent(filled: World) -> None:
    filled.read(single("a"), full=True)
    filled.read()
    assert filled.seen() == {"a": "seen"}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (wall("2026-01-31T10:00"), wall("2026-02-01T00:00"), "seen"),
        (wall("2026-01-31T10:00"), wall("2026-02-01T00:01"), "absent"),
        (wall("2026-02-01T00:00"), wall("2026-02-01T00:00"), "absent"),
        (wall("2027-01-31T23:59"), wall("2027-03-01T00:00"), "absent"),
        (wall("2027-02-01T00:00"), wall("2027-02-02T00:00"), "seen"),
        (date(2026, 1, 30), date(2026, 1, 31), "seen"),
        (date(2026, 2, 3), date(2026, 2, 4), "absent"),
    ],
)
def test_only_rows_of_the_span_become_absent(
    filled: World, start: datetime | date, end: datetime | date, expected: str
) -> None:
    zone = "UTC" if isinstance(start, datetime) else None
    filled.read(Event("a", fields=Fields(When(start, end, zone))), full=True)
    filled.read(full=True)
    assert filled.seen() == {"a": expected}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("RRULE:FREQ=DAILY", "absent"),
        ("RRULE:FREQ=DAILY;COUNT=3", "absent"),
        ("RRULE:FREQ=DAILY;UNTIL=20260310T000000Z", "absent"),
        ("RRULE:FREQ=DAILY;UNTIL=20200310", "seen"),
        ("RDATE;VALUE=DATE:20260310", "absent"),
    ],
)
def test_a_series_without_a_known_end_counts_as_inside_the_span(filled: World, rule: str, expected: str) -> None:
    filled.read(series("b", rule, start=date(2019, 1, 1)), full=True)
    filled.read(full=True)
    assert filled.seen() == {"b": expected}


def test_a_series_that_begins_after_the_span_stays_seen(filled: World) -> None:
    filled.read(series("b", start=date(2027, 3, 1)), full=True)
    filled.read(full=True)
    assert filled.seen() == {"b": "seen"}


def test_an_event_beyond_the_calendar_of_python_is_kept(filled: World) -> None:
    far = Event("a", fields=Fields(When(date(9999, 12, 30), date(9999, 12, 31)), "Never"))
    early = Event("b", fields=Fields(When(wall("0001-01-01T00:00"), wall("0001-01-01T01:00"), "Asia/Tokyo"), "Once"))
    filled.read(far, early, full=True)
    assert [row.event for row in filled.store.ledger.rows(WORK, None)] == [far, early]


def test_occurrences_follow_their_series_into_absence(filled: World) -> None:
    stub = Event("b_x", kind=EventKind.CANCELLED, series_id="b", original_start=datetime(2026, 3, 16, 8, tzinfo=UTC))
    filled.read(series("b"), exception("b", 9), stub, full=True)
    filled.read(full=True)
    assert filled.seen() == {"b": "absent", "b_9": "absent", "b_x": "absent"}


def test_occurrences_of_a_series_that_was_read_stay(filled: World) -> None:
    filled.read(series("b"), exception("b", 9), full=True)
    filled.read(series("b"), full=True)
    assert filled.seen() == {"b": "seen", "b_9": "seen"}


def test_an_occurrence_without_a_series_in_view_becomes_absent_by_itself(filled: World) -> None:
    filled.read(exception("elsewhere", 9), full=True)
    filled.read(full=True)
    assert filled.seen() == {"elsewhere_9": "absent"}


def test_gone_rows_stay_gone_through_complete_reads(filled: World) -> None:
    filled.read(single("a"), full=True)
    before = filled.read(Event("a", gone=True))
    assert filled.read(full=True) == before
    assert filled.seen() == {"a": "gone"}


def test_a_tombstone_keeps_what_the_row_was(filled: World) -> None:
    filled.read(series("b"), exception("b", 9, ical_uid="uid"), full=True)
    before = filled.read(Event("b_9", gone=True))
    (row,) = [row for row in filled.store.ledger.rows(WORK, ["b"]) if row.event.id == "b_9"]
    assert (row.event.series_id, row.event.kind, row.event.ical_uid) == ("b", EventKind.EXCEPTION, "uid")
    assert (row.event.gone, row.event.fields) == (True, None)
    assert filled.read(Event("b_9", gone=True, etag="told again")) == before


def test_a_series_that_is_gone_takes_its_occurrences_along(filled: World) -> None:
    filled.read(series("b"), exception("b", 9), single("a"), full=True)
    filled.read(Event("b", gone=True))
    assert filled.seen() == {"a": "seen", "b": "gone", "b_9": "gone"}


def test_a_series_told_whole_drops_occurrences_that_no_longer_hold(filled: World) -> None:
    before = filled.read(series("b"), exception("b", 9), exception("b", 16), full=True)
    filled.read(series("b"), exception("b", 16), whole=frozenset({"b"}))
    assert filled.seen() == {"b": "seen", "b_16": "seen"}
    assert filled.store.ledger.changed_units(WORK, before) == ["b"]
    after = filled.store.ledger.view(WORK).seq
    assert filled.read(series("b"), exception("b", 16), whole=frozenset({"b"})) == after


def test_a_series_told_whole_but_without_a_row_still_shows_its_loss(filled: World) -> None:
    before = filled.read(exception("b", 9), full=True)
    filled.read(whole=frozenset({"b"}))
    assert filled.seen() == {"b_9": "gone"}
    assert filled.store.ledger.changed_units(WORK, before) == ["b"]


def test_a_delta_without_markers_says_nothing_new_about_the_same_version(filled: World) -> None:
    marker = Marker("direction", "copy", 0, "here.1")
    before = filled.read(single("a", marker=marker), full=True)
    assert filled.read(single("a", marker=None, marker_known=False)) == before
    filled.read(single("a", etag="2", marker=None, marker_known=False))
    (row,) = filled.store.ledger.rows(WORK, ["a"])
    assert not row.event.marker_known


def test_a_page_of_a_read_that_was_overtaken_is_refused(filled: World) -> None:
    ledger = filled.store.ledger
    first = ledger.begin_read(WORK, full=True)
    ledger.begin_read(WORK, full=True)
    with pytest.raises(ValueError, match="overtaken"):
        ledger.store_page(WORK, first, Page((single("a"),)), full=True, span=SPAN)
    with pytest.raises(ValueError, match="overtaken"):
        ledger.finish_read(WORK, first, cursor="c", full=True, span=SPAN, at=NOW)
    assert filled.seen() == {}


def test_a_read_that_broke_off_makes_nothing_absent_and_keeps_the_cursor(filled: World) -> None:
    filled.read(single("a"), single("b"), full=True, cursor="c1")
    number = filled.store.ledger.begin_read(WORK, full=True)
    filled.store.ledger.store_page(WORK, number, Page((single("a"),), position="p2"), full=True, span=SPAN)
    assert filled.seen() == {"a": "seen", "b": "seen"}
    assert filled.store.ledger.view(WORK).cursor == "c1"


def test_a_dead_cursor_goes_and_the_rows_stay(filled: World) -> None:
    filled.read(single("a"), full=True)
    filled.store.ledger.forget_cursor(WORK)
    assert filled.store.ledger.view(WORK).cursor is None
    assert filled.seen() == {"a": "seen"}


def test_a_direct_read_replaces_a_series_whole(filled: World) -> None:
    before = filled.read(series("b"), exception("b", 9), single("a"), full=True)
    told = Answer("b", Evidence.FOUND, (series("b"), exception("b", 23)))
    filled.store.ledger.store_answers(WORK, [told])
    assert filled.seen() == {"a": "seen", "b": "seen", "b_23": "seen"}
    assert filled.store.ledger.changed_units(WORK, before) == ["b"]
    after = filled.store.ledger.view(WORK).seq
    filled.store.ledger.store_answers(WORK, [told])
    assert filled.store.ledger.view(WORK).seq == after


def test_a_direct_read_of_one_occurrence_leaves_the_others(filled: World) -> None:
    filled.read(series("b"), exception("b", 9), exception("b", 16), full=True)
    filled.store.ledger.store_answers(WORK, [Answer("b_9", Evidence.FOUND, (exception("b", 9, etag="2"),))])
    assert filled.seen() == {"b": "seen", "b_16": "seen", "b_9": "seen"}


def test_a_direct_read_proves_a_unit_gone_even_if_the_view_did_not_know_it(filled: World) -> None:
    before = filled.read(series("b"), exception("b", 9), full=True)
    answers = [Answer("b", Evidence.GONE), Answer("never seen", Evidence.GONE), Answer("c", Evidence.UNKNOWN)]
    filled.store.ledger.store_answers(WORK, answers)
    assert filled.seen() == {"b": "gone", "b_9": "gone", "never seen": "gone"}
    assert filled.store.ledger.changed_units(WORK, before) == ["b", "never seen"]
    after = filled.store.ledger.view(WORK).seq
    filled.store.ledger.store_answers(WORK, answers)
    assert filled.store.ledger.view(WORK).seq == after


def test_a_direct_read_works_before_any_other(filled: World) -> None:
    filled.store.ledger.store_answers(WORK, [Answer("a", Evidence.FOUND, (single("a"),))])
    assert filled.seen() == {"a": "seen"}
    assert filled.store.ledger.view(WORK).complete_at is None


def test_masters_and_singles_are_found_by_ical_uid_while_they_are_seen(filled: World) -> None:
    filled.read(
        single("a", ical_uid="one"),
        single("a2", ical_uid="one"),
        series("b", ical_uid="two"),
        exception("b", 9, ical_uid="two"),
        single("c", ical_uid="\ud800"),
        full=True,
    )
    filled.read(Event("a2", gone=True))
    found = filled.store.ledger.uids(WORK, ["one", "two", "three", "\ud800"])
    assert {uid: [event.id for event in events] for uid, events in found.items()} == {
        "one": ["a"],
        "two": ["b"],
        "\ud800": ["c"],
    }


def test_copies_are_known_by_their_calendar_also_after_their_pair_was_deleted(filled: World) -> None:
    ledger, direction = filled.store.ledger, filled.direction.id
    ledger.save(
        [],
        [
            Copy(direction, "k1", event_id="live"),
            Copy(direction, "k2", event_id="gone", state=CopyState.GONE),
            Copy(direction, "k3", event_id="free", state=CopyState.RELEASED),
            Copy(direction, "k4"),
        ],
    )
    ids = ["live", "gone", "free", "", "other"]
    expected = {"live": (direction, "k1"), "gone": (direction, "k2")}
    assert ledger.known_copies("conn_home", ids) == expected
    assert ledger.known_copies(WORK, ids) == {}
    filled.store.pairs.remove("pair_1")
    assert ledger.known_copies("conn_home", ids) == expected


def test_two_calendars_may_hold_the_same_event_id(filled: World) -> None:
    filled.read(single("a"), full=True)
    filled.read(single("a", title="Other"), calendar="conn_home", full=True)
    filled.read(full=True)
    assert filled.seen() == {"a": "absent"}
    assert filled.seen("conn_home") == {"a": "seen"}


def test_a_large_calendar_is_read_in_pages(filled: World) -> None:
    ledger = filled.store.ledger
    number = ledger.begin_read(WORK, full=True)
    for page in range(3):
        events = tuple(single(f"{page}-{n}", day=1 + n % 28) for n in range(1000))
        ledger.store_page(WORK, number, Page(events, position=str(page)), full=True, span=SPAN)
    ledger.finish_read(WORK, number, cursor="c", full=True, span=SPAN, at=NOW)
    assert ledger.view(WORK).live_count == 3000
    assert len(ledger.rows(WORK, [f"1-{n}" for n in range(1000)])) == 1000


def test_a_narrow_span_spares_what_lies_outside(filled: World) -> None:
    filled.read(single("a", day=5), single("b", day=25), full=True)
    half = Span(SPAN.start, datetime(2026, 3, 15, tzinfo=UTC))
    filled.read(full=True, span=half)
    assert filled.seen() == {"a": "absent", "b": "seen"}


def test_a_copy_of_a_value_stored_is_equal_to_it(filled: World) -> None:
    event = replace(series("b"), cancelled=(datetime(2026, 3, 9, 8, tzinfo=UTC), date(2026, 3, 16)), updated_at=NOW)
    filled.read(event, full=True)
    assert [row.event for row in filled.store.ledger.rows(WORK, ["b"])] == [event]


def test_removing_a_connection_forgets_its_view(filled: World) -> None:
    filled.store.pairs.add(pair("pair_2", connection_a_id="conn_home", connection_b_id=WORK))
    filled.read(single("a"), full=True)
    for pair_id in ("pair_1", "pair_2"):
        filled.store.pairs.remove(pair_id)
    filled.store.accounts.remove_connection(WORK)
    assert filled.seen() == {}
    assert filled.store.ledger.view(WORK) == ViewState(WORK)


def test_a_series_that_was_half_read_stays_so_until_it_is_told_whole_or_gone(filled: World) -> None:
    ledger = filled.store.ledger
    for series_id in ("h", "i", "j"):
        filled.read(series(series_id))
    ledger.store_half_read(WORK, ["h", "i", "j", "never_seen"])

    def unread(series_id: str) -> list[Seen]:
        return [row.seen for row in ledger.rows(WORK, [series_id]) if row.event.id != series_id]

    filled.read(series("h", etag="2"), exception("i", 9))
    assert Seen.ABSENT in unread("h")
    assert Seen.ABSENT in unread("i")
    assert unread("never_seen") == []
    ledger.store_answers(WORK, [Answer("h", Evidence.FOUND, (series("h", etag="2"),))])
    filled.read(series("i", etag="2"), whole=frozenset({"i"}))
    ledger.store_answers(WORK, [Answer("j", Evidence.GONE)])
    assert unread("h") == unread("i") == []
    assert set(unread("j")) == {Seen.GONE}
