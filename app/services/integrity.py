"""Whether the database is still what was written: proved once a week, and doubted when a run met damage.

What is found is noted beside the database. Runs wait then, since an index that misses a row could double a copy, and
the next start puts a good backup in place. Repairs nothing in a database that is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from app.domain.errors import NotFoundError, StorageError
from app.domain.notices import Notice, Topic
from app.domain.ports import Clock
from app.services.notices import Notices
from app.services.views import Problem
from app.store.store import Store

EVERY = timedelta(days=7)
DAMAGED = "database_damaged"
RESTORED = "database_restored"
TOLD_FOR = timedelta(days=3)
"""For so long after it a person is told that another database was put in place."""
_CORRUPT = "database_corrupt"
_PROVED_AT = "proved_at"

_log = structlog.get_logger(__name__)


class Integrity:
    """Proves the database, and remembers what is wrong with it.

    Args:
        is_idle: whether no run is under way. One that is plans by what it has read: rows that went meanwhile would be
            taken for events that are not there.
    """

    def __init__(
        self, store: Store, notices: Notices, clock: Clock, is_idle: Callable[[], bool] = lambda: True
    ) -> None:
        self._store = store
        self._is_idle = is_idle
        self._clock = clock
        self._damaged = store.damage_is_noted()
        self._restored = store.state.restored()
        notices.listen(self._heard)

    def problem(self) -> Problem | None:
        """Why nothing may be written any more, None where all is well."""
        if not self._damaged:
            return None
        sentence = "The database is damaged. Quit Kalends and start it again: it puts the newest good backup in place."
        return Problem(DAMAGED, sentence)

    def told(self) -> Problem | None:
        """What was put in the place of the database, for some days after it."""
        if self._restored is None or abs(self._clock.now() - self._restored.at) >= TOLD_FOR:
            return None
        return Problem(RESTORED, self._restored.sentence)

    async def keep_up(self) -> None:
        """Prove the database where that is due, in a thread of its own."""
        now = self._clock.now()
        kept = self._store.state.get(_PROVED_AT)
        # A moment that lies ahead was noted by a clock that was wrong.
        if self._damaged or (kept is not None and timedelta() <= now - datetime.fromisoformat(kept) < EVERY):
            return
        findings = await asyncio.to_thread(self._store.prove)
        if findings:
            self._doubt(findings)
            return
        useless = await asyncio.to_thread(self._store.prove_cache)
        if useless is not None:
            # Nothing in it is worth a question: the calendars tell it again.
            if not self._is_idle():
                _log.warning("cache.useless_while_in_use", reason=useless)
                return
            self._store.drop_cache(useless)
        self._store.state.put(_PROVED_AT, now.isoformat())
        _log.info("database.proved")

    def _heard(self, notice: Notice) -> None:
        if notice.topic is not Topic.RUN_FINISHED or notice.run_id is None or self._damaged:
            return
        try:
            run = self._store.runs.get(notice.run_id)
        except (NotFoundError, StorageError) as error:
            if error.code == _CORRUPT:
                self._doubt([error.message])
            return
        if any(error.code == _CORRUPT for error in run.errors):
            self._doubt([error.message for error in run.errors if error.code == _CORRUPT])

    def _doubt(self, findings: list[str]) -> None:
        self._damaged = True
        _log.error("database.damaged", findings=findings)
        try:
            self._store.note_damage(findings)
        except StorageError as error:
            _log.error("database.damage_not_noted", error=error.code)
