"""Sync pairs in the window: list, new, edit, preview, pause until, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import QDateTime
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QMenu
from pytestqt.qtbot import QtBot

from app.domain.errors import ConflictError, FieldError, InputError, OfflineError
from app.domain.pairs import (
    Conflict,
    CopiesOnDelete,
    CopyDeleted,
    CopyEdited,
    Direction,
    Mode,
    PairState,
    PairStatus,
    PrivateOriginals,
)
from app.services.views import NewPair, PairChange, PairView
from app.ui import menus
from app.ui.delete_sheet import DeleteSheet
from app.ui.menus import PairWish
from app.ui.pair_draft import FROM, TO
from app.ui.pair_sheet import PairSheet
from app.ui.pause_sheet import PauseSheet
from app.ui.preview_sheet import PreviewSheet
from tests.ui.desk import Desk
from tests.ui.doubles import NOW, CoreDouble, busy, calm
from tests.ui.hands import button, click, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def no_pairs(profile: str) -> CoreDouble:
    core = calm(profile)
    core.known_pairs, core.known_runs = [], []
    return core


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    made = make_desk(busy).begin()
    made.window.show_page("pairs")
    return made


@pytest.fixture
def new_sheet(desk: Desk) -> PairSheet:
    click(desk.window.pairs.new_button)
    return the(PairSheet, desk.window)


def edit_first(desk: Desk) -> PairSheet:
    desk.window.pairs.wished.emit(PairWish.EDIT, "pair_1")
    return the(PairSheet, desk.window)


def test_every_pair_is_listed_with_both_ends_and_its_state(desk: Desk) -> None:
    model = desk.window.pairs.table.model()
    row = [model.index(3, column).data() for column in range(5)]
    assert row == ["Work", "Calendar", "One way", "Sign in again", "in 8 min"]


def test_without_pairs_the_page_offers_the_first(make_desk: MakeDesk) -> None:
    desk = make_desk(no_pairs).begin()
    click(desk.window.overview.new_pair_button)
    the(PairSheet, desk.window).reject()
    desk.window.show_page("pairs")
    assert not desk.window.pairs.table.isVisible()
    click(desk.window.pairs.first_button)
    assert [sheet.isVisible() for sheet in desk.window.findChildren(PairSheet)][-1]


def test_a_pair_is_made_and_runs(desk: Desk, new_sheet: PairSheet, qtbot: QtBot) -> None:
    new_sheet.source.choose("conn_2")
    new_sheet.target.choose("conn_5")
    click(new_sheet.ways.buttons[True])
    click(new_sheet.modes.options[Mode.FULL])
    new_sheet.interval.setCurrentIndex(new_sheet.interval.findData(3600))
    click(new_sheet.save_button)
    qtbot.waitUntil(lambda: desk.window.pairs.table.model().rowCount() == 7)
    made = desk.called("create")[0][1]
    assert isinstance(made, NewPair)
    assert (made.connection_a_id, made.connection_b_id) == ("conn_2", "conn_5")
    assert (made.direction, made.mode) == (Direction.BIDIRECTIONAL, Mode.FULL)
    assert (made.status, made.interval_seconds) == (PairStatus.ACTIVE, 3600)


def test_a_pair_saved_without_syncing_is_paused_and_shows_what_it_would_do(
    desk: Desk, new_sheet: PairSheet, qtbot: QtBot
) -> None:
    assert new_sheet.later_button is not None
    click(new_sheet.later_button)
    qtbot.waitUntil(lambda: bool(desk.called("preview")))
    preview = the(PreviewSheet, desk.window)
    qtbot.waitUntil(preview.sync_button.isEnabled)
    assert preview.counts.text() == "3 to add · 0 to change · 0 to remove · 1 left out"
    assert "paused until you start it" in words(preview)
    assert desk.called("request") == []
    click(preview.sync_button)
    qtbot.waitUntil(lambda: any(call[2] is PairStatus.ACTIVE for call in desk.called("update")))


def test_the_options_are_asked_for_as_they_are_set(desk: Desk, new_sheet: PairSheet, qtbot: QtBot) -> None:
    click(new_sheet.more_button)
    options = new_sheet.options
    options.title_text.setText("Busy – {calendar}")
    assert "becomes “Busy – Private”" in words(new_sheet)
    options.private.setCurrentIndex(options.private.findData("skip"))
    click(options.filters.ticks["all_day"])
    options.filters.shorter.setValue(15)
    options.ahead.setValue(180)
    click(new_sheet.save_button)
    qtbot.waitUntil(lambda: bool(desk.called("create")))
    made = desk.called("create")[0][1]
    assert isinstance(made, NewPair)
    assert made.settings is not None
    assert made.settings.title == "Busy – {calendar}"
    assert made.settings.private_originals is PrivateOriginals.SKIP
    assert (made.settings.filters.all_day, made.settings.filters.shorter_than_seconds) == (True, 900)
    assert made.settings.filters.free is None, "nobody chose, so the mode decides"
    assert made.settings.window_ahead_days == 180


def test_the_time_of_busy_only_copies_is_asked_for_as_it_is_set(desk: Desk, new_sheet: PairSheet, qtbot: QtBot) -> None:
    click(new_sheet.more_button)
    shape = new_sheet.options.shape
    assert shape.isVisible()
    shape.before.setValue(10)
    shape.after.setValue(5)
    shape.minimum.setValue(30)
    click(shape.merge)
    click(new_sheet.save_button)
    qtbot.waitUntil(lambda: bool(desk.called("create")))
    made = desk.called("create")[0][1]
    assert isinstance(made, NewPair)
    settings = made.settings
    assert settings is not None
    assert (settings.buffer_before_minutes, settings.buffer_after_minutes) == (10, 5)
    assert (settings.minimum_minutes, settings.merge_touching) == (30, True)


def test_the_time_of_copies_is_offered_for_busy_only_pairs_alone(new_sheet: PairSheet) -> None:
    click(new_sheet.more_button)
    new_sheet.options.show_kind(Mode.FULL, both=False)
    assert not new_sheet.options.shape.isVisible()
    new_sheet.options.show_kind(Mode.BLOCKER, both=False)
    assert new_sheet.options.shape.isVisible()


def test_free_events_are_left_out_by_busy_only_and_copied_by_full_until_chosen(new_sheet: PairSheet) -> None:
    free = new_sheet.options.filters.ticks["free"]
    assert free.isChecked()
    click(new_sheet.modes.options[Mode.FULL])
    assert not free.isChecked()
    click(new_sheet.more_button)
    click(free)
    assert new_sheet.draft().settings.filters.free is True


@pytest.mark.parametrize(
    ("source", "target", "place", "reason"),
    [
        ("conn_1", "conn_1", TO, "same calendar"),
        ("conn_1", "conn_6", TO, "view-only"),
        (None, "conn_4", FROM, "Choose the calendar"),
    ],
)
def test_what_cannot_be_used_is_said_in_its_place_and_nothing_is_asked(
    desk: Desk, new_sheet: PairSheet, source: str | None, target: str, place: str, reason: str
) -> None:
    new_sheet.source.choose(source)
    new_sheet.target.choose(target)
    click(new_sheet.save_button)
    assert reason in new_sheet._fields[place].error
    assert new_sheet.isVisible()
    assert desk.called("create") == []
    new_sheet.source.choose("conn_1")
    new_sheet.target.choose("conn_5")
    assert new_sheet._fields[place].error == ""


def test_swapping_turns_the_pair_round(new_sheet: PairSheet) -> None:
    before = (new_sheet.source.chosen, new_sheet.target.chosen)
    click(new_sheet.swap_button)
    assert (new_sheet.target.chosen, new_sheet.source.chosen) == before


def test_a_refusal_of_the_core_stands_where_it_belongs(desk: Desk, new_sheet: PairSheet, qtbot: QtBot) -> None:
    desk.core.errors["create"] = ConflictError(
        "Another sync pair already copies from this calendar to that one.",
        code="direction_taken",
        details=[FieldError("pair_id", "pair_9")],
        fix="Change that pair, or delete it first.",
    )
    click(new_sheet.save_button)
    qtbot.waitUntil(lambda: "already copies" in new_sheet._fields[TO].error)
    assert "pair_9" not in words(new_sheet)
    desk.core.errors["create"] = InputError(
        "Too wide.", details=[FieldError("window_ahead_days", "The window is too wide; choose fewer days.")]
    )
    click(new_sheet.save_button)
    qtbot.waitUntil(lambda: "too wide" in words(new_sheet))
    assert new_sheet.options.isVisible(), "the field is unfolded, or nobody would see the reason"


def test_a_failing_call_is_said_in_the_sheet_and_can_be_tried_again(
    desk: Desk, new_sheet: PairSheet, qtbot: QtBot
) -> None:
    desk.core.errors["create"] = OfflineError("Google cannot be reached.")
    click(new_sheet.save_button)
    qtbot.waitUntil(new_sheet.messages.isVisible)
    assert new_sheet.save_button.isEnabled()
    click(button(new_sheet, "Try again"))
    qtbot.waitUntil(lambda: desk.window.pairs.table.model().rowCount() == 7)


def test_editing_keeps_the_calendars_and_asks_for_the_difference_only(desk: Desk, qtbot: QtBot) -> None:
    sheet = edit_first(desk)
    assert not sheet.source.isEnabled()
    click(sheet.ways.buttons[False])
    click(sheet.save_button)
    qtbot.waitUntil(lambda: bool(desk.called("update")))
    assert desk.called("update")[0][3] == PairChange(direction=Direction.A_TO_B)


def test_what_goes_by_a_change_is_said_before_and_saving_the_same_again_means_it(
    desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = edit_first(desk)
    click(sheet.ways.buttons[False])
    asked: list[int | None] = []
    pairs = desk.core.pairs
    update = pairs.update

    async def counting(pair_id: str, change: PairChange, *, expected: int | None = None) -> PairView:
        asked.append(expected)
        if expected != 2:
            details = [FieldError("expected", "2")]
            raise ConflictError("By this change 2 copies go: “A”, “B”.", code="count_changed", details=details)
        return await update(pair_id, change)

    monkeypatch.setattr(pairs, "update", counting)
    click(sheet.save_button)
    qtbot.waitUntil(lambda: "2 copies go" in words(sheet))
    assert "Save again" in words(sheet)
    click(sheet.save_button)
    qtbot.waitUntil(lambda: bool(desk.called("update")))
    assert asked == [0, 2]


def test_cancelling_asks_for_nothing(desk: Desk) -> None:
    sheet = edit_first(desk)
    click(sheet.modes.options[Mode.BLOCKER])
    click(sheet.cancel_button)
    assert not sheet.isVisible()
    assert desk.called("update") == []


def test_the_preview_lists_what_would_be_done_and_can_be_searched(desk: Desk, qtbot: QtBot) -> None:
    desk.window.pairs.wished.emit(PairWish.PREVIEW, "pair_1")
    sheet = the(PreviewSheet, desk.window)
    qtbot.waitUntil(lambda: sheet.list.total == 4)
    model = sheet.list.table.model()
    assert [model.index(row, 0).data() for row in range(4)] == ["Add", "Add", "Add", "Left out"]
    sheet.list.search.setText("lunch declined")
    assert [model.index(row, 1).data() for row in range(model.rowCount())] == ["Team lunch"]
    sheet.list.search.setText("no such thing")
    assert "Nothing matches." in words(sheet)
    assert desk.called("request") == [], "a preview asks for a dry run only"


def test_a_preview_that_fails_says_so_and_looks_again(desk: Desk, qtbot: QtBot) -> None:
    desk.core.errors["preview"] = OfflineError("Google cannot be reached.")
    desk.window.pairs.wished.emit(PairWish.PREVIEW, "pair_1")
    sheet = the(PreviewSheet, desk.window)
    qtbot.waitUntil(sheet.messages.isVisible)
    assert "could not be looked at" in sheet.counts.text()
    click(button(sheet, "Try again"))
    qtbot.waitUntil(lambda: sheet.list.total == 4)


def deleting(desk: Desk, qtbot: QtBot) -> DeleteSheet:
    desk.window.pairs.wished.emit(PairWish.DELETE, "pair_1")
    sheet = the(DeleteSheet, desk.window)
    qtbot.waitUntil(lambda: "36 copies" in sheet.count.text())
    return sheet


def test_deleting_keeps_the_copies_unless_told_otherwise(desk: Desk, qtbot: QtBot) -> None:
    click(deleting(desk, qtbot).do_button)
    qtbot.waitUntil(lambda: desk.window.pairs.table.model().rowCount() == 5)
    assert desk.called("delete") == [("delete", "pair_1", CopiesOnDelete.KEEP, None)]


def test_removing_copies_names_their_number_and_asks_again_when_it_changed(desk: Desk, qtbot: QtBot) -> None:
    sheet = deleting(desk, qtbot)
    click(sheet.choice.options[CopiesOnDelete.REMOVE])
    assert sheet.do_button.text() == "Delete pair and 36 copies"
    desk.core.known_copies["pair_1"] = 40
    desk.core.errors["delete"] = ConflictError("The number has changed.", code="count_changed")
    click(sheet.do_button)
    qtbot.waitUntil(lambda: sheet.do_button.text() == "Delete pair and 40 copies" and sheet.do_button.isEnabled())
    assert "has changed meanwhile" in sheet.count.text()
    click(sheet.do_button)
    qtbot.waitUntil(lambda: len(desk.called("delete")) == 2)
    assert desk.called("delete")[-1] == ("delete", "pair_1", CopiesOnDelete.REMOVE, 40)


def test_while_the_copies_are_not_counted_they_cannot_be_removed(desk: Desk, qtbot: QtBot) -> None:
    desk.core.errors["copies"] = OfflineError("The database is busy.")
    desk.window.pairs.wished.emit(PairWish.DELETE, "pair_1")
    sheet = the(DeleteSheet, desk.window)
    qtbot.waitUntil(sheet.messages.isVisible)
    click(sheet.choice.options[CopiesOnDelete.REMOVE])
    assert not sheet.do_button.isEnabled()
    click(button(sheet, "Try again"))
    qtbot.waitUntil(sheet.do_button.isEnabled)


def test_pausing_until_a_moment_that_is_over_is_refused_in_words(desk: Desk, qtbot: QtBot) -> None:
    desk.window.pairs.wished.emit(PairWish.PAUSE_UNTIL, "pair_1")
    sheet = the(PauseSheet, desk.window)
    sheet.moment.setDateTime(QDateTime.fromSecsSinceEpoch(int((NOW - timedelta(hours=1)).timestamp())))
    click(sheet.do_button)
    assert "lies ahead" in words(sheet)
    sheet.moment.setDateTime(QDateTime.fromSecsSinceEpoch(int((NOW + timedelta(hours=3)).timestamp())))
    click(sheet.do_button)
    qtbot.waitUntil(lambda: desk.window.pairs.table.model().index(0, 3).data() == "Paused until 17:04")


def test_the_menu_of_a_pair_offers_presets_of_a_pause_and_nothing_impossible(desk: Desk, qtbot: QtBot) -> None:
    wishes: list[tuple[PairWish, str]] = []
    menu = QMenu(desk.window)
    view = desk.core.known_pairs[0]
    menus.fill_pair(menu, view, desk.desktop.commands, lambda: NOW, lambda wish, key: wishes.append((wish, key)))
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert texts == [
        "Sync now",
        "Check everything again",
        "Pause",
        "Preview changes…",
        "Edit…",
        "Show activity",
        "Why is an event there, or not?…",
        "Duplicate…",
        "Copy id",
        "Copy as curl",
        "Delete…",
    ]
    pause = menu.actions()[2].menu()
    assert isinstance(pause, QMenu)
    assert [action.text() for action in pause.actions() if not action.isSeparator()][-1] == "Until…"
    pause.actions()[1].trigger()
    qtbot.waitUntil(lambda: desk.window.pairs.table.model().index(0, 3).data() == "Paused until 15:04")
    menu.actions()[-1].trigger()
    assert wishes == [(PairWish.DELETE, "pair_1")]
    paused = desk.core.known_pairs[0]
    assert paused.state is PairState.PAUSED
    menus.fill_pair(menu, paused, desk.desktop.commands, lambda: NOW, lambda *_: None)
    assert menu.actions()[0].text() == "Resume"


def test_a_pair_that_is_gone_meanwhile_opens_nothing(desk: Desk, qtbot: QtBot) -> None:
    before = len(desk.called("overall"))
    desk.desktop.sheets.open_for(PairWish.EDIT, "pair_99")
    qtbot.waitUntil(lambda: len(desk.called("overall")) > before)
    assert desk.window.findChild(PairSheet) is None


def test_originals_are_written_only_where_a_pair_goes_both_ways_and_shows_enough(
    desk: Desk, new_sheet: PairSheet, qtbot: QtBot
) -> None:
    options = new_sheet.options
    click(new_sheet.more_button)
    new_sheet.source.choose("conn_2")
    new_sheet.target.choose("conn_5")

    def allowed(choice: QComboBox, value: str) -> bool:
        model = choice.model()
        assert isinstance(model, QStandardItemModel)
        return model.item(choice.findData(value)).isEnabled()

    assert not allowed(options.edits.edited, "write_back"), "one way"
    click(new_sheet.ways.buttons[True])
    assert not allowed(options.edits.edited, "write_back"), "busy only"
    click(new_sheet.modes.options[Mode.FULL])
    assert allowed(options.edits.edited, "write_back")
    assert allowed(options.edits.deleted, "delete_original")
    assert not options.edits.conflict.isVisible()
    options.edits.edited.setCurrentIndex(options.edits.edited.findData("write_back"))
    options.edits.deleted.setCurrentIndex(options.edits.deleted.findData("delete_original"))
    assert options.edits.conflict.isVisible()
    assert "Editing a copy changes its original. Deleting a copy deletes its original." in words(new_sheet)
    options.edits.conflict.setCurrentIndex(options.edits.conflict.findData("keep_both"))
    click(new_sheet.save_button)
    qtbot.waitUntil(lambda: bool(desk.called("create")))
    made = desk.called("create")[0][1]
    assert isinstance(made, NewPair)
    assert made.settings is not None
    assert made.settings.copy_edited is CopyEdited.WRITE_BACK
    assert made.settings.copy_deleted is CopyDeleted.DELETE_ORIGINAL
    assert made.settings.conflict is Conflict.KEEP_BOTH


def test_what_a_pair_can_no_longer_do_is_taken_back_in_the_sheet(new_sheet: PairSheet) -> None:
    options = new_sheet.options
    click(new_sheet.ways.buttons[True])
    click(new_sheet.modes.options[Mode.FULL])
    options.edits.edited.setCurrentIndex(options.edits.edited.findData("write_back"))
    options.edits.deleted.setCurrentIndex(options.edits.deleted.findData("delete_original"))
    click(new_sheet.modes.options[Mode.DETAILS])
    assert (options.edits.edited.currentData(), options.edits.deleted.currentData()) == ("write_back", "stay_away")
    click(new_sheet.ways.buttons[False])
    assert options.edits.edited.currentData() == "restore"


def test_a_field_that_is_hidden_leaves_no_hole(desk: Desk) -> None:
    options = desk.desktop.sheets.edit_pair(desk.core.known_pairs[0]).options
    options.show()

    def places() -> list[tuple[int, int]]:
        grid = options.edits.grid
        found = [grid.getItemPosition(grid.indexOf(field)) for field in options.edits.shown_fields()]
        return [(place[0], place[1]) for place in found if isinstance(place, tuple)]

    assert places() == [(0, 0), (0, 1), (1, 0)]
    options.edits.edited.setCurrentIndex(options.edits.edited.findData("write_back"))
    assert places() == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_pair_that_may_change_originals_does_not_promise_to_leave_them(desk: Desk, qtbot: QtBot) -> None:
    view = desk.core.known_pairs[0]
    settings = replace(view.pair.settings, copy_edited=CopyEdited.WRITE_BACK)
    for pair, promised in ((view.pair, True), (replace(view.pair, settings=settings), False)):
        sheet = desk.desktop.sheets.preview(replace(view, pair=pair))
        qtbot.waitUntil(sheet.sync_button.isEnabled)
        assert ("Your own events are never touched." in words(sheet)) is promised
        sheet.reject()
