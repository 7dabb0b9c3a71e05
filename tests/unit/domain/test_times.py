"""Wall clocks, zones, gaps, folds and dates (RFC 5545 §3.3.4, §3.3.5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.times import Span, When, at_midnight, is_timed, to_utc, to_wall

BERLIN = "Europe/Berlin"


def clock(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - wall clocks carry no zone


def test_a_time_in_the_gap_is_read_with_the_offset_before_it() -> None:
    assert to_utc(clock(2026, 3, 29, 2, 30), BERLIN) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_time_that_comes_twice_is_the_first() -> None:
    assert to_utc(clock(2026, 10, 25, 2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_both_passes_of_the_repeated_hour_show_the_same_wall_clock() -> None:
    passes = {to_wall(datetime(2026, 10, 25, hour, 30, tzinfo=UTC), BERLIN) for hour in (0, 1)}
    assert passes == {clock(2026, 10, 25, 2, 30)}


@given(st.datetimes(clock(1990, 1, 1), clock(2060, 1, 1)), st.sampled_from([BERLIN, "America/New_York", "UTC"]))
def test_a_wall_clock_survives_the_way_through_utc_outside_gaps(wall: datetime, zone: str) -> None:
    back = to_wall(to_utc(wall, zone), zone)
    assert back in (wall, wall + timedelta(hours=1))
    assert to_utc(back, zone) == to_utc(wall, zone)


def test_an_all_day_event_begins_at_midnight_of_the_zone_that_is_asked_for() -> None:
    when = When(date(2026, 3, 29), date(2026, 3, 30))
    assert when.all_day
    assert when.start_instant(BERLIN) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert when.end_instant(BERLIN) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert when.duration == timedelta(days=1)


def test_a_moved_event_keeps_its_length_and_its_kind() -> None:
    timed = When(clock(2026, 3, 28, 23), clock(2026, 3, 29, 1), BERLIN)
    assert timed.moved_to(clock(2026, 3, 29, 1)) == When(clock(2026, 3, 29, 1), clock(2026, 3, 29, 3), BERLIN)
    days = When(date(2026, 3, 28), date(2026, 3, 30))
    assert days.moved_to(date(2026, 4, 1)) == When(date(2026, 4, 1), date(2026, 4, 3))
    with pytest.raises(ValueError, match="bare date"):
        timed.moved_to(date(2026, 3, 29))


@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        (clock(2026, 1, 1, 9), date(2026, 1, 2), BERLIN),
        (clock(2026, 1, 1, 9), clock(2026, 1, 1, 10), None),
        (datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2026, 1, 1, 10, tzinfo=UTC), BERLIN),
    ],
)
def test_times_that_mean_nothing_cannot_be_made(start: date, end: date, zone: str | None) -> None:
    with pytest.raises(ValueError, match=r"start and end|needs a zone|no offset"):
        When(start, end, zone)


def test_a_datetime_is_timed_and_a_date_is_not() -> None:
    assert is_timed(clock(2026, 1, 1, 0))
    assert not is_timed(date(2026, 1, 1))
    assert at_midnight(date(2026, 1, 1)) == clock(2026, 1, 1)


@pytest.mark.parametrize(
    ("start", "end", "meets"),
    [(8, 9, False), (8, 10, True), (9, 9, True), (10, 11, True), (12, 12, False), (12, 13, False), (8, 13, True)],
)
def test_a_span_is_met_by_what_overlaps_it_its_end_excluded(start: int, end: int, meets: bool) -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    span = Span(day + timedelta(hours=9), day + timedelta(hours=12))
    assert span.meets(day + timedelta(hours=start), day + timedelta(hours=end)) is meets


def test_a_span_covers_itself_and_what_lies_inside() -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    outer, inner = Span(day, day + timedelta(days=2)), Span(day, day + timedelta(days=1))
    assert outer.covers(outer)
    assert outer.covers(inner)
    assert not inner.covers(outer)
