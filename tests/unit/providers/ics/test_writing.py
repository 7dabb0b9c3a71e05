"""What is written as iCalendar is read the same by other readers, and a snapshot comes back as it was."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from dateutil import tz

from app.domain.errors import InputError
from app.domain.events import Availability, Event, EventKind, Fields, Recurrence, Response, Visibility
from app.domain.snapshots import Detail, Head, Unit
from app.domain.times import When
from app.providers.ics.kept import read_kept
from app.providers.ics.writing import IcsText
from app.providers.ics.zone_text import zone_text


def at(month: int, day: int, hour: int) -> datetime:
    """A wall clock in 2026."""
    return datetime(2026, month, day, hour)  # noqa: DTZ001 - a wall clock


STAMP = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HEAD = Head("Work, life; and \\ more", "Europe/Berlin", STAMP, {"CALENDAR": "google:ana@example.com"})
NINE = When(at(3, 2, 9), at(3, 2, 10), "Europe/Berlin")
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
)


def written(*units: Unit, detail: Detail = Detail.KEPT) -> bytes:
    """A file with these units."""
    text = IcsText(HEAD, detail)
    pieces = [text.begin(), *(text.unit(unit, f"uid-{number}") for number, unit in enumerate(units)), text.end()]
    return "".join(pieces).encode()


def single(event_id: str = "one", when: When = NINE, **fields: Any) -> Event:
    """A single event."""
    return Event(event_id, fields=Fields(when, **fields))


def series(*lines: str, when: When = NINE, **named: Any) -> Event:
    """A series by these lines."""
    fields = Fields(when, "Stand-up", recurrence=Recurrence(lines))
    return Event("series", kind=EventKind.SERIES, fields=fields, **named)


def moved(original: datetime, start: datetime) -> Event:
    """An occurrence of the series that starts at another time."""
    when = When(start, start + timedelta(hours=1), "Europe/Berlin")
    return Event(
        "moved", kind=EventKind.EXCEPTION, series_id="series", original_start=original, fields=Fields(when, "Moved")
    )


def instants(data: bytes, first: date, last: date) -> list[tuple[datetime, str]]:
    """Start and title of what another reader finds in the file."""
    found = recurring_ical_events.of(icalendar.Calendar.from_ical(data)).between(first, last)
    return sorted((one["DTSTART"].dt.astimezone(UTC), str(one["SUMMARY"])) for one in found)


def test_an_independent_reader_expands_a_series_with_moved_and_cancelled_dates_as_it_was_meant() -> None:
    unit = Unit(
        series("RRULE:FREQ=WEEKLY;UNTIL=20260413T070000Z"),
        (moved(datetime(2026, 3, 9, 8, tzinfo=UTC), at(3, 10, 14)),),
        (at(3, 16, 9), at(4, 6, 9)),
    )
    assert instants(written(unit), date(2026, 3, 1), date(2026, 5, 1)) == [
        (datetime(2026, 3, 2, 8, tzinfo=UTC), "Stand-up"),
        (datetime(2026, 3, 10, 13, tzinfo=UTC), "Moved"),
        (datetime(2026, 3, 23, 8, tzinfo=UTC), "Stand-up"),
        (datetime(2026, 3, 30, 7, tzinfo=UTC), "Stand-up"),  # summer time
        (datetime(2026, 4, 13, 7, tzinfo=UTC), "Stand-up"),
    ]


@pytest.mark.parametrize(
    ("until", "when", "told"),
    [
        ("20260601T090000", NINE, "20260601T070000Z"),
        ("20260601T070000Z", NINE, "20260601T070000Z"),
        ("20260601", NINE, "20260601T215959Z"),
        ("20260601T235959Z", When(date(2026, 3, 2), date(2026, 3, 3)), "20260601"),
    ],
)
def test_the_end_of_a_rule_is_of_the_kind_that_its_start_asks_for(until: str, when: When, told: str) -> None:
    text = written(Unit(series(f"RRULE:FREQ=DAILY;UNTIL={until}", when=when))).decode()
    assert f"UNTIL={told}\r\n" in text


def test_every_file_is_a_calendar_whose_events_have_stamp_uid_and_known_zones() -> None:
    everything = (
        Unit(single("a", place="Room 1", text="One\nTwo", link="https://meet.example.com/x")),
        Unit(single("b", When(at(3, 2, 9), at(3, 2, 10), "America/New_York"))),
        Unit(single("c", When(date(2026, 3, 2), date(2026, 3, 4)))),
        Unit(series("RRULE:FREQ=WEEKLY;COUNT=3", "RDATE;TZID=Asia/Kolkata:20260501T100000")),
    )
    text = written(*everything).decode()
    calendar = icalendar.Calendar.from_ical(text)
    assert (calendar["VERSION"], calendar["PRODID"]) == ("2.0", "-//Kalends//Kalends//EN")
    events: list[Any] = list(calendar.walk("VEVENT"))
    assert len(events) == 4
    assert all(one["DTSTAMP"].dt == STAMP and one["UID"] and "DTSTART" in one for one in events)
    described = {str(one["TZID"]) for one in calendar.walk("VTIMEZONE")}
    named = {part.split("TZID=")[1].split(":")[0].split(";")[0] for part in text.split("\r\n") if ";TZID=" in part}
    assert described == named == {"Europe/Berlin", "America/New_York", "Asia/Kolkata"}
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


def test_each_zone_is_described_before_its_first_event_and_once() -> None:
    text = written(Unit(single("a")), Unit(single("b"))).decode()
    assert text.count("BEGIN:VTIMEZONE") == 1
    assert text.index("END:VTIMEZONE") < text.index("BEGIN:VEVENT")


@pytest.mark.parametrize("zone", ZONES)
def test_a_zones_description_has_every_change_of_its_clocks_at_the_right_moment(zone: str) -> None:
    text = f"BEGIN:VCALENDAR\r\n{zone_text(zone)}END:VCALENDAR\r\n".replace("\r\n", "\n")
    other = tz.tzical(io.StringIO(text)).get()
    info = ZoneInfo(zone)
    moment, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
    offset, changes = moment.astimezone(info).utcoffset(), 0
    while moment < end:
        wall = moment.astimezone(info)
        # Every hour around a change, else a few times a day.
        changed = wall.utcoffset() != offset
        changes += changed
        offset = wall.utcoffset()
        if not wall.fold:
            assert wall.replace(tzinfo=other).utcoffset() == offset, wall
        moment += timedelta(minutes=30) if changed or wall.month in (3, 4, 9, 10, 11) else timedelta(hours=12)
    assert (changes > 10) == (zone not in ("Asia/Kolkata", "Pacific/Apia"))


def test_a_zone_that_nobody_knows_costs_its_event_and_leaves_no_half_of_it() -> None:
    text = IcsText(HEAD, Detail.KEPT)
    with pytest.raises(ValueError, match="Mars/Base"):
        text.unit(Unit(replace(single(), fields=Fields(replace(NINE, zone="Mars/Base")))), "uid")
    with pytest.raises(ValueError, match="XRULE"):
        text.unit(Unit(series("XRULE:FREQ=DAILY")), "uid")
    assert "BEGIN:VTIMEZONE" in text.unit(Unit(single()), "uid")


def test_busy_tells_the_time_and_nothing_else() -> None:
    secret = single(
        "Salaries-id",
        title="Salaries",
        text="Salaries",
        html="<b>Salaries</b>",
        place="Salaries",
        link="https://example.com/Salaries",
        reminders=(5,),
    )
    text = written(Unit(replace(secret, categories=("Salaries",), ical_uid="Salaries")), detail=Detail.BUSY).decode()
    assert "Salaries" not in text
    event = icalendar.Calendar.from_ical(text).walk("VEVENT")[0]
    assert set(event) == {"UID", "DTSTAMP", "DTSTART", "DTEND", "TRANSP", "SUMMARY"}
    assert event["SUMMARY"] == "Busy"


@pytest.mark.parametrize("detail", [Detail.FULL, Detail.KEPT])
def test_no_text_can_add_a_property_or_a_guest(detail: Detail) -> None:
    evil = "x\r\nATTENDEE:mailto:eve@example.com\nEND:VEVENT\x00\x0b\ud800"
    fields: dict[str, Any] = {"title": evil, "text": evil, "place": evil, "link": evil, "colour": evil}
    data = written(Unit(replace(single(evil, **fields), ical_uid=evil, categories=(evil,))), detail=detail)
    calendar = icalendar.Calendar.from_ical(data)
    (event,) = calendar.walk("VEVENT")
    assert not {"ATTENDEE", "ORGANIZER", "METHOD"} & (set(event) | set(calendar))


@pytest.mark.parametrize(
    "event",
    [
        single("plain", title="Café; a, b\\n \\ c", text="One\nTwo\n\nThree", place="Room 1"),
        single("bare"),
        single(
            "html", text="hello", html="<p>hello</p>\n", link="https://a.example/x?a=1,2;3", reminders=(0, 10, 1440)
        ),
        single("default", reminders=None, colour="sage"),
        *(single(str(one), availability=one) for one in Availability),
        *(single(str(one), visibility=one) for one in Visibility if one is not Visibility.PUBLIC),
        replace(single("uid"), ical_uid="abc@example.com", categories=("One, two", "three")),
        replace(single("guests"), guests=True),
        replace(single("declined"), response=Response.DECLINED),
        single("days", When(date(2026, 3, 2), date(2026, 3, 4))),
        single("utc", When(at(3, 2, 9), at(3, 2, 9), "UTC")),
        series("RRULE:FREQ=MONTHLY;BYDAY=2MO;UNTIL=20270101T000000Z", "RDATE;TZID=Europe/Berlin:20260401T090000"),
    ],
    ids=lambda event: event.id,
)
def test_an_event_comes_back_from_a_snapshot_as_it_was(event: Event) -> None:
    read = read_kept(written(Unit(event)))
    assert read.unread == 0
    (unit,) = read.units
    assert unit.event == event
    assert (read.head.name, read.head.zone, read.head.notes) == (HEAD.name, HEAD.zone, HEAD.notes)


def test_a_series_comes_back_with_what_is_different_in_it() -> None:
    exception = moved(datetime(2026, 3, 9, 8, tzinfo=UTC), at(3, 10, 14))
    unit = Unit(series("RRULE:FREQ=WEEKLY"), (exception,), (at(3, 16, 9),))
    (back,) = read_kept(written(unit)).units
    # By the wall clock of the series, as occurrences are named inside it.
    assert back.exceptions == (replace(exception, original_start=at(3, 9, 9)),)
    assert back.cancelled == unit.cancelled
    assert back.id == "series"


def test_what_is_no_snapshot_is_refused_and_what_is_broken_in_one_costs_itself() -> None:
    with pytest.raises(InputError):
        read_kept(b"hello")
    with pytest.raises(InputError) as refused:
        read_kept(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n")
    assert refused.value.code == "no_snapshot"
    data = written(Unit(single("a", title="A")), Unit(single("b", title="B")))
    broken = data.replace(b"DTSTART;TZID=Europe/Berlin:20260302T090000", b"DTSTART:soon", 1)
    read = read_kept(broken)
    assert ([unit.id for unit in read.units], read.unread) == (["b"], 1)
