"""When a read is sent again, and when it is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.domain.errors import (
    AccessError,
    AuthExpiredError,
    CursorExpiredError,
    OfflineError,
    ProtocolError,
    ProviderError,
    ThrottledError,
    UnavailableError,
)
from app.providers.http import CONNECT_TIMEOUT
from app.providers.retry import Retrier, RetryPolicy, retry_after_seconds

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        self.waits.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        """Seconds so far."""
        return self.now


async def run(
    clock: Clock, failures: list[ProviderError], policy: RetryPolicy | None = None, jitter: float = 1.0
) -> int:
    """How many sends it took until there were no failures left."""
    sent = 0

    async def attempt() -> int:
        nonlocal sent
        sent += 1
        if failures:
            raise failures.pop(0)
        return sent

    retrier = Retrier(policy, sleep=clock.sleep, jitter=lambda: jitter, monotonic=clock.monotonic)
    return await retrier.run(attempt)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "failure",
    [
        UnavailableError("reset"),
        ThrottledError("slow", retry_after_seconds=None),
        OfflineError("slow", reason=CONNECT_TIMEOUT),
    ],
)
async def test_what_passes_by_itself_is_tried_again(failure: ProviderError) -> None:
    assert await run(Clock(), [failure, failure]) == 3


@pytest.mark.anyio
@pytest.mark.parametrize(
    "failure",
    [
        OfflineError("no route", reason="connect"),
        AuthExpiredError("over"),
        AccessError("no"),
        CursorExpiredError("old"),
        ProtocolError("what"),
    ],
)
async def test_what_does_not_is_told_at_once(failure: ProviderError) -> None:
    clock = Clock()
    with pytest.raises(type(failure)):
        await run(clock, [failure])
    assert clock.waits == []


@pytest.mark.anyio
async def test_waits_grow_twofold_up_to_a_cap_with_full_jitter() -> None:
    policy = RetryPolicy(attempts=6, base_seconds=1, cap_seconds=4, total_seconds=1000)
    clock = Clock()
    await run(clock, [UnavailableError("x") for _ in range(5)], policy)
    assert clock.waits == [1, 2, 4, 4, 4]
    clock = Clock()
    await run(clock, [UnavailableError("x") for _ in range(5)], policy, jitter=0.25)
    assert clock.waits == [0.25, 0.5, 1, 1, 1]


@pytest.mark.anyio
async def test_the_number_of_tries_is_bounded() -> None:
    clock = Clock()
    with pytest.raises(UnavailableError):
        await run(clock, [UnavailableError("x") for _ in range(9)], RetryPolicy(attempts=3))
    assert len(clock.waits) == 2


@pytest.mark.anyio
async def test_the_time_is_bounded() -> None:
    clock = Clock()
    policy = RetryPolicy(attempts=100, base_seconds=10, cap_seconds=10, total_seconds=35)
    with pytest.raises(UnavailableError):
        await run(clock, [UnavailableError("x") for _ in range(99)], policy)
    assert clock.now == 30


@pytest.mark.anyio
async def test_a_wish_for_a_pause_is_heeded_and_a_long_one_ends_it() -> None:
    clock = Clock()
    await run(clock, [ThrottledError("slow", retry_after_seconds=20)], jitter=0.5)
    assert clock.waits == [20.5]
    clock = Clock()
    with pytest.raises(ThrottledError):
        await run(clock, [ThrottledError("slow", retry_after_seconds=61)])
    assert clock.waits == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("9" * 400, None),
        ("Mon, 09 Mar 2026 12:01:30 GMT", 90.0),
        ("Mon, 09 Mar 2026 12:01:30 -0000", 90.0),
        ("Mon, 09 Mar 2026 11:00:00 GMT", 0.0),
        ("Mon, 99 Mar 2026 12:01:30 GMT", None),
    ],
)
def test_a_retry_after_header_is_read(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds
