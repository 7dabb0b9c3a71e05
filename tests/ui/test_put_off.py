"""A problem can be put off until it changes; accounts that need the person are marked; a run's story can be copied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy, calm
from tests.ui.hands import button, click, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]
ENDED = "Google ended the sign-in for ana@northwind.example. 2 pairs are waiting."


def test_a_sign_in_is_put_off_until_something_about_it_changes(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    overview = desk.window.overview
    assert ENDED in words(overview)
    click(button(overview, "Later"))
    assert ENDED not in words(overview)
    desk.wait_for(desk.desktop.feed.read())
    assert ENDED not in words(overview)
    assert "2 things need you." in words(overview), "it still counts"
    changed = ENDED.replace("2 pairs", "3 pairs")
    desk.core.problems[1] = replace(desk.core.problems[1], sentence=changed)
    desk.wait_for(desk.desktop.feed.read())
    assert changed in words(overview)


def test_what_waits_for_a_decision_cannot_be_put_off_here(make_desk: MakeDesk) -> None:
    def held(profile: str) -> CoreDouble:
        core = busy(profile)
        core.problems = core.problems[:1]
        return core

    overview = make_desk(held).begin().window.overview
    assert "Later" not in [one.text().strip() for one in overview.findChildren(type(overview.sync_button))]


def test_accounts_that_need_the_person_mark_their_page(make_desk: MakeDesk) -> None:
    desk = make_desk(busy).begin()
    part = desk.window.sidebar.buttons["accounts"]
    assert (part.text().strip(), part.accessibleName()) == ("Accounts  !", "Accounts")
    assert part.accessibleDescription() == "1 account needs you"
    desk.core.known_accounts = [desk.core.known_accounts[0]]
    desk.wait_for(desk.desktop.feed.read())
    assert (part.text().strip(), part.accessibleDescription()) == ("Accounts", "")


def test_what_a_run_did_is_copied_as_text(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    desk.window.overview.run_wanted.emit("sync_run_02")
    details = desk.window.activity.details
    qtbot.waitUntil(details.isVisible)
    click(details.copy_button)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].startswith("sync_run_02  Private (Google) ⇄ Calendar (Microsoft)  Done")
    assert lines[1:3] == ["Calendar: 3 added, 1 changed", "Private: 1 left out"]
    assert len(lines) == 3 + 5
    assert lines[-1].endswith("Left out  Team lunch  Left out because it was declined.")
