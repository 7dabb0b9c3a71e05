"""As shipped, against the providers' own host names over TLS: what no override leads elsewhere arrives where it should.

It needs root for namespaces of its own (unshare(1)), in which nothing but this machine exists.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# A process namespace as well: when the first process of it is killed, everything it started is.
APART = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
SECONDS = 110


def _run(command: Sequence[str | Path], seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
    )


def _obstacle() -> str | None:
    """Why this machine cannot run it, None when it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "namespaces need Linux and root"
    if shutil.which("unshare") is None:
        return "unshare is missing"
    tried = _run([*APART, "mount", "--bind", "/etc/hosts", "/etc/hosts"], 10)
    return f"this root may make no namespaces: {tried.stderr.strip()}" if tried.returncode else None


def test_the_app_as_shipped_signs_in_pairs_and_syncs_at_the_providers_own_names(tmp_path: Path) -> None:
    obstacle = _obstacle()
    if obstacle:
        pytest.skip(obstacle)
    done = _run([*APART, sys.executable, "-m", "tests.integration.production.inside", tmp_path], SECONDS)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["way_out"] == "ENETUNREACH"
    assert seen["pages"] == ["accounts.google.com", "login.microsoftonline.com"]
    assert set(seen["hosts"]) == {
        "accounts.google.com",
        "oauth2.googleapis.com",
        "www.googleapis.com",
        "login.microsoftonline.com",
        "graph.microsoft.com",
    }
    assert sorted(status for _, _, status in seen["accounts"]) == ["connected", "connected"]
    # A pair runs once by itself as soon as it is made: either run below may have found everything done.
    for run in seen["runs"]:
        assert (run["status"], run["events_failed"], run["errors"]) == ("success", 0, [])
    assert seen["runs"][1]["events_processed"] == 0
    assert seen["titles"]["Busy"] > 20
    assert seen["exit"] == 0, seen["said"]
    assert seen["exchanges"] > 20
    assert seen["findings"] == []
