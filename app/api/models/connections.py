"""What the API answers about accounts, their calendars and sign-ins under way."""

from __future__ import annotations

from app.api.models.base import Listed, Moment, Output
from app.domain.accounts import Access, AccountStatus, ConnectionStatus, Provider
from app.services.views import AttemptStatus


class ConnectionAnswer(Output):
    """One calendar of a connected account."""

    id: str
    provider: Provider
    email: str
    calendar_name: str
    status: ConnectionStatus
    last_synced_at: Moment | None
    account_id: str
    access: Access
    expires_at: Moment | None
    calendar_id: str
    time_zone: str
    sandbox: bool
    problem: str | None


class ConnectionList(Listed):
    """Connections."""

    connections: list[ConnectionAnswer]


class AttemptBegun(Output):
    """A sign-in that waits for the person: open `authorization_url` in a browser."""

    authorization_url: str
    attempt_id: str
    expires_at: Moment


class AttemptError(Output):
    """Why a sign-in did not end in an account."""

    code: str
    message: str


class AttemptAnswer(Output):
    """How a sign-in stands."""

    status: AttemptStatus
    connection_ids: list[str]
    error: AttemptError | None


class CalendarAnswer(Output):
    """A connected calendar of an account (local only)."""

    connection_id: str
    name: str
    access: Access


class AccountAnswer(Output):
    """One sign-in with its calendars (local only)."""

    id: str
    provider: Provider
    email: str
    status: AccountStatus
    expires_at: Moment | None
    calendars: list[CalendarAnswer]
    problem: str | None


class OneAccount(Output):
    """An account (local only)."""

    account: AccountAnswer


class AccountList(Output):
    """Accounts (local only)."""

    accounts: list[AccountAnswer]


class AccountAttempt(AttemptAnswer):
    """How a sign-in stands, with the account once there is one (local only)."""

    account: AccountAnswer | None
