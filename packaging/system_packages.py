"""System packages on Debian and its children: which are missing, and installing them where that is allowed.

It must install only what is missing, only as root, say what it installs, and do nothing on any other system.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from terminal import Stop, attempt, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What Qt loads from the system, as Debian names it: without a screen, and on top of that with an X screen.
QT_PACKAGES = ("libgl1", "libegl1", "libxkbcommon0", "libglib2.0-0", "libfontconfig1", "libdbus-1-3")
QT_SCREEN_PACKAGES = (
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-keysyms1",
    "libxcb-shape0",
    "libxcb-xkb1",
    "libxkbcommon-x11-0",
)


def missing_packages(packages: Iterable[str], listing: str) -> list[str]:
    """Those of ``packages`` that the listing of ``installed`` does not hold."""
    present = set()
    for line in listing.splitlines():
        name, state, provides = [*line.split("\t"), "", ""][:3]
        if state == "installed":
            present.add(name)
            present.update(part.split("(")[0].split(":")[0].strip() for part in provides.split(","))
    return [name for name in packages if name not in present]


def on_debian() -> bool:
    """True where packages are asked for and installed the way this file knows."""
    return sys.platform.startswith("linux") and bool(shutil.which("dpkg-query") and shutil.which("apt-get"))


def installed() -> str:
    """What dpkg knows of every package: its name, its state and the names it provides, by tab, one a line."""
    query = ["dpkg-query", "-W", "-f", "${Package}\\t${db:Status-Status}\\t${Provides}\\n"]
    return subprocess.run(query, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout


def may_apt() -> bool:
    """True when this process may install system packages: as root, on a Debian, and not forbidden."""
    return on_debian() and os.geteuid() == 0 and os.environ.get("KALENDS_NO_APT", "") in ("", "0")


def sudo_apt(packages: Iterable[str]) -> str:
    """The one command that installs the packages."""
    return f"sudo apt-get install -y --no-install-recommends {' '.join(packages)}"


def venv_package() -> str:
    """The Debian package with ensurepip for the running Python."""
    if Path("/usr/bin/python3").resolve() == Path(sys.executable).resolve():
        return "python3-venv"
    return "python{}.{}-venv".format(*sys.version_info)


def apt_install(packages: Sequence[str]) -> bool:
    """Installs system packages and says which; False when apt could not."""
    say(f"installing system packages: {' '.join(packages)}")
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"]
    order = [*apt, "install", "-y", "--no-install-recommends", *packages]
    unasked = {"DEBIAN_FRONTEND": "noninteractive"}
    attempt([*apt, "update"], extra=unasked)  # one broken source does not matter if the packages are found elsewhere
    if attempt(order, extra=unasked) == 0:
        return True
    # A set-up that was killed may have left packages unpacked and not configured; apt refuses until that is done.
    return attempt(["dpkg", "--configure", "-a"], extra=unasked) == 0 and attempt(order, extra=unasked) == 0


def provide(packages: Sequence[str], *, strict: bool) -> bool:
    """True when the system packages are there, installed if need be. Without: Stop if ``strict``, else a hint."""
    if not on_debian():
        return True  # other systems bring these libraries with their desktop, and Windows and macOS with the wheel
    missing = missing_packages(packages, installed())
    if not missing:
        return True
    if may_apt() and apt_install(missing):
        return True
    if strict:
        raise Stop(f"these tests need system packages that are missing; install them: {sudo_apt(missing)}")
    if any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        say(f"the windows need system packages that are missing; install them: {sudo_apt(missing)}")
    return False
