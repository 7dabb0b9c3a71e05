"""Access tokens: one refresh in flight, a rotated secret safe before its token is used, nothing lost on the way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from app.auth.freshness import FreshTokens, Refreshed
from app.auth.safe import Safe
from app.domain.errors import AuthExpiredError, OfflineError, UnavailableError, VaultError
from tests.unit.auth.doubles import FixedVault, MemorySecrets, SteppedClock, until

pytestmark = pytest.mark.anyio


class _Issuer:
    """Gives numbered tokens; rotates the secret when told; waits at a gate when there is one."""

    def __init__(self) -> None:
        self.calls = 0
        self.seen: list[bytes] = []
        self.claims: list[str | None] = []
        self.rotate = False
        self.failure: Exception | None = None
        self.gate: threading.Event | None = None
        self.before_answer: Callable[[], None] = lambda: None

    def refresh(self, secret: bytes, claims: str | None) -> Refreshed:
        self.calls += 1
        self.claims.append(claims)
        self.seen.append(secret)
        if self.gate is not None:
            self.gate.wait(20)
        if self.failure is not None:
            raise self.failure
        return Refreshed(f"access-{self.calls}", 3600, f"secret-{self.calls}".encode() if self.rotate else None)


class _Side:
    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.secrets = MemorySecrets()
        self.safe = Safe(FixedVault(), self.secrets)
        self.issuer = _Issuer()
        self.tokens = FreshTokens("acct_1", self.safe, self.issuer.refresh, self.clock, timeout_seconds=10)


@pytest.fixture
async def side() -> _Side:
    made = _Side()
    await made.safe.put("acct_1", b"secret-0")
    return made


async def test_a_good_token_is_answered_from_memory(side: _Side) -> None:
    assert await side.tokens.token() == "access-1"
    assert await side.tokens.token() == "access-1"
    assert side.issuer.calls == 1


async def test_a_token_is_renewed_before_it_ends(side: _Side) -> None:
    await side.tokens.token()
    side.clock.advance(3600 - 301)
    assert await side.tokens.token() == "access-1"
    side.clock.advance(2)
    assert await side.tokens.token() == "access-2"


async def test_a_token_the_service_refused_is_not_answered_again(side: _Side) -> None:
    refused = await side.tokens.token()
    assert await side.tokens.token(stale=refused) == "access-2"
    # Somebody else's older refusal does not throw the new one away.
    assert await side.tokens.token(stale=refused) == "access-2"
    assert side.issuer.calls == 2


async def test_a_demand_of_the_service_reaches_the_refresh_and_later_ones(side: _Side) -> None:
    refused = await side.tokens.token()
    assert await side.tokens.token(stale=refused, claims='{"nbf":1}') == "access-2"
    # Met already: others who were refused with the same demand get what came of it.
    assert await side.tokens.token(stale=refused, claims='{"nbf":1}') == "access-2"
    side.clock.advance(3600)
    assert await side.tokens.token() == "access-3"
    assert side.issuer.claims == [None, '{"nbf":1}', '{"nbf":1}']
    side.tokens.forget()
    await side.tokens.token()
    assert side.issuer.claims[-1] is None


async def test_a_demand_is_not_met_by_a_refresh_that_was_under_way_without_it(side: _Side) -> None:
    refused = await side.tokens.token()
    side.issuer.gate = threading.Event()
    plain = asyncio.create_task(side.tokens.token(stale=refused))
    await until(lambda: side.issuer.calls == 2)
    demanding = [asyncio.create_task(side.tokens.token(stale=refused, claims="{}")) for _ in range(3)]
    await asyncio.sleep(0)
    side.issuer.gate.set()
    assert await plain == "access-2"
    assert set(await asyncio.gather(*demanding)) == {"access-3"}
    assert side.issuer.claims == [None, None, "{}"]


async def test_twenty_callers_share_one_refresh(side: _Side) -> None:
    side.issuer.gate = threading.Event()
    waiting = [asyncio.create_task(side.tokens.token()) for _ in range(20)]
    await asyncio.sleep(0)
    side.issuer.gate.set()
    assert set(await asyncio.gather(*waiting)) == {"access-1"}
    assert side.issuer.calls == 1


async def test_a_rotated_secret_is_stored_before_its_token_is_given_out(side: _Side) -> None:
    side.issuer.rotate = True
    assert await side.tokens.token() == "access-1"
    assert await side.safe.get("acct_1") == b"secret-1"


async def test_a_token_whose_secret_could_not_be_stored_is_not_used_and_the_secret_is_not_lost(side: _Side) -> None:
    side.issuer.rotate = True
    side.secrets.broken = True
    with pytest.raises(VaultError):
        await side.tokens.token()
    assert side.issuer.seen == [b"secret-0"]
    side.secrets.broken = False
    side.issuer.rotate = False
    await side.tokens.token()
    assert side.issuer.seen == [b"secret-0", b"secret-1"]
    assert await side.safe.get("acct_1") == b"secret-1"


async def test_a_caller_who_gives_up_does_not_lose_the_rotated_secret(side: _Side) -> None:
    side.issuer.rotate = True
    side.issuer.gate = threading.Event()
    impatient = asyncio.create_task(side.tokens.token())
    await until(lambda: side.issuer.calls == 1)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    side.issuer.gate.set()
    await side.tokens.settled()
    assert await side.safe.get("acct_1") == b"secret-1"
    assert await side.tokens.token() == "access-1"


async def test_a_new_sign_in_during_a_refresh_is_not_overwritten_by_the_old_one(side: _Side) -> None:
    side.issuer.rotate = True
    side.issuer.gate = threading.Event()
    old = asyncio.create_task(side.tokens.token())
    await until(lambda: side.issuer.calls == 1)
    side.tokens.forget()
    await side.safe.put("acct_1", b"signed-in-again")
    side.issuer.gate.set()
    with pytest.raises(AuthExpiredError):
        await old
    assert await side.safe.get("acct_1") == b"signed-in-again"
    side.issuer.rotate = False
    await side.tokens.token()
    assert side.issuer.seen[-1] == b"signed-in-again"


@pytest.mark.parametrize("failure", [OfflineError("x"), UnavailableError("x"), AuthExpiredError("x")])
async def test_a_failed_refresh_is_told_and_tried_again_the_next_time(side: _Side, failure: Exception) -> None:
    side.issuer.failure = failure
    for _ in range(2):
        with pytest.raises(type(failure)):
            await side.tokens.token()
    side.issuer.failure = None
    assert await side.tokens.token() == "access-3"


async def test_an_account_without_a_secret_needs_a_sign_in() -> None:
    side = _Side()
    with pytest.raises(AuthExpiredError) as caught:
        await side.tokens.token()
    assert caught.value.code == "needs_sign_in"
    assert side.issuer.calls == 0


async def test_an_issuer_that_never_answers_is_unavailable() -> None:
    side = _Side()
    await side.safe.put("acct_1", b"secret-0")
    side.issuer.gate = threading.Event()
    tokens = FreshTokens("acct_1", side.safe, side.issuer.refresh, side.clock, timeout_seconds=0.05)
    with pytest.raises(UnavailableError):
        await tokens.token()
    side.issuer.gate.set()


async def test_no_token_shows_when_an_object_is_printed(side: _Side) -> None:
    await side.tokens.token()
    assert "access-1" not in repr(side.tokens) + repr(Refreshed("access-1", 1, b"secret-1"))
    assert "secret-1" not in repr(Refreshed("access-1", 1, b"secret-1"))
