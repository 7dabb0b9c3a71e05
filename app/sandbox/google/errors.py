"""Google's error envelope (Calendar API guide "Handle API errors") and the reasons this service answers with."""

from __future__ import annotations

from typing import Any

_TEXTS = {
    401: "Invalid Credentials",
    404: "Not Found",
}


class GoogleError(Exception):
    """An answer other than success.

    Args:
        status: HTTP status.
        reason: Google's word for it, e.g. `fullSyncRequired`; clients branch on it.
        message: text for a developer.
        domain: `global`, `calendar` or `usageLimits`.
        location: the parameter or header to blame, with `location_type` `parameter` or `header`.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str | None = None,
        *,
        domain: str = "global",
        location: str | None = None,
        location_type: str = "parameter",
    ) -> None:
        self.status = status
        self.reason = reason
        self.message = message or _TEXTS.get(status, "Bad Request")
        self.domain = domain
        self.location = location
        self.location_type = location_type
        super().__init__(f"{status} {reason}: {self.message}")

    def body(self) -> dict[str, Any]:
        """The JSON envelope."""
        item: dict[str, Any] = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location is not None:
            item.update(locationType=self.location_type, location=self.location)
        return {"error": {"errors": [item], "code": self.status, "message": self.message}}


def invalid(message: str, location: str | None = None) -> GoogleError:
    """400 `invalid`: a value is not acceptable."""
    return GoogleError(400, "invalid", message, location=location)


def required(message: str) -> GoogleError:
    """400 `required`: something is missing."""
    return GoogleError(400, "required", message)


def bad_request(message: str, location: str | None = None) -> GoogleError:
    """400 `badRequest`: the combination asked for makes no sense."""
    return GoogleError(400, "badRequest", message, location=location)


def empty_range() -> GoogleError:
    """400 `timeRangeEmpty`: the end is not after the start."""
    return GoogleError(
        400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar", location="timeMax"
    )


def not_found() -> GoogleError:
    """404 `notFound`: no such calendar or event, or no access to it."""
    return GoogleError(404, "notFound")


def deleted() -> GoogleError:
    """410 `deleted`: the event was deleted before."""
    return GoogleError(410, "deleted", "Resource has been deleted")


def duplicate() -> GoogleError:
    """409 `duplicate`: the id is taken, by a live or by a deleted event."""
    return GoogleError(409, "duplicate", "The requested identifier already exists.")


def full_sync_required() -> GoogleError:
    """410 `fullSyncRequired`: the sync token is dead."""
    return GoogleError(
        410,
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
        domain="calendar",
        location="syncToken",
    )


def precondition_failed() -> GoogleError:
    """412 `conditionNotMet`: the etag sent is not the present one."""
    return GoogleError(412, "conditionNotMet", "Precondition Failed", location="If-Match", location_type="header")


def insufficient_scope() -> GoogleError:
    """403 `insufficientPermissions`: the token's scopes do not cover the method."""
    return GoogleError(
        403, "insufficientPermissions", "Insufficient Permission: Request had insufficient authentication scopes."
    )


def login_required() -> GoogleError:
    """401 `required`: the request has no Authorization header at all."""
    return GoogleError(401, "required", "Login Required.", location="Authorization", location_type="header")


def parse_error() -> GoogleError:
    """400 `parseError`: the body is no JSON object."""
    return GoogleError(400, "parseError", "Parse Error")


def bad_content(content_type: str) -> GoogleError:
    """400 `badContent`: the body is said to be something else than JSON."""
    return GoogleError(400, "badContent", f"Unsupported content with type: {content_type}")


def weak_role(reason: str) -> GoogleError:
    """403: the account's role on the calendar does not let it write; which reason is given is unverified."""
    domain = "calendar" if reason == "requiredAccessLevel" else "global"
    return GoogleError(403, reason, "You need to have writer access to this calendar.", domain=domain)


def forbidden(message: str = "Forbidden") -> GoogleError:
    """403 `forbidden`: the role on the calendar does not allow it."""
    return GoogleError(403, "forbidden", message)


def not_emulated(what: str) -> GoogleError:
    """501: the real service does this, the sandbox does not; never answered with a guess."""
    return GoogleError(501, "notImplemented", f"The sandbox does not emulate {what}.")
