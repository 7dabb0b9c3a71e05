"""When pairs run by themselves: at their interval, at start, once after sleep, and when a pause ends.

APScheduler on the core loop; it only ever calls `request`, like everyone else. Catching up after sleep is one run, not
many (`coalesce`); a missed moment is never an error.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from app.domain.pairs import PairStatus, SyncPair
from app.domain.ports import Clock
from app.domain.runs import Trigger

JITTER_SHARE = 0.05
WOKE_AFTER = timedelta(minutes=2)
"""A gap between two looks at the clock that much longer than planned means the machine slept."""
_LOOK_EVERY = timedelta(minutes=1)
_WATCH = "watch"

_log = structlog.get_logger(__name__)


class Schedule:
    """Keeps one timer for each active pair.

    Args:
        request: asks for a run of a pair by id; the services' one way in.
        resume: resumes a pair whose pause ended.
        request_all: asks for a run of every active pair.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        request: Callable[[str, Trigger], object],
        resume: Callable[[str], object],
        request_all: Callable[[Trigger], object],
    ) -> None:
        self._clock = clock
        self._request = request
        self._resume = resume
        self._request_all = request_all
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._scheduler.add_listener(self._failed, EVENT_JOB_ERROR)
        self._looked_at: datetime | None = None

    def start(self) -> None:
        """Begin; call on the core loop."""
        self._looked_at = self._clock.now()
        self._scheduler.start()
        self._scheduler.add_job(self._watch, IntervalTrigger(seconds=int(_LOOK_EVERY.total_seconds())), id=_WATCH)

    def stop(self) -> None:
        """End; no timer fires any more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def follow(self, pair: SyncPair) -> None:
        """Set a pair's timer by what the pair is now: its interval, the end of its pause, or none."""
        self.forget(pair.id)
        if pair.status is PairStatus.ACTIVE:
            jitter = round(pair.interval_seconds * JITTER_SHARE)
            self._scheduler.add_job(
                self._request,
                IntervalTrigger(seconds=pair.interval_seconds, jitter=jitter),
                args=(pair.id, Trigger.SCHEDULED),
                id=pair.id,
            )
        elif pair.paused_until is not None:
            self._scheduler.add_job(self._resume, DateTrigger(pair.paused_until), args=(pair.id,), id=pair.id)

    def forget(self, pair_id: str) -> None:
        """No timer for this pair."""
        try:
            self._scheduler.remove_job(pair_id)
        except JobLookupError:
            _log.debug("schedule.nothing_to_forget", pair_id=pair_id)

    def next_run_at(self, pair_id: str) -> datetime | None:
        """When a pair runs next by itself, None if it does not."""
        job = self._scheduler.get_job(pair_id)
        moment = getattr(job, "next_run_time", None)
        return moment.astimezone(UTC) if isinstance(moment, datetime) else None

    def _watch(self) -> None:
        """Notice that the machine slept: by the clock, since not every system says so."""
        now = self._clock.now()
        slept = self._looked_at is not None and now - self._looked_at > _LOOK_EVERY + WOKE_AFTER
        self._looked_at = now
        if slept:
            _log.info("schedule.woke")
            self._request_all(Trigger.RESUME)

    @staticmethod
    def _failed(event: JobExecutionEvent) -> None:
        _log.warning("schedule.refused", pair_id=event.job_id, error=str(event.exception))
