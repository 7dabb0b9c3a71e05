"""`/local/v1`: what the command line asks of the running app, and that no key opens it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import httpx
import pytest

from app.api.application import build_api
from app.domain.runs import Trigger
from tests.contract.api.conftest import Key, Window
from tests.contract.api.core_double import Double, conn, pair_id, ulid
from tests.contract.api.test_order_of_checks import code, details

pytestmark = pytest.mark.anyio

LOCAL = "/local/v1"
ACCOUNT = f"acct_{ulid(1)}"


async def test_keys_do_not_open_the_local_side_nor_the_token_the_public_one(
    client: httpx.AsyncClient, key: Key, local: Mapping[str, str]
) -> None:
    for path in ("/keys", "/sync-pairs", "/nowhere"):
        assert code(await client.get(f"{LOCAL}{path}", headers=key())) == (401, "unauthorized")
        assert code(await client.get(f"{LOCAL}{path}")) == (401, "unauthorized")
    assert code(await client.get("/api/v1/sync-pairs", headers=local)) == (401, "unauthorized")
    assert code(await client.get(f"{LOCAL}/nowhere", headers=local)) == (404, "not_found")
    assert code(await client.get("/api/v1/keys", headers=key())) == (404, "not_found")


async def test_the_local_side_keeps_to_the_rules_of_hosts_and_origins(
    client: httpx.AsyncClient, local: Mapping[str, str]
) -> None:
    assert code(await client.get(f"{LOCAL}/keys", headers={**local, "Host": "evil.example"}))[0] == 421
    assert code(await client.get(f"{LOCAL}/keys", headers={**local, "Origin": "null"}))[0] == 403
    assert code(await client.post(f"{LOCAL}/keys", content="a=b", headers=local))[0] == 415


async def test_a_key_is_made_shown_once_listed_and_revoked(client: httpx.AsyncClient, local: Mapping[str, str]) -> None:
    body = {"label": "script", "scopes": ["read:pairs"], "kind": "test", "expires_at": "2030-01-01T00:00:00Z"}
    answer = await client.post(f"{LOCAL}/keys", json=body, headers=local)
    made = answer.json()
    assert answer.status_code == 201
    assert set(made) == {"id", "key", "kind", "scopes", "label", "expires_at"}
    assert made["key"].startswith("cs_test_")
    assert (made["scopes"], made["expires_at"]) == (["read:pairs"], "2030-01-01T00:00:00Z")
    shown = {"X-API-Key": made["key"]}
    assert (await client.get("/api/v1/sync-pairs", headers=shown)).status_code == 200
    listed = (await client.get(f"{LOCAL}/keys", headers=local)).json()["keys"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert "key" not in listed[0]
    revoked = await client.delete(f"{LOCAL}/keys/{made['id']}", headers=local)
    assert revoked.json()["revoked_at"]
    assert (await client.get("/api/v1/sync-pairs", headers=shown)).status_code == 401
    assert code(await client.delete(f"{LOCAL}/keys/key_{ulid(9)}", headers=local)) == (404, "not_found")
    assert set(details(await client.post(f"{LOCAL}/keys", json={"kind": "odd"}, headers=local))) == {"label", "kind"}


async def test_accounts_are_listed_with_their_calendars(client: httpx.AsyncClient, local: Mapping[str, str]) -> None:
    accounts = (await client.get(f"{LOCAL}/accounts", headers=local)).json()["accounts"]
    assert [account["id"] for account in accounts] == [ACCOUNT, f"acct_{ulid(2)}"]
    assert accounts[1]["calendars"] == [{"connection_id": conn(4), "name": "Calendar 4", "access": "writer"}]


async def test_an_account_is_added_by_an_attempt_that_can_be_awaited(
    client: httpx.AsyncClient, double: Double, local: Mapping[str, str]
) -> None:
    begun = await client.post(f"{LOCAL}/accounts", json={"provider": "google"}, headers=local)
    assert begun.status_code == 202
    location = begun.headers["Location"]
    assert location == f"{LOCAL}/accounts/attempts/{begun.json()['attempt_id']}"
    pending = (await client.get(location, headers=local)).json()
    assert (pending["status"], pending["account"]) == ("pending", None)
    done = (await client.get(f"{location}?wait=5", headers=local)).json()
    assert (done["status"], done["account"]["id"], done["connection_ids"]) == ("done", ACCOUNT, [conn(1)])
    assert (await client.delete(location, headers=local)).status_code == 204
    assert double.world.calls[-1][0] == "cancel"
    unknown = f"{LOCAL}/accounts/attempts/attempt_{ulid(9)}?wait=5"
    assert code(await client.get(unknown, headers=local)) == (404, "not_found")


async def test_an_account_is_tested_reconnected_and_removed(
    client: httpx.AsyncClient, local: Mapping[str, str]
) -> None:
    tested = await client.post(f"{LOCAL}/accounts/{ACCOUNT}/test", headers=local)
    assert tested.json()["account"]["status"] == "connected"
    assert (await client.post(f"{LOCAL}/accounts/{ACCOUNT}/reconnect", headers=local)).status_code == 202
    assert (await client.delete(f"{LOCAL}/accounts/acct_{ulid(2)}", headers=local)).status_code == 204
    gone = await client.delete(f"{LOCAL}/accounts/acct_{ulid(2)}", headers=local)
    assert code(gone) == (404, "not_found")


async def test_the_pairs_family_answers_here_too_with_addresses_of_its_own(
    client: httpx.AsyncClient, double: Double, local: Mapping[str, str]
) -> None:
    double.world.runs_end_at_once = False
    answer = await client.post(f"{LOCAL}/sync-pairs/{pair_id(1)}/trigger?wait=0", headers=local)
    assert answer.headers["Location"].startswith(f"{LOCAL}/runs/")
    assert (await client.get(answer.headers["Location"], headers=local)).json()["trigger"] == "manual"
    assert double.world.calls == [("request", (Trigger.MANUAL, False, False))]
    for path in ("connections", "sync-pairs", "logs", "runs", "holds", "status"):
        assert (await client.get(f"{LOCAL}/{path}", headers=local)).status_code == 200


async def test_some_or_all_pairs_are_synced_at_once(
    client: httpx.AsyncClient, double: Double, local: Mapping[str, str]
) -> None:
    every = (await client.post(f"{LOCAL}/sync", headers=local)).json()["runs"]
    assert [(run["pair_id"], run["status"]) for run in every] == [(pair_id(1), "success")]
    body = {"pair_ids": [pair_id(1)], "full": True}
    assert len((await client.post(f"{LOCAL}/sync", json=body, headers=local)).json()["runs"]) == 1
    assert double.world.calls[-1] == ("request", (Trigger.MANUAL, False, True))
    unknown = await client.post(f"{LOCAL}/sync", json={"pair_ids": [pair_id(1), pair_id(9)]}, headers=local)
    assert code(unknown) == (404, "not_found")
    assert len(double.world.runs) == 2
    double.world.runs_end_at_once = False
    (going,) = (await client.post(f"{LOCAL}/sync?wait=0", headers=local)).json()["runs"]
    assert (going["status"], going["success"]) == ("running", False)


async def test_the_window_is_shown_and_the_app_ended_on_request(
    client: httpx.AsyncClient, window: Window, local: Mapping[str, str]
) -> None:
    for wish in ("show", "quit"):
        answer = await client.post(f"{LOCAL}/{wish}", headers=local)
        assert (answer.status_code, answer.json()) == (202, {"ok": True})
    assert window.asked == ["show", "quit"]


async def test_an_app_without_windows_says_so(double: Double) -> None:
    api = build_api(double.core, control_token="t", instance_secret="s")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://127.0.0.1:1") as client:
        answer = await client.post(f"{LOCAL}/show", headers={"Authorization": "Bearer t"})
    assert code(answer) == (409, "no_window")


async def test_a_run_is_stopped_alone_and_told_as_it_ended(
    client: httpx.AsyncClient, double: Double, local: Mapping[str, str]
) -> None:
    double.world.runs_end_at_once = False
    double.world.pairs[pair_id(2)] = replace(double.world.pairs[pair_id(1)], id=pair_id(2))
    for number in (1, 2):
        double.core.sync.request(pair_id(number), Trigger.MANUAL)
    stopped = await client.post(f"{LOCAL}/sync/stop", json={"pair_ids": [pair_id(1)]}, headers=local)
    (run,) = stopped.json()["runs"]
    assert (run["pair_id"], run["status"], run["success"]) == (pair_id(1), "failed", False)
    assert [error["code"] for error in run["errors"]] == ["stopped_by_person"]
    rest = (await client.post(f"{LOCAL}/sync/stop", headers=local)).json()["runs"]
    assert [one["pair_id"] for one in rest] == [pair_id(2)]
    assert (await client.post(f"{LOCAL}/sync/stop", headers=local)).json() == {"runs": []}
    unknown = await client.post(f"{LOCAL}/sync/stop", json={"pair_ids": [f"pair_{ulid(9)}"]}, headers=local)
    assert code(unknown) == (404, "not_found")
    assert (await client.post("/api/v1/sync/stop", headers=local)).status_code in (401, 404)
