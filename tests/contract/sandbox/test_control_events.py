"""Acting as the person over the control API, and what the services' clients see of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.sandbox.control_room import ANA, LEO, WEEKLY, ControlRoom

pytestmark = pytest.mark.anyio

SERVICES = ("google", "microsoft")
MARK = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name kalends"
LUNCH: dict[str, Any] = {"title": "Lunch", "start": "2026-03-10T12:00:00", "time_zone": "Europe/Berlin"}
TEXT = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//test//EN\r
BEGIN:VEVENT\r
UID:choir@example.com\r
DTSTAMP:20260101T000000Z\r
DTSTART;TZID=Europe/Berlin:20260309T190000\r
DURATION:PT2H\r
RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=6\r
EXDATE;TZID=Europe/Berlin:20260323T190000\r
SUMMARY:Choir\r
DESCRIPTION:Bring water\r
LOCATION:Hall\r
TRANSP:TRANSPARENT\r
CLASS:PRIVATE\r
ATTENDEE;CN=Mia;PARTSTAT=ACCEPTED:mailto:mia@example.org\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:choir@example.com\r
DTSTAMP:20260101T000000Z\r
RECURRENCE-ID;TZID=Europe/Berlin:20260316T190000\r
DTSTART;TZID=Europe/Berlin:20260317T190000\r
DTEND;TZID=Europe/Berlin:20260317T200000\r
SUMMARY:Short choir\r
END:VEVENT\r
END:VCALENDAR\r
"""
CALENDAR_TEXT = {"Content-Type": "text/calendar; charset=utf-8"}


@pytest.fixture
async def room() -> AsyncIterator[ControlRoom]:
    """Both services, and the control API."""
    made = ControlRoom()
    yield made
    await made.close()


async def google_events(room: ControlRoom, calendar: str = "primary", **params: Any) -> dict[str, Any]:
    """A listing as a client sees it."""
    answer = await room.google.get(f"calendars/{calendar}/events", params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def view(room: ControlRoom, calendar: str) -> list[tuple[str, str]]:
    """Start and title of everything in March and April as Graph tells it, in UTC."""
    answer = await room.graph.get(
        f"me/calendars/{calendar}/calendarView",
        params={"startDateTime": "2026-03-01T00:00:00Z", "endDateTime": "2026-05-01T00:00:00Z", "$top": "50"},
    )
    assert answer.status_code == 200, answer.text
    return [(row["start"]["dateTime"][:16], row["subject"]) for row in answer.json()["value"]]


async def instances(room: ControlRoom, provider: str) -> list[str]:
    """The starts of all occurrences in a person's first calendar, as local time, as the service's clients see them."""
    if provider == "microsoft":
        return [start for start, _ in await view(room, room.calendars("microsoft")[0])]
    page = await google_events(room, singleEvents="true", orderBy="startTime", timeZone="UTC")
    return [item["start"]["dateTime"][:16] for item in page["items"]]


# --- making, changing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", SERVICES)
async def test_an_event_without_an_end_lasts_an_hour_and_one_on_a_date_all_day(
    room: ControlRoom, provider: str
) -> None:
    timed = await room.make(provider, LUNCH)
    assert (timed["end"], timed["all_day"]) == ("2026-03-10T13:00:00", False)
    whole = await room.make(provider, {"title": "Off", "start": "2026-03-11"})
    assert (whole["end"], whole["all_day"]) == ("2026-03-12", True)


@pytest.mark.parametrize("provider", SERVICES)
async def test_one_event_can_be_asked_for_and_a_deleted_one_is_not_found(room: ControlRoom, provider: str) -> None:
    made = await room.make(provider, LUNCH)
    here = f"/calendars/{room.calendars(provider)[0]}/events/{made['id']}"
    assert await room.ask("GET", here) == made
    await room.ask("DELETE", here, status=204)
    for method, body in (("GET", None), ("PATCH", {"title": "x"}), ("DELETE", None)):
        problem = await room.ask(method, here, body, status=404)
        assert made["id"] in problem["error"]
        assert problem["field"] is None


@pytest.mark.parametrize("provider", SERVICES)
@pytest.mark.parametrize("wrapped", [False, True])
async def test_calendar_text_makes_a_series_with_its_exceptions(
    room: ControlRoom, provider: str, wrapped: bool
) -> None:
    here = f"/calendars/{room.calendars(provider)[0]}/events"
    if wrapped:
        made = await room.ask("POST", here, {"ical": TEXT}, status=201)
    else:
        made = await room.ask("POST", here, content=TEXT, headers=CALENDAR_TEXT, status=201)
    assert (made["title"], made["location"], made["busy"], made["visibility"]) == ("Choir", "Hall", "free", "private")
    assert made["attendees"][0]["email"] == "mia@example.org"
    assert made["attendees"][0]["response"] == "accepted"
    assert await instances(room, provider) == [
        *("2026-03-09T18:00", "2026-03-17T18:00", "2026-03-30T17:00", "2026-04-06T17:00", "2026-04-13T17:00"),
    ]


async def test_calendar_text_of_an_invitation_is_somebody_elses_event(room: ControlRoom) -> None:
    text = TEXT.replace(
        "ATTENDEE;CN=Mia;PARTSTAT=ACCEPTED:mailto:mia@example.org",
        f"ORGANIZER:mailto:mia@example.org\r\nATTENDEE;PARTSTAT=TENTATIVE:mailto:{ANA}",
    )
    made = await room.ask("POST", f"/calendars/{ANA}/events", {"ical": text}, status=201)
    assert made["response"] == "tentative"


@pytest.mark.parametrize("provider", SERVICES)
async def test_calendar_text_changes_the_one_event(room: ControlRoom, provider: str) -> None:
    made = await room.make(provider, WEEKLY)
    here = f"/calendars/{room.calendars(provider)[0]}/events/{made['id']}"
    text = (
        "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260401T080000Z\r\nDTEND:20260401T090000Z\r\nSUMMARY:New\r\nEND:VEVENT\r\n"
    )
    changed = await room.ask("PATCH", here, content=text, headers=CALENDAR_TEXT)
    assert (changed["title"], changed["start"]) == ("New", "2026-04-01T08:00:00")
    assert changed["time_zone"] in ("UTC", "Etc/UTC")
    assert "rrule" not in changed


async def test_several_events_in_a_text_are_made_all_or_none(room: ControlRoom) -> None:
    second = TEXT.replace("choir@", "other@")
    here = f"/calendars/{ANA}/events"
    made = await room.ask("POST", here, {"ical": TEXT + second}, status=201)
    assert [event["title"] for event in made["events"]] == ["Choir", "Choir"]
    bad = second.replace("other@", "third@").replace(
        "UID:third@example.com\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260316",
        "UID:third@example.com\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260318",
    )
    problem = await room.ask("POST", here, {"ical": TEXT.replace("choir@", "fourth@") + bad}, status=422)
    assert problem["field"] == "ical"
    assert len((await room.ask("GET", here))["events"]) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
        TEXT.replace("DTSTART;TZID=Europe/Berlin:20260309T190000", "DTSTART:yesterday"),
        TEXT.replace("DTSTART;TZID=Europe/Berlin:20260309T190000\r\n", ""),
        TEXT.replace("TZID=Europe/Berlin", "TZID=Mars/Base"),
        TEXT.replace("FREQ=WEEKLY", "FREQ=SECONDLY"),
        TEXT.replace("DURATION:PT2H", "DURATION:-PT2H"),
        TEXT.replace("CLASS:PRIVATE", "STATUS:CANCELLED"),
    ],
)
async def test_text_that_is_no_event_is_refused_by_its_field(room: ControlRoom, text: str) -> None:
    problem = await room.ask("POST", f"/calendars/{ANA}/events", content=text, headers=CALENDAR_TEXT, status=422)
    assert problem["field"] == "ical"
    assert (await room.ask("GET", f"/calendars/{ANA}/events"))["events"] == []


# --- moving ----------------------------------------------------------------------------------------------------------


async def test_an_event_moved_to_another_google_calendar_leaves_a_stub(room: ControlRoom) -> None:
    made = await room.make("google", LUNCH)
    token = (await google_events(room))["nextSyncToken"]
    other = room.calendars("google")[1]
    moved = await room.ask("POST", f"/calendars/{ANA}/events/{made['id']}/move", {"calendar": other})
    assert moved["id"] == made["id"]
    left = (await google_events(room, syncToken=token))["items"]
    assert [(item["id"], item["status"]) for item in left] == [(made["id"], "cancelled")]
    assert [item["id"] for item in (await google_events(room, other))["items"]] == [made["id"]]
    await room.ask("PATCH", f"/calendars/{ANA}/events/{made['id']}", {"title": "x"}, status=404)


async def test_an_event_moved_to_another_outlook_calendar_gets_another_ordinary_id(room: ControlRoom) -> None:
    home, club = room.calendars("microsoft")
    made = await room.make("microsoft", LUNCH)
    before = (await room.graph.get(f"me/calendars/{home}/events")).json()["value"][0]["id"]
    moved = await room.ask("POST", f"/calendars/{home}/events/{made['id']}/move", {"calendar": club})
    assert moved["id"] == made["id"]
    after = (await room.graph.get(f"me/calendars/{club}/events")).json()["value"]
    assert [row["subject"] for row in after] == ["Lunch"]
    assert after[0]["id"] != before
    assert (await room.graph.get(f"me/events/{before}")).status_code == 404


@pytest.mark.parametrize("provider", SERVICES)
async def test_an_event_moved_in_time_stays_as_long_as_it_was(room: ControlRoom, provider: str) -> None:
    made = await room.make(provider, {**LUNCH, "end": "2026-03-10T12:45:00"})
    here = f"/calendars/{room.calendars(provider)[0]}/events/{made['id']}/move"
    moved = await room.ask("POST", here, {"start": "2026-03-12T09:00:00"})
    assert (moved["start"], moved["end"]) == ("2026-03-12T09:00:00", "2026-03-12T09:45:00")
    assert await instances(room, provider) == ["2026-03-12T08:00"]


async def test_an_event_does_not_move_to_somebody_elses_calendar(room: ControlRoom) -> None:
    made = await room.make("google", LUNCH)
    for calendar in (room.calendars("microsoft")[0], "nothere", ANA):
        problem = await room.ask(
            "POST", f"/calendars/{ANA}/events/{made['id']}/move", {"calendar": calendar}, status=422
        )
        assert problem["field"] == "calendar"


# --- splitting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", SERVICES)
async def test_a_series_is_split_in_two_with_nothing_lost(room: ControlRoom, provider: str) -> None:
    exceptions = [
        {"original_start": "2026-03-16T19:00:00", "cancelled": True},
        {"original_start": "2026-04-06T19:00:00", "start": "2026-04-07T19:00:00", "end": "2026-04-07T20:00:00"},
    ]
    made = await room.make(provider, {**WEEKLY, "exceptions": exceptions})
    before = await instances(room, provider)
    here = f"/calendars/{room.calendars(provider)[0]}/events/{made['id']}/split"
    first, second = (await room.ask("POST", here, {"at": "2026-03-30T19:00:00"}))["events"]
    assert (first["id"], first["start"], second["start"]) == (made["id"], made["start"], "2026-03-30T19:00:00")
    assert second["id"] != first["id"]
    assert await instances(room, provider) == before
    early = [row["original_start"] for row in first["exceptions"] if row["original_start"] < second["start"]]
    assert early == ["2026-03-16T19:00:00"]
    # Google keeps a tombstone of an exception that its series no longer has.
    assert all(row.get("cancelled") for row in first["exceptions"] if row["original_start"] >= second["start"])
    assert [row["original_start"] for row in second["exceptions"]] == ["2026-04-06T19:00:00"]


@pytest.mark.parametrize("provider", SERVICES)
async def test_the_second_part_of_a_series_can_differ(room: ControlRoom, provider: str) -> None:
    made = await room.make(provider, WEEKLY)
    here = f"/calendars/{room.calendars(provider)[0]}/events/{made['id']}/split"
    changes = {"title": "Late choir", "start": "2026-03-23T20:00:00", "end": "2026-03-23T22:00:00"}
    first, second = (await room.ask("POST", here, {"at": "2026-03-23T19:00:00", "changes": changes}))["events"]
    assert (first["title"], second["title"]) == ("Choir", "Late choir")
    assert await instances(room, provider) == [
        *("2026-03-09T18:00", "2026-03-16T18:00"),
        *("2026-03-23T19:00", "2026-03-30T18:00", "2026-04-06T18:00", "2026-04-13T18:00"),
    ]


async def test_googles_second_part_has_the_private_properties_of_the_first_and_an_id_that_tells_its_start(
    room: ControlRoom,
) -> None:
    made = await room.make("google", WEEKLY)
    await room.google.patch(
        f"calendars/primary/events/{made['id']}", json={"extendedProperties": {"private": {"kalends": "x"}}}
    )
    here = f"/calendars/{ANA}/events/{made['id']}/split"
    _, second = (await room.ask("POST", here, {"at": "2026-03-23T19:00:00"}))["events"]
    assert second["id"] == f"{made['id']}_R20260323T190000"
    found = await google_events(room, privateExtendedProperty="kalends=x")
    assert [item["id"] for item in found["items"]] == [made["id"], second["id"]]


async def test_outlooks_second_part_has_the_extended_properties_of_the_first(room: ControlRoom) -> None:
    home = room.calendars("microsoft")[0]
    made = await room.make("microsoft", WEEKLY)
    own = (await room.graph.get(f"me/calendars/{home}/events")).json()["value"][0]["id"]
    marked = await room.graph.patch(
        f"me/events/{own}", json={"singleValueExtendedProperties": [{"id": MARK, "value": "x"}]}
    )
    assert marked.status_code == 200, marked.text
    await room.ask("POST", f"/calendars/{home}/events/{made['id']}/split", {"at": "2026-03-23T19:00:00"})
    wanted = f"singleValueExtendedProperties/any(p: p/id eq '{MARK}' and p/value eq 'x')"
    found = await room.graph.get(f"me/calendars/{home}/events", params={"$filter": wanted})
    assert len(found.json()["value"]) == 2, found.text


@pytest.mark.parametrize("provider", SERVICES)
@pytest.mark.parametrize("at", ["2026-03-09T19:00:00", "2026-03-24T19:00:00", "2026-03-23", "2027-03-22T19:00:00"])
async def test_a_series_is_split_at_one_of_its_later_occurrences_only(
    room: ControlRoom, provider: str, at: str
) -> None:
    made = await room.make(provider, WEEKLY)
    here = f"/calendars/{room.calendars(provider)[0]}/events/{made['id']}/split"
    assert (await room.ask("POST", here, {"at": at}, status=422))["field"] == "at"
    single = await room.make(provider, LUNCH)
    here = f"/calendars/{room.calendars(provider)[0]}/events/{single['id']}/split"
    assert (await room.ask("POST", here, {"at": LUNCH["start"]}, status=422))["field"] == "at"


# --- answering -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", SERVICES)
async def test_the_invited_person_answers_and_the_organizer_is_told(room: ControlRoom, provider: str) -> None:
    made = await room.make(provider, {**LUNCH, "response": "needsAction"})
    here = f"/calendars/{room.calendars(provider)[0]}/events/{made['id']}/respond"
    answered = await room.ask("POST", here, {"response": "declined"})
    assert answered["response"] == "declined"
    mails = (await room.ask("GET", "/outbox"))["invitations"]
    assert [(mail["kind"], mail["event_id"]) for mail in mails if mail["kind"] == "reply"] == [("reply", made["id"])]


@pytest.mark.parametrize("provider", SERVICES)
async def test_a_guest_answers_the_persons_event_and_its_etag_changes(room: ControlRoom, provider: str) -> None:
    made = await room.make(provider, {**LUNCH, "attendees": [{"email": "mia@example.org", "name": "Mia"}]})
    calendar = room.calendars(provider)[0]
    if provider == "google":
        client, own = room.google, f"calendars/{ANA}/events/{made['id']}"
    else:
        listed = (await room.graph.get(f"me/calendars/{calendar}/events")).json()["value"]
        client, own = room.graph, f"me/events/{listed[0]['id']}"
    before = (await client.get(own)).json()
    reply = {"response": "accepted", "email": "mia@example.org"}
    await room.ask("POST", f"/calendars/{calendar}/events/{made['id']}/respond", reply)
    after = await client.get(own)
    tag = "etag" if provider == "google" else "@odata.etag"
    assert after.json()[tag] != before[tag]
    row = after.json()["attendees"][0]
    assert (row.get("responseStatus") or row["status"]["response"]) == "accepted"


@pytest.mark.parametrize("provider", SERVICES)
async def test_nobody_answers_who_was_not_invited(room: ControlRoom, provider: str) -> None:
    made = await room.make(provider, LUNCH)
    here = f"/calendars/{room.calendars(provider)[0]}/events/{made['id']}/respond"
    for reply, field in (
        ({"response": "accepted"}, "response"),
        ({"response": "accepted", "email": "x@example.org"}, "email"),
        ({"response": "perhaps"}, "response"),
        ({}, "response"),
    ):
        assert (await room.ask("POST", here, reply, status=422))["field"] == field


# --- input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", SERVICES)
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"color": "red"}, "color"),
        ({"start": "tomorrow"}, "start"),
        ({"start": "2026-03-10T12:00:00+01:00"}, "start"),
        ({"end": "2026-03-10T11:00:00"}, "end"),
        ({"end": "2026-03-11"}, "end"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"rrule": ["RRULE:FREQ=WEEKLY", "BYDAY=MO"]}, "rrule.1"),
        ({"rrule": ["RRULE:FREQ=SECONDLY"]}, "rrule.0"),
        ({"title": 5}, "title"),
        ({"attendees": [{"email": "nobody"}]}, "attendees.0.email"),
        ({"attendees": ["nobody"]}, "attendees.0"),
        ({"exceptions": [{"original_start": 1}]}, "exceptions.0.original_start"),
        ({"busy": "maybe"}, "busy"),
    ],
)
async def test_a_field_that_cannot_be_used_is_named(
    room: ControlRoom, provider: str, change: dict[str, Any], field: str
) -> None:
    here = f"/calendars/{room.calendars(provider)[0]}/events"
    problem = await room.ask("POST", here, {**LUNCH, **change}, status=422)
    assert (problem["field"], problem["details"][0]["field"]) == (field, field)
    assert problem["error"].endswith(".")
    assert (await room.ask("GET", here))["events"] == []


async def test_a_rule_that_outlook_cannot_say_is_refused_by_its_field(room: ControlRoom) -> None:
    here = f"/calendars/{room.calendars('microsoft')[0]}/events"
    problem = await room.ask("POST", here, {**LUNCH, "rrule": ["RRULE:FREQ=HOURLY;COUNT=3"]}, status=422)
    assert problem["field"] == "rrule"


async def test_an_id_that_was_ever_used_at_google_is_refused_by_its_field(room: ControlRoom) -> None:
    here = f"/calendars/{ANA}/events"
    await room.ask("POST", here, {**LUNCH, "id": "abcde"}, status=201)
    await room.ask("DELETE", f"{here}/abcde", status=204)
    assert (await room.ask("POST", here, {**LUNCH, "id": "abcde"}, status=422))["field"] == "id"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"start": NaN}', "application/json"),
        (b'{"start": "2026-03-09", "title": "\\ud800"}', "application/json"),
        (b'{"start": "2026-03-09"}', "application/x-www-form-urlencoded"),
        (b'{"start": "2026-03-09"}', "text/plain"),
        (b"\xff\xfe", "text/calendar"),
    ],
)
async def test_a_body_that_cannot_be_read_is_told_so(room: ControlRoom, content: bytes, kind: str) -> None:
    here = f"/calendars/{ANA}/events"
    problem = await room.ask("POST", here, content=content, headers={"Content-Type": kind}, status=422)
    assert problem["field"]
    assert problem["error"]


async def test_unknown_calls_and_methods_are_told_in_the_same_shape(room: ControlRoom) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/accounts", 405), ("DELETE", "/faults/x", 404)):
        problem = await room.ask(method, path, status=status)
        assert set(problem) == {"error", "field", "details"}
    assert LEO in (await room.ask("GET", "/accounts"))["accounts"][1]["email"]
