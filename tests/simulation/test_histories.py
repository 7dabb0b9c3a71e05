"""Whole lives of Kalends, each from its seed: whatever people, services and power cuts do, it ends well.

`python -m tests.simulation` plays many more. A broken promise names the kind of history and the seed, which play it
again.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.simulation import everyday
from tests.simulation.__main__ import main
from tests.simulation.history import History
from tests.simulation.oracle import PROMISES, Violation
from tests.simulation.parts import caught
from tests.simulation.plans import KINDS
from tests.simulation.planted import LOOKED_THROUGH, PLANTED, Planted

FEW = 3
"""Histories of a kind in this process, so that a broken one can be looked at where it breaks."""


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_right_in_the_end(kind: str) -> None:
    for seed in range(100, 100 + FEW):
        try:
            History(KINDS[kind](seed)).play()
        except Violation as broken:
            pytest.fail(f"{kind}, seed {seed}: {broken}")


@pytest.mark.timeout(3600)  # six minutes on two cores that have nothing else to do
def test_what_is_played_every_day_keeps_every_promise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "everyday.json"
    main(["--everyday", "--report", str(report)])
    told = json.loads(report.read_text(encoding="utf-8"))
    broken = {f"{kind}:{seed}" for kind, seed, _ in told["violations"]}
    assert broken == set(everyday.OPEN), capsys.readouterr().out
    assert not told["traces_differ"]
    assert not told["uncaught"]
    assert told["kinds"]["one_way"]["histories"] >= 2000
    assert all(told["kinds"][kind]["histories"] >= 300 for kind in ("two_machines", "both_ways", "ring"))
    assert len(told["caught"]) == len(everyday.QUICK) >= 8


@pytest.mark.full
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
