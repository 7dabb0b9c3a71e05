"""The entry of macOS: a launch agent of the person's, a property list in `~/Library/LaunchAgents` (`launchd.plist(5)`).

It counts from the next sign-in: nothing is loaded or stopped now, since this Kalends runs already.
"""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from app.domain.autostart import Autostart, AutostartState
from app.system.autostart import NAME, Command, is_there
from app.system.autostart_file import EntryFile

SETTINGS = "x-apple.systempreferences:com.apple.LoginItems-Settings.extension"


class MacEntry:
    """`services.autostart.StartEntry` as a property list.

    Args:
        command: what is to be started.
        folder: the person's launch agents, which need not exist.
    """

    def __init__(self, command: Command, folder: Path) -> None:
        self._command = command
        self._path = folder / f"{NAME}.plist"
        self._file = EntryFile(self._path)

    def read(self) -> Autostart:
        """How it is now. Raises StorageError."""
        try:
            found: Any = plistlib.loads(self._path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return Autostart(AutostartState.OFF)
        except OSError as error:
            raise self._file.refused("read", error) from error
        except (plistlib.InvalidFileException, ExpatError, ValueError):
            return Autostart(AutostartState.BROKEN)
        arguments = found.get("ProgramArguments") if isinstance(found, dict) else None
        words = tuple(map(str, arguments)) if isinstance(arguments, list) else ()
        if not words:
            return Autostart(AutostartState.BROKEN)
        if found.get("Disabled") is True:
            return Autostart(AutostartState.BLOCKED, words[0], SETTINGS)
        if not is_there(words[0]):
            return Autostart(AutostartState.BROKEN, words[0])
        ours = words == self._command.words and self._home_of(found) == self._command.home
        return Autostart(AutostartState.ON if ours else AutostartState.OTHER, words[0])

    def write(self) -> None:
        """Have this Kalends started, hidden. Raises StorageError."""
        content: dict[str, Any] = {
            "Label": NAME,
            "ProgramArguments": list(self._command.words),
            "RunAtLoad": True,
            "KeepAlive": False,
            "ProcessType": "Interactive",
            "LimitLoadToSessionType": "Aqua",
        }
        if self._command.folder is not None:
            content["WorkingDirectory"] = str(self._command.folder)
        if self._command.home:
            content["EnvironmentVariables"] = {"KALENDS_HOME": self._command.home}
        self._file.replace(plistlib.dumps(content))

    def remove(self) -> None:
        """Have none started. Raises StorageError."""
        self._file.remove()

    @staticmethod
    def _home_of(found: dict[str, Any]) -> str:
        variables = found.get("EnvironmentVariables")
        return str(variables.get("KALENDS_HOME", "")) if isinstance(variables, dict) else ""
