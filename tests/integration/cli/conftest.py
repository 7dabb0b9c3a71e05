"""The program with a home of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.program import Program


@pytest.fixture
def kalends(tmp_path: Path) -> Iterator[Program]:
    """The program; what it started and was left running is ended."""
    program = Program(tmp_path / "home")
    yield program
    program.close()
