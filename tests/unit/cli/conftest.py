"""What the tests of the command line share: a host without an app, and a way to call it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.cli.commands import run
from tests.unit.cli.host_double import HostDouble


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON value on stdout."""
        assert self.out.count("\n") == 1, self.out
        value: dict[str, Any] = json.loads(self.out)
        return value


Kalends = Callable[..., Ended]


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """The log goes nowhere: the app's composition root, which would start it, is not here."""
    with capture_logs():
        yield


@pytest.fixture
def host(tmp_path: Path) -> HostDouble:
    """A host where nothing runs."""
    return HostDouble(tmp_path)


@pytest.fixture
def kalends(host: HostDouble, capsys: pytest.CaptureFixture[str]) -> Kalends:
    """Calls the command line: `kalends("status", "--json")`."""

    def call(*argv: str) -> Ended:
        code = run(argv, host)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return call
