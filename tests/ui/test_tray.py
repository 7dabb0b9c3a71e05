"""The tray's menu and tooltip. The offscreen platform has no tray; what a host would be given is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon
from pytestqt.qtbot import QtBot

from app.domain.notices import Topic
from app.domain.pairs import PairState, PairStatus
from app.domain.runs import Phase
from app.services.views import Problem, Progress, RollUp
from app.ui import words
from app.ui.resources import resource
from app.ui.tray import Tray
from tests.ui.desk import Desk
from tests.ui.doubles import NOW, CoreDouble, busy, calm, empty

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def texts(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def action(menu: QMenu, text: str) -> QAction:
    return next(found for found in menu.actions() if found.text() == text)


def submenu(menu: QMenu, text: str) -> QMenu:
    """The menu that an entry opens."""
    found = action(menu, text).menu()
    assert isinstance(found, QMenu)
    return found


def test_the_menu_names_the_state_and_offers_what_works(make_desk: MakeDesk) -> None:
    menu = make_desk(calm).begin().desktop.tray.menu
    assert texts(menu) == [
        "✓  Up to date · checked 14:02",
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
    pairs = texts(submenu(menu, "Sync one pair"))
    assert pairs[1].startswith("Familie Lindqvist && Osei (Google) → Calendar (Microsoft)")


def test_a_pause_from_the_tray_turns_into_resume(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    menu = desk.desktop.tray.menu
    action(submenu(menu, "Pause"), "4 hours").trigger()
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


def test_an_ended_sign_in_badges_the_icon_until_it_is_repaired(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    tray = desk.desktop.tray
    assert tray._icon_name == "tray-ok"
    for state, icon in ((RollUp.NEEDS_SIGN_IN, "tray-attention"), (RollUp.UP_TO_DATE, "tray-ok")):

        def change(core: CoreDouble, state: RollUp = state) -> None:
            core.state = state
            core.notices.announce(Topic.ACCOUNT_CHANGED, account_id="acct_g")

        desk.ask(change)
        qtbot.waitUntil(lambda icon=icon: tray._icon_name == icon)  # type: ignore[misc]  # bound at once


def test_the_tooltip_tells_the_time_of_the_last_check_and_what_needs_the_person(make_desk: MakeDesk) -> None:
    desk = make_desk(busy).begin()
    assert desk.desktop.tray._tray.toolTip() == (
        "Kalends — on hold, checked 14:02. 42 of 60 copies in “Work” would be removed. Nothing was done yet. "
        "1 account needs sign-in."
    )


def test_the_tooltip_counts_sign_ins_that_ended_and_not_those_that_end_soon() -> None:
    def tooltip(*codes: str) -> str:
        problems = tuple(Problem(code, f"Sentence of {code}.", "reconnect") for code in codes)
        return words.tooltip(replace(CoreDouble().status.overall(), problems=problems))

    assert tooltip() == "Kalends — up to date."
    assert tooltip("needs_signin") == "Kalends — up to date. 1 account needs sign-in."
    assert tooltip("needs_signin", "scope_missing") == "Kalends — up to date. 2 accounts need sign-in."
    assert tooltip("sign_in_expires") == "Kalends — up to date. Sentence of sign_in_expires."


def test_while_a_pair_syncs_the_first_row_counts_and_the_second_command_stops_it(
    make_desk: MakeDesk, qtbot: QtBot
) -> None:
    desk = make_desk(calm).begin()
    menu = desk.desktop.tray.menu
    reads = len(desk.called("overall"))
    going = Progress("pair_2", "sync_run_1", Phase.READING)

    def begin(core: CoreDouble) -> None:
        core.state = RollUp.SYNCING
        core.go_on(going, announce=False)
        core.notices.announce(Topic.RUN_STARTED, pair_id="pair_2")

    desk.ask(begin)
    qtbot.waitUntil(lambda: texts(menu)[0] == "↻  Syncing Familie Lindqvist && Osei → Calendar · reading")
    assert texts(menu)[1:3] == ["Open Kalends", "Stop this sync"]
    reads = len(desk.called("overall"))
    first = menu.actions()[0]
    for done in (45, 90):
        desk.ask(lambda core, done=done: core.go_on(replace(going, phase=Phase.WRITING, done=done, total=120)))  # type: ignore[misc]  # bound at once
    qtbot.waitUntil(lambda: texts(menu)[0] == "↻  Syncing Familie Lindqvist && Osei → Calendar · 90 of 120")
    assert menu.actions()[0] is first, "the menu was not made anew for a number"
    assert len(desk.called("overall")) == reads, "nothing was read for a number"
    action(menu, "Stop this sync").trigger()
    qtbot.waitUntil(lambda: desk.called("interrupt") == [("interrupt", "pair_2")])
    qtbot.waitUntil(lambda: texts(menu)[2] == "Stopping…")
    assert not action(menu, "Stopping…").isEnabled()


def test_of_several_runs_each_can_be_stopped_alone(make_desk: MakeDesk, qtbot: QtBot) -> None:
    def two(profile: str) -> CoreDouble:
        core = calm(profile)
        core.state = RollUp.SYNCING
        for number in (1, 2):
            core.go_on(Progress(f"pair_{number}", f"sync_run_{number}", Phase.COMPARING, 100, 300))
        return core

    desk = make_desk(two).begin()
    menu = desk.desktop.tray.menu
    assert texts(menu)[0] == "↻  Syncing 2 pairs"
    stops = submenu(menu, "Stop a sync")
    action(stops, "Private (Google) ⇄ Calendar (Microsoft)").trigger()
    qtbot.waitUntil(lambda: desk.called("interrupt") == [("interrupt", "pair_1")])


def test_each_pair_stands_in_the_menu_with_its_state_and_a_paused_one_can_be_resumed(
    make_desk: MakeDesk, qtbot: QtBot
) -> None:
    def one_paused(profile: str) -> CoreDouble:
        core = calm(profile)
        core.change_pair("pair_2", PairState.PAUSED, PairStatus.PAUSED, NOW + timedelta(hours=2))
        return core

    desk = make_desk(one_paused).begin()
    pairs = submenu(desk.desktop.tray.menu, "Sync one pair")
    paused = "Resume Familie Lindqvist && Osei (Google) → Calendar (Microsoft)   paused until 16:04"
    assert texts(pairs) == ["Private (Google) ⇄ Calendar (Microsoft)   checked 14:02", paused]
    action(pairs, paused).trigger()
    qtbot.waitUntil(lambda: [call[1:3] for call in desk.called("update")] == [("pair_2", PairStatus.ACTIVE)])


def test_the_menu_says_how_it_is_now_when_it_is_about_to_be_shown(make_desk: MakeDesk) -> None:
    desk = make_desk(calm).begin()
    menu = desk.desktop.tray.menu
    menu.actions()[0].setText("✓  Up to date · checked 09:00")
    menu.aboutToShow.emit()
    assert texts(menu)[0] == "✓  Up to date · checked 14:02"


def test_what_was_there_before_the_menu_changed_can_still_be_chosen(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    tray = desk.desktop.tray
    opened: list[str] = []
    tray.open_wanted.connect(opened.append)
    copied = action(tray.menu, "Activity…")  # as a host's copy of the menu, still open, has it
    action(submenu(tray.menu, "Pause"), "Until I resume").trigger()
    qtbot.waitUntil(lambda: "Resume syncing" in texts(tray.menu))
    assert action(tray.menu, "Activity…") is copied
    copied.trigger()
    assert opened == ["activity"]
    action(tray.menu, "Resume syncing").trigger()
    qtbot.waitUntil(lambda: "Sync now" in texts(tray.menu))
    assert texts(tray.menu)[1:5] == ["Open Kalends", "Sync now", "Sync one pair", "Pause"]


def test_open_is_the_default_and_a_click_on_the_icon_does_the_same(make_desk: MakeDesk) -> None:
    tray = make_desk(calm).begin().desktop.tray
    assert tray.menu.defaultAction().text() == "Open Kalends"
    opened: list[str] = []
    tray.open_wanted.connect(opened.append)
    tray._tray.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    assert opened == [""]


def test_at_most_three_problems_stand_in_the_menu_the_worst_first(make_desk: MakeDesk) -> None:
    def many(profile: str) -> CoreDouble:
        core = calm(profile)
        core.problems = [Problem(f"code_{number}", f"Problem {number}.") for number in range(5)]
        return core

    menu = make_desk(many).begin().desktop.tray.menu
    assert texts(menu)[1:5] == ["!  Problem 0.", "!  Problem 1.", "!  Problem 2.", "Open Kalends"]


def test_the_word_that_there_is_no_tray_goes_when_one_comes(
    make_desk: MakeDesk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [False]
    monkeypatch.setattr(Tray, "available", staticmethod(lambda: there[0]))
    desk = make_desk(calm).begin()
    note = desk.window._no_tray
    assert note.isVisible()
    assert desk.desktop._looking_for_tray.isActive()
    there[0] = True
    desk.desktop._looking_for_tray.timeout.emit()
    assert not note.isVisible()
    assert not desk.desktop._looking_for_tray.isActive(), "nobody is woken for it any more"
    there[0] = False
    desk.desktop.show_window()
    assert note.isVisible()
    desk.window.hide()
    desk.desktop._looking_for_tray.timeout.emit()
    assert not desk.desktop._looking_for_tray.isActive(), "nobody sees the note"
    desk.desktop.show_window()
    there[0] = True
    desk.desktop.tray._host_came()
    assert not note.isVisible()
    there[0] = False
    desk.desktop.show_window()
    desk.window._close_no_tray_note()
    desk.desktop._looking_for_tray.timeout.emit()
    assert not desk.desktop._looking_for_tray.isActive(), "it was read"


def test_a_tray_host_that_comes_late_gets_a_new_icon(make_desk: MakeDesk) -> None:
    tray = make_desk(calm).begin().desktop.tray
    before = tray._tray
    tray._host_came()
    assert tray._tray is not before
    assert tray._tray.isVisible()
    assert tray._tray.contextMenu() is tray.menu
    assert tray._tray.toolTip() == "Kalends — up to date, checked 14:02."
