"""When Python looks for garbage: never through everything while calendars are being synced.

The collector holds the interpreter while it looks, so the windows stand still: about half a millisecond for a thousand
objects. What lives as long as the app is set aside once it has started; what a run works on (75,000 objects in a first
sync of 2,000 events) is looked through after it, when nearly all of it is gone by itself.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

if TYPE_CHECKING:
    # For types only: at run time the core's modules are imported on its own thread, after the first window is up.
    from app.services.core import CoreHandle
    from app.ui.bridge import StartCore
    from app.ui.feed import Feed

YOUNG, MIDDLE = 700, 10
"""Python's own rule for what is young: looked through after so many new objects, and so often before what is older."""
DUE = 10
"""After so many looks at what is of middle age everything is due, as in Python's own rule; here it waits for a quiet
moment."""
OVERDUE = 300
"""And after so many it waits no longer: where runs follow each other without end, garbage must not grow without end."""
_QUIET_MS = 1_000
"""First the end of a run is drawn."""


def settled(start_core: StartCore) -> StartCore:
    """Starts the core, and at the first time takes what there is by then out of the sight of Python's collector.

    It would look through that at each run, a tenth of a second for the modules, windows and services, all of which live
    as long as the app. Set aside, what is left to look through is what a run works on. Not again after a change of
    profile, or what the first one left would stay as well.
    """

    async def start(profile: str) -> CoreHandle:
        handle = await start_core(profile)
        if not gc.get_freeze_count():
            gc.freeze()
            # Before a look through everything Python also wants a quarter as many new objects as there were at the last
            # one: what is set aside must count for nothing there, or garbage would grow with the size of the app.
            gc.collect()
            gc.set_threshold(YOUNG, MIDDLE, OVERDUE)
        return handle

    return start


class QuietCollector(QObject):
    """Looks for garbage in everything once no run is under way, on the GUI thread: Qt's objects must end there.

    It has no pulse of its own: it looks whether that is due when the state of the app was read anew, and when `look`
    is called. An idle window stays asleep.

    Args:
        feed: tells what is under way.
        parent: the Qt owner.
        collect: looks through everything.
    """

    def __init__(self, feed: Feed, parent: QObject, collect: Callable[[], int] = gc.collect) -> None:
        super().__init__(parent)
        self._feed = feed
        self._collect = collect
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._collect_if_quiet)
        feed.changed.connect(self.look)

    def look(self) -> None:
        """Look whether it is due, and do it soon."""
        if self._is_due and not self.is_waiting:
            self._quiet.start()

    @property
    def is_waiting(self) -> bool:
        """Whether it will be done in a moment, if it is still quiet then."""
        return self._quiet.isActive()

    @property
    def _is_due(self) -> bool:
        latest = self._feed.latest
        return latest is not None and not latest.going and gc.get_count()[2] >= DUE

    def _collect_if_quiet(self) -> None:
        if self._is_due:
            self._collect()
