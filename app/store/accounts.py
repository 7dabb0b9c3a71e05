"""Accounts and their connections.

What is removed leaves an empty shell behind, so that signing in again, or the same calendar, gets the id it had: links
and copies of earlier pairs then still hold. Secrets are not here, only the sealed blobs of `secrets`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.domain.accounts import Access, Account, AccountStatus, Connection, ConnectionStatus, Provider
from app.domain.errors import ConflictError, FieldError, NotFoundError
from app.store import tables
from app.store.codec import instant_from_text, instant_to_text, storable, words_from_text, words_to_text
from app.store.database import Database


class AccountRepository:
    """Accounts and connections as they are now; removed ones are not found."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    # -- accounts --------------------------------------------------------------------------------------------------

    def add(self, account: Account) -> Account:
        """Keep an account. If this provider's subject was here before, the earlier id and time of creation stay.

        Returns:
            The account as it is kept: use its id from now on.
        """
        with self._database.transaction():
            found = self._database.fetch(
                tables.Account.select().where(
                    (tables.Account.provider == str(account.provider)) & (tables.Account.subject == account.subject)
                )
            )
            if found:
                was = account_from(found[0])
                account = replace(account, id=was.id, created_at=was.created_at or account.created_at)
            account = replace(account, created_at=account.created_at or self._now())
            values = _account_values(account)
            self._database.run(
                tables.Account.insert(**values).on_conflict(
                    conflict_target=[tables.Account.id], update={**values, "removed_at": None}
                )
            )
        return account

    def update(self, account: Account) -> None:
        """Keep an account as it is from now on.

        Raises:
            NotFoundError: no such account.
        """
        with self._database.transaction():
            query = tables.Account.update(**_account_values(account)).where(
                (tables.Account.id == account.id) & tables.Account.removed_at.is_null()
            )
            if not self._database.run(query):
                raise _no_account()

    def get(self, account_id: str) -> Account:
        """An account.

        Raises:
            NotFoundError: no such account.
        """
        found = self._database.fetch(
            tables.Account.select().where((tables.Account.id == account_id) & tables.Account.removed_at.is_null())
        )
        if not found:
            raise _no_account()
        return account_from(found[0])

    def find(self, provider: Provider, subject: str) -> Account | None:
        """The account of a person at a provider, None if it is not connected."""
        found = self._database.fetch(
            tables.Account.select().where(
                (tables.Account.provider == str(provider))
                & (tables.Account.subject == subject)
                & tables.Account.removed_at.is_null()
            )
        )
        return account_from(found[0]) if found else None

    def list(self) -> Sequence[Account]:
        """All accounts, the oldest first."""
        query = tables.Account.select().where(tables.Account.removed_at.is_null())
        return [
            account_from(row)
            for row in self._database.fetch(query.order_by(tables.Account.created_at, tables.Account.id))
        ]

    def remove(self, account_id: str) -> None:
        """Forget an account: its connections with their views, its secret, and whom it belonged to.

        Raises:
            NotFoundError: no such account.
            ConflictError: `connection_in_use`, while pairs use one of its connections.
        """
        with self._database.transaction():
            self.get(account_id)
            for connection in self.connections(account_id):
                self.remove_connection(connection.id)
            self._database.run(tables.Secret.delete().where(tables.Secret.account_id == account_id))
            self._database.run(
                tables.Account.update(
                    email="", display_name="", scopes="[]", problem=None, removed_at=instant_to_text(self._now())
                ).where(tables.Account.id == account_id)
            )

    # -- connections -----------------------------------------------------------------------------------------------

    def add_connection(self, connection: Connection) -> Connection:
        """Keep a calendar of an account. If the account had this calendar before, the earlier id stays.

        Returns:
            The connection as it is kept: use its id from now on.

        Raises:
            NotFoundError: no such account.
        """
        return self.put_connections(connection.account_id, [connection])[0]

    def put_connections(self, account_id: str, connections: Sequence[Connection]) -> Sequence[Connection]:
        """Keep these calendars of an account by their calendar key, in one transaction: known ones are updated and
        keep their id and the time of their last sync, others are added. Calendars not named stay as they are.

        Returns:
            The connections as they are kept, in the order given.

        Raises:
            NotFoundError: no such account.
        """
        with self._database.transaction():
            self.get(account_id)
            found = self._database.fetch(tables.Connection.select().where(tables.Connection.account == account_id))
            known = {row["calendar_key"]: connection_from(row) for row in found}
            kept = []
            for connection in connections:
                was = known.get(connection.calendar_key)
                if was is not None:
                    connection = replace(
                        connection, id=was.id, last_synced_at=connection.last_synced_at or was.last_synced_at
                    )
                connection = replace(connection, account_id=account_id)
                values = _connection_values(connection)
                self._database.run(
                    tables.Connection.insert(**values).on_conflict(
                        conflict_target=[tables.Connection.id], update={**values, "removed_at": None}
                    )
                )
                kept.append(connection)
        return kept

    def update_connection(self, connection: Connection) -> None:
        """Keep a connection as it is from now on.

        Raises:
            NotFoundError: no such connection.
        """
        with self._database.transaction():
            query = tables.Connection.update(**_connection_values(connection)).where(
                (tables.Connection.id == connection.id) & tables.Connection.removed_at.is_null()
            )
            if not self._database.run(query):
                raise _no_connection()

    def connection(self, connection_id: str) -> Connection:
        """A connection.

        Raises:
            NotFoundError: no such connection.
        """
        found = self._database.fetch(
            tables.Connection.select().where(
                (tables.Connection.id == connection_id) & tables.Connection.removed_at.is_null()
            )
        )
        if not found:
            raise _no_connection()
        return connection_from(found[0])

    def connections(self, account_id: str | None = None) -> Sequence[Connection]:
        """Connections of an account, or with None all; by account, the primary calendar first, then by name."""
        query = tables.Connection.select().where(tables.Connection.removed_at.is_null())
        if account_id is not None:
            query = query.where(tables.Connection.account == account_id)
        query = query.order_by(
            tables.Connection.account,
            tables.Connection.is_primary.desc(),
            tables.Connection.name,
            tables.Connection.id,
        )
        return [connection_from(row) for row in self._database.fetch(query)]

    def known_connection(self, connection_id: str) -> bool:
        """Whether there is or ever was a connection of this id."""
        table = tables.Connection
        return bool(self._database.fetch(table.select(table.id).where(table.id == connection_id)))

    def let_go(self, account_id: str) -> frozenset[str]:
        """Calendar keys of an account that were connected once and are no more."""
        table = tables.Connection
        rows = self._database.fetch(
            table.select(table.calendar_key).where((table.account == account_id) & table.removed_at.is_null(False))
        )
        return frozenset(row["calendar_key"] for row in rows)

    def remove_connection(self, connection_id: str) -> None:
        """Forget a connection and what was seen in its calendar.

        Raises:
            NotFoundError: no such connection.
            ConflictError: `connection_in_use`, while pairs use it; `details` names them.
        """
        with self._database.transaction():
            self.connection(connection_id)
            users = self._database.fetch(
                tables.Pair.select(tables.Pair.id)
                .where(
                    tables.Pair.removed_at.is_null()
                    & ((tables.Pair.connection_a == connection_id) | (tables.Pair.connection_b == connection_id))
                )
                .order_by(tables.Pair.id)
            )
            if users:
                raise ConflictError(
                    "Sync pairs still use this calendar.",
                    code="connection_in_use",
                    details=[FieldError("pair_id", row["id"]) for row in users],
                    fix="Delete these sync pairs first.",
                )
            self._database.change("DELETE FROM event WHERE calendar_id = ?", (connection_id,))
            self._database.change("DELETE FROM held WHERE calendar_id = ?", (connection_id,))
            self._database.run(tables.Calendar.delete().where(tables.Calendar.calendar_id == connection_id))
            self._database.run(
                tables.Connection.update(
                    name="", problem=None, last_synced_at=None, removed_at=instant_to_text(self._now())
                ).where(tables.Connection.id == connection_id)
            )


def _no_account() -> NotFoundError:
    return NotFoundError("There is no such account.")


def _no_connection() -> NotFoundError:
    return NotFoundError("There is no such connection.")


def _account_values(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "provider": str(account.provider),
        "subject": account.subject,
        "email": storable(account.email),
        "status": str(account.status),
        "display_name": storable(account.display_name),
        "scopes": words_to_text(account.scopes),
        "sandbox": int(account.sandbox),
        "created_at": instant_to_text(account.created_at),
        "expires_at": instant_to_text(account.expires_at),
        "problem": account.problem,
    }


def account_from(row: Mapping[str, Any]) -> Account:
    """The account of a table row."""
    return Account(
        id=row["id"],
        provider=Provider(row["provider"]),
        subject=row["subject"],
        email=row["email"],
        status=AccountStatus(row["status"]),
        display_name=row["display_name"],
        scopes=words_from_text(row["scopes"]),
        sandbox=bool(row["sandbox"]),
        created_at=instant_from_text(row["created_at"]),
        expires_at=instant_from_text(row["expires_at"]),
        problem=row["problem"],
    )


def _connection_values(connection: Connection) -> dict[str, object]:
    return {
        "id": connection.id,
        "account": connection.account_id,
        "provider": str(connection.provider),
        "calendar_id": connection.calendar_id,
        "calendar_key": connection.calendar_key,
        "name": storable(connection.name),
        "access": str(connection.access),
        "zone": connection.zone,
        "is_primary": int(connection.primary),
        "status": str(connection.status),
        "problem": connection.problem,
        "last_synced_at": instant_to_text(connection.last_synced_at),
        "colour": connection.colour,
    }


def connection_from(row: Mapping[str, Any]) -> Connection:
    """The connection of a table row."""
    return Connection(
        id=row["id"],
        account_id=row["account"],
        provider=Provider(row["provider"]),
        calendar_id=row["calendar_id"],
        calendar_key=row["calendar_key"],
        name=row["name"],
        access=Access(row["access"]),
        zone=row["zone"],
        primary=bool(row["is_primary"]),
        status=ConnectionStatus(row["status"]),
        problem=row["problem"],
        last_synced_at=instant_from_text(row["last_synced_at"]),
        colour=row["colour"],
    )
