"""Several hundred files that made other calendar programs stumble: read, put into the sandbox, and put in again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import icalendar
import pytest
import recurring_ical_events

from app.domain.accounts import Provider
from app.domain.events import Event
from app.providers.ics.reading import read_ics
from app.sandbox.server import Sandbox
from app.sandbox.visitor import Visitor

pytestmark = pytest.mark.anyio

FILES = sorted(
    path for package in (icalendar, recurring_ical_events) for path in Path(str(package.__file__)).parent.rglob("*.ics")
)


def test_the_corpus_is_there() -> None:
    assert len(FILES) > 200


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_component_is_an_event_or_named(path: Path) -> None:
    data = path.read_bytes()
    events, unread = read_ics(data, "Europe/Berlin")
    assert all(one.reason and one.component for one in unread)
    components = _components(data)
    if components is None:
        assert events or unread
    else:
        assert len(events) + len(unread) == len(components)
    assert len({one.id for one in events}) == len(events)
    roots = {one.id for one in events if one.series_id is None}
    assert {one.series_id for one in events if one.series_id is not None} <= roots


async def test_the_sandbox_takes_or_refuses_by_name_and_nothing_is_put_in_twice() -> None:
    sandbox = Sandbox()
    try:
        visitor = Visitor(sandbox)
        owner = visitor.email(Provider.GOOGLE)
        calendar = str(sandbox.google.calendars(owner)[0]["id"])
        before = len(sandbox.google.list_events(calendar))
        taken = 0
        for path in FILES:
            events, _ = read_ics(path.read_bytes(), "Europe/Berlin")
            events = [_apart(event, path) for event in events]
            put, refused = await visitor.put(calendar, events)
            roots = [event for event in events if event.series_id is None]
            assert put <= len(roots)
            assert all(one.reason for one in refused)
            assert len(roots) - put <= len(refused)
            taken += put
        assert len(sandbox.google.list_events(calendar)) == before + taken
        assert taken > 300
        for path in FILES:
            events, _ = read_ics(path.read_bytes(), "Europe/Berlin")
            await visitor.put(calendar, [_apart(event, path) for event in events])
        assert len(sandbox.google.list_events(calendar)) == before + taken
    finally:
        sandbox.close()


def _components(data: bytes) -> list[icalendar.Component] | None:
    """What lies directly in the calendars of a file, by icalendar alone; None where it finds no whole calendar."""
    try:
        calendars = icalendar.Calendar.from_ical(data, multiple=True)
    except ValueError:
        return None
    if not calendars or any(calendar.name != "VCALENDAR" for calendar in calendars):
        return None
    return [one for calendar in calendars for one in calendar.subcomponents if one.name != "VTIMEZONE"]


def _apart(event: Event, path: Path) -> Event:
    """The files share UIDs; here each is a file of its own."""
    series = None if event.series_id is None else f"{path.stem} {event.series_id}"
    return replace(event, id=f"{path.stem} {event.id}", series_id=series)
