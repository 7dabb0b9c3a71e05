"""Occurrences as three others see them: recurring-ical-events, the sandbox's own instances, and the time zone data.

Every change of the clocks of 2020–2035 in a fixed sample of zones, in all of them with `--full`; and every series in
the files that made other calendar programs stumble (`engine.md` §5).
"""

# ruff: noqa: DTZ001 - wall times are naive by design: they belong to a zone that stands beside them.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import icalendar
import pytest
import recurring_ical_events

from app.domain.errors import InputError
from app.domain.events import EventKind, Fields, Recurrence
from app.domain.links import Row, Seen
from app.domain.times import Moment, Span, When, to_utc
from app.engine.fingerprint import is_sub_daily
from app.engine.originals import Unit, assemble_all, occurrence_key
from app.providers.ics.reading import read_ics
from app.sandbox.recurrence import Series
from app.system.expansion import BoundedExpander

SAMPLE = (
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Tehran",
    "Asia/Gaza",
    "Asia/Amman",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Atlantic/Azores",
    "America/Scoresbysund",
)
"""Zones whose clocks change unlike each other: by half an hour, by two, at midnight, in Ramadan, backwards, no more."""
HOURS = (time(0, 30), time(2, 30), time(3, 0), time(9, 0), time(23, 45))
ZONE = "Europe/Berlin"
FILES = sorted(
    path for package in (icalendar, recurring_ical_events) for path in Path(str(package.__file__)).parent.rglob("*.ics")
)


@pytest.fixture(scope="module")
def expander() -> Iterator[BoundedExpander]:
    running = BoundedExpander(worker_seconds=10)
    yield running
    running.close()


def changes(zone: str) -> list[date]:
    """Local dates around which the offset of a zone changes, 2020 to 2035."""
    tz = ZoneInfo(zone)
    found = []
    day = datetime(2020, 1, 1, tzinfo=UTC)
    offset = day.astimezone(tz).utcoffset()
    while day.year < 2036:
        day += timedelta(days=1)
        now = day.astimezone(tz).utcoffset()
        if now != offset:
            found.append(day.astimezone(tz).date())
            offset = now
    return found


def by_ours(expander: BoundedExpander, start: datetime, zone: str, rule: str, span: Span) -> list[datetime]:
    fields = Fields(When(start, start + timedelta(hours=1), zone), recurrence=Recurrence((rule,)))
    walls = expander.occurrences(fields, span, "UTC")
    return [to_utc(wall, zone) for wall in walls]


def by_recurring_ical_events(start: datetime, zone: str, rule: str, span: Span) -> list[datetime]:
    event = icalendar.Event()
    event.add("uid", "one")
    event.add("dtstart", start.replace(tzinfo=ZoneInfo(zone)))
    event.add("duration", timedelta(hours=1))
    event.add("rrule", icalendar.vRecur.from_ical(rule.removeprefix("RRULE:")))
    calendar = icalendar.Calendar()
    calendar.add_component(event)
    found = recurring_ical_events.of(calendar).between(span.start, span.end)
    return sorted(one["DTSTART"].dt.astimezone(UTC) for one in found)


def by_the_sandbox(start: datetime, zone: str, rule: str, span: Span) -> list[datetime]:
    found = Series(start, ZoneInfo(zone), (rule,)).starts(span.start, span.end)
    return [moment.astimezone(UTC) for moment in found]


def agree(expander: BoundedExpander, zone: str) -> int:
    """Compare all three around each change of a zone's clocks; returns how many series were compared."""
    compared = 0
    for changed in changes(zone):
        for hour in HOURS:
            start = datetime.combine(changed - timedelta(days=3), hour)
            for rule in ("RRULE:FREQ=DAILY;COUNT=7", "RRULE:FREQ=WEEKLY;BYDAY=SU,MO;COUNT=4"):
                first = datetime.combine(changed - timedelta(days=6), time(), tzinfo=UTC)
                span = Span(first, first + timedelta(days=40))
                ours = by_ours(expander, start, zone, rule, span)
                where = f"{zone} {start} {rule}"
                assert ours == by_the_sandbox(start, zone, rule, span), where
                if "BYDAY" not in rule:
                    assert ours == by_recurring_ical_events(start, zone, rule, span), where
                    assert len(ours) == 7, where
                compared += 1
    return compared


@pytest.mark.parametrize("zone", SAMPLE)
def test_series_over_the_changes_of_the_clocks_are_as_others_see_them(expander: BoundedExpander, zone: str) -> None:
    agree(expander, zone)


@pytest.mark.full
def test_series_over_all_changes_of_all_zones_are_as_others_see_them(expander: BoundedExpander) -> None:
    assert sum(agree(expander, zone) for zone in sorted(available_timezones())) > 10_000


def test_the_sample_has_clocks_that_change() -> None:
    assert sum(len(changes(zone)) for zone in SAMPLE) > 300


def test_a_meeting_in_new_york_moves_in_berlin_while_only_one_of_them_changed_its_clocks(
    expander: BoundedExpander,
) -> None:
    start = datetime(2026, 3, 2, 9)
    span = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 10, tzinfo=UTC))
    found = by_ours(expander, start, "America/New_York", "RRULE:FREQ=WEEKLY", span)
    assert [moment.astimezone(ZoneInfo(ZONE)).hour for moment in found] == [15, 14, 14, 14, 15, 15]
    assert {moment.astimezone(ZoneInfo("America/New_York")).hour for moment in found} == {9}


def test_a_floating_series_takes_the_zone_of_its_calendar(expander: BoundedExpander) -> None:
    data = (
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:f\r\nDTSTAMP:20260101T000000Z\r\n"
        b"DTSTART:20260323T090000\r\nDTEND:20260323T100000\r\nRRULE:FREQ=WEEKLY;COUNT=2\r\nEND:VEVENT\r\n"
        b"END:VCALENDAR\r\n"
    )
    for zone, hours in (("Europe/Berlin", [8, 7]), ("Asia/Tokyo", [0, 0])):
        (event,), _ = read_ics(data, zone)
        assert event.fields is not None
        span = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
        starts = expander.occurrences(event.fields, span, zone)
        assert [to_utc(start, event.fields.when.zone or zone).hour for start in starts] == hours


# -- the files of others ---------------------------------------------------------------------------------------------

KNOWN = {
    "issue_117_until_before_dtstart": "its UNTIL lies before its start: the first start always counts, as at Google",
    "issue_253_additional_recurrence_id": "an exception of a date that the series, shortened later, no longer has",
}
"""Files of which the other view is not ours, and why."""


def instants(expander: BoundedExpander, unit: Unit, span: Span) -> list[datetime]:
    """Starts of everything a unit holds within a span."""
    fields = unit.fields
    assert fields is not None
    zone, sub_daily = fields.when.zone, is_sub_daily(fields)
    replaced = unit.cancelled.keys() | unit.exceptions.keys()
    found = [
        to_utc(start, zone or ZONE)
        for start in expander.occurrences(fields, span, ZONE)
        if occurrence_key(start, zone, sub_daily=sub_daily) not in replaced
    ]
    moved = [one.fields.when.start_instant(ZONE) for one in unit.exceptions.values() if one.fields is not None]
    return sorted([*found, *moved])


def judged(calendars: Sequence[icalendar.Component], uid: str, span: Span) -> list[datetime]:
    """The same by recurring-ical-events; what has no UID in the file has one made up by the reader."""
    known = "" if uid.startswith("no-uid-") else uid
    return sorted(
        _instant(one["DTSTART"].dt)
        for calendar in calendars
        for one in recurring_ical_events.of(calendar, skip_bad_series=True).between(span.start, span.end)
        if str(one.get("UID", "")) == known and str(one.get("STATUS", "")) != "CANCELLED"
    )


def _instant(moment: Moment) -> datetime:
    if not isinstance(moment, datetime):
        return to_utc(datetime.combine(moment, time()), ZONE)
    return moment.astimezone(UTC) if moment.tzinfo is not None else to_utc(moment, ZONE)


def units_of(path: Path) -> list[Unit]:
    """Series of a file, without those of which something was refused by name."""
    events, unread = read_ics(path.read_bytes(), ZONE)
    refused = {one.uid for one in unread if "later version" not in one.reason and "newer version" not in one.reason}
    roots = [event.id for event in events if event.kind is EventKind.SERIES and event.id not in refused]
    without_uid = [root for root in roots if root.startswith("no-uid-")]
    if len(without_uid) > 1:
        # Nothing tells in the other view which of them is which.
        roots = [root for root in roots if root not in without_uid]
    return list(assemble_all(roots, [Row(event, Seen.SEEN) for event in events]).values())


def agrees(expander: BoundedExpander, unit: Unit, calendars: Sequence[icalendar.Component], days: int) -> bool:
    """Whether both views of a series' first days are the same, or ours refuses it by name."""
    fields = unit.fields
    assert fields is not None
    begin = fields.when.start_instant(ZONE)
    span = Span(begin - timedelta(days=30), begin + timedelta(days=days))
    # What begins at the very edge of a span is inside by one view of dates and outside by another.
    inside = Span(begin - timedelta(days=28), begin + timedelta(days=days - 2))
    try:
        ours = instants(expander, unit, span)
    except InputError:
        return True
    theirs = judged(calendars, unit.id, span)
    return [m for m in ours if _in(inside, m)] == [m for m in theirs if _in(inside, m)]


@pytest.mark.parametrize("days", [100, pytest.param(800, marks=pytest.mark.full)])
def test_every_series_of_others_files_occurs_when_they_say_or_is_refused_by_name(
    expander: BoundedExpander, days: int
) -> None:
    differing, judged_files = set(), 0
    for path in FILES:
        units = units_of(path)
        if units:
            judged_files += 1
            calendars = icalendar.Calendar.from_ical(path.read_bytes(), multiple=True)
            if not all(agrees(expander, unit, calendars, days) for unit in units):
                differing.add(path.stem)
    assert differing == KNOWN.keys()
    assert judged_files > 60


def _in(span: Span, moment: datetime) -> bool:
    return span.start <= moment < span.end
