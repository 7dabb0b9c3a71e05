"""What an exit code means (`contract/cli.md`), and which one a failure or an ended run gets. The one table of codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

from app.domain.errors import ConflictError, InputError, KalendsError, NotFoundError


class Exit(IntEnum):
    """The exit codes that scripts may rely on."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    NEEDS_SIGN_IN = 4
    HELD = 5
    NOT_FOUND = 6
    UNREACHABLE = 7
    LOCKED = 8
    TEMPORARY = 75
    INTERRUPTED = 130


EXITS: Mapping[str, Exit] = {
    # what the caller sent
    "validation_error": Exit.USAGE,
    "bad_request": Exit.USAGE,
    "not_found": Exit.NOT_FOUND,
    # the app and its database
    "app_unreachable": Exit.UNREACHABLE,
    "unauthorized": Exit.UNREACHABLE,
    "database_locked": Exit.LOCKED,
    # signing in
    "needs_sign_in": Exit.NEEDS_SIGN_IN,
    "sign_in_failed": Exit.NEEDS_SIGN_IN,
    "denied": Exit.NEEDS_SIGN_IN,
    "timed_out": Exit.NEEDS_SIGN_IN,
    "cancelled": Exit.NEEDS_SIGN_IN,
    "rejected": Exit.NEEDS_SIGN_IN,
    "scope_missing": Exit.NEEDS_SIGN_IN,
    "wrong_account": Exit.NEEDS_SIGN_IN,
    "admin_needed": Exit.NEEDS_SIGN_IN,
    # what passes by itself
    "offline": Exit.TEMPORARY,
    "throttled": Exit.TEMPORARY,
    "rate_limited": Exit.TEMPORARY,
    "unavailable": Exit.TEMPORARY,
    "still_running": Exit.TEMPORARY,
    # how a run ended
    "success": Exit.DONE,
    "partial": Exit.PARTIAL,
    "held": Exit.HELD,
    "failed": Exit.FAILED,
    "skipped": Exit.FAILED,
    "running": Exit.TEMPORARY,
    # the person
    "interrupted": Exit.INTERRUPTED,
    "stopped_by_person": Exit.INTERRUPTED,
}
"""Exit code of an error's code, or of a run's status; what is not here failed."""

_WORST_FIRST = (Exit.FAILED, Exit.NEEDS_SIGN_IN, Exit.HELD, Exit.PARTIAL, Exit.INTERRUPTED, Exit.TEMPORARY)


def of_error(error: KalendsError) -> Exit:
    """The exit code of a failure: by its code, else by its kind."""
    if error.code in EXITS:
        return EXITS[error.code]
    if isinstance(error, NotFoundError):
        return Exit.NOT_FOUND
    if isinstance(error, InputError) and not isinstance(error, ConflictError):
        return Exit.USAGE
    return Exit.FAILED


def of_run(answer: Mapping[str, Any]) -> Exit:
    """The exit code of a trigger's answer. A run that failed as a whole says why by the codes of its errors."""
    codes = [EXITS.get(str(error["code"]), Exit.FAILED) for error in answer["errors"]]
    status = str(answer["status"])
    if status in ("failed", "skipped") and codes:
        return worst(codes)
    if status == "partial" and Exit.NEEDS_SIGN_IN in codes:
        return Exit.NEEDS_SIGN_IN
    return EXITS.get(status, Exit.FAILED)


def worst(codes: Iterable[Exit]) -> Exit:
    """The one of several that most needs a person."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), Exit.DONE)
