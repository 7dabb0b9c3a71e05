"""The log is read from its newest line on, over the files it was rotated into, and what is no line stops nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.errors import StorageError
from app.domain.log_lines import Level, LogQuery
from app.system.log import start_log
from app.system.log_reading import LogFiles, line_from, running_log_file
from app.system.redaction import Redactor

NOW = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)


def line(number: int, level: str = "info", **more: object) -> str:
    at = (NOW + timedelta(seconds=number)).isoformat()
    return json.dumps({"ts": at, "level": level, "event": f"event.{number}", "msg": "", "logger": "app", **more})


def write(file: Path, *lines: str) -> LogFiles:
    file.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    return LogFiles(file)


def events(files: LogFiles, query: LogQuery | None = None, limit: int = 100) -> list[str]:
    return [one.event for one in files.read(query or LogQuery(), limit).lines]


def test_lines_come_newest_first_over_all_files_and_say_whether_there_are_more(tmp_path: Path) -> None:
    write(tmp_path / "kalends.log.2", line(1), line(2))
    write(tmp_path / "kalends.log.1", line(3))
    files = write(tmp_path / "kalends.log", line(4), line(5))
    assert events(files) == ["event.5", "event.4", "event.3", "event.2", "event.1"]
    found = files.read(LogQuery(), 2)
    assert ([one.event for one in found.lines], found.more) == (["event.5", "event.4"], True)
    assert not files.read(LogQuery(), 5).more


def test_a_log_that_is_longer_than_a_block_is_read_whole_and_in_order(tmp_path: Path) -> None:
    long = [line(number, text="ü" * 997) for number in range(300)]
    files = write(tmp_path / "kalends.log", *long)
    assert events(files, limit=1000) == [f"event.{number}" for number in reversed(range(300))]


def test_what_is_no_line_is_passed_over(tmp_path: Path) -> None:
    files = write(tmp_path / "kalends.log", line(1), '{"ts": "2026-11', "[]", "3", "", '{"level": "info"}', line(2))
    assert events(files) == ["event.2", "event.1"]
    (tmp_path / "kalends.log").write_bytes(b"\xff\xfe broken\n" + line(3).encode() + b"\n" + line(4).encode()[:-3])
    assert events(files) == ["event.3"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (LogQuery(level=Level.WARNING), ["event.4", "event.3"]),
        (LogQuery(level=Level.DEBUG), ["event.5", "event.4", "event.3", "event.2", "event.1"]),
        (LogQuery(), ["event.4", "event.3", "event.2", "event.1"]),
        (LogQuery(pair_id="pair_1"), ["event.2"]),
        (LogQuery(account_id="acct_1"), ["event.3"]),
        (LogQuery(words=("GOOGLE", "expired")), ["event.4"]),
        (LogQuery(words=("google", "-expired")), ["event.1"]),
        (LogQuery(since=NOW + timedelta(seconds=3)), ["event.4", "event.3"]),
    ],
)
def test_lines_are_narrowed_by_level_pair_account_words_and_time(
    tmp_path: Path, query: LogQuery, wanted: list[str]
) -> None:
    files = write(
        tmp_path / "kalends.log",
        line(1, text="Google answered"),
        line(2, pair_id="pair_1"),
        line(3, "warning", account_id="acct_1"),
        line(4, "critical", text="google: expired"),
        line(5, "debug"),
    )
    assert events(files, query) == wanted


def test_a_line_says_all_it_says(tmp_path: Path) -> None:
    read = line_from(line(1, "error", msg="Lost.", run_id="sync_run_1", tries=3))
    assert read is not None
    assert (read.level, read.message, read.at) == (Level.ERROR, "Lost.", NOW + timedelta(seconds=1))
    assert read.fields == {"logger": "app", "run_id": "sync_run_1", "tries": "3"}


def test_no_log_is_no_lines_and_one_that_cannot_be_read_is_an_error_in_words(tmp_path: Path) -> None:
    assert events(LogFiles(tmp_path / "kalends.log")) == []
    (tmp_path / "kalends.log").mkdir()
    with pytest.raises(StorageError) as refused:
        LogFiles(tmp_path / "kalends.log").read(LogQuery(), 10)
    assert refused.value.code == "log_unreadable"


def test_what_this_process_writes_is_read_wherever_it_writes_it(tmp_path: Path) -> None:
    written = tmp_path / "elsewhere.log"
    log = start_log(written, Redactor())
    try:
        assert running_log_file() == written
        assert LogFiles(tmp_path / "kalends.log").file == written
    finally:
        log.close()
    assert LogFiles(tmp_path / "kalends.log").file == tmp_path / "kalends.log"
