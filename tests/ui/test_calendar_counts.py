"""What a run did in each calendar: told from its story, in its details and in what is copied of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.domain.runs import ActionResult, Verb
from app.services.views import RunView, RunWay
from app.ui.calendar_counts import by_calendar
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, action, busy, run
from tests.ui.hands import click, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]

THERE = RunWay("dir_1", "conn_w", "Work", "conn_h", "Home")
BACK = RunWay("dir_2", "conn_h", "Home", "conn_w", "Work")


def test_each_calendar_is_named_with_what_was_written_in_it_and_left_out_of_it() -> None:
    story = (
        action(0, Verb.CREATE, "Stand-up", ""),
        action(1, Verb.CREATE, "Review", ""),
        action(2, Verb.DELETE, "Lunch", ""),
        action(3, Verb.SKIP, "Dentist", ""),
        action(4, Verb.CREATE, "Board papers", "", ActionResult.FAILED),
        replace(action(5, Verb.UPDATE, "Piano", ""), direction_id="dir_2"),
        action(6, Verb.WRITE_BACK, "Swimming", ""),
    )
    told = by_calendar(RunView(run("1", "pair_1"), story, (THERE, BACK)))
    assert told == ("Home: 2 added, 1 removed, 1 failed", "Work: 2 changed, 1 left out")


def test_a_plan_says_what_would_be_done_and_what_stays_is_not_counted() -> None:
    story = (
        action(0, Verb.CREATE, "Stand-up", "", ActionResult.PLANNED),
        replace(action(1, Verb.SKIP, "Review", ""), reason="nothing_to_do"),
        action(2, Verb.HOLD, "Lunch", "", ActionResult.HELD),
    )
    assert by_calendar(RunView(run("1", "pair_1"), story, (THERE,))) == ("Home: 1 to add, 1 waiting for you",)


def test_two_calendars_of_one_name_are_told_apart_and_unknown_ones_are_left_unsaid() -> None:
    story = (
        action(0, Verb.CREATE, "Stand-up", ""),
        action(1, Verb.SKIP, "Dentist", ""),
        replace(action(2, Verb.CREATE, "Gone", ""), direction_id="dir_gone"),
    )
    same = replace(THERE, source_name="Calendar", target_name="Calendar")
    told = by_calendar(RunView(run("1", "pair_1"), story, (same,)))
    assert told == ("Calendar (1): 1 added", "Calendar (2): 1 left out")
    assert by_calendar(RunView(run("1", "pair_1"), story)) == ()


def test_the_details_of_a_run_and_its_copy_say_it(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    desk.window.overview.run_wanted.emit("sync_run_02")
    details = desk.window.activity.details
    qtbot.waitUntil(details.isVisible)
    assert "In each calendar:  Calendar: 3 added, 1 changed  ·  Private: 1 left out" in words(details)
    click(details.copy_button)
    assert "Calendar: 3 added, 1 changed\nPrivate: 1 left out\n" in QGuiApplication.clipboard().text()
