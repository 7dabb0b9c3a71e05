"""Google's error envelope to domain errors (`providers.md` §2.9).

Decides by `reason`, never by status alone: 403 may mean "slow down", and of the three kinds of 410 one only asks for
a full read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.domain.errors import AccessError, CursorExpiredError, ProviderError, ThrottledError
from app.providers.http import Reply
from app.providers.retry import retry_after_seconds
from app.providers.status import error_for

SERVICE: Final = "Google Calendar"
QUOTA_PAUSE_SECONDS: Final = 6 * 3600.0
"""The anti-abuse quota stops an account's writes for hours; trying sooner prolongs it (`reliability.md` C5)."""

_RATES: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
_QUOTAS: Final = frozenset({"quotaExceeded", "calendarUsageLimitsExceeded", "dailyLimitExceeded"})
_SWITCHED_OFF: Final = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
_CURSORS: Final = frozenset({"fullSyncRequired", "updatedMinTooLongAgo"})
_SCOPES: Final = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first entry of an error envelope; empty where the body is none."""

    reason: str = ""
    message: str = ""
    location: str = ""


def refusal_of(reply: Reply) -> Refusal:
    """Read the error envelope of an answer that is not 2xx."""
    try:
        value: Any = json.loads(reply.body)
    except (ValueError, RecursionError):
        return Refusal()
    error = value.get("error") if isinstance(value, Mapping) else None
    if not isinstance(error, Mapping):
        return Refusal()
    entries = error.get("errors")
    first = entries[0] if isinstance(entries, list) and entries and isinstance(entries[0], Mapping) else {}
    return Refusal(
        reason=str(first.get("reason") or ""),
        message=str(first.get("message") or error.get("message") or ""),
        location=str(first.get("location") or ""),
    )


def error_of(reply: Reply) -> ProviderError:
    """The domain error of an answer that is not 2xx."""
    refusal = refusal_of(reply)
    status = reply.status
    if status in (403, 429) and refusal.reason in _QUOTAS:
        return ThrottledError(
            "Google Calendar's limit for this account is used up for some hours.",
            retry_after_seconds=QUOTA_PAUSE_SECONDS,
            status=status,
            reason=refusal.reason,
        )
    if status in (403, 429) and refusal.reason in _RATES:
        return ThrottledError(
            "Google Calendar asks to slow down.",
            retry_after_seconds=retry_after_seconds(reply.headers.get("Retry-After")),
            status=status,
            reason=refusal.reason,
        )
    if status == 403 and refusal.reason in _SCOPES:
        return AccessError(
            "The sign-in does not include the permission this needs.",
            code="scope_missing",
            fix="Sign in again and leave every permission ticked.",
            status=status,
            reason=refusal.reason,
        )
    if status == 403 and refusal.reason in _SWITCHED_OFF:
        return AccessError(
            "The Google Calendar API is switched off for the Google client that is set.",
            fix="Switch the Google Calendar API on in the Google Cloud console, then sync again.",
            status=status,
            reason=refusal.reason,
        )
    if (status == 410 and refusal.reason in _CURSORS) or (status in (400, 410) and refusal.location == "syncToken"):
        return CursorExpiredError(
            "Google Calendar no longer knows the last position; everything is read again.",
            status=status,
            reason=refusal.reason,
        )
    return error_for(reply, service=SERVICE, reason=refusal.reason or None, detail=refusal.message)
