"""A desktop session of the tests' own: a home nobody used before, a message bus, an unlocked keyring, a screen."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.message_bus import Caller, start_bus, start_keyring
from tests.e2e.processes import Processes
from tests.e2e.screen import Screen

_BROWSER_SCRIPT = """#!/bin/sh
printf '%s\\n' "$1" >> "$KALENDS_E2E_OPENED"
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A desktop session: what its programs get as environment, its bus, and a connection to that."""

    environ: dict[str, str]
    address: str
    caller: Caller
    processes: Processes
    opened: Path


def outside_of(folder: Path) -> dict[str, str]:
    """The environment of everything: nothing of the person who runs the tests but where programs lie.

    Args:
        folder: gets an empty home.
    """
    home = folder / "outside"
    home.mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TZ": "Europe/Berlin"}


@contextmanager
def desktop_session(screen: Screen, outside: Mapping[str, str], log: Path) -> Iterator[Session]:
    """A session on a screen, ended with what was started in it.

    Args:
        outside: the environment of everything.
        log: where the programs' words go.
    """
    processes = Processes(log)
    with tempfile.TemporaryDirectory(prefix="kalends-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        runtime, programs, opened = home / "run", home / "bin", home / "opened"
        runtime.mkdir(mode=0o700)
        programs.mkdir()
        # What the desktop opens a link with. It only notes the link; the test opens it, in its browser.
        (programs / "xdg-open").write_text(_BROWSER_SCRIPT)
        (programs / "xdg-open").chmod(0o755)
        environ = {
            **outside,
            "PATH": f"{programs}{os.pathsep}{outside['PATH']}",
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(runtime),
            "GSETTINGS_BACKEND": "memory",
        }
        caller = None
        try:
            # Without DISPLAY, or what it activates would leave properties on the screen that outlive the bus.
            address = start_bus(processes, environ)
            environ["DBUS_SESSION_BUS_ADDRESS"] = address
            caller = Caller(address)
            start_keyring(processes, environ, caller)
            environ |= {
                "DISPLAY": screen.display,
                "KALENDS_API_PORT": "0",
                "KALENDS_E2E_OPENED": str(opened),
                "PYTHONWARNINGS": "error",
                # Who reads the screen now and then asks for what went away meanwhile, and Qt would say so on stderr.
                "QT_LOGGING_RULES": "qt.accessibility.atspi.warning=false",
            }
            yield Session(environ, address, caller, processes, opened)
        finally:
            if caller is not None:
                caller.close()
            processes.close()
