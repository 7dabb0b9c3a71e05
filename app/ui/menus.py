"""The menus that tray and window share. A menu is made anew each time it is shown; what is not possible is left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from PySide6.QtWidgets import QMenu

from app.domain.pairs import PairStatus
from app.services.views import PairView
from app.ui import time_words
from app.ui.commands import Commands


class PairWish(StrEnum):
    """What a menu of a pair can ask for that opens something."""

    ACTIVITY = "activity"
    EDIT = "edit"
    PREVIEW = "preview"
    WHY = "why"
    DUPLICATE = "duplicate"
    COPY_ID = "copy_id"
    COPY_CURL = "copy_curl"
    PAUSE_UNTIL = "pause_until"
    DELETE = "delete"


Wished = Callable[[PairWish, str], object]
"""Opens what was wished for, for the pair of this id."""


def fill_pause(
    menu: QMenu,
    pause: Callable[[datetime | None], object],
    now: Callable[[], datetime],
    ask: Callable[[], object] | None = None,
) -> None:
    """The presets of *Pause*; each names when syncing goes on.

    Args:
        menu: emptied first.
        pause: pauses until a moment, or until resumed.
        now: the clock.
        ask: lets the person choose another moment, where there is a window for it.
    """
    menu.clear()
    for text, length in time_words.PAUSES:
        menu.addAction(text, partial(_pause_for, pause, now, length))
    menu.addAction("Until tomorrow 08:00", lambda: pause(time_words.tomorrow_at_eight(now())))
    menu.addAction("Until I resume", lambda: pause(None))
    if ask is not None:
        menu.addSeparator()
        menu.addAction("Until…", lambda: ask())


def _pause_for(pause: Callable[[datetime | None], object], now: Callable[[], datetime], length: timedelta) -> None:
    pause(now() + length)


def resume_text(pairs: tuple[PairView, ...]) -> str | None:
    """`Resume syncing (paused until 14:30)` when every pair is paused, else None."""
    if not pairs or any(view.pair.status is not PairStatus.PAUSED for view in pairs):
        return None
    untils = [view.pair.paused_until for view in pairs]
    first = min((until for until in untils if until is not None), default=None)
    return "Resume syncing" if first is None else f"Resume syncing (paused until {time_words.clock(first)})"


def fill_pair(menu: QMenu, view: PairView, commands: Commands, now: Callable[[], datetime], wished: Wished) -> None:
    """The commands of one pair."""
    pair_id = view.pair.id
    menu.clear()
    if view.pair.status is PairStatus.PAUSED:
        menu.addAction("Resume", lambda: commands.resume_pair(pair_id))
    else:
        if view.progress is None:
            menu.addAction("Sync now", lambda: commands.sync_pair(pair_id))
        elif view.progress.stopping:
            menu.addAction("Stopping…").setEnabled(False)
        else:
            menu.addAction("Stop this sync", lambda: commands.stop_pair(pair_id))
        menu.addAction("Check everything again", lambda: commands.sync_pair(pair_id, full=True))
        pause = menu.addMenu("Pause")
        fill_pause(pause, partial(commands.pause_pair, pair_id), now, partial(wished, PairWish.PAUSE_UNTIL, pair_id))
    menu.addSeparator()
    menu.addAction("Preview changes…", lambda: wished(PairWish.PREVIEW, pair_id))
    menu.addAction("Edit…", lambda: wished(PairWish.EDIT, pair_id))
    menu.addAction("Show activity", lambda: wished(PairWish.ACTIVITY, pair_id))
    menu.addAction("Why is an event there, or not?…", lambda: wished(PairWish.WHY, pair_id))
    menu.addSeparator()
    menu.addAction("Duplicate…", lambda: wished(PairWish.DUPLICATE, pair_id))
    menu.addAction("Copy id", lambda: wished(PairWish.COPY_ID, pair_id))
    menu.addAction("Copy as curl", lambda: wished(PairWish.COPY_CURL, pair_id))
    menu.addSeparator()
    menu.addAction("Delete…", lambda: wished(PairWish.DELETE, pair_id))
