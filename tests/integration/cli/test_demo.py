"""`kalends demo`, whole: set up, sign in twice, sync, and meet the same calendars the next time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.integration.cli.program import Program

COUNTS = ("events_created", "events_updated", "events_deleted")
ICS = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//test//EN\r
BEGIN:VEVENT\r
UID:good@example.com\r
DTSTAMP:20260101T000000Z\r
DTSTART:20260301T090000Z\r
DTEND:20260301T100000Z\r
SUMMARY:Dentist\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:bad@example.com\r
DTSTAMP:20260101T000000Z\r
SUMMARY:No start\r
END:VEVENT\r
END:VCALENDAR\r
"""


def test_the_demo_syncs_and_a_second_run_meets_the_same_calendars(kalends: Program) -> None:
    first = kalends("demo", "--headless", "--once", "--json")
    assert (first.code, first.err) == (0, "")
    answer = first.json
    assert set(answer) == {"pair_id", "connections", "sync", "imported", "api_url", "elapsed_seconds"}
    assert (answer["sync"]["success"], answer["sync"]["status"], answer["sync"]["errors"]) == (True, "success", [])
    assert answer["sync"]["events_created"] > 10
    assert {one["provider"] for one in answer["connections"]} == {"google", "microsoft"}
    assert all(one["sandbox"] for one in answer["connections"])
    assert (answer["imported"], answer["api_url"]) == ([], None)

    second = kalends("demo", "--headless", "--once", "--json")
    assert second.code == 0
    assert [second.json["sync"][name] for name in COUNTS] == [0, 0, 0]
    assert second.json["pair_id"] == answer["pair_id"]
    assert second.json["connections"][0]["id"] == answer["connections"][0]["id"]


def test_a_calendar_file_is_imported_and_what_cannot_be_read_is_named(kalends: Program, tmp_path: Path) -> None:
    good, bad = tmp_path / "mine.ics", tmp_path / "noise.ics"
    good.write_text(ICS, "utf-8")
    bad.write_bytes(b"\x00\xff no calendar")
    ended = kalends("demo", "--headless", "--once", "--ics", str(good), "--ics", str(bad), "--json")
    assert ended.code == 0
    first, second = ended.json["imported"]
    assert (first["file"], first["events"]) == (str(good), 1)
    assert [(one["component"], one["uid"]) for one in first["skipped"]] == [("VEVENT", "bad@example.com")]
    assert (second["file"], second["events"], len(second["skipped"])) == (str(bad), 0, 1)
    assert second["skipped"][0]["reason"]
    assert f"{good}: left out VEVENT bad@example.com: " in ended.err
    assert f"{bad}: left out " in ended.err


def test_a_calendar_file_of_which_nothing_can_be_used_is_a_failure_with_its_reason(
    kalends: Program, tmp_path: Path
) -> None:
    bad = tmp_path / "noise.ics"
    bad.write_text("hello", "utf-8")
    ended = kalends("demo", "--headless", "--once", "--ics", str(bad), "--json")
    assert (ended.code, ended.json["imported"][0]["events"], ended.json["sync"]["success"]) == (1, 0, True)
    assert f"Error: {bad}: there is no event in it that could be put into Work." in ended.err
    assert "it has no BEGIN:VCALENDAR" in ended.err


def test_a_calendar_file_that_is_not_there_starts_nothing(kalends: Program, tmp_path: Path) -> None:
    missing = tmp_path / "missing.ics"
    for path in (missing, tmp_path):
        ended = kalends("demo", "--headless", "--once", "--ics", str(path), "--json")
        assert ended.code == 2
        assert str(path) in ended.err
        assert not kalends.home.exists()


def test_without_once_it_goes_on_and_stops_within_five_seconds(kalends: Program) -> None:
    service = kalends.start("demo", "--headless", "--json")
    answer = json.loads(service.line("pair_id", stream="out"))
    assert answer["sync"]["success"] is True
    status = kalends("status", "--json")
    assert (status.code, status.err) == (0, "")
    assert (status.json["profile"], status.json["api_url"]) == ("demo", answer["api_url"])
    code, took = service.stop()
    assert (code, len(service.said["out"])) == (0, 1)
    assert took < 5.0
    assert "Traceback" not in "".join(service.said["err"])


def test_the_demo_for_people_says_what_happened(kalends: Program) -> None:
    ended = kalends("demo", "--once", environ={"NO_COLOR": "1"})
    assert ended.code == 0
    assert "Work (Google) → Home (Microsoft): success" in ended.out
    assert "\x1b" not in ended.out + ended.err


def test_a_home_can_be_taken_elsewhere(kalends: Program, tmp_path: Path) -> None:
    assert kalends("demo", "--once", "--json").code == 0
    moved = Program(tmp_path / "moved")
    shutil.move(kalends.home, moved.home)
    again = moved("demo", "--once", "--json")
    assert [again.json["sync"][name] for name in COUNTS] == [0, 0, 0]
