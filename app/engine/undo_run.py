"""Undoing what a run did in one direction: settle, read what is concerned, plan, write, until nothing is left to do.

One sequential coroutine over ports, like a sync (`engine.md` §12). Its writes go through the journal under a run of
their own, so that they survive a crash and can be undone themselves. It is a command of the user: no guard holds it.
Raises ProviderError when a side cannot be read or written at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from app.domain.ledger import Ledger
from app.domain.links import Answer, DirectionRecord, Evidence, Intent, Row, Seen
from app.domain.ports import CalendarClient, CalendarReader, Clock, Expander, Stamps
from app.domain.runs import ActionRecord, ActionResult, Counts, Phase, Undoable, Verb
from app.engine import view
from app.engine.cases import CaseReader
from app.engine.decisions import Step
from app.engine.judge import Judge
from app.engine.marks import MARKED, mark_beside
from app.engine.original_writer import OriginalWriter, split_by_side
from app.engine.originals import Unit, assemble
from app.engine.reasons import sentence
from app.engine.recovery import recover
from app.engine.run import window_of
from app.engine.undo import UndoPlanner
from app.engine.undo_changes import Finding, Standing
from app.engine.undo_originals import restored_key
from app.engine.wishes import COVERED, Wisher
from app.engine.write_back import Originals
from app.engine.writer import Work, Writer, Written

KEPT_FOR = timedelta(days=30)
"""For so long a change can be undone."""
ROUNDS_AT_MOST = 200
"""A series that is brought back takes a round for each of its exceptions."""
FRUITLESS_AT_MOST = 2
"""Rounds in a row that write the same and bring nothing: a burned id takes one."""


@dataclass(frozen=True, slots=True)
class UndoTools:
    """What an undo needs of the world; as in `app.engine.run.Tools`."""

    ledger: Ledger
    clock: Clock
    stamps: Stamps
    expander: Expander
    stopping: Callable[[], bool]
    tell: Callable[[Phase, int, int], None]
    before: Counts = field(default_factory=Counts)


@dataclass(slots=True)
class UndoResult:
    """What an undo came to: its counts, and each change with what became of it."""

    written: Written
    findings: list[Finding] = field(default_factory=list)
    left_alone: int = 0
    """Changes that were not taken back, because of what they are by now."""


class UndoRun:
    """Undoes what one run did in one direction.

    Args:
        undone_run_id: the run whose writes are taken back.
        events: only those of these originals; None for all.
        originals: writes to the source; None where the pair writes no originals.
        run_id: of the undo itself, empty to look only.
    """

    def __init__(
        self,
        direction: DirectionRecord,
        source: CalendarReader,
        target: CalendarClient,
        tools: UndoTools,
        *,
        undone_run_id: str,
        run_id: str = "",
        events: Collection[str] | None = None,
        originals: CalendarClient | None = None,
    ) -> None:
        self._direction = direction
        self._source = source
        self._target = target
        self._tools = tools
        self._ledger = tools.ledger
        self._undone_run_id = undone_run_id
        self._run_id = run_id
        self._events = events
        self._originals = originals
        self._wisher = Wisher(
            direction,
            normal_form=target.normal_form,
            expresses=target.expresses,
            expand=lambda fields, span: tools.expander.occurrences(fields, span, direction.source.zone),
            window=window_of(direction.settings, tools.clock.now()),
        )
        self._writer = Writer(
            direction,
            target,
            self._ledger,
            clock=tools.clock,
            stamps=tools.stamps,
            run_id=run_id,
            stopping=tools.stopping,
            tell=lambda done, total: tools.tell(Phase.WRITING, done, total),
            before=tools.before,
        )
        self._result = UndoResult(self._writer.written)

    @property
    def result(self) -> UndoResult:
        """What it came to so far; after a failure, what was done until then."""
        return self._result

    async def look(self) -> list[Finding]:
        """What can be undone, the newest change first. Reads the events concerned; writes nothing to a calendar."""
        rows = self._rows()
        return UndoPlanner(self._direction, await self._standing(rows)).plan(rows) if rows else []

    async def run(self) -> UndoResult:
        """Take back what can be; a run that is asked for again goes on where it ended."""
        self._tools.tell(Phase.READING, 0, 0)
        if not self._rows():
            return self._result
        await recover(self._direction, self._target, self._ledger, self._writer, self._tools.clock, source=self._source)
        written, before, fruitless = self._writer.written, frozenset[object](), 0
        for number in range(ROUNDS_AT_MOST):
            found = await self.look()
            self._note(found, first=number == 0)
            for finding in found:
                if finding.complete:
                    self._ledger.take_back(finding.rows, finding.revives)
            steps = [(finding, finding.step) for finding in found if finding.step is not None]
            tried: frozenset[object] = frozenset((s.copy_key, s.occ, s.op, s.etag, _generation(s)) for _, s in steps)
            fruitless = fruitless + 1 if tried == before else 0
            stop = self._tools.stopping() or self._writer.must_wait or fruitless >= FRUITLESS_AT_MOST
            if not steps or stop:
                break
            before = tried
            await self._write(steps)
        unsettled = len(self._ledger.pending_intents(self._direction.id))
        written.counts = written.counts.plus(Counts(failed=unsettled))
        written.unfinished = bool(unsettled) or any(f.state is Undoable.POSSIBLE and f.step for f in await self._rest())
        return self._result

    # -- reading -----------------------------------------------------------------------------------------------------

    def _rows(self) -> list[Intent]:
        return [
            row
            for row in self._ledger.journaled(self._undone_run_id)
            if row.direction_id == self._direction.id
            and (self._events is None or row.original_id in self._events)
            # A copy that was written as it was: there is nothing in it to take back.
            and row.reason != MARKED
        ]

    async def _rest(self) -> list[Finding]:
        """What is left to do, as far as it is known without asking again: only after a stop is there anything."""
        return await self.look() if self._tools.stopping() else []

    async def _standing(self, rows: Sequence[Intent]) -> Standing:
        ledger, direction = self._ledger, self._direction
        links = [link for link in ledger.links(direction.id, None) if link.copy_key]
        keys = {row.copy_key for row in rows} | {row.parent for row in rows if row.parent}
        holders = {link.copy_key: (link.original_id, link.occ) for link in links if link.reason != COVERED}
        originals = sorted({row.original_id for row in rows} | {holders[key][0] for key in keys if key in holders})
        keys |= {restored_key(direction, original) for original in originals}
        copies = {copy.copy_key: copy for copy in ledger.copies(direction.id, keys)}
        copies |= {copy.copy_key: copy for copy in ledger.copies_of_parents(direction.id, keys)}
        roots = {copy.event_id for copy in copies.values() if copy.event_id and not copy.parent}
        on_originals = {row.target_id for row in rows if row.op.on_original and row.target_id}
        targets = await self._read(self._target, direction.target.id, sorted(roots))
        sources = await self._read(self._source, direction.source.id, sorted(on_originals))
        cases = CaseReader(direction, ledger, self._wisher).cases(originals)
        wanted = {case.unit.id: case.wishes.fingerprint() for case in cases if case.wishes.items}
        holding = Counter(key for key, _ in {(link.copy_key, link.original_id) for link in links})
        writing = self._originals
        return Standing(
            copies=copies,
            links={(link.original_id, link.occ): link for link in ledger.links(direction.id, originals)},
            targets=targets,
            sources=sources,
            holders=holders,
            shared=frozenset(key for key, number in holding.items() if number > 1),
            wanted=lambda original_id: wanted.get(original_id, ""),
            normal_form=self._target.normal_form,
            rewrites_seconds=self._target.capabilities.rewrites_seconds,
            excluded_dates=self._target.capabilities.excluded_dates,
            originals=Originals(writing.normal_form, writing.writable_fields) if writing is not None else None,
        )

    async def _read(self, reader: CalendarReader, calendar_id: str, event_ids: list[str]) -> dict[str, Unit | None]:
        """These events as they are now, None for those that are gone; what could not be read is left out."""
        if not event_ids:
            return {}
        answers = await view.ask(reader, self._ledger, calendar_id, event_ids)
        return {answer.event_id: _unit(answer) for answer in answers if answer.evidence is not Evidence.UNKNOWN}

    # -- writing -----------------------------------------------------------------------------------------------------

    async def _write(self, steps: Iterable[tuple[Finding, Step]]) -> None:
        work = [
            Work(finding.original_id, step, step.undoing.was if step.undoing is not None else None)
            for finding, step in steps
        ]
        on_originals, on_copies = split_by_side(work)
        if on_originals and self._originals is not None:
            carrier = OriginalWriter(
                self._direction,
                self._originals,
                self._ledger,
                clock=self._tools.clock,
                stamps=self._tools.stamps,
                run_id=self._run_id,
                stopping=self._tools.stopping,
                before=self._tools.before,
                written=self._writer.written,
            )
            await carrier.write(on_originals)
        cases = CaseReader(self._direction, self._ledger, self._wisher)
        mark = mark_beside(self._judge(), cases, self._ledger, on_copies)
        await self._writer.write([*on_copies, *([mark] if mark is not None else [])])

    def _judge(self) -> Judge:
        writing = self._originals
        return Judge(
            self._direction,
            self._wisher,
            self._tools.clock.now(),
            installation=self._tools.stamps.installation(),
            originals=Originals(writing.normal_form, writing.writable_fields) if writing is not None else None,
            rewrites_seconds=self._target.capabilities.rewrites_seconds,
        )

    def _note(self, found: Sequence[Finding], *, first: bool) -> None:
        """Keep what was found at first; what is left alone, then or in the end, is told in the run's story."""
        if not first:
            return
        self._result.findings = list(found)
        left = [f for f in found if f.state is not Undoable.POSSIBLE]
        self._result.left_alone = len(left)
        counts = Counts(processed=len(found), skipped=len(left))
        self._writer.written.counts = self._writer.written.counts.plus(counts)
        if left:
            self._ledger.record(self._run_id, [_line(self._direction, finding) for finding in left])


def _unit(answer: Answer) -> Unit | None:
    if answer.evidence is Evidence.GONE:
        return None
    unit = assemble(answer.event_id, [Row(event, Seen.SEEN) for event in answer.events])
    return unit if unit.event is not None else None


def _generation(step: Step) -> int:
    return step.copy.generation if step.copy is not None else 0


def _line(direction: DirectionRecord, finding: Finding) -> ActionRecord:
    return ActionRecord(
        direction_id=direction.id,
        original_id=finding.original_id,
        occ=finding.occ,
        verb=Verb.SKIP,
        reason=str(finding.state),
        sentence=sentence(str(finding.state)),
        result=ActionResult.DONE,
        title=finding.title,
        starts_at=finding.starts_at,
        all_day=finding.all_day,
    )
