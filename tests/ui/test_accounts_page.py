"""Accounts in the window: health, calendars, what uses them; test, reconnect, remove."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from app.domain.accounts import AccountStatus, Provider
from app.domain.errors import ConflictError, OfflineError
from app.domain.notices import Topic
from app.domain.pairs import CopiesOnDelete
from app.ui.accounts_page import CALENDARS_SHOWN, usages
from app.ui.sheet import ConfirmSheet
from app.ui.sign_in_sheet import SignInSheet
from app.ui.stop_following_sheet import StopFollowingSheet
from tests.ui.desk import Desk
from tests.ui.doubles import NOW, CoreDouble, account, busy, calm, connection, demo
from tests.ui.hands import button, click, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def named_button(parent: QWidget, name: str) -> QAbstractButton:
    """The visible button that is called so."""
    found = [one for one in parent.findChildren(QAbstractButton) if one.isVisible() and one.accessibleName() == name]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    made = make_desk(busy).begin()
    made.window.show_page("accounts")
    return made


def test_usage_lists_calendars_in_use_first_and_counts_each_pair_once() -> None:
    world = busy()
    found = usages(world.known_accounts, world.known_connections, world.known_pairs)
    assert [view.connection.name for view, _pairs in found[0].calendars] == [
        "Private",
        "Familie Lindqvist & Osei",
        "Holidays in Germany",
    ]
    assert [len(usage.pairs) for usage in found] == [4, 3, 5]
    assert found[0].calendars[2][1] == ()


def test_a_pair_inside_one_account_counts_once() -> None:
    world = busy()
    google = world.known_accounts[0]
    inside = replace(world.known_pairs[0], b=world.known_connections[1])
    assert len(usages([google], world.known_connections, [inside])[0].pairs) == 1


def test_every_account_says_how_it_does_and_what_uses_it(desk: Desk) -> None:
    said = words(desk.window.accounts)
    for text in (
        "ana@northwind.example",
        "Sign in again",
        "Google · used by 3 sync pairs",
        "view only",
        "main calendar",
    ):
        assert text in said
    assert desk.window.accounts.cards["acct_g"].test_button.isVisible()
    assert not desk.window.accounts.cards["acct_w"].test_button.isVisible(), "signing in again comes first"


def with_status(status: AccountStatus, profile: str = "default") -> CoreDouble:
    core = busy(profile)
    core.known_accounts[0] = replace(core.known_accounts[0], status=status)
    return core


def test_a_locked_password_store_is_unlocked_and_not_signed_in_to(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(lambda _profile: with_status(AccountStatus.VAULT_LOCKED)).begin()
    desk.window.show_page("accounts")
    card = desk.window.accounts.cards["acct_g"]
    assert "Your password store is locked" in words(card)
    assert not card.reconnect_button.isVisible()
    click(button(card, "Unlock"))
    qtbot.waitUntil(lambda: desk.called("test") == [("test", "acct_g")])


@pytest.mark.parametrize("status", [AccountStatus.NEEDS_SIGN_IN, AccountStatus.SCOPE_MISSING])
def test_an_account_that_does_not_work_says_why_even_if_the_core_says_no_more(
    make_desk: MakeDesk, status: AccountStatus
) -> None:
    desk = make_desk(lambda _profile: with_status(status)).begin()
    desk.window.show_page("accounts")
    card = desk.window.accounts.cards["acct_g"]
    assert "ign in again" in words(card)
    assert card.reconnect_button.isVisible()


def test_a_sign_in_that_is_known_to_end_says_when(make_desk: MakeDesk) -> None:
    def ending(profile: str) -> CoreDouble:
        core = busy(profile)
        core.known_accounts[0] = replace(core.known_accounts[0], expires_at=NOW + timedelta(days=7))
        return core

    desk = make_desk(ending).begin()
    desk.window.show_page("accounts")
    assert "sign-in lasts until Fri 27 Nov" in words(desk.window.accounts.cards["acct_g"])


def test_a_test_that_works_says_so(desk: Desk, qtbot: QtBot) -> None:
    card = desk.window.accounts.cards["acct_g"]
    click(card.test_button)
    qtbot.waitUntil(lambda: "It works: Google answered just now." in words(card))
    assert desk.called("test") == [("test", "acct_g")]


def test_a_test_that_fails_is_told_with_try_again(desk: Desk, qtbot: QtBot) -> None:
    desk.core.errors["test"] = OfflineError("Google cannot be reached.")
    card = desk.window.accounts.cards["acct_g"]
    click(card.test_button)
    qtbot.waitUntil(desk.window.messages.isVisible)
    assert "Asking…" not in words(card)
    click(button(desk.window.messages, "Try again"))
    qtbot.waitUntil(lambda: "It works" in words(desk.window.accounts.cards["acct_g"]))


def test_reconnect_signs_in_to_that_account(desk: Desk, qtbot: QtBot) -> None:
    click(desk.window.accounts.cards["acct_w"].reconnect_button)
    qtbot.waitUntil(lambda: bool(desk.opened_urls))
    assert desk.called("reconnect") == [("reconnect", "acct_w")]
    assert the(SignInSheet, desk.window).windowTitle() == "Sign in to Google as ana@northwind.example"


def test_adding_an_account_opens_the_choice_of_a_service(desk: Desk) -> None:
    click(desk.window.accounts.add_button)
    assert the(SignInSheet, desk.window).windowTitle() == "Connect a calendar"


def test_an_account_that_pairs_use_is_not_removed_and_says_why(desk: Desk) -> None:
    card = desk.window.accounts.cards["acct_w"]
    card.remove_wanted.emit(card._usage)
    sheet = the(ConfirmSheet, desk.window)
    assert "These sync pairs use it." in words(sheet)
    assert "Work → Calendar" in words(sheet)
    assert not sheet.do_button.isEnabled()
    click(sheet.cancel_button)
    assert desk.called("remove_account") == []


def test_an_account_that_nothing_uses_is_removed_after_asking(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    desk.window.show_page("accounts")
    card = desk.window.accounts.cards["acct_w"]
    card.remove_wanted.emit(card._usage)
    sheet = the(ConfirmSheet, desk.window)
    desk.core.errors["remove_account"] = ConflictError("Sync pairs use this calendar.", code="connection_in_use")
    click(sheet.do_button)
    qtbot.waitUntil(lambda: "Sync pairs use this calendar." in words(sheet))
    click(button(sheet, "Try again"))
    qtbot.waitUntil(lambda: "acct_w" not in desk.window.accounts.cards)
    assert len(desk.called("remove_account")) == 2


def test_signing_out_says_before_what_becomes_of_pairs_and_copies_and_keeps_the_account(
    desk: Desk, qtbot: QtBot
) -> None:
    card = desk.window.accounts.cards["acct_g"]
    card.sign_out_wanted.emit(card._usage)
    sheet = the(ConfirmSheet, desk.window)
    assert "nothing in them is changed" in words(sheet)
    assert "These sync pairs are paused, and their copies stay as they are:" in words(sheet)
    assert "Private ⇄ Calendar" in words(sheet)
    click(sheet.do_button)
    cards = desk.window.accounts.cards
    qtbot.waitUntil(lambda: "Signed out" in words(cards["acct_g"]))
    assert desk.called("sign_out") == [("sign_out", "acct_g")]
    assert cards["acct_g"].reconnect_button.text().strip() == "Sign in"
    assert not cards["acct_g"].test_button.isVisible()
    assert desk.called("delete") == []


def test_a_calendar_that_nothing_uses_is_let_go_after_asking(desk: Desk, qtbot: QtBot) -> None:
    click(named_button(desk.window.accounts, "Stop following Holidays in Germany"))
    sheet = the(StopFollowingSheet, desk.window)
    assert "Nothing in the calendar itself is changed." in words(sheet)
    assert not sheet.choice.isVisible()
    click(sheet.do_button)
    qtbot.waitUntil(lambda: "Holidays in Germany" not in words(desk.window.accounts))
    assert desk.called("disconnect") == [("disconnect", "conn_6")]


def test_a_calendar_in_use_goes_with_its_pairs_and_what_becomes_of_their_copies_is_asked(
    desk: Desk, qtbot: QtBot
) -> None:
    desk.core.known_copies["pair_2"] = 12
    click(named_button(desk.window.accounts, "Stop following Familie Lindqvist & Osei"))
    sheet = the(StopFollowingSheet, desk.window)
    qtbot.waitUntil(lambda: "made 12 copies. What shall become of them?" in words(sheet))
    assert "Familie Lindqvist & Osei (Google) → Calendar (Microsoft)" in words(sheet)
    sheet.choice.choose(CopiesOnDelete.REMOVE)
    assert "Delete 1 pair and 12 copies" in sheet.do_button.text()
    desk.core.errors["delete"] = ConflictError("This pair has 13 copies.", code="count_changed")
    desk.core.known_copies["pair_2"] = 13
    click(sheet.do_button)
    qtbot.waitUntil(lambda: "The number has changed meanwhile." in sheet.count.text())
    click(sheet.do_button)
    qtbot.waitUntil(lambda: bool(desk.called("disconnect")))
    assert desk.called("delete") == [
        ("delete", "pair_2", CopiesOnDelete.REMOVE, 12),
        ("delete", "pair_2", CopiesOnDelete.REMOVE, 13),
    ]


def test_a_failure_on_the_way_is_tried_again_without_deleting_a_pair_twice(desk: Desk, qtbot: QtBot) -> None:
    sheet = desk.desktop.sheets.stop_following(desk.core.known_connections[1])
    qtbot.waitUntil(lambda: "no copies" in sheet.count.text())
    desk.core.errors["disconnect"] = OfflineError("Google cannot be reached.")
    click(sheet.do_button)
    qtbot.waitUntil(lambda: "Google cannot be reached." in words(sheet))
    click(button(sheet, "Try again"))
    qtbot.waitUntil(lambda: len(desk.called("disconnect")) == 2)
    assert len(desk.called("delete")) == 1


def test_the_last_calendar_of_an_account_takes_the_sign_in_along_and_says_so(desk: Desk) -> None:
    office = next(view for view in desk.core.known_connections if view.connection.id == "conn_3")
    sheet = desk.desktop.sheets.stop_following(office)
    assert "the last one of ana@northwind.example, so Kalends signs out of that account" in words(sheet)


def test_calendars_that_were_let_go_can_be_followed_again(desk: Desk, qtbot: QtBot) -> None:
    desk.window.accounts.cards["acct_g"].follow_wanted.emit()
    qtbot.waitUntil(lambda: "Choir" in words(desk.window.accounts))
    assert desk.called("follow_again") == [("follow_again", "acct_g")]


def test_an_account_that_loses_its_sign_in_says_so_at_once(desk: Desk, qtbot: QtBot) -> None:
    def end(core: CoreDouble) -> None:
        lost = replace(core.known_accounts[0], status=AccountStatus.NEEDS_SIGN_IN, problem="Google ended the sign-in.")
        core.known_accounts[0] = lost
        core.notices.announce(Topic.ACCOUNT_CHANGED, account_id=lost.id)

    desk.ask(end)
    cards = desk.window.accounts.cards
    qtbot.waitUntil(lambda: "Google ended the sign-in." in words(cards["acct_g"]))


def test_a_reading_that_changes_nothing_leaves_the_cards_and_their_focus(desk: Desk, qtbot: QtBot) -> None:
    before = desk.window.accounts.cards["acct_g"]
    readings = len(desk.called("overall"))
    desk.ask(lambda core: core.notices.announce(Topic.RUN_PROGRESS, pair_id="pair_1"))
    qtbot.waitUntil(lambda: len(desk.called("overall")) > readings)
    assert desk.window.accounts.cards["acct_g"] is before


def test_many_calendars_are_folded_away(make_desk: MakeDesk) -> None:
    def many(profile: str) -> CoreDouble:
        core = CoreDouble(profile, [account("g", Provider.GOOGLE, "ana@gmail.com")])
        core.known_connections = [connection(str(n), core.known_accounts[0], f"Calendar {n}") for n in range(14)]
        return core

    desk = make_desk(many).begin()
    desk.window.show_page("accounts")
    card = desk.window.accounts.cards["acct_g"]
    assert words(card).count("Calendar ") == CALENDARS_SHOWN
    click(card.fold_button)
    assert words(card).count("Calendar ") == 14
    assert card.fold_button.text() == "Show fewer"


def test_the_demo_offers_no_other_account_and_says_what_its_sign_ins_are(make_desk: MakeDesk) -> None:
    desk = make_desk(demo).begin()
    desk.window.show_page("accounts")
    assert not desk.window.accounts.add_button.isVisible()
    assert "open nothing but the demo" in words(desk.window.accounts)
