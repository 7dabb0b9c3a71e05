"""Ids and stamps: their form, their order, and that they do not repeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.system.clock import SystemClock
from app.system.identifiers import Identifiers, WriteStamps, is_identifier, new_installation


class _Clock:
    def __init__(self, now: datetime) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment


def test_ids_are_prefixed_ulids_that_sort_by_the_time_of_the_clock() -> None:
    clock = _Clock(datetime(2026, 3, 1, tzinfo=UTC))
    ids = Identifiers(clock)
    older = ids.new("sync_run")
    clock.moment += timedelta(milliseconds=1)
    newer = ids.new("sync_run")
    assert older < newer
    assert is_identifier(older, "sync_run")


@pytest.mark.parametrize(
    "text", ["", "pair_", "pair", "pair_01JD", "conn_01ARZ3NDEKTSV4RRFFQ69G5FAV", "pair_" + "U" * 26]
)
def test_an_ill_formed_id_is_none_of_ours(text: str) -> None:
    assert not is_identifier(text, "pair")


def test_a_thousand_ids_of_one_moment_differ() -> None:
    ids = Identifiers(_Clock(datetime(2026, 3, 1, tzinfo=UTC)))
    assert len({ids.new("evt") for _ in range(1000)}) == 1000


def test_stamps_begin_with_the_installation_and_differ() -> None:
    name = new_installation()
    stamps = WriteStamps(name)
    one, two = stamps.stamp(), stamps.stamp()
    assert one != two
    assert one.split(".")[0] == two.split(".")[0] == stamps.installation() == name


def test_an_installation_with_a_dot_would_make_stamps_ambiguous() -> None:
    with pytest.raises(ValueError, match="dot"):
        WriteStamps("a.b")


def test_the_clock_is_aware_in_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
