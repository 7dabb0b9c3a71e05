"""What an HTTP status means where the provider's own error code says nothing more precise.

Each provider's `errors.py` decides by its codes first and falls back to this.
"""

from __future__ import annotations

from app.domain.errors import (
    AccessError,
    AuthExpiredError,
    ProtocolError,
    ProviderError,
    ThrottledError,
    UnavailableError,
)
from app.providers.http import Reply
from app.providers.retry import retry_after_seconds

PASSING = frozenset({408, 500, 502, 503, 504, 509})
"""Statuses that pass by themselves (`providers.md` §11); any other 5xx counts like them."""


def error_for(reply: Reply, *, service: str, reason: str | None = None, detail: str = "") -> ProviderError:
    """The domain error of an answer that is not 2xx.

    Args:
        service: its name for people, e.g. "Google Calendar".
        reason: the service's own error code, kept for logs and decisions.
        detail: the service's own sentence, may be empty.
    """
    status = reply.status
    tail = f" ({detail.strip()[:200]})" if detail.strip() else ""
    wait = retry_after_seconds(reply.headers.get("Retry-After"))
    if status == 401:
        return AuthExpiredError(f"The sign-in at {service} has ended.", status=status, reason=reason)
    if status in (403, 404, 410):
        return AccessError(f"{service} refuses this or does not have it{tail}.", status=status, reason=reason)
    if status == 429 or (status == 503 and wait is not None):
        return ThrottledError(f"{service} asks to slow down.", retry_after_seconds=wait, status=status, reason=reason)
    if status in PASSING or status >= 500:
        return UnavailableError(f"{service} has a problem of its own (status {status}).", status=status, reason=reason)
    return ProtocolError(f"{service} answered with status {status}{tail}.", status=status, reason=reason)
