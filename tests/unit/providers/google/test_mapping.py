"""Google's Event resource to the domain and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.accounts import Access
from app.domain.errors import ProtocolError
from app.domain.events import (
    Availability,
    EventKind,
    Fields,
    GuestList,
    Marker,
    Recurrence,
    Response,
    Special,
    Visibility,
)
from app.domain.links import Draft
from app.domain.times import When
from app.providers import text as texts
from app.providers.google import mapping

BERLIN = "Europe/Berlin"
MARKER = Marker("direction", "copy", 2, "here.1")


def wall(*parts: int) -> datetime:
    """A wall time without offset."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - the parts are year to minute; wall time


def item(**more: Any) -> dict[str, Any]:
    """An event as Google sends it."""
    return {
        "kind": "calendar#event",
        "etag": '"3546"',
        "id": "abc",
        "status": "confirmed",
        "htmlLink": "https://www.google.com/calendar/event?eid=x",
        "updated": "2026-03-01T09:00:00.123Z",
        "summary": "Stand-up",
        "organizer": {"email": "ada@example.com", "self": True},
        "start": {"dateTime": "2026-03-09T09:00:00+01:00", "timeZone": BERLIN},
        "end": {"dateTime": "2026-03-09T09:30:00+01:00", "timeZone": BERLIN},
        "iCalUID": "abc@google.com",
        "reminders": {"useDefault": True},
        **more,
    }


def fields_of(**more: Any) -> Fields:
    """The fields of an item."""
    fields = mapping.event_of(item(**more), BERLIN).fields
    assert fields is not None
    return fields


def test_a_plain_event_is_read() -> None:
    event = mapping.event_of(item(location="Room 1", description="Bring <cake>\r\n"), BERLIN)
    assert (event.id, event.etag, event.ical_uid, event.kind) == ("abc", '"3546"', "abc@google.com", EventKind.SINGLE)
    assert event.updated_at == datetime(2026, 3, 1, 9, 0, 0, 123000, tzinfo=UTC)
    assert event.web_link == "https://www.google.com/calendar/event?eid=x"
    assert event.fields == Fields(
        When(wall(2026, 3, 9, 9, 0), wall(2026, 3, 9, 9, 30), BERLIN),
        title="Stand-up",
        text="Bring <cake>",
        place="Room 1",
        reminders=None,
    )


def test_the_wall_time_is_that_of_the_events_own_zone() -> None:
    # Google writes the calendar's offset and names the event's zone beside it.
    when = fields_of(
        start={"dateTime": "2026-03-09T14:00:00+01:00", "timeZone": "America/New_York"},
        end={"dateTime": "2026-03-09T15:00:00+01:00", "timeZone": "Asia/Tokyo"},
    ).when
    assert when == When(wall(2026, 3, 9, 9, 0), wall(2026, 3, 9, 10, 0), "America/New_York")


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "../../etc/passwd", "America", 7])
def test_without_a_zone_we_know_the_calendars_counts(zone: object) -> None:
    when = fields_of(
        start={"dateTime": "2026-07-09T09:00:00Z", "timeZone": zone},
        end={"dateTime": "2026-07-09T10:00:00Z", "timeZone": zone},
    ).when
    assert when == When(wall(2026, 7, 9, 11, 0), wall(2026, 7, 9, 12, 0), BERLIN)


def test_an_end_before_the_start_and_an_empty_day_are_put_right() -> None:
    assert fields_of(end={"dateTime": "2026-03-09T08:00:00+01:00"}).when.duration == timedelta(0)
    when = fields_of(start={"date": "2026-03-09"}, end={"date": "2026-03-09"}).when
    assert (when.start, when.end, when.zone) == (date(2026, 3, 9), date(2026, 3, 10), None)


@pytest.mark.parametrize(
    "broken",
    [
        {"id": None},
        {"id": 5},
        {"start": None},
        {"start": {}},
        {"start": "2026"},
        {"start": {"dateTime": "soon"}},
        {"start": {"dateTime": 5}},
        {"start": {"date": "2026-02-30"}},
        {"start": {"date": "2026-03-09"}},
        {"start": {"date": "9999-12-31"}, "end": {"date": "9999-12-31"}},
        {"start": {"dateTime": "0001-01-01T00:00:00+14:00", "timeZone": BERLIN}},
        {"end": None},
        {"recurrence": "RRULE:FREQ=DAILY"},
        {"recurrence": [5]},
        {"recurrence": ["RRULE:FREQ=DAILY", "EXDATE:someday"]},
        {"recurrence": ["RRULE:FREQ=DAILY", "EXDATE:20260230T090000Z"]},
        {"recurringEventId": "series"},
    ],
)
def test_an_event_that_breaks_the_reference_is_refused_by_name(broken: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        mapping.event_of(item(**broken), BERLIN)


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [None], {"a": None}, True])
@pytest.mark.parametrize(
    "name",
    (
        "summary description location attendees organizer reminders extendedProperties colorId conferenceData "
        "transparency visibility eventType htmlLink updated etag originalStartTime"
    ).split(),
)
def test_no_odd_value_of_a_lesser_field_costs_the_event(name: str, value: object) -> None:
    assert mapping.event_of(item(**{name: value}), BERLIN).fields is not None


def test_a_bare_stub_of_an_occurrence_is_a_cancelled_occurrence() -> None:
    event = mapping.event_of(
        {
            "kind": "calendar#event",
            "etag": '"3"',
            "id": "abc_20260316T080000Z",
            "status": "cancelled",
            "recurringEventId": "abc",
            "originalStartTime": {"dateTime": "2026-03-16T09:00:00+01:00", "timeZone": BERLIN},
        },
        BERLIN,
    )
    assert event.kind is EventKind.CANCELLED
    assert not event.gone
    assert (event.series_id, event.unit) == ("abc", "abc")
    assert event.original_start == datetime(2026, 3, 16, 8, 0, tzinfo=UTC)
    assert event.fields is None


def test_a_stub_of_an_all_day_occurrence_keeps_its_date() -> None:
    event = mapping.event_of(
        {
            "id": "a_20260316",
            "status": "cancelled",
            "recurringEventId": "a",
            "originalStartTime": {"date": "2026-03-16"},
        },
        BERLIN,
    )
    assert event.original_start == date(2026, 3, 16)
    assert event.kind is EventKind.CANCELLED


@pytest.mark.parametrize("stub", [{"id": "abc", "status": "cancelled"}, item(status="cancelled")])
def test_any_other_cancelled_event_is_gone(stub: dict[str, Any]) -> None:
    event = mapping.event_of(stub, BERLIN)
    assert event.gone
    assert event.fields is None


def test_an_exception_names_its_series_and_its_original_start() -> None:
    event = mapping.event_of(
        item(recurringEventId="series", originalStartTime={"dateTime": "2026-03-09T08:00:00Z", "timeZone": BERLIN}),
        BERLIN,
    )
    assert (event.kind, event.series_id) == (EventKind.EXCEPTION, "series")
    assert event.original_start == datetime(2026, 3, 9, 8, 0, tzinfo=UTC)


def test_a_series_keeps_its_lines_and_tells_its_excluded_dates_apart() -> None:
    event = mapping.event_of(
        item(
            recurrence=[
                "RRULE:FREQ=WEEKLY;BYDAY=MO",
                "EXDATE;TZID=Europe/Berlin:20260316T090000,20260323T090000",
                "EXDATE:20260330T070000Z",
                "EXDATE;TZID=America/New_York:20260406T030000",
                "exdate:20260413T090000",
                "RDATE;TZID=Europe/Berlin:20260320T090000",
                "EXRULE:FREQ=MONTHLY;BYMONTHDAY=1",
            ]
        ),
        BERLIN,
    )
    assert event.kind is EventKind.SERIES
    assert event.fields is not None
    assert event.fields.recurrence == Recurrence(
        (
            "RRULE:FREQ=WEEKLY;BYDAY=MO",
            "RDATE;TZID=Europe/Berlin:20260320T090000",
            "EXRULE:FREQ=MONTHLY;BYMONTHDAY=1",
        )
    )
    assert event.cancelled == tuple(
        wall(2026, month, day, 9, 0) for month, day in [(3, 16), (3, 23), (3, 30), (4, 6), (4, 13)]
    )


def test_excluded_dates_of_an_all_day_series_are_dates() -> None:
    event = mapping.event_of(
        item(
            start={"date": "2026-03-09"},
            end={"date": "2026-03-10"},
            recurrence=["RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20260311,20260310"],
        ),
        BERLIN,
    )
    assert event.cancelled == (date(2026, 3, 10), date(2026, 3, 11))


def test_an_invitation_tells_answer_guests_and_organizer() -> None:
    event = mapping.event_of(
        item(
            organizer={"email": "nadia@example.org"},
            attendees=[
                {"email": "nadia@example.org", "organizer": True, "responseStatus": "accepted"},
                {"email": "ada@example.com", "self": True, "responseStatus": "declined"},
            ],
        ),
        BERLIN,
    )
    assert event.organised_elsewhere
    assert event.guests
    assert event.response is Response.DECLINED


def test_a_list_with_only_oneself_has_no_guests_but_an_omitted_one_has() -> None:
    alone = [{"email": "ada@example.com", "self": True, "responseStatus": "accepted"}]
    assert not mapping.event_of(item(attendees=alone), BERLIN).guests
    assert mapping.event_of(item(attendees=alone, attendeesOmitted=True), BERLIN).guests


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, Availability.BUSY),
        ({"transparency": "transparent"}, Availability.FREE),
        ({"status": "tentative"}, Availability.TENTATIVE),
        ({"status": "tentative", "transparency": "transparent"}, Availability.FREE),
        ({"eventType": "outOfOffice"}, Availability.OUT_OF_OFFICE),
        ({"eventType": "focusTime"}, Availability.BUSY),
        ({"eventType": "workingLocation", "transparency": "transparent"}, Availability.FREE),
    ],
)
def test_availability_is_read(more: dict[str, Any], expected: Availability) -> None:
    assert fields_of(**more).availability is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Visibility.DEFAULT),
        ("default", Visibility.DEFAULT),
        ("public", Visibility.PUBLIC),
        ("private", Visibility.PRIVATE),
        ("confidential", Visibility.CONFIDENTIAL),
        ("secret", Visibility.PRIVATE),
    ],
)
def test_visibility_is_read_and_an_unknown_word_hides(value: str | None, expected: Visibility) -> None:
    assert fields_of(visibility=value).visibility is expected


@pytest.mark.parametrize("name", ["birthday", "workingLocation", "focusTime", "outOfOffice", "fromGmail", "new"])
def test_special_types_are_told(name: str) -> None:
    known = {
        "birthday": Special.BIRTHDAY,
        "workingLocation": Special.WORKING_LOCATION,
        "focusTime": Special.FOCUS_TIME,
        "outOfOffice": Special.OUT_OF_OFFICE,
        "fromGmail": Special.FROM_MAIL,
    }
    assert mapping.event_of(item(eventType=name), BERLIN).special is known.get(name, Special.DEFAULT)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"useDefault": True}, None),
        ({"useDefault": False}, ()),
        ({"useDefault": False, "overrides": []}, ()),
        (
            {"overrides": [{"method": "popup", "minutes": 30}, {"method": "email", "minutes": 5},
                           {"method": "popup", "minutes": 10}, {"method": "popup", "minutes": 30}]},
            (10, 30),
        ),
    ],
)  # fmt: skip
def test_reminders_are_pop_ups_in_minutes(value: dict[str, Any], expected: tuple[int, ...] | None) -> None:
    assert fields_of(reminders=value).reminders == expected


def test_the_meeting_link_is_that_of_the_conference() -> None:
    entries = [{"entryPointType": "phone", "uri": "tel:+49"}, {"entryPointType": "video", "uri": "https://m.e.org/a"}]
    assert fields_of(conferenceData={"entryPoints": entries}).link == "https://m.e.org/a"
    assert fields_of(hangoutLink="https://meet.google.com/x").link == "https://meet.google.com/x"
    assert fields_of(hangoutLink="javascript:alert(1)").link == ""


def test_html_is_sanitised_and_read_as_text() -> None:
    fields = fields_of(description="<p>Hi <b>you</b><script>x</script></p>\nsecond line")
    assert fields.html == "<p>Hi <b>you</b></p>\nsecond line"
    assert fields.text.splitlines()[0] == "Hi you"
    assert fields.text.splitlines()[-1] == "second line"


def test_who_else_is_on_an_event_is_told_by_name_without_oneself_and_rooms() -> None:
    rows = [
        {"email": "ana@example.org", "displayName": "Ana", "self": True},
        {"email": "jonas@example.org", "displayName": "Jonas Weber"},
        {"email": "hana@example.org"},
        {"email": "room@resource.calendar.google.com", "displayName": "Room 4", "resource": True},
    ]
    event = mapping.event_of(item(attendees=rows), BERLIN)
    assert (event.guests, event.guest_list) == (True, GuestList(("Jonas Weber",), 1))
    assert mapping.event_of(item(attendees=rows[:1]), BERLIN).guest_list is None
    assert mapping.event_of(item(attendeesOmitted=True), BERLIN).guest_list is None


@pytest.mark.parametrize("html", [None, "<p>Agenda <b>now</b></p>"])
def test_guests_stand_below_our_line_by_name_and_are_read_as_the_guests_again(html: str | None) -> None:
    guests = texts.guest_list(["Weber, Jonas", "Ana <Lee> & Co", "bo@example.org", "- Hana", None])
    moment = wall(2026, 3, 9, 9)
    fields = Fields(When(moment, moment, BERLIN), text="Agenda now", html=html, link="https://m.e.org/a", guests=guests)
    form = mapping.normal_form(fields)
    assert (form.text, form.link, form.guests) == ("Agenda now", "https://m.e.org/a", guests)


def test_colours_have_names() -> None:
    assert fields_of(colorId="11").colour == "tomato"
    assert fields_of(colorId="99").colour is None


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("patch", [False, True])
def test_a_marker_comes_back_as_it_was_written(released: bool, patch: bool) -> None:
    marker = Marker("direction", "copy", 12, "here.1", released=released)
    private = {k: v for k, v in mapping.marker_properties(marker, patch=patch).items() if v is not None}
    assert mapping.marker_of({"extendedProperties": {"private": private}}) == marker
    assert (mapping.DIRECTION_PROPERTY in private) is not released
    assert all(len(name) <= 44 for name in private)


def test_others_properties_are_no_marker() -> None:
    assert (
        mapping.marker_of({"extendedProperties": {"private": {"theirs": "x"}, "shared": {"kalendsDirection": "x"}}})
        is None
    )
    odd = {mapping.DIRECTION_PROPERTY: "d", "kalendsGeneration": "many"}
    marker = mapping.marker_of({"extendedProperties": {"private": odd}})
    assert marker is not None
    assert marker.generation == 0


def test_a_created_body_holds_id_marker_and_no_nulls_nor_people() -> None:
    series = Fields(
        When(wall(2026, 3, 9, 9, 0), wall(2026, 3, 9, 10, 0), BERLIN),
        title="Busy",
        availability=Availability.TENTATIVE,
        reminders=(),
        recurrence=Recurrence(("RRULE:FREQ=DAILY;COUNT=30",)),
    )
    body = mapping.created(Draft(series, MARKER, (wall(2026, 3, 11, 9, 0), wall(2026, 3, 10, 9, 0))), "kalnabc")
    assert body == {
        "id": "kalnabc",
        "summary": "Busy",
        "start": {"dateTime": "2026-03-09T09:00:00+01:00", "timeZone": BERLIN},
        "end": {"dateTime": "2026-03-09T10:00:00+01:00", "timeZone": BERLIN},
        "recurrence": ["RRULE:FREQ=DAILY;COUNT=30", "EXDATE;TZID=Europe/Berlin:20260310T090000,20260311T090000"],
        "transparency": "opaque",
        "status": "tentative",
        "visibility": "default",
        "reminders": {"useDefault": False, "overrides": []},
        "extendedProperties": {
            "private": {
                "kalendsDirection": "direction",
                "kalendsCopy": "copy",
                "kalendsGeneration": "2",
                "kalendsStamp": "here.1",
            }
        },
    }


def test_a_patch_nulls_what_has_to_go() -> None:
    all_day = Fields(When(date(2026, 3, 9), date(2026, 3, 10)))
    body = mapping.patched(Draft(all_day, MARKER), occurrence=False)
    assert body["start"] == {"date": "2026-03-09", "dateTime": None, "timeZone": None}
    assert body["end"] == {"date": "2026-03-10", "dateTime": None, "timeZone": None}
    for name in ("summary", "description", "location", "colorId", "recurrence"):
        assert body[name] is None
    assert body["extendedProperties"]["private"]["kalendsReleased"] is None
    timed = Fields(When(wall(2026, 3, 9, 9, 0), wall(2026, 3, 9, 10, 0), BERLIN))
    assert mapping.patched(Draft(timed, MARKER), occurrence=False)["start"]["date"] is None


def test_a_patch_of_an_occurrence_says_nothing_of_recurrence() -> None:
    timed = Fields(When(wall(2026, 3, 9, 9, 0), wall(2026, 3, 9, 10, 0), BERLIN))
    assert "recurrence" not in mapping.patched(Draft(timed, MARKER), occurrence=True)


def test_every_written_time_has_the_offset_of_its_own_date() -> None:
    fields = Fields(When(wall(2026, 3, 28, 9, 0), wall(2026, 3, 29, 9, 0), BERLIN))
    body = mapping.created(Draft(fields, MARKER), "kalnabc")
    assert body["start"]["dateTime"] == "2026-03-28T09:00:00+01:00"
    assert body["end"]["dateTime"] == "2026-03-29T09:00:00+02:00"


def test_a_text_that_looks_like_html_stays_the_text_it_is() -> None:
    fields = Fields(When(date(2026, 3, 9), date(2026, 3, 10)), text="use <b> & &lt;")
    body = mapping.created(Draft(fields, MARKER), "kalnabc")
    assert body["description"] == "use &lt;b&gt; &amp; &amp;lt;"
    assert mapping.normal_form(fields).text == "use <b> & &lt;"
    assert mapping.normal_form(fields).html is None


def test_html_that_does_not_fit_becomes_text_that_does() -> None:
    fields = Fields(When(date(2026, 3, 9), date(2026, 3, 10)), text="&" * 9000, html="<b>&amp;</b>" * 9000)
    body = mapping.created(Draft(fields, MARKER), "kalnabc")
    assert len(body["description"]) <= mapping.TEXT_LIMIT
    assert mapping.normal_form(fields).text.endswith("…")


def test_what_google_cannot_say_becomes_the_nearest_it_can() -> None:
    base = When(date(2026, 3, 9), date(2026, 3, 10))
    assert mapping.normal_form(Fields(base, availability=Availability.OUT_OF_OFFICE)).availability is Availability.BUSY
    assert mapping.normal_form(Fields(base, availability=Availability.ELSEWHERE)).availability is Availability.FREE
    assert mapping.normal_form(Fields(base, reminders=(99999, 1, 2, 3, 4, 5))).reminders == (1, 2, 3, 4, 5)
    assert mapping.normal_form(Fields(base, colour="mauve")).colour is None


def test_the_normal_form_is_in_whole_minutes_and_pinned_to_a_zone() -> None:
    start = datetime(2026, 3, 9, 9, 0, 59)  # noqa: DTZ001 - wall time
    fields = Fields(When(start, start, BERLIN, floating=True))
    assert mapping.normal_form(fields).when == When(wall(2026, 3, 9, 9, 0), wall(2026, 3, 9, 9, 0), BERLIN)


WALLS = st.datetimes(wall(1990, 1, 1), wall(2090, 1, 1))
TEXTS = st.one_of(
    st.text(max_size=50),
    st.lists(st.sampled_from(["<b>", "</b>", "&amp;", "<br>", "\n", " ", "a", "<", "-- Kalends --", "<p>"])).map(
        "".join
    ),
)
FIELDS = st.builds(
    Fields,
    when=st.one_of(
        st.builds(
            lambda start, minutes, zone: When(start, start + timedelta(minutes=minutes), zone),
            WALLS,
            st.integers(0, 5000),
            st.sampled_from([BERLIN, "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
        ),
        st.builds(
            lambda day, days: When(day, day + timedelta(days=days)),
            st.dates(date(1990, 1, 1), date(2090, 1, 1)),
            st.integers(1, 9),
        ),
    ),
    title=TEXTS,
    text=TEXTS,
    html=st.one_of(st.none(), TEXTS),
    place=TEXTS,
    link=st.sampled_from(["", "https://e.org/a?b=1&c=2"]),
    guests=st.none() | st.lists(TEXTS, max_size=4).map(texts.guest_list),
    availability=st.sampled_from(Availability),
    visibility=st.sampled_from(Visibility),
    reminders=st.one_of(st.none(), st.lists(st.integers(-5, 99999), max_size=8).map(tuple)),
    colour=st.sampled_from([None, "tomato", "mauve"]),
    recurrence=st.sampled_from([None, Recurrence(("RRULE:FREQ=DAILY",))]),
)


@given(FIELDS)
def test_the_normal_form_of_a_normal_form_is_itself(fields: Fields) -> None:
    once = mapping.normal_form(fields)
    assert mapping.normal_form(once) == once


@given(FIELDS)
def test_what_was_written_is_read_in_normal_form(fields: Fields) -> None:
    body = mapping.created(Draft(fields, MARKER), "kalnabc")
    event = mapping.event_of({**body, "etag": '"1"'}, "Pacific/Auckland")
    assert event.fields == mapping.normal_form(fields)
    assert event.marker == MARKER


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("owner", Access.WRITER),
        ("writer", Access.WRITER),
        ("writerWithoutPrivateAccess", Access.WRITER),
        ("reader", Access.READER),
        ("freeBusyReader", None),
        ("none", None),
        (None, None),
    ],
)
def test_roles_are_what_we_may_do(role: str | None, expected: Access | None) -> None:
    assert mapping.access_of(role) is expected


def test_a_calendar_is_read_with_its_own_name_and_zone() -> None:
    entry = {
        "id": "x@group.calendar.google.com",
        "summary": "Theirs",
        "summaryOverride": "Mine",
        "accessRole": "reader",
    }
    info = mapping.calendar_of({**entry, "timeZone": BERLIN, "backgroundColor": "#ffffff"})
    assert info is not None
    assert (info.name, info.zone, info.primary, info.colour) == ("Mine", BERLIN, False, "#ffffff")
    assert mapping.calendar_of({**entry, "deleted": True}) is None
    with pytest.raises(ProtocolError):
        mapping.calendar_of({"accessRole": "owner"})
