"""Times, counts and names as a person reads them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.pairs import Direction, PairState
from app.domain.runs import ActionRecord, ActionResult, Counts, RunStatus, Verb
from app.ui import time_words, words
from tests.ui.doubles import NOW, account, action, busy, connection, pair, run


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(seconds=50), "1 min ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=2), "2 h ago"),
        (timedelta(days=1), "yesterday 14:04"),
        (timedelta(days=4), "Mon 16 Nov 14:04"),
        (timedelta(days=400), "Thu 16 Oct 2025 15:04"),
    ],
)
def test_how_long_ago_is_said_in_one_unit(before: timedelta, text: str) -> None:
    assert time_words.ago(NOW - before, NOW) == text


def test_what_comes_is_said_in_minutes_or_by_the_clock() -> None:
    assert time_words.ahead(NOW + timedelta(seconds=20), NOW) == "in a moment"
    assert time_words.ahead(NOW + timedelta(minutes=8), NOW) == "in 8 min"
    assert time_words.ahead(NOW + timedelta(hours=3), NOW) == "at 17:04"
    assert time_words.ahead(NOW + timedelta(hours=12), NOW) == "tomorrow 02:04"
    assert time_words.ahead(None, NOW) == ""


def test_tomorrow_at_eight_is_eight_on_the_day_the_clocks_change() -> None:
    saturday = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
    assert time_words.tomorrow_at_eight(saturday) == datetime(2026, 10, 25, 7, 0, tzinfo=UTC)
    assert time_words.clock(time_words.tomorrow_at_eight(saturday)) == "08:00"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "–"), (30, "0.1 s"), (3120, "3.1 s"), (12_300, "12 s"), (60_000, "1 min"), (83_000, "1 min 23 s")],
)
def test_durations_are_short(milliseconds: int, text: str) -> None:
    assert time_words.duration(milliseconds) == text


def test_changes_name_only_what_happened() -> None:
    assert words.changes(Counts(processed=41)) == "No changes"
    assert words.changes(Counts(212, 1204, 4, 1, 9, 42, 1)) == "1,204 added, 4 changed, 1 removed, 42 held, 1 failed"


def test_a_run_that_failed_before_writing_claims_nothing() -> None:
    assert words.run_changes(run("x", "pair_1", status=RunStatus.FAILED)) == "–"
    assert words.run_changes(run("x", "pair_1", status=RunStatus.RUNNING)) == "–"


def test_a_pair_is_written_in_the_direction_things_are_copied() -> None:
    world = busy()
    a, b = world.known_pairs[0].a, world.known_pairs[0].b
    assert words.pair_name(pair("x", a, b, direction=Direction.A_TO_B)) == "Private (Google) → Calendar (Microsoft)"
    assert words.pair_name(pair("x", a, b, direction=Direction.B_TO_A)) == "Calendar (Microsoft) → Private (Google)"


def test_short_names_grow_where_two_pairs_would_be_called_the_same() -> None:
    from app.domain.accounts import Provider

    google, outlook = account("g", Provider.GOOGLE, "a@x"), account("m", Provider.MICROSOFT, "b@x")
    home = connection("h", google, "Home")
    views = (
        pair("1", connection("1", google, "Work"), home),
        pair("2", connection("2", outlook, "Work"), home),
        pair("3", connection("3", outlook, "Uni"), home, direction=Direction.BIDIRECTIONAL),
    )
    assert words.short_names(views) == {
        "pair_1": "Work (Google) → Home (Google)",
        "pair_2": "Work (Microsoft) → Home (Google)",
        "pair_3": "Uni ⇄ Home",
    }


def test_signs_carry_number_and_time() -> None:
    a, b = busy().known_pairs[0].a, busy().known_pairs[0].b
    assert words.pair_sign(pair("x", a, b, state=PairState.HELD, held=42)).word == "42 on hold"
    until = NOW + timedelta(hours=2)
    assert words.pair_sign(pair("x", a, b, state=PairState.PAUSED, paused_until=until)).word == "Paused until 16:04"


def test_a_pause_that_ends_on_another_day_names_the_day() -> None:
    a, b = busy().known_pairs[0].a, busy().known_pairs[0].b
    for hours, text in ((2, "Paused until 16:04"), (24, "Paused until Sat 14:04"), (24 * 30, "Paused until 20 Dec")):
        view = pair("x", a, b, state=PairState.PAUSED, paused_until=NOW + timedelta(hours=hours))
        assert words.pair_sign(view, NOW).word == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300, "5 min"), (3600, "1 h"), (5400, "90 min"), (86_400, "1 day"), (172_800, "2 days")],
)
def test_intervals_are_said_in_the_largest_unit_that_fits(seconds: int, text: str) -> None:
    assert time_words.interval(seconds) == text


def test_every_state_of_an_account_has_a_sign() -> None:
    from app.domain.accounts import AccountStatus

    assert set(words.ACCOUNT_SIGNS) == set(AccountStatus)


def test_a_preview_tells_changes_first_then_what_is_left_out_and_last_what_stays() -> None:
    verbs = [Verb.SKIP, Verb.HOLD, Verb.DELETE, Verb.SKIP, Verb.CREATE, Verb.UPDATE, Verb.CREATE]
    reasons = ["nothing_to_do", "held", "original_gone", "declined", "new", "changed", "new"]
    told = [
        ActionRecord("dir", str(number), "", verb, reason, "", ActionResult.PLANNED, title=str(number))
        for number, (verb, reason) in enumerate(zip(verbs, reasons, strict=True))
    ]
    ordered = words.in_order_of_plan(told)
    assert [action.title for action in ordered] == ["4", "6", "5", "2", "1", "3", "0"]
    assert words.action_sign(ordered[-1]).word == "Up to date"
    assert words.would(words.planned(told)) == (
        "2 to add · 1 to change · 1 to remove · 1 would wait for you · 1 up to date · 1 left out"
    )
    assert words.would(words.planned(told[:1])) == "Nothing to do · 1 up to date"


def test_every_verb_has_its_place_in_a_preview() -> None:
    assert set(words._PLANNED_ORDER) == set(Verb)


def test_a_preview_is_counted_by_its_actions() -> None:
    counts = words.planned(busy().plan)
    assert words.would(counts) == "3 to add · 0 to change · 0 to remove · 1 left out"
    assert words.would(words.planned(())) == "Nothing to do"


def test_what_is_up_to_date_is_counted_apart_from_what_is_left_out() -> None:
    left_out = replace(action(1, Verb.SKIP, "Lunch", "You declined it."), reason="declined", result=ActionResult.DONE)
    same = replace(left_out, reason="nothing_to_do", sentence="Its copy is as it should be.")
    assert words.action_sign(left_out).word == "Left out"
    assert words.action_sign(same).word == "Up to date"
    assert words.would(words.planned([same] * 32 + [left_out] * 8)) == "Nothing to do · 32 up to date · 8 left out"


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (Counts(deleted=32), "Undone: 32 copies removed."),
        (Counts(deleted=1, created=3, updated=2), "Undone: 1 copy removed, 3 brought back, 2 changed back."),
        (Counts(created=1), "Undone: 1 event brought back."),
        (Counts(updated=1204, skipped=3), "Undone: 1,204 events changed back."),
        (Counts(skipped=3), "Nothing was undone."),
    ],
)
def test_what_an_undo_did_is_said_by_kind(counts: Counts, text: str) -> None:
    assert words.undone(run("1", "pair_1", counts=counts)) == text
