"""The one way a sync is asked for: tray, window, API, CLI and schedule all call `Sync.request`.

A pair that is queued or running answers with that run, which then reads once more, so that whoever asked is covered.
One run of a pair at a time; several pairs side by side. What a run does is the engine's work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.domain.accounts import AccountStatus
from app.domain.errors import (
    AuthExpiredError,
    ConflictError,
    KalendsError,
    OfflineError,
    ThrottledError,
    VaultError,
)
from app.domain.links import DirectionRecord
from app.domain.notices import Notice, Topic
from app.domain.pairs import PairStatus, SyncPair
from app.domain.ports import Clock, Expander, Ledger, Stamps
from app.domain.runs import ActionRecord, Counts, Run, RunError, RunStatus, Trigger
from app.engine.commands import take_copies_away
from app.engine.run import DirectionResult, DirectionRun, Tools
from app.engine.writer import Writer
from app.services.clients import Clients
from app.services.notices import Notices
from app.services.pulls import Pulls
from app.services.views import EVERYTHING, RunView, Viewer
from app.services.visibility import Visibility
from app.store.accounts import AccountRepository
from app.store.pairs import PairRepository
from app.store.runs import RunRepository

RUNS_AT_ONCE = 4
STOP_SECONDS = 5.0
ROUNDS_AT_MOST = 5
"""A run that is joined again and again reads so often at most; later askers get a run of their own."""

_UNASKED = (Trigger.SCHEDULED, Trigger.STARTUP, Trigger.RESUME, Trigger.PUSH)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Job:
    """A run that is queued or under way."""

    run: Run
    full: bool = False
    again: bool = False
    rounds: int = 0
    running: bool = False
    stop: bool = False
    actions: list[ActionRecord] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Names:
    """Ids for what the engine opens."""

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self._new_id = new_id

    def hold(self) -> str:
        """An id for a hold."""
        return self._new_id("hold")


class Sync:
    """Queues, runs and joins runs of pairs."""

    def __init__(
        self,
        *,
        pairs: PairRepository,
        accounts: AccountRepository,
        runs: RunRepository,
        ledger: Ledger,
        clients: Clients,
        visibility: Visibility,
        notices: Notices,
        clock: Clock,
        stamps: Stamps,
        expander: Expander,
        new_id: Callable[[str], str],
    ) -> None:
        self._pairs = pairs
        self._accounts = accounts
        self._runs = runs
        self._ledger = ledger
        self._clients = clients
        self._visibility = visibility
        self._notices = notices
        self._clock = clock
        self._stamps = stamps
        self._expander = expander
        self._new_id = new_id
        self._pulls = Pulls(clients, ledger, accounts, pairs, clock)
        self._jobs: dict[str, _Job] = {}
        self._by_run: dict[str, _Job] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._slots = asyncio.Semaphore(RUNS_AT_ONCE)
        self._stopping = False
        self._not_before: dict[str, datetime] = {}

    # -- asking ----------------------------------------------------------------------------------------------------

    def request(
        self,
        pair_id: str,
        trigger: Trigger,
        *,
        dry: bool = False,
        full: bool = False,
        viewer: Viewer = EVERYTHING,
    ) -> Run:
        """Ask for a run; joins one that is queued or under way.

        Args:
            dry: plan only, write nothing; works on paused pairs and joins nothing.
            full: read both calendars whole, and diff.

        Raises:
            NotFoundError: no such pair.
            ConflictError: `pair_paused`.
            KalendsError: `unavailable` while the app stops.
        """
        if self._stopping:
            raise KalendsError("Kalends is stopping.", code="unavailable")
        pair = self._visibility.require_pair(pair_id, viewer)
        if dry:
            return self._start(pair, trigger, dry=True, full=full).run
        if pair.status is PairStatus.PAUSED:
            raise ConflictError("This sync pair is paused.", code="pair_paused", fix="Resume it, or ask for a dry run.")
        job = self._jobs.get(pair_id)
        if job is not None and job.rounds < ROUNDS_AT_MOST:
            job.again = job.again or job.running
            job.full = job.full or full
            return job.run
        return self._start(pair, trigger, dry=False, full=full).run

    def request_all(self, trigger: Trigger, *, full: bool = False, viewer: Viewer = EVERYTHING) -> tuple[Run, ...]:
        """Ask for a run of every active pair."""
        active = [pair for pair in self._pairs.list(PairStatus.ACTIVE) if self._visibility.sees_pair(pair, viewer)]
        return tuple(self.request(pair.id, trigger, full=full, viewer=viewer) for pair in active)

    async def wait(self, run_id: str, timeout_seconds: float) -> RunView:
        """The run as it is at its end, or when time is up. Raises NotFoundError."""
        job = self._by_run.get(run_id)
        if job is not None and timeout_seconds > 0:
            try:
                await asyncio.wait_for(job.done.wait(), timeout_seconds)
            except TimeoutError:
                _log.debug("run.wait_over", run_id=run_id)
        return RunView(self._runs.get(run_id), tuple(self._runs.actions(run_id)))

    def job_state(self, pair_id: str) -> RunStatus | None:
        """QUEUED or RUNNING while a run of a pair is, else None."""
        job = self._jobs.get(pair_id)
        if job is None:
            return None
        return RunStatus.RUNNING if job.running else RunStatus.QUEUED

    def waits_until(self, pair_id: str) -> datetime | None:
        """Until when a service asked a pair to wait, None if it did not or the time is over."""
        until = self._not_before.get(pair_id)
        return until if until is not None and until > self._clock.now() else None

    async def settle(self, pair_id: str) -> None:
        """Let the run of a pair end early, and wait until no write of it is under way."""
        for job in [job for job in self._by_run.values() if job.run.pair_id == pair_id]:
            job.stop = True
            job.again = False
            await job.done.wait()

    async def take_away(self, pair: SyncPair, directions: tuple[DirectionRecord, ...], *, release: bool) -> Run:
        """Remove or release the copies of directions, as a run of its own. Returns it while it goes on."""
        job = self._new_job(pair, Trigger.MANUAL, dry=False, full=False)
        job.task = asyncio.create_task(self._guarded(job, self._take_away(job, directions, release=release)))
        return job.run

    async def stop(self) -> None:
        """End all runs: no new write starts; after 5 s what is left is cancelled and recorded as interrupted."""
        self._stopping = True
        tasks = [job.task for job in self._by_run.values() if job.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS - 1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # -- working ---------------------------------------------------------------------------------------------------

    def _start(self, pair: SyncPair, trigger: Trigger, *, dry: bool, full: bool) -> _Job:
        job = self._new_job(pair, trigger, dry=dry, full=full)
        if not dry:
            self._jobs[pair.id] = job
        job.task = asyncio.create_task(self._guarded(job, self._work(job)))
        return job

    def _new_job(self, pair: SyncPair, trigger: Trigger, *, dry: bool, full: bool) -> _Job:
        run = Run(self._new_id("sync_run"), pair.id, trigger, RunStatus.QUEUED, self._clock.now(), dry=dry)
        self._runs.add(run)
        job = _Job(run, full=full)
        self._by_run[run.id] = job
        self._announce(Topic.RUN_QUEUED, run)
        return job

    async def _guarded(self, job: _Job, work: Coroutine[Any, Any, None]) -> None:
        """Whatever happens, the run ends in the history and whoever waits is woken."""
        lock = self._locks.setdefault(job.run.pair_id, asyncio.Lock())
        try:
            async with self._slots, lock:
                await work
        except asyncio.CancelledError:
            work.close()
            self._finish(job, RunStatus.INTERRUPTED, reason="stopped")
            raise
        except Exception:  # noqa: BLE001 - the last border: the run must end in the history, the log has the trace
            _log.exception("run.failed", run_id=job.run.id, pair_id=job.run.pair_id)
            error = RunError("server_error", "Something went wrong inside Kalends; the log has the details.")
            self._finish(job, RunStatus.FAILED, errors=(error,))

    async def _work(self, job: _Job) -> None:
        pair = self._pairs.get(job.run.pair_id)
        if self._halted(job):
            self._finish(job, RunStatus.INTERRUPTED, reason="stopped")
            return
        reason = self._why_skip(job, pair)
        if reason is not None:
            self._finish(job, RunStatus.SKIPPED, reason=reason)
            return
        job.running = True
        job.run = replace(self._runs.start(job.run.id, self._clock.now()))
        self._announce(Topic.RUN_STARTED, job.run)
        counts, errors, failed, asked = Counts(), [], 0, 0
        while True:
            job.again = False
            job.rounds += 1
            since = self._pulls.mark()
            for direction in self._pairs.directions(pair.id):
                result, error = await self._direction(job, direction, since)
                asked += 1
                failed += error is not None
                counts = counts.plus(result.counts)
                errors.extend([*result.errors, *([error] if error is not None else [])])
                job.actions.extend(result.actions)
            if not job.again or self._halted(job):
                break
        self._end(job, counts, errors, all_failed=failed == asked)

    async def _direction(
        self, job: _Job, direction: DirectionRecord, since: int
    ) -> tuple[DirectionResult, RunError | None]:
        """Run one direction on views read after `since`: both directions of a pair share one read of each calendar."""
        side = direction.target.id

        async def pull(connection_id: str) -> None:
            nonlocal side
            side = connection_id
            await self._pulls.pull(connection_id, since, full=job.full)
            side = direction.target.id

        try:
            tools = Tools(
                ledger=self._ledger,
                clock=self._clock,
                stamps=self._stamps,
                names=Names(self._new_id),
                expander=self._expander,
                pull=pull,
                breathe=lambda: asyncio.sleep(0),
                stopping=lambda: self._halted(job),
            )
            run = DirectionRun(
                direction,
                self._clients.reader(direction.source),
                self._clients.calendar(direction.target),
                tools,
                run_id=job.run.id,
                dry=job.run.dry,
            )
            result = await run.run()
        except KalendsError as error:
            self._note_failure(job, side, error)
            return DirectionResult(), RunError(error.code, error.message, side)
        if result.retry_after_seconds:
            self._not_before[job.run.pair_id] = self._clock.now() + timedelta(seconds=result.retry_after_seconds)
        for hold in result.holds:
            self._notices.announce(
                Notice(Topic.HOLD_OPENED, self._clock.now(), pair_id=hold.pair_id, data={"expected": hold.expected})
            )
        return result, None

    async def _take_away(self, job: _Job, directions: tuple[DirectionRecord, ...], *, release: bool) -> None:
        job.running = True
        job.run = self._runs.start(job.run.id, self._clock.now())
        self._announce(Topic.RUN_STARTED, job.run)
        counts, errors, failed = Counts(), [], 0
        for direction in directions:
            client = self._clients.calendar(direction.target)
            writer = Writer(
                direction,
                client,
                self._ledger,
                clock=self._clock,
                stamps=self._stamps,
                run_id=job.run.id,
                stopping=lambda: self._halted(job),
            )
            try:
                written = await take_copies_away(direction, client, self._ledger, writer, self._clock, release=release)
            except KalendsError as error:
                failed += 1
                self._note_failure(job, direction.target.id, error)
                errors.append(RunError(error.code, error.message, direction.target.id))
                continue
            changed = written.counts.updated + written.counts.deleted
            counts = counts.plus(replace(written.counts, processed=changed + written.counts.failed))
            errors.extend(written.errors)
        self._end(job, counts, errors, all_failed=bool(directions) and failed == len(directions))

    def _halted(self, job: _Job) -> bool:
        return self._stopping or job.stop

    def _why_skip(self, job: _Job, pair: SyncPair) -> str | None:
        """A run that no person asked for hammers neither an ended sign-in nor a service that wants to wait."""
        if job.run.trigger not in _UNASKED:
            return None
        for connection_id in (pair.connection_a_id, pair.connection_b_id):
            account = self._accounts.get(self._accounts.connection(connection_id).account_id)
            if account.status is AccountStatus.NEEDS_SIGN_IN:
                return "needs_sign_in"
        return "throttled" if self.waits_until(pair.id) is not None else None

    def _note_failure(self, job: _Job, connection_id: str, error: KalendsError) -> None:
        _log.info("run.side_failed", run_id=job.run.id, connection_id=connection_id, code=error.code)
        if isinstance(error, ThrottledError) and error.retry_after_seconds:
            self._not_before[job.run.pair_id] = self._clock.now() + timedelta(seconds=error.retry_after_seconds)
        status = {AuthExpiredError: AccountStatus.NEEDS_SIGN_IN, VaultError: AccountStatus.VAULT_LOCKED}.get(
            type(error)
        )
        if status is None:
            return
        account = self._accounts.get(self._accounts.connection(connection_id).account_id)
        if account.status is not status:
            self._accounts.update(replace(account, status=status, problem=error.message))
            self._notices.announce(Notice(Topic.ACCOUNT_CHANGED, self._clock.now(), account_id=account.id))

    # -- ending ----------------------------------------------------------------------------------------------------

    def _end(self, job: _Job, counts: Counts, errors: list[RunError], *, all_failed: bool) -> None:
        offline = bool(errors) and all(error.code == OfflineError.code for error in errors)
        if self._halted(job):
            self._finish(job, RunStatus.INTERRUPTED, counts=counts, errors=tuple(errors), reason="stopped")
        elif all_failed and offline and job.run.trigger in _UNASKED:
            self._finish(job, RunStatus.SKIPPED, counts=counts, reason="offline")
        elif all_failed:
            self._finish(job, RunStatus.FAILED, counts=counts, errors=tuple(errors))
        elif errors or counts.failed:
            self._finish(job, RunStatus.PARTIAL, counts=counts, errors=tuple(errors))
        elif counts.held:
            self._finish(job, RunStatus.HELD, counts=counts)
        else:
            self._finish(job, RunStatus.SUCCESS, counts=counts)

    def _finish(
        self,
        job: _Job,
        status: RunStatus,
        *,
        counts: Counts | None = None,
        errors: tuple[RunError, ...] = (),
        reason: str | None = None,
    ) -> None:
        if self._jobs.get(job.run.pair_id) is job:
            del self._jobs[job.run.pair_id]
        self._by_run.pop(job.run.id, None)
        job.run = replace(
            job.run,
            status=status,
            finished_at=self._clock.now(),
            counts=counts or job.run.counts,
            errors=errors,
            reason=reason,
        )
        self._runs.finish(job.run)
        if job.run.dry and job.actions:
            self._ledger.record(job.run.id, job.actions)
        _log.info(
            "run.finished",
            run_id=job.run.id,
            pair_id=job.run.pair_id,
            trigger=job.run.trigger,
            status=status,
            reason=reason,
            duration_ms=job.run.duration_ms,
            created=job.run.counts.created,
            updated=job.run.counts.updated,
            deleted=job.run.counts.deleted,
        )
        job.done.set()
        self._announce(Topic.RUN_FINISHED, job.run)

    def _announce(self, topic: Topic, run: Run) -> None:
        self._notices.announce(
            Notice(topic, self._clock.now(), pair_id=run.pair_id, run_id=run.id, data={"status": str(run.status)})
        )
