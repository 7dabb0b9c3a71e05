"""Whether secrets can be kept, and sign-ins begun. Makes no key and shows none."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.auth.addresses import Addresses
from app.auth.keyrings import find_keyring
from app.domain.checkups import Check, fail, ok, warn
from app.domain.errors import SignInError, VaultError
from app.domain.ports import Vault


def vault(kept: Vault, record: Path, *, keyring: bool) -> Check:
    """Whether the key of all secrets can be read; where there is none yet, whether one could be kept.

    Args:
        kept: the vault of the profile; asked only if it holds a key already, since it makes one otherwise.
        record: what the vault remembers about its key.
        keyring: whether the key lives in the keyring of the desktop.
    """
    where = "keyring" if keyring else "passphrase vault"
    try:
        if record.exists():
            kept.data_key()
            return ok("vault", f"The {where} gives out the key of your sign-ins.")
        if keyring:
            find_keyring()
        return ok("vault", f"The {where} can be used; it holds nothing of Kalends yet.")
    except VaultError as error:
        return fail("vault", error.message, error.fix or "Unlock the keyring of your desktop.")


def clients(addresses: Addresses) -> Iterable[Check]:
    """Whether accounts of each provider can be connected at all."""
    for name, provider in (("google", addresses.google), ("microsoft", addresses.microsoft)):
        try:
            provider.require_client()
        except SignInError as error:
            yield warn(f"client:{name}", error.message, error.fix or "Set the client id.")
        else:
            yield ok(f"client:{name}", f"Accounts of {name.capitalize()} can be connected.")
