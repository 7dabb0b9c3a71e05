"""What the target shall hold for an original: forms, windows, occurrences (`engine.md` §5). Occurrences are data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.accounts import Access, Connection, Provider
from app.domain.errors import InputError
from app.domain.events import Event, EventKind, Fields, Response
from app.domain.links import CopyForm, DirectionRecord, Link, LinkState, Row, Seen
from app.domain.pairs import CopyDeleted, DirectionSettings, Mode
from app.domain.times import Moment, Span, When
from app.engine.originals import Unit, assemble
from app.engine.wishes import STAND_IN, Wisher, Wishes
from tests.fakes.calendar import wall
from tests.fakes.engine_world import MONDAY, ZONE, meeting, weekly

NINE = wall(MONDAY, 9)
WINDOW = Span(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 12, 20, tzinfo=UTC))


def end(name: str) -> Connection:
    return Connection(f"c_{name}", "acct", Provider.GOOGLE, name, f"google:{name}", name, Access.WRITER, ZONE)


def mondays(fields: Fields, span: Span) -> Sequence[Moment]:
    starts = [fields.when.start + timedelta(weeks=week) for week in range(60)]
    return [start for start in starts if span.start <= fields.when.moved_to(start).start_instant(ZONE) < span.end]


def dense(fields: Fields, span: Span) -> Sequence[Moment]:
    raise InputError("Too many.", code="series_too_dense")


def wishes(
    unit: Unit,
    *links: Link,
    says: bool = True,
    expand: Callable[[Fields, Span], Sequence[Moment]] = mondays,
    settings: DirectionSettings | None = None,
) -> Wishes:
    direction = DirectionRecord("dir", "pair", "key", end("a"), end("b"), settings or DirectionSettings(mode=Mode.FULL))
    wisher = Wisher(direction, normal_form=lambda f: f, expresses=lambda f: says, expand=expand, window=WINDOW)
    return wisher.wishes(unit, {link.occ: link for link in links})


def series(*parts: Event, **more: object) -> Unit:
    return assemble("series", [Row(event, Seen.SEEN) for event in (weekly(**more), *parts)])  # type: ignore[arg-type]  # by name


def exception(week: int, **more: object) -> Event:
    start = NINE + timedelta(weeks=week)
    fields = Fields(When(start + timedelta(hours=3), start + timedelta(hours=4), ZONE), title="Moved")
    original = datetime(start.year, start.month, start.day, 8, tzinfo=UTC)
    return Event(
        f"part{week}",
        kind=EventKind.EXCEPTION,
        series_id="series",
        original_start=original,
        fields=fields,
        **more,  # type: ignore[arg-type]  # by name
    )


def forms(found: Wishes) -> dict[str, CopyForm]:
    return {wish.occ: wish.form for wish in found.items}


def test_a_single_is_one_wish_in_or_out_of_the_window() -> None:
    inside = wishes(Unit("a1", Seen.SEEN, meeting("a1", NINE)))
    assert [(w.occ, w.form, w.in_window) for w in inside.items] == [("", CopyForm.SINGLE, True)]
    outside = wishes(Unit("a1", Seen.SEEN, meeting("a1", NINE + timedelta(days=90))))
    assert [w.in_window for w in outside.items] == [False]


def test_a_series_is_a_master_with_its_exceptions_and_gaps() -> None:
    found = wishes(series(exception(1), cancelled=(NINE + timedelta(weeks=2),)))
    assert forms(found) == {"": CopyForm.SERIES, "20261130": CopyForm.OCCURRENCE}
    master, part = found.items
    assert set(master.cancelled) == {"20261207"}
    assert part.parent == master.copy_key
    assert part.occurrence_start == NINE + timedelta(weeks=1)
    assert part.fields.recurrence is None


def test_a_filtered_exception_is_a_gap() -> None:
    found = wishes(series(exception(1, response=Response.DECLINED)))
    assert forms(found) == {"": CopyForm.SERIES}
    assert found.items[0].cancelled == {"20261130": NINE + timedelta(weeks=1)}


def test_a_refused_exception_is_a_gap_and_a_single() -> None:
    link = Link("dir", "series", "20261130", state=LinkState.SKIPPED, reason=STAND_IN)
    found = wishes(series(exception(1)), link)
    assert forms(found) == {"": CopyForm.SERIES, "20261130": CopyForm.SINGLE}
    assert set(found.items[0].cancelled) == {"20261130"}


@pytest.mark.parametrize("policy", list(CopyDeleted))
def test_an_occurrence_deleted_by_hand_is_a_gap_as_long_as_it_stays_away(policy: CopyDeleted) -> None:
    link = Link("dir", "series", "20261130", state=LinkState.AWAY)
    settings = DirectionSettings(mode=Mode.FULL, copy_deleted=policy)
    found = wishes(series(exception(1)), link, settings=settings)
    away = policy is not CopyDeleted.RESTORE
    assert set(found.items[0].cancelled) == ({"20261130"} if away else set())
    assert forms(found).keys() == ({""} if away else {"", "20261130"})


def test_a_series_without_an_occurrence_in_the_window_is_looked_at_daily() -> None:
    start = NINE + timedelta(weeks=20)
    event = weekly()
    assert event.fields is not None
    late = replace(event, fields=replace(event.fields, when=event.fields.when.moved_to(start)))
    found = wishes(assemble("series", [Row(late, Seen.SEEN)]))
    assert [w.in_window for w in found.items] == [False]
    assert found.due_again


def test_a_series_whose_only_occurrence_in_the_window_is_cancelled_is_outside() -> None:
    gaps = tuple(NINE + timedelta(weeks=week) for week in range(4))
    assert [w.in_window for w in wishes(series(cancelled=gaps)).items] == [False]


def test_an_expanded_series_is_a_single_for_each_date_in_the_window() -> None:
    found = wishes(series(exception(1), cancelled=(NINE + timedelta(weeks=2),)), says=False)
    assert forms(found) == dict.fromkeys(["20261123", "20261130", "20261214"], CopyForm.SINGLE)
    assert found.expanded
    assert found.due_again
    assert {w.occ: w.fields.title for w in found.items}["20261130"] == "Moved"
    assert all(w.fields.recurrence is None for w in found.items)


def test_an_expanded_occurrence_with_a_copy_is_followed_out_of_the_window() -> None:
    link = Link("dir", "series", "20270104", copy_key="k")
    assert "20270104" in forms(wishes(series(), link, says=False))
    assert "20270104" not in forms(wishes(series(), says=False))
    assert "20261228" not in forms(wishes(series(), link, says=False))


@pytest.mark.parametrize("says", [True, False])
def test_a_series_too_dense_to_expand_is_left_with_its_reason(says: bool) -> None:
    found = wishes(series(), says=says, expand=dense)
    assert (found.items, found.reason, found.expanded) == ((), "series_too_dense", False)


def test_a_time_that_cannot_be_placed_is_left_with_its_reason() -> None:
    event = meeting("a1", datetime(9999, 12, 31, 23))  # noqa: DTZ001 - a wall clock
    assert event.fields is not None
    when = replace(event.fields.when, zone="America/New_York")
    found = wishes(Unit("a1", Seen.SEEN, replace(event, fields=replace(event.fields, when=when))))
    assert found.reason == "time_unreadable"


def test_the_fingerprint_tells_any_change_of_an_original_and_no_other() -> None:
    plain = wishes(series(exception(1))).fingerprint()
    assert plain == wishes(series(exception(1))).fingerprint()
    others = [
        wishes(series()).fingerprint(),
        wishes(series(exception(2))).fingerprint(),
        wishes(series(exception(1), cancelled=(NINE,))).fingerprint(),
        wishes(series(exception(1), hour=10)).fingerprint(),
    ]
    assert plain not in others
    assert len(set(others)) == 4


def test_a_changed_meeting_link_is_a_change_of_the_original() -> None:
    event = meeting("a1", NINE)
    assert event.fields is not None
    linked = replace(event, fields=replace(event.fields, link="https://meet.example/1"))
    one, two = (wishes(Unit("a1", Seen.SEEN, e)).items[0].original_hashes for e in (event, linked))
    assert one != two
