"""How accounts and connections do, as reads and failures tell: noted, announced, and undone when all is well again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.accounts import Account, AccountStatus, ConnectionStatus
from app.domain.errors import AccessError, AuthExpiredError, KalendsError, ThrottledError, VaultError
from app.domain.notices import Notice, Topic
from app.domain.ports import Clock
from app.services.notices import Notices
from app.store.accounts import AccountRepository

LONGEST_WAIT = timedelta(days=1)
"""A service that asks for more is asked again after a day."""
SHORTEST_WAIT = timedelta(minutes=1)
"""What a service gets that asks for time and does not say how much."""

_HEALED_BY_A_READ = (AccountStatus.NEEDS_SIGN_IN, AccountStatus.VAULT_LOCKED)
"""A missing scope is not: the calendar may be readable all the same."""


class Health:
    """Keeps the status of accounts and connections true."""

    def __init__(self, accounts: AccountRepository, notices: Notices, clock: Clock) -> None:
        self._accounts = accounts
        self._notices = notices
        self._clock = clock
        self._not_before: dict[str, datetime] = {}

    def read(self, connection_id: str) -> None:
        """A calendar was read to its end: it and its account are well."""
        connection = self._accounts.connection(connection_id)
        well = replace(connection, status=ConnectionStatus.ACTIVE, problem=None, last_synced_at=self._clock.now())
        self._accounts.update_connection(well)
        if connection.status is not ConnectionStatus.ACTIVE:
            self._announce(Topic.CONNECTION_CHANGED, connection.account_id)
        account = self._accounts.get(connection.account_id)
        self._not_before.pop(account.id, None)
        if account.status in _HEALED_BY_A_READ:
            self._become(account, AccountStatus.CONNECTED, None)

    def not_read(self, connection_id: str, error: AccessError) -> None:
        """A calendar cannot be read any more, though its account is signed in."""
        if error.code == "scope_missing":
            return
        connection = self._accounts.connection(connection_id)
        if (connection.status, connection.problem) != (ConnectionStatus.ERROR, error.message):
            self._accounts.update_connection(replace(connection, status=ConnectionStatus.ERROR, problem=error.message))
            self._announce(Topic.CONNECTION_CHANGED, connection.account_id)

    def failed(self, connection_id: str, error: KalendsError) -> None:
        """Something failed at a connection; what it says of its account is noted."""
        self.account_failed(self._accounts.connection(connection_id).account_id, error)

    def account_failed(self, account_id: str, error: KalendsError) -> None:
        """Something failed at an account."""
        if isinstance(error, ThrottledError):
            self.slow_down(account_id, error.retry_after_seconds)
        status = _status_after(error)
        account = self._accounts.get(account_id)
        if account.status is AccountStatus.SIGNED_OUT:
            return  # the person ended it; noted, a late failure would be healed by a late success
        if status is not None and (account.status, account.problem) != (status, error.message):
            self._become(account, status, error.message)

    def slow_down(self, account_id: str, seconds: float | None) -> None:
        """A service asked an account to wait, `None` if it did not say how long."""
        asked = SHORTEST_WAIT if seconds is None else timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))
        self._not_before[account_id] = self._clock.now() + asked

    def waits_until(self, account_ids: Iterable[str]) -> datetime | None:
        """Until when one of these accounts was asked to wait; None if none was, or the time is over."""
        now = self._clock.now()
        asked = (self._not_before.get(account_id) for account_id in account_ids)
        return max((until for until in asked if until is not None and until > now), default=None)

    def _become(self, account: Account, status: AccountStatus, problem: str | None) -> None:
        self._accounts.update(replace(account, status=status, problem=problem))
        self._announce(Topic.ACCOUNT_CHANGED, account.id)

    def _announce(self, topic: Topic, account_id: str) -> None:
        self._notices.announce(Notice(topic, self._clock.now(), account_id=account_id))


def _status_after(error: KalendsError) -> AccountStatus | None:
    if isinstance(error, AuthExpiredError):
        # Somebody just signed in anew; what failed had the old secret.
        return None if error.reason == "replaced" else AccountStatus.NEEDS_SIGN_IN
    if isinstance(error, VaultError):
        return AccountStatus.VAULT_LOCKED
    if isinstance(error, AccessError) and error.code == "scope_missing":
        return AccountStatus.SCOPE_MISSING
    return None
