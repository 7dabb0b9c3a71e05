"""The safe: sealed at rest, read back, and never "no secret" where the vault is what is missing."""

from __future__ import annotations

import threading

import pytest

from app.auth.safe import Safe
from app.domain.errors import VaultError
from tests.unit.auth.doubles import FixedVault, MemorySecrets

pytestmark = pytest.mark.anyio


async def test_a_secret_goes_in_sealed_and_comes_out_whole() -> None:
    secrets = MemorySecrets()
    safe = Safe(FixedVault(), secrets)
    await safe.put("acct_1", b"refresh-token")
    assert b"refresh" not in secrets.blobs["acct_1"]
    assert await safe.get("acct_1") == b"refresh-token"
    assert await safe.get("acct_2") is None


async def test_the_store_is_called_on_the_thread_of_the_loop_only() -> None:
    secrets = MemorySecrets()
    safe = Safe(FixedVault(), secrets)
    await safe.put("acct_1", b"s")
    await safe.get("acct_1")
    assert secrets.threads == {threading.get_ident()}


async def test_the_vault_is_asked_once() -> None:
    vault = FixedVault()
    safe = Safe(vault, MemorySecrets())
    for _ in range(3):
        await safe.put("acct_1", b"s")
    assert vault.asked == 1


async def test_a_locked_vault_is_an_error_and_asked_again_the_next_time() -> None:
    vault, secrets = FixedVault(), MemorySecrets()
    await Safe(vault, secrets).put("acct_1", b"s")
    safe = Safe(vault, secrets)
    vault.failure = VaultError("The keyring is locked.", code="vault_locked")
    with pytest.raises(VaultError, match="locked"):
        await safe.get("acct_1")
    vault.failure = None
    assert await safe.get("acct_1") == b"s"


async def test_a_vault_that_waits_for_a_prompt_is_called_locked_and_not_asked_twice() -> None:
    vault = FixedVault()
    vault.gate = threading.Event()
    safe = Safe(vault, MemorySecrets(), timeout_seconds=0.05)
    try:
        for _ in range(2):
            with pytest.raises(VaultError) as caught:
                await safe.unlock()
            assert caught.value.code == "vault_locked"
        assert vault.asked == 1
    finally:
        vault.gate.set()
    patient = Safe(vault, MemorySecrets(), timeout_seconds=20)
    await patient.unlock()


async def test_a_store_that_loses_the_secret_is_found_out_at_once() -> None:
    class Forgetful(MemorySecrets):
        def store(self, account_id: str, sealed: bytes) -> None:
            self.written.append(sealed)

    with pytest.raises(VaultError, match="read back"):
        await Safe(FixedVault(), Forgetful()).put("acct_1", b"s")


async def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(VaultError) as caught:
        await Safe(FixedVault(b"short"), MemorySecrets()).unlock()
    assert caught.value.code == "vault_unreadable"


async def test_with_another_key_the_secret_is_unreadable_and_stays_where_it_is() -> None:
    secrets = MemorySecrets()
    await Safe(FixedVault(b"a" * 32), secrets).put("acct_1", b"s")
    blob = secrets.blobs["acct_1"]
    with pytest.raises(VaultError) as caught:
        await Safe(FixedVault(b"b" * 32), secrets).get("acct_1")
    assert caught.value.code == "vault_unreadable"
    assert secrets.blobs["acct_1"] == blob
