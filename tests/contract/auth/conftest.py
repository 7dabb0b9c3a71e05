"""The sandbox on loopback sockets, and both authenticators pointed at it the way a user would: by the environment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.auth.addresses import find_addresses
from app.auth.google import GoogleAuthenticator
from app.auth.microsoft import MicrosoftAuthenticator
from app.auth.pages import load_pages
from app.auth.safe import Safe
from app.domain.accounts import Provider
from app.domain.ports import Authenticator, Granted
from app.sandbox.server import Sandbox
from app.system.clock import SystemClock
from tests.contract.auth.browser import Person
from tests.unit.auth.doubles import FixedVault, MemorySecrets

GOOGLE = ("ana@example.com", "ben@example.com")
MICROSOFT = ("mia@outlook.com", "max@contoso.example")
_SEED = {
    "accounts": [
        *({"provider": "google", "email": email, "time_zone": "Europe/Berlin"} for email in GOOGLE),
        *({"provider": "microsoft", "email": email, "time_zone": "Europe/Berlin"} for email in MICROSOFT),
    ]
}


class World:
    """The sandbox and a fresh Kalends before it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.dark = False
        self.hidden: list[str] = []
        self.env: dict[str, str] = sandbox.description()["env"]
        self.secrets = MemorySecrets()
        self.vault = FixedVault()
        self.google: GoogleAuthenticator
        self.microsoft: MicrosoftAuthenticator
        self.restart()

    def restart(self, **changes: str) -> None:
        """Forget all memory, as a new start of the app does; `changes` are variables of the environment."""
        pages = load_pages(Path(__file__).resolve().parents[3] / "resources" / "oauth")
        addresses = find_addresses({**self.env, **changes})
        safe, clock = Safe(self.vault, self.secrets), SystemClock()
        self.google = GoogleAuthenticator(
            addresses.google, safe, pages, clock, deadline_seconds=30, hide=self.hidden.append
        )
        self.microsoft = MicrosoftAuthenticator(
            addresses.microsoft, safe, pages, clock, deadline_seconds=30, hide=self.hidden.append
        )

    def authenticator(self, provider: Provider) -> Authenticator:
        """The one for a provider."""
        return self.google if provider is Provider.GOOGLE else self.microsoft

    async def sign_in(self, provider: Provider, person: Person | None = None, *, hint: str | None = None) -> Granted:
        """A whole sign-in."""
        under_way = await self.authenticator(provider).begin(login_hint=hint)
        await (person or Person()).visit(under_way.authorization_url)
        return await under_way.finish()

    async def connect(self, provider: Provider, account_id: str = "acct_1") -> Granted:
        """A whole sign-in, and its secret kept."""
        granted = await self.sign_in(provider)
        await self.authenticator(provider).keep(account_id, granted.secret)
        return granted

    async def go_dark(self) -> None:
        """Let both services be unreachable from now on."""
        if not self.dark:
            self.dark = True
            await self.sandbox.stop()

    def requests(self, path: str) -> int:
        """How often a path was asked."""
        return sum(1 for item in self.sandbox.world.requests.entries() if item.path.endswith(path))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    sandbox = Sandbox(seed=_SEED)
    await sandbox.start()
    before = World(sandbox)
    try:
        yield before
    finally:
        await before.go_dark()
