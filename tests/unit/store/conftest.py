"""What the tests of the store share: a filled store in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.store import Store
from tests.unit.store.samples import World, clock, world


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty store in memory."""
    with Store.open(":memory:", now=clock) as opened:
        yield opened


@pytest.fixture
def filled(store: Store) -> World:
    """A store with a pair from work to home."""
    return world(store)
