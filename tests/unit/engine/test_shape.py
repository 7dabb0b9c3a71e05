"""Buffers and minimum length of blockers, by the wall clock, in singles and series."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from app.domain.events import Fields, Recurrence
from app.domain.pairs import DirectionSettings, Mode
from app.domain.times import When, to_utc
from app.engine.shape import buffered, keeps_series, lengthened
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, ZONE, World, meeting, weekly

BUFFERS = DirectionSettings(buffer_before_minutes=30, buffer_after_minutes=15)


def at(day: date, start: str, end: str) -> When:
    first, last = (datetime.combine(day, time.fromisoformat(text)) for text in (start, end))
    return When(first, last, ZONE)


def times(world: World) -> list[tuple[str, str]]:
    found = [event.fields.when for event in world.copies() if event.fields is not None]
    return sorted((f"{when.start:%m-%d %H:%M}", f"{when.end:%m-%d %H:%M}") for when in found)


def test_a_blocker_begins_and_ends_by_its_buffers_earlier_and_later() -> None:
    assert buffered(at(MONDAY, "10:00", "11:00"), BUFFERS) == at(MONDAY, "09:30", "11:15")


def test_only_timed_blockers_have_buffers_and_a_minimum() -> None:
    dates = When(MONDAY, MONDAY + timedelta(days=1))
    full = replace(BUFFERS, mode=Mode.FULL, minimum_minutes=120)
    hour = at(MONDAY, "10:00", "11:00")
    assert buffered(dates, BUFFERS) == dates
    assert lengthened(dates, replace(BUFFERS, minimum_minutes=10_000)) == dates
    assert (buffered(hour, full), lengthened(hour, full)) == (hour, hour)


def test_a_short_blocker_ends_later() -> None:
    settings = DirectionSettings(minimum_minutes=45)
    assert lengthened(at(MONDAY, "10:00", "10:20"), settings) == at(MONDAY, "10:00", "10:45")
    assert lengthened(at(MONDAY, "10:00", "10:50"), settings) == at(MONDAY, "10:00", "10:50")


@pytest.mark.parametrize("minutes", [1, 30, 59, 75])
def test_a_buffer_that_leads_into_a_gap_of_the_clock_still_covers_the_event(minutes: int) -> None:
    spring, settings = date(2026, 3, 29), DirectionSettings(buffer_before_minutes=minutes, buffer_after_minutes=minutes)
    for when in (at(spring, "03:00", "03:40"), at(spring, "01:10", "01:50")):
        wider = buffered(when, settings)
        assert to_utc(wider.start, ZONE) <= to_utc(when.start, ZONE)
        assert to_utc(wider.end, ZONE) >= to_utc(when.end, ZONE)


def series(start: datetime, rule: str) -> Fields:
    return Fields(When(start, start + timedelta(hours=1), ZONE), recurrence=Recurrence((rule,)))


@pytest.mark.parametrize(
    ("hour", "rule", "kept"),
    [
        (9, "RRULE:FREQ=DAILY", True),
        (0, "RRULE:FREQ=DAILY", False),
        (9, "RRULE:FREQ=DAILY;BYHOUR=9,15", False),
        (9, "RDATE;TZID=Europe/Berlin:20261224T090000", False),
        (9, "RRULE:FREQ=DAILY;UNTIL=20261201", True),
        (9, "RRULE:FREQ=DAILY;UNTIL=20261201T080000Z", True),
        # 08:45 there: the last 09:00 is the day before, but a 08:30 of that day would still be admitted.
        (9, "RRULE:FREQ=DAILY;UNTIL=20261201T074500Z", False),
    ],
)
def test_a_series_stays_one_unless_the_buffer_moves_a_date_or_what_the_rule_says(
    hour: int, rule: str, kept: bool
) -> None:
    assert keeps_series(series(wall(MONDAY, hour), rule), BUFFERS) is kept


def test_a_merged_direction_and_only_it_expands_every_timed_series() -> None:
    merged = DirectionSettings(merge_touching=True)
    assert not keeps_series(series(wall(MONDAY, 9), "RRULE:FREQ=DAILY"), merged)
    days = Fields(When(MONDAY, MONDAY + timedelta(days=1)), recurrence=Recurrence(("RRULE:FREQ=YEARLY",)))
    assert keeps_series(days, merged)
    assert keeps_series(series(wall(MONDAY, 9), "RRULE:FREQ=DAILY"), replace(merged, mode=Mode.FULL))


def test_buffers_are_written_once_and_follow_the_original_and_the_settings() -> None:
    world = World(settings=BUFFERS)
    world.source.put(meeting("a", wall(MONDAY, 10), minutes=60))
    world.run_until_quiet()
    assert times(world) == [("11-23 09:30", "11-23 11:15")]
    world.source.put(meeting("a", wall(MONDAY, 12), minutes=60))
    world.run_until_quiet()
    assert times(world) == [("11-23 11:30", "11-23 13:15")]
    world.change_settings(buffer_before_minutes=0, minimum_minutes=90)
    world.run_until_quiet()
    assert times(world) == [("11-23 12:00", "11-23 13:30")]


def test_a_series_with_buffers_keeps_its_cancelled_and_changed_dates() -> None:
    world = World(settings=BUFFERS)
    world.source.put(weekly())
    second, third = wall(MONDAY + timedelta(days=7), 9), wall(MONDAY + timedelta(days=14), 9)
    world.source.cancel_occurrence("series", second)
    moved = Fields(When(third + timedelta(hours=4), third + timedelta(hours=5), ZONE), title="Later")
    world.source.change_occurrence("series", third, moved)
    world.run_until_quiet()
    (copy,) = [event for event in world.copies() if event.series_id is None]
    unit = world.unit(world.target, copy.id)
    assert copy.fields is not None
    assert copy.fields.when == at(MONDAY, "08:30", "10:15")
    assert set(unit.cancelled) == {"20261130"}
    (changed,) = unit.exceptions.items()
    assert changed[0] == "20261207"
    assert changed[1].fields is not None
    assert changed[1].fields.when == at(date(2026, 12, 7), "12:30", "14:15")


def test_a_series_whose_buffer_reaches_the_day_before_becomes_one_blocker_for_each_occurrence() -> None:
    world = World(settings=DirectionSettings(window_ahead_days=21))
    world.source.put(weekly(hour=0))
    world.run_until_quiet()
    assert len(world.copies()) == 1
    world.change_settings(buffer_before_minutes=15)
    world.run_until_quiet()
    assert times(world) == [
        ("11-22 23:45", "11-23 01:00"),
        ("11-29 23:45", "11-30 01:00"),
        ("12-06 23:45", "12-07 01:00"),
    ]


def test_what_lies_beyond_the_window_enters_it_by_its_own_time_not_by_its_buffer() -> None:
    world = World(settings=DirectionSettings(buffer_before_minutes=120, window_ahead_days=10))
    # Its buffer begins within the window, it does not.
    world.source.put(meeting("a", datetime(2026, 11, 30, 10, 30)))  # noqa: DTZ001 - a wall clock
    world.run_until_quiet()
    assert times(world) == []
    world.clock.advance(hours=1)
    world.run_until_quiet()
    assert times(world) == [("11-30 08:30", "11-30 11:00")]
