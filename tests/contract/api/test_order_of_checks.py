"""`contract/api.md` §1: what is refused, with which status and body, and which refusal comes first."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from app.api.application import build_api
from app.domain.keys import SCOPES
from tests.contract.api.conftest import Key
from tests.contract.api.core_double import Double, conn, pair_id, ulid

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}
PAIRS = "/api/v1/sync-pairs"


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error of the pairs family, whose shape is checked on the way."""
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details", "request_id"}
    assert body["error"]["request_id"] == answer.headers["X-Request-ID"]
    assert body["error"]["message"]
    return answer.status_code, body["error"]["code"]


def details(answer: httpx.Response) -> dict[str, str]:
    """The bad fields that an answer names."""
    return {detail["field"]: detail["message"] for detail in answer.json()["error"]["details"]}


# Each request is wrong in the way of its row and of every later row: the earliest check speaks.
WRONG_HOST = {"Host": "evil.example"}
WRONG_ORIGIN = {"Origin": "https://evil.example"}
NO_JSON = {"Content-Type": "text/plain"}


@pytest.mark.parametrize(
    ("expected", "headers", "with_key", "path"),
    [
        ((421, "misdirected_request"), {**WRONG_HOST, **WRONG_ORIGIN, **NO_JSON}, False, "/nowhere"),
        ((403, "forbidden"), {**WRONG_ORIGIN, **NO_JSON}, False, "/nowhere"),
        ((401, "unauthorized"), NO_JSON, False, "/nowhere"),
        ((404, "not_found"), NO_JSON, True, "/nowhere"),
        ((405, "method_not_allowed"), NO_JSON, True, "/api/v1/status"),
        ((403, "forbidden"), NO_JSON, True, PAIRS),
    ],
)
async def test_the_earlier_check_speaks_before_routes_are_looked_for(
    client: httpx.AsyncClient,
    key: Key,
    expected: tuple[int, str],
    headers: dict[str, str],
    with_key: bool,
    path: str,
) -> None:
    shown = key("read:logs") if with_key else {}
    answer = await client.post(path, content="x" * 300_000, headers={**headers, **shown})
    assert code(answer) == expected


@pytest.mark.parametrize(
    ("expected", "headers", "content"),
    [
        ((413, "payload_too_large"), NO_JSON, "{" + " " * 262_144),
        ((415, "unsupported_media_type"), NO_JSON, "{"),
        ((400, "bad_request"), JSON, "{"),
        ((422, "validation_error"), JSON, "{}"),
        ((404, "not_found"), JSON, '{"expected": 1}'),
    ],
)
async def test_a_body_is_judged_by_size_then_type_then_form_then_fields_then_state(
    client: httpx.AsyncClient, key: Key, expected: tuple[int, str], headers: dict[str, str], content: str
) -> None:
    answer = await client.post("/api/v1/holds/unknown/approve", content=content, headers={**headers, **key()})
    assert code(answer) == expected


async def test_a_key_over_its_limit_is_told_so_before_the_route_is_looked_for(double: Double, key: Key) -> None:
    api = build_api(double.core, control_token="t", instance_secret="s", requests_per_hour=2)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://127.0.0.1:1") as client:
        shown = key()
        first = await client.get(PAIRS, headers=shown)
        second = await client.get("/nowhere", headers=shown)
        third = await client.get("/nowhere", headers=shown)
        other = await client.get(PAIRS, headers=key())
    assert (first.status_code, second.status_code, other.status_code) == (200, 404, 200)
    assert [a.headers["X-RateLimit-Remaining"] for a in (first, second, third)] == ["1", "0", "0"]
    assert {a.headers["X-RateLimit-Limit"] for a in (first, second, third)} == {"2"}
    assert code(third) == (429, "rate_limited")
    assert 3590 <= int(third.headers["Retry-After"]) <= 3600
    assert len({a.headers["X-RateLimit-Reset"] for a in (first, second, third)}) == 1


async def test_requests_without_a_good_key_share_60_a_minute_and_good_keys_do_not_suffer(
    client: httpx.AsyncClient, key: Key
) -> None:
    statuses = []
    for number in range(60):
        path, headers = ("/healthz", {}) if number % 2 else (PAIRS, {"Authorization": f"Bearer cs_live_{number}"})
        statuses.append((await client.get(path, headers=headers)).status_code)
    late = await client.get(PAIRS)
    health = await client.get("/healthz")
    good = await client.get(PAIRS, headers=key())
    assert set(statuses) == {401, 200}
    assert code(late) == (429, "rate_limited")
    assert late.headers["X-RateLimit-Limit"] == "60"
    assert 1 <= int(late.headers["Retry-After"]) <= 60
    assert health.status_code == 429
    assert good.status_code == 200


# --- hosts and origins ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:5545", "localhost:5545", "LOCALHOST:5545", "[::1]:5545"])
async def test_our_own_names_are_accepted_in_any_case(client: httpx.AsyncClient, key: Key, host: str) -> None:
    assert (await client.get(PAIRS, headers={**key(), "Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "127.0.0.1:80", "127.0.0.1:5546", "127.0.0.2:5545", "0.0.0.0:5545"),
        *(
            "evil.example",
            "evil.example:5545",
            "localhost.:5545",
            "localhost:5545.evil.example",
            "127.1:5545",
            "::1:5545",
        ),
        *("", " ", "kalends.example", "kalends.example:5545"),
    ],
)
async def test_any_other_name_is_misdirected(client: httpx.AsyncClient, key: Key, host: str) -> None:
    answer = await client.get(PAIRS, headers={**key(), "Host": host})
    assert code(answer) == (421, "misdirected_request")


async def test_port_80_may_go_unnamed(double: Double, key: Key) -> None:
    api = build_api(double.core, control_token="t", instance_secret="s")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://127.0.0.1:80") as client:
        assert (await client.get(PAIRS, headers={**key(), "Host": "localhost"})).status_code == 200


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-whatever"])
async def test_a_tunnel_is_refused_unless_its_host_is_allowed(client: httpx.AsyncClient, key: Key, name: str) -> None:
    tunnel = {**key(), name: "for=192.0.2.1"}
    assert code(await client.get(PAIRS, headers=tunnel)) == (421, "misdirected_request")
    allowed = {**tunnel, "Host": "Kalends.example:8080"}
    assert (await client.get(PAIRS, headers=allowed)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:5546"},
        {"Origin": "https://127.0.0.1:5545"},
        {"Origin": "http://localhost:5545"},
        {"Origin": "https://dashboard.example.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:5545"},
    ],
)
async def test_pages_of_other_origins_are_refused_and_learn_nothing(
    client: httpx.AsyncClient, key: Key, headers: dict[str, str]
) -> None:
    for path in (PAIRS, "/healthz", "/docs"):
        answer = await client.get(path, headers={**key(), **headers})
        assert code(answer) == (403, "forbidden")
        assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = {**headers, "Access-Control-Request-Method": "POST"}
    assert (await client.options(PAIRS, headers=preflight)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:5545"},
        {"Origin": "http://127.0.0.1:5545", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Mode": "cors"},
    ],
)
async def test_programs_and_our_own_pages_pass(client: httpx.AsyncClient, key: Key, headers: dict[str, str]) -> None:
    answer = await client.get(PAIRS, headers={**key(), **headers})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_an_allowed_page_gets_cors_answers_without_credentials(client: httpx.AsyncClient, key: Key) -> None:
    page = {"Origin": "https://dashboard.example", "Sec-Fetch-Site": "cross-site"}
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
    preflight = await client.options(PAIRS, headers={**page, **asked})
    answer = await client.get(PAIRS, headers={**page, **key()})
    refused = await client.get(PAIRS, headers=page)
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert answer.status_code == 200
    assert refused.status_code == 401
    for got in (preflight, answer, refused):
        assert got.headers["Access-Control-Allow-Origin"] == "https://dashboard.example"
        assert got.headers["Vary"] == "Origin"
        assert "access-control-allow-credentials" not in got.headers


# --- keys and scopes --------------------------------------------------------------------------------------------------


async def test_a_key_is_taken_from_either_header_with_the_scheme_in_any_case(
    client: httpx.AsyncClient, key: Key
) -> None:
    text = key()["Authorization"].removeprefix("Bearer ")
    for headers in (
        {"Authorization": f"bearer {text}"},
        {"Authorization": f"BEARER {text}"},
        {"X-API-Key": text},
        {"X-API-Key": text, "Authorization": f"Bearer {text}"},
        {"X-API-Key": text, "Authorization": "Basic abc"},
    ):
        assert (await client.get(PAIRS, headers=headers)).status_code == 200


async def test_no_key_a_bad_one_two_different_ones_or_one_in_the_address_is_401(
    client: httpx.AsyncClient, key: Key
) -> None:
    text, other = (key()["Authorization"].removeprefix("Bearer ") for _ in range(2))
    for headers in (
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {text}"},
        {"Authorization": f"Bearer {text}x"},
        {"X-API-Key": other, "Authorization": f"Bearer {text}"},
        {"X-API-Key": "", "Authorization": f"Bearer {text}"},
        {"Cookie": f"key={text}; Authorization={text}"},
    ):
        answer = await client.get(f"{PAIRS}?api_key={text}&access_token={text}", headers=headers)
        assert code(answer) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["error"]["message"] == "Missing or invalid API key"


async def test_a_revoked_key_opens_nothing_from_then_on(client: httpx.AsyncClient, double: Double, key: Key) -> None:
    shown = key()
    assert (await client.get(PAIRS, headers=shown)).status_code == 200
    double.keys.revoke(double.keys.list()[0].id)
    assert (await client.get(PAIRS, headers=shown)).status_code == 401


ROUTES: list[tuple[str, str, Any, str]] = [
    ("GET", "/connections", None, "read:connections"),
    ("POST", "/connections", {"provider": "google"}, "write:connections"),
    ("GET", f"/connections/{conn(1)}", None, "read:connections"),
    ("POST", f"/connections/{conn(1)}/reconnect", None, "write:connections"),
    ("DELETE", f"/connections/{conn(4)}", None, "write:connections"),
    ("GET", "/sync-pairs", None, "read:pairs"),
    ("POST", "/sync-pairs", {"connection_a_id": conn(1), "connection_b_id": conn(4)}, "write:pairs"),
    ("PATCH", "/sync-pairs", {"status": "paused"}, "write:pairs"),
    ("GET", f"/sync-pairs/{pair_id(1)}", None, "read:pairs"),
    ("PATCH", f"/sync-pairs/{pair_id(1)}", {}, "write:pairs"),
    ("POST", f"/sync-pairs/{pair_id(1)}/trigger", {}, "write:pairs"),
    ("POST", f"/sync-pairs/{pair_id(1)}/trigger", {"dry_run": True}, "read:pairs"),
    ("DELETE", f"/sync-pairs/{pair_id(1)}", None, "write:pairs"),
    ("GET", "/logs", None, "read:logs"),
    ("GET", "/status", None, "read:logs"),
    ("GET", "/runs", None, "read:pairs"),
    ("GET", "/availability", None, "read:calendar"),
    ("GET", "/holds", None, "read:pairs"),
    ("POST", f"/holds/hold_{ulid(1)}/reject", None, "write:pairs"),
    ("POST", f"/holds/hold_{ulid(1)}/approve", {"expected": 7}, "approve:deletions"),
]


@pytest.mark.parametrize(("method", "path", "body", "scope"), ROUTES)
async def test_each_route_opens_to_its_scope_and_its_wildcard_alone(
    client: httpx.AsyncClient, key: Key, method: str, path: str, body: Any, scope: str
) -> None:
    family = scope.split(":")[0]
    others = [other for other in SCOPES if other != scope]
    refused = await client.request(method, f"/api/v1{path}", json=body, headers=key(*others))
    allowed = await client.request(method, f"/api/v1{path}", json=body, headers=key(scope))
    assert code(refused) == (403, "forbidden")
    assert scope in details(refused)["scope"]
    assert refused.json()["error"]["message"] == "API key doesn't have permission for this resource"
    assert allowed.status_code < 300
    wildcard = f"{family}:*" if family in ("read", "write") else "*"
    again = await client.request(method, f"/api/v1{path}", json=body, headers=key(wildcard))
    # A DELETE that was allowed leaves nothing for the second one.
    assert again.status_code < 300 or (method in ("DELETE", "POST") and again.status_code in (404, 409))


async def test_removing_copies_needs_the_scope_for_deletions(client: httpx.AsyncClient, key: Key) -> None:
    path = f"{PAIRS}/{pair_id(1)}?copies=remove&expected=7"
    refused = await client.delete(path, headers=key("write:pairs"))
    assert code(refused) == (403, "forbidden")
    assert (await client.delete(path, headers=key("write:pairs", "approve:deletions"))).status_code == 202


# --- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        *("application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8"),
        'application/json; charset="utf-8"',
    ],
)
async def test_json_is_taken_with_and_without_its_charset(
    client: httpx.AsyncClient, key: Key, content_type: str
) -> None:
    headers = {**key(), "Content-Type": content_type}
    assert (await client.patch(PAIRS, content='{"status": "paused"}', headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json; boundary=x"},
        {"Content-Type": "application/vnd.api+json"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_any_other_body_is_415(client: httpx.AsyncClient, key: Key, headers: dict[str, str]) -> None:
    answer = await client.patch(PAIRS, content='{"status": "paused"}', headers={**key(), **headers})
    assert code(answer) == (415, "unsupported_media_type")


async def test_a_body_without_any_content_type_is_415(client: httpx.AsyncClient, key: Key) -> None:
    answer = await client.patch(PAIRS, content=b'{"status": "paused"}', headers=key())
    assert code(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", None])
async def test_no_body_is_an_empty_object_whatever_its_type(
    client: httpx.AsyncClient, key: Key, content_type: str | None
) -> None:
    headers = {**key(), **({"Content-Type": content_type} if content_type else {})}
    answer = await client.post(f"{PAIRS}/{pair_id(1)}/trigger", headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        *(b"{'a': 1}", b'{"status": "paused",}', b"{} {}", b"nonsense", b"\xff{}", b"\xef\xbb\xbf{}", b" "),
        b'{"status": "paused", "status": "paused"}',
        b'{"status": "paused", "reason": {"a": 1, "a": 2}}',
        b'{"status": NaN}',
        b'{"status": Infinity}',
        b'{"status": -Infinity}',
        b'{"status": 1e999}',
        b'{"status": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"status": ["\\ud800x"]}',
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b"[" * 200_000,
        b'{"status": ' + b"1" * 5_000 + b"}",
    ],
)
async def test_json_with_tricks_is_400(client: httpx.AsyncClient, key: Key, content: bytes) -> None:
    answer = await client.patch(PAIRS, content=content, headers={**key(), **JSON})
    assert code(answer) == (400, "bad_request")


@pytest.mark.parametrize(
    "content", [b"[" * 32 + b"]" * 32, b'{"status": "' + b"[" * 99 + b'"}', b'{"status": "\\"[["}']
)
async def test_nesting_up_to_32_and_brackets_in_texts_are_well_formed(
    client: httpx.AsyncClient, key: Key, content: bytes
) -> None:
    answer = await client.patch(PAIRS, content=content, headers={**key(), **JSON})
    assert code(answer) == (422, "validation_error")


async def test_whole_surrogate_pairs_are_one_character(client: httpx.AsyncClient, key: Key) -> None:
    content = b'{"status": "paused", "reason": "\\ud83d\\ude80"}'
    answer = await client.patch(PAIRS, content=content, headers={**key(), **JSON})
    assert answer.json()["pairs"][0]["pause_reason"] == "🚀"


async def test_256_kib_fit_and_one_byte_more_does_not(client: httpx.AsyncClient, key: Key) -> None:
    fits = b'{"status": "paused"}'.ljust(262_144)
    headers = {**key(), **JSON}
    assert (await client.patch(PAIRS, content=fits, headers=headers)).status_code == 200
    over = await client.patch(PAIRS, content=fits + b" ", headers=headers)
    assert code(over) == (413, "payload_too_large")
    assert over.headers["Connection"] == "close"


@pytest.mark.parametrize("body", [None, [], "text", 5, True])
async def test_a_body_that_is_no_object_is_422(client: httpx.AsyncClient, key: Key, body: Any) -> None:
    answer = await client.patch(PAIRS, content=json.dumps(body), headers={**key(), **JSON})
    assert code(answer) == (422, "validation_error")


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/sync-pairs", {}, {"connection_a_id", "connection_b_id"}),
        ("/sync-pairs", {"connection_a_id": 1, "connection_b_id": None}, {"connection_a_id", "connection_b_id"}),
        ("/sync-pairs", [{"connection_a_id": "x"}], {"[0].connection_b_id"}),
        ("/sync-pairs", [], {"body"}),
        ("/sync-pairs/pair_x/trigger", {"dry_run": "true"}, {"dry_run"}),
        ("/sync-pairs/pair_x/trigger", {"dry_run": 1, "wet": 0}, {"dry_run", "wet"}),
        ("/connections", {"provider": "yahoo"}, {"provider"}),
        ("/holds/hold_x/approve", {"expected": "7"}, {"expected"}),
        ("/holds/hold_x/approve", {"expected": -1}, {"expected"}),
        ("/holds/hold_x/approve", {"expected": 10**30}, {"expected"}),
        ("/holds/hold_x/reject", {"expected": 7}, {"expected"}),
    ],
)
async def test_bad_and_unknown_fields_are_named_with_the_fix(
    client: httpx.AsyncClient, key: Key, path: str, body: Any, fields: set[str]
) -> None:
    answer = await client.post(f"/api/v1{path}", json=body, headers=key())
    assert code(answer) == (422, "validation_error")
    assert set(details(answer)) == fields
    assert all(re.fullmatch(r"(Send|There is no such field).+\.", text) for text in details(answer).values())
    assert answer.json()["error"]["message"] == "Request body failed validation"


async def test_fields_of_settings_are_named_by_their_whole_path(client: httpx.AsyncClient, key: Key) -> None:
    one = {"connection_a_id": conn(1), "connection_b_id": conn(4), "settings": {"filters": {"free": "no", "x": 1}}}
    answer = await client.post(PAIRS, json=[one, {**one, "sync_mode": "loud"}], headers=key())
    assert set(details(answer)) == {
        "[0].settings.filters.free",
        "[0].settings.filters.x",
        "[1].settings.filters.free",
        "[1].settings.filters.x",
        "[1].sync_mode",
    }
    assert details(answer)["[1].sync_mode"] == "Send 'blocker', 'details' or 'full'."


# --- paths, queries, headers of answers -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1/sync-pairs/", "//api//v1///sync-pairs", "/api/v1/sync-pairs//"])
async def test_doubled_and_trailing_slashes_are_forgiven_without_a_redirect(
    client: httpx.AsyncClient, key: Key, path: str
) -> None:
    answer = await client.get(f"http://127.0.0.1:5545{path}", headers=key())
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/api", "/api/v1", "/api/v2/sync-pairs", "/v1/jobs", "/metrics", "/api/v1/webhooks", "/favicon.ico"),
        *(f"{PAIRS}/pair_xyz789", f"{PAIRS}/{pair_id(2)}", f"{PAIRS}/{conn(1)}", f"{PAIRS}/{pair_id(1).lower()}"),
        *(f"{PAIRS}/%00", f"{PAIRS}/..%2f", f"{PAIRS}/{'x' * 5000}", "/api/v1/connections/conn_abc123"),
        *("/api/v1/runs/sync_run_123", f"/api/v1/runs/sync_run_{ulid(9)}", "/api/v1/connections/attempts/x"),
        f"/api/v1/logs?pair_id={pair_id(9)}",
        "/api/v1/logs?pair_id=nonsense",
        "/api/v1/logs?connection_id=nonsense",
    ],
)
async def test_what_does_not_exist_is_404(client: httpx.AsyncClient, key: Key, path: str) -> None:
    answer = await client.get(path, headers=key())
    assert code(answer) == (404, "not_found")
    assert answer.json()["error"]["message"] == "The requested resource doesn't exist"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", PAIRS, "GET, HEAD, PATCH, POST"),
        ("PUT", f"{PAIRS}/{pair_id(1)}", "DELETE, GET, HEAD, PATCH"),
        ("GET", f"{PAIRS}/{pair_id(1)}/trigger", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("OPTIONS", PAIRS, "GET, HEAD, PATCH, POST"),
        ("TRACE", "/api/v1/logs", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_does_not_have_is_405_with_all_that_it_has(
    client: httpx.AsyncClient, key: Key, method: str, path: str, allow: str
) -> None:
    answer = await client.request(method, path, headers=key())
    assert code(answer) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allow


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(("sync-pairs?per_page=201", "per_page"), ("sync-pairs?page=0", "page"), ("logs?per_page=many", "per_page")),
        *(("sync-pairs?status=loud", "status"), ("sync-pairs?status=", "status"), ("logs?status=running", "status")),
        *(("logs?since=yesterday", "since"), ("logs?until=2026-02-30", "until"), ("logs?since=", "since")),
        *(
            ("runs?page=-1", "page"),
            ("logs?since=0001-01-01T00:00:00%2B23:00", "since"),
            ("logs?status=interrupted", "status"),
        ),
    ],
)
async def test_a_bad_parameter_is_422_and_named(client: httpx.AsyncClient, key: Key, query: str, field: str) -> None:
    answer = await client.get(f"/api/v1/{query}", headers=key())
    assert code(answer) == (422, "validation_error")
    assert set(details(answer)) == {field}


@pytest.mark.parametrize("wait", ["-1", "241", "nan", "inf", "soon"])
async def test_a_wait_that_is_out_of_bounds_is_422(client: httpx.AsyncClient, key: Key, wait: str) -> None:
    answer = await client.post(f"{PAIRS}/{pair_id(1)}/trigger?wait={wait}", headers=key())
    assert code(answer) == (422, "validation_error")
    assert set(details(answer)) == {"wait"}


async def test_unknown_parameters_are_ignored_and_a_page_past_the_end_is_empty(
    client: httpx.AsyncClient, key: Key
) -> None:
    answer = await client.get(f"{PAIRS}?colour=red&page=7&per_page=3", headers=key())
    assert answer.json() == {"pairs": [], "total": 1, "page": 7, "per_page": 3}
    far = await client.get(f"/api/v1/logs?page={2**53 - 1}&per_page=200", headers=key())
    assert far.json() == {"logs": [], "total": 0, "page": 2**53 - 1, "per_page": 200}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", PAIRS), ("HEAD", PAIRS), ("GET", "/nowhere"), ("PUT", PAIRS), ("GET", "/healthz"), ("GET", "/docs")),
        *(("GET", "/openapi.json"), ("DELETE", f"{PAIRS}/{pair_id(1)}"), ("POST", PAIRS), ("GET", "/docs/start.js")),
    ],
)
async def test_every_answer_carries_the_headers_of_every_answer(
    client: httpx.AsyncClient, key: Key, method: str, path: str
) -> None:
    for shown in (key(), {}):
        answer = await client.request(method, path, headers=shown)
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])
        assert int(answer.headers["X-RateLimit-Limit"]) in (60, 2000)
        assert int(answer.headers["X-RateLimit-Remaining"]) < int(answer.headers["X-RateLimit-Limit"])
        assert int(answer.headers["X-RateLimit-Reset"]) > 1_700_000_000
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        if not path.startswith("/docs"):
            assert policy == "default-src 'none'; frame-ancestors 'none'"
            assert answer.status_code == 204 or answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("shown", ["a", "A.b_c-9", "x" * 128])
async def test_a_well_formed_request_id_comes_back(client: httpx.AsyncClient, shown: str) -> None:
    answer = await client.get(PAIRS, headers={"X-Request-ID": shown})
    assert answer.headers["X-Request-ID"] == answer.json()["error"]["request_id"] == shown


@pytest.mark.parametrize("shown", ["", "x" * 129, "a b", "a/b", "<script>", "ä".encode().decode("latin-1")])
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, shown: str) -> None:
    answer = await client.get(PAIRS, headers={b"X-Request-ID": shown.encode("latin-1")})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


async def test_head_is_get_without_the_body(client: httpx.AsyncClient, key: Key) -> None:
    shown = key()
    head, get = await client.head(PAIRS, headers=shown), await client.get(PAIRS, headers=shown)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


async def test_a_fault_of_ours_is_told_without_a_word_of_it(
    client: httpx.AsyncClient, double: Double, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    double.world.broken = RuntimeError("secret at C:/private/path")
    answer = await client.get("/api/v1/connections", headers={**key(), "X-Request-ID": "the-one"})
    assert code(answer) == (500, "server_error")
    assert answer.json()["error"]["message"] == "Something went wrong on our end"
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    assert "X-RateLimit-Limit" in answer.headers
    logged = capsys.readouterr().out
    assert "the-one" in logged
    assert "RuntimeError" in logged
