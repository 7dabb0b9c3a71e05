"""`python -m tests.simulation --seeds A..B --jobs N`: many histories, in parts that can be stopped and gone on with.

One JSON file holds what was played: numbers by kind, every broken promise with its seed, and the parts that are done.
A second call with the same file plays only what is missing. Each 50th history is played twice in processes with other
hash seeds, and must leave the same trace.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.simulation.oracle import PROMISES
from tests.simulation.parts import play_part, trace
from tests.simulation.plans import KINDS
from tests.simulation.shrinking import shrink, write_regression

PART = 25
"""Histories of one part."""
REPORT = Path("simulation-report.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play; returns 0 if no promise was broken."""
    chosen = _parser().parse_args(arguments)
    if chosen.trace:
        kind, seed = chosen.trace.split(":")
        _say(trace(kind, int(seed)))
        return 0
    first, last = (int(number) for number in chosen.seeds.split(".."))
    kinds = chosen.kinds.split(",") if chosen.kinds else list(KINDS)
    report = _read(chosen.report)
    parts = [part for part in _parts(kinds, first, last) if _name(*part) not in report["done"]]
    with multiprocessing.get_context("spawn").Pool(chosen.jobs) as pool:
        for kind, begin, end, told in pool.imap_unordered(play_part, parts):
            _add(report, kind, begin, end, told)
            _write(chosen.report, report)
            _say(f"{kind} {begin}..{end}: {len(told['violations'])} broken")
    _tell(report)
    if chosen.shrink:
        for kind, seed, _ in report["violations"]:
            _say(f"wrote {write_regression(kind, shrink(KINDS[kind](seed)))}")
    return 1 if report["violations"] or report["traces_differ"] else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Play many histories.")
    parser.add_argument("--seeds", default="0..100", help="A..B: seeds from A on, before B")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--kinds", help=f"some of {','.join(KINDS)}; all by default")
    parser.add_argument("--report", type=Path, default=REPORT, help="where results add up; the same file goes on")
    parser.add_argument("--shrink", action="store_true", help="make each failure small and keep it as a regression")
    parser.add_argument("--trace", help="KIND:SEED: print the trace hash of one history")
    return parser


def _parts(kinds: Sequence[str], first: int, last: int) -> Iterator[tuple[str, int, int]]:
    for begin in range(first, last, PART):
        for kind in kinds:
            yield kind, begin, min(begin + PART, last)


def _name(kind: str, begin: int, end: int) -> str:
    return f"{kind} {begin}..{end}"


def _read(report: Path) -> dict[str, Any]:
    if report.exists():
        return dict(json.loads(report.read_text(encoding="utf-8")))
    return {"done": [], "kinds": {}, "violations": [], "traces_differ": []}


def _write(report: Path, told: dict[str, Any]) -> None:
    beside = report.with_suffix(".new")
    beside.write_text(json.dumps(told, indent=1), encoding="utf-8")
    beside.replace(report)


def _add(report: dict[str, Any], kind: str, begin: int, end: int, told: dict[str, Any]) -> None:
    report["done"].append(_name(kind, begin, end))
    report["violations"] += told["violations"]
    report["traces_differ"] += told["traces_differ"]
    sums = report["kinds"].setdefault(kind, {"histories": 0, "requests": 0, "writes": 0, "faults": 0, "seconds": 0.0})
    sums["histories"] += end - begin
    for name in ("requests", "writes", "faults", "seconds"):
        sums[name] = round(sums[name] + told[name], 1)


def _tell(report: dict[str, Any]) -> None:
    for kind, sums in report["kinds"].items():
        _say(f"{kind}: " + ", ".join(f"{value:g} {name}" for name, value in sums.items()))
    for promise, text in PROMISES.items():
        broken = [
            f"{kind}:{seed}" for kind, seed, said in report["violations"] if said.startswith(f"promise {promise} ")
        ]
        _say(f"promise {promise} ({text}): {len(broken)} broken {' '.join(broken)}".rstrip())
    _say(f"traces that differ: {len(report['traces_differ'])}")


if __name__ == "__main__":
    sys.exit(main())
