"""One writer: a second one is refused with the process that is in the way, and a dead one is in nobody's way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.domain.errors import StorageError
from app.system.instance import SingleWriter

_HOLD = """
import sys
from pathlib import Path
from app.system.instance import SingleWriter
writer = SingleWriter(Path(sys.argv[1]))
writer.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def _holder(lock: Path) -> subprocess.Popen[str]:
    root = str(Path(__file__).resolve().parents[3])
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_and_told_which_one_holds_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "kalends.lock"
    with _holder(lock) as process:
        try:
            with pytest.raises(StorageError) as caught:
                SingleWriter(lock).acquire()
        finally:
            process.kill()
    assert caught.value.code == "database_locked"
    assert str(process.pid) in caught.value.message
    assert caught.value.fix is not None


def test_a_killed_holder_is_in_nobodys_way(tmp_path: Path) -> None:
    lock = tmp_path / "kalends.lock"
    with _holder(lock) as process:
        process.kill()
    with SingleWriter(lock):
        assert lock.exists()


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    lock = tmp_path / "kalends.lock"
    first, second = SingleWriter(lock), SingleWriter(lock)
    first.acquire()
    with pytest.raises(StorageError):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
    second.release()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as caught:
        SingleWriter(tmp_path / "file" / "kalends.lock").acquire()
    assert caught.value.code == "home_unwritable"
