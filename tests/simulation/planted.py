"""Bugs to plant: small wrong versions of what the engine does right. A simulation is worth what it catches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.domain.events import Event
from app.domain.links import Copy, DirectionRecord, Evidence, Intent, IntentState, Op, Seen
from app.domain.pairs import CopyDeleted, CopyEdited, DirectionSettings, Mode
from app.domain.ports import CalendarClient, Clock, Closing, Ledger
from app.engine import (
    cases,
    closing,
    comparison,
    filters,
    guard,
    judge,
    originals,
    plan,
    proof,
    recovery,
    run,
    series,
    view,
    writer,
)
from app.engine.decisions import Case, Decision
from app.engine.originals import Unit
from tests.simulation.history import ONE_WAY, RING, TWO_MACHINES
from tests.simulation.machine import Topology

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Planted:
    """One wrong version, and the histories that should catch it."""

    name: str
    plant: Plant
    topology: Topology = ONE_WAY
    how: Mapping[str, Any] = field(default_factory=dict)
    first: int = 0
    """Seed to begin with: close to one that catches it, as the rare ones take long to find."""


AWAY = DirectionSettings(mode=Mode.BLOCKER, copy_deleted=CopyDeleted.STAY_AWAY)
BACK = DirectionSettings(mode=Mode.BLOCKER, copy_deleted=CopyDeleted.RESTORE)
RESTORED = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.RESTORE)
KEPT = DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.KEEP, copy_deleted=CopyDeleted.RESTORE)


def absence_is_proof(patch: pytest.MonkeyPatch) -> None:
    """What a listing lacks is gone: an original takes its copy along, a copy was deleted by hand."""
    right = originals.assemble_all

    def wrong(unit_ids: Any, rows: Any) -> dict[str, Unit]:
        return {
            unit_id: replace(unit, seen=Seen.GONE, event=None) if unit.seen is Seen.ABSENT else unit
            for unit_id, unit in right(unit_ids, rows).items()
        }

    patch.setattr(cases, "assemble_all", wrong)


def no_answer_is_gone(patch: pytest.MonkeyPatch) -> None:
    """A question the service could not answer counts as "not there"."""
    right = view.ask

    async def wrong(reader: Any, ledger: Ledger, calendar_id: str, event_ids: list[str]) -> Any:
        answers = await right(reader, ledger, calendar_id, event_ids)
        dead = [replace(a, evidence=Evidence.GONE) for a in answers if a.evidence is Evidence.UNKNOWN]
        ledger.store_answers(calendar_id, dead)
        return [*(a for a in answers if a.evidence is not Evidence.UNKNOWN), *dead]

    patch.setattr(view, "ask", wrong)


def nothing_is_settled(patch: pytest.MonkeyPatch) -> None:
    """Unknown writes are forgotten instead of settled."""

    async def wrong(
        direction: DirectionRecord, client: CalendarClient, ledger: Ledger, _writer: Any, clock: Clock, **_side: Any
    ) -> int:
        pending = ledger.pending_intents(direction.id)
        ledger.close_intents([Closing(replace(i, state=IntentState.DROPPED)) for i in pending], clock.now())
        return 0

    patch.setattr(run, "recover", wrong)


def deletes_are_not_settled(patch: pytest.MonkeyPatch) -> None:
    """Unknown deletes are dropped: found done later, they pass for a person's."""
    right = recovery._settle

    def wrong(intent: Intent, *rest: Any) -> Closing:
        if intent.op is Op.DELETE:
            return Closing(replace(intent, state=IntentState.DROPPED))
        return right(intent, *rest)

    patch.setattr(recovery, "_settle", wrong)


def copies_are_sources(patch: pytest.MonkeyPatch) -> None:
    """Copies are copied on."""
    patch.setattr(filters, "looks_like_ours", lambda event: False)
    right = cases.CaseReader.cases

    def wrong(self: cases.CaseReader, originals: Sequence[str]) -> list[Case]:
        patched = pytest.MonkeyPatch()
        patched.setattr(type(self._ledger), "known_copies", lambda *_: {})
        try:
            return [replace(case, is_copy=False) for case in right(self, originals)]
        finally:
            patched.undo()

    patch.setattr(cases.CaseReader, "cases", wrong)


def markers_are_proof(patch: pytest.MonkeyPatch) -> None:
    """Whatever bears our marker is ours."""

    def wrong(event: Event, target_key: str, copy_key: str, generation: int) -> bool:
        return event.marker is not None and event.marker.copy_key == copy_key

    for module in (proof, judge, writer):
        patch.setattr(module, "is_ours", wrong)


def no_guard(patch: pytest.MonkeyPatch) -> None:
    """Nothing is ever held."""
    patch.setattr(guard, "_why_hold_losses", lambda *_, **__: None)


def no_stamps(patch: pytest.MonkeyPatch) -> None:
    """What another installation wrote passes for a person's edit."""
    for module in (comparison, judge, plan):
        patch.setattr(module, "bears_other_stamp", lambda event, copy: False)


def generation_raised_on_each_delete(patch: pytest.MonkeyPatch) -> None:
    """The next copy gets another id although this one is not burned: machines no longer agree."""
    right = closing.applied

    def wrong(intent: Intent, *rest: Any, **more: Any) -> Closing:
        closed = right(intent, *rest, **more)
        if intent.op is Op.DELETE and closed.copy is not None:
            return replace(closed, copy=replace(closed.copy, generation=closed.copy.generation + 1))
        return closed

    patch.setattr(closing, "applied", wrong)


def dead_answers_count(patch: pytest.MonkeyPatch) -> None:
    """A create that meets its own dead event counts as done."""
    right = writer.Writer._exists

    def wrong(self: writer.Writer, intent: Intent, event: Event | None, *rest: Any) -> Closing:
        if event is not None and event.gone:
            return closing.applied(intent, None, event)
        return right(self, intent, event, *rest)

    patch.setattr(writer.Writer, "_exists", wrong)


def base_from_a_later_read(patch: pytest.MonkeyPatch) -> None:
    """What is read when an unknown write is settled counts as our own answer."""
    right = closing.applied

    def wrong(intent: Intent, answered: Any, event: Event | None, **more: Any) -> Closing:
        return right(intent, answered or (event.fields if event is not None else None), event, **more)

    patch.setattr(closing, "applied", wrong)


def deleted_by_hand_is_made_again(patch: pytest.MonkeyPatch) -> None:
    """Copies that a person deleted come back."""
    patch.setattr(judge.Judge, "stays_away", property(lambda self: False))


def edits_are_never_seen(patch: pytest.MonkeyPatch) -> None:
    """Only what we want differently is written: an edit by hand stays for ever."""
    right = comparison.compare

    def wrong(wanted: Any, actual: Any, event: Event, copy: Copy, link: Any, policy: Any, **more: Any) -> Any:
        found = right(wanted, actual, event, copy, link, policy, **more)
        return replace(found, write=tuple(n for n in found.write if n in found.wish_changed), edited=())

    patch.setattr(judge, "compare", wrong)


def planned_too_early(patch: pytest.MonkeyPatch) -> None:
    """What was seen counts as planned before anything is written."""
    right = run.DirectionRun._keep

    def wrong(self: run.DirectionRun, decisions: Sequence[Decision]) -> None:
        right(self, decisions)
        source, target = (self._ledger.view(side.id).seq for side in (self._direction.source, self._direction.target))
        self._ledger.planned(self._direction, seq_source=source, seq_target=target)

    patch.setattr(run.DirectionRun, "_keep", wrong)


def burned_ids_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """An original whose id is burned is not due: a machine that dies there never comes back to it."""
    right = closing.burned

    def wrong(*rest: Any) -> Closing:
        return replace(right(*rest), link=None)

    patch.setattr(closing, "burned", wrong)


def exceptions_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """Only masters are compared."""
    patch.setattr(series.SeriesPlanner, "inside", lambda *_: None)


def gone_originals_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """A deleted original leaves its copy."""

    def wrong(self: plan.Planner, case: Case, decision: Decision) -> None:
        decision.counted = False

    patch.setattr(plan.Planner, "_gone", wrong)


PLANTED = (
    Planted("absence_is_proof", absence_is_proof, how={"trouble": 0.15, "settings": AWAY}),
    Planted("no_answer_is_gone", no_answer_is_gone, how={"trouble": 0.15, "settings": AWAY}),
    Planted("nothing_is_settled", nothing_is_settled, how={"trouble": 0.15, "settings": AWAY}),
    Planted("deletes_are_not_settled", deletes_are_not_settled, how={"trouble": 0.15, "settings": AWAY}, first=78),
    Planted("copies_are_sources", copies_are_sources, topology=RING, how={"settings": RESTORED}),
    Planted("markers_are_proof", markers_are_proof, how={"settings": RESTORED, "forgets": True}, first=52),
    Planted("no_guard", no_guard),
    Planted("no_stamps", no_stamps, topology=TWO_MACHINES, how={"settings": KEPT, "retires": True}, first=39),
    Planted(
        "generation_raised_on_each_delete",
        generation_raised_on_each_delete,
        topology=TWO_MACHINES,
        how={"settings": BACK, "burns_ids": False},
    ),
    Planted("dead_answers_count", dead_answers_count, how={"settings": BACK}),
    Planted("base_from_a_later_read", base_from_a_later_read, how={"trouble": 0.15, "settings": RESTORED}, first=24),
    Planted("deleted_by_hand_is_made_again", deleted_by_hand_is_made_again, how={"trouble": 0, "settings": AWAY}),
    Planted("edits_are_never_seen", edits_are_never_seen, how={"settings": RESTORED}),
    Planted("planned_too_early", planned_too_early, how={"trouble": 0.15, "settings": RESTORED}),
    Planted("burned_ids_are_forgotten", burned_ids_are_forgotten, how={"settings": RESTORED}, first=65),
    Planted("exceptions_are_ignored", exceptions_are_ignored),
    Planted("gone_originals_are_ignored", gone_originals_are_ignored),
)
