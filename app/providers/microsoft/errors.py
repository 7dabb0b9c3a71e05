"""What Graph's refusals mean in the words of the domain (`providers.md` §4.1, §5.3, §11). Pure.

Decisions are on `error.code`, case-insensitively, then on the status; never on the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from app.domain.errors import CursorExpiredError, ProviderError, ThrottledError, UnavailableError
from app.providers.http import Reply
from app.providers.retry import retry_after_seconds
from app.providers.status import error_for

SERVICE = "Microsoft"
DUPLICATE = "errorduplicatetransactionid"
CROSSING = "erroroccurrencecrossingboundary"
QUOTA_STATUS = 507
"""The mailbox is full: unlike other 5xx, a refusal that does not pass by itself."""

_CURSOR_CODES = frozenset({"syncstatenotfound", "resyncrequired", "syncstateinvalid"})
_THROTTLED_CODES = frozenset({"applicationthrottled", "activitylimitreached", "toomanyrequests"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is not 2xx. `code` is in lower case; `existing_id` the event a duplicate create met, if told."""

    status: int
    code: str
    message: str
    retry_after_seconds: float | None = None
    existing_id: str | None = None

    @property
    def throttled(self) -> bool:
        """Whether the service did nothing because it was asked too much."""
        return self.status == 429 or self.code in _THROTTLED_CODES

    @property
    def gone(self) -> bool:
        """Whether there is no such thing, or none that can be seen."""
        return self.status in (404, 410)


def refusal(status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> Refusal:
    """Read Graph's error envelope; a body of another shape gives an empty code.

    Args:
        headers: of the answer, or of its part in a batch.
    """
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    existing = error.get("@event.existingEventId")
    return Refusal(
        status=status,
        code=str(error.get("code") or "").lower(),
        message=str(error.get("message") or "")[:300],
        retry_after_seconds=retry_after_seconds(httpx.Headers(dict(headers)).get("Retry-After")),
        existing_id=existing if isinstance(existing, str) and existing else None,
    )


def error_of(said: Refusal, *, cursor: bool = False) -> ProviderError:
    """The domain error of a refused read.

    Args:
        cursor: the request followed a link of an earlier answer; then 400 and 410 mean that its token is dead.
    """
    if said.code in _CURSOR_CODES or (cursor and said.status in (400, 410)):
        return CursorExpiredError(
            "Microsoft no longer knows the position of the last read.", status=said.status, reason=said.code
        )
    if said.throttled:
        return ThrottledError(
            "Microsoft asks to slow down.",
            retry_after_seconds=said.retry_after_seconds,
            status=said.status,
            reason=said.code,
        )
    if said.status == 412:
        # A read cannot conflict: Exchange does this now and then, and it passes (`reliability.md` C10).
        return UnavailableError("Microsoft is busy with this calendar.", status=said.status, reason=said.code)
    headers = httpx.Headers()
    if said.retry_after_seconds is not None:
        headers["Retry-After"] = str(round(said.retry_after_seconds))
    reply = Reply(said.status, headers, b"")
    return error_for(reply, service=SERVICE, reason=said.code or None, detail=said.message)
