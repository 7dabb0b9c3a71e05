"""Microsoft's sign-in in the sandbox, judged by msal over real sockets; refusals of the token endpoint by hand.

Refusals by an organisation's rules are in ``test_microsoft_policy.py``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import msal
import pytest

from app.sandbox.microsoft import CLIENT_ID
from app.sandbox.microsoft.identity import CONSUMERS
from app.sandbox.world import Clock, World
from tests.contract.sandbox.microsoft_client import EMAIL, Scene
from tests.contract.sandbox.microsoft_entra import REAL, REDIRECT, SCOPES, Client, Page, serve_scene


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Scene, str]]:
    """A scene with a second, organisational account, and the address it is served at."""
    scene = Scene(World(clock=Clock(lambda: datetime.now(UTC))))
    scene.microsoft.seed_account({"email": "kim@example.net", "display_name": "Kim Lund"})
    with serve_scene(scene) as base:
        yield scene, base


@pytest.fixture
def client(served: tuple[Scene, str]) -> Iterator[Client]:
    made = Client(served[1])
    with contextlib.closing(made.wire):
        yield made


def refresh_tokens(client: Client) -> set[str]:
    found = client.app.token_cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)
    return {token["secret"] for token in found}


def test_msal_signs_in_by_form_post_and_the_token_opens_graph(served: tuple[Scene, str], client: Client) -> None:
    result = client.sign_in()
    assert "error" not in result, result
    claims = result["id_token_claims"]
    assert (claims["preferred_username"], claims["tid"], claims["name"]) == (EMAIL, CONSUMERS, "Mia Roth")
    (account,) = client.app.get_accounts()
    assert account["home_account_id"] == f"{claims['oid']}.{CONSUMERS}"
    assert account["environment"] == "login.microsoftonline.com"
    headers = {"Authorization": f"Bearer {result['access_token']}"}
    me = httpx.get(f"{served[1]}/v1.0/me", headers=headers).json()
    assert (me["mail"], me["id"]) == (EMAIL, claims["oid"])
    calendars = httpx.get(f"{served[1]}/v1.0/me/calendars", headers=headers).json()["value"]
    assert [row["id"] for row in calendars] == ["HOME", "CLUB", "HOLIDAYS"]
    assert httpx.get(f"{served[1]}/v1.0/me/mailboxSettings", headers=headers).status_code == 403


def test_the_query_mode_answers_by_redirect(client: Client) -> None:
    with pytest.warns(UserWarning, match="form_post"):
        assert "access_token" in client.sign_in(mode="query")


def test_declining_is_told_to_the_app(client: Client) -> None:
    result = client.sign_in(decision="deny")
    assert result["error"] == "access_denied"
    assert "AADSTS65004" in result["error_description"]
    assert client.app.get_accounts() == []


def test_the_chooser_shows_the_accounts_that_the_authority_admits(served: tuple[Scene, str]) -> None:
    for tenant, expected in (
        ("common", [EMAIL, "kim@example.net"]),
        ("consumers", [EMAIL]),
        ("organizations", ["kim@example.net"]),
    ):
        client = Client(served[1], tenant)
        with contextlib.closing(client.wire):
            flow = client.app.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT, response_mode="form_post")
            page = Page(client.wire.http.get(client.wire.turned(flow["auth_uri"])).text)
            assert page.choices["email"] == expected
            assert page.choices["decision"] == ["allow", "deny"]
            assert page.choices["scope"] == ["Calendars.ReadWrite", "User.Read", "offline_access", "openid", "profile"]


def test_a_silent_refresh_rotates_the_refresh_token_and_the_old_one_still_works(client: Client) -> None:
    first = client.sign_in()
    (old,) = refresh_tokens(client)
    second = client.silent()
    assert second["access_token"] != first["access_token"]
    (new,) = refresh_tokens(client)
    assert new != old
    form = {"client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": old, "scope": "User.Read openid"}
    answer = client.wire.post(f"{REAL}/common/oauth2/v2.0/token", data=form)
    assert answer.status_code == 200
    assert answer.json()["scope"] == "User.Read openid"
    assert answer.json()["refresh_token"] not in (old, new)


def test_an_access_token_ends_with_the_clock_of_the_sandbox(served: tuple[Scene, str], client: Client) -> None:
    scene, base = served
    headers = {"Authorization": f"Bearer {client.sign_in()['access_token']}"}
    assert httpx.get(f"{base}/v1.0/me", headers=headers).status_code == 200
    scene.world.clock.advance(3600)
    try:
        answer = httpx.get(f"{base}/v1.0/me", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
        fresh = client.silent()["access_token"]
        assert httpx.get(f"{base}/v1.0/me", headers={"Authorization": f"Bearer {fresh}"}).status_code == 200
    finally:
        scene.world.clock.advance(-3600)


def test_a_refresh_token_dies_of_ninety_days_without_use(served: tuple[Scene, str], client: Client) -> None:
    scene, _ = served
    client.sign_in()
    scene.world.clock.advance(89 * 86400)
    try:
        assert "access_token" in client.silent()
        scene.world.clock.advance(89 * 86400)
        assert "access_token" in client.silent(), "each use gives ninety days more"
        scene.world.clock.advance(91 * 86400)
        refused = client.silent()
        assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [700082])
    finally:
        scene.world.clock.advance(-269 * 86400)


@pytest.mark.parametrize("action", ["revoke", "change_password"])
def test_revoking_or_a_new_password_ends_tokens_and_a_new_sign_in_works(
    served: tuple[Scene, str], client: Client, action: str
) -> None:
    scene, base = served
    access = client.sign_in()["access_token"]
    getattr(scene.microsoft, action)(EMAIL)
    refused = client.silent()
    assert (refused["error"], refused["error_codes"], refused["suberror"]) == ("invalid_grant", [50173], "bad_token")
    assert refused["error_description"].startswith("AADSTS50173: ")
    assert {"trace_id", "correlation_id", "timestamp", "error_uri"} <= set(refused)
    assert httpx.get(f"{base}/v1.0/me", headers={"Authorization": f"Bearer {access}"}).status_code == 401
    for account in client.app.get_accounts():
        client.app.remove_account(account)
    client.cache.clear()
    assert "access_token" in client.sign_in()


def test_a_scope_that_was_never_consented_is_refused_on_refresh(client: Client) -> None:
    client.sign_in(email="kim@example.net")
    (account,) = client.app.get_accounts()
    refused = client.app.acquire_token_silent_with_error(["Mail.Read"], account=account)
    assert (refused["error_codes"], refused["suberror"]) == ([65001], "consent_required")


def test_device_code_waits_for_the_person_and_then_signs_in(client: Client) -> None:
    flow = client.app.initiate_device_flow(SCOPES)
    form = {
        "client_id": CLIENT_ID,
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": flow["device_code"],
    }
    token = f"{REAL}/common/oauth2/v2.0/token"
    assert client.wire.post(token, data=form).json()["error"] == "authorization_pending"
    assert client.wire.post(token, data=form).json()["error"] == "slow_down"
    asked = client.wire.http.post(flow["verification_uri"], data={"user_code": flow["user_code"].lower()})
    page = Page(asked.text)
    fields = {**page.fields, "email": EMAIL, "decision": "allow"}
    assert client.wire.http.post(urljoin(flow["verification_uri"], page.action), data=fields).status_code == 200
    result = client.app.acquire_token_by_device_flow(flow)
    assert result["id_token_claims"]["preferred_username"] == EMAIL
    assert client.wire.post(token, data=form).json()["error"] == "bad_verification_code"


def code_for(client: Client) -> tuple[dict[str, Any], dict[str, str]]:
    """A flow with the token request that would redeem its code."""
    flow = client.app.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT, response_mode="form_post")
    fields = Page(client.consent(flow["auth_uri"]).text).fields
    form = {
        "client_id": CLIENT_ID,
        "grant_type": "authorization_code",
        "code": fields["code"],
        "redirect_uri": REDIRECT,
        "code_verifier": flow["code_verifier"],
    }
    assert fields["state"] == flow["state"]
    return flow, form


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"code_verifier": "x" * 43}, 501481),
        ({"code_verifier": ""}, 501481),
        ({"redirect_uri": "http://localhost:1"}, 500112),
        ({"code": "made-up"}, 70000),
        ({"client_id": "somebody"}, 700016),
        ({"client_secret": "s"}, 700025),
        ({"grant_type": "password"}, 70003),
    ],
)
def test_a_code_is_redeemed_only_as_it_was_asked_for(client: Client, change: dict[str, str], number: int) -> None:
    _, form = code_for(client)
    answer = client.wire.post(f"{REAL}/common/oauth2/v2.0/token", data=form | change)
    assert answer.status_code in (400, 401)
    assert answer.json()["error_codes"] == [number]
    # What was refused did not use the code up.
    assert client.wire.post(f"{REAL}/common/oauth2/v2.0/token", data=form).status_code == 200


def test_a_code_works_once_and_for_ten_minutes(served: tuple[Scene, str], client: Client) -> None:
    scene, _ = served
    _, form = code_for(client)
    token = f"{REAL}/common/oauth2/v2.0/token"
    assert client.wire.post(token, data=form).status_code == 200
    assert client.wire.post(token, data=form).json()["error_codes"] == [54005]
    _, form = code_for(client)
    scene.world.clock.advance(601)
    try:
        assert client.wire.post(token, data=form).json()["error_codes"] == [70008]
    finally:
        scene.world.clock.advance(-601)


def test_the_nonce_of_the_request_stands_in_the_id_token(client: Client) -> None:
    flow = client.app.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT, response_mode="form_post")
    sent = parse_qs(urlsplit(flow["auth_uri"]).query)["nonce"][0]
    fields = Page(client.consent(flow["auth_uri"]).text).fields
    result = client.app.acquire_token_by_auth_code_flow(flow, fields)
    assert result["id_token_claims"]["nonce"] == sent
    assert sent != flow["nonce"]


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"redirect_uri": "http://127.0.0.1:54321"}, "AADSTS50011"),
        ({"redirect_uri": "https://evil.example"}, "AADSTS50011"),
        ({"client_id": "somebody"}, "AADSTS700016"),
    ],
)
def test_a_request_for_another_address_or_client_is_never_redirected(
    client: Client, change: dict[str, str], number: str
) -> None:
    query = {"client_id": CLIENT_ID, "response_type": "code", "redirect_uri": REDIRECT, "scope": "User.Read"} | change
    answer = client.wire.get(f"{REAL}/common/oauth2/v2.0/authorize", params=query)
    assert answer.status_code == 400
    assert number in answer.text


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"scope": "Files.Read"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none"}, "interaction_required"),
        ({"code_challenge": "short"}, "invalid_request"),
    ],
)
def test_a_bad_request_of_a_known_client_is_told_to_it(client: Client, change: dict[str, str], error: str) -> None:
    query = {"client_id": CLIENT_ID, "response_type": "code", "redirect_uri": REDIRECT, "scope": "User.Read"}
    answer = client.wire.get(f"{REAL}/common/oauth2/v2.0/authorize", params=query | {"state": "s"} | change)
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (told["error"], told["state"]) == ([error], ["s"])


def test_an_unknown_tenant_has_no_discovery_document(client: Client) -> None:
    answer = client.wire.get(f"{REAL}/nobody.example/v2.0/.well-known/openid-configuration")
    assert answer.status_code == 400
    assert answer.json()["error_codes"] == [90002]
