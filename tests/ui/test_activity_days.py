"""Activity by day, the days of the person's zone; and of pairs that are no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from pytestqt.qtbot import QtBot

from app.domain.pairs import Direction
from app.ui import time_words
from tests.ui.desk import Desk
from tests.ui.doubles import NOW, CoreDouble, busy

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def test_days_begin_and_end_at_midnight_of_the_persons_zone() -> None:
    now = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # half past midnight of the 21st in Berlin
    tick = timedelta(microseconds=1)
    assert time_words.days(0, 0, now) == (
        datetime(2026, 11, 20, 23, tzinfo=UTC),
        datetime(2026, 11, 21, 23, tzinfo=UTC) - tick,
    )
    assert time_words.days(1, 1, now)[1] == datetime(2026, 11, 20, 23, tzinfo=UTC) - tick
    assert time_words.days(6, 0, now)[0] == datetime(2026, 11, 14, 23, tzinfo=UTC)


def test_activity_can_be_narrowed_to_some_days(make_desk: MakeDesk, qtbot: QtBot) -> None:
    def core(profile: str) -> CoreDouble:
        made = busy(profile)
        ages = (0, 1, 3, 9)
        made.known_runs = [
            replace(run, created_at=NOW - timedelta(days=age)) for run, age in zip(made.known_runs, ages, strict=False)
        ]
        return made

    desk = make_desk(core).begin()
    desk.window.show_page("activity")
    page = desk.window.activity
    shown = page.table.model()
    qtbot.waitUntil(lambda: shown.rowCount() == 4)

    def shows(number: int) -> bool:
        return shown.rowCount() == number

    for days, number in (("Today", 1), ("Yesterday", 1), ("Last 7 days", 3), ("Any day", 4)):
        page.day_filter.setCurrentIndex(page.day_filter.findText(days))
        qtbot.waitUntil(partial(shows, number))
    page.day_filter.setCurrentIndex(page.day_filter.findText("Yesterday"))
    qtbot.waitUntil(lambda: shown.rowCount() == 1)
    page.clear_button.click()
    qtbot.waitUntil(lambda: shown.rowCount() == 4)


def test_runs_of_a_removed_pair_keep_its_name(make_desk: MakeDesk, qtbot: QtBot) -> None:
    def core(profile: str) -> CoreDouble:
        made = busy(profile)
        made.known_runs = [replace(made.known_runs[0], pair_id="pair_gone")]
        made.former_pairs = {"pair_gone": ("Home", Direction.B_TO_A, "Work")}
        return made

    desk = make_desk(core).begin()
    desk.window.show_page("activity")
    shown = desk.window.activity.table.model()
    qtbot.waitUntil(lambda: shown.rowCount() == 1)
    assert shown.index(0, 1).data() == "Work → Home (removed)"
    assert desk.window.activity.pair_filter.findText("Work → Home (removed)") > 0
