"""What a person prefers: colours, the local API, intervals. Read and changed in one place, kept in the settings file.

The file itself is `app.system`'s; this is what front ends see of it. A value that cannot be used is refused by its key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Protocol

from app.domain.errors import FieldError, InputError
from app.domain.preferences import PreferenceValues


class PreferenceFile(Protocol):
    """Where preferences are kept."""

    def read(self) -> PreferenceValues:
        """What counts now: the environment over the file over the defaults. Raises InputError, StorageError."""
        ...

    def write(self, changes: Mapping[str, object]) -> None:
        """Keep these values, comments and all else as they were. Raises InputError by key, StorageError."""
        ...


class Preferences:
    """Answers and changes preferences, and tells who asked to hear of it.

    Everything counts from the next read; what needs a new start (the API) says so in the window.
    """

    def __init__(self, file: PreferenceFile) -> None:
        self._file = file
        self._listeners: list[Callable[[PreferenceValues], None]] = []

    def get(self) -> PreferenceValues:
        """What counts now."""
        return self._file.read()

    def change(self, **values: object) -> PreferenceValues:
        """Change some. Raises InputError naming the field, StorageError."""
        known = {field.name for field in fields(PreferenceValues)}
        unknown = sorted(values.keys() - known)
        if unknown:
            message = f"There is no setting '{unknown[0]}'."
            raise InputError(message, details=[FieldError(unknown[0], message)])
        self._file.write(values)
        now = self._file.read()
        for listener in tuple(self._listeners):
            listener(now)
        return now

    def listen(self, listener: Callable[[PreferenceValues], None]) -> Callable[[], None]:
        """Hear of changes, on the core loop. Returns a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
