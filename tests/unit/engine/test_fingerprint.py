"""What counts as equal: times by instant, wall clock or date; rules by meaning; text as it reads (`engine.md` §14)."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.events import Fields, Recurrence
from app.domain.times import When
from app.engine.fingerprint import FIELD_NAMES, canonical_rule, differing, hashes, is_sub_daily
from tests.fakes.calendar import wall

MONDAY = date(2026, 11, 23)
ZONE = "Europe/Berlin"
MORNING = When(wall(MONDAY, 9), wall(MONDAY, 10), ZONE)
DAY = When(MONDAY, MONDAY + timedelta(days=1))


def rule(text: str, when: When = MORNING) -> str:
    return canonical_rule(f"RRULE:{text}", when)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=MO"),
        ("FREQ=WEEKLY", "freq=weekly;interval=1;wkst=su"),
        ("FREQ=WEEKLY;BYDAY=MO,WE", "FREQ=WEEKLY;BYDAY=WE,MO"),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=MO", "INTERVAL=2;FREQ=WEEKLY"),
        ("FREQ=WEEKLY;INTERVAL=02", "FREQ=WEEKLY;INTERVAL=2"),
        ("FREQ=DAILY;COUNT=05", "FREQ=DAILY;COUNT=5"),
        ("FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=23"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,15", "FREQ=MONTHLY;BYMONTHDAY=15,1"),
        ("FREQ=MONTHLY;BYDAY=2MO", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=2"),
        ("FREQ=MONTHLY;BYDAY=+2MO", "FREQ=MONTHLY;BYDAY=2MO"),
        ("FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=23"),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=4MO", "FREQ=YEARLY;BYMONTH=11;BYDAY=MO;BYSETPOS=4"),
        ("FREQ=WEEKLY;UNTIL=20261207T080000Z", "FREQ=WEEKLY;UNTIL=20261207"),
        ("FREQ=WEEKLY;UNTIL=20261207T080000Z", "FREQ=WEEKLY;UNTIL=20261207T225959Z"),
        ("FREQ=WEEKLY;UNTIL=20261207T075959Z", "FREQ=WEEKLY;UNTIL=20261206"),
        ("FREQ=WEEKLY;UNTIL=20261207T090000", "FREQ=WEEKLY;UNTIL=20261207T080000Z"),
    ],
)
def test_rules_that_mean_the_same_are_equal(left: str, right: str) -> None:
    assert rule(left) == rule(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("FREQ=WEEKLY", "FREQ=DAILY"),
        ("FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=TU"),
        ("FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=2"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU"),
        ("FREQ=DAILY;COUNT=5", "FREQ=DAILY;COUNT=6"),
        ("FREQ=MONTHLY;BYDAY=2MO", "FREQ=MONTHLY;BYDAY=-2MO"),
        ("FREQ=YEARLY;BYMONTHDAY=23", "FREQ=YEARLY"),
        ("FREQ=YEARLY;BYMONTH=1,3;BYDAY=MO;BYSETPOS=1", "FREQ=YEARLY;BYMONTH=1,3;BYDAY=1MO"),
        ("FREQ=WEEKLY;UNTIL=20261207T080000Z", "FREQ=WEEKLY;UNTIL=20261214T080000Z"),
        ("FREQ=WEEKLY;UNTIL=20261207T075959Z", "FREQ=WEEKLY;UNTIL=20261207T080000Z"),
        ("FREQ=HOURLY;UNTIL=20261207T080000Z", "FREQ=HOURLY;UNTIL=20261207T220000Z"),
    ],
)
def test_rules_that_mean_something_else_differ(left: str, right: str) -> None:
    assert rule(left) != rule(right)


def test_the_last_day_of_an_all_day_series_is_its_own_date() -> None:
    assert rule("FREQ=DAILY;UNTIL=20261207", DAY) == rule("FREQ=DAILY;UNTIL=20261207T000000Z", DAY)


@pytest.mark.parametrize(
    ("line", "sub_daily"),
    [
        ("RRULE:FREQ=HOURLY", True),
        ("RRULE:FREQ=DAILY;BYHOUR=9,15", True),
        ("RDATE:20261207T080000Z", True),
        ("RRULE:FREQ=DAILY", False),
        ("RRULE:FREQ=MONTHLY;BYDAY=2MO", False),
    ],
)
def test_a_series_with_several_occurrences_on_a_date_is_told_by_its_rule(line: str, sub_daily: bool) -> None:
    assert is_sub_daily(Fields(MORNING, recurrence=Recurrence((line,)))) is sub_daily


def test_a_single_is_compared_by_its_instant_whatever_its_zone() -> None:
    other = When(wall(MONDAY, 3), wall(MONDAY, 4), "America/New_York")
    assert hashes(Fields(MORNING)) == hashes(Fields(other))


def test_a_series_is_compared_by_its_wall_clock_and_zone() -> None:
    weekly = Recurrence(("RRULE:FREQ=WEEKLY",))
    other = When(wall(MONDAY, 3), wall(MONDAY, 4), "America/New_York")
    assert hashes(Fields(MORNING, recurrence=weekly)) != hashes(Fields(other, recurrence=weekly))


def test_an_all_day_event_is_not_a_timed_one_of_24_hours() -> None:
    midnight = When(wall(MONDAY, 0), wall(MONDAY + timedelta(days=1), 0), "UTC")
    assert hashes(Fields(DAY)) != hashes(Fields(midnight))


def test_the_edge_of_the_calendar_has_a_fingerprint_too() -> None:
    first = When(datetime(1, 1, 1), datetime(1, 1, 1), "Asia/Tokyo")  # noqa: DTZ001 - a wall clock
    assert hashes(Fields(first)) == hashes(Fields(first))
    assert hashes(Fields(first)) != hashes(Fields(replace(first, zone="Asia/Seoul")))


CHANGES: dict[str, dict[str, object]] = {
    "when": {"when": When(wall(MONDAY, 9), wall(MONDAY, 11), ZONE)},
    "title": {"title": "Other"},
    "text": {"text": "Other"},
    "place": {"place": "Other"},
    "availability": {"availability": "free"},
    "visibility": {"visibility": "private"},
    "reminders": {"reminders": (5,)},
    "colour": {"colour": "tomato"},
}


@pytest.mark.parametrize("name", FIELD_NAMES)
def test_each_field_has_its_own_hash(name: str) -> None:
    before = hashes(Fields(MORNING))
    after = hashes(replace(Fields(MORNING), **CHANGES[name]))  # type: ignore[arg-type]  # one field by name
    assert differing(before, after) == (name,)


def test_default_reminders_are_not_none_at_all() -> None:
    assert hashes(Fields(MORNING, reminders=None)) != hashes(Fields(MORNING, reminders=()))


@given(st.text(max_size=40))
def test_text_is_equal_whatever_its_line_ends_and_composition(text: str) -> None:
    plain = hashes(Fields(MORNING, text=text))
    assert plain == hashes(Fields(MORNING, text=unicodedata.normalize("NFD", text)))
    assert plain == hashes(Fields(MORNING, text=f"\n {text}  \r\n"))


@given(st.permutations(["FREQ=WEEKLY", "BYDAY=WE,MO", "INTERVAL=2", "COUNT=7"]), st.booleans())
def test_the_order_and_case_of_a_rule_do_not_matter(parts: list[str], lower: bool) -> None:
    text = ";".join(parts)
    assert rule(text.lower() if lower else text) == rule("FREQ=WEEKLY;INTERVAL=2;COUNT=7;BYDAY=MO,WE")


@given(st.text(alphabet="abcFREQ=;:,+-0123456789UNTILCOUNTBYDAYMOSETPOSTZ", max_size=40))
def test_a_broken_rule_still_has_one_spelling(text: str) -> None:
    assert rule(text) == rule(text)
