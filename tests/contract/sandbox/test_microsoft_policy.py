"""What organisations and critical events do to a sign-in at the emulated Entra, msal judging where it can."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import jwt
import msal
import pytest

from app.sandbox.microsoft import CLIENT_ID
from app.sandbox.microsoft.policy import ADMIN_NUMBERS, REFRESH_NUMBERS
from app.sandbox.world import Clock, World
from tests.contract.sandbox.microsoft_client import EMAIL, Scene
from tests.contract.sandbox.microsoft_entra import REAL, REDIRECT, SCOPES, Client, Page, Wire, serve_scene

TOKEN = f"{REAL}/common/oauth2/v2.0/token"
DEVICE = f"{REAL}/common/oauth2/v2.0/devicecode"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
KIM = "kim@example.net"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Scene, str]]:
    """A scene with a second, organisational account, and the address it is served at."""
    scene = Scene(World(clock=Clock(lambda: datetime.now(UTC))))
    scene.microsoft.seed_account({"email": KIM, "display_name": "Kim Lund"})
    with serve_scene(scene) as base:
        yield scene, base


@pytest.fixture
def scene(served: tuple[Scene, str]) -> Iterator[Scene]:
    """The scene, its switches put back afterwards."""
    world = served[0].world
    before = {name: switch["value"] for name, switch in world.behaviour.as_dict().items()}
    yield served[0]
    for name, value in before.items():
        world.behaviour.set(name, value)


@pytest.fixture
def client(served: tuple[Scene, str]) -> Iterator[Client]:
    made = Client(served[1])
    with contextlib.closing(made.wire):
        yield made


@pytest.fixture
def able(served: tuple[Scene, str]) -> Iterator[Client]:
    """A client that says it can answer claims challenges."""
    made = Client(served[1], capabilities=["CP1"])
    with contextlib.closing(made.wire):
        yield made


def switch(scene: Scene, **values: Any) -> None:
    for name, value in values.items():
        scene.world.behaviour.set(f"microsoft.{name}", value)


def me(base: str, token: str) -> httpx.Response:
    return httpx.get(f"{base}/v1.0/me", headers={"Authorization": f"Bearer {token}"})


# -- claims challenges -------------------------------------------------------------------------------------------------


def demanded(answer: httpx.Response) -> str:
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
    header = answer.headers["www-authenticate"]
    found = re.search(r'error="insufficient_claims", claims="([^"]+)"', header)
    assert found, header
    return base64.b64decode(found[1]).decode()


def test_a_challenged_client_comes_back_with_the_claims_and_only_then_gets_in(
    served: tuple[Scene, str], scene: Scene, able: Client
) -> None:
    first = able.sign_in()["access_token"]
    assert me(served[1], first).status_code == 200
    scene.microsoft.challenge(EMAIL)
    claims = demanded(me(served[1], first))
    assert json.loads(claims)["access_token"]["nbf"]["essential"] is True
    # Another token without the claims is no better.
    assert demanded(me(served[1], able.silent()["access_token"])) == claims
    (account,) = able.app.get_accounts()
    renewed = able.app.acquire_token_silent_with_error(SCOPES, account=account, claims_challenge=claims)
    assert me(served[1], renewed["access_token"]).status_code == 200


def test_a_client_that_cannot_answer_challenges_is_not_challenged(
    served: tuple[Scene, str], scene: Scene, client: Client
) -> None:
    token = client.sign_in()["access_token"]
    scene.microsoft.challenge(EMAIL)
    assert me(served[1], token).status_code == 200


@pytest.mark.parametrize("answer", ["claims", "plain"])
def test_a_revoked_token_is_told_with_claims_or_like_any_other(
    served: tuple[Scene, str], scene: Scene, able: Client, answer: str
) -> None:
    switch(scene, revoked_token_answer=answer)
    token = able.sign_in()["access_token"]
    scene.microsoft.revoke(EMAIL)
    told = me(served[1], token)
    assert told.status_code == 401
    assert ("insufficient_claims" in told.headers["www-authenticate"]) is (answer == "claims")
    assert able.silent()["error_codes"] == [50173]


@pytest.mark.parametrize(
    "claims", ["nonsense", "[]", '{"access_token":[]}', '{"access_token":{"nbf":{"value":"soon"}}}']
)
def test_a_malformed_claims_parameter_is_refused(client: Client, claims: str) -> None:
    query = {"client_id": CLIENT_ID, "response_type": "code", "redirect_uri": REDIRECT, "scope": "User.Read"}
    answer = client.wire.get(f"{REAL}/common/oauth2/v2.0/authorize", params=query | {"claims": claims})
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert told["error"] == ["invalid_request"]
    assert told["error_description"][0].startswith("AADSTS9002313")
    form = {"client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": "x", "claims": claims}
    assert client.wire.post(TOKEN, data=form).json()["error_codes"] == [9002313]


# -- refusals of a refresh ---------------------------------------------------------------------------------------------

SUBERRORS = {
    70008: "bad_token",
    70043: "token_expired",
    700082: "bad_token",
    50173: "bad_token",
    50132: "bad_token",
    50133: "bad_token",
    50034: "bad_token",
    50057: "bad_token",
    50074: "basic_action",
    50076: "basic_action",
    50078: "basic_action",
    50079: "basic_action",
    53000: "additional_action",
    53003: "message_only",
    65001: "consent_required",
    50196: None,
}


@pytest.mark.parametrize("number", REFRESH_NUMBERS)
def test_a_refresh_is_refused_with_every_number_and_its_suberror(scene: Scene, client: Client, number: int) -> None:
    client.sign_in()
    switch(scene, refresh_refusal=number)
    told = client.silent()
    if number == 0:
        assert "access_token" in told
        return
    assert told["error_codes"] == [number]
    assert told.get("suberror") == SUBERRORS[number]
    assert told["error"] == ("interaction_required" if number in (53000, 53003) else "invalid_grant")
    assert told["error_description"].startswith(f"AADSTS{number}: ")
    assert re.search(r"\r\nTrace ID: \S+\r\nCorrelation ID: \S+\r\nTimestamp: \S+ \S+Z$", told["error_description"])
    assert told["error_uri"] == f"{REAL}/error?code={number}"
    challenging = number in (50074, 50076, 50078, 50079, 53003)
    assert ("claims" in told) is challenging
    assert not challenging or "capolids" in json.loads(told["claims"])["access_token"]


# -- consent -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ADMIN_NUMBERS)
def test_an_organisation_may_let_nobody_consent_but_an_administrator(scene: Scene, client: Client, number: int) -> None:
    scene.microsoft.revoke(KIM)
    switch(scene, admin_consent=number)
    told = client.sign_in(email=KIM)
    if number == 0:
        assert "access_token" in told
        return
    assert told["error"] == ("consent_required" if number == 65001 else "access_denied")
    assert told["error_description"].startswith(f"AADSTS{number}: ")
    assert client.app.get_accounts() == []
    # Where consent was given before, nothing is asked again.
    switch(scene, admin_consent=0)
    assert "access_token" in client.sign_in(email=KIM)
    switch(scene, admin_consent=number)
    assert "access_token" in client.sign_in(email=KIM)


@pytest.mark.parametrize("left_out", ["", "Calendars.ReadWrite", "offline_access"])
def test_fewer_scopes_may_be_granted_than_were_asked_for(
    served: tuple[Scene, str], scene: Scene, client: Client, left_out: str
) -> None:
    scene.microsoft.revoke(EMAIL)
    switch(scene, consent_left_out=left_out)
    told = client.sign_in()
    assert ("Calendars.ReadWrite" in told["scope"].split()) is (left_out != "Calendars.ReadWrite")
    assert ("refresh_token" in told) is (left_out != "offline_access")
    calendars = httpx.get(f"{served[1]}/v1.0/me/calendars", headers={"Authorization": f"Bearer {told['access_token']}"})
    assert calendars.status_code == (403 if left_out == "Calendars.ReadWrite" else 200)
    if left_out == "Calendars.ReadWrite":
        refused = client.silent()
        assert (refused["error_codes"], refused["suberror"]) == ([65001], "consent_required")


# -- the client's registration -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [700016, 700011, 700038])
def test_an_unknown_client_is_told_by_its_number_everywhere(scene: Scene, client: Client, number: int) -> None:
    switch(scene, unknown_client=number)
    form = {"client_id": "somebody", "grant_type": "refresh_token", "refresh_token": "x"}
    told = client.wire.post(TOKEN, data=form).json()
    assert (told["error"], told["error_codes"]) == ("unauthorized_client", [number])
    page = client.wire.get(f"{REAL}/common/oauth2/v2.0/authorize", params={"client_id": "somebody"})
    assert (page.status_code, f"AADSTS{number}" in page.text) == (400, True)


@pytest.mark.parametrize("number", [0, 7000218, 7000215])
def test_a_registration_without_public_client_flows_wants_a_secret(scene: Scene, client: Client, number: int) -> None:
    switch(scene, secret_expected=number)
    told = client.sign_in()
    assert ("access_token" in told) is (number == 0)
    if number:
        assert (told["error"], told["error_codes"]) == ("invalid_client", [number])


# -- device code -------------------------------------------------------------------------------------------------------


def poll(client: Client, flow: dict[str, Any]) -> dict[str, Any]:
    form = {"client_id": CLIENT_ID, "grant_type": DEVICE_GRANT, "device_code": flow["device_code"]}
    return dict(client.wire.post(TOKEN, data=form).json())


def decide(client: Client, flow: dict[str, Any], decision: str) -> httpx.Response:
    asked = client.wire.http.post(flow["verification_uri"], data={"user_code": flow["user_code"]})
    page = Page(asked.text)
    fields = {**page.fields, "email": EMAIL, "decision": decision}
    return client.wire.http.post(urljoin(flow["verification_uri"], page.action), data=fields)


def test_a_declined_device_code_is_told_as_declined(client: Client) -> None:
    flow = client.app.initiate_device_flow(SCOPES)
    assert decide(client, flow, "deny").status_code == 200
    told = poll(client, flow)
    assert (told["error"], told["error_codes"]) == ("authorization_declined", [70017])


def test_a_device_code_lives_fifteen_minutes(scene: Scene, client: Client) -> None:
    flow = client.app.initiate_device_flow(SCOPES)
    assert flow["expires_in"] == 900
    scene.world.clock.advance(901)
    try:
        told = poll(client, flow)
        assert (told["error"], told["error_codes"]) == ("expired_token", [70019])
        late = client.wire.http.post(flow["verification_uri"], data={"user_code": flow["user_code"]})
        assert late.status_code == 400
    finally:
        scene.world.clock.advance(-901)


def test_whoever_polls_too_fast_is_slowed_down_and_must_wait_longer(scene: Scene, client: Client) -> None:
    flow = client.app.initiate_device_flow(SCOPES)
    errors: list[str] = []
    waited = [0.0, 2.0, 7.0, 16.0]
    try:
        for seconds in waited:
            scene.world.clock.advance(seconds)
            errors.append(poll(client, flow)["error"])
    finally:
        scene.world.clock.advance(-sum(waited))
    # Each slow_down asks for five seconds more: seven are not enough for the second try, sixteen are for the third.
    assert errors == ["authorization_pending", "slow_down", "slow_down", "authorization_pending"]
    told = client.wire.post(DEVICE, data={"client_id": "somebody", "scope": "User.Read"}).json()
    assert told["error_codes"] == [700016]


# -- the token's contents ----------------------------------------------------------------------------------------------


def test_the_discovery_document_names_the_real_host_and_what_msal_needs(client: Client) -> None:
    for tenant, issuer in (("common", "{tenantid}"), ("consumers", "9188040d-6c67-4c5b-b112-36a304b66dad")):
        told = client.wire.get(f"{REAL}/{tenant}/v2.0/.well-known/openid-configuration").json()
        assert told["issuer"] == f"{REAL}/{issuer}/v2.0"
        for name, path in (
            ("authorization_endpoint", "authorize"),
            ("token_endpoint", "token"),
            ("device_authorization_endpoint", "devicecode"),
        ):
            assert told[name] == f"{REAL}/{tenant}/oauth2/v2.0/{path}"
        assert {"query", "form_post"} <= set(told["response_modes_supported"])


def test_client_info_comes_only_when_asked_for_and_names_the_home_account(client: Client) -> None:
    result = client.sign_in()
    (account,) = client.app.get_accounts()
    entry = next(iter(client.app.token_cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)))
    form = {"client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": entry["secret"]}
    assert "client_info" not in client.wire.post(TOKEN, data=form).json()
    told = client.wire.post(TOKEN, data={**form, "client_info": "1"}).json()["client_info"]
    info = json.loads(base64.urlsafe_b64decode(told + "=="))
    assert f"{info['uid']}.{info['utid']}" == account["home_account_id"]
    assert result["id_token_claims"]["tid"] == info["utid"]


def test_an_id_token_comes_with_openid_and_names_the_person_with_profile(client: Client) -> None:
    client.sign_in()
    entry = next(iter(client.app.token_cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)))
    form = {"client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": entry["secret"]}
    assert "id_token" not in client.wire.post(TOKEN, data={**form, "scope": "User.Read"}).json()
    for scope, named in (("User.Read openid", False), ("User.Read openid profile", True)):
        told = client.wire.post(TOKEN, data={**form, "scope": scope}).json()
        claims = jwt.decode(told["id_token"], options={"verify_signature": False})
        assert ("preferred_username" in claims) is named


def test_an_access_token_of_a_person_is_opaque(client: Client) -> None:
    token = client.sign_in()["access_token"]
    with pytest.raises(jwt.DecodeError):
        jwt.decode(token, options={"verify_signature": False})


def test_a_code_without_offline_access_gives_no_refresh_token(served: tuple[Scene, str]) -> None:
    wire = Wire(served[1])
    with contextlib.closing(wire):
        query = {"client_id": CLIENT_ID, "response_type": "code", "redirect_uri": REDIRECT, "scope": "User.Read"}
        page = Page(wire.get(f"{REAL}/common/oauth2/v2.0/authorize", params=query).text)
        fields = {**page.fields, "email": EMAIL, "decision": "allow"}
        answer = wire.http.post(urljoin(served[1], page.action), data=fields)
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        form = {
            "client_id": CLIENT_ID,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
        }
        told = wire.post(TOKEN, data=form).json()
    assert "access_token" in told
    assert not {"refresh_token", "id_token", "client_info"} & set(told)
