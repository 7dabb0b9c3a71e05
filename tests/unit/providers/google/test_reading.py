"""Listings and direct reads that the emulated Google never sends."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.domain.errors import AccessError, CursorExpiredError, ProtocolError
from app.domain.events import EventKind
from app.domain.links import Evidence, Unreadable
from app.domain.times import Span
from app.providers.google import reading
from app.providers.google.reading import GoogleAnswers
from tests.unit.providers.google.scripted import asked, multipart, place_of, refusal

pytestmark = pytest.mark.anyio

SPAN = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


def item(event_id: str, **more: Any) -> dict[str, Any]:
    """An event."""
    day = {"date": "2026-03-09"}
    return {"id": event_id, "status": "confirmed", "start": day, "end": day, "iCalUID": f"{event_id}@g", **more}


def listing(*items: object, **more: Any) -> dict[str, Any]:
    """A list of events."""
    return {"kind": "calendar#events", "accessRole": "owner", "timeZone": "Europe/Berlin", "items": list(items), **more}


async def test_a_full_read_asks_for_masters_and_deletions_from_the_spans_start() -> None:
    seen: list[httpx.QueryParams] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.params)
        assert request.url.raw_path.startswith(b"/calendar/v3/calendars/ada%40example.com/events?")
        more = {"nextPageToken": "p2"} if len(seen) == 1 else {"nextSyncToken": "s=1&x"}
        return httpx.Response(200, json=listing(item(f"e{len(seen)}"), **more))

    place = place_of(answer)
    pages = reading.changes(place, None, SPAN)
    first, last = await pages.next(), await pages.next()
    assert await pages.next() is None
    assert first is not None
    assert last is not None
    assert (first.position, first.cursor) == ("p2", None)
    assert last.cursor is not None
    wanted = {"singleEvents": "false", "showDeleted": "true", "maxResults": "1000", "timeMin": "2026-03-01T00:00:00Z"}
    assert dict(seen[0]) == wanted
    assert dict(seen[1]) == {**wanted, "pageToken": "p2"}
    again = reading.changes(place, last.cursor, SPAN)
    await again.next()
    assert dict(seen[2]) == {
        "singleEvents": "false",
        "showDeleted": "true",
        "maxResults": "1000",
        "syncToken": "s=1&x",
    }
    await place.http.aclose()


async def test_a_cursor_keeps_the_parameters_it_was_made_with() -> None:
    seen: list[httpx.QueryParams] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.params)
        return httpx.Response(200, json=listing(nextSyncToken="new"))

    place = place_of(answer)
    page = await reading.changes(place, "maxResults=250&singleEvents=false&syncToken=old", SPAN).next()
    assert dict(seen[0]) == {"maxResults": "250", "singleEvents": "false", "syncToken": "old"}
    assert page is not None
    assert page.cursor == "maxResults=250&singleEvents=false&syncToken=new"
    await place.http.aclose()


@pytest.mark.parametrize("cursor", ["", "rubbish", "maxResults=5", "https://graph.microsoft.com/?$deltatoken=x"])
def test_a_cursor_of_another_kind_asks_for_a_full_read(cursor: str) -> None:
    place = place_of(lambda _: pytest.fail("a request was sent"))
    with pytest.raises(CursorExpiredError):
        reading.changes(place, cursor, SPAN)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (listing(), ProtocolError),
        ({"kind": "calendar#calendarList", "items": []}, ProtocolError),
        ({}, ProtocolError),
        ({"kind": "calendar#events", "items": {}, "nextSyncToken": "s"}, ProtocolError),
        (listing(accessRole="freeBusyReader", nextSyncToken="s"), AccessError),
        (listing(accessRole="none", nextSyncToken="s"), AccessError),
    ],
)
async def test_what_is_no_whole_listing_is_never_taken_for_an_empty_one(
    answer: dict[str, Any], expected: type[Exception]
) -> None:
    place = place_of(lambda _: httpx.Response(200, json=answer))
    with pytest.raises(expected):
        await reading.changes(place, None, SPAN).next()
    await place.http.aclose()


async def test_a_short_or_empty_page_is_not_the_last() -> None:
    answers = [listing(nextPageToken="2"), listing(item("a"), nextPageToken="3"), listing(nextSyncToken="s")]
    place = place_of(lambda _: httpx.Response(200, json=answers.pop(0)))
    pages = reading.changes(place, None, SPAN)
    told = [await pages.next() for _ in range(4)]
    assert [len(page.events) if page else -1 for page in told] == [0, 1, 0, -1]
    await place.http.aclose()


async def test_pages_that_turn_in_a_circle_are_an_error() -> None:
    place = place_of(lambda _: httpx.Response(200, json=listing(nextPageToken="same")))
    pages = reading.changes(place, None, SPAN)
    await pages.next()
    with pytest.raises(ProtocolError):
        await pages.next()
    await place.http.aclose()


async def test_one_unreadable_event_is_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    rows = [item("good"), item("bad", start={"date": "never"}, summary="Bad\nday"), "rubbish", item("fine")]
    place = place_of(lambda _: httpx.Response(200, json=listing(*rows, nextSyncToken="s")))
    with caplog.at_level(logging.WARNING):
        page = await reading.changes(place, None, SPAN).next()
    assert page is not None
    assert [event.id for event in page.events] == ["good", "fine"]
    assert "bad" in caplog.text
    assert page.unreadable == (Unreadable("bad", "Bad day"),)
    await place.http.aclose()


async def test_a_listing_by_marker_has_exactly_one_constraint_and_no_window() -> None:
    seen: list[httpx.QueryParams] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.params)
        return httpx.Response(200, json=listing())

    place = place_of(answer)
    pages = reading.marked(place, "abc")
    page = await pages.next()
    assert page is not None
    assert page.cursor is None
    assert await pages.next() is None
    assert seen[0].get_list("privateExtendedProperty") == ["kalendsDirection=abc"]
    assert "timeMin" not in seen[0]
    assert seen[0]["showDeleted"] == "false"
    await place.http.aclose()


def google(parts: dict[str, tuple[int, Any]], series: tuple[int, Any] = (200, listing()), proof: int = 200) -> Any:
    """A Google with these events; `proof` is the status of a listing of the calendar itself."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(proof, json=listing() if proof == 200 else {})
        rows = [series if "iCalUID=" in path else parts[path.rsplit("/", 1)[1]] for _, path in asked(request)]
        return multipart(rows)

    return answer


async def read_one(event_id: str, handler: Any) -> Any:
    """The answer for one event."""
    place = place_of(handler)
    answers = GoogleAnswers(place, [event_id], 2)
    told = await answers.next()
    assert await answers.next() == ()
    await place.http.aclose()
    (answer,) = told
    return answer


@pytest.mark.parametrize("status", [404, 410])
async def test_a_missing_event_is_gone_only_while_the_calendar_answers(status: int) -> None:
    assert (await read_one("a", google({"a": refusal(status)}))).evidence is Evidence.GONE
    for proof in (403, 404, 500):
        answer = await read_one("a", google({"a": refusal(status)}, proof=proof))
        assert answer.evidence is Evidence.UNKNOWN


@pytest.mark.parametrize("status", [400, 403, 500, 503])
async def test_a_refused_read_proves_nothing(status: int) -> None:
    assert (await read_one("a", google({"a": refusal(status)}))).evidence is Evidence.UNKNOWN


async def test_an_answer_about_another_event_proves_nothing() -> None:
    assert (await read_one("a", google({"a": (200, item("b"))}))).evidence is Evidence.UNKNOWN


async def test_a_cancelled_event_is_gone_and_told() -> None:
    answer = await read_one("a", google({"a": (200, {"id": "a", "status": "cancelled"})}))
    assert answer.evidence is Evidence.GONE
    assert [event.gone for event in answer.events] == [True]


async def test_a_series_is_told_with_its_own_exceptions_only() -> None:
    master = item("s", recurrence=["RRULE:FREQ=DAILY"])
    original = {"originalStartTime": {"date": "2026-03-10"}}
    own = item("s_1", recurringEventId="s", **original)
    stub = {"id": "s_2", "status": "cancelled", "recurringEventId": "s", "originalStartTime": {"date": "2026-03-11"}}
    stranger = item("t_1", recurringEventId="t", **original)
    answer = await read_one("s", google({"s": (200, master)}, (200, listing(own, stranger, master, stub))))
    assert answer.evidence is Evidence.FOUND
    assert {(event.id, event.kind) for event in answer.events} == {
        ("s", EventKind.SERIES),
        ("s_1", EventKind.EXCEPTION),
        ("s_2", EventKind.CANCELLED),
    }


@pytest.mark.parametrize(
    "series",
    [
        (200, listing()),
        (200, listing(item("s", status="cancelled"))),
        (200, {}),
        (200, listing(item("s", recurrence=["RRULE:FREQ=DAILY"]), item("s_1", recurringEventId="s"))),
        refusal(500),
        refusal(404),
    ],
)
async def test_a_series_that_was_not_read_whole_proves_nothing(series: tuple[int, Any]) -> None:
    master = item("s", recurrence=["RRULE:FREQ=DAILY"])
    assert (await read_one("s", google({"s": (200, master)}, series))).evidence is Evidence.UNKNOWN


async def test_a_broken_service_answers_unknown_for_all() -> None:
    place = place_of(lambda _: httpx.Response(500))
    told = await GoogleAnswers(place, ["a", "b"], 2).next()
    assert [answer.evidence for answer in told] == [Evidence.UNKNOWN] * 2
    await place.http.aclose()


async def test_an_event_asked_for_twice_is_answered_once() -> None:
    place = place_of(google({"a": (200, item("a"))}))
    told = await GoogleAnswers(place, ["a", "a"], 2).next()
    assert [answer.event_id for answer in told] == ["a"]
    await place.http.aclose()
