"""The provider contract runs against every provider: add a world of its own to `WORLDS`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.providers.google_world import google_world
from tests.contract.providers.microsoft_world import microsoft_world
from tests.contract.providers.world import ProviderWorld

WORLDS = {"google": google_world, "microsoft": microsoft_world}


@pytest.fixture(params=sorted(WORLDS))
async def world(request: pytest.FixtureRequest, anyio_backend: str) -> AsyncIterator[ProviderWorld]:
    """A fresh account at one provider, with its calendar "Home" open."""
    async with WORLDS[request.param]() as made:
        await made.open("Home")
        yield made
