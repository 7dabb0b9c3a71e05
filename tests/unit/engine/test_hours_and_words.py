"""Filters by words, weekdays and hours: what they let through, and what becomes of series and of copies there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.events import Event, EventKind, Fields
from app.domain.pairs import DirectionSettings, FilteredLater, Filters, HoursFilter, Mode, Weekday, Within, WordFilter
from app.domain.runs import HoldAnswer, HoldCause
from app.domain.times import When
from app.engine.filters import at_wrong_hours, left_out
from app.engine.reasons import SENTENCES
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, ZONE, World, meeting, weekly

WORKDAYS = tuple(Weekday)[:5]
OFFICE = HoursFilter(WORKDAYS, time(9), time(17), "Europe/Berlin")
NIGHT = HoursFilter((Weekday.FRIDAY,), time(22), time(6), "Europe/Berlin")


def titled(title: str, *categories: str) -> Event:
    return replace(meeting("a1", wall(MONDAY, 9), title=title), categories=categories)


def worded(*words: WordFilter) -> DirectionSettings:
    return DirectionSettings(mode=Mode.FULL, filters=Filters(words=words))


def during(hours: HoursFilter | None) -> DirectionSettings:
    return DirectionSettings(mode=Mode.FULL, filters=Filters(hours=hours))


@pytest.mark.parametrize(
    ("rule", "event", "reason"),
    [
        (WordFilter(("lunch",)), titled("Team LUNCH"), "word_left_out"),
        (WordFilter(("lunch",)), titled("Lunchtime"), "word_left_out"),
        (WordFilter(("lunch",), whole_words=True), titled("Lunchtime"), None),
        (WordFilter(("lunch",), whole_words=True), titled("The lunch!"), "word_left_out"),
        (WordFilter(("c++",), whole_words=True), titled("About C++"), "word_left_out"),
        (WordFilter((".*",)), titled("Anything"), None),
        (WordFilter(("straße",)), titled("STRASSE"), "word_left_out"),
        (WordFilter(("cafe\u0301",)), titled("Caf\u00e9"), "word_left_out"),
        (WordFilter(("sport",)), titled("Run", "Sport"), "word_left_out"),
        (WordFilter(("sport",), Within.TITLE), titled("Run", "Sport"), None),
        (WordFilter(("run",), Within.CATEGORY), titled("Run", "Sport"), None),
        (WordFilter(("work", "client"), only=True), titled("Client call"), None),
        (WordFilter(("work", "client"), only=True), titled("Dentist"), "without_wanted_word"),
        (WordFilter(("work",), Within.CATEGORY, only=True), titled("work"), "without_wanted_word"),
    ],
)
def test_words_are_found_in_titles_and_categories(rule: WordFilter, event: Event, reason: str | None) -> None:
    assert left_out(event, worded(rule)) == reason
    assert reason is None or SENTENCES[reason]


def test_each_rule_of_words_must_let_an_event_through() -> None:
    settings = worded(WordFilter(("client",), only=True), WordFilter(("lunch",)))
    assert left_out(titled("Client call"), settings) is None
    assert left_out(titled("Client lunch"), settings) == "word_left_out"
    assert left_out(titled("Lunch"), settings) == "without_wanted_word"


def timed(day: int, hour: int, minutes: int, zone: str = "Europe/Berlin") -> When:
    """From Monday 23 November 2026 (0) on."""
    start = wall(MONDAY, 0) + timedelta(days=day, hours=hour)
    return When(start, start + timedelta(minutes=minutes), zone)


@pytest.mark.parametrize(
    ("when", "hours", "there"),
    [
        (timed(0, 9, 30), OFFICE, True),
        (timed(0, 8, 60), OFFICE, False),
        (timed(0, 8, 61), OFFICE, True),
        (timed(0, 17, 60), OFFICE, False),
        (timed(0, 9, 0), OFFICE, True),
        (timed(0, 17, 0), OFFICE, False),
        (timed(5, 10, 60), OFFICE, False),
        (timed(6, 10, 1440), OFFICE, True),
        (timed(5, 0, 60 * 24 * 30), OFFICE, True),
        (timed(0, 3, 60, "America/New_York"), OFFICE, True),
        (timed(0, 12, 60, "America/New_York"), OFFICE, False),
        (timed(4, 23, 30), NIGHT, True),
        (timed(5, 5, 30), NIGHT, True),
        (timed(5, 6, 30), NIGHT, False),
        (timed(5, 23, 30), NIGHT, False),
        (timed(4, 5, 30), NIGHT, False),
        (When(MONDAY, MONDAY + timedelta(days=1)), OFFICE, True),
        (When(MONDAY + timedelta(days=5), MONDAY + timedelta(days=7)), OFFICE, False),
        (When(MONDAY + timedelta(days=5), MONDAY + timedelta(days=8)), OFFICE, True),
        (timed(2, 3, 30), replace(OFFICE, start=time(0), end=time(0)), True),
    ],
)
def test_an_event_is_at_hours_when_any_part_of_it_is(when: When, hours: HoursFilter, there: bool) -> None:
    assert at_wrong_hours(when, hours) == (None if there else "outside_hours")
    assert at_wrong_hours(when, replace(hours, only=False)) == ("at_left_out_hours" if there else None)


TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 59]))
HOURS = st.builds(
    HoursFilter, st.sets(st.sampled_from(Weekday), min_size=1).map(tuple), TIMES, TIMES, st.just("Europe/Berlin")
)


@given(st.integers(0, 20_000), st.integers(0, 20_000), HOURS)
def test_hours_are_those_that_counting_minute_by_minute_finds(start: int, length: int, hours: HoursFilter) -> None:
    # Quarters of an hour are enough: everything begins and ends at such, but for 59, which is looked at too.
    begin = datetime(2026, 11, 2) + timedelta(minutes=15 * (start % 1344))  # noqa: DTZ001 - wall clock
    minutes = 15 * (length % 900)
    moments = [begin + timedelta(minutes=m) for m in range(max(minutes, 1))]
    found = any(_inside(moment, hours) for moment in moments)
    when = When(begin, begin + timedelta(minutes=minutes), "Europe/Berlin")
    assert (at_wrong_hours(when, hours) is None) == found


def _inside(moment: datetime, hours: HoursFilter) -> bool:
    names = [day in hours.weekdays for day in Weekday]
    at = moment.time()
    today, yesterday = names[moment.weekday()], names[moment.weekday() - 1]
    if hours.start < hours.end:
        return today and hours.start <= at < hours.end
    return (today and at >= hours.start) or (yesterday and at < hours.end)


# -- series ------------------------------------------------------------------------------------------------------------


DAILY = "RRULE:FREQ=DAILY"


def dates(world: World) -> list[date]:
    """On which dates there are copies, one for each single."""
    found = []
    for copy in world.copies():
        assert copy.fields is not None
        assert isinstance(copy.fields.when.start, datetime)
        found.append(copy.fields.when.start.date())
    return sorted(found)


def kinds(world: World) -> set[EventKind]:
    return {copy.kind for copy in world.copies()}


def near(hours: HoursFilter | None, **more: object) -> DirectionSettings:
    return replace(during(hours), window_back_days=7, window_ahead_days=28, **more)  # type: ignore[arg-type]  # by name


def test_a_series_that_is_always_at_the_hours_stays_a_series() -> None:
    world = World(settings=near(OFFICE))
    world.source.put(weekly())
    world.run_until_quiet()
    assert kinds(world) == {EventKind.SERIES}


def test_a_series_that_is_never_at_the_hours_has_no_copy_and_says_why() -> None:
    world = World(settings=near(replace(OFFICE, only=False)))
    world.source.put(weekly())
    (line,) = world.run().actions
    assert line.reason == "at_left_out_hours"
    assert world.copies() == []


def test_a_series_that_is_partly_at_the_hours_has_a_copy_for_each_occurrence_that_is() -> None:
    world = World(settings=near(OFFICE))
    world.source.put(weekly(rule=DAILY))
    story = world.run().actions
    world.run_until_quiet()
    assert kinds(world) == {EventKind.SINGLE}
    assert {day.weekday() for day in dates(world)} == {0, 1, 2, 3, 4}
    weekend = [line for line in story if line.reason == "outside_hours"]
    assert weekend
    assert all(line.starts_at is not None and line.starts_at.weekday() >= 5 for line in weekend)


def test_copies_of_a_partly_wanted_series_stay_when_the_window_leaves_them_behind() -> None:
    world = World(settings=near(OFFICE))
    world.source.put(weekly(rule=f"{DAILY};UNTIL=20261210T235959Z"))
    world.run_until_quiet()
    before = dates(world)
    assert len(before) > 8
    for _ in range(12):
        world.clock.advance(days=10)
        world.run_until_quiet()
    assert dates(world) == before
    assert kinds(world) == {EventKind.SINGLE}


def test_a_clock_change_in_the_zone_of_a_series_moves_it_out_of_the_hours() -> None:
    # 8:30 in New York is 14:30 in Berlin, but 13:30 between the two changes of clocks in March.
    settings = replace(during(replace(OFFICE, end=time(14))), window_back_days=7, window_ahead_days=160)
    world = World(settings=settings)
    start = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - wall clock
    made = weekly()
    assert made.fields is not None
    when = When(start, start + timedelta(minutes=30), "America/New_York")
    world.source.put(replace(made, fields=replace(made.fields, when=when)))
    world.run_until_quiet()
    assert dates(world) == [date(2027, 3, 15), date(2027, 3, 22)]


def test_an_exception_is_judged_by_its_own_time() -> None:
    world = World(settings=near(OFFICE))
    world.source.put(weekly())
    moved = Fields(When(wall(MONDAY + timedelta(days=12), 9), wall(MONDAY + timedelta(days=12), 10), ZONE))
    world.source.change_occurrence("series", wall(MONDAY + timedelta(days=7), 9), moved)
    world.run_until_quiet()
    (series,) = [copy for copy in world.copies() if copy.kind is EventKind.SERIES]
    assert MONDAY + timedelta(days=7) in [moment.date() for moment in _cancelled(world, series)]


def _cancelled(world: World, series: Event) -> list[datetime]:
    parts = [event for event in world.target.events.values() if event.series_id == series.id]
    stubs = [event.original_start for event in parts if event.kind is EventKind.CANCELLED]
    return [m for m in (*series.cancelled, *stubs) if isinstance(m, datetime)]


@pytest.mark.parametrize("later", FilteredLater)
def test_occurrences_that_are_filtered_later_go_or_stay_as_the_pair_says(later: FilteredLater) -> None:
    world = World(settings=near(replace(OFFICE, weekdays=tuple(Weekday)[:6]), filtered_later=later))
    world.source.put(weekly(rule=DAILY))
    world.run_until_quiet()
    assert {day.weekday() for day in dates(world)} == {0, 1, 2, 3, 4, 5}
    world.change_settings(filters=Filters(hours=OFFICE))
    reasons = {line.reason for line in world.run(dry=True).actions}
    assert ("outside_hours" if later is FilteredLater.REMOVE else "left_after_filter") in reasons
    world.run_until_quiet()
    assert (5 in {day.weekday() for day in dates(world)}) is (later is FilteredLater.LEAVE)


# -- a narrower filter -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "narrower",
    [
        Filters(words=(WordFilter(("meeting",)),)),
        Filters(words=(WordFilter(("client",), only=True),)),
        Filters(hours=replace(OFFICE, only=False)),
        Filters(shorter_than_seconds=3600),
    ],
)
def test_a_narrower_filter_that_takes_many_copies_waits_for_the_user(narrower: Filters) -> None:
    world = World(settings=DirectionSettings(mode=Mode.FULL))
    for number in range(20):
        world.source.put(meeting(f"a{number:02}", wall(MONDAY + timedelta(days=7 * (number // 5) + number % 5), 9)))
    world.run_until_quiet()
    assert len(world.copies()) == 20
    world.change_settings(filters=narrower)
    assert world.run().counts.held == 20
    assert len(world.copies()) == 20
    hold = world.ledger.hold(world.direction.id, HoldCause.FILTERS_NARROWED)
    assert hold is not None
    assert hold.expected == 20
    world.answer(HoldAnswer.APPROVED)
    world.run_until_quiet()
    assert world.copies() == []
