"""A person's hands in the sandbox: files are put in once, whole where possible, and what is refused is named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.domain.accounts import Provider
from app.providers.ics.reading import read_ics
from app.sandbox.faults import SandboxInputError
from app.sandbox.server import Sandbox
from app.sandbox.visitor import Visitor

pytestmark = pytest.mark.anyio

FILE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//a//b//EN
BEGIN:VEVENT
UID:single
DTSTART:20261102T090000Z
SUMMARY:Single
END:VEVENT
BEGIN:VEVENT
UID:series
DTSTART;TZID=Europe/Berlin:20261102T090000
DTEND;TZID=Europe/Berlin:20261102T100000
RRULE:FREQ=WEEKLY;COUNT=4
SUMMARY:Series
END:VEVENT
BEGIN:VEVENT
UID:series
RECURRENCE-ID:20261109T080000Z
DTSTART:20261109T110000Z
DTEND:20261109T120000Z
SUMMARY:Moved
END:VEVENT
BEGIN:VEVENT
UID:series
RECURRENCE-ID;TZID=Europe/Berlin:20261116T090000
STATUS:CANCELLED
END:VEVENT
BEGIN:VEVENT
UID:series
RECURRENCE-ID;TZID=Europe/Berlin:20261117T090000
DTSTART;TZID=Europe/Berlin:20261117T110000
DTEND;TZID=Europe/Berlin:20261117T120000
SUMMARY:No such occurrence
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def calendar(sandbox: Sandbox) -> str:
    owner = Visitor(sandbox).email(Provider.GOOGLE)
    return str(sandbox.google.calendars(owner)[0]["id"])


def titled(sandbox: Sandbox, calendar: str, title: str) -> list[dict[str, object]]:
    return [row for row in sandbox.google.list_events(calendar) if row["title"] == title]


async def put(sandbox: Sandbox, calendar: str, content: str = FILE) -> tuple[int, list[str]]:
    events, unread = read_ics(content.encode(), "Europe/Berlin")
    assert list(unread) == []
    count, refused = await Visitor(sandbox).put(calendar, events)
    return count, [one.reason for one in refused]


async def test_a_series_keeps_its_moved_and_cancelled_occurrences_and_one_that_is_refused_is_named(
    sandbox: Sandbox, calendar: str
) -> None:
    count, refused = await put(sandbox, calendar)
    assert count == 2
    assert len(refused) == 1
    assert refused[0].startswith("Its occurrence of 2026-11-17T09:00:00: ")
    (series,) = titled(sandbox, calendar, "Series")
    assert series["exceptions"] == [
        {
            "original_start": "2026-11-09T09:00:00",
            "title": "Moved",
            "start": "2026-11-09T12:00:00",
            "end": "2026-11-09T13:00:00",
        },
        {"original_start": "2026-11-16T09:00:00", "cancelled": True},
    ]


async def test_the_same_file_again_doubles_nothing_even_after_changes_in_the_calendar(
    sandbox: Sandbox, calendar: str
) -> None:
    await put(sandbox, calendar)
    (single,) = titled(sandbox, calendar, "Single")
    sandbox.google.patch_event(calendar, str(single["id"]), {"title": "Renamed"})
    before = len(sandbox.google.list_events(calendar))
    assert await put(sandbox, calendar) == (2, [])
    assert len(sandbox.google.list_events(calendar)) == before


async def test_what_was_deleted_in_the_calendar_stays_deleted_and_is_named(sandbox: Sandbox, calendar: str) -> None:
    await put(sandbox, calendar)
    (single,) = titled(sandbox, calendar, "Single")
    sandbox.google.delete_event(calendar, str(single["id"]))
    assert await put(sandbox, calendar) == (1, ["It was put in before and deleted since; it stays deleted."])
    assert titled(sandbox, calendar, "Single") == []


async def test_two_events_of_one_title_and_time_are_two(sandbox: Sandbox, calendar: str) -> None:
    single = FILE.partition("BEGIN:VEVENT\nUID:series")[0]
    twice = single + single.partition("EN\n")[2].replace("UID:single", "UID:other") + "END:VCALENDAR\n"
    assert await put(sandbox, calendar, twice) == (2, [])
    assert len(titled(sandbox, calendar, "Single")) == 2


async def test_a_calendar_that_is_not_there_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxInputError):
        await Visitor(sandbox).put("nowhere", [])


async def test_a_page_that_refuses_ends_the_sign_in_with_its_status() -> None:
    sandbox = Sandbox()
    try:
        await sandbox.start()
        google = str(sandbox.description()["google"]["auth_uri"])
        with pytest.raises(SandboxInputError) as refused:
            await Visitor(sandbox).consent(f"{google}?client_id=nobody", "a@example.org")
        assert "answered 4" in str(refused.value)
    finally:
        await sandbox.stop()
