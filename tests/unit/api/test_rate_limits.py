"""Sliding windows: what fits, when more fits again, and who shares with whom."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from app.api.principal import LOCAL, PUBLIC_PREFIX, Principal
from app.api.rate_limits import RateLimits
from app.domain.runs import Trigger
from app.services.views import EVERYTHING

START = datetime(2026, 3, 28, 10, tzinfo=UTC)


def caller(name: str) -> Principal:
    """A key."""
    return Principal(name, EVERYTHING, Trigger.API, PUBLIC_PREFIX)


def test_a_window_slides_and_what_was_refused_does_not_extend_it() -> None:
    with time_machine.travel(START, tick=False) as clock:
        limits = RateLimits(2)
        first = limits.count(caller("a"))
        clock.shift(1000)
        second = limits.count(caller("a"))
        clock.shift(1000)
        refused = [limits.count(caller("a")) for _ in range(3)]
        assert (first.remaining, second.remaining) == (1, 0)
        assert not any(standing.allowed for standing in refused)
        assert refused[0].headers()["X-RateLimit-Reset"] == str(int(START.timestamp()) + 3600)
        assert refused[0].retry_after_seconds() == 1600
        clock.shift(1600.1)
        third = limits.count(caller("a"))
        assert third.allowed
        assert third.headers()["X-RateLimit-Reset"] == str(int(START.timestamp()) + 4600)
        assert not limits.count(caller("a")).allowed


def test_keys_strangers_and_the_command_line_count_apart() -> None:
    with time_machine.travel(START, tick=False):
        limits = RateLimits(1)
        assert limits.count(caller("a")).allowed
        assert limits.count(caller("b")).allowed
        assert [limits.count(None).allowed for _ in range(61)] == [True] * 60 + [False]
        assert limits.count(LOCAL).allowed
        assert not limits.count(caller("a")).allowed


def test_looking_counts_nothing() -> None:
    with time_machine.travel(START, tick=False):
        limits = RateLimits(5)
        assert [limits.look(caller("a")).remaining for _ in range(3)] == [5, 5, 5]


def test_to_wait_takes_at_least_a_second() -> None:
    with time_machine.travel(START, tick=False) as clock:
        limits = RateLimits(1)
        limits.count(caller("a"))
        clock.shift(3599.9)
        standing = limits.count(caller("a"))
        assert not standing.allowed
        assert standing.retry_after_seconds() == pytest.approx(1)
