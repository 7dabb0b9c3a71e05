"""Exit codes are those of `contract/cli.md`, by code and by how a run ended."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.exits import Exit, of_error, of_run, worst
from app.cli.remote import Unreachable
from app.cli.signals import Stopped
from app.domain.errors import (
    AccessError,
    AuthExpiredError,
    ConflictError,
    ForbiddenError,
    InputError,
    KalendsError,
    NotFoundError,
    OfflineError,
    ProtocolError,
    SignInError,
    StorageError,
    ThrottledError,
    UnavailableError,
    VaultError,
)


def test_the_exit_codes_are_the_documented_numbers() -> None:
    assert {code.name: int(code) for code in Exit} == {
        "DONE": 0,
        "FAILED": 1,
        "USAGE": 2,
        "PARTIAL": 3,
        "NEEDS_SIGN_IN": 4,
        "HELD": 5,
        "NOT_FOUND": 6,
        "UNREACHABLE": 7,
        "LOCKED": 8,
        "TEMPORARY": 75,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), 2),
        (InputError("x", code="some_new_code"), 2),
        (ConflictError("x", code="pair_paused"), 1),
        (ConflictError("x", code="connection_in_use"), 1),
        (NotFoundError("x"), 6),
        (ForbiddenError("x"), 1),
        (StorageError("x", code="database_locked"), 8),
        (StorageError("x", code="database_newer"), 1),
        (StorageError("x", code="database_corrupt"), 1),
        (StorageError("x", code="home_unwritable"), 1),
        (VaultError("x", code="vault_missing"), 1),
        (SignInError("x", code="denied"), 4),
        (SignInError("x", code="timed_out"), 4),
        (SignInError("x", code="client_missing"), 1),
        (AuthExpiredError("x"), 4),
        (OfflineError("x"), 75),
        (ThrottledError("x"), 75),
        (UnavailableError("x"), 75),
        (AccessError("x"), 1),
        (ProtocolError("x"), 1),
        (Unreachable("x"), 7),
        (Stopped("x"), 130),
        (KalendsError("x"), 1),
    ],
    ids=lambda value: f"{type(value).__name__}-{value.code}" if isinstance(value, KalendsError) else str(value),
)
def test_a_failure_has_the_exit_code_of_its_meaning(error: KalendsError, code: int) -> None:
    assert of_error(error) == code


def answer(status: str, *codes: str) -> dict[str, Any]:
    return {"status": status, "errors": [{"code": code} for code in codes]}


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (answer("success"), 0),
        (answer("partial", "unexpected_answer"), 3),
        (answer("partial", "needs_sign_in"), 4),
        (answer("held"), 5),
        (answer("failed", "needs_sign_in"), 4),
        (answer("failed", "offline", "offline"), 75),
        (answer("failed", "throttled"), 75),
        (answer("failed", "offline", "access_denied"), 1),
        (answer("failed"), 1),
        (answer("skipped", "offline"), 75),
        (answer("running"), 75),
    ],
    ids=str,
)
def test_a_run_has_the_exit_code_of_how_it_ended(ended: dict[str, Any], code: int) -> None:
    assert of_run(ended) == code


def test_of_several_runs_the_one_that_most_needs_a_person_decides() -> None:
    assert worst([]) == 0
    assert worst([Exit.DONE, Exit.TEMPORARY, Exit.HELD]) == 5
    assert worst([Exit.PARTIAL, Exit.NEEDS_SIGN_IN]) == 4
    assert worst([Exit.NEEDS_SIGN_IN, Exit.FAILED]) == 1
