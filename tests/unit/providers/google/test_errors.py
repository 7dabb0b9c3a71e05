"""Google's refusals by reason, in the bodies that were recorded."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.domain.errors import (
    AccessError,
    AuthExpiredError,
    CursorExpiredError,
    ProtocolError,
    ProviderError,
    ThrottledError,
    UnavailableError,
)
from app.providers.google.errors import QUOTA_PAUSE_SECONDS, error_of, refusal_of
from app.providers.http import Reply


def refused(status: int, reason: str = "", location: str = "", headers: dict[str, str] | None = None) -> Reply:
    """A refusal in Google's envelope."""
    row = {"domain": "global", "reason": reason, "message": "Because.", "location": location}
    body = {"error": {"errors": [row], "code": status, "message": "Because."}}
    return Reply(status, httpx.Headers(headers or {}), json.dumps(body).encode())


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (refused(400, "timeRangeEmpty", "timeMax"), ProtocolError),
        (refused(400, "invalid", "syncToken"), CursorExpiredError),
        (refused(401, "authError", "Authorization"), AuthExpiredError),
        (refused(403, "userRateLimitExceeded"), ThrottledError),
        (refused(403, "rateLimitExceeded"), ThrottledError),
        (refused(429, "rateLimitExceeded"), ThrottledError),
        (refused(403, "quotaExceeded"), ThrottledError),
        (refused(403, "dailyLimitExceeded"), ThrottledError),
        (refused(403, "forbiddenForNonOrganizer"), AccessError),
        (refused(403, "insufficientPermissions"), AccessError),
        (refused(403, "forbidden"), AccessError),
        (refused(404, "notFound"), AccessError),
        (refused(410, "fullSyncRequired", "syncToken"), CursorExpiredError),
        (refused(410, "updatedMinTooLongAgo", "updatedMin"), CursorExpiredError),
        (refused(410, "deleted"), AccessError),
        (refused(412, "conditionNotMet", "If-Match"), ProtocolError),
        (refused(500, "backendError"), UnavailableError),
        (refused(503, "backendError"), UnavailableError),
    ],
)
def test_a_refusal_is_told_by_its_reason(reply: Reply, expected: type[ProviderError]) -> None:
    error = error_of(reply)
    assert type(error) is expected
    assert error.status == reply.status
    assert error.reason == refusal_of(reply).reason


def test_pauses_are_as_long_as_google_asks_and_hours_for_the_quota() -> None:
    slow = error_of(refused(403, "rateLimitExceeded", headers={"Retry-After": "9"}))
    assert isinstance(slow, ThrottledError)
    assert slow.retry_after_seconds == 9
    quota = error_of(refused(403, "quotaExceeded", headers={"Retry-After": "9"}))
    assert isinstance(quota, ThrottledError)
    assert quota.retry_after_seconds == QUOTA_PAUSE_SECONDS == 6 * 3600


def test_a_missing_scope_has_a_code_and_a_fix() -> None:
    error = error_of(refused(403, "insufficientPermissions"))
    assert error.code == "scope_missing"
    assert error.fix


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"error": 5}', b'{"error": {"errors": 5}}', b'{"error": {"errors": [5]}}']
)
def test_a_body_of_another_kind_leaves_the_status_to_decide(body: bytes) -> None:
    assert type(error_of(Reply(503, httpx.Headers(), body))) is UnavailableError


def test_the_services_own_sentence_is_kept_short() -> None:
    envelope: dict[str, Any] = {"error": {"message": "x" * 10_000}}
    error = error_of(Reply(400, httpx.Headers(), json.dumps(envelope).encode()))
    assert len(error.message) < 400
