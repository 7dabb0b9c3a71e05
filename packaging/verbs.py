"""The verbs of ``dev.py``: run, test, check, bench and lock.

Each sets up what it needs and hands over to the app, pytest, the checkers or uv. Whether there is a screen is for the
app to find out, not for this file; so are the app's arguments.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from environment import environment_python, set_up, set_up_judges
from system_packages import QT_PACKAGES, QT_SCREEN_PACKAGES
from terminal import ROOT, Stop, attempt, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What a suite needs from the system. A suite that is not named here may open windows off screen.
PLAIN_SUITES = ("unit", "contract", "simulation")
# A desktop of the tests' own: a screen, a window manager, a tray, a bus and what reads the screen over it, a keyring,
# and a browser with its driver.
DESKTOP_PACKAGES = (
    *("xvfb", "openbox", "xdotool", "trayer"),
    *("dbus-daemon", "at-spi2-core", "gnome-keyring"),
    *("chromium", "chromium-driver"),
)
SUITE_PACKAGES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(PLAIN_SUITES, ()),
    "e2e": (*QT_PACKAGES, *QT_SCREEN_PACKAGES, *DESKTOP_PACKAGES),
}

# Measured is the app on a desktop; no browser is in it, and no tray host but the measurements' own.
BENCH_PACKAGES = tuple(
    name for name in SUITE_PACKAGES["e2e"] if name not in ("trayer", "at-spi2-core", "chromium", "chromium-driver")
)

USAGE = """\
usage: python3 packaging/dev.py run [ARGUMENTS OF kalends]
       python3 packaging/dev.py test [SUITE ...] [--full] [ARGUMENTS OF pytest]
       python3 packaging/dev.py check
       python3 packaging/dev.py bench [CASE ...]
       python3 packaging/dev.py lock [ARGUMENTS OF uv pip compile]"""


class Selection(NamedTuple):
    """What ``test`` was asked for: the suites by folder name, and what pytest gets besides."""

    suites: tuple[str, ...]
    arguments: tuple[str, ...]

    @property
    def everything(self) -> bool:
        """True when neither a suite nor a file was named: the checkers run too."""
        return not self.suites and not self.names_files

    @property
    def names_files(self) -> bool:
        """True when single files, folders or tests were named: somebody works on them, and they run in one process."""
        return any(is_file(word) for word in self.arguments)

    @property
    def plain(self) -> bool:
        """True when only suites were named, and none of them opens a window."""
        return bool(self.suites) and all(suite in PLAIN_SUITES for suite in self.suites)

    @property
    def judged(self) -> bool:
        """True when tests of the contract suite, where others' programs judge ours, may be among them."""
        return not self.suites or "contract" in self.suites


def become(command: Sequence[str | Path]) -> int:
    """Hands over to a program: its exit code and its signals are this command's own. Returns only on Windows."""
    words = [str(word) for word in command]
    sys.stderr.flush()
    if os.name != "nt":
        os.execv(words[0], words)  # noqa: S606 - replaced on purpose, without a shell
    with contextlib.suppress(KeyboardInterrupt):  # the child got it too, and its exit code is what counts
        return subprocess.call(words)
    return 130


def is_file(word: str) -> bool:
    """True for an argument of pytest that names a file or folder, or a test in one (``file.py::test``)."""
    return not word.startswith("-") and Path(word.split("::")[0]).exists()


def suites_there() -> list[str]:
    """The suites there are: the folders of tests/ that hold tests."""
    return sorted({path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/test_*.py")})


def selection(words: Sequence[str], suites: Iterable[str]) -> Selection:
    """Reads the words after ``test``: suites first, everything else is pytest's. Raises Stop on an unknown suite."""
    known = set(suites)
    named = 0
    while named < len(words) and words[named] in known:
        named += 1
    rest = list(words[named:])
    if rest and not rest[0].startswith("-") and not is_file(rest[0]):
        raise Stop(f"there is no suite and no file {rest[0]}; the suites are: {', '.join(sorted(known))}", 2)
    return Selection(tuple(words[:named]), tuple(rest))


def needed_packages(chosen: Selection) -> tuple[str, ...]:
    """The system packages that the chosen tests need; those of every suite when no suite is named."""
    suites = chosen.suites or suites_there()
    return tuple(dict.fromkeys(name for suite in suites for name in SUITE_PACKAGES.get(suite, QT_PACKAGES)))


def pytest_command(chosen: Selection, python: Path) -> list[str]:
    """The pytest command of a selection. Suites that need no Qt run without its plugin, which would load it.

    Whole suites share the processors among processes, a file to each in the order of the folders, and what the tests
    print stays with the test; the arguments come last, so that ``-n 0`` takes that back.
    """
    without_qt = ["-p", "no:pytest-qt"] if chosen.plain else []
    shared = [] if chosen.names_files else ["-n", "auto", "--maxprocesses", "8", "--no-loadscope-reorder"]
    folders = [f"tests/{suite}" for suite in chosen.suites]
    return [str(python), "-m", "pytest", *without_qt, *shared, *folders, *chosen.arguments]


def run(words: Sequence[str]) -> int:
    """Starts the app with these arguments."""
    set_up("run", (*QT_PACKAGES, *QT_SCREEN_PACKAGES), needs_packages=False)
    # -P: a folder app/ where the person happens to stand is not our app.
    return become([environment_python(), "-P", "-m", "app", *words])


def check(words: Sequence[str]) -> int:
    """Runs ruff, mypy and the import rules; the first that finds something ends it."""
    if words:
        raise Stop(f"check takes no arguments\n{USAGE}", 2)
    set_up("test", (), needs_packages=False)
    tools = environment_python().parent
    for command in (["ruff", "check", "."], ["mypy"], ["lint-imports"]):
        code = attempt([tools / command[0], *command[1:]])
        if code:
            say(f"{command[0]} found something to mend")
            return code
    return 0


def test(words: Sequence[str]) -> int:
    """Runs the suites named, or the checkers and everything; the last line is pytest's summary."""
    os.chdir(ROOT)
    chosen = selection(words, suites_there())
    set_up("test", needed_packages(chosen), needs_packages=True)
    if chosen.judged:
        set_up_judges()
    if chosen.everything:
        code = check(())
        if code:
            return code
    if chosen.suites == ("simulation",) and "--full" in chosen.arguments:
        # Hours, in parts that add up in a file and can be gone on with: more than pytest is made for.
        return become([environment_python(), "-m", "tests.simulation", *chosen.arguments])
    return become(pytest_command(chosen, environment_python()))


def bench(words: Sequence[str]) -> int:
    """Runs the measurements named, or all: the files tests/benchmarks/bench_CASE.py."""
    folder = ROOT / "tests" / "benchmarks"
    cases = {path.stem[len("bench_") :]: path for path in sorted(folder.glob("bench_*.py"))}
    unknown = [word for word in words if word not in cases]
    if unknown or not cases:
        raise Stop(f"no measurement {' '.join(unknown)}; there are: {', '.join(cases) or 'none'}", 2)
    set_up("test", BENCH_PACKAGES, needs_packages=True)
    os.chdir(ROOT)
    # A measurement takes minutes, and a dump of every stack in the middle of it would only be noise.
    quiet = ["-q", "-s", "-o", "faulthandler_timeout=0"]
    return become([environment_python(), "-m", "pytest", *quiet, *(cases[name] for name in words or cases)])


def lock(words: Sequence[str]) -> int:
    """Writes every lock anew from its .in file, with uv; further arguments (--upgrade) are uv's."""
    uv = shutil.which("uv", path=os.pathsep.join([str(environment_python().parent), os.environ.get("PATH", "")]))
    if not uv:
        raise Stop("locking needs uv, which is not here; install it: python3 -m pip install uv")
    shape = ["--universal", "--python-version", "3.11", "--generate-hashes"]
    silent = ["--no-emit-index-url", "--no-header", "--no-annotate", "--quiet"]
    for name in ("run", "test", "judges"):
        files = [f"packaging/{name}.in", "--output-file", f"packaging/{name}.lock"]
        code = attempt([uv, "pip", "compile", *files, *shape, *silent, *words])
        if code:
            return code
    return 0


def main(words: Sequence[str]) -> int:
    """Reads the verb and does it; returns the exit code."""
    verbs = {"run": run, "test": test, "check": check, "bench": bench, "lock": lock}
    try:
        if not words or words[0] not in verbs:
            asked = bool(words) and words[0] in ("-h", "--help", "help")
            raise Stop(USAGE if asked else f"which command?\n{USAGE}", 0 if asked else 2)
        return verbs[words[0]](words[1:])
    except Stop as stop:
        say(str(stop))
        return stop.code
    except KeyboardInterrupt:
        say("interrupted")
        return 130
