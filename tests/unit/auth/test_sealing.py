"""Sealed blobs open with their own key and account, and with nothing else."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.sealing import seal, unseal
from app.domain.errors import VaultError

_KEY = bytes(range(32))


@given(st.binary(max_size=4000), st.text(min_size=1, max_size=40))
def test_what_was_sealed_opens_again(secret: bytes, account_id: str) -> None:
    account_id = account_id.encode("utf-8", "replace").decode()
    assert unseal(_KEY, account_id, seal(_KEY, account_id, secret)) == secret


def test_a_blob_shows_nothing_of_the_secret_and_never_repeats() -> None:
    one, two = seal(_KEY, "acct_1", b"refresh-token"), seal(_KEY, "acct_1", b"refresh-token")
    assert one != two
    assert b"refresh" not in one
    assert one[:1] == b"\x01"


def test_another_key_another_account_or_any_changed_byte_is_unreadable() -> None:
    blob = seal(_KEY, "acct_1", b"refresh-token")
    attempts = [(os.urandom(32), "acct_1", blob), (_KEY, "acct_2", blob), (_KEY, "acct_1", b"\x02" + blob[1:])]
    attempts += [(_KEY, "acct_1", b""), (_KEY, "acct_1", blob[:20]), (_KEY, "acct_1", b"refresh-token")]
    for index in range(len(blob)):
        changed = bytearray(blob)
        changed[index] ^= 1
        attempts.append((_KEY, "acct_1", bytes(changed)))
    for key, account_id, content in attempts:
        with pytest.raises(VaultError) as caught:
            unseal(key, account_id, content)
        assert caught.value.code == "vault_unreadable"
