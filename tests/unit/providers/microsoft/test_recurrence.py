"""RRULE to Graph and back: what can be said is said exactly, everything else is refused."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

import pytest
from dateutil.rrule import rrule, rrulestr
from hypothesis import given, reject
from hypothesis import strategies as st

from app.domain.errors import ProtocolError
from app.domain.events import Recurrence
from app.domain.times import Moment
from app.providers.microsoft import recurrence
from app.providers.microsoft.recurrence import NotExpressibleError
from app.sandbox.microsoft import recurrence as emulated
from app.sandbox.microsoft.zones import resolve

BERLIN = "Europe/Berlin"
WINDOWS = "W. Europe Standard Time"
MONDAY = datetime(2026, 3, 9, 9)  # noqa: DTZ001 - a wall time


def graph(rule: str, start: Moment = MONDAY, zone: str | None = BERLIN) -> dict[str, Any]:
    """What is sent for a rule."""
    return recurrence.to_graph(Recurrence((f"RRULE:{rule}",)), start, zone, WINDOWS)


EXACT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "FREQ=DAILY": ({"type": "daily", "interval": 1}, {"type": "noEnd"}),
    "FREQ=DAILY;INTERVAL=3;COUNT=5": (
        {"type": "daily", "interval": 3},
        {"type": "numbered", "numberOfOccurrences": 5},
    ),
    "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR": (
        {
            "type": "weekly",
            "interval": 1,
            "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "firstDayOfWeek": "monday",
        },
        {"type": "noEnd"},
    ),
    "FREQ=WEEKLY": (
        {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "monday"},
        {"type": "noEnd"},
    ),
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=WE,MO;WKST=SU": (
        {"type": "weekly", "interval": 2, "daysOfWeek": ["monday", "wednesday"], "firstDayOfWeek": "sunday"},
        {"type": "noEnd"},
    ),
    "FREQ=MONTHLY": ({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 9}, {"type": "noEnd"}),
    "FREQ=MONTHLY;BYMONTHDAY=9;INTERVAL=2": (
        {"type": "absoluteMonthly", "interval": 2, "dayOfMonth": 9},
        {"type": "noEnd"},
    ),
    "FREQ=MONTHLY;BYDAY=2MO": (
        {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["monday"], "index": "second"},
        {"type": "noEnd"},
    ),
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=2": (
        {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["monday"], "index": "second"},
        {"type": "noEnd"},
    ),
    "FREQ=YEARLY": ({"type": "absoluteYearly", "interval": 1, "dayOfMonth": 9, "month": 3}, {"type": "noEnd"}),
    "FREQ=YEARLY;BYMONTH=3;BYDAY=2MO": (
        {"type": "relativeYearly", "interval": 1, "daysOfWeek": ["monday"], "index": "second", "month": 3},
        {"type": "noEnd"},
    ),
    "FREQ=WEEKLY;UNTIL=20260629T215959Z": (
        {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "monday"},
        {"type": "endDate", "endDate": "2026-06-29"},
    ),
}


@pytest.mark.parametrize("rule", EXACT)
def test_an_exact_rule_is_said_with_the_properties_of_its_type_only(rule: str) -> None:
    pattern, limits = EXACT[rule]
    told = graph(rule)
    assert told["pattern"] == pattern
    assert told["range"] == {"startDate": "2026-03-09", "recurrenceTimeZone": WINDOWS, **limits}


REFUSED = [
    "FREQ=HOURLY",
    "FREQ=SECONDLY",
    "FREQ=WEEKLY;BYHOUR=9",
    "FREQ=WEEKLY;BYMONTH=3",
    "FREQ=DAILY;BYMONTH=3",
    "FREQ=DAILY;INTERVAL=2;BYDAY=MO",
    "FREQ=MONTHLY;BYMONTH=3",
    "FREQ=MONTHLY;BYMONTHDAY=9,23",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=MONTHLY;BYDAY=MO",
    "FREQ=MONTHLY;BYDAY=2MO,4MO",
    "FREQ=MONTHLY;BYDAY=5MO",
    "FREQ=MONTHLY;BYDAY=-2MO",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=2",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,2",
    "FREQ=MONTHLY;BYDAY=2MO;BYMONTHDAY=9",
    "FREQ=MONTHLY;BYMONTHDAY=9;BYSETPOS=1",
    "FREQ=YEARLY;BYDAY=10MO",
    "FREQ=YEARLY;BYMONTHDAY=9",
    "FREQ=YEARLY;BYMONTH=3,6",
    "FREQ=YEARLY;BYWEEKNO=11",
    "FREQ=YEARLY;BYYEARDAY=68",
    "FREQ=WEEKLY;COUNT=0",
    "FREQ=WEEKLY;COUNT=1000",
    "FREQ=WEEKLY;COUNT=3;UNTIL=20260401T000000Z",
    "FREQ=WEEKLY;UNTIL=20260101T000000Z",
    "FREQ=WEEKLY;UNTIL=soon",
    "FREQ=WEEKLY;X-NEW=1",
    "FREQ=WEEKLY;BYDAY=MO;BYDAY=TU",
    "FREQ=WEEKLY;BYDAY=XX",
    "INTERVAL=1",
    "",
]


@pytest.mark.parametrize("rule", REFUSED)
def test_a_rule_that_graph_cannot_say_is_refused_whole(rule: str) -> None:
    with pytest.raises(NotExpressibleError):
        graph(rule)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"),
        ("RRULE:FREQ=DAILY", "RDATE:20260401T090000"),
        ("RDATE:20260401T090000",),
        ("EXRULE:FREQ=WEEKLY",),
    ],
)
def test_more_or_less_than_one_rule_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(NotExpressibleError):
        recurrence.to_graph(Recurrence(lines), MONDAY, BERLIN, WINDOWS)


@pytest.mark.parametrize("rule", ["FREQ=WEEKLY;BYDAY=TU", "FREQ=MONTHLY;BYMONTHDAY=10", "FREQ=MONTHLY;BYDAY=1MO"])
def test_a_series_that_begins_off_its_rule_is_refused(rule: str) -> None:
    with pytest.raises(NotExpressibleError):
        graph(rule)


@pytest.mark.parametrize(("day", "month"), [(29, 1), (30, 1), (31, 1), (29, 2)])
def test_days_that_not_every_month_or_year_has_are_refused(day: int, month: int) -> None:
    start = date(2028, month, day)
    with pytest.raises(NotExpressibleError):
        graph("FREQ=MONTHLY", start, None)
    if month == 2:
        with pytest.raises(NotExpressibleError):
            graph("FREQ=YEARLY", start, None)
    else:
        assert graph("FREQ=YEARLY", start, None)["pattern"]["dayOfMonth"] == day


@pytest.mark.parametrize(
    ("until", "zone", "last"),
    [
        # The same UNTIL is 30 June in Berlin and 1 July in Auckland.
        ("20260630T215959Z", "Europe/Berlin", "2026-06-30"),
        ("20260630T215959Z", "Pacific/Auckland", "2026-07-01"),
        # Before the time of day of the last date: that date is out.
        ("20260630T065959Z", "Europe/Berlin", "2026-06-29"),
        ("20260630T070000Z", "Europe/Berlin", "2026-06-30"),
        ("20260630", "Europe/Berlin", "2026-06-30"),
    ],
)
def test_until_becomes_the_local_date_of_the_last_start(until: str, zone: str, last: str) -> None:
    assert graph(f"FREQ=DAILY;UNTIL={until}", MONDAY, zone)["range"]["endDate"] == last


def test_the_end_is_the_date_of_a_real_occurrence() -> None:
    assert graph("FREQ=WEEKLY;UNTIL=20260628T215959Z")["range"]["endDate"] == "2026-06-22"


def test_an_all_day_series_ends_on_a_bare_date() -> None:
    told = graph("FREQ=DAILY;UNTIL=20260331", date(2026, 3, 9), None)
    assert told["range"]["endDate"] == "2026-03-31"
    assert recurrence.from_graph(told, True, BERLIN).lines == ("RRULE:FREQ=DAILY;UNTIL=20260331",)


READ: dict[str, tuple[dict[str, Any], str]] = {
    "daily": ({"type": "daily", "interval": 2}, "FREQ=DAILY;INTERVAL=2"),
    "weekly": (
        {"type": "weekly", "interval": 1, "daysOfWeek": ["friday", "monday"], "firstDayOfWeek": "sunday"},
        "FREQ=WEEKLY;BYDAY=MO,FR",
    ),
    "every other week": (
        {"type": "weekly", "interval": 2, "daysOfWeek": ["monday"], "firstDayOfWeek": "sunday"},
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;WKST=SU",
    ),
    "month": ({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 15}, "FREQ=MONTHLY;BYMONTHDAY=15"),
    "end of month": (
        {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 30},
        "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1",
    ),
    "last friday": (
        {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["friday"], "index": "last"},
        "FREQ=MONTHLY;BYDAY=-1FR",
    ),
    "last weekday": (
        {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["monday", "friday"], "index": "last"},
        "FREQ=MONTHLY;BYDAY=MO,FR;BYSETPOS=-1",
    ),
    "year": (
        {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 31, "month": 3},
        "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=31",
    ),
    "leap day": (
        {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 29, "month": 2},
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1",
    ),
    "first monday of march": (
        {"type": "relativeYearly", "interval": 1, "daysOfWeek": ["monday"], "index": "first", "month": 3},
        "FREQ=YEARLY;BYMONTH=3;BYDAY=1MO",
    ),
}
ZEROS = {"month": 0, "dayOfMonth": 0, "daysOfWeek": [], "firstDayOfWeek": "sunday", "index": "first"}


@pytest.mark.parametrize("name", READ)
def test_a_pattern_is_read_by_its_type_and_zero_defaults_are_ignored(name: str) -> None:
    pattern, rule = READ[name]
    limits = {"type": "noEnd", "startDate": "2026-03-09", "endDate": "0001-01-01", "numberOfOccurrences": 0}
    told = recurrence.from_graph({"pattern": {**ZEROS, **pattern}, "range": limits}, False, BERLIN)
    assert told.lines == (f"RRULE:{rule}",)


def test_an_end_date_is_the_end_of_that_day_in_the_series_zone() -> None:
    limits = {"type": "endDate", "startDate": "2026-03-09", "endDate": "2026-06-29", "numberOfOccurrences": 0}
    value = {"pattern": {**ZEROS, "type": "daily", "interval": 1}, "range": limits}
    assert recurrence.from_graph(value, False, BERLIN).lines == ("RRULE:FREQ=DAILY;UNTIL=20260629T215959Z",)
    assert recurrence.from_graph(value, False, "Pacific/Auckland").lines == ("RRULE:FREQ=DAILY;UNTIL=20260629T115959Z",)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"pattern": {"type": "lunar", "interval": 1}, "range": {"type": "noEnd"}},
        {"pattern": {"type": "daily", "interval": 1}, "range": {"type": "someday"}},
        {"pattern": {"type": "weekly", "interval": 1, "daysOfWeek": []}, "range": {"type": "noEnd"}},
        {"pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["lundi"]}, "range": {"type": "noEnd"}},
    ],
)
def test_what_the_reference_does_not_know_is_an_error(value: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        recurrence.from_graph(value, False, BERLIN)


CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAYS = st.lists(st.sampled_from(CODES), min_size=1, max_size=7, unique=True).map(",".join)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Rules of every frequency, with parts that may or may not go together."""
    parts = [f"FREQ={draw(st.sampled_from(['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY']))}"]
    for name, values in {
        "INTERVAL": st.integers(1, 4).map(str),
        "BYDAY": st.one_of(
            DAYS,
            st.tuples(st.sampled_from([1, 2, 3, 4, 5, -1]), st.sampled_from(CODES)).map(
                lambda pair: f"{pair[0]}{pair[1]}"
            ),
        ),
        "BYMONTHDAY": st.integers(-2, 31).filter(bool).map(str),
        "BYMONTH": st.integers(1, 12).map(str),
        "BYSETPOS": st.sampled_from(["1", "2", "-1"]),
        "WKST": st.sampled_from(CODES),
        "COUNT": st.integers(1, 30).map(str),
        "UNTIL": st.sampled_from(["20270630T215959Z", "20261231T080000Z"]),
    }.items():
        if draw(st.integers(0, 3)) == 0:
            parts.append(f"{name}={draw(values)}")
    return ";".join(parts)


def starts(rule: str, begin: datetime) -> list[datetime]:
    """What the rule means to an independent reader (dateutil), in wall time."""
    zone = resolve(WINDOWS)
    text, until = [], None
    for part in rule.split(";"):
        if part.startswith("UNTIL="):
            until = zone.wall(datetime.fromisoformat(part[6:]))
        else:
            text.append(part)
    parsed = rrulestr("RRULE:" + ";".join(text), dtstart=begin)
    assert isinstance(parsed, rrule)
    limit = begin + timedelta(days=3000)
    found = []
    for moment in islice(parsed, 300):
        if moment > limit or (until is not None and moment > until):
            break
        found.append(moment)
    return found


@given(rule=rules(), day=st.dates(date(2026, 1, 1), date(2028, 12, 31)), hour=st.integers(0, 23))
def test_whatever_is_said_means_the_same_to_graph_and_comes_back_as_the_same(rule: str, day: date, hour: int) -> None:
    begin = datetime.combine(day, time(hour))
    try:
        told = recurrence.to_graph(Recurrence((f"RRULE:{rule}",)), begin, BERLIN, WINDOWS)
    except NotExpressibleError:
        reject()
    kept = emulated.validate(told, day, WINDOWS, resolve)
    wanted = starts(rule, begin)
    assert wanted[0] == begin
    assert list(islice(emulated.dates(kept, clamp=True, day_sets="each"), len(wanted))) == [m.date() for m in wanted]
    (line,) = recurrence.from_graph(kept, False, BERLIN).lines
    assert starts(line.removeprefix("RRULE:"), begin) == wanted
