"""The one way a sync is asked for: tray, window, API, CLI and schedule all call `Sync.request`.

A pair that is queued or running answers with that run, which then reads once more, so that whoever asked is covered.
One run of a pair at a time; several pairs side by side (`jobs`). What a run does is said in `work`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime

from app.domain.errors import ConflictError, KalendsError
from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord
from app.domain.pairs import PairStatus, SyncPair
from app.domain.ports import Clock, Expander, Stamps
from app.domain.runs import Run, RunStatus, Trigger
from app.domain.snapshots import Unit
from app.engine.undo_changes import Finding
from app.services.audits import Audits
from app.services.clients import Clients
from app.services.errands import Errands
from app.services.health import Health
from app.services.jobs import Ending, Job, Jobs
from app.services.metered import never_metered
from app.services.notices import Notices
from app.services.pulls import Pulls
from app.services.views import EVERYTHING, Problem, Progress, RunView, Viewer
from app.services.visibility import Visibility
from app.services.work import BeforeWriting, Names, Worker, nothing_before
from app.store.accounts import AccountRepository
from app.store.pairs import PairRepository
from app.store.runs import RunRepository

ROUNDS_AT_MOST = 5
"""A run that is joined again and again reads so often at most; later askers get a run of their own."""

UNDO = "undo"
"""What a run that undoes another does, beside `release` and `remove`."""
RESTORE = "restore"
"""What a run does that brings events back from a snapshot."""
DUPLICATES = "duplicates"
"""What a run does that removes second copies."""
_ONCE = (UNDO, RESTORE, DUPLICATES)
"""Commands about single events: they read nothing anew, and concern no pair as a whole."""
STOPPED_BY_PERSON = "stopped_by_person"
"""Why a run was interrupted that a person stopped."""


class Sync:
    """Asks for runs of pairs, joins them, waits for them, and ends them.

    Args:
        run_clock: the time that runs go by, which may be the services'; all else goes by `clock`.
    """

    def __init__(
        self,
        *,
        pairs: PairRepository,
        accounts: AccountRepository,
        runs: RunRepository,
        ledger: Ledger,
        clients: Clients,
        visibility: Visibility,
        health: Health,
        audits: Audits,
        notices: Notices,
        clock: Clock,
        run_clock: Clock,
        stamps: Stamps,
        expander: Expander,
        new_id: Callable[[str], str],
        standstill: Callable[[], Problem | None] = lambda: None,
        before_writing: BeforeWriting = nothing_before,
        when_written: Callable[[], object] = lambda: None,
        metered: Callable[[], Awaitable[bool]] = never_metered,
    ) -> None:
        """Bind.

        Args:
            standstill: why every run waits, None while they do not.
            when_written: called at the end of each run that wrote.
            metered: whether runs that nobody asked for wait, because the connection is metered.
        """
        self._pairs = pairs
        self._standstill = standstill
        self._accounts = accounts
        self._visibility = visibility
        self._health = health
        self._pulls = Pulls(clients, ledger, accounts, pairs, health, run_clock)
        self._jobs = Jobs(runs, ledger, notices, clock, new_id, when_written)
        self._worker = Worker(
            self._jobs,
            pairs=pairs,
            accounts=accounts,
            ledger=ledger,
            clients=clients,
            pulls=self._pulls,
            health=health,
            audits=audits,
            notices=notices,
            clock=run_clock,
            computer=clock,
            stamps=stamps,
            expander=expander,
            names=Names(new_id),
            standstill=standstill,
            before_writing=before_writing,
            metered=metered,
        )
        self._errands = Errands(self._jobs, ledger=ledger, clients=clients, clock=run_clock, stamps=stamps)

    # -- asking --------------------------------------------------------------------------------------------------------

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
        if self._jobs.stopping:
            raise KalendsError("Kalends is stopping.", code="unavailable")
        pair = self._visibility.require_pair(pair_id, viewer)
        if dry:
            return self._start(pair, trigger, dry=True, full=full)
        if pair.status is PairStatus.PAUSED:
            raise ConflictError("This sync pair is paused.", code="pair_paused", fix="Resume it, or ask for a dry run.")
        job = self._jobs.of_pair(pair_id)
        # Such a run reads nothing anew: whoever asks for a sync meanwhile gets a run of its own after it.
        if job is None or job.stop or job.rounds >= ROUNDS_AT_MOST or job.command in _ONCE:
            return self._start(pair, trigger, dry=False, full=full)
        if job.running:
            job.again = True
        else:
            job.asked = self._pulls.mark()
        job.full = job.full or full
        return job.run

    def request_all(self, trigger: Trigger, *, full: bool = False, viewer: Viewer = EVERYTHING) -> tuple[Run, ...]:
        """Ask for a run of every active pair."""
        active = [pair for pair in self._pairs.list(PairStatus.ACTIVE) if self._visibility.sees_pair(pair, viewer)]
        return tuple(self.request(pair.id, trigger, full=full, viewer=viewer) for pair in active)

    def take_away(
        self,
        pair: SyncPair,
        directions: tuple[DirectionRecord, ...],
        *,
        release: bool,
        when_done: Callable[[], None],
    ) -> Run:
        """Remove or release the copies of directions, as a run of its own. Returns it while it goes on.

        Args:
            when_done: called at its end if every copy is away; not after a failure or a stop.
        """

        self._require_fit()

        async def work(job: Job) -> Ending:
            ending = await self._worker.take_away(job, directions)
            if ending.status is RunStatus.SUCCESS:
                when_done()
            return ending

        command = "release" if release else "remove"
        return self._jobs.start(pair, self._places(pair), Trigger.MANUAL, work, command=command).run

    def undo(self, undone: Run, events: Collection[str] | None) -> Run:
        """Undo an ended run of a pair, paused, deleted or not, as a run of its own. Returns it while it goes on.

        Args:
            events: only these originals, None for all.
        """
        self._require_fit()
        pair = self._pairs.past(undone.pair_id)

        async def work(job: Job) -> Ending:
            return await self._worker.undo(job, undone.id, events)

        return self._jobs.start(pair, self._places(pair), Trigger.UNDO, work, command=UNDO).run

    async def look_at_undo(self, undone: Run, events: Collection[str] | None) -> Sequence[Finding]:
        """What of a run can be undone. Raises a ProviderError where a calendar cannot be read."""
        return await self._worker.look_at_undo(undone, events)

    def restore(self, direction: DirectionRecord, units: Sequence[Unit]) -> Run:
        """Bring events back to the target of a direction, as a run of its pair, paused or not. Returns it while it
        goes on."""
        self._require_fit()
        pair = self._pairs.get(direction.pair_id)

        async def work(job: Job) -> Ending:
            return await self._errands.restore(job, direction, units)

        return self._jobs.start(pair, self._places(pair), Trigger.MANUAL, work, command=RESTORE).run

    def remove_duplicates(self, direction: DirectionRecord, event_ids: Collection[str]) -> Run:
        """Remove these second copies of a direction, as a run of its pair, paused or not. Returns it while it goes
        on."""
        self._require_fit()
        pair = self._pairs.get(direction.pair_id)

        async def work(job: Job) -> Ending:
            return await self._errands.remove_duplicates(job, direction, event_ids)

        return self._jobs.start(pair, self._places(pair), Trigger.MANUAL, work, command=DUPLICATES).run

    async def refresh(self, connection_id: str) -> None:
        """Bring the view of a calendar that a pair uses up to date. Raises ProviderError, VaultError."""
        await self._pulls.pull(connection_id, self._pulls.mark())

    # -- looking and waiting -------------------------------------------------------------------------------------------

    async def wait(self, run_id: str, timeout_seconds: float) -> RunView:
        """The run as it is at its end, or when time is up. Raises NotFoundError."""
        return await self._jobs.wait(run_id, timeout_seconds)

    def job_state(self, pair_id: str) -> RunStatus | None:
        """QUEUED or RUNNING while a run of a pair is, else None."""
        job = self._jobs.of_pair(pair_id)
        if job is None:
            return None
        return RunStatus.RUNNING if job.running else RunStatus.QUEUED

    def progress(self, pair_id: str) -> Progress | None:
        """How far the run of a pair is, None while none is queued or under way."""
        return self._jobs.progress(pair_id)

    @property
    def is_idle(self) -> bool:
        """Whether no run is queued or under way."""
        return self._jobs.is_idle

    @property
    def stopping(self) -> bool:
        """Whether the app stops, and takes no requests any more."""
        return self._jobs.stopping

    def command(self, pair_id: str) -> tuple[str, Run] | None:
        """What is being done to all copies of a pair (`release` or `remove`) and the run that does it, else None."""
        job = self._jobs.of_pair(pair_id)
        return (job.command, job.run) if job is not None and job.command not in (None, *_ONCE) else None

    def waits_until(self, account_ids: Iterable[str]) -> datetime | None:
        """Until when one of these accounts was asked to wait, None if none was or the time is over."""
        return self._health.waits_until(account_ids)

    # -- ending --------------------------------------------------------------------------------------------------------

    async def settle(self, pair_id: str, *, dry: bool = False) -> None:
        """Let the runs of a pair end early (`dry`: dry ones too), and wait until no write of them is under way."""
        await self._jobs.settle(pair_id, dry=dry)

    def interrupt(self, pair_id: str, viewer: Viewer = EVERYTHING) -> Run | None:
        """A person stops the run of this pair, of no other: it ends after what it has begun, as interrupted and with
        what it did. The next run finishes its work. Returns at once.

        Returns:
            The run, which ends soon (`wait`); None when none is queued or under way.

        Raises:
            NotFoundError: no such pair.
        """
        self._visibility.require_pair(pair_id, viewer)
        return self._jobs.interrupt(pair_id, STOPPED_BY_PERSON)

    def interrupt_all(self, viewer: Viewer = EVERYTHING) -> tuple[Run, ...]:
        """The same for the runs of all pairs that the viewer sees."""
        seen = [pair for pair in self._pairs.list() if self._visibility.sees_pair(pair, viewer)]
        runs = [self._jobs.interrupt(pair.id, STOPPED_BY_PERSON) for pair in seen]
        return tuple(run for run in runs if run is not None)

    async def stop(self) -> None:
        """End all runs: no new write starts; after 5 s what is left is cancelled and recorded as interrupted."""
        await self._jobs.stop()

    def _require_fit(self) -> None:
        """Raises ConflictError while every run waits."""
        problem = self._standstill()
        if problem is not None:
            raise ConflictError(problem.sentence, code=problem.code)

    def _start(self, pair: SyncPair, trigger: Trigger, *, dry: bool, full: bool) -> Run:
        job = self._jobs.start(pair, self._places(pair), trigger, self._worker.sync, dry=dry, full=full)
        job.asked = self._pulls.mark()
        return job.run

    def _places(self, pair: SyncPair) -> frozenset[str]:
        sides = (pair.connection_a_id, pair.connection_b_id)
        return frozenset(self._accounts.connection(side).calendar_key for side in sides)
