"""The check-up in the window: what is wrong stands first with its fix, and nothing was changed by looking."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.ui.checkup_sheet import CheckupSheet
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy
from tests.ui.hands import click, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def test_what_is_wrong_stands_first_with_its_fix(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.show_page("settings")
    qtbot.waitUntil(desk.window.settings.inside.isEnabled)
    desk.window.settings.ensureWidgetVisible(desk.window.settings.checkup_button)
    click(desk.window.settings.checkup_button)
    sheet = the(CheckupSheet, desk.window)
    qtbot.waitUntil(lambda: "Sign in again." in words(sheet))
    said = words(sheet)
    assert "1 thing is wrong · 1 thing to keep in mind" in said
    assert said.index("The sign-in has ended.") < said.index("no tray icons") < said.index("MB are free")
    click(sheet.copy_button)
    assert QGuiApplication.clipboard().text().splitlines()[0].startswith("ok  disk  48,211 MB")
    click(sheet.again_button)
    qtbot.waitUntil(lambda: len(desk.called("look at everything")) == 2)


def test_where_nobody_can_look_the_command_is_named(make_desk: MakeDesk, qtbot: QtBot) -> None:
    def alone(profile: str) -> CoreDouble:
        core = busy(profile)
        core.doctor = None
        return core

    desk = make_desk(alone).begin()
    sheet = desk.desktop.sheets.checkup()
    qtbot.waitUntil(lambda: "Run: kalends doctor" in words(sheet))
