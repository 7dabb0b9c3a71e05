"""Many short lives of Kalends, each from its seed: whatever people, services and power cuts do, it ends well.

`python -m tests.simulation` plays many more. A broken promise names the kind of history and the seed, which play it
again.
"""

from __future__ import annotations

import pytest

from tests.simulation.history import History
from tests.simulation.oracle import PROMISES, Violation
from tests.simulation.parts import caught
from tests.simulation.plans import KINDS
from tests.simulation.planted import LOOKED_THROUGH, PLANTED, Planted

EVERY_DAY = {"one_way": 24, "both_ways": 16}
"""Histories of a kind in the everyday run."""
OF_OTHERS = 10
FULL = 400
CHUNK = 50


def play(kind: str, seeds: range) -> None:
    for seed in seeds:
        try:
            History(KINDS[kind](seed)).play()
        except Violation as broken:
            pytest.fail(f"{kind}, seed {seed}: {broken}")


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_right_in_the_end(kind: str) -> None:
    play(kind, range(EVERY_DAY.get(kind, OF_OTHERS)))


@pytest.mark.full
@pytest.mark.parametrize("start", range(0, FULL, CHUNK))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(900)
def test_all_is_right_in_the_end_of_many_more(kind: str, start: int) -> None:
    play(kind, range(start, start + CHUNK))


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: Planted) -> None:
    with pytest.MonkeyPatch.context() as patch:
        bug.plant(patch)
        found = caught(bug)
    assert found is not None, f"{LOOKED_THROUGH} histories did not see it"
    seed, broken = found
    assert broken.promise in bug.promises, f"caught in seed {seed}, but as another: {broken}"
    History(bug.histories(seed)).play()  # and it is the bug alone that breaks it


def test_every_promise_has_a_planted_bug_that_breaks_it() -> None:
    assert {promise for bug in PLANTED for promise in bug.promises} == set(PROMISES)
    assert len(PLANTED) >= 25
