"""Google for the provider contract: `GoogleService` against the emulated Google."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.domain.accounts import Provider
from app.providers.google import GoogleService
from app.providers.http import new_ssl_context
from app.providers.limits import AccountLimits
from app.providers.retry import Retrier
from app.sandbox.server import Sandbox
from tests.contract.providers.world import BERLIN, SEED_CALENDARS, ProviderWorld, SandboxTokens, no_sleep

EMAIL = "ada@example.com"
EVENTS = "/calendar/v3/calendars/*/events"


@asynccontextmanager
async def google_world() -> AsyncIterator[ProviderWorld]:
    """A fresh Google account with four calendars."""
    account = {"provider": "google", "email": EMAIL, "time_zone": BERLIN, "calendars": SEED_CALENDARS}
    sandbox = Sandbox(seed={"accounts": [account]})
    await sandbox.start()
    tokens = SandboxTokens(sandbox.google, EMAIL)
    trust = new_ssl_context()

    def make_service(api_base: str) -> GoogleService:
        return GoogleService(
            tokens,
            api_base,
            ssl_context=trust,
            limits=AccountLimits(burst=10_000, per_minute=100_000),
            retrier=Retrier(sleep=no_sleep),
        )

    service = make_service(sandbox.description()["google"]["calendar_api"])
    try:
        yield ProviderWorld(
            sandbox=sandbox,
            emulated=sandbox.google,
            tokens=tokens,
            service=service,
            provider=Provider.GOOGLE,
            make_service=make_service,
            api_path="/calendar/v3",
            create_route=f"google:POST {EVENTS}",
            list_route=f"google:GET {EVENTS}",
            slow_down={
                "status": 403,
                "headers": {"Retry-After": "3"},
                "body": {"error": {"code": 403, "errors": [{"domain": "usageLimits", "reason": "rateLimitExceeded"}]}},
            },
        )
    finally:
        await service.aclose()
        await sandbox.stop()
