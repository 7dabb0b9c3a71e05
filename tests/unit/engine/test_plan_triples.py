"""Fifty thousand random triples (original, copy, link): the plan decides each alike, in whatever order it is asked, and
never takes away or overwrites what it has not proved.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

import pytest

from app.domain import identity
from app.domain.events import Availability, Event, EventKind, Fields, Marker, Recurrence
from app.domain.links import Copy, CopyForm, CopyState, Link, LinkState, Op, Row, Seen
from app.domain.pairs import CopyDeleted, CopyEdited, DirectionSettings, FilteredLater, Mode
from app.domain.times import When
from app.engine.decisions import Case, Decision
from app.engine.fingerprint import hashes
from app.engine.judge import Judge
from app.engine.originals import Unit, assemble
from app.engine.plan import Planner
from app.engine.proof import is_ours
from app.engine.wishes import Wisher, Wishes
from app.system.expansion import BoundedExpander
from tests.fakes.calendar import FakeCalendar, wall
from tests.fakes.engine_world import START, World

BATCHES = 50
OF_A_BATCH = 1000
MONDAY = date(2026, 11, 23)


def settings_of(random: Random) -> DirectionSettings:
    return DirectionSettings(
        mode=random.choice(tuple(Mode)),
        copy_edited=random.choice((CopyEdited.RESTORE, CopyEdited.KEEP)),
        copy_deleted=random.choice((CopyDeleted.RESTORE, CopyDeleted.STAY_AWAY)),
        filtered_later=random.choice(tuple(FilteredLater)),
    )


class Triples:
    """Draws cases for one direction."""

    def __init__(self, number: int) -> None:
        self.random = Random(f"triples {number}")
        world = World(settings=settings_of(self.random))
        self.direction = world.direction
        calendar, expander = FakeCalendar(), BoundedExpander()
        self.wisher = Wisher(
            self.direction,
            normal_form=calendar.normal_form,
            expresses=calendar.expresses,
            expand=lambda fields, span: expander.occurrences(fields, span, self.direction.source.zone),
            window=world.window(),
        )
        self.normal = calendar.normal_form
        self.planner = Planner(Judge(self.direction, self.wisher, START, installation="inst"), world.window())

    def cases(self) -> Iterator[Case]:
        for number in range(OF_A_BATCH):
            yield self._case(f"original{number}")

    def _case(self, original_id: str) -> Case:
        random, direction = self.random, self.direction
        original = self._unit(original_id)
        key = identity.copy_key(direction.key, original_id)
        generation = random.choice((0, 0, 1))
        event_id = identity.google_event_id(
            identity.copy_id(direction.target.calendar_key, key, generation + random.choice((0, 0, 0, 0, 1)))
        )
        wished = self.wisher.wishes(original, {}) if original.seen is Seen.SEEN else None
        first = wished.items[0] if wished is not None and wished.items else None
        said = first.fields if first is not None and random.random() < 0.6 else self._fields()
        said = self.normal(said)
        base = hashes(said if random.random() < 0.6 else self.normal(self._fields()))
        copy = Copy(
            direction.id,
            key,
            generation=generation,
            event_id=random.choice((event_id, event_id, event_id, "")),
            form=random.choice((CopyForm.SINGLE, CopyForm.SERIES)),
            state=random.choice((CopyState.LIVE, CopyState.LIVE, CopyState.LIVE, *CopyState)),
            etag='"1"',
            stamp="inst.1",
            base_copy=random.choice((base, base, {})),
            wanted=dict(first.hashes) if first is not None and random.random() < 0.7 else {},
        )
        link = Link(
            direction.id,
            original_id,
            copy_key=random.choice((key, key, key, "")),
            state=random.choice((LinkState.LIVE, LinkState.LIVE, *LinkState)),
            reason=random.choice(("", "refused", "undone")),
            base_original=dict(first.original_hashes) if first is not None and random.random() < 0.5 else {},
            retry_at=random.choice((None, None, START + timedelta(hours=1), START - timedelta(hours=1))),
            replan_at=random.choice((None, START)),
        )
        return Case(
            unit=original,
            wishes=wished if wished is not None else Wishes(),
            links={"": link} if random.random() < 0.8 else {},
            copies={key: copy} if random.random() < 0.85 else {},
            targets={event_id: self._target(event_id, key, generation, said)} if random.random() < 0.85 else {},
            pending=frozenset([key]) if random.random() < 0.05 else frozenset(),
            asked_original=random.random() < 0.5,
            asked_copies=frozenset([event_id]) if random.random() < 0.5 else frozenset(),
            is_copy=random.random() < 0.05,
            twin=random.random() < 0.05,
        )

    def _fields(self) -> Fields:
        random = self.random
        start = wall(MONDAY + timedelta(days=random.choice((0, 1, 7, 900))), random.choice((9, 10)))
        when = When(start, start + timedelta(minutes=random.choice((0, 30))), "Europe/Berlin")
        return Fields(
            when,
            title=random.choice(("Review", "Lunch", " Lunch ")),
            place=random.choice(("", "Room 7")),
            availability=random.choice((Availability.BUSY, Availability.BUSY, Availability.FREE)),
            recurrence=random.choice((None, None, Recurrence(("RRULE:FREQ=WEEKLY;COUNT=3",)))),
        )

    def _unit(self, original_id: str) -> Unit:
        random = self.random
        fields = self._fields()
        kind = EventKind.SERIES if fields.recurrence is not None else EventKind.SINGLE
        event = Event(
            original_id,
            kind=kind,
            fields=fields,
            etag='"1"',
            guests=random.random() < 0.1,
            marker_known=random.random() < 0.9,
        )
        seen = random.choice((Seen.SEEN, Seen.SEEN, Seen.SEEN, *Seen))
        if seen is Seen.GONE:
            event = Event(original_id, gone=True)
        return assemble(original_id, [Row(event, seen)])

    def _target(self, event_id: str, key: str, generation: int, said: Fields) -> Unit:
        random = self.random
        marker = Marker(
            self.direction.key,
            key,
            generation,
            random.choice(("inst.1", "inst.1", "inst.2", "other.7")),
            released=random.random() < 0.05,
        )
        kind = EventKind.SERIES if said.recurrence is not None else EventKind.SINGLE
        told = random.random() < 0.9
        event = Event(event_id, kind=kind, fields=said, etag='"2"', marker=marker if told else None, marker_known=told)
        seen = random.choice((Seen.SEEN, Seen.SEEN, Seen.SEEN, *Seen))
        if seen is Seen.GONE:
            event = Event(event_id, gone=True)
        return assemble(event_id, [Row(event, seen)])


def is_safe(case: Case, decision: Decision, target_key: str) -> bool:
    """Whether all that is changed or deleted was seen, is ours by proof, and is not being settled."""
    for step in decision.steps:
        if step.copy_key in case.pending:
            return False
        if step.op is Op.CREATE:
            continue
        target = case.targets.get(step.target_id)
        if target is None or target.seen is not Seen.SEEN or target.event is None or step.copy is None:
            return False
        if not is_ours(target.event, target_key, step.copy_key, step.copy.generation):
            return False
        if step.loses and case.unit.seen is Seen.ABSENT:
            return False
    return len({(step.occ, step.op) for step in decision.steps}) == len(decision.steps)


@pytest.mark.parametrize("number", range(BATCHES))
def test_a_thousand_triples_are_decided_alike_in_any_order_and_safely(number: int) -> None:
    triples = Triples(number)
    cases = list(triples.cases())
    decided = {case.unit.id: triples.planner.plan(case) for case in cases}
    shuffled = Random(f"order {number}").sample(cases, len(cases))

    assert {case.unit.id: triples.planner.plan(case) for case in shuffled} == decided
    for case in cases:
        decision = decided[case.unit.id]
        assert not (decision.asks and decision.steps)
        assert is_safe(case, decision, triples.direction.target.calendar_key), decision


def test_the_triples_reach_every_kind_of_decision() -> None:
    ops: set[Op] = set()
    reasons: set[str] = set()
    asked = 0
    for number in range(4):
        triples = Triples(number)
        for case in triples.cases():
            decision = triples.planner.plan(case)
            ops |= {step.op for step in decision.steps}
            reasons |= {reason for _, reason, _ in decision.skips}
            asked += decision.asks
    assert ops == {Op.CREATE, Op.UPDATE, Op.DELETE}
    assert {"pending", "backing_off", "stays_away", "outside_window", "already_there", "not_provable"} <= reasons
    assert asked > 100
    assert BATCHES * OF_A_BATCH >= 50_000
