"""What a person asks a pair to do once, beside its syncs: bring events back from a snapshot, remove second copies.

Runs like any other: one at a time between two calendars, journaled, in the history. The engine decides and writes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord
from app.domain.ports import Clock, Stamps
from app.domain.runs import Counts, RunError, RunStatus
from app.domain.snapshots import Unit
from app.engine.restoring import RestoreWriter, bring_back
from app.engine.second_copies import remove_chosen
from app.engine.writer import Writer, Written
from app.services.clients import Clients
from app.services.jobs import Ending, Job, Jobs
from app.services.writers import Writers


class Errands:
    """Carries out commands about single events of a calendar that a pair writes to."""

    def __init__(self, jobs: Jobs, *, ledger: Ledger, clients: Clients, clock: Clock, stamps: Stamps) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._clients = clients
        self._clock = clock
        self._writers = Writers(jobs, ledger, clients, clock, stamps)

    async def restore(self, job: Job, direction: DirectionRecord, units: Sequence[Unit]) -> Ending:
        """Bring these events back to the target of a direction."""
        self._jobs.begin(job)
        client = self._clients.calendar(direction.target)
        writer = self._writers.of(RestoreWriter, job, direction)
        await bring_back(direction, client, self._ledger, writer, self._clock, units, run_id=job.run.id)
        left = len(units) - writer.written.counts.created - writer.written.counts.failed
        return self._ending(job, direction, writer.written, len(units), left)

    async def remove_duplicates(self, job: Job, direction: DirectionRecord, event_ids: Collection[str]) -> Ending:
        """Remove these second copies of a direction, as far as they still are ones."""
        self._jobs.begin(job)
        client = self._clients.calendar(direction.target)
        writer = self._writers.of(Writer, job, direction)
        await remove_chosen(direction, client, self._ledger, writer, self._clock, event_ids)
        left = len(event_ids) - writer.written.counts.deleted - writer.written.counts.failed
        return self._ending(job, direction, writer.written, len(event_ids), left)

    def _ending(self, job: Job, direction: DirectionRecord, written: Written, asked: int, left: int) -> Ending:
        """What was asked for and not done is skipped where it needs nothing, and told where it may come or not."""
        unsettled = sum(1 for one in self._ledger.pending_intents(direction.id) if one.run_id == job.run.id)
        errors = list(written.errors)
        if unsettled:
            message = f"The service did not say whether {unsettled} write(s) happened; look before you ask again."
            errors.append(RunError("unknown_outcome", message, direction.target.id))
        told = Counts(processed=asked, skipped=max(left - unsettled, 0), failed=unsettled)
        counts = written.counts.plus(told)
        if self._jobs.halted(job):
            return self._jobs.stopped(job, counts, tuple(errors))
        status = RunStatus.PARTIAL if errors or counts.failed or written.unfinished else RunStatus.SUCCESS
        return Ending(status, counts, tuple(errors))
