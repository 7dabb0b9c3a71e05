"""Our sign-in at Microsoft under every variant that is not verified (`providers.md` §13), and its claims challenges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.domain.accounts import Provider
from app.domain.errors import AuthExpiredError, SignInError, UnavailableError
from app.domain.ports import AccessTokens
from app.providers.http import new_ssl_context
from app.providers.microsoft import MicrosoftService
from app.sandbox.microsoft.policy import ADMIN_NUMBERS, REFRESH_NUMBERS
from app.sandbox.transport import InProcess
from tests.contract.auth.browser import Person
from tests.contract.auth.conftest import MICROSOFT, World

pytestmark = pytest.mark.anyio
EMAIL = MICROSOFT[0]
LOOP = 50196
ADMIN = (53000, 53003, 65001)


def turn(world: World, **switches: Any) -> None:
    """Turn switches of the emulated Entra."""
    for name, value in switches.items():
        world.sandbox.world.behaviour.set(f"microsoft.{name}", value)


async def challenge(world: World) -> None:
    """Let something critical happen to the account, by the control API."""
    async with httpx.AsyncClient(
        transport=InProcess(world.sandbox.control_app),
        base_url="http://127.0.0.1",
        headers={"Authorization": f"Bearer {world.sandbox.control_token}"},
    ) as control:
        assert (await control.patch(f"/accounts/{EMAIL}", json={"challenge": True})).status_code == 200


@asynccontextmanager
async def calendar_service(world: World, tokens: AccessTokens | None = None) -> AsyncIterator[MicrosoftService]:
    """Our Graph client with the tokens of the account that is signed in."""
    service = MicrosoftService(
        tokens or world.microsoft.tokens("acct_1"), world.env["KALENDS_GRAPH_API"], ssl_context=new_ssl_context()
    )
    try:
        yield service
    finally:
        await service.aclose()


async def test_a_claims_challenge_is_answered_with_its_claims_and_the_request_goes_through(world: World) -> None:
    await world.connect(Provider.MICROSOFT)
    async with calendar_service(world) as service:
        await service.calendars()
        await challenge(world)
        before = world.requests("/token")
        told = await asyncio.gather(*(service.calendars() for _ in range(3)))
        assert all(told)
        assert world.requests("/token") == before + 1
        # The next renewal meets the demand as well, and no second challenge comes.
        world.sandbox.microsoft.expire_access(EMAIL)
        assert await service.calendars()
        assert world.requests("/token") == before + 2


async def test_a_challenge_is_answered_after_a_restart_too(world: World) -> None:
    await world.connect(Provider.MICROSOFT)
    await challenge(world)
    world.restart()
    async with calendar_service(world) as service:
        assert await service.calendars()


@pytest.mark.parametrize("answer", ["claims", "plain"])
async def test_a_withdrawn_permission_needs_a_person_however_graph_tells_it(world: World, answer: str) -> None:
    turn(world, revoked_token_answer=answer)
    await world.connect(Provider.MICROSOFT)
    async with calendar_service(world) as service:
        await service.calendars()
        world.sandbox.microsoft.revoke(EMAIL)
        with pytest.raises(AuthExpiredError) as caught:
            await service.calendars()
    assert caught.value.reason == "AADSTS50173"


@pytest.mark.parametrize("number", [number for number in REFRESH_NUMBERS if number])
async def test_every_refusal_of_a_refresh_says_whether_a_person_an_administrator_or_patience_is_needed(
    world: World, number: int
) -> None:
    await world.connect(Provider.MICROSOFT)
    turn(world, refresh_refusal=number)
    tokens = world.microsoft.tokens("acct_1")
    with pytest.raises((AuthExpiredError, UnavailableError)) as caught:
        await tokens.token()
    error = caught.value
    assert isinstance(error, UnavailableError) is (number == LOOP)
    assert error.reason == f"AADSTS{number}"
    assert ("administrator" in (error.fix or "")) is (number in ADMIN)
    # The refused secret stays: when the refusal is over, it works again.
    turn(world, refresh_refusal=0)
    assert await tokens.token()


@pytest.mark.parametrize("number", [number for number in ADMIN_NUMBERS if number])
async def test_a_sign_in_that_only_an_administrator_may_allow_says_so(world: World, number: int) -> None:
    turn(world, admin_consent=number)
    with pytest.raises(SignInError) as caught:
        await world.sign_in(Provider.MICROSOFT, Person(MICROSOFT[1]))
    assert caught.value.code == "admin_needed"
    turn(world, admin_consent=0)
    assert (await world.sign_in(Provider.MICROSOFT, Person(MICROSOFT[1]))).identity.email == MICROSOFT[1]


@pytest.mark.parametrize(
    ("left_out", "code"), [("Calendars.ReadWrite", "scope_missing"), ("offline_access", "rejected")]
)
async def test_a_sign_in_without_what_is_needed_is_refused_by_us(world: World, left_out: str, code: str) -> None:
    turn(world, consent_left_out=left_out)
    with pytest.raises(SignInError) as caught:
        await world.sign_in(Provider.MICROSOFT)
    assert caught.value.code == code


@pytest.mark.parametrize("left_out", ["", "MailboxSettings.Read", "User.Read"])
async def test_a_sign_in_with_less_than_we_ask_for_lives_on_with_what_was_granted(world: World, left_out: str) -> None:
    turn(world, consent_left_out=left_out)
    granted = await world.connect(Provider.MICROSOFT)
    assert (left_out or "none") not in granted.identity.scopes
    async with calendar_service(world) as service:
        zones = {info.zone for info in await service.calendars()}
        assert zones == {"UTC" if left_out == "MailboxSettings.Read" else "Europe/Berlin"}
        # Again after a rotation: what is kept still says what was granted.
        world.sandbox.microsoft.expire_access(EMAIL)
        assert await service.calendars()


@pytest.mark.parametrize("number", [700016, 700011, 700038])
async def test_a_client_that_is_not_registered_is_a_matter_of_settings(world: World, number: int) -> None:
    await world.connect(Provider.MICROSOFT)
    turn(world, unknown_client=number)
    world.restart(KALENDS_MICROSOFT_CLIENT_ID="another-client")
    with pytest.raises(AuthExpiredError) as caught:
        await world.microsoft.tokens("acct_1").token()
    assert caught.value.reason in ("client_changed", "no_account")


@pytest.mark.parametrize("number", [7000218, 7000215])
async def test_a_registration_that_wants_a_secret_is_a_matter_of_settings(world: World, number: int) -> None:
    turn(world, secret_expected=number)
    with pytest.raises(SignInError) as caught:
        await world.sign_in(Provider.MICROSOFT)
    assert caught.value.code == "rejected"
    assert "Entra" in (caught.value.fix or "")
