"""Puts the judges before every sandbox of the test process, and fails the test in which they found something.

A test that does on purpose what a schema forbids says so with `judges.allow`, and fails when it did not happen.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from app.sandbox.observing import Exchange

_SHOWN = 20


class Judges:
    """What the judges found since it was last asked for. Safe to use from several threads."""

    def __init__(self) -> None:
        self.exchanges = 0
        self._found: list[str] = []
        self._allowed: list[str] = []

    def look(self, exchange: Exchange) -> None:
        """Judge one exchange."""
        # Imported late: tests that start no sandbox need neither the documents nor the schemas.
        from tests.judges import google, graph

        self.exchanges += 1
        try:
            found = {"google": google, "microsoft": graph}[exchange.provider].findings(exchange)
        except Exception as error:  # noqa: BLE001 - it must not reach the service, and must not pass for a verdict
            found = [f"the judge failed at {exchange.method} {exchange.path}: {error!r}"]
        self._found += found

    def allow(self, pattern: str) -> None:
        """In this test, findings that a regular expression matches are meant to be; there must be one."""
        self._allowed.append(pattern)

    def verdict(self) -> list[str]:
        """What was found and not allowed, each once, and what was allowed and never found; starts anew."""
        found, allowed = list(dict.fromkeys(self._found)), self._allowed
        self._found, self._allowed = [], []
        missing = [one for one in allowed if not any(re.search(one, text) for text in found)]
        wrong = [text for text in found if not any(re.search(one, text) for one in allowed)]
        return wrong + [f"allowed, but nobody did it: {one}" for one in missing]


@pytest.fixture(scope="session", autouse=True)
def judging() -> Generator[Judges, None, None]:
    """The judges of this process, looking on from its first sandbox to its last."""
    from app.sandbox.observing import OBSERVERS

    judges = Judges()
    OBSERVERS.append(judges.look)
    yield judges
    OBSERVERS.remove(judges.look)
    _fail_on(judges.verdict())


@pytest.fixture(autouse=True)
def judges(judging: Judges) -> Generator[Judges, None, None]:
    """Fails the test when Google's or Microsoft's schemas forbid what the sandbox, or its client, said in it."""
    yield judging
    _fail_on(judging.verdict())


def _fail_on(found: list[str]) -> None:
    if found:
        more = [f"… and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        pytest.fail("the judges found:\n" + "\n".join([*found[:_SHOWN], *more]), pytrace=False)
