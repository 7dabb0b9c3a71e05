"""Starting with the computer: which command is started, and which of the three systems keeps the entry.

The entries themselves are written by `autostart_linux`, `autostart_macos` and `autostart_windows`. Nothing here starts
anything.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.domain.autostart import AutostartState
from app.domain.checkups import Check, ok, warn
from app.domain.errors import KalendsError

if TYPE_CHECKING:
    from app.system.autostart_linux import LinuxEntry
    from app.system.autostart_macos import MacEntry
    from app.system.autostart_windows import WindowsEntry

NAME: Final = "kalends"
HIDDEN: Final = ("run", "--hidden")
"""What is asked of the program: begin in the tray, without a window (`contract/cli.md`)."""
_FLATPAK: Final = Path("/.flatpak-info")


@dataclass(frozen=True, slots=True)
class Command:
    """What is started.

    Args:
        words: the program and its arguments.
        folder: where it has to be started, None where that does not matter.
        home: the folder `KALENDS_HOME` named, empty where it named none: the entry has to name it as well.
    """

    words: tuple[str, ...]
    folder: Path | None = None
    home: str = ""

    @property
    def program(self) -> str:
        """The program alone."""
        return self.words[0]


def own_command(environ: Mapping[str, str]) -> Command:
    """How this Kalends is started: as a bundled program, by the command beside the interpreter, or as a module of a
    checkout."""
    home = environ.get("KALENDS_HOME", "")
    if home:
        home = str(Path(home).expanduser().absolute())
    if getattr(sys, "frozen", False):
        return Command((sys.executable, *HIDDEN), home=home)
    beside = Path(sys.executable).with_name("kalends.exe" if sys.platform == "win32" else "kalends")
    if beside.is_file():
        return Command((str(beside), *HIDDEN), home=home)
    package = Path(__file__).resolve().parents[1]
    return Command((sys.executable, "-m", package.name, *HIDDEN), folder=package.parent, home=home)


def is_there(program: str) -> bool:
    """Whether a program that an entry names can still be started."""
    return shutil.which(program) is not None


def find_entry(environ: Mapping[str, str], platform: str = sys.platform) -> LinuxEntry | MacEntry | WindowsEntry | None:
    """This system's entry for this Kalends; None where there is no way to keep one (in a Flatpak the desktop's portal
    would have to be asked, which is not done yet)."""
    command = own_command(environ)
    if platform == "darwin":
        from app.system.autostart_macos import MacEntry

        return MacEntry(command, Path.home() / "Library" / "LaunchAgents")
    if platform == "win32":
        from app.system.autostart_windows import UserRegistry, WindowsEntry

        return WindowsEntry(command, UserRegistry())
    if platform.startswith("linux") and not _FLATPAK.exists():
        from app.system.autostart_linux import LinuxEntry, autostart_folders

        return LinuxEntry(command, *autostart_folders(environ))
    return None


def checkup(environ: Mapping[str, str]) -> Check:
    """What `kalends doctor` says of it."""
    entry = find_entry(environ)
    if entry is None:
        return ok("autostart", "Kalends cannot start with this computer by itself.")
    try:
        found = entry.read()
    except KalendsError as error:
        return warn("autostart", error.message, error.fix or "Switch it off and on again in Settings.")
    if found.state is AutostartState.BROKEN:
        told = f"Kalends is to start with this computer, but {found.program} is not there any more."
        return warn("autostart", told, "Start Kalends once: it mends the entry.")
    if found.state is AutostartState.OTHER:
        told = f"Another Kalends starts with this computer: {found.program}."
        return warn("autostart", told, "Under Settings switch “Start with my computer” off and on to start this one.")
    words = {
        AutostartState.ON: "Kalends starts with this computer.",
        AutostartState.BLOCKED: "The system's settings keep Kalends from starting with this computer.",
        AutostartState.OFF: "Kalends does not start with this computer.",
    }
    return ok("autostart", words[found.state])
