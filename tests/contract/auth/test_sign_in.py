"""Sign-in at both providers against the sandbox: real sockets, real libraries, only the click is automatic."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.auth.google import SCOPES as GOOGLE_SCOPES
from app.domain.accounts import Provider
from app.domain.errors import OfflineError, SignInError, UnavailableError, VaultError
from app.domain.ports import Authenticator, SignIn
from app.system.log import start_log
from app.system.redaction import Redactor
from tests.contract.auth.browser import Person
from tests.contract.auth.conftest import GOOGLE, MICROSOFT, World

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("provider", [Provider.GOOGLE, Provider.MICROSOFT])
_TOKEN_ROUTES = {Provider.GOOGLE: "google:POST /token", Provider.MICROSOFT: "microsoft:POST /common/oauth2/v2.0/token"}


@BOTH
async def test_a_sign_in_brings_identity_and_a_secret_that_gives_tokens(world: World, provider: Provider) -> None:
    granted = await world.sign_in(provider)
    identity = granted.identity
    assert identity.provider is provider
    assert identity.email == (GOOGLE if provider is Provider.GOOGLE else MICROSOFT)[0]
    assert identity.subject
    assert identity.subject != identity.email
    authenticator = world.authenticator(provider)
    await authenticator.keep("acct_1", granted.secret)
    token = await authenticator.tokens("acct_1").token()
    await _opens_calendars(world, provider, token)


async def _opens_calendars(world: World, provider: Provider, token: str, status: int = 200) -> None:
    base = world.env["KALENDS_GOOGLE_API" if provider is Provider.GOOGLE else "KALENDS_GRAPH_API"]
    path = "/users/me/calendarList" if provider is Provider.GOOGLE else "/me/calendars"
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(base + path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status, answer.text


async def test_both_authenticators_and_their_sign_ins_fit_the_ports(world: World) -> None:
    authenticators: tuple[Authenticator, Authenticator] = (world.google, world.microsoft)
    assert len(authenticators) == 2


@BOTH
async def test_signing_in_again_gives_the_same_subject_and_another_person_another(
    world: World, provider: Provider
) -> None:
    emails = GOOGLE if provider is Provider.GOOGLE else MICROSOFT
    first, again, other = [await world.sign_in(provider, Person(email)) for email in (emails[0], emails[0], emails[1])]
    assert first.identity.subject == again.identity.subject
    assert first.identity.subject != other.identity.subject


@BOTH
async def test_a_hint_offers_the_wanted_account_first(world: World, provider: Provider) -> None:
    wanted = (GOOGLE if provider is Provider.GOOGLE else MICROSOFT)[1]
    granted = await world.sign_in(provider, Person(), hint=wanted)
    assert granted.identity.email == wanted


@BOTH
async def test_the_page_asks_with_pkce_state_and_a_loopback_redirect(world: World, provider: Provider) -> None:
    under_way: SignIn = await world.authenticator(provider).begin()
    query = {name: values[0] for name, values in parse_qs(urlsplit(under_way.authorization_url).query).items()}
    assert query["code_challenge_method"] == "S256"
    assert len(query["code_challenge"]) == 43
    assert len(query["state"]) >= 43
    assert query["response_type"] == "code"
    redirect = urlsplit(query["redirect_uri"])
    assert redirect.scheme == "http"
    assert redirect.port
    if provider is Provider.GOOGLE:
        assert redirect.hostname == "127.0.0.1"
        assert query["access_type"] == "offline"
        assert query["scope"].split() == list(GOOGLE_SCOPES)
        assert "client_secret" not in query
    else:
        assert redirect.hostname == "localhost"
        assert query["response_mode"] == "form_post"
        assert {"Calendars.ReadWrite", "User.Read", "MailboxSettings.Read", "offline_access"} <= set(
            query["scope"].split()
        )
    await _give_up(under_way)


async def _give_up(under_way: SignIn) -> None:
    waiting = asyncio.ensure_future(under_way.finish())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    port = urlsplit(parse_qs(urlsplit(under_way.authorization_url).query)["redirect_uri"][0]).port
    with pytest.raises(OSError, match=r"\d"):
        await asyncio.open_connection("127.0.0.1", port)


@BOTH
async def test_a_person_who_says_no_is_told_that_nothing_was_changed(world: World, provider: Provider) -> None:
    under_way = await world.authenticator(provider).begin()
    page = await Person(decision="deny").visit(under_way.authorization_url)
    assert "not allowed" in page.text
    with pytest.raises(SignInError) as caught:
        await under_way.finish()
    assert caught.value.code == "denied"
    assert world.secrets.blobs == {}


@pytest.mark.parametrize("unticked", [("calendar.events",), ("calendar.calendarlist.readonly",)])
async def test_unticked_calendar_boxes_end_the_sign_in_with_what_to_do(world: World, unticked: tuple[str, ...]) -> None:
    with pytest.raises(SignInError) as caught:
        await world.sign_in(Provider.GOOGLE, Person(untick=unticked))
    assert caught.value.code == "scope_missing"


async def test_a_google_test_app_tells_when_the_sign_in_will_end(world: World) -> None:
    account = world.sandbox.world.account(GOOGLE[0])
    assert account is not None
    async with httpx.AsyncClient(trust_env=False) as http:
        control = world.sandbox.description()["control"]
        answer = await http.patch(
            f"{control['url']}/accounts/{GOOGLE[0]}",
            json={"testing_mode": True},
            headers={"Authorization": f"Bearer {control['token']}"},
        )
        assert answer.status_code == 200, answer.text
    granted = await world.sign_in(Provider.GOOGLE)
    assert granted.identity.expires_at is not None
    left = granted.identity.expires_at - world.sandbox.world.clock.now()
    assert 6.9 < left.total_seconds() / 86_400 < 7.1
    other = await world.sign_in(Provider.GOOGLE, Person(GOOGLE[1]))
    assert other.identity.expires_at is None


@BOTH
async def test_a_stolen_code_without_our_state_does_not_end_the_sign_in(world: World, provider: Provider) -> None:
    under_way = await world.authenticator(provider).begin()
    redirect = parse_qs(urlsplit(under_way.authorization_url).query)["redirect_uri"][0]
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(redirect, params={"code": "attackers", "state": "guess"})).status_code == 400
    await Person().visit(under_way.authorization_url)
    assert (await under_way.finish()).identity.email


@BOTH
async def test_a_made_up_code_with_our_state_is_rejected(world: World, provider: Provider) -> None:
    under_way = await world.authenticator(provider).begin()
    query = parse_qs(urlsplit(under_way.authorization_url).query)
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.post(query["redirect_uri"][0], data={"code": "made-up", "state": query["state"][0]})
    with pytest.raises(SignInError) as caught:
        await under_way.finish()
    assert caught.value.code == "rejected"


async def test_an_answer_of_another_issuer_is_rejected_before_the_code_is_sent(world: World) -> None:
    under_way = await world.google.begin()
    query = parse_qs(urlsplit(under_way.authorization_url).query)
    answer = {"code": "c", "state": query["state"][0], "iss": "https://evil.example"}
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.get(query["redirect_uri"][0], params=answer)
    with pytest.raises(SignInError, match="not come from Google"):
        await under_way.finish()
    assert world.requests("/token") == 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"error": "access_denied", "error_description": "AADSTS65004: The user declined."}, "denied"),
        ({"error": "access_denied", "error_description": "AADSTS90094: Admin consent is needed."}, "admin_needed"),
        ({"error": "interaction_required", "error_description": "AADSTS53003: Blocked by policy."}, "admin_needed"),
        ({"error": "invalid_client", "error_description": "AADSTS7000218: A secret is expected."}, "rejected"),
        ({"error": "server_error", "error_description": "AADSTS90033: A transient error."}, "rejected"),
    ],
)
async def test_microsofts_numbers_become_words(world: World, fields: dict[str, str], code: str) -> None:
    under_way = await world.microsoft.begin()
    query = parse_qs(urlsplit(under_way.authorization_url).query)
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.post(query["redirect_uri"][0], data={"state": query["state"][0], **fields})
    with pytest.raises(SignInError) as caught:
        await under_way.finish()
    assert caught.value.code == code
    assert caught.value.fix


@BOTH
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 503}, UnavailableError),
        ({"kind": "status", "status": 500, "body": "<html>oops</html>"}, UnavailableError),
        ({"kind": "reset_before"}, OfflineError),
    ],
)
async def test_a_failing_token_endpoint_is_no_rejection_of_the_person(
    world: World, provider: Provider, fault: dict[str, object], error: type[Exception]
) -> None:
    under_way = await world.authenticator(provider).begin()
    world.sandbox.world.faults.add({"route": _TOKEN_ROUTES[provider], **fault})
    await Person().visit(under_way.authorization_url)
    with pytest.raises(error):
        await under_way.finish()


async def test_an_unreachable_authority_is_offline_and_frees_the_port(world: World) -> None:
    await world.go_dark()
    with pytest.raises(OfflineError):
        await world.microsoft.begin()
    under_way = await world.google.begin()
    query = parse_qs(urlsplit(under_way.authorization_url).query)
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.get(query["redirect_uri"][0], params={"code": "c", "state": query["state"][0]})
    with pytest.raises(OfflineError):
        await under_way.finish()


@BOTH
async def test_without_a_vault_nobody_is_sent_to_the_browser(world: World, provider: Provider) -> None:
    world.vault.failure = VaultError("There is no keyring.", code="vault_missing")
    with pytest.raises(VaultError) as caught:
        await world.authenticator(provider).begin()
    assert caught.value.code == "vault_missing"


@BOTH
async def test_without_a_client_the_sign_in_says_what_to_set(world: World, provider: Provider) -> None:
    world.restart(KALENDS_GOOGLE_CLIENT_ID="", KALENDS_MICROSOFT_CLIENT_ID="")
    with pytest.raises(SignInError) as caught:
        await world.authenticator(provider).begin()
    assert caught.value.code == "client_missing"


@BOTH
async def test_no_secret_reaches_the_log_even_when_every_library_talks(
    world: World, provider: Provider, tmp_path: Path
) -> None:
    talkative = "httpx httpcore requests_oauthlib oauthlib urllib3 msal google uvicorn.access".split()
    log = start_log(tmp_path / "kalends.log", Redactor(), level="debug")
    for name in talkative:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        under_way = await world.authenticator(provider).begin()
        await Person().visit(under_way.authorization_url)
        granted = await under_way.finish()
        await world.authenticator(provider).keep("acct_1", granted.secret)
        token = await world.authenticator(provider).tokens("acct_1").token()
    finally:
        log.close()
    text = (tmp_path / "kalends.log").read_text(encoding="utf-8")
    assert "/token" in text
    query = parse_qs(urlsplit(under_way.authorization_url).query)
    for secret in (token, query["state"][0], query["code_challenge"][0], *_secrets_in(granted.secret)):
        assert secret not in text
        assert secret not in repr(granted.identity)
    assert granted.identity.email not in text


@BOTH
async def test_a_sign_in_touches_no_variable_of_the_process(world: World, provider: Provider) -> None:
    before = dict(os.environ)
    await world.sign_in(provider)
    assert dict(os.environ) == before


def _secrets_in(secret: bytes) -> list[str]:
    content = json.loads(secret)
    if "refresh_token" in content:
        return [content["refresh_token"]]
    return [entry["secret"] for entry in content["RefreshToken"].values()]
