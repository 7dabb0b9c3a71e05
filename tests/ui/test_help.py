"""Help and the keys of the window: what is listed works, what works is listed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.domain.pairs import PairState
from app.domain.runs import Run, Trigger
from app.ui.delete_sheet import DeleteSheet
from app.ui.help_sheet import PAGES, HelpSheet
from app.ui.pair_sheet import PairSheet
from app.ui.sheet import ConfirmSheet
from app.ui.shortcuts import SHORTCUTS, Act, page_keys, shown
from app.ui.window import MainWindow
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy, calm, demo, empty
from tests.ui.hands import click, press, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


@pytest.fixture
def desk(make_desk: MakeDesk, qtbot: QtBot) -> Desk:
    made = make_desk(busy).begin()
    made.window.activateWindow()
    qtbot.waitUntil(made.window.isActiveWindow)
    return made


def keys(window: MainWindow, act: Act) -> None:
    """Press the listed keys of an act."""
    listed = next(shortcut.keys[0] for shortcut in SHORTCUTS if shortcut.act is act)
    QTest.keySequence(window, QKeySequence(listed))


def test_every_act_has_keys_and_no_keys_are_bound_twice(desk: Desk) -> None:
    assert {shortcut.act for shortcut in SHORTCUTS} == set(Act)
    actions = [action for menu in desk.window.menu.menus.values() for action in menu.actions()]
    bound = [keys.toString() for action in actions for keys in action.shortcuts()]
    bound += [shortcut.key().toString() for shortcut in desk.window.findChildren(QShortcut)]
    assert len(bound) == len(set(bound))
    listed = {QKeySequence(text).toString() for shortcut in SHORTCUTS for text in shortcut.keys}
    listed |= {page_keys(number) for number in range(1, len(desk.window.sidebar.buttons) + 1)}
    assert set(bound) == listed


def test_help_lists_every_page_and_every_key(desk: Desk) -> None:
    said = words(desk.window.show_help())
    assert [name for name, _words in PAGES] == [
        button.accessibleName() for button in desk.window.sidebar.buttons.values()
    ]
    for number, (name, meaning) in enumerate(PAGES, start=1):
        assert f"{name}   {shown(page_keys(number))}" in said
        assert meaning in said
    for shortcut in SHORTCUTS:
        assert shown(shortcut.keys[0]) in said
        assert shortcut.words in said


@pytest.mark.parametrize("listed", ["F1", "Ctrl+?"])
def test_a_key_opens_the_help_and_escape_closes_it(desk: Desk, listed: str) -> None:
    QTest.keySequence(desk.window, QKeySequence(listed))
    sheet = the(HelpSheet, desk.window)
    assert sheet.isVisible()
    press(sheet, Qt.Key.Key_Escape)
    assert not sheet.isVisible()


def test_a_long_sheet_is_scrolled_by_key(desk: Desk, qtbot: QtBot) -> None:
    sheet = desk.window.show_help()
    qtbot.waitUntil(lambda: sheet._area is not None and sheet._area.verticalScrollBar().maximum() > 0)
    assert sheet._area is not None
    bar = sheet._area.verticalScrollBar()
    press(sheet.cancel_button, Qt.Key.Key_PageDown)
    assert bar.value() > 0
    press(sheet.cancel_button, Qt.Key.Key_End)
    assert bar.value() == bar.maximum()


def test_help_is_in_the_sidebar_in_settings_and_before_any_account(make_desk: MakeDesk, desk: Desk) -> None:
    click(desk.window.sidebar.help_button)
    first = the(HelpSheet, desk.window)
    click(first.cancel_button)
    assert not first.isVisible()
    desk.window.settings.help_wanted.emit()
    assert [sheet.isVisible() for sheet in desk.window.findChildren(HelpSheet)].count(True) == 1


def test_help_opens_by_key_before_there_is_an_account(make_desk: MakeDesk, qtbot: QtBot) -> None:
    window = make_desk(empty).begin().window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    press(window, Qt.Key.Key_F1)
    assert the(HelpSheet, window).isVisible()


def test_keys_sync_and_check_all_active_pairs(desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: list[str] = []
    request = desk.core.sync.request

    def noting(pair_id: str, trigger: Trigger, *, dry: bool = False, full: bool = False) -> Run:
        if full:
            whole.append(pair_id)
        return request(pair_id, trigger, dry=dry, full=full)

    monkeypatch.setattr(desk.core.sync, "request", noting)
    keys(desk.window, Act.SYNC)
    qtbot.waitUntil(lambda: desk.called("request_all") == [("request_all", Trigger.MANUAL)])
    qtbot.waitUntil(lambda: len(desk.called("request")) == 5)
    keys(desk.window, Act.CHECK)
    qtbot.waitUntil(lambda: len(desk.called("request")) == 10)
    assert sorted(whole) == [f"pair_{number}" for number in range(1, 6)], "the sixth is paused"


def test_a_key_pauses_everything_and_the_same_resumes_it(desk: Desk, qtbot: QtBot) -> None:
    keys(desk.window, Act.PAUSE)
    qtbot.waitUntil(lambda: desk.called("pause_all") == [("pause_all", None)])
    feed = desk.desktop.feed
    qtbot.waitUntil(
        lambda: feed.latest is not None and {view.state for view in feed.latest.pairs} == {PairState.PAUSED}
    )
    keys(desk.window, Act.PAUSE)
    qtbot.waitUntil(lambda: len(desk.called("resume_all")) == 1)


def test_a_key_opens_a_new_pair(desk: Desk) -> None:
    keys(desk.window, Act.NEW_PAIR)
    assert the(PairSheet, desk.window).isVisible()


def test_a_key_goes_to_the_filters_and_with_a_run_shown_to_its_search(desk: Desk, qtbot: QtBot) -> None:
    activity = desk.window.activity
    keys(desk.window, Act.FIND)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is activity.pair_filter)
    activity.show_run("sync_run_02")
    qtbot.waitUntil(activity.details.story.search.isVisible)
    keys(desk.window, Act.FIND)
    assert QApplication.focusWidget() is activity.details.story.search


def test_keys_that_act_on_pairs_do_nothing_before_there_is_an_account(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(empty).begin()
    desk.window.activateWindow()
    qtbot.waitUntil(desk.window.isActiveWindow)
    for act in (Act.SYNC, Act.CHECK, Act.PAUSE, Act.NEW_PAIR, Act.FIND):
        keys(desk.window, act)
    assert desk.window.welcome.isVisible()
    assert desk.window.findChild(PairSheet) is None
    assert desk.called("request_all") + desk.called("pause_all") + desk.called("request") == []


def test_delete_on_a_row_asks_before_it_deletes_a_pair(desk: Desk, qtbot: QtBot) -> None:
    desk.window.show_page("pairs")
    table = desk.window.pairs.table
    table.choose("pair_1")
    press(table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: "36" in the(DeleteSheet, desk.window).count.text())
    assert desk.called("delete") == []


def test_delete_on_a_row_asks_before_it_revokes_a_key_that_still_works(desk: Desk, qtbot: QtBot) -> None:
    desk.window.show_page("settings")
    table = desk.window.settings.keys.table
    qtbot.waitUntil(table.isVisible)
    table.choose("key_3")
    press(table, Qt.Key.Key_Delete)
    assert desk.window.findChild(ConfirmSheet) is None, "it is revoked already"
    table.choose("key_2")
    press(table, Qt.Key.Key_Delete)
    assert "Revoke “door display”?" in words(the(ConfirmSheet, desk.window))


def test_the_demo_can_be_opened_from_settings_and_not_from_within_it(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(lambda profile: demo() if profile == "demo" else calm()).begin()
    desk.window.show_page("settings")
    qtbot.waitUntil(desk.window.settings.keys.table.isVisible)
    click(desk.window.settings.demo_button)
    qtbot.waitUntil(lambda: desk.desktop.feed.latest is not None and desk.desktop.feed.latest.is_demo)
    desk.window.show_page("settings")
    qtbot.waitUntil(desk.window.settings.inside.isEnabled)
    assert not desk.window.settings.demo_button.isVisible()
