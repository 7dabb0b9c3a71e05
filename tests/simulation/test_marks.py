"""Recovery that is never needed is never tested: every way back from trouble in the engine is taken in some history.

Every arm of every condition in the modules that recover is counted, from outside: nothing in the engine knows of it. An
arm that no history takes is named here with the reason, and the unit tests that take it.
"""

from __future__ import annotations

import pytest

from app.engine import asking, closing, original_writer, recovery, writer
from tests.simulation.branches import Watch
from tests.simulation.history import History
from tests.simulation.plans import BACK_AND_FORTH, KINDS, Plan
from tests.simulation.planted import WRITTEN_BACK, histories

MODULES = [recovery, closing, asking, original_writer, writer]
NOT_TAKEN = {
    "asking.Asker.ask: if self._asked + len(new_sources) + len(new_targets) > ASK_AT_MOST": "no history asks 200 times",
    "recovery._creates.note: if event.marker is not None (no)": "a search by marker tells only what bears one",
    "writer.Writer._applied: if intent.op is Op.CREATE and (event is None or event.gone or event.fields is None)": (
        "the services of the simulation answer a dead event as one that exists"
    ),
}
"""Arms that no history can take. They are taken in tests/unit/engine."""
CARRYING = histories(BACK_AND_FORTH, WRITTEN_BACK, trouble=0.2)
AT_MOST = 40


def plans(seed: int) -> list[Plan]:
    return [CARRYING(seed), *(KINDS[kind](seed) for kind in ("undo", "two_machines", "both_ways", "blocks", "ring"))]


@pytest.mark.timeout(1800)
def test_every_way_back_from_trouble_is_taken_in_some_history() -> None:
    watch = Watch(MODULES)
    gone = NOT_TAKEN.keys() - watch.all
    assert not gone, f"these are no ways any more: {sorted(gone)}"
    for seed in range(AT_MOST):
        for plan in plans(seed):
            with watch.watching():
                History(plan).play()
        if watch.missing <= NOT_TAKEN.keys():
            break
    assert not watch.missing - NOT_TAKEN.keys()
