"""What a check-up found: `kalends doctor` looks at everything Kalends needs, and says how to mend what fails."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """How one check ended: `warn` works, and may not for ever or not for everything."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Args:
        id: stable word, with a name behind a colon where there are several: `sign_in:ada@example.com`.
        summary: what is the case, one sentence.
        fix: what a person can do; None where nothing needs doing.
    """

    id: str
    status: CheckStatus
    summary: str
    fix: str | None = None


def ok(check_id: str, summary: str) -> Check:
    """A check that found nothing wrong."""
    return Check(check_id, CheckStatus.OK, summary)


def warn(check_id: str, summary: str, fix: str) -> Check:
    """A check that found something to keep in mind."""
    return Check(check_id, CheckStatus.WARN, summary, fix)


def fail(check_id: str, summary: str, fix: str) -> Check:
    """A check that found what keeps Kalends from working."""
    return Check(check_id, CheckStatus.FAIL, summary, fix)
