"""Two installations of one pair, and dates of a copied series that people took away at each of them."""

from __future__ import annotations

from datetime import date, timedelta

from app.domain.events import EventKind
from app.domain.pairs import DirectionSettings, Mode
from tests.fakes.calendar import FakeCalendar, wall
from tests.fakes.engine_world import CountedStamps, World, meeting, weekly

MONDAY = date(2026, 11, 23)
AWAY = DirectionSettings(mode=Mode.FULL)


def lacking(world: World) -> set[date]:
    (copy,) = [copy for copy in world.copies() if copy.kind is EventKind.SERIES]
    excluded = {start.date() for start in copy.cancelled if hasattr(start, "date")}
    parts = [event for event in world.target.events.values() if event.series_id == copy.id and event.fields is None]
    return excluded | {part.original_start.date() for part in parts if hasattr(part.original_start, "date")}  # type: ignore[union-attr]  # aware times


def test_each_leaves_away_what_a_person_took_away_at_the_other_and_they_come_to_rest() -> None:
    one = World(settings=AWAY)
    one.source.put(weekly("series", rule="RRULE:FREQ=WEEKLY;COUNT=6"))
    one.run()
    (copy,) = one.copies()
    one.target.cancel_occurrence(copy.id, wall(MONDAY + timedelta(weeks=1), 9))
    one.run()
    other = World(settings=AWAY, source=one.source, target=one.target, clock=one.clock, stamps=CountedStamps("other"))
    other.run()  # nobody can tell it of that date, so it makes the series anew
    other.run()
    (copy,) = other.copies()
    other.target.cancel_occurrence(copy.id, wall(MONDAY + timedelta(weeks=3), 9))
    other.run()

    for _ in range(6):
        one.run()
        other.run()
    before = len(one.target.log)
    one.run()
    other.run()

    assert len(one.target.log) == before
    assert {MONDAY + timedelta(weeks=1), MONDAY + timedelta(weeks=3)} <= lacking(one)


def test_a_date_that_the_other_took_out_for_the_original_comes_back_with_it_on_both() -> None:
    one = World(settings=AWAY, source=FakeCalendar(tells_whole=True))
    one.source.put(weekly("series", rule="RRULE:FREQ=WEEKLY;COUNT=6"))
    one.run_until_quiet()
    other = World(settings=AWAY, source=one.source, target=one.target, clock=one.clock, stamps=CountedStamps("other"))
    one.source.put(meeting("a1", wall(MONDAY, 15)))
    other.run_until_quiet()
    one.run_until_quiet()  # by now it knows of the other
    one.source.cancel_occurrence("series", wall(MONDAY + timedelta(weeks=1), 9))
    other.run_until_quiet()
    stub = next(event.id for event in one.source.events.values() if event.kind is EventKind.CANCELLED)
    one.source.forget(stub)
    one.source.put(one.source.events["series"])

    one.run_until_quiet()
    other.run_until_quiet()
    one.run_until_quiet()
    other.run_until_quiet()

    assert lacking(one) == set()
