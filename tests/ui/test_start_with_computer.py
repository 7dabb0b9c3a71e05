"""*Start with my computer*: a switch that follows the system's entry, and an offer made once, after a good sync."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.domain.autostart import Autostart, AutostartState
from app.domain.errors import StorageError
from app.ui.settings_start import StartRow
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, calm, demo
from tests.ui.hands import button, click, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]
FIX = "Make the folder writable."


def starting(found: Autostart, world: Callable[[str], CoreDouble] = calm) -> Callable[[str], CoreDouble]:
    def make(profile: str) -> CoreDouble:
        core = world(profile)
        core.starts = found
        return core

    return make


def row_of(desk: Desk, qtbot: QtBot) -> StartRow:
    desk.window.show_page("settings")
    qtbot.waitUntil(desk.window.settings.inside.isEnabled)
    return desk.window.settings.start


def test_the_switch_shows_the_entry_and_changes_it(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(starting(Autostart(AutostartState.OFF))).begin()
    row = row_of(desk, qtbot)
    assert (row.on.isChecked(), row.on.text()) == (False, "Off")
    assert desk.called("start with computer") == []
    click(row.on)
    qtbot.waitUntil(lambda: desk.core.starts.on)
    qtbot.waitUntil(lambda: row.on.text() == "On")
    click(row.on)
    qtbot.waitUntil(lambda: not desk.core.starts.on)


def test_what_was_changed_elsewhere_is_seen_when_the_page_is_shown_again(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(starting(Autostart(AutostartState.ON, "/usr/bin/kalends"))).begin()
    row = row_of(desk, qtbot)
    assert row.on.isChecked()
    desk.core.starts = Autostart(AutostartState.OFF)
    desk.window.show_page("overview")
    desk.window.show_page("settings")
    qtbot.waitUntil(lambda: not row.on.isChecked())
    assert desk.called("start with computer") == []


def test_another_kalends_is_named_and_this_one_can_take_its_place(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(starting(Autostart(AutostartState.OTHER, "/opt/old/kalends"))).begin()
    row = row_of(desk, qtbot)
    assert row.on.isChecked()
    assert "Another Kalends is started: /opt/old/kalends" in words(desk.window.settings)
    click(row.this_button)
    qtbot.waitUntil(lambda: not row.this_button.isVisible())
    assert desk.called("start with computer") == [("start with computer", True)]


def test_what_the_system_has_off_is_said_with_the_way_to_its_settings(make_desk: MakeDesk, qtbot: QtBot) -> None:
    blocked = Autostart(AutostartState.BLOCKED, "C:\\kalends.exe", "ms-settings:startupapps")
    desk = make_desk(starting(blocked)).begin()
    row = row_of(desk, qtbot)
    assert "Turned off in your system's settings." in words(desk.window.settings)
    assert not row.on.isVisible()
    click(row.settings_button)
    assert desk.opened_urls == ["ms-settings:startupapps"]


def test_a_program_that_is_gone_is_said(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(starting(Autostart(AutostartState.BROKEN, "/old/kalends"))).begin()
    row = row_of(desk, qtbot)
    assert "is not there any more" in words(desk.window.settings)
    assert (row.on.isChecked(), row.on.isVisible()) == (False, True)


def test_a_refused_switch_goes_back_and_says_why_with_the_fix(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(starting(Autostart(AutostartState.OFF))).begin()
    row = row_of(desk, qtbot)
    desk.core.errors["start with computer"] = StorageError("Kalends cannot write the file.", fix=FIX)
    click(row.on)
    qtbot.waitUntil(lambda: FIX in words(desk.window.messages))
    assert not row.on.isChecked()
    click(button(desk.window.messages, "Try again"))
    qtbot.waitUntil(row.on.isChecked)


def test_where_there_is_no_way_to_start_with_the_computer_nothing_is_offered(make_desk: MakeDesk, qtbot: QtBot) -> None:
    def nowhere(profile: str) -> CoreDouble:
        core = calm(profile)
        core.autostart = None
        return core

    desk = make_desk(nowhere).begin()
    assert not row_of(desk, qtbot).isVisible()
    desk.window.show_page("overview")
    assert not desk.window.overview.start_offer.isVisible()


# -- the offer --------------------------------------------------------------------------------------------------------


def test_it_is_offered_after_a_good_sync_and_an_answer_is_not_asked_again(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(starting(Autostart(AutostartState.OFF))).begin()
    overview = desk.window.overview
    qtbot.waitUntil(overview.start_offer.isVisible)
    click(overview.start_button)
    qtbot.waitUntil(lambda: desk.core.starts.on)
    qtbot.waitUntil(lambda: not overview.start_offer.isVisible())
    assert desk.desktop._memory.asked_to_start


def test_no_is_an_answer(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(starting(Autostart(AutostartState.OFF))).begin()
    overview = desk.window.overview
    qtbot.waitUntil(overview.start_offer.isVisible)
    overview.start_answered.emit(False)
    assert not overview.start_offer.isVisible()
    assert desk.called("start with computer") == []
    desk.wait_for(desk.desktop.feed.read())
    assert not overview.start_offer.isVisible()


def never_synced(profile: str) -> CoreDouble:
    core = calm(profile)
    core.known_pairs = [replace(view, pair=replace(view.pair, last_synced_at=None)) for view in core.known_pairs]
    return core


@pytest.mark.parametrize(
    ("found", "world"),
    [
        (Autostart(AutostartState.ON, "/usr/bin/kalends"), calm),
        (Autostart(AutostartState.BLOCKED, "/usr/bin/kalends"), calm),
        (Autostart(AutostartState.OFF), never_synced),
        (Autostart(AutostartState.OFF), demo),
    ],
    ids=["it starts already", "the system has it off", "nothing was synced yet", "it is the demo"],
)
def test_it_is_not_offered_where_it_would_only_disturb(
    make_desk: MakeDesk, qtbot: QtBot, found: Autostart, world: Callable[[str], CoreDouble]
) -> None:
    desk = make_desk(starting(found, world)).begin()
    desk.wait_for(desk.desktop.feed.read())
    desk.wait_for(desk.desktop.bridge.call(lambda core: None))
    assert not desk.window.overview.start_offer.isVisible()


def test_an_offer_that_fails_stays_and_says_why(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(starting(Autostart(AutostartState.OFF))).begin()
    overview = desk.window.overview
    qtbot.waitUntil(overview.start_offer.isVisible)
    desk.core.errors["start with computer"] = StorageError("Kalends cannot write the file.", fix=FIX)
    click(overview.start_button)
    qtbot.waitUntil(lambda: FIX in words(desk.window.messages))
    assert overview.start_offer.isVisible()
    assert not desk.desktop._memory.asked_to_start
