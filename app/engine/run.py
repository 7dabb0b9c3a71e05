"""One run of one direction: recover, read, plan and ask, guard, write, settle (`engine.md` §13).

One sequential coroutine over ports. Concurrency lies above it (services start several runs) and below it (a client
keeps several requests in flight). Raises ProviderError when a side cannot be read or the target not be written at all:
then this direction is not planned, and nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.domain.errors import AccessError, OfflineError, ProtocolError, ThrottledError, UnavailableError
from app.domain.events import EventKind
from app.domain.ledger import Ledger
from app.domain.links import DirectionRecord, Link, Op, Unreadable
from app.domain.pairs import DirectionSettings
from app.domain.ports import CalendarClient, CalendarReader, Clock, Expander, Stamps
from app.domain.runs import ActionRecord, Counts, Hold, Phase, RunError
from app.domain.times import CLOCK_OFF, Span
from app.engine.asking import Asker
from app.engine.awake import Awake
from app.engine.block_reader import BlockReader
from app.engine.cases import CaseReader
from app.engine.decisions import Decision
from app.engine.given_back import give_back
from app.engine.guard import GONE, Verdict
from app.engine.holding import Holder
from app.engine.judge import Judge
from app.engine.lost_ties import Untied, ties, untied
from app.engine.marks import mark_beside, strange_stamps
from app.engine.original_writer import OriginalWriter, split_by_side
from app.engine.orphans import orphans
from app.engine.plan import Planner
from app.engine.recovery import marked_copies, recover
from app.engine.second_copies import read_whole, removals, sort_out
from app.engine.shape import merges
from app.engine.story import Names, only_settled, title_of, told_by, told_unreadable
from app.engine.wishes import Wisher
from app.engine.write_back import Originals
from app.engine.writer import Work, Writer, Written, no_limit

ROUNDS_AT_MOST = 6
"""Plan and write so often at the most: a master, its occurrences, a burned id, a dropped write."""
PLAN_AT_ONCE = 100
"""Originals planned between two chances for others to run."""


def _nobody_watches(_phase: Phase, _done: int, _total: int) -> None:
    """Progress that nobody wants to see."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run needs of the world.

    Args:
        pull: bring the view of a connection up to date, once for all directions that use it (by connection id).
        breathe: let others run; awaited between chunks of planning.
        stopping: whether no further write may start (pause, stop of the app).
        may_lose: whether an original may lose its copy in this run; not by a database older than its epoch file, before
            both calendars were read whole. Nor does such a one know which copies it took away itself: those that are
            gone are made anew.
        tell: hears what the run is busy with, and how much of it is done: originals compared, writes answered; 0 of 0
            where nobody knows. Called often.
        before: what the same run came to in other directions.
        everything: plan every original, not only those that changed.
        may_create: how many events the target account's budget lets be created now.
        accepted: stamps of this installation that the database did not tell of, and that were checked since.
        computer: the computer's own clock, which no service puts right, where `clock` is another: it tells a sleep.
        unreadable: originals that cannot be read and were not told yet, asked for once the source was read.
    """

    ledger: Ledger
    clock: Clock
    stamps: Stamps
    names: Names
    expander: Expander
    pull: Callable[[str], Awaitable[None]]
    breathe: Callable[[], Awaitable[None]]
    stopping: Callable[[], bool]
    may_lose: bool = True
    tell: Callable[[Phase, int, int], None] = _nobody_watches
    before: Counts = field(default_factory=Counts)
    everything: bool = False
    may_create: Callable[[], int] = no_limit
    accepted: Collection[str] = frozenset()
    computer: Clock | None = None
    unreadable: Callable[[], Sequence[Unreadable]] = tuple


@dataclass(slots=True)
class DirectionResult:
    """What a run of one direction came to; `actions` is the whole story of a dry run, else what had no write."""

    counts: Counts = field(default_factory=Counts)
    errors: list[RunError] = field(default_factory=list)
    actions: list[ActionRecord] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    retry_after: Mapping[str, float] = field(default_factory=dict)
    """Seconds that services want to be left alone, by connection id."""
    found: int = 0
    """Copies that a listing by marker found and the stored rows did not tell of."""
    strange_stamps: frozenset[str] = frozenset()
    """Stamps of this installation on copies that the database knows nothing of: it is older than they are. Nothing was
    done; it is to be checked first."""


def window_of(settings: DirectionSettings, now: datetime) -> Span:
    """Where copies may be created: whole days around now."""
    return Span(
        now - timedelta(days=settings.window_back_days),
        now + timedelta(days=settings.window_ahead_days),
    )


class DirectionRun:
    """Runs one direction once."""

    def __init__(
        self,
        direction: DirectionRecord,
        source: CalendarReader,
        target: CalendarClient,
        tools: Tools,
        *,
        run_id: str,
        dry: bool = False,
        originals: CalendarClient | None = None,
    ) -> None:
        self._direction = direction
        self._source = source
        self._target = target
        self._originals = originals if direction.both_ways else None
        # A run that slept reads anew before it writes, so it ends like one that is told to stop.
        self._tools = tools = replace(tools, stopping=Awake(tools.computer or tools.clock, tools.stopping).stopping)
        self._ledger = tools.ledger
        self._run_id = run_id
        self._dry = dry
        self._writable = Originals(originals.normal_form, originals.writable_fields) if originals is not None else None
        self._look_from(tools.clock.now())
        self._complete = True
        self._surplus: list[Decision] = []
        self._unknown: set[str] = set()
        self._unsettleable = False
        self._result = DirectionResult()

    def _look_from(self, now: datetime) -> None:
        """Everything of a run that goes by its moment."""
        direction, ledger = self._direction, self._ledger
        self._now = now
        self._window = window_of(direction.settings, now)
        wisher = Wisher(
            direction,
            normal_form=self._target.normal_form,
            expresses=self._target.expresses,
            expand=lambda fields, span: self._tools.expander.occurrences(fields, span, direction.source.zone),
            window=self._window,
        )
        self._judge = Judge(
            direction,
            wisher,
            now,
            installation=self._tools.stamps.installation(),
            originals=self._writable,
            rewrites_seconds=self._target.capabilities.rewrites_seconds,
            remembers=self._tools.may_lose,
        )
        self._planner = Planner(self._judge, self._window)
        self._cases = CaseReader(direction, ledger, wisher)
        self._asker = Asker(direction, self._source, self._target, ledger, self._cases, now)
        reader = BlockReader(direction, ledger, self._cases, wisher)
        self._blocks = reader if merges(direction.settings) else None
        self._holder = Holder(direction, ledger, self._tools.names, now)

    @property
    def result(self) -> DirectionResult:
        """What it came to so far; after a failure, what was done until then."""
        return self._result

    async def run(self) -> DirectionResult:
        """Do it. Returns what it came to; raises ProviderError when a side failed as a whole."""
        writer = self._writer()
        try:
            await self._carry_out(writer)
        finally:
            self._count(writer.written.counts)
            self._result.errors[:0] = writer.written.errors
            self._result.retry_after = dict(writer.written.retry_after)
        return self._result

    async def look_at(self, original_id: str) -> Decision:
        """What the plan says about one original by what is stored now: asks no service, writes and keeps nothing."""
        return (await self._plan([original_id]))[0]

    async def losing(self) -> Mapping[str, str]:
        """Originals, with their titles, that would lose their copies though they are there, by what is stored now: asks
        no service, writes and keeps nothing."""
        linked = {link.original_id for link in self._ledger.links(self._direction.id, None) if link.copy_key}
        decisions = await self._plan(sorted(linked))
        return {d.original_id: title_of(d.source) for d in decisions if d.loses and GONE not in d.losses}

    async def _carry_out(self, writer: Writer) -> None:
        self._tools.tell(Phase.READING, 0, 0)
        if not self._dry:
            if any(intent.op is Op.CREATE for intent in self._ledger.pending_intents(self._direction.id)):
                # Whether a copy was made is looked up in a view of now.
                await self._tools.pull(self._direction.target.id)
            unsettled = await self._recover(writer)
            self._complete = unsettled == 0
        await self._tools.pull(self._direction.target.id)
        await self._tools.pull(self._direction.source.id)
        self._tell_unreadable()
        if abs(self._tools.clock.now() - self._now) >= CLOCK_OFF:
            # The computer's clock is wrong, as the services just said, or it slept meanwhile. The next run writes.
            self._look_from(self._tools.clock.now())
        seen_source = self._ledger.view(self._direction.source.id)
        seen_target = self._ledger.view(self._direction.target.id)
        await self._adopt()
        # A dry run tells about every original, not only about what changed since the last run.
        originals: Collection[str] = self._ledger.originals_to_plan(
            self._direction, self._now, everything=self._dry or self._tools.everything
        )
        if not self._dry:
            originals = sorted({*originals, *give_back(self._direction, self._ledger, originals)})
        for number in range(ROUNDS_AT_MOST):
            decisions = await self._decide(originals)
            lonely: list[Untied] = []
            if self._is_older(decisions):
                return
            if number == 0:
                decisions, lonely = await self._tie_again(decisions)
            if not self._tools.may_lose:
                self._put_off_losses(decisions)
            if number == 0:
                decisions.extend(self._orphans(lonely))
                decisions.extend(self._surplus if self._tools.may_lose else ())
            if not self._dry:
                self._notice_installation(decisions)  # before anything is judged: it changes what may go on unasked
            verdict = self._holder.judge(decisions)
            self._tell(decisions, verdict, first=number == 0)
            if self._dry:
                break
            self._keep(decisions)
            self._result.holds.extend(self._holder.carry_out(verdict, decisions))
            if number == 0 and not self._direction.adopted:
                # Only now: a run that dies before this looks again for copies, and for what explains them.
                self._ledger.adopted(self._direction.id)
            left = self._leave_blocks(verdict)
            written = await self._write(writer, verdict)
            self._cases.living.clear()  # by now their own rows tell of them
            self._cases.succeeding.clear()
            await self._settle(writer)
            if left or any(decision.steps for decision in verdict.go):
                written.again |= left | {decision.original_id for decision in decisions if decision.again}
            written.again |= {decision.original_id for decision in decisions if decision.untied}
            originals = sorted((written.again | set(verdict.relinked.values())) - self._pending_originals())
            if not originals or self._tools.stopping():
                break
            await self._asker.read_again(written)
            written.again.clear()
            written.reread.clear()
            written.reread_originals.clear()
        else:
            # Something goes on and on, like an id burned many times over: the next run takes it from here.
            self._complete = False
        self._admit_unknown()
        if not self._dry:
            self._finish(writer, seen_source.seq, seen_target.seq)

    # -- reading -----------------------------------------------------------------------------------------------------

    async def _adopt(self) -> None:
        """In a new pair, or after loss of state: find the copies that are there already, by marker and proof."""
        if self._direction.adopted:
            return
        known = {copy.copy_key: copy for copy in self._ledger.copies(self._direction.id, None) if copy.event_id}
        marked = await marked_copies(self._target, self._direction)
        await self._asker.read_differing(marked)
        listed = sort_out(marked, known, self._direction.id)
        found = listed.copies
        series = [event.id for event, _ in listed.surplus if event.kind is EventKind.SERIES]
        whole = await read_whole(self._target, self._ledger, self._direction, series)
        self._surplus = removals(listed, known, self._judge, self._target.normal_form, whole)
        # What is left to the person is not news, however often it is found.
        self._result.found = len(found) + sum(1 for decision in self._surplus if decision.steps)
        self._cases.adopted = found
        if not self._dry:
            if any(self._judge.is_other_installation(copy.stamp) for copy in found.values()):
                self._ledger.other_installation(self._direction.id, self._now)
            self._ledger.save([], list(found.values()))

    async def _decide(self, originals: Collection[str]) -> list[Decision]:
        """Plan these originals; ask what must be asked, and plan those again with the answers."""
        decided: dict[str, Decision] = {}
        open_ones = list(originals)
        for _ in range(3):
            fresh = await self._plan(open_ones)
            decided = self._with(decided, fresh)
            asking = [decision for decision in fresh if decision.asks]
            if not asking:
                break
            open_ones = await self._asker.ask(asking)
            if not open_ones:
                break
            if self._blocks is not None:
                # An answer about one may change the blocks of others.
                open_ones = list(originals)
        succeeded = await self._asker.find_successors(decided.values())
        if succeeded:
            decided = self._with(decided, await self._plan(list(originals) if self._blocks is not None else succeeded))
        living = await self._asker.find_living(decided.values())
        if living:
            decided = self._with(decided, await self._plan(list(originals) if self._blocks is not None else living))
        self._asker.put_off([decision for decision in decided.values() if decision.asks])
        unknown = {d.original_id for d in decided.values() if any(r == "could_not_ask" for _, r, _ in d.skips)}
        self._unknown = (self._unknown - decided.keys()) | unknown
        asked_for = [decided.pop(original_id) for original_id in originals if original_id in decided]
        return [*asked_for, *decided.values()]

    def _with(self, decided: dict[str, Decision], fresh: Sequence[Decision]) -> dict[str, Decision]:
        """Decisions with those made anew; where blockers are merged, all were."""
        earlier = decided if self._blocks is None else {}
        return earlier | {decision.original_id: decision for decision in fresh}

    # -- planning ----------------------------------------------------------------------------------------------------

    async def _plan(self, originals: Sequence[str]) -> list[Decision]:
        decisions: list[Decision] = []
        around = await self._blocks.around(originals, self._tools.breathe) if self._blocks and originals else None
        if around is not None:
            originals = [*originals, *around.partial]
        for start in range(0, len(originals), PLAN_AT_ONCE):
            cases = self._cases.cases(originals[start : start + PLAN_AT_ONCE], around)
            decisions.extend(self._planner.plan(case) for case in cases)
            self._tools.tell(Phase.COMPARING, len(decisions), len(originals))
            await self._tools.breathe()
        return decisions

    def _put_off_losses(self, decisions: Sequence[Decision]) -> None:
        """What the database wants deleted waits for the next run, which plans by what this one reads."""
        for decision in decisions:
            if decision.loses or any(step.op is Op.DELETE_ORIGINAL for step in decision.steps):
                decision.steps.clear()
                decision.leaves.clear()
                decision.skips.append(("", "audit_first", decision.source))
                self._complete = False
                if not self._dry:
                    self._holder.stay_due([decision])

    async def _tie_again(self, decisions: list[Decision]) -> tuple[list[Decision], list[Untied]]:
        """Tie copies that nothing explains to originals that are there, and plan those with them; what stays untied is
        returned beside. Looked for where copies were just listed, and while some wait for the user."""
        if self._direction.adopted and not self._holder.concerns_orphans:
            return decisions, []
        lonely = untied(self._ledger, self._judge, decisions, self._cases.adopted)
        found = ties(self._ledger, self._judge, lonely, decisions)
        if not found:
            return decisions, lonely
        tied = {link.copy_key for link in found}
        rest = [one for one in lonely if one.copy.copy_key not in tied]
        if self._dry:
            places = {(link.original_id, link.occ) for link in found}
            for decision in decisions:
                decision.steps = [s for s in decision.steps if (decision.original_id, s.occ) not in places]
            return decisions, rest
        self._ledger.save(found, [])
        owners = {link.original_id for link in found}
        if self._blocks is not None:
            owners |= {decision.original_id for decision in decisions}
        known = {decision.original_id: decision for decision in decisions}
        known |= {decision.original_id: decision for decision in await self._decide(sorted(owners))}
        return list(known.values()), rest

    def _orphans(self, lonely: Sequence[Untied]) -> list[Decision]:
        """Copies that no original explains."""
        if self._holder.concerns_orphans and not self._tools.may_lose:
            return []  # what was answered is carried out by a database that is true again
        return orphans(self._judge, self._window, lonely)

    # -- telling, keeping ----------------------------------------------------------------------------------------------

    def _tell(self, decisions: Sequence[Decision], verdict: Verdict, *, first: bool) -> None:
        """Write the story of everything that is not a write, and count."""
        if first:
            counted = [decision for decision in decisions if decision.counted]
            skipped = sum(1 for d in counted if d.skips and not d.steps and not only_settled(d))
            held = {decision.original_id for waiting in verdict.held.values() for decision in waiting}
            self._count(Counts(processed=len(counted), skipped=skipped, held=len(held)))
        records = told_by(self._direction, decisions, verdict, first=first, dry=self._dry)
        self._result.actions.extend(records)
        if not self._dry and records:
            self._ledger.record(self._run_id, records)

    def _tell_unreadable(self) -> None:
        """Originals that the calendar lists and nobody can read: they stop nothing, and are named."""
        records = told_unreadable(self._direction, self._tools.unreadable())
        if not records:
            return
        self._count(Counts(processed=len(records), skipped=len(records)))
        self._result.actions.extend(records)
        if not self._dry:
            self._ledger.record(self._run_id, records)

    def _is_older(self, decisions: Sequence[Decision]) -> bool:
        """Whether copies bear stamps of this installation that neither their rows nor the journal knows: the database
        was put back to an earlier state, which nothing beside it tells where all of it was (`reliability.md` A7)."""
        if self._dry or not self._tools.may_lose:
            return False
        seen = {decision.strange_stamp for decision in decisions if decision.strange_stamp}
        if self._asker.listed:
            known = {copy.copy_key: copy for copy in self._ledger.copies(self._direction.id, None)}
            seen |= strange_stamps(self._judge, self._asker.listed, known)
        seen -= set(self._tools.accepted)
        if seen:
            seen -= set(self._ledger.stamps_known(seen))
        self._result.strange_stamps = frozenset(seen)
        return bool(seen)

    def _notice_installation(self, decisions: Sequence[Decision]) -> None:
        listed = any(map(self._judge.by_other_installation, self._asker.listed))
        if listed or any(decision.other_installation for decision in decisions):
            self._ledger.other_installation(self._direction.id, self._now)

    def _keep(self, decisions: Sequence[Decision]) -> None:
        links = [link for decision in decisions for link in decision.links]
        copies = [copy for decision in decisions for copy in decision.copies]
        unlink = [(self._direction.id, d.original_id, occ) for d in decisions for occ in d.unlink]
        if self._blocks is not None:
            links += self._due_until_written(decisions)
        if links or copies or unlink:
            self._ledger.save(links, copies, unlink)

    def _due_until_written(self, decisions: Sequence[Decision]) -> list[Link]:
        """A block's copy may have to change because another original moved, which nothing shows any more once that one
        is planned: whoever has something to be written stays due until it is."""
        writing = {(d.original_id, step.occ) for d in decisions for step in d.steps}
        told = {(link.original_id, link.occ) for d in decisions for link in d.links}
        known = self._ledger.links(self._direction.id, sorted({original_id for original_id, _ in writing}))
        return [
            replace(link, replan_at=self._now)
            for link in known
            if link.copy_key and (link.original_id, link.occ) in writing - told
        ]

    def _leave_blocks(self, verdict: Verdict) -> set[str]:
        """Carry out what leaves the copies of others. Returns who followed them too: they are due with that."""
        leaving = [(decision, leave) for decision in verdict.go for leave in decision.leaves]
        if not leaving:
            return set()
        gone = [(self._direction.id, decision.original_id, leave.occ) for decision, leave in leaving]
        keys = sorted({leave.copy_key for _, leave in leaving})
        others = [
            replace(link, replan_at=self._now)
            for link in self._ledger.links_to(self._direction.id, keys)
            if (self._direction.id, link.original_id, link.occ) not in gone
        ]
        self._ledger.save(others, [], gone)
        return {link.original_id for link in others} | {decision.original_id for decision, _ in leaving}

    # -- writing -----------------------------------------------------------------------------------------------------

    def _writer(self) -> Writer:
        return Writer(
            self._direction,
            self._target,
            self._ledger,
            clock=self._tools.clock,
            stamps=self._tools.stamps,
            run_id=self._run_id,
            stopping=self._tools.stopping,
            tell=lambda done, total: self._tools.tell(Phase.WRITING, done, total),
            may_create=self._tools.may_create,
            before=self._tools.before,
        )

    async def _recover(self, writer: Writer) -> int:
        return await recover(
            self._direction, self._target, self._ledger, writer, self._tools.clock, source=self._source
        )

    async def _write(self, writer: Writer, verdict: Verdict) -> Written:
        originals = [decision.original_id for decision in verdict.go if decision.steps]
        links = (
            {(k.original_id, k.occ): k for k in self._ledger.links(self._direction.id, originals)} if originals else {}
        )
        work = [
            Work(decision.original_id, step, links.get((decision.original_id, step.occ)))
            for decision in verdict.go
            for step in decision.steps
        ]
        on_originals, on_copies = split_by_side(work)
        writer.before = self._tools.before.plus(self._result.counts)
        if on_originals and self._originals is not None:
            carrier = OriginalWriter(
                self._direction,
                self._originals,
                self._ledger,
                clock=self._tools.clock,
                stamps=self._tools.stamps,
                run_id=self._run_id,
                stopping=self._tools.stopping,
                before=writer.before,
                written=writer.written,
            )
            await carrier.write(on_originals)
        mark = mark_beside(self._judge, self._cases, self._ledger, on_copies)
        return await writer.write([*on_copies, *([mark] if mark is not None else [])])

    def _pending_originals(self) -> set[str]:
        return {intent.original_id for intent in self._ledger.pending_intents(self._direction.id)}

    async def _settle(self, writer: Writer) -> None:
        """Find out at once what became of writes whose answer was lost; a service that fails here too is named."""
        tired = self._tools.stopping() or writer.must_wait or self._unsettleable
        if tired or not self._ledger.pending_intents(self._direction.id):
            return
        try:
            await self._recover(writer)
        except (AccessError, OfflineError, ProtocolError, ThrottledError, UnavailableError) as error:
            # What was written stays written and counted; the next run asks again.
            self._unsettleable = True
            writer.written.errors.append(RunError(error.code, error.message, self._direction.target.id))

    def _admit_unknown(self) -> None:
        """What nobody could tell about is not in step, and the run must not end as if it were."""
        if not self._unknown:
            return
        where = next(iter(self._asker.silent)) if len(self._asker.silent) == 1 else None
        message = f"Whether {len(self._unknown)} event(s) are still there could not be asked; the next run asks again."
        self._result.errors.append(RunError("could_not_ask", message, where))

    def _finish(self, writer: Writer, seq_source: int, seq_target: int) -> None:
        """Say what stayed unknown; then all that was seen at the start counts as planned, if it was."""
        written = writer.written
        unsettled = len(self._ledger.pending_intents(self._direction.id))
        if unsettled:
            message = f"The service did not say whether {unsettled} write(s) happened; the next run settles them."
            self._result.errors.append(RunError("unknown_outcome", message, self._direction.target.id))
            self._count(Counts(failed=unsettled))
        if self._complete and not written.unfinished and not unsettled and not self._tools.stopping():
            self._ledger.planned(self._direction, seq_source=seq_source, seq_target=seq_target)

    def _count(self, counts: Counts) -> None:
        self._result.counts = self._result.counts.plus(counts)
