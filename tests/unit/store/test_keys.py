"""API keys are found by their digest and never forgotten by revoking."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.errors import NotFoundError, StorageError
from app.domain.keys import ApiKey, KeyKind
from app.store import Store
from tests.unit.store.samples import NOW

KEY = ApiKey(
    "key_1",
    KeyKind.TEST,
    "Script",
    ("read:*", "write:pairs"),
    "ab" * 32,
    NOW,
    expires_at=NOW + timedelta(days=1),
    connection_ids=("conn_work",),
    pair_ids=("pair_1", "pair_2"),
)


def test_a_key_comes_back_by_digest_and_by_id(store: Store) -> None:
    store.keys.add(KEY)
    assert store.keys.by_digest(KEY.digest) == KEY
    assert store.keys.get("key_1") == KEY
    assert store.keys.list() == [KEY]
    assert store.keys.by_digest("cd" * 32) is None


def test_a_revoked_key_stays_on_record_with_the_first_moment(store: Store) -> None:
    store.keys.add(KEY)
    store.keys.revoke("key_1", NOW)
    store.keys.revoke("key_1", NOW + timedelta(days=1))
    found = store.keys.by_digest(KEY.digest)
    assert found is not None
    assert found.revoked_at == NOW


def test_the_last_use_of_a_key_is_kept(store: Store) -> None:
    store.keys.add(KEY)
    store.keys.used("key_1", NOW)
    assert store.keys.get("key_1").last_used_at == NOW


def test_two_keys_cannot_share_a_digest(store: Store) -> None:
    store.keys.add(KEY)
    with pytest.raises(StorageError):
        store.keys.add(ApiKey("key_2", KeyKind.LIVE, "", (), KEY.digest, NOW))
    assert len(store.keys.list()) == 1


def test_a_key_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.keys.get("unknown")
    with pytest.raises(NotFoundError):
        store.keys.revoke("unknown", NOW)
