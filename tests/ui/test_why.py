"""*Why is an event there, or not?*: asked from Activity, a run's event or a pair's menu, and answered in words."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app.ui import menus
from app.ui.menus import PairWish
from app.ui.pair_sheet import PairSheet
from app.ui.why_sheet import WhySheet
from tests.ui.desk import Desk
from tests.ui.doubles import NOW, CoreDouble, busy
from tests.ui.hands import button, click, press, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def test_activity_asks_in_the_pair_that_it_shows(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.show_page("activity")
    desk.window.activity.show_pair("pair_1")
    click(desk.window.activity.why_button)
    sheet = the(WhySheet, desk.window)
    assert desk.called("why") == [], "nobody said which event yet"
    sheet.query.setText("dentist")
    press(sheet.query, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "It is private." in words(sheet))
    assert desk.called("why") == [("why", "dentist", "pair_1")]
    said = words(sheet)
    assert "1 event fits." in said
    assert "in “Private”" in said
    assert "Private → Calendar" in said
    assert "Looked at again in 8 min" in said


def test_without_a_word_it_says_what_is_missing_and_asks_nobody(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.why()
    click(sheet.ask_button)
    assert "Say which event: words of its title, or its id." in words(sheet)
    sheet.query.setText("x")
    assert "Say which event: words" not in words(sheet)
    assert desk.called("why") == []


def test_what_the_next_run_would_do_is_said_with_its_reason_and_dates_are_few(
    make_desk: MakeDesk, qtbot: QtBot
) -> None:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.why("team sync")
    qtbot.waitUntil(lambda: "And 2 more dates." in words(sheet))
    said = words(sheet)
    assert "It is copied by the next run: it is new in the source calendar. (Mon 23 Nov 2026)" in said
    assert "1 event fits." in said


def test_an_event_that_nobody_knows_is_said_so_and_another_can_be_asked_for(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.why("nobody knows")
    qtbot.waitUntil(lambda: "No event that was last read fits." in words(sheet))
    sheet.query.setText("team")
    click(sheet.ask_button)
    qtbot.waitUntil(lambda: "2 events fit." in words(sheet))
    assert "No event that was last read fits." not in words(sheet)


def test_the_rule_can_be_changed_from_the_answer(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.why("dentist")
    qtbot.waitUntil(lambda: "It is private." in words(sheet))
    click(button(sheet, "Edit pair"))
    assert the(PairSheet, desk.window).isVisible()


def test_an_event_of_a_run_is_asked_about_by_opening_its_row(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.overview.run_wanted.emit("sync_run_02")
    details = desk.window.activity.details
    qtbot.waitUntil(details.isVisible)
    table = details.story.table
    table.selectRow(4)
    press(table, Qt.Key.Key_Return)
    sheet = the(WhySheet, desk.window)
    qtbot.waitUntil(lambda: desk.called("why") == [("why", "event-30", "pair_1")])
    assert sheet.query.text() == "event-30"


def test_a_pairs_menu_leads_there_and_copies_what_scripts_need(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    menu = QMenu(desk.window)
    wish = desk.desktop.sheets.open_for
    menus.fill_pair(menu, desk.core.known_pairs[0], desk.desktop.commands, lambda: NOW, wish)
    acts = {action.text(): action for action in menu.actions()}
    acts["Copy id"].trigger()
    assert QGuiApplication.clipboard().text() == "pair_1"
    acts["Copy as curl"].trigger()
    assert QGuiApplication.clipboard().text() == (
        "curl -s -X POST http://127.0.0.1:5545/api/v1/sync-pairs/pair_1/trigger "
        '-H "Authorization: Bearer $KALENDS_TOKEN"'
    )
    acts["Why is an event there, or not?…"].trigger()
    assert the(WhySheet, desk.window).pair.currentData() == "pair_1"


def test_a_pair_is_duplicated_with_its_settings_and_another_target(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.desktop.sheets.open_for(PairWish.DUPLICATE, "pair_1")
    sheet = the(PairSheet, desk.window)
    assert (sheet.source.chosen, sheet.target.chosen) == ("conn_1", None)
    assert sheet.draft().settings.mode is desk.core.known_pairs[0].pair.mode
    assert sheet.draft().pair is None
    click(sheet.save_button)
    assert "Choose the calendar that gets the copies." in words(sheet)
    assert desk.called("create") == []
