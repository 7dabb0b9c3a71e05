"""Whose time counts: this computer's, or the services'."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.engine.awake import Awake
from app.system.clock import ServiceTime, SystemClock

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Stopped:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        """That moment."""
        return self.moment


def test_the_systems_time_is_aware() -> None:
    assert SystemClock().now().tzinfo is UTC


@pytest.mark.parametrize("minutes", [-9, 0, 9])
def test_a_few_minutes_are_this_computers_matter(minutes: int) -> None:
    time = ServiceTime(Stopped())
    time.heard(NOON + timedelta(minutes=minutes))
    assert time.now() == NOON


@pytest.mark.parametrize("off", [timedelta(minutes=11), timedelta(hours=-3), timedelta(days=200)])
def test_over_ten_minutes_off_the_services_time_counts_and_goes_on(off: timedelta) -> None:
    clock = Stopped()
    time = ServiceTime(clock)
    time.heard(NOON + off)
    assert time.now() == NOON + off
    clock.moment += timedelta(hours=1)
    time.heard(clock.moment + off + timedelta(seconds=40))
    assert time.now() == clock.moment + off, "a slow answer moves nothing"


def test_once_the_clock_is_set_it_counts_again() -> None:
    clock = Stopped()
    time = ServiceTime(clock)
    time.heard(NOON + timedelta(hours=5))
    clock.moment += timedelta(hours=5)
    time.heard(clock.moment)
    assert time.now() == clock.moment


def test_a_service_that_is_years_off_says_nothing_about_this_computer() -> None:
    time = ServiceTime(Stopped())
    time.heard(NOON - timedelta(days=4000))
    assert time.now() == NOON


@pytest.mark.parametrize("slept", [timedelta(minutes=10), timedelta(hours=8)])
def test_an_answer_from_before_a_sleep_does_not_hide_it(slept: timedelta) -> None:
    clock = Stopped()
    time = ServiceTime(clock)
    time.listening()(clock.now())
    awake = Awake(time, lambda: False)
    hear, answered_at = time.listening(), clock.now()
    clock.moment += slept + timedelta(seconds=1)
    hear(answered_at)
    assert time.now() == clock.moment
    assert awake.stopping(), "nothing more is written by what was read before"


def test_an_answer_that_took_its_time_tells_it_all_the_same() -> None:
    clock = Stopped()
    time = ServiceTime(clock)
    hear = time.listening()
    clock.moment += timedelta(minutes=3)
    hear(clock.moment + timedelta(hours=5))
    assert time.now() == clock.moment + timedelta(hours=5)


@pytest.mark.parametrize(("off", "told"), [(0, True), (90, True), (4000, False)])
def test_that_a_service_told_the_time_is_known_unless_it_is_years_off(off: int, told: bool) -> None:
    time = ServiceTime(Stopped())
    assert not time.told
    time.heard(NOON + timedelta(days=off))
    assert time.told is told
