"""The command for many histories: it adds up in one file and goes on where it stopped; hash seeds change nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.__main__ import main


def told(path: Path) -> dict[str, object]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_a_second_call_plays_only_what_is_missing(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = ["--kinds", "calm", "--jobs", "1", "--report", str(report), "--seeds"]
    assert main([*command, "1..3"]) == 0
    first = told(report)
    assert main([*command, "1..3"]) == 0
    assert told(report) == first
    assert main([*command, "3..4"]) == 0
    kinds = told(report)["kinds"]
    assert isinstance(kinds, dict)
    assert kinds["calm"]["histories"] == 3


@pytest.mark.parametrize("history", ["two_machines:2", "ring:1"])
def test_a_trace_is_the_same_whatever_the_seed_of_hashes(history: str) -> None:
    traces = {
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--trace", history],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "77")
    }
    assert len(traces) == 1
    assert len(traces.pop().split()[0]) == 64
