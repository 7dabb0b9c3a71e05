"""`/openapi.json`, `/docs` and `/healthz`: open without a key, complete, and without anything of the user's."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.api import health, local, pairs
from app.api.documents import documents_router
from app.api.routes import SCOPES, CheckedRoute
from tests.contract.api.conftest import SECRET, Key
from tests.contract.api.core_double import Double, conn, pair_id, ulid

pytestmark = pytest.mark.anyio

PUBLIC: dict[str, list[APIRouter]] = {
    "": [health.router, documents_router(dict)],
    "/api/v1": list(pairs.ROUTERS),
}
MAY_NAME_UNKNOWN = ("/api/v1/logs", "/api/v1/runs", "/api/v1/availability", "/api/v1/feed.ics")
"""Routes whose query may name a pair or calendar that is not there."""
EVERYWHERE = {"400", "403", "413", "415", "421", "422", "429", "500", "503"}


def routes(routers: dict[str, list[APIRouter]]) -> Iterator[tuple[str, APIRoute]]:
    """Every route with its whole path."""
    for prefix, some in routers.items():
        for router in some:
            for route in router.routes:
                assert isinstance(route, CheckedRoute), route
                yield prefix + route.path, route


ALL = [*routes(PUBLIC), *routes({"/local/v1": [local.router]})]


async def test_the_description_is_open_and_names_every_public_route_with_every_error(client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")
    document = answer.json()
    assert answer.status_code == 200
    assert document["openapi"] == "3.1.0"
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert described == {(path, method) for path, route in routes(PUBLIC) for method in route.methods or ()}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            statuses = set(operation["responses"])
            keyed = path.startswith("/api/v1")
            assert statuses >= EVERYWHERE | ({"401"} if keyed else set()), (path, method)
            assert ("404" in statuses) == ("{" in path or path in MAY_NAME_UNKNOWN), (path, method)
            assert any(status < "300" for status in statuses)
            assert bool(operation["security"]) == keyed, (path, method)
            for answered in operation["responses"].values():
                assert set(answered["headers"]) >= {"X-Request-ID", "X-RateLimit-Remaining"}


async def test_every_reference_of_the_description_leads_somewhere(client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")
    document = answer.json()
    references = set(re.findall(r'"#/([^"]+)"', answer.text))
    assert references
    for reference in references:
        node = document
        for part in reference.split("/"):
            node = node[part]
    assert "/local/" not in answer.text
    assert "HTTPValidationError" not in answer.text


async def test_nothing_of_the_user_is_in_the_open_documents(client: httpx.AsyncClient, double: Double) -> None:
    for path in ("/openapi.json", "/docs", "/healthz", f"/healthz?challenge={'c' * 16}"):
        text = (await client.get(path)).text
        for secret in (SECRET, pair_id(1), conn(1), ulid(1), "person1", "Calendar 1"):
            assert secret not in text


def test_every_route_is_checked_and_runs_on_the_loop_and_every_public_one_names_its_scopes() -> None:
    for path, route in ALL:
        calls = [dependant.call for dependant in dependants(route.dependant)]
        assert calls
        assert all(inspect.iscoroutinefunction(call) for call in calls), path
        assert bool((route.openapi_extra or {}).get(SCOPES)) == path.startswith("/api/v1"), path


def dependants(dependant: Dependant) -> Iterator[Dependant]:
    """An endpoint and all that it depends on."""
    yield dependant
    for inner in dependant.dependencies:
        yield from dependants(inner)


async def test_the_page_takes_its_files_from_here_alone(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) == 3
    for file in files:
        assert file.startswith("/docs/")
        answer = await client.get(file)
        assert answer.status_code == 200
        assert answer.content
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert not re.findall(r"<script(?![^>]*src=)", page.text)


@pytest.mark.parametrize("name", ["nothing.js", "README.md", "LICENSE.txt", "%2e%2e%2fREADME.md", "..%2findex.html"])
async def test_no_other_file_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/docs/{name}")).status_code == 404


async def test_health_tells_the_version_and_proves_itself_to_a_challenge(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok", "version": "0.1.0"}
    challenge = "0123456789abcdef"
    answer = (await client.get(f"/healthz?challenge={challenge}")).json()
    expected = hmac.new(SECRET.encode(), f"{challenge}:5545".encode(), hashlib.sha256).hexdigest()
    assert answer == {"status": "ok", "version": "0.1.0", "proof": expected}


@pytest.mark.parametrize("challenge", ["", "short", "x" * 15, "x" * 129])
async def test_a_challenge_that_is_too_short_or_too_long_is_422(client: httpx.AsyncClient, challenge: str) -> None:
    assert (await client.get(f"/healthz?challenge={challenge}")).status_code == 422


async def test_our_own_client_reaches_health_though_strangers_used_their_requests_up(
    client: httpx.AsyncClient, key: Key
) -> None:
    for _ in range(61):
        await client.get("/healthz")
    ours = hmac.new(SECRET.encode(), b"client:5545", hashlib.sha256).hexdigest()
    assert (await client.get("/healthz", headers={"X-Kalends-Proof": "0" * 64})).status_code == 429
    assert (await client.get("/healthz", headers={"X-Kalends-Proof": ours})).status_code == 200
    assert (await client.get("/healthz", headers=key())).status_code == 200
    assert (await client.get("/api/v1/status", headers={"X-Kalends-Proof": ours})).status_code == 429
