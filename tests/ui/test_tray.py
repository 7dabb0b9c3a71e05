"""The tray's menu and tooltip. The offscreen platform has no tray; what a host would be given is looked at."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app.services.views import RollUp
from app.ui import words
from app.ui.resources import resource
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy, calm, empty

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def texts(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def action(menu: QMenu, text: str) -> QAction:
    return next(found for found in menu.actions() if found.text() == text)


def test_the_menu_names_the_state_and_offers_what_works(make_desk: MakeDesk) -> None:
    menu = make_desk(calm).begin().desktop.tray.menu
    assert texts(menu) == [
        "✓  Up to date · last sync 14:02",
        "Open Kalends",
        "Sync now",
        "Sync one pair",
        "Pause",
        "Activity…",
        "Settings…",
        "Quit Kalends",
    ]


def test_one_pair_alone_gets_no_submenu(make_desk: MakeDesk) -> None:
    def one(profile: str) -> CoreDouble:
        core = calm(profile)
        core.known_pairs = core.known_pairs[:1]
        return core

    assert "Sync one pair" not in texts(make_desk(one).begin().desktop.tray.menu)


def test_before_any_account_there_is_only_open_and_quit(make_desk: MakeDesk) -> None:
    menu = make_desk(empty).begin().desktop.tray.menu
    assert texts(menu) == ["–  Nothing to sync yet", "Open Kalends", "Quit Kalends"]


def test_while_the_core_starts_one_can_open_and_quit(make_desk: MakeDesk) -> None:
    menu = make_desk(calm).desktop.tray.menu
    assert texts(menu) == ["Starting…", "Open Kalends", "Quit Kalends"]


def test_problems_stand_in_the_menu_with_their_fix(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    menu = desk.desktop.tray.menu
    problem = action(menu, "!  Google ended the sign-in for ana@northwind.example. 2 pairs are waiting.")
    problem.trigger()
    qtbot.waitUntil(lambda: desk.called("reconnect") == [("reconnect", "acct_w")])


def test_names_with_an_ampersand_are_shown_whole(make_desk: MakeDesk) -> None:
    menu = make_desk(calm).begin().desktop.tray.menu
    pairs = texts(action(menu, "Sync one pair").menu())  # type: ignore[arg-type]  # a QMenu
    assert pairs[1].startswith("Familie Lindqvist && Osei (Google) → Calendar (Microsoft)")


def test_a_pause_from_the_tray_turns_into_resume(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    menu = desk.desktop.tray.menu
    action(action(menu, "Pause").menu(), "4 hours").trigger()  # type: ignore[arg-type]  # a QMenu
    qtbot.waitUntil(lambda: "Resume syncing (paused until 18:04)" in texts(menu))
    assert "Sync now" not in texts(menu)
    assert "Pause" not in texts(menu)


def test_every_state_has_an_icon_file_and_signs_for_all_codes() -> None:
    for state in RollUp:
        assert resource("icons", "kalends", f"{words.TRAY_ICONS[state]}.svg").is_file()
    for table in (words.PAIR_SIGNS, words.RUN_SIGNS, words.ROLL_UP_SIGNS, words.VERB_SIGNS):
        codes = type(next(iter(table)))
        assert set(table) == set(codes)
        for sign in table.values():
            assert resource("icons", "lucide", f"{sign.icon}.svg").is_file()


def test_the_tooltip_tells_the_time_of_the_last_sync_and_the_worst_problem(make_desk: MakeDesk) -> None:
    desk = make_desk(busy).begin()
    assert desk.desktop.tray._tray.toolTip() == (
        "Kalends – on hold, last sync 14:02\n42 of 60 copies in “Work” would be removed. Nothing was done yet."
    )


def test_a_tray_host_that_comes_late_gets_a_new_icon(make_desk: MakeDesk) -> None:
    tray = make_desk(calm).begin().desktop.tray
    before = tray._tray
    tray._host_came()
    assert tray._tray is not before
    assert tray._tray.isVisible()
    assert tray._tray.contextMenu() is tray.menu
    assert tray._tray.toolTip() == "Kalends – up to date, last sync 14:02"
