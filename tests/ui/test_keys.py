"""What keys do in the window beside its shortcuts: Enter presses, Shift+F10 opens the menu of a row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.ui.key_sheet import KeySheet
from app.ui.shortcuts import IN_LISTS
from app.ui.sign_in_sheet import SignInSheet
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy, empty
from tests.ui.hands import press, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]
ENTERS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


@pytest.mark.parametrize("key", ENTERS)
def test_enter_presses_the_button_that_has_the_focus(make_desk: MakeDesk, key: Qt.Key) -> None:
    desk = make_desk(empty).begin()
    press(desk.window.welcome.connect_button, key)
    assert the(SignInSheet, desk.window).isVisible()


def test_enter_on_cancel_cancels_and_does_not_press_the_main_button(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.settings.key_wanted.emit()
    sheet = the(KeySheet, desk.window)
    sheet.label.setText("door display")
    press(sheet.cancel_button, Qt.Key.Key_Return)
    assert not sheet.isVisible()
    assert desk.called("create_key") == []


@pytest.mark.parametrize("key", ENTERS)
def test_enter_in_the_name_of_a_new_key_makes_it(make_desk: MakeDesk, qtbot: QtBot, key: Qt.Key) -> None:
    desk = make_desk(busy).begin()
    desk.window.settings.key_wanted.emit()
    sheet = the(KeySheet, desk.window)
    sheet.label.setText("door display")
    press(sheet.label, key)
    qtbot.waitUntil(sheet.done_button.isVisible)
    assert len(desk.called("create_key")) == 1


def test_shift_f10_asks_for_the_menu_of_the_chosen_row_as_the_help_says(make_desk: MakeDesk, qtbot: QtBot) -> None:
    assert any("Shift+F10" in keys for keys, _words in IN_LISTS)
    desk = make_desk(busy).begin()
    desk.window.show_page("pairs")
    table = desk.window.pairs.table
    qtbot.waitUntil(table.isVisible)
    table.selectRow(0)
    asked: list[str] = []
    table.menu_wanted.disconnect()
    table.menu_wanted.connect(lambda key, _spot: asked.append(key))
    press(table, Qt.Key.Key_F10)
    assert asked == []
    press(table, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    assert asked == [table.chosen()]


def test_the_sign_in_says_what_to_do_when_no_page_opened(make_desk: MakeDesk, qtbot: QtBot) -> None:
    from app.domain.accounts import Provider

    desk = make_desk(empty).begin()
    sheet = desk.desktop.connect_account()
    sheet.sign_in_to(Provider.GOOGLE)
    qtbot.waitUntil(lambda: bool(desk.opened_urls))
    assert "If no page opened, copy the link" in words(sheet)
    assert "has opened" not in words(sheet)
