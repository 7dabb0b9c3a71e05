"""Bad input through both adapters and a run: it gets a copy or a reason of its own, and the event beside it its copy.

What an adapter cannot read is refused as one item (`ProtocolError`) and by no other error; what it can read, a run ends
with (`reliability.md` E1, E2, E4, E5, E10).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.domain.errors import ProtocolError
from app.domain.events import Event
from app.engine.reasons import SENTENCES
from app.providers.google import mapping as google
from app.providers.microsoft import mapping as microsoft
from tests.fakes.calendar import wall
from tests.fakes.engine_world import FULL, MONDAY, ZONE, World, meeting

LISTED = replace(FULL, guests_in_text=True, window_back_days=4000, window_ahead_days=4000)
JsonItem = dict[str, Any]


def at_google(start: str = "2026-11-23T09:00:00+01:00", end: str = "2026-11-23T10:00:00+01:00", **more: Any) -> Event:
    item = {"id": "bad", "etag": '"1"', "status": "confirmed", "summary": "Bad", "iCalUID": "bad@x"}
    points = {"start": {"dateTime": start, "timeZone": ZONE}, "end": {"dateTime": end, "timeZone": ZONE}}
    return google.event_of({**item, **points, **more}, ZONE)


def google_days(first: str, last: str) -> Event:
    points = {"start": {"date": first}, "end": {"date": last}}
    return google.event_of({"id": "bad", "etag": '"1"', "summary": "Bad", **points}, ZONE)


def at_microsoft(start: str = "2026-11-23T08:00:00.0000000", end: str = "2026-11-23T09:00:00", **more: Any) -> Event:
    item = {"id": "bad", "@odata.etag": 'W/"1"', "type": "singleInstance", "subject": "Bad", "iCalUId": "bad@x"}
    points = {"start": {"dateTime": start, "timeZone": "UTC"}, "end": {"dateTime": end, "timeZone": "UTC"}}
    zones = {"originalStartTimeZone": "W. Europe Standard Time", "isAllDay": False, "showAs": "busy"}
    return microsoft.event({**item, **points, **zones, **more}, ZONE, marker_known=True)


def daily(**pattern: Any) -> JsonItem:
    whole = {"type": "daily", "interval": 1, **pattern}
    return {"pattern": whole, "range": {"type": "noEnd", "startDate": "2026-11-23", "recurrenceTimeZone": "UTC"}}


HALF = "half a pair \ud83d, NUL \x00, and a turn \u202e"
MEGABYTE = "long <b>&</b> " * 90_000
CROWD = 10_000

READABLE: dict[str, Callable[[], Event]] = {
    "google, year 1": lambda: at_google("0001-01-02T00:00:00+01:00", "0001-01-02T01:00:00+01:00"),
    "google, year 9999": lambda: at_google("9999-12-31T20:00:00+01:00", "9999-12-31T22:00:00+01:00"),
    "google, dates of year 1": lambda: google_days("0001-01-01", "0001-01-02"),
    "google, negative": lambda: at_google("2026-11-23T10:00:00+01:00", "2026-11-23T09:00:00+01:00"),
    "google, negative days": lambda: google_days("2026-11-23", "2026-11-20"),
    "google, half a character": lambda: at_google(summary=HALF, description=HALF, location=HALF),
    "google, a megabyte": lambda: at_google(summary=MEGABYTE, description=MEGABYTE, location=MEGABYTE),
    "google, a crowd": lambda: at_google(
        attendees=[{"email": f"g{n}@example.org", "displayName": f"{HALF} {n}"} for n in range(CROWD)]
    ),
    "google, every second": lambda: at_google(recurrence=["RRULE:FREQ=SECONDLY"]),
    "google, never": lambda: at_google(recurrence=["RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"]),
    "google, no rule": lambda: at_google(recurrence=["RRULE:FREQ=SOMETIMES;COUNT=x", "RDATE:nonsense"]),
    "google, odd members": lambda: at_google(
        attendees="many", organizer=[], reminders=7, extendedProperties={"private": 3}, colorId=[1], visibility=4
    ),
    "microsoft, year 1": lambda: at_microsoft("0001-01-01T00:00:00.0000000", "0001-01-01T01:00:00.0000000"),
    "microsoft, year 9999": lambda: at_microsoft("9999-12-30T22:00:00", "9999-12-30T23:59:59"),
    "microsoft, negative": lambda: at_microsoft("2026-11-23T10:00:00", "2026-11-23T09:00:00"),
    "microsoft, half a character": lambda: at_microsoft(
        subject=HALF, body={"contentType": "html", "content": HALF}, location={"displayName": HALF}
    ),
    "microsoft, a megabyte": lambda: at_microsoft(
        subject=MEGABYTE, body={"contentType": "html", "content": MEGABYTE}, location={"displayName": MEGABYTE}
    ),
    "microsoft, a crowd": lambda: at_microsoft(
        attendees=[{"emailAddress": {"name": f"{HALF} {n}", "address": f"g{n}@example.org"}} for n in range(CROWD)]
    ),
    "microsoft, no end of days": lambda: at_microsoft(type="seriesMaster", recurrence=daily()),
}

REFUSED: dict[str, Callable[[], Event]] = {
    "google, no id": lambda: at_google(id=None),
    "google, no start": lambda: at_google(start="soon"),
    "google, a day without an end": lambda: google_days("2026-11-23", ""),
    "google, day 32": lambda: at_google("2026-11-32T09:00:00Z"),
    "google, rules that are none": lambda: at_google(recurrence=[7]),
    "google, year 10000": lambda: at_google("10000-01-01T00:00:00Z"),
    "google, before year 1": lambda: at_google("0001-01-01T00:00:00+01:00", "0001-01-01T01:00:00+01:00"),
    "google, after year 9999": lambda: at_google("9999-12-31T23:00:00-12:00", "9999-12-31T23:59:00-12:00"),
    "microsoft, after year 9999": lambda: at_microsoft("9999-12-31T22:00:00", "9999-12-31T23:59:59"),
    "microsoft, no id": lambda: at_microsoft(id=None, start=None),  # type: ignore[arg-type]  # the point of it
    "microsoft, no start": lambda: at_microsoft("soon"),
    "microsoft, day 32": lambda: at_microsoft("2026-11-32T09:00:00"),
    "microsoft, year 10000": lambda: at_microsoft("10000-01-01T00:00:00"),
    "microsoft, an unknown pattern": lambda: at_microsoft(recurrence=daily(type="sometimes")),
    "microsoft, an endless interval": lambda: at_microsoft(recurrence=daily(interval="x")),
    "microsoft, an unknown type": lambda: at_microsoft(type="rumour"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_as_one_item_and_by_no_other_error(name: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        REFUSED[name]()
    assert refused.value.message


@pytest.mark.parametrize("name", READABLE)
def test_a_run_ends_with_a_copy_or_a_reason_for_it_and_a_copy_of_the_event_beside_it(name: str) -> None:
    world = World(settings=LISTED)
    bad = READABLE[name]()
    world.source.put(bad)
    world.source.put(meeting("good", wall(MONDAY, 12), title="Good"))
    result = world.run()
    assert not result.errors
    titles = [copy.fields.title for copy in world.copies() if copy.fields is not None]
    assert "Good" in titles
    reasons = {record.reason for record in result.actions if record.original_id == bad.id}
    copied = len(titles) > 1
    assert copied or (reasons and reasons <= SENTENCES.keys()), (reasons, titles)
    world.run_until_quiet()
