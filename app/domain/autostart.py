"""Whether Kalends starts with the computer, as values. The operating system's own entry is the only truth."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AutostartState(StrEnum):
    """What happens when the person signs in to the computer."""

    ON = "on"
    OFF = "off"
    BLOCKED = "blocked"
    """There is an entry, and the system's own settings have it switched off."""
    OTHER = "other"
    """The entry starts another Kalends than this one."""
    BROKEN = "broken"
    """The entry starts a program that is not there any more."""


@dataclass(frozen=True, slots=True)
class Autostart:
    """How it is now.

    Args:
        state: in one word.
        program: what the entry starts, empty where there is none.
        settings: the address of the system's settings page for this, None where it has none.
    """

    state: AutostartState
    program: str = ""
    settings: str | None = None

    @property
    def on(self) -> bool:
        """Whether some Kalends starts with the computer."""
        return self.state in (AutostartState.ON, AutostartState.OTHER)
