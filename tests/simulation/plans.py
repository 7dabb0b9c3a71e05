"""What a history is drawn from: who is paired with whom, settings, services, weather. A seed says it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import time
from random import Random

from app.domain.pairs import (
    Conflict,
    CopyDeleted,
    CopyEdited,
    Direction,
    DirectionSettings,
    FilteredLater,
    Filters,
    HoursFilter,
    Mode,
    Weekday,
    WordFilter,
)
from tests.simulation.machine import Topology
from tests.simulation.services import PERSONALITIES, Quirks

ONE_WAY = Topology((("a", "b", Direction.A_TO_B),))
RING = Topology((("a", "b", Direction.A_TO_B), ("a", "c", Direction.B_TO_A), ("b", "c", Direction.A_TO_B)))
RING_OF_FOUR = Topology(tuple((x, y, Direction.BIDIRECTIONAL) for x, y in ("ab", "bc", "cd", "ad")))
RING_OF_FIVE = Topology(
    (*((x, y, Direction.A_TO_B) for x, y in ("ab", "bc", "cd", "de")), ("a", "e", Direction.B_TO_A))
)
DIAMOND = Topology(tuple((x, y, Direction.A_TO_B) for x, y in ("ab", "ac", "bd", "cd")))
BACK_AND_FORTH = Topology((("a", "b", Direction.BIDIRECTIONAL),))
TWO_MACHINES = Topology((("a", "b", Direction.A_TO_B),), machines=2)
TWO_BOTH_WAYS = Topology((("a", "b", Direction.BIDIRECTIONAL),), machines=2)

GOOGLE = Quirks()


@dataclass(frozen=True)
class Plan:
    """One history before it is played.

    Args:
        trouble: chance that a request meets a fault; a machine dies about as often.
        forgets: machines lose their state at times.
        retires: before the calm all machines but one go for good.
        minutes_off: the clock of the last machine is wrong by this much.
        poison: a title that services refuse for good.
        changed: settings that the owner of the pairs may choose instead, at any time.
        answers: holds are answered by chance, yes or no, in the storm too.
        undoes: runs are undone by chance.
        stops: runs are asked to stop by chance.
        budget: so many events may be made in an account in a day, until the calm; None for as many as there are.
        audits: directions are audited once a day. Without, what was read bit by bit must be enough.
        skipped_acts, skipped_faults: what is left out of it, by number.
    """

    seed: int
    topology: Topology
    settings: DirectionSettings
    quirks: Mapping[str, Quirks] = field(default_factory=dict)
    trouble: float = 0.06
    forgets: bool = False
    retires: bool = False
    minutes_off: float = 0
    poison: str | None = None
    changed: tuple[DirectionSettings, ...] = ()
    answers: bool = False
    undoes: bool = False
    audits: bool = False
    stops: bool = False
    budget: int | None = None
    steps: int = 160
    skipped_acts: frozenset[int] = frozenset()
    skipped_faults: frozenset[int] = frozenset()


def one_way_settings(random: Random) -> DirectionSettings:
    """Settings for pairs that never write to originals."""
    return DirectionSettings(
        mode=random.choice((Mode.BLOCKER, Mode.FULL, Mode.FULL, Mode.DETAILS)),
        copy_edited=random.choice((CopyEdited.RESTORE, CopyEdited.RESTORE, CopyEdited.KEEP)),
        copy_deleted=random.choice((CopyDeleted.RESTORE, CopyDeleted.STAY_AWAY)),
        window_ahead_days=random.choice((365, 365, 100)),
    )


def both_ways_settings(random: Random) -> DirectionSettings:
    """Settings for pairs that may."""
    return DirectionSettings(
        mode=random.choice((Mode.FULL, Mode.FULL, Mode.DETAILS)),
        copy_edited=random.choice((CopyEdited.WRITE_BACK, CopyEdited.WRITE_BACK, *CopyEdited)),
        copy_deleted=random.choice(tuple(CopyDeleted)),
        conflict=random.choice(tuple(Conflict)),
        window_ahead_days=random.choice((365, 365, 100)),
    )


OFFICE = HoursFilter(tuple(Weekday)[:5], time(9), time(17), "Europe/Berlin")
EVENINGS = HoursFilter((Weekday.FRIDAY, Weekday.SATURDAY), time(16), time(8), "America/New_York", only=False)


def filtered_settings(random: Random) -> DirectionSettings:
    """Settings that leave out this and that: kinds, lengths, words, hours."""
    filters = Filters(
        free=random.choice((None, True, False)),
        all_day=random.random() < 0.4,
        shorter_than_seconds=random.choice((0, 0, 1800)),
        words=random.choice(((), (WordFilter(("lunch", "Trip")),), (WordFilter(("e",), only=True),))),
        hours=random.choice((None, None, OFFICE, EVENINGS)),
    )
    later = random.choice((FilteredLater.REMOVE, FilteredLater.REMOVE, FilteredLater.LEAVE))
    return replace(one_way_settings(random), filters=filters, filtered_later=later)


def block_settings(random: Random) -> DirectionSettings:
    """Settings that make blocks of busy time."""
    return DirectionSettings(
        copy_deleted=CopyDeleted.RESTORE,
        buffer_before_minutes=random.choice((0, 15, 30)),
        buffer_after_minutes=random.choice((0, 15, 60)),
        merge_touching=random.random() < 0.7,
        minimum_minutes=random.choice((0, 0, 45)),
    )


def changing(seed: int) -> Plan:
    """Settings that the owner changes on the way; the last ones count."""
    random = Random(f"changes {seed}")
    return _plan(seed, ONE_WAY, changed=tuple(one_way_settings(random) for _ in range(3)))


def swarm(random: Random, topology: Topology) -> dict[str, Quirks]:
    """A personality for each calendar."""
    return {name: PERSONALITIES[random.choice(sorted(PERSONALITIES))](random) for name in topology.calendars}


def _plan(seed: int, topology: Topology, **more: object) -> Plan:
    random = Random(f"plan {seed}")
    both = any(direction is Direction.BIDIRECTIONAL for _, _, direction in topology.pairs)
    settings = both_ways_settings(random) if both else one_way_settings(random)
    drawn: dict[str, object] = {
        "settings": settings,
        "quirks": swarm(random, topology),
        "trouble": random.choice((0.03, 0.06, 0.15)),
        "audits": seed % 2 == 0 or bool(more.get("forgets") or more.get("retires")),
        "minutes_off": random.choice((0, 0, 10, -10)) if topology.machines > 1 else 0,
    }
    return Plan(seed, topology, **(drawn | more))  # type: ignore[arg-type]  # names and values of the dataclass


RESTORED = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.RESTORE)

KINDS: Mapping[str, Callable[[int], Plan]] = {
    "one_way": lambda seed: _plan(seed, ONE_WAY),
    "calm": lambda seed: _plan(seed, ONE_WAY, trouble=0.0),
    "calm_both_ways": lambda seed: _plan(seed, BACK_AND_FORTH, trouble=0.0),
    "both_ways": lambda seed: _plan(seed, BACK_AND_FORTH),
    "ring": lambda seed: _plan(seed, (RING, RING_OF_FOUR, RING_OF_FIVE)[seed % 3]),
    "diamond": lambda seed: _plan(seed, DIAMOND),
    "two_machines": lambda seed: _plan(seed, (TWO_MACHINES, TWO_BOTH_WAYS)[seed % 2]),
    # What the other installation deleted looks to the one left alone as if a person had: so it restores.
    "one_of_two_retires": lambda seed: _plan(seed, TWO_MACHINES, retires=True, settings=RESTORED),
    "lost_state": lambda seed: _plan(seed, ONE_WAY, forgets=True),
    "poison": lambda seed: _plan(seed, ONE_WAY, poison="Dentist"),
    "filters": lambda seed: _plan(seed, ONE_WAY, settings=filtered_settings(Random(f"filters {seed}"))),
    "blocks": lambda seed: _plan(seed, ONE_WAY, settings=block_settings(Random(f"blocks {seed}"))),
    "changed_settings": changing,
    "holds": lambda seed: _plan(seed, ONE_WAY, answers=True),
    "undo": lambda seed: _plan(seed, (ONE_WAY, BACK_AND_FORTH)[seed % 2], undoes=True, stops=True),
    "budget": lambda seed: _plan(seed, ONE_WAY, budget=Random(f"budget {seed}").choice((2, 5, 9))),
}
