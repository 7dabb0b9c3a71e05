"""Graph's event JSON to domain events and back; examples are the shapes of the provider reference."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import ProtocolError
from app.domain.events import Availability, EventKind, Fields, GuestList, Marker, Recurrence, Response, Visibility
from app.domain.links import Draft
from app.domain.times import When
from app.providers import text
from app.providers.microsoft import mapping
from app.providers.microsoft import marker as markers

BERLIN = "Europe/Berlin"
MARKER = Marker("direction", "copy", 2, "here.7")


def at(*parts: int) -> datetime:
    """A wall time."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - year, month, day … as the domain holds them


def told(start: str, end: str, **more: Any) -> dict[str, Any]:
    """An event as Graph sends it, times in UTC with seven digits."""
    return {
        "@odata.etag": 'W/"key"',
        "id": "AAMk=",
        "type": "singleInstance",
        "subject": "Sync",
        "isAllDay": False,
        "showAs": "busy",
        "sensitivity": "normal",
        "originalStartTimeZone": "W. Europe Standard Time",
        "start": {"dateTime": f"{start}.0000000", "timeZone": "UTC"},
        "end": {"dateTime": f"{end}.0000000", "timeZone": "UTC"},
        **more,
    }


LUNCH = told("2026-03-10T11:00:00", "2026-03-10T12:00:00")
MONDAYS = told(
    "2026-03-09T08:00:00",
    "2026-03-09T08:30:00",
    id="AAMkMASTER=",
    type="seriesMaster",
    recurrence={
        "pattern": {
            "type": "weekly",
            "interval": 1,
            "month": 0,
            "dayOfMonth": 0,
            "daysOfWeek": ["monday"],
            "firstDayOfWeek": "sunday",
            "index": "first",
        },
        "range": {
            "type": "endDate",
            "startDate": "2026-03-09",
            "endDate": "2026-06-29",
            "recurrenceTimeZone": "W. Europe Standard Time",
            "numberOfOccurrences": 0,
        },
    },
)


def fields_of(value: dict[str, Any], zone: str = BERLIN) -> Fields:
    """What of an event can be copied."""
    fields = mapping.event(value, zone, marker_known=True).fields
    assert fields is not None
    return fields


def sent(fields: Fields, **more: Any) -> dict[str, Any]:
    """What is sent for a draft."""
    return mapping.body(Draft(fields, MARKER), BERLIN, **more)


# -- times -------------------------------------------------------------------------------------------------------------


def test_times_in_utc_become_wall_time_of_the_authors_zone() -> None:
    assert fields_of(LUNCH).when == When(at(2026, 3, 10, 12), at(2026, 3, 10, 13), BERLIN)


def test_times_told_in_another_zone_than_asked_for_are_still_the_same_instants() -> None:
    value = LUNCH | {
        "start": {"dateTime": "2026-03-10T04:00:00.0000000", "timeZone": "Pacific Standard Time"},
        "end": {"dateTime": "2026-03-10T05:00:00.0000000", "timeZone": "Pacific Standard Time"},
    }
    assert fields_of(value).when == When(at(2026, 3, 10, 12), at(2026, 3, 10, 13), BERLIN)


def test_a_series_is_in_its_recurrence_zone_not_the_authors() -> None:
    value = MONDAYS | {"originalStartTimeZone": "Pacific Standard Time"}
    assert fields_of(value).when.start == at(2026, 3, 9, 9)


def test_a_monday_in_auckland_that_is_told_as_sunday_stays_a_monday() -> None:
    zone = "New Zealand Standard Time"
    limits = {**MONDAYS["recurrence"]["range"], "recurrenceTimeZone": zone}
    value = MONDAYS | {
        "start": {"dateTime": "2026-03-08T19:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-03-08T20:00:00.0000000", "timeZone": "UTC"},
        "recurrence": {"pattern": MONDAYS["recurrence"]["pattern"], "range": limits},
    }
    when = fields_of(value).when
    assert (when.start, when.zone) == (at(2026, 3, 9, 8), "Pacific/Auckland")


def test_all_day_values_are_dates_whatever_zone_they_are_labelled_with() -> None:
    value = told("2026-03-28T00:00:00", "2026-03-30T00:00:00", isAllDay=True)
    value["start"]["timeZone"] = value["end"]["timeZone"] = "Pacific/Auckland"
    assert fields_of(value).when == When(date(2026, 3, 28), date(2026, 3, 30))


def test_a_time_in_the_second_pass_of_a_repeated_hour_keeps_its_instant() -> None:
    value = told("2026-10-25T01:30:00", "2026-10-25T02:30:00")
    when = fields_of(value).when
    assert when.start_instant(BERLIN) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert when.end_instant(BERLIN) == datetime(2026, 10, 25, 2, 30, tzinfo=UTC)


# -- series ------------------------------------------------------------------------------------------------------------


def test_a_master_tells_its_rule_and_its_cancelled_occurrences_as_wall_times() -> None:
    value = MONDAYS | {"cancelledOccurrences": ["OID.AAMkMASTER=.2026-04-06"]}
    event = mapping.event(value, BERLIN, marker_known=True)
    assert event.kind is EventKind.SERIES
    assert event.fields is not None
    assert event.fields.recurrence == Recurrence(("RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20260629T215959Z",))
    assert event.cancelled == (at(2026, 4, 6, 9),)
    stub = mapping.cancelled_occurrence("OID.AAMkMASTER=.2026-04-06", event)
    assert (stub.kind, stub.series_id) == (EventKind.CANCELLED, "AAMkMASTER=")
    assert stub.original_start == datetime(2026, 4, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize("name", ["", "AAMk", "OID.AAMk", "OID.AAMk.2026-13-01", "OID.AAMk.06/04/2026", None, 5])
def test_a_cancelled_occurrence_in_an_unknown_form_is_refused_not_guessed(name: Any) -> None:
    with pytest.raises(ProtocolError):
        mapping.event(MONDAYS | {"cancelledOccurrences": [name]}, BERLIN, marker_known=True)


def test_an_id_with_dots_in_it_does_not_confuse_the_date() -> None:
    assert mapping.cancelled_date("OID.a.2026-01-01.b/c=.2026-04-06") == date(2026, 4, 6)


def test_an_exception_tells_its_series_and_its_original_instant() -> None:
    value = LUNCH | {"type": "exception", "seriesMasterId": "M", "originalStart": "2026-03-09T08:00:00Z"}
    event = mapping.event(value, BERLIN, marker_known=True, master=MONDAYS)
    assert (event.kind, event.series_id) == (EventKind.EXCEPTION, "M")
    assert event.original_start == datetime(2026, 3, 9, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("original", "zone"),
    [
        ("2026-03-09T07:00:00Z", "America/Los_Angeles"),
        ("2026-03-08T23:00:00Z", BERLIN),
        ("2026-03-08T11:00:00Z", "Pacific/Auckland"),
        ("2026-03-09T00:00:00Z", "UTC"),
        # The zone we know of is not the mailbox's: the nearest midnight.
        ("2026-03-08T23:00:00Z", "UTC"),
        ("2026-03-09T07:00:00Z", BERLIN),
    ],
)
def test_an_all_day_occurrence_is_placed_by_the_mailboxs_midnight(original: str, zone: str) -> None:
    value = told("2026-03-09T00:00:00", "2026-03-10T00:00:00", isAllDay=True, type="exception", seriesMasterId="M")
    master = MONDAYS | {"isAllDay": True}
    event = mapping.event(value | {"originalStart": original}, zone, marker_known=True, master=master)
    assert event.original_start == date(2026, 3, 9)


# -- what is on it -----------------------------------------------------------------------------------------------------


def test_words_of_graph_become_words_of_the_field() -> None:
    value = LUNCH | {
        "showAs": "workingElsewhere",
        "sensitivity": "personal",
        "responseStatus": {"response": "tentativelyAccepted"},
        "isOrganizer": False,
        "attendees": [{"emailAddress": {"address": "bo@example.org"}}],
        "transactionId": "7E163156-7762-4BEB-A1C6-729EA81755A7",
        "iCalUId": "0400",
        "categories": ["Blue"],
        "isReminderOn": True,
        "reminderMinutesBeforeStart": 15,
        "location": {"displayName": " Room 1 "},
        "onlineMeeting": {"joinUrl": "https://meet.example.com/a"},
        "webLink": "https://outlook.example.com/x",
        "lastModifiedDateTime": "2026-03-02T10:00:00.1234567Z",
    }
    event = mapping.event(value, BERLIN, marker_known=False)
    assert event.fields is not None
    assert event.fields.availability is Availability.ELSEWHERE
    assert event.fields.visibility is Visibility.PRIVATE
    assert (event.fields.place, event.fields.link) == ("Room 1", "https://meet.example.com/a")
    assert event.fields.reminders == (15,)
    assert event.response is Response.TENTATIVE
    assert event.organised_elsewhere
    assert event.guests
    assert event.transaction_id == "7e163156-7762-4beb-a1c6-729ea81755a7"
    assert (event.ical_uid, event.categories, event.etag) == ("0400", ("Blue",), 'W/"key"')
    assert event.updated_at == datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)
    assert (event.marker, event.marker_known) == (None, False)


@pytest.mark.parametrize(
    ("show_as", "meaning"),
    [("free", Availability.FREE), ("oof", Availability.OUT_OF_OFFICE), ("unknown", Availability.BUSY)],
)
def test_an_unknown_availability_is_busy(show_as: str, meaning: Availability) -> None:
    assert fields_of(LUNCH | {"showAs": show_as}).availability is meaning


def test_a_called_off_meeting_is_gone_and_a_called_off_occurrence_cancelled() -> None:
    assert mapping.event(LUNCH | {"isCancelled": True}, BERLIN, marker_known=True).gone
    part = LUNCH | {"type": "exception", "seriesMasterId": "M", "originalStart": "2026-03-09T08:00:00Z"}
    event = mapping.event(part | {"isCancelled": True}, BERLIN, marker_known=True, master=MONDAYS)
    assert (event.kind, event.fields, event.gone) == (EventKind.CANCELLED, None, False)


@pytest.mark.parametrize(
    "broken",
    [
        {"id": None, "start": None},
        {"start": {"dateTime": "soon", "timeZone": "UTC"}},
        {"type": "holiday"},
        {"type": "exception"},
        {"recurrence": {"pattern": {}}},
        {"body": "text"},
    ],
)
def test_an_unreadable_event_is_an_error_of_its_own(broken: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        mapping.event(LUNCH | broken, BERLIN, marker_known=True)


EXCHANGE = (
    '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n'
    "<style>p {{}}</style></head>"
    '<body>\r\n<font size="2"><span style="font-size:11pt;"><div class="PlainText">{}</div></span></font></body></html>'
)


def test_text_that_exchange_wrapped_is_plain_text_again() -> None:
    content = EXCHANGE.format("Bring the map<br>\r\nand &lt;b&gt;bread&lt;/b&gt;")
    fields = fields_of(LUNCH | {"body": {"contentType": "html", "content": content}})
    assert (fields.text, fields.html) == ("Bring the map\nand <b>bread</b>", None)


def test_rich_text_is_kept_sanitised_beside_its_plain_text() -> None:
    content = EXCHANGE.format('Hello <b onclick="x()">you</b><script>alert(1)</script>')
    fields = fields_of(LUNCH | {"body": {"contentType": "html", "content": content}})
    assert fields.text == "Hello you"
    assert fields.html is not None
    assert "<b>you</b>" in fields.html
    assert "onclick" not in fields.html
    assert "script" not in fields.html


# -- normal form -------------------------------------------------------------------------------------------------------


def timed(**more: Any) -> Fields:
    """A timed event in Berlin."""
    return Fields(**{"when": When(at(2026, 3, 10, 9), at(2026, 3, 10, 10), BERLIN), "title": "Busy", **more})


def test_a_series_gets_the_zone_name_that_exchange_gives_back_at_the_same_wall_time() -> None:
    when = When(at(2026, 3, 9, 9), at(2026, 3, 9, 10), "Europe/Oslo")
    form = mapping.normal_form(timed(when=when, recurrence=Recurrence(("RRULE:FREQ=WEEKLY;BYDAY=MO;WKST=MO",))))
    assert form.when == replace(when, zone=BERLIN)
    assert form.recurrence == Recurrence(("RRULE:FREQ=WEEKLY;BYDAY=MO",))


def test_a_single_keeps_its_instant_in_a_zone_that_exchange_does_not_know() -> None:
    when = When(at(2026, 7, 10, 9), at(2026, 7, 10, 10), "Antarctica/Troll")
    form = mapping.normal_form(timed(when=when)).when
    assert (form.start_instant(BERLIN), form.zone) == (when.start_instant(BERLIN), "UTC")


def test_seconds_floating_colour_and_public_are_what_graph_does_not_keep() -> None:
    when = When(at(2026, 3, 10, 9, 0, 42), at(2026, 3, 10, 10, 0, 5), BERLIN, floating=True)
    form = mapping.normal_form(timed(when=when, colour="tomato", visibility=Visibility.PUBLIC))
    assert form.when == When(at(2026, 3, 10, 9), at(2026, 3, 10, 10), BERLIN)
    assert (form.colour, form.visibility) == (None, Visibility.DEFAULT)


@pytest.mark.parametrize(("given_", "kept"), [((5, 30), (5,)), ((), ()), (None, ()), ((-10, 20), (20,)), ((-10,), ())])
def test_of_many_reminders_the_smallest_is_kept(given_: tuple[int, ...] | None, kept: tuple[int, ...]) -> None:
    assert mapping.normal_form(timed(reminders=given_)).reminders == kept


def test_a_title_is_one_line_of_255_characters() -> None:
    form = mapping.normal_form(timed(title="  a\n" + "b" * 300))
    assert len(form.title) == 255
    assert form.title.startswith("a b")


@given(
    title=st.text(max_size=300),
    body=st.text(max_size=200),
    markup=st.none() | st.text(alphabet="<>/abpul i&;\n", max_size=80) | st.just("<b>x</b><p>-- Kalends --</p>y"),
    guests=st.none() | st.lists(st.text(max_size=30), max_size=4).map(text.guest_list),
    link=st.sampled_from(["", "https://e.org/a?b=1&c=2", "https://e.org/a)"]),
    start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - wall times
    minutes=st.integers(0, 3000),
    zone=st.sampled_from([BERLIN, "Europe/Oslo", "America/New_York", "Antarctica/Troll", "Asia/Kathmandu", "UTC"]),
)
def test_the_normal_form_is_its_own_normal_form(
    title: str,
    body: str,
    markup: str | None,
    guests: GuestList | None,
    link: str,
    start: datetime,
    minutes: int,
    zone: str,
) -> None:
    when = When(start, start + timedelta(minutes=minutes), zone)
    fields = Fields(when, title=title, text=body, html=markup, guests=guests, link=link)
    form = mapping.normal_form(fields)
    assert mapping.normal_form(form) == form
    if text.FOOTER not in body and text.FOOTER not in (markup or ""):
        assert form.guests == guests


# -- what can be said --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "lines", "says"),
    [
        (BERLIN, ("RRULE:FREQ=WEEKLY;BYDAY=TU",), True),
        ("Europe/Oslo", ("RRULE:FREQ=WEEKLY;BYDAY=TU",), True),
        ("Antarctica/Troll", ("RRULE:FREQ=WEEKLY;BYDAY=TU",), False),
        (BERLIN, ("RRULE:FREQ=HOURLY",), False),
        (BERLIN, ("RRULE:FREQ=DAILY", "RDATE:20260401T090000"), False),
    ],
)
def test_a_series_is_expressible_with_its_zone_or_not_at_all(zone: str, lines: tuple[str, ...], says: bool) -> None:
    when = When(at(2026, 3, 10, 9), at(2026, 3, 10, 10), zone)
    assert mapping.expresses(timed(when=when, recurrence=Recurrence(lines))) is says


def test_a_single_is_always_expressible() -> None:
    assert mapping.expresses(timed())


# -- what is sent ------------------------------------------------------------------------------------------------------


def test_a_create_carries_marker_silence_and_times_without_offset_and_never_attendees() -> None:
    value = sent(timed(visibility=Visibility.PRIVATE))
    assert value["start"] == {"dateTime": "2026-03-10T09:00:00", "timeZone": "W. Europe Standard Time"}
    assert value["isReminderOn"] is False
    assert (value["showAs"], value["sensitivity"], value["isAllDay"]) == ("busy", "private", False)
    assert value["body"] == {"contentType": "text", "content": ""}
    assert value["location"] == {"displayName": ""}
    assert markers.from_graph(value) == MARKER
    assert "attendees" not in value
    assert "recurrence" not in value


def test_an_all_day_event_is_midnight_to_midnight_in_the_mailboxs_zone() -> None:
    value = sent(Fields(When(date(2026, 3, 28), date(2026, 3, 29))))
    assert value["start"] == {"dateTime": "2026-03-28T00:00:00", "timeZone": "W. Europe Standard Time"}
    assert value["end"]["dateTime"] == "2026-03-29T00:00:00"


def test_a_series_is_sent_with_its_rule_in_the_zone_of_its_times() -> None:
    when = When(at(2026, 3, 9, 9), at(2026, 3, 9, 10), "Europe/Oslo")
    value = sent(timed(when=when, recurrence=Recurrence(("RRULE:FREQ=WEEKLY",))))
    assert value["recurrence"]["range"]["recurrenceTimeZone"] == value["start"]["timeZone"] == "W. Europe Standard Time"
    assert value["recurrence"]["range"]["startDate"] == "2026-03-09"


def test_an_update_sends_what_differs_and_the_marker() -> None:
    now = timed(recurrence=Recurrence(("RRULE:FREQ=WEEKLY;BYDAY=TU",)), text="Same")
    value = sent(replace(now, title="New"), unlike=now)
    assert set(value) == {"subject", "singleValueExtendedProperties"}


def test_an_occurrence_is_sent_without_a_rule() -> None:
    value = sent(timed(recurrence=Recurrence(("RRULE:FREQ=WEEKLY",))), occurrence=True)
    assert "recurrence" not in value


@pytest.mark.parametrize("html", [None, "<p>Agenda <b>now</b></p>"])
def test_guests_stand_below_our_line_by_name_and_are_read_as_the_guests_again(html: str | None) -> None:
    guests = text.guest_list(["Weber, Jonas", "Ana <Lee> & Co", "bo@example.org", "- Hana", None])
    value = sent(timed(text="Agenda now", html=html, link="https://meet.example.com/a", guests=guests))
    assert "attendees" not in value
    assert "bo@example.org" not in value["body"]["content"]
    fields = fields_of(LUNCH | {"body": value["body"]})
    assert (fields.text, fields.link, fields.guests) == ("Agenda now", "https://meet.example.com/a", guests)
    # Exchange makes a page of every body, with lines and links as it spells them.
    page = value["body"]["content"].replace("\n", "<br>\n") if html is None else value["body"]["content"]
    page = text.escape(page).replace("&lt;br&gt;", "<br>") if html is None else page
    wrapped = {"contentType": "html", "content": f"<html><head></head><body><div>{page}</div></body></html>"}
    assert fields_of(LUNCH | {"body": wrapped}).guests == guests


def test_who_else_is_on_an_event_is_told_by_name_without_rooms() -> None:
    attendees = [
        {"type": "required", "emailAddress": {"name": "Weber, Jonas", "address": "jonas@example.org"}},
        {"type": "optional", "emailAddress": {"name": "hana@example.org", "address": "hana@example.org"}},
        {"type": "resource", "emailAddress": {"name": "Room 4", "address": "room4@example.org"}},
    ]
    event = mapping.event(LUNCH | {"attendees": attendees}, BERLIN, marker_known=True)
    assert event.guests
    assert event.guest_list == GuestList(("Weber, Jonas",), 1)
    assert event.fields is not None
    assert event.fields.guests is None, "who is on an event is not what its text says"


def test_a_long_text_keeps_what_stands_below_our_line() -> None:
    fields = timed(text="t" * 200_000, guests=GuestList(("Ana",)))
    read = fields_of(LUNCH | {"body": sent(fields)["body"]})
    assert (read.text, read.guests) == (mapping.normal_form(fields).text, GuestList(("Ana",)))


def test_a_meeting_link_stands_below_our_line_and_is_read_as_the_link_again() -> None:
    value = sent(timed(text="Agenda", link="https://meet.example.com/a"))
    fields = fields_of(LUNCH | {"body": value["body"]})
    assert (fields.text, fields.link) == ("Agenda", "https://meet.example.com/a")


# -- marker ------------------------------------------------------------------------------------------------------------


def test_a_released_marker_is_not_found_by_its_direction_but_still_read() -> None:
    released = replace(MARKER, released=True)
    told_ = markers.to_graph(released)
    assert {"id": markers.DIRECTION, "value": "direction"} not in told_
    assert markers.from_graph({"singleValueExtendedProperties": told_}) == released


def test_a_marker_is_read_whatever_the_case_of_its_guid_and_however_odd_its_values() -> None:
    properties = [
        {"id": markers.DIRECTION.replace(markers.GUID, markers.GUID.upper()), "value": "d"},
        {"id": markers.GENERATION, "value": "many"},
        {"id": "String {00000000-0000-0000-0000-000000000000} Name Other", "value": "x"},
    ]
    assert markers.from_graph({"singleValueExtendedProperties": properties}) == Marker("d", "", 0, "")
    assert markers.from_graph({"singleValueExtendedProperties": []}) is None
    assert markers.from_graph({}) is None


def test_a_quote_cannot_break_out_of_a_filter() -> None:
    assert markers.filter_for(markers.COPY, "a' or 'b").endswith("ep/value eq 'a'' or ''b')")
