"""Which originals get copies, and the reason for each that does not (`engine.md` §2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain import identity
from app.domain.events import Availability, Event, Marker, Response, Special, Visibility
from app.domain.pairs import DirectionSettings, Filters, Mode, PrivateOriginals
from app.domain.times import When
from app.engine.filters import left_out, unwanted
from app.engine.proof import is_ours, is_ours_by_marker, looks_like_ours
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, meeting

BLOCKER, FULL = DirectionSettings(), DirectionSettings(mode=Mode.FULL)


def event(minutes: int = 30, *, all_day: bool = False, **more: Any) -> Event:
    made = meeting("a1", wall(MONDAY, 9), minutes=minutes, fields=more.pop("fields", {}), **more)
    if not all_day:
        return made
    assert made.fields is not None
    return replace(made, fields=replace(made.fields, when=When(MONDAY, MONDAY.replace(day=24))))


def filtered(**filters: Any) -> DirectionSettings:
    return DirectionSettings(mode=Mode.FULL, filters=Filters(**filters))


@pytest.mark.parametrize(
    ("one", "settings", "reason"),
    [
        (event(), BLOCKER, None),
        (event(response=Response.DECLINED), FULL, "declined"),
        (event(response=Response.DECLINED), filtered(declined=False), None),
        (event(special=Special.WORKING_LOCATION), FULL, "working_location"),
        (event(special=Special.BIRTHDAY), FULL, "birthday"),
        (event(fields={"availability": Availability.FREE}), BLOCKER, "free"),
        (event(fields={"availability": Availability.FREE}), FULL, None),
        (event(fields={"availability": Availability.FREE}), filtered(free=True), "free"),
        (event(fields={"availability": Availability.FREE}), DirectionSettings(filters=Filters(free=False)), None),
        (event(fields={"availability": Availability.TENTATIVE}), FULL, None),
        (event(fields={"availability": Availability.TENTATIVE}), filtered(tentative=True), "tentative"),
        (event(all_day=True), FULL, None),
        (event(all_day=True), filtered(all_day=True), "all_day"),
        (event(29), filtered(shorter_than_seconds=1800), "too_short"),
        (event(30), filtered(shorter_than_seconds=1800), None),
        (event(all_day=True), filtered(shorter_than_seconds=999_999), None),
        (event(fields={"visibility": Visibility.PRIVATE}), FULL, None),
        (
            event(fields={"visibility": Visibility.CONFIDENTIAL}),
            DirectionSettings(private_originals=PrivateOriginals.SKIP),
            "private",
        ),
        (Event("a1"), FULL, "cancelled_original"),
        (event(marker=Marker("d", "k", 0, "s.1")), FULL, "is_copy"),
        (event(marker=Marker("d", "k", 0, "s.1", released=True)), FULL, None),
    ],
)
def test_every_filter_has_its_reason(one: Event, settings: DirectionSettings, reason: str | None) -> None:
    assert unwanted(one, settings) == reason


def test_a_part_of_an_original_is_no_copy_whatever_marker_a_service_gave_it() -> None:
    assert left_out(event(marker=Marker("d", "k", 0, "s.1")), FULL) is None


def test_a_copy_is_proved_by_its_id_and_not_by_its_marker() -> None:
    name = identity.google_event_id(identity.copy_id("t", "k", 1))
    marker = Marker("d", "k", 1, "s.1")
    own = replace(event(marker=marker), id=name)
    assert is_ours(own, "t", "k", 1)
    assert is_ours_by_marker(own, "t")
    assert not is_ours(own, "t", "k", 0)
    assert not is_ours(own, "other", "k", 1)
    assert not is_ours_by_marker(replace(own, id="pasted"), "t")
    assert not is_ours(replace(own, marker=replace(marker, released=True)), "t", "k", 1)
    graph = replace(own, id="AAMk", transaction_id=identity.transaction_id(identity.copy_id("t", "k", 1)))
    assert is_ours(graph, "t", "k", 1)
    assert looks_like_ours(replace(graph, marker=None))
    assert not looks_like_ours(event())
