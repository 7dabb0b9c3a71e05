"""Errors as Graph words them: a status, a code to branch on, and an envelope with ids for support.

It knows nothing of events or routes. Reference: "Microsoft Graph error responses and resource types".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class GraphError(Exception):
    """A refusal to be sent to the client.

    Args:
        status: HTTP status.
        code: ``error.code``.
        message: ``error.message``, English, one sentence.
        headers: further response headers.
        extra: further members of the ``error`` object.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def body(self, *, date: str, request_id: str, client_request_id: str) -> dict[str, Any]:
        """The JSON envelope of section 4.1 of the provider reference."""
        inner = {"date": date, "request-id": request_id, "client-request-id": client_request_id}
        return {"error": {"code": self.code, "message": self.message, **self.extra, "innerError": inner}}


def not_found() -> GraphError:
    """404: no such item, or not for this mailbox."""
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def access_denied() -> GraphError:
    """403: the token's scopes or the calendar's role do not allow this."""
    return GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def validation_failure(detail: str = "") -> GraphError:
    """400: a property has a value that Exchange does not take."""
    message = "At least one property failed validation."
    return GraphError(400, "ErrorPropertyValidationFailure", f"{message} {detail}".rstrip())


def invalid_request(message: str) -> GraphError:
    """400: the request as a whole makes no sense to Exchange."""
    return GraphError(400, "ErrorInvalidRequest", message)


def conflict() -> GraphError:
    """412: the change key sent is not the current one."""
    return GraphError(
        412,
        "ErrorIrresolvableConflict",
        "The send or update operation could not be performed because the change key passed in the request does not "
        "match the current change key for the item.",
    )
