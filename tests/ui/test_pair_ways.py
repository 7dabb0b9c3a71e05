"""Settings of each way of a pair that goes both ways: shown, changed, swapped, given up, refused; nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.domain.errors import FieldError, InputError
from app.domain.pairs import CopyEdited, CopyField, Direction, DirectionSettings, Mode, PairStatus
from app.services.pair_rules import applied
from app.services.views import NewPair, PairChange
from app.ui.pair_draft import EDITED, PairDraft
from app.ui.pair_sheet import PairSheet
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy, pair
from tests.ui.hands import click, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]
WORLD = busy()
CALENDARS = {view.connection.id: view for view in WORLD.known_connections}
PRIVATE, HOME = "conn_1", "conn_4"
FULL = DirectionSettings(Mode.FULL, window_ahead_days=90)
BUSY = DirectionSettings(Mode.BLOCKER, "Busy – {calendar}", window_ahead_days=30)
BOTH = pair("x", CALENDARS[PRIVATE], CALENDARS[HOME], mode=Mode.FULL, direction=Direction.BIDIRECTIONAL)
OWN = replace(BOTH, pair=replace(BOTH.pair, settings=FULL, settings_b_to_a=BUSY))


# -- the draft --------------------------------------------------------------------------------------------------------


def test_a_pair_that_was_only_looked_at_stays_as_it_was() -> None:
    draft = PairDraft.of(OWN)
    assert (draft.settings, draft.settings_back, draft.has_own) == (FULL, BUSY, True)
    assert draft.change() == PairChange()
    assert draft.turned().change() == PairChange(), "seen from the other side it is the same pair"


@pytest.mark.parametrize("turned", [False, True])
def test_a_change_of_one_way_leaves_the_other(turned: bool) -> None:
    draft = PairDraft.of(OWN)
    wider = replace(BUSY, window_ahead_days=60)
    if turned:
        draft = draft.turned()
        changed = replace(draft, settings=wider)
    else:
        changed = replace(draft, settings_back=wider)
    after = applied(OWN.pair, changed.change())
    assert (after.settings, after.settings_b_to_a) == (FULL, wider)


def test_both_ways_can_be_given_the_same_again() -> None:
    after = applied(OWN.pair, replace(PairDraft.of(OWN), settings_back=None).change())
    assert (after.settings, after.settings_b_to_a, after.direction) == (FULL, None, Direction.BIDIRECTIONAL)


def test_a_way_gets_settings_of_its_own() -> None:
    after = applied(BOTH.pair, replace(PairDraft.of(BOTH), settings_back=BUSY).change())
    assert (after.settings_b_to_a, after.settings.mode) == (BUSY, Mode.FULL)
    new = PairDraft(PRIVATE, HOME, True, FULL, settings_back=BUSY).new(PairStatus.ACTIVE)
    assert (new.settings, new.settings_b_to_a, new.mode) == (FULL, BUSY, Mode.FULL)
    assert PairDraft(PRIVATE, HOME, False, FULL, settings_back=BUSY).new(PairStatus.ACTIVE).settings_b_to_a is None


def test_the_way_back_alone_keeps_the_settings_it_had() -> None:
    alone = replace(PairDraft.of(OWN).turned(), both=False)
    after = applied(OWN.pair, alone.change())
    assert (after.direction, after.settings, after.mode) == (Direction.B_TO_A, BUSY, Mode.BLOCKER)
    assert after.settings_b_to_a is None


def test_the_story_tells_each_way_and_what_becomes_of_originals() -> None:
    settings = replace(FULL, copy_edited=CopyEdited.WRITE_BACK)
    story = PairDraft(PRIVATE, HOME, True, settings, settings_back=BUSY).story(CALENDARS)
    assert story == (
        "Events in “Private” appear in “Calendar” with title, place and notes. "
        "Editing a copy in “Calendar” changes its original. "
        "Events in “Calendar” block time in “Private”, without saying what they are."
    )


def test_each_way_is_an_example_of_its_own() -> None:
    draft = PairDraft.of(OWN)
    assert draft.way(back=False).example(CALENDARS) == "Stand-up"
    assert draft.way(back=True).example(CALENDARS) == "Busy – Calendar"


def test_edits_that_are_carried_have_to_be_edits_of_something() -> None:
    nothing = replace(FULL, copy_edited=CopyEdited.WRITE_BACK, write_back_fields=())
    assert set(PairDraft(PRIVATE, HOME, True, nothing).problems(CALENDARS)) == {EDITED}
    draft = PairDraft(PRIVATE, HOME, True, FULL, settings_back=nothing)
    assert set(draft.problems(CALENDARS)) == {EDITED}
    assert draft.wrong_way(CALENDARS)
    assert not draft.turned().wrong_way(CALENDARS)


# -- the sheet --------------------------------------------------------------------------------------------------------


def own_ways(profile: str) -> CoreDouble:
    core = busy(profile)
    first = core.known_pairs[0]
    core.known_pairs[0] = replace(first, pair=replace(first.pair, settings=FULL, settings_b_to_a=BUSY))
    return core


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk(own_ways).begin()


@pytest.fixture
def sheet(desk: Desk) -> PairSheet:
    made = desk.desktop.sheets.edit_pair(desk.core.known_pairs[0])
    click(made.more_button)
    return made


def asked(desk: Desk, qtbot: QtBot) -> PairChange:
    qtbot.waitUntil(lambda: bool(desk.called("update")))
    change = desk.called("update")[0][3]
    assert isinstance(change, PairChange)
    return change


def test_the_ways_are_named_after_their_calendars_and_shown_one_at_a_time(sheet: PairSheet) -> None:
    assert sheet.own.isChecked()
    assert [sheet.way.buttons[back].accessibleName() for back in (False, True)] == [
        "Private → Calendar",
        "Calendar → Private",
    ]
    assert (sheet.modes.value, sheet.options.ahead.value()) == (Mode.FULL, 90)
    click(sheet.way.buttons[True])
    assert (sheet.modes.value, sheet.options.ahead.value()) == (Mode.BLOCKER, 30)
    assert sheet.options.shape.isVisible()
    assert "becomes “Busy – Calendar”" in words(sheet)
    click(sheet.way.buttons[False])
    assert (sheet.modes.value, sheet.options.ahead.value()) == (Mode.FULL, 90)
    assert not sheet.options.shape.isVisible()
    assert sheet.draft().change() == PairChange()


def test_what_is_changed_in_each_way_is_asked_for_as_that_ways(desk: Desk, sheet: PairSheet, qtbot: QtBot) -> None:
    sheet.options.ahead.setValue(91)
    click(sheet.way.buttons[True])
    sheet.options.shape.before.setValue(15)
    click(sheet.modes.options[Mode.DETAILS])
    click(sheet.save_button)
    change = asked(desk, qtbot)
    assert change.settings == replace(FULL, window_ahead_days=91)
    assert change.settings_b_to_a == replace(BUSY, mode=Mode.DETAILS, buffer_before_minutes=15)
    assert change.mode is None


def test_swapping_keeps_each_ways_settings_and_what_is_shown(sheet: PairSheet) -> None:
    click(sheet.swap_button)
    assert sheet.way.buttons[False].accessibleName() == "Calendar → Private"
    assert sheet.way.value, "what is shown is the way back now"
    assert sheet.modes.value is Mode.FULL
    assert sheet.draft().change() == PairChange()


def test_without_settings_of_their_own_both_ways_have_those_that_are_shown(
    desk: Desk, sheet: PairSheet, qtbot: QtBot
) -> None:
    click(sheet.way.buttons[True])
    click(sheet.own)
    assert not sheet.way.isVisible()
    click(sheet.save_button)
    after = applied(desk.core.known_pairs[0].pair, asked(desk, qtbot))
    assert (after.mode, after.settings, after.settings_b_to_a) == (Mode.BLOCKER, BUSY, None)


def test_one_way_alone_has_the_settings_of_its_way(sheet: PairSheet) -> None:
    click(sheet.way.buttons[True])
    click(sheet.ways.buttons[False])
    assert not sheet.own.isVisible()
    assert (sheet.modes.value, sheet.draft().settings, sheet.draft().settings_back) == (Mode.FULL, FULL, None)
    click(sheet.ways.buttons[True])
    assert sheet.draft().change() == PairChange(), "nothing is lost by looking"


def test_a_new_pair_is_made_with_settings_for_each_way(desk: Desk, qtbot: QtBot) -> None:
    desk.window.show_page("pairs")
    click(desk.window.pairs.new_button)
    sheet = the(PairSheet, desk.window)
    sheet.source.choose("conn_2")
    sheet.target.choose("conn_5")
    assert not sheet.own.isVisible(), "there is one way only"
    click(sheet.ways.buttons[True])
    click(sheet.own)
    click(sheet.way.buttons[True])
    click(sheet.modes.options[Mode.FULL])
    click(sheet.save_button)
    qtbot.waitUntil(lambda: bool(desk.called("create")))
    made = desk.called("create")[0][1]
    assert isinstance(made, NewPair)
    assert (made.mode, made.direction) == (Mode.BLOCKER, Direction.BIDIRECTIONAL)
    assert made.settings_b_to_a is not None
    assert made.settings_b_to_a.mode is Mode.FULL


def test_what_the_core_refuses_in_the_other_way_is_shown_there(desk: Desk, sheet: PairSheet, qtbot: QtBot) -> None:
    click(sheet.way.buttons[True])
    sheet.options.looks.prefix.setText("x" * 61)
    click(sheet.way.buttons[False])
    message = "Use at most 60 characters, in one line."
    desk.core.errors["update"] = InputError(message, details=[FieldError("title_prefix", message)])
    click(sheet.save_button)
    qtbot.waitUntil(lambda: message in words(sheet))
    assert sheet.way.value
    assert sheet.options.looks.prefix_field.error == message


def test_what_is_carried_to_originals_can_be_chosen(desk: Desk, sheet: PairSheet, qtbot: QtBot) -> None:
    edits = sheet.options.edits
    assert not edits.carried_part.isVisible()
    edits.edited.setCurrentIndex(edits.edited.findData("write_back"))
    assert edits.carried_part.isVisible()
    assert {name for name, tick in edits.carried.items() if tick.isChecked()} == set(FULL.write_back_fields)
    for tick in edits.carried.values():
        tick.setChecked(False)
    click(sheet.save_button)
    assert "Tick below what is carried to the original" in words(sheet)
    assert desk.called("update") == []
    edits.carried[CopyField.TITLE].setChecked(True)
    assert "Tick below" not in words(sheet)
    click(sheet.save_button)
    settings = asked(desk, qtbot).settings
    assert settings is not None
    assert settings.write_back_fields == (CopyField.TITLE,)


def test_the_calendar_that_wins_is_called_by_its_name(sheet: PairSheet) -> None:
    conflict = sheet.options.edits.conflict
    assert conflict.itemText(conflict.findData("a_wins")) == "The edit in “Private” wins"
    click(sheet.swap_button)
    assert conflict.itemText(conflict.findData("a_wins")) == "The edit in “Private” wins", "still"
