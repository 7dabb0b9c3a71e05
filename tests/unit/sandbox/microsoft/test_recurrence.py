"""Dates of Graph's recurrence patterns, their validation, and the way from and to RRULE lines."""

from __future__ import annotations

from datetime import date, datetime
from itertools import islice
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from app.sandbox.microsoft.errors import GraphError
from app.sandbox.microsoft.recurrence import DAYS, NotExpressibleError, dates, from_lines, to_lines, validate
from app.sandbox.microsoft.zones import resolve

BERLIN = resolve("W. Europe Standard Time")
AUCKLAND = resolve("New Zealand Standard Time")


def stored(pattern: dict[str, Any], start: str, **limits: Any) -> dict[str, Any]:
    value = {"pattern": pattern, "range": {"type": "noEnd", "startDate": start, **limits}}
    return validate(value, date.fromisoformat(start), BERLIN.windows, resolve)


def first(count: int, recurrence: dict[str, Any], *, clamp: bool = True, day_sets: str = "position") -> list[str]:
    return [day.isoformat() for day in islice(dates(recurrence, clamp=clamp, day_sets=day_sets), count)]


def test_the_first_day_of_the_week_decides_which_weeks_an_interval_skips() -> None:
    pattern = {"type": "weekly", "interval": 2, "daysOfWeek": ["sunday", "tuesday"]}
    start = "2026-03-03"
    assert first(3, stored({**pattern, "firstDayOfWeek": "monday"}, start)) == [
        "2026-03-03",
        "2026-03-08",
        "2026-03-17",
    ]
    assert first(3, stored({**pattern, "firstDayOfWeek": "sunday"}, start)) == [
        "2026-03-03",
        "2026-03-15",
        "2026-03-17",
    ]


def test_the_last_days_of_a_month_are_pulled_back_or_skipped_by_switch() -> None:
    recurrence = stored({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 30}, "2026-01-30")
    assert first(3, recurrence) == ["2026-01-30", "2026-02-28", "2026-03-30"]
    assert first(3, recurrence, clamp=False) == ["2026-01-30", "2026-03-30", "2026-04-30"]


def test_several_days_with_an_index_count_together_or_each_by_switch() -> None:
    weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday"]
    second = stored({"type": "relativeMonthly", "interval": 1, "daysOfWeek": weekdays, "index": "second"}, "2026-03-03")
    assert first(2, second) == ["2026-03-03", "2026-04-02"]
    # The second of each weekday, the earliest of them; March began before the start did.
    assert first(2, second, day_sets="each") == ["2026-03-09", "2026-04-08"]


def test_a_rule_that_never_matches_ends() -> None:
    never = stored({"type": "absoluteYearly", "interval": 1, "dayOfMonth": 31, "month": 2}, "2026-03-01")
    assert first(1, never, clamp=False) == []


@pytest.mark.parametrize(
    "pattern",
    [
        {"type": "hourly", "interval": 1},
        {"type": "daily"},
        {"type": "daily", "interval": 0},
        {"type": "daily", "interval": True},
        {"type": "daily", "interval": 1, "daysOfWeek": ["monday"]},
        {"type": "weekly", "interval": 1, "daysOfWeek": ["someday"]},
        {"type": "weekly", "interval": 1, "daysOfWeek": ["monday", "monday"]},
        {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "dayOfMonth": 3},
        {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 32},
        {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 3},
        {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["monday"], "index": "fifth"},
        {"type": "daily", "interval": 1, "until": "2026"},
    ],
)
def test_a_pattern_with_wrong_properties_is_refused(pattern: dict[str, Any]) -> None:
    with pytest.raises(GraphError, match="ErrorPropertyValidationFailure"):
        stored(pattern, "2026-03-02")


def test_what_a_read_returns_can_be_sent_back() -> None:
    recurrence = stored(
        {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]}, "2026-03-02", type="endDate", endDate="2026-04-02"
    )
    assert recurrence["pattern"]["dayOfMonth"] == 0
    assert validate(recurrence, date(2026, 3, 2), BERLIN.windows, resolve) == recurrence


@pytest.mark.parametrize(
    ("until", "zone", "start", "expected"),
    [
        ("20260630T215959Z", BERLIN, "2026-06-02T09:00", "2026-06-30"),
        ("20260630T215959Z", AUCKLAND, "2026-06-02T09:00", "2026-07-01"),
        ("20260630T050000Z", BERLIN, "2026-06-02T09:00", "2026-06-29"),
        ("20260630", BERLIN, "2026-06-02T09:00", "2026-06-30"),
    ],
)
def test_until_becomes_the_local_date_of_the_last_possible_start(
    until: str, zone: Any, start: str, expected: str
) -> None:
    recurrence, _ = from_lines([f"RRULE:FREQ=DAILY;UNTIL={until}"], datetime.fromisoformat(start), zone, False)
    assert recurrence["range"]["endDate"] == expected


def test_excluded_dates_are_dates_of_the_series_zone() -> None:
    start = datetime.fromisoformat("2026-06-02T08:00")
    lines = ["RRULE:FREQ=DAILY", "EXDATE:20260603T200000Z", "EXDATE;VALUE=DATE:20260606"]
    assert from_lines(lines, start, AUCKLAND, False)[1] == {date(2026, 6, 4), date(2026, 6, 6)}


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=MONTHLY;BYMONTHDAY=29",
        "FREQ=MONTHLY;BYMONTHDAY=1,15",
        "FREQ=MONTHLY;BYDAY=5MO",
        "FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=YEARLY;BYMONTH=1,2",
        "FREQ=DAILY;INTERVAL=2;BYDAY=MO",
        "FREQ=DAILY;BYHOUR=9",
        "FREQ=WEEKLY;BYDAY=1MO",
    ],
)
def test_a_rule_outside_graphs_patterns_is_refused(rule: str) -> None:
    with pytest.raises(NotExpressibleError):
        from_lines([f"RRULE:{rule}"], datetime.fromisoformat("2026-03-02T09:00"), BERLIN, False)


ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
PATTERNS = st.one_of(
    st.builds(lambda n: {"type": "daily", "interval": n}, st.integers(1, 40)),
    st.builds(
        lambda n, days, week: {
            "type": "weekly",
            "interval": n,
            "daysOfWeek": sorted(days, key=DAYS.index),
            "firstDayOfWeek": week,
        },
        st.integers(1, 6),
        st.sets(st.sampled_from(DAYS), min_size=1),
        st.sampled_from(DAYS),
    ),
    st.builds(
        lambda n, day: {"type": "absoluteMonthly", "interval": n, "dayOfMonth": day},
        st.integers(1, 5),
        st.integers(1, 31),
    ),
    st.builds(
        lambda n, days, index: {"type": "relativeMonthly", "interval": n, "daysOfWeek": sorted(days), "index": index},
        st.integers(1, 5),
        st.sets(st.sampled_from(DAYS), min_size=1, max_size=7),
        st.sampled_from(sorted(ORDINALS)),
    ),
    st.builds(
        lambda month, day: {"type": "absoluteYearly", "interval": 1, "dayOfMonth": day, "month": month},
        st.integers(1, 12),
        st.integers(1, 31),
    ),
    st.builds(
        lambda month, day, index: {
            "type": "relativeYearly",
            "interval": 1,
            "daysOfWeek": [day],
            "month": month,
            "index": index,
        },
        st.integers(1, 12),
        st.sampled_from(DAYS),
        st.sampled_from(sorted(ORDINALS)),
    ),
)


@given(pattern=PATTERNS, start=st.dates(date(2024, 1, 1), date(2027, 12, 31)), count=st.integers(1, 30))
def test_the_rule_line_of_a_pattern_gives_the_same_dates_by_another_reading(
    pattern: dict[str, Any], start: date, count: int
) -> None:
    recurrence = stored(pattern, start.isoformat(), type="numbered", numberOfOccurrences=count)
    own = list(dates(recurrence, clamp=True, day_sets="position"))
    (line,) = to_lines(recurrence, BERLIN, True)
    judged = [moment.date() for moment in rrulestr(line, dtstart=datetime.combine(start, datetime.min.time()))]
    assert own == judged


@given(pattern=PATTERNS, start=st.dates(date(2024, 1, 1), date(2027, 12, 31)))
def test_a_rule_line_that_was_told_can_be_taken_back(pattern: dict[str, Any], start: date) -> None:
    recurrence = stored(pattern, start.isoformat())
    lines = to_lines(recurrence, BERLIN, True)
    again, _ = from_lines(lines, datetime.combine(start, datetime.min.time()), BERLIN, True)
    taken = validate(again, start, BERLIN.windows, resolve)
    assert first(20, taken) == first(20, recurrence)
