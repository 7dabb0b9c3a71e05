"""Puts the judges before every sandbox of the test process, and fails the test in which they found something.

A sandbox in a process of its own (the demo's, `kalends sandbox`) has its judges there (`watched.py`), where the test
starts it with `command`; what they find comes here through a file.

A test that does on purpose what a schema forbids says so with `judges.allow`, and fails when it did not happen.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from app.sandbox.observing import Exchange

FINDINGS_FILE: Final = "JUDGES_FINDINGS_FILE"
"""The environment variable that names the file to which judges of other processes write, a line a finding."""

_SHOWN: Final = 20
_WITH_SANDBOX: Final = ("demo", "sandbox")


def command(*words: str) -> tuple[str, ...]:
    """How a test starts the app with these words: as a person does, with judges in it when it brings a sandbox."""
    module = "tests.judges.watched" if words and words[0] in _WITH_SANDBOX else "app"
    return (sys.executable, "-m", module, *words)


def watching() -> Mapping[str, str]:
    """What such a program needs in its environment."""
    return {FINDINGS_FILE: os.environ[FINDINGS_FILE]}


class Judges:
    """What the judges found since it was last asked for. Safe to use from several threads.

    Args:
        others: the file of findings from other processes.
    """

    def __init__(self, others: Path | None = None) -> None:
        self.exchanges = 0
        self._others = others
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
        found, allowed = [*self._found, *self._from_others()], self._allowed
        found = list(dict.fromkeys(found))
        self._found, self._allowed = [], []
        missing = [one for one in allowed if not any(re.search(one, text) for text in found)]
        wrong = [text for text in found if not any(re.search(one, text) for one in allowed)]
        return wrong + [f"allowed, but nobody did it: {one}" for one in missing]

    def _from_others(self) -> list[str]:
        if self._others is None or not self._others.exists():
            return []
        with self._others.open("r+", encoding="utf-8") as file:
            found = file.read().splitlines()
            file.truncate(0)
        return found


@pytest.fixture(scope="session", autouse=True)
def judging(tmp_path_factory: pytest.TempPathFactory) -> Generator[Judges, None, None]:
    """The judges of this process, looking on from its first sandbox to its last."""
    from app.sandbox.observing import OBSERVERS

    others = tmp_path_factory.mktemp("judges") / "findings"
    judges = Judges(others)
    OBSERVERS.append(judges.look)
    os.environ[FINDINGS_FILE] = str(others)
    yield judges
    del os.environ[FINDINGS_FILE]
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
