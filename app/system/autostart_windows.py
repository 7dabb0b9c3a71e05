"""The entry of Windows: a value below the person's `Run` key. What Task Manager and Settings switch off there is noted
by Windows beside it, below `StartupApproved`, and is the person's word: it is read and never overruled.
"""

from __future__ import annotations

import subprocess
from importlib import import_module
from typing import Any, Final, Protocol

from app.domain.autostart import Autostart, AutostartState
from app.domain.errors import InputError, StorageError
from app.system.autostart import Command, is_there

RUN: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED: Final = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
VALUE: Final = "Kalends"
SETTINGS: Final = "ms-settings:startupapps"


class Registry(Protocol):
    """The person's part of the registry (`HKEY_CURRENT_USER`). Everything may raise OSError."""

    def get(self, key: str, name: str) -> str | bytes | None:
        """A value, None where there is none."""
        ...

    def put(self, key: str, name: str, value: str) -> None:
        """Keep a text."""
        ...

    def delete(self, key: str, name: str) -> None:
        """Remove a value; one that is not there is no error."""
        ...


class WindowsEntry:
    """`services.autostart.StartEntry` in the registry.

    Args:
        command: what is to be started.
        registry: the person's.
    """

    def __init__(self, command: Command, registry: Registry) -> None:
        self._command = command
        self._registry = registry

    def read(self) -> Autostart:
        """How it is now. Raises StorageError."""
        try:
            line, approved = self._registry.get(RUN, VALUE), self._registry.get(APPROVED, VALUE)
        except OSError as error:
            raise _refused("read", error) from error
        if not isinstance(line, str) or not line:
            return Autostart(AutostartState.OFF)
        program = _program(line)
        # Windows notes an odd first byte where a person switched the entry off, an even one where it is on.
        if isinstance(approved, bytes) and approved and approved[0] % 2:
            return Autostart(AutostartState.BLOCKED, program, SETTINGS)
        if not is_there(program):
            return Autostart(AutostartState.BROKEN, program)
        ours = line == subprocess.list2cmdline(self._command.words)
        return Autostart(AutostartState.ON if ours else AutostartState.OTHER, program)

    def write(self) -> None:
        """Have this Kalends started, hidden. Raises InputError where it cannot be, StorageError."""
        if self._command.home or self._command.folder is not None:
            raise InputError(
                "Windows can start an installed Kalends only, with its usual folders.",
                fix="Install Kalends and start it without KALENDS_HOME, then switch this on.",
            )
        try:
            self._registry.put(RUN, VALUE, subprocess.list2cmdline(self._command.words))
        except OSError as error:
            raise _refused("write", error) from error

    def remove(self) -> None:
        """Have none started. Raises StorageError."""
        try:
            self._registry.delete(RUN, VALUE)
        except OSError as error:
            raise _refused("remove", error) from error


def _program(line: str) -> str:
    """The program of a command line."""
    if line.startswith('"'):
        return line[1:].partition('"')[0]
    return line.partition(" ")[0]


def _refused(verb: str, error: OSError) -> StorageError:
    why = error.strerror or type(error).__name__
    return StorageError(
        f"Kalends cannot {verb} the entry that starts it with your computer ({why}).",
        code="autostart_unwritable",
        fix="Windows keeps it under Settings, Apps, Startup; it may be managed by your organisation.",
    )


class UserRegistry:
    """`Registry` of this computer."""

    def get(self, key: str, name: str) -> str | bytes | None:
        """A value, None where there is none."""
        winreg = _winreg()
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                value = winreg.QueryValueEx(opened, name)[0]
        except FileNotFoundError:
            return None
        return value if isinstance(value, (str, bytes)) else None

    def put(self, key: str, name: str, value: str) -> None:
        """Keep a text."""
        winreg = _winreg()
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key) as opened:
            winreg.SetValueEx(opened, name, 0, winreg.REG_SZ, value)

    def delete(self, key: str, name: str) -> None:
        """Remove a value; one that is not there is no error."""
        winreg = _winreg()
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key, 0, winreg.KEY_SET_VALUE) as opened:
                winreg.DeleteValue(opened, name)
        except FileNotFoundError:
            return


def _winreg() -> Any:
    """Python's module for the registry, which other systems do not have and type checkers there do not know."""
    try:
        return import_module("winreg")
    except ImportError as error:
        raise OSError("there is no registry on this system") from error
