"""Every await and every commit of the scenarios meets every fault: a share of them every day, all by command."""

from __future__ import annotations

import pytest

from tests.simulation.exhaustive import KINDS, StruckHistory, pairs, singles, strike
from tests.simulation.scenarios import SCENARIOS, Scenario

EVERY = 17
"""Each so many-th fault is the first of pairs every day; single ones are struck by `everyday`."""
EVERY_PAIR = 211
PAIRED = [scenario for scenario in SCENARIOS if scenario.pairs]
SINGLY = [scenario for scenario in SCENARIOS if not scenario.pairs]


def name_of(scenario: Scenario) -> str:
    return scenario.name.replace(" ", "_")


@pytest.mark.parametrize("scenario", PAIRED, ids=name_of)
def test_no_pair_of_faults_breaks_a_promise(scenario: Scenario) -> None:
    for number, first in enumerate(list(singles(scenario))[scenario.seed % EVERY :: EVERY]):
        for both in list(pairs(scenario, first))[number::EVERY_PAIR]:
            assert strike(scenario, both) is None, both


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
def test_no_single_fault_of_all_breaks_a_promise(scenario: Scenario) -> None:
    for fault in singles(scenario):
        assert strike(scenario, [fault]) is None, fault


def test_the_scenarios_are_enough_and_meet_every_kind_of_fault() -> None:
    assert len(SINGLY) >= 10
    assert len(PAIRED) >= 3
    met = {(point, kind) for scenario in SCENARIOS for point, kind in _struck(scenario)}
    assert met == {(point, kind) for point, kinds in KINDS.items() for kind in kinds}


def _struck(scenario: Scenario) -> set[tuple[str, str]]:
    history = StruckHistory(scenario)
    history.play()
    written = [change for calendar in history.calendars.values() for change in calendar.log if change.by == "kalends"]
    assert written, f"nothing is ever written in {scenario.name}"
    return {(point, kind) for point in history.faults.points for kind in KINDS[point]}
