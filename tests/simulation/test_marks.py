"""Recovery that is never needed is never tested: every way back from trouble in the engine is taken in some history.

Every arm of every condition in the modules that recover is counted, from outside: nothing in the engine knows of it.
Those listed in `taken.txt` have to be taken; those that no history takes are named in the output.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from app.engine import asking, closing, original_writer, recovery, writer
from tests.simulation.branches import Watch
from tests.simulation.exhaustive import StruckHistory, singles
from tests.simulation.history import History
from tests.simulation.oracle import Violation
from tests.simulation.plans import BACK_AND_FORTH, KINDS, TWO_MACHINES
from tests.simulation.planted import FREE_AGAIN, NAMES, RESTORED, WRITTEN_BACK, histories
from tests.simulation.scenarios import SCENARIOS

MODULES = [recovery, closing, asking, original_writer, writer]
LISTED = Path(__file__).with_name("taken.txt")
CARRYING = histories(BACK_AND_FORTH, WRITTEN_BACK, trouble=0.25, undoes=True, stops=True)
NAMED_BY_SERVICE = histories(BACK_AND_FORTH, WRITTEN_BACK, trouble=0.25, a=NAMES, b=FREE_AGAIN)
SEVERAL = histories(TWO_MACHINES, RESTORED, trouble=0.2, b=NAMES, audits=True)
OTHERS = ("budget", "two_machines", "both_ways", "blocks", "one_of_two_retires", "ring")
UNDONE = [scenario for scenario in SCENARIOS if any("undo" in stage for stage in scenario.stages)]
EACH = 5
"""Of the single faults of the scenarios that undo, each so many-th."""
SEEDS = 12


def played() -> Iterator[History]:
    """Histories that take many ways."""
    for scenario in UNDONE:
        for fault in list(singles(scenario))[::EACH]:
            yield StruckHistory(scenario, [fault])
    for seed in range(SEEDS):
        for plan in (CARRYING(seed), NAMED_BY_SERVICE(seed), SEVERAL(seed), *(KINDS[kind](seed) for kind in OTHERS)):
            yield History(plan)


@pytest.mark.timeout(3600)  # a minute where nothing else is going on
def test_every_listed_way_back_from_trouble_is_taken_in_some_history() -> None:
    watch = Watch(MODULES)
    written = {line for line in LISTED.read_text(encoding="utf-8").splitlines() if line}
    listed = written & watch.all
    assert len(listed) > 0.8 * len(written), f"{LISTED.name} tells of ways that are no more: {sorted(written - listed)}"
    for history in played():
        # Whether all is right in the end is for other tests to say.
        with watch.watching(), suppress(Violation):
            history.play()
        if not watch.missing & listed:
            break
    sys.stdout.write("\n".join(("never taken:", *sorted(watch.missing), "")))
    assert not watch.missing & listed
