"""Blocks against brute force: random days of events, edited at random, over several runs, with faults and crashes.

What the target shall hold is computed here by itself, from the events alone; nothing of the engine is used for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import UnavailableError
from app.domain.events import Availability, Event, EventKind, Fields, Recurrence
from app.domain.pairs import DirectionSettings
from app.domain.runs import HoldAnswer
from app.domain.times import When
from tests.fakes.calendar import Crash, wall
from tests.fakes.engine_world import MONDAY, ZONE, World

SHAPES = [(0, 0, 0), (15, 0, 0), (30, 15, 0), (0, 0, 45), (10, 20, 70)]
KINDS = (Availability.BUSY, Availability.TENTATIVE, Availability.FREE)
REPEATED = 3

Act = tuple[str, int, int, Availability]
Span = tuple[datetime, datetime, Availability]

acts = st.tuples(
    st.sampled_from("abcdefxy"),
    st.integers(0, 40),
    # Nothing, an event without length, or one of up to an hour and a half: x and y are daily series.
    st.sampled_from([-1, -1, 0, 15, 30, 45, 60, 90]),
    st.sampled_from([*KINDS[:1] * 4, *KINDS[1:]]),
)


def carry_out(world: World, act: Act) -> None:
    name, quarter, minutes, availability = act
    if minutes < 0:
        if name in world.source.events:
            world.source.remove(name)
        return
    series = name in "xy"
    start = wall(MONDAY, 6) + timedelta(minutes=15 * quarter)
    rule = Recurrence((f"RRULE:FREQ=DAILY;COUNT={REPEATED}",)) if series else None
    fields = Fields(
        When(start, start + timedelta(minutes=minutes), ZONE), title=name, availability=availability, recurrence=rule
    )
    kind = EventKind.SERIES if series else EventKind.SINGLE
    # What was deleted comes back as another event, as everywhere.
    event = Event(name, kind=kind, fields=fields, ical_uid=f"{name}@x")
    if name in world.source.events and world.source.events[name].gone:
        return
    world.source.put(event)


def wanted(world: World) -> list[Span]:
    """The spans of all living events that block time, a series by its days."""
    before, after = world.settings.buffer_before_minutes, world.settings.buffer_after_minutes
    found: list[Span] = []
    for event in world.source.living():
        assert event.fields is not None
        if event.fields.availability is Availability.FREE:
            continue
        for day in range(REPEATED if event.kind is EventKind.SERIES else 1):
            start, end = (at + timedelta(days=day) for at in (event.fields.when.start, event.fields.when.end))
            assert isinstance(start, datetime)
            assert isinstance(end, datetime)
            early, late = start - timedelta(minutes=before), end + timedelta(minutes=after)
            found.append((early, late, event.fields.availability))
    return found


def merged(spans: Sequence[Span], minimum: timedelta) -> list[Span]:
    """Any two that touch are one, until no two do; then the earliest short one grows, and all begins anew: a later one
    that is touched by that need not grow itself."""
    blocks = list(spans)
    while True:
        pair = next(
            (
                (one, other)
                for number, one in enumerate(blocks)
                for other in blocks[number + 1 :]
                if one[2] is other[2] and one[0] <= other[1] and other[0] <= one[1]
            ),
            None,
        )
        if pair is not None:
            for one in pair:
                blocks.remove(one)
            blocks.append((min(p[0] for p in pair), max(p[1] for p in pair), pair[0][2]))
            continue
        short = min((block for block in blocks if block[1] - block[0] < minimum), default=None)
        if short is None:
            return sorted(blocks)
        blocks.remove(short)
        blocks.append((short[0], short[0] + minimum, short[2]))


def there(world: World) -> list[Span]:
    found: list[Span] = []
    for event in world.copies():
        assert event.fields is not None
        assert event.kind is EventKind.SINGLE
        when = event.fields.when
        assert isinstance(when.start, datetime)
        assert isinstance(when.end, datetime)
        found.append((when.start, when.end, event.fields.availability))
    return sorted(found)


def come_to_rest(world: World) -> None:
    """The target is as it shall be, with every hold answered; one more round writes nothing."""
    world.run_until_quiet()
    while world.answer(HoldAnswer.APPROVED):
        world.run_until_quiet()
    assert there(world) == merged(wanted(world), timedelta(minutes=world.settings.minimum_minutes))
    assert not world.ledger.pending_intents(world.direction.id)
    written, requests = len(world.target.log), len(world.target.requests)
    world.run()
    assert len(world.target.log) == written
    assert len(world.target.requests) == requests + 1


def shaped(shape: tuple[int, int, int]) -> DirectionSettings:
    before, after, minimum = shape
    return DirectionSettings(
        merge_touching=True, buffer_before_minutes=before, buffer_after_minutes=after, minimum_minutes=minimum
    )


@settings(max_examples=16, derandomize=True, deadline=None)
@given(shape=st.sampled_from(SHAPES), rounds=st.lists(st.lists(acts, min_size=1, max_size=6), min_size=1, max_size=4))
def test_the_target_holds_the_blocks_that_brute_force_finds_after_every_round_of_edits(
    shape: tuple[int, int, int], rounds: list[list[Act]]
) -> None:
    world = World(settings=shaped(shape))
    for edits in rounds:
        for act in edits:
            carry_out(world, act)
        come_to_rest(world)


@settings(max_examples=16, derandomize=True, deadline=None)
@given(
    shape=st.sampled_from(SHAPES),
    rounds=st.lists(st.lists(acts, min_size=1, max_size=6), min_size=2, max_size=3),
    faults=st.lists(
        st.tuples(st.sampled_from(["before", "after"]), st.integers(1, 4), st.booleans()), min_size=3, max_size=3
    ),
)
def test_no_lost_answer_and_no_crash_at_any_write_leaves_a_block_too_many_or_too_few(
    shape: tuple[int, int, int], rounds: list[list[Act]], faults: list[tuple[str, int, bool]]
) -> None:
    world = World(settings=shaped(shape))
    world.target.capabilities = replace(world.target.capabilities, batch=1)
    for edits, (moment, nth, dies) in zip(rounds, faults, strict=False):
        for act in edits:
            carry_out(world, act)
        strike_once(world, moment, nth, dies=dies)
        come_to_rest(world)


def strike_once(world: World, moment: str, nth: int, *, dies: bool) -> None:
    """One run in which the nth write is cut off, before or after the service carried it out."""
    left = [nth]

    def strike(name: str) -> None:
        if name == "write":
            left[0] -= 1
            if left[0] == 0:
                raise Crash if dies else UnavailableError("Lost.")

    setattr(world.target.script, moment, strike)
    try:
        world.run()
    except Crash:
        world.reopen()
    setattr(world.target.script, moment, lambda name: None)


@settings(max_examples=6, derandomize=True, deadline=None)
@given(
    first=st.lists(acts, min_size=3, max_size=8),
    second=st.lists(acts, max_size=3),
    shapes=st.lists(st.sampled_from(SHAPES), min_size=2, max_size=2),
)
def test_changed_buffers_and_a_lost_database_end_in_the_same_blocks(
    first: list[Act], second: list[Act], shapes: list[tuple[int, int, int]]
) -> None:
    world = World(settings=shaped(shapes[0]))
    for act in first:
        carry_out(world, act)
    come_to_rest(world)
    for act in second:
        carry_out(world, act)
    before, after, minimum = shapes[1]
    world.change_settings(buffer_before_minutes=before, buffer_after_minutes=after, minimum_minutes=minimum)
    come_to_rest(world)
    fresh = World(settings=world.settings, source=world.source, target=world.target)
    written = len(world.target.log)
    come_to_rest(fresh)
    assert [change.what for change in world.target.log[written:] if change.what == "remove"] == []


@pytest.mark.parametrize("spans", [[], [(wall(MONDAY, 9), wall(MONDAY, 10), KINDS[0])]])
def test_brute_force_itself_leaves_alone_what_touches_nothing(spans: list[Span]) -> None:
    assert merged(spans, timedelta()) == spans
