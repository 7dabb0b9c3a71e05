"""Hostile and broken events get a reason of their own or a copy as good as can be, and nothing else stops."""

# ruff: noqa: DTZ001 - wall times are naive by design: they belong to a zone that stands beside them.

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from app.domain.events import Event, EventKind, Fields, Recurrence
from app.domain.pairs import DirectionSettings
from app.domain.times import When
from app.providers.google.mapping import event_of
from tests.fakes.calendar import wall
from tests.fakes.engine_world import BLOCKER, FULL, World, meeting, weekly

MONDAY = date(2026, 11, 23)
MEGABYTE = 1_048_576
MERGED = DirectionSettings(merge_touching=True, buffer_before_minutes=30)


def series(*lines: str) -> Event:
    event = weekly("hostile")
    assert event.fields is not None
    return replace(event, fields=replace(event.fields, recurrence=Recurrence(lines)))


def single(start: datetime, end: datetime, zone: str | None = "Europe/Berlin", **more: str) -> Event:
    return Event("hostile", fields=Fields(When(start, end, zone), **{"title": "Hostile", **more}))  # type: ignore[arg-type]  # by name


NINE = datetime(2026, 11, 23, 9)
HOSTILE = {
    "a bomb of seconds": series("RRULE:FREQ=SECONDLY"),
    "a bomb that never matches": series("RRULE:FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30"),
    "an unreadable rule": series("RRULE:FREQ=NEVER;COUNT=x"),
    "many rules": series(*["RRULE:FREQ=DAILY"] * 50),
    "year 1": single(datetime(1, 1, 1), datetime(1, 1, 1, 1)),
    "year 9999": single(datetime(9999, 12, 31, 23), datetime(9999, 12, 31, 23, 59)),
    "from year 1 to 9999": single(datetime(1, 1, 1), datetime(9999, 12, 31)),
    "all days there are": Event(
        "hostile",
        kind=EventKind.SERIES,
        fields=Fields(When(date(1, 1, 1), date(1, 1, 2)), recurrence=Recurrence(("RRULE:FREQ=DAILY",))),
    ),
    "a negative duration": single(NINE, NINE - timedelta(hours=2)),
    "an unknown zone": single(NINE, NINE + timedelta(hours=1), zone="Mars/Olympus"),
    "half a surrogate pair": single(NINE, NINE + timedelta(hours=1), title="\ud800 \udfff", text="\udcff"),
    "control characters": single(NINE, NINE + timedelta(hours=1), title="a\x00b\u202ec", place="\x1b[31m"),
    "a megabyte of text": single(NINE, NINE + timedelta(hours=1), text="x" * MEGABYTE),
    "a megabyte of title": single(NINE, NINE + timedelta(hours=1), title="\u0141" * MEGABYTE),
}


@pytest.mark.parametrize("settings", [FULL, BLOCKER, MERGED], ids=["full", "blocker", "merged"])
@pytest.mark.parametrize("name", HOSTILE)
def test_one_hostile_event_gets_a_reason_or_a_copy_and_stops_no_other(name: str, settings: DirectionSettings) -> None:
    world = World(settings=settings)
    world.source.put(meeting("before", wall(MONDAY, 7)))
    world.source.put(HOSTILE[name])
    world.source.put(meeting("later", wall(MONDAY + timedelta(days=2), 15)))

    results = world.run_until_quiet()

    starts = {str(copy.fields.when.start) for copy in world.copies() if copy.fields is not None}
    shift = timedelta(minutes=settings.buffer_before_minutes)
    assert {str(wall(MONDAY, 7) - shift), str(wall(MONDAY + timedelta(days=2), 15) - shift)} <= starts
    copied = any(link.copy_key for link in world.ledger.links(world.direction.id, ["hostile"]))
    reasons = {link.reason for link in world.ledger.links(world.direction.id, ["hostile"])} - {""}
    assert copied or reasons
    assert not [error for result in results for error in result.errors]

    # It is no trouble later either: the good ones change as ever.
    event = world.source.events["before"]
    assert event.fields is not None
    world.source.put(replace(event, fields=replace(event.fields, when=event.fields.when.moved_to(wall(MONDAY, 6)))))
    world.run_until_quiet()
    assert str(wall(MONDAY, 6) - shift) in {str(c.fields.when.start) for c in world.copies() if c.fields is not None}


def test_ten_thousand_attendees_are_read_and_none_is_copied() -> None:
    guests = [{"email": f"guest{number}@example.com", "displayName": "G" * 100} for number in range(10_000)]
    item = {
        "id": "hostile",
        "etag": '"1"',
        "status": "confirmed",
        "summary": "Everybody",
        "start": {"dateTime": "2026-11-23T09:00:00Z"},
        "end": {"dateTime": "2026-11-23T10:00:00Z"},
        "updated": "2026-11-20T09:00:00Z",
        "attendees": guests,
    }
    event = event_of(item, "UTC")
    assert event.guests
    world = World(settings=FULL)
    world.source.put(event)
    world.run_until_quiet()
    (copy,) = world.copies()
    assert copy.fields is not None
    assert not copy.guests
    assert "guest1@example.com" not in repr(copy)
