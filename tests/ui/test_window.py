"""The window over a core: first run, demo, commands, problems with their fixes, activity, closing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.domain.errors import ConflictError, OfflineError, StorageError
from app.domain.notices import Topic
from app.domain.pairs import PairState, PairStatus
from app.domain.runs import RunStatus, Trigger
from app.services.views import RollUp
from app.ui import menus, time_words
from app.ui.hold_sheet import HoldSheet
from app.ui.pair_buttons import PairButtons
from app.ui.pair_sheet import PairSheet
from app.ui.sign_in_sheet import SignInSheet
from app.ui.tray import Tray
from app.ui.widgets import IconButton
from tests.ui.desk import Desk
from tests.ui.doubles import NOW, CoreDouble, busy, calm, demo, empty
from tests.ui.hands import button, click, press, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def first_empty_then_demo(profile: str) -> CoreDouble:
    return demo() if profile == "demo" else empty()


def test_the_first_start_welcomes_and_offers_accounts_or_the_demo(make_desk: MakeDesk) -> None:
    window = make_desk(empty).begin().window
    assert window.welcome.isVisible()
    assert not window.sidebar.isVisible()
    assert window.welcome.connect_button.isVisible()
    assert window.welcome.demo_button.isVisible()


def test_one_click_starts_the_demo_and_one_leaves_it(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(first_empty_then_demo).begin()
    click(desk.window.welcome.demo_button)
    qtbot.waitUntil(desk.window.overview.isVisible)
    assert desk.window.demo_strip.isVisible()
    assert desk.starter.handles[0].stopped
    assert desk.core.profile == "demo"
    click(desk.window.demo_strip.leave_button)
    qtbot.waitUntil(desk.window.welcome.isVisible)
    assert not desk.window.demo_strip.isVisible()
    assert [handle.stopped for handle in desk.starter.handles] == [True, True, False]


def without_pairs(profile: str) -> CoreDouble:
    """Signed in, and nothing to sync yet; the demo beside it."""
    if profile == "demo":
        return demo()
    core = calm(profile)
    core.known_pairs, core.known_runs = [], []
    core.state, core.sentence = RollUp.NOTHING_TO_SYNC, "Nothing to sync yet."
    return core


@pytest.mark.parametrize("page", ["overview", "pairs", "activity"])
def test_where_there_is_no_pair_yet_one_can_be_made_or_the_demo_tried(
    make_desk: MakeDesk, qtbot: QtBot, page: str
) -> None:
    desk = make_desk(without_pairs).begin()
    desk.window.show_page(page)
    qtbot.waitUntil(lambda: "yet" in words(desk.window))
    click(button(desk.window, "Create a sync pair"))
    the(PairSheet, desk.window).reject()
    click(button(desk.window, "Try the demo"))
    qtbot.waitUntil(desk.window.demo_strip.isVisible)
    assert desk.core.profile == "demo"


def shown_buttons(window: QWidget) -> set[str]:
    """What the visible buttons say."""
    return {found.text().strip() for found in window.findChildren(QPushButton) if found.isVisible()}


def test_the_demo_does_not_offer_itself(make_desk: MakeDesk, qtbot: QtBot) -> None:
    def emptied(profile: str) -> CoreDouble:
        core = demo(profile)
        core.known_pairs, core.known_runs = [], []
        return core

    window = make_desk(emptied).begin().window
    for page in ("overview", "pairs", "activity"):
        window.show_page(page)
        qtbot.waitUntil(lambda: "Create a sync pair" in shown_buttons(window))
        assert "Try the demo" not in shown_buttons(window)


def test_sync_now_asks_for_all_pairs_by_hand(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    before = len(desk.core.known_runs)
    click(desk.window.overview.sync_button)
    qtbot.waitUntil(lambda: len(desk.core.known_runs) == before + 2)
    assert desk.called("request_all") == [("request_all", Trigger.MANUAL)]
    runs = desk.window.overview.run_table.model()
    qtbot.waitUntil(lambda: runs.index(0, 4).data() == "By hand")


def test_the_button_in_a_row_syncs_that_pair(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    buttons = desk.window.overview.pair_ends.of(1)
    assert isinstance(buttons, PairButtons)
    click(buttons.sync)
    qtbot.waitUntil(lambda: bool(desk.called("request")))
    assert desk.called("request") == [("request", "pair_2", Trigger.MANUAL)]


def test_pausing_a_pair_changes_its_row_and_its_button_resumes_it(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    desk.desktop.commands.pause_pair("pair_1")
    table = desk.window.overview.pair_table
    qtbot.waitUntil(lambda: table.model().index(0, 1).data() == "Paused")
    buttons = desk.window.overview.pair_ends.of(0)
    assert isinstance(buttons, PairButtons)
    sync = buttons.sync
    assert sync.accessibleName() == "Resume Private (Google) ⇄ Calendar (Microsoft)"
    click(sync)
    qtbot.waitUntil(lambda: table.model().index(0, 1).data() == "Up to date")
    assert [call[2] for call in desk.called("update")] == [PairStatus.PAUSED, PairStatus.ACTIVE]


def test_pausing_all_for_an_hour_says_until_when_and_offers_to_resume(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    overview = desk.window.overview
    desk.desktop.commands.pause_all(NOW + timedelta(hours=1))
    qtbot.waitUntil(overview.resume_button.isVisible)
    assert not overview.pause_button.isVisible()
    assert not overview.sync_button.isVisible()
    assert desk.desktop.feed.latest is not None
    assert menus.resume_text(desk.desktop.feed.latest.pairs) == "Resume syncing (paused until 15:04)"
    click(overview.resume_button)
    qtbot.waitUntil(overview.sync_button.isVisible)


def test_a_notice_of_the_core_is_seen_without_asking(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()

    def change(core: CoreDouble) -> None:
        core.state, core.sentence = RollUp.SYNCING, "Syncing Private ⇄ Calendar."
        core.change_pair("pair_1", PairState.SYNCING, PairStatus.ACTIVE)

    desk.ask(change)
    table = desk.window.overview.pair_table
    qtbot.waitUntil(lambda: table.model().index(0, 1).data() == "Syncing")
    assert desk.window.overview.sync_button.text().strip() == "Syncing…"


def test_a_burst_of_notices_is_answered_by_few_readings(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    before = len(desk.called("overall"))

    def burst(core: CoreDouble) -> None:
        for _ in range(200):
            core.notices.announce(Topic.RUN_PROGRESS, pair_id="pair_1")
        core.sentence = "The last word."
        core.notices.announce(Topic.RUN_FINISHED, pair_id="pair_1")

    desk.ask(burst)
    latest = desk.desktop.feed
    qtbot.waitUntil(lambda: latest.latest is not None and latest.latest.status.sentence == "The last word.")
    assert len(desk.called("overall")) - before <= 10


def test_a_command_that_fails_is_told_in_words_and_can_be_tried_again(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    desk.core.errors["request_all"] = OfflineError("Google cannot be reached.", fix="Check the connection.")
    click(desk.window.overview.sync_button)
    messages = desk.window.messages
    qtbot.waitUntil(messages.isVisible)
    click(button(messages, "Try again"))
    qtbot.waitUntil(lambda: len(desk.called("request")) == 2)
    assert not messages.isVisible()


def _has(things: list[object], number: int) -> bool:
    return len(things) == number


def test_the_same_failure_is_told_once(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    failures: list[object] = []
    desk.desktop._tasks.failed.connect(failures.append)
    for number in range(1, 4):
        desk.core.errors["request_all"] = ConflictError("Everything is paused.")
        desk.desktop.commands.sync_all()
        qtbot.waitUntil(partial(_has, failures, number))
    assert button(desk.window.messages, "Try again").accessibleName() == "Try again: Everything is paused."


def test_a_core_that_cannot_start_is_explained_and_can_be_tried_again(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm)
    desk.starter.refusals = [StorageError("The database is from a newer version.", fix="Install the newest version.")]
    start = desk.window.start
    desk.begin(hidden=True, until=lambda: start.again_button.isVisible())
    assert desk.window.isVisible(), "a person has to know, even if the app was started out of sight"
    click(start.again_button)
    qtbot.waitUntil(desk.window.overview.isVisible)


def test_a_core_that_fails_unforeseen_leaves_no_page_that_waits_for_ever(make_desk: MakeDesk) -> None:
    desk = make_desk(calm)
    desk.starter.refusals = [TypeError("inner text")]
    desk.begin(until=lambda: desk.window.start.again_button.isVisible())
    assert "did not expect (TypeError)" in words(desk.window.start)
    assert "inner text" not in words(desk.window.start)


def test_a_demo_that_cannot_start_leads_back(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(first_empty_then_demo).begin()
    desk.starter.refusals = [StorageError("The disk is full.")]
    click(desk.window.welcome.demo_button)
    qtbot.waitUntil(desk.window.start.back_button.isVisible)
    click(desk.window.start.back_button)
    qtbot.waitUntil(desk.window.welcome.isVisible)


def test_started_with_the_session_it_shows_no_window(make_desk: MakeDesk) -> None:
    desk = make_desk(calm).begin(hidden=True)
    assert not desk.window.isVisible()
    desk.desktop.show_window()
    assert desk.window.isVisible()


def test_a_held_pair_is_reviewed_and_its_copies_kept(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    click(button(desk.window, "Review"))
    sheet = the(HoldSheet, desk.window)
    qtbot.waitUntil(sheet.keep_button.isEnabled)
    told = [sheet.samples.item(row).text() for row in range(sheet.samples.count())]
    assert told[-3:] == [
        f"Project review with everyone · {time_words.day_and_time(NOW + timedelta(days=5), NOW)}",
        "(no title) · Thu 26 Nov 2026, all day",
        "and 38 more",
    ]
    click(sheet.keep_button)
    qtbot.waitUntil(lambda: bool(desk.called("reject")))
    assert desk.called("approve") == []


def test_approving_a_hold_names_the_number_that_was_shown(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    click(button(desk.window, "Review"))
    sheet = the(HoldSheet, desk.window)
    qtbot.waitUntil(sheet.do_button.isEnabled)
    desk.core.errors["approve"] = ConflictError("The number has changed.", code="count_changed")
    click(sheet.do_button)
    qtbot.waitUntil(lambda: len(desk.called("approve")) == 1 and sheet.do_button.isEnabled())
    click(sheet.do_button)
    qtbot.waitUntil(lambda: len(desk.called("approve")) == 2)
    assert desk.called("approve")[-1] == ("approve", "hold_1", 42)


def test_reconnect_signs_in_to_the_account_of_the_problem(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    click(button(desk.window, "Reconnect"))
    qtbot.waitUntil(lambda: bool(desk.opened_urls))
    assert desk.called("reconnect") == [("reconnect", "acct_w")]
    sheet = the(SignInSheet, desk.window)
    assert sheet.windowTitle() == "Sign in to Google as ana@northwind.example"


def test_activity_shows_runs_by_pages_and_the_story_of_one(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    activity = desk.window.activity
    desk.window.show_page("activity")
    qtbot.waitUntil(lambda: activity.table.model().rowCount() == 50)
    click(activity.older_button)
    qtbot.waitUntil(lambda: activity.table.model().rowCount() == 100)
    activity.table.selectRow(1)
    qtbot.waitUntil(activity.details.isVisible)
    story = activity.details.story.table.model()
    assert [story.index(row, 1).data() for row in range(3)] == [
        "Stand-up",
        "Zahnarzt Dr. Köhler 🦷",
        "<b>Budget</b> & planning",
    ]
    assert story.index(3, 0).data() == "Changed"


def test_activity_of_one_pair_shows_only_its_runs(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.overview.activity_wanted.emit("pair_5")
    table = desk.window.activity.table
    qtbot.waitUntil(lambda: desk.window.activity.isVisible() and table.model().rowCount() == 1)
    assert table.model().index(0, 1).data() == "Calendar → Work"


def test_activity_can_be_narrowed_to_a_result_and_widened_again(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    activity = desk.window.activity
    desk.window.show_page("activity")
    model = activity.table.model()
    qtbot.waitUntil(lambda: model.rowCount() == 50)
    activity.status_filter.setCurrentIndex(activity.status_filter.findData("failed"))
    qtbot.waitUntil(lambda: model.rowCount() == 1)
    assert model.index(0, 2).data() == "Failed"
    activity.status_filter.setCurrentIndex(activity.status_filter.findData("skipped"))
    qtbot.waitUntil(activity.clear_button.isVisible)
    click(activity.clear_button)
    qtbot.waitUntil(lambda: activity.table.isVisible() and model.rowCount() == 50)


def test_the_story_of_a_run_can_be_searched_and_is_whole_again_for_the_next(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.overview.run_wanted.emit("sync_run_02")
    details = desk.window.activity.details
    qtbot.waitUntil(details.isVisible)
    story = details.story
    model = story.table.model()
    story.search.setText("PRIVATE moved")
    assert [model.index(row, 1).data() for row in range(model.rowCount())] == ["Project review with the steering group"]
    story.search.clear()
    story.kind.setCurrentIndex(story.kind.findText("Left out"))
    assert [model.index(row, 1).data() for row in range(model.rowCount())] == ["Team lunch"]
    desk.window.activity.table.choose("sync_run_06")
    qtbot.waitUntil(lambda: model.rowCount() == 2)
    assert story.search.text() == ""


def test_a_skipped_run_says_why(make_desk: MakeDesk, qtbot: QtBot) -> None:
    def skipped(profile: str) -> CoreDouble:
        core = calm(profile)
        core.known_runs[0] = replace(core.known_runs[0], status=RunStatus.SKIPPED, reason="needs_sign_in")
        return core

    desk = make_desk(skipped).begin()
    desk.window.overview.run_wanted.emit(desk.core.known_runs[0].id)
    details = desk.window.activity.details
    qtbot.waitUntil(details.isVisible)
    assert "An account needs you to sign in again." in words(details)


def test_opening_a_run_of_the_overview_shows_its_details(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.overview.run_wanted.emit("sync_run_05")
    details = desk.window.activity.details
    qtbot.waitUntil(details.isVisible)
    assert details.run_id == "sync_run_05"
    assert desk.window.activity.table.chosen() == "sync_run_05"


def test_without_a_tray_closing_asks_once_and_the_answer_is_kept(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    assert not Tray.available(), "the offscreen platform has no tray"
    desk.window.close()
    box = the(QMessageBox, desk.window)
    keep = next(choice for choice in box.buttons() if choice.text() == "Keep syncing")
    click(keep)
    qtbot.waitUntil(lambda: not desk.window.isVisible())
    assert not desk.life.done()
    desk.desktop.show_window()
    desk.window.close()
    assert not desk.window.isVisible()
    assert desk.window.findChildren(QMessageBox) in ([], [box])


def test_without_a_tray_closing_may_quit_in_order(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    desk.window.close()
    box = the(QMessageBox, desk.window)
    click(next(choice for choice in box.buttons() if choice.text() == "Quit"))
    qtbot.waitUntil(desk.life.done)
    assert desk.starter.handles[0].stopped


def test_with_a_tray_closing_hides_and_says_the_first_time_where_the_app_goes_on(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(Tray, "available", staticmethod(lambda: True))
    desk = make_desk(calm).begin()
    desk.window.close()
    box = the(QMessageBox, desk.window)
    assert "goes on in the tray" in box.text()
    click(next(choice for choice in box.buttons() if choice.text() == "Close the window"))
    qtbot.waitUntil(lambda: not desk.window.isVisible())
    desk.desktop.show_window()
    desk.window.close()
    assert not desk.window.isVisible(), "the second time nothing is asked or said"
    assert not desk.life.done()


def test_what_closing_means_can_be_chosen_again_in_the_settings_and_the_notice_follows(
    make_desk: MakeDesk, qtbot: QtBot
) -> None:
    desk = make_desk(calm).begin()
    assert "asks whether to go on" in words(desk.window)
    desk.window.close()
    click(next(choice for choice in the(QMessageBox, desk.window).buttons() if choice.text() == "Keep syncing"))
    qtbot.waitUntil(lambda: not desk.window.isVisible())
    desk.desktop.show_window()
    assert "goes on syncing when you close this window" in words(desk.window)
    closing = desk.window.settings.closing
    assert closing.currentText() == "Keep syncing"
    closing.setCurrentIndex(closing.findText("Quit Kalends"))
    assert "it quits, and nothing syncs" in words(desk.window)
    desk.window.close()
    qtbot.waitUntil(desk.life.done)


@pytest.mark.parametrize("place", ["help", "settings"])
def test_kalends_can_be_quit_from_the_window(make_desk: MakeDesk, qtbot: QtBot, place: str) -> None:
    desk = make_desk(calm).begin()
    desk.window.show_page("settings")
    qtbot.waitUntil(desk.window.settings.quit_button.isEnabled)
    pressed = desk.window.show_help().quit_button if place == "help" else desk.window.settings.quit_button
    assert pressed.text() == "Quit Kalends"
    pressed.click()
    qtbot.waitUntil(desk.life.done)


def test_quitting_with_a_sheet_open_gives_the_sign_in_up_and_stops_in_order(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    click(button(desk.window, "Reconnect"))
    qtbot.waitUntil(lambda: bool(desk.opened_urls))
    desk.desktop.quit()
    qtbot.waitUntil(desk.life.done)
    assert desk.starter.handles[0].stopped


def test_the_note_about_the_missing_tray_is_read_once(make_desk: MakeDesk) -> None:
    window = make_desk(calm).begin().window
    assert "This desktop shows no status icons" in words(window)
    crosses = [cross for cross in window.findChildren(IconButton) if cross.accessibleName() == "Close this message"]
    click(next(cross for cross in crosses if cross.isVisible()))
    window.show_no_tray(True)
    assert "This desktop shows no status icons" not in words(window)


def test_the_keys_work(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(calm).begin()
    window = desk.window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    pages = (window.overview, window.pairs, window.accounts, window.activity, window.settings)
    for number, page in enumerate(pages):
        press(window, Qt.Key(Qt.Key.Key_1 + number), Qt.KeyboardModifier.ControlModifier)
        assert page.isVisible()
    press(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    press(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    assert window.settings.isVisible()
    press(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.overview.isVisible()
    press(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: bool(desk.called("request_all")))
    press(window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(desk.life.done)
