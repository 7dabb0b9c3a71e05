"""Fresh tokens of both providers against the sandbox: refresh, rotation, every way a sign-in can end, and revoking."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from app.domain.accounts import Provider
from app.domain.errors import AuthExpiredError, OfflineError, UnavailableError, VaultError
from tests.contract.auth.conftest import GOOGLE, MICROSOFT, World

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("provider", [Provider.GOOGLE, Provider.MICROSOFT])
_ROUTES = {Provider.GOOGLE: "google:POST /token", Provider.MICROSOFT: "microsoft:POST /common/oauth2/v2.0/token"}
_EMAILS = {Provider.GOOGLE: GOOGLE[0], Provider.MICROSOFT: MICROSOFT[0]}


def _token_requests(world: World) -> int:
    return world.requests("/token")


@BOTH
async def test_after_a_restart_the_sealed_secret_gives_tokens_again(world: World, provider: Provider) -> None:
    await world.connect(provider)
    world.restart()
    assert await world.authenticator(provider).tokens("acct_1").token()


@BOTH
async def test_tokens_are_kept_in_memory_and_nowhere_else(world: World, provider: Provider) -> None:
    granted = await world.connect(provider)
    tokens = world.authenticator(provider).tokens("acct_1")
    before = _token_requests(world)
    token = await tokens.token()
    assert await tokens.token() == token
    assert _token_requests(world) == before + 1
    assert token.encode() not in granted.secret
    assert all(token.encode() not in blob for blob in world.secrets.written)
    assert "AccessToken" not in json.loads(granted.secret)


@BOTH
async def test_a_refused_token_is_replaced_by_one_that_works(world: World, provider: Provider) -> None:
    await world.connect(provider)
    tokens = world.authenticator(provider).tokens("acct_1")
    token = await tokens.token()
    world.sandbox.provider(provider.value).expire_access(_EMAILS[provider])
    assert await _status(world, provider, token) == 401
    renewed = await tokens.token(stale=token)
    assert renewed != token
    assert await _status(world, provider, renewed) == 200


@BOTH
async def test_many_callers_cause_one_refresh(world: World, provider: Provider) -> None:
    await world.connect(provider)
    before = _token_requests(world)
    tokens = [world.authenticator(provider).tokens("acct_1").token() for _ in range(20)]
    assert len(set(await asyncio.gather(*tokens))) == 1
    assert _token_requests(world) == before + 1


@BOTH
@pytest.mark.parametrize("end", ["revoke", "change_password"])
async def test_a_withdrawn_sign_in_needs_a_person_and_nothing_else_is_forgotten(
    world: World, provider: Provider, end: str
) -> None:
    await world.connect(provider)
    if end == "change_password" and provider is Provider.GOOGLE:
        # Google ends a sign-in by a changed password only when it includes mail (providers.md §7.1).
        world.sandbox.google.change_password(_EMAILS[provider])
        assert await world.google.tokens("acct_1").token()
        return
    getattr(world.sandbox.provider(provider.value), end)(_EMAILS[provider])
    for _ in range(2):
        with pytest.raises(AuthExpiredError) as caught:
            await world.authenticator(provider).tokens("acct_1").token()
        assert caught.value.code == "needs_sign_in"
        assert caught.value.reason
        assert caught.value.fix
    assert "acct_1" in world.secrets.blobs
    # Signing in again repairs it at once: no memory of the refusal stays.
    await world.connect(provider)
    assert await world.authenticator(provider).tokens("acct_1").token()


@BOTH
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 503}, UnavailableError),
        ({"kind": "status", "status": 500, "body": "<html>"}, UnavailableError),
        ({"kind": "reset_before"}, OfflineError),
    ],
)
async def test_a_failing_issuer_never_looks_like_an_ended_sign_in(
    world: World, provider: Provider, fault: dict[str, object], error: type[Exception]
) -> None:
    await world.connect(provider)
    world.sandbox.world.faults.add({"route": _ROUTES[provider], **fault})
    tokens = world.authenticator(provider).tokens("acct_1")
    with pytest.raises(error):
        await tokens.token()
    # No hidden memory of the failure: the first try after it is over works.
    world.sandbox.world.faults.clear()
    assert await tokens.token()


@BOTH
async def test_an_unreachable_issuer_is_offline(world: World, provider: Provider) -> None:
    await world.connect(provider)
    await world.go_dark()
    with pytest.raises(OfflineError):
        await world.authenticator(provider).tokens("acct_1").token()


async def test_microsofts_rotated_refresh_token_is_sealed_before_the_new_token_is_used(world: World) -> None:
    granted = await world.connect(Provider.MICROSOFT)
    first = _refresh_token(granted.secret)
    written = len(world.secrets.written)
    await world.microsoft.tokens("acct_1").token()
    assert len(world.secrets.written) == written + 1
    kept = await world.microsoft._safe.get("acct_1")
    assert kept is not None
    assert _refresh_token(kept) != first
    world.restart()
    assert await world.microsoft.tokens("acct_1").token()


async def test_a_rotation_that_cannot_be_stored_keeps_the_token_back(world: World) -> None:
    await world.connect(Provider.MICROSOFT)
    world.secrets.broken = True
    with pytest.raises(VaultError):
        await world.microsoft.tokens("acct_1").token()
    world.secrets.broken = False
    assert await world.microsoft.tokens("acct_1").token()


def _refresh_token(secret: bytes) -> str:
    (entry,) = json.loads(secret)["RefreshToken"].values()
    return str(entry["secret"])


@BOTH
async def test_a_changed_client_id_asks_for_a_new_sign_in(world: World, provider: Provider) -> None:
    await world.connect(provider)
    name = "KALENDS_GOOGLE_CLIENT_ID" if provider is Provider.GOOGLE else "KALENDS_MICROSOFT_CLIENT_ID"
    world.restart(**{name: "another-client"})
    with pytest.raises(AuthExpiredError) as caught:
        await world.authenticator(provider).tokens("acct_1").token()
    assert caught.value.reason in ("client_changed", "no_account")


async def test_forgetting_a_google_account_revokes_it_there_and_deletes_it_here(world: World) -> None:
    await world.connect(Provider.GOOGLE)
    token = await world.google.tokens("acct_1").token()
    await world.google.forget("acct_1")
    assert world.secrets.blobs == {}
    assert await _status(world, Provider.GOOGLE, token) == 401
    with pytest.raises(AuthExpiredError):
        await world.google.tokens("acct_1").token()


@BOTH
async def test_an_unreachable_issuer_or_vault_does_not_keep_an_account_from_being_forgotten(
    world: World, provider: Provider
) -> None:
    await world.connect(provider)
    await world.go_dark()
    await world.authenticator(provider).forget("acct_1")
    assert world.secrets.blobs == {}
    world.secrets.blobs["acct_2"] = b"sealed with another key"
    await world.authenticator(provider).forget("acct_2")
    assert world.secrets.blobs == {}


@BOTH
async def test_two_accounts_of_one_provider_do_not_share_tokens(world: World, provider: Provider) -> None:
    await world.connect(provider, "acct_1")
    await world.connect(provider, "acct_2")
    authenticator = world.authenticator(provider)
    one, two = await asyncio.gather(authenticator.tokens("acct_1").token(), authenticator.tokens("acct_2").token())
    assert one != two


async def _status(world: World, provider: Provider, token: str) -> int:
    base = world.env["KALENDS_GOOGLE_API" if provider is Provider.GOOGLE else "KALENDS_GRAPH_API"]
    path = "/users/me/calendarList" if provider is Provider.GOOGLE else "/me/calendars"
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(base + path, headers={"Authorization": f"Bearer {token}"})).status_code


@BOTH
async def test_every_secret_in_use_is_told_to_whoever_hides_secrets(world: World, provider: Provider) -> None:
    granted = await world.connect(provider)
    token = await world.authenticator(provider).tokens("acct_1").token()
    content = json.loads(granted.secret)
    kept = content["refresh_token"] if provider is Provider.GOOGLE else _refresh_token(granted.secret)
    assert {token, kept} <= set(world.hidden)
