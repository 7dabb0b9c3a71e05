"""Starts the app by forking a process that has imported it already: a start then costs what the app does, no imports.

Run as `python -m tests.integration.start_server`. Each line on stdin is one start: the wish of `app_process`, its
environment, and a file for what it prints. Each line on stdout tells of a process: `started`, or how it `ended`
(negative for a signal). It never threads, opens nothing of the app itself, and ends with its stdin.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import selectors
import signal
import sys
from typing import Any, NoReturn

from tests.integration import app_process

# What a start imports late, so that a fork has it: the engine comes with these.
_LATE = (
    "app.auth.vault app.auth.microsoft app.auth.google app.services.core app.store.store app.system.preferences "
    "app.wiring google.auth.transport.requests msal httpx h2.connection apscheduler.schedulers.asyncio"
).split()


def tell(**what: Any) -> None:
    """One line for the test."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def start(order: dict[str, Any]) -> None:
    """Fork, and let the child be the app."""
    pid = os.fork()
    if pid == 0:
        _become_the_app(order)
    tell(started=pid)


def _become_the_app(order: dict[str, Any]) -> NoReturn:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for old, new in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(old, new)
        os.environ.clear()
        os.environ.update(order["environment"])
        asyncio.run(app_process.main(order["wish"]))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, this copy of the test must not go on as one
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        os._exit(code)


def reap() -> None:
    """Tell of every process that ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        tell(ended=pid, code=os.waitstatus_to_exitcode(status))


def main() -> None:
    """Serve until stdin ends."""
    for name in _LATE:
        __import__(name)
    gc.freeze()
    reading, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    chosen = selectors.DefaultSelector()
    chosen.register(sys.stdin, selectors.EVENT_READ)
    chosen.register(reading, selectors.EVENT_READ)
    tell(ready=os.getpid())
    while True:
        for key, _ in chosen.select():
            if key.fileobj == reading:
                os.read(reading, 4096)
                reap()
                continue
            line = sys.stdin.readline()
            if not line:
                return
            start(json.loads(line))


if __name__ == "__main__":
    main()
