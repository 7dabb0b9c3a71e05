"""Settings in a file: saved from Settings, restored from there and from the welcome, with what is missing in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.ui.restore_sheet import RestoreSheet
from app.ui.sign_in_sheet import SignInSheet
from app.ui.theme import Scheme
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy, empty
from tests.ui.hands import button, click, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


@pytest.mark.parametrize("world", [empty, busy], ids=["welcome", "settings"])
def test_a_settings_file_is_chosen_on_the_welcome_and_under_settings(
    make_desk: MakeDesk, qtbot: QtBot, world: Callable[[str], CoreDouble]
) -> None:
    desk = make_desk(world).begin()
    file = desk.folder / "kept.json"
    file.write_text("what was saved", encoding="utf-8")
    if world is busy:
        desk.window.show_page("settings")
        qtbot.waitUntil(desk.window.settings.inside.isEnabled)
        click(desk.window.settings.restore_button)
    else:
        click(desk.window.welcome.restore_button)
    dialog = the(QFileDialog, desk.window)
    assert dialog.windowTitle() == "Restore from a settings file"
    dialog.fileSelected.emit(str(file))
    dialog.reject()
    qtbot.waitUntil(lambda: desk.called("restore") == [("restore", "what was saved")])


def test_what_came_back_and_what_is_missing_is_said_and_the_colours_follow(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    file = desk.folder / "kept.json"
    file.write_text("what was saved", encoding="utf-8")
    sheet = desk.desktop.sheets.restore_settings(file)
    qtbot.waitUntil(lambda: "1 sync pair restored, paused" in words(sheet))
    said = words(sheet)
    assert "•  Private (Google) ⇄ Calendar (Microsoft)" in said
    assert "2 sync pairs were there already." in said
    assert "•  ana@northwind.example (Google)" in said
    assert "•  Rota – Rota: Both are the same calendar." in said
    qtbot.waitUntil(lambda: desk.desktop._memory.scheme is Scheme.DARK)
    click(sheet.connect_button)
    assert the(SignInSheet, desk.window).windowTitle() == "Connect a calendar"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("gone.json", None, "gone.json cannot be read (No such file or directory)."),
        ("picture.json", b"\xff\xd8\xff", "picture.json is no settings file of Kalends."),
    ],
)
def test_a_file_that_cannot_be_used_is_said_in_words_and_nothing_is_asked_of_the_core(
    make_desk: MakeDesk, qtbot: QtBot, name: str, data: bytes | None, said: str
) -> None:
    desk = make_desk(busy).begin()
    if data is not None:
        (desk.folder / name).write_bytes(data)
    sheet = desk.desktop.sheets.restore_settings(desk.folder / name)
    qtbot.waitUntil(lambda: said in words(sheet))
    assert "Nothing was restored." in words(sheet)
    assert desk.called("restore") == []


def test_a_copy_of_the_settings_is_saved_where_the_person_says(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.show_page("settings")
    qtbot.waitUntil(desk.window.settings.inside.isEnabled)
    click(desk.window.settings.save_button)
    dialog = the(QFileDialog, desk.window)
    dialog.fileSelected.emit(str(desk.folder / "kept.json"))
    dialog.reject()
    qtbot.waitUntil(lambda: "Saved as kept.json." in words(desk.window.messages))
    assert (desk.folder / "kept.json").read_text(encoding="utf-8") == '{"kalends_settings": 1}\n'


def test_a_folder_that_takes_no_file_is_said_and_can_be_tried_again(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.desktop.sheets.save_settings(desk.folder / "nowhere" / "kept.json")
    messages = desk.window.messages
    qtbot.waitUntil(lambda: "kept.json cannot be written" in words(messages))
    (desk.folder / "nowhere").mkdir()
    click(button(messages, "Try again"))
    qtbot.waitUntil((desk.folder / "nowhere" / "kept.json").exists)


def test_closing_the_sheet_leaves_the_window_as_it_is(make_desk: MakeDesk) -> None:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.restore_settings(desk.folder / "gone.json")
    click(sheet.cancel_button)
    assert not the(RestoreSheet, desk.window).isVisible()
