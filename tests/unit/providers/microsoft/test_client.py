"""The Microsoft client against answers that the emulated Graph does not give: odd, broken or hostile ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import unquote

import httpx
import pytest

from app.domain.accounts import Access, Connection, Provider
from app.domain.errors import (
    AccessError,
    AuthExpiredError,
    ForbiddenError,
    OfflineError,
    ProtocolError,
    ThrottledError,
    UnavailableError,
)
from app.domain.events import EventKind, Fields, Marker, Recurrence
from app.domain.identity import digest, transaction_id
from app.domain.links import Draft, Evidence, Intent, Op, Outcome, Result, Unreadable
from app.domain.times import Span, When
from app.providers.http import new_ssl_context
from app.providers.limits import AccountLimits
from app.providers.microsoft import MicrosoftService, mapping, verdicts
from app.providers.microsoft import marker as markers
from app.providers.retry import Retrier

pytestmark = pytest.mark.anyio

T = TypeVar("T")
BASE = "https://graph.example.com/v1.0"
CALENDAR = "/me/calendars/AAMk%3D%2F1"
SPAN = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
FIELDS = Fields(When(datetime(2026, 3, 10, 9), datetime(2026, 3, 10, 10), "Europe/Berlin"), title="Busy")  # noqa: DTZ001 - wall times
DRAFT = Draft(FIELDS, Marker("direction", "copy", 0, "here.1"))
THROTTLED = {"error": {"code": "ApplicationThrottled", "message": "Slow down."}}
NOT_FOUND = {"error": {"code": "ErrorItemNotFound", "message": "The specified object was not found in the store."}}

Told = tuple[int, Any] | tuple[int, Any, dict[str, str]]
Script = Callable[[str, str, dict[str, Any] | None], Told | None]


class Tokens:
    """A sign-in that gives numbered tokens."""

    def __init__(self) -> None:
        self.given = 1

    async def token(self, *, stale: str | None = None, claims: str | None = None) -> str:
        """The newest token."""
        if stale == f"token-{self.given}":
            self.given += 1
        return f"token-{self.given}"


@dataclass
class Graph:
    """A Graph of a few lines: `script` answers (method, path with query, body), batches are taken apart before it.

    None leaves a part of a batch out of its answer.
    """

    script: Script
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    outer: list[Callable[[httpx.Request], httpx.Response]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return self.outer.pop(0)(request) if self.outer else self.batch(request)

    def batch(self, request: httpx.Request) -> httpx.Response:
        """Answer by the script."""
        path = request.url.raw_path.decode().removeprefix("/v1.0")
        body: Any = json.loads(request.content) if request.content else None
        if path != "/$batch":
            status, answer, *_ = self._ask(request.method, path, body, dict(request.headers)) or (500, {})
            return httpx.Response(status, json=answer)
        parts = []
        for item in body["requests"]:
            told = self._ask(item["method"], item["url"], item.get("body"), item["headers"])
            if told is not None:
                status, answer, *more = told
                parts.append({"id": item["id"], "status": status, "headers": more[0] if more else {}, "body": answer})
        return httpx.Response(200, json={"responses": parts[::-1]})

    def _ask(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Told | None:
        self.asked.append((method, unquote(path)))
        self.headers.append({name.lower(): value for name, value in headers.items()})
        return self.script(method, unquote(path), body)

    def service(self) -> MicrosoftService:
        """Our client in front of it."""
        return MicrosoftService(
            Tokens(),
            BASE,
            ssl_context=new_ssl_context(),
            transport=httpx.MockTransport(self),
            limits=AccountLimits(burst=1000, per_minute=10_000, sleep=_no_sleep),
            retrier=Retrier(sleep=_no_sleep),
        )

    def client(self) -> Any:
        """The client of its one calendar."""
        zone = "Europe/Berlin"
        connection = Connection("conn_1", "acct_1", Provider.MICROSOFT, "AAMk=/1", "key", "Home", Access.WRITER, zone)
        return self.service().calendar(connection)


async def _no_sleep(_seconds: float) -> None:
    return


async def drain(step: Callable[[], Awaitable[Sequence[T]]]) -> list[T]:
    """Everything a `next()` tells."""
    result: list[T] = []
    while told := await step():
        result += told
    return result


def event(event_id: str = "E1", fields: Fields = FIELDS, **more: Any) -> dict[str, Any]:
    """An event as Graph would tell it after our write."""
    value = mapping.body(Draft(fields, DRAFT.marker), "Europe/Berlin")
    return {"id": event_id, "@odata.etag": 'W/"1"', "type": "singleInstance", **value, **more}


def intent(op: Op, number: int = 1, **more: Any) -> Intent:
    """A journaled write."""
    draft = None if op in (Op.DELETE, Op.CANCEL_OCCURRENCE) else DRAFT
    base = Intent(
        number, "dir_1", "run_1", op, "original", "", "copy", "c" * 40, 0, "here.1", target_id="E1", draft=draft
    )
    return replace(base, **more)


async def outcomes(client: Any, *intents: Intent) -> dict[int, Outcome]:
    """Write, and outcomes by intent."""
    return {outcome.intent_id: outcome for outcome in await drain(client.write(intents).next)}


def page(values: list[dict[str, Any]], **links: str) -> dict[str, Any]:
    """A page of delta that ends the round unless `next` says otherwise."""
    link = {"@odata.nextLink": links["next"]} if "next" in links else {"@odata.deltaLink": f"{BASE}/x?$deltatoken=1"}
    return {"value": values, **link}


# -- requests ----------------------------------------------------------------------------------------------------------


async def test_every_request_asks_for_immutable_ids_and_utc_also_inside_batches() -> None:
    def script(method: str, path: str, body: Any) -> Told:
        return (200, page([])) if "delta" in path else (200, event())

    graph = Graph(script)
    client = graph.client()
    await client.changes(None, SPAN).next()
    await drain(client.read(["E1"]).next)
    assert len(graph.headers) == 2
    for headers in graph.headers:
        assert 'IdType="ImmutableId"' in headers["prefer"]
        assert 'outlook.timezone="UTC"' in headers["prefer"]


async def test_ids_are_escaped_as_one_segment_of_the_path() -> None:
    seen: list[str] = []

    def script(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path.decode())
        return httpx.Response(200, json=page([]))

    graph = Graph(lambda *_: (500, {}), outer=[script])
    await graph.client().changes(None, SPAN).next()
    assert seen[0].startswith(f"/v1.0{CALENDAR}/calendarView/delta?startDateTime=2026-01-01T00:00:00Z&endDateTime=")


async def test_a_link_is_followed_to_the_letter() -> None:
    link = f"{BASE}/me/calendars('A%2Fb')/calendarView/delta()?%24skiptoken=R0us%2Bm-_~*cCM'9&x=1%202"
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url.raw_path.decode()))
        return httpx.Response(200, json=page([], next=link) if len(seen) == 1 else page([]))

    graph = Graph(lambda *_: (500, {}), outer=[answer, answer])
    pages = graph.client().changes(None, SPAN)
    first = await pages.next()
    assert first.position == link.removeprefix(f"{BASE}/")
    last = await pages.next()
    assert (last.position, last.cursor) == (None, "x?$deltatoken=1")
    assert seen[1] == link.removeprefix("https://graph.example.com")
    assert await pages.next() is None


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.com/v1.0/x?$skiptoken=1",
        "http://graph.example.com/v1.0/x?$skiptoken=1",
        "https://graph.example.com:8443/v1.0/x?$skiptoken=1",
        "https://graph.example.com@evil.example.com/x?$skiptoken=1",
        "//evil.example.com/x?$skiptoken=1",
        "",
        "no link at all",
    ],
)
async def test_a_link_to_another_origin_is_never_followed(link: str) -> None:
    graph = Graph(lambda *_: (200, page([], next=link)))
    with pytest.raises(ProtocolError):
        await graph.client().changes(None, SPAN).next()
    assert len(graph.asked) == 1


async def test_a_stored_position_cannot_lead_away_either() -> None:
    graph = Graph(lambda *_: (200, page([])))
    with pytest.raises(ProtocolError):
        await graph.client().changes("https://evil.example.com/x?$deltatoken=1", SPAN).next()
    assert graph.asked == []


async def test_a_page_that_neither_goes_on_nor_ends_is_no_end() -> None:
    graph = Graph(lambda *_: (200, {"value": []}))
    with pytest.raises(ProtocolError):
        await graph.client().changes(None, SPAN).next()


# -- reading -----------------------------------------------------------------------------------------------------------


async def test_a_404_proves_nothing_while_the_calendar_does_not_answer() -> None:
    graph = Graph(lambda *_: (404, NOT_FOUND))
    answers = await drain(graph.client().read(["E1"]).next)
    assert [answer.evidence for answer in answers] == [Evidence.UNKNOWN]


async def test_a_404_is_gone_once_the_calendar_answered_after_it() -> None:
    def script(method: str, path: str, body: Any) -> Told:
        return (200, {"id": "AAMk=/1"}) if "/events/" not in path else (404, NOT_FOUND)

    graph = Graph(script)
    answers = await drain(graph.client().read(["E1"]).next)
    assert [answer.evidence for answer in answers] == [Evidence.GONE]
    assert "/events/" in graph.asked[0][1]
    assert "/events/" not in graph.asked[-1][1]


async def test_a_removed_event_that_nobody_can_prove_gone_is_left_out_of_the_page() -> None:
    removed = {"id": "E1", "@removed": {"reason": "deleted"}}

    def script(method: str, path: str, body: Any) -> Told:
        return (200, page([removed])) if "delta" in path else (404, NOT_FOUND)

    told = await Graph(script).client().changes(None, SPAN).next()
    assert told.events == ()


async def test_one_unreadable_event_does_not_stop_the_page() -> None:
    bad = event("E2", type="lunar", subject="Full moon")
    told = await Graph(lambda *_: (200, page([bad, event("E1")]))).client().changes(None, SPAN).next()
    assert [one.id for one in told.events] == ["E1"]
    assert told.unreadable == (Unreadable("E2", "Full moon"),)


async def test_a_series_with_a_cancelled_occurrence_of_unknown_form_is_left_out_whole() -> None:
    master = event("M", type="seriesMaster", cancelledOccurrences=["odd"], exceptionOccurrences=[])
    single = event("E1")

    def script(method: str, path: str, body: Any) -> Told:
        return (200, page([{"id": "M", "type": "seriesMaster"}, single])) if "delta" in path else (200, master)

    told = await Graph(script).client().changes(None, SPAN).next()
    assert [one.id for one in told.events] == ["E1"]
    assert "M" not in told.whole_series
    assert [one.event_id for one in told.unreadable] == ["M"]


async def test_a_series_named_again_on_a_later_page_is_read_once_more_at_the_end_of_the_round() -> None:
    """Graph tells at the end of a round what changed while it was paged, and no later round tells it again."""
    rows = {
        name: {"id": f"{name}1", "type": "occurrence", "seriesMasterId": name, "subject": "Old"} for name in ("M", "N")
    }
    told = [
        page([rows["M"], rows["N"]], next=f"{BASE}/x?$skiptoken=1"),
        page([rows["M"]], next=f"{BASE}/x?$skiptoken=2"),
    ]
    told.append(page([]))
    weekly = replace(FIELDS, recurrence=Recurrence(("RRULE:FREQ=WEEKLY;BYDAY=TU",)))
    read: list[str] = []

    def script(method: str, path: str, body: Any) -> Told:
        if "/events/" not in path:
            return 200, told.pop(0)
        name = path.split("/events/")[1][0]
        read.append(name)
        fields = replace(weekly, title=f"Read {read.count(name)}")
        return 200, event(name, fields, type="seriesMaster", exceptionOccurrences=[], cancelledOccurrences=[])

    pages = Graph(script).client().changes("x?$deltatoken=0", SPAN)
    titles = []
    while (one := await pages.next()) is not None:
        titles.append({event.id: event.fields.title for event in one.events if event.fields})
    assert titles == [{"M": "Read 1", "N": "Read 1"}, {}, {"M": "Read 2"}]
    assert sorted(read) == ["M", "M", "N"]


async def test_an_exception_whose_series_is_not_there_is_told_alone() -> None:
    part = event("X", type="exception", seriesMasterId="M", originalStart="2026-03-10T08:00:00Z")

    def script(method: str, path: str, body: Any) -> Told:
        if "delta" in path:
            return 200, page([part])
        if "/events/X" in path:
            return 200, part
        return (404, NOT_FOUND) if "/events/M" in path else (200, {"id": "c"})

    client = Graph(script).client()
    told = await client.changes(None, SPAN).next()
    assert [(one.id, one.kind, one.series_id, one.gone) for one in told.events] == [
        ("X", EventKind.EXCEPTION, "M", False)
    ]
    answers = await drain(client.read(["X"]).next)
    assert [(answer.evidence, answer.events[0].marker_known) for answer in answers] == [(Evidence.FOUND, True)]


async def test_parts_left_out_refused_or_failed_are_read_again_alone() -> None:
    tries: dict[str, int] = {}

    def script(method: str, path: str, body: Any) -> Told | None:
        name = path.split("/events/")[1].split("?")[0]
        tries[name] = tries.get(name, 0) + 1
        if tries[name] > 1:
            return 200, event(name)
        first: dict[str, Told | None] = {
            "E0": (200, event("E0")),
            "E1": None,
            "E2": (503, {}),
            "E3": (429, THROTTLED, {"Retry-After": "1"}),
            "E4": (412, {"error": {"code": "ErrorIrresolvableConflict", "message": ""}}),
            "E5": (401, {"error": {"code": "InvalidAuthenticationToken", "message": ""}}),
        }
        return first[name]

    answers = await drain(Graph(script).client().read([f"E{n}" for n in range(6)]).next)
    assert {answer.evidence for answer in answers} == {Evidence.FOUND}
    assert tries["E0"] == 1


async def test_parts_that_stay_refused_by_the_sign_in_end_it() -> None:
    graph = Graph(lambda *_: (401, {"error": {"code": "InvalidAuthenticationToken", "message": ""}}))
    with pytest.raises(AuthExpiredError):
        await drain(graph.client().read(["E1"]).next)


async def test_parts_that_stay_broken_leave_the_answer_unknown() -> None:
    answers = await drain(Graph(lambda *_: (500, {})).client().read(["E1"]).next)
    assert [answer.evidence for answer in answers] == [Evidence.UNKNOWN]


async def test_a_page_is_no_page_while_a_series_in_it_cannot_be_read() -> None:
    graph = Graph(
        lambda method, path, body: (200, page([{"id": "M", "type": "seriesMaster"}])) if "delta" in path else (500, {})
    )
    with pytest.raises(UnavailableError):
        await graph.client().changes(None, SPAN).next()


async def test_calendars_come_from_all_pages_with_the_default_one_first() -> None:
    def script(method: str, path: str, body: Any) -> Told:
        if "mailboxSettings" in path:
            return 200, {"value": "Tokyo Standard Time"}
        if "/events" in path:
            return 200, {"value": []}
        if "skip" in path:
            return 200, {"value": [{"id": "b", "name": "B", "isDefaultCalendar": True, "canEdit": True}]}
        one = {"id": "a", "name": "A", "canEdit": False, "hexColor": "#a1b2c3"}
        return 200, {"value": [one], "@odata.nextLink": f"{BASE}/me/calendars?$skip=1"}

    listed = await Graph(script).service().calendars()
    assert [(c.calendar_id, c.access, c.primary, c.zone, c.colour) for c in listed] == [
        ("b", Access.WRITER, True, "Asia/Tokyo", None),
        ("a", Access.READER, False, "Asia/Tokyo", "#a1b2c3"),
    ]


async def test_a_fault_while_asking_for_the_zone_is_not_taken_for_utc() -> None:
    with pytest.raises(UnavailableError):
        await Graph(lambda *_: (503, {})).service().calendars()


# -- writing -----------------------------------------------------------------------------------------------------------


async def test_a_create_is_posted_with_transaction_id_and_marker_in_one_request() -> None:
    sent: list[dict[str, Any]] = []

    def script(method: str, path: str, body: Any) -> Told:
        sent.append(body)
        answered = {name: value for name, value in body.items() if name != "singleValueExtendedProperties"}
        return 201, {"id": "E1", "@odata.etag": 'W/"1"', "type": "singleInstance", **answered}

    told = await outcomes(Graph(script).client(), intent(Op.CREATE))
    assert told[1].result is Result.APPLIED
    assert told[1].event is not None
    assert told[1].event.marker == DRAFT.marker
    (body,) = sent
    assert body["transactionId"] == transaction_id("c" * 40)
    assert body["responseRequested"] is False
    assert markers.from_graph(body) == DRAFT.marker


@pytest.mark.parametrize("found_by", ["marker", "list", "nothing"])
async def test_a_duplicate_that_is_not_named_is_looked_for(found_by: str) -> None:
    there = event("E9", transactionId=transaction_id("c" * 40).upper())
    duplicate = {"error": {"code": "errorDuplicateTransactionId", "message": ""}}

    def script(method: str, path: str, body: Any) -> Told:
        if method == "POST":
            return 409, duplicate
        if "/events/E9" in path:
            return 200, there
        if "$filter" in path:
            return 200, {"value": [event("E8"), *([there] if found_by == "marker" else [])]}
        if "page=2" in path:
            return 200, {"value": [there] if found_by == "list" else []}
        return 200, {"value": [event("E7")], "@odata.nextLink": f"{BASE}/me/calendars/c/events?page=2"}

    told = await outcomes(Graph(script).client(), intent(Op.CREATE))
    assert told[1].result is Result.EXISTS
    assert (told[1].event.id if told[1].event else None) == (None if found_by == "nothing" else "E9")


async def test_a_duplicate_that_cannot_be_looked_up_leaves_the_create_unknown() -> None:
    named = {"error": {"code": "ErrorDuplicateTransactionId", "message": "", "@event.existingEventId": "E9"}}
    graph = Graph(lambda method, path, body: (400, named) if method == "POST" else (500, {}))
    told = await outcomes(graph.client(), intent(Op.CREATE))
    assert told[1].result is Result.UNKNOWN


async def test_a_replay_of_a_dead_event_is_not_taken_for_a_living_one() -> None:
    def script(method: str, path: str, body: Any) -> Told:
        if method == "POST":
            return 201, event("E1")
        return (404, NOT_FOUND) if "/events/" in path else (200, {"id": "c"})

    told = await outcomes(Graph(script).client(), intent(Op.CREATE, tries=2))
    assert (told[1].result, told[1].event) == (Result.EXISTS, None)


MEANINGS: dict[str, tuple[Told | None, Op, Result]] = {
    "missing": (None, Op.UPDATE, Result.UNKNOWN),
    "no status": ((0, {}), Op.UPDATE, Result.UNKNOWN),
    "throttled": ((429, THROTTLED, {"Retry-After": "9"}), Op.UPDATE, Result.LATER),
    "busy": ((503, {"error": {"code": "ErrorServerBusy"}}, {"Retry-After": "9"}), Op.CREATE, Result.UNKNOWN),
    "gateway": ((504, {}), Op.CREATE, Result.UNKNOWN),
    "dependency": ((424, {}), Op.CREATE, Result.UNKNOWN),
    "token": ((401, {}), Op.CREATE, Result.LATER),
    "mailbox full": ((507, {"error": {"code": "ErrorQuotaExceeded"}}), Op.CREATE, Result.REFUSED),
    "refused": ((400, {"error": {"code": "ErrorPropertyValidationFailure"}}), Op.CREATE, Result.REFUSED),
    "forbidden": ((403, {"error": {"code": "ErrorAccessDenied"}}), Op.UPDATE, Result.REFUSED),
    "no calendar": ((404, NOT_FOUND), Op.CREATE, Result.REFUSED),
    "gone": ((404, NOT_FOUND), Op.UPDATE, Result.DROPPED),
    "unreadable": ((200, {"id": "E1"}), Op.UPDATE, Result.UNKNOWN),
}


@pytest.mark.parametrize("name", MEANINGS)
async def test_each_answer_to_a_write_has_its_meaning(name: str) -> None:
    answer, op, result = MEANINGS[name]

    def script(method: str, path: str, body: Any) -> Told | None:
        return answer if method in ("POST", "PATCH") else (200, event())

    told = await outcomes(Graph(script).client(), intent(op))
    assert told[1].result is result, told
    assert told[1].retry_after_seconds == (9.0 if result is Result.LATER and name == "throttled" else None)


async def test_an_update_is_sent_with_the_version_it_was_planned_for() -> None:
    graph = Graph(lambda method, path, body: (200, event()))
    before = mapping.event(event(), "Europe/Berlin", marker_known=True)
    await outcomes(graph.client(), intent(Op.UPDATE, etag='W/"planned"', before=before))
    assert [headers.get("if-match") for headers in graph.headers] == ['W/"planned"']


async def test_a_conflict_that_our_own_earlier_try_made_counts_as_applied() -> None:
    conflict = {"error": {"code": "ErrorIrresolvableConflict", "message": ""}}
    graph = Graph(lambda method, path, body: (412, conflict) if method == "PATCH" else (200, event()))
    before = mapping.event(event(subject="Old"), "Europe/Berlin", marker_known=True)
    told = await outcomes(graph.client(), intent(Op.UPDATE, etag="old", before=before))
    assert told[1].result is Result.APPLIED


async def test_a_second_conflict_drops_the_update() -> None:
    conflict = {"error": {"code": "ErrorIrresolvableConflict", "message": ""}}
    old = event(subject="Old", singleValueExtendedProperties=markers.to_graph(replace(DRAFT.marker, stamp="here.0")))
    graph = Graph(lambda method, path, body: (412, conflict) if method == "PATCH" else (200, old))
    before = mapping.event(old, "Europe/Berlin", marker_known=True)
    told = await outcomes(graph.client(), intent(Op.UPDATE, etag="old", before=before))
    assert told[1].result is Result.DROPPED
    assert [method for method, _ in graph.asked] == ["PATCH", "GET", "PATCH"]


async def test_a_delete_of_what_is_gone_is_applied_only_while_the_calendar_answers() -> None:
    there = Graph(lambda method, path, body: (404, NOT_FOUND) if "/events/" in path else (200, {"id": "c"}))
    assert (await outcomes(there.client(), intent(Op.DELETE)))[1].result is Result.APPLIED
    lost = Graph(lambda *_: (404, NOT_FOUND))
    assert (await outcomes(lost.client(), intent(Op.DELETE)))[1].result is Result.UNKNOWN


async def test_a_rule_that_cannot_be_said_is_refused_without_asking() -> None:
    draft = replace(DRAFT, fields=replace(FIELDS, recurrence=Recurrence(("RRULE:FREQ=HOURLY",))))
    graph = Graph(lambda *_: (500, {}))
    told = await outcomes(graph.client(), intent(Op.CREATE, draft=draft))
    assert (told[1].result, told[1].code) == (Result.REFUSED, "rule_not_expressible")
    assert graph.asked == []


def test_no_write_that_names_attendees_ever_leaves() -> None:
    with pytest.raises(ForbiddenError):
        verdicts.write_item("POST", "me/events", {"subject": "Busy", "attendees": []})


def _refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def _lost(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("cut", request=request)


def _answer(status: int, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx.Response(status, json={"error": {"code": "x", "message": "y"}}, headers=named)


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (_lost, Result.UNKNOWN),
        (_answer(500), Result.UNKNOWN),
        (_answer(503, Retry_After="5"), Result.UNKNOWN),
        (_answer(429, Retry_After="5"), Result.LATER),
        (_answer(400), Result.REFUSED),
        (lambda request: httpx.Response(200, text="<html>sign in here</html>"), Result.UNKNOWN),
        (lambda request: httpx.Response(200, json={"responses": "none"}), Result.UNKNOWN),
    ],
)
async def test_a_batch_that_fails_as_a_whole_is_told_for_each_write(
    answer: Callable[[httpx.Request], httpx.Response], result: Result
) -> None:
    graph = Graph(lambda *_: (201, event()), outer=[answer])
    told = await outcomes(graph.client(), intent(Op.CREATE, 1), intent(Op.CREATE, 2, copy_id="d" * 40))
    assert {outcome.result for outcome in told.values()} == {result}
    assert graph.asked == []


@pytest.mark.parametrize(
    ("answer", "error"), [(_refused, OfflineError), (_answer(403), AccessError), (_answer(401), AuthExpiredError)]
)
async def test_what_was_sent_is_told_before_the_error_that_stops_the_rest(
    answer: Callable[[httpx.Request], httpx.Response], error: type[Exception]
) -> None:
    graph = Graph(lambda *_: (201, event()))
    graph.outer = [graph.batch, *[answer] * 10]
    intents = [intent(Op.CREATE, n, copy_id=digest(str(n))) for n in range(1, 101)]
    writing = graph.client().write(intents)
    told = list(await writing.next())
    with pytest.raises(error):
        await drain(writing.next)
    assert {outcome.result for outcome in told} == {Result.APPLIED}
    assert {outcome.intent_id for outcome in told} == set(range(1, 21))


async def test_a_long_pause_holds_the_whole_mailbox() -> None:
    graph = Graph(lambda *_: (200, page([])), outer=[_answer(429, Retry_After="600")])
    client = graph.client()
    with pytest.raises(ThrottledError):
        await client.changes(None, SPAN).next()
    told = await outcomes(client, intent(Op.CREATE))
    assert told[1].result is Result.LATER
    assert told[1].retry_after_seconds == pytest.approx(600, abs=60)
    assert graph.asked == []


async def test_a_write_that_is_cancelled_cancels_its_requests() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            raise AssertionError("nothing ever ends this request but its cancellation")

    service = MicrosoftService(Tokens(), BASE, ssl_context=new_ssl_context(), transport=Slow())
    connection = Connection("c", "a", Provider.MICROSOFT, "x", "key", "Home", Access.WRITER, "UTC")
    waiting = asyncio.ensure_future(service.calendar(connection).write([intent(Op.CREATE)]).next())
    async with asyncio.timeout(10):
        await started.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert ended.is_set()
    await service.aclose()
