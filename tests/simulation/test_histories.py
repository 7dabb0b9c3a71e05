"""Many short lives of Kalends, each from its seed: whatever people, services and power cuts do, it ends well.

`--full` plays many more seeds. A broken promise names the scenario and the seed; `History(seed, ...)` plays it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.domain.pairs import CopyDeleted, DirectionSettings, Mode
from tests.simulation.history import BACK_AND_FORTH, ONE_WAY, RING, TWO_MACHINES, History
from tests.simulation.machine import Topology
from tests.simulation.oracle import Violation
from tests.simulation.planted import PLANTED, Planted

EVERY_DAY = 12
RESTORED = DirectionSettings(mode=Mode.FULL, copy_deleted=CopyDeleted.RESTORE)
FULL = 600
CHUNK = 50
LOOKED_THROUGH = 150
"""Seeds in which a planted bug has to be caught."""

SCENARIOS: Mapping[str, tuple[Topology, Mapping[str, Any]]] = {
    "one_way": (ONE_WAY, {}),
    "calm": (ONE_WAY, {"trouble": 0}),
    "rough": (ONE_WAY, {"trouble": 0.2}),
    "both_ways": (BACK_AND_FORTH, {}),
    "ring": (RING, {}),
    "two_machines": (TWO_MACHINES, {}),
    # What the other installation deleted looks to the one left alone as if a person had: so it restores.
    "one_of_two_retires": (TWO_MACHINES, {"retires": True, "settings": RESTORED}),
    "ids_used_again": (TWO_MACHINES, {"burns_ids": False}),
    "lost_state": (ONE_WAY, {"forgets": True}),
}


def play(scenario: str, seeds: range) -> None:
    topology, how = SCENARIOS[scenario]
    for seed in seeds:
        try:
            History(seed, topology, **how).play()
        except Violation as broken:
            pytest.fail(f"{scenario}, seed {seed}: {broken}")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_all_is_right_in_the_end(scenario: str) -> None:
    play(scenario, range(EVERY_DAY))


@pytest.mark.full
@pytest.mark.parametrize("start", range(EVERY_DAY, FULL, CHUNK))
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.timeout(600)
def test_all_is_right_in_the_end_of_many_more(scenario: str, start: int) -> None:
    play(scenario, range(start, start + CHUNK))


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch)
    for seed in range(bug.first, bug.first + LOOKED_THROUGH):
        try:
            History(seed, bug.topology, **bug.how).play()
        except Violation:
            return
    pytest.fail(f"{bug.name} passed {LOOKED_THROUGH} histories unseen")


def test_a_history_is_the_same_each_time_it_is_played() -> None:
    logs = []
    for _ in range(2):
        history = History(5, TWO_MACHINES, settings=RESTORED)
        history.play()
        logs.append([(c.by, c.what, c.event_id) for n in ("a", "b") for c in history.calendars[n].log])
    assert logs[0] == logs[1]
