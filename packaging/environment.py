"""The environments of a checkout: what is set up in ``.venv``, what is left to do, and doing it once.

``.venv-judges`` is one more, for the clients and servers of others that tests hold ours against: what those need would
get in the way of what the app needs. Only ``test`` makes it.

It must install only what the locked lists beside this file name, with their hashes, from whatever index pip is set up
to use; and it must leave nothing half-made that a later start would take for complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import system_packages
from terminal import ROOT, Stop, attempt, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

LOCKS = ROOT / "packaging"
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "kalends-set-up.json"
SET_UP_LOCK = ROOT / ".venv.lock"
JUDGES = ROOT / ".venv-judges"
JUDGES_STAMP = JUDGES / "kalends-set-up.json"


def environment_python(folder: Path = ENVIRONMENT) -> Path:
    """The Python inside an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


class Wanted(NamedTuple):
    """What a verb needs in the environment: everything that, when it changes, makes a new set-up necessary."""

    level: str
    root: str
    python: str
    project: str
    locks: Mapping[str, str]


def wanted(level: str) -> Wanted:
    """What ``level`` (``run`` or ``test``) needs, read from the files of this checkout and the running Python."""

    def digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    locks = {name: digest(LOCKS / f"{name}.lock") for name in ("run", "test")}
    python = ".".join(map(str, sys.version_info[:2]))
    return Wanted(level, str(ROOT), python, digest(ROOT / "pyproject.toml"), locks)


def read_stamp(path: Path) -> dict[str, object]:
    """What the last complete set-up wrote down; empty when there was none or its note cannot be read."""
    try:
        stamp = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(path: Path, stamp: Mapping[str, object]) -> None:
    """Replaces the note in one step, so that a reader finds the old one, the new one or none."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(stamp, indent=1, sort_keys=True), encoding="utf-8")
    draft.replace(path)


def steps(stamp: Mapping[str, object], want: Wanted, *, python_exists: bool) -> tuple[str, ...]:
    """What is left to do, in order, of ``environment`` (made anew), ``packages`` and ``project``.

    There is no note while a set-up is under way: one that was killed leaves none and is begun again from the start,
    because pip takes a package that it had half unpacked for an installed one. ``test.lock`` holds all of ``run.lock``.
    """
    if not python_exists or stamp.get("root") != want.root or stamp.get("python") != want.python:
        return ("environment", "packages", "project")
    installed = stamp.get("locks")
    if not isinstance(installed, dict) or installed.get(want.level) != want.locks[want.level]:
        return ("packages", "project")
    return ("project",) if stamp.get("project") != want.project else ()


def stamp_after(stamp: Mapping[str, object], want: Wanted, todo: Sequence[str]) -> dict[str, object]:
    """The note of a complete set-up, from the one before it and the steps that were done."""
    locks = stamp.get("locks")
    if "packages" in todo:
        locks = dict(want.locks) if want.level == "test" else {"run": want.locks["run"]}
    return {**stamp, "root": want.root, "python": want.python, "project": want.project, "locks": locks}


@contextlib.contextmanager
def set_up_lock() -> Iterator[int]:
    """Holds the set-up lock; a second start waits here until the first has finished."""
    descriptor = os.open(SET_UP_LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        waiting = False
        while not try_lock(descriptor):
            if not waiting:
                say("another set-up of this checkout is under way, waiting for it")
            waiting = True
            time.sleep(0.2)
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Tries to take the lock on an open file once; the system gives it back when its last holder ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def has_module(name: str) -> bool:
    """True when this Python can import a module; the empty folder that a removed package left behind does not count."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


def outside_pip() -> bool:
    """True when this Python has a pip that can install into an environment from outside (22.3 or newer)."""
    reach = [sys.executable, "-m", "pip", "--python", sys.executable, "--version"]
    return has_module("pip") and subprocess.run(reach, capture_output=True, check=False).returncode == 0


def make_environment(lock: int, folder: Path = ENVIRONMENT) -> list[str]:
    """Makes an empty environment and returns the start of the command that installs into it."""
    python = environment_python(folder)
    if not has_module("ensurepip") and not outside_pip():
        package = system_packages.venv_package()
        if not system_packages.may_apt() or not system_packages.apt_install([package]):
            remedy = system_packages.sudo_apt([package])
            raise Stop(f"this Python can make no environment of its own; install what it lacks: {remedy}")
        importlib.invalidate_caches()
    if has_module("ensurepip"):
        if attempt([sys.executable, "-m", "venv", "--clear", folder], keep=lock):
            raise Stop(f"no environment could be made in {folder}; the reason stands above")
        return [str(python), "-m", "pip"]
    if attempt([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], keep=lock):
        raise Stop(f"no environment could be made in {folder}; the reason stands above")
    return [sys.executable, "-m", "pip", "--python", str(python)]


def existing_pip() -> list[str]:
    """The start of the command that installs into the environment there is (it may have been made without pip)."""
    python = str(environment_python())
    has_pip = subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode == 0
    return [python, "-m", "pip"] if has_pip else [sys.executable, "-m", "pip", "--python", python]


def set_up(level: str, packages: Sequence[str], *, needs_packages: bool) -> None:
    """Brings the environment to ``level`` and the system packages to ``packages``, doing only what is missing.

    ``needs_packages``: stop when a system package is missing and may not be installed; otherwise say so and go on.
    Raises Stop with the one sentence that helps.
    """
    want = wanted(level)

    def open_points() -> tuple[tuple[str, ...], dict[str, object], list[str]]:
        stamp = read_stamp(STAMP)
        known = stamp.get("system")
        seen = [str(name) for name in known] if isinstance(known, list) else []
        return steps(stamp, want, python_exists=environment_python().exists()), stamp, seen

    todo, _, seen = open_points()
    if not todo and set(packages) <= set(seen):
        return
    try:
        with set_up_lock() as lock:
            todo, stamp, seen = open_points()
            if not set(packages) <= set(seen) and system_packages.provide(packages, strict=needs_packages):
                seen = sorted({*seen, *packages})
            if todo:
                install(todo, want, lock)
                stamp = stamp_after(stamp, want, todo)
            if stamp.get("system") != seen or todo:
                write_stamp(STAMP, {**stamp, "system": seen})
    except OSError as error:
        raise Stop(f"setting up failed: {error}") from error


def install(todo: Sequence[str], want: Wanted, lock: int) -> None:
    """Does the steps. The note of the last set-up goes first: without it, whatever is left half-way is begun again."""
    if "packages" in todo:
        say("setting up in .venv; this happens once and takes about half a minute")
    STAMP.unlink(missing_ok=True)
    pip = make_environment(lock) if "environment" in todo else existing_pip()
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    if "packages" in todo:
        locked = ["--require-hashes", "-r", str(LOCKS / f"{want.level}.lock")]
        if attempt([*pip, "install", *quiet, *locked], keep=lock):
            raise Stop("the packages could not be installed; the reason stands above. Start again when it is mended")
    # Built with what the lock brought, from this folder alone: no network, whatever pip is configured to use.
    editable = ["--no-deps", "--no-build-isolation", "--no-index", "-e", str(ROOT)]
    bin_first = {"PATH": os.pathsep.join([str(environment_python().parent), os.environ.get("PATH", os.defpath)])}
    if attempt([*pip, "install", *quiet, *editable], keep=lock, extra=bin_first):
        raise Stop("Kalends itself could not be installed into .venv; the reason stands above")


def set_up_judges() -> None:
    """Makes ``.venv-judges`` as its lock names it, and anew when the lock or the Python changed.

    Raises Stop with the one sentence that helps.
    """
    locked = LOCKS / "judges.lock"
    want: dict[str, object] = {
        "root": str(ROOT),
        "python": ".".join(map(str, sys.version_info[:2])),
        "lock": hashlib.sha256(locked.read_bytes()).hexdigest(),
    }

    def ready() -> bool:
        return environment_python(JUDGES).exists() and read_stamp(JUDGES_STAMP) == want

    if ready():
        return
    try:
        with set_up_lock() as lock:
            if ready():
                return
            say("setting up the judges of the tests in .venv-judges; this happens once and takes under half a minute")
            JUDGES_STAMP.unlink(missing_ok=True)
            pip = make_environment(lock, JUDGES)
            # Not compiled: of the largest package's ten thousand files a test imports a few hundred.
            words = ["install", "--quiet", "--no-compile", "--require-hashes", "-r", str(locked)]
            if attempt([*pip, *words], keep=lock):
                raise Stop("the judges could not be installed; the reason stands above. Start again when it is mended")
            write_stamp(JUDGES_STAMP, want)
    except OSError as error:
        raise Stop(f"setting up the judges failed: {error}") from error
