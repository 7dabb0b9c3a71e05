"""When pairs run by themselves: at their interval, at start, once after sleep, and when a pause ends.

APScheduler on the core loop; it only ever calls `request`, like everyone else. Catching up after sleep is one run, not
many (`coalesce`); a missed moment is never an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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
LOOK_EVERY_SECONDS = 60.0
OFF_BY = timedelta(minutes=2)
"""A gap between two looks at the clock that is so much off means that the machine slept or the clock was set."""
UPKEEP_FIRST_SECONDS = 120.0
UPKEEP_EVERY = timedelta(hours=1)

_log = structlog.get_logger(__name__)


async def _nothing() -> None:
    """No upkeep."""


class Schedule:
    """Keeps one timer for each active pair. Everything it calls runs on the loop that `start` was called on.

    Args:
        request: asks for a run of a pair by id; the services' one way in.
        resume: resumes a pair whose pause ended.
        request_all: asks for a run of every active pair.
        upkeep: called soon after the start and then every hour; judges itself what is due.
        look_every_seconds, upkeep_first_seconds: how often the clock is looked at, and the first upkeep's delay.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        request: Callable[[str, Trigger], object],
        resume: Callable[[str], Awaitable[object]],
        request_all: Callable[[Trigger], object],
        upkeep: Callable[[], Awaitable[None]] = _nothing,
        look_every_seconds: float = LOOK_EVERY_SECONDS,
        upkeep_first_seconds: float = UPKEEP_FIRST_SECONDS,
    ) -> None:
        self._clock = clock
        self._request = request
        self._resume = resume
        self._request_all = request_all
        self._upkeep = upkeep
        self._look_every_seconds = look_every_seconds
        self._upkeep_first_seconds = upkeep_first_seconds
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._scheduler.add_listener(self._failed, EVENT_JOB_ERROR)
        self._followed: dict[str, SyncPair] = {}
        self._watching: asyncio.Task[None] | None = None
        self._looked_at = clock.now()

    def start(self) -> None:
        """Begin; call on the core loop."""
        self._looked_at = self._clock.now()
        self._scheduler.start()
        self._watching = asyncio.create_task(self._watch(), name="schedule watch")

    def stop(self) -> None:
        """End; no timer fires any more."""
        if self._watching is not None:
            self._watching.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def follow(self, pair: SyncPair) -> None:
        """Set a pair's timer by what the pair is now: its interval, the end of its pause, or none."""
        self.forget(pair.id)
        self._followed[pair.id] = pair
        if pair.status is PairStatus.ACTIVE:
            jitter = round(pair.interval_seconds * JITTER_SHARE)
            self._scheduler.add_job(
                self._run_pair,
                IntervalTrigger(seconds=pair.interval_seconds, jitter=jitter),
                args=(pair.id,),
                id=pair.id,
            )
        elif pair.paused_until is not None:
            self._scheduler.add_job(self._end_pause, DateTrigger(pair.paused_until), args=(pair.id,), id=pair.id)

    def forget(self, pair_id: str) -> None:
        """No timer for this pair."""
        self._followed.pop(pair_id, None)
        try:
            self._scheduler.remove_job(pair_id)
        except JobLookupError:
            _log.debug("schedule.nothing_to_forget", pair_id=pair_id)

    def next_run_at(self, pair_id: str) -> datetime | None:
        """When a pair runs next by itself, None if it does not."""
        job = self._scheduler.get_job(pair_id)
        moment = getattr(job, "next_run_time", None)
        return moment.astimezone(UTC) if isinstance(moment, datetime) else None

    # -- what timers call: coroutine functions, since APScheduler runs any other in a thread of its pool --------------

    async def _run_pair(self, pair_id: str) -> None:
        if not self._woke_up():
            self._request(pair_id, Trigger.SCHEDULED)

    async def _end_pause(self, pair_id: str) -> None:
        # First: a timer that is set anew for the moment it is running in is passed over.
        await self._resume(pair_id)
        self._woke_up()

    def _woke_up(self) -> bool:
        """Whether a timer is the first to see that the machine slept: then all catch up here, with new timers. Else the
        pair would run now, and once more at the next look."""
        now = self._clock.now()
        off = now - self._looked_at - timedelta(seconds=self._look_every_seconds)
        if off <= OFF_BY:
            return False
        self._looked_at = now
        self._catch_up(off)
        return True

    async def _watch(self) -> None:
        """Look at the clock by a timer that does not depend on it, and do the upkeep."""
        upkeep_at = self._looked_at + timedelta(seconds=self._upkeep_first_seconds)
        while True:
            await asyncio.sleep(self._look_every_seconds)
            now = self._clock.now()
            off = now - self._looked_at - timedelta(seconds=self._look_every_seconds)
            self._looked_at = now
            # A timer may have looked in between: by less than a period.
            if abs(off) > OFF_BY:
                upkeep_at = min(upkeep_at, now + UPKEEP_EVERY)
                self._catch_up(off)
            if now >= upkeep_at:
                upkeep_at = now + UPKEEP_EVERY
                await self._keep_up()

    def _catch_up(self, off: timedelta) -> None:
        """The machine slept, which not every system says, or the clock was set: timers set by the old time mean
        nothing any more."""
        _log.info("schedule.clock_jumped", seconds=round(off.total_seconds()))
        for pair in tuple(self._followed.values()):
            self.follow(pair)
        try:
            self._request_all(Trigger.RESUME)
        except Exception:  # noqa: BLE001 - the last border of a timer: the next look must still come
            _log.exception("schedule.catch_up_failed")

    async def _keep_up(self) -> None:
        try:
            await self._upkeep()
        except Exception:  # noqa: BLE001 - the last border of a timer: the next look must still come
            _log.exception("schedule.upkeep_failed")

    @staticmethod
    def _failed(event: JobExecutionEvent) -> None:
        _log.warning("schedule.refused", pair_id=event.job_id, error=str(event.exception))
