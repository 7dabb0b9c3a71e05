"""Sealed blobs by account (`app.domain.ports.SealedSecrets`). Only `app.auth` can open them; they are never logged."""

from __future__ import annotations

from app.store import tables
from app.store.database import Database


class SecretRepository:
    """`domain.ports.SealedSecrets` on SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, account_id: str) -> bytes | None:
        """The sealed blob of an account, None if there is none."""
        row = self._database.one("SELECT sealed FROM secret WHERE account_id = ?", (account_id,))
        return None if row is None else bytes(row[0])

    def store(self, account_id: str, sealed: bytes) -> None:
        """Keep a blob in place of the one before, durable on return."""
        with self._database.transaction():
            self._database.change(
                "INSERT INTO secret (account_id, sealed) VALUES (?, ?) "
                "ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed",
                (account_id, sealed),
            )

    def delete(self, account_id: str) -> None:
        """Forget a blob."""
        with self._database.transaction():
            self._database.run(tables.Secret.delete().where(tables.Secret.account_id == account_id))
