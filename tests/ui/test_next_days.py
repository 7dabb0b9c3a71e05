"""The live preview of the pair editor: it follows what is filled in, waits for nobody, and says when it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.domain.errors import InputError, OfflineError
from app.domain.pairs import Mode
from app.ui.pair_sheet import PairSheet
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy
from tests.ui.hands import button, click, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk(busy).begin()


def sheet_of(desk: Desk) -> PairSheet:
    sheet = desk.desktop.sheets.new_pair()
    assert sheet is not None
    return sheet


def test_the_next_days_are_shown_as_their_copies_would_look(desk: Desk, qtbot: QtBot) -> None:
    sheet = sheet_of(desk)
    qtbot.waitUntil(lambda: "12 events in the next 7 days would be copied, 1 left out." in words(sheet.next_days))
    said = words(sheet.next_days)
    assert "Mon 23 Nov 09:00  Stand-up  →  “Busy”" in said
    assert "Mon 23 Nov 12:00  Dentist  –  left out: It is private." in said
    assert "Wed 25 Nov 2026, all day  Holiday  →  “Busy”" in said
    assert "and 10 more" in said
    assert not sheet.next_days.again_button.isVisible()


def test_it_follows_every_change_and_asks_once_for_a_burst_of_them(desk: Desk, qtbot: QtBot) -> None:
    sheet = sheet_of(desk)
    qtbot.waitUntil(lambda: len(desk.core.looked_ahead) == 1)
    sheet.modes.choose(Mode.DETAILS)
    title = sheet.options.title.editor
    assert isinstance(title, QLineEdit)
    for number in range(6):
        title.setText("Ana: {title}"[: 7 + number])
    qtbot.waitUntil(lambda: "→  “Ana: Stand-up”" in words(sheet.next_days))
    assert len(desk.core.looked_ahead) == 2
    source, target, settings, both = desk.core.looked_ahead[-1]
    assert (source, target, both) == (sheet.draft().from_id, sheet.draft().to_id, False)
    assert (settings.mode, settings.title) == (Mode.DETAILS, "Ana: {title}")


def test_what_is_no_longer_filled_in_is_not_waited_for(desk: Desk, qtbot: QtBot) -> None:
    sheet = sheet_of(desk)
    gate = desk.ask(lambda core: hold_back(core))
    qtbot.waitUntil(lambda: len(desk.core.looked_ahead) == 1)
    sheet.modes.choose(Mode.FULL)
    qtbot.waitUntil(lambda: len(desk.core.looked_ahead) == 2)
    assert sheet.save_button.isEnabled(), "nobody has to wait for a preview"
    desk.ask(lambda core: gate.set())
    qtbot.waitUntil(lambda: "→  “Stand-up”" in words(sheet.next_days))


def hold_back(core: CoreDouble) -> asyncio.Event:
    core.look_gate = asyncio.Event()
    return core.look_gate


def test_closing_the_sheet_gives_the_preview_up(desk: Desk, qtbot: QtBot) -> None:
    begun: list[bool] = []
    given_up: list[bool] = []

    async def look(*_values: object, **_named: object) -> None:
        begun.append(True)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            given_up.append(True)
            raise

    desk.core.previews.look = look  # type: ignore[assignment, method-assign]  # one that never answers
    sheet = sheet_of(desk)
    qtbot.waitUntil(lambda: begun == [True])
    assert "Looking at the next days…" in words(sheet.next_days)
    sheet.reject()
    qtbot.waitUntil(lambda: given_up == [True])


def test_while_a_field_cannot_be_used_it_says_which_and_asks_nobody(desk: Desk, qtbot: QtBot) -> None:
    sheet = sheet_of(desk)
    qtbot.waitUntil(lambda: len(desk.core.looked_ahead) == 1)
    sheet.target.choose("conn_6")
    assert "“Holidays in Germany” is shared as view-only" in sheet.next_days.count.text()
    sheet.target.choose("conn_4")
    qtbot.waitUntil(lambda: "12 events" in sheet.next_days.count.text())
    assert all(target != "conn_6" for _source, target, _settings, _both in desk.core.looked_ahead)


def test_what_the_core_refuses_is_said_where_the_preview_was(desk: Desk, qtbot: QtBot) -> None:
    async def refuse(*_values: object, **_named: object) -> None:
        raise InputError("Choose 0 to 1825 days.")

    desk.core.previews.look = refuse  # type: ignore[assignment, method-assign]  # one that refuses
    sheet = sheet_of(desk)
    said = "The preview comes back when this is put right: Choose 0 to 1825 days."
    qtbot.waitUntil(lambda: said in words(sheet.next_days))


def test_a_preview_that_fails_leaves_the_form_alone_and_can_be_tried_again(desk: Desk, qtbot: QtBot) -> None:
    works = desk.core.previews.look
    errors = [OfflineError("Google cannot be reached.", fix="Check the connection.")]

    async def fail_once(*values: object, **named: object) -> object:
        if errors:
            raise errors.pop()
        return await works(*values, **named)  # type: ignore[arg-type]  # handed on as it came

    desk.core.previews.look = fail_once  # type: ignore[assignment, method-assign]  # fails the first time
    sheet = sheet_of(desk)
    said = "The preview could not be made: Google cannot be reached. Check the connection."
    qtbot.waitUntil(lambda: said in words(sheet.next_days))
    assert not sheet.messages.isVisible()
    assert sheet.save_button.isEnabled()
    click(button(sheet.next_days, "Try again"))
    qtbot.waitUntil(lambda: "12 events" in sheet.next_days.count.text())
