"""Vaults: the key comes back, and every way to be without it has its own word and fix."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from keyring.errors import InitError, KeyringError, KeyringLocked, NoKeyringError, PasswordSetError

from app.auth.vault import DatabaseVault, KeyringVault, PassphraseVault
from app.domain.errors import VaultError
from tests.unit.auth.doubles import MemoryRecord


class _Keyring:
    """A keyring that can be locked, absent, forgetful or full."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], str] = {}
        self.failure: Exception | None = None
        self.forgetful = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.failure is not None:
            raise self.failure
        return self.items.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.failure is not None:
            raise self.failure
        if not self.forgetful:
            self.items[(service, username)] = password


def _vault(keyring: _Keyring, record: MemoryRecord, service: str = "Kalends") -> KeyringVault:
    return KeyringVault(record, service=service, find=lambda: keyring)


def test_the_key_is_made_once_and_is_the_same_ever_after() -> None:
    keyring, record = _Keyring(), MemoryRecord()
    key = _vault(keyring, record).data_key()
    assert len(key) == 32
    assert _vault(keyring, record).data_key() == key
    assert len(keyring.items) == 1
    # Windows takes 1280 characters.
    assert len(next(iter(keyring.items.values()))) == 44


def test_the_record_beside_the_database_holds_no_key() -> None:
    keyring, record = _Keyring(), MemoryRecord()
    key = _vault(keyring, record).data_key()
    text = str(record.content)
    assert base64.b64encode(key).decode() not in text
    assert key.hex() not in text


def test_two_profiles_have_two_keys() -> None:
    keyring = _Keyring()
    one = _vault(keyring, MemoryRecord(), "Kalends").data_key()
    two = _vault(keyring, MemoryRecord(), "Kalends other").data_key()
    assert one != two


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (KeyringLocked("prompt dismissed"), "vault_locked"),
        (NoKeyringError("none"), "vault_missing"),
        (InitError("no collection"), "vault_missing"),
        (PasswordSetError("full"), "vault_failed"),
        (KeyringError("?"), "vault_failed"),
        (OSError(1783, "The stub received bad data"), "vault_failed"),
    ],
)
def test_each_failure_of_the_keyring_has_its_word_and_its_fix(failure: Exception, code: str) -> None:
    keyring = _Keyring()
    keyring.failure = failure
    with pytest.raises(VaultError) as caught:
        _vault(keyring, MemoryRecord()).data_key()
    assert caught.value.code == code
    assert caught.value.fix


def test_a_keyring_that_answers_nothing_though_it_had_the_key_is_locked_not_empty() -> None:
    keyring, record = _Keyring(), MemoryRecord()
    key = _vault(keyring, record).data_key()
    kept = dict(keyring.items)
    keyring.items.clear()
    with pytest.raises(VaultError) as caught:
        _vault(keyring, record).data_key()
    assert caught.value.code == "vault_locked"
    assert keyring.items == {}
    keyring.items.update(kept)
    assert _vault(keyring, record).data_key() == key


def test_a_keyring_that_keeps_nothing_is_found_out_at_once() -> None:
    keyring, record = _Keyring(), MemoryRecord()
    keyring.forgetful = True
    with pytest.raises(VaultError) as caught:
        _vault(keyring, record).data_key()
    assert caught.value.code == "vault_failed"
    assert record.content is None


@pytest.mark.parametrize("text", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_a_foreign_item_in_the_keyring_is_no_key(text: str) -> None:
    keyring = _Keyring()
    keyring.items[("Kalends", "data-key")] = text
    with pytest.raises(VaultError) as caught:
        _vault(keyring, MemoryRecord()).data_key()
    assert caught.value.code == "vault_unreadable"


def test_another_key_than_the_accounts_were_sealed_with_is_refused() -> None:
    keyring, record = _Keyring(), MemoryRecord()
    _vault(keyring, record).data_key()
    keyring.items[("Kalends", "data-key")] = base64.b64encode(b"x" * 32).decode()
    with pytest.raises(VaultError) as caught:
        _vault(keyring, record).data_key()
    assert caught.value.code == "vault_unreadable"


def test_a_key_whose_record_was_not_written_any_more_is_taken_over() -> None:
    keyring = _Keyring()
    key = _vault(keyring, MemoryRecord()).data_key()
    assert _vault(keyring, MemoryRecord()).data_key() == key


# -- passphrase ------------------------------------------------------------------------------------------------------


def _words(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(text)
    return path


def test_a_passphrase_gives_the_same_key_again_and_line_ends_do_not_count(tmp_path: Path) -> None:
    record = MemoryRecord()
    key = PassphraseVault(record, _words(tmp_path, "correct horse battery")).data_key()
    assert len(key) == 32
    assert PassphraseVault(record, _words(tmp_path, "correct horse battery\r\n")).data_key() == key
    assert "horse" not in str(record.content)


def test_another_passphrase_does_not_open_the_vault(tmp_path: Path) -> None:
    record = MemoryRecord()
    PassphraseVault(record, _words(tmp_path, "correct horse battery")).data_key()
    with pytest.raises(VaultError) as caught:
        PassphraseVault(record, _words(tmp_path, "wrong horse battery")).data_key()
    assert caught.value.code == "vault_unreadable"


def test_a_missing_or_too_short_passphrase_is_no_vault(tmp_path: Path) -> None:
    for file in (tmp_path / "none", _words(tmp_path, "short\n")):
        with pytest.raises(VaultError) as caught:
            PassphraseVault(MemoryRecord(), file).data_key()
        assert caught.value.code == "vault_missing"
        assert caught.value.fix


@pytest.mark.parametrize(
    "damage",
    [{"version": 2}, {"n": 2**30}, {"n": "65536"}, {"n": 3}, {"r": 0}, {"salt": "!"}, {"wrapped": None}, {"kind": "x"}],
)
def test_a_damaged_record_is_refused_without_burning_memory(tmp_path: Path, damage: dict[str, object]) -> None:
    record = MemoryRecord()
    vault = PassphraseVault(record, _words(tmp_path, "correct horse battery"))
    vault.data_key()
    record.content = {**(record.content or {}), **damage}
    with pytest.raises(VaultError) as caught:
        vault.data_key()
    assert caught.value.code == "vault_unreadable"


def test_a_vault_of_one_kind_is_not_opened_as_the_other(tmp_path: Path) -> None:
    by_words, by_keyring = MemoryRecord(), MemoryRecord()
    PassphraseVault(by_words, _words(tmp_path, "correct horse battery")).data_key()
    keyring = _Keyring()
    _vault(keyring, by_keyring).data_key()
    with pytest.raises(VaultError, match="passphrase"):
        _vault(_Keyring(), by_words).data_key()
    with pytest.raises(VaultError, match="keyring"):
        PassphraseVault(by_keyring, _words(tmp_path, "correct horse battery")).data_key()


class _Row:
    def __init__(self) -> None:
        self.key: bytes | None = None

    def load_key(self) -> bytes | None:
        return self.key

    def store_key(self, key: bytes) -> None:
        self.key = key


def test_the_demos_vault_keeps_its_key_in_its_own_database() -> None:
    row = _Row()
    key = DatabaseVault(row).data_key()
    assert len(key) == 32
    assert DatabaseVault(row).data_key() == key == row.key
