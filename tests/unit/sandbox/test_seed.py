"""The demo's seed holds the variety it promises, on every day of the year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.sandbox.control.seeds import read_seed
from app.sandbox.seed import demo_seed
from app.sandbox.server import Sandbox
from app.sandbox.world import Clock

NOW = datetime(2026, 11, 20, 9, 24, tzinfo=UTC)


def work(now: datetime = NOW) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = demo_seed(now, 1)["accounts"][0]["calendars"][0]["events"]
    return events


def test_the_same_day_and_seed_give_the_same_events() -> None:
    assert demo_seed(NOW, 1) == demo_seed(NOW + timedelta(hours=5), 1)
    assert demo_seed(NOW, 1) != demo_seed(NOW, 2)


def test_about_forty_events_of_every_kind_lie_around_today() -> None:
    events = work()
    assert 38 <= len(events) <= 42
    assert {event.get("time_zone") for event in events} == {None, "Europe/Berlin", "America/New_York"}
    assert {"declined", "tentative", "accepted", "needsAction"} <= {event.get("response") for event in events}
    assert {"private", "confidential"} <= {event.get("visibility") for event in events}
    assert any(event.get("busy") == "free" for event in events)
    assert any(event.get("status") == "tentative" for event in events)
    assert any("html" in event for event in events)
    assert any(not event["title"].isascii() for event in events)
    assert any(event["start"] == event["end"] for event in events)
    assert {"workingLocation", "birthday"} <= {event.get("kind") for event in events}
    lengths = [date.fromisoformat(e["end"]) - date.fromisoformat(e["start"]) for e in events if e["all_day"]]
    assert timedelta(days=1) in lengths
    assert max(lengths) > timedelta(days=1)
    series = [event for event in events if "rrule" in event and not event["all_day"]]
    assert len({event["rrule"][0].partition(";BYDAY")[0] for event in series}) >= 3
    for kind in ("cancelled", "start"):
        assert sum(any(kind in row for row in event.get("exceptions", [])) for event in series) >= 3


@pytest.mark.parametrize(
    "day", ["2024-02-29", "2025-12-31", "2026-01-01", "2026-03-29", "2026-10-25", "2027-02-20", "2028-02-21"]
)
def test_every_day_makes_a_seed_that_both_services_take(day: str) -> None:
    moment = datetime.fromisoformat(f"{day}T10:00:00+00:00")
    sandbox = Sandbox(clock=Clock(lambda: moment))
    for provider in sandbox.providers:
        for account in sandbox.world.accounts.values():
            if account.provider == provider.name:
                for calendar in provider.calendars(account.email):
                    assert provider.list_events(calendar["id"])
    sandbox.close()


def test_the_demos_seed_is_of_the_form_that_a_file_must_have() -> None:
    accounts = read_seed(demo_seed(NOW, 1))["accounts"]
    assert [len(account["calendars"]) for account in accounts] == [2, 2]
    assert [event["title"] for event in accounts[0]["calendars"][0]["events"]] == [event["title"] for event in work()]
