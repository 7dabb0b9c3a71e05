"""Which keyring of the desktop keeps the key: only one that is a service of the operating system.

Makes no key and reads none. Everything here blocks (a keyring is asked over D-Bus): call it in a thread.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, Protocol

from app.domain.errors import VaultError

_SECRET_SERVICE: Final = ("SecretService.Keyring", "libsecret.Keyring")
_KWALLET: Final = ("kwallet.DBusKeyring", "kwallet.DBusKeyringKWallet4")
_OF_SYSTEM: Final = {"win32": ("Windows.WinVaultKeyring",), "darwin": ("macOS.Keyring",)}
_OF_OTHERS: Final = (*_SECRET_SERVICE, *_KWALLET)
_BACKENDS: Final = "keyring.backends"
# By module: all that keep secrets in a service of the operating system. Not `null`, `fail`, the chain itself or files.
_REAL_BACKENDS: Final = frozenset(
    f"{_BACKENDS}.{name}" for name in ("SecretService", "kwallet", "libsecret", "Windows", "macOS")
)

_log = logging.getLogger(__name__)


class KeyringBackend(Protocol):
    """What we use of a keyring backend."""

    def get_password(self, service: str, username: str) -> str | None:
        """The stored text, None when there is none (or, with some backends, when it is locked)."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store a text."""
        ...


def find_keyring() -> KeyringBackend:
    """The desktop's keyring: the one a person chose (`PYTHON_KEYRING_BACKEND`, `keyringrc.cfg`), else the best one.

    As `keyring.get_keyring` chooses, but among this system's own only. That one reads what every installed package says
    of itself and imports the backends of all systems; macOS' looks for its libraries by starting a compiler, wherever
    it runs, and the windows stand still while a process is started (https://keyring.readthedocs.io/#api).

    Raises:
        VaultError: `vault_missing`: there is none, or only one that keeps nothing, or keeps it in plain text.
    """
    from keyring import core

    try:
        chosen = core.load_env() or core.load_config()
    except Exception as error:  # keyring has each backend tell by an error of its own that it does not work
        raise no_keyring() from error
    if chosen is not None:
        return allowed_keyring(chosen)
    there = [backend for name in _OF_SYSTEM.get(sys.platform, _OF_OTHERS) if (backend := _loaded(name)) is not None]
    if not there:
        raise no_keyring()
    # Each look at a priority asks over D-Bus again: most desktops have one keyring, and nothing to compare.
    return allowed_keyring(there[0] if len(there) == 1 else max(there, key=lambda backend: backend.priority))


def _loaded(name: str) -> Any:
    """The backend of this name, None where it does not work: keyring has each tell by an error of its own."""
    from keyring import core

    try:
        return core.load_keyring(f"{_BACKENDS}.{name}")
    except Exception as error:  # noqa: BLE001 - as keyring's own `viable`: whatever it raises, it cannot be used
        _log.debug("the keyring backend %s cannot be used: %s", name, error)
        return None


def allowed_keyring(backend: Any) -> KeyringBackend:
    """The backend itself, or the first real one of a chain; raises VaultError `vault_missing` for any other."""
    candidates = [backend]
    if type(backend).__module__ == f"{_BACKENDS}.chainer":
        # Never the chain: it hands a secret on to the next backend, which may write it in plain text.
        candidates = list(backend.backends)
    for candidate in candidates:
        if type(candidate).__module__ in _REAL_BACKENDS:
            found: KeyringBackend = candidate
            return found
    raise no_keyring()


def no_keyring() -> VaultError:
    """That no keyring was found in which anything may be kept."""
    return VaultError(
        "There is no keyring on this computer in which Kalends may keep sign-ins.",
        code="vault_missing",
        fix="Start a keyring (GNOME Keyring or KWallet, inside a desktop session with D-Bus), or choose a passphrase: "
        "KALENDS_VAULT=passphrase with KALENDS_VAULT_PASSPHRASE_FILE.",
    )
