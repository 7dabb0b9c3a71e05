"""What the system knows about a process, and how measured figures are shown: always beside what they are compared with.

Nothing in here judges a figure: times and sizes belong to the machine they were taken on, so they are printed and kept
in a file, never asserted.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
OUTPUT = _ROOT / "test-output" / "benchmarks"
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a process, in MiB.

    Args:
        rss: its resident pages.
        pss: the same, with shared pages divided among those that share them.
    """

    rss: float
    pss: float


def memory(pid: int) -> Memory:
    """The memory of one process (proc_pid_status(5), smaps_rollup of proc_pid_smaps(5))."""
    folder = Path(f"/proc/{pid}")
    rss = _number(r"^VmRSS:\s+(\d+) kB", (folder / "status").read_text())
    pss = _number(r"^Pss:\s+(\d+) kB", (folder / "smaps_rollup").read_text())
    return Memory(rss / _KIB, pss / _KIB)


def wake_ups(pid: int) -> int:
    """How often the threads of a process were woken: their voluntary context switches since they began."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(_number(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text()) for task in tasks)


def processor_seconds(pid: int) -> float:
    """The processor time that a process used so far (proc_pid_stat(5)), in ticks of mostly 10 ms.

    On a machine that others use as well it says more than the clock on the wall.
    """
    # The name of the program, in brackets, may hold anything.
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def at_share(values: Sequence[float], share: float) -> float:
    """The value that this share of all values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: Sequence[float], unit: str = "") -> str:
    """Median, least and most of some values, in words."""
    return f"{median(values):.3g}{unit} ({min(values):.3g}–{max(values):.3g})"


def load() -> float:
    """How many processes wanted to run in the last minute, on average."""
    return os.getloadavg()[0]


@dataclass
class Report:
    """The figures of one measurement.

    Args:
        name: its name, also of the file.
    """

    name: str
    rows: list[tuple[str, str]] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    began_with_load: float = field(default_factory=load)

    def add(self, what: str, words: str, values: Any) -> None:
        """Add a row: what was measured, how it is said, and the values behind it."""
        self.rows.append((what, words))
        self.values[what] = values

    def close(self) -> str:
        """Keep the figures in a file, and return them as a table."""
        about: Mapping[str, Any] = {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "load": [round(self.began_with_load, 2), round(load(), 2)],
        }
        OUTPUT.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"about": about, "values": self.values}, indent=1)
        (OUTPUT / f"{self.name}.json").write_text(content + "\n", "utf-8")
        wide = max((len(what) for what, _ in self.rows), default=0)
        lines = [f"{what:<{wide}}  {words}" for what, words in self.rows]
        line = f"{about['processor']}, {about['cores']} cores, Python {about['python']}, load {about['load']}"
        return "\n".join(["", f"--- {self.name}: {line}", *lines, ""])


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text, re.MULTILINE)
    assert found is not None, pattern
    return int(found[1])


def _processor() -> str:
    if sys.platform == "linux":
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.machine()
