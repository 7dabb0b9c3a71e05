"""The daily upkeep: a proved backup of the database, and a history that does not grow for ever.

The backup is made by a thread with a connection of its own that only reads (`architecture.md`, "Two loops, one
bridge"): a run goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from app.domain.errors import StorageError
from app.domain.ports import Clock
from app.engine.undo_run import KEPT_FOR
from app.services.views import Problem
from app.store.store import Store

EVERY = timedelta(days=1)
HISTORY_KEPT = timedelta(days=90)
_DONE_AT = "maintained_at"
_FORGOT_AT = "history_forgotten_at"

_log = structlog.get_logger(__name__)


class Maintenance:
    """Does once a day what keeps the database safe and small, however often the app is started."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        standstill: Callable[[], Problem | None] = lambda: None,
        *,
        sure: Callable[[], bool] = lambda: True,
    ) -> None:
        """Bind.

        Args:
            sure: whether the clock is known to be right: until then nothing is forgotten, only backups are made.
            standstill: why nothing may be written: then nothing is forgotten, and no good backup makes way.
        """
        self._store = store
        self._clock = clock
        self._standstill = standstill
        self._sure = sure

    async def keep_up(self) -> None:
        """Do what is due. A backup that cannot be made is logged and tried again the next time."""
        if self._standstill() is not None:
            return
        now = self._clock.now()
        if self._sure() and self._is_due(_FORGOT_AT, now):
            gone = self._store.runs.purge(now - HISTORY_KEPT, undo_before=now - KEPT_FOR)
            self._store.state.put(_FORGOT_AT, now.isoformat())
            _log.info("maintenance.forgotten", runs=gone)
        if not self._is_due(_DONE_AT, now):
            return
        try:
            name = self._store.next_backup()
            if name is not None:
                await asyncio.to_thread(self._store.copy_file, name)
                # The copy is older than the original from now on, should it ever be put in its place.
                self._store.state.begin_epoch()
        except StorageError as error:
            _log.error("maintenance.no_backup", error=error.code, fix=error.fix)
            return
        self._store.state.put(_DONE_AT, now.isoformat())
        _log.info("maintenance.done", backup=name is not None)

    def _is_due(self, key: str, now: datetime) -> bool:
        kept = self._store.state.get(key)
        if kept is None:
            return True
        # A moment that lies ahead was noted by a clock that was wrong.
        return not timedelta() <= now - datetime.fromisoformat(kept) < EVERY
