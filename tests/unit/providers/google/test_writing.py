"""What each answer to a write means, and what keeps a write from being sent at all."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import httpx
import pytest

from app.domain.errors import AccessError, AuthExpiredError, ForbiddenError, OfflineError
from app.domain.events import Fields, Marker
from app.domain.links import Draft, Intent, Op, Outcome, Result
from app.domain.times import When
from app.providers.google.batch import Call
from app.providers.google.errors import QUOTA_PAUSE_SECONDS
from app.providers.google.reading import Place
from app.providers.google.writing import GoogleWriting, check_silent
from app.providers.limits import AccountLimits
from tests.unit.providers.google.scripted import Tokens, asked, multipart, place_of, refusal

pytestmark = pytest.mark.anyio

DRAFT = Draft(Fields(When(date(2026, 3, 9), date(2026, 3, 10)), title="Busy"), Marker("d", "c", 0, "here.1"))


def intent(number: int, op: Op = Op.CREATE, **more: Any) -> Intent:
    """A write."""
    return Intent(
        **{
            "id": number,
            "direction_id": "dir",
            "run_id": "run",
            "op": op,
            "original_id": "o",
            "occ": "",
            "copy_key": f"k{number}",
            "copy_id": f"{number:040x}",
            "generation": 0,
            "stamp": "here.1",
            "target_id": f"t{number}",
            "etag": '"1"',
            "draft": DRAFT if op in (Op.CREATE, Op.UPDATE) else None,
            **more,
        }
    )


def stored(event_id: str, **more: Any) -> dict[str, Any]:
    """An event as answered."""
    return {"id": event_id, "etag": '"2"', "start": {"date": "2026-03-09"}, "end": {"date": "2026-03-10"}, **more}


async def all_of(place: Place, intents: list[Intent], parallel: int = 2) -> dict[int, Outcome]:
    """Every outcome by intent."""
    writing = GoogleWriting(place, intents, parallel)
    told: dict[int, Outcome] = {}
    while outcomes := await writing.next():
        told.update((outcome.intent_id, outcome) for outcome in outcomes)
    await place.http.aclose()
    return told


@pytest.mark.parametrize(
    ("op", "part", "expected"),
    [
        (Op.CREATE, refusal(400, "invalid"), Result.REFUSED),
        (Op.CREATE, refusal(401, "authError"), None),
        (Op.CREATE, refusal(403, "forbidden"), Result.REFUSED),
        (Op.CREATE, refusal(404, "notFound"), Result.REFUSED),
        (Op.CREATE, refusal(403, "rateLimitExceeded"), Result.LATER),
        (Op.CREATE, refusal(429, "rateLimitExceeded"), Result.LATER),
        (Op.CREATE, refusal(429), Result.LATER),
        (Op.CREATE, refusal(403, "quotaExceeded"), Result.LATER),
        (Op.CREATE, refusal(408), Result.UNKNOWN),
        (Op.CREATE, refusal(500), Result.UNKNOWN),
        (Op.CREATE, refusal(503), Result.UNKNOWN),
        (Op.CREATE, None, Result.UNKNOWN),
        (Op.CREATE, (200, {}), Result.UNKNOWN),
        (Op.CREATE, (200, stored("somethingelse")), Result.UNKNOWN),
        (Op.CREATE, (200, {"id": f"kaln{1:040x}", "status": "cancelled"}), Result.EXISTS),
        (Op.CREATE, (200, stored(f"kaln{1:040x}")), Result.APPLIED),
        (Op.UPDATE, (200, stored("t1")), Result.APPLIED),
        (Op.UPDATE, (200, {"id": "t1", "status": "cancelled"}), Result.DROPPED),
        (Op.UPDATE, (200, {}), Result.UNKNOWN),
        (Op.UPDATE, refusal(400, "invalid"), Result.REFUSED),
        (Op.UPDATE, refusal(403, "forbiddenForNonOrganizer"), Result.REFUSED),
        (Op.UPDATE, refusal(404), Result.DROPPED),
        (Op.UPDATE, refusal(409, "conflict"), Result.LATER),
        (Op.UPDATE, refusal(410, "deleted"), Result.DROPPED),
        (Op.UPDATE, refusal(412, "conditionNotMet"), Result.DROPPED),
        (Op.UPDATE, refusal(500), Result.UNKNOWN),
        (Op.DELETE, (204, None), Result.APPLIED),
        (Op.DELETE, refusal(404), Result.APPLIED),
        (Op.DELETE, refusal(410, "deleted"), Result.APPLIED),
        (Op.DELETE, refusal(412, "conditionNotMet"), Result.DROPPED),
        (Op.DELETE, refusal(403, "forbidden"), Result.REFUSED),
        (Op.DELETE, refusal(500), Result.UNKNOWN),
        (Op.DELETE, None, Result.UNKNOWN),
    ],
)
async def test_each_answer_has_its_outcome(op: Op, part: Any, expected: Result | None) -> None:
    place = place_of(lambda request: multipart([part] * len(asked(request))))
    if expected is None:
        with pytest.raises(AuthExpiredError):
            await all_of(place, [intent(1, op)])
        await place.http.aclose()
        return
    told = (await all_of(place, [intent(1, op)]))[1]
    assert told.result is expected, told
    if expected not in (Result.APPLIED, Result.EXISTS):
        assert told.code or told.event is not None
    if part is not None and "quotaExceeded" in str(part[1]):
        assert told.retry_after_seconds == QUOTA_PAUSE_SECONDS


@pytest.mark.parametrize(
    ("found", "expected", "event_id"),
    [
        ((200, stored(f"kaln{1:040x}")), Result.EXISTS, f"kaln{1:040x}"),
        ((200, {"id": f"kaln{1:040x}", "status": "cancelled"}), Result.EXISTS, f"kaln{1:040x}"),
        (refusal(404), Result.EXISTS, None),
        (refusal(500), Result.UNKNOWN, None),
        (None, Result.UNKNOWN, None),
        ((200, {}), Result.UNKNOWN, None),
    ],
)
async def test_a_create_that_met_its_id_reads_what_is_there(found: Any, expected: Result, event_id: str | None) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return multipart([refusal(409, "duplicate") if method == "POST" else found for method, _ in asked(request)])

    told = (await all_of(place_of(answer), [intent(1)]))[1]
    assert told.result is expected
    assert (told.event.id if told.event else None) == event_id


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(500), Result.UNKNOWN),
        (httpx.Response(503, headers={"Retry-After": "5"}), Result.UNKNOWN),
        (httpx.Response(200, text="<html>"), Result.UNKNOWN),
        (httpx.Response(302, headers={"Location": "/"}), Result.UNKNOWN),
        (httpx.Response(400), Result.REFUSED),
        (httpx.Response(413), Result.REFUSED),
        (httpx.Response(429, headers={"Retry-After": "5"}), Result.LATER),
    ],
)
async def test_an_answer_to_the_whole_batch_counts_for_each_write(answer: httpx.Response, expected: Result) -> None:
    told = await all_of(place_of(lambda _: answer), [intent(1), intent(2, Op.DELETE)])
    assert {number: outcome.result for number, outcome in told.items()} == {1: expected, 2: expected}


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("slow"), httpx.ReadError("reset"), httpx.WriteTimeout("slow")])
async def test_a_cut_batch_is_unknown_and_not_sent_again(failure: httpx.TransportError) -> None:
    sent = 0

    def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal sent
        sent += 1
        raise failure

    told = await all_of(place_of(answer), [intent(1), intent(2)])
    assert {outcome.result for outcome in told.values()} == {Result.UNKNOWN}
    assert sent == 1


async def test_what_others_in_flight_did_is_told_before_the_connection_is_given_up() -> None:
    gate = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if len(asked(request)) == 50:
            await gate.wait()
            return multipart([(204, None)] * 50)
        gate.set()
        raise httpx.ConnectError("no route")

    place = place_of(answer)  # type: ignore[arg-type] # the mock transport takes coroutines too
    writing = GoogleWriting(place, [intent(n, Op.DELETE) for n in range(51)], 2)
    told = await writing.next()
    assert sorted(outcome.intent_id for outcome in told) == list(range(50))
    with pytest.raises(OfflineError):
        await writing.next()
    with pytest.raises(OfflineError):
        await writing.next()
    await place.http.aclose()


async def test_nothing_more_is_sent_once_the_sign_in_has_ended() -> None:
    sent = 0

    def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal sent
        sent += 1
        return httpx.Response(401)

    place = place_of(answer, Tokens(ends=True))
    writing = GoogleWriting(place, [intent(n) for n in range(500)], 1)
    with pytest.raises(AuthExpiredError):
        await writing.next()
    assert sent == 1
    await place.http.aclose()


async def test_a_batch_that_is_not_allowed_is_an_error_of_the_calendar() -> None:
    place = place_of(lambda _: httpx.Response(403, json={"error": {"errors": [{"reason": "accessNotConfigured"}]}}))
    with pytest.raises(AccessError):
        await GoogleWriting(place, [intent(1)], 2).next()
    await place.http.aclose()


async def test_cancelling_the_one_who_waits_stops_the_requests() -> None:
    cancelled = asyncio.Event()
    begun = asyncio.Event()

    async def answer(_request: httpx.Request) -> httpx.Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return httpx.Response(200)

    place = place_of(answer)  # type: ignore[arg-type] # the mock transport takes coroutines too
    writing = GoogleWriting(place, [intent(1)], 2)
    waiting = asyncio.create_task(writing.next())
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert cancelled.is_set()
    await place.http.aclose()


@pytest.mark.parametrize(
    ("lookup", "expected"),
    [
        (refusal(404), Result.DROPPED),
        (refusal(410), Result.DROPPED),
        (refusal(403, "forbidden"), Result.REFUSED),
        (refusal(403, "rateLimitExceeded"), Result.LATER),
        (refusal(500), Result.LATER),
        (None, Result.LATER),
        ((200, stored("t1", status="cancelled")), Result.DROPPED),
        ((200, stored("t1")), Result.DROPPED),
    ],
)
async def test_an_occurrence_whose_series_cannot_be_looked_up_is_not_written(lookup: Any, expected: Result) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        calls = asked(request)
        assert {method for method, _ in calls} == {"GET"}
        return multipart([(200, {"items": []}) if "/instances" in path else lookup for _, path in calls])

    one = intent(1, Op.UPDATE_OCCURRENCE, occurrence_start=date(2026, 3, 10), draft=DRAFT, etag="")
    assert (await all_of(place_of(answer), [one]))[1].result is expected


async def test_an_occurrence_is_found_by_its_original_start_and_written_at_its_version() -> None:
    written: list[str] = []
    instance = {**stored("t1_x"), "recurringEventId": "t1"}

    def answer(request: httpx.Request) -> httpx.Response:
        parts: list[Any] = []
        for method, path in asked(request):
            if method == "PATCH":
                written.append(request.content.decode())
                parts.append((200, {**instance, "originalStartTime": {"date": "2026-03-10"}}))
            elif "/instances" in path:
                assert "originalStart=2026-03-10" in path
                days = ("11", "10")
                rows = [{**instance, "id": f"t1_{n}", "originalStartTime": {"date": f"2026-03-{n}"}} for n in days]
                parts.append((200, {"items": rows}))
            else:
                parts.append((200, stored("t1", recurrence=["RRULE:FREQ=DAILY"])))
        return multipart(parts)

    one = intent(1, Op.UPDATE_OCCURRENCE, occurrence_start=date(2026, 3, 10), draft=DRAFT, etag="")
    told = (await all_of(place_of(answer), [one]))[1]
    assert told.result is Result.APPLIED
    assert "/events/t1_10?sendUpdates=none" in written[0]
    assert 'If-Match: "2"' in written[0]


@pytest.mark.parametrize(
    "call",
    [
        Call("POST", "calendars/c/events", {}),
        Call("POST", "calendars/c/events?sendUpdates=all", {}),
        Call("POST", "calendars/c/events?sendUpdates=none&sendUpdates=all", {}),
        Call("PATCH", "calendars/c/events/e?sendUpdates=none", {"attendees": []}),
        Call("PATCH", "calendars/c/events/e?sendUpdates=none", {"attendeesOmitted": True}),
        Call("DELETE", "calendars/c/events/e"),
    ],
)
def test_a_write_that_could_send_mail_is_stopped(call: Call) -> None:
    with pytest.raises(ForbiddenError) as caught:
        check_silent(call)
    assert caught.value.code == "would_notify"


async def test_reads_and_silent_writes_pass() -> None:
    check_silent(Call("GET", "calendars/c/events/e"))
    check_silent(Call("DELETE", "calendars/c/events/e?sendUpdates=none"))


async def test_what_still_waits_for_its_turn_is_called_back() -> None:
    sent: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths = asked(request)
        sent.append(len(paths))
        return multipart([(204, None)] * len(paths))

    place = place_of(answer, limits=AccountLimits(burst=50, per_minute=1))
    writing = GoogleWriting(place, [intent(number, Op.DELETE) for number in range(1, 151)], 3)
    assert len(await writing.next()) == 50
    writing.recall()
    assert await writing.next() == ()
    assert sent == [50]
    await place.http.aclose()
