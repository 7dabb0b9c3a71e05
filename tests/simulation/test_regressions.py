"""Small histories that once broke a promise: they end well for ever. And how they are made small."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.history import History
from tests.simulation.planted import PLANTED
from tests.simulation.shrinking import REGRESSIONS, breaks, read_regression, shrink

KEPT = sorted(REGRESSIONS.glob("*.json"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_history_that_once_failed_ends_well(path: Path) -> None:
    History(read_regression(path)).play()


def test_a_failing_history_is_made_small_and_still_fails_the_same_way() -> None:
    bug = next(bug for bug in PLANTED if bug.name == "gone_originals_are_ignored")
    with pytest.MonkeyPatch.context() as patch:
        bug.plant(patch)
        plan = bug.histories(0)
        before = breaks(plan)
        small = shrink(plan)
        after = breaks(small)
    assert before is not None
    assert after is not None
    assert before.promise == after.promise
    assert len(small.skipped_acts) > 5
    assert breaks(small) is None
