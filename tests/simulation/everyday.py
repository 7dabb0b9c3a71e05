"""What is played every day, cut into parts like the full command: the figures of it, and nothing else."""

from __future__ import annotations

from tests.simulation.parts import Part, cut, traces
from tests.simulation.plans import KINDS
from tests.simulation.planted import PLANTED
from tests.simulation.scenarios import SCENARIOS

OF_SINGLES = 19
"""One of so many single faults of each scenario is struck; prime, so that every kind of fault has its turn."""
NUMBERS = {"one_way": 2000, "two_machines": 300, "both_ways": 300, "ring": 300}
OF_OTHERS = 25
QUICK = (
    "no_guard",
    "guests_are_written_to",
    "sent_before_journaled",
    "nothing_is_adopted",
    "base_from_an_unconfirmed_write",
    "dead_answers_count",
    "moved_hours_get_new_keys",
    "absence_is_proof",
)
"""Planted bugs that are caught within a few histories, one at least for most promises."""

OPEN = {
    "both_ways:53": "A delete that arrives after it was looked for and given up is taken for a person's: the event "
    "stays without its copy.",
}
"""Histories of every day that still end badly, and why. Who mends one takes it from here and keeps it as a regression;
the commands count them as broken like any other."""


def parts() -> list[Part]:
    """All of it: the slow ones first, so that no process ends long after the others."""
    played: list[Part] = [("planted", bug.name, 0, 0) for bug in PLANTED if bug.name in QUICK]
    played += [("singles", s.name, s.seed % OF_SINGLES, OF_SINGLES) for s in SCENARIOS]
    for kind in KINDS:
        number = NUMBERS.get(kind, OF_OTHERS)
        played += traces(kind, 0, number)
        played += [("histories", kind, *seeds) for seeds in cut(0, number)]
    return played
