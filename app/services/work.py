"""What a run does: every direction of its pair, read once more for each round of joiners; or a command about copies.

The engine decides and writes; here its outcomes become the end of a run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from app.domain.accounts import AccountStatus
from app.domain.errors import KalendsError, NotFoundError, OfflineError
from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord, Unreadable
from app.domain.notices import Notice, Topic
from app.domain.pairs import CopyDeleted, CopyEdited, PairStatus, SyncPair
from app.domain.ports import Clock, Expander, Stamps
from app.domain.runs import Counts, Phase, Run, RunError, RunStatus, Trigger
from app.engine.commands import take_copies_away
from app.engine.run import DirectionResult, DirectionRun, Tools
from app.engine.undo_changes import Finding
from app.engine.undo_run import UndoRun, UndoTools
from app.engine.writer import Writer
from app.services.audits import Audit, Audits
from app.services.clients import Clients
from app.services.clock_changes import ClockChanges
from app.services.health import Health
from app.services.jobs import Ending, Job, Jobs
from app.services.metered import CODE as METERED
from app.services.metered import never_metered
from app.services.notices import Notices
from app.services.pulls import Pulls
from app.services.views import Problem
from app.services.writers import Writers
from app.store.accounts import AccountRepository
from app.store.pairs import PairRepository

CREATIONS_A_DAY = 10_000
"""So many events at most are made in one account in 24 hours (`reliability.md` C5): what has to be copied first is soon
enough, and a loop that nobody thought of ends here. What a service bears is its own matter: it says so, and is left
alone for hours then."""
_UNASKED = frozenset(Trigger) - {Trigger.MANUAL, Trigger.API}
"""What no person waits for: it comes again by itself."""
_BY_ITSELF = frozenset({Trigger.SCHEDULED, Trigger.PUSH, Trigger.STARTUP, Trigger.RESUME})
"""What comes without anything a person just did: it waits while the connection is metered, if that was chosen."""
_LEFT_OPEN = frozenset({"could_not_ask", "unknown_outcome"})
"""Errors of a check that could not look at every copy: it is to be done once more."""
_NEEDS_A_PERSON = (AccountStatus.NEEDS_SIGN_IN, AccountStatus.SCOPE_MISSING, AccountStatus.SIGNED_OUT)

_log = structlog.get_logger(__name__)


class Names:
    """Ids for what the engine opens."""

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self._new_id = new_id

    def hold(self) -> str:
        """An id for a hold."""
        return self._new_id("hold")


class _StopAskedFor(Exception):
    """A run leaves before its next reading."""


def _writes_originals(direction: DirectionRecord) -> bool:
    """Whether a run of this direction may write to its source: only then it holds a client that can."""
    carries = direction.settings.copy_edited is CopyEdited.WRITE_BACK
    return direction.both_ways and (carries or direction.settings.copy_deleted is CopyDeleted.DELETE_ORIGINAL)


BeforeWriting = Callable[[DirectionRecord], Awaitable[None]]
"""What is done once both calendars of a direction are read and before anything is written."""


async def nothing_before(direction: DirectionRecord) -> None:
    """No snapshot."""


class Worker:
    """Carries out what `Jobs` gave its turn."""

    def __init__(
        self,
        jobs: Jobs,
        *,
        pairs: PairRepository,
        accounts: AccountRepository,
        ledger: Ledger,
        clients: Clients,
        pulls: Pulls,
        health: Health,
        audits: Audits,
        notices: Notices,
        clock: Clock,
        computer: Clock,
        stamps: Stamps,
        expander: Expander,
        names: Names,
        standstill: Callable[[], Problem | None],
        before_writing: BeforeWriting = nothing_before,
        metered: Callable[[], Awaitable[bool]] = never_metered,
    ) -> None:
        self._standstill = standstill
        self._before_writing = before_writing
        self._metered = metered
        self._jobs = jobs
        self._pairs = pairs
        self._accounts = accounts
        self._ledger = ledger
        self._clients = clients
        self._pulls = pulls
        self._health = health
        self._audits = audits
        self._notices = notices
        self._clock = clock
        self._computer = computer
        self._stamps = stamps
        self._writers = Writers(jobs, ledger, clients, clock, stamps)
        self._expander = expander
        self._names = names
        self._clock_changes = ClockChanges(ledger, expander, clock)
        self._told: dict[str, int] = {}
        """Up to which read each direction told of what cannot be read."""

    async def sync(self, job: Job) -> Ending:
        """Sync a pair, again while somebody joined after the reading began."""
        reason = self._why_skip(job)
        if reason is None and job.run.trigger in _BY_ITSELF and await self._metered():
            reason = METERED
        if reason is not None:
            return Ending(RunStatus.SKIPPED, reason=reason)
        self._jobs.begin(job)
        counts, errors, failed, asked = Counts(), list[RunError](), 0, 0
        while True:
            job.again = False
            job.rounds += 1
            # Pairs that were asked for together share one read of a calendar, also those that had to wait for a turn.
            since = job.asked if job.rounds == 1 else self._pulls.mark()
            for direction in self._pairs.directions(job.run.pair_id):
                if self._jobs.halted(job):
                    break
                result, error = await self._direction(job, direction, since, counts)
                asked += 1
                failed += error is not None
                counts = counts.plus(result.counts)
                errors.extend([*result.errors, *([error] if error is not None else [])])
                job.actions.extend(result.actions)
            if not job.again or self._jobs.halted(job):
                return self._ending(job, counts, errors, all_failed=bool(asked) and failed == asked)

    async def take_away(self, job: Job, directions: Sequence[DirectionRecord]) -> Ending:
        """Remove or release the copies of directions (`job.command`)."""
        self._jobs.begin(job)
        counts, errors, failed = Counts(), list[RunError](), 0
        for direction in directions:
            client = self._clients.calendar(direction.target)
            writer = self._writers.of(Writer, job, direction, counts)
            written, failure = writer.written, None
            self._jobs.tell(job, Phase.READING, 0, 0)
            try:
                await take_copies_away(
                    direction, client, self._ledger, writer, self._clock, release=job.command == "release"
                )
            except KalendsError as error:
                failed += 1
                failure = self._note_failure(job, direction.target.id, error)
            # What was taken away before a failure is away.
            changed = written.counts.updated + written.counts.deleted
            counts = counts.plus(replace(written.counts, processed=changed + written.counts.failed))
            errors.extend(written.errors)
            if failure is not None:
                errors.append(failure)
                continue
            if written.unfinished and not written.errors:
                message = "Some copies are still there; ask again to take them away."
                errors.append(RunError("copies_left", message, direction.target.id))
        return self._ending(job, counts, errors, all_failed=bool(directions) and failed == len(directions))

    async def undo(self, job: Job, undone_run_id: str, events: Collection[str] | None) -> Ending:
        """Take back what a run did, in each direction of its pair."""
        self._jobs.begin(job)
        counts, errors, failed = Counts(), list[RunError](), 0
        directions = self._directions_of(job.run.pair_id, undone_run_id)
        for direction in directions:
            if self._jobs.halted(job):
                break
            going = self._undo_run(direction, undone_run_id, events, job=job, before=counts)
            failure = None
            try:
                await going.run()
            except KalendsError as error:
                failed += 1
                failure = self._note_failure(job, direction.target.id, error)
            # What was taken back before a failure is taken back.
            written = going.result.written
            counts = counts.plus(written.counts)
            errors.extend(written.errors)
            if failure is not None:
                errors.append(failure)
            elif written.unfinished and not written.errors:
                message = "Some changes are not undone yet; ask again to go on."
                errors.append(RunError("undo_unfinished", message, direction.target.id))
        return self._ending(job, counts, errors, all_failed=bool(directions) and failed == len(directions))

    async def look_at_undo(self, undone: Run, events: Collection[str] | None) -> Sequence[Finding]:
        """What of a run can be undone, in all directions of its pair. Raises a ProviderError."""
        found: list[Finding] = []
        for direction in self._directions_of(undone.pair_id, undone.id):
            found.extend(await self._undo_run(direction, undone.id, events).look())
        return found

    def _directions_of(self, pair_id: str, run_id: str) -> Sequence[DirectionRecord]:
        """The directions in which a run may have written; of a pair that was deleted since those in which it did."""
        try:
            return self._pairs.directions(pair_id)
        except NotFoundError:
            return self._pairs.past_directions({row.direction_id for row in self._ledger.journaled(run_id)})

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _direction(
        self, job: Job, direction: DirectionRecord, since: int, before: Counts
    ) -> tuple[DirectionResult, RunError | None]:
        """Run one direction on views read after `since`: both directions of a pair share one read of each calendar."""
        side = direction.target.id
        checking = self._audits.due(direction.id)
        daily = direction.adopted and not job.run.dry and self._audits.daily_due(direction.id, self._clock.now())
        auditing = daily and not checking
        drift = 0

        async def pull(connection_id: str) -> None:
            nonlocal side, drift
            if self._jobs.halted(job):
                raise _StopAskedFor
            side = connection_id
            if auditing:
                drift += await self._pulls.audit(connection_id, since)
            else:
                await self._pulls.pull(connection_id, since, full=job.full or checking)
            side = direction.target.id
            # The source is read last, and writing begins after it.
            if connection_id == direction.source.id and not job.run.dry:
                await self._before_writing(direction)

        def unreadable() -> Sequence[Unreadable]:
            told = 0 if job.run.dry else self._told.get(direction.id, 0)
            found = self._pulls.unreadable(direction.source.id, told)
            if found and not job.run.dry:
                self._told[direction.id] = max(number for number, _ in found)
            return [one for _, one in found]

        tools = Tools(
            ledger=self._ledger,
            clock=self._clock,
            computer=self._computer,
            unreadable=unreadable,
            stamps=self._stamps,
            names=self._names,
            expander=self._expander,
            pull=pull,
            breathe=lambda: asyncio.sleep(0),
            stopping=lambda: self._jobs.halted(job),
            may_lose=not checking,
            tell=lambda phase, done, total: self._jobs.tell(job, phase, done, total),
            before=before,
            everything=auditing or checking,
            may_create=lambda: self._may_create(direction),
            accepted=self._audits.accepted,
        )
        going = DirectionRun(
            # What a check begins with: list the copies by marker, as if for the first time.
            replace(direction, adopted=direction.adopted and not checking and not auditing),
            self._clients.reader(direction.source),
            self._clients.calendar(direction.target),
            tools,
            run_id=job.run.id,
            dry=job.run.dry,
            originals=self._clients.calendar(direction.source) if _writes_originals(direction) else None,
        )
        failure: RunError | None = None
        try:
            await going.run()
        except _StopAskedFor:
            _log.info("run.stopped_before_reading", run_id=job.run.id)
        except KalendsError as error:
            failure = self._note_failure(job, side, error)
        if going.result.strange_stamps:
            _log.error("database.older", direction_id=direction.id, stamps=len(going.result.strange_stamps))
            self._audits.distrust(going.result.strange_stamps)
            checked = await self._direction(job, direction, since, before.plus(going.result.counts))
            checked[0].counts = going.result.counts.plus(checked[0].counts)
            return checked
        # After a failure too: what was written until then was written.
        result = going.result
        for wrote_to in (direction.source, direction.target):
            if result.retry_after.get(wrote_to.id):
                self._health.slow_down(wrote_to.account_id, result.retry_after[wrote_to.id])
        left_open = any(error.code in _LEFT_OPEN for error in result.errors)
        if checking and failure is None and not left_open and not job.run.dry and not self._jobs.halted(job):
            self._audits.done(direction.id)
        if auditing and failure is None and not self._jobs.halted(job):
            if result.found:
                _log.error("audit.drift", direction_id=direction.id, copies=result.found)
            self._audits.audited(direction.id, Audit(self._clock.now(), drift + result.found))
        if failure is None and not job.run.dry and not self._jobs.halted(job):
            await self._check_clock_changes(direction, result)
        for hold in result.holds:
            self._notices.announce(
                Notice(Topic.HOLD_OPENED, self._clock.now(), pair_id=hold.pair_id, data={"expected": hold.expected})
            )
        return result, failure

    def _may_create(self, direction: DirectionRecord) -> int:
        """What is left of today's budget of the target's account."""
        since = self._clock.now() - timedelta(days=1)
        return max(0, CREATIONS_A_DAY - self._ledger.created(direction.target.account_id, since))

    def _undo_run(
        self,
        direction: DirectionRecord,
        undone_run_id: str,
        events: Collection[str] | None,
        *,
        job: Job | None = None,
        before: Counts | None = None,
    ) -> UndoRun:
        """The undo of one direction; without a job it only looks."""
        tools = UndoTools(
            ledger=self._ledger,
            clock=self._clock,
            stamps=self._stamps,
            expander=self._expander,
            stopping=lambda: job is not None and self._jobs.halted(job),
            tell=lambda phase, done, total: self._jobs.tell(job, phase, done, total) if job is not None else None,
            before=before or Counts(),
        )
        return UndoRun(
            direction,
            self._clients.reader(direction.source),
            self._clients.calendar(direction.target),
            tools,
            undone_run_id=undone_run_id,
            run_id=job.run.id if job is not None else "",
            events=events,
            originals=self._clients.calendar(direction.source) if direction.both_ways else None,
        )

    async def _check_clock_changes(self, direction: DirectionRecord, result: DirectionResult) -> None:
        """A copied series that will be off after the next clock change is a defect of ours, and shown."""
        target = self._clients.calendar(direction.target)
        found = await self._clock_changes.differing(direction, target.normal_form)
        if not found:
            return
        message = (
            f"{len(found)} copied series will take place at other times than in the source calendar around the next "
            "clock change. This is a fault in Kalends; the log says which."
        )
        result.errors.append(RunError("clock_change_differs", message, direction.target.id))

    def _why_skip(self, job: Job) -> str | None:
        """A pair that was paused or deleted while its run waited does not run; a run that no person asked for hammers
        neither an ended sign-in nor a service that wants to wait."""
        try:
            pair = self._pairs.get(job.run.pair_id)
        except NotFoundError:
            return "pair_deleted"
        if pair.status is PairStatus.PAUSED and not job.run.dry:
            return "paused"
        problem = self._standstill()
        if problem is not None:
            return problem.code
        if job.run.trigger not in _UNASKED:
            return None
        accounts = [self._accounts.get(account_id) for account_id in self._account_ids(pair)]
        if any(account.status in _NEEDS_A_PERSON for account in accounts):
            return "needs_sign_in"
        return "throttled" if self._health.waits_until(account.id for account in accounts) is not None else None

    def _account_ids(self, pair: SyncPair) -> list[str]:
        return [self._accounts.connection(side).account_id for side in (pair.connection_a_id, pair.connection_b_id)]

    def _note_failure(self, job: Job, connection_id: str, error: KalendsError) -> RunError:
        _log.info("run.side_failed", run_id=job.run.id, connection_id=connection_id, error=error.code)
        self._health.failed(connection_id, error)
        return RunError(error.code, error.message, connection_id)

    def _ending(self, job: Job, counts: Counts, errors: Sequence[RunError], *, all_failed: bool) -> Ending:
        offline = bool(errors) and all(error.code == OfflineError.code for error in errors)
        if self._jobs.halted(job):
            return self._jobs.stopped(job, counts, tuple(errors))
        if all_failed and offline and job.run.trigger in _UNASKED:
            return Ending(RunStatus.SKIPPED, counts, reason="offline")
        if all_failed:
            return Ending(RunStatus.FAILED, counts, tuple(errors))
        if errors or counts.failed:
            return Ending(RunStatus.PARTIAL, counts, tuple(errors))
        return Ending(RunStatus.HELD if counts.held else RunStatus.SUCCESS, counts)
