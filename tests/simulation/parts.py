"""One part of many histories, played in a process of its own: a module with a name, so that processes can find it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

import pytest

from tests.simulation.exhaustive import Fault, StruckHistory, pairs, singles
from tests.simulation.history import History
from tests.simulation.oracle import Violation
from tests.simulation.plans import KINDS
from tests.simulation.planted import LOOKED_THROUGH, PLANTED, Planted
from tests.simulation.scenarios import SCENARIOS

PART = 25
"""Histories of one part."""
TWICE_EVERY = 50
TRACED = 1000
"""Of so many histories those that are played twice more are one part."""

Part = tuple[str, str, int, int]
"""What is played: `histories` of a kind with seeds from, before; `traces` of those of them that are played once more
under other hash seeds; a `planted` bug; `singles` or `pairs` of faults of a
scenario, share number of so many."""


def trace(kind: str, seed: int) -> str:
    """The trace hash of one history, broken promise or not."""
    history = History(KINDS[kind](seed))
    try:
        history.play()
    except Violation as broken:
        return f"{history.trace()} {broken.promise}"
    return history.trace()


def cut(first: int, last: int, size: int = PART) -> list[tuple[int, int]]:
    """A range of seeds in parts."""
    return [(begin, min(begin + size, last)) for begin in range(first, last, size)]


def traces(kind: str, first: int, last: int) -> list[Part]:
    """Those parts of a range of seeds that are played twice more."""
    return [("traces", kind, *seeds) for seeds in cut(first, last, TRACED) if twice(*seeds)]


def play_part(part: Part) -> tuple[Part, dict[str, Any]]:
    """Play one part. Returns it and what it came to."""
    what, name, begin, end = part
    told: dict[str, Any] = {"violations": [], "traces_differ": [], "uncaught": [], "caught": {}}
    told |= dict.fromkeys(("histories", "requests", "writes", "faults"), 0)
    started = time.monotonic()
    gc.disable()  # one history leaves little behind: a tenth of the time went into looking for it
    if what == "histories":
        _histories(told, name, range(begin, end))
    elif what == "traces":
        _traces(told, name, twice(begin, end))
    elif what == "planted":
        _planted(told, next(bug for bug in PLANTED if bug.name == name))
    else:
        _struck(told, what, name, begin, end)
    gc.enable()
    gc.collect()
    told["seconds"] = round(time.monotonic() - started, 1)
    return part, told


def _histories(told: dict[str, Any], kind: str, seeds: Sequence[int]) -> None:
    for seed in seeds:
        _play(told, History(KINDS[kind](seed)), kind, seed)


def twice(begin: int, end: int) -> Sequence[int]:
    """Which of these seeds are played twice more."""
    return [seed for seed in range(begin, end) if seed % TWICE_EVERY == 0]


def _traces(told: dict[str, Any], kind: str, seeds: Sequence[int]) -> None:
    one, other = (_elsewhere(kind, seeds, number) for number in ("1", "2"))
    told["traces_differ"] += [[kind, seed] for seed, a, b in zip(seeds, one, other, strict=True) if a != b]


def _play(told: dict[str, Any], history: History, kind: str, seed: object) -> None:
    try:
        history.play()
    except Violation as broken:
        told["violations"].append([kind, seed, str(broken)[:400]])
    told["histories"] += 1
    told["requests"] += sum(len(calendar.requests) for calendar in history.calendars.values())
    told["writes"] += sum(c.by == "kalends" for x in history.calendars.values() for c in x.log)
    told["faults"] += len(history.weather.struck)


def caught(bug: Planted) -> tuple[int, Violation] | None:
    """The first seed that catches a bug that is planted now, and how; None if none does."""
    for seed in range(bug.first, bug.first + LOOKED_THROUGH):
        try:
            History(bug.histories(seed)).play()
        except Violation as broken:
            return seed, broken
    return None


def _planted(told: dict[str, Any], bug: Planted) -> None:
    with pytest.MonkeyPatch.context() as patch:
        bug.plant(patch)
        found = caught(bug)
    if found is None or found[1].promise not in bug.promises:
        told["uncaught"].append(bug.name)
        return
    told["caught"][bug.name] = found[0]
    _play(told, History(bug.histories(found[0])), f"planted {bug.name}", found[0])


def _struck(told: dict[str, Any], what: str, name: str, share: int, shares: int) -> None:
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    chosen: Sequence[Sequence[Fault]]
    if what == "singles":
        chosen = [[fault] for fault in islice(singles(scenario), share, None, shares)]
    else:
        chosen = [both for first in islice(singles(scenario), share, None, shares) for both in pairs(scenario, first)]
    for faults in chosen:
        history = StruckHistory(scenario, faults)
        _play(told, history, f"{what} of {name}", [list(fault) for fault in faults])
        told["faults"] += history.faults.struck


def _elsewhere(kind: str, seeds: Sequence[int], hash_seed: str) -> list[str]:
    """Trace hashes in a process of its own: one for many histories, as to start it takes as long as ten of them."""
    command = [sys.executable, "-m", "tests.simulation", "--trace", f"{kind}:{','.join(map(str, seeds))}"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
