"""Whatever a client sends, Graph and Entra answer in their own words and with their own status: never a 5xx of ours."""

from __future__ import annotations

import asyncio
import string
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.sandbox.microsoft import CLIENT_ID
from tests.contract.sandbox.microsoft_client import KEY, WINDOW, GraphClient, Scene, timed, weekly

SMALL = settings(
    derandomize=True,
    max_examples=40,
    deadline=None,
    # Every example has a scene of its own where it changes anything; one is enough where nothing is stored.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=30)
PRINTABLE = st.text(string.printable.replace("\r", "").replace("\n", "").replace("\x0b", "").replace("\x0c", ""))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
OPTIONS = st.sampled_from(
    "$select $filter $expand $orderby $top $skip $count $search $skiptoken $deltatoken startDateTime endDateTime "
    "StartDateTime $format x".split()
)
VALUES = WORDS | st.sampled_from(
    [
        "",
        "0",
        "-1",
        "99999999999999999999",
        "²",
        "subject",
        "subject eq 'x",
        "subject eq 'x' and",
        "(((",
        "start/dateTime ge '2026-13-45'",
        "start/dateTime lt 2026-03-01T00:00:00Z",
        "isAllDay eq maybe",
        "singleValueExtendedProperties",
        f"singleValueExtendedProperties($filter=id eq '{KEY}'",
        f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY}' and ep/value eq 'x')",
        "exceptionOccurrences($select=",
        "start/dateTime desc,subject nonsense",
        "2026-03-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "9999-12-31T23:59:59",
        "2026-03-01T25:00:00",
    ]
)
PATHS = st.sampled_from(
    [
        "/me",
        "/me/calendars",
        "/me/calendar",
        "/me/events",
        "/me/calendars/HOME/events",
        "/me/calendars/HOME/calendarView",
        "/me/calendars/HOME/calendarView/delta",
        "/me/calendars/HOME/events/delta",
        "/me/events/{id}",
        "/me/events/{id}/instances",
        "/me/mailboxSettings",
        "/me/outlook/supportedTimeZones",
    ]
)


NUMBERS = [b"NaN", b"-Infinity", b"1e999"]


async def world() -> tuple[Scene, GraphClient, str]:
    scene = Scene()
    graph = scene.client()
    made = await graph.post("/me/events", timed("Sync", "2026-03-09", recurrence=weekly("2026-03-09", "monday")))
    return scene, graph, str(made["id"])


def in_graphs_words(answer: httpx.Response) -> None:
    """A success, or a refusal in Graph's envelope. 501 is the sandbox's word for what it does not emulate."""
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    assert answer.headers["request-id"]
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert error["code"]
        assert error["message"]
        assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}


@given(PATHS, st.lists(st.tuples(OPTIONS, VALUES), max_size=3), st.booleans())
@SMALL
def test_any_query_is_answered_or_refused_in_graphs_words(
    path: str, options: list[tuple[str, str]], window: bool
) -> None:
    async def ask() -> None:
        _, graph, event_id = await world()
        params = [*options, *([tuple(part.split("=")) for part in WINDOW.split("&")] if window else [])]
        in_graphs_words(await graph.send("GET", path.replace("{id}", event_id), params=params))

    asyncio.run(ask())


@given(
    st.dictionaries(
        st.sampled_from(["Prefer", "If-Match", "client-request-id", "Content-Type", "Accept", "If-None-Match"]),
        PRINTABLE
        | st.sampled_from(
            ['outlook.timezone="', 'outlook.timezone="Mars"', "odata.maxpagesize=-1", 'IdType="x"', '"', ",,=,"]
        ),
        max_size=3,
    ),
    st.sampled_from(["GET", "PATCH", "DELETE"]),
)
@SMALL
def test_any_header_is_answered_or_refused_in_graphs_words(headers: dict[str, str], method: str) -> None:
    async def ask() -> None:
        _, graph, event_id = await world()
        raw = {name: value.strip().encode() for name, value in headers.items()}
        more = {"content": b"{}"} if method == "PATCH" else {}
        in_graphs_words(await graph.send(method, f"/me/events/{event_id}", headers=raw, **more))

    asyncio.run(ask())


@given(
    st.dictionaries(
        st.sampled_from(
            "subject body start end isAllDay recurrence attendees location locations categories showAs "
            "reminderMinutesBeforeStart singleValueExtendedProperties transactionId sensitivity id nonsense".split()
        ),
        JSON,
        max_size=4,
    )
    | JSON
)
@SMALL
def test_any_body_makes_an_event_or_is_refused_in_graphs_words(body: Any) -> None:
    async def ask() -> None:
        _, graph, event_id = await world()
        whole = {**timed("A", "2026-03-09"), **body} if isinstance(body, dict) else body
        in_graphs_words(await graph.send("POST", "/me/events", json=whole))
        in_graphs_words(await graph.send("PATCH", f"/me/events/{event_id}", json=body))
        for path in ("/me/events", f"/me/calendarView?{WINDOW}", f"/me/calendarView/delta?{WINDOW}"):
            in_graphs_words(await graph.send("GET", path))
        in_graphs_words(await graph.send("POST", "/me/translateExchangeIds", json=body))
        in_graphs_words(await graph.send("POST", "/me/calendars", json=body))

    asyncio.run(ask())


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["daily", "weekly", "absoluteMonthly", "relativeYearly", "absoluteYearly"])},
        optional={
            "interval": st.integers(-1, 1200),
            "daysOfWeek": st.lists(st.sampled_from(["monday", "sunday", "Friday", "x"]), max_size=3),
            "dayOfMonth": st.integers(-1, 33),
            "month": st.integers(-1, 14),
            "index": st.sampled_from(["first", "last", "fifth"]),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["noEnd", "endDate", "numbered"]), "startDate": st.sampled_from(["2026-03-09", "x"])},
        optional={
            "endDate": st.sampled_from(["9999-12-31", "0001-01-01", "2026-03-09", "x"]),
            "numberOfOccurrences": st.integers(-1, 2000),
            "recurrenceTimeZone": st.sampled_from(["UTC", "Mars", "tzone://Microsoft/Custom", ""]),
        },
    ),
)
@SMALL
def test_any_recurrence_is_kept_or_refused_in_graphs_words(pattern: dict[str, Any], limits: dict[str, Any]) -> None:
    async def ask() -> None:
        _, graph, _ = await world()
        body = timed("A", "2026-03-09", recurrence={"pattern": pattern, "range": limits})
        answer = await graph.send("POST", "/me/events", json=body)
        in_graphs_words(answer)
        for path in (f"/me/calendarView?{WINDOW}", f"/me/calendarView/delta?{WINDOW}"):
            in_graphs_words(await graph.send("GET", path))
        if answer.status_code == 201:
            in_graphs_words(await graph.send("GET", f"/me/events/{answer.json()['id']}/instances?{WINDOW}"))

    asyncio.run(ask())


PART = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["1", "2"]) | JSON,
        "method": st.sampled_from(["GET", "POST", "PATCH", "BREW"]) | JSON,
        "url": st.sampled_from(["/me", "me/events", "/me/events?$top=x", "//", "/../me", "http://x/", "?", "/$batch"])
        | WORDS,
        "headers": st.sampled_from([{"Content-Type": "application/json"}, {"Prefer": "x"}, {"a\nb": "c"}]) | JSON,
        "body": JSON,
        "dependsOn": st.lists(st.sampled_from(["1", "2", "3"]), max_size=2) | JSON,
    },
)


@given(st.lists(PART, max_size=3) | JSON)
@SMALL
def test_any_batch_is_answered_part_by_part_or_refused_in_graphs_words(requests: Any) -> None:
    async def ask() -> None:
        _, graph, _ = await world()
        answer = await graph.send("POST", "/$batch", json={"requests": requests})
        in_graphs_words(answer)
        if answer.status_code == 200:
            for part in answer.json()["responses"]:
                assert part["status"] < 500 or part["status"] == 501, part

    asyncio.run(ask())


@given(
    st.text(alphabet=string.ascii_letters + string.digits + "-_=/%.+ ", max_size=60), st.sampled_from(["GET", "PUT"])
)
@SMALL
def test_any_path_is_answered_or_refused_in_graphs_words(tail: str, method: str) -> None:
    async def ask() -> None:
        _, graph, _ = await world()
        for base in ("/", "/me/", "/me/events/", "/me/calendars/HOME/events/"):
            path = httpx.URL("http://localhost:5001").copy_with(
                raw_path=f"/v1.0{base}{tail}".replace(" ", "%20").encode()
            )
            in_graphs_words(await graph.send(method, str(path)))

    asyncio.run(ask())


FIELDS = st.sampled_from(
    "client_id grant_type code refresh_token device_code redirect_uri scope code_verifier claims client_secret "
    "response_type response_mode state nonce code_challenge code_challenge_method prompt login_hint request email "
    "decision user_code".split()
)
GIVEN = WORDS | st.sampled_from(
    [
        CLIENT_ID,
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
        "http://localhost:1",
        "http://localhost:99999999",
        "http://[",
        "User.Read openid",
        "code",
        "form_post",
        "S256",
        "allow",
        "{}",
    ]
)


@given(
    st.dictionaries(FIELDS, GIVEN, max_size=6),
    st.sampled_from(["common", "consumers", "nobody.example", "%00", "é"]),
    st.booleans(),
)
@SMALL
def test_any_request_to_entra_is_answered_or_refused_in_its_words(
    fields: dict[str, str], tenant: str, known: bool
) -> None:
    async def ask() -> None:
        scene = Scene()
        given_fields = {"client_id": CLIENT_ID, **fields} if known else fields
        transport = httpx.ASGITransport(app=scene.microsoft.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:5001") as http:
            for path in ("token", "devicecode"):
                answer = await http.post(f"/{tenant}/oauth2/v2.0/{path}", data=given_fields)
                assert answer.status_code in (200, 400, 401), answer.text
                if answer.status_code != 200:
                    told = answer.json()
                    assert told["error_description"].startswith(f"AADSTS{told['error_codes'][0]}: ")
                    assert {"trace_id", "correlation_id", "timestamp", "error_uri"} <= set(told)
            for method, path in (
                ("GET", "oauth2/v2.0/authorize"),
                ("POST", "oauth2/v2.0/authorize/consent"),
                ("GET", "v2.0/.well-known/openid-configuration"),
                ("POST", "oauth2/deviceauth"),
            ):
                more: dict[str, Any] = {"params": given_fields} if method == "GET" else {"data": given_fields}
                answer = await http.request(method, f"/{tenant}/{path}", **more)
                assert answer.status_code in (200, 302, 400), answer.text

    asyncio.run(ask())


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}", b"null", b"NaN"])
def test_a_body_that_is_no_json_is_refused_in_graphs_words(body: bytes) -> None:
    async def ask() -> None:
        _, graph, event_id = await world()
        for method, path in (("POST", "/me/events"), ("POST", "/$batch"), ("PATCH", f"/me/events/{event_id}")):
            answer = await graph.send(method, path, content=body, headers={"Content-Type": "application/json"})
            in_graphs_words(answer)
            assert answer.status_code == 400

    asyncio.run(ask())


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_json_does_not_have_is_refused_and_never_answered(number: bytes) -> None:
    async def ask() -> None:
        _, graph, event_id = await world()
        body = b'{"location":{"displayName":"x","coordinates":{"latitude":' + number + b"}}}"
        answer = await graph.send(
            "PATCH", f"/me/events/{event_id}", content=body, headers={"Content-Type": "application/json"}
        )
        in_graphs_words(answer)
        assert answer.status_code == 400
        assert (await graph.get(f"/me/events/{event_id}"))["location"]["displayName"] == ""

    asyncio.run(ask())
