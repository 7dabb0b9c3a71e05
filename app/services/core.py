"""The core: all services of one profile as one value, and how it is started and stopped.

Everything here lives on the core loop's thread; front ends on other threads go through a bridge.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.domain.checkups import Check
from app.services.alerts import Alerts
from app.services.autostart import StartsWithComputer
from app.services.connections import Connections
from app.services.demo import Demo
from app.services.feed import Feed
from app.services.history import History
from app.services.holds import Holds
from app.services.keys import Keys
from app.services.log_reading import LogReading
from app.services.notices import Notices
from app.services.pairs import Pairs
from app.services.preferences import Preferences
from app.services.previews import Previews
from app.services.questions import Questions
from app.services.restores import Restores
from app.services.second_copies import SecondCopies
from app.services.settings_files import SettingsFiles
from app.services.snapshots import Snapshots
from app.services.status import Status
from app.services.sync import Sync
from app.services.undo import Undo

Look = Callable[[], Awaitable[Sequence[Check]]]
"""Looks at everything that Kalends needs, without changing anything."""


@dataclass(frozen=True, slots=True)
class Doctor:
    """The check-up of `kalends doctor`, for front ends that run beside the core."""

    look: Look


@dataclass(frozen=True, slots=True)
class CoreInfo:
    """What this core is: `profile` is `default` or `demo`; `sandbox` tells that nothing leaves this computer."""

    profile: str
    version: str
    sandbox: bool
    log_file: Path
    database: Path
    config_file: Path


@dataclass(frozen=True, slots=True)
class Core:
    """The services of one profile. `demo` is there in the demo profile only, `autostart` where there is a way to start
    with the computer, `doctor` where somebody can look at everything that Kalends needs."""

    info: CoreInfo
    connections: Connections
    pairs: Pairs
    sync: Sync
    history: History
    holds: Holds
    undo: Undo
    keys: Keys
    status: Status
    notices: Notices
    preferences: Preferences
    alerts: Alerts
    questions: Questions
    snapshots: Snapshots
    restores: Restores
    second_copies: SecondCopies
    feed: Feed
    previews: Previews
    log: LogReading
    settings_files: SettingsFiles
    demo: Demo | None = None
    autostart: StartsWithComputer | None = None
    doctor: Doctor | None = None


@dataclass(frozen=True, slots=True)
class CoreHandle:
    """A core that runs, and how to stop it: scheduler, API, runs (5 s at most), clients, database, in that order.

    `api_url` is where its local API answers, None where it has none.
    """

    core: Core
    api_url: str | None
    stop: Callable[[], Awaitable[None]]
