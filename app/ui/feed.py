"""What tray and window show: read from the core in one crossing, again after each notice, and told by one signal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.domain.accounts import Account
from app.domain.notices import Notice, Topic
from app.domain.runs import Counts, Run
from app.services.views import ConnectionView, PairView, Progress, RunMark, StatusView
from app.ui import time_words, words
from app.ui.bridge import CoreThread
from app.ui.tasks import TaskRunner

if TYPE_CHECKING:
    from app.services.core import Core

RECENT_RUNS = 30
"""How many runs of each pair the overview shows as marks."""
LATEST_RUNS = 5
"""How many runs the overview shows."""

_GATHER_MS = 100
"""Notices come in bursts while a run writes: one reading answers all of the last tenth of a second."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the overview and the tray show, as of one moment."""

    status: StatusView
    pairs: tuple[PairView, ...]
    accounts: tuple[Account, ...]
    connections: tuple[ConnectionView, ...]
    runs: tuple[Run, ...]
    """The latest runs, newest first."""
    former: Mapping[str, str] = field(default_factory=dict)
    """The names of removed pairs by id: their runs are still told."""
    recent: Mapping[str, tuple[RunMark, ...]] = field(default_factory=dict)
    """How the last runs of each pair ended, by its id, the oldest first."""
    today: Counts = field(default_factory=Counts)
    """What was written since midnight."""

    @property
    def names(self) -> dict[str, str]:
        """The pairs' names by id, those of removed ones last."""
        return {view.pair.id: words.pair_name(view) for view in self.pairs} | dict(self.former)

    @property
    def short_names(self) -> dict[str, str]:
        """The same without the services, where that still tells the pairs apart."""
        return words.short_names(self.pairs) | dict(self.former)

    @property
    def going(self) -> tuple[Progress, ...]:
        """The runs that are under way or wait for their turn, the oldest first."""
        return self.status.syncing

    def with_progress(self, progress: Progress) -> Snapshot:
        """The same a little later: one run is further on."""
        rest = [one for one in self.status.syncing if one.pair_id != progress.pair_id]
        syncing = tuple(sorted([*rest, progress], key=lambda one: one.run_id))
        pairs = tuple(
            replace(view, progress=progress) if view.pair.id == progress.pair_id else view for view in self.pairs
        )
        return replace(self, status=replace(self.status, syncing=syncing), pairs=pairs)

    @property
    def is_demo(self) -> bool:
        """Whether this is the demo's profile."""
        return self.status.profile == "demo"


class Feed(QObject):
    """Keeps the latest `Snapshot`.

    Args:
        bridge: the way to the core.
        tasks: runs the readings and shows what fails.
        now: the clock, for where today began.
        parent: the Qt owner.
    """

    changed = Signal(object)
    """A new `Snapshot`."""
    progressed = Signal(object)
    """The latest `Snapshot`, in which nothing but the progress of a run is new. Nothing was read for it."""
    announced = Signal(object)
    """A `Notice`, as it came."""

    def __init__(
        self, bridge: CoreThread, tasks: TaskRunner, now: Callable[[], datetime], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._now = now
        self._bridge = bridge
        self._tasks = tasks
        self.latest: Snapshot | None = None
        self._gathering = QTimer(self)
        self._gathering.setSingleShot(True)
        self._gathering.setInterval(_GATHER_MS)
        self._gathering.timeout.connect(self._read_soon)
        bridge.notice.connect(self._noticed)

    def forget(self) -> None:
        """The core is being stopped or switched: what was shown is no longer true."""
        self._gathering.stop()
        self.latest = None

    async def read(self) -> Snapshot:
        """Read now and tell everyone.

        Raises:
            KalendsError: the core could not answer.
        """
        midnight, _end = time_words.days(0, 0, self._now())
        snapshot = await self._bridge.call(partial(_read, midnight))
        self.latest = snapshot
        self.changed.emit(snapshot)
        return snapshot

    def _noticed(self, notice: Notice) -> None:
        self.announced.emit(notice)
        progress = notice.data.get("progress")
        if notice.topic is Topic.RUN_PROGRESS and isinstance(progress, Progress):
            self._progress(progress)
            return
        if not self._gathering.isActive():
            self._gathering.start()

    def _progress(self, progress: Progress) -> None:
        if self.latest is not None:
            self.latest = self.latest.with_progress(progress)
            self.progressed.emit(self.latest)

    def _read_soon(self) -> None:
        if self.latest is not None:
            self._tasks.spawn(self.read)


def _read(midnight: datetime, core: Core) -> Snapshot:
    runs = core.history.runs(page=1, per_page=LATEST_RUNS).runs
    accounts, connections = core.connections.accounts(), core.connections.list()
    former = {pair_id: words.former_name(*ends) for pair_id, ends in core.pairs.former().items()}
    status, pairs = core.status.overall(), core.pairs.list()
    recent = {view.pair.id: core.history.recent(view.pair.id, RECENT_RUNS) for view in pairs}
    today = core.history.written_since(midnight)
    return Snapshot(status, pairs, accounts, connections, runs, former, recent, today)
