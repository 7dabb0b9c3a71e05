"""Moments as text, in and out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.moments import from_text, to_text


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The system's zone."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def utc(*parts: int) -> datetime:
    """A moment in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]  # year to second, as many as there are


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-28T10:00:00Z", utc(2026, 3, 28, 10)),
        ("2026-03-28T10:00:00+01:00", utc(2026, 3, 28, 9)),
        ("2026-03-28T10:00:00 01:00", utc(2026, 3, 28, 9)),
        ("2026-03-28T10:00:00.5 0100", utc(2026, 3, 28, 9, 0, 0, 500_000)),
        ("2026-03-28 10:00", utc(2026, 3, 28, 9)),
        ("2026-03-28 10:00 02:00", utc(2026, 3, 28, 8)),
        ("20260328T100000Z", utc(2026, 3, 28, 10)),
        ("2026-03-28T10:00:00-05:00", utc(2026, 3, 28, 15)),
        ("2026-03-28T10:00", utc(2026, 3, 28, 9)),
        ("2026-07-01T10:00", utc(2026, 7, 1, 8)),
        ("2026-03-28", utc(2026, 3, 27, 23)),
        (" 2026-03-28 ", utc(2026, 3, 27, 23)),
    ],
)
def test_iso_8601_is_read_and_a_lost_plus_found(text: str, moment: datetime) -> None:
    assert from_text(text) == moment


def test_a_date_as_upper_bound_includes_its_day_in_the_system_zone() -> None:
    # The clocks go forward on that Sunday, so that it has 23 hours.
    assert from_text("2026-03-29", upper=True) == utc(2026, 3, 29, 21, 59, 59, 999_999)
    assert from_text("2026-03-29") == utc(2026, 3, 28, 23)
    assert from_text("2026-03-29T10:00Z", upper=True) == utc(2026, 3, 29, 10)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-02-30", "2026-03-28T25:00", "10:00", "1774692000", "2026-03-28T", "0001-01-01T00:00+23:00"],
)
def test_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_text(text)


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001 - hypothesis wants it naive
    st.integers(-14 * 60, 14 * 60),
)
def test_what_goes_out_is_utc_in_whole_seconds_and_comes_back(wall: datetime, offset_minutes: int) -> None:
    moment = wall.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    text = to_text(moment)
    assert len(text) == len("2026-03-28T10:00:00Z")
    assert text.endswith("Z")
    assert timedelta(0) <= moment - from_text(text) < timedelta(seconds=1)
