"""Every judge bites: what is planted is found, through the sandbox's own layers; what is right passes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.providers.http import USER_AGENT
from app.sandbox.observing import Exchange, Observed
from app.sandbox.server import Sandbox
from tests.integration.cli.program import Program
from tests.judges import google, graph
from tests.judges.fixture import Judges

JSON = {"content-type": "application/json; charset=UTF-8"}
EVENTS = "/calendar/v3/calendars/primary/events"
DAY = {"start": {"date": "2026-03-09"}, "end": {"date": "2026-03-10"}}


def exchange(method: str, path: str, sent: Any = None, answer: Any = None, status: int = 200, **more: Any) -> Exchange:
    """An exchange with JSON bodies."""
    return replace(
        Exchange(
            provider="google",
            method=method,
            path=path,
            query="",
            headers={} if sent is None else JSON,
            body=b"" if sent is None else json.dumps(sent).encode(),
            status=status,
            answer_headers=JSON,
            answer=b"" if answer is None else json.dumps(answer).encode(),
            part=False,
            planted=False,
        ),
        **more,
    )


def google_event(**fields: Any) -> dict[str, Any]:
    return {"kind": "calendar#event", "etag": '"1"', "id": "abc12", "status": "confirmed", **DAY, **fields}


def graph_event(**fields: Any) -> dict[str, Any]:
    return {"@odata.etag": 'W/"1"', "id": "A", "subject": "Lunch", "type": "singleInstance", **fields}


def google_error(**fields: Any) -> dict[str, Any]:
    reason = {"domain": "global", "reason": "notFound", "message": "Not Found"}
    return {"error": {"code": 404, "message": "Not Found", "errors": [{**reason, **fields}]}}


GOOGLE_RIGHT = {
    "an event": exchange("GET", f"{EVENTS}/abc12", answer=google_event()),
    "an id with escapes": exchange("GET", "/calendar/v3/calendars/a%40b%2Fc/events/x", answer=google_event()),
    "a page": exchange("GET", EVENTS, answer={"kind": "calendar#events", "items": [google_event()]}),
    "a field cleared": exchange("PATCH", f"{EVENTS}/abc12", {"location": None}, google_event()),
    "a wall time in a zone": exchange(
        "POST", EVENTS, {"start": {"dateTime": "2026-03-09T10:00:00", "timeZone": "Europe/Berlin"}}, google_event()
    ),
    "nothing after a deletion": exchange("DELETE", f"{EVENTS}/abc12", status=204),
    "not modified": exchange("GET", f"{EVENTS}/abc12", status=304),
    "an error": exchange("GET", f"{EVENTS}/abc12", answer=google_error(), status=404),
    "a stranger's bad request refused": exchange(
        "GET", EVENTS, query="maxresults=1", answer=google_error(), status=404
    ),
    "a planted answer": exchange("GET", EVENTS, answer="<html>", status=502, planted=True),
    "an answer cut short": replace(exchange("GET", EVENTS), answer=None),
    "a body never read": replace(exchange("POST", EVENTS), body=None, status=None, answer=None),
    "sign-in": exchange("POST", "/token", answer={"access_token": "x"}),
    "userinfo": exchange("GET", "/oauth2/v2/userinfo", answer={"id": "1", "email": "a@b.example"}),
}

GOOGLE_WRONG = {
    "no parameter maxresults": exchange("GET", EVENTS, query="maxresults=1", answer={}),
    "maxResults is 'many'": exchange("GET", EVENTS, query="maxResults=many", answer={}),
    "maxResults is given twice": exchange("GET", EVENTS, query="maxResults=1&maxResults=2", answer={}),
    "not within 1": exchange("GET", EVENTS, query="maxResults=0", answer={}),
    "neither true nor false": exchange("GET", EVENTS, query="singleEvents=1", answer={}),
    "timeMin is '2026-03-09T00:00:00'": exchange("GET", EVENTS, query="timeMin=2026-03-09T00:00:00", answer={}),
    "orderBy is 'etag'": exchange("GET", EVENTS, query="orderBy=etag", answer={}),
    "destination is missing": exchange("POST", f"{EVENTS}/abc12/move", answer=google_event()),
    "sent body: .*'titel'": exchange("POST", EVENTS, {"titel": "x"}, google_event()),
    "sent start.dateTime": exchange("POST", EVENTS, {"start": {"dateTime": "9 o'clock"}}, google_event()),
    "sent recurrence": exchange("POST", EVENTS, {"recurrence": "RRULE:FREQ=DAILY"}, google_event()),
    "sent extendedProperties.private.k": exchange(
        "POST", EVENTS, {"extendedProperties": {"private": {"k": 1}}}, google_event()
    ),
    "takes none": exchange("DELETE", f"{EVENTS}/abc12", {"a": 1}, status=204),
    "sent a body as None": exchange("POST", EVENTS, {}, google_event(), headers={}),
    "sent no JSON": exchange("POST", EVENTS, {}, google_event(), body=b"{"),
    "no such method": exchange("PUT", EVENTS, {}, google_event()),
    "answered body: .*'titel'": exchange("GET", f"{EVENTS}/abc12", answer=google_event(titel="x")),
    "answered status": exchange("GET", f"{EVENTS}/abc12", answer=google_event(status="busy")),
    "answered kind": exchange("GET", f"{EVENTS}/abc12", answer=google_event(kind="calendar#evnt")),
    "answered location: null": exchange("GET", f"{EVENTS}/abc12", answer=google_event(location=None)),
    "answered sequence": exchange("GET", f"{EVENTS}/abc12", answer=google_event(sequence="1")),
    "answered updated": exchange("GET", f"{EVENTS}/abc12", answer=google_event(updated="yesterday")),
    "answered start.dateTime": exchange(
        "GET", f"{EVENTS}/abc12", answer=google_event(start={"dateTime": "2026-03-09T10:00:00"})
    ),
    "answered start.date": exchange("GET", f"{EVENTS}/abc12", answer=google_event(start={"date": "2026-02-30"})),
    "answered items.": exchange("GET", EVENTS, answer={"items": [google_event(etag=1)]}),
    "where none is due": exchange("DELETE", f"{EVENTS}/abc12", answer={}, status=200),
    "answers a body": exchange("POST", EVENTS, {}, status=204),
    "answered 200 as 'text/html'": exchange("GET", EVENTS, answer={}, answer_headers={"content-type": "text/html"}),
    "answered no JSON": replace(exchange("GET", EVENTS), answer=b"<html>"),
    "answered 410 with the code 404": exchange("GET", EVENTS, answer=google_error(), status=410),
    "answered error.errors": exchange("GET", EVENTS, answer=google_error(hint="x"), status=404),
    "answered body: .*error": exchange("GET", EVENTS, answer={}, status=404),
    "no parameter limit": exchange(
        "GET", EVENTS, query="limit=1", answer=google_error(), status=404, headers={"user-agent": USER_AGENT}
    ),
}

GRAPH_RIGHT = {
    "an event": exchange("GET", "/v1.0/me/events/A", answer=graph_event()),
    "an id with escapes": exchange("GET", "/v1.0/me/calendars/A%2FB%3D/events/A", answer=graph_event()),
    "changes": exchange(
        "GET",
        "/v1.0/me/calendarView/delta()",
        answer={"value": [graph_event(), {"id": "A", "@removed": {"reason": "deleted"}}], "@odata.deltaLink": "x"},
    ),
    "an error": exchange("GET", "/v1.0/me", answer={"error": {"code": "x", "message": "y"}}, status=404),
    "sign-in": exchange("POST", "/common/oauth2/v2.0/token", answer={"access_token": "x"}),
}

GRAPH_WRONG = {
    "sent body: .*'title'": exchange("POST", "/v1.0/me/events", {"title": "x"}, graph_event(), 201),
    "sent no body": exchange("POST", "/v1.0/me/events", answer=graph_event(), status=201),
    "200 instead of 201": exchange("POST", "/v1.0/me/events", {"subject": "x"}, graph_event(), 200),
    "answered body: .*'titel'": exchange("GET", "/v1.0/me/events/A", answer=graph_event(titel="x")),
    "answered type": exchange("GET", "/v1.0/me/events/A", answer=graph_event(type="single")),
    "answered isAllDay": exchange("GET", "/v1.0/me/events/A", answer=graph_event(isAllDay="true")),
    "answered recurrence": exchange("GET", "/v1.0/me/events/A", answer=graph_event(recurrence={"rule": "x"})),
    "answered start": exchange("GET", "/v1.0/me/events/A", answer=graph_event(start={"date": "2026-03-09"})),
    "answered attachments": exchange("GET", "/v1.0/me/events/A", answer=graph_event(attachments=[{}])),
    "answered value": exchange("GET", "/v1.0/me/calendars", answer={"value": [{"id": 1}]}),
    "'items' was unexpected": exchange("GET", "/v1.0/me/calendars", answer={"items": [], "value": []}),
    "@removed": exchange("GET", "/v1.0/me/events", answer={"value": [{"id": "A", "@removed": {"reason": "deleted"}}]}),
    "answered value.*reason": exchange(
        "GET", "/v1.0/me/calendarView/delta", answer={"value": [{"id": "A", "@removed": {"reason": "gone"}}]}
    ),
    "no such method": exchange("GET", "/v1.0/me/jobs", answer={"value": []}),
    "where none is due": exchange("DELETE", "/v1.0/me/events/A", answer={}, status=204),
    "answered body: .*error": exchange("GET", "/v1.0/me", answer={"code": "x"}, status=404),
    "sent requests": exchange(
        "POST", "/v1.0/$batch", {"requests": [{"id": 1, "method": "GET", "url": "/me"}]}, {"responses": []}
    ),
    "answered responses": exchange(
        "POST", "/v1.0/$batch", {"requests": [{"id": "1", "method": "GET", "url": "/me"}]}, {"responses": [{"id": "1"}]}
    ),
}


@pytest.mark.parametrize("case", GOOGLE_RIGHT)
def test_what_google_documents_passes(case: str) -> None:
    assert google.findings(GOOGLE_RIGHT[case]) == []


@pytest.mark.parametrize("finding", GOOGLE_WRONG)
def test_what_google_does_not_document_is_found(finding: str) -> None:
    found = google.findings(GOOGLE_WRONG[finding])
    assert any(_matches(finding, text) for text in found), found


@pytest.mark.parametrize("case", GRAPH_RIGHT)
def test_what_graphs_types_allow_passes(case: str) -> None:
    assert graph.findings(GRAPH_RIGHT[case]) == []


@pytest.mark.parametrize("finding", GRAPH_WRONG)
def test_what_graphs_types_do_not_allow_is_found(finding: str) -> None:
    found = graph.findings(GRAPH_WRONG[finding])
    assert any(_matches(finding, text) for text in found), found


def _matches(finding: str, text: str) -> bool:
    first, _, rest = finding.partition(".*")
    return first in text and rest in text.partition(first)[2]


def _batch(names: list[str], boundary: str = "b") -> bytes:
    parts = [f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: {name}\r\n\r\nx\r\n" for name in names]
    return ("".join(parts) + f"--{boundary}--\r\n").encode()


@pytest.mark.parametrize(
    ("asked", "answered", "finding"),
    [
        (["<1>", "<2>"], ["<response-2>", "<response-1>"], None),
        (["<1>", "<2>"], ["<response-1>"], "answered the parts"),
        (["<1>"], ["<1>"], "answered the parts"),
        (["<1>", "<1>"], ["<response-1>", "<response-1>"], "of one Content-ID"),
        ([f"<{number}>" for number in range(51)], [f"<response-{number}>" for number in range(51)], "sent 51 parts"),
        ([], [], "no multipart/mixed"),
    ],
)
def test_the_envelope_of_a_google_batch_is_judged(asked: list[str], answered: list[str], finding: str | None) -> None:
    kind = {"content-type": 'multipart/mixed; boundary="b"'}
    batch = exchange("POST", "/batch/calendar/v3", headers=kind, answer_headers=kind)
    found = google.findings(replace(batch, body=_batch(asked), answer=_batch(answered)))
    assert [finding is not None and finding in text for text in found] == ([] if finding is None else [True]), found


async def _ask(app: ASGIApp, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        return await client.request(method, path, **more)


@pytest.mark.anyio
@pytest.mark.parametrize("provider", ["google", "microsoft"])
async def test_what_a_service_answers_wrongly_reaches_the_judges(provider: str, judges: Judges) -> None:
    async def wrong(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(json.dumps({"bogus": 1}), 200, JSON)(scope, receive, send)

    await _ask(Observed(wrong, provider), {"google": f"{EVENTS}/abc12", "microsoft": "/v1.0/me"}[provider])
    judges.allow("'bogus' was unexpected")


@pytest.mark.anyio
async def test_parts_of_batches_reach_the_judges_one_by_one(judges: Judges) -> None:
    sandbox = Sandbox()
    before = judges.exchanges
    for provider in (sandbox.google, sandbox.microsoft):
        account = next(one for one in sandbox.world.accounts.values() if one.provider == provider.name)
        token = provider.issue_tokens(account.email, None, 3600)["access_token"]
        sign_in = {"Authorization": f"Bearer {token}"}
        if provider is sandbox.google:
            part = "GET /calendar/v3/users/me/calendarList HTTP/1.1\r\n\r\n"
            body = "".join(
                f"--b\r\nContent-Type: application/http\r\nContent-ID: <{n}>\r\n\r\n{part}\r\n" for n in (1, 2)
            )
            headers = {**sign_in, "Content-Type": "multipart/mixed; boundary=b"}
            answer = await _ask(provider.app, "/batch/calendar/v3", "POST", content=f"{body}--b--", headers=headers)
        else:
            requests = [{"id": str(number), "method": "GET", "url": "/me/calendars"} for number in (1, 2)]
            answer = await _ask(provider.app, "/v1.0/$batch", "POST", json={"requests": requests}, headers=sign_in)
        assert answer.status_code == 200, answer.text
    sandbox.close()
    assert judges.exchanges - before == 6


def test_the_verdict_names_what_was_not_allowed_and_what_was_allowed_in_vain() -> None:
    judges = Judges()
    for name in ("first", "second"):
        judges.look(exchange("GET", f"{EVENTS}/abc12", answer=google_event(**{name: 1})))
    judges.allow("'first'")
    judges.allow("'third'")
    wrong, missing = judges.verdict()
    assert "'second' was unexpected" in wrong
    assert missing == "allowed, but nobody did it: 'third'"
    assert judges.verdict() == []


def test_a_sandbox_in_a_process_of_its_own_is_judged_there(judges: Judges, tmp_path: Path) -> None:
    program = Program(tmp_path / "home")
    try:
        described = json.loads(program.start("sandbox", "--json").line("{", stream="out"))
        control = described["control"]
        sign_in = {"Authorization": f"Bearer {control['token']}"}
        asked = {"email": described["accounts"][0]["email"]}
        made = httpx.post(f"{control['url']}/tokens", json=asked, headers=sign_in, trust_env=False).json()
        url = f"{described['google']['calendar_api']}/users/me/calendarList?bogus=1"
        headers = {"Authorization": f"Bearer {made['access_token']}"}
        assert httpx.get(url, headers=headers, trust_env=False).status_code == 200
    finally:
        program.close()
    judges.allow("there is no parameter bogus")
