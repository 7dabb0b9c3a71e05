"""`python -m tests.simulation`: many histories, in parts that can be stopped and gone on with, summed in one file.

`--full` plays what resolves the question for good: every kind of history in its number, every planted bug, every single
fault of the scenarios and every pair of three of them. Without it: some kinds and seeds, to look for failures.

The file says which commit was played, what is done, and every broken promise with its seed. A second call with the same
file plays only what is missing; parts of another commit do not count. Each 50th history is played twice in processes
with other hash seeds, and must leave the same trace.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.simulation import everyday
from tests.simulation.oracle import PROMISES, ZEROS
from tests.simulation.parts import Part, cut, play_part, trace, traces
from tests.simulation.plans import KINDS
from tests.simulation.planted import PLANTED
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.shrinking import shrink, write_regression

SHARES = 16
"""Single faults of one scenario are cut into so many parts."""
SHARES_OF_PAIRS = 64
ONE_WAY = 20_000
"""One-way histories of the full command; of every other kind a fifth of it."""
REPORT = Path("simulation-report.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play; returns 0 if no promise was broken and every planted bug was caught."""
    chosen = _parser().parse_args(arguments)
    if chosen.trace:
        kind, _, seeds = chosen.trace.partition(":")
        for seed in seeds.split(","):
            _say(trace(kind, int(seed)))
        return 0
    report = _read(chosen.report)
    if report["commit"] != _commit():
        _say(f"{chosen.report} tells of {report['commit']}, and this is {_commit()}: name another file with --report.")
        return 2
    if chosen.full is not None:
        wanted = list(_full(chosen.full))
    elif chosen.pairs:
        wanted = list(_pairs())
    elif chosen.everyday:
        wanted = everyday.parts()
    else:
        first, last = (int(number) for number in chosen.seeds.split(".."))
        kinds = chosen.kinds.split(",") if chosen.kinds else list(KINDS)
        wanted = [("histories", kind, *seeds) for seeds in cut(first, last) for kind in kinds]
        wanted += [part for kind in kinds for part in traces(kind, first, last)]
    done = set(report["done"])
    parts = [part for part in wanted if _name(part) not in done]
    with multiprocessing.get_context("spawn").Pool(chosen.jobs) as pool:
        for part, told in pool.imap_unordered(play_part, parts):
            _add(report, part, told)
            _write(chosen.report, report)
            _say(f"{_name(part)}: {len(told['violations'])} broken")
    _tell(report, len(wanted))
    if chosen.shrink:
        for kind, seed, _ in report["violations"]:
            if kind in KINDS:
                _say(f"wrote {write_regression(kind, shrink(KINDS[kind](seed)))}")
    return 1 if report["violations"] or report["traces_differ"] or report["uncaught"] else 0


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
    parser.add_argument("--trace", help="KIND:SEED,SEED: print the trace hashes of some histories")
    parser.add_argument("--everyday", action="store_true", help="what is played every day")
    parser.add_argument("--pairs", action="store_true", help="every pair of faults of the short scenarios, no more")
    parser.add_argument(
        "--full",
        type=int,
        nargs="?",
        const=ONE_WAY,
        help=f"all kinds, bugs and faults; {ONE_WAY} one-way histories by default, of other kinds a fifth",
    )
    return parser


def _commit() -> str:
    """What is played: the commit, and whether files differ from it."""
    here, git = Path(__file__).parent, shutil.which("git") or "git"
    told = [
        subprocess.run([git, *words], cwd=here, capture_output=True, text=True, check=False).stdout.strip()
        for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    ]
    return (told[0] or "no commit") + (" and changes" if told[1] else "")


def _full(one_way: int) -> Iterator[Part]:
    """All parts: bugs and faults first, then histories with the kinds in turn, so that any stop leaves all of them."""
    for bug in PLANTED:
        yield "planted", bug.name, 0, 0
    for scenario in SCENARIOS:
        for share in range(SHARES):
            yield "singles", scenario.name, share, SHARES
    numbers = {kind: one_way if kind == "one_way" else one_way // 5 for kind in KINDS}
    for kind, number in numbers.items():
        yield from traces(kind, 0, number)
    kinds = {kind: cut(0, number) for kind, number in numbers.items()}
    turns = max(len(parts) // (5 if kind == "one_way" else 1) + 1 for kind, parts in kinds.items())
    for turn in range(turns):
        for kind, parts in kinds.items():
            at_once = 5 if kind == "one_way" else 1
            for begin, end in parts[turn * at_once : (turn + 1) * at_once]:
                yield "histories", kind, begin, end
    yield from _pairs()


def _pairs() -> Iterator[Part]:
    """Every pair of faults, the scenarios in turn."""
    for share in range(SHARES_OF_PAIRS):
        for scenario in SCENARIOS:
            if scenario.pairs:
                yield "pairs", scenario.name, share, SHARES_OF_PAIRS


def _name(part: Part) -> str:
    what, kind, begin, end = part
    if what in ("histories", "traces"):
        return f"{'' if what == 'histories' else 'traces of '}{kind} {begin}..{end}"
    return f"planted {kind}" if what == "planted" else f"{what} of {kind}, {begin + 1} of {end}"


def _read(report: Path) -> dict[str, Any]:
    if report.exists():
        return dict(json.loads(report.read_text(encoding="utf-8")))
    empty: dict[str, Any] = {"commit": _commit(), "done": [], "kinds": {}, "violations": [], "traces_differ": []}
    return empty | {"uncaught": [], "caught": {}}


def _write(report: Path, told: dict[str, Any]) -> None:
    beside = report.with_suffix(".new")
    beside.write_text(json.dumps(told, indent=1), encoding="utf-8")
    beside.replace(report)


def _add(report: dict[str, Any], part: Part, told: dict[str, Any]) -> None:
    what, kind, begin, end = part
    report["done"].append(_name(part))
    for name in ("violations", "traces_differ", "uncaught"):
        report[name] += told[name]
    report["caught"] |= told["caught"]
    if what in ("planted", "traces"):
        return
    kind = kind if what == "histories" else f"{what} of faults"
    sums = report["kinds"].setdefault(kind, {"histories": 0, "requests": 0, "writes": 0, "faults": 0, "seconds": 0.0})
    if what == "histories":
        seeds = sums.setdefault("seeds", [])
        _join(seeds, begin, end)
    for name in ("histories", "requests", "writes", "faults", "seconds"):
        sums[name] = round(sums[name] + told[name], 1)


def _join(seeds: list[list[int]], begin: int, end: int) -> None:
    """Add a range of seeds to ranges, in order and without gaps between neighbours."""
    joined: list[list[int]] = []
    for first, last in sorted([*seeds, [begin, end]]):
        if joined and joined[-1][1] >= first:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    seeds[:] = joined


def _tell(report: dict[str, Any], wanted: int) -> None:
    """The summary, from the file alone."""
    _say(f"commit: {report['commit']}; parts played: {len(report['done'])} of {wanted}")
    for kind, sums in report["kinds"].items():
        seeds = " ".join(f"{first}..{last}" for first, last in sums.get("seeds", []))
        numbers = ", ".join(f"{value:g} {name}" for name, value in sums.items() if name != "seeds")
        _say(f"{kind}: {numbers}{f' (seeds {seeds})' if seeds else ''}")
    caught = ", ".join(f"{name} (seed {seed})" for name, seed in sorted(report["caught"].items()))
    _say(f"planted bugs: {len(report['caught'])} caught, {len(report['uncaught'])} not: {caught or 'none played'}")
    for name in report["uncaught"]:
        _say(f"NOT CAUGHT: {name}")
    for promise, text in PROMISES.items():
        broken = [f"{kind}:{seed}" for kind, seed, said in report["violations"] if _is_of(said, (promise,))]
        _say(f"promise {promise} ({text}): {len(broken)} broken {' '.join(broken)}".rstrip())
    _say(
        "; ".join(
            f"{sum(1 for _, _, said in report['violations'] if _is_of(said, promises))} {name}"
            for name, promises in ZEROS.items()
        )
    )
    _say(f"traces that differ: {len(report['traces_differ'])}")


def _is_of(said: str, promises: Sequence[int]) -> bool:
    return any(said.startswith(f"promise {promise} ") for promise in promises)


if __name__ == "__main__":
    sys.exit(main())
