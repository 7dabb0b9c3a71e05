"""A person's `.ics` file: every component is an event or named with its reason, and times are those people see."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON
from tzlocal.windows_tz import win_tz

from app.domain.events import Availability, Event, EventKind
from app.domain.times import When
from app.providers.ics.reading import Unread, read_ics

BERLIN = "Europe/Berlin"
NINTH = datetime.combine(date(2026, 11, 9), time(9))
SERIES = """BEGIN:VEVENT
UID:s
DTSTART;TZID=Europe/Berlin:20261102T090000
DTEND;TZID=Europe/Berlin:20261102T100000
RRULE:FREQ=WEEKLY;COUNT=5
SUMMARY:Series
{more}
END:VEVENT
"""


def file(*components: str, head: str = "") -> bytes:
    text = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//a//b//EN\n" + head + "".join(components) + "END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def event(uid: str, *lines: str) -> str:
    return "\n".join(("BEGIN:VEVENT", f"UID:{uid}" if uid else "X-NO:UID", *lines, "END:VEVENT", ""))


def read(*components: str, head: str = "") -> tuple[list[Event], list[Unread]]:
    events, unread = read_ics(file(*components, head=head), BERLIN)
    return list(events), list(unread)


def whens(events: list[Event]) -> list[When]:
    return [one.fields.when for one in events if one.fields is not None]


def at(hour: int, day: int = 2, zone: str = BERLIN, *, hours: int = 1, floating: bool = False) -> When:
    start = datetime.combine(date(2026, 11, day), time(hour))
    return When(start, start + timedelta(hours=hours), zone, floating=floating)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["DTSTART:20261102T090000Z", "DTEND:20261102T100000Z"], at(9, zone="UTC")),
        (["DTSTART;TZID=Europe/Berlin:20261102T090000", "DURATION:PT1H"], at(9)),
        (["DTSTART:20261102T090000", "DTEND:20261102T100000"], at(9, floating=True)),
        (["DTSTART;TZID=Europe/Berlin:20261102T090000"], at(9, hours=0)),
        (["DTSTART;VALUE=DATE:20261102"], When(date(2026, 11, 2), date(2026, 11, 3))),
        (["DTSTART;VALUE=DATE:20261102", "DTEND;VALUE=DATE:20261102"], When(date(2026, 11, 2), date(2026, 11, 3))),
        (["DTSTART;VALUE=DATE:20261102", "DURATION:P2D"], When(date(2026, 11, 2), date(2026, 11, 4))),
        (["DTSTART;TZID=Europe/Berlin:20261102T090000", "DTEND;TZID=Europe/London:20261102T090000"], at(9)),
        (["DTSTART;TZID=W. Europe Standard Time:20261102T090000", "DURATION:PT1H"], at(9)),
        (["DTSTART;TZID=w. europe standard time:20261102T090000", "DURATION:PT1H"], at(9)),
        (["DTSTART;TZID=/mozilla.org/20070129_1/Europe/Berlin:20261102T090000", "DURATION:PT1H"], at(9)),
        (["DTSTART;TZID=/Europe/Berlin:20261102T090000", "DURATION:PT1H"], at(9)),
    ],
)
def test_times_are_wall_clocks_in_iana_zones(lines: list[str], expected: When) -> None:
    events, unread = read(event("a", *lines))
    assert (whens(events), unread) == ([expected], [])


@pytest.mark.parametrize("zone", ["America/New_York", "Eastern Standard Time"])
def test_floating_times_take_the_zone_that_the_file_names(zone: str) -> None:
    lines = ("DTSTART:20261102T090000", "DTEND:20261102T100000")
    events, _ = read(event("a", *lines), head=f"X-WR-TIMEZONE:{zone}\n")
    assert whens(events) == [at(9, zone="America/New_York", floating=True)]
    events, _ = read(event("a", *lines), head="X-WR-TIMEZONE:Nowhere/Atall\n")
    assert whens(events) == [at(9, floating=True)]


def test_a_zone_of_the_files_own_is_known_by_how_it_behaves() -> None:
    zone = """BEGIN:VTIMEZONE
TZID:Our Office
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""
    events, unread = read(zone, event("a", "DTSTART;TZID=Our Office:20261102T090000", "DURATION:PT1H"))
    (when,) = whens(events)
    assert unread == []
    assert when.start_instant("UTC").isoformat() == "2026-11-02T08:00:00+00:00"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["SUMMARY:no start"], "It has no start."),
        (["DTSTART:20261102T090000Z", "DTEND:20261102T080000Z"], "It ends before it starts."),
        (["DTSTART:20261102T090000Z", "DTEND;VALUE=DATE:20261103"], "Its start and end are not of the same kind."),
        (["DTSTART;TZID=Mars/Olympus:20261102T090000"], "Nobody knows the time zone “Mars/Olympus”."),
        (["DTSTART:20261102T090000Z", "DTSTART:20261103T090000Z"], "It has more than one DTSTART."),
        (["DTSTART:20261102T090000Z", "STATUS:CANCELLED"], "It is cancelled."),
        (["DTSTART:tomorrow"], "It cannot be read (DTSTART: "),
        (["DTSTART:20261102T090000Z", "RRULE:FREQ=NEVER"], "It cannot be read (RRULE: "),
        (["DTSTART:20261102T090000Z", "DURATION:P999999999999999999W"], "It cannot be read (DURATION: "),
        (["DTSTART:20261102T090000Z", "RDATE;VALUE=PERIOD:20261103T090000Z/PT1H"], "It repeats in periods"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_goes_on(lines: list[str], reason: str) -> None:
    events, unread = read(event("bad", *lines), event("good", "DTSTART:20261102T090000Z", "DURATION:PT1H"))
    assert [one.id for one in events] == ["good"]
    ((component, uid, said),) = [(one.component, one.uid, one.reason) for one in unread]
    assert (component, uid) == ("VEVENT", "bad")
    assert said.startswith(reason)


def test_other_components_are_named() -> None:
    todo = "BEGIN:VTODO\nUID:t\nEND:VTODO\n"
    _, unread = read(todo, "BEGIN:X-THING\nUID:x\nEND:X-THING\n")
    assert [(one.component, one.uid) for one in unread] == [("VTODO", "t"), ("X-THING", "x")]


def test_of_several_versions_of_an_event_the_newest_counts_wherever_it_stands() -> None:
    def version(number: int, title: str) -> str:
        return event("a", "DTSTART:20261102T090000Z", f"SEQUENCE:{number}", f"SUMMARY:{title}")

    events, unread = read(version(1, "old"), version(3, "newest"), version(2, "newer"))
    assert [one.fields.title for one in events if one.fields] == ["newest"]
    assert [one.reason for one in unread] == ["The file has a newer version of this event."] * 2


def test_an_event_that_was_cancelled_in_its_newest_version_is_not_copied() -> None:
    events, unread = read(
        event("a", "DTSTART:20261102T090000Z", "SEQUENCE:1"),
        event("a", "DTSTART:20261102T090000Z", "SEQUENCE:2", "STATUS:CANCELLED"),
    )
    assert events == []
    assert "It is cancelled." in [one.reason for one in unread]


def test_a_file_of_cancellations_copies_nothing() -> None:
    events, unread = read(event("a", "DTSTART:20261102T090000Z"), head="METHOD:CANCEL\n")
    assert (events, [one.reason for one in unread]) == ([], ["It is cancelled."])


def test_an_event_without_a_uid_is_read_and_is_the_same_the_next_time() -> None:
    lines = ("DTSTART:20261102T090000Z", "SUMMARY:No UID")
    first, unread = read(event("", *lines))
    again, _ = read(event("", *lines))
    assert unread == []
    assert [one.id for one in first] == [one.id for one in again]


# -- series ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "{}:20261109T080000Z",
        "{};TZID=Europe/Berlin:20261109T090000",
        "{};TZID=Europe/London:20261109T080000",
        "{};VALUE=DATE:20261109",
        "{}:20261109T090000",
    ],
)
def test_occurrences_are_named_on_the_wall_clock_of_their_series_however_the_file_says_it(name: str) -> None:
    (excluded,), _ = read(SERIES.format(more=name.format("EXDATE")))
    assert excluded.cancelled == (NINTH,)
    (added,), _ = read(SERIES.format(more=name.format("RDATE")))
    assert added.fields is not None
    assert added.fields.recurrence is not None
    assert added.fields.recurrence.lines[-1] == "RDATE;TZID=Europe/Berlin:20261109T090000"
    moved = event("s", name.format("RECURRENCE-ID"), "DTSTART;TZID=Europe/Berlin:20261109T110000", "DURATION:PT1H")
    # The exception first: files are not ordered.
    (series, exception), unread = read(moved, SERIES.format(more="X-NO:THING"))
    assert (exception.series_id, exception.original_start, exception.kind) == (series.id, NINTH, EventKind.EXCEPTION)
    assert unread == []


def test_dates_of_an_all_day_series_stay_dates() -> None:
    (series,), _ = read(
        event(
            "d",
            "DTSTART;VALUE=DATE:20261102",
            "RRULE:FREQ=DAILY;COUNT=5",
            "EXDATE:20261103T000000Z",
            "RDATE:20261120T000000Z",
        )
    )
    assert series.cancelled == (date(2026, 11, 3),)
    assert series.fields is not None
    assert series.fields.recurrence is not None
    assert series.fields.recurrence.lines[-1] == "RDATE;VALUE=DATE:20261120"


def test_a_cancelled_occurrence_needs_no_time_of_its_own() -> None:
    cancelled = event("s", "RECURRENCE-ID;TZID=Europe/Berlin:20261109T090000", "STATUS:CANCELLED")
    (_, occurrence), unread = read(SERIES.format(more="X-NO:THING"), cancelled)
    assert (occurrence.kind, occurrence.original_start) == (EventKind.CANCELLED, NINTH)
    assert unread == []


def test_a_change_of_this_and_all_that_follow_is_named() -> None:
    later = event(
        "s",
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261109T090000",
        "DTSTART;TZID=Europe/Berlin:20261109T110000",
    )
    events, unread = read(SERIES.format(more="X-NO:THING"), later)
    assert [one.kind for one in events] == [EventKind.SERIES]
    assert [one.reason for one in unread] == [
        "It changes an occurrence and all that follow, which no calendar service keeps."
    ]


def test_of_several_versions_of_an_occurrence_the_newest_counts() -> None:
    def version(number: int, hour: int) -> str:
        return event(
            "s",
            "RECURRENCE-ID;TZID=Europe/Berlin:20261109T090000",
            f"SEQUENCE:{number}",
            f"DTSTART;TZID=Europe/Berlin:20261109T{hour}0000",
            "DURATION:PT1H",
        )

    (_, occurrence), unread = read(SERIES.format(more="X-NO:THING"), version(2, 12), version(1, 11))
    assert whens([occurrence]) == [at(12, 9)]
    assert len(unread) == 1


def test_an_exception_without_its_series_stands_for_itself_and_a_cancelled_one_is_named() -> None:
    events, unread = read(
        event("lone", "RECURRENCE-ID:20261109T090000Z", "DTSTART:20261109T110000Z", "DURATION:PT1H"),
        event("lone", "RECURRENCE-ID:20261116T090000Z", "DTSTART:20261116T110000Z", "STATUS:CANCELLED"),
    )
    assert [(one.kind, one.series_id) for one in events] == [(EventKind.SINGLE, None)]
    assert [one.reason for one in unread] == ["It cancels an occurrence of a series that is not in the file."]


def test_exceptions_of_a_cancelled_series_are_named() -> None:
    moved = event("s", "RECURRENCE-ID;TZID=Europe/Berlin:20261109T090000", "DTSTART;TZID=Europe/Berlin:20261109T110000")
    events, unread = read(SERIES.format(more="STATUS:CANCELLED"), moved)
    assert (events, len(unread)) == ([], 2)


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_bytes_are_read_in_the_encodings_that_calendars_come_in(encoding: str) -> None:
    data = file(event("a", "DTSTART:20261102T090000Z", "SUMMARY:Frühstück")).decode().encode(encoding)
    (one,), _ = read_ics(data, BERLIN)
    assert one.fields is not None
    assert one.fields.title == "Frühstück"


@pytest.mark.parametrize("data", [b"", b"\x00\xff" * 500, b"hello", b"<html>not found</html>", b"BEGIN:VEVENT\r\n"])
def test_a_file_that_is_no_calendar_is_one_named_component(data: bytes) -> None:
    events, unread = read_ics(data, BERLIN)
    assert (list(events), [one.component for one in unread]) == ([], ["VCALENDAR"])


def test_several_calendars_in_a_file_are_all_read_each_with_its_own_zone() -> None:
    lines = ("DTSTART:20261102T090000", "DURATION:PT1H")
    data = file(event("a", *lines), head="X-WR-TIMEZONE:America/New_York\n") + file(event("b", *lines))
    events, _ = read_ics(data, BERLIN)
    assert [when.zone for when in whens(list(events))] == ["America/New_York", BERLIN]


def test_a_file_that_was_cut_off_gives_what_is_whole_and_names_what_is_not() -> None:
    good = event("a", "DTSTART:20261102T090000", "DURATION:PT1H")
    whole = file(good, event("b", "DTSTART:20261103T090000Z", "SUMMARY:cut off"), head="X-WR-TIMEZONE:Asia/Tokyo\n")
    events, unread = read_ics(whole[: whole.index(b"SUMMARY:cut")], BERLIN)
    assert whens(list(events)) == [at(9, zone="Asia/Tokyo", floating=True)]
    assert [(one.component, one.uid) for one in unread] == [("VEVENT", "b")]


def test_a_second_calendar_that_was_cut_off_is_not_lost_without_a_word() -> None:
    data = file(event("a", "DTSTART:20261102T090000Z"))
    second = file(event("b", "DTSTART:20261102T090000Z"), event("c", "DTSTART:20261102T090000Z"))
    events, unread = read_ics(data + second[: second.index(b"UID:c") + 7], BERLIN)
    assert ([one.id for one in events], [one.uid for one in unread]) == (["a", "b"], ["c"])


def test_a_broken_zone_costs_its_own_component_only() -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Odd\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+5744\n"
        "TZOFFSETTO:+5744\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    events, unread = read(zone, event("a", "DTSTART:20261102T090000Z"), event("b", "DTSTART;TZID=Odd:20261102T090000"))
    assert [one.id for one in events] == ["a"]
    assert [one.component for one in unread] == ["VTIMEZONE", "VEVENT"]


def test_a_rule_that_would_never_end_is_read_without_being_walked() -> None:
    bomb = event("a", "DTSTART:20260101T000000Z", "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30")
    (one,), _ = read(bomb)
    assert one.kind is EventKind.SERIES


def test_the_largest_file_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.providers.ics.parsing.LARGEST_FILE_BYTES", 100)
    _, unread = read(event("a", "DTSTART:20261102T090000Z", "SUMMARY:" + "x" * 200))
    assert unread[0].reason.startswith("The file is larger than")


def test_what_outlook_says_of_availability_wins_and_doubled_texts_are_read_once() -> None:
    events, _ = read(
        event(
            "a",
            "DTSTART:20261102T090000Z",
            "TRANSP:OPAQUE",
            "X-MICROSOFT-CDO-BUSYSTATUS:OOF",
            "SUMMARY:one",
            "SUMMARY:two",
        )
    )
    assert events[0].fields is not None
    assert (events[0].fields.availability, events[0].fields.title) == (Availability.OUT_OF_OFFICE, "one")


def test_an_occurrence_that_a_later_version_of_its_series_excludes_is_gone() -> None:
    changed = event(
        "s",
        "RECURRENCE-ID;TZID=Europe/Berlin:20261109T090000",
        "DTSTART;TZID=Europe/Berlin:20261109T150000",
        "SEQUENCE:{}",
    )
    master = SERIES.format(more="EXDATE;TZID=Europe/Berlin:20261109T090000\nSEQUENCE:2")
    (series,), (skipped,) = read(master, changed.format(1))
    assert series.cancelled == (NINTH,)
    assert "later version" in skipped.reason
    assert len(read(master, changed.format(2))[0]) == 2


@pytest.mark.parametrize("name", sorted(win_tz))
def test_every_windows_zone_is_known_to_both_tables_or_to_one(name: str) -> None:
    both = {win_tz[name], WINDOWS_TO_OLSON.get(name, win_tz[name]), *({name} & {"UTC"})}
    (one,), unread = read(event("w", f"DTSTART;TZID={name}:20261102T090000", "DURATION:PT1H"))
    assert one.fields is not None
    assert one.fields.when.zone in both
    assert len({ZoneInfo(zone).utcoffset(NINTH) for zone in both}) == 1
    assert not unread
