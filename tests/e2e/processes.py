"""Programs around the app under test: started with an environment of their own, ended by their id, never by name."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_END_SECONDS = 10.0
_SESSION_FIELD = 3
"""Of /proc/PID/stat, counted after the name: state, parent, group, session."""


class Processes:
    """Starts programs that go on, and ends them in reverse order.

    Args:
        log: what they say goes there, one file a program.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._started: list[subprocess.Popen[bytes]] = []
        log.mkdir(parents=True, exist_ok=True)

    def start(
        self,
        *command: str,
        environ: Mapping[str, str],
        keep: Sequence[int] = (),
        stdin: bytes | None = None,
        stdout: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program.

        Args:
            keep: file descriptors it inherits.
            stdin: what it reads; then comes the end. None: nothing.
            stdout: as `subprocess` has it, None for the log.
        """
        with (self._log / f"{len(self._started)}-{Path(command[0]).name}.txt").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=dict(environ),
                stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                stdout=log if stdout is None else stdout,
                stderr=log,
                pass_fds=keep,
            )
        self._started.append(process)
        if process.stdin is not None:
            with process.stdin as pipe:
                pipe.write(stdin or b"")
        return process

    def close(self) -> None:
        """End what was started."""
        while self._started:
            process = self._started.pop()
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(_END_SECONDS)
            if process.stdout is not None:
                process.stdout.close()


def members(session: int) -> list[int]:
    """Living processes of a session, by the id of the process that leads it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it has ended meanwhile
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[_SESSION_FIELD]) == session and fields[0] not in ("Z", "X"):
                found.append(int(entry.name))
    return found


def read_address(pipe: int) -> str:
    """What a program wrote, in one line, to say where it listens; empty when it ended instead."""
    with os.fdopen(pipe) as reading:
        return reading.readline().strip()
