"""The log in the window: searched, narrowed, followed while nobody scrolls, opened, copied, exported."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.domain.log_lines import Level
from app.ui.log_panel import PER_PAGE, LogPanel
from tests.ui.desk import Desk
from tests.ui.doubles import CoreDouble, busy, log_line
from tests.ui.hands import button, click, words

MakeDesk = Callable[[Callable[[str], CoreDouble]], Desk]


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk(busy).begin()


@pytest.fixture
def log(desk: Desk, qtbot: QtBot) -> LogPanel:
    """The panel as a person opens it: Activity, then its other tab."""
    desk.window.show_page("activity")
    click(desk.window.activity.tabs.buttons["log"])
    panel = desk.window.activity.log
    qtbot.waitUntil(lambda: panel.table.model().rowCount() == 3)
    return panel


def cells(panel: LogPanel, row: int) -> list[str]:
    model = panel.table.model()
    return [str(model.index(row, column).data()) for column in range(model.columnCount())]


def test_the_log_of_today_is_shown_newest_first_with_what_each_line_is_about(desk: Desk, log: LogPanel) -> None:
    assert cells(log, 0) == ["14:04:27", "Info", "Private ⇄ Calendar", "run.finished  3 written, 1 left out"]
    assert cells(log, 2)[1] == "Error"
    assert "3 lines" in words(log)
    assert not desk.window.activity.pair_filter.isVisible()
    tabs, why = desk.window.activity.tabs, desk.window.activity.why_button
    places = tabs.geometry(), why.geometry()
    click(desk.window.activity.tabs.buttons["runs"])
    assert desk.window.activity.table.isVisible()
    assert not log.isVisible()
    arranged = desk.window.activity.layout()
    assert arranged is not None
    arranged.activate()
    assert (tabs.geometry(), why.geometry()) == places, "nothing jumps when one goes to and fro"


def test_words_levels_pairs_and_days_narrow_it_and_one_click_shows_all(desk: Desk, log: LogPanel, qtbot: QtBot) -> None:
    rows = log.table.model().rowCount
    log.search.setText("refused -demo")
    qtbot.waitUntil(lambda: rows() == 1)
    assert cells(log, 0)[3].startswith("auth.expired")
    log.search.setText("nothing says this")
    qtbot.waitUntil(log.clear_button.isVisible)
    click(log.clear_button)
    qtbot.waitUntil(lambda: rows() == 5)
    assert log.search.text() == ""
    log.level.setCurrentText("Errors")
    qtbot.waitUntil(lambda: rows() == 1)
    log.level.setCurrentText("All levels")
    log.pair.setCurrentIndex(log.pair.findData("pair_2"))
    qtbot.waitUntil(lambda: rows() == 1 and cells(log, 0)[1] == "Detail")
    log.pair.setCurrentIndex(0)
    log.account.setCurrentIndex(log.account.findData("acct_g"))
    qtbot.waitUntil(lambda: rows() == 1 and "http.retry" in cells(log, 0)[3])


def test_new_lines_appear_by_themselves_only_while_somebody_follows_and_looks(
    desk: Desk, log: LogPanel, qtbot: QtBot
) -> None:
    assert log._timer.isActive()
    desk.core.log_lines.insert(0, log_line(0, Level.INFO, "run.started"))
    log._timer.timeout.emit()
    qtbot.waitUntil(lambda: cells(log, 0)[3] == "run.started")
    log.follow.setChecked(False)
    assert not log._timer.isActive()
    log.follow.setChecked(True)
    desk.window.show_page("overview")
    assert not log._timer.isActive(), "nobody looks"


def test_scrolling_away_from_the_newest_lines_stops_following(desk: Desk, log: LogPanel, qtbot: QtBot) -> None:
    desk.core.log_lines[:0] = [log_line(1, Level.INFO, f"event.{number}") for number in range(PER_PAGE + 40)]
    log.read()
    qtbot.waitUntil(log.more_button.isVisible)
    assert f"The newest {PER_PAGE} lines" in words(log)
    log.table.verticalScrollBar().setValue(40)
    assert not log.follow.isChecked()
    click(log.more_button)
    qtbot.waitUntil(lambda: log.table.model().rowCount() == PER_PAGE + 43)
    assert not log.more_button.isVisible()


def test_the_chosen_line_says_everything_and_leads_to_its_run(desk: Desk, log: LogPanel, qtbot: QtBot) -> None:
    log.table.selectRow(2)
    assert log.details.isVisible()
    said = log.text.toPlainText()
    assert "event: auth.expired" in said
    assert "account_id: acct_w" in said
    click(log.run_button)
    details = desk.window.activity.details
    qtbot.waitUntil(details.isVisible)
    assert details.run_id == "sync_run_05"
    assert desk.window.activity.tabs.value == "runs"


def test_a_line_without_a_run_leads_nowhere(log: LogPanel) -> None:
    log.table.selectRow(1)
    assert log.details.isVisible()
    assert not log.run_button.isVisible()


def test_lines_are_copied_oldest_first_with_the_moment_first(log: LogPanel) -> None:
    click(log.copy_button)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 3
    assert lines[2] == ("2026-11-20 14:04:27.000+01:00  INFO  Private ⇄ Calendar  run.finished  3 written, 1 left out")


def test_lines_are_exported_as_csv_and_as_json_lines(log: LogPanel, tmp_path: Path, qtbot: QtBot) -> None:
    sheet, lines = tmp_path / "log.csv", tmp_path / "log.jsonl"
    log.export(sheet)
    log.export(lines)
    qtbot.waitUntil(lambda: lines.exists() and sheet.exists() and bool(lines.read_text("utf-8")))
    rows = list(csv.DictReader(io.StringIO(sheet.read_bytes().decode("utf-8"), newline="")))
    assert [row["event"] for row in rows] == ["auth.expired", "http.retry", "run.finished"]
    assert rows[2]["pair"] == "Private ⇄ Calendar"
    assert [json.loads(line)["event"] for line in lines.read_text("utf-8").splitlines()] == [
        row["event"] for row in rows
    ]


def test_an_export_that_cannot_be_written_says_so(desk: Desk, log: LogPanel, tmp_path: Path, qtbot: QtBot) -> None:
    log.export(tmp_path / "no such folder" / "log.csv")
    messages = desk.window.messages
    qtbot.waitUntil(lambda: "log.csv cannot be written" in words(messages))
    (tmp_path / "no such folder").mkdir()
    click(button(messages, "Try again"))
    qtbot.waitUntil((tmp_path / "no such folder" / "log.csv").exists)
