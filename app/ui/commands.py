"""What a person can ask for, once for tray and window alike: each command is one call of a service."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.domain.errors import NotFoundError
from app.domain.pairs import PairStatus
from app.domain.runs import Trigger
from app.services.views import EVERYTHING, PairChange, PairView
from app.ui import time_words
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

    done = Signal(str, object)
    """What was done, in a sentence, and a function that takes it back, or None."""

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
        active = [view.pair.id for view in self._pairs() if view.pair.status is PairStatus.ACTIVE]
        back = {pair_id: PairChange.resume() for pair_id in active}
        self._do(
            "pause",
            lambda core: core.pairs.pause_all(EVERYTHING, until=until),
            f"All sync pairs are paused{_until(until)}.",
            back,
        )

    def resume_all(self) -> None:
        """Resume every paused pair."""
        back = {view.pair.id: _as_paused(view) for view in self._pairs() if view.pair.status is PairStatus.PAUSED}
        self._do("pause", lambda core: core.pairs.resume_all(EVERYTHING), "All sync pairs are resumed.", back)

    def pause_pair(self, pair_id: str, until: datetime | None = None) -> None:
        """Pause one pair, until a moment or until resumed."""
        change = PairChange(status=PairStatus.PAUSED, paused_until=until)
        said = f"{self._name(pair_id)} is paused{_until(until)}."
        was = [view for view in self._pairs() if view.pair.id == pair_id]
        # Paused already, till another moment perhaps: then that is what it goes back to.
        back = _as_paused(was[0]) if was and was[0].pair.status is PairStatus.PAUSED else PairChange.resume()
        self._do(f"pause {pair_id}", lambda core: core.pairs.update(pair_id, change), said, {pair_id: back})

    def resume_pair(self, pair_id: str) -> None:
        """Resume one pair."""
        back = {view.pair.id: _as_paused(view) for view in self._pairs() if view.pair.id == pair_id}
        said = f"{self._name(pair_id)} is resumed."
        self._do(f"pause {pair_id}", lambda core: core.pairs.update(pair_id, PairChange.resume()), said, back)

    def test_account(self, account_id: str) -> None:
        """Ask the account's service for its calendars: opens a locked password store, or says what is wrong."""
        self._do(f"test {account_id}", lambda core: core.connections.test(account_id))

    def _do(
        self,
        key: str,
        ask: Callable[[Core], object],
        said: str = "",
        back: Mapping[str, PairChange] | None = None,
    ) -> None:
        """Do something.

        Args:
            key: while the same is being done, it is not done twice.
            ask: the call.
            said: what was done, in a sentence; empty where the window shows it anyway.
            back: the changes of pairs that take it back.
        """

        async def work() -> None:
            await self._bridge.call(ask)
            if said:
                self.done.emit(said, partial(self._take_back, back) if back else None)
            await self._feed.read()

        self._tasks.spawn(work, key=key)

    def _take_back(self, back: Mapping[str, PairChange]) -> None:
        async def change_all(core: Core) -> bool:
            for pair_id, change in back.items():
                with contextlib.suppress(NotFoundError):  # deleted meanwhile: there is nothing to take back
                    await core.pairs.update(pair_id, change)
            return True

        async def work() -> None:
            changed: bool = await self._bridge.call(change_all)
            if changed:
                await self._feed.read()

        self._tasks.spawn(work, key="take back")

    def _pairs(self) -> tuple[PairView, ...]:
        return self._feed.latest.pairs if self._feed.latest is not None else ()

    def _name(self, pair_id: str) -> str:
        names = self._feed.latest.short_names if self._feed.latest is not None else {}
        return names.get(pair_id, "The sync pair")


def _as_paused(view: PairView) -> PairChange:
    """The change that pauses a pair as it is paused now."""
    pair = view.pair
    return PairChange(status=PairStatus.PAUSED, paused_until=pair.paused_until, pause_reason=pair.pause_reason)


def _until(moment: datetime | None) -> str:
    """` until 14:30`, or nothing where no end was chosen."""
    return "" if moment is None else f" until {time_words.clock(moment)}"
