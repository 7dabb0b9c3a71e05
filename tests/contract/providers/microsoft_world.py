"""Microsoft for the provider contract: `MicrosoftService` against the emulated Graph."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.domain.accounts import Provider
from app.providers.http import new_ssl_context
from app.providers.limits import AccountLimits
from app.providers.microsoft import MicrosoftService
from app.providers.retry import Retrier
from app.sandbox.server import Sandbox
from tests.contract.providers.world import BERLIN, SEED_CALENDARS, ProviderWorld, SandboxTokens, no_sleep

EMAIL = "grace@example.com"
CALENDAR = "/v1.0/me/calendars/*"


class PassingTime:
    """A clock on which waiting takes no time at all."""

    def __init__(self) -> None:
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        """Let these seconds pass."""
        self.now += seconds

    def monotonic(self) -> float:
        """Seconds passed."""
        return self.now


@asynccontextmanager
async def microsoft_world() -> AsyncIterator[ProviderWorld]:
    """A fresh Microsoft account with four calendars."""
    account = {"provider": "microsoft", "email": EMAIL, "time_zone": BERLIN, "calendars": SEED_CALENDARS}
    sandbox = Sandbox(seed={"accounts": [account]})
    await sandbox.start()
    tokens = SandboxTokens(sandbox.microsoft, EMAIL)
    trust = new_ssl_context()

    def make_service(graph_base: str) -> MicrosoftService:
        time = PassingTime()
        return MicrosoftService(
            tokens,
            graph_base,
            ssl_context=trust,
            limits=AccountLimits(burst=10_000, per_minute=100_000, sleep=time.sleep, monotonic=time.monotonic),
            retrier=Retrier(sleep=no_sleep),
        )

    service = make_service(sandbox.description()["microsoft"]["graph_api"])
    try:
        yield ProviderWorld(
            sandbox=sandbox,
            emulated=sandbox.microsoft,
            tokens=tokens,
            service=service,
            provider=Provider.MICROSOFT,
            make_service=make_service,
            api_path="/v1.0",
            create_route=f"microsoft:POST {CALENDAR}/events",
            list_route=f"microsoft:GET {CALENDAR}/calendarView/delta",
            slow_down={
                "status": 429,
                "headers": {"Retry-After": "3"},
                "body": {"error": {"code": "ApplicationThrottled", "message": "Too many requests."}},
            },
        )
    finally:
        await service.aclose()
        await sandbox.stop()
