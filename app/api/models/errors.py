"""The body of an error in the pairs family (`contract/api.md` §2)."""

from __future__ import annotations

from app.api.models.base import Output


class ErrorDetail(Output):
    """One bad field, and what to send instead."""

    field: str
    message: str


class ErrorBody(Output):
    """What went wrong. `code` is stable, `message` is for people."""

    code: str
    message: str
    details: list[ErrorDetail]
    request_id: str


class ErrorAnswer(Output):
    """An error."""

    error: ErrorBody
