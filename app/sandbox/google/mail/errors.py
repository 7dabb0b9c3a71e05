"""Gmail's errors: Google's older envelope with the canonical status of its newer APIs beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from app.sandbox.google.errors import GoogleError

_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
}


class GmailError(GoogleError):
    """An answer other than success.

    Args:
        status: HTTP status.
        reason: Google's word for it, e.g. `notFound`.
        message: text for a developer.
        item_message: that of the entry in `errors`, where it differs.
        details: objects with an `@type`.
        more: `domain`, `location` and `location_type` of `GoogleError`.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        item_message: str | None = None,
        details: Sequence[dict[str, Any]] = (),
        **more: Any,
    ) -> None:
        super().__init__(status, reason, message, **more)
        self._item_message = item_message or message
        self._details = list(details)

    def body(self) -> dict[str, Any]:
        """The JSON envelope."""
        item: dict[str, Any] = {"message": self._item_message, "domain": self.domain, "reason": self.reason}
        if self.location is not None:
            item.update(location=self.location, locationType=self.location_type)
        error: dict[str, Any] = {"code": self.status, "message": self.message, "errors": [item]}
        error["status"] = _STATUSES.get(self.status, "UNKNOWN")
        if self._details:
            error["details"] = self._details
        return {"error": error}


def not_found() -> GmailError:
    """404: no such message, thread or label; for a history id: too old."""
    return GmailError(404, "notFound", "Requested entity was not found.")


def invalid(message: str) -> GmailError:
    """400 `invalidArgument`."""
    return GmailError(400, "invalidArgument", message)


def bad_parameter(name: str, message: str) -> GmailError:
    """400: a parameter that the method does not have, or a value that is none of its kind."""
    violation = {"description": message} if name in message else {"field": name, "description": message}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return GmailError(400, "invalid", message, details=details)


def unauthenticated() -> GmailError:
    """401 `authError`."""
    return GmailError(
        401,
        "authError",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        item_message="Invalid Credentials",
        location="Authorization",
        location_type="header",
    )


def insufficient_scope(method: str) -> GmailError:
    """403 `insufficientPermissions`: the token's scopes do not open the method."""
    metadata = {"method": f"caribou.api.proto.MailboxService.{method}", "service": "gmail.googleapis.com"}
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
    return GmailError(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        item_message="Insufficient Permission",
        details=[{**info, "domain": "googleapis.com", "metadata": metadata}],
    )


def forbidden(message: str) -> GmailError:
    """403 `forbidden`."""
    return GmailError(403, "forbidden", message)


def user_rate_limit(status: int, reason: str, until: datetime) -> GmailError:
    """403 or 429: the quota units of this minute are used up."""
    if reason == "userRateLimitExceeded":
        text = f"User-rate limit exceeded.  Retry after {until:%Y-%m-%dT%H:%M:%S}.{until.microsecond // 1000:03d}Z"
    else:
        text = (
            "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service "
            "'gmail.googleapis.com' for consumer 'project_number:407408718192'."
        )
    return GmailError(status, reason, text, domain="usageLimits")
