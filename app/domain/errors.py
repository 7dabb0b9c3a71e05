"""The error tree: every failure Kalends can name, with a stable code and one sentence a person understands.

Nothing here knows a provider's wire format or an HTTP framework; `app.providers.*.errors` and `app.store` convert
at their borders, `app.api` and `app.cli` translate outwards.

    KalendsError
    ├── InputError            what the caller sent cannot be used; names the field
    │   └── ConflictError     it collides with something that is there (direction_taken, pair_paused, …)
    ├── NotFoundError
    ├── ForbiddenError        the key or the account may not do this
    ├── StorageError          the database: locked, from a newer version, corrupt, full, unwritable
    ├── VaultError            the place where secrets are kept: missing, locked, failing
    ├── SignInError           an interactive sign-in did not end in an account
    └── ProviderError         a calendar service said no, or nothing
        ├── OfflineError      no connection: a state, not a failure of the account
        ├── AuthExpiredError  the sign-in has ended; only a person can renew it
        ├── AccessError       signed in, but this calendar or operation is not allowed
        ├── ThrottledError    asked to slow down; carries how long
        ├── CursorExpiredError the position for incremental reading is gone: read fully, and diff
        ├── UnavailableError  5xx, time-out, broken answer: outcome unknown
        └── ProtocolError     an answer we do not understand
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field of an input: its path (`[3].connection_b_id`) and the fix, in words."""

    field: str
    message: str


class KalendsError(Exception):
    """Base of every error we raise on purpose.

    Args:
        message: one sentence for a person, without secrets, paths or stack traces.
        code: stable machine word; default is the class's.
        fix: what the person can do, if there is something.
    """

    code = "server_error"

    def __init__(self, message: str, *, code: str | None = None, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        if code is not None:
            self.code = code


class InputError(KalendsError):
    """What the caller sent cannot be used. `details` names each field and its fix."""

    code = "validation_error"

    def __init__(
        self,
        message: str,
        *,
        details: Sequence[FieldError] = (),
        code: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(message, code=code, fix=fix)
        self.details = tuple(details)


class ConflictError(InputError):
    """The request collides with the present state (`direction_taken`, `pair_paused`, `connection_in_use`, …)."""

    code = "conflict"


class NotFoundError(KalendsError):
    """No such thing, or none that this caller may see."""

    code = "not_found"


class ForbiddenError(KalendsError):
    """The caller is known, but not allowed to do this."""

    code = "forbidden"


class StorageError(KalendsError):
    """The local database cannot be used.

    Codes: `database_locked` (another instance writes), `database_newer`, `database_corrupt`, `database_full`,
    `home_unwritable`, `home_unsuitable` (a synchronised or network folder), `rows_lost` (what was seen of a calendar
    went while it was read).
    """

    code = "storage_error"


class VaultError(KalendsError):
    """Secrets cannot be read or kept. Codes: `vault_missing`, `vault_locked`, `vault_failed`, `vault_unreadable`.

    Never read as "no account": whoever meets it waits and says so.
    """

    code = "vault_failed"


class SignInError(KalendsError):
    """A sign-in did not end in a connected account.

    Codes: `denied`, `timed_out`, `cancelled`, `scope_missing`, `wrong_account`, `admin_needed`, `client_missing`,
    `rejected`.
    """

    code = "sign_in_failed"


class ProviderError(KalendsError):
    """A calendar service refused or could not be understood. `status` is its HTTP status where there was one."""

    code = "provider_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        fix: str | None = None,
        status: int | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message, code=code, fix=fix)
        self.status = status
        self.reason = reason


class OfflineError(ProviderError):
    """The service cannot be reached at all (no route, no name, refused). Quiet: it resolves by itself."""

    code = "offline"


class AuthExpiredError(ProviderError):
    """The sign-in has ended (revoked, expired, password changed). Only an interactive sign-in repairs it."""

    code = "needs_sign_in"


class AccessError(ProviderError):
    """Signed in, but this calendar or operation is refused (scope, role, gone calendar). Never means "empty"."""

    code = "access_denied"


class ThrottledError(ProviderError):
    """The service asked us to slow down. `retry_after_seconds` is its wish, None if it gave none."""

    code = "throttled"

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        status: int | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message, status=status, reason=reason)
        self.retry_after_seconds = retry_after_seconds


class CursorExpiredError(ProviderError):
    """The position for incremental reading is no longer valid: read everything again and diff it."""

    code = "cursor_expired"


class UnavailableError(ProviderError):
    """5xx, time-out, cut connection: what was asked may or may not have happened."""

    code = "unavailable"


class ProtocolError(ProviderError):
    """The service answered something its reference does not allow."""

    code = "unexpected_answer"
