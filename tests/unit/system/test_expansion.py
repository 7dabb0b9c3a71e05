"""Occurrences of a series: against a count by hand over every day, over changes of the clocks, and under attack."""

# ruff: noqa: DTZ001 - wall times are naive by design: they belong to a zone that stands beside them.

from __future__ import annotations

import sys
import time
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InputError, KalendsError
from app.domain.events import Fields, Recurrence
from app.domain.times import Moment, Span, When, to_utc
from app.system.expansion import BoundedExpander
from app.system.recurrence import read_rules

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def expander() -> Iterator[BoundedExpander]:
    running = BoundedExpander(worker_seconds=10)
    yield running
    running.close()


def _series(start: Moment, *lines: str, zone: str | None = None, length: timedelta = _HOUR) -> Fields:
    if not isinstance(start, datetime):
        length, zone = max(length, timedelta(days=1)), None
    elif zone is None:
        zone = "Europe/Berlin"
    return Fields(When(start, start + length, zone), recurrence=Recurrence(lines))


def _span(start: str, end: str) -> Span:
    return Span(datetime.fromisoformat(start).replace(tzinfo=UTC), datetime.fromisoformat(end).replace(tzinfo=UTC))


def _dates(moments: Sequence[Moment]) -> list[str]:
    return [moment.isoformat() for moment in moments]


_YEAR = _span("2026-01-01", "2027-01-01")
_NINE = datetime(2026, 1, 5, 9)


def test_a_single_event_is_its_own_only_occurrence(expander: BoundedExpander) -> None:
    fields = Fields(When(_NINE, _NINE + _HOUR, "UTC"))
    assert expander.occurrences(fields, _YEAR, "UTC") == [_NINE]
    assert expander.occurrences(fields, _span("2027-01-01", "2028-01-01"), "UTC") == []


def test_nine_o_clock_stays_nine_o_clock_over_both_changes_of_the_clocks(expander: BoundedExpander) -> None:
    walls = expander.occurrences(_series(_NINE, "RRULE:FREQ=DAILY"), _YEAR, "UTC")
    assert len(walls) == 361
    assert {wall.time() for wall in walls if isinstance(wall, datetime)} == {_NINE.time()}


def test_an_occurrence_in_the_gap_of_spring_is_kept_at_its_wall_time(expander: BoundedExpander) -> None:
    start = datetime(2026, 3, 28, 2, 30)
    walls = expander.occurrences(_series(start, "RRULE:FREQ=DAILY;COUNT=3"), _YEAR, "UTC")
    assert _dates(walls) == ["2026-03-28T02:30:00", "2026-03-29T02:30:00", "2026-03-30T02:30:00"]


def test_the_span_cuts_by_instants_of_the_occurrences_own_date(expander: BoundedExpander) -> None:
    fields = _series(datetime(2026, 3, 27, 9), "RRULE:FREQ=DAILY;COUNT=4")
    # Nine in Berlin is 08:00 UTC on 28 March and 07:00 UTC from 29 March on.
    assert _dates(expander.occurrences(fields, _span("2026-03-28T08:59", "2026-03-29T07:01"), "UTC")) == [
        "2026-03-28T09:00:00",
        "2026-03-29T09:00:00",
    ]
    assert expander.occurrences(fields, _span("2026-03-28T09:00", "2026-03-29T07:00"), "UTC") == []


def test_an_occurrence_that_began_before_the_span_and_reaches_into_it_counts(expander: BoundedExpander) -> None:
    fields = _series(datetime(2026, 1, 1, 22), "RRULE:FREQ=WEEKLY", length=timedelta(days=3))
    walls = expander.occurrences(fields, _span("2026-02-01T12:00", "2026-02-01T13:00"), "UTC")
    assert _dates(walls) == ["2026-01-29T22:00:00"]


def test_an_empty_occurrence_counts_by_its_start(expander: BoundedExpander) -> None:
    fields = _series(datetime(2026, 1, 1, 9), "RRULE:FREQ=DAILY;COUNT=3", zone="UTC", length=timedelta())
    assert _dates(expander.occurrences(fields, _span("2026-01-02T09:00", "2026-01-03T09:00"), "UTC")) == [
        "2026-01-02T09:00:00"
    ]


def test_all_day_occurrences_are_dates_that_begin_in_the_fallback_zone(expander: BoundedExpander) -> None:
    fields = _series(date(2026, 6, 1), "RRULE:FREQ=DAILY;COUNT=3")
    tokyo = expander.occurrences(fields, _span("2026-05-31T15:30", "2026-05-31T16:00"), "Asia/Tokyo")
    assert tokyo == [date(2026, 6, 1)]
    assert expander.occurrences(fields, _span("2026-05-31T15:30", "2026-05-31T16:00"), "UTC") == []


@pytest.mark.parametrize(
    ("until", "zone", "last"),
    [
        # providers.md §10.3: this instant is 30 June in Berlin and already 1 July in Auckland.
        ("20260630T215959Z", "Europe/Berlin", "2026-06-30"),
        ("20260630T215959Z", "Pacific/Auckland", "2026-07-01"),
        ("20260630", "Europe/Berlin", "2026-06-30"),
        ("20260630T090000", "Europe/Berlin", "2026-06-30"),
        ("20260630T085959", "Europe/Berlin", "2026-06-29"),
        ("20260630T070000Z", "Europe/Berlin", "2026-06-30"),
        ("20260630T065959Z", "Europe/Berlin", "2026-06-29"),
    ],
)
def test_until_is_inclusive_and_counted_in_the_series_zone(
    expander: BoundedExpander, until: str, zone: str, last: str
) -> None:
    fields = _series(datetime(2026, 6, 1, 9), f"RRULE:FREQ=DAILY;UNTIL={until}", zone=zone)
    assert _dates(expander.occurrences(fields, _YEAR, "UTC"))[-1] == f"{last}T09:00:00"


def test_until_in_the_hour_that_comes_twice_is_compared_as_an_instant(expander: BoundedExpander) -> None:
    # 02:30 comes first at 00:30 UTC; 01:15 UTC is 02:15 for the second time.
    fields = _series(datetime(2026, 10, 20, 2, 30), "RRULE:FREQ=DAILY;UNTIL=20261025T011500Z")
    assert _dates(expander.occurrences(fields, _YEAR, "UTC"))[-1] == "2026-10-25T02:30:00"


@pytest.mark.parametrize("until", ["20260603", "20260603T000000Z", "20260603T120000"])
def test_until_of_an_all_day_series_is_a_date(expander: BoundedExpander, until: str) -> None:
    fields = _series(date(2026, 6, 1), f"RRULE:FREQ=DAILY;UNTIL={until}")
    assert _dates(expander.occurrences(fields, _YEAR, "UTC")) == ["2026-06-01", "2026-06-02", "2026-06-03"]


def test_added_dates_join_and_excluded_rules_leave(expander: BoundedExpander) -> None:
    fields = _series(
        datetime(2026, 1, 5, 9),
        "RRULE:FREQ=WEEKLY;COUNT=4",
        "RDATE;TZID=America/New_York:20260107T030000",
        "RDATE:20260108T090000,20260109T080000Z",
        "EXRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=2",
    )
    assert _dates(expander.occurrences(fields, _YEAR, "UTC")) == [
        "2026-01-07T09:00:00", "2026-01-08T09:00:00", "2026-01-09T09:00:00",
        "2026-01-12T09:00:00", "2026-01-26T09:00:00",
    ]  # fmt: skip


def test_excluded_dates_are_occurrences_all_the_same(expander: BoundedExpander) -> None:
    fields = _series(_NINE, "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Europe/Berlin:20260106T090000")
    assert len(expander.occurrences(fields, _YEAR, "UTC")) == 3


def test_the_first_start_counts_though_the_rule_does_not_give_it(expander: BoundedExpander) -> None:
    fields = _series(datetime(2026, 1, 6, 9), "RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20260120")
    assert [text[:10] for text in _dates(expander.occurrences(fields, _YEAR, "UTC"))] == [
        "2026-01-06", "2026-01-12", "2026-01-19",
    ]  # fmt: skip


def test_a_week_number_takes_its_day_from_the_first_start(expander: BoundedExpander) -> None:
    fields = _series(datetime(2026, 5, 13, 9), "RRULE:FREQ=YEARLY;BYWEEKNO=20;COUNT=3")
    walls = expander.occurrences(fields, _span("2026-01-01", "2029-01-01"), "UTC")
    assert [text[:10] for text in _dates(walls)] == ["2026-05-13", "2027-05-19", "2028-05-17"]


@pytest.mark.parametrize(
    "line",
    [
        "RRULE", "RRULE:", "RRULE:FREQ=SOMETIMES", "RRULE:INTERVAL=2", "RRULE:FREQ=DAILY;INTERVAL=0",
        "RRULE:FREQ=DAILY;COUNT=0", "RRULE:FREQ=DAILY;COUNT=-1", "RRULE:FREQ=DAILY;COUNT=1;UNTIL=20260101",
        "RRULE:FREQ=DAILY;UNTIL=20261301", "RRULE:FREQ=DAILY;UNTIL=soon", "RRULE:FREQ=DAILY;BYEASTER=1",
        "RRULE:FREQ=DAILY;X-MINE=1", "RRULE:FREQ=DAILY;FREQ=WEEKLY", "RRULE:FREQ=WEEKLY;BYDAY=XX",
        "RRULE:FREQ=MONTHLY;BYDAY=99MO", "RRULE:FREQ=MONTHLY;BYDAY=0MO", "RRULE:FREQ=MONTHLY;BYMONTHDAY=0",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=32", "RRULE:FREQ=YEARLY;BYMONTH=13", "RRULE:FREQ=YEARLY;BYMONTH=-1",
        "RRULE:FREQ=DAILY;BYHOUR=24", "RRULE:FREQ=WEEKLY;WKST=1", "RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=",
        "RDATE:tomorrow", "RDATE;VALUE=PERIOD:20260101T090000Z/PT1H", "RDATE;TZID=Mars/North:20260101T090000",
        "SUMMARY:x", "RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY",
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused_and_never_guessed(expander: BoundedExpander, line: str) -> None:
    with pytest.raises(InputError) as caught:
        expander.occurrences(_series(_NINE, line), _YEAR, "UTC")
    assert caught.value.code == "rule_unreadable"


def test_an_unknown_zone_is_refused(expander: BoundedExpander) -> None:
    with pytest.raises(InputError, match="no time zone"):
        expander.occurrences(_series(_NINE, "RRULE:FREQ=DAILY", zone="Mars/North"), _YEAR, "UTC")


_HOSTILE = [
    "RRULE:FREQ=SECONDLY",
    "RRULE:FREQ=MINUTELY",
    "RRULE:FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
    "RRULE:FREQ=SECONDLY;COUNT=999999999",
    "RRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11;BYMINUTE=0,5,10,15,20,25,30;BYSECOND=0,1,2,3,4,5,6,7,8,9",
    "RRULE:FREQ=SECONDLY;BYYEARDAY=366;BYMONTH=1",
]


@pytest.mark.parametrize("line", _HOSTILE)
def test_a_rule_that_walks_for_ever_is_cut_off_and_called_too_dense(line: str) -> None:
    expander = BoundedExpander()
    try:
        fields = _series(_NINE, line)
        with pytest.raises(InputError) as caught:
            expander.occurrences(fields, _YEAR, "UTC")
        assert caught.value.code == "series_too_dense"
        # The verdict stays, also when the span has moved on: no second spent again.
        begun = time.perf_counter()
        with pytest.raises(InputError):
            expander.occurrences(fields, _span("2026-01-02", "2027-01-02"), "UTC")
        assert time.perf_counter() - begun < 0.9
    finally:
        expander.close()


def test_a_rule_that_never_matches_gives_its_first_start_only(expander: BoundedExpander) -> None:
    fields = _series(_NINE, "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    assert expander.occurrences(fields, _YEAR, "UTC") == [_NINE]


def test_after_a_worker_was_killed_the_next_series_gets_a_new_one() -> None:
    expander = BoundedExpander(worker_seconds=2)
    try:
        with pytest.raises(InputError):
            expander.occurrences(_series(_NINE, "RRULE:FREQ=SECONDLY;BYYEARDAY=366;BYMONTH=1"), _YEAR, "UTC")
        walls = expander.occurrences(_series(_NINE, "RRULE:FREQ=HOURLY;INTERVAL=12;COUNT=3"), _YEAR, "UTC")
        assert _dates(walls) == ["2026-01-05T09:00:00", "2026-01-05T21:00:00", "2026-01-06T09:00:00"]
    finally:
        expander.close()


def test_a_rule_that_was_late_gets_another_chance_after_a_while() -> None:
    now = [0.0]
    expander = BoundedExpander(worker_seconds=0, clock=lambda: now[0])
    fields = _series(_NINE, "RRULE:FREQ=HOURLY;INTERVAL=12;COUNT=3")
    try:
        with pytest.raises(InputError):
            expander.occurrences(fields, _YEAR, "UTC")
        expander._worker._seconds = 10
        with pytest.raises(InputError):
            expander.occurrences(fields, _YEAR, "UTC")
        now[0] += 1000
        assert len(expander.occurrences(fields, _YEAR, "UTC")) == 3
    finally:
        expander.close()


def test_ten_thousand_occurrences_are_told_and_one_more_is_too_dense(expander: BoundedExpander) -> None:
    long = _span("1990-01-01", "2030-01-01")
    start = datetime(2000, 1, 1, 9)
    assert len(expander.occurrences(_series(start, "RRULE:FREQ=DAILY;COUNT=10000"), long, "UTC")) == 10_000
    with pytest.raises(InputError) as caught:
        expander.occurrences(_series(start, "RRULE:FREQ=DAILY;COUNT=10001"), long, "UTC")
    assert caught.value.code == "series_too_dense"


def test_old_series_cost_no_more_than_young_ones() -> None:
    for line in ("RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY;BYDAY=MO,WE", "RRULE:FREQ=MONTHLY;BYDAY=-1FR"):
        fields = _series(datetime(1970, 1, 2, 9), line)
        expander = BoundedExpander(("must-not-be-started",))
        begun = time.process_time()
        assert expander.occurrences(fields, _YEAR, "UTC")
        assert time.process_time() - begun < 0.25


def test_a_worker_that_cannot_start_is_a_failure_and_not_an_empty_series() -> None:
    for command in (("no-such-program-here",), (sys.executable, "-c", "")):
        with pytest.raises(KalendsError) as caught:
            BoundedExpander(command).occurrences(_series(_NINE, "RRULE:FREQ=HOURLY;COUNT=3"), _YEAR, "UTC")
        assert caught.value.code == "expansion_failed"


# -- against a count by hand ------------------------------------------------------------------------------------


def _week(day: date, week_start: int) -> date:
    return day - timedelta(days=(day.weekday() - week_start) % 7)


def _matches_ordinal(day: date, ordinal: int, weekday: int) -> bool:
    if day.weekday() != weekday:
        return False
    length = monthrange(day.year, day.month)[1]
    if ordinal > 0:
        return (day.day - 1) // 7 + 1 == ordinal
    return (length - day.day) // 7 + 1 == -ordinal


@st.composite
def _rules(draw: st.DrawFn) -> tuple[date, str, list[date], int | None]:
    """A first day, a rule, every day the rule gives within about three years by hand, and its count."""
    first = draw(st.dates(date(2023, 1, 1), date(2025, 12, 31)))
    interval = draw(st.integers(1, 5))
    every = [first + timedelta(days=number) for number in range(1200)]
    parts = [f"INTERVAL={interval}"]
    kind = draw(
        st.sampled_from(["DAILY", "DAILY_BYDAY", "WEEKLY", "MONTHDAY", "ORDINAL", "YEARLY", "MONTHS", "SETPOS"])
    )
    weekdays = draw(st.sets(st.integers(0, 6), min_size=1))
    names = ",".join(_DAYS[number] for number in sorted(weekdays))
    months = [(day.year - first.year) * 12 + day.month - first.month for day in every]
    if kind.startswith("DAILY"):
        found = [day for number, day in enumerate(every) if number % interval == 0]
        if kind == "DAILY_BYDAY":
            parts.append(f"BYDAY={names}")
            found = [day for day in found if day.weekday() in weekdays]
        frequency = "DAILY"
    elif kind == "WEEKLY":
        week_start = draw(st.integers(0, 6))
        parts += [f"BYDAY={names}", f"WKST={_DAYS[week_start]}"]
        begun = _week(first, week_start)
        found = [
            day for day in every
            if day.weekday() in weekdays and (_week(day, week_start) - begun).days // 7 % interval == 0
        ]  # fmt: skip
        frequency = "WEEKLY"
    elif kind == "MONTHDAY":
        number = draw(st.sampled_from([1, 15, 28, 29, 30, 31, -1, -2, -30]))
        parts.append(f"BYMONTHDAY={number}")
        found = [
            day for day, month in zip(every, months, strict=True)
            if month % interval == 0
            and day.day == (number if number > 0 else monthrange(day.year, day.month)[1] + 1 + number)
        ]  # fmt: skip
        frequency = "MONTHLY"
    elif kind == "ORDINAL":
        ordinal, weekday = draw(st.sampled_from([1, 2, 3, 4, 5, -1, -2, -5])), draw(st.integers(0, 6))
        parts.append(f"BYDAY={ordinal}{_DAYS[weekday]}")
        found = [
            day for day, month in zip(every, months, strict=True)
            if month % interval == 0 and _matches_ordinal(day, ordinal, weekday)
        ]  # fmt: skip
        frequency = "MONTHLY"
    elif kind == "SETPOS":
        parts += [f"BYDAY={names}", "BYSETPOS=-1"]
        wanted: dict[int, date] = {}
        for day, month in zip(
            [*every, *(every[-1] + timedelta(days=n) for n in range(1, 32))], [*months, *([10**6] * 31)], strict=True
        ):
            if day.weekday() in weekdays and month % interval == 0 and month < 10**6:
                wanted[month] = day
        found = sorted(wanted.values())[:-1]
        frequency = "MONTHLY"
    elif kind == "YEARLY":
        found = [
            day for day in every
            if (day.month, day.day) == (first.month, first.day) and (day.year - first.year) % interval == 0
        ]  # fmt: skip
        frequency = "YEARLY"
    else:
        month_set = draw(st.sets(st.integers(1, 12), min_size=1, max_size=3))
        number = draw(st.integers(1, 28))
        parts += [f"BYMONTH={','.join(map(str, sorted(month_set)))}", f"BYMONTHDAY={number}"]
        found = [
            day for day in every
            if day.month in month_set and day.day == number and (day.year - first.year) % interval == 0
        ]  # fmt: skip
        frequency = "YEARLY"
    count = draw(st.none() | st.integers(1, 40))
    if count is not None:
        parts.append(f"COUNT={count}")
        found = found[:count]
    return first, ";".join([f"RRULE:FREQ={frequency}", *parts]), found, count


@given(_rules(), st.integers(0, 700), st.integers(1, 400), st.booleans())
def test_rules_give_what_a_count_by_hand_gives(
    rule: tuple[date, str, list[date], int | None], begin: int, length: int, all_day: bool
) -> None:
    first, line, days, _ = rule
    span = Span(
        datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=begin),
        datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=begin + length),
    )
    zone = "America/Sao_Paulo"
    start: Moment = first if all_day else datetime(first.year, first.month, first.day, 23, 30)
    fields = _series(start, line, zone=zone)
    expected = [
        day for day in sorted({first, *days})
        if span.meets(
            to_utc(fields.when.moved_to(_at(day, start)).start, zone),
            to_utc(fields.when.moved_to(_at(day, start)).end, zone),
        )
    ]  # fmt: skip
    expander = BoundedExpander(worker_seconds=10)
    try:
        found = expander.occurrences(fields, span, zone)
    finally:
        expander.close()
    assert list(found) == [_at(day, start) for day in expected]


def _at(day: date, start: Moment) -> Moment:
    return datetime.combine(day, start.time()) if isinstance(start, datetime) else day


_TEXTS = st.sampled_from(
    ["FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY", "INTERVAL=7", "INTERVAL=999999999", "BYDAY=MO,TU",
     "BYDAY=5FR", "BYDAY=-5SA", "BYMONTHDAY=31", "BYMONTHDAY=-31", "BYMONTH=2", "BYMONTH=2,4", "BYSETPOS=5",
     "BYSETPOS=-28", "COUNT=400", "WKST=SU", "UNTIL=20270101"]
)  # fmt: skip


@given(st.lists(_TEXTS, max_size=6), st.dates(date(1950, 1, 1), date(2026, 1, 1)))
def test_whatever_is_called_simple_is_walked_in_a_moment(parts: list[str], first: date) -> None:
    try:
        rules = read_rules(["RRULE:" + ";".join(parts)], datetime(first.year, first.month, first.day, 9), "UTC")
    except InputError:
        return
    before = datetime(2027, 1, 1)
    if rules.simple(before):
        begun = time.process_time()
        rules.walls(datetime(2025, 12, 1), before)
        assert time.process_time() - begun < 0.5
