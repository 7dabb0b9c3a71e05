"""Sealed secrets: AES-256-GCM with the account's id as associated data, in a versioned blob. Pure.

A blob opens only with the key it was made with and for the account it was made for, so that blobs cannot be swapped
in the database. There is no unsealed form.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.domain.errors import VaultError

KEY_BYTES: Final = 32
_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_CONTEXT: Final = b"kalends-secret\x1f"


def seal(key: bytes, account_id: str, secret: bytes) -> bytes:
    """A secret as bytes that may be stored: version, 12 bytes nonce, ciphertext with tag.

    Args:
        key: 32 bytes of the vault.
        account_id: whose it is; needed again to open it.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, secret, _CONTEXT + account_id.encode())


def unseal(key: bytes, account_id: str, sealed: bytes) -> bytes:
    """The secret in a blob.

    Raises:
        VaultError: `vault_unreadable`: another key, another account, another version, or damaged.
    """
    if sealed[:1] != _VERSION or len(sealed) < len(_VERSION) + _NONCE_BYTES + _TAG_BYTES:
        raise _unreadable()
    body = sealed[len(_VERSION) :]
    try:
        return AESGCM(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], _CONTEXT + account_id.encode())
    except InvalidTag as error:
        raise _unreadable() from error


def _unreadable() -> VaultError:
    return VaultError(
        "The stored sign-in cannot be opened with the key in the vault.",
        code="vault_unreadable",
        fix="If the keyring or the passphrase was changed, bring the old one back; else sign in to the account again.",
    )
