"""Making a failing history small, and keeping it: fewer acts of people, then fewer faults, as long as it still fails.

Greedy, in halves first: an act draws from a random source of its own number, so that leaving one out changes no other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.simulation.history import History
from tests.simulation.oracle import Violation
from tests.simulation.plans import KINDS, Plan

REGRESSIONS = Path(__file__).parent / "regressions"
Name = Callable[[Plan, frozenset[int]], Plan]


def breaks(plan: Plan) -> Violation | None:
    """The broken promise of a history, None if it ends well."""
    try:
        History(plan).play()
    except Violation as broken:
        return broken
    return None


def shrink(plan: Plan) -> Plan:
    """The same history with as little in it as still breaks the same promise."""
    history = History(plan)
    try:
        history.play()
    except Violation as broken:
        promise = broken.promise
    else:
        raise ValueError(f"seed {plan.seed} breaks no promise")
    acts, faults = range(1, history.people.number + 1), tuple(history.weather.struck)
    plan = _without(plan, acts, lambda p, numbers: replace(p, skipped_acts=numbers), plan.skipped_acts, promise)
    return _without(plan, faults, lambda p, numbers: replace(p, skipped_faults=numbers), plan.skipped_faults, promise)


def _without(plan: Plan, numbers: Iterable[int], name: Name, skipped: frozenset[int], promise: int) -> Plan:
    rest = [number for number in numbers if number not in skipped]
    size = len(rest)
    while size:
        for start in range(0, len(rest), size):
            fewer = skipped | set(rest[start : start + size])
            broken = breaks(name(plan, fewer)) if fewer != skipped else None
            if broken is not None and broken.promise == promise:
                skipped = fewer
        rest = [number for number in rest if number not in skipped]
        size = min(size // 2, len(rest))
    return name(plan, skipped)


def write_regression(kind: str, plan: Plan) -> Path:
    """Keep a small failing history, to be played for ever."""
    broken = breaks(plan)
    path = REGRESSIONS / f"{kind}_{plan.seed}.json"
    told = {
        "kind": kind,
        "seed": plan.seed,
        "skipped_acts": sorted(plan.skipped_acts),
        "skipped_faults": sorted(plan.skipped_faults),
        "broke": str(broken)[:300] if broken is not None else "",
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return path


def read_regression(path: Path) -> Plan:
    """The history that a regression file keeps."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    plan = KINDS[told["kind"]](told["seed"])
    return replace(plan, skipped_acts=frozenset(told["skipped_acts"]), skipped_faults=frozenset(told["skipped_faults"]))
