"""One part of many histories, played in a process of its own: a module with a name, so that processes can find it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from tests.simulation.history import History
from tests.simulation.oracle import Violation
from tests.simulation.plans import KINDS

TWICE_EVERY = 50


def trace(kind: str, seed: int) -> str:
    """The trace hash of one history, broken promise or not."""
    history = History(KINDS[kind](seed))
    try:
        history.play()
    except Violation as broken:
        return f"{history.trace()} {broken.promise}"
    return history.trace()


def play_part(part: tuple[str, int, int]) -> tuple[str, int, int, dict[str, Any]]:
    """Play seeds of a kind. Returns the part and what it came to."""
    kind, begin, end = part
    told: dict[str, Any] = {"violations": [], "traces_differ": [], "requests": 0, "writes": 0, "faults": 0}
    started = time.monotonic()
    for seed in range(begin, end):
        history = History(KINDS[kind](seed))
        try:
            history.play()
        except Violation as broken:
            told["violations"].append([kind, seed, str(broken)[:400]])
        told["requests"] += sum(len(calendar.requests) for calendar in history.calendars.values())
        told["writes"] += sum(c.by == "kalends" for x in history.calendars.values() for c in x.log)
        told["faults"] += len(history.weather.struck)
        if seed % TWICE_EVERY == 0 and len({_elsewhere(kind, seed, number) for number in ("1", "2")}) > 1:
            told["traces_differ"].append([kind, seed])
    told["seconds"] = round(time.monotonic() - started, 1)
    return kind, begin, end, told


def _elsewhere(kind: str, seed: int, hash_seed: str) -> str:
    """The trace hash in a process of its own."""
    command = [sys.executable, "-m", "tests.simulation", "--trace", f"{kind}:{seed}"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()
