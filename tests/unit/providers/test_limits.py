"""The rate of an account, and a pause the service asked for."""

from __future__ import annotations

import pytest

from app.domain.errors import ThrottledError
from app.providers.limits import AccountLimits

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        self.now += seconds

    def monotonic(self) -> float:
        """Seconds so far."""
        return self.now


async def test_a_burst_passes_at_once() -> None:
    clock = Clock()
    limits = AccountLimits(burst=50, per_minute=60, sleep=clock.sleep, monotonic=clock.monotonic)
    await limits.spend(49)
    await limits.spend()
    assert clock.now == 1000.0


async def test_a_short_hold_is_waited_for() -> None:
    clock = Clock()
    limits = AccountLimits(burst=50, per_minute=60, sleep=clock.sleep, monotonic=clock.monotonic)
    limits.hold(30)
    limits.hold(10)
    await limits.spend()
    assert clock.now == 1030.0


async def test_a_long_hold_is_told_and_over_when_its_time_is() -> None:
    clock = Clock()
    limits = AccountLimits(burst=50, per_minute=60, sleep=clock.sleep, monotonic=clock.monotonic)
    limits.hold(3600)
    with pytest.raises(ThrottledError) as caught:
        await limits.spend()
    assert caught.value.retry_after_seconds == 3600
    assert clock.now == 1000.0
    clock.now += 3600
    await limits.spend()
