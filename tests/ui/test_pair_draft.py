"""A pair being written: what is wrong with it, its story, and what the core is asked for. No window, no Qt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.accounts import Provider
from app.domain.errors import FieldError
from app.domain.pairs import Direction, DirectionSettings, Filters, Mode, PairStatus
from app.services.views import PairChange
from app.ui.pair_draft import FROM, GENERAL, INTERVAL, TO, WINDOW, PairDraft
from tests.ui.doubles import account, busy, connection, pair

WORLD = busy()
CALENDARS = {view.connection.id: view for view in WORLD.known_connections}
PRIVATE, FAMILY, OFFICE, HOME, HOLIDAYS = "conn_1", "conn_2", "conn_3", "conn_4", "conn_6"


def test_a_good_draft_has_no_problem() -> None:
    assert PairDraft(PRIVATE, HOME).problems(CALENDARS) == {}


def test_without_an_account_it_says_where_to_add_one() -> None:
    assert PairDraft().problems({}) == {FROM: "No account is connected yet. Add one under Accounts first."}


def test_both_ends_have_to_be_chosen() -> None:
    assert set(PairDraft().problems(CALENDARS)) == {FROM, TO}
    assert set(PairDraft(PRIVATE).problems(CALENDARS)) == {TO}


def test_the_same_calendar_twice_is_refused() -> None:
    assert "same calendar" in PairDraft(PRIVATE, PRIVATE).problems(CALENDARS)[TO]


def test_the_same_calendar_by_two_accounts_is_refused_too() -> None:
    other = connection("7", account("x", Provider.GOOGLE, "other@gmail.com"), "Private (shared)")
    same = replace(other, connection=replace(other.connection, calendar_key=CALENDARS[PRIVATE].connection.calendar_key))
    assert "same calendar" in PairDraft(PRIVATE, "conn_7").problems({**CALENDARS, "conn_7": same})[TO]


def test_a_view_only_calendar_can_be_copied_from_but_not_into() -> None:
    assert PairDraft(HOLIDAYS, HOME).problems(CALENDARS) == {}
    assert "view-only" in PairDraft(HOME, HOLIDAYS).problems(CALENDARS)[TO]
    assert "view-only" in PairDraft(HOLIDAYS, HOME, both=True).problems(CALENDARS)[FROM]


def test_demo_and_real_calendars_are_never_mixed() -> None:
    sandbox = connection("8", replace(account("s", Provider.GOOGLE, "s@x"), sandbox=True), "Demo")
    assert "never mixes" in PairDraft(PRIVATE, "conn_8").problems({**CALENDARS, "conn_8": sandbox})[TO]


@pytest.mark.parametrize(
    ("both", "mode", "story"),
    [
        (False, Mode.BLOCKER, "Events in “Private” block time in “Calendar”, without saying what they are."),
        (False, Mode.DETAILS, "Events in “Private” appear in “Calendar” with title and time only."),
        (
            True,
            Mode.FULL,
            "Events in “Private” appear in “Calendar” and the other way round, with title, place and notes.",
        ),
    ],
)
def test_the_story_tells_what_will_happen(both: bool, mode: Mode, story: str) -> None:
    assert PairDraft(PRIVATE, HOME, both, DirectionSettings(mode=mode)).story(CALENDARS) == story


def test_the_story_keeps_silent_while_an_end_is_missing() -> None:
    assert PairDraft(PRIVATE).story(CALENDARS) == ""


@pytest.mark.parametrize(
    ("mode", "title", "example"),
    [
        (Mode.BLOCKER, "", "Busy"),
        (Mode.FULL, "", "Stand-up"),
        (Mode.BLOCKER, "Busy – {calendar}", "Busy – Private"),
        (Mode.DETAILS, "[{account}] {title}", "[ana.lindqvist@gmail.com] Stand-up"),
    ],
)
def test_the_title_template_is_shown_by_an_example(mode: Mode, title: str, example: str) -> None:
    assert PairDraft(PRIVATE, HOME, settings=DirectionSettings(mode, title)).example(CALENDARS) == example


def test_busy_only_never_shows_a_title_whatever_its_template_asks_for() -> None:
    draft = PairDraft(PRIVATE, HOME, settings=DirectionSettings(Mode.BLOCKER, "{title}"))
    assert draft.withholds_title()
    assert draft.example(CALENDARS) == "Busy"
    assert not PairDraft(settings=DirectionSettings(Mode.FULL, "{title}")).withholds_title()


def test_a_first_draft_leads_from_one_account_to_another_and_not_where_a_pair_is() -> None:
    fresh = PairDraft.first(WORLD.known_connections, 900)
    assert CALENDARS[fresh.from_id or ""].account.id != CALENDARS[fresh.to_id or ""].account.id
    assert fresh.interval_seconds == 900
    taken = {(PRIVATE, HOME), (HOME, PRIVATE), (FAMILY, HOME), (OFFICE, HOME), (HOME, OFFICE), (PRIVATE, OFFICE)}
    again = PairDraft.first(WORLD.known_connections, 900, WORLD.known_pairs)
    assert (again.from_id, again.to_id) not in taken
    assert again.problems(CALENDARS) == {}


def test_a_first_draft_of_one_calendar_waits_for_the_other_end() -> None:
    alone = PairDraft.first([CALENDARS[PRIVATE]], 300)
    assert (alone.from_id, alone.to_id) == (PRIVATE, None)
    assert PairDraft.first([], 300).from_id is None


def test_a_pair_that_copies_backwards_is_shown_in_the_direction_of_its_events() -> None:
    view = pair("x", CALENDARS[PRIVATE], CALENDARS[HOME], direction=Direction.B_TO_A)
    draft = PairDraft.of(view)
    assert (draft.from_id, draft.to_id, draft.both) == (HOME, PRIVATE, False)
    assert draft.direction is Direction.B_TO_A
    assert draft.turned().direction is Direction.A_TO_B
    assert draft.change() == PairChange()


def test_only_what_is_other_than_before_is_asked_for() -> None:
    view = pair("x", CALENDARS[PRIVATE], CALENDARS[HOME], mode=Mode.FULL)
    draft = PairDraft.of(view)
    assert replace(draft, both=True).change() == PairChange(direction=Direction.BIDIRECTIONAL)
    assert replace(draft, interval_seconds=3600).change() == PairChange(interval_seconds=3600)
    settings = replace(draft.settings, filters=Filters(all_day=True))
    assert replace(draft, settings=settings).change() == PairChange(settings=settings)
    busy_only = replace(draft, settings=replace(draft.settings, mode=Mode.BLOCKER)).change()
    assert busy_only.mode is Mode.BLOCKER


def test_a_new_pair_is_asked_for_with_all_it_needs() -> None:
    new = PairDraft(PRIVATE, HOME, True, DirectionSettings(Mode.FULL), 3600).new(PairStatus.PAUSED)
    assert (new.connection_a_id, new.connection_b_id) == (PRIVATE, HOME)
    assert (new.mode, new.direction, new.status, new.interval_seconds) == (
        Mode.FULL,
        Direction.BIDIRECTIONAL,
        PairStatus.PAUSED,
        3600,
    )


def test_reasons_of_the_core_find_their_place() -> None:
    details = [
        FieldError("connection_b_id", "b"),
        FieldError("[0].interval_seconds", "i"),
        FieldError("window_ahead_days", "w"),
        FieldError("settings_b_to_a", "s"),
    ]
    assert PairDraft(PRIVATE, HOME).places(details) == {TO: "b", INTERVAL: "i", WINDOW: "w", GENERAL: "s"}
    backwards = PairDraft.of(pair("x", CALENDARS[PRIVATE], CALENDARS[HOME], direction=Direction.B_TO_A))
    assert backwards.places(details)[FROM] == "b"


def test_a_pair_the_other_way_round_is_remarked() -> None:
    assert "never copied back" in PairDraft(HOME, FAMILY).remark(WORLD.known_pairs)
    assert PairDraft(FAMILY, HOLIDAYS).remark(WORLD.known_pairs) == ""
    own = next(view for view in WORLD.known_pairs if view.pair.direction is Direction.BIDIRECTIONAL)
    assert replace(PairDraft.of(own), both=False).remark([own]) == ""


def test_free_events_follow_the_mode_until_someone_chooses() -> None:
    assert PairDraft(settings=DirectionSettings(Mode.BLOCKER)).free_left_out
    assert not PairDraft(settings=DirectionSettings(Mode.FULL)).free_left_out
    assert PairDraft(settings=DirectionSettings(Mode.FULL, filters=Filters(free=True))).free_left_out
