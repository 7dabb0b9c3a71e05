"""The program as a person starts it: `python -m app …` with a home of its own, no display, no bus, free ports."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.judges.fixture import command, watching

ROOT = Path(__file__).parents[3]
SECONDS = 60.0


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON value on stdout."""
        assert self.out.count("\n") == 1, (self.code, self.out, self.err)
        value: dict[str, Any] = json.loads(self.out)
        return value


class Service:
    """A program that goes on until it is stopped."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: dict[str, queue.Queue[str]] = {"out": queue.Queue(), "err": queue.Queue()}
        self.said: dict[str, list[str]] = {"out": [], "err": []}
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(stream, name), daemon=True)
            for stream, name in ((process.stdout, "out"), (process.stderr, "err"))
        ]
        for reader in self._readers:
            reader.start()

    def line(self, part: str, *, stream: str = "err") -> str:
        """Wait for a line that contains some words; an error when the program ends before."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                line = self._lines[stream].get(timeout=0.05)
            except queue.Empty:
                if self.process.poll() is not None and self._lines[stream].empty():
                    raise AssertionError(f"it ended with {self.process.returncode}: {self.said}") from None
                continue
            if part in line:
                return line
        raise AssertionError(f"it never said {part!r}: {self.said}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; the exit code and the seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        took = time.monotonic() - begun
        for reader in self._readers:
            reader.join(SECONDS)
        return code, took

    def close(self) -> None:
        """End it, however the test went."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS)
        for reader in self._readers:
            reader.join(SECONDS)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self, stream: IO[str], name: str) -> None:
        for line in stream:
            self.said[name].append(line)
            self._lines[name].put(line)


class Program:
    """Starts it.

    Args:
        home: its `KALENDS_HOME`.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.services: list[Service] = []

    def __call__(self, *argv: str, environ: Mapping[str, str] | None = None, stdin: str = "") -> Ended:
        """Run a command to its end.

        Args:
            stdin: what it can read there.
        """
        done = subprocess.run(
            command(*argv),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            cwd=ROOT,
            env=self._environ(environ),
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self, *argv: str, environ: Mapping[str, str] | None = None) -> Service:
        """Start a command that goes on."""
        process = subprocess.Popen(
            command(*argv),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=self._environ(environ),
        )
        service = Service(process)
        self.services.append(service)
        return service

    def close(self) -> None:
        """End what is left."""
        for service in self.services:
            service.close()

    def _environ(self, more: Mapping[str, str] | None) -> dict[str, str]:
        kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
        environ = {name: os.environ[name] for name in kept if name in os.environ}
        return {
            **environ,
            **watching(),
            "HOME": str(self.home.parent),
            "KALENDS_HOME": str(self.home),
            "KALENDS_API_PORT": "0",
            "PYTHONWARNINGS": "error",
            **(more or {}),
        }
