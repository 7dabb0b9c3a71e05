"""Offers once to start with the computer, after the first good sync; what the person answers is not asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.domain.autostart import Autostart, AutostartState
from app.ui.bridge import CoreThread
from app.ui.feed import Snapshot
from app.ui.memory import WindowMemory
from app.ui.overview_page import OverviewPage
from app.ui.settings_page import switch_autostart
from app.ui.tasks import TaskRunner

if TYPE_CHECKING:
    from app.services.core import Core


class StartOffer(QObject):
    """The offer.

    Args:
        overview: the page it stands on.
        bridge: the way to the core.
        memory: knows whether it was made.
        tasks: runs the questions and shows what fails.
    """

    def __init__(self, overview: OverviewPage, bridge: CoreThread, memory: WindowMemory, tasks: TaskRunner) -> None:
        super().__init__(tasks)
        self._overview = overview
        self._bridge = bridge
        self._memory = memory
        self._tasks = tasks
        self._considered = False
        overview.start_answered.connect(self._answered)

    def consider(self, snapshot: Snapshot) -> None:
        """Offer it if there was a good sync of real calendars, Kalends does not start yet, and nobody was asked."""
        if snapshot.is_demo:
            self._considered = False
            self._overview.offer_start(False)
        elif not self._considered and not self._memory.asked_to_start and _has_synced(snapshot):
            self._considered = True
            self._tasks.spawn(self._look, key="start offer")

    async def _look(self) -> None:
        def ask(core: Core) -> Autostart | None:
            return core.autostart.get() if core.autostart is not None else None

        found: Autostart | None = await self._bridge.call(ask)
        self._overview.offer_start(found is not None and found.state is AutostartState.OFF)

    def _answered(self, start: bool) -> None:
        if not start:
            self._done()
            return

        async def work() -> None:
            await self._bridge.call(lambda core: switch_autostart(core, True))
            self._done()

        self._tasks.spawn(work, key="start answer")

    def _done(self) -> None:
        self._memory.asked_to_start = True
        self._overview.offer_start(False)


def _has_synced(snapshot: Snapshot) -> bool:
    return any(view.pair.last_synced_at is not None for view in snapshot.pairs)
