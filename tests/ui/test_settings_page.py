"""Settings in the window: theme, habits, the local API, its keys, where data lies, licences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import unquote

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.domain.alerts import Wish
from app.domain.errors import FieldError, InputError, StorageError
from app.domain.keys import ApiKey, KeyKind
from app.ui.key_model import may, state
from app.ui.key_sheet import KeySheet
from app.ui.licences_sheet import LicencesSheet, parts, whole_text
from app.ui.memory import WindowMemory
from app.ui.settings_page import SettingsPage
from app.ui.sheet import ConfirmSheet
from app.ui.theme import DARK, LIGHT, Scheme
from tests.ui.desk import Desk
from tests.ui.doubles import NOW, CoreDouble, busy, calm
from tests.ui.hands import button, click, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


@pytest.fixture
def desk(make_desk: MakeDesk, qtbot: QtBot) -> Desk:
    made = make_desk(busy).begin()
    made.window.show_page("settings")
    qtbot.waitUntil(made.window.settings.keys.table.isVisible)
    return made


@pytest.fixture
def page(desk: Desk) -> SettingsPage:
    return desk.window.settings


def test_what_is_shown_is_what_counts_and_showing_it_changes_nothing(desk: Desk, page: SettingsPage) -> None:
    assert page.theme_choice.value == "light"
    assert page.interval.currentText() == "15 min"
    assert (page.api.on.isChecked(), page.api.port.value(), page.on_start.isChecked()) == (True, 5545, True)
    assert desk.called("change") == []


def test_another_theme_counts_at_once_and_at_the_next_start(
    desk: Desk, page: SettingsPage, qtbot: QtBot, tmp_path: object
) -> None:
    assert desk.desktop._theme.colours is LIGHT
    click(page.theme_choice.buttons["dark"])
    qtbot.waitUntil(lambda: desk.desktop._theme.colours is DARK)
    assert desk.called("change") == [("change", {"theme": "dark"})]
    assert desk.desktop._memory.scheme is Scheme.DARK


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ("system", "Follows your desktop."),
        ("light", "Always light, whatever your desktop shows."),
        ("dark", "Always dark, whatever your desktop shows."),
    ],
)
def test_what_is_said_of_the_theme_fits_the_choice(make_desk: MakeDesk, qtbot: QtBot, chosen: str, text: str) -> None:
    desk = make_desk(busy).begin()
    desk.window.show_page("settings")
    page = desk.window.settings
    qtbot.waitUntil(page.inside.isEnabled)
    assert "Always light, whatever your desktop shows." in words(page)
    click(page.theme_choice.buttons[chosen])
    qtbot.waitUntil(lambda: text in words(page))
    assert words(page).count("your desktop") == 1


def test_what_is_said_of_the_theme_is_what_counts_when_another_could_not_be_kept(
    desk: Desk, page: SettingsPage, qtbot: QtBot
) -> None:
    desk.core.errors["change"] = InputError("That cannot be kept.")
    click(page.theme_choice.buttons["dark"])
    qtbot.waitUntil(lambda: desk.called("change") != [] and page.theme_choice.value == "light")
    assert "Always light, whatever your desktop shows." in words(page)


def test_the_theme_of_the_settings_file_is_taken_at_the_start(make_desk: MakeDesk) -> None:
    def dark(profile: str) -> CoreDouble:
        core = calm(profile)
        core.preference_values = replace(core.preference_values, theme="dark")
        return core

    assert make_desk(dark).begin().desktop._theme.colours is DARK


def test_the_window_remembers_no_theme_before_there_was_one(tmp_path: object) -> None:
    from pathlib import Path

    memory = WindowMemory(Path(str(tmp_path)))
    assert memory.scheme is None
    memory.scheme = Scheme.DARK
    assert WindowMemory(Path(str(tmp_path))).scheme is Scheme.DARK


def test_the_interval_counts_for_the_next_new_pair(desk: Desk, page: SettingsPage, qtbot: QtBot) -> None:
    page.interval.setCurrentIndex(page.interval.findData(3600))
    qtbot.waitUntil(lambda: desk.called("change") == [("change", {"interval_seconds": 3600})])
    qtbot.waitUntil(lambda: desk.desktop.sheets.interval_seconds == 3600)
    sheet = desk.desktop.sheets.new_pair()
    assert sheet is not None
    assert sheet.draft().interval_seconds == 3600


def test_sync_at_start_can_be_switched_off(desk: Desk, page: SettingsPage, qtbot: QtBot) -> None:
    click(page.on_start)
    qtbot.waitUntil(lambda: desk.called("change") == [("change", {"sync_on_start": False})])


def test_quiet_on_metered_connections_can_be_switched_on(desk: Desk, page: SettingsPage, qtbot: QtBot) -> None:
    assert not page.metered.isChecked()
    click(page.metered)
    qtbot.waitUntil(lambda: desk.called("change") == [("change", {"quiet_on_metered": True})])


def test_how_much_is_notified_can_be_chosen(desk: Desk, page: SettingsPage, qtbot: QtBot) -> None:
    assert page.notifications.currentText() == "Problems only"
    page.notifications.setCurrentIndex(page.notifications.findText("Nothing"))
    qtbot.waitUntil(lambda: desk.called("change") == [("change", {"notifications": "nothing"})])


def test_every_wish_for_notifications_is_offered(page: SettingsPage) -> None:
    assert {page.notifications.itemData(row) for row in range(page.notifications.count())} == {str(w) for w in Wish}


def test_the_api_is_switched_off_and_on_at_once(desk: Desk, page: SettingsPage, qtbot: QtBot) -> None:
    assert "It answers on this computer only" in words(page)
    click(page.api.on)
    qtbot.waitUntil(lambda: "It is off." in words(page))
    assert not page.api.port.isEnabled()
    assert not page.api.address.isVisible()
    click(page.api.on)
    qtbot.waitUntil(lambda: "It answers on this computer only" in words(page))
    assert page.api.address.isVisible()


def test_another_port_counts_at_once_and_a_bad_one_says_why_not(desk: Desk, page: SettingsPage, qtbot: QtBot) -> None:
    page.api.port.setValue(6000)
    page.api.port.editingFinished.emit()
    qtbot.waitUntil(lambda: page.api.address.text() == "http://127.0.0.1:6000")
    message = "Choose a port from 1024 to 65535."
    desk.core.errors["change"] = InputError(message, details=[FieldError("api_port", message)])
    page.api.port.setValue(80)
    page.api.port.editingFinished.emit()
    qtbot.waitUntil(lambda: message in words(page))
    assert page.api.port.accessibleDescription() == message
    assert page.api.address.text() == "http://127.0.0.1:6000"


def test_a_setting_that_cannot_be_kept_is_told_with_try_again(desk: Desk, page: SettingsPage, qtbot: QtBot) -> None:
    desk.core.errors["change"] = StorageError("The settings file cannot be written.")
    click(page.on_start)
    qtbot.waitUntil(desk.window.messages.isVisible)
    click(button(desk.window.messages, "Try again"))
    qtbot.waitUntil(lambda: not desk.core.preference_values.sync_on_start)


def test_the_address_is_copied_and_its_documentation_opened(desk: Desk, page: SettingsPage) -> None:
    click(page.api.copy_button)
    assert QGuiApplication.clipboard().text() == "http://127.0.0.1:5545"
    click(page.api.docs_button)
    assert desk.opened_urls == ["http://127.0.0.1:5545/docs"]


def test_it_says_where_data_lies_and_opens_the_folder(desk: Desk, page: SettingsPage) -> None:
    from app.ui.widgets import IconButton

    said = words(page)
    assert str(desk.core.info.log_file) in said
    opener = next(b for b in page.findChildren(IconButton) if b.accessibleName() == "Open the folder of: Log")
    click(opener)
    assert unquote(desk.opened_urls[-1]) == f"file://{desk.core.info.log_file.parent}"


def test_keys_are_listed_without_their_text_and_can_be_revoked(desk: Desk, page: SettingsPage, qtbot: QtBot) -> None:
    model = page.keys.table.model()
    assert [model.index(row, 0).data() for row in range(3)] == ["door display", "backup script", "old laptop"]
    assert [model.index(row, 2).data() for row in range(3)] == ["Ready", "In use", "Revoked"]
    assert page.keys.row_ends.of(2) is None, "what is revoked cannot be revoked"
    revoke = page.keys.row_ends.of(0)
    assert revoke is not None
    click(revoke)
    sheet = the(ConfirmSheet, desk.window)
    assert "Revoke “door display”?" in words(sheet)
    click(sheet.do_button)
    qtbot.waitUntil(lambda: page.keys.table.model().index(1, 2).data() == "Revoked")
    assert desk.called("revoke") == [("revoke", "key_2")]


@pytest.fixture
def key_sheet(desk: Desk, page: SettingsPage) -> KeySheet:
    click(page.keys.new_button)
    return the(KeySheet, desk.window)


def test_a_key_is_shown_once_and_copied(desk: Desk, key_sheet: KeySheet, qtbot: QtBot) -> None:
    key_sheet.label.setText("door display")
    click(key_sheet.choice.options["read"])
    click(key_sheet.make_button)
    qtbot.waitUntil(key_sheet.copy_button.isVisible)
    assert desk.called("create_key") == [("create_key", "door display", ("read:*",))]
    click(key_sheet.copy_button)
    text = key_sheet.text.text()
    assert QGuiApplication.clipboard().text() == text
    assert text.startswith("cs_live_")
    click(key_sheet.done_button)
    qtbot.waitUntil(lambda: desk.window.settings.keys.table.model().rowCount() == 4)
    assert text not in words(desk.window)


def test_a_key_needs_a_name_and_something_it_may_do(desk: Desk, key_sheet: KeySheet) -> None:
    click(key_sheet.make_button)
    assert "Give it a name" in words(key_sheet)
    key_sheet.label.setText("x")
    click(key_sheet.choice.options["custom"])
    click(key_sheet.make_button)
    assert "Tick at least one" in words(key_sheet)
    assert desk.called("create_key") == []
    click(key_sheet.ticks["read:pairs"])
    assert key_sheet.scopes() == ("read:pairs",)


def test_a_name_the_core_refuses_is_said_beside_it(desk: Desk, key_sheet: KeySheet, qtbot: QtBot) -> None:
    desk.core.errors["create_key"] = InputError("Taken.", details=[FieldError("label", "Choose another name.")])
    key_sheet.label.setText("x")
    click(key_sheet.make_button)
    qtbot.waitUntil(lambda: "Choose another name." in words(key_sheet))


@pytest.mark.parametrize(
    ("scopes", "text"),
    [
        (("*",), "Everything"),
        (("read:*", "write:*"), "Read and change"),
        (("read:*",), "Read only"),
        (("read:pairs", "read:logs"), "read:pairs, read:logs"),
    ],
)
def test_what_a_key_may_do_is_said_in_words(scopes: tuple[str, ...], text: str) -> None:
    assert may(ApiKey("key_1", KeyKind.LIVE, "x", scopes, "d", NOW)) == text


def test_a_key_that_is_over_is_called_expired() -> None:
    key = ApiKey("key_1", KeyKind.LIVE, "x", ("*",), "d", NOW, expires_at=NOW - timedelta(days=1))
    assert state(key, NOW).word == "Expired"
    assert state(replace(key, revoked_at=NOW), NOW).word == "Revoked"


def test_the_licences_name_the_libraries_and_hold_the_texts_of_what_is_bundled(desk: Desk) -> None:
    assert any(part.startswith("PySide6") for part in parts())
    text = whole_text()
    for phrase in ("Lucide icons", "ISC", "Inter typeface", "SIL Open Font License".upper()):
        assert phrase in text
    sheet = desk.desktop.sheets.licences()
    assert isinstance(sheet, LicencesSheet)
    click(sheet.cancel_button)
    assert not sheet.isVisible()
