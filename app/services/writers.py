"""What writes to a pair's target calendar on behalf of a run: stopped with it, and telling how far it is.

Used by every run of a pair, whatever it was asked for. Decides nothing.
"""

from __future__ import annotations

from typing import TypeVar

from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord
from app.domain.ports import Clock, Stamps
from app.domain.runs import Counts, Phase
from app.engine.writer import Writer
from app.services.clients import Clients
from app.services.jobs import Job, Jobs

W = TypeVar("W", bound=Writer)


class Writers:
    """Makes them."""

    def __init__(self, jobs: Jobs, ledger: Ledger, clients: Clients, clock: Clock, stamps: Stamps) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._clients = clients
        self._clock = clock
        self._stamps = stamps

    def of(self, kind: type[W], job: Job, direction: DirectionRecord, before: Counts | None = None) -> W:
        """One of this kind for a run; `before` is what the run came to elsewhere."""
        return kind(
            direction,
            self._clients.calendar(direction.target),
            self._ledger,
            clock=self._clock,
            stamps=self._stamps,
            run_id=job.run.id,
            stopping=lambda: self._jobs.halted(job),
            tell=lambda done, total: self._jobs.tell(job, Phase.WRITING, done, total),
            before=before,
        )
