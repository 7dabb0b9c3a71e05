"""Stand-ins for the ports that `app.auth` needs: a clock that obeys, a store in memory, a vault that does as told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from app.domain.errors import VaultError


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until a condition holds; fails at the deadline."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for happens in threads and sockets, not in the loop
            await asyncio.sleep(0.005)


class SteppedClock:
    """A clock that moves only when told."""

    def __init__(self, start: datetime | None = None) -> None:
        self.moment = start or datetime(2026, 3, 9, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """The present moment."""
        return self.moment

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.moment += timedelta(seconds=seconds)


class MemorySecrets:
    """`domain.ports.SealedSecrets` in memory; remembers every blob it was given, and the thread that called."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.written: list[bytes] = []
        self.threads: set[int] = set()
        self.broken = False

    def load(self, account_id: str) -> bytes | None:
        """The blob of an account."""
        self.threads.add(threading.get_ident())
        return self.blobs.get(account_id)

    def store(self, account_id: str, sealed: bytes) -> None:
        """Keep a blob."""
        self.threads.add(threading.get_ident())
        if self.broken:
            raise VaultError("The disk is full.")
        self.blobs[account_id] = sealed
        self.written.append(sealed)

    def delete(self, account_id: str) -> None:
        """Forget a blob."""
        self.blobs.pop(account_id, None)


class FixedVault:
    """A vault with a key from the start; `failure` is raised instead while it is set."""

    def __init__(self, key: bytes = b"k" * 32) -> None:
        self.key = key
        self.failure: VaultError | None = None
        self.asked = 0
        self.gate: threading.Event | None = None

    def data_key(self) -> bytes:
        """The key, after the gate opens if there is one."""
        self.asked += 1
        if self.gate is not None:
            self.gate.wait(20)
        if self.failure is not None:
            raise self.failure
        return self.key


class MemoryRecord:
    """`auth.vault.VaultRecord` in memory."""

    def __init__(self, content: Mapping[str, object] | None = None) -> None:
        self.content = content

    def load(self) -> Mapping[str, object] | None:
        """The record."""
        return self.content

    def store(self, content: Mapping[str, object]) -> None:
        """Replace the record."""
        self.content = dict(content)
