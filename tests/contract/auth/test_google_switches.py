"""Our Google sign-in under every value of the switches that can touch it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.domain.accounts import Provider
from app.domain.errors import AuthExpiredError
from tests.contract.auth.conftest import World

pytestmark = pytest.mark.anyio


def turn(world: World, name: str, value: Any) -> None:
    """Turn a switch of Google's."""
    world.sandbox.world.behaviour.set(f"google.{name}", value)


@pytest.mark.parametrize("value", ["off", "rapt_required", "invalid_rapt"])
async def test_an_organisations_session_control_needs_a_person_and_passes_with_a_new_sign_in(
    world: World, value: str
) -> None:
    await world.connect(Provider.GOOGLE)
    turn(world, "session_control", value)
    tokens = world.google.tokens("acct_1")
    if value == "off":
        assert await tokens.token()
        return
    with pytest.raises(AuthExpiredError) as caught:
        await tokens.token()
    assert (caught.value.code, caught.value.reason) == ("needs_sign_in", value)
    turn(world, "session_control", "off")
    await world.connect(Provider.GOOGLE)
    assert await world.google.tokens("acct_1").token()


@pytest.mark.parametrize("value", ["open", "admin_policy_enforced", "org_internal", "not_a_test_user"])
async def test_a_policy_tells_the_person_and_a_cancelled_sign_in_frees_its_port(world: World, value: str) -> None:
    turn(world, "sign_in_policy", value)
    under_way = await world.google.begin()
    waiting = asyncio.create_task(under_way.finish())
    async with httpx.AsyncClient() as browser:
        page = await browser.get(under_way.authorization_url)
        assert (page.status_code == 200) == (value == "open")
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        redirect = str(httpx.URL(under_way.authorization_url).params["redirect_uri"])
        with pytest.raises(httpx.ConnectError):
            await browser.get(redirect)


@pytest.mark.parametrize("days", [0, 30])
async def test_the_end_of_a_grant_for_some_days_is_known_from_its_beginning(world: World, days: int) -> None:
    turn(world, "grant_lifetime_days", days)
    granted = await world.connect(Provider.GOOGLE)
    if not days:
        assert granted.identity.expires_at is None
        return
    ends = granted.identity.expires_at
    assert ends is not None
    assert abs(ends - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=5)
    world.sandbox.world.clock.advance(days * 86_400)
    with pytest.raises(AuthExpiredError):
        await world.google.tokens("acct_1").token()
