"""Whether windows can be shown (`setup.md`). Asked before Qt is imported: Qt ends the process on a dead display.

Connecting to the display's socket is the whole test; nothing is said on it.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_TIMEOUT_SECONDS: Final = 2.0
_X11_PORT: Final = 6000
_LAST_PORT: Final = 65_535
_DISPLAY: Final = re.compile(r"(?:(?P<host>[^:/]*)(?:/unix)?):(?P<number>\d+)(?:\.\d+)?")


def has_screen(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether a screen answers.

    Args:
        environ: the environment: `QT_QPA_PLATFORM`, `WAYLAND_DISPLAY`, `XDG_RUNTIME_DIR`, `DISPLAY`.
        platform: as `sys.platform`; Windows and macOS always have a screen.
    """
    if platform in ("win32", "darwin") or environ.get("QT_QPA_PLATFORM"):
        return True
    return _wayland_answers(environ) or _x11_answers(environ.get("DISPLAY", ""))


def _wayland_answers(environ: Mapping[str, str]) -> bool:
    name = environ.get("WAYLAND_DISPLAY", "")
    if not name:
        return False
    path = Path(environ.get("XDG_RUNTIME_DIR", "")) / name
    return path.is_absolute() and _unix_answers(str(path))


def _x11_answers(display: str) -> bool:
    found = _DISPLAY.fullmatch(display)
    if found is None:
        return False
    number = int(found["number"])
    if _X11_PORT + number > _LAST_PORT:
        # Some resolvers take such a port modulo 65 536, and meet a stranger there.
        return False
    if found["host"] in (None, "", "unix"):
        # Servers listen on the abstract name, on the file, or on both.
        path = f"/tmp/.X11-unix/X{number}"  # noqa: S108  # the X Window System's fixed address, only connected to
        return _unix_answers("\0" + path) or _unix_answers(path)
    try:
        with socket.create_connection((found["host"], _X11_PORT + number), timeout=_TIMEOUT_SECONDS):
            return True
    except OSError:
        return False


def _unix_answers(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_SECONDS)
        try:
            connection.connect(address)
        except OSError:
            return False
    return True
