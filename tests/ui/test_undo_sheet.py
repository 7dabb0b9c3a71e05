"""Undoing a run from its details: what can be undone is shown first, then what it came to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pytestqt.qtbot import QtBot

from app.domain.errors import OfflineError
from app.ui.undo_sheet import UndoSheet
from tests.ui.conftest import MakeDesk
from tests.ui.desk import Desk
from tests.ui.doubles import NOW, busy
from tests.ui.hands import button, click, the

RUN = "sync_run_02"


def opened(make_desk: MakeDesk, qtbot: QtBot, **changes: object) -> Desk:
    """A window that shows the details of a run."""
    desk = make_desk(busy).begin()
    for number, run in enumerate(desk.core.known_runs):
        if run.id == RUN:
            desk.core.known_runs[number] = replace(run, **changes)  # type: ignore[arg-type]  # fields of a run
    desk.window.overview.run_wanted.emit(RUN)
    qtbot.waitUntil(desk.window.activity.details.isVisible)
    return desk


def test_a_run_is_undone_after_its_changes_were_shown(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = opened(make_desk, qtbot)
    click(desk.window.activity.details.undo_button)
    sheet = the(UndoSheet, desk.window)
    qtbot.waitUntil(lambda: sheet.list.total == 3)
    assert sheet.counts.text() == "2 of 3 can be undone; 1 was edited since (left alone)."
    assert desk.called("undo") == [], "looking undoes nothing"
    click(sheet.undo_button)
    qtbot.waitUntil(lambda: sheet.counts.text() == "Undone: 2 events changed back.")
    assert desk.called("undo") == [("undo", RUN)]
    assert not sheet.undo_button.isVisible()
    click(button(sheet, "Close"))
    assert not sheet.isVisible()


def test_an_old_run_and_one_that_wrote_nothing_offer_no_undo(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = opened(make_desk, qtbot, finished_at=NOW - timedelta(days=31))
    assert not desk.window.activity.details.undo_button.isVisible()


def test_what_cannot_be_looked_at_can_be_tried_again(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = opened(make_desk, qtbot)
    desk.core.errors["look at undo"] = OfflineError("Google cannot be reached.")
    click(desk.window.activity.details.undo_button)
    sheet = the(UndoSheet, desk.window)
    qtbot.waitUntil(sheet.messages.isVisible)
    assert not sheet.undo_button.isEnabled()
    click(button(sheet, "Try again"))
    qtbot.waitUntil(sheet.undo_button.isEnabled)
