"""What the person at the terminal is told, and programs that are started on their behalf.

It must leave standard output alone: that belongs to the app, and to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent


class Stop(Exception):
    """Ends a command with a sentence on standard error and an exit code (1, or 2 when it was used wrongly)."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


def say(sentence: str) -> None:
    """Tells the person at the terminal; standard output is not ours."""
    sys.stderr.write(f"kalends: {sentence}\n")
    sys.stderr.flush()


def child_environment() -> dict[str, str]:
    """The variables for pip: without those that would lead it out of the environment it is to fill."""
    variables = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONPATH"}}
    return {**variables, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def attempt(command: Sequence[str | Path], *, keep: int | None = None, extra: Mapping[str, str] | None = None) -> int:
    """Runs a command with its words on standard error and nothing to read; returns its exit code.

    ``keep`` is the descriptor of the set-up lock: a child that outlives a killed parent goes on holding it.
    """
    inherited = () if keep is None or os.name == "nt" else (keep,)
    return subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        cwd=ROOT,
        env={**child_environment(), **(extra or {})},
        pass_fds=inherited,
        check=False,
    ).returncode
