"""Every call a page or a sheet makes, failed once: a message in words with *Try again*, and nothing dead afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QAbstractButton, QDialog, QWidget
from pytestqt.qtbot import QtBot

import app.ui
from app.domain.accounts import Provider
from app.domain.errors import OfflineError
from app.domain.notices import Topic
from app.domain.pairs import CopiesOnDelete, PairStatus
from app.services.views import AttemptStatus
from app.ui.pair_buttons import PairButtons
from app.ui.sheet import Sheet
from app.ui.undo_sheet import UndoSheet
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy
from tests.ui.hands import button, click, the, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]

SENTENCE = "The database is busy just now."
UNEXPECTED = "Something happened that Kalends did not expect"


@dataclass(frozen=True)
class Place:
    """Where a failure is shown, what was pressed, and how it looks once it has worked.

    Args:
        messages: what holds the message.
        pressed: has to be alive again after the failure; None where nothing was pressed.
        worked: whether the second try has done it.
    """

    messages: QWidget
    pressed: QAbstractButton | None
    worked: Callable[[], bool]


Act = Callable[[Desk, QtBot], Place]


def in_window(desk: Desk, pressed: QAbstractButton | None, worked: Callable[[], bool]) -> Place:
    return Place(desk.window.messages, pressed, worked)


def called(desk: Desk, name: str) -> Callable[[], bool]:
    """Whether a call of this name has reached the core."""
    return lambda: bool(desk.called(name))


def closed(sheet: QDialog) -> Callable[[], bool]:
    """Whether a sheet has ended well; asked of a list, since the sheet itself may be gone by then."""
    ended: list[int] = []
    sheet.finished.connect(ended.append)
    return lambda: ended == [QDialog.DialogCode.Accepted]


# -- pages ------------------------------------------------------------------------------------------------------------


def read_settings(desk: Desk, qtbot: QtBot) -> Place:
    desk.window.show_page("settings")
    return in_window(desk, None, desk.window.settings.inside.isEnabled)


def settings_shown(desk: Desk, qtbot: QtBot) -> None:
    desk.window.show_page("settings")
    qtbot.waitUntil(desk.window.settings.inside.isEnabled)


def change_a_setting(desk: Desk, qtbot: QtBot) -> Place:
    settings_shown(desk, qtbot)
    tick = desk.window.settings.on_start
    click(tick)
    return in_window(desk, tick, lambda: not desk.core.preference_values.sync_on_start and not tick.isChecked())


def start_with_computer(desk: Desk, qtbot: QtBot) -> Place:
    settings_shown(desk, qtbot)
    switch = desk.window.settings.start.on
    click(switch)
    return in_window(desk, switch, lambda: not desk.core.starts.on and not switch.isChecked())


def read_activity(desk: Desk, qtbot: QtBot) -> Place:
    desk.window.show_page("activity")
    return in_window(desk, None, lambda: desk.window.activity.table.model().rowCount() > 0)


def narrow_activity(desk: Desk, qtbot: QtBot) -> Place:
    desk.window.show_page("activity")
    activity = desk.window.activity
    qtbot.waitUntil(lambda: activity.table.model().rowCount() > 0)
    activity.status_filter.setCurrentIndex(activity.status_filter.findData("failed"))
    return in_window(desk, None, lambda: activity.table.model().rowCount() == 1)


def read_the_log(desk: Desk, qtbot: QtBot) -> Place:
    desk.window.show_page("activity")
    desk.window.activity.show_log()
    return in_window(desk, None, lambda: desk.window.activity.log.table.model().rowCount() > 0)


def open_a_run(desk: Desk, qtbot: QtBot) -> Place:
    desk.window.overview.run_wanted.emit("sync_run_02")
    return in_window(desk, None, desk.window.activity.details.isVisible)


def test_an_account(desk: Desk, qtbot: QtBot) -> Place:
    desk.window.show_page("accounts")
    card = desk.window.accounts.cards["acct_g"]
    click(card.test_button)
    return in_window(desk, card.test_button, lambda: "It works" in words(desk.window.accounts.cards["acct_g"]))


test_an_account.__test__ = False  # type: ignore[attr-defined]  # an act of the table, named after what it does


def row(desk: Desk, pair_id: str) -> PairButtons:
    desk.window.show_page("pairs")
    return desk.window.pairs._buttons[pair_id]


def sync_a_pair(desk: Desk, qtbot: QtBot) -> Place:
    pressed = row(desk, "pair_1").sync
    click(pressed)
    return in_window(desk, pressed, called(desk, "request"))


def resume_a_pair(desk: Desk, qtbot: QtBot) -> Place:
    pressed = row(desk, "pair_6").sync
    click(pressed)
    return in_window(desk, pressed, lambda: desk.core.known_pairs[5].pair.status is PairStatus.ACTIVE)


def sync_all(desk: Desk, qtbot: QtBot) -> Place:
    pressed = desk.window.overview.sync_button
    click(pressed)
    return in_window(desk, pressed, called(desk, "request_all"))


def pause_all_until(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.pause_all_until()
    click(sheet.do_button)
    return in_window(desk, desk.window.overview.pause_button, called(desk, "pause_all"))


def resume_all(desk: Desk, qtbot: QtBot) -> Place:
    desk.desktop.commands.resume_all()
    return in_window(desk, None, called(desk, "resume_all"))


def hear_of_a_change(desk: Desk, qtbot: QtBot) -> Place:
    def rename(core: CoreDouble) -> None:
        core.sentence = "1 thing needs you."
        core.notices.announce(Topic.PAIR_CHANGED, pair_id="pair_1")

    desk.ask(rename)
    return in_window(desk, None, lambda: "1 thing needs you." in words(desk.window.overview))


# -- sheets -----------------------------------------------------------------------------------------------------------


def check_up(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.checkup()
    return Place(sheet, sheet.again_button, lambda: "The sign-in has ended." in words(sheet))


def ask_why(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.why("Dentist")
    return Place(sheet, sheet.ask_button, lambda: "It is private." in words(sheet))


def create_a_pair(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.new_pair()
    assert sheet is not None
    click(sheet.save_button)
    return Place(sheet, sheet.save_button, closed(sheet))


def look_ahead(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.new_pair()
    assert sheet is not None
    return Place(sheet.next_days, sheet.save_button, lambda: "12 events" in sheet.next_days.count.text())


def change_a_pair(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.edit_pair(desk.core.known_pairs[0])
    click(sheet.save_button)
    return Place(sheet, sheet.save_button, closed(sheet))


def preview(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.preview(desk.core.known_pairs[0])
    return Place(sheet, sheet.again_button, lambda: "3 to add" in words(sheet))


def count_copies(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.delete_pair(desk.core.known_pairs[0])
    return Place(sheet, sheet.do_button, lambda: "36" in sheet.count.text())


def delete_a_pair(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.delete_pair(desk.core.known_pairs[0])
    qtbot.waitUntil(lambda: "36" in sheet.count.text())
    sheet.choice.choose(CopiesOnDelete.REMOVE)
    click(sheet.do_button)
    return Place(sheet, sheet.do_button, closed(sheet))


def look_at_a_hold(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.review_hold("pair_5")
    return Place(sheet, sheet.later_button, sheet.keep_button.isEnabled)


def answer_a_hold(desk: Desk, qtbot: QtBot, *, remove: bool) -> Place:
    sheet = desk.desktop.sheets.review_hold("pair_5")
    qtbot.waitUntil(sheet.keep_button.isEnabled)
    pressed = sheet.do_button if remove else sheet.keep_button
    click(pressed)
    return Place(sheet, pressed, closed(sheet))


def make_a_key(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.new_key()
    sheet.label.setText("door display")
    click(sheet.make_button)
    return Place(sheet, sheet.make_button, sheet.copy_button.isVisible)


def revoke_a_key(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.revoke_key(desk.core.known_keys[0])
    click(sheet.do_button)
    return Place(sheet, sheet.do_button, closed(sheet))


def remove_an_account(desk: Desk, qtbot: QtBot) -> Place:
    desk.window.show_page("accounts")
    sheet = desk.desktop.sheets.remove_account(replace(desk.window.accounts.usages[0], pairs=()))
    click(sheet.do_button)
    return Place(sheet, sheet.do_button, closed(sheet))


def sign_out(desk: Desk, qtbot: QtBot) -> Place:
    desk.window.show_page("accounts")
    sheet = desk.desktop.sheets.sign_out(desk.window.accounts.usages[0])
    click(sheet.do_button)
    return Place(sheet, sheet.do_button, closed(sheet))


def stop_following(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.stop_following(desk.core.known_connections[2])
    click(sheet.do_button)
    return Place(sheet, sheet.do_button, closed(sheet))


def follow_again(desk: Desk, qtbot: QtBot) -> Place:
    desk.window.show_page("accounts")
    desk.window.accounts.follow_again(desk.core.known_accounts[0])
    return in_window(desk, None, lambda: "Choir" in words(desk.window.accounts))


def sign_in(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.connect_account()
    sheet.sign_in_to(Provider.GOOGLE)
    return Place(sheet, None, lambda: "Waiting for the sign-in" in words(sheet))


def sign_in_again(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.sheets.reconnect(desk.core.known_accounts[1])
    return Place(sheet, None, lambda: "Waiting for the sign-in" in words(sheet))


def give_a_sign_in_up(desk: Desk, qtbot: QtBot) -> Place:
    sheet = desk.desktop.connect_account()
    sheet.sign_in_to(Provider.GOOGLE)
    qtbot.waitUntil(lambda: bool(desk.opened_urls))
    sheet.reject()
    return in_window(desk, None, called(desk, "cancel"))


def undo_opened(desk: Desk, qtbot: QtBot) -> UndoSheet:
    desk.window.overview.run_wanted.emit("sync_run_02")
    details = desk.window.activity.details
    qtbot.waitUntil(details.isVisible)
    click(details.undo_button)
    return the(UndoSheet, desk.window)


def look_at_an_undo(desk: Desk, qtbot: QtBot) -> Place:
    sheet = undo_opened(desk, qtbot)
    return Place(sheet, None, sheet.undo_button.isEnabled)


def undo_a_run(desk: Desk, qtbot: QtBot) -> Place:
    sheet = undo_opened(desk, qtbot)
    qtbot.waitUntil(sheet.undo_button.isEnabled)
    click(sheet.undo_button)
    done = "Undone: 2 events changed back."
    return Place(sheet, sheet.undo_button, lambda: sheet.counts.text() == done and len(desk.called("undo")) == 1)


def save_the_settings(desk: Desk, qtbot: QtBot) -> Place:
    desk.desktop.sheets.save_settings(desk.folder / "kept.json")
    return in_window(desk, None, lambda: "Saved as kept.json." in words(desk.window.messages))


def restore_the_settings(desk: Desk, qtbot: QtBot) -> Place:
    file = desk.folder / "kept.json"
    file.write_text("{}", encoding="utf-8")
    sheet = desk.desktop.sheets.restore_settings(file)
    return Place(sheet, None, lambda: "1 sync pair restored" in words(sheet))


TABLE: dict[str, tuple[str, Act]] = {
    "reading the settings": ("preferences.get", read_settings),
    "reading the keys": ("keys.list", read_settings),
    "changing a setting": ("preferences.change", change_a_setting),
    "reading whether it starts with the computer": ("autostart.get", read_settings),
    "starting with the computer": ("autostart.change", start_with_computer),
    "reading the runs": ("history.runs", read_activity),
    "narrowing the runs": ("history.logs", narrow_activity),
    "reading the log": ("log.read", read_the_log),
    "opening a run": ("history.run", open_a_run),
    "testing an account": ("connections.test", test_an_account),
    "syncing a pair": ("sync.request", sync_a_pair),
    "resuming a pair": ("pairs.update", resume_a_pair),
    "syncing everything": ("sync.request_all", sync_all),
    "pausing everything": ("pairs.pause_all", pause_all_until),
    "resuming everything": ("pairs.resume_all", resume_all),
    "showing a change": ("status.overall", hear_of_a_change),
    "showing the pairs": ("pairs.list", hear_of_a_change),
    "showing the last runs": ("history.recent", hear_of_a_change),
    "summing today up": ("history.written_since", hear_of_a_change),
    "naming removed pairs": ("pairs.former", hear_of_a_change),
    "showing the accounts": ("connections.accounts", hear_of_a_change),
    "showing the calendars": ("connections.list", hear_of_a_change),
    "looking at everything": ("doctor.look", check_up),
    "asking why": ("why.explain", ask_why),
    "creating a pair": ("pairs.create", create_a_pair),
    "looking ahead": ("previews.look", look_ahead),
    "changing a pair": ("pairs.update", change_a_pair),
    "asking for a preview": ("sync.request", preview),
    "waiting for a preview": ("sync.wait", preview),
    "counting the copies": ("pairs.copies", count_copies),
    "deleting a pair": ("pairs.delete", delete_a_pair),
    "looking at a hold": ("holds.list", look_at_a_hold),
    "letting a hold go on": ("holds.approve", partial(answer_a_hold, remove=True)),
    "keeping what is held": ("holds.reject", partial(answer_a_hold, remove=False)),
    "making a key": ("keys.create", make_a_key),
    "saving the settings": ("settings_files.export", save_the_settings),
    "restoring the settings": ("settings_files.restore", restore_the_settings),
    "revoking a key": ("keys.revoke", revoke_a_key),
    "removing an account": ("connections.remove_account", remove_an_account),
    "signing out": ("connections.sign_out", sign_out),
    "letting a calendar go": ("connections.disconnect", stop_following),
    "following all calendars again": ("connections.follow_again", follow_again),
    "signing in": ("connections.begin", sign_in),
    "signing in again": ("connections.reconnect", sign_in_again),
    "waiting for a sign-in": ("connections.finish", sign_in),
    "giving a sign-in up": ("connections.cancel", give_a_sign_in_up),
    "looking at an undo": ("undo.look", look_at_an_undo),
    "undoing a run": ("undo.start", undo_a_run),
    "waiting for an undo": ("sync.wait", undo_a_run),
}

ELSEWHERE = {
    "demo.happen": "only the demo's strip asks for it; tested with its menu",
    "sync.interrupt": "a run is stopped from the overview and from a pair's menu; tested with the progress of runs",
}
"""Calls that have their test in another place."""


def fail_once(core: CoreDouble, call: str, error: Exception) -> None:
    """Let the next call of a service fail, as it would on the core's thread."""
    name = call.split(".")[0]
    service = getattr(core, name) if hasattr(core, name) else getattr(core.questions, name)
    name = call.split(".")[1]
    works = getattr(service, name)
    errors = [error]

    def failing(*values: Any, **named: Any) -> Any:
        if errors:
            raise errors.pop()
        return works(*values, **named)

    setattr(service, name, failing)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(OfflineError(SENTENCE), SENTENCE), (ValueError("what nobody foresaw"), UNEXPECTED)],
    ids=["told", "unforeseen"],
)
@pytest.mark.parametrize("what", TABLE)
def test_a_failing_call_is_a_message_with_try_again_and_no_dead_button(
    make_desk: MakeDesk, qtbot: QtBot, what: str, error: Exception, sentence: str
) -> None:
    call, act = TABLE[what]
    desk = make_desk(busy).begin()
    qtbot.waitUntil(called(desk, "autostart"))  # asked at the start already: what fails is what is asked from here on
    fail_once(desk.core, call, error)
    place = act(desk, qtbot)
    qtbot.waitUntil(lambda: sentence in words(place.messages))
    assert "nobody foresaw" not in words(place.messages), "an exception's own text is for the log"
    again = button(place.messages, "Try again")
    assert again.isEnabled()
    assert place.pressed is None or place.pressed.isEnabled()
    assert not place.worked()
    if isinstance(place.messages, Sheet):
        assert place.messages.cancel_button.isEnabled()
    click(again)
    qtbot.waitUntil(place.worked)


def test_the_table_has_every_call_that_pages_and_sheets_make() -> None:
    made = set()
    for path in Path(app.ui.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        made |= {f"{service}.{name}" for service, name in re.findall(r"\bcore\.(\w+)\.(\w+)\b", text)}
        made |= {f"{service}.{name}" for service, name in re.findall(r"\bcore\.questions\.(\w+)\.(\w+)\b", text)}
        made |= {f"{service}.{name}" for service, name in re.findall(r"partial\(core\.(\w+)\.(\w+)\b", text)}
    made -= {call for call in made if call.startswith(("notices.", "info.", "services.", "questions."))}
    assert made, "the walk finds the calls"
    assert made - {call for call, _act in TABLE.values()} == set(ELSEWHERE) & made


def test_a_sign_in_that_fails_while_the_browser_is_open_gives_its_attempt_up(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    fail_once(desk.core, "connections.finish", OfflineError(SENTENCE))
    sheet = desk.desktop.connect_account()
    sheet.sign_in_to(Provider.MICROSOFT)
    qtbot.waitUntil(lambda: SENTENCE in words(sheet))
    qtbot.waitUntil(lambda: desk.called("cancel") == [("cancel", "attempt_1")])
    click(button(sheet, "Try again"))
    qtbot.waitUntil(lambda: len(desk.opened_urls) == 2)
    ended: list[int] = []
    sheet.finished.connect(ended.append)
    desk.ask(lambda core: core.end_attempt(AttemptStatus.DONE))
    qtbot.waitUntil(lambda: ended == [1])


def test_a_hold_is_answered_once_even_if_what_comes_after_fails(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.review_hold("pair_5")
    qtbot.waitUntil(sheet.keep_button.isEnabled)
    done = closed(sheet)
    fail_once(desk.core, "holds.list", OfflineError(SENTENCE))
    click(sheet.keep_button)
    qtbot.waitUntil(lambda: SENTENCE in words(sheet))
    click(button(sheet, "Try again"))
    qtbot.waitUntil(done)
    assert desk.called("reject") == [("reject", "hold_1")]


# -- what is typed wrong ----------------------------------------------------------------------------------------------


def same_calendar(desk: Desk) -> tuple[QWidget, QAbstractButton, str]:
    sheet = desk.desktop.sheets.new_pair()
    assert sheet is not None
    sheet.source.choose("conn_1")
    sheet.target.choose("conn_1")
    return sheet, sheet.save_button, "This is the same calendar as on the other side. Choose another one."


def read_only_target(desk: Desk) -> tuple[QWidget, QAbstractButton, str]:
    sheet = desk.desktop.sheets.new_pair()
    assert sheet is not None
    sheet.target.choose("conn_6")
    return sheet, sheet.save_button, "“Holidays in Germany” is shared as view-only, so nothing can be copied into it."


def no_account(desk: Desk) -> tuple[QWidget, QAbstractButton, str]:
    assert desk.desktop.feed.latest is not None
    desk.desktop.feed.latest = replace(desk.desktop.feed.latest, connections=(), pairs=())
    sheet = desk.desktop.sheets.new_pair()
    assert sheet is not None
    return sheet, sheet.save_button, "No account is connected yet. Add one under Accounts first."


def pause_that_is_over(desk: Desk) -> tuple[QWidget, QAbstractButton, str]:
    sheet = desk.desktop.sheets.pause_all_until()
    sheet.moment.setDateTime(sheet.moment.dateTime().addDays(-30))
    return sheet, sheet.do_button, "Choose a moment that lies ahead."


def key_without_a_name(desk: Desk) -> tuple[QWidget, QAbstractButton, str]:
    sheet = desk.desktop.sheets.new_key()
    return sheet, sheet.make_button, "Give it a name, so that you know it again."


@pytest.mark.parametrize("wrong", [same_calendar, read_only_target, no_account, pause_that_is_over, key_without_a_name])
def test_what_cannot_be_used_is_said_in_place_and_asked_of_nobody(
    make_desk: MakeDesk, qtbot: QtBot, wrong: Callable[[Desk], tuple[QWidget, QAbstractButton, str]]
) -> None:
    desk = make_desk(busy).begin()
    qtbot.waitUntil(called(desk, "autostart"))
    before = list(desk.core.calls)
    sheet, save, reason = wrong(desk)
    click(save)
    assert reason in words(sheet)
    assert sheet.isVisible()
    assert save.isEnabled()
    assert desk.core.calls == before


def test_a_port_that_does_not_exist_is_refused_in_words(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    settings_shown(desk, qtbot)
    api = desk.window.settings.api
    api.port.setValue(70_000)
    api.port.editingFinished.emit()
    assert "There is no port 70000: ports go up to 65535." in words(api)
    assert desk.called("change") == []
    api.port.setValue(6000)
    api.port.editingFinished.emit()
    qtbot.waitUntil(lambda: desk.core.preference_values.api_port == 6000)
    qtbot.waitUntil(lambda: "There is no port" not in words(api))


def test_a_port_in_use_is_said_with_the_one_that_is_used_instead(make_desk: MakeDesk, qtbot: QtBot) -> None:
    def wanted_another(profile: str) -> CoreDouble:
        core = busy(profile)
        core.preference_values = replace(core.preference_values, api_port=5540)
        core.answers_at = 5545
        return core

    desk = make_desk(wanted_another).begin()
    settings_shown(desk, qtbot)
    said = words(desk.window.settings.api)
    assert "Port 5540 is used by another program, so it answers at port 5545 for now." in said


def test_syncing_goes_on_while_a_sheet_is_open(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    sheet = desk.desktop.sheets.new_pair()
    assert sheet is not None
    desk.desktop.commands.sync_pair("pair_1")
    qtbot.waitUntil(called(desk, "request"))
    feed = desk.desktop.feed
    qtbot.waitUntil(lambda: feed.latest is not None and feed.latest.runs[0].pair_id == "pair_1")
    assert sheet.isVisible()
