"""What a bare HTTP status means."""

from __future__ import annotations

import httpx
import pytest

from app.domain.errors import AccessError, AuthExpiredError, ProtocolError, ThrottledError, UnavailableError
from app.providers.http import Reply
from app.providers.status import error_for


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (401, {}, AuthExpiredError),
        (403, {}, AccessError),
        (404, {}, AccessError),
        (410, {}, AccessError),
        (408, {}, UnavailableError),
        (429, {}, ThrottledError),
        (500, {}, UnavailableError),
        (503, {}, UnavailableError),
        (503, {"Retry-After": "7"}, ThrottledError),
        (507, {}, UnavailableError),
        (302, {}, ProtocolError),
        (400, {}, ProtocolError),
        (418, {}, ProtocolError),
    ],
)
def test_a_status_has_its_error(status: int, headers: dict[str, str], expected: type[Exception]) -> None:
    error = error_for(Reply(status, httpx.Headers(headers), b""), service="Example", reason="why", detail="x" * 1000)
    assert type(error) is expected
    assert (error.status, error.reason) == (status, "why")
    assert len(error.message) < 300
    if isinstance(error, ThrottledError):
        assert error.retry_after_seconds == (7 if headers else None)
