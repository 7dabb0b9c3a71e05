"""What a person prefers: colours, the local API, intervals. Read and changed in one place, kept in the settings file.

The file itself is `app.system`'s; this is what front ends see of it. A value that cannot be used is refused by its key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from typing import Protocol

from app.domain.errors import FieldError, InputError, KalendsError
from app.domain.preferences import PreferenceValues

CarryOut = Callable[[PreferenceValues, PreferenceValues], Awaitable[None]]
"""Makes true what counts now, given what counted before and what counts now."""


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

    Everything counts at once: from the next read, or as soon as whoever carries it out has done so.
    """

    def __init__(self, file: PreferenceFile) -> None:
        self._file = file
        self._listeners: list[Callable[[PreferenceValues], None]] = []
        self._carry_out: CarryOut | None = None
        self._one_at_a_time = asyncio.Lock()

    def get(self) -> PreferenceValues:
        """What counts now."""
        return self._file.read()

    def carried_out_by(self, carry_out: CarryOut) -> None:
        """Have changes carried out before they are told; one that fails is not kept."""
        self._carry_out = carry_out

    async def change(self, **values: object) -> PreferenceValues:
        """Change some. Raises InputError naming the field, StorageError, and what carrying out raises."""
        known = {field.name for field in fields(PreferenceValues)}
        unknown = sorted(values.keys() - known)
        if unknown:
            message = f"There is no setting '{unknown[0]}'."
            raise InputError(message, details=[FieldError(unknown[0], message)])
        async with self._one_at_a_time:
            before = self._file.read()
            self._file.write(values)
            now = self._file.read()
            if self._carry_out is not None:
                try:
                    await self._carry_out(before, now)
                except KalendsError:
                    self._file.write({name: getattr(before, name) for name in values})
                    raise
        for listener in tuple(self._listeners):
            listener(now)
        return now

    def listen(self, listener: Callable[[PreferenceValues], None]) -> Callable[[], None]:
        """Hear of changes, on the core loop. Returns a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
