"""Small parts of the emulated Graph: ids, zones, bodies, query options, filters."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sandbox.microsoft import bodies, ids
from app.sandbox.microsoft.errors import GraphError
from app.sandbox.microsoft.odata import Query, compile_filter, expanded_property_ids, expansions, instant, preferences
from app.sandbox.microsoft.zones import UnknownZoneError, resolve

KEYS = st.binary(min_size=12, max_size=12).map(bytes.hex)


@given(key=KEYS, day=st.none() | st.dates(), folder=st.none() | st.integers(0, 2**32 - 1))
def test_an_id_is_read_back_as_what_it_was_made_from(key: str, day: date | None, folder: int | None) -> None:
    text = ids.encode(key, day, folder)
    assert ids.decode(text) == ids.Reference(key, day, folder)
    assert text.endswith("=") or folder is not None


@given(key=KEYS, place=st.integers(0, 200))
def test_an_id_with_a_letter_in_another_case_is_no_id(key: str, place: int) -> None:
    text = ids.encode(key, None, None)
    place %= len(text)
    changed = text[:place] + text[place].swapcase() + text[place + 1 :]
    assert changed == text or ids.decode(changed) is None


@given(st.text(max_size=120))
def test_any_text_may_be_asked_for_as_an_id(text: str) -> None:
    assert ids.decode(text) is None


def test_zones_are_windows_names_and_a_short_list_of_iana_names() -> None:
    assert resolve("Europe/Berlin").windows == "W. Europe Standard Time"
    assert resolve("GMT Standard Time").info.key == "Europe/London"
    assert resolve("Europe/Oslo", any_iana=True).windows == "W. Europe Standard Time"
    for name in ("Europe/Oslo", "europe/berlin", "tzone://Microsoft/Custom", "Customized Time Zone", ""):
        with pytest.raises(UnknownZoneError):
            resolve(name)
    with pytest.raises(UnknownZoneError):
        resolve("Antarctica/Troll", any_iana=True)


def test_a_time_that_the_clocks_skip_or_repeat_is_read_as_rfc_5545_says() -> None:
    berlin = resolve("W. Europe Standard Time")
    assert berlin.instant(datetime.fromisoformat("2026-03-29T02:30")) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert berlin.instant(datetime.fromisoformat("2026-10-25T02:30")) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_text_survives_the_way_through_html() -> None:
    text = "One & two\n<three>\n\nfour"
    markup, kept = bodies.rewrite("text", text)
    assert kept == text.replace("\n", "\r\n")
    assert bodies.to_text(markup) == kept
    assert bodies.rewrite("html", "  ") == ("", "")


def test_lists_and_line_breaks_of_html_are_told_as_lines() -> None:
    assert bodies.to_text("<p>a<br>b</p><ul><li>c</li><li>d &amp; e</li></ul>") == "a\r\nb\r\nc\r\nd & e"


def test_preferences_come_in_one_header_or_several() -> None:
    together = preferences(['odata.maxpagesize=5, outlook.timezone="W. Europe, or so"', 'IdType="ImmutableId"'])
    assert together == {"odata.maxpagesize": "5", "outlook.timezone": "W. Europe, or so", "idtype": "ImmutableId"}


def test_a_bound_without_offset_is_utc_and_an_unescaped_plus_is_understood() -> None:
    assert instant("2026-03-09T10:00:00", "x") == datetime(2026, 3, 9, 10, tzinfo=UTC)
    assert instant("2026-03-09T10:00:00 01:00", "x") == datetime(2026, 3, 9, 9, tzinfo=UTC)
    with pytest.raises(GraphError, match="ErrorInvalidParameter"):
        instant("tomorrow", "x")


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(GraphError):
        Query.parse(b"$top=1&$TOP=2")


def test_expansions_keep_what_stands_in_their_parentheses() -> None:
    text = "singleValueExtendedProperties($filter=id eq 'String {1} Name a, b' or id eq 'x''y'),exceptionOccurrences"
    found = expansions(text)
    assert list(found) == ["singleValueExtendedProperties", "exceptionOccurrences"]
    assert expanded_property_ids(found["singleValueExtendedProperties"]) == ["String {1} Name a, b", "x'y"]


EVENT: dict[str, Any] = {
    "subject": "Team sync",
    "isAllDay": False,
    "type": "seriesMaster",
    "start": {"dateTime": "2026-03-09T08:00:00.0000000"},
    "lastModifiedDateTime": "2026-03-02T10:00:00.0000000Z",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("subject eq 'Team sync'", True),
        ("startswith(subject,'team')", True),
        ("contains(subject,'nothing')", False),
        ("start/dateTime ge '2026-03-09T00:00:00Z' and start/dateTime lt '2026-03-09T08:00:00Z'", False),
        ("lastModifiedDateTime gt 2026-03-02T09:00:00Z and isAllDay eq false", True),
        ("not (type eq 'seriesMaster') or subject ne 'x'", True),
        ("singleValueExtendedProperties/Any(ep: ep/id eq 'P' and ep/value eq 'v')", True),
        ("singleValueExtendedProperties/any(p:p/id eq 'p' and p/value eq 'V')", False),
        ("singleValueExtendedProperties/Any(ep: ep/id eq 'P' and ep/value ne null)", True),
        ("singleValueExtendedProperties/Any(ep: ep/id eq 'Q' and ep/value ne null)", False),
    ],
)
def test_filters_are_answered(text: str, expected: bool) -> None:
    assert compile_filter(text)(EVENT, {"P": "V"}) is expected


def outcome(text: str) -> bool | int:
    """What the filter says of the event, or the status it is refused with."""
    try:
        wanted = compile_filter(text)
    except GraphError as error:
        return error.status
    return wanted(EVENT, {})


@given(st.text(alphabet="abcdeginopqrtuv()'/:, 0123-", max_size=60))
def test_any_filter_is_answered_or_refused_by_name(text: str) -> None:
    assert outcome(text) in (True, False, 400)
