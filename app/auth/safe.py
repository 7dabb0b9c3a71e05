"""Secrets of accounts, in and out: the vault's key, sealing, and the store, in the order that loses nothing.

The vault may block on a prompt, so it is asked in a thread, once; the store belongs to the loop's thread and is called
there. A vault that does not answer is an error, never "no secret".
"""

from __future__ import annotations

import asyncio
from typing import Final

from app.auth.sealing import KEY_BYTES, seal, unseal
from app.auth.threads import start_in_thread
from app.domain.errors import VaultError
from app.domain.ports import SealedSecrets, Vault

VAULT_SECONDS: Final = 60.0


class Safe:
    """Keeps secrets sealed.

    Args:
        vault: where the key is.
        secrets: where the sealed bytes are.
        timeout_seconds: how long a person may take to unlock the vault before we say that it is locked.
    """

    def __init__(self, vault: Vault, secrets: SealedSecrets, *, timeout_seconds: float = VAULT_SECONDS) -> None:
        self._vault = vault
        self._secrets = secrets
        self._timeout_seconds = timeout_seconds
        self._key: bytes | None = None
        self._asking: asyncio.Future[bytes] | None = None

    async def unlock(self) -> None:
        """Have the key at hand. Raises VaultError."""
        await self._data_key()

    async def put(self, account_id: str, secret: bytes) -> None:
        """Seal and store a secret, and read it back: on return it is durable and can be opened.

        Raises:
            VaultError, StorageError.
        """
        key = await self._data_key()
        self._secrets.store(account_id, seal(key, account_id, secret))
        stored = self._secrets.load(account_id)
        if stored is None or unseal(key, account_id, stored) != secret:
            raise VaultError("The sign-in could not be stored: what was read back is not what was written.")

    async def get(self, account_id: str) -> bytes | None:
        """The secret of an account, None if there is none. Raises VaultError, StorageError."""
        sealed = self._secrets.load(account_id)
        if sealed is None:
            return None
        return unseal(await self._data_key(), account_id, sealed)

    def delete(self, account_id: str) -> None:
        """Forget a secret; needs no key. Raises StorageError."""
        self._secrets.delete(account_id)

    async def _data_key(self) -> bytes:
        if self._key is not None:
            return self._key
        # A prompt that is still open is asked no second time: whoever comes later waits for the same answer.
        if self._asking is None or self._asking.done():
            self._asking = start_in_thread(self._vault.data_key, "vault")
        asking = self._asking
        await asyncio.wait({asking}, timeout=self._timeout_seconds)
        if not asking.done():
            raise VaultError(
                "The vault does not answer; it may wait for its password.",
                code="vault_locked",
                fix="Unlock the keyring of your desktop, then try again.",
            )
        key = asking.result()
        if len(key) != KEY_BYTES:
            raise VaultError("The key in the vault does not have the right length.", code="vault_unreadable")
        self._key = key
        return key
