"""The menus that tray and window share. A menu is made anew each time it is shown; what is not possible is left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from PySide6.QtWidgets import QMenu

from app.domain.pairs import PairStatus
from app.services.views import PairView
from app.ui import words
from app.ui.commands import Commands


def fill_pause(menu: QMenu, commands: Commands, now: Callable[[], datetime]) -> None:
    """The presets of *Pause*; each names when syncing goes on."""
    menu.clear()
    for text, length in words.PAUSES:
        menu.addAction(text, partial(_pause_for, commands, now, length))
    menu.addAction("Until tomorrow 08:00", lambda: commands.pause_all(words.tomorrow_at_eight(now())))
    menu.addAction("Until I resume", lambda: commands.pause_all(None))


def _pause_for(commands: Commands, now: Callable[[], datetime], length: timedelta) -> None:
    commands.pause_all(now() + length)


def resume_text(pairs: tuple[PairView, ...]) -> str | None:
    """`Resume syncing (paused until 14:30)` when every pair is paused, else None."""
    if not pairs or any(view.pair.status is not PairStatus.PAUSED for view in pairs):
        return None
    untils = [view.pair.paused_until for view in pairs]
    first = min((until for until in untils if until is not None), default=None)
    return "Resume syncing" if first is None else f"Resume syncing (paused until {words.clock(first)})"


def fill_pair(menu: QMenu, view: PairView, commands: Commands, show_activity: Callable[[str], None]) -> None:
    """The commands of one pair."""
    pair_id = view.pair.id
    menu.clear()
    if view.pair.status is PairStatus.PAUSED:
        menu.addAction("Resume", lambda: commands.resume_pair(pair_id))
    else:
        menu.addAction("Sync now", lambda: commands.sync_pair(pair_id))
        menu.addAction("Pause", lambda: commands.pause_pair(pair_id))
    menu.addSeparator()
    menu.addAction("Show activity", lambda: show_activity(pair_id))
