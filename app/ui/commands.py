"""What a person can ask for, once for tray and window alike: each command is one call of a service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.domain.pairs import PairStatus
from app.domain.runs import Trigger
from app.services.views import EVERYTHING, PairChange
from app.ui.bridge import CoreThread
from app.ui.feed import Feed
from app.ui.tasks import TaskRunner

if TYPE_CHECKING:
    from app.services.core import Core


class Commands(QObject):
    """The commands. Each starts a task and returns at once; errors are shown by the task runner.

    Args:
        bridge: the way to the core.
        feed: read again after a command, so that its effect is seen.
        tasks: runs the commands.
    """

    def __init__(self, bridge: CoreThread, feed: Feed, tasks: TaskRunner) -> None:
        super().__init__(tasks)
        self._bridge = bridge
        self._feed = feed
        self._tasks = tasks

    def sync_all(self) -> None:
        """Sync every active pair now; a run under way is joined."""
        self._do("sync", lambda core: core.sync.request_all(Trigger.MANUAL))

    def sync_pair(self, pair_id: str, *, full: bool = False) -> None:
        """Sync one pair now, `full` by reading both calendars whole; a run under way is joined."""
        self._do(f"sync {pair_id}", lambda core: core.sync.request(pair_id, Trigger.MANUAL, full=full))

    def stop_pair(self, pair_id: str) -> None:
        """Stop the run of one pair after what it has begun; the next one finishes its work."""
        self._do(f"stop {pair_id}", lambda core: core.sync.interrupt(pair_id))

    def pause_all(self, until: datetime | None) -> None:
        """Pause every pair, until a moment or until resumed."""
        self._do("pause", lambda core: core.pairs.pause_all(EVERYTHING, until=until))

    def resume_all(self) -> None:
        """Resume every paused pair."""
        self._do("pause", lambda core: core.pairs.resume_all(EVERYTHING))

    def pause_pair(self, pair_id: str, until: datetime | None = None) -> None:
        """Pause one pair, until a moment or until resumed."""
        change = PairChange(status=PairStatus.PAUSED, paused_until=until)
        self._do(f"pause {pair_id}", lambda core: core.pairs.update(pair_id, change))

    def resume_pair(self, pair_id: str) -> None:
        """Resume one pair."""
        change = PairChange(status=PairStatus.ACTIVE)
        self._do(f"pause {pair_id}", lambda core: core.pairs.update(pair_id, change))

    def test_account(self, account_id: str) -> None:
        """Ask the account's service for its calendars: opens a locked password store, or says what is wrong."""
        self._do(f"test {account_id}", lambda core: core.connections.test(account_id))

    def _do(self, key: str, ask: Callable[[Core], object]) -> None:
        async def work() -> None:
            await self._bridge.call(ask)
            await self._feed.read()

        self._tasks.spawn(work, key=key)
