"""Runs that wait or go on: their turn, their end, and who waits for it. Knows nothing of what a run does.

Whatever happens to a run, it ends in the history and whoever waits is woken: a fault, a full disk, a cancelled task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import structlog

from app.domain.errors import KalendsError, StorageError
from app.domain.ledger import Ledger
from app.domain.notices import Notice, Topic
from app.domain.pairs import SyncPair
from app.domain.ports import Clock
from app.domain.runs import ActionRecord, Counts, Phase, Run, RunError, RunStatus, Trigger
from app.services.notices import Notices
from app.services.views import Progress, RunView
from app.store.runs import RunRepository

RUNS_AT_ONCE = 4
STOP_SECONDS = 5.0
TELL_EVERY = timedelta(seconds=0.3)
"""Progress is announced so often at most, and at once when a run turns to something else."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Job:
    """A run that is queued or under way.

    Args:
        places: keys of its two calendars: one run at a time between them, whichever pair it belongs to.
        full: read both calendars whole.
        asked: the moment (`pulls.mark`) when it was last asked for before it began: a calendar that was read since is
            not read again for its first round.
        command: what the user asked for (`release`, `remove`, `undo`, `restore` or `duplicates`), None for a sync.
        again: somebody joined after the reading began: read once more.
        rounds: how often it has read.
        stop: no further write may start.
        stop_reason: why it was stopped, a stable code.
        progress: how far it is; kept here only, no disk is troubled for it.
    """

    run: Run
    places: frozenset[str]
    full: bool = False
    asked: int = 0
    command: str | None = None
    again: bool = False
    rounds: int = 0
    running: bool = False
    stop: bool = False
    stop_reason: str = "stopped"
    progress: Progress | None = None
    told_at: datetime | None = None
    actions: list[ActionRecord] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    status: RunStatus
    counts: Counts | None = None
    errors: tuple[RunError, ...] = ()
    reason: str | None = None


Work = Callable[[Job], Awaitable[Ending]]


class Jobs:
    """Gives runs their turn: one at a time between two calendars, a few side by side."""

    def __init__(
        self,
        runs: RunRepository,
        ledger: Ledger,
        notices: Notices,
        clock: Clock,
        new_id: Callable[[str], str],
        when_written: Callable[[], object] = lambda: None,
    ) -> None:
        """Bind.

        Args:
            when_written: called at the end of each run that wrote; may raise StorageError.
        """
        self._when_written = when_written
        self._runs = runs
        self._ledger = ledger
        self._notices = notices
        self._clock = clock
        self._new_id = new_id
        self._by_run: dict[str, Job] = {}
        self._unrecorded: dict[str, Run] = {}
        self._locks: WeakValueDictionary[frozenset[str], asyncio.Lock] = WeakValueDictionary()
        self._slots = asyncio.Semaphore(RUNS_AT_ONCE)
        self.stopping = False

    # -- looking -----------------------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether no run is queued or under way, dry ones included."""
        return not self._by_run

    def of_pair(self, pair_id: str) -> Job | None:
        """The newest run of a pair that is queued or under way, dry ones apart."""
        mine = (job for job in reversed(self._by_run.values()) if job.run.pair_id == pair_id and not job.run.dry)
        return next(mine, None)

    async def wait(self, run_id: str, timeout_seconds: float) -> RunView:
        """The run as it is at its end, or when time is up. Raises NotFoundError."""
        job = self._by_run.get(run_id)
        if job is not None and timeout_seconds > 0:
            try:
                await asyncio.wait_for(job.done.wait(), timeout_seconds)
            except TimeoutError:
                _log.debug("run.wait_over", run_id=run_id)
        return RunView(self._unrecorded.get(run_id) or self._runs.get(run_id), tuple(self._runs.actions(run_id)))

    def halted(self, job: Job) -> bool:
        """Whether no further write of a run may start."""
        return self.stopping or job.stop

    def progress(self, pair_id: str) -> Progress | None:
        """How far the newest run of a pair is, None while there is none."""
        job = self.of_pair(pair_id)
        return None if job is None else _progress(job)

    def tell(self, job: Job, phase: Phase, done: int, total: int) -> None:
        """A run tells how far it is. Announced now and then: whoever reads the state sees the newest at any time."""
        turned = job.progress is None or job.progress.phase is not phase
        job.progress = replace(_progress(job), phase=phase, done=done, total=total)
        now = self._clock.now()
        if turned or job.told_at is None or abs(now - job.told_at) >= TELL_EVERY:
            self._announce_progress(job, now)

    # -- starting and stopping -----------------------------------------------------------------------------------------

    def start(
        self,
        pair: SyncPair,
        places: frozenset[str],
        trigger: Trigger,
        work: Work,
        *,
        dry: bool = False,
        full: bool = False,
        command: str | None = None,
    ) -> Job:
        """Queue a run.

        Raises:
            KalendsError: `unavailable` while the app stops.
            StorageError: it cannot be recorded; then there is no run.
        """
        if self.stopping:
            raise KalendsError("Kalends is stopping.", code="unavailable")
        self._record_late()
        run = Run(self._new_id("sync_run"), pair.id, trigger, RunStatus.QUEUED, self._clock.now(), dry=dry)
        self._runs.add(run)
        job = Job(run, places, full=full, command=command)
        self._by_run[run.id] = job
        job.task = asyncio.create_task(self._carry_out(job, work), name=run.id)
        # A task that is cancelled before its first step never gets to its own clean-up.
        job.task.add_done_callback(lambda _: self._finish(job, self.stopped(job)))
        self.announce(Topic.RUN_QUEUED, run)
        return job

    def begin(self, job: Job) -> None:
        """A run that got its turn begins."""
        job.run = self._runs.start(job.run.id, self._clock.now())
        self.announce(Topic.RUN_STARTED, job.run)

    async def settle(self, pair_id: str, *, dry: bool = False) -> None:
        """Let the runs of a pair end early, and wait until no write of them is under way.

        Args:
            dry: dry runs too.
        """
        ending = [job for job in self._by_run.values() if job.run.pair_id == pair_id and (dry or not job.run.dry)]
        for job in ending:
            job.stop = True
            if not job.running and job.task is not None:
                job.task.cancel()
        for job in ending:
            await job.done.wait()

    def interrupt(self, pair_id: str, reason: str) -> Run | None:
        """Let the run of a pair end after what it has begun; returns at once, with the run, None where there is none.

        Args:
            reason: stable code of why, kept with the run.
        """
        job = self.of_pair(pair_id)
        if job is None:
            return None
        if not job.stop:
            job.stop, job.stop_reason = True, reason
            if not job.running and job.task is not None:
                job.task.cancel()
            else:
                self._announce_progress(job, self._clock.now())
        return job.run

    async def stop(self) -> None:
        """End all runs: no new write starts; after 5 s what is left is cancelled and recorded as interrupted."""
        self.stopping = True
        tasks = [job.task for job in self._by_run.values() if job.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS - 1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._record_late()

    def stopped(self, job: Job, counts: Counts | None = None, errors: tuple[RunError, ...] = ()) -> Ending:
        """The end of a run that was not let finish."""
        reason = "stopped" if self.stopping else job.stop_reason
        return Ending(RunStatus.INTERRUPTED, counts, errors, reason=reason)

    # -- working and ending --------------------------------------------------------------------------------------------

    async def _carry_out(self, job: Job, work: Work) -> None:
        # Kept in a variable: the dictionary holds it only while somebody does.
        lock = self._locks.setdefault(job.places, asyncio.Lock())
        try:
            # The turn first: runs of one pair that wait for each other must not keep others from running.
            async with lock, self._slots:
                job.running = True
                self._finish(job, self.stopped(job) if self.halted(job) else await work(job))
        except KalendsError as error:
            _log.warning("run.failed", run_id=job.run.id, pair_id=job.run.pair_id, error=error.code)
            self._finish(job, Ending(RunStatus.FAILED, errors=(RunError(error.code, error.message),)))
        except Exception:  # noqa: BLE001 - the last border: the run must end in the history, the log has the trace
            _log.exception("run.failed", run_id=job.run.id, pair_id=job.run.pair_id)
            error_shown = RunError("server_error", "Something went wrong inside Kalends; the log has the details.")
            self._finish(job, Ending(RunStatus.FAILED, errors=(error_shown,)))

    def _finish(self, job: Job, ending: Ending) -> None:
        """End a run, once. A join is possible until here, and between the last look at `again` and here is no await."""
        if self._by_run.pop(job.run.id, None) is None:
            return
        job.run = replace(
            job.run,
            status=ending.status,
            finished_at=self._clock.now(),
            counts=ending.counts or job.run.counts,
            errors=ending.errors,
            reason=ending.reason,
        )
        try:
            self._record(job)
        finally:
            job.done.set()
        _log.info(
            "run.finished",
            run_id=job.run.id,
            pair_id=job.run.pair_id,
            trigger=job.run.trigger,
            status=ending.status,
            reason=ending.reason,
            duration_ms=job.run.duration_ms,
            created=job.run.counts.created,
            updated=job.run.counts.updated,
            deleted=job.run.counts.deleted,
        )
        self.announce(Topic.RUN_FINISHED, job.run)

    def _record(self, job: Job) -> None:
        try:
            self._runs.finish(job.run)
            if job.run.dry and job.actions:
                self._ledger.record(job.run.id, job.actions)
        except StorageError as error:
            _log.error("run.not_recorded", run_id=job.run.id, error=error.code)
            self._unrecorded[job.run.id] = job.run
        try:
            if self._runs.wrote(job.run.id):
                self._when_written()
        except StorageError as error:
            # The run is over all the same. The next one that writes, backup or start counts in its place.
            _log.error("run.not_counted", run_id=job.run.id, error=error.code, fix=error.fix)

    def _record_late(self) -> None:
        """Record the ends that a full disk kept from being recorded."""
        for run in tuple(self._unrecorded.values()):
            try:
                self._runs.finish(run)
            except StorageError as error:
                _log.error("run.not_recorded", run_id=run.id, error=error.code)
                return
            del self._unrecorded[run.id]

    def _announce_progress(self, job: Job, now: datetime) -> None:
        job.told_at = now
        data = {"progress": _progress(job)}
        self._notices.announce(Notice(Topic.RUN_PROGRESS, now, pair_id=job.run.pair_id, run_id=job.run.id, data=data))

    def announce(self, topic: Topic, run: Run) -> None:
        """Tell listeners about a run."""
        self._notices.announce(
            Notice(topic, self._clock.now(), pair_id=run.pair_id, run_id=run.id, data={"status": str(run.status)})
        )


def _progress(job: Job) -> Progress:
    known = job.progress or Progress(job.run.pair_id, job.run.id, command=job.command)
    return replace(known, stopping=job.stop)
