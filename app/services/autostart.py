"""Starting with the computer: read, switched, mended. The entry itself is `app.system`'s and the only truth."""

from __future__ import annotations

from typing import Protocol

from app.domain.autostart import Autostart, AutostartState


class StartEntry(Protocol):
    """The operating system's entry for programs that start when a person signs in."""

    def read(self) -> Autostart:
        """How it is now. Raises StorageError."""
        ...

    def write(self) -> None:
        """Have this Kalends started, hidden. Raises InputError where that cannot be, StorageError."""
        ...

    def remove(self) -> None:
        """Have none started. Raises StorageError."""
        ...


class StartsWithComputer:
    """Answers and changes whether Kalends starts with the computer. Keeps nothing itself."""

    def __init__(self, entry: StartEntry) -> None:
        self._entry = entry

    def get(self) -> Autostart:
        """How it is now, by the entry. Raises StorageError."""
        return self._entry.read()

    def change(self, on: bool) -> Autostart:
        """Switch it. Raises InputError where it cannot be, StorageError. Returns how it is then."""
        if on:
            self._entry.write()
        else:
            self._entry.remove()
        return self._entry.read()

    def mend(self) -> bool:
        """Where the entry starts a program that is not there any more, have it start this one.

        Returns:
            Whether there was something to mend.

        Raises:
            InputError, StorageError: as `change`.
        """
        if self._entry.read().state is not AutostartState.BROKEN:
            return False
        self._entry.write()
        return True
