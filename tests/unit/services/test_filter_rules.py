"""Which filters are refused, by which field, and what the refusal says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, time
from typing import Any

import pytest

from app.domain.accounts import Provider
from app.domain.pairs import Filters, HoursFilter, Weekday, Within, WordFilter
from app.services.filter_rules import wrong_filters

OFFICE = HoursFilter(tuple(Weekday)[:5], time(9), time(17), "Europe/Berlin")


def test_usual_filters_can_be() -> None:
    night = replace(OFFICE, start=time(22), end=time(6), only=False)
    for hours in (None, OFFICE, night):
        rules = (WordFilter(("lunch",)), WordFilter(("work",), Within.CATEGORY))
        assert list(wrong_filters(Filters(words=rules, hours=hours), [Provider.GOOGLE])) == []


@pytest.mark.parametrize(
    ("filters", "field", "says"),
    [
        ({"words": (WordFilter(("x",)),) * 11}, "filters.words", "10"),
        ({"words": (WordFilter(("x",)), WordFilter(()))}, "filters.words[1]", "1 to 20"),
        ({"words": (WordFilter(("x",) * 21),)}, "filters.words[0]", "1 to 20"),
        ({"words": (WordFilter(("  ",)),)}, "filters.words[0]", "characters"),
        ({"words": (WordFilter(("x" * 61,)),)}, "filters.words[0]", "characters"),
        ({"words": (WordFilter(("x",), Within.CATEGORY, only=True),)}, "filters.words[0]", "no categories"),
        ({"hours": replace(OFFICE, weekdays=())}, "filters.hours.weekdays", "weekday"),
        ({"hours": replace(OFFICE, weekdays=(Weekday.MONDAY,) * 2)}, "filters.hours.weekdays", "once"),
        ({"hours": replace(OFFICE, start=time(9, tzinfo=UTC))}, "filters.hours.start", "minutes"),
        ({"hours": replace(OFFICE, end=time(9, 0, 1))}, "filters.hours.end", "minutes"),
        ({"hours": replace(OFFICE, zone="Mars/Olympus")}, "filters.hours.zone", "Europe/Berlin"),
        ({"hours": replace(OFFICE, zone="../etc/passwd")}, "filters.hours.zone", "Europe/Berlin"),
        ({"hours": replace(OFFICE, zone="Europe")}, "filters.hours.zone", "Europe/Berlin"),
        ({"hours": replace(OFFICE, zone="\0")}, "filters.hours.zone", "Europe/Berlin"),
        ({"hours": replace(OFFICE, zone="")}, "filters.hours.zone", "Europe/Berlin"),
        ({"shorter_than_seconds": -1}, "filters.shorter_than_seconds", "0 to"),
    ],
)
def test_a_refusal_names_its_field_and_what_to_do(filters: dict[str, Any], field: str, says: str) -> None:
    (detail,) = wrong_filters(Filters(**filters), [Provider.GOOGLE])
    assert detail.field == field
    assert says in detail.message


def test_only_a_category_may_be_asked_for_where_events_have_some() -> None:
    asked = Filters(words=(WordFilter(("x",), Within.CATEGORY, only=True),))
    assert list(wrong_filters(asked, [Provider.MICROSOFT])) == []
