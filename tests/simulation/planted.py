"""Bugs to plant: small wrong versions of what the engine does right. A simulation is worth what it catches.

Of the list in `reliability.md` §3.3 one is not here, to trust a list that was cut off. It is masked: nothing is ever
concluded from absence without asking, and a read whose last page never came is no read at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.domain import identity
from app.domain.errors import UnavailableError
from app.domain.events import Event
from app.domain.ledger import Closing, Ledger
from app.domain.links import Answer, Copy, DirectionRecord, Evidence, Intent, IntentState, Op, Seen
from app.domain.pairs import CopyDeleted, CopyEdited, CopyField, DirectionSettings, Mode
from app.domain.ports import CalendarClient, Clock
from app.engine import (
    asking,
    cases,
    closing,
    comparison,
    filters,
    guard,
    judge,
    originals,
    proof,
    recovery,
    run,
    series,
    undo,
    unwanted,
    view,
    write_back,
    writer,
)
from app.engine.decisions import Case, Decision
from app.engine.fingerprint import FIELD_NAMES
from app.engine.originals import Unit
from app.store import views as store_views
from tests.simulation.machine import Topology
from tests.simulation.plans import BACK_AND_FORTH, GOOGLE, ONE_WAY, RING, TWO_MACHINES, Plan
from tests.simulation.services import Quirks

Plant = Callable[[pytest.MonkeyPatch], None]


LOOKED_THROUGH = 60
"""Seeds in which a planted bug has to be caught."""


@dataclass(frozen=True)
class Planted:
    """One wrong version, the histories that should catch it, and the promises one of which they see broken."""

    name: str
    plant: Plant
    promises: tuple[int, ...]
    histories: Callable[[int], Plan]
    first: int = 0
    """Seed to begin with: close to one that catches it, as the rare ones take long to find."""


AWAY = DirectionSettings(mode=Mode.BLOCKER, copy_deleted=CopyDeleted.STAY_AWAY)
BACK = DirectionSettings(mode=Mode.BLOCKER, copy_deleted=CopyDeleted.RESTORE)
RESTORED = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.RESTORE)
KEPT = DirectionSettings(mode=Mode.FULL, copy_edited=CopyEdited.KEEP, copy_deleted=CopyDeleted.RESTORE)
WRITTEN_BACK = DirectionSettings(
    mode=Mode.FULL, copy_edited=CopyEdited.WRITE_BACK, copy_deleted=CopyDeleted.DELETE_ORIGINAL
)
SPELLS = Quirks(tidies=True)
NAMES = Quirks("graph", burns_ids=False, excluded_dates=False, server_ids=True, remembers_hours=6, clones_markers=False)
LAGS = replace(NAMES, lags_minutes=2)
FREE_AGAIN = Quirks("caldav", burns_ids=False)


def histories(
    topology: Topology = ONE_WAY,
    settings: DirectionSettings = RESTORED,
    *,
    a: Quirks = GOOGLE,
    b: Quirks = GOOGLE,
    **more: Any,
) -> Callable[[int], Plan]:
    """Plans that differ by their seed only."""
    quirks = {name: a if name == "a" else b for name in topology.calendars}
    return lambda seed: Plan(seed, topology, settings, quirks, **more)


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
        direction: DirectionRecord, client: CalendarClient, ledger: Ledger, _writer: Any, clock: Clock, **_: Any
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

    def wrong(self: cases.CaseReader, originals: Sequence[str], *around: Any) -> list[Case]:
        patched = pytest.MonkeyPatch()
        patched.setattr(type(self._ledger), "known_copies", lambda *_: {})
        try:
            return [replace(case, is_copy=False) for case in right(self, originals, *around)]
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
    for module in (comparison, judge, unwanted):
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

    def wrong(self: unwanted.UnwantedPlanner, case: Case, decision: Decision) -> None:
        decision.counted = False

    patch.setattr(unwanted.UnwantedPlanner, "gone", wrong)


def absence_outside_the_span_counts(patch: pytest.MonkeyPatch) -> None:
    """A full read makes absent what lies outside its span too, and absence is proof."""
    patch.setattr(store_views, "_IN_SPAN", "?1 IS NOT NULL AND ?2 IS NOT NULL")
    absence_is_proof(patch)


def base_from_an_unconfirmed_write(patch: pytest.MonkeyPatch) -> None:
    """What differs from what we sent passes for a person's edit although no answer told what the service made of it."""
    right = write_back.WriteBack.returned

    def wrong(self: Any, *rest: Any, **more: Any) -> Any:
        return right(self, *rest, **{**more, "confirmed": True})

    patch.setattr(write_back.WriteBack, "returned", wrong)


def everything_differing_goes_back(patch: pytest.MonkeyPatch) -> None:
    """What the original changed counts as edited on the copy."""
    right = comparison.compare

    def wrong(wanted: Any, actual: Any, *rest: Any, **more: Any) -> Any:
        found = right(wanted, actual, *rest, **more)
        return replace(found, edited=tuple(n for n in FIELD_NAMES if wanted[n] != actual[n]))

    patch.setattr(judge, "compare", wrong)


def guests_are_written_to(patch: pytest.MonkeyPatch) -> None:
    """Originals with other people on them count as writable."""
    names = frozenset(field.value for field in CopyField)
    patch.setattr(write_back.WriteBack, "_writable", lambda self, original: names)


def sent_before_journaled(patch: pytest.MonkeyPatch) -> None:
    """Writes go out first and are journaled once they are told."""
    right = writer.Writer.deliver

    async def wrong(self: writer.Writer, intents: Sequence[Intent], **more: Any) -> None:
        self._ledger.close_intents([Closing(replace(i, state=IntentState.DROPPED)) for i in intents], self._clock.now())
        await right(self, intents, **more)

    patch.setattr(writer.Writer, "deliver", wrong)


def undo_leaves_what_it_finds(patch: pytest.MonkeyPatch) -> None:
    """An undo of a change writes the copy as it is now."""
    patch.setattr(undo, "overlay", lambda fields, was, names: fields)


def failed_reads_are_empty(patch: pytest.MonkeyPatch) -> None:
    """A calendar that cannot be read has no events: all it had is gone."""
    right = view.pull

    async def wrong(reader: Any, ledger: Ledger, calendar_id: str, *rest: Any, **more: Any) -> Any:
        try:
            return await right(reader, ledger, calendar_id, *rest, **more)
        except UnavailableError:
            units = {row.event.unit for row in ledger.rows(calendar_id, None)}
            ledger.store_answers(calendar_id, [Answer(unit, Evidence.GONE) for unit in sorted(units)])
            return None

    patch.setattr(view, "pull", wrong)


def one_refusal_stops_all(patch: pytest.MonkeyPatch) -> None:
    """After a refused write nothing more is sent in that run."""
    right = writer.Writer._refused

    def wrong(self: writer.Writer, *rest: Any) -> Closing:
        self.stopping = lambda: True
        return right(self, *rest)

    patch.setattr(writer.Writer, "_refused", wrong)


def nothing_is_adopted(patch: pytest.MonkeyPatch) -> None:
    """After loss of state copies are not looked for."""

    async def wrong(*_: Any) -> list[Event]:
        return []

    for place in (run, asking):
        patch.setattr(place, "marked_copies", wrong)
    patch.setattr(recovery, "copy_names", lambda *_: ())


def living_copies_elsewhere_are_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    """A copy is made although another installation's lives."""
    patch.setattr(recovery, "copy_names", lambda *_: ())
    right = recovery.marked_copies

    async def wrong(client: CalendarClient, direction: DirectionRecord) -> list[Event]:
        return [] if direction.adopted else await right(client, direction)

    patch.setattr(recovery, "marked_copies", wrong)


def moved_hours_get_new_keys(patch: pytest.MonkeyPatch) -> None:
    """Occurrences are named by their moment: a moved hour makes others of them."""

    def wrong(original_start: Any, zone: Any, *, sub_daily: bool) -> str:
        return str(original_start.strftime("%Y%m%d"))

    patch.setattr(originals, "occurrence_key", wrong)


def put_off_counts_as_not_done(patch: pytest.MonkeyPatch) -> None:
    """A repetition that was put off ends a write whose first try nobody knows of."""
    patch.setattr(closing, "still_unknown", lambda intent: Closing(replace(intent, state=IntentState.DROPPED)))


def everything_is_written_every_time(patch: pytest.MonkeyPatch) -> None:
    """What was sent is compared with what the service made of it, each time."""
    right = comparison.compare

    def wrong(wanted: Any, actual: Any, *rest: Any, **more: Any) -> Any:
        found = right(wanted, actual, *rest, **more)
        return replace(found, write=tuple(n for n in FIELD_NAMES if wanted[n] != actual[n]))

    patch.setattr(judge, "compare", wrong)


def ids_of_ones_own(patch: pytest.MonkeyPatch) -> None:
    """Ids that only the installation that chose them can derive."""
    right = identity.copy_id

    def chosen(self: writer.Writer, work: Any) -> Intent:
        whose = self._stamps.installation()
        with pytest.MonkeyPatch.context() as own:
            own.setattr(identity, "copy_id", lambda *parts: identity.digest(whose, right(*parts)))
            return intents(self, work)

    intents = writer.Writer._intent
    patch.setattr(writer.Writer, "_intent", chosen)


def another_name_for_each_try(patch: pytest.MonkeyPatch) -> None:
    """What is sent once more has another id than the try before."""
    right = writer.Writer.deliver

    async def wrong(self: writer.Writer, intents: Sequence[Intent], **more: Any) -> None:
        again = [replace(i, copy_id=identity.digest(i.copy_id, str(i.tries))) if i.tries > 1 else i for i in intents]
        await right(self, again, **more)

    patch.setattr(writer.Writer, "deliver", wrong)


def blind_writes(patch: pytest.MonkeyPatch) -> None:
    """Writes go out without the version that was read."""
    right = writer.Writer._intent
    patch.setattr(writer.Writer, "_intent", lambda self, work: replace(right(self, work), etag=""))


def pending_is_planned_over(patch: pytest.MonkeyPatch) -> None:
    """A copy with a write that nobody knows of is planned like any other."""
    patch.setattr(cases.CaseReader, "pending", lambda self: frozenset())
    patch.setattr(run.DirectionRun, "_pending_originals", lambda self: set())


PLANTED = (
    Planted("ids_of_ones_own", ids_of_ones_own, (1, 9), histories(TWO_MACHINES, RESTORED)),
    Planted("another_name_for_each_try", another_name_for_each_try, (1,), histories(b=LAGS, trouble=0.3)),
    Planted("blind_writes", blind_writes, (3,), histories(trouble=0.15)),
    Planted(
        "pending_is_planned_over",
        pending_is_planned_over,
        (1,),
        histories(b=replace(LAGS, remembers_hours=0), trouble=0.4),
    ),
    Planted("absence_is_proof", absence_is_proof, (4, 5, 9), histories(settings=AWAY, trouble=0.15)),
    Planted("no_answer_is_gone", no_answer_is_gone, (4, 5, 9), histories(settings=AWAY, trouble=0.15), first=8),
    Planted(
        "absence_outside_the_span_counts",
        absence_outside_the_span_counts,
        (4, 5, 9),
        histories(settings=AWAY, a=Quirks("graph", hides_markers=True, span_days=180)),
    ),
    Planted("nothing_is_settled", nothing_is_settled, (4, 9), histories(settings=AWAY, trouble=0.15)),
    Planted("deletes_are_not_settled", deletes_are_not_settled, (4,), histories(settings=AWAY, trouble=0.15), first=8),
    Planted("copies_are_sources", copies_are_sources, (9, 4, 2, 3, 8), histories(RING)),
    Planted("markers_are_proof", markers_are_proof, (3, 8, 9), histories(forgets=True)),
    Planted("no_guard", no_guard, (5,), histories(settings=AWAY)),
    Planted("no_stamps", no_stamps, (9, 4), histories(TWO_MACHINES, KEPT, retires=True), first=8),
    Planted(
        "generation_raised_on_each_delete",
        generation_raised_on_each_delete,
        (1, 9),
        histories(TWO_MACHINES, BACK, b=FREE_AGAIN),
    ),
    Planted("dead_answers_count", dead_answers_count, (4, 9), histories(settings=BACK)),
    Planted("base_from_a_later_read", base_from_a_later_read, (9,), histories(trouble=0.3), first=7),
    Planted(
        "base_from_an_unconfirmed_write",
        base_from_an_unconfirmed_write,
        (2,),
        histories(BACK_AND_FORTH, WRITTEN_BACK, a=SPELLS, b=SPELLS, trouble=0.15),
    ),
    Planted(
        "everything_differing_goes_back",
        everything_differing_goes_back,
        (2, 9),
        histories(BACK_AND_FORTH, WRITTEN_BACK),
        first=20,
    ),
    Planted("guests_are_written_to", guests_are_written_to, (7,), histories(BACK_AND_FORTH, WRITTEN_BACK)),
    Planted("sent_before_journaled", sent_before_journaled, (6,), histories()),
    Planted("undo_leaves_what_it_finds", undo_leaves_what_it_finds, (6,), histories(undoes=True, trouble=0.0)),
    Planted("failed_reads_are_empty", failed_reads_are_empty, (4, 5, 9), histories(trouble=0.15)),
    Planted("one_refusal_stops_all", one_refusal_stops_all, (9,), histories(poison="Dentist", trouble=0.0), first=20),
    Planted("nothing_is_adopted", nothing_is_adopted, (1, 9, 10), histories(forgets=True, b=NAMES)),
    Planted(
        "living_copies_elsewhere_are_not_looked_for",
        living_copies_elsewhere_are_not_looked_for,
        (1,),
        histories(TWO_MACHINES, b=NAMES),
    ),
    Planted(
        "deleted_by_hand_is_made_again",
        deleted_by_hand_is_made_again,
        (6,),
        histories(settings=AWAY, trouble=0.0),
    ),
    Planted("edits_are_never_seen", edits_are_never_seen, (9,), histories()),
    Planted(
        "everything_is_written_every_time",
        everything_is_written_every_time,
        (8, 9),
        histories(b=SPELLS),
    ),
    Planted("planned_too_early", planned_too_early, (4, 9), histories(trouble=0.15)),
    Planted(
        "burned_ids_are_forgotten",
        burned_ids_are_forgotten,
        (4, 9),
        histories(settings=BACK, trouble=0.2),
        first=6,
    ),
    Planted("exceptions_are_ignored", exceptions_are_ignored, (9,), histories()),
    Planted("gone_originals_are_ignored", gone_originals_are_ignored, (9,), histories()),
    Planted("moved_hours_get_new_keys", moved_hours_get_new_keys, (9, 4, 8), histories()),
    Planted(
        "put_off_counts_as_not_done",
        put_off_counts_as_not_done,
        (4, 9),
        histories(settings=AWAY, trouble=0.15),
    ),
)
