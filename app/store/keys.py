"""API keys, found by the digest of what a caller shows. The keys themselves were never here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.domain.errors import NotFoundError
from app.domain.keys import ApiKey, KeyKind
from app.store import tables
from app.store.codec import (
    instant_from_text,
    instant_to_text,
    required_instant,
    storable,
    words_from_text,
    words_to_text,
)
from app.store.database import Database


class KeyRepository:
    """API keys, the revoked ones too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        with self._database.transaction():
            self._database.run(
                tables.ApiKey.insert(
                    id=key.id,
                    kind=str(key.kind),
                    label=storable(key.label),
                    scopes=words_to_text(key.scopes),
                    digest=key.digest,
                    created_at=instant_to_text(key.created_at),
                    expires_at=instant_to_text(key.expires_at),
                    last_used_at=instant_to_text(key.last_used_at),
                    revoked_at=instant_to_text(key.revoked_at),
                    connection_ids=words_to_text(key.connection_ids),
                    pair_ids=words_to_text(key.pair_ids),
                    ending=key.ending,
                )
            )

    def by_digest(self, digest: str) -> ApiKey | None:
        """The key of a digest (hex SHA-256), revoked or expired ones too; None if it is unknown."""
        found = self._database.fetch(tables.ApiKey.select().where(tables.ApiKey.digest == digest))
        return _key_from(found[0]) if found else None

    def get(self, key_id: str) -> ApiKey:
        """A key by its id.

        Raises:
            NotFoundError: no such key.
        """
        found = self._database.fetch(tables.ApiKey.select().where(tables.ApiKey.id == key_id))
        if not found:
            raise _no_key()
        return _key_from(found[0])

    def list(self) -> Sequence[ApiKey]:
        """All keys, the oldest first."""
        query = tables.ApiKey.select().order_by(tables.ApiKey.created_at, tables.ApiKey.id)
        return [_key_from(row) for row in self._database.fetch(query)]

    def used(self, key_id: str, at: datetime) -> None:
        """A key was used at a moment. Callers decide how often that is worth a write."""
        with self._database.transaction():
            self._database.run(tables.ApiKey.update(last_used_at=instant_to_text(at)).where(tables.ApiKey.id == key_id))

    def revoke(self, key_id: str, at: datetime) -> None:
        """A key opens nothing from now on. One that was revoked before keeps that moment.

        Raises:
            NotFoundError: no such key.
        """
        with self._database.transaction():
            self.get(key_id)
            self._database.run(
                tables.ApiKey.update(revoked_at=instant_to_text(at)).where(
                    (tables.ApiKey.id == key_id) & tables.ApiKey.revoked_at.is_null()
                )
            )


def _no_key() -> NotFoundError:
    return NotFoundError("There is no such API key.")


def _key_from(row: Mapping[str, Any]) -> ApiKey:
    return ApiKey(
        id=row["id"],
        kind=KeyKind(row["kind"]),
        label=row["label"],
        scopes=words_from_text(row["scopes"]),
        digest=row["digest"],
        created_at=required_instant(row["created_at"]),
        expires_at=instant_from_text(row["expires_at"]),
        last_used_at=instant_from_text(row["last_used_at"]),
        revoked_at=instant_from_text(row["revoked_at"]),
        connection_ids=words_from_text(row["connection_ids"]),
        pair_ids=words_from_text(row["pair_ids"]),
        ending=row["ending"],
    )
