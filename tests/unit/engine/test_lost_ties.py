"""Copies whose ties were lost with the database: found again, tied anew, or offered (`engine.md` §4, §10)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.events import Event, Response
from app.domain.links import DirectionRecord
from app.domain.pairs import DirectionSettings, FilteredLater, WordFilter
from app.domain.runs import HoldAnswer, HoldCause
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, MONDAY, CountedStamps, HandClock, World, meeting, weekly


class PowerCutError(Exception):
    """The machine died."""


def original(n: int, event_id: str = "") -> Event:
    return meeting(event_id or f"a{n:02}", wall(MONDAY + timedelta(days=n), 9), title=f"Talk {n}")


def busy(count: int, **more: object) -> World:
    world = World(**more)  # type: ignore[arg-type]  # passed on by name
    for n in range(count):
        world.source.put(original(n))
    world.run_until_quiet()
    return world


def forgotten(world: World) -> World:
    """The same calendars with an empty database."""
    return World(
        settings=world.settings,
        source=world.source,
        target=world.target,
        clock=HandClock(world.clock.now()),
        stamps=CountedStamps("later"),
    )


def causes(world: World) -> set[HoldCause]:
    return {cause for cause in HoldCause if world.ledger.hold(world.direction.id, cause) is not None}


def titles(world: World) -> list[str]:
    return sorted(copy.fields.title for copy in world.copies() if copy.fields is not None)


def without(settings: DirectionSettings, word: str) -> DirectionSettings:
    return replace(settings, filters=replace(settings.filters, words=(WordFilter(words=(word,), only=False),)))


def test_a_run_that_dies_after_finding_copies_looks_for_their_originals_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = busy(4, settings=FULL)
    for n in range(2):
        world.source.events.pop(f"a{n:02}")
    later = forgotten(world)

    def dies(_direction: DirectionRecord, *_: object, **__: object) -> Collection[str]:
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(later.ledger, "originals_to_plan", dies)
        with pytest.raises(PowerCutError):
            later.run()
    later.reopen()
    later.run_until_quiet()
    assert causes(later) == {HoldCause.COPIES_WITHOUT_ORIGINAL}
    assert len(later.copies()) == 4


def test_a_run_that_dies_before_its_holds_are_kept_opens_them_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    world = busy(4, settings=FULL)
    world.source.events.pop("a00")
    later = forgotten(world)

    def dies(*_: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(later.ledger, "save_hold", dies)
        with pytest.raises(PowerCutError):
            later.run()
    later.reopen()
    later.run_until_quiet()
    assert causes(later) == {HoldCause.COPIES_WITHOUT_ORIGINAL}


# -- originals that are there, and are not copied any more -------------------------------------------------------------


def test_a_copy_that_was_left_after_a_filter_is_not_offered_as_one_without_original() -> None:
    world = busy(6, settings=replace(FULL, filtered_later=FilteredLater.LEAVE))
    world.change_settings(filters=without(world.settings, "Talk 3").filters)
    world.run_until_quiet()
    assert len(world.copies()) == 6
    later = forgotten(world)
    later.run_until_quiet()
    assert causes(later) == set()
    assert len(later.copies()) == 6
    later.source.remove("a03")
    later.run_until_quiet()
    assert "Talk 3" not in titles(later), "it is followed again, and goes with its original"


def test_a_copy_whose_original_was_declined_meanwhile_goes_as_the_pair_says() -> None:
    world = busy(6, settings=FULL)
    world.source.put(replace(world.source.events["a03"], response=Response.DECLINED))
    later = forgotten(world)
    later.run_until_quiet()
    assert causes(later) == set()
    assert titles(later) == [f"Talk {n}" for n in (0, 1, 2, 4, 5)]


def test_copies_of_single_dates_of_a_filtered_series_are_explained_by_it() -> None:
    world = World(settings=replace(FULL, filtered_later=FilteredLater.LEAVE))
    world.target.can_say = lambda fields: fields.recurrence is None
    world.source.put(weekly(rule="RRULE:FREQ=WEEKLY;COUNT=4"))
    world.run_until_quiet()
    assert len(world.copies()) == 4
    world.change_settings(filters=without(world.settings, "Stand-up").filters)
    world.run_until_quiet()
    later = forgotten(world)
    later.run_until_quiet()
    assert causes(later) == set()
    assert len(later.copies()) == 4


# -- copies that were re-linked ----------------------------------------------------------------------------------------


def relinked(world: World, events: list[Event], again: list[Event]) -> World:
    """All originals got new ids, and the person said that the copies follow them."""
    for event in events:
        world.source.remove(event.id)
    for event in again:
        world.source.put(event)
    world.run()
    assert causes(world) == {HoldCause.REKEYED}
    world.answer(HoldAnswer.KEPT)
    world.run_until_quiet()
    world.run()
    assert causes(world) == set()
    return world


def test_copies_that_were_relinked_are_found_again_and_not_doubled() -> None:
    world = busy(20, settings=FULL)
    relinked(world, [original(n) for n in range(20)], [original(n, f"z{n:02}") for n in range(20)])
    later = forgotten(world)
    before = {copy.id for copy in later.copies()}
    later.run_until_quiet()
    later.run()
    assert causes(later) == set()
    assert {copy.id for copy in later.copies()} == before
    assert len(before) == 20
    later.source.remove("z04")
    later.run_until_quiet()
    assert titles(later) == sorted(f"Talk {n}" for n in range(20) if n != 4)


def test_relinked_copies_of_the_same_words_are_told_apart_by_when_they_are() -> None:
    world = busy(20)
    relinked(world, [original(n) for n in range(20)], [original(n, f"z{n:02}") for n in range(20)])
    later = forgotten(world)
    before = {copy.id for copy in later.copies()}
    later.run_until_quiet()
    assert {copy.id for copy in later.copies()} == before
    later.source.put(original(21, "new"))
    later.run_until_quiet()
    assert len(later.copies()) == 21


def test_a_relinked_series_is_found_again_with_what_is_inside() -> None:
    world = World(settings=FULL)
    olds = [weekly(f"s{n}", hour=8 + n) for n in range(7)]
    for series in olds:
        world.source.put(series)
    world.run_until_quiet()
    relinked(world, olds, [replace(weekly(f"t{n}", hour=8 + n), ical_uid=f"s{n}@x") for n in range(7)])
    world.source.cancel_occurrence("t2", wall(MONDAY + timedelta(days=14), 10))
    world.run_until_quiet()
    later = forgotten(world)
    before = {copy.id for copy in later.copies()}
    later.run_until_quiet()
    later.run()
    assert causes(later) == set()
    assert {copy.id for copy in later.copies()} == before


def test_a_relinked_copy_whose_text_changed_meanwhile_is_found_by_title_and_time_and_brought_up_to_date() -> None:
    world = busy(20, settings=FULL)
    relinked(world, [original(n) for n in range(20)], [original(n, f"z{n:02}") for n in range(20)])
    event = world.source.events["z03"]
    assert event.fields is not None
    world.source.put(replace(event, fields=replace(event.fields, place="Room 5")))
    later = forgotten(world)
    later.run_until_quiet()
    assert causes(later) == set()
    assert len(later.copies()) == 20
    assert [c.fields.title for c in later.copies() if c.fields is not None and c.fields.place] == ["Talk 3"]
