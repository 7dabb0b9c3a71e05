"""What a check-up finds about secrets and clients: no key is made by looking."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.auth import checkup
from app.auth.addresses import find_addresses
from app.auth.vault import PassphraseVault
from app.domain.checkups import CheckStatus
from app.domain.errors import VaultError
from app.system.private_files import PrivateFile


class Locked:
    """A vault that is locked."""

    def data_key(self) -> bytes:
        """Not now."""
        raise VaultError("The keyring is locked.", code="vault_locked", fix="Unlock it.")


def test_a_vault_is_asked_only_once_it_holds_a_key(tmp_path: Path) -> None:
    record, phrase = tmp_path / "vault.json", tmp_path / "phrase"
    phrase.write_text("correct horse battery staple")
    phrase.chmod(0o600)
    vault = PassphraseVault(PrivateFile(record), phrase)
    assert checkup.vault(vault, record, keyring=False).status is CheckStatus.OK
    assert not record.exists()
    vault.data_key()
    assert checkup.vault(vault, record, keyring=False).status is CheckStatus.OK
    told = checkup.vault(Locked(), record, keyring=True)
    assert (told.status, told.fix) == (CheckStatus.FAIL, "Unlock it.")


def test_a_missing_client_is_told_with_what_to_set() -> None:
    addresses = find_addresses({})
    assert [one.status for one in checkup.clients(addresses)] == [CheckStatus.WARN, CheckStatus.WARN]
    whole = replace(
        addresses,
        google=replace(addresses.google, client_id="i", client_secret="s"),
        microsoft=replace(addresses.microsoft, client_id="i"),
    )
    assert [one.status for one in checkup.clients(whole)] == [CheckStatus.OK, CheckStatus.OK]
