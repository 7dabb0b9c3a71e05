"""The last runs of each pair as marks and in words, and what was written today."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.domain.runs import Counts, RunStatus
from app.services.views import RunMark
from app.ui import pair_model
from app.ui.marks import MARKS, Marks
from app.ui.strip import mark_at, paint_strip, run_strip_words
from app.ui.tables import STRIP
from app.ui.theme import LIGHT
from app.ui.words import Tone
from tests.ui.desk import Desk
from tests.ui.doubles import NOW, CoreDouble, busy, calm, run
from tests.ui.hands import words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


def test_the_words_count_what_the_marks_show_and_say_from_when_to_when() -> None:
    statuses = (RunStatus.SUCCESS, RunStatus.SUCCESS, RunStatus.FAILED)
    marks = [
        RunMark(status, NOW - timedelta(minutes=10 - place), f"run_{place}") for place, status in enumerate(statuses)
    ]
    said = run_strip_words(marks, NOW)
    assert said.startswith("Last 3 runs, today ")
    assert said.endswith(": 2 done, 1 failed.")
    assert run_strip_words(marks[-1:], NOW).startswith("Last run, today ")


def test_marks_differ_in_height_where_colours_do_not_tell_and_the_newest_are_kept(qtbot: QtBot) -> None:
    image = QImage(40, 20, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    paint_strip(painter, QRect(0, 0, 40, 20), [Tone.FAILED] * 5 + [Tone.OK] * 9 + [Tone.FAILED], LIGHT)
    painter.end()

    def height(place: int) -> int:
        return sum(image.pixelColor(place * 4 + 1, y).alpha() > 200 for y in range(20))

    assert [height(place) for place in range(10)] == [12] * 9 + [20]
    assert image.pixelColor(37, 10) == QColor(LIGHT.tone(Tone.FAILED).text)


def test_the_overview_shows_them_below_the_last_change(make_desk: MakeDesk) -> None:
    desk = make_desk(busy).begin()
    model = desk.window.overview.pair_table.model()
    cell = model.index(4, pair_model.LAST_CHANGE)
    assert cell.data(STRIP) == (Tone.ATTENTION,)
    assert "Last run, today" in cell.data(Qt.ItemDataRole.AccessibleTextRole)
    assert "1 on hold." in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert len(model.index(0, pair_model.LAST_CHANGE).data(STRIP)) == 30


@pytest.mark.parametrize(
    ("x", "width", "number", "mark"),
    [(0, 200, 30, 0), (5, 200, 30, 1), (119, 200, 30, 29), (120, 200, 30, None), (-1, 200, 30, None), (0, 40, 15, 5)],
)
def test_a_mark_is_found_where_it_is_painted(x: int, width: int, number: int, mark: int | None) -> None:
    assert mark_at(x, width, number) == mark


def test_a_click_on_a_mark_opens_that_run(make_desk: MakeDesk, qtbot: QtBot) -> None:
    desk = make_desk(busy).begin()
    table = desk.window.overview.pair_table
    cell = table.visualRect(table.model().index(0, pair_model.LAST_CHANGE))
    wanted = table.model().index(0, pair_model.LAST_CHANGE).data(MARKS)[27]
    marks = table.findChild(Marks)
    assert marks is not None
    height = next(y for y in range(cell.top(), cell.bottom()) if marks.at(QPoint(cell.left() + 12, y)) is not None)
    place = next(
        QPoint(x, height + 3)
        for x in range(cell.left(), cell.right())
        if (found := marks.at(QPoint(x, height + 3))) is not None and found.run_id == wanted.run_id
    )
    QTest.mouseMove(table.viewport(), place)
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    details = desk.window.activity.details
    qtbot.waitUntil(details.isVisible)
    assert details.run_id == wanted.run_id
    assert wanted.words.endswith(" A click opens this run.")


def test_a_click_beside_the_marks_only_chooses_the_row(make_desk: MakeDesk) -> None:
    desk = make_desk(busy).begin()
    table = desk.window.overview.pair_table
    cell = table.visualRect(table.model().index(0, pair_model.LAST_CHANGE))
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell.topLeft() + QPoint(20, 6))
    assert table.chosen() == "pair_1"
    assert desk.window.overview.isVisible()


def test_today_is_summed_up(make_desk: MakeDesk) -> None:
    def today(profile: str) -> CoreDouble:
        core = calm(profile)
        yesterday = run("y", "pair_1", at=NOW - timedelta(days=1), counts=Counts(5, 50))
        now = [run("a", "pair_1", counts=Counts(5, 3, 1)), run("b", "pair_2", counts=Counts(5, 0, 1, 2))]
        core.known_runs = [*now, yesterday]
        return core

    desk = make_desk(today).begin()
    assert "Today: 3 added · 2 changed · 2 removed" in words(desk.window.overview)
