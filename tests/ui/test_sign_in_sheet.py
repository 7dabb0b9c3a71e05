"""The sign-in sheet: begin, browser or link, waiting, the ends it can come to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.domain.accounts import Provider
from app.domain.errors import SignInError, VaultError
from app.services.views import AttemptStatus
from app.ui.sign_in_sheet import SignInSheet
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, empty
from tests.ui.hands import click, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk(empty).begin()


@pytest.fixture
def sheet(desk: Desk, qtbot: QtBot) -> SignInSheet:
    """A sheet that waits for the browser to come back from Google."""
    made = desk.desktop.connect_account()
    click(made._choice.buttons[Provider.GOOGLE])
    qtbot.waitUntil(lambda: bool(desk.opened_urls))
    return made


def test_the_browser_gets_the_link_unchanged_and_no_label_shows_it(desk: Desk, sheet: SignInSheet) -> None:
    assert desk.opened_urls == ["https://accounts.example.com/o/oauth2/auth?scope=a%20b&state=s3cret"]
    assert "Waiting for the sign-in" in words(sheet)
    assert "9:41 left" in words(sheet)
    assert "s3cret" not in words(sheet)


def test_the_link_can_be_copied_for_another_browser(desk: Desk, sheet: SignInSheet, qtbot: QtBot) -> None:
    click(sheet._waiting.copy_button)
    assert QGuiApplication.clipboard().text() == desk.opened_urls[0]


def test_the_page_can_be_opened_again(desk: Desk, sheet: SignInSheet, qtbot: QtBot) -> None:
    click(sheet._waiting.open_button)
    assert len(desk.opened_urls) == 2


def test_a_sign_in_that_worked_closes_the_sheet_and_shows_the_account(
    desk: Desk, sheet: SignInSheet, qtbot: QtBot
) -> None:
    ended: list[int] = []
    sheet.finished.connect(ended.append)
    desk.ask(lambda core: core.end_attempt(AttemptStatus.DONE))
    qtbot.waitUntil(lambda: ended == [1])
    qtbot.waitUntil(desk.window.overview.isVisible)


def test_a_denied_sign_in_says_so_and_can_be_tried_again(desk: Desk, sheet: SignInSheet, qtbot: QtBot) -> None:
    desk.ask(lambda core: core.end_attempt(AttemptStatus.FAILED, "You chose not to allow access. Nothing was changed."))
    qtbot.waitUntil(lambda: "You chose not to allow access" in words(sheet))
    click(sheet._failed.again_button)
    qtbot.waitUntil(lambda: len(desk.opened_urls) == 2)
    assert "Waiting for the sign-in" in words(sheet)


def test_a_missing_client_is_explained_with_its_fix(desk: Desk, qtbot: QtBot) -> None:
    desk.core.errors["begin"] = SignInError(
        "This build has no client id.", code="client_missing", fix="Bring your own."
    )
    made = desk.desktop.connect_account()
    made.sign_in_to(Provider.MICROSOFT)
    qtbot.waitUntil(lambda: "This build has no client id." in words(made))
    assert "Bring your own." in words(made)
    assert desk.opened_urls == []
    file = desk.core.info.config_file
    assert str(file) in words(made)
    assert "start Kalends again" in words(made)
    assert not made._failed.again_button.isVisible(), "trying again would read nothing new"
    click(made._failed.copy_button)
    assert QGuiApplication.clipboard().text() == str(file)
    click(made._failed.folder_button)
    assert desk.opened_urls == [f"file://{file.parent}"]


def test_a_missing_keyring_names_the_settings_file_too_and_can_be_tried_again(desk: Desk, qtbot: QtBot) -> None:
    desk.core.errors["begin"] = VaultError("There is no keyring.", code="vault_missing", fix="Start one.")
    made = desk.desktop.connect_account()
    made.sign_in_to(Provider.MICROSOFT)
    qtbot.waitUntil(lambda: "There is no keyring." in words(made))
    assert str(desk.core.info.config_file) in words(made)
    click(made._failed.again_button)
    qtbot.waitUntil(lambda: "Waiting for the sign-in" in words(made))


def test_closing_the_sheet_gives_the_attempt_up(desk: Desk, sheet: SignInSheet, qtbot: QtBot) -> None:
    click(sheet._waiting.cancel_button)
    qtbot.waitUntil(lambda: desk.called("cancel") == [("cancel", "attempt_1")])


def test_a_browser_that_does_not_open_leaves_the_link(desk: Desk, qtbot: QtBot) -> None:
    desk.desktop.sheets.open_url = lambda _url: False
    made = desk.desktop.connect_account()
    made.sign_in_to(Provider.GOOGLE)
    qtbot.waitUntil(lambda: "could not be opened" in words(made))
