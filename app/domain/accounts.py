"""Who is connected: providers, accounts (one sign-in each) and connections (one calendar of an account)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Provider(StrEnum):
    """A calendar service. The values are the API's words."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"
    CALDAV = "caldav"
    ICS = "ics"


class AccountStatus(StrEnum):
    """Health of a sign-in."""

    CONNECTED = "connected"
    NEEDS_SIGN_IN = "needs_signin"
    SCOPE_MISSING = "scope_missing"
    VAULT_LOCKED = "vault_locked"
    SIGNED_OUT = "signed_out"
    """The person signed out; nothing is wrong, and nothing reminds them."""


class Access(StrEnum):
    """What we may do in a calendar."""

    WRITER = "writer"
    READER = "reader"


class ConnectionStatus(StrEnum):
    """Status of a connection in the API's words."""

    ACTIVE = "active"
    EXPIRED = "expired"
    ERROR = "error"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Account:
    """One sign-in at a provider.

    Args:
        id: `acct_` and a ULID.
        subject: the provider's own stable id of the person (Google `sub`, msal `home_account_id`): signing in
            again must give the same one.
        sandbox: signed in to the built-in sandbox, never to a real service.
        expires_at: when the sign-in is known to end (Google test apps: 7 days), None when unknown.
        problem: one sentence about the status, None when there is nothing to say.
    """

    id: str
    provider: Provider
    subject: str
    email: str
    status: AccountStatus = AccountStatus.CONNECTED
    display_name: str = ""
    scopes: tuple[str, ...] = ()
    sandbox: bool = False
    created_at: datetime | None = None
    expires_at: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """One calendar of an account, as pairs use it.

    Args:
        id: `conn_` and a ULID; the stream API shows the same ULID as `cal_`.
        calendar_id: the provider's own id (Google: the real id, never `primary`).
        calendar_key: what any machine calls this calendar (`engine.md` §4).
        zone: the calendar's IANA zone.
        last_synced_at: end of the last read that reached its position.
    """

    id: str
    account_id: str
    provider: Provider
    calendar_id: str
    calendar_key: str
    name: str
    access: Access
    zone: str
    primary: bool = False
    status: ConnectionStatus = ConnectionStatus.ACTIVE
    problem: str | None = None
    last_synced_at: datetime | None = None
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class CalendarInfo:
    """A calendar as the provider lists it, before it becomes a connection."""

    calendar_id: str
    name: str
    access: Access
    zone: str
    primary: bool = False
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a finished sign-in belongs to, and what was granted."""

    provider: Provider
    subject: str
    email: str
    display_name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None = None
