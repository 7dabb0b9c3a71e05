"""Room on the screen: sheets as tall as their words, no void below a page, long names cut where they end in dots."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, QSize
from PySide6.QtGui import QHelpEvent, QScreen
from PySide6.QtWidgets import QApplication, QLayout, QPushButton, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from app.domain.accounts import Provider
from app.domain.errors import OfflineError
from app.services.happenings import Happened
from app.ui import pair_model, run_model
from app.ui.pair_sheet import PairSheet
from app.ui.sheet import Sheet
from app.ui.theme import Theme
from app.ui.widgets import Choice
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy, demo
from tests.ui.hands import button, click, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def wanted_height(widget: QWidget) -> int:
    return cast(QLayout, widget.layout()).totalHeightForWidth(widget.width())


def connecting(desk: Desk) -> QWidget:
    return desk.desktop.connect_account()


def waiting(desk: Desk) -> QWidget:
    sheet = desk.desktop.connect_account()
    sheet.sign_in_to(Provider.GOOGLE)
    return sheet


def deleting(desk: Desk) -> QWidget:
    return desk.desktop.sheets.delete_pair(desk.core.known_pairs[0])


def deciding(desk: Desk) -> QWidget:
    return desk.desktop.sheets.review_hold("pair_5")


def revoking(desk: Desk) -> QWidget:
    return desk.desktop.sheets.revoke_key(desk.core.known_keys[0])


@pytest.mark.parametrize("make", [connecting, waiting, deleting, deciding, revoking])
def test_a_sheet_is_as_tall_as_its_words(make_desk: MakeDesk, qtbot: QtBot, make: Callable[[Desk], QWidget]) -> None:
    sheet = make(make_desk(busy).begin())
    qtbot.waitUntil(lambda: sheet.height() == wanted_height(sheet))


def test_a_sheet_grows_for_a_message_and_shrinks_when_it_is_gone(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.delete_pair(desk.core.known_pairs[0])
    qtbot.waitUntil(lambda: "36" in sheet.count.text() and sheet.height() == wanted_height(sheet))
    before = sheet.height()
    desk.core.errors["delete"] = OfflineError("The database is busy just now.")
    click(sheet.do_button)
    qtbot.waitUntil(lambda: "busy just now" in words(sheet) and sheet.height() > before)
    click(button(sheet, "Try again"))
    qtbot.waitUntil(lambda: bool(desk.called("delete")[1:]))


def test_below_the_settings_is_no_void(make_desk: MakeDesk, qtbot: QtBot) -> None:
    window = make_desk(busy).begin().window
    window.show_page("settings")
    qtbot.waitUntil(window.settings.keys.table.isVisible)
    inside = window.settings.inside
    qtbot.waitUntil(lambda: inside.height() == wanted_height(inside))


def is_cut(choice: Choice) -> bool:
    """Asked anew each time."""
    return choice.elided


def test_a_name_that_is_too_long_for_its_box_ends_in_dots_and_is_whole_in_the_tooltip(
    qtbot: QtBot, theme: Theme
) -> None:
    choice = Choice(theme, "To")
    qtbot.addWidget(choice)
    choice.addItems(["Work", "Hospital rota – surgery & intensive care, weekdays"])
    choice.setFixedWidth(200)
    choice.show()
    assert not is_cut(choice)
    choice.setCurrentIndex(1)
    assert is_cut(choice)
    spot = choice.rect().center()
    QApplication.sendEvent(choice, QHelpEvent(QEvent.Type.ToolTip, spot, choice.mapToGlobal(spot)))
    assert QToolTip.text() == "<span>Hospital rota – surgery &amp; intensive care, weekdays</span>"
    choice.setFixedWidth(600)
    assert not is_cut(choice)


def test_the_overview_cuts_no_name_of_a_pair_while_there_is_room(make_desk: MakeDesk) -> None:
    overview = make_desk(busy).begin().window.overview
    for table, names in ((overview.pair_table, pair_model.PAIR), (overview.run_table, run_model.PAIR)):
        wanted, given = table.sizeHintForColumn(names), table.columnWidth(names)
        spare = [
            table.columnWidth(column) - table.sizeHintForColumn(column)
            for column in range(table.model().columnCount())
            if column != names and table.model().index(0, column).data() and not table.isColumnHidden(column)
        ]
        assert wanted <= given or max(spare) < 25, (table.accessibleName(), wanted, given, spare)


def test_every_entry_of_a_choice_is_seen_when_it_opens(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.show_page("pairs")
    click(desk.window.pairs.new_button)
    sheet = the(PairSheet, desk.window)
    click(sheet.more_button)
    for choice in [c for c in sheet.findChildren(Choice) if c.isVisible() and c.count() < 8]:
        choice.showPopup()
        view = choice.view()
        qtbot.waitUntil(view.isVisible)
        rows = sum(view.sizeHintForRow(row) for row in range(choice.count()))
        assert view.viewport().height() >= rows, f"{choice.accessibleName()}: the last entry is cut"
        choice.hidePopup()


def test_a_sheet_opens_over_the_middle_of_its_window_and_stays_on_the_screen(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.move(300, 200)
    sheet = desk.desktop.sheets.delete_pair(desk.core.known_pairs[0])
    qtbot.waitUntil(lambda: "36" in words(sheet))
    middle = desk.window.geometry().center() - sheet.geometry().center()
    assert abs(middle.x()) <= 2
    assert abs(middle.y()) <= 40, "what it grew by when its words came"
    sheet.reject()
    room = desk.window.screen().availableGeometry()
    desk.window.move(room.width() - 300, room.height() - 200)
    low = deleting(desk)
    qtbot.waitUntil(lambda: "36" in words(low))
    assert room.contains(low.geometry())


def test_a_window_is_never_larger_than_the_screen(make_desk: MakeDesk) -> None:
    window = make_desk(busy).begin().window
    room = window.screen().availableGeometry().size()
    window.take_size(QSize(5000, 4000))
    assert window.width() < room.width()
    assert window.height() < room.height()


def undoing(desk: Desk) -> Sheet:
    return desk.desktop.sheets.undo_run("sync_run_02")


def asking_why(desk: Desk) -> Sheet:
    return desk.desktop.sheets.why("team sync")


def previewing(desk: Desk) -> Sheet:
    return desk.desktop.sheets.preview(desk.core.known_pairs[0])


def editing(desk: Desk) -> Sheet:
    sheet = desk.desktop.sheets.edit_pair(desk.core.known_pairs[0])
    click(sheet.more_button)
    return sheet


def checking(desk: Desk) -> Sheet:
    return desk.desktop.sheets.checkup()


def reading_licences(desk: Desk) -> Sheet:
    return desk.desktop.sheets.licences()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (undoing, "2 of 3 can be undone"),
        (asking_why, "And 2 more dates."),
        (previewing, "Nothing was written."),
        (editing, "Fewer options"),
        (checking, "Check-up"),
        (reading_licences, "Licences"),
    ],
)
def test_a_sheet_is_never_larger_than_the_room_on_the_screen(
    make_desk: MakeDesk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, make: Callable[[Desk], Sheet], said: str
) -> None:
    desk = make_desk(busy).begin()
    room = QRect(0, 30, 1024, 530)
    monkeypatch.setattr(QScreen, "availableGeometry", lambda _screen: room)
    sheet = make(desk)
    qtbot.waitUntil(lambda: said in words(sheet) or any(said in b.text() for b in sheet.findChildren(QPushButton)))
    QApplication.processEvents()
    assert room.contains(sheet.frameGeometry()), sheet.frameGeometry()
    assert room.contains(sheet.cancel_button.mapToGlobal(sheet.cancel_button.rect().bottomRight()))


def test_what_happened_in_the_demo_is_said_to_its_end(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(demo).begin()
    said = "“Reminder: send the timesheets of the whole department before Friday noon” was moved by 45 minutes in Work."
    desk.window.demo_strip.happen.show_happened(Happened(said, None, online=True))
    label = desk.window.demo_strip.happen.said
    qtbot.waitUntil(lambda: label.height() >= label.heightForWidth(label.width()))


def test_the_search_of_a_run_stays_in_its_place_when_nothing_matches(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.activity.show_run("sync_run_02")
    desk.window.show_page("activity")
    story = desk.window.activity.details.story
    qtbot.waitUntil(lambda: story.isVisible() and story.total > 0)
    seen: list[QPoint] = []

    def at_rest() -> bool:
        """Whether the field was at one place for ten looks."""
        seen.append(story.search.mapTo(desk.window, story.search.rect().topLeft()))
        return len(seen) >= 10 and len(set(map(QPoint.toTuple, seen[-10:]))) == 1

    qtbot.waitUntil(at_rest)
    before = seen[-1]
    story.search.setText("no event is called so")
    qtbot.waitUntil(lambda: not story.table.isVisible())
    seen.clear()
    qtbot.waitUntil(at_rest)
    assert seen[-1] == before
