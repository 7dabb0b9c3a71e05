"""Whatever is sent to the emulated Google, it answers in Google's words: never a 500, no other shape."""

from __future__ import annotations

import contextlib
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.sandbox.conftest import EMAIL, GoogleSide
from tests.contract.sandbox.test_google_events import SERIES

pytestmark = pytest.mark.anyio

FEW = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)

TEXT = st.text(max_size=20)
LONE = st.characters(categories=["Cs"])
"""Halves of surrogate pairs, which JSON can say and no text can hold."""
MOMENTS = st.sampled_from(
    [
        "2026-03-10T10:00:00Z",
        "2026-03-10T10:00:00.123+01:00",
        "2026-03-10T10:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2026-02-30T10:00:00Z",
        "2026-03-10",
        "0001-01-01",
        "9999-12-31",
        "",
    ]
)
ZONES = st.sampled_from(["Europe/Berlin", "Mars/Base", "", "../../etc/passwd", "UTC", "Pacific/Kiritimati", "\0"])
RULES = st.sampled_from(
    [
        "RRULE:FREQ=DAILY",
        "RRULE:FREQ=MINUTELY",
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "RRULE:FREQ=DAILY;COUNT=0",
        "RRULE:FREQ=DAILY;INTERVAL=999999999999",
        "RRULE:FREQ=DAILY;COUNT=99999999999999999999",
        "RRULE:FREQ=WEEKLY;BYDAY=XX",
        "RRULE:FREQ=MONTHLY;BYDAY=99MO",
        "RRULE:FREQ=DAILY;UNTIL=20260301",
        "RRULE:FREQ=DAILY;UNTIL=99991231T235959Z",
        "RRULE:FREQ=DAILY;BYHOUR=25",
        "RRULE:FREQ=DAILY;BYSETPOS=0",
        "EXDATE:20260310T100000Z",
        "RDATE;VALUE=DATE:20260310",
        "RDATE:00010101T000000Z",
        "EXRULE:FREQ=DAILY",
        "DTSTART:20260310",
        "RRULE",
        "",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | MOMENTS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXT, below, max_size=3),
    max_leaves=6,
)
POINT = st.fixed_dictionaries({}, optional={"date": MOMENTS, "dateTime": MOMENTS, "timeZone": ZONES})
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "start": POINT | JSON,
        "end": POINT | JSON,
        "summary": JSON,
        "description": TEXT | LONE,
        "recurrence": st.lists(RULES, max_size=3) | JSON,
        "status": st.sampled_from(["confirmed", "tentative", "cancelled", "odd"]) | JSON,
        "attendees": st.lists(st.fixed_dictionaries({"email": TEXT | st.just("b@example.org")}), max_size=3) | JSON,
        "id": st.sampled_from(["abcde", "ABCDE", "x", "a" * 1025]) | JSON,
        "iCalUID": JSON,
        "eventType": st.sampled_from(["default", "birthday", "focusTime", "workingLocation", "fromGmail"]) | JSON,
        "workingLocationProperties": JSON,
        "birthdayProperties": JSON,
        "focusTimeProperties": JSON,
        "extendedProperties": st.fixed_dictionaries({"private": st.dictionaries(TEXT, TEXT, max_size=2)}) | JSON,
        "reminders": JSON,
        "sequence": st.integers() | JSON,
        "visibility": st.sampled_from(["private", "public"]) | JSON,
        "transparency": JSON,
        "colorId": JSON,
        "source": JSON,
        "organizer": JSON,
    },
)
PARAMETERS = st.dictionaries(
    st.sampled_from(
        (
            "alt eventTypes fields iCalUID key maxResults minAccessRole orderBy originalStart pageToken "
            "privateExtendedProperty q quotaUser sendNotifications sendUpdates sharedExtendedProperty showDeleted "
            "showHidden singleEvents syncToken timeMax timeMin timeZone updatedMin destination"
        ).split()
    ),
    TEXT
    | MOMENTS
    | ZONES
    | st.sampled_from(["true", "false", "0", "1", "-1", "9" * 30, "²", "startTime", "updated", "json", "none", "all"])
    | st.sampled_from(["items(id)", "items/id", "*", "items(", "a=b", "default", EMAIL]),
    max_size=4,
)
PATHS = [
    ("GET", "users/me/calendarList"),
    ("GET", "users/me/calendarList/{calendar}"),
    ("GET", "users/me/settings"),
    ("GET", "users/me/settings/{event}"),
    ("GET", "colors"),
    ("GET", "calendars/{calendar}"),
    ("GET", "calendars/{calendar}/events"),
    ("GET", "calendars/{calendar}/events/{event}"),
    ("GET", "calendars/{calendar}/events/{event}/instances"),
    ("POST", "calendars"),
    ("POST", "calendars/{calendar}/events"),
    ("POST", "calendars/{calendar}/events/{event}/move"),
    ("PUT", "calendars/{calendar}/events/{event}"),
    ("PATCH", "calendars/{calendar}/events/{event}"),
    ("DELETE", "calendars/{calendar}/events/{event}"),
    ("POST", "freeBusy"),
    ("PUT", "colors"),
    ("GET", "nowhere"),
]
CALENDARS = st.sampled_from(["primary", EMAIL, "second", "team", "nobody@example.org"]) | TEXT
EVENTS = st.sampled_from(["single", "series", "series_20260316T080000Z", "series_20260316", "series_99999999", "gone"])


def judged(answer: httpx.Response) -> None:
    """Whether an answer has Google's shape."""
    assert answer.status_code in (200, 204, 304, 400, 401, 403, 404, 409, 410, 412, 429, 501), answer.text
    if answer.status_code in (204, 304):
        assert answer.content == b""
        return
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    body = answer.json()
    if answer.status_code >= 400:
        (item,) = body["error"]["errors"]
        assert body["error"]["code"] == answer.status_code
        assert all(isinstance(item[name], str) and item[name] for name in ("domain", "reason", "message"))


async def world() -> GoogleSide:
    """An account with a single event, a series with an exception, and a deleted event."""
    side = GoogleSide()
    side.client.headers["Content-Type"] = "application/json"
    await side.insert(id="single")
    await side.insert(id="series", **SERIES)
    await side.client.patch("calendars/primary/events/series_20260323T080000Z", json={"summary": "Special"})
    await side.insert(id="gone0")
    await side.client.delete("calendars/primary/events/gone0")
    return side


@FEW
@given(
    where=st.sampled_from(PATHS),
    calendar=CALENDARS,
    event=EVENTS | TEXT,
    params=PARAMETERS,
    body=st.none() | EVENT | JSON,
    more=st.dictionaries(
        st.sampled_from(["If-Match", "If-None-Match"]), st.sampled_from(["*", '"1"', "x"]), max_size=1
    ),
)
async def test_any_request_is_answered_in_googles_words_and_leaves_the_calendar_readable(
    where: tuple[str, str], calendar: str, event: str, params: dict[str, str], body: Any, more: dict[str, str]
) -> None:
    side = await world()
    async with contextlib.aclosing(side.client) as client:
        names = {"second": side.second, "team": side.team}
        verb, template = where
        path = template.format(
            calendar=quote(names.get(calendar, calendar), safe=""), event=quote(event.replace("gone", "gone0"), safe="")
        )
        content = json.dumps(body).encode() if verb in ("POST", "PUT", "PATCH") else None
        judged(await client.request(verb, path, params=params, content=content, headers=more))
        for query in ({"showDeleted": "true"}, {"singleEvents": "true", "orderBy": "startTime"}):
            answer = await client.get("calendars/primary/events", params=query)
            assert answer.status_code == 200, answer.text
            judged(answer)


@FEW
@given(body=EVENT, patch=EVENT)
async def test_any_body_is_taken_as_it_will_be_answered_or_refused(body: dict[str, Any], patch: dict[str, Any]) -> None:
    side = await world()
    whole = {"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}
    async with contextlib.aclosing(side.client) as client:
        for sent in (body, {**whole, **body}):
            answer = await client.post("calendars/primary/events", content=json.dumps(sent).encode())
            judged(answer)
            if answer.status_code == 200:
                again = await client.get(f"calendars/primary/events/{answer.json()['id']}")
                assert again.json() == answer.json()
        for target in ("single", "series", "series_20260316T080000Z", "series_20260323T080000Z", "gone0"):
            judged(await client.patch(f"calendars/primary/events/{target}", content=json.dumps(patch).encode()))
            judged(
                await client.put(f"calendars/primary/events/{target}", content=json.dumps({**whole, **patch}).encode())
            )
        for params in ({}, {"singleEvents": "true"}, {"timeMin": "2026-03-10T00:00:00Z"}):
            answer = await client.get("calendars/primary/events", params=params)
            assert answer.status_code == 200, answer.text
        when = {"timeMin": "2026-03-01T00:00:00Z", "timeMax": "2026-04-01T00:00:00Z", "items": [{"id": EMAIL}]}
        judged(await client.post("freeBusy", json=when))


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"summary": NaN}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"summary": "\\ud800"}',
        b'{"sequence": ' + b"9" * 5000 + b"}",
    ],
)
async def test_a_body_that_is_no_object_is_a_parse_error(side: GoogleSide, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await side.client.post("calendars/primary/events", content=content, headers=headers)
    judged(answer)
    assert answer.json()["error"]["errors"][0]["reason"] == "parseError"


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_that_does_not_say_it_is_json_is_refused(side: GoogleSide, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = await side.client.post("calendars/primary/events", content=b'{"summary": "x"}', headers=headers)
    judged(answer)
    assert answer.json()["error"]["errors"][0]["reason"] == "badContent"


@FEW
@given(
    kind=st.sampled_from(
        ["multipart/mixed; boundary=B", "multipart/mixed", "application/json", "", "multipart/mixed; boundary="]
    ),
    parts=st.lists(
        st.sampled_from(
            [
                "GET /calendar/v3/colors HTTP/1.1\r\n\r\n",
                "GET http://elsewhere/calendar/v3/colors HTTP/1.1\r\n\r\n",
                "POST /batch/calendar/v3 HTTP/1.1\r\n\r\n",
                "POST /token HTTP/1.1\r\n\r\n",
                "nonsense",
                "",
                "GET /calendar/v3/calendars/%ff%fe/events HTTP/1.1\r\nX: \x01\r\n\r\n",
                "POST /calendar/v3/calendars/primary/events HTTP/1.1\r\nContent-Length: 99999\r\n\r\n{",
            ]
        )
        | TEXT,
        max_size=4,
    ),
    end=st.sampled_from(["--B--\r\n", "", "--B\r\n"]),
)
async def test_any_batch_is_answered_as_a_batch_or_refused_whole(kind: str, parts: list[str], end: str) -> None:
    side = GoogleSide()
    body = "".join(f"--B\r\nContent-Type: application/http\r\n\r\n{part}\r\n" for part in parts) + end
    async with contextlib.aclosing(side.client) as client:
        answer = await client.post(
            "http://127.0.0.1/batch/calendar/v3",
            content=body.encode("utf-8", "replace"),
            headers={"Content-Type": kind},
        )
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        judged(answer)
    else:
        assert answer.headers["content-type"].startswith("multipart/mixed; boundary=")


@FEW
@given(
    path=st.sampled_from(["/o/oauth2/v2/auth", "/o/oauth2/v2/auth/consent", "/token", "/revoke", "/v1/userinfo"]),
    verb=st.sampled_from(["GET", "POST", "PUT"]),
    fields=st.dictionaries(
        st.sampled_from(
            (
                "client_id client_secret code code_challenge code_challenge_method code_verifier decision email "
                "grant_type prompt redirect_uri refresh_token request response_type scope state token"
            ).split()
        ),
        TEXT | st.sampled_from(["http://127.0.0.1:99999/", "http://[::1", "code", "S256", "openid", "refresh_token"]),
        max_size=6,
    ),
    basic=st.none() | TEXT,
)
async def test_any_sign_in_request_is_answered_with_a_page_or_an_error(
    path: str, verb: str, fields: dict[str, str], basic: str | None
) -> None:
    side = GoogleSide()
    async with contextlib.aclosing(side.client) as client:
        headers = {"Authorization": f"Basic {quote(basic)}"} if basic is not None else {}
        answer = await client.request(
            verb,
            f"http://127.0.0.1{path}",
            params=fields if verb == "GET" else None,
            data=None if verb == "GET" else fields,
            headers=headers,
        )
    assert answer.status_code < 500, answer.text
