"""What a run asks the services directly: events that decisions ask for, copies that live under another id.

Async through the ports' readers only; every answer goes into the ledger, and into the cases that are planned with it.
Decides nothing: what to ask comes from decisions, what it means from the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.events import Event
from app.domain.ledger import Ledger
from app.domain.links import Copy, CopyForm, CopyState, DirectionRecord, Evidence, Link, LinkState, Op, Seen
from app.domain.ports import CalendarReader
from app.engine import view
from app.engine.cases import CaseReader, copy_from
from app.engine.decisions import Decision
from app.engine.recovery import known_by_name, marked_copies
from app.engine.writer import Written

ASK_AT_MOST = 200
"""Direct reads in one run; the rest waits for the next."""


class Asker:
    """Asks for one direction in one run.

    Args:
        cases: learn what was asked and found.
        now: the run's moment.
    """

    def __init__(
        self,
        direction: DirectionRecord,
        source: CalendarReader,
        target: CalendarReader,
        ledger: Ledger,
        cases: CaseReader,
        now: datetime,
    ) -> None:
        self._direction = direction
        self._source = source
        self._target = target
        self._ledger = ledger
        self._cases = cases
        self._now = now
        self._asked = 0
        self._unanswered: set[str] = set()
        self.silent: set[str] = set()
        """Calendars whose service could not say of everything."""
        self.listed: list[Event] = []
        """The direction's living copies, where a copy that is gone made them be listed."""

    async def ask(self, asking: Iterable[Decision]) -> list[str]:
        """Read what decisions ask for, as far as this run's allowance goes; returns the originals to plan again."""
        again = []
        sources: list[str] = []
        targets: list[str] = []
        for decision in asking:
            about_source = [i for i in decision.reads if decision.ask_original or decision.ask_marker]
            new_sources = [i for i in about_source if i not in self._cases.asked_source]
            new_targets = [i for i in decision.ask_copies if i not in self._cases.asked_target]
            if not self._unanswered.isdisjoint(new_sources + new_targets):
                continue  # the service could not say; asking once a run is enough
            if decision.ask_original or decision.ask_copies:
                if self._asked + len(new_sources) + len(new_targets) > ASK_AT_MOST:
                    continue
                self._asked += len(new_sources) + len(new_targets)
            sources.extend(new_sources)
            targets.extend(new_targets)
            again.append(decision.original_id)
        self._cases.asked_target |= await self._read(self._target, self._direction.target.id, targets)
        self._cases.asked_source |= await self._read(self._source, self._direction.source.id, sources)
        return again

    async def _read(self, reader: CalendarReader, calendar_id: str, event_ids: list[str]) -> set[str]:
        """Read these directly; returns those of which the service told something."""
        if not event_ids:
            return set()
        answers = await view.ask(reader, self._ledger, calendar_id, event_ids)
        told = {answer.event_id for answer in answers if answer.evidence is not Evidence.UNKNOWN}
        unanswered = set(event_ids) - told
        if unanswered:
            self._unanswered |= unanswered
            self.silent.add(calendar_id)
        return told

    async def read_differing(self, listed: Iterable[Event]) -> None:
        """Of copies that were listed by their marker, read those that the view has otherwise or not at all: what was
        done to one outside a frozen span nothing else tells."""
        calendar = self._direction.target.id
        etags = {event.id: event.etag for event in listed}
        known = {row.event.id: row for row in self._ledger.rows(calendar, etags.keys())} if etags else {}
        right = {i for i, row in known.items() if row.seen is Seen.SEEN and row.event.etag == etags.get(i)}
        differing = sorted(etags.keys() - right)[: ASK_AT_MOST - self._asked]
        self._asked += len(differing)
        self._cases.asked_target |= await self._read(self._target, calendar, differing)

    async def find_successors(self, decisions: Iterable[Decision]) -> list[str]:
        """Originals whose copy is gone but lives on under another id: another installation made it anew, nobody took
        it away. Looked for only when a copy would be left away, or its original deleted with it; the living one is
        taken over without a base."""
        decided = list(decisions)
        gone = {
            step.copy_key: (decision, step.copy)
            for decision in decided
            for step in decision.steps
            if step.op is Op.DELETE_ORIGINAL and step.copy is not None
        }
        gone |= {
            copy.copy_key: (decision, copy)
            for decision in decided
            if any(link.state is LinkState.AWAY for link in decision.links)
            for copy in decision.copies
            if copy.state is CopyState.GONE and copy.form is not CopyForm.OCCURRENCE
        }
        if not gone:
            return []
        listed = await marked_copies(self._target, self._direction)
        generations = {key: copy.generation for key, (_, copy) in gone.items()}
        named, silent = await known_by_name(self._direction, self._target, self._ledger, generations)
        self.listed = listed
        found: dict[str, Copy] = {}
        for event in (*listed, *named):
            copy = copy_from(event, self._direction.id)
            if copy is not None and copy.copy_key in gone and copy.event_id != gone[copy.copy_key][1].event_id:
                found[copy.copy_key] = copy
        self.put_off([gone[key][0] for key in sorted(silent - found.keys())])
        self._cases.succeeding |= found
        return sorted({gone[key][0].original_id for key in found})

    async def find_living(self, decisions: Iterable[Decision]) -> list[str]:
        """Originals that would get a copy although one lives: another installation made it since, and a service that
        names events itself would make a second one (`engine.md` §4). It is in the view, known by its name; read
        directly it proves itself and is taken over without a base."""
        creating = {
            step.copy_key: (decision, step.copy.generation if step.copy is not None else 0)
            for decision in decisions
            for step in decision.steps
            if step.op is Op.CREATE and step.copy_key not in self._cases.living
        }
        generations = {key: generation for key, (_, generation) in creating.items()}
        named, silent = await known_by_name(self._direction, self._target, self._ledger, generations)
        self.put_off([creating[key][0] for key in sorted(silent & creating.keys())])
        again: set[str] = set()
        for event in named:
            copy = copy_from(event, self._direction.id)
            if copy is None or copy.copy_key not in creating:
                continue
            rival = self._cases.living.get(copy.copy_key)
            if rival is None or copy.generation < rival.generation:
                self._cases.living[copy.copy_key] = copy
                again.add(creating[copy.copy_key][0].original_id)
        return sorted(again)

    def put_off(self, waiting: Sequence[Decision]) -> None:
        """What could not be asked, or not in this run, is due in the next one."""
        for decision in waiting:
            decision.steps.clear()
            decision.skips.append(("", "could_not_ask", decision.source))
            known = self._ledger.links(self._direction.id, [decision.original_id])
            link = next(iter([*decision.links, *known]), None) or Link(
                self._direction.id, decision.original_id, state=LinkState.SKIPPED, reason="could_not_ask"
            )
            decision.links.append(replace(link, replan_at=self._now))

    async def read_again(self, written: Written) -> None:
        """Read what writing found changed, on either side."""
        reread = sorted(written.reread - {""})
        if reread:
            await view.ask(self._target, self._ledger, self._direction.target.id, reread)
        originals = sorted(written.reread_originals)
        if originals:
            await view.ask(self._source, self._ledger, self._direction.source.id, originals)
