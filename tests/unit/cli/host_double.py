"""The app as the command line meets it, without one: a core over fakes, folders in a temporary place, no windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.host import Running, SandboxHandle
from app.domain.backups import Backup, Restored
from app.domain.checkups import Check
from app.domain.errors import KalendsError
from app.services.core import CoreHandle
from tests.fakes.core_world import CoreWorld


@dataclass
class HostDouble:
    """A host for tests; `calls` is what the command line wanted of it."""

    folder: Path
    screen: bool = False
    refuses: BaseException | None = None
    runs: dict[str, Running] = field(default_factory=dict)
    sandboxes: dict[str, Running] = field(default_factory=dict)
    calls: list[tuple[object, ...]] = field(default_factory=list)
    checks: Sequence[Check] = ()
    kept: Sequence[Backup] = ()
    restored: Restored | None = None
    made: CoreWorld | None = None
    version: str = "1.2.3"

    @property
    def world(self) -> CoreWorld:
        """The one world, kept from command to command as a database would be."""
        if self.made is None:
            self.made = CoreWorld(self.folder)
        return self.made

    def paths(self, profile: str) -> Mapping[str, str | None]:
        """Made-up folders."""
        return {"home": None, "profile": profile, "data": str(self.folder)}

    def running(self, profile: str) -> Running | None:
        """What the test says."""
        return self.runs.get(profile)

    def has_screen(self) -> bool:
        """What the test says."""
        return self.screen

    async def open(
        self,
        profile: str,
        *,
        serve: bool,
        api_port: int | None = None,
        on_quit: Callable[[], None] = lambda: None,
    ) -> CoreHandle:
        """The world's core. One that serves is asked to quit at once, so that no test waits."""
        self.calls.append(("open", profile, serve))
        if self.refuses is not None:
            raise self.refuses

        async def stop() -> None:
            self.calls.append(("stop", profile))

        if serve:
            on_quit()
        return CoreHandle(self.world.core, "http://127.0.0.1:5545" if serve else None, stop)

    async def diagnose(self, profile: str, *, network: bool) -> Sequence[Check]:
        """What the test says."""
        self.calls.append(("diagnose", profile, network))
        return self.checks

    def backups(self, profile: str) -> Sequence[Backup]:
        """What the test says."""
        return self.kept

    def restore(self, profile: str, name: str) -> Restored:
        """What the test says; note it."""
        self.calls.append(("restore", profile, name))
        if self.refuses is not None:
            raise self.refuses
        if self.restored is None:
            raise KalendsError("nothing to restore in this test")
        return self.restored

    def windows(self, profile: str, *, hidden: bool) -> int:
        """Note it."""
        self.calls.append(("windows", profile, hidden))
        return 0

    async def sandbox(self, *, port: int, seed: Path | None, random_seed: int | None) -> SandboxHandle:
        """Never made."""
        raise KalendsError("no sandbox in this test")

    def sandbox_control(self, profile: str) -> Running | None:
        """What the test says."""
        return self.sandboxes.get(profile)
