"""Rows of a view put together, and the keys of occurrences (`engine.md` §3-§5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.events import Event, EventKind, Fields
from app.domain.links import Row, Seen
from app.domain.times import Moment, When, to_utc
from app.engine.originals import assemble, assemble_all, occurrence_key, start_of, starts_at, wall_start
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, ZONE, meeting, weekly

NINE = wall(MONDAY, 9)


def part(start: Moment, kind: EventKind = EventKind.EXCEPTION, series: str = "series") -> Event:
    instant = to_utc(start, ZONE) if isinstance(start, datetime) else start
    fields = Fields(When(NINE, NINE + timedelta(hours=1), ZONE)) if kind is EventKind.EXCEPTION else None
    return Event(f"{series}_{start}", kind=kind, series_id=series, original_start=instant, fields=fields)


def rows(*events: Event, seen: Seen = Seen.SEEN) -> list[Row]:
    return [Row(event, seen) for event in events]


def test_the_key_of_an_occurrence_is_the_date_in_the_zone_of_its_series() -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert occurrence_key(late, ZONE, sub_daily=False) == "20261123"
    assert occurrence_key(late, "UTC", sub_daily=False) == "20261122"
    assert occurrence_key(date(2026, 11, 23), None, sub_daily=False) == "20261123"
    assert occurrence_key(late, ZONE, sub_daily=True) == "20261123T0030"


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)), st.integers(-8, 8))  # noqa: DTZ001 - wall clocks
def test_a_moved_hour_keeps_the_key_of_the_date(start: datetime, hours: int) -> None:
    noon = start.replace(hour=12)
    moved = noon + timedelta(hours=hours)
    keys = {occurrence_key(to_utc(moment, ZONE), ZONE, sub_daily=False) for moment in (noon, moved)}
    assert keys == {noon.strftime("%Y%m%d")}


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)), st.booleans())  # noqa: DTZ001 - wall clocks
def test_a_key_names_the_start_it_was_made_from(start: datetime, sub_daily: bool) -> None:
    start = start.replace(second=0, microsecond=0)
    rule = "RRULE:FREQ=HOURLY" if sub_daily else "RRULE:FREQ=DAILY"
    master = weekly(rule=rule).fields
    assert master is not None
    master = replace(master, when=master.when.moved_to(start))
    assert start_of(occurrence_key(start, ZONE, sub_daily=sub_daily), master) == start


def test_a_key_of_another_kind_of_series_names_nothing() -> None:
    daily, hourly = weekly().fields, weekly(rule="RRULE:FREQ=HOURLY").fields
    assert daily is not None
    assert hourly is not None
    assert start_of("20261123T0900", daily) is None
    assert start_of("20261123", hourly) is None
    assert start_of("20261123", replace(daily, when=When(MONDAY, MONDAY + timedelta(days=1)))) == MONDAY


def test_an_original_start_becomes_wall_time_of_its_series() -> None:
    master = weekly().fields
    assert master is not None
    assert wall_start(datetime(2026, 11, 30, 8, tzinfo=UTC), master) == wall(date(2026, 11, 30), 9)
    assert wall_start(date(2026, 11, 30), master) == wall(date(2026, 11, 30), 9)
    assert wall_start(wall(date(2026, 11, 30), 9), master) == wall(date(2026, 11, 30), 9)
    all_day = replace(master, when=When(MONDAY, MONDAY + timedelta(days=1)))
    assert wall_start(date(2026, 11, 30), all_day) == date(2026, 11, 30)


def test_a_series_has_its_exceptions_and_gaps_by_key() -> None:
    gap, moved = part(NINE + timedelta(days=7), EventKind.CANCELLED), part(NINE + timedelta(days=14))
    unit = assemble("series", rows(weekly(cancelled=(NINE + timedelta(days=21),)), gap, moved))
    assert unit.is_series
    assert set(unit.cancelled) == {"20261130", "20261214"}
    assert unit.exceptions == {"20261207": moved}
    assert unit.reads == ("series",)


def test_an_exception_is_stronger_than_an_excluded_date() -> None:
    unit = assemble("series", rows(weekly(cancelled=(NINE,)), part(NINE)))
    assert (set(unit.cancelled), set(unit.exceptions)) == (set(), {"20261123"})


@pytest.mark.parametrize("seen", [Seen.ABSENT, Seen.GONE])
def test_parts_that_are_out_of_sight_are_named_and_gone_ones_are_not(seen: Seen) -> None:
    hidden = part(NINE)
    unit = assemble("series", [*rows(weekly()), Row(replace(hidden, gone=seen is Seen.GONE), seen)])
    assert unit.lost == ((hidden.id,) if seen is Seen.ABSENT else ())
    assert unit.exceptions == {}


@pytest.mark.parametrize(
    ("master", "seen", "expected"),
    [
        (weekly(), Seen.SEEN, Seen.SEEN),
        (weekly(), Seen.ABSENT, Seen.ABSENT),
        (Event("series", gone=True), Seen.GONE, Seen.GONE),
        (Event("series"), Seen.SEEN, Seen.ABSENT),
    ],
)
def test_what_is_known_of_a_master_is_what_is_known_of_its_series(master: Event, seen: Seen, expected: Seen) -> None:
    unit = assemble("series", [Row(master, seen), *rows(part(NINE))])
    assert unit.seen is expected
    assert (unit.event is None) == (expected is not Seen.SEEN)


def test_exceptions_without_their_master_stand_for_themselves_and_are_read_by_their_own_ids() -> None:
    first, second = part(NINE, series="theirs"), part(NINE + timedelta(days=7), series="theirs")
    unit = assemble("theirs", [*rows(first), Row(second, Seen.ABSENT)])
    assert (unit.seen, unit.event, list(unit.exceptions.values())) == (Seen.SEEN, None, [first])
    assert unit.lost == (second.id,)
    assert unit.reads == tuple(sorted((first.id, second.id)))


def test_the_zone_of_an_exception_without_master_does_not_change_its_key() -> None:
    lone = part(NINE, series="theirs")
    assert lone.fields is not None
    elsewhere = replace(lone, fields=replace(lone.fields, when=replace(lone.fields.when, zone="Asia/Tokyo")))
    keys = {tuple(assemble("theirs", rows(event)).exceptions) for event in (lone, elsewhere)}
    assert keys == {("20261123T0800",)}


def test_exceptions_without_master_that_are_all_proved_gone_are_gone() -> None:
    lone = part(NINE, series="theirs")
    assert assemble("theirs", [Row(replace(lone, gone=True, fields=None), Seen.GONE)]).seen is Seen.GONE
    assert assemble("theirs", [Row(lone, Seen.ABSENT)]).seen is Seen.ABSENT


def test_an_id_without_rows_is_absent() -> None:
    units = assemble_all(["a1", "a2"], rows(meeting("a1", NINE)))
    assert (units["a1"].seen, units["a2"].seen) == (Seen.SEEN, Seen.ABSENT)
    assert units["a2"].reads == ("a2",)


def test_a_start_that_cannot_be_placed_is_none() -> None:
    first = meeting("a1", datetime(1, 1, 1)).fields  # noqa: DTZ001 - a wall clock
    assert first is not None
    assert starts_at(replace(first, when=replace(first.when, zone="Asia/Tokyo")), "UTC") is None
    assert starts_at(None, "UTC") is None
