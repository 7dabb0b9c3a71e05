"""What was just done can be taken back: by its message, by Ctrl+Z, and the last run by what of it can be undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.domain.pairs import PairStatus
from app.ui import notes
from app.ui.shortcuts import Menu
from app.ui.undo_sheet import UndoSheet
from app.ui.why_sheet import WhySheet
from tests.ui.desk import Desk
from tests.ui.doubles import NOW, CoreDouble, busy, calm, empty
from tests.ui.hands import button, click, press, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def statuses(desk: Desk) -> list[PairStatus]:
    return [view.pair.status for view in desk.core.known_pairs]


def ctrl_z(desk: Desk, qtbot: QtBot) -> None:
    desk.window.activateWindow()
    qtbot.waitUntil(desk.window.isActiveWindow)
    press(desk.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)


def test_a_pause_of_everything_is_taken_back_for_those_that_ran(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    before = statuses(desk)
    assert PairStatus.PAUSED in before
    desk.desktop.commands.pause_all(NOW + timedelta(hours=1))
    qtbot.waitUntil(lambda: "All sync pairs are paused until" in words(desk.window.messages))
    assert set(statuses(desk)) == {PairStatus.PAUSED}
    click(button(desk.window.messages, "Undo"))
    qtbot.waitUntil(lambda: statuses(desk) == before)
    assert not desk.window.messages.isVisible()


def test_ctrl_z_pauses_again_what_was_resumed_and_till_the_same_moment(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    until = desk.core.known_pairs[5].pair.paused_until
    desk.desktop.commands.resume_pair("pair_6")
    qtbot.waitUntil(lambda: "is resumed." in words(desk.window.messages))
    ctrl_z(desk, qtbot)
    qtbot.waitUntil(lambda: desk.core.known_pairs[5].pair.status is PairStatus.PAUSED)
    assert desk.core.known_pairs[5].pair.paused_until == until


def test_the_message_goes_by_itself_and_ctrl_z_then_looks_at_the_last_run(
    make_desk: MakeDesk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "_UNDO_SHOWN_MS", 50)
    desk = make_desk(busy).begin()
    said: list[str] = []
    desk.desktop.commands.done.connect(lambda sentence, _back: said.append(sentence))
    desk.desktop.commands.pause_pair("pair_1")
    qtbot.waitUntil(lambda: bool(said) and not desk.window.messages.isVisible())
    ctrl_z(desk, qtbot)
    sheet = the(UndoSheet, desk.window)
    qtbot.waitUntil(sheet.undo_button.isEnabled)
    assert desk.called("look at undo") == [("look at undo", "sync_run_02")]


def test_with_nothing_to_undo_ctrl_z_says_so(make_desk: MakeDesk, qtbot: QtBot) -> None:
    def idle(profile: str) -> CoreDouble:
        core = calm(profile)
        core.known_runs = []
        return core

    desk = make_desk(idle).begin()
    ctrl_z(desk, qtbot)
    assert "Nothing was changed lately that can be undone." in words(desk.window.messages)


def test_the_menu_bar_has_every_act_and_offers_what_can_be_done(make_desk: MakeDesk, qtbot: QtBot) -> None:
    window = make_desk(empty).begin().window
    offered = {
        action.text(): action.isEnabled()
        for menu in window.menu.menus.values()
        for action in menu.actions()
        if not action.isSeparator()
    }
    assert (offered["New sync pair…"], offered["Undo"], offered["Help and keys"]) == (False, False, True)
    desk = make_desk(busy).begin()
    menu = desk.window.menu.menus[Menu.HELP]
    next(action for action in menu.actions() if action.text().startswith("Why")).trigger()
    assert the(WhySheet, desk.window).isVisible()
    assert all(action.isEnabled() for menu in desk.window.menu.menus.values() for action in menu.actions())


def test_everything_is_checked_again_from_the_overview(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    desk.window.overview.check_wanted.emit()
    qtbot.waitUntil(lambda: len(desk.called("request")) == len(desk.core.known_pairs))
