"""Disks and folders that refuse, and many starts at once: the real app says what is the matter and breaks nothing.

The disks are real ones: a small file system in memory and a read-only one, mounted for one process alone.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.store.backups import is_sound
from tests.integration.playground import INHERITED, PASSPHRASE, ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts and users of Linux")

OPEN = """
import asyncio, json, os, sys
from app.domain.errors import KalendsError
from app.main import LocalHost

async def opened():
    handle = await LocalHost(os.environ).open("default", serve=False)
    return handle

def told(**what):
    print(json.dumps(what), flush=True)

def tried():
    async def work():
        try:
            handle = await opened()
        except KalendsError as error:
            return {"code": error.code, "message": error.message, "fix": error.fix}
        await handle.stop()
        return {"code": None}
    return asyncio.run(work())
"""

_STATEMENTS = """
INSERT = "INSERT INTO state (key, value) VALUES (?, ?)"
"""

FULL = (
    OPEN
    + _STATEMENTS
    + """
async def work():
    ballast = os.path.join(os.environ["KALENDS_HOME"], "somebody's film")
    with open(ballast, "wb") as file:
        file.write(bytes(4_000_000))
    handle = await opened()
    store = handle.core.sync._jobs._runs._database
    filled = 0
    try:
        while True:
            with store.transaction():
                store.change(INSERT, (f"filler-{filled}", "x" * 50_000))
            filled += 1
    except KalendsError as error:
        told(filled=filled, code=error.code, message=error.message)
    os.unlink(ballast)
    with store.transaction():
        store.change(INSERT, ("after", "it goes on"))
    await handle.stop()

asyncio.run(work())
told(again=tried())
"""
)

TWENTY = (
    OPEN
    + """
reading, writing = os.pipe()
children = []
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        os.read(reading, 1)  # all begin when the last is there
        async def work():
            try:
                handle = await opened()
            except KalendsError as error:
                return error.code
            # Held until every other one had its answer.
            await asyncio.to_thread(os.read, done_reading, 1)
            await handle.stop()
            return "writer"
        code = asyncio.run(work())
        sys.stdout.write(json.dumps({"code": code}) + chr(10))
        sys.stdout.flush()
        os._exit(0)
    children.append(pid)
"""
)


def environment(home: Path) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        "KALENDS_HOME": str(home),
        "KALENDS_VAULT": "passphrase",
        "KALENDS_VAULT_PASSPHRASE_FILE": str(home.parent / "passphrase"),
        "PYTHONWARNINGS": "error",
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "passphrase").write_text(PASSPHRASE, "utf-8")
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def said(ended: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def run(home: Path, script: str, *, mounted: str | None = None) -> subprocess.CompletedProcess[str]:
    """A process of its own; `mounted` is run before it, as root of a namespace where only it sees the mounts."""
    words = [sys.executable, "-c", script]
    if mounted is not None:
        words = ["unshare", "-rm", "sh", "-c", f'{mounted} && exec "$0" "$@"', *words]
    return subprocess.run(
        words, cwd=ROOT, env=environment(home), capture_output=True, text=True, check=False, timeout=100
    )


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


needs_mounts = pytest.mark.skipif(not can_mount(), reason="this user may mount nothing")


@needs_mounts
def test_on_a_full_disk_the_app_says_so_and_goes_on_when_there_is_room(home: Path) -> None:
    ended = run(home, FULL, mounted=f"mount -t tmpfs -o size=8m none '{home}'")
    full, again = said(ended)
    assert full["code"] == "database_full"
    assert full["filled"] > 5
    assert "full" in full["message"]
    assert again == {"again": {"code": None}}
    assert "Traceback" not in ended.stderr, "a log that cannot be written stays silent"


@needs_mounts
def test_a_disk_with_no_room_for_a_first_start_is_named_and_left_clean(home: Path) -> None:
    script = OPEN + "told(first=tried(), left=[f for _, _, fs in os.walk(os.environ['KALENDS_HOME']) for f in fs])"
    ended = run(home, script, mounted=f"mount -t tmpfs -o size=64k none '{home}'")
    (answer,) = said(ended)
    assert answer["first"]["code"] in ("database_full", "home_unwritable")
    assert "kalends.db" not in answer["left"]


@needs_mounts
def test_a_read_only_disk_is_named_with_the_way_out_and_nothing_changes(home: Path) -> None:
    assert said(run(home, OPEN + "told(first=tried())")) == [{"first": {"code": None}}]
    database = home / "data" / "kalends.db"
    before = database.read_bytes()
    ended = run(home, OPEN + "told(again=tried())", mounted=f"mount --bind -o ro '{home}' '{home}'")
    (answer,) = said(ended)
    assert answer["again"]["code"] == "home_unwritable"
    assert "KALENDS_HOME" in answer["again"]["fix"]
    assert database.read_bytes() == before
    assert is_sound(database)


def as_user(number: int, script: str) -> str:
    """The script as another user. A first start as this one imports all: the other may not read our interpreter."""
    warm = """
wanted = os.environ["KALENDS_HOME"]
os.environ["KALENDS_HOME"] = os.environ["KALENDS_VAULT_PASSPHRASE_FILE"].replace("passphrase", "warm")
assert tried() == {"code": None}
os.environ["KALENDS_HOME"] = wanted
"""
    return OPEN + warm + f"os.setgroups([])\nos.setgid({number})\nos.setuid({number})\n" + script


needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="becomes other users")


def lead_others_to(home: Path) -> None:
    """Let other users pass the folders above, which pytest closes to them: there is one more for each process."""
    for above in home.parents:
        if not above.stat().st_mode & stat.S_IXOTH:
            above.chmod(0o755)


@needs_root
def test_a_folder_that_the_user_may_not_write_is_named(home: Path) -> None:
    lead_others_to(home)
    (home.parent / "passphrase").chmod(0o644)
    home.chmod(0o755)
    (answer,) = said(run(home, as_user(65_534, "told(first=tried())")))
    assert answer["first"]["code"] == "home_unwritable"
    assert str(home) in answer["first"]["message"]
    assert list(home.iterdir()) == []


@needs_root
def test_two_users_of_one_computer_see_nothing_of_each_other_and_both_start(home: Path) -> None:
    lead_others_to(home)
    (home.parent / "passphrase").chmod(0o644)
    home.chmod(0o777)
    homes = {number: home / str(number) for number in (65_533, 65_534)}
    for number, own in homes.items():
        assert said(run(own, as_user(number, "told(first=tried())"))) == [{"first": {"code": None}}]
    mine, theirs = homes.values()
    peek = f"""
seen = []
for name in ("data/kalends.db", "state/log/kalends.log", "data"):
    try:
        (os.listdir if name == "data" else open)(os.path.join({str(theirs)!r}, name))
        seen.append(name)
    except PermissionError:
        pass
told(seen=seen)
os.environ["KALENDS_HOME"] = {str(theirs)!r}
told(started=tried())
"""
    looked, started = said(run(mine, as_user(65_533, peek)))
    assert looked == {"seen": []}
    assert started["started"]["code"] == "home_unwritable"


def test_of_twenty_starts_at_once_one_writes_and_the_others_are_told(home: Path) -> None:
    script = (
        "import os\ndone_reading, done_writing = os.pipe()\n"
        + TWENTY
        + """
os.close(reading)
for _ in children:
    os.write(writing, b"x")
os.close(writing)
# Nineteen end by themselves; then the one that writes may end as well.
for _ in range(19):
    os.wait()
os.write(done_writing, b"x")
os.wait()
"""
    )
    answers = sorted(answer["code"] for answer in said(run(home, script)))
    assert answers == ["database_locked"] * 19 + ["writer"]
    assert is_sound(home / "data" / "kalends.db")
