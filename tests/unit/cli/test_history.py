"""What a line of a run's story says to a person."""

from __future__ import annotations

from app.cli.history import action_row


def test_a_line_names_the_date_of_an_all_day_event_and_the_moment_of_another() -> None:
    line = {"action": "skip", "result": "done", "title": "Holiday", "sentence": "It is marked as free."}
    assert action_row({**line, "starts_at": "2026-11-18T00:00:00Z", "all_day": True})[2] == "2026-11-18"
    assert action_row({**line, "starts_at": "2026-11-18T09:00:00Z", "all_day": False})[2] == "2026-11-18T09:00:00Z"
    assert action_row({**line, "starts_at": None, "all_day": False})[2] == "-"
