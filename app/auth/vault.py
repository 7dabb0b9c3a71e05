"""Where the data key lives (`domain.ports.Vault`): the OS keyring, a passphrase by explicit choice, or the demo's own.

There is no fallback from one to another and none to plain text: an account waits and says why. A record beside the
database, which holds no secret, remembers that a key was made, so that a locked keyring that answers "nothing"
(some do) is never taken for an empty one. Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from app.auth.keyrings import KeyringBackend, find_keyring, no_keyring
from app.auth.sealing import KEY_BYTES, seal, unseal
from app.domain.errors import VaultError

_USER: Final = "data-key"
_SCRYPT: Final = {"n": 2**16, "r": 8, "p": 1}
_SCRYPT_MOST: Final = {"n": 2**20, "r": 16, "p": 16}
_SALT_BYTES: Final = 16
_WRAPPED_FOR: Final = "vault"
_SHORTEST_PASSPHRASE: Final = 8


class VaultRecord(Protocol):
    """A small private record that says how the key was made; never the key."""

    def load(self) -> Mapping[str, object] | None:
        """The record, None if there is none."""
        ...

    def store(self, content: Mapping[str, object]) -> None:
        """Replace the record, whole or not at all."""
        ...


class StoredKey(Protocol):
    """The demo's key, kept in the demo's own database."""

    def load_key(self) -> bytes | None:
        """The key, None if there is none."""
        ...

    def store_key(self, key: bytes) -> None:
        """Keep the key, durable on return."""
        ...


class KeyringVault:
    """The key in the keyring of the desktop.

    Args:
        record: remembers that a key was made.
        service: name of the item; one for each profile, since Windows mixes up users of one service.
        find: finds the backend.
    """

    def __init__(
        self, record: VaultRecord, *, service: str = "Kalends", find: Callable[[], KeyringBackend] | None = None
    ) -> None:
        self._record = record
        self._service = service
        self._find = find if find is not None else find_keyring

    def data_key(self) -> bytes:
        """The key; made at the first call of all.

        Raises:
            VaultError: `vault_missing`, `vault_locked`, `vault_failed`, `vault_unreadable`, each with the fix.
        """
        known = self._known()
        backend = self._find()
        text = self._call(backend.get_password, self._service, _USER)
        if text is not None:
            key = _decoded(text)
        elif known is not None:
            raise VaultError(
                "The keyring does not give out the key that Kalends keeps in it.",
                code="vault_locked",
                fix="Unlock the keyring of your desktop. If its item “Kalends” was deleted, remove the accounts and "
                "sign in again.",
            )
        else:
            key = self._make(backend)
        check = _check(key)
        if known is None:
            self._record.store({"version": 1, "kind": "keyring", "check": check})
        elif known != check:
            raise _other_key()
        return key

    def _make(self, backend: KeyringBackend) -> bytes:
        key = os.urandom(KEY_BYTES)
        text = base64.b64encode(key).decode()
        self._call(backend.set_password, self._service, _USER, text)
        if self._call(backend.get_password, self._service, _USER) != text:
            raise VaultError(
                "The keyring did not keep the key that Kalends gave it.",
                code="vault_failed",
                fix="Look whether the keyring of your desktop is full or switched off.",
            )
        return key

    def _known(self) -> str | None:
        record = self._record.load()
        if record is None:
            return None
        _require_kind(record, "keyring")
        check = record.get("check")
        return check if isinstance(check, str) else None

    def _call(self, function: Callable[..., Any], *arguments: str) -> Any:
        from keyring.errors import InitError, KeyringError, KeyringLocked, NoKeyringError

        try:
            return function(*arguments)
        except KeyringLocked as error:
            raise _locked() from error
        except (NoKeyringError, InitError) as error:
            raise no_keyring() from error
        except KeyringError as error:
            raise _failed(type(error).__name__) from error
        except Exception as error:  # the backends let errors of D-Bus and of the Windows API through
            raise _failed(type(error).__name__) from error


class PassphraseVault:
    """A random key, wrapped with a passphrase (scrypt, RFC 7914): for machines without a keyring, by explicit choice.

    Args:
        record: keeps salt, cost and the wrapped key.
        passphrase_file: holds the passphrase; line ends after it do not count.
    """

    def __init__(self, record: VaultRecord, passphrase_file: Path) -> None:
        self._record = record
        self._file = passphrase_file

    def data_key(self) -> bytes:
        """The key; made at the first call of all.

        Raises:
            VaultError: `vault_missing` without a usable file, `vault_unreadable` with another passphrase.
        """
        passphrase = self._passphrase()
        record = self._record.load()
        if record is None:
            key, salt = os.urandom(KEY_BYTES), os.urandom(_SALT_BYTES)
            wrapped = seal(_derive(passphrase, salt, _SCRYPT), _WRAPPED_FOR, key)
            self._record.store(
                {"version": 1, "kind": "passphrase", "salt": _text(salt), "wrapped": _text(wrapped), **_SCRYPT}
            )
            return key
        _require_kind(record, "passphrase")
        cost = {name: record.get(name) for name in _SCRYPT}
        if not all(type(value) is int and 0 < value <= _SCRYPT_MOST[name] for name, value in cost.items()):
            raise _damaged()
        salt, wrapped = _bytes(record.get("salt")), _bytes(record.get("wrapped"))
        try:
            return unseal(_derive(passphrase, salt, cost), _WRAPPED_FOR, wrapped)
        except VaultError as error:
            raise VaultError(
                "The passphrase does not open the vault.",
                code="vault_unreadable",
                fix=f"Put the passphrase that the vault was made with into {self._file}.",
            ) from error

    def _passphrase(self) -> bytes:
        try:
            text = self._file.read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise VaultError(
                f"The file with the vault's passphrase, {self._file}, cannot be read.",
                code="vault_missing",
                fix="Set KALENDS_VAULT_PASSPHRASE_FILE to a file that holds the passphrase and that only you can read.",
            ) from error
        if len(text) < _SHORTEST_PASSPHRASE:
            raise VaultError(
                f"The passphrase in {self._file} is too short.",
                code="vault_missing",
                fix=f"Use at least {_SHORTEST_PASSPHRASE} characters; the vault is only as strong as they are.",
            )
        return text


class DatabaseVault:
    """The demo's vault: its key lies beside its secrets, which open nothing but the sandbox. Never for real accounts.

    The key is read when the vault is made, on the thread that owns the database.
    """

    def __init__(self, stored: StoredKey) -> None:
        key = stored.load_key()
        if key is None:
            key = os.urandom(KEY_BYTES)
            stored.store_key(key)
        self._key = key

    def data_key(self) -> bytes:
        """The key."""
        return self._key


def _derive(passphrase: bytes, salt: bytes, cost: Mapping[str, Any]) -> bytes:
    try:
        return Scrypt(salt=salt, length=KEY_BYTES, n=cost["n"], r=cost["r"], p=cost["p"]).derive(passphrase)
    except ValueError as error:
        raise _damaged() from error


def _require_kind(record: Mapping[str, object], kind: str) -> None:
    if record.get("version") != 1 or record.get("kind") not in ("keyring", "passphrase"):
        raise _damaged()
    if record.get("kind") != kind:
        raise VaultError(
            f"The accounts here were sealed with the vault “{record['kind']}”, not with “{kind}”.",
            code="vault_unreadable",
            fix=f"Set KALENDS_VAULT={record['kind']}, or remove the accounts and sign in again.",
        )


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise _other_key()
    return key


def _check(key: bytes) -> str:
    """Tells one random 256-bit key from another without telling anything about it."""
    return hashlib.sha256(b"kalends-vault-check\x1f" + key).hexdigest()[:32]


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "", validate=True)
    except binascii.Error as error:
        raise _damaged() from error


def _locked() -> VaultError:
    return VaultError(
        "The keyring is locked.",
        code="vault_locked",
        fix="Unlock the keyring of your desktop, then try again.",
    )


def _failed(kind: str) -> VaultError:
    return VaultError(
        f"The keyring failed ({kind}).",
        code="vault_failed",
        fix="Look whether the keyring of your desktop works with other programs, then try again.",
    )


def _other_key() -> VaultError:
    return VaultError(
        "The key in the keyring is not the one that the accounts here were sealed with.",
        code="vault_unreadable",
        fix="Bring the former keyring back, or remove the accounts and sign in again.",
    )


def _damaged() -> VaultError:
    return VaultError(
        "The vault's record beside the database is damaged.",
        code="vault_unreadable",
        fix="Bring vault.json back from a backup, or remove the accounts and sign in again.",
    )
