"""What the command line needs of the app around it, given by `app.main`: the CLI itself knows only the services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from app.domain.backups import Backup, Restored
    from app.domain.checkups import Check
    from app.services.core import CoreHandle


class ProfileName(StrEnum):
    """The two worlds of one user."""

    DEFAULT = "default"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Running:
    """A running app that proved to be ours: where its control API is, and the token of this start."""

    url: str
    token: str
    profile: str


@dataclass(frozen=True, slots=True)
class SandboxHandle:
    """A sandbox that listens: what `kalends sandbox --json` prints, and how to stop it."""

    description: Mapping[str, Any]
    stop: Callable[[], Awaitable[None]]


class Host(Protocol):
    """The app as the command line meets it."""

    @property
    def version(self) -> str:
        """The app's version."""
        ...

    def paths(self, profile: str) -> Mapping[str, str | None]:
        """The folders of a profile, as `kalends paths --json` prints them."""
        ...

    def running(self, profile: str) -> Running | None:
        """The running app of a profile, proved by its challenge; None when there is none."""
        ...

    def has_screen(self) -> bool:
        """Whether a screen answers."""
        ...

    async def open(
        self,
        profile: str,
        *,
        serve: bool,
        api_port: int | None = None,
        on_quit: Callable[[], None] = lambda: None,
    ) -> CoreHandle:
        """Start the core of a profile in this process, under the single-writer lock.

        Args:
            serve: with scheduler, start-up sync and local API; else only the services.
            api_port: wished port of the API, None for the setting's.
            on_quit: called when somebody asks the app to quit over the control API.

        Raises:
            StorageError: `database_locked` when another instance writes, and the other ways a database is refused.
        """
        ...

    async def diagnose(self, profile: str, *, network: bool) -> Sequence[Check]:
        """Look at everything that Kalends needs; starts, locks and changes nothing.

        Args:
            network: ask the services too.
        """
        ...

    def backups(self, profile: str) -> Sequence[Backup]:
        """The backups of a profile's database, the newest first, each read to see whether it is sound."""
        ...

    def restore(self, profile: str, name: str) -> Restored:
        """Put a backup in the place of a profile's database, under the single-writer lock.

        Args:
            name: of the backup, or `newest`.

        Raises:
            NotFoundError: there is no such backup.
            StorageError: `database_locked` while the app runs, or the backup cannot be used.
        """
        ...

    def windows(self, profile: str, *, hidden: bool) -> int:
        """Run the desktop app until it is quit; its exit code."""
        ...

    async def sandbox(self, *, port: int, seed: Path | None, random_seed: int | None) -> SandboxHandle:
        """Start a sandbox in memory, found by `sandbox_control` until it stops. `port` is Google's, then come
        Microsoft's and the control API's; 0 takes any.

        Raises:
            InputError: the seed cannot be used, or a port is taken.
        """
        ...

    def sandbox_control(self, profile: str) -> Running | None:
        """Where the control API of a sandbox was last: the demo's, or for the default profile the one of `kalends
        sandbox`. It may be gone."""
        ...
